"""`check_optimizer` finds wrong steps and states that are not saved, in each form that gradients have."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from strategies import Array

import tinygrad_mlp as tg
from tinygrad_mlp import optim
from tinygrad_mlp.core.blas import Product
from tinygrad_mlp.testing import check_optimizer

RATE, SHARE = 0.1, 0.9


def by_hand(w: Array, gradients: Iterator[Array]) -> Iterator[Array]:
    """The running mean of the gradients, freed of the bias to its start at 0, is the direction."""
    mean = np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        mean = SHARE * mean + (1 - SHARE) * g
        w = w - RATE * mean / (1 - SHARE**t)
        yield w


class Averaged(optim.Optimizer):
    """Steps along the running mean of the gradients. Each subclass has one mistake."""

    sign = -1.0

    def __init__(self, params: Any) -> None:
        super().__init__(params, {})

    def _check(self, group: dict[str, Any]) -> None:
        pass

    def _update(self, group: dict[str, Any], ready: list[tuple[tg.Tensor, Any]]) -> None:
        for parameter, gradient in ready:
            array = self.array_of(gradient)
            state = self.state_of(parameter)
            state["step"] = state.get("step", 0) + 1
            mean = state.get("mean", np.zeros(parameter.shape, parameter.dtype))
            state["mean"] = mean = SHARE * mean + (1 - SHARE) * array
            with tg.no_grad():
                parameter.data = parameter.data + self.sign * RATE * mean / self.bias(state["step"])

    def array_of(self, gradient: Any) -> Array:
        return np.asarray(gradient.left @ gradient.right if isinstance(gradient, Product) else gradient)

    def state_of(self, parameter: tg.Tensor) -> dict[str, Any]:
        return self.state.setdefault(parameter, {})

    def bias(self, step: int) -> float:
        return float(1 - SHARE**step)


class WrongSign(Averaged):
    sign = 1.0


class WithoutCorrection(Averaged):
    def bias(self, step: int) -> float:
        return 1.0


class Unsaved(Averaged):
    def __init__(self, params: Any) -> None:
        self.own: dict[Any, Any] = {}
        super().__init__(params)

    def state_of(self, parameter: tg.Tensor) -> dict[str, Any]:
        return self.own.setdefault(parameter, {})  # type: ignore[no-any-return]


class OneFactor(Averaged):
    def array_of(self, gradient: Any) -> Array:
        return super().array_of(gradient) * (0.5 if isinstance(gradient, Product) else 1)


class AlwaysDouble(Averaged):
    def step(self, closure: Any = None) -> Any:
        super().step(closure)
        for parameter in self.param_groups[0]["params"]:
            parameter._data = parameter._data.astype(np.float64)


class WrongInSingle(Averaged):
    def array_of(self, gradient: Any) -> Array:
        array = super().array_of(gradient)
        return array * 2 if array.dtype == np.float32 else array


class MovesAll(Averaged):
    """Decays every parameter, also one without a gradient, after it has put the others right."""

    def step(self, closure: Any = None) -> Any:
        super().step(closure)
        for parameter in self.param_groups[0]["params"]:
            if parameter.grad is None:
                parameter.data = parameter.data * 0.99


class KeepsGradients(Averaged):
    cleared = 0

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.cleared += 1
        if self.cleared <= 10:
            super().zero_grad(set_to_none)


FOUND: list[tuple[type[Averaged], str]] = [
    (WrongSign, r"^WrongSign, step 1 of 10 in float64: parameter 0, of shape \(\) and with a gradient of an array, is "
                r"-?\d\.\d+, but by_hand gives -?\d\.\d+; 1 of 1 entries differ$"),
    (WithoutCorrection, r"^WithoutCorrection, step 1 of 10 in float64: parameter 0"),
    (Unsaved, r"^Unsaved, step 6 of 10 in float64, after it has loaded the state_dict of step 5: parameter 0, .* is "
              r"-?\d\.\d+, but without this would be -?\d\.\d+; 1 of 1"),
    (OneFactor, r"^OneFactor, step 1 of 10 in float64: parameter 5, of shape \(\d, \d\) and with a gradient of two "
                r"factors, is -?\d\.\d+ at \[0, 0\], but by_hand gives"),
    (AlwaysDouble, r"^AlwaysDouble, step 1 of 10 in float32: parameter 0, .* has become float64 of shape \(\)"),
    (WrongInSingle, r"^WrongInSingle, step 1 of 10 in float32: parameter 0, .* but by_hand gives"),
    (MovesAll, r"^MovesAll, step 1 of 10 in float64: parameter 8, .* with a gradient of nothing, is"),
    (KeepsGradients, r"^KeepsGradients: zero_grad\(\) leaves the gradient of parameter 0, of shape \(\)"),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_an_optimizer_of_ones_own_that_is_right_passes(seed: int) -> None:
    check_optimizer(Averaged, by_hand, seed=seed)
    check_optimizer(Averaged, by_hand, seed=seed, steps=1)


@pytest.mark.parametrize(("kind", "message"), FOUND, ids=[kind.__name__ for kind, _ in FOUND])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_wrong_is_named(kind: type[Averaged], message: str, seed: int) -> None:
    with pytest.raises(AssertionError, match=message):
        check_optimizer(kind, by_hand, seed=seed)


def test_gradients_arrive_in_each_form() -> None:
    seen: list[tuple[tuple[int, ...], type]] = []

    class Noting(Averaged):
        def array_of(self, gradient: Any) -> Array:
            array = super().array_of(gradient)
            seen.append((array.shape, type(gradient)))
            return array

    check_optimizer(Noting, by_hand, steps=1)
    kinds = [kind for _, kind in seen[:8]]  # the ninth parameter has no gradient
    assert kinds == [np.ndarray] * 5 + [Product, Product, np.ndarray]
    assert [shape for shape, _ in seen[:2]] == [(), (1,)]
    assert seen[4][0][1] == 1
    assert len(seen[4][0]) == 3


@pytest.mark.parametrize(
    ("recurrence", "message"),
    [
        (lambda w, gradients: (w for _ in range(3)), r"10 arrays of shape \(\), not 3 of"),
        (lambda w, gradients: (np.ones(2) for _ in gradients), r"10 arrays of shape \(\), not 10 of \[\(2,\)\]"),
    ],
)
def test_a_recurrence_that_is_none_is_refused(recurrence: Callable[..., Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_optimizer(Averaged, recurrence)


def test_what_is_no_optimizer_is_refused() -> None:
    with pytest.raises(TypeError, match="returns an Optimizer, not None"):
        check_optimizer(lambda parameters: None, by_hand)  # type: ignore[arg-type, return-value]
    with pytest.raises(ValueError, match="steps is a positive integer"):
        check_optimizer(Averaged, by_hand, steps=0)
