"""What a Tensor computes: PyTorch's methods and Python's operators, functions of the sheet or lines of others."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.lib.array_utils import normalize_axis_index
from numpy.typing import DTypeLike
from scipy.special import erf, expit

from ..core import functions as f
from ..core import guard
from ..core.mode import is_grad_enabled
from ..core.record import Leaf, Variable, record
from ..core.tape import observer
from .arguments import Dim, along, dims, dtype_to, lengths, raw, steps
from .derived import derived, norm

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["Extremum", "Methods", "matrix_product"]


class Extremum(NamedTuple):
    """What ``max(dim)`` and ``min(dim)`` return: the values, and where the first of each stands."""

    values: Tensor
    indices: Tensor


# What the core has, as the type checker is to know it.
_record: Callable[..., Tensor] = record
_derived: Mapping[Any, Callable[..., Tensor]] = derived


def matrix_product(a: Any, b: Any) -> Tensor:
    """`numpy.matmul`. Its rules are for matrices, so a vector gets a dimension, which the result loses again."""
    if np.ndim(a) == 1:
        return matrix_product(np.expand_dims(a, 0), b).squeeze(-2 if np.ndim(b) > 1 else 0)
    if np.ndim(b) == 1:
        return matrix_product(a, np.expand_dims(b, 1)).squeeze(-1)
    return _record(np.matmul, (a, b))


def _prefix(function: Any) -> Callable[[Any], Tensor]:
    """A unary operator that records `function`."""

    def operator(self: Any) -> Tensor:
        return _record(function, (self,))

    return operator


def _infix(function: Any) -> Callable[[Any, Any], Tensor]:
    """A binary operator that records `function` of a Tensor and what stands to its right."""

    def operator(self: Any, other: Any) -> Tensor:
        return _record(function, (self, other))

    return operator


def _reflected(function: Any) -> Callable[[Any, Any], Tensor]:
    """A binary operator that records `function` of what stands to the left of a Tensor, and the Tensor."""

    def operator(self: Any, other: Any) -> Tensor:
        return _record(function, (other, self))

    return operator


def _in_place(name: str, function: Any) -> Callable[[Any, Any], Any]:
    """An operator that changes a Tensor in place, called `name` in messages."""

    def operator(self: Any, other: Any) -> Any:
        return self._update(name, function, other)

    return operator


def _change(change: Callable[[Any, Any], Any], tensor: Any, value: Any) -> None:
    """Call ``change(array, value)`` with the array of `tensor`, and note that it has been written to."""
    change(tensor._data, raw(value))
    guard.stamp([tensor._data])


def _assign(index: list[Any], array: Any, entries: Any) -> None:
    """Put `entries` at the steps of an index."""
    *first, last = index
    for step in first:
        array = array[step]
    array[last] = entries


def _scaled(value: Any, alpha: Any) -> Any:
    """``alpha · value``."""
    return value if type(alpha) in (int, float) and alpha == 1 else np.multiply(value, alpha)


class Methods(Variable):
    """The methods of a Tensor that compute, and those that say what shape it has."""

    __slots__ = ()

    if TYPE_CHECKING:

        def detach(self) -> Tensor: ...

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

    def __getitem__(self, index: Any) -> Tensor:
        result: Any = self
        for step in steps(index):
            result = _record(f.getitem, (result,), {"index": step})
        return result  # type: ignore[no-any-return]

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
        return _derived[np.clip](self, min, max)

    def masked_fill(self, mask: Any, value: Any) -> Tensor:
        """`value` where `mask` is true, x elsewhere."""
        return _record(np.where, (mask, value, self))

    def softmax(self, dim: int) -> Tensor:
        """eˣ / Σ eˣ along `dim`."""
        return self.log_softmax(dim).exp()

    def log_softmax(self, dim: int) -> Tensor:
        """x − ln Σ eˣ along `dim`."""
        return _record(f.log_softmax, (self,), {"axis": dim})

    # --- reductions ---------------------------------------------------------------------------------------------------

    def sum(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """The sum over `dim`, or over everything."""
        return _record(np.sum, (self,), {"axis": dims(dim), "keepdims": keepdim})

    def mean(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """The mean over `dim`, or over everything.

        Raises:
            TypeError: the Tensor holds integers, whose mean is not an integer.
        """
        return _derived[np.mean](self._floating("mean"), dims(dim), keepdim)

    def var(self, dim: Dim = None, *, correction: int = 1, keepdim: bool = False) -> Tensor:
        """The variance Σ (x − mean)² / (n − correction) over `dim`, or over everything.

        Raises:
            TypeError: the Tensor holds integers.
            ValueError: there are no more entries than `correction`.
        """
        x = self._floating("var")
        return _derived[np.var](x, dims(dim), ddof=correction, keepdims=keepdim)

    def std(self, dim: Dim = None, *, correction: int = 1, keepdim: bool = False) -> Tensor:
        """The square root of `var`; its derivative is 0 where all entries are equal."""
        x = self._floating("std")
        return _derived[np.std](x, dims(dim), ddof=correction, keepdims=keepdim)

    def norm(self, p: Any = "fro", dim: Dim = None, keepdim: bool = False) -> Tensor:
        """(Σ |x|ᵖ)^(1/p) over `dim`, or over everything; p = 2 by default; its derivative at 0 is 0.

        Raises:
            TypeError: the Tensor holds integers.
            ValueError: `p` is neither "fro" nor positive nor ±∞.
        """
        if isinstance(p, str) and p != "fro":
            raise ValueError(f'norm() takes p="fro" or a number, not {p!r}')
        return norm(self._floating("norm"), 2 if p == "fro" else p, dims(dim), keepdim)  # type: ignore[no-any-return]

    def _floating(self, method: str) -> Self:
        if self.dtype.kind != "f":
            raise TypeError(f"{method}() takes a floating Tensor, not one of {self.dtype}: call .float() first")
        return self

    def prod(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """The product over `dim`, or over everything."""
        return _derived[np.prod](self, dims(dim), keepdim)

    def cumsum(self, dim: int) -> Tensor:
        """The running sum along `dim`."""
        return _record(np.cumsum, (self,), {"axis": dim})

    def max(self, dim: int | Tensor | None = None, keepdim: bool = False) -> Any:
        """The maximum of everything, whose ties share the gradient; or the `Extremum` along `dim`, the first of it.

        Given another Tensor it is `maximum`.
        """
        if isinstance(dim, Variable):
            return self.maximum(dim)
        return self._extremum(np.max, np.argmax, dim, keepdim)

    def min(self, dim: int | Tensor | None = None, keepdim: bool = False) -> Any:
        """The minimum of everything, whose ties share the gradient; or the `Extremum` along `dim`, the first of it.

        Given another Tensor it is `minimum`.
        """
        if isinstance(dim, Variable):
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
        values = f.getitem(self, along(positions, dim))
        return Extremum(values if keepdim else values.squeeze(dim), indices)

    def amax(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """The maximum over `dim`, whose ties share the gradient."""
        return _record(np.max, (self,), {"axis": dims(dim), "keepdims": keepdim})

    def amin(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """The minimum over `dim`, whose ties share the gradient."""
        return _record(np.min, (self,), {"axis": dims(dim), "keepdims": keepdim})

    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """Where the first maximum stands: along `dim`, or in the flattened Tensor."""
        return _record(np.argmax, (self,), {"axis": dim, "keepdims": keepdim})

    def argmin(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """Where the first minimum stands: along `dim`, or in the flattened Tensor."""
        return _record(np.argmin, (self,), {"axis": dim, "keepdims": keepdim})

    def any(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """Whether any entry is true, over `dim` or over everything."""
        return _record(np.any, (self,), {"axis": dims(dim), "keepdims": keepdim})

    def all(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """Whether all entries are true, over `dim` or over everything."""
        return _record(np.all, (self,), {"axis": dims(dim), "keepdims": keepdim})

    def logsumexp(self, dim: Dim, keepdim: bool = False) -> Tensor:
        """ln Σ eˣ over `dim`."""
        return _record(f.logsumexp, (self,), {"axis": dims(dim), "keepdims": keepdim})

    # --- movement -----------------------------------------------------------------------------------------------------

    def reshape(self, *shape: Any) -> Tensor:
        """The same entries in another shape, of which one length may be −1."""
        return _record(np.reshape, (self,), {"shape": lengths(shape)})

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
        return _derived[np.swapaxes](self, dim0, dim1)

    def permute(self, *given: int | Sequence[int], dims: Sequence[int] | None = None) -> Tensor:
        """The dimensions in the order `dims`."""
        return _record(np.transpose, (self,), {"axes": lengths(given, dims)})

    def squeeze(self, dim: Dim = None) -> Tensor:
        """Without the dimensions of length 1 among `dim`, or among all."""
        if dim is not None:
            dim = tuple(d for d in np.atleast_1d(dim).tolist() if self.shape[d] == 1)
        return _derived[np.squeeze](self, dim)

    def unsqueeze(self, dim: int) -> Tensor:
        """With a dimension of length 1 put at `dim`."""
        return _derived[np.expand_dims](self, dim)

    def broadcast_to(self, shape: Sequence[int]) -> Tensor:
        """Repeated to `shape` by NumPy's rules."""
        return _record(np.broadcast_to, (self,), {"shape": tuple(shape)})

    def expand(self, *sizes: Any) -> Tensor:
        """Repeated to `sizes`, of which −1 keeps a length."""
        shape = lengths(sizes)
        own = (1,) * (len(shape) - self.ndim) + self.shape
        return self.broadcast_to([n if size == -1 else size for n, size in zip(own, shape, strict=True)])

    def repeat(self, *sizes: Any) -> Tensor:
        """Copies side by side: dimension i holds ``sizes[i]`` of them, as `numpy.tile` does.

        Raises:
            ValueError: there are fewer sizes than dimensions.
        """
        times = lengths(sizes)
        if len(times) < self.ndim:
            raise ValueError(f"repeat() of shape {self.shape} takes {self.ndim} sizes or more, not {len(times)}")
        return _derived[np.tile](self, times)

    def flip(self, *given: int | Sequence[int], dims: Sequence[int] | None = None) -> Tensor:
        """With the order along `dims` reversed."""
        return _record(np.flip, (self,), {"axis": lengths(given, dims)})

    def roll(self, shifts: int | tuple[int, ...], dims: Dim = None) -> Tensor:
        """A copy with entries moved by `shifts` along `dims`, or as if flattened; the last ones go to the start."""
        return _record(np.roll, (self,), {"shift": shifts, "axis": dims})

    def diagonal(self, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
        """The diagonal of each matrix in `dim1` and `dim2`, `offset` above the main one, as the last dimension."""
        return _derived[np.diagonal](self, offset, dim1, dim2)

    def tril(self, diagonal: int = 0) -> Tensor:
        """A copy with zeros above diagonal number `diagonal` of the last two dimensions."""
        return _record(np.tril, (self,), {"k": diagonal})

    def triu(self, diagonal: int = 0) -> Tensor:
        """A copy with zeros below diagonal number `diagonal` of the last two dimensions."""
        return _record(np.triu, (self,), {"k": diagonal})

    # --- products -----------------------------------------------------------------------------------------------------

    def matmul(self, other: Any) -> Tensor:
        """The matrix product, by the rules of `numpy.matmul`."""
        return matrix_product(self, other)

    def mm(self, mat2: Tensor) -> Tensor:
        """The product of two matrices.

        Raises:
            ValueError: one of the two is no matrix.
        """
        if self.ndim != 2 or mat2.ndim != 2:
            raise ValueError(f"mm() takes two matrices, not shapes {self.shape} and {mat2.shape}: use matmul")
        return matrix_product(self, mat2)

    def outer(self, vec2: Tensor) -> Tensor:
        """The matrix of the products of the entries of two vectors.

        Raises:
            ValueError: one of the two is no vector.
        """
        if self.ndim != 1 or vec2.ndim != 1:
            raise ValueError(f"outer() takes two vectors, not shapes {self.shape} and {vec2.shape}: .flatten() them")
        return _derived[np.outer](self, vec2)

    # --- in place -----------------------------------------------------------------------------------------------------

    def _write(self, operation: str, change: Callable[[Any, Any], Any], value: Any) -> Self:
        """Let ``change(array, value)`` write to this Tensor's array and stamp it; refuse if gradients would suffer."""
        if is_grad_enabled():
            if self._node is not None:
                kind = (
                    "leaf that requires a gradient"
                    if isinstance(self._node, Leaf)
                    else "computed Tensor that needs its gradient"
                )
                raise RuntimeError(
                    f"{operation} would change a {kind} in place: put it under no_grad(), or write x = x + ... "
                    "instead; to add up losses, add loss.item()"
                )
            if isinstance(value, Variable) and value._node is not None:
                raise RuntimeError(
                    f"{operation} of a value that needs its gradient is not recorded: use where() or cat(), or write "
                    "x = x + ...; to add up losses, add loss.item()"
                )
        observer().write(functools.partial(_change, change), self, value)
        return self

    def _update(self, operation: str, ufunc: Callable[..., Any], other: Any) -> Self:
        """Put what `ufunc` makes of this Tensor and `other` in this Tensor's place."""
        return self._write(operation, lambda a, b: ufunc(a, b, out=a), other)

    def __setitem__(self, index: Any, value: Any) -> None:
        self._write("assignment to an index", functools.partial(_assign, steps(index)), value)

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

    # --- operators ----------------------------------------------------------------------------------------------------

    def __pos__(self) -> Self:
        return self

    def __pow__(self, exponent: Any) -> Tensor:
        keeps_dtype = type(exponent) is int or (type(exponent) is float and self._data.dtype.kind == "f")
        if keeps_dtype and exponent == 2:
            return _record(np.square, (self,))
        return _record(np.power, (self, exponent))

    def __matmul__(self, other: Any) -> Tensor:
        return matrix_product(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return matrix_product(other, self)

    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]
        return NotImplemented if other is None else _record(np.equal, (self, other))

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]
        return NotImplemented if other is None else _record(np.not_equal, (self, other))

    __neg__ = _prefix(np.negative)
    __abs__ = _prefix(np.absolute)
    __invert__ = _prefix(np.invert)

    __add__ = _infix(np.add)
    __sub__ = _infix(np.subtract)
    __mul__ = _infix(np.multiply)
    __truediv__ = _infix(np.divide)
    __floordiv__ = _infix(np.floor_divide)
    __mod__ = _infix(np.remainder)
    __lt__ = _infix(np.less)
    __le__ = _infix(np.less_equal)
    __gt__ = _infix(np.greater)
    __ge__ = _infix(np.greater_equal)
    __and__ = __rand__ = _infix(np.bitwise_and)
    __or__ = __ror__ = _infix(np.bitwise_or)
    __xor__ = __rxor__ = _infix(np.bitwise_xor)

    __radd__ = _reflected(np.add)
    __rsub__ = _reflected(np.subtract)
    __rmul__ = _reflected(np.multiply)
    __rtruediv__ = _reflected(np.divide)
    __rfloordiv__ = _reflected(np.floor_divide)
    __rmod__ = _reflected(np.remainder)
    __rpow__ = _reflected(np.power)

    __iadd__ = add_
    __isub__ = sub_
    __imul__ = mul_
    __itruediv__ = div_
    __ifloordiv__ = _in_place("//=", np.floor_divide)
    __imod__ = _in_place("%=", np.remainder)
    __ipow__ = _in_place("**=", np.power)
    __iand__ = _in_place("&=", np.bitwise_and)
    __ior__ = _in_place("|=", np.bitwise_or)
    __ixor__ = _in_place("^=", np.bitwise_xor)

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
        if self.dtype == wanted:
            return self  # type: ignore[return-value]
        source = self if wanted.kind == "f" else self.detach()
        return _record(f.astype, (source,), {"dtype": wanted})

    def float(self) -> Tensor:
        """This Tensor as float32."""
        return self.to(np.float32)

    def double(self) -> Tensor:
        """This Tensor as float64."""
        return self.to(np.float64)

    def long(self) -> Tensor:
        """This Tensor as int64."""
        return self.to(np.int64)


for _name, _method in vars(Methods).items():
    if getattr(_method, "__name__", "") == "operator":
        _method.__name__, _method.__qualname__ = _name, f"Tensor.{_name}"
