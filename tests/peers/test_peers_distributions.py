"""Distributions, transforms and divergences have PyTorch's values, gradients, shapes and errors."""

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from agreement import DTYPES, close

import tinygrad_mlp as tg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing PyTorch gives warnings
    torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")

LIBRARIES = (tg, torch)
MATRIX = np.array([[2.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 0.5]])
ROOT = np.linalg.cholesky(MATRIX)
SHARES = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
LOC, SCALE = np.array([[0.5, -1.0, 2.0], [0.0, 0.25, -3.0]]), np.array([0.5, 1.0, 2.5])
REALS, POSITIVE = np.array([[-1.5, 0.25, 2.0], [3.0, -0.5, 0.75]]), np.array([[0.1, 1.0, 2.5], [4.0, 0.5, 3.0]])
UNITS, BITS = np.array([[0.1, 0.5, 0.9], [0.25, 0.75, 0.6]]), np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
COUNTS, CLASSES = np.array([[0.0, 1.0, 3.0], [2.0, 0.0, 4.0]]), np.array([0, 2])

# For each family: the parameters by name, and values of its support.
Case = tuple[str, dict[str, Any], Any]
CASES: list[Case] = [
    ("Bernoulli", {"probs": UNITS}, BITS),
    ("Bernoulli", {"logits": LOC}, BITS),
    ("Beta", {"concentration1": POSITIVE, "concentration0": SCALE}, UNITS),
    ("Binomial", {"total_count": np.full(3, 5.0), "probs": UNITS}, COUNTS),
    ("Binomial", {"total_count": np.full(3, 5.0), "logits": LOC}, COUNTS),
    ("Categorical", {"probs": SHARES}, CLASSES),
    ("Categorical", {"logits": LOC}, CLASSES),
    ("Cauchy", {"loc": LOC, "scale": SCALE}, REALS),
    ("Chi2", {"df": POSITIVE}, POSITIVE),
    ("Dirichlet", {"concentration": POSITIVE}, SHARES),
    ("Exponential", {"rate": SCALE}, POSITIVE),
    ("Gamma", {"concentration": POSITIVE, "rate": SCALE}, POSITIVE),
    ("Geometric", {"probs": UNITS}, COUNTS),
    ("Geometric", {"logits": LOC}, COUNTS),
    ("HalfNormal", {"scale": SCALE}, POSITIVE),
    # None of the values is the median, where the derivative of PyTorch's cdf is 0.
    ("Laplace", {"loc": LOC, "scale": SCALE}, REALS + 0.125),
    ("LogNormal", {"loc": LOC, "scale": SCALE}, POSITIVE),
    ("Multinomial", {"total_count": 8, "probs": SHARES}, np.array([[3.0, 4.0, 1.0], [8.0, 0.0, 0.0]])),
    ("Multinomial", {"total_count": 8, "logits": LOC}, np.array([[3.0, 4.0, 1.0], [8.0, 0.0, 0.0]])),
    ("MultivariateNormal", {"loc": LOC, "covariance_matrix": MATRIX}, REALS),
    ("MultivariateNormal", {"loc": LOC, "precision_matrix": MATRIX}, REALS),
    ("MultivariateNormal", {"loc": LOC[0], "scale_tril": ROOT}, REALS),
    ("Normal", {"loc": LOC, "scale": SCALE}, REALS),
    ("OneHotCategorical", {"probs": SHARES}, np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])),
    ("OneHotCategorical", {"logits": LOC}, np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])),
    ("OneHotCategoricalStraightThrough", {"probs": SHARES}, np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])),
    ("Poisson", {"rate": POSITIVE}, COUNTS),
    ("RelaxedBernoulli", {"temperature": np.array(0.7), "probs": UNITS}, UNITS),
    ("RelaxedBernoulli", {"temperature": np.array(0.7), "logits": LOC}, UNITS),
    ("RelaxedOneHotCategorical", {"temperature": np.array(0.7), "probs": SHARES}, SHARES[::-1].copy()),
    ("RelaxedOneHotCategorical", {"temperature": np.array(0.7), "logits": LOC}, SHARES[::-1].copy()),
    ("StudentT", {"df": np.array([0.5, 1.5, 4.0]), "loc": LOC, "scale": SCALE}, REALS),
    ("Uniform", {"low": LOC, "high": LOC + SCALE}, LOC + SCALE * UNITS),
]
NAMES = [f"{name} of {', '.join(options)}" for name, options, _ in CASES]
QUANTITIES: dict[str, Callable[[Any, Any], Any]] = {
    "log_prob": lambda d, x: d.log_prob(x),
    "cdf": lambda d, x: d.cdf(x),
    **{name: lambda d, x, name=name: getattr(d, name)() for name in ("entropy", "perplexity", "enumerate_support")},
    **{
        name: lambda d, x, name=name: getattr(d, name) for name in ("mean", "mode", "variance", "stddev", "param_shape")
    },
    **{name: lambda d, x, name=name: getattr(d, name) for name in ("logits", "probs", "df", "total_count")},
    **{name: lambda d, x, name=name: getattr(d, name) for name in ("has_rsample", "has_enumerate_support")},
    **{name: lambda d, x, name=name: getattr(d, name) for name in ("batch_shape", "event_shape", "precision_matrix")},
}


def tensors(library: Any, options: dict[str, Any], dtype: Any, grad: bool = True) -> dict[str, Any]:
    """Parameters, of which arrays become Tensors that need a gradient."""
    return {
        name: library.tensor(x.astype(dtype), requires_grad=grad) if isinstance(x, np.ndarray) else x
        for name, x in options.items()
    }


def outcome(call: Callable[..., Any], *arguments: Any) -> Any:
    """What a call returns, or None if it raises."""
    try:
        return call(*arguments)
    except (NotImplementedError, ValueError, RuntimeError, AttributeError):
        return None


def same(ours: Any, theirs: Any, what: str, slack: float = 0) -> None:
    """Assert that Tensors, shapes or numbers agree, or that both calls raised."""
    if isinstance(ours, tg.Tensor) and isinstance(theirs, torch.Tensor):
        close(ours, theirs, what, slack)
    else:
        plain = [tuple(x) if isinstance(x, tuple) else x for x in (ours, theirs)]
        assert type(plain[0]) is type(plain[1]), what
        assert plain[0] == plain[1], what


# Neither has the derivative of the incomplete gamma function by its first argument.
NO_GRADIENT = {("Gamma", "cdf"), ("Chi2", "cdf")}


def made(library: Any, name: str, options: dict[str, Any]) -> Any:
    return getattr(library.distributions, name)(**options)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=NAMES)
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_quantities_and_their_gradients_agree(quantity: str, case: Case, dtype: Any) -> None:
    name, options, value = case
    found = []
    for library in LIBRARIES:
        given = tensors(library, options, dtype, (name, quantity) not in NO_GRADIENT)
        x = library.tensor(value.astype(dtype) if value.dtype.kind == "f" else value)
        d = made(library, name, given)
        y = outcome(QUANTITIES[quantity], d, x)
        gradients = [None]
        if hasattr(y, "requires_grad") and y.requires_grad:
            leaves = [p for p in given.values() if hasattr(p, "requires_grad")]
            weights = library.tensor(np.cos(np.arange(y.numel())).reshape(tuple(y.shape)).astype(dtype))
            finite = library.where(library.isfinite(y), y, library.zeros_like(y))
            gradients = library.autograd.grad((finite * weights).sum(), leaves, allow_unused=True)
            gradients = [library.zeros_like(p) if g is None else g for p, g in zip(leaves, gradients, strict=True)]
        found.append((y, gradients))
    (ours, our_gradients), (theirs, their_gradients) = found
    if (name, quantity) == ("Geometric", "param_shape"):  # which PyTorch's Geometric lacks
        return
    # PyTorch computes one logarithm in the entropy of a Multinomial as float32.
    same(ours, theirs, quantity, 1e-5 * (name == "Multinomial"))
    assert len(our_gradients) == len(their_gradients)
    for one, two in zip(our_gradients, their_gradients, strict=True):
        close(one, two, f"gradient of {quantity}", slack=1e-5 if dtype == np.float32 or name == "Multinomial" else 1e-9)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_numbers_give_the_same_shapes(case: Case) -> None:
    name, options, _ = case
    if "Multi" in name or "Categorical" in name or name in ("Dirichlet", "RelaxedBernoulli"):
        pytest.skip("parameters are vectors, or have to be Tensors in PyTorch")
    for shape in ((), (1,), (2, 1)):
        numbers = {key: 5.0 if key in ("high", "total_count") else 0.5 for key in options}
        found = []
        for library in LIBRARIES:
            given = dict(numbers)
            if shape:
                given[next(iter(given))] = library.full(shape, numbers[next(iter(given))])
            d = made(library, name, given)
            found.append([tuple(x) for x in (d.batch_shape, d.event_shape, d.sample().shape, d.sample((2, 3)).shape)])
        assert found[0] == found[1]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_draws_have_the_same_shapes_and_dtypes(case: Case) -> None:
    name, options, _ = case
    for shape, dtype in itertools.product([(), (4,), (2, 1)], DTYPES):
        ours, theirs = (made(library, name, tensors(library, options, dtype)) for library in LIBRARIES)
        one, two = (outcome(d.rsample, shape) for d in (ours, theirs))
        assert (one is None) == (two is None)
        for draws in [(ours.sample(shape), theirs.sample(shape)), (one, two)]:
            if draws[0] is not None:
                found = [(tuple(x.shape), str(x.dtype).removeprefix("torch."), x.requires_grad) for x in draws]
                assert found[0] == found[1]
        ours.log_prob(ours.sample(shape))  # is in the support


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["Cauchy", "Exponential", "HalfNormal", "Laplace", "LogNormal", "Normal", "Uniform"])
def test_inverse_distribution_functions_agree(name: str, dtype: Any) -> None:
    options = next(options for family, options, _ in CASES if family == name)
    found = []
    for library in LIBRARIES:
        given = tensors(library, options, dtype)
        units = UNITS + 0.125 * (UNITS == 0.5)  # at 0.5 the derivative of PyTorch's Laplace is 0
        p = library.tensor(units.astype(dtype), requires_grad=True)
        y = made(library, name, given).icdf(p)
        found.append([y, *library.autograd.grad(y.sum(), [p, *given.values()])])
    for ours, theirs in zip(*found, strict=True):
        close(ours, theirs, name, slack=3e-5 if dtype == np.float32 else 1e-9)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_an_expanded_distribution_agrees(case: Case) -> None:
    name, options, value = case
    found = []
    for library in LIBRARIES:
        d, x = made(library, name, tensors(library, options, np.float64)), library.tensor(value)
        events = len(d.event_shape)
        shape = (4, *x.shape[: x.ndim - events])
        whole = d.expand(shape)
        rows = library.distributions.Independent(whole, 1)
        twice = rows.expand((3, *rows.batch_shape))
        parts: list[Any] = [type(whole).__name__, whole.log_prob(x), rows.log_prob(x.expand(4, *x.shape))]
        for each in (whole, rows, twice):
            parts += [
                tuple(y) for y in (each.batch_shape, each.event_shape, each.sample().shape, each.sample((2,)).shape)
            ]
            parts += [outcome(getattr, each, quantity) for quantity in ("mean", "variance", "mode", "has_rsample")]
            if name != "Multinomial":  # whose entropy PyTorch has no formula for where there is more than one dimension
                parts += [outcome(lambda each: each.entropy(), each)]
        found.append(parts)
    for ours, theirs in zip(*found, strict=True):
        same(ours, theirs, name, 1e-6 * (name == "Multinomial"))


# --- divergences ------------------------------------------------------------------------------------------------------

SECOND: dict[str, dict[str, Any]] = {
    "Bernoulli": {"probs": UNITS[::-1].copy()}, "Beta": {"concentration1": SCALE, "concentration0": POSITIVE},
    "Binomial": {"total_count": np.full(3, 5.0), "probs": UNITS[::-1].copy()},
    "Categorical": {"probs": SHARES[::-1].copy()},
    "Cauchy": {"loc": REALS, "scale": POSITIVE}, "Chi2": {"df": POSITIVE + 1}, "Dirichlet": {"concentration": SCALE},
    "Exponential": {"rate": POSITIVE}, "Gamma": {"concentration": SCALE, "rate": POSITIVE},
    "Geometric": {"probs": UNITS[::-1].copy()}, "HalfNormal": {"scale": POSITIVE},
    "Laplace": {"loc": REALS, "scale": POSITIVE}, "LogNormal": {"loc": REALS, "scale": POSITIVE},
    "MultivariateNormal": {"loc": REALS, "scale_tril": ROOT.copy() * 1.5},
    "Normal": {"loc": REALS, "scale": POSITIVE}, "OneHotCategorical": {"logits": LOC}, "Poisson": {"rate": SCALE},
    "Uniform": {"low": LOC - 0.5, "high": LOC + 2 * SCALE}, "Multinomial": {"total_count": 8, "logits": LOC},
    "StudentT": {"df": POSITIVE}, "RelaxedBernoulli": {"temperature": np.array(0.7), "probs": UNITS},
}  # fmt: skip
FIRST = {name: options for name, options, _ in reversed(CASES) if name in SECOND}


@pytest.mark.parametrize("first", sorted(SECOND))
def test_divergences_of_all_pairs_agree(first: str) -> None:
    for second in sorted(SECOND):
        found = []
        for library in LIBRARIES:
            p, q = tensors(library, FIRST[first], np.float64), tensors(library, SECOND[second], np.float64)
            y = outcome(library.distributions.kl_divergence, made(library, first, p), made(library, second, q))
            results = [y]
            if y is not None and y.requires_grad and library.isfinite(y).all():
                leaves = [x for x in [*p.values(), *q.values()] if hasattr(x, "requires_grad")]
                gradients = library.autograd.grad(y.sum(), leaves, allow_unused=True)
                results += [library.zeros_like(x) if g is None else g for x, g in zip(leaves, gradients, strict=True)]
            found.append(results)
        ours, theirs = found
        if theirs[0] is not None and np.isposinf(theirs[0].detach().numpy()).all():
            assert np.isposinf(ours[0].detach().numpy()).all()  # of the shape of both; in PyTorch of that of the first
            continue
        for one, two in zip(ours, theirs, strict=True):
            close(one, two, f"{first}, {second}", slack=1e-8)


# --- transforms -------------------------------------------------------------------------------------------------------

TRANSFORMS: dict[str, tuple[Callable[[Any, Any], Any], Any]] = {
    "exp": (lambda t, lib: t.ExpTransform(), REALS),
    "sigmoid": (lambda t, lib: t.SigmoidTransform(), REALS),
    "softplus": (lambda t, lib: t.SoftplusTransform(), REALS),
    "tanh": (lambda t, lib: t.TanhTransform(), REALS),
    "affine": (lambda t, lib: t.AffineTransform(2.0, -3.0), REALS),
    "affine of Tensors": (lambda t, lib: t.AffineTransform(lib.tensor(LOC), lib.tensor(-SCALE)), REALS),
    "affine of vectors": (lambda t, lib: t.AffineTransform(lib.tensor(LOC), lib.tensor(SCALE), event_dim=1), REALS),
    "composed": (lambda t, lib: t.ComposeTransform([t.AffineTransform(1.0, 0.5), t.TanhTransform()]), REALS),
    "composed with vectors": (
        lambda t, lib: t.ComposeTransform([t.ExpTransform(), t.AffineTransform(0.0, lib.tensor(SCALE), event_dim=1)]),
        REALS,
    ),
    "identity": (lambda t, lib: t.identity_transform, REALS),
    "abs": (lambda t, lib: t.AbsTransform(), REALS),
    "inverse": (lambda t, lib: t.ExpTransform().inv, POSITIVE),
    "inverse of composed": (
        lambda t, lib: t.ComposeTransform([t.AffineTransform(1.0, 2.0), t.ExpTransform()]).inv, POSITIVE,
    ),
    "with cache": (lambda t, lib: t.TanhTransform(cache_size=1), REALS),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_agree(name: str) -> None:
    build, x = TRANSFORMS[name]
    found = []
    for library in LIBRARIES:
        transform, again, cached = (build(library.distributions.transforms, library) for _ in range(3))
        given = library.tensor(x, requires_grad=True)
        y = transform(given)
        parts = [y, transform.inv(y), outcome(transform.log_abs_det_jacobian, given, y)]
        parts += library.autograd.grad(y.sum(), [given])
        parts += [transform == again, transform.inv.inv is transform, transform.bijective, transform == 3]
        parts += [outcome(getattr, transform, "sign"), outcome(getattr, transform, "event_dim")]
        parts += [transform.domain.event_dim, transform.codomain.event_dim]
        parts += [tuple(transform.forward_shape((4, 2, 3))), tuple(transform.inverse_shape((2, 3)))]
        cached = cached.with_cache(1)
        parts += [cached.inv(cached(given)) is given, cached.inv(cached(given)), cached == transform]
        found.append(parts)
    for i, (ours, theirs) in enumerate(zip(*found, strict=True)):
        same(ours, theirs, f"{name}: {i}")


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("events", [0, 1])
def test_transformed_distributions_agree(name: str, events: int) -> None:
    build, x = TRANSFORMS[name]
    found = []
    for library in LIBRARIES:
        D = library.distributions
        family = D.LogNormal if x is POSITIVE else D.Normal
        base = family(library.tensor(LOC, requires_grad=True), library.tensor(SCALE, requires_grad=True))
        transform = build(D.transforms, library)
        d = D.TransformedDistribution(D.Independent(base, events), [transform])
        value = transform(library.tensor(x))
        wide = d.expand((5, *d.batch_shape))
        parts = [outcome(d.log_prob, value), outcome(d.cdf, value), outcome(d.icdf, library.tensor(UNITS))]
        parts += [tuple(y) for y in (d.batch_shape, d.event_shape, d.sample((2,)).shape, wide.rsample((2,)).shape)]
        parts += [d.has_rsample, d.support.event_dim, outcome(getattr, d, "mean"), outcome(D.kl_divergence, d, d)]
        found.append(parts)
    for i, (ours, theirs) in enumerate(zip(*found, strict=True)):
        same(ours, theirs, f"{name}: {i}", 1e-9)


# --- errors -----------------------------------------------------------------------------------------------------------

nan, inf = float("nan"), float("inf")
BAD: list[tuple[str, dict[str, Any]]] = [
    ("Normal", {"loc": 0.0, "scale": 0.0}), ("Normal", {"loc": nan, "scale": 1.0}),
    ("Normal", {"loc": inf, "scale": 1.0}), ("Normal", {"loc": np.zeros(2), "scale": np.array([1.0, -1.0])}),
    ("Normal", {"loc": np.zeros(2), "scale": np.ones(3)}), ("Laplace", {"loc": 0.0, "scale": -1.0}),
    ("Cauchy", {"loc": 0.0, "scale": 0.0}), ("Exponential", {"rate": 0.0}),
    ("Gamma", {"concentration": 0.0, "rate": 1.0}), ("Gamma", {"concentration": 1.0, "rate": -1.0}),
    ("Chi2", {"df": 0.0}), ("Beta", {"concentration1": 0.0, "concentration0": 1.0}), ("StudentT", {"df": -1.0}),
    ("HalfNormal", {"scale": -1.0}), ("LogNormal", {"loc": 0.0, "scale": -1.0}),
    ("Uniform", {"low": 1.0, "high": 1.0}), ("Uniform", {"low": 2.0, "high": 1.0}), ("Poisson", {"rate": -1.0}),
    ("Poisson", {"rate": 0.0}), ("Bernoulli", {"probs": 1.5}), ("Bernoulli", {"probs": 1.0}), ("Bernoulli", {}),
    ("Bernoulli", {"probs": 0.5, "logits": 0.0}), ("Bernoulli", {"logits": nan}), ("Geometric", {"probs": 0.0}),
    ("Geometric", {"probs": 1.0}), ("Binomial", {"total_count": 2.5, "probs": 0.5}),
    ("Binomial", {"total_count": -1, "probs": 0.5}), ("Categorical", {"probs": np.array([-0.5, 1.5])}),
    ("Categorical", {"probs": np.array(0.5)}), ("Categorical", {"logits": np.array([nan, 1.0])}), ("Categorical", {}),
    ("Categorical", {"probs": np.array([2.0, 6.0])}), ("OneHotCategorical", {"probs": np.array([-1.0, 2.0])}),
    ("Dirichlet", {"concentration": np.array([1.0, 0.0])}), ("Dirichlet", {"concentration": np.array(1.0)}),
    ("MultivariateNormal", {"loc": np.zeros(2), "covariance_matrix": np.array([[1.0, 2.0], [2.0, 1.0]])}),
    ("MultivariateNormal", {"loc": np.zeros(2), "covariance_matrix": np.array([[1.0, 0.5], [0.0, 1.0]])}),
    ("MultivariateNormal", {"loc": np.zeros(2), "scale_tril": np.array([[1.0, 0.5], [0.0, 1.0]])}),
    ("MultivariateNormal", {"loc": np.zeros(2), "scale_tril": np.array([[-1.0, 0.0], [0.0, 1.0]])}),
    ("MultivariateNormal", {"loc": np.zeros(2)}),
    ("MultivariateNormal", {"loc": np.array(0.0), "scale_tril": np.eye(2)}),
    ("Multinomial", {"total_count": np.array([1.0, 2.0]), "probs": SHARES}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), BAD, ids=str)
@pytest.mark.parametrize("validate", [{}, {"validate_args": True}])
def test_both_refuse_parameters_or_neither_does(name: str, options: dict[str, Any], validate: dict[str, Any]) -> None:
    found = [outcome(made, lib, name, tensors(lib, options, np.float64, False) | validate) for lib in LIBRARIES]
    assert (found[0] is None) == (found[1] is None)


VALUES = [0.0, 1.0, 0.5, -1.0, 2.0, 2.5, 7.0, nan, inf, -inf]
SHAPES = [(), (2,), (3,), (4,), (2, 3), (3, 2), (5, 1, 3), (1, 1)]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_both_refuse_values_or_neither_does(case: Case) -> None:
    name, options, value = case
    ours, theirs = (made(library, name, tensors(library, options, np.float64)) for library in LIBRARIES)
    for x in [np.full(value.shape, x) for x in VALUES] + [np.full(shape, value.flat[0]) for shape in SHAPES]:
        with np.errstate(all="ignore"):
            one, two = (outcome(d.log_prob, lib.tensor(x)) for d, lib in ((ours, tg), (theirs, torch)))
        close(one, two, str(x), slack=1e-9)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_values_that_are_not_validated_agree(case: Case) -> None:
    name, options, value = case
    if name == "Categorical":
        pytest.skip("an index that is no class raises in PyTorch")
    given = [tensors(library, options, np.float64) | {"validate_args": False} for library in LIBRARIES]
    ours, theirs = (made(library, name, each) for library, each in zip(LIBRARIES, given, strict=True))
    for x in [np.full(value.shape, x) for x in VALUES[:3]]:
        with np.errstate(all="ignore"):
            close(ours.log_prob(tg.tensor(x)), theirs.log_prob(torch.tensor(x)), str(x), slack=1e-9)
