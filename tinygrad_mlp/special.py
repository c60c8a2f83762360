"""Special functions, as `torch.special` has them: values by SciPy.

Those that PyTorch differentiates are differentiated here, too. The others refuse a Tensor that needs a gradient.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special as sp

from ._left_out import explain_in
from .core.record import Variable, record
from .names import function_of
from .names.elementwise import floating_pair, refuse_gradient
from .names.rows import hurwitz_zeta
from .tensors.arguments import validate_functions
from .tensors.creation import as_floating, as_operand
from .tensors.dispatch import applied
from .tensors.promotion import common_dtype
from .tensors.tensor import Tensor

__all__ = [
    "airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "chebyshev_polynomial_t", "chebyshev_polynomial_u",
    "chebyshev_polynomial_v", "chebyshev_polynomial_w", "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2",
    "expit", "expm1", "gammainc", "gammaincc", "gammaln", "hermite_polynomial_h", "hermite_polynomial_he", "i0", "i0e",
    "i1", "i1e", "laguerre_polynomial_l", "legendre_polynomial_p", "log1p", "log_ndtr", "log_softmax", "logit",
    "logsumexp", "modified_bessel_i0", "modified_bessel_i1", "modified_bessel_k0", "modified_bessel_k1", "multigammaln",
    "ndtr", "ndtri", "polygamma", "psi", "round", "scaled_modified_bessel_k0", "scaled_modified_bessel_k1",
    "shifted_chebyshev_polynomial_t", "shifted_chebyshev_polynomial_u", "shifted_chebyshev_polynomial_v",
    "shifted_chebyshev_polynomial_w", "sinc", "softmax", "spherical_bessel_j0", "xlog1py", "xlogy", "zeta",
]  # fmt: skip

# --- second names of functions of the package -------------------------------------------------------------------------

digamma = psi = function_of("digamma")
erf = function_of("erf")
erfc = function_of("erfc")
erfinv = function_of("erfinv")
exp2 = function_of("exp2")
expit = function_of("sigmoid")
expm1 = function_of("expm1")
gammainc = function_of("igamma")
gammaincc = function_of("igammac")
gammaln = function_of("lgamma")
i0 = function_of("i0")
log1p = function_of("log1p")
log_softmax = function_of("log_softmax")
logit = function_of("logit")
logsumexp = function_of("logsumexp")
multigammaln = function_of("mvlgamma")
polygamma = function_of("polygamma")
round = function_of("round")
sinc = function_of("sinc")
softmax = function_of("softmax")
xlogy = function_of("xlogy")

# --- functions with a derivative --------------------------------------------------------------------------------------


def _recorded(name: str, function: Any, sentence: str) -> Callable[[Any], Tensor]:
    """The function of one Tensor that records `function`, which has a row in the sheet."""

    def computed(input: Any) -> Tensor:
        return record(function, (as_operand(input),))

    computed.__name__ = computed.__qualname__ = name
    computed.__doc__ = sentence
    return computed


entr = _recorded("entr", sp.entr, "−x ln x; 0 at 0, and −∞ below.")
erfcx = _recorded("erfcx", sp.erfcx, "exp(x²) erfc(x).")
i0e = _recorded("i0e", sp.i0e, "exp(−|x|) `i0`.")
i1 = _recorded("i1", sp.i1, "The modified Bessel function of the first kind, of order 1.")
i1e = _recorded("i1e", sp.i1e, "exp(−|x|) `i1`.")
log_ndtr = _recorded("log_ndtr", sp.log_ndtr, "The logarithm of `ndtr`, exact where that is almost 0.")
ndtri = _recorded("ndtri", sp.ndtri, "The number below which a standard normal number lies with probability x.")


def ndtr(input: Any) -> Tensor:
    """The probability that a standard normal number is less than x."""
    x: Any = as_floating(input)
    return (x * -math.sqrt(0.5)).erfc() / 2


def spherical_bessel_j0(input: Any) -> Tensor:
    """sin(x) / x, and 1 at 0."""
    x: Any = as_floating(input)
    return (x / math.pi).sinc()


def xlog1py(input: Any, other: Any) -> Tensor:
    """x · ln(1 + other), but 0 where x is 0."""
    return record(sp.xlog1py, floating_pair(input, other))


def zeta(input: Any, other: Any) -> Tensor:
    """Hurwitz' zeta function Σ (other + k)^(−x) over k = 0, 1, 2, …, differentiated by `other` alone.

    Raises:
        TypeError: x needs a gradient.
    """
    refuse_gradient("zeta", "input", input)
    return record(hurwitz_zeta, floating_pair(input, other))


# --- functions without one --------------------------------------------------------------------------------------------


def _values(name: str, function: Any, sentence: str) -> Callable[[Any], Tensor]:
    """The function of one Tensor that computes `function`, and refuses Tensors that need a gradient."""

    def on_arrays(x: Any) -> Any:
        return np.asarray(function(x), x.dtype)

    on_arrays.row = ()  # type: ignore[attr-defined]  # no gradient passes

    def computed(input: Any) -> Tensor:
        refuse_gradient(name, "input", input)
        return applied(on_arrays, (as_floating(input),), {})

    computed.__name__ = computed.__qualname__ = name
    computed.__doc__ = sentence
    return computed


airy_ai = _values("airy_ai", lambda x: sp.airy(x)[0], "The Airy function Ai.")
bessel_j0 = _values("bessel_j0", sp.j0, "The Bessel function of the first kind, of order 0.")
bessel_j1 = _values("bessel_j1", sp.j1, "The Bessel function of the first kind, of order 1.")
bessel_y0 = _values("bessel_y0", sp.y0, "The Bessel function of the second kind, of order 0.")
bessel_y1 = _values("bessel_y1", sp.y1, "The Bessel function of the second kind, of order 1.")
modified_bessel_i0 = i0
modified_bessel_i1 = i1
modified_bessel_k0 = _values(
    "modified_bessel_k0", sp.k0, "The modified Bessel function of the second kind, of order 0."
)
modified_bessel_k1 = _values(
    "modified_bessel_k1", sp.k1, "The modified Bessel function of the second kind, of order 1."
)
scaled_modified_bessel_k0 = _values("scaled_modified_bessel_k0", sp.k0e, "exp(x) `modified_bessel_k0`.")
scaled_modified_bessel_k1 = _values("scaled_modified_bessel_k1", sp.k1e, "exp(x) `modified_bessel_k1`.")


def _polynomials(name: str, function: Any, sentence: str) -> Callable[[Any, Any], Tensor]:
    """The function of a Tensor and of the degree of a polynomial, which is 0 for a negative degree."""

    def on_arrays(x: Any, n: Any, dtype: Any) -> Any:
        degree = np.asarray(n).astype(np.int64)
        values = function(np.maximum(degree, 0), x.astype(np.float64))
        return np.where(degree < 0, 0, values).astype(dtype)

    on_arrays.row = ()  # type: ignore[attr-defined]  # no gradient passes

    def computed(input: Any, n: Any) -> Tensor:
        refuse_gradient(name, "input", input)
        x = as_floating(input)
        dtype = common_dtype(x, n) if isinstance(n, Variable) else x.dtype
        return applied(on_arrays, (x, n), {"dtype": dtype})

    computed.__name__ = computed.__qualname__ = name
    computed.__doc__ = sentence
    return computed


def _third(n: Any, x: Any) -> Any:
    return sp.eval_chebyu(n, x) - _before(n, x)


def _fourth(n: Any, x: Any) -> Any:
    return sp.eval_chebyu(n, x) + _before(n, x)


def _before(n: Any, x: Any) -> Any:
    """The Chebyshev polynomial of the second kind, of degree n − 1."""
    return np.where(n > 0, sp.eval_chebyu(np.maximum(n - 1, 0), x), 0)


def _shifted(function: Any) -> Any:
    return lambda n, x: function(n, 2 * x - 1)


# fmt: off
chebyshev_polynomial_t = _polynomials(
    "chebyshev_polynomial_t", sp.eval_chebyt, "The Chebyshev polynomial of the first kind, of degree `n`.")
chebyshev_polynomial_u = _polynomials(
    "chebyshev_polynomial_u", sp.eval_chebyu, "The Chebyshev polynomial of the second kind, of degree `n`.")
chebyshev_polynomial_v = _polynomials(
    "chebyshev_polynomial_v", _third, "The Chebyshev polynomial of the third kind, of degree `n`.")
chebyshev_polynomial_w = _polynomials(
    "chebyshev_polynomial_w", _fourth, "The Chebyshev polynomial of the fourth kind, of degree `n`.")
shifted_chebyshev_polynomial_t = _polynomials(
    "shifted_chebyshev_polynomial_t", _shifted(sp.eval_chebyt), "`chebyshev_polynomial_t` of 2x − 1.")
shifted_chebyshev_polynomial_u = _polynomials(
    "shifted_chebyshev_polynomial_u", _shifted(sp.eval_chebyu), "`chebyshev_polynomial_u` of 2x − 1.")
shifted_chebyshev_polynomial_v = _polynomials(
    "shifted_chebyshev_polynomial_v", _shifted(_third), "`chebyshev_polynomial_v` of 2x − 1.")
shifted_chebyshev_polynomial_w = _polynomials(
    "shifted_chebyshev_polynomial_w", _shifted(_fourth), "`chebyshev_polynomial_w` of 2x − 1.")
hermite_polynomial_h = _polynomials(
    "hermite_polynomial_h", sp.eval_hermite, "The physicist's Hermite polynomial of degree `n`.")
hermite_polynomial_he = _polynomials(
    "hermite_polynomial_he", sp.eval_hermitenorm, "The probabilist's Hermite polynomial of degree `n`.")
laguerre_polynomial_l = _polynomials(
    "laguerre_polynomial_l", sp.eval_laguerre, "The Laguerre polynomial of degree `n`.")
legendre_polynomial_p = _polynomials(
    "legendre_polynomial_p", sp.eval_legendre, "The Legendre polynomial of degree `n`.")
# fmt: on

validate_functions(globals())
explain_in(globals())
