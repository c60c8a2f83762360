"""Draws have the distribution that their function names, and a replayed step draws anew for the parameters of then."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from checks import check_answer
from strategies import leaf

import tinygrad_mlp as tg

X = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def all_of(drawn: Any, holds: Callable[[Any], Any]) -> bool:
    return bool(drawn.shape == (2, 3) and holds(drawn.detach().numpy()).all())


# Draws that are certain, or what holds of each.
ANSWERS: list[tuple[str, Callable[[Any], Any], Any]] = [
    ("normal", lambda x: tg.normal(x, 0.0), X),
    ("normal", lambda x: tg.normal(mean=x, std=x * 0), X),
    ("normal", lambda x: tg.normal(2.0, x * 0), X * 0 + 2),
    ("normal", lambda x: tg.normal(3, 0, (2,)), [3, 3]),
    ("bernoulli", lambda x: x.bernoulli(), X),
    ("bernoulli", lambda x: tg.bernoulli(x, 1), X * 0 + 1),
    ("bernoulli_", lambda x: x.detach().bernoulli_(1 - x), 1 - X),
    ("bernoulli_", lambda x: tg.zeros(2, 3, dtype=tg.int64).bernoulli_(1), X * 0 + 1),
    ("multinomial", lambda x: x.multinomial(1), [[1], [2]]),
    ("multinomial", lambda x: x[0].multinomial(3, True), [1, 1, 1]),
    ("multinomial", lambda x: sorted((x[0] + 1).multinomial(3).tolist()), [0, 1, 2]),
    ("poisson", lambda x: tg.poisson(x * 0), X * 0),
    ("binomial", lambda x: tg.binomial(x * 5, x), X * 5),
    ("exponential_", lambda x: all_of(x.detach().exponential_(2.0), lambda y: y >= 0), True),
    ("log_normal_", lambda x: all_of(x.detach().log_normal_(), lambda y: y > 0), True),
    ("cauchy_", lambda x: all_of(x.detach().cauchy_(), np.isfinite), True),
    ("geometric_", lambda x: all_of(x.detach().geometric_(0.5), lambda y: y >= 1), True),
    ("random_", lambda x: x.detach().random_(1), X * 0),
    ("random_", lambda x: x.detach().random_(4, 5), X * 0 + 4),
]


@pytest.mark.parametrize(("name", "call", "expected"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_draws_that_are_certain(name: str, call: Any, expected: Any) -> None:
    check_answer(call(leaf(X)), expected)


N = 50_000

# Draws of N entries, with their mean and standard deviation.
MOMENTS: dict[str, tuple[Callable[[tg.Generator], Any], float, float]] = {
    "normal": (lambda g: tg.normal(2.0, 3.0, (N,), generator=g), 2, 3),
    "bernoulli": (lambda g: tg.full((N,), 0.3).bernoulli(generator=g), 0.3, 0.21**0.5),
    "poisson": (lambda g: tg.poisson(tg.full((N,), 4.0), g), 4, 2),
    "binomial": (lambda g: tg.binomial(tg.full((N,), 10.0), tg.full((N,), 0.5), g), 5, 2.5**0.5),
    "multinomial": (lambda g: tg.tensor([1.0, 0.0, 3.0]).multinomial(N, True, generator=g).float(), 1.5, 0.75**0.5),
    "exponential_": (lambda g: tg.zeros(N).exponential_(0.5, generator=g), 2, 2),
    "log_normal_": (lambda g: tg.zeros(N).log_normal_(0, 0.5, generator=g).log(), 0, 0.5),
    "cauchy_": (lambda g: tg.zeros(N).cauchy_(1, 2, generator=g).sub_(1).div_(2).atan(), 0, np.pi / 12**0.5),
    "geometric_": (lambda g: tg.zeros(N).geometric_(0.5, generator=g), 2, 2**0.5),
    "random_": (lambda g: tg.zeros(N).random_(-2, 5, generator=g), 1, 2),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_draws_have_their_mean_and_deviation(name: str) -> None:
    draw, mean, deviation = MOMENTS[name]
    drawn = draw(tg.Generator().manual_seed(0))
    assert drawn.shape == (N,)
    np.testing.assert_array_equal(drawn, draw(tg.Generator().manual_seed(0)))
    assert abs(drawn.mean().item() - mean) < 6 * deviation / N**0.5
    assert abs(drawn.std().item() / deviation - 1) < 0.05


def test_draws_without_replacement_come_in_the_order_of_a_race() -> None:
    drawn = tg.tensor([[1.0, 2.0, 0.0, 5.0]]).expand(N, -1).multinomial(2, generator=tg.Generator().manual_seed(0))
    first, second = drawn.numpy().T
    shares = [np.mean((first == i) & (second == j)) for i, j in ((3, 1), (1, 3), (0, 1))]
    np.testing.assert_allclose(shares, [5 / 8 * 2 / 3, 2 / 8 * 5 / 6, 1 / 8 * 2 / 7], atol=0.01)
    assert 2 not in drawn.numpy()


def test_without_an_upper_bound_integers_are_those_up_to_the_largest() -> None:
    assert tg.zeros(100, dtype=tg.int64).random_(10, None).min() > 10
    assert tg.zeros(100, dtype=tg.int64).random_(None, 3).max() < 3


def test_integers_are_those_that_the_dtype_holds() -> None:
    for dtype, largest in ((tg.uint8, 255), (tg.int8, 127), (tg.bool, 1), (tg.float32, 2**24), (tg.int64, 2**63 - 1)):
        drawn = tg.zeros(3000, dtype=dtype).random_(generator=tg.Generator().manual_seed(0)).numpy()
        assert drawn.min() >= 0
        assert 0.99 * largest < float(drawn.max()) <= largest


REFUSED: list[tuple[type[Exception], str, Callable[[], Any]]] = [
    (TypeError, "normal() of two numbers takes a size", lambda: tg.normal(0.0, 1.0)),
    (ValueError, "standard deviations ≥ 0", lambda: tg.normal(tg.zeros(2), -1.0)),
    (ValueError, "integers from 0 to 299 do not fit into uint8", lambda: tg.randint(300, (9,), dtype=tg.uint8)),
    (ValueError, "integers from -1 to 1 do not fit into uint8", lambda: tg.randint(-1, 2, (9,), dtype=tg.uint8)),
    (ValueError, "randint() draws integers ≥ 3 and < 3, of which there are none", lambda: tg.randint(3, 3, (1,))),
    (TypeError, "randint() takes integers as bounds, not 0 and 2.5", lambda: tg.randint(0, 2.5, (1,))),
    (TypeError, "random_() takes an integer or None as low=, not 2.5", lambda: tg.zeros(2).random_(2.5)),  # type: ignore[arg-type]
    (TypeError, "multinomial() takes an integer as num_samples=, not 1.5", lambda: tg.ones(3).multinomial(1.5)),  # type: ignore[arg-type]
    (ValueError, "uniform_() draws numbers ≥ 1 and < 0, of which there are none", lambda: tg.zeros(2).uniform_(1, 0)),
    (ValueError, "normal_() takes a standard deviation ≥ 0, not -1", lambda: tg.zeros(2).normal_(0, -1)),
    (ValueError, "normal() takes shapes that fit each other", lambda: tg.normal(tg.ones(2), tg.ones(3))),
    (ValueError, "bernoulli() takes probabilities from 0 to 1", lambda: tg.tensor([1.5]).bernoulli()),
    (ValueError, "bernoulli_() takes probabilities from 0 to 1", lambda: tg.zeros(2).bernoulli_(-0.5)),
    (ValueError, "rates ≥ 0", lambda: tg.poisson(tg.tensor([-1.0]))),
    (ValueError, "counts ≥ 0", lambda: tg.binomial(tg.tensor([2.0]), tg.tensor([2.0]))),
    (ValueError, "a vector or a matrix of weights, not shape ()", lambda: tg.tensor(1.0).multinomial(1)),
    (ValueError, "one index or more, not 0", lambda: tg.ones(3).multinomial(0)),
    (TypeError, "takes a floating Tensor", lambda: tg.tensor([1, 2]).multinomial(1)),
    (ValueError, "finite and ≥ 0", lambda: tg.tensor([-1.0, 2.0]).multinomial(1)),
    (ValueError, "at least one weight > 0", lambda: tg.zeros(3).multinomial(1, True)),
    (ValueError, "3 weights > 0 in each row, or replacement=True", lambda: tg.tensor([1.0, 0, 1]).multinomial(3)),
    (ValueError, "a rate > 0, not 0", lambda: tg.zeros(2).exponential_(0)),
    (TypeError, "takes a floating Tensor", lambda: tg.zeros(2, dtype=tg.int64).exponential_()),
    (ValueError, "of which there are none", lambda: tg.zeros(2).random_(3, 3)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "message", "call"), REFUSED, ids=[row[1] for row in REFUSED])
def test_what_cannot_be_drawn_is_refused(kind: type[Exception], message: str, call: Callable[[], Any]) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert message in str(caught.value)


def test_a_replay_draws_for_the_parameters_of_then() -> None:
    def step(x: Any) -> Any:
        p = x * x
        filled = tg.zeros(3).bernoulli_(p)
        return p.bernoulli(), tg.normal(p, 0.0), p.multinomial(1), filled, tg.poisson(p - p), tg.zeros(2).exponential_()

    captured = tg.capture(step)
    for x in (tg.tensor([0.0, 1.0, 0.0]), tg.tensor([1.0, 0.0, 0.0]), tg.tensor([0.0, 0.0, 1.0])):
        drawn, normal, chosen, filled, none, first = captured(x)
        for same in (drawn, normal, filled):
            np.testing.assert_array_equal(same, x)
        assert chosen.item() == x.argmax().item()
        assert none.tolist() == [0, 0, 0]
        assert first.tolist() != captured(x)[-1].tolist()
    assert captured.captured is True


def test_integers_of_another_dtype() -> None:
    assert tg.randint(3, (4,), dtype=tg.float32).dtype == np.float32
    assert tg.randint(0, 3, (4,), dtype=tg.float64, requires_grad=True).requires_grad
    assert sorted(tg.randperm(4, dtype=tg.int32).tolist()) == [0, 1, 2, 3]
