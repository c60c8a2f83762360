"""The report of a run: tables of medians, spreads and ratios, a JSON file of everything, and a chart."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_mlp.files.atomic import replacing

from .contestants import BASELINES, CONTESTANTS, PEAK
from .measure import Measured
from .problem import Case
from .workloads import START, WORKLOADS

__all__ = ["entry", "tables", "write_chart", "write_json"]

TITLES = {contestant.name: contestant.title for contestant in CONTESTANTS}
STATEMENTS = {contestant.name: contestant.statement for contestant in CONTESTANTS}


def entry(case: Case, figures: Mapping[str, Measured], left_out: Mapping[str, str]) -> dict[str, Any]:
    """What the JSON file says about one case; a ratio is that of a baseline's median to the contestant's."""
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


def _groups(entries: Sequence[dict[str, Any]]) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """The cases that make one table: they differ in size only."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for case in entries:
        key = tuple(case[name] for name in ("workload", "dtype", "threads", "allocator"))
        groups.setdefault(key, []).append(case)
    return groups


def _heading(workload: str, dtype: str, threads: int, allocator: str) -> str:
    if workload == START:
        return f"{START}: import time and resident memory of a fresh process"
    cores = "1 thread" if threads == 1 else f"{threads} threads"
    return f"{workload}: {WORKLOADS[workload].about}; {dtype}, {cores}, {allocator} process"


def _titles(workload: str) -> dict[str, str]:
    return STATEMENTS if workload == START else TITLES


def _unit(workload: str) -> tuple[str, float]:
    return ("ms", 1e3) if workload == START else WORKLOADS[workload].unit


def _column(case: Mapping[str, Any]) -> str:
    return "package" if case["workload"] == START else f"{WORKLOADS[case['workload']].size} {case['size']:,}"


def _memory(workload: str, number: float | None) -> str:
    if number is None:
        return ""
    return f", {number / 1e6:.0f} MB" if workload == START else f", {number:,.0f} B"


def _rounded(number: float) -> str:
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


def _cell(case: Mapping[str, Any], name: str) -> str:
    if name not in case["contestants"]:
        return "–"
    figure = case["contestants"][name]
    scale = _unit(case["workload"])[1]
    low, high = figure["quartiles"]
    median = figure["seconds"]
    ratios = [f"{figure['ratios'][base]:.2f}" for base in BASELINES if base in figure["ratios"]]
    spread = f"{_rounded(median * scale)} ±{50 * (high - low) / median:.0f} %"
    compared = f" ({' · '.join(ratios)})" if ratios else ""
    return f"{spread}{_memory(case['workload'], figure['memory_bytes'])}{compared}"


def tables(entries: Sequence[dict[str, Any]]) -> str:
    """The tables of all cases, in Markdown, each followed by who is left out and why."""
    parts = []
    for key, cases in _groups(entries).items():
        titles = _titles(key[0])
        present = [name for name in titles if any(name in case["contestants"] for case in cases)]
        bases = [base for base in BASELINES if any(base in case["contestants"] for case in cases)]
        rows = [["", *map(_column, cases)]]
        rows += [[titles[name], *(_cell(case, name) for case in cases)] for name in present]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in rows]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        compared = " · ".join(f"{titles[base]} ÷ it" for base in bases)
        legend = f"{_unit(key[0])[0]}: median ± half the interquartile range" + (f" ({compared})" if bases else "")
        left_out: dict[str, dict[str, list[str]]] = {}
        for case in cases:
            for name, reason in case["left_out"].items():
                left_out.setdefault(reason, {}).setdefault(titles[name], []).append(_column(case))
        notes = []
        for reason, columns in left_out.items():
            names = [f"{n} ({', '.join(c)})" if len(c) < len(cases) else n for n, c in columns.items()]
            notes.append(f"Left out: {'; '.join(names)}: {reason}")
        parts.append("\n".join([f"### {_heading(*key)}", "", *(([legend, "", *lines, ""]) if present else []), *notes]))
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


# --- files ------------------------------------------------------------------------------------------------------------


def write_json(path: Path, about: Mapping[str, Any], entries: Sequence[dict[str, Any]]) -> None:
    """Write everything, seconds and bytes, to `path`."""
    with replacing(path) as draft:
        draft.write_text(json.dumps({**about, "cases": entries}, indent=1) + "\n")


def write_chart(path: Path, about: Mapping[str, Any], entries: Sequence[dict[str, Any]]) -> None:
    """Draw a row of charts for each table to the PNG `path`; dots are medians, whiskers reach to the quartiles."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    groups = {
        key: shown for key, cases in _groups(entries).items() if (shown := [c for c in cases if c["contestants"]])
    }
    if not groups:
        return
    columns = max(map(len, groups.values()))
    headings = [textwrap.wrap(_heading(*key), 60 * columns) for key in groups]
    rows_of = [max(len(case["contestants"]) for case in cases) for cases in groups.values()]
    heights = [1 + count + len(heading) for count, heading in zip(rows_of, headings, strict=True)]
    figure = Figure(figsize=(5.5 * columns, 1 + 0.3 * sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    rows = figure.subfigures(len(groups), 1, height_ratios=heights, squeeze=False)[:, 0]
    for row, heading, cases in zip(rows, headings, groups.values(), strict=True):
        row.suptitle("\n".join(heading), fontsize=10, x=0.01, ha="left")
        for axes, case in zip(row.subplots(1, columns, squeeze=False)[0], [*cases] + [None] * columns, strict=False):
            if case is None:
                axes.set_axis_off()
            else:
                _draw(axes, case)
    cpu = about["environment"]
    title = f"{cpu['cpu']}, {cpu['cores']} cores, {cpu['date']}: further left is faster"
    figure.suptitle(textwrap.fill(title, 60 * columns), fontsize=11)
    with replacing(path) as draft:
        figure.savefig(draft, format="png", dpi=100)


def _draw(axes: Any, case: Mapping[str, Any]) -> None:
    """One panel: the contestants of one case, the fastest on top."""
    from matplotlib.ticker import LogLocator, NullFormatter

    unit, scale = _unit(case["workload"])
    ranked = sorted(case["contestants"].items(), key=lambda item: -item[1]["seconds"])
    medians = np.array([figure["seconds"] for _, figure in ranked]) * scale
    quartiles = np.array([figure["quartiles"] for _, figure in ranked]).T * scale
    whiskers = np.abs(quartiles - medians)
    colours = ["C1" if name in BASELINES and name != PEAK else "C7" for name, _ in ranked]
    rows = np.arange(len(ranked))
    axes.errorbar(medians, rows, xerr=whiskers, fmt="none", ecolor="C7", zorder=1)
    axes.scatter(medians, rows, color=colours, zorder=2)
    for row, median in zip(rows, medians, strict=True):
        label = {"xytext": (7, 0), "textcoords": "offset points", "va": "center", "fontsize": 7}
        axes.annotate(_rounded(median), (median, row), **label)
    axes.set_yticks(rows, [_titles(case["workload"])[name] for name, _ in ranked])
    axes.set_ylim(-0.7, len(ranked) - 0.3)
    axes.grid(axis="x", alpha=0.3)
    axes.set_xscale("log")  # on which a bar would have no length
    axes.set_xlim(medians.min() / 3, medians.max() * 3)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if medians.max() < 100 * medians.min() else (1,)))
    axes.xaxis.set_major_formatter("{x:,.10g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(labelsize=8)
    axes.set_title(f"{_column(case)}, {unit}", fontsize=9)
