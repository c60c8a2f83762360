"""Functions with derivatives that a user writes: as a rule for each input, or as a forward and a backward.

`add_row` and `differentiable` take rules, as the sheet of derivatives has them. `Function` is PyTorch's way, for ported
programs and for what rules cannot express: several outputs, or a backward that needs more than inputs and output.

A Function becomes a row of the sheet, too. A recorded function has one output, so several outputs of a Function are
joined to one vector, and each is cut out of it again.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..core import functions as f
from ..core.lines import function_name
from ..core.mode import is_grad_enabled, no_grad, set_grad_enabled
from ..core.record import record
from ..core.sheet import Each, Rule, sheet
from ..core.tape import observer
from ..tensors.arguments import array_of
from ..tensors.tensor import Tensor

__all__ = ["Function", "add_row", "differentiable"]


def add_row(function: Callable[..., Any], *rules: Rule | None) -> None:
    """Add a function of NumPy's or SciPy's to the sheet of derivatives, with one rule for each of its inputs.

    A rule takes the cotangent g of the output, the output y and all inputs, and returns the cotangent of its input.
    None in place of a rule stands for an input without a derivative.

    The graph keeps the arrays that rules read. If a rule does not read a parameter, or reads only its shape, give the
    parameter a name that begins with an underscore, as in ``lambda g, y, _x: g * y``. Then the graph does not keep its
    array, and the array may change before the gradient is computed.

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
                f"{len(rules)} {'rules are' if len(rules) > 1 else 'rule is'} for a function of {len(rules)} "
                f"{'inputs' if len(rules) > 1 else 'input'}: each takes g, y and every input, "
                f"but one takes {inspect.signature(rule)}"
            )
    if function not in sheet:
        f.implementations[function] = _holding(function)
    sheet[function] = rules


def _holding(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, with an error for a result that no Tensor can hold, such as a complex or a masked array."""

    if isinstance(function, FunctionType):  # one that `functions.dispatched` made, rather than NumPy
        function = getattr(function, "__wrapped__", function)

    def computing(*arrays: Any, **options: Any) -> Any:
        result = function(*arrays, **options)
        if isinstance(result, NDArrayOperatorsMixin):  # which stands for an array
            return result
        if getattr(result, "dtype", None) == np.float16 and any(np.asarray(array).itemsize == 1 for array in arrays):
            return result  # of small integers, which `record` widens before it calls again
        return array_of(result)

    computing.__name__ = function_name(function)
    computing.__module__ = getattr(function, "__module__", None)  # type: ignore[assignment]
    return computing


def _takes(function: Callable[..., Any], number: int) -> bool:
    """Whether `function` takes `number` positional arguments. It may need keyword arguments as well."""
    try:
        inspect.signature(function).bind_partial(*range(number))
    except ValueError:  # some functions that are not written in Python have no signature
        return True
    except TypeError:
        return False
    return True


def differentiable(*rules: Rule | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function of arrays differentiable: a decorator that takes a rule for each input, as `add_row` does.

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
        # If the rules were forgotten, `differentiable` was given the function, and a call of the function comes here.
        if others or not callable(function):
            raise TypeError(
                "differentiable() takes the rules: write @differentiable(lambda g, y, x: ...) above the def"
            )
        public = f.dispatched(function)
        add_row(public, *rules)
        return public

    return decorate


class _Piece(NamedTuple):
    """Where an output of a Function stands in the vector of all outputs, and its shape and dtype."""

    where: slice
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Context:
    """Carries values from ``forward`` to ``backward``: Tensors by `save_for_backward`, anything else as attributes."""

    needs_input_grad: tuple[bool, ...]  # for each argument of apply()
    saved_tensors: tuple[Tensor, ...]  # in backward: the Tensors that forward saved

    def __init__(self, arguments: tuple[Any, ...]) -> None:
        self.needs_input_grad = tuple(isinstance(given, Tensor) and given.requires_grad for given in arguments)
        self._positions = [i for i, given in enumerate(arguments) if isinstance(given, Tensor)]
        self._arguments = [None if isinstance(given, Tensor) else given for given in arguments]
        self._saved: list[Any] = []
        self._non_differentiable: tuple[Tensor, ...] = ()
        self._outputs: list[_Piece | Tensor] = []  # for each output its place in the vector; the Tensor if constant
        self._returns_tuple = False

    def save_for_backward(self, *tensors: Tensor) -> None:
        """Keep Tensors for ``backward``, where they are in ``saved_tensors``: inputs, outputs or others.

        Raises:
            TypeError: one is no Tensor.
        """
        for tensor in tensors:
            if not isinstance(tensor, Tensor):
                raise TypeError(f"save_for_backward() takes Tensors: keep the {type(tensor).__name__} as ctx.name")
        self._saved = list(tensors)

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say which outputs pass no gradient. Outputs of integers never do, and need not be named."""
        self._non_differentiable = tensors


class _Backward(Each):
    """The row of a Function. The walk asks for one gradient at a time, but ``backward`` is called once for all."""

    def __init__(self, kind: type[Function]) -> None:
        # This rule only says what all of them read. The walk takes the rules of `__iter__`.
        def rule(g: Any, y: Any, *inputs: Any, position: int, context: Context) -> Any:
            return _gradients(kind, context, g, y, inputs)[position]

        super().__init__(rule)
        self._kind = kind

    def __iter__(self) -> Iterator[Any]:
        """The rules of all inputs, for one visit of the walk.

        Whichever rule is called first calls ``backward`` and keeps all gradients; the others take theirs from these.
        """
        gradients: list[Any] = []

        def rule(g: Any, y: Any, *inputs: Any, position: int, context: Context) -> Any:
            if not gradients:
                gradients.extend(_gradients(self._kind, context, g, y, inputs))
            return gradients[position]

        return (partial(rule, position=i) for i in count())


class Function:
    """A function of Tensors with a derivative of its own: write a subclass, and call its ``apply``.

    ``forward(ctx, *arguments)`` computes one Tensor or a tuple of Tensors; nothing in it is recorded.
    ``backward(ctx, *gradients)`` takes the gradient of each output and returns the gradient of each argument, or None
    where there is none. If ``backward`` computes with Tensors, it can itself be differentiated.

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
        f.implementations[cls] = partial(_forward, cls)

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
            RuntimeError: later, in the backward pass: ``backward`` does not return one gradient for each argument.
        """
        observer().refuse("a Function: write it with @differentiable")
        context = Context(arguments)
        joined = record(cls, [arguments[i] for i in context._positions], {"context": context})
        outputs = _separated(joined, context)
        return outputs if context._returns_tuple else outputs[0]


def _forward(kind: type[Function], *arrays: Any, context: Context) -> Any:
    """Call ``forward``, and return its outputs joined to one array; `context` notes how to separate them again."""
    # `context` has the arguments that are not Tensors, and `arrays` are those of the Tensors.
    arguments = list(context._arguments)
    inputs = [Tensor._of(array) for array in arrays]
    for i, x in zip(context._positions, inputs, strict=True):
        arguments[i] = x
    with no_grad():
        returned = kind.forward(context, *arguments)
    context._returns_tuple = isinstance(returned, tuple)
    outputs = returned if isinstance(returned, tuple) else (returned,)
    # Outputs with a derivative get a place in the joined array, one after the other; the others are kept as they are.
    start = 0
    for output in outputs:
        if not isinstance(output, Tensor):
            raise TypeError(f"{kind.__name__}.forward returns a Tensor or a tuple of them, not {type(output).__name__}")
        if output.dtype.kind != "f" or any(output is marked for marked in context._non_differentiable):
            context._outputs.append(output)
        else:
            context._outputs.append(_Piece(slice(start, start + output.numel()), output.shape, output.dtype))
            start += output.numel()
    # The graph holds arrays, not Tensors: a saved input or output is kept as its position, for `_gradients` to look up.
    positions = {id(known): i for i, known in enumerate([*inputs, *outputs])}
    context._saved = [
        positions[id(saved)] if id(saved) in positions else saved.detach().clone() for saved in context._saved
    ]
    joined = [output._data for output, kept in zip(outputs, context._outputs, strict=True) if isinstance(kept, _Piece)]
    if len(outputs) == len(joined) == 1:
        return joined[0]
    return np.concatenate([array.ravel() for array in joined]) if joined else np.zeros(0)


def _separated(joined: Tensor, context: Context) -> list[Tensor]:
    """The outputs of a Function, cut out of the vector `joined`; those without a derivative as they were returned."""
    if len(context._outputs) == 1 and isinstance(context._outputs[0], _Piece):
        return [joined]
    return [
        joined[kept.where].reshape(kept.shape).to(kept.dtype) if isinstance(kept, _Piece) else kept
        for kept in context._outputs
    ]


def _gradients(kind: type[Function], context: Context, g: Any, y: Any, inputs: Sequence[Any]) -> list[Any]:
    """Call ``backward``, and return the gradient of each Tensor among the arguments.

    They are Tensors if the gradient `g` of the joined outputs is one, because the pass is being recorded; else arrays.
    """
    recorded = isinstance(g, Tensor)
    if not recorded:
        g, y = Tensor._of(g), Tensor._of(y)
    inputs = [x if isinstance(x, Tensor) else Tensor._of(x) for x in inputs]
    # Saved inputs and outputs are positions among these. The Tensors go to a copy of the context, which is dropped
    # after the call: the graph holds the context itself, and would keep them alive.
    known = [*inputs, *_separated(y, context)]
    passed = copy.copy(context)
    passed.saved_tensors = tuple(known[saved] if isinstance(saved, int) else saved for saved in context._saved)
    # An output without a derivative has the cotangent 0.
    cotangents = [
        Tensor._of(np.zeros_like(kept._data)) if isinstance(kept, Tensor) else cotangent
        for cotangent, kept in zip(_separated(g, context), context._outputs, strict=True)
    ]
    with set_grad_enabled(recorded and is_grad_enabled()):
        returned = kind.backward(passed, *cotangents)
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
        for x, gradient in zip(inputs, chosen, strict=True)
    ]
    # Copies, because backward may return a Tensor that the user holds, and no gradient may share its memory.
    return tensors if recorded else [tensor._data.copy() for tensor in tensors]
