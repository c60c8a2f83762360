"""micrograd, whose values are single numbers, so that a chain on n numbers is n chains."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from micrograd.engine import Value

from ..problem import Contest, LeftOut, Problem


def chain(problem: Problem) -> Contest:
    if problem.case.size > 100_000:
        raise LeftOut("its backward() recurses once per op, and is given room for 100,000")
    sys.setrecursionlimit(1_000_000)  # at Python's default of 1,000 it stops at fewer ops than any case has
    starts: list[Any] = []

    def there_and_back() -> None:
        starts[:] = [Value(number) for number in problem.x[0].tolist()]
        for t in starts:
            for _ in range(problem.case.size):
                t = t * problem.rate
            t.backward()

    return Contest(there_and_back, lambda: [np.array([start.grad for start in starts])])
