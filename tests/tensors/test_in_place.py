"""Operations in place change the memory of a Tensor; the graph records them, or they raise where it cannot."""

import copy
import operator
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from strategies import Array, leaf, seeded

import tinygrad_mlp as tg

X = np.array([[1.5, -2.5, 0.5], [3.5, -0.5, 3.5]])


IN_PLACE: dict[str, tuple[Callable[[Any], Any], Callable[[Array], Any]]] = {
    "add_": (lambda x: x.add_(0.25), lambda a: a + 0.25),
    "add_ with alpha": (lambda x: x.add_(tg.tensor([1.0, 2.0, 3.0]), alpha=-0.5), lambda a: a - [0.5, 1, 1.5]),
    "sub_": (lambda x: x.sub_(2), lambda a: a - 2),
    "sub_ with alpha": (lambda x: x.sub_([1.0, 2.0, 3.0], alpha=2), lambda a: a - [2, 4, 6]),
    "mul_": (lambda x: x.mul_(2), lambda a: a * 2),
    "div_": (lambda x: x.div_(2), lambda a: a / 2),
    "copy_": (lambda x: x.copy_(np.array([7, 8, 9])), lambda a: a * 0 + [7, 8, 9]),
    "fill_": (lambda x: x.fill_(9), lambda a: a * 0 + 9),
    "zero_": (lambda x: x.zero_(), lambda a: a * 0),
    "+=": (lambda x: operator.iadd(x, np.ones(3)), lambda a: a + 1),
    "-=": (lambda x: operator.isub(x, 1), lambda a: a - 1),
    "*=": (lambda x: operator.imul(x, 3), lambda a: a * 3),
    "/=": (lambda x: operator.itruediv(x, 4), lambda a: a / 4),
    "**=": (lambda x: operator.ipow(x, 3), lambda a: a**3),
    "//=": (lambda x: operator.ifloordiv(x, 0.5), lambda a: a // 0.5),
    "%=": (lambda x: operator.imod(x, 0.75), lambda a: a % 0.75),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_operations(name: str) -> None:
    change, expected = IN_PLACE[name]
    for dtype in (np.float32, np.float64):
        x = tg.tensor(X.astype(dtype))
        memory = x.numpy()
        assert change(x) is x
        np.testing.assert_allclose(memory, expected(X), rtol=1e-6)
        assert x.dtype == dtype


@pytest.mark.parametrize("name", IN_PLACE)
def test_a_leaf_that_requires_a_gradient_is_changed_under_no_grad_alone(name: str) -> None:
    change, expected = IN_PLACE[name]
    x = leaf(X)
    with pytest.raises(RuntimeError, match=r"leaf that requires a gradient in place: put it under no_grad\(\)"):
        change(x)
    with pytest.raises(RuntimeError, match="would change a view of a leaf that requires a gradient in place"):
        change(x[:])
    np.testing.assert_array_equal(x.detach(), X)
    with tg.no_grad():
        assert change(x) is x
    np.testing.assert_allclose(x.detach(), expected(X))
    assert x.requires_grad


# Views that look like the Tensor itself.
WHOLE_VIEWS: dict[str, Callable[[tg.Tensor], tg.Tensor]] = {
    "itself": lambda y: y, "a slice": lambda y: y[:], "transposed twice": lambda y: y.T.t(),
    "reshaped": lambda y: y.reshape(1, 2, 3)[0],
}  # fmt: skip


@pytest.mark.parametrize("name", IN_PLACE)
@pytest.mark.parametrize("view", WHOLE_VIEWS.values(), ids=WHOLE_VIEWS)
def test_a_write_to_a_computed_tensor_is_recorded(name: str, view: Callable[[tg.Tensor], tg.Tensor]) -> None:
    """Each entry of the result depends on the entry before it alone, so its derivative is that of a number."""
    change, expected = IN_PLACE[name]
    x, cotangent, step = leaf(X), np.arange(1.0, 7).reshape(2, 3), 1e-6
    y = x * 1.9
    memory, other, written = y.detach().numpy(), view(y), view(y)
    assert change(written) is written
    np.testing.assert_allclose(memory, expected(1.9 * X))
    slope = (expected(1.9 * X + step) - expected(1.9 * X - step)) / (2 * step)
    for tensor in (written, y, other, view(y)):
        x.grad = None
        (tensor * cotangent).sum().backward(retain_graph=True)
        np.testing.assert_allclose(x.grad, 1.9 * slope * cotangent, rtol=1e-6, atol=1e-6)


def test_a_constant_is_computed_once_a_value_with_a_gradient_is_written_into_it() -> None:
    total, x = tg.zeros(2, 3, dtype=np.float64), leaf(X)
    first = total[0]
    for _ in range(3):
        total += x * x
    total[1] = x[0]
    assert total.requires_grad
    assert first.requires_grad
    assert not total.is_leaf
    (total + 2 * first).sum().backward()
    np.testing.assert_array_equal(x.grad, [30 * X[0] + 1, 0 * X[1]])


def test_what_a_rule_still_needs_is_not_overwritten_unnoticed() -> None:
    x = leaf(X)
    y = x.exp()
    y *= 3
    with pytest.raises(RuntimeError, match=r"exp at .* needs its output for the gradient"):
        y.sum().backward()
    y = x * 2
    square = y * y
    y += 1
    with pytest.raises(RuntimeError, match=r"multiply at .* needs its input"):
        square.sum().backward()


def test_a_factor_is_kept_for_its_own_product() -> None:
    x = leaf(X)
    y = x * 2
    y *= x
    y *= y
    y.sum().backward()
    np.testing.assert_allclose(x.grad, 16 * X**3)


def test_second_derivatives_pass_through_writes() -> None:
    x = leaf(X)
    assert tg.autograd.gradcheck(written, (x,))
    assert tg.autograd.gradgradcheck(written, (x,))


def written(x: tg.Tensor) -> tg.Tensor:
    """A Tensor that was written to in several ways."""
    y = x * x
    y[0] *= x[1]
    y[:, 1] = x[:, 0] ** 3
    y.T[0] -= x.sum(1).tanh()
    y[tg.tensor([[False, True, True], [True, False, False]])] = x.reshape(6)[:3] * 2
    y.reshape(6).div_(x.reshape(6) ** 2 + 1)
    return y


def test_indices_that_meet_a_position_twice_are_refused_for_values_with_a_gradient() -> None:
    y, x = tg.zeros(3, dtype=np.float64), leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match="give each position once"):
        y[[0, 0]] = x
    y[[0, 0]] = x.detach()
    assert y.tolist() == [2, 0, 0]


def test_views_that_cannot_follow_are_refused() -> None:
    x = leaf(X)
    y = x * 2
    with tg.no_grad():
        view = y[0]
    with pytest.raises(RuntimeError, match="taken under no_grad"):
        view += 1
    wide = y[0].expand(4, 3)
    with pytest.raises(RuntimeError, match=r"write to a .clone\(\)"):
        wide += 1
    y += 1
    with pytest.raises(RuntimeError, match="taken under no_grad"):
        view * 2
    with tg.no_grad():
        np.testing.assert_array_equal(view * 2, 2 * (2 * X[0] + 1))
    np.testing.assert_array_equal(y.detach(), 2 * X + 1)


def test_an_alias_follows_writes() -> None:
    x = leaf([1.0, 2.0])
    y = x * 2
    alias = tg.Tensor(y)
    y *= 3
    alias *= 5
    (y + 10 * alias).sum().backward()
    np.testing.assert_array_equal(x.grad, [330, 330])


def test_a_view_that_is_given_other_memory_is_no_view_any_more() -> None:
    z, x = tg.zeros(4, dtype=np.float64), leaf([1.0, 2.0])
    view = z[:2]
    view.data = z.data[2:]
    view += x
    assert (z.tolist(), z.requires_grad, view.requires_grad) == ([0, 0, 1, 2], False, True)


def test_memory_that_cannot_be_written_to_is_refused() -> None:
    array = np.zeros(2)
    array.flags.writeable = False
    x = leaf([1.0, 2.0])
    for y in (tg.from_numpy(array), tg.zeros(1, dtype=np.float64).expand(2).detach()):
        for value in (x, x.detach(), 1):
            with pytest.raises(RuntimeError, match=r"write to a .clone\(\)"):
                y += value
        assert not y.requires_grad
        np.testing.assert_array_equal(y, [0, 0])


@pytest.mark.parametrize("recorded", [False, True])
def test_values_that_are_no_numbers_are_refused(recorded: bool) -> None:
    y = tg.zeros(2, requires_grad=recorded) * 1
    for value in (None, "3", [None, 1]):
        with pytest.raises(TypeError):
            y[:] = value
    np.testing.assert_array_equal(y.detach(), [0, 0])


def test_a_list_of_tensors_with_gradients_is_refused() -> None:
    """It would copy the numbers alone."""
    x, y = leaf([1.0, 2.0]), tg.zeros(2, dtype=np.float64)
    for value in ([x[0], x[1]], (x[0], x[1])):
        with pytest.raises(RuntimeError, match="would lose it"):
            y[:] = value
    np.testing.assert_array_equal(y, [0, 0])
    y[:] = [x[0].detach(), 3]
    np.testing.assert_array_equal(y, [1, 3])


def test_a_copy_does_not_keep_what_it_was_taken_of() -> None:
    """NumPy gives some copies a base, as it gives one to views."""
    functions: dict[str, Callable[[tg.Tensor], tg.Tensor]] = {
        "columns": lambda x: x[:, [1, 0]], "reshaped": lambda x: x.T.reshape(4),
        "product": lambda x: np.einsum("ij,jk->ik", x, np.ones((2, 2))),
        "of an array": lambda x: np.einsum("ij,jk->ik", np.ones((2, 2)), x),
    }  # fmt: skip
    for name, function in functions.items():
        x = tg.ones(2, 2, dtype=np.float64)
        gone, copy = weakref.ref(x), function(x)
        del x
        assert gone() is None, name
        copy += 1
        np.testing.assert_array_equal(copy, function(tg.ones(2, 2, dtype=np.float64)) + 1)


def test_a_retained_gradient_is_that_of_the_new_entries() -> None:
    x = leaf(X)
    y = x * 2
    y.retain_grad()
    y *= 3
    y.sum().backward()
    np.testing.assert_array_equal(y.grad, np.ones((2, 3)))


def test_a_frozen_leaf_becomes_a_computed_tensor() -> None:
    x, frozen = leaf(X), leaf(X)
    frozen.requires_grad_(False)
    frozen += x
    assert not frozen.is_leaf
    frozen.sum().backward()
    np.testing.assert_array_equal(x.grad, np.ones((2, 3)))


def test_an_integer_tensor_refuses_fractions_in_place() -> None:
    x = tg.tensor([1, 2])
    for change in (lambda: x.add_(0.5), lambda: x.div_(2), lambda: x.mul_(tg.tensor(0.5))):
        with pytest.raises(TypeError, match=r"a Tensor of int64 cannot hold the result of \w+: start from floats"):
            change()
    np.testing.assert_array_equal(x, [1, 2])
    x = tg.tensor([200, 3], dtype=np.uint8)
    x += tg.tensor([100, -5])  # PyTorch writes integers of any dtype
    np.testing.assert_array_equal(x, [44, 254])
    with pytest.raises(ValueError, match="does not fit"):
        x += tg.tensor([[1, 1]])


def test_values_may_have_leading_dimensions_of_length_one() -> None:
    x = leaf([[1.0, 2.0, 3.0]])
    out, numbers = tg.zeros(2, 3, dtype=np.float64), tg.zeros(2, dtype=np.float64)
    out[0] = x
    out[1] = x[None] * 2
    numbers[1] = x[:, 1]
    numbers[0] = tg.ones(1, 1)
    (out.sum() + numbers.sum()).backward()
    np.testing.assert_array_equal(x.grad, [[3, 4, 3]])
    np.testing.assert_array_equal(out.detach(), [[1, 2, 3], [2, 4, 6]])
    np.testing.assert_array_equal(numbers.detach(), [1, 2])


def test_an_alias_made_by_the_constructor_is_a_view() -> None:
    x = leaf([1.0, 2.0])
    y = x * 2
    alias = tg.Tensor(y)
    y *= 3
    alias.sum().backward()
    np.testing.assert_array_equal(x.grad, [6, 6])
    with pytest.raises(RuntimeError, match="view of a leaf"):
        tg.Tensor(x).zero_()
    with pytest.raises(TypeError, match="made once"):
        alias.__init__(alias)  # type: ignore[misc]


@pytest.mark.parametrize("ask", [
    copy.deepcopy, pickle.dumps, lambda v: tg.optim.SGD([v], lr=0.1),
    lambda v: setattr(v, "data", tg.tensor([1, 2])), lambda v: tg.zeros(2).__setitem__([0, 0], v),
])  # fmt: skip
def test_a_view_that_a_write_has_made_a_computed_tensor_is_treated_as_one(ask: Callable[[Any], Any]) -> None:
    y = tg.zeros(3)
    view = y[:2]
    y += leaf([1.0, 2.0, 3.0]).float()
    with pytest.raises((RuntimeError, TypeError)):
        ask(view)


def test_writes_through_a_long_chain_of_views() -> None:
    x, root = leaf(1.0), tg.zeros(40, dtype=np.float64)
    view = root
    for _ in range(30):
        view = view[1:].reshape(1, -1)[0]
    view += x
    view[:3] *= 2
    root.sum().backward()
    assert x.grad == 10 + 3


def test_none_and_wrong_dtypes_are_refused() -> None:
    x = tg.zeros(2)
    for write in (lambda: x.fill_(None), lambda: x.__setitem__(0, None), lambda: x.mul_(None)):
        with pytest.raises(TypeError, match="not None"):
            write()
    with pytest.raises(TypeError, match=r"normal_\(\) takes a floating Tensor"):
        tg.zeros(2, dtype=np.int64).normal_()
    np.testing.assert_array_equal(x, [0, 0])


def test_numbers_are_drawn_and_clamped_in_place() -> None:
    x, y = (leaf(np.zeros(20_000)) for _ in range(2))
    x.data.normal_(3, 0.5, generator=seeded(1))
    assert abs(x.detach().mean().item() - 3) < 0.02
    assert abs(x.detach().std().item() - 0.5) < 0.02
    y.data.uniform_(-1, 3, generator=seeded(1))
    assert -1 <= y.min().item() < -0.9
    assert 2.9 < y.max().item() < 3
    z = y * 2
    z.clamp_(0, 2)
    z.sum().backward()
    inside = (y.detach() >= 0) & (y.detach() <= 1)
    np.testing.assert_array_equal(y.grad, 2.0 * inside.numpy())
    w = (y * 2).normal_()  # nothing of what was there is left
    assert w.requires_grad
    y.grad = None
    w.sum().backward()
    assert y.grad.abs().max() == 0


def test_the_deprecated_form_of_add_() -> None:
    x = tg.tensor([1.0, 2.0])
    np.testing.assert_array_equal(x.add_(-2, tg.tensor([1.0, 1.0])), [-1, 0])
    np.testing.assert_array_equal(x.sub_(2, tg.tensor([1.0, 1.0])), [-3, -2])


@pytest.mark.parametrize("change", [operator.iand, operator.ior, operator.ixor])
def test_bitwise_operators_in_place(change: Callable[[Any, Any], Any]) -> None:
    bits = np.array([5, 3, 6])
    x = tg.tensor(bits)
    assert change(x, 2) is x
    np.testing.assert_array_equal(x, change(bits, 2))
