"""The dtype of what a function computes of Tensors: PyTorch's rule, where NumPy's would widen.

Each operand is of a category: booleans below integers below floats. The highest category of the Tensors with dimensions
decides, and the widest dtype of it. A Tensor without dimensions counts only if its category is higher than that, and a
Python number only if its category is higher than those of all Tensors. Integers beside floats take the floats' dtype,
and integers that become floats take the default dtype. A NumPy array among the operands means NumPy's promotion.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import functions as f
from ..core import record as recording
from ..core.functions import DtypeError
from ..core.record import Variable, record
from ..core.sheet import sheet
from .arguments import get_default_dtype

__all__ = ["common_dtype", "promoted"]

_CATEGORIES = {"b": 0, "i": 1, "u": 1, "f": 2}


def _category(dtype: np.dtype[Any] | None) -> int:
    return -1 if dtype is None else _CATEGORIES[dtype.kind]


def _wider(dtype: np.dtype[Any] | None, other: np.dtype[Any] | None) -> np.dtype[Any] | None:
    """The dtype that both become; None stands for no operand."""
    if dtype is None or other is None or _category(dtype) != _category(other):
        return max(dtype, other, key=_category)
    wider = np.promote_types(dtype, other)
    if _category(wider) != _category(dtype):
        raise DtypeError(f"{dtype} and {other} have no common dtype of integers: convert one of them")
    return wider


def common_dtype(*operands: Any) -> np.dtype[Any]:
    """The dtype that PyTorch computes in, for `operands` that are Tensors.

    Raises:
        DtypeError: uint64 meets integers with a sign.
    """
    widest: list[np.dtype[Any] | None] = [None, None]  # of operands with dimensions, and of those without
    for operand in operands:
        place = 0 if operand.ndim else 1
        widest[place] = _wider(widest[place], operand.dtype)
    first, second = widest
    return _wider(first, second) if _category(second) > _category(first) else first  # type: ignore[return-value]


def promoted(function: Callable[..., Any], operands: Sequence[Any]) -> list[Any] | None:
    """`operands`, converted where needed, so that NumPy computes in `common_dtype`. None if NumPy does so by itself."""
    # A layer refuses data of another dtype. What a user's function does with several dtypes is left to it.
    if function is f.linear or function not in sheet:
        return None
    own = operands[1:] if function is np.where else operands  # the condition is no operand
    tensors: list[Any] = [operand for operand in own if isinstance(operand, Variable)]
    if len({tensor._data.dtype for tensor in tensors}) < 2:
        return None
    wanted = common_dtype(*tensors)
    if wanted.kind in "iu" and _makes_floats(function):
        return None  # `_as_floats` converts: a number may be none of the others' dtype, as 256 is none of uint8
    numpys = np.result_type(*(tensor.dtype for tensor in tensors))
    if wanted == numpys and not (wanted.kind == "f" and any(tensor.dtype.kind in "iu" for tensor in tensors)):
        return None  # but rules would compute with small integers in float16
    return [_converted(operand, wanted) for operand in operands]


@functools.cache
def _makes_floats(function: Any) -> bool:
    """Whether a function of NumPy's or SciPy's gives floats of all numbers, as a division does."""
    results = {types[-1] for types in getattr(function, "types", ()) if not set("OmM?") & set(types)}
    return bool(results) and results <= set("efdgFDG")


def _converted(operand: Any, dtype: np.dtype[Any]) -> Any:
    """A Tensor, other than of booleans, converted to `dtype`; anything else as it is."""
    if not isinstance(operand, Variable) or operand._data.dtype in (dtype, np.bool_):
        return operand
    return record(f.astype, (operand,), {"dtype": dtype})


def _as_floats(function: Callable[..., Any], operands: Sequence[Any], result: np.dtype[Any]) -> list[Any] | None:
    """`operands`, with integers and booleans in the default dtype, if only the `result` is of floats.

    None if one of the Tensors holds floats, too, or if something else decides on the dtype of the result: a NumPy
    array, a user's function, or an option of `function`. float16, in which NumPy computes with small integers, is no
    dtype of Tensors.
    """
    tensors = [operand for operand in operands if isinstance(operand, Variable)]
    if result.kind != "f" or not tensors or any(tensor._data.dtype.kind == "f" for tensor in tensors):
        return None
    foreign = any(isinstance(operand, np.ndarray | list | tuple) for operand in operands)
    if result != np.float16 and (foreign or function is f.astype or function not in sheet):
        return None
    dtype = get_default_dtype()
    return [
        record(f.astype, (operand,), {"dtype": dtype}) if isinstance(operand, Variable) else operand
        for operand in operands
    ]


recording.promoted = promoted
recording.as_floats = _as_floats
