"""`check_rules` damages each rule in each way, names the mutants that a check lets through, and puts the rules back."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.special import expit
from strategies import leaf

import tinygrad_mlp as tg
from tinygrad_mlp.autograd import gradcheck
from tinygrad_mlp.core import functions as f
from tinygrad_mlp.core.sheet import sheet
from tinygrad_mlp.testing import check_function, check_rules, tensors

FOUR = ["scaled by 1.01", "zeroed", "negated", "transposed"]
AGAIN = "not differentiable again"


def names(number: int, ways: list[str]) -> list[str]:
    return [f"rule {position} {way}" for position in range(number) for way in ways]


def hinge_of(rules: Any) -> Any:
    @tg.differentiable(*rules)
    def hinge(x: Any, t: Any) -> Any:
        return np.log1p(np.exp(1 - t * x))

    return hinge


HINGE = (lambda g, y, x, t: g * -t * expit(1 - t * x), lambda g, y, x, t: g * -x * expit(1 - t * x))


def test_all_mutants_of_a_function_are_caught_by_the_default_check() -> None:
    hinge = hinge_of(HINGE)
    assert check_rules(hinge) == names(2, [*FOUR, AGAIN])
    assert check_rules(hinge, order=1) == names(2, FOUR)
    assert hinge.row == HINGE
    check_function(hinge)


def test_an_input_without_a_derivative_has_no_mutants() -> None:
    hinge = hinge_of((HINGE[0], None))
    assert check_rules(hinge, order=1) == names(1, FOUR)


def test_rows_of_the_sheet_are_damaged_and_put_back() -> None:
    before = dict(sheet)
    assert check_rules(np.matmul, tensors((2, 2)), tensors((2, 2)), order=1) == names(2, FOUR)
    assert check_rules(f.concatenate, check=join, order=1) == names(1, FOUR)
    assert sheet == before


def join() -> None:
    x, y = (tg.tensor(entries, requires_grad=True) for entries in ([1.0, 2.0], [3.0]))
    tg.cat([x, y]).backward(np.array([1.0, 2.0, 4.0]))
    np.testing.assert_array_equal(x.grad, [1, 2])
    np.testing.assert_array_equal(y.grad, [4])


def test_a_rule_that_is_0_everywhere_is_shifted() -> None:
    assert check_rules(np.floor, avoid=(-1, 0, 1)) == ["rule 0 shifted"]


def test_a_transposed_number_is_no_mutant() -> None:
    assert check_rules(np.sin, tensors(())) == names(1, [*FOUR[:3], AGAIN])


def with_gradcheck(hinge: Any) -> None:
    gradcheck(hinge, [tg.tensor(np.array([0.5, -1.0]), requires_grad=True) for _ in range(2)])


def of_a_property(hinge: Any) -> None:
    @settings(max_examples=5)
    @given(tensors((2,)), tensors((2,)))
    def test(x: tg.Tensor, t: tg.Tensor) -> None:
        gradcheck(hinge, [x.requires_grad_(), t.requires_grad_()])

    test()


@pytest.mark.parametrize("check", [with_gradcheck, of_a_property])
def test_the_check_may_be_any_test(check: Callable[[Any], None]) -> None:
    hinge = hinge_of(HINGE)
    assert check_rules(hinge, check=lambda: check(hinge), order=1) == names(2, FOUR)


def of_one_input(hinge: Any) -> None:
    gradcheck(lambda x: hinge(x, np.array([1.0, 2.0])), tg.tensor(np.array([0.5, -1.0]), requires_grad=True))


def of_signs(hinge: Any) -> None:
    x, t = (tg.tensor(np.array(entries), requires_grad=True) for entries in ([0.5, 0.25], [1.0, 0.5]))
    hinge(x, t).backward(np.ones(2))
    for one in (x, t):
        assert one.grad is not None
        assert (one.grad.numpy() < 0).all()


WEAK = {
    "one input": (of_one_input, 4, 8, ["rule 1 zeroed (the check never calls this rule)"]),
    "signs": (of_signs, 4, 8, ["rule 0 scaled by 1.01", "rule 1 transposed"]),
    "nothing": (lambda hinge: None, 8, 8, ["rule 0 negated (the check never calls this rule)"]),
}


@pytest.mark.parametrize("name", WEAK)
def test_mutants_that_a_weak_check_lets_through_are_named(name: str) -> None:
    check, survived, of, expected = WEAK[name]
    hinge = hinge_of(HINGE)
    with pytest.raises(AssertionError, match=f"the check of hinge lets through {survived} of {of} mutants: ") as caught:
        check_rules(hinge, check=lambda: check(hinge), order=1)
    named = str(caught.value).partition("mutants: ")[2].split("; ")
    assert len(named) == survived
    assert set(expected) <= set(named)
    assert hinge.row == HINGE


def test_a_first_order_check_lets_a_rule_of_constants_through() -> None:
    hinge = hinge_of(HINGE)
    with pytest.raises(AssertionError, match=f"2 of 10 mutants: rule 0 {AGAIN} .the check takes no second derivative"):
        check_rules(hinge, check=lambda: with_gradcheck(hinge))


def test_rules_are_put_back_after_any_error() -> None:
    hinge, before = hinge_of(HINGE), sheet[np.sin]
    plan = hinge.plan

    class Stop(BaseException):
        pass

    for function in (hinge, np.sin):
        calls: list[int] = []

        def stopping(calls: list[int] = calls) -> None:
            calls.append(1)
            if len(calls) == 3:
                raise Stop

        with pytest.raises(Stop):
            check_rules(function, check=stopping)
    assert (hinge.row, hinge.plan) == (HINGE, plan)
    assert sheet[np.sin] is before


def test_an_error_that_is_no_verdict_is_raised() -> None:
    hinge = hinge_of(HINGE)

    def broken() -> None:
        if hinge.row != HINGE:
            raise KeyError("a mistake in the test")

    with pytest.raises(KeyError):
        check_rules(hinge, check=broken)


def test_a_check_that_fails_without_damage_says_so_itself() -> None:
    wrong = hinge_of((HINGE[1], HINGE[0]))
    with pytest.raises(AssertionError, match="the gradient of input 0"):
        check_rules(wrong)


@pytest.mark.parametrize("function", [lambda x: x, np.mean, 3])
def test_what_has_no_rules_is_refused(function: Any) -> None:
    with pytest.raises(TypeError, match="has no rules to damage"):
        check_rules(function)
    with pytest.raises(ValueError, match="order is 1"):
        check_rules(function, order=3)


def test_a_check_notices_by_the_failure_of_pytest_but_not_by_an_error_of_its_own() -> None:
    def failing() -> None:
        x = leaf([1.0, 2.0])
        square(x).backward(np.ones(2))
        if x.grad.tolist() != [2, 4]:
            pytest.fail("a wrong gradient")

    def broken() -> None:
        x = leaf([1.0, 2.0])
        square(x).backward(np.ones(2))
        if x.grad.tolist() != [2, 4]:
            raise NotImplementedError

    square = tg.differentiable(lambda g, y, x: 2 * g * x)(lambda x: x * x)
    assert len(check_rules(square, check=failing, order=1)) == 4
    with pytest.raises(NotImplementedError):
        check_rules(square, check=broken, order=1)
    assert len(check_rules(square, check=failing, order=1)) == 4  # the rules were put back
