"""L-BFGS steps as BFGS does, its line search meets the Wolfe conditions, and it stops at its limits."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from closures import closure_of, rosenbrock
from hypothesis import given
from hypothesis import strategies as st
from strategies import leaf

import tinygrad_mlp as tg
from tinygrad_mlp.optim import LBFGS
from tinygrad_mlp.optim.line_search import Trial, cubic_minimum, strong_wolfe


@given(seed=st.integers(0, 1000))
def test_lbfgs_equals_bfgs_with_a_matrix(seed: int) -> None:
    """On a quadratic function, with the inverse Hessian as a matrix (Nocedal & Wright 2006, eq. 7.16)."""
    random = np.random.default_rng(seed)
    root = random.normal(size=(4, 4))
    hessian, start = root @ root.T / 4 + np.eye(4), random.normal(size=4)
    x = leaf(start)
    optimizer = LBFGS([x], lr=0.5, max_iter=1, history_size=3)
    closure = closure_of(optimizer, lambda: 0.5 * (x * (tg.tensor(hessian) @ x)).sum())

    at, kept, t = start, [], 0.5 * min(1, 1 / np.abs(hessian @ start).sum())
    for _ in range(8):
        optimizer.step(closure)
        inverse = np.eye(4)
        if kept:
            step, change = kept[-1]
            inverse *= step @ change / (change @ change)
        for step, change in kept[-3:]:
            ro = 1 / (step @ change)
            left = np.eye(4) - ro * np.outer(step, change)
            inverse = left @ inverse @ left.T + ro * np.outer(step, step)
        step = -t * inverse @ (hessian @ at)
        at, t = at + step, 0.5
        kept.append((step, hessian @ step))
        np.testing.assert_allclose(x.detach().numpy(), at, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_lbfgs_stops_at_each_of_its_limits(search: str | None) -> None:
    # The options, and how often they let the loss be computed: a line search does it a few times in each iteration.
    for options, most in [({"max_eval": 4}, 4), ({"max_iter": 3, "max_eval": 100}, 30), ({"tolerance_grad": 1e9}, 1)]:
        x, losses = leaf([-1.2, 1.0]), []

        def loss(x: tg.Tensor = x, losses: list[tg.Tensor] = losses) -> tg.Tensor:
            losses.append(rosenbrock(x))
            return losses[-1]

        optimizer = LBFGS([x], lr=1e-3, line_search_fn=search, **options)
        assert optimizer.step(closure_of(optimizer, loss)) is losses[0]
        assert len(losses) == optimizer.state[x]["func_evals"] <= most
        assert optimizer.state[x]["n_iter"] <= options.get("max_iter", 20)


def test_lbfgs_with_a_line_search_finds_the_minimum() -> None:
    x = leaf([-1.2, 1.0])
    optimizer = LBFGS([x], max_iter=100, tolerance_change=1e-14, line_search_fn="strong_wolfe")
    optimizer.step(closure_of(optimizer, lambda: rosenbrock(x)))
    np.testing.assert_allclose(x.detach().numpy(), [1, 1], atol=1e-8)
    calls = optimizer.state[x]["func_evals"]
    assert calls < 60
    optimizer.step(closure_of(optimizer, lambda: rosenbrock(x)))
    assert optimizer.state[x]["func_evals"] <= calls + 10  # at the minimum there is little left to do


@given(seed=st.integers(0, 1000), lr=st.sampled_from([1e-3, 1.0, 3.0, 100.0]))
def test_accepted_steps_meet_the_wolfe_conditions(seed: int, lr: float) -> None:
    """The loss falls by at least 10⁻⁴ of what the slope promises, and the slope becomes at most 0.9 times as steep."""
    random = np.random.default_rng(seed)
    centers = random.normal(size=(2, 3))
    x = leaf(random.normal(size=3) * 3)

    def loss() -> tg.Tensor:
        return ((x - centers[0]) ** 2).sum() / 9 + np.sin(3 * (x - centers[1])).sum()

    for _ in range(3):
        optimizer = LBFGS([x], lr=lr, max_iter=1, max_eval=60, line_search_fn="strong_wolfe")
        closure = closure_of(optimizer, loss)
        before = x.detach().numpy().copy()
        value = optimizer.step(closure).item()
        gradient, direction = optimizer.state[x]["prev_flat_grad"], optimizer.state[x]["d"]
        if not np.abs(x.detach().numpy() - before).max() > 1e-6:  # no step was taken
            continue
        after = closure().item()
        slope, slope_after = gradient @ direction, x.grad.numpy() @ direction
        assert after <= value + 1e-4 * optimizer.state[x]["t"] * slope
        assert abs(slope_after) <= -0.9 * slope


# Losses along a line, as functions of the distance, and their slopes.
LINES: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "steep beyond": (lambda t: math.exp(20 * t) - 25 * t, lambda t: 20 * math.exp(20 * t) - 25),
    "a narrow valley": (
        lambda t: -t * math.exp(-((t / 0.01) ** 2)), lambda t: (2e4 * t**2 - 1) * math.exp(-((t / 0.01) ** 2))
    ),
    "a kink": (lambda t: abs(t - 0.7), lambda t: 1.0 if t > 0.7 else -1.0),
    "a rounded kink": (lambda t: math.hypot(t - 0.7, 1e-3), lambda t: (t - 0.7) / math.hypot(t - 0.7, 1e-3)),
    "waves": (lambda t: math.cos(9 * t) - t, lambda t: -9 * math.sin(9 * t) - 1),
    "hardly any": (lambda t: -1e-3 * t, lambda t: -1e-3),
    "infinite beyond": (lambda t: -t if t < 0.1 else math.inf, lambda t: -1.0 if t < 0.1 else math.nan),
    "a parabola": (lambda t: (t - 3) ** 2, lambda t: 2 * (t - 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
@given(exponent=st.floats(-3, 2))
def test_line_searches_find_a_wolfe_point_or_the_best(name: str, exponent: float) -> None:
    loss, slope = LINES[name]
    tried: list[Trial] = []

    def at(t: float) -> Trial:
        near = min(t, 30.0)  # further out, math.exp would overflow
        tried.append(Trial(t, loss(near), np.zeros(0), slope(near)))
        return tried[-1]

    start = Trial(0.0, loss(0), np.zeros(0), slope(0))
    found = strong_wolfe(at, start, 10**exponent, 1e-9, 20)
    assert len(tried) <= 21
    ran_out = len(tried) == 21
    assert found in [start, *tried]
    if abs(found.slope) <= -0.9 * start.slope:
        assert ran_out or found.loss <= start.loss + 1e-4 * found.t * start.slope
    else:  # on these lines the bracket may close before a point that is flat enough is found
        assert ran_out or name in ("a kink", "hardly any", "infinite beyond")
        assert found.loss <= start.loss


@given(
    valley=st.floats(-3, 3),
    ridge=st.floats(0.1, 3),
    share=st.floats(0.05, 0.95),
    beyond=st.floats(0.1, 3),
    swapped=st.booleans(),
)
def test_the_minimum_of_a_cubic_is_exact(
    valley: float, ridge: float, share: float, beyond: float, swapped: bool
) -> None:
    """The derivative of the cubic is zero at its minimum, `valley`, and at its maximum, `ridge` to the left.

    One trial lies between the two, the other one to the right of the minimum.
    """
    ends = (valley - share * ridge, valley + beyond)[:: -1 if swapped else 1]
    slope = np.polynomial.Polynomial.fromroots([valley, valley - ridge])
    loss = slope.integ()
    a, b = (Trial(t, float(loss(t)), np.zeros(0), float(slope(t))) for t in ends)
    assert cubic_minimum(a, b, -100, 100) == pytest.approx(valley, abs=1e-5)
    assert cubic_minimum(a, b, valley + 1, 100) == valley + 1
    assert cubic_minimum(a, b, -100, valley - 1) == valley - 1


@given(ends=st.tuples(st.floats(-3, 0), st.floats(0.1, 3)))
def test_a_cubic_without_a_minimum_gives_the_middle(ends: tuple[float, float]) -> None:
    slope = np.polynomial.Polynomial([1, 0, 1])  # 1 + t² has no zero
    loss = slope.integ()
    a, b = (Trial(t, float(loss(t)), np.zeros(0), float(slope(t))) for t in ends)
    assert cubic_minimum(a, b, 1, 4) == 2.5


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_a_start_without_a_finite_gradient_is_refused_and_changes_nothing(search: str | None) -> None:
    x = leaf([-1.0, 2.0])
    optimizer = LBFGS([x], line_search_fn=search)
    with pytest.raises(RuntimeError, match="starts where the loss is nan and its gradient not finite"):
        optimizer.step(closure_of(optimizer, lambda: x.sum() * math.nan))
    with pytest.raises(RuntimeError, match="the loss is inf"):
        optimizer.step(closure_of(optimizer, lambda: x.sum() * math.inf))
    assert x.tolist() == [-1, 2]
    optimizer.step(closure_of(optimizer, lambda: (x * x).sum()))
    np.testing.assert_allclose(x.detach(), 0, atol=1e-6)


def test_a_step_that_leaves_the_domain_ends_there() -> None:
    """The parameters stay finite, so that the user can see where it was."""
    x = leaf([1.0])
    optimizer = LBFGS([x], lr=100.0)
    with np.errstate(invalid="ignore"):
        first = optimizer.step(closure_of(optimizer, lambda: (x.log() + x).sum()))
        assert math.isfinite(first.item())
        assert math.isfinite(x.item())
        with pytest.raises(RuntimeError, match="starts where the loss is nan"):
            optimizer.step(closure_of(optimizer, lambda: (x.log() + x).sum()))
