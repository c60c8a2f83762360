"""What accompanies training: scores, the records and reports made of them, and their curves.

Figures are matplotlib objects. pyplot is asked only for windows, and only where there is a display to open them on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..files.atomic import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "Record", "Score", "accuracy", "decisions", "draw_accuracy", "draw_loss", "has_display", "present", "progress_bar",
    "report", "save", "writable_folder",
]  # fmt: skip


class Score(NamedTuple):
    """How well a network does on a data set."""

    loss: float  # summed over the samples
    accuracy: float
    samples: int


class Record(NamedTuple):
    """What a network was worth after the update of an iteration; printed, the report line.

    >>> print(Record(10000, Score(8070.125, 0.87, 54000), None))
    Iteration 10000 - training loss: 8070.1250 | training accuracy: 0.8700
    """

    iteration: int
    training: Score
    validation: Score | None

    def __str__(self) -> str:
        scores = [("training", self.training), ("validation", self.validation)]
        return f"Iteration {self.iteration} - " + " | ".join(
            f"{data} loss: {score.loss:.4f} | {data} accuracy: {score.accuracy:.4f}" for data, score in scores if score
        )


def accuracy(labels: ArrayLike, predictions: ArrayLike) -> float:
    """The part of the samples (n, d) whose largest prediction is where the largest label is.

    A single column is the probability of a yes: there, the part on whose side of ½ the label is.

    Raises:
        ValueError: the shapes differ, or are not (n, d) with n and d at least 1.

    >>> accuracy([[0, 1], [1, 0]], [[0.2, 0.3], [0.4, 0.6]])
    0.5
    >>> accuracy([[1], [0]], [[0.8], [0.3]])
    1.0
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.shape != predictions.shape or labels.ndim != 2 or not labels.size:
        raise ValueError(f"labels and predictions have one shape (n, d), not {labels.shape} and {predictions.shape}")
    return float(np.mean(decisions(labels) == decisions(predictions)))


def decisions(outputs: Any) -> Any:
    """The class that each row of `outputs` stands for."""
    return outputs[:, 0] > 0.5 if outputs.shape[1] == 1 else outputs.argmax(axis=1)


def progress_bar(total: int, *, shown: bool) -> Any:
    """A tqdm bar of `total` steps, on standard error where that is a terminal; otherwise one that draws nothing."""
    from tqdm import tqdm

    return tqdm(total=total, unit=" steps", leave=False, disable=None if shown else True)


def report(record: Record) -> None:
    """Print `record` on a line of its own, above a progress bar if there is one."""
    from tqdm import tqdm

    tqdm.write(str(record))


# --- curves -----------------------------------------------------------------------------------------------------------


def draw_loss(axes: Axes, records: Iterable[Record], name: str = "", color: str = "C0") -> None:
    """Draw the loss against iterations, training solid, validation dashed; per sample, so that the two compare."""
    axes.set_ylabel("error per sample")
    _draw(axes, records, lambda score: score.loss / score.samples, name, color)


def draw_accuracy(axes: Axes, records: Iterable[Record], name: str = "", color: str = "C0") -> None:
    """Draw the accuracy against iterations, training solid, validation dashed."""
    axes.set_ylabel("accuracy")
    _draw(axes, records, lambda score: score.accuracy, name, color)


def _draw(axes: Axes, records: Iterable[Record], value: Callable[[Score], float], name: str, color: str) -> None:
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


# --- figures ----------------------------------------------------------------------------------------------------------


def has_display() -> bool:
    """Whether matplotlib can show figures here: in windows, or in a notebook."""
    import matplotlib
    from matplotlib.backends.registry import BackendFilter, backend_registry

    files_only = backend_registry.list_builtin(BackendFilter.NON_INTERACTIVE)  # type: ignore[no-untyped-call]
    return matplotlib.get_backend().lower() not in files_only


def present(drawings: Mapping[str, Callable[[Figure], None]], folder: str | os.PathLike[str]) -> list[Path]:
    """Show a figure for each of `drawings`, without waiting, where there is a display; save them in `folder` otherwise.

    Args:
        drawings: what draws on a figure, by the name of the file without its ending.
        folder: where the files go.

    Returns:
        The files written: none where figures are shown.
    """
    if has_display():
        from matplotlib import pyplot

        for draw in drawings.values():
            figure = pyplot.figure(layout="constrained")
            draw(figure)
            pyplot.show(block=False)
            figure.canvas.draw_idle()
            figure.canvas.flush_events()  # or the window stays empty until somebody runs an event loop
        return []
    return [save(draw, Path(folder, f"{name}.png")) for name, draw in drawings.items()]


def save(draw: Callable[[Figure], None], path: Path, size: tuple[float, float] = (6.4, 4.8)) -> Path:
    """Write what `draw` draws on a figure of `size` inches to the PNG file `path`, whole or not at all.

    Raises:
        OSError: the file cannot be written; the error names it.
    """
    from matplotlib.figure import Figure

    figure = Figure(size, dpi=120, layout="constrained")
    draw(figure)
    with replacing(path) as draft:
        figure.savefig(draft, format="png")
    return path


def writable_folder(folder: str | os.PathLike[str]) -> Path:
    """The folder, made if it was not there, after trying that a file can be written to it.

    Raises:
        OSError: it cannot be made or written to; the error names it.
    """
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path) as trial:
            trial.write(b"1")
    except OSError as error:
        raise OSError(error.errno, f"cannot write to this folder: {error.strerror}", str(path)) from None
    return path
