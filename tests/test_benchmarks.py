"""The benchmark runs, checks the results of each contestant and says why one is left out. No time is asserted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import benchmarks.__main__ as command
from benchmarks import measure as measuring
from benchmarks.contestants import CONTESTANTS
from benchmarks.measure import Effort, Measured, check, measure
from benchmarks.problem import Case, LeftOut, Problem, load, save
from benchmarks.report import entry, tables
from benchmarks.workloads import WORKLOADS, Options

TINY = Effort(0.0, 0.0)
OPTIONS = Options(quick=True, threads=[1], data=None)
OWN = [c for c in CONTESTANTS if not c.distribution or c.distribution in ("numpy", "scipy")]

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def tiny_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "QUICK", TINY)


def run(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run the benchmark quickly, and return what it writes as JSON."""
    files = ["--json", str(folder / "b.json"), "--png", str(folder / "b.png")]
    command.main([*arguments, "--quick", *files])
    report: dict[str, Any] = json.loads((folder / "b.json").read_text())
    return report


def test_a_run_prints_tables_and_writes_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = run(tmp_path, "ops", "start", "--peers", "tinygrad_mlp,numpy_by_hand,blas_by_hand")
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["b.json", "b.png"]
    machine = report["environment"]
    assert {"cpu", "cores", "date", "load", "numpy_blas", "scipy_blas", "settings", "python"} <= set(machine)
    assert machine["versions"]["numpy"] == np.__version__
    ops, start = report["cases"]
    assert [ops[name] for name in Case._fields] == ["ops", 1000, "float32", 1, "warm"]
    assert set(ops["contestants"]) == {"tinygrad_mlp"}
    assert set(start["contestants"]) == {"tinygrad_mlp", "numpy_by_hand", "blas_by_hand"}
    for case in (ops, start):
        for figures in case["contestants"].values():
            low, high = figures["quartiles"]
            assert 0 < low <= figures["seconds"] <= high
            assert len(figures["rounds"]) >= 1
        assert case["contestants"]["tinygrad_mlp"]["ratios"] == {"tinygrad_mlp": 1.0}
    assert all(figures["memory_bytes"] > 1e6 for figures in start["contestants"].values())
    printed = capsys.readouterr().out
    assert "### ops" in printed
    assert "| import numpy " in printed


CASES = [
    Case("step", 1, "float32", 1, "warm"),
    Case("step", 1, "float64", 1, "fresh"),
    Case("step", 32, "float64", 1, "warm"),
    Case("predict", 1, "float32", 1, "warm"),
    Case("predict", 64, "float64", 1, "warm"),
    Case("ops", 100, "float32", 1, "warm"),
    Case("deep", 1000, "float64", 1, "warm"),
    Case("run", 1, "float64", 1, "warm"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case[:3])))
def test_our_own_contestants_agree_with_the_reference(case: Case, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    images, labels = generator.integers(0, 256, (40, 28, 28), np.uint8), np.arange(40, dtype=np.uint8) % 10
    np.savez(tmp_path / "mnist.npz", x_train=images, y_train=labels)
    figures, left_out = measure(case, OWN, OPTIONS._replace(data=tmp_path / "mnist.npz"), TINY)
    expected = {c.name for c in OWN if WORKLOADS[case.workload].contest in c.contests.split()}
    # Two of them may be missing: the document's code takes one sample a step, and the loop in C needs a compiler.
    if case.size > 1:
        assert left_out.pop("document", None) in (None, "it takes one sample a step")
        expected -= {"document"} if case.workload == "step" else set()
    if shutil.which("cc") is None and left_out.pop("c_loop", None):
        expected.remove("c_loop")
    assert not left_out
    assert set(figures) == expected
    assert all(measured.discrepancy is not None for measured in figures.values())
    assert all(measured.memory for measured in figures.values()) or case.workload != "deep"


def test_a_missing_peer_is_left_out_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for package in ("torch", "micrograd"):
        (tmp_path / f"{package}.py").write_text(f'raise ModuleNotFoundError("No module named {package!r}")')
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    folder = tmp_path / "out"
    folder.mkdir()
    report = run(folder, "ops", "start", "--peers", "pytorch,micrograd,tinygrad_mlp")
    for case in report["cases"]:
        assert set(case["contestants"]) == {"tinygrad_mlp"}
        assert case["left_out"]["pytorch"] == "ModuleNotFoundError: No module named 'torch'"
    assert "Left out: PyTorch: ModuleNotFoundError: No module named 'torch'" in capsys.readouterr().out


def test_the_data_may_be_one_file(tmp_path: Path) -> None:
    file = tmp_path / "mnist.npz"
    file.touch()
    assert command._arguments(["run", "--data", str(file)]).data == file


def test_the_mnist_run_is_left_out_without_data() -> None:
    figures, left_out = measure(Case("run", 1, "float64", 1, "warm"), OWN, OPTIONS, TINY)
    assert not figures
    assert "--data" in left_out["tinygrad_mlp"]


def test_a_contestant_that_computes_something_else_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(measuring.TOLERANCE, "float32", 0.0)
    figures, left_out = measure(Case("ops", 1000, "float32", 1, "warm"), OWN, OPTIONS, TINY)
    assert not figures
    assert left_out["tinygrad_mlp"].startswith("it computes something else: relative discrepancy")


def test_a_contestant_whose_process_dies_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "micrograd.py").write_text("import os; os._exit(3)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    micrograd = [c for c in CONTESTANTS if c.name == "micrograd"]
    assert measure(CASES[5], micrograd, OPTIONS, TINY) == ({}, {"micrograd": "its process ended with status 3"})


@pytest.fixture
def problem() -> Problem:
    """The problem of one training step on five samples in float64."""
    problem = WORKLOADS["step"].problem(Case("step", 8, "float64", 1, "warm"), OPTIONS)
    return problem._replace(x=problem.x[:5], y=problem.y[:5])


def wrong_results(problem: Problem) -> dict[str, Any]:
    """Results of contestants that make a mistake."""
    reference = WORKLOADS["step"].reference
    right = reference(problem)
    return {
        "a mean for a sum": reference(problem._replace(rate=problem.rate / problem.case.size)),
        "no step at all": problem.weights + problem.biases,
        "biases not learnt": right[:2] + problem.biases,
        "one batch missed": reference(problem._replace(x=problem.x[1:], y=problem.y[1:])),
        "a batch twice": reference(problem._replace(x=problem.x + problem.x[-1:], y=problem.y + problem.y[-1:])),
        "a weight transposed": [right[0].T, *right[1:]],
        "a bias missing": right[:3],
        "float32": [array.astype(np.float32) for array in right],
        "not a number": [right[0] * np.nan, *right[1:]],
    }


def test_the_check_refuses_every_wrong_result(problem: Problem) -> None:
    right = WORKLOADS["step"].reference(problem)
    assert check(problem, right, right) == 0
    for mistake, result in wrong_results(problem).items():
        with pytest.raises(LeftOut):  # `check` raises it before `fail` is called
            pytest.fail(f"{mistake} passed with {check(problem, result, right)}")


def test_the_reference_steps_along_the_gradient_of_its_loss(problem: Problem) -> None:
    """Its step, divided by the rate, equals differences of the loss along random directions."""
    small = problem._replace(x=problem.x[:1], y=problem.y[:1])

    def loss(arrays: list[Any]) -> float:
        first, second, b, c = arrays
        z = np.tanh(small.x[0] @ first.T + b) @ second.T + c
        return float(np.sum(np.logaddexp(0, z) - small.y[0] * z))

    start = small.weights + small.biases
    stepped = WORKLOADS["step"].reference(small)
    gradient = [(a - b) / small.rate for a, b in zip(start, stepped, strict=True)]
    generator = np.random.default_rng(1)
    for i in range(4):
        direction = [generator.normal(size=a.shape) * (i == j) for j, a in enumerate(start)]
        plus, minus = ([a + h * d for a, d in zip(start, direction, strict=True)] for h in (1e-5, -1e-5))
        along = sum(float(np.vdot(g, d)) for g, d in zip(gradient, direction, strict=True))
        assert (loss(plus) - loss(minus)) / 2e-5 == pytest.approx(along, rel=1e-5)


def test_a_problem_is_saved_and_loaded_unchanged(problem: Problem, tmp_path: Path) -> None:
    save(problem, tmp_path)
    read = load(problem.case, problem.rate, tmp_path)
    for name in ("x", "y", "weights", "biases", "validation"):
        for a, b in zip(getattr(problem, name), getattr(read, name), strict=True):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype


def test_tables_show_medians_spreads_and_ratios_and_say_who_is_left_out_and_why() -> None:
    """A cell has the median in µs, its spread, and our eager and captured medians divided by it."""
    figures = {
        "tinygrad_mlp": Measured([2e-6, 1e-6, 3e-6]),
        "pytorch": Measured([8e-6, 8e-6, 8e-6]),
        "tinygrad_mlp_captured": Measured([1e-6]),
    }
    cases = [Case("step", size, "float32", 1, "warm") for size in (1, 32)]
    text = tables([entry(cases[0], figures, {}), entry(cases[1], figures, {"document": "it is slow"})])
    assert "2 ±25 % (1.00 · 0.50)" in text
    assert "8 ±0 % (0.25 · 0.12)" in text
    assert "| batch 1 " in text
    assert "Left out: the document (batch 32): it is slow" in text


def test_a_run_without_contestants_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (slow, *_) = [c for c in CONTESTANTS if not c.quick]
    monkeypatch.setattr(command, "CONTESTANTS", [slow])
    with pytest.raises(SystemExit, match="nobody could be measured"):
        run(tmp_path, "ops")
    assert not (tmp_path / "b.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["stop"], "there is no stop: choose from step, run"),
        (["--peers", "keras"], "there is no keras: choose from tinygrad_mlp"),
        (["--threads", "0"], "--threads is a number from 1 to"),
        (["run"], "'run' reads MNIST: give the folder of its files as --data"),
        (["--data", "missing"], "missing is no folder"),
        (["--json", "missing/b.json"], "there is no folder missing"),
    ],
)
def test_wrong_options_are_refused_on_the_command_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
