"""scikit-learn's MLPClassifier, for which a step is one call of ``partial_fit``."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from ..problem import Contest, Problem


def network(problem: Problem, x: Any, y: Any) -> Any:
    """A classifier with the problem's weights. They replace those that the first ``partial_fit`` draws and trains."""
    model = MLPClassifier(
        hidden_layer_sizes=[len(weight) for weight in problem.weights[:-1]],
        activation="tanh",
        solver="sgd",
        alpha=0.0,
        momentum=0.0,
        nesterovs_momentum=False,
        batch_size=len(x),
        shuffle=False,
        learning_rate_init=problem.rate * len(x),  # its loss is averaged over the batch, not summed
    )
    model.partial_fit(x, y, classes=np.arange(y.shape[1]))
    for held, weight in zip(model.coefs_, problem.weights, strict=True):
        held[...] = weight.T
    for held, bias in zip(model.intercepts_, problem.biases, strict=True):
        held[...] = bias
    return model


def train(problem: Problem) -> Contest:
    batches = list(zip(problem.x, problem.y, strict=True))
    model = network(problem, *batches[0])

    def epoch() -> None:
        for x, y in batches:
            model.partial_fit(x, y)

    return Contest(epoch, lambda: [w.T for w in model.coefs_] + model.intercepts_)


def predict(problem: Problem) -> Contest:
    x = problem.x[0][:1]
    model = network(problem, x, np.eye(1, len(problem.biases[-1]), dtype=x.dtype))  # one sample with any label

    def forward() -> list[Any]:
        return [model.predict_proba(x) for x in problem.x]

    return Contest(forward, lambda: [np.concatenate(forward())])
