"""The methods of the tables. tests/names/stubs.py writes this file."""

import builtins
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .arguments import Dim, Size
from .devices import DeviceLike
from .methods import Selected
from .random import AnyGenerator
from .tensor import Tensor

load: Callable[[], None]

class Named:
    def abs_(self) -> Tensor:
        """`abs`, written into this Tensor."""

    def absolute(self) -> Tensor:
        """The absolute value; its derivative at 0 is 0."""

    def absolute_(self) -> Tensor:
        """`absolute`, written into this Tensor."""

    def acos_(self) -> Tensor:
        """`acos`, written into this Tensor."""

    def acosh(self) -> Tensor:
        """The number ≥ 0 whose hyperbolic cosine is x."""

    def acosh_(self) -> Tensor:
        """`acosh`, written into this Tensor."""

    def add(self, other: Any, *, alpha: Any = 1) -> Tensor:
        """x + alpha · other."""

    def addbmm(self, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """beta · input + alpha · Σ batch1[i] @ batch2[i], the sum of the products of the matrices of two stacks.

        Raises:
            ValueError: the shapes do not fit.
        """

    def addbmm_(self, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """`addbmm`, written into this Tensor."""

    def addcdiv(self, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
        """x + value · tensor1 / tensor2."""

    def addcdiv_(self, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
        """`addcdiv`, written into this Tensor."""

    def addcmul(self, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
        """x + value · tensor1 · tensor2."""

    def addcmul_(self, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
        """`addcmul`, written into this Tensor."""

    def addmm(self, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """beta · input + alpha · mat1 @ mat2, of matrices.

        Raises:
            ValueError: the shapes do not fit.
        """

    def addmm_(self, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """`addmm`, written into this Tensor."""

    def addmv(self, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """beta · input + alpha · mat @ vec, of a matrix and a vector.

        Raises:
            ValueError: the shapes do not fit.
        """

    def addmv_(self, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """`addmv`, written into this Tensor."""

    def addr(self, vec1: Any, vec2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """beta · input + alpha · vec1 vec2ᵀ, the outer product of two vectors.

        Raises:
            ValueError: the shapes do not fit.
        """

    def addr_(self, vec1: Any, vec2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """`addr`, written into this Tensor."""

    def adjoint(self) -> Tensor:
        """This Tensor with its last two dimensions swapped, for its entries are real."""

    def allclose(self, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
        """Whether all entries are close to those of `other`, as `isclose` says."""

    def aminmax(self, *, dim: int | None = None, keepdim: bool = False) -> Any:
        """The smallest and the greatest entry along `dim`, as a named tuple of `min` and `max`; by default of all entries.

        Entries that equal one of them share its gradient equally.
        """

    def arccos(self) -> Tensor:
        """The angle in [0, π] whose cosine is x."""

    def arccos_(self) -> Tensor:
        """`arccos`, written into this Tensor."""

    def arccosh(self) -> Tensor:
        """The number ≥ 0 whose hyperbolic cosine is x."""

    def arccosh_(self) -> Tensor:
        """`arccosh`, written into this Tensor."""

    def arcsin(self) -> Tensor:
        """The angle in [−π/2, π/2] whose sine is x."""

    def arcsin_(self) -> Tensor:
        """`arcsin`, written into this Tensor."""

    def arcsinh(self) -> Tensor:
        """The number whose hyperbolic sine is x."""

    def arcsinh_(self) -> Tensor:
        """`arcsinh`, written into this Tensor."""

    def arctan(self) -> Tensor:
        """The angle in (−π/2, π/2) whose tangent is x."""

    def arctan2(self, other: Any) -> Tensor:
        """The angle of the point (other, x)."""

    def arctan2_(self, other: Any) -> Tensor:
        """`arctan2`, written into this Tensor."""

    def arctan_(self) -> Tensor:
        """`arctan`, written into this Tensor."""

    def arctanh(self) -> Tensor:
        """The number whose hyperbolic tangent is x."""

    def arctanh_(self) -> Tensor:
        """`arctanh`, written into this Tensor."""

    def argsort(self, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Tensor:
        """The indices along `dim` that sort this Tensor: of equal entries the first comes first."""

    def argwhere(self) -> Tensor:
        """A row of indices for each entry that is not 0."""

    def asin_(self) -> Tensor:
        """`asin`, written into this Tensor."""

    def asinh(self) -> Tensor:
        """The number whose hyperbolic sine is x."""

    def asinh_(self) -> Tensor:
        """`asinh`, written into this Tensor."""

    def atan2(self, other: Any) -> Tensor:
        """The angle of the point (other, x)."""

    def atan2_(self, other: Any) -> Tensor:
        """`atan2`, written into this Tensor."""

    def atan_(self) -> Tensor:
        """`atan`, written into this Tensor."""

    def atanh(self) -> Tensor:
        """The number whose hyperbolic tangent is x."""

    def atanh_(self) -> Tensor:
        """`atanh`, written into this Tensor."""

    def baddbmm(self, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """beta · input + alpha · batch1 @ batch2, of stacks of matrices.

        Raises:
            ValueError: the shapes do not fit.
        """

    def baddbmm_(self, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """`baddbmm`, written into this Tensor."""

    def bernoulli(self, p: Any = None, *, generator: AnyGenerator | None = None) -> Tensor:
        """For each entry of `input`, 1 or 0 in its dtype. The probability of 1 is the entry itself, or `p`.

        Raises:
            ValueError: a probability is below 0 or above 1.
        """

    def bernoulli_(self, p: Any = 0.5, *, generator: AnyGenerator | None = None) -> Tensor:
        """Set every entry to 1 with the probability `p`, a number or a Tensor of probabilities, and else to 0."""

    def bincount(self, weights: Any = None, minlength: int = 0) -> Tensor:
        """How often each of 0, 1, … occurs in a vector or, with `weights`, the sum of the weights of each.

        Raises:
            ValueError: the Tensor is no vector of integers from 0, or the weights have another shape.
        """

    def bitwise_and(self, other: Any) -> Tensor:
        """The bits that x and other have."""

    def bitwise_and_(self, other: Any) -> Tensor:
        """`bitwise_and`, written into this Tensor."""

    def bitwise_left_shift(self, other: Any) -> Tensor:
        """x · 2^other, for integers."""

    def bitwise_left_shift_(self, other: Any) -> Tensor:
        """`bitwise_left_shift`, written into this Tensor."""

    def bitwise_not(self) -> Tensor:
        """The bits that x does not have."""

    def bitwise_not_(self) -> Tensor:
        """`bitwise_not`, written into this Tensor."""

    def bitwise_or(self, other: Any) -> Tensor:
        """The bits that x or other has."""

    def bitwise_or_(self, other: Any) -> Tensor:
        """`bitwise_or`, written into this Tensor."""

    def bitwise_right_shift(self, other: Any) -> Tensor:
        """⌊x / 2^other⌋, for integers."""

    def bitwise_right_shift_(self, other: Any) -> Tensor:
        """`bitwise_right_shift`, written into this Tensor."""

    def bitwise_xor(self, other: Any) -> Tensor:
        """The bits that exactly one of both has."""

    def bitwise_xor_(self, other: Any) -> Tensor:
        """`bitwise_xor`, written into this Tensor."""

    def bmm(self, mat2: Any) -> Tensor:
        """The products of the matrices of two stacks, of shapes (b, n, k) and (b, k, m).

        Raises:
            ValueError: the shapes are others.
        """

    def cauchy_(self, median: float = 0, sigma: float = 1, *, generator: AnyGenerator | None = None) -> Tensor:
        """Draw every entry from the Cauchy distribution around `median` with the scale `sigma`.

        Raises:
            TypeError: the Tensor holds no floats.
            ValueError: the scale is not positive.
        """

    def ceil(self) -> Tensor:
        """The least integer not below x. Its derivative is 0."""

    def ceil_(self) -> Tensor:
        """`ceil`, written into this Tensor."""

    def cholesky(self, upper: bool = False) -> Tensor:
        """`linalg.cholesky`, under its older name."""

    def cholesky_inverse(self, upper: bool = False) -> Tensor:
        """The inverse of the matrix whose Cholesky factor is `input`."""

    def cholesky_solve(self, input2: Any, upper: bool = False) -> Tensor:
        """The solution of A X = `input`, where `input2` is the Cholesky factor of A."""

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
        """Views of at most `chunks` parts along `dim`. All parts have the same length, but the last may be shorter.

        Raises:
            TypeError: `chunks` is no integer.
            ValueError: `chunks` is not positive.
        """

    def clamp_max(self, max: Any) -> Tensor:
        """x, but `max` where x is above it."""

    def clamp_max_(self, max: Any) -> Tensor:
        """`clamp_max`, written into this Tensor."""

    def clamp_min(self, min: Any) -> Tensor:
        """x, but `min` where x is below it."""

    def clamp_min_(self, min: Any) -> Tensor:
        """`clamp_min`, written into this Tensor."""

    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        """`clamp`, under NumPy's name."""

    def clip_(self, min: Any = None, max: Any = None) -> Tensor:
        """`clip`, written into this Tensor."""

    def conj(self) -> Tensor:
        """This Tensor, whose entries are real."""

    def conj_physical(self) -> Tensor:
        """This Tensor, whose entries are real."""

    def contiguous(self) -> Tensor:
        """This Tensor itself if its entries lie in memory one after the other, else a copy where they do."""

    def copysign(self, other: Any) -> Tensor:
        """|x|, with the sign of `other`."""

    def copysign_(self, other: Any) -> Tensor:
        """`copysign`, written into this Tensor."""

    def corrcoef(self) -> Tensor:
        """The correlations of the rows, which are `cov` divided by the deviations of both variables. See `cov`."""

    def cos_(self) -> Tensor:
        """`cos`, written into this Tensor."""

    def cosh_(self) -> Tensor:
        """`cosh`, written into this Tensor."""

    def count_nonzero(self, dim: Dim = None) -> Tensor:
        """How many entries over `dim` are not 0; by default, over all dimensions."""

    def cov(self, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Tensor:
        """The covariances of the rows: of variables, whose observations are the columns. A vector is one variable.

        Args:
            correction: is subtracted from the number of observations before the sums are divided by it.
            fweights: how often each observation counts: a vector of integers.
            aweights: how much each observation weighs: a vector of floats.

        Raises:
            ValueError: the Tensor holds booleans or has more than 2 dimensions, or weights do not fit.
        """

    def cross(self, other: Any, dim: int | None = None) -> Tensor:
        """The cross product of vectors of three entries along `dim`; by default along the first dimension of length 3.

        Raises:
            ValueError: there is no dimension of length 3.
        """

    def cummax(self, dim: int) -> Selected:
        """The running maximum along `dim`, and its index. The last one of equal entries counts, and gets the gradient."""

    def cummin(self, dim: int) -> Selected:
        """The running minimum along `dim`, and its index. The last one of equal entries counts, and gets the gradient."""

    def cumprod(self, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
        """The running product along `dim`. For small integers it has 64 bits, as a running sum has.

        No derivative divides by an entry, so entries may be 0.
        """

    def cumprod_(self, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
        """`cumprod`, written into this Tensor."""

    def cumsum_(self, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
        """`cumsum`, written into this Tensor."""

    def deg2rad(self) -> Tensor:
        """Degrees as radians."""

    def deg2rad_(self) -> Tensor:
        """`deg2rad`, written into this Tensor."""

    def det(self) -> Tensor:
        """The determinant. It has a gradient at singular matrices, too."""

    def diag(self, diagonal: int = 0) -> Tensor:
        """A copy of a diagonal of a matrix; or of a vector, the matrix that has it on that diagonal.

        Raises:
            ValueError: the Tensor is neither a vector nor a matrix.
        """

    def diag_embed(self, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
        """Square matrices with the vectors along the last dimension on their diagonals, and zeros elsewhere.

        Args:
            offset: which diagonal: the main one, or so many further up.
            dim1: the dimension of the result that the rows have.
            dim2: the dimension of the result that the columns have.

        Raises:
            ValueError: `dim1` and `dim2` are the same, or the Tensor is a number.
        """

    def diagflat(self, offset: int = 0) -> Tensor:
        """A matrix with the entries of this Tensor on a diagonal: the main one, or `offset` further up."""

    def diagonal_scatter(self, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
        """A copy in which the diagonals of the matrices that `dim1` and `dim2` span are `src`.

        Raises:
            ValueError: `src` has not the shape of the diagonals.
        """

    def diff(self, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Tensor:
        """The difference of each two neighbours along `dim`, taken `n` times. Of booleans: whether they differ.

        Args:
            prepend: entries to put in front first, as with `cat`.
            append: entries to put behind first.

        Raises:
            ValueError: the Tensor is a number, or `n` is negative.
        """

    def digamma(self) -> Tensor:
        """The derivative of ln Γ(x)."""

    def digamma_(self) -> Tensor:
        """`digamma`, written into this Tensor."""

    def dist(self, other: Any, p: float = 2) -> Tensor:
        """(Σ |input − other|ᵖ)^(1/p), over all entries. Its derivative is 0 where both are equal."""

    def div(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """x / other, rounded as `rounding_mode` says: not at all, "trunc" towards 0, or "floor" downwards.

        Raises:
            ValueError: `rounding_mode` is something else.
        """

    def divide(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """x / other, rounded as `rounding_mode` says: not at all, "trunc" towards 0, or "floor" downwards.

        Raises:
            ValueError: `rounding_mode` is something else.
        """

    def divide_(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """`divide`, written into this Tensor."""

    def dot(self, tensor: Any) -> Tensor:
        """The sum of the products of the entries of two vectors.

        Raises:
            ValueError: one of the two is not a vector, or their lengths differ.
        """

    def dsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]:
        """`tensor_split` along the third dimension. All parts have one length, or are cut at indices.

        Raises:
            ValueError: so many parts of one length do not make up the dimension, or there are only two dimensions.
        """

    def element_size(self) -> int:
        """The number of bytes of an entry."""

    def eq(self, other: Any) -> Tensor:
        """Whether x = other."""

    def eq_(self, other: Any) -> Tensor:
        """`eq`, written into this Tensor."""

    def equal(self, other: Any) -> bool:
        """Whether `other` has the same shape and the same entries."""

    def erf_(self) -> Tensor:
        """`erf`, written into this Tensor."""

    def erfc(self) -> Tensor:
        """1 − erf(x), exact for large x."""

    def erfc_(self) -> Tensor:
        """`erfc`, written into this Tensor."""

    def erfinv(self) -> Tensor:
        """The number whose error function is x."""

    def erfinv_(self) -> Tensor:
        """`erfinv`, written into this Tensor."""

    def exp2_(self) -> Tensor:
        """`exp2`, written into this Tensor."""

    def exp_(self) -> Tensor:
        """`exp`, written into this Tensor."""

    def expand_as(self, other: Any) -> Tensor:
        """This Tensor, repeated along dimensions of length 1 to the shape of `other`. It cannot be written to."""

    def expm1_(self) -> Tensor:
        """`expm1`, written into this Tensor."""

    def exponential_(self, lambd: float = 1, *, generator: AnyGenerator | None = None) -> Tensor:
        """Draw every entry from the exponential distribution with the rate `lambd`.

        Raises:
            TypeError: the Tensor holds no floats.
            ValueError: the rate is not positive.
        """

    def fill_diagonal_(self, fill_value: float, wrap: bool = False) -> Any:
        """Set the entries at equal indices of all dimensions to `fill_value`.

        Args:
            wrap: whether the diagonal of a matrix with more rows than columns begins again at the left, one row further.

        Raises:
            ValueError: the Tensor has less than two dimensions, or more than two of different lengths.
        """

    def fix(self) -> Tensor:
        """The integer part of x. Its derivative is 0."""

    def fix_(self) -> Tensor:
        """`fix`, written into this Tensor."""

    def fliplr(self) -> Tensor:
        """A copy with the order of the columns, the second dimension, reversed."""

    def flipud(self) -> Tensor:
        """A copy with the order of the rows, the first dimension, reversed.

        Raises:
            ValueError: the Tensor is a number.
        """

    def float_power(self, exponent: Any) -> Tensor:
        """x to the power of `exponent`, computed in float64."""

    def float_power_(self, exponent: Any) -> Tensor:
        """`float_power`, written into this Tensor."""

    def floor_(self) -> Tensor:
        """`floor`, written into this Tensor."""

    def floor_divide(self, other: Any) -> Tensor:
        """The greatest integer not above x / other."""

    def floor_divide_(self, other: Any) -> Tensor:
        """`floor_divide`, written into this Tensor."""

    def fmax(self, other: Any) -> Tensor:
        """The larger of each two entries, or the one that is not NaN. Where both are equal, x gets the gradient."""

    def fmin(self, other: Any) -> Tensor:
        """The smaller of each two entries, or the one that is not NaN. Where both are equal, x gets the gradient."""

    def fmod(self, other: Any) -> Tensor:
        """x − other · trunc(x / other): it has the sign of x."""

    def fmod_(self, other: Any) -> Tensor:
        """`fmod`, written into this Tensor."""

    def frac(self) -> Tensor:
        """x without its integer part."""

    def frac_(self) -> Tensor:
        """`frac`, written into this Tensor."""

    def frexp(self) -> Any:
        """The `mantissa` and the `exponent` of x = mantissa · 2^exponent, with 1/2 ≤ |mantissa| < 1.

        Raises:
            TypeError: the Tensor holds integers.
        """

    def gather(self, dim: int, index: Any, *, sparse_grad: bool = False) -> Tensor:
        """For each entry of `index`, the entry that lies there along `dim`: x.gather(1, i)[r, c] is x[r, i[r, c]].

        The index may be shorter than this Tensor along other dimensions. `sparse_grad` changes nothing.

        Raises:
            TypeError: the index does not hold integers.
            IndexError: an index is out of bounds, or negative.
            ValueError: the shapes do not fit.
        """

    def gcd(self, other: Any) -> Tensor:
        """The greatest common divisor of integers."""

    def gcd_(self, other: Any) -> Tensor:
        """`gcd`, written into this Tensor."""

    def ge(self, other: Any) -> Tensor:
        """Whether x ≥ other."""

    def ge_(self, other: Any) -> Tensor:
        """`ge`, written into this Tensor."""

    def geometric_(self, p: float, *, generator: AnyGenerator | None = None) -> Tensor:
        """Draw every entry from 1, 2, …: how many trials with the probability `p` it takes until one succeeds.

        Raises:
            ValueError: `p` is not between 0 and 1.
        """

    def ger(self, vec2: Any) -> Tensor:
        """`outer`, under its older name."""

    def greater(self, other: Any) -> Tensor:
        """Whether x > other."""

    def greater_(self, other: Any) -> Tensor:
        """`greater`, written into this Tensor."""

    def greater_equal(self, other: Any) -> Tensor:
        """Whether x ≥ other."""

    def greater_equal_(self, other: Any) -> Tensor:
        """`greater_equal`, written into this Tensor."""

    def gt(self, other: Any) -> Tensor:
        """Whether x > other."""

    def gt_(self, other: Any) -> Tensor:
        """`gt`, written into this Tensor."""

    def hardshrink(self, lambd: Any = 0.5) -> Tensor:
        """x, but 0 between −`lambd` and `lambd`."""

    def heaviside(self, values: Any) -> Tensor:
        """0 where x is negative, 1 where it is positive, and `values` where it is 0. No gradient passes."""

    def heaviside_(self, values: Any) -> Tensor:
        """`heaviside`, written into this Tensor."""

    def histc(self, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
        """How many entries lie in each of `bins` intervals of equal width from `min` to `max`; others are not counted.

        If `min` and `max` are equal, the intervals reach from the least to the greatest entry.

        Raises:
            TypeError: the Tensor holds integers.
            ValueError: there are no bins, `max` is below `min`, or a bound is not finite.
        """

    def histogram(
        self, bins: Any = 100, *, range: Sequence[float] | None = None, weight: Any = None, density: bool = False
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

    def hsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]:
        """`tensor_split` along dimension 1, or along a vector. All parts have one length, or are cut at indices.

        Raises:
            ValueError: so many parts of one length do not make up the dimension, or the Tensor is a number.
        """

    def hypot(self, other: Any) -> Tensor:
        """√(x² + other²)."""

    def hypot_(self, other: Any) -> Tensor:
        """`hypot`, written into this Tensor."""

    def i0(self) -> Tensor:
        """The modified Bessel function of the first kind, of order 0."""

    def i0_(self) -> Tensor:
        """`i0`, written into this Tensor."""

    def igamma(self, other: Any) -> Tensor:
        """The regularized lower incomplete gamma function P(x, other), differentiated by `other` alone.

        Raises:
            TypeError: x needs a gradient.
        """

    def igamma_(self, other: Any) -> Tensor:
        """`igamma`, written into this Tensor."""

    def igammac(self, other: Any) -> Tensor:
        """The regularized upper incomplete gamma function Q(x, other), differentiated by `other` alone.

        Raises:
            TypeError: x needs a gradient.
        """

    def igammac_(self, other: Any) -> Tensor:
        """`igammac`, written into this Tensor."""

    def index_add(self, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Tensor:
        """A copy with ``alpha`` · the slices of `source` added to the slices along `dim` that a vector of indices names.

        Slices with the same index add up.

        Raises:
            IndexError: an index is out of bounds, or negative.
            ValueError: the shapes do not fit.
            RuntimeError: `source` has another dtype.
            TypeError: the Tensors hold integers, and `alpha` is none.
        """

    def index_add_(self, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Tensor:
        """`index_add`, written into this Tensor."""

    def index_copy(self, dim: int, index: Any, source: Any) -> Tensor:
        """A copy with the slices of `source` in place of the slices along `dim` that a vector of indices names.

        Raises:
            IndexError: an index is out of bounds, or negative.
            ValueError: the shapes do not fit.
            RuntimeError: `source` has another dtype; or it needs a gradient, and an index stands twice.
        """

    def index_copy_(self, dim: int, index: Any, source: Any) -> Tensor:
        """`index_copy`, written into this Tensor."""

    def index_fill(self, dim: int, index: Any, value: Any) -> Tensor:
        """A copy with a number in the slices along `dim` that a vector of indices names.

        Negative indices count from the end.

        Raises:
            ValueError: the value is no number and no Tensor without dimensions.
        """

    def index_fill_(self, dim: int, index: Any, value: Any) -> Tensor:
        """`index_fill`, written into this Tensor."""

    def index_put(self, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Tensor:
        """A copy with ``x[indices] = values`` or, with `accumulate`, with the values added, also where an index is twice.

        Args:
            indices: a tuple of Tensors of integers or booleans, one for each of the first dimensions. None stands for all.

        Raises:
            TypeError: the indices are no tuple, or hold floats.
            IndexError: an index is out of bounds.
            RuntimeError: the values have another dtype, or need a gradient, and an index stands twice.
        """

    def index_put_(self, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Tensor:
        """`index_put`, written into this Tensor."""

    def index_reduce(self, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True) -> Tensor:
        """A copy whose slices along `dim` are combined with those of `source` that a vector of indices sends to them.

        Args:
            reduce: "mean", "prod", "amax" or "amin".
            include_self: whether what is there counts, too, where something is written.

        Raises:
            ValueError: `reduce` is another word, or the shapes do not fit.
        """

    def index_reduce_(self, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True) -> Tensor:
        """`index_reduce`, written into this Tensor."""

    def index_select(self, dim: int, index: Any) -> Tensor:
        """The slices along `dim` that a vector of indices names, in its order.

        Raises:
            IndexError: an index is out of bounds, or negative.
        """

    def inner(self, other: Any) -> Tensor:
        """The sums of products over the last dimensions of both: entry (i, j) is that of row i and row j.

        Raises:
            ValueError: the last lengths differ.
        """

    def inverse(self) -> Tensor:
        """The inverse of a square matrix."""

    def is_complex(self) -> bool:
        """False: there are no complex numbers."""

    def is_conj(self) -> bool:
        """False: there are no complex numbers."""

    def is_contiguous(self) -> bool:
        """Whether the entries lie in memory one after the other, in the order of the rows."""

    def is_neg(self) -> bool:
        """False: there are no complex numbers."""

    def is_nonzero(self) -> bool:
        """Whether the only entry is not 0.

        Raises:
            ValueError: there is not one entry.
        """

    def is_same_size(self, other: Any) -> bool:
        """Whether both Tensors have the same shape."""

    def is_signed(self) -> bool:
        """Whether the dtype has negative numbers."""

    def isclose(self, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
        """Whether entries differ from those of `other` by at most ``atol + rtol * abs(other)``.

        Infinite entries are close to equal ones alone, and NaN to NaN if `equal_nan`.

        Raises:
            ValueError: `rtol` or `atol` is negative.
        """

    def isfinite(self) -> Tensor:
        """Whether x is neither NaN nor infinite."""

    def isinf(self) -> Tensor:
        """Whether x is ∞ or −∞."""

    def isnan(self) -> Tensor:
        """Whether x is NaN."""

    def isneginf(self) -> Tensor:
        """Whether x is −∞."""

    def isposinf(self) -> Tensor:
        """Whether x is ∞."""

    def isreal(self) -> Tensor:
        """True: there are no complex numbers."""

    def kron(self, other: Any) -> Tensor:
        """The Kronecker product: each entry of `input` times the whole of `other`, in its place."""

    def kthvalue(self, k: int, dim: int = -1, keepdim: bool = False) -> Selected:
        """The `k`-th smallest entry along `dim`, counted from 1, and its index: ``(values, indices)``.

        Raises:
            ValueError: there are no `k` entries along `dim`.
        """

    def lcm(self, other: Any) -> Tensor:
        """The least common multiple of integers."""

    def lcm_(self, other: Any) -> Tensor:
        """`lcm`, written into this Tensor."""

    def ldexp(self, other: Any) -> Tensor:
        """x · 2^other."""

    def ldexp_(self, other: Any) -> Tensor:
        """`ldexp`, written into this Tensor."""

    def le(self, other: Any) -> Tensor:
        """Whether x ≤ other."""

    def le_(self, other: Any) -> Tensor:
        """`le`, written into this Tensor."""

    def lerp(self, end: Any, weight: Any) -> Tensor:
        """x + weight · (end − x). From the weight ½ on it is computed from `end`, so it is exactly `end` for 1."""

    def lerp_(self, end: Any, weight: Any) -> Tensor:
        """`lerp`, written into this Tensor."""

    def less(self, other: Any) -> Tensor:
        """Whether x < other."""

    def less_(self, other: Any) -> Tensor:
        """`less`, written into this Tensor."""

    def less_equal(self, other: Any) -> Tensor:
        """Whether x ≤ other."""

    def less_equal_(self, other: Any) -> Tensor:
        """`less_equal`, written into this Tensor."""

    def lgamma(self) -> Tensor:
        """ln |Γ(x)|."""

    def lgamma_(self) -> Tensor:
        """`lgamma`, written into this Tensor."""

    def log10_(self) -> Tensor:
        """`log10`, written into this Tensor."""

    def log1p_(self) -> Tensor:
        """`log1p`, written into this Tensor."""

    def log2_(self) -> Tensor:
        """`log2`, written into this Tensor."""

    def log_(self) -> Tensor:
        """`log`, written into this Tensor."""

    def log_normal_(self, mean: float = 1, std: float = 2, *, generator: AnyGenerator | None = None) -> Tensor:
        """Draw every entry from the distribution of exp(z), where z is normal with this mean and standard deviation.

        Raises:
            TypeError: the Tensor holds no floats.
            ValueError: the standard deviation is not positive.
        """

    def logaddexp2(self, other: Any) -> Tensor:
        """log₂(2ˣ + 2^other)."""

    def logcumsumexp(self, dim: int) -> Tensor:
        """ln Σ eˣ of the entries up to each one along `dim`. Integers are converted to the default dtype first.

        Where a running sum is ln 0 = −∞, the entries of −∞ get the gradient 0. In PyTorch it is NaN.
        """

    def logdet(self) -> Tensor:
        """The logarithm of the determinant: −∞ where that is 0, and NaN where it is negative."""

    def logical_and(self, other: Any) -> Tensor:
        """Whether x and other are not 0."""

    def logical_and_(self, other: Any) -> Tensor:
        """`logical_and`, written into this Tensor."""

    def logical_not(self) -> Tensor:
        """Whether x is 0."""

    def logical_not_(self) -> Tensor:
        """`logical_not`, written into this Tensor."""

    def logical_or(self, other: Any) -> Tensor:
        """Whether x or other is not 0."""

    def logical_or_(self, other: Any) -> Tensor:
        """`logical_or`, written into this Tensor."""

    def logical_xor(self, other: Any) -> Tensor:
        """Whether exactly one of both is 0."""

    def logical_xor_(self, other: Any) -> Tensor:
        """`logical_xor`, written into this Tensor."""

    def logit(self, eps: Any = None) -> Tensor:
        """ln(x / (1 − x)), of x between `eps` and 1 − `eps`."""

    def logit_(self, eps: Any = None) -> Tensor:
        """`logit`, written into this Tensor."""

    def lt(self, other: Any) -> Tensor:
        """Whether x < other."""

    def lt_(self, other: Any) -> Tensor:
        """`lt`, written into this Tensor."""

    def lu(self, pivot: bool = True, get_infos: bool = False) -> tuple[Tensor, ...]:
        """`linalg.lu_factor`, under its older name. With `get_infos`, a third Tensor says where U has its first 0, from 1.

        Raises:
            LinAlgError: U has a 0 on its diagonal, and `get_infos` is False.
            ValueError: `pivot` is False.
        """

    def masked_fill_(self, mask: Any, value: Any) -> Tensor:
        """`masked_fill`, written into this Tensor."""

    def masked_scatter(self, mask: Any, source: Any) -> Tensor:
        """A copy with the entries of `source`, in order, where `mask` is true; the two are broadcast to one shape.

        Raises:
            TypeError: the mask does not hold booleans.
            ValueError: `source` has fewer entries than are asked for.
            RuntimeError: `source` has another dtype.
        """

    def masked_scatter_(self, mask: Any, source: Any) -> Tensor:
        """`masked_scatter`, written into this Tensor."""

    def masked_select(self, mask: Any) -> Tensor:
        """A vector of the entries at which `mask` is true; the two are broadcast to one shape.

        Raises:
            TypeError: the mask does not hold booleans.
        """

    def matrix_exp(self) -> Tensor:
        """The matrix exponential Σ Xᵏ / k!."""

    def matrix_power(self, n: int) -> Tensor:
        """The product of n times the same square matrix."""

    def median(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """The entry in the middle when all are sorted, the lower one of two. With `dim`: the medians along it, and indices.

        If an entry is NaN, the median is NaN. Without `dim`, all entries that equal the median share the gradient equally.
        With `dim`, the first one gets it.

        Raises:
            TypeError: the Tensor holds booleans.
            IndexError: there are no entries along `dim`.
        """

    def mode(self, dim: int = -1, keepdim: bool = False) -> Selected:
        """The most frequent value along `dim`, and its last index. Of several such values, the smallest is returned.

        Raises:
            IndexError: there are no entries along `dim`.
        """

    def moveaxis(self, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
        """This Tensor with each dimension of `source` moved to that of `destination`. The others keep their order.

        Raises:
            ValueError: one of the two names a dimension twice, or they are not equally many.
        """

    def movedim(self, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
        """This Tensor with each dimension of `source` moved to that of `destination`. The others keep their order.

        Raises:
            ValueError: one of the two names a dimension twice, or they are not equally many.
        """

    def msort(self) -> Tensor:
        """The entries in order along the first dimension."""

    def mul(self, other: Any) -> Tensor:
        """x · other."""

    def multinomial(
        self, num_samples: int, replacement: bool = False, *, generator: AnyGenerator | None = None
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

    def multiply(self, other: Any) -> Tensor:
        """x · other."""

    def multiply_(self, other: Any) -> Tensor:
        """`multiply`, written into this Tensor."""

    def mv(self, vec: Any) -> Tensor:
        """The product of a matrix and a vector.

        Raises:
            ValueError: the shapes are others.
        """

    def mvlgamma(self, p: int) -> Tensor:
        """The logarithm of the gamma function of p × p matrices: ¼ p (p − 1) ln π + Σ ln Γ(x − i/2) over i < p.

        Raises:
            ValueError: `p` is less than 1.
        """

    def mvlgamma_(self, p: int) -> Tensor:
        """`mvlgamma`, written into this Tensor."""

    def nan_to_num(self, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
        """x, but `nan` for NaN, and `posinf` and `neginf` for ∞ and −∞; by default 0, and the greatest and least float."""

    def nan_to_num_(self, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
        """`nan_to_num`, written into this Tensor."""

    def nanmean(self, dim: Dim = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
        """The mean over `dim` of the entries that are not NaN; by default over all dimensions. It is NaN if all are.

        Raises:
            TypeError: the Tensor holds integers.
        """

    def nanmedian(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """As `median`, of the entries that are not NaN. It is NaN if all are."""

    def nanquantile(
        self, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
    ) -> Tensor:
        """As `quantile`, of the entries that are not NaN. It is NaN if all are."""

    def nansum(self, dim: Dim = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
        """The sum over `dim` of the entries that are not NaN; by default over all dimensions."""

    def narrow(self, dim: int, start: Any, length: int) -> Tensor:
        """A view of the `length` entries along `dim` that begin at `start`, which may count from the end.

        Raises:
            TypeError: `start` is no integer.
            ValueError: the dimension does not have these entries.
        """

    def narrow_copy(self, dim: int, start: int, length: int) -> Tensor:
        """A copy of the `length` entries along `dim` that begin at `start`."""

    def ndimension(self) -> int:
        """The number of dimensions."""

    def ne(self, other: Any) -> Tensor:
        """Whether x ≠ other."""

    def ne_(self, other: Any) -> Tensor:
        """`ne`, written into this Tensor."""

    def neg(self) -> Tensor:
        """−x."""

    def neg_(self) -> Tensor:
        """`neg`, written into this Tensor."""

    def negative(self) -> Tensor:
        """−x."""

    def negative_(self) -> Tensor:
        """`negative`, written into this Tensor."""

    def new(self, *data: Any, device: DeviceLike = None) -> Tensor:
        """A Tensor of the dtype of this one: of `data`, a list or an array, or of zeros, if `data` are lengths.

        It is ``FloatTensor(*data)`` of a Tensor of float32, as scripts of PyTorch's first versions write it.
        `new_tensor` and `new_empty` say which of the two is meant.

        Raises:
            TypeError: `data` are no numbers or a single number, or a Tensor of another dtype.
            ValueError: a length is negative.
        """

    def new_empty(
        self,
        *sizes: Any,
        size: Sequence[int] | None = None,
        dtype: DTypeLike | None = None,
        device: DeviceLike = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
    ) -> Tensor:
        """Zeros of the dtype of this Tensor. The lengths are given as for `zeros`."""

    def new_full(
        self,
        size: Sequence[int],
        fill_value: Any,
        *,
        dtype: DTypeLike | None = None,
        device: DeviceLike = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
    ) -> Tensor:
        """A Tensor of shape `size` and of the dtype of this one with every entry `fill_value`."""

    def new_ones(
        self,
        *sizes: Any,
        size: Sequence[int] | None = None,
        dtype: DTypeLike | None = None,
        device: DeviceLike = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
    ) -> Tensor:
        """Ones of the dtype of this Tensor. The lengths are given as for `zeros`."""

    def new_tensor(
        self,
        data: Any,
        *,
        dtype: DTypeLike | None = None,
        device: DeviceLike = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
    ) -> Tensor:
        """A Tensor of a copy of `data`, as `tensor` makes it, in the dtype of this one."""

    def new_zeros(
        self,
        *sizes: Any,
        size: Sequence[int] | None = None,
        dtype: DTypeLike | None = None,
        device: DeviceLike = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
    ) -> Tensor:
        """Zeros of the dtype of this Tensor. The lengths are given as for `zeros`."""

    def nextafter(self, other: Any) -> Tensor:
        """The next float after x in the direction of `other`. Where it is another one than x, the derivative by x is 1.

        Raises:
            TypeError: both hold integers.
        """

    def nextafter_(self, other: Any) -> Tensor:
        """`nextafter`, written into this Tensor."""

    def nonzero(self, *, as_tuple: bool = False) -> Any:
        """A row of indices for each entry that is not 0 or, with `as_tuple`, a Tensor of indices for each dimension."""

    def nonzero_static(self, *, size: int, fill_value: int = -1) -> Tensor:
        """`nonzero` with `size` rows: those beyond the entries that are not 0 hold `fill_value`."""

    def not_equal(self, other: Any) -> Tensor:
        """Whether x ≠ other."""

    def not_equal_(self, other: Any) -> Tensor:
        """`not_equal`, written into this Tensor."""

    def pinverse(self, rcond: Any = 1e-15) -> Tensor:
        """`linalg.pinv`, under its older name."""

    def polygamma(self, n: int) -> Tensor:
        """The n-th derivative of `digamma`.

        Raises:
            ValueError: n is negative.
        """

    def polygamma_(self, n: int) -> Tensor:
        """`polygamma`, written into this Tensor."""

    def positive(self) -> Tensor:
        """This Tensor itself.

        Raises:
            TypeError: the Tensor holds booleans.
        """

    def pow_(self, exponent: Any) -> Tensor:
        """`pow`, written into this Tensor."""

    def prelu(self, weight: Any) -> Tensor:
        """x where x is positive, else `weight` · x."""

    def put(self, index: Any, source: Any, accumulate: bool = False) -> Tensor:
        """A copy with the entries of `source` at `index` of the flattened Tensor or, with `accumulate`, added there.

        Negative indices count from the end.

        Raises:
            IndexError: an index is out of bounds.
            ValueError: `index` and `source` have different numbers of entries.
        """

    def put_(self, index: Any, source: Any, accumulate: bool = False) -> Tensor:
        """`put`, written into this Tensor."""

    def qr(self, some: bool = True) -> tuple[Tensor, Tensor]:
        """`linalg.qr`, under its older name."""

    def quantile(
        self, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
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

    def rad2deg(self) -> Tensor:
        """Radians as degrees."""

    def rad2deg_(self) -> Tensor:
        """`rad2deg`, written into this Tensor."""

    def random_(self, low: int | None = None, to: Any = ..., *, generator: AnyGenerator | None = None) -> Tensor:
        """Draw every entry uniformly from the integers `low`, …, `to` − 1; ``random_(to)`` draws from 0, …, `to` − 1.

        Without bounds, or if `to` is None, the integers go up to the largest one that the dtype holds exactly.

        Raises:
            ValueError: there is no integer from `low` to `to` − 1.
        """

    def ravel(self) -> Tensor:
        """The entries as a vector: a view if they are contiguous."""

    def reciprocal_(self) -> Tensor:
        """`reciprocal`, written into this Tensor."""

    def relu_(self) -> Tensor:
        """`relu`, written into this Tensor."""

    def remainder(self, other: Any) -> Tensor:
        """x − other · ⌊x / other⌋, which has the sign of `other`."""

    def remainder_(self, other: Any) -> Tensor:
        """`remainder`, written into this Tensor."""

    def renorm(self, p: float, dim: int, maxnorm: float) -> Tensor:
        """This Tensor with each part along `dim` whose norm of order `p` is above `maxnorm` scaled down to that norm.

        Raises:
            TypeError: the Tensor holds integers.
            ValueError: it has fewer than 2 dimensions, `p` is not positive, or `maxnorm` is negative.
        """

    def renorm_(self, p: float, dim: int, maxnorm: float) -> Tensor:
        """`renorm`, written into this Tensor."""

    def repeat_interleave(
        self, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
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

    def reshape_as(self, other: Any) -> Tensor:
        """This Tensor in the shape of `other`."""

    def resolve_conj(self) -> Tensor:
        """This Tensor, whose entries are real."""

    def resolve_neg(self) -> Tensor:
        """This Tensor, whose entries are real."""

    def rot90(self, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
        """A copy turned `k` times by a right angle, from the first of the two `dims` towards the second.

        Raises:
            ValueError: `dims` are not two different dimensions.
        """

    def round(self, *, decimals: int = 0) -> Tensor:
        """The nearest multiple of 10^(−decimals); of two, the even one. Its derivative is 0."""

    def round_(self, *, decimals: int = 0) -> Tensor:
        """`round`, written into this Tensor."""

    def rsqrt(self) -> Tensor:
        """1 / √x."""

    def rsqrt_(self) -> Tensor:
        """`rsqrt`, written into this Tensor."""

    def scatter(self, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Tensor:
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

    def scatter_(
        self, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None
    ) -> Tensor:
        """`scatter`, written into this Tensor."""

    def scatter_add(self, dim: int, index: Any, src: Any) -> Tensor:
        """A copy with the entries of `src` added where `gather` would read with the same `dim` and `index`.

        Entries for the same place add up. Only the part of `src` that is as large as the index is read.

        Raises:
            IndexError: an index is out of bounds, or negative.
            ValueError: the shapes do not fit.
            RuntimeError: `src` has another dtype.
        """

    def scatter_add_(self, dim: int, index: Any, src: Any) -> Tensor:
        """`scatter_add`, written into this Tensor."""

    def scatter_reduce(self, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Tensor:
        """A copy whose entries are combined with those of `src` that belong to the same place, as in `scatter_add`.

        Args:
            reduce: "sum", "mean", "prod", "amax" or "amin". Of several extremes each gets an equal share of the gradient.
            include_self: whether what is there counts, too, where something is written.

        Raises:
            ValueError: `reduce` is another word, or the shapes do not fit.
        """

    def scatter_reduce_(self, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Tensor:
        """`scatter_reduce`, written into this Tensor."""

    def select(self, dim: int, index: int) -> Tensor:
        """A view of the part at `index` of the dimension `dim`, which the view does not have."""

    def select_scatter(self, src: Any, dim: int, index: int) -> Tensor:
        """A copy in which the part at `index` of the dimension `dim` is `src`.

        Raises:
            ValueError: `src` has not the shape of that part.
        """

    def sgn(self) -> Tensor:
        """`sign`: there are no complex numbers."""

    def sgn_(self) -> Tensor:
        """`sgn`, written into this Tensor."""

    def sigmoid_(self) -> Tensor:
        """`sigmoid`, written into this Tensor."""

    def sign_(self) -> Tensor:
        """`sign`, written into this Tensor."""

    def signbit(self) -> Tensor:
        """Whether x is negative, or −0."""

    def sin_(self) -> Tensor:
        """`sin`, written into this Tensor."""

    def sinc(self) -> Tensor:
        """sin(πx) / (πx), and 1 at 0."""

    def sinc_(self) -> Tensor:
        """`sinc`, written into this Tensor."""

    def sinh_(self) -> Tensor:
        """`sinh`, written into this Tensor."""

    def slice_scatter(
        self, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
    ) -> Tensor:
        """A copy in which the slice ``start:end:step`` of the dimension `dim` is `src`.

        Raises:
            ValueError: `src` has not the shape of that slice.
        """

    def slogdet(self) -> tuple[Tensor, Tensor]:
        """The sign of the determinant, and ln |det|."""

    def sort(self, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Selected:
        """The entries along `dim` in order, and the indices where they were: ``(values, indices)``.

        Equal entries keep their order, whatever `stable` is. NaN counts as the greatest number.
        """

    def split(self, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
        """Views of parts of the length `split_size` along `dim`, of which the last may be shorter.

        A list of lengths means parts of these lengths.

        Raises:
            ValueError: the size is not positive; or the sum of the lengths is not the length of `dim`.
        """

    def split_with_sizes(self, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
        """Views of the parts of these lengths along `dim`, one after the other.

        Raises:
            ValueError: the sum of the lengths is not the length of `dim`, or one is negative.
        """

    def sqrt_(self) -> Tensor:
        """`sqrt`, written into this Tensor."""

    def square_(self) -> Tensor:
        """`square`, written into this Tensor."""

    def stride(self, dim: int | None = None) -> Any:
        """How many entries in memory lie between neighbours along each dimension; or along `dim`, as a number."""

    def sub(self, other: Any, *, alpha: Any = 1) -> Tensor:
        """x − alpha · other."""

    def subtract(self, other: Any, *, alpha: Any = 1) -> Tensor:
        """x − alpha · other."""

    def subtract_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        """`subtract`, written into this Tensor."""

    def sum_to_size(self, *sizes: Any, size: Sequence[int] | None = None) -> Tensor:
        """The sum to the shape `sizes`: over the dimensions along which broadcasting `sizes` to this shape repeats entries.

        Raises:
            ValueError: a Tensor of these sizes does not broadcast to the shape of this Tensor.
        """

    def svd(self, some: bool = True, compute_uv: bool = True) -> tuple[Tensor, Tensor, Tensor]:
        """`linalg.svd` with V in place of its transpose, and with one column of U and of V for each singular value."""

    def swapaxes(self, axis0: int, axis1: int) -> Tensor:
        """This Tensor with the dimensions `axis0` and `axis1` swapped."""

    def swapdims(self, dim0: int, dim1: int) -> Tensor:
        """This Tensor with the dimensions `dim0` and `dim1` swapped."""

    def take(self, index: Any) -> Tensor:
        """The entries at `index` of the flattened Tensor, in the shape of `index`. Negative indices count from the end."""

    def take_along_dim(self, indices: Any, dim: int | None = None) -> Tensor:
        """`gather`, with both Tensors broadcast along all dimensions but `dim`; without a `dim`, of both flattened.

        Negative indices count from the end.

        Raises:
            ValueError: the numbers of dimensions differ.
        """

    def tan_(self) -> Tensor:
        """`tan`, written into this Tensor."""

    def tanh_(self) -> Tensor:
        """`tanh`, written into this Tensor."""

    def tensor_split(self, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
        """Views of parts along `dim`: so many parts, whose lengths differ by at most 1; or parts cut at indices.

        Args:
            indices_or_sections: the number of parts; or a list, a tuple or a Tensor of indices.

        Raises:
            ValueError: the number of parts is not positive.
        """

    def tile(self, *given: Any, dims: Sequence[int] | None = None) -> Tensor:
        """Copies of this Tensor side by side, ``dims[i]`` of them along dimension i, as in `numpy.tile`.

        If there are fewer `dims` than dimensions, the first dimensions are not repeated.
        """

    def topk(self, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Selected:
        """The `k` largest entries along `dim`, or the smallest, and their indices: ``(values, indices)``.

        The entries are always sorted, whatever `sorted` is. Equal entries keep their order.

        Raises:
            ValueError: there are no `k` entries along `dim`.
        """

    def trace(self) -> Tensor:
        """The sum of the main diagonal of a matrix.

        Raises:
            ValueError: the Tensor is no matrix.
        """

    def triangular_solve(
        self, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
    ) -> tuple[Tensor, Tensor]:
        """`linalg.solve_triangular` of A, or of its transpose, for the right-hand side `input`; and a copy of A."""

    def tril_(self, diagonal: int = 0) -> Tensor:
        """`tril`, written into this Tensor."""

    def triu_(self, diagonal: int = 0) -> Tensor:
        """`triu`, written into this Tensor."""

    def true_divide(self, other: Any) -> Tensor:
        """x / other."""

    def true_divide_(self, other: Any) -> Tensor:
        """`true_divide`, written into this Tensor."""

    def trunc(self) -> Tensor:
        """The integer part of x. Its derivative is 0."""

    def trunc_(self) -> Tensor:
        """`trunc`, written into this Tensor."""

    def unbind(self, dim: int = 0) -> tuple[Tensor, ...]:
        """Views of the parts at each index of `dim`, which they do not have."""

    def unflatten(self, dim: int, sizes: Sequence[int]) -> Tensor:
        """This Tensor with the dimension `dim` parted into dimensions of these `sizes`, of which one may be −1.

        Raises:
            ValueError: the product of the sizes is not the length of `dim`.
        """

    def unfold(self, dimension: int, size: int, step: int) -> Tensor:
        """A copy of all windows of `size` entries along `dimension`, each `step` further on, as a new last dimension.

        Raises:
            ValueError: `size` is longer than the dimension, or the step is not positive.
        """

    def unique(
        self, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
    ) -> Any:
        """The different entries in order or, with `dim`, the different slices along it. No gradient passes through them.

        Args:
            sorted: changes nothing: the result is always sorted.
            return_inverse: whether to return also the index in the result for each entry of this Tensor.
            return_counts: whether to return also how often each entry of the result occurs.
        """

    def unique_consecutive(
        self, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
    ) -> Any:
        """The entries or, with `dim`, the slices along it, without those that equal the one before.

        Args:
            return_inverse: whether to return also the index in the result for each entry of this Tensor.
            return_counts: whether to return also how many equal entries each entry of the result stands for.
        """

    def vdot(self, other: Any) -> Tensor:
        """`dot`: for real numbers both are the same.

        Raises:
            ValueError: one of the two is not a vector, or their lengths differ.
        """

    def view_as(self, other: Any) -> Tensor:
        """This Tensor in the shape of `other`."""

    def vsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]:
        """`tensor_split` along the first dimension, the rows. All parts have one length, or are cut at indices.

        Raises:
            ValueError: so many parts of one length do not make up the dimension, or there is only one dimension.
        """

    def where(self, condition: Any, other: Any) -> Tensor:
        """This Tensor where `condition` is true, `other` elsewhere."""

    def xlogy(self, other: Any) -> Tensor:
        """x · ln(other), but 0 where x is 0."""

    def xlogy_(self, other: Any) -> Tensor:
        """`xlogy`, written into this Tensor."""
