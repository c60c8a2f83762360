"""The explain example prints and draws the derivations for both losses, and fails when a formula is wrong."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from tinygrad_mlp.derivation.page import Derivation


@pytest.fixture(scope="module")
def example() -> Any:
    path = Path(__file__).parents[1] / "examples" / "explain_mlp.py"
    specification = importlib.util.spec_from_file_location("explain_mlp", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_it_prints_and_draws_both_derivations(example: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert example.main(["--out", str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "derivation_mean_square.png",
        "derivation_cross_entropy.png",
    }
    printed = capsys.readouterr().out
    assert "▸ ∇_W⁽¹⁾ℒ = −D⁽²⁾ (W⁽²⁾)ᵀ D⁽³⁾ (y − g(z⁽³⁾)) xᵀ" in printed
    assert "▸         = D⁽²⁾ (W⁽²⁾)ᵀ (g(z⁽³⁾) − y) xᵀ" in printed
    assert printed.count("Verified") == 2


def test_it_fails_when_a_formula_is_not_verified(
    example: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Derivation, "is_verified", False)
    monkeypatch.setattr(Derivation, "save", lambda self, path: path)
    assert example.main(["--out", str(tmp_path)]) == 1
    (tmp_path / "file").touch()
    assert example.main(["--out", str(tmp_path / "file")]) == 2
    assert "error" in capsys.readouterr().err
