"""The chart of a run: a panel for each case, with a dot for each contestant."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_mlp.files.atomic import replacing

from .contestants import BASELINES, PEAK
from .report import column_of, grouped, heading_of, rounded, titles_of, unit_of

__all__ = ["write_chart"]


def write_chart(path: Path, about: Mapping[str, Any], entries: Sequence[dict[str, Any]]) -> None:
    """Draw a row of panels for each table to the PNG file `path`.

    Dots are medians, and whiskers reach to the quartiles.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # The cases in which somebody was measured.
    groups = grouped([case for case in entries if case["contestants"]])
    if not groups:
        return
    columns = max(map(len, groups.values()))
    headings = [textwrap.wrap(heading_of(*key), 60 * columns) for key in groups]
    # A row of panels is as high as its heading and the case with the most contestants need.
    most = [max(len(case["contestants"]) for case in cases) for cases in groups.values()]
    heights = [1 + count + len(heading) for count, heading in zip(most, headings, strict=True)]
    figure = Figure(figsize=(5.5 * columns, 1 + 0.3 * sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    rows = figure.subfigures(len(groups), 1, height_ratios=heights, squeeze=False)[:, 0]
    for row, heading, cases in zip(rows, headings, groups.values(), strict=True):
        row.suptitle("\n".join(heading), fontsize=10, x=0.01, ha="left")
        panels = row.subplots(1, columns, squeeze=False)[0]
        for axes, case in zip(panels, cases, strict=False):
            _draw(axes, case)
        for axes in panels[len(cases) :]:
            axes.set_axis_off()
    machine = about["environment"]
    title = f"{machine['cpu']}, {machine['cores']} cores, {machine['date']}: further left is faster"
    figure.suptitle(textwrap.fill(title, 60 * columns), fontsize=11)
    with replacing(path) as draft:
        figure.savefig(draft, format="png", dpi=100)


def _draw(axes: Any, case: Mapping[str, Any]) -> None:
    """Draw one panel: the contestants of one case, the fastest at the top."""
    from matplotlib.ticker import LogLocator, NullFormatter

    unit, scale = unit_of(case["workload"])
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
        axes.annotate(rounded(median), (median, row), **label)
    axes.set_yticks(rows, [titles_of(case["workload"])[name] for name, _ in ranked])
    axes.set_ylim(-0.7, len(ranked) - 0.3)
    axes.grid(axis="x", alpha=0.3)
    axes.set_xscale("log")  # hence dots and not bars, which need a zero to begin at
    axes.set_xlim(medians.min() / 3, medians.max() * 3)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if medians.max() < 100 * medians.min() else (1,)))
    axes.xaxis.set_major_formatter("{x:,.10g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(labelsize=8)
    axes.set_title(f"{column_of(case)}, {unit}", fontsize=9)
