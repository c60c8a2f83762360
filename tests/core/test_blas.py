"""Routines of BLAS compute what NumPy computes, in every memory layout, and write to nothing but their target."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import Array

from tinygrad_mlp.core import blas

IN_MEMORY: dict[str, Callable[[Array], Array]] = {
    "rows": np.ascontiguousarray,
    "columns": np.asfortranarray,
    "every second": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "backwards": lambda a: a[::-1].copy()[::-1],
    "unaligned": lambda a: unaligned(a),
}


def unaligned(array: Array) -> Array:
    """A copy that begins one byte after an aligned address."""
    copied = np.ndarray(array.shape, array.dtype, buffer=bytearray(array.nbytes + 1), offset=1)
    copied[...] = array
    return copied


lengths = st.sampled_from([0, 1, 2, 5, 70])
dtypes = st.sampled_from([np.float32, np.float64])
layouts = st.sampled_from(list(IN_MEMORY.values()))
generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@given(lengths, lengths, lengths, dtypes, dtypes, layouts, layouts, generators)
def test_products_equal_numpys(
    n: int, k: int, m: int, dtype: Any, other: Any, left: Any, right: Any, generator: np.random.Generator
) -> None:
    a, b = left(generator.normal(size=(n, k)).astype(dtype)), right(generator.normal(size=(k, m)).astype(other))
    product = blas.matmul(a, b)
    assert (product.shape, product.dtype) == ((n, m), np.result_type(a, b))
    assert not np.shares_memory(product, a)
    assert not np.shares_memory(product, b)
    precision = 1e-4 if np.float32 in (dtype, other) else 1e-12
    np.testing.assert_allclose(product, a.astype(float) @ b.astype(float), rtol=precision, atol=precision)
    factored = blas.Product(a, b)
    assert factored.shape == (n, m)
    np.testing.assert_array_equal(factored.dense(), product)


@given(
    lengths, lengths, lengths, dtypes, dtypes, dtypes, layouts, layouts, layouts, generators, st.booleans()
)  # fmt: skip
def test_affine_is_a_product_and_an_added_row(
    n: int, k: int, m: int, dtype: Any, other: Any, third: Any, left: Any, right: Any, below: Any,
    generator: np.random.Generator, transposed: bool,
) -> None:  # fmt: skip
    """`affine` takes matrices and a row of one dtype. It returns None for anything else, and converts nothing.

    `left`, `right` and `below` decide how the matrices and the row lie in memory.
    """
    a = left(generator.normal(size=(n, k)).astype(dtype))
    b = right(generator.normal(size=(m, k)).astype(other)).T if transposed else right(
        generator.normal(size=(k, m)).astype(other)
    )  # fmt: skip
    c = below(generator.normal(size=m).astype(third))
    before, result = c.copy(), blas.affine(a, b, c)
    if not (dtype is other is third and n and k and m):
        assert result is None
        return
    assert (result.shape, result.dtype) == ((n, m), dtype)
    precision = 1e-4 if dtype is np.float32 else 1e-12
    expected = a.astype(float) @ b.astype(float) + c.astype(float)
    np.testing.assert_allclose(result, expected, rtol=precision, atol=precision)
    for operand in (a, b, c):
        assert not np.shares_memory(result, operand)
    np.testing.assert_array_equal(c, before)
    # A replay copies the row and calls this routine instead of `affine`, so the bits have to be the same.
    again = np.empty_like(result)
    routine, arguments = blas.product_into(a, b, again, 1.0)
    again[...] = c
    routine(*arguments)
    np.testing.assert_array_equal(again, result)


@given(
    lengths, lengths, lengths, dtypes, dtypes, layouts, layouts, layouts, generators,
    st.booleans(), st.sampled_from([1.0, -1.0, 0.5, -3.0, 0.0]), st.sampled_from([1.0, 0.0, 0.9]),
)  # fmt: skip
def test_target_adds_to_the_array_itself(
    n: int, k: int, m: int, dtype: Any, other: Any, left: Any, right: Any, below: Any, generator: np.random.Generator,
    factored: bool, alpha: float, beta: float,
) -> None:  # fmt: skip
    """This holds for every memory layout. A routine that updates a copy would leave the array as it was."""
    a, b = left(generator.normal(size=(n, k)).astype(other)), right(generator.normal(size=(k, m)).astype(other))
    shape = (n, m) if factored or m != 1 else (n,)
    target = below(generator.normal(size=shape).astype(dtype))
    before, gradient = target.copy(), blas.Product(a, b) if factored else (a @ b).reshape(shape)
    blas.Target(target).add(gradient, alpha, beta)
    precision = 1e-4 if np.float32 in (dtype, other) else 1e-12
    expected = beta * before.astype(float) + alpha * (a.astype(float) @ b.astype(float)).reshape(shape)
    np.testing.assert_allclose(target, expected, rtol=precision, atol=precision)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5,), (1, 5), (5, 3)])
@pytest.mark.parametrize("below", IN_MEMORY)
@pytest.mark.parametrize("above", IN_MEMORY)
def test_target_adds_arrays_of_every_layout(dtype: Any, shape: tuple[int, ...], below: str, above: str) -> None:
    target = IN_MEMORY[below](np.ones(shape, dtype))
    gradient = IN_MEMORY[above](np.arange(math.prod(shape), dtype=dtype).reshape(shape))
    blas.Target(target).add(gradient, 0.5)
    np.testing.assert_array_equal(target, 1 + 0.5 * gradient)
    for rank in (1, 2) if len(shape) == 2 else ():
        target[...] = 1
        ones = IN_MEMORY[above](np.ones((shape[0], rank), dtype))
        blas.Target(target).add(blas.Product(ones, np.ones((rank, shape[1]), dtype)), 0.5)
        np.testing.assert_array_equal(target, np.full(shape, 1 + rank / 2))


@pytest.mark.parametrize("shape", [(2, 3), (3,), (1, 3)])
@pytest.mark.parametrize("factored", [False, True])
def test_target_refuses_gradients_of_another_shape(shape: tuple[int, ...], factored: bool) -> None:
    target = np.ones(shape)
    for rows, columns in [(2, 4), (3, 3), (1, 1), (6, 1)]:
        for rank in (1, 2):
            gradient = blas.Product(np.ones((rows, rank)), np.ones((rank, columns)))
            with pytest.raises(ValueError, match=r"shape|dimension|size"):
                blas.Target(target).add(gradient if factored else gradient.dense())
    np.testing.assert_array_equal(target, np.ones(shape))


@pytest.mark.parametrize("shape", [(2, 3), (3,), (0, 3)])
@pytest.mark.parametrize("alpha", [1.0, -1.0, 0.5])
def test_target_refuses_read_only_arrays(shape: tuple[int, ...], alpha: float) -> None:
    array = np.ones(shape)
    target = blas.Target(array)
    array.flags.writeable = False  # after the Target was made
    factored = [blas.Product(np.ones((shape[0], 1)), np.ones((1, 3)))] if len(shape) == 2 else []
    for gradient in (np.ones(shape), *factored):
        for adding in (target, blas.Target(array)):
            with pytest.raises(ValueError, match="read-only"):
                adding.add(gradient, alpha)
    np.testing.assert_array_equal(array, np.ones(shape))
