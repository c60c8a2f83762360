"""Distributions of whole numbers, of classes and of counts. No gradient passes through their draws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import functions as f
from ..core.record import record
from ..special import xlogy
from ..tensors.arguments import integer
from ..tensors.creation import arange, as_floating, eye, where, zeros_like
from ..tensors.refusals import shown
from .constraints import (
    Constraint,
    boolean,
    integer_interval,
    multinomial,
    nonnegative,
    nonnegative_integer,
    one_hot,
    real,
    unit_interval,
)
from .distribution import Computed, Distribution, Numbers, at_value, draws, parameters

__all__ = [
    "Bernoulli", "Binomial", "Categorical", "Geometric", "Multinomial", "OneHotCategorical",
    "OneHotCategoricalStraightThrough", "Poisson",
]  # fmt: skip


def inside(probs: Any) -> Any:
    """Probabilities, moved a little away from 0 and 1."""
    eps = float(np.finfo(probs.dtype).eps)
    return probs.clamp(eps, 1 - eps)


def softplus(x: Any) -> Any:
    """ln(1 + eˣ)."""
    return x.logaddexp(zeros_like(x))


def one_of(name: str, probs: Any, logits: Any) -> dict[str, Any]:
    """The one of the two parameters that is given, by its name.

    Raises:
        ValueError: both are, or none is.
    """
    if (probs is None) == (logits is None):
        raise ValueError(f"{name} takes either probs or logits, not {'none' if probs is None else 'both'}")
    return {"logits": logits} if probs is None else {"probs": probs}


# --- one probability --------------------------------------------------------------------------------------------------


class WithProbability(Distribution):
    """The base of families with one probability p, given as `probs` or as `logits`, which are ln(p / (1 − p))."""

    arg_constraints = parameters(probs=unit_interval, logits=real)
    probs: Any = Computed(lambda d: d.logits.sigmoid())
    logits: Any = Computed(lambda d: inside(d.probs).log() - (-inside(d.probs)).log1p())
    param_shape: Any = property(lambda d: d._batch_shape)

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._set(validate_args, **one_of(type(self).__name__, probs, logits))

    def _binary_entropy(self) -> Any:
        return record(f.binary_cross_entropy_with_logits, (self.logits, self.probs))


class Bernoulli(WithProbability):
    """1 with the probability `probs`, and else 0.

    Raises:
        ValueError: there are both `probs` and `logits`, or none; or a probability is not from 0 to 1.

    >>> import tinygrad_mlp as tg
    >>> coin = tg.distributions.Bernoulli(logits=tg.zeros(3))
    >>> coin.log_prob(tg.tensor([1.0, 0.0, 1.0])).exp()
    tensor([0.5, 0.5, 0.5])
    """

    support = boolean
    has_enumerate_support = True
    mean = property(lambda d: d.probs)
    mode = property(lambda d: where(d.probs == 0.5, math.nan, (d.probs >= 0.5).to(d._dtype)))
    variance = property(lambda d: d.probs * (1 - d.probs))
    entropy = WithProbability._binary_entropy
    _draw = draws(lambda numbers, shape, p: numbers.random(shape) < p, "probs")
    log_prob = at_value(lambda d, x: -record(f.binary_cross_entropy_with_logits, (d.logits, x)))

    def enumerate_support(self, expand: bool = True) -> Any:
        return self._enumerated(arange(2, dtype=self._dtype), expand)


class Geometric(WithProbability):
    """How many trials fail before the first success, each with the probability `probs` of success."""

    arg_constraints = parameters(probs=Constraint("> 0 and ≤ 1", lambda x: (x > 0) & (x <= 1)), logits=real)
    support = nonnegative_integer
    mean = property(lambda d: 1 / d.probs - 1)
    mode = property(lambda d: zeros_like(d.probs))
    variance = property(lambda d: (1 / d.probs - 1) / d.probs)
    _draw = draws(lambda numbers, shape, p: numbers.geometric(p, shape) - 1, "probs")

    @at_value
    def log_prob(self, x: Any) -> Any:
        certain = (self.probs == 1) & (x == 0)  # where 0 · ln 0 is 0
        return x * (-where(certain, 0.0, self.probs)).log1p() + self.probs.log()

    def entropy(self) -> Any:
        return self._binary_entropy() / self.probs


class Binomial(WithProbability):
    """How many of `total_count` trials succeed, each with the probability `probs`."""

    total_count: Any
    arg_constraints = parameters(total_count=nonnegative_integer, probs=unit_interval, logits=real)
    has_enumerate_support = True
    support = property(lambda d: integer_interval(0, d.total_count))
    mean = property(lambda d: d.total_count * d.probs)
    mode = property(lambda d: ((d.total_count + 1) * d.probs).floor().clamp(max=d.total_count))
    variance = property(lambda d: d.mean * (1 - d.probs))
    _draw = draws(lambda numbers, shape, n, p: numbers.binomial(n.astype(np.int64), p, shape), "total_count", "probs")

    def __init__(
        self, total_count: Any = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._set(validate_args, **one_of(type(self).__name__, probs, logits), total_count=total_count)

    @at_value
    def log_prob(self, x: Any) -> Any:
        n = self.total_count
        ways = (n + 1).lgamma() - (x + 1).lgamma() - (n - x + 1).lgamma()
        return ways + x * self.logits - n * softplus(self.logits)

    def entropy(self) -> Any:
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(log_prob.exp() * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Any:
        count = int(self.total_count.max().item())
        if (self.total_count != count).any().item():
            self._lacks("list of its values where total_count differs")
        return self._enumerated(arange(count + 1, dtype=self._dtype), expand)


class Poisson(Distribution):
    """Counts of events that happen `rate` times on average."""

    arg_constraints = parameters(rate=nonnegative)
    support = nonnegative_integer
    mean = variance = property(lambda d: d.rate)
    mode = property(lambda d: d.rate.floor())
    _draw = draws(lambda numbers, shape, rate: numbers.poisson(rate, shape), "rate")
    log_prob = at_value(lambda d, x: xlogy(x, d.rate) - d.rate - (x + 1).lgamma())

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        self._set(validate_args, rate=rate)


# --- a probability of each class --------------------------------------------------------------------------------------


# What is given, before it is normalized. A NaN fails each comparison, and is the greatest of its vector.
_SHARES = Constraint(
    "a vector of finite numbers ≥ 0 that are not all 0",
    lambda x: (x >= 0).all(-1) & (x.sum(-1) > 0) & np.isfinite(x.sum(-1)),
    event_dim=1,
)
_LOGITS = Constraint(
    "a vector of numbers < inf, without NaN, that are not all -inf",
    lambda x: np.isfinite(x.max(-1, initial=-np.inf)),
    event_dim=1,
)


def _classes(numbers: Numbers, shape: Any, probs: Any) -> Any:
    ends = np.cumsum(_shares(probs), -1)[..., :-1]
    return (numbers.random(shape)[..., np.newaxis] >= ends).sum(-1)


def _shares(probs: Any) -> Any:
    return probs / probs.sum(-1, keepdims=True, dtype=np.float64)


class WithClasses(Distribution):
    """The base of families with a probability for each class. The last axis of `probs` and `logits` is normalized."""

    arg_constraints = parameters(probs=_SHARES, logits=_LOGITS)
    probs: Any = Computed(lambda d: d.logits.softmax(-1))
    logits: Any = Computed(lambda d: inside(d.probs).log())
    param_shape: Any = property(lambda d: (*d._batch_shape, d._num_events))
    _draws_vectors = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        ((name, given),) = one_of(type(self).__name__, probs, logits).items()
        own = as_floating(given)
        if not own.ndim:
            raise ValueError(f"{type(self).__name__}: {name} has one entry for each class, and is no number")
        setattr(self, name, own)
        self._num_events = own.shape[-1]
        super().__init__(own.shape[:-1], own.shape[-1:] if self._draws_vectors else (), validate_args=validate_args)
        setattr(self, name, own / own.sum(-1, keepdim=True) if name == "probs" else own.log_softmax(-1))

    def _log_prob_of(self, classes: Any) -> Any:
        shape = np.broadcast_shapes(classes.shape, self._batch_shape)
        index = classes.long().expand(*shape).unsqueeze(-1)
        return self.logits.expand(*shape, self._num_events).gather(-1, index).squeeze(-1)

    def entropy(self) -> Any:
        return -(self.logits.clamp(min=float(np.finfo(self._dtype).min)) * self.probs).sum(-1)


class Categorical(WithClasses):
    """Classes 0, 1, …, each with the probability that its entry in the last dimension of `probs` says.

    Args:
        probs: shares ≥ 0 of each class, which are divided by their sum.
        logits: logarithms of such shares.

    Raises:
        ValueError: there are both `probs` and `logits`, or none; or one is a number; or a share is negative
            or NaN, or all are 0.

    >>> import tinygrad_mlp as tg
    >>> policy = tg.distributions.Categorical(logits=tg.zeros(4))
    >>> policy.log_prob(tg.tensor(2)), policy.sample((5,)).shape
    (tensor(-1.3863), (5,))
    """

    has_enumerate_support = True
    _draws_vectors = False
    support = property(lambda d: integer_interval(0, d._num_events - 1))
    mean = variance = property(lambda d: zeros_like(d.probs.sum(-1)) + math.nan)
    mode = property(lambda d: d.probs.argmax(-1))
    _draw = draws(_classes, "probs", dtype=np.int64)

    log_prob = at_value(lambda d, x: d._log_prob_of(x))

    def enumerate_support(self, expand: bool = True) -> Any:
        return self._enumerated(arange(self._num_events), expand)


class OneHotCategorical(WithClasses):
    """The classes of a `Categorical` distribution as vectors of zeros and one 1."""

    support = one_hot
    has_enumerate_support = True
    mean = property(lambda d: d.probs)
    mode = property(lambda d: d._vectors(d.probs.argmax(-1)))
    variance = property(lambda d: d.probs * (1 - d.probs))
    log_prob = at_value(lambda d, x: d._log_prob_of(x.argmax(-1)))

    def _vectors(self, classes: Any) -> Any:
        return (classes.unsqueeze(-1) == arange(self._num_events)).to(self._dtype)

    def _draw(self, shape: Any, generator: Any) -> Any:
        return self._vectors(Categorical._draw(self, shape[:-1], generator))

    def enumerate_support(self, expand: bool = True) -> Any:
        return self._enumerated(eye(self._num_events, dtype=self._dtype), expand)


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """A `OneHotCategorical` distribution whose draws have the gradient of `probs` (Bengio et al. 2013)."""

    has_rsample = True

    def _draw(self, shape: Any, generator: Any) -> Any:
        return super()._draw(shape, generator) + (self.probs - self.probs.detach())


class Multinomial(WithClasses):
    """How often each class is drawn in `total_count` draws.

    Raises:
        NotImplementedError: `total_count` is no integer.
    """

    support = property(lambda d: multinomial(d.total_count))
    mean = property(lambda d: d.probs * d.total_count)
    variance = property(lambda d: d.mean * (1 - d.probs))

    def __init__(
        self, total_count: int = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        if (count := integer(total_count)) is None:
            raise NotImplementedError(f"Multinomial: total_count is one integer, not {shown(total_count)}")
        self.total_count = count
        super().__init__(probs, logits, validate_args)

    def _draw(self, shape: Any, generator: Any) -> Any:
        count = self.total_count
        counts = draws(lambda numbers, shape, probs: numbers.multinomial(count, _shares(probs), shape[:-1]), "probs")
        return counts(self, shape, generator)

    @at_value
    def log_prob(self, x: Any) -> Any:
        ways = (x.sum(-1) + 1).lgamma() - (x + 1).lgamma().sum(-1)
        return ways + where(x == 0, 0.0, self.logits * x).sum(-1)

    def entropy(self) -> Any:
        single = Binomial(self.total_count, probs=self.probs, validate_args=False)
        counts = single.enumerate_support(False)[1:]
        repeated = (single.log_prob(counts).exp() * (counts + 1).lgamma()).sum((0, -1))
        return self.total_count * super().entropy() - math.lgamma(self.total_count + 1) + repeated
