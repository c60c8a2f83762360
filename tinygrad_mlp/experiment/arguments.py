"""Validation of what a user gives to `NeuralNetwork`: numbers, and data with labels that fit the network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..tensors.arguments import array_of, integer

__all__ = ["Validator", "layer_widths", "whole_number"]

Array = NDArray[Any]


def whole_number(name: str, value: Any, least: int) -> int:
    """`value` as an int. Raises TypeError if it is no integer, and ValueError if it is smaller than `least`."""
    number = integer(value)
    if number is None:
        raise TypeError(f"{name} is an integer, not {value!r}")
    if number < least:
        raise ValueError(f"{name} is at least {least}, not {number}")
    return number


def layer_widths(layers: Any) -> list[int]:
    """The number of neurons in each layer, inputs first."""
    if isinstance(layers, str) or not isinstance(layers, Iterable):
        raise TypeError(f"layers is a list with the neurons of each layer, not {layers!r}: write [784, 256, 10]")
    widths = [whole_number("a number of neurons", neurons, least=1) for neurons in layers]
    if len(widths) < 2:
        raise ValueError(f"layers are at least two, of inputs and of outputs, not {widths}: write [784, 256, 10]")
    return widths


class Validator(NamedTuple):
    """Turns what a user gives as data into matrices of a network's dtype, or says why they do not fit the network."""

    layers: list[int]
    loss: str
    dtype: np.dtype[Any]

    def pair(self, data_name: str, data: Any, label_name: str, labels: Any) -> tuple[Array, Array]:
        """Data and labels as matrices that fit the network and each other; messages call them by their names."""
        X = self.inputs(data_name, data)
        outputs = self.layers[-1]
        classes = f"{label_name}.reshape(-1, 1)" if outputs == 1 else f"one_hot({label_name}.ravel(), {outputs})"
        Y = self._matrix(label_name, labels, outputs, f"write {classes} if it holds a class for each sample")
        if len(X) != len(Y):
            raise ValueError(f"{data_name} has {len(X)} rows and {label_name} {len(Y)}: each sample takes one label")
        if self.loss == "cross_entropy" and not (Y.min() >= 0 and Y.max() <= 1):
            raise ValueError(
                f"cross_entropy takes labels between 0 and 1, but {label_name} spans [{Y.min()}, {Y.max()}]: "
                f"write {classes} if it holds classes, or train another network with mean_square"
            )
        return X, Y

    def inputs(self, name: str, value: Any) -> Array:
        """`value` as a matrix with a column for each input of the network."""
        return self._matrix(name, value, self.layers[0], f"write {name}.reshape(-1, {self.layers[0]}) if that is meant")

    def _matrix(self, name: str, value: Any, columns: int, advice: str) -> Array:
        """`value` as a matrix of finite numbers, copied to memory of its own.

        Raises:
            TypeError: no Tensor can hold `value`, which is masked or not numeric, for example.
            ValueError: `value` is empty, is no matrix of so many `columns`, or holds NaN or infinity. The message calls
                it `name`; for a wrong shape it ends with the `advice`.
        """
        try:
            array = array_of(value)
        except ValueError as error:
            raise ValueError(f"{name} is no rectangular arrangement of numbers: {error}") from None
        except TypeError as error:
            raise TypeError(f"{name}: {error}") from None
        if not array.size:
            raise ValueError(f"{name} is empty, of shape {array.shape}: at least one sample is needed")
        if array.ndim != 2 or array.shape[1] != columns:
            raise ValueError(f"{name} has shape {array.shape}, but layers {self.layers} take (n, {columns}): {advice}")
        with np.errstate(over="ignore"):  # a number too large for the dtype becomes infinite, and is found below
            matrix = np.array(array, self.dtype, order="C")
        bad = ~np.isfinite(matrix)
        if bad.any():
            row, column = np.argwhere(bad)[0].tolist()
            raise ValueError(
                f"{name} holds {array[row, column]} in row {row}, column {column}, which is no finite {self.dtype}: "
                f"{np.count_nonzero(bad)} such entries are to be dropped or replaced first"
            )
        return matrix
