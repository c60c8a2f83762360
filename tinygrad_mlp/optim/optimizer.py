"""Optimizer: parameter groups with their options, and the state an algorithm keeps for each parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .._tensor import Tensor
from ..autograd import enable_grad
from ..autograd.graph import Leaf, replayed

__all__ = ["Optimizer"]


class Optimizer:
    """The base of the optimizers: subclasses write ``_update(group)`` and check their options in ``_check(group)``.

    Args:
        params: Tensors to be trained, or dicts with ``"params"`` and options that differ from the `defaults`.
        defaults: the options of the groups that do not give them.

    Raises:
        ValueError: there are no parameters, one is given twice, or an option is out of its range.
        TypeError: a parameter is no Tensor that collects a gradient.
    """

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError("params is an iterable of Tensors, not one: write [tensor] or net.parameters()")
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: dict[Tensor, dict[str, Any]] = {}
        groups = list(params)
        if not groups:
            raise ValueError("there are no parameters to train: pass net.parameters() of a module that has some")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _check(self, group: dict[str, Any]) -> None:
        """Raise ValueError if an option of `group` is out of its range."""
        raise NotImplementedError

    def _update(self, group: dict[str, Any]) -> None:
        """Change the parameters of `group` in place by their gradients."""
        raise NotImplementedError

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Train the ``"params"`` of `param_group` too, with its options."""
        params = param_group["params"]
        group = {**self.defaults, **param_group, "params": [params] if isinstance(params, Tensor) else list(params)}
        if unknown := set(group) - set(self.defaults) - {"params"}:
            raise ValueError(f"{type(self).__name__} has no options {sorted(unknown)}, only {sorted(self.defaults)}")
        self._check(group)
        seen = {parameter for other in self.param_groups for parameter in other["params"]}
        for parameter in group["params"]:
            if not isinstance(parameter, Tensor) or not isinstance(parameter._node, Leaf):
                raise TypeError(f"an optimizer trains leaf Tensors that require a gradient, not {parameter!r}")
            if parameter in seen:
                raise ValueError(f"a parameter of shape {parameter.shape} is given more than once")
            seen.add(parameter)
        self.param_groups.append(group)

    @replayed
    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if set_to_none:
                    parameter._node.grad = None
                elif parameter.grad is not None:
                    parameter.grad.detach().zero_()

    @replayed
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the parameters by their gradients; a `closure` computes the loss and the gradients first."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            self._update(group)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """The options and the state, with parameters numbered in order, as PyTorch lays them out."""
        number = {p: i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}
        return {
            "state": {number[p]: dict(entries) for p, entries in self.state.items()},
            "param_groups": [{**group, "params": [number[p] for p in group["params"]]} for group in self.param_groups],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the options and a copy of the state that `state_dict` returned.

        Raises:
            ValueError: the groups differ in number or size.
        """
        saved = state_dict["param_groups"]
        sizes = [len(group["params"]) for group in saved]
        own = [len(group["params"]) for group in self.param_groups]
        if sizes != own:
            raise ValueError(f"the state is of groups of {sizes} parameters, but the optimizer has groups of {own}")
        parameters = [p for group in self.param_groups for p in group["params"]]
        for group, options in zip(self.param_groups, saved, strict=True):
            group.update({name: value for name, value in options.items() if name != "params"})
        self.state = {
            parameters[i]: {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in entries.items()}
            for i, entries in state_dict["state"].items()
        }
