"""Devices, names of dtypes, types of Tensors and the constructor answer as in PyTorch without a GPU, call by call."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg

torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")


def told(answer: Any) -> Any:
    """`answer` in words that both libraries share."""
    if isinstance(answer, tuple | list):
        return [told(entry) for entry in answer]
    if isinstance(answer, tg.Tensor | torch.Tensor):
        how = str(answer.dtype).removeprefix("torch.")
        return how, answer.tolist(), list(answer.shape), answer.requires_grad, str(answer.device)
    if isinstance(answer, np.dtype | torch.dtype):
        return str(answer).removeprefix("torch.")
    if isinstance(answer, tg.device | torch.device):
        return answer.type, answer.index, str(answer), repr(answer)
    return answer


def answer_of(m: Any, call: Callable[[Any], Any]) -> Any:
    """What `call` answers in the library `m`; "refused" if it raises an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return told(call(m))
        except (TypeError, ValueError, RuntimeError, AssertionError):
            return "refused"


def x(m: Any) -> Any:
    return m.tensor([0.0, 1.5, 2.5], requires_grad=True)


def linear(m: Any) -> Any:
    return m.nn.Linear(2, 1)


def form(net: Any) -> Any:
    """The dtypes and the devices of the parameters of `net`."""
    return [(str(p.dtype).removeprefix("torch."), str(p.device)) for p in net.parameters()]


DEVICES: list[Callable[[Any], Any]] = [
    lambda m: m.device("cpu"),
    lambda m: m.device("cpu", 0),
    lambda m: m.device("cuda"),
    lambda m: m.device("cuda:1"),
    lambda m: m.device("cuda", 1),
    lambda m: m.device("mps"),
    lambda m: m.device(m.device("cuda", 2)),
    lambda m: m.device(type="cuda", index=1),
    lambda m: m.device("cpu:0") == m.device("cpu"),
    lambda m: m.device("cuda:0") == m.device("cuda", 0),
    lambda m: hash(m.device("cuda:0")) == hash(m.device("cuda", 0)),
    lambda m: m.device("cpu") == "cpu",
    lambda m: m.device("gpu"),
    lambda m: m.device("CPU"),
    lambda m: m.device(""),
    lambda m: m.device("cuda:01"),
    lambda m: m.device("cuda:0", 1),
    lambda m: m.device(m.device("cuda"), 1),
    lambda m: m.device(0),
    lambda m: m.device(None),
    lambda m: m.get_default_device(),
    lambda m: (m.set_default_device("cpu"), m.set_default_device(None)),  # else PyTorch would stay in another mode
    lambda m: (m.accelerator.is_available(), m.accelerator.current_accelerator(), m.accelerator.device_count()),
    lambda m: m.accelerator.synchronize(),
    lambda m: m.cuda.is_available(),
    lambda m: m.cuda.device_count(),
    lambda m: (m.cuda.manual_seed(0), m.cuda.manual_seed_all(0), m.cuda.seed(), m.cuda.seed_all()),
    lambda m: (m.cuda.empty_cache(), m.cuda.is_initialized(), m.cuda.memory_allocated(), m.cuda.is_bf16_supported()),
    lambda m: m.cuda.manual_seed("a"),
    lambda m: m.cuda.synchronize(),
    lambda m: m.cuda.current_device(),
    lambda m: m.cuda.get_device_name(0),
    lambda m: (m.backends.cudnn.is_available(), m.backends.cudnn.version(), m.backends.cudnn.enabled),
    lambda m: (m.backends.cudnn.benchmark, m.backends.cudnn.deterministic, m.backends.cudnn.allow_tf32),
    lambda m: (m.backends.cuda.is_built(), m.backends.cuda.matmul.allow_tf32),
    lambda m: (m.backends.mps.is_available(), m.backends.mps.is_built(), m.mps.is_available(), m.xpu.is_available()),
    lambda m: (x(m).device, x(m).is_cuda, x(m).is_sparse, x(m).get_device(), x(m).is_pinned()),
    lambda m: x(m).pin_memory(),
    lambda m: x(m).cuda(),
    lambda m: x(m).cuda(0, non_blocking=True),
    lambda m: [x(m).to(device) for device in ("cpu", "cpu:0", m.device("cpu"), None)],
    lambda m: (x(m).cpu(), x(m).to(device="cpu"), x(m).to("cpu", non_blocking=True)),
    lambda m: x(m).to("cuda"),
    lambda m: x(m).to(0),
    lambda m: x(m).to("gpu"),
    lambda m: x(m).to("mps"),
    lambda m: m.zeros(2, device="cuda"),
    lambda m: m.zeros(2, device="gpu"),
    lambda m: m.zeros(2, device=3.5),
    lambda m: m.zeros(2, device=x(m)),
    lambda m: m.zeros(2, pin_memory=True),
    lambda m: m.zeros(2, device="cpu", pin_memory=False),
    lambda m: m.tensor([1], device="cpu", dtype=m.float64, requires_grad=True),
    lambda m: m.tensor([1], device="cuda"),
    lambda m: (m.eye(2, device="cpu"), m.arange(3, device="cpu"), m.linspace(0, 1, 3, device="cpu")),
    lambda m: (m.full((2,), 1.5, device="cpu"), m.ones_like(x(m), device="cpu"), m.zeros_like(x(m), device="cpu")),
    lambda m: (m.randn(2, device="cpu").shape, m.randint(0, 5, (2,), device="cpu").dtype),
    lambda m: (m.as_tensor([1, 2], dtype=m.float32), m.as_tensor(np.ones(2), device="cpu"), m.as_tensor(x(m))),
    lambda m: m.Generator("cpu").device,
    lambda m: m.Generator(device="cuda"),
    lambda m: form(m.nn.Linear(1, 2, True, "cpu", m.float64)),
    lambda m: m.nn.Linear(1, 2, True, None, None).bias is not None,
    lambda m: form(m.nn.BatchNorm1d(2, 1e-5, 0.1, True, True, "cpu", m.float64)),
    lambda m: form(m.nn.LayerNorm(2, 1e-5, True, True, "cpu", m.float64)),
    lambda m: m.nn.Linear(1, 2, device="cuda"),
    lambda m: m.nn.LayerNorm(2, device="cuda"),
    lambda m: [form(linear(m).to(*args)) for args in ((), ("cpu",), ("cpu", m.float64), (m.float64,), (None,))],
    lambda m: form(linear(m).to(m.ones(1, dtype=m.float64))),
    lambda m: form(linear(m).to(device="cpu", dtype=m.float64, non_blocking=True)),
    lambda m: form(linear(m).cpu()),
    lambda m: linear(m).cuda(),
    lambda m: linear(m).to("cuda"),
    lambda m: linear(m).to("gpu"),
    lambda m: linear(m).to(copy=True),
    lambda m: linear(m).to(m.int64),
    lambda m: linear(m).to(m.tensor([1])),
]

DTYPES: list[Callable[[Any], Any]] = [
    lambda m: [m.float, m.double, m.short, m.int, m.long, m.bool],
    lambda m: [m.float32, m.float64, m.int8, m.int16, m.int32, m.int64, m.uint8, m.uint16, m.uint32, m.uint64],
    lambda m: (m.float is m.float32, m.double is m.float64, m.long is m.int64, x(m).dtype is m.float32),
    lambda m: {m.float32: "found"}[x(m).dtype],
    lambda m: [m.zeros(2, dtype=dtype) for dtype in (m.float, m.long, m.bool, m.uint8, float, int, bool)],
    lambda m: [x(m).to(dtype) for dtype in (m.float64, m.int, m.bool, float, int, bool)],
    lambda m: (x(m).to(m.float64, True), x(m).to("cpu", m.float64, True, True), x(m).to(dtype=m.float64)),
    lambda m: (x(m).to(m.tensor([1])), x(m).to(m.tensor([1]), True), x(m).to(m.ones(1, dtype=m.float64), copy=True)),
    lambda m: (x(m).to(m.float32, copy=True).is_leaf, x(m).to(copy=True).is_leaf, x(m).to("cpu").is_leaf),
    lambda m: [(y := x(m)).to(m.float32) is y, y.to() is y, y.type(m.float32) is y, y.float() is y, y.to(y) is y],
    lambda m: x(m).to("cpu", True),
    lambda m: x(m).to(m.float64, "cpu"),
    lambda m: x(m).to("cpu", device="cpu"),
    lambda m: x(m).to(m.float64, dtype=m.float64),
    lambda m: x(m).to([1]),
    lambda m: [x(m).int(), x(m).bool(), x(m).short(), x(m).char(), x(m).byte(), x(m).long(), x(m).double()],
    lambda m: m.tensor([0.5, float("nan"), 0.0]).bool(),
    lambda m: [x(m).to(d).type() for d in (m.float, m.double, m.int8, m.int16, m.int32, m.int64, m.uint8, m.bool)],
    lambda m: [m.zeros(1, dtype=d).type() for d in (m.uint16, m.uint32, m.uint64)],
    lambda m: (m.nn.Parameter(m.ones(2)).type(), x(m).type(None)),
    lambda m: [x(m).type(t) for t in (m.float64, m.DoubleTensor, "torch.DoubleTensor", m.LongTensor, m.BoolTensor)],
    lambda m: (x(m).type(m.Tensor), m.tensor([1]).type(m.Tensor), x(m).type(dtype=m.int64, non_blocking=True)),
    lambda m: [x(m).type_as(other) for other in (m.tensor([1]), m.tensor([True]), m.ones(1, dtype=m.float64))],
    lambda m: x(m).type("DoubleTensor"),
    lambda m: x(m).type("float64"),
    lambda m: x(m).type(3),
    lambda m: x(m).type(x(m)),
    lambda m: x(m).type("torch.cuda.FloatTensor"),
    lambda m: x(m).type_as(m.float64),
    lambda m: form(linear(m).type(m.float64)) + form(linear(m).type(m.DoubleTensor)) + form(linear(m).double()),
    lambda m: form(linear(m).type("torch.DoubleTensor")),
    lambda m: linear(m).type(m.int64),
    lambda m: (x(m).new(x(m).size()).shape, x(m).new(2, 3).shape, x(m).new([1, 2]), m.arange(2).new([1.5])),
    lambda m: x(m).new(1.5),
    lambda m: [isinstance(x(m), t) for t in (m.FloatTensor, m.DoubleTensor, m.LongTensor, m.BoolTensor, m.Tensor)],
    lambda m: [isinstance(m.tensor([1]), t) for t in (m.FloatTensor, m.LongTensor, m.IntTensor)],
    lambda m: (isinstance(m.nn.Parameter(m.ones(1)), m.FloatTensor), isinstance(3, m.FloatTensor)),
    lambda m: (issubclass(m.FloatTensor, m.Tensor), m.FloatTensor.__name__, m.LongTensor.dtype == m.int64),
    lambda m: (m.is_tensor(x(m)), m.is_tensor(3), m.is_floating_point(x(m)), m.is_floating_point(m.tensor([1]))),
    lambda m: (x(m).is_floating_point(), m.tensor([1]).is_floating_point()),
    lambda m: m.set_default_tensor_type(m.LongTensor),
    lambda m: m.set_default_tensor_type(m.float32),
    lambda m: m.set_default_tensor_type("torch.cuda.FloatTensor"),
    lambda m: (m.set_default_tensor_type("torch.FloatTensor"), m.set_default_tensor_type(m.FloatTensor)),
    lambda m: (float(m.finfo(m.float32).eps), float(m.finfo(m.float64).max), m.iinfo(m.int32).max),
    lambda m: (x(m).shape.numel(), x(m).size().numel(), x(m).nelement(), m.zeros(2, 3, 4).shape[1:].numel()),
    lambda m: isinstance(x(m).shape, m.Size),
]

CONSTRUCTED: list[Callable[[Any], Any]] = [
    lambda m: [m.Tensor(data) for data in ([], [1, 2], [1.5], [True], (1, 2), range(3), [[1], [2]], [np.float64(2)])],
    lambda m: [m.Tensor(data) for data in (np.ones(2), np.ones(2, np.float32), np.array([1, 2]), np.array(3.0))],
    lambda m: m.Tensor([m.tensor(1), m.tensor(2.5)]),
    lambda m: [m.Tensor(*sizes).shape for sizes in ((), (5,), (2, 3), (0,), (np.int64(3),), (np.array(3),))],
    lambda m: [m.Tensor(x(m).shape).shape, m.Tensor(m.Size([2, 3])).shape, m.Tensor((2, 3))],
    lambda m: (m.Tensor([1], device="cpu"), m.Tensor(2, 3, device="cpu").shape),
    lambda m: (m.Tensor(x(m)), m.Tensor(m.tensor([1, 2])), m.Tensor(m.ones(1, dtype=m.float64))),
    lambda m: (m.Tensor(x(m)).is_leaf, m.Tensor(x(m)) is x(m), m.Tensor(m.ones(2)).is_leaf),
    lambda m: m.Tensor(y := m.ones(2)).fill_(7).tolist() + y.tolist(),
    lambda m: m.Tensor(y := np.ones(2, np.float32)).fill_(7).tolist() + y.tolist(),
    lambda m: m.Tensor(y := np.ones(2)).fill_(7).tolist() + y.tolist(),
    lambda m: m.Tensor(5.0),
    lambda m: m.Tensor(True),
    lambda m: m.Tensor(np.float64(3)),
    lambda m: m.Tensor(None),
    lambda m: m.Tensor("ab"),
    lambda m: m.Tensor(-1),
    lambda m: m.Tensor(2, 3.0),
    lambda m: m.Tensor([1], [2]),
    lambda m: m.Tensor([1], dtype=m.float64),
    lambda m: m.Tensor([1], requires_grad=True),
    lambda m: m.Tensor([1], device="cuda"),
    lambda m: [t([0, 1, 2]) for t in (m.FloatTensor, m.DoubleTensor, m.LongTensor, m.IntTensor, m.BoolTensor)],
    lambda m: [t([0, 1, 2]) for t in (m.ShortTensor, m.CharTensor, m.ByteTensor)],
    lambda m: [m.FloatTensor(2, 3).shape, m.LongTensor(2).shape, m.FloatTensor().shape],
    lambda m: [m.LongTensor([1.7]), m.LongTensor(np.array([1.7])), m.BoolTensor([0, 2, 1.5]), m.CharTensor([1.5])],
    lambda m: (m.FloatTensor(x(m)), m.FloatTensor(np.ones(2)), m.FloatTensor([1], device="cpu")),
    lambda m: m.FloatTensor(m.tensor([1])),
    lambda m: m.FloatTensor(5.0),
    lambda m: m.FloatTensor([1], requires_grad=True),
    lambda m: m.ByteTensor([300]),
    lambda m: type(m.FloatTensor([1])) is m.Tensor,
    lambda m: m.nn.Parameter(m.Tensor(2, 3)).shape,
]


@pytest.mark.parametrize("call", range(len(DEVICES)))
def test_devices(call: int) -> None:
    assert answer_of(tg, DEVICES[call]) == answer_of(torch, DEVICES[call])


@pytest.mark.parametrize("call", range(len(DTYPES)))
def test_dtypes(call: int) -> None:
    assert answer_of(tg, DTYPES[call]) == answer_of(torch, DTYPES[call])


@pytest.mark.parametrize("call", range(len(CONSTRUCTED)))
def test_the_constructor(call: int) -> None:
    assert answer_of(tg, CONSTRUCTED[call]) == answer_of(torch, CONSTRUCTED[call])


PLACES: list[Callable[[Any], Any]] = [
    lambda m: "cpu",
    lambda m: m.device("cpu"),
    lambda m: None,
    lambda m: {"cuda:0": "cpu"},
    lambda m: {"cpu": "cpu"},
    lambda m: {"cpu": "cuda:0"},
    lambda m: lambda storage, location: storage,
    lambda m: lambda storage, location: None,
    lambda m: lambda storage: storage,
    lambda m: "cuda",
    lambda m: "cuda:0",
    lambda m: m.device("cuda"),
    lambda m: "mps",
    lambda m: "gpu",
    lambda m: 0,
    lambda m: 3.5,
]


@pytest.mark.parametrize("place", range(len(PLACES)))
def test_load_takes_the_same_places(place: int, tmp_path: Any) -> None:
    answers = []
    for m in (tg, torch):
        m.save({"w": m.ones(2)}, tmp_path / "w")
        answers.append(answer_of(m, lambda m: m.load(tmp_path / "w", PLACES[place](m))["w"]))
    assert answers[0] == answers[1]


def test_switches_can_be_set_in_both() -> None:
    # PyTorch's own tests, of which other files here import samples, forbid this outside such a block.
    with getattr(torch.backends, "__allow_nonbracketed_mutation")():  # Python would change the name
        for m in (tg, torch):
            before = m.backends.cudnn.benchmark
            m.backends.cudnn.benchmark = True
            assert m.backends.cudnn.benchmark is True
            m.backends.cudnn.benchmark = before
