"""Modules that hold modules: Sequential calls them one after the other; ModuleList and ModuleDict only hold them.

A plain list or dict in an attribute of a module does what ModuleList and ModuleDict do. These exist for programs that
are written for PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, MutableSequence
from itertools import chain, count
from typing import Any, overload

from ..tensors.refusals import shown
from .changes import configuration
from .module import Module, validate_module

__all__ = ["ModuleDict", "ModuleList", "Sequential"]


_CALL = Module.__call__


class _Container(Module):
    """A module that holds others in `_layers`, a list or dict. Paths such as ``"0.weight"`` leave that name out."""

    _layers: Any

    def _attributes(self) -> Iterator[tuple[str, Any]]:
        layers = self._layers.items() if isinstance(self._layers, dict) else enumerate(self._layers)
        others = ((name, value) for name, value in vars(self).items() if name != "_layers")
        return chain(((str(name), module) for name, module in layers), others)


class _Named(_Container):
    """A container of named modules, which can also be read and replaced as attributes, such as ``net.head``."""

    _layers: dict[str, Module]

    def __getattr__(self, name: str) -> Any:  # Python calls this only after the normal lookup failed
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

    def append(self, module: Module) -> Sequential:
        """Add `module` at the end, and return this Sequential.

        Its name is the number of modules before it, or the next number that is no name here yet: after a slice, or in
        a Sequential of a dict, a module in the middle may have that name.
        """
        name = next(name for name in map(str, count(len(self))) if name not in self._layers)
        self.add_module(name, module)
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
    """A list of modules, with the methods of a list.

    Raises:
        TypeError: an entry is not a module.

    >>> from tinygrad_mlp import nn
    >>> layers = nn.ModuleList([nn.Linear(2, 3)])
    >>> layers.append(nn.Linear(3, 1, bias=False))
    >>> list(layers.state_dict())
    ['0.weight', '0.bias', '1.weight']
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        self._layers: list[Module] = []
        if isinstance(modules, Module) and not isinstance(modules, Iterable):
            raise TypeError(f"a ModuleList is made of a list, not of {shown(modules)}: write ModuleList([...])")
        self.extend(modules or ())

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
