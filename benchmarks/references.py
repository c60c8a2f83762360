"""What a contestant must have computed: the problems solved in float64, with the derivatives written in plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from .problem import Array, LeftOut, Problem

__all__ = ["chained", "discrepancy", "embedded", "experimented", "predicted", "trained"]


def _sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def _activations(x: Array, weights: list[Array], biases: list[Array]) -> list[Array]:
    """The inputs, and then the output of each layer, in float64."""
    a = [x.astype(float)]
    for weight, bias in zip(weights, biases or [np.zeros(1)] * len(weights), strict=True):
        z = a[-1] @ weight.T + bias
        a.append(_sigmoid(z) if weight is weights[-1] else np.tanh(z))
    return a


def trained(problem: Problem) -> list[Array]:
    """The weights and biases after an SGD step for each batch."""
    weights = [weight.astype(float) for weight in problem.weights]
    biases = [bias.astype(float) for bias in problem.biases]
    for x, y in zip(problem.x, problem.y, strict=True):
        a = _activations(x, weights, biases)
        delta = a[-1] - y
        gradients = []
        for i in reversed(range(len(weights))):
            gradients.append((i, delta.T @ a[i], delta.sum(0)))
            delta = (delta @ weights[i]) * (1 - a[i] ** 2)  # after the first layer this is not used
        for i, weight, bias in gradients:
            weights[i] -= problem.rate * weight
            if biases:
                biases[i] -= problem.rate * bias
    return weights + biases


def embedded(problem: Problem) -> list[Array]:
    """The table after an SGD step for each batch of its rows."""
    table = problem.weights[0].astype(float)
    for indices, y in zip(problem.x, problem.y, strict=True):
        np.subtract.at(table, indices, problem.rate * 2 * (table[indices] - y))
    return [table]


def predicted(problem: Problem) -> list[Array]:
    """The outputs for all inputs."""
    return [np.concatenate([_activations(x, problem.weights, problem.biases)[-1] for x in problem.x])]


def chained(problem: Problem) -> list[Array]:
    """The gradient at the start of a chain of products."""
    return [np.full(problem.x[0].shape, problem.rate**problem.case.size)]


def experimented(problem: Problem) -> list[Array]:
    """The weights after the two epochs of the document's experiment."""
    first, second = (weight.astype(float) for weight in problem.weights)
    for k in range(2):
        rate = 1 / (100 + 10 * k)
        for x, y in zip(problem.x[0], problem.y[0], strict=True):
            a = np.tanh(first @ x)
            output = _sigmoid(second @ a)
            delta = (output - y) * output * (1 - output)
            below = (delta @ second) * (1 - a**2)
            second -= rate * np.outer(delta, a)
            first -= rate * np.outer(below, x)
    return [first, second]


def _sum_of_squares(array: Array) -> float:
    return float(np.vdot(array, array))


def discrepancy(problem: Problem, result: list[Any], reference: list[Array]) -> float:
    """The distance of `result` from `reference`, divided by the distance of `reference` from the initial weights.

    Where nothing is trained, it is divided by the norm of `reference`.
    """
    if len(result) != len(reference):
        raise LeftOut(f"it returned {len(result)} arrays, not {len(reference)}")
    start: list[Any] = problem.weights + problem.biases if problem.y else [0.0] * len(reference)
    pairs = list(zip(result, reference, strict=True))
    wrong = [f"{np.shape(a)}, not {b.shape}" for a, b in pairs if np.shape(a) != b.shape]
    if wrong:
        raise LeftOut(f"it returned an array of shape {wrong[0]}")
    error = sum(_sum_of_squares(a - b) for a, b in pairs)
    distance = sum(_sum_of_squares(b - c) for b, c in zip(reference, start, strict=True))
    return float(np.sqrt(error / distance))
