"""Plain NumPy with derivatives written by hand, as one writes them without a framework."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..problem import Array, Contest, Problem


def train(problem: Problem) -> Contest:
    weights = [weight.copy() for weight in problem.weights]
    biases = [bias.copy() for bias in problem.biases]

    def step(x: Array, y: Array) -> None:
        activations = [x]
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            activations.append(np.tanh(activations[-1] @ weight.T + bias))
        output = 1 / (1 + np.exp(-(activations[-1] @ weights[-1].T + biases[-1])))
        delta = output - y
        for i in reversed(range(len(weights))):
            activation = activations[i]
            below = (delta @ weights[i]) * (1 - activation**2) if i else delta  # for the first layer it is not used
            weights[i] -= problem.rate * (delta.T @ activation)
            biases[i] -= problem.rate * delta.sum(0)
            delta = below

    def epoch() -> None:
        for x, y in zip(problem.x, problem.y, strict=True):
            step(x, y)

    return Contest(epoch, lambda: weights + biases)


def predict(problem: Problem) -> Contest:
    def probability(x: Array) -> Any:
        for weight, bias in zip(problem.weights[:-1], problem.biases[:-1], strict=True):
            x = np.tanh(x @ weight.T + bias)
        return 1 / (1 + np.exp(-(x @ problem.weights[-1].T + problem.biases[-1])))

    def forward() -> list[Any]:
        return [probability(x) for x in problem.x]

    return Contest(forward, lambda: [np.concatenate(forward())])
