"""A derivation is shown and saved whole and well-formed in every format."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from networks import explained

import tinygrad_mlp as tg
from tinygrad_mlp.derivation.page import Derivation, explain


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
def small() -> Derivation:
    return explained("cross entropy", [2, 2, 1], rows=3)


@pytest.mark.long
@pytest.mark.parametrize("ending", [".png", ".svg", ".PNG"])
def test_save(small: Derivation, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"derivation{ending}"
    path.write_text("old")
    assert small.save(str(path)) == path
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes().startswith({".png": b"\x89PNG", ".svg": b"<?xml"}[ending.lower()])


@pytest.mark.parametrize(
    ("notation", "layers"),
    [
        ("rows", [2, 2, 1]),
        *[pytest.param(notation, [5, 4, 4, 4, 4, 2], marks=pytest.mark.long) for notation in ("rows", "document")],
    ],
)
def test_nothing_of_the_picture_is_cut_off(notation: str, layers: list[int], tmp_path: Path) -> None:
    from matplotlib.image import imread

    found = explained("cross entropy", layers, bias=True, notation=notation)
    image = imread(found.save(tmp_path / "derivation.png"))[..., :3]
    border = 12
    for edge in (image[:border], image[-border:], image[:, :border], image[:, -border:]):
        assert edge.min() == 1
    assert image[border:-border, border:-border].min() < 0.3


def test_what_cannot_be_saved(small: Derivation, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.png or \.svg, not as 'derivation\.pdf'.*latex\(\) or str\(\)"):
        small.save(tmp_path / "derivation.pdf")
    with pytest.raises(OSError, match="nowhere"):
        small.save(tmp_path / "nowhere" / "derivation.svg")
    assert list(tmp_path.iterdir()) == []


def test_a_summary_can_be_saved(tmp_path: Path) -> None:
    x = tg.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(300):
        y = y * 1.01
    found = explain(y)
    for ending in ("png", "svg"):
        assert found.save(tmp_path / f"summary.{ending}").stat().st_size > 100


def test_matplotlib_is_imported_to_save_alone() -> None:
    code = (
        "import sys, numpy as np, tinygrad_mlp as tg; from tinygrad_mlp.derivation.page import explain; "
        "str(explain(tg.tensor(1.0, requires_grad=True) * 2)); print('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
