"""Initial values have the distribution that their function names."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from strategies import seeded

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.nn import init

GAIN = math.sqrt(2 / (1 + 0.5**2))
DISTRIBUTIONS: dict[str, tuple[Callable[..., tg.Tensor], Any]] = {
    "uniform_": (lambda t, g: init.uniform_(t, -1, 3, g), stats.uniform(-1, 4)),
    "normal_": (lambda t, g: init.normal_(t, 1, 2, g), stats.norm(1, 2)),
    "trunc_normal_": (lambda t, g: init.trunc_normal_(t, generator=g), stats.truncnorm(-2, 2)),
    "trunc_normal_, right": (
        lambda t, g: init.trunc_normal_(t, 1, 2, 3, 20, g), stats.truncnorm(1, 9.5, loc=1, scale=2)
    ),
    "trunc_normal_, far": (lambda t, g: init.trunc_normal_(t, 0, 1, 9, 10, g), stats.truncnorm(9, 10)),
    "xavier_uniform_": (
        lambda t, g: init.xavier_uniform_(t, 2, g), stats.uniform(-2 * math.sqrt(6 / 150), 4 * math.sqrt(6 / 150))
    ),
    "xavier_normal_": (lambda t, g: init.xavier_normal_(t, 2, g), stats.norm(0, 2 * math.sqrt(2 / 150))),
    "kaiming_uniform_": (
        lambda t, g: init.kaiming_uniform_(t, 0.5, generator=g),
        stats.uniform(-GAIN * math.sqrt(3 / 50), 2 * GAIN * math.sqrt(3 / 50)),
    ),
    "kaiming_normal_": (
        lambda t, g: init.kaiming_normal_(t, mode="fan_out", nonlinearity="relu", generator=g),
        stats.norm(0, math.sqrt(2 / 100)),
    ),
    "Linear.weight": (lambda t, g: nn.Linear(50, 100, generator=g).weight, stats.uniform(-(50**-0.5), 2 * 50**-0.5)),
    "Linear.bias": (lambda t, g: nn.Linear(4, 5000, generator=g).bias, stats.uniform(-0.5, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_drawn_values_have_their_distribution(name: str) -> None:
    draw, distribution = DISTRIBUTIONS[name]
    values = draw(tg.tensor(np.zeros((100, 50))), seeded()).detach().numpy()
    assert stats.kstest(values.ravel(), distribution.cdf).pvalue > 0.01
    np.testing.assert_array_equal(draw(tg.tensor(np.zeros((100, 50))), seeded()).detach().numpy(), values)
    assert (draw(tg.tensor(np.zeros((100, 50))), seeded(1)).detach().numpy() != values).any()


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (2, 3, 2), (4, 1)])
def test_orthogonal_matrices_are_orthogonal(shape: tuple[int, ...]) -> None:
    matrix = init.orthogonal_(tg.tensor(np.zeros(shape)), 2, seeded()).numpy().reshape(shape[0], -1)
    small = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-12)


def test_orthogonal_matrices_are_uniformly_distributed() -> None:
    """The first entry is as often positive as negative. A QR decomposition alone would always give it one sign."""
    drawn = [init.orthogonal_(tg.tensor(np.zeros((2, 2))), generator=seeded(i))[0, 0].item() for i in range(60)]
    assert abs(sum(np.sign(drawn))) < 30


@pytest.mark.parametrize(("shape", "fans"), [((5, 3), (3, 5)), ((2, 3, 4), (12, 8)), ((1, 1), (1, 1))])
def test_fans_have_the_name_that_programs_for_pytorch_call(shape: tuple[int, ...], fans: tuple[int, int]) -> None:
    """Layers written by hand copy it from PyTorch's Linear, for the bound of the bias."""
    assert init._calculate_fan_in_and_fan_out(tg.zeros(shape)) == fans


def test_constant_initial_values() -> None:
    weight = nn.Parameter(tg.tensor(np.zeros((2, 3))))
    assert init.eye_(weight) is weight
    np.testing.assert_array_equal(weight.detach().numpy(), np.eye(2, 3))
    np.testing.assert_array_equal(init.ones_(weight).detach().numpy(), 1)
    np.testing.assert_array_equal(init.zeros_(weight).detach().numpy(), 0)
    np.testing.assert_array_equal(init.constant_(weight, 0.5).detach().numpy(), 0.5)


@pytest.mark.parametrize(
    ("nonlinearity", "param", "gain"),
    [
        ("linear", None, 1), ("sigmoid", None, 1), ("tanh", None, 5 / 3), ("relu", None, math.sqrt(2)),
        ("leaky_relu", None, math.sqrt(2 / 1.0001)), ("leaky_relu", 2, math.sqrt(2 / 5)), ("selu", None, 0.75),
    ],
)  # fmt: skip
def test_recommended_gains(nonlinearity: str, param: float | None, gain: float) -> None:
    np.testing.assert_allclose(init.calculate_gain(nonlinearity, param), gain)
