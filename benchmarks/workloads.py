"""The workloads: the cases of each, and the problem that the contestants are given in a case."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .problem import Array, Case, LeftOut, Problem
from .references import chained, embedded, experimented, predicted, trained

__all__ = ["START", "WORKLOADS", "Options", "Workload"]

START = "start"  # the workload that measures the import of packages; all others call functions of contestants


class Options(NamedTuple):
    """What the command line asks for."""

    quick: bool
    threads: list[int]
    data: Path | None


class Workload(NamedTuple):
    """The cases of one kind, and what they have in common."""

    about: str
    contest: str  # the name of the function in the contestants' modules; or two names, of which each module has one
    size: str  # what `Case.size` counts
    unit: tuple[str, float]  # the unit of the figures, and how many of it a second has
    rounds: int
    warms_up: bool  # whether the first round, whose results are checked, counts for nothing else
    cases: Callable[[Options], list[Case]]
    problem: Callable[[Case, Options], Problem]
    reference: Callable[[Problem], list[Array]]
    count: Callable[[Problem], int]  # how many steps, rows or ops one call of a contestant's unit does


# --- cases ------------------------------------------------------------------------------------------------------------


def _dtypes(options: Options) -> list[str]:
    return ["float32"] if options.quick else ["float32", "float64"]


def _settings(options: Options) -> list[tuple[str, int]]:
    """The dtypes and the numbers of threads that most workloads are measured with."""
    numbers = options.threads[:1] if options.quick else options.threads
    return [(dtype, threads) for threads in numbers for dtype in _dtypes(options)]


def _step_cases(options: Options) -> list[Case]:
    sizes = [1] if options.quick else [1, 32, 128, 512]
    warm = [Case("step", size, *settings, "warm") for settings in _settings(options) for size in sizes]
    if options.quick:
        return warm
    return warm + [Case("step", 1, dtype, options.threads[0], "fresh") for dtype in _dtypes(options)]


def _wide_cases(options: Options) -> list[Case]:
    if options.quick:
        return [Case("wide", 128, "float32", options.threads[0], "warm")]
    return [Case("wide", 256, *settings, "warm") for settings in _settings(options)]


def _predict_cases(options: Options) -> list[Case]:
    sizes = [1] if options.quick else [1, 10_000]
    return [Case("predict", size, *settings, "warm") for settings in _settings(options) for size in sizes]


def _run_cases(options: Options) -> list[Case]:
    return [Case("run", 1, dtype, options.threads[0], "warm") for dtype in _dtypes(options)]


def _ops_cases(options: Options) -> list[Case]:
    return [Case("ops", 1_000, "float32", options.threads[0], "warm")]


def _deep_cases(options: Options) -> list[Case]:
    sizes = [10_000] if options.quick else [1_000, 10_000, 100_000, 1_000_000]
    return [Case("deep", size, "float64", options.threads[0], "warm") for size in sizes]


def _lookup_cases(options: Options) -> list[Case]:
    sizes = [10_000] if options.quick else [10_000, 100_000, 1_000_000]
    return [Case("lookup", size, "float32", options.threads[0], "warm") for size in sizes]


# --- problems ---------------------------------------------------------------------------------------------------------


def _network(widths: list[int], dtype: str) -> tuple[np.random.Generator, list[Array], list[Array]]:
    """A generator, and the weights and biases that it has drawn for layers of these widths."""
    generator = np.random.default_rng(0)

    def draw(inputs: int, *shape: int) -> Array:
        bound = inputs**-0.5
        return generator.uniform(-bound, bound, shape).astype(dtype)

    layers = list(pairwise(widths))
    weights = [draw(inputs, outputs, inputs) for inputs, outputs in layers]
    return generator, weights, [draw(inputs, outputs) for inputs, outputs in layers]


def _training(case: Case, widths: list[int], batches: int, rate: float) -> Problem:
    """Batches of random inputs with random one-hot targets, and the weights to start from."""
    generator, weights, biases = _network(widths, case.dtype)
    x, y = [], []
    for _ in range(batches):
        x.append(generator.normal(size=(case.size, widths[0])).astype(case.dtype))
        y.append(np.eye(widths[-1], dtype=case.dtype)[generator.integers(widths[-1], size=case.size)])
    return Problem(case, rate, x, y, weights, biases, [])


def _step_problem(case: Case, options: Options) -> Problem:
    # About 2,048 samples, but at most 256 steps, to keep an epoch short, and at least 8, so that compiled loops gain.
    batches = max(8, min(256, 2048 // case.size))
    return _training(case, [784, 256, 10], batches, 0.01 / case.size)


def _wide_problem(case: Case, options: Options) -> Problem:
    widths = [1024, 4096, 4096, 1024]
    # A quick run takes half the widths, because most of its time would go into writing and reading 100 MB of weights.
    return _training(case, [n // 2 for n in widths] if options.quick else widths, 1, 0.01 / case.size)


def _predict_problem(case: Case, options: Options) -> Problem:
    generator, weights, biases = _network([784, 256, 10], case.dtype)
    calls = 1000 if case.size == 1 else 1
    x = [generator.normal(size=(case.size, 784)).astype(case.dtype) for _ in range(calls)]
    return Problem(case, 1.0, x, [], weights, biases, [])


def _lookup_problem(case: Case, options: Options) -> Problem:
    generator = np.random.default_rng(0)
    table = generator.normal(size=(case.size, 16)).astype(case.dtype)
    indices = [generator.integers(case.size, size=256) for _ in range(8)]
    targets = [generator.normal(size=(256, 16)).astype(case.dtype) for _ in indices]
    return Problem(case, 0.01, indices, targets, [table], [], [])


def _chain_problem(case: Case, options: Options) -> Problem:
    numbers = 8 if case.workload == "ops" else 1
    # With this factor, which no dtype rounds, the whole product is about e, so that every op counts.
    factor = 1 + 2.0 ** -round(np.log2(case.size))
    return Problem(case, factor, [np.ones(numbers, case.dtype)], [], [], [], [])


def _run_problem(case: Case, options: Options) -> Problem:
    if options.data is None:
        raise LeftOut("it needs MNIST: give its folder with --data")
    from tinygrad_mlp.datasets import load_mnist, preprocess

    images, labels = load_mnist(options.data)
    if options.quick:
        images, labels = images[:1000], labels[:1000]
    data = preprocess(images, labels, generator=0, dtype=case.dtype)
    generator = np.random.default_rng(0)
    weights = [generator.normal(0, 0.01, shape).astype(case.dtype) for shape in ((256, 784), (10, 256))]
    validation = [data.validation_x, data.validation_y]
    return Problem(case, 0.0, [data.train_x], [data.train_y], weights, [], validation)


# --- the table --------------------------------------------------------------------------------------------------------

_MICRO = ("µs", 1e6)

# fmt: off
WORKLOADS = {
    "step": Workload(
        "one SGD step, 784-256-10, tanh, binary cross entropy on logits (sum)", "train", "batch",
        _MICRO, 15, True, _step_cases, _step_problem, trained, lambda problem: len(problem.x)),
    "run": Workload(
        "the document's experiment: two epochs of MNIST, batch 1, monitored", "experiment", "batch",
        ("s", 1.0), 3, False, _run_cases, _run_problem, experimented, lambda problem: 1),
    "ops": Workload(
        "a chain of elementwise ops on 8 numbers, forward and backward: time per op", "chain", "ops",
        _MICRO, 15, True, _ops_cases, _chain_problem, chained, lambda problem: problem.case.size),
    "wide": Workload(
        "one SGD step, 1024-4096-4096-1024 (half as wide in a quick run); BLAS peak ÷ it is its share of the peak",
        "train peak", "batch",
        ("ms", 1e3), 5, True, _wide_cases, _wide_problem, trained, lambda problem: len(problem.x)),
    "predict": Workload(
        "784-256-10 forward only: time per row", "predict", "rows",
        _MICRO, 15, True, _predict_cases, _predict_problem, predicted,
        lambda problem: len(problem.x) * problem.case.size),
    "lookup": Workload(
        "one SGD step of 256 rows of a table with 16 columns, squared error (sum)", "lookup", "rows of the table",
        _MICRO, 15, True, _lookup_cases, _lookup_problem, embedded, lambda problem: len(problem.x)),
    "deep": Workload(
        "a chain of elementwise ops on 1 number: time and peak memory per op", "chain", "ops",
        _MICRO, 3, False, _deep_cases, _chain_problem, chained, lambda problem: problem.case.size),
}
# fmt: on
