"""Functions of a user's own: with a rule for each input, or as a forward and a backward.

`add_row` and `differentiable` take rules as the sheet has them, a line for each input. `Function` is what PyTorch's
users know: it is for porting, and for what rules cannot say: several outputs, or a backward that needs more than inputs
and output. To the graph a Function is a row of the sheet like any other; several outputs are one array, laid end to
end, of which each is a piece.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from ..core import functions as f
from ..core.mode import is_grad_enabled, no_grad, set_grad_enabled
from ..core.record import record
from ..core.sheet import Each, Rule, sheet
from ..core.tape import observer
from ..tensors.tensor import Tensor

__all__ = ["Function", "add_row", "differentiable"]


def add_row(function: Callable[..., Any], *rules: Rule | None) -> None:
    """Teach the framework a function of NumPy's or SciPy's: one rule per differentiable input, None for a constant one.

    A rule takes the cotangent g of the output, the output y and all inputs. The graph keeps what rules read: give a
    parameter that a rule does not read, or reads for its shape alone, a name that begins with an underscore, such as
    ``lambda g, y, _x: g * y``. Then its array is not kept, and may change before the gradient is computed.

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

    Rules are written as for `add_row`.

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


class _Piece(NamedTuple):
    """One of several outputs that are joined."""

    where: slice
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Context:
    """What ``forward`` leaves for ``backward``: Tensors by `save_for_backward`, anything else as attributes."""

    needs_input_grad: tuple[bool, ...]  # for each argument of apply()
    saved_tensors: tuple[Tensor, ...]  # in backward: what forward saved

    def __init__(self, arguments: tuple[Any, ...]) -> None:
        self.needs_input_grad = tuple(isinstance(given, Tensor) and given.requires_grad for given in arguments)
        self._positions = [i for i, given in enumerate(arguments) if isinstance(given, Tensor)]
        self._arguments = [None if isinstance(given, Tensor) else given for given in arguments]
        self._saved: list[Any] = []
        self._constant: tuple[Tensor, ...] = ()
        self._pieces: list[_Piece | Tensor] = []  # how the outputs that have a derivative are joined, and the others
        self._several = False

    def save_for_backward(self, *tensors: Tensor) -> None:
        """Keep inputs, outputs and other Tensors for ``backward``, which finds them in ``saved_tensors``.

        Raises:
            TypeError: one is no Tensor.
        """
        for tensor in tensors:
            if not isinstance(tensor, Tensor):
                raise TypeError(f"save_for_backward() takes Tensors: keep the {type(tensor).__name__} as ctx.name")
        self._saved = list(tensors)

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Name the outputs through which no gradient passes; none passes through integers anyway."""
        self._constant = tensors


class _Backward(Each):
    """The row of a Function: one call of its ``backward`` serves all inputs of one visit of the walk."""

    def __init__(self, kind: type[Function]) -> None:
        def rule(g: Any, y: Any, *inputs: Any, position: int, context: Context) -> Any:
            return _gradients(kind, context, g, y, inputs)[position]

        super().__init__(rule)
        self._kind = kind

    def __iter__(self) -> Iterator[Any]:
        gradients: list[Any] = []

        def rule(g: Any, y: Any, *inputs: Any, position: int, context: Context) -> Any:
            if not gradients:
                gradients.extend(_gradients(self._kind, context, g, y, inputs))
            return gradients[position]

        return (partial(rule, position=i) for i in count())


class Function:
    """A function of Tensors with a derivative of its own: subclass it, and call it by ``apply``.

    ``forward(ctx, *arguments)`` computes, unrecorded, one Tensor or a tuple of them; ``backward(ctx, *gradients)`` is
    given the gradient of each, and returns that of each argument, None for those that have none. Written in
    operations of Tensors, ``backward`` can itself be differentiated.

    >>> import tinygrad_mlp as tg
    >>> class Cube(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x * x
    ...
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return g * 3 * x * x
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor(12.)
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        sheet[cls] = _Backward(cls)
        f.implementations[cls] = partial(_computed, cls)

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Any:
        """The outputs: a Tensor, or a tuple of Tensors."""
        raise NotImplementedError("a Function needs a static method forward(ctx, *arguments)")

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """The gradient of each argument of ``forward``, or None."""
        raise NotImplementedError("a Function needs a static method backward(ctx, *gradients)")

    @classmethod
    def apply(cls, *arguments: Any) -> Any:
        """Compute ``forward``, and record it if an argument needs a gradient.

        Raises:
            TypeError: an output is no Tensor.
            RuntimeError: later, in the walk: ``backward`` does not return one gradient for each argument.
        """
        observer().refuse("a Function: write it with @differentiable")
        context = Context(arguments)
        joined = record(cls, [arguments[i] for i in context._positions], {"context": context})
        outputs = _separated(joined, context)
        return outputs if context._several else outputs[0]


def _computed(kind: type[Function], *arrays: Any, context: Context) -> Any:
    """What ``forward`` returns, several outputs laid end to end; `context` is told how to take them apart."""
    arguments = list(context._arguments)
    inputs = [Tensor._of(array) for array in arrays]
    for i, x in zip(context._positions, inputs, strict=True):
        arguments[i] = x
    with no_grad():
        returned = kind.forward(context, *arguments)
    context._several = isinstance(returned, tuple)
    outputs = returned if isinstance(returned, tuple) else (returned,)
    start = 0
    for output in outputs:
        if not isinstance(output, Tensor):
            raise TypeError(f"{kind.__name__}.forward returns a Tensor or a tuple of them, not {type(output).__name__}")
        if output.dtype.kind != "f" or any(output is constant for constant in context._constant):
            context._pieces.append(output)
        else:
            context._pieces.append(_Piece(slice(start, start + output.numel()), output.shape, output.dtype))
            start += output.numel()
    # Inputs and outputs are saved as their place among these, because the graph holds arrays and no Tensors.
    places = {id(known): i for i, known in enumerate([*inputs, *outputs])}
    context._saved = [places[id(saved)] if id(saved) in places else saved.detach().clone() for saved in context._saved]
    joined = [output._data for output, piece in zip(outputs, context._pieces, strict=True) if isinstance(piece, _Piece)]
    if len(outputs) == len(joined) == 1:
        return joined[0]
    return np.concatenate([array.ravel() for array in joined]) if joined else np.zeros(0)


def _separated(joined: Tensor, context: Context) -> list[Tensor]:
    """The outputs: those that `_computed` joined are cut from `joined`; those without a derivative are kept whole."""
    if len(context._pieces) == 1 and isinstance(context._pieces[0], _Piece):
        return [joined]
    return [
        joined[piece.where].reshape(piece.shape).to(piece.dtype) if isinstance(piece, _Piece) else piece
        for piece in context._pieces
    ]


def _gradients(kind: type[Function], context: Context, g: Any, y: Any, inputs: Sequence[Any]) -> list[Any]:
    """The gradient of each Tensor among the arguments, as an array, or as a Tensor where `g` is one."""
    recorded = isinstance(g, Tensor)
    variables = [x if isinstance(x, Tensor) else Tensor._of(x) for x in inputs]
    known = [*variables, *_separated(y if recorded else Tensor._of(y), context)]
    visited = copy.copy(context)  # so that what is found on this visit is forgotten with it
    visited.saved_tensors = tuple(known[saved] if isinstance(saved, int) else saved for saved in context._saved)
    cotangents = [
        Tensor._of(np.zeros_like(piece._data)) if isinstance(piece, Tensor) else cotangent
        for cotangent, piece in zip(_separated(g if recorded else Tensor._of(g), context), context._pieces, strict=True)
    ]
    with set_grad_enabled(recorded and is_grad_enabled()):
        returned = kind.backward(visited, *cotangents)
    gradients = returned if isinstance(returned, tuple) else (returned,)
    if len(gradients) != len(context._arguments):
        raise RuntimeError(
            f"{kind.__name__}.backward returned {len(gradients)} gradients for the {len(context._arguments)} arguments "
            "of forward: return one for each, None for those that have none"
        )
    chosen = [gradients[i] for i in context._positions]
    for gradient in chosen:
        if not isinstance(gradient, Tensor | None):
            raise TypeError(f"{kind.__name__}.backward must return Tensors or None, not {type(gradient).__name__}")
    tensors = [
        Tensor._of(np.zeros_like(x._data)) if gradient is None else gradient
        for x, gradient in zip(variables, chosen, strict=True)
    ]
    # Copies, because a backward may return an array that somebody else can reach.
    return tensors if recorded else [tensor._data.copy() for tensor in tensors]
