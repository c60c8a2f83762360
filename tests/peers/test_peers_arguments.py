"""With deprecated options, switches or NumPy's names of arguments, a call means what it means in PyTorch."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from agreement import close

import tinygrad_mlp as tg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing PyTorch gives warnings
    torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")

X = np.array([[-1.5, 0.5, 2.0], [0.25, -0.75, 3.0]])
P = np.array([[0.2, 0.5, 0.9], [0.4, 0.6, 0.1]])
CLASSES = np.array([2, 0])
REDUCING = ["sum", "mean", "prod", "var", "std", "amax", "amin", "argmax", "argmin", "any", "all", "logsumexp"]

# Calls of a library with a Tensor x.
CALLS: dict[str, Callable[[Any, Any], Any]] = {
    **{
        f"x.{name}(axis, keepdims)": lambda t, x, name=name: getattr(x, name)(axis=1, keepdims=True)
        for name in REDUCING
    },
    **{f"{name}(x, axis)": lambda t, x, name=name: getattr(t, name)(x, axis=0) for name in REDUCING},
    **{
        f"{name}(x=, axis=)": lambda t, x, name=name: getattr(t, name)(x=x, axis=1)
        for name in ("cumsum", "softmax", "log_softmax", "squeeze", "unsqueeze")
    },
    "max": lambda t, x: t.max(x, axis=1)[0],
    "min": lambda t, x: x.min(axis=0, keepdims=True)[0],
    "cat": lambda t, x: t.cat((x, x), axis=1),
    "stack": lambda t, x: t.stack((x, x), axis=1),
    "cosine_similarity": lambda t, x: t.nn.functional.cosine_similarity(x, 2 * x + 1, axis=0),
    "pairwise_distance": lambda t, x: t.nn.functional.pairwise_distance(x, 2 * x, keepdims=True),
    **{
        f"linalg.{name}": lambda t, x, name=name: getattr(t.linalg, name)(x, axis=1, keepdims=True)
        for name in ("norm", "vector_norm")
    },
    "linalg.matrix_norm": lambda t, x: t.linalg.matrix_norm(x, axis=(0, 1), keepdims=True),
    "linalg.vecdot": lambda t, x: t.linalg.vecdot(x, x, axis=0),
    "exp(a=)": lambda t, x: t.exp(a=x),
    "exp(input=)": lambda t, x: t.exp(input=x),
    "matmul(x1=, x2=)": lambda t, x: t.matmul(x1=x, x2=x.T),
    "view(size=)": lambda t, x: x.view(size=(3, 2)),
    "reshape(shape=)": lambda t, x: x.reshape(shape=(3, 2)),
    "expand(size=)": lambda t, x: x[:1].expand(size=(4, 3)),
    "repeat(repeats=)": lambda t, x: x.repeat(repeats=(2, 1)),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls_with_numpys_names_agree(name: str) -> None:
    close(CALLS[name](tg, tg.tensor(X)), CALLS[name](torch, torch.tensor(X)), name)


REFUSED: dict[str, Callable[[Any, Any], Any]] = {
    "norm": lambda t, x: x.norm(axis=0),
    "functional.softmax": lambda t, x: t.nn.functional.softmax(x, axis=0),
    "nn.Softmax": lambda t, x: t.nn.Softmax(axis=0),
    "flip": lambda t, x: x.flip(axis=(0,)),
    "permute": lambda t, x: x.permute(axes=(1, 0)),
    "roll": lambda t, x: x.roll(1, axis=0),
    "transpose": lambda t, x: x.transpose(axis0=0, axis1=1),
    "var": lambda t, x: x.var(ddof=0),
    "both": lambda t, x: x.mean(dim=0, axis=0),
}


@pytest.mark.parametrize("name", REFUSED)
def test_both_refuse_other_names(name: str) -> None:
    for library in (tg, torch):
        with pytest.raises(TypeError):
            REFUSED[name](library, library.tensor(X))


SIGNS, LABELS = np.where(X > 0, 1, -1), np.array([[1, 0, -1], [-1, 2, 2]])
LOSSES: dict[str, tuple[Any, ...]] = {
    "l1_loss": (X, P), "mse_loss": (X, P), "binary_cross_entropy": (P, P[::-1].copy()),
    "binary_cross_entropy_with_logits": (X, P), "nll_loss": (X, CLASSES), "cross_entropy": (X, CLASSES),
    "L1Loss": (X, P), "MSELoss": (X, P), "BCELoss": (P, P[::-1].copy()), "BCEWithLogitsLoss": (X, P),
    "NLLLoss": (X, CLASSES), "CrossEntropyLoss": (X, CLASSES),
    "smooth_l1_loss": (X, P), "kl_div": (X, P), "poisson_nll_loss": (X, P), "soft_margin_loss": (X, SIGNS),
    "hinge_embedding_loss": (X, SIGNS), "margin_ranking_loss": (X, P, SIGNS),
    "cosine_embedding_loss": (X, P, SIGNS[:, 0]), "triplet_margin_loss": (X, P, -P), "multi_margin_loss": (X, CLASSES),
    "multilabel_margin_loss": (X, LABELS), "multilabel_soft_margin_loss": (X, P),
    "SmoothL1Loss": (X, P), "KLDivLoss": (X, P), "PoissonNLLLoss": (X, P), "SoftMarginLoss": (X, SIGNS),
    "HingeEmbeddingLoss": (X, SIGNS), "MarginRankingLoss": (X, P, SIGNS), "CosineEmbeddingLoss": (X, P, SIGNS[:, 0]),
    "TripletMarginLoss": (X, P, -P), "MultiMarginLoss": (X, CLASSES), "MultiLabelMarginLoss": (X, LABELS),
    "MultiLabelSoftMarginLoss": (X, P),
}  # fmt: skip


@pytest.mark.parametrize("reduce", [None, True, False])
@pytest.mark.parametrize("size_average", [None, True, False])
@pytest.mark.parametrize("name", LOSSES)
def test_deprecated_options_of_losses_agree(name: str, size_average: bool | None, reduce: bool | None) -> None:
    results = []
    for library in (tg, torch):
        inputs = map(library.tensor, LOSSES[name])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if name[0].isupper():
                result = getattr(library.nn, name)(size_average=size_average, reduce=reduce)(*inputs)
            else:
                result = getattr(library.nn.functional, name)(*inputs, size_average=size_average, reduce=reduce)
        results.append((result, [warning.category for warning in caught]))
    (ours, our_warnings), (theirs, their_warnings) = results
    close(ours, theirs, name)
    assert our_warnings == their_warnings


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_states_load_in_both_directions_whatever_the_switches_are(name: str) -> None:
    optimizers, weights = [], []
    for library in (tg, torch):
        w = library.tensor(X, requires_grad=True)
        optimizer = getattr(library.optim, name)([{"params": [w], "foreach": False}], lr=0.1, foreach=True)
        (w**3).sum().backward()
        optimizer.step()
        optimizers.append(optimizer)
        weights.append(w)
    ours, theirs = optimizers
    close(*weights, name)
    state = theirs.state_dict()
    assert state["param_groups"][0]["foreach"] is False
    ours.load_state_dict(state)
    assert "foreach" not in ours.param_groups[0]
    saved = ours.state_dict()
    saved["state"] = {
        number: {entry: torch.tensor(value) for entry, value in entries.items()}
        for number, entries in saved["state"].items()
    }
    theirs.load_state_dict(saved)
    for optimizer, w in zip(optimizers, weights, strict=True):
        optimizer.zero_grad()
        (w**3).sum().backward()
        optimizer.step()
    close(*weights, name)


def test_deprecated_options_of_gradients_agree() -> None:
    gradients = []
    for library in (tg, torch):
        w = library.tensor(X, requires_grad=True)
        with pytest.warns(FutureWarning):
            (first,) = library.autograd.grad((w**3).sum(), w, only_inputs=False)
        with pytest.warns(FutureWarning):
            library.autograd.backward(w * 2, grad_variables=first)
        gradients.append(w.grad)
    close(*gradients)
