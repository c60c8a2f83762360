"""A physics-informed network: it solves the heat equation u_t = α u_xx because its loss says so, without any data.

It shows second derivatives of a network with respect to its inputs, inside a loss that is differentiated once more
with respect to the weights. The method is that of Raissi, Perdikaris and Karniadakis, "Physics-informed neural
networks" (Journal of Computational Physics, 2019). The rod is 1 long, its ends are kept at 0, and its temperature
starts as sin πx; so the solution is u(x, t) = exp(−α π² t) sin πx.

Expect a relative error of 1 to 3 %. The exit status is 1 if it is above 5 %.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence

import tinygrad_mlp as torch
import tinygrad_mlp.nn as nn

ALPHA = 0.1


class HeatNet(nn.Module):
    """The temperature at each place and time, of shape (N, 1), where both are of shape (N, 1)."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1)
        )
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight)

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return self.layers(torch.cat([x, t], dim=1))


def derivative(y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The derivative of each entry of y with respect to the entry of x in the same row, which can be differentiated."""
    return torch.autograd.grad(y, x, grad_outputs=torch.ones_like(y), create_graph=True)[0]


def residual(net: HeatNet, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """u_t − α u_xx, which is 0 for a solution."""
    x.requires_grad_(True)
    t.requires_grad_(True)
    u = net(x, t)
    return derivative(u, t) - ALPHA * derivative(derivative(u, x), x)


def solution(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """The exact temperature."""
    return torch.exp(-ALPHA * math.pi**2 * t) * torch.sin(math.pi * x)


def train(steps: int = 1000) -> tuple[list[float], HeatNet]:
    """Train a new network. Returns the loss of each step, and the network."""
    torch.manual_seed(0)
    net = HeatNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.005)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=400, gamma=0.3)
    losses = []
    for step in range(steps):
        inside = residual(net, torch.rand(128, 1), torch.rand(128, 1)).pow(2).mean()
        x, t = torch.rand(32, 1), torch.rand(32, 1)
        start = (net(x, torch.zeros(32, 1)) - torch.sin(math.pi * x)).pow(2).mean()
        ends = net(torch.zeros(32, 1), t).pow(2).mean() + net(torch.ones(32, 1), t).pow(2).mean()
        loss = inside + 10 * (start + ends)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        if step % 250 == 0:
            print(f"step {step:5d}: loss {losses[-1]:.5f}")
    return losses, net


def main(arguments: Sequence[str] | None = None) -> int:
    """Solve the equation and compare with the exact solution. Returns the exit status."""
    parser = argparse.ArgumentParser(description="Solve the heat equation with a network.")
    parser.add_argument("--steps", type=int, default=1000, help="steps of training (default: 1000)")
    _, net = train(parser.parse_args(arguments).steps)
    places, times = torch.meshgrid(torch.linspace(0, 1, 41), torch.linspace(0, 1, 41), indexing="ij")
    x, t = places.reshape(-1, 1), times.reshape(-1, 1)
    with torch.no_grad():
        exact = solution(x, t)
        error = ((net(x, t) - exact).norm() / exact.norm()).item()
    print(f"relative error of the temperature: {error:.2%}")
    return int(error > 0.05)


if __name__ == "__main__":
    sys.exit(main())
