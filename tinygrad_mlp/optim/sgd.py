"""Stochastic gradient descent, on factored gradients: a step is one BLAS call per weight where that is possible."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np

from .._tensor import Tensor
from ..blas import add_to
from .optimizer import Optimizer, check_rates

__all__ = ["SGD"]


class SGD(Optimizer):
    """``W ← W − lr·d`` with ``d = ∂L/∂W + weight_decay·W``, or a velocity ``v ← momentum·v + (1 − dampening)·d`` for d.

    The first velocity is d itself; with `nesterov` the step is along ``d + momentum·v``; with `maximize` the gradient
    counts negative. As in PyTorch.

    Raises:
        ValueError: a rate is negative, or `nesterov` is asked for without momentum or with dampening.

    >>> from tinygrad_mlp import tensor
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = SGD([w], lr=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.5], requires_grad=True)
    """

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
    ) -> None:
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

    def _check(self, group: dict[str, Any]) -> None:
        check_rates(group, "lr", "momentum", "weight_decay")
        if not isinstance(group["dampening"], Real) or not math.isfinite(group["dampening"]):
            raise ValueError(f"dampening cannot be {group['dampening']}: it is a number")
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("nesterov needs momentum > 0 and dampening = 0")

    def _update(self, group: dict[str, Any], ready: list[tuple[Tensor, Any]]) -> None:
        lr, momentum, decay = group["lr"], group["momentum"], group["weight_decay"]
        sign = -1.0 if group["maximize"] else 1.0
        keep = 1.0 - lr * decay
        for parameter, gradient in ready:
            weight = parameter._data
            if not momentum:
                add_to(weight, gradient, -lr * sign, keep)
                continue
            velocity = self._velocity(parameter, gradient, sign, group)
            if group["nesterov"]:
                add_to(weight, gradient, -lr * sign, keep)
                add_to(weight, velocity, -lr * momentum)
            else:
                add_to(weight, velocity, -lr)

    def _velocity(self, parameter: Tensor, gradient: Any, sign: float, group: dict[str, Any]) -> Any:
        """The velocity of `parameter`, moved on by `gradient`."""
        state = self.state.setdefault(parameter, {})
        weight = parameter._data
        velocity = state.get("momentum_buffer")
        share = 1.0 - group["dampening"]
        if velocity is None:
            velocity = state["momentum_buffer"] = np.zeros(weight.shape, weight.dtype)
            share = 1.0
        add_to(velocity, gradient, share * sign, group["momentum"])
        if group["weight_decay"]:
            add_to(velocity, weight, share * group["weight_decay"])
        return velocity
