"""There is one device: the CPU is accepted wherever PyTorch takes a device, and any other is refused everywhere."""

import copy
import importlib
import io
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.tensors.devices import DeviceError
from tinygrad_mlp.utils.data import DataLoader

NAMES: dict[str, tuple[Callable[[], tg.device], str, int | None, str]] = {
    "cpu": (lambda: tg.device("cpu"), "cpu", None, "device(type='cpu')"),
    "cpu:0": (lambda: tg.device("cpu:0"), "cpu", 0, "device(type='cpu', index=0)"),
    "cuda": (lambda: tg.device("cuda"), "cuda", None, "device(type='cuda')"),
    "cuda:1": (lambda: tg.device("cuda:1"), "cuda", 1, "device(type='cuda', index=1)"),
    "by index": (lambda: tg.device("cuda", 10), "cuda", 10, "device(type='cuda', index=10)"),
    "by NumPy's index": (lambda: tg.device("cuda", np.int64(1)), "cuda", 1, "device(type='cuda', index=1)"),
    "by name": (lambda: tg.device(type="mps", index=0), "mps", 0, "device(type='mps', index=0)"),
    "of a device": (lambda: tg.device(tg.device("cuda", 1)), "cuda", 1, "device(type='cuda', index=1)"),
    "by asking": (lambda: tg.device("cuda" if tg.cuda.is_available() else "cpu"), "cpu", None, "device(type='cpu')"),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_device_knows_its_name(name: str) -> None:
    make, kind, index, text = NAMES[name]
    made = make()
    assert (made.type, made.index, repr(made)) == (kind, index, text)
    assert str(made) == (kind if index is None else f"{kind}:{index}")
    assert made == make()
    assert hash(made) == hash(make())
    assert [other for other in NAMES if NAMES[other][0]() == made] == [
        other for other in NAMES if NAMES[other][3] == text
    ]
    assert made != kind  # a device is no text, as in PyTorch
    assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == made
    with pytest.raises(AttributeError):
        made.type = "mps"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tg.device("gpu"), ValueError, "'gpu' is no device: write \"cpu\""),
        (lambda: tg.device("CPU"), ValueError, "no device"),
        (lambda: tg.device(""), ValueError, "no device"),
        (lambda: tg.device("cuda:01"), ValueError, "no device"),
        (lambda: tg.device("cuda:-1"), ValueError, "no device"),
        (lambda: tg.device("cuda", -1), ValueError, "integer ≥ 0"),
        (lambda: tg.device("cuda", 1.5), ValueError, "integer ≥ 0"),
        (lambda: tg.device("cuda:0", 0), ValueError, "given once"),
        (lambda: tg.device(tg.device("cuda"), 1), TypeError, "named by a string"),
        (lambda: tg.device(None), TypeError, "named by a string"),
        (lambda: tg.device(0), DeviceError, "no GPU 0: there is one device here, the CPU"),
    ],
)
def test_what_is_no_device_is_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


# --- where PyTorch takes a device -------------------------------------------------------------------------------------

X = tg.ones(2)


def loaded(where: Any) -> Any:
    file = io.BytesIO()
    tg.save({"w": X}, file)
    return tg.load(file, map_location=where)["w"]


# Each call that takes a device.
TAKING: dict[str, Callable[[Any], Any]] = {
    "Tensor": lambda d: tg.Tensor(2, 3, device=d),
    "FloatTensor": lambda d: tg.FloatTensor([1], device=d),
    "tensor": lambda d: tg.tensor([1.0], device=d),
    "as_tensor": lambda d: tg.as_tensor([1.0], device=d),
    "zeros": lambda d: tg.zeros(2, device=d),
    "ones": lambda d: tg.ones(2, device=d),
    "full": lambda d: tg.full((2,), 1.0, device=d),
    "eye": lambda d: tg.eye(2, device=d),
    "arange": lambda d: tg.arange(2, device=d),
    "linspace": lambda d: tg.linspace(0, 1, 2, device=d),
    "zeros_like": lambda d: tg.zeros_like(X, device=d),
    "ones_like": lambda d: tg.ones_like(X, device=d),
    "rand": lambda d: tg.rand(2, device=d),
    "randn": lambda d: tg.randn(2, device=d),
    "randint": lambda d: tg.randint(0, 5, (2,), device=d),
    "randperm": lambda d: tg.randperm(3, device=d),
    "Generator": lambda d: tg.Generator(device=d),
    "Tensor.to": lambda d: X.to(d),
    "Tensor.to by name": lambda d: X.to(device=d, non_blocking=True),
    "Tensor.to with a dtype": lambda d: X.to(d, tg.float64),
    "Module.to": lambda d: nn.Linear(1, 1).to(d),
    "Module.to with a dtype": lambda d: nn.Linear(1, 1).to(d, tg.float64, non_blocking=True),
    "Linear": lambda d: nn.Linear(2, 1, True, d, None),
    "BatchNorm1d": lambda d: nn.BatchNorm1d(2, 1e-5, 0.1, True, True, d, None),
    "LayerNorm": lambda d: nn.LayerNorm(2, 1e-5, True, True, d, None),
    "load": loaded,
    "load with a dict": lambda d: loaded({"cpu": d, "cuda:0": "cuda"}),
    "set_default_device": tg.set_default_device,
}
PINNING = ["tensor", "zeros", "ones", "full", "eye", "arange", "linspace", "rand", "randn", "randint", "randperm"]


@pytest.mark.parametrize("name", TAKING)
def test_the_cpu_is_accepted(name: str) -> None:
    for cpu in ("cpu", "cpu:0", tg.device("cpu"), None, X.device):
        made = TAKING[name](cpu)
        assert getattr(made, "device", tg.device("cpu")) == tg.device("cpu")


@pytest.mark.parametrize("name", TAKING)
def test_other_devices_are_refused(name: str) -> None:
    for other in ("cuda", "cuda:0", tg.device("cuda", 1), 0, "mps", "meta"):
        with pytest.raises(DeviceError, match="there is one device here, the CPU"):
            TAKING[name](other)
    with pytest.raises((TypeError, ValueError)):
        TAKING[name]("gpu")


def test_the_error_is_what_pytorch_raises_here_or_there() -> None:
    for error in (AssertionError, RuntimeError):
        with pytest.raises(error, match="no cuda: there is one device"):
            X.cuda()
        with pytest.raises(error, match="no cuda: there is one device"):
            nn.Linear(1, 1).cuda(0)


def test_a_refused_device_draws_no_numbers() -> None:
    generator, fresh = tg.Generator().manual_seed(1), tg.Generator().manual_seed(1)
    with pytest.raises(DeviceError):
        tg.randn(2, generator=generator, device="cuda")
    assert tg.randn(2, generator=generator).tolist() == tg.randn(2, generator=fresh).tolist()


@pytest.mark.parametrize("name", PINNING)
def test_pinned_memory_is_for_copies_to_a_gpu(name: str) -> None:
    arguments: dict[str, tuple[Any, ...]] = {
        "tensor": ([1.0],), "full": ((2,), 1.0), "linspace": (0, 1, 2), "randint": (0, 5, (2,)),
    }  # fmt: skip
    make = getattr(tg, name)
    assert make(*arguments.get(name, (2,)), pin_memory=False).is_pinned() is False
    with pytest.raises(DeviceError, match="no pinned memory"):
        make(*arguments.get(name, (2,)), pin_memory=True)


def test_a_tensor_is_on_the_cpu() -> None:
    assert (X.device, X.is_cuda, X.get_device()) == (tg.device("cpu"), False, -1)
    assert X.cpu() is X.to("cpu") is X.to(X.device) is X.to(X) is X.to() is X.to(None) is X.to("cpu", None) is X
    assert X.to("cpu", copy=True) is not X
    assert X.to("cpu", tg.float64, False, True).dtype is tg.float64
    net = nn.Linear(1, 1)
    assert net.cpu() is net.to("cpu") is net.to() is net
    with pytest.raises(DeviceError):
        X.pin_memory()
    for text in ("torch.cuda.FloatTensor", "torch.cuda.LongTensor"):
        with pytest.raises(DeviceError):
            X.type(text)
        with pytest.raises(DeviceError):
            tg.set_default_tensor_type(text)


def test_the_default_device_is_the_cpu() -> None:
    assert tg.get_default_device() == tg.device("cpu") == tg.Generator().device
    with tg.device("cpu") as entered:
        assert entered == tg.device("cpu")
    with pytest.raises(DeviceError), tg.device("cuda"):
        pass


def test_load_asks_a_function_where_tensors_go() -> None:
    asked = []
    assert loaded(lambda storage, location: asked.append(location)).tolist() == [1, 1]
    assert asked == ["cpu"]
    assert loaded(lambda storage, location: storage).tolist() == [1, 1]
    assert loaded({"cuda:0": "cpu"}).tolist() == loaded({}).tolist() == [1, 1]
    with pytest.raises(DeviceError):
        loaded(lambda storage, location: storage.cuda())


def test_a_data_loader_takes_what_is_about_workers_and_gpus() -> None:
    loader = DataLoader(
        np.arange(5), 2, False, None, None, 2, None, True, False, 10, print, "fork", None,
        prefetch_factor=2, persistent_workers=True, pin_memory_device="cuda", in_order=False,
    )  # fmt: skip
    assert [batch.tolist() for batch in loader] == [[0, 1], [2, 3], [4]]


# --- torch.cuda and its like ------------------------------------------------------------------------------------------


def test_cuda_says_that_there_is_no_gpu() -> None:
    assert not tg.cuda.is_available()
    assert not tg.cuda.is_initialized()
    assert not tg.cuda.is_bf16_supported()
    for count in (
        tg.cuda.device_count, tg.cuda.memory_allocated, tg.cuda.max_memory_allocated, tg.cuda.memory_reserved,
        tg.cuda.max_memory_reserved, tg.mps.device_count, tg.xpu.device_count,
    ):  # fmt: skip
        assert count() == 0
    assert not any(module.is_available() for module in (tg.mps, tg.xpu, tg.backends.cudnn, tg.backends.mps))
    assert not any(module.is_built() for module in (tg.backends.cuda, tg.backends.mps))
    assert tg.backends.cudnn.version() is None


def test_there_is_no_accelerator() -> None:
    assert not tg.accelerator.is_available()
    assert tg.accelerator.current_accelerator() is tg.accelerator.current_accelerator(check_available=True) is None
    assert tg.accelerator.device_count() == 0
    with pytest.raises(DeviceError, match=r"no GPU for accelerator.synchronize\(\)"):
        tg.accelerator.synchronize()


def test_a_seed_for_gpus_changes_no_numbers_of_the_cpu() -> None:
    tg.manual_seed(1)
    expected = tg.rand(2).tolist()
    tg.manual_seed(1)
    for call in (
        lambda: tg.cuda.manual_seed(5), lambda: tg.cuda.manual_seed_all(5), lambda: tg.mps.manual_seed(5),
        tg.cuda.seed, tg.cuda.seed_all, tg.cuda.empty_cache,
    ):  # fmt: skip
        call()
    assert tg.rand(2).tolist() == expected
    with pytest.raises(ValueError, match="a seed is an integer, not 'a'"):
        tg.cuda.manual_seed_all("a")


@pytest.mark.parametrize("name", ["synchronize", "get_device_name", "current_device", "set_device", "Stream", "device"])
def test_what_needs_a_gpu_is_refused(name: str) -> None:
    with pytest.raises(DeviceError, match=rf"no GPU for cuda.{name}\(\)"):
        getattr(tg.cuda, name)(0)


def test_switches_can_be_set() -> None:
    for module, switch in (
        (tg.backends.cudnn, "benchmark"), (tg.backends.cudnn, "deterministic"), (tg.backends.cudnn, "enabled"),
        (tg.backends.cuda.matmul, "allow_tf32"), (tg.backends.mkldnn, "enabled"),
    ):  # fmt: skip
        before = getattr(module, switch)
        setattr(module, switch, not before)
        assert getattr(module, switch) is not before
        setattr(module, switch, before)


IMPORTS = """
import tinygrad_mlp.backends.cudnn as cudnn
import tinygrad_mlp.cuda
from tinygrad_mlp.backends import cudnn as same
from tinygrad_mlp.cuda import is_available, manual_seed_all
import tinygrad_mlp.backends.cuda.matmul
assert same is cudnn is tinygrad_mlp.backends.cudnn
cudnn.benchmark = True
assert not is_available()
"""


def test_modules_are_imported_as_scripts_do_it() -> None:
    environment = {"PYTHONPATH": str(Path(tg.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", IMPORTS], env=environment, check=True)
    assert importlib.import_module("tinygrad_mlp.mps") is tg.mps
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'tinygrad_mlp.cuda.nonsense'"):
        importlib.import_module("tinygrad_mlp.cuda.nonsense")


def test_a_captured_step_may_name_devices_and_dtypes() -> None:
    device, dtype = tg.device("cpu"), tg.float64
    weight = tg.ones(2, dtype=dtype, requires_grad=True)

    @tg.capture
    def step(x: tg.Tensor) -> tg.Tensor:
        loss = (x.to(device, dtype) * weight).sum()
        loss.backward()
        return loss

    assert [step(tg.ones(2)).item() for _ in range(3)] == [2, 2, 2]
    assert step.captured is True
