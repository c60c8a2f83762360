"""Rows of a table at given indices, and their gradient, which is of the size of the rows and not of the table."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core import functions as f
from ..core.blas import Product
from ..core.sheet import sheet

__all__ = ["Selection", "lookup"]

Array = NDArray[Any]


class Selection(NamedTuple):
    """The matrix Sᵀ of a lookup ``table[indices] = S table``: column k has a 1 in row ``indices[k]``, and else zeros.

    The gradient of the table is Sᵀ times the gradient of the rows. It is kept as a `core.blas.Product` with the left
    factor Sᵀ, so that an optimizer changes only those rows of the table that were looked up.
    """

    parts: tuple[Array, ...]  # the indices, of any shape, of one lookup or of several one after the other
    length: int  # the number of rows of the table

    @property
    def shape(self) -> tuple[int, int]:
        return (self.length, sum(part.size for part in self.parts))

    def merged(self, rows: Any) -> tuple[Array, Any]:
        """The indices in ascending order, each of them once; and for each index, the sum of its `rows`."""
        # As one dtype that can count all rows: int8 cannot count 200, and uint64 and int64 together make floats.
        indices = np.concatenate([part.reshape(-1) for part in self.parts], dtype=np.intp, casting="unsafe")
        indices = np.where(indices < 0, indices + self.length, indices)
        order = np.argsort(indices, kind="stable")
        indices = indices[order]
        is_first = np.ones(len(indices), np.bool)
        np.not_equal(indices[1:], indices[:-1], out=is_first[1:])
        if is_first.all():
            return indices, rows[order]
        starts = np.flatnonzero(is_first)
        # In float64, because `reduceat` adds one by one.
        return indices[starts], np.add.reduceat(rows[order], starts, 0, np.float64).astype(rows.dtype, copy=False)

    def add_product(self, rows: Array, out: Array, alpha: float, beta: float) -> None:
        """``out ← beta·out + alpha·Sᵀ rows``, in place."""
        if beta != 1.0:
            out *= beta
        indices, sums = self.merged(rows)
        out[indices] += sums if alpha == 1.0 else alpha * sums

    def joined(self, other: Any) -> Selection | None:
        """The columns of both matrices side by side; None if they are too many, or `other` is no Selection."""
        if type(other) is not Selection or self.shape[1] + other.shape[1] >= self.length:
            return None
        return Selection((*self.parts, *other.parts), self.length)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, _: Any, rows: Any, out: Any = (None,)) -> Any:
        """The product ``Sᵀ rows`` with all rows of the table, for `core.blas.Product.dense`."""
        if ufunc is not np.matmul or method != "__call__":
            return NotImplemented
        product: Any = 0
        start = 0
        for part in self.parts:  # each as it is, because the memory may hold other indices the next time
            own = np.reshape(rows[start : start + part.size], (*part.shape, rows.shape[1]))
            product = f.scatter(own, (part,), (self.length, rows.shape[1])) + product
            start += part.size
        if out[0] is None:
            return product
        np.copyto(out[0], product)
        return out[0]


@f.dispatched
def lookup(table: Any, index: Any) -> Any:
    """The rows of a matrix at the integers `index`, of shape (\\*index.shape, columns)."""
    return np.take(table, index, axis=0)


def _rows_used(g: Any, shape: tuple[int, int], index: Array) -> Any:
    """The adjoint of `lookup`: a product of a `Selection` and the rows of `g`, or a whole table if that is smaller."""
    if index.size < shape[0]:
        return Product(Selection((index,), shape[0]), np.reshape(g, (index.size, shape[1])))
    return f.scatter(g, (index,), shape)


sheet[lookup] = (lambda g, _y, _table, index: _rows_used(g, _table.shape, index),)
