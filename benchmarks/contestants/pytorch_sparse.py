"""PyTorch, with gradients of tables that hold the rows that were looked up."""

from __future__ import annotations

from ..problem import Contest, Problem
from . import pytorch


def lookup(problem: Problem) -> Contest:
    return pytorch.lookup(problem, sparse=True)
