"""A second backward pass through a node is right where the node keeps nothing, and raises where PyTorch does."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from agreement import close

import tinygrad_mlp as tg

torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")

X = np.arange(1.0, 7.0).reshape(2, 3) / 4
MASK = X > 0.6

Function = Callable[[Any, Any], Any]  # of the library that it runs in, and a Tensor of the entries X


def assigned(y: Any, index: Any, value: Any) -> Any:
    y[index] = value
    return y


# PyTorch lets one walk back through each of these any number of times.
AGAIN: dict[str, Function] = {
    "float": lambda m, x: x.float(),
    "to": lambda m, x: x.to(m.float32),
    "float and back": lambda m, x: x.float().double(),
    "t": lambda m, x: x.t(),
    "T": lambda m, x: x.T,
    "mT": lambda m, x: x.mT,
    "transpose": lambda m, x: x.transpose(0, 1),
    "permute": lambda m, x: x.permute(1, 0),
    "reshape": lambda m, x: x.reshape(3, 2),
    "reshape of a transpose": lambda m, x: x.t().reshape(6),
    "view": lambda m, x: x.view(6),
    "flatten": lambda m, x: x.flatten(),
    "unsqueeze": lambda m, x: x.unsqueeze(0),
    "squeeze": lambda m, x: x[:1].squeeze(0),
    "an entry": lambda m, x: x[0, 1],
    "a row": lambda m, x: x[1],
    "a slice": lambda m, x: x[:, 1:],
    "None": lambda m, x: x[None],
    "diagonal": lambda m, x: x.diagonal(),
    "expand": lambda m, x: x.expand(2, 2, 3),
    "broadcast_to": lambda m, x: x.broadcast_to((2, 2, 3)),
    "repeat": lambda m, x: x.repeat(2, 1),
    "flip": lambda m, x: x.flip(0),
    "roll": lambda m, x: x.roll(1, 0),
    "tril": lambda m, x: x.tril(),
    "triu": lambda m, x: m.triu(x),
    "cat": lambda m, x: m.cat([x, x[:1]]),
    "stack": lambda m, x: m.stack([x, x]),
    "clone": lambda m, x: x.clone(),
    "x + 1": lambda m, x: x + 1,
    "1 - x": lambda m, x: 1 - x,
    "-x": lambda m, x: -x,
    "x + x": lambda m, x: x + x,
    "x - row": lambda m, x: x - x[0],
    "x + constant": lambda m, x: x + m.tensor(X),
    "x % 0.4": lambda m, x: x % 0.4,
    "sum": lambda m, x: x.sum(),
    "sum of columns": lambda m, x: x.sum(0),
    "sum, with its dim": lambda m, x: x.sum(1, keepdim=True),
    "mean": lambda m, x: x.mean(),
    "mean of rows": lambda m, x: x.mean(1),
    "cumsum": lambda m, x: x.cumsum(0),
    "floor": lambda m, x: x.floor(),
    "sign": lambda m, x: x.sign(),
    "dropout that is off": lambda m, x: m.nn.functional.dropout(x, 0.5, training=False),
    "+= number": lambda m, x: x.clone().add_(1),
    "+= x": lambda m, x: x.clone().add_(x[0]),
    "copy_": lambda m, x: m.zeros(2, 3).double().copy_(x),
    "zero_": lambda m, x: x.clone().zero_(),
    "fill_": lambda m, x: x.clone().fill_(0.5),
}

# PyTorch refuses a second walk through these, and so does this package.
ONCE: dict[str, Function] = {
    "3 / x": lambda m, x: 3 / x,
    "x * x": lambda m, x: x * x,
    "x / x": lambda m, x: x / x.detach(),
    "x * constant": lambda m, x: x * m.tensor(X),
    "x / constant": lambda m, x: x / m.tensor(X),
    "x @ x.t()": lambda m, x: x @ x.t(),
    "x @ constant": lambda m, x: x @ m.tensor(X.T.copy()),
    "linear": lambda m, x: m.nn.functional.linear(x, m.tensor(X)),
    "linear, of its weight": lambda m, x: m.nn.functional.linear(m.tensor(X), x),
    "outer": lambda m, x: m.outer(x[0], x[1]),
    "einsum": lambda m, x: m.einsum("ij,ij->i", x, x),
    "exp": lambda m, x: x.exp(),
    "log": lambda m, x: x.log(),
    "sqrt": lambda m, x: x.sqrt(),
    "tanh": lambda m, x: x.tanh(),
    "sigmoid": lambda m, x: x.sigmoid(),
    "relu": lambda m, x: x.relu(),
    "leaky_relu": lambda m, x: m.nn.functional.leaky_relu(x),
    "sin": lambda m, x: x.sin(),
    "x ** 2": lambda m, x: x**2,
    "square": lambda m, x: x.square(),
    "abs": lambda m, x: x.abs(),
    "reciprocal": lambda m, x: x.reciprocal(),
    "clamp": lambda m, x: x.clamp(0.5, 1),
    "erf": lambda m, x: x.erf(),
    "softmax": lambda m, x: x.softmax(1),
    "log_softmax": lambda m, x: x.log_softmax(1),
    "logsumexp": lambda m, x: x.logsumexp(1),
    "var": lambda m, x: x.var(),
    "norm": lambda m, x: x.norm(),
    "prod": lambda m, x: x.prod(),
    "amax": lambda m, x: x.amax(1),
    "maximum": lambda m, x: m.maximum(x, m.tensor(X[::-1].copy())),
    "mse_loss": lambda m, x: m.nn.functional.mse_loss(x, m.tensor(2 * X)),
    "a view of exp": lambda m, x: x.exp().t(),
    "a sum with exp": lambda m, x: x + x.exp(),
    "*= x": lambda m, x: x.clone().mul_(x),
}

# PyTorch keeps a number, a mask or positions for these. Here they are no arrays that a walk releases, or they may be.
ONCE_IN_PYTORCH: dict[str, Function] = {
    "x * 3": lambda m, x: x * 3,
    "3 * x": lambda m, x: 3 * x,
    "x / 3": lambda m, x: x / 3,
    "*= 3": lambda m, x: x.clone().mul_(3),
    "positions": lambda m, x: x[m.tensor([1, 0])],
    "a list of positions": lambda m, x: x[[1, 0]],
    "a mask": lambda m, x: x[m.tensor(MASK)],
    "positions assigned to": lambda m, x: assigned(x.clone(), m.tensor([0]), x[1:]),
    "a mask assigned to": lambda m, x: assigned(x.clone(), m.tensor(MASK), 0.0),
    "a row assigned": lambda m, x: assigned(x.clone(), 0, x[1]),
    "a row assigned to a constant": lambda m, x: assigned(m.zeros(2, 3).double(), 1, x[0]),
    "max of rows": lambda m, x: x.max(1).values,
    "where": lambda m, x: m.where(m.tensor(MASK), x, m.tensor(0.0).double()),
    "where with a number": lambda m, x: m.where(m.tensor(MASK), x, 0.0),
    "masked_fill": lambda m, x: x.masked_fill(m.tensor(MASK), 0.0),
    "x ** 1": lambda m, x: x**1,
}


def walked(m: Any, function: Function, times: int) -> tuple[Any, Any]:
    """A leaf after some backward passes through one result of `function`, and after them a pass through another."""
    x = m.tensor(X, requires_grad=True)
    y = function(m, x)
    for _ in range(times):
        (y * y).sum().backward()
    found = x.grad.clone()
    (function(m, x) + 1).sum().backward()
    return found, x.grad


@pytest.mark.parametrize("name", AGAIN)
def test_what_keeps_nothing_is_walked_through_again(name: str) -> None:
    for times in (1, 2, 3):
        for our, their in zip(walked(tg, AGAIN[name], times), walked(torch, AGAIN[name], times), strict=True):
            close(our, their, f"after {times} walks")


@pytest.mark.parametrize("name", AGAIN)
def test_gradients_are_found_again_by_grad(name: str) -> None:
    found = []
    for m in (tg, torch):
        x = m.tensor(X, requires_grad=True)
        y = AGAIN[name](m, x)
        v = m.tensor(np.resize(X, tuple(y.shape)).astype(np.array(y.tolist()).dtype)).to(y.dtype)
        found.append([m.autograd.grad(y, x, v * k)[0] for k in (1.0, -2.0)])
    for our, their in zip(*found, strict=True):
        close(our, their)


@pytest.mark.parametrize("name", ONCE)
def test_what_keeps_arrays_is_walked_through_once(name: str) -> None:
    for m, message in ((torch, "a second time"), (tg, "released")):
        x = m.tensor(X, requires_grad=True)
        y = ONCE[name](m, x)
        (y * y).sum().backward()
        first = x.grad.tolist()
        with pytest.raises(RuntimeError, match=message):
            (y * y).sum().backward()
        if m is tg:
            assert x.grad.tolist() == first, "a walk that fails leaves every gradient as it was"
        x.grad = None
        y = ONCE[name](m, x)
        for _ in range(2):
            (y * y).sum().backward(retain_graph=True)
        np.testing.assert_allclose(x.grad.tolist(), 2 * np.array(first), rtol=1e-12)


@pytest.mark.parametrize("name", ONCE_IN_PYTORCH)
def test_what_keeps_no_array_here_is_right_or_refused(name: str) -> None:
    with pytest.raises(RuntimeError, match="a second time"):
        walked(torch, ONCE_IN_PYTORCH[name], 2)
    once = np.array(walked(torch, ONCE_IN_PYTORCH[name], 1)[0].tolist())
    x = tg.tensor(X, requires_grad=True)
    y = ONCE_IN_PYTORCH[name](tg, x)
    (y * y).sum().backward()
    try:
        (y * y).sum().backward()
    except RuntimeError as error:
        assert "released" in str(error)  # noqa: PT017
    else:
        once = 2 * once
    np.testing.assert_allclose(x.grad.tolist(), once, rtol=1e-12)


# --- made once, before the loop ---------------------------------------------------------------------------------------


def trained(m: Any, prepare: Callable[[Any, Any], Any], compute: Callable[[Any, Any], Any]) -> list[Any]:
    """What a loop leaves, in which the prepared Tensor of a leaf is used three times, while another leaf moves."""
    x, w = m.tensor(X, requires_grad=True), m.tensor(np.array([0.5, -1.0, 0.25]), requires_grad=True)
    prepared = prepare(m, x)
    for _ in range(3):
        w.grad = None
        compute(prepared, w.to(prepared.dtype)).backward()
        with m.no_grad():
            w -= 0.1 * w.grad
    return [x.grad, w, w.grad]


@pytest.mark.parametrize(
    ("prepare", "compute"),
    [
        (lambda m, x: x.float(), lambda x, w: (x @ w).tanh().sum()),
        (lambda m, x: x.t(), lambda x, w: (w @ x).exp().mean()),
        (lambda m, x: x.view(6)[:3].unsqueeze(0), lambda x, w: (x * w).square().sum()),
        (lambda m, x: m.cat([x, -x]).flip(0), lambda x, w: (x + w).sigmoid().sum()),
        (lambda m, x: x.mean(0) + 1, lambda x, w: (x * w).sum().exp()),
    ],
    ids=["a cast", "a transpose", "views", "cat and flip", "a mean"],
)
def test_a_loop_over_what_was_prepared_agrees(prepare: Any, compute: Any) -> None:
    for our, their in zip(*(trained(m, prepare, compute) for m in (tg, torch)), strict=True):
        close(our, their, slack=1e-5)  # for the cast, after which both libraries compute in float32


def test_a_walk_that_was_recorded_keeps_its_graph() -> None:
    found = []
    for m in (tg, torch):
        x = m.tensor(X, requires_grad=True)
        y = x.t() + 2
        (g,) = m.autograd.grad((y * y * y).sum(), x, create_graph=True)
        (h,) = m.autograd.grad(g.sum(), x)
        y.sum().backward()
        found.append([g, h, x.grad])
    for our, their in zip(*found, strict=True):
        close(our, their)


def released(m: Any) -> tuple[Any, Any]:
    """A leaf, and a function of it whose graph a walk has released."""
    x = m.tensor(X, requires_grad=True)
    y = x.exp()
    y.sum().backward()
    return x, y


def gradient_or_error(program: Callable[[Any], Any], m: Any) -> Any:
    try:
        return program(m)
    except RuntimeError as error:
        return "second" if "second time" in str(error) or "released" in str(error) else error


def only_for_inputs(m: Any, first: Callable[[Any, Any], Any]) -> Any:
    """Ask for the gradient by `first` of an input and its exponential, and walk back from the latter after that."""
    x = m.tensor(X, requires_grad=True)
    y = x.exp()
    m.autograd.grad(y.sum(), first(x, y))
    y.sum().backward()
    return x.grad


def of_changed(m: Any) -> Any:
    """The gradient of a product by itself, after a write to its factor."""
    x, b = m.tensor(X, requires_grad=True), m.tensor(X)
    y = x * b
    b += 1
    return m.autograd.grad(y.sum(), y)[0]


def one_after_the_other(m: Any) -> Any:
    """The gradient of a sum by its second part, after that by its first."""
    x, y = m.tensor(X, requires_grad=True), m.tensor(X, requires_grad=True)
    total = (x.exp() + y.exp()).sum()
    m.autograd.grad(total, x)
    return m.autograd.grad(total, y)[0]


def beside_released(m: Any) -> Any:
    """The gradient by one part of a sum, where the graph of the other part was released."""
    _, y = released(m)
    other = m.tensor(X, requires_grad=True)
    return m.autograd.grad((y + other).sum(), other)[0]


AROUND_RELEASED: dict[str, Callable[[Any], Any]] = {
    "all paths": lambda m: next(m.autograd.grad((y * 2).sum(), x, allow_unused=True)[0] for x, y in [released(m)]),
    "some paths": lambda m: next(m.autograd.grad((y + x).sum(), x)[0] for x, y in [released(m)]),
    "beyond the input": lambda m: next(m.autograd.grad((y * 2).sum(), y)[0] for _, y in [released(m)]),
    "the output itself": lambda m: next(m.autograd.grad(y.sum(), y)[0] for _, y in [released(m)]),
    "of an output whose factor has changed": lambda m: of_changed(m),
    "of one part after the other": one_after_the_other,
    "beside a released part": beside_released,
    "on no path to the input": lambda m: only_for_inputs(m, lambda x, y: y),
}


@pytest.mark.parametrize("name", AROUND_RELEASED)
def test_gradients_with_respect_to_inputs_around_a_released_graph_agree(name: str) -> None:
    ours, theirs = (gradient_or_error(AROUND_RELEASED[name], m) for m in (tg, torch))
    if isinstance(theirs, str):
        assert ours == theirs
    else:
        close(ours, theirs)
