"""The graph: how functions of tensors are recorded, and the walk that carries gradients back through the record.

A tensor is an array and its place in the graph: a `Leaf`, where gradients are collected, or a `Node`, one recorded
function. Nodes hold arrays and earlier nodes, never tensors, so a graph has no cycles and dies by reference count with
the last tensor that needs it. The walk does, once for all rules of the sheet, what rules tend to get wrong: order,
accumulation, summing to the input's shape, dtype, and leaving out what needs no gradient.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import itertools
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from pathlib import Path
from threading import get_ident
from types import CodeType, FrameType, FunctionType, TracebackType
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import functions as f
from ..blas import Product, Target
from ..derivatives import Each, Row, Rule, sheet
from . import memory
from .tape import Lent, effect, observer, observers

__all__ = [
    "DtypeError", "GraphError", "Leaf", "Lent", "Node", "Variable", "accumulate", "array_of", "calling_line",
    "configuration", "described", "effect", "enable_grad", "function_name", "gradient_of", "is_grad_enabled", "no_grad",
    "observer", "observers", "outside", "record", "set_grad_enabled", "state", "walk", "warn",
]  # fmt: skip

Array = NDArray[Any]
_ndarray = np.ndarray  # needed at each function recorded, and a global is found faster than an attribute
Function: TypeAlias = Callable[..., Any]
Hook: TypeAlias = Callable[[Any], Any]
Decorated = TypeVar("Decorated", bound=Function)


class GraphError(RuntimeError, ValueError):
    """What cannot be asked of a graph: a RuntimeError as in PyTorch, and a ValueError as all that is given wrongly."""


class DtypeError(RuntimeError, TypeError):
    """A dtype without a derivative: a RuntimeError as in PyTorch, and a TypeError."""


class Leaf:
    """Where the gradient of a tensor that no recorded function computed is collected."""

    __slots__ = ("grad", "hooks")

    def __init__(self) -> None:
        self.grad: Any = None  # an array or NumPy scalar, a Product, a Lent, or the Tensor that the user has been given
        self.hooks: dict[int, Hook] | None = None


class Node:
    """One recorded function: its inputs, options and output as arrays, and per input where its gradient goes."""

    __slots__ = ("code", "edges", "extras", "function", "inputs", "instruction", "number", "options", "output", "rules")

    def __init__(
        self,
        function: Function,
        rules: Row,
        inputs: Sequence[Any],
        options: Mapping[str, Any],
        output: Array,
        edges: Sequence[Leaf | Node | None],
        frame: FrameType,
    ) -> None:
        self.function = function
        self.rules = rules
        self.inputs: Any = inputs
        self.options = options
        self.output: Any = output
        self.edges: Any = edges
        self.code = frame.f_code  # with the instruction, the line that called; a frame would keep its variables alive
        self.instruction = frame.f_lasti
        self.number = next(memory.clock)
        self.extras: Extras | None = None

    def __reduce__(self) -> Any:
        raise TypeError("a graph cannot be pickled or copied: pickle the Tensor's .detach()")

    def attached(self) -> Extras:
        """The extras, made when first asked for."""
        if self.extras is None:
            self.extras = Extras()
        return self.extras


class Extras:
    """What few nodes carry: hooks, a gradient to be kept, fingerprints of memory that others can write to."""

    __slots__ = ("fingerprints", "grad", "hooks", "retains_grad")

    def __init__(self) -> None:
        self.hooks: dict[int, Hook] | None = None
        self.retains_grad = False
        self.grad: Any = None
        self.fingerprints: list[tuple[Array, int]] = []


class Variable:
    """What the graph knows of a tensor: its array, and its place: a Leaf, a Node, or None if it needs no gradient."""

    __slots__ = ("__weakref__", "_data", "_node")

    _data: Array
    _node: Leaf | Node | None


def array_of(value: Any) -> Any:
    """The array of a tensor, or what NumPy makes of anything else."""
    return value._data if isinstance(value, Variable) else np.asarray(value)


# --- whether to record ------------------------------------------------------------------------------------------------


class _State(threading.local):
    enabled = True


class _Configuration:
    """Counts the changes to modules, such as eval(), after which a step may compute something else."""

    changes = 0


state = _State()
configuration = _Configuration()
watcher: Any = None  # what is shown every output and every gradient, while `detect_anomaly` is on


def is_grad_enabled() -> bool:
    """Whether functions of tensors are being recorded in this thread."""
    return state.enabled


class _Mode(contextlib.ContextDecorator):
    """A block or a decorated function in which the mode is another; of a generator, the body, but not its caller."""

    _recreate_cm: Callable[[], Any]

    def __call__(self, function: Decorated) -> Decorated:
        if not inspect.isgeneratorfunction(function):
            return super().__call__(function)

        @functools.wraps(function)
        def generate(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            resume = functools.partial(next, generator)
            try:
                while True:
                    with self._recreate_cm():
                        value = resume()
                    try:
                        resume = functools.partial(generator.send, (yield value))
                    except GeneratorExit:
                        with self._recreate_cm():
                            generator.close()
                        raise
                    except BaseException as error:  # thrown into this generator, and meant for that one
                        resume = functools.partial(generator.throw, error)
            except StopIteration as stop:
                return stop.value

        return generate  # type: ignore[return-value]


class set_grad_enabled(_Mode):
    """Switch recording on or off in this thread: at once, and until the end of the block where used with ``with``."""

    def __init__(self, mode: bool) -> None:
        self._mode = bool(mode)
        self._before = state.enabled
        state.enabled = self._mode

    def __call__(self, function: Decorated) -> Decorated:
        self.__exit__(None, None, None)
        return super().__call__(function)

    def _recreate_cm(self) -> set_grad_enabled:
        return set_grad_enabled(self._mode)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        state.enabled = self._before


class _Switched(_Mode):
    """Recording on or off for a block or a decorated function; blocks nest, and one object may be entered again."""

    _enabled: bool

    def __new__(cls, function: Any = None, /) -> Any:
        """A block, or, of a function, what ``@no_grad`` without parentheses makes of it."""
        if function is None:
            return super().__new__(cls)
        if not callable(function):
            raise TypeError(
                f"{cls.__name__} takes no {function!r}: write `with {cls.__name__}():` or `@{cls.__name__}`"
            )
        return cls()(function)

    def __init__(self) -> None:
        self._before: list[bool] = []

    def _recreate_cm(self) -> _Switched:
        return type(self)()  # each call of a decorated function has its own: several threads may be in it at once

    def __enter__(self) -> None:
        self._before.append(state.enabled)
        state.enabled = self._enabled

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        state.enabled = self._before.pop()


class no_grad(_Switched):
    """Do not record: ``with no_grad():`` or ``@no_grad``. Results need no gradient and keep nothing alive."""

    _enabled = False


class enable_grad(_Switched):
    """Record again inside a `no_grad` block."""

    _enabled = True


# --- recording --------------------------------------------------------------------------------------------------------

_NO_OPTIONS: dict[str, Any] = {}
_computing: dict[Function, Function] = {}  # what computes each recorded function on arrays


def function_name(function: Function) -> str:
    """The name by which messages and derivations call a recorded function."""
    return str(getattr(function, "__name__", function))


class _Inside(dict[str, bool]):
    """Whether a file belongs to this package, by its name."""

    def __missing__(self, file: str) -> bool:
        return self.setdefault(file, file.startswith(_PACKAGE))


_PACKAGE = os.path.join(Path(__file__).parent.parent, "")
_inside = _Inside()


def outside(frame: FrameType) -> FrameType:
    """`frame`, or the innermost one outside this package that led to it."""
    while _inside[frame.f_code.co_filename] and (outer := frame.f_back) is not None:
        frame = outer
    return frame


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn of something in the line that called into this package."""
    frame = outside(sys._getframe())
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    warnings.warn_explicit(message, category, frame.f_code.co_filename, frame.f_lineno, registry=registry)


def line_of(code: CodeType, instruction: int) -> str:
    """File and line of an instruction, for a message."""
    lines = (line for start, end, line in code.co_lines() if start <= instruction < end)
    return f"{Path(code.co_filename).name}:{next(lines, code.co_firstlineno)}"


def calling_line(frame: FrameType) -> str:
    """File and line of the call into this package that led to `frame`, for a message."""
    frame = outside(frame)
    return line_of(frame.f_code, frame.f_lasti)


def described(node: Node) -> str:
    """The function that `node` recorded and the line that called it, for a message."""
    return f"{function_name(node.function)} at {line_of(node.code, node.instruction)}"


def _looked_up(function: Function) -> tuple[Row, Function]:
    """The row of `function`, and what computes it on arrays."""
    if function not in sheet:
        raise TypeError(
            f"{function_name(function)} has no derivative here: give it one with "
            f"tinygrad_mlp.add_row({function_name(function)}, rule), or apply it to .detach().numpy()"
        ) from None
    computing: Function = f.implementations.get(function, function)
    if isinstance(computing, FunctionType):  # one that `functions.dispatched` made, rather than NumPy
        computing = getattr(computing, "__wrapped__", computing)
    _computing[function] = computing
    return sheet[function], computing


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


_new = object.__new__  # as `kind.__new__` is, for Tensors are not made with arguments here
_UNCHANGING = frozenset((bool, int, type(None)))
_WEAK = frozenset((float, int, bool, type(None)))  # numbers without a dtype of their own, and absent operands


def record(kind: Any, function: Function, inputs: Sequence[Any], options: Mapping[str, Any] = _NO_OPTIONS) -> Any:
    """Compute ``function(*inputs, **options)`` as a tensor of class `kind`, and record it if an input needs a gradient.

    Raises:
        TypeError: the sheet of derivatives has no row for `function`.
        ValueError: the shapes do not fit.
    """
    try:
        rules, computing = sheet[function], _computing[function]
    except KeyError:
        rules, computing = _looked_up(function)
    arrays = []
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
    result = _new(kind)
    result._data = output
    if recorded and rules and state.enabled:
        if foreign or (options and not _UNCHANGING.issuperset(map(type, options.values()))):
            copied = np.copy if tape is None else tape.copied
            arrays = [  # those of the user's own may change
                copied(array) if type(array) is _ndarray and not isinstance(operand, Variable) else array
                for array, operand in zip(arrays, inputs, strict=True)
            ]
            options = {name: _own(value, copied) for name, value in options.items()}
        # Frame 1 is one of this package: not to touch it saves making an object of it.
        result._node = node = Node(function, rules, arrays, options, output, edges, outside(sys._getframe(2)))
        if memory.shared:
            _fingerprint_inputs(node)
    else:
        result._node = None
    if tape is not None:
        tape.made(result)
    if watcher is not None:
        watcher.computed(function, arrays, output, result._node)
    return result


def _fingerprint_inputs(node: Node) -> None:
    """Remember the contents of the inputs that rules will read and that somebody else can write to."""
    read = _positions_read(node)
    for position, array in enumerate(node.inputs):
        if position in read and type(array) is _ndarray and array.size and memory.is_shared(array):
            node.attached().fingerprints.append((array, memory.fingerprint(array)))


def _positions_read(node: Node) -> set[int]:
    """The positions of the inputs whose entries some rule in use reads; −1 stands for the output."""
    everything = set(range(-1, len(node.inputs)))
    if isinstance(node.rules, Each):
        return everything if node.rules.reads_entries else set()
    found: set[int] = set()
    for rule, edge in zip(node.rules, node.edges, strict=False):
        if edge is not None and rule is not None:
            read = _positions_read_by(rule)
            found |= everything if read is None else read
    return found


@functools.cache
def _positions_read_by(rule: Rule) -> frozenset[int] | None:
    """The positions of the inputs of which `rule` reads more than the shape; None where that cannot be seen."""
    import dis

    code = rule.__code__ if isinstance(rule, FunctionType) else None
    if code is None or code.co_cellvars or code.co_flags & inspect.CO_VARARGS:
        return None
    names = code.co_varnames[: code.co_argcount]
    instructions = list(dis.get_instructions(code))
    found: set[int] = set()
    for this, following in itertools.pairwise(instructions):
        if "FAST" in this.opname:
            # One instruction may load two variables; it is the last whose attribute the next one asks for.
            loaded = list(this.argval) if isinstance(this.argval, tuple) else [this.argval]
            if following.opname == "LOAD_ATTR" and following.argval in ("shape", "dtype", "ndim"):
                loaded.pop()
            found.update(names.index(name) - 2 for name in loaded if name in names[1:])
    return frozenset(found)


# --- walking ----------------------------------------------------------------------------------------------------------


def _unbroadcast(gradient: Any, shape: tuple[int, ...], node: Node) -> Any:
    """The adjoint of broadcasting: `gradient` summed over the axes along which an input of `shape` was repeated."""
    given = gradient.shape
    extra = len(given) - len(shape)
    if given == (1,) * extra + shape:
        return gradient.reshape(shape)
    axes: tuple[int, ...] = tuple(range(extra))
    if given[extra:] != shape:
        if extra < 0 or any(n not in (1, m) for n, m in zip(shape, given[extra:], strict=True)):
            raise RuntimeError(
                f"the rule for {function_name(node.function)} returned a gradient of shape {given} for an "
                f"input of shape {shape}: a rule must return the input's shape, or one that the input broadcasts to"
            )
        axes += tuple(extra + i for i, n in enumerate(shape) if n == 1 and given[extra + i] != 1)
    gradient = np.add.reduce(gradient, axis=axes)
    return gradient.reshape(shape)


def _useful(roots: Iterable[Leaf | Node], wanted: set[Leaf | Node]) -> set[Leaf | Node]:
    """The nodes through which a gradient can reach one of `wanted`."""
    reachable: set[Node] = set()
    waiting = [node for node in roots if isinstance(node, Node)]
    while waiting:
        node = waiting.pop()
        if node not in reachable:
            reachable.add(node)
            waiting.extend(edge for edge in node.edges or () if isinstance(edge, Node))
    useful = set(wanted)
    for node in sorted(reachable, key=lambda node: node.number):
        if any(edge in useful for edge in node.edges or ()):
            useful.add(node)
    return useful


def _check(node: Node) -> None:
    """Raise if an array that the rules of `node` are about to read has changed since it was recorded."""
    read = _positions_read(node)
    for position, array in enumerate((node.output, *node.inputs), -1):
        if position in read and type(array) is _ndarray and not memory.unchanged(array, node.number):
            _raise_changed(node, array)


def _check_fingerprints(node: Node, extras: Extras) -> None:
    for array, contents in extras.fingerprints:
        if memory.fingerprint(array) != contents:
            _raise_changed(node, array)


def _raise_changed(node: Node, array: Array) -> None:
    what = "its output" if array is node.output else f"its input of shape {array.shape}"
    raise RuntimeError(
        f"{described(node)} needs {what} for the gradient, but that array was changed after it was computed (by an "
        "optimizer's step, an in-place method, or a write to a NumPy array that shares its memory): call backward() "
        "before changing it, or change a .clone()"
    )


def _secured(product: Product, inputs: Sequence[Any], edges: Sequence[Leaf | Node | None]) -> Product:
    """`product` with a right factor that only a stamped write can change before somebody reads the gradient.

    An optimizer changes a leaf's array, and perhaps a view; anybody changes shared memory; so these are copied. The
    left factor is the walk's own.
    """
    right = product.right
    kept = False
    for array, edge in zip(inputs, edges):  # noqa: B905  # as in the walk
        if array is right:
            kept = edge is None or (type(edge) is Node and right.base is None)
            break
    if not kept or memory.may_change(right):
        product = Product(product.left, right.copy(order="K"))
    product.since = next(memory.clock)
    return product


def walk(
    seeds: Sequence[tuple[Leaf | Node, Any]],
    *,
    retain_graph: bool = False,
    kind: Any = None,
    wanted: set[Leaf | Node] | None = None,
) -> dict[Leaf | Node, Any]:
    """Carry the gradients of `seeds` back through the graph, and return those that arrive.

    Nodes are visited by descending number. A node's inputs have smaller numbers than the node, so by the time a node
    is visited every gradient it will ever get has been added up; there is nothing to sort and nothing to recurse into.

    Args:
        seeds: nodes with the gradients to start from.
        retain_graph: keep what a second walk needs; otherwise each node is released as soon as it has been visited.
        kind: the class of tensors to hand to the rules, so that the walk itself is recorded; None for plain arrays.
        wanted: the nodes to find gradients for, leaving out all else; None for all leaves.

    Returns:
        The gradient of each leaf, or of each wanted node. Arrays among them share their memory with nothing.

    Raises:
        RuntimeError: the graph was released by an earlier walk, an array changed since it was recorded, or a rule
            returned a gradient of the wrong shape.
    """
    if kind is not None and not state.enabled:
        with enable_grad():
            return walk(seeds, retain_graph=retain_graph, kind=kind, wanted=wanted)
    useful = None if wanted is None else _useful([node for node, _ in seeds], wanted)
    tape = observers.get(get_ident()) if observers and kind is None else None
    wrap: Any = None  # what makes of a node's array what the rules are to be given
    if kind is not None:
        wrap = functools.partial(_wrapped, kind)
    elif tape is not None:
        wrap, seeds = tape.slot, [(node, tape.slot(gradient)) for node, gradient in seeds]
    arrived: dict[Leaf | Node, Any] = {}
    pending: dict[Node, Any] = {}
    frontier: list[tuple[int, Node]] = []
    for seed, gradient in seeds:
        if isinstance(seed, Leaf):
            arrived[seed] = arrived[seed] + gradient if seed in arrived else f.clone(gradient)
        elif seed in pending:
            pending[seed] = pending[seed] + gradient
        else:
            pending[seed] = gradient
            heappush(frontier, (-seed.number, seed))
    latest = memory.events.latest
    following: Node | None = None  # the next node of a chain, which needs no frontier, and its gradient
    upstream: Any = None
    while frontier or following is not None:
        if following is None:
            node = heappop(frontier)[1]
            g = pending.pop(node)
        else:
            node, g, following = following, upstream, None
        inputs, y, edges = node.inputs, node.output, node.edges
        if edges is None:
            raise GraphError(
                f"the graph behind {described(node)} was released by an earlier backward(): "
                "pass retain_graph=True to the first one, or compute the loss again"
            )
        if node.number < latest:
            _check(node)
        extras = node.extras
        if extras is not None:
            _check_fingerprints(node, extras)
            for hook in tuple((extras.hooks or {}).values()):
                g = hook(g)
            if extras.retains_grad:
                extras.grad = f.clone(g) if extras.grad is None else extras.grad + g
        if wanted is not None and node in wanted:
            arrived[node] = f.clone(g)
        arrays = inputs
        if tape is not None:
            tape.visit(node)
        if wrap is not None:
            y = wrap(y, node)
            inputs = [wrap(array, edge) for array, edge in zip(inputs, edges, strict=True)]
        options = node.options
        rules = node.rules if tape is None else map(tape.rule, node.rules)
        for rule, edge, array in zip(rules, edges, arrays):  # noqa: B905  # strict=False would cost every node
            if edge is None or rule is None or (useful is not None and edge not in useful):
                continue
            gradient = rule(g, y, *inputs, **options) if options else rule(g, y, *inputs)
            if watcher is not None:
                watcher.carried(node, array, g, gradient)
            if type(gradient) is Product:
                if type(edge) is Leaf and edge not in arrived and gradient.left.dtype == array.dtype:
                    arrived[edge] = _secured(gradient, inputs, edges)
                    continue
                gradient = gradient.dense()
            shape = array.shape
            if gradient.shape != shape:
                gradient = _unbroadcast(gradient, shape, node)
            if gradient.dtype is not array.dtype and gradient.dtype != array.dtype:
                gradient = f.astype(gradient, array.dtype)
            if type(edge) is Leaf:
                if edge in arrived:
                    arrived[edge] = _sum(arrived[edge], gradient)
                else:
                    # Being linear in g, a gradient is either new, or g itself, or a view.
                    if type(gradient) is not _ndarray and tape is None:
                        gradient = f.clone(gradient)
                    elif gradient is g or gradient.base is not None:
                        gradient = gradient.copy()
                    arrived[edge] = gradient
            elif edge is following:
                upstream = upstream + gradient
            elif edge in pending:
                pending[edge] = pending[edge] + gradient
            elif following is None and not frontier:
                following, upstream = edge, gradient
            else:
                pending[edge] = gradient
                heappush(frontier, (-edge.number, edge))
        if following is not None and frontier:
            pending[following] = upstream
            heappush(frontier, (-following.number, following))
            following = None
        if not retain_graph:
            node.inputs = node.output = node.edges = None  # a second walk will notice
    if tape is not None:
        arrived = tape.arrived(arrived)
    for place, gradient in arrived.items():
        if type(place) is Leaf and place.hooks:
            for hook in tuple(place.hooks.values()):
                gradient = hook(gradient)
            arrived[place] = gradient
    return arrived


def _wrapped(kind: Any, data: Any, node: Leaf | Node | None) -> Any:
    """The tensor that `node` recorded, made again: the graph holds none. What needs no gradient stays an array."""
    if node is None:
        return data
    tensor = kind.__new__(kind)
    tensor._data = data
    tensor._node = node
    observer().made(tensor)
    return tensor


def _sum(total: Any, gradient: Any) -> Any:
    """Two gradients of one leaf, in the memory of the first where that is an array of ours."""
    if type(total) is Product:
        total = total.dense()
    if isinstance(total, Variable | np.generic) or isinstance(gradient, Variable | np.generic):
        return total + (gradient.dense() if type(gradient) is Product else gradient)
    if type(total) is not _ndarray:  # what stands for an array while a step is recorded
        return np.add(total, gradient, out=total)
    Target(total).add(gradient)
    return total


def accumulate(leaf: Leaf, gradient: Any) -> None:
    """Add what a walk brought to the gradient that `leaf` holds."""
    if observers and (tape := observers.get(get_ident())) is not None:
        tape.deliver(leaf, gradient)
        return
    if leaf.grad is None:
        leaf.grad = gradient
    else:
        gradient_of(leaf)  # raises if a factor of what it holds is no longer what it was
        held = leaf.grad.own() if type(leaf.grad) is Lent else leaf.grad
        leaf.grad = _sum(held, gradient)


def gradient_of(leaf: Leaf) -> Any:
    """The gradient that `leaf` holds: None, an array, or a Product whose factors still are what they were.

    Raises:
        RuntimeError: a factor was overwritten after the walk.
    """
    gradient = leaf.grad
    if gradient is None or type(gradient) is _ndarray:
        return gradient
    if type(gradient) is Product:
        if gradient.since < memory.events.latest and not memory.unchanged(gradient.right, gradient.since):
            raise RuntimeError(
                "the input of a layer was overwritten between backward() and the first use of its weight's gradient, "
                "which is kept as a product with that input: read weight.grad first, or write to a .clone()"
            )
        return gradient
    if type(gradient) is Lent:
        return gradient.array
    return gradient._data if isinstance(gradient, Variable) else gradient
