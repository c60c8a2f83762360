"""Turns parameters into one vector and back, because the methods of numerical optimization work on vectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import guard
from ..tensors.tensor import Tensor

__all__ = ["flattened", "write_flat"]

Array = NDArray[Any]


def flattened(arrays: Iterable[Array]) -> Array:
    """The entries of all `arrays` in one new vector."""
    return np.concatenate([array.ravel() for array in arrays])


def write_flat(parameters: Sequence[Tensor], vector: Array) -> None:
    """Write the entries of `vector` to `parameters`, in place."""
    ends = np.cumsum([parameter.numel() for parameter in parameters])[:-1]
    for parameter, entries in zip(parameters, np.split(vector, ends), strict=True):
        parameter._data[...] = entries.reshape(parameter.shape)
    guard.stamp([parameter._data for parameter in parameters])
