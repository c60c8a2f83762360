"""The layers that are neither activations nor normalizations: Linear, and those that let their input pass."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..core.tape import observer
from ..tensors.arguments import get_default_dtype
from ..tensors.creation import as_tensor, empty
from ..tensors.random import AnyGenerator
from ..tensors.tensor import Tensor
from . import functional as F
from . import init
from .module import Module, where_called
from .parameter import Parameter

__all__ = ["Dropout", "Flatten", "Identity", "Linear"]


class Linear(Module):
    """``y = x Wᵀ + b`` with weight W (out, in) and bias b (out,), both drawn from U(±1/√in) as in PyTorch.

    Args:
        in_features: the length of the last dimension of the input.
        out_features: the length of the last dimension of the output.
        bias: whether there is a b.
        dtype: float32 by default.
        generator: where the initial values are drawn from.

    Raises:
        ValueError: a number of features is not a positive integer; when called, the input does not fit.

    >>> Linear(784, 10)
    Linear(in_features=784, out_features=10, bias=True)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: DTypeLike | None = None,
        generator: AnyGenerator | None = None,
    ) -> None:
        for name, features in (("in_features", in_features), ("out_features", out_features)):
            if not isinstance(features, int | np.integer) or features < 1:
                raise ValueError(f"{name} is a positive integer, not {features!r}")
        dtype = get_default_dtype() if dtype is None else dtype
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(Tensor._of(empty((out_features, in_features), dtype)))
        self.bias = Parameter(Tensor._of(np.empty(out_features, dtype))) if bias else None
        init.kaiming_uniform_(self.weight, a=math.sqrt(5), generator=generator)
        if self.bias is not None:
            bound = 1 / math.sqrt(in_features)
            init.uniform_(self.bias, -bound, bound, generator)

    def forward(self, input: Any) -> Tensor:
        try:
            return F.linear(input, self.weight, self.bias)
        except (AttributeError, ValueError):
            given = getattr(input, "shape", f"a {type(input).__name__}: write tensor(...)")
            raise ValueError(
                f"{where_called(self)}: Linear({self.in_features} → {self.out_features}) takes inputs of shape "
                f"(…, {self.in_features}), but got {given}"
            ) from None

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Identity(Module):
    """What it is given; arguments to make it are ignored, so that it can take the place of any layer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def forward(self, input: Any) -> Any:
        return input


class Flatten(Module):
    """Dimensions `start_dim` to `end_dim` joined into one: by default all but the first, which counts samples.

    >>> Flatten()(np.zeros((5, 28, 28), np.float32)).shape
    (5, 784)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Any) -> Tensor:
        return as_tensor(input).flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Dropout(Module):
    """While training, each entry is 0 with probability `p`, the others are divided by 1 − p (Srivastava et al. 2014).

    Args:
        p: the probability.
        inplace: changes nothing, for nothing is computed in place of an input here.
        generator: where it is drawn from.

    Raises:
        ValueError: `p` is no probability.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False, *, generator: AnyGenerator | None = None) -> None:
        F.check_probability(p)
        self.p = p
        self.inplace = inplace
        self.generator = generator

    def forward(self, input: Tensor) -> Tensor:
        observer().use(self)  # although it may be called by its forward() alone
        return F.dropout(input, self.p, self.training, generator=self.generator)

    def extra_repr(self) -> str:
        return f"p={self.p}"
