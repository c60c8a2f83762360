"""A Tensor in another dtype, and on the only device: ``to`` and the methods that say the same in other words."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Never, Self

import numpy as np

from ..core import functions as f
from ..core.record import Variable, record
from .arguments import dtype_to
from .devices import CPU, DeviceLike, device, names_device, no_device, validate_device
from .dtypes import dtype_of_type, type_names
from .refusals import shown

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["Casts", "no_half", "wanted"]

_record: Callable[..., Tensor] = record
_FLOAT32, _FLOAT64, _INT64 = map(np.dtype, ("float32", "float64", "int64"))


# --- the arguments of `to` --------------------------------------------------------------------------------------------


def wanted(args: tuple[Any, ...], options: dict[str, Any]) -> tuple[np.dtype[Any] | None, bool]:
    """The dtype that the arguments of ``to`` ask for, or None, and whether they ask for a copy.

    Raises:
        TypeError: they are not a device, a dtype, both in this order, or a Tensor, with ``non_blocking=`` or ``copy=``.
        DeviceError: the device is not the CPU.
    """
    first = args[0] if args else None
    if isinstance(first, Variable):
        form: Callable[..., Any] = _to_other
    elif first is None or names_device(first):
        form = _to_device
    else:
        form = _to_dtype
    dtype, non_blocking, copy = form(*args, **options)
    for name, value in (("non_blocking", non_blocking), ("copy", copy)):
        if not isinstance(value, bool):
            raise TypeError(f"to() takes the device before the dtype, and {name}= is True or False, not {shown(value)}")
    return None if dtype is None else dtype_to(dtype), copy


# The three forms that `to` has. Python checks the arguments, and an error calls the form by its name.


def _to_device(device: DeviceLike = None, dtype: Any = None, non_blocking: Any = False, copy: Any = False) -> Any:
    validate_device(device)
    return dtype, non_blocking, copy


def _to_dtype(dtype: Any, non_blocking: Any = False, copy: Any = False) -> Any:
    return dtype, non_blocking, copy


def _to_other(other: Any, non_blocking: Any = False, copy: Any = False) -> Any:
    return other._data.dtype, non_blocking, copy


for _form in (_to_device, _to_dtype, _to_other):
    _form.__name__ = _form.__qualname__ = "to"


def no_half(name: str) -> Never:
    """Raise the TypeError for a dtype of 16 bits that `name` asks for."""
    raise TypeError(f"{name}: floats have 32 or 64 bits here: write .float(), and leave out what scales gradients")


# --- the methods ------------------------------------------------------------------------------------------------------


class Casts(Variable):
    """The methods of a Tensor that convert it to another dtype, or say where it is."""

    __slots__ = ()

    if TYPE_CHECKING:

        def detach(self) -> Tensor: ...

        def clone(self) -> Tensor: ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of the entries."""
        return self._data.dtype

    @property
    def device(self) -> device:
        """The device that holds the entries: the CPU."""
        return CPU

    @property
    def is_cuda(self) -> builtins.bool:
        """Whether a GPU holds the entries: False."""
        return False

    @property
    def is_sparse(self) -> builtins.bool:
        """Whether only the entries that are not 0 are held: False. Optimizers written for PyTorch ask each gradient."""
        return False

    def get_device(self) -> builtins.int:
        """The index of the GPU that holds the entries: −1, for there is none."""
        return -1

    def is_floating_point(self) -> builtins.bool:
        """Whether the entries are floats."""
        return self._data.dtype.kind == "f"

    def is_pinned(self) -> builtins.bool:
        """Whether a GPU can copy from this memory without help: False."""
        return False

    def pin_memory(self) -> Never:
        """Raise DeviceError: there is no GPU to copy to."""
        raise no_device("pinned memory, which is for copies to a GPU")

    def cpu(self) -> Self:
        """This Tensor, which is on the CPU."""
        return self

    def cuda(self, device: DeviceLike = None, non_blocking: builtins.bool = False) -> Never:
        """Raise DeviceError: there is no GPU."""
        raise no_device("cuda")

    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        """This Tensor in a dtype, on the CPU. If nothing changes and no copy is wanted, this Tensor itself is returned.

        No gradient passes through integers. The arguments are one of these::

            to(dtype, non_blocking=False, copy=False)
            to(device=None, dtype=None, non_blocking=False, copy=False)
            to(other, non_blocking=False, copy=False)    # a Tensor whose dtype is wanted

        `copy` asks for a new Tensor in any case, and `non_blocking` means nothing for one device.

        Raises:
            TypeError: there is another argument, or a dtype that is not float32, float64, bool or one of integers.
            DeviceError: the device is not the CPU.

        >>> import tinygrad_mlp as tg
        >>> x = tg.tensor([1.5, 2.5])
        >>> x.to("cpu") is x, x.to(tg.int64), x.to("cpu", tg.float64)
        (True, tensor([1, 2]), tensor([1.5, 2.5], dtype=float64))
        """
        dtype, copy = wanted(args, kwargs)
        if copy and (dtype is None or dtype == self._data.dtype):
            return self.clone()
        return self if dtype is None else self._cast(dtype)  # type: ignore[return-value]

    def _cast(self, dtype: np.dtype[Any]) -> Tensor:
        """This Tensor converted to `dtype`, which a Tensor can hold."""
        if self._data.dtype == dtype:
            return self  # type: ignore[return-value]
        source = self if dtype.kind == "f" else self.detach()
        return _record(f.astype, (source,), {"dtype": dtype})

    def type(self, dtype: Any = None, non_blocking: builtins.bool = False) -> Any:
        """This Tensor converted to `dtype`; without one the name of its type, such as "torch.FloatTensor".

        Args:
            dtype: a dtype, a class such as LongTensor, or its name, "torch.LongTensor".
            non_blocking: means nothing for one device.

        Raises:
            TypeError: `dtype` is none of these, or no Tensor can hold it.
            ValueError: it is another name.
            DeviceError: it is the name of a class for another device, as in "torch.cuda.FloatTensor".
        """
        return type_names[self._data.dtype] if dtype is None else self._cast(dtype_of_type(dtype))

    def type_as(self, other: Tensor) -> Tensor:
        """This Tensor in the dtype of the Tensor `other`.

        Raises:
            TypeError: `other` is no Tensor.
        """
        if not isinstance(other, Variable):
            raise TypeError(f"type_as() takes a Tensor, not {shown(other)}: write .to(dtype)")
        return self._cast(other._data.dtype)

    def float(self) -> Tensor:
        """This Tensor as float32."""
        return self._cast(_FLOAT32)

    def double(self) -> Tensor:
        """This Tensor as float64."""
        return self._cast(_FLOAT64)

    def long(self) -> Tensor:
        """This Tensor as int64."""
        return self._cast(_INT64)

    def int(self) -> Tensor:
        """This Tensor as int32."""
        return self._cast(np.dtype(np.int32))

    def short(self) -> Tensor:
        """This Tensor as int16."""
        return self._cast(np.dtype(np.int16))

    def char(self) -> Tensor:
        """This Tensor as int8."""
        return self._cast(np.dtype(np.int8))

    def byte(self) -> Tensor:
        """This Tensor as uint8."""
        return self._cast(np.dtype(np.uint8))

    def bool(self) -> Tensor:
        """Where this Tensor is not 0."""
        return self._cast(np.dtype(np.bool))

    def half(self) -> Never:
        """Raise TypeError: there is no float16."""
        no_half("half()")

    def bfloat16(self) -> Never:
        """Raise TypeError: there is no bfloat16."""
        no_half("bfloat16()")
