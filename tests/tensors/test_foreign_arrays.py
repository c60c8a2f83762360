"""An array that no Tensor can hold is refused by name wherever it comes in, and no function returns float16."""

import functools
import inspect
import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from ops import ROWS

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim, training
from tinygrad_mlp.core.record import HELD
from tinygrad_mlp.datasets import Standardizer, one_hot, preprocess
from tinygrad_mlp.nn import functional as F
from tinygrad_mlp.utils.data import DataLoader, Subset, TensorDataset, default_collate

NUMBERS = np.array([[1.0, 2.0, 0.0]])

# Arrays of shape (1, 3) that no Tensor can hold, and what the error calls them.
BAD: dict[str, tuple[Any, str]] = {
    "masked": (np.ma.array(NUMBERS, mask=[[0, 1, 0]]), "masked array"),
    "masked nowhere": (np.ma.array(NUMBERS), "masked array"),
    "a matrix": (NUMBERS.view(np.matrix), "a matrix"),
    "records": (NUMBERS.view(np.recarray), "a recarray"),
    "float16": (NUMBERS.astype(np.float16), "float16"),
    "longdouble": (NUMBERS.astype(np.longdouble), str(np.dtype(np.longdouble))),
    "complex": (NUMBERS + 1j, "complex128"),
    "objects": (NUMBERS.astype(object), "object"),
    "strings": (NUMBERS.astype("U1"), "<U1"),
}
SUBCLASSES = ["masked", "masked nowhere", "a matrix", "records"]
IDENTITY = tg.differentiable(lambda g, y, x: g)


def x() -> tg.Tensor:
    return tg.tensor([[0.5, 0.25, 0.125]], requires_grad=True)


def plain() -> tg.Tensor:
    return tg.tensor([[0.5, 0.25, 0.125]])


def set_item(value: Any) -> None:
    plain()[...] = value


def load_optimizer(value: Any) -> None:
    optimizer = optim.Adam([x()])
    state = {"step": 1, "exp_avg": value, "exp_avg_sq": NUMBERS}
    optimizer.load_state_dict({**optimizer.state_dict(), "state": {0: state}})


def train(**data: Any) -> None:
    network = tg.NeuralNetwork([3, 3], monitor=False, plot=False, generator=0)
    network.train(**{"X": NUMBERS, "Y": NUMBERS / 2, "epochs": 1, **data})


# Wherever an array of a user's comes in.
ENTRANCES: dict[str, Callable[[Any], Any]] = {
    "tensor": tg.tensor,
    "tensor of a list": lambda a: tg.tensor([a]),
    "from_numpy": tg.from_numpy,
    "full": lambda a: tg.full((1, 3), a),
    "einsum": lambda a: tg.einsum("ij,ij->i", x(), a),
    "x + array": lambda a: x() + a,
    "array + x": lambda a: a + x(),
    "x * array": lambda a: x() * a,
    "array * x": lambda a: a * x(),
    "array * x without a gradient": lambda a: a * plain(),
    "array - x": lambda a: a - x(),
    "array / x": lambda a: a / x(),
    "array // x": lambda a: a // x(),
    "numpy.power": lambda a: np.power(a, x()),
    "array % x": lambda a: a % x(),
    "x == array": lambda a: x() == a,
    "x < array": lambda a: x() < a,
    "x @ array": lambda a: x() @ a.T,
    "array @ x": lambda a: a @ x().T,
    "an operand in a list": lambda a: x() * [a],
    "numpy.multiply": lambda a: np.multiply(a, x()),
    "numpy.where": lambda a: np.where(a, x(), 0),
    "where": lambda a: tg.where(tg.tensor(True), x(), a),
    "maximum": lambda a: tg.maximum(x(), a),
    "cat": lambda a: tg.cat([x(), a]),
    "numpy.concatenate": lambda a: np.concatenate([x(), a]),
    "numpy.concatenate, array first": lambda a: np.concatenate([a, x()]),
    "numpy.outer": lambda a: np.outer(x(), a),
    "numpy.array_equal": lambda a: np.array_equal(x(), a),
    "numpy.isclose": lambda a: np.allclose(x(), a),
    "clamp": lambda a: x().clamp(a),
    "masked_fill": lambda a: x().masked_fill(tg.tensor(True), a),
    "x[...] = array": set_item,
    "add_": lambda a: plain().add_(a),
    "copy_": lambda a: plain().copy_(a),
    "data": lambda a: setattr(x(), "data", a),
    "backward": lambda a: (x() * 2).backward(a),
    "grad": lambda a: tg.autograd.grad(x() * 2, [], a),
    "a result of a user's function": lambda a: IDENTITY(lambda _: a)(x()),
    "linear": lambda a: nn.Linear(3, 2)(a),
    "functional.linear": lambda a: F.linear(a, tg.ones(2, 3)),
    "functional.softplus": F.softplus,
    "functional.one_hot": F.one_hot,
    "layer_norm": lambda a: nn.LayerNorm(3)(a),
    "batch_norm": lambda a: nn.BatchNorm1d(3).eval()(a),
    "mse_loss": lambda a: F.mse_loss(x(), a),
    "the input of mse_loss": lambda a: F.mse_loss(a, x()),
    "the weight of mse_loss": lambda a: F.mse_loss(x(), plain(), weight=a),
    "l1_loss": lambda a: F.l1_loss(x(), a),
    "huber_loss": lambda a: F.huber_loss(x(), a),
    "binary_cross_entropy": lambda a: F.binary_cross_entropy(x(), a),
    "binary_cross_entropy_with_logits": lambda a: F.binary_cross_entropy_with_logits(x(), a),
    "pos_weight": lambda a: F.binary_cross_entropy_with_logits(x(), plain(), pos_weight=a),
    "cross_entropy": lambda a: F.cross_entropy(x(), a),
    "the weight of cross_entropy": lambda a: F.cross_entropy(x(), [0], weight=a.reshape(3)),
    "nll_loss": lambda a: F.nll_loss(a, [0]),
    "BCEWithLogitsLoss": lambda a: nn.BCEWithLogitsLoss(a),
    "load_state_dict": lambda a: nn.Linear(3, 1, bias=False).load_state_dict({"weight": a}),
    "load_state_dict(assign=True)": lambda a: nn.Linear(3, 1, False).load_state_dict({"weight": a}, assign=True),
    "a state of an optimizer": load_optimizer,
    "TensorDataset": TensorDataset,
    "DataLoader": DataLoader,
    "default_collate": lambda a: default_collate([a, a]),
    "a dataset of arrays": lambda a: next(iter(DataLoader([a, a], 2))),
    "NeuralNetwork.train": lambda a: train(X=a),
    "labels of NeuralNetwork.train": lambda a: train(Y=a),
    "Standardizer": lambda a: Standardizer().fit(a),
    "preprocess": lambda a: preprocess(a, [0], validation=0, generator=0),
    "accuracy": lambda a: training.accuracy(NUMBERS, a),
}
# Where integers or any arrays are taken, so that only the class of the array is told from others.
OF_OTHER_DTYPES: dict[str, Callable[[Any], Any]] = {
    "x[array]": lambda a: x()[a],
    "x[array, 0]": lambda a: x()[a, 0],
    "a list as an index": lambda a: x()[[a]],
    "one_hot": lambda a: one_hot(a),
    "labels of preprocess": lambda a: preprocess(NUMBERS, a, validation=0, generator=0),
    "Subset": lambda a: Subset(NUMBERS, a),
    "sampler": lambda a: list(DataLoader(NUMBERS, sampler=a)),
    "save": lambda a: tg.save({"m": a}, io.BytesIO()),
}


def refused(call: Callable[[Any], Any], bad: Any, name: str) -> None:
    before = bad.copy()
    with pytest.raises((TypeError, ValueError, RuntimeError), match=name):  # states raise the last two
        call(bad)
    assert type(bad) is type(before)
    assert bad.tolist() == before.tolist()


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_arrays_that_no_tensor_can_hold_are_refused_by_name(entrance: str, kind: str) -> None:
    refused(ENTRANCES[entrance], *BAD[kind])


@pytest.mark.parametrize("kind", SUBCLASSES)
@pytest.mark.parametrize("entrance", OF_OTHER_DTYPES)
def test_subclasses_are_refused_where_other_dtypes_are_taken(entrance: str, kind: str) -> None:
    refused(OF_OTHER_DTYPES[entrance], *BAD[kind])


@pytest.mark.parametrize("call", [
    lambda m: np.ma.exp(x()), lambda m: np.ma.multiply(m, x()), lambda m: np.ma.exp(plain()),
    lambda m: np.ma.dot(m, plain()), lambda m: np.ma.where(m > 1, x(), x()), lambda m: m.__iadd__(x()),
    lambda m: m.__setitem__(0, x()), lambda m: m == x(),
])  # fmt: skip
def test_functions_of_masked_arrays_refuse_tensors(call: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"masked array.*\.filled\(0\)"):
        call(BAD["masked"][0].copy())


def test_a_masked_array_is_made_of_a_tensor_that_has_no_graph() -> None:
    made = np.ma.array(plain(), mask=True)
    assert made.mask.all()
    assert np.ma.ravel(plain()).tolist() == plain().flatten().tolist()  # as matplotlib does of what it scatters
    with pytest.raises(RuntimeError, match="requires a gradient would lose it"):
        np.ma.array(x())


@pytest.mark.parametrize("scalar", [np.float16(2), np.longdouble(2), 2j, np.complex64(2), "2", np.datetime64("2020")])
def test_scalars_of_other_dtypes_are_refused(scalar: Any) -> None:
    for call in (lambda: x() * scalar, lambda: scalar * x(), lambda: plain().fill_(scalar), lambda: tg.tensor(scalar)):
        with pytest.raises((TypeError, ValueError)):  # ValueError: NumPy's own, of fill_("2")
            call()


# Wherever a dtype comes in.
DTYPES: dict[str, Callable[[Any], Any]] = {
    "tensor": lambda d: tg.tensor([1.0], dtype=d),
    "tensor of an array": lambda d: tg.tensor(NUMBERS, dtype=d),
    "zeros": lambda d: tg.zeros(2, dtype=d),
    "ones_like": lambda d: tg.ones_like(x(), dtype=d),
    "numpy.ones_like": lambda d: np.ones_like(x(), dtype=d),
    "numpy.zeros_like": lambda d: np.zeros_like(x(), d),
    "full": lambda d: tg.full((2,), 1.0, dtype=d),
    "eye": lambda d: tg.eye(2, dtype=d),
    "arange": lambda d: tg.arange(2, dtype=d),
    "linspace": lambda d: tg.linspace(0, 1, 2, dtype=d),
    "rand": lambda d: tg.rand(2, dtype=d),
    "randn": lambda d: tg.randn(2, dtype=d),
    "to": lambda d: x().to(d),
    "Module.to": lambda d: nn.Linear(2, 1).to(d),
    "Linear": lambda d: nn.Linear(2, 1, dtype=d),
    "LayerNorm": lambda d: nn.LayerNorm(2, dtype=d),
    "LayerNorm without parameters": lambda d: nn.LayerNorm(2, elementwise_affine=False, dtype=d),
    "BatchNorm1d": lambda d: nn.BatchNorm1d(2, dtype=d),
    "BatchNorm1d without parameters": lambda d: nn.BatchNorm1d(2, affine=False, dtype=d),
    "set_default_dtype": tg.set_default_dtype,
    "NeuralNetwork": lambda d: tg.NeuralNetwork([2, 1], dtype=d, monitor=False, plot=False),
    "one_hot": lambda d: one_hot([0], dtype=d),
    "preprocess": lambda d: preprocess(NUMBERS, [0], validation=0, generator=0, dtype=d),
    "Standardizer.transform": lambda d: Standardizer().fit(NUMBERS).transform(NUMBERS, d),
}


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, np.complex64, object, "U1"])
@pytest.mark.parametrize("name", DTYPES)
def test_dtypes_that_no_tensor_can_have_are_refused_by_name(name: str, dtype: Any) -> None:
    with pytest.raises(TypeError, match=f"{np.dtype(dtype)}: write numpy.float32|not {np.dtype(dtype)}"):
        DTYPES[name](dtype)
    assert tg.get_default_dtype() == np.float32


def test_an_array_on_a_disk_and_one_in_another_byte_order_are_arrays_like_others(tmp_path: Any) -> None:
    on_disk = np.memmap(tmp_path / "rows", np.float32, "w+", shape=(2, 3))
    on_disk[:] = [[1, 2, 3], [4, 5, 6]]
    swapped = np.array(on_disk, on_disk.dtype.newbyteorder())
    for given in (on_disk, swapped):
        for made in (tg.tensor(given), tg.zeros(2, 3) + given, F.l1_loss(tg.zeros(2, 3), given, reduction="none")):
            assert made.dtype.isnative
            assert made.dtype == np.float32
            np.testing.assert_array_equal(made, on_disk)
        assert [batch.tolist() for batch in DataLoader(given)] == [[[1, 2, 3]], [[4, 5, 6]]]
    assert np.shares_memory(tg.from_numpy(on_disk).numpy(), on_disk)
    with pytest.raises(TypeError, match="byte order"):
        tg.from_numpy(swapped)


def test_a_dtype_may_convert_what_is_refused_without_one() -> None:
    assert tg.tensor(np.array([1.5], np.float16), dtype=np.float32).tolist() == [1.5]
    assert tg.tensor(np.array([1.5], np.longdouble), dtype=np.float64).tolist() == [1.5]
    for bad in (BAD["masked"][0], BAD["complex"][0], BAD["strings"][0], "1", ["1"], [1j]):
        with pytest.raises(TypeError):
            tg.tensor(bad, dtype=np.float32)


# --- nothing returns float16 ------------------------------------------------------------------------------------------

SMALL = [
    np.array([[1, 2], [3, 5]], np.int8),
    np.array([[1, 2], [3, 5]], np.uint8),
    np.array([[True, False], [True] * 2]),
]
FUNCTIONS = [*ROWS, np.mean, np.var, np.std, np.prod, np.linalg.norm, np.sinc]
ARGUMENTS: list[tuple[Any, ...]] = [(), (0,), (1,), (0, 1), ((2, 2),), (2.0,)]


def tensors_in(value: Any) -> Iterator[tg.Tensor]:
    if isinstance(value, tg.Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for entry in value:
            yield from tensors_in(entry)


def called(function: Callable[..., Any], *arguments: Any) -> list[tg.Tensor]:
    """The Tensors that a call returns; none if the call is refused."""
    try:
        return list(tensors_in(function(*arguments)))
    except (TypeError, ValueError, RuntimeError, IndexError, AttributeError, ZeroDivisionError):
        return []


@pytest.mark.filterwarnings("ignore")  # of calls that are tried out
@pytest.mark.parametrize("array", SMALL, ids=lambda array: str(array.dtype))
def test_no_function_and_no_method_returns_float16(array: Any) -> None:
    tensor = tg.tensor(array)
    tg.add_row(np.cbrt, lambda g, y, x: g / (3 * y**2))
    names = [n for n in dir(tg.Tensor) if (n[0] != "_" or n[:2] == "__") and callable(getattr(tg.Tensor, n))]
    public = [
        value for name, value in vars(tg).items() if name[:4] != "set_" and name[0] != "_" and inspect.isfunction(value)
    ]
    functions = [*FUNCTIONS, np.cbrt, *vars(F).values(), *public]
    calls = [getattr(tensor, name) for name in names if name[:2] == "__" or name[-1] != "_"]
    calls += [functools.partial(function, tensor) for function in functions if callable(function)]
    seen = 0
    for call in calls:
        for arguments in [*ARGUMENTS, (tensor,), (tensor, tensor)]:
            for result in called(call, *arguments):
                seen += 1
                assert result.dtype in HELD
    assert seen > 300
    assert np.cbrt(tg.tensor(np.array([8], np.int8))).tolist() == pytest.approx([2])
    assert tg.capture(lambda x: x.exp())(tg.tensor(np.array([1], np.int8))).dtype == np.float32


@pytest.mark.filterwarnings("ignore")  # of calls that are tried out
@pytest.mark.parametrize("array", SMALL, ids=lambda array: str(array.dtype))
@pytest.mark.parametrize("function", [f for f in ROWS if "e->e" in getattr(f, "types", ()) and "b->b" not in f.types])
def test_functions_that_give_float16_of_small_integers_give_float32(function: Any, array: Any) -> None:
    assert function(array).dtype == np.float16
    result = function(tg.tensor(array))
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, function(array.astype(np.float32)), rtol=1e-6)
