"""Names of elementwise functions compute what NumPy and SciPy compute, and so do their gradients."""

import math
from typing import Any

import numpy as np
import pytest
from checks import Method, check_answer, check_method
from hypothesis import given
from hypothesis import strategies as st
from ops import bessel
from scipy import special
from strategies import leaf

import tinygrad_mlp as tg

POSITIVE = (0.5, 2)


def gammaln_of_pairs(x: Any) -> Any:
    return special.loggamma(x) + special.loggamma(x - 0.5) + np.log(np.pi) / 2


CALLS: list[Method] = [
    # -- arithmetic
    ("add", lambda x: x.add(x, alpha=2), lambda x: 3 * x),
    ("sub", lambda x: x.sub(x * x, alpha=2), lambda x: x - 2 * x * x),
    ("mul", lambda x: x.mul(x), lambda x: x * x),
    ("div", lambda x: x.div(x + 3), lambda x: x / (x + 3)),
    ("true_divide", lambda x: x.true_divide(x + 3), lambda x: x / (x + 3)),
    ("floor_divide", lambda x: x.floor_divide(0.75), lambda x: np.floor(x.real / 0.75)),
    ("remainder", lambda x: x.remainder(0.75), lambda x: x - 0.75 * np.floor(x.real / 0.75)),
    ("fmod", lambda x: x.fmod(0.75), lambda x: x - 0.75 * np.trunc(x.real / 0.75)),
    ("neg", lambda x: x.neg(), lambda x: -x),
    ("positive", lambda x: x.positive(), lambda x: x),
    ("addcmul", lambda x: x.addcmul(x, x, value=2), lambda x: x + 2 * x * x),
    ("addcdiv", lambda x: x.addcdiv(x, x + 3, value=2), lambda x: x + 2 * x / (x + 3)),
    ("lerp", lambda x: x.lerp(x * x, 0.25), lambda x: x + 0.25 * (x * x - x)),
    ("rsqrt", lambda x: x.rsqrt(), lambda x: 1 / np.sqrt(x), *POSITIVE),
    ("hypot", lambda x: x.hypot(2 * x), lambda x: np.sqrt(5) * x, *POSITIVE),
    ("ldexp", lambda x: x.ldexp(tg.tensor([3, -1, 0])), lambda x: x * [8, 0.5, 1]),
    ("float_power", lambda x: x.float_power(3), lambda x: x**3, *POSITIVE),
    ("function fill", lambda x: tg.fill(x, x[0, 0]), lambda x: np.full((2, 3), x[0, 0])),
    ("function rsub", lambda x: tg.rsub(x, 1, alpha=2), lambda x: 1 - 2 * x),
    # -- bounds, rounding and signs
    ("clip", lambda x: x.clip(-1, 1), lambda x: np.where(x.real < -1, -1, np.where(x.real > 1, 1, x))),
    ("clamp_min", lambda x: x.clamp_min(-1), lambda x: np.where(x.real < -1, -1, x)),
    ("clamp_max", lambda x: x.clamp_max(1), lambda x: np.where(x.real > 1, 1, x)),
    ("ceil", lambda x: x.ceil(), lambda x: np.ceil(x.real)),
    ("trunc", lambda x: x.trunc(), lambda x: np.trunc(x.real)),
    ("frac", lambda x: x.frac(), lambda x: x - np.trunc(x.real)),
    ("round", lambda x: x.round(decimals=1), lambda x: np.round(x.real, 1)),
    ("sgn", lambda x: x.sgn(), lambda x: np.sign(x.real)),
    ("copysign", lambda x: x.copysign(-2), lambda x: -x * np.sign(x.real)),
    ("nextafter", lambda x: x.nextafter(math.inf), lambda x: x),
    ("fmax", lambda x: x.fmax(x * x), lambda x: np.where(x.real >= (x * x).real, x, x * x)),
    ("fmin", lambda x: x.fmin(x * x), lambda x: np.where(x.real <= (x * x).real, x, x * x)),
    ("nan_to_num", lambda x: x.nan_to_num(), lambda x: x),
    ("deg2rad", lambda x: x.deg2rad(), lambda x: x * np.pi / 180),
    ("rad2deg", lambda x: x.rad2deg(), lambda x: x * 180 / np.pi),
    ("frexp", lambda x: x.frexp().mantissa, lambda x: x / 2.0 ** np.frexp(x.real)[1], 0.55, 0.95),
    # -- transcendental functions
    ("absolute", lambda x: x.absolute(), lambda x: x * np.sign(x.real)),
    ("arcsin", lambda x: x.arcsin(), np.arcsin, -0.75, 0.75),
    ("arccos", lambda x: x.arccos(), np.arccos, -0.75, 0.75),
    ("arctan", lambda x: x.arctan(), np.arctan),
    ("asinh", lambda x: x.asinh(), np.arcsinh),
    ("acosh", lambda x: x.acosh(), np.arccosh, 1.25, 3),
    ("atanh", lambda x: x.atanh(), np.arctanh, -0.75, 0.75),
    ("atan2", lambda x: x.atan2(x * x + 1), lambda x: np.arctan(x / (x * x + 1))),
    ("logaddexp2", lambda x: x.logaddexp2(-x), lambda x: np.log2(2**x + 2**-x)),
    ("logit", lambda x: x.logit(), lambda x: np.log(x / (1 - x)), 0.1, 0.9),
    ("xlogy", lambda x: x.xlogy(x + 3), lambda x: x * np.log(x + 3)),
    ("sinc", lambda x: x.sinc(), lambda x: np.sin(np.pi * x) / (np.pi * x), *POSITIVE),
    ("erfc", lambda x: x.erfc(), special.erfc),
    ("lgamma", lambda x: x.lgamma(), special.loggamma, *POSITIVE),
    ("digamma", lambda x: x.digamma(), special.digamma, *POSITIVE),
    ("mvlgamma", lambda x: x.mvlgamma(2), gammaln_of_pairs, 1, 3),
    ("i0", lambda x: x.i0(), bessel(0)),
]

X = np.array([[1.5, -2.5, 0.5], [3.5, -0.5, 3.5]])
N = tg.tensor([[3, -4, 0]])
ODD = tg.tensor([np.nan, np.inf, -np.inf, -0.0])

# Functions through which no gradient passes, and those without a reference for complex numbers, with values for X.
ANSWERS: list[tuple[str, Any, Any]] = [
    ("eq", lambda x: x.eq(3.5), X == 3.5),
    ("ne", lambda x: x.ne(3.5), X != 3.5),
    ("lt", lambda x: x.lt(0.5), X < 0.5),
    ("le", lambda x: x.le(0.5), X <= 0.5),
    ("gt", lambda x: x.gt(0.5), X > 0.5),
    ("ge", lambda x: x.ge(0.5), X >= 0.5),
    ("logical_and", lambda x: x.logical_and(N), (X != 0) & [True, True, False]),
    ("logical_or", lambda x: x.logical_or(N), np.ones((2, 3), bool)),
    ("logical_xor", lambda x: x.logical_xor(N), np.repeat([[False, False, True]], 2, 0)),
    ("logical_not", lambda x: N.logical_not(), [[False, False, True]]),
    ("bitwise_and", lambda x: N.bitwise_and(2), [[2, 0, 0]]),
    ("bitwise_or", lambda x: N.bitwise_or(2), [[3, -2, 2]]),
    ("bitwise_xor", lambda x: N.bitwise_xor(2), [[1, -2, 2]]),
    ("bitwise_not", lambda x: N.bitwise_not(), [[-4, 3, -1]]),
    ("bitwise_left_shift", lambda x: N.bitwise_left_shift(2), [[12, -16, 0]]),
    ("bitwise_left_shift", lambda x: N << 2, [[12, -16, 0]]),
    ("bitwise_right_shift", lambda x: N.bitwise_right_shift(1), [[1, -2, 0]]),
    ("bitwise_right_shift", lambda x: 8 >> tg.tensor([1, 2]), [4, 2]),
    ("gcd", lambda x: N.gcd(6), [[3, 2, 6]]),
    ("lcm", lambda x: N.lcm(6), [[6, 12, 0]]),
    ("div", lambda x: N.div(3, rounding_mode="floor"), [[1, -2, 0]]),
    ("div", lambda x: tg.tensor(2**62 + 1).div(-1, rounding_mode="trunc"), -(2**62) - 1),
    ("div", lambda x: x.detach().div(2, rounding_mode="trunc"), np.trunc(X / 2)),
    ("isnan", lambda x: ODD.isnan(), [True, False, False, False]),
    ("isinf", lambda x: ODD.isinf(), [False, True, True, False]),
    ("isfinite", lambda x: ODD.isfinite(), [False, False, False, True]),
    ("isposinf", lambda x: ODD.isposinf(), [False, True, False, False]),
    ("isneginf", lambda x: ODD.isneginf(), [False, False, True, False]),
    ("isreal", lambda x: ODD.isreal(), [True] * 4),
    ("signbit", lambda x: ODD[1:].signbit(), [False, True, True]),
    ("heaviside", lambda x: x.heaviside(0.5), X > 0),
    ("heaviside", lambda x: N.heaviside(tg.tensor(7)), [[1, 0, 7]]),
    ("nan_to_num", lambda x: ODD.nan_to_num(1, 2, 3), [1, 2, 3, 0]),
    ("nan_to_num", lambda x: ODD.nan_to_num()[1], np.finfo(np.float32).max),
    ("nextafter", lambda x: tg.tensor([1.0, 2.0]).nextafter(tg.tensor(2.0)), np.nextafter(np.float32([1, 2]), 2)),
    ("fmax", lambda x: ODD.fmax(tg.tensor(1.0)), [1, np.inf, 1, 1]),
    ("fmin", lambda x: ODD.fmin(tg.tensor(1.0)), [1, 1, -np.inf, 0]),
    ("round", lambda x: tg.tensor([1250.0, -1350]).round(decimals=-2), [1200, -1400]),
    ("round", lambda x: N.round(), [[3, -4, 0]]),
    ("frexp", lambda x: tg.tensor(np.array([1e300, 1e-300, 5e-324])).frexp()[0], np.frexp([1e300, 1e-300, 5e-324])[0]),
    ("frexp", lambda x: x.frexp().exponent, np.frexp(X)[1]),
    ("sgn", lambda x: (x > 0).sgn(), X > 0),
    ("sinc", lambda x: tg.tensor([0, 0]).sinc(), [1, 1]),
    ("logit", lambda x: tg.tensor([0.0]).logit(0.5), [0]),
    ("erfinv", lambda x: x.detach().erf().erfinv(), special.erfinv(special.erf(X))),
    ("polygamma", lambda x: x.detach().polygamma(2), special.polygamma(2, X)),
    ("polygamma", lambda x: tg.polygamma(0, x.detach()), special.digamma(X)),
    ("igamma", lambda x: x.detach().abs().igamma(2), special.gammainc(abs(X), 2)),
    ("igammac", lambda x: x.detach().abs().igammac(2), special.gammaincc(abs(X), 2)),
]


@pytest.mark.parametrize("row", CALLS, ids=lambda row: row[0])
@given(data=st.data())
def test_functions_compute_what_numpy_computes(row: Method, data: st.DataObject) -> None:
    check_method(row, data, 1e-12)


@pytest.mark.parametrize(("name", "call", "expected"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_functions_without_a_gradient(name: str, call: Any, expected: Any) -> None:
    check_answer(call(leaf(X)), expected)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: x.div(2, rounding_mode="up"), 'rounding_mode="floor"'),
        (lambda x: (x > 0).positive(), "write .int()"),
        (lambda x: x.eq(None), "not None"),
        (lambda x: N.round(decimals=1), "write .float()"),
        (lambda x: N.nextafter(1), "nextafter() takes floating Tensors"),
        (lambda x: N.frexp(), "frexp() takes a floating Tensor"),
        (lambda x: x.polygamma(-1), "n = 0, 1, 2, …, not -1"),
        (lambda x: x.mvlgamma(0), "p = 1, 2, …, not 0"),
        (lambda x: x.igamma(2), "write input.detach()"),
        (lambda x: x.igammac(2), "write input.detach()"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(call: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words.replace("(", r"\(").replace(")", r"\)")):
        call(leaf(X))


def test_numbers_leave_float32_as_it_is() -> None:
    x = tg.tensor([0.5, 1.5])
    for y in (x.xlogy(2), x.igamma(2), x.igammac(2.5), x.copysign(-1), x.fmax(1), x.atan2(1), x.hypot(1), x.sinc()):
        assert y.dtype == tg.float32
    assert tg.xlogy(N, 2).dtype == tg.float32
    assert x.float_power(2).dtype == x.float_power(np.float32([2, 3])).dtype == tg.float64
