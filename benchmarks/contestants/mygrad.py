"""MyGrad, with memory guarding on, which is its default."""

from __future__ import annotations

from typing import Any

import mygrad as mg
import numpy as np

from ..problem import Contest, Problem


def parameters(problem: Problem) -> list[tuple[Any, Any]]:
    return [(mg.tensor(w.T.copy()), mg.tensor(b.copy())) for w, b in zip(problem.weights, problem.biases, strict=True)]


def logits(params: Any, x: Any) -> Any:
    for w, b in params[:-1]:
        x = mg.tanh(x @ w + b)
    w, b = params[-1]
    return x @ w + b


def train(problem: Problem) -> Contest:
    params = parameters(problem)

    def epoch() -> None:
        for x, y in zip(problem.x, problem.y, strict=True):
            z = logits(params, x)
            mg.sum(mg.logaddexp(0.0, z) - y * z).backward()
            for pair in params:
                for parameter in pair:
                    parameter.data -= problem.rate * parameter.grad

    return Contest(epoch, lambda: [w.data.T for w, _ in params] + [b.data for _, b in params])


def predict(problem: Problem) -> Contest:
    params = parameters(problem)

    def forward() -> list[Any]:
        with mg.no_autodiff:
            return [1 / (1 + mg.exp(-logits(params, x))) for x in problem.x]

    return Contest(forward, lambda: [np.concatenate([y.data for y in forward()])])


def chain(problem: Problem) -> Contest:
    start = mg.tensor(problem.x[0])

    def there_and_back() -> None:
        t = start
        for _ in range(problem.case.size):
            t = t * problem.rate
        t.sum().backward()

    return Contest(there_and_back, lambda: [start.grad])
