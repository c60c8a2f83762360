"""The example of proofs finds each of its mistakes, and fails where one is not found."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long

PATH = Path(__file__).parents[1] / "examples" / "prove_your_gradient.py"


@pytest.fixture
def example() -> Any:
    spec = importlib.util.spec_from_file_location("prove_your_gradient", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_function_is_proved_and_each_mistake_found(example: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert example.main() == 0
    printed = capsys.readouterr().out
    for name in ("smooth_hinge", "log_cosh", "box_cox"):
        assert f"{name}: tested and proved; the test notices each of " in printed
    for mistake in example.FOUND:
        assert f"found: {mistake}\n" in printed
    assert printed.count("to check this again:") == len(example.FOUND) == 4
    assert "refuted: the gradient for x[0] is" in printed


def test_a_mistake_that_is_not_found_gives_1(
    example: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(example, "FOUND", {"nothing wrong": example.test_log_cosh})
    assert example.main() == 1
    assert "NOT FOUND: nothing wrong" in capsys.readouterr().out
