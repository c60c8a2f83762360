"""Products of vectors, matrices and stacks, and distances between rows."""

from __future__ import annotations

import functools
import string
from typing import Any

import numpy as np

from ..tensors.creation import as_operand, einsum
from ..tensors.tensor import Tensor
from .table import offer, row

__all__ = ["cross_product", "pdist"]


def _validate_dims(name: str, expected: str, *given: tuple[Any, int]) -> None:
    """Raise ValueError unless each operand has its number of dimensions."""
    if any(np.ndim(operand) != ndim for operand, ndim in given):
        shapes = " and ".join(str(tuple(np.shape(operand))) for operand, _ in given)
        raise ValueError(f"{name}() takes {expected}, not shapes {shapes}: matmul takes all of them, and * any shapes")


# --- products of two --------------------------------------------------------------------------------------------------


@offer("dot")
def dot(input: Any, tensor: Any) -> Tensor:
    """The sum of the products of the entries of two vectors.

    Raises:
        ValueError: one of the two is not a vector, or their lengths differ.
    """
    _validate_dims("dot", "two vectors", (input, 1), (tensor, 1))
    return input @ tensor  # type: ignore[no-any-return]


@offer("vdot")
def vdot(input: Any, other: Any) -> Tensor:
    """`dot`: for real numbers both are the same.

    Raises:
        ValueError: one of the two is not a vector, or their lengths differ.
    """
    _validate_dims("vdot", "two vectors", (input, 1), (other, 1))
    return input @ other  # type: ignore[no-any-return]


@offer("mv")
def mv(input: Any, vec: Any) -> Tensor:
    """The product of a matrix and a vector.

    Raises:
        ValueError: the shapes are others.
    """
    _validate_dims("mv", "a matrix and a vector", (input, 2), (vec, 1))
    return input @ vec  # type: ignore[no-any-return]


@offer("bmm")
def bmm(input: Any, mat2: Any) -> Tensor:
    """The products of the matrices of two stacks, of shapes (b, n, k) and (b, k, m).

    Raises:
        ValueError: the shapes are others.
    """
    _validate_dims("bmm", "two stacks of matrices", (input, 3), (mat2, 3))
    if len(input) != len(mat2):
        raise ValueError(f"bmm() takes as many matrices on both sides, not {len(input)} and {len(mat2)}: use matmul")
    return input @ mat2  # type: ignore[no-any-return]


@offer("inner")
def inner(input: Any, other: Any) -> Tensor:
    """The sums of products over the last dimensions of both: entry (i, j) is that of row i and row j.

    Raises:
        ValueError: the last lengths differ.
    """
    if not input.ndim or not np.ndim(other):
        return input * other  # type: ignore[no-any-return]
    other = as_operand(other)
    if input.shape[-1] != other.shape[-1]:
        raise ValueError(f"inner() takes equal last lengths, not shapes {tuple(input.shape)} and {tuple(other.shape)}")
    rows, columns = (x.reshape(x.shape[:-1].numel(), x.shape[-1]) for x in (input, other))
    return (rows @ columns.T).reshape(*input.shape[:-1], *other.shape[:-1])  # type: ignore[no-any-return]


row("ger", lambda input, vec2: input.outer(vec2), "`outer`, under its older name.")


@offer("tensordot", to="functions")
def tensordot(a: Any, b: Any, dims: Any = 2) -> Tensor:
    """Sums of products of `a` and `b` over dimensions of both.

    Args:
        dims: how many of the last dimensions of `a` and the first of `b` are summed over; or two lists, of the
            dimensions of `a` and of those of `b` that each is paired with.

    Raises:
        ValueError: the lists have different lengths, or the lengths of paired dimensions differ.
    """
    a, b = as_operand(a), as_operand(b)
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise ValueError(f"tensordot() sums over dims=0 to {min(a.ndim, b.ndim)} of these shapes, not {dims}")
        dims = range(a.ndim - dims, a.ndim), range(dims)
    first, second = ([int(d) for d in ([each] if isinstance(each, int) else each)] for each in dims)
    if len(first) != len(second):
        raise ValueError(f"tensordot() pairs each dimension of a with one of b, not {first} with {second}")
    left = list(string.ascii_letters[: a.ndim])
    right = list(string.ascii_letters[a.ndim : a.ndim + b.ndim])
    for of_a, of_b in zip(first, second, strict=True):
        right[of_b] = left[of_a]
    output = [label for label in left + right if not (label in left and label in right)]
    return einsum(f"{''.join(left)},{''.join(right)}->{''.join(output)}", a, b)


@offer("kron")
def kron(input: Any, other: Any) -> Tensor:
    """The Kronecker product: each entry of `input` times the whole of `other`, in its place."""
    other = as_operand(other)
    ndim = max(input.ndim, other.ndim)
    a, b = ((1,) * (ndim - x.ndim) + tuple(x.shape) for x in (input, other))
    blocks = input.reshape([n for pair in zip(a, (1,) * ndim, strict=True) for n in pair]) * other.reshape(
        [n for pair in zip((1,) * ndim, b, strict=True) for n in pair]
    )
    return blocks.reshape([n * m for n, m in zip(a, b, strict=True)])  # type: ignore[no-any-return]


def cross_product(input: Any, other: Any, dim: int = -1) -> Tensor:
    """The cross product of vectors of three entries along `dim`. Other dimensions are broadcast.

    Raises:
        ValueError: a length along `dim` is not 3, or the numbers of dimensions differ.
    """
    input, other = as_operand(input), as_operand(other)
    if input.ndim != other.ndim:
        raise ValueError(f"cross() takes as many dimensions on both sides, not {input.ndim} and {other.ndim}")
    if input.shape[dim] != 3 or other.shape[dim] != 3:
        raise ValueError(
            f"cross() takes vectors of three entries along dim={dim}, not shapes {tuple(input.shape)} and "
            f"{tuple(other.shape)}"
        )

    return input.roll(-1, dim) * other.roll(-2, dim) - input.roll(-2, dim) * other.roll(-1, dim)  # type: ignore[no-any-return]


@offer("cross")
def cross(input: Any, other: Any, dim: int | None = None) -> Tensor:
    """The cross product of vectors of three entries along `dim`; by default along the first dimension of length 3.

    Raises:
        ValueError: there is no dimension of length 3.
    """
    if dim is None:
        shape = list(input.shape)
        if 3 not in shape:
            raise ValueError(f"cross() takes vectors of three entries, not shape {tuple(shape)}")
        dim = shape.index(3)
    return cross_product(input, other, dim)


# --- products that are added to something -----------------------------------------------------------------------------


def _added(input: Any, product: Any, beta: float, alpha: float) -> Any:
    """beta · input + alpha · product. For beta = 0 the entries of `input`, which may be NaN, do not count."""
    product = product if alpha == 1 else alpha * product
    np.broadcast_to(np.empty(np.shape(input), bool), product.shape)  # raises if `input` does not fit
    if beta == 0:
        return product
    return (input if beta == 1 else beta * input) + product


@offer("addmm")
def addmm(input: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · input + alpha · mat1 @ mat2, of matrices.

    Raises:
        ValueError: the shapes do not fit.
    """
    _validate_dims("addmm", "a product of two matrices", (mat1, 2), (mat2, 2))
    return _added(input, as_operand(mat1) @ mat2, beta, alpha)  # type: ignore[no-any-return]


@offer("addmv")
def addmv(input: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · input + alpha · mat @ vec, of a matrix and a vector.

    Raises:
        ValueError: the shapes do not fit.
    """
    _validate_dims("addmv", "a product of a matrix and a vector", (mat, 2), (vec, 1))
    return _added(input, as_operand(mat) @ vec, beta, alpha)  # type: ignore[no-any-return]


@offer("addr")
def addr(input: Any, vec1: Any, vec2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · input + alpha · vec1 vec2ᵀ, the outer product of two vectors.

    Raises:
        ValueError: the shapes do not fit.
    """
    return _added(input, as_operand(vec1).outer(vec2), beta, alpha)  # type: ignore[no-any-return]


@offer("baddbmm")
def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · input + alpha · batch1 @ batch2, of stacks of matrices.

    Raises:
        ValueError: the shapes do not fit.
    """
    return _added(input, bmm(as_operand(batch1), batch2), beta, alpha)  # type: ignore[no-any-return]


@offer("addbmm")
def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · input + alpha · Σ batch1[i] @ batch2[i], the sum of the products of the matrices of two stacks.

    Raises:
        ValueError: the shapes do not fit.
    """
    return _added(input, bmm(as_operand(batch1), batch2).sum(0), beta, alpha)  # type: ignore[no-any-return]


@offer("chain_matmul", to="functions")
def chain_matmul(*matrices: Any) -> Tensor:
    """The product of one matrix or more, from left to right. `linalg.multi_dot` chooses the order that is fastest.

    Raises:
        ValueError: one of them is no matrix, or their shapes do not fit.
    """
    if not matrices:
        raise ValueError("chain_matmul() takes one matrix or more, not none")
    _validate_dims("chain_matmul", "matrices", *((matrix, 2) for matrix in matrices))
    first, *others = map(as_operand, matrices)
    return functools.reduce(lambda a, b: a @ b, others, first) if others else first.clone()


# --- distances --------------------------------------------------------------------------------------------------------


@offer("dist")
def dist(input: Any, other: Any, p: float = 2) -> Tensor:
    """(Σ |input − other|ᵖ)^(1/p), over all entries. Its derivative is 0 where both are equal."""
    return (input - other).norm(p)  # type: ignore[no-any-return]


@offer("cdist", to="functions")
def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: str | None = "use_mm_for_euclid_dist_if_necessary") -> Tensor:
    """The distance of each row of `x1` from each row of `x2`: (…, n, m) for shapes (…, n, d) and (…, m, d).

    Its derivative is 0 where two rows are equal. The differences are computed in any `compute_mode`, so small distances
    are exact.

    Raises:
        ValueError: one of the two has no rows, or the rows have different lengths.
    """
    x1, x2 = as_operand(x1), as_operand(x2)
    if min(x1.ndim, x2.ndim) < 2 or x1.shape[-1] != x2.shape[-1]:
        shapes = f"{tuple(x1.shape)} and {tuple(x2.shape)}"
        raise ValueError(f"cdist() takes rows of equal length, of shapes (…, n, d) and (…, m, d), not {shapes}")
    return (x1.unsqueeze(-2) - x2.unsqueeze(-3)).norm(p, -1)  # type: ignore[no-any-return]


@offer("pdist", to="functions")
def pdist(input: Any, p: float = 2) -> Tensor:
    """The distances of all pairs of rows of a matrix: of 0 and 1, of 0 and 2, …, of the last two.

    Raises:
        ValueError: `input` is no matrix.
    """
    input = as_operand(input)
    if input.ndim != 2:
        raise ValueError(f"pdist() takes a matrix, not shape {tuple(input.shape)}")
    first, second = np.triu_indices(len(input), 1)
    return (input[first] - input[second]).norm(p, -1)  # type: ignore[no-any-return]
