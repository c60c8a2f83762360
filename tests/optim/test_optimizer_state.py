"""An optimizer goes on where its state was taken, and a state that does not fit changes nothing."""

import copy
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from strategies import leaf

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim
from tinygrad_mlp.nn import functional as F
from tinygrad_mlp.optim import LBFGS, SGD, Adam, AdamW, Optimizer


def test_zero_grad_releases_the_gradients() -> None:
    """The gradient of the weight is kept as a product with `x`, and so keeps the array of `x` alive."""
    x = tg.tensor(np.ones((2, 3)))
    weight = leaf(np.ones((1, 3)))
    optimizer = SGD([weight], lr=0.1)
    F.linear(x, weight).sum().backward()
    optimizer.step()
    gone = weakref.ref(x._data)
    optimizer.zero_grad()
    del x
    assert gone() is None


def train(parameters: list[tg.Tensor], optimizer: Optimizer, steps: int) -> None:
    """Take steps on the loss Σ (p − 3)⁴, which every optimizer can minimize."""

    def closure() -> tg.Tensor:
        optimizer.zero_grad()
        loss = sum(((parameter - 3) ** 4).sum() for parameter in parameters)
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)


OPTIMIZERS: dict[str, Callable[[list[tg.Tensor]], Optimizer]] = {
    "SGD": lambda p: SGD(p, lr=0.01),
    "momentum": lambda p: SGD([{"params": p[:1], "lr": 0.02}, {"params": p[1:]}], lr=0.01, momentum=0.9),
    "Adam": lambda p: Adam(p, lr=0.1),
    "amsgrad": lambda p: Adam(p, lr=0.1, amsgrad=True),
    "AdamW": lambda p: AdamW(p, lr=0.1),
    "NAdam": lambda p: optim.NAdam(p, lr=0.1),
    "ASGD": lambda p: optim.ASGD(p, lr=0.01, lambd=0.1, t0=2),
    "Rprop": lambda p: optim.Rprop(p, lr=0.1),
    "LBFGS": lambda p: LBFGS(p, lr=0.1, max_iter=3, history_size=2),
    "strong_wolfe": lambda p: LBFGS(p, max_iter=2, line_search_fn="strong_wolfe"),
}


@pytest.mark.parametrize("through", [copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state)), lambda s: s])
@pytest.mark.parametrize("first", [[1.0, 2.0], 1.5], ids=["a vector", "a number"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_goes_on_where_its_state_was_taken(name: str, first: Any, through: Callable[[Any], Any]) -> None:
    parameters = [leaf(first), leaf([[0.5]])]
    optimizer = OPTIMIZERS[name](parameters)
    train(parameters, optimizer, 4)
    copies = [leaf(parameter.detach().numpy()) for parameter in parameters]
    other = OPTIMIZERS[name](copies)
    for group in other.param_groups:
        group["lr"] = 123.0  # the state has the right one
    other.load_state_dict(through(optimizer.state_dict()))
    train(parameters, optimizer, 4)
    train(copies, other, 4)
    for one, another in zip(parameters, copies, strict=True):
        np.testing.assert_array_equal(one.detach().numpy(), another.detach().numpy())


@pytest.mark.parametrize(
    "replace",
    [
        lambda net: net.double(),
        lambda net: net.load_state_dict({name: np.ones(p.shape, p.dtype) for name, p in net.state_dict().items()},
                                        assign=True),
        lambda net: setattr(net.weight, "data", np.ones((1, 2))),
    ],
    ids=["another dtype", "other arrays", "other numbers"],
)  # fmt: skip
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_training_continues_after_parameters_got_other_arrays(replace: Callable[[Any], Any], momentum: float) -> None:
    net = nn.Linear(2, 1)
    optimizer = SGD(net.parameters(), lr=0.5, momentum=momentum)
    for _ in range(2):
        optimizer.zero_grad()
        net(tg.ones(1, 2).to(net.weight.dtype)).sum().backward()
        optimizer.step()
    replace(net)
    optimizer.state.clear()  # the velocity of the first steps would move the weight further
    before = net.weight.detach().numpy().copy()
    optimizer.zero_grad()
    net(tg.ones(1, 2).to(net.weight.dtype)).sum().backward()
    optimizer.step()
    np.testing.assert_allclose(net.weight.detach().numpy(), before - 0.5, rtol=1e-6)


@pytest.mark.parametrize("through", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_copied_optimizer_trains_the_copied_parameters(through: Callable[[Any], Any], momentum: float) -> None:
    """The pair of a network and its optimizer is copied once before the first step, and once after it."""
    net = nn.Linear(3, 2)
    pair = net, SGD(net.parameters(), lr=0.1, momentum=momentum)
    x = tg.ones(1, 3)
    for step in range(2):
        twin = through(pair)
        for model, optimizer in (pair, twin):
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()
        for one, other in zip(net.parameters(), twin[0].parameters(), strict=True):
            np.testing.assert_array_equal(one.detach().numpy(), other.detach().numpy(), f"step {step}")


def test_the_state_has_pytorchs_layout() -> None:
    parameters = [leaf([1.0, 2.0]), leaf([[0.5]])]
    optimizer = OPTIMIZERS["momentum"](parameters)
    train(parameters, optimizer, 1)
    state = optimizer.state_dict()
    assert [group["params"] for group in state["param_groups"]] == [[0], [1]]
    assert [group["lr"] for group in state["param_groups"]] == [0.02, 0.01]
    np.testing.assert_allclose(state["state"][1]["momentum_buffer"], [[4 * (0.5 - 3) ** 3]])
    assert SGD(parameters).state_dict()["state"] == {}
    state = Adam(parameters).state_dict()["param_groups"][0]
    assert set(state) == {
        "params", "lr", "betas", "eps", "weight_decay", "amsgrad", "maximize", "decoupled_weight_decay"
    }  # fmt: skip


def test_states_that_do_not_fit_change_nothing() -> None:
    parameters = [leaf([1.0, 2.0]), leaf([[0.5]])]
    optimizer = OPTIMIZERS["Adam"](parameters)
    train(parameters, optimizer, 1)
    before = copy.deepcopy(optimizer.state_dict())
    swapped = copy.deepcopy(before)
    swapped["state"] = {0: before["state"][1], 1: before["state"][0]}
    invalid = copy.deepcopy(before)
    invalid["param_groups"][0]["lr"] = -1.0
    for state, message in [
        (OPTIMIZERS["momentum"](parameters).state_dict(), r"groups of \[1, 1\] parameters.*groups of \[2\]"),
        (
            OPTIMIZERS["SGD"](parameters).state_dict(),
            r"\['dampening', 'momentum', 'nesterov'\], which Adam does not have",
        ),
        (swapped, r"exp_avg of shape \(1, 1\) for a parameter of shape \(2,\)"),
        (invalid, "lr cannot be -1"),
    ]:
        with pytest.raises(ValueError, match=message):
            optimizer.load_state_dict(state)
        assert str(optimizer.state_dict()) == str(before)
    lbfgs = OPTIMIZERS["LBFGS"](parameters)
    train(parameters, lbfgs, 1)
    with pytest.raises(ValueError, match=r"d of shape \(3,\) for a vector of all parameters of shape \(2,\)"):
        OPTIMIZERS["LBFGS"]([leaf([1.0]), leaf([[0.5]])]).load_state_dict(lbfgs.state_dict())


def test_pickles_that_hold_public_attribute_names_are_read() -> None:
    """`param_groups` and `numbers` are properties now. Older pickles hold them as attributes."""
    optimizer, generator = optim.SGD([tg.ones(2, requires_grad=True)], lr=0.5), tg.Generator().manual_seed(1)
    for holder, own, public in ((optimizer, "_groups", "param_groups"), (generator, "_numbers", "numbers")):
        state = {public if name == own else name: value for name, value in vars(holder).items()}
        read = object.__new__(type(holder))
        read.__setstate__(state)
        assert getattr(read, public) is getattr(holder, public)
    optimizer.param_groups = [*optimizer.param_groups, {**optimizer.param_groups[0], "params": []}]
    assert len(optimizer.param_groups) == 2
