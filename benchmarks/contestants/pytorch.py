"""PyTorch, eager."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn, optim

from ..problem import Contest, Problem


def network(problem: Problem, bias: bool = True) -> Any:
    """Linear layers with the problem's weights, and tanh between them. It returns logits."""
    layers: list[nn.Module] = []
    for i, weight in enumerate(problem.weights):
        linear = nn.Linear(weight.shape[1], weight.shape[0], bias, dtype=getattr(torch, problem.case.dtype))
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(weight))
            if bias:
                linear.bias.copy_(torch.tensor(problem.biases[i]))
        layers += [linear, nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def learnt(model: Any) -> list[Any]:
    """The weights, and then the biases. A table has one weight."""
    parameters = [parameter.detach().numpy() for parameter in model.parameters()]
    return parameters[::2] + parameters[1::2]


def train(problem: Problem) -> Contest:
    return _trained(problem, network(problem), nn.BCEWithLogitsLoss(reduction="sum"))


def lookup(problem: Problem, sparse: bool = False) -> Contest:
    table = nn.Embedding.from_pretrained(torch.tensor(problem.weights[0]), freeze=False, sparse=sparse)
    return _trained(problem, table, nn.MSELoss(reduction="sum"))


def _trained(problem: Problem, model: Any, loss: Any) -> Contest:
    optimizer = optim.SGD(model.parameters(), lr=problem.rate)
    batches = [(torch.tensor(x), torch.tensor(y)) for x, y in zip(problem.x, problem.y, strict=True)]

    def epoch() -> None:
        for x, y in batches:
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()

    return Contest(epoch, lambda: learnt(model))


def predict(problem: Problem) -> Contest:
    model = network(problem)
    inputs = [torch.tensor(x) for x in problem.x]

    def forward() -> list[Any]:
        with torch.inference_mode():
            return [model(x).sigmoid() for x in inputs]

    return Contest(forward, lambda: [np.concatenate([y.numpy() for y in forward()])])


def chain(problem: Problem) -> Contest:
    start: Any = torch.tensor(problem.x[0], requires_grad=True)

    def there_and_back() -> None:
        start.grad = None
        t = start
        for _ in range(problem.case.size):
            t = t * problem.rate
        t.sum().backward()

    return Contest(there_and_back, lambda: [np.asarray(start.grad)])


def experiment(problem: Problem) -> Contest:
    x, y = torch.tensor(problem.x[0]), torch.tensor(problem.y[0])
    validation_x, validation_y = map(torch.tensor, problem.validation)
    trained: list[Any] = []

    def loss(output: Any, y: Any) -> Any:
        return 0.5 * nn.functional.mse_loss(output, y, reduction="sum")

    def monitor(model: Any, x: Any, y: Any) -> tuple[float, float]:
        with torch.inference_mode():
            output = model(x).sigmoid()
            accuracy = (output.argmax(1) == y.argmax(1)).double().mean()
            return loss(output, y).item(), accuracy.item()

    def two_epochs() -> None:
        model = network(problem, bias=False)
        optimizer = optim.SGD(model.parameters(), lr=1.0)
        schedule = optim.lr_scheduler.LambdaLR(optimizer, lambda k: 1 / (100 + 10 * k))
        iteration = 0
        for _ in range(2):
            for i in range(len(x)):
                optimizer.zero_grad()
                loss(model(x[i : i + 1]).sigmoid(), y[i : i + 1]).backward()
                optimizer.step()
                if iteration % 10_000 == 0:
                    print(iteration, *monitor(model, x, y), *monitor(model, validation_x, validation_y))
                iteration += 1
            schedule.step()
        trained[:] = [parameter.detach().numpy() for parameter in model.parameters()]

    return Contest(two_epochs, lambda: trained)
