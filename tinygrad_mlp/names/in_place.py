"""Methods that end in an underscore: each writes what the method without it returns into the Tensor.

So the graph records them as it records every write, and each has the parameters of the method that it calls. Those
that would change the shape or the strides of a Tensor, as `resize_` and `t_`, are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import functions as f
from ..core.mode import is_grad_enabled
from ..tensors.refusals import shown
from ..tensors.tensor import Tensor
from .table import offer, offer_methods

__all__ = ["METHODS", "WITH_FUNCTIONS", "offer_in_place", "written"]

# The names without the underscore. Those in the first group are functions of PyTorch's, too.
WITH_FUNCTIONS = (
    "abs acos acosh addmv arccos arccosh arcsin arcsinh arctan arctanh asin asinh atan atanh ceil clamp_max clamp_min "
    "clip cos cosh deg2rad erf erfc exp exp2 expm1 fix floor frac gcd i0 index_put lcm ldexp log log10 log1p log2 "
    "logit nan_to_num neg negative rad2deg reciprocal relu round rsqrt sigmoid sin sinc sinh sqrt square tan tanh "
    "trunc xlogy"
)
METHODS = (
    "absolute addbmm addcdiv addcmul addmm addr arctan2 atan2 baddbmm bitwise_and bitwise_left_shift bitwise_not "
    "bitwise_or bitwise_right_shift bitwise_xor copysign cumprod cumsum digamma divide eq erfinv float_power "
    "floor_divide fmod ge greater greater_equal gt heaviside hypot igamma igammac index_add index_copy index_fill "
    "index_reduce le lerp less less_equal lgamma logical_and logical_not logical_or logical_xor lt masked_fill "
    "masked_scatter multiply mvlgamma ne nextafter not_equal polygamma pow put remainder renorm scatter scatter_add "
    "scatter_reduce sgn sign subtract tril triu true_divide"
)

_ORDER = "biuf"  # an integer may hold a boolean, and a float both


def written(name: str, compute: Callable[..., Any]) -> Callable[..., Any]:
    """The function `name`, with an underscore, that writes what ``compute(input, …)`` returns into `input`."""

    def in_place(input: Any, *args: Any, **options: Any) -> Any:
        if not isinstance(input, Tensor):
            raise TypeError(f"{name}_() changes a Tensor in place, not {shown(input)}: write {name}()")
        given = (input, *args, *options.values())
        # Rules may read the entries that are overwritten.
        recorded = is_grad_enabled() and any(isinstance(x, Tensor) and x.requires_grad for x in given)
        result = compute(input.clone() if recorded else input, *args, **options)
        if result.shape != input.shape:
            raise ValueError(
                f"{name}_(): a result of shape {result.shape} does not fit a Tensor of shape {input.shape}: give "
                f"the result of {name}() to another name"
            )
        if _ORDER.index(result.dtype.kind) > _ORDER.index(input.dtype.kind.replace("i", "u")):
            raise TypeError(
                f"{name}_(): a Tensor of {input.dtype} cannot hold a result of {result.dtype}: write x = x.float(), or "
                f"give the result of {name}() to another name"
            )
        return input._write(f"{name}_", f.replaced, result, [...])

    in_place.__name__ = f"{name}_"
    in_place.__doc__ = f"`{name}`, written into this Tensor."
    return in_place


def _method(name: str) -> Callable[..., Any]:
    """The method that writes what the method `name` returns into the Tensor."""
    made = written(name, lambda input, *args, **options: getattr(input, name)(*args, **options))
    if hasattr(Tensor, name):
        made.__wrapped__ = getattr(Tensor, name)  # type: ignore[attr-defined]  # for the signature
    return made


def offer_in_place() -> None:
    """Add the methods to the table, after the methods that they call."""
    for name in METHODS.split():
        offer(f"{name}_", to="methods")(_method(name))
    for name in WITH_FUNCTIONS.split():
        offer(f"{name}_")(_method(name))
    offer_methods("clamp_ fill_ zero_")


@offer(to="methods")
def fill_diagonal_(input: Any, fill_value: float, wrap: bool = False) -> Any:
    """Set the entries at equal indices of all dimensions to `fill_value`.

    Args:
        wrap: whether the diagonal of a matrix with more rows than columns begins again at the left, one row further.

    Raises:
        ValueError: the Tensor has less than two dimensions, or more than two of different lengths.
    """
    shape = input.shape
    if len(shape) < 2 or (len(shape) > 2 and len(set(shape)) > 1):
        raise ValueError(f"fill_diagonal_() takes a matrix, or dimensions of one length, not shape {shape}")
    mask = np.zeros(shape, np.bool_)
    np.fill_diagonal(mask, True, wrap)
    return input.masked_fill_(mask, fill_value)
