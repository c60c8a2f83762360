"""Recording: what a function of tensors leaves in the graph.

A tensor is an array and its place in the graph: a `Leaf`, where gradients are collected, or a `Node`, one recorded
function. Nodes hold arrays and earlier nodes, never tensors, so a graph has no cycles, and its memory is freed with the
last tensor that needs it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from threading import get_ident
from types import FrameType, FunctionType
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import guard, mode
from .functions import implementations
from .lines import calling_line, function_name, outside
from .mode import state
from .sheet import Row, sheet, unread_by
from .tape import observers

__all__ = ["Leaf", "Node", "Variable", "array_of", "record"]

Array = NDArray[Any]
_ndarray = np.ndarray  # needed at each function recorded, and a global is found faster than an attribute
Function: TypeAlias = Callable[..., Any]
Hook: TypeAlias = Callable[[Any], Any]


class Leaf:
    """Where the gradient of a tensor that no recorded function computed is collected."""

    __slots__ = ("grad", "hooks")

    def __init__(self) -> None:
        self.grad: Any = None  # an array or NumPy scalar, a Product, a Lent, or the Tensor that the user has been given
        self.hooks: dict[int, Hook] | None = None


class Node:
    """One recorded function: its inputs, options and output as arrays, and for each input where its gradient goes.

    What no rule reads is not kept: `output` is None then, and in place of an input stands the node that computed it,
    which knows its shape and dtype.
    """

    __slots__ = (
        "code", "dtype", "edges", "extras", "function", "inputs", "instruction", "number", "options", "output", "rules",
        "shape",
    )  # fmt: skip

    def __init__(
        self,
        function: Function,
        rules: Row,
        inputs: Sequence[Any],
        options: Mapping[str, Any],
        output: Array | None,
        edges: Sequence[Leaf | Node | None],
        like: Array,
        frame: FrameType,
    ) -> None:
        self.function = function
        self.rules = rules
        self.inputs: Any = inputs
        self.options = options
        self.output: Any = output
        self.edges: Any = edges
        self.shape = like.shape
        self.dtype = like.dtype
        self.code = frame.f_code  # with the instruction, the line that called; a frame would keep its variables alive
        self.instruction = frame.f_lasti
        self.number = next(guard.clock)
        self.extras: Extras | None = None

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __reduce__(self) -> Any:
        raise TypeError("a graph cannot be pickled or copied: pickle the Tensor's .detach()")

    def attached(self) -> Extras:
        """The extras, made when first asked for."""
        if self.extras is None:
            self.extras = Extras()
        return self.extras


class Extras:
    """What few nodes carry: hooks, a gradient to be kept, checksums of memory that others can write to."""

    __slots__ = ("checksums", "grad", "hooks", "retains_grad")

    def __init__(self) -> None:
        self.hooks: dict[int, Hook] | None = None
        self.retains_grad = False
        self.grad: Any = None
        self.checksums: list[tuple[Array, int]] = []


class Variable:
    """What the core knows of a tensor: its array, and its place: a Leaf, a Node, or None if it needs no gradient."""

    __slots__ = ("__weakref__", "_data", "_node")

    _data: Array
    _node: Leaf | Node | None

    @classmethod
    def _of(cls, array: Array, node: Leaf | Node | None = None) -> Self:
        """A tensor around `array` itself: this makes every tensor that the framework makes."""
        made = _new(cls)
        made._data = array
        made._node = node
        return made


_new = object.__new__
tensor_class: Any = Variable  # of results; `tensors.tensor` puts Tensor here


def array_of(value: Any) -> Any:
    """The array of a tensor, or what NumPy makes of anything else."""
    return value._data if isinstance(value, Variable) else np.asarray(value)


class _Plan(NamedTuple):
    """How a function is recorded: its row, what computes it on arrays, and what no rule of the row reads."""

    rules: Row
    computing: Function
    reads_output: bool
    unread: Sequence[int]  # positions of inputs, perhaps of more than there are


_plans: dict[Function, _Plan] = {}


def _planned(function: Function) -> _Plan:
    if function not in sheet:
        raise TypeError(
            f"{function_name(function)} has no derivative here: give it one with "
            f"tinygrad_mlp.add_row({function_name(function)}, rule), or apply it to .detach().numpy()"
        )
    rules = sheet[function]
    computing: Function = implementations.get(function, function)
    if isinstance(computing, FunctionType):  # one that `functions.dispatched` made, rather than NumPy
        computing = getattr(computing, "__wrapped__", computing)
    reads_output, unread = unread_by(rules)
    plan = _plans[function] = _Plan(rules, computing, reads_output, unread)
    return plan


def _plain(operand: Any) -> Any:
    """An array for an operand that is neither a tensor nor a Python number.

    NumPy's scalars become Python's, so that they do not widen the other operand's dtype.
    """
    return operand.item() if isinstance(operand, np.generic) else np.asarray(operand)


def _own(option: Any, copied: Function) -> Any:
    """An option, such as an index, that nobody can change: with copies of the arrays and lists in it."""
    if isinstance(option, tuple | list):
        return type(option)(_own(entry, copied) for entry in option)
    return copied(option) if isinstance(option, np.ndarray) else option


_NO_OPTIONS: dict[str, Any] = {}
_UNCHANGING = frozenset((bool, int, type(None)))
_WEAK = frozenset((float, int, bool, type(None)))  # numbers without a dtype of their own, and absent operands


def record(function: Function, inputs: Sequence[Any], options: Mapping[str, Any] = _NO_OPTIONS) -> Any:
    """Compute ``function(*inputs, **options)`` as a tensor, and record it if an input needs a gradient.

    Raises:
        TypeError: the sheet of derivatives has no row for `function`.
        ValueError: the shapes do not fit.
    """
    plan = _plans.get(function)
    if plan is None or plan[0] is not sheet.get(function):
        plan = _planned(function)
    rules, computing, reads_output, unread = plan
    arrays: list[Any] = []
    edges: list[Leaf | Node | None] = []
    recorded = foreign = False
    for operand in inputs:
        if isinstance(operand, Variable):
            arrays.append(operand._data)
            node = operand._node
            edges.append(node)
            if node is not None:
                recorded = True
        elif type(operand) in _WEAK:
            arrays.append(operand)
            edges.append(None)
        else:
            operand = _plain(operand)
            arrays.append(operand)
            edges.append(None)
            if type(operand) is _ndarray:
                foreign = True
    tape = observers.get(get_ident()) if observers else None
    try:
        if tape is not None:
            output = tape.compute(computing, arrays, inputs, options)
        else:
            output = computing(*arrays, **options) if options else computing(*arrays)
    except ValueError as error:
        shapes = " and ".join(str(np.shape(array)) for array in arrays if array is not None)
        line = calling_line(sys._getframe(2))
        raise ValueError(f"{function_name(function)} at {line} of shapes {shapes}: {error}") from None
    if type(output) is not _ndarray:
        output = np.asarray(output)
    result = _new(tensor_class)  # `Variable._of`, without the call
    result._data = output
    if recorded and rules and state.enabled:
        if foreign or (options and not _UNCHANGING.issuperset(map(type, options.values()))):
            copied = np.copy if tape is None else tape.copied
            arrays = [  # those of the user's own may change
                copied(array) if type(array) is _ndarray and not isinstance(operand, Variable) else array
                for array, operand in zip(arrays, inputs, strict=True)
            ]
            options = {name: _own(value, copied) for name, value in options.items()}
        kept: Any = output
        if mode.watcher is None:  # who is shown all numbers
            kept = output if reads_output else None
            for position in unread[: len(edges)]:
                if type(edges[position]) is Node:
                    arrays[position] = edges[position]
        # Frame 1 is one of this package: not to touch it saves making an object of it.
        frame = outside(sys._getframe(2))
        result._node = node = Node(function, rules, arrays, options, kept, edges, output, frame)
        if guard.shared:
            guard.note_contents(node)
    else:
        result._node = None
    if tape is not None:
        tape.made(result)
    if mode.watcher is not None:
        mode.watcher.computed(function, arrays, output, result._node)
    return result
