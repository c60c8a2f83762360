"""A Tensor has the dtype that its numbers, its options and the default dtype give it."""

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, "float32"), (2, "int64"), (True, "bool"), ([1.0, 2.0], "float32"), ([1, 2.0], "float32"), ([1], "int64"),
        ([True, False], "bool"), ([], "float32"), ((1.0, 2.0), "float32"), (np.float64(1.5), "float64"),
        (np.float32(1.5), "float32"), (np.ones(2), "float64"), (np.ones(2, np.float32), "float32"),
        (np.ones(2, np.int32), "int32"), (np.ones(2, np.uint8), "uint8"), ([[1.0], [2.0]], "float32"),
    ],
)  # fmt: skip
def test_a_tensor_takes_its_dtype_from_its_data(data: Any, dtype: str) -> None:
    made = tg.tensor(data)
    assert made.dtype == dtype
    np.testing.assert_array_equal(made, data)
    assert tg.tensor(made).dtype == dtype
    assert (made.requires_grad, made.grad, made.is_leaf) == (False, None, True)


def test_an_explicit_dtype_wins() -> None:
    assert tg.tensor([1, 2], dtype=np.float64).dtype == np.float64
    assert tg.tensor(np.ones(2), dtype="float32", requires_grad=True).dtype == np.float32


def test_the_default_dtype_can_be_set() -> None:
    tg.set_default_dtype(np.float64)
    try:
        for dtype in (tg.get_default_dtype(), tg.tensor(1.5).dtype, tg.tensor([1.0]).dtype, tg.zeros(2).dtype):
            assert dtype == np.float64
        assert "dtype" not in repr(tg.tensor(1.5))
        assert tg.tensor(1).dtype == np.int64
    finally:
        tg.set_default_dtype(np.float32)
    for dtype in (np.int64, np.float16, "int32"):
        with pytest.raises(TypeError, match="float32 or float64"):
            tg.set_default_dtype(dtype)
    assert tg.get_default_dtype() == np.float32


def test_lists_may_hold_tensors_and_arrays() -> None:
    with pytest.warns(UserWarning, match=r"no gradient passes through: write stack\(\[...\]\)") as warned:
        made = tg.tensor([tg.tensor([1.0, 2.0], requires_grad=True), np.array([3.0, 4.0], np.float32), [5, 6]])
    assert warned[0].filename == __file__
    np.testing.assert_array_equal(made, [[1, 2], [3, 4], [5, 6]])
    assert not made.requires_grad


def test_a_list_of_many_tensors_warns_once() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        tg.tensor([tg.tensor(1.0, requires_grad=True) for _ in range(5)])
    assert len(seen) == 1


def test_tensors_in_a_list_keep_double_precision() -> None:
    third = tg.tensor(np.array([1 / 3]))
    assert tg.tensor([third], dtype=np.float64).tolist() == [[1 / 3]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("text", "real numbers"), ([1, [2, 3]], "rectangular arrangement"), (None, "None stands"), (1j, "real"),
        ({"a": 1}, "real numbers"), ([object()], "real numbers"), (np.array(["a"]), "real numbers"),
    ],
)  # fmt: skip
def test_data_that_are_not_numbers_are_refused(data: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        tg.tensor(data)


# --- float(), .to() and back ------------------------------------------------------------------------------------------


def test_a_gradient_has_the_dtype_of_its_leaf_after_conversions() -> None:
    x = tg.tensor([1.5, 2.5], requires_grad=True)
    assert x.float() is x
    assert x.to(np.float32) is x
    (x.double() * np.array([2.0, 3.0])).sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 3])
    assert x.grad.dtype == np.float32
    assert x.double().float().dtype == np.float32


def test_no_gradient_passes_through_integers() -> None:
    x = tg.tensor([1.5, 2.5], requires_grad=True)
    assert not x.long().requires_grad
    assert not (x.long().float() * 2).requires_grad


def test_integers_become_floats_where_the_result_is_not_an_integer() -> None:
    np.testing.assert_array_equal(tg.tensor([2, 4]).reciprocal(), [0.5, 0.25])
    assert (tg.tensor([2**40]) ** 2.0).item() == pytest.approx(2.0**80, rel=1e-12)
    assert (tg.tensor([3]) ** 2).dtype == np.int64


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.bool_])
def test_products_of_small_integers_are_as_wide_as_sums(dtype: Any) -> None:
    array = np.array([[100, 2], [100, 1]]).astype(dtype)
    for dim in (None, 0, 1):
        product = tg.tensor(array).prod(dim)
        assert product.dtype == tg.tensor(array).sum(dim).dtype
        np.testing.assert_array_equal(product, np.prod(array, axis=dim), strict=True)


def test_where_takes_python_floats_in_the_default_dtype() -> None:
    assert tg.where(tg.tensor([True, False]), 1.0, 0).dtype == np.float32
    assert tg.where(tg.tensor([True, False]), True, 0.5).dtype == np.float32
    assert tg.where(tg.tensor([True, False]), True, 1).dtype == np.int64
    assert tg.where(tg.tensor([True, False]), 1.0, tg.tensor(0.0).double()).dtype == np.float64


def test_to_refuses_everything_but_real_dtypes() -> None:
    with pytest.raises(TypeError, match="dtype"):
        tg.tensor([1.0]).to("cuda")
    with pytest.raises(TypeError, match="not None"):
        tg.tensor([1.0]).to(None)
    with pytest.raises(TypeError, match="not complex128"):
        tg.tensor([1.0]).to(np.complex128)
