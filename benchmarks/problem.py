"""What a contestant is given and what it gives back.

Problems travel to the contestants' processes as files, so that reading one frees no large block there: whether large
blocks have been freed decides how fast the allocator is, and that is something a case states (`Case.allocator`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Case", "Contest", "LeftOut", "Problem", "load", "save"]

Array = NDArray[Any]


class LeftOut(Exception):
    """Raised by a contestant that cannot take part in a case, with the reason as its message."""


class Case(NamedTuple):
    """One column of a table: what is measured, and under which conditions."""

    workload: str
    size: int  # samples in a batch, rows in a call, or ops in a chain
    dtype: str
    threads: int
    allocator: str  # "warm": a large block has been freed before, as after loading data; "fresh": none has


class Problem(NamedTuple):
    """The arrays of a case, of its dtype; weights are (out, in), as in the document and in PyTorch."""

    case: Case
    rate: float  # the learning rate, or the factor of each op of a chain
    x: list[Array]  # batches, inputs of calls, the start of a chain, or the rows to train on
    y: list[Array]  # the targets of each x
    weights: list[Array]
    biases: list[Array]
    validation: list[Array]  # x and y of the rows held back


class Contest(NamedTuple):
    """A contestant that is ready: what is timed, and what it has computed, for the check."""

    unit: Callable[[], object]
    result: Callable[[], Sequence[Array]]


_FILES = ("x", "y", "weights", "biases", "validation")


def save(problem: Problem, folder: Path) -> None:
    """Write the arrays of `problem` into `folder`."""
    for name in _FILES:
        for i, array in enumerate(getattr(problem, name)):
            np.save(folder / f"{name}.{i}.npy", array)


def load(case: Case, rate: float, folder: Path) -> Problem:
    """The problem that `save` wrote into `folder`."""

    def read(name: str) -> list[Array]:
        count = len(list(folder.glob(f"{name}.*.npy")))
        return [np.load(folder / f"{name}.{i}.npy") for i in range(count)]

    return Problem(case, rate, *map(read, _FILES))
