"""A small PyTorch-style reverse-mode autodiff framework on NumPy and SciPy.

A script for PyTorch's dense networks begins with ``import tinygrad_mlp as torch``. The way through:

- **Tensors**: `tensor`, `zeros`, `randn`; `Tensor` has PyTorch's methods, and NumPy's functions take Tensors. Most
  methods are functions here, too: ``exp(x)`` is ``x.exp()``.
- **Gradients**: ``y.backward()`` fills ``x.grad``; `no_grad` stops recording; `autograd` has `grad`, `gradcheck` and
  Jacobians, `func` derivatives of functions. `explain` writes a derivation down, and `differentiable` makes a function
  of yours with its rule.
- **Distributions**: `distributions` has draws, densities and divergences with gradients.
- **Networks**: `nn` has layers, losses and `nn.init`; `optim` SGD, Adam and LBFGS, and the schedules of their rates;
  `utils.data` loaders. `capture` replays a training step, at small batches several times faster.
- **Files**: `save` and `load` for ``state_dict()``, without code in them.
- **Beyond PyTorch**: `testing` checks and proves gradients; `training` has loops and figures; `datasets` MNIST and
  digits; `NeuralNetwork` is the network of the textbook derivation.

A name of PyTorch's that is left out says so when it is asked for, and what to write instead.

>>> import tinygrad_mlp as tg
>>> net = tg.nn.Sequential(tg.nn.Linear(2, 8), tg.nn.Tanh(), tg.nn.Linear(8, 1))
>>> optimizer = tg.optim.SGD(net.parameters(), lr=0.1)
>>> x = tg.randn(64, 2, generator=tg.Generator().manual_seed(0))
>>> for _ in range(300):
...     loss = tg.nn.functional.mse_loss(net(x), x.prod(1, keepdim=True))
...     optimizer.zero_grad()
...     loss.backward()
...     optimizer.step()
>>> loss.item() < 1
True
"""

import builtins as _builtins
import sys as _sys
from importlib import import_module
from math import e, inf, nan, pi
from typing import TYPE_CHECKING, Any

import scipy.linalg as _linalg  # noqa: F401  # loaded before all else, it makes the whole import 8 % shorter
from numpy import dtype, finfo, iinfo, newaxis

from . import autograd, nn, optim, utils
from ._left_out import Finder as _Finder
from ._left_out import missing as _missing
from .autograd import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .autograd.custom import add_row, differentiable
from .files.archive import load, save
from .names import function_names as _function_names
from .names import function_of as _function_of
from .tensors.arguments import Size, get_default_dtype, set_default_dtype
from .tensors.creation import (
    arange,
    as_tensor,
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
    tensor,
    where,
    zeros,
    zeros_like,
)
from .tensors.devices import accelerator, backends, cuda, device, get_default_device, mps, set_default_device, xpu
from .tensors.dtypes import (
    BoolTensor,
    ByteTensor,
    CharTensor,
    DoubleTensor,
    FloatTensor,
    IntTensor,
    LongTensor,
    ShortTensor,
    is_tensor,
    set_default_tensor_type,
)
from .tensors.random import Generator, manual_seed
from .tensors.tensor import Tensor

__version__ = "0.1.0"  # pyproject.toml reads it here, without importing the package

if TYPE_CHECKING:
    from . import datasets, distributions, func, jit, linalg, special, testing
    from ._capture import capture
    from .derivation.page import Derivation, explain
    from .experiment.neural_network import NeuralNetwork
    from .jit import compile as compile
    from .names.functions import *  # noqa: F403  # which `__getattr__` makes when they are asked for

__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "Derivation", "DoubleTensor", "FloatTensor", "Generator", "IntTensor",
    "LongTensor", "NeuralNetwork", "ShortTensor", "Size", "Tensor", "accelerator", "add_row", "arange", "as_tensor",
    "autograd", "backends", "capture", "cat", "cuda", "datasets", "device", "differentiable", "distributions", "double",
    "dtype", "e", "einsum", "enable_grad", "explain", "eye", "finfo", "float32", "float64", "from_numpy", "full",
    "func", "get_default_device", "get_default_dtype", "iinfo", "inf", "inference_mode", "int16", "int32", "int64",
    "int8", "is_grad_enabled", "is_tensor", "jit", "linalg", "linspace", "load", "long", "manual_seed", "maximum",
    "minimum", "mps", "nan", "newaxis", "nn", "no_grad", "ones", "ones_like", "optim", "pi", "rand", "randint", "randn",
    "randperm", "save", "set_default_device", "set_default_dtype", "set_default_tensor_type", "set_grad_enabled",
    "short", "special", "stack", "tensor", "testing", "uint16", "uint32", "uint64", "uint8", "utils", "where", "xpu",
    "zeros", "zeros_like",
]  # fmt: skip

# Dtypes are NumPy's. Of these names float, int and bool are no part of `import *`, which would hide Python's own; nor
# does anything below mean Python's by them.
float32 = float = dtype("float32")
float64 = double = dtype("float64")
int8 = dtype("int8")
int16 = short = dtype("int16")
int32 = int = dtype("int32")
int64 = long = dtype("int64")
uint8 = dtype("uint8")
uint16 = dtype("uint16")
uint32 = dtype("uint32")
uint64 = dtype("uint64")
bool = dtype("bool")


# What few programs need is loaded when it is asked for. The pages of derivations took a fifth of the whole import.
_ROOMS = ("datasets", "distributions", "func", "jit", "linalg", "special", "testing")
_LOADED_LATER = {
    "Derivation": ".derivation.page", "NeuralNetwork": ".experiment.neural_network", "capture": "._capture",
    "compile": ".jit", "explain": ".derivation.page",
}  # fmt: skip

if not TYPE_CHECKING:  # so that mypy finds misspelt names
    # `import *` loads the tables. It leaves Python's own names alone, as abs and sum.
    __all__ += sorted(_function_names() - vars(_builtins).keys())

    def __getattr__(name: str) -> Any:
        if name in _ROOMS:
            return import_module(f".{name}", __name__)
        if name in _LOADED_LATER:
            return getattr(import_module(_LOADED_LATER[name], __name__), name)
        if name not in _function_names():
            raise _missing(__name__, name)
        function = globals()[name] = _function_of(name)
        return function


_sys.meta_path.append(_Finder)  # says of an import that fails why, if it is of one of PyTorch's names


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_function_names(), *_LOADED_LATER})
