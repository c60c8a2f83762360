"""The peak of BLAS: one product of large, nearly square matrices, with as many operations as the step."""

from __future__ import annotations

import numpy as np
from scipy.linalg import blas

from ..problem import Contest, Problem

SIDE = 2560


def peak(problem: Problem) -> Contest:
    # A product takes two operations for each entry of a weight and each sample. There are three products for each
    # weight (the forward pass, its own gradient, the gradient of the layer's input), but two for the first one.
    entries = 3 * sum(weight.size for weight in problem.weights) - problem.weights[0].size
    samples = sum(map(len, problem.x))
    inner = round(samples * entries / SIDE**2)  # of a product (SIDE, inner) · (inner, SIDE)
    a = np.ones((SIDE, inner), problem.case.dtype, order="F")
    b = np.ones((inner, SIDE), problem.case.dtype, order="F")
    (gemm,) = blas.get_blas_funcs(("gemm",), dtype=problem.case.dtype)
    return Contest(unit=lambda: gemm(1.0, a, b), result=list)  # no result is checked
