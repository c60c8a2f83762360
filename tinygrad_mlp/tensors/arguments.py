"""Turns the arguments that users give into what NumPy takes: data, dtypes, lengths and dimensions.

`validated` is the door of functions: it refuses integers, flags and dims that are none, as their annotations say.
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any, ParamSpec, SupportsIndex, TypeVar, overload

import numpy as np
from numpy.exceptions import AxisError
from numpy.typing import DTypeLike, NDArray

from ..core.mode import is_grad_enabled
from ..core.record import HELD, Variable
from .foreign import held, refuse_subclasses
from .observer import observer
from .refusals import PYTORCH_NAMES, TAKEN, no_numbers, renamed, shown, warn

__all__ = [
    "Dim", "Size", "array_of", "axis_of", "common_shape", "dim_of", "dtype_to", "floating_dtype", "get_default_dtype",
    "int_lengths", "integer", "lengths", "native_dtypes", "numeric", "positive_integer", "raw", "real",
    "refusing_names", "set_default_dtype", "validate_array", "validate_functions", "validated", "validated_dtype",
]  # fmt: skip

Array = NDArray[Any]
Dim = int | Sequence[int] | None
P = ParamSpec("P")
R = TypeVar("R")

_default_dtype: np.dtype[Any] = np.dtype(np.float32)

# Equal dtypes may be several objects, as after unpickling. This is the one for ``x.dtype is torch.float32``.
native_dtypes = {dtype: np.dtype(dtype.name) for dtype in HELD}


class Size(tuple[int, ...]):
    """A shape: a tuple that also has PyTorch's method `numel`.

    >>> import tinygrad_mlp as tg
    >>> tg.zeros(2, 3, 4).shape[1:].numel()
    12
    """

    __slots__ = ()

    def numel(self) -> int:
        """The number of entries of a Tensor of this shape."""
        return math.prod(self)

    @overload
    def __getitem__(self, index: SupportsIndex) -> int: ...

    @overload
    def __getitem__(self, index: slice) -> Size: ...

    def __getitem__(self, index: Any) -> Any:
        part = tuple.__getitem__(self, index)
        return Size(part) if isinstance(index, slice) else part


def set_default_dtype(dtype: DTypeLike) -> None:
    """Set the dtype that Python floats become: float32 at the start, as in PyTorch.

    Raises:
        TypeError: `dtype` is neither float32 nor float64.
    """
    global _default_dtype
    if dtype is None:  # which stands for the default dtype elsewhere
        raise TypeError("the default dtype is float32 or float64, not None: write numpy.float32")
    _default_dtype = floating_dtype(dtype)


def get_default_dtype() -> np.dtype[Any]:
    """The dtype that Python floats become."""
    return _default_dtype


def numeric(data: Any, dtype: DTypeLike | None) -> Array:
    """A new array of `data`, for a Tensor to hold.

    Raises:
        TypeError: `data` is not numeric, is a list of rows of different lengths, or is an array of a subclass; or no
            Tensor can hold `dtype` or, if that is None, the dtype of the data.
        ValueError: `dtype` cannot hold one of the integers.
    """
    if isinstance(data, Variable | np.ndarray):
        observer().refuse("making a Tensor of an array: write clone(), or make it outside the step")
    if isinstance(data, Variable):
        data = data._data
    floating: set[np.dtype[Any]] = set()
    if isinstance(data, list | tuple):
        data = _with_arrays(data, floating)
    else:
        refuse_subclasses(data)
    try:
        given = np.asarray(data)
        if dtype is None or given.dtype.kind not in "fiub":  # `dtype` may convert float16, but no text
            given = held(given)
        array = np.array(data, dtype=given.dtype if dtype is None else validated_dtype(dtype))
    except ValueError as error:
        raise TypeError(f"a Tensor needs a rectangular arrangement of numbers: {error}") from None
    except OverflowError as error:
        raise ValueError(f"{error}: write another dtype") from None
    if dtype is None and array.dtype.kind == "f" and not isinstance(data, np.ndarray | np.generic):
        array = array.astype(np.result_type(*floating) if floating else _default_dtype, copy=False)
    return array


def _with_arrays(data: Any, floating: set[np.dtype[Any]]) -> Any:
    """Nested lists with arrays in place of the Tensors in them. The floating dtypes of all entries go to `floating`."""
    if isinstance(data, list | tuple):
        return [_with_arrays(entry, floating) for entry in data]
    if data is None or isinstance(data, str):
        raise TypeError(no_numbers(data))
    if isinstance(data, Variable):
        if data._node is not None and is_grad_enabled():
            warn(
                "a Tensor of a list copies the numbers of the Tensors in it, and no gradient passes through: "
                "write stack([...]), or .detach() or .item() for each"
            )
        data = data._data
    if isinstance(data, np.ndarray | np.generic):
        refuse_subclasses(data)
        observer().refuse("making a Tensor of arrays or Tensors: write stack([...])")
        if data.dtype.kind == "f":
            floating.add(data.dtype)
    elif isinstance(data, float):
        floating.add(_default_dtype)
    return data


def validated_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """`dtype` as a dtype of NumPy's, in the machine's byte order.

    Raises:
        TypeError: it is no dtype, or one that no Tensor can hold.
    """
    given: np.dtype[Any] = np.dtype(dtype)
    wanted = native_dtypes.get(given if given.isnative else given.newbyteorder("="))
    if wanted is None:
        raise TypeError(f"a dtype here is float32, float64, bool or one of integers, not {given}: write numpy.float32")
    return wanted


def floating_dtype(dtype: DTypeLike | None) -> np.dtype[Any]:
    """The dtype of what is drawn or trained, for an argument ``dtype=``. None stands for the default dtype.

    Raises:
        TypeError: it is neither float32 nor float64.
    """
    wanted = _default_dtype if dtype is None else native_dtypes.get(np.dtype(dtype).newbyteorder("="))
    if wanted is None or wanted.kind != "f":
        raise TypeError(f"the dtype is float32 or float64, not {np.dtype(dtype)}: write dtype=numpy.float32")
    return wanted


def dtype_to(dtype: Any) -> np.dtype[Any]:
    """The NumPy dtype for the argument of ``to(dtype)``.

    Raises:
        TypeError: `dtype` is no dtype, or one that no Tensor can hold.
    """
    try:
        if dtype is None or isinstance(dtype, Variable):  # numpy.dtype(None) is float64, and it takes what has a dtype
            raise TypeError
        dtype = np.dtype(dtype)
    except TypeError:
        raise TypeError(
            f'to() takes a device, a dtype or a Tensor, not {shown(dtype)}: write to("cpu"), to(torch.float64), or both'
        ) from None
    return validated_dtype(dtype)


def array_of(value: Any) -> Array:
    """The array of a Tensor; of anything else, what `numpy.asarray` makes of it.

    Raises:
        TypeError: no Tensor can hold it.
    """
    array: Array = value._data if isinstance(value, Variable) else held(value)
    return array


def validate_array(array: Array) -> None:
    """Raise TypeError if no Tensor can hold the `array`, of which nothing is read: it may lie on a disk."""
    refuse_subclasses(array)
    held(np.empty(0, array.dtype))


def raw(value: Any) -> Any:
    """`value` with arrays in place of Tensors, also of those in lists.

    Raises:
        TypeError: an array is one that no Tensor can hold.
    """
    if isinstance(value, Variable):
        return value._data
    if isinstance(value, list):
        return [raw(entry) for entry in value]
    if isinstance(value, np.generic):  # which stays one, because an array without dimensions indexes otherwise
        held(value)
    return held(value) if isinstance(value, np.ndarray) else value


def axis_of(dim: Dim, ndim: int) -> int | tuple[int, ...] | None:
    """`dim` of a Tensor of `ndim` dimensions as an `axis` of NumPy's.

    A list becomes a tuple, and an empty list means all dimensions, as in PyTorch. For a Tensor without dimensions,
    PyTorch takes 0 and −1, and NumPy takes none: here both become ().
    """
    axis = tuple(dim) or None if isinstance(dim, list | tuple) else dim
    if not ndim and axis is not None and all(one in (0, -1) for one in (axis if isinstance(axis, tuple) else (axis,))):
        return ()
    return axis  # type: ignore[return-value]


def common_shape(name: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape to which Tensors of these `shapes`, operands of the function `name`, are broadcast.

    Raises:
        ValueError: they do not fit.
    """
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        given = " and ".join(str(tuple(shape)) for shape in shapes)
        raise ValueError(
            f"{name}() takes shapes that fit each other, not {given}: along each dimension, counted from the last, "
            "lengths are equal, or 1"
        ) from None


def dim_of(dim: Any, tensor: Any) -> int:
    """The dimension `dim` of a Tensor, counted from 0.

    Raises:
        TypeError: `dim` is no integer.
        AxisError: the Tensor has no such dimension. This is an IndexError, as in PyTorch, and a ValueError.
    """
    number, ndim = integer(dim), tensor.ndim
    if number is None:
        raise TypeError(f"a dim is an integer, not {shown(dim)}: it comes before an index, as in gather(1, index)")
    if not -ndim <= number < ndim:
        own = f"its dims are {-ndim} to {ndim - 1}" if ndim else "it has no dims"
        raise AxisError(f"there is no dim {number} in shape {tuple(tensor.shape)}: {own}")
    return int(number % ndim)


def real(value: Any) -> float:
    """A loss or a metric, a number or a Tensor of one entry, as a float: nothing is differentiated through it."""
    return float(value.item() if hasattr(value, "item") else value)


def integer(value: Any) -> int | None:
    """`value` as an int, if it is an integer of Python's or of NumPy's; None for all else, also for True and False."""
    try:
        return None if isinstance(value, bool | np.bool) else operator.index(value)  # NumPy 2.2 takes its True for 1
    except TypeError:
        return None


def positive_integer(value: Any, expected: str) -> int:
    """`value`, an integer of Python's or of NumPy's, as an int.

    Raises:
        ValueError: `value` is below 1 or no integer, or is True or False. The error begins with `expected`.
    """
    number = integer(value)
    if number is None or number < 1:
        raise ValueError(f"{expected}, not {shown(value)}")
    return number


def lengths(given: tuple[Any, ...], named: Sequence[int] | None = None) -> tuple[int, ...]:
    """A tuple of lengths or dimensions, which users give one by one, as one sequence, or by a keyword argument.

    `given` holds the positional arguments, and `named` the value of the keyword argument.
    """
    if named is not None:
        given += (named,)
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], Sequence) else given


def int_lengths(given: tuple[Any, ...], named: Sequence[int] | None = None) -> tuple[int, ...]:
    """`lengths`, each as an int.

    Raises:
        TypeError: one of them is no integer, or is True or False.
    """
    sizes = lengths(given, named)
    numbers = [number for size in sizes if (number := integer(size)) is not None]
    if len(numbers) < len(sizes):
        raise TypeError(f"lengths, dims and shifts are integers, not {shown(sizes if len(sizes) > 1 else sizes[0])}")
    return tuple(numbers)


# --- the door of functions --------------------------------------------------------------------------------------------

# The words of annotations that are validated, with the types that need no further look and what a message calls them.
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "int": ((int,), "an integer"), "Sequence[int]": ((), "a list of integers"), "bool": ((bool,), "True or False"),
    "None": ((type(None),), "None"), "Sequence[Tensor]": ((list, tuple), "the Tensors in a list"),
}  # fmt: skip


class _Kind:
    """The types that one parameter takes. `words` are those of its annotation, such as ``int | None``."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self.types = {kind for word in words for kind in _KINDS[word][0]}

    def validate(self, function: str, parameter: str, value: Any) -> None:
        """Raise TypeError unless `value` is of this kind. NumPy's integers are, and its booleans are not."""
        words = self._words
        if type(value) in self.types or ("int" in words and integer(value) is not None):
            return
        is_list = isinstance(value, Sequence) and not isinstance(value, Variable)
        if is_list and ("Sequence[Tensor]" in words or _are_integers(value, words)):
            return
        taken = " or ".join(_KINDS[word][1] for word in words)
        advice = ""
        if "Sequence[Tensor]" in words:
            advice = f": write {function}([x, y])"
        elif parameter == "dim" and isinstance(value, Variable | np.ndarray):
            advice = ": it comes before an index, as in gather(1, index)"
        raise TypeError(f"{function}() takes {taken} as {parameter}=, not {shown(value)}{advice}")


def _are_integers(values: Sequence[Any], words: Sequence[str]) -> bool:
    """Whether `values` is a list of integers, and the `words` of an annotation allow one."""
    return "Sequence[int]" in words and all(integer(value) is not None for value in values)


@functools.cache
def _kind(annotation: str) -> _Kind | None:
    words = annotation.replace("Dim", "int | Sequence[int] | None").split(" | ")
    return _Kind(words) if _KINDS.keys() >= set(words) else None


def validated(function: Callable[P, R], taken: Mapping[str, str] = TAKEN) -> Callable[P, R]:
    """`function`, with its arguments validated before each call: integers, flags and dims by their annotations.

    An option may have NumPy's name if that is among the `taken`. Other names of NumPy's are refused with advice.
    """
    if hasattr(function, "validates"):  # `on_cpu` or another decorator has wrapped it already
        return function
    # The annotations are looked up once, here: the kind of each positional parameter, and of each one by its name.
    own: Any = inspect.unwrap(function)
    code, name = own.__code__, function.__name__
    known = frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    found = {option: _kind(own.__annotations__.get(option, "")) for option in code.co_varnames[: code.co_argcount]}
    by_place = [(place, option, kind) for place, (option, kind) in enumerate(found.items()) if kind]
    by_name = {option: kind for option in known if (kind := _kind(own.__annotations__.get(option, "")))}
    if not by_name and not known & PYTORCH_NAMES:  # there is nothing to validate or to rename
        return function

    @functools.wraps(function)
    def validating(*args: P.args, **options: P.kwargs) -> R:
        # Nearly every call has arguments of the usual types, so a look at the type comes before all else.
        given: dict[str, Any] = options
        if given:
            if not known.issuperset(given):
                given = renamed(name, known, given, taken)
            for option, value in given.items():
                named = by_name.get(option)
                if named is not None and type(value) not in named.types:
                    named.validate(name, option, value)
        count = len(args)
        for place, option, kind in by_place:
            if place >= count:
                break
            if type(args[place]) not in kind.types:
                kind.validate(name, option, args[place])
        return function(*args, **given)

    validating.validates = True  # type: ignore[attr-defined]
    return validating


def validate_functions(namespace: dict[str, Any]) -> None:
    """Let the public functions of a module with this `namespace`, its ``globals()``, be `validated`.

    They can be pickled by their names in that module.
    """
    for name in namespace["__all__"]:
        written = namespace[name]
        if isinstance(written, FunctionType) and (function := validated(written)) is not written:
            function.__module__, function.__qualname__ = namespace["__name__"], name
            namespace[name] = function


def refusing_names(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, `validated`. If an option has NumPy's name, the error says PyTorch's name."""
    return validated(function, {})
