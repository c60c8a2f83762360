"""Names for other shapes, parts and joins move entries as NumPy does, and gradients move back."""

from typing import Any

import numpy as np
import pytest
import scipy.linalg
from checks import Method, check_answer, check_method
from hypothesis import given
from hypothesis import strategies as st
from strategies import leaf

import tinygrad_mlp as tg


def with_part(x: Any, index: Any, part: Any) -> Any:
    """A copy of the array `x` with `part` at `index`."""
    y = np.array(x)
    y[index] = part
    return y


def embedded(x: Any, offset: int) -> Any:
    """The matrices with the rows of `x` on their diagonals."""
    return np.stack([np.diag(row, offset) for row in x])


def triples(x: Any) -> Any:
    """All choices of an entry of each of the two rows of a (2, 3) matrix."""
    return np.stack([grid.ravel() for grid in np.meshgrid(x[0], x[1], indexing="ij")], axis=1)


CALLS: list[Method] = [
    # shapes
    ("view_as", lambda x: x.view_as(np.zeros(6)), lambda x: x.reshape(6)),
    ("reshape_as", lambda x: x.reshape_as(np.zeros((3, 2))), lambda x: x.reshape(3, 2)),
    ("expand_as", lambda x: x.expand_as(np.zeros((4, 2, 3))), lambda x: np.stack([x] * 4)),
    ("contiguous", lambda x: x.T.contiguous(), lambda x: x.T),
    ("ravel", lambda x: x.T.ravel(), lambda x: x.T.ravel()),
    ("ravel", lambda x: x[:, ::2].ravel(), lambda x: x[:, ::2].ravel()),
    ("unflatten", lambda x: x.unflatten(-1, (3, -1)), lambda x: x[:, :, None]),
    ("sum_to_size", lambda x: x.sum_to_size(1, 3), lambda x: x.sum(0, keepdims=True)),
    ("sum_to_size", lambda x: x.sum_to_size(size=(3,)), lambda x: x.sum(0)),
    ("sum_to_size", lambda x: x.sum_to_size(()), lambda x: x.sum()),
    ("sum_to_size", lambda x: x.sum_to_size(2, 3) * x, lambda x: x * x),
    ("function atleast_1d", lambda x: tg.atleast_1d(x.sum()), lambda x: x.sum().reshape(1)),
    ("function atleast_2d", lambda x: tg.atleast_2d(x[0]), lambda x: x[:1]),
    ("function atleast_3d", lambda x: tg.atleast_3d(x), lambda x: x[:, :, None]),
    ("function atleast_3d", lambda x: tg.atleast_3d(x[0]), lambda x: x[0].reshape(1, 3, 1)),
    # orders
    ("adjoint", lambda x: x.adjoint(), lambda x: x.T),
    ("swapaxes", lambda x: x.swapaxes(axis0=0, axis1=1), lambda x: x.T),
    ("swapdims", lambda x: x.swapdims(dim0=0, dim1=-1), lambda x: x.T),
    ("movedim", lambda x: x.unsqueeze(0).movedim((0, 1), (1, -1)), lambda x: np.moveaxis(x[None], (0, 1), (1, -1))),
    ("rot90", lambda x: x.rot90(), lambda x: np.rot90(x)),
    ("rot90", lambda x: x.rot90(-1, (1, 0)), lambda x: np.rot90(x, -1, (1, 0))),
    ("rot90", lambda x: x.rot90(2), lambda x: np.rot90(x, 2)),
    ("rot90", lambda x: x.rot90(4) * x, lambda x: x * x),
    ("fliplr", lambda x: x.fliplr(), lambda x: x[:, ::-1]),
    ("flipud", lambda x: x.flipud(), lambda x: x[::-1]),
    # copies side by side
    ("tile", lambda x: x.tile(dims=(2,)), lambda x: np.tile(x, 2)),
    ("tile", lambda x: x.tile((2, 1, 3)), lambda x: np.tile(x, (2, 1, 3))),
    ("repeat_interleave", lambda x: x.repeat_interleave(2), lambda x: np.repeat(x, 2)),
    (
        "repeat_interleave",
        lambda x: x.repeat_interleave(tg.tensor([2, 0, 1]), -1, output_size=3),
        lambda x: np.repeat(x, [2, 0, 1], -1),
    ),
    ("function broadcast_tensors", lambda x: tg.broadcast_tensors(x[:, :1], x)[0], lambda x: x[:, :1] + 0 * x),
    # diagonals
    ("diag", lambda x: x.diag(1), lambda x: np.diag(x, 1)),
    ("diag", lambda x: x[0].diag(-1), lambda x: np.diag(x[0], -1)),
    ("diag_embed", lambda x: x.diag_embed(-1), lambda x: embedded(x, -1)),
    ("diag_embed", lambda x: x.diag_embed(1, 0, -1), lambda x: np.moveaxis(embedded(x, 1), 1, 0)),
    ("diag_embed", lambda x: x.diag_embed(0, 2, 0), lambda x: np.moveaxis(embedded(x, 0), 0, 1)),
    ("diagflat", lambda x: x.diagflat(2), lambda x: np.diagflat(x, 2)),
    ("trace", lambda x: x.trace(), lambda x: np.trace(x)),
    # one part
    ("select", lambda x: x.select(-1, -2), lambda x: x[:, 1]),
    ("narrow", lambda x: x.narrow(1, tg.tensor(1), 2), lambda x: x[:, 1:3]),
    ("narrow", lambda x: x.narrow(-1, -3, 2), lambda x: x[:, :2]),
    ("narrow_copy", lambda x: x.narrow_copy(1, 1, 2), lambda x: x[:, 1:3]),
    ("unfold", lambda x: x.unfold(1, 2, 1), lambda x: np.stack([x[:, :2], x[:, 1:]], axis=1)),
    ("unfold", lambda x: x.unfold(0, 1, 2), lambda x: x[:1, :, None]),
    # several parts
    ("split", lambda x: tg.cat(x.split(2, 1)[::-1], 1), lambda x: x[:, [2, 0, 1]]),
    ("split", lambda x: tg.split(x, [1, 2], 1)[1], lambda x: x[:, 1:]),
    ("split_with_sizes", lambda x: x.split_with_sizes((1, 2), -1)[1], lambda x: x[:, 1:]),
    ("chunk", lambda x: tg.cat(x.chunk(2, 1)[::-1], 1), lambda x: x[:, [2, 0, 1]]),
    ("unbind", lambda x: tg.stack(x.unbind(1)), lambda x: x.T),
    ("tensor_split", lambda x: tg.cat(x.tensor_split(2, -1)[::-1], 1), lambda x: x[:, [2, 0, 1]]),
    ("tensor_split", lambda x: x.tensor_split(tg.tensor([1, 2]), 1)[1], lambda x: x[:, 1:2]),
    ("hsplit", lambda x: x.hsplit([1])[1], lambda x: x[:, 1:]),
    ("vsplit", lambda x: x.vsplit(2)[1], lambda x: x[1:]),
    ("dsplit", lambda x: x.unsqueeze(0).dsplit(3)[2], lambda x: x[None, :, 2:]),
    # copies with another part
    ("select_scatter", lambda x: x.select_scatter(x[0] * x[1], 0, -1), lambda x: with_part(x, 1, x[0] * x[1])),
    (
        "slice_scatter",
        lambda x: x.slice_scatter(x[:, 1:] ** 2, 1, end=3, step=2),
        lambda x: with_part(x, np.s_[:, ::2], x[:, 1:] ** 2),
    ),
    (
        "diagonal_scatter",
        lambda x: x.diagonal_scatter(x[:, 0] * 3, 1),
        lambda x: with_part(x, ([0, 1], [1, 2]), x[:, 0] * 3),
    ),
    # joins
    ("function concat", lambda x: tg.concat((x, x * x), -1), lambda x: np.concatenate([x, x * x], -1)),
    ("function hstack", lambda x: tg.hstack([x, x * x]), lambda x: np.hstack([x, x * x])),
    ("function hstack", lambda x: tg.hstack([x[0], x.sum()]), lambda x: np.hstack([x[0], x.sum()])),
    ("function vstack", lambda x: tg.vstack([x, x[0] * 2]), lambda x: np.vstack([x, x[0] * 2])),
    ("function dstack", lambda x: tg.dstack([x, x * x]), lambda x: np.dstack([x, x * x])),
    ("function column_stack", lambda x: tg.column_stack([x, x[:, 0]]), lambda x: np.column_stack([x, x[:, 0]])),
    ("function block_diag", lambda x: tg.block_diag(x, x[0], x.T), lambda x: scipy.linalg.block_diag(x, x[0], x.T)),
    ("function meshgrid", lambda x: tg.meshgrid(x[0], x[1])[0], lambda x: np.meshgrid(x[0], x[1], indexing="ij")[0]),
    (
        "function meshgrid",
        lambda x: tg.stack(tg.meshgrid([x[0], x[1, :2], x[0]], indexing="xy")),
        lambda x: np.stack(np.meshgrid(x[0], x[1, :2], x[0])),
    ),
    ("function cartesian_prod", lambda x: tg.cartesian_prod(x[0], x[1]), triples),
    ("function cartesian_prod", lambda x: tg.cartesian_prod(x[0]), lambda x: x[0]),
    ("function combinations", lambda x: tg.combinations(x[0]), lambda x: x[0][np.array([[0, 1], [0, 2], [1, 2]])]),
    (
        "function combinations",
        lambda x: tg.combinations(x[:, 0], 2, with_replacement=True),
        lambda x: x[:, 0][np.array([[0, 0], [0, 1], [1, 1]])],
    ),
    ("function vander", lambda x: tg.vander(x[0]), lambda x: np.vander(x[0])),
    ("function vander", lambda x: tg.vander(x[0], 2, increasing=True), lambda x: np.vander(x[0], 2, increasing=True)),
]

X = np.array([[1.5, -2.5, 0.5], [3.5, -0.5, 3.5]])

# Functions through which no gradient passes, with their values for X.
ANSWERS: list[tuple[str, Any, Any]] = [
    ("ndimension", lambda x: x.ndimension(), 2),
    ("is_same_size", lambda x: [x.is_same_size(x), x.is_same_size(x.T)], [True, False]),
    (
        "is_contiguous",
        lambda x: [x.is_contiguous(), x.T.is_contiguous(), x[:, 1:].is_contiguous()],
        [True, False, False],
    ),
    ("stride", lambda x: x.stride(), (3, 1)),
    ("stride", lambda x: x.T.stride(1), 3),
    ("broadcast_shapes", lambda x: tg.broadcast_shapes(x.shape, (4, 1, 1), 3), (4, 2, 3)),
    ("repeat_interleave", lambda x: tg.repeat_interleave(tg.tensor([1, 0, 2])), [0, 2, 2]),
    ("combinations", lambda x: tg.combinations(x[0], 0), np.zeros(0)),
    ("combinations", lambda x: tg.combinations(x[0], 4), np.zeros((0, 4))),
]


@pytest.mark.parametrize("row", CALLS, ids=lambda row: row[0])
@given(data=st.data())
def test_functions_compute_what_numpy_computes(row: Method, data: st.DataObject) -> None:
    check_method(row, data, 1e-12)


@pytest.mark.parametrize(("name", "call", "expected"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_functions_without_a_gradient(name: str, call: Any, expected: Any) -> None:
    result = call(leaf(X))
    check_answer(result.detach() if name == "combinations" else result, expected)


# --- views and copies -------------------------------------------------------------------------------------------------

VIEWS = {
    "ravel": lambda x: x.ravel(), "contiguous": lambda x: x.contiguous(), "unflatten": lambda x: x.unflatten(1, (3, 1)),
    "movedim": lambda x: x.movedim(0, 1), "swapaxes": lambda x: x.swapaxes(0, 1), "H": lambda x: x.H,
    "atleast_3d": tg.atleast_3d, "select": lambda x: x.select(1, 0), "narrow": lambda x: x.narrow(1, 0, 2),
    "split": lambda x: x.split(2)[0], "split_with_sizes": lambda x: x.split_with_sizes([1, 1])[1],
    "chunk": lambda x: x.chunk(2)[1], "unbind": lambda x: x.unbind(1)[2],
    "tensor_split": lambda x: x.tensor_split(2)[0], "hsplit": lambda x: x.hsplit(3)[0],
    "vsplit": lambda x: x.vsplit(2)[1], "real": lambda x: x.real,
    "conj": lambda x: x.conj(), "view_as": lambda x: x.view_as(np.zeros(6)),
    "chunk of none": lambda x: x[:0].chunk(2)[1],
}  # fmt: skip
EXPANDED = {
    "expand_as": lambda x: x.expand_as(np.zeros((2, 2, 3))),
    "broadcast_to": lambda x: tg.broadcast_to(x, size=(2, -1, 3)),
    "broadcast_tensors": lambda x: tg.broadcast_tensors(x, np.zeros((2, 1, 1)))[0],
    "meshgrid": lambda x: tg.meshgrid(x[0], x[1])[0],
}  # fmt: skip
COPIES = {
    "ravel": lambda x: x.T.ravel(), "contiguous": lambda x: x.T.contiguous(), "rot90": lambda x: x.rot90(0),
    "strided ravel": lambda x: x[0, ::2].ravel(), "flipud": lambda x: x.flipud(), "tile": lambda x: x.tile(1),
    "repeat_interleave": lambda x: x.repeat_interleave(1, 0), "diag": lambda x: x.diag(),
    "diag_embed": lambda x: x.diag_embed(), "narrow_copy": lambda x: x.narrow_copy(0, 0, 1),
    "unfold": lambda x: x.unfold(0, 1, 1), "select_scatter": lambda x: x.select_scatter(x[0], 0, 0),
    "slice_scatter": lambda x: x.slice_scatter(x), "diagonal_scatter": lambda x: x.diagonal_scatter(x[:, 0]),
    "hstack": lambda x: tg.hstack([x]), "block_diag": lambda x: tg.block_diag(x), "clone": tg.clone,
}  # fmt: skip


@pytest.mark.parametrize("name", VIEWS)
def test_writes_to_a_view_go_through(name: str) -> None:
    x = tg.tensor(X)
    part = VIEWS[name](x)
    assert part.numel() == 0 or np.shares_memory(part.numpy(), x.numpy())
    part.fill_(7)
    assert (x == 7).sum().item() == part.numel()


@pytest.mark.parametrize("name", EXPANDED)
def test_what_is_expanded_shares_memory_and_cannot_be_written_to(name: str) -> None:
    x = tg.tensor(X)
    expanded = EXPANDED[name](x)
    assert np.shares_memory(expanded.numpy(), x.numpy())
    with pytest.raises(RuntimeError, match=r"write to a .clone"):
        expanded.fill_(7)


@pytest.mark.parametrize("name", COPIES)
def test_copies_share_no_memory(name: str) -> None:
    x = tg.tensor(X)
    assert not np.shares_memory(COPIES[name](x).numpy(), x.numpy())


def test_a_write_to_a_part_is_differentiated() -> None:
    x = leaf(X)
    y = x * 1
    first, second = y.split(1)
    first *= second
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [X[1], 1 + X[0]])


def test_a_contiguous_tensor_is_returned_itself() -> None:
    x = leaf(X)
    assert x.contiguous() is x
    assert x.T.contiguous().is_contiguous()
    assert x[:, ::2].contiguous().stride() == (2, 1)


# --- other dtypes and shapes ------------------------------------------------------------------------------------------


def test_numbers_and_empty_tensors() -> None:
    number, empty = tg.tensor(2.0), tg.zeros(0, 3)
    assert number.mT.item() == number.mH.item() == number.H.item() == number.movedim(0, -1).item() == 2
    assert number.tile(2).tolist() == number.repeat_interleave(2).tolist() == [2, 2]
    assert number.unfold(0, 1, 1).tolist() == number.diagflat()[0].tolist() == [2]
    assert [part.shape for part in empty.chunk(2)] == [part.shape for part in empty.tensor_split(2)] == [(0, 3)] * 2
    assert [part.shape for part in empty.split(2)] == [(0, 3)]
    assert empty.split([]) == empty.unbind() == ()
    assert empty.unflatten(0, (2, -1)).shape == (2, 0, 3)
    assert tg.block_diag().shape == (1, 0)
    assert tg.vander(tg.zeros(0)).shape == (0, 0)
    assert tg.cartesian_prod(tg.zeros(0), tg.zeros(2)).shape == (0, 2)


def test_dtypes() -> None:
    counts = tg.tensor([1, 2], dtype=tg.uint8)
    assert tg.vander(counts).dtype == tg.int64
    assert counts.diag().dtype == tg.block_diag(counts, tg.tensor(2)).dtype == tg.uint8
    assert counts.diag().trace().dtype == tg.int64
    assert counts.select_scatter(tg.tensor(2.7), 0, 0).tolist() == [2, 2]
    assert tg.tensor([True]).diag_embed().dtype == tg.bool
    assert tg.cat(tg.tensor([1, 2]).split(1)).dtype == tg.int64


def test_several_tensors_in_a_list_or_one_by_one() -> None:
    x = tg.tensor(X)
    assert [y.shape for y in tg.atleast_2d(1.0, [2.0, 3.0])] == [(1, 1), (1, 2)]
    assert [y.shape for y in tg.atleast_3d([x, x])] == [(2, 3, 1)] * 2
    assert [y.shape for y in tg.broadcast_tensors([x, x[:, :1]])] == [(2, 3)] * 2
    assert tg.concatenate([x, x], axis=1).shape == (2, 6)
    assert tg.row_stack([x[0], x]).shape == (3, 3)


# --- errors -----------------------------------------------------------------------------------------------------------

ERRORS: list[tuple[str, Any, str]] = [
    ("unflatten", lambda x: x.unflatten(1, (2, -1)), "product"),
    ("unflatten", lambda x: x.unflatten(1, ()), "product"),
    ("sum_to_size", lambda x: x.sum_to_size(2), "broadcast to it"),
    ("sum_to_size", lambda x: x.sum_to_size(1, 2, 3), "broadcast to it"),
    ("H", lambda x: x[0].H, "use mH"),
    ("movedim", lambda x: x.movedim((0, 1), 0), "not as many"),
    ("movedim", lambda x: x.movedim((0, 0), (0, 1)), "repeated"),
    ("rot90", lambda x: x.rot90(1, (0, 0)), "repeated"),
    ("rot90", lambda x: x.rot90(1, (0,)), "two different dimensions"),
    ("flipud", lambda x: x.sum().flipud(), "not a number"),
    ("repeat_interleave", lambda x: x.repeat_interleave(-1), "≥ 0"),
    ("repeat_interleave", lambda x: x.repeat_interleave(tg.tensor([1, -1]), 0), "≥ 0"),
    ("repeat_interleave", lambda x: x.repeat_interleave(2, output_size=3), "makes the length 12"),
    ("repeat_interleave", lambda x: x.sum().repeat_interleave(2, 0), "it has no dims"),
    ("repeat_interleave", lambda x: x.repeat_interleave(dim=0), "takes repeats beside dim="),
    ("broadcast_shapes", lambda x: tg.broadcast_shapes(2, 3), "mismatch"),
    ("broadcast_tensors", lambda x: tg.broadcast_tensors(x, x.T), "mismatch"),
    ("diag", lambda x: x.unsqueeze(0).diag(), "vector or a matrix"),
    ("diag_embed", lambda x: x.sum().diag_embed(), "not a number"),
    ("diag_embed", lambda x: x.diag_embed(0, 1, 1), "repeated"),
    ("trace", lambda x: x[0].trace(), "takes a matrix"),
    ("narrow", lambda x: x.narrow(1, 2, 2), "has no 2 entries"),
    ("narrow", lambda x: x.narrow(1, 2, -1), "has no -1 entries"),
    ("unfold", lambda x: x.unfold(1, 4, 1), "size ≤ 3"),
    ("unfold", lambda x: x.unfold(1, 1, 0), "step > 0"),
    ("split", lambda x: x.split(0), "size > 0"),
    ("split_with_sizes", lambda x: x.split([1, 2]), "do not make up"),
    ("split_with_sizes", lambda x: x.split([3, -1]), "do not make up"),
    ("split", lambda x: x.split(2.0), "a list of sizes, not 2.0"),
    ("chunk", lambda x: x.chunk(0), "one part or more, not 0"),
    ("chunk", lambda x: x.chunk(2.0), "takes an integer as chunks=, not 2.0"),
    ("tensor_split", lambda x: x.tensor_split(2.0), "takes a list of indices, not 2.0"),
    ("tensor_split", lambda x: x.tensor_split(0), "one part or more"),
    ("hsplit", lambda x: x.hsplit(2), "use tensor_split"),
    ("vsplit", lambda x: x[0].vsplit(1), "2 dimensions or more"),
    ("select", lambda x: x.select(1, 3), "out of bounds"),
    ("select_scatter", lambda x: x.select_scatter(x, 0, 0), "in the place of a part of shape"),
    ("hstack", lambda x: tg.hstack([]), "one Tensor or more"),
    ("hstack", lambda x: tg.hstack(x), r"write hstack\(\[x, y\]\)"),
    ("vstack", lambda x: tg.vstack(x), r"write vstack\(\[x, y\]\)"),
    ("dstack", lambda x: tg.dstack(x), r"write dstack\(\[x, y\]\)"),
    ("column_stack", lambda x: tg.column_stack(x), r"write column_stack\(\[x, y\]\)"),
    ("block_diag", lambda x: tg.block_diag(x, x.unsqueeze(0)), "takes matrices"),
    ("meshgrid", lambda x: tg.meshgrid(x), "takes vectors"),
    ("meshgrid", lambda x: tg.meshgrid(), "takes vectors"),
    ("meshgrid", lambda x: tg.meshgrid(x[0], indexing="yx"), "indexing="),
    ("cartesian_prod", lambda x: tg.cartesian_prod(x), "takes vectors"),
    ("combinations", lambda x: tg.combinations(x), "takes a vector"),
    ("combinations", lambda x: tg.combinations(x[0], -1), "r ≥ 0"),
    ("vander", lambda x: tg.vander(x), "takes a vector"),
    ("repeat_interleave", lambda x: x.repeat_interleave(tg.arange(4), 0), "each of the 2 entries along dim=0, not 4"),
]


@pytest.mark.parametrize(("name", "call", "message"), ERRORS, ids=[row[0] for row in ERRORS])
def test_errors(name: str, call: Any, message: str) -> None:
    with pytest.raises((ValueError, IndexError, TypeError), match=message):
        call(leaf(X))


# --- captured steps ---------------------------------------------------------------------------------------------------


def loss_of_parts(w: Any, x: Any) -> Any:
    """A number in which parts, a grid and joins of `w` and `x` take part."""
    first, second = (w * x).split([1, 2], dim=1)
    rows, columns = tg.meshgrid(w[0], x[1], indexing="ij")
    joined = tg.block_diag(*w.chunk(2)) @ tg.hstack([x[0], x[1]])
    return (
        (first * second).sum()
        + (rows * columns).trace()
        + (joined * w.diag_embed().sum_to_size(2, 1, 1)[:, 0, 0]).sum()
    )


def test_a_captured_step_replays_them() -> None:
    w = leaf(X)

    def step(x: Any) -> Any:
        w.grad = None
        loss = loss_of_parts(w, x)
        loss.backward()
        return loss

    captured = tg.capture(step)
    for factor in (1.0, 2.0, -3.0):
        x = tg.tensor(X[::-1] * factor)
        loss, gradient = captured(x).item(), w.grad.numpy().copy()
        assert loss == pytest.approx(step(x).item())
        np.testing.assert_allclose(gradient, w.grad)


def test_a_captured_step_refuses_repeats_that_decide_on_a_shape() -> None:
    with pytest.warns(UserWarning, match="a Tensor of repeats"):
        assert tg.capture(lambda x, n: x.repeat_interleave(n))(tg.ones(2), tg.tensor([1, 2])).shape == (3,)
