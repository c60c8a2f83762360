"""A Tensor acts as a number, a sequence, a key and an array for Python and NumPy, and can be copied and pickled."""

import copy
import math
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from strategies import leaf

import tinygrad_mlp as tg

X = np.array([[1.5, -2.5, 0.5], [3.5, -0.5, 3.5]])


def test_a_tensor_of_one_entry_is_a_number() -> None:
    for data in (2.5, [2.5], [[2.5]]):
        x = tg.tensor(data)
        assert (float(x), int(x), complex(x), bool(x), x.item()) == (2.5, 2, 2.5 + 0j, True, 2.5)
    assert not bool(tg.tensor(0.0))
    assert [10, 20, 30][tg.tensor(1)] == 20
    assert type(tg.tensor(3).item()) is int


def assign(x: tg.Tensor) -> None:
    np.zeros(1)[0] = x


# What asks a Tensor for a number: Python's functions of numbers, and NumPy where it stores one.
ASKING: dict[str, Callable[[tg.Tensor], object]] = {
    "float": float,
    "int": int,
    "complex": complex,
    "math.exp": math.exp,
    "math.floor": math.floor,
    "numpy.float64": np.float64,
    "array[0] = x": assign,
    "the sum of a list": lambda x: math.fsum([x, x]),
}


@pytest.mark.parametrize("name", ASKING)
def test_a_number_that_loses_a_gradient_is_warned_of_at_its_line(name: str) -> None:
    for x in (leaf(np.array(2.5)), leaf(np.array(2.5)) * 1):
        with pytest.warns(UserWarning, match="of a Tensor that requires a gradient: the number has none") as warned:
            ASKING[name](x)
        assert {Path(warning.filename).name for warning in warned} == {"test_protocols.py"}
        with tg.no_grad():
            ASKING[name](x)
        ASKING[name](x.detach())
        x.item()
        x.tolist()
        assert f"{x:.2f}" == "2.50"


def test_a_tensor_of_many_entries_is_not_a_number() -> None:
    x = tg.tensor(X)
    for convert in (float, int, tg.Tensor.item):
        with pytest.raises(ValueError, match=r"\(2, 3\)"):
            convert(x)
    with pytest.raises(RuntimeError, match=r"truth of a Tensor of shape \(2, 3\) is ambiguous: use \.any\(\)"):
        bool(x)
    with pytest.raises((RuntimeError, ValueError), match=r"\(0,\)"):
        bool(tg.tensor([]))
    with pytest.raises(TypeError, match="integer Tensor"):
        [1, 2][tg.tensor(1.0)]


def test_a_tensor_is_a_sequence_of_its_rows() -> None:
    x = leaf(X)
    assert len(x) == 2
    rows = list(x)
    for row, expected in zip(rows, X, strict=True):
        np.testing.assert_array_equal(row.detach(), expected)
    (rows[0] * rows[1]).sum().backward()
    np.testing.assert_array_equal(x.grad, X[::-1])
    with pytest.raises(TypeError):
        len(tg.tensor(1.0))
    with pytest.raises(TypeError, match=r"iterated over: use item\(\)"):
        iter(tg.tensor(1.0))


def test_tensors_are_keys_by_identity() -> None:
    x, twin = tg.tensor([1.0]), tg.tensor([1.0])
    assert {x: 1, twin: 2}[x] == 1
    assert len({x, twin, x}) == 2


def test_asarray_shares_memory_and_array_copies() -> None:
    x = tg.tensor(X)
    assert np.shares_memory(np.asarray(x), x.numpy())
    assert not np.shares_memory(np.array(x), x.numpy())
    assert np.asarray(x, dtype=np.float32).dtype == np.float32
    for lose in (np.asarray, tg.Tensor.numpy):
        with pytest.raises(RuntimeError, match=r"requires a gradient would lose it: write \.detach\(\)\.numpy\(\)"):
            lose(leaf(X))
    assert np.shares_memory(leaf(X).numpy(force=True), X) is False


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (tg.tensor([1.0, 2.5]), "tensor([1.0, 2.5])"),
        (tg.tensor(1.0), "tensor(1.)"),
        (tg.tensor([1, 2]), "tensor([1, 2])"),
        (tg.tensor([True]), "tensor([ True])"),
        (tg.tensor(np.ones(1)), "tensor([1.], dtype=float64)"),
        (tg.tensor([1.0], requires_grad=True), "tensor([1.], requires_grad=True)"),
        (tg.tensor([1.0], requires_grad=True).exp(), "tensor([2.7183], grad_fn=<exp>)"),
        (tg.tensor(np.zeros((2, 1))), "tensor([[0.],\n        [0.]], dtype=float64)"),
        (tg.tensor([]), "tensor([])"),
    ],
)
def test_repr(x: tg.Tensor, expected: str) -> None:
    assert repr(x) == expected


def test_the_repr_of_a_large_tensor_is_short() -> None:
    assert re.fullmatch(r"tensor\(\[.*\.\.\..*\]\)", repr(tg.zeros(100_000)), re.DOTALL)
    assert len(repr(tg.zeros(100_000))) < 200


@pytest.mark.parametrize(
    "again", [copy.deepcopy, copy.copy, *(lambda x, p=p: pickle.loads(pickle.dumps(x, p)) for p in (2, 5))]
)
def test_leaves_are_pickled_and_copied(again: Callable[[tg.Tensor], tg.Tensor]) -> None:
    for x in (tg.tensor(X), leaf(X), tg.tensor([1, 2]), tg.nn.Parameter(tg.tensor(X))):
        twin = again(x)
        assert type(twin) is type(x)
        assert (twin.dtype, twin.requires_grad) == (x.dtype, x.requires_grad)
        np.testing.assert_array_equal(twin.detach(), x.detach())
        if again is not copy.copy:
            assert not np.shares_memory(twin.detach().numpy(), x.detach().numpy())


def test_a_tensor_that_a_list_holds_twice_is_copied_once() -> None:
    x = leaf(X)
    one, other = copy.deepcopy([x, x])
    assert one is other


def test_computed_tensors_are_not_pickled_or_copied() -> None:
    y = leaf(X) * 2
    with pytest.raises((TypeError, RuntimeError), match=r"\.detach\(\)"):
        pickle.dumps(y)
    with pytest.raises((TypeError, RuntimeError), match=r"\.detach\(\)"):
        copy.deepcopy(y)
    with pytest.raises(TypeError, match=r"\.detach\(\)"):
        pickle.dumps(y.grad_fn)


def test_a_number_is_formatted_as_one() -> None:
    assert f"{leaf(np.array(2.0)):.3f} {tg.tensor(7):>3d} {tg.tensor(0.5)}" == "2.000   7 0.5"
    assert f"{tg.tensor([0.5])}" == str(tg.tensor([0.5]))
    with pytest.raises(TypeError, match="format"):
        f"{tg.tensor([0.5]):.3f}"


def test_in_looks_for_a_number_among_the_entries() -> None:
    assert 2.0 in tg.tensor([[1.0, 2.0]])
    assert 3.0 not in tg.tensor([[1.0, 2.0]])
    assert None not in tg.tensor([[1.0, 2.0]])


def test_a_deep_copy_includes_the_gradient() -> None:
    x = leaf([1.0, 2.0])
    (x * x).sum().backward()
    copied, gradient = copy.deepcopy([x, x.grad])
    assert copied.grad is gradient
    x.grad.zero_()
    np.testing.assert_array_equal(gradient, [2, 4])
