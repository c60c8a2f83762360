"""`capture(step)` records a training step in its first call, and replays it in later calls without building a graph.

`_tape` takes down one run of a step, and `_replay` replays it. This file decides which recording belongs to a call: by
the kind of the arguments, by the objects that the step's names stand for, and by the modes and attributes of the
Modules that the step calls.
"""

from __future__ import annotations

import dis
import functools
import inspect
import itertools
import pickle
import random
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import RLock, get_ident
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ._replay import Program, bits, put_back, saved
from ._tape import Function, Tape, mapped
from .core import mode
from .core.guard import owner, rewritten
from .core.mode import is_grad_enabled, observers
from .nn.changes import configuration
from .nn.module import Module
from .optim.lr_scheduler.base import Schedule
from .optim.optimizer import Optimizer
from .tensors.arguments import positive_integer
from .tensors.creation import tensor
from .tensors.devices import device
from .tensors.observer import observer
from .tensors.random import Generator
from .tensors.refusals import warn
from .tensors.tensor import Tensor

__all__ = ["capture"]


# --- what a step reads from outside -----------------------------------------------------------------------------------

_FIXED = (FunctionType, BuiltinFunctionType, np.ufunc, type(np.sum), type, np.dtype, device, ModuleType, type(None))
_OURS = (Tensor, Module, Optimizer, Schedule, Generator, mode.Mode)
_NUMBERS = (bool, int, float, complex, str, bytes, np.generic, type(None))


class Names:
    """The names that a step's own code reads, and the objects that they stand for.

    These are the globals that its code loads, its free variables, and the defaults of its parameters. They may be
    functions, modules, classes, Tensors, Modules, optimizers, schedules and generators, and lists, tuples and dicts of
    these. The tape is refused if one is anything else. Names that the functions among them read are not looked at.
    """

    def __init__(self, step: Any, tape: Tape) -> None:
        # For each name: a function and its argument, which read the name again, the object they give, and the name.
        self._read: list[tuple[Function, Any, Any, str]] = []
        # For each name of a list or a dict: the container, the objects in it, and the name.
        self._lists: list[tuple[Any, list[Any], str]] = []
        method = step.forward if isinstance(step, Module) else step
        function = getattr(method, "__func__", method)
        if isinstance(method, MethodType) and isinstance(method.__self__, Module):
            tape.use(method.__self__)
        elif isinstance(method, MethodType):
            tape.refuse(f"the step is a method of a {type(method.__self__).__name__}: make that an nn.Module")
        elif not isinstance(method, FunctionType):
            tape.refuse(f"the step is a {type(step).__name__}: write a function that calls it")
        while isinstance(function, FunctionType):
            self._look_into(function, tape)
            function = getattr(function, "__wrapped__", None)  # the function that a decorator has wrapped

    def _look_into(self, function: FunctionType, tape: Tape) -> None:
        """Find the names that `function` reads; refuse ``except`` clauses, and numbers such as ``settings.scale``."""
        instructions = list(_instructions(function.__code__))
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        for one, following in itertools.pairwise(instructions):
            # `except:`, or else `except Error:` and `except* Error:`
            catches_all = one.opname == "PUSH_EXC_INFO" and following.opname == "POP_TOP"
            if catches_all or one.opname in ("CHECK_EXC_MATCH", "CHECK_EG_MATCH"):
                tape.refuse("an except clause, which a replay does not run: catch the exception outside the step")
            # `settings.scale`, where `settings` is a class or a module of the user's and `scale` a number
            named = function.__globals__.get(one.argval) if one.opname == "LOAD_GLOBAL" else None
            if one.opname == "LOAD_DEREF" and one.argval in cells:
                named = _contents(cells[one.argval])
            if following.opname == "LOAD_ATTR" and isinstance(named, type | ModuleType) and not _is_of_python(named):
                number = getattr(named, following.argval, None)
                if isinstance(number, _NUMBERS) and number is not None:
                    tape.refuse(_ADVICE.format(f"{one.argval}.{following.argval}"))
        # Globals, free variables, and the defaults of parameters.
        for name in {i.argval for i in instructions if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}:
            self._look_at(name, function.__globals__.get, name, tape)
        for name, cell in cells.items():
            self._look_at(name, _contents, cell, tape)
        for name, parameter in inspect.signature(function).parameters.items():
            if not isinstance(parameter.default, _NUMBERS):  # a number that is a default cannot change
                self._look_at(name, lambda default: default, parameter.default, tape)

    def _look_at(self, name: str, read: Function, where: Any, tape: Tape) -> None:
        """Note the object ``read(where)`` that `name` stands for, and refuse one that is not allowed."""
        value = read(where)
        reached = _reached(value)
        if len(reached) > _MANY:
            tape.refuse(f"`{name}` holds more than {_MANY:,} objects: pass what the step reads of them as arguments")
        for part in reached:
            part = part.__self__ if isinstance(part, MethodType) else part  # a method reads from its object
            if isinstance(part, Module):
                tape.use(part)
            elif isinstance(part, Tensor):
                tape.meet(part)
            elif isinstance(part, np.ndarray | np.random.Generator):
                kind = "Tensor" if isinstance(part, np.ndarray) else "tinygrad_mlp.Generator"
                tape.refuse(f"`{name}` is an array or generator of NumPy's: make it a {kind}")
            elif isinstance(part, _NUMBERS) and part is not None and type(part) is not _Key:
                tape.refuse(_ADVICE.format(name) if part is value else _ADVICE_ON_ENTRIES.format(name))
            elif not isinstance(part, (*_FIXED, *_OURS, Captured, _Key)) and type(part) not in (list, tuple, dict):
                tape.refuse(_ADVICE_ON_OBJECTS.format(name, type(part).__name__))
        if not isinstance(value, type | ModuleType):
            self._read.append((read, where, value, name))
        if isinstance(value, list | dict):
            self._lists.append((value, _parts(value), name))

    def are_valid(self) -> bool:
        """Whether each name still stands for the same object, and each list and dict holds the same objects."""
        for read, where, value, _ in self._read:
            if read(where) is not value:
                return False
        return not self._lists or all(_same(_parts(value), parts) for value, parts, _ in self._lists)

    def difference(self) -> str:
        """The first name that stands for another object, or for a list or dict with other entries."""
        names = [name for read, where, value, name in self._read if read(where) is not value]
        names += [name for value, parts, name in self._lists if not _same(_parts(value), parts)]
        return names[0] if names else ""


_ADVICE = "`{}` is read from outside: pass it as an argument"
_ADVICE_ON_ENTRIES = "`{}` holds numbers and is read from outside: pass these as arguments"
_ADVICE_ON_OBJECTS = (
    "`{}`, a {}, is read from outside: pass its numbers as arguments, use it outside the step, or make it an nn.Module"
)


def _instructions(code: CodeType) -> Iterator[dis.Instruction]:
    """The instructions of a function, and of the functions inside it."""
    yield from dis.get_instructions(code)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _instructions(constant)


def _contents(cell: Any) -> Any:
    """The object that a free variable stands for; None if it is not assigned yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


Structure = dict[tuple[Module, str], list[Any]]


def _structure(modules: Iterable[Module]) -> Structure:
    """All that `modules` and those inside them hold, as lists to compare: one for each module and attribute.

    The list of the attribute ``training`` holds one text, which also tells whether the module has hooks.
    """
    found: Structure = {}
    for module in dict.fromkeys(inner for outer in modules for inner in outer.modules()):
        found[module, "training"] = [f"{module.training} {bool(module._module_hooks)}"]
        found.update(((module, name), _parts(value)) for name, value in vars(module).items() if name != "training")
    return found


def _difference(before: Structure, after: Structure) -> str:
    """The first attribute that differs between the two, such as ``Linear.weight``; an empty text if none does."""
    for module, name in {**before, **after}:
        if not _same(before.get((module, name), []), after.get((module, name), [])):
            return f"{type(module).__name__}.{name}"
    return ""


def _reached(value: Any) -> list[Any]:
    """An object, and all objects that it holds, with their keys, if it is a container or a plain object.

    Each container is entered once. The search ends after `_MANY` objects.
    """
    found: list[Any] = []
    waiting, seen = [value], set[int]()
    while waiting and len(found) <= _MANY:
        value = waiting.pop()
        found.append(value)
        if (isinstance(value, tuple) or _is_changing(value)) and id(value) not in seen:
            seen.add(id(value))
            held = value if isinstance(value, list | tuple | dict | set) else vars(value)
            entries = list(held.items() if isinstance(held, dict) else enumerate(held))
            waiting += [part for key, entry in reversed(entries) for part in (entry, _Key(key))]
    return found


class _Key(str):
    """The key of an entry in a container, or the name of an attribute, in the list that `_reached` returns."""


def _parts(value: Any) -> list[Any]:
    """All objects reached from `value`, as a list to compare, with texts in place of numbers and generators."""
    return [_described(part) for part in _reached(value)]


def _described(part: Any) -> Any:
    """A text with the value of a number or the state of a foreign generator; any other object is returned itself."""
    if isinstance(part, np.random.Generator):
        return repr(part.bit_generator.state)
    if isinstance(part, random.Random):
        return repr(part.getstate())
    return f"{type(part).__name__} {part!r}" if isinstance(part, _NUMBERS) else part


def _is_changing(value: Any) -> bool:
    """Whether the contents of `value` can change: whether it is a container, or an object of a user's own class."""
    if isinstance(value, (*_FIXED, *_OURS, *_NUMBERS, Captured)):
        return False
    return isinstance(value, list | dict | set) or (hasattr(value, "__dict__") and not _is_of_python(type(value)))


def _is_of_python(value: type[Any] | ModuleType) -> bool:
    """Whether a class or module is Python's, NumPy's, SciPy's or this package's, so that it holds no user's numbers.

    The namespaces of `types` and `argparse` do hold such numbers.
    """
    package = (value.__name__ if isinstance(value, ModuleType) else value.__module__).partition(".")[0]
    return package in _WITHOUT_NUMBERS


_WITHOUT_NUMBERS = sys.stdlib_module_names - {"types", "argparse", "__main__"} | {
    "numpy", "scipy", __name__.partition(".")[0]
}  # fmt: skip


def _same(values: list[Any], others: list[Any]) -> bool:
    """Whether two lists hold the same objects in the same order; texts need only be equal."""
    if len(values) != len(others):
        return False
    return all(a is b or (type(a) is type(b) is str and a == b) for a, b in zip(values, others, strict=True))


_MANY = 1_000  # how many objects a name or an attribute may hold: all are compared before each replay


class Recording:
    """What was recorded in one call of a step, and the conditions under which it may be replayed.

    Attributes:
        program: replays the call; None if the call cannot be replayed.
        refused: why the call cannot be replayed; None if it can.
    """

    def __init__(self, tape: Tape, program: Program | None) -> None:
        self.program = program
        self.refused = tape.refused
        self._names = tape.names
        # Modules that the step has made for this call alone are gone as soon as the tape lets go of them: leave them
        # out.
        used = list(map(weakref.ref, tape.modules))
        tape.modules.clear()
        self._modules = [module for reference in used if (module := reference()) is not None]
        self._structure = _structure(self._modules)
        self._changes = configuration.changes
        # `configuration.changes` counts attributes that are set, but not changes inside a list that a module holds. The
        # lists of layers and buffers are kept by containers, which count.
        kept = ("_layers", "_buffers")
        held = [part for (_, name), parts in self._structure.items() if name not in kept for part in parts]
        self._lists = [(part, _parts(part)) for part in held if _is_changing(part)]
        if many := next((key for key, parts in self._structure.items() if len(parts) > _MANY), None):
            self.refused = f"`{type(many[0]).__name__}.{many[1]}` holds more than {_MANY:,} objects to compare"
            self.program = None

    def difference(self) -> str:
        """What has changed since the call: the first name or attribute that differs, or else some Tensor."""
        names = next(filter(None, (names.difference() for names in self._names)), "")
        return names or _difference(self._structure, _structure(self._modules)) or "a Tensor from outside"

    def is_valid(self) -> bool:
        """Whether nothing has changed on which a replay depends."""
        for names in self._names:
            if not names.are_valid():
                return False
        if self._lists and not all(_same(_parts(value), parts) for value, parts in self._lists):
            return False
        if self._changes != configuration.changes:  # some module has changed: perhaps one of these
            if _difference(self._structure, _structure(self._modules)):
                return False
            self._changes = configuration.changes
        return self.program is None or self.program.is_valid()


# --- the step that a user calls ---------------------------------------------------------------------------------------

_KINDS = 32  # kinds of arguments for which recordings are kept
_MODES = 4  # recordings that are kept for each kind, such as one for training and one for evaluation
_COST = 10  # how many replays save as much time as a recording costs
_CREDIT = 32 * _COST  # a step stays eager when its recordings have cost so much more than replays have saved
_PATIENCE = 5 * _COST  # the same limit for a step that changes what it reads, and so cannot be replayed


class Captured:
    """A step that is recorded in its first call with a kind of arguments, and replayed in later calls with that kind.

    Attributes:
        captured: True if the last call was recorded or replayed; else the reason why it was not.
    """

    def __init__(self, step: Function, check: int | None = None) -> None:
        if not callable(step):
            raise TypeError(f"capture() takes a step to call, not {step!r}: write capture(step) or @capture")
        if check is not None:
            check = positive_integer(check, "check is a positive number of calls, or None")
        self.step = step
        self.check = check
        self._lock = RLock()
        functools.update_wrapper(self, step, updated=())
        self.reset()

    def reset(self) -> None:
        """Forget all recordings. Call this after changing something that a captured step does not compare."""
        self.captured: bool | str = "it has not been called yet"
        self._recordings: dict[Any, list[Recording]] = {}  # by the kind of the arguments; the last used one first
        self._debt = 0  # how much more the recordings have cost than replays have saved, in replays
        self._changing: dict[Any, str] = {}  # by the kind: what the step has changed while it was recorded
        self._replays = 0
        self._warned = False

    def __reduce__(self) -> Any:
        """Copies and pickles have no recordings, since these hold the memory and the parameters of the original."""
        return Captured, (self.step, self.check)

    def __get__(self, instance: Any, kind: type[Any]) -> Captured:
        """Refuse to become a method: Python calls this for a captured step that is an attribute of a class."""
        if instance is not None:
            raise TypeError("a captured step belongs to one object: write self.step = capture(self._step) in __init__")
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Replay the step, record it or call it eagerly. The most common call takes a short way."""
        if not self._lock.acquire(False):
            raise RuntimeError("a captured step is used by one thread at a time: capture one for each thread")
        try:
            kind: list[Any] = [is_grad_enabled()]
            memories = set()
            for argument in args:
                if type(argument) is not Tensor or argument._node is not None:
                    break
                array = argument._data
                kind += (array.shape, array.strides, array.dtype)
                memories.add(id(owner(array)))
            else:  # the short way: the arguments are Tensors alone, each in memory of its own
                if not (kwargs or observers or mode.watcher or rewritten) and len(memories) == len(args):
                    known = self._recordings.get(tuple(kind))
                    if known and known[0].is_valid():
                        return self._replay(known[0], args, memories, args, kwargs)
            return self._call(args, kwargs)
        finally:
            self._lock.release()

    def _call(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Replay a recording for arguments of this kind, or record the step, or call it eagerly."""
        if isinstance(tape := observer(), Tape):
            self.captured = "another captured step has recorded it along"
            tape.names.append(Names(self.step, tape))
            return self.step(*args, **kwargs)
        args = [tensor(value) if isinstance(value, np.ndarray) else value for value in args]
        kwargs = {name: tensor(value) if isinstance(value, np.ndarray) else value for name, value in kwargs.items()}
        values = [*args, *kwargs.values()]
        if reason := _reason_against(values):
            return self._eager(reason, args, kwargs)
        tensors = [value for value in values if isinstance(value, Tensor)]
        key = (*_kind(values), *kwargs, *_repetitions(tensors))
        known = self._recordings.setdefault(key, [])
        if len(self._recordings) > _KINDS:
            oldest = next(iter(self._recordings))
            del self._recordings[oldest]
            self._changing.pop(oldest, None)
        for recording in known:
            if recording.is_valid():
                known.remove(recording)
                known.insert(0, recording)
                memories = {id(owner(tensor._data)) for tensor in tensors}
                return self._replay(recording, tensors, memories, args, kwargs)
        # None is valid. If recordings have cost too much already, stay eager, and say what changes from call to call.
        changing = self._changing.get(key) or (known[0].difference() if known else "")
        if self._debt >= (_PATIENCE if key in self._changing else _CREDIT):
            reason = "arguments are others at each call: pass numbers that change as Tensors"
            return self._eager(f"`{changing}` is another at each call" if changing else reason, args, kwargs)
        result, new = self._record(key, tensors, args, kwargs)
        if new is not None:
            known.insert(0, new)
            del known[_MODES:]
            if new.refused is not None:
                self._refuse(new.refused)
        return result

    def _replay(
        self, recording: Recording, tensors: Sequence[Tensor], memories: set[int], args: Sequence[Any], kwargs: Any
    ) -> Any:
        """Replay with `tensors`, or call the step with all its arguments where a replay is not possible.

        `memories` are the ids of the owners of the tensors' memory.
        """
        program = recording.program
        if program is None:
            return self._eager(str(recording.refused), args, kwargs)
        if not program.outside.isdisjoint(memories):
            return self._eager("an argument that shares memory with a Tensor from outside", args, kwargs)
        self.captured = True
        if self._debt:
            self._debt -= 1
        if program.is_running:  # a user's function in the list of kernels has called the step
            return self._eager("the step is called by itself, in a replay", args, kwargs)
        self._replays += 1
        if self.check is None or self._replays % self.check:
            return program.run(tensors)
        return self._checked(program, tensors, args, kwargs)

    def _checked(self, program: Program, tensors: Sequence[Tensor], args: Sequence[Any], kwargs: Any) -> Any:
        """Run the eager step, put back what it has changed, replay, and compare the results and the changes."""
        changed = program.changed_objects()
        before = [saved(part) for part in changed]
        result = self.step(*args, **kwargs)
        expected = [bits(part) for part in (result, *changed)]
        for part, contents in zip(changed, before, strict=True):
            put_back(part, contents)
        result = program.run(tensors)
        for part, eager in zip([None, *changed], expected, strict=True):
            if eager != bits(result if part is None else part):
                what = "its result" if part is None else f"a {type(part).__name__}"
                self._recordings.clear()
                raise RuntimeError(
                    f"a replay differs from the eager step in {what}: the step reads something that is fixed when it "
                    "is recorded (see capture's docstring): pass it as an argument, or call reset() when it changes"
                )
        return result

    def _record(
        self, key: Any, tensors: list[Tensor], args: Sequence[Any], kwargs: dict[str, Any]
    ) -> tuple[Any, Recording | None]:
        """Call the step and record it.

        Returns:
            The step's result, and the recording, or None if the step has changed what it reads.
        """
        self._debt += _COST
        # The step is given stand-ins for its arguments: a Tensor that it also reads by name is no argument there.
        stands_for = {id(tensor): type(tensor)._of(tensor._data) for tensor in tensors}  # by argument: its stand-in
        back = {id(stands_for[id(tensor)]): tensor for tensor in tensors}  # by stand-in: the argument, for the result
        given = [stands_for[id(tensor)] for tensor in tensors]
        tape = Tape(given, lambda module: _structure([module]))
        tape.names.append(Names(self.step, tape))
        before, enabled = _random_states(), is_grad_enabled()
        if tape.refused is None:
            observers[get_ident()] = tape
        try:
            result = self.step(
                *[stands_for.get(id(value), value) for value in args],
                **{name: stands_for.get(id(value), value) for name, value in kwargs.items()},
            )
        finally:
            observers.pop(get_ident(), None)
            for tensor, stand_in in zip(tensors, given, strict=True):
                if stand_in._node is not None or stand_in._data is not tensor._data:
                    tape.refuse("an argument that is made to require a gradient, or given another array: clone() it")
                    tensor._node, tensor._data = stand_in._node, stand_in._data
        if _random_states() != before:
            tape.refuse("numbers that Python's or NumPy's common generator draws: write rand(), randn() or their like")
        if is_grad_enabled() != enabled:
            tape.refuse("another grad mode after the step: write `with no_grad():`")
        if tape.refused is None:
            tape.finish(result)
        program = None if tape.refused else Program(tape, given, result)
        # If the step changes what it reads, its recording is not valid at the next call, and not worth keeping.
        changed = next(filter(None, (_difference(was, _structure([m])) for m, was in tape.modules.items())), "")
        recording = Recording(tape, program)
        if program is not None and (changed or not recording.is_valid()):
            self._changing[key] = changed or recording.difference()
            self.captured = (
                f"the step changes `{self._changing[key]}`: write to a buffer in place, or change it outside"
            )
            return mapped(result, lambda leaf: back.get(id(leaf), leaf)), None
        self._changing.pop(key, None)
        self.captured = True
        return mapped(result, lambda leaf: back.get(id(leaf), leaf)), recording

    def _eager(self, reason: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Call the step as it is, and tell the reason why it is not captured."""
        self._refuse(reason)
        return self.step(*args, **kwargs)

    def _refuse(self, reason: str) -> None:
        """Set `captured` to the reason, and warn if no reason has been given since `reset`."""
        self.captured = reason
        if not self._warned:
            self._warned = True
            warn(f"a captured step stays eager: {reason}")


def _reason_against(values: Sequence[Any]) -> str:
    """Why a step with these arguments cannot be captured; an empty text if it can."""
    for value in values:
        if not isinstance(value, (Tensor, *_NUMBERS)):
            return f"an argument that is a {type(value).__name__}: pass Tensors and numbers, and read Modules by name"
    if any(isinstance(value, Tensor) and value.requires_grad for value in values):
        return "an argument that requires a gradient: pass its .detach()"
    return "" if mode.watcher is None else "detect_anomaly() looks at each call"


def _kind(values: Sequence[Any]) -> list[Any]:
    """What recordings depend on: the gradient mode, the memory layout of each Tensor, and all other arguments."""
    kind: list[Any] = [is_grad_enabled()]
    for value in values:
        if isinstance(value, Tensor):
            kind += (value._data.shape, value._data.strides, value._data.dtype)
        else:
            kind += _parts(value)
    return kind


def _repetitions(tensors: Sequence[Tensor]) -> list[int]:
    """For each Tensor, the last position at which it is passed; an empty list if no Tensor is passed twice."""
    position = {id(tensor): i for i, tensor in enumerate(tensors)}
    return [position[id(tensor)] for tensor in tensors] if len(position) < len(tensors) else []


def _random_states() -> bytes:
    """The states of the global generators of Python and NumPy, to compare. Reading them changes nothing."""
    return pickle.dumps((random.getstate(), np.random.get_state()))  # noqa: NPY002


def capture(step: Callable[..., Any] | None = None, *, check: int | None = None) -> Any:
    """Record a training step in its first call and replay it in later ones: the same numbers, without the graph.

    A captured step reads its arguments, the Tensors and Modules it was built with, and what ``zero_grad()`` and
    ``step()`` read. Everything else is fixed when it is recorded: after changing anything else, call ``reset()``.

    Args:
        step: a function that runs forward, backward and the optimizer, or a method of a Module. Its arguments are
            Tensors (arrays become Tensors), and numbers, texts, booleans and None: another number is another recording.
            It returns Tensors, containers of them, or nothing. A replay returns new Tensors without a graph, except for
            those that were there before.
        check: run the eager step beside every so many replays, from the same state, and raise RuntimeError at the first
            bit that differs. The state is then put back: weights, gradients, optimizers, schedules, generators.

    Returns:
        The step to call instead, or, without `step`, a decorator. ``captured`` is True after a call that was recorded
        or replayed, and otherwise the reason why it was not; the first reason is also a warning.

    A recording holds every call of NumPy and BLAS that the eager step makes: functions, gradients, checks, draws from
    this package's generators, writes in place, and the steps of optimizers and schedules. A replay makes these calls
    again and runs no other Python: it does not print, count or write files. An exception in a replay reaches the
    caller.

    Before each replay, the mode, hooks, attributes and submodules of each Module are compared with those of the
    recording, and so are the objects that the names in the step's own code stand for. A number, text, array or object
    of your own among these names is refused. What helper functions and ``forward`` read from outside is not looked at,
    nor are attributes of functions, classes and schedules.

    The step stays eager where it reads numbers out of Tensors (``item()``, ``if``), picks by boolean masks, takes
    arguments that require a gradient, writes to its arguments, asks for a gradient that it has not computed, calls
    hooks or an `autograd.Function`, has an ``except`` clause, gives ``step()`` a closure, uses the options of an
    optimizer, or draws numbers with Python's or NumPy's generators. One thread at a time may call it.

    Raises:
        TypeError: `step` cannot be called.
        ValueError: `check` is not a positive integer.

    >>> from tinygrad_mlp import capture, nn, optim, tensor
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
    return functools.partial(capture, check=check) if step is None else Captured(step, check)
