"""Curves of records: loss and accuracy against iterations, drawn on the axes of a matplotlib figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from .scores import Record, Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_accuracy", "draw_loss"]


def draw_loss(axes: Axes, records: Iterable[Record], name: str = "", color: str = "C0") -> None:
    """Draw the loss against iterations: training solid, validation dashed. It is per sample, so the two compare."""
    axes.set_ylabel("error per sample")
    _draw(axes, records, lambda score: score.loss / score.samples, name, color)


def draw_accuracy(axes: Axes, records: Iterable[Record], name: str = "", color: str = "C0") -> None:
    """Draw the accuracy against iterations: training solid, validation dashed."""
    axes.set_ylabel("accuracy")
    _draw(axes, records, lambda score: score.accuracy, name, color)


def _draw(axes: Axes, records: Iterable[Record], value: Callable[[Score], float], name: str, color: str) -> None:
    """Draw one `value` of the scores in `records`; the legend calls the curves by `name`."""
    records = list(records)
    prefix = f"{name}, " if name else ""
    iterations = [record.iteration for record in records]
    axes.plot(iterations, [value(record.training) for record in records], ".-", color=color, label=f"{prefix}training")
    validated = [(record.iteration, value(record.validation)) for record in records if record.validation]
    if validated:
        axes.plot(*zip(*validated, strict=True), ".--", color=color, alpha=0.7, label=f"{prefix}validation")
    axes.set_xlabel("iterations")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(alpha=0.3)
