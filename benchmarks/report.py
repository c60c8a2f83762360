"""The report of a run: tables of medians, spreads and ratios, and a JSON file of everything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_mlp.files.atomic import replacing

from .contestants import BASELINES, CONTESTANTS
from .measure import Measured
from .problem import Case
from .workloads import START, WORKLOADS

__all__ = ["column_of", "entry", "grouped", "heading_of", "rounded", "tables", "titles_of", "unit_of", "write_json"]

TITLES = {contestant.name: contestant.title for contestant in CONTESTANTS}
STATEMENTS = {contestant.name: contestant.statement for contestant in CONTESTANTS}


def entry(case: Case, figures: Mapping[str, Measured], left_out: Mapping[str, str]) -> dict[str, Any]:
    """The part of the JSON file about one case. A ratio is the baseline's median divided by the contestant's."""
    baselines = {base: float(np.median(figures[base].rounds)) for base in BASELINES if base in figures}
    contestants = {}
    for name, measured in figures.items():
        low, median, high = np.quantile(measured.rounds, [0.25, 0.5, 0.75]).tolist()
        contestants[name] = {
            "seconds": median,
            "quartiles": [low, high],
            "ratios": {base: seconds / median for base, seconds in baselines.items()},
            "memory_bytes": measured.memory,
            "discrepancy": measured.discrepancy,
            "rounds": measured.rounds,
        }
    return {**case._asdict(), "contestants": contestants, "left_out": dict(left_out)}


# --- tables -----------------------------------------------------------------------------------------------------------


def grouped(entries: Sequence[dict[str, Any]]) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """The cases by the table they belong to: the cases of one table differ in nothing but their size."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for case in entries:
        key = tuple(case[name] for name in ("workload", "dtype", "threads", "allocator"))
        groups.setdefault(key, []).append(case)
    return groups


def heading_of(workload: str, dtype: str, threads: int, allocator: str) -> str:
    """The heading of a table."""
    if workload == START:
        return f"{START}: import time and resident memory of a fresh process"
    cores = "1 thread" if threads == 1 else f"{threads} threads"
    return f"{workload}: {WORKLOADS[workload].about}; {dtype}, {cores}, {allocator} process"


def titles_of(workload: str) -> dict[str, str]:
    """The title of each contestant's row, by the contestant's name: for the workload `start`, its import statement."""
    return STATEMENTS if workload == START else TITLES


def unit_of(workload: str) -> tuple[str, float]:
    """The unit of a workload's figures, and how many of it a second has."""
    return ("ms", 1e3) if workload == START else WORKLOADS[workload].unit


def column_of(case: Mapping[str, Any]) -> str:
    """The title of the column of a case."""
    return "package" if case["workload"] == START else f"{WORKLOADS[case['workload']].size} {case['size']:,}"


def _memory(workload: str, number: float | None) -> str:
    """A number of bytes as it stands in a cell; an empty text if no memory was measured."""
    if number is None:
        return ""
    return f", {number / 1e6:.0f} MB" if workload == START else f", {number:,.0f} B"


def rounded(number: float) -> str:
    """A number to three digits."""
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


def _cell(case: Mapping[str, Any], name: str) -> str:
    """The cell of a contestant in the column of a case: median, spread, memory and ratios."""
    if name not in case["contestants"]:
        return "–"
    figure = case["contestants"][name]
    scale = unit_of(case["workload"])[1]
    low, high = figure["quartiles"]
    median = figure["seconds"]
    ratios = [f"{figure['ratios'][base]:.2f}" for base in BASELINES if base in figure["ratios"]]
    spread = f"{rounded(median * scale)} ±{50 * (high - low) / median:.0f} %"
    compared = f" ({' · '.join(ratios)})" if ratios else ""
    return f"{spread}{_memory(case['workload'], figure['memory_bytes'])}{compared}"


def tables(entries: Sequence[dict[str, Any]]) -> str:
    """The tables of all cases, in Markdown. Below each, notes say which contestants are left out and why."""
    return "\n\n".join(_section(key, cases).rstrip() for key, cases in grouped(entries).items()) + "\n"


def _section(key: tuple[Any, ...], cases: Sequence[dict[str, Any]]) -> str:
    """The heading, the legend and the table of one group of cases, and its notes."""
    workload, dtype, threads, allocator = key
    titles = titles_of(workload)
    lines = [f"### {heading_of(workload, dtype, threads, allocator)}", ""]
    present = [name for name in titles if any(name in case["contestants"] for case in cases)]
    if present:
        bases = [base for base in BASELINES if any(base in case["contestants"] for case in cases)]
        compared = " · ".join(f"{titles[base]} ÷ it" for base in bases)
        unit, _ = unit_of(workload)
        legend = f"{unit}: median ± half the interquartile range" + (f" ({compared})" if bases else "")
        rows = [["", *map(column_of, cases)]]
        rows += [[titles[name], *(_cell(case, name) for case in cases)] for name in present]
        lines += [legend, "", *_table(rows), ""]
    return "\n".join([*lines, *_notes(titles, cases)])


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table in Markdown, whose first row is the head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return lines


def _notes(titles: Mapping[str, str], cases: Sequence[dict[str, Any]]) -> list[str]:
    """For each reason to leave contestants out, a line that names them, with their columns unless these are all."""
    left_out: dict[str, dict[str, list[str]]] = {}  # by reason and title: the columns
    for case in cases:
        for name, reason in case["left_out"].items():
            left_out.setdefault(reason, {}).setdefault(titles[name], []).append(column_of(case))
    notes = []
    for reason, columns_of in left_out.items():
        names = [
            title if len(columns) == len(cases) else f"{title} ({', '.join(columns)})"
            for title, columns in columns_of.items()
        ]
        notes.append(f"Left out: {'; '.join(names)}: {reason}")
    return notes


# --- the JSON file ----------------------------------------------------------------------------------------------------


def write_json(path: Path, about: Mapping[str, Any], entries: Sequence[dict[str, Any]]) -> None:
    """Write the description of the run and all figures, in seconds and bytes, to the file `path`."""
    with replacing(path) as draft:
        draft.write_text(json.dumps({**about, "cases": entries}, indent=1) + "\n")
