"""The sheet of derivatives: for each function and each of its inputs, the rule that carries a gradient back.

A rule turns the cotangent ``g`` of the output into the cotangent of one input, given the output ``y``, the inputs and
the function's options. Rules are plain mathematics in NumPy's words, so they compute when they are given arrays, are
recorded (and differentiated again) when they are given Tensors, and print when they are given symbols. Broadcasting,
dtypes, order and accumulation are the walk's business (`tinygrad_mlp.autograd`): no rule mentions them.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import numpy as np
from scipy.special import erf, expit

from . import functions as f
from .blas import matmul

__all__ = ["Each", "Row", "Rule", "add_row", "differentiable", "sheet"]

Rule = Callable[..., Any]


def spread(g: Any, shape: tuple[int, ...], axis: Any, keepdims: bool) -> Any:
    """A reduction's output or cotangent, repeated along the axes it took to the `shape` of its input."""
    if axis is not None and not keepdims:
        g = np.expand_dims(g, axis)
    return np.broadcast_to(g, shape)


def ties(x: Any, y: Any, axis: Any, keepdims: bool) -> Any:
    """1/k at each of the k places of `x` that attain its extremum `y`, and 0 elsewhere."""
    attained = x == spread(y, x.shape, axis, keepdims)
    return attained / np.sum(attained, axis=axis, keepdims=True)


def inverse(axes: Any, ndim: int) -> Any:
    """The permutation that undoes `axes`, of which None reverses the order."""
    return None if axes is None else np.argsort([axis % ndim for axis in axes])


class Each:
    """The row of a function of any number of inputs: one rule, told the `position` of the input it is for.

    `reads_entries` says whether the rule looks at the inputs' entries, or at their shapes alone.
    """

    def __init__(self, rule: Rule, *, reads_entries: bool = True) -> None:
        self.rule = rule
        self.reads_entries = reads_entries

    def __iter__(self) -> Iterator[Rule]:
        return (partial(self.rule, position=i) for i in count())


def piece(g: Any, parts: Any, position: int, axis: int) -> Any:
    """What of `g`, joined from `parts` along `axis`, came from the part at `position`."""
    start = sum(part.shape[axis] for part in parts[:position])
    along = slice(start, start + parts[position].shape[axis])
    return f.getitem(g, (slice(None),) * (axis % g.ndim) + (along,))


def contraction(g: Any, operands: Any, position: int, subscripts: str) -> Any:
    """The adjoint of `numpy.einsum` in one operand: `g` and the other operands, contracted to that operand's labels."""
    left, output = subscripts.split("->")
    terms = left.split(",")
    own = terms.pop(position)
    others = [*operands[:position], *operands[position + 1 :]]
    return np.einsum(",".join([output, *terms]) + "->" + own, g, *others)


Row = tuple[Rule | None, ...] | Each

# fmt: off
sheet: dict[Callable[..., Any], Row] = {
    # -- one input
    np.negative:     (lambda g, y, x: -g,),
    np.reciprocal:   (lambda g, y, x: -g * y**2,),
    np.square:       (lambda g, y, x: g * (2 * x),),
    np.sqrt:         (lambda g, y, x: g / (2 * y),),
    np.absolute:     (lambda g, y, x: g * np.sign(x),),
    np.exp:          (lambda g, y, x: g * y,),
    np.exp2:         (lambda g, y, x: g * y * math.log(2),),
    np.expm1:        (lambda g, y, x: g * (y + 1),),
    np.log:          (lambda g, y, x: g / x,),
    np.log2:         (lambda g, y, x: g / (x * math.log(2)),),
    np.log10:        (lambda g, y, x: g / (x * math.log(10)),),
    np.log1p:        (lambda g, y, x: g / (1 + x),),
    np.sin:          (lambda g, y, x: g * np.cos(x),),
    np.cos:          (lambda g, y, x: -g * np.sin(x),),
    np.tan:          (lambda g, y, x: g * (1 + y**2),),
    np.arcsin:       (lambda g, y, x: g / np.sqrt(1 - x**2),),
    np.arccos:       (lambda g, y, x: -g / np.sqrt(1 - x**2),),
    np.arctan:       (lambda g, y, x: g / (1 + x**2),),
    np.sinh:         (lambda g, y, x: g * np.cosh(x),),
    np.cosh:         (lambda g, y, x: g * np.sinh(x),),
    np.tanh:         (lambda g, y, x: g * (1 - y**2),),
    erf:             (lambda g, y, x: g * np.exp(-(x**2)) * (2 / math.sqrt(math.pi)),),
    expit:           (lambda g, y, x: g * y * (1 - y),),
    f.relu:          (lambda g, y, x: g * (x > 0),),

    # -- two inputs
    np.add:          (lambda g, y, a, b: g,                            lambda g, y, a, b: g),
    np.subtract:     (lambda g, y, a, b: g,                            lambda g, y, a, b: -g),
    np.multiply:     (lambda g, y, a, b: g * b,                        lambda g, y, a, b: g * a),
    np.divide:       (lambda g, y, a, b: g / b,                        lambda g, y, a, b: -g * y / b),
    np.remainder:    (lambda g, y, a, b: g,                            lambda g, y, a, b: -g * np.floor_divide(a, b)),
    np.power:        (lambda g, y, a, b: g * b * a ** (b - (b != 0)),  lambda g, y, a, b: g * y * np.log(a + (a == 0))),
    np.maximum:      (lambda g, y, a, b: g * ((a > b) + (a == b) / 2), lambda g, y, a, b: g * ((b > a) + (a == b) / 2)),
    np.minimum:      (lambda g, y, a, b: g * ((a < b) + (a == b) / 2), lambda g, y, a, b: g * ((b < a) + (a == b) / 2)),
    np.logaddexp:    (lambda g, y, a, b: g * expit(a - b),             lambda g, y, a, b: g * expit(b - a)),
    np.where:        (None,                                            lambda g, y, c, a, b: np.where(c, g, 0),
                                                                       lambda g, y, c, a, b: np.where(c, 0, g)),
    # -- products
    np.matmul:       (lambda g, y, a, b: matmul(g, b.mT),              lambda g, y, a, b: matmul(a.mT, g)),
    f.linear:        (lambda g, y, x, w, b: matmul(g, w),
                      lambda g, y, x, w, b: f.product(g.T, x),
                      lambda g, y, x, w, b: g),
    f.einsum:        Each(lambda g, y, *operands, position, subscripts: contraction(g, operands, position, subscripts)),

    # -- reductions and running sums
    np.sum:          (lambda g, y, x, axis=None, keepdims=False: spread(g, x.shape, axis, keepdims),),
    np.max:          (lambda g, y, x, axis=None, keepdims=False:
                          spread(g, x.shape, axis, keepdims) * ties(x, y, axis, keepdims),),
    np.min:          (lambda g, y, x, axis=None, keepdims=False:
                          spread(g, x.shape, axis, keepdims) * ties(x, y, axis, keepdims),),
    f.logsumexp:     (lambda g, y, x, axis=None, keepdims=False:
                          spread(g, x.shape, axis, keepdims) * np.exp(f.log_softmax(x, axis)),),
    f.log_softmax:   (lambda g, y, x, axis=None: g - np.exp(y) * np.sum(g, axis=axis, keepdims=True),),
    np.cumsum:       (lambda g, y, x, axis=None:
                          np.reshape(np.flip(np.cumsum(np.flip(g, axis), axis), axis), x.shape),),

    # -- losses
    f.squared_error: (lambda g, y, a, b, total=False: g * (2 * (a - b)),
                      lambda g, y, a, b, total=False: g * (2 * (b - a))),
    f.binary_cross_entropy: (lambda g, y, a, t, total=False: g * ((a - t) / np.maximum(a * (1 - a), 1e-12)),
                      lambda g, y, a, t, total=False: g * np.log((1 - a) / a)),
    f.binary_cross_entropy_with_logits:
                     (lambda g, y, z, t, total=False: g * (expit(z) - t),
                      lambda g, y, z, t, total=False: -g * z),

    # -- movement
    np.reshape:      (lambda g, y, x, shape: np.reshape(g, x.shape),),
    np.transpose:    (lambda g, y, x, axes=None: np.transpose(g, inverse(axes, x.ndim)),),
    np.broadcast_to: (lambda g, y, x, shape: g,),
    np.flip:         (lambda g, y, x, axis=None: np.flip(g, axis),),
    np.roll:         (lambda g, y, x, shift, axis=None: np.roll(g, np.negative(shift), axis),),
    np.tril:         (lambda g, y, x, k=0: np.tril(g, k),),
    np.triu:         (lambda g, y, x, k=0: np.triu(g, k),),
    f.concatenate:   Each(lambda g, y, *parts, position, axis=0: piece(g, parts, position, axis), reads_entries=False),
    f.clone:         (lambda g, y, x: g,),
    f.astype:        (lambda g, y, x, dtype: g,),
    f.getitem:       (lambda g, y, x, index: f.scatter(g, index, x.shape),),
    f.scatter:       (lambda g, y, x, index, shape: f.getitem(g, index),),
}

# Functions whose derivative is zero wherever it exists: they are computed, and no gradient passes.
for _constant in (
    np.sign, np.floor, np.ceil, np.rint, np.trunc, np.floor_divide, np.argmax, np.argmin, np.argsort,
    np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal,
    np.logical_and, np.logical_or, np.logical_not, np.logical_xor,
    np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert, np.isnan, np.isinf, np.isfinite,
    np.any, np.all, np.count_nonzero, np.zeros_like, np.ones_like, np.allclose, np.array_equal,
):
    sheet[_constant] = ()
# fmt: on


def add_row(function: Callable[..., Any], *rules: Rule | None) -> None:
    """Teach the framework a function of NumPy's or SciPy's: one rule per differentiable input, None for a constant one.

    >>> import numpy as np, tinygrad_mlp as tg
    >>> add_row(np.sinc, lambda g, y, x: g * (np.cos(np.pi * x) - y) / x)
    >>> x = tg.tensor([0.5], requires_grad=True)
    >>> np.sum(np.sinc(x)).backward()
    >>> x.grad
    tensor([-1.2732])

    Raises:
        TypeError: `function` or a rule is not callable, or a rule does not take g, y and an input for each rule.
    """
    if not callable(function):
        raise TypeError(f"a row belongs to a function, not to {function!r}: write add_row(np.sinc, rule)")
    for rule in rules:
        if rule is not None and not callable(rule):
            raise TypeError(f"a rule is a function of (g, y, *inputs), not {rule!r}: write lambda g, y, x: g * ...")
        if rule is not None and not _takes(rule, 2 + len(rules)):
            raise TypeError(
                f"{len(rules)} {'rules are' if len(rules) > 1 else 'rule is'} for a function of as many inputs, and "
                f"each takes g, y and all of these, but one takes {inspect.signature(rule)}"
            )
    sheet[function] = rules


def _takes(function: Callable[..., Any], number: int) -> bool:
    """Whether `function` can be called with this many arguments by position, and perhaps others by name."""
    try:
        inspect.signature(function).bind_partial(*range(number))
    except ValueError:  # some that are not written in Python have no signature
        return True
    except TypeError:
        return False
    return True


def differentiable(*rules: Rule | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function of arrays that you write differentiable, by giving it a row of the sheet: a rule for each input.

    >>> import numpy as np, tinygrad_mlp as tg
    >>> @differentiable(lambda g, y, x: g * 3 * x**2)
    ... def cube(x):
    ...     return x * x * x
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad
    tensor(12.)
    """

    def decorate(function: Callable[..., Any], *others: Any) -> Callable[..., Any]:
        if others or not callable(function):
            raise TypeError(
                "differentiable() takes the rules: write @differentiable(lambda g, y, x: ...) above the def"
            )
        public = f.dispatched(function)
        add_row(public, *rules)
        return public

    return decorate
