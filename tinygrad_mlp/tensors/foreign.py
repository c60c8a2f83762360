"""The door for a user's arrays: it refuses by name what no Tensor can hold, wherever it comes in.

Two kinds are refused: arrays of other dtypes than bool, integers, float32 and float64; and subclasses of
`numpy.ndarray`, such as masked arrays and matrices, because NumPy's functions would silently drop the mask or the
meaning of ``*``. `numpy.memmap` is an array like others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import record
from ..core.record import HELD
from .refusals import no_numbers

__all__ = ["held", "refuse_subclasses"]


def refuse_subclasses(value: Any) -> None:
    """Raise TypeError if `value`, or an entry of a list, is an array of a class that NumPy's functions would drop."""
    if isinstance(value, list | tuple):
        for entry in value:
            refuse_subclasses(entry)
    elif isinstance(value, np.ma.MaskedArray):
        raise TypeError("a masked array would lose its mask: write .filled(0), or drop entries, as .compressed() does")
    elif isinstance(value, np.ndarray) and not (type(value) is np.ndarray or isinstance(value, np.memmap)):
        raise TypeError(f"a {type(value).__name__} would lose what its class adds to arrays: write numpy.asarray(x)")


def held(value: Any) -> Any:
    """`value` as an array of a dtype in `record.HELD`. Raises TypeError if no Tensor can hold it."""
    refuse_subclasses(value)
    array = np.asarray(value)
    native = array.dtype.newbyteorder("=")
    if native in HELD:
        return array.astype(native, copy=False)
    if native.kind in "fc":
        advice = "write .real and .imag" if native.kind == "c" else "convert it, as .astype(numpy.float32) does"
        raise TypeError(f"float32, float64, integers and booleans are taken, not {native}: {advice}")
    raise TypeError(no_numbers(array if isinstance(value, list | tuple) else value))


record.held = held
