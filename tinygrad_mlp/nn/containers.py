"""Modules that hold modules: Sequential calls them one after the other; ModuleList and ModuleDict only hold them.

A plain list or dict in an attribute of a module does what ModuleList and ModuleDict do. These exist for programs that
are written for PyTorch. Those of parameters are in `parameter_containers.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, MutableSequence
from itertools import chain, count
from typing import Any, Self, overload

from ..tensors.arguments import positive_integer
from ..tensors.refusals import shown
from .changes import configuration
from .module import Module, validate_module

__all__ = ["Container", "ModuleDict", "ModuleList", "Sequential"]


_CALL = Module.__call__


def _validated_modules(modules: Any) -> list[Module]:
    """All `modules` in a list, which a container takes as a whole or not at all."""
    if not isinstance(modules, Iterable):
        raise TypeError(f"several modules are given as a list, not as {shown(modules)}: write [...]")
    held = list(modules)
    for module in held:
        validate_module(module)
    return held


class Container(Module):
    """A module that holds modules in the list or dict `_layers`, a name that paths such as ``"0.weight"`` leave out."""

    _layers: Any

    def _attributes(self) -> Iterator[tuple[str, Any]]:
        layers = self._layers.items() if isinstance(self._layers, dict) else enumerate(self._layers)
        others = ((name, value) for name, value in vars(self).items() if name != "_layers")
        return chain(((str(name), module) for name, module in layers), others)


class ByName(Container):
    """A container whose entries can also be read and replaced as attributes, such as ``net.head``."""

    _layers: dict[str, Any]

    def _replace(self, name: str, value: Any) -> None:
        """Hold `value` under a `name` that is there already."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:  # Python calls this only after the normal lookup failed
        layers = vars(self).get("_layers", {})
        return layers[name] if name in layers else object.__getattribute__(self, name)  # which raises the error again

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self).get("_layers", {}):
            self._replace(name, value)
        else:
            super().__setattr__(name, value)


class _Named(ByName):
    """A container of named modules."""

    _layers: dict[str, Module]

    def _replace(self, name: str, value: Any) -> None:
        self.add_module(name, value)

    def add_module(self, name: str, module: Any) -> None:
        """Hold `module` under `name`: in place of the module of this name, or at the end if there is none.

        Raises:
            TypeError: `module` is not a module, or `name` is not a str.
            ValueError: `name` is empty, holds a dot, or is taken by something else.
        """
        self._validate_name(name, Module)
        validate_module(module)
        self._layers[name] = module
        configuration.changes += 1


class Sequential(_Named):
    """Calls modules one after the other, each with the output of the one before.

    The arguments are the modules, as in ``Sequential(Linear(2, 3), Tanh())``, or one dict of named modules.

    Raises:
        TypeError: an argument is not a module.

    >>> import numpy as np
    >>> from tinygrad_mlp import nn
    >>> net = nn.Sequential(nn.Linear(784, 256), nn.Tanh(), nn.Linear(256, 10))
    >>> net(np.zeros((5, 784), np.float32)).shape
    (5, 10)
    >>> list(net.state_dict())
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *args: Module | Mapping[str, Module]) -> None:
        self._layers = {}
        named = args[0] if len(args) == 1 and isinstance(args[0], Mapping) else {str(i): m for i, m in enumerate(args)}
        for name, module in named.items():
            self.add_module(name, module)

    def forward(self, input: Any) -> Any:
        for layer in self._layers.values():
            # Calling a layer without hooks adds only what calling this Sequential has done: telling who observes it.
            plain = layer._module_hooks is None and type(layer).__call__ is _CALL
            input = layer.forward(input) if plain else layer(input)
        return input

    def append(self, module: Module) -> Self:
        """Add `module` at the end, and return this Sequential.

        Its name is the number of modules before it. Another module may have that name, after a slice or in a Sequential
        that was made of a dict. Then the next free number is the name.
        """
        name = next(name for name in map(str, count(len(self))) if name not in self._layers)
        self.add_module(name, module)
        return self

    def extend(self, sequential: Iterable[Module]) -> Self:
        """Add all modules of `sequential` at the end, as `append` does, and return this Sequential.

        Raises:
            TypeError: one of them is not a module. Then nothing has been changed.
        """
        for module in _validated_modules(sequential):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Put `module` before the one at `index`, number all modules anew, and return this Sequential.

        Raises:
            TypeError: `module` is not a module.
            IndexError: `index` is beyond the number of modules.
        """
        validate_module(module)
        if not -len(self) <= index <= len(self):
            raise IndexError(f"there are {len(self)} modules, so that none can be put at {index}")
        modules = list(self)
        modules.insert(index, module)
        return self._number(modules)

    def pop(self, key: int | slice) -> Module:
        """Remove and return the module at `key`, or a Sequential of those in a slice. The others are numbered anew."""
        taken = self[key]
        del self[key]
        return taken

    def _number(self, modules: Iterable[Module]) -> Self:
        """Hold `modules`, under the names "0", "1", and so on."""
        self._layers = {str(i): module for i, module in enumerate(modules)}
        return self

    def __delitem__(self, index: int | slice) -> None:
        modules = list(self)
        del modules[index]
        self._number(modules)

    def __add__(self, other: Sequential) -> Sequential:
        return Sequential(*self, *other) if isinstance(other, Sequential) else NotImplemented

    def __iadd__(self, other: Sequential) -> Self:
        return self.extend(other) if isinstance(other, Sequential) else NotImplemented

    def __mul__(self, other: int) -> Sequential:
        return Sequential(*self._repeated(other))

    __rmul__ = __mul__

    def __imul__(self, other: int) -> Self:
        return self._number(self._repeated(other))

    def _repeated(self, times: int) -> list[Module]:
        """The modules, `times` one after the other. They are the same ones each time, with the same parameters."""
        return list(self) * positive_integer(times, "a Sequential is multiplied by a positive integer")

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._layers.values())

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    def __getitem__(self, index: int | slice) -> Module:
        layers = list(self._layers.items())
        return Sequential(dict(layers[index])) if isinstance(index, slice) else layers[index][1]

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(list(self._layers)[index], module)


class ModuleList(Container, MutableSequence[Module]):
    """A list of modules, with the methods of a list.

    Raises:
        TypeError: an entry is not a module.

    >>> from tinygrad_mlp import nn
    >>> layers = nn.ModuleList([nn.Linear(2, 3)]) + [nn.Linear(3, 1, bias=False)]
    >>> list(layers.state_dict())
    ['0.weight', '0.bias', '1.weight']
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        self._layers: list[Module] = []
        self.extend(() if modules is None else modules)

    def append(self, module: Module) -> Self:  # type: ignore[override]
        """Add `module` at the end, and return this list."""
        self.insert(len(self), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:  # type: ignore[override]
        """Add all `modules` at the end, and return this list.

        Raises:
            TypeError: one of them is not a module. Then nothing has been changed.
        """
        for module in _validated_modules(modules):
            self.append(module)
        return self

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def add_module(self, name: str, module: Any) -> None:
        """Put `module` at the index `name`, such as "0". It replaces the module there, or comes to the end of the list.

        Raises:
            TypeError: `module` is not a module.
            ValueError: `name` is no index of this list, nor its length.
        """
        validate_module(module)
        if name == str(len(self)):
            self.append(module)
        elif name in map(str, range(len(self))):
            self[int(name)] = module
        else:
            raise ValueError(f"a ModuleList of {len(self)} modules has no place {name!r}: write append(module)")

    def insert(self, index: int, module: Module) -> None:
        """Insert `module` before the one at `index`."""
        validate_module(module)
        self._layers.insert(index, module)
        configuration.changes += 1

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> ModuleList: ...
    def __getitem__(self, index: int | slice) -> Module:
        return ModuleList(self._layers[index]) if isinstance(index, slice) else self._layers[index]

    def __setitem__(self, index: Any, module: Any) -> None:
        for entry in module if isinstance(index, slice) else [module]:
            validate_module(entry)
        self._layers[index] = module
        configuration.changes += 1

    def __delitem__(self, index: int | slice) -> None:
        del self._layers[index]
        configuration.changes += 1

    def __len__(self) -> int:
        return len(self._layers)


class ModuleDict(_Named, MutableMapping[str, Module]):
    """A dict of modules by name, with the methods of a dict.

    Raises:
        TypeError: an entry is not a module.
        ValueError: a name is empty, holds a dot, or is the name of a method.

    >>> from tinygrad_mlp import nn
    >>> heads = nn.ModuleDict({"mean": nn.Linear(4, 1), "spread": nn.Linear(4, 1, bias=False)})
    >>> list(heads.state_dict())
    ['mean.weight', 'mean.bias', 'spread.weight']
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        self._layers = {}
        self.update(modules or {})

    def __getitem__(self, name: str) -> Module:
        return self._layers[name]

    def __setitem__(self, name: str, module: Module) -> None:
        self.add_module(name, module)

    def __delitem__(self, name: str) -> None:
        del self._layers[name]
        configuration.changes += 1

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)

    # Modules are compared by identity. Mapping would compare the entries, and would have no hash.
    __eq__ = object.__eq__
    __hash__ = object.__hash__
