"""Rows of the sheet for draws of gamma distributions, which are differentiated by the shape of the distribution.

A draw is z = P⁻¹(a, p) for a uniform p, where P(a, z) is the probability of numbers up to z. At a fixed p, dz/da is
−(∂P/∂a) / (∂P/∂z), by the theorem of implicit functions (Figurnov et al. 2018). ∂P/∂z is the density p(a, z), which
is z^(a−1) e^(−z) / Γ(a).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import digamma, gammaincinv, gammaln

from ..core import functions as f
from ..core.sheet import sheet
from .rows import hurwitz_zeta

__all__ = ["gamma_quantile", "shape_derivative"]


@f.dispatched
def gamma_quantile(a: Any, p: Any) -> Any:
    """The quantile of gamma distributions: draws with the shape `a` are below it with probability `p`. It is not 0."""
    y = gammaincinv(a, p)
    return np.maximum(y, np.finfo(y.dtype).tiny)


# A rule of quadrature on (0, ∞) for integrands that decay exponentially: u = exp(t − e^(−t)), with equal steps of t.
_STEP = 1 / 16
_T = np.arange(-4, 5, _STEP)
_NODES = np.exp(_T - np.exp(-_T))
_WEIGHTS = _STEP * _NODES * (1 + np.exp(-_T))


@f.dispatched
def shape_derivative(order: int, a: Any, z: Any) -> Any:
    """∂ⁿP(a, z)/∂aⁿ, the derivative of this `order` ≥ 1, divided by the density at z.

    It is the integral of ∂ⁿp(a, t)/∂aⁿ over t < z, or minus that over t > z, as the integral over all t is 0. The side
    is taken on which p decreases from z on, so that no digits cancel. There, t is z e^v.
    """
    dtype = np.result_type(a, z)
    a, z = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(z, np.float64))
    side = np.where(z < a, -1.0, 1.0)
    near = 1 / (abs(z - a) + np.sqrt(z))  # about how far p extends
    width = np.where(z < a, near, np.log1p(near))
    total = np.zeros(a.shape)
    with np.errstate(over="ignore"):  # where the exponent is −∞
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            v = side * width * node
            total += weight * np.exp(a * v - z * np.expm1(v)) * density_derivative(order, a, np.log(z) + v)
    return (-side * z * width * total).astype(dtype)


def density_derivative(order: int, a: Any, log_t: Any) -> Any:
    """∂ⁿp(a, t)/∂aⁿ divided by p(a, t), by the derivatives of ln p = (a − 1) ln t − t − ln Γ(a)."""
    of_log = [log_t - digamma(a)]
    of_log += [(-1) ** k * math.factorial(k) * hurwitz_zeta(k + 1, a) for k in range(1, order)]
    found: list[Any] = [1]
    for n in range(order):
        found.append(sum(math.comb(n, k) * found[n - k] * of_log[k] for k in range(n + 1)))
    return found[order]


def _by_shape(g: Any, y: Any, order: int, a: Any, z: Any) -> Any:
    return g * (shape_derivative(order + 1, a, z) - y * density_derivative(1, a, np.log(z)))


def _by_number(g: Any, y: Any, order: int, a: Any, z: Any) -> Any:
    return g * (density_derivative(order, a, np.log(z)) - y * ((a - 1) / z - 1))


sheet |= {
    gamma_quantile: (
        lambda g, y, a, _p: -g * shape_derivative(1, a, y),
        lambda g, y, a, _p: g * np.exp(y - (a - 1) * np.log(y) + gammaln(a)),
    ),
    shape_derivative: (None, _by_shape, _by_number),
}
