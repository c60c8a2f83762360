"""`backward` stores gradients where they are asked for and calls hooks on the way. Calls that cannot work raise."""

import numpy as np
import pytest
from checks import counted, equal
from strategies import leaf

import tinygrad_mlp as tg
from tinygrad_mlp.core import functions as f

# --- backward's arguments and errors ----------------------------------------------------------------------------------


def test_a_second_backward_raises_and_names_retain_graph() -> None:
    x = leaf(np.array([1.0, 2.0]))
    y = x.exp()
    first, second = y.sum(), (y * y).sum()
    first.backward()
    held = x.grad.numpy().copy()
    for loss in (first, second, y.sum()):
        with pytest.raises(RuntimeError, match=r"released by an earlier backward\(\).*retain_graph=True"):
            loss.backward()
    equal(x.grad, held)


def test_a_retained_graph_is_walked_again() -> None:
    x = leaf(np.array([1.0, 2.0]))
    y = (x * x).sum()
    for k in range(1, 4):
        y.backward(retain_graph=True)
        equal(x.grad, [2 * k, 4 * k])
    y.backward()
    with pytest.raises(RuntimeError, match="released"):
        y.backward(retain_graph=True)


def test_create_graph_retains_the_graph_unless_told_not_to() -> None:
    x = leaf(np.array([1.0, 2.0]))
    y = (x**3).sum()
    y.backward(create_graph=True)
    y.backward(create_graph=True, retain_graph=False)
    equal(x.grad, [6, 24])
    with pytest.raises(RuntimeError, match="released"):
        y.backward()


def test_backward_of_many_entries_needs_a_cotangent() -> None:
    x = leaf(np.array([1.0, 2.0]))
    y = x * x
    with pytest.raises(RuntimeError, match=r"shape \(2,\) needs the gradient to start from.*\.sum\(\).*gradient="):
        y.backward()
    with pytest.raises(ValueError, match=r"has shape \(3,\), but the output has \(2,\)"):
        y.backward(np.ones(3))
    assert x.grad is None
    for count, cotangent in enumerate(([3, 5], (3, 5), np.array([3, 5]), tg.tensor([3.0, 5.0])), start=1):
        y.backward(cotangent, retain_graph=True)
        equal(x.grad, [6 * count, 20 * count])


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_backward_of_one_entry_starts_from_1(shape: tuple[int, ...]) -> None:
    x = leaf(np.full(shape, 3.0))
    (x * x).backward()
    equal(x.grad, np.full(shape, 6.0))


def test_backward_needs_something_that_requires_a_gradient() -> None:
    with pytest.raises(RuntimeError, match=r"does not require a gradient.*requires_grad=True"):
        tg.tensor([1.0]).sum().backward()
    with tg.no_grad():
        y = leaf(np.ones(2)).sum()
    with pytest.raises(RuntimeError, match=r"no_grad\(\)"):
        y.backward()


def test_backward_from_a_leaf() -> None:
    x = leaf(np.array([1.0, 2.0]))
    x.backward([3, 4])
    x.backward([3, 4])
    equal(x.grad, [6, 8])


# --- inputs= ----------------------------------------------------------------------------------------------------------


def test_only_the_inputs_asked_for_get_a_gradient() -> None:
    calls: list[str] = []
    a, b = leaf(np.array([1.0, 2.0])), leaf(np.array([3.0, 4.0]))
    y = counted(calls, "a")(a) * counted(calls, "b")(b)
    y.sum().backward(inputs=[a])
    equal(a.grad, [3, 4])
    assert b.grad is None
    assert calls == ["a"], "what leads to no input asked for must not be computed"


def test_inputs_may_be_computed_tensors() -> None:
    x = leaf(np.array([1.0, 2.0]))
    y = x * 3
    z = (y * y).sum()
    z.backward(inputs=y, retain_graph=True)
    equal(y.grad, [6, 12])
    z.backward(inputs=[y, x], retain_graph=True)
    equal(y.grad, [12, 24])  # added to the earlier gradient, as for a leaf
    equal(x.grad, [18, 36])
    z.backward(inputs=[z])
    equal(z.grad, 1)
    y = x * 3
    y.retain_grad()
    (y * y).sum().backward(inputs=[y])
    equal(y.grad, [6, 12])  # stored once, although `retain_grad` and `inputs` both ask for it


def test_inputs_that_cannot_get_a_gradient_are_refused() -> None:
    x = leaf(np.array([1.0, 2.0]))
    y = (x * x).sum()
    with pytest.raises(TypeError, match="inputs are Tensors, or one Tensor, not 3"):
        y.backward(inputs=[3])  # type: ignore[list-item]
    with pytest.raises(RuntimeError, match="does not require a gradient"):
        y.backward(inputs=[tg.tensor([1.0])])
    with pytest.raises((RuntimeError, ValueError), match="inputs"):
        y.backward(inputs=[])
    y.backward()
    equal(x.grad, [2, 4])


# --- hooks and retained gradients -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (2,)])
@pytest.mark.parametrize("create_graph", [False, True])
def test_a_hook_of_a_leaf_sees_the_whole_gradient_once(shape: tuple[int, ...], create_graph: bool) -> None:
    x, seen = leaf(np.full(shape, 3.0)), []
    handle = x.register_hook(lambda gradient: seen.append(gradient))
    for _ in range(2):
        (x * x + x).sum().backward(create_graph=create_graph)
    assert [type(g) for g in seen] == [tg.Tensor] * 2
    equal(seen[0], np.full(shape, 7.0))
    equal(x.grad, np.full(shape, 14.0))
    handle.remove()
    handle.remove()
    x.sum().backward()
    assert len(seen) == 2


@pytest.mark.parametrize("shape", [(), (2,)])
@pytest.mark.parametrize("create_graph", [False, True])
def test_a_hook_of_a_computed_tensor_replaces_the_gradient_that_flows_on(
    shape: tuple[int, ...], create_graph: bool
) -> None:
    x, seen = leaf(np.full(shape, 3.0)), []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.detach().numpy().copy()))
    handle = y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: g + 1)
    (y * y + y).sum().backward(create_graph=create_graph, retain_graph=True)
    equal(seen[0], np.full(shape, 13.0))
    equal(x.grad, np.full(shape, 2 * 131.0))
    handle.remove()
    x.grad = None
    (y * y + y).sum().backward()
    equal(x.grad, np.full(shape, 2 * 14.0))


def test_a_hook_of_a_leaf_replaces_its_gradient() -> None:
    weight = leaf(np.array([[1.0, 2.0]]))
    weight.register_hook(lambda g: g * 10)
    f.linear(np.array([[3.0, 4.0]]), weight, None).sum().backward()
    equal(weight.grad, [[30, 40]])


@pytest.mark.parametrize("inside", [False, True])
def test_a_hook_that_returns_another_shape_is_refused(inside: bool) -> None:
    for replace in (lambda g: g.sum(), lambda g: g[:1], lambda g: g.unsqueeze(0)):
        x = leaf(np.ones(3))
        y = x * 2
        (y if inside else x).register_hook(replace)
        with pytest.raises((RuntimeError, ValueError), match="shape"):
            y.sum().backward()
        assert x.grad is None


def test_a_hook_that_overwrites_its_gradient_does_no_harm() -> None:
    x = leaf(np.array([1.0, 2.0]))
    y = x * 2

    def spoil(gradient: tg.Tensor) -> None:
        gradient.zero_()

    x.register_hook(spoil)
    y.register_hook(spoil)
    y.sum().backward()
    equal(x.grad, [2, 2])


def test_hooks_and_retain_grad_need_a_tensor_that_requires_a_gradient() -> None:
    plain = tg.tensor([1.0])
    with pytest.raises(RuntimeError, match="hook"):
        plain.register_hook(lambda g: None)
    with pytest.raises(RuntimeError, match="retain"):
        plain.retain_grad()


@pytest.mark.parametrize("shape", [(), (2,)])
def test_retain_grad_keeps_the_gradient_of_a_computed_tensor(shape: tuple[int, ...]) -> None:
    x = leaf(np.full(shape, 3.0))
    x.retain_grad()
    y, z = x * 2, x * 3
    y.retain_grad()
    loss = (y * z).sum()
    loss.backward(retain_graph=True)
    equal(y.grad, np.full(shape, 9.0))
    assert type(y.grad.numpy()) is np.ndarray
    loss.backward()
    equal(y.grad, np.full(shape, 18.0))
    assert type(y.grad.numpy()) is np.ndarray
    equal(x.grad, np.full(shape, 72.0))


def test_a_leaf_that_is_not_among_the_inputs_gets_no_gradient() -> None:
    a, b = leaf(np.array([1.0])), leaf(np.array([2.0]))
    a.backward(inputs=[b])
    assert a.grad is None
    assert b.grad is None
    a.backward(inputs=[a])
    equal(a.grad, [1])
