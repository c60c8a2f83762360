"""What the options of optimizers may be. An option has the same meaning, and the same bounds, wherever it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from ..tensors.refusals import shown

__all__ = ["validate_differentiable", "validate_options", "validate_rates"]

Rule = tuple[str, Callable[[Any], bool]]  # what an option is, in words, and whether a value is that

_NUMBER: Rule = ("it is a number ≥ 0", lambda value: isinstance(value, Real) and 0 <= float(value) < math.inf)
_FLAG: Rule = ("it is True or False", lambda value: isinstance(value, bool | np.bool))


def _pair(value: Any) -> list[Any]:
    """The two numbers of an option; NaN, which is within no bounds, for a value of another kind."""
    are_two = isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(number, Real) for number in value)
    return [float(number) for number in value] if are_two else [math.nan, math.nan]


_RULES: dict[str, Rule] = {
    **dict.fromkeys(
        ["lr", "lr_decay", "eps", "weight_decay", "momentum", "momentum_decay", "alpha", "lambd", "t0"], _NUMBER
    ),
    "initial_accumulator_value": _NUMBER,
    **dict.fromkeys(["maximize", "amsgrad", "centered", "decoupled_weight_decay", "nesterov"], _FLAG),
    "dampening": ("it is a finite number", lambda value: isinstance(value, Real) and math.isfinite(value)),
    "rho": ("it is a number of [0, 1]", lambda value: isinstance(value, Real) and 0 <= float(value) <= 1),
    "betas": ("they are two numbers of [0, 1)", lambda value: all(0 <= beta < 1 for beta in _pair(value))),
    "etas": (
        "they are two numbers with 1 between them, as in (0.5, 1.2)",
        lambda value: 0 < _pair(value)[0] < 1 < _pair(value)[1] < math.inf,
    ),
    "step_sizes": (
        "they are two numbers ≥ 0, the smaller one first",
        lambda value: 0 <= _pair(value)[0] <= _pair(value)[1],
    ),
}


def validate_options(group: dict[str, Any]) -> None:
    """Raise ValueError if one of the options of `group` that several optimizers have is out of its range."""
    for name, value in group.items():
        if name in _RULES:
            _validate(name, value, _RULES[name])


def validate_rates(group: dict[str, Any], *names: str) -> None:
    """Raise ValueError unless the options `names` of `group` are finite numbers ≥ 0."""
    for name in names:
        _validate(name, group[name], _NUMBER)


def _validate(name: str, value: Any, rule: Rule) -> None:
    words, holds = rule
    if not holds(value):
        raise ValueError(f"{name} cannot be {shown(value)}: {words}")


def validate_differentiable(differentiable: Any) -> None:
    """Raise ValueError if `differentiable`, an option of PyTorch's optimizers, is switched on."""
    if differentiable:
        raise ValueError(
            "differentiable=True is left out: a step is never recorded. For gradients through a step, write it with "
            "grad(loss, w, create_graph=True), as in w - lr * g, and call the network with func.functional_call"
        )
