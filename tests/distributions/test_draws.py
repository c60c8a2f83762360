"""Draws have the distribution of their family and, through `rsample`, the gradients of the inverse of its cdf."""

from typing import Any

import numpy as np
import pytest
from families import DISCRETE, FAMILIES, LOC, MATRIX, SHARES
from scipy import special, stats

import tinygrad_mlp as tg
import tinygrad_mlp.distributions as D

N = 20_000


@pytest.mark.parametrize("name", FAMILIES)
def test_draws_have_the_distribution(name: str) -> None:
    family, parameters, of_scipy, _ = FAMILIES[name]
    d = family(*map(tg.tensor, parameters))
    drawn = d.sample((N,), tg.Generator().manual_seed(0)).numpy()
    assert drawn.shape == (N, 3)
    for column in range(3):
        of_column = of_scipy(*(x[column] for x in parameters))
        x = drawn[:, column]
        if name in DISCRETE:
            values = np.arange(6)
            shares = (x[:, None] == values).mean(0)
            np.testing.assert_allclose(shares, of_column.pmf(values), atol=5 * 0.5 / np.sqrt(N))
        else:
            assert stats.kstest(x, of_column.cdf).pvalue > 1e-4


def test_draws_of_classes_and_vectors_have_the_distribution() -> None:
    generator = tg.Generator().manual_seed(1)
    tolerance = {"atol": 5 * 0.5 / np.sqrt(N)}
    classes = D.Categorical(tg.tensor(SHARES)).sample((N,), generator).numpy()
    np.testing.assert_allclose(np.bincount(classes, minlength=3) / N, SHARES, **tolerance)
    for d in (D.OneHotCategorical(tg.tensor(SHARES)), D.OneHotCategoricalStraightThrough(tg.tensor(SHARES))):
        np.testing.assert_allclose(d.sample((N,), generator).mean(0).numpy(), SHARES, **tolerance)
    counts = D.Multinomial(4, tg.tensor(SHARES)).sample((N,), generator).numpy()
    assert (counts.sum(-1) == 4).all()
    np.testing.assert_allclose(counts.mean(0) / 4, SHARES, **tolerance)
    x = D.MultivariateNormal(tg.tensor(LOC), tg.tensor(MATRIX)).sample((N,), generator).numpy()
    np.testing.assert_allclose(np.cov(x.T), MATRIX, atol=0.1)
    dirichlet = D.Dirichlet(tg.tensor(LOC**2))
    x = dirichlet.sample((N,), generator).numpy()
    np.testing.assert_allclose(x.mean(0), dirichlet.mean.numpy(), **tolerance)
    np.testing.assert_allclose(x.var(0), dirichlet.variance.numpy(), **tolerance)
    warm = D.RelaxedOneHotCategorical(0.01, tg.tensor(SHARES)).sample((N,), generator).numpy()
    np.testing.assert_allclose(warm.mean(0), SHARES, **tolerance)
    warm = D.RelaxedBernoulli(0.01, tg.tensor(SHARES)).sample((N,), generator).numpy()
    np.testing.assert_allclose(warm.mean(0), SHARES, **tolerance)


def test_the_seed_decides() -> None:
    for seed in (0, 1):
        d = D.Normal(tg.zeros(2), 1.0)
        one, two = (d.sample((3,), tg.Generator().manual_seed(seed)).numpy() for _ in range(2))
        np.testing.assert_array_equal(one, two)
        tg.manual_seed(seed)
        np.testing.assert_array_equal(d.sample((3,)).numpy(), one)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gradients_of_gamma_draws_are_those_of_the_quantile(dtype: Any) -> None:
    concentration = np.array([0.01, 0.1, 0.7, 1.0, 3.0, 50.0, 1000.0])
    a = tg.tensor(concentration.astype(dtype), requires_grad=True)
    z = D.Gamma(a, 1.0).rsample((200,), tg.Generator().manual_seed(0))
    (slope,) = tg.autograd.grad(z.sum(), [a])
    drawn = z.detach().numpy().astype(float)
    h = 1e-4 * concentration
    density = stats.gamma(concentration).pdf(drawn)
    differences = 8 * (special.gammainc(concentration + h, drawn) - special.gammainc(concentration - h, drawn))
    differences -= special.gammainc(concentration + 2 * h, drawn) - special.gammainc(concentration - 2 * h, drawn)
    expected = (-differences / (12 * h) / density).sum(0)
    np.testing.assert_allclose(slope.numpy(), expected, rtol=1e-5 if dtype == np.float64 else 1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("family", ["Beta", "Dirichlet"])
def test_the_density_of_a_share_that_was_drawn_is_finite(family: str, dtype: Any) -> None:
    few = tg.full((2,), 0.003, dtype=dtype)
    shares = D.Beta(few, 0.001) if family == "Beta" else D.Dirichlet(few)
    drawn = shares.sample((1000,), tg.Generator().manual_seed(0))
    assert drawn.dtype == dtype
    assert 0 < drawn.min().item() < 1e-30
    assert 0.999 < drawn.max().item() < 1
    assert np.isfinite(shares.log_prob(drawn)).all()


def test_tiny_concentrations_give_finite_draws_and_gradients() -> None:
    a = tg.full((1000,), 1e-4, requires_grad=True)
    for d in (D.Gamma(a, 1.0), D.Beta(a, a), D.Dirichlet(a.reshape(-1, 2))):
        z = d.rsample(generator=tg.Generator().manual_seed(0))
        (slope,) = tg.autograd.grad(z.sum(), [a])
        assert np.isfinite(z.detach().numpy()).all()
        assert np.isfinite(slope.numpy()).all()


def test_the_mean_of_draws_has_the_gradient_of_the_mean() -> None:
    for family, values in ((D.Beta, (1.5, 0.8)), (D.Gamma, (0.6, 2.0)), (D.StudentT, (6.0, 0.5, 1.5))):
        given = [tg.tensor(x, dtype=np.float64, requires_grad=True) for x in values]
        d = family(*given)
        z = d.rsample((N,), tg.Generator().manual_seed(0))
        for power in (1, 2):
            moment = (z**power).mean()
            exact = d.mean if power == 1 else d.variance + d.mean.square()
            pairs = zip(
                *(tg.autograd.grad(y, given, retain_graph=True, allow_unused=True) for y in (moment, exact)),
                strict=True,
            )
            for estimate, expected in pairs:
                if expected is not None:
                    np.testing.assert_allclose(estimate.numpy(), expected.numpy(), rtol=0.06, atol=0.05)
