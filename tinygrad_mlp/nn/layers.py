"""The layers that are neither activations nor normalizations, such as Linear, Flatten and Dropout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..core.functions import DtypeError
from ..tensors.arguments import floating_dtype, positive_integer
from ..tensors.creation import as_operand, empty
from ..tensors.devices import DeviceLike, validate_device
from ..tensors.observer import observer
from ..tensors.random import AnyGenerator
from ..tensors.tensor import Tensor
from . import functional as F
from . import init
from .call_site import where_called
from .function_module import FunctionModule, of_options
from .module import Module
from .normalization_functions import conversions
from .parameter import Parameter

__all__ = [
    "AlphaDropout",
    "Bilinear",
    "Dropout",
    "FeatureAlphaDropout",
    "Flatten",
    "Identity",
    "Linear",
    "Unflatten",
]


class Linear(Module):
    """``y = x Wᵀ + b`` with weight W (out, in) and bias b (out,).

    The initial values of both are drawn from the uniform distribution on [−1/√in, 1/√in], as in PyTorch.

    Args:
        in_features: the length of the last dimension of the input.
        out_features: the length of the last dimension of the output.
        bias: whether there is a b.
        device: the CPU, if anything.
        dtype: the dtype of the parameters; the default dtype by default.
        generator: draws the initial values.

    Raises:
        ValueError: a number of features is not a positive integer. Later, in a call: the input does not fit.
        TypeError: `dtype` is neither float32 nor float64. Later, in a call: the input has another dtype.

    >>> from tinygrad_mlp import nn
    >>> nn.Linear(784, 10)
    Linear(in_features=784, out_features=10, bias=True)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: DeviceLike = None,
        dtype: DTypeLike | None = None,
        *,
        generator: AnyGenerator | None = None,
    ) -> None:
        validate_device(device)
        in_features = positive_integer(in_features, "in_features is a positive integer")
        out_features = positive_integer(out_features, "out_features is a positive integer")
        dtype = floating_dtype(dtype)
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(Tensor._of(empty((out_features, in_features), dtype)))
        self.bias = Parameter(Tensor._of(np.empty(out_features, dtype))) if bias else None
        self.reset_parameters(generator)

    def reset_parameters(self, generator: AnyGenerator | None = None) -> None:
        """Draw the initial values anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5), generator=generator)
        if self.bias is not None:
            bound = 1 / math.sqrt(self.weight.shape[1])
            init.uniform_(self.bias, -bound, bound, generator)

    def forward(self, input: Any) -> Tensor:
        try:
            return F.linear(input, self.weight, self.bias)
        except (AttributeError, ValueError):
            if input is None:
                as_operand(input)  # raises the error that says which module may have returned it
            given = getattr(input, "shape", f"a {type(input).__name__}: write tensor(...)")
            if given and given[-1] == self.in_features:  # it is the weight or the bias that does not fit
                raise
            raise ValueError(
                f"{where_called(self)}: Linear({self.in_features} → {self.out_features}) takes inputs of shape "
                f"(…, {self.in_features}), but got {given}"
            ) from None
        except DtypeError:
            if input.dtype == self.weight.dtype:  # it is the bias that does not fit
                raise
            raise DtypeError(
                f"{where_called(self)}: Linear({self.in_features} → {self.out_features}) has a weight of "
                f"{self.weight.dtype}, but got an input of {input.dtype}, of shape {input.shape}: "
                f"write {conversions(input, self.weight.dtype)}"
            ) from None

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Module):
    """``yₖ = Σ x₁ᵢ Wₖᵢⱼ x₂ⱼ + bₖ`` of two inputs, with weight W (out, in1, in2) and bias b (out,).

    The initial values of both are drawn from the uniform distribution on [−1/√in1, 1/√in1], as in PyTorch.

    Args:
        in1_features: the length of the last dimension of the first input.
        in2_features: the length of the last dimension of the second input.
        out_features: the length of the last dimension of the output.
        bias: whether there is a b.
        device: the CPU, if anything.
        dtype: the dtype of the parameters; the default dtype by default.
        generator: draws the initial values.

    Raises:
        ValueError: a number of features is not a positive integer. Later, in a call: the inputs do not fit.
        TypeError: `dtype` is neither float32 nor float64. Later, in a call: an input has another dtype.
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: DeviceLike = None,
        dtype: DTypeLike | None = None,
        *,
        generator: AnyGenerator | None = None,
    ) -> None:
        validate_device(device)
        self.in1_features = positive_integer(in1_features, "in1_features is a positive integer")
        self.in2_features = positive_integer(in2_features, "in2_features is a positive integer")
        self.out_features = positive_integer(out_features, "out_features is a positive integer")
        dtype = floating_dtype(dtype)
        self.weight = Parameter(Tensor._of(empty((out_features, in1_features, in2_features), dtype)))
        self.bias = Parameter(Tensor._of(np.empty(out_features, dtype))) if bias else None
        self.reset_parameters(generator)

    def reset_parameters(self, generator: AnyGenerator | None = None) -> None:
        """Draw the initial values anew."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound, generator)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound, generator)

    def forward(self, input1: Any, input2: Any) -> Tensor:
        try:
            return F.bilinear(input1, input2, self.weight, self.bias)
        except (DtypeError, ValueError) as error:
            raise type(error)(f"{where_called(self)}: {error}") from None

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Identity(Module):
    """Returns its input. The constructor ignores its arguments, so that Identity can take the place of any layer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def forward(self, input: Any) -> Any:
        return input


@of_options
class Flatten(FunctionModule):
    """Joins the dimensions `start_dim` to `end_dim` into one: by default all but the first, which counts samples.

    >>> import numpy as np
    >>> from tinygrad_mlp import nn
    >>> nn.Flatten()(np.zeros((5, 28, 28), np.float32)).shape
    (5, 784)
    """

    start_dim: int = 1
    end_dim: int = -1

    def forward(self, input: Any) -> Tensor:
        return as_operand(input).flatten(self.start_dim, self.end_dim)


@of_options
class Unflatten(FunctionModule):
    """Splits the dimension `dim` into several ones, whose lengths are `unflattened_size`. One of them may be −1.

    Raises:
        ValueError: later, in a call: the lengths do not multiply to that of the dimension.

    >>> import numpy as np
    >>> from tinygrad_mlp import nn
    >>> nn.Unflatten(1, (28, 28))(np.zeros((5, 784), np.float32)).shape
    (5, 28, 28)
    """

    dim: int
    unflattened_size: Sequence[int]

    def forward(self, input: Any) -> Tensor:
        try:
            return as_operand(input).unflatten(self.dim, self.unflattened_size)
        except ValueError as error:
            raise ValueError(f"{where_called(self)}: {error}") from None


@of_options
class Dropout(FunctionModule):
    """Sets each entry to 0 with probability `p` and divides the others by 1 − p (Srivastava et al. 2014).

    It does so in training mode, and otherwise returns its input as it is.

    Args:
        p: the probability.
        inplace: PyTorch's option, which changes nothing: the result is always a new Tensor.
        generator: draws which entries become 0.

    Raises:
        ValueError: `p` is not a probability.
    """

    p: float = 0.5
    inplace: bool = field(default=False, repr=False)
    generator: AnyGenerator | None = field(default=None, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        F.validate_probability(self.p)

    def forward(self, input: Tensor) -> Tensor:
        observer().use(self)  # not only in __call__, because a user may call forward() directly
        return F.dropout(input, self.p, self.training, generator=self.generator)


@of_options
class AlphaDropout(FunctionModule):
    """Drops entries, and keeps mean 0 and variance 1, for networks with SELU (Klambauer et al. 2017).

    In training mode each entry is set to SELU's limit at −∞ with probability `p`; then all are shifted and scaled.

    Args:
        p: the probability.
        inplace: PyTorch's option, which changes nothing: the result is always a new Tensor.
        generator: draws which entries are dropped.

    Raises:
        ValueError: `p` is not a probability.
    """

    p: float = 0.5
    inplace: bool = field(default=False, repr=False)
    generator: AnyGenerator | None = field(default=None, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        F.validate_probability(self.p)

    def forward(self, input: Tensor) -> Tensor:
        observer().use(self)
        return F.alpha_dropout(input, self.p, self.training, generator=self.generator)


@of_options
class FeatureAlphaDropout(AlphaDropout):
    """Drops whole channels of inputs (N, C, …), as `AlphaDropout` drops entries.

    Raises:
        ValueError: `p` is not a probability. Later, in a call: the input has fewer than two dims.
    """

    def forward(self, input: Tensor) -> Tensor:
        observer().use(self)
        return F.feature_alpha_dropout(input, self.p, self.training, generator=self.generator)
