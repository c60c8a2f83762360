"""A generative adversarial network: from noise it learns to draw points of a ring of eight Gaussians.

It shows two networks with an optimizer each, a `detach()` between them, and labels that take turns. The game is that
of Goodfellow et al., "Generative adversarial nets" (NeurIPS 2014), with the non-saturating loss of the generator;
the ring is the usual test of whether a generator finds all modes.

Expect samples near all 8 Gaussians, nearly nine of ten within three standard deviations of a centre. The loss that
is reported is the discriminator's: 2 log 2 = 1.39 where it cannot tell the samples from the data. The exit status is
1 if fewer than 7 Gaussians are found.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence

import tinygrad_mlp as torch
import tinygrad_mlp.nn as nn

NOISE, DEVIATION = 8, 0.1


class Generator(nn.Module):
    """Points, of shape (N, 2), made of noise, of shape (N, NOISE)."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(NOISE, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2)
        )

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        return self.layers(noise)


class Discriminator(nn.Module):
    """The logits, of shape (N, 1), of the probabilities that points, of shape (N, 2), are data."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, 1)
        )

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        return self.layers(points)


def centres() -> torch.Tensor:
    """The centres of the eight Gaussians, on a circle of radius 1.5."""
    angles = 2 * math.pi * torch.arange(8) / 8
    return 1.5 * torch.stack([torch.cos(angles), torch.sin(angles)], dim=1)


def draw_data(n: int) -> torch.Tensor:
    """Points of the ring."""
    return centres()[torch.randint(0, 8, (n,))] + DEVIATION * torch.randn(n, 2)


def train(steps: int = 1500, batch_size: int = 128) -> tuple[list[float], Generator]:
    """Train two new networks. Returns the discriminator's loss in each step, and the generator."""
    torch.manual_seed(0)
    generator, discriminator = Generator(), Discriminator()
    of_generator = torch.optim.Adam(generator.parameters(), lr=0.002, betas=(0.5, 0.999))
    of_discriminator = torch.optim.Adam(discriminator.parameters(), lr=0.002, betas=(0.5, 0.999))
    criterion = nn.BCEWithLogitsLoss()
    real, fake = torch.ones(batch_size, 1), torch.zeros(batch_size, 1)
    losses = []
    for step in range(steps):
        samples = generator(torch.randn(batch_size, NOISE))
        loss = criterion(discriminator(draw_data(batch_size)), real)
        loss = loss + criterion(discriminator(samples.detach()), fake)
        of_discriminator.zero_grad()
        loss.backward()
        of_discriminator.step()

        loss_of_generator = criterion(discriminator(samples), real)
        of_generator.zero_grad()
        loss_of_generator.backward()
        of_generator.step()

        losses.append(loss.item())
        if step % 500 == 0:
            print(f"step {step:5d}: discriminator {losses[-1]:.3f}, generator {loss_of_generator.item():.3f}")
    return losses, generator


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, and count the Gaussians that samples come from. Returns the exit status."""
    parser = argparse.ArgumentParser(description="Learn to draw from a ring of Gaussians.")
    parser.add_argument("--steps", type=int, default=1500, help="steps of training (default: 1500)")
    _, generator = train(parser.parse_args(arguments).steps)
    with torch.no_grad():
        samples = generator(torch.randn(2000, NOISE))
        distances, nearest = torch.cdist(samples, centres()).min(dim=1)
    near = distances < 3 * DEVIATION
    found = int((torch.bincount(nearest[near], minlength=8) > 20).sum())
    print(f"{found} of 8 Gaussians found; {near.float().mean().item():.0%} of the samples are near one")
    return int(found < 7)


if __name__ == "__main__":
    sys.exit(main())
