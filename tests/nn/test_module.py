"""A Module finds its parameters, buffers and modules wherever they are held, and loads a state whole or not at all."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.core import guard
from tinygrad_mlp.testing import check_module


class Block(nn.Module):
    """A module that holds others in attributes, lists and dicts, one of them twice. It does not call super()."""

    def __init__(self) -> None:
        self.first = nn.Linear(2, 2)
        self.scale = nn.Parameter(tg.tensor([1.0]))
        self.layers = [nn.Linear(2, 2, bias=False), {"last": nn.Linear(2, 1, bias=False)}]
        self.again = self.first
        self.numbers = [1, 2]
        self.register_buffer("count", tg.tensor(0.0))
        self.register_buffer("cache", tg.tensor([1, 2]), persistent=False)
        self.register_buffer("absent", None)
        self.register_parameter("none", None)

    def forward(self, x: Any) -> tg.Tensor:
        return self.layers[1]["last"](self.layers[0](self.first(x).tanh()) * self.scale)


def test_parameters_buffers_and_modules_are_found() -> None:
    block = Block()
    parameters = ["scale", "first.weight", "first.bias", "layers.0.weight", "layers.1.last.weight"]
    assert [name for name, _ in block.named_parameters()] == parameters
    assert [name for name, _ in block.named_parameters("net", recurse=False)] == ["net.scale"]
    assert "again.weight" in [name for name, _ in block.named_parameters(remove_duplicate=False)]
    assert list(map(id, block.parameters())) == [id(parameter) for _, parameter in block.named_parameters()]
    assert [name for name, _ in block.named_buffers()] == ["count", "cache"]
    assert [name for name, _ in nn.Sequential(block).named_buffers("net")] == ["net.0.count", "net.0.cache"]
    assert [name for name, _ in nn.Sequential(block).named_buffers(recurse=False)] == []
    assert list(map(id, block.buffers())) == [id(block.count), id(block.cache)]
    assert [name for name, _ in block.named_modules()] == ["", "first", "layers.0", "layers.1.last"]
    assert [name for name, _ in block.named_children()] == ["first", "layers.0", "layers.1.last"]
    assert "again" in [name for name, _ in block.named_modules(remove_duplicate=False)]
    assert list(block.modules())[1:] == list(block.children())
    assert block.get_submodule("layers.1.last") is block.layers[1]["last"]
    assert block.get_submodule("") is block
    with pytest.raises(AttributeError, match=r"no module 'layers.2'.*'layers.0'"):
        block.get_submodule("layers.2")


def test_a_parameter_held_twice_is_listed_once() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    net[0].same = net[0].weight
    assert [name for name, _ in net.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert len(list(net.parameters())) == 3
    assert list(net.state_dict()) == ["0.weight", "0.bias", "0.same", "1.weight", "1.bias"]


def test_a_weight_of_two_layers_gets_the_sum_of_their_gradients() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    x = np.ones((1, 2), np.float32)
    net(x).sum().backward()
    of_second = np.ones((2, 1)) * net[0](x).detach().numpy()
    of_first = net[0].weight.detach().numpy().T.sum(1, keepdims=True) * x
    np.testing.assert_allclose(net[0].weight.grad.numpy(), of_first + of_second, rtol=1e-5)


def test_apply_goes_from_the_leaves_to_the_root() -> None:
    block = Block()
    seen: list[nn.Module] = []
    assert block.apply(seen.append) is block
    assert seen == [block.first, block.layers[0], block.layers[1]["last"], block]


def test_training_mode() -> None:
    block = Block()
    assert all(module.training for module in block.modules())
    assert not any(module.training for module in block.eval().modules())
    assert all(module.training for module in block.train().modules())
    with pytest.raises(TypeError, match="True or False"):
        block.train("no")  # type: ignore[arg-type]


def test_requires_grad_and_zero_grad() -> None:
    block = Block()
    block(np.ones((3, 2), np.float32)).sum().backward()
    gradient = block.scale.grad
    block.first.bias.grad = None
    block.zero_grad(set_to_none=False)
    assert block.first.bias.grad is None
    assert block.scale.grad is gradient
    assert gradient.item() == 0
    block.zero_grad()
    assert all(parameter.grad is None for parameter in block.parameters())
    block.requires_grad_(False)
    assert not block(np.ones((3, 2), np.float32)).requires_grad


def test_conversion_changes_dtypes_in_place() -> None:
    block = Block()
    block(np.ones((3, 2), np.float32)).sum().backward()
    gradient = block.first.weight.grad.numpy().copy()
    kept = list(block.parameters())
    assert block.double() is block
    assert {parameter.dtype for parameter in block.parameters()} == {np.dtype(np.float64)}
    assert all(now is before for now, before in zip(block.parameters(), kept, strict=True))
    assert (block.count.dtype, block.cache.dtype) == (np.float64, np.int64)
    assert block.first.weight.grad.dtype == np.float64
    np.testing.assert_array_equal(block.first.weight.grad.numpy(), gradient)
    assert block.float().scale.dtype == np.float32
    with pytest.raises(TypeError, match="int64"):
        block.to(np.int64)


@pytest.mark.parametrize(
    ("register", "error", "message"),
    [
        (lambda m: m.register_buffer(3, None), TypeError, "a name is a str"),
        (lambda m: m.register_buffer("", None), ValueError, "empty"),
        (lambda m: m.register_buffer("a.b", None), ValueError, "'a.b'"),
        (lambda m: m.register_buffer("forward", None), ValueError, "forward is taken"),
        (lambda m: m.register_buffer("first", tg.tensor(1.0)), ValueError, "first is taken"),
        (lambda m: m.register_buffer("new", np.ones(3)), TypeError, "ndarray"),
        (lambda m: m.register_buffer("new", nn.Parameter(tg.tensor(1.0))), TypeError, "no Parameter"),
        (lambda m: m.register_parameter("first", None), ValueError, "taken"),
        (lambda m: m.register_parameter("new", tg.tensor(1.0)), TypeError, "Tensor"),
        (lambda m: m.add_module("scale", nn.Tanh()), ValueError, "taken"),
        (lambda m: m.add_module("new", nn.Tanh), TypeError, r"write nn.Tanh\(\)"),
        (lambda m: m.register_forward_hook("hook"), TypeError, "a hook is a function"),
    ],
)
def test_bad_registrations_are_refused(register: Callable[[Block], Any], error: type[Exception], message: str) -> None:
    block = Block()
    before = list(block.state_dict()), list(vars(block))
    with pytest.raises(error, match=message):
        register(block)
    if message != "a hook is a function":  # the module then has room for hooks, although there are none
        assert (list(block.state_dict()), list(vars(block))) == before


def test_registered_parts_are_found() -> None:
    module = nn.Module()
    module.register_parameter("weight", nn.Parameter(tg.tensor([1.0])))
    module.add_module("layer", nn.Linear(1, 1))
    module.add_module("layer", nn.Tanh())
    module.register_buffer("mean", tg.tensor(1.0))
    module.mean = tg.tensor(2.0)
    assert list(module.state_dict()) == ["weight", "mean"]
    assert module.state_dict()["mean"].item() == 2
    module.add_module("layer", None)
    assert module.layer is None
    with pytest.raises(NotImplementedError, match="write one"):
        module(1)


@pytest.mark.parametrize("value", [tg.zeros(2, 2), np.zeros((2, 2))])
def test_a_parameter_is_replaced_by_a_parameter(value: Any) -> None:
    """A Tensor or array in its place would silently be left out of training and saving."""
    layer = nn.Linear(2, 2)
    weight = layer.weight
    with pytest.raises(TypeError, match=r"Linear.weight is a Parameter.*nn.Parameter"):
        layer.weight = value
    assert layer.weight is weight
    layer.weight = nn.Parameter(tg.zeros(2, 2))
    layer.bias = None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


def test_user_attributes_may_have_any_name_and_contain_themselves() -> None:
    net = nn.Sequential(nn.Linear(2, 1))
    net._hooks = []
    net.log = {}
    net.log["self"] = net.log
    assert net(tg.zeros(1, 2)).shape == (1, 1)
    assert len(list(net.parameters())) == 2


def test_a_patched_module_call_is_used_for_every_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    called, seen = nn.Module.__call__, []
    monkeypatch.setattr(nn.Module, "__call__", lambda self, *args: (seen.append(type(self)), called(self, *args))[1])
    nn.Sequential(nn.Linear(2, 2), nn.Tanh())(tg.ones(1, 2))
    assert seen == [nn.Sequential, nn.Linear, nn.Tanh]


def test_repr_of_all_layers_names_their_options() -> None:
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(2, 3), nn.BatchNorm1d(3), nn.LayerNorm(3), nn.Dropout(0.1), nn.GELU(),
        nn.MSELoss(reduction="sum"),
        nn.ModuleList([nn.LeakyReLU(), nn.ELU(), nn.Softplus(), nn.Softmax(1), nn.LogSoftmax(0)]),
    )  # fmt: skip
    assert repr(net) == (
        "Sequential(\n"
        "  (0): Flatten(start_dim=1, end_dim=-1)\n"
        "  (1): Linear(in_features=2, out_features=3, bias=True)\n"
        "  (2): BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)\n"
        "  (3): LayerNorm((3,), eps=1e-05, elementwise_affine=True)\n"
        "  (4): Dropout(p=0.1)\n"
        "  (5): GELU(approximate='none')\n"
        "  (6): MSELoss(reduction='sum')\n"
        "  (7): ModuleList(\n"
        "    (0): LeakyReLU(negative_slope=0.01)\n"
        "    (1): ELU(alpha=1.0)\n"
        "    (2): Softplus(beta=1.0, threshold=20.0)\n"
        "    (3): Softmax(dim=1)\n"
        "    (4): LogSoftmax(dim=0)\n"
        "  )\n"
        ")"
    )


def test_copies_and_pickles_share_no_memory_with_the_module() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ModuleDict({"a": nn.Linear(1, 1)}))
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert list(other.state_dict()) == list(net.state_dict())
        with tg.no_grad():
            other[0].weight.fill_(0)
        assert (net[0].weight.detach().numpy() != 0).all()
        assert other[0].weight.requires_grad


# --- state ------------------------------------------------------------------------------------------------------------


def test_state_dict_names_parameters_and_persistent_buffers() -> None:
    block = Block()
    state = block.state_dict()
    names = ["scale", "count", "first.weight", "first.bias", "layers.0.weight", "layers.1.last.weight"]
    names += ["again.weight", "again.bias"]  # `again` is the module `first` once more
    assert list(state) == names  # `cache` does not persist, and `absent` and `none` are None
    assert not any(held.requires_grad for held in state.values())
    with tg.no_grad():
        block.scale.fill_(7)
    assert state["scale"].item() == 7
    assert block.state_dict(keep_vars=True)["scale"] is block.scale
    collected = {"other": tg.tensor(1)}
    assert block.state_dict(destination=collected, prefix="net.") is collected
    assert list(collected) == ["other", *(f"net.{name}" for name in state)]


@pytest.mark.parametrize("assign", [False, True])
def test_load_state_dict_copies_or_assigns(assign: bool) -> None:
    source, target = (nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)) for _ in range(2))
    source(np.random.default_rng(0).random((5, 2), np.float32))
    parameters = list(target.parameters())
    keys = target.load_state_dict(source.state_dict(), assign=assign)
    assert keys == ([], [])
    assert target.load_state_dict(source.state_dict(keep_vars=True), assign=assign) == ([], [])
    for loaded, held in zip(target.state_dict().values(), source.state_dict().values(), strict=True):
        np.testing.assert_array_equal(loaded.numpy(), held.numpy())
        assert np.shares_memory(loaded.numpy(), held.numpy()) == assign
    assert all(now is before for now, before in zip(target.parameters(), parameters, strict=True))


def test_load_state_dict_converts_unless_it_assigns() -> None:
    layer = nn.Linear(2, 1)
    state = {"weight": np.ones((1, 2)), "bias": [0.5]}
    layer.load_state_dict(state)
    assert (layer.weight.dtype, layer.bias.item()) == (np.float32, 0.5)
    layer.load_state_dict(state, assign=True)
    assert layer.weight.dtype == np.float64
    assert layer.weight.requires_grad


def test_an_assigned_array_is_noticed_when_its_owner_changes_it() -> None:
    layer, weight = nn.Linear(2, 1, dtype=np.float64), np.ones((1, 2))
    layer.load_state_dict({"weight": weight, "bias": np.zeros(1)}, assign=True)
    x = tg.tensor([[1.0, 2.0]], dtype=np.float64, requires_grad=True)
    loss = layer(x).sum()
    weight[...] = 100
    with pytest.raises(RuntimeError, match="was changed after"):
        loss.backward()


def test_states_that_do_not_fit_change_nothing() -> None:
    net = nn.Linear(2, 1)
    before = net.weight.detach().numpy().copy()
    state = {"weight": np.ones((1, 2)), "extra": np.ones(1)}
    with pytest.raises(RuntimeError, match="bias is missing; extra is unexpected"):
        net.load_state_dict(state)
    with pytest.raises(RuntimeError, match=r"weight has shape \(1, 2\), but the state has \(2, 1\)"):
        net.load_state_dict({"weight": np.ones((2, 1))}, strict=False)
    np.testing.assert_array_equal(net.weight.detach().numpy(), before)
    assert net.load_state_dict(state, strict=False) == (["bias"], ["extra"])
    np.testing.assert_array_equal(net.weight.detach().numpy(), 1)


@pytest.mark.parametrize(("value", "message"), [
    (None, r"weight holds float32 of shape \(1, 2\), but the state has None"),
    ("x", "but the state has 'x'"),
    (np.zeros((1, 2), complex), r"but the state has complex128 of shape \(1, 2\)"),
    (np.zeros((1, 2), object), "but the state has object"),
    ([[1], [2, 3]], r"but the state has \[\[1\], \[2, 3\]\]"),
    (np.array([[0.0, 1e300]]), r"weight holds float32, but the state has 1e\+300, which float32 cannot hold"),
    (np.array([[-3.5e38, 0]]), "which float32 cannot hold"),
])  # fmt: skip
def test_entries_that_do_not_fit_are_named_and_change_nothing(value: Any, message: str) -> None:
    net = nn.Linear(2, 1)
    before = net.state_dict()["weight"].tolist(), net.bias.tolist()
    with pytest.raises(RuntimeError, match=message):
        net.load_state_dict({"bias": np.ones(1), "weight": value})
    assert (net.weight.tolist(), net.bias.tolist()) == before


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30, np.uint64(2**63)])
def test_a_buffer_of_integers_takes_what_is_in_its_range(value: Any) -> None:
    net = nn.BatchNorm1d(1)
    state = net.state_dict()
    with pytest.raises(RuntimeError, match="num_batches_tracked holds int64, but the state has"):
        net.load_state_dict({**state, "num_batches_tracked": np.array(value)})
    for fitting in (np.array(3.0), np.array(3.9), np.array(3, np.uint8)):
        net.load_state_dict({**state, "num_batches_tracked": fitting})
        assert net.num_batches_tracked.item() == 3


def test_infinity_is_loaded_and_floats_are_rounded() -> None:
    net = nn.Linear(2, 1)
    net.load_state_dict({"weight": np.array([[np.inf, np.nan]]), "bias": np.array([1 + 1e-12])})
    np.testing.assert_array_equal(net.weight.detach().numpy(), [[np.inf, np.nan]])
    assert net.bias.item() == 1


def test_layers_can_be_swapped_by_their_own_states() -> None:
    """The state shares memory with the layers, and the first layer is written before the second one is read."""
    net = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    first, second = net[0].weight.item(), net[1].weight.item()
    state = net.state_dict()
    net.load_state_dict({f"{1 - int(path[0])}{path[1:]}": held for path, held in state.items()})
    assert (net[0].weight.item(), net[1].weight.item()) == (second, first)


def test_loading_a_state_leaves_no_memory_guarded() -> None:
    net = nn.Linear(2, 1)
    net.load_state_dict(nn.Linear(2, 1).state_dict())
    assert id(guard.owner(net.weight._data)) not in guard.shared


@pytest.mark.parametrize(
    "attributes",
    [
        {"d": {"a.b": nn.Tanh(), "a": {"b": nn.Linear(1, 1)}, "c.b": nn.Linear(1, 1), "c": {"b": nn.Linear(1, 1)}}},
        {"d": {1: nn.Linear(1, 1), "1": nn.Linear(1, 1)}},
        {"d": {1: nn.Parameter(tg.ones(1)), "1": nn.Parameter(tg.ones(1))}},
        {"m": nn.ModuleDict({"a": nn.Linear(1, 1)}), "m.a": nn.Linear(1, 1)},
    ],
)
def test_two_parameters_of_one_path_are_refused(attributes: dict[str, Any]) -> None:
    module = nn.Module()
    for name, value in attributes.items():
        setattr(module, name, value)
    collected: dict[str, tg.Tensor] = {}
    with pytest.raises(ValueError, match=r"two parameters or buffers of Module have the path .*: rename a dict key"):
        module.state_dict(destination=collected)
    assert not collected
    with pytest.raises(ValueError, match="two parameters"):
        module.load_state_dict({})


def test_two_modules_of_one_path_are_refused_but_one_held_twice_is_not() -> None:
    module = nn.Module()
    module.d = {1: nn.Tanh(), "1": nn.Tanh()}
    with pytest.raises(ValueError, match=r"2 modules at 'd\.1'"):
        module.get_submodule("d.1")
    layer = nn.Linear(1, 1)
    module.d = {1: layer, "1": layer}
    assert list(module.state_dict()) == ["d.1.weight", "d.1.bias"]
    assert module.get_submodule("d.1") is layer


# --- paths, and buffers as objects ------------------------------------------------------------------------------------


def test_parameters_buffers_and_modules_are_found_and_set_by_path() -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), nn.ModuleList([nn.ReLU()]))
    assert net.get_parameter("0.0.weight") is net[0][0].weight
    assert net.get_buffer("0.1.running_mean") is net[0][1].running_mean
    for call in (
        lambda: net.get_parameter("0.1.running_mean"),
        lambda: net.get_buffer("0.0.weight"),
        lambda: net.set_submodule("2.0", nn.Tanh()),
        lambda: net.set_submodule("0.2", nn.Tanh(), strict=True),
    ):
        with pytest.raises(AttributeError, match=r"has no (parameter|buffer|module) '"):
            call()
    net.set_submodule("0.0", nn.Tanh())
    net.set_submodule("1.0", nn.GELU(), strict=True)
    net.set_submodule("0.more", nn.ELU())
    net.register_module("last", nn.SiLU())
    assert [path for path, _ in net.named_modules()] == ["", "0", "0.0", "0.1", "0.more", "1", "1.0", "last"]
    assert [type(net.get_submodule(path)) for path in ("0.0", "1.0")] == [nn.Tanh, nn.GELU]
    with pytest.raises(TypeError):
        net.set_submodule("0", 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a name cannot be empty"):
        net.set_submodule("", nn.Tanh())


def test_a_module_is_on_its_device_and_in_shared_memory_already() -> None:
    net = nn.Linear(2, 3)
    before = net.weight.tolist()
    assert net.to_empty(device="cpu").share_memory() is net
    assert net.weight.tolist() == before
    with pytest.raises(RuntimeError):
        net.to_empty(device="cuda")


class WithBuffers(nn.Module):
    def __init__(self) -> None:
        self.weight = nn.Parameter(tg.ones(2))
        self.mean = nn.Buffer(tg.zeros(2))
        self.cache = nn.Buffer(tg.zeros(1), persistent=False)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return (x - self.mean + self.cache) * self.weight


def test_buffers_are_registered_when_they_are_assigned() -> None:
    net = WithBuffers()
    assert [name for name, _ in net.named_buffers()] == ["mean", "cache"]
    assert [name for name, _ in net.named_parameters()] == ["weight"]
    assert list(net.state_dict()) == ["weight", "mean"]
    for copied in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert list(copied.double().state_dict()) == ["weight", "mean"]
        assert copied.cache.dtype == np.float64
        assert [type(buffer) for buffer in copied.buffers()] == [type(buffer) for buffer in net.buffers()]
    net.mean = tg.ones(2)  # a Tensor in place of a buffer is one
    net.cache = nn.Buffer(tg.ones(1))
    assert list(net.state_dict()) == ["weight", "mean", "cache"]
    check_module(WithBuffers(), (3, 2))
    given = tg.ones(3)
    buffer = nn.Buffer(given)
    given.zero_()
    assert buffer.tolist() == [0, 0, 0]
    assert isinstance(buffer, tg.Tensor)
    assert type(buffer + 1) is tg.Tensor
    with pytest.raises(TypeError, match="a Buffer is made of a Tensor, not ndarray"):
        nn.Buffer(np.ones(2))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="is a Parameter"):
        net.weight = nn.Buffer(tg.ones(2))  # type: ignore[assignment]
