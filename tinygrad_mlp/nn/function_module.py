"""The base of modules that are a function and its options, such as activations and losses."""

from __future__ import annotations

from dataclasses import dataclass, fields

from .module import Module

__all__ = ["FunctionModule"]


@dataclass(eq=False, repr=False)
class FunctionModule(Module):
    """A module without parameters, which calls a function with its options.

    A subclass is a dataclass: its fields are the options, in the order in which the constructor takes them. Its
    ``forward`` calls the function. ``field(repr=False)`` leaves an option out when the module is printed.
    """

    def extra_repr(self) -> str:
        shown = [(field.name, getattr(self, field.name)) for field in fields(self) if field.repr]
        return ", ".join(f"{name}={value!r}" if isinstance(value, str) else f"{name}={value}" for name, value in shown)
