"""NumPy's names of arguments are taken where PyTorch takes them. Elsewhere they are refused, with PyTorch's name."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg

X = tg.tensor([[1.5, -2.5, 0.5], [3.5, -0.5, 3.0]])
WRITTEN_IN_PYTHON = {"norm"}  # in PyTorch, whose parser for its other functions takes NumPy's names


# Other arguments that methods need, by their names. A method of one index for each entry is given a matrix.
NEEDED: dict[str, Any] = {
    "k": 1, "index": tg.tensor([0]), "indices": tg.tensor([[0]]), "src": X, "source": X[:, :1], "reduce": "mean",
    "value": 0.5, "q": 0.5, "p": 2, "maxnorm": 1,
}  # fmt: skip
NOT_BY_THESE = {"repeat_interleave", "select_scatter"}  # a dim only beside repeats, and a part of another shape
WITH_MATRICES = {"gather", "scatter", "scatter_add", "scatter_reduce"}


def needed(name: str, call: Callable[..., Any]) -> dict[str, Any]:
    """Those of `NEEDED` that a call of a method or function `name` needs."""
    parameters = inspect.signature(call).parameters
    asked = [key for key, each in parameters.items() if key in NEEDED and each.default is each.empty]
    options = {key: NEEDED[key] for key in asked} | ({"value": 0.5} if name.rstrip("_") == "scatter" else {})
    return options | ({"index": tg.tensor([[0]])} if name.rstrip("_") in WITH_MATRICES else {})


def with_option(option: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The methods of Tensor that have `option`, and the functions of the same name, with their names."""
    for name in dir(tg.Tensor):
        method = getattr(tg.Tensor, name)
        if not name.startswith("_") and callable(method) and option in inspect.signature(method).parameters:
            yield from ((name, call) for call in (method, getattr(tg, name, None)) if call)


def needs_more(call: Callable[..., Any], option: str) -> bool:
    """Whether a method or function has to be given more than a Tensor, `dim`, `option` and what `NEEDED` has."""
    others = list(inspect.signature(call).parameters.values())[1:]
    return any(other.default is other.empty and other.name not in ("dim", option, *NEEDED) for other in others)


def same(a: Any, b: Any) -> bool:
    """Whether two results, Tensors or tuples of them, are equal."""
    together = zip(a, b, strict=True) if isinstance(a, tuple) else [(a, b)]
    return all(np.array_equal(np.asarray(one), np.asarray(other)) for one, other in together)


@pytest.mark.parametrize(("theirs", "ours", "value"), [("axis", "dim", 1), ("keepdims", "keepdim", True)])
def test_options_under_numpys_names_are_taken_where_pytorch_takes_them(theirs: str, ours: str, value: Any) -> None:
    names = set()
    for name, call in with_option(ours):
        if needs_more(call, ours) or name in NOT_BY_THESE:
            continue
        takes_dim = "dim" in inspect.signature(call).parameters
        options = {"dim": 1} if takes_dim and ours != "dim" else {}
        options |= needed(name, call)
        if name in WRITTEN_IN_PYTHON:
            with pytest.raises(
                TypeError, match=rf"^{name}\(\) takes {ours}=, not {theirs}=: write {name}\(\.\.\., {ours}={value}\)"
            ):
                call(X, **options, **{theirs: value})
            continue
        assert same(call(X, **options, **{theirs: value}), call(X, **options, **{ours: value}))
        names.add(name)
        with pytest.raises(
            TypeError, match=rf"{name.rstrip('_')}_?\(\) takes {ours}= once, and {theirs}= is another name of it"
        ):
            call(X, **{**options, ours: value, theirs: value})
    assert {"sum", "mean", "var", "max", "any"} <= names
    assert ours != "dim" or {"softmax", "squeeze", "unsqueeze", "cumsum", "size"} <= names


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("axis", "dims"), ("axes", "dims"), ("ddof", "correction"), ("shift", "shifts"), ("axis1", "dim0")],
)
def test_options_under_other_names_of_numpys_are_refused_by_pytorchs(theirs: str, ours: str) -> None:
    names = set()
    for name, call in with_option(ours):
        with pytest.raises(
            TypeError, match=rf"^{name}\(\) takes {ours}=, not {theirs}=: write {name}\(\.\.\., {ours}=1\)"
        ):
            call(X, **{theirs: 1})
        names.add(name)
    assert names


TAKEN: list[tuple[Callable[[], Any], Callable[[], Any]]] = [
    (lambda: tg.cat((X, X), axis=1), lambda: tg.cat((X, X), 1)),  # type: ignore[call-arg]
    (lambda: tg.stack((X, X), axis=1), lambda: tg.stack((X, X), 1)),  # type: ignore[call-arg]
    (lambda: tg.sum(x=X), lambda: X.sum()),
    (lambda: tg.sum(a=X, axis=0, keepdims=True), lambda: X.sum(0, True)),
    (lambda: tg.exp(x1=[0.5]), lambda: tg.exp([0.5])),
    (lambda: tg.exp(input=X), lambda: tg.exp(X)),
    (lambda: tg.matmul(x1=X, x2=X.T), lambda: X @ X.T),
    (lambda: X.view(size=(3, 2)), lambda: X.view(3, 2)),
    (lambda: X.reshape(shape=(3, 2)), lambda: X.reshape(3, 2)),
    (lambda: X[:1].expand(size=(2, 3)), lambda: X[:1].expand(2, 3)),
    (lambda: X.repeat(repeats=(2, 1)), lambda: X.repeat(2, 1)),
    (lambda: tg.zeros(size=(2,)), lambda: tg.zeros(2)),
]  # fmt: skip


@pytest.mark.parametrize(("call", "expected"), TAKEN)
def test_calls_with_names_are_those_without(call: Callable[[], Any], expected: Callable[[], Any]) -> None:
    assert same(call(), expected())


REFUSED: list[tuple[Callable[[], Any], str]] = [
    (lambda: tg.nn.functional.softmax(X, axis=0), r"softmax\(\) takes dim=, not axis=: write softmax\(..., dim=0\)"),  # type: ignore[call-arg]
    (lambda: tg.nn.functional.log_softmax(X, axis=0), "takes dim=, not axis="),  # type: ignore[call-arg]
    (lambda: tg.nn.Softmax(axis=0), "takes dim=, not axis="),  # type: ignore[call-arg]
    (lambda: tg.sum(), r"sum\(\) takes a Tensor as its first argument, and there is none"),  # type: ignore[call-arg]
    (lambda: tg.sum(dim=0), "a Tensor as its first argument"),  # type: ignore[call-arg]
    (lambda: tg.sum(x=X, input=X), "unexpected keyword argument 'x'"),
    (lambda: X.sum(0, axis=1), "multiple values for argument 'dim'"),  # type: ignore[call-arg]
    (lambda: X.sum(sideways=0), "unexpected keyword argument 'sideways'"),  # type: ignore[call-arg]
    (lambda: X.sum(axis=0, sideways=0), "unexpected keyword argument 'sideways'"),  # type: ignore[call-arg]
    (lambda: X.transpose(axis1=0, axis2=1), "takes dim0=, not axis1="),  # type: ignore[call-arg]
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), REFUSED, ids=[row[1] for row in REFUSED])
def test_calls_that_cannot_work_are_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()
