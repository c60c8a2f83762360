"""Calls NumPy functions on Tensors: records them, calls what they are written in terms of, or refuses them by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..core import record as recording
from ..core.lines import function_name
from ..core.record import Variable, record
from ..core.sheet import Row, sheet
from . import named
from .arguments import array_of, raw
from .derived import derived
from .observer import observer
from .operators import matrix_product
from .promotion import promoted

__all__ = ["applied", "row_of"]

Array = NDArray[Any]


def row_of(function: Callable[..., Any]) -> Any:
    """The rules of a function: from the sheet, or those it carries itself. None for a function composed of others."""
    return sheet.get(function, getattr(function, "row", None))


def applied(function: Callable[..., Any], args: Sequence[Any], options: dict[str, Any]) -> Any:
    """The result of a NumPy function, or of one that `add_row` added, for operands of which some are Tensors.

    Raises:
        TypeError: the function has no derivative here, or an option has no meaning for its rules.
    """
    if function is np.matmul and not options:
        return matrix_product(*args)
    if function is np.where and (len(args) == 1 or any(arg is None for arg in args)):
        raise TypeError("numpy.where of a Tensor takes both choices, too: for indices, write numpy.nonzero(x.numpy())")
    if function in derived:
        return derived[function](*args, **options)
    row: Row | None = row_of(function)
    if row is None:
        named.load()
        row = row_of(function)
    if row == ():
        if not any(isinstance(x, np.ndarray) for x in args):
            args = promoted(function, args) or args
        # It has no rules, because no gradient passes through it. The observer calls it; where a step is recorded for
        # replays, it also notes that each replay has to call it again.
        return recording.tensor_class._of(observer().repeat(_without_gradient, function, list(args), options))
    # A row has a rule for each operand. Further positional arguments are options, and get the names of NumPy's.
    if isinstance(row, tuple) and len(args) > len(row):
        names = list(_parameters(function))[len(row) :]
        if len(args) > (most := len(row) + len(names)):
            raise TypeError(f"{function_name(function)} takes {most} positional arguments, but {len(args)} were given")
        options = {**dict(zip(names, args[len(row) :], strict=False)), **options}
        args = args[: len(row)]
    if options and row is not None:
        options = _validated(function, row, options)
    return record(function, args, options)


def _without_gradient(function: Callable[..., Any], args: list[Any], options: dict[str, Any]) -> Array:
    """The result of a function whose row has no rules, such as a comparison, computed on arrays."""
    arrays = raw(args)
    result = np.asarray(function(*arrays, **options))
    if result.dtype == np.float16:  # as a user's function of int8 may give. Of int16, NumPy's give float32
        arrays = [x.astype(np.int16) if isinstance(x, np.ndarray) and x.itemsize == 1 else x for x in arrays]
        result = function(*arrays, **options)
    return array_of(result)


def _validated(function: Callable[..., Any], row: Row, options: dict[str, Any]) -> dict[str, Any]:
    """Those of `options` that all rules of `function` take. Raises TypeError for another one, unless it is None."""
    inputs = len(row) if isinstance(row, tuple) else 0
    taken = [_options(rule, inputs) for rule in (row if isinstance(row, tuple) else (row.rule,)) if rule is not None]
    known = [name for name in options if all(names is None or name in names for names in taken)]
    for name, value in options.items():
        if name not in known and value is not None:
            raise TypeError(_refusal(function, inputs, name, value, taken[0] or []))
    return {name: options[name] for name in known}


def _options(rule: Callable[..., Any], inputs: int) -> list[str] | None:
    """The parameters of `rule` after g, y and the inputs; None if it takes an option of any name."""
    parameters = _parameters(rule)
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return None
    return [name for name in list(parameters)[2 + inputs :] if name != "position"]  # `Each` passes that


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The parameters of a function or rule. They are kept, because Python takes 20 µs to find them."""
    kept: Any = _of_numpy if isinstance(function, _NUMPY) else _of_others  # a user's function may be deleted
    try:
        return kept[function]  # type: ignore[no-any-return]
    except KeyError:
        kept[function] = parameters = inspect.signature(function).parameters
        return parameters


_NUMPY = (np.ufunc, type(np.sum))  # functions that live as long as NumPy does
_of_numpy: dict[Callable[..., Any], Mapping[str, inspect.Parameter]] = {}
_of_others: WeakKeyDictionary[Callable[..., Any], Mapping[str, inspect.Parameter]] = WeakKeyDictionary()


def _refusal(function: Callable[..., Any], inputs: int, option: str, value: Any, taken: list[str]) -> str:
    """The error's words: why `function` is not differentiated with this `option`, and what to write instead."""
    name = function_name(function)
    if not hasattr(function, "row"):  # a function of NumPy's
        others = f", only {' and '.join(f'{other}=' for other in taken)}" if taken else ""
        return f"{name} of a Tensor does not take {option}={others}"
    if isinstance(value, Variable | np.ndarray):
        return (
            f"{name} has rules for {inputs} of its inputs, but {option} is an input as well: write a rule for each "
            "input, or None for one without a derivative"
        )
    return (
        f"the rules of {name} do not take its option {option}=: write it among the parameters of each, "
        f"as in lambda g, y, x, {option}: ..."
    )
