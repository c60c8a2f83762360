"""Whether functions of tensors are recorded: `no_grad` and its kin, and who watches every number for NaN."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from contextlib import ContextDecorator
from typing import Any, Self, TypeVar

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class _State(threading.local):
    enabled = True


state = _State()
watcher: Any = None  # who is shown each output and each gradient while `detect_anomaly` is on, in all threads


def is_grad_enabled() -> bool:
    """Whether functions of tensors are being recorded in this thread."""
    return state.enabled


class _Mode(ContextDecorator):
    """A block, or a decorated function, that records or does not; blocks nest, and one object may be entered again."""

    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled
        self._before: list[bool] = []

    def _recreate_cm(self) -> _Mode:
        return _Mode(self._enabled)  # ContextDecorator asks at each call: several threads may be in one function

    def __enter__(self) -> None:
        self._before.append(state.enabled)
        state.enabled = self._enabled

    def __exit__(self, *error: object) -> None:
        state.enabled = self._before.pop()

    def __call__(self, function: Decorated) -> Decorated:
        if not inspect.isgeneratorfunction(function):
            return super().__call__(function)

        # The mode holds in the generator's body, and not in its caller between two values.
        @functools.wraps(function)
        def generate(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            resume = functools.partial(next, generator)
            try:
                while True:
                    with self._recreate_cm():
                        value = resume()
                    try:
                        resume = functools.partial(generator.send, (yield value))
                    except BaseException as error:  # the caller threw it into this generator: pass it on
                        resume = functools.partial(generator.throw, error)
            except StopIteration as stop:
                return stop.value

        return generate  # type: ignore[return-value]


class set_grad_enabled(_Mode):
    """Switch recording on or off in this thread: at once, and until the end of the block where used with ``with``."""

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        super().__enter__()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        state.enabled = self._before[0]

    def __call__(self, function: Decorated) -> Decorated:
        self.__exit__()  # as a decorator it switches in the function alone
        return super().__call__(function)


class _Switch(_Mode):
    """A mode that either records or does not. As a decorator it needs no parentheses."""

    _mode: bool

    def __new__(cls, function: Any = None, /) -> Any:
        if function is None:
            return super().__new__(cls)
        if not callable(function):
            raise TypeError(
                f"{cls.__name__} takes no {function!r}: write `with {cls.__name__}():` or `@{cls.__name__}`"
            )
        return cls()(function)

    def __init__(self) -> None:
        super().__init__(self._mode)

    def _recreate_cm(self) -> Self:
        return type(self)()


class no_grad(_Switch):
    """Do not record: ``with no_grad():`` or ``@no_grad``. Results need no gradient and keep nothing alive."""

    _mode = False


class enable_grad(_Switch):
    """Record again inside a `no_grad` block."""

    _mode = True
