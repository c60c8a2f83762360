"""Distributions made of other ones: with more dimensions in one draw, or with transformed draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from operator import mul
from typing import Any

from ..autograd.grad_mode import no_grad
from ..special import erfinv
from ..tensors.creation import as_floating, as_operand, where, zeros_like
from ..tensors.refusals import shown
from .constraints import independent, nonnegative, real_vector, simplex, unit_interval
from .continuous import Normal
from .discrete import WithClasses, WithProbability, inside, softplus
from .distribution import Distribution, at_probability, at_value, draws, operand, summed_events
from .transforms import AbsTransform, ComposeTransform, ExpTransform, SigmoidTransform, Transform

__all__ = [
    "HalfNormal", "Independent", "LogNormal", "RelaxedBernoulli",
    "RelaxedOneHotCategorical", "TransformedDistribution",
]  # fmt: skip


def _of_base(name: str) -> Any:
    return property(lambda d: getattr(d.base_dist, name))


class Independent(Distribution):
    """A distribution whose last `reinterpreted_batch_ndims` batch dimensions belong to one draw: densities multiply.

    Raises:
        ValueError: there are fewer batch dimensions.

    >>> import tinygrad_mlp as tg
    >>> from tinygrad_mlp.distributions import Independent, Normal
    >>> rows = Independent(Normal(tg.zeros(2, 3), 1.0), 1)
    >>> rows.batch_shape, rows.event_shape, rows.log_prob(tg.zeros(2, 3))
    ((2,), (3,), tensor([-2.7568, -2.7568]))
    """

    has_rsample, mean, mode, variance = map(_of_base, ("has_rsample", "mean", "mode", "variance"))
    _dtype = _of_base("_dtype")
    support = property(lambda d: independent(d.base_dist.support, d.reinterpreted_batch_ndims))
    has_enumerate_support = property(lambda d: not d.reinterpreted_batch_ndims and d.base_dist.has_enumerate_support)

    def __init__(
        self, base_distribution: Any, reinterpreted_batch_ndims: int, validate_args: bool | None = None
    ) -> None:
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, reinterpreted_batch_ndims
        batch = base_distribution.batch_shape
        cut = len(batch) - reinterpreted_batch_ndims
        if cut < 0:
            most = f"{len(batch)}, the number of batch dimensions of {base_distribution}"
            raise ValueError(
                f"Independent: reinterpreted_batch_ndims is at most {most}, not {reinterpreted_batch_ndims}"
            )
        super().__init__(batch[:cut], (*batch[cut:], *base_distribution.event_shape), validate_args)

    def __repr__(self) -> str:
        return f"Independent({self.base_dist}, {self.reinterpreted_batch_ndims})"

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        new = super().expand(batch_shape)
        new.base_dist = self.base_dist.expand((*batch_shape, *self._event_shape[: self.reinterpreted_batch_ndims]))
        return new

    def sample(self, sample_shape: Sequence[int] = (), generator: Any = None) -> Any:
        return self.base_dist.sample(sample_shape, generator)

    def rsample(self, sample_shape: Sequence[int] = (), generator: Any = None) -> Any:
        return self.base_dist.rsample(sample_shape, generator)

    def log_prob(self, value: Any) -> Any:
        return summed_events(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Any:
        return summed_events(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def enumerate_support(self, expand: bool = True) -> Any:
        if self.reinterpreted_batch_ndims:
            self._lacks("list of its values: they are all combinations of those of the entries")
        return self.base_dist.enumerate_support(expand)


class TransformedDistribution(Distribution):
    """The distribution of the draws of another one, after transforms.

    Raises:
        ValueError: `transforms` is neither a transform nor a list of transforms; or the draws of the base have fewer
            dimensions than a transform takes together.

    >>> import tinygrad_mlp as tg
    >>> from tinygrad_mlp.distributions import AffineTransform, Normal, TanhTransform, TransformedDistribution
    >>> squashed = TransformedDistribution(Normal(tg.zeros(2), 1.0), [TanhTransform(1), AffineTransform(1, 2)])
    >>> squashed.log_prob(squashed.rsample()).shape
    (2,)
    """

    has_rsample, _dtype = map(_of_base, ("has_rsample", "_dtype"))

    def __init__(self, base_distribution: Any, transforms: Any, validate_args: bool | None = None) -> None:
        self.transforms = [transforms] if isinstance(transforms, Transform) else transforms
        for each in self.transforms if isinstance(self.transforms, list) else [transforms]:
            if not isinstance(each, Transform):
                raise ValueError(
                    f"transforms are a Transform or a list of Transforms, as [TanhTransform()], not {shown(each)}"
                )
        whole = ComposeTransform(self.transforms)
        own, events = base_distribution._extended_shape(), len(base_distribution.event_shape)
        inner, outer = whole.domain.event_dim, whole.codomain.event_dim
        if len(own) < inner:
            raise ValueError(f"the draws of {base_distribution} have shape {tuple(own)}: {inner} dims are transformed")
        shape = whole.forward_shape(own)
        if (widened := whole.inverse_shape(shape)) != own:
            base_distribution = base_distribution.expand(widened[: len(widened) - events])
        self.base_dist = Independent(base_distribution, inner - events) if inner > events else base_distribution
        cut = len(shape) - max(outer, events + outer - inner)
        super().__init__(shape[:cut], shape[cut:], validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        new = super().expand(batch_shape)
        shape = ComposeTransform(self.transforms).inverse_shape((*batch_shape, *self._event_shape))
        new.base_dist = self.base_dist.expand(shape[: len(shape) - len(self.base_dist.event_shape)])
        return new

    @property
    def support(self) -> Any:
        support = self.transforms[-1].codomain if self.transforms else self.base_dist.support
        more = len(self._event_shape) - support.event_dim
        return independent(support, more) if more > 0 else support

    def sample(self, sample_shape: Sequence[int] = (), generator: Any = None) -> Any:
        with no_grad():
            return self._transformed(self.base_dist.sample(sample_shape, generator))

    def rsample(self, sample_shape: Sequence[int] = (), generator: Any = None) -> Any:
        return self._transformed(self.base_dist.rsample(sample_shape, generator))

    def _transformed(self, x: Any) -> Any:
        return reduce(lambda y, transform: transform(y), self.transforms, x)

    @at_value
    def log_prob(self, y: Any) -> Any:
        dim, total = len(self._event_shape), 0
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            dim += transform.domain.event_dim - transform.codomain.event_dim
            total = total - summed_events(transform.log_abs_det_jacobian(x, y), dim - transform.domain.event_dim)
            y = x
        return total + summed_events(self.base_dist.log_prob(y), dim - len(self.base_dist.event_shape))

    def cdf(self, value: Any) -> Any:
        x = reduce(lambda y, each: each.inv(y), reversed(self.transforms), operand(value, self._dtype))
        return self._turned(self.base_dist.cdf(x))

    icdf = at_probability(lambda d, p: d._transformed(d.base_dist.icdf(d._turned(p))))

    def _turned(self, p: Any) -> Any:
        """A probability, or 1 − p if the transforms decrease."""
        sign = reduce(mul, (transform.sign for transform in self.transforms), 1)
        return where(as_operand(sign) > 0, p, 1 - p)


class LogNormal(TransformedDistribution):
    """The distribution of exp(z) for a normal z, with the mean `loc` and the standard deviation `scale`."""

    loc, scale = map(_of_base, ("loc", "scale"))
    mean = property(lambda d: (d.loc + d.scale.square() / 2).exp())
    mode = property(lambda d: (d.loc - d.scale.square()).exp())
    variance = property(lambda d: d.scale.square().expm1() * (2 * d.loc + d.scale.square()).exp())

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Normal(loc, scale, validate_args), ExpTransform(), validate_args)

    def entropy(self) -> Any:
        return self.base_dist.entropy() + self.loc


class HalfNormal(TransformedDistribution):
    """The absolute values of normal numbers with the mean 0 and the standard deviation `scale`."""

    support = nonnegative
    scale = _of_base("scale")
    mean = property(lambda d: d.scale * math.sqrt(2 / math.pi))
    mode = property(lambda d: zeros_like(d.scale))
    variance = property(lambda d: d.scale.square() * (1 - 2 / math.pi))
    log_prob = at_value(lambda d, x: where(x >= 0, d.base_dist.log_prob(x) + math.log(2), -math.inf))
    cdf = at_value(lambda d, x: (x / (d.scale * math.sqrt(2))).erf())
    icdf = at_probability(lambda d, p: d.scale * math.sqrt(2) * erfinv(p))

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Normal(0, scale, validate_args), AbsTransform(), validate_args)

    def entropy(self) -> Any:
        return self.base_dist.entropy() - math.log(2)


# --- relaxed classes (Maddison et al. 2017, Jang et al. 2017) ---------------------------------------------------------


class _WithTemperature(Distribution):
    """The base of relaxed families before they are transformed: the next class takes `probs` or `logits`."""

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self.temperature = as_floating(temperature)
        super().__init__(probs, logits, validate_args)


class LogitRelaxedBernoulli(_WithTemperature, WithProbability):
    """The logits of the draws of a `RelaxedBernoulli`."""

    has_rsample = True
    _draw = draws(lambda numbers, shape: numbers.logistic(size=shape), of=lambda d, z: d._relaxed(z))

    def _relaxed(self, z: Any) -> Any:
        p = inside(self.probs)
        return (z + p.log() - (-p).log1p()) / self.temperature

    @at_value
    def log_prob(self, x: Any) -> Any:
        difference = self.logits - x * self.temperature
        return self.temperature.log() + difference - 2 * softplus(difference)


class ExpRelaxedCategorical(_WithTemperature, WithClasses):
    """The logarithms of the draws of a `RelaxedOneHotCategorical`."""

    support = real_vector
    has_rsample = True
    _draw = draws(
        lambda numbers, shape: numbers.gumbel(size=shape),
        of=lambda d, z: ((d.logits + z) / d.temperature).log_softmax(-1),
    )
    entropy = Distribution.entropy

    @at_value
    def log_prob(self, x: Any) -> Any:
        score = (self.logits - x * self.temperature).log_softmax(-1).sum(-1)
        return score + math.lgamma(self._num_events) + (self._num_events - 1) * self.temperature.log()


class _Relaxed(TransformedDistribution):
    """The base of relaxed families. The lower the temperature is, the nearer their draws are to zeros and ones."""

    temperature, probs, logits = map(_of_base, ("temperature", "probs", "logits"))
    _parts: Any

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        base, transform = self._parts
        super().__init__(base(temperature, probs, logits, validate_args), transform(), validate_args)


class RelaxedBernoulli(_Relaxed):
    """Numbers between 0 and 1 that are nearer to a `Bernoulli` draw the lower the `temperature` is."""

    support = unit_interval
    _parts = (LogitRelaxedBernoulli, SigmoidTransform)


class RelaxedOneHotCategorical(_Relaxed):
    """Vectors of shares that are nearer to a `OneHotCategorical` draw the lower the `temperature` is."""

    support = simplex
    _parts = (ExpRelaxedCategorical, ExpTransform)
