"""Densities, entropies, divergences and draws have right first and second derivatives by all parameters."""

from typing import Any

import numpy as np
import pytest
from families import DISCRETE, FAMILIES, LOC, MATRIX, SHARES

import tinygrad_mlp as tg
import tinygrad_mlp.distributions as D
from tinygrad_mlp.autograd.gradcheck import gradcheck, gradgradcheck


def leaves(*arrays: Any) -> list[Any]:
    return [tg.tensor(np.asarray(x, float), requires_grad=True) for x in arrays]


def right(function: Any, *arrays: Any) -> None:
    """Assert that the first and second derivatives of a function of these arrays are right."""
    assert gradcheck(function, tuple(leaves(*arrays)))
    assert gradgradcheck(function, tuple(leaves(*arrays)))


@pytest.mark.parametrize("name", FAMILIES)
def test_densities_and_entropies(name: str) -> None:
    family, parameters, _, values = FAMILIES[name]
    if name == "Binomial":
        (count, *parameters), made = parameters, family
        family = lambda p: made(tg.tensor(count), p)  # noqa: E731
    value = values if name in DISCRETE else None
    if name == "Uniform":
        right(lambda low, high: family(low, high).log_prob(tg.tensor(values)), *parameters)
    elif value is None:
        right(lambda x, *given: family(*given).log_prob(x), values, *parameters)
    else:
        right(lambda *given: family(*given).log_prob(tg.tensor(value)), *parameters)
    if name not in ("Poisson", "Cauchy"):
        right(lambda *given: family(*given).entropy(), *parameters)


@pytest.mark.parametrize("name", ["Beta", "Gamma", "Chi2", "Normal", "LogNormal", "StudentT", "HalfNormal", "Laplace"])
def test_draws(name: str) -> None:
    family, parameters, _, _ = FAMILIES[name]
    right(lambda *given: family(*given).rsample((2,), tg.Generator().manual_seed(3)), *parameters)


def test_draws_of_vectors() -> None:
    right(lambda a: D.Dirichlet(a).rsample((), tg.Generator().manual_seed(3)), LOC**2 + 0.3)
    root = np.linalg.cholesky(MATRIX)
    right(
        lambda m, r: D.MultivariateNormal(m, scale_tril=r.tril()).rsample((2,), tg.Generator().manual_seed(3)),
        LOC,
        root,
    )
    relaxed = D.RelaxedOneHotCategorical
    right(lambda t, z: relaxed(t, logits=z).rsample((), tg.Generator().manual_seed(3)), 0.7, LOC)


PAIRS = [name for name in FAMILIES if name != "Binomial" and (getattr(D, name), getattr(D, name)) in D.kl._TABLE]


@pytest.mark.parametrize("name", PAIRS)
def test_divergences(name: str) -> None:
    family, parameters, _, _ = FAMILIES[name]
    count = len(parameters)
    others = [x * 0.9 for x in parameters]
    if name == "Uniform":
        others = [parameters[0] - 0.5, parameters[1] + 0.25]
    right(lambda *given: D.kl_divergence(family(*given[:count]), family(*given[count:])), *parameters, *others)


@pytest.mark.parametrize("name", PAIRS)
def test_divergences_are_means_over_draws(name: str) -> None:
    family, parameters, _, _ = FAMILIES[name]
    p = family(*map(tg.tensor, parameters))
    others = [x * 0.9 for x in parameters] if name != "Uniform" else [parameters[0] - 0.5, parameters[1] + 0.25]
    q = family(*map(tg.tensor, others))
    x = p.sample((40_000,), tg.Generator().manual_seed(0))
    terms = (p.log_prob(x) - q.log_prob(x)).numpy()
    error = 5 * terms.std(0) / 200
    assert (abs(terms.mean(0) - D.kl_divergence(p, q).numpy()) <= error + 1e-9).all()


def test_divergences_of_certain_numbers_are_finite_or_infinite() -> None:
    certain, open_, never = (D.Binomial(4, tg.tensor(p)) for p in (1.0, 0.5, 0.0))
    for p, q, expected in [
        (certain, open_, 4 * np.log(2)), (never, open_, 4 * np.log(2)), (certain, certain, 0), (never, never, 0),
        (open_, never, np.inf), (open_, certain, np.inf), (never, certain, np.inf),
    ]:  # fmt: skip
        np.testing.assert_allclose(D.kl_divergence(p, q).item(), expected, rtol=1e-6)


def test_categorical_and_classes() -> None:
    right(lambda z: D.Categorical(logits=z).log_prob(tg.tensor([0, 2])), LOC)
    right(lambda p: D.Categorical(p).entropy(), SHARES)
    right(lambda z, w: D.kl_divergence(D.Categorical(logits=z), D.Categorical(logits=w)), LOC, LOC[::-1].copy())
