"""Says of each public name of PyTorch's that is not here why it is left out, and what to write instead.

pytorch.md, the table that documents this, is also where the words are read from. Python looks for names in three ways,
and each is met where it is cheap:

- **A module** has a ``__getattr__`` for the names that it lacks. See `explain_in`.
- **A class** has a descriptor for each name that is left out. See `explains`. A ``__getattr__`` would be shorter, but
  with one Python reads all other attributes of the instances more slowly, too: in Python 3.11 a slot takes 40 ns
  instead of 8, and every operation reads some. From Python 3.12 on, properties and methods take twice as long.
  So the names of four classes are read when the package is imported, in less than a millisecond.
- **An import**, as ``from tinygrad_mlp.nn import Conv2d`` or ``import tinygrad_mlp.fft``, does not show the message of
  an AttributeError. Before it fails it looks for a module of that name, so `Finder` raises the error there.

An AttributeError with an `obj` and without a `name` is one for which Python suggests no similar name. Without that, it
would answer ``long`` with "Did you mean: 'log'?".
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

__all__ = ["Described", "Finder", "explain_in", "explains", "left_out", "missing"]

PACKAGE = __name__.partition(".")[0]
C = TypeVar("C", bound=type)


@functools.cache
def _page() -> str:
    """The text of pytorch.md. It is empty where somebody packs the modules alone: then errors have Python's words."""
    from pkgutil import get_data

    try:
        text = (get_data(PACKAGE, "pytorch.md") or b"").decode("utf-8")
        if "\n" not in text.strip():  # Git writes the path of a link to where a system has no links
            text = (get_data(PACKAGE, text.strip()) or b"").decode("utf-8")
        return text.replace("\r\n", "\n")
    except FileNotFoundError:
        return ""


@functools.cache
def left_out(place: str) -> Mapping[str, str]:
    """The names that are left out at a `place` of PyTorch's, such as "torch.nn", each with the table's words on it."""
    section = _page().partition(f"\n## `{place}`\n")[2].partition("\n## ")[0]
    rows = (line.strip("| ").split(" | ") for line in section.splitlines())
    found = (row for row in rows if len(row) == 3 and row[1] == "left out")
    return {name: words for names, _, words in found for name in names.strip("`").split("` `")}


def _message(place: str, name: str) -> str:
    return f"{place.replace('torch', PACKAGE, 1)}.{name} is left out: {left_out(place)[name]}"


def _place_of(module: str) -> str:
    """The place of PyTorch's that `module`, of this package, stands for."""
    return "torch" + module.removeprefix(PACKAGE)


def missing(module: str, name: str) -> AttributeError:
    """The error for a `name` that `module` lacks: with the table's words if it is one of PyTorch's, else Python's."""
    if not name.startswith("_") and name in left_out(_place_of(module)):  # Python asks for private names, and often
        return AttributeError(_message(_place_of(module), name), obj=sys.modules.get(module, module))
    return AttributeError(f"module {module!r} has no attribute {name!r}")


def explain_in(namespace: dict[str, Any]) -> None:
    """Let the module with this `namespace`, its ``globals()``, say why names are left out, and ``dir()`` list its own.

    It is done by a call, and not by a ``def __getattr__`` in the module, so that mypy goes on finding misspelt names.
    With a ``__path__``, which only packages have otherwise, an import of a name asks `Finder`, too.
    """
    module = namespace["__name__"]

    def __getattr__(name: str) -> NoReturn:
        raise missing(module, name)

    def __dir__() -> list[str]:
        """The names of ``__all__`` and of the module's own modules, without what it has imported for itself."""
        inner = {name for name in namespace if name.startswith("__") or f"{module}.{name}" in sys.modules}
        return sorted({*namespace["__all__"], *inner})

    namespace["__getattr__"] = __getattr__
    namespace["__dir__"] = __dir__
    namespace.setdefault("__path__", [])


class Finder:
    """The last finder of `sys.meta_path`. It finds nothing, and knows only names of this package."""

    @staticmethod
    def find_spec(fullname: str, path: Any = None, target: Any = None) -> None:
        """Raise ImportError if `fullname` is left out. A ModuleNotFoundError would be dropped by ``from … import``."""
        module, _, name = fullname.rpartition(".")
        if module.partition(".")[0] == PACKAGE and name in left_out(_place_of(module)):
            raise ImportError(_message(_place_of(module), name), name=fullname)


class LeftOut:
    """Stands in a class for a name of PyTorch's that is left out: reading it raises an AttributeError that says why.

    It is no data descriptor, so an instance or a subclass may use the name for something of its own.
    """

    __slots__ = ("_name", "_place")

    def __init__(self, place: str, name: str) -> None:
        self._place = place
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> NoReturn:
        raise AttributeError(_message(self._place, self._name), obj=owner if instance is None else instance)

    def __repr__(self) -> str:
        return f"<{_message(self._place, self._name)}>"


def _present(thing: Any, names: list[str]) -> list[str]:
    """Those of `names`, attributes of `thing`, that are not left out."""
    return [name for name in names if type(inspect.getattr_static(thing, name, None)) is not LeftOut]


def _names_of(instance: Any) -> list[str]:
    """What ``dir(instance)`` returns."""
    return _present(instance, list(object.__dir__(instance)))


class Described(type):
    """The class of classes for which so much is left out that ``dir()`` and ``help()`` would be hard to read."""

    def __dir__(cls) -> list[str]:
        return _present(cls, list(super().__dir__()))


def explains(place: str) -> Callable[[C], C]:
    """Decorate a class that stands for `place`, so that its instances say why names are left out.

    ``hasattr()`` is False for these names, and ``dir()`` of an instance does not list them.
    """

    def decorate(owner: C) -> C:
        for name in left_out(place).keys() - set(dir(owner)):
            setattr(owner, name, LeftOut(place, name))
        owner.__dir__ = _names_of  # type: ignore[assignment]
        return owner

    return decorate
