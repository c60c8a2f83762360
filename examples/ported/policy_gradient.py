"""Policy gradients: a network learns to balance a pole on a cart, and is told only when the pole falls.

It shows a `Categorical` policy, samples of actions, and the logarithms of their probabilities in a loss. The pole and
its critic are those of Barto, Sutton and Anderson (1983): a fall costs 1, later ones count less, and the critic learns
the cost to expect. The gradient is REINFORCE's, of Williams, "Simple statistical gradient-following algorithms"
(1992), with the critic as its baseline. Sixteen poles are balanced side by side.

Expect the poles to stand for almost all of 100 steps, where they fall after about 20 at first. The exit status is 1 if
they stand for less than 70.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

import tinygrad_mlp as torch
import tinygrad_mlp.nn as nn
from tinygrad_mlp.distributions import Categorical
from tinygrad_mlp.nn import functional as F

N_POLES, HORIZON, DISCOUNT = 16, 100, 0.97


class Poles:
    """Carts with poles. A state is place, velocity, angle and angular velocity; they are of shape (N_POLES, 4)."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def reset(self) -> np.ndarray:
        """Put all poles up, almost straight."""
        self.states = self.rng.uniform(-0.05, 0.05, (N_POLES, 4))
        return self.states

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Push each cart to the left (0) or to the right (1). Returns the states, and which poles are up."""
        _, velocity, angle, turning = self.states.T
        sine, cosine = np.sin(angle), np.cos(angle)
        push = (np.where(actions == 1, 10.0, -10.0) + 0.05 * turning**2 * sine) / 1.1
        turn = (9.8 * sine - cosine * push) / (0.5 * (4 / 3 - 0.1 * cosine**2 / 1.1))
        changes = np.stack([velocity, push - 0.05 * turn * cosine / 1.1, turning, turn], axis=1)
        self.states = self.states + 0.02 * changes
        return self.states, (np.abs(self.states[:, 0]) < 2.4) & (np.abs(self.states[:, 2]) < 0.21)


class ActorCritic(nn.Module):
    """The distribution of actions, and the return that the critic expects, in states of shape (N, 4)."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.actor = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 2))
        self.critic = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 1))

    def forward(self, states: torch.Tensor) -> tuple[Categorical, torch.Tensor]:
        return Categorical(logits=self.actor(states)), self.critic(states).squeeze(-1)


@torch.no_grad()
def play(poles: Poles, net: ActorCritic) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Balance all poles until the last one falls. Returns states, actions, and which poles stand before each action."""
    states, standing = [torch.from_numpy(poles.reset())], [torch.ones(N_POLES, dtype=torch.bool)]
    actions: list[torch.Tensor] = []
    while len(actions) < HORIZON and standing[-1].any():
        policy, _ = net(states[-1])
        actions.append(policy.sample())
        new, up = poles.step(actions[-1].numpy())
        states.append(torch.from_numpy(new))
        standing.append(standing[-1] & torch.from_numpy(up))
    return torch.stack(states[:-1]), torch.stack(actions), torch.stack(standing)


def train(steps: int = 40) -> tuple[list[float], list[float]]:
    """Train a new network. Returns the loss of each step, and for how many steps the poles stood on average."""
    torch.manual_seed(0)
    net, poles = ActorCritic().double(), Poles(seed=0)  # in float64, as NumPy computes the states
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    losses, lengths = [], []
    for step in range(steps):
        states, actions, standing = play(poles, net)
        standing, falls = standing[:-1], (standing[:-1] & ~standing[1:]).double()
        returns = [torch.zeros(N_POLES, dtype=torch.float64)]
        for fall in falls.flip(0):  # from the last step to the first
            returns.append(DISCOUNT * returns[-1] - fall)
        observed = torch.stack(returns[1:]).flip(0)[standing]
        policy, expected = net(states[standing])
        advantages = observed - expected.detach()
        of_actor = -(policy.log_prob(actions[standing]) * advantages).mean()
        loss = of_actor + F.mse_loss(expected, observed)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        lengths.append(standing.sum().item() / N_POLES)
        if step % 10 == 0:
            print(f"step {step:4d}: loss {losses[-1]:7.4f}, the poles stood for {lengths[-1]:.0f} steps")
    return losses, lengths


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, and print how long the poles stood in the end. Returns the exit status."""
    parser = argparse.ArgumentParser(description="Learn to balance a pole.")
    parser.add_argument("--steps", type=int, default=40, help="steps of training (default: 40)")
    _, lengths = train(parser.parse_args(arguments).steps)
    last = lengths[-10:]
    print(f"in the last {len(last)} rounds the poles stood for {sum(last) / len(last):.0f} of {HORIZON} steps")
    return int(sum(last) / len(last) < 70)


if __name__ == "__main__":
    sys.exit(main())
