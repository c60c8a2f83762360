"""The BLAS peak: one product of large, nearly square matrices with as many operations as the step has."""

from __future__ import annotations

import numpy as np
from scipy.linalg import blas

from ..problem import Contest, Problem

SIDE = 2560


def peak(problem: Problem) -> Contest:
    # Forward, the weights' gradients, and the gradients of all layers' inputs but the first's: 2 operations per entry.
    entries = 3 * sum(weight.size for weight in problem.weights) - problem.weights[0].size
    inner = round(sum(map(len, problem.x)) * entries / SIDE**2)
    a = np.ones((SIDE, inner), problem.case.dtype, order="F")
    b = np.ones((inner, SIDE), problem.case.dtype, order="F")
    (gemm,) = blas.get_blas_funcs(("gemm",), dtype=problem.case.dtype)
    return Contest(lambda: gemm(1.0, a, b), list)
