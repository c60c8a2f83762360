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
    as_function,
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
abs = as_function(Tensor.abs)
acos = as_function(Tensor.acos)
all = as_function(Tensor.all)
amax = as_function(Tensor.amax)
amin = as_function(Tensor.amin)
any = as_function(Tensor.any)
argmax = as_function(Tensor.argmax)
argmin = as_function(Tensor.argmin)
asin = as_function(Tensor.asin)
atan = as_function(Tensor.atan)
clamp = as_function(Tensor.clamp)
cos = as_function(Tensor.cos)
cosh = as_function(Tensor.cosh)
cumsum = as_function(Tensor.cumsum)
diagonal = as_function(Tensor.diagonal)
erf = as_function(Tensor.erf)
exp = as_function(Tensor.exp)
exp2 = as_function(Tensor.exp2)
expm1 = as_function(Tensor.expm1)
flatten = as_function(Tensor.flatten)
flip = as_function(Tensor.flip)
floor = as_function(Tensor.floor)
log = as_function(Tensor.log)
log10 = as_function(Tensor.log10)
log1p = as_function(Tensor.log1p)
log2 = as_function(Tensor.log2)
log_softmax = as_function(Tensor.log_softmax)
logaddexp = as_function(Tensor.logaddexp)
logsumexp = as_function(Tensor.logsumexp)
masked_fill = as_function(Tensor.masked_fill)
matmul = as_function(Tensor.matmul)
max = as_function(Tensor.max)
mean = as_function(Tensor.mean)
min = as_function(Tensor.min)
mm = as_function(Tensor.mm)
norm = as_function(Tensor.norm)
outer = as_function(Tensor.outer)
permute = as_function(Tensor.permute)
pow = as_function(Tensor.pow)
prod = as_function(Tensor.prod)
reciprocal = as_function(Tensor.reciprocal)
relu = as_function(Tensor.relu)
reshape = as_function(Tensor.reshape)
roll = as_function(Tensor.roll)
sigmoid = as_function(Tensor.sigmoid)
sign = as_function(Tensor.sign)
sin = as_function(Tensor.sin)
sinh = as_function(Tensor.sinh)
softmax = as_function(Tensor.softmax)
sqrt = as_function(Tensor.sqrt)
square = as_function(Tensor.square)
squeeze = as_function(Tensor.squeeze)
std = as_function(Tensor.std)
sum = as_function(Tensor.sum)
tan = as_function(Tensor.tan)
tanh = as_function(Tensor.tanh)
transpose = as_function(Tensor.transpose)
tril = as_function(Tensor.tril)
triu = as_function(Tensor.triu)
unsqueeze = as_function(Tensor.unsqueeze)
var = as_function(Tensor.var)
