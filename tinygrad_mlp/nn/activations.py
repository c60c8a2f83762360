"""The activations as modules: each holds the options of its function in `tinygrad_mlp.nn.functional`."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..tensors.tensor import Tensor
from . import functional as F
from .function_module import FunctionModule

__all__ = ["ELU", "GELU", "LeakyReLU", "LogSoftmax", "ReLU", "Sigmoid", "SiLU", "Softmax", "Softplus", "Tanh"]


@dataclass(eq=False, repr=False)
class Tanh(FunctionModule):
    """The hyperbolic tangent."""

    def forward(self, input: Tensor) -> Tensor:
        return input.tanh()


@dataclass(eq=False, repr=False)
class Sigmoid(FunctionModule):
    """1 / (1 + e⁻ˣ)."""

    def forward(self, input: Tensor) -> Tensor:
        return input.sigmoid()


@dataclass(eq=False, repr=False)
class ReLU(FunctionModule):
    """max(x, 0). The option `inplace` is PyTorch's and changes nothing: the result is always a new Tensor."""

    inplace: bool = field(default=False, repr=False)

    def forward(self, input: Tensor) -> Tensor:
        return input.relu()


@dataclass(eq=False, repr=False)
class LeakyReLU(FunctionModule):
    """x where x is positive, else `negative_slope` · x. The derivative at 0 is `negative_slope`."""

    negative_slope: float = 0.01

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope)


@dataclass(eq=False, repr=False)
class ELU(FunctionModule):
    """x where x is positive, else `alpha` · (eˣ − 1) (Clevert et al. 2016)."""

    alpha: float = 1.0

    def forward(self, input: Tensor) -> Tensor:
        return F.elu(input, self.alpha)


@dataclass(eq=False, repr=False)
class GELU(FunctionModule):
    """x Φ(x) with the normal distribution function Φ (Hendrycks & Gimpel 2016).

    With `approximate` "tanh", an approximation by tanh.

    Raises:
        ValueError: `approximate` is neither "none" nor "tanh".
    """

    approximate: str = "none"

    def __post_init__(self) -> None:
        F.validate_approximate(self.approximate)

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, self.approximate)


@dataclass(eq=False, repr=False)
class SiLU(FunctionModule):
    """x σ(x)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.silu(input)


@dataclass(eq=False, repr=False)
class Softplus(FunctionModule):
    """ln(1 + e^(`beta` x)) / `beta`, or x itself where `beta` x is above `threshold`."""

    beta: float = 1.0
    threshold: float = 20.0

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)


@dataclass(eq=False, repr=False)
class Softmax(FunctionModule):
    """eˣ / Σ eˣ along `dim`."""

    dim: int

    def forward(self, input: Tensor) -> Tensor:
        return input.softmax(self.dim)


@dataclass(eq=False, repr=False)
class LogSoftmax(FunctionModule):
    """x − ln Σ eˣ along `dim`."""

    dim: int

    def forward(self, input: Tensor) -> Tensor:
        return input.log_softmax(self.dim)
