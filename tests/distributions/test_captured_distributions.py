"""Steps with distributions are captured: each replay draws and validates anew, and gives the bits of the eager step."""

from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg
from tinygrad_mlp import distributions as D
from tinygrad_mlp import nn, optim


class World:
    """A network, its optimizer and a generator; two worlds are equal, of which one is captured."""

    def __init__(self) -> None:
        self.generator = tg.Generator().manual_seed(5)
        self.net = nn.Sequential(
            nn.Linear(3, 8, generator=self.generator), nn.Tanh(), nn.Linear(8, 4, generator=self.generator)
        )
        self.optimizer = optim.Adam(self.net.parameters(), lr=0.01)


def policy_gradient(net: Any, generator: Any, x: Any) -> Any:
    policy = D.Categorical(logits=net(x))
    action = policy.sample(generator=generator)
    reward = (action == 1).float()
    return -(policy.log_prob(action) * reward).mean() - 0.01 * policy.entropy().mean(), action


def classes(net: Any, generator: Any, x: Any) -> Any:
    return (-D.Categorical(logits=net(x)).log_prob((x.sum(-1) > 0).long()).mean(),)


def autoencoder(net: Any, generator: Any, x: Any) -> Any:
    mean, log_scale = net(x).chunk(2, -1)
    posterior = D.Normal(mean, log_scale.exp())
    z = posterior.rsample(generator=generator)
    divergence = D.kl_divergence(posterior, D.Normal(0.0, 1.0)).sum(-1).mean()
    return divergence - D.Normal(z.sum(-1, keepdim=True), 1.0).log_prob(x).mean(), z


def squashed(net: Any, generator: Any, x: Any) -> Any:
    mean, log_scale = net(x).chunk(2, -1)
    policy = D.Independent(D.Normal(mean, log_scale.exp()), 1)
    actions = D.TransformedDistribution(policy, [D.TanhTransform(cache_size=1)])
    action = actions.rsample(generator=generator)
    return (actions.log_prob(action) + action.square().sum(-1)).mean(), action


def gammas(net: Any, generator: Any, x: Any) -> Any:
    a = net(x).exp()
    z = D.Gamma(a, 1.0).rsample(generator=generator)
    shares = D.Beta(a, 2.0).rsample(generator=generator)
    counts = D.Poisson(a).sample(generator=generator)
    return (z - shares).mean() - D.Poisson(a).log_prob(counts).mean(), z, shares


def step_of(world: World, losses: Any) -> Any:
    """A step of training with the first of the Tensors that `losses` returns."""
    net, optimizer, generator = world.net, world.optimizer, world.generator

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss, *others = losses(net, generator, x)
        loss.backward()
        optimizer.step()
        return loss, *others

    return step


@pytest.mark.parametrize("losses", [policy_gradient, classes, autoencoder, squashed, gammas])
def test_steps_are_captured(losses: Any) -> None:
    eager, recorded = World(), World()
    one, two = step_of(eager, losses), tg.capture(step_of(recorded, losses))
    for i in range(6):
        x = tg.randn(16, 3, generator=tg.Generator().manual_seed(i))
        results = [step(x) for step in (one, two)]
        assert two.captured is True
        for ours, theirs in zip(*results, strict=True):
            np.testing.assert_array_equal(ours.detach().numpy(), theirs.detach().numpy())
    for ours, theirs in zip(eager.net.parameters(), recorded.net.parameters(), strict=True):
        np.testing.assert_array_equal(ours.detach().numpy(), theirs.detach().numpy())


def test_each_replay_draws_anew() -> None:
    step = tg.capture(lambda mean: D.Normal(mean, 1.0).sample((3,)))
    drawn = [tuple(step(tg.zeros(1)).numpy().ravel()) for _ in range(4)]
    assert step.captured is True
    assert len(set(drawn)) == 4


def test_a_replay_validates_its_own_numbers() -> None:
    step = tg.capture(lambda scale, x: D.Normal(0.0, scale).log_prob(x))
    bounded = tg.capture(lambda low, x: D.Uniform(low, 1.0).log_prob(x))
    for _ in range(3):
        step(tg.ones(2), tg.zeros(2))
        bounded(tg.zeros(2), tg.zeros(2) + 0.5)
    assert step.captured is bounded.captured is True
    with pytest.raises(ValueError, match="Normal: scale is > 0, not -1"):
        step(-tg.ones(2), tg.zeros(2))
    with pytest.raises(ValueError, match="Normal: a value is a number other than NaN"):
        step(tg.ones(2), tg.zeros(2) * float("nan"))
    with pytest.raises(ValueError, match=r"Uniform: a value is from 0.75 to 1.0, not 0.5"):
        bounded(tg.zeros(2) + 0.75, tg.zeros(2) + 0.5)
