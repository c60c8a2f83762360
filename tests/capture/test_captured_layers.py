"""Captured training with each kind of layer gives the weights of eager training. Hooks keep a step eager."""

import copy
import warnings

import numpy as np
import pytest

import tinygrad_mlp as tg
from tinygrad_mlp import nn


def outcome_of_training(net: nn.Module) -> bool | str:
    """Train for three steps, captured and eager, and compare the states. Return True, or why the step stayed eager."""
    x = np.random.default_rng(0).normal(size=(3, 4, 2)).astype(np.float32)
    peer = copy.deepcopy(net)
    outcomes = []
    for model, wrap in ((net, tg.capture), (peer, lambda step: step)):
        optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

        def step(rows: tg.Tensor, model: nn.Module = model, optimizer: tg.optim.SGD = optimizer) -> None:
            optimizer.zero_grad()
            model(rows).square().sum().backward()
            optimizer.step()

        run = wrap(step)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="a captured step stays eager")
            for rows in x:
                run(tg.tensor(rows))
        outcomes.append(getattr(run, "captured", None))
    for one, another in zip(net.state_dict().values(), peer.state_dict().values(), strict=True):
        np.testing.assert_allclose(one.numpy(), another.numpy(), rtol=1e-6)
    return outcomes[0]


class Chosen(nn.Module):
    """One class for each row, drawn; the gradient is that of the probabilities."""

    def __init__(self) -> None:
        self.generator = tg.Generator().manual_seed(0)

    def forward(self, logits: tg.Tensor) -> tg.Tensor:
        return nn.functional.gumbel_softmax(logits, hard=True, generator=self.generator)


class Padded(nn.Module):
    """Pads with zeros and with what is at the other end."""

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return nn.functional.pad(nn.functional.pad(x, (1, 1)), (2, -1), "circular")


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (Padded(), None),
        (nn.LayerNorm(3), None),
        (nn.RMSNorm(3), None),
        (nn.GroupNorm(3, 3), None),
        (nn.Unflatten(1, (3, 1)), None),
        (nn.AlphaDropout(generator=tg.Generator().manual_seed(0)), None),
        (nn.GELU(), None),
        (Chosen(), None),
        (nn.BatchNorm1d(3), None),
        (nn.BatchNorm1d(3, momentum=None), "reading numbers"),
        (nn.Dropout(0.0), None),
        (nn.Dropout(generator=tg.Generator().manual_seed(0)), None),
    ],
    ids=repr,
)
def test_layers_are_captured_or_name_the_reason(layer: nn.Module, reason: str | None) -> None:
    outcome = outcome_of_training(nn.Sequential(nn.Linear(2, 3), layer))
    assert outcome is True if reason is None else reason in str(outcome)


def test_steps_with_hooks_stay_eager() -> None:
    net, seen = nn.Sequential(nn.Linear(2, 3)), []
    net[0].register_forward_hook(lambda m, args, output: seen.append(1))
    net[0].register_full_backward_hook(lambda m, args, output: seen.append(2))
    assert "hooks" in str(outcome_of_training(net))
    assert seen == [1, 2] * 6  # in three steps of each of two networks


def test_steps_whose_hooks_were_removed_are_captured() -> None:
    net = nn.Sequential(nn.Linear(2, 3))
    net[0].register_forward_hook(lambda m, args, output: None).remove()
    assert outcome_of_training(net) is True
