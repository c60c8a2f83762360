"""`check_optimizer`: an optimizer takes the steps of its recurrence, written out in NumPy, and saves all its state."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..autograd.gradients import backward
from ..nn import functional as F
from ..optim.optimizer import Optimizer
from ..tensors.arguments import positive_integer
from ..tensors.refusals import shown
from ..tensors.tensor import Tensor

__all__ = ["check_optimizer"]

Array = NDArray[Any]
Make = Callable[[list[Tensor]], Optimizer]
ByHand = Callable[[Array, Iterator[Array]], Iterable[Array]]


class _Kind(NamedTuple):
    """What a parameter is like: its shape, and in which form the optimizer finds its gradient."""

    shape: tuple[int, ...]
    form: str = "an array"


# The gradient of a layer's weight is kept as two factors, which are multiplied when somebody reads it.
_FACTORS, _READ, _NONE = "two factors", "two factors that were read before the step", "nothing"


def check_optimizer(make: Make, by_hand: ByHand, *, steps: int = 10, seed: int = 0) -> None:
    """Check that an optimizer takes the steps of its recurrence, written out in NumPy.

    The optimizer gets several parameters of drawn shapes, among them a number without dimensions and the weight of a
    layer, whose gradient is kept as two factors. Their gradients are drawn anew for each step. It is checked that

    - each parameter follows the recurrence, in float64 to a relative 1e-8 and in float32 to 1e-3;
    - no parameter changes its dtype or its shape, and one without a gradient does not change at all;
    - another optimizer that loads the ``state_dict()`` in the middle goes on with the same bits;
    - ``zero_grad()`` leaves no gradient.

    Args:
        make: a function of a list of parameters that returns the optimizer, or the class of the optimizer.
        by_hand: the recurrence of one parameter: a generator function that is given the parameter and an iterator of
            its gradients, all of them float64 arrays, and yields the parameter after each step.
        steps: the number of steps.
        seed: draws the shapes, the parameters and the gradients.

    Raises:
        AssertionError: one of these is not so. The message names the step and the parameter, and says both numbers.
        TypeError: `make` does not return an Optimizer.
        ValueError: `by_hand` does not yield an array of the parameter's shape for each gradient, or `steps` is not a
            positive integer.

    >>> from tinygrad_mlp import optim
    >>> from tinygrad_mlp.testing import check_optimizer
    >>> def momentum_by_hand(w, gradients):
    ...     velocity = 0
    ...     for g in gradients:
    ...         velocity = 0.9 * velocity + g
    ...         w = w - 0.1 * velocity
    ...         yield w
    >>> check_optimizer(lambda parameters: optim.SGD(parameters, lr=0.1, momentum=0.9), momentum_by_hand)
    >>> check_optimizer(lambda parameters: optim.SGD(parameters, lr=0.1), momentum_by_hand)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: SGD, step 2 of 10 in float64: parameter 0, of shape () and with a gradient of an array, is ...
    """
    steps = positive_integer(steps, "steps is a positive integer")
    numbers = np.random.default_rng(seed)
    rows, columns, length = (int(n) for n in numbers.integers(2, 5, 3))
    kinds = [_Kind(shape) for shape in ((), (1,), (length,), (rows, columns), (length, 1, columns))]
    kinds += [_Kind((rows, columns), _FACTORS), _Kind((1, 1), _FACTORS), _Kind((columns, rows), _READ)]
    kinds += [_Kind((length,), _NONE)]
    for dtype, tolerance in ((np.dtype(np.float64), 1e-8), (np.dtype(np.float32), 1e-3)):
        starts = [numbers.standard_normal(kind.shape).astype(dtype) for kind in kinds]
        factors = [[_factors(kind, numbers, dtype) for kind in kinds] for _ in range(steps)]
        expected = [_steps_by_hand(by_hand, w, [of_step[i] for of_step in factors]) for i, w in enumerate(starts)]
        training, resumed = _Training(make, kinds, starts), None
        for step in range(steps):
            if step == steps // 2:
                resumed = training.resumed(make)
            training.step(factors[step])
            where = f"{training}, step {step + 1} of {steps} in {dtype}"
            training.compare([after[step] for after in expected], where, "but by_hand gives", tolerance)
            if resumed is not None:  # the optimizer that has loaded the state takes the same steps as the first one
                resumed.step(factors[step])
                others = [parameter._data for parameter in training.parameters]
                where += f", after it has loaded the state_dict of step {steps // 2}"
                resumed.compare(others, where, "but without this would be", 0)
        training.check_zero_grad()


def _factors(kind: _Kind, numbers: np.random.Generator, dtype: np.dtype[Any]) -> list[Array]:
    """Draw a gradient: a list of one array, of two factors, or of nothing for a parameter without a gradient."""
    if kind.form == _NONE:
        return []
    shapes = [kind.shape] if kind.form == "an array" else [(4, n) for n in kind.shape]
    return [numbers.standard_normal(shape).astype(dtype) for shape in shapes]


def _steps_by_hand(by_hand: ByHand, start: Array, factors: Sequence[list[Array]]) -> list[Array]:
    """The parameter after each step, by the user's recurrence in float64."""
    gradients = []
    for of_step in factors:
        if not of_step:
            return [start] * len(factors)
        first, *second = (factor.astype(np.float64) for factor in of_step)
        gradients.append(first.T @ second[0] if second else first)
    yielded = [np.array(after, np.float64) for after in by_hand(start.astype(np.float64), iter(gradients))]
    if [after.shape for after in yielded] != [start.shape] * len(gradients):
        raise ValueError(
            f"by_hand yields the parameter after each step: {len(gradients)} arrays of shape {start.shape}, not "
            f"{len(yielded)} of {sorted({after.shape for after in yielded})}"
        )
    return yielded


class _Training:
    """Parameters, and the optimizer that trains them."""

    def __init__(self, make: Make, kinds: list[_Kind], values: list[Array]) -> None:
        self.kinds = kinds
        self.dtype = values[0].dtype
        self.parameters = [Tensor._of(value.copy()).requires_grad_() for value in values]
        self.optimizer = make([*self.parameters])
        if not isinstance(self.optimizer, Optimizer):
            raise TypeError(f"make(parameters) returns an Optimizer, not {shown(self.optimizer)}")

    def __str__(self) -> str:
        return type(self.optimizer).__name__

    def resumed(self, make: Make) -> _Training:
        """A second training that goes on from here. Its optimizer has loaded the state of this one's optimizer."""
        other = _Training(make, self.kinds, [parameter._data for parameter in self.parameters])
        other.optimizer.load_state_dict(copy.deepcopy(self.optimizer.state_dict()))
        return other

    def step(self, factors: list[list[Array]]) -> None:
        """Take a step with gradients that have these `factors`."""
        self.optimizer.zero_grad()
        losses = []
        for parameter, of_gradient in zip(self.parameters, factors, strict=True):
            if len(of_gradient) == 2:  # the gradient of a Linear's weight, which the walk keeps as two factors
                losses.append((F.linear(Tensor._of(of_gradient[1]), parameter) * of_gradient[0]).sum())
            elif of_gradient:
                losses.append((parameter * of_gradient[0]).sum())
        backward(losses)
        for parameter, kind in zip(self.parameters, self.kinds, strict=True):
            if kind.form == _READ and parameter.grad is not None:
                parameter.grad.numpy()  # a reading multiplies the two factors out
        self.optimizer.step()

    def compare(self, expected: Sequence[Array], where: str, but: str, tolerance: float) -> None:
        """Raise AssertionError unless the parameters are `expected`: up to `tolerance`, or in all bits if that is 0."""
        for i, (kind, parameter, other) in enumerate(zip(self.kinds, self.parameters, expected, strict=True)):
            own = parameter._data
            name = f"{where}: parameter {i}, of shape {kind.shape} and with a gradient of {kind.form},"
            if own.shape != kind.shape or own.dtype != self.dtype:
                raise AssertionError(f"{name} has become {own.dtype} of shape {own.shape}")
            if tolerance == 0 or kind.form == _NONE:
                bits = f"u{own.itemsize}"
                agree = np.asarray(own.view(bits) == other.view(bits))
            else:
                agree = np.isclose(own, other, tolerance, tolerance / 100)
            if not agree.all():
                index = tuple(int(n) for n in np.argwhere(~agree)[0])
                raise AssertionError(
                    f"{name} is {own[index]:.12g}{f' at {list(index)}' if index else ''}, {but} {other[index]:.12g}; "
                    f"{np.count_nonzero(~agree)} of {own.size} entries differ"
                )

    def check_zero_grad(self) -> None:
        """Raise AssertionError unless ``zero_grad()`` leaves no gradient, or zeros."""
        self.optimizer.zero_grad()
        for i, (kind, parameter) in enumerate(zip(self.kinds, self.parameters, strict=True)):
            if parameter.grad is not None and parameter.grad.numpy().any():
                raise AssertionError(f"{self}: zero_grad() leaves the gradient of parameter {i}, of shape {kind.shape}")
