"""Each family has SciPy's densities, probabilities, entropies and moments, for parameters of all shapes and dtypes."""

import math
from typing import Any

import numpy as np
import pytest
from families import DISCRETE, FAMILIES, LOC, MATRIX, SHARES
from scipy import stats

import tinygrad_mlp as tg
import tinygrad_mlp.distributions as D


def shaped(array: Any, shape: str) -> Any:
    """Parameters of a family as a vector, as a column, or the first of them as a number."""
    return {"vector": array, "column": array[:, None], "number": array[0]}[shape]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("shape", ["vector", "column", "number"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_quantities_are_those_of_scipy(name: str, shape: str, dtype: Any) -> None:
    family, parameters, of_scipy, values = FAMILIES[name]
    given = [shaped(x, shape).astype(dtype) for x in parameters]
    ours, theirs = family(*map(tg.tensor, given)), of_scipy(*(x.astype(float) for x in given))
    x = values.astype(dtype)
    if name == "Uniform":
        x = np.full(3, ours.mean.numpy().flat[0], dtype) if shape != "vector" else x
        x = ours.mean.numpy() if shape == "column" else x
    log_density = theirs.logpmf if name in DISCRETE else theirs.logpdf
    near = {"rtol": 1e-9, "atol": 1e-9} if dtype == np.float64 else {"rtol": 2e-5, "atol": 1e-5}
    found = ours.log_prob(tg.tensor(x))
    assert found.dtype == dtype
    np.testing.assert_allclose(found.numpy(), log_density(x.astype(float)), **near)
    if name not in DISCRETE | {"Beta", "StudentT"}:
        np.testing.assert_allclose(ours.cdf(tg.tensor(x)).numpy(), theirs.cdf(x.astype(float)), **near)
    if name not in ("Poisson", "Binomial"):  # without a formula, or of one total_count
        np.testing.assert_allclose(ours.entropy().numpy(), theirs.entropy(), **near)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(ours.mean.numpy(), theirs.mean(), **near)
        expected = theirs.var() if name != "Cauchy" else np.inf + 0 * ours.loc.numpy()
    np.testing.assert_allclose(ours.variance.numpy(), expected, **near)
    np.testing.assert_allclose(ours.stddev.numpy(), np.sqrt(expected), **near)


@pytest.mark.parametrize("name", ["Normal", "LogNormal", "Uniform", "Exponential", "Laplace", "Cauchy", "HalfNormal"])
def test_icdf_inverts_cdf(name: str) -> None:
    family, parameters, of_scipy, _ = FAMILIES[name]
    p = np.array([[1e-40], [1e-9], [0.3], [0.5], [0.999]])
    d = family(*map(tg.tensor, parameters))
    expected = of_scipy(*parameters).ppf(p)
    if name == "Cauchy":  # SciPy 1.13 loses the digits of its tails
        expected = parameters[0] - parameters[1] / np.tan(np.pi * p)
    np.testing.assert_allclose(d.icdf(tg.tensor(p)).numpy(), expected, rtol=1e-7, atol=1e-38)
    with np.errstate(divide="ignore"):
        ends = family(*(tg.tensor(x.astype(np.float32)) for x in parameters)).icdf(tg.tensor([[0.0], [1.0]]))
    np.testing.assert_allclose(ends.numpy(), of_scipy(*parameters).ppf([[0.0], [1.0]]), rtol=1e-6)
    rounding = 1e-15 if name == "Uniform" else 0  # the low end has digits of its own
    np.testing.assert_allclose(d.cdf(d.icdf(tg.tensor(p))).numpy(), p + np.zeros(3), rtol=1e-6, atol=rounding)


@pytest.mark.parametrize("name", ["Normal", "LogNormal", "Exponential", "Laplace", "Cauchy", "HalfNormal"])
def test_the_density_is_the_derivative_of_cdf(name: str) -> None:
    family, parameters, of_scipy, values = FAMILIES[name]
    d = family(*map(tg.tensor, parameters))
    x = np.stack([values, of_scipy(*parameters).median(), of_scipy(*parameters).ppf(1e-12)])
    leaf = tg.tensor(x, requires_grad=True)
    (density,) = tg.autograd.grad(d.cdf(leaf).sum(), [leaf])
    np.testing.assert_allclose(density.numpy(), d.log_prob(tg.tensor(x)).exp().numpy(), rtol=1e-9)
    p = d.cdf(tg.tensor(x)).detach().requires_grad_()
    (slope,) = tg.autograd.grad(d.icdf(p).sum(), [p])
    np.testing.assert_allclose((slope * density).numpy(), np.ones(x.shape), rtol=1e-6)


def test_vectors_have_scipys_densities() -> None:
    x = np.array([0.1, -0.4, 1.5])
    normal, theirs = D.MultivariateNormal(tg.tensor(LOC), tg.tensor(MATRIX)), stats.multivariate_normal(LOC, MATRIX)
    np.testing.assert_allclose(normal.log_prob(tg.tensor(x)).numpy(), theirs.logpdf(x))
    np.testing.assert_allclose(normal.entropy().numpy(), theirs.entropy())
    np.testing.assert_allclose(normal.variance.numpy(), np.diagonal(MATRIX))
    for given in ({"precision_matrix": np.linalg.inv(MATRIX)}, {"scale_tril": np.linalg.cholesky(MATRIX)}):
        other = D.MultivariateNormal(tg.tensor(LOC), **{name: tg.tensor(matrix) for name, matrix in given.items()})
        np.testing.assert_allclose(other.covariance_matrix.numpy(), MATRIX)
        np.testing.assert_allclose(other.log_prob(tg.tensor(x)).numpy(), theirs.logpdf(x))
    dirichlet, theirs = D.Dirichlet(tg.tensor(LOC**2 + 1)), stats.dirichlet(LOC**2 + 1)
    np.testing.assert_allclose(dirichlet.log_prob(tg.tensor(SHARES)).numpy(), theirs.logpdf(SHARES))
    np.testing.assert_allclose(dirichlet.entropy().numpy(), theirs.entropy())
    counts = np.array([2, 1, 4])
    multinomial, theirs = D.Multinomial(7, tg.tensor(SHARES)), stats.multinomial(7, SHARES)
    np.testing.assert_allclose(multinomial.log_prob(tg.tensor(counts)).numpy(), theirs.logpmf(counts))
    np.testing.assert_allclose(multinomial.entropy().numpy(), theirs.entropy())
    np.testing.assert_allclose(D.Categorical(tg.tensor(SHARES)).entropy().numpy(), stats.entropy(SHARES))


@pytest.mark.parametrize("family", [D.Categorical, D.OneHotCategorical])
@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("probs", [0.5, -0.5], r"not \[ 0.5 -0.5\]"),
        ("probs", [0.0, 0.0], r"not all 0, not \[0. 0.\]"),
        ("probs", [1.0, math.nan], r"not \[ 1. nan\]"),
        ("probs", [1.0, math.inf], r"not \[ 1. inf\]"),
        ("logits", [0.0, math.nan], r"not \[ 0. nan\]"),
        ("logits", [0.0, math.inf], r"not \[ 0. inf\]"),
        ("logits", [-math.inf, -math.inf], r"not \[-inf -inf\]"),
    ],
)
def test_bad_shares_of_classes_are_shown_as_they_were_given(family: Any, name: str, wrong: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is a vector .*{words}"):
        family(**{name: tg.tensor([[1.0, 2.0], wrong])})
    assert family(**{name: tg.tensor([[1.0, 2.0], [0.0, 1.0]])}).batch_shape == (2,)


def test_values_outside_of_the_support_and_bad_parameters_say_what_is_expected() -> None:
    with pytest.raises(ValueError, match=r"Normal: scale is > 0, not -1"):
        D.Normal(tg.zeros(2), tg.tensor([1.0, -1.0]))
    with pytest.raises(ValueError, match=r"Uniform: low is < 1.0, not 2.0"):
        D.Uniform(2.0, 1.0)
    with pytest.raises(ValueError, match=r"Binomial: a value is an integer from 0 to 3.0, not 4.0"):
        D.Binomial(3, 0.5).log_prob(4.0)
    with pytest.raises(ValueError, match=r"value of shape \(2,\) does not fit batch_shape \(3,\)"):
        D.Normal(tg.zeros(3), 1.0).log_prob(tg.zeros(2))
    with pytest.raises(ValueError, match=r"Normal: loc of shape \(3,\) and scale of shape \(2,\) do not broadcast"):
        D.Normal(tg.zeros(3), tg.ones(2))
    with pytest.raises(TypeError, match=r"write \(3,\), not 3"):
        D.Normal(0.0, 1.0).sample(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"as \[TanhTransform\(\)\], not the function tanh"):
        D.TransformedDistribution(D.Normal(0.0, 1.0), [tg.tanh])
    with pytest.raises(NotImplementedError, match=r"the mean of -log_prob\(x\)"):
        D.TransformedDistribution(D.Normal(0.0, 1.0), [D.TanhTransform()]).entropy()
    with pytest.raises(ValueError, match="either probs or logits, not both"):
        D.Bernoulli(0.5, 0.0)
    with pytest.raises(NotImplementedError, match=r"Poisson has no rsample\(\), for its draws have no derivative"):
        D.Poisson(2.0).rsample()
    with pytest.raises(NotImplementedError, match=r"@register_kl adds one"):
        D.kl_divergence(D.StudentT(2.0), D.Normal(0.0, 1.0))
    with pytest.raises(TypeError, match=r"write input.detach\(\)"):
        D.Gamma(tg.tensor(1.0, requires_grad=True), 1.0).cdf(1.0)
    assert D.Normal(0.0, -1.0, validate_args=False).scale.item() == -1
    D.Distribution.set_default_validate_args(False)
    try:
        D.Normal(0.0, -1.0)
    finally:
        D.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError, match="True or False"):
        D.Distribution.set_default_validate_args(3)  # type: ignore[arg-type]


def test_names_are_found_where_pytorch_has_them() -> None:
    found: dict[str, Any] = {}
    exec("from tinygrad_mlp.distributions.normal import Normal", found)
    exec("from tinygrad_mlp.distributions.kl import kl_divergence", found)
    exec("import tinygrad_mlp.distributions.multivariate_normal as of_vectors", found)
    assert (found["Normal"], found["kl_divergence"]) == (D.Normal, D.kl_divergence)
    assert found["of_vectors"].MultivariateNormal is D.MultivariateNormal


class Triangle(D.Distribution):
    """A family of a user's own, written as for PyTorch: `sample` is inherited, and calls `rsample`."""

    arg_constraints = {"width": D.constraints.positive}  # noqa: RUF012
    has_rsample = True

    def __init__(self, width: Any, validate_args: bool | None = None) -> None:
        self.width = width
        super().__init__(width.shape, validate_args=validate_args)

    def rsample(self, sample_shape: Any = (), generator: Any = None) -> Any:
        return self.width * tg.rand(*self._extended_shape(sample_shape), 2, generator=generator).mean(-1)


def test_a_family_of_a_users_own_writes_rsample_alone() -> None:
    d = Triangle(tg.tensor([1.0, 2.0], requires_grad=True))
    one, two = (draw((3,), generator=tg.Generator().manual_seed(0)) for draw in (d.sample, d.rsample))
    np.testing.assert_array_equal(one.numpy(), two.detach().numpy())
    assert (one.requires_grad, two.requires_grad, one.shape, d.sample().shape) == (False, True, (3, 2), (2,))
    with pytest.raises(NotImplementedError, match=r"Distribution has no sample\(\)"):
        D.Distribution().sample()
    with pytest.raises(ValueError, match=r"Triangle: width is > 0, not -1"):
        Triangle(tg.tensor(-1.0))


def test_the_most_specific_formula_of_a_divergence_is_taken() -> None:

    class Shifted(D.Normal):
        """A family of a user's own."""

    @D.register_kl(Shifted, Shifted)
    def divergence(p: Any, q: Any) -> Any:
        return p.loc - q.loc

    assert D.kl_divergence(Shifted(3.0, 1.0), Shifted(1.0, 1.0)).item() == 2
    assert D.kl_divergence(Shifted(3.0, 1.0), D.Normal(1.0, 1.0)).item() == 2  # as of the base
