"""The derivation that is printed from a graph: the document's formulas, letter by letter, and never a wrong one."""

import importlib.util
import itertools
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from ops import CASES, DERIVED, ROWS, Case, examples

import tinygrad_mlp as tg
from tinygrad_mlp import Tensor, nn
from tinygrad_mlp.core import functions as f
from tinygrad_mlp.core.sheet import sheet
from tinygrad_mlp.derivation import derive as derivation
from tinygrad_mlp.derivation.derive import Derivation, Expression, Symbol, explain
from tinygrad_mlp.nn import functional as F

LOSSES: dict[str, Callable[[Tensor, Any], Tensor]] = {
    "mean square": lambda z, y: 0.5 * F.mse_loss(z.sigmoid(), y, reduction="sum"),
    "average square": lambda z, y: F.mse_loss(z.sigmoid(), y),
    "squares of z": lambda z, y: F.mse_loss(z, y, reduction="sum"),
    "cross entropy": lambda z, y: F.binary_cross_entropy(z.sigmoid(), y, reduction="sum"),
    "average cross entropy": lambda z, y: F.binary_cross_entropy(z.sigmoid(), y),
    "cross entropy of logits": lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="sum"),
    "average cross entropy of logits": lambda z, y: F.binary_cross_entropy_with_logits(z, y),
}
ACTIVATIONS = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "relu": nn.ReLU}


def network(
    sizes: list[int], bias: bool = False, activation: str = "tanh", dtype: Any = np.float64, seed: int = 0
) -> nn.Sequential:
    """Linear, activation, …, Linear: its outputs are the logits z."""
    generator = tg.Generator().manual_seed(seed)
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after, bias, dtype=dtype, generator=generator), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


def batch(sizes: list[int], rows: int, dtype: Any = np.float64, seed: int = 0) -> tuple[Tensor, NDArray[Any]]:
    random = np.random.default_rng(seed)
    x, y = random.normal(size=(rows, sizes[0])), random.random((rows, sizes[-1]))
    return tg.tensor(x.astype(dtype)), y.astype(dtype)


def explained(loss: str, sizes: list[int], rows: int = 1, bias: bool = False, **how: Any) -> Derivation:
    net = network(sizes, bias)
    x, y = batch(sizes, rows)
    return explain(LOSSES[loss](net(x), y), net, **how)


# --- the document -----------------------------------------------------------------------------------------------------


def normalised(latex: str) -> str:
    """LaTeX without what does not change its meaning: spaces, the size of parentheses, the font of diag and tanh."""
    latex = (
        re.sub(r"\\(left|right|mathrm|mathcal)(?![a-z])", "", latex).replace(r"\tanh", "tanh").replace("{diag}", "diag")
    )
    return re.sub(r"\s|\\,", "", latex)


# As they stand in the document.
MEAN_SQUARE = {
    "2.weight": r"-D^{(3)}(y - g(z^{(3)}))(a^{(2)})^{\top}",
    "0.weight": r"-D^{(2)}(W^{(2)})^{\top}D^{(3)}(y - g(z^{(3)}))x^{\top}",
}
CROSS_ENTROPY = {
    "2.weight": r"D^{(3)}\left(\frac{1 - y}{1 - g(z^{(3)})} - \frac{y}{g(z^{(3)})}\right)(a^{(2)})^{\top}",
    "0.weight": r"D^{(2)}(W^{(2)})^{\top}"
    r"D^{(3)}\left(\frac{1 - y}{1 - g(z^{(3)})} - \frac{y}{g(z^{(3)})}\right)x^{\top}",
}
DIAGONALS = [r"D^{(3)} &= diag(g(z^{(3)})(1 - g(z^{(3)})))", r"D^{(2)} &= diag(1-tanh^{2}(z^{(2)}))"]
LOSS_SQUARE = r"{L} &= \frac{1}{2}\sum(y - g(z^{(3)}))^{2}"
LOSS_ENTROPY = r"{L} &= -\sum(y \ln(g(z^{(3)})) + (1 - y) \ln(1 - g(z^{(3)})))"


@pytest.mark.parametrize("sizes", [[784, 256, 10], [5, 4, 3], [3, 4, 1], [1, 2, 2]])
def test_section_2_1(sizes: list[int]) -> None:
    found = explained("mean square", sizes, notation="document")
    assert {key: [normalised(x) for x in formulas] for key, formulas in found.formulas.items()} == {
        key: [normalised(x)] for key, x in MEAN_SQUARE.items()
    }
    for line in (*DIAGONALS, LOSS_SQUARE if sizes[-1] > 1 else LOSS_SQUARE.replace(r"\sum", "")):
        assert normalised(line) in normalised(found.latex())


@pytest.mark.parametrize("sizes", [[784, 256, 10], [5, 4, 3]])
def test_section_2_2_and_what_is_left_of_it_after_section_4(sizes: list[int]) -> None:
    found = explained("cross entropy", sizes, notation="document")
    left = {
        "2.weight": r"(g(z^{(3)}) - y)(a^{(2)})^{\top}",
        "0.weight": r"D^{(2)}(W^{(2)})^{\top}(g(z^{(3)}) - y)x^{\top}",
    }
    for key, formula in CROSS_ENTROPY.items():
        assert [normalised(x) for x in found.formulas[key]] == [normalised(formula), normalised(left[key])]
    for line in (*DIAGONALS, LOSS_ENTROPY):
        assert normalised(line) in normalised(found.latex())
    of_logits = explained("cross entropy of logits", sizes, notation="document")
    assert {key: [normalised(x) for x in of_logits.formulas[key]] for key in left} == {
        key: [normalised(x)] for key, x in left.items()
    }
    assert normalised(LOSS_ENTROPY) in normalised(of_logits.latex())


def test_section_4() -> None:
    """Of w, x, b ∈ ℝ, with a = g(z); the document writes g′(z) for g(z)(1 − g(z)), and a minus before the fraction."""
    squares = explained("mean square", [1, 1], bias=True, notation="document").formulas["0.weight"]
    assert [normalised(x) for x in squares] == [normalised("-(y - a)g(z)(1 - g(z))x".replace("a", "g(z)"))]
    found = explained("cross entropy", [1, 1], bias=True, notation="document")
    before, after = found.formulas["0.weight"]
    assert normalised(before) == normalised(r"\left(\frac{1 - y}{1 - g(z)} - \frac{y}{g(z)}\right)g(z)(1 - g(z))x")
    assert normalised(after) == normalised("(g(z) - y)x")
    cancelling = r"\frac{g(z) - y}{g(z)(1-g(z))}g(z)(1-g(z))"
    assert normalised("&=" + cancelling) in normalised(found.latex())
    of_logits = explained("cross entropy of logits", [1, 1], bias=True, notation="document").formulas
    assert [normalised(x) for x in of_logits["0.weight"]] == [normalised("(g(z) - y)x")]
    assert [normalised(x) for x in of_logits["0.bias"]] == [normalised("g(z) - y")]


def test_more_layers_go_on_as_the_document_would() -> None:
    formulas = explained("mean square", [6, 5, 4, 3], notation="document").formulas
    expected = r"-D^{(2)}(W^{(2)})^{\top}D^{(3)}(W^{(3)})^{\top}D^{(4)}(y-g(z^{(4)}))x^{\top}"
    assert normalised(formulas["0.weight"][0]) == normalised(expected)


def test_the_codes_notation() -> None:
    text = str(explained("cross entropy of logits", [784, 256, 10], bias=True))
    for line in (
        "z⁽¹⁾ = x W⁽¹⁾ᵀ + b⁽¹⁾", "a⁽¹⁾ = tanh(z⁽¹⁾)", "∂L/∂z⁽²⁾ = σ(z⁽²⁾) − y", "∂L/∂W⁽²⁾ = (∂L/∂z⁽²⁾)ᵀ a⁽¹⁾",
        "▸ ∂L/∂W⁽²⁾ = (σ(z⁽²⁾) − y)ᵀ a⁽¹⁾", "▸ ∂L/∂W⁽¹⁾ = ((σ(z⁽²⁾) − y) W⁽²⁾ ⊙ (1 − a⁽¹⁾²))ᵀ x",
        "▸ ∂L/∂b⁽²⁾ = σ(z⁽²⁾) − y",
    ):  # fmt: skip
        assert line in text
    squares = explained("mean square", [784, 256, 10]).formulas
    assert squares["2.weight"] == [r"((a^{(2)} - y) \odot a^{(2)} \odot (1 - a^{(2)}))^{\top} a^{(1)}"]


def test_the_cancellation_is_a_line_of_its_own() -> None:
    rows = str(explained("cross entropy", [4, 3, 2])).splitlines()
    before = next(i for i, row in enumerate(rows) if "= ((a⁽²⁾ − y) / (a⁽²⁾ ⊙ (1 − a⁽²⁾))) ⊙ a⁽²⁾ ⊙ (1 − a⁽²⁾)" in row)
    after = next(i for i, row in enumerate(rows) if "the derivative of expit cancels" in row)
    assert before < after
    assert "= a⁽²⁾ − y " in rows[after]


def test_nothing_cancels_where_the_guard_is_needed() -> None:
    z = tg.tensor([[50.0, 0.3]], dtype=np.float64, requires_grad=True)
    found = explain(F.binary_cross_entropy(z.sigmoid(), np.array([[0.0, 1.0]]), reduction="sum"))
    assert "max(u₁ ⊙ (1 − u₁), 10⁻¹²)" in str(found)
    assert "max(ln(1 − u₁), −100)" in str(found)
    assert "cancels" not in str(found)
    assert found.errors["θ₁"] < 1e-12


def test_sums_over_the_batch_are_written_down() -> None:
    text = str(explained("cross entropy of logits", [4, 3, 2], rows=6, bias=True))
    assert "▸ ∂L/∂b⁽²⁾ = 𝟏ᵀ (σ(z⁽²⁾) − y)" in text
    assert "x    ∈ ℝ⁶ˣ⁴" in text
    assert "the bias added to each of 6 rows" in text
    text = str(explained("average cross entropy of logits", [4, 3, 2], rows=6))
    assert "▸ ∂L/∂W⁽²⁾ = 1/12 · (σ(z⁽²⁾) − y)ᵀ a⁽¹⁾" in text


# --- it cannot lie ----------------------------------------------------------------------------------------------------


@given(
    sizes=st.lists(st.integers(1, 4), min_size=2, max_size=6),
    rows=st.integers(1, 4),
    bias=st.booleans(),
    loss=st.sampled_from(sorted(LOSSES)),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    notation=st.sampled_from(["rows", "document"]),
    seed=st.integers(0, 1000),
)
def test_verified_formulas_are_the_gradients(
    sizes: list[int], rows: int, bias: bool, loss: str, activation: str, notation: str, seed: int
) -> None:
    net = network(sizes, bias, activation, seed=seed)
    x, y = batch(sizes, 1 if notation == "document" else rows, seed=seed)
    value = LOSSES[loss](net(x), y)
    found = explain(value, net, notation=notation)
    assert list(found.errors) == list(found.formulas)
    assert set(found.errors) == {name for name, _ in net.named_parameters()}
    assert max(found.errors.values()) < 1e-10
    text = str(found)
    assert max(map(len, text.splitlines())) <= 80
    assert "Verified" in text
    # And the formulas themselves, without verify() in between.
    value.backward()
    for name, parameter in net.named_parameters():
        for formula in found._results[name][1]:
            gradient = np.reshape(derivation.evaluate(formula), parameter.shape)
            scale = max(np.max(np.abs(parameter.grad.numpy())), 1e-6)
            assert np.max(np.abs(gradient - parameter.grad.numpy())) / scale < 1e-10


@pytest.mark.parametrize("case", [*CASES, *DERIVED], ids=repr)
@given(data=st.data())
def test_every_function_of_the_sheet_can_be_read(case: Case, data: st.DataObject) -> None:
    example = data.draw(examples(case))
    output = example(example.tensors())
    found = explain((output * example.cotangent).sum())
    assert max(found.errors.values()) < 1e-10
    assert str(found)
    assert found.latex()


def test_every_row_of_the_sheet_is_among_them() -> None:
    read = {case.function for case in CASES}
    assert sorted(function.__name__ for function, row in ROWS.items() if row and function not in read) == []


def unreadable(rule: Callable[..., Any]) -> Tensor:
    @tg.differentiable(rule)
    def awkward(x: Any) -> Any:
        return x * 1.0

    return awkward(tg.tensor([1.0, 2.0], requires_grad=True)).sum()


@pytest.mark.parametrize(
    "rule",
    [
        lambda g, y, x: g if x[0] > 0 else -g,
        lambda g, y, x: g * x.mean(),
        lambda g, y, x: g * float(x[0]),
        lambda g, y, x: g * np.asarray(x),
        lambda g, y, x: np.add(g, y, out=g),
        lambda g, y, x: g * np.multiply.accumulate(x),
        lambda g, y, x: g * np.multiply.reduce(x),
        lambda g, y, x: g * np.full(2, "x", dtype=object),
        lambda g, y, x: g * np.array(list(x)),
    ],
)
def test_a_rule_that_cannot_be_read_is_named(rule: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="the rule for awkward cannot be read as symbols"):
        explain(unreadable(rule))


def test_a_function_is_refused_by_name() -> None:
    class Cube(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors
            return g * 3 * x * x

    x = tg.tensor([1.5, -2.0], requires_grad=True)
    with pytest.raises(TypeError, match=r"the Function Cube cannot be read .* tinygrad_mlp\.differentiable"):
        explain((2 * Cube.apply(x)).sum())
    y = Cube.apply(x)
    for _ in range(derivation.LARGEST_GRAPH):
        y = y + 1.0
    assert "Cube" in str(explain(y.sum()))  # a summary names it, and needs no formula


def test_a_row_of_the_users_gets_its_formula_for_free() -> None:
    @tg.differentiable(lambda g, y, x: g * 3 * x**2)
    def cube(x: Any) -> Any:
        return x * x * x

    x = tg.tensor([1.5, -2.0], dtype=np.float64, requires_grad=True)
    found = explain(cube(x).sum(), names={"x": x})
    assert found.formulas == {"x": ["3 x^{2}"]}
    assert "u₁ = cube(x)" in str(found)
    assert found.errors["x"] < 1e-12


def test_a_rule_may_hold_arrays_of_its_own() -> None:
    kernel = np.array([[1.0, 2.0], [3.0, 4.0]])

    @tg.differentiable(lambda g, y, x: g @ kernel.T)
    def mixed(x: Any) -> Any:
        return x @ kernel

    found = explain(mixed(tg.tensor(np.ones((1, 2)), requires_grad=True)).sum())
    assert "∂L/∂u₁ c₁" in str(found)
    assert "c₁ ∈ ℝ²ˣ²" in str(found)
    assert found.errors["θ₁"] < 1e-12


@pytest.mark.parametrize(
    "rule",
    [
        lambda g, y, x: np.zeros(x.shape),
        lambda g, y, x: g * np.ones(2, x.dtype),
        lambda g, y, x: g * np.add.reduce(x),
    ],
)
def test_a_rule_may_return_arrays_and_ask_for_dtypes_and_sums(rule: Callable[..., Any]) -> None:
    assert explain(unreadable(rule)).errors == {"θ₁": 0}


def test_what_no_gradient_reaches_is_left_out() -> None:
    x = tg.tensor([1.0, -2.0], dtype=np.float64, requires_grad=True)
    found = explain(np.where(x * 3, x, 0).sum(), names={"x": x})
    assert found.errors["x"] < 1e-12
    assert "∂L/∂u₁" not in str(found)


LIES: dict[str, tuple[Any, Callable[..., Any]]] = {
    "a simplification": (np.negative, lambda a: a),
    "another": (np.transpose, lambda a, axes=None: derivation._reshape(a, a.shape[::-1])),
    "one more": (np.power, lambda a, b: a),
}


@pytest.mark.parametrize("name", LIES)
def test_a_wrong_simplification_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(derivation._SIMPLER, *LIES[name])
    net = network([3, 3, 3])
    x, _ = batch([3, 3, 3], 3)
    loss = (-(net(x).tanh() ** 3)).sum()
    found = explain(loss, net)
    assert "NOT VERIFIED" in str(found)
    assert not found.is_verified


def test_a_wrong_formula_for_a_fused_function_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    formula = derivation.FORMULAS[f.squared_error]
    monkeypatch.setitem(derivation.FORMULAS, f.squared_error, lambda a, y, total=False: 2 * formula(a, y, total))
    found = explained("mean square", [3, 2])
    assert found.errors["0.weight"] > 0.1
    assert "NOT VERIFIED" in str(found)


@pytest.mark.parametrize("notation", ["rows", "document"])
def test_every_printed_gradient_is_checked(notation: str) -> None:
    """Whichever formula of a derivation is spoilt, verify() notices."""
    found = explained("cross entropy", [3, 2, 2], bias=True, notation=notation)
    claims = [formulas for _, formulas in found._steps] + [formulas for _, formulas in found._results.values()]
    assert sum(map(len, claims)) > 20
    for formulas in claims:
        for i, formula in enumerate(formulas):
            formulas[i] = formula * 1.01
            assert max(found.verify().values()) > 1e-3
            formulas[i] = formula
    assert max(found.verify().values()) < 1e-12


def test_a_gradient_that_cancels_to_rounding_errors_is_verified() -> None:
    """Before BatchNorm, a bias makes no difference; what steps pass on of its gradient is nothing but rounding."""
    tg.manual_seed(0)
    weight, bias = nn.Parameter(tg.randn(4, 8)), nn.Parameter(tg.zeros(8))
    rows, labels, norm = tg.randn(32, 4), tg.randint(0, 8, (32,)), nn.BatchNorm1d(8)
    found = tg.explain(nn.functional.cross_entropy(norm(rows @ weight + (2 * bias).reshape(1, 8)).tanh(), labels))
    assert found.is_verified, found.errors


def test_float32_is_verified_to_its_own_precision() -> None:
    net = network([20, 10, 5], True, dtype=np.float32)
    found = explain(
        LOSSES["average cross entropy"](
            net(batch([20, 10, 5], 8, np.float32)[0]), batch([20, 10, 5], 8, np.float32)[1]
        ),
        net,
    )
    assert max(found.errors.values()) < 1e-6
    assert "Verified" in str(found)


def test_cancelled_gradients_raise_no_false_alarm() -> None:
    """Two samples whose gradients cancel leave rounding alone, of which no digit is right."""
    net = network([2, 1], True, dtype=np.float32)
    x = np.array([[0.1, 0.3], [0.1, 0.3]], np.float32)
    z = net(x).detach().numpy()
    found = explain(F.mse_loss(net(x), z + np.array([[1 / 3], [-1 / 3]], np.float32)), net)
    assert "Verified" in str(found)


# --- the graph stays what it is ---------------------------------------------------------------------------------------


def test_nothing_is_disturbed() -> None:
    net = network([3, 4, 2], True)
    x, y = batch([3, 4, 2], 2)
    hidden = net[1](net[0](x))
    hidden.retain_grad()
    called: list[Any] = []
    hidden.register_hook(lambda g: called.append(g) or g * 2)
    loss = LOSSES["cross entropy of logits"](net[2](hidden), y)
    found = explain(loss, net)
    assert max(found.errors.values()) < 1e-12
    assert max(found.verify().values()) < 1e-12
    assert hidden.grad is None
    assert called == []
    assert all(parameter.grad is None for parameter in net.parameters())
    loss.backward()
    assert len(called) == 1
    assert hidden.grad is not None


def test_an_array_that_has_changed_since_is_noticed() -> None:
    net = network([3, 4, 2])
    x, y = batch([3, 4, 2], 1)
    loss = LOSSES["mean square"](net(x), y)
    found = explain(loss, net)
    with tg.no_grad():
        net[2].weight.add_(1.0)
    with pytest.raises(RuntimeError, match="was changed after"):
        found.verify()


def test_verification_can_wait() -> None:
    found = explained("mean square", [3, 2], verify=False)
    assert found.errors is None
    assert "Not verified" in str(found)
    assert not found.is_verified
    errors = found.verify()
    assert errors is found.errors
    assert found.is_verified
    assert "Verified" in str(found)


# --- names ------------------------------------------------------------------------------------------------------------


def test_names() -> None:
    net = network([3, 2, 2], True)
    x, y = batch([3, 2, 2], 1)
    scale = tg.tensor([2.0], dtype=np.float64, requires_grad=True)
    hidden = net[1](net[0](x))
    loss = (LOSSES["mean square"](net[2](hidden), y) * scale).sum()
    assert list(explain(loss).errors) == ["θ₁", "W⁽²⁾", "b⁽²⁾", "W⁽¹⁾", "b⁽¹⁾"]
    assert list(explain(loss, net).errors) == ["θ₁", "2.weight", "2.bias", "0.weight", "0.bias"]
    named = explain(loss, net, {"V": net[2].weight, "h": hidden, "data": x, "t": y, "η": scale, "L": net[2].bias})
    assert list(named.errors) == ["η", "V", "L", "0.weight", "0.bias"]
    text = str(named)
    for line in ("z⁽¹⁾ = data W⁽¹⁾ᵀ + b⁽¹⁾", "h    = tanh(z⁽¹⁾)", "z⁽²⁾ = h Vᵀ + L", "E    = Σ (a⁽²⁾ − t)²", "∂L₂/∂h "):
        assert line in text
    assert r"\eta" in named.latex()
    assert r"\mathrm{data}" in named.latex()


def test_names_that_are_paths_of_others_are_told_apart() -> None:
    net = network([3, 2, 2])
    x, y = batch([3, 2, 2], 1)
    errors = explain(LOSSES["mean square"](net(x), y), net, {"0.weight": net[2].weight}).errors
    assert list(errors) == ["2.weight", "0.weight"]


def test_parameters_that_are_no_layers_are_called_by_their_path() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            self.gain = nn.Parameter(tg.tensor([1.0, 2.0]))

        def forward(self, x: Any) -> Any:
            return x * self.gain

    net = nn.Sequential(nn.Linear(3, 2), Scaled())
    found = explain(net(np.ones((1, 3), np.float32)).sum(), net)
    assert "u₁   = z⁽¹⁾ ⊙ 1.gain" in str(found)
    assert r"\mathrm{1.gain}" in found.latex()


def test_shared_and_added_up() -> None:
    layer = nn.Linear(3, 3, dtype=np.float64)
    first = layer(batch([3, 3], 2)[0]).tanh()
    found = explain((layer(first).tanh() + first).square().mean(), names={"V": layer.weight})
    assert max(found.errors.values()) < 1e-14
    assert len(found.formulas["V"]) == 1
    assert re.search(r"∂L/∂V    = .*\n +\+ ", str(found))


def test_constants_keep_their_values() -> None:
    x = tg.tensor([0.5, 2.0], requires_grad=True)
    text = str(explain((0.1 * np.log2(x) + 1e-20 * x + x / 3 + x**-2 * tg.tensor(0.3)).sum()))
    assert "1/10 · " in text
    assert "ln 2" in text
    assert "10⁻²⁰" in text
    assert "θ₁⁻²" in text
    assert "3/10" in text


# --- large graphs -----------------------------------------------------------------------------------------------------


def test_a_deep_chain_is_no_recursion_and_a_diamond_no_explosion() -> None:
    x = tg.tensor([0.5], dtype=np.float64, requires_grad=True)
    y = x
    for _ in range(199):
        y = np.tanh(y)
    found = explain(y.sum())
    assert len(found._nodes) == 200
    assert found.errors["θ₁"] < 1e-12
    assert max(map(len, str(found).splitlines())) <= 80
    y = x
    for _ in range(60):
        y = y * y - y
    found = explain(y.sum())
    assert found.formulas["θ₁"] == []
    assert "too many to print" in str(found)
    assert found.errors["θ₁"] < 1e-12


def test_a_long_gradient_beside_a_number_is_not_written_out() -> None:
    x = tg.tensor([0.5], dtype=np.float64, requires_grad=True)
    y = np.tanh(x)
    start = y
    for _ in range(60):
        y = y * y - y
    found = explain(y.sum() + start.sum())
    assert found.errors["θ₁"] < 1e-12
    assert "too many to print" in str(found)


def test_a_large_graph_is_summarised_by_module() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            self.cell = nn.Linear(2, 2)
            self.head = nn.Linear(2, 1)

        def forward(self, x: Any) -> Any:
            for _ in range(1000):
                x = self.cell(x).tanh()
            return self.head(x)

    net = Recurrent()
    found = explain(net(np.ones((1, 2), np.float32)).sum(), net)
    text = str(found)
    assert found.is_summary
    assert found.errors == {}
    assert found.formulas == {}
    assert not found.is_verified
    assert "2,002 functions" in text
    assert "too many" in text
    assert "none to verify" in text
    assert re.search(r"cell : 1,000 × linear, 1,000 × tanh; weight 2×2, bias 2", text)
    assert re.search(r"head : linear, sum; weight 1×2, bias 1", text)
    assert max(map(len, text.splitlines())) <= 80
    assert found.latex()


def test_the_limit_is_200() -> None:
    def chain(length: int) -> Tensor:
        x = tg.tensor(1.0, requires_grad=True)
        for _ in range(length):
            x = x * 1.01
        return x

    assert not explain(chain(200)).is_summary
    assert explain(chain(201)).is_summary


# --- errors -----------------------------------------------------------------------------------------------------------


def teaches(error: type[Exception], match: str, *args: Any, **how: Any) -> None:
    with pytest.raises(error, match=match):
        explain(*args, **how)


def test_errors_teach() -> None:
    net = network([3, 2], True)
    x, y = batch([3, 2], 1)
    loss = LOSSES["mean square"](net(x), y)
    teaches(ValueError, r"shape \(1, 2\).*\.sum\(\)", net(x))
    teaches(TypeError, "a Tensor, not float", 1.0)
    teaches(TypeError, "a Tensor, not Sequential", net)
    teaches(RuntimeError, "requires_grad=True", tg.tensor(1.0))
    teaches(RuntimeError, "requires_grad=True", tg.tensor(1.0, requires_grad=True))
    with tg.no_grad():
        teaches(RuntimeError, "no_grad", LOSSES["mean square"](net(x), y))
    teaches(ValueError, '"rows" or "document"', loss, notation="columns")
    teaches(TypeError, "named_parameters", loss, [1])
    teaches(ValueError, "names: w is not in the graph", loss, names={"w": tg.tensor(1.0)})
    teaches(TypeError, "letters, digits", loss, names={"a b": net[0].weight})
    teaches(TypeError, "maps names to Tensors", loss, names={"w": 1})
    loss.backward()
    teaches(RuntimeError, "was released by backward", loss, net)


def test_a_released_graph_cannot_be_verified_again() -> None:
    net = network([3, 2], True)
    x, y = batch([3, 2], 1)
    loss = LOSSES["mean square"](net(x), y)
    found = explain(loss, net)
    loss.backward()
    assert str(found)
    with pytest.raises(RuntimeError, match="released"):
        found.verify()


def out_of_place(name: str) -> Tensor:
    net = network([3, 4, 2])
    x, y = batch([3, 4, 2], 1)
    z = net(x)
    match name:
        case "3 rows":
            return LOSSES["mean square"](net(batch([3, 4, 2], 3)[0]), batch([3, 4, 2], 3)[1])
        case "no squared error or cross entropy":
            return z.sum()
        case "subtract is neither a layer":
            return LOSSES["mean square"](z - y, y)
        case "add does not go on":
            return LOSSES["mean square"](z + z.tanh(), y)
        case "not that of a network":
            return F.mse_loss(tg.tensor(y, requires_grad=True), tg.tensor(y))
        case "exp is neither":
            return LOSSES["mean square"](z, y).exp()
        case "cumsum does not take each entry by itself":
            return LOSSES["mean square"](np.cumsum(z, axis=1), y)
        case "add is neither":
            return LOSSES["mean square"](z + 1, y)
    raise AssertionError(name)


@pytest.mark.parametrize(
    "name",
    ["3 rows", "no squared error or cross entropy", "subtract is neither a layer", "add does not go on",
     "not that of a network", "exp is neither", "cumsum does not take each entry by itself", "add is neither"],
)  # fmt: skip
def test_the_documents_notation_says_where_it_ends(name: str) -> None:
    loss = out_of_place(name)
    with pytest.raises(ValueError, match=f'(?s){name}.*notation="rows"'):
        explain(loss, notation="document")
    assert max(explain(loss).errors.values()) < 1e-14


def test_one_sample_may_be_a_vector() -> None:
    net = network([3, 4, 2], True)
    x, y = batch([3, 4, 2], 1)
    rows, vector = (
        explain(LOSSES["mean square"](net(a), b), net, notation="document") for a, b in ((x, y), (x[0], y[0]))
    )
    assert rows.formulas == vector.formulas


def test_a_loss_of_one_entry_need_not_be_summed() -> None:
    net = network([3, 4, 1])
    x, y = batch([3, 4, 1], 1)
    summed, single = (
        explain(F.mse_loss(net(x).sigmoid(), y, reduction=how), net, notation="document") for how in ("sum", "none")
    )
    assert summed.formulas == single.formulas


@pytest.mark.parametrize("rule", [
    lambda g, y, a, t, total=False: g * ((a - t) / (a - a * a)),
    lambda g, y, a, t, total=False: g * (-t / a) + g * ((1 - t) / (1 - a)),
    lambda g, y, a, t, total=False: g * ((a * (1 - t) - (1 - a) * t) / (a * (1 - a))),
    lambda g, y, a, t, total=False: g * (2 * a / a / 2 * (a - t) / (a * (1 - a))),
    lambda g, y, a, t, total=False: g * (a / (a * a / (a - t) - a * a * a / (a - t))),
])  # fmt: skip
def test_a_derivative_of_the_loss_in_another_form_is_left_as_it_is(
    rule: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sheet, f.binary_cross_entropy, (rule, None))
    assert explained("cross entropy", [3, 4, 2], notation="document").is_verified


# --- readings ---------------------------------------------------------------------------------------------------------


def test_a_notebook_shows_it() -> None:
    found = explained("mean square", [3, 2, 2])
    assert found._repr_latex_() == f"$$\n{found.latex()}\n$$"
    assert repr(found) == "<Derivation of 2 gradients from 6 functions, notation='rows'>"


@pytest.mark.parametrize("notation", ["rows", "document"])
def test_braces_and_environments_are_closed(notation: str) -> None:
    latex = explained("cross entropy", [3, 4, 4, 2], bias=True, notation=notation).latex()
    assert latex.count("{") == latex.count("}")
    assert latex.count(r"\left") == latex.count(r"\right")
    assert latex.startswith(r"\begin{aligned}")
    assert latex.endswith(r"\end{aligned}")
    assert not re.search(r"\^\{[^{}]*\}\^", latex), "a double superscript, which TeX refuses"


@pytest.fixture(scope="module")
def deep() -> Derivation:
    return explained("cross entropy", [5, 4, 4, 4, 4, 2], rows=3, bias=True)


@pytest.mark.long
@pytest.mark.parametrize("ending", [".png", ".svg", ".html", ".tex", ".md", ".PNG"])
def test_save(deep: Derivation, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"derivation{ending}"
    path.write_text("old")
    assert deep.save(str(path)) == path
    assert list(tmp_path.iterdir()) == [path]
    start = {
        ".png": b"\x89PNG",
        ".svg": b"<?xml",
        ".html": b"<!DOCTYPE html>",
        ".tex": rb"\documentclass",
        ".md": b"# ",
    }
    content = path.read_bytes()
    assert content.startswith(start[ending.lower()])
    if ending not in (".png", ".svg", ".PNG"):
        assert "backward()" in content.decode()


@pytest.mark.parametrize("notation", ["rows", pytest.param("document", marks=pytest.mark.long)])
def test_nothing_of_the_picture_is_cut_off(notation: str, tmp_path: Path) -> None:
    from matplotlib.image import imread

    found = explained("cross entropy", [5, 4, 4, 4, 4, 2], bias=True, notation=notation)
    image = imread(found.save(tmp_path / "derivation.png"))[..., :3]
    border = 12
    for edge in (image[:border], image[-border:], image[:, :border], image[:, -border:]):
        assert edge.min() == 1
    assert image[border:-border, border:-border].min() < 0.3


def test_what_cannot_be_saved(deep: Derivation, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.png, \.svg, \.html, \.md, \.tex, not as 'derivation.pdf'"):
        deep.save(tmp_path / "derivation.pdf")
    with pytest.raises(OSError, match="nowhere"):
        deep.save(tmp_path / "nowhere" / "derivation.tex")
    assert list(tmp_path.iterdir()) == []


def test_a_summary_can_be_saved(tmp_path: Path) -> None:
    x = tg.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(300):
        y = y * 1.01
    found = explain(y)
    for ending in ("png", "svg", "html", "tex", "md"):
        assert found.save(tmp_path / f"summary.{ending}").stat().st_size > 100


def test_matplotlib_is_imported_to_save_alone() -> None:
    code = (
        "import sys, numpy as np, tinygrad_mlp as tg; from tinygrad_mlp.derivation.derive import explain; "
        "str(explain(tg.tensor(1.0, requires_grad=True) * 2)); print('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


# --- the example ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def example() -> Any:
    path = Path(__file__).parents[1] / "examples" / "explain_mlp.py"
    specification = importlib.util.spec_from_file_location("explain_mlp", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_example(example: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert example.main(["--out", str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "derivation_mean_square.png",
        "derivation_cross_entropy.png",
    }
    printed = capsys.readouterr().out
    assert "▸ ∇_W⁽¹⁾ℒ = −D⁽²⁾ (W⁽²⁾)ᵀ D⁽³⁾ (y − g(z⁽³⁾)) xᵀ" in printed
    assert "▸         = D⁽²⁾ (W⁽²⁾)ᵀ (g(z⁽³⁾) − y) xᵀ" in printed
    assert printed.count("Verified") == 2


def test_the_example_fails_when_a_formula_is_wrong(
    example: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Derivation, "is_verified", False)
    monkeypatch.setattr(Derivation, "save", lambda self, path: path)
    assert example.main(["--out", str(tmp_path)]) == 1
    (tmp_path / "file").touch()
    assert example.main(["--out", str(tmp_path / "file")]) == 2
    assert "error" in capsys.readouterr().err


# --- symbols ----------------------------------------------------------------------------------------------------------


def symbol(name: str, *shape: int) -> Symbol:
    return Symbol((name, name), np.random.default_rng(len(name)).normal(size=shape))


a, b, c, s = symbol("a", 2, 3), symbol("b", 2, 3), symbol("c", 3, 2), symbol("s")
write = derivation.Writer(False, False, {})

SIMPLER: list[tuple[Any, str]] = [
    (1 * a, "a"),
    (a * 1, "a"),
    (np.negative(-a), "a"),
    (-(a * -2), "2 a"),
    (a - (-b), "a + b"),
    (a + (-b), "a − b"),
    (0.5 * (2 * (a - b)), "a − b"),
    (a + -2, "a − 2"),
    (0 - a, "−a"),
    (1 - a**2, "1 − a²"),
    (a / 10, "1/10 · a"),
    (1 / a, "1 / a"),
    (a / (2 * b), "½ a / b"),
    (a * (b / a), "a ⊙ (b / a)"),
    (a / (b / a), "a / (b / a)"),
    ((a - b) / (a - b), "(a − b) / (a − b)"),
    (a.T.T, "a"),
    ((-a) @ c, "−a c"),
    ((2 * a).T @ (a @ (3 * c)), "6 aᵀ a c"),
    ((a @ c).T, "(a c)ᵀ"),
    ((a * b) @ c, "(a ⊙ b) c"),
    (a @ c * (a @ c), "a c ⊙ a c"),
    (s * a, "s · a"),
    (np.sum(a), "Σ a"),
    (np.sum(a * b) * 2, "2 Σ a ⊙ b"),
    (np.sum(a + b), "Σ (a + b)"),
    (np.sum(a, axis=0), "𝟏ᵀ a"),
    (np.sum(a, axis=1, keepdims=True), "a 𝟏"),
    (np.mean(a), "1/6 · Σ a"),
    (np.broadcast_to(s, (2, 3)) * a, "s · a"),
    (np.broadcast_to(np.sum(a, 1, keepdims=True), (2, 3)), "a 𝟏 𝟏ᵀ"),
    (np.exp(a) ** 2, "exp²(a)"),
    (np.tanh(a + b), "tanh(a + b)"),
    (a > 0, "[a > 0]"),
    (np.where(a > b, a, 0), "where([a > b], a, 0)"),
    (np.logaddexp(0, a), "ln(1 + exp(a))"),
    (np.log1p(-a), "ln(1 − a)"),
    (np.expm1(a), "exp(a) − 1"),
    (a[0, 1:], "a[0, 1:]"),
    (a * 1e-12, "10⁻¹² a"),
    (a**0.5, "a^½"),
    (a**-1, "a⁻¹"),
    (a**1, "a"),
    (a + a**0, "a + 𝟏 𝟏ᵀ"),
    (a * np.nan, "NaN a"),
    (2 * (1 / a), "2 / a"),
    (np.transpose(symbol("t", 2, 3, 4), (2, 0, 1)), "transpose(t, (2, 0, 1))"),
    (-2 * a + b, "−2 a + b"),
    (b - (a - b), "b − (a − b)"),
    (a @ c @ a, "a c a"),
    (np.reshape(a, (3, 2)), "reshape(a, (3, 2))"),
    (np.reshape(a, (1, 2, 3)), "a"),
]


@pytest.mark.parametrize(("expression", "text"), SIMPLER, ids=[text for _, text in SIMPLER])
def test_how_expressions_are_written(expression: Expression, text: str) -> None:
    assert write(expression) == text


@pytest.mark.parametrize(
    "operation", [lambda: len(a), lambda: float(s), lambda: list(a), lambda: bool(a), lambda: np.asarray(a)]
)
def test_what_symbols_refuse(operation: Callable[[], Any]) -> None:
    with pytest.raises(TypeError):
        operation()


def test_what_was_let_go_is_computed_again_unless_it_has_changed() -> None:
    """Also sums over leading axes of length 1, in the same words."""
    x = tg.tensor(np.linspace(-1, 1, 48).reshape(1, 8, 6), requires_grad=True)
    w = tg.tensor(np.linspace(-1, 1, 6), requires_grad=True)
    loss = ((x + w) * 1.0).tanh().sum()
    assert "axis=(0, 1)" in str(explain(loss))
    loss = ((x + w) * 1.0).tanh().sum()
    with tg.no_grad():
        x.add_(1)
    with pytest.raises(RuntimeError, match="changed after it was computed"):
        explain(loss)
