"""In the document's notation (see README.md), a derivation equals the document's formulas, or an error says why not."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from networks import LOSSES, batch, explained, network

import tinygrad_mlp as tg
from tinygrad_mlp import Tensor
from tinygrad_mlp.core import functions as f
from tinygrad_mlp.core.sheet import sheet
from tinygrad_mlp.derivation.page import explain
from tinygrad_mlp.nn import functional as F


def normalised(latex: str) -> str:
    """LaTeX without spaces, sizes of parentheses and fonts, which do not change its meaning."""
    latex = (
        re.sub(r"\\(left|right|mathrm|mathcal)(?![a-z])", "", latex).replace(r"\tanh", "tanh").replace("{diag}", "diag")
    )
    return re.sub(r"\s|\\,", "", latex)


# The formulas of the document, as they are printed there.
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
    """For w, x, b ∈ ℝ and a = g(z). The document writes g′(z) for g(z)(1 − g(z)), and a minus before the fraction."""
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


def out_of_place(name: str) -> Tensor:
    """A loss that the notation of the document cannot express, for the reason in `name`."""
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
    """Each rule equals (a − t) / (a (1 − a)), in a form in which nothing is found to cancel."""
    monkeypatch.setitem(sheet, f.binary_cross_entropy, (rule, None))
    assert explained("cross entropy", [3, 4, 2], notation="document").is_verified
