"""Activations, distances and losses have PyTorch's values and derivatives, first and second, with all their options."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from agreement import DTYPES, close
from numpy.typing import NDArray
from test_peers_nn import ACTIVATIONS, PIECEWISE, Spec, pair

import tinygrad_mlp as tg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing PyTorch gives warnings
    torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")

Array = NDArray[Any]


# --- activations ------------------------------------------------------------------------------------------------------


def same_derivatives(call: Callable[..., Any], dtype: Any, *inputs: Array, orders: int = 2) -> None:
    """Assert that ``call(library, *inputs)`` has the same value and derivatives, first and second, in both libraries.

    Floating inputs become `dtype`, and the derivatives are with respect to them.
    """
    found = []
    for library in (tg, torch):
        given = [library.tensor(x.astype(dtype) if x.dtype.kind == "f" else x) for x in inputs]
        leaves = [x.requires_grad_() for x in given if "float" in str(x.dtype)]
        outputs = [call(library, *given)]
        results = [*outputs]
        random = np.random.default_rng(0)
        for order in range(orders):
            cotangents = [library.tensor(random.normal(size=tuple(y.shape)).astype(dtype)) for y in outputs]
            pairs = [pair for pair in zip(outputs, cotangents, strict=True) if pair[0].requires_grad]
            gradients: Any = [None for _ in leaves]
            if pairs:  # otherwise a derivative is constant
                total = sum((y * g).sum() for y, g in pairs)
                gradients = library.autograd.grad(total, leaves, create_graph=not order, allow_unused=True)
            outputs = [library.zeros_like(x) if g is None else g for x, g in zip(leaves, gradients, strict=True)]
            results += outputs
        found.append(results)
    for i, (ours, theirs) in enumerate(zip(*found, strict=True)):
        close(ours, theirs, f"result {i}")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spec", [*ACTIVATIONS, *PIECEWISE, ("GLU", (), {}), ("GLU", (0,), {})], ids=repr)
def test_derivatives_of_activations_agree_at_kinks(spec: Spec, dtype: Any) -> None:
    """At 0, second derivatives are those from one side, and not always from the same one."""
    points = np.array([[0.1, 0.5, 1, 2, 3, 6], [-3, -0.5, -1, -2, 0.25, -7.5]])
    ours, theirs = pair([spec], dtype)
    same_derivatives(lambda library, x: (ours if library is tg else theirs)(x), dtype, points)
    same_derivatives(lambda library, x: (ours if library is tg else theirs)(x), dtype, points * 0, orders=1)


def test_hardsigmoid_agrees() -> None:
    """In float32 alone: PyTorch rounds its slope, 1/6, to float32 always. It has no second derivative of it."""
    points = np.array([-4, -3, -2.5, 0, 1, 3, 5])
    same_derivatives(lambda library, x: library.nn.Hardsigmoid()(x), np.float32, points, orders=1)


IN_PLACE: dict[str, tuple[Any, ...]] = {
    "relu_": (), "leaky_relu_": (0.3,), "rrelu_": (0.2, 0.2), "elu_": (0.7,), "selu_": (), "celu_": (0.5,),
    "threshold_": (0.5, 7.0), "hardtanh_": (-0.5, 2.0),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_PLACE)
def test_functions_in_place_agree(name: str) -> None:
    def call(library: Any, x: Any) -> Any:
        y = x * 1
        view = y[0]
        changed = getattr(library.nn.functional, name)(y, *IN_PLACE[name])
        assert changed is y
        return view * y

    same_derivatives(call, np.float64, np.array([[-1.5, 0.25, 3.0], [0.75, -0.5, -3.0]]))
    same_derivatives(lambda library, x: call(library, x[:, 1:]), np.float64, np.array([[-1.5, 0.25, 3.0]]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weights", [1, 3])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4)], ids=str)
def test_prelu_agrees(weights: int, shape: tuple[int, ...], dtype: Any) -> None:
    x, weight = np.random.default_rng(0).normal(size=shape), np.linspace(0.2, 0.6, weights)
    if weights == 1 or len(shape) > 1:
        same_derivatives(lambda library, x, w: library.nn.functional.prelu(x, w), dtype, x, weight)
    else:
        for library in (tg, torch):
            with pytest.raises((ValueError, RuntimeError)):
                library.nn.functional.prelu(library.tensor(x), library.tensor(weight))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "call",
    [
        lambda F, x, y: F.normalize(x), lambda F, x, y: F.normalize(x, p=1.5, dim=0),
        lambda F, x, y: F.normalize(x, dim=(0, 1), eps=10.0),
        lambda F, x, y: F.cosine_similarity(x, y), lambda F, x, y: F.cosine_similarity(x, y[0], dim=0),
        lambda F, x, y: F.cosine_similarity(x, y, eps=10.0), lambda F, x, y: F.pairwise_distance(x, y),
        lambda F, x, y: F.pairwise_distance(x, y[0], p=3, keepdim=True),
        lambda F, x, y: F.pairwise_distance(x, y, 1.0, 0.5),
    ],
)  # fmt: skip
def test_distances_agree(call: Callable[..., Any], dtype: Any) -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 3, 4))
    same_derivatives(lambda library, x, y: call(library.nn.functional, x, y), dtype, x, y)


def test_distances_of_zeros_agree() -> None:
    x, y = np.zeros((3, 4)), np.random.default_rng(0).normal(size=(3, 4))
    calls: list[Callable[..., Any]] = [
        lambda F, x, y: F.normalize(x), lambda F, x, y: F.cosine_similarity(x, y),
        lambda F, x, y: F.pairwise_distance(x, y), lambda F, x, y: F.pairwise_distance(x, x),
    ]  # fmt: skip
    for call in calls:
        same_derivatives(
            lambda library, *given, call=call: call(library.nn.functional, *given), np.float64, x, y, orders=1
        )


# --- losses -----------------------------------------------------------------------------------------------------------

RANDOM = np.random.default_rng(0)
SCORES, OTHERS, THIRDS = RANDOM.normal(size=(3, 4, 3))
CHANCES, VARIANCES = RANDOM.uniform(0.1, 0.9, (2, 4, 3))
COUNTS = np.array([[0, 1, 2], [3, 7, 1], [0, 0, 5], [4, 2, 1]], np.int64)
SIGNS, MANY_SIGNS = np.array([1, -1, -1, 1], np.int64), np.where(SCORES > OTHERS, 1, -1)
LABELS = np.array([0, 2, 1, 1], np.int64)
LABEL_SETS = np.array([[0, 2, -1], [1, -1, 0], [-1, 0, 1], [2, 2, 0]], np.int64)
WEIGHT = np.array([0.5, 2.0, 1.5])


def product(x: Any, y: Any) -> Any:
    """The inner product, in the place of a distance."""
    return (x * y).sum(-1)


# The loss, its inputs, and options. Each is computed with each reduction.
LOSSES: list[tuple[str, tuple[Array, ...], dict[str, Any]]] = [
    ("smooth_l1_loss", (SCORES, OTHERS), {}), ("smooth_l1_loss", (SCORES, OTHERS), {"beta": 0.3}),
    ("smooth_l1_loss", (SCORES, OTHERS), {"beta": 0.0}),
    ("kl_div", (SCORES, CHANCES), {}), ("kl_div", (SCORES, OTHERS), {"log_target": True}),
    ("gaussian_nll_loss", (SCORES, OTHERS, VARIANCES), {}),
    ("gaussian_nll_loss", (SCORES, OTHERS, VARIANCES[:, 0]), {}),
    ("gaussian_nll_loss", (SCORES, OTHERS, VARIANCES[:, :1]), {"full": True, "eps": 0.5}),
    ("poisson_nll_loss", (SCORES, COUNTS), {}), ("poisson_nll_loss", (SCORES, COUNTS + 0.5), {"full": True}),
    ("poisson_nll_loss", (CHANCES, OTHERS**2 * 3), {"log_input": False, "full": True, "eps": 0.1}),
    ("soft_margin_loss", (SCORES, MANY_SIGNS), {}), ("soft_margin_loss", (SCORES * 9, MANY_SIGNS), {}),
    ("hinge_embedding_loss", (SCORES, MANY_SIGNS), {}),
    ("hinge_embedding_loss", (CHANCES, MANY_SIGNS), {"margin": 0.4}),
    ("margin_ranking_loss", (SCORES, OTHERS, MANY_SIGNS), {}),
    ("margin_ranking_loss", (SCORES, OTHERS, MANY_SIGNS), {"margin": 0.5}),
    ("cosine_embedding_loss", (SCORES, OTHERS, SIGNS), {}),
    ("cosine_embedding_loss", (SCORES, OTHERS, SIGNS), {"margin": -0.5}),
    ("cosine_embedding_loss", (SCORES[0], OTHERS[0], np.array(1)), {}),
    ("triplet_margin_loss", (SCORES, OTHERS, THIRDS), {}),
    ("triplet_margin_loss", (SCORES, OTHERS, THIRDS), {"margin": 3.0, "p": 1.5, "eps": 0.1, "swap": True}),
    ("triplet_margin_with_distance_loss", (SCORES, OTHERS, THIRDS), {"margin": 2.0, "swap": True}),
    ("triplet_margin_with_distance_loss", (SCORES, OTHERS, THIRDS), {"distance_function": product}),
    ("multi_margin_loss", (SCORES, LABELS), {}), ("multi_margin_loss", (SCORES, LABELS), {"p": 2, "margin": 0.4}),
    ("multi_margin_loss", (SCORES, LABELS), {"weight": WEIGHT, "p": 2}),
    ("multi_margin_loss", (SCORES[0], np.array(1)), {"weight": WEIGHT}),
    ("multi_margin_loss", (SCORES[0], LABELS[1:2]), {}),
    ("multilabel_margin_loss", (SCORES, LABEL_SETS), {}), ("multilabel_margin_loss", (SCORES[0], LABEL_SETS[0]), {}),
    ("multilabel_soft_margin_loss", (SCORES, CHANCES), {}),
    ("multilabel_soft_margin_loss", (SCORES, (CHANCES > 0.5) * 1), {"weight": WEIGHT}),
    ("multilabel_soft_margin_loss", (SCORES[0], CHANCES[0]), {}),
]  # fmt: skip
MODULES = {
    "smooth_l1_loss": "SmoothL1Loss", "kl_div": "KLDivLoss", "gaussian_nll_loss": "GaussianNLLLoss",
    "poisson_nll_loss": "PoissonNLLLoss", "soft_margin_loss": "SoftMarginLoss",
    "hinge_embedding_loss": "HingeEmbeddingLoss", "margin_ranking_loss": "MarginRankingLoss",
    "cosine_embedding_loss": "CosineEmbeddingLoss", "triplet_margin_loss": "TripletMarginLoss",
    "triplet_margin_with_distance_loss": "TripletMarginWithDistanceLoss", "multi_margin_loss": "MultiMarginLoss",
    "multilabel_margin_loss": "MultiLabelMarginLoss", "multilabel_soft_margin_loss": "MultiLabelSoftMarginLoss",
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*mean")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "inputs", "options"), LOSSES, ids=[f"{i}-{row[0]}" for i, row in enumerate(LOSSES)])
def test_losses_agree(name: str, inputs: tuple[Array, ...], options: dict[str, Any], dtype: Any) -> None:
    """As functions and as modules; of their targets, too, where PyTorch differentiates with respect to these."""
    for reduction in ["mean", "sum", "none"] + ["batchmean"] * (name == "kl_div"):

        def call(library: Any, *given: Any, reduction: str = reduction) -> Any:
            passed = {**options, "reduction": reduction}
            if "weight" in options:
                passed["weight"] = library.tensor(options["weight"].astype(dtype))
            result = getattr(library.nn.functional, name)(*given, **passed)
            module = getattr(library.nn, MODULES[name])(**passed)
            assert result.tolist() == module(*given).tolist()
            return result

        # PyTorch has no second derivatives of two of them.
        same_derivatives(
            call, dtype, *inputs, orders=1 if name in ("multi_margin_loss", "multilabel_margin_loss") else 2
        )
