"""The layers: Linear, the activations, and Sequential, which chains them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, overload

import numpy as np
from numpy.typing import DTypeLike

from .._random import Generator
from .._tensor import Tensor, get_default_dtype
from . import functional as F
from . import init
from .module import Module, where_called
from .parameter import Parameter

__all__ = ["Linear", "ReLU", "Sequential", "Sigmoid", "Softmax", "Tanh"]


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
        generator: Generator | None = None,
    ) -> None:
        for name, features in (("in_features", in_features), ("out_features", out_features)):
            if not isinstance(features, int | np.integer) or features < 1:
                raise ValueError(f"{name} is a positive integer, not {features!r}")
        dtype = get_default_dtype() if dtype is None else dtype
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(Tensor(np.empty((out_features, in_features), dtype)))
        self.bias = Parameter(Tensor(np.empty(out_features, dtype))) if bias else None
        init.kaiming_uniform_(self.weight, a=math.sqrt(5), generator=generator)
        if self.bias is not None:
            bound = 1 / math.sqrt(in_features)
            init.uniform_(self.bias, -bound, bound, generator)

    def forward(self, input: Any) -> Tensor:
        try:
            return F.linear(input, self.weight, self.bias)
        except ValueError:
            raise ValueError(
                f"{where_called(self)}: Linear({self.in_features} → {self.out_features}) takes inputs of shape "
                f"(…, {self.in_features}), but got {np.shape(input)}"
            ) from None

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, input: Tensor) -> Tensor:
        return input.tanh()


class Sigmoid(Module):
    """1 / (1 + e⁻ˣ)."""

    def forward(self, input: Tensor) -> Tensor:
        return input.sigmoid()


class ReLU(Module):
    """max(x, 0)."""

    def forward(self, input: Tensor) -> Tensor:
        return input.relu()


class Softmax(Module):
    """eˣ / Σ eˣ along `dim`."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return input.softmax(self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Sequential(Module):
    """Modules called one after the other: ``Sequential(Linear(2, 3), Tanh())``, or a dict of named ones.

    Raises:
        TypeError: an argument is no module.

    >>> net = Sequential(Linear(784, 256), Tanh(), Linear(256, 10))
    >>> net(np.zeros((5, 784), np.float32)).shape
    (5, 10)
    >>> list(net.state_dict())
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *args: Module | dict[str, Module]) -> None:
        self._layers: dict[str, Module] = {}
        named = args[0] if len(args) == 1 and isinstance(args[0], dict) else {str(i): m for i, m in enumerate(args)}
        for name, module in named.items():
            if not isinstance(module, Module):
                raise TypeError(f"Sequential takes modules, not {module!r}: write Tanh(), not Tanh or tanh")
            self._layers[name] = module

    def _attributes(self) -> Iterator[tuple[str, Any]]:
        return iter(self._layers.items())

    def forward(self, input: Any) -> Any:
        for layer in self._layers.values():
            input = layer(input)
        return input

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._layers.values())

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    def __getitem__(self, index: int | slice) -> Module:
        layers = list(self._layers.items())
        return Sequential(dict(layers[index])) if isinstance(index, slice) else layers[index][1]

    def append(self, module: Module) -> Sequential:
        """Put `module` at the end, and return this Sequential."""
        self._layers.update(Sequential(*self, module)._layers)
        return self
