"""This package with a captured step, which is recorded in its first call and replayed in later calls."""

from __future__ import annotations

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim

from ..problem import Array, Contest, LeftOut, Problem
from .tinygrad_mlp import learnt, network


def train(problem: Problem) -> Contest:
    return _trained(problem, network(problem), nn.BCEWithLogitsLoss(reduction="sum"))


def lookup(problem: Problem) -> Contest:
    table = nn.Embedding.from_pretrained(tg.tensor(problem.weights[0]), freeze=False)
    return _trained(problem, table, nn.MSELoss(reduction="sum"))


def _trained(problem: Problem, model: nn.Module, loss: nn.Module) -> Contest:
    optimizer = optim.SGD(model.parameters(), lr=problem.rate)
    batches = [(tg.tensor(x), tg.tensor(y)) for x, y in zip(problem.x, problem.y, strict=True)]

    @tg.capture
    def step(x: tg.Tensor, y: tg.Tensor) -> None:
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()

    def epoch() -> None:
        for x, y in batches:
            step(x, y)

    def result() -> list[Array]:
        if step.captured is not True:
            raise LeftOut(f"the step was not captured: {step.captured}")
        return learnt(model)

    return Contest(epoch, result)
