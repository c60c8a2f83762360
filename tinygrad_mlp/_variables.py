"""What a step reads from outside by name, and whether it still is what it was.

`_capture` asks before each replay. Found are the globals and closures of the step and of the functions it reaches, the
attributes of objects and classes whose names occur in the code of these, and the entries of containers: more than what
is read. What is read in other ways (from files, clocks, the environment) is not found; and what is found but cannot be
looked at, such as an iterator, is told by `Variables.refused`.
"""

from __future__ import annotations

import dis
import sys
from abc import ABC, ABCMeta
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ContextDecorator
from enum import EnumMeta, IntFlag
from functools import cached_property, lru_cache, partial
from types import (
    BuiltinFunctionType,
    CellType,
    ClassMethodDescriptorType,
    CodeType,
    EllipsisType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    NoneType,
    NotImplementedType,
    SimpleNamespace,
    WrapperDescriptorType,
)
from typing import Any, Generic, NamedTuple, Protocol

import numpy as np

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
        self._parts: list[tuple[Any, list[Any]]] = []
        self._modules: list[tuple[Module, list[Any]]] = []
        self._changes = configuration.changes
        self._names = {"forward"}
        found: dict[int, Any] = {}
        stored: set[str] = set()
        waiting: list[Any] = [step]
        own = getattr(step, "__func__", step)
        while waiting:
            value = waiting.pop()
            if id(value) in found or isinstance(value, _CONSTANT) or (_opaque(value) and value is not own):
                continue
            found[id(value)] = value
            if not _watchable(value):
                self.refused = f"reading a {type(value).__name__} from outside, whose changes would not be seen"
                return
            words = _words_in(value)
            stored |= words.stored
            new = words.attributes - self._names
            self._names |= new
            if new:
                waiting += [entry for earlier in found.values() for entry in _attributes(earlier, new)]
            waiting += [*_attributes(value, self._names), *_held(value)]
            if len(found) + len(waiting) > _MANY:
                self.refused = f"reading more than {_MANY:,} values from outside"
                return
        for value in found.values():
            self._watch(value, stored)

    def _watch(self, value: Any, stored: set[str]) -> None:
        """Note what of `value` may change."""
        if isinstance(value, FunctionType):
            scope = value.__globals__
            self._named += [(scope, name, scope[name]) for name in _words_in(value).globals if name in scope]
            self._cells.update((id(cell), (cell, contents(cell))) for cell in value.__closure__ or ())
        if isinstance(value, Module):
            self._modules.append((value, _parts_of_module(value, self._names)))
        elif type(scope := _scope(value)) is dict:
            # An attribute that the object has not may come, by an assignment in the step, or to hide one of its class.
            known = stored.union(scope, *map(vars, type(value).__mro__))
            self._named += [(scope, name, scope.get(name)) for name in self._names & known]
        else:
            self._named += [(scope, name, scope.get(name)) for name in self._names if name in scope]
        if isinstance(value, _CHANGING):
            self._parts.append((value, _parts(value)))

    def hold(self) -> bool:
        """Whether they are what they were."""
        for scope, name, value in self._named:
            if (now := scope.get(name)) is not value and not _same(now, value):
                return False
        for cell, value in self._cells.values():
            if (now := contents(cell)) is not value and not _same(now, value):
                return False
        for whole, parts in self._parts:
            if not _all_same(_parts(whole), parts):
                return False
        if self._changes != configuration.changes:  # of some module: perhaps of one of these
            for module, parts in self._modules:
                if not _all_same(_parts_of_module(module, self._names), parts):
                    return False
            self._changes = configuration.changes
        return True


class _Words(NamedTuple):
    """The names in the code of a function, and of the functions inside it."""

    globals: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()  # and all other words, for getattr() may be given them
    stored: frozenset[str] = frozenset()  # the attributes that are assigned to
    imported: frozenset[str] = frozenset()


def _words_in(value: Any) -> _Words:
    """The names in a function's code, and the one that a string may be."""
    if isinstance(value, FunctionType):
        return _words_of(value.__code__)
    return _Words(attributes=frozenset([value])) if isinstance(value, str) else _Words()


@lru_cache(maxsize=512)
def _words_of(code: CodeType) -> _Words:
    found: list[set[str]] = [set(), set(), set(), set()]
    global_names, attributes, stored, imported = found
    for instruction in dis.get_instructions(code):
        name, operation = instruction.argval, instruction.opname
        if "_GLOBAL" in operation or operation == "LOAD_NAME":
            global_names.add(name)
        elif "_ATTR" in operation or "_METHOD" in operation or operation == "IMPORT_FROM":
            attributes.add(name)
            if operation == "STORE_ATTR":
                stored.add(name)
        elif operation == "IMPORT_NAME":
            imported.add(name)
    for constant in code.co_consts:
        if isinstance(constant, str) and constant.isidentifier():
            attributes.add(constant)
            stored.add(constant)
        elif isinstance(constant, CodeType):
            for own, inner in zip(found, _words_of(constant), strict=True):
                own |= inner
    return _Words(*map(frozenset, found))


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


class _Slots:
    """The attributes of an object that has them in slots."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __contains__(self, name: str) -> bool:
        return isinstance(getattr(type(self._value), name, None), MemberDescriptorType)

    def get(self, name: str) -> Any:
        return getattr(self._value, name, None) if name in self else None


def _attributes(value: Any, names: Iterable[str]) -> list[Any]:
    """What the attributes of these `names` are, and what Python calls of a class without being told a name."""
    scope = _scope(value)
    found = [scope.get(name) for name in names if name in scope]
    if isinstance(value, type):
        found += [
            entry
            for name, entry in vars(value).items()
            if name[:2] == "__" and name not in _NOT_CALLED and isinstance(entry, FunctionType | property)
        ]
    return found


# What Python calls where an object is made, shown, copied or compared: it names attributes that a step never reads.
_NOT_CALLED = {
    "__init__", "__new__", "__post_init__", "__repr__", "__str__", "__eq__", "__hash__", "__reduce__", "__getstate__",
    "__setstate__", "__copy__", "__deepcopy__", "__del__",
}  # fmt: skip


def _held(value: Any) -> Iterator[Any]:
    """What code that has `value` has, too."""
    yield type(value)
    if isinstance(value, FunctionType):
        words, scope = _words_in(value), value.__globals__
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


def _parts_of_module(module: Module, names: set[str]) -> list[Any]:
    """What the attributes of a module are, those of a user's own as far as they are among `names`."""
    ours = _home(type(module)) == _PACKAGE
    parts = [v for name, v in vars(module).items() if ours or name in names or name == "training" or name[0] == "_"]
    for part in parts[:]:
        if isinstance(part, list | dict):
            parts += _parts(part)
        elif isinstance(part, Hooks):
            parts.append(bool(part))
    return parts


def _home(value: Any) -> str:
    """The package that a function, class or module is from."""
    return str(value.__name__ if isinstance(value, ModuleType) else value.__module__).partition(".")[0]


def _opaque(value: Any) -> bool:
    """Whether `value` is a function, class or module whose code is not looked at: of Python, NumPy, or this package."""
    return isinstance(value, FunctionType | type | ModuleType) and _home(value) in _OPAQUE


def _watchable(value: Any) -> bool:
    """Whether all that `value` is made of can be looked at."""
    if isinstance(value, np.ndarray):
        return not value.dtype.hasobject and value.size <= _MANY
    kinds = [kind for kind in type(value).__mro__ if _opaque(kind) and kind not in _TRANSPARENT]
    return all(_home(kind) == _PACKAGE or kind.__module__ in ("argparse", "collections.abc") for kind in kinds)


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
    *_HOLDERS, *_CHANGING, object, type, str, tuple, frozenset, defaultdict, OrderedDict, FunctionType, ModuleType,
    SimpleNamespace, ContextDecorator, ABC, ABCMeta, EnumMeta, Generic, Protocol, type(Protocol), *IntFlag.__mro__,
}  # fmt: skip
# What never changes.
_CONSTANT = (
    NoneType, int, float, complex, bytes, EllipsisType, NotImplementedType, slice, range, CodeType, np.generic,
    np.dtype, np.ufunc, type(np.sum), WrapperDescriptorType, MethodDescriptorType, ClassMethodDescriptorType,
    GetSetDescriptorType, MemberDescriptorType, type(_Words.globals),
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
