"""Every sign and every function that a derivation prints is explained at its head."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import LOSSES, explained
from ops import CASES, DERIVED, Case, examples

from tinygrad_mlp.derivation.page import Derivation, explain

SIGNS = {"⊙": "⊙ multiplies", "ᵀ": "ᵀ transposes", "Σ": "Σ adds", "𝟏": "𝟏 is", "∂": "∂L/∂z is", "∇": "∇_zℒ is"}


def unexplained(found: Derivation) -> list[str]:
    """The signs and the functions of the formulas that do not stand in the paragraph above them."""
    head, _, formulas = str(found).partition("\n\nGiven\n")
    head = " ".join(head.split())
    formulas = formulas.partition("\n\nVerified")[0]
    functions = set(re.findall(r"([^\W\d_][^\W₀-₉²³]*|√)[²³⁻\d]*\(", re.sub(r"_\w+ℒ", "", formulas)))
    missing = {sign for sign, words in SIGNS.items() if sign in formulas and words not in head}
    return sorted(missing | {name for name in functions if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", head)})


@pytest.mark.parametrize("case", [*CASES, *DERIVED], ids=repr)
@given(data=st.data())
def test_functions_of_the_sheet(case: Case, data: st.DataObject) -> None:
    example = data.draw(examples(case))
    assert unexplained(explain((example(example.tensors()) * example.cotangent).sum())) == []


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("notation", ["rows", "document"])
def test_networks(loss: str, notation: str) -> None:
    found = explained(loss, [4, 3, 2], bias=True, notation=notation)
    assert unexplained(found) == []
    assert ("diag(v) is the matrix" in " ".join(str(found).split())) == (notation == "document")
