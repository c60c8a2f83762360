"""How a name of PyTorch's becomes a method of Tensor and a function of the package: by a row of a table.

A row has the name, a function whose first parameter, `input`, is a Tensor, and a sentence. The other parameters have
PyTorch's names. What takes more than a line is a function with a docstring, which `offer` adds to the table.

The methods are put into the class `tensors.named.Named`, from which Tensor inherits them. The functions are made when
somebody asks for them, by the package's ``__getattr__``. tests/names/stubs.py writes both down for mypy and editors,
and their names into `index.py`, from which the package knows them before the tables are loaded.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal, TypeVar

from .._left_out import LeftOut
from ..tensors.arguments import validated
from ..tensors.creation import as_function
from ..tensors.named import Named
from ..tensors.tensor import Tensor

__all__ = ["Later", "function_of", "functions", "load", "offer", "offer_methods", "row"]

F = TypeVar("F", bound=Callable[..., Any])
To = Literal["both", "methods", "functions"]

_functions: dict[str, Callable[..., Any]] = {}  # those that are no methods
_methods: set[str] = set()  # those that are functions, too

# Annotations of the parameters of rows, which a lambda cannot have. The others are Tensors, arrays, numbers or lists.
_KINDS = {
    **dict.fromkeys(["dim", "dim0", "dim1", "axis0", "axis1", "length", "n", "offset", "start"], "int"),
    **dict.fromkeys(["descending", "keepdim", "some", "stable", "upper"], "bool"),
}


def load() -> None:
    """Load all tables. Python's lock of imports lets one thread do it."""
    import_module(".tables", __package__)


class Later:
    """Stands in the class `Named` for a method of the tables. The first one that is asked for loads them all."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        """Load the tables, which put the method in the place of this object, and return the method."""
        load()
        if vars(Named)[self._name] is self:
            raise AttributeError(f"{owner.__name__}.{self._name} is in the index of names, but in no table")
        return getattr(owner if instance is None else instance, self._name)


def _is_method(name: str) -> bool:
    """Whether Tensor has a method `name` by now."""
    found = (vars(kind).get(name) for kind in Tensor.__mro__)
    return any(method is not None and type(method) not in (Later, LeftOut) for method in found)


def row(names: str, function: Callable[..., Any], sentence: str, *, returns: str = "Tensor", to: To = "both") -> None:
    """Add `function`, which is written as a lambda, to the table.

    Args:
        names: its name, and after spaces its other names.
        sentence: its docstring.
        returns: the annotation of its result.
        to: where it becomes an attribute. A method takes a Tensor as `input`. The function made of it also takes
            arrays, numbers and lists there, but a row of functions alone gets its arguments as they are.
    """
    code = function.__code__
    names_of_parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    kinds = {name: _KINDS[name] for name in names_of_parameters if name in _KINDS}
    function.__annotations__ = {**kinds, "return": returns}
    function.__name__ = function.__qualname__ = names.split()[0]  # Python's messages about arguments have the second
    function.__doc__ = sentence
    offer(names, to=to)(function)


def offer(names: str = "", *, to: To = "both") -> Callable[[F], F]:
    """Decorate a function so that it is added to the table, under its own name or under `names`. See `row`."""

    def add(function: F) -> F:
        for name in (names or function.__name__).split():
            is_function = name in _functions or name in _methods
            if (is_function and to != "methods") or (_is_method(name) and to != "functions"):
                raise ValueError(f"{name} is there already: a row adds a name")
            if to == "functions":
                _functions[name] = function
                continue
            function.__qualname__ = f"Tensor.{function.__name__}"
            setattr(Named, name, validated(function))
            if to == "both":
                _methods.add(name)
        return function

    return add


def offer_methods(names: str) -> None:
    """Offer methods of Tensor that are written out elsewhere as functions, too."""
    _methods.update(names.split())


def functions() -> set[str]:
    """The names of all functions that are made of rows and of methods."""
    load()
    return _methods | _functions.keys()


@functools.cache
def function_of(name: str) -> Callable[..., Any]:
    """The function of the package that is called `name`. It can be pickled by that name.

    Raises:
        KeyError: no row has this name.
    """
    if name not in _methods and name not in _functions:
        load()
    function = as_function(getattr(Tensor, name)) if name in _methods else validated(_functions[name])
    if getattr(import_module(function.__module__), function.__qualname__, None) is not function:
        function.__module__, function.__qualname__ = __name__.partition(".")[0], name
    return function
