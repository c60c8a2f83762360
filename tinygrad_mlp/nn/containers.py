"""Modules that hold modules: Sequential calls them one after the other; the other two leave the calling to you.

A plain list or dict in an attribute does what ModuleList and ModuleDict do; these exist for programs that name them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, MutableSequence
from itertools import chain
from typing import Any, overload

from .changes import configuration
from .module import Module, check_module

__all__ = ["ModuleDict", "ModuleList", "Sequential"]


_CALL = Module.__call__


class _Container(Module):
    """A module whose held modules go by their own names, without that of an attribute in front."""

    _layers: Any

    def _attributes(self) -> Iterator[tuple[str, Any]]:
        layers = self._layers.items() if isinstance(self._layers, dict) else enumerate(self._layers)
        others = ((name, value) for name, value in vars(self).items() if name != "_layers")
        return chain(((str(name), module) for name, module in layers), others)


class _Named(_Container):
    """A container whose modules can be read and replaced as attributes, too: ``net.head``."""

    _layers: dict[str, Module]

    def __getattr__(self, name: str) -> Any:  # asked only where there is no other attribute of that name
        layers = vars(self).get("_layers", {})
        if name not in layers:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return layers[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self).get("_layers", {}):
            self.add_module(name, value)
        else:
            super().__setattr__(name, value)

    def add_module(self, name: str, module: Any) -> None:
        """Put `module` at the end, or in the place of the one called `name`."""
        self._check_name(name, Module)
        check_module(module)
        self._layers[name] = module
        configuration.changes += 1


class Sequential(_Named):
    """Modules called one after the other: ``Sequential(Linear(2, 3), Tanh())``, or a dict of named ones.

    Raises:
        TypeError: an argument is no module.

    >>> import numpy as np
    >>> from tinygrad_mlp.nn import Linear, Tanh
    >>> net = Sequential(Linear(784, 256), Tanh(), Linear(256, 10))
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
            # What calling it would do, without the detour.
            plain = layer._module_hooks is None and type(layer).__call__ is _CALL
            input = layer.forward(input) if plain else layer(input)
        return input

    def append(self, module: Module) -> Sequential:
        """Put `module` at the end, and return this Sequential."""
        self.add_module(str(len(self)), module)
        return self

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


class ModuleList(_Container, MutableSequence[Module]):
    """A list of modules, with a list's methods.

    Raises:
        TypeError: an entry is no module.

    >>> from tinygrad_mlp.nn import Linear
    >>> layers = ModuleList([Linear(2, 3)])
    >>> layers.append(Linear(3, 1, bias=False))
    >>> list(layers.state_dict())
    ['0.weight', '0.bias', '1.weight']
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        self._layers: list[Module] = []
        self.extend(modules or ())

    def insert(self, index: int, module: Module) -> None:
        """Put `module` before the one at `index`."""
        check_module(module)
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
            check_module(entry)
        self._layers[index] = module
        configuration.changes += 1

    def __delitem__(self, index: int | slice) -> None:
        del self._layers[index]
        configuration.changes += 1

    def __len__(self) -> int:
        return len(self._layers)


class ModuleDict(_Named, MutableMapping[str, Module]):
    """Modules by name, with a dict's methods.

    Raises:
        TypeError: an entry is no module.
        ValueError: a name is empty, holds a dot, or is one of the methods'.

    >>> from tinygrad_mlp.nn import Linear
    >>> heads = ModuleDict({"mean": Linear(4, 1), "spread": Linear(4, 1, bias=False)})
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

    # A module is itself and no other, as everywhere; a mapping would compare its entries, and have no hash.
    __eq__ = object.__eq__
    __hash__ = object.__hash__
