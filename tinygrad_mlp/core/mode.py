"""Whether functions of tensors are recorded, and who else is told of every function."""

from __future__ import annotations

from contextlib import ContextDecorator
from contextvars import ContextVar
from typing import Any

# Whether functions are recorded, and the same of the block around: (innermost, (next, …)). A context variable has one
# value for each thread and for each asyncio task, so a block that awaits does not change what other tasks record.
modes: ContextVar[tuple[bool, Any]] = ContextVar("modes", default=(True, None))
current = modes.get
observers: dict[int, Any] = {}  # who writes down what a step does (`tensors/observer.py`), by thread; mostly nobody
watcher: Any = None  # who is shown each output and each gradient while `detect_anomaly` is on, in all threads


def is_grad_enabled() -> bool:
    """Whether functions of tensors are being recorded in this thread, and in this task of asyncio."""
    return current()[0]


class Mode(ContextDecorator):
    """A block that records or does not. Blocks nest, and threads may share an object."""

    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled

    def __enter__(self) -> None:
        modes.set((self._enabled, current()))

    def __exit__(self, *error: object) -> None:
        modes.set(current()[1] or current())  # None: a generator entered the block in another thread or task
