"""Hooks of an optimizer are called around a step and a state, and never left out in silence."""

import copy
import pickle
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg
from tinygrad_mlp import optim

KINDS: list[Callable[..., optim.Optimizer]] = [optim.SGD, optim.Adam, optim.LBFGS]
each_kind = pytest.mark.parametrize("kind", KINDS)


def made(kind: Callable[..., optim.Optimizer]) -> tuple[optim.Optimizer, tg.Tensor, Callable[[], tg.Tensor]]:
    """An optimizer, its weight and a closure that computes a loss and its gradient."""
    weight = tg.tensor([1.0, 2.0], requires_grad=True)
    optimizer = kind([weight], lr=0.25)

    def closure() -> tg.Tensor:
        optimizer.zero_grad()
        loss = (weight * weight).sum()
        loss.backward()
        return loss

    return optimizer, weight, closure


@each_kind
def test_step_hooks_are_called_around_the_step_with_its_arguments(kind: Callable[..., optim.Optimizer]) -> None:
    optimizer, weight, closure = made(kind)
    seen: list[Any] = []
    before = optimizer.register_step_pre_hook(lambda *given: seen.append((*given, weight.tolist())))
    after = optimizer.register_step_post_hook(lambda *given: seen.append((*given, weight.tolist())))
    assert optimizer.step(closure).item() == 5
    assert optimizer.step(closure=closure).item() < 5
    changed = weight.tolist()
    assert [entry[:3] for entry in seen[:2]] == [(optimizer, (optimizer, closure), {})] * 2
    assert [entry[:3] for entry in seen[2:]] == [(optimizer, (optimizer,), {"closure": closure})] * 2
    assert seen[0][3] == [1, 2]
    assert seen[1][3] == seen[2][3] != [1, 2]
    assert seen[3][3] == changed
    before.remove()
    after.remove()
    optimizer.step(closure)
    assert len(seen) == 4
    assert weight.tolist() != changed


def test_a_hook_before_the_step_may_replace_its_arguments() -> None:
    optimizer, _, closure = made(optim.SGD)
    handle = optimizer.register_step_pre_hook(lambda optimizer, args, kwargs: (args, {"closure": closure}))
    assert optimizer.step().item() == 5
    handle.remove()
    optimizer.register_step_pre_hook(lambda *given: 3)
    with pytest.raises(RuntimeError, match=r"returns None or a pair \(args, kwargs\), not 3"):
        optimizer.step(closure)


def test_a_warning_of_a_step_with_hooks_names_the_line_of_the_step() -> None:
    optimizer, _, _ = made(optim.SGD)
    optimizer.register_step_post_hook(lambda *given: None)
    with pytest.warns(optim.StepWarning) as caught:
        optimizer.step()
    assert caught[0].filename == __file__


@each_kind
def test_hooks_of_states_see_and_replace_them(kind: Callable[..., optim.Optimizer]) -> None:
    optimizer, _, closure = made(kind)
    optimizer.step(closure)
    seen: list[Any] = []
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("saving"))
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "note": 1})
    optimizer.register_state_dict_post_hook(lambda o, state: seen.append("note" in state))
    optimizer.register_state_dict_post_hook(lambda o, state: seen.append("note" in state), prepend=True)
    state = optimizer.state_dict()
    assert seen == ["saving", False, True]
    seen.clear()
    optimizer.register_load_state_dict_pre_hook(lambda o, state: state.pop("note") and None)
    optimizer.register_load_state_dict_pre_hook(lambda o, state: seen.append("note" in state), prepend=True)
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append("first"), prepend=True)
    optimizer.load_state_dict(state)
    assert seen == [True, "first", "loaded"]
    assert "note" in state


@each_kind
def test_copies_have_no_hooks(kind: Callable[..., optim.Optimizer]) -> None:
    optimizer, _, closure = made(kind)
    optimizer.step(closure)
    seen: list[Any] = []
    optimizer.register_step_pre_hook(lambda *given: seen.append(given))
    optimizer.register_state_dict_pre_hook(seen.append)

    def loss_of(weight: tg.Tensor) -> tg.Tensor:
        loss = (weight * weight).sum()
        loss.backward()
        return loss

    for copied in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        copied.step(partial(loss_of, copied.param_groups[0]["params"][0]))
        copied.state_dict()
    assert seen == []


@pytest.mark.parametrize(
    "register",
    [name for name in dir(optim.SGD) if name.startswith("register_")],
)
def test_a_hook_is_a_function(register: str) -> None:
    optimizer, _, _ = made(optim.SGD)
    with pytest.raises(TypeError, match="a hook is a function, not 3"):
        getattr(optimizer, register)(3)


@pytest.mark.parametrize("early", [True, False], ids=["before the recording", "after it"])
@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_captured_steps_leave_out_no_hook(kind: Callable[..., optim.Optimizer], early: bool) -> None:
    weight = tg.tensor([1.0, 2.0], requires_grad=True)
    optimizer, seen = kind([weight], lr=0.125), []

    @tg.capture
    def step(x: tg.Tensor) -> None:
        optimizer.zero_grad()
        (weight * x).square().sum().backward()
        optimizer.step()

    peer = tg.tensor([1.0, 2.0], requires_grad=True)
    another = kind([peer], lr=0.125)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="a captured step stays eager")
        for i in range(5):
            if i == (0 if early else 2):
                handle = optimizer.register_step_post_hook(lambda *given: seen.append(weight.tolist()))
            if i == 4:
                handle.remove()
            x = tg.tensor([1.0, 0.5]) * (i + 1)
            step(x)
            another.zero_grad()
            (peer * x).square().sum().backward()
            another.step()
            np.testing.assert_array_equal(weight.detach(), peer.detach())
            if early or i == 3:
                assert "hooks of an optimizer" in str(step.captured)
            elif i < 2:
                assert step.captured is True
    assert len(seen) == (4 if early else 2)
    step.reset()
    step(tg.ones(2))
    assert step.captured is True
