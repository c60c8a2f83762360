"""Embeddings take rows of a table; their gradient is kept as rows, and an SGD changes no others."""

import copy
import pickle
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from strategies import Array

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim
from tinygrad_mlp.core.blas import Product
from tinygrad_mlp.nn import functional as F
from tinygrad_mlp.nn.lookup import Selection

LENGTH = 12
TABLE = np.random.default_rng(0).normal(size=(LENGTH, 3))


def integers(shape: Any) -> st.SearchStrategy[Array]:
    return arrays(np.int64, shape, elements=st.integers(0, LENGTH - 1))


few = integers(st.sampled_from([(), (0,), (1,), (5,), (2, 3), (1, 2, 2)]))


def gradient_of(weight: tg.Tensor) -> Any:
    """The gradient as the leaf holds it, before anybody has looked at it."""
    return weight._node.grad  # type: ignore[union-attr]


# --- the rows and their gradient --------------------------------------------------------------------------------------


@given(few, st.booleans())
def test_a_lookup_and_its_gradient_by_hand(index: Array, padded: bool) -> None:
    weight = tg.tensor(TABLE, requires_grad=True)
    rows = F.embedding(tg.tensor(index), weight, padding_idx=3 if padded else None)
    np.testing.assert_array_equal(rows.detach(), TABLE[index])
    (rows**2).sum().backward()
    assert isinstance(gradient_of(weight), Product)
    expected = np.zeros_like(TABLE)
    np.add.at(expected, index, 2 * TABLE[index])
    expected[3] *= not padded
    np.testing.assert_allclose(weight.grad, expected, rtol=1e-12)


@given(few, few)
def test_gradients_of_several_lookups_join(first: Array, second: Array) -> None:
    weight = tg.tensor(TABLE, requires_grad=True)
    one, two = (F.embedding(tg.tensor(index), weight) for index in (first, second))
    (one.sin().sum() + two.cos().sum()).backward()
    F.embedding(tg.tensor(first), weight).square().sum().backward()
    assert isinstance(gradient_of(weight), Product if 2 * first.size + second.size < LENGTH else np.ndarray)
    expected = np.zeros_like(TABLE)
    np.add.at(expected, first, np.cos(TABLE[first]) + 2 * TABLE[first])
    np.add.at(expected, second, -np.sin(TABLE[second]))
    np.testing.assert_allclose(weight.grad, expected, rtol=1e-9, atol=1e-12)


def test_a_lookup_joins_with_the_gradient_of_another_use() -> None:
    index = tg.tensor([1, 1, 4])
    for order in (1, -1):
        weight = tg.tensor(TABLE, requires_grad=True)
        uses = [
            lambda w: F.embedding(index, w).sum(),
            lambda w: (w**2).sum(),
            lambda w: F.linear(tg.ones(2, 3).double(), w).sum(),
        ]
        sum(use(weight) for use in uses[::order]).backward()
        expected = 2 * TABLE + 2
        np.add.at(expected, index.numpy(), 1)
        np.testing.assert_allclose(weight.grad, expected, rtol=1e-12)


def test_sums_of_many_repeats_keep_their_digits() -> None:
    weight = tg.zeros(100_000, 1).requires_grad_()
    F.embedding(tg.zeros(60_000, dtype=tg.int64), weight).mul(0.1).sum().backward()
    optim.SGD([weight], lr=1.0).step()
    np.testing.assert_allclose(weight[0].item(), -6000, rtol=1e-6)


@given(few)
def test_second_derivatives_of_a_lookup(index: Array) -> None:
    weight = tg.tensor(TABLE, requires_grad=True)
    (gradient,) = tg.autograd.grad(
        (F.embedding(tg.tensor(index), weight, padding_idx=3) ** 3).sum(), weight, create_graph=True
    )
    (gradient**2).sum().backward()
    peer = tg.tensor(TABLE, requires_grad=True)
    mask = tg.tensor(index != 3).unsqueeze(-1)
    (gradient,) = tg.autograd.grad(((peer[tg.tensor(index)] ** 3) * mask).sum(), peer, create_graph=True)
    (gradient**2).sum().backward()
    np.testing.assert_allclose(weight.grad, peer.grad, rtol=1e-12)


# --- optimizers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_indices_of_each_dtype_choose_the_rows_of_a_long_table(dtype: Any) -> None:
    weight = tg.zeros(1000, 1).requires_grad_()
    F.embedding(tg.tensor(np.array([3, 5, 3], dtype)), weight).sum().backward()
    optim.SGD([weight], lr=1.0).step()
    np.testing.assert_array_equal(weight.detach()[[3, 4, 5], 0], [-2, 0, -1])


def test_sgd_changes_the_looked_up_rows_alone() -> None:
    layer = nn.Embedding(LENGTH, 3)
    layer.weight.data.fill_(-0.0)
    layer(tg.tensor([2, 5])).sum().mul(0).backward()
    optim.SGD(layer.parameters(), lr=0.1, maximize=True).step()  # −0 + 0 is 0
    np.testing.assert_array_equal(np.signbit(layer.weight.detach().numpy()).all(1), ~np.isin(np.arange(LENGTH), [2, 5]))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "uint64"])
def test_indices_of_any_integer_dtype_make_a_step(dtype: str) -> None:
    # More rows than the first three dtypes can count, and a second lookup with another dtype.
    weight = tg.zeros(40_000, 1, requires_grad=True)
    for index in (tg.tensor(np.array([1, 1, 100], dtype)), tg.tensor([100, 7])):
        F.embedding(index, weight).sum().backward()
    assert isinstance(gradient_of(weight), Product)
    optim.SGD([weight], lr=1).step()
    changed = weight.detach().numpy()[:, 0]
    np.testing.assert_array_equal(changed.nonzero()[0], [1, 7, 100])
    np.testing.assert_array_equal(changed[[1, 7, 100]], [-2, -1, -2])


@pytest.mark.parametrize(
    "make",
    [
        lambda w: optim.SGD(w, 0.1),
        lambda w: optim.SGD(w, 0.1, maximize=True),
        lambda w: optim.SGD(w, 0.1, weight_decay=0.2),
        lambda w: optim.SGD(w, 0.1, momentum=0.9, nesterov=True),
        lambda w: optim.Adam(w, 0.1),
        lambda w: optim.RMSprop(w, 0.1),
        lambda w: optim.NAdam(w, 0.1, maximize=True),
        lambda w: optim.Rprop(w, 0.1),
    ],
    ids=["SGD", "maximize", "decay", "momentum", "Adam", "RMSprop", "NAdam", "Rprop"],
)
@pytest.mark.parametrize("captured", [False, True], ids=["eager", "captured"])
def test_steps_equal_those_of_a_dense_gradient(make: Callable[[Any], optim.Optimizer], captured: bool) -> None:
    layer, dense = nn.Embedding.from_pretrained(TABLE.copy(), freeze=False), tg.tensor(TABLE, requires_grad=True)
    optimizer, peer = make(layer.parameters()), make([dense])

    def step(index: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        loss = layer(index).sin().sum() + layer(index[:1]).square().sum()
        loss.backward()
        optimizer.step()
        return loss

    run = tg.capture(step) if captured else step
    for seed in range(4):
        index = tg.tensor(np.random.default_rng(seed).integers(0, LENGTH, (2, 2)))
        run(index)
        peer.zero_grad()
        (dense[index].sin().sum() + dense[index[:1]].square().sum()).backward()
        peer.step()
        np.testing.assert_allclose(layer.weight.detach(), dense.detach(), rtol=1e-9)
    assert not captured or run.captured is True  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["returned", "read", "asked", "accumulated", "twice"])
def test_a_captured_lookup_leaves_the_same_bits(kind: str) -> None:
    def made() -> tuple[nn.Embedding, Callable[[tg.Tensor, str], Any]]:
        layer = nn.Embedding(LENGTH, 3, padding_idx=0, generator=tg.Generator().manual_seed(0))
        optimizer = optim.SGD(layer.parameters(), 0.1)

        def step(index: tg.Tensor, kind: str) -> Any:
            if kind != "accumulated":
                optimizer.zero_grad()
            loss = layer(index).sin().sum()
            if kind == "asked":
                return tg.autograd.grad(loss, layer.weight)[0]
            loss.backward(retain_graph=True)
            if kind == "twice":
                loss.backward()
            result = layer.weight.grad.sum() if kind == "read" else loss.detach()
            optimizer.step()
            return result

        return layer, step

    (one, eager), (two, step) = made(), made()
    replayed = tg.capture(step)
    for seed in range(5):
        index = tg.tensor(np.random.default_rng(seed).integers(0, LENGTH, 4))
        np.testing.assert_array_equal(eager(index, kind), replayed(index, kind))
        np.testing.assert_array_equal(one.weight.detach(), two.weight.detach())
        if seed % 2 and kind != "asked":
            np.testing.assert_array_equal(one.weight.grad, two.weight.grad)
    assert replayed.captured is True


def test_a_gradient_that_was_kept_outlives_the_next_replay() -> None:
    layer = nn.Embedding(LENGTH, 3)

    @tg.capture
    def step(index: tg.Tensor) -> None:
        layer.zero_grad()
        layer(index).sum().backward()

    for first in (1, 2, 3):
        step(tg.tensor([first, 7]))
    kept = gradient_of(layer.weight)
    assert isinstance(kept, Product)
    gradient = layer.weight.grad
    step(tg.tensor([4, 4]))
    assert gradient is not None
    np.testing.assert_array_equal(gradient.numpy().any(1).nonzero()[0], [3, 7])
    layer.weight.grad = None
    assert copy.deepcopy(layer).weight.grad is None


def test_an_index_may_change_after_the_lookup() -> None:
    weight, index = tg.tensor(TABLE, requires_grad=True), np.array([1, 2])
    loss = F.embedding(tg.from_numpy(index), weight).sum()
    index[...] = 7
    loss.backward()
    index[...] = 8
    np.testing.assert_array_equal(weight.grad.numpy().any(1).nonzero()[0], [1, 2])  # type: ignore[union-attr]


def test_gradient_functions_take_products_of_lookups() -> None:
    layer = nn.Embedding(LENGTH, 3).double()
    with tg.no_grad():
        layer.weight.copy_(tg.tensor(TABLE))
    layer(tg.tensor([1, 1, 2])).sum().backward()
    total = nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
    np.testing.assert_allclose(total, np.sqrt(3 * (4 + 1)))
    np.testing.assert_allclose(layer.weight.grad.norm(), 1, rtol=1e-6)  # type: ignore[union-attr]
    assert tg.autograd.gradcheck(lambda w: F.embedding(tg.tensor([1, 1, 2]), w), layer.weight)


# --- bags -------------------------------------------------------------------------------------------------------------


@given(st.data(), st.sampled_from(["sum", "mean", "max"]), st.booleans(), st.booleans(), st.booleans())
def test_bags_by_hand(data: st.DataObject, mode: str, padded: bool, last: bool, weighted: bool) -> None:
    sizes = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))
    index = data.draw(integers((sum(sizes),)))
    offsets = np.cumsum([0, *sizes])
    factors = (
        data.draw(arrays(np.float64, index.shape, elements=st.floats(-2, 2))) if weighted and mode == "sum" else None
    )
    layer = nn.EmbeddingBag.from_pretrained(
        TABLE.copy(), freeze=False, mode=mode, include_last_offset=last, padding_idx=3 if padded else None
    )
    given = None if factors is None else tg.tensor(factors)
    output = layer(tg.tensor(index), tg.tensor(offsets if last else offsets[:-1]), given)
    expected = []
    for start, end in pairwise(offsets):
        own = slice(start, end)
        rows = TABLE[index[own]] * (1 if factors is None else factors[own, None])
        rows = rows[index[own] != 3] if padded else rows
        expected.append(getattr(rows, mode)(0) if len(rows) else np.zeros(3))
    np.testing.assert_allclose(output.detach(), np.array(expected).reshape(-1, 3), atol=1e-12)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_rows_of_a_matrix_are_bags(mode: str) -> None:
    index = np.random.default_rng(1).integers(0, LENGTH, (4, 3))
    layer = nn.EmbeddingBag.from_pretrained(TABLE.copy(), freeze=False, mode=mode, padding_idx=-1)
    flat, offsets = tg.tensor(index.reshape(-1)), tg.tensor([0, 3, 6, 9])
    results = []
    for output in (layer(tg.tensor(index)), layer(flat, offsets)):
        layer.zero_grad()
        output.square().sum().backward()
        results.append((output.detach().numpy(), layer.weight.grad.numpy()))  # type: ignore[union-attr]
    for one, another in zip(*results, strict=True):
        np.testing.assert_array_equal(one, another)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_a_captured_bag_takes_the_offsets_of_each_call(mode: str) -> None:
    layer = nn.EmbeddingBag.from_pretrained(TABLE.copy(), mode=mode)
    bag = tg.capture(lambda index, offsets: layer(index, offsets))
    for seed in range(4):
        index = tg.tensor(np.random.default_rng(seed).integers(0, LENGTH, 6))
        offsets = tg.tensor([0, *sorted(np.random.default_rng(seed).integers(0, 7, 2))])
        np.testing.assert_array_equal(bag(index, offsets), layer(index, offsets))
    assert bag.captured is True


# --- layers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", [nn.Embedding(5, 2, padding_idx=-2), nn.EmbeddingBag(5, 2, padding_idx=3)], ids=repr)
def test_the_row_of_padding_begins_with_zeros(layer: Any) -> None:
    assert layer.padding_idx == 3
    assert (layer.weight.detach().numpy().any(1) == [True, True, True, False, True]).all()
    layer.weight.data.fill_(1)
    layer.reset_parameters()
    assert (layer.weight.detach().numpy().any(1) == [True, True, True, False, True]).all()
    restored = pickle.loads(pickle.dumps(layer))
    np.testing.assert_array_equal(restored.weight.detach(), layer.weight.detach())


def test_a_pretrained_table_is_shared_and_frozen() -> None:
    table = tg.tensor(TABLE)
    layer = nn.Embedding.from_pretrained(table)
    assert not layer.weight.requires_grad
    table[0, 0] = 9
    assert layer.weight[0, 0].item() == 9
    assert nn.Embedding.from_pretrained(table, freeze=False, padding_idx=1).weight.requires_grad
    np.testing.assert_array_equal(nn.Embedding(2, 3, _weight=tg.ones(2, 3)).weight.detach(), np.ones((2, 3)))


def test_options_of_a_pretrained_table_may_be_given_by_place() -> None:
    one = nn.Embedding.from_pretrained(tg.tensor(TABLE), False, 4, None, 2.0, False, True)
    two = nn.EmbeddingBag.from_pretrained(tg.tensor(TABLE), True, None, 2.0, False, "sum", True, True, 1)
    assert (one.weight.requires_grad, one.padding_idx) == (True, 4)
    assert (two.weight.requires_grad, two.mode, two.include_last_offset, two.padding_idx) == (False, "sum", True, 1)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_without_indices_there_may_be_no_bag(mode: str) -> None:
    none = tg.zeros(0, dtype=np.int64)
    weight = tg.tensor(TABLE, requires_grad=True)
    bags = F.embedding_bag(none, weight, none, mode=mode)
    assert bags.shape == (0, 3)
    bags.sum().backward()
    np.testing.assert_array_equal(weight.grad, np.zeros_like(TABLE))


def index(*entries: Any) -> tg.Tensor:
    return tg.tensor(entries)


W = tg.tensor(TABLE)
REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "too large": (lambda: nn.Embedding(3, 2)(index(3)), IndexError, r"test_embeddings.py:\d+: .* 0 to 2, but span 3"),
    "negative": (lambda: F.embedding(index(0, -1), W), IndexError, "but span -1 … 0"),
    "floats": (lambda: F.embedding(index(1.0), W), TypeError, r"not of float32: write .long\(\)"),
    "a vector": (lambda: F.embedding(index(0), W[0]), ValueError, r"weight of shape \(N, D\)"),
    "the table first": (lambda: F.embedding(W, index(0)), ValueError, r"write embedding\(indices, weight\)"),
    "max_norm": (lambda: nn.Embedding(3, 2, max_norm=1.0), ValueError, "max_norm is left out"),
    "scale": (lambda: nn.EmbeddingBag(3, 2, scale_grad_by_freq=True), ValueError, "weigh the loss"),
    "padding": (lambda: nn.Embedding(3, 2, padding_idx=3), ValueError, "a row from -3 to 2, not 3"),
    "a size": (lambda: nn.Embedding(0, 2), ValueError, "num_embeddings is a positive integer"),
    "another table": (lambda: nn.Embedding(3, 2, _weight=W), ValueError, r"shape \(3, 2\), not \(12, 3\)"),
    "no matrix": (lambda: nn.Embedding.from_pretrained(W[0]), ValueError, "takes a matrix"),
    "mode": (lambda: nn.EmbeddingBag(3, 2, mode="median"), ValueError, '"sum", "mean" or "max", not'),
    "no offsets": (lambda: F.embedding_bag(index(0), W), ValueError, r"not shape \(1,\) alone: .*tensor\(\[0\]\)"),
    "offsets of a matrix": (lambda: F.embedding_bag(W.long() * 0, W, index(0)), ValueError, "leave the offsets out"),
    "late offsets": (lambda: F.embedding_bag(index(0, 1), W, index(1)), ValueError, r"ascend from 0 .* \[1\]"),
    "no offsets of indices": (lambda: F.embedding_bag(index(0), W, index(0)[1:]), ValueError, r"ascend from 0 .* \[\]"),
    "no last offset": (
        lambda: F.embedding_bag(index(0)[1:], W, index(0)[1:], include_last_offset=True), ValueError, "and a vector of",
    ),
    "falling offsets": (lambda: F.embedding_bag(index(0, 1), W, index(0, 2, 1)), ValueError, "ascend from 0"),
    "offsets behind": (lambda: F.embedding_bag(index(0, 1), W, index(0, 3)), ValueError, "at most 2"),
    "floating offsets": (lambda: F.embedding_bag(index(0), W, index(0.0)), TypeError, "offsets that are integers"),
    "weights of a mean": (
        lambda: F.embedding_bag(index(0), W, index(0), per_sample_weights=W[0, :1]), ValueError, 'of mode="sum"',
    ),
    "weights of another shape": (
        lambda: F.embedding_bag(index(0), W, index(0), mode="sum", per_sample_weights=W[0]), ValueError, "the shape of",
    ),
    "weights of another dtype": (
        lambda: F.embedding_bag(index(0), W, index(0), mode="sum", per_sample_weights=tg.ones(1)), TypeError, "float64",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), REFUSED.values(), ids=list(REFUSED))
def test_what_does_not_fit_is_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_selection_multiplies_and_nothing_else() -> None:
    selection = Selection((np.array([1, 1]),), 3)
    np.testing.assert_array_equal(np.matmul(selection, np.ones((2, 1))), [[0], [2], [0]])
    with pytest.raises(TypeError):
        np.add(selection, np.ones((2, 1)))
