"""The class Tensor, FloatTensor and its like make Tensors of their dtype: of data, lengths and other Tensors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg


@pytest.mark.parametrize(
    "data",
    [
        [1, 2], [1.5, 2.5], (True, False), [[1], [2]], [], range(3), [0.5, np.float64(2)], np.ones(2), np.arange(3),
        np.array([True]), np.array(3.5), np.ones(2, np.float16), np.ones(2, ">f4"), [np.ones(2), [1, 2]],
        [tg.tensor(1), tg.tensor(2.5)],
    ],
    ids=repr,
)  # fmt: skip
def test_data_become_the_default_dtype(data: Any) -> None:
    made = tg.Tensor(data)
    assert type(made) is tg.Tensor
    assert made.dtype is tg.float32
    assert (made.requires_grad, made.is_leaf, made.grad) == (False, True, None)
    np.testing.assert_array_equal(made, np.asarray(data, np.float32), strict=True)
    tg.set_default_dtype(tg.float64)
    try:
        assert tg.Tensor(data).dtype is tg.float64
    finally:
        tg.set_default_dtype(tg.float32)


@pytest.mark.parametrize(
    ("lengths", "shape"),
    [
        ((), (0,)), ((5,), (5,)), ((2, 3), (2, 3)), ((0,), (0,)), ((2, 0, 3), (2, 0, 3)), ((np.int64(3),), (3,)),
        ((np.array(3), 2), (3, 2)), ((tg.zeros(2, 3).shape,), (2, 3)), ((tg.Size([4]),), (4,)),
        ((tg.zeros(2, 3).shape[:1],), (2,)),
    ],
)  # fmt: skip
def test_lengths_make_zeros_of_that_shape(lengths: tuple[Any, ...], shape: tuple[int, ...]) -> None:
    made = tg.Tensor(*lengths)
    np.testing.assert_array_equal(made, np.zeros(shape, np.float32), strict=True)


def test_a_tuple_of_numbers_is_data_and_a_size_is_a_shape() -> None:
    assert tg.Tensor((2, 3)).tolist() == [2, 3]
    assert tg.Tensor(tg.Size((2, 3))).shape == (2, 3)


def test_the_memory_of_an_array_is_shared_where_nothing_is_converted() -> None:
    for array, shared in ((np.ones(2, np.float32), True), (np.ones(2), False)):
        made = tg.Tensor(array)
        made.fill_(7)
        assert (array[0] == 7) is np.bool(shared)
    x = tg.Tensor(array := np.ones(2, np.float32))
    w = tg.ones(2, requires_grad=True)
    loss = (x * w).sum()
    array[0] = 5
    with pytest.raises(RuntimeError, match="multiply"):
        loss.backward()


def test_a_tensor_of_a_tensor_is_an_alias() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    alias = tg.Tensor(x)
    (alias * tg.tensor([3.0, 5.0])).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3, 5]
    assert (alias.is_leaf, alias.requires_grad) == (False, True)
    integers = tg.tensor([1, 2])
    assert tg.Tensor(integers).dtype is tg.int64  # as in PyTorch
    tg.LongTensor(integers).fill_(4)
    assert integers.tolist() == [4, 4]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tg.Tensor(5.0), TypeError, r"lengths, or data in a list, not 5.0: write tensor\(5.0\)"),
        (lambda: tg.Tensor(np.float64(5)), TypeError, r"write tensor\(5.0\)"),
        (lambda: tg.Tensor(True), TypeError, r"write tensor\(True\)"),
        (lambda: tg.Tensor(np.True_), TypeError, r"write tensor\(True\)"),
        (lambda: tg.Tensor(None), TypeError, "None stands where a Tensor is wanted"),
        (lambda: tg.Tensor("text"), TypeError, "real numbers"),
        (lambda: tg.Tensor([1, [2, 3]]), TypeError, "rectangular"),
        (lambda: tg.Tensor([1], [2]), TypeError, r"lengths one by one, or the data in one list, not \[1\]"),
        (lambda: tg.Tensor(2, 3.0), TypeError, "not 3.0"),
        (lambda: tg.Tensor(2, -1), ValueError, "lengths ≥ 0, not -1"),
        (lambda: tg.Tensor([1], requires_grad=True), TypeError, r"no requires_grad=: write tensor\(..., requires_grad"),
        (lambda: tg.Tensor([1], dtype=tg.float64), TypeError, r"no dtype=: write tensor\(..., dtype"),
        (lambda: tg.Tensor(np.ma.masked_array([1.0], [True])), TypeError, "masked"),
        (lambda: tg.Tensor(np.ones(1, np.float32).view(np.matrix)), TypeError, "matrix"),
        (lambda: tg.FloatTensor(tg.tensor([1])), TypeError, r"of another dtype: write x.type\(torch.FloatTensor\)"),
        (lambda: tg.LongTensor(5.0), TypeError, r"LongTensor\(\) takes lengths"),
        (lambda: tg.FloatTensor(-1), ValueError, "lengths ≥ 0"),
        (lambda: tg.ByteTensor([300]), ValueError, "300 out of bounds for uint8: write another dtype"),
    ],
)  # fmt: skip
def test_what_makes_no_tensor_is_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_as_tensor_copies_nothing_that_fits() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    assert tg.as_tensor(x) is x
    assert tg.as_tensor(x, dtype=tg.float64).requires_grad
    array = np.ones(2)
    for made, shared in ((tg.as_tensor(array), True), (tg.as_tensor(array, dtype=tg.float32), False)):
        assert made.dtype is (tg.float64 if shared else tg.float32)
        assert np.shares_memory(made.numpy(), array) is shared
    assert tg.as_tensor([1, 2]).dtype is tg.int64
    assert tg.as_tensor(2.5, tg.float64, "cpu").item() == 2.5
