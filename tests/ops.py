"""The table behind the tests of the sheet: each function with a reference in NumPy and a strategy that draws calls.

A reference also takes complex arrays, whose real parts decide maxima and signs. Then Im f(x + ih)/h is its derivative
to the last digits: nothing cancels, and no step has to be chosen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st
from scipy.special import erf, expit
from strategies import (
    Array,
    Shape,
    axes,
    booleans,
    broadcastable,
    indices,
    layouts,
    leaf,
    numbers,
    permutations,
    reshapings,
    shapes,
)

import tinygrad_mlp as tg
from tinygrad_mlp.core import functions as f
from tinygrad_mlp.core.sheet import sheet

# The package's own rows, copied before a test adds a row. Classes are left out: they are Functions of other tests.
ROWS = {function: row for function, row in sheet.items() if not isinstance(function, type)}

Call = tuple[tuple[Any, ...], dict[str, Any]]  # operands, options


@dataclass(frozen=True, eq=False, repr=False)
class Case:
    """A differentiable function, a strategy that draws calls of it, and its reference.

    Without a reference, the function itself is called with arrays. `call` passes the operands to the function.
    """

    function: Callable[..., Any]
    calls: st.SearchStrategy[Call]
    reference: Callable[..., Any] | None = None
    call: Callable[..., Any] | None = None  # by default, one by one

    def __repr__(self) -> str:
        return self.function.__name__

    def __call__(self, *operands: Any, **options: Any) -> Any:
        return (self.call or self.function)(*operands, **options)

    def expected(self, *operands: Any, **options: Any) -> Array:
        return np.asarray((self.reference or self)(*operands, **options))


@dataclass(frozen=True, eq=False)
class Example:
    """One call of a case, and a cotangent of its output. Each operand with a layout becomes a leaf of that layout."""

    case: Case
    operands: tuple[Any, ...]
    options: dict[str, Any]
    layouts: tuple[str | None, ...]
    cotangent: Array

    @property
    def differentiable(self) -> list[int]:
        return [i for i, layout in enumerate(self.layouts) if layout]

    def tensors(self) -> list[Any]:
        """New operands: a leaf for each operand with a layout, and the others as they are."""
        return [leaf(x, layout) if layout else x for x, layout in zip(self.operands, self.layouts, strict=True)]

    def __call__(self, operands: Any) -> Any:
        return self.case(*operands, **self.options)

    def expected(self, operands: Any = None) -> Array:
        return self.case.expected(*(self.operands if operands is None else operands), **self.options)

    def gradients(self, tensors: list[Any], cotangent: Any = None, **how: Any) -> list[tg.Tensor]:
        """Run the call forward and backward. Return the gradients of the leaves, and set their `.grad` to None."""
        self(tensors).backward(self.cotangent if cotangent is None else cotangent, **how)
        leaves = [tensors[i] for i in self.differentiable]
        collected = [x.grad for x in leaves]
        for x in leaves:
            x.grad = None
        return collected

    def astype(self, dtype: Any) -> "Example":
        cast = tuple(x.astype(dtype) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in self.operands)
        return Example(self.case, cast, self.options, self.layouts, self.cotangent.astype(dtype))


@cache
@st.composite
def examples(draw: st.DrawFn, case: Case) -> Example:
    """A call of `case`: at least one operand is a leaf, and the others stay plain arrays."""
    operands, options = draw(case.calls)
    floats = [i for i, x in enumerate(operands) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
    leaves = draw(st.lists(st.sampled_from(tuple(floats)), min_size=1, unique=True))
    chosen = tuple(draw(layouts(x)) if i in leaves else None for i, x in enumerate(operands))
    output = case.expected(*operands, **options)
    return Example(case, operands, options, chosen, draw(numbers(output.shape)))


# --- calls ------------------------------------------------------------------------------------------------------------


@st.composite
def unary(draw: st.DrawFn, low: float = -2, high: float = 2, min_dims: int = 0) -> Call:
    """One array."""
    return (draw(numbers(draw(shapes(min_dims)), low, high)),), {}


@st.composite
def binary(draw: st.DrawFn, first: tuple[float, float] = (-2, 2), second: tuple[float, float] = (-2, 2)) -> Call:
    """Two arrays that broadcast, each with its domain."""
    a, b = draw(broadcastable(2))
    return (draw(numbers(a, *first)), draw(numbers(b, *second))), {}


@st.composite
def loss(draw: st.DrawFn, first: tuple[float, float], second: tuple[float, float]) -> Call:
    """Two arrays that broadcast; or two arrays of one shape, and `total=True`."""
    if draw(st.booleans()):
        return draw(binary(first, second))
    shape = draw(shapes())
    return (draw(numbers(shape, *first)), draw(numbers(shape, *second))), {"total": True}


@st.composite
def logits_and_shares(draw: st.DrawFn) -> Call:
    """Rows of logits, the weights of their classes, and a count to divide by."""
    shape = draw(shapes(min_dims=2, max_dims=2, min_side=1))
    return (draw(numbers(shape)), draw(numbers(shape, 0.1, 1)), draw(st.integers(1, 3))), {}


@st.composite
def class_losses(draw: st.DrawFn) -> Call:
    """The same, of single rows or of all in total."""
    return draw(logits_and_shares())[0], {"total": draw(st.booleans())}


@st.composite
def reduction(draw: st.DrawFn, min_side: int = 0, low: float = -2, high: float = 2) -> Call:
    """An array, an axis to reduce over, and whether to keep it."""
    x = draw(numbers(draw(shapes(min_side=min_side)), low, high))
    return (x,), {"axis": draw(axes(x.ndim)), "keepdims": draw(st.booleans())}


@st.composite
def spread_out(draw: st.DrawFn) -> Call:
    """A reduction of at least two entries with a standard deviation far from 0."""
    shape = draw(shapes(min_dims=1, min_side=2))
    x = draw(numbers(shape, -0.25, 0.25)) + np.arange(np.prod(shape)).reshape(shape)
    axis = draw(axes(x.ndim).filter(lambda axis: axis != ()))
    return (x,), {"axis": axis, "keepdims": draw(st.booleans())}


@st.composite
def with_option(draw: st.DrawFn, name: str, strategy: Callable[[Any], st.SearchStrategy[Any]], **limits: int) -> Call:
    """One operand, and an option `name` drawn by `strategy`, which is given the shape of the operand."""
    shape = draw(shapes(**limits))
    return (draw(numbers(shape)),), {name: draw(strategy(shape))}


@st.composite
def roots(draw: st.DrawFn) -> Call:
    """An array of positive numbers, and which root of them."""
    return draw(unary(0.25, 4))[0], {"p": draw(st.sampled_from([2, 3, 1.5]))}


@st.composite
def choice(draw: st.DrawFn) -> Call:
    """A condition and two choices that broadcast together."""
    c, a, b = draw(broadcastable(3))
    return (draw(booleans(c)), draw(numbers(a)), draw(numbers(b))), {}


@st.composite
def flags(draw: st.DrawFn, number: int) -> Call:
    """Arrays of booleans, or of integers for bitwise functions."""
    arrays = [draw(booleans(shape)) for shape in draw(broadcastable(number))]
    return tuple(arrays if draw(st.booleans()) else [5 * array - 3 for array in arrays]), {}


@st.composite
def matrices(draw: st.DrawFn) -> Call:
    """Matrices, stacks of them that broadcast, and vectors on either side."""
    n, k, m = (draw(st.integers(0, 3)) for _ in range(3))
    stack_a, stack_b = draw(broadcastable(2)) if draw(st.booleans()) else ((), ())
    a = (k,) if draw(st.booleans()) and not stack_a else (*stack_a[-1:], n, k)
    b = (k,) if draw(st.booleans()) and not stack_b else (*stack_b[-1:], k, m)
    return (draw(numbers(a)), draw(numbers(b))), {}


@st.composite
def vectors_and_matrices(draw: st.DrawFn) -> Call:
    """Two operands of `numpy.dot`, each a vector or a matrix."""
    n, k, m = (draw(st.integers(0, 3)) for _ in range(3))
    a, b = draw(st.sampled_from([(k,), (n, k)])), draw(st.sampled_from([(k,), (k, m)]))
    return (draw(numbers(a)), draw(numbers(b))), {}


@st.composite
def contraction(draw: st.DrawFn, subscripts: list[str], broadcast: bool = False) -> Call:
    """Operands that fit one of the `subscripts`, with a length drawn for each label.

    With `broadcast`, a label may have length 1 in one operand and be longer in another.
    """
    chosen = draw(st.sampled_from(subscripts))
    length = {label: draw(st.integers(0, 3)) for label in sorted(set(chosen) - set(",->."))}
    terms = chosen.partition("->")[0].replace("...", "k").split(",")
    length.setdefault("k", 2)
    operands = []
    for term in terms:
        single = draw(st.sets(st.sampled_from(sorted(term)))) if broadcast else ()
        operands.append(draw(numbers(tuple(1 if label in single else length[label] for label in term))))
    return tuple(operands), {"subscripts": chosen}


@st.composite
def layer(draw: st.DrawFn) -> Call:
    """Rows, the weight of a layer, and its bias or None."""
    rows, features, outputs = (draw(st.integers(0, 4)) for _ in range(3))
    x, weight = draw(numbers((rows, features))), draw(numbers((outputs, features)))
    return (x, weight, draw(st.none() | numbers((outputs,)))), {}


@st.composite
def joined(draw: st.DrawFn, equal: bool = False) -> Call:
    """One to three arrays that differ at most along the axis they are joined at."""
    shape = list(draw(shapes(min_dims=0 if equal else 1)))
    axis = draw(st.integers(0, len(shape) - (not equal)))
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        if not equal:
            shape[axis] = draw(st.integers(0, 3))
        parts.append(draw(numbers(tuple(shape))))
    return tuple(parts), {"axis": draw(st.sampled_from([axis, axis - len(shape) - equal]))}


@st.composite
def scattered(draw: st.DrawFn) -> Call:
    """The values, the index and the shape of an assignment to an array of zeros."""
    shape = draw(shapes())
    index = draw(indices(shape))
    return (draw(numbers(np.zeros(shape)[index].shape)),), {"index": index, "shape": shape}


@st.composite
def widened(draw: st.DrawFn, shape: Shape) -> Shape:
    """A shape that `shape` broadcasts to."""
    lengths = [draw(st.integers(0, 3)) if n == 1 else n for n in shape]
    return (*draw(shapes(max_dims=3 - len(shape))), *lengths)


@st.composite
def swapped(draw: st.DrawFn) -> Call:
    """An array and two of its axes."""
    x = draw(numbers(draw(shapes(min_dims=1))))
    return (x,), {f"axis{i}": draw(st.integers(-x.ndim, x.ndim - 1)) for i in (1, 2)}


@st.composite
def one_axis(draw: st.DrawFn, shape: Shape) -> int | None:
    """One axis, counted from the start or from the end, or None."""
    return draw(st.none() | st.integers(-len(shape), len(shape) - 1)) if shape else None


@st.composite
def rolled(draw: st.DrawFn) -> Call:
    """An array with shifts along axes, or along all entries."""
    x = draw(numbers(draw(shapes())))
    axis = draw(axes(x.ndim).filter(lambda axis: axis != ()))
    if isinstance(axis, tuple) and draw(st.booleans()):
        return (x,), {"shift": tuple(draw(st.integers(-4, 4)) for _ in axis), "axis": axis}
    return (x,), {"shift": draw(st.integers(-4, 4)), "axis": axis}


@st.composite
def squeezable(draw: st.DrawFn, shape: Shape) -> Any:
    """What `squeeze` takes as an axis for this shape."""
    ones = [axis - back for axis, n in enumerate(shape) if n == 1 for back in (0, len(shape))]
    single = [st.sampled_from(ones), st.tuples(st.sampled_from(ones))] if ones else []
    return draw(st.one_of(st.none(), *single))


def naive_scatter(g: Array, index: Any, shape: Shape) -> Array:
    """Zeros with the values added at the positions of the index, one after the other."""
    target = np.zeros(int(np.prod(shape)), g.dtype)
    positions = np.arange(target.size).reshape(shape)[index]
    for position, value in zip(positions.ravel(), g.ravel(), strict=True):
        target[position] += value
    return target.reshape(shape)


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def variance(x: Array, **over: Any) -> Array:
    """The mean of the squared distances from the mean."""
    mean = np.mean(x, axis=over["axis"], keepdims=True)
    return np.asarray(np.mean((x - mean) ** 2, **over))


def bernoulli(a: Array, t: Array, total: bool = False) -> Array:
    """The negative logarithm of the probability of `t`, where `a` is that of 1."""
    elements = -t * np.log(a) - (1 - t) * np.log(1 - a)
    return np.sum(elements) if total else elements


def softmax(z: Array, axis: int = 1) -> Array:
    powers: Array = np.exp(z)
    return powers / powers.sum(axis, keepdims=True)


def softmax_entropy(z: Array, y: Array, count: int, total: bool = False) -> Array:
    """The cross entropy of rows of logits with shares of the classes, divided by `count`."""
    elements = -y * np.log(softmax(z))
    return (np.sum(elements) if total else elements.sum(1, keepdims=True)) / count


# --- the table --------------------------------------------------------------------------------------------------------

BETWEEN = (-1.99, 2.01)  # entries lie between those drawn from (-2, 2), so that no two are equal
AWAY = (0.5, 2.0)  # far from 0, for divisors
EXPLICIT = ["ij,jk->ik", "i,j->ji", "ij->ji", "ij,ij->i", "i,i->", "ij,jk,kl->il", "bij,bjk->bik"]
IMPLICIT = ["ij,jk", "ii", "ii->i", "ij,j", "i...,i->...", "...i->i...", "iij->j", "ij,kj->", "i,i,i->i", "ji", "ij->"]

CASES = [
    # -- one input
    Case(np.negative, unary()),
    Case(np.reciprocal, unary(*AWAY)),
    Case(np.square, unary()),
    Case(np.sqrt, unary(0.25, 4)),
    Case(np.absolute, unary(), lambda x: x * np.sign(x.real)),
    Case(np.exp, unary()),
    Case(np.exp2, unary()),
    Case(np.expm1, unary()),
    Case(np.log, unary(0.25, 4)),
    Case(np.log2, unary(0.25, 4)),
    Case(np.log10, unary(0.25, 4)),
    Case(np.log1p, unary(-0.75, 3)),
    Case(np.sin, unary()),
    Case(np.cos, unary()),
    Case(np.tan, unary(-1, 1)),
    Case(np.arcsin, unary(-0.75, 0.75)),
    Case(np.arccos, unary(-0.75, 0.75)),
    Case(np.arctan, unary()),
    Case(np.sinh, unary()),
    Case(np.cosh, unary()),
    Case(np.tanh, unary()),
    Case(erf, unary()),
    Case(expit, unary(), sigmoid),
    Case(f.relu, unary(), lambda x: np.where(x.real > 0, x, 0)),
    Case(f.root, roots(), lambda x, p: x ** (1 / p)),
    Case(np.sign, unary(), lambda x: np.sign(x.real)),
    Case(np.floor, unary(), lambda x: np.floor(x.real)),
    Case(np.ceil, unary(), lambda x: np.ceil(x.real)),
    Case(np.rint, unary(), lambda x: np.rint(x.real)),
    Case(np.trunc, unary(), lambda x: np.trunc(x.real)),
    # -- two inputs
    Case(np.add, binary()),
    Case(np.subtract, binary()),
    Case(np.multiply, binary()),
    Case(np.divide, binary((-2, 2), AWAY)),
    Case(f.quotient, binary((-2, 2), AWAY), lambda a, b: a / b),
    Case(np.remainder, binary((-2, 2), AWAY), lambda a, b: a - b * np.floor(a.real / b.real)),
    Case(np.floor_divide, binary((-2, 2), AWAY), lambda a, b: np.floor(a.real / b.real)),
    Case(np.power, binary((0.25, 2), (-2, 2))),
    Case(np.maximum, binary((-2, 2), BETWEEN)),
    Case(np.minimum, binary((-2, 2), BETWEEN)),
    Case(np.logaddexp, binary(), lambda a, b: np.log(np.exp(a) + np.exp(b))),
    Case(np.where, choice()),
    # -- products
    Case(np.matmul, matrices()),
    Case(f.linear, layer(), lambda x, w, b: x @ w.T + (0 if b is None else b)),
    Case(f.einsum, contraction(EXPLICIT), lambda *arrays, subscripts: np.einsum(subscripts, *arrays)),
    # -- reductions and running sums
    Case(np.sum, reduction()),
    Case(np.max, reduction(min_side=1)),
    Case(np.min, reduction(min_side=1)),
    Case(f.logsumexp, reduction(min_side=1), lambda x, **over: np.log(np.sum(np.exp(x), **over))),
    Case(
        f.log_softmax,
        with_option("axis", one_axis, min_side=1),
        lambda x, axis: np.log(np.exp(x) / np.exp(x).sum(axis, keepdims=True)),
    ),
    Case(np.cumsum, with_option("axis", one_axis)),
    # -- losses
    Case(
        f.squared_error,
        loss((-2, 2), BETWEEN),
        lambda a, b, total=False: np.sum((a - b) ** 2) if total else (a - b) ** 2,
    ),
    Case(f.binary_cross_entropy, loss((0.1, 0.9), (0, 1)), bernoulli),
    Case(
        f.binary_cross_entropy_with_logits,
        loss((-2, 2), (0, 1)),
        lambda z, t, total=False: bernoulli(sigmoid(z), t, total),
    ),
    Case(f.cross_entropy, class_losses(), softmax_entropy),
    Case(f.softmax_error, logits_and_shares(), lambda z, y, n: (softmax(z) * y.sum(1, keepdims=True) - y) / n),
    # -- movement
    Case(np.reshape, with_option("shape", reshapings)),
    Case(np.transpose, with_option("axes", lambda shape: permutations(len(shape)))),
    Case(np.broadcast_to, with_option("shape", widened)),
    Case(np.flip, with_option("axis", lambda shape: axes(len(shape)))),
    Case(np.diagonal, with_option("offset", lambda shape: st.integers(-2, 2), min_dims=2)),
    Case(np.roll, rolled()),
    Case(np.tril, with_option("k", lambda shape: st.integers(-2, 2), min_dims=2)),
    Case(np.triu, with_option("k", lambda shape: st.integers(-2, 2), min_dims=2)),
    Case(f.concatenate, joined(), lambda *parts, axis: np.concatenate(parts, axis)),
    Case(f.clone, unary(), np.copy),
    Case(f.astype, with_option("dtype", lambda shape: st.just(np.dtype(np.float64))), lambda x, dtype: x),
    Case(f.getitem, with_option("index", indices), lambda x, index: x[index]),
    Case(f.scatter, scattered(), naive_scatter),
]

# Functions that the package writes as one line of others.
DERIVED = [
    Case(np.mean, reduction(min_side=1)),
    Case(np.var, reduction(min_side=1), variance),
    Case(np.std, spread_out(), lambda x, **over: np.sqrt(variance(x, **over))),
    Case(np.prod, reduction()),
    Case(np.linalg.norm, reduction(1, *AWAY), lambda x, **over: np.sqrt(np.sum(x**2, **over))),
    Case(
        np.clip, unary(), lambda x: np.where(x.real < -1, -1, np.where(x.real > 1, 1, x)), lambda x: np.clip(x, -1, 1)
    ),
    Case(
        np.einsum,
        contraction(EXPLICIT + IMPLICIT, broadcast=True),
        call=lambda *arrays, subscripts: np.einsum(subscripts, *arrays),
    ),
    Case(np.outer, binary()),
    Case(np.dot, vectors_and_matrices()),
    Case(np.concatenate, joined(), call=lambda *parts, axis: np.concatenate(parts, axis)),
    Case(np.stack, joined(equal=True), call=lambda *parts, axis: np.stack(parts, axis)),
    Case(np.swapaxes, swapped()),
    Case(np.matrix_transpose, unary(min_dims=2)),
    Case(np.squeeze, with_option("axis", squeezable)),
    Case(np.expand_dims, with_option("axis", lambda shape: st.integers(-1 - len(shape), len(shape)))),
    Case(np.ravel, unary()),
    Case(np.repeat, with_option("axis", one_axis), call=lambda x, axis: np.repeat(x, 2, axis)),
    Case(
        np.tile, with_option("reps", lambda shape: st.integers(0, 2) | st.tuples(st.integers(1, 2), st.integers(0, 2)))
    ),
]

# Functions through which no gradient passes, each with a strategy that draws calls.
CONSTANTS: dict[Callable[..., Any], st.SearchStrategy[Call]] = {
    **dict.fromkeys([np.isnan, np.isinf, np.isfinite], unary()),
    **dict.fromkeys([np.logical_not, np.zeros_like, np.ones_like, np.shape, np.ndim, np.size], unary()),
    **dict.fromkeys([np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal], binary()),
    **dict.fromkeys([np.logical_and, np.logical_or, np.logical_xor, np.allclose, np.array_equal], binary()),
    **dict.fromkeys([np.any, np.all, np.count_nonzero], reduction()),
    **dict.fromkeys(
        [np.argmax, np.argmin], with_option("axis", lambda s: st.sampled_from([None, -1]), min_dims=1, min_side=1)
    ),
    np.argsort: with_option("axis", lambda shape: st.integers(-len(shape), len(shape) - 1), min_dims=1),
    **dict.fromkeys([np.bitwise_and, np.bitwise_or, np.bitwise_xor], flags(2)),
    np.invert: flags(1),
}
