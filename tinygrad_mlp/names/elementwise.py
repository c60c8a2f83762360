"""Functions of each entry by itself, and operators under PyTorch's names."""

# mypy: disable-error-code="no-any-return"
# Each `input` is Any to mypy, because the tables that make its methods are read here.

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from scipy.special import digamma, erfc, erfinv, gammaln, i0, logit, xlogy

from ..core.mode import is_grad_enabled
from ..core.record import Variable, record
from ..tensors.arguments import get_default_dtype
from ..tensors.creation import as_floating, as_operand, tensor
from ..tensors.dispatch import applied
from ..tensors.promotion import common_dtype
from ..tensors.tensor import Tensor
from .creation import result_type
from .rows import hurwitz_zeta, lower_gamma, upper_gamma
from .table import offer, row

__all__ = ["Frexp", "floating_pair", "refuse_gradient"]


def refuse_gradient(function: str, name: str, value: Any) -> None:
    """Raise TypeError if the argument `name` of a `function` that has no derivative by it needs a gradient."""
    if isinstance(value, Variable) and value._node is not None and is_grad_enabled():
        raise TypeError(f"{function}() has no derivative by {name} here: write {name}.detach()")


def floating_pair(input: Any, other: Any) -> tuple[Any, Any]:
    """Two operands as Tensors of the floating dtype that both have together; as they are, if one is an array.

    SciPy's functions of two inputs would make float64 of a number, and integers lose the dtype of a Tensor without
    dimensions where one operand is computed before both meet.
    """
    if any(isinstance(x, np.ndarray | np.generic) for x in (input, other)):
        return input, other
    dtype = result_type(input, other)
    dtype = dtype if dtype.kind == "f" else get_default_dtype()
    one, two = (x.to(dtype) if isinstance(x, Tensor) else tensor(x, dtype=dtype) for x in (input, other))
    return one, two


def _comparison(function: Any, input: Any, other: Any) -> Any:
    """The truth values of a comparison: NumPy compares with None, too, and finds that all entries differ from it."""
    if other is None:
        raise TypeError(f"{function.__name__}() takes a Tensor or a number, not None")
    return record(function, (input, other))


# --- arithmetic -------------------------------------------------------------------------------------------------------


def _scaled(input: Any, other: Any, alpha: Any) -> Any:
    """alpha · other, to be added to `input`: booleans are multiplied in the dtype that the sum has."""
    if alpha == 1:
        return other
    if isinstance(alpha, int) and (entries := as_operand(other)).dtype.kind == "b":
        dtype = result_type(input, other)
        return alpha * entries.to(dtype) if dtype.kind != "b" else entries & bool(alpha)
    return alpha * other


row("add", lambda input, other, *, alpha=1: input + _scaled(input, other, alpha), "x + alpha · other.")
row("sub subtract", lambda input, other, *, alpha=1: input - _scaled(input, other, alpha), "x − alpha · other.")
row("rsub", lambda input, other, *, alpha=1: other - _scaled(other, as_operand(input), alpha), "other − alpha · x.",
    to="functions")  # fmt: skip
row("mul multiply", lambda input, other: input * other, "x · other.")
row("true_divide", lambda input, other: input / other, "x / other.")
row("floor_divide", lambda input, other: input // other, "The greatest integer not above x / other.")
row("remainder", lambda input, other: input % other, "x − other · ⌊x / other⌋, which has the sign of `other`.")
row("fmod", lambda input, other: record(np.fmod, (input, other)), "x − other · trunc(x / other): it has the sign of x.")
row("neg negative", lambda input: -input, "−x.")


@offer()
def positive(input: Any) -> Tensor:
    """This Tensor itself.

    Raises:
        TypeError: the Tensor holds booleans.
    """
    if input.dtype.kind == "b":
        raise TypeError("positive() takes numbers, not booleans: write .int()")
    return input


@offer("div divide")
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """x / other, rounded as `rounding_mode` says: not at all, "trunc" towards 0, or "floor" downwards.

    Raises:
        ValueError: `rounding_mode` is something else.
    """
    if rounding_mode is None:
        return input / other
    if rounding_mode == "floor":
        return input // other
    if rounding_mode != "trunc":
        raise ValueError(f'div() takes rounding_mode="floor", "trunc" or None, not {rounding_mode!r}')
    operands = [input, as_operand(other)]
    if all(operand.dtype.kind in "biu" for operand in operands):
        return (input - input.fmod(other)) // other  # a quotient of floats would lose digits of large integers
    return (input / other).trunc()


row("addcmul", lambda input, tensor1, tensor2, *, value=1: input + _scaled(input, tensor1 * tensor2, value),
    "x + value · tensor1 · tensor2.")  # fmt: skip
row("addcdiv", lambda input, tensor1, tensor2, *, value=1: input + _scaled(input, tensor1 / tensor2, value),
    "x + value · tensor1 / tensor2.")  # fmt: skip


@offer()
def lerp(input: Any, end: Any, weight: Any) -> Tensor:
    """x + weight · (end − x), counted from the nearer of both, so that it is `end` for the weight 1."""
    difference = end - input
    near = input + weight * difference
    if isinstance(weight, int | float):
        return near if abs(weight) < 0.5 else end - (1 - weight) * difference
    return record(np.where, (abs(weight) < 0.5, near, end - (1 - weight) * difference))


row("rsqrt", lambda input: 1 / input.sqrt(), "1 / √x.")
row("fill", lambda input, value: as_operand(input).clone().fill_(value), "`value` in the shape and the dtype of x.",
    to="functions")  # fmt: skip
row("gcd", lambda input, other: record(np.gcd, (input, other)), "The greatest common divisor of integers.")
row("lcm", lambda input, other: record(np.lcm, (input, other)), "The least common multiple of integers.")
row("hypot", lambda input, other: record(np.hypot, (input, other)), "√(x² + other²).")


@offer()
def ldexp(input: Any, other: Any) -> Tensor:
    """x · 2^other."""
    mantissa, exponent = floating_pair(input, other)
    return mantissa * as_operand(exponent).exp2()


@offer()
def float_power(input: Any, exponent: Any) -> Tensor:
    """x to the power of `exponent`, computed in float64."""
    return input.double() ** (exponent if isinstance(exponent, int | float) else as_operand(exponent).double())


# --- comparisons and logic --------------------------------------------------------------------------------------------

row("eq", lambda input, other: _comparison(np.equal, input, other), "Whether x = other.")
row("ne not_equal", lambda input, other: _comparison(np.not_equal, input, other), "Whether x ≠ other.")
row("lt less", lambda input, other: _comparison(np.less, input, other), "Whether x < other.")
row("le less_equal", lambda input, other: _comparison(np.less_equal, input, other), "Whether x ≤ other.")
row("gt greater", lambda input, other: _comparison(np.greater, input, other), "Whether x > other.")
row("ge greater_equal", lambda input, other: _comparison(np.greater_equal, input, other), "Whether x ≥ other.")
row("logical_and", lambda input, other: record(np.logical_and, (input, other)), "Whether x and other are not 0.")
row("logical_or", lambda input, other: record(np.logical_or, (input, other)), "Whether x or other is not 0.")
row("logical_xor", lambda input, other: record(np.logical_xor, (input, other)), "Whether exactly one of both is 0.")
row("logical_not", lambda input: record(np.logical_not, (input,)), "Whether x is 0.")
row("bitwise_and", lambda input, other: input & other, "The bits that x and other have.")
row("bitwise_or", lambda input, other: input | other, "The bits that x or other has.")
row("bitwise_xor", lambda input, other: input ^ other, "The bits that exactly one of both has.")
row("bitwise_not", lambda input: ~input, "The bits that x does not have.")
row("bitwise_left_shift", lambda input, other: record(np.left_shift, (input, other)), "x · 2^other, for integers.")
row("bitwise_right_shift", lambda input, other: record(np.right_shift, (input, other)), "⌊x / 2^other⌋, for integers.")
row("isnan", lambda input: record(np.isnan, (input,)), "Whether x is NaN.")
row("isinf", lambda input: record(np.isinf, (input,)), "Whether x is ∞ or −∞.")
row("isfinite", lambda input: record(np.isfinite, (input,)), "Whether x is neither NaN nor infinite.")
row("isposinf", lambda input: input == math.inf, "Whether x is ∞.")
row("isneginf", lambda input: input == -math.inf, "Whether x is −∞.")
row("isreal", lambda input: record(np.ones_like, (input,), {"dtype": np.bool_}), "True: there are no complex numbers.")
row("signbit", lambda input: record(np.signbit, (as_floating(input),)), "Whether x is negative, or −0.")

# --- bounds, rounding and signs ---------------------------------------------------------------------------------------

row("clip", lambda input, min=None, max=None: input.clamp(min, max), "`clamp`, under NumPy's name.")
row("clamp_min", lambda input, min: input.clamp(min=min), "x, but `min` where x is below it.")
row("clamp_max", lambda input, max: input.clamp(max=max), "x, but `max` where x is above it.")
row("ceil", lambda input: record(np.ceil, (input,)), "The least integer not below x. Its derivative is 0.")
row("trunc fix", lambda input: record(np.trunc, (input,)), "The integer part of x. Its derivative is 0.")
row("frac", lambda input: input - input.trunc(), "x without its integer part.")
row("sgn", lambda input: input.sign(), "`sign`: there are no complex numbers.")
row("copysign", lambda input, other: record(np.copysign, (input, other)), "|x|, with the sign of `other`.")
row("deg2rad", lambda input: input * (math.pi / 180), "Degrees as radians.")
row("rad2deg", lambda input: input * (180 / math.pi), "Radians as degrees.")


@offer()
def round(input: Any, *, decimals: int = 0) -> Tensor:
    """The nearest multiple of 10^(−decimals); of two, the even one. Its derivative is 0."""
    if input.dtype.kind != "f":
        if decimals:
            raise TypeError(f"round() of {input.dtype} takes no decimals=: write .float()")
        return input.clone()
    scale = 10.0 ** abs(decimals)
    if decimals < 0:
        return record(np.rint, (input / scale,)) * scale
    return record(np.rint, (input * scale,)) / scale if decimals else record(np.rint, (input,))


@offer()
def heaviside(input: Any, values: Any) -> Tensor:
    """0 where x is negative, 1 where it is positive, and `values` where it is 0. No gradient passes."""
    values = as_operand(values)
    return record(np.heaviside, (input, values)).to(common_dtype(input, values))


@offer()
def nextafter(input: Any, other: Any) -> Tensor:
    """The next float after x in the direction of `other`. Where it is another one than x, the derivative by x is 1.

    Raises:
        TypeError: both hold integers.
    """
    if common_dtype(input, as_operand(other)).kind != "f":
        raise TypeError("nextafter() takes floating Tensors: write .float()")
    input, other = map(as_operand, floating_pair(input, other))
    other = other.detach()
    moves = (input != other) & input.isfinite()
    return record(np.nextafter, (input, other)) + record(np.where, (moves, input - input.detach(), 0))


@offer()
def nan_to_num(input: Any, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """x, but `nan` for NaN, and `posinf` and `neginf` for ∞ and −∞; by default 0, and the greatest and least float."""
    if input.dtype.kind != "f":
        return input.clone()
    most = float(np.finfo(input.dtype).max)
    result = input.masked_fill(input != input, 0.0 if nan is None else nan)
    result = result.masked_fill(input == math.inf, most if posinf is None else posinf)
    return result.masked_fill(input == -math.inf, -most if neginf is None else neginf)


@offer()
def fmax(input: Any, other: Any) -> Tensor:
    """The larger of each two entries, or the one that is not NaN. Where both are equal, x gets the gradient."""
    return record(np.where, ((input >= other) | record(np.isnan, (other,)), input, other))


@offer()
def fmin(input: Any, other: Any) -> Tensor:
    """The smaller of each two entries, or the one that is not NaN. Where both are equal, x gets the gradient."""
    return record(np.where, ((input <= other) | record(np.isnan, (other,)), input, other))


class Frexp(NamedTuple):
    """The result of `frexp`."""

    mantissa: Tensor
    exponent: Tensor


@offer()
def frexp(input: Any) -> Any:
    """The `mantissa` and the `exponent` of x = mantissa · 2^exponent, with 1/2 ≤ |mantissa| < 1.

    Raises:
        TypeError: the Tensor holds integers.
    """
    exponent = applied(_exponent, (input._floating("frexp"),), {})
    half = (exponent // 2).to(input.dtype)  # in two steps, because 2^(−exponent) may be too large for a float
    return Frexp(input.ldexp(-half).ldexp(half - exponent), exponent)


def _exponent(x: Any) -> Any:
    return np.frexp(x)[1]


_exponent.row = ()  # type: ignore[attr-defined]  # no gradient passes

# --- transcendental functions -----------------------------------------------------------------------------------------

for _name, _of in [("absolute", Tensor.abs), ("arcsin", Tensor.asin), ("arccos", Tensor.acos), ("arctan", Tensor.atan)]:
    offer(_name)(_of)

row("asinh arcsinh", lambda input: record(np.arcsinh, (input,)), "The number whose hyperbolic sine is x.")
row("acosh arccosh", lambda input: record(np.arccosh, (input,)), "The number ≥ 0 whose hyperbolic cosine is x.")
row("atanh arctanh", lambda input: record(np.arctanh, (input,)), "The number whose hyperbolic tangent is x.")
row("atan2 arctan2", lambda input, other: record(np.arctan2, (input, other)), "The angle of the point (other, x).")


@offer()
def logaddexp2(input: Any, other: Any) -> Tensor:
    """log₂(2ˣ + 2^other)."""
    one, two = (x * math.log(2) for x in floating_pair(input, other))
    return as_operand(one).logaddexp(two) / math.log(2)


row("logit", lambda input, eps=None: record(logit, (input if eps is None else input.clamp(eps, 1 - eps),)),
    "ln(x / (1 − x)), of x between `eps` and 1 − `eps`.")  # fmt: skip
row(
    "xlogy",
    lambda input, other: record(xlogy, floating_pair(input, other)),
    "x · ln(other), but 0 where x is 0.",
)
row("erfc", lambda input: record(erfc, (input,)), "1 − erf(x), exact for large x.")
row("erfinv", lambda input: record(erfinv, (input,)), "The number whose error function is x.")
row("lgamma", lambda input: record(gammaln, (input,)), "ln |Γ(x)|.")
row("digamma", lambda input: record(digamma, (input,)), "The derivative of ln Γ(x).")
row("i0", lambda input: record(i0, (input,)), "The modified Bessel function of the first kind, of order 0.")


@offer()
def sinc(input: Any) -> Tensor:
    """sin(πx) / (πx), and 1 at 0."""
    x = as_floating(input)
    at_0 = x == 0
    angle = record(np.where, (at_0, 1.0, x)) * math.pi
    return record(np.where, (at_0, 1.0, angle.sin() / angle))


@offer(to="methods")
def polygamma(input: Any, n: int) -> Tensor:
    """The n-th derivative of `digamma`.

    Raises:
        ValueError: n is negative.
    """
    if n < 0:
        raise ValueError(f"polygamma() takes n = 0, 1, 2, …, not {n}")
    if n == 0:
        return input.digamma()
    return record(hurwitz_zeta, (n + 1, as_floating(input))) * ((-1) ** (n + 1) * math.factorial(n))


row("polygamma", lambda n, input: polygamma(as_operand(input), n), "The n-th derivative of `digamma`.", to="functions")


@offer()
def mvlgamma(input: Any, p: int) -> Tensor:
    """The logarithm of the gamma function of p × p matrices: ¼ p (p − 1) ln π + Σ ln Γ(x − i/2) over i < p.

    Raises:
        ValueError: `p` is less than 1.
    """
    if p < 1:
        raise ValueError(f"mvlgamma() takes p = 1, 2, …, not {p}")
    terms = [(input - i / 2).lgamma() for i in range(p)]
    return sum(terms[1:], terms[0]) + p * (p - 1) / 4 * math.log(math.pi)


@offer()
def igamma(input: Any, other: Any) -> Tensor:
    """The regularized lower incomplete gamma function P(x, other), differentiated by `other` alone.

    Raises:
        TypeError: x needs a gradient.
    """
    refuse_gradient("igamma", "input", input)
    return record(lower_gamma, (input, other))


@offer()
def igammac(input: Any, other: Any) -> Tensor:
    """The regularized upper incomplete gamma function Q(x, other), differentiated by `other` alone.

    Raises:
        TypeError: x needs a gradient.
    """
    refuse_gradient("igammac", "input", input)
    return record(upper_gamma, (input, other))
