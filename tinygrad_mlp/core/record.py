"""Recording: what a function of tensors leaves in the graph.

A tensor is an array and its place in the graph: a `Leaf`, where gradients are collected, or a `Node`, one recorded
function. Nodes hold arrays and earlier nodes, never tensors, so a graph has no cycles, and its memory is freed with the
last tensor that needs it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from threading import get_ident
from types import CodeType, FunctionType, SimpleNamespace
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
from numpy import ndarray  # a global is found faster than an attribute

from . import guard, mode
from .blas import Array
from .functions import DtypeError, getitem, implementations
from .guard import rewritten
from .lines import calling_line, function_name, others, outside
from .mode import current, observers
from .sheet import Each, Row, is_read, plans, reads, sheet

Function: TypeAlias = Callable[..., Any]


class Leaf:
    """The place of a tensor that no recorded function computed: its gradient is collected here."""

    __slots__ = ("frozen", "grad", "hooks")

    def __init__(self) -> None:
        self.frozen = False  # whether gradients that arrive are dropped, for a tensor whose requires_grad is off
        self.grad: Any = None  # an array or NumPy scalar, a Product, a Lent, or the Tensor that the user has been given
        self.hooks: dict[int, Function] | None = None


class Node:
    """One recorded function: its inputs, options and output as arrays, and for each input where its gradient goes.

    An array that no rule reads is not kept, if it is the output or a larger input that another node computed: a `Form`
    takes its place in `output` or `inputs`.
    """

    __slots__ = (
        "code", "edges", "extras", "function", "inputs", "instruction", "number", "options", "output", "read", "rules",
    )  # fmt: skip

    function: Function
    rules: Row
    # What each rule reads, as `sheet.reads` says; of an Each, what its one rule reads. Empty if no array is read.
    read: list[tuple[bool, ...]]
    inputs: Any  # None, as is output, once a walk has released the node
    options: Mapping[str, Any]
    output: Any
    edges: Any
    code: CodeType  # with the instruction, the line that called; a frame would keep its variables alive
    instruction: int
    number: int
    extras: SimpleNamespace | None

    def __reduce__(self) -> Any:
        raise TypeError("a graph cannot be pickled or copied: pickle the Tensor's .detach()")

    def attached(self) -> SimpleNamespace:
        """What few nodes carry: hooks, a gradient to be kept, checksums of memory that others can write to."""
        if self.extras is None:
            self.extras = SimpleNamespace(hooks=None, retains_grad=False, grad=None, checksums=[])
        return self.extras


class Form(np.lib.mixins.NDArrayOperatorsMixin):
    """The shape and dtype of an array that is not kept. A rule that reads its entries fails."""

    __slots__ = ("dtype", "ndim", "shape")

    def __init__(self, array: Array) -> None:
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim

    def _fail(self, *asked: Any) -> Any:
        """Raise the error for any use of entries."""
        raise TypeError(
            "a rule reads an array whose name begins with an underscore, as of one not read: name it x, not _x"
        )

    __array_ufunc__ = __array_function__ = __array__ = __bool__ = __len__ = __iter__ = __getitem__ = _fail


_NOT_KEPT = object.__new__(Form)  # for an output that no rule reads. It has no shape: `g` has the same one


class Variable:
    """What the core knows of a tensor: its array, and its place: a Leaf, a Node, or None if it needs no gradient."""

    __slots__ = ("__weakref__", "_data", "_node", "_source")

    _data: Array
    _node: Leaf | Node | None
    # Of a view: the tensor that it was taken of, that one's place then, the function and its options; later what
    # `tensors.views` makes of these. Else not set.
    _source: Any

    @classmethod
    def _of(cls, array: Array, node: Leaf | Node | None = None) -> Self:
        """A tensor around `array` itself, without the copy and the checks that the constructor makes."""
        made = cls.__new__(cls)
        made._data = array
        made._node = node
        return made


_new = object.__new__
# What the files of `tensors/` put here, each in place of a stand-in.
tensor_class: Any = Variable  # the class of results
held: Function = np.asarray  # a user's operand as an array; `tensors.foreign` refuses some
promoted: Any = None  # operands of different dtypes as those that the result is computed of
as_floats: Any = None  # integer operands as floats, if that is how a floating result comes to its dtype
renew: Any = None  # gives a view its new place after a recorded write to the tensor that it was taken of

HELD = frozenset(map(np.dtype, "?bhilqBHILQfd"))  # the dtypes of tensors: bool, the integers, float32 and float64


class _Plan(NamedTuple):
    """How a function is recorded. It is kept as a plain tuple, which Python unpacks faster."""

    rules: Row
    computing: Function  # what computes on arrays
    read: list[tuple[bool, ...]]  # as of a Node
    reads_output: bool  # whether a rule does
    unread: Sequence[int]  # the positions of inputs that no rule reads, perhaps of more inputs than there are
    alone: list[bool]  # for each of two rules, whether it reads the other input alone
    is_view: bool  # whether the result may be a view of the first input
    is_floating: bool  # whether floats may be computed of integers


_OWN = frozenset(sheet)  # the rows that no user has added


def _planned(function: Function) -> Any:
    """The plan for a function of the sheet, or for one that carries its row. It is kept for later calls."""
    rules: Row | None = sheet.get(function, getattr(function, "row", None))
    if (plan := getattr(function, "plan", None)) and plan[0] is rules:
        return plan
    if rules is None:
        raise TypeError(
            f"{function_name(function)} has no derivative here: give it one with "
            f"tinygrad_mlp.add_row({function_name(function)}, rule), or apply it to .detach().numpy()"
        ) from None
    computing: Function = implementations.get(function, function)
    if isinstance(computing, FunctionType):  # one that `functions.dispatched` made, rather than NumPy
        computing = getattr(computing, "__wrapped__", computing)
    read = [reads(rule) if rule else () for rule in ([rules.rule] if isinstance(rules, Each) else rules)]
    unread: Sequence[int] = [i for i in range(len(read)) if not is_read(i + 1, read)]
    if unread and isinstance(rules, Each):
        unread = range(sys.maxsize)  # the positions of all inputs, however many there are
    reads_output = is_read(0, read)
    alone = [False, False]
    if len(read) == 2:
        alone = [not (is_read(0, [flags]) or is_read(own + 1, [flags])) for own, flags in enumerate(read)]
    if not reads_output and len(unread) >= len(read):
        read = []
    is_floating = function not in _OWN
    if isinstance(function, np.ufunc):  # whether none of its loops, as "ll->l", returns integers or booleans
        is_floating = not any(types[-1] in "?bhilqBHILQ" for types in function.types)
    plan = tuple(_Plan(rules, computing, read, reads_output, unread, alone, function in VIEWS, is_floating))
    if function in sheet:
        plans[function] = plan
    else:
        function.plan = plan  # type: ignore[attr-defined]  # not here, so that it dies with the function
    return plan


def _unshared(option: Any, copy: Function) -> Any:
    """An option, such as an index, that nobody can change: with copies of the arrays and lists in it."""
    if isinstance(option, tuple | list):
        return type(option)(_unshared(entry, copy) for entry in option)
    return copy(option) if isinstance(option, ndarray) else option


VIEWS = {np.reshape, np.transpose, np.broadcast_to, np.diagonal, getitem}  # and `einsum`: they may give views
_NO_OPTIONS: dict[str, Any] = {}
_UNCHANGING = frozenset((bool, int, type(None)))
_WEAK = frozenset((float, int, bool, type(None)))  # numbers without a dtype of their own, and absent operands
_BOOL = np.dtype(np.bool)
_SMALL = 256  # entries: to let go of no more costs more time than the memory is worth


def record(function: Function, inputs: Sequence[Any], options: Mapping[str, Any] = _NO_OPTIONS) -> Any:
    """Compute ``function(*inputs, **options)`` as a tensor, and record it if an input needs a gradient.

    Raises:
        TypeError: the sheet of derivatives has no row for `function`.
        ValueError: the shapes do not fit.
        DtypeError: the dtypes of an input and of a weight differ.
    """
    # In one piece, because every operator comes this way, and each call of a helper would be felt.
    try:
        rules, computing, read, reads_output, unread, alone, is_view, is_floating = plans[function]
    except KeyError:
        rules, computing, read, reads_output, unread, alone, is_view, is_floating = _planned(function)
    if rewritten:
        renew(inputs)
    arrays: list[Any] = []
    edges: list[Leaf | Node | None] = []
    recorded = foreign = weak = mixed = False
    first: Any = None  # the array of the first tensor, which need not be one of booleans: these take any other dtype
    for operand in inputs:
        kind = type(operand)
        if kind is tensor_class or isinstance(operand, Variable):
            arrays.append(array := operand._data)
            if first is None:
                first = array
            elif array.dtype is not first.dtype:
                if first.dtype is _BOOL:
                    first = array
                elif array.dtype is not _BOOL:
                    mixed = True
            edge = operand._node
            edges.append(edge)
            if edge is not None:
                recorded = True
        elif kind in _WEAK:
            arrays.append(operand)
            edges.append(None)
            weak = True
        else:
            if kind is not ndarray or operand.dtype not in HELD:
                array = held(operand)
                # NumPy's scalars become Python's, which do not widen the other operand's dtype.
                operand = array.item() if isinstance(operand, np.generic) else array
            arrays.append(operand)
            edges.append(None)
            if type(operand) is ndarray:
                foreign = True
            else:
                weak = True
    if mixed and not foreign and (operands := promoted(function, inputs)) is not None:
        return record(function, operands, options)
    observing = observers.get(get_ident()) if observers else None
    try:
        if observing is not None:
            output = observing.compute(computing, arrays, inputs, options)
        else:
            output = computing(*arrays, **options) if options else computing(*arrays)
    except (ValueError, DtypeError) as error:
        shapes = " and ".join(str(np.shape(array)) for array in arrays if array is not None)
        message = f"{function_name(function)} at {calling_line(sys._getframe(2))} of shapes {shapes}: {error}"
        raise (DtypeError if isinstance(error, DtypeError) else ValueError)(message) from None
    if type(output) is not ndarray:
        output = np.asarray(output)
    watcher = mode.watcher
    result = _new(tensor_class)  # `Variable._of`, without the call
    result._data = output
    if recorded and rules and current()[0]:
        if foreign or (options and not _UNCHANGING.issuperset(map(type, options.values()))):
            copy = np.copy if observing is None else observing.copied
            arrays = [  # with copies of the user's own, which may change
                copy(array) if type(array) is ndarray and not isinstance(operand, Variable) else array
                for array, operand in zip(arrays, inputs, strict=True)
            ]
            options = {name: _unshared(value, copy) for name, value in options.items()}
        if watcher is None:  # else all inputs are kept, for the watcher to show
            try:
                for position in unread:
                    if type(edges[position]) is Node and arrays[position].size > _SMALL:
                        arrays[position] = Form(arrays[position])
            except IndexError:  # `unread` may have positions of more inputs than there are; to ask first takes longer
                pass
        # The caller (frame 1) is in this package. To start at frame 2 saves Python making an object of frame 1.
        frame = sys._getframe(2)
        if frame.f_code.co_filename not in others:
            frame = outside(frame)
        node = _new(Node)  # and filled in here, without a call
        node.function = function
        node.rules = rules
        node.read = [] if weak and alone[edges[0] is None] else read  # a number is no array
        node.inputs = arrays
        node.options = options
        node.output = output if reads_output else _NOT_KEPT
        node.edges = edges
        node.code = frame.f_code
        node.instruction = frame.f_lasti
        node.number = next(guard.clock)
        node.extras = None
        result._node = node
        if guard.shared:
            guard.note_contents(node)
    elif (
        (is_floating or weak)
        and rules
        and first is not None
        and output.dtype is not first.dtype
        and (floats := as_floats(function, inputs, output.dtype))
    ):
        return record(function, floats, options)  # all operands are integers, as in 1 / 2
    else:
        result._node = None
    # NumPy gives some copies a base, too: as views, they would keep the tensor that they are copied from alive.
    if (
        is_view
        and (base := output.base) is not None
        and isinstance(source := inputs[0], Variable)
        and (base is source._data or base is source._data.base)
    ):
        result._source = (source, edges[0], function, options)
    if observing is not None:
        observing.made(result)
    if watcher is not None:
        watcher.computed(function, arrays, output, result._node)
    return result
