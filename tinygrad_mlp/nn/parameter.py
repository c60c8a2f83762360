"""Parameter: a Tensor that a module trains."""

from __future__ import annotations

from ..tensors.tensor import Tensor

__all__ = ["Parameter"]


class Parameter(Tensor):
    """A Tensor that is a parameter of the module that holds it.

    It shares the memory of the Tensor `data`, as in PyTorch.

    Args:
        data: the initial values.
        requires_grad: collect a gradient for this parameter.

    Raises:
        TypeError: `data` is not a Tensor.
        RuntimeError: `requires_grad`, and the dtype of `data` has no derivative.
    """

    __slots__ = ()

    def __init__(self, data: Tensor, requires_grad: bool = True) -> None:
        if not isinstance(data, Tensor):
            raise TypeError(f"a Parameter is made of a Tensor, not {type(data).__name__}: write Parameter(tensor(...))")
        self._data = data._data
        self._node = None
        self.requires_grad_(requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
