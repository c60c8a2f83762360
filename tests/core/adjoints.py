"""The adjoint identity ⟨g, f(v)⟩ = ⟨rule(g), v⟩, without rounding, and the rows of the sheet that it proves.

A function that is linear in an input moves, adds and multiplies entries, whatever they are: numbers, or symbols that
stand for all numbers. Given symbols, both sides of the identity are polynomials. The coefficient of gⱼ·vᵢ is the entry
(j, i) of the function's matrix on the left, and of the transpose of the rule's matrix on the right: the identity on the
basis, in one call. As a symbol cannot be compared, the code takes the same way for all numbers. So if the polynomials
are equal, the rule is proved for this call, whatever the entries.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain, combinations, combinations_with_replacement, permutations, product
from types import FunctionType
from typing import Any

import numpy as np
from ops import EXPLICIT

from tinygrad_mlp.core import functions as f
from tinygrad_mlp.core.blas import Product
from tinygrad_mlp.core.sheet import sheet
from tinygrad_mlp.nn.lookup import lookup
from tinygrad_mlp.tensors.subscripts import einsum
from tinygrad_mlp.testing.strategies import Array, Shape

# --- entries ----------------------------------------------------------------------------------------------------------

Monomial = tuple[str, ...]  # its symbols in alphabetical order, each as often as it is a factor


class Polynomial:
    """A polynomial in symbols, such as ``2·a[0]·g[1]``, that can be added and multiplied, but not compared."""

    __slots__ = ("terms",)

    def __init__(self, terms: dict[Monomial, Any]) -> None:
        self.terms = {monomial: coefficient for monomial, coefficient in terms.items() if coefficient != 0}

    def __add__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented  # the array adds entry by entry
        total = dict(self.terms)
        for monomial, coefficient in terms(other).items():
            total[monomial] = total.get(monomial, 0) + coefficient
        return Polynomial(total)

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        total: dict[Monomial, Any] = {}
        for (own, a), (others, b) in product(self.terms.items(), terms(other).items()):
            monomial = tuple(sorted(own + others))
            total[monomial] = total.get(monomial, 0) + a * b
        return Polynomial(total)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Any:
        return self * -1

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __repr__(self) -> str:
        written = ["·".join([str(c)] * (c != 1 or not monomial) + [*monomial]) for monomial, c in self.terms.items()]
        return " + ".join(sorted(written)) or "0"

    def _refuse(self, *other: Any) -> Any:
        raise TypeError("an entry is compared: what follows is not the same for all numbers, so nothing is proved")

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __hash__ = None  # type: ignore[assignment]


def terms(number: Any) -> dict[Monomial, Any]:
    """The terms of a polynomial, or of the constant polynomial that is a number."""
    if isinstance(number, Polynomial):
        return number.terms
    return {(): number} if number else {}


def is_exact(entry: Any) -> bool:
    """Whether `entry` is a Python int, or a polynomial with such coefficients."""
    return all(type(n) is int for n in (entry.terms.values() if isinstance(entry, Polynomial) else (entry,)))


@cache
def symbols(name: str, shape: Shape) -> Array:
    """A read-only array of different symbols, such as ``a[0, 1]``."""
    array = np.empty(shape, object)
    for index in np.ndindex(shape):
        array[index] = Polynomial({(f"{name}{list(index)}",): 1})
    array.flags.writeable = False
    return array


# --- the identity -----------------------------------------------------------------------------------------------------


def computed(function: Callable[..., Any], operands: Sequence[Any], options: dict[str, Any]) -> Array:
    """What `function` returns for arrays, called as `core.record` calls it."""
    computing = f.implementations.get(function, function)
    if isinstance(computing, FunctionType):
        computing = getattr(computing, "__wrapped__", computing)
    return as_array(computing(*operands, **options))


def as_array(result: Any) -> Array:
    """A result of NumPy's as an array of objects that has the shape it would have for floats.

    NumPy returns a single object without an array around it, or a single int as int64. Where one position is assigned
    to, it stores an array of one object whole.
    """
    array = np.asarray(result, None if isinstance(result, np.ndarray | np.generic) else object)
    if array.dtype.kind in "iu" and array.ndim == 0:
        return array.astype(object)
    if any(isinstance(entry, np.ndarray) for entry in array.flat):
        entries = [entry.item() if isinstance(entry, np.ndarray) else entry for entry in array.flat]
        array = np.reshape(np.array(entries, object), array.shape)
    return array


def check_adjoint(
    function: Callable[..., Any],
    operands: Sequence[Any],
    options: dict[str, Any],
    cotangent: Callable[[Shape], Array],
) -> list[Any]:
    """Assert ⟨g, f(v) − f(0)⟩ = ⟨rule(g), v⟩ for each operand v that is an array. Subtracting f(0) removes a bias.

    A gradient may have a shape to which v broadcasts. Then the product with v sums it as the walk would.

    Returns:
        For each operand the number on both sides; 0 for an operand that is not an array.
    """

    def call() -> str:
        shapes = " and ".join(str(x.shape) for x in operands if isinstance(x, np.ndarray))
        return f"{function.__name__} of shapes {shapes} with {options}, input {position}"

    y = computed(function, operands, options)
    g = cotangent(y.shape)
    numbers: list[Any] = [0] * len(operands)
    for position, (rule, v) in enumerate(zip(sheet[function], operands, strict=False)):
        if not isinstance(v, np.ndarray):
            continue
        at_zero = [*operands[:position], np.zeros(v.shape, object), *operands[position + 1 :]]
        gradient = rule(g, y, *operands, **options)  # type: ignore[misc]
        gradient = as_array(gradient.dense() if isinstance(gradient, Product) else gradient)
        fits = np.broadcast_shapes(gradient.shape, v.shape) == gradient.shape
        assert fits, f"{call()}: the rule returns a gradient of shape {gradient.shape}"
        numbers[position] = np.sum(g * (y - computed(function, at_zero, options)))
        other = np.sum(gradient * v)
        assert terms(numbers[position]) == terms(other), (
            f"{call()}: ⟨g, f(v) − f(0)⟩ is {numbers[position]}, but ⟨rule(g), v⟩ is {other}"
        )
        for array in (y, gradient):
            exact = array.dtype == object and all(map(is_exact, array.flat))
            assert exact, f"{call()}: not all entries are exact: {array}"
    return numbers


def prove_adjoint(function: Callable[..., Any]) -> int:
    """Prove the rules of `function` for all calls that its bound in `LINEAR` names, and return how many these are.

    Raises:
        AssertionError: the identity does not hold for a call. The message has the call and both sides.
        TypeError: the function or a rule compares entries.
    """
    count = 0
    for shapes, options in LINEAR[function].calls():
        operands = [None if shape is None else symbols(name, shape) for name, shape in zip("abc", shapes, strict=False)]
        numbers = check_adjoint(function, operands, options, partial(symbols, "g"))
        for name, number in zip("abc", numbers, strict=False):
            linear = all(sum(symbol[0] == name for symbol in monomial) == 1 for monomial in terms(number))
            assert linear, f"{function.__name__} or its rule is not linear in {name}: {number}"
        count += 1
    return count


# --- all small calls --------------------------------------------------------------------------------------------------

SmallCall = tuple[tuple[Shape | None, ...], dict[str, Any]]  # the shapes of the operands, and the options


def small(max_dims: int, max_side: int, min_dims: int = 0) -> Iterator[Shape]:
    """All shapes of at most so many dimensions with sides of at most this length, fewer dimensions first."""
    for ndim in range(min_dims, max_dims + 1):
        yield from product(range(max_side + 1), repeat=ndim)


SHAPES = [*small(2, 3), *small(3, 2, min_dims=3)]
MATRICES = [shape for shape in SHAPES if len(shape) > 1]


def signed(axes: Iterable[int], ndim: int) -> Iterator[tuple[int, ...]]:
    """The axes, each counted from the start or from the end, in all combinations."""
    return product(*((axis, axis - ndim) for axis in axes))


def one_axis(ndim: int) -> list[int | None]:
    """None, and each axis counted from the start and from the end."""
    return [None, *range(-ndim, ndim)]


def all_axes(ndim: int) -> list[Any]:
    """What a reduction takes as `axis`: None, one axis (NumPy gives a number the axis 0), all tuples of axes."""
    subsets = chain.from_iterable(combinations(range(ndim), k) for k in range(ndim + 1))
    tuples = chain.from_iterable(signed(order, ndim) for subset in subsets for order in permutations(subset))
    return [*one_axis(ndim or 1), *tuples]


def of_one(shapes: Iterable[Shape], **options: Callable[[Shape], Iterable[Any]]) -> Iterator[SmallCall]:
    """All calls with one operand, of these shapes, and each option as its function of the shape lists."""
    for shape in shapes:
        for values in product(*(choices(shape) for choices in options.values())):
            yield (shape,), dict(zip(options, values, strict=True))


@cache
def of_size(size: int) -> list[Shape]:
    """All shapes of up to 3 dimensions with so many entries; of those without entries, the ones with sides up to 2."""
    return [shape for shape in small(3, size or 2) if math.prod(shape) == size]


def reshapings(shape: Shape) -> Iterator[Shape]:
    """All shapes of up to 3 dimensions with as many entries, also with −1 in place of a side that follows."""
    for target in of_size(math.prod(shape)):
        yield target
        for axis in range(len(target)):
            before, after = target[:axis], target[axis + 1 :]
            if math.prod(before + after):
                yield (*before, -1, *after)


def widenings(shape: Shape) -> Iterator[Shape]:
    """All shapes of up to 3 dimensions that `shape` broadcasts to, with sides up to 2 where it has 1 or none."""
    for extra in range(4 - len(shape)):
        yield from product(*[range(3)] * extra, *(range(3) if n == 1 else (n,) for n in shape))


def orders(ndim: int) -> list[Any]:
    """What a transpose takes as `axes`."""
    return [None, *chain.from_iterable(signed(order, ndim) for order in permutations(range(ndim)))]


def rolls() -> Iterator[SmallCall]:
    yield from of_one(SHAPES, shift=lambda shape: range(-4, 5), axis=lambda shape: one_axis(len(shape)))
    for shape in small(2, 3, min_dims=1):
        for axes in product(range(-len(shape), len(shape)), repeat=2):  # the same axis twice adds the shifts
            for shift in (1, (-1, 1), (2, -1)):
                yield (shape,), {"shift": shift, "axis": axes}


def diagonals() -> Iterator[SmallCall]:
    for shape in MATRICES:
        for order in permutations(range(len(shape)), 2):
            for (axis1, axis2), offset in product(signed(order, len(shape)), range(-max(shape), max(shape) + 1)):
                yield (shape,), {"offset": offset, "axis1": axis1, "axis2": axis2}


def joints() -> Iterator[SmallCall]:
    for shape, number in product(small(2, 2, min_dims=1), (1, 2, 3)):
        for axis, lengths in product(range(-len(shape), len(shape)), product(range(3), repeat=number)):
            if shape[axis] == 0:  # each shape of the other sides once
                before, after = shape[: axis % len(shape)], shape[axis % len(shape) + 1 :]
                yield tuple((*before, n, *after) for n in lengths), {"axis": axis}


def slices(n: int) -> list[slice]:
    """A slice for each selection from `n` entries that a slice can make."""
    bounds = (None, *range(-n - 1, n + 1))
    return list({range(n)[s]: s for s in (slice(*parts) for parts in product(bounds, bounds, (1, 2, -1, -2)))}.values())


def basic_indices(shape: Shape) -> Iterator[Any]:
    """All indices of ints and slices, and of small vectors and matrices those with a new axis or an ellipsis."""
    each = [[*range(-n, n), *slices(n)] for n in shape]
    plain = [entries for k in range(len(shape) + 1) for entries in product(*each[:k])]
    yield from plain
    if len(shape) < 3 and max(shape, default=0) < 3:
        for entries in plain:
            yield from ((*entries[:place], None, *entries[place:]) for place in range(len(entries) + 1))
        for start, stop in combinations_with_replacement(range(len(shape) + 1), 2):  # the axes of the ellipsis
            yield from ((*before, ..., *after) for before in product(*each[:start]) for after in product(*each[stop:]))


def masks(shape: Shape) -> Iterator[Array]:
    """All boolean arrays of this shape."""
    for entries in product((False, True), repeat=math.prod(shape)):
        yield np.reshape(np.array(entries, bool), shape)


def positions(n: int, *shape: int, negative: bool = False) -> Iterator[Array]:
    """All integer arrays of this shape with positions among `n` entries, which may repeat."""
    for entries in product(range(-n if negative else 0, n), repeat=math.prod(shape)):
        yield np.reshape(np.array(entries, int), shape)


def advanced_indices(shape: Shape) -> Iterator[Any]:
    """Boolean masks, integer arrays along one axis or two, and these with ints and slices beside them."""
    if math.prod(shape) <= 6:
        yield from masks(shape)
    if not shape:
        return
    first, *rest = shape
    rows = [*masks((first,)), *positions(first, 2)]
    yield from rows
    if len(shape) == 1:
        yield from chain.from_iterable(positions(first, k, negative=True) for k in range(4))
        yield from (list(map(int, index)) for index in positions(first, 3))
        yield from positions(first, 2, 2)
    elif len(shape) == 2:
        columns = [*masks((rest[0],)), *positions(rest[0], 2)]
        beside = [[*range(-n, n), *slices(n)] for n in shape]
        yield from product(rows, [*beside[1], None, ...])
        yield from product([*beside[0], ...], columns)
        yield from product(positions(first, 2), positions(rest[0], 2))
        yield from product(positions(first, 2, 1), positions(rest[0], 2))
    else:
        for a, b in product(positions(first, 2), positions(rest[1], 2)):
            yield from ((a, slice(None), b), (slice(None), slice(None, None, -1), b))


@cache
def small_indices() -> list[tuple[Shape, Any]]:
    """Shapes of up to 3 dimensions, each with its indices."""
    return [(shape, index) for shape in SHAPES for index in chain(basic_indices(shape), advanced_indices(shape))]


def selections() -> Iterator[SmallCall]:
    for shape, index in small_indices():
        yield (shape,), {"index": index}


def scatterings() -> Iterator[SmallCall]:
    for shape, index in small_indices():
        yield (np.empty(shape)[index].shape,), {"index": index, "shape": shape}


def replacements() -> Iterator[SmallCall]:
    for shape, index in small_indices():
        positions = np.arange(math.prod(shape)).reshape(shape)[index]
        if len(np.unique(positions)) == positions.size:
            yield (shape, positions.shape), {"index": index}


def lookups() -> Iterator[SmallCall]:
    for shape in product(range(1, 4), range(3)):
        for taken in ((), (0,), (1,), (2,), (1, 2), (3,)):
            for index in product(range(-shape[0], shape[0]), repeat=math.prod(taken)):
                yield (shape,), {"index": np.array(index, np.int64).reshape(taken)}


def matrices() -> Iterator[SmallCall]:
    for n, k, m in product(range(4), repeat=3):
        yield ((n, k), (k, m)), {}
    for a, b in product(small(2, 2), repeat=2):
        if all(1 in pair or pair[0] == pair[1] for pair in zip(reversed(a), reversed(b), strict=False)):
            for n, k, m in product(range(1, 3), repeat=3):
                yield ((*a, n, k), (*b, k, m)), {}


def layers() -> Iterator[SmallCall]:
    for rows, features, outputs in product(range(4), repeat=3):
        yield ((rows, features), (outputs, features), None), {}
        yield ((rows, features), (outputs, features), (outputs,)), {}


def two_factors() -> Iterator[str]:
    """All subscripts of two operands with one or two labels each, all of which stand in two of the three terms."""
    for a, b in product(["i", "ij"], ["".join(term) for k in (1, 2) for term in permutations("ijk", k)]):
        for k in range(4):
            for output in map("".join, permutations("ijk", k)):
                if all((label in a) + (label in b) + (label in output) in (0, 2, 3) for label in "ijk"):
                    yield f"{a},{b}->{output}"


def contractions() -> Iterator[SmallCall]:
    for subscripts in dict.fromkeys([*EXPLICIT, *two_factors()]):
        labels = sorted(set(subscripts) - set(",->"))
        for lengths in product(range(3), repeat=len(labels)):
            length = dict(zip(labels, lengths, strict=True))
            inputs = subscripts.partition("->")[0].split(",")
            yield tuple(tuple(length[label] for label in term) for term in inputs), {"subscripts": subscripts}


@dataclass(frozen=True)
class SmallCalls:
    """What proves a row: all its small calls, and which these are in words."""

    calls: Callable[[], Iterable[SmallCall]]
    bound: str


ALL = "all small shapes"  # SHAPES, which docs/testing.md describes
INDICES = (
    "all indices of ints and slices; all masks of up to 6 entries and of the first axis; all pairs of positions along "
    "the first axis and, for matrices, along the second or both, also beside ints and slices"
)
TRIANGLE = SmallCalls(
    lambda: of_one(MATRICES, k=lambda shape: range(-4, 5)), f"{ALL}, from 2 dimensions on; all diagonals"
)

# The rows that are linear in each input that is an array; `f.linear` and `f.replaced` are affine in each.
LINEAR: dict[Callable[..., Any], SmallCalls] = {
    np.sum: SmallCalls(
        lambda: of_one(SHAPES, axis=lambda shape: all_axes(len(shape)), keepdims=lambda shape: (False, True)),
        f"{ALL}; all axes and tuples of axes",
    ),
    np.cumsum: SmallCalls(lambda: of_one(SHAPES, axis=lambda shape: one_axis(len(shape) or 1)), f"{ALL}; all axes"),
    np.matmul: SmallCalls(
        matrices,
        "all matrices with sides up to 3; all stacks of up to 2 dimensions with sides up to 2 that broadcast, of "
        "matrices with sides 1 and 2",
    ),
    f.linear: SmallCalls(layers, "up to 3 rows, features and outputs, with a bias and without"),
    einsum: SmallCalls(
        contractions,
        "all subscripts of two operands with one or two labels each, and those of products of three matrices and of "
        "stacks; all lengths up to 2",
    ),
    np.reshape: SmallCalls(
        lambda: of_one(SHAPES, shape=reshapings),
        f"{ALL}; all shapes of up to 3 dimensions to reach, with sides up to 2 where there are no entries",
    ),
    np.transpose: SmallCalls(
        lambda: of_one(SHAPES, axes=lambda shape: orders(len(shape))), f"{ALL}; all orders of the axes"
    ),
    np.broadcast_to: SmallCalls(
        lambda: of_one(SHAPES, shape=widenings), f"{ALL}; all shapes of up to 3 dimensions to reach with sides up to 2"
    ),
    np.flip: SmallCalls(  # NumPy flips a number to itself rather than to an array, if it is an object
        lambda: of_one(SHAPES[1:], axis=lambda shape: all_axes(len(shape))),
        f"{ALL}, from 1 dimension on; all axes and tuples of axes",
    ),
    np.diagonal: SmallCalls(diagonals, f"{ALL}, from 2 dimensions on; all pairs of axes and all diagonals"),
    np.roll: SmallCalls(
        rolls, f"{ALL}; all axes with shifts up to 4; some shifts along two axes, of up to 2 dimensions"
    ),
    np.tril: TRIANGLE,
    np.triu: TRIANGLE,
    f.concatenate: SmallCalls(joints, "up to 3 parts of up to 2 dimensions with sides up to 2; all axes"),
    f.clone: SmallCalls(lambda: of_one(SHAPES), ALL),
    f.astype: SmallCalls(lambda: of_one(SHAPES, dtype=lambda shape: [np.dtype(object)]), ALL),
    f.getitem: SmallCalls(selections, f"{ALL}; {INDICES}"),
    f.scatter: SmallCalls(scatterings, f"{ALL}; {INDICES}"),
    lookup: SmallCalls(lookups, "all tables of up to 3 rows of up to 2; all indices of up to 3 rows"),
    f.replaced: SmallCalls(replacements, f"{ALL}; {INDICES}, of which no position is met twice"),
}
