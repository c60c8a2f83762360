"""Tensor: an array, its gradient and its place in the graph, under PyTorch's names and NumPy's protocols.

Every method is a line: it records one function of the sheet, or is a line of other methods. NumPy's functions work on
Tensors from either side (NEP 13 and NEP 18); what they cannot differentiate they refuse by name.
"""

from __future__ import annotations

import copy
import functools
import inspect
import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.lib.array_utils import normalize_axis_index
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.special import erf, expit

from . import functions as f
from .autograd import memory
from .autograd.graph import (
    DtypeError,
    GraphError,
    Leaf,
    Lent,
    Node,
    Variable,
    accumulate,
    array_of,
    function_name,
    gradient_of,
    is_grad_enabled,
    observer,
    observers,
    record,
    state,
    walk,
    warn,
)
from .blas import Product, address
from .derivatives import Row, sheet

__all__ = ["Tensor", "get_default_dtype", "set_default_dtype", "tensor"]

Array = NDArray[Any]
Dim = int | Sequence[int] | None

_default_dtype: np.dtype[Any] = np.dtype(np.float32)


def set_default_dtype(dtype: DTypeLike) -> None:
    """Set the dtype that Python floats become: float32 at the start, as in PyTorch.

    Raises:
        TypeError: `dtype` is neither float32 nor float64.
    """
    global _default_dtype
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise TypeError(f"the default dtype is float32 or float64, not {np.dtype(dtype)}")
    _default_dtype = np.dtype(dtype)


def get_default_dtype() -> np.dtype[Any]:
    """The dtype that Python floats become."""
    return _default_dtype


class Extremum(NamedTuple):
    """What ``max(dim)`` and ``min(dim)`` return: the values, and where the first of each stands."""

    values: Tensor
    indices: Tensor


class RemovableHandle:
    """Takes a hook away again."""

    _keys = itertools.count()

    def __init__(self, hooks: dict[int, Any], hook: Any) -> None:
        self._hooks = hooks
        self._key = next(self._keys)
        hooks[self._key] = hook

    def remove(self) -> None:
        """Take the hook away; a second time does nothing."""
        self._hooks.pop(self._key, None)


class Tensor(Variable):
    """A multi-dimensional array that remembers how it was computed.

    Args:
        data: numbers, an array, a Tensor, or nested lists of these; copied. Python floats become the default dtype
            (float32); arrays and Tensors keep theirs, and a list that mixes floating dtypes takes the widest.
        dtype: the dtype to convert to.
        requires_grad: collect a gradient for this Tensor; floating dtypes only.

    Raises:
        TypeError: `data` is not numeric.
        RuntimeError: `requires_grad` is asked of a dtype without a derivative.

    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ()

    def __init__(
        self, data: ArrayLike | Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False
    ) -> None:
        self._data = observer().constant(_numeric(data, dtype))
        self._node = None
        if requires_grad:
            self.requires_grad_()

    # --- the array ----------------------------------------------------------------------------------------------------

    @property
    def data(self) -> Array:
        """The array itself. Writing to it is noticed by a backward pass that needs what it held before."""
        return memory.hand_out(np.asarray(self._read()))

    @data.setter
    def data(self, value: ArrayLike | Tensor) -> None:
        array = array_of(value)
        if array.shape != self.shape:
            raise ValueError(f"data of shape {array.shape} cannot replace data of shape {self.shape}")
        own = self._data
        if array.dtype != own.dtype or array.strides != own.strides or address(array) != address(own):
            # A copy, so that no array of the user's changes under a later graph. What is not another array has been
            # written to, as by ``x.data -= …``, and stays.
            self._data = np.array(array, dtype=self.dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each dimension."""
        return self._data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of the entries."""
        return self._data.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the length of dimension `dim`."""
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim

    def numel(self) -> int:
        """The number of entries."""
        return self._data.size

    def numpy(self, *, force: bool = False) -> Array:
        """The entries as an array that shares this Tensor's memory; with `force`, detached first.

        Raises:
            RuntimeError: the Tensor needs a gradient and `force` is not given.
        """
        if self._node is not None and not force:
            raise RuntimeError("numpy() of a Tensor that requires a gradient would lose it: write .detach().numpy()")
        return memory.hand_out(np.asarray(self._read()))

    def _read(self) -> Array:
        """The array, for code outside the graph: what becomes of its numbers there, no replay can tell."""
        observer().refuse("reading numbers out of a Tensor: return the Tensor, and read it outside the step")
        return self._data

    def item(self) -> Any:
        """The only entry, as a Python number.

        Raises:
            ValueError: there are more entries than one.
        """
        if self._data.size != 1:
            raise ValueError(f"a Tensor of shape {self.shape} is not one number: use .sum(), .mean() or tolist()")
        return self._read().item()

    def tolist(self) -> Any:
        """The entries as nested lists of Python numbers."""
        return self._read().tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[Tensor]:
        if not self.ndim:
            raise TypeError("a Tensor without dimensions cannot be iterated over: use item()")
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return value is not None and bool((self == value).any())

    def __bool__(self) -> bool:
        if self._data.size != 1:
            raise RuntimeError(f"the truth of a Tensor of shape {self.shape} is ambiguous: use .any() or .all()")
        return bool(self._read().item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self._data.dtype.kind not in "iub":
            raise TypeError(f"only an integer Tensor can be an index, not one of {self.dtype}")
        return int(self.item())

    __hash__ = object.__hash__  # comparisons are by entries

    def __format__(self, spec: str) -> str:
        return super().__format__(spec) if self._data.ndim else format(self.item(), spec)

    def __repr__(self) -> str:
        entries = np.array2string(
            self._read(), precision=4, floatmode="maxprec_equal", separator=", ", prefix="tensor(", threshold=1000
        )
        notes = [entries]
        if self.dtype not in (_default_dtype, np.int64, np.bool_):
            notes.append(f"dtype={self.dtype}")
        if type(self._node) is Node:
            notes.append(f"grad_fn=<{function_name(self._node.function)}>")
        elif self._node is not None:
            notes.append("requires_grad=True")
        return f"tensor({', '.join(notes)})"

    def __reduce__(self) -> Any:
        self._read()
        if type(self._node) is Node:
            raise TypeError(
                "a Tensor that was computed cannot be pickled or copied with its graph: write .detach(), "
                "and for a plot .detach().numpy()"
            )
        return _restored, (type(self), self._data, self._node is not None)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        if type(self._node) is Node:
            raise RuntimeError("a Tensor that was computed cannot be copied with its graph: copy .detach()")
        self._read()
        copied: Self = _restored(type(self), self._data.copy(), self._node is not None)
        memo[id(self)] = copied
        copied.grad = copy.deepcopy(self.grad, memo)
        return copied

    # --- the gradient -------------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient is collected for this Tensor, or for something that it was computed from."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Collect a gradient for this Tensor from now on, or no longer.

        Raises:
            RuntimeError: the dtype has no derivative, or the Tensor was computed, so that its need is decided.
        """
        if type(self._node) is Node:
            if not requires_grad:
                raise RuntimeError("a Tensor that was computed from others needs a gradient as they do: use .detach()")
        elif not requires_grad:
            self._node = None
        elif self._node is None:
            if self.dtype.kind != "f":
                raise DtypeError(
                    f"only floating Tensors can require a gradient, not {self.dtype}: "
                    "write the numbers with a decimal point, or call .float() first"
                )
            self._node = Leaf()
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether this Tensor was not computed from others that need a gradient."""
        return type(self._node) is not Node

    @property
    def grad_fn(self) -> Node | None:
        """The node that made this Tensor."""
        return self._node if type(self._node) is Node else None

    @property
    def grad(self) -> Tensor | None:
        """The gradient collected so far, or None.

        A Tensor that was computed keeps none unless `retain_grad` asks it to.

        Raises:
            ValueError: what is assigned is not a Tensor, or has another shape.
            DtypeError: it has another dtype; this is a RuntimeError, as in PyTorch, and a TypeError.
            RuntimeError: this is not a leaf that requires a gradient.

        Warns:
            UserWarning: this Tensor was computed, and was not asked to keep its gradient.
        """
        node = self._node
        if node is None:
            observer().meet(self)  # it might need a gradient later
            return None
        if isinstance(node, Leaf):
            gradient = gradient_of(node)
            if type(node.grad) is Lent:
                gradient = node.grad = node.grad.own()
            if gradient is not None and not isinstance(node.grad, Tensor):
                node.grad = _tensor(gradient.dense() if isinstance(gradient, Product) else gradient)
            observer().ask_gradient(node)
            return node.grad  # type: ignore[no-any-return]
        if node.extras is None or node.extras.grad is None:
            if node.extras is None or not node.extras.retains_grad:
                warnings.warn(
                    "the gradient of a Tensor that was computed is not kept in .grad: call retain_grad() on it before "
                    "backward(), or read .grad of the leaf it was computed from",
                    stacklevel=2,
                )
            return None
        gradient = node.extras.grad
        return gradient if isinstance(gradient, Tensor) else _tensor(gradient)

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None and (not isinstance(value, Tensor) or value.shape != self.shape):
            given = value.shape if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(f"grad takes None or a Tensor of shape {self.shape}, not {given}")
        if value is not None and value.dtype != self.dtype:
            raise DtypeError(f"grad of a Tensor of {self.dtype} cannot be one of {value.dtype}: write .to(x.dtype)")
        if value is not None:
            observer().refuse("setting a gradient")
        if isinstance(self._node, Leaf):
            observer().perform(setattr, self._node, "grad", value)
        elif value is not None:
            raise RuntimeError("only a leaf that requires a gradient can be given one")
        elif self._node is not None and self._node.extras is not None:
            self._node.extras.grad = None

    def retain_grad(self) -> None:
        """Keep the gradient of this computed Tensor in ``.grad``, too.

        Raises:
            RuntimeError: this Tensor does not require a gradient.
        """
        if self._node is None:
            raise RuntimeError("a Tensor that does not require a gradient has none to retain")
        observer().refuse("retaining the gradient of a computed Tensor")
        if isinstance(self._node, Node):
            self._node.attached().retains_grad = True

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call ``hook(gradient)`` when the gradient of this Tensor is known; what it returns replaces the gradient.

        Raises:
            RuntimeError: this Tensor does not require a gradient; in the walk, the replacement has another shape.
        """

        def raw(gradient: Any) -> Any:
            recorded = isinstance(gradient, Tensor)
            dense = gradient.dense() if isinstance(gradient, Product) else gradient
            replaced = hook(dense if recorded else _tensor(np.array(dense)))
            if replaced is None:
                return gradient
            if not isinstance(replaced, Tensor) or replaced.shape != dense.shape:
                given = f"one of shape {replaced.shape}" if isinstance(replaced, Tensor) else type(replaced).__name__
                raise RuntimeError(
                    f"a hook returns None or a Tensor of the gradient's shape {dense.shape}, not {given}"
                )
            return replaced if recorded else np.array(replaced._data, dtype=dense.dtype)

        if self._node is None:
            raise RuntimeError("a Tensor that does not require a gradient cannot call a hook with it")
        observer().refuse("a hook that is given a gradient, which a replay would not call")
        holder = self._node if isinstance(self._node, Leaf) else self._node.attached()
        if holder.hooks is None:
            holder.hooks = {}
        return RemovableHandle(holder.hooks, raw)

    def detach(self) -> Tensor:
        """The same memory outside the graph."""
        if isinstance(self._node, Leaf):
            memory.note_leaf(self._data)
        detached = _tensor(self._data)
        observer().meet(self)
        observer().made(detached)
        return detached

    def backward(
        self,
        gradient: Tensor | ArrayLike | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Sequence[Tensor] | Tensor | None = None,
    ) -> None:
        """Add the gradient of this Tensor with respect to each leaf it was computed from to that leaf's ``.grad``.

        Args:
            gradient: the cotangent to start from, of this Tensor's shape; 1 where the Tensor has one entry.
            retain_graph: keep the graph for another backward pass; by default only with `create_graph`.
            create_graph: record the pass, so that the gradients can themselves be differentiated.
            inputs: the leaves to collect gradients for; all by default.

        Raises:
            RuntimeError: the Tensor needs no gradient, is no scalar and `gradient` is missing, its graph was released
                by an earlier pass, or an array has changed since it was recorded.
            ValueError: `gradient` has another shape.
        """
        collect([seed(self, gradient, create_graph)], retain_graph, create_graph, inputs)

    # --- NumPy's protocols --------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        function: Any = ufunc if method == "__call__" else f.reductions.get(ufunc) if method == "reduce" else None
        if function is None:
            raise TypeError(f"numpy.{ufunc.__name__}.{method} is not defined for Tensors")
        if options.get("out") is not None:
            raise TypeError(
                f"numpy.{ufunc.__name__} cannot write into out= where Tensors are involved: assign its result"
            )
        if function is np.sum or function is np.max or function is np.min:
            options.setdefault("axis", 0)
        return _apply(function, inputs, options)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, options: Any) -> Any:
        if not args:
            raise TypeError(f"numpy.{function.__name__} takes a Tensor as its first argument, not by a name")
        return _apply(function, args, options)

    # --- in place -----------------------------------------------------------------------------------------------------

    def _write(self, operation: str, change: Callable[[Any, Any], Any], value: Any) -> Self:
        """Let ``change(array, value)`` change the array in place, if that is allowed, and note that it has."""
        if is_grad_enabled():
            if self._node is not None:
                kind = "leaf that requires a gradient" if self.is_leaf else "computed Tensor that needs its gradient"
                raise RuntimeError(
                    f"{operation} would change a {kind} in place: put it under no_grad(), or write x = x + ... "
                    "instead; to add up losses, add loss.item()"
                )
            if isinstance(value, Tensor) and value.requires_grad:
                raise RuntimeError(
                    f"{operation} of a value that needs its gradient is not recorded: use where() or cat(), or write "
                    "x = x + ...; to add up losses, add loss.item()"
                )
        if observers:
            observer().write(functools.partial(_change, change), self, value)
        else:
            _change(change, self, value)
        return self

    def _update(self, operation: str, ufunc: Callable[..., Any], other: Any) -> Self:
        """Put what `ufunc` makes of this Tensor and `other` in this Tensor's place."""
        return self._write(operation, lambda a, b: ufunc(a, b, out=a), other)

    def __setitem__(self, index: Any, value: Any) -> None:
        self._write("assignment to an index", functools.partial(_assign, _steps(index)), value)

    def add_(self, other: Any, *, alpha: float = 1) -> Self:
        """Add ``alpha · other`` in place.

        Raises:
            RuntimeError: here as in the methods below, outside `no_grad`: this Tensor or `other` needs a gradient.
        """
        return self._update("add_", np.add, _scaled(other, alpha))

    def sub_(self, other: Any, *, alpha: float = 1) -> Self:
        """Subtract ``alpha · other`` in place."""
        return self._update("sub_", np.subtract, _scaled(other, alpha))

    def mul_(self, other: Any) -> Self:
        """Multiply by `other` in place."""
        return self._update("mul_", np.multiply, other)

    def div_(self, other: Any) -> Self:
        """Divide by `other` in place."""
        return self._update("div_", np.divide, other)

    def copy_(self, other: Any) -> Self:
        """Copy `other`, broadcast to this shape, in place."""
        return self._write("copy_", lambda a, b: a.__setitem__(..., b), other)

    def fill_(self, value: Any) -> Self:
        """Set every entry to `value`."""
        return self._write("fill_", lambda a, b: a.__setitem__(..., b), value)

    def zero_(self) -> Self:
        """Set every entry to 0."""
        return self.fill_(0)

    __iadd__ = add_
    __isub__ = sub_
    __imul__ = mul_
    __itruediv__ = div_

    def __ipow__(self, exponent: Any) -> Self:
        return self._update("**=", np.power, exponent)

    def __ifloordiv__(self, other: Any) -> Self:
        return self._update("//=", np.floor_divide, other)

    def __imod__(self, other: Any) -> Self:
        return self._update("%=", np.remainder, other)

    def __iand__(self, other: Any) -> Self:
        return self._update("&=", np.bitwise_and, other)

    def __ior__(self, other: Any) -> Self:
        return self._update("|=", np.bitwise_or, other)

    def __ixor__(self, other: Any) -> Self:
        return self._update("^=", np.bitwise_xor, other)

    # --- operators ----------------------------------------------------------------------------------------------------

    def __neg__(self) -> Tensor:
        return _record(np.negative, (self,))

    def __pos__(self) -> Tensor:
        return self

    def __abs__(self) -> Tensor:
        return _record(np.absolute, (self,))

    def __add__(self, other: Any) -> Tensor:
        return _record(np.add, (self, other))

    def __radd__(self, other: Any) -> Tensor:
        return _record(np.add, (other, self))

    def __sub__(self, other: Any) -> Tensor:
        return _record(np.subtract, (self, other))

    def __rsub__(self, other: Any) -> Tensor:
        return _record(np.subtract, (other, self))

    def __mul__(self, other: Any) -> Tensor:
        return _record(np.multiply, (self, other))

    def __rmul__(self, other: Any) -> Tensor:
        return _record(np.multiply, (other, self))

    def __truediv__(self, other: Any) -> Tensor:
        return _record(np.divide, (self, other))

    def __rtruediv__(self, other: Any) -> Tensor:
        return _record(np.divide, (other, self))

    def __floordiv__(self, other: Any) -> Tensor:
        return _record(np.floor_divide, (self, other))

    def __rfloordiv__(self, other: Any) -> Tensor:
        return _record(np.floor_divide, (other, self))

    def __mod__(self, other: Any) -> Tensor:
        return _record(np.remainder, (self, other))

    def __rmod__(self, other: Any) -> Tensor:
        return _record(np.remainder, (other, self))

    def __pow__(self, exponent: Any) -> Tensor:
        keeps_dtype = type(exponent) is int or (type(exponent) is float and self._data.dtype.kind == "f")
        if keeps_dtype and exponent == 2:
            return _record(np.square, (self,))
        return _record(np.power, (self, exponent))

    def __rpow__(self, base: Any) -> Tensor:
        return _record(np.power, (base, self))

    def __matmul__(self, other: Any) -> Tensor:
        return _matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return _matmul(other, self)

    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]
        return NotImplemented if other is None else _record(np.equal, (self, other))

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]
        return NotImplemented if other is None else _record(np.not_equal, (self, other))

    def __lt__(self, other: Any) -> Tensor:
        return _record(np.less, (self, other))

    def __le__(self, other: Any) -> Tensor:
        return _record(np.less_equal, (self, other))

    def __gt__(self, other: Any) -> Tensor:
        return _record(np.greater, (self, other))

    def __ge__(self, other: Any) -> Tensor:
        return _record(np.greater_equal, (self, other))

    def __invert__(self) -> Tensor:
        return _record(np.invert, (self,))

    def __and__(self, other: Any) -> Tensor:
        return _record(np.bitwise_and, (self, other))

    def __or__(self, other: Any) -> Tensor:
        return _record(np.bitwise_or, (self, other))

    def __xor__(self, other: Any) -> Tensor:
        return _record(np.bitwise_xor, (self, other))

    __rand__ = __and__
    __ror__ = __or__
    __rxor__ = __xor__

    def __getitem__(self, index: Any) -> Tensor:
        result = self
        for step in _steps(index):
            result = _record(f.getitem, (result,), {"index": step})
        return result

    # --- elementwise --------------------------------------------------------------------------------------------------

    def exp(self) -> Tensor:
        """eˣ."""
        return _record(np.exp, (self,))

    def exp2(self) -> Tensor:
        """2ˣ."""
        return _record(np.exp2, (self,))

    def expm1(self) -> Tensor:
        """eˣ − 1, exact near 0."""
        return _record(np.expm1, (self,))

    def log(self) -> Tensor:
        """The natural logarithm."""
        return _record(np.log, (self,))

    def log2(self) -> Tensor:
        """The logarithm to base 2."""
        return _record(np.log2, (self,))

    def log10(self) -> Tensor:
        """The logarithm to base 10."""
        return _record(np.log10, (self,))

    def log1p(self) -> Tensor:
        """ln(1 + x), exact near 0."""
        return _record(np.log1p, (self,))

    def sqrt(self) -> Tensor:
        """The square root; its derivative at 0 is infinite."""
        return _record(np.sqrt, (self,))

    def square(self) -> Tensor:
        """x²."""
        return _record(np.square, (self,))

    def abs(self) -> Tensor:
        """The absolute value; its derivative at 0 is 0."""
        return _record(np.absolute, (self,))

    def pow(self, exponent: Any) -> Tensor:
        """x to the power of `exponent`."""
        return self.__pow__(exponent)

    def reciprocal(self) -> Tensor:
        """1 / x."""
        return _record(np.reciprocal, (self,)) if self._data.dtype.kind == "f" else 1 / self

    def sign(self) -> Tensor:
        """−1, 0 or 1, through which no gradient passes."""
        return _record(np.sign, (self,))

    def floor(self) -> Tensor:
        """The greatest integer not above x; no gradient passes."""
        return _record(np.floor, (self,))

    def sin(self) -> Tensor:
        """The sine."""
        return _record(np.sin, (self,))

    def cos(self) -> Tensor:
        """The cosine."""
        return _record(np.cos, (self,))

    def tan(self) -> Tensor:
        """The tangent."""
        return _record(np.tan, (self,))

    def asin(self) -> Tensor:
        """The angle in [−π/2, π/2] whose sine is x."""
        return _record(np.arcsin, (self,))

    def acos(self) -> Tensor:
        """The angle in [0, π] whose cosine is x."""
        return _record(np.arccos, (self,))

    def atan(self) -> Tensor:
        """The angle in (−π/2, π/2) whose tangent is x."""
        return _record(np.arctan, (self,))

    def sinh(self) -> Tensor:
        """The hyperbolic sine."""
        return _record(np.sinh, (self,))

    def cosh(self) -> Tensor:
        """The hyperbolic cosine."""
        return _record(np.cosh, (self,))

    def tanh(self) -> Tensor:
        """The hyperbolic tangent."""
        return _record(np.tanh, (self,))

    def sigmoid(self) -> Tensor:
        """1 / (1 + e⁻ˣ)."""
        return _record(expit, (self,))

    def erf(self) -> Tensor:
        """The error function, 2/√π ∫₀ˣ e^(−t²) dt."""
        return _record(erf, (self,))

    def relu(self) -> Tensor:
        """max(x, 0); its derivative at 0 is 0."""
        return _record(f.relu, (self,))

    def maximum(self, other: Any) -> Tensor:
        """The elementwise maximum; where both are equal, each gets half the gradient."""
        return _record(np.maximum, (self, other))

    def minimum(self, other: Any) -> Tensor:
        """The elementwise minimum; where both are equal, each gets half the gradient."""
        return _record(np.minimum, (self, other))

    def logaddexp(self, other: Any) -> Tensor:
        """ln(eˣ + e^other)."""
        return _record(np.logaddexp, (self, other))

    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        """x between `min` and `max`; a bound itself passes its gradient.

        Raises:
            ValueError: there is no bound.
        """
        if min is None and max is None:
            raise ValueError("clamp() takes min=, max= or both")
        return f.derived[np.clip](self, min, max)  # type: ignore[no-any-return]

    def masked_fill(self, mask: Any, value: Any) -> Tensor:
        """`value` where `mask` is true, x elsewhere."""
        return record(Tensor, np.where, (mask, value, self))  # type: ignore[no-any-return]

    def softmax(self, dim: int) -> Tensor:
        """eˣ / Σ eˣ along `dim`."""
        return self.log_softmax(dim).exp()

    def log_softmax(self, dim: int) -> Tensor:
        """x − ln Σ eˣ along `dim`."""
        return _record(f.log_softmax, (self,), {"axis": dim})

    # --- reductions ---------------------------------------------------------------------------------------------------

    def sum(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """The sum over `dim`, or over everything."""
        return _record(np.sum, (self,), {"axis": _dims(dim), "keepdims": keepdim})

    def mean(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """The mean over `dim`, or over everything.

        Raises:
            TypeError: the Tensor holds integers, whose mean is not an integer.
        """
        return f.derived[np.mean](self._floating("mean"), _dims(dim), keepdim)  # type: ignore[no-any-return]

    def var(self, dim: Dim = None, *, correction: int = 1, keepdim: bool = False) -> Tensor:
        """The variance Σ (x − mean)² / (n − correction) over `dim`, or over everything.

        Raises:
            TypeError: the Tensor holds integers.
            ValueError: there are no more entries than `correction`.
        """
        x = self._floating("var")
        return f.derived[np.var](x, _dims(dim), ddof=correction, keepdims=keepdim)  # type: ignore[no-any-return]

    def std(self, dim: Dim = None, *, correction: int = 1, keepdim: bool = False) -> Tensor:
        """The square root of `var`; its derivative is 0 where all entries are equal."""
        x = self._floating("std")
        return f.derived[np.std](x, _dims(dim), ddof=correction, keepdims=keepdim)  # type: ignore[no-any-return]

    def norm(self, p: Any = "fro", dim: Dim = None, keepdim: bool = False) -> Tensor:
        """(Σ |x|ᵖ)^(1/p) over `dim`, or over everything; p = 2 by default; its derivative at 0 is 0.

        Raises:
            TypeError: the Tensor holds integers.
            ValueError: `p` is neither "fro" nor positive nor ±∞.
        """
        if isinstance(p, str) and p != "fro":
            raise ValueError(f'norm() takes p="fro" or a number, not {p!r}')
        return f.norm(self._floating("norm"), 2 if p == "fro" else p, _dims(dim), keepdim)  # type: ignore[no-any-return]

    def _floating(self, method: str) -> Tensor:
        if self.dtype.kind != "f":
            raise TypeError(f"{method}() takes a floating Tensor, not one of {self.dtype}: call .float() first")
        return self

    def prod(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """The product over `dim`, or over everything."""
        return f.derived[np.prod](self, _dims(dim), keepdim)  # type: ignore[no-any-return]

    def cumsum(self, dim: int) -> Tensor:
        """The running sum along `dim`."""
        return _record(np.cumsum, (self,), {"axis": dim})

    def max(self, dim: int | Tensor | None = None, keepdim: bool = False) -> Any:
        """The maximum of everything, whose ties share the gradient; or the `Extremum` along `dim`, the first of it.

        Given another Tensor it is `maximum`.
        """
        if isinstance(dim, Tensor):
            return self.maximum(dim)
        return self._extremum(np.max, np.argmax, dim, keepdim)

    def min(self, dim: int | Tensor | None = None, keepdim: bool = False) -> Any:
        """The minimum of everything, whose ties share the gradient; or the `Extremum` along `dim`, the first of it.

        Given another Tensor it is `minimum`.
        """
        if isinstance(dim, Tensor):
            return self.minimum(dim)
        return self._extremum(np.min, np.argmin, dim, keepdim)

    def _extremum(self, extremum: Any, argument: Any, dim: int | None, keepdim: bool) -> Any:
        if dim is None:
            return _record(extremum, (self,))
        if not self.ndim:
            return self.reshape(1)._extremum(extremum, argument, dim, False)
        dim = normalize_axis_index(dim, self.ndim)
        indices = _record(argument, (self,), {"axis": dim, "keepdims": keepdim})
        positions = indices._data if keepdim else np.expand_dims(indices._data, dim)
        values = f.getitem(self, _along(positions, dim))
        return Extremum(values if keepdim else values.squeeze(dim), indices)

    def amax(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """The maximum over `dim`, whose ties share the gradient."""
        return _record(np.max, (self,), {"axis": _dims(dim), "keepdims": keepdim})

    def amin(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """The minimum over `dim`, whose ties share the gradient."""
        return _record(np.min, (self,), {"axis": _dims(dim), "keepdims": keepdim})

    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """Where the first maximum stands: along `dim`, or in the flattened Tensor."""
        return _record(np.argmax, (self,), {"axis": dim, "keepdims": keepdim})

    def argmin(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """Where the first minimum stands: along `dim`, or in the flattened Tensor."""
        return _record(np.argmin, (self,), {"axis": dim, "keepdims": keepdim})

    def any(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """Whether any entry is true, over `dim` or over everything."""
        return _record(np.any, (self,), {"axis": _dims(dim), "keepdims": keepdim})

    def all(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """Whether all entries are true, over `dim` or over everything."""
        return _record(np.all, (self,), {"axis": _dims(dim), "keepdims": keepdim})

    def logsumexp(self, dim: Dim, keepdim: bool = False) -> Tensor:
        """ln Σ eˣ over `dim`."""
        return _record(f.logsumexp, (self,), {"axis": _dims(dim), "keepdims": keepdim})

    # --- movement -----------------------------------------------------------------------------------------------------

    def reshape(self, *shape: Any) -> Tensor:
        """The same entries in another shape, of which one length may be −1."""
        return _record(np.reshape, (self,), {"shape": _sizes(shape)})

    def view(self, *shape: Any) -> Tensor:
        """`reshape`, under PyTorch's other name."""
        return self.reshape(*shape)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """Dimensions `start_dim` to `end_dim` joined into one.

        Raises:
            IndexError: there is no such dimension.
        """
        if not self.ndim:
            return self.reshape(1)
        start = normalize_axis_index(start_dim, self.ndim)
        end = normalize_axis_index(end_dim, self.ndim) + 1
        return self.reshape(*self.shape[:start], math.prod(self.shape[start:end]), *self.shape[end:])

    @property
    def T(self) -> Tensor:
        """The dimensions in reverse order."""
        return _record(np.transpose, (self,))

    @property
    def mT(self) -> Tensor:
        """The last two dimensions swapped."""
        return self.transpose(-1, -2)

    def t(self) -> Tensor:
        """The transpose of a matrix.

        Raises:
            ValueError: there are more dimensions than two.
        """
        if self.ndim > 2:
            raise ValueError(f"t() takes a matrix, not shape {self.shape}: use transpose(dim0, dim1) or permute")
        return self.T

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        """Dimensions `dim0` and `dim1` swapped."""
        return f.derived[np.swapaxes](self, dim0, dim1)  # type: ignore[no-any-return]

    def permute(self, *given: int | Sequence[int], dims: Sequence[int] | None = None) -> Tensor:
        """The dimensions in the order `dims`."""
        return _record(np.transpose, (self,), {"axes": _sizes(given, dims)})

    def squeeze(self, dim: Dim = None) -> Tensor:
        """Without the dimensions of length 1 among `dim`, or among all."""
        if dim is not None:
            dim = tuple(d for d in np.atleast_1d(dim).tolist() if self.shape[d] == 1)
        return f.derived[np.squeeze](self, dim)  # type: ignore[no-any-return]

    def unsqueeze(self, dim: int) -> Tensor:
        """With a dimension of length 1 put at `dim`."""
        return f.derived[np.expand_dims](self, dim)  # type: ignore[no-any-return]

    def broadcast_to(self, shape: Sequence[int]) -> Tensor:
        """Repeated to `shape` by NumPy's rules."""
        return _record(np.broadcast_to, (self,), {"shape": tuple(shape)})

    def expand(self, *sizes: Any) -> Tensor:
        """Repeated to `sizes`, of which −1 keeps a length."""
        shape = _sizes(sizes)
        own = (1,) * (len(shape) - self.ndim) + self.shape
        return self.broadcast_to([n if size == -1 else size for n, size in zip(own, shape, strict=True)])

    def repeat(self, *sizes: Any) -> Tensor:
        """Copies side by side: dimension i holds ``sizes[i]`` of them, as `numpy.tile` does.

        Raises:
            ValueError: there are fewer sizes than dimensions.
        """
        times = _sizes(sizes)
        if len(times) < self.ndim:
            raise ValueError(f"repeat() of shape {self.shape} takes {self.ndim} sizes or more, not {len(times)}")
        return f.derived[np.tile](self, times)  # type: ignore[no-any-return]

    def flip(self, *given: int | Sequence[int], dims: Sequence[int] | None = None) -> Tensor:
        """With the order along `dims` reversed."""
        return _record(np.flip, (self,), {"axis": _sizes(given, dims)})

    def roll(self, shifts: int | tuple[int, ...], dims: Dim = None) -> Tensor:
        """With entries moved by `shifts` along `dims`, or in the flattened Tensor; the last come in first."""
        return _record(np.roll, (self,), {"shift": shifts, "axis": dims})

    def diagonal(self, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
        """The diagonal of each matrix in `dim1` and `dim2`, `offset` above the main one, as the last dimension."""
        return f.derived[np.diagonal](self, offset, dim1, dim2)  # type: ignore[no-any-return]

    def tril(self, diagonal: int = 0) -> Tensor:
        """With zeros above `diagonal` in the last two dimensions."""
        return _record(np.tril, (self,), {"k": diagonal})

    def triu(self, diagonal: int = 0) -> Tensor:
        """With zeros below `diagonal` in the last two dimensions."""
        return _record(np.triu, (self,), {"k": diagonal})

    # --- copies and dtypes --------------------------------------------------------------------------------------------

    def clone(self) -> Tensor:
        """A copy in memory of its own, through which gradients pass."""
        return _record(f.clone, (self,))

    def to(self, dtype: DTypeLike) -> Tensor:
        """As `dtype`; this Tensor itself where it already is. No gradient passes through integers.

        Raises:
            TypeError: `dtype` is not a dtype.
        """
        wanted = dtype_to(dtype)
        if wanted.kind not in "fiub":
            raise TypeError(f"a Tensor holds real numbers, integers or booleans, not {wanted}")
        source = self if wanted.kind == "f" else self.detach()
        return self if self.dtype == wanted else _record(f.astype, (source,), {"dtype": wanted})

    def float(self) -> Tensor:
        """As float32."""
        return self.to(np.float32)

    def double(self) -> Tensor:
        """As float64."""
        return self.to(np.float64)

    def long(self) -> Tensor:
        """As int64."""
        return self.to(np.int64)

    # --- products -----------------------------------------------------------------------------------------------------

    def matmul(self, other: Any) -> Tensor:
        """The matrix product, by the rules of `numpy.matmul`."""
        return _matmul(self, other)

    def mm(self, mat2: Tensor) -> Tensor:
        """The product of two matrices.

        Raises:
            ValueError: one of the two is no matrix.
        """
        if self.ndim != 2 or mat2.ndim != 2:
            raise ValueError(f"mm() takes two matrices, not shapes {self.shape} and {mat2.shape}: use matmul")
        return _matmul(self, mat2)

    def outer(self, vec2: Tensor) -> Tensor:
        """The matrix of the products of the entries of two vectors.

        Raises:
            ValueError: one of the two is no vector.
        """
        if self.ndim != 1 or vec2.ndim != 1:
            raise ValueError(f"outer() takes two vectors, not shapes {self.shape} and {vec2.shape}: .flatten() them")
        return f.derived[np.outer](self, vec2)  # type: ignore[no-any-return]


# --- making tensors ---------------------------------------------------------------------------------------------------


def tensor(data: ArrayLike | Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """A Tensor of a copy of `data`; see `Tensor`.

    >>> tensor([[1, 2], [3, 4]]).float() @ tensor([1.0, 0.5])
    tensor([2., 5.])
    """
    return Tensor(data, dtype=dtype, requires_grad=requires_grad)


def _tensor(array: Array) -> Tensor:
    """A Tensor around `array` itself, outside every graph."""
    made = Tensor.__new__(Tensor)
    made._data = array
    made._node = None
    return made


def dtype_to(dtype: Any) -> np.dtype[Any]:
    """The dtype that ``to(dtype)`` asks for.

    Raises:
        TypeError: `dtype` is not a dtype.
    """
    try:
        if dtype is None:  # which numpy.dtype takes for float64
            raise TypeError
        wanted: np.dtype[Any] = np.dtype(dtype)
        return wanted
    except TypeError:
        raise TypeError(
            f"to() takes a dtype such as numpy.float64, not {dtype!r}; there is one device, so leave devices out"
        ) from None


def _restored(kind: Any, data: Array, requires_grad: bool) -> Any:
    made = kind.__new__(kind)
    made._data = data
    made._node = Leaf() if requires_grad else None
    return made


def _numeric(data: Any, dtype: DTypeLike | None) -> Array:
    """A new numeric array of `data`."""
    if isinstance(data, Tensor | np.ndarray):
        observer().refuse("making a Tensor of an array: write clone(), or make it outside the step")
    if isinstance(data, Tensor):
        data = data._data
    kinds: set[np.dtype[Any]] = set()
    if isinstance(data, list | tuple):
        data = _unwrapped(data, kinds)
    try:
        array = np.array(data, dtype=dtype)
    except ValueError as error:
        raise TypeError(f"a Tensor needs a rectangular arrangement of numbers: {error}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"a Tensor holds real numbers, integers or booleans, not {array.dtype}: convert the data first")
    if dtype is None and array.dtype.kind == "f" and not isinstance(data, np.ndarray | np.generic):
        array = array.astype(np.result_type(*kinds) if kinds else _default_dtype, copy=False)
    return array


def _unwrapped(data: Any, kinds: set[np.dtype[Any]]) -> Any:
    """Nested lists with an array for each Tensor in them; the floating dtypes of their entries are put into `kinds`."""
    if isinstance(data, list | tuple):
        return [_unwrapped(entry, kinds) for entry in data]
    if isinstance(data, Tensor):
        if data.requires_grad and state.enabled:
            warn(
                "a Tensor of a list copies the numbers of the Tensors in it, and no gradient passes through: "
                "write stack([...]), or .detach() or .item() for each"
            )
        data = data._data
    if isinstance(data, np.ndarray | np.generic):
        observer().refuse("making a Tensor of arrays or Tensors: write stack([...])")
        if data.dtype.kind == "f":
            kinds.add(data.dtype)
    elif isinstance(data, float):
        kinds.add(_default_dtype)
    return data


# --- dispatch ---------------------------------------------------------------------------------------------------------

# Record a function of operands of which one is a Tensor, or all are arrays; without a frame of its own on the stack.
_record: Callable[..., Tensor] = functools.partial(record, Tensor)


def _matmul(a: Any, b: Any) -> Tensor:
    """`numpy.matmul` by its row of the sheet, which knows matrices: a vector becomes a matrix and back."""
    if np.ndim(a) == 1:
        return _matmul(np.expand_dims(a, 0), b).squeeze(-2 if np.ndim(b) > 1 else 0)
    if np.ndim(b) == 1:
        return _matmul(a, np.expand_dims(b, 1)).squeeze(-1)
    return _record(np.matmul, (a, b))


def _apply(function: Callable[..., Any], args: Sequence[Any], options: dict[str, Any]) -> Any:
    """Call a NumPy function, or one that joined its dispatch, on operands of which some are Tensors."""
    if function is np.matmul and not options:
        return _matmul(*args)
    if function is np.where and len(args) == 1:
        raise TypeError("numpy.where of a Tensor takes both choices, too: for indices, write numpy.nonzero(x.numpy())")
    if function in f.derived:
        return f.derived[function](*args, **options)
    row = sheet.get(function)
    if row == ():
        return _tensor(observer().repeat(_without_gradient, function, list(args), options))
    if isinstance(row, tuple) and len(args) > len(row):
        names = list(inspect.signature(function).parameters)[len(row) :]
        options = {**dict(zip(names, args[len(row) :], strict=False)), **options}
        args = args[: len(row)]
    if options and row is not None:
        options = _understood(function, row, options)
    return _record(function, args, options)


def _without_gradient(function: Callable[..., Any], args: list[Any], options: dict[str, Any]) -> Array:
    return np.asarray(function(*_raw(args), **options))


def _understood(function: Callable[..., Any], row: Row, options: dict[str, Any]) -> dict[str, Any]:
    """The options, checked to be among those that the function's rules take after g, y and the inputs."""
    rule = row[-1] if isinstance(row, tuple) else row.rule
    parameters = {} if rule is None else inspect.signature(rule).parameters
    taken = 2 + len(row) if isinstance(row, tuple) else 2
    known = [name for name in list(parameters)[taken:] if name != "position"]
    for name, value in options.items():
        if name not in known and value is not None:
            raise TypeError(f"{function_name(function)} of a Tensor does not take {name}=, only {known}")
    return {name: value for name, value in options.items() if name in known}


def _raw(value: Any) -> Any:
    """Arrays for Tensors, inside lists too."""
    if isinstance(value, Tensor):
        return value._data
    return [_raw(entry) for entry in value] if isinstance(value, list) else value


def _change(change: Callable[[Any, Any], Any], tensor: Tensor, value: Any) -> None:
    """Call ``change(array, value)`` with the array of `tensor`, and note that it has been written to."""
    change(tensor._data, _raw(value))
    memory.stamp([tensor._data])


def _assign(index: list[Any], array: Any, entries: Any) -> None:
    """Put `entries` at the steps of an index."""
    *first, last = index
    for step in first:
        array = array[step]
    array[last] = entries


def _scaled(value: Any, alpha: Any) -> Any:
    """``alpha · value``."""
    return value if type(alpha) in (int, float) and alpha == 1 else np.multiply(value, alpha)


def _index(index: Any) -> Any:
    """An index with arrays for the Tensors in it, and numbers for those in slices."""
    if isinstance(index, tuple):
        return tuple(map(_index, index))
    if isinstance(index, slice):
        bounds = (index.start, index.stop, index.step)
        return slice(*(bound.__index__() if isinstance(bound, Tensor) else bound for bound in bounds))
    if isinstance(index, np.ndarray):
        observer().refuse("a NumPy array as an index: make it a Tensor outside the step")
    if isinstance(index, Tensor):
        observer().meet(index)
    return _raw(index)


def _steps(index: Any) -> list[Any]:
    """The index as NumPy takes it: in two steps where it mixes integers and arrays, of which integers come first.

    NumPy would take the integers for arrays, and put the dimensions that they share with the others in front.
    """
    if not isinstance(index, tuple):
        return [_index(index)]
    arrays = list(map(_as_array, index))
    integers = [array is not None and not array.shape and array.dtype.kind in "iu" for array in arrays]
    if not any(integers) or sum(integers) == sum(array is not None for array in arrays):
        return [_index(index)]
    first: list[Any] = []
    last: list[Any] = []
    for entry, array, is_integer in zip(index, arrays, integers, strict=True):
        if is_integer:
            first.append(entry.item() if hasattr(entry, "item") else entry)
            continue
        last.append(entry)
        if entry is ...:
            first.append(entry)
        elif entry is not None:
            is_mask = array is not None and array.dtype.kind == "b"
            first += [slice(None)] * (len(array.shape) if is_mask else 1)
    return [tuple(first), _index(tuple(last))]


def _as_array(entry: Any) -> Any:
    """An entry of an index as an array; None for slices, new dimensions and an ellipsis."""
    if isinstance(entry, slice | None) or entry is ...:
        return None
    return entry if hasattr(entry, "shape") else np.asarray(entry)


def _along(indices: Array, axis: int) -> tuple[Array, ...]:
    """The index that picks, along `axis`, the entries at `indices`, as `numpy.take_along_axis` does."""
    grid = list(np.ogrid[tuple(slice(n) for n in indices.shape)])
    grid[axis] = indices
    return tuple(grid)


def _dims(dim: Dim) -> int | tuple[int, ...] | None:
    """The axis of a reduction for NumPy, which takes no lists; an empty `dim` means all dimensions, as in PyTorch."""
    return tuple(dim) or None if isinstance(dim, list | tuple) else dim  # type: ignore[return-value]


def _sizes(sizes: tuple[Any, ...], named: Sequence[int] | None = None) -> tuple[int, ...]:
    """Lengths or dimensions given one by one, as one sequence, or as one by its name."""
    if named is not None:
        sizes += (named,)
    return tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], Sequence) else sizes


# --- walking back from a Tensor ---------------------------------------------------------------------------------------


def place_of(x: Tensor) -> Leaf | Node:
    """Where `x` stands in the graph."""
    if not isinstance(x, Tensor):
        raise TypeError(f"expected a Tensor, not {type(x).__name__}")
    if x._node is None:
        raise GraphError(
            "this Tensor does not require a gradient, nor does anything it was computed from: make its leaves with "
            "requires_grad=True, outside no_grad()"
        )
    return x._node


def seed(output: Tensor, gradient: Any, create_graph: bool = False) -> tuple[Leaf | Node, Any]:
    """Where and with which cotangent a walk from `output` starts: `gradient` checked and copied, or 1 for one entry."""
    place = place_of(output)
    if gradient is None:
        if output._data.size != 1:
            raise GraphError(
                f"backward() of a Tensor of shape {output.shape} needs the gradient to start from: "
                "reduce it with .sum() or .mean(), or pass gradient= of that shape"
            )
        raw: Any = np.empty(output._data.shape, output._data.dtype)
        raw.fill(1)  # numpy.ones would take a microsecond more
    else:
        given = gradient.detach() if isinstance(gradient, Tensor) else Tensor(gradient)
        raw = _record(f.astype, (given,), {"dtype": output.dtype})._data
        if raw.shape != output.shape:
            raise ValueError(f"the gradient to start from has shape {raw.shape}, but the output has {output.shape}")
        if create_graph and isinstance(gradient, Tensor) and gradient.requires_grad:
            return place, gradient.to(output.dtype)
    if create_graph:
        return place, _tensor(observer().constant(raw))
    return place, raw


def collect(
    seeds: Sequence[tuple[Leaf | Node, Any]],
    retain_graph: bool | None,
    create_graph: bool,
    inputs: Sequence[Tensor] | Tensor | None,
) -> None:
    """Walk back from `seeds`, and add what arrives to the ``.grad`` of each leaf, or of each of `inputs`."""
    wanted = None
    if inputs is not None:
        wanted = {place_of(x) for x in ([inputs] if isinstance(inputs, Tensor) else inputs)}
        if not wanted:
            raise RuntimeError("inputs= names no Tensor: leave it out to collect gradients for all leaves")
    arrived = walk(
        seeds,
        retain_graph=create_graph if retain_graph is None else retain_graph,
        kind=Tensor if create_graph else None,
        wanted=wanted,
    )
    for place, gradient in arrived.items():
        if isinstance(place, Leaf):
            accumulate(place, gradient)
        else:
            extras = place.attached()
            if not extras.retains_grad:  # else the walk has added it
                extras.grad = gradient if extras.grad is None else extras.grad + gradient
