"""A replay sorts, searches, reads and writes at the indices that its own numbers give, as the eager step does."""

from __future__ import annotations

import numpy as np
import pytest
from captured_steps import assert_same_states

import tinygrad_mlp as tg
from tinygrad_mlp import optim

# What a step computes of a weight (3, 4) and of data (3, 4) that decide on the order and the places.
COMPUTED = {
    "sort": lambda w, x: (w * x).sort(1, descending=True)[0] * x,
    "topk": lambda w, x: (w * x).topk(2, dim=1).values,
    "kthvalue": lambda w, x: (w * x).kthvalue(2).values,
    "argsort": lambda w, x: (w * x)[x[:, 0].argsort()] * x,
    "gather": lambda w, x: (w * x).gather(1, x.topk(2, dim=1).indices),
    "index_select": lambda w, x: (w * x).index_select(1, x[0].argsort()) * x,
    "take": lambda w, x: w.take(x.argsort(1)) * x,
    "take_along_dim": lambda w, x: (w * x).take_along_dim(x.argsort(1)[:1], 1),
    "scatter": lambda w, x: w.scatter(1, x.argsort(1)[:, :2], (w * x)[:, :2]) * x,
    "scatter_add": lambda w, x: w.scatter_add(1, (x > 0).long(), w * x) * x,
    "prod": lambda w, x: w.scatter_reduce(1, (x > 0).long(), w * x, "prod") * x,
    "amax": lambda w, x: w.scatter_reduce(1, (x > 0).long(), w * x, "amax", include_self=False) * x,
    "mean": lambda w, x: w.scatter_reduce(1, (x > 0).long(), w * x, "mean", include_self=False) * x,
    "index_add": lambda w, x: w.index_add(0, (x[:, 0] > 0).long(), w * x) * x,
    "index_copy": lambda w, x: w.index_copy(0, x[:, 0].argsort()[:2], (w * x)[:2]) * x,
    "index_fill": lambda w, x: w.index_fill(0, x[:, 0].argsort()[:2], w[0, 0]) * x,
    "index_put": lambda w, x: w.index_put(((x[:, 0] > 0).long(),), w * x, accumulate=True) * x,
    "put": lambda w, x: w.put(x[0].argsort(), (w * x)[0]) * x,
    "masked_scatter": lambda w, x: w.masked_scatter(x > 0, w * x) * x,
    "searchsorted": lambda w, x: w * tg.searchsorted(x[0].sort()[0], x),
    "isin": lambda w, x: w * tg.isin(x > 0, x[:1] > 0),
    "histc": lambda w, x: w * x.histc(4, -1, 1),
    "histogram": lambda w, x: w * x.histogram(4)[0],
    "nonzero_static": lambda w, x: w * (x > 0).nonzero_static(size=3)[:, 1:],
    "unravel_index": lambda w, x: (w * x)[tg.unravel_index(x.argsort(1)[0], (3, 4))],
}

REFUSED = {
    "nonzero": lambda w, x: w * (x > 0).nonzero().sum(),
    "where": lambda w, x: w * tg.where(x > 0)[0].sum(),
    "unique": lambda w, x: w * x.unique().sum(),
    "unique_consecutive": lambda w, x: w * x.unique_consecutive().sum(),
    "bincount": lambda w, x: w * (x[0] > 0).long().bincount(minlength=4),
    "masked_select": lambda w, x: w * x.masked_select(x > 0).sum(),
}


def training(computed, captured):
    """The losses, gradients and weights of five steps, and whether the step was captured."""
    rng = np.random.default_rng(0)
    w = tg.tensor(rng.standard_normal((3, 4)), requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)

    def step(x):
        optimizer.zero_grad()
        loss = computed(w, x).sum()
        loss.backward()
        optimizer.step()
        return loss.detach()

    run = tg.capture(step) if captured else step
    states = []
    for _ in range(5):
        states += [run(tg.tensor(rng.standard_normal((3, 4))))._data, w.detach().numpy().copy(), np.array(w.grad)]
    return states, getattr(run, "captured", None)


@pytest.mark.parametrize("name", COMPUTED)
def test_indices_are_those_of_the_new_numbers(name):
    states, captured = training(COMPUTED[name], True)
    assert captured is True
    assert_same_states(states, training(COMPUTED[name], False)[0])


@pytest.mark.filterwarnings("ignore:.*stays eager")
@pytest.mark.parametrize("name", REFUSED)
def test_shapes_that_depend_on_numbers_are_refused_by_name(name):
    states, captured = training(REFUSED[name], True)
    assert {"where": "nonzero()", "masked_select": "a boolean mask"}.get(name, f"{name}()") in captured
    assert_same_states(states, training(REFUSED[name], False)[0])


def test_a_replay_checks_its_indices():
    """They are out of bounds, or meet an entry twice that has a gradient, in the last of three calls alone."""
    w = tg.tensor(np.arange(3.0), requires_grad=True)

    @tg.capture
    def reading(x):
        return w.gather(0, x).detach()

    @tg.capture
    def writing(x):
        result = w.scatter(0, x, w * 2)
        result.sum().backward()
        return result.detach()

    for _ in range(2):
        assert reading(tg.tensor([0, 2, 1])).tolist() == [0, 2, 1]
        assert writing(tg.tensor([0, 2, 1])).tolist() == [0, 4, 2]
    assert reading.captured is writing.captured is True
    with pytest.raises(IndexError, match="indices from 0 to 2 here, not -1"):
        reading(tg.tensor([0, -1, 1]))
    with pytest.raises(RuntimeError, match="writes to one entry twice"):
        writing(tg.tensor([0, 0, 1]))


def test_tensors_filled_with_a_computed_number_are_filled_anew() -> None:
    step = tg.capture(lambda x: (tg.full_like(x, x.mean()), tg.full((2,), x.sum())))
    for x in (tg.tensor([1.0, 3.0]), tg.tensor([5.0, 7.0])):
        mean, total = step(x)
        assert (mean.tolist(), total.tolist()) == ([x.mean().item()] * 2, [x.sum().item()] * 2)
    assert step.captured is True
