"""What a step reads from outside by name, and whether it still is what it was.

`_capture` asks before each replay. Found are the globals and closures of the step and of the functions it reaches, the
attributes of objects and classes whose names occur in the code of these (all attributes, where that code looks them up
by text, as getattr() does), and the entries of containers. That is more than what is read. What is read in other ways
(from files, clocks, the environment) is not found; and what is found but cannot be looked at, such as an iterator, is
told by `Variables.refused`.
"""

from __future__ import annotations

import dis
import sys
from abc import ABC, ABCMeta
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ContextDecorator, nullcontext
from functools import cached_property, lru_cache, partial
from types import (
    BuiltinFunctionType,
    CellType,
    ClassMethodDescriptorType,
    CodeType,
    EllipsisType,
    FunctionType,
    GenericAlias,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    NoneType,
    NotImplementedType,
    SimpleNamespace,
    UnionType,
    WrapperDescriptorType,
)
from typing import Any, NamedTuple

import numpy as np

from ._tensor import Tensor
from .autograd.graph import Variable, configuration
from .autograd.memory import fingerprint
from .nn.hooks import Hooks
from .nn.module import Module

__all__ = ["Variables", "contents"]


class Variables:
    """What `step` reads from outside; `refused` says what of it cannot be looked at, if so."""

    def __init__(self, step: Any) -> None:
        self.refused: str | None = None
        self._named: list[tuple[Any, str, Any]] = []
        self._cells: dict[int, tuple[CellType, Any]] = {}
        self._functions: list[tuple[FunctionType, CodeType, Any, Any]] = []
        self._parts: list[tuple[Any, list[Any]]] = []
        self._modules: list[tuple[Module, list[Any]]] = []
        self._changes = configuration.changes
        self._read: set[str] = set()
        self._called = {"forward"}  # which Module calls
        self._all = False  # whether attributes are looked up by text
        stored: set[str] = set()
        found: dict[int, Any] = {}
        waiting: list[Any] = [step]
        own = getattr(step, "__func__", step)  # which may be this package's, as NeuralNetwork's is
        while waiting:
            value = waiting.pop()
            if id(value) in found or isinstance(value, _CONSTANT) or (_opaque(value) and value is not own):
                continue
            if not _watchable(value):
                self.refused = f"reading a {type(value).__name__} from outside, whose changes would not be seen"
                return
            found[id(value)] = value
            if isinstance(value, FunctionType):
                words = _words_of(value.__code__)
                known = len(self._read) + len(self._called) + self._all
                self._read |= words.read
                self._called |= words.called
                self._all |= not _BY_TEXT.isdisjoint(words.globals | words.read | words.called)
                stored |= words.stored
                if len(self._read) + len(self._called) + self._all > known:
                    waiting += [entry for earlier in found.values() for entry in self._attributes(earlier)]
            waiting += [*self._attributes(value), *_held(value)]
            if len(found) + len(waiting) > _MANY:
                self.refused = f"reading more than {_MANY:,} values from outside"
                return
        for value in found.values():
            self._watch(value, stored)

    def _attributes(self, value: Any) -> list[Any]:
        """What of `value` the code can get at by a name, and what Python calls of a class without being told one."""
        scope = _scope(value)
        if self._all and type(scope) in (dict, _Slots) and _is_users(value):
            return list(scope.values())
        found = [scope.get(name) for name in self._read | self._called if name in scope]
        if isinstance(value, type):
            found += [
                entry
                for name, entry in vars(value).items()
                if name[:2] == "__" and name not in _NOT_CALLED and isinstance(entry, FunctionType | property)
            ]
        return found

    def _watch(self, value: Any, stored: set[str]) -> None:
        """Note what of `value` may change."""
        if isinstance(value, FunctionType):
            scope = value.__globals__
            self._named += [(scope, name, scope.get(name)) for name in _words_of(value.__code__).globals]
            self._cells.update((id(cell), (cell, contents(cell))) for cell in value.__closure__ or ())
            self._functions.append((value, value.__code__, value.__defaults__, value.__kwdefaults__))
        elif isinstance(value, _CHANGING):
            self._parts.append((value, _parts(value)))
        scope = _scope(value)
        if isinstance(value, Module):
            self._modules.append((value, self._parts_of_module(value)))
        elif self._all and type(scope) is dict and _is_users(value):
            self._parts.append((scope, _parts(scope)))
        else:
            known = set(scope)
            if type(scope) is dict:  # an attribute may come, by an assignment in the step, or to hide one of the class
                known.update(stored, *map(vars, type(value).__mro__))
            for name in known if self._all and _is_users(value) else known & (self._read | self._called):
                # What is only ever called is no number: a counter `step` beside an optimizer's step() may change.
                if name in self._read or self._all or not isinstance(scope.get(name), int | float | str):
                    self._named.append((scope, name, scope.get(name)))

    def _parts_of_module(self, module: Module) -> list[Any]:
        """What the attributes of a module are; of a user's own, its modules and those that the code can get at."""
        every = self._all or not _is_users(module)
        parts = [
            value
            for name, value in vars(module).items()
            if every or name in self._read or name[0] == "_" or name == "training" or isinstance(value, Module | Tensor)
        ]
        for part in parts[:]:
            if isinstance(part, list | dict):
                parts += _parts(part)
            elif isinstance(part, Hooks):
                parts.append(bool(part))
        return parts

    def hold(self) -> bool:
        """Whether they are what they were."""
        for scope, name, value in self._named:
            if (now := scope.get(name)) is not value and not _same(now, value):
                return False
        for cell, value in self._cells.values():
            if (now := contents(cell)) is not value and not _same(now, value):
                return False
        for function, code, defaults, kwdefaults in self._functions:
            if function.__code__ is not code or function.__defaults__ is not defaults:
                return False
            if function.__kwdefaults__ is not kwdefaults:
                return False
        for whole, parts in self._parts:
            if not _all_same(_parts(whole), parts):
                return False
        if self._changes != configuration.changes:  # of some module: perhaps of one of these
            for module, parts in self._modules:
                if not _all_same(self._parts_of_module(module), parts):
                    return False
            self._changes = configuration.changes
        return True


class _Words(NamedTuple):
    """The names in the code of a function, and of the functions inside it."""

    globals: frozenset[str]
    read: frozenset[str]  # attributes
    called: frozenset[str]  # methods
    stored: frozenset[str]  # attributes that are assigned to
    imported: frozenset[str]


@lru_cache(maxsize=512)
def _words_of(code: CodeType) -> _Words:
    global_names, read, called, stored, imported = found = [set[str]() for _ in _Words._fields]
    for instruction in dis.get_instructions(code):
        name, operation = instruction.argval, instruction.opname
        if "_GLOBAL" in operation or operation == "LOAD_NAME":
            global_names.add(name)
        elif operation == "LOAD_METHOD" or (operation == "LOAD_ATTR" and "NULL" in instruction.argrepr):  # since 3.12
            called.add(name)
        elif "_ATTR" in operation or operation == "IMPORT_FROM":
            read.add(name)
            if operation == "STORE_ATTR":
                stored.add(name)
        elif operation == "IMPORT_NAME":
            imported.add(name)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            for own, inner in zip(found, _words_of(constant), strict=True):
                own |= inner
    return _Words(*map(frozenset, found))


# What looks up attributes that the code does not name.
_BY_TEXT = {
    "getattr", "hasattr", "setattr", "delattr", "vars", "__dict__", "__getattribute__", "asdict", "astuple", "fields",
}  # fmt: skip


def contents(cell: CellType) -> Any:
    """What a closure's variable holds, or None."""
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _scope(value: Any) -> Any:
    """The attributes that `value` itself has, by name."""
    if isinstance(value, type):
        return vars(value)
    try:
        return object.__getattribute__(value, "__dict__")  # past what a class may do to its attributes
    except AttributeError:
        return _Slots(value)


class _Slots(Mapping[str, Any]):
    """The attributes that an object has in slots."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __getitem__(self, name: str) -> Any:
        if not isinstance(getattr(type(self._value), name, None), MemberDescriptorType):
            raise KeyError(name)
        return getattr(self._value, name, None)

    def __iter__(self) -> Iterator[str]:
        return (n for kind in type(self._value).__mro__ for n in vars(kind) if n in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


# What Python calls where an object is made, shown, copied or compared: it names attributes that a step never reads.
_NOT_CALLED = {
    "__init__", "__new__", "__post_init__", "__repr__", "__str__", "__eq__", "__hash__", "__reduce__", "__getstate__",
    "__setstate__", "__copy__", "__deepcopy__", "__del__",
}  # fmt: skip


def _held(value: Any) -> Iterator[Any]:
    """What code that has `value` has, too."""
    yield type(value)
    if isinstance(value, FunctionType):
        words, scope = _words_of(value.__code__), value.__globals__
        for name in words.globals:
            named = scope.get(name)
            yield named
            if isinstance(named, type) and not _opaque(named):  # the step may make one
                yield from (vars(named).get(maker) for maker in ("__init__", "__new__", "__post_init__"))
        yield from (sys.modules.get(name) for name in words.imported)
        yield from map(contents, value.__closure__ or ())
        yield from (value.__defaults__, value.__kwdefaults__)
    elif isinstance(value, type):
        yield from value.__mro__
    elif isinstance(value, Module):
        yield from value.modules()
    for kind, names in _HOLDERS.items():
        if isinstance(value, kind):
            yield from (getattr(value, name, None) for name in names)
    if isinstance(value, tuple | frozenset):
        yield from value
    elif isinstance(value, list | dict | set | deque):
        yield from _parts(value)


def _parts(value: Any) -> list[Any]:
    """What makes up something that changes in place."""
    if isinstance(value, np.ndarray):
        return [fingerprint(value)]
    if isinstance(value, Variable):
        return [value._data, value._node]
    if isinstance(value, dict):
        return [*dict.keys(value), *dict.values(value)]
    kind = next(kind for kind in (list, set, deque) if isinstance(value, kind))
    return [*kind.__iter__(value)]  # past what a subclass may do


_CHANGING = (list, dict, set, deque, np.ndarray, Variable)


def _home(value: Any) -> str:
    """The package that a function, class or module is from."""
    return str(value.__name__ if isinstance(value, ModuleType) else value.__module__).partition(".")[0]


def _is_users(value: Any) -> bool:
    """Whether `value` is an object of a class of the user's, or one without a class of its own."""
    return not _opaque(type(value)) or type(value) is SimpleNamespace or type(value).__module__ == "argparse"


def _opaque(value: Any) -> bool:
    """Whether `value` is a function, class or module whose code is not looked at: of Python, NumPy, or this package."""
    return isinstance(value, FunctionType | type | ModuleType) and _home(value) in _OPAQUE


def _watchable(value: Any) -> bool:
    """Whether all that `value` is made of can be looked at."""
    if isinstance(value, np.ndarray):
        return not value.dtype.hasobject and value.size <= _MANY
    kinds = [kind for kind in type(value).__mro__ if _opaque(kind) and kind not in _TRANSPARENT]
    return all(_home(kind) == _PACKAGE or kind.__module__ in _TRANSPARENT_MODULES for kind in kinds)


_MANY = 2_000  # values, or numbers in an array, above which it would take too long to look at all before each replay
_PACKAGE = __name__.partition(".")[0]
_OPAQUE = {_PACKAGE, "numpy", "scipy"} | sys.stdlib_module_names

# Where what wraps a function, or goes with one, has it.
_HOLDERS: dict[type[Any], tuple[str, ...]] = {
    MethodType: ("__func__", "__self__"),
    BuiltinFunctionType: ("__self__",),
    partial: ("func", "args", "keywords"),
    property: ("fget",),
    cached_property: ("func",),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    type(_words_of): ("__wrapped__",),
}
_TRANSPARENT = {
    *_HOLDERS, *_CHANGING, FunctionType, object, type, str, tuple, frozenset, defaultdict, OrderedDict, Counter,
    ModuleType, SimpleNamespace, ABC, ABCMeta, ContextDecorator, *nullcontext.__mro__,
}  # fmt: skip
# Classes that are not imported for this; what a logger does is not done again by a replay, as print() is not.
_TRANSPARENT_MODULES = {"argparse", "collections.abc", "enum", "logging", "pathlib", "re", "typing"}
# What never changes.
_CONSTANT = (
    NoneType, int, float, complex, bytes, EllipsisType, NotImplementedType, slice, range, CodeType, np.generic,
    np.dtype, np.ufunc, type(np.sum), WrapperDescriptorType, MethodDescriptorType, ClassMethodDescriptorType,
    GetSetDescriptorType, MemberDescriptorType, GenericAlias, UnionType, type(_Words.globals),
)  # fmt: skip


def _same(value: Any, other: Any) -> bool:
    """Whether two values of a variable make no difference."""
    if value is other:
        return True
    if type(value) is not type(other):
        return False
    if isinstance(value, tuple):
        return _all_same(value, other)
    # By their texts, for 0.0 equals −0.0.
    return isinstance(value, int | float | complex | str | bytes | np.generic) and repr(value) == repr(other)


def _all_same(values: Sequence[Any], others: Sequence[Any]) -> bool:
    return len(values) == len(others) and all(map(_same, values, others))
