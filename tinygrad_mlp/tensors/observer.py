"""All that Tensors, modules and optimizers know of captured steps (`tinygrad_mlp.capture`).

While a step is captured, an `Observer` is told what the step does beyond recorded functions: what it changes, what it
draws, what leaves the graph. A tape (`_tape.Tape`) is an Observer that takes this down. The core calls further methods
of a tape: `record` calls `compute`, and the walk calls `slot`, `read_node` and `arrived`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from threading import get_ident
from typing import Any, TypeVar

from ..core.blas import Array
from ..core.mode import observers

__all__ = ["Observer", "effect", "observer"]

Function = TypeVar("Function", bound=Callable[..., Any])


class Observer:
    """Is told what the graph does not record. This class serves uncaptured steps: it calls, and takes down nothing."""

    def perform(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call a function that changes an object, or checks numbers: a replay calls it again, with its own Tensors."""
        return function(*arguments, **options)

    def write(self, change: Callable[[Any, Any], Any], tensor: Any, value: Any) -> None:
        """Let ``change(tensor, value)`` write to the array of `tensor`."""
        change(tensor, value)

    def repeat(self, function: Callable[..., Array], *arguments: Any) -> Array:
        """The new array that a function makes: a replay calls it again, so it may draw random numbers."""
        return function(*arguments)

    def copied(self, array: Array) -> Array:
        """A copy of `array`, which each replay makes anew."""
        return array.copy()

    def constant(self, array: Array) -> Array:
        """`array`, whose numbers come from no Tensor: each replay starts with the same numbers."""
        return array

    def meet(self, tensor: Any) -> None:
        """Note that the step reads `tensor`. A Tensor that the step has not made is from outside."""

    def made(self, tensor: Any) -> None:
        """Note that the step has made `tensor`: it is not from outside, although its memory may be."""

    def ask_gradient(self, leaf: Any) -> None:
        """Note that the step has read ``.grad`` of `leaf`. The gradient is a Tensor by now, or None."""

    def use(self, module: Any) -> None:
        """Note that the step calls `module`. The attributes of `module` decide what the step computes."""

    def refuse(self, reason: str) -> None:
        """Note that the step does what a replay could not do."""


_nobody = Observer()


def observer() -> Any:
    """The observer of this thread."""
    return observers.get(get_ident(), _nobody) if observers else _nobody


def effect(function: Function) -> Function:
    """Mark a method that changes an object. A replay calls the method again, not the functions inside it one by one."""

    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        if observers:
            return observer().perform(function, *arguments, **options)
        return function(*arguments, **options)

    return call  # type: ignore[return-value]
