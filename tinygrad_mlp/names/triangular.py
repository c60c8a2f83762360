"""The decomposition of matrices into triangular ones by elimination: A = P L U."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import get_lapack_funcs

from ..core.mode import is_grad_enabled
from ..tensors.creation import as_operand, cat, eye, zeros
from ..tensors.observer import observer
from ..tensors.tensor import Tensor
from .linear import matrices
from .linear_rows import LinAlgError
from .table import offer

__all__ = ["lu", "lu_factor"]


class LUFactors(NamedTuple):
    """The result of `linalg.lu_factor`."""

    LU: Tensor
    pivots: Tensor


class LUParts(NamedTuple):
    """The result of `linalg.lu` and of `lu_unpack`."""

    P: Tensor
    L: Tensor
    U: Tensor


def _factored(array: Any) -> tuple[Any, Any, Any]:
    """For each matrix of a stack L and U in one matrix, the pivots, counted from 1, and the first 0 of U or 0."""
    *stack, n, m = array.shape
    (getrf,) = get_lapack_funcs(("getrf",), (array,))
    data, pivots = np.empty_like(array), np.empty((*stack, min(n, m)), np.int32)
    zero_at = np.zeros(stack, np.int32)
    for index in np.ndindex(*stack):
        if array[index].size:
            data[index], pivots[index], zero_at[index] = getrf(array[index])
    return data, pivots + np.int32(1), zero_at


def _order(pivots: Any, n: int) -> Any:
    """The rows of A in the order in which the elimination has them, for each matrix of a stack."""
    order = np.broadcast_to(np.arange(n), (*pivots.shape[:-1], n)).copy()
    for index in np.ndindex(*pivots.shape[:-1]):
        for i, pivot in enumerate(pivots[index] - 1):
            order[index][[i, pivot]] = order[index][[pivot, i]]
    return order


def _eliminated(rest: Any) -> Any:
    """L and U in one matrix, of a matrix whose rows are in their final order, by operations that have derivatives."""
    steps = []
    for _ in range(min(rest.shape[-2:])):
        row, column = rest[..., :1, :], rest[..., 1:, :1] / rest[..., :1, :1]
        steps.append((row, column))
        rest = rest[..., 1:, 1:] - column @ row[..., 1:]
    for row, column in reversed(steps):
        rest = cat([row, cat([column, rest], -1)], -2)
    return rest


def _decomposed(name: str, A: Any, pivot: bool) -> tuple[Any, Tensor, Any]:
    """What `_factored` returns, of the matrices A, which the first of it depends on."""
    if not pivot:
        raise ValueError(f"{name}() always exchanges rows: leave pivot=False out")
    a = matrices(name, A)
    observer().refuse(f"{name}(), whose order of rows is not recorded: call it outside the step")
    data, pivots, zero_at = _factored(a._data)
    if not (a.requires_grad and is_grad_enabled()):
        return Tensor._of(data), Tensor._of(pivots), zero_at
    order = _order(pivots, a.shape[-2])
    rows = as_operand(np.broadcast_to(order[..., None], a.shape))
    return _eliminated(a.gather(-2, rows)), Tensor._of(pivots), zero_at


def lu_factor(A: Any, *, pivot: bool = True) -> LUFactors:
    """A = P L U, with L below the diagonal of one matrix and U in the rest of it, and P as the exchanged rows.

    L has ones on its diagonal. `pivots` has for each row the number, from 1, of that with which it was exchanged.

    Raises:
        LinAlgError: U has a 0 on its diagonal; `lu` does without it.
        ValueError: `pivot` is False.
    """
    data, pivots, zero_at = _decomposed("lu_factor", A, pivot)
    if np.any(zero_at):
        raise LinAlgError("lu_factor(): a matrix is singular, and U has a 0 on its diagonal: lu() returns it")
    return LUFactors(data, pivots)


def lu(A: Any, *, pivot: bool = True) -> LUParts:
    """A = P L U with an order of the rows P, and L and U below and above the diagonal; L has ones on it.

    Raises:
        ValueError: `pivot` is False.

    >>> import tinygrad_mlp as tg
    >>> P, L, U = tg.linalg.lu(tg.tensor([[1.0, 2.0], [4.0, 4.0]]))
    >>> U
    tensor([[4., 4.],
            [0., 1.]])
    """
    data, pivots, _ = _decomposed("lu", A, pivot)
    return LUParts(*lu_unpack(data, pivots))


@offer("lu")
def factors(input: Any, pivot: bool = True, get_infos: bool = False) -> tuple[Tensor, ...]:
    """`linalg.lu_factor`, under its older name. With `get_infos`, a third Tensor says where U has its first 0, from 1.

    Raises:
        LinAlgError: U has a 0 on its diagonal, and `get_infos` is False.
        ValueError: `pivot` is False.
    """
    if not get_infos:
        return lu_factor(input, pivot=pivot)
    data, pivots, zero_at = _decomposed("lu", input, pivot)
    return data, pivots, as_operand(zero_at)


@offer(to="functions")
def lu_unpack(
    LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """The matrices P, L and U of what `lu_factor` returns. Those that are not wanted are empty.

    Raises:
        LinAlgError: `LU_data` has fewer than two dimensions.
    """
    data = matrices("lu_unpack", LU_data)
    n, k = data.shape[-2], min(data.shape[-2:])
    order, lower, upper = (zeros(0, dtype=data.dtype) for _ in range(3))
    if unpack_pivots:
        observer().refuse("lu_unpack(), whose order of rows is not recorded: call it outside the step")
        rows = _order(as_operand(LU_pivots)._data, n)
        order = Tensor._of(np.eye(n, dtype=data.dtype)[rows]).mT.contiguous()
    if unpack_data:
        lower = data[..., :k].tril(-1) + eye(n, k, dtype=data.dtype)
        upper = data[..., :k, :].triu()
    return LUParts(order, lower, upper)
