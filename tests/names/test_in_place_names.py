"""A method that ends in an underscore writes what the method without it returns, and the gradient passes through it."""

from typing import Any

import numpy as np
import pytest
from strategies import leaf

import tinygrad_mlp as tg
from tinygrad_mlp.names import in_place
from tinygrad_mlp.tensors.named import Named

X = np.array([[0.5, 0.25, 0.75], [0.125, 0.875, 0.0625], [0.3, 0.6, 0.45]])
N = tg.tensor([[3, -4, 0], [1, 2, 5], [7, 8, -2]])
OTHER = tg.tensor(X[::-1].copy())
ROWS = tg.tensor([0, 2])
INDEX = tg.tensor([[0, 1, 2], [2, 1, 0]])
VECTOR = tg.tensor(X[0])

BINARY = (
    "arctan2 atan2 copysign divide eq floor_divide fmod ge greater greater_equal gt heaviside hypot igammac le less "
    "less_equal logical_and logical_or logical_xor lt multiply ne nextafter not_equal pow remainder subtract "
    "true_divide xlogy float_power igamma ldexp"
)
INTEGERS = "bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor gcd lcm"

# What follows the Tensor in a call. For all other names, that is nothing.
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(BINARY.split(), (OTHER,)),
    **dict.fromkeys(INTEGERS.split(), (abs(N),)),
    **dict.fromkeys(["addcdiv", "addcmul"], (OTHER, OTHER + 1)),
    **dict.fromkeys(["addmm", "baddbmm", "addbmm"], (OTHER, OTHER)),
    "addmv": (OTHER, VECTOR), "addr": (VECTOR, VECTOR), "clamp_min": (0.5,), "clamp_max": (0.5,), "clip": (0.3, 0.6),
    "cumprod": (1,), "cumsum": (0,), "lerp": (OTHER, 0.25), "mvlgamma": (1,), "polygamma": (2,),
    "index_add": (0, ROWS, OTHER[:2]), "index_copy": (0, ROWS, OTHER[:2]), "index_fill": (0, ROWS, 2.0),
    "index_put": ((ROWS, ROWS), VECTOR[:2]), "index_reduce": (0, ROWS, OTHER[:2], "prod"),
    "masked_fill": (X > 0.3, 2.0), "masked_scatter": (tg.tensor(X > 0.3), OTHER), "put": (ROWS, VECTOR[:2]),
    "renorm": (2, 0, 0.5), "scatter": (0, INDEX, OTHER), "scatter_add": (0, INDEX, OTHER),
    "scatter_reduce": (0, INDEX, OTHER, "sum"),
}  # fmt: skip
ROWS_ALONE = {"addmv"}  # which take the first row
STACKS = {"baddbmm"}
WITHOUT_GRADIENT = {"igamma", "igammac"}  # which refuse a Tensor that needs one
OF_INTEGERS = {*INTEGERS.split(), "bitwise_not"}

NAMES = sorted(f"{in_place.METHODS} {in_place.WITH_FUNCTIONS}".split())


def start(name: str) -> Any:
    """The Tensor that a method is tried on."""
    if name in OF_INTEGERS:
        return abs(N)
    if name in WITHOUT_GRADIENT:
        return tg.tensor(X)
    return leaf(X[0] if name in ROWS_ALONE else X[None] if name in STACKS else X + 1 if name == "acosh" else X)


def arguments(name: str) -> tuple[Any, ...]:
    given = ARGUMENTS.get(name, ())
    return tuple(x.unsqueeze(0) for x in given) if name in STACKS or name == "addbmm" else given


def called(name: str) -> Any:
    """What the method with the underscore returns, for a copy of the Tensor."""
    return getattr(start(name).detach().clone(), f"{name}_")(*arguments(name))


# For the test that every name of the tables is tested.
ANSWERS: list[tuple[str, Any, Any]] = [
    *((f"{name}_", called, name) for name in NAMES),
    ("fill_diagonal_", lambda x: tg.zeros(2, 2).fill_diagonal_(3), [[3, 0], [0, 3]]),
    ("fill_diagonal_", lambda x: tg.zeros(4, 2).fill_diagonal_(3, wrap=True), [[3, 0], [0, 3], [0, 0], [3, 0]]),
]


def test_every_name_has_the_method_that_it_writes() -> None:
    assert [name for name in NAMES if not hasattr(tg.Tensor, name)] == []


@pytest.mark.parametrize("name", [name for name in NAMES if hasattr(tg.Tensor, name)])
def test_the_result_is_written_and_the_gradient_passes(name: str) -> None:
    with np.errstate(all="ignore"):
        x = start(name)
        expected = getattr(x, name)(*arguments(name))
        y = x.clone()
        result = getattr(y, f"{name}_")(*arguments(name))
        assert result is y
        assert y.dtype == x.dtype
        np.testing.assert_array_equal(y.detach(), expected.detach().to(x.dtype))
        if expected.requires_grad:
            cotangent = tg.tensor(np.cos(np.arange(y.numel())).reshape(y.shape))
            (found,) = tg.autograd.grad(y, x, cotangent)
            (wanted,) = tg.autograd.grad(expected, x, cotangent)
            np.testing.assert_array_equal(found, wanted)
            with pytest.raises(RuntimeError, match=f"{name}_ would change a leaf"):
                getattr(x, f"{name}_")(*arguments(name))


@pytest.mark.parametrize(("name", "call", "expected"), ANSWERS[-2:], ids=["matrix", "wrap"])
def test_diagonals_are_filled(name: str, call: Any, expected: Any) -> None:
    np.testing.assert_array_equal(call(None), expected)


def test_the_signature_is_that_of_the_method() -> None:
    x = tg.ones(2)
    x.addcmul_(tensor1=x.clone(), tensor2=x.clone(), value=3)
    assert x.tolist() == [4, 4]
    assert Named.addcmul_.__doc__ == "`addcmul`, written into this Tensor."
    assert tg.exp_(x) is x


def test_shifts_change_a_tensor_in_place() -> None:
    x = y = tg.tensor([1, 2])
    x <<= 3
    x >>= 1
    assert y.tolist() == [4, 8]


def test_views_are_written_through() -> None:
    x = leaf(X)
    y = x * 1
    y[0].exp_()
    y.sum().backward()
    np.testing.assert_allclose(x.grad, np.exp(X) * [[1], [0], [0]] + [[0], [1], [1]])


def test_what_does_not_fit_is_refused_and_changes_nothing() -> None:
    x = tg.tensor([1, 2])
    with pytest.raises(
        TypeError, match=r"cannot hold a result of float32: write x = x.float\(\), or give the result of exp\(\)"
    ):
        x.exp_()
    with pytest.raises(TypeError, match="cannot hold"):
        (x > 1).bitwise_left_shift_(x)
    with pytest.raises(ValueError, match="does not fit"):
        x.bitwise_and_(tg.ones(2, 2).long())
    with pytest.raises(ValueError, match="takes a matrix"):
        x.fill_diagonal_(1)
    assert x.tolist() == [1, 2]
    assert x.lt_(2).tolist() == [1, 0]
    assert x.div_(2, rounding_mode="floor").tolist() == [0, 0]
