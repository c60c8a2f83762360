"""What the states that modules, optimizers and schedules load have in common: they are dicts of numbers that fit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arguments import array_of
from .refusals import shown

__all__ = ["converted", "described", "real_array", "validate_state_dict"]

Array = NDArray[Any]


def validate_state_dict(state_dict: Any, owner: object) -> Mapping[Any, Any]:
    """`state_dict`, for ``load_state_dict`` of `owner`.

    Raises:
        TypeError: it is no dict, such as the path of a file.
    """
    name = type(owner).__name__
    if isinstance(state_dict, str | os.PathLike):
        raise TypeError(
            f"{name}.load_state_dict takes a state, not the path of a file: "
            f"write load_state_dict(tg.load({os.fspath(state_dict)!r}))"
        )
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"{name}.load_state_dict takes a dict that state_dict() returned, not {described(state_dict)}")
    return state_dict


def real_array(value: Any) -> Array | None:
    """The array of `value`, a Tensor or array of real numbers or booleans, ours or PyTorch's; None for all else."""
    try:
        array: Array = array_of(value)
    except (TypeError, ValueError, RuntimeError):  # RuntimeError is PyTorch's, for a tensor with a graph
        return None
    return array if array.dtype.kind in "fiub" else None


def described(value: Any) -> str:
    """`value` in a few words, as `shown` gives them, but with the dtype of an array."""
    if not hasattr(value, "dtype") or not hasattr(value, "shape") or isinstance(value, np.generic):
        return shown(value)
    kind = "masked array" if isinstance(value, np.ma.MaskedArray) else type(value).__name__
    numbers = f"{value.dtype} of shape {tuple(value.shape)}"
    return numbers if kind in ("ndarray", "Tensor", "Parameter") else f"a {kind} of {numbers}"


def converted(array: Array, dtype: np.dtype[Any]) -> Array:
    """A copy of `array` in the `dtype`. Floats are rounded, or cut off for a dtype of integers, as in PyTorch.

    Raises:
        ValueError: a number is out of the range of the `dtype`.
    """
    if array.dtype == dtype:
        return array.copy()
    with np.errstate(over="ignore", invalid="ignore"):
        result = array.astype(dtype)
    if dtype.kind == "f":
        lost = np.isinf(result) & np.isfinite(array)
    else:
        lost = (result != np.trunc(array)) & (dtype.kind != "b")
    if lost.any():
        raise ValueError(f"{array[lost][0]:g}, which {dtype} cannot hold")
    return result
