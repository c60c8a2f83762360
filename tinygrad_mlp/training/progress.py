"""What is seen while a network trains: a progress bar where tqdm is installed, and a printed line for each report."""

from __future__ import annotations

from typing import Any

from .._optional import is_installed
from .scores import Record

__all__ = ["progress_bar", "report"]


class _NoBar:
    """Takes the place of a tqdm bar, and draws nothing."""

    def __enter__(self) -> _NoBar:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def update(self) -> None:
        pass


def progress_bar(total: int, *, shown: bool) -> Any:
    """A bar of `total` steps, to use in a ``with`` block and to ``update()`` after each step.

    The bar is tqdm's, on standard error. Where it is not `shown`, standard error is no terminal, or tqdm is not
    installed, nothing is drawn.
    """
    if not shown or not is_installed("tqdm"):
        return _NoBar()
    from tqdm import tqdm

    return tqdm(total=total, unit=" steps", leave=False, disable=None)


def report(record: Record) -> None:
    """Print `record` on a line of its own, above a progress bar if there is one."""
    if not is_installed("tqdm"):
        print(record)
        return
    from tqdm import tqdm

    tqdm.write(str(record))
