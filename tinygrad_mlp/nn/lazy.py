"""Layers that take their number of features from the first input that they are called with."""

from __future__ import annotations

from typing import Any, ClassVar

from numpy.typing import DTypeLike

from ..autograd.grad_mode import no_grad
from ..tensors.arguments import floating_dtype, positive_integer
from ..tensors.creation import as_operand
from ..tensors.devices import DeviceLike
from ..tensors.observer import observer
from ..tensors.random import AnyGenerator
from ..tensors.tensor import Tensor
from . import init
from .call_site import where_called
from .layers import Linear
from .module import Module
from .normalization import BatchNorm1d
from .parameter import UninitializedBuffer, UninitializedParameter, is_lazy

__all__ = ["LazyBatchNorm1d", "LazyLinear"]


class _Lazy(Module):
    """The base of the lazy layers. In its first call, a layer gives its parameters a shape and changes its class.

    An optimizer may be given the parameters before that.
    """

    cls_to_become: ClassVar[type[Module]]

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer has no shape yet."""
        return any(map(is_lazy, [*self.parameters(recurse=False), *self.buffers(recurse=False)]))

    def initialize_parameters(self, input: Tensor) -> None:
        """Take the number of features from `input`, and give the parameters their initial values."""
        raise NotImplementedError

    def forward(self, input: Any) -> Any:
        observer().refuse("the first call of a lazy layer, which sets its sizes: call the network once before the step")
        with no_grad():
            self.initialize_parameters(as_operand(input))
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        return self.forward(input)


class LazyLinear(_Lazy, Linear):
    """Becomes a `Linear` in its first call: `in_features` is the length of the last dimension of that input.

    Args:
        out_features: the length of the last dimension of the output.
        bias: whether there is a bias.
        device: the CPU, if anything.
        dtype: the dtype of the parameters; the default dtype by default.
        generator: draws the initial values.

    Raises:
        ValueError: `out_features` is not a positive integer. Later, in the first call: the input has no features.
        TypeError: `dtype` is neither float32 nor float64. Later, in a call: the input has another dtype.

    >>> from tinygrad_mlp import nn, ones
    >>> layer = nn.LazyLinear(2)
    >>> layer(ones(5, 3)).shape, layer
    ((5, 2), Linear(in_features=3, out_features=2, bias=True))
    """

    cls_to_become = Linear

    def __init__(
        self,
        out_features: int,
        bias: bool = True,
        device: DeviceLike = None,
        dtype: DTypeLike | None = None,
        *,
        generator: AnyGenerator | None = None,
    ) -> None:
        self.in_features = 0
        self.out_features = positive_integer(out_features, "out_features is a positive integer")
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.bias = UninitializedParameter(device=device, dtype=dtype) if bias else None
        self._generator = generator

    def reset_parameters(self, generator: AnyGenerator | None = None) -> None:
        """Draw the initial values anew, if there are some already."""
        if not self.has_uninitialized_params():
            super().reset_parameters(generator)

    def initialize_parameters(self, input: Tensor) -> None:
        """Take the number of features from `input`, and draw the initial values, except for values that were loaded."""
        if is_lazy(self.weight):
            if not input.ndim or not input.shape[-1]:
                raise ValueError(f"{where_called(self)}: LazyLinear takes inputs of shape (…, in), not {input.shape}")
            in_features = input.shape[-1]
            self.weight.materialize((self.out_features, in_features))
            if is_lazy(self.bias):
                self.bias.materialize((self.out_features,))
            self.reset_parameters(self._generator)
        self.in_features = self.weight.shape[1]
        del self._generator


class LazyBatchNorm1d(_Lazy, BatchNorm1d):
    """Becomes a `BatchNorm1d` in its first call: `num_features` is the number of channels of that input.

    Args:
        eps, momentum, affine, track_running_stats, device, dtype, bias: as for `BatchNorm1d`.

    Raises:
        ValueError: `eps` or `momentum` is out of its range. Later, in the first call: the input has no channels.
        TypeError: `dtype` is neither float32 nor float64. Later, in a call: the input has another dtype.
    """

    cls_to_become = BatchNorm1d

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: DeviceLike = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(1, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.num_features = 0
        dtype = floating_dtype(dtype)
        for name in ("weight", "bias"):
            if getattr(self, name) is not None:
                setattr(self, name, UninitializedParameter(dtype=dtype))
        if track_running_stats:
            self.running_mean = UninitializedBuffer(dtype=dtype)
            self.running_var = UninitializedBuffer(dtype=dtype)

    def reset_parameters(self) -> None:
        """Begin anew, if the number of channels is known."""
        if not self.has_uninitialized_params():
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Take the number of channels from `input`, and begin with the values of `BatchNorm1d`; keep loaded ones."""
        begun = {"weight": 1.0, "bias": 0.0, "running_mean": 0.0, "running_var": 1.0}
        held = {name: tensor for name in begun if (tensor := getattr(self, name)) is not None}
        if input.ndim < 2 or not input.shape[1]:
            raise ValueError(
                f"{where_called(self)}: LazyBatchNorm1d takes inputs of shape (N, C, …), not {input.shape}"
            )
        known = next((tensor.numel() for tensor in held.values() if not is_lazy(tensor)), input.shape[1])
        for name, tensor in held.items():
            if is_lazy(tensor):
                tensor.materialize((known,))
                init.constant_(tensor, begun[name])
        self.num_features = known
