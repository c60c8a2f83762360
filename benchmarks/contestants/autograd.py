"""HIPS autograd, with weights of shape (inputs, outputs), as in its examples."""

from __future__ import annotations

from typing import Any

import autograd.numpy as np
from autograd import grad

from ..problem import Contest, Problem


def parameters(problem: Problem) -> list[tuple[Any, Any]]:
    return [(w.T.copy(), b.copy()) for w, b in zip(problem.weights, problem.biases, strict=True)]


def logits(params: Any, x: Any) -> Any:
    for w, b in params[:-1]:
        x = np.tanh(np.dot(x, w) + b)
    w, b = params[-1]
    return np.dot(x, w) + b


def loss(params: Any, x: Any, y: Any) -> Any:
    z = logits(params, x)
    return np.sum(np.logaddexp(0.0, z) - y * z)


def train(problem: Problem) -> Contest:
    params = parameters(problem)
    gradient = grad(loss)

    def epoch() -> None:
        for x, y in zip(problem.x, problem.y, strict=True):
            for (w, b), (dw, db) in zip(params, gradient(params, x, y), strict=True):
                w -= problem.rate * dw
                b -= problem.rate * db

    return Contest(epoch, lambda: [w.T for w, _ in params] + [b for _, b in params])


def predict(problem: Problem) -> Contest:
    params = parameters(problem)

    def forward() -> list[Any]:
        return [1 / (1 + np.exp(-logits(params, x))) for x in problem.x]

    return Contest(forward, lambda: [np.concatenate(forward())])


def chain(problem: Problem) -> Contest:
    def there(t: Any) -> Any:
        for _ in range(problem.case.size):
            t = t * problem.rate
        return np.sum(t)

    there_and_back = grad(there)
    return Contest(lambda: there_and_back(problem.x[0]), lambda: [there_and_back(problem.x[0])])
