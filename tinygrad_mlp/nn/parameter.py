"""Parameter, a Tensor that a module trains; Buffer, a Tensor that it only keeps; and both with a shape yet to come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self, TypeGuard

import numpy as np
from numpy.typing import DTypeLike

from ..core.record import Leaf
from ..tensors.arguments import floating_dtype
from ..tensors.creation import empty
from ..tensors.devices import DeviceLike, validate_device
from ..tensors.tensor import Tensor

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "is_lazy"]


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
        _share(self, data)
        self.requires_grad_(requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class Buffer(Tensor):
    """A Tensor that becomes a buffer of the module to whose attribute it is assigned: kept, but not trained.

    It shares the memory of the Tensor `data`, as in PyTorch. `Module.register_buffer` does the same with any Tensor.

    Args:
        data: the initial values.
        persistent: whether the buffer is part of the module's state.

    Raises:
        TypeError: `data` is not a Tensor.

    >>> import tinygrad_mlp as tg
    >>> net = tg.nn.Module()
    >>> net.mean = tg.nn.Buffer(tg.zeros(2))
    >>> net.state_dict()
    {'mean': tensor([0., 0.])}
    """

    __slots__ = ()

    persistent = True

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Self:
        return object.__new__(cls if persistent else _PassingBuffer)  # type: ignore[return-value]

    def __init__(self, data: Tensor, *, persistent: bool = True) -> None:
        _share(self, data)


class _PassingBuffer(Buffer):
    """A Buffer that is no part of a state. The class says so, because copies of a Tensor keep its class alone."""

    __slots__ = ()

    persistent = False


def _share(made: Tensor, data: Tensor) -> None:
    """Let `made` have the memory of `data`, and no gradient."""
    if not isinstance(data, Tensor):
        kind = type(made).__name__
        article = "an" if kind[0] in "AEIOU" else "a"
        raise TypeError(f"{article} {kind} is made of a Tensor, not {type(data).__name__}: write {kind}(tensor(...))")
    made._data = data._data
    made._node = None


# --- of a shape that is not known yet ---------------------------------------------------------------------------------


class UninitializedError(RuntimeError, ValueError):
    """Something asks for the entries or the shape of a parameter before its shape is known."""


class _Pending:
    """Stands for the array of a Tensor without a shape. It has a dtype; asking for anything else raises an error."""

    base = None  # it is no view, also where the graph looks for views of memory that was written to

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype

    def astype(self, dtype: np.dtype[Any], copy: bool = True) -> _Pending:
        return _Pending(np.dtype(dtype))

    def copy(self, order: str = "C") -> _Pending:
        return self

    def view(self, dtype: np.dtype[Any]) -> _Pending:
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # Python and NumPy ask for these, and take an AttributeError for an answer
            raise AttributeError(name)
        self._fail()

    def _fail(self, *asked: Any, **options: Any) -> Any:
        raise UninitializedError(
            "this parameter or buffer has no shape yet, because its layer takes the sizes from the first input: call "
            "the network once with a batch, such as net(x[:2]), and then use it"
        )

    __array__ = __array_ufunc__ = __len__ = __iter__ = __getitem__ = _fail


class _Uninitialized(Tensor):
    """What the Tensors without a shape have in common."""

    __slots__ = ()

    cls_to_become: ClassVar[type[Tensor]]

    def materialize(self, shape: Sequence[int], device: DeviceLike = None, dtype: DTypeLike | None = None) -> None:
        """Make this Tensor a Parameter or a Buffer with a `shape`, and with memory that is still to be filled.

        Raises:
            DeviceError: the device is not the CPU.
        """
        validate_device(device)
        self._data = empty(tuple(shape), self.dtype if dtype is None else floating_dtype(dtype))
        self.__class__ = self.cls_to_become  # type: ignore[assignment]

    def detach(self) -> Tensor:
        """This Tensor itself, which has no entries to share."""
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(_Uninitialized, Parameter):
    """A Parameter of a shape that is not known yet. `materialize` makes it a `Parameter`, which optimizers may hold.

    Args:
        requires_grad: collect a gradient for this parameter.
        device: the CPU, if anything.
        dtype: the dtype; the default dtype by default.

    Raises:
        UninitializedError: later: something asks for the shape or the entries. It is a RuntimeError and a ValueError.
    """

    __slots__ = ()

    cls_to_become = Parameter

    def __init__(self, requires_grad: bool = True, device: DeviceLike = None, dtype: DTypeLike | None = None) -> None:
        validate_device(device)
        self._data: Any = _Pending(floating_dtype(dtype))
        self._node = Leaf() if requires_grad else None


class UninitializedBuffer(_Uninitialized, Buffer):
    """A Buffer of a shape that is not known yet. The arguments and errors are those of `UninitializedParameter`."""

    __slots__ = ()

    cls_to_become = Buffer

    def __new__(
        cls,
        requires_grad: bool = False,
        device: DeviceLike = None,
        dtype: DTypeLike | None = None,
        persistent: bool = True,
    ) -> Self:
        return object.__new__(cls if persistent else _PassingUninitializedBuffer)  # type: ignore[return-value]

    def __init__(
        self,
        requires_grad: bool = False,
        device: DeviceLike = None,
        dtype: DTypeLike | None = None,
        persistent: bool = True,
    ) -> None:
        validate_device(device)  # `__new__` has chosen the class by `persistent`
        self._data: Any = _Pending(floating_dtype(dtype))
        self._node = Leaf() if requires_grad else None


class _PassingUninitializedBuffer(UninitializedBuffer):
    __slots__ = ()

    persistent = False
    cls_to_become = _PassingBuffer


def is_lazy(param: Any) -> TypeGuard[_Uninitialized]:
    """Whether `param` is a Tensor of a shape that is not known yet."""
    return isinstance(param, _Uninitialized)
