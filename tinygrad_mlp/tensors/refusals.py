"""Refuses arguments of the wrong kind, or warns of them: words values, and says what to write instead."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from types import FrameType
from typing import Any

import numpy as np

from ..core.lines import outside
from ..core.record import Variable

__all__ = [
    "PYTORCH_NAMES", "TAKEN", "explain_none", "instead_of", "is_module", "no_numbers", "number", "refuse_names",
    "renamed", "several", "shown", "validate_number", "warn", "with_article",
]  # fmt: skip


def shown(value: Any) -> str:
    """`value` in a few words: data by their shape, functions and classes by their names, else the value if short."""
    if isinstance(value, Variable | np.ndarray):
        array: Any = value
        return f"{with_article(type(value))} of shape {array.shape}"
    if isinstance(value, type) or inspect.isroutine(value):
        return f"the {'class' if isinstance(value, type) else 'function'} {value.__name__}"
    text = repr(value)
    return with_article(type(value)) if len(text) > 60 or "\n" in text or " at 0x" in text or is_module(value) else text


def with_article(kind: type) -> str:
    """The name of a class after "a" or "an"."""
    vowel = kind.__name__[0] in "AEIOUaeiou" or kind is np.ndarray
    return f"{'an' if vowel else 'a'} {kind.__name__}"


def is_module(value: Any) -> bool:
    """Whether `value` is a Module. Modules stand above this storey, so it is told by their methods."""
    return not isinstance(value, type) and hasattr(value, "parameters") and hasattr(value, "forward")


# Says which module may have computed a None. `nn.call_site`, which knows of modules, puts another function here.
explain_none: Callable[[], str] = str


def no_numbers(value: Any) -> str:
    """Why no Tensor can be made of `value`, and what to write instead."""
    is_array = isinstance(value, np.ndarray | np.generic)
    kind = value.dtype if is_array else type(value).__name__
    if is_array and value.dtype.kind == "O" and value.size:
        value = value.flat[0]  # numpy.asarray has made an array of anything
    if value is None:
        origin = explain_none() or "does the function that computed it end with return?"
        return f"None stands where a Tensor is wanted: {origin}"
    if is_module(value):
        return f"{shown(value)} stands where a Tensor is wanted: call it, as in net(x), and pass on what it returns"
    if isinstance(value, int) and abs(value) >= 2**63:
        return f"the integer {value} is too large for a Tensor of integers: write it as a float, as in float({value})"
    return f"a Tensor holds real numbers, integers or booleans, not {kind}: convert the data first"


def several(given: Any, name: str) -> tuple[Any, ...]:
    """One Tensor or several, as a tuple. `name` is what the message calls them.

    Raises:
        TypeError: one of them is not a Tensor.
    """
    if isinstance(given, Variable):
        return (given,)
    whole = is_module(given) or isinstance(given, str | Mapping | np.ndarray) or not isinstance(given, Iterable)
    entries = (given,) if whole else tuple(given)
    for entry in entries:
        if not isinstance(entry, Variable):
            raise TypeError(f"{name} are Tensors, or one Tensor, not {shown(entry)}{instead_of(entry)}")
    return entries


def instead_of(value: Any) -> str:
    """What to write instead of `value`, where Tensors are wanted."""
    if is_module(value) or getattr(value, "__name__", "") in ("parameters", "named_parameters"):
        return ": write net.parameters()"
    if isinstance(value, Mapping | str) or (isinstance(value, tuple) and value and isinstance(value[0], str)):
        return ": write net.parameters(), which has no names"
    if value is None:
        return ": does the function return its result?"
    return ": write tensor(...)" if isinstance(value, np.ndarray | np.generic) else ""


def number(value: Any, expected: str, valid: Callable[[Any], bool] = lambda _: True, *, trained: bool = False) -> None:
    """Raise ValueError unless `value` is a number for which ``valid(value)`` is true. The error begins with `expected`.

    With `trained`, the option may also be a Tensor, because it may be a parameter that is trained.
    """
    if trained and isinstance(value, Variable):
        return
    if not isinstance(value, Real) or not valid(value):
        raise ValueError(f"{expected}, not {shown(value)}")


def validate_number(name: str, value: float) -> None:
    """Raise ValueError unless `value`, an option that the message calls `name`, is a number or a Tensor."""
    number(value, f"{name} is a number", trained=True)


# NumPy's names of options, and PyTorch's.
_NUMPY_NAMES = {
    "axis": ("dim", "dims"), "axes": ("dims",), "axis1": ("dim0", "dim1"), "axis2": ("dim2", "dim1"),
    "keepdims": ("keepdim",), "ddof": ("correction",), "shift": ("shifts",), "repeats": ("sizes",), "dims": ("dim",),
    "dim": ("dims",),
}  # fmt: skip
# Those of NumPy's names that PyTorch takes, and what it calls them. Its functions that are written in Python, such as
# `Tensor.norm` and `nn.functional.softmax`, take none.
TAKEN = {"axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input", "x1": "input", "x2": "other"}
# The options of methods that NumPy has under other names.
PYTORCH_NAMES = frozenset(name for names in _NUMPY_NAMES.values() for name in names)


def renamed(
    name: str, known: Iterable[str], options: Mapping[str, Any], taken: Mapping[str, str] = TAKEN
) -> dict[str, Any]:
    """The `options` of a call, with PyTorch's names in place of NumPy's. The function `name` has the options `known`.

    Raises:
        TypeError: an option is given under both names, or under a name of NumPy's that PyTorch does not take.
    """
    result: dict[str, Any] = {}
    for option, value in options.items():
        other = taken.get(option, option)
        own = other if option not in known and other in known else option
        if own in result or (own != option and own in options):
            raise TypeError(f"{name}() takes {own}= once, and {option}= is another name of it: leave one of them out")
        result[own] = value
    refuse_names(name, known, result)
    return result


def refuse_names(name: str, known: Iterable[str], options: Mapping[str, Any]) -> None:
    """Raise TypeError if an option has NumPy's name, such as ``axis``, and PyTorch's, such as ``dim``, is `known`."""
    for option, value in options.items():
        if option not in known:
            for other in _NUMPY_NAMES.get(option, ()):
                if other in known:
                    raise TypeError(f"{name}() takes {other}=, not {option}=: write {name}(..., {other}={value!r})")


def _is_ours(frame: FrameType) -> bool:
    """Whether the code of `frame` is that of a module of this package."""
    return str(frame.f_globals.get("__name__")).partition(".")[0] == __name__.partition(".")[0]


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn of something in the line that called into this package."""
    frame = outside(sys._getframe())
    while frame.f_code.co_filename == "<string>" and _is_ours(frame) and frame.f_back:
        frame = outside(frame.f_back)  # the constructor of a dataclass, such as a loss, is written into no file
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    warnings.warn_explicit(message, category, frame.f_code.co_filename, frame.f_lineno, registry=registry)
