"""Inverses undo transforms, log_abs_det_jacobian is that of the Jacobian, and constraints hold inside alone."""

import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg
import tinygrad_mlp.distributions as D

X = np.array([-1.5, 0.25, 2.0])
SCALE = tg.tensor(np.array([0.5, -1.0, 2.5]))
TRANSFORMS = {
    "exp": D.ExpTransform(), "sigmoid": D.SigmoidTransform(), "softplus": D.SoftplusTransform(),
    "tanh": D.TanhTransform(), "affine": D.AffineTransform(1.0, -2.0), "affine of Tensors": D.AffineTransform(X, SCALE),
    "affine of vectors": D.AffineTransform(0.5, SCALE, event_dim=1), "identity": D.identity_transform,
    "composed": D.ComposeTransform([D.AffineTransform(1.0, 0.5), D.TanhTransform(), D.AffineTransform(0.0, SCALE, 1)]),
    "inverse": D.TanhTransform().inv,
    "inverse of composed": D.ComposeTransform([D.ExpTransform(), D.AffineTransform(1, 2)]).inv,
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSFORMS)
def test_the_inverse_undoes_it_and_the_jacobian_is_right(name: str) -> None:
    transform = TRANSFORMS[name]
    x = tg.tensor(np.array([0.2, 0.5, 0.9]) + (1.0 if "composed" in name else 0.0))
    y = transform(x)
    np.testing.assert_allclose(transform.inv(y).numpy(), x.numpy(), rtol=1e-9)
    assert transform.inv.inv is transform
    expected = np.log(abs(np.diagonal(tg.autograd.functional.jacobian(transform, x).numpy())))
    found = transform.log_abs_det_jacobian(x, y).numpy()
    np.testing.assert_allclose(found, expected.sum() if transform.domain.event_dim else expected, atol=1e-9)
    np.testing.assert_allclose(transform.inv.log_abs_det_jacobian(y, x).numpy(), -found)
    assert transform.codomain.check(y).all().item()


def test_the_density_of_transformed_draws_integrates_to_one() -> None:
    grid = tg.linspace(-1 + 1e-6, 1 - 1e-6, 20_001, dtype=np.float64)
    squashed = D.TransformedDistribution(D.Normal(tg.tensor(0.3, dtype=np.float64), 0.7), D.TanhTransform())
    density = squashed.log_prob(grid).exp().numpy()
    np.testing.assert_allclose(np.trapezoid(density, grid.numpy()), 1, rtol=1e-4)
    falling = D.TransformedDistribution(D.Normal(0.0, 1.0), [D.AffineTransform(1.0, -2.0)])
    np.testing.assert_allclose(falling.cdf(2.0).item(), D.Normal(1.0, 2.0).cdf(2.0).item(), rtol=1e-6)
    np.testing.assert_allclose(falling.icdf(0.2).item(), D.Normal(1.0, 2.0).icdf(0.2).item(), rtol=1e-6)


def test_a_cache_gives_back_the_input_itself() -> None:
    tanh, x = D.TanhTransform(cache_size=1), tg.tensor([20.0, -30.0])
    assert tanh.inv(tanh(x)) is x
    assert D.TanhTransform().inv(tanh(tg.tensor([0.5]))).item() == pytest.approx(0.5)
    with pytest.raises(ValueError, match="cache_size is 0 or 1"):
        D.ExpTransform(cache_size=2)


class Scaled(D.Transform):
    """A transform of a user's own, which says nothing about equality."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def _call(self, x: Any) -> Any:
        return x * self.factor


def test_transforms_are_equal_where_they_surely_compute_the_same() -> None:
    assert D.ExpTransform() == D.ExpTransform() != D.TanhTransform()
    assert D.AbsTransform() == D.AbsTransform()
    assert D.AbsTransform().inv == D.AbsTransform().inv
    assert D.AffineTransform(1.0, 2.0) == D.AffineTransform(1.0, tg.tensor(2.0)) != D.AffineTransform(1.0, 3.0)
    assert D.ComposeTransform([D.ExpTransform()]) == D.ComposeTransform([D.ExpTransform()]) != D.ExpTransform()
    one, two = Scaled(2.0), Scaled(3.0)
    assert one != two
    assert one.inv != two.inv
    p, q = (D.TransformedDistribution(D.Normal(0.0, 1.0), transform) for transform in (one, two))
    assert D.kl_divergence(p, D.TransformedDistribution(D.Normal(0.0, 1.0), one)).item() == 0
    with pytest.raises(NotImplementedError, match="needs the same transforms"):
        D.kl_divergence(p, q)


IN_AND_OUT: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "positive": ((), [0.1, 2.0], [0.0, -1.0]), "nonnegative": ((), [0.0, 2.0], [-1.0]),
    "unit_interval": ((), [0.0, 0.5, 1.0], [-0.1, 1.1]), "boolean": ((), [0.0, 1.0], [0.5, 2.0]),
    "nonnegative_integer": ((), [0.0, 3.0], [-1.0, 0.5]), "real": ((), [0.0, np.inf], [np.nan]),
    "greater_than": ((1.0,), [1.5], [1.0, 0.0]), "less_than": ((1.0,), [0.5], [1.0, 2.0]),
    "interval": ((0.0, 2.0), [0.0, 2.0], [-0.1, 2.1]), "integer_interval": ((0, 2), [0.0, 2.0], [0.5, 3.0]),
    "multinomial": ((3,), [[1.0, 2.0]], [[2.0, 2.0], [-1.0, 1.0]]), "real_vector": ((), [[0.0, 1.0]], [[np.nan, 1.0]]),
    "simplex": ((), [[0.25, 0.75]], [[0.5, 0.6], [-0.5, 1.5]]), "one_hot": ((), [[0.0, 1.0]], [[1.0, 1.0], [0.5, 0.5]]),
    "positive_definite": ((), [np.eye(2)], [-np.eye(2), np.array([[1.0, 0.5], [0.0, 1.0]]), np.ones((2, 2)) - 0.5]),
    "lower_cholesky": ((), [np.eye(2)], [-np.eye(2), np.array([[1.0, 0.5], [0.0, 1.0]])]),
    "independent": ((D.constraints.positive, 1), [[1.0, 2.0]], [[1.0, -2.0]]),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(D.constraints.__all__) - {"Constraint"}))
def test_constraints_hold_inside_alone(name: str) -> None:
    bounds, inside, outside = IN_AND_OUT[name]
    made = getattr(D.constraints, name)
    constraint = made(*bounds) if bounds else made
    assert constraint.check(tg.tensor(np.array(inside))).all().item()
    assert not constraint.check(tg.tensor(np.array(outside))).any().item()
    with pytest.raises(ValueError, match="x is "):
        constraint.require("x", tg.tensor(np.array(outside)), *constraint.bounds)
    assert repr(constraint)[0] == "<"


@pytest.mark.parametrize(
    "transforms",
    [
        [D.AffineTransform(0.0, 2.0)],
        [D.TanhTransform(1), D.AffineTransform(0.0, 2.0, event_dim=1).inv],
        [D.ComposeTransform([D.ExpTransform(), D.SigmoidTransform()])],
    ],
    ids=repr,
)
def test_a_distribution_of_transformed_draws_can_be_pickled(transforms: Any) -> None:
    whole = D.TransformedDistribution(D.Normal(tg.zeros(3), 1.0), transforms)
    restored = pickle.loads(pickle.dumps(whole))
    drawn = whole.sample(generator=tg.Generator().manual_seed(0))
    np.testing.assert_array_equal(restored.log_prob(drawn), whole.log_prob(drawn))
    assert restored.event_shape == whole.event_shape
