"""All that the core knows of steps that are recorded to be replayed (`tinygrad_mlp.capture`).

`Observer` says what may be told of a step beyond the functions that the graph records: what changes state, what is
drawn, what leaves the graph. Where no step is being recorded, nobody listens, and its methods just do what is asked.
A tape is an Observer that takes down what it is told; the graph also asks it to compute, and to look on in a walk.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from threading import get_ident
from typing import Any, TypeVar

from .blas import Array

Function = TypeVar("Function", bound=Callable[..., Any])


class Observer:
    """Who is told what the graph does not record. This one does what is asked, and takes down nothing."""

    def perform(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call a function that changes state, or checks numbers: a replay calls it again, with its own Tensors."""
        return function(*arguments, **options)

    def write(self, change: Callable[[Any, Any], Any], tensor: Any, value: Any) -> None:
        """Let ``change(tensor, value)`` write to the array of `tensor`."""
        change(tensor, value)

    def repeat(self, function: Callable[..., Array], *arguments: Any) -> Array:
        """The new array that a function makes: a replay calls it again, so it may draw random numbers."""
        return function(*arguments)

    def constant(self, array: Array) -> Array:
        """`array`, made of numbers that were no Tensor's: each replay starts with the same."""
        return array

    def meet(self, tensor: Any) -> None:
        """Note that the step reads `tensor`. A Tensor that the step has not made is from outside."""

    def made(self, tensor: Any) -> None:
        """Note that the step has made `tensor`: it is not from outside, although its memory may be."""

    def ask_gradient(self, leaf: Any) -> None:
        """Note that the step has asked for the gradient of `leaf`, which is a Tensor by now, or None."""

    def use(self, module: Any) -> None:
        """Note that `module` is about to be called: what it holds decides on what the step computes."""

    def refuse(self, reason: str) -> None:
        """Note that the step does what a replay could not do."""


_nobody = Observer()
observers: dict[int, Any] = {}  # by thread; mostly there are none, which is quickly seen


def observer() -> Any:
    """Who is to be told of what this thread does."""
    return observers.get(get_ident(), _nobody) if observers else _nobody


def effect(function: Function) -> Function:
    """Mark a method that changes state: a replay calls it again, and does not take it apart."""

    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        if observers:
            return observer().perform(function, *arguments, **options)
        return function(*arguments, **options)

    return call  # type: ignore[return-value]
