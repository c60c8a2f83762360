"""Containers, hooks and parametrizations do what PyTorch's do: the same program, run in both, reports the same."""

import collections
import copy
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing PyTorch gives warnings
    torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")

X = np.random.default_rng(5).normal(size=(4, 3))


def entries(tensor: Any) -> Any:
    """The entries of a tensor of either library, rounded; None for None."""
    return None if tensor is None else (np.round(tensor.detach().numpy(), 7) + 0.0).tolist()  # no −0.0


def linear(m: Any, n_in: int, n_out: int, seed: int = 0) -> Any:
    """A layer of float64 with the same weights in both libraries."""
    layer, random = m.nn.Linear(n_in, n_out).double(), np.random.default_rng(seed)
    with m.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(m.tensor(random.normal(size=tuple(parameter.shape))))
    return layer


def trained(m: Any, layer: Any) -> list[Any]:
    """The outputs, and all of the layer's state and gradients, after three steps."""
    x = m.tensor(X)
    optimizer = m.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        (layer(x) ** 2).sum().backward()
        optimizer.step()
    return [
        entries(layer.eval()(x)),
        {name: entries(held) for name, held in layer.state_dict().items()},
        [entries(parameter.grad) for parameter in layer.parameters()],
    ]


def fails(call: Callable[[], Any]) -> bool:
    try:
        call()
    except Exception:
        return True
    return False


def named(module: Any) -> list[tuple[str, str]]:
    return [(name, type(child).__name__) for name, child in module.named_children()]


# --- containers -------------------------------------------------------------------------------------------------------


def sequentials(m: Any) -> Iterator[Any]:
    nn = m.nn
    net = nn.Sequential(nn.Linear(1, 1), nn.Tanh())
    yield named(net + nn.Sequential(nn.ReLU())), list((2 * net).state_dict()), len(net * 3)
    same = net
    net += nn.Sequential(nn.GELU())
    net *= 2
    yield net is same, len(net), named(net)
    for key in (1, -1, slice(0, 2)):
        yield type(net.pop(key)).__name__, named(net)
    for index in (1, -1, 0):
        yield net.insert(index, nn.ELU()) is net, named(net)
    yield named(net.extend([nn.SiLU(), nn.ReLU()]))
    del net[1:3]
    del net[0]
    yield named(net)
    names = nn.Sequential(collections.OrderedDict(a=nn.ReLU(), b=nn.Tanh(), c=nn.GELU()))
    del names[1]
    yield named(names)
    for wrong in (
        lambda: net * 0, lambda: net * 1.5, lambda: net + nn.ReLU(), lambda: net.insert(99, nn.ELU()),
        lambda: net.pop(99), lambda: net.insert(0, 3), lambda: net.extend([3]),
    ):  # fmt: skip
        yield fails(wrong)


def lists_of_modules(m: Any) -> Iterator[Any]:
    nn = m.nn
    layers = nn.ModuleList([nn.ReLU()])
    yield layers.append(nn.Tanh()) is layers, layers.extend([nn.GELU()]) is layers
    yield named(layers + nn.ModuleList([nn.SiLU()])), named(layers)
    layers += [nn.ELU()]
    layers.insert(0, nn.Linear(1, 1))
    yield type(layers.pop(-1)).__name__, named(layers), fails(lambda: layers.extend(nn.ReLU()))


def containers_of_parameters(m: Any) -> Iterator[Any]:
    nn = m.nn
    held = nn.ParameterList([m.ones(2), 3, "x", nn.Parameter(m.ones(1))])
    held.append(m.zeros(2, 2))
    held.extend([m.ones(1)])
    held += [m.ones(1)]
    yield [type(value).__name__ for value in held], list(held.state_dict()), len(held[2:])
    yield [tuple(p.shape) for p in copy.deepcopy(held).parameters()], fails(lambda: held.extend(3))
    weights = nn.ParameterDict({"a": m.ones(2), "b": 3})
    weights.update([("z", m.ones(1)), ("y", m.ones(3))])
    yield list(weights), type(weights.a).__name__, weights["a"] is weights.a, list(weights.state_dict())
    yield weights.get("q", 4), tuple(weights.setdefault("c", m.ones(1)).shape), weights.pop("b"), "b" in weights
    yield list(weights | nn.ParameterDict({"k": m.ones(4)})), list(weights.fromkeys("xy", 1)), list(weights.copy())
    yield list(reversed(weights)), weights.popitem()[0], fails(lambda: nn.ParameterDict({"a.b": m.ones(1)}))
    weights.clear()
    yield len(weights)


def paths_and_buffers(m: Any) -> Iterator[Any]:
    nn = m.nn
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), nn.ModuleList([nn.ReLU()]))
    yield net.get_parameter("0.0.weight") is net[0][0].weight
    yield net.get_buffer("0.1.running_mean") is net[0][1].running_mean
    for wrong in (
        lambda: net.get_parameter("0.0.x"), lambda: net.get_parameter("0.1.running_mean"),
        lambda: net.get_buffer("0.0.weight"), lambda: net.set_submodule("", nn.Tanh()),
        lambda: net.set_submodule("0.x", nn.Tanh(), strict=True), lambda: net.set_submodule("q.r", nn.Tanh()),
    ):  # fmt: skip
        yield fails(wrong)
    for path in ("0.0", "1.0", "0.new"):
        net.set_submodule(path, nn.GELU())
    net.register_module("extra", nn.ReLU())
    yield [(path, type(module).__name__) for path, module in net.named_modules()]

    class WithBuffers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Buffer(m.ones(2))
            self.b = nn.Buffer(m.zeros(1), persistent=False)
            self.c = nn.Parameter(m.ones(1))

    layer = WithBuffers()
    yield [name for name, _ in layer.named_buffers()], list(layer.state_dict()), isinstance(layer.a, nn.Buffer)
    layer.b = nn.Buffer(m.ones(1))
    yield list(layer.state_dict()), list(copy.deepcopy(layer).state_dict())


def lazy_layers(m: Any) -> Iterator[Any]:
    nn = m.nn
    net = nn.Sequential(nn.LazyLinear(2), nn.LazyBatchNorm1d(0.1)).double()
    optimizer = m.optim.SGD(net.parameters(), lr=0.1)
    held = list(net.parameters())
    yield list(net.state_dict()), [type(parameter).__name__ for parameter in held]
    full = nn.Sequential(linear(m, 3, 2), nn.BatchNorm1d(2, 0.1).double())
    net.load_state_dict(full.state_dict())
    yield type(net[0]).__name__, trained(m, net), type(net[0]).__name__, net[0].in_features
    yield [one is another for one, another in zip(held, net.parameters(), strict=True)]
    optimizer.step()
    for use in (lambda w: w.shape, lambda w: w + 1, nn.init.zeros_, lambda w: w.numel()):
        yield fails(partial(use, nn.LazyLinear(2).weight))


# --- hooks ------------------------------------------------------------------------------------------------------------


def hooks_of_gradients(m: Any) -> Iterator[Any]:
    log: list[Any] = []
    for needs in (True, False):
        layer = linear(m, 3, 2)
        layer.register_full_backward_pre_hook(lambda _, g: log.append(("second", entries(g[0]))))
        layer.register_full_backward_pre_hook(lambda _, g: (g[0] * 2,))
        layer.register_full_backward_pre_hook(lambda _, g: log.append(("first", entries(g[0]))), prepend=True)
        layer.register_full_backward_hook(lambda _, g, h: log.append(("last", entries(g[0]), entries(h[0]))))
        x = m.tensor(X, requires_grad=needs)
        (layer(x) ** 2).sum().backward()
        yield log, entries(x.grad), [entries(parameter.grad) for parameter in layer.parameters()]


def hooks_of_states(m: Any) -> Iterator[Any]:
    net, log = m.nn.Sequential(m.nn.Sequential(linear(m, 1, 1)), linear(m, 1, 1)), []
    for name, module in net.named_modules():
        module.register_state_dict_pre_hook(lambda _, *given, name=name: log.append(("saving", name, given)))
        module.register_state_dict_post_hook(lambda _, s, *given, name=name: log.append(("saved", name, given[0])))
        module.register_load_state_dict_pre_hook(
            lambda _, s, *given, name=name: log.append((name, given[0], given[2:]))
        )
        module.register_load_state_dict_post_hook(lambda _, keys, name=name: log.append(("loaded", name, [*keys[0]])))
    state = net.state_dict(prefix="p.")
    yield list(state), sorted(map(str, log))
    log.clear()
    net.load_state_dict({name.removeprefix("p."): value for name, value in state.items()})
    yield sorted(map(str, log))

    def renaming(_: Any, state: Any, prefix: str, *rest: Any) -> None:
        state[prefix + "weight"] = state.pop(prefix + "old")

    net = m.nn.Sequential(linear(m, 1, 1))
    handle = net[0].register_load_state_dict_pre_hook(renaming)
    older = {"0.old": m.tensor([[7.0]]), "0.bias": m.tensor([1.0])}
    net.load_state_dict(older)
    yield list(older), entries(net[0].weight)
    handle.remove()
    net.register_load_state_dict_post_hook(lambda _, keys: keys.missing_keys.clear())
    yield fails(lambda: net.load_state_dict({"0.weight": m.tensor([[3.0]])})), entries(net[0].weight)
    yield fails(lambda: net.load_state_dict({"0.weight": m.tensor([[4.0]]), "z": m.ones(1)})), entries(net[0].weight)
    net.register_state_dict_post_hook(lambda _, state, prefix, metadata: state.clear())
    yield list(net.state_dict())


def extra_states(m: Any) -> Iterator[Any]:
    class Counting(m.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.count, self.layer = 3, m.nn.Linear(1, 1)

        def get_extra_state(self) -> Any:
            return {"count": self.count}

        def set_extra_state(self, state: Any) -> None:
            self.count = state["count"]

    net, fresh = m.nn.Sequential(Counting()), m.nn.Sequential(Counting())
    net[0].count = 9
    state = net.state_dict()
    fresh.load_state_dict(state)
    yield list(state), state["0._extra_state"], fresh[0].count
    del state["0._extra_state"]
    yield fails(lambda: fresh.load_state_dict(state)), tuple(fresh.load_state_dict(state, strict=False))
    yield fails(lambda: m.nn.Linear(1, 1).load_state_dict({**m.nn.Linear(1, 1).state_dict(), "_extra_state": 3}))


def hooks_of_optimizers(m: Any, kind: str) -> Iterator[Any]:
    weight = m.tensor([1.0, 2.0], requires_grad=True)
    optimizer, log = getattr(m.optim, kind)([weight], lr=0.125), []

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (weight * weight).sum()
        loss.backward()
        return loss

    def logging(name: str) -> Callable[..., None]:
        return lambda o, *given: log.append((name, [*map(len, given)], np.round(entries(weight), 5).tolist()))

    handle = optimizer.register_step_pre_hook(logging("before"))
    optimizer.register_step_post_hook(logging("after"))
    optimizer.step(closure)
    optimizer.step(closure=closure)
    handle.remove()
    optimizer.register_step_pre_hook(lambda o, args, kwargs: (args, {"closure": closure}))
    optimizer.step()
    yield log
    wrong = optimizer.register_step_pre_hook(lambda *given: 3)
    yield fails(optimizer.step)
    wrong.remove()
    log.clear()
    for name in ("state_dict_pre", "state_dict_post", "load_state_dict_pre", "load_state_dict_post"):
        getattr(optimizer, f"register_{name}_hook")(logging(name))
        getattr(optimizer, f"register_{name}_hook")(logging(f"earlier {name}"), prepend=True)
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "note": 1})
    optimizer.register_load_state_dict_pre_hook(lambda o, state: {k: v for k, v in state.items() if k != "note"})
    state = optimizer.state_dict()
    optimizer.load_state_dict(state)
    yield log, sorted(state)
    log.clear()
    copy.deepcopy(optimizer).state_dict()
    yield log


# --- parametrizations -------------------------------------------------------------------------------------------------


def weight_norms(m: Any, dim: int | None) -> Iterator[Any]:
    utils = m.nn.utils
    older = utils.weight_norm(linear(m, 3, 2), dim=dim)
    yield trained(m, older)
    yield fails(lambda: utils.weight_norm(older))
    newer = utils.parametrizations.weight_norm(linear(m, 3, 2), dim=dim)
    yield trained(m, newer)
    newer.load_state_dict(older.state_dict())
    yield entries(newer.weight)
    newer.weight = m.tensor(np.ones((2, 3)))
    yield {name: entries(held) for name, held in newer.state_dict().items()}
    utils.remove_weight_norm(older)
    utils.parametrize.remove_parametrizations(newer, "weight")
    for layer in (older, newer):
        yield list(layer.state_dict()), type(layer.weight).__name__, type(layer).__name__, entries(layer.weight)
    yield fails(lambda: utils.remove_weight_norm(older))


def spectral_norms(m: Any, dim: int | None) -> Iterator[Any]:
    utils = m.nn.utils
    for made in (utils.spectral_norm, utils.parametrizations.spectral_norm):
        layer = made(linear(m, 3, 2), n_power_iterations=2, dim=dim)
        state = layer.state_dict()
        for name, held in state.items():
            if name.endswith(("_u", "_v")):  # which are drawn
                vector = np.arange(1.0, 1 + len(held))
                state[name] = m.tensor(vector / np.linalg.norm(vector))
        layer.load_state_dict(state)
        yield trained(m, layer), [name for name, _ in layer.named_buffers()]
    utils.parametrize.remove_parametrizations(layer, "weight")
    yield list(layer.state_dict()), entries(layer.weight)


def parametrizations(m: Any) -> Iterator[Any]:
    nn, parametrize = m.nn, m.nn.utils.parametrize

    class Symmetric(nn.Module):
        def forward(self, x: Any) -> Any:
            return x.triu() + x.triu(1).mT

        def right_inverse(self, weight: Any) -> Any:
            return weight.triu()

    class Exp(nn.Module):
        def forward(self, x: Any) -> Any:
            return x.exp()

    class FirstRow(nn.Module):
        def forward(self, x: Any) -> Any:
            return x[:1]

    layer = linear(m, 3, 3)
    weight = layer.weight
    made = parametrize.register_parametrization(layer, "weight", Symmetric())
    yield made is layer, type(layer).__name__, layer.parametrizations.weight.original is weight
    yield [parametrize.is_parametrized(layer, name) for name in (None, "weight", "bias")]
    yield trained(m, layer)
    layer.weight = m.tensor(np.full((3, 3), 0.25))
    parametrize.register_parametrization(layer, "weight", Exp())
    yield entries(layer.weight), entries(weight), trained(m, layer), layer.parametrizations.weight[1].training
    yield fails(lambda: setattr(layer, "weight", m.tensor(np.ones((3, 3)))))
    copied = copy.deepcopy(layer)
    yield entries(copied.weight), copied.parametrizations.weight.original is weight
    with parametrize.cached():
        yield layer.weight is layer.weight
    for wrong in (
        lambda: parametrize.register_parametrization(layer, "weight", FirstRow()),
        lambda: parametrize.register_parametrization(linear(m, 3, 3), "weight", FirstRow()),
        lambda: parametrize.register_parametrization(layer, "nothing", Exp()),
        lambda: parametrize.remove_parametrizations(layer, "bias"),
    ):
        yield fails(wrong)
    parametrize.remove_parametrizations(layer, "weight")
    yield type(layer).__name__, list(layer.state_dict()), entries(layer.weight), layer.weight is weight
    layer = parametrize.register_parametrization(linear(m, 3, 3), "weight", Symmetric())
    yield entries(parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False).weight)
    layer = parametrize.register_parametrization(linear(m, 3, 2), "weight", FirstRow(), unsafe=True)
    parametrize.register_parametrization(layer, "bias", Exp())
    yield list(layer.state_dict()), tuple(layer.weight.shape), parametrize.type_before_parametrizations(layer).__name__
    yield type(parametrize.remove_parametrizations(layer, "weight")).__name__, tuple(layer.weight.shape)


def vectors_and_norms(m: Any) -> Iterator[Any]:
    utils, layer = m.nn.utils, linear(m, 3, 2)
    vector = utils.parameters_to_vector(layer.parameters())
    (vector**2).sum().backward()
    gradients = [parameter.grad for parameter in layer.parameters()]
    yield entries(vector), *map(entries, gradients)
    for norm_type in (1.0, 2.0, 3.0, float("inf")):
        yield entries(utils.get_total_norm(gradients, norm_type))
    for total, largest in ((3.0, 1.0), (0.5, 1.0)):
        utils.clip_grads_with_norm_(layer.parameters(), largest, m.tensor(total))
        yield [entries(parameter.grad) for parameter in layer.parameters()]
    other = linear(m, 3, 2, seed=1)
    utils.vector_to_parameters(vector.detach(), other.parameters())
    yield [entries(parameter) for parameter in other.parameters()]
    yield fails(lambda: utils.vector_to_parameters(vector.detach()[:3], other.parameters()))


PROGRAMS: dict[str, Callable[[Any], Iterator[Any]]] = {
    **{program.__name__: program for program in (
        sequentials, lists_of_modules, containers_of_parameters, paths_and_buffers, lazy_layers, hooks_of_gradients,
        hooks_of_states, extra_states, parametrizations, vectors_and_norms,
    )},
    **{f"hooks of {kind}": partial(hooks_of_optimizers, kind=kind) for kind in ("SGD", "Adam", "LBFGS")},
    **{f"weight_norm along {dim}": partial(weight_norms, dim=dim) for dim in (0, 1, -1, None)},
    **{f"spectral_norm along {dim}": partial(spectral_norms, dim=dim) for dim in (None, 1)},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning", "ignore:Full backward hook:UserWarning")
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=list(PROGRAMS))
def test_programs_report_the_same(program: Callable[[Any], Iterator[Any]]) -> None:
    ours, theirs = list(program(tg)), list(program(torch))
    assert ours
    for one, another in zip(ours, theirs, strict=True):
        assert repr(one) == repr(another)
