"""An index of a Tensor selects what it selects in NumPy or, where they differ, in PyTorch."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import indices, leaf, numbers

import tinygrad_mlp as tg
from tinygrad_mlp.testing.strategies import shapes

X = np.array([[1.5, -2.5, 0.5], [3.5, -0.5, 3.5]])


@given(data=st.data())
def test_an_index_selects_what_it_selects_in_numpy(data: st.DataObject) -> None:
    array = data.draw(shapes().flatmap(numbers))
    index = data.draw(indices(array.shape))
    x = leaf(array)
    np.testing.assert_array_equal(x[index].detach(), array[index])
    parts = index if isinstance(index, tuple) else (index,)
    as_tensors = tuple(tg.tensor(part) if isinstance(part, np.ndarray) else part for part in parts)
    y = x[as_tensors if isinstance(index, tuple) else as_tensors[0]]
    np.testing.assert_array_equal(y.detach(), array[index])
    cotangent = data.draw(numbers(y.shape))
    y.backward(cotangent)
    expected = np.zeros_like(array)
    np.add.at(expected, index, cotangent)
    np.testing.assert_allclose(x.grad, expected, rtol=1e-12, atol=1e-12)


def test_gradients_of_repeated_positions_add_up() -> None:
    for index in ([0, 2, 0], np.array([0, 2, 0]), tg.tensor([0, 2, 0]), [tg.tensor(0), tg.tensor(2), tg.tensor(0)]):
        x = leaf(np.zeros(3))
        x[index].backward([1, 2, 4])
        np.testing.assert_array_equal(x.grad, [5, 0, 2])


def test_an_index_out_of_range_raises_index_error() -> None:
    with pytest.raises(IndexError, match="out of bounds"):
        leaf(X)[2]
    with pytest.raises(IndexError):
        leaf(X)[0, 0, 0]


def test_integers_of_an_index_select_before_its_arrays() -> None:
    """As in PyTorch. NumPy instead moves the dimension of the arrays to the front if a slice stands between the two."""
    x = tg.tensor(np.arange(60).reshape(3, 4, 5))
    np.testing.assert_array_equal(x[1, :, [0, 2]], x.numpy()[1][:, [0, 2]])
    np.testing.assert_array_equal(x[1, None, [0, 2]], x.numpy()[1][None, [0, 2]])
    np.testing.assert_array_equal(x[[0, 2], :, tg.tensor(1)], x.numpy()[..., 1][[0, 2]])
    for positions in ([0, 2], (0, 2), range(0, 3, 2), np.array([0, 2]), tg.tensor([True, False, True, False, False])):
        for one in (1, np.int64(1), tg.tensor(1)):
            np.testing.assert_array_equal(x[one, :, positions], x.numpy()[1][:, [0, 2]])
    np.testing.assert_array_equal(x[True, 1, ..., [0, 2]], x.numpy()[1][True, :, [0, 2]])
    x[0, :, [1, 3]] = np.arange(8).reshape(4, 2)
    np.testing.assert_array_equal(x[0, :, [1, 3]], np.arange(8).reshape(4, 2))


def test_assignment_to_an_index() -> None:
    x = tg.tensor(X)
    x[0] = 7
    x[1, tg.tensor([0, 2])] = tg.tensor(np.array([8.0, 9.0]))
    x[x < 0] = 0
    np.testing.assert_array_equal(x, [[7, 7, 7], [8, 0, 9]])
    with pytest.raises(RuntimeError, match=r"assignment to an index would change a leaf.*no_grad\(\)"):
        leaf(X)[0] = 1
    with pytest.raises(ValueError, match="broadcast"):
        x[0] = np.ones(4)
    with pytest.raises(IndexError):
        x[7] = 0


@pytest.mark.parametrize("index", [((0, 0, 1),), ([0, 0, 1],), (np.array([0, 0, 1]),), [0, 0, 1]], ids=str)
def test_gradients_add_up_in_every_way_to_write_repeated_positions(index: Any) -> None:
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x[index].sum().backward()
    assert x.grad.tolist() == [2, 1, 0]


def test_a_tensor_of_one_integer_selects_a_view() -> None:
    x = tg.zeros(3, 2)
    for index in (tg.tensor(1), np.array(1), (tg.tensor(1), slice(None)), (slice(None), tg.tensor(0))):
        x.zero_()
        x[index].fill_(5)
        assert x.sum() == 5 * x[index].numel()


def test_an_index_of_uint8_is_a_mask_and_warns() -> None:
    x = tg.tensor([1.0, 2.0, 3.0])
    with pytest.warns(UserWarning, match="taken for a mask"):
        np.testing.assert_array_equal(x[tg.tensor([1, 0, 1], dtype=np.uint8)], [1, 3])
    with pytest.warns(UserWarning, match="taken for a mask"):
        x[np.array([0, 1, 0], np.uint8)] = 7
    np.testing.assert_array_equal(x, [1, 7, 3])
