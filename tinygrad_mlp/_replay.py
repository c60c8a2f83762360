"""Programs, which replay a recorded step, and copies of what a step changes, which a checked replay puts back.

A program is made of a tape, whose kernels it moves into memory of its own. A replay copies its arguments there and goes
down the list of kernels.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from itertools import takewhile
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._tape import Function, Kernel, Tape, deliver_gradient, independent, is_update, leaves, mapped
from .core.blas import Product
from .core.guard import clock, owner
from .core.record import Leaf
from .optim.lr_scheduler.base import Schedule
from .optim.optimizer import Optimizer
from .tensors.creation import empty
from .tensors.leaves import Lent
from .tensors.random import Generator
from .tensors.tensor import Tensor

__all__ = ["Program", "bits", "put_back", "saved"]

Array = NDArray[Any]


class Program:
    """Replays a tape, in memory of its own.

    Attributes:
        externals: the Tensors from outside that the step has met: for each, a weak reference, its node and its array.
        outside: the ids of the owners of the memory of these arrays.
        is_running: whether a replay is going on.
    """

    def __init__(self, tape: Tape, arguments: Sequence[Tensor], result: Any) -> None:
        self._tape = tape
        self._memory: dict[tuple[int, int], Array] = {}  # by the addresses of a block: the memory that takes its place
        self._moved: dict[int, tuple[Any, Any]] = {}  # by id: an array or a Tensor of the tape, and its replacement
        self.externals = list(tape.externals.values())
        self.outside = tape.outside()
        self.is_running = False
        self._leaves = list(tape.leaves)
        # Leaves that the step itself makes: each replay begins without their gradients.
        self._new_leaves = [leaf for leaf in self._leaves if all(node is not leaf for _, node, _ in self.externals)]
        self._inputs: list[Array] = [self._move(argument._data) for argument in arguments]
        kernels = [
            (mapped(function, self._move), mapped(operands, self._move)) for function, operands in _needed(tape, result)
        ]
        # The kernels before the first one that touches an array, and all others. Most of the former drop gradients, so
        # they run before `run` copies the gradients that leaves still hold.
        self._preparing = list(takewhile(lambda kernel: not _computes(*kernel), kernels))
        self._computing = kernels[len(self._preparing) :]
        # For each gradient that the step reads: the leaf, the Tensor that kernels compute with, and a `Lent` for the
        # leaf to hold after a replay, which gives a copy of that Tensor to a later reader.
        self._read = [
            (leaf, self._move(kept), Lent(self._move(kept)._data, Tensor._of)) for leaf, kept in tape.read.items()
        ]
        # The gradients in the program's memory, each in a pair with the leaf that holds it after a replay.
        self._lent: list[tuple[Leaf, Any]] = [
            *(operands for function, operands in kernels if function is deliver_gradient),
            *((leaf, lent) for leaf, _, lent in self._read),
        ]
        self._optimizers = dict.fromkeys(leaves(kernels, Optimizer))
        position = {id(argument): i for i, argument in enumerate(arguments)}
        givers = {id(tensor): self._giver(tensor, position.get(id(tensor))) for tensor in leaves(result, Tensor)}
        self._result = mapped(result, lambda leaf: givers.get(id(leaf), leaf))
        self._overwritten = {id(owner(memory)) for memory in self._memory.values()}
        del self._tape, self._memory, self._moved

    def _move(self, value: Any) -> Any:
        """The replacement, in the program's memory, of an array or a Tensor of the tape; anything else as it is.

        An array or a Tensor that is moved twice has the same replacement both times.
        """
        array = value._data if isinstance(value, Tensor) else value
        block = self._tape.block(array) if isinstance(array, np.ndarray) else None
        if block is None:  # no array, or one that keeps its memory, such as a weight
            return value
        if id(value) not in self._moved:
            key = block.low, block.high
            if key not in self._memory:
                self._memory[key] = empty((block.high - block.low,), np.uint8)
            place = self._memory[key], array.ctypes.data - block.low  # the new memory, and the old offset in it
            moved: Any = np.ndarray(array.shape, array.dtype, *place, array.strides)
            self._moved[id(value)] = value, Tensor._of(moved) if isinstance(value, Tensor) else moved
        return self._moved[id(value)][1]

    def _giver(self, tensor: Tensor, position: int | None) -> Callable[[Sequence[Tensor]], Tensor]:
        """A function that is given the arguments of a replay, and returns what the replay returns for `tensor`.

        `tensor` is a result of the recorded step, and `position` its place among the arguments, if it was one.
        """
        if position is not None:
            return lambda tensors: tensors[position]
        array = self._move(tensor._data)
        if array is not tensor._data:  # the replay computes it: return a copy, for the next replay will overwrite it
            return lambda tensors: Tensor._of(array.copy("K"))
        if self._tape.has_made(tensor):  # a view of a Tensor from outside
            return lambda tensors: Tensor._of(array)
        return lambda tensors: tensor  # a Tensor from outside

    def changed_objects(self) -> list[Any]:
        """The objects that a replay may change: Tensors from outside, leaves, optimizers, schedules, generators."""
        changed = leaves([self._preparing, self._computing], Optimizer | Schedule | Generator)
        changed += [member for each in changed if isinstance(each, Schedule) for member in each.members()]
        changed += [schedule.optimizer for schedule in changed if isinstance(schedule, Schedule)]
        changed += [node for _, node, _ in self.externals if isinstance(node, Leaf)]
        changed += [leaf.grad for leaf in changed if isinstance(leaf, Leaf) and isinstance(leaf.grad, Tensor)]
        return [*(reference() for reference, _, _ in self.externals), *dict.fromkeys(changed)]

    def is_valid(self) -> bool:
        """Whether the Tensors from outside have the arrays and nodes that they had, and there are no hooks to call."""
        for reference, node, array in self.externals:
            tensor = reference()
            if tensor is None or tensor._data is not array or tensor._node is not node:
                return False
        for leaf in self._leaves:  # a generator would take longer than the loop
            if leaf.hooks:
                return False
        for optimizer in self._optimizers:  # noqa: SIM110  # likewise
            if optimizer.has_step_hooks():
                return False
        return True

    def run(self, tensors: Sequence[Tensor]) -> Any:
        """Replay with `tensors` as the arguments, and return what the step would return."""
        for leaf in self._new_leaves:
            leaf.grad = None
        for function, arguments in self._preparing:
            function(*arguments)
        for leaf, gradient in self._lent:
            if leaf.grad is gradient:  # still that of the last replay, whose memory is about to be overwritten
                leaf.grad = independent(gradient, self._overwritten)
        for tensor, buffer in zip(tensors, self._inputs):  # noqa: B905  # their number is known to be the same
            buffer[...] = tensor._data
        self.is_running = True
        try:
            for function, arguments in self._computing:
                function(*arguments)
        finally:
            self.is_running = False
            for leaf, kept, lent in self._read:
                if leaf.grad is kept:  # whoever reads the gradient after the replay is given a copy
                    leaf.grad = lent
        return None if self._result is None else _given(self._result, tensors)


def _needed(tape: Tape, result: Any) -> list[Kernel]:
    """The kernels of `tape` without those whose results nobody reads, such as the value of a loss that is not returned.

    A kernel that does more than to write an array is always needed.
    """
    read = {id(owner(tensor._data)) for tensor in leaves(result, Tensor)}
    kernels: list[Kernel] = []
    for function, operands, written in reversed(tape.kernels):
        if written is None or id(owner(written)) in read:
            kernels.append((function, operands))
            for operand in leaves([function, operands], (np.ndarray, Tensor)):
                read.add(id(owner(operand if type(operand) is np.ndarray else operand._data)))
    return kernels[::-1]


def _given(result: Any, tensors: Sequence[Tensor]) -> Any:
    """The result of a replay: a copy of `result` in which each function is replaced by what it returns for `tensors`.

    Each function is called once, so that a Tensor that stands twice in the result is one Tensor.
    """
    if type(result) is FunctionType:
        return result(tensors)
    given = {id(giver): giver(tensors) for giver in leaves(result, FunctionType)}
    return mapped(result, lambda leaf: given.get(id(leaf), leaf))


def _computes(function: Function, arguments: tuple[Any, ...]) -> bool:
    """Whether a kernel reads or writes arrays."""
    return is_update(function, arguments) or bool(leaves([function, arguments], np.ndarray | Tensor))


# --- what a replay changes, copied and put back -----------------------------------------------------------------------


def _contents(changed: Any) -> dict[str, Any]:
    """The attributes in which a Tensor, a leaf, a generator, an optimizer or a schedule holds what changes."""
    if isinstance(changed, Optimizer | Schedule):
        attributes: dict[str, Any] = changed.__getstate__()  # type: ignore[assignment]
        return attributes
    name = {Leaf: "grad", Generator: "_numbers"}.get(type(changed), "_data")
    return {name: getattr(changed, name)}


def saved(changed: Any) -> dict[str, Any]:
    """A copy of the contents of an object, for `put_back`. Tensors and other objects among them are not copied."""
    contents = _contents(changed)
    kept = [leaf for leaf in leaves(contents) if not isinstance(leaf, np.ndarray | np.random.Generator | Lent)]
    return copy.deepcopy(contents, {id(leaf): leaf for leaf in kept})  # the memo: deepcopy takes these for copied


def put_back(changed: Any, contents: dict[str, Any]) -> None:
    """Give an object the `contents` that `saved` returned, written into the arrays, lists and dicts that it holds."""
    for name, value in contents.items():
        setattr(changed, name, _restored(getattr(changed, name), value))


def _restored(now: Any, before: Any) -> Any:
    """`now`, with the contents of `before` written into it; or `before`, if they do not fit into `now`."""
    if isinstance(now, np.ndarray) and isinstance(before, np.ndarray) and now.shape == before.shape:
        np.copyto(now, before)
    elif isinstance(now, np.random.Generator):
        now.bit_generator.state = before.bit_generator.state
    elif isinstance(now, dict) and isinstance(before, dict):
        entries = {key: _restored(now.get(key), value) for key, value in before.items()}
        now.clear()
        dict.update(now, entries)  # of a subclass, too, whose own `update` may do more
    elif isinstance(now, list) and isinstance(before, list) and len(now) == len(before):
        now[:] = map(_restored, now, before)
    else:
        if isinstance(before, Product | Lent):
            before.since = next(clock)  # the copy is as good as computed now: nobody has written to its memory
        return before
    return now


def bits(value: Any) -> list[Any]:
    """All bits of a result, a Tensor, a leaf, a generator, an optimizer or a schedule, as a list to compare."""
    if isinstance(value, Optimizer | Schedule):
        value = value.state_dict()
    elif isinstance(value, Generator):
        value = value._numbers.bit_generator.state
    elif isinstance(value, Leaf):
        value = value.grad
    arrays = [leaf._data if isinstance(leaf, Tensor) else leaf for leaf in leaves(value)]
    return [array.tobytes() if isinstance(array, np.ndarray) else repr(array) for array in arrays]
