"""What the property tests draw: shapes, arrays inside a domain, ways to lie in memory, axes and indices.

Entries are the midpoints of an even number of cells of their domain. So no two entries of an array agree, and none
lies in the middle of its domain, which is where the kinks are: differences never straddle one.
"""

import gc
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices, integer_array_indices
from numpy.typing import NDArray

import tinygrad_mlp as tg

Array = NDArray[Any]
Shape = tuple[int, ...]

CELLS = 1024

# One number decides all entries of an array: drawing them one by one takes many times longer, and shrinking them shows
# little that shrinking the shape does not.
generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)

# Strategies are kept (`cache`, and tuples for st.sampled_from): making them anew takes longer than drawing from them.


@cache
@st.composite
def shapes(draw: st.DrawFn, min_dims: int = 0, max_dims: int = 3, min_side: int = 0) -> Shape:
    """Shapes of several entries, mostly; of one, of none, and of no dimensions, now and then."""
    dimensions = st.sampled_from(tuple(ndim for ndim in (0, 1, 2, 3, 1, 2, 3) if min_dims <= ndim <= max_dims))
    lengths = st.sampled_from(tuple(n for n in (1, 2, 3, 2, 3, 2, 3, 0) if n >= min_side))
    return tuple(draw(lengths) for _ in range(draw(dimensions)))


@cache
@st.composite
def broadcastable(draw: st.DrawFn, number: int) -> list[Shape]:
    """`number` shapes that broadcast together: of one shape, each with dimensions left out in front or set to 1."""
    shape = draw(shapes())
    drawn = []
    for _ in range(number):
        own = shape[draw(st.sampled_from((0, 0, *range(len(shape) + 1)))) :]
        drawn.append(tuple(draw(st.sampled_from((n, n, 1))) for n in own))
    return drawn


@cache
def numbers(shape: Shape, low: float = -2.0, high: float = 2.0) -> st.SearchStrategy[Array]:
    """Float64 arrays of distinct entries between `low` and `high`, none of them half-way."""

    def drawn(generator: np.random.Generator) -> Array:
        cells = generator.choice(CELLS, math.prod(shape), replace=False)
        return np.asarray(low + (high - low) * (cells + 0.5) / CELLS).reshape(shape)

    return generators.map(drawn)


@cache
def booleans(shape: Shape) -> st.SearchStrategy[Array]:
    """Arrays of truth values."""
    return generators.map(lambda generator: np.asarray(generator.random(shape) < 0.5))


@cache
@st.composite
def axes(draw: st.DrawFn, ndim: int) -> int | Shape | None:
    """What a reduction takes as its axis: None, an axis counted from either end, or several."""
    several = st.lists(st.integers(0, ndim - 1), unique=True) if ndim else st.just([])
    chosen = draw(st.none() | several)
    if chosen is None:
        return None
    signed = tuple(draw(st.sampled_from((axis, axis - ndim))) for axis in chosen)
    return signed[0] if len(signed) == 1 and draw(st.booleans()) else signed


@cache
@st.composite
def permutations(draw: st.DrawFn, ndim: int) -> Shape | None:
    """The axes of a transpose, some of them counted from the end; or None, for all in reverse."""
    if draw(st.booleans()):
        return None
    return tuple(draw(st.sampled_from((axis, axis - ndim))) for axis in draw(st.permutations(range(ndim))))


@cache
@st.composite
def reshapings(draw: st.DrawFn, shape: Shape) -> Shape:
    """Another shape of as many entries, of which one length may be left open."""
    lengths = draw(st.permutations([*shape, 1]))
    if len(lengths) > 1 and draw(st.booleans()):
        lengths = [lengths[0] * lengths[1], *lengths[2:]]
    if math.prod(shape) and draw(st.booleans()):
        lengths[draw(st.integers(0, len(lengths) - 1))] = -1
    return tuple(lengths)


@cache
@st.composite
def indices(draw: st.DrawFn, shape: Shape) -> Any:
    """Slices and numbers, arrays of positions that may repeat, or a mask."""
    kinds = [basic_indices(shape, allow_newaxis=True), booleans(shape)]
    if shape and 0 not in shape:
        kinds.append(integer_array_indices(shape, result_shape=shapes(min_dims=1, max_dims=2, min_side=1)))
        kinds.append(st.lists(st.integers(-shape[0], shape[0] - 1), min_size=1, max_size=4))
    return draw(st.one_of(kinds))


# How the entries of a tensor can lie in memory; each is made of a contiguous tensor by views.
LAYOUTS = {
    "contiguous": lambda array: tg.tensor(array),
    "transposed": lambda array: tg.tensor(array.T.copy()).T,
    "every second": lambda array: tg.tensor(np.repeat(array, 2, axis=-1))[..., ::2],
    "backwards": lambda array: tg.tensor(array[..., ::-1].copy())[..., ::-1],
}


def layouts(array: Array) -> st.SearchStrategy[str]:
    """The names of layouts that `array` can have."""
    return st.sampled_from(tuple(LAYOUTS) if array.ndim else ("contiguous",))


def leaf(entries: Any, layout: str = "contiguous") -> tg.Tensor:
    """A tensor of these entries, laid out as asked, that collects a gradient. Lists and numbers become float64."""
    array = entries if isinstance(entries, np.ndarray) else np.asarray(entries, float)
    return LAYOUTS[layout](array).requires_grad_()


def seeded(seed: int = 0) -> tg.Generator:
    return tg.Generator().manual_seed(seed)


@contextmanager
def no_collector() -> Iterator[None]:
    """Without Python's collector of cycles, so that what is freed has been freed by reference count."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
