"""A network for tables: columns of categories are embedded, columns of numbers are normalized, and both are joined.

It shows a `ModuleList` of embeddings, BatchNorm, Dropout, a `DataLoader` over three Tensors, and the modes `train()`
and `eval()`. The layout is that of Guo and Berkhahn, "Entity embeddings of categorical variables" (2016). The table
is made: rents of flats, where the district decides how much the area counts, so that no sum of one effect for each
column explains them.

Expect that it explains about 96 % of the variance of rents that it has not seen, of the 97 % that can be explained;
least squares with one column for each category explains 87 %. The exit status is 1 if it explains less than 93 %.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

import tinygrad_mlp as torch
import tinygrad_mlp.nn as nn
from tinygrad_mlp.utils.data import DataLoader, TensorDataset

CATEGORIES = [20, 5, 7]  # districts, kinds of heating, floors
N_NUMBERS = 3  # area, age of the house, minutes to the station


class TabularNet(nn.Module):
    """Predictions, of shape (N,), for rows of categories, of shape (N, 3), and of numbers, of shape (N, 3)."""

    def __init__(self, width: int = 64, dropout: float = 0.05) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList([nn.Embedding(n, min(8, (n + 1) // 2)) for n in CATEGORIES])
        self.normalize = nn.BatchNorm1d(N_NUMBERS)
        n_inputs = sum(min(8, (n + 1) // 2) for n in CATEGORIES) + N_NUMBERS
        self.layers = nn.Sequential(
            nn.Linear(n_inputs, width),
            nn.ReLU(),
            nn.BatchNorm1d(width),
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.BatchNorm1d(width),
            nn.Linear(width, 1),
        )

    def forward(self, categories: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        columns = [embedding(categories[:, i]) for i, embedding in enumerate(self.embeddings)]
        columns.append(self.normalize(numbers))
        return self.layers(torch.cat(columns, dim=1)).squeeze(1)


def make_data(n: int, seed: int) -> TensorDataset:
    """A table of categories, numbers and rents. All tables follow one rule; rents have about mean 0 and variance 1."""
    rule, rng = np.random.default_rng(0), np.random.default_rng(seed)
    price, effect, level = rule.uniform(0.2, 2.0, 20), rule.normal(size=5), rule.normal(size=7)
    district, heating, floor = (rng.integers(0, number, n) for number in CATEGORIES)
    area, age, minutes = rng.uniform(30, 150, n), rng.uniform(0, 100, n), rng.exponential(10, n)
    rent = price[district] * area / 50 + 0.3 * effect[heating] * age / 50 + 0.3 * level[floor] + np.exp(-minutes / 5)
    rent = (rent - 2.3) / 1.45 + 0.17 * rng.normal(size=n)
    categories, numbers = np.stack([district, heating, floor], axis=1), np.stack([area, age, minutes], axis=1)
    return TensorDataset(
        torch.tensor(categories), torch.tensor(numbers, dtype=torch.float32), torch.tensor(rent, dtype=torch.float32)
    )


def train(steps: int = 600) -> tuple[list[float], TabularNet]:
    """Train a new network. Returns the loss of each step, and the network."""
    torch.manual_seed(0)
    net = TabularNet()
    criterion = nn.MSELoss()
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    loader = DataLoader(make_data(4000, seed=1), batch_size=128, shuffle=True, drop_last=True)
    losses: list[float] = []
    net.train()
    while len(losses) < steps:
        for categories, numbers, rent in loader:
            loss = criterion(net(categories, numbers), rent)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
            if len(losses) % 200 == 1:
                print(f"step {len(losses) - 1:5d}: loss {losses[-1]:.4f}")
            if len(losses) == steps:
                break
    return losses, net


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, and predict the rents of another table. Returns the exit status."""
    parser = argparse.ArgumentParser(description="Predict rents from a table.")
    parser.add_argument("--steps", type=int, default=600, help="steps of training (default: 600)")
    _, net = train(parser.parse_args(arguments).steps)
    categories, numbers, rent = make_data(2000, seed=2).tensors
    net.eval()
    with torch.no_grad():
        explained = 1 - (net(categories, numbers) - rent).var().item() / rent.var().item()
    print(f"explained of the variance of unseen rents: {explained:.1%}")
    return int(explained < 0.93)


if __name__ == "__main__":
    sys.exit(main())
