"""Parameter: a Tensor that a module trains."""

from __future__ import annotations

from ..tensors.tensor import Tensor

__all__ = ["Parameter"]


class Parameter(Tensor):
    """A Tensor that counts as a parameter where a module holds it, and requires a gradient unless told not to.

    Unlike other Tensors it shares the memory of the Tensor `data` it is made of, as PyTorch's does.

    Raises:
        TypeError: `data` is not a Tensor.
        RuntimeError: it is to require a gradient, and its dtype has no derivative.
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
