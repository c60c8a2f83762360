"""`no_grad` and its kin: blocks and decorated functions whose functions of Tensors are recorded, or are not."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from typing import Any, Self, TypeVar

from ..core.mode import Mode, current, modes

__all__ = ["enable_grad", "inference_mode", "no_grad", "set_grad_enabled"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class _Mode(Mode):
    """A block, or a decorated function, that records or does not."""

    def _recreate_cm(self) -> _Mode:
        return _Mode(self._enabled)  # ContextDecorator asks at each call

    def _driven(self, inner: Any) -> Any:
        """Run a generator or a coroutine. The mode holds in its body, and not in its caller between two values."""
        resume = functools.partial(inner.send, None)
        try:
            while True:
                with self._recreate_cm():
                    value = resume()
                try:
                    resume = functools.partial(inner.send, (yield value))
                except BaseException as error:  # the caller threw it into this generator: pass it on
                    resume = functools.partial(inner.throw, error)
        except StopIteration as stop:
            return stop.value

    def __call__(self, function: Decorated) -> Decorated:
        """Decorate a function, or one that is a generator, a coroutine or an asynchronous generator."""
        awaited: Any = types.coroutine(self._driven)

        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            return await awaited(function(*args, **kwargs))

        async def async_generate(*args: Any, **kwargs: Any) -> Any:
            inner = function(*args, **kwargs)
            resume = functools.partial(inner.asend, None)
            try:
                while True:
                    value = await awaited(resume())
                    try:
                        resume = functools.partial(inner.asend, (yield value))
                    except BaseException as error:
                        resume = functools.partial(inner.athrow, error)
            except StopAsyncIteration:
                return

        if inspect.isgeneratorfunction(function):
            return functools.wraps(function)(lambda *args, **kwargs: self._driven(function(*args, **kwargs)))  # type: ignore[return-value]
        if inspect.iscoroutinefunction(function):
            return functools.wraps(function)(coroutine)  # type: ignore[return-value]
        if inspect.isasyncgenfunction(function):
            return functools.wraps(function)(async_generate)  # type: ignore[return-value]
        return super().__call__(function)


class set_grad_enabled(_Mode):
    """Switch recording on or off in this thread or task: at once, and until the end of the block in a ``with``."""

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        self._before = current()
        modes.set((self._enabled, self._before[1]))

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        modes.set(self._before)

    def __call__(self, function: Decorated) -> Decorated:
        self.__exit__()  # as a decorator it switches in the function alone
        return super().__call__(function)


class _Switch(_Mode):
    """A mode that either records or does not. As a decorator it needs no parentheses."""

    _mode: bool

    def __new__(cls, function: Any = None, /) -> Any:
        """A mode for a ``with`` block; or, for ``@no_grad`` without parentheses, the decorated `function`."""
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


class inference_mode(_Mode):
    """`no_grad`, under PyTorch's name; with ``inference_mode(False)``, `enable_grad`.

    The Tensors that are made in this mode can be used everywhere, like all others.
    """

    def __new__(cls, mode: Any = True) -> Any:
        return cls()(mode) if callable(mode) else super().__new__(cls)

    def __init__(self, mode: bool = True) -> None:
        super().__init__(not mode)
