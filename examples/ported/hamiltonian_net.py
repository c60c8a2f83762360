"""A Hamiltonian network: it learns the energy of a pendulum from noisy velocities, and so conserves it.

It shows a loss in which the gradient of a network with respect to its input is the prediction. The network is that
of Greydanus, Dzamba and Yosinski, "Hamiltonian neural networks" (NeurIPS 2019). Hamilton's equations say that the
angle q and the momentum p move by q̇ = ∂H/∂p and ṗ = −∂H/∂q; for the pendulum H = p²/2 + 1 − cos q. A solution of
them keeps H.

Expect that the true energy of the learned motion drifts by 1 to 2 % in 20 units of time, three swings. The exit
status is 1 if it drifts by more than 10 %, or if the pendulum does not swing to the other side.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

import tinygrad_mlp as torch
import tinygrad_mlp.nn as nn
from tinygrad_mlp.nn import functional as F
from tinygrad_mlp.utils.data import DataLoader, TensorDataset


class HamiltonianNet(nn.Module):
    """The velocities (q̇, ṗ), of shape (N, 2), in the states (q, p), of shape (N, 2)."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.energy = nn.Sequential(
            nn.Linear(2, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1, bias=False)
        )

    def forward(self, state: torch.Tensor) -> torch.Tensor:
        with torch.enable_grad():  # the velocities are derivatives, with no_grad() around the call as well
            state = state.detach().requires_grad_(True)
            energy = self.energy(state).sum()
            (gradient,) = torch.autograd.grad(energy, state, create_graph=True)
        by_q, by_p = gradient.unbind(dim=1)
        return torch.stack([by_p, -by_q], dim=1)


def make_data(n: int, noise: float = 0.05) -> TensorDataset:
    """States of a swinging pendulum, and their velocities with some noise."""
    rng = np.random.default_rng(0)
    q, p = rng.uniform(-2.2, 2.2, n), rng.uniform(-2, 2, n)
    velocities = np.stack([p, -np.sin(q)], axis=1) + noise * rng.normal(size=(n, 2))
    states = np.stack([q, p], axis=1)
    return TensorDataset(torch.tensor(states, dtype=torch.float32), torch.tensor(velocities, dtype=torch.float32))


def train(steps: int = 1000) -> tuple[list[float], HamiltonianNet]:
    """Train a new network. Returns the loss of each step, and the network."""
    torch.manual_seed(0)
    net = HamiltonianNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.997)
    loader = DataLoader(make_data(1024), batch_size=128, shuffle=True)
    losses: list[float] = []
    while len(losses) < steps:
        for states, velocities in loader:
            loss = F.mse_loss(net(states), velocities)
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


@torch.no_grad()
def swing(net: HamiltonianNet, state: torch.Tensor, duration: float = 20.0, dt: float = 0.1) -> torch.Tensor:
    """The states of a motion that the network predicts, integrated by the classical method of Runge and Kutta."""
    states = [state]
    for _ in range(round(duration / dt)):
        k1 = net(state)
        k2 = net(state + dt / 2 * k1)
        k3 = net(state + dt / 2 * k2)
        k4 = net(state + dt * k3)
        state = state + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        states.append(state)
    return torch.cat(states)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, let the pendulum swing, and look at its energy. Returns the exit status."""
    parser = argparse.ArgumentParser(description="Learn the energy of a pendulum.")
    parser.add_argument("--steps", type=int, default=1000, help="steps of training (default: 1000)")
    _, net = train(parser.parse_args(arguments).steps)
    q, p = swing(net, torch.tensor([[1.5, 0.0]])).unbind(dim=1)
    energy = p**2 / 2 + 1 - torch.cos(q)
    drift = ((energy - energy[0]).abs().max() / energy[0]).item()
    print(f"the pendulum swings between the angles {q.min().item():.2f} and {q.max().item():.2f}")
    print(f"greatest drift of its energy in 20 units of time: {drift:.2%}")
    return int(drift > 0.1 or q.min().item() > -1)


if __name__ == "__main__":
    sys.exit(main())
