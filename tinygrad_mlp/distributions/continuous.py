"""Distributions of real numbers and vectors. Their draws are functions of the parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.record import record
from ..linalg import cholesky, inv, solve_triangular
from ..names.gamma_rows import gamma_quantile
from ..special import gammainc, ndtr, ndtri, xlogy
from ..tensors.creation import as_floating, eye, ones_like, stack, where, zeros_like
from .constraints import (
    greater_than,
    independent,
    interval,
    less_than,
    lower_cholesky,
    nonnegative,
    positive,
    positive_definite,
    real,
    real_vector,
    simplex,
    unit_interval,
)
from .distribution import Computed, Distribution, Numbers, at_probability, at_value, draws, parameters

__all__ = [
    "Beta", "Cauchy", "Chi2", "Dirichlet", "Exponential", "Gamma", "Laplace", "MultivariateNormal", "Normal",
    "StudentT", "Uniform",
]  # fmt: skip

LOG_2PI = math.log(2 * math.pi)
Formula = Callable[[Any], Any]


class _Real(Distribution):
    has_rsample = True
    _mean_log: Any  # E[ln x], which `kl` reads of families of positive numbers


# --- loc + scale · z --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standard:
    """The distribution of z: how it is drawn, its functions, and its numbers."""

    draw: Callable[..., Any]
    log_density: Formula
    cdf: Formula
    quantile: Formula
    entropy: float
    variance: float
    mean: float = 0


class _LocationScale(_Real):
    _standard: Standard
    loc: Any
    scale: Any
    arg_constraints = parameters(loc=real, scale=positive)
    mode = property(lambda d: d.loc)
    mean = property(lambda d: d.loc + d.scale * d._standard.mean if d._standard.mean else d.loc)
    variance = property(lambda d: d.scale.square() * d._standard.variance)
    stddev = property(lambda d: d.scale * math.sqrt(d._standard.variance))
    log_prob = at_value(lambda d, x: d._standard.log_density((x - d.loc) / d.scale) - d.scale.log())
    cdf = at_value(lambda d, x: d._standard.cdf((x - d.loc) / d.scale))
    icdf = at_probability(lambda d, p: d.loc + d.scale * d._standard.quantile(p))

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self._set(validate_args, loc=loc, scale=scale)

    def _draw(self, shape: Any, generator: Any) -> Any:
        return draws(self._standard.draw, of=lambda d, z: d.loc + d.scale * z)(self, shape, generator)

    def entropy(self) -> Any:
        return self.scale.log() + self._standard.entropy


class Normal(_LocationScale):
    """The normal distribution with the mean `loc` and the standard deviation `scale`.

    Raises:
        ValueError: a standard deviation is not positive.

    >>> import tinygrad_mlp as tg
    >>> from tinygrad_mlp.distributions import Normal, kl_divergence
    >>> kl_divergence(Normal(tg.tensor([0.0, 1.0]), 1.0), Normal(0.0, 1.0))
    tensor([0.0, 0.5])
    """

    _standard = Standard(
        Numbers.standard_normal, lambda z: -(z.square() + LOG_2PI) / 2, ndtr, ndtri, (1 + LOG_2PI) / 2, variance=1
    )


class Laplace(_LocationScale):
    """The Laplace distribution, with the density exp(−|x − loc| / scale) / (2 scale)."""

    _standard = Standard(
        lambda numbers, shape: numbers.laplace(size=shape),
        lambda z: -z.abs() - math.log(2),
        lambda z: where(z < 0, z.clamp(max=0).exp() / 2, 1 - (-z.clamp(min=0)).exp() / 2),
        lambda p: where(p < 0.5, (2 * p).log(), -(2 * (1 - p)).log()),
        entropy=1 + math.log(2),
        variance=2,
    )


class Cauchy(_LocationScale):
    """The Cauchy distribution, with the median `loc` and half of its numbers within `scale` of that. It has no mean."""

    mean = property(lambda d: zeros_like(d.loc) + math.nan)
    variance = stddev = property(lambda d: zeros_like(d.loc) + math.inf)
    _standard = Standard(
        Numbers.standard_cauchy,
        lambda z: -math.log(math.pi) - z.square().log1p(),
        lambda z: ones_like(z).atan2(-z) / math.pi,
        lambda p: where(p < 0.5, -1 / (p * math.pi).tan(), 1 / ((1 - p) * math.pi).tan()),
        entropy=math.log(4 * math.pi),
        variance=math.inf,
    )


# --- intervals and positive numbers -----------------------------------------------------------------------------------


class Uniform(_Real):
    """The uniform distribution of numbers ≥ `low` and < `high`."""

    low: Any
    high: Any
    arg_constraints = property(lambda d: parameters(low=less_than(d.high), high=greater_than(d.low)))
    support = property(lambda d: interval(d.low, d.high))
    mean = property(lambda d: (d.high + d.low) / 2)
    mode = property(lambda d: d.high * math.nan)
    variance = property(lambda d: (d.high - d.low).square() / 12)
    stddev = property(lambda d: (d.high - d.low) / math.sqrt(12))
    _mean_log = property(lambda d: (xlogy(d.high, d.high) - xlogy(d.low, d.low)) / (d.high - d.low) - 1)
    _draw = draws(Numbers.random, of=lambda d, z: d.low + z * (d.high - d.low))
    log_prob = at_value(lambda d, x: where((x >= d.low) & (x < d.high), -(d.high - d.low).log(), -math.inf))
    cdf = at_value(lambda d, x: ((x - d.low) / (d.high - d.low)).clamp(0, 1))
    icdf = at_probability(lambda d, p: d.low + p * (d.high - d.low))

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self._set(validate_args, low=low, high=high)

    def entropy(self) -> Any:
        return (self.high - self.low).log()


class Exponential(_Real):
    """The exponential distribution, with the density rate · exp(−rate · x)."""

    rate: Any
    arg_constraints = parameters(rate=positive)
    support = nonnegative
    mean = stddev = property(lambda d: 1 / d.rate)
    mode = property(lambda d: zeros_like(d.rate))
    variance = property(lambda d: 1 / d.rate.square())
    _mean_log = property(lambda d: -float(np.euler_gamma) - d.rate.log())
    _draw = draws(Numbers.standard_exponential, of=lambda d, z: z / d.rate)
    log_prob = at_value(lambda d, x: d.rate.log() - d.rate * x)
    cdf = at_value(lambda d, x: -(-d.rate * x).expm1())
    icdf = at_probability(lambda d, p: -(-p).log1p() / d.rate)

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        self._set(validate_args, rate=rate)

    def entropy(self) -> Any:
        return 1 - self.rate.log()


def gamma_of(concentration: Any, uniform: Any) -> Any:
    """Draws of gamma distributions with the rate 1, in float64, which has the exponents for small concentrations."""
    return record(gamma_quantile, (concentration.double(), uniform))


def gamma_draws(of: Callable[[Any, Any], Any]) -> Any:
    """How a family draws that is made of gamma distributions: `of` the distribution and uniform numbers."""
    return draws(Numbers.random, of=lambda d, u: of(d, u).to(d._dtype), dtype=np.float64)


class Gamma(_Real):
    """The gamma distribution, whose density is proportional to x^(concentration − 1) exp(−rate · x).

    Gradients pass through its draws by the theorem of implicit functions (Figurnov et al. 2018).
    """

    concentration: Any
    rate: Any
    arg_constraints = parameters(concentration=positive, rate=positive)
    support = nonnegative
    mean = property(lambda d: d.concentration / d.rate)
    mode = property(lambda d: ((d.concentration - 1) / d.rate).clamp(min=0))
    variance = property(lambda d: d.concentration / d.rate.square())
    _mean_log = property(lambda d: d.concentration.digamma() - d.rate.log())
    cdf = at_value(lambda d, x: gammainc(d.concentration, d.rate * x))
    _draw = gamma_draws(
        lambda d, u: (gamma_of(d.concentration, u) / d.rate.double()).clamp(min=float(np.finfo(d._dtype).tiny))
    )

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self._set(validate_args, concentration=concentration, rate=rate)

    @at_value
    def log_prob(self, x: Any) -> Any:
        a = self.concentration
        return xlogy(a, self.rate) + xlogy(a - 1, x) - self.rate * x - a.lgamma()

    def entropy(self) -> Any:
        a = self.concentration
        return a - self.rate.log() + a.lgamma() + (1 - a) * a.digamma()


class Chi2(Gamma):
    """The distribution of the sum of the squares of `df` standard normal numbers."""

    df: Any
    arg_constraints = parameters(df=positive)
    concentration: Any = Computed(lambda d: d.df / 2)
    rate: Any = Computed(lambda d: zeros_like(d.df) + 0.5)

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        self._set(validate_args, df=df)


class StudentT(_Real):
    """Student's t-distribution of loc + scale · z, with `df` degrees of freedom."""

    df: Any
    loc: Any
    scale: Any
    arg_constraints = parameters(df=positive, loc=real, scale=positive)
    mean = property(lambda d: where(d.df > 1, d.loc, math.nan))
    mode = property(lambda d: d.loc)

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self._set(validate_args, df=df, loc=loc, scale=scale)

    @property
    def variance(self) -> Any:
        df = where(self.df > 2, self.df, 3.0)  # any number for which there is no division by 0
        finite = self.scale.square() * df / (df - 2)
        return where(self.df > 2, finite, where(self.df > 1, math.inf, math.nan))

    def _draw(self, shape: Any, generator: Any) -> Any:
        z = Normal(zeros_like(self.df), 1.0)._draw(shape, generator)
        return self.loc + self.scale * z * (self.df / Chi2(self.df)._draw(shape, generator)).sqrt()

    def _log_constant(self) -> Any:
        half = self.df / 2
        return self.df.log() / 2 + half.lgamma() + math.lgamma(0.5) - (half + 0.5).lgamma() + self.scale.log()

    @at_value
    def log_prob(self, x: Any) -> Any:
        z = (x - self.loc) / self.scale
        return -(self.df / 2 + 0.5) * (z.square() / self.df).log1p() - self._log_constant()

    def entropy(self) -> Any:
        half = self.df / 2
        return (half + 0.5) * ((half + 0.5).digamma() - half.digamma()) + self._log_constant()


# --- shares -----------------------------------------------------------------------------------------------------------


class Dirichlet(_Real):
    """The Dirichlet distribution of vectors of shares, with a density proportional to Π xᵢ^(concentrationᵢ − 1).

    Its draws are those of gamma distributions, divided by their sum; so are their gradients. They are kept away from 0
    and 1, where a density may be infinite.
    """

    arg_constraints = parameters(concentration=independent(positive, 1))
    support = simplex
    _total: Any = property(lambda d: d.concentration.sum(-1, keepdim=True))
    mean = property(lambda d: d.concentration / d._total)
    variance = property(lambda d: d.mean * (1 - d.mean) / (d._total + 1))
    _draw = gamma_draws(lambda d, u: _between(_shares(gamma_of(d.concentration, u)), d._dtype))

    def __init__(self, concentration: Any, validate_args: bool | None = None) -> None:
        self.concentration = as_floating(concentration)
        if not self.concentration.ndim:
            raise ValueError("Dirichlet: concentration is a vector, or a batch of vectors, not a number")
        shape = self.concentration.shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    @property
    def mode(self) -> Any:
        above = (self.concentration - 1).clamp(min=0)
        inner = (self.concentration >= 1).any(-1, keepdim=True)  # else the density is greatest at corners: at the first
        corner = ((above == above).cumsum(-1) == 1).to(self._dtype)
        total = above.sum(-1, keepdim=True)
        return where(inner, above / where(total > 0, total, math.nan), corner)

    @at_value
    def log_prob(self, x: Any) -> Any:
        a = self.concentration
        return xlogy(a - 1, x).sum(-1) + a.sum(-1).lgamma() - a.lgamma().sum(-1)

    def entropy(self) -> Any:
        a, total = self.concentration, self.concentration.sum(-1)
        constant = a.lgamma().sum(-1) - total.lgamma()
        return constant - (a.shape[-1] - total) * total.digamma() - ((a - 1) * a.digamma()).sum(-1)


def _shares(x: Any) -> Any:
    return x / x.sum(-1, keepdim=True)


def _between(x: Any, dtype: Any) -> Any:
    """Shares, moved to the least and the greatest number of `dtype` between 0 and 1 if they would be 0 or 1 in it."""
    limits = np.finfo(dtype)
    return x.clamp(float(limits.tiny), float(1 - limits.epsneg))


class Beta(_Real):
    """The beta distribution, with a density proportional to x^(concentration1 − 1) (1 − x)^(concentration0 − 1).

    It is that of the first of two shares of a `Dirichlet` distribution.
    """

    concentration1: Any
    concentration0: Any
    arg_constraints = parameters(concentration1=positive, concentration0=positive)
    support = unit_interval
    _pair: Any = property(lambda d: Dirichlet(stack([d.concentration1, d.concentration0], -1), validate_args=False))
    mean = property(lambda d: d._pair.mean.select(-1, 0))
    mode = property(lambda d: d._pair.mode.select(-1, 0))
    variance = property(lambda d: d._pair.variance.select(-1, 0))
    _mean_log = property(lambda d: d.concentration1.digamma() - (d.concentration1 + d.concentration0).digamma())
    log_prob = at_value(lambda d, x: d._pair.log_prob(stack([x, 1 - x], -1)))

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self._set(validate_args, concentration1=concentration1, concentration0=concentration0)

    def _draw(self, shape: Any, generator: Any) -> Any:
        return self._pair._draw((*shape, 2), generator).select(-1, 0)

    def entropy(self) -> Any:
        return self._pair.entropy()


# --- vectors ----------------------------------------------------------------------------------------------------------


def _root_of_inverse(precision: Any) -> Any:
    """The lower triangular root of the inverse. Of the flipped matrix, the root is the flipped inverse of that."""
    inverse = cholesky(precision.flip((-2, -1))).flip((-2, -1)).mT
    return solve_triangular(inverse, eye(precision.shape[-1], dtype=precision.dtype), upper=False)


class MultivariateNormal(_Real):
    """The normal distribution of vectors with the mean `loc` and one of three matrices.

    Args:
        covariance_matrix: symmetric and positive definite.
        precision_matrix: the inverse of the covariance.
        scale_tril: a lower triangular matrix L with a positive diagonal, for the covariance L Lᵀ.

    Raises:
        ValueError: there is not exactly one of the three, or it is not as said, or shapes do not fit.
    """

    loc: Any
    arg_constraints = parameters(
        loc=real_vector,
        covariance_matrix=positive_definite,
        precision_matrix=positive_definite,
        scale_tril=lower_cholesky,
    )
    support = real_vector
    mean = mode = property(lambda d: d.loc)
    variance = property(lambda d: d.scale_tril.square().sum(-1))
    covariance_matrix: Any = Computed(lambda d: d.scale_tril @ d.scale_tril.mT)
    precision_matrix: Any = Computed(lambda d: inv(d.scale_tril @ d.scale_tril.mT))
    scale_tril: Any = Computed(
        lambda d: (
            _root_of_inverse(d.precision_matrix) if "precision_matrix" in vars(d) else cholesky(d.covariance_matrix)
        )
    )
    _log_root: Any = property(lambda d: d.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1))
    _draw = draws(Numbers.standard_normal, of=lambda d, z: d.loc + (d.scale_tril @ z.unsqueeze(-1)).squeeze(-1))

    def __init__(
        self,
        loc: Any,
        covariance_matrix: Any = None,
        precision_matrix: Any = None,
        scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        matrices = zip(list(self.arg_constraints)[1:], (covariance_matrix, precision_matrix, scale_tril), strict=True)
        given = {name: as_floating(matrix) for name, matrix in matrices if matrix is not None}
        if len(given) != 1:
            raise ValueError(
                "MultivariateNormal takes one of covariance_matrix, precision_matrix and scale_tril, "
                f"not {len(given)} of them"
            )
        ((name, matrix),) = given.items()
        loc = as_floating(loc)
        n = loc.shape[-1:]
        if not n or matrix.shape[-2:] != (*n, *n):
            shapes = f"{tuple(loc.shape)} and {tuple(matrix.shape)}"
            raise ValueError(
                f"MultivariateNormal takes loc of shape (…, n) and {name} of shape (…, n, n), not {shapes}"
            )
        batch = np.broadcast_shapes(loc.shape[:-1], matrix.shape[:-2])
        vars(self).update({"loc": loc.expand(*batch, *n), name: matrix.expand(*batch, *n, *n)})
        super().__init__(batch, n, validate_args=validate_args)

    @at_value
    def log_prob(self, x: Any) -> Any:
        z = solve_triangular(self.scale_tril, (x - self.loc).unsqueeze(-1), upper=False).squeeze(-1)
        return -(z.square() + LOG_2PI).sum(-1) / 2 - self._log_root

    def entropy(self) -> Any:
        return self._log_root + self._event_shape[0] * (1 + LOG_2PI) / 2
