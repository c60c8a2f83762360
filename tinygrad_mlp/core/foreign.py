"""The lowest part of the door for a user's arrays (`tensors/arguments.py`): which arrays Tensors are computed with."""

from typing import Any

import numpy as np

HELD = frozenset(map(np.dtype, "?bhilqBHILQfd"))  # bool, the integers, float32 and float64


class DtypeError(RuntimeError, TypeError):
    """Dtypes do not fit. This is a RuntimeError, as in PyTorch, and a TypeError."""


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
    """`value` as an array of a dtype in HELD. Raises TypeError if no Tensor can hold it."""
    refuse_subclasses(value)
    array = np.asarray(value)
    native = array.dtype.newbyteorder("=")
    if native not in HELD:
        advice = "write .real and .imag" if native.kind == "c" else "convert it, as .astype(numpy.float32) does"
        raise TypeError(f"float32, float64, integers and booleans are taken, not {native}: {advice}")
    return array.astype(native, copy=False)
