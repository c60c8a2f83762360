"""capture(step): a training step recorded as a list of kernel calls, and replayed without building a graph.

The first call with arguments of some shapes runs the step as it is, except that every array in it is a `Slot`: an
array that writes down each function applied to it, with its operands and the memory its result is in. What comes of
it is a list of ``function(*arguments)`` in which all arguments, outputs included, are fixed: the forward pass, the
rules of the sheet, the BLAS calls. A later call copies its arguments into the memory of the first ones and goes down
the list.

The second call is recorded as well and compared with the first. A number that differs although nothing that the step is
seen to read has changed was drawn, counted, or kept out of sight; the step then stays eager.

Methods that change state (``zero_grad``, an optimizer's or a scheduler's ``step``) are not taken apart: the list calls
them, so learning rates, momenta and schedules are what they are at each call. And what cannot be replayed is noticed
while recording, because it has to ask a Slot for its numbers, or to draw random ones, or to bring arrays of its own.
What the step reads from outside by name is looked at before each replay: where that has changed, the step is recorded
anew, and what cannot be looked at keeps it eager.
"""

from __future__ import annotations

import pickle
import random
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from itertools import takewhile
from types import FunctionType
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from . import functions as f
from ._tensor import Tensor, _tensor
from ._variables import Variables, contents
from .autograd import graph
from .autograd.graph import Leaf, Node, Variable, accumulate, state
from .autograd.memory import clock, owner, stamp
from .blas import Product, address, affine, empty, matmul, product_into

__all__ = ["capture"]

Array = NDArray[Any]
Kernel = tuple[Callable[..., Any], tuple[Any, ...]]


_POWERS: dict[float, Callable[[Any], Any]] = {1: np.positive, -1: np.reciprocal, 0.5: np.sqrt, 2: np.square}


class Slot(NDArrayOperatorsMixin):
    """An array that writes what is done with it on a tape."""

    __slots__ = ("array", "tape")

    def __init__(self, array: Array, tape: Tape) -> None:
        self.array = array
        self.tape = tape

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.pop("out", (None,))[0]
        arguments = [_array(operand) for operand in inputs]
        if method == "reduce" and out is None and not set(options) - {"axis", "keepdims"}:
            axis, keepdims = options.get("axis", 0), options.get("keepdims", False)
            result = np.asarray(ufunc.reduce(arguments[0], axis=axis, keepdims=keepdims))
            return self.tape.wrote(ufunc.reduce, (arguments[0], axis, None, result, keepdims), result)
        if method == "__call__" and not options:
            if ufunc is np.matmul:
                result = matmul(*arguments)
                function, fixed = product_into(arguments[0], arguments[1], result)
                return self.tape.wrote(function, fixed, result)
            result = np.asarray(ufunc(*arguments)) if out is None else ufunc(*arguments, out=out.array)
            fitted = tuple(_fitted(arguments, result))
            if ufunc in (np.maximum, np.minimum):  # the two that take out= by name only
                slot = self.tape.wrote(partial(ufunc, out=result), fitted, result)
            else:
                slot = self.tape.wrote(ufunc, (*fitted, result), result)
            return slot if out is None else out
        self.tape.refuse(f"numpy.{ufunc.__name__}.{method} with {sorted(options)}")
        return getattr(ufunc, method)(*arguments, **options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if function is f.clone:
            return self.copy()
        arguments = [_arrays(argument) for argument in args]
        if function is f.affine:
            a, b, row = arguments
            if (result := affine(a, b, row)) is None:
                return function.__wrapped__(*args)  # type: ignore[attr-defined]
            self.tape.wrote(np.copyto, (result, row), result)
            return self.tape.wrote(*product_into(a, b, result, 1.0), result)
        result = function(*arguments, **options)
        if isinstance(result, Product):
            return Product(*args)
        if not isinstance(result, np.ndarray | np.generic):
            self.tape.refuse(f"{function.__name__}, which returns {type(result).__name__}")
            return result
        if isinstance(result, np.ndarray) and any(
            isinstance(argument, np.ndarray) and np.may_share_memory(result, argument) for argument in arguments
        ):
            return Slot(result, self.tape)  # a view of memory that stays where it is
        result = np.asarray(result)
        return self.tape.wrote(_assign, (result, function, arguments, options), result)

    def __pow__(self, exponent: Any) -> Any:
        # As NumPy's arrays do, for the same bits.
        shortcut = _POWERS.get(exponent) if isinstance(exponent, int | float) else None
        return np.power(self, exponent) if shortcut is None else shortcut(self)

    def __getattr__(self, name: str) -> Any:
        if name in ("shape", "dtype", "ndim", "size", "base", "flags"):
            return getattr(self.array, name)
        self.tape.refuse(f"reading numbers out of a Tensor with {name}")
        return getattr(self.array, name)

    def __getitem__(self, index: Any) -> Any:
        return self.__array_function__(np.ndarray.__getitem__, (), (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        view = self.array[index]
        if not isinstance(view, np.ndarray) or not np.may_share_memory(view, self.array):
            self.tape.refuse("assignment to a fancy index")
        self.array[index] = _array(value)
        self.tape.wrote(np.copyto, (view, _array(value)), self.array)

    def __len__(self) -> int:
        return len(self.array)

    @property
    def T(self) -> Slot:
        return Slot(self.array.T, self.tape)

    @property
    def mT(self) -> Slot:
        return Slot(self.array.mT, self.tape)

    def reshape(self, *shape: Any) -> Any:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape)

    def astype(self, dtype: Any) -> Any:
        result = self.array.astype(dtype)
        return self.tape.wrote(partial(np.copyto, casting="unsafe"), (result, self.array), result)

    def copy(self, order: Any = "K") -> Any:
        result = self.array.copy(order)
        self.tape.originals[id(result)] = self.array
        return self.tape.wrote(np.copyto, (result, self.array), result)


def _fitted(arguments: list[Any], result: Array) -> Iterator[Any]:
    """The operands of an elementwise kernel in the forms that NumPy is fastest with: of its result's shape, or 0-d."""
    for argument in arguments:
        if isinstance(argument, np.ndarray):
            yield (
                argument.reshape(result.shape)
                if argument.size == result.size and argument.flags.c_contiguous
                else argument
            )
        else:
            yield np.asarray(argument, result.dtype) if result.dtype.kind == "f" else argument


def _array(operand: Any) -> Any:
    return operand.array if type(operand) is Slot else operand


def _arrays(operand: Any) -> Any:
    if isinstance(operand, list | tuple):
        return type(operand)(_arrays(entry) for entry in operand)
    return _array(operand)


def _assign(out: Array, function: Callable[..., Any], arguments: list[Any], options: dict[str, Any]) -> None:
    out[...] = function(*arguments, **options)


def _quietly(settings: dict[str, Any], function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Call a kernel under the floating-point error settings it was recorded under."""
    with np.errstate(**settings):
        function(*arguments)


def _deliver(leaf: Leaf, gradient: Any) -> None:
    """Give a leaf, in each replay, the gradient that the kernels have just computed."""
    if leaf.grad is not None:
        accumulate(leaf, _own(gradient))
    elif type(gradient) is Product:
        gradient.since = next(clock)
        leaf.grad = gradient
    else:
        leaf.grad = gradient.copy()


def _own(gradient: Any) -> Any:
    """A gradient in memory that no kernel writes to."""
    if type(gradient) is not Product:
        return gradient.copy()
    product = Product(gradient.left.copy("K"), gradient.right.copy("K"))
    product.since = next(clock)
    return product


class Tape:
    """The kernel calls of one run of a step, in order; `refused` says why they cannot be replayed, if so."""

    def __init__(self, inputs: list[Array]) -> None:
        self.inputs = inputs
        self.kernels: list[tuple[Kernel, Array | None]] = []  # each with the array it writes, None for a state change
        self.originals: dict[int, Array] = {}  # by the ids of copies
        self.externals: dict[int, tuple[Any, Any, Slot]] = {}  # Tensors from outside: what, its node, its array
        self.tensors: list[weakref.ref[Any]] = []
        self.refused: str | None = None

    def refuse(self, reason: str) -> None:
        """Note that the step has done something that a replay could not."""
        self.refused = self.refused or reason

    def wrote(self, function: Callable[..., Any], arguments: tuple[Any, ...], result: Array) -> Slot:
        """Take down a kernel that has just written `result`."""
        if (settings := np.geterr()) != _DEFAULT_ERRORS:
            function, arguments = _quietly, (settings, function, arguments)
        self.kernels.append(((function, arguments), result))
        return Slot(result, self)

    def watched(self, arrays: list[Any], operands: Any) -> list[Any]:
        """The operands of a function that is about to be recorded, with Slots for arrays."""
        for position, (array, operand) in enumerate(zip(arrays, operands, strict=True)):
            if type(array) is np.ndarray:
                if not isinstance(operand, Variable):
                    self.refuse("a NumPy array that is not an argument of the step: make it a Tensor outside")
                elif id(array) not in self.externals or (operand._node and not self.externals[id(array)][1]):
                    self.externals[id(array)] = (weakref.ref(operand), operand._node, Slot(array, self))
                arrays[position] = self.externals[id(array)][2] if isinstance(operand, Variable) else Slot(array, self)
        return arrays

    def writable(self, tensor: Any, value: Any) -> tuple[Slot, Any]:
        """The array of a Tensor that is about to be changed in place, and the value to change it by."""
        slot: Slot = self.watched([tensor._data], [tensor])[0]
        if any(owner(slot.array) is owner(array) for array in self.inputs):
            raise RuntimeError("a captured step cannot write to its arguments: write to a .clone()")
        if isinstance(value, Variable | np.ndarray):
            value = self.watched([value._data if isinstance(value, Variable) else value], [value])[0]
        self.call(stamp, [slot.array])
        return slot, value

    def array(self, output: Any) -> Any:
        """What a function computed, as a Slot or an array."""
        return output if type(output) is Slot else np.asarray(output)

    def made(self, tensor: Any) -> None:
        """Remember a Tensor that holds a Slot, to give it an array when the recording is over."""
        self.tensors.append(weakref.ref(tensor))

    def tensor(self, array: Array) -> Tensor:
        """A Tensor outside the graph for an argument or a constant of the step."""
        return _tensor(Slot(array, self))  # type: ignore[arg-type]

    def deliver(self, leaf: Leaf, gradient: Any) -> None:
        """Take down that a leaf gets its gradient."""
        if leaf.hooks:
            self.refuse("a gradient that a hook sees")
        if isinstance(gradient, Variable):
            self.refuse("a gradient that is recorded")
            self.call(accumulate, leaf, gradient)
            return
        if type(gradient) is Product:
            gradient = Product(_array(gradient.left), _array(gradient.right))
        else:  # the walk's own copy is not needed: each delivery is one
            gradient = self.originals.get(id(_array(gradient)), _array(gradient))
        self.call(_deliver, leaf, gradient)

    def check(self, validate: Callable[..., Any], arrays: list[Any]) -> None:
        """Take down that numbers are looked at, but only to refuse them."""
        self.call(validate, *map(_array, arrays))

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call what changes state, unrecorded, and take down to call it again."""
        self.kernels.append(((function, arguments), None))
        state.tape = None
        try:
            return function(*arguments)
        finally:
            state.tape = self

    def finish(self) -> None:
        """Give the Tensors that outlive the step arrays of their own."""
        copies: dict[int, Array] = {}

        def own(value: Any) -> Any:
            if type(value) is not Slot:
                return value
            return copies.setdefault(id(value), value.array.copy())

        waiting: list[Node] = []
        for reference in self.tensors:
            if (tensor := reference()) is not None:
                tensor._data = own(tensor._data)
                waiting.append(tensor._node)
        seen: set[Node] = set()
        while waiting:
            node = waiting.pop()
            if isinstance(node, Node) and node.edges is not None and node not in seen:
                seen.add(node)
                node.inputs = [own(value) for value in node.inputs]
                node.output = own(node.output)
                waiting.extend(node.edges)


_DEFAULT_ERRORS = np.geterr()


def _leaves(value: Any, kind: type[Any] | tuple[type[Any], ...]) -> Iterator[Any]:
    """The instances of `kind` in nested containers and products."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, Product):
        yield from _leaves((value.left, value.right), kind)
    elif isinstance(value, dict):
        yield from _leaves(list(value.values()), kind)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _leaves(entry, kind)


def _copied(value: Any) -> Any:
    """What a step returns, with new Tensors for its arrays."""
    if type(value) is np.ndarray:
        return _tensor(value.copy())
    if value is None:
        return None
    if isinstance(value, dict):
        return {key: _copied(entry) for key, entry in value.items()}
    return _like(value, [_copied(entry) for entry in value]) if isinstance(value, list | tuple) else value


def _like(container: Any, entries: list[Any]) -> Any:
    """A list, tuple or named tuple like `container`."""
    return type(container)(*entries) if hasattr(container, "_fields") else type(container)(entries)


def _buffers(value: Any) -> Any:
    """What a step returns, with the arrays of its Tensors in their place."""
    if isinstance(value, Tensor):
        return _array(value._data)
    if isinstance(value, dict):
        return {key: _buffers(entry) for key, entry in value.items()}
    return _like(value, [_buffers(entry) for entry in value]) if isinstance(value, list | tuple) else value


class Program:
    """A tape made ready to be replayed."""

    def __init__(self, tape: Tape, inputs: list[Array], result: Any) -> None:
        self.inputs = inputs
        self.externals = [(reference, node, slot.array) for reference, node, slot in tape.externals.values()]
        self.result = result
        if any(reference() is None for reference, _, _ in self.externals):
            tape.refuse("a Tensor that is made anew in each step")
        # What nobody reads is left out: the value of a loss that the step does not return, for one.
        needed = {
            id(owner(array)) for array in [*_leaves(result, np.ndarray), *(array for _, _, array in self.externals)]
        }
        kernels: list[Kernel] = []
        for kernel, written_array in reversed(tape.kernels):
            if written_array is None or id(owner(written_array)) in needed:
                kernels.append(kernel)
                needed.update(id(owner(array)) for array in _leaves(kernel[1], np.ndarray))
        kernels.reverse()
        self.delivered = [arguments for function, arguments in kernels if function is _deliver]
        external = {id(owner(array)) for _, _, array in self.externals}
        own = {id(owner(array)): address(owner(array)) for _, array in tape.kernels if array is not None}
        own |= {id(owner(array)): address(array) for array in inputs}
        self.signature = _Signature(external, own).of((kernels, result))
        # What the step does before it computes, such as to drop gradients, is done before memory is written to: then
        # it is known which gradients are still there.
        self.leading = list(takewhile(lambda kernel: not _computes(*kernel), kernels))
        self.computing = kernels[len(self.leading) :]

    def holds(self) -> bool:
        """Whether the Tensors that the step met are what they were, and nobody wants to see their gradients."""
        for reference, node, array in self.externals:
            tensor = reference()
            if tensor is None or tensor._data is not array or tensor._node is not node:
                return False
        for leaf, _ in self.delivered:  # noqa: SIM110  # a generator would take longer than the loop
            if leaf.hooks:
                return False
        return True

    def run(self, arrays: list[Array]) -> Any:
        """Replay with the contents of `arrays`."""
        for function, arguments in self.leading:
            function(*arguments)
        for leaf, gradient in self.delivered:
            if leaf.grad is gradient:  # the last replay's, whose memory is about to be written to again
                leaf.grad = _own(gradient)
        for array, buffer in zip(arrays, self.inputs):  # noqa: B905  # their number is known to be the same
            buffer[...] = array
        for function, arguments in self.computing:
            function(*arguments)
        return _copied(self.result)


def _computes(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
    """Whether a kernel reads or writes memory, or delivers what is in it."""
    return function is _deliver or any(True for _ in _leaves(arguments, np.ndarray))


class _Signature:
    """What is computed and with which numbers, told so that two recordings of the same can be compared.

    Memory from outside is told by its identity, memory of the recording, of which `own` tells the start, by when it is
    first met.
    """

    def __init__(self, external: set[int], own: dict[int, int]) -> None:
        self._external = external
        self._own = own
        self._met: dict[int, int] = {}

    def of(self, value: Any) -> Any:
        """`value` as something that equals its like in another recording."""
        if isinstance(value, np.ndarray):
            memory = owner(value)
            key = id(memory)
            if key in self._external:
                label, start = key, address(memory)
            elif key in self._own:
                label, start = self._met.setdefault(key, -1 - len(self._met)), self._own[key]
            else:
                return value.shape, value.dtype, value.tobytes()  # a constant
            return label, address(value) - start, value.shape, value.strides, value.dtype
        if isinstance(value, partial):
            return self.of((value.func, value.args, value.keywords))
        if isinstance(value, FunctionType):  # such as a lambda, which is made anew
            held = map(contents, value.__closure__ or ())
            return value.__code__, [content for content in held if isinstance(content, int | float | str)]
        if isinstance(value, Product):
            return self.of((value.left, value.right))
        if isinstance(value, dict):
            return self.of(tuple(value.items()))
        if isinstance(value, list | tuple):
            return tuple(map(self.of, value))
        if isinstance(value, int | float):
            return type(value), repr(value)
        return id(value) if isinstance(value, Variable) else value


class _Recording:
    """What became of the step for arguments of some shapes: a program, confirmed by a second one, or a refusal."""

    def __init__(self) -> None:
        self.attempts = 0  # recordings since the last replay that confirmed none
        self.refused: str | None = None
        self._confirmed = False
        self._program: Program | None = None
        self._variables: Variables | None = None

    def program(self) -> Program | None:
        """The program, if it is confirmed, and everything that it takes as given still is."""
        if not (self._confirmed and self._holds()):
            return None
        self.attempts = 0
        return self._program

    def _holds(self) -> bool:
        program, variables = self._program, self._variables
        return program is not None and variables is not None and variables.hold() and program.holds()

    def record(self, step: Callable[..., Any], arrays: list[Array]) -> Any:
        """Run the step on `arrays`, and take it down if it can be replayed."""
        earlier = self._program if self._holds() else None
        before = Variables(step)
        self._program = None
        inputs = list(map(_input, arrays))
        tape = Tape(inputs)
        random_states = _random_states()
        state.tape = tape
        try:
            result = step(*[tape.tensor(array) for array in inputs])
            program = Program(tape, inputs, _buffers(result))
        finally:
            state.tape = None
            tape.finish()
        self._variables = Variables(step)
        if _random_states() != random_states:
            tape.refuse("drawing random numbers")
        if reason := before.refused or self._variables.refused or _unfit(result):
            tape.refuse(reason)
        elif earlier is not None and earlier.signature != program.signature:
            tape.refuse("numbers that differ from call to call, though no variable that the step reads does")
        steady = before.hold()
        self._confirmed = earlier is not None and steady
        self.attempts += not self._confirmed
        if tape.refused is not None:
            self.refused = tape.refused
            self.attempts = _ATTEMPTS
            return result
        if self.attempts == _ATTEMPTS:
            changing = "variables, modes or Tensors from outside that change from call to call"
            self.refused = changing if steady else "a variable that the step itself changes"
        self._program = program if steady else None
        return _copied(program.result)


def _random_states() -> bytes:
    """What the next random numbers of Python's and NumPy's common generators depend on."""
    return pickle.dumps((random.getstate(), np.random.get_state()))  # noqa: NPY002  # it is only looked at


def _unfit(result: Any) -> str | None:
    """Why a step that returns `result` cannot be replayed, if so."""
    if isinstance(result, Tensor):
        holds_graph = isinstance(node := result._node, Node) and node.edges
        return "a result that still has its graph: return .detach()" if holds_graph else None
    if type(result) in (dict, list, tuple) or (isinstance(result, tuple) and hasattr(result, "_fields")):
        entries = result.values() if isinstance(result, dict) else result
        return next(filter(None, map(_unfit, entries)), None)
    if result is None or isinstance(result, bool | str):
        return None
    if isinstance(result, int | float):
        return "a number among its results that is no Tensor"
    return f"a {type(result).__name__} among its results: return Tensors, in lists, tuples or dicts"


def _input(array: Array) -> Array:
    """A copy of an argument, in the same order, which decides on the bits of sums."""
    if not array.flags.c_contiguous:
        return array.copy("K")
    copied = empty(array.shape, array.dtype)
    copied[...] = array
    return copied


_SHAPES = 32  # recordings that are kept
_ATTEMPTS = 5  # recordings in a row, after which a step whose variables keep changing is left eager


class Captured:
    """A step that is recorded in its first two calls with arguments of some shapes, and replayed in later ones.

    `refused` says why the last recording cannot be replayed, or is None.
    """

    def __init__(self, step: Callable[..., Any]) -> None:
        if not callable(step):
            raise TypeError(f"capture() takes a step to call, not {step!r}: write capture(step) or @capture")
        self.step = step
        self.refused: str | None = None
        self._recordings: dict[Any, _Recording] = {}  # by the grad mode, and how each argument lies in memory

    def __reduce__(self) -> Any:
        return Captured, (self.step,)  # a copy records anew: memory and parameters of the recordings are the original's

    def __get__(self, instance: Any, owner: type[Any]) -> Captured:
        if instance is not None:
            raise TypeError("a captured step belongs to one object: write self.step = capture(self._step) in __init__")
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        tensors: list[Any] = []
        arrays: list[Array] = []
        layout: list[Any] = [state.enabled]
        for argument in args:
            if not isinstance(argument, Tensor):
                if not isinstance(argument, np.ndarray):
                    return self._call_with_others(args, kwargs)
                argument = Tensor(argument)
            tensors.append(argument)
            array = argument._data
            arrays.append(array)
            layout += (array.shape, array.strides, array.dtype)
        if kwargs:
            return self._call_with_others(args, kwargs)
        key = tuple(layout)
        recording = self._recordings.get(key)
        if recording is None:
            if len(self._recordings) == _SHAPES:
                del self._recordings[next(iter(self._recordings))]
            recording = self._recordings[key] = _Recording()
        if graph.watcher is None and (program := recording.program()) is not None:
            return program.run(arrays)
        if (
            recording.attempts >= _ATTEMPTS
            or state.tape is not None
            or graph.watcher is not None
            or any(tensor._node is not None for tensor in tensors)
        ):
            return self.step(*tensors)
        result = recording.record(self.step, arrays)
        self.refused = recording.refused
        return result

    def _call_with_others(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the step with arguments that are not all Tensors or arrays, or have names."""
        self.refused = "an argument that is neither Tensor nor array, or has a name"
        return self.step(*[Tensor(value) if isinstance(value, np.ndarray) else value for value in args], **kwargs)


def capture(step: Callable[..., Any]) -> Captured:
    """Record a training step at its first two calls and replay it at later ones: the same numbers, without the graph.

    Args:
        step: a function of Tensors (arrays become Tensors) that runs forward, backward and the optimizer, and returns
            Tensors, containers of them, or nothing. It may be used with arguments of a few shapes, up to 32: each is
            recorded, which takes as long as several steps.

    Returns:
        The step to call instead. The variables, attributes, entries of containers, modes and parameters that the step
        and the functions it calls read are looked at before each replay, and where one has changed, the step is
        recorded anew. Where it cannot be replayed it stays eager, and ``.refused`` says why: it looks at the numbers in
        a Tensor (``if``, ``item()``) or at a gradient, draws random ones, brings NumPy arrays of its own, changes what
        it reads (a mode by ``train()``, too, if ``eval()`` comes between), reads what cannot be looked at (an iterator,
        a `collections.UserDict`, 2,000 values), or returns Python numbers, other objects or Tensors that still have
        their graph; or it is called with other things than Tensors and arrays. Numbers from elsewhere, such as files,
        clocks and the environment, are compared in the first two calls: one that changes only later is not seen, and
        what else the step does, such as to print, is not done again. A captured step belongs to one thread at a time:
        its calls share their memory.

    Raises:
        TypeError: `step` cannot be called.

    >>> from tinygrad_mlp import nn, optim, tensor
    >>> weight = tensor([[1.0, 2.0]], requires_grad=True)
    >>> optimizer = optim.SGD([weight], lr=0.25)
    >>> @capture
    ... def step(x, y):
    ...     optimizer.zero_grad()
    ...     loss = nn.functional.mse_loss(nn.functional.linear(x, weight), y)
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> [round(step(tensor([[1.0, 1.0]]), tensor([[1.0]])).item(), 4) for _ in range(3)]
    [4.0, 0.0, 0.0]
    """
    return Captured(step)
