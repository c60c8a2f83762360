"""`Variable`, PyTorch's older name of a Tensor that may need a gradient."""

from __future__ import annotations

from typing import Any

from ..tensors.creation import as_operand
from ..tensors.tensor import Tensor

__all__ = ["Variable"]


class _EveryTensor(type):
    """The metaclass of `Variable`, by which ``isinstance(x, Variable)`` is true of each Tensor."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_EveryTensor):
    """A Tensor that shares the memory of `data`, apart from its graph. Every Tensor is an instance of this class.

    >>> import tinygrad_mlp as tg
    >>> x = tg.autograd.Variable(tg.ones(2), requires_grad=True)
    >>> type(x), isinstance(tg.ones(2), tg.autograd.Variable)
    (<class 'tinygrad_mlp.tensors.tensor.Tensor'>, True)
    """

    def __new__(cls, data: Any, requires_grad: bool = False) -> Any:
        return as_operand(data).detach().requires_grad_(requires_grad)
