"""The table of families: how each is made, the same distribution in SciPy, and values of its support."""

from typing import Any

import numpy as np
from scipy import stats

import tinygrad_mlp.distributions as D

LOC, SCALE = np.array([0.5, -1.0, 2.0]), np.array([0.5, 1.0, 2.5])
PROBS, SHARES = np.array([0.2, 0.5, 0.9]), np.array([0.2, 0.3, 0.5])
REALS, POSITIVE, UNITS = np.array([-1.5, 0.25, 2.2]), np.array([0.3, 1.0, 2.5]), np.array([0.1, 0.5, 0.8])
COUNTS = np.array([0.0, 1.0, 3.0])
MATRIX = np.array([[2.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 0.5]])

# For each family of numbers: its class, parameters, SciPy's distribution of these, and values.
FAMILIES: dict[str, tuple[Any, tuple[Any, ...], Any, Any]] = {
    "Normal": (D.Normal, (LOC, SCALE), lambda m, s: stats.norm(m, s), REALS),
    "LogNormal": (D.LogNormal, (LOC, SCALE), lambda m, s: stats.lognorm(s, scale=np.exp(m)), POSITIVE),
    "Uniform": (D.Uniform, (LOC, LOC + SCALE), lambda a, b: stats.uniform(a, b - a), LOC + SCALE * UNITS),
    "Beta": (D.Beta, (POSITIVE, SCALE), stats.beta, UNITS),
    "Gamma": (D.Gamma, (POSITIVE, SCALE), lambda a, r: stats.gamma(a, scale=1 / r), POSITIVE),
    "Chi2": (D.Chi2, (SCALE * 3,), stats.chi2, POSITIVE),
    "Exponential": (D.Exponential, (SCALE,), lambda r: stats.expon(scale=1 / r), POSITIVE),
    "Laplace": (D.Laplace, (LOC, SCALE), stats.laplace, REALS),
    "Cauchy": (D.Cauchy, (LOC, SCALE), stats.cauchy, REALS),
    "HalfNormal": (D.HalfNormal, (SCALE,), lambda s: stats.halfnorm(scale=s), POSITIVE),
    "StudentT": (D.StudentT, (SCALE + 3, LOC, SCALE), stats.t, REALS),
    "Bernoulli": (D.Bernoulli, (PROBS,), stats.bernoulli, np.array([0.0, 1.0, 1.0])),
    "Geometric": (D.Geometric, (PROBS,), lambda p: stats.geom(p, loc=-1), COUNTS),
    "Binomial": (D.Binomial, (np.full(3, 5.0), PROBS), stats.binom, COUNTS),
    "Poisson": (D.Poisson, (SCALE,), stats.poisson, COUNTS),
}
DISCRETE = {"Bernoulli", "Geometric", "Binomial", "Poisson"}
