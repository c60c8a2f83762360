"""Functions with derivatives that a user writes: as a rule for each input, or as a forward and a backward.

`add_row` and `differentiable` take rules, as the sheet of derivatives has them. `Function` is PyTorch's way, for ported
programs and for what rules cannot express: several outputs, or a backward that needs more than inputs and output.

A function made by `differentiable` carries its row itself, and so does a Function. In the sheet, the row would keep the
function alive for ever. A recorded function has one output. So the outputs of a Function are joined to one vector, and
each output is cut out of the vector again.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..core import functions as f
from ..core.guard import owner
from ..core.lines import function_name
from ..core.mode import is_grad_enabled
from ..core.record import record
from ..core.sheet import Each, Rule, sheet
from ..tensors.arguments import array_of
from ..tensors.observer import observer
from ..tensors.tensor import Tensor
from .grad_mode import no_grad, set_grad_enabled

__all__ = ["Function", "add_row", "differentiable"]


def add_row(function: Callable[..., Any], *rules: Rule | None) -> None:
    """Add a function of NumPy's or SciPy's to the sheet of derivatives, with one rule for each of its inputs.

    A rule takes the cotangent g of the output, the output y and all inputs, and returns the cotangent of its input.
    None in place of a rule stands for an input without a derivative.

    The graph keeps the arrays that rules read. If a rule does not read a parameter, or reads only its shape, give the
    parameter a name that begins with an underscore, as in ``lambda g, y, _x: g * y``. Then the graph does not keep its
    array, and the array may change before the gradient is computed.

    >>> import numpy as np, tinygrad_mlp as tg
    >>> tg.add_row(np.sinc, lambda g, y, x: g * (np.cos(np.pi * x) - y) / x)
    >>> x = tg.tensor([0.5], requires_grad=True)
    >>> np.sum(np.sinc(x)).backward()
    >>> x.grad
    tensor([-1.2732])

    Raises:
        TypeError: `function` or a rule is not callable, or a rule does not take g, y and an input for each rule, or a
            rule needs an option that calls of the function may leave out.
    """
    if not callable(function):
        raise TypeError(f"a row belongs to a function, not to {function!r}: write add_row(np.sinc, rule)")
    _validate_rules(function, rules)
    if function not in sheet:  # a function of the sheet is known to return an array, and may have an implementation
        f.implementations[function] = _returning_arrays(function)
    sheet[function] = rules


def _validate_rules(function: Callable[..., Any], rules: Sequence[Any]) -> None:
    """Raise TypeError unless each of `rules` is None, or takes g, y, an input for each rule, and options by default.

    A rule is called only with the options that the user passed to `function`. For all others it needs defaults of its
    own.
    """
    inputs, name = len(rules), function_name(function)
    own = _parameters(function)
    for rule in rules:
        if rule is None:
            continue
        if not callable(rule):
            raise TypeError(f"a rule is a function of (g, y, *inputs), not {rule!r}: write lambda g, y, x: g * ...")
        if not _takes(rule, 2 + inputs):
            raise TypeError(
                f"{inputs} {'rules are' if inputs > 1 else 'rule is'} for a function of {inputs} "
                f"{'inputs' if inputs > 1 else 'input'}: each takes g, y and every input, "
                f"but one takes {inspect.signature(rule)}"
            )
        for option in _parameters(rule)[2 + inputs :]:
            default = next((p.default for p in own if p.name == option.name), option.empty)
            if isinstance(default, _PLAIN) and repr(option.default) != repr(default):
                given = "no default" if option.default is option.empty else f"the default {option.default!r}"
                raise TypeError(
                    f"{name} has the option {option.name}={default!r}, but a rule has {given} for it: "
                    f"write {option.name}={default!r} in the rule, too, because calls may leave it out"
                )


_PLAIN = (bool, int, float, str, tuple, type(None))  # defaults that can be compared


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of `function`; none if it is not written in Python and has no signature."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []


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

    A function that is composed of functions with a derivative needs no rule: call them on Tensors. Write a rule for
    what NumPy and SciPy lack, or where the composition is slow or inexact.

    Args:
        rules: for each input of the function a rule ``(g, y, *inputs, **options)``, which returns the gradient of the
            final result with respect to this input. None in place of a rule stands for an input without a derivative;
            a rule itself never returns None.

            - ``g`` is the gradient with respect to the output, and has the shape of the output ``y``.
            - The inputs are arrays, or Python numbers where the call had numbers.
            - The rule returns an array of the input's shape, or of a shape to which that broadcasts: it is summed to
              the input's shape. So the rule of an elementwise function is written as for numbers.
            - It returns a new array each time, not an input or a buffer of its own: the gradient is added to in place.
            - Parameters after the inputs are options. A rule takes them with the defaults that the function has.
            - Of a parameter whose name begins with an underscore, the rule reads the shape alone; see `add_row`.
            - A rule of operators, of NumPy's functions and of other differentiable functions is itself differentiated
              for second derivatives. One that leaves them, as by ``.tolist()`` or a loop over entries, is not.

    Raises:
        TypeError: as `add_row`. Later, in a call: an option is not one that the rules take, or the function returns no
            array. Later still, in the backward pass: a rule returns something else than an array.
        RuntimeError: in the backward pass: a rule returns an array of a shape that does not fit.

    >>> import numpy as np, tinygrad_mlp as tg
    >>> @tg.differentiable(lambda g, y, x, scale=1: g * scale * 3 * x**2)
    ... def cube(x, scale=1):
    ...     return scale * x * x * x
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> cube(x, scale=2).backward()
    >>> x.grad
    tensor(24.)
    """

    def decorate(function: Callable[..., Any], *others: Any) -> Callable[..., Any]:
        # If the rules were forgotten, `differentiable` was given the function, and a call of the function comes here.
        if others or not callable(function):
            raise TypeError(
                "differentiable() takes the rules: write @differentiable(lambda g, y, x: ...) above the def"
            )
        if not rules:
            raise TypeError(
                f"differentiable() takes a rule for each input of {function_name(function)}, or None for an input "
                "without a derivative: write @differentiable(lambda g, y, x: ...)"
            )
        _validate_rules(function, rules)
        public: Any = f.dispatched(_returning_arrays(function))
        public.row, public.plan = rules, None
        return public  # type: ignore[no-any-return]

    return decorate


def _returning_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, with an error if it returns something else than one array that a Tensor can hold."""

    def checked(*inputs: Any, **options: Any) -> Any:
        if named := [name for name, value in options.items() if isinstance(value, Tensor)]:
            raise TypeError(
                f"{function_name(function)} has no rule for the Tensor {named[0]}: differentiable() takes a rule, or "
                f"None, for each input, and Tensors are passed by position, not by name, as {named[0]}= would be"
            )
        y = function(*inputs, **options)
        if isinstance(y, Tensor | NDArrayOperatorsMixin):  # the second stands for an array
            return y
        if getattr(y, "dtype", None) == np.float16 and any(np.asarray(x).itemsize == 1 for x in inputs):
            return y  # of small integers, which `record` widens before it calls again
        try:
            if not isinstance(y, np.ndarray | np.generic | int | float):
                raise TypeError("this is no array")
            array_of(y)
        except TypeError as error:
            raise TypeError(
                f"{function_name(function)} returned {y!r}, but a differentiable function returns one "
                f"array: end it with return, and for several outputs write an autograd.Function ({error})"
            ) from None
        return _apart(y, inputs)

    functools.update_wrapper(checked, function)
    checked.__module__ = getattr(function, "__module__", None)  # type: ignore[assignment]  # methods of ufuncs have none
    return checked


def _apart(y: Any, inputs: Sequence[Any]) -> Any:
    """The array that a user's function returned, or a copy of that array if it shares memory with an input.

    Otherwise a later write in place to the array would change the input as well, and the graph would not record that.
    """
    if type(y) is not np.ndarray:
        return y
    memory = owner(y)
    return y.copy() if any(type(x) is np.ndarray and owner(x) is memory for x in inputs) else y


class _Piece(NamedTuple):
    """The place of a Function's output in the vector of all outputs, and the shape and dtype of this output."""

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
    where there is none. If ``backward`` computes with Tensors, it can itself be differentiated, unless ``forward`` has
    kept floating numbers other than its inputs and outputs.

    >>> import tinygrad_mlp as tg
    >>> class Cube(tg.autograd.Function):
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

    _recorded: Callable[..., Any]  # calls `forward` with arrays, and carries the row of the Function

    def __init_subclass__(cls, **options: Any) -> None:
        """Give the subclass a function with a row of its own, which `apply` records."""
        super().__init_subclass__(**options)
        recorded: Any = partial(_forward, cls)
        recorded.__name__, recorded.row = cls.__name__, _Backward(cls)
        cls._recorded = recorded

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
            TypeError: an output is no Tensor. Later, in the backward pass: ``backward`` returns something else than
                Tensors and None, or None alone, as without a ``return``, or a gradient of what is no Tensor.
            RuntimeError: later, in the backward pass: ``backward`` does not return one gradient for each argument; or
                it is to be differentiated, but reads an intermediate result of ``forward``, which is not recorded.
        """
        if cls is Function:
            raise TypeError("a Function of your own is a subclass with forward and backward: call apply() of that")
        observer().refuse("a Function: write it with @differentiable")
        context = Context(arguments)
        joined = record(cls._recorded, [arguments[i] for i in context._positions], {"context": context})
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
        return _apart(joined[0], arrays)
    return np.concatenate([array.ravel() for array in joined]) if joined else np.zeros(0)


def _separated(joined: Tensor, context: Context) -> list[Tensor]:
    """The outputs of a Function, cut out of the vector `joined`; those without a derivative as they were returned."""
    if len(context._outputs) == 1 and isinstance(context._outputs[0], _Piece):
        return [joined]
    return [
        joined[kept.where].reshape(kept.shape).to(kept.dtype) if isinstance(kept, _Piece) else kept
        for kept in context._outputs
    ]


def _validate_saved(kind: type[Function], context: Context) -> None:
    """Raise RuntimeError if ``backward`` is to be differentiated, and ``forward`` has kept an intermediate result.

    Nothing in ``forward`` is recorded, so a second derivative would take the result for a constant. This finds
    Tensors, arrays and NumPy's numbers, also in lists and dicts, but no Python number such as ``x.item()``.
    """
    own = vars(Context(()))
    kept = {f"ctx.{name}": value for name, value in vars(context).items() if name not in own}
    kept |= {f"saved_tensors[{i}]": saved for i, saved in enumerate(context._saved)}
    for name, value in kept.items():
        for entry in _entries(value):
            if isinstance(entry, Tensor | np.ndarray | np.generic) and entry.dtype.kind == "f":
                raise RuntimeError(
                    f"{kind.__name__}.backward cannot be differentiated: {name} of shape {entry.shape} is neither an "
                    "input nor an output that save_for_backward() was given, so it would count as a constant. Compute "
                    "it again in backward from saved inputs; if it is a constant, pass it to apply() as a Tensor"
                )


def _entries(value: Any) -> Iterator[Any]:
    """`value`, or what is in it if it is a list, a tuple or a dict of such values."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for entry in value:
            yield from _entries(entry)
    else:
        yield value


def _gradients(kind: type[Function], context: Context, g: Any, y: Any, inputs: Sequence[Any]) -> list[Any]:
    """Call ``backward``, and return the gradient of each Tensor among the arguments.

    The gradients are Tensors if `g`, the gradient of the joined outputs, is one, because the pass is recorded.
    Otherwise they are arrays.
    """
    recorded = isinstance(g, Tensor)
    if not recorded:
        g, y = Tensor._of(g), Tensor._of(y)
    inputs = [x if isinstance(x, Tensor) else Tensor._of(x) for x in inputs]
    # Saved inputs and outputs are positions among these. The Tensors go to a copy of the context, which is dropped
    # after the call: the graph holds the context itself, and would keep them alive.
    if recorded and is_grad_enabled():
        _validate_saved(kind, context)
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
    gradients = _validated(kind, returned, context)
    chosen = [gradients[i] for i in context._positions]
    tensors = [
        Tensor._of(np.zeros_like(x._data)) if gradient is None else gradient
        for x, gradient in zip(inputs, chosen, strict=True)
    ]
    # Copies, because backward may return a Tensor that the user holds, and no gradient may share its memory.
    return tensors if recorded else [tensor._data.copy() for tensor in tensors]


def _validated(kind: type[Function], returned: Any, context: Context) -> tuple[Tensor | None, ...]:
    """What ``backward`` has returned, as a tuple with a Tensor or None for each argument of ``forward``.

    Raises:
        RuntimeError: there are more or fewer gradients than arguments.
        TypeError: a gradient is neither a Tensor nor None, or is of an argument that is no Tensor; or ``backward``
            returned None alone, as a function without a ``return`` does.
    """
    name, number = kind.__name__, len(context._arguments)
    if returned is None:
        raise TypeError(
            f"{name}.backward returned None: end it with return and the gradient of each argument of forward, or write "
            f"return {(None,) * number} if there are none"
        )
    gradients = returned if isinstance(returned, tuple) else (returned,)
    if len(gradients) != number:
        raise RuntimeError(
            f"{name}.backward returned {len(gradients)} gradients for the {number} arguments of forward: "
            "return one for each, None for those that have none"
        )
    for i, gradient in enumerate(gradients):
        if gradient is not None and not isinstance(gradient, Tensor):
            advice = "return a tuple" if isinstance(gradient, list) else "compute with Tensors, or write tensor(...)"
            raise TypeError(
                f"{name}.backward must return Tensors or None, but for argument {i} of forward it returned a "
                f"{type(gradient).__name__}: {advice}"
            )
        if gradient is not None and i not in context._positions:
            raise TypeError(
                f"{name}.backward returned a gradient for argument {i} of forward, which is no Tensor but "
                f"{context._arguments[i]!r}: return None for it"
            )
    return gradients
