"""`assert_close`: a result is what it should be, up to rounding, as `torch.testing.assert_close` has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..tensors.tensor import Tensor

__all__ = ["assert_close"]

# By dtype: how much entries may differ, relative to the expected one, and beside that. Others have to be equal.
_TOLERANCES = {np.dtype(np.float32): (1.3e-6, 1e-5), np.dtype(np.float64): (1e-7, 1e-7)}


def assert_close(
    actual: Any,
    expected: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_dtype: bool = True,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Raise AssertionError unless entries differ from `expected` by at most ``atol + rtol * abs(expected)``.

    Both are Tensors, arrays, numbers or None, or both are lists, tuples or dicts of these.

    Args:
        rtol: by default 1.3e-6 for float32, 1e-7 for float64, and 0 for integers and booleans.
        atol: by default 1e-5 for float32, 1e-7 for float64, and 0 for integers and booleans.
        equal_nan: whether NaN is close to NaN.
        check_dtype: whether the dtypes have to be equal, too.
        msg: a message to show instead of the default one, or a function that makes a message of the default one.

    Raises:
        AssertionError: a shape, a dtype or an entry differs.
        ValueError: one of `rtol` and `atol` is given without the other.

    >>> import tinygrad_mlp as tg
    >>> tg.testing.assert_close(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 2.5]))
    Traceback (most recent call last):
    AssertionError: 1 of 2 entries are not close. The greatest difference is 0.5 at [1]: 2.0, where 2.5 is expected
    """
    if (rtol is None) != (atol is None):
        raise ValueError("assert_close() takes both rtol= and atol=, or neither")
    tolerances = None if rtol is None or atol is None else (rtol, atol)
    problem = _problem(actual, expected, tolerances, equal_nan, check_dtype)
    if problem:
        raise AssertionError(msg(problem) if callable(msg) else msg or problem)


def _problem(
    actual: Any, expected: Any, tolerances: tuple[float, float] | None, equal_nan: bool, check_dtype: bool
) -> str:
    """What differs, in words; empty if nothing does."""
    if actual is None or expected is None:
        return "" if actual is expected else f"it is {actual}, where {expected} is expected"
    options = (tolerances, equal_nan, check_dtype)
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        if actual.keys() != expected.keys():
            return f"the keys are {list(actual)}, where {list(expected)} are expected"
        pairs = [(key, actual[key], expected[key]) for key in expected]
    elif isinstance(actual, list | tuple) and isinstance(expected, list | tuple):
        if len(actual) != len(expected):
            return f"there are {len(actual)} entries, where {len(expected)} are expected"
        pairs = [(i, *pair) for i, pair in enumerate(zip(actual, expected, strict=True))]
    else:
        return _difference(actual, expected, *options)
    problems = ((key, _problem(one, other, *options)) for key, one, other in pairs)
    return next((f"[{key!r}]: {problem}" for key, problem in problems if problem), "")


def _difference(
    actual: Any, expected: Any, tolerances: tuple[float, float] | None, equal_nan: bool, check_dtype: bool
) -> str:
    """As `_problem`, of two arrays, Tensors or numbers."""
    a, e = (np.asarray(x.detach() if isinstance(x, Tensor) else x) for x in (actual, expected))
    for x in (a, e):
        if x.dtype.kind not in "fiub":
            raise TypeError(f"assert_close() takes Tensors, arrays and numbers, not {x.dtype}")
    if a.shape != e.shape:
        return f"the shape is {a.shape}, where {e.shape} is expected"
    if check_dtype and a.dtype != e.dtype:
        return f"the dtype is {a.dtype}, where {e.dtype} is expected: pass check_dtype=False, or convert one"
    rtol, atol = tolerances or max(_TOLERANCES.get(x.dtype, (0, 0)) for x in (a, e))
    with np.errstate(invalid="ignore"):  # ∞ − ∞
        difference = np.abs(a.astype(np.float64) - e)
        allowed = atol + rtol * np.abs(e.astype(np.float64))
    close = (a == e) | (np.isfinite(difference) & (difference <= allowed) & (allowed > 0))
    if equal_nan:
        close |= np.isnan(a) & np.isnan(e)
    if close.all():
        return ""
    # NaN and infinite differences count as the greatest.
    size = np.where(close, -1, np.where(np.isnan(difference), np.inf, difference))
    entry = tuple(map(int, np.unravel_index(np.argmax(size), size.shape)))
    at = f" at {list(entry)}" if entry else ""
    return (
        f"{(~close).sum()} of {close.size} entries are not close. The greatest difference is "
        f"{difference[entry]:.6g}{at}: {a[entry]}, where {e[entry]} is expected"
    )
