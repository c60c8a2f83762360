"""The sheet of derivatives: for each function and each of its inputs, the rule that carries a gradient back.

A rule turns the cotangent ``g`` of the output into the cotangent of one input, given the output ``y``, the inputs and
the function's options. A parameter whose entries the rule does not read has a name that begins with an underscore: the
graph need not keep that array. Of such an input (not of the output) the rule may still read the shape.

Rules are plain mathematics in NumPy's words, so they compute when they are given arrays, are recorded (and
differentiated again) when they are given Tensors, and write formulas when they are given symbols (`explain`). No rule
sums over broadcast axes, converts a dtype or adds to another gradient: the walk does (`walk.py`).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import count
from typing import Any

import numpy as np
from scipy.special import erf, expit

from . import functions as f
from .blas import Product, matmul

Rule = Callable[..., Any]


def spread(g: Any, shape: tuple[int, ...], axis: Any, keepdims: bool) -> Any:
    """The output or the cotangent of a reduction over `axis`, repeated to `shape`, the shape of its input."""
    if axis is not None and not keepdims and shape:  # NumPy reduces a number, too, over the axis 0 that it lacks
        g = np.expand_dims(g, axis)
    return np.broadcast_to(g, shape)


def shared(g: Any, y: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """g/k at each of the k entries of `x` that equal the extremum `y`, and 0 elsewhere."""
    g = spread(g, x.shape, axis, keepdims)
    attained = x == spread(y, x.shape, axis, keepdims)
    return g * attained / np.sum(attained, axis=axis, keepdims=True)


def inverse(axes: Any, ndim: int) -> Any:
    """The permutation that undoes `axes`. None, which reverses all axes, undoes itself."""
    return None if axes is None else np.argsort([axis % ndim for axis in axes])


class Each:
    """The row of a function of any number of inputs: one rule, which is told the `position` of the input it is for."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def __iter__(self) -> Iterator[Rule]:
        return (partial(self.rule, position=i) for i in count())


def piece(g: Any, parts: Any, position: int, axis: int) -> Any:
    """The slice of `g` that belongs to the part at `position`, where `parts` were concatenated along `axis`."""
    start = sum(part.shape[axis] for part in parts[:position])
    along = slice(start, start + parts[position].shape[axis])
    return f.getitem(g, (slice(None),) * (axis % g.ndim) + (along,))


def onto_diagonal(g: Any, shape: tuple[int, ...], offset: int, axis1: int, axis2: int) -> Any:
    """The adjoint of `numpy.diagonal`: zeros of `shape` with `g` on the diagonals."""
    size = math.prod(shape)
    positions = np.diagonal(np.reshape(np.arange(size), shape), offset, axis1, axis2)
    return np.reshape(f.scatter(g, (positions,), (size,)), shape)


Row = tuple[Rule | None, ...] | Each  # None: this input has no derivative

plans: dict[Callable[..., Any], Any] = {}  # how `record` records the functions of the sheet that it has met


class Sheet(dict[Callable[..., Any], Row]):
    """A table of rows. When a row is replaced, the plan that was made of it is dropped."""

    def __setitem__(self, function: Callable[..., Any], row: Row) -> None:
        plans.pop(function, None)
        super().__setitem__(function, row)

    def __delitem__(self, function: Callable[..., Any]) -> None:
        plans.pop(function, None)
        super().__delitem__(function)


# fmt: off
sheet = Sheet({
    # -- one input
    np.negative:     (lambda g, _y, _x: -g,),
    np.reciprocal:   (lambda g, y, _x: -g * y**2,),
    np.square:       (lambda g, _y, x: g * (2 * x),),
    np.sqrt:         (lambda g, y, _x: g / (2 * y),),
    np.absolute:     (lambda g, _y, x: g * np.sign(x),),
    np.exp:          (lambda g, y, _x: g * y,),
    np.exp2:         (lambda g, y, _x: g * y * math.log(2),),
    np.expm1:        (lambda g, y, _x: g * (y + 1),),
    np.log:          (lambda g, _y, x: g / x,),
    np.log2:         (lambda g, _y, x: g / (x * math.log(2)),),
    np.log10:        (lambda g, _y, x: g / (x * math.log(10)),),
    np.log1p:        (lambda g, _y, x: g / (1 + x),),
    np.sin:          (lambda g, _y, x: g * np.cos(x),),
    np.cos:          (lambda g, _y, x: -g * np.sin(x),),
    np.tan:          (lambda g, y, _x: g * (1 + y**2),),
    np.arcsin:       (lambda g, _y, x: g / np.sqrt(1 - x**2),),
    np.arccos:       (lambda g, _y, x: -g / np.sqrt(1 - x**2),),
    np.arctan:       (lambda g, _y, x: g / (1 + x**2),),
    np.sinh:         (lambda g, _y, x: g * np.cosh(x),),
    np.cosh:         (lambda g, _y, x: g * np.sinh(x),),
    np.tanh:         (lambda g, y, _x: g * (1 - y**2),),
    erf:             (lambda g, _y, x: g * np.exp(-(x**2)) * (2 / math.sqrt(math.pi)),),
    expit:           (lambda g, y, _x: g * y * (1 - y),),
    f.relu:          (lambda g, _y, x: g * (x > 0),),
    f.root:          (lambda g, y, _x, p: f.quotient(g, p * y ** (p - 1)),),
    **dict.fromkeys((np.sign, np.floor, np.ceil, np.rint, np.trunc), (lambda g, _y, _x: np.zeros_like(g),)),

    # -- two inputs
    np.add:          (lambda g, _y, _a, _b: g,                  lambda g, _y, _a, _b: g),
    np.subtract:     (lambda g, _y, _a, _b: g,                  lambda g, _y, _a, _b: -g),
    np.multiply:     (lambda g, _y, _a, b: g * b,               lambda g, _y, a, _b: g * a),
    np.divide:       (lambda g, _y, _a, b: g / b,               lambda g, y, _a, b: -g * y / b),
    f.quotient:      (lambda g, _y, _a, b: g / b,               lambda g, y, _a, b: -g * y / b),
    np.remainder:    (lambda g, _y, _a, _b: g,                  lambda g, _y, a, b: -g * np.floor_divide(a, b)),
    np.floor_divide: (lambda g, _y, _a, _b: np.zeros_like(g),   lambda g, _y, _a, _b: np.zeros_like(g)),
    # The factors in front are 0 where the power (first rule) or the logarithm (second rule) of 0 would be infinite. The
    # zeros have the dtype in which the logarithm of a number is computed.
    np.power:        (lambda g, _y, a, b: g * b * (a + (a == 0) * (b == 0)) ** (b - 1),
                      lambda g, y, a, b: g * y * np.log(a + (a == 0) * (b >= 0) + np.zeros_like(y))),
    np.maximum:      (lambda g, _y, a, b: g * ((a > b) + (a == b) / 2),
                      lambda g, _y, a, b: g * ((b > a) + (a == b) / 2)),
    np.minimum:      (lambda g, _y, a, b: g * ((a < b) + (a == b) / 2),
                      lambda g, _y, a, b: g * ((b < a) + (a == b) / 2)),
    np.logaddexp:    (lambda g, _y, a, b: g * expit(a - b),     lambda g, _y, a, b: g * expit(b - a)),
    np.where:        (None,
                      lambda g, _y, c, _a, _b: np.where(c, g, 0),
                      lambda g, _y, c, _a, _b: np.where(c, 0, g)),

    # -- products, of matrices and stacks: `tensors.operators.matrix_product` gives vectors a second dimension
    np.matmul:       (lambda g, _y, _a, b: matmul(g, b.mT),     lambda g, _y, a, _b: matmul(a.mT, g)),
    f.linear:        (lambda g, _y, _x, w, _b: matmul(g, w),
                      lambda g, _y, x, _w, _b: Product(g.T, x),
                      lambda g, _y, _x, _w, _b: g),

    # -- reductions and running sums
    np.sum:          (lambda g, _y, _x, axis=None, keepdims=False: spread(g, _x.shape, axis, keepdims),),
    np.max:          (lambda g, y, x, axis=None, keepdims=False: shared(g, y, x, axis, keepdims),),
    np.min:          (lambda g, y, x, axis=None, keepdims=False: shared(g, y, x, axis, keepdims),),
    f.logsumexp:     (lambda g, _y, x, axis=None, keepdims=False:
                          spread(g, x.shape, axis, keepdims) * np.exp(f.log_softmax(x, axis)),),
    f.log_softmax:   (lambda g, y, _x, axis=None: g - np.exp(y) * f.summed(g, axis, True),),
    np.cumsum:       (lambda g, _y, _x, axis=None:
                          np.reshape(np.flip(f.cumulated(np.flip(g, axis), axis), axis), _x.shape),),

    # -- losses
    f.squared_error: (lambda g, _y, a, b, total=False: g * (2 * (a - b)),
                      lambda g, _y, a, b, total=False: g * (2 * (b - a))),
    f.binary_cross_entropy: (lambda g, _y, a, t, total=False: g * ((a - t) / np.maximum(a * (1 - a), 1e-12)),
                      lambda g, _y, a, _t, total=False: g * np.log((1 - a) / a)),
    f.binary_cross_entropy_with_logits:
                     (lambda g, _y, z, t, total=False: g * (expit(z) - t),
                      lambda g, _y, z, _t, total=False: -g * z),
    f.cross_entropy: (lambda g, _y, z, t, n, total=False: g * f.softmax_error(z, t, n),
                      lambda g, _y, z, _t, n, total=False: -g / n * f.log_softmax(z, axis=1),
                      None),
    f.softmax_error: (lambda g, y, z, t, n: g * (y + t / n) - np.exp(f.log_softmax(z, axis=1))
                          * f.summed(g * (y + t / n), 1, True),
                      lambda g, _y, z, _t, n:
                          f.summed(g / n * np.exp(f.log_softmax(z, axis=1)), 1, True) - g / n,
                      None),

    # -- movement
    np.reshape:      (lambda g, _y, _x, shape: np.reshape(g, _x.shape),),
    np.transpose:    (lambda g, _y, _x, axes=None: np.transpose(g, inverse(axes, _x.ndim)),),
    np.broadcast_to: (lambda g, _y, _x, shape: g,),
    np.flip:         (lambda g, _y, _x, axis=None: np.flip(g, axis),),
    np.diagonal:     (lambda g, _y, _x, offset=0, axis1=0, axis2=1: onto_diagonal(g, _x.shape, offset, axis1, axis2),),
    np.roll:         (lambda g, _y, _x, shift, axis=None: np.roll(g, np.negative(shift), axis),),
    np.tril:         (lambda g, _y, _x, k=0: np.tril(g, k),),
    np.triu:         (lambda g, _y, _x, k=0: np.triu(g, k),),
    f.concatenate:   Each(lambda g, _y, *_parts, position, axis=0: piece(g, _parts, position, axis)),
    f.clone:         (lambda g, _y, _x: g,),
    f.astype:        (lambda g, _y, _x, dtype: g,),
    f.getitem:       (lambda g, _y, _x, index: f.scatter(g, index, _x.shape),),
    f.scatter:       (lambda g, _y, _x, index, shape: f.getitem(g, index),),
    f.replaced:      (lambda g, _y, _x, _v, index: f.replaced(g, 0, index),
                      lambda g, _y, _x, _v, index: f.getitem(g, index)),
})

# Functions without a derivative, whose results are indices, truth values or constants: no gradient passes.
for _constant in (
    np.argmax, np.argmin, np.argsort, np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal,
    np.logical_and, np.logical_or, np.logical_not, np.logical_xor,
    np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert, np.isnan, np.isinf, np.isfinite,
    np.any, np.all, np.count_nonzero, np.zeros_like, np.ones_like, np.allclose, np.array_equal,
):
    sheet[_constant] = ()
# fmt: on


def reads(rule: Rule) -> tuple[bool, ...]:
    """Whether `rule` reads the entries of the output, of the first input, and so on; the last serves all others.

    A rule declares this by names: of an input that begins with an underscore it reads at most the shape.
    """
    try:
        parameters = inspect.signature(rule).parameters.values()
    except ValueError:  # some functions that are not written in Python have no signature
        return (True,)
    names = [p.name for p in parameters if p.kind not in (p.KEYWORD_ONLY, p.VAR_KEYWORD)]
    return tuple(not name.startswith("_") for name in names[1:] or names)


def is_read(position: int, rules: Iterable[tuple[bool, ...]]) -> bool:
    """Whether a rule reads the array at `position` (0: the output, 1: the first input); `rules`: `reads()` of each."""
    return any(read[min(position, len(read) - 1)] for read in rules if read)
