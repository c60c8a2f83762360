"""The functions of the tables. tests/names/stubs.py writes this file."""

import builtins
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..tensors.arguments import Dim, Size
from ..tensors.devices import DeviceLike
from ..tensors.methods import Selected
from ..tensors.random import AnyGenerator
from ..tensors.tensor import Tensor

def abs(input: Any) -> Tensor:
    """The absolute value; its derivative at 0 is 0."""

def abs_(input: Any) -> Tensor:
    """`abs`, written into this Tensor."""

def absolute(input: Any) -> Tensor:
    """The absolute value; its derivative at 0 is 0."""

def acos(input: Any) -> Tensor:
    """The angle in [0, π] whose cosine is x."""

def acos_(input: Any) -> Tensor:
    """`acos`, written into this Tensor."""

def acosh(input: Any) -> Tensor:
    """The number ≥ 0 whose hyperbolic cosine is x."""

def acosh_(input: Any) -> Tensor:
    """`acosh`, written into this Tensor."""

def add(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """x + alpha · other."""

def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · input + alpha · Σ batch1[i] @ batch2[i], the sum of the products of the matrices of two stacks.

    Raises:
        ValueError: the shapes do not fit.
    """

def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
    """x + value · tensor1 / tensor2."""

def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
    """x + value · tensor1 · tensor2."""

def addmm(input: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · input + alpha · mat1 @ mat2, of matrices.

    Raises:
        ValueError: the shapes do not fit.
    """

def addmv(input: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · input + alpha · mat @ vec, of a matrix and a vector.

    Raises:
        ValueError: the shapes do not fit.
    """

def addmv_(input: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """`addmv`, written into this Tensor."""

def addr(input: Any, vec1: Any, vec2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · input + alpha · vec1 vec2ᵀ, the outer product of two vectors.

    Raises:
        ValueError: the shapes do not fit.
    """

def adjoint(input: Any) -> Tensor:
    """This Tensor with its last two dimensions swapped, for its entries are real."""

def all(input: Any, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Whether all entries over `dim` are true; by default over all dimensions."""

def allclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all entries are close to those of `other`, as `isclose` says."""

def amax(input: Any, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The maximum over `dim`; by default over all dimensions. Entries that equal it share its gradient equally."""

def amin(input: Any, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The minimum over `dim`; by default over all dimensions. Entries that equal it share its gradient equally."""

def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """The smallest and the greatest entry along `dim`, as a named tuple of `min` and `max`; by default of all entries.

    Entries that equal one of them share its gradient equally.
    """

def any(input: Any, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Whether any entry over `dim` is true; by default over all dimensions."""

def arccos(input: Any) -> Tensor:
    """The angle in [0, π] whose cosine is x."""

def arccos_(input: Any) -> Tensor:
    """`arccos`, written into this Tensor."""

def arccosh(input: Any) -> Tensor:
    """The number ≥ 0 whose hyperbolic cosine is x."""

def arccosh_(input: Any) -> Tensor:
    """`arccosh`, written into this Tensor."""

def arcsin(input: Any) -> Tensor:
    """The angle in [−π/2, π/2] whose sine is x."""

def arcsin_(input: Any) -> Tensor:
    """`arcsin`, written into this Tensor."""

def arcsinh(input: Any) -> Tensor:
    """The number whose hyperbolic sine is x."""

def arcsinh_(input: Any) -> Tensor:
    """`arcsinh`, written into this Tensor."""

def arctan(input: Any) -> Tensor:
    """The angle in (−π/2, π/2) whose tangent is x."""

def arctan2(input: Any, other: Any) -> Tensor:
    """The angle of the point (other, x)."""

def arctan_(input: Any) -> Tensor:
    """`arctan`, written into this Tensor."""

def arctanh(input: Any) -> Tensor:
    """The number whose hyperbolic tangent is x."""

def arctanh_(input: Any) -> Tensor:
    """`arctanh`, written into this Tensor."""

def are_deterministic_algorithms_enabled() -> bool:
    """True."""

def argmax(input: Any, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the first maximum along `dim`; by default in the flattened Tensor."""

def argmin(input: Any, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the first minimum along `dim`; by default in the flattened Tensor."""

def argsort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Tensor:
    """The indices along `dim` that sort this Tensor: of equal entries the first comes first."""

def argwhere(input: Any) -> Tensor:
    """A row of indices for each entry that is not 0."""

def asarray(
    obj: Any,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    copy: bool | None = None,
    requires_grad: bool | None = None,
) -> Tensor:
    """`obj` as a Tensor, which shares the memory of a Tensor or an array unless it has to be converted.

    Args:
        obj: a Tensor, an array, a number or nested lists.
        copy: True for a copy in any case, and False for an error where one is needed.
        requires_grad: True for a result that requires a gradient, False for one that is detached from the graph; by
            default it requires one if `obj` does.

    Raises:
        TypeError: `obj` is not numeric, or no Tensor can hold its dtype, or `dtype`.
        ValueError: a copy is needed, but `copy` is False.
    """

def asin(input: Any) -> Tensor:
    """The angle in [−π/2, π/2] whose sine is x."""

def asin_(input: Any) -> Tensor:
    """`asin`, written into this Tensor."""

def asinh(input: Any) -> Tensor:
    """The number whose hyperbolic sine is x."""

def asinh_(input: Any) -> Tensor:
    """`asinh`, written into this Tensor."""

def atan(input: Any) -> Tensor:
    """The angle in (−π/2, π/2) whose tangent is x."""

def atan2(input: Any, other: Any) -> Tensor:
    """The angle of the point (other, x)."""

def atan_(input: Any) -> Tensor:
    """`atan`, written into this Tensor."""

def atanh(input: Any) -> Tensor:
    """The number whose hyperbolic tangent is x."""

def atanh_(input: Any) -> Tensor:
    """`atanh`, written into this Tensor."""

def atleast_1d(*tensors: Any) -> Any:
    """A number as a vector of shape (1,), and other Tensors as they are. Several Tensors give a tuple."""

def atleast_2d(*tensors: Any) -> Any:
    """A vector as a matrix of one row, and other Tensors as they are. Several Tensors give a tuple."""

def atleast_3d(*tensors: Any) -> Any:
    """A matrix with a third dimension of length 1, a vector in the shape (1, n, 1), and other Tensors as they are.

    Several Tensors give a tuple.
    """

def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · input + alpha · batch1 @ batch2, of stacks of matrices.

    Raises:
        ValueError: the shapes do not fit.
    """

def bernoulli(input: Any, p: Any = None, *, generator: AnyGenerator | None = None) -> Tensor:
    """For each entry of `input`, 1 or 0 in its dtype. The probability of 1 is the entry itself, or `p`.

    Raises:
        ValueError: a probability is below 0 or above 1.
    """

def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, … occurs in a vector or, with `weights`, the sum of the weights of each.

    Raises:
        ValueError: the Tensor is no vector of integers from 0, or the weights have another shape.
    """

def binomial(count: Any, prob: Any, generator: AnyGenerator | None = None) -> Tensor:
    """How many of `count` trials succeed, each with the probability `prob`: one number for each entry of both.

    Raises:
        ValueError: a count is negative, or a probability is below 0 or above 1.
    """

def bitwise_and(input: Any, other: Any) -> Tensor:
    """The bits that x and other have."""

def bitwise_left_shift(input: Any, other: Any) -> Tensor:
    """x · 2^other, for integers."""

def bitwise_not(input: Any) -> Tensor:
    """The bits that x does not have."""

def bitwise_or(input: Any, other: Any) -> Tensor:
    """The bits that x or other has."""

def bitwise_right_shift(input: Any, other: Any) -> Tensor:
    """⌊x / 2^other⌋, for integers."""

def bitwise_xor(input: Any, other: Any) -> Tensor:
    """The bits that exactly one of both has."""

def block_diag(*tensors: Any) -> Tensor:
    """A matrix with these matrices on its diagonal, one after the other, and zeros elsewhere. A vector is a row.

    Raises:
        ValueError: a Tensor has more than two dimensions.
    """

def bmm(input: Any, mat2: Any) -> Tensor:
    """The products of the matrices of two stacks, of shapes (b, n, k) and (b, k, m).

    Raises:
        ValueError: the shapes are others.
    """

def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that Tensors of these `shapes` have together when they are broadcast. A number stands for (number,).

    Raises:
        ValueError: the shapes do not fit.
    """

def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """The Tensors, each repeated to the shape that they have together: views that cannot be written to.

    Raises:
        ValueError: the shapes do not fit.
    """

def broadcast_to(input: Any, *sizes: Any, size: Sequence[int] | None = None) -> Tensor:
    """`expand`, under NumPy's name."""

def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """For each entry, the number of the interval between sorted `boundaries` that holds it.

    An entry that equals a boundary belongs to the interval below the boundary or, with `right`, above it.

    Raises:
        ValueError: the boundaries are no vector.
    """

def can_cast(from_: DTypeLike, to: DTypeLike) -> bool:
    """Whether a result of the dtype `from_` can be written to a Tensor of the dtype `to`.

    Floats cannot be written to integers, nor integers or floats to booleans.
    """

def cartesian_prod(*tensors: Any) -> Tensor:
    """All choices of one entry of each vector, as the rows of a matrix. Of one vector, the vector itself.

    Raises:
        ValueError: a Tensor is no vector.
    """

def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: str | None = "use_mm_for_euclid_dist_if_necessary") -> Tensor:
    """The distance of each row of `x1` from each row of `x2`: (…, n, m) for shapes (…, n, d) and (…, m, d).

    Its derivative is 0 where two rows are equal. The differences are computed in any `compute_mode`, so small distances
    are exact.

    Raises:
        ValueError: one of the two has no rows, or the rows have different lengths.
    """

def ceil(input: Any) -> Tensor:
    """The least integer not below x. Its derivative is 0."""

def ceil_(input: Any) -> Tensor:
    """`ceil`, written into this Tensor."""

def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x is positive, else `alpha` · (e^(x / `alpha`) − 1) (Barron 2017). `inplace` changes nothing.

    Raises:
        ValueError: `alpha` is 0 or no number.
    """

def celu_(input: Any, alpha: float = 1.0) -> Tensor:
    """`celu`, in place: the input becomes the result, and is returned."""

def chain_matmul(*matrices: Any) -> Tensor:
    """The product of one matrix or more, from left to right. `linalg.multi_dot` chooses the order that is fastest.

    Raises:
        ValueError: one of them is no matrix, or their shapes do not fit.
    """

def cholesky(input: Any, upper: bool = False) -> Tensor:
    """`linalg.cholesky`, under its older name."""

def cholesky_inverse(input: Any, upper: bool = False) -> Tensor:
    """The inverse of the matrix whose Cholesky factor is `input`."""

def cholesky_solve(input: Any, input2: Any, upper: bool = False) -> Tensor:
    """The solution of A X = `input`, where `input2` is the Cholesky factor of A."""

def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of at most `chunks` parts along `dim`. All parts have the same length, but the last may be shorter.

    Raises:
        TypeError: `chunks` is no integer.
        ValueError: `chunks` is not positive.
    """

def clamp(input: Any, min: Any = None, max: Any = None) -> Tensor:
    """x, but `min` where x is below it, and `max` where x is above it. At a bound the derivative is 1.

    Raises:
        ValueError: neither bound is given.
    """

def clamp_(input: Any, min: Any = None, max: Any = None) -> Tensor:
    """Set entries below `min` to `min`, and entries above `max` to `max`, in place.

    Raises:
        ValueError: neither bound is given.
    """

def clamp_max(input: Any, max: Any) -> Tensor:
    """x, but `max` where x is above it."""

def clamp_max_(input: Any, max: Any) -> Tensor:
    """`clamp_max`, written into this Tensor."""

def clamp_min(input: Any, min: Any) -> Tensor:
    """x, but `min` where x is below it."""

def clamp_min_(input: Any, min: Any) -> Tensor:
    """`clamp_min`, written into this Tensor."""

def clip(input: Any, min: Any = None, max: Any = None) -> Tensor:
    """`clamp`, under NumPy's name."""

def clip_(input: Any, min: Any = None, max: Any = None) -> Tensor:
    """`clip`, written into this Tensor."""

def clone(input: Any) -> Tensor:
    """A copy in memory of its own. Gradients pass through it."""

def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """The Tensors side by side, along their columns. A vector is a column.

    Raises:
        TypeError: the Tensors are not in a list or tuple.
        ValueError: there are no Tensors, or their shapes do not fit.
    """

def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of `r` entries of a vector, in the order of the entries, as the rows of a matrix.

    Args:
        with_replacement: whether an entry may be chosen several times.

    Raises:
        ValueError: the Tensor is no vector, or r is negative.
    """

def concat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The Tensors joined along `dim`. Their shapes may differ in the length of `dim` only.

    A Tensor of shape (0,) fits all others, as in PyTorch.

    Raises:
        TypeError: the Tensors are not in a list or tuple.
        ValueError: there are no Tensors, or their shapes do not fit.
    """

def concatenate(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The Tensors joined along `dim`. Their shapes may differ in the length of `dim` only.

    A Tensor of shape (0,) fits all others, as in PyTorch.

    Raises:
        TypeError: the Tensors are not in a list or tuple.
        ValueError: there are no Tensors, or their shapes do not fit.
    """

def conj(input: Any) -> Tensor:
    """This Tensor, whose entries are real."""

def conj_physical(input: Any) -> Tensor:
    """This Tensor, whose entries are real."""

def copysign(input: Any, other: Any) -> Tensor:
    """|x|, with the sign of `other`."""

def corrcoef(input: Any) -> Tensor:
    """The correlations of the rows, which are `cov` divided by the deviations of both variables. See `cov`."""

def cos(input: Any) -> Tensor:
    """The cosine."""

def cos_(input: Any) -> Tensor:
    """`cos`, written into this Tensor."""

def cosh(input: Any) -> Tensor:
    """The hyperbolic cosine."""

def cosh_(input: Any) -> Tensor:
    """`cosh`, written into this Tensor."""

def cosine_similarity(x1: Tensor, x2: Any, dim: int = 1, eps: float = 1e-08) -> Tensor:
    """The cosine of the angle between `x1` and `x2` along `dim`. Both are broadcast to each other.

    The cosine is the product of the two, divided by their norms. A norm below `eps` counts as `eps`, but the gradient
    is that of the norm itself.

    Raises:
        ValueError: `eps` is no number, or the shapes do not fit.
    """

def count_nonzero(input: Any, dim: Dim = None) -> Tensor:
    """How many entries over `dim` are not 0; by default, over all dimensions."""

def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Tensor:
    """The covariances of the rows: of variables, whose observations are the columns. A vector is one variable.

    Args:
        correction: is subtracted from the number of observations before the sums are divided by it.
        fweights: how often each observation counts: a vector of integers.
        aweights: how much each observation weighs: a vector of floats.

    Raises:
        ValueError: the Tensor holds booleans or has more than 2 dimensions, or weights do not fit.
    """

def cross(input: Any, other: Any, dim: int | None = None) -> Tensor:
    """The cross product of vectors of three entries along `dim`; by default along the first dimension of length 3.

    Raises:
        ValueError: there is no dimension of length 3.
    """

def cummax(input: Any, dim: int) -> Selected:
    """The running maximum along `dim`, and its index. The last one of equal entries counts, and gets the gradient."""

def cummin(input: Any, dim: int) -> Selected:
    """The running minimum along `dim`, and its index. The last one of equal entries counts, and gets the gradient."""

def cumprod(input: Any, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
    """The running product along `dim`. For small integers it has 64 bits, as a running sum has.

    No derivative divides by an entry, so entries may be 0.
    """

def cumsum(input: Any, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
    """The running sum along `dim`, of this Tensor as `dtype`."""

def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The running integral along `dim`, from the first value to each of the others. See `trapezoid`."""

def deg2rad(input: Any) -> Tensor:
    """Degrees as radians."""

def deg2rad_(input: Any) -> Tensor:
    """`deg2rad`, written into this Tensor."""

def det(input: Any) -> Tensor:
    """The determinant. It has a gradient at singular matrices, too."""

def detach(input: Any) -> Tensor:
    """A Tensor that shares this Tensor's memory but is not part of the graph."""

def diag(input: Any, diagonal: int = 0) -> Tensor:
    """A copy of a diagonal of a matrix; or of a vector, the matrix that has it on that diagonal.

    Raises:
        ValueError: the Tensor is neither a vector nor a matrix.
    """

def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Square matrices with the vectors along the last dimension on their diagonals, and zeros elsewhere.

    Args:
        offset: which diagonal: the main one, or so many further up.
        dim1: the dimension of the result that the rows have.
        dim2: the dimension of the result that the columns have.

    Raises:
        ValueError: `dim1` and `dim2` are the same, or the Tensor is a number.
    """

def diagflat(input: Any, offset: int = 0) -> Tensor:
    """A matrix with the entries of this Tensor on a diagonal: the main one, or `offset` further up."""

def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A view of the diagonals of the matrices that `dim1` and `dim2` span, as the last dimension.

    `offset` counts diagonals from the main one, upwards or to the right.
    """

def diagonal_scatter(input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy in which the diagonals of the matrices that `dim1` and `dim2` span are `src`.

    Raises:
        ValueError: `src` has not the shape of the diagonals.
    """

def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Tensor:
    """The difference of each two neighbours along `dim`, taken `n` times. Of booleans: whether they differ.

    Args:
        prepend: entries to put in front first, as with `cat`.
        append: entries to put behind first.

    Raises:
        ValueError: the Tensor is a number, or `n` is negative.
    """

def digamma(input: Any) -> Tensor:
    """The derivative of ln Γ(x)."""

def dist(input: Any, other: Any, p: float = 2) -> Tensor:
    """(Σ |input − other|ᵖ)^(1/p), over all entries. Its derivative is 0 where both are equal."""

def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """x / other, rounded as `rounding_mode` says: not at all, "trunc" towards 0, or "floor" downwards.

    Raises:
        ValueError: `rounding_mode` is something else.
    """

def divide(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """x / other, rounded as `rounding_mode` says: not at all, "trunc" towards 0, or "floor" downwards.

    Raises:
        ValueError: `rounding_mode` is something else.
    """

def dot(input: Any, tensor: Any) -> Tensor:
    """The sum of the products of the entries of two vectors.

    Raises:
        ValueError: one of the two is not a vector, or their lengths differ.
    """

def dsplit(input: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along the third dimension. All parts have one length, or are cut at indices.

    Raises:
        ValueError: so many parts of one length do not make up the dimension, or there are only two dimensions.
    """

def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """The Tensors behind each other, along their third dimension, which matrices and vectors get.

    Raises:
        TypeError: the Tensors are not in a list or tuple.
        ValueError: there are no Tensors, or their shapes do not fit.
    """

def empty(
    *sizes: Any,
    size: Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Zeros, where PyTorch's entries are whatever is in memory. The lengths are given as for `zeros`."""

def empty_like(
    input: Any,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Zeros of the shape and dtype of `input`, where PyTorch's entries are whatever is in memory."""

def eq(input: Any, other: Any) -> Tensor:
    """Whether x = other."""

def equal(input: Any, other: Any) -> bool:
    """Whether `other` has the same shape and the same entries."""

def erf(input: Any) -> Tensor:
    """The error function, 2/√π ∫₀ˣ e^(−t²) dt."""

def erf_(input: Any) -> Tensor:
    """`erf`, written into this Tensor."""

def erfc(input: Any) -> Tensor:
    """1 − erf(x), exact for large x."""

def erfc_(input: Any) -> Tensor:
    """`erfc`, written into this Tensor."""

def erfinv(input: Any) -> Tensor:
    """The number whose error function is x."""

def exp(input: Any) -> Tensor:
    """eˣ."""

def exp2(input: Any) -> Tensor:
    """2ˣ."""

def exp2_(input: Any) -> Tensor:
    """`exp2`, written into this Tensor."""

def exp_(input: Any) -> Tensor:
    """`exp`, written into this Tensor."""

def expm1(input: Any) -> Tensor:
    """eˣ − 1, exact near 0."""

def expm1_(input: Any) -> Tensor:
    """`expm1`, written into this Tensor."""

def fill(input: Any, value: Any) -> Tensor:
    """`value` in the shape and the dtype of x."""

def fill_(input: Any, value: Any) -> Tensor:
    """Set every entry to `value`."""

def fix(input: Any) -> Tensor:
    """The integer part of x. Its derivative is 0."""

def fix_(input: Any) -> Tensor:
    """`fix`, written into this Tensor."""

def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """This Tensor with the dimensions `start_dim` to `end_dim` joined into one; by default all of them.

    Raises:
        IndexError: the Tensor has no such dimension.
    """

def flip(input: Any, *given: int | Sequence[int], dims: Sequence[int] | None = None) -> Tensor:
    """A copy with the order of the entries along `dims` reversed."""

def fliplr(input: Any) -> Tensor:
    """A copy with the order of the columns, the second dimension, reversed."""

def flipud(input: Any) -> Tensor:
    """A copy with the order of the rows, the first dimension, reversed.

    Raises:
        ValueError: the Tensor is a number.
    """

def float_power(input: Any, exponent: Any) -> Tensor:
    """x to the power of `exponent`, computed in float64."""

def floor(input: Any) -> Tensor:
    """The greatest integer not above x. Its derivative is 0."""

def floor_(input: Any) -> Tensor:
    """`floor`, written into this Tensor."""

def floor_divide(input: Any, other: Any) -> Tensor:
    """The greatest integer not above x / other."""

def fmax(input: Any, other: Any) -> Tensor:
    """The larger of each two entries, or the one that is not NaN. Where both are equal, x gets the gradient."""

def fmin(input: Any, other: Any) -> Tensor:
    """The smaller of each two entries, or the one that is not NaN. Where both are equal, x gets the gradient."""

def fmod(input: Any, other: Any) -> Tensor:
    """x − other · trunc(x / other): it has the sign of x."""

def frac(input: Any) -> Tensor:
    """x without its integer part."""

def frac_(input: Any) -> Tensor:
    """`frac`, written into this Tensor."""

def frexp(input: Any) -> Any:
    """The `mantissa` and the `exponent` of x = mantissa · 2^exponent, with 1/2 ≤ |mantissa| < 1.

    Raises:
        TypeError: the Tensor holds integers.
    """

def frombuffer(
    buffer: Any, *, dtype: DTypeLike, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A vector that shares the memory of `buffer`, such as a bytearray. It cannot be written to if the buffer cannot.

    Args:
        count: how many entries; by default as many as there are.
        offset: at which byte the first entry begins.

    Raises:
        TypeError: no Tensor can hold `dtype`.
        ValueError: the buffer does not have so many bytes, or its length does not fit.
    """

def full_like(
    input: Any,
    fill_value: Any,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A Tensor of the shape and dtype of `input` with every entry `fill_value`."""

def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Tensor:
    """For each entry of `index`, the entry that lies there along `dim`: x.gather(1, i)[r, c] is x[r, i[r, c]].

    The index may be shorter than this Tensor along other dimensions. `sparse_grad` changes nothing.

    Raises:
        TypeError: the index does not hold integers.
        IndexError: an index is out of bounds, or negative.
        ValueError: the shapes do not fit.
    """

def gcd(input: Any, other: Any) -> Tensor:
    """The greatest common divisor of integers."""

def gcd_(input: Any, other: Any) -> Tensor:
    """`gcd`, written into this Tensor."""

def ge(input: Any, other: Any) -> Tensor:
    """Whether x ≥ other."""

def ger(input: Any, vec2: Any) -> Tensor:
    """`outer`, under its older name."""

def get_float32_matmul_precision() -> str:
    """The string "highest"."""

def get_num_interop_threads() -> int:
    """1: one function is computed after the other."""

def get_num_threads() -> int:
    """How many threads matrix products use: what threadpoolctl finds, or else the number of processors."""

def gradient(input: Any, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """Estimates of the derivatives of a function along `dim`. `input` holds its values at the points of a grid.

    Args:
        spacing: the distance of two points, or for each dim a distance or a vector of the coordinates of the points.
        dim: one or several; by default all. The result is a tuple with a Tensor for each.
        edge_order: 1 or 2, the order of the error at the ends. In between, it is 2.

    Raises:
        ValueError: `spacing` does not fit the dims, a dim is too short, or `edge_order` is neither 1 nor 2.
    """

def greater(input: Any, other: Any) -> Tensor:
    """Whether x > other."""

def greater_equal(input: Any, other: Any) -> Tensor:
    """Whether x ≥ other."""

def gt(input: Any, other: Any) -> Tensor:
    """Whether x > other."""

def hardshrink(input: Any, lambd: Any = 0.5) -> Tensor:
    """x, but 0 between −`lambd` and `lambd`."""

def heaviside(input: Any, values: Any) -> Tensor:
    """0 where x is negative, 1 where it is positive, and `values` where it is 0. No gradient passes."""

def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many entries lie in each of `bins` intervals of equal width from `min` to `max`; others are not counted.

    If `min` and `max` are equal, the intervals reach from the least to the greatest entry.

    Raises:
        TypeError: the Tensor holds integers.
        ValueError: there are no bins, `max` is below `min`, or a bound is not finite.
    """

def histogram(
    input: Any, bins: Any = 100, *, range: Sequence[float] | None = None, weight: Any = None, density: bool = False
) -> Any:
    """How many entries lie in each bin, and the ends of the bins: ``(hist, bin_edges)``. No gradient passes.

    Args:
        bins: how many bins of equal width there are, or a sorted vector of their ends.
        range: the first and the last end; by default the least and the greatest entry.
        weight: how much each entry counts.
        density: whether to divide by the sum and by the widths, so that the integral is 1.

    Raises:
        TypeError: the Tensor holds integers.
        ValueError: the weights have another shape.
    """

def hsplit(input: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along dimension 1, or along a vector. All parts have one length, or are cut at indices.

    Raises:
        ValueError: so many parts of one length do not make up the dimension, or the Tensor is a number.
    """

def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """The Tensors side by side, along their columns; vectors and numbers one after the other.

    Raises:
        TypeError: the Tensors are not in a list or tuple.
        ValueError: there are no Tensors, or their shapes do not fit.
    """

def hypot(input: Any, other: Any) -> Tensor:
    """√(x² + other²)."""

def i0(input: Any) -> Tensor:
    """The modified Bessel function of the first kind, of order 0."""

def i0_(input: Any) -> Tensor:
    """`i0`, written into this Tensor."""

def igamma(input: Any, other: Any) -> Tensor:
    """The regularized lower incomplete gamma function P(x, other), differentiated by `other` alone.

    Raises:
        TypeError: x needs a gradient.
    """

def igammac(input: Any, other: Any) -> Tensor:
    """The regularized upper incomplete gamma function Q(x, other), differentiated by `other` alone.

    Raises:
        TypeError: x needs a gradient.
    """

def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Tensor:
    """A copy with ``alpha`` · the slices of `source` added to the slices along `dim` that a vector of indices names.

    Slices with the same index add up.

    Raises:
        IndexError: an index is out of bounds, or negative.
        ValueError: the shapes do not fit.
        RuntimeError: `source` has another dtype.
        TypeError: the Tensors hold integers, and `alpha` is none.
    """

def index_copy(input: Any, dim: int, index: Any, source: Any) -> Tensor:
    """A copy with the slices of `source` in place of the slices along `dim` that a vector of indices names.

    Raises:
        IndexError: an index is out of bounds, or negative.
        ValueError: the shapes do not fit.
        RuntimeError: `source` has another dtype; or it needs a gradient, and an index stands twice.
    """

def index_fill(input: Any, dim: int, index: Any, value: Any) -> Tensor:
    """A copy with a number in the slices along `dim` that a vector of indices names.

    Negative indices count from the end.

    Raises:
        ValueError: the value is no number and no Tensor without dimensions.
    """

def index_put(input: Any, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Tensor:
    """A copy with ``x[indices] = values`` or, with `accumulate`, with the values added, also where an index is twice.

    Args:
        indices: a tuple of Tensors of integers or booleans, one for each of the first dimensions. None stands for all.

    Raises:
        TypeError: the indices are no tuple, or hold floats.
        IndexError: an index is out of bounds.
        RuntimeError: the values have another dtype, or need a gradient, and an index stands twice.
    """

def index_put_(input: Any, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Tensor:
    """`index_put`, written into this Tensor."""

def index_reduce(input: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True) -> Tensor:
    """A copy whose slices along `dim` are combined with those of `source` that a vector of indices sends to them.

    Args:
        reduce: "mean", "prod", "amax" or "amin".
        include_self: whether what is there counts, too, where something is written.

    Raises:
        ValueError: `reduce` is another word, or the shapes do not fit.
    """

def index_select(input: Any, dim: int, index: Any) -> Tensor:
    """The slices along `dim` that a vector of indices names, in its order.

    Raises:
        IndexError: an index is out of bounds, or negative.
    """

def inner(input: Any, other: Any) -> Tensor:
    """The sums of products over the last dimensions of both: entry (i, j) is that of row i and row j.

    Raises:
        ValueError: the last lengths differ.
    """

def inverse(input: Any) -> Tensor:
    """The inverse of a square matrix."""

def is_complex(input: Any) -> bool:
    """False: there are no complex numbers."""

def is_conj(input: Any) -> bool:
    """False: there are no complex numbers."""

def is_floating_point(input: Any) -> builtins.bool:
    """Whether the entries are floats."""

def is_neg(input: Any) -> bool:
    """False: there are no complex numbers."""

def is_nonzero(input: Any) -> bool:
    """Whether the only entry is not 0.

    Raises:
        ValueError: there is not one entry.
    """

def is_same_size(input: Any, other: Any) -> bool:
    """Whether both Tensors have the same shape."""

def is_signed(input: Any) -> bool:
    """Whether the dtype has negative numbers."""

def isclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Whether entries differ from those of `other` by at most ``atol + rtol * abs(other)``.

    Infinite entries are close to equal ones alone, and NaN to NaN if `equal_nan`.

    Raises:
        ValueError: `rtol` or `atol` is negative.
    """

def isfinite(input: Any) -> Tensor:
    """Whether x is neither NaN nor infinite."""

def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each entry is among `test_elements` or, with `invert`, is not. `assume_unique` changes nothing."""

def isinf(input: Any) -> Tensor:
    """Whether x is ∞ or −∞."""

def isnan(input: Any) -> Tensor:
    """Whether x is NaN."""

def isneginf(input: Any) -> Tensor:
    """Whether x is −∞."""

def isposinf(input: Any) -> Tensor:
    """Whether x is ∞."""

def isreal(input: Any) -> Tensor:
    """True: there are no complex numbers."""

def kron(input: Any, other: Any) -> Tensor:
    """The Kronecker product: each entry of `input` times the whole of `other`, in its place."""

def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> Selected:
    """The `k`-th smallest entry along `dim`, counted from 1, and its index: ``(values, indices)``.

    Raises:
        ValueError: there are no `k` entries along `dim`.
    """

def lcm(input: Any, other: Any) -> Tensor:
    """The least common multiple of integers."""

def lcm_(input: Any, other: Any) -> Tensor:
    """`lcm`, written into this Tensor."""

def ldexp(input: Any, other: Any) -> Tensor:
    """x · 2^other."""

def ldexp_(input: Any, other: Any) -> Tensor:
    """`ldexp`, written into this Tensor."""

def le(input: Any, other: Any) -> Tensor:
    """Whether x ≤ other."""

def lerp(input: Any, end: Any, weight: Any) -> Tensor:
    """x + weight · (end − x). From the weight ½ on it is computed from `end`, so it is exactly `end` for 1."""

def less(input: Any, other: Any) -> Tensor:
    """Whether x < other."""

def less_equal(input: Any, other: Any) -> Tensor:
    """Whether x ≤ other."""

def lgamma(input: Any) -> Tensor:
    """ln |Γ(x)|."""

def log(input: Any) -> Tensor:
    """The natural logarithm."""

def log10(input: Any) -> Tensor:
    """The logarithm to base 10."""

def log10_(input: Any) -> Tensor:
    """`log10`, written into this Tensor."""

def log1p(input: Any) -> Tensor:
    """ln(1 + x), exact near 0."""

def log1p_(input: Any) -> Tensor:
    """`log1p`, written into this Tensor."""

def log2(input: Any) -> Tensor:
    """The logarithm to base 2."""

def log2_(input: Any) -> Tensor:
    """`log2`, written into this Tensor."""

def log_(input: Any) -> Tensor:
    """`log`, written into this Tensor."""

def log_softmax(input: Any, dim: int, dtype: DTypeLike | None = None) -> Tensor:
    """x − ln Σ eˣ along `dim`, of this Tensor as `dtype`. Integers and booleans become the default dtype."""

def logaddexp(input: Any, other: Any) -> Tensor:
    """ln(eˣ + e^other)."""

def logaddexp2(input: Any, other: Any) -> Tensor:
    """log₂(2ˣ + 2^other)."""

def logcumsumexp(input: Any, dim: int) -> Tensor:
    """ln Σ eˣ of the entries up to each one along `dim`. Integers are converted to the default dtype first.

    Where a running sum is ln 0 = −∞, the entries of −∞ get the gradient 0. In PyTorch it is NaN.
    """

def logdet(input: Any) -> Tensor:
    """The logarithm of the determinant: −∞ where that is 0, and NaN where it is negative."""

def logical_and(input: Any, other: Any) -> Tensor:
    """Whether x and other are not 0."""

def logical_not(input: Any) -> Tensor:
    """Whether x is 0."""

def logical_or(input: Any, other: Any) -> Tensor:
    """Whether x or other is not 0."""

def logical_xor(input: Any, other: Any) -> Tensor:
    """Whether exactly one of both is 0."""

def logit(input: Any, eps: Any = None) -> Tensor:
    """ln(x / (1 − x)), of x between `eps` and 1 − `eps`."""

def logit_(input: Any, eps: Any = None) -> Tensor:
    """`logit`, written into this Tensor."""

def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """`steps` powers of `base` in equal ratios, of which the first is ``base**start`` and the last ``base**end``."""

def logsumexp(input: Any, dim: Dim, keepdim: bool = False) -> Tensor:
    """ln Σ eˣ over `dim`. Integers and booleans are converted to the default dtype first."""

def lt(input: Any, other: Any) -> Tensor:
    """Whether x < other."""

def lu(input: Any, pivot: bool = True, get_infos: bool = False) -> tuple[Tensor, ...]:
    """`linalg.lu_factor`, under its older name. With `get_infos`, a third Tensor says where U has its first 0, from 1.

    Raises:
        LinAlgError: U has a 0 on its diagonal, and `get_infos` is False.
        ValueError: `pivot` is False.
    """

def lu_unpack(
    LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """The matrices P, L and U of what `lu_factor` returns. Those that are not wanted are empty.

    Raises:
        LinAlgError: `LU_data` has fewer than two dimensions.
    """

def masked_fill(input: Any, mask: Any, value: Any) -> Tensor:
    """`value` where `mask` is true, x elsewhere."""

def masked_scatter(input: Any, mask: Any, source: Any) -> Tensor:
    """A copy with the entries of `source`, in order, where `mask` is true; the two are broadcast to one shape.

    Raises:
        TypeError: the mask does not hold booleans.
        ValueError: `source` has fewer entries than are asked for.
        RuntimeError: `source` has another dtype.
    """

def masked_select(input: Any, mask: Any) -> Tensor:
    """A vector of the entries at which `mask` is true; the two are broadcast to one shape.

    Raises:
        TypeError: the mask does not hold booleans.
    """

def matmul(input: Any, other: Any) -> Tensor:
    """The matrix product, by the rules of `numpy.matmul`."""

def matrix_exp(input: Any) -> Tensor:
    """The matrix exponential Σ Xᵏ / k!."""

def matrix_power(input: Any, n: int) -> Tensor:
    """The product of n times the same square matrix."""

def max(input: Any, dim: int | Tensor | None = None, keepdim: bool = False) -> Any:
    """The maximum of all entries, or the `Selected` ones along `dim`; with another Tensor what `maximum` returns.

    Of several equal maxima, each gets an equal share of the gradient. With `dim`, the first one gets all of it.
    """

def mean(input: Any, dim: Dim = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """The mean over `dim`, of this Tensor as `dtype`; by default over all dimensions.

    Raises:
        TypeError: the Tensor holds integers, whose mean is not an integer.
    """

def median(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The entry in the middle when all are sorted, the lower one of two. With `dim`: the medians along it, and indices.

    If an entry is NaN, the median is NaN. Without `dim`, all entries that equal the median share the gradient equally.
    With `dim`, the first one gets it.

    Raises:
        TypeError: the Tensor holds booleans.
        IndexError: there are no entries along `dim`.
    """

def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """The coordinates of all points of a grid: a Tensor for each vector, repeated along the dimensions of the others.

    The results are views that cannot be written to.

    Args:
        tensors: vectors or numbers, one by one or in a list.
        indexing: "ij", the default: dimension i of the results is along vector i. "xy": the first two are swapped.

    Raises:
        ValueError: a Tensor has more than one dimension, or `indexing` is something else.

    >>> import tinygrad_mlp as tg
    >>> x, y = tg.meshgrid(tg.arange(2), tg.arange(3), indexing="ij")
    >>> x
    tensor([[0, 0, 0],
            [1, 1, 1]])
    """

def min(input: Any, dim: int | Tensor | None = None, keepdim: bool = False) -> Any:
    """The minimum of all entries, or the `Selected` ones along `dim`; with another Tensor what `minimum` returns.

    Of several equal minima, each gets an equal share of the gradient. With `dim`, the first one gets all of it.
    """

def mm(input: Any, mat2: Tensor) -> Tensor:
    """The product of two matrices.

    Raises:
        ValueError: one of the two is not a matrix.
    """

def mode(input: Any, dim: int = -1, keepdim: bool = False) -> Selected:
    """The most frequent value along `dim`, and its last index. Of several such values, the smallest is returned.

    Raises:
        IndexError: there are no entries along `dim`.
    """

def moveaxis(input: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """This Tensor with each dimension of `source` moved to that of `destination`. The others keep their order.

    Raises:
        ValueError: one of the two names a dimension twice, or they are not equally many.
    """

def movedim(input: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """This Tensor with each dimension of `source` moved to that of `destination`. The others keep their order.

    Raises:
        ValueError: one of the two names a dimension twice, or they are not equally many.
    """

def msort(input: Any) -> Tensor:
    """The entries in order along the first dimension."""

def mul(input: Any, other: Any) -> Tensor:
    """x · other."""

def multinomial(
    input: Any, num_samples: int, replacement: bool = False, *, generator: AnyGenerator | None = None
) -> Tensor:
    """`num_samples` indices of a vector of weights, or of each row of a matrix, each as likely as its weight says.

    Args:
        input: weights ≥ 0, which need not add up to 1.
        num_samples: how many indices are drawn.
        replacement: whether one index can be drawn several times.

    Raises:
        TypeError: the weights are no floats.
        ValueError: `input` is no vector or matrix; or a weight is negative or not finite; or all weights of a row are
            0; or fewer than `num_samples` of them are positive, and `replacement` is False.
    """

def multiply(input: Any, other: Any) -> Tensor:
    """x · other."""

def mv(input: Any, vec: Any) -> Tensor:
    """The product of a matrix and a vector.

    Raises:
        ValueError: the shapes are others.
    """

def mvlgamma(input: Any, p: int) -> Tensor:
    """The logarithm of the gamma function of p × p matrices: ¼ p (p − 1) ln π + Σ ln Γ(x − i/2) over i < p.

    Raises:
        ValueError: `p` is less than 1.
    """

def nan_to_num(input: Any, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """x, but `nan` for NaN, and `posinf` and `neginf` for ∞ and −∞; by default 0, and the greatest and least float."""

def nan_to_num_(
    input: Any, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """`nan_to_num`, written into this Tensor."""

def nanmean(input: Any, dim: Dim = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """The mean over `dim` of the entries that are not NaN; by default over all dimensions. It is NaN if all are.

    Raises:
        TypeError: the Tensor holds integers.
    """

def nanmedian(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """As `median`, of the entries that are not NaN. It is NaN if all are."""

def nanquantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """As `quantile`, of the entries that are not NaN. It is NaN if all are."""

def nansum(input: Any, dim: Dim = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """The sum over `dim` of the entries that are not NaN; by default over all dimensions."""

def narrow(input: Any, dim: int, start: Any, length: int) -> Tensor:
    """A view of the `length` entries along `dim` that begin at `start`, which may count from the end.

    Raises:
        TypeError: `start` is no integer.
        ValueError: the dimension does not have these entries.
    """

def narrow_copy(input: Any, dim: int, start: int, length: int) -> Tensor:
    """A copy of the `length` entries along `dim` that begin at `start`."""

def ne(input: Any, other: Any) -> Tensor:
    """Whether x ≠ other."""

def neg(input: Any) -> Tensor:
    """−x."""

def neg_(input: Any) -> Tensor:
    """`neg`, written into this Tensor."""

def negative(input: Any) -> Tensor:
    """−x."""

def negative_(input: Any) -> Tensor:
    """`negative`, written into this Tensor."""

def nextafter(input: Any, other: Any) -> Tensor:
    """The next float after x in the direction of `other`. Where it is another one than x, the derivative by x is 1.

    Raises:
        TypeError: both hold integers.
    """

def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """A row of indices for each entry that is not 0 or, with `as_tuple`, a Tensor of indices for each dimension."""

def nonzero_static(input: Any, *, size: int, fill_value: int = -1) -> Tensor:
    """`nonzero` with `size` rows: those beyond the entries that are not 0 hold `fill_value`."""

def norm(input: Any, p: Any = "fro", dim: Dim = None, keepdim: bool = False) -> Tensor:
    """(Σ |x|ᵖ)^(1/p) over `dim`; by default over all dimensions, and p = 2. Its derivative is 0 where all x are 0.

    For p = 0, the norm is the number of entries that are not 0. For a negative p, the norm and its derivative are 0
    if an x is 0.

    Raises:
        TypeError: the Tensor holds integers.
        ValueError: `p` is neither "fro" nor a number.
    """

def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Sequence[int] | None = None,
    *,
    generator: AnyGenerator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Numbers drawn from normal distributions, one for each entry of `mean` and `std`. Two numbers need a `size`.

    Raises:
        TypeError: `mean` and `std` are numbers, and no `size` is given; or they are Tensors of integers.
        ValueError: a standard deviation is negative, or the shapes do not fit.

    >>> import tinygrad_mlp as tg
    >>> tg.normal(tg.zeros(2), 0.1).shape, tg.normal(0, 1, (2, 3)).shape
    ((2,), (2, 3))
    """

def not_equal(input: Any, other: Any) -> Tensor:
    """Whether x ≠ other."""

def numel(input: Any) -> int:
    """The number of entries."""

def outer(input: Any, vec2: Tensor) -> Tensor:
    """The matrix of the products of the entries of two vectors.

    Raises:
        ValueError: one of the two is not a vector.
    """

def pairwise_distance(x1: Tensor, x2: Any, p: float = 2.0, eps: float = 1e-06, keepdim: bool = False) -> Tensor:
    """The norm of order `p` of x1 − x2 + `eps` along the last dimension. Both are broadcast to each other.

    Raises:
        ValueError: `p` or `eps` is no number.
    """

def pdist(input: Any, p: float = 2) -> Tensor:
    """The distances of all pairs of rows of a matrix: of 0 and 1, of 0 and 2, …, of the last two.

    Raises:
        ValueError: `input` is no matrix.
    """

def permute(input: Any, *given: int | Sequence[int], dims: Sequence[int] | None = None) -> Tensor:
    """This Tensor with its dimensions in the order `dims`, which are given one by one or as one sequence."""

def pinverse(input: Any, rcond: Any = 1e-15) -> Tensor:
    """`linalg.pinv`, under its older name."""

def poisson(input: Any, generator: AnyGenerator | None = None) -> Tensor:
    """Numbers drawn from Poisson distributions whose rates are the entries of `input`, in its dtype.

    Raises:
        ValueError: a rate is negative.
    """

def polygamma(n: int, input: Any) -> Tensor:
    """The n-th derivative of `digamma`."""

def positive(input: Any) -> Tensor:
    """This Tensor itself.

    Raises:
        TypeError: the Tensor holds booleans.
    """

def pow(input: Any, exponent: Any) -> Tensor:
    """x to the power of `exponent`."""

def prelu(input: Any, weight: Any) -> Tensor:
    """x where x is positive, else `weight` · x."""

def prod(input: Any, dim: Dim = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """The product over `dim`, of this Tensor as `dtype`; by default over all dimensions.

    That of small integers is of 64 bits, as a sum is.
    """

def promote_types(type1: DTypeLike, type2: DTypeLike) -> np.dtype[Any]:
    """The dtype that Tensors of these two dtypes become together.

    Raises:
        TypeError: one of the two is no dtype of Tensors.
        DtypeError: uint64 meets integers with a sign.
    """

def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Tensor:
    """A copy with the entries of `source` at `index` of the flattened Tensor or, with `accumulate`, added there.

    Negative indices count from the end.

    Raises:
        IndexError: an index is out of bounds.
        ValueError: `index` and `source` have different numbers of entries.
    """

def qr(input: Any, some: bool = True) -> tuple[Tensor, Tensor]:
    """`linalg.qr`, under its older name."""

def quantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """The values below which a share `q` of the entries along `dim` lies; by default of all entries.

    If one of the entries is NaN, the quantile is NaN.

    Args:
        q: a number between 0 and 1, or a vector, for which the quantiles lie along a first dimension of the result.
        interpolation: what is returned between two entries: "linear" interpolates, "lower", "higher" and "nearest" take
            one of the two, and "midpoint" their mean.

    Raises:
        TypeError: the Tensor holds integers, or the vector is of another dtype.
        ValueError: `q` is not between 0 and 1, or there are no entries.
    """

def rad2deg(input: Any) -> Tensor:
    """Radians as degrees."""

def rad2deg_(input: Any) -> Tensor:
    """`rad2deg`, written into this Tensor."""

def rand_like(
    input: Any,
    *,
    generator: AnyGenerator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Numbers drawn uniformly from [0, 1), in the shape and dtype of `input`."""

def randint_like(
    input: Any,
    low: int = 0,
    high: int | None = None,
    *,
    generator: AnyGenerator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Integers drawn uniformly from `low`, …, `high` − 1, in the shape and dtype of `input`.

    ``randint_like(x, high)`` draws from 0, …, `high` − 1.

    Raises:
        ValueError: there are no integers from `low` to `high` − 1, or the dtype does not hold them.
    """

def randn_like(
    input: Any,
    *,
    generator: AnyGenerator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Numbers drawn from the normal distribution with mean 0 and variance 1, in the shape and dtype of `input`."""

def ravel(input: Any) -> Tensor:
    """The entries as a vector: a view if they are contiguous."""

def real(input: Any) -> Tensor:
    """The Tensor itself, whose entries are real."""

def reciprocal(input: Any) -> Tensor:
    """1 / x."""

def reciprocal_(input: Any) -> Tensor:
    """`reciprocal`, written into this Tensor."""

def relu(input: Any) -> Tensor:
    """max(x, 0); its derivative at 0 is 0."""

def relu_(input: Any) -> Tensor:
    """`relu`, written into this Tensor."""

def remainder(input: Any, other: Any) -> Tensor:
    """x − other · ⌊x / other⌋, which has the sign of `other`."""

def renorm(input: Any, p: float, dim: int, maxnorm: float) -> Tensor:
    """This Tensor with each part along `dim` whose norm of order `p` is above `maxnorm` scaled down to that norm.

    Raises:
        TypeError: the Tensor holds integers.
        ValueError: it has fewer than 2 dimensions, `p` is not positive, or `maxnorm` is negative.
    """

def repeat_interleave(
    input: Any, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each entry along `dim` several times in a row: by default, each entry of the flattened Tensor.

    ``repeat_interleave(repeats)`` of one Tensor repeats the integers 0, 1, … so many times.

    Args:
        repeats: how often: one number for all entries, or a Tensor or a list with one for each.
        output_size: the length that `dim` gets, if it is known.

    Raises:
        TypeError: `dim` is given without `repeats`.
        ValueError: a number of repeats is negative; or there are several, and not one for each entry; or the result has
            not the length `output_size`.
    """

def reshape(input: Any, *given: Any, shape: Sequence[int] | None = None) -> Tensor:
    """The same entries in another shape. One length may be −1: it is computed from the others."""

def resolve_conj(input: Any) -> Tensor:
    """This Tensor, whose entries are real."""

def resolve_neg(input: Any) -> Tensor:
    """This Tensor, whose entries are real."""

def result_type(tensor: Any, other: Any) -> np.dtype[Any]:
    """The dtype of what is computed of two operands, Tensors or Python numbers.

    Raises:
        DtypeError: uint64 meets integers with a sign.
    """

def roll(input: Any, shifts: int | tuple[int, ...], dims: Dim = None) -> Tensor:
    """A copy with the entries moved by `shifts` along `dims`; by default along the flattened Tensor.

    Entries that are moved past the end come in again at the start.

    Raises:
        TypeError: a shift is no integer.
    """

def rot90(input: Any, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """A copy turned `k` times by a right angle, from the first of the two `dims` towards the second.

    Raises:
        ValueError: `dims` are not two different dimensions.
    """

def round(input: Any, *, decimals: int = 0) -> Tensor:
    """The nearest multiple of 10^(−decimals); of two, the even one. Its derivative is 0."""

def round_(input: Any, *, decimals: int = 0) -> Tensor:
    """`round`, written into this Tensor."""

def row_stack(tensors: Sequence[Tensor]) -> Tensor:
    """The Tensors below each other, along their rows. A vector is a row.

    Raises:
        TypeError: the Tensors are not in a list or tuple.
        ValueError: there are no Tensors, or their shapes do not fit.
    """

def rrelu(
    input: Any,
    lower: float = 0.125,
    upper: float = 0.3333333333333333,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: AnyGenerator | None = None,
) -> Tensor:
    """x where x is positive, else x times a slope (Xu et al. 2015).

    Args:
        lower, upper: the slope is their mean.
        training: the slope is drawn uniformly from [`lower`, `upper`), for each entry.
        inplace: PyTorch's option, which changes nothing.
        generator: draws the slopes.

    Raises:
        ValueError: `lower` or `upper` is no number, or `upper` is below `lower`.
    """

def rrelu_(
    input: Any,
    lower: float = 0.125,
    upper: float = 0.3333333333333333,
    training: bool = False,
    *,
    generator: AnyGenerator | None = None,
) -> Tensor:
    """`rrelu`, in place: the input becomes the result, and is returned."""

def rsqrt(input: Any) -> Tensor:
    """1 / √x."""

def rsqrt_(input: Any) -> Tensor:
    """`rsqrt`, written into this Tensor."""

def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """other − alpha · x."""

def scalar_tensor(
    s: Any,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A Tensor of the number `s`, without dimensions. Its dtype is the default dtype, also for an integer.

    Raises:
        ValueError: `s` is no number.
    """

def scatter(
    input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """A copy with entries of `src`, or a number, written where `gather` would read with the same `dim` and `index`.

    Args:
        src: a Tensor that is at least as large as the index, or a number.
        value: a number, by its other name.
        reduce: None, or "add" or "multiply" to combine what is written with what is there.

    Raises:
        IndexError: an index is out of bounds, or negative.
        ValueError: the shapes do not fit.
        RuntimeError: an entry of a `src` that needs a gradient would be written over by another one.
    """

def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Tensor:
    """A copy with the entries of `src` added where `gather` would read with the same `dim` and `index`.

    Entries for the same place add up. Only the part of `src` that is as large as the index is read.

    Raises:
        IndexError: an index is out of bounds, or negative.
        ValueError: the shapes do not fit.
        RuntimeError: `src` has another dtype.
    """

def scatter_reduce(input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Tensor:
    """A copy whose entries are combined with those of `src` that belong to the same place, as in `scatter_add`.

    Args:
        reduce: "sum", "mean", "prod", "amax" or "amin". Of several extremes each gets an equal share of the gradient.
        include_self: whether what is there counts, too, where something is written.

    Raises:
        ValueError: `reduce` is another word, or the shapes do not fit.
    """

def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
) -> Tensor:
    """The indices at which the entries of `input` would be inserted into a sorted sequence: before or after equal ones.

    Args:
        sorted_sequence: a vector or, for each row of `input`, a row.
        input: numbers, or one number.
        out_int32: whether the indices are of int32 rather than int64.
        right: whether to insert after equal entries rather than before.
        side: "right" is another word for ``right=True``, and "left" for ``right=False``.
        sorter: the indices that sort the sequence, if it is not sorted itself.

    Raises:
        ValueError: the shapes do not fit, or `side` contradicts `right`, or is another word.
    """

def select(input: Any, dim: int, index: int) -> Tensor:
    """A view of the part at `index` of the dimension `dim`, which the view does not have."""

def select_scatter(input: Any, src: Any, dim: int, index: int) -> Tensor:
    """A copy in which the part at `index` of the dimension `dim` is `src`.

    Raises:
        ValueError: `src` has not the shape of that part.
    """

def selu(input: Any, inplace: bool = False) -> Tensor:
    """λ · `elu` of x with α = 1.6733 and λ = 1.0507 (Klambauer et al. 2017). `inplace` changes nothing."""

def selu_(input: Any) -> Tensor:
    """`selu`, in place: the input becomes the result, and is returned."""

def set_float32_matmul_precision(precision: Any) -> None:
    """Accepted, and without effect: there is one way to compute."""

def set_num_interop_threads(number: Any) -> None:
    """Accepted, and without effect: there is one way to compute, one function after the other."""

def set_num_threads(number: int) -> None:
    """Set how many threads matrix products use. It takes the package threadpoolctl, and warns where that is missing.

    Raises:
        TypeError: `number` is no integer.
        ValueError: it is below 1.
    """

def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how Tensors are printed. What is not given stays as it is, but for `sci_mode`.

    Args:
        precision: the largest number of digits after the point; 4 at the start.
        threshold: a Tensor of more entries is printed in part; 1000 at the start.
        edgeitems: how many entries of each dimension are printed at its start and its end then; 3 at the start.
        linewidth: the largest number of characters in a line; NumPy's setting at the start.
        profile: "default", "short" or "full", which set all of these.
        sci_mode: True prints numbers such as 1.5e-3 only, and False none. With None the entries decide, also where an
            earlier call has set it, as in PyTorch.

    Raises:
        ValueError: `profile` is another one, or a number is negative, or none.

    >>> import tinygrad_mlp as tg
    >>> tg.set_printoptions(precision=2)
    >>> tg.tensor([1 / 3])
    tensor([0.33])
    >>> tg.set_printoptions(precision=4)
    """

def sgn(input: Any) -> Tensor:
    """`sign`: there are no complex numbers."""

def sigmoid(input: Any) -> Tensor:
    """1 / (1 + e⁻ˣ)."""

def sigmoid_(input: Any) -> Tensor:
    """`sigmoid`, written into this Tensor."""

def sign(input: Any) -> Tensor:
    """−1, 0 or 1. Its derivative is 0."""

def signbit(input: Any) -> Tensor:
    """Whether x is negative, or −0."""

def sin(input: Any) -> Tensor:
    """The sine."""

def sin_(input: Any) -> Tensor:
    """`sin`, written into this Tensor."""

def sinc(input: Any) -> Tensor:
    """sin(πx) / (πx), and 1 at 0."""

def sinc_(input: Any) -> Tensor:
    """`sinc`, written into this Tensor."""

def sinh(input: Any) -> Tensor:
    """The hyperbolic sine."""

def sinh_(input: Any) -> Tensor:
    """`sinh`, written into this Tensor."""

def slice_scatter(
    input: Any, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """A copy in which the slice ``start:end:step`` of the dimension `dim` is `src`.

    Raises:
        ValueError: `src` has not the shape of that slice.
    """

def slogdet(input: Any) -> tuple[Tensor, Tensor]:
    """The sign of the determinant, and ln |det|."""

def softmax(input: Any, dim: int, dtype: DTypeLike | None = None) -> Tensor:
    """eˣ / Σ eˣ along `dim`, of this Tensor as `dtype`. Integers and booleans become the default dtype."""

def sort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Selected:
    """The entries along `dim` in order, and the indices where they were: ``(values, indices)``.

    Equal entries keep their order, whatever `stable` is. NaN counts as the greatest number.
    """

def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of parts of a Tensor along `dim`, of one length or of the lengths in a list. See `Tensor.split`."""

def split_with_sizes(input: Any, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Views of the parts of these lengths along `dim`, one after the other.

    Raises:
        ValueError: the sum of the lengths is not the length of `dim`, or one is negative.
    """

def sqrt(input: Any) -> Tensor:
    """The square root; its derivative at 0 is infinite."""

def sqrt_(input: Any) -> Tensor:
    """`sqrt`, written into this Tensor."""

def square(input: Any) -> Tensor:
    """x²."""

def square_(input: Any) -> Tensor:
    """`square`, written into this Tensor."""

def squeeze(input: Any, dim: Dim = None) -> Tensor:
    """This Tensor without the dimensions among `dim` that have length 1; by default among all."""

def std(
    input: Any,
    dim: Dim | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """The square root of `var`, which has the same arguments. Its derivative is 0 where all entries are equal."""

def std_mean(
    input: Any,
    dim: Dim | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """The standard deviation and the mean over `dim`. See `Tensor.std`, which has the same arguments."""

def sub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """x − alpha · other."""

def subtract(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """x − alpha · other."""

def sum(input: Any, dim: Dim = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """The sum over `dim`, of this Tensor as `dtype`; by default over all dimensions."""

def svd(input: Any, some: bool = True, compute_uv: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """`linalg.svd` with V in place of its transpose, and with one column of U and of V for each singular value."""

def swapaxes(input: Any, axis0: int, axis1: int) -> Tensor:
    """This Tensor with the dimensions `axis0` and `axis1` swapped."""

def swapdims(input: Any, dim0: int, dim1: int) -> Tensor:
    """This Tensor with the dimensions `dim0` and `dim1` swapped."""

def t(input: Any) -> Tensor:
    """The transpose of a matrix. A vector stays as it is.

    Raises:
        ValueError: the Tensor has more than two dimensions.
    """

def take(input: Any, index: Any) -> Tensor:
    """The entries at `index` of the flattened Tensor, in the shape of `index`. Negative indices count from the end."""

def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Tensor:
    """`gather`, with both Tensors broadcast along all dimensions but `dim`; without a `dim`, of both flattened.

    Negative indices count from the end.

    Raises:
        ValueError: the numbers of dimensions differ.
    """

def tan(input: Any) -> Tensor:
    """The tangent."""

def tan_(input: Any) -> Tensor:
    """`tan`, written into this Tensor."""

def tanh(input: Any) -> Tensor:
    """The hyperbolic tangent."""

def tanh_(input: Any) -> Tensor:
    """`tanh`, written into this Tensor."""

def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of parts along `dim`: so many parts, whose lengths differ by at most 1; or parts cut at indices.

    Args:
        indices_or_sections: the number of parts; or a list, a tuple or a Tensor of indices.

    Raises:
        ValueError: the number of parts is not positive.
    """

def tensordot(a: Any, b: Any, dims: Any = 2) -> Tensor:
    """Sums of products of `a` and `b` over dimensions of both.

    Args:
        dims: how many of the last dimensions of `a` and the first of `b` are summed over; or two lists, of the
            dimensions of `a` and of those of `b` that each is paired with.

    Raises:
        ValueError: the lists have different lengths, or the lengths of paired dimensions differ.
    """

def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where x is above `threshold`, else `value`. `inplace` changes nothing.

    Raises:
        ValueError: `threshold` or `value` is no number.
    """

def threshold_(input: Any, threshold: float, value: float) -> Tensor:
    """`threshold`, in place: the input becomes the result, and is returned."""

def tile(input: Any, *given: Any, dims: Sequence[int] | None = None) -> Tensor:
    """Copies of this Tensor side by side, ``dims[i]`` of them along dimension i, as in `numpy.tile`.

    If there are fewer `dims` than dimensions, the first dimensions are not repeated.
    """

def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Selected:
    """The `k` largest entries along `dim`, or the smallest, and their indices: ``(values, indices)``.

    The entries are always sorted, whatever `sorted` is. Equal entries keep their order.

    Raises:
        ValueError: there are no `k` entries along `dim`.
    """

def trace(input: Any) -> Tensor:
    """The sum of the main diagonal of a matrix.

    Raises:
        ValueError: the Tensor is no matrix.
    """

def transpose(input: Any, dim0: int, dim1: int) -> Tensor:
    """This Tensor with the dimensions `dim0` and `dim1` swapped."""

def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The integral along `dim` of the line through the values `y`, by the trapezoidal rule.

    Args:
        x: the coordinates of the values: as many as there are along `dim`, or a Tensor that broadcasts with `y`.
        dx: the distance of each two coordinates, in place of `x`; 1 by default.

    Raises:
        TypeError: both `x` and `dx` are given.
        ValueError: `y` is a number or holds booleans, or `x` does not fit it.
    """

def trapz(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The integral along `dim` of the line through the values `y`, by the trapezoidal rule.

    Args:
        x: the coordinates of the values: as many as there are along `dim`, or a Tensor that broadcasts with `y`.
        dx: the distance of each two coordinates, in place of `x`; 1 by default.

    Raises:
        TypeError: both `x` and `dx` are given.
        ValueError: `y` is a number or holds booleans, or `x` does not fit it.
    """

def triangular_solve(
    input: Any, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> tuple[Tensor, Tensor]:
    """`linalg.solve_triangular` of A, or of its transpose, for the right-hand side `input`; and a copy of A."""

def tril(input: Any, diagonal: int = 0) -> Tensor:
    """A copy with zeros above a diagonal of the last two dimensions: the main one, or `diagonal` further up.

    Raises:
        ValueError: the Tensor is a number.
    """

def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: DTypeLike = ..., device: DeviceLike = None, pin_memory: bool = False
) -> Tensor:
    """The indices of the entries of a (row, col) matrix that `tril` keeps: their rows, then their columns."""

def triu(input: Any, diagonal: int = 0) -> Tensor:
    """A copy with zeros below a diagonal of the last two dimensions: the main one, or `diagonal` further up.

    Raises:
        ValueError: the Tensor is a number.
    """

def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: DTypeLike = ..., device: DeviceLike = None, pin_memory: bool = False
) -> Tensor:
    """The indices of the entries of a (row, col) matrix that `triu` keeps: their rows, then their columns."""

def true_divide(input: Any, other: Any) -> Tensor:
    """x / other."""

def trunc(input: Any) -> Tensor:
    """The integer part of x. Its derivative is 0."""

def trunc_(input: Any) -> Tensor:
    """`trunc`, written into this Tensor."""

def unbind(input: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of the parts at each index of `dim`, which they do not have."""

def unflatten(input: Any, dim: int, sizes: Sequence[int]) -> Tensor:
    """This Tensor with the dimension `dim` parted into dimensions of these `sizes`, of which one may be −1.

    Raises:
        ValueError: the product of the sizes is not the length of `dim`.
    """

def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The different entries in order or, with `dim`, the different slices along it. No gradient passes through them.

    Args:
        sorted: changes nothing: the result is always sorted.
        return_inverse: whether to return also the index in the result for each entry of this Tensor.
        return_counts: whether to return also how often each entry of the result occurs.
    """

def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The entries or, with `dim`, the slices along it, without those that equal the one before.

    Args:
        return_inverse: whether to return also the index in the result for each entry of this Tensor.
        return_counts: whether to return also how many equal entries each entry of the result stands for.
    """

def unravel_index(indices: Any, shape: int | Sequence[int]) -> tuple[Tensor, ...]:
    """The indices along each dimension of `shape`, for `indices` of the flattened Tensor.

    Raises:
        TypeError: the indices are no integers.
    """

def unsqueeze(input: Any, dim: int) -> Tensor:
    """This Tensor with a new dimension of length 1 at `dim`."""

def use_deterministic_algorithms(mode: Any, *, warn_only: Any = False) -> None:
    """Accepted, and without effect: there is one way to compute, and it gives the same bits each time, with the same kernels on the same shapes."""

def vander(x: Any, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers of the entries of a vector: row i has ``x[i]`` to the powers N − 1, …, 0; or 0, …, N − 1.

    Args:
        N: the number of columns; by default as many as rows.
        increasing: whether the powers grow from left to right.

    Raises:
        ValueError: `x` is no vector, or N is negative.
    """

def var(
    input: Any,
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

def var_mean(
    input: Any,
    dim: Dim | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """The variance and the mean over `dim`. See `Tensor.var`, which has the same arguments."""

def vdot(input: Any, other: Any) -> Tensor:
    """`dot`: for real numbers both are the same.

    Raises:
        ValueError: one of the two is not a vector, or their lengths differ.
    """

def vsplit(input: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along the first dimension, the rows. All parts have one length, or are cut at indices.

    Raises:
        ValueError: so many parts of one length do not make up the dimension, or there is only one dimension.
    """

def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """The Tensors below each other, along their rows. A vector is a row.

    Raises:
        TypeError: the Tensors are not in a list or tuple.
        ValueError: there are no Tensors, or their shapes do not fit.
    """

def xlogy(input: Any, other: Any) -> Tensor:
    """x · ln(other), but 0 where x is 0."""

def xlogy_(input: Any, other: Any) -> Tensor:
    """`xlogy`, written into this Tensor."""

def zero_(input: Any) -> Tensor:
    """Set every entry to 0."""
