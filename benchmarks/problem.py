"""Cases and problems: what a contestant is given, and what it gives back.

The arrays of a problem reach the contestants' processes as files, because reading a file frees no large block of
memory. Whether large blocks have been freed decides how fast the allocator is, and is part of the case
(`Case.allocator`).
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
    """A contestant cannot take part in a case. The message is the reason."""


class Case(NamedTuple):
    """What is measured, and under which conditions. A case is one column of a table."""

    workload: str
    size: int  # the number of samples in a batch, rows in a call, or ops in a chain
    dtype: str
    threads: int
    allocator: str  # "warm" if a large block was freed before, as by loading data; "fresh" if none was


class Problem(NamedTuple):
    """The arrays of a case, in the dtype of the case. Weights have the shape (outputs, inputs), as in PyTorch."""

    case: Case
    rate: float  # the learning rate, or the factor in a chain
    x: list[Array]  # the batches, the inputs of calls, the start of a chain, or the rows to train on
    y: list[Array]  # the targets of each array in x
    weights: list[Array]
    biases: list[Array]
    validation: list[Array]  # the validation data and its labels, in `run` alone


class Contest(NamedTuple):
    """A contestant that is ready to start."""

    unit: Callable[[], object]  # does what is timed
    result: Callable[[], Sequence[Array]]  # returns what was computed, to be checked


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
