"""Hooks see and replace the inputs and outputs of a module, in the forward and in the backward pass."""

import math
from typing import Any

import numpy as np
import pytest
from strategies import leaf

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.testing import check_module


def test_forward_hooks_run_in_order_and_may_replace_inputs_and_outputs() -> None:
    seen: list[Any] = []
    layer = nn.Identity()
    layer.register_forward_hook(lambda m, args, output: seen.append(("after", args, output)))
    layer.register_forward_hook(lambda m, args, output: output + 1)
    layer.register_forward_hook(lambda m, args, output: seen.append(("last", args, output)))
    layer.register_forward_hook(lambda m, args, output: seen.append(("first", args, output)), prepend=True)
    layer.register_forward_pre_hook(lambda m, args: seen.append(("before", args)))
    layer.register_forward_pre_hook(lambda m, args: args[0] * 10)
    assert layer(2) == 21
    assert seen == [("before", (2,)), ("first", (20,), 20), ("after", (20,), 20), ("last", (20,), 21)]


def test_hooks_may_take_keyword_arguments() -> None:
    class Scaled(nn.Module):
        def forward(self, x: float, by: float = 1) -> float:
            return x * by

    layer = Scaled()
    handle = layer.register_forward_pre_hook(lambda m, args, kwargs: ((3,), {"by": kwargs["by"] + 1}), with_kwargs=True)
    layer.register_forward_hook(lambda m, args, kwargs, output: (args, kwargs, output), with_kwargs=True)
    assert layer(1, by=2) == ((3,), {"by": 3}, 9)
    handle.remove()
    handle.remove()
    assert layer(1, by=2) == ((1,), {"by": 2}, 2)


def test_hooks_with_always_call_run_when_forward_fails() -> None:
    class Failing(nn.Module):
        def forward(self) -> None:
            raise ZeroDivisionError

    layer, seen = Failing(), []
    layer.register_forward_hook(lambda m, args, output: seen.append("never"))
    layer.register_forward_hook(lambda m, args, output: seen.append(output), always_call=True)
    with pytest.raises(ZeroDivisionError):
        layer()
    assert seen == [None]


def test_full_backward_hooks_see_and_replace_gradients() -> None:
    layer = nn.Linear(3, 2, dtype=np.float64)
    x = leaf(np.random.default_rng(0).normal(size=(4, 3)))
    seen: list[Any] = []
    handle = layer.register_full_backward_hook(lambda m, inputs, outputs: seen.append((m, inputs, outputs)))
    cotangent = tg.tensor(np.random.default_rng(1).normal(size=(4, 2)))
    layer(x).backward(cotangent)
    ((module, (grad_input,), (grad_output,)),) = seen
    assert module is layer
    np.testing.assert_allclose(grad_output.numpy(), cotangent.numpy())
    np.testing.assert_allclose(grad_input.numpy(), cotangent.numpy() @ layer.weight.detach().numpy())
    np.testing.assert_allclose(x.grad.numpy(), grad_input.numpy())
    np.testing.assert_allclose(layer.weight.grad.numpy(), cotangent.numpy().T @ x.detach().numpy())

    handle.remove()
    layer.register_full_backward_hook(lambda m, inputs, outputs: (inputs[0] * 2,))
    layer.register_full_backward_hook(lambda m, inputs, outputs: (inputs[0] + 1,), prepend=True)
    x.grad = None
    layer(x).backward(cotangent)
    np.testing.assert_allclose(x.grad.numpy(), (grad_input.numpy() + 1) * 2)
    assert len(seen) == 1
    with tg.no_grad():
        assert not layer(x).requires_grad
    assert not layer.requires_grad_(False)(x.detach()).requires_grad


def test_full_backward_hooks_of_many_inputs_and_outputs() -> None:
    class Cross(nn.Module):
        def forward(self, a: tg.Tensor, b: tg.Tensor, c: float, d: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
            return a * b * c, b.sum() + d

    layer, seen = Cross(), []

    def hook(module: nn.Module, inputs: Any, outputs: Any) -> Any:
        seen.append((inputs, outputs))
        return (inputs[0], inputs[1] * 10, None, None)

    layer.register_full_backward_hook(hook)
    a, b = leaf([1.0, 2.0]), tg.tensor([3.0, 4.0], requires_grad=True)
    first, second = layer(a, b, 5.0, tg.tensor(1.0))
    assert (first.dtype, second.dtype) == (np.float64, np.float32)
    (first.sum() * 2 + second * 3).backward()
    ((inputs, outputs),) = seen
    assert [None if gradient is None else gradient.tolist() for gradient in inputs] == [[30, 40], [13, 23], None, None]
    assert [gradient.tolist() for gradient in outputs] == [[2, 2], 3]
    assert (inputs[1].dtype, outputs[1].dtype) == (np.float32, np.float32)
    assert (a.grad.tolist(), b.grad.tolist()) == ([30, 40], [130, 230])


def test_a_backward_hook_gets_none_for_an_input_without_a_gradient() -> None:
    layer, seen = nn.Linear(2, 1), []
    layer.register_full_backward_hook(lambda m, inputs, outputs: seen.append((inputs, outputs[0].tolist())))
    layer(tg.tensor([[1.0, 2.0]])).backward()
    assert seen == [((None,), [[1.0]])]


def test_a_backward_hook_that_returns_too_many_gradients_is_refused() -> None:
    layer = nn.Tanh()
    layer.register_full_backward_hook(lambda m, inputs, outputs: (inputs[0], inputs[0]))
    with pytest.raises(ValueError, match="returned 2 gradients for 1 arguments"):
        layer(leaf(1.0)).backward()


def test_backward_hooks_in_second_derivatives() -> None:
    layer = nn.Tanh()
    layer.register_full_backward_hook(lambda m, inputs, outputs: (inputs[0] * 2,))
    x = leaf(0.5)
    (first,) = tg.autograd.grad(layer(x), x, create_graph=True)
    y = math.tanh(0.5)
    np.testing.assert_allclose(first.item(), 2 * (1 - y**2))
    # The second pass reaches the input without passing the output, so no hook is called, as in PyTorch.
    np.testing.assert_allclose(tg.autograd.grad(first, x)[0].item(), -4 * y * (1 - y**2))


# --- gradients of outputs ---------------------------------------------------------------------------------------------


def test_full_backward_pre_hooks_see_and_replace_the_gradients_of_outputs() -> None:
    layer, seen = nn.Linear(3, 2, dtype=np.float64), []
    x = leaf(np.random.default_rng(0).normal(size=(4, 3)))
    layer.register_full_backward_pre_hook(lambda m, outputs: seen.append(("second", outputs[0].tolist())))
    doubling = layer.register_full_backward_pre_hook(lambda m, outputs: (outputs[0] * 2,))
    layer.register_full_backward_pre_hook(lambda m, outputs: seen.append(("first", outputs[0].tolist())), prepend=True)
    layer.register_full_backward_hook(lambda m, inputs, outputs: seen.append(("after", outputs[0].tolist())))
    ones, twos = [[1.0] * 2] * 4, [[2.0] * 2] * 4
    layer(x).sum().backward()
    assert seen == [("first", ones), ("second", ones), ("after", twos)]
    np.testing.assert_allclose(x.grad.numpy(), np.full((4, 2), 2.0) @ layer.weight.detach().numpy())
    np.testing.assert_allclose(layer.weight.grad.numpy(), np.full((2, 4), 2.0) @ x.detach().numpy())
    doubling.remove()
    layer(x.detach()).sum().backward()  # the input needs no gradient
    np.testing.assert_allclose(layer.bias.grad.numpy(), [8 + 4, 8 + 4])
    layer.register_full_backward_pre_hook(lambda m, outputs: (*outputs, *outputs))
    with pytest.raises(ValueError, match="returned 2 gradients for 1 outputs"):
        layer(x).sum().backward()


# --- states -----------------------------------------------------------------------------------------------------------


def block() -> nn.Sequential:
    return nn.Sequential(nn.Sequential(nn.Linear(1, 1)), nn.Linear(1, 1))


def test_hooks_around_saving_are_called_for_each_module() -> None:
    net, seen = block(), []
    for name, module in net.named_modules():
        module.register_state_dict_pre_hook(lambda m, prefix, keep, name=name: seen.append((name, prefix, keep)))
        module.register_state_dict_post_hook(lambda m, state, prefix, metadata, name=name: seen.append((name, prefix)))
    state = net.state_dict(prefix="p.", keep_vars=True)
    assert list(state) == ["p.0.0.weight", "p.0.0.bias", "p.1.weight", "p.1.bias"]
    prefixes = {"": "p.", "0": "p.0.", "0.0": "p.0.0.", "1": "p.1."}
    assert seen[:4] == [(name, prefix, True) for name, prefix in prefixes.items()]
    assert dict(seen[4:]) == prefixes
    assert seen.index(("0.0", "p.0.0.")) < seen.index(("0", "p.0.")) < seen.index(("", "p."))


def test_a_hook_after_saving_changes_the_state() -> None:
    net = block()

    def dropping(module: nn.Module, state: dict[str, Any], prefix: str, metadata: dict[str, Any]) -> None:
        del state[prefix + "bias"]

    handle = net[1].register_state_dict_post_hook(dropping)
    assert list(net.state_dict()) == ["0.0.weight", "0.0.bias", "1.weight"]
    handle.remove()
    assert len(net.state_dict()) == 4
    net.register_state_dict_post_hook(lambda *given: given[1])
    with pytest.raises(RuntimeError, match="returns None, not a dict"):
        net.state_dict()


def test_a_hook_before_loading_renames_entries_of_an_older_state() -> None:
    net = block()

    def renaming(module: nn.Module, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        state[prefix + "weight"] = state.pop(prefix + "kernel")

    net[1].register_load_state_dict_pre_hook(renaming)
    older = {name.replace("1.weight", "1.kernel"): tg.ones(value.shape) for name, value in net.state_dict().items()}
    assert net.load_state_dict(older) == ([], [])
    assert "1.kernel" in older
    assert net[1].weight.tolist() == [[1]]
    with pytest.raises(KeyError):
        net.load_state_dict(net.state_dict())


def test_hooks_before_loading_may_report_problems() -> None:
    net = block()

    def reporting(m: Any, state: Any, prefix: Any, metadata: Any, strict: bool, missing: Any, unexpected: Any, e: Any):
        assert strict is True
        missing.append("a")
        unexpected.append("b")
        e.append("the version is 3")

    net.register_load_state_dict_pre_hook(reporting)
    before = net.state_dict()
    with pytest.raises(RuntimeError, match="the version is 3; a is missing; b is unexpected"):
        net.load_state_dict({name: tg.zeros(value.shape) for name, value in before.items()})
    assert all(value.any() for value in before.values())


def test_hooks_after_loading_see_what_does_not_fit_and_may_forgive_it() -> None:
    net, seen = block(), []
    ones = {name: tg.ones(value.shape) for name, value in net.state_dict().items()}
    del ones["1.bias"]
    handle = net.register_load_state_dict_post_hook(lambda m, keys: seen.append(([*keys[0]], [*keys[1]])))
    with pytest.raises(RuntimeError, match=r"1.bias is missing; more is unexpected"):
        net.load_state_dict({**ones, "more": 1})
    assert seen == [(["1.bias"], ["more"])]
    assert net[1].weight.tolist() == [[1]]  # what fits has been loaded before the hook was called
    handle.remove()
    net[1].register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    assert net.load_state_dict(ones) == ([], [])
    net.register_load_state_dict_post_hook(lambda m, keys: keys)
    with pytest.raises(RuntimeError, match="a hook of a state"):
        net.load_state_dict(ones)


class Counting(nn.Module):
    """A layer whose state has a dict beside Tensors."""

    def __init__(self) -> None:
        self.count = 0
        self.layer = nn.Linear(1, 1)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.layer(x)

    def get_extra_state(self) -> Any:
        return {"count": self.count}

    def set_extra_state(self, state: Any) -> None:
        self.count = state["count"]


def test_extra_states_are_saved_and_loaded() -> None:
    net = nn.Sequential(Counting(), nn.Tanh())
    net[0].count = 5
    state = net.state_dict()
    assert list(state) == ["0._extra_state", "0.layer.weight", "0.layer.bias"]
    fresh = nn.Sequential(Counting(), nn.Tanh())
    assert fresh.load_state_dict(state) == ([], [])
    assert fresh[0].count == 5
    assert state.pop("0._extra_state") == {"count": 5}
    with pytest.raises(RuntimeError, match=r"0\._extra_state is missing"):
        fresh.load_state_dict(state)
    assert fresh.load_state_dict(state, strict=False) == (["0._extra_state"], [])
    for call in (nn.Tanh().get_extra_state, lambda: nn.Tanh().set_extra_state(1)):
        with pytest.raises(RuntimeError, match="Tanh"):
            call()
    check_module(net, (2, 1))


def test_a_state_with_extras_is_saved_in_a_file(tmp_path: Any) -> None:
    net = Counting()
    net.count = 7
    tg.save(net.state_dict(), tmp_path / "state")
    fresh = Counting()
    fresh.load_state_dict(tg.load(tmp_path / "state"))
    assert fresh.count == 7
