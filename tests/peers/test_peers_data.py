"""`.data` is a Tensor that shares memory and has no graph, as in PyTorch; after a write to it no gradient is wrong."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from agreement import close

import tinygrad_mlp as tg

torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")

Program = Callable[[Any], Any]  # of the library that it runs in


def two(m: Any) -> Any:
    return m.tensor(np.array([1.0, 2.0]), requires_grad=True)


def other(m: Any) -> Any:
    return m.tensor(np.array([5.0, 6.0]))


def grown(m: Any) -> Any:
    """A leaf that has a gradient."""
    w = two(m)
    (w * w).sum().backward()
    return w


def after(x: Any, *changes: Any) -> Any:
    """`x`, after its changes were evaluated."""
    return x


def flags(m: Any) -> Any:
    d = two(m).data
    assert isinstance(d, m.Tensor)
    assert (d.requires_grad, d.is_leaf, d.grad) == (False, True, None)
    assert type(m.nn.Parameter(d).data) is m.Tensor
    return d


def augmented(m: Any) -> Any:
    w = grown(m)
    alias = w.detach()
    w.data += -0.1 * w.grad
    w.data -= 0.5
    w.data *= 3
    w.data /= 2
    w.data[0] += 1
    w.data[w.data > 2] = 0.25
    return [w, alias]


def methods(m: Any) -> Any:
    w = grown(m)
    w.data.add_(-0.1 * w.grad).mul_(0.5)
    w.data.sub_(w.grad.data, alpha=0.1)
    w.data.div_(4).copy_(w.data * 0.9 + 0.1)
    return w


def polyak(m: Any) -> Any:
    target, source = m.nn.Linear(2, 1), m.nn.Linear(2, 1)
    for net, value in ((target, 0.5), (source, -1.0)):
        net.weight.data.fill_(value)
        net.bias.data.zero_()
    for t, s in zip(target.parameters(), source.parameters(), strict=True):
        t.data.mul_(0.9).add_(0.1 * s.data)
        t.data.copy_(t.data * 0.9 + s.data * 0.1)
    return [*target.parameters()]


def averaged_loss(m: Any) -> Any:
    total = m.zeros(1).double()
    for _ in range(2):
        total += (grown(m) ** 2).sum().data
    assert "%.3f" % total.data == "10.000"  # noqa: UP031  # as scripts print it
    return [total, total.data[0]]


def gradients(m: Any) -> Any:
    w = grown(m)
    norm = w.grad.data.norm(2)
    w.grad.data.mul_(0.5)
    (w * w).sum().backward()
    halved = w.grad.clone()
    w.grad.data.zero_()
    return [norm, halved, w.grad]


def clipped(m: Any) -> Any:
    """A gradient with a graph has data without one, and a write to them does not reach the weights."""
    w = two(m)
    (w * w * w).sum().backward(create_graph=True)
    d = w.grad.data
    assert not d.requires_grad
    d.mul_(0.5)
    found = [w, w.grad.detach().clone()]
    w.grad = None  # which is a cycle
    return found


def of_computed(m: Any) -> Any:
    """The data of a computed Tensor share its memory. Where no rule reads them, a write is harmless."""
    w = two(m)
    y = w * 3
    y.data[0] = 7
    y.data.mul_(2)
    (y.sum() + y.mean()).backward()
    return [y, w.grad]


def as_array(m: Any) -> Any:
    w = grown(m)
    array = w.data.numpy()
    array += 1
    return [w, m.tensor(array), m.tensor(w.data.numpy() * 2)]


def before_the_forward_pass(m: Any) -> Any:
    w = two(m)
    w.data.mul_(2)
    (w * w).sum().backward()
    w.data.sub_(w.grad.data)
    return [w, w.grad]


def on_its_own(m: Any) -> Any:
    """The data can require a gradient themselves, which the leaf does not see."""
    w = two(m)
    d = w.data
    d.requires_grad_()
    (d * d).sum().backward()
    assert w.grad is None
    return d.grad


def recorded(m: Any) -> Any:
    """A value with a graph is written to the data: these are computed then, and the leaf stays what it is."""
    w, v = two(m), two(m)
    d = w.data
    d += v * v
    d.sum().backward()
    assert w.is_leaf
    return [w, d, v.grad]


def as_argument(m: Any) -> Any:
    x = m.tensor(np.array([[1.0, 3.0], [4.0, 2.0]]), requires_grad=True)
    _, predicted = m.max((x * 2).data, 1)
    return [predicted, m.where(x.data > 2, x.data, -x.data), m.cat([x.data, x.data])]


def assigned(m: Any) -> Any:
    w = two(m)
    kept = w.detach()
    w.data = other(m)
    (w * w).sum().backward()
    return [w, w.grad, kept]


def assigned_a_result(m: Any) -> Any:
    """A computed Tensor is assigned without its graph."""
    w = two(m)
    w.data = w * 3
    assert w.is_leaf
    return after(w, (w * 2).sum().backward()), w.grad


def assigned_itself(m: Any) -> Any:
    w = two(m)
    y = w * w
    w.data = w.data
    w.data = w
    y.sum().backward()
    return [w, w.grad]


def assigned_to_computed(m: Any) -> Any:
    w = two(m)
    y = w * 3
    y.data = other(m)
    y.sum().backward()
    return [y, w.grad]


def views_from_before(m: Any) -> Any:
    w = two(m)
    view, y = w[0], w * 2
    w.data = other(m)
    return [view, y, w]


def swapped(m: Any) -> Any:
    w, v = two(m), m.tensor(np.array([5.0, 6.0]), requires_grad=True)
    v.data, w.data = w.data, v.data
    return [v, w]


AGREEING: dict[str, Program] = {
    "flags": flags,
    "operators in place": augmented,
    "methods in place": methods,
    "target networks": polyak,
    "sums of losses": averaged_loss,
    "data of gradients": gradients,
    "data of recorded gradients": clipped,
    "data of computed Tensors": of_computed,
    "numpy()": as_array,
    "between backward and forward": before_the_forward_pass,
    "requires_grad_ of data": on_its_own,
    "graph values": recorded,
    "arguments of functions": as_argument,
    "x.data = tensor": assigned,
    "x.data = a computed Tensor": assigned_a_result,
    "x.data = x.data": assigned_itself,
    "y.data = tensor": assigned_to_computed,
    "x.data = tensor, and views from before": views_from_before,
    "data that are swapped": swapped,
}


@pytest.mark.parametrize("name", AGREEING)
def test_programs_with_data_agree(name: str) -> None:
    ours, theirs = (
        [*found] if isinstance(found, list | tuple) else [found] for found in map(AGREEING[name], (tg, torch))
    )
    for number, (our, their) in enumerate(zip(ours, theirs, strict=True)):
        assert our.requires_grad == their.requires_grad, f"result {number}"
        close(our, their, f"result {number}")


# --- what `x.data = value` does with memory, shapes and dtypes --------------------------------------------------------


def shared(m: Any) -> Any:
    """Whether the new data share the memory of what was assigned."""
    w, v = two(m), other(m)
    w.data = v
    v[0] = 9
    return w


def shared_data(m: Any) -> Any:
    w, v = two(m), m.tensor(np.array([5.0, 6.0]), requires_grad=True)
    w.data = v.data
    v.data.add_(1)
    return w


def of_new_data(make: Callable[[Any], Any]) -> Program:
    def program(m: Any) -> Any:
        w = two(m)
        w.data = make(m)
        (w * 2).sum().backward()
        return [w, w.grad]

    return program


# What PyTorch allows. Here it has the same result, or is refused by name.
ALLOWED: dict[str, Program] = {
    "shares memory": shared,
    "shares memory with other data": shared_data,
    "another shape": of_new_data(lambda m: m.tensor(np.array([3.0, 4.0, 5.0]))),
    "another number of dimensions": of_new_data(lambda m: m.tensor(np.array([[3.0, 4.0]]))),
    "a part of itself": of_new_data(lambda m: m.tensor(np.array([3.0, 4.0]))[:1]),
    "float32": of_new_data(lambda m: m.tensor(np.array([3.0, 4.0], np.float32))),
    "integers, for a constant": lambda m: integers_for(m.tensor(np.array([1.0, 2.0])), m),
    "a view": lambda m: new_data_of_a_view(m),
}


def integers_for(x: Any, m: Any) -> Any:
    x.data = m.tensor(np.array([3, 4]))
    return x


def new_data_of_a_view(m: Any) -> Any:
    x = m.tensor(np.array([1.0, 2.0]))
    view = x[:1]
    view.data = m.tensor(np.array([5.0]))
    return [x, view]


@pytest.mark.parametrize("name", ALLOWED)
def test_new_data_are_as_in_pytorch_or_refused(name: str) -> None:
    theirs = ALLOWED[name](torch)
    try:
        ours = ALLOWED[name](tg)
    except (RuntimeError, ValueError, TypeError) as error:
        assert "data" in str(error)  # noqa: PT017
        return
    for our, their in zip(*([x] if not isinstance(x, list) else x for x in (ours, theirs)), strict=True):
        close(our, their)


REFUSING: dict[str, Program] = {
    "integers, for a leaf that requires a gradient": lambda m: integers_for(two(m), m),
    "text": lambda m: setattr(two(m), "data", "text"),
    "None": lambda m: setattr(two(m), "data", None),
    "del x.data": lambda m: delattr(two(m), "data"),
}


@pytest.mark.parametrize("name", REFUSING)
def test_data_that_make_no_sense_are_refused(name: str) -> None:
    for m in (torch, tg):
        with pytest.raises((RuntimeError, TypeError, ValueError, AttributeError)):
            REFUSING[name](m)


def test_refused_data_change_nothing() -> None:
    w = two(tg)
    y = (w * w).sum()
    for wrong in ("text", None, tg.tensor([3, 4])):
        with pytest.raises((RuntimeError, TypeError, ValueError)):
            w.data = wrong
    y.backward()
    assert (w.tolist(), w.dtype, w.requires_grad, w.grad.tolist()) == ([1, 2], np.float64, True, [2, 4])


# --- a backward pass that needs the old entries -----------------------------------------------------------------------

# Writes to the data of a Tensor. PyTorch does not count them.
WRITES: dict[str, Callable[[Any], Any]] = {
    "+=": lambda x: x.data.__iadd__(1),
    "add_": lambda x: x.data.add_(1),
    "copy_": lambda x: x.data.copy_(x.data * 2),
    "fill_": lambda x: x.data.fill_(3),
    "an index": lambda x: x.data.__setitem__(0, 5.0),
    "a view": lambda x: x.data[1:].mul_(4),
    "a view of a view": lambda x: x.data.view(2, 1).t()[0].sub_(1),
    "data of data": lambda x: x.data.data.add_(1),
    "detach of data": lambda x: x.data.detach().add_(1),
    "numpy()": lambda x: x.data.numpy().__iadd__(1),
    "numpy() of a view": lambda x: x.data[1:].numpy().__setitem__(0, 9),
    "a Parameter of the data": lambda x: stepped(x),
}


def stepped(x: Any) -> None:
    m = tg if isinstance(x, tg.Tensor) else torch
    p = m.nn.Parameter(x.data)
    (p * p).sum().backward()
    m.optim.SGD([p], lr=0.25).step()


# Functions that need their input, or their output, with their derivative.
NEEDING: dict[str, tuple[Callable[[Any], Any], bool]] = {
    "a product": (lambda x: x * x, True),
    "sin": (lambda x: x.sin(), True),
    "a power": (lambda x: x**3, True),
    "exp": (lambda x: x.exp(), False),
    "sigmoid": (lambda x: x.sigmoid(), False),
    "a matrix product": (lambda x: x @ x, True),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("name", NEEDING)
def test_a_backward_pass_that_needs_the_old_entries_raises(name: str, write: str) -> None:
    """PyTorch is wrong here in silence, which is tested, too: so this is a program that has to raise."""
    function, needs_input = NEEDING[name]
    right = two(torch)
    function(right).sum().backward()
    w = two(torch)
    y = function(w)
    WRITES[write](w if needs_input else y)
    y.sum().backward()
    assert not np.allclose(w.grad, right.grad), "PyTorch is right: this is no write to something needed"

    w = two(tg)
    y = function(w)
    WRITES[write](w if needs_input else y)
    with pytest.raises(RuntimeError, match="changed after it was computed"):
        y.sum().backward()
    assert w.grad is None


@pytest.mark.parametrize("write", WRITES)
def test_a_backward_pass_that_needs_no_entries_is_right(write: str) -> None:
    w = two(tg)
    y = w * 3
    z = y.sum() + (w + 1).mean() - y[0]
    WRITES[write](w)
    WRITES[write](y)
    z.backward()
    np.testing.assert_array_equal(w.grad, [0.5, 3.5])


@pytest.mark.parametrize("write", WRITES)
def test_entries_that_were_cloned_are_safe(write: str) -> None:
    w = two(tg)
    y = w.clone() * w.clone()
    WRITES[write](w)
    y.sum().backward()
    np.testing.assert_array_equal(w.grad, [2, 4])


def test_new_data_leave_a_graph_as_it_was() -> None:
    """In PyTorch, the backward pass reads the new ones."""
    w = two(tg)
    y = w * w
    w.data = other(tg)
    y.sum().backward()
    np.testing.assert_array_equal(w.grad, [2, 4])


def test_data_that_are_only_read_are_harmless() -> None:
    w = two(tg)
    y = (w * w).sum()
    assert w.data.sum().item() == 3
    assert w.data.numpy().tolist() == [1, 2]
    y.backward()
    np.testing.assert_array_equal(w.grad, [2, 4])
