"""PyTorch with the network and the loss compiled together, by ``torch.compile``."""

from __future__ import annotations

import torch
from torch import nn, optim

from ..problem import Contest, Problem
from .pytorch import learnt, network


def train(problem: Problem) -> Contest:
    model = network(problem)
    criterion = nn.BCEWithLogitsLoss(reduction="sum")
    optimizer = optim.SGD(model.parameters(), lr=problem.rate)
    batches = [(torch.tensor(x), torch.tensor(y)) for x, y in zip(problem.x, problem.y, strict=True)]

    loss = torch.compile(lambda x, y: criterion(model(x), y))

    def epoch() -> None:
        for x, y in batches:
            optimizer.zero_grad()
            loss(x, y).backward()
            optimizer.step()

    return Contest(epoch, lambda: learnt(model))
