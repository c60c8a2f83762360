"""Networks, losses, optimizers and schedules compute what PyTorch's compute, and states load in both directions.

Each network is built by name in both libraries, with the weights copied from ours. Then both get the same numbers.
"""

import copy
import inspect
import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from agreement import DTYPES, close
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import numbers

import tinygrad_mlp as tg
from tinygrad_mlp.testing.strategies import shapes
from tinygrad_mlp.utils import data as our_data

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing PyTorch gives warnings
    torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")

Array = NDArray[Any]
Spec = tuple[str, tuple[Any, ...], dict[str, Any]]


def array(value: Any) -> Array:
    """The entries of a tensor of either library."""
    return value.detach().numpy() if isinstance(value, tg.Tensor) else value.detach().numpy(force=True)


def built(library: Any, specs: list[Spec]) -> Any:
    """The chain of modules with these names and arguments, made by `library`."""
    return library.nn.Sequential(*[getattr(library.nn, name)(*args, **kwargs) for name, args, kwargs in specs])


def pair(specs: list[Spec], dtype: Any, seed: int = 0) -> tuple[Any, Any]:
    """The same network in both libraries, with the same random weights."""
    ours, theirs = built(tg, specs), built(torch, specs)
    ours = ours.to(dtype)
    random = np.random.default_rng(seed)
    for parameter in ours.parameters():
        tg.nn.init.normal_(parameter, 0.5, 0.5, generator=random)
    theirs = theirs.to(torch.from_numpy(np.zeros(0, dtype)).dtype)  # the same dtype in PyTorch
    copy_to_theirs(ours, theirs)
    return ours, theirs


def copy_to_theirs(ours: Any, theirs: Any) -> None:
    """Load the state of our network into PyTorch's."""
    theirs.load_state_dict({name: torch.tensor(array(held)) for name, held in ours.state_dict().items()})


def same_parameters(ours: Any, theirs: Any) -> None:
    """Assert that both networks have the same state, in the same order."""
    state = ours.state_dict()
    assert list(state) == list(theirs.state_dict())
    for name, held in theirs.state_dict().items():
        close(state[name], held, name)


# --- networks ---------------------------------------------------------------------------------------------------------

ACTIVATIONS: list[Spec] = [
    ("Identity", (), {}), ("Tanh", (), {}), ("Sigmoid", (), {}), ("ReLU", (), {}), ("LeakyReLU", (0.2,), {}),
    ("ELU", (), {}), ("ELU", (0.7,), {}), ("GELU", (), {}), ("GELU", (), {"approximate": "tanh"}), ("SiLU", (), {}),
    ("Softplus", (), {}), ("Softplus", (2.0, 3.0), {}), ("Softmax", (-1,), {}), ("LogSoftmax", (1,), {}),
    ("Dropout", (0.0,), {}), ("AlphaDropout", (0.0,), {}), ("SELU", (), {}), ("CELU", (0.5,), {}), ("PReLU", (), {}),
    ("Mish", (), {}),
    ("LogSigmoid", (), {}), ("Softsign", (), {}), ("Softmin", (-1,), {}), ("Tanhshrink", (), {}),
]  # fmt: skip
# Those that are not smooth enough for a deep network of float32, or that change the shape.
PIECEWISE: list[Spec] = [
    ("ReLU6", (), {}), ("Hardtanh", (), {}), ("Hardtanh", (-0.5, 3), {}),
    ("Hardswish", (), {}), ("Hardshrink", (), {}), ("Hardshrink", (1.0,), {}), ("Softshrink", (), {}),
    ("Softshrink", (3.0,), {}), ("Threshold", (1.0, -3.0), {}), ("RReLU", (0.2, 0.2), {}), ("CELU", (-2.0,), {}),
]  # fmt: skip


@st.composite
def networks(draw: st.DrawFn, normalized: bool) -> list[Spec]:
    """Two or three Linear layers, each followed by a normalization, if asked for, and an activation.

    Normalizing nearly constant values multiplies their rounding errors by up to 1/√eps. So eps is larger than usual.
    """
    widths = draw(st.lists(st.integers(2, 4), min_size=3, max_size=4))
    specs: list[Spec] = [("Flatten", (), {})] if draw(st.booleans()) else []
    for n_in, n_out in itertools.pairwise(widths):
        specs.append(("Linear", (n_in, n_out), {"bias": draw(st.booleans())}))
        normalizations: list[Spec] = [
            ("Identity", (), {}),
            ("BatchNorm1d", (n_out, 0.1), {}),
            ("BatchNorm1d", (n_out, 0.2), {"momentum": 0.3, "affine": False}),
            ("BatchNorm1d", (n_out, 0.1), {"momentum": None}),
            ("BatchNorm1d", (n_out, 0.1), {"track_running_stats": False}),
            ("LayerNorm", (n_out, 0.1), {}),
            ("BatchNorm1d", (n_out, 0.1), {"bias": False}),
            ("GroupNorm", (1, n_out, 0.1), {}),
            ("RMSNorm", (n_out, 0.1), {}),
            ("LayerNorm", (n_out,), {"bias": False, "eps": 0.2}),
            ("LayerNorm", (n_out, 0.1), {"elementwise_affine": False}),
        ]
        specs.append(draw(st.sampled_from(normalizations if normalized else normalizations[:1])))
        specs.append(draw(st.sampled_from(ACTIVATIONS)))
    return specs


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data(), seed=st.integers(0, 1000), evaluating=st.booleans())
def test_networks_agree(dtype: Any, data: st.DataObject, seed: int, evaluating: bool) -> None:
    # In float32, normalization would amplify rounding errors until few digits are left to compare.
    specs = data.draw(networks(normalized=dtype == np.float64))
    ours, theirs = pair(specs, dtype, seed)
    assert repr(ours).count("\n") == repr(theirs).count("\n")
    random = np.random.default_rng(seed)
    for _ in range(3):
        features = next(args[0] for name, args, _ in specs if name == "Linear")
        x = random.normal(size=(5, features)).astype(dtype)
        our_x, their_x = tg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        our_y, their_y = ours(our_x), theirs(their_x)
        close(our_y, their_y, "output")
        cotangent = random.normal(size=our_y.shape).astype(dtype)
        our_y.backward(tg.tensor(cotangent))
        their_y.backward(torch.tensor(cotangent))
        close(our_x.grad, their_x.grad, "gradient of the input")
        for (name, parameter), peer in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            close(parameter.grad, peer.grad, name)
        same_parameters(ours, theirs)
    if evaluating:
        close(ours.eval()(our_x), theirs.eval()(their_x), "output when evaluating")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spec", [*ACTIVATIONS, *PIECEWISE], ids=repr)
@given(data=st.data())
def test_activations_agree(spec: Spec, dtype: Any, data: st.DataObject) -> None:
    x = data.draw(numbers(data.draw(shapes(min_dims=2, min_side=1)), -40, 40)).astype(dtype)
    x.flat[0] = 0
    ours, theirs = tg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    our_net, their_net = pair([spec], dtype)
    our_y, their_y = our_net(ours), their_net(theirs)
    close(our_y, their_y)
    cotangent = np.random.default_rng(0).normal(size=x.shape).astype(dtype)
    our_y.backward(tg.tensor(cotangent))
    their_y.backward(torch.tensor(cotangent))
    close(ours.grad, theirs.grad)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "spec",
    [
        ("BatchNorm1d", (3,), {}), ("LayerNorm", ((3, 5),), {}), ("RMSNorm", ((3, 5),), {}), ("RMSNorm", (5, 0.1), {}),
        ("GroupNorm", (3, 3), {}), ("GroupNorm", (1, 3), {"bias": False}), ("GroupNorm", (1, 3), {"affine": False}),
    ],
    ids=repr,
)  # fmt: skip
def test_normalizations_agree(spec: Spec, dtype: Any) -> None:
    ours, theirs = pair([spec], dtype)
    for seed in range(3):
        x, cotangent = np.random.default_rng(seed).normal(size=(2, 2, 3, 5)).astype(dtype)
        our_x, their_x = tg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        our_y, their_y = ours(our_x), theirs(their_x)
        close(our_y, their_y)
        our_y.backward(tg.tensor(cotangent))
        their_y.backward(torch.tensor(cotangent))
        close(our_x.grad, their_x.grad)
        for (name, parameter), peer in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            close(parameter.grad, peer.grad, name)
    same_parameters(ours, theirs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", [(), (4,), (2, 3)])
def test_bilinear_layers_agree(dtype: Any, batch: tuple[int, ...]) -> None:
    ours, theirs = pair([("Bilinear", (3, 4, 2), {})], dtype)
    layers, random = (ours[0], theirs[0]), np.random.default_rng(0)
    arrays = [random.normal(size=(*batch, features)).astype(dtype) for features in (3, 4)]
    inputs = [[m.tensor(each, requires_grad=True) for each in arrays] for m in (tg, torch)]
    outputs = [layer(*each) for layer, each in zip(layers, inputs, strict=True)]
    close(*outputs)
    for output in outputs:
        (output**2).sum().backward()
    for one, another in zip([*inputs[0], *ours.parameters()], [*inputs[1], *theirs.parameters()], strict=True):
        close(one.grad, another.grad)


# --- hooks ------------------------------------------------------------------------------------------------------------


def test_hooks_see_and_replace_the_same() -> None:
    ours, theirs = pair([("Linear", (3, 4), {}), ("Tanh", (), {}), ("Linear", (4, 2), {})], np.float64)
    x = np.random.default_rng(0).normal(size=(5, 3))
    seen: dict[str, list[Any]] = {"tg": [], "torch": []}
    gradients = []
    for name, library, net in (("tg", tg, ours), ("torch", torch, theirs)):
        log = seen[name]
        for i in range(3):
            net[i].register_forward_pre_hook(lambda m, a, i=i, log=log: log.append(("before", i, array(a[0]))))
            net[i].register_forward_hook(lambda m, a, y, i=i, log=log: log.append(("after", i, array(y))))
            net[i].register_full_backward_hook(
                lambda m, a, y, i=i, log=log: log.append(("inputs", i, array(a[0]), "outputs", array(y[0])))
            )
        net[1].register_forward_hook(lambda m, a, y: y * 2, prepend=True)
        net[1].register_full_backward_hook(lambda m, a, y: (a[0] * 3,), prepend=True)
        net[0].register_forward_pre_hook(lambda m, a, k: ((a[0] + 1,), k), with_kwargs=True)
        leaf = library.tensor(x, requires_grad=True)
        (net(leaf) ** 2).sum().backward()
        gradients.append([leaf.grad, *(parameter.grad for parameter in net.parameters())])
    for one, another in zip(*gradients, strict=True):
        close(one, another)
    assert len(seen["tg"]) == len(seen["torch"]) == 9
    for one, another in zip(seen["tg"], seen["torch"], strict=True):
        for entry, other in zip(one, another, strict=True):
            if isinstance(entry, np.ndarray):
                np.testing.assert_allclose(entry, other, rtol=1e-12, atol=1e-14)
            else:
                assert entry == other


# --- losses -----------------------------------------------------------------------------------------------------------

REDUCTIONS = st.sampled_from(["mean", "sum", "none"])
UNIT, ANY = (0.01, 0.99), (-3, 3)


def losses_agree(call: Callable[[Any, Any, Any], Any], dtype: Any, *inputs: Array) -> None:
    """Assert that ``call(library, F, *inputs)`` has the same value and gradients in both libraries.

    Floating inputs become `dtype`; the gradients are with respect to these.
    """
    inputs = tuple(x.astype(dtype) if x.dtype.kind == "f" else x for x in inputs)
    ours = [tg.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    theirs = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    our_y = call(tg, tg.nn.functional, *ours)
    their_y = call(torch, torch.nn.functional, *theirs)
    close(our_y, their_y, "value")
    cotangent = np.random.default_rng(0).normal(size=our_y.shape).astype(dtype)
    our_y.backward(tg.tensor(cotangent))
    their_y.backward(torch.tensor(cotangent))
    for i, (one, another) in enumerate(zip(ours, theirs, strict=True)):
        if another.grad is not None:
            close(one.grad, another.grad, f"gradient {i}")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "domain", "weights"),
    [
        ("mse_loss", ANY, "full"), ("l1_loss", ANY, "full"), ("huber_loss", ANY, "full"),
        ("binary_cross_entropy", UNIT, "broadcast"), ("binary_cross_entropy_with_logits", ANY, "broadcast"),
    ],
)  # fmt: skip
@given(data=st.data(), reduction=REDUCTIONS, weighted=st.booleans())
def test_elementwise_losses_agree(
    name: str,
    domain: tuple[float, float],
    weights: str,
    dtype: Any,
    data: st.DataObject,
    reduction: str,
    weighted: bool,
) -> None:
    shape = data.draw(shapes(min_side=1))
    a, b = data.draw(numbers(shape, *domain)), data.draw(numbers(shape, *UNIT))
    options: dict[str, Any] = {"reduction": reduction}
    if name == "huber_loss":
        options["delta"] = data.draw(st.sampled_from([0.3, 1.0, 2.0]))
    weight_shape = shape if weights == "full" else shape[data.draw(st.integers(0, len(shape))) :]
    weight = data.draw(numbers(weight_shape, 0.5, 2)).astype(dtype)
    positive = None
    if name.endswith("logits") and data.draw(st.booleans()):
        positive = data.draw(numbers(shape[-1:], 0.5, 2)).astype(dtype)

    def call(library: Any, F: Any, a: Any, b: Any) -> Any:
        given = {**options, "weight": library.tensor(weight)} if weighted else dict(options)
        if positive is not None:
            given["pos_weight"] = library.tensor(positive)
        return getattr(F, name)(a, b, **given)

    losses_agree(call, dtype, a, b)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
@given(data=st.data(), reduction=REDUCTIONS, weighted=st.booleans(), ignored=st.sampled_from([-100, 0, 1]))
def test_losses_of_classes_agree(
    name: str, dtype: Any, data: st.DataObject, reduction: str, weighted: bool, ignored: int
) -> None:
    number = data.draw(st.integers(2, 4))
    shape = data.draw(shapes(min_side=1))  # of the target; the input has the classes as a second dimension
    z = data.draw(numbers((*shape[:1], number, *shape[1:])))
    labels = [i % number for i in range(int(np.prod(shape)))]  # each class as often as any other, up to one
    target = np.array(data.draw(st.permutations(labels)), np.int64)
    weight = data.draw(numbers((number,), 0.5, 2)).astype(dtype)
    smoothing = data.draw(st.sampled_from([0.0, 0.3, 1.0])) if name == "cross_entropy" else None

    def call(library: Any, F: Any, z: Any, target: Any) -> Any:
        options = {"reduction": reduction, "ignore_index": ignored}
        if weighted:
            options["weight"] = library.tensor(weight)
        if smoothing is not None:
            options["label_smoothing"] = smoothing
        return getattr(F, name)(z, target, **options)

    losses_agree(call, dtype, z, target.reshape(shape))


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data(), reduction=REDUCTIONS, weighted=st.booleans(), smoothing=st.sampled_from([0.0, 0.3]))
def test_cross_entropies_of_probabilities_agree(
    dtype: Any, data: st.DataObject, reduction: str, weighted: bool, smoothing: float
) -> None:
    shape = data.draw(shapes(min_dims=1, min_side=1))
    z, target = data.draw(numbers(shape)), data.draw(numbers(shape, 0, 1))
    weight = data.draw(numbers((shape[min(1, len(shape) - 1)],), 0.5, 2)).astype(dtype)

    def call(library: Any, F: Any, z: Any, target: Any) -> Any:
        given = {"weight": library.tensor(weight)} if weighted else {}
        return F.cross_entropy(z, target, reduction=reduction, label_smoothing=smoothing, **given)

    losses_agree(call, dtype, z, target)


# --- optimizers -------------------------------------------------------------------------------------------------------

OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.001, "maximize": True, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.001, "maximize": True, "momentum": 0.5, "nesterov": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.05, "amsgrad": True}),
    ("Adam", {"lr": 0.001, "maximize": True, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("AdamW", {"lr": 0.05}),
    ("AdamW", {"lr": 0.05, "amsgrad": True, "weight_decay": 0.3}),
    ("AdamW", {"lr": 0.001, "betas": (0.5, 0.7), "eps": 1e-2, "maximize": True}),
    ("LBFGS", {"lr": 0.3, "max_iter": 5, "max_eval": 3, "tolerance_grad": 1e-3, "tolerance_change": 1e-4}),
    ("LBFGS", {"lr": 0.5, "max_iter": 2, "history_size": 3}),
    ("LBFGS", {"max_iter": 3, "history_size": 3, "line_search_fn": "strong_wolfe"}),
]
SPECS: list[Spec] = [("Linear", (3, 4), {}), ("Tanh", (), {}), ("Linear", (4, 2), {"bias": False})]
each_optimizer = pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=repr)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "LBFGS"])
def test_every_option_of_an_optimizer_is_in_the_table(name: str) -> None:
    taken = {option for other, options in OPTIMIZERS if other == name for option in options}
    without_a_meaning = {"foreach", "fused", "capturable", "differentiable"}
    options = set(inspect.signature(getattr(tg.optim, name)).parameters) - without_a_meaning
    assert taken | {"params"} == options


def data(seed: int, dtype: Any = np.float64, outputs: int = 2) -> tuple[Array, Array]:
    """Random inputs and targets."""
    random = np.random.default_rng(seed)
    return random.normal(size=(32, 3)).astype(dtype), random.normal(size=(32, outputs)).astype(dtype)


def step(library: Any, net: Any, optimizer: Any, x: Array, y: Array) -> Any:
    """Take one step on the mean squared error, and return the loss."""

    def closure() -> Any:
        optimizer.zero_grad()
        loss = library.nn.functional.mse_loss(net(library.tensor(x)), library.tensor(y))
        loss.backward()
        return loss

    return optimizer.step(closure)


@pytest.mark.parametrize("dtype", DTYPES)
@each_optimizer
@settings(max_examples=3)
@given(seed=st.integers(0, 1000))
def test_optimizers_agree_over_50_steps(name: str, options: dict[str, Any], dtype: Any, seed: int) -> None:
    # On a network, L-BFGS doubles rounding differences every few steps, here as in PyTorch. So it gets one layer.
    quasi_newton = name == "LBFGS"
    ours, theirs = pair(SPECS[:1] if quasi_newton else SPECS, dtype, seed)
    optimizer = getattr(tg.optim, name)(ours.parameters(), **options)
    peer = getattr(torch.optim, name)(theirs.parameters(), **options)
    for i in range(50 if dtype == np.float64 or not quasi_newton else 1):
        x, y = data(seed if quasi_newton else seed + i, dtype, 4 if quasi_newton else 2)
        close(step(tg, ours, optimizer, x, y), step(torch, theirs, peer, x, y), f"loss {i}")
    same_parameters(ours, theirs)


@pytest.mark.parametrize("options", [options for name, options in OPTIMIZERS if name == "LBFGS"], ids=repr)
@given(seed=st.integers(0, 1000))
def test_quasi_newton_steps_on_a_network_agree(options: dict[str, Any], seed: int) -> None:
    ours, theirs = pair(SPECS, np.float64, seed)
    optimizer = tg.optim.LBFGS(ours.parameters(), **options)
    peer = torch.optim.LBFGS(theirs.parameters(), **options)
    x, y = data(seed)
    for _ in range(3):
        step(tg, ours, optimizer, x, y)
        step(torch, theirs, peer, x, y)
    same_parameters(ours, theirs)
    for key in ("func_evals", "n_iter"):
        assert optimizer.state_dict()["state"][0][key] == peer.state_dict()["state"][0][key]


def to_theirs(state: Any) -> Any:
    """Our state, with each array replaced by a tensor of PyTorch's."""
    if isinstance(state, np.ndarray):
        return torch.tensor(state)
    if isinstance(state, dict):
        return {key: to_theirs(value) for key, value in state.items()}
    return [to_theirs(value) for value in state] if isinstance(state, list) else state


@pytest.mark.parametrize("to_torch", [True, False], ids=["to PyTorch", "from PyTorch"])
@each_optimizer
def test_states_of_optimizers_load_in_both_directions(name: str, options: dict[str, Any], to_torch: bool) -> None:
    """One optimizer takes three steps, the other loads its state, and both go on together."""
    ours, theirs = pair(SPECS, np.float64)
    optimizer = getattr(tg.optim, name)(ours.parameters(), **options)
    peer = getattr(torch.optim, name)(theirs.parameters(), **options)
    x, y = data(0)
    for _ in range(3):
        step(tg, ours, optimizer, x, y) if to_torch else step(torch, theirs, peer, x, y)
    if to_torch:
        copy_to_theirs(ours, theirs)
        peer.load_state_dict(to_theirs(optimizer.state_dict()))
    else:
        ours.load_state_dict(theirs.state_dict())
        optimizer.load_state_dict(peer.state_dict())
    for _ in range(5):
        step(tg, ours, optimizer, x, y)
        step(torch, theirs, peer, x, y)
    same_parameters(ours, theirs)
    ours_kept, theirs_kept = optimizer.state_dict(), peer.state_dict()
    for number, entries in ours_kept["state"].items():
        assert set(entries) <= set(theirs_kept["state"][number])
        for key, value in entries.items():
            if isinstance(value, np.ndarray):
                np.testing.assert_allclose(value, array(theirs_kept["state"][number][key]), rtol=1e-8, atol=1e-10)
            elif not isinstance(value, list):  # lists are LBFGS's history, on which the steps above depend
                np.testing.assert_allclose(value, float(theirs_kept["state"][number][key]), rtol=1e-8, err_msg=key)
    for group, other in zip(ours_kept["param_groups"], theirs_kept["param_groups"], strict=True):
        assert {key: other[key] for key in group} == group


# --- schedules --------------------------------------------------------------------------------------------------------

SCHEDULES: list[Spec] = [
    ("LambdaLR", (lambda k: 1 / (100 + 10 * k),), {}),
    ("StepLR", (3, 0.5), {}),
    ("MultiStepLR", ([2, 5, 5, 7], 0.5), {}),
    ("ExponentialLR", (0.9,), {}),
    ("CosineAnnealingLR", (4, 0.01), {}),
    ("CosineAnnealingLR", (1,), {}),
    ("ReduceLROnPlateau", (), {"patience": 1, "factor": 0.5, "cooldown": 1, "min_lr": 0.01}),
    ("ReduceLROnPlateau", ("max",), {"patience": 0, "threshold": 0.1, "threshold_mode": "abs", "min_lr": [0.1, 0.0]}),
]
each_schedule = pytest.mark.parametrize("spec", SCHEDULES, ids=repr)


def scheduled(library: Any, specs: list[Spec]) -> tuple[Any, list[Any]]:
    """An optimizer with two groups and these schedules, after its first step."""
    parameters = [library.tensor([1.0], requires_grad=True) for _ in range(2)]
    optimizer = library.optim.SGD([{"params": [parameters[0]], "lr": 0.5}, {"params": [parameters[1]]}], lr=0.3)
    schedules = [getattr(library.optim.lr_scheduler, name)(optimizer, *args, **kwargs) for name, args, kwargs in specs]
    sum(parameters).sum().backward()
    optimizer.step()
    return optimizer, schedules


def rates(optimizer: Any) -> list[float]:
    return [group["lr"] for group in optimizer.param_groups]


@given(specs=st.lists(st.sampled_from(SCHEDULES), min_size=1, max_size=2), seed=st.integers(0, 1000))
def test_schedules_agree(specs: list[Spec], seed: int) -> None:
    (optimizer, ours), (peer, theirs) = scheduled(tg, specs), scheduled(torch, specs)
    metrics = np.random.default_rng(seed).normal(size=20)
    for metric in metrics:
        np.testing.assert_allclose(rates(optimizer), rates(peer), rtol=1e-12, atol=1e-15)
        for (name, _, _), one, another in zip(specs, ours, theirs, strict=True):
            given_metric = [metric] if name == "ReduceLROnPlateau" else []
            one.step(*given_metric)
            another.step(*given_metric)
            np.testing.assert_allclose(one.get_last_lr(), another.get_last_lr(), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("to_torch", [True, False], ids=["to PyTorch", "from PyTorch"])
@each_schedule
def test_states_of_schedules_load_in_both_directions(spec: Spec, to_torch: bool) -> None:
    metrics = np.random.default_rng(0).normal(size=20)
    (source, [one]), (target, [another]) = (
        scheduled(library, [spec]) for library in ((tg, torch) if to_torch else (torch, tg))
    )
    for i, metric in enumerate(metrics):
        if i == 6:  # from here on, both go on together
            another.load_state_dict(copy.deepcopy(one.state_dict()))
            target.load_state_dict(source.state_dict())
        for schedule in (one, another) if i >= 6 else (one,):
            schedule.step(*([metric] if spec[0] == "ReduceLROnPlateau" else []))
        if i >= 6:
            np.testing.assert_allclose(rates(source), rates(target), rtol=1e-12, atol=1e-15)


# --- the rest ---------------------------------------------------------------------------------------------------------


@given(
    data=st.data(),
    max_norm=st.sampled_from([0.1, 1.0, 100.0]),
    norm_type=st.sampled_from([1.0, 2.0, 3.0, float("inf")]),
)
def test_clipped_gradients_agree(data: st.DataObject, max_norm: float, norm_type: float) -> None:
    gradients = [data.draw(numbers(data.draw(shapes(min_side=1)))) for _ in range(3)]
    leaves = []
    for library in (tg, torch):
        parameters = [library.tensor(np.zeros(g.shape), requires_grad=True) for g in gradients]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = library.tensor(gradient)
        leaves.append((parameters, library.nn.utils.clip_grad_norm_(parameters, max_norm, norm_type)))
        library.nn.utils.clip_grad_value_(parameters, 0.05)
    (ours, our_norm), (theirs, their_norm) = leaves
    close(our_norm, their_norm)
    for one, another in zip(ours, theirs, strict=True):
        close(one.grad, another.grad)


@pytest.mark.parametrize("name", ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"])
@pytest.mark.parametrize("param", [None, 0.3])
def test_recommended_gains_agree(name: str, param: float | None) -> None:
    assert tg.nn.init.calculate_gain(name, param) == pytest.approx(torch.nn.init.calculate_gain(name, param), rel=1e-15)


def test_one_hot_agrees() -> None:
    classes = np.array([[0, 3], [2, 2]])
    for number in (-1, 4, 6):
        ours = tg.nn.functional.one_hot(tg.tensor(classes), number)
        close(ours, torch.nn.functional.one_hot(torch.tensor(classes), number))


def test_states_of_networks_load_in_both_directions() -> None:
    specs: list[Spec] = [("Linear", (3, 4), {}), ("BatchNorm1d", (4,), {}), ("LayerNorm", (4,), {})]
    ours, theirs = pair(specs, np.float32)
    same_parameters(ours, theirs)
    theirs(torch.ones(4, 3) * torch.arange(4)[:, None])  # changes the running statistics of BatchNorm1d
    fresh = built(tg, specs)
    assert fresh.load_state_dict(theirs.state_dict()) == ([], [])
    same_parameters(fresh, theirs)


def test_collated_batches_agree() -> None:
    samples = [{"x": np.float32(i), "y": (i, [np.arange(i, i + 2)])} for i in range(3)]
    ours, theirs = our_data.default_collate(samples), torch.utils.data.default_collate(samples)
    close(ours["x"], theirs["x"])
    close(ours["y"][0], theirs["y"][0])
    close(ours["y"][1][0], theirs["y"][1][0])


@given(number=st.integers(1, 30), size=st.integers(1, 7), drop_last=st.booleans())
def test_loaders_give_the_same_batches(number: int, size: int, drop_last: bool) -> None:
    x = np.arange(number)
    ours = our_data.DataLoader(our_data.TensorDataset(tg.tensor(x), tg.tensor(x * 2)), size, drop_last=drop_last)
    theirs = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(x * 2)), size, drop_last=drop_last
    )
    assert len(ours) == len(theirs)
    for one, another in zip(ours, theirs, strict=True):
        assert type(one) is type(another) is list
        for column, other in zip(one, another, strict=True):
            close(column, other)


@given(number=st.integers(1, 50), cuts=st.lists(st.floats(0.01, 1), min_size=1, max_size=5))
def test_random_splits_by_fractions_have_the_same_sizes(number: int, cuts: list[float]) -> None:
    fractions = [cut / sum(cuts) for cut in cuts]
    if sum(fractions) > 1:  # then PyTorch reads them as numbers of samples
        return
    ours = our_data.random_split(range(number), fractions)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns of empty parts
        theirs = torch.utils.data.random_split(range(number), fractions)
    assert [len(part) for part in ours] == [len(part) for part in theirs]
