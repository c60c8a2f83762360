"""Among Tensors and numbers, dtypes are promoted by PyTorch's rule; one array among the operands means NumPy's rule."""

import itertools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg

# --- PyTorch's rule ---------------------------------------------------------------------------------------------------

# Two operands and the dtype of their sum. A Tensor is named by its dtype, with "()" if it has no dimensions. The rule:
# bool, integers and floats are three kinds. Operands of the highest kind decide, and of these the ones with dimensions
# before those without, and those before Python's numbers. If there is no Tensor of floats, a Python float has the
# default dtype, float32.
RULE: list[tuple[Any, Any, str]] = [
    # the same kind, both with dimensions: the wider one
    ("float32", "float64", "float64"), ("int64", "int32", "int64"), ("int8", "int16", "int16"),
    ("uint8", "int8", "int16"), ("uint8", "int16", "int16"), ("uint8", "int64", "int64"), ("bool", "bool", "bool"),
    # different kinds: the higher one, as it is
    ("float32", "int64", "float32"), ("float32", "int8", "float32"), ("float64", "int64", "float64"),
    ("float32", "bool", "float32"), ("int8", "bool", "int8"), ("uint8", "bool", "uint8"), ("int64", "bool", "int64"),
    # without dimensions beside dimensions: of the same kind, it does not widen
    ("float32", "float64()", "float32"), ("int8", "int64()", "int8"), ("uint8", "int8()", "uint8"),
    ("int32", "int64()", "int32"), ("float64", "float32()", "float64"), ("int64", "int8()", "int64"),
    # of a higher kind, it decides
    ("int64", "float32()", "float32"), ("int8", "float64()", "float64"), ("bool", "int16()", "int16"),
    ("bool", "float64()", "float64"), ("int64", "bool()", "int64"), ("float32", "int64()", "float32"),
    # none with dimensions: as if both had some
    ("float32()", "float64()", "float64"), ("int8()", "int64()", "int64"), ("float32()", "int64()", "float32"),
    ("uint8()", "int8()", "int16"), ("bool()", "uint8()", "uint8"),
    # Python's numbers
    ("float32", 2, "float32"), ("float32", 2.5, "float32"), ("float32", True, "float32"), ("float64", 2.5, "float64"),
    ("int8", 2, "int8"), ("int8", True, "int8"), ("int8", 2.5, "float32"), ("int64", 2.5, "float32"),
    ("bool", 2, "int64"), ("bool", True, "bool"), ("bool", 2.5, "float32"), ("float32()", 2.5, "float32"),
    ("int16()", 2, "int16"), ("uint8()", 2, "uint8"), ("int64()", 2.5, "float32"), ("float64()", 2, "float64"),
]  # fmt: skip


def made(m: Any, operand: Any) -> Any:
    """A Tensor of the library `m` that is named as in RULE, or the number itself."""
    if not isinstance(operand, str):
        return operand
    dtype = operand.removesuffix("()")
    return m.tensor(np.array(1 if operand.endswith("()") else [1, 1], dtype))


@pytest.mark.parametrize(("left", "right", "expected"), RULE, ids=str)
def test_the_rule(left: Any, right: Any, expected: str) -> None:
    for function in (operator.add, operator.mul, np.maximum, lambda a, b: np.where(tg.tensor([True, False]), a, b)):
        for a, b in ((left, right), (right, left)):
            assert function(made(tg, a), made(tg, b)).dtype == expected


@pytest.mark.parametrize(("left", "right", "expected"), RULE, ids=str)
def test_it_is_the_rule_of_pytorch(left: Any, right: Any, expected: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")
    for a, b in ((left, right), (right, left)):
        assert str((made(torch, a) + made(torch, b)).dtype) == f"torch.{expected}"


def test_more_than_two_operands_are_promoted_together() -> None:
    single, double, number = tg.tensor([1.0]), tg.tensor([1.0]).double(), tg.tensor([1])
    for parts, expected in (
        ([number, single, number], np.float32),
        ([single, number, double], np.float64),
        ([number, tg.tensor([True])], np.int64),
    ):
        assert tg.cat(parts).dtype == expected
        assert np.concatenate(parts).dtype == expected
        assert tg.stack(parts).dtype == expected


def test_quotients_of_integers_have_the_default_dtype() -> None:
    n, m = tg.tensor([3, 1]), tg.tensor([2, 2])
    for quotient in (n / m, n / 2, 3 / m, np.divide(n, m), n.reciprocal(), n * 0.5, n.exp(), np.sqrt(n), n.sigmoid()):
        assert quotient.dtype == np.float32
    tg.set_default_dtype(np.float64)
    try:
        for quotient in (n / m, n / 2, 3 / m, np.divide(n, m), n.reciprocal(), n * 0.5, n.exp(), np.sqrt(n)):
            assert quotient.dtype == np.float64
        assert (tg.tensor([1.0], dtype=np.float32) * n).dtype == np.float32
    finally:
        tg.set_default_dtype(np.float32)


def test_numbers_of_numpy_act_as_pythons() -> None:
    single, number = tg.tensor([1.0]), tg.tensor([1])
    for value in (np.float64(2.5), np.float32(2.5)):
        assert (single * value).dtype == (value * single).dtype == np.float32
        assert (number * value).dtype == np.float32
    for value in (np.int64(2), np.uint8(2)):
        assert (single + value).dtype == np.float32
        assert (number + value).dtype == np.int64


def test_gradients_have_the_dtype_of_their_leaf() -> None:
    single = tg.tensor([1.0, 2.0], requires_grad=True)
    double = tg.tensor(np.array([3.0, 4.0]), requires_grad=True)
    scale = tg.tensor(np.array(0.5), requires_grad=True)
    y = single * double + scale * single**2 + double * tg.tensor([1, 2])
    first = tg.autograd.grad(y.sum(), [single, double, scale], create_graph=True)
    second = tg.autograd.grad(sum((g * g).sum() for g in first), [single, double, scale])
    for gradients in (first, second):
        assert [g.dtype for g in gradients] == [np.float32, np.float64, np.float64]
    np.testing.assert_allclose(first[0].tolist(), [4, 6])  # double + 2 · scale · single
    np.testing.assert_allclose(first[2].tolist(), 5)


# --- NumPy's rule -----------------------------------------------------------------------------------------------------

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"]

# Functions whose result has the dtype that their operands are promoted to.
PROMOTING: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "*": operator.mul,
    "np.add": np.add,
    "np.multiply": np.multiply,
    "np.maximum": np.maximum,
    "np.minimum": np.minimum,
    "np.where": lambda a, b: np.where([True, False], a, b),
    "np.concatenate": lambda a, b: np.concatenate([np.ravel(a), np.ravel(b)]),
    "np.stack": lambda a, b: np.stack([a, b]),
    "maximum": lambda a, b: tg.maximum(a, b),
}
# Functions whose result has the dtype that NumPy's has.
AS_NUMPY: dict[str, Callable[[Any, Any], Any]] = {
    "-": operator.sub,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "<": operator.lt,
    "==": operator.eq,
    "np.divide": np.divide,
    "np.power": np.power,
    "np.logical_and": np.logical_and,
}


def arrays(dtype: str) -> list[Any]:
    return [np.array([2, 1], dtype), np.array(2, dtype)]


@pytest.mark.parametrize("name", [*PROMOTING, *AS_NUMPY])
def test_an_array_among_the_operands_means_the_rule_of_numpy(name: str) -> None:
    function = PROMOTING.get(name) or AS_NUMPY[name]
    if name == "**":  # before NumPy 2.3, array ** number takes a short way, also where the number is a Tensor
        function = np.power
    for left, right in itertools.product(DTYPES, DTYPES):
        for a, b in itertools.product(arrays(left), arrays(right)):
            if name == "np.stack" and a.shape != b.shape:
                continue
            try:
                expected = np.asarray(function(a, b) if name != "maximum" else np.maximum(a, b))
            except TypeError:  # a difference of booleans
                for mixed in ((tg.tensor(a), b), (a, tg.tensor(b))):
                    with pytest.raises(TypeError):
                        function(*mixed)
                continue
            # No Tensor has float16, which NumPy gives for quotients and powers of 8 bits.
            dtype = np.dtype(np.float32) if expected.dtype == np.float16 else expected.dtype
            if name in PROMOTING:
                assert dtype == np.result_type(a, b)
            for mixed in ((tg.tensor(a), b), (a, tg.tensor(b))):
                result = function(*mixed)
                where = f"{left} {a.shape} and {right} {b.shape}, {'an array last' if mixed[1] is b else 'first'}"
                assert result.dtype == dtype, where
                np.testing.assert_allclose(result.numpy(), expected, rtol=1e-3 if dtype != expected.dtype else 1e-6)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_one_array_among_several_operands_is_enough(order: tuple[int, ...]) -> None:
    parts = [tg.tensor([1.0, 2.0]), tg.tensor([3, 4]), np.array([5, 6])]
    shuffled = [parts[i] for i in order]
    assert np.concatenate(shuffled).dtype == np.float64
    assert tg.cat(shuffled).dtype == np.float64
    assert np.stack(shuffled).dtype == np.float64
    assert tg.cat([parts[0], parts[1]]).dtype == np.float32


def test_a_gradient_beside_an_array_has_the_dtype_of_its_leaf() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = x * np.array([3.0, 4.0]) + np.array([1, 2])
    assert y.dtype == np.float64
    y.sum().backward()
    assert x.grad.dtype == np.float32
    np.testing.assert_array_equal(x.grad, [3, 4])


def test_in_place_the_tensor_keeps_its_dtype() -> None:
    x = tg.tensor([1.0, 2.0])
    for value in (np.array([1.0, 2.0]), tg.tensor(np.array([1.0, 2.0])), tg.tensor([1, 2]), 2, 0.5):
        x += value
        assert x.dtype == np.float32
    n = tg.tensor([1, 2])
    for value in (tg.tensor([True, False]), tg.tensor([1], dtype=np.int8), 2):
        n += value
        assert n.dtype == np.int64
    for value in (0.5, tg.tensor([0.5]), np.array([0.5])):
        with pytest.raises((TypeError, RuntimeError)):
            n += value


def test_a_number_that_the_other_dtype_cannot_hold_divides_as_a_float() -> None:
    small = tg.tensor([10, 200], dtype=np.uint8)
    np.testing.assert_allclose(small / tg.tensor(256), [10 / 256, 200 / 256], rtol=1e-6)
    np.testing.assert_allclose(small / tg.tensor(-2), [-5, -100])
    np.testing.assert_allclose(small.atan2(tg.tensor(1000)), np.arctan2([10, 200], 1000), rtol=1e-6)
