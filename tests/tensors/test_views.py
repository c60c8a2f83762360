"""A method returns a view where PyTorch's does, and a copy elsewhere. Writes through a view are seen everywhere."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from strategies import leaf

import tinygrad_mlp as tg

X = np.arange(1.0, 7.0).reshape(2, 3)

# What each method returns that is called on the matrix X: a "view", a "copy", or a view that is "read-only". The calls
# are PyTorch's, too. A comma follows the name of a method.
MEMORY: dict[str, tuple[Callable[[Any], Any], str]] = {
    "T": (lambda x: x.T, "view"),
    "mT": (lambda x: x.mT, "view"),
    "mH": (lambda x: x.mH, "view"),
    "H": (lambda x: x.H, "view"),
    "real": (lambda x: x.real, "view"),
    "t": (lambda x: x.t(), "view"),
    "transpose": (lambda x: x.transpose(0, 1), "view"),
    "transpose, without dimensions": (lambda x: x[0, 0].transpose(0, -1), "view"),
    "permute": (lambda x: x.permute(1, 0), "view"),
    "reshape": (lambda x: x.reshape(3, 2), "view"),
    "reshape, not contiguous": (lambda x: x.T.reshape(6), "copy"),
    "view": (lambda x: x.view(6), "view"),
    "flatten": (lambda x: x.flatten(), "view"),
    "flatten, not contiguous": (lambda x: x.T.flatten(), "copy"),
    "squeeze": (lambda x: x[:1].squeeze(), "view"),
    "squeeze, of nothing": (lambda x: x.squeeze(0), "view"),
    "unsqueeze": (lambda x: x.unsqueeze(1), "view"),
    "diagonal": (lambda x: x.diagonal(), "view"),
    "diagonal, beside the main one": (lambda x: x.diagonal(-1, 1, 0), "view"),
    "diagonal, of a transpose": (lambda x: x.T.unsqueeze(0).diagonal(1, 0, 2), "view"),
    "detach": (lambda x: x.detach(), "view"),
    "[...], with a number": (lambda x: x[1], "view"),
    "[...], with numbers": (lambda x: x[1, np.int64(0)], "view"),
    "[...], with a slice": (lambda x: x[:, 1:], "view"),
    "[...], with None": (lambda x: x[None], "view"),
    "[...], with positions": (lambda x: x[[0, 1]], "copy"),
    "[...], with a mask": (lambda x: x[x > 2], "copy"),
    "to": (lambda x: x.to(x.dtype), "view"),
    "double": (lambda x: x.double(), "view"),
    "float": (lambda x: x.float(), "copy"),
    "long": (lambda x: x.long(), "copy"),
    "expand": (lambda x: x.unsqueeze(0).expand(4, -1, -1), "read-only"),
    "broadcast_to": (lambda x: x.broadcast_to((2, 2, 3)), "read-only"),
    "flip": (lambda x: x.flip(0), "copy"),
    "flip, of nothing": (lambda x: x.flip([]), "copy"),
    "roll": (lambda x: x.roll(1, 0), "copy"),
    "repeat": (lambda x: x.repeat(1, 1), "copy"),
    "tril": (lambda x: x.tril(9), "copy"),
    "triu": (lambda x: x.triu(-9), "copy"),
    "clone": (lambda x: x.clone(), "copy"),
    "cumsum, without dimensions": (lambda x: x[0, 0].cumsum(0), "copy"),
    "sum, without dimensions": (lambda x: x[0, 0].sum(0), "copy"),
    "amax, without dimensions": (lambda x: x[0, 0].amax(-1), "copy"),
}

each_method = pytest.mark.parametrize("name", MEMORY)
VIEWS = [name for name, (_, kind) in MEMORY.items() if kind == "view"]
each_view = pytest.mark.parametrize("name", VIEWS)


@each_method
def test_a_method_returns_a_view_or_a_copy(name: str) -> None:
    method, kind = MEMORY[name]
    x = tg.tensor(X)
    assert np.shares_memory(method(x).numpy(), x.numpy()) == (kind != "copy")


@each_method
def test_pytorch_returns_a_view_or_a_copy_there_too(name: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")
    method, kind = MEMORY[name]
    x = torch.tensor(X)
    y = method(x)
    assert (y.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()) == (kind != "copy")
    if kind == "read-only":
        with pytest.raises(RuntimeError, match=r"more than one element .* refers to a single memory location"):
            y.add_(1)


@each_method
def test_writes_reach_the_tensor_through_views_alone(name: str) -> None:
    method, kind = MEMORY[name]
    x = tg.tensor(X)
    y = method(x)
    if kind == "read-only":
        with pytest.raises(RuntimeError, match="for reading alone"):
            y.fill_(9)
        np.testing.assert_array_equal(x, X)
        return
    y.fill_(9)
    np.testing.assert_array_equal(y, np.full(y.shape, 9))
    reached = x.numpy() == 9
    assert reached.sum() == (y.numel() if kind == "view" else 0)
    x.zero_()
    assert (y.numpy() == 0).all() == (kind == "view")


@each_view
def test_a_write_through_a_view_is_noticed_by_the_backward_pass(name: str) -> None:
    x = leaf(X)
    y = (x * x).sum()
    with tg.no_grad():
        MEMORY[name][0](x).fill_(9)
    with pytest.raises(RuntimeError, match="changed after it was computed"):
        y.backward()


def test_operators_in_place_reach_the_tensor_through_its_diagonal() -> None:
    x = tg.ones(2, 2)
    d = x.diagonal()
    d += 5
    x.diagonal()[0] = 9.0
    assert x.tolist() == [[9, 1], [1, 6]]
    y = x.expand(3, 2, 2).diagonal(0, 1, 2)
    with pytest.raises(RuntimeError, match="for reading alone"):
        y.fill_(0)
