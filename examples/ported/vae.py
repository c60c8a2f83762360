"""A variational autoencoder: images of bars are squeezed into a few normal variables, and drawn from them.

It shows `rsample`, through which gradients pass, `kl_divergence` of two distributions, and a `DataLoader`. The model
is that of Kingma and Welling, "Auto-encoding variational Bayes" (2014). The images are made: in half of them each
row is white with probability 1/4, in the other half each column. Their entropy is log 2 + 8 H(1/4) = 5.2 nats, and
no model can do with less.

Expect a bound of 10 to 11 nats for each image, where 64 independent pixels need 36. The exit status is 1 if it is
above 13.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence

import numpy as np

import tinygrad_mlp as torch
import tinygrad_mlp.nn as nn
from tinygrad_mlp.distributions import Independent, Normal, kl_divergence
from tinygrad_mlp.nn import functional as F
from tinygrad_mlp.utils.data import DataLoader, TensorDataset

SIDE, N_LATENT = 8, 10


class VAE(nn.Module):
    """The logits of the pixels and the distribution of the code, for images, of shape (N, SIDE²)."""

    def __init__(self, width: int = 96) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(SIDE**2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.mean = nn.Linear(width, N_LATENT)
        self.log_variance = nn.Linear(width, N_LATENT)
        self.decoder = nn.Sequential(
            nn.Linear(N_LATENT, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, SIDE**2)
        )

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, Independent]:
        hidden = self.encoder(images)
        deviation = torch.exp(0.5 * self.log_variance(hidden))
        code = Independent(Normal(self.mean(hidden), deviation), 1)
        return self.decoder(code.rsample()), code


def bound(model: VAE, images: torch.Tensor) -> torch.Tensor:
    """The negative evidence lower bound in nats, averaged over the images: −log p(images) is at most that."""
    logits, code = model(images)
    prior = Independent(Normal(torch.zeros(N_LATENT), torch.ones(N_LATENT)), 1)
    reconstruction = F.binary_cross_entropy_with_logits(logits, images, reduction="none").sum(dim=1)
    return (reconstruction + kl_divergence(code, prior)).mean()


def make_images(n: int, seed: int) -> torch.Tensor:
    """White bars, rows or columns, of shape (n, SIDE²)."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(rng.random((n, SIDE, 1)) < 0.25, SIDE, axis=2)
    turned = np.where(rng.random((n, 1, 1)) < 0.5, rows, rows.transpose(0, 2, 1))
    return torch.tensor(turned.reshape(n, SIDE**2), dtype=torch.float32)


def train(steps: int = 2000) -> tuple[list[float], VAE]:
    """Train a new model. Returns the loss of each step, and the model."""
    torch.manual_seed(0)
    model = VAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    loader = DataLoader(TensorDataset(make_images(4096, seed=1)), batch_size=64, shuffle=True)
    losses: list[float] = []
    while len(losses) < steps:
        for (images,) in loader:
            loss = bound(model, images)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if len(losses) % 400 == 1:
                print(f"step {len(losses) - 1:5d}: loss {losses[-1]:.2f}")
            if len(losses) == steps:
                break
    return losses, model


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, print the bound for unseen images, and draw one. Returns the exit status."""
    parser = argparse.ArgumentParser(description="Learn to draw bars.")
    parser.add_argument("--steps", type=int, default=2000, help="steps of training (default: 2000)")
    _, model = train(parser.parse_args(arguments).steps)
    with torch.no_grad():
        nats = bound(model, make_images(2000, seed=2)).item()
        drawn = model.decoder(torch.randn(1, N_LATENT)).reshape(SIDE, SIDE)
    print("\n".join("".join(".#"[pixel > 0] for pixel in row) for row in drawn.tolist()))
    entropy = math.log(2) - SIDE * (0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    print(f"unseen images: {nats:.2f} nats each, where the entropy is {entropy:.2f}")
    return int(nats > 13)


if __name__ == "__main__":
    sys.exit(main())
