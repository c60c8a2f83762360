"""One run of a training step, taken down on a tape: a list of the NumPy and BLAS calls that the step makes.

The recorded run is the eager step with all its checks: Tensors and nodes hold arrays as always. But each function of
the sheet and each rule is given Slots in place of arrays. A Slot writes down each call that is made with it, and every
argument of the call, the array for the result included. `_replay` makes a program of the tape.

The tape does not take apart methods that change state (``zero_grad``, ``step`` of an optimizer or a schedule): the list
calls them. Draws from generators are calls in the list as well. What cannot be replayed is refused by name.

The step ``lambda x: x - x.mean()`` of three numbers becomes three calls, each of which writes to its last array::

    np.add.reduce(x, None, None, total)
    np.divide(total, 3.0, mean)
    np.subtract(x, mean, result)
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import partial
from threading import get_ident
from types import FunctionType, MethodType
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import byte_bounds
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from .core import functions as f
from .core.blas import Product, affine, column_sums, matmul, product_into
from .core.guard import clock, is_guarded, owner, stamp
from .core.lines import function_name
from .core.mode import observers
from .core.record import Leaf, Node, Variable
from .names.linear_rows import DECOMPOSITIONS
from .nn.module import Module
from .optim.optimizer import Optimizer
from .tensors.arguments import array_of
from .tensors.leaves import Lent, accumulate, gradient_of
from .tensors.observer import Observer, observer
from .tensors.tensor import Tensor

__all__ = ["Function", "Kernel", "Tape", "deliver_gradient", "independent", "is_update", "leaves", "mapped"]

Array = NDArray[Any]
Function = Callable[..., Any]
Kernel = tuple[Function, tuple[Any, ...]]


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """A copy of nested lists, tuples, dicts, partial calls and gradients, with ``change(leaf)`` for each leaf in it."""
    if type(value) is dict:
        return {key: mapped(entry, change) for key, entry in value.items()}
    if type(value) in (list, tuple) or (isinstance(value, tuple) and hasattr(value, "_fields")):
        entries = [mapped(entry, change) for entry in value]
        return type(value)(*entries) if hasattr(value, "_fields") else type(value)(entries)
    if isinstance(value, partial):
        return partial(value.func, *mapped(value.args, change), **mapped(value.keywords, change))
    if isinstance(value, Lent):
        return Lent(change(value.array), value.wrap)
    return Product(mapped(value.left, change), change(value.right)) if type(value) is Product else change(value)


def leaves(value: Any, kind: Any = object) -> list[Any]:
    """The leaves of type `kind` in nested lists, tuples, dicts, partial calls and gradients."""
    found: list[Any] = []
    mapped(value, found.append)
    return [leaf for leaf in found if isinstance(leaf, kind)]


# --- kernels ----------------------------------------------------------------------------------------------------------

_POWERS: dict[float, Function] = {1: np.positive, -1: np.reciprocal, 0.5: np.sqrt, 2: np.square}


class Slot(NDArrayOperatorsMixin):
    """Stands for an array of the step, and writes each call that is made with it on the tape.

    NumPy hands calls with a Slot over to it (NEP 13 and NEP 18). The Slot makes the call with arrays, so that the step
    goes on with numbers, notes the call as a kernel, and answers with a Slot for the result.
    """

    __slots__ = ("array", "tape")

    def __init__(self, array: Array, tape: Tape) -> None:
        self.array = array
        self.tape = tape

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Call a ufunc with arrays, and take the call down."""
        out = options.pop("out", (None,))[0]
        arguments = _arrays(inputs)
        # A reduction, such as a sum over axes.
        if method == "reduce" and out is None and not set(options) - {"axis", "keepdims"}:
            axis, keepdims = options.get("axis", 0), options.get("keepdims", False)
            if ufunc is np.add:  # as `functions.summed` does
                (x,) = arguments
                if axis in f.FIRST_AXIS and x.ndim == 2 and (sums := column_sums(x)) is not None:
                    return self.tape.add_kernel(column_sums, (x, sums), sums[None] if keepdims else sums)
                if not f.adds_well(x, axis) or x.dtype.kind == "u":
                    return self.tape.call_whole(f.summed, [x, axis, keepdims], {})
            result = np.asarray(ufunc.reduce(arguments[0], axis=axis, keepdims=keepdims))
            return self.tape.add_kernel(ufunc.reduce, (arguments[0], axis, None, result, keepdims), result)
        if method != "__call__" or options:  # a call with `where=`, or a method such as `accumulate`
            options |= {} if out is None else {"out": out.array}
            self.tape.refuse(f"numpy.{ufunc.__name__}.{method} with {sorted(options)}")
            return getattr(ufunc, method)(*arguments, **options)
        if ufunc is np.matmul:
            result = matmul(*arguments)
            return self.tape.add_kernel(*product_into(arguments[0], arguments[1], result), result)
        result = np.asarray(ufunc(*arguments)) if out is None else ufunc(*arguments, out=out.array)
        self.tape.originals.pop(id(result), None)  # if `result` was a copy, its original has other numbers from now on
        fitted = tuple(_fitted(arguments, result))
        if ufunc in (np.maximum, np.minimum):  # the two that take out= by name only
            slot = self.tape.add_kernel(partial(ufunc, out=result), fitted, result)
        else:
            slot = self.tape.add_kernel(ufunc, (*fitted, result), result)
        return slot if out is None else out

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        """Call another function of NumPy's or of the sheet with arrays, and take the call down."""
        if function is f.clone:
            return self.copy("K")
        return self.tape.call_whole(f.implementations.get(function, function), _arrays(list(args)), options)

    def __pow__(self, exponent: Any) -> Any:
        # NumPy's arrays take the same shortcuts, and the bits have to be the same.
        shortcut = _POWERS.get(exponent) if isinstance(exponent, int | float) else None
        return np.power(self, exponent) if shortcut is None else shortcut(self)

    def __getattr__(self, name: str) -> Any:
        """An attribute of the array. Refuse the tape if it depends on the numbers, which differ in a replay."""
        value = getattr(self.array, name)
        if name in ("T", "mT"):  # a view, which stays one in a replay
            return Slot(value, self.tape)
        if name not in ("shape", "dtype", "ndim", "size", "base", "flags"):  # these do not depend on the numbers
            self.tape.refuse(f"reading numbers out of a Tensor with {name}")
        return value

    def __getitem__(self, index: Any) -> Any:
        return self.tape.call_whole(np.ndarray.__getitem__, [self.array, _arrays(index)], {})

    def __len__(self) -> int:
        return len(self.array)

    def reshape(self, *shape: Any) -> Any:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape)

    def astype(self, dtype: Any) -> Any:
        return self.tape.call_whole(np.ndarray.astype, [self.array, dtype], {})

    def copy(self, order: Any = "C") -> Any:
        """A copy of the array. The tape notes the original, which `Tape.deliver` may use in place of the copy."""
        result = self.array.copy(order)
        self.tape.originals[id(result)] = self.array
        return self.tape.add_kernel(np.copyto, (result, self.array), result)


def _arrays(value: Any) -> Any:
    """`value` with each Slot in it replaced by its array."""
    return mapped(value, lambda leaf: leaf.array if type(leaf) is Slot else leaf)


def _fitted(arguments: Iterable[Any], result: Array) -> Iterator[Any]:
    """The operands of an elementwise kernel, each in the form with which NumPy computes fastest.

    An array with as many entries as the result gets the result's shape, and a number becomes an array without
    dimensions. An array that is broadcast stays as it is.
    """
    for argument in arguments:
        if isinstance(argument, np.ndarray):
            # Reshaping a contiguous array surely gives a view, whose numbers are the present ones in a replay.
            fits = argument.size == result.size and argument.flags.c_contiguous
            yield argument.reshape(result.shape) if fits else argument
        else:  # the result of a comparison is bool, which cannot hold the number
            yield np.asarray(argument, result.dtype) if result.dtype.kind == "f" else argument


def _assign(out: Array, function: Function, arguments: Sequence[Any], options: dict[str, Any]) -> None:
    """Write what `function` returns into `out`. This is the kernel of a function that has no option ``out=``."""
    result = np.asarray(function(*arguments, **options))
    if result.shape != out.shape:
        name = function_name(function)
        raise RuntimeError(f"{name} gives shape {result.shape}, but {out.shape} when the step was recorded: reset() it")
    out[...] = result


def _under_settings(settings: dict[str, Any], function: Function, arguments: tuple[Any, ...]) -> None:
    """Call a kernel under the floating-point error settings (`numpy.errstate`) it was recorded under."""
    with np.errstate(**settings):
        function(*arguments)


def deliver_gradient(leaf: Leaf, gradient: Product | Lent) -> None:
    """Replay the end of a backward pass: give `leaf` the `gradient` that the kernels have just computed.

    If the leaf holds a gradient, `gradient` is added to that.
    """
    if leaf.grad is not None:
        accumulate(leaf, independent(gradient))
    elif type(gradient) is Product and is_guarded(gradient.right):  # somebody else may write to the right factor
        leaf.grad = independent(gradient)
    else:
        gradient.since = next(clock)
        leaf.grad = gradient


def independent(gradient: Product | Lent, overwritten: Container[int] | None = None) -> Any:
    """A copy of a gradient, in memory that no kernel writes to.

    Args:
        gradient: a gradient in memory that the kernels of the next replay write to.
        overwritten: the ids of the owners of that memory. A right factor that lies elsewhere is not copied. It must
            then stay as it is until the gradient is used, as in the eager step. None means that both factors are
            copied.
    """
    if isinstance(gradient, Lent):
        return gradient.own()
    stays = overwritten is not None and id(owner(gradient.right)) not in overwritten
    left = mapped(gradient.left, lambda factor: factor.copy("K") if isinstance(factor, np.ndarray) else factor)
    product = Product(left, gradient.right if stays else gradient.right.copy("K"))
    product.since = gradient.since if stays else next(clock)  # the time from which the factors must not change
    return product


def make_gradients_independent(optimizer: Optimizer) -> None:
    """Copy all gradients before a step of `optimizer`, which a user has written.

    Such an optimizer may keep the gradients, and the next replay overwrites the memory of those that kernels computed.
    """
    for leaf in [parameter._node for group in optimizer._groups for parameter in group["params"]]:
        if isinstance(leaf, Leaf) and isinstance(leaf.grad, Product | Lent):
            leaf.grad = independent(leaf.grad)


def _read_gradient(leaf: Leaf, kept: Tensor) -> None:
    """Replay a reading of ``.grad`` by the step: write the gradient of `leaf`, multiplied out, into the Tensor `kept`.

    `kept` is the Tensor that the recorded step was given. Later kernels compute with its array. After this kernel the
    leaf holds `kept` as its gradient, as it does after a reading.
    """
    gradient = gradient_of(leaf)
    if type(gradient) is Product:
        function, arguments = product_into(gradient.left, gradient.right, kept._data)
        function(*arguments)
    else:
        np.copyto(kept._data, gradient)
    stamp([kept._data])
    leaf.grad = kept


# --- recording --------------------------------------------------------------------------------------------------------


class _Block(NamedTuple):
    """A range of memory that holds an argument or a kernel's result. A program replaces it by memory of its own."""

    low: int  # the address of the first byte
    high: int  # the address of the byte after the last one
    memory: Array  # kept, so that no other array comes to lie at these addresses
    is_argument: bool


class Tape(Observer):
    """Takes down what one run of a step does, in order. `Observer` says when the methods that it has are called.

    Attributes:
        refused: why the step cannot be replayed; None as long as it can.
    """

    def __init__(self, arguments: Sequence[Tensor], describe: Callable[[Module], Any]) -> None:
        # Each kernel: function, arguments, and the array it writes to; None if it does more than to write an array.
        self.kernels: list[tuple[Function, tuple[Any, ...], Array | None]] = []
        self.originals: dict[int, Array] = {}  # by the id of a copy: the array that was copied
        # By id: a Tensor that the step has not made, with its node and its array.
        self.externals: dict[int, tuple[weakref.ref[Any], Any, Array]] = {}
        self.leaves: dict[Leaf, bool] = {}  # each leaf that a walk has reached: whether it was given a gradient
        self.read: dict[Leaf, Tensor] = {}  # each leaf whose `.grad` the step has read: the Tensor that it read
        self.modules: dict[Module, Any] = {}  # each module that the step calls, described as it was before
        self.names: list[Any] = []  # the names that the step reads, and those of captured steps that it calls
        self.refused: str | None = None
        self._blocks: dict[int, list[_Block]] = {}  # by the id of the owner of their memory
        self._made: dict[int, weakref.ref[Any]] = {}  # by id: the arguments, and the Tensors that the step has made
        self._updated: dict[int, int] = {}  # by the id of a weight's owner: when an optimizer may have changed it
        self._walked: set[Node] = set()  # the nodes that walks of the step have visited
        self._describe = describe
        self._begun = next(clock)
        self._errors = np.geterr()
        for argument in arguments:
            low, high = byte_bounds(argument._data)
            others = self._blocks.get(id(owner(argument._data)), [])
            # One Tensor may be passed twice, but two Tensors must not overlap in memory.
            if id(argument) not in self._made and any(other.low < high and low < other.high for other in others):
                self.refuse("arguments that share memory: pass a .clone()")
            self._add(argument._data, argument._data, is_argument=True)
            self.made(argument)

    def refuse(self, reason: str) -> None:
        """End the recording, because the step has done something that a replay cannot do. The first reason is kept."""
        self.refused = self.refused or reason
        if observer() is self:
            del observers[get_ident()]

    @contextlib.contextmanager
    def _pause(self) -> Iterator[None]:
        """Run a block without recording it. Refuse the tape if an exception leaves the block: the step may catch it."""
        observers.pop(get_ident(), None)
        try:
            yield
        except BaseException:
            self.refused = self.refused or "an exception that the step catches"
            raise
        if self.refused is None:
            observers[get_ident()] = self

    # --- whose memory an array lies in

    def _add(self, array: Array, memory: Array, is_argument: bool = False) -> None:
        """Note that a program replaces `memory`, in which `array` lies."""
        block = _Block(*byte_bounds(memory), memory, is_argument)
        self._blocks.setdefault(id(owner(array)), []).append(block)

    def block(self, array: Array) -> _Block | None:
        """The block that `array` lies in; None for an array from outside."""
        low, high = byte_bounds(array)
        blocks = self._blocks.get(id(owner(array)), ())
        return next((block for block in blocks if block.low <= low and high <= block.high), None)

    def outside(self) -> set[int]:
        """The ids of the owners of the memory of Tensors from outside."""
        return {id(owner(array)) for _, _, array in self.externals.values()}

    def made(self, tensor: Any) -> None:
        self._made[id(tensor)] = weakref.ref(tensor)

    def has_made(self, tensor: Any) -> bool:
        """Whether `tensor` is an argument, or was made by the step."""
        return id(tensor) in self._made and self._made[id(tensor)]() is tensor

    def meet(self, tensor: Any) -> None:
        """Note that the step reads `tensor`. Each replay checks that a Tensor from outside the step has not changed."""
        block = self.block(tensor._data)
        if self.has_made(tensor):  # its array is in a block, or a view of a Tensor from outside
            if block is None and id(owner(tensor._data)) not in self.outside():
                self.refuse("a Tensor of the step that was given an array from outside")
        elif block is None:  # a Tensor from outside
            self.externals.setdefault(id(tensor), (weakref.ref(tensor), tensor._node, tensor._data))
        elif block.is_argument:
            self.refuse("an argument that shares memory with a Tensor from outside: pass a .clone()")

    def _meet_all(self, operands: Any) -> None:
        """Note that the step reads the Tensors among `operands`; refuse arrays from outside."""
        for operand in leaves(operands, (np.ndarray, Variable)):
            if isinstance(operand, Variable):
                self.meet(operand)
            elif self.block(operand) is None and all(array is not operand for _, _, array in self.externals.values()):
                self.refuse("a NumPy array that is not an argument: pass it as one, and draw noise with randn()")

    def add_kernel(self, function: Function, arguments: tuple[Any, ...], result: Array) -> Slot:
        """Take down the call ``function(*arguments)``, which has just written `result`. Returns a Slot for `result`."""
        if (settings := np.geterr()) != self._errors:
            function, arguments = _under_settings, (settings, function, arguments)
        self.kernels.append((function, arguments, result))
        if self.block(result) is None:
            self._add(result, owner(result))
        return Slot(result, self)

    # --- what the graph tells the tape

    def compute(self, function: Function, arrays: Sequence[Any], operands: Sequence[Any], options: Any) -> Array:
        """Call a function of the sheet with the `arrays` of its `operands`, and take down its calls as kernels."""
        self._meet_all(list(operands))
        if any(array.dtype == np.bool_ for array in leaves(options.get("index"), np.ndarray)):
            self.refuse("a boolean mask, whose numbers decide on a shape: write where() or masked_fill()")
        try:
            affine_result = affine(arrays[0], arrays[1].T, arrays[2]) if function is _LINEAR else None
            if affine_result is not None:  # two kernels: copy the bias into each row, then add the product
                self.add_kernel(np.copyto, (affine_result, arrays[2]), affine_result)
                kernel = product_into(arrays[0], arrays[1].T, affine_result, 1.0)
                result = self.add_kernel(*kernel, affine_result)
            elif _is_taken_apart(function):
                result = function(*map(self.slot, arrays), **options)
            else:
                result = self.call_whole(function, list(arrays), dict(options))
        except Exception:
            self.refuse("an exception that the step catches")
            raise
        output = np.asarray(_arrays(result))
        if any(not array.shape for array in leaves(options.get("index"), np.ndarray)):
            output.flags.writeable = False  # a copy, where the eager step has a view: no write to it may be lost
        return output if output.dtype == np.float16 else array_of(output)  # `record` computes anew what is float16

    def slot(self, array: Any) -> Any:
        """A Slot for `array`, which takes down every call that is made with it; anything but an array as it is."""
        return Slot(array, self) if type(array) is np.ndarray else array

    def copied(self, array: Array) -> Array:
        """A copy of `array`, which each replay makes anew."""
        copied: Array = Slot(array, self).copy().array
        return copied

    def call_whole(self, function: Function, arguments: list[Any], options: dict[str, Any]) -> Any:
        """Call a function with arrays, and take the call down as one kernel."""
        result = function(*arguments, **options)
        if not isinstance(result, np.ndarray | np.generic):
            self.refuse(f"{function_name(function)}, which returns {type(result).__name__}")
            return result
        result = np.asarray(result)
        shared = [owner(result) is owner(array) for array in leaves(arguments, np.ndarray)]
        if shared == [True] and _is_taken_apart(function):
            return Slot(result, self)  # a view of the only array, which stays one in a replay: it needs no kernel
        result = result.copy("K") if any(shared) else result  # else the kernel would write to one of its arguments
        slot = self.add_kernel(_assign, (result, function, arguments, options), result)
        if not _is_taken_apart(function) and function not in _WHOLE:
            self.kernels[-1] = *self.kernels[-1][:2], None  # a user's function may do more than to write an array
        return slot

    def read_node(self, node: Node) -> tuple[Any, Any, list[Any]]:
        """The rules of `node`, and Slots for its output and its inputs: what the walk computes with.

        The tape is refused if the node is older than the step, if it has an array from outside, or if an optimizer has
        changed one of its arrays since the node was recorded.
        """
        self._walked.add(node)
        if node.number < self._begun:
            self.refuse("the graph of a Tensor that was computed outside the step")
        outside = self.outside()
        for array in leaves([node.output, *node.inputs], np.ndarray):
            if self.block(array) is None and id(owner(array)) not in outside:
                self.refuse("a graph with an array from outside")
            if self._updated.get(id(owner(array)), 0) > node.number:
                self.refuse("an optimizer's step between forward and backward: call backward() before it")
        return map(self._whole, node.rules), self.slot(node.output), list(map(self.slot, node.inputs))

    def _whole(self, rule: Function | None) -> Function | None:
        """A function that calls `rule` with Slots. A rule of the user is given arrays instead, and is one kernel."""
        if rule is None or _is_taken_apart(getattr(rule, "func", rule)):
            return rule
        return lambda *slots, **options: self.call_whole(rule, _arrays(list(slots)), options)

    def arrived(self, gradients: dict[Any, Any]) -> dict[Any, Any]:
        """The `gradients` that a walk has brought to places of the graph, with arrays in place of Slots."""
        for place, gradient in gradients.items():
            if type(place) is Leaf:
                self.leaves.setdefault(place, False)
                if place.hooks:
                    self.refuse("a hook that is given a gradient, which a replay would not call")
            gradients[place] = _arrays(gradient)
            if type(gradient) is Product:
                gradients[place].since = gradient.since
        return gradients

    def deliver(self, leaf: Leaf, gradient: Any) -> None:
        """Give `leaf` its `gradient`, and take down a kernel that does so in a replay."""
        if isinstance(gradient, Variable):
            self.refuse("a gradient that has a graph")
        # The walk may have given the leaf a copy, because others use the array as well. A replay does not copy: it
        # lends the leaf the original array, until the next replay.
        lent: Any = self.originals.get(id(gradient))
        if lent is None or self.block(lent) is None or lent.strides != gradient.strides:
            lent = gradient
        self.leaves[leaf] = True
        lent = lent if type(lent) is Product else Lent(lent, np.asarray)
        self.kernels.append((deliver_gradient, (leaf, lent), None))
        with self._pause():
            accumulate(leaf, gradient)

    def ask_gradient(self, leaf: Leaf) -> None:
        """Take down that the step reads the gradient of `leaf`. Refuse one that the step has not computed."""
        if leaf.grad is None or not self.leaves.get(leaf):
            self.refuse("asking for a gradient that the step has not computed: write zero_grad() to drop what is there")
        elif self.read.get(leaf) is not leaf.grad:  # read for the first time since it was computed
            if self.block(leaf.grad._data) is None:
                self._add(leaf.grad._data, leaf.grad._data)
            self.read[leaf] = leaf.grad
            self.kernels.append((_read_gradient, (leaf, leaf.grad), None))

    def perform(self, function: Function, *arguments: Any, **options: Any) -> Any:
        """Call a function that changes an object or checks numbers, and take the call down as one kernel."""
        self._meet_all([arguments, options])
        if is_update(function, arguments):  # an optimizer also reads and changes its parameters
            parameters = leaves([group["params"] for group in arguments[0]._groups])
            self._meet_all(parameters)
            # `read_node` refuses nodes with these weights that were recorded before this moment.
            self._updated.update((id(owner(parameter._data)), next(clock)) for parameter in parameters)
            if not _is_taken_apart(type(arguments[0])):
                self.kernels.append((make_gradients_independent, arguments[:1], None))
        if leaves([arguments, options], (FunctionType, MethodType)):
            self.refuse(f"a function given to {function_name(function)}(), which a replay cannot call")
        self.kernels.append((partial(function, **options) if options else function, arguments, None))
        with self._pause():
            return function(*arguments, **options)

    def write(self, change: Function, tensor: Any, value: Any) -> None:
        """Let ``change(tensor, value)`` write to the array of `tensor`, and take that down. Refuse it for arguments."""
        self.meet(tensor)
        block = self.block(tensor._data)
        if block is not None and block.is_argument:
            self.refuse("writing to an argument: write to a .clone()")
        self.perform(change, tensor, value)

    def repeat(self, function: Function, *arguments: Any) -> Array:
        """The new array that `function` makes, such as one of random numbers. Each replay calls the function again."""
        self._meet_all(arguments)
        with self._pause():
            result = function(*arguments)
        self._add(result, owner(result))
        # None, because a draw changes the generator: a replay makes it, whether the result is read or not.
        self.kernels.append((_assign, (result, function, arguments, {}), None))
        return np.asarray(result)

    def constant(self, array: Array) -> Array:
        """`array`, which each replay fills with the same numbers: the step may write to it."""
        return self.add_kernel(np.copyto, (array, array.copy()), array).array

    def use(self, module: Module) -> None:
        """Note that the step calls `module`, and describe what the module holds before the first call."""
        # The description of a module includes the modules inside it.
        if not any((module, "training") in described for described in self.modules.values()):
            self.modules[module] = self._describe(module)

    def finish(self, result: Any) -> None:
        """Look at what the step has returned, and refuse what a replay could not give."""
        if any(reference() is None for reference, _, _ in self.externals.values()):
            self.refuse("a Tensor that the step has made of an array from outside")
        for value in leaves(result):
            if isinstance(value, Tensor) and isinstance(value._node, Leaf) and id(value) not in self.externals:
                self.refuse("a result that requires a gradient: return .detach()")
            elif isinstance(value, Tensor) and isinstance(value._node, Node) and self._can_be_walked(value._node):
                self.refuse("a result that still has its graph: return .detach()")
            elif isinstance(value, Tensor) and not (
                self.has_made(value) or id(value) in self.externals or self.block(value._data)
            ):
                self.refuse("a Tensor among its results that was made where the recording does not see: in a thread")
            elif not isinstance(value, Tensor | bool | str | None):
                self.refuse(f"{type(value).__name__} among its results: return Tensors, in lists, tuples or dicts")

    def _can_be_walked(self, node: Node) -> bool:
        """Whether a walk can start at `node`: no walk has visited it yet, or a node behind it has kept its arrays."""
        seen, waiting = set[Node](), [node]
        while waiting:
            behind = waiting.pop()
            if behind not in seen and behind.inputs is not None:
                if behind.read or node not in self._walked:
                    return True
                seen.add(behind)
                waiting += [edge for edge in behind.edges if isinstance(edge, Node)]
        return False


# Functions of the sheet, without NumPy's dispatch: the functions that `record` calls with arrays. Those in `_WHOLE` are
# called as one kernel, because they do what a Slot does not take down, such as writing to single entries of an array.
_LINEAR = f.linear.__wrapped__  # type: ignore[attr-defined]
_UNWRAPPED: Iterable[Any] = (f.clone, f.cross_entropy, f.replaced, f.scatter, f.softmax_error, *DECOMPOSITIONS)
_WHOLE = {f.summed, *(function.__wrapped__ for function in _UNWRAPPED)}


def _is_taken_apart(function: Any) -> bool:
    """Whether the calls inside `function` become kernels of their own, as they do for NumPy, SciPy and this package.

    A user's function may do anything, so it is called as a whole.
    """
    package = str(getattr(function, "__module__", None) or "numpy").partition(".")[0]  # ufuncs have none
    return package in ("numpy", "scipy", __name__.partition(".")[0]) and function not in _WHOLE


def is_update(function: Function, arguments: tuple[Any, ...]) -> bool:
    """Whether a kernel is the step of an optimizer."""
    name = function_name(getattr(function, "func", function))
    return name == "step" and bool(arguments) and isinstance(arguments[0], Optimizer)
