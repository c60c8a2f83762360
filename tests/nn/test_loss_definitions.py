"""Losses of margins, distances and distributions equal their definition, entry by entry or row by row."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import test_losses
from hypothesis import given
from hypothesis import strategies as st
from strategies import Array, leaf, numbers

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.autograd import gradcheck, gradgradcheck
from tinygrad_mlp.nn import functional as F
from tinygrad_mlp.nn import losses

REDUCTIONS = ["mean", "sum", "none"]
SAMPLES, CLASSES = 3, 4
Loss = Callable[..., Any]


def by_entry(loss: Callable[..., float]) -> Loss:
    """The losses of all entries, from that of one."""
    return lambda *arrays: np.vectorize(loss, otypes=[float])(*np.broadcast_arrays(*arrays))


def by_row(loss: Callable[..., float]) -> Loss:
    """The losses of all samples, from that of one."""
    return lambda *arrays: np.array([loss(*rows) for rows in zip(*arrays, strict=True)])


def smooth(beta: float) -> Callable[[float, float], float]:
    return lambda a, b: (a - b) ** 2 / (2 * beta) if abs(a - b) < beta else abs(a - b) - beta / 2


def stirling(y: float) -> float:
    return y * math.log(y) - y + math.log(2 * math.pi * y) / 2 if y > 1 else 0


def distance(x: Array, y: Array, p: float = 2, eps: float = 1e-6) -> Any:
    return (np.abs(x - y + eps) ** p).sum() ** (1 / p)


def cosine(x: Array, y: Array) -> Any:
    return (x * y).sum() / math.sqrt((x * x).sum() * (y * y).sum())


def triplet(margin: float = 1.0, swap: bool = False, **options: Any) -> Callable[[Array, Array, Array], float]:
    def loss(anchor: Array, positive: Array, negative: Array) -> float:
        far = distance(anchor, negative, **options)
        if swap:
            far = min(far, distance(positive, negative, **options))
        return max(0.0, margin + distance(anchor, positive, **options) - far)

    return loss


def multi_margin(margin: float, p: int, weight: Any = (1, 1, 1, 1)) -> Callable[[Array, int], float]:
    def loss(x: Array, y: int) -> float:
        return sum(weight[y] * max(0.0, margin - x[y] + x[j]) ** p for j in range(CLASSES) if j != y) / CLASSES

    return loss


def multilabel_margin(x: Array, target: Array) -> float:
    labels = [*target, -1]
    labels = labels[: labels.index(-1)]
    others = [j for j in range(CLASSES) if j not in labels]
    return sum(max(0.0, 1 - x[y] + x[j]) for y in labels for j in others) / CLASSES


def soft_labels(x: Array, y: Array) -> Any:
    return (-y * np.log(1 / (1 + np.exp(-x))) - (1 - y) * np.log(1 / (1 + np.exp(x)))).mean()


# What an input of a loss is: entries between two ends, or the integers of an example.
ANY, UNIT, POSITIVE = (-2, 2), (0.1, 0.9), (0.2, 3)
ENTRY_SIGN, SIGN, CLASS, LABELS = "entry sign", "sign", "class", "labels"
EXAMPLES = {
    "entry sign": np.array([[1, -1, 1, 1], [-1, -1, 1, -1], [1, 1, -1, -1]]), "sign": np.array([1, -1, 1]),
    "class": np.array([0, 3, 1]), "labels": np.array([[0, 2, -1, 1], [-1, 0, 0, 0], [3, 1, 3, 2]]),
    "counts": np.array([[0, 1, 2, 3], [5, 0, 1, 9], [2, 2, 0, 1]]),
}  # fmt: skip
WEIGHT = np.array([0.5, 1.0, 2.0, 1.5])

# The loss, its definition, and its inputs.
DEFINITIONS: dict[str, tuple[Loss, Loss, list[Any]]] = {
    "smooth_l1_loss": (F.smooth_l1_loss, by_entry(smooth(1)), [ANY, ANY]),
    "smooth_l1_loss, beta": (lambda *a, **k: F.smooth_l1_loss(*a, beta=0.5, **k), by_entry(smooth(0.5)), [ANY, ANY]),
    "smooth_l1_loss, beta 0": (
        lambda *a, **k: F.smooth_l1_loss(*a, beta=0, **k), by_entry(lambda a, b: abs(a - b)), [ANY, (2.1, 3)]),
    "kl_div": (F.kl_div, by_entry(lambda a, p: p * (math.log(p) - a)), [ANY, UNIT]),
    "kl_div, log_target": (
        lambda *a, **k: F.kl_div(*a, log_target=True, **k), by_entry(lambda a, q: math.exp(q) * (q - a)), [ANY, ANY]),
    "gaussian_nll_loss": (
        F.gaussian_nll_loss, by_entry(lambda a, y, v: (math.log(v) + (a - y) ** 2 / v) / 2), [ANY, ANY, POSITIVE]),
    "gaussian_nll_loss, full": (
        lambda *a, **k: F.gaussian_nll_loss(*a, full=True, **k),
        by_entry(lambda a, y, v: (math.log(2 * math.pi * v) + (a - y) ** 2 / v) / 2), [ANY, ANY, POSITIVE]),
    "poisson_nll_loss": (F.poisson_nll_loss, by_entry(lambda a, y: math.exp(a) - y * a), [ANY, "counts"]),
    "poisson_nll_loss, full": (
        lambda *a, **k: F.poisson_nll_loss(*a, log_input=False, full=True, eps=0, **k),
        by_entry(lambda rate, y: rate - y * math.log(rate) + stirling(y)), [POSITIVE, "counts"]),
    "soft_margin_loss": (F.soft_margin_loss, by_entry(lambda x, y: math.log(1 + math.exp(-x * y))), [ANY, ENTRY_SIGN]),
    "hinge_embedding_loss": (
        F.hinge_embedding_loss, by_entry(lambda x, y: x if y == 1 else max(0, 1 - x)), [ANY, ENTRY_SIGN]),
    "hinge_embedding_loss, margin": (
        lambda *a, **k: F.hinge_embedding_loss(*a, margin=0.5, **k),
        by_entry(lambda x, y: x if y == 1 else max(0, 0.5 - x)), [ANY, ENTRY_SIGN]),
    "margin_ranking_loss": (
        lambda *a, **k: F.margin_ranking_loss(*a, margin=0.5, **k),
        by_entry(lambda x1, x2, y: max(0, 0.5 - y * (x1 - x2))), [ANY, ANY, ENTRY_SIGN]),
    "cosine_embedding_loss": (
        lambda *a, **k: F.cosine_embedding_loss(*a, margin=0.2, **k),
        by_row(lambda x, z, y: 1 - cosine(x, z) if y == 1 else max(0, cosine(x, z) - 0.2)), [UNIT, ANY, SIGN]),
    "triplet_margin_loss": (F.triplet_margin_loss, by_row(triplet()), [ANY, UNIT, POSITIVE]),
    "triplet_margin_loss, options": (
        lambda *a, **k: F.triplet_margin_loss(*a, margin=3, p=3, eps=0.1, swap=True, **k),
        by_row(triplet(3, True, p=3, eps=0.1)), [ANY, UNIT, POSITIVE]),
    "triplet_margin_with_distance_loss": (
        lambda *a, **k: F.triplet_margin_with_distance_loss(
            *a, distance_function=lambda x, y: F.pairwise_distance(x, y, 3, 0.1), margin=2, **k),
        by_row(triplet(2, p=3, eps=0.1)), [ANY, UNIT, POSITIVE]),
    "multi_margin_loss": (F.multi_margin_loss, by_row(multi_margin(1, 1)), [ANY, CLASS]),
    "multi_margin_loss, options": (
        lambda *a, **k: F.multi_margin_loss(*a, p=2, margin=0.5, weight=WEIGHT, **k),
        by_row(multi_margin(0.5, 2, WEIGHT)), [ANY, CLASS]),
    "multilabel_margin_loss": (F.multilabel_margin_loss, by_row(multilabel_margin), [ANY, LABELS]),
    "multilabel_soft_margin_loss": (F.multilabel_soft_margin_loss, by_row(soft_labels), [ANY, UNIT]),
    "multilabel_soft_margin_loss, weight": (
        lambda *a, **k: F.multilabel_soft_margin_loss(*a, weight=np.full(CLASSES, 2.5), **k),
        by_row(lambda x, y: 2.5 * soft_labels(x, y)), [ANY, UNIT]),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:kl_div")
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", DEFINITIONS)
@given(data=st.data())
def test_losses_equal_their_definition(name: str, reduction: str, data: st.DataObject) -> None:
    loss, definition, kinds = DEFINITIONS[name]
    inputs = [
        EXAMPLES[kind] if isinstance(kind, str) else data.draw(numbers((SAMPLES, CLASSES), *kind)) for kind in kinds
    ]
    elements = definition(*inputs)
    expected = {"mean": elements.mean(), "sum": elements.sum(), "none": elements}[reduction]
    output = loss(*map(tg.tensor, inputs), reduction=reduction)
    assert output.shape == np.shape(expected)
    np.testing.assert_allclose(output.numpy(), expected, rtol=1e-10, atol=1e-10)

    floats = [leaf(x) for x in inputs if x.dtype.kind == "f"]
    integers = [tg.tensor(x) for x in inputs if x.dtype.kind != "f"]

    def of_floats(*given: tg.Tensor) -> tg.Tensor:
        result: tg.Tensor = loss(*given, *integers, reduction=reduction)
        return result

    assert gradcheck(of_floats, floats, atol=1e-6, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:kl_div")
@pytest.mark.parametrize("name", DEFINITIONS)
def test_second_derivatives_of_losses(name: str) -> None:
    loss, _, kinds = DEFINITIONS[name]
    random = np.random.default_rng(0)
    floats = [leaf(random.uniform(*kind, (SAMPLES, CLASSES))) for kind in kinds if not isinstance(kind, str)]
    integers = [tg.tensor(EXAMPLES[kind]) for kind in kinds if isinstance(kind, str)]
    assert gradgradcheck(lambda *given: loss(*given, *integers), floats, atol=1e-5, rtol=1e-4)


# A module of each class with unusual options, and the same call of its function.
MODULES: list[tuple[nn.Module, Loss, list[Any]]] = [
    (
        nn.SmoothL1Loss(reduction="sum", beta=0.5),
        lambda *a: F.smooth_l1_loss(*a, reduction="sum", beta=0.5), [ANY, ANY],
    ),
    (
        nn.KLDivLoss(reduction="batchmean", log_target=True),
        lambda *a: F.kl_div(*a, reduction="batchmean", log_target=True), [ANY, ANY],
    ),
    (
        nn.GaussianNLLLoss(full=True, eps=0.5, reduction="none"),
        lambda *a: F.gaussian_nll_loss(*a, True, 0.5, "none"), [ANY, ANY, POSITIVE],
    ),
    (
        nn.PoissonNLLLoss(False, True, eps=0.1, reduction="none"),
        lambda *a: F.poisson_nll_loss(*a, False, True, eps=0.1, reduction="none"), [POSITIVE, "counts"],
    ),
    (nn.SoftMarginLoss(reduction="none"), lambda *a: F.soft_margin_loss(*a, reduction="none"), [ANY, ENTRY_SIGN]),
    (
        nn.HingeEmbeddingLoss(0.5, reduction="sum"),
        lambda *a: F.hinge_embedding_loss(*a, 0.5, reduction="sum"), [ANY, ENTRY_SIGN],
    ),
    (
        nn.MarginRankingLoss(0.5, reduction="sum"),
        lambda *a: F.margin_ranking_loss(*a, 0.5, reduction="sum"), [ANY, ANY, ENTRY_SIGN],
    ),
    (
        nn.CosineEmbeddingLoss(0.5, reduction="sum"),
        lambda *a: F.cosine_embedding_loss(*a, 0.5, reduction="sum"), [ANY, ANY, SIGN],
    ),
    (
        nn.TripletMarginLoss(2, 3, 0.1, True, reduction="none"),
        lambda *a: F.triplet_margin_loss(*a, 2, 3, 0.1, True, reduction="none"), [ANY, ANY, ANY],
    ),
    (
        nn.TripletMarginWithDistanceLoss(distance_function=nn.PairwiseDistance(3), margin=2, reduction="none"),
        lambda *a: F.triplet_margin_loss(*a, 2, 3, reduction="none"), [ANY, ANY, ANY],
    ),
    (nn.TripletMarginWithDistanceLoss(), F.triplet_margin_loss, [ANY, ANY, ANY]),
    (
        nn.MultiMarginLoss(2, 0.5, WEIGHT, reduction="none"),
        lambda *a: F.multi_margin_loss(*a, 2, 0.5, WEIGHT, reduction="none"), [ANY, CLASS],
    ),
    (
        nn.MultiLabelMarginLoss(reduction="none"),
        lambda *a: F.multilabel_margin_loss(*a, reduction="none"), [ANY, LABELS],
    ),
    (
        nn.MultiLabelSoftMarginLoss(WEIGHT, reduction="none"),
        lambda *a: F.multilabel_soft_margin_loss(*a, WEIGHT, reduction="none"), [ANY, UNIT],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("module", "function", "kinds"), MODULES, ids=[type(row[0]).__name__ for row in MODULES])
def test_modules_pass_their_options_to_the_functions(module: nn.Module, function: Loss, kinds: list[Any]) -> None:
    random = np.random.default_rng(0)
    arrays = [EXAMPLES[kind] if isinstance(kind, str) else random.uniform(*kind, (SAMPLES, CLASSES)) for kind in kinds]
    inputs = [tg.tensor(array) for array in arrays]
    np.testing.assert_array_equal(module(*inputs), function(*inputs))


def test_every_loss_is_in_a_table() -> None:
    tested = [*(module for module, _, _ in MODULES), *(module for module, _ in test_losses.MODULES.values())]
    assert {type(module).__name__ for module in tested} == {*losses.__all__} - {"NLLLoss"}


def test_the_divergence_of_a_batch_is_the_mean_over_its_samples() -> None:
    p, q = np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]]), np.array([[0.25, 0.25, 0.5], [0.2, 0.3, 0.5]])
    divergence = F.kl_div(tg.tensor(np.log(q)), tg.tensor(p, requires_grad=True), reduction="batchmean")
    np.testing.assert_allclose(divergence.item(), math.log(2) / 2)
    divergence.backward()  # also where a probability is 0
    with pytest.warns(UserWarning, match="write reduction='batchmean'"):
        np.testing.assert_allclose(F.kl_div(tg.tensor(np.log(q)), tg.tensor(p)).item(), math.log(2) / 6)
    assert F.kl_div(tg.tensor(0.5), tg.tensor(1.0), reduction="batchmean").item() == -0.5


def test_variances_may_lack_the_last_dimension_or_be_one_number() -> None:
    a, y, v = np.random.default_rng(0).uniform(0.5, 2, (3, 2, 3))
    for given_as in (v[:, 0], v[:, :1]):
        expected = F.gaussian_nll_loss(tg.tensor(a), y, np.broadcast_to(v[:, :1], (2, 3)))
        np.testing.assert_allclose(F.gaussian_nll_loss(tg.tensor(a), y, given_as).item(), expected.item())
    expected = F.gaussian_nll_loss(tg.tensor(a), y, np.full((2, 3), 2.0))
    for number in (2, 2.0):
        np.testing.assert_allclose(F.gaussian_nll_loss(tg.tensor(a), y, number).item(), expected.item())


def test_losses_of_scores_are_exact_far_from_zero() -> None:
    x = leaf([-1e4, 1e4])
    loss = F.soft_margin_loss(x, [1, 1], reduction="sum")
    loss.backward()
    assert loss.item() == 1e4
    assert x.grad.tolist() == [-1, 0]


def test_at_a_margin_the_gradient_is_that_of_a_clamp_or_of_a_ReLU() -> None:
    x = leaf([1.0])
    F.hinge_embedding_loss(x, [-1]).backward()
    assert x.grad.tolist() == [-1]
    x = leaf([1.0, 0.0])
    F.multi_margin_loss(x, 0).backward()
    assert x.grad.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: F.smooth_l1_loss(x, x, beta=-1), "beta.*at least 0, not -1"),
        (lambda x: F.smooth_l1_loss(x, x[0]), r"input of shape \(3, 4\) and target of shape \(4,\) must be equal"),
        (lambda x: F.kl_div(x, x, reduction="batch"), "'mean', 'sum', 'none' or 'batchmean', not 'batch'"),
        (lambda x: nn.KLDivLoss(reduction="batch"), "'batchmean', not 'batch'"),
        (lambda x: nn.SoftMarginLoss(reduction="batchmean"), "'mean', 'sum' or 'none', not 'batchmean'"),
        (lambda x: F.gaussian_nll_loss(x, x, -x - 3), "var has variances, but the least is -"),
        (
            lambda x: F.gaussian_nll_loss(x, x, tg.ones(4)),
            r"var of shape \(4,\) does not fit an input of shape \(3, 4\)",
        ),
        (lambda x: F.gaussian_nll_loss(x[:, :1], tg.ones(3), 1.0), r"target of shape \(3,\) does not fit"),
        (lambda x: F.gaussian_nll_loss(x, x, 1.0, eps="a"), "eps is a number, not 'a'"),
        (lambda x: F.poisson_nll_loss(x, x, eps="a"), "eps is a number, not 'a'"),
        (lambda x: F.hinge_embedding_loss(x, x, margin="a"), "margin is a number, not 'a'"),
        (lambda x: F.margin_ranking_loss(x, x[0], x), r"input2 of shape \(4,\) must be equal"),
        (lambda x: F.cosine_embedding_loss(x, x, x), r"input of shape \(3,\) and target of shape \(3, 4\)"),
        (lambda x: F.cosine_embedding_loss(x[None], x[None], [1]), r"takes inputs of shape \(N, D\) or \(D,\)"),
        (lambda x: F.triplet_margin_loss(x, x, x[0]), r"negative of shape \(4,\) must be equal"),
        (lambda x: F.triplet_margin_loss(x, x, x, margin=0), "margin is a positive number, not 0"),
        (lambda x: F.multi_margin_loss(x, [0, 1, 2], p=3), "p is 1 or 2, not 3"),
        (lambda x: F.multi_margin_loss(x, [0, 1, 4]), "go from 0 to 3, but span 0 … 4"),
        (lambda x: F.multi_margin_loss(x, [0, 1]), "multi_margin_loss takes inputs"),
        (lambda x: F.multi_margin_loss(x[None], [0]), r"takes inputs of shape \(N, C\) or \(C,\)"),
        (lambda x: F.multi_margin_loss(x, [0, 1, 2], weight=[1.0]), "but there are 4 classes"),
        (lambda x: F.multilabel_margin_loss(x, x), "multilabel_soft_margin_loss takes zeros and ones"),
        (lambda x: F.multilabel_margin_loss(x[0], [0, 4, -1, 0]), "go from 0 to 3, but span 0 … 4"),
        (lambda x: nn.MultiMarginLoss(weight=tg.ones(1, 2)), "weight has one entry for each class"),
        (lambda x: nn.MarginRankingLoss()(x, x, x[0]), "MarginRankingLoss.*must be equal"),
    ],
)
def test_bad_arguments_are_refused(call: Callable[[tg.Tensor], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(tg.ones(3, 4))
