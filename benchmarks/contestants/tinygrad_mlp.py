"""This package, eager."""

from __future__ import annotations

import numpy as np

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim

from ..problem import Array, Contest, Problem


def network(problem: Problem) -> nn.Sequential:
    """Linear layers with the problem's weights and biases, and tanh between them. It returns logits."""
    layers: list[nn.Module] = []
    for weight in problem.weights:
        layers += [nn.Linear(weight.shape[1], weight.shape[0], dtype=problem.case.dtype), nn.Tanh()]
    model = nn.Sequential(*layers[:-1])
    state = [array for pair in zip(problem.weights, problem.biases, strict=True) for array in pair]
    model.load_state_dict(dict(zip(model.state_dict(), state, strict=True)))
    return model


def learnt(model: nn.Module) -> list[Array]:
    """The weights, and then the biases. A table has one weight."""
    parameters = [parameter.numpy(force=True) for parameter in model.parameters()]
    return parameters[::2] + parameters[1::2]


def train(problem: Problem) -> Contest:
    return _trained(problem, network(problem), nn.BCEWithLogitsLoss(reduction="sum"))


def lookup(problem: Problem) -> Contest:
    table = nn.Embedding.from_pretrained(tg.tensor(problem.weights[0]), freeze=False)
    return _trained(problem, table, nn.MSELoss(reduction="sum"))


def _trained(problem: Problem, model: nn.Module, loss: nn.Module) -> Contest:
    optimizer = optim.SGD(model.parameters(), lr=problem.rate)
    batches = [(tg.tensor(x), tg.tensor(y)) for x, y in zip(problem.x, problem.y, strict=True)]

    def epoch() -> None:
        for x, y in batches:
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()

    return Contest(epoch, lambda: learnt(model))


def predict(problem: Problem) -> Contest:
    model = network(problem)
    inputs = [tg.tensor(x) for x in problem.x]

    def forward() -> list[tg.Tensor]:
        with tg.no_grad():
            return [model(x).sigmoid() for x in inputs]

    return Contest(forward, lambda: [np.concatenate([y.numpy() for y in forward()])])


def chain(problem: Problem) -> Contest:
    start = tg.tensor(problem.x[0], requires_grad=True)

    def there_and_back() -> None:
        start.grad = None
        t: tg.Tensor = start
        for _ in range(problem.case.size):
            t = t * problem.rate
        t.sum().backward()

    return Contest(there_and_back, lambda: [start.grad.numpy()])  # type: ignore[union-attr]


def experiment(problem: Problem) -> Contest:
    trained: list[Array] = []

    def two_epochs() -> None:
        widths = [problem.weights[0].shape[1], *map(len, problem.weights)]
        network = tg.NeuralNetwork(widths, loss="mean_square", plot=False, dtype=problem.case.dtype)
        network.model.load_state_dict(dict(zip(network.model.state_dict(), problem.weights, strict=True)))
        network.train(problem.x[0], problem.y[0], 2, *problem.validation)
        trained[:] = [parameter.numpy(force=True) for parameter in network.model.parameters()]

    return Contest(two_epochs, lambda: trained)
