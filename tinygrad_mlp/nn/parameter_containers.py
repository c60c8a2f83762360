"""ParameterList and ParameterDict: modules that hold parameters, and perhaps other values, in a list or a dict.

A plain list or dict in an attribute of a module does the same. These exist for programs that are written for PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, MutableSequence
from typing import Any, Self

from ..tensors.refusals import shown
from ..tensors.tensor import Tensor
from .changes import configuration
from .containers import ByName, Container
from .parameter import Parameter

__all__ = ["ParameterDict", "ParameterList"]


def _held(value: Any) -> Any:
    """The object that a container of parameters holds for `value`: for a Tensor a Parameter, else `value` itself."""
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


def _line(name: Any, value: Any) -> str:
    """How a container prints one of its values."""
    if isinstance(value, Parameter):
        return f"({name}): Parameter containing: [{value.dtype} of size {'x'.join(map(str, value.shape))}]"
    return f"({name}): Object of type: {type(value).__name__}"


class ParameterList(Container, MutableSequence[Any]):
    """A list of parameters, with the methods of a list. A Tensor that is put in becomes a `Parameter`.

    Other values are held, too, but no part of the module's parameters.

    >>> from tinygrad_mlp import nn, ones
    >>> weights = nn.ParameterList([ones(2), ones(3, 3)])
    >>> [name for name, _ in weights.named_parameters()]
    ['0', '1']
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        self._layers: list[Any] = []
        self.extend(() if values is None else values)

    def insert(self, index: int, value: Any) -> None:
        """Insert `value` before the one at `index`."""
        self._layers.insert(index, _held(value))
        configuration.changes += 1

    def append(self, value: Any) -> Self:  # type: ignore[override]
        """Add `value` at the end, and return this list."""
        self.insert(len(self), value)
        return self

    def extend(self, values: Iterable[Any]) -> Self:  # type: ignore[override]
        """Add all `values` at the end, and return this list.

        Raises:
            TypeError: `values` is one Tensor or parameter, or cannot be iterated over.
        """
        if isinstance(values, Tensor) or not isinstance(values, Iterable):
            raise TypeError(f"several values are given as a list, not as {shown(values)}: write [...]")
        for value in list(values):
            self.append(value)
        return self

    def __getitem__(self, index: Any) -> Any:
        return ParameterList(self._layers[index]) if isinstance(index, slice) else self._layers[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._layers[index] = [_held(entry) for entry in value] if isinstance(index, slice) else _held(value)
        configuration.changes += 1

    def __delitem__(self, index: int | slice) -> None:
        del self._layers[index]
        configuration.changes += 1

    def __len__(self) -> int:
        return len(self._layers)

    def __repr__(self) -> str:
        return _printed(self, enumerate(self._layers))


class ParameterDict(ByName, MutableMapping[str, Any]):
    """A dict of parameters by name, with the methods of a dict. A Tensor that is put in becomes a `Parameter`.

    A value can also be read as an attribute. Values that are no parameters are held, too.

    Raises:
        TypeError: a name is no str.
        KeyError: the name of a Tensor is empty or holds a dot.

    >>> from tinygrad_mlp import nn, ones
    >>> weights = nn.ParameterDict({"left": ones(2), "right": ones(3)})
    >>> [name for name, _ in weights.named_parameters()], weights.left.shape
    (['left', 'right'], (2,))
    """

    def __init__(self, parameters: Any = None) -> None:
        self._layers = {}
        self.update({} if parameters is None else parameters)

    def _replace(self, name: str, value: Any) -> None:
        self[name] = value

    def __getitem__(self, key: str) -> Any:
        return self._layers[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise TypeError(f"a name in a ParameterDict is a str, not {key!r}")
        if isinstance(value, Tensor) and (not key or "." in key):
            raise KeyError(f"the name of a parameter is not empty, and has no dot, which separates names: {key!r}")
        self._layers[key] = _held(value)
        configuration.changes += 1

    def __delitem__(self, key: str) -> None:
        del self._layers[key]
        configuration.changes += 1

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._layers)

    def popitem(self) -> tuple[str, Any]:
        """Take out the last name and its value, and return both.

        Raises:
            KeyError: there is none.
        """
        configuration.changes += 1
        return self._layers.popitem()

    def copy(self) -> ParameterDict:
        """A new ParameterDict of the same parameters."""
        return ParameterDict(self._layers)

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """A new ParameterDict that has `default` under each of the `keys`."""
        return ParameterDict(dict.fromkeys(keys, default))

    def __or__(self, other: Mapping[str, Any]) -> ParameterDict:
        return ParameterDict({**self, **other}) if isinstance(other, Mapping) else NotImplemented

    def __ior__(self, other: Mapping[str, Any]) -> Self:
        self.update(other)
        return self

    # Modules are compared by identity. Mapping would compare the entries, and would have no hash.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return _printed(self, self._layers.items())


def _printed(container: Any, values: Iterable[tuple[Any, Any]]) -> str:
    lines = [_line(name, value) for name, value in values]
    return "\n  ".join([f"{type(container).__name__}(", *lines]) + "\n)" if lines else f"{type(container).__name__}()"
