"""The base of modules that are a function and its options, such as activations and losses."""

from __future__ import annotations

import functools
import inspect
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar, dataclass_transform

import numpy as np

from ..tensors.refusals import is_module, refuse_names, shown
from ..tensors.tensor import Tensor
from .module import Module

__all__ = ["FunctionModule", "of_options"]

M = TypeVar("M", bound="FunctionModule")


@dataclass(eq=False, repr=False)
class FunctionModule(Module):
    """A module without parameters, which calls a function with its options.

    A subclass is decorated with `of_options`: its fields are the options, in the order in which the constructor takes
    them. Its ``forward`` calls the function. ``field(repr=False)`` leaves an option out when the module is printed.
    """

    _data_options = frozenset[str]()  # the options that may be data or modules, such as weights

    @classmethod
    def _usage(cls) -> str:
        """What to write, for a user who passed the data to the constructor."""
        needed = ", ".join(option.name for option in fields(cls) if option.default is MISSING)
        taken = [*inspect.signature(cls.forward).parameters][1:]
        return f"layer = nn.{cls.__name__}({needed}), and then layer({'x' if taken == ['input'] else ', '.join(taken)})"

    def extra_repr(self) -> str:
        options = [(field.name, getattr(self, field.name)) for field in fields(self) if field.repr]
        return ", ".join(
            f"{name}={value!r}" if isinstance(value, str) else f"{name}={value}" for name, value in options
        )


@dataclass_transform(eq_default=False, field_specifiers=(field,))
def of_options(cls: type[M]) -> type[M]:
    """Make `cls` a dataclass of its options, whose constructor refuses data: these are for the call of the module.

    A user who writes ``nn.MSELoss(net(x), y)`` means the function; the constructor would take the data for options.
    """
    made: Any = dataclass(eq=False, repr=False)(cls)
    constructor = made.__init__
    names = [option.name for option in fields(made)]
    positional = [option.name for option in fields(made) if not option.kw_only]

    @functools.wraps(constructor)
    def checked(self: M, *args: Any, **options: Any) -> None:
        """The constructor of `cls`, after a check that no argument is data."""
        # Each argument with its name, which is "" for positional arguments that are too many.
        for name, value in [*zip([*positional, *[""] * len(args)], args, strict=False), *options.items()]:
            is_data = is_module(value) or (isinstance(value, Tensor | np.ndarray) and value.ndim > 0)
            was_computed = isinstance(value, Tensor) and value.grad_fn is not None
            if was_computed or (is_data and name not in cls._data_options):
                raise TypeError(f"nn.{cls.__name__}() takes options, not {shown(value)}: write {cls._usage()}")
        refuse_names(f"nn.{cls.__name__}", names, options)
        constructor(self, *args, **options)

    made.__init__ = checked
    return made  # type: ignore[no-any-return]
