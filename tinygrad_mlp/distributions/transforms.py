"""Transforms of draws: functions with an inverse and the logarithm of |det J|, by which densities change.

A transform of each entry is a class with a table of three formulas: its output for x, its input for y, and ln |dy/dx|.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from functools import reduce
from operator import add, mul
from typing import Any

import numpy as np

from .._left_out import explain_in
from ..tensors.arguments import Size
from ..tensors.creation import zeros_like
from ..tensors.tensor import Tensor
from .constraints import Constraint, independent, interval, positive, real, unit_interval
from .discrete import softplus
from .distribution import summed_events

__all__ = [
    "AbsTransform", "AffineTransform", "ComposeTransform", "ExpTransform", "SigmoidTransform", "SoftplusTransform",
    "TanhTransform", "Transform", "identity_transform",
]  # fmt: skip


class Transform:
    """A function of Tensors, which takes `domain.event_dim` dimensions at the end together.

    A subclass writes `_call`, `_inverse` and `log_abs_det_jacobian`, and sets `domain` and `codomain`.

    Args:
        cache_size: 1 to keep the last input and output, so that the inverse of this output is this input to the last
            digit. 0 keeps nothing.

    >>> import tinygrad_mlp as tg
    >>> tanh = tg.distributions.TanhTransform(cache_size=1)
    >>> x = tg.tensor([20.0])
    >>> tanh(x), tanh.inv(tanh(x)) is x
    (tensor([1.]), True)
    """

    domain: Any = real
    codomain: Any = real
    bijective: Any = False
    sign: Any  # 1 or -1 where it increases or decreases

    def __init__(self, cache_size: int = 0) -> None:
        if cache_size not in (0, 1):
            raise ValueError(f"{type(self).__name__}: cache_size is 0 or 1, not {cache_size}")
        self._cache_size = cache_size
        self._inv: Any = None
        self._kept: tuple[Any, Any] = (None, None)

    def _options(self) -> tuple[Any, ...] | None:
        """What makes one transform of this class differ from another one. None: each equals itself alone."""
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(str, self._options() or ()))})"

    def __eq__(self, other: object) -> bool:
        own, others = self._options(), other._options() if isinstance(other, type(self)) else None
        if own is None or others is None:
            return self is other
        return all(one is two or _are_equal(one, two) for one, two in zip(own, others, strict=True))

    __hash__ = object.__hash__

    @property
    def event_dim(self) -> int:
        """How many dimensions at the end are taken together, where input and output agree in that."""
        if self.domain.event_dim != self.codomain.event_dim:
            raise ValueError(f"{type(self).__name__}: write .domain.event_dim or .codomain.event_dim, which differ")
        return int(self.domain.event_dim)

    @property
    def inv(self) -> Any:
        """The inverse transform."""
        if self._inv is None:
            self._inv = self._inverted()
            self._inv._inv = self
        return self._inv

    def _inverted(self) -> Any:
        return _Inverse(self)

    def with_cache(self, cache_size: int = 1) -> Any:
        """This transform, with another `cache_size`."""
        if self._cache_size == cache_size:
            return self
        new = copy.copy(self)
        Transform.__init__(new, cache_size)
        return new

    def __call__(self, x: Any) -> Any:
        return self._remembered(x, self._kept[1]) if x is self._kept[0] else self._remembered(x, self._call(x))

    def _back(self, y: Any) -> Any:
        """The input that gives `y`."""
        if y is self._kept[1]:
            return self._kept[0]
        x = self._inverse(y)
        self._remembered(x, y)
        return x

    def _remembered(self, x: Any, y: Any) -> Any:
        if self._cache_size:
            self._kept = x, y
        return y

    def _call(self, x: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no _call()")

    def _inverse(self, y: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no inverse")

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """ln |det dy/dx|, where y is the output for x."""
        raise NotImplementedError(f"{type(self).__name__} has no log_abs_det_jacobian()")

    def forward_shape(self, shape: Sequence[int]) -> Size:
        """The shape of the output for an input of `shape`."""
        return Size(shape)

    def inverse_shape(self, shape: Sequence[int]) -> Size:
        """The shape of the input for an output of `shape`."""
        return Size(shape)


def _are_equal(one: Any, two: Any) -> bool:
    """Whether two options are equal: numbers, Tensors, transforms or lists of these."""
    same = one == two
    return bool(same.all().item()) if isinstance(same, Tensor) else bool(same)


class _Inverse(Transform):
    """The inverse of a transform, which keeps it as its `inv`."""

    domain: Any = property(lambda t: t._of.codomain)
    codomain: Any = property(lambda t: t._of.domain)
    bijective: Any = property(lambda t: t._of.bijective)
    sign: Any = property(lambda t: t._of.sign)

    def __init__(self, transform: Transform) -> None:
        super().__init__()
        self._of = transform

    def _options(self) -> tuple[Any, ...]:
        return (self._of,)

    def with_cache(self, cache_size: int = 1) -> Any:
        return self._of.with_cache(cache_size).inv

    def __call__(self, x: Any) -> Any:
        return self._of._back(x)

    def _back(self, y: Any) -> Any:
        return self._of(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -self._of.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape: Sequence[int]) -> Size:
        return self._of.inverse_shape(shape)

    def inverse_shape(self, shape: Sequence[int]) -> Size:
        return self._of.forward_shape(shape)


# --- of each entry ----------------------------------------------------------------------------------------------------


class _Elementwise(Transform):
    """A bijective and increasing function of each entry, by its three formulas."""

    bijective = True
    sign = 1
    _formulas: tuple[Callable[[Any], Any], Callable[[Any], Any], Callable[[Any, Any], Any]]

    def _options(self) -> tuple[Any, ...]:
        return ()

    def _call(self, x: Any) -> Any:
        return self._formulas[0](x)

    def _inverse(self, y: Any) -> Any:
        return self._formulas[1](y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return self._formulas[2](x, y)


class ExpTransform(_Elementwise):
    """y = eˣ."""

    codomain = positive
    _formulas = (lambda x: x.exp(), lambda y: y.log(), lambda x, y: x)


class SoftplusTransform(_Elementwise):
    """y = ln(1 + eˣ)."""

    codomain = positive
    _formulas = (softplus, lambda y: (-(-y).expm1()).log() + y, lambda x, y: -softplus(-x))


class TanhTransform(_Elementwise):
    """y = tanh x. The inverse of what is rounded to ±1 is infinite: ``cache_size=1`` finds what was transformed."""

    codomain = interval(-1.0, 1.0)
    _formulas = (lambda x: x.tanh(), lambda y: y.atanh(), lambda x, y: 2 * (math.log(2) - x - softplus(-2 * x)))


def _inside(y: Any) -> Any:
    limits = np.finfo(y.dtype)
    return y.clamp(float(limits.tiny), 1 - float(limits.eps))


class SigmoidTransform(_Elementwise):
    """y = 1 / (1 + e⁻ˣ), kept away from 0 and 1."""

    codomain = unit_interval
    _formulas = (
        lambda x: _inside(x.sigmoid()),
        lambda y: _inside(y).log() - (-_inside(y)).log1p(),
        lambda x, y: -softplus(-x) - softplus(x),
    )


class AbsTransform(Transform):
    """y = |x|, of which the inverse gives the positive number."""

    codomain = positive

    def _options(self) -> tuple[Any, ...]:
        return ()

    def _call(self, x: Any) -> Any:
        return x.abs()

    def _inverse(self, y: Any) -> Any:
        return y


class AffineTransform(Transform):
    """y = loc + scale · x, with `event_dim` dimensions at the end taken together."""

    domain = codomain = property(lambda t: independent(real, t._event_dim) if t._event_dim else real)
    bijective = True
    sign = property(lambda t: t.scale.sign() if isinstance(t.scale, Tensor) else int(np.sign(t.scale)))

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.loc, self.scale = loc, scale
        self._event_dim = event_dim

    def _options(self) -> tuple[Any, ...]:
        return self.loc, self.scale

    def _call(self, x: Any) -> Any:
        return self.loc + self.scale * x

    def _inverse(self, y: Any) -> Any:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        each = abs(self.scale).log() if isinstance(self.scale, Tensor) else zeros_like(x) + math.log(abs(self.scale))
        return summed_events(each.expand(*x.shape), self.event_dim)

    def forward_shape(self, shape: Sequence[int]) -> Size:
        return Size(np.broadcast_shapes(tuple(shape), *(getattr(option, "shape", ()) for option in self._options())))

    inverse_shape = forward_shape


class ComposeTransform(Transform):
    """Transforms one after the other: the first one of `parts` comes first."""

    domain = property(lambda t: t._end([(part.domain, part.codomain) for part in reversed(t.parts)]))
    codomain = property(lambda t: t._end([(part.codomain, part.domain) for part in t.parts]))
    bijective = property(lambda t: all(part.bijective for part in t.parts))
    sign = property(lambda t: reduce(mul, (part.sign for part in t.parts), 1))

    def __init__(self, parts: list[Transform], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.parts = [part.with_cache(cache_size) for part in parts] if cache_size else parts

    @staticmethod
    def _end(sides: list[tuple[Constraint, Constraint]]) -> Constraint:
        """The constraint at one end, with as many dimensions taken together as the parts up to there need."""
        dim = sides[0][1].event_dim if sides else 0
        for near, far in sides:
            dim = max(dim + near.event_dim - far.event_dim, near.event_dim)
        end = sides[-1][0] if sides else real
        return independent(end, dim - end.event_dim) if dim > end.event_dim else end

    def _options(self) -> tuple[Any, ...]:
        return (self.parts,)

    def _inverted(self) -> Any:
        return ComposeTransform([part.inv for part in reversed(self.parts)])

    def with_cache(self, cache_size: int = 1) -> Any:
        return self if self._cache_size == cache_size else ComposeTransform(self.parts, cache_size)

    def __call__(self, x: Any) -> Any:
        return reduce(lambda y, part: part(y), self.parts, x)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        if not self.parts:
            return zeros_like(x)
        between = [x]
        for part in self.parts[:-1]:
            between.append(part(between[-1]))
        terms, dim = [], self.domain.event_dim
        for part, before, after in zip(self.parts, between, [*between[1:], y], strict=True):
            terms.append(summed_events(part.log_abs_det_jacobian(before, after), dim - part.domain.event_dim))
            dim += part.codomain.event_dim - part.domain.event_dim
        return reduce(add, terms)

    def forward_shape(self, shape: Sequence[int]) -> Size:
        return reduce(lambda lengths, part: part.forward_shape(lengths), self.parts, Size(shape))

    def inverse_shape(self, shape: Sequence[int]) -> Size:
        return reduce(lambda lengths, part: part.inverse_shape(lengths), reversed(self.parts), Size(shape))


identity_transform = ComposeTransform([])

explain_in(globals())
