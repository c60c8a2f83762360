"""Further rows of the sheet of derivatives: for functions that PyTorch's names need, and that a network does without.

`core/sheet.py` says how a rule is written. These rows stand here so that the core stays small.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import (
    digamma,
    entr,
    erfc,
    erfcx,
    erfinv,
    gammainc,
    gammaincc,
    gammaln,
    i0,
    i0e,
    i1,
    i1e,
    log_ndtr,
    logit,
    ndtri,
    xlog1py,
    xlogy,
    zeta,
)  # fmt: skip

from ..core import functions as f
from ..core.sheet import sheet

__all__ = ["hurwitz_zeta", "lower_gamma", "upper_gamma"]


@f.dispatched
def hurwitz_zeta(s: Any, q: Any) -> Any:
    """Σ (k + q)^(−s) over k = 0, 1, 2, …: `scipy.special.zeta`, which is no ufunc."""
    return zeta(s, q)


@f.dispatched
def lower_gamma(a: Any, x: Any) -> Any:
    """The regularized lower incomplete gamma function P(a, x), in the dtype that NumPy's functions would choose."""
    dtype = np.result_type(a, x)
    return gammainc(np.asarray(a, dtype), np.asarray(x, dtype))


@f.dispatched
def upper_gamma(a: Any, x: Any) -> Any:
    """The regularized upper incomplete gamma function Q(a, x) = 1 − P(a, x)."""
    dtype = np.result_type(a, x)
    return gammaincc(np.asarray(a, dtype), np.asarray(x, dtype))


# fmt: off
sheet |= {
    # -- one input
    np.arcsinh:      (lambda g, _y, x: g / np.sqrt(x**2 + 1),),
    np.arccosh:      (lambda g, _y, x: g / (np.sqrt(x - 1) * np.sqrt(x + 1)),),
    np.arctanh:      (lambda g, _y, x: g / (1 - x**2),),
    erfc:            (lambda g, _y, x: -g * np.exp(-(x**2)) * (2 / math.sqrt(math.pi)),),
    erfcx:           (lambda g, y, x: g * (2 * x * y - 2 / math.sqrt(math.pi)),),
    erfinv:          (lambda g, y, _x: g * np.exp(y**2) * (math.sqrt(math.pi) / 2),),
    log_ndtr:        (lambda g, _y, x: g * math.sqrt(2 / math.pi) / erfcx(-x / math.sqrt(2)),),
    ndtri:           (lambda g, y, _x: g * np.exp(y**2 / 2) * math.sqrt(2 * math.pi),),
    logit:           (lambda g, _y, x: g / (x * (1 - x)),),
    entr:            (lambda g, _y, x: -g * (1 + np.log(x)),),
    gammaln:         (lambda g, _y, x: g * digamma(x),),
    digamma:         (lambda g, _y, x: g * hurwitz_zeta(2, x),),
    # Modified Bessel functions. The quotients are 0 / 0 at 0, and 1/2 in the limit.
    i0:              (lambda g, _y, x: g * i1(x),),
    i1:              (lambda g, y, x: g * np.where(x == 0, 0.5, i0(x) - y / (x + (x == 0))),),
    i0e:             (lambda g, y, x: g * (i1e(x) - np.sign(x) * y),),
    i1e:             (lambda g, y, x: g * np.where(x == 0, 0.5, i0e(x) - y * (np.sign(x) + 1 / (x + (x == 0)))),),

    # -- two inputs
    np.fmod:         (lambda g, _y, _a, _b: g,                  lambda g, _y, a, b: -g * np.trunc(a / b)),
    np.copysign:     (lambda g, y, a, _b: g * np.sign(a) * np.sign(y),
                      lambda g, _y, _a, _b: np.zeros_like(g)),
    np.hypot:        (lambda g, y, a, _b: g * a / y,            lambda g, y, _a, b: g * b / y),
    np.arctan2:      (lambda g, _y, a, b: f.quotient(g * b, a**2 + b**2),
                      lambda g, _y, a, b: f.quotient(-g * a, a**2 + b**2)),
    # Where a is 0, the product is 0 for every b, also if the logarithm is infinite.
    xlogy:           (lambda g, _y, a, b: g * np.log(np.where((a == 0) & (b <= 0), 1, b)),
                      lambda g, _y, a, b: g * a / b),
    xlog1py:         (lambda g, _y, a, b: g * np.log1p(np.where((a == 0) & (b <= -1), 0, b)),
                      lambda g, _y, a, b: g * a / (1 + b)),
    hurwitz_zeta:    (None,
                      lambda g, _y, s, q: -g * s * hurwitz_zeta(s + 1, q)),
    # The derivatives by a are no elementary functions: `igamma` and `igammac` refuse an `a` that needs one.
    lower_gamma:     (None,
                      lambda g, _y, a, x: g * np.exp((a - 1) * np.log(x) - x - gammaln(a))),
    upper_gamma:     (None,
                      lambda g, _y, a, x: -g * np.exp((a - 1) * np.log(x) - x - gammaln(a))),
}

# Functions without a derivative: no gradient passes.
for _constant in (
    np.signbit, np.left_shift, np.right_shift, np.gcd, np.lcm, np.heaviside, np.nextafter,
):
    sheet[_constant] = ()
# fmt: on
