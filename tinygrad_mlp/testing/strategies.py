"""Strategies of Hypothesis for property tests: shapes, arrays and Tensors inside a domain, and networks.

A domain is an open interval. It is divided into cells, and the entries of an array come from different cells, so no two
are equal. None lies in the middle of the domain, where functions such as `abs` often have their kink.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import DTypeLike, NDArray

from .. import nn
from ..tensors.arguments import floating_dtype
from ..tensors.creation import tensor
from ..tensors.random import Generator
from ..tensors.tensor import Tensor

__all__ = ["broadcastable", "cotangents", "networks", "shapes", "tensors"]

Array = NDArray[Any]
Shape = tuple[int, ...]
Domain = tuple[float, float]

CELLS = 1024

# Strategies are cached, and `st.sampled_from` is given tuples: making a strategy takes longer than drawing from it.


# --- shapes -----------------------------------------------------------------------------------------------------------


@cache
@st.composite
def shapes(draw: st.DrawFn, min_dims: int = 0, max_dims: int = 3, min_side: int = 0) -> Shape:
    """Shapes, most of them of several entries. One entry, no entries and no dimensions are drawn less often.

    Args:
        min_dims, max_dims: bounds on the number of dimensions, of which there are at most 3.
        min_side: the smallest length of a dimension, 0 or more. The largest is 3.

    >>> import math
    >>> import numpy as np
    >>> from hypothesis import given
    >>> from tinygrad_mlp import testing
    >>> @given(testing.shapes())
    ... def test_of_a_shape(shape):
    ...     assert np.zeros(shape).size == math.prod(shape)
    >>> test_of_a_shape()
    """
    if not (0 <= min_dims <= max_dims <= 3 and 0 <= min_side <= 3):
        raise ValueError(
            f"shapes have up to 3 dimensions with lengths up to 3: min_dims={min_dims}, max_dims={max_dims} and "
            f"min_side={min_side} leave none"
        )
    dimensions = st.sampled_from(tuple(ndim for ndim in (0, 1, 2, 3, 1, 2, 3) if min_dims <= ndim <= max_dims))
    lengths = st.sampled_from(tuple(n for n in (1, 2, 3, 2, 3, 2, 3, 0) if n >= min_side))
    return tuple(draw(lengths) for _ in range(draw(dimensions)))


@cache
@st.composite
def broadcastable(draw: st.DrawFn, number: int = 2, min_side: int = 0) -> list[Shape]:
    """Lists of `number` shapes that broadcast together: one shape, with leading dimensions left out or some set to 1.

    Args:
        number: how many shapes.
        min_side: the smallest length of a dimension, 0 or 1.

    >>> import numpy as np
    >>> from hypothesis import given
    >>> from tinygrad_mlp import testing
    >>> @given(testing.broadcastable(2))
    ... def test_of_shapes(pair):
    ...     assert np.broadcast_shapes(*pair) == np.add(*map(np.zeros, pair)).shape
    >>> test_of_shapes()
    """
    shape = draw(shapes(min_side=min_side))
    drawn = []
    for _ in range(number):
        own = shape[draw(st.sampled_from((0, 0, *range(len(shape) + 1)))) :]
        drawn.append(tuple(draw(st.sampled_from((n, n, 1))) for n in own))
    return drawn


# --- arrays and Tensors -----------------------------------------------------------------------------------------------


# What the entries of small arrays shrink to. Products and quotients of neighbours are no neighbours: a function of two
# inputs, such as max(1 − a b, 0), rarely has a kink where the first ones meet.
_SIMPLE = (1, 0.7, 0.5, 0.3, -1, -0.7, -0.5, -0.3, 2, 1.3, 3, 1.7, -2, -1.3, -3, -1.7, 0.1, 0.2)
_FEW = 2  # entries, which are drawn one by one
_WIDTH = 3.8  # of the part of an infinite domain that entries come from
_REACH = 0.01  # of the width of the domain: how far entries stay from its ends and from kinks


def finite(domain: Any) -> Domain:
    """The finite part of a domain, or an error if `domain` is none: (0.2, 4.0) for (0, inf), say.

    Raises:
        TypeError: `domain` is not a pair of numbers.
        ValueError: the first is not less than the second.
    """
    try:
        low, high = map(float, domain)
    except (TypeError, ValueError):
        raise TypeError(
            f"a domain is a pair of numbers such as (-2, 2) or (0, np.inf), not {domain!r}; a shape is one tuple, as "
            "in tensors((2, 3))"
        ) from None
    if not low < high:
        raise ValueError(f"a domain (low, high) has low < high, but {domain!r} has not")
    if math.isinf(low) and math.isinf(high):
        return -2.0, 2.0
    if math.isinf(high):
        return low + 0.2, low + 0.2 + _WIDTH
    if math.isinf(low):
        return high - 0.2 - _WIDTH, high - 0.2
    reach = _REACH * (high - low)
    return low + reach, high - reach


def numbers_of(points: float | Sequence[float]) -> tuple[float, ...]:
    """The points to avoid as a tuple of floats. A single point may be given as it is, without a list."""
    return tuple(map(float, np.ravel(np.asarray(points))))


@cache
def _choices(domain: Domain, avoid: tuple[float, ...], lane: int, lanes: int) -> tuple[tuple[float, ...], Array]:
    """Simple numbers and the midpoints of cells inside the domain, away from kinks.

    Each operand of a call has a lane, and no number is in two lanes, so no two operands have an equal entry. A lane has
    its share of the simple numbers, and its own place in each cell.
    """
    low, high = finite(domain)
    reach = _REACH * (high - low)

    def clear(x: float) -> bool:
        return low <= x <= high and all(abs(x - kink) >= reach for kink in avoid)

    cells = low + (high - low) * (np.arange(CELLS) + (lane + 0.5) / lanes) / CELLS
    digits = 1 - math.floor(math.log10((high - low) / CELLS))  # short numbers in messages, still a cell apart
    cells = np.array([x for x in map(float, np.round(cells, digits)) if clear(x)])
    between = np.round([low + (high - low) * k / 16 for k in (5, 11, 3, 13, 7, 9)], digits - 3)  # short, in any domain
    simple = tuple(x for x in dict.fromkeys(map(float, (*_SIMPLE, *between))) if clear(x))
    return simple[lane::lanes], cells


@cache
def entries(
    shape: Shape, domain: Domain = (-2, 2), avoid: tuple[float, ...] = (), lane: int = 0, lanes: int = 1
) -> st.SearchStrategy[Array]:
    """Float64 arrays of distinct entries inside the domain. One or two entries shrink to simple numbers.

    Raises:
        ValueError: the domain has too few numbers away from its ends and from the kinks.
    """
    _, cells = _choices(domain, avoid, lane, lanes)
    size = math.prod(shape)
    if len(cells) < max(size, 2):
        raise ValueError(f"no {size} numbers of the domain {domain} lie away from its ends and from {avoid}")
    return entries_of_any_shape(domain, avoid, lane, lanes).map(lambda make: make(shape))


@cache
def entries_of_any_shape(
    domain: Domain, avoid: tuple[float, ...], lane: int, lanes: int
) -> st.SearchStrategy[Callable[[Shape], Array]]:
    """Functions that return entries for a shape. So an array can be drawn before its shape is known.

    Every array takes the same number of draws, whatever its size. Hypothesis shrinks to fewer draws, so otherwise it
    could prefer an array with more entries.
    """
    simple, cells = _choices(domain, avoid, lane, lanes)
    known = tuple(dict.fromkeys((*simple, *map(float, cells))))

    def of_shape(drawn: tuple[int, int, int]) -> Callable[[Shape], Array]:
        first, second, seed = drawn

        def array(shape: Shape) -> Array:
            """Entries for this shape: for one or two, those that were drawn one by one; for more, all from the seed.

            To draw many entries one by one takes much longer, and to shrink each of them explains little.
            """
            size = math.prod(shape)
            if size > _FEW:
                return np.random.default_rng(seed).choice(cells, size, replace=False).reshape(shape)
            left = list(known)
            return np.array([left.pop(first), left.pop(second)][:size], float).reshape(shape)

        return array

    positions = [st.integers(0, len(known) - 1 - taken) for taken in range(_FEW)]
    return st.tuples(*positions, st.integers(0, 2**32 - 1)).map(of_shape)


def tensors(
    shape: Any = None, domain: Domain = (-2, 2), dtype: DTypeLike = np.float64, avoid: float | Sequence[float] = ()
) -> st.SearchStrategy[Tensor]:
    """Tensors of distinct entries inside a domain. A small one shrinks to simple numbers.

    Args:
        shape: a shape, or a strategy of shapes; `shapes()` by default.
        domain: an open interval (low, high). Entries keep a hundredth of its width away from its ends. Where an end is
            infinite, they come from an interval of width 3.8 that begins 0.2 from the other end: for (0, inf), from
            (0.2, 4). For (-inf, inf) it is (-2, 2).
        dtype: float64, as finite differences need, or float32.
        avoid: points where the function that is tested has a kink, such as 0 for `abs`. Entries keep a hundredth of
            the width away from them.

    Raises:
        TypeError: `domain` is not a pair of numbers, or `dtype` neither float32 nor float64.
        ValueError: the domain is empty, or has too few numbers away from its ends and from the kinks.

    >>> import numpy as np
    >>> from hypothesis import find
    >>> from tinygrad_mlp import testing
    >>> find(testing.tensors((), domain=(0, np.inf)), lambda x: True)
    tensor(1., dtype=float64)
    """
    kind = floating_dtype(dtype)
    finite(domain)  # raises the errors of a domain
    interval, kinks = (float(domain[0]), float(domain[1])), numbers_of(avoid)

    def of_shape(chosen: Any) -> st.SearchStrategy[Tensor]:
        return entries(tuple(chosen), interval, kinks).map(lambda array: tensor(array.astype(kind)))

    if shape is None:
        shape = shapes()
    return shape.flatmap(of_shape) if isinstance(shape, st.SearchStrategy) else of_shape(shape)


def cotangents(like: Any) -> st.SearchStrategy[Tensor]:
    """Tensors of the shape and the dtype of `like`, a Tensor or an array: what `backward` takes as a gradient.

    >>> import tinygrad_mlp as tg
    >>> from hypothesis import find
    >>> from tinygrad_mlp import testing
    >>> find(testing.cotangents(tg.zeros(1)), lambda g: True)
    tensor([1.])
    """
    return tensors(tuple(like.shape), dtype=like.dtype, avoid=(0.0,))


# --- networks ---------------------------------------------------------------------------------------------------------


def networks(
    depth: Any = None, activations: Sequence[Callable[[], nn.Module]] = (nn.Tanh, nn.Sigmoid, nn.SiLU)
) -> st.SearchStrategy[nn.Sequential]:
    """Networks of float64: Linear layers with drawn widths from 1 to 4, and a drawn activation between every two.

    Weights and biases come from a drawn seed. ``net[0].in_features`` is the width of the input.

    Args:
        depth: the number of Linear layers, 1 or more, or a strategy of it; 1 to 3 by default.
        activations: what makes an activation, to choose from. Smooth ones suit finite differences.

    >>> from hypothesis import find
    >>> from tinygrad_mlp import testing
    >>> find(testing.networks(depth=2), lambda net: net[0].in_features > 1)
    Sequential(
      (0): Linear(in_features=2, out_features=1, bias=True)
      (1): Tanh()
      (2): Linear(in_features=1, out_features=1, bias=True)
    )
    """
    if not activations:
        raise ValueError("networks() takes activations to choose from, such as (nn.Tanh,), and none is given")
    known_layers = st.integers(1, 3) if depth is None else depth

    @st.composite
    def drawn(draw: st.DrawFn) -> nn.Sequential:
        layers = draw(known_layers) if isinstance(known_layers, st.SearchStrategy) else known_layers
        widths = [draw(st.integers(1, 4)) for _ in range(layers + 1)]
        generator = Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
        modules: list[nn.Module] = []
        for i in range(layers):
            if i:  # an activation stands between every two layers
                modules.append(draw(st.sampled_from(tuple(activations)))())
            modules.append(nn.Linear(widths[i], widths[i + 1], dtype=np.float64, generator=generator))
        return nn.Sequential(*modules)

    return drawn()
