"""Attributes of a module that are computed from its parameters each time they are read, such as a normalized weight.

A module with such attributes becomes of a class of its own, below the class that it had. Its forward() reads
``self.weight`` as before; copies and pickles have the attributes, too.
"""

from __future__ import annotations

from typing import Any, TypeVar

from ...tensors.tensor import Tensor
from ..changes import configuration
from ..module import Module
from ..parameter import Parameter, is_lazy

__all__ = ["Computed", "add_computed", "class_before", "computed_in", "remove_computed", "taken_out"]

M = TypeVar("M", bound=Module)


class Computed:
    """An attribute of a module. A subclass says in `value` how it is computed.

    It is a data descriptor, which Python asks before it looks into the module itself.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, module: Any, owner: Any = None) -> Any:
        return self if module is None else self.value(module)

    def __set__(self, module: Any, value: Any) -> None:
        raise TypeError(f"{self.name} is computed from other parameters: set these, or remove what computes it first")

    def value(self, module: Any) -> Tensor:
        """Compute the attribute of this `module`."""
        raise NotImplementedError


def computed_in(module: Module) -> dict[str, Computed]:
    """The computed attributes of `module`, by name."""
    return getattr(type(module), "_computed", {})


def class_before(module: Module) -> type[Module]:
    """The class that `module` had before its first computed attribute."""
    return getattr(type(module), "_uncomputed", type(module))


def add_computed(module: Module, attribute: Computed) -> None:
    """Let `module` compute an attribute."""
    _set_class(module, {**computed_in(module), attribute.name: attribute})


def remove_computed(module: Module, name: str) -> None:
    """Let `module` compute the attribute `name` no more."""
    _set_class(module, {other: held for other, held in computed_in(module).items() if other != name})


def _set_class(module: Module, computed: dict[str, Computed]) -> None:
    module.__class__ = _class_of(class_before(module), computed)
    configuration.changes += 1


def _class_of(base: type[M], computed: dict[str, Computed]) -> type[M]:
    """A class below `base` with the `computed` attributes; `base` itself if there are none."""
    if not computed:
        return base
    names = {**computed, "_computed": computed, "_uncomputed": base, "__reduce_ex__": _reduce, "__doc__": base.__doc__}
    return type(f"Parametrized{base.__name__}", (base,), names)


def _reduce(module: Module, protocol: Any) -> Any:
    """Tells Python how to copy and pickle `module`. By default Python looks for its class by name, and finds none."""
    return _remade, (class_before(module), computed_in(module)), dict(vars(module))


def _remade(base: type[M], computed: dict[str, Computed]) -> M:
    made = _class_of(base, computed)
    return made.__new__(made)


def taken_out(module: Module, name: str) -> Parameter:
    """Take the parameter `name` out of `module`, which is going to compute it.

    Raises:
        ValueError: it is None, or has no shape yet; or the module has no such parameter.
        RuntimeError: it is computed already.
    """
    if name in computed_in(module):
        raise RuntimeError(f"{name} of {module} is computed already: remove what computes it first")
    weight = vars(module).get(name)
    if is_lazy(weight):
        raise ValueError(f"{name} of {module} has no shape yet: call the network once with a batch before")
    if not isinstance(weight, Parameter):
        found = [other for other, value in vars(module).items() if isinstance(value, Parameter)]
        raise ValueError(f"{module} has no parameter {name!r}, only {found}")
    delattr(module, name)
    return weight
