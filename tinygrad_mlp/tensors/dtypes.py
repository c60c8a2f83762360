"""PyTorch's names of dtypes, and its classes of Tensors of one dtype, such as FloatTensor."""

from __future__ import annotations

from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import guard, record
from ..core.record import Variable
from .arguments import Size, dtype_to, get_default_dtype, integer, numeric, set_default_dtype
from .devices import DeviceLike, no_device, validate_device
from .foreign import refuse_subclasses
from .observer import observer
from .refusals import shown

__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "IntTensor", "LongTensor", "ShortTensor",
    "TensorType", "constructed", "dtype_of_type", "is_tensor", "kinds", "set_default_tensor_type", "type_names",
]  # fmt: skip

Array = NDArray[Any]


# --- the constructors -------------------------------------------------------------------------------------------------


def constructed(data: tuple[Any, ...], dtype: np.dtype[Any], name: str) -> Array:
    """The array of a Tensor that the constructor `name`, such as FloatTensor, makes of `data`.

    Lengths, which are given one by one, make zeros of that shape. Data are converted to `dtype`. The memory of an array
    that has this dtype is shared, as in PyTorch.

    Raises:
        TypeError: `data` is a single number, no numbers at all, or a Tensor.
        ValueError: a length is negative.
    """
    if len(data) == 1 and isinstance(data[0], Size):
        (data,) = data
    elif len(data) == 1 and (isinstance(data[0], Variable) or integer(data[0]) is None):
        return _converted(data[0], dtype, name)
    sizes: list[int] = []
    for length in data or (0,):
        if (size := integer(length)) is None:
            raise TypeError(f"{name}() takes lengths one by one, or the data in one list, not {shown(length)}")
        if size < 0:
            raise ValueError(f"{name}() takes lengths ≥ 0, not {size}")
        sizes.append(size)
    zeros: Array = observer().constant(np.zeros(sizes, dtype))
    return zeros


def _converted(value: Any, dtype: np.dtype[Any], name: str) -> Array:
    """`value`, an array or nested lists, as an array of `dtype`."""
    if isinstance(value, Variable):
        raise TypeError(f"{name}() takes lengths or data, not a Tensor of another dtype: write x.type(torch.{name})")
    if isinstance(value, Number | np.bool):
        raise TypeError(f"{name}() takes lengths, or data in a list, not {shown(value)}: write tensor({value})")
    if isinstance(value, np.ndarray) and value.dtype == dtype and value.dtype.isnative:
        observer().refuse("making a Tensor of an array: make it outside the step")
        refuse_subclasses(value)
        return guard.guard_foreign(value)
    array: Array = observer().constant(numeric(value, dtype))
    return array


class TensorType(type):
    """The type of FloatTensor and its like, of which each makes Tensors of its dtype.

    ``isinstance(x, FloatTensor)`` is True of each Tensor of float32, although its class is Tensor, as in PyTorch.

    >>> import tinygrad_mlp as tg
    >>> tg.LongTensor([1, 2]), tg.FloatTensor(2, 3).shape
    (tensor([1, 2]), (2, 3))
    >>> isinstance(tg.ones(2), tg.FloatTensor), isinstance(tg.ones(2), tg.LongTensor)
    (True, False)
    """

    dtype: np.dtype[Any]

    def __call__(cls, *data: Any, device: DeviceLike = None) -> Any:
        """A Tensor of `data`, a list or an array, converted to this dtype; or of zeros, if `data` are lengths.

        Raises:
            TypeError: `data` are no numbers or a single number, or a Tensor of another dtype.
            ValueError: a length is negative.
        """
        validate_device(device)
        if len(data) == 1 and isinstance(data[0], cls):
            return record.tensor_class(*data)
        return record.tensor_class._of(constructed(data, cls.dtype, cls.__name__))

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Variable) and instance._data.dtype == cls.dtype


def _tensor_type(name: str, dtype: str) -> TensorType:
    return TensorType(name, (), {"dtype": np.dtype(dtype), "__module__": __name__, "__doc__": f"Tensors of {dtype}."})


FloatTensor = _tensor_type("FloatTensor", "float32")
DoubleTensor = _tensor_type("DoubleTensor", "float64")
CharTensor = _tensor_type("CharTensor", "int8")
ShortTensor = _tensor_type("ShortTensor", "int16")
IntTensor = _tensor_type("IntTensor", "int32")
LongTensor = _tensor_type("LongTensor", "int64")
ByteTensor = _tensor_type("ByteTensor", "uint8")
BoolTensor = _tensor_type("BoolTensor", "bool")

kinds: dict[np.dtype[Any], TensorType] = {
    kind.dtype: kind
    for kind in (
        FloatTensor, DoubleTensor, CharTensor, ShortTensor, IntTensor, LongTensor, ByteTensor, BoolTensor,
        *(_tensor_type(f"UInt{bits}Tensor", f"uint{bits}") for bits in (16, 32, 64)),
    )
}  # fmt: skip

# What `Tensor.type` returns for each dtype.
type_names: dict[np.dtype[Any], str] = {dtype: f"torch.{kind.__name__}" for dtype, kind in kinds.items()}
_dtypes = {name: dtype for dtype, name in type_names.items()}


def dtype_of_type(given: Any) -> np.dtype[Any]:
    """The dtype that `given` stands for: a dtype, a class such as LongTensor, or its name, "torch.LongTensor".

    Raises:
        TypeError: it is none of these, or a dtype that no Tensor can hold.
        ValueError: it is another name.
        DeviceError: it is the name of a class for another device, as in "torch.cuda.FloatTensor".
    """
    if isinstance(given, TensorType):
        return given.dtype
    if given is record.tensor_class:
        return get_default_dtype()
    if not isinstance(given, str):
        return dtype_to(given)
    if given.startswith("torch.cuda."):
        raise no_device("cuda")
    if given not in _dtypes:
        raise ValueError(f"{given!r} names no type of Tensor here: write one of {', '.join(_dtypes)}")
    return _dtypes[given]


def set_default_tensor_type(t: TensorType | str, /) -> None:
    """Set the default dtype to that of `t`: FloatTensor, DoubleTensor, or one of their names, "torch.FloatTensor".

    PyTorch deprecates this function: write ``set_default_dtype(float64)``.

    Raises:
        TypeError: `t` is no type of floating Tensors.
        ValueError: `t` is another name.
        DeviceError: `t` is a type of Tensors on another device.
    """
    if not isinstance(t, TensorType | str):
        raise TypeError(f'the default type is FloatTensor, DoubleTensor or a name, "torch.FloatTensor", not {shown(t)}')
    set_default_dtype(dtype_of_type(t))


def is_tensor(obj: Any, /) -> bool:
    """Whether `obj` is a Tensor."""
    return isinstance(obj, Variable)
