"""PyTorch's methods that compute: each records a function of the sheet, or is written in terms of others."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike
from scipy.special import erf, expit

from ..core import functions as f
from ..core.record import Variable, record
from .arguments import Dim, Size, axis_of, dim_of, get_default_dtype, int_lengths, lengths, refusing_names, validated
from .casts import Casts
from .derived import derived, norm
from .in_place import InPlace
from .indexing import along, steps
from .named import Named
from .operators import Operators, matrix_product

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["Methods", "Selected"]


class Selected(NamedTuple):
    """The entries that `sort`, ``max(dim)`` or a method like them has selected along a dimension, and their indices."""

    values: Tensor
    indices: Tensor


def _axes_of(dim: Dim, ndim: int) -> int | tuple[int, ...] | None:
    """As `axis_of`, but an empty `dim` means no dimension, as it does in `all` and `any` alone."""
    return () if isinstance(dim, list | tuple) and not dim else axis_of(dim, ndim)


# What the core calls Any has these types here.
_record: Callable[..., Tensor] = record
_derived: Mapping[Any, Callable[..., Tensor]] = derived


class Methods(Operators, InPlace, Casts, Named):
    """The methods of a Tensor that compute, and those that say what shape it has."""

    __slots__ = ()

    @property
    def shape(self) -> Size:
        """The length of each dimension."""
        return Size(self._data.shape)  # code of this package that many calls pass through reads `_data.shape`

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the length of dimension `dim`."""
        return self.shape if dim is None else self._data.shape[dim]

    def dim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim

    def numel(self) -> int:
        """The number of entries."""
        return self._data.size

    def nelement(self) -> int:
        """`numel`, under PyTorch's other name."""
        return self._data.size

    @property
    def itemsize(self) -> int:
        """The number of bytes of an entry."""
        return self._data.itemsize

    @property
    def nbytes(self) -> int:
        """The number of bytes of all entries."""
        return self._data.nbytes

    @property
    def real(self) -> Self:
        """This Tensor, whose entries are real."""
        return self

    def __getitem__(self, index: Any) -> Tensor:
        result: Any = self
        for step in steps(index):  # one step, or two where NumPy would put the dimensions in another order
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
        """−1, 0 or 1. Its derivative is 0."""
        return _record(np.sign, (self,)) if self._data.dtype.kind != "b" else self.clone()

    def floor(self) -> Tensor:
        """The greatest integer not above x. Its derivative is 0."""
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
        """The larger of each two entries. Where both are equal, each gets half the gradient."""
        return _record(np.maximum, (self, other))

    def minimum(self, other: Any) -> Tensor:
        """The smaller of each two entries. Where both are equal, each gets half the gradient."""
        return _record(np.minimum, (self, other))

    def logaddexp(self, other: Any) -> Tensor:
        """ln(eˣ + e^other)."""
        return _record(np.logaddexp, (self, other))

    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        """x, but `min` where x is below it, and `max` where x is above it. At a bound the derivative is 1.

        Raises:
            ValueError: neither bound is given.
        """
        if min is None and max is None:
            raise ValueError("clamp() takes min=, max= or both")
        return _derived[np.clip](self, min, max)

    def masked_fill(self, mask: Any, value: Any) -> Tensor:
        """`value` where `mask` is true, x elsewhere."""
        if isinstance(value, Variable):
            value = value.to(self._data.dtype)  # type: ignore[attr-defined]
        elif value is None:
            raise TypeError("masked_fill() takes a Tensor or a number as value, not None")
        elif isinstance(value, int | float) and self._data.dtype.kind != "f":
            value = self._data.dtype.type(value).item()
        return _record(np.where, (mask, value, self))

    def softmax(self, dim: int, dtype: DTypeLike | None = None) -> Tensor:
        """eˣ / Σ eˣ along `dim`, of this Tensor as `dtype`. Integers and booleans become the default dtype."""
        return self.log_softmax(dim, dtype).exp()

    def log_softmax(self, dim: int, dtype: DTypeLike | None = None) -> Tensor:
        """x − ln Σ eˣ along `dim`, of this Tensor as `dtype`. Integers and booleans become the default dtype."""
        x = self if dtype is None else self.to(dtype)
        return _record(f.log_softmax, (x._as_floating(),), {"axis": axis_of(dim, self._data.ndim)})

    # --- reductions ---------------------------------------------------------------------------------------------------

    def sum(self, dim: Dim = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
        """The sum over `dim`, of this Tensor as `dtype`; by default over all dimensions."""
        if dtype is not None:
            return self.to(dtype).sum(dim, keepdim).to(dtype)
        return _record(np.sum, (self,), {"axis": axis_of(dim, self._data.ndim), "keepdims": keepdim})

    def mean(self, dim: Dim = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
        """The mean over `dim`, of this Tensor as `dtype`; by default over all dimensions.

        Raises:
            TypeError: the Tensor holds integers, whose mean is not an integer.
        """
        x = self if dtype is None else self.to(dtype)
        return _derived[np.mean](x._floating("mean"), axis_of(dim, self._data.ndim), keepdim)

    def var(
        self,
        dim: Dim | bool = None,
        unbiased: bool | None = None,
        keepdim: bool = False,
        *,
        correction: float | None = None,
    ) -> Tensor:
        """The variance Σ (x − mean)² / (n − correction) over the n entries of `dim`; by default of all dimensions.

        Args:
            unbiased: True for a `correction` of 1, False for 0. It may stand in the place of `dim`, too.
            correction: 1 by default.

        Raises:
            TypeError: the Tensor holds integers, or both `unbiased` and `correction` are given.
            ValueError: n is not larger than `correction`.
        """
        axis, ddof = self._spread_over("var", dim, unbiased, correction)
        return _derived[np.var](self, axis, ddof=ddof, keepdims=keepdim)

    def std(
        self,
        dim: Dim | bool = None,
        unbiased: bool | None = None,
        keepdim: bool = False,
        *,
        correction: float | None = None,
    ) -> Tensor:
        """The square root of `var`, which has the same arguments. Its derivative is 0 where all entries are equal."""
        axis, ddof = self._spread_over("std", dim, unbiased, correction)
        return _derived[np.std](self, axis, ddof=ddof, keepdims=keepdim)

    def _spread_over(
        self, method: str, dim: Dim | bool, unbiased: bool | None, correction: float | None
    ) -> tuple[Any, float]:
        """The axis and the correction that the arguments of `var` and `std` mean."""
        self._floating(method)
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        if unbiased is not None and correction is not None:
            raise TypeError(f"{method}() takes unbiased= or correction=, not both: unbiased=True is correction=1")
        given = 1 if correction is None else correction
        return axis_of(dim, self._data.ndim), given if unbiased is None else int(unbiased)

    def norm(self, p: Any = "fro", dim: Dim = None, keepdim: bool = False) -> Tensor:
        """(Σ |x|ᵖ)^(1/p) over `dim`; by default over all dimensions, and p = 2. Its derivative is 0 where all x are 0.

        For p = 0, the norm is the number of entries that are not 0. For a negative p, the norm and its derivative are 0
        if an x is 0.

        Raises:
            TypeError: the Tensor holds integers.
            ValueError: `p` is neither "fro" nor a number.
        """
        if isinstance(p, str) and p != "fro":
            raise ValueError(f'norm() takes p="fro" or a number, not {p!r}: for "nuc", write linalg.matrix_norm')
        return norm(self._floating("norm"), 2 if p == "fro" else p, axis_of(dim, self._data.ndim), keepdim)  # type: ignore[no-any-return]

    def _floating(self, method: str) -> Self:
        if self.dtype.kind != "f":
            raise TypeError(f"{method}() takes a floating Tensor, not one of {self.dtype}: write tensor(...).float()")
        return self

    def _as_floating(self) -> Any:
        """This Tensor, or, if it holds integers or booleans, a Tensor of the default dtype."""
        return self if self._data.dtype.kind == "f" else self._cast(get_default_dtype())

    def prod(self, dim: Dim = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
        """The product over `dim`, of this Tensor as `dtype`; by default over all dimensions.

        That of small integers is of 64 bits, as a sum is.
        """
        if dtype is not None:
            return self.to(dtype).prod(dim, keepdim).to(dtype)
        return _derived[np.prod](self, axis_of(dim, self._data.ndim), keepdim)

    def cumsum(self, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
        """The running sum along `dim`, of this Tensor as `dtype`."""
        if dtype is not None:
            return self.to(dtype).cumsum(dim).to(dtype)
        axis = axis_of(dim, self._data.ndim)
        if isinstance(axis, tuple) and not axis:  # of a number
            return self.reshape(1).cumsum(0).reshape(())
        return _record(np.cumsum, (self,), {"axis": axis})

    def max(self, dim: int | Tensor | None = None, keepdim: bool = False) -> Any:
        """The maximum of all entries, or the `Selected` ones along `dim`; with another Tensor what `maximum` returns.

        Of several equal maxima, each gets an equal share of the gradient. With `dim`, the first one gets all of it.
        """
        if isinstance(dim, Variable):
            return self.maximum(dim)
        return self._extremum(np.max, np.argmax, dim, keepdim)

    def min(self, dim: int | Tensor | None = None, keepdim: bool = False) -> Any:
        """The minimum of all entries, or the `Selected` ones along `dim`; with another Tensor what `minimum` returns.

        Of several equal minima, each gets an equal share of the gradient. With `dim`, the first one gets all of it.
        """
        if isinstance(dim, Variable):
            return self.minimum(dim)
        return self._extremum(np.min, np.argmin, dim, keepdim)

    def _extremum(self, function: Any, index_function: Any, dim: int | None, keepdim: bool) -> Any:
        """`max` or `min` of this Tensor, by NumPy's function for the value and its function for the index."""
        if dim is None:
            return _record(function, (self,))
        if not self.ndim:
            return self.reshape(1)._extremum(function, index_function, dim, False)
        dim = dim_of(dim, self)
        indices = _record(index_function, (self,), {"axis": dim, "keepdims": keepdim})
        positions = indices._data if keepdim else np.expand_dims(indices._data, dim)
        values = f.getitem(self, along(positions, dim))
        return Selected(values if keepdim else values.squeeze(dim), indices)

    def amax(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """The maximum over `dim`; by default over all dimensions. Entries that equal it share its gradient equally."""
        return _record(np.max, (self,), {"axis": axis_of(dim, self._data.ndim), "keepdims": keepdim})

    def amin(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """The minimum over `dim`; by default over all dimensions. Entries that equal it share its gradient equally."""
        return _record(np.min, (self,), {"axis": axis_of(dim, self._data.ndim), "keepdims": keepdim})

    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """The index of the first maximum along `dim`; by default in the flattened Tensor."""
        return _record(np.argmax, (self,), {"axis": dim, "keepdims": keepdim})

    def argmin(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """The index of the first minimum along `dim`; by default in the flattened Tensor."""
        return _record(np.argmin, (self,), {"axis": dim, "keepdims": keepdim})

    def any(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """Whether any entry over `dim` is true; by default over all dimensions."""
        return _record(np.any, (self,), {"axis": _axes_of(dim, self._data.ndim), "keepdims": keepdim})

    def all(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """Whether all entries over `dim` are true; by default over all dimensions."""
        return _record(np.all, (self,), {"axis": _axes_of(dim, self._data.ndim), "keepdims": keepdim})

    def logsumexp(self, dim: Dim, keepdim: bool = False) -> Tensor:
        """ln Σ eˣ over `dim`. Integers and booleans are converted to the default dtype first."""
        return _record(
            f.logsumexp, (self._as_floating(),), {"axis": axis_of(dim, self._data.ndim), "keepdims": keepdim}
        )

    # --- shape and order ----------------------------------------------------------------------------------------------

    def reshape(self, *given: Any, shape: Sequence[int] | None = None) -> Tensor:
        """The same entries in another shape. One length may be −1: it is computed from the others."""
        return _record(np.reshape, (self,), {"shape": lengths(given, shape)})

    def view(self, *shape: Any, size: Sequence[int] | None = None) -> Tensor:
        """`reshape`, under PyTorch's other name."""
        return _record(np.reshape, (self,), {"shape": lengths(shape, size)})

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """This Tensor with the dimensions `start_dim` to `end_dim` joined into one; by default all of them.

        Raises:
            IndexError: the Tensor has no such dimension.
        """
        if not self.ndim:
            return self.reshape(1)
        start = dim_of(start_dim, self)
        end = dim_of(end_dim, self) + 1
        return self.reshape(*self.shape[:start], math.prod(self.shape[start:end]), *self.shape[end:])

    @property
    def T(self) -> Tensor:
        """This Tensor with its dimensions in reverse order."""
        return _record(np.transpose, (self,))

    @property
    def mT(self) -> Tensor:
        """This Tensor with its last two dimensions swapped."""
        return self.transpose(-1, -2) if self.ndim else self.T

    @property
    def mH(self) -> Tensor:
        """`mT`, under the name of the conjugate transpose: the entries are real."""
        return self.mT

    @property
    def H(self) -> Tensor:
        """The transpose of a matrix, under the name of the conjugate transpose: the entries are real.

        Raises:
            ValueError: the Tensor is no matrix.
        """
        if self.ndim not in (0, 2):
            raise ValueError(
                f"H is of a matrix, not of shape {self.shape}: use mH, which swaps the last two dimensions"
            )
        return self.T

    def t(self) -> Tensor:
        """The transpose of a matrix. A vector stays as it is.

        Raises:
            ValueError: the Tensor has more than two dimensions.
        """
        if self.ndim > 2:
            raise ValueError(f"t() takes a matrix, not shape {self.shape}: use transpose(dim0, dim1) or permute")
        return self.T

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        """This Tensor with the dimensions `dim0` and `dim1` swapped."""
        axes: Any = axis_of((dim0, dim1), self._data.ndim)
        return _derived[np.swapaxes](self, *axes) if axes else self.T  # a Tensor without dimensions has no axes

    def permute(self, *given: int | Sequence[int], dims: Sequence[int] | None = None) -> Tensor:
        """This Tensor with its dimensions in the order `dims`, which are given one by one or as one sequence."""
        return _record(np.transpose, (self,), {"axes": lengths(given, dims)})

    def squeeze(self, dim: Dim = None) -> Tensor:
        """This Tensor without the dimensions among `dim` that have length 1; by default among all."""
        if dim is not None:
            axes: Any = axis_of(int_lengths((dim,)), self._data.ndim) or ()
            dim = tuple(axis for axis in axes if self.shape[axis] == 1)
        return _derived[np.squeeze](self, dim)

    def unsqueeze(self, dim: int) -> Tensor:
        """This Tensor with a new dimension of length 1 at `dim`."""
        return _derived[np.expand_dims](self, dim)

    def expand(self, *sizes: Any, size: Sequence[int] | None = None) -> Tensor:
        """This Tensor repeated along dimensions of length 1 to the shape `sizes`. A size of −1 keeps the length.

        The result is a view that cannot be written to: an entry of it can stand for several. Write to a ``.clone()``.

        Raises:
            ValueError: there are fewer sizes than dimensions, or the shape does not broadcast to `sizes`.
        """
        shape = lengths(sizes, size)
        if len(shape) < self.ndim:
            raise ValueError(f"expand() of shape {self.shape} takes {self.ndim} sizes or more, not {len(shape)}")
        own = (1,) * (len(shape) - self.ndim) + self.shape
        wanted = tuple(n if size == -1 else size for n, size in zip(own, shape, strict=True))
        return _record(np.broadcast_to, (self,), {"shape": wanted})

    def broadcast_to(self, *sizes: Any, size: Sequence[int] | None = None) -> Tensor:
        """`expand`, under NumPy's name."""
        return self.expand(*sizes, size=size)

    def repeat(self, *sizes: Any, repeats: Sequence[int] | None = None) -> Tensor:
        """Copies of this Tensor side by side, ``sizes[i]`` of them along dimension i, as in `numpy.tile`.

        Raises:
            ValueError: there are fewer sizes than dimensions.
        """
        times = int_lengths(sizes, repeats)
        if len(times) < self.ndim:
            raise ValueError(f"repeat() of shape {self.shape} takes {self.ndim} sizes or more, not {len(times)}")
        return _derived[np.tile](self, times)

    def flip(self, *given: int | Sequence[int], dims: Sequence[int] | None = None) -> Tensor:
        """A copy with the order of the entries along `dims` reversed."""
        return _record(np.flip, (self,), {"axis": axis_of(int_lengths(given, dims), self._data.ndim) or ()})

    def roll(self, shifts: int | tuple[int, ...], dims: Dim = None) -> Tensor:
        """A copy with the entries moved by `shifts` along `dims`; by default along the flattened Tensor.

        Entries that are moved past the end come in again at the start.

        Raises:
            TypeError: a shift is no integer.
        """
        shifts = int_lengths((shifts,)) if isinstance(shifts, list | tuple) else int_lengths((shifts,))[0]
        return _record(np.roll, (self,), {"shift": shifts, "axis": axis_of(dims, self._data.ndim)})

    def diagonal(self, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
        """A view of the diagonals of the matrices that `dim1` and `dim2` span, as the last dimension.

        `offset` counts diagonals from the main one, upwards or to the right.
        """
        return _record(np.diagonal, (self,), {"offset": offset, "axis1": dim1, "axis2": dim2})

    def tril(self, diagonal: int = 0) -> Tensor:
        """A copy with zeros above a diagonal of the last two dimensions: the main one, or `diagonal` further up.

        Raises:
            ValueError: the Tensor is a number.
        """
        return _record(np.tril, (self._matrices("tril"),), {"k": int(diagonal)})

    def triu(self, diagonal: int = 0) -> Tensor:
        """A copy with zeros below a diagonal of the last two dimensions: the main one, or `diagonal` further up.

        Raises:
            ValueError: the Tensor is a number.
        """
        return _record(np.triu, (self._matrices("triu"),), {"k": int(diagonal)})

    def _matrices(self, method: str) -> Self:
        if not self.ndim:
            raise ValueError(f"{method}() takes a matrix, not a number: write x.reshape(1, 1)")
        return self

    # --- products -----------------------------------------------------------------------------------------------------

    def matmul(self, other: Any) -> Tensor:
        """The matrix product, by the rules of `numpy.matmul`."""
        return matrix_product(self, other)

    def mm(self, mat2: Tensor) -> Tensor:
        """The product of two matrices.

        Raises:
            ValueError: one of the two is not a matrix.
        """
        if self.ndim != 2 or np.ndim(mat2) != 2:
            raise ValueError(f"mm() takes two matrices, not shapes {self.shape} and {np.shape(mat2)}: use matmul")
        return matrix_product(self, mat2)

    def outer(self, vec2: Tensor) -> Tensor:
        """The matrix of the products of the entries of two vectors.

        Raises:
            ValueError: one of the two is not a vector.
        """
        if self.ndim != 1 or np.ndim(vec2) != 1:
            raise ValueError(
                f"outer() takes two vectors, not shapes {self.shape} and {np.shape(vec2)}: .flatten() them"
            )
        return _derived[np.outer](self, vec2)

    # --- copies -------------------------------------------------------------------------------------------------------

    def clone(self) -> Tensor:
        """A copy in memory of its own. Gradients pass through it."""
        return _record(f.clone, (self,))


# Each method validates its arguments. One with an option such as `dim` takes NumPy's name for it, too, or refuses that.
for _name, _method in list(vars(Methods).items()):
    if isinstance(_method, FunctionType) and not _name.startswith("_"):
        setattr(Methods, _name, refusing_names(_method) if _method is Methods.norm else validated(_method))
