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
from hypothesis.extra.numpy import arrays
from scipy import special
from scipy.special import erf, expit
from strategies import Array, axes, booleans, indices, layouts, leaf, numbers, permutations, reshapings

from tinygrad_mlp.core import functions as f
from tinygrad_mlp.core.sheet import sheet
from tinygrad_mlp.names import linear_rows
from tinygrad_mlp.names.gamma_rows import gamma_quantile, shape_derivative
from tinygrad_mlp.names.rows import hurwitz_zeta, lower_gamma, upper_gamma
from tinygrad_mlp.nn.lookup import lookup
from tinygrad_mlp.tensors.subscripts import einsum
from tinygrad_mlp.testing.differences import Call
from tinygrad_mlp.testing.strategies import Shape, broadcastable, shapes

# The package's own rows, copied before a test adds a row. Classes are left out: they are Functions of other tests.
ROWS = {function: row for function, row in sheet.items() if not isinstance(function, type)}

Arguments = tuple[tuple[Any, ...], dict[str, Any]]  # operands, options


@dataclass(frozen=True, eq=False, repr=False)
class Case:
    """A differentiable function, a strategy that draws calls of it, and its reference.

    Without a reference, the function itself is called with arrays. `call` passes the operands to the function.
    """

    function: Callable[..., Any]
    calls: st.SearchStrategy[Arguments]
    reference: Callable[..., Any] | None = None
    call: Callable[..., Any] | None = None  # by default, one by one

    def __repr__(self) -> str:
        return self.function.__name__

    def __call__(self, *operands: Any, **options: Any) -> Any:
        return (self.call or self.function)(*operands, **options)

    def expected(self, *operands: Any, **options: Any) -> Array:
        return np.asarray((self.reference or self)(*operands, **options))


@dataclass(frozen=True, eq=False)
class Example(Call):
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
def unary(draw: st.DrawFn, low: float = -2, high: float = 2, min_dims: int = 0) -> Arguments:
    """One array."""
    return (draw(numbers(draw(shapes(min_dims)), low, high)),), {}


@st.composite
def binary(draw: st.DrawFn, first: tuple[float, float] = (-2, 2), second: tuple[float, float] = (-2, 2)) -> Arguments:
    """Two arrays that broadcast, each with its domain."""
    a, b = draw(broadcastable(2))
    return (draw(numbers(a, *first)), draw(numbers(b, *second))), {}


@st.composite
def with_constant(draw: st.DrawFn, low: float, high: float) -> Arguments:
    """A number between `low` and `high`, through which no gradient passes, and an array of positive numbers."""
    return (draw(st.floats(low, high)), draw(numbers(draw(shapes()), *AWAY))), {}


@st.composite
def orders(draw: st.DrawFn) -> Arguments:
    """The order of a derivative, and two arrays of positive numbers that broadcast."""
    return (draw(st.sampled_from([1, 2])), *draw(binary((1, 3), (0.5, 3)))[0]), {}


@st.composite
def loss(draw: st.DrawFn, first: tuple[float, float], second: tuple[float, float]) -> Arguments:
    """Two arrays that broadcast; or two arrays of one shape, and `total=True`."""
    if draw(st.booleans()):
        return draw(binary(first, second))
    shape = draw(shapes())
    return (draw(numbers(shape, *first)), draw(numbers(shape, *second))), {"total": True}


@st.composite
def logits_and_shares(draw: st.DrawFn) -> Arguments:
    """Rows of logits, the weights of their classes, and a count to divide by."""
    shape = draw(shapes(min_dims=2, max_dims=2, min_side=1))
    return (draw(numbers(shape)), draw(numbers(shape, 0.1, 1)), draw(st.integers(1, 3))), {}


@st.composite
def class_losses(draw: st.DrawFn) -> Arguments:
    """The same, of single rows or of all in total."""
    return draw(logits_and_shares())[0], {"total": draw(st.booleans())}


@st.composite
def reduction(draw: st.DrawFn, min_side: int = 0, low: float = -2, high: float = 2) -> Arguments:
    """An array, an axis to reduce over, and whether to keep it."""
    x = draw(numbers(draw(shapes(min_side=min_side)), low, high))
    return (x,), {"axis": draw(axes(x.ndim)), "keepdims": draw(st.booleans())}


@st.composite
def spread_out(draw: st.DrawFn) -> Arguments:
    """A reduction of at least two entries with a standard deviation far from 0."""
    shape = draw(shapes(min_dims=1, min_side=2))
    x = draw(numbers(shape, -0.25, 0.25)) + np.arange(np.prod(shape)).reshape(shape)
    axis = draw(axes(x.ndim).filter(lambda axis: axis != ()))
    return (x,), {"axis": axis, "keepdims": draw(st.booleans())}


@st.composite
def with_option(
    draw: st.DrawFn, name: str, strategy: Callable[[Any], st.SearchStrategy[Any]], **limits: int
) -> Arguments:
    """One operand, and an option `name` drawn by `strategy`, which is given the shape of the operand."""
    shape = draw(shapes(**limits))
    return (draw(numbers(shape)),), {name: draw(strategy(shape))}


@st.composite
def lookups(draw: st.DrawFn) -> Arguments:
    """A table, and indices of fewer or of more rows than it has."""
    shape = draw(st.tuples(st.integers(1, 6), st.integers(0, 3)))
    taken = draw(shapes(max_dims=2))
    index = draw(arrays(np.int64, taken, elements=st.integers(-shape[0], shape[0] - 1)))
    return (draw(numbers(shape)),), {"index": index}


@st.composite
def roots(draw: st.DrawFn) -> Arguments:
    """An array of positive numbers, and which root of them."""
    return draw(unary(0.25, 4))[0], {"p": draw(st.sampled_from([2, 3, 1.5]))}


@st.composite
def choice(draw: st.DrawFn) -> Arguments:
    """A condition and two choices that broadcast together."""
    c, a, b = draw(broadcastable(3))
    return (draw(booleans(c)), draw(numbers(a)), draw(numbers(b))), {}


@st.composite
def flags(draw: st.DrawFn, number: int) -> Arguments:
    """Arrays of booleans, or of integers for bitwise functions."""
    arrays = [draw(booleans(shape)) for shape in draw(broadcastable(number))]
    return tuple(arrays if draw(st.booleans()) else [5 * array - 3 for array in arrays]), {}


@st.composite
def whole_numbers(draw: st.DrawFn) -> Arguments:
    """Two arrays of small integers that broadcast."""
    return tuple(np.floor(draw(numbers(shape, 0, 9))).astype(np.int64) for shape in draw(broadcastable(2))), {}


@st.composite
def matrices(draw: st.DrawFn) -> Arguments:
    """Matrices, stacks of them that broadcast, and vectors on either side."""
    n, k, m = (draw(st.integers(0, 3)) for _ in range(3))
    stack_a, stack_b = draw(broadcastable(2)) if draw(st.booleans()) else ((), ())
    a = (k,) if draw(st.booleans()) and not stack_a else (*stack_a[-1:], n, k)
    b = (k,) if draw(st.booleans()) and not stack_b else (*stack_b[-1:], k, m)
    return (draw(numbers(a)), draw(numbers(b))), {}


@st.composite
def vectors_and_matrices(draw: st.DrawFn) -> Arguments:
    """Two operands of `numpy.dot`, each a vector or a matrix."""
    n, k, m = (draw(st.integers(0, 3)) for _ in range(3))
    a, b = draw(st.sampled_from([(k,), (n, k)])), draw(st.sampled_from([(k,), (k, m)]))
    return (draw(numbers(a)), draw(numbers(b))), {}


@st.composite
def squares(draw: st.DrawFn, diagonal: tuple[float, ...] = (0, 0, 0), columns: bool = False) -> Arguments:
    """A square matrix, or a stack of two, with numbers added to the diagonal; with `columns` a right-hand side, too."""
    n, stack = draw(st.integers(1, len(diagonal))), draw(st.sampled_from([(), (2,)]))
    x = draw(numbers((*stack, n, n), -1, 1)) + np.diag(np.asarray(diagonal[:n], float))
    return (x, *([draw(numbers((*stack, n, draw(st.integers(1, 2)))))] * columns)), {}


@st.composite
def tall_or_wide(draw: st.DrawFn, wide: bool = True) -> Arguments:
    """A matrix of full rank, or a stack of two, that is higher than wide or, unless forbidden, wider than high.

    Its singular values are far from each other.
    """
    n, stack = draw(st.integers(1, 3)), draw(st.sampled_from([(), (2,)]))
    m = draw(st.integers(1, 3 if wide else n))
    return (draw(numbers((*stack, n, m), -0.5, 0.5)) + 4 * np.eye(n, m) * np.arange(1, m + 1),), {}


def triangular_root(x: Array) -> Array:
    """The factor of the Cholesky decomposition of a symmetric matrix, whose lower triangle is read."""
    root = np.zeros_like(x)
    for i in range(x.shape[-1]):
        for j in range(i + 1):
            rest = x[..., i, j] - np.sum(root[..., i, :j] * root[..., j, :j], axis=-1)
            root[..., i, j] = np.sqrt(rest) if i == j else rest / root[..., j, j]
    return root


def pseudoinverse(x: Array) -> Array:
    """The pseudoinverse of a matrix of full rank."""
    t = np.swapaxes(x, -1, -2)
    return np.asarray(np.linalg.inv(t @ x) @ t if x.shape[-2] > x.shape[-1] else t @ np.linalg.inv(x @ t))


def singular_vectors_below_values(x: Array) -> Array:
    """The singular values of a matrix as a row, above the columns of U and V, with the signs that NumPy gives them."""
    t = np.swapaxes(x, -1, -2)
    u, _, vh = np.linalg.svd(x.real, full_matrices=False)
    tall = x.shape[-2] >= x.shape[-1]
    system = eigenvectors_below_values(t @ x if tall else x @ t)[..., ::-1]
    values, vectors = np.sqrt(system[..., :1, :]), system[..., 1:, :]
    vectors = vectors * np.sign(np.sum(vectors.real * (np.swapaxes(vh, -1, -2) if tall else u), axis=-2, keepdims=True))
    others = (x if tall else t) @ vectors / values
    return np.concatenate([values, *((others, vectors) if tall else (vectors, others))], axis=-2)


def columns_above_triangle(x: Array) -> Array:
    """The factors Q and R of a matrix, by Gram and Schmidt, with the signs that NumPy gives them."""
    triangle = np.swapaxes(triangular_root(np.swapaxes(x, -1, -2) @ x), -1, -2)
    signs = np.sign(np.diagonal(np.linalg.qr(x.real)[1], axis1=-2, axis2=-1))[..., :, None]
    triangle = triangle * signs
    return np.concatenate([x @ np.linalg.inv(triangle), triangle], axis=-2)


def eigenvectors_below_values(x: Array) -> Array:
    """The eigenvalues of a symmetric matrix as a row, above its eigenvectors, with the signs that NumPy gives them.

    Those of the real part are carried on to the complex matrix, by steps of first order, to the last digit.
    """
    symmetric = np.tril(x) + np.swapaxes(np.tril(x, -1), -1, -2)
    vectors, one = np.linalg.eigh(symmetric.real)[1], np.eye(x.shape[-1])
    for _ in range(3):
        inner = np.swapaxes(vectors, -1, -2) @ symmetric @ vectors
        values = np.sum(inner * one, axis=-2, keepdims=True)
        vectors = vectors + vectors @ (inner * (1 - one) / (values - np.swapaxes(values, -1, -2) + one))
        vectors = vectors / np.sqrt(np.sum(vectors**2, axis=-2, keepdims=True))
    return np.concatenate([values, vectors], axis=-2)


@st.composite
def contraction(draw: st.DrawFn, subscripts: list[str], broadcast: bool = False) -> Arguments:
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
def layer(draw: st.DrawFn) -> Arguments:
    """Rows, the weight of a layer, and its bias or None."""
    rows, features, outputs = (draw(st.integers(0, 4)) for _ in range(3))
    x, weight = draw(numbers((rows, features))), draw(numbers((outputs, features)))
    return (x, weight, draw(st.none() | numbers((outputs,)))), {}


@st.composite
def joined(draw: st.DrawFn, equal: bool = False) -> Arguments:
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
def scattered(draw: st.DrawFn) -> Arguments:
    """The values, the index and the shape of an assignment to an array of zeros."""
    shape = draw(shapes())
    index = draw(indices(shape))
    return (draw(numbers(np.zeros(shape)[index].shape)),), {"index": index, "shape": shape}


@st.composite
def replacing(draw: st.DrawFn) -> Arguments:
    """An array, an index of it that meets no position twice, and values that broadcast to what it selects."""
    x = draw(numbers(draw(shapes())))
    positions = np.arange(x.size).reshape(x.shape)
    index = draw(indices(x.shape).filter(lambda index: len(np.unique(positions[index])) == positions[index].size))
    selected = positions[index].shape
    fewer = [draw(st.sampled_from([1, n])) for n in selected[draw(st.integers(0, len(selected))) :]]
    return (x, draw(numbers(draw(st.sampled_from([selected, tuple(fewer)]))))), {"index": index}


@st.composite
def widened(draw: st.DrawFn, shape: Shape) -> Shape:
    """A shape that `shape` broadcasts to."""
    lengths = [draw(st.integers(0, 3)) if n == 1 else n for n in shape]
    return (*draw(shapes(max_dims=3 - len(shape))), *lengths)


@st.composite
def swapped(draw: st.DrawFn) -> Arguments:
    """An array and two of its axes."""
    x = draw(numbers(draw(shapes(min_dims=1))))
    return (x,), {f"axis{i}": draw(st.integers(-x.ndim, x.ndim - 1)) for i in (1, 2)}


@st.composite
def one_axis(draw: st.DrawFn, shape: Shape) -> int | None:
    """One axis, counted from the start or from the end, or None."""
    return draw(st.none() | st.integers(-len(shape), len(shape) - 1)) if shape else None


@st.composite
def rolled(draw: st.DrawFn) -> Arguments:
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


def naive_replaced(x: Array, value: Array, index: Any) -> Array:
    """A copy of the array with the values at the positions of the index, one after the other."""
    target = x.flatten().astype(np.result_type(x, value))
    positions = np.arange(x.size).reshape(x.shape)[index]
    for position, number in zip(positions.ravel(), np.broadcast_to(value, positions.shape).ravel(), strict=True):
        target[position] = number
    return target.reshape(x.shape)


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def erfinv(x: Array) -> Array:
    """The inverse of the error function, also of complex numbers near real ones: by Newton's method."""
    y = special.erfinv(x.real)
    for _ in range(3):
        y = y - (erf(y) - x) * np.exp(y**2) * np.sqrt(np.pi) / 2
    return y


def bessel(order: int, scaled: bool = False) -> Callable[[Array], Array]:
    """A modified Bessel function of the first kind; if it is scaled, times exp(−|x|)."""
    return lambda x: special.iv(order, x) * (np.exp(-x * np.sign(x.real)) if scaled else 1)


def zeta(s: float, q: Array) -> Array:
    """Σ (q + k)^(−s), by the formula of Euler and Maclaurin from the sixtieth term on."""
    x = q + 60
    rest = x ** (1 - s) / (s - 1) + x**-s / 2 + s * x ** (-s - 1) / 12 - s * (s + 1) * (s + 2) * x ** (-s - 3) / 720
    return (
        rest + s * (s + 1) * (s + 2) * (s + 3) * (s + 4) * x ** (-s - 5) / 30240 + sum((q + k) ** -s for k in range(60))
    )


def gamma_series(a: Array, x: Array) -> Array:
    """The regularized lower incomplete gamma function, by its power series."""
    return sum(x ** (a + k) * np.exp(-x) / special.gamma(a + k + 1) for k in range(50))


def gamma_quantile_near(a: Array, p: Array) -> Array:
    """The quantile of a gamma distribution, also of complex numbers near real ones: by Newton's method."""
    y = special.gammaincinv(a.real, p.real)
    for _ in range(3):
        y = y - (gamma_series(a, y) - p) / (y ** (a - 1) * np.exp(-y) / special.gamma(a))
    return y


def by_shape(order: int, a: Array, z: Array) -> Array:
    """The first or second derivative of `gamma_series` by a, divided by the density at z: term by term."""
    density = z ** (a - 1) * np.exp(-z) / special.gamma(a)
    total = 0
    for k in range(50):
        first = np.log(z) - special.digamma(a + k + 1)  # the derivative of the logarithm of a term
        factor = first if order == 1 else first**2 - zeta(2, a + k + 1)
        total = total + z ** (a + k) * np.exp(-z) / special.gamma(a + k + 1) * factor
    return total / density


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
    # -- special functions of `names/rows.py`
    Case(np.arcsinh, unary()),
    Case(np.arccosh, unary(1.25, 3)),
    Case(np.arctanh, unary(-0.75, 0.75)),
    Case(special.erfc, unary()),
    Case(special.erfcx, unary()),
    Case(special.erfinv, unary(-0.75, 0.75), erfinv),
    Case(special.log_ndtr, unary()),
    Case(special.ndtri, unary(0.1, 0.9), lambda x: np.sqrt(2) * erfinv(2 * x - 1)),
    Case(special.logit, unary(0.1, 0.9), lambda x: np.log(x / (1 - x))),
    Case(special.entr, unary(*AWAY), lambda x: -x * np.log(x)),
    Case(special.gammaln, unary(*AWAY), special.loggamma),
    Case(special.digamma, unary(*AWAY)),
    Case(special.i0, unary(), bessel(0)),
    Case(special.i1, unary(), bessel(1)),
    Case(special.i0e, unary(), bessel(0, scaled=True)),
    Case(special.i1e, unary(), bessel(1, scaled=True)),
    Case(np.fmod, binary((-2, 2), AWAY), lambda a, b: a - b * np.trunc(a.real / b.real)),
    Case(np.copysign, binary(), lambda a, b: a * np.sign(a.real) * np.sign(b.real)),
    Case(np.hypot, binary((-2, 2), AWAY), lambda a, b: np.sqrt(a**2 + b**2)),
    Case(np.arctan2, binary((-2, 2), AWAY), lambda a, b: np.arctan(a / b)),
    Case(special.xlogy, binary((-2, 2), AWAY)),
    Case(special.xlog1py, binary((-2, 2), AWAY)),
    Case(hurwitz_zeta, with_constant(2, 4), zeta),
    Case(lower_gamma, with_constant(0.5, 3), gamma_series),
    Case(upper_gamma, with_constant(0.5, 3), lambda a, x: 1 - gamma_series(a, x)),
    Case(gamma_quantile, binary((1, 3), (0.1, 0.9)), gamma_quantile_near),
    Case(shape_derivative, orders(), by_shape),
    # -- products
    Case(np.matmul, matrices()),
    Case(f.linear, layer(), lambda x, w, b: x @ w.T + (0 if b is None else b)),
    Case(einsum, contraction(EXPLICIT), lambda *arrays, subscripts: np.einsum(subscripts, *arrays)),
    # -- linear algebra
    Case(np.linalg.inv, squares((4, -4, 4))),
    Case(np.linalg.det, squares()),
    Case(
        linear_rows.log_determinant,
        squares((4, -4, 4)),
        lambda x: np.log(np.linalg.det(x) * np.sign(np.linalg.det(x).real)),
    ),
    Case(linear_rows.solved, squares((4, -4, 4), columns=True), np.linalg.solve),
    Case(np.linalg.cholesky, squares((4, 4, 4)), triangular_root),
    Case(linear_rows.eigensystem, squares((-4, 0, 4)), eigenvectors_below_values),
    Case(linear_rows.pseudoinverse, tall_or_wide(), pseudoinverse),
    Case(linear_rows.singular_system, tall_or_wide(), singular_vectors_below_values),
    Case(linear_rows.orthogonalized, tall_or_wide(wide=False), columns_above_triangle),
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
    Case(lookup, lookups(), lambda x, index: x[index]),
    Case(f.scatter, scattered(), naive_scatter),
    Case(f.replaced, replacing(), naive_replaced),
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
CONSTANTS: dict[Callable[..., Any], st.SearchStrategy[Arguments]] = {
    linear_rows.determinant_sign: squares(),
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
    np.signbit: unary(),
    **dict.fromkeys([np.heaviside, np.nextafter], binary()),
    **dict.fromkeys([np.left_shift, np.right_shift, np.gcd, np.lcm], whole_numbers()),
}
