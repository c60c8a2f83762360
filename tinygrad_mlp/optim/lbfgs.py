"""L-BFGS, which approximates the inverse Hessian by the last changes of the gradient. It is for all data, not batches.

The algorithm, its stopping rules and its line search follow PyTorch's step by step, so the numbers agree. For SciPy's
L-BFGS-B call `tinygrad_mlp.optim.minimize`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..autograd.grad_mode import enable_grad
from ..core import guard
from ..core.blas import matmul
from ..tensors.arguments import positive_integer, real
from ..tensors.observer import effect
from ..tensors.refusals import is_module, shown
from ..tensors.tensor import Tensor
from .entries import Like, Number, Numbers, Several, Table
from .flat import flattened, write_flat
from .line_search import Trial, strong_wolfe
from .optimizer import Optimizer
from .options import validate_rates

__all__ = ["LBFGS"]

Array = NDArray[Any]


class LBFGS(Optimizer):
    """``W ← W − t · H g`` for the gradient g, an approximation H of the inverse Hessian, and a step length t.

    H is computed from the last `history_size` steps (Nocedal & Wright 2006, §7.2). One ``step(closure)`` makes up to
    `max_iter` iterations. The closure clears the gradients, computes the loss, calls its ``backward()`` and returns it.

    Args:
        params: the Tensors to be trained, in one group.
        lr: the step length t. With a line search it is the first length to try.
        max_iter: the largest number of iterations.
        max_eval: the largest number of calls of the closure; 1.25 · `max_iter` by default.
        tolerance_grad: stop when no entry of the gradient is larger than this.
        tolerance_change: stop when the loss, or every parameter, changes by less than this.
        history_size: the number of steps to remember.
        line_search_fn: "strong_wolfe", or None for steps of fixed length.

    Raises:
        ValueError: an option is out of its range, or there are several groups.
    """

    # The state is that of the first parameter, and its vectors are of all parameters. After the first iteration there
    # are all entries. `_direction` says what they are.
    _entries: ClassVar[Table] = {
        "func_evals": Number(whole=True, least=0),
        "n_iter": Number(whole=True, least=0),
        "d": Numbers(required="n_iter"),
        "t": Number(infinite=True, nan=True, required="n_iter"),
        "old_dirs": Several(of=Numbers(), required="n_iter"),
        "old_stps": Several(of=Numbers(), required="n_iter"),
        "ro": Several(of=Number(infinite=True, nan=True), required="n_iter"),
        "H_diag": Number(infinite=True, nan=True, required="n_iter"),
        "prev_flat_grad": Numbers(required="n_iter"),
        "prev_loss": Number(infinite=True, nan=True, required="n_iter"),
        "al": None,  # PyTorch's scratch memory
    }

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        max_iter = positive_integer(max_iter, "max_iter is a positive integer")
        super().__init__(
            params,
            {
                "lr": lr,
                "max_iter": max_iter,
                "max_eval": 5 * max_iter // 4 if max_eval is None else max_eval,
                "tolerance_grad": tolerance_grad,
                "tolerance_change": tolerance_change,
                "history_size": history_size,
                "line_search_fn": line_search_fn,
            },
        )

    def _check(self, group: dict[str, Any]) -> None:
        if self.param_groups and self.param_groups[0]["params"] is not group["params"]:  # a second group
            raise ValueError("LBFGS takes one group of parameters, because it sees them as one vector")
        validate_rates(group, "lr", "tolerance_grad", "tolerance_change")
        for name in ("max_iter", "max_eval", "history_size"):
            positive_integer(group[name], f"{name} is a positive integer")
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise ValueError(f"line_search_fn is 'strong_wolfe' or None, not {group['line_search_fn']!r}")

    def _state_like(self, parameter: Tensor) -> Like:
        parameters = self._groups[0]["params"]
        if parameter is not parameters[0]:
            raise ValueError("the state of LBFGS is that of the first parameter, and there is one of another")
        shape = (sum(p.numel() for p in parameters),)
        return Like(shape, np.result_type(*(p.dtype for p in parameters)), "a vector of all parameters")

    @effect
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take up to `max_iter` steps, and return the loss before the first one.

        Raises:
            TypeError: there is no closure.
            RuntimeError: the loss or the gradient before the first step is NaN or infinite. No parameter has been
                changed then.
        """
        closure = _validated_closure(closure)
        group = self.param_groups[0]
        parameters = group["params"]
        state = self.state.setdefault(parameters[0], {"func_evals": 0, "n_iter": 0})
        calls_before = state["func_evals"]

        def evaluate() -> tuple[Any, Array]:
            """The loss that the closure returns, and the gradient of all parameters as one vector."""
            with enable_grad():
                loss = closure()
            state["func_evals"] += 1
            return loss, flattened(map(_gradient, parameters))

        first, gradient = evaluate()
        if all(parameter.grad is None for parameter in parameters):
            self._warn("step() found no gradients: the closure is to call backward() of the loss")
        loss = real(first)
        _validate_start(loss, gradient)
        for iteration in range(1, group["max_iter"] + 1):
            # A step of fixed length may have gone where the gradient is not finite: there the next step() raises.
            if not group["tolerance_grad"] < np.abs(gradient).max() < math.inf:
                break
            state["n_iter"] += 1
            direction = _direction(state, gradient, group["history_size"])
            length = group["lr"]
            if state["n_iter"] == 1:  # the direction is −g, whose length says nothing about the right step
                length *= min(1.0, 1.0 / float(np.abs(gradient).sum()))
            state.update(d=direction, prev_flat_grad=gradient, prev_loss=loss, t=length)
            slope = _dot(gradient, direction)
            if slope > -group["tolerance_change"]:
                break
            start = flattened(p._data for p in parameters)
            if group["line_search_fn"] is not None:
                at = _along(direction, start, parameters, evaluate)
                resolution = group["tolerance_change"] / float(np.abs(direction).max())
                calls_left = group["max_eval"] - (state["func_evals"] - calls_before)
                found = strong_wolfe(at, Trial(0.0, loss, gradient, slope), length, resolution, calls_left)
                state["t"], loss, gradient, _ = found
            write_flat(parameters, start + state["t"] * direction)
            # A line search has evaluated the gradient at this point. After the last iteration nothing needs it.
            if group["line_search_fn"] is None and iteration < group["max_iter"]:
                new, gradient = evaluate()
                loss = real(new)
            if (
                state["func_evals"] - calls_before >= group["max_eval"]
                or np.abs(state["t"] * direction).max() <= group["tolerance_change"]
                or abs(loss - state["prev_loss"]) < group["tolerance_change"]
            ):
                break
        self.stepped_at = guard.events.latest
        return first


def _validated_closure(closure: Any) -> Callable[[], Any]:
    """The `closure` of a step. Raises TypeError if it is no function."""
    if not callable(closure) or is_module(closure):
        given = "" if closure is None else f", not {shown(closure)}"
        raise TypeError(
            "LBFGS computes the loss several times in a step: pass step() a function that calls zero_grad(), "
            f"computes the loss, calls its backward() and returns it{given}"
        )
    return closure  # type: ignore[no-any-return]


def _validate_start(loss: float, gradient: Array) -> None:
    """Raise RuntimeError if there is no direction to go, because the loss or the gradient is not finite."""
    if math.isnan(loss) or not np.isfinite(gradient).all():
        raise RuntimeError(
            f"LBFGS starts where the loss is {loss:g} and its gradient not finite, so there is no direction to go: "
            "start elsewhere, or find the first NaN with autograd.detect_anomaly()"
        )


def _gradient(parameter: Tensor) -> Array:
    """The gradient of `parameter`; zeros where there is none, and for one that is frozen."""
    gradient = parameter.grad if parameter.requires_grad else None
    return np.zeros(parameter.shape, parameter.dtype) if gradient is None else gradient._data


def _dot(a: Array, b: Array) -> float:
    return float(matmul(a[None], b[:, None])[0, 0])


def _along(
    direction: Array, start: Array, parameters: Sequence[Tensor], evaluate: Callable[[], tuple[Any, Array]]
) -> Callable[[float], Trial]:
    """A function of t that sets the parameters to ``start + t · direction`` and evaluates the loss there."""

    def at(t: float) -> Trial:
        write_flat(parameters, start + t * direction)
        loss, gradient = evaluate()
        return Trial(t, real(loss), gradient, _dot(gradient, direction))

    return at


def _direction(state: dict[str, Any], gradient: Array, history_size: int) -> Array:
    """−H g for the `gradient` g, after the last step has been added to the history that H is computed from.

    This is the two-loop recursion (Nocedal & Wright 2006, algorithm 7.4). H itself is never formed. The names in the
    `state` are PyTorch's: ``old_dirs`` has changes of the gradient, ``old_stps`` the steps that made them, ``ro`` the
    inverses of their dot products, ``d`` and ``t`` the last direction and step length.
    """
    if state["n_iter"] == 1:
        state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
        return -gradient
    history = [state["old_dirs"], state["old_stps"], state["ro"]]
    change, step = gradient - state["prev_flat_grad"], state["d"] * state["t"]
    curvature = _dot(change, step)
    if curvature > 1e-10:  # else H would not stay positive definite
        for kept, new in zip(history, (change, step, 1.0 / curvature), strict=True):
            kept.append(new)
            del kept[:-history_size]
        state["H_diag"] = curvature / _dot(change, change)
    direction = -gradient
    shares = []
    for change, step, ro in reversed(list(zip(*history, strict=True))):
        shares.append(_dot(step, direction) * ro)
        direction -= shares[-1] * change
    direction *= state["H_diag"]
    for change, step, ro in zip(*history, strict=True):
        direction += (shares.pop() - _dot(change, direction) * ro) * step
    return direction
