"""The scripts of examples/ported have the same first 50 losses under both names, if both draw the same numbers."""

import warnings
from typing import Any

import numpy as np
import pytest
from ported import NAMES, load

import tinygrad_mlp as tg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing PyTorch gives warnings
    torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")
    from common_draws import common_draws

STEPS = 50


@pytest.mark.parametrize("name", NAMES)
def test_the_losses_are_the_same_under_both_names(name: str) -> None:
    here, _ = load(name).train(steps=STEPS)
    with common_draws():
        there, _ = load(name, "torch").train(steps=STEPS)
    assert len(here) == len(there) == STEPS
    assert len(set(here)) > STEPS / 2, "the losses say something about each step"
    np.testing.assert_allclose(here, there, rtol=2e-4)


# What draws, in either library `m`: a list of Tensors, of lists or of layers.
DRAWS = {
    "rand": lambda m: [m.rand(3, 2), m.rand(3, dtype=m.float64)],
    "randn": lambda m: [m.randn(3, 2), m.randn(2, 2, requires_grad=True)],
    "like": lambda m: [m.randn_like(m.zeros(2, 3)), m.rand_like(m.zeros(4)), m.randint_like(m.zeros(3), 9)],
    "randint": lambda m: [m.randint(10, (5,)), m.randint(-3, 4, (2, 3)), m.randperm(7)],
    "normal": lambda m: [m.normal(m.zeros(3), m.ones(3)), m.normal(2.0, 0.5, (4,)), m.normal(m.arange(3.0), 0.1)],
    "bernoulli": lambda m: [m.bernoulli(m.full((9,), 0.3)), m.zeros(9).bernoulli_(0.7), m.zeros(2).bernoulli_()],
    "multinomial": lambda m: [m.multinomial(m.ones(5), 3), m.multinomial(m.ones(2, 5), 4, replacement=True)],
    "in place": lambda m: [m.zeros(3).normal_(1, 2), m.zeros(3).uniform_(-1, 1), m.zeros(3).exponential_(2.0)],
    "integers in place": lambda m: [m.zeros(5).random_(10), m.zeros(5, dtype=m.int64).random_(3, 8)],
    "init": lambda m: [
        *map(m.nn.init.xavier_uniform_, [m.zeros(3, 2)]),
        *map(m.nn.init.kaiming_normal_, [m.zeros(3, 2)]),
        m.nn.init.normal_(m.zeros(4), std=0.02),
    ],
    "layers": lambda m: [m.nn.Linear(3, 2), m.nn.Bilinear(2, 3, 2), m.nn.Embedding(4, 3), m.nn.EmbeddingBag(4, 3)],
    "dropout": lambda m: [
        m.nn.Dropout(0.4)(m.ones(5, 4)),
        m.nn.functional.dropout(m.ones(9)),
        m.nn.Dropout()(m.ones(2)),
    ],
    "loader": lambda m: [
        batch
        for _ in range(2)
        for batch in m.utils.data.DataLoader(m.utils.data.TensorDataset(m.arange(7)), batch_size=3, shuffle=True)
    ],
    "distributions": lambda m: [
        m.distributions.Normal(m.zeros(3), m.ones(3)).sample(),
        m.distributions.Normal(m.arange(3.0), 2.0).rsample((2,)),
        m.distributions.Independent(m.distributions.Normal(m.zeros(2, 3), 0.5), 1).sample((4,)),
        m.distributions.MultivariateNormal(m.ones(2), m.eye(2) + 0.5).rsample((3,)),
        m.distributions.Categorical(logits=m.arange(6.0).reshape(2, 3)).sample(),
        m.distributions.Bernoulli(m.full((9,), 0.3)).sample(),
        m.distributions.Exponential(m.full((3,), 2.0)).sample(),
        m.distributions.Uniform(m.zeros(3, dtype=m.float64), 2.0).sample(),
    ],
    "split": lambda m: [list(m.utils.data.random_split(range(9), [4, 5])[0])],
}


def arrays(drawn: Any) -> list[Any]:
    """The entries of Tensors, lists and the parameters of layers, each with its dtype, in the order of the draws."""
    if isinstance(drawn, list | tuple):
        return [array for each in drawn for array in arrays(each)]
    if hasattr(drawn, "parameters"):
        return arrays(list(drawn.parameters()))
    return [drawn.detach().numpy() if hasattr(drawn, "detach") else np.asarray(drawn)]


@pytest.mark.parametrize("name", DRAWS)
def test_all_that_draws_draws_the_same(name: str) -> None:
    tg.manual_seed(3)
    here = DRAWS[name](tg)
    with common_draws():
        torch.manual_seed(3)
        there = DRAWS[name](torch)
    assert arrays(here)
    for ours, theirs in zip(arrays(here), arrays(there), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_what_cannot_be_drawn_here_is_refused() -> None:
    with common_draws(), pytest.raises(AttributeError, match="_standard_gamma"):
        torch._standard_gamma(torch.ones(2))
