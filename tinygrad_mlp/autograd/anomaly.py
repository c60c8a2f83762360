"""Finds the first NaN or infinity of a forward or backward pass, and names the line of the program that computed it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from types import TracebackType
from typing import Any, ClassVar

import numpy as np

from ..core import mode as core_mode
from ..core.blas import Product
from ..core.lines import calling_line, described, function_name
from ..core.record import Form, Node
from ..tensors.arguments import array_of

__all__ = ["detect_anomaly", "set_detect_anomaly"]


class _Watcher:
    """Is shown every output of a function and every gradient of a rule, and raises at the first NaN or infinity."""

    def computed(self, function: Any, inputs: Sequence[Any], output: Any, node: Node | None) -> None:
        """Raise RuntimeError if the `output` of a function holds NaN or infinity."""
        if not _finite(output):
            raise RuntimeError(
                f"{function_name(function)} at {calling_line(sys._getframe())} returned "
                f"{_summary(output)}; {_summaries(inputs)}"
            )

    def carried(self, node: Node, array: Any, g: Any, gradient: Any) -> None:
        """Raise RuntimeError if the `gradient` with respect to the input `array` of `node` holds NaN or infinity.

        `g` is the gradient of the output of `node`, from which it was computed.
        """
        if hasattr(gradient, "shape") and not _finite(gradient):  # what is no array, the walk refuses by name
            position = next(i for i, known in enumerate(node.inputs) if known is array)
            raise RuntimeError(
                f"the gradient of {described(node)} with respect to input {position} is {_summary(gradient)}; "
                f"the gradient that came to it is {_summary(g)}; {_summaries(node.inputs)}"
            )


def _array(value: Any) -> Any:
    """The entries of a Tensor, an array, a number or a `Product`, as an array."""
    if isinstance(value, Product):
        return value.dense()
    return np.asarray(array_of(value))


def _finite(value: Any) -> bool:
    return bool(np.isfinite(_array(value)).all())


def _summary(value: Any) -> str:
    """The shape and range of an array, and how many NaN and infinities it holds; of a `Form`, only the shape."""
    if isinstance(value, Form):
        return f"shape {value.shape}"
    array = _array(value)
    numbers = array[np.isfinite(array)]
    counts = ((np.count_nonzero(np.isnan(array)), "NaN"), (np.count_nonzero(np.isinf(array)), "infinite"))
    notes = [f"shape {array.shape}"]
    if numbers.size:
        notes.append(f"min {numbers.min():.4g}, max {numbers.max():.4g}")
    return ", ".join([*notes, *(f"{count} {what}" for count, what in counts if count)])


def _summaries(inputs: Sequence[Any]) -> str:
    return "; ".join(f"input {i}: {_summary(x)}" for i, x in enumerate(inputs) if x is not None)


class set_detect_anomaly:
    """Switch `detect_anomaly` on or off. In a ``with`` statement, the end of the block undoes the switch."""

    _all: ClassVar[list[set_detect_anomaly]] = []  # of which the last one counts; blocks of threads and tasks overlap

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._watches = mode and check_nan
        self._all.append(self)
        self._choose()

    def _choose(self) -> None:
        watches = bool(self._all) and self._all[-1]._watches
        core_mode.watcher = _Watcher() if watches else None

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: TracebackType | None) -> None:
        if self in self._all:  # else the block has ended before
            self._all.remove(self)
        self._choose()


# The blocks of `detect_anomaly` that this thread or task is in: (innermost, (next, …)).
_blocks: ContextVar[tuple[contextlib.ExitStack, Any] | None] = ContextVar("blocks", default=None)


class detect_anomaly(contextlib.ContextDecorator):
    """Raise RuntimeError in this block at the first NaN or infinity that a forward or backward pass computes.

    The message names the function and the line that called it, and gives the shape, minimum and maximum of its inputs.
    All threads are watched. This makes a program slow, so use it to find a mistake, not to train.

    Args:
        check_nan: whether to look for NaN and infinity. PyTorch's block, without it, still adds lines to messages;
            here all messages name the line anyway.

    >>> import tinygrad_mlp as tg
    >>> with tg.autograd.detect_anomaly():
    ...     tg.tensor([1.0, 0.0]).log()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    RuntimeError: log at ...:2 returned shape (2,), min 0, max 0, 1 infinite; input 0: shape (2,), min 0, max 1
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = check_nan

    def __enter__(self) -> None:
        block = contextlib.ExitStack()
        block.enter_context(set_detect_anomaly(True, self._check_nan))
        block.enter_context(np.errstate(all="ignore"))  # NumPy would only warn, and of a line of this package
        _blocks.set((block, _blocks.get()))

    def __exit__(self, kind: Any, error: BaseException | None, trace: TracebackType | None) -> None:
        entered = _blocks.get()
        if entered is not None:
            block, around = entered
            _blocks.set(around)
            block.close()
