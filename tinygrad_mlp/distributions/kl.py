"""Kullback-Leibler divergences: one table of pairs of distributions, with the formula for each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..linalg import solve_triangular
from ..special import xlogy
from ..tensors.creation import where
from .continuous import (
    LOG_2PI,
    Beta,
    Cauchy,
    Dirichlet,
    Exponential,
    Gamma,
    Laplace,
    MultivariateNormal,
    Normal,
    Uniform,
)
from .discrete import Bernoulli, Binomial, Categorical, Geometric, OneHotCategorical, Poisson, softplus
from .distribution import Distribution, summed_events
from .transformed import HalfNormal, Independent, TransformedDistribution

__all__ = ["kl_divergence", "register_kl"]

Formula = Callable[[Any, Any], Any]


def kl_divergence(p: Distribution, q: Distribution) -> Any:
    """E[ln p(x) − ln q(x)] over draws x of `p`: how far `q` is from `p`, for each distribution of the batch.

    Raises:
        NotImplementedError: the table has no formula for this pair: `register_kl` adds one.

    >>> import tinygrad_mlp as tg
    >>> from tinygrad_mlp.distributions import Bernoulli, kl_divergence
    >>> kl_divergence(Bernoulli(probs=tg.tensor([0.5, 0.9])), Bernoulli(probs=0.5))
    tensor([0.0000, 0.3681])
    """
    for of_p in type(p).__mro__:
        for of_q in type(q).__mro__:
            if formula := _TABLE.get((of_p, of_q)):
                return formula(p, q)
    kinds = f"{type(p).__name__} and {type(q).__name__}"
    raise NotImplementedError(
        f"there is no formula for the divergence of {kinds}: @register_kl adds one, and the mean of "
        "p.log_prob(x) - q.log_prob(x) over draws x of p comes near it"
    )


def register_kl(type_p: type, type_q: type) -> Callable[[Formula], Formula]:
    """Decorate a function of p and q so that `kl_divergence` calls it for these types, and for their subclasses."""

    def register(formula: Formula) -> Formula:
        _TABLE[type_p, type_q] = formula
        return formula

    return register


def _infinite(p: Any, q: Any) -> Any:
    """∞, where p has draws that q does not have."""
    return p.mean * q.mean * 0 + math.inf


def _categorical(p: Any, q: Any) -> Any:
    terms = p.probs * (p.logits - q.logits)
    terms = where(q.probs == 0, math.inf, terms)
    return where(p.probs == 0, 0.0, terms).sum(-1)


def _bernoulli(p: Any, q: Any) -> Any:
    one = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    none = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    one = where(p.probs == 0, 0.0, where(q.probs == 0, math.inf, one))
    return one + where(p.probs == 1, 0.0, where(q.probs == 1, math.inf, none))


def _binomial(p: Any, q: Any) -> Any:
    if (p.total_count < q.total_count).any().item():
        raise NotImplementedError("the divergence of Binomials needs p.total_count ≥ q.total_count")
    return where(p.total_count > q.total_count, math.inf, p.total_count * _bernoulli(p, q))


def _dirichlet(p: Any, q: Any) -> Any:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    constants = total.lgamma() - b.sum(-1).lgamma() - (a.lgamma() - b.lgamma()).sum(-1)
    return constants + ((a - b) * (a.digamma() - total.digamma().unsqueeze(-1))).sum(-1)


def _multivariate_normal(p: Any, q: Any) -> Any:
    if p.event_shape != q.event_shape:
        raise ValueError(f"the event_shapes of both differ: {tuple(p.event_shape)} and {tuple(q.event_shape)}")
    ratio = solve_triangular(q.scale_tril, p.scale_tril, upper=False).square().sum((-2, -1))
    distance = solve_triangular(q.scale_tril, (q.loc - p.loc).unsqueeze(-1), upper=False).square().sum((-2, -1))
    return q._log_root - p._log_root + (ratio + distance - p.event_shape[0]) / 2


def _independent(p: Any, q: Any) -> Any:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("the divergence of Independents needs the same reinterpreted_batch_ndims")
    return summed_events(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


def _transformed(p: Any, q: Any) -> Any:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError(
            "the divergence of TransformedDistributions needs the same transforms and event_shape"
        )
    return kl_divergence(p.base_dist, q.base_dist)


def _normal(p: Any, q: Any) -> Any:
    ratio = (p.scale / q.scale).square()
    return (ratio + ((p.loc - q.loc) / q.scale).square() - 1 - ratio.log()) / 2


def _laplace(p: Any, q: Any) -> Any:
    distance = (p.loc - q.loc).abs()
    return (q.scale / p.scale).log() + (distance + p.scale * (-distance / p.scale).exp()) / q.scale - 1


def _uniform(p: Any, q: Any) -> Any:
    inside = (q.low <= p.low) & (q.high >= p.high)
    return where(inside, ((q.high - q.low) / (p.high - p.low)).log(), math.inf)


def _cauchy(p: Any, q: Any) -> Any:
    squares = (p.scale + q.scale).square() + (p.loc - q.loc).square()
    return (squares / (4 * p.scale * q.scale)).log()


# --- the cross entropy E[−ln q(x)]; less the entropy of p, it is the divergence ---------------------------------------


def _to_normal(p: Any, q: Any) -> Any:
    return LOG_2PI / 2 + q.scale.log() + (p.variance + (p.mean - q.loc).square()) / (2 * q.scale.square())


def _to_exponential(p: Any, q: Any) -> Any:
    return q.rate * p.mean - q.rate.log()


def _to_gamma(p: Any, q: Any) -> Any:
    b = q.concentration
    return b.lgamma() - xlogy(b, q.rate) - (b - 1) * p._mean_log + q.rate * p.mean


def _to_beta(p: Any, q: Any) -> Any:
    a, b = q.concentration1, q.concentration0
    rest = Uniform(1 - p.high, 1 - p.low, validate_args=False)
    return a.lgamma() + b.lgamma() - (a + b).lgamma() - (a - 1) * p._mean_log - (b - 1) * rest._mean_log


def _to_laplace(p: Any, q: Any) -> Any:
    z = (p.loc - q.loc) / p.scale
    distance = p.scale * (math.sqrt(2 / math.pi) * (-z.square() / 2).exp() + z * (z * math.sqrt(0.5)).erf())
    return (2 * q.scale).log() + distance / q.scale


def _by(cross_entropy: Formula) -> Formula:
    return lambda p, q: cross_entropy(p, q) - p.entropy()


def _within(low: float, high: float, formula: Formula) -> Formula:
    """A formula for a uniform p, which is infinite unless its draws are from `low` to `high`."""

    def divergence(p: Any, q: Any) -> Any:
        fits = (p.low >= low) & (p.high <= high)
        inner = Uniform(where(fits, p.low, 0.25), where(fits, p.high, 0.75), validate_args=False)
        return where(fits, formula(inner, q), math.inf)

    return divergence


# --- the table --------------------------------------------------------------------------------------------------------

_TABLE: dict[tuple[type, type], Formula] = {
    (Bernoulli, Bernoulli): _bernoulli,
    (Bernoulli, Poisson): _by(lambda p, q: q.rate - xlogy(p.probs, q.rate)),
    (Beta, Beta): lambda p, q: _dirichlet(p._pair, q._pair),
    (Beta, Exponential): _by(_to_exponential),
    (Beta, Gamma): _by(_to_gamma),
    (Beta, Normal): _by(_to_normal),
    (Beta, Uniform): lambda p, q: where((q.low <= 0) & (q.high >= 1), (q.high - q.low).log() - p.entropy(), math.inf),
    (Binomial, Binomial): _binomial,
    (Categorical, Categorical): _categorical,
    (Cauchy, Cauchy): _cauchy,
    (Dirichlet, Dirichlet): _dirichlet,
    (Exponential, Exponential): lambda p, q: q.rate / p.rate - 1 - (q.rate / p.rate).log(),
    (Exponential, Gamma): _by(_to_gamma),
    (Exponential, Normal): _by(_to_normal),
    (Gamma, Exponential): _by(_to_exponential),
    (Gamma, Gamma): _by(_to_gamma),
    (Gamma, Normal): _by(_to_normal),
    (Geometric, Geometric): _by(lambda p, q: -(-q.probs).log1p() / p.probs - q.logits),
    (HalfNormal, HalfNormal): lambda p, q: _normal(p.base_dist, q.base_dist),
    (Independent, Independent): _independent,
    (Laplace, Laplace): _laplace,
    (Laplace, Normal): _by(_to_normal),
    (MultivariateNormal, MultivariateNormal): _multivariate_normal,
    (Normal, Laplace): _by(_to_laplace),
    (Normal, Normal): _normal,
    (OneHotCategorical, OneHotCategorical): _categorical,
    (Poisson, Poisson): lambda p, q: xlogy(p.rate, p.rate / q.rate) - (p.rate - q.rate),
    (TransformedDistribution, TransformedDistribution): _transformed,
    (Uniform, Beta): _within(0, 1, _by(_to_beta)),
    (Uniform, Exponential): _within(0, math.inf, _by(_to_exponential)),
    (Uniform, Gamma): _within(0, math.inf, _by(_to_gamma)),
    (Uniform, Normal): _by(_to_normal),
    (Uniform, Uniform): _uniform,
    **dict.fromkeys(((p, q) for p in (Exponential, Gamma) for q in (Beta, Uniform)), _infinite),
    **dict.fromkeys(((p, q) for p in (Laplace, Normal) for q in (Beta, Exponential, Gamma, Uniform)), _infinite),
    **dict.fromkeys(((Poisson, q) for q in (Bernoulli, Binomial)), _infinite),
}
