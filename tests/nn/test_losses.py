"""Each loss, with each reduction and weight, equals its definition, and its gradients equal finite differences."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import Array, leaf, numbers

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.autograd import gradcheck, gradgradcheck
from tinygrad_mlp.nn import functional as F
from tinygrad_mlp.testing.strategies import shapes

REDUCTIONS = ["mean", "sum", "none"]


def assert_gradcheck(function: Callable[..., tg.Tensor], *inputs: tg.Tensor) -> None:
    """Assert that the gradients equal differences."""
    assert gradcheck(function, inputs, atol=1e-7, rtol=1e-6)


# --- elementwise losses -----------------------------------------------------------------------------------------------


def huber(delta: float) -> Callable[[float, float], float]:
    """The Huber loss of one entry."""
    return lambda a, b: (a - b) ** 2 / 2 if abs(a - b) <= delta else delta * (abs(a - b) - delta / 2)


def bce(a: float, y: float) -> float:
    """The binary cross entropy of one probability."""
    return -y * math.log(a) - (1 - y) * math.log(1 - a)


def with_logits(positive: float) -> Callable[[float, float], float]:
    """The binary cross entropy of one logit, with a weight for the positive class."""

    def loss(z: float, y: float) -> float:
        a = 1 / (1 + math.exp(-z))
        return -positive * y * math.log(a) - (1 - y) * math.log(1 - a)

    return loss


# The function, the loss of one entry, the domains of input and target, and whether a weighted mean divides by the sum
# of the weights instead of the number of entries.
ELEMENTWISE: dict[str, tuple[Callable[..., tg.Tensor], Any, tuple[float, float], tuple[float, float], bool]] = {
    "mse_loss": (F.mse_loss, lambda a, b: (a - b) ** 2, (-2, 2), (-2, 2), True),
    "l1_loss": (F.l1_loss, lambda a, b: abs(a - b), (0, 1), (1.1, 2), True),
    "l1_loss, below": (F.l1_loss, lambda a, b: abs(a - b), (1.1, 2), (0, 1), True),
    "huber_loss": (F.huber_loss, huber(1.0), (0, 2), (4, 5), False),
    "huber_loss, near": (lambda *a, **k: F.huber_loss(*a, delta=3.0, **k), huber(3.0), (-1, 1), (-1, 1), False),
    "huber_loss, delta": (lambda *a, **k: F.huber_loss(*a, delta=0.5, **k), huber(0.5), (0, 1), (-1, -0.6), False),
    "binary_cross_entropy": (F.binary_cross_entropy, bce, (0.05, 0.95), (0.05, 0.95), False),
    "binary_cross_entropy_with_logits": (F.binary_cross_entropy_with_logits, with_logits(1), (-3, 3), (0, 1), False),
    "with pos_weight": (
        lambda *a, **k: F.binary_cross_entropy_with_logits(*a, pos_weight=2.5, **k), with_logits(2.5), (-3, 3), (0, 1),
        False,
    ),
}  # fmt: skip


def reduced(elements: Array, weight: Array | None, reduction: str, per_weight: bool) -> Any:
    """The losses of all entries, weighted and reduced."""
    weighted = elements if weight is None else elements * weight
    if reduction == "mean":
        return weighted.sum() / (weight.sum() if weight is not None and per_weight else elements.size)
    return weighted.sum() if reduction == "sum" else weighted


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", ELEMENTWISE)
@given(data=st.data())
def test_elementwise_losses_equal_their_definition(
    name: str, reduction: str, weighted: bool, data: st.DataObject
) -> None:
    loss, by_hand, input_domain, target_domain, per_weight = ELEMENTWISE[name]
    shape = data.draw(shapes(min_side=1))
    a, b = data.draw(numbers(shape, *input_domain)), data.draw(numbers(shape, *target_domain))
    weight = data.draw(numbers(shape, 0.5, 2)) if weighted else None
    options = {"reduction": reduction, "weight": weight}

    expected = reduced(np.vectorize(by_hand)(a, b).astype(float), weight, reduction, per_weight)
    output = loss(tg.tensor(a), b, **options)
    assert output.shape == np.shape(expected)
    assert output.dtype == np.float64
    np.testing.assert_allclose(output.numpy(), expected, rtol=1e-12)

    assert_gradcheck(lambda a, b: loss(a, b, **options), leaf(a), leaf(b))


MODULES: dict[str, tuple[nn.Module, Callable[..., tg.Tensor]]] = {
    f"{type(module).__name__}-{module.reduction}-{i}": (module, function)
    for i, (make, function) in enumerate(
        [
            (lambda r: nn.MSELoss(reduction=r), F.mse_loss),
            (lambda r: nn.L1Loss(reduction=r), F.l1_loss),
            (lambda r: nn.HuberLoss(r, delta=0.3), lambda *a, **k: F.huber_loss(*a, delta=0.3, **k)),
            (lambda r: nn.BCELoss(reduction=r), F.binary_cross_entropy),
            (
                lambda r: nn.BCELoss([1.0, 2.0, 3.0], reduction=r),
                lambda *a, **k: F.binary_cross_entropy(*a, weight=[1.0, 2.0, 3.0], **k),
            ),
            (
                lambda r: nn.BCEWithLogitsLoss([1.0, 2.0, 3.0], reduction=r, pos_weight=[2.0, 1.0, 0.5]),
                lambda *a, **k: F.binary_cross_entropy_with_logits(*a, [1.0, 2.0, 3.0], pos_weight=[2, 1, 0.5], **k),
            ),
            (
                lambda r: nn.CrossEntropyLoss([1.0, 2.0, 3.0], ignore_index=0, reduction=r, label_smoothing=0.1),
                lambda *a, **k: F.cross_entropy(*a, [1.0, 2.0, 3.0], ignore_index=0, label_smoothing=0.1, **k),
            ),
        ]
    )
    for module in map(make, REDUCTIONS)
}


@pytest.mark.parametrize("name", MODULES)
def test_modules_pass_their_options_to_the_functions(name: str) -> None:
    module, function = MODULES[name]
    a = np.random.default_rng(0).uniform(0.1, 0.9, (4, 3))
    classes = isinstance(module, nn.CrossEntropyLoss)
    b = np.array([0, 1, 2, 1]) if classes else np.random.default_rng(1).uniform(0.1, 0.9, (4, 3))
    np.testing.assert_array_equal(
        module(tg.tensor(a), b).numpy(), function(tg.tensor(a), b, reduction=module.reduction).numpy()
    )


def test_nll_loss_module() -> None:
    log_probabilities = tg.tensor(np.log([[0.25, 0.75], [0.5, 0.5]]))
    loss = nn.NLLLoss(weight=[1.0, 3.0], ignore_index=0)(log_probabilities, [1, 0])
    np.testing.assert_allclose(loss.item(), -math.log(0.75))


def test_weights_of_loss_modules_are_buffers() -> None:
    loss = nn.BCEWithLogitsLoss(tg.tensor([1.0, 2.0]), pos_weight=tg.tensor([3.0, 4.0])).double()
    assert {name: buffer.dtype for name, buffer in loss.named_buffers()} == {"weight": "f8", "pos_weight": "f8"}
    assert list(loss.state_dict()) == ["weight", "pos_weight"]


@pytest.mark.parametrize("shape", [(3,), (2, 1), (2, 3), ()])
@pytest.mark.parametrize("name", ["weight", "pos_weight"])
def test_weights_broadcast_to_the_input(name: str, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    z, y, weight = random.normal(size=(2, 3)), random.uniform(size=(2, 3)), random.uniform(1, 2, shape)
    given_small = F.binary_cross_entropy_with_logits(leaf(z), y, **{name: weight})
    given_full = F.binary_cross_entropy_with_logits(leaf(z), y, **{name: np.broadcast_to(weight, (2, 3))})
    np.testing.assert_allclose(given_small.item(), given_full.item(), rtol=1e-14)
    assert_gradcheck(lambda z: F.binary_cross_entropy_with_logits(z, y, **{name: weight}), leaf(z))


# --- classes ----------------------------------------------------------------------------------------------------------


def nll_by_hand(
    log_probabilities: Array, target: Array, weight: Array | None, ignore: int, reduction: str, smoothing: float
) -> Any:
    """The definition, position by position. The classes lie along axis 1, or along the only axis."""
    last = np.moveaxis(log_probabilities, 1, -1) if log_probabilities.ndim > 1 else log_probabilities
    number = last.shape[-1]
    weights = np.ones(number) if weight is None else weight
    elements, total = np.zeros(target.shape), 0.0
    for position in np.ndindex(target.shape):
        y = target[position]
        if y == ignore:
            continue
        of_class = -weights[y] * last[position][y]
        of_all = -sum(weights[c] * last[position][c] for c in range(number))
        elements[position] = (1 - smoothing) * of_class + smoothing / number * of_all
        total += weights[y]
    if reduction == "mean":
        return elements.sum() / total if total else math.nan
    return elements.sum() if reduction == "sum" else elements


def log_softmax_by_hand(z: Array) -> Array:
    exponentials = np.exp(z - z.max())
    return np.log(exponentials / exponentials.sum(axis=min(1, z.ndim - 1), keepdims=True))


@st.composite
def logits_and_classes(draw: st.DrawFn) -> tuple[Array, Array]:
    """Logits with the classes along axis 1, or along the only axis, and a class for each position."""
    number = draw(st.integers(2, 4))
    around = draw(shapes(min_side=1))
    shape = (*around[:1], number, *around[1:])
    entries = math.prod(around)
    target = np.array(draw(st.lists(st.integers(0, number - 1), min_size=entries, max_size=entries)))
    return draw(numbers(shape)), target.reshape(around).astype(np.int64)


@pytest.mark.parametrize("smoothing", [0.0, 0.2], ids=["exact", "smoothed"])
@pytest.mark.parametrize("ignore", [-100, 1], ids=["all", "some"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@given(drawn=logits_and_classes(), data=st.data())
def test_losses_of_classes_equal_their_definition(
    reduction: str, weighted: bool, ignore: int, smoothing: float, drawn: tuple[Array, Array], data: st.DataObject
) -> None:
    z, target = drawn
    number = z.shape[min(1, z.ndim - 1)]
    weight = data.draw(numbers((number,), 0.5, 2)) if weighted else None

    def cross_entropy(z: tg.Tensor) -> tg.Tensor:
        return F.cross_entropy(z, target, weight, ignore_index=ignore, reduction=reduction, label_smoothing=smoothing)

    expected = nll_by_hand(log_softmax_by_hand(z), target, weight, ignore, reduction, smoothing)
    output = cross_entropy(tg.tensor(z))
    assert output.shape == np.shape(expected)
    np.testing.assert_allclose(output.numpy(), expected, rtol=1e-11, atol=1e-14)
    if not smoothing:
        exact = F.nll_loss(tg.tensor(z), tg.tensor(target), weight, ignore_index=ignore, reduction=reduction)
        np.testing.assert_allclose(exact.numpy(), nll_by_hand(z, target, weight, ignore, reduction, 0), rtol=1e-12)
    if np.isfinite(expected).all():
        assert_gradcheck(cross_entropy, leaf(z))
        assert_gradcheck(lambda z: F.nll_loss(z, target, weight, ignore_index=ignore, reduction=reduction), leaf(z))


@pytest.mark.parametrize("smoothing", [0.0, 0.2], ids=["exact", "smoothed"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@given(drawn=logits_and_classes(), data=st.data())
def test_cross_entropy_of_probabilities_equals_its_definition(
    reduction: str, weighted: bool, smoothing: float, drawn: tuple[Array, Array], data: st.DataObject
) -> None:
    z, classes = drawn
    axis = min(1, z.ndim - 1)
    number = z.shape[axis]
    target = data.draw(numbers(z.shape, 0.1, 1))
    target /= target.sum(axis=axis, keepdims=True)
    weight = data.draw(numbers((number,), 0.5, 2)) if weighted else None

    along = (number,) + (1,) * (z.ndim - 1 - axis)  # the shape in which a weight for each class broadcasts to z
    weights = np.ones(along) if weight is None else weight.reshape(along)
    elements = -(log_softmax_by_hand(z) * weights * ((1 - smoothing) * target + smoothing / number)).sum(axis)
    # The elements are weighted already, and their mean is over the targets, whatever the weights add up to.
    expected = reduced(elements, None, reduction, False)

    output = F.cross_entropy(tg.tensor(z), target, weight, reduction=reduction, label_smoothing=smoothing)
    assert output.shape == np.shape(expected) == (classes.shape if reduction == "none" else ())
    np.testing.assert_allclose(output.numpy(), expected, rtol=1e-11)
    options = {"reduction": reduction, "label_smoothing": smoothing}
    assert_gradcheck(lambda z, t: F.cross_entropy(z, t, weight, **options), leaf(z), leaf(target))


@pytest.mark.parametrize("loss", [F.nll_loss, F.cross_entropy])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_mean_over_no_targets_is_nan_with_gradients_of_zeros(
    loss: Callable[..., tg.Tensor], smoothing: float
) -> None:
    z = leaf(np.ones((2, 3)))
    mean = loss(z, [-100, -100], **({"label_smoothing": smoothing} if loss is F.cross_entropy else {}))
    mean.backward()
    assert math.isnan(mean.item())
    np.testing.assert_array_equal(z.grad.numpy(), np.zeros((2, 3)))


def test_an_ignored_target_hides_infinite_logits() -> None:
    z = leaf(np.array([[-np.inf, 0.0], [1.0, 0.0]]))
    loss = F.cross_entropy(z, [-100, 1])
    loss.backward()
    np.testing.assert_allclose(loss.item(), math.log(1 + math.e))
    np.testing.assert_allclose(z.grad.numpy()[0], 0)


def test_an_impossible_class_that_is_not_the_target_has_no_effect() -> None:
    z = leaf(np.array([[-np.inf, 0.0, 0.0]]))
    loss = F.cross_entropy(z, [1])
    loss.backward()
    np.testing.assert_allclose(loss.item(), math.log(2))
    np.testing.assert_allclose(z.grad.numpy(), [[0, -0.5, 0.5]])


# --- at the ends of their range ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "input", "target", "value", "gradient"),
    [
        (F.binary_cross_entropy, [0.0, 1.0], [1.0, 0.0], 200, [-1e12, 1e12]),
        (F.binary_cross_entropy, [0.0, 1.0], [0.0, 1.0], 0, [0, 0]),
        (F.binary_cross_entropy_with_logits, [-1000.0, 1000.0], [1.0, 0.0], 2000, [-1, 1]),
        (F.binary_cross_entropy_with_logits, [-1000.0, 1000.0], [0.0, 1.0], 0, [0, 0]),
        (F.l1_loss, [1.0, 2.0], [1.0, 2.0], 0, [0, 0]),
        (F.huber_loss, [1.0, -1.0], [0.0, 0.0], 1, [1, -1]),
        (F.cross_entropy, [-1000.0, 1000.0], 0, 2000, [-1, 1]),
    ],
)
def test_losses_at_the_ends_of_their_range(
    loss: Any, input: list[float], target: Any, value: float, gradient: list[float]
) -> None:
    x = leaf(np.array(input))
    total = loss(x, target, reduction="sum")
    total.backward()
    assert total.item() == value
    np.testing.assert_allclose(x.grad.numpy(), gradient, atol=1e-300)


@pytest.mark.parametrize("loss", [F.mse_loss, F.binary_cross_entropy, F.binary_cross_entropy_with_logits])
def test_second_derivatives_of_elementwise_losses(loss: Callable[..., tg.Tensor]) -> None:
    a = np.random.default_rng(0).uniform(0.2, 0.8, (2, 3))
    b = np.random.default_rng(1).uniform(0.2, 0.8, (2, 3))
    assert gradgradcheck(lambda a: loss(a, b), [leaf(a)], atol=1e-6, rtol=1e-5)


def test_second_derivatives_of_cross_entropy() -> None:
    z = leaf(np.random.default_rng(0).normal(size=(3, 4)))
    assert gradgradcheck(lambda z: F.cross_entropy(z, [0, 3, 1], label_smoothing=0.1), [z], atol=1e-6, rtol=1e-5)


# --- dtypes and what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [[0, 1], np.array([0, 1]), np.array([False, True]), tg.tensor([0, 1])])
@pytest.mark.parametrize(
    "loss", [F.mse_loss, F.l1_loss, F.huber_loss, F.binary_cross_entropy, F.binary_cross_entropy_with_logits]
)
def test_integer_targets_do_not_widen_the_loss(loss: Callable[..., tg.Tensor], target: Any) -> None:
    assert loss(tg.tensor([0.25, 0.5]), target).dtype == np.float32


# Integers with which the loss of an entry does not fit into 8 bits, nor, of the last ones, into 32.
INTEGERS: list[tuple[Any, list[int], list[int]]] = [
    (np.uint8, [1, 2, 200], [20, 3, 7]),
    (np.int8, [100, -100, 1], [-100, 100, 2]),
    (np.int32, [100_000, 7, 1], [-100_000, 8, 1]),
    (np.bool_, [True, False, True], [False, True, True]),
]
OF_INTEGERS: dict[str, Callable[[Any, Any], tg.Tensor]] = {
    "mse_loss": F.mse_loss,
    "mse_loss with weights": lambda a, b: F.mse_loss(a, b, weight=np.array([1, 2, 250], np.uint8)),
    "l1_loss": lambda a, b: F.l1_loss(a, b, reduction="sum"),
    "huber_loss": F.huber_loss,
    "binary_cross_entropy_with_logits": lambda a, b: F.binary_cross_entropy_with_logits(a, (b > 0).to(a.dtype)),
    "pos_weight": lambda a, b: F.binary_cross_entropy_with_logits(
        a, (b > 0).to(a.dtype), pos_weight=np.array([0, 1, 0], np.uint8)
    ),
    "nll_loss": lambda a, b: F.nll_loss(a.reshape(1, 3), [2]),
    "cross_entropy": lambda a, b: F.cross_entropy(a.reshape(1, 3), [2]),
    "cross_entropy of probabilities": lambda a, b: F.cross_entropy(a.reshape(1, 3), np.array([[0.5, 0.25, 0.25]])),
    "softmax": lambda a, b: a.softmax(0),
    "log_softmax": lambda a, b: F.log_softmax(a, 0),
    "logsumexp": lambda a, b: a.logsumexp(0),
    "dropout": lambda a, b: F.dropout(a, 0.3, generator=np.random.default_rng(0)),
    "gelu": lambda a, b: F.gelu(a, "tanh"),
    "softplus": lambda a, b: F.softplus(a, 2),
    "elu": lambda a, b: F.elu(a),
    "silu": lambda a, b: F.silu(a),
    "leaky_relu": lambda a, b: F.leaky_relu(a),
    "numpy.linalg.norm": lambda a, b: np.linalg.norm(a),
}


@pytest.mark.parametrize(("dtype", "a", "b"), INTEGERS)
@pytest.mark.parametrize("name", OF_INTEGERS)
def test_integers_and_booleans_are_computed_with_as_floats(name: str, dtype: Any, a: list[int], b: list[int]) -> None:
    computed = OF_INTEGERS[name](tg.tensor(np.array(a, dtype)), tg.tensor(np.array(b, dtype)))
    expected = OF_INTEGERS[name](tg.tensor(np.array(a, np.float64)), tg.tensor(np.array(b, np.float64)))
    assert computed.dtype.kind == "f"
    np.testing.assert_allclose(computed, expected, rtol=1e-6, atol=1e-30)


def test_a_loss_has_the_dtype_of_its_input() -> None:
    """A target and weights are converted to it. An input of integers takes that of its target, or the default dtype."""
    single, double = tg.tensor([0.25, 0.5], requires_grad=True), tg.tensor(np.array([0.25, 0.5]))
    for loss in (F.mse_loss, F.l1_loss, F.huber_loss, F.binary_cross_entropy, F.binary_cross_entropy_with_logits):
        for target in (double, double.numpy(), [0.25, 0.5]):
            for weight in (None, double, double.numpy(), [1, 2]):
                assert loss(single, target, weight=weight).dtype == np.float32
                assert loss(double, single, weight=weight).dtype == np.float64
    assert F.mse_loss(tg.tensor([1, 2]), double).dtype == np.float64
    assert F.mse_loss(tg.tensor([1, 2]), tg.tensor([1, 3])).dtype == np.float32
    F.mse_loss(double, single).backward()
    assert single.grad is not None
    assert single.grad.dtype == np.float32


@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
def test_class_losses_keep_the_dtype(loss: Callable[..., tg.Tensor]) -> None:
    for reduction, weight in itertools.product(REDUCTIONS, [None, np.ones(2)]):
        assert loss(tg.tensor([[0.25, 0.5]]), [1], weight, reduction=reduction).dtype == np.float32


@pytest.mark.parametrize(
    "loss", [F.mse_loss, F.l1_loss, F.huber_loss, F.binary_cross_entropy, F.binary_cross_entropy_with_logits]
)
def test_shapes_that_would_broadcast_are_refused(loss: Callable[..., tg.Tensor]) -> None:
    with pytest.raises(ValueError, match=r"\(3, 1\) and target of shape \(3,\) must be equal.*reshape\(3, 1\)"):
        loss(tg.tensor(np.ones((3, 1))), np.ones(3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.MSELoss(reduction="average"), "reduction is 'mean', 'sum' or 'none', not 'average'"),
        (lambda: F.nll_loss(tg.tensor([[0.0, 1.0]]), [0], reduction="x"), "reduction"),
        (lambda: F.cross_entropy(tg.tensor([[0.0, 1.0]]), [0], reduction="x"), "reduction"),
        (lambda: F.binary_cross_entropy(tg.tensor([1.5]), [1.0]), r"input must lie in \[0, 1\].*1.5"),
        (lambda: F.binary_cross_entropy(tg.tensor([0.5]), [-1.0]), r"target must lie in \[0, 1\].*-1"),
        (lambda: F.binary_cross_entropy(tg.tensor([np.nan]), [1.0]), "input must lie"),
        (lambda: F.huber_loss(tg.tensor([0.5]), [1.0], delta=0), "positive"),
        (lambda: nn.HuberLoss(delta=-1), "positive"),
        (lambda: F.mse_loss(tg.tensor([0.5]), [1.0], weight=[1.0, 2.0]), r"weight has shape \(2,\)"),
        (lambda: F.l1_loss(tg.tensor([0.5, 1.0]), [1.0, 1.0], weight=2.0), r"weight has shape \(\)"),
        (lambda: F.binary_cross_entropy(tg.tensor([0.5]), [1.0], [[1.0], [2.0]]), r"weight of shape \(2, 1\)"),
        (
            lambda: F.binary_cross_entropy_with_logits(tg.tensor([0.5]), [1.0], pos_weight=[1.0, 2.0]),
            r"weight of shape \(2,\)",
        ),
        (
            lambda: F.binary_cross_entropy_with_logits(tg.zeros(2, 3), tg.zeros(2, 3), pos_weight=tg.ones(4)),
            r"weight of shape \(4,\) does not fit elements of shape \(2, 3\)",
        ),
        (lambda: F.cross_entropy(tg.zeros(1, 2), tg.ones(1, 2) / 2, ignore_index=1), "ignore_index=1 is of classes"),
        (lambda: F.cross_entropy(tg.tensor([[0.0, 1.0]]), [2]), "go from 0 to 1, but span 2 … 2"),
        (lambda: F.cross_entropy(tg.tensor([[0.0, 1.0]]), [-1]), "go from 0 to 1, but span -1 … -1"),
        (lambda: F.cross_entropy(tg.tensor([[0.0, 1.0]]), [0, 1]), r"shape \(1, 2\) with int64 of shape \(2,\)"),
        (lambda: F.cross_entropy(tg.tensor([[0.0, 1.0]]), [1.0]), r"must be equal: write target.long\(\)"),
        (lambda: F.cross_entropy(tg.zeros(3), tg.zeros(4, 3)), "must be equal: are they of the same samples"),
        (lambda: F.mse_loss(tg.zeros(4, 3), [0, 1, 2, 0]), "must be equal: use cross_entropy if it holds classes"),
        (lambda: F.nll_loss(tg.tensor([[0.0, 1.0]]), [1.0]), r"integer classes.*: write target.long\(\)"),
        (lambda: F.cross_entropy(tg.zeros(2), [0, 1]), r"write target.argmax\(dim=0\)"),
        (lambda: F.cross_entropy(tg.zeros(2, 3), [[0], [1]]), r"write target.squeeze\(1\)"),
        (lambda: F.l1_loss(tg.zeros(3), 1.0), "are they of the same samples"),
        (lambda: F.cross_entropy(tg.zeros(1, 2), [[0, 1]]), r"write target.argmax\(dim=1\).*target.float\(\)"),
        (lambda: F.cross_entropy(tg.zeros(3, 2), [0, 1]), "are they of the same samples"),
        (lambda: F.binary_cross_entropy(tg.tensor([0.5]), [2.0]), "target must lie.*use cross_entropy for classes"),
        (lambda: F.nll_loss(tg.tensor(0.0), 0), "integer classes"),
        (lambda: F.cross_entropy(tg.tensor([[0.0, 1.0]]), [0], weight=[1.0]), r"shape \(1,\), but there are 2 classes"),
        (lambda: F.cross_entropy(tg.tensor([[0.0, 1.0]]), [0], label_smoothing=1.5), "label_smoothing"),
    ],
)
def test_bad_arguments_are_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_cross_entropy_of_large_logits_is_exact() -> None:
    """In float32, ln Σ eᶻ − z would lose all digits of the difference."""
    logits = tg.tensor([[1e8, 1e8, -1e8]], requires_grad=True)
    loss = F.cross_entropy(logits, [0])
    loss.backward()
    np.testing.assert_allclose(loss.item(), np.log(2), rtol=1e-6)
    np.testing.assert_allclose(logits.grad, [[-0.5, 0.5, 0]], rtol=1e-6)
