"""A small PyTorch-style reverse-mode autodiff framework on NumPy and SciPy."""

from . import autograd, nn, optim
from ._capture import capture
from ._random import Generator, manual_seed
from ._tensor import Tensor, get_default_dtype, set_default_dtype, tensor
from .autograd import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .derivatives import add_row, differentiable

__all__ = [
    "Generator", "Tensor", "add_row", "autograd", "capture", "differentiable", "enable_grad", "get_default_dtype",
    "is_grad_enabled", "manual_seed", "nn", "no_grad", "optim", "set_default_dtype", "set_grad_enabled", "tensor",
]  # fmt: skip
