"""A small PyTorch-style reverse-mode autodiff framework on NumPy and SciPy."""

from typing import TYPE_CHECKING, Any

import scipy.linalg as _linalg  # noqa: F401  # loaded before all else, it makes the whole import 8 % shorter
from numpy import float32, float64, int64

from . import autograd, datasets, nn, optim, utils
from ._capture import capture
from .autograd import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .autograd.custom import add_row, differentiable
from .experiment.neural_network import NeuralNetwork
from .files.archive import load, save
from .tensors.arguments import get_default_dtype, set_default_dtype
from .tensors.creation import (
    arange,
    cat,
    einsum,
    eye,
    from_numpy,
    full,
    linspace,
    maximum,
    minimum,
    ones,
    ones_like,
    rand,
    randint,
    randn,
    randperm,
    stack,
    where,
    zeros,
    zeros_like,
)
from .tensors.random import Generator, manual_seed
from .tensors.tensor import Tensor, tensor

__version__ = "0.1.0"  # pyproject.toml reads it here, without importing the package

if TYPE_CHECKING:
    from .derivation.page import Derivation, explain

__all__ = [
    "Derivation", "Generator", "NeuralNetwork", "Tensor", "add_row", "arange", "autograd", "capture", "cat",
    "datasets", "differentiable", "einsum", "enable_grad", "explain", "eye", "float32", "float64", "from_numpy",
    "full", "get_default_dtype", "int64", "is_grad_enabled", "linspace", "load", "manual_seed", "maximum",
    "minimum", "nn", "no_grad", "ones", "ones_like", "optim", "rand", "randint", "randn", "randperm", "save",
    "set_default_dtype", "set_grad_enabled", "stack", "tensor", "utils", "where", "zeros", "zeros_like",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in ("Derivation", "explain"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .derivation import page  # a fifth of the time of the import, which few programs need

    return getattr(page, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


# What PyTorch offers as functions, too: tinygrad_mlp.exp(x) is x.exp(). They are no part of `import *`, which would
# hide Python's own abs, all, any, max, min, pow and sum.
abs = Tensor.abs
acos = Tensor.acos
all = Tensor.all
amax = Tensor.amax
amin = Tensor.amin
any = Tensor.any
argmax = Tensor.argmax
argmin = Tensor.argmin
asin = Tensor.asin
atan = Tensor.atan
clamp = Tensor.clamp
cos = Tensor.cos
cosh = Tensor.cosh
cumsum = Tensor.cumsum
diagonal = Tensor.diagonal
erf = Tensor.erf
exp = Tensor.exp
exp2 = Tensor.exp2
expm1 = Tensor.expm1
flatten = Tensor.flatten
flip = Tensor.flip
floor = Tensor.floor
log = Tensor.log
log10 = Tensor.log10
log1p = Tensor.log1p
log2 = Tensor.log2
log_softmax = Tensor.log_softmax
logaddexp = Tensor.logaddexp
logsumexp = Tensor.logsumexp
masked_fill = Tensor.masked_fill
matmul = Tensor.matmul
max = Tensor.max
mean = Tensor.mean
min = Tensor.min
mm = Tensor.mm
norm = Tensor.norm
outer = Tensor.outer
permute = Tensor.permute
pow = Tensor.pow
prod = Tensor.prod
reciprocal = Tensor.reciprocal
relu = Tensor.relu
reshape = Tensor.reshape
roll = Tensor.roll
sigmoid = Tensor.sigmoid
sign = Tensor.sign
sin = Tensor.sin
sinh = Tensor.sinh
softmax = Tensor.softmax
sqrt = Tensor.sqrt
square = Tensor.square
squeeze = Tensor.squeeze
std = Tensor.std
sum = Tensor.sum
tan = Tensor.tan
tanh = Tensor.tanh
transpose = Tensor.transpose
tril = Tensor.tril
triu = Tensor.triu
unsqueeze = Tensor.unsqueeze
var = Tensor.var
