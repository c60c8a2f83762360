"""A tape made a program that can be replayed, and the state that a checked replay puts back.

A program moves the kernels of a tape into memory of its own. A replay copies its arguments there and goes down the
list of kernels.
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
from .optim.lr_scheduler import _Schedule
from .optim.optimizer import Optimizer
from .tensors.creation import empty
from .tensors.leaves import Lent
from .tensors.random import Generator
from .tensors.tensor import Tensor

__all__ = ["Program", "bits", "put_back", "saved"]

Array = NDArray[Any]


class Program:
    """A tape made ready to be replayed, in memory of its own."""

    def __init__(self, tape: Tape, arguments: Sequence[Tensor], result: Any) -> None:
        self._tape = tape
        self._memory: dict[tuple[int, int], Array] = {}  # by the addresses of the blocks that it stands for
        self._moved: dict[int, tuple[Any, Any]] = {}  # by id: what was, and what has taken its place
        self.externals = list(tape.externals.values())
        self.leaves = list(tape.leaves)
        self.new_leaves = [leaf for leaf in self.leaves if all(node is not leaf for _, node, _ in self.externals)]
        # Kernels whose results are never read are left out, such as the value of a loss that the step does not return.
        needed = {id(owner(tensor._data)) for tensor in leaves(result, Tensor)}
        kernels: list[Kernel] = []
        for function, operands, written in reversed(tape.kernels):
            if written is None or id(owner(written)) in needed:
                kernels.append((function, operands))
                read = leaves([function, operands], (np.ndarray, Tensor))
                needed.update(id(owner(operand if type(operand) is np.ndarray else operand._data)) for operand in read)
        self.is_running = False
        kernels = [(mapped(function, self._move), mapped(operands, self._move)) for function, operands in kernels[::-1]]
        self.lent: list[tuple[Leaf, Any]] = [operands for function, operands in kernels if function is deliver_gradient]
        self.inputs: list[Array] = [self._move(argument._data) for argument in arguments]
        place = {id(argument): i for i, argument in enumerate(arguments)}
        givers = {id(tensor): self._giver(tensor, place.get(id(tensor))) for tensor in leaves(result, Tensor)}
        self.result = mapped(result, lambda leaf: givers.get(id(leaf), leaf))
        self.read = [
            (leaf, self._move(kept), Lent(self._move(kept)._data, Tensor._of)) for leaf, kept in tape.read.items()
        ]
        self.lent += [(leaf, lent) for leaf, _, lent in self.read]
        # Calls that drop gradients come first. A gradient that is still there after them is copied before the kernels
        # overwrite its memory.
        self.leading = list(takewhile(lambda kernel: not _computes(*kernel), kernels))
        self.computing = kernels[len(self.leading) :]
        self.outside = tape.outside()
        self._mine = {id(owner(memory)) for memory in self._memory.values()}
        del self._tape, self._memory, self._moved

    def _move(self, value: Any) -> Any:
        """An array, or a Tensor, in the program's own memory for one in the tape's; the same one for the same."""
        array = value._data if isinstance(value, Tensor) else value
        block = self._tape.block(array) if isinstance(array, np.ndarray) else None
        if block is None:
            return value
        if id(value) not in self._moved:
            key = block.low, block.high
            if key not in self._memory:
                self._memory[key] = empty((block.high - block.low,), np.uint8)
            place = self._memory[key], array.ctypes.data - block.low
            moved: Any = np.ndarray(array.shape, array.dtype, *place, array.strides)
            self._moved[id(value)] = value, Tensor._of(moved) if isinstance(value, Tensor) else moved
        return self._moved[id(value)][1]

    def _giver(self, tensor: Tensor, position: int | None) -> Callable[[Sequence[Tensor]], Tensor]:
        """What gives, after a replay, the Tensor for one that the step has returned."""
        if position is not None:
            return lambda tensors: tensors[position]
        array = self._move(tensor._data)
        if array is not tensor._data:
            return lambda tensors: Tensor._of(array.copy("K"))
        # Memory from outside: a Tensor that was there before is itself, and a view of one is made anew.
        return (lambda tensors: Tensor._of(array)) if self._tape.has_made(tensor) else (lambda tensors: tensor)

    def holders(self) -> list[Any]:
        """All that holds what it changes: Tensors from outside, leaves, optimizers, schedules, generators."""
        changed = leaves([self.leading, self.computing], Optimizer | _Schedule | Generator)
        changed += [schedule.optimizer for schedule in changed if isinstance(schedule, _Schedule)]
        changed += [node for _, node, _ in self.externals if isinstance(node, Leaf)]
        changed += [leaf.grad for leaf in changed if isinstance(leaf, Leaf) and isinstance(leaf.grad, Tensor)]
        return [*(reference() for reference, _, _ in self.externals), *dict.fromkeys(changed)]

    def holds(self) -> bool:
        """Whether the Tensors that the step met are what they were, and nobody wants to see their gradients."""
        for reference, node, array in self.externals:
            tensor = reference()
            if tensor is None or tensor._data is not array or tensor._node is not node:
                return False
        for leaf in self.leaves:  # noqa: SIM110  # a generator would take longer than the loop
            if leaf.hooks:
                return False
        return True

    def run(self, tensors: Sequence[Tensor]) -> Any:
        """Replay with the contents of `tensors`."""
        for leaf in self.new_leaves:
            leaf.grad = None
        for function, arguments in self.leading:
            function(*arguments)
        for leaf, gradient in self.lent:
            if leaf.grad is gradient:  # the last replay's, whose memory is about to be written to again
                leaf.grad = independent(gradient, self._mine)
        for tensor, buffer in zip(tensors, self.inputs):  # noqa: B905  # their number is known to be the same
            buffer[...] = tensor._data
        self.is_running = True
        try:
            for function, arguments in self.computing:
                function(*arguments)
        finally:
            self.is_running = False
            for leaf, kept, lent in self.read:
                if leaf.grad is kept:  # from now on readers take copies
                    leaf.grad = lent
        return None if self.result is None else _given(self.result, tensors)


def state_of(holder: Any) -> dict[str, Any]:
    """What a Tensor, a leaf, a generator, an optimizer or a schedule holds, by attributes."""
    if isinstance(holder, Optimizer | _Schedule):
        state: dict[str, Any] = holder.__getstate__()  # type: ignore[assignment]
        return state
    name = {Leaf: "grad", Generator: "_numbers"}.get(type(holder), "_data")
    return {name: getattr(holder, name)}


def saved(holder: Any) -> dict[str, Any]:
    """A copy of what `holder` holds, for `put_back`: its own arrays and generators, but the same other objects."""
    state = state_of(holder)
    others = [held for held in leaves(state) if not isinstance(held, np.ndarray | np.random.Generator | Lent)]
    return copy.deepcopy(state, {id(held): held for held in others})


def put_back(holder: Any, state: dict[str, Any]) -> None:
    """Let `holder` hold what it did when it was `saved`, in the same arrays, lists and dicts."""
    for name, value in state.items():
        setattr(holder, name, _restored(getattr(holder, name), value))


def _restored(now: Any, before: Any) -> Any:
    """`now` with the contents of `before`, if it can take them, or else `before`."""
    if isinstance(now, np.ndarray) and isinstance(before, np.ndarray) and now.shape == before.shape:
        np.copyto(now, before)
    elif isinstance(now, np.random.Generator):
        now.bit_generator.state = before.bit_generator.state
    elif isinstance(now, dict) and isinstance(before, dict):
        entries = {key: _restored(now.get(key), value) for key, value in before.items()}
        now.clear()
        dict.update(now, entries)
    elif isinstance(now, list) and isinstance(before, list) and len(now) == len(before):
        now[:] = map(_restored, now, before)
    else:
        if isinstance(before, Product | Lent):
            before.since = next(clock)  # in memory that nobody has written to
        return before
    return now


def bits(value: Any) -> list[Any]:
    """The bits of all that a result, a Tensor, a leaf, a generator, an optimizer or a schedule holds."""
    if isinstance(value, Optimizer | _Schedule):
        value = value.state_dict()
    elif isinstance(value, Generator):
        value = value._numbers.bit_generator.state
    elif isinstance(value, Leaf):
        value = value.grad
    arrays = [leaf._data if isinstance(leaf, Tensor) else leaf for leaf in leaves(value)]
    return [array.tobytes() if isinstance(array, np.ndarray) else repr(array) for array in arrays]


def _given(result: Any, tensors: Sequence[Tensor]) -> Any:
    """The result of a replay; the same Tensor where it stands twice."""
    if type(result) is FunctionType:
        return result(tensors)
    given = {id(giver): giver(tensors) for giver in leaves(result, FunctionType)}
    return mapped(result, lambda leaf: given.get(id(leaf), leaf))


def _computes(function: Function, arguments: tuple[Any, ...]) -> bool:
    """Whether a kernel reads or writes memory."""
    return is_update(function, arguments) or bool(leaves([function, arguments], np.ndarray | Tensor))
