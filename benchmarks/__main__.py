"""The command line of the benchmark, ``python -m benchmarks``. README.md says how to use it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tinygrad_mlp._optional import require

from .chart import write_chart
from .contestants import CONTESTANTS
from .machine import describe
from .measure import Effort, measure, start_times
from .problem import Case
from .report import entry, tables, write_json
from .workloads import START, WORKLOADS, Options

QUICK, FULL = Effort(0.3, 0.02), Effort(1.0, 0.1)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command line; ends the program with a message if they are wrong."""
    names = [*WORKLOADS, START]
    peers = [contestant.name for contestant in CONTESTANTS]
    parser = argparse.ArgumentParser(
        "python -m benchmarks",
        description="Measure this package beside its peers; see benchmarks/README.md.",
    )
    parser.add_argument("names", nargs="*", help=f"workloads, of {', '.join(names)}; all by default")
    parser.add_argument("--quick", action="store_true", help="fewer cases and rounds: under a minute")
    parser.add_argument("--threads", type=int, metavar="N", help="threads for every contestant (1, and then 2)")
    parser.add_argument("--data", type=Path, metavar="PATH", help="the folder of MNIST's files, for 'run'")
    parser.add_argument("--peers", metavar="A,B", help=f"contestants, of {', '.join(peers)}; all by default")
    parser.add_argument("--json", type=Path, metavar="PATH", default=Path("benchmark.json"), help="(%(default)s)")
    parser.add_argument("--png", type=Path, metavar="PATH", default=Path("benchmark.png"), help="(%(default)s)")
    chosen = parser.parse_args(arguments)
    chosen.names = chosen.names or names
    chosen.peers = chosen.peers.split(",") if chosen.peers else peers
    for given, known in ((chosen.names, names), (chosen.peers, peers)):
        if unknown := sorted(set(given) - set(known)):
            parser.error(f"there is no {', '.join(unknown)}: choose from {', '.join(known)}")
    if chosen.threads is not None and not 1 <= chosen.threads <= len(os.sched_getaffinity(0)):
        parser.error(f"--threads is a number from 1 to {len(os.sched_getaffinity(0))} on this machine")
    if chosen.data is not None and not chosen.data.exists():
        parser.error(f"--data is the folder of MNIST's files, or one with all, and {chosen.data} is no folder or file")
    if chosen.names == ["run"] and chosen.data is None:
        parser.error("'run' reads MNIST: give the folder of its files as --data")
    for path in (chosen.json, chosen.png):
        if not path.absolute().parent.is_dir():
            parser.error(f"{path} cannot be written: there is no folder {path.parent}")
    return chosen


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the cases that the command line asks for, print the tables and write the files."""
    if not hasattr(os, "sched_setaffinity"):
        sys.exit("the benchmark pins its processes to cores, which needs Linux")
    chosen = _arguments(arguments)
    require("matplotlib", "the benchmark's chart")
    cores = len(os.sched_getaffinity(0))
    options = Options(chosen.quick, [chosen.threads] if chosen.threads else [1, 2][:cores], chosen.data)
    effort = QUICK if chosen.quick else FULL
    about = {"environment": describe(), "quick": chosen.quick}
    print(*(f"{name}: {value}" for name, value in about["environment"].items()), sep="\n")
    contestants = [c for c in CONTESTANTS if c.name in chosen.peers]
    if chosen.quick:
        print("a quick run leaves out:", "; ".join(c.title for c in contestants if not c.quick) or "nobody")
        contestants = [c for c in contestants if c.quick]
    entries: list[dict[str, Any]] = []
    for name in chosen.names:
        cases = WORKLOADS[name].cases(options) if name != START else [Case(START, 1, "", 1, "fresh")]
        first = len(entries)
        for case in cases:
            print("…", *case, file=sys.stderr, flush=True)
            figures, left_out = (
                start_times(contestants, effort) if name == START else measure(case, contestants, options, effort)
            )
            entries.append(entry(case, figures, left_out))
            write_json(chosen.json, about, entries)  # after each case, because a run is long and may be interrupted
        print("", tables(entries[first:]), sep="\n", flush=True)
    if not any(found["contestants"] for found in entries):
        sys.exit("nobody could be measured: see what is left out above")
    write_chart(chosen.png, about, entries)
    print(f"written: {chosen.json}, {chosen.png}")


if __name__ == "__main__":
    main()
