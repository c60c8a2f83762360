"""What several files of tests draw and share: arrays, arguments of NumPy's functions, leaves in every memory layout."""

import gc
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices, integer_array_indices

import tinygrad_mlp as tg
from tinygrad_mlp.testing.strategies import CELLS, Array, Shape, shapes

# --- arrays, and arguments of NumPy's functions -----------------------------------------------------------------------
#
# Each domain is divided into an even number of cells, and the entries of `numbers` are midpoints of different cells. So
# no two entries are equal, and none lies in the middle of the domain, where functions such as `abs` have their kink.


# One drawn number is the seed of all entries of an array. Drawing the entries one by one takes many times longer, and
# shrinking them shows little that shrinking the shape does not.
generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@cache
def numbers(shape: Shape, low: float = -2.0, high: float = 2.0) -> st.SearchStrategy[Array]:
    """Float64 arrays of distinct entries between `low` and `high`, none of them in the middle."""

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
    """The `axis` argument of a reduction: None, one axis or several, each counted from the start or from the end."""
    several = st.lists(st.integers(0, ndim - 1), unique=True) if ndim else st.just([])
    chosen = draw(st.none() | several)
    if chosen is None:
        return None
    signed = tuple(draw(st.sampled_from((axis, axis - ndim))) for axis in chosen)
    return signed[0] if len(signed) == 1 and draw(st.booleans()) else signed


@cache
@st.composite
def permutations(draw: st.DrawFn, ndim: int) -> Shape | None:
    """The `axes` argument of a transpose, some of them counted from the end; or None, which reverses all axes."""
    if draw(st.booleans()):
        return None
    return tuple(draw(st.sampled_from((axis, axis - ndim))) for axis in draw(st.permutations(range(ndim))))


@cache
@st.composite
def reshapings(draw: st.DrawFn, shape: Shape) -> Shape:
    """Another shape of as many entries. One of its lengths may be −1."""
    lengths = draw(st.permutations([*shape, 1]))
    if len(lengths) > 1 and draw(st.booleans()):
        lengths = [lengths[0] * lengths[1], *lengths[2:]]
    if math.prod(shape) and draw(st.booleans()):
        lengths[draw(st.integers(0, len(lengths) - 1))] = -1
    return tuple(lengths)


@cache
@st.composite
def indices(draw: st.DrawFn, shape: Shape) -> Any:
    """An index: slices and integers, arrays of positions that may repeat, or a boolean mask."""
    kinds: list[st.SearchStrategy[Any]] = [basic_indices(shape, allow_newaxis=True), booleans(shape)]
    if shape and 0 not in shape:
        kinds.append(integer_array_indices(shape, result_shape=shapes(min_dims=1, max_dims=2, min_side=1)))
        kinds.append(st.lists(st.integers(-shape[0], shape[0] - 1), min_size=1, max_size=4))
    return draw(st.one_of(kinds))


# --- leaves ----------------------------------------------------------------------------------------------------------

# How the entries of a tensor can lie in memory: each layout is a view of a contiguous tensor.
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
    """A new generator of random numbers with this seed."""
    return tg.Generator().manual_seed(seed)


@contextmanager
def no_collector() -> Iterator[None]:
    """Switch off Python's collector of reference cycles, so that objects are freed by their reference count alone."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
