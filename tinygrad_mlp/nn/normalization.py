"""Layers that shift and scale their input to mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..core.functions import DtypeError
from ..tensors.arguments import floating_dtype, positive_integer
from ..tensors.creation import as_operand, ones, tensor, zeros
from ..tensors.devices import DeviceLike, validate_device
from ..tensors.observer import observer
from ..tensors.refusals import number
from ..tensors.tensor import Tensor
from . import functional as F
from . import init
from .call_site import where_called
from .module import Module
from .normalization_functions import validate_eps, validated_shape
from .parameter import Parameter

__all__ = ["BatchNorm1d", "GroupNorm", "LayerNorm", "RMSNorm"]


def _parameters(shape: tuple[int, ...], weight: bool, bias: bool, dtype: np.dtype[Any]) -> list[Parameter | None]:
    """A weight of ones and a bias of zeros; None in place of one that is not wanted."""
    values = (ones(shape, dtype=dtype) if weight else None, zeros(shape, dtype=dtype) if bias else None)
    return [None if value is None else Parameter(value) for value in values]


class _Scaling(Module):
    """The base of the layers that multiply by ``weight`` and add ``bias``, if there are such."""

    weight: Parameter | None
    bias: Parameter | None

    def reset_parameters(self) -> None:
        """Begin anew with a weight of ones and a bias of zeros."""
        for name, fill in (("weight", init.ones_), ("bias", init.zeros_)):
            if (parameter := getattr(self, name, None)) is not None:
                fill(parameter)


class BatchNorm1d(_Scaling):
    """Shifts and scales each channel to mean 0 and variance 1, then multiplies it by ``weight`` and adds ``bias``.

    The input has shape (N, C) or (N, C, L) with C channels. In training mode the mean and (biased) variance are those
    of the batch, and they go into the buffers ``running_mean`` and ``running_var`` (there unbiased). Otherwise they are
    those of the buffers, if there are any (Ioffe & Szegedy 2015).

    Args:
        num_features: the number of channels C.
        eps: is added to the variance.
        momentum: the share of the newest batch in the buffers. With None the buffers are the averages of all batches.
        affine: whether there are ``weight`` and ``bias``, of shape (C,); at first they are ones and zeros.
        track_running_stats: whether there are buffers.
        device: the CPU, if anything.
        dtype: the dtype of parameters and buffers; the default dtype by default.
        bias: if False, there is a ``weight`` but no ``bias``.

    Raises:
        ValueError: `num_features` is not a positive integer, or `eps` or `momentum` is out of its range. Later, in a
            call: the input does not fit, or a training batch has one value per channel, which has no variance.
        TypeError: `dtype` is neither float32 nor float64. Later, in a call: the input has another dtype.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: DeviceLike = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        validate_device(device)
        self.num_features = num_features = positive_integer(num_features, "num_features is a positive integer")
        validate_eps(eps)
        if momentum is not None:
            number(momentum, "momentum is None or a share from 0 to 1", lambda share: 0 <= share <= 1)
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        dtype = floating_dtype(dtype)
        self.weight, self.bias = _parameters((num_features,), affine, affine and bias, dtype)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, dtype=dtype) if tracked else None)
        self.register_buffer("running_var", ones(num_features, dtype=dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", tensor(0) if tracked else None)

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def reset_running_stats(self) -> None:
        """Forget the batches: the running means are zeros from now on, and the variances ones."""
        for name, fill in (
            ("running_mean", init.zeros_),
            ("running_var", init.ones_),
            ("num_batches_tracked", init.zeros_),
        ):
            if (buffer := getattr(self, name)) is not None:
                fill(buffer)

    def reset_parameters(self) -> None:
        """Begin anew: without running statistics, and with a weight of ones and a bias of zeros."""
        self.reset_running_stats()
        super().reset_parameters()

    def forward(self, input: Any) -> Tensor:
        channels = self.num_features
        input = as_operand(input)
        if input.ndim not in (2, 3) or input._data.shape[1] != channels:
            raise ValueError(
                f"{where_called(self)}: BatchNorm1d({channels}) takes inputs of shape (N, {channels}) or "
                f"(N, {channels}, L), but got {input.shape}"
            )
        observer().use(self)  # not only in __call__, because a user may call forward() directly
        training = self.training or self.running_mean is None  # without buffers the batch's own mean is always used
        try:
            output = F.batch_norm(
                input, self.running_mean, self.running_var, self.weight, self.bias, training, self._share(), self.eps
            )
        except (DtypeError, ValueError) as error:
            raise type(error)(f"{where_called(self)}: {error}") from None
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        return output

    def _share(self) -> float:
        """The share of this batch in the new values of the buffers."""
        if self.momentum is None:
            return 0.0 if self.num_batches_tracked is None else 1 / (1 + self.num_batches_tracked.item())
        return self.momentum

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class LayerNorm(_Scaling):
    """Shifts and scales each sample to mean 0 and variance 1, then multiplies it by ``weight`` and adds ``bias``.

    A sample is what lies in the last dimensions, whose lengths are `normalized_shape` (Ba et al. 2016).

    Args:
        normalized_shape: the length of the last dimension, or the lengths of the last ones.
        eps: is added to the (biased) variance.
        elementwise_affine: whether there are ``weight`` and ``bias``; at first they are ones and zeros.
        bias: if False, there is a ``weight`` but no ``bias``.
        device: the CPU, if anything.
        dtype: the dtype of the parameters; the default dtype by default.

    Raises:
        ValueError: `normalized_shape` is not of positive integers, or `eps` is no number. Later, in a call: the shape
            of the input does not end in it.
        TypeError: `dtype` is neither float32 nor float64. Later, in a call: the input has another dtype.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: DeviceLike = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        validate_device(device)
        self.normalized_shape = validated_shape(normalized_shape)
        validate_eps(eps)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        affine = elementwise_affine
        dtype = floating_dtype(dtype)
        self.weight, self.bias = _parameters(self.normalized_shape, affine, affine and bias, dtype)

    def forward(self, input: Any) -> Tensor:
        try:
            return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)
        except (DtypeError, ValueError) as error:
            raise type(error)(f"{where_called(self)}: {error}") from None

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class RMSNorm(_Scaling):
    """Divides each sample by the root of the mean of its squares, then multiplies it by ``weight``.

    A sample is what lies in the last dimensions, whose lengths are `normalized_shape` (Zhang & Sennrich 2019).

    Args:
        normalized_shape: the length of the last dimension, or the lengths of the last ones.
        eps: is added to the mean of the squares; by default the distance from 1 to the next number of the dtype.
        elementwise_affine: whether there is a ``weight``; at first it is ones.
        device: the CPU, if anything.
        dtype: the dtype of the parameter; the default dtype by default.

    Raises:
        ValueError: `normalized_shape` is not of positive integers, or `eps` is no number. Later, in a call: the shape
            of the input does not end in it.
        TypeError: `dtype` is neither float32 nor float64. Later, in a call: the input has another dtype.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: DeviceLike = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        validate_device(device)
        self.normalized_shape = validated_shape(normalized_shape)
        if eps is not None:
            validate_eps(eps)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.weight, _ = _parameters(self.normalized_shape, elementwise_affine, False, floating_dtype(dtype))

    def forward(self, input: Any) -> Tensor:
        try:
            return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)
        except (DtypeError, ValueError) as error:
            raise type(error)(f"{where_called(self)}: {error}") from None

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(_Scaling):
    """Shifts and scales each group of channels of a sample to mean 0 and variance 1; then each channel on its own.

    The input has shape (N, C, …) with C channels. A group is of C / `num_groups` neighbouring channels (Wu & He 2018).

    Args:
        num_groups: the number of groups.
        num_channels: the number of channels C.
        eps: is added to the (biased) variance.
        affine: whether there are ``weight`` and ``bias``, of shape (C,); at first they are ones and zeros.
        device: the CPU, if anything.
        dtype: the dtype of the parameters; the default dtype by default.
        bias: if False, there is a ``weight`` but no ``bias``.

    Raises:
        ValueError: `num_groups` does not divide `num_channels`, or one of them is no positive integer, or `eps` is no
            number. Later, in a call: the input does not fit.
        TypeError: `dtype` is neither float32 nor float64. Later, in a call: the input has another dtype.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: DeviceLike = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        validate_device(device)
        self.num_groups = positive_integer(num_groups, "num_groups is a positive integer")
        self.num_channels = positive_integer(num_channels, "num_channels is a positive integer")
        if num_channels % num_groups:
            raise ValueError(f"num_groups divides num_channels, but {num_channels} channels are no {num_groups} groups")
        validate_eps(eps)
        self.eps = eps
        self.affine = affine
        self.weight, self.bias = _parameters((num_channels,), affine, affine and bias, floating_dtype(dtype))

    def forward(self, input: Any) -> Tensor:
        try:
            return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)
        except (DtypeError, ValueError) as error:
            raise type(error)(f"{where_called(self)}: {error}") from None

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"
