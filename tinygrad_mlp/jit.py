"""PyTorch's compilers, which have nothing to compile here: each returns its argument as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ._left_out import explain_in
from .tensors.refusals import warn

__all__ = ["export", "ignore", "script", "trace", "unused"]

F = TypeVar("F")

_warned: set[str] = set()


def say_once(name: str) -> None:
    """Warn at the first call of the function `name` that it does nothing."""
    if name not in _warned:
        _warned.add(name)
        warn(f"{name}() returns its argument as it is: to make a training step faster, write step = capture(step)")


def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = "inductor",
    mode: str | None = None,
    options: Any = None,
    disable: bool = False,
) -> Any:
    """`model` itself, a function or a module. Without one, a decorator that returns what it decorates.

    The options are those of PyTorch's, and change nothing. A warning says so, once: what makes a training step faster
    is `capture`.
    """
    say_once("compile")
    return model if model is not None else lambda decorated: decorated


def script(
    obj: F,
    optimize: Any = None,
    _frames_up: int = 0,
    _rcb: Any = None,
    example_inputs: Any = None,
) -> F:
    """`obj` itself, a function or a module. A warning says so, once."""
    say_once("jit.script")
    return obj


def trace(func: F, example_inputs: Any = None, **options: Any) -> F:
    """`func` itself, a function or a module, which is not called. A warning says so, once."""
    say_once("jit.trace")
    return func


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """`drop` itself if it is a function, else a decorator that returns what it decorates: nothing is compiled."""
    return drop if callable(drop) else lambda decorated: decorated


def unused(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn` itself: nothing is compiled."""
    return fn


def export(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn` itself: nothing is compiled."""
    return fn


explain_in(globals())
