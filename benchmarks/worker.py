"""The process of a contestant, ``python -m benchmarks.worker``, which `benchmarks.measure` starts and asks.

The process does as little as possible beside the contestant's work: it starts no threads, and imports nothing but NumPy
that the contestant does not use. Questions and answers are lines of JSON. Arrays go through files.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from .problem import Case, LeftOut, load

WARMTH = 2**25 - 2**16  # bytes; when a block of up to 32 MB is freed, glibc's allocator begins to reuse such blocks


def _memory() -> tuple[int, int]:
    """Resident memory now, and its peak, in bytes."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0]) * 1024, int(status["VmHWM"].split()[0]) * 1024


def _pin(cores: int) -> None:
    """Keep all threads of this process, and those to come, on the last `cores` cores. Interrupts prefer the first ones.

    Call this after the contestant has been imported, so that all processes start up on all cores.
    """
    chosen = sorted(os.sched_getaffinity(0))[-cores:]
    for thread in os.listdir("/proc/self/task"):
        os.sched_setaffinity(int(thread), chosen)


def _serve(question: dict[str, Any]) -> None:
    """Set up the contestant, answer that it is ready, and answer questions until there are no more."""
    case = Case(*question["case"])
    if case.allocator == "warm":
        np.ones(WARMTH, np.uint8)
    problem = load(case, question["rate"], Path(question["folder"]))
    module = importlib.import_module(f".contestants.{question['contestant']}", __package__)
    _pin(case.threads)
    (contest,) = (getattr(module, name) for name in question["contests"] if hasattr(module, name))
    unit, result = contest(problem)
    answer({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        if "result" in asked:
            for i, array in enumerate(result()):
                np.save(Path(asked["result"]) / f"{i}.npy", array)
            answer({})
            continue
        Path("/proc/self/clear_refs").write_text("5")  # lets the kernel forget the peak of the memory
        before, _ = _memory()
        start = time.perf_counter()
        for _ in range(asked["repeat"]):
            unit()
        seconds = time.perf_counter() - start
        answer({"seconds": seconds / asked["repeat"], "peak": _memory()[1] - before})


def _explain(error: Exception) -> str:
    """The reason to leave the contestant out, in one line."""
    first = (str(error).strip().splitlines() or [""])[0]
    if isinstance(error, LeftOut):
        return first
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # so that what a contestant prints is not taken for an answer

    def answer(message: dict[str, Any]) -> None:
        print(json.dumps(message), file=answers, flush=True)

    try:
        _serve(json.loads(sys.stdin.readline()))
    except Exception as error:  # any error in a contestant is a reason to leave it out
        answer({"left_out": _explain(error)})
