"""Measures a case: starts a process for each contestant, checks its results, and lets the contestants take turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from random import shuffle
from typing import IO, Any, NamedTuple, cast

import numpy as np

from .contestants import PEAK, Contestant
from .problem import Array, Case, LeftOut, Problem, save
from .references import discrepancy
from .workloads import WORKLOADS, Options, Workload

__all__ = ["Effort", "Measured", "measure", "start_times"]

ROOT = Path(__file__).parents[1]
# Seconds between rounds. With several threads the pause is longer, because the threads of the last contestant stay
# awake for a while: OpenBLAS's for some 30 ms.
PAUSE, LONG_PAUSE = 0.03, 0.1
TOLERANCE = {"float32": 1e-3, "float64": 1e-9}


class Effort(NamedTuple):
    """How long to measure."""

    rounds: float  # the fraction of each workload's rounds that is run
    seconds: float  # how long a round takes at least


class Measured(NamedTuple):
    """A contestant's figures in one case."""

    rounds: list[float]  # seconds for each step, row, op, …
    memory: float | None = None  # bytes: resident, or at the peak for each op
    discrepancy: float | None = None  # of its results from the reference; see `references.discrepancy`


def environment() -> dict[str, str]:
    """The environment variables of this process, without the one that stops Python from storing compiled modules."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def environment_of(threads: int) -> dict[str, str]:
    """The environment variables of a contestant's process."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**environment(), **dict.fromkeys(names, str(threads)), "JAX_PLATFORMS": "cpu"}


class Worker:
    """A contestant's process, as a context manager that ends it."""

    def __init__(self, contestant: Contestant, problem: Problem, folder: Path) -> None:
        case = problem.case
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment_of(case.threads),
            cwd=ROOT,
            text=True,
        )
        self._tell(
            contestant=contestant.name,
            contests=WORKLOADS[case.workload].contest.split(),
            case=case,
            rate=problem.rate,
            folder=str(folder),
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.kill()
        self.process.communicate()

    def _tell(self, **message: Any) -> None:
        """Send a line of JSON to the process."""
        pipe = cast(IO[str], self.process.stdin)
        with suppress(BrokenPipeError):  # the process has ended: `answer` raises the error
            print(json.dumps(message), file=pipe, flush=True)

    def answer(self) -> dict[str, Any]:
        """The next message of the process. Raises LeftOut if it gives a reason to leave it out, or has ended."""
        line = cast(IO[str], self.process.stdout).readline()
        if not line:
            raise LeftOut(f"its process ended with status {self.process.wait()}")
        said: dict[str, Any] = json.loads(line)
        if "left_out" in said:
            raise LeftOut(said["left_out"])
        return said

    def run(self, repeat: int = 1) -> tuple[float, int]:
        """Run the contestant's unit `repeat` times. Return the mean seconds, and by how many bytes memory rose."""
        self._tell(repeat=repeat)
        said = self.answer()
        return said["seconds"], said["peak"]

    def result(self) -> list[Array]:
        """The arrays that the contestant has computed."""
        with tempfile.TemporaryDirectory() as folder:
            self._tell(result=folder)
            self.answer()
            return [np.load(Path(folder) / f"{i}.npy") for i in range(len(os.listdir(folder)))]


def measure(
    case: Case, contestants: Sequence[Contestant], options: Options, effort: Effort
) -> tuple[dict[str, Measured], dict[str, str]]:
    """The figures of each contestant in a case, and for each contestant that is left out the reason."""
    workload = WORKLOADS[case.workload]
    competing = [c for c in contestants if set(c.contests.split()) & set(workload.contest.split())]
    try:
        problem = workload.problem(case, options)
    except LeftOut as reason:
        return {}, {contestant.name: str(reason) for contestant in competing}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        save(problem, folder)
        workers = {c.name: stack.enter_context(Worker(c, problem, folder)) for c in competing}
        race = Race(workload, problem, workers)
        for contestant in competing:  # wait until all are ready, so that no one is timed while others start
            with race.leaving_out(contestant.name):
                workers[contestant.name].answer()
        for contestant in competing:
            if contestant.name in workers:  # it has not been left out
                with race.leaving_out(contestant.name):
                    race.first_round(contestant, effort.seconds)
        rounds = max(1, round(workload.rounds * effort.rounds))
        # Where there is no warm-up, the first round was already one of these.
        race.take_turns(rounds if workload.warms_up else rounds - 1)
    return race.figures, race.reasons


class Race:
    """The contestants of a case that have not been left out, and their figures so far.

    Attributes:
        figures: what was measured, by the names of the contestants.
        reasons: why contestants were left out, by their names.
    """

    def __init__(self, workload: Workload, problem: Problem, workers: dict[str, Worker]) -> None:
        self.figures: dict[str, Measured] = {}
        self.reasons: dict[str, str] = {}
        self._case = problem.case
        self._workload = workload
        # By whether a contestant's network has biases: the problem, and the results that are expected of it.
        self._problems = {True: problem, False: problem._replace(biases=[])}
        self._reference = cache(lambda biases: workload.reference(self._problems[biases]))
        self._count = workload.count(problem)  # how many steps, rows or ops one run of a unit does
        self._workers = workers
        self._repeats: dict[str, int] = {}  # how often a contestant's unit is run in a round

    @contextmanager
    def leaving_out(self, name: str) -> Iterator[None]:
        """Run a block; if it raises LeftOut, note the reason and end the contestant's process."""
        try:
            yield
        except LeftOut as reason:
            self.reasons[name] = str(reason)
            self.figures.pop(name, None)
            self._workers.pop(name).__exit__()

    def first_round(self, contestant: Contestant, seconds: float) -> None:
        """Run a contestant's unit, check its results, and find out how often the unit can be run in `seconds`."""
        worker = self._workers[contestant.name]
        took, peak = worker.run()
        problem = self._problems[contestant.biases]
        off = None
        if contestant.name != PEAK:
            off = check(problem, worker.result(), self._reference(contestant.biases))
        measured = Measured([], peak / self._count if self._case.workload == "deep" else None, off)
        if self._workload.warms_up:
            took, _ = worker.run()
        else:
            measured.rounds.append(took / self._count)
        self.figures[contestant.name] = measured
        self._repeats[contestant.name] = max(1, round(seconds / took))

    def take_turns(self, rounds: int) -> None:
        """Let the contestants run round by round, each round in another order."""
        order = list(self._workers)
        pause = LONG_PAUSE if self._case.threads > 1 else PAUSE
        for _ in range(rounds):
            for name in order:
                if name in self._workers:  # it may have been left out in an earlier round
                    with self.leaving_out(name):
                        time.sleep(pause)
                        seconds, _ = self._workers[name].run(self._repeats[name])
                        self.figures[name].rounds.append(seconds / self._count)  # for each step, row or op
            shuffle(order)  # so that no contestant always runs after the same one


def check(problem: Problem, result: list[Array], reference: list[Array]) -> float:
    """The discrepancy of a contestant's results from the reference. Raises LeftOut if it is too large."""
    off = discrepancy(problem, result, reference)
    # Rounding errors add up over the 108,000 steps of the experiment.
    tolerance = TOLERANCE[problem.case.dtype] * (10 if problem.case.workload == "run" else 1)
    if not off <= tolerance:
        raise LeftOut(f"it computes something else: relative discrepancy {off:.1e}")
    return off


IMPORT = """
import os, time
start = time.perf_counter()
{statement}
seconds = time.perf_counter() - start
pages = int(open("/proc/self/statm").read().split()[1])
print(seconds, pages * os.sysconf("SC_PAGE_SIZE"))
"""


def start_times(contestants: Sequence[Contestant], effort: Effort) -> tuple[dict[str, Measured], dict[str, str]]:
    """The import time and resident memory of each package in fresh processes, and why the others are left out."""
    figures: dict[str, Measured] = {}
    reasons: dict[str, str] = {}
    memory: dict[str, list[int]] = {}
    for contestant in contestants:
        if contestant.statement:
            figures[contestant.name] = Measured([])
            memory[contestant.name] = []
    for i in range(1 + max(1, round(5 * effort.rounds))):
        for contestant in contestants:
            if (name := contestant.name) not in figures:
                continue
            code = IMPORT.format(statement=contestant.statement)
            command = [sys.executable, "-c", code]
            done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
            if done.returncode:
                reasons[name] = (done.stderr.strip().splitlines() or ["its process ended"])[-1]
                del figures[name]
            elif i:  # the first round, which brings the files into memory, does not count
                seconds, resident = done.stdout.split()
                figures[name].rounds.append(float(seconds))
                memory[name].append(int(resident))
    return {
        name: measured._replace(memory=float(np.median(memory[name]))) for name, measured in figures.items()
    }, reasons
