"""Optimizers against their recurrences written by hand, schedules against closed forms; state, warnings, refusals."""

import copy
import io
import math
import pickle
import warnings
import weakref
from collections.abc import Callable, Iterator
from fractions import Fraction
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim
from tinygrad_mlp.core.blas import Product
from tinygrad_mlp.nn import functional as F
from tinygrad_mlp.optim import LBFGS, SGD, Adam, AdamW, Optimizer, StepWarning, lr_scheduler, minimize
from tinygrad_mlp.optim.line_search import Trial as _Trial
from tinygrad_mlp.optim.line_search import cubic_minimum as _cubic_minimum
from tinygrad_mlp.optim.line_search import strong_wolfe as _strong_wolfe

Array = NDArray[Any]


def leaf(array: Any) -> tg.Tensor:
    return tg.tensor(np.asarray(array, float), requires_grad=True)


# --- recurrences ------------------------------------------------------------------------------------------------------


def sgd_by_hand(
    w: Array,
    gradients: Iterator[Array],
    lr: float,
    momentum: float = 0,
    dampening: float = 0,
    weight_decay: float = 0,
    nesterov: bool = False,
    maximize: bool = False,
) -> Iterator[Array]:
    velocity = None
    for g in gradients:
        d = (-g if maximize else g) + weight_decay * w
        if momentum:
            velocity = d if velocity is None else momentum * velocity + (1 - dampening) * d
            d = d + momentum * velocity if nesterov else velocity
        w = w - lr * d
        yield w


def adam_by_hand(
    w: Array,
    gradients: Iterator[Array],
    lr: float = 0.001,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0,
    amsgrad: bool = False,
    maximize: bool = False,
    decoupled_weight_decay: bool = False,
) -> Iterator[Array]:
    m, v, peak = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        g = -g if maximize else g
        if decoupled_weight_decay:
            w = w - lr * weight_decay * w
        else:
            g = g + weight_decay * w
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        peak = np.maximum(peak, v)
        v_hat = (peak if amsgrad else v) / (1 - betas[1] ** t)
        w = w - lr * (m / (1 - betas[0] ** t)) / (np.sqrt(v_hat) + eps)
        yield w


def adamw_by_hand(w: Array, gradients: Iterator[Array], weight_decay: float = 0.01, **options: Any) -> Iterator[Array]:
    return adam_by_hand(w, gradients, weight_decay=weight_decay, decoupled_weight_decay=True, **options)


RECURRENCES: list[tuple[type[Optimizer], Any, dict[str, Any]]] = [
    (SGD, sgd_by_hand, {"lr": 0.1}),
    (SGD, sgd_by_hand, {"lr": 0.1, "weight_decay": 0.3}),
    (SGD, sgd_by_hand, {"lr": 0.1, "weight_decay": 0.3, "maximize": True}),
    (SGD, sgd_by_hand, {"lr": 0.1, "momentum": 0.9}),
    (SGD, sgd_by_hand, {"lr": 0.1, "momentum": 0.9, "dampening": 0.4}),
    (SGD, sgd_by_hand, {"lr": 0.1, "momentum": 0.9, "dampening": 0.4, "weight_decay": 0.3, "maximize": True}),
    (SGD, sgd_by_hand, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (SGD, sgd_by_hand, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.3}),
    (Adam, adam_by_hand, {}),
    (Adam, adam_by_hand, {"lr": 0.1, "betas": (0.5, 0.7), "eps": 0.1}),
    (Adam, adam_by_hand, {"lr": 0.1, "weight_decay": 0.3}),
    (Adam, adam_by_hand, {"lr": 0.1, "betas": (0.5, 0.2), "amsgrad": True}),
    (Adam, adam_by_hand, {"lr": 0.1, "weight_decay": 0.3, "maximize": True}),
    (Adam, adam_by_hand, {"lr": 0.1, "weight_decay": 0.3, "decoupled_weight_decay": True}),
    (AdamW, adamw_by_hand, {"lr": 0.1}),
    (AdamW, adamw_by_hand, {"lr": 0.1, "weight_decay": 0.3, "betas": (0.5, 0.2), "amsgrad": True, "maximize": True}),
]
each_recurrence = pytest.mark.parametrize(
    ("kind", "by_hand", "options"), RECURRENCES, ids=[f"{kind.__name__}-{options}" for kind, _, options in RECURRENCES]
)


@pytest.mark.parametrize("rank", ["factored", "dense", "read"])
@each_recurrence
@given(seed=st.integers(0, 1000))
def test_recurrences(kind: Any, by_hand: Any, options: dict[str, Any], rank: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    start, x, y = random.normal(size=(2, 3)), random.normal(size=(10, 4, 3)), random.normal(size=(10, 4, 2))
    weight = leaf(start)
    optimizer = kind([weight], **options)

    def gradients() -> Iterator[Array]:
        for rows, targets in zip(x, y, strict=True):
            optimizer.zero_grad()
            if rank == "dense":
                ((tg.tensor(rows) @ weight.T - targets) ** 2).sum().backward()
                assert isinstance(weight._node.grad, np.ndarray)
            else:
                F.mse_loss(F.linear(tg.tensor(rows), weight), targets, "sum").backward()
                assert isinstance(weight._node.grad, Product)
            by_definition = 2 * (rows @ weight.detach().numpy().T - targets).T @ rows
            if rank == "read":
                np.testing.assert_allclose(weight.grad.numpy(), by_definition, rtol=1e-9, atol=1e-12)
            yield by_definition

    for expected in by_hand(start, gradients(), **options):
        optimizer.step()
        np.testing.assert_allclose(weight.detach().numpy(), expected, rtol=1e-8, atol=1e-10)


@each_recurrence
def test_a_parameter_without_dimensions_moves_as_one_of_one_entry(kind: Any, by_hand: Any, options: Any) -> None:
    number, vector = leaf(2.0), leaf([2.0])
    optimizers = [kind([parameter], **options) for parameter in (number, vector)]
    for _ in range(4):
        for parameter, optimizer in zip((number, vector), optimizers, strict=True):
            optimizer.zero_grad()
            ((parameter - 1) ** 2).sum().backward()
            optimizer.step()
        # Not to the last bit: BLAS steps the vector and NumPy the number, and either may round once where the other
        # rounds twice.
        np.testing.assert_allclose(number.item(), vector.item(), rtol=1e-12)
        assert number.item() != 2


def test_every_optimizer_is_held_against_its_recurrence() -> None:
    public = {value for value in vars(optim).values() if isinstance(value, type) and issubclass(value, Optimizer)}
    assert public - {kind for kind, *_ in RECURRENCES} == {Optimizer, LBFGS}  # LBFGS further below


def test_rates_may_be_any_real_numbers() -> None:
    for parameter in (leaf([1.0, 2.0]), leaf([[1.0, 2.0]])):
        optimizer = SGD([parameter], lr=Fraction(1, 2))
        (parameter * parameter).sum().backward()
        optimizer.step()
        np.testing.assert_array_equal(parameter.detach().numpy(), np.zeros(parameter.shape))


def test_memory_that_becomes_read_only_is_not_written_to() -> None:
    memory = np.ones((2, 3), np.float32)
    weight = tg.from_numpy(memory).requires_grad_()
    optimizer = SGD([weight], lr=0.5)
    for _ in range(2):
        optimizer.zero_grad()
        nn.functional.linear(tg.ones(4, 3), weight).sum().backward()
        if not memory.flags.writeable:
            with pytest.raises(ValueError, match="read-only"):
                optimizer.step()
            break
        optimizer.step()
        memory.flags.writeable = False
    np.testing.assert_array_equal(memory, np.full((2, 3), -1.0))


def test_nesterov_by_hand() -> None:
    w = leaf([0.0])
    optimizer = SGD([w], lr=0.1, momentum=0.9, nesterov=True)
    seen = []
    for _ in range(3):
        optimizer.zero_grad()
        w.sum().backward()
        optimizer.step()
        seen.append(w.item())
    np.testing.assert_allclose(seen, [-0.19, -0.461, -0.8049])


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, LBFGS])
def test_dtypes_stay(kind: Any) -> None:
    layer = nn.Linear(3, 2)
    optimizer = kind(layer.parameters(), lr=0.1)

    def closure() -> tg.Tensor:
        optimizer.zero_grad()
        loss = layer(tg.tensor([[1.0, 2.0, 3.0]])).square().sum()
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
    assert {parameter.dtype for parameter in layer.parameters()} == {np.dtype(np.float32)}
    arrays = [value for entries in optimizer.state.values() for value in entries.values() if hasattr(value, "dtype")]
    assert {array.dtype for array in arrays} <= {np.dtype(np.float32)}


# --- the optimizer as such --------------------------------------------------------------------------------------------


def test_groups_have_options_of_their_own() -> None:
    a, b, c, frozen = leaf(1.0), leaf(1.0), leaf(1.0), tg.tensor(1.0)
    optimizer = SGD([{"params": a, "lr": 0.5}, {"params": [b, frozen]}], lr=0.25)
    optimizer.add_param_group({"params": [c], "lr": 1.0})
    (a + b + c + frozen).backward()
    optimizer.step()
    assert [a.item(), b.item(), c.item(), frozen.item()] == [0.5, 0.75, 0.0, 1.0]


def test_parameters_may_be_frozen_and_thawed() -> None:
    a, b = leaf(1.0), leaf(1.0)
    optimizer = SGD([a, b], lr=0.5)
    a.requires_grad_(False)
    optimizer.zero_grad()
    optimizer.zero_grad(set_to_none=False)
    (a * b).backward()
    optimizer.step()
    assert (a.item(), b.item()) == (1.0, 0.5)
    a.requires_grad_()
    optimizer.zero_grad()
    (a * b).backward()
    optimizer.step()
    assert (a.item(), b.item()) == (0.75, 0.0)


def test_an_optimizer_of_ones_own_says_what_it_needs() -> None:
    with pytest.raises(NotImplementedError):
        Optimizer([leaf(1.0)], {})

    class Idle(Optimizer):
        def _check(self, group: dict[str, Any]) -> None:
            pass

    w = leaf(1.0)
    w.backward()
    with pytest.raises(NotImplementedError):
        Idle([w], {}).step()


def test_closures_and_zero_grad() -> None:
    w = leaf([2.0])
    optimizer = SGD([w], lr=0.25)

    def closure() -> tg.Tensor:
        optimizer.zero_grad()
        loss = w.square().sum()
        loss.backward()
        return loss

    with tg.no_grad():
        assert optimizer.step(closure).item() == 4
    assert w.item() == 1
    gradient = w.grad
    optimizer.zero_grad(set_to_none=False)
    assert w.grad is gradient
    assert gradient.item() == 0
    optimizer.zero_grad()
    assert w.grad is None


def test_a_gradient_that_cannot_be_used_stops_the_step_before_anything_changes() -> None:
    x = tg.tensor(np.ones((1, 2)))
    bias, weight = leaf([1.0]), leaf([[1.0, 1.0]])
    optimizer = SGD([bias, weight], lr=1.0)
    F.linear(x, weight, bias).sum().backward()
    x.fill_(2.0)
    with pytest.raises(RuntimeError, match="overwritten"):
        optimizer.step()
    assert bias.item() == 1


@pytest.mark.parametrize("kind", [SGD, Adam, LBFGS, minimize])
def test_a_step_between_forward_and_backward_is_noticed(kind: Any) -> None:
    w = leaf([1.0, 2.0])
    loss = (w**2).sum()
    if kind is minimize:
        minimize(lambda: (w**2).sum(), [w])
    else:
        optimizer = kind([w])
        optimizer.step(stepping(optimizer, lambda: (w**2).sum()))
    with pytest.raises(RuntimeError, match="changed"):
        loss.backward()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda w: SGD([]), ValueError, "no parameters"),
        (lambda w: SGD(w), TypeError, "an iterable of Tensors"),
        (lambda w: SGD([np.ones(3)]), TypeError, "not array"),
        (lambda w: SGD([w * 2]), TypeError, "computed"),
        (lambda w: SGD([w, w]), ValueError, "more than once"),
        (lambda w: SGD([{"params": [w]}, {"params": [w]}]), ValueError, "more than once"),
        (lambda w: SGD([{"params": [w], "beta": 1}]), ValueError, r"no options \['beta'\]"),
        (lambda w: SGD([w], lr=-1), ValueError, "lr cannot be -1"),
        (lambda w: SGD([w], lr=math.nan), ValueError, "lr cannot be nan"),
        (lambda w: SGD([{"lr": 0.1}]), ValueError, r"names its \"params\""),
        (lambda w: SGD([w], lr="0.1"), ValueError, "lr cannot be '0.1'"),
        (lambda w: SGD(nn.Linear(1, 1).parameters), TypeError, r"write net.parameters\(\)"),
        (lambda w: SGD(nn.Linear(1, 1)), TypeError, r"write net.parameters\(\)"),
        (lambda w: SGD([w], momentum=-1), ValueError, "momentum"),
        (lambda w: SGD([w], dampening=math.inf), ValueError, "dampening"),
        (lambda w: SGD([w], weight_decay=-1), ValueError, "weight_decay"),
        (lambda w: SGD([w], nesterov=True), ValueError, "nesterov needs"),
        (lambda w: SGD([w], nesterov=True, momentum=0.9, dampening=0.1), ValueError, "nesterov needs"),
        (lambda w: Adam([w], lr=-1), ValueError, "lr"),
        (lambda w: Adam([w], eps=-1), ValueError, "eps"),
        (lambda w: Adam([w], betas=(1.0, 0.9)), ValueError, "betas"),
        (lambda w: Adam([w], betas=(0.9,)), ValueError, "betas"),
        (lambda w: Adam([w], betas=(0.9, None)), ValueError, "betas"),
        (lambda w: AdamW([w], weight_decay=-1), ValueError, "weight_decay"),
        (lambda w: LBFGS([w], lr=-1), ValueError, "lr"),
        (lambda w: LBFGS([w], max_iter=0), ValueError, "max_iter"),
        (lambda w: LBFGS([w], history_size=2.5), ValueError, "history_size"),
        (lambda w: LBFGS([w], line_search_fn="armijo"), ValueError, "'strong_wolfe' or None"),
        (lambda w: LBFGS([{"params": [w]}, {"params": [leaf(1.0)]}]), ValueError, "one group"),
        (lambda w: LBFGS([w]).step(), TypeError, "a function that calls zero_grad"),
        (lambda w: minimize(lambda: w.sum(), []), ValueError, "no parameters"),
        (lambda w: minimize(lambda: w.sum(), [w * 2]), TypeError, "leaf"),
        (lambda w: minimize(lambda: w.sum(), [tg.tensor(1.0)]), TypeError, "require"),
        (lambda w: minimize(lambda: 3.0, [w]), TypeError, "not 3.0"),
        (lambda w: minimize(lambda: w * 2, [w]), ValueError, r"shape \(2,\)"),
    ],
)
def test_refusals(make: Callable[[tg.Tensor], Any], error: type[Exception], message: str) -> None:
    w = leaf([1.0, 2.0])
    with pytest.raises(error, match=message):
        make(w)
    assert w.tolist() == [1, 2]


# --- warnings ---------------------------------------------------------------------------------------------------------


def messages(*calls: Callable[[], Any]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for call in calls:
            call()
    assert all(warning.category is StepWarning and warning.filename == __file__ for warning in caught)
    return [str(warning.message).split(":")[0] for warning in caught]


NONE, USED = "step() found no gradients", "step() found gradients that an earlier step has used"


@pytest.fixture(params=["bias", "no bias", "momentum"])
def trained(request: pytest.FixtureRequest) -> tuple[nn.Module, Optimizer, Callable[[], None]]:
    """A network with its optimizer, and a backward pass."""
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2, bias=request.param != "no bias"))
    optimizer = SGD(net.parameters(), lr=0.1, momentum=0.9 if request.param == "momentum" else 0)
    return net, optimizer, lambda: net(tg.tensor([[1.0, 2.0]])).square().sum().backward()


def test_a_step_without_gradients_warns_once(trained: Any) -> None:
    net, optimizer, backward = trained
    before = net[0].weight.detach().numpy().copy()
    assert messages(lambda: optimizer.step(), lambda: optimizer.step()) == [NONE]
    np.testing.assert_array_equal(net[0].weight.detach().numpy(), before)
    assert messages(backward, lambda: optimizer.step()) == []


def test_a_second_step_on_the_same_gradients_warns_once(trained: Any) -> None:
    _, optimizer, backward = trained
    step = lambda: optimizer.step()  # noqa: E731
    assert messages(backward, step, step, step) == [USED]


def test_forgetting_zero_grad_warns(trained: Any) -> None:
    _, optimizer, backward = trained
    step = lambda: optimizer.step()  # noqa: E731
    assert messages(backward, step, backward, step, backward, step) == [USED]


def test_proper_training_does_not_warn(trained: Any) -> None:
    net, optimizer, backward = trained
    step = lambda: optimizer.step()  # noqa: E731
    clears = [
        optimizer.zero_grad, net.zero_grad, lambda: optimizer.zero_grad(set_to_none=False),
        lambda: net.zero_grad(set_to_none=False), lambda: [setattr(p, "grad", None) for p in net.parameters()],
    ]  # fmt: skip
    for clear in clears:
        assert messages(clear, backward, step, clear, backward, backward, step, clear, backward, step) == []


def test_captured_training_does_not_warn(trained: Any) -> None:
    net, optimizer, _ = trained

    @tg.capture
    def step(x: tg.Tensor) -> None:
        net.zero_grad()
        net(x).square().sum().backward()
        optimizer.step()

    before = net[0].weight.detach().numpy().copy()
    assert messages(*[lambda: step(tg.tensor([[1.0, 2.0]]))] * 4) == []
    assert step.captured is True
    assert (net[0].weight.detach().numpy() != before).any()


def test_warnings_can_be_silenced() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", StepWarning)
        SGD([leaf(1.0)]).step()


def test_zero_grad_lets_the_gradients_go() -> None:
    x = tg.tensor(np.ones((2, 3)))
    weight = leaf(np.ones((1, 3)))
    optimizer = SGD([weight], lr=0.1)
    F.linear(x, weight).sum().backward()
    optimizer.step()
    gone = weakref.ref(x._data)
    optimizer.zero_grad()
    del x
    assert gone() is None


# --- state ------------------------------------------------------------------------------------------------------------


def train(parameters: list[tg.Tensor], optimizer: Optimizer, steps: int) -> None:
    def closure() -> tg.Tensor:
        optimizer.zero_grad()
        loss = sum(((parameter - 3) ** 4).sum() for parameter in parameters)
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)


KINDS: dict[str, Callable[[list[tg.Tensor]], Optimizer]] = {
    "SGD": lambda p: SGD(p, lr=0.01),
    "momentum": lambda p: SGD([{"params": p[:1], "lr": 0.02}, {"params": p[1:]}], lr=0.01, momentum=0.9),
    "Adam": lambda p: Adam(p, lr=0.1),
    "amsgrad": lambda p: Adam(p, lr=0.1, amsgrad=True),
    "AdamW": lambda p: AdamW(p, lr=0.1),
    "LBFGS": lambda p: LBFGS(p, lr=0.1, max_iter=3, history_size=2),
    "strong_wolfe": lambda p: LBFGS(p, max_iter=2, line_search_fn="strong_wolfe"),
}


@pytest.mark.parametrize("through", [copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state)), lambda s: s])
@pytest.mark.parametrize("first", [[1.0, 2.0], 1.5], ids=["a vector", "a number"])
@pytest.mark.parametrize("name", KINDS)
def test_an_optimizer_goes_on_where_its_state_was_taken(name: str, first: Any, through: Callable[[Any], Any]) -> None:
    parameters = [leaf(first), leaf([[0.5]])]
    optimizer = KINDS[name](parameters)
    train(parameters, optimizer, 4)
    copies = [leaf(parameter.detach().numpy()) for parameter in parameters]
    other = KINDS[name](copies)
    for group in other.param_groups:
        group["lr"] = 123.0
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
def test_parameters_that_are_given_other_arrays_are_trained_on(replace: Callable[[Any], Any], momentum: float) -> None:
    net = nn.Linear(2, 1)
    optimizer = SGD(net.parameters(), lr=0.5, momentum=momentum)
    for _ in range(2):
        optimizer.zero_grad()
        net(tg.ones(1, 2).to(net.weight.dtype)).sum().backward()
        optimizer.step()
    replace(net)
    optimizer.state.clear()
    before = net.weight.detach().numpy().copy()
    optimizer.zero_grad()
    net(tg.ones(1, 2).to(net.weight.dtype)).sum().backward()
    optimizer.step()
    np.testing.assert_allclose(net.weight.detach().numpy(), before - 0.5, rtol=1e-6)


@pytest.mark.parametrize("through", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_copied_optimizer_trains_the_copied_parameters(through: Callable[[Any], Any], momentum: float) -> None:
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


def test_the_layout_of_a_state() -> None:
    parameters = [leaf([1.0, 2.0]), leaf([[0.5]])]
    optimizer = KINDS["momentum"](parameters)
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
    optimizer = KINDS["Adam"](parameters)
    train(parameters, optimizer, 1)
    before = copy.deepcopy(optimizer.state_dict())
    swapped = copy.deepcopy(before)
    swapped["state"] = {0: before["state"][1], 1: before["state"][0]}
    invalid = copy.deepcopy(before)
    invalid["param_groups"][0]["lr"] = -1.0
    for state, message in [
        (KINDS["momentum"](parameters).state_dict(), r"groups of \[1, 1\] parameters.*groups of \[2\]"),
        (KINDS["SGD"](parameters).state_dict(), r"\['dampening', 'momentum', 'nesterov'\], which Adam does not have"),
        (swapped, r"exp_avg of shape \(1, 1\) for a parameter of shape \(2,\)"),
        (invalid, "lr cannot be -1"),
    ]:
        with pytest.raises(ValueError, match=message):
            optimizer.load_state_dict(state)
        assert str(optimizer.state_dict()) == str(before)
    lbfgs = KINDS["LBFGS"](parameters)
    train(parameters, lbfgs, 1)
    with pytest.raises(ValueError, match="state is of 3 numbers, but the parameters are of 2"):
        KINDS["LBFGS"]([leaf([1.0]), leaf([[0.5]])]).load_state_dict(lbfgs.state_dict())


# --- L-BFGS -----------------------------------------------------------------------------------------------------------


def rosenbrock(x: tg.Tensor) -> tg.Tensor:
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def stepping(optimizer: Optimizer, loss: Callable[[], tg.Tensor]) -> Callable[[], tg.Tensor]:
    def closure() -> tg.Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    return closure


@given(seed=st.integers(0, 1000))
def test_lbfgs_by_hand(seed: int) -> None:
    """Against BFGS with the inverse Hessian as a matrix (Nocedal & Wright 2006, eq. 7.16) on a quadratic function."""
    random = np.random.default_rng(seed)
    root = random.normal(size=(4, 4))
    hessian, start = root @ root.T / 4 + np.eye(4), random.normal(size=4)
    x = leaf(start)
    optimizer = LBFGS([x], lr=0.5, max_iter=1, history_size=3)
    closure = stepping(optimizer, lambda: 0.5 * (x * (tg.tensor(hessian) @ x)).sum())

    at, kept, t = start, [], 0.5 * min(1, 1 / np.abs(hessian @ start).sum())
    for _ in range(8):
        optimizer.step(closure)
        inverse = np.eye(4)
        if kept:
            step, change = kept[-1]
            inverse *= step @ change / (change @ change)
        for step, change in kept[-3:]:
            ro = 1 / (step @ change)
            left = np.eye(4) - ro * np.outer(step, change)
            inverse = left @ inverse @ left.T + ro * np.outer(step, step)
        step = -t * inverse @ (hessian @ at)
        at, t = at + step, 0.5
        kept.append((step, hessian @ step))
        np.testing.assert_allclose(x.detach().numpy(), at, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_lbfgs_stops_as_it_is_told(search: str | None) -> None:
    calls = 0

    def counted(x: tg.Tensor) -> Callable[[], tg.Tensor]:
        def loss() -> tg.Tensor:
            nonlocal calls
            calls += 1
            return rosenbrock(x)

        return loss

    for options, most in [({"max_eval": 4}, 4), ({"max_iter": 3, "max_eval": 100}, 30), ({"tolerance_grad": 1e9}, 1)]:
        x = leaf([-1.2, 1.0])
        optimizer = LBFGS([x], lr=1e-3, line_search_fn=search, **options)
        calls = 0
        first = optimizer.step(stepping(optimizer, counted(x)))
        assert first.item() == pytest.approx(24.2)
        assert calls == optimizer.state[x]["func_evals"] <= most
        assert optimizer.state[x]["n_iter"] <= options.get("max_iter", 20)


def test_lbfgs_with_a_line_search_finds_the_minimum() -> None:
    x = leaf([-1.2, 1.0])
    optimizer = LBFGS([x], max_iter=100, tolerance_change=1e-14, line_search_fn="strong_wolfe")
    optimizer.step(stepping(optimizer, lambda: rosenbrock(x)))
    np.testing.assert_allclose(x.detach().numpy(), [1, 1], atol=1e-8)
    calls = optimizer.state[x]["func_evals"]
    assert calls < 60
    optimizer.step(stepping(optimizer, lambda: rosenbrock(x)))
    assert optimizer.state[x]["func_evals"] <= calls + 10


@given(seed=st.integers(0, 1000), lr=st.sampled_from([1e-3, 1.0, 3.0, 100.0]))
def test_accepted_steps_meet_the_wolfe_conditions(seed: int, lr: float) -> None:
    random = np.random.default_rng(seed)
    centers = random.normal(size=(2, 3))
    x = leaf(random.normal(size=3) * 3)

    def loss() -> tg.Tensor:
        return ((x - centers[0]) ** 2).sum() / 9 + np.sin(3 * (x - centers[1])).sum()

    for _ in range(3):
        optimizer = LBFGS([x], lr=lr, max_iter=1, max_eval=60, line_search_fn="strong_wolfe")
        closure = stepping(optimizer, loss)
        before = x.detach().numpy().copy()
        value = optimizer.step(closure).item()
        gradient, direction = optimizer.state[x]["prev_flat_grad"], optimizer.state[x]["d"]
        if not np.abs(x.detach().numpy() - before).max() > 1e-6:
            continue
        after = closure().item()
        slope, slope_after = gradient @ direction, x.grad.numpy() @ direction
        assert after <= value + 1e-4 * optimizer.state[x]["t"] * slope
        assert abs(slope_after) <= -0.9 * slope


SLOPES: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "steep beyond": (lambda t: math.exp(20 * t) - 25 * t, lambda t: 20 * math.exp(20 * t) - 25),
    "a narrow valley": (
        lambda t: -t * math.exp(-((t / 0.01) ** 2)), lambda t: (2e4 * t**2 - 1) * math.exp(-((t / 0.01) ** 2))
    ),
    "a kink": (lambda t: abs(t - 0.7), lambda t: 1.0 if t > 0.7 else -1.0),
    "a rounded kink": (lambda t: math.hypot(t - 0.7, 1e-3), lambda t: (t - 0.7) / math.hypot(t - 0.7, 1e-3)),
    "waves": (lambda t: math.cos(9 * t) - t, lambda t: -9 * math.sin(9 * t) - 1),
    "hardly any": (lambda t: -1e-3 * t, lambda t: -1e-3),
    "infinite beyond": (lambda t: -t if t < 0.1 else math.inf, lambda t: -1.0 if t < 0.1 else math.nan),
    "a parabola": (lambda t: (t - 3) ** 2, lambda t: 2 * (t - 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", SLOPES)
@given(exponent=st.floats(-3, 2))
def test_line_searches_find_a_wolfe_point_or_the_best(name: str, exponent: float) -> None:
    loss, slope = SLOPES[name]
    tried: list[_Trial] = []

    def at(t: float) -> _Trial:
        with np.errstate(over="ignore"):
            tried.append(_Trial(t, float(np.float64(loss(min(t, 30.0)))), np.zeros(0), slope(min(t, 30.0))))
        return tried[-1]

    start = _Trial(0.0, loss(0), np.zeros(0), slope(0))
    found = _strong_wolfe(at, start, 10**exponent, 1e-9, 20)
    assert len(tried) <= 21
    assert found in [start, *tried]
    if abs(found.slope) <= -0.9 * start.slope:
        assert found.loss <= start.loss + 1e-4 * found.t * start.slope or len(tried) == 21
    else:  # there was none to find before the bracket was closed or the trials were over
        assert name in ("a kink", "hardly any", "infinite beyond") or len(tried) == 21
        assert found.loss <= start.loss


@given(
    valley=st.floats(-3, 3),
    ridge=st.floats(0.1, 3),
    u=st.floats(0.05, 0.95),
    w=st.floats(0.1, 3),
    swapped=st.booleans(),
)
def test_minima_of_cubics(valley: float, ridge: float, u: float, w: float, swapped: bool) -> None:
    ends = (valley - u * ridge, valley + w)[:: -1 if swapped else 1]
    slope = np.polynomial.Polynomial.fromroots([valley, valley - ridge])
    loss = slope.integ()
    a, b = (_Trial(t, float(loss(t)), np.zeros(0), float(slope(t))) for t in ends)
    assert _cubic_minimum(a, b, -100, 100) == pytest.approx(valley, abs=1e-5)
    assert _cubic_minimum(a, b, valley + 1, 100) == valley + 1
    assert _cubic_minimum(a, b, -100, valley - 1) == valley - 1
    rising = np.polynomial.Polynomial([1, 0, 1])
    a, b = (_Trial(t, float(rising.integ()(t)), np.zeros(0), float(rising(t))) for t in ends)
    assert _cubic_minimum(a, b, 1, 4) == 2.5


def test_lbfgs_without_gradients_warns() -> None:
    x = leaf([1.0])
    optimizer = LBFGS([x])
    assert messages(lambda: optimizer.step(lambda: x.sum())) == [NONE]
    assert x.item() == 1


# --- SciPy ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["L-BFGS-B", "BFGS", "CG", "TNC", "SLSQP", "Newton-CG", "trust-ncg", "trust-constr"])
def test_minimize(method: str) -> None:
    x, y = leaf([[-1.2]]), leaf(1.0)
    result = minimize(lambda: rosenbrock(tg.stack([x.reshape(()), y])), iter([x, y]), method, tol=1e-9)
    np.testing.assert_allclose([x.item(), y.item()], [1, 1], atol=1e-3)
    assert result.get("nhev", 1) > 0
    np.testing.assert_array_equal(result.x, [x.item(), y.item()])
    assert x.grad is None


@pytest.mark.parametrize("method", ["Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"])
@given(seed=st.integers(0, 1000))
def test_minimize_has_exact_derivatives(method: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    x, v = random.normal(size=(2, 5))
    a, b, unused = leaf(np.zeros((2, 2))), leaf([0.0]), leaf([[7.0]])

    def loss() -> tg.Tensor:
        entries = tg.cat([a.reshape(-1), b])
        return (entries**3).sum() + entries.sum() ** 2

    def scipys(fun: Any, x0: Array, method: str, jac: bool, hessp: Any) -> Any:
        np.testing.assert_array_equal(x0, [0, 0, 0, 0, 0, 7])
        value, gradient = fun(np.append(x, 7))
        np.testing.assert_allclose(value, (x**3).sum() + x.sum() ** 2)
        np.testing.assert_allclose(gradient, [*(3 * x**2 + 2 * x.sum()), 0])
        np.testing.assert_allclose(hessp(np.append(x, 7), np.append(v, 1)), [*(6 * x * v + 2 * v.sum()), 0])
        return SimpleNamespace(x=np.arange(6.0))

    with patch("scipy.optimize.minimize", scipys):
        minimize(loss, [a, b, unused], method)
    assert [a.tolist(), b.tolist(), unused.tolist()] == [[[0, 1], [2, 3]], [4], [[5]]]


def test_minimize_hands_scipys_arguments_on() -> None:
    x, unused = leaf([3.0]), leaf([7.0])
    seen = []
    result = minimize(
        lambda: (x**2).sum(), [x, unused], bounds=[(1, None), (None, None)], callback=lambda xk: seen.append(xk.copy())
    )
    assert x.tolist() == [1]
    assert unused.tolist() == [7]
    assert result.success
    assert len(seen) == result.nit


def test_minimize_leaves_the_parameters_as_they_were_where_it_fails() -> None:
    x = leaf([3.0])
    calls = iter([1, 2])

    def loss() -> tg.Tensor:
        if next(calls, None) is None:
            raise ZeroDivisionError
        return (x**4).sum()

    with pytest.raises(ZeroDivisionError):
        minimize(loss, [x])
    assert x.tolist() == [3]


def test_minimize_in_float32() -> None:
    layer = nn.Linear(2, 1)
    X = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    y = X @ np.array([[1.0], [-2.0]], np.float32) + 3
    minimize(lambda: F.mse_loss(layer(X), y), layer.parameters())
    np.testing.assert_allclose(layer.weight.detach().numpy(), [[1, -2]], atol=1e-2)
    assert layer.weight.dtype == np.float32


# --- schedules --------------------------------------------------------------------------------------------------------


def stepped(*rates: float) -> SGD:
    """An optimizer of groups of these rates that has taken a step, as it has when a schedule goes on."""
    optimizer = SGD([{"params": [leaf(1.0)], "lr": rate} for rate in rates])
    optimizer.param_groups[0]["params"][0].sum().backward()
    optimizer.step()
    return optimizer


CLOSED_FORMS: dict[str, tuple[Callable[..., lr_scheduler.LRScheduler], Callable[[float, int], float]]] = {
    "LambdaLR": (lambda o: lr_scheduler.LambdaLR(o, lambda k: 1 / (100 + 10 * k)), lambda lr, k: lr / (100 + 10 * k)),
    "StepLR": (lambda o: lr_scheduler.StepLR(o, 3, 0.5), lambda lr, k: lr * 0.5 ** (k // 3)),
    "MultiStepLR": (
        lambda o: lr_scheduler.MultiStepLR(o, [2, 5, 5], 0.5), lambda lr, k: lr * 0.5 ** ((k >= 2) + 2 * (k >= 5))
    ),
    "ExponentialLR": (lambda o: lr_scheduler.ExponentialLR(o, 0.9), lambda lr, k: lr * 0.9**k),
    "CosineAnnealingLR": (
        lambda o: lr_scheduler.CosineAnnealingLR(o, 4, 0.01),
        lambda lr, k: 0.01 + (lr - 0.01) * (1 + math.cos(math.pi * k / 4)) / 2,
    ),
    "CosineAnnealingLR, 1": (
        lambda o: lr_scheduler.CosineAnnealingLR(o, 1), lambda lr, k: lr * (1 + math.cos(math.pi * k)) / 2
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_schedules(name: str) -> None:
    make, closed_form = CLOSED_FORMS[name]
    optimizer = stepped(0.5, 0.25)
    schedule = make(optimizer)
    for epoch in range(30):
        expected = [closed_form(0.5, epoch), closed_form(0.25, epoch)]
        np.testing.assert_allclose([group["lr"] for group in optimizer.param_groups], expected, atol=1e-15)
        assert schedule.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
        assert schedule.last_epoch == epoch
        schedule.step()
    assert [group["initial_lr"] for group in optimizer.param_groups] == [0.5, 0.25]


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_schedules_go_on_where_their_state_was_taken(name: str) -> None:
    make, closed_form = CLOSED_FORMS[name]
    schedule = make(stepped(0.5))
    for _ in range(5):
        schedule.step()
    state = pickle.loads(pickle.dumps(schedule.state_dict()))
    assert "optimizer" not in state
    optimizer = stepped(0.5)
    other = make(optimizer)
    other.load_state_dict(state)
    for epoch in range(5, 12):
        np.testing.assert_allclose(optimizer.param_groups[0]["lr"], closed_form(0.5, epoch), atol=1e-15)
        other.step()


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_schedules_resume_from_an_optimizers_state(name: str) -> None:
    make, closed_form = CLOSED_FORMS[name]
    optimizer = stepped(0.5)
    schedule = make(optimizer)
    for _ in range(4):
        schedule.step()
    other = stepped(0.1)
    other.load_state_dict(optimizer.state_dict())
    kind = type(schedule)
    arguments = {
        "LambdaLR": lambda: {"lr_lambda": schedule.lr_lambdas}, "StepLR": lambda: {"step_size": 3, "gamma": 0.5},
        "MultiStepLR": lambda: {"milestones": [2, 5, 5], "gamma": 0.5}, "ExponentialLR": lambda: {"gamma": 0.9},
        "CosineAnnealingLR": lambda: {"T_max": schedule.T_max, "eta_min": schedule.eta_min},
    }[kind.__name__]()  # fmt: skip
    resumed = kind(other, **arguments, last_epoch=3)
    for epoch in range(4, 12):
        np.testing.assert_allclose(other.param_groups[0]["lr"], closed_form(0.5, epoch), atol=1e-15)
        resumed.step()


def test_a_schedule_goes_on_from_a_file() -> None:
    optimizer, file = stepped(1.0), io.BytesIO()
    schedule = lr_scheduler.MultiStepLR(optimizer, [1, 3, 3], 0.5)
    tg.save(schedule.state_dict(), file)
    file.seek(0)
    schedule.load_state_dict(tg.load(file))
    rates = []
    for _ in range(4):
        rates.append(optimizer.param_groups[0]["lr"])
        schedule.step()
    assert rates == [1.0, 0.5, 0.5, 0.125]


def test_schedules_can_be_chained() -> None:
    optimizer = stepped(1.0)
    schedules = [lr_scheduler.ExponentialLR(optimizer, 0.9), lr_scheduler.MultiStepLR(optimizer, [2], 0.5)]
    for epoch in range(5):
        np.testing.assert_allclose(optimizer.param_groups[0]["lr"], 0.9**epoch * 0.5 ** (epoch >= 2))
        for schedule in schedules:
            schedule.step()


def test_a_lambda_for_each_group() -> None:
    optimizer = stepped(1.0, 1.0)
    schedule = lr_scheduler.LambdaLR(optimizer, [lambda k: np.float64(1 / (k + 1)), lambda k: 2**-k])
    schedule.step()
    schedule.step()
    np.testing.assert_allclose(schedule.get_last_lr(), [1 / 3, 1 / 4])
    assert {type(rate) for rate in schedule.get_last_lr()} == {float}


def test_a_schedule_before_its_optimizer_warns() -> None:
    optimizer = SGD([leaf(1.0)])
    schedule = lr_scheduler.StepLR(optimizer, 1)
    assert messages(lambda: schedule.step(), lambda: schedule.step()) == [
        "the schedule's step() comes before the optimizer's"
    ]


def plateau_by_hand(
    metrics: list[float], mode: str, patience: int, threshold: float, relative: bool, cooldown: int
) -> Iterator[float]:
    rate, best, bad, cooling = 1.0, None, 0, 0
    for metric in metrics:
        if best is None:
            better = True
        elif mode == "min":
            better = metric < (best * (1 - threshold) if relative else best - threshold)
        else:
            better = metric > (best * (1 + threshold) if relative else best + threshold)
        if better:
            best, bad = metric, 0
        else:
            bad += 1
        if cooling:
            cooling, bad = cooling - 1, 0
        if bad > patience:
            reduced = max(rate / 2, 0.1)
            rate = reduced if rate - reduced > 0.03 else rate
            cooling, bad = cooldown, 0
        yield rate


@given(
    metrics=st.lists(st.sampled_from([0.5, 0.9, 1.0, 1.05, 2.0]), min_size=1, max_size=40),
    mode=st.sampled_from(["min", "max"]),
    patience=st.integers(0, 2),
    threshold=st.sampled_from([0.0, 0.1]),
    relative=st.booleans(),
    cooldown=st.integers(0, 2),
    interrupted=st.booleans(),
)
def test_plateau(
    metrics: list[float], mode: str, patience: int, threshold: float, relative: bool, cooldown: int, interrupted: bool
) -> None:
    def made(optimizer: Optimizer) -> lr_scheduler.ReduceLROnPlateau:
        return lr_scheduler.ReduceLROnPlateau(
            optimizer, mode, 0.5, patience, threshold, "rel" if relative else "abs", cooldown, 0.1, 0.03
        )

    schedule = made(stepped(1.0))
    for metric, expected in zip(
        metrics, plateau_by_hand(metrics, mode, patience, threshold, relative, cooldown), strict=True
    ):
        if interrupted:
            state, schedule = schedule.state_dict(), made(stepped(1.0))
            schedule.load_state_dict(state)
        schedule.step(tg.tensor(metric, dtype=np.float64))
        assert schedule.get_last_lr() == [schedule.optimizer.param_groups[0]["lr"]] == [expected]


def test_least_rates_by_group() -> None:
    schedule = lr_scheduler.ReduceLROnPlateau(stepped(1.0, 1.0), patience=0, min_lr=[0.5, 0.0])
    schedule.step(1)
    schedule.step(math.nan)
    assert schedule.get_last_lr() == [0.5, 0.1]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda o: lr_scheduler.StepLR("o", 1), TypeError, "an optimizer, not of 'o'"),
        (lambda o: lr_scheduler.StepLR(o, 0), ValueError, "step_size"),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, 0), ValueError, "T_max"),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, 2.5), ValueError, "T_max"),
        (lambda o: lr_scheduler.LambdaLR(o, [abs, abs]), ValueError, "2 functions were given for 1"),
        (lambda o: lr_scheduler.ExponentialLR(o, 0.9, last_epoch=3), ValueError, "initial_lr"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=1.0), ValueError, "below 1"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, "low"), ValueError, "'low'"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, threshold_mode="x"), ValueError, "'x'"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, min_lr=[0, 0]), ValueError, "2 least rates"),
        (lambda o: lr_scheduler.LRScheduler(o), NotImplementedError, None),
        (
            lambda o: lr_scheduler.StepLR(o, 1).load_state_dict(lr_scheduler.ExponentialLR(o, 1).state_dict()),
            ValueError, r"\['step_size'\]: it is not of a StepLR",
        ),
        (
            lambda o: lr_scheduler.StepLR(o, 1).load_state_dict(lr_scheduler.StepLR(stepped(1, 2), 1).state_dict()),
            ValueError, "2 learning rates for 1",
        ),
    ],
)  # fmt: skip
def test_schedules_refuse(make: Callable[[Optimizer], Any], error: type[Exception], message: str | None) -> None:
    with pytest.raises(error, match=message):
        make(SGD([leaf(1.0)]))


def test_what_was_pickled_under_the_public_names_is_read() -> None:
    optimizer, generator = optim.SGD([tg.ones(2, requires_grad=True)], lr=0.5), tg.Generator().manual_seed(1)
    for holder, own, public in ((optimizer, "_groups", "param_groups"), (generator, "_numbers", "numbers")):
        state = {public if name == own else name: value for name, value in vars(holder).items()}
        read = object.__new__(type(holder))
        read.__setstate__(state)
        assert getattr(read, public) is getattr(holder, public)
    optimizer.param_groups = [*optimizer.param_groups, {**optimizer.param_groups[0], "params": []}]
    assert len(optimizer.param_groups) == 2
