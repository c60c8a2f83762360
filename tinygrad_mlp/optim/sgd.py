"""Stochastic gradient descent. Where a gradient is kept as a product of two factors, a step is one BLAS call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from ..core.blas import Target
from ..tensors.tensor import Tensor
from .entries import Numbers, Table
from .optimizer import Optimizer
from .options import validate_differentiable, validate_options

__all__ = ["SGD"]


class SGD(Optimizer):
    """``W ← W − lr·d`` with ``d = ∂L/∂W + weight_decay·W``, as in PyTorch.

    With `momentum` a velocity v takes the place of d. It is d in the first step, and after that
    ``v ← momentum·v + (1 − dampening)·d``. With `nesterov` the step is along ``d + momentum·v``. With `maximize` the
    sign of the gradient ∂L/∂W is flipped. `foreach` and `fused` are PyTorch's, and change nothing.

    Raises:
        ValueError: `lr`, `momentum` or `weight_decay` is negative; or `nesterov` comes without momentum or with
            dampening; or `differentiable` is True.

    >>> from tinygrad_mlp import optim, tensor
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = optim.SGD([w], lr=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.5], requires_grad=True)
    """

    # There is no buffer before the first step with momentum.
    _entries: ClassVar[Table] = {"momentum_buffer": Numbers(required=False)}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.001,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        validate_differentiable(differentiable)
        # A `Target` finds out how BLAS can write to an array. It is kept, so that not every step has to find out anew.
        self._weights: dict[Tensor, Target] = {}
        self._velocities: dict[Tensor, Target] = {}
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
            },
        )

    def __getstate__(self) -> dict[str, Any]:
        return {
            **super().__getstate__(),
            "_weights": {},
            "_velocities": {},
        }  # these refer to arrays that a copy does not have

    def _check(self, group: dict[str, Any]) -> None:
        validate_options(group)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("nesterov needs momentum > 0 and dampening = 0")

    def _update(self, group: dict[str, Any], ready: list[tuple[Tensor, Any]]) -> None:
        lr, momentum, decay = group["lr"], group["momentum"], group["weight_decay"]
        # Without a velocity W ← W − lr·(g + decay·W) is W ← (1 − lr·decay)·W − lr·g, one call of `Target.add`.
        rate = lr * (1.0 if group["maximize"] else -1.0)
        keep = 1.0 - lr * decay
        for parameter, gradient in ready:
            weight = self._weights.get(parameter)
            if weight is None or weight.array is not parameter._data:  # the parameter has been given another array
                weight = self._weights[parameter] = Target(parameter._data)
            if not momentum:
                weight.add(gradient, rate, keep)
                continue
            velocity = self._velocity(parameter, gradient, group)
            if group["nesterov"]:
                weight.add(gradient, rate, keep)  # W ← W − lr·d
                weight.add(velocity, -lr * momentum)  # W ← W − lr·momentum·v
            else:
                weight.add(velocity, -lr)

    def _velocity(self, parameter: Tensor, gradient: Any, group: dict[str, Any]) -> Any:
        """Update the velocity of `parameter` with its `gradient`, and return it."""
        state = self.state.setdefault(parameter, {})
        weight = parameter._data
        velocity = state.get("momentum_buffer")
        share = 1.0 - group["dampening"]
        if velocity is None:
            velocity = state["momentum_buffer"] = np.zeros(weight.shape, weight.dtype)
            share = 1.0  # the first velocity is d, without dampening
        target = self._velocities.get(parameter)
        if target is None or target.array is not velocity:
            target = self._velocities[parameter] = Target(velocity)
        target.add(gradient, -share if group["maximize"] else share, group["momentum"])
        if group["weight_decay"]:
            target.add(weight, share * group["weight_decay"])
        return velocity
