"""NumPy and SciPy's BLAS by hand, with updates in place: the kernels of a step and nothing around them.

BLAS expects arrays in Fortran order. It is given the transposes of arrays in C order, which lie in memory that way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import blas
from scipy.special import expit

from ..problem import Array, Contest, Problem


def train(problem: Problem) -> Contest:
    weights = [weight.copy() for weight in problem.weights]
    biases = [bias.copy() for bias in problem.biases]
    gemv, gemm, ger = blas.get_blas_funcs(("gemv", "gemm", "ger"), dtype=problem.case.dtype)
    single = problem.case.size == 1  # a batch of one sample is a vector, for which gemv and ger are faster than gemm
    rate = problem.rate

    def step(x: Array, y: Array) -> None:
        activations = [x]
        for weight, bias in zip(weights, biases, strict=True):
            x = gemv(1.0, weight.T, x[0], trans=1)[None] if single else gemm(1.0, weight.T, x.T, trans_a=1).T
            x += bias
            if weight is not weights[-1]:
                np.tanh(x, out=x)
            activations.append(x)
        delta = expit(x, out=x)
        delta -= y
        for i in reversed(range(len(weights))):
            activation, weight = activations[i], weights[i].T
            if i:  # the first layer needs no gradient of its input
                below = gemv(1.0, weight, delta[0])[None] if single else gemm(1.0, weight, delta.T).T
                below *= 1 - activation * activation
            if single:
                ger(-rate, activation[0], delta[0], a=weight, overwrite_a=1)
                biases[i] -= rate * delta[0]
            else:
                gemm(-rate, activation.T, delta.T, beta=1.0, c=weight, trans_b=1, overwrite_c=1)
                biases[i] -= rate * delta.sum(0)
            delta = below

    def epoch() -> None:
        for x, y in zip(problem.x, problem.y, strict=True):
            step(x, y)

    return Contest(epoch, lambda: weights + biases)


def predict(problem: Problem) -> Contest:
    gemv, gemm = blas.get_blas_funcs(("gemv", "gemm"), dtype=problem.case.dtype)
    single = problem.case.size == 1  # a batch of one sample is a vector, for which gemv and ger are faster than gemm

    def probability(x: Array) -> Any:
        for weight, bias in zip(problem.weights, problem.biases, strict=True):
            x = gemv(1.0, weight.T, x[0], trans=1)[None] if single else gemm(1.0, weight.T, x.T, trans_a=1).T
            x += bias
            (expit if weight is problem.weights[-1] else np.tanh)(x, out=x)
        return x

    def forward() -> list[Any]:
        return [probability(x) for x in problem.x]

    return Contest(forward, lambda: [np.concatenate(forward())])
