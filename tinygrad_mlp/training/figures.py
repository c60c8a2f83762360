"""Figures of matplotlib: shown in windows where there is a display, and saved as PNG files where there is none.

pyplot is imported for windows alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .._optional import require
from ..files.atomic import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["has_display", "present", "save"]


def has_display() -> bool:
    """Whether matplotlib can show figures here: in windows, or in a notebook.

    Raises:
        ImportError: matplotlib is not installed; the error says how to install it.
    """
    require("matplotlib", "drawing figures")
    import matplotlib
    from matplotlib.backends.registry import BackendFilter, backend_registry

    files_only = backend_registry.list_builtin(BackendFilter.NON_INTERACTIVE)  # type: ignore[no-untyped-call]
    return matplotlib.get_backend().lower() not in files_only


def present(drawings: Mapping[str, Callable[[Figure], None]], folder: str | os.PathLike[str]) -> list[Path]:
    """Show a figure for each of `drawings` where there is a display; otherwise save the figures in `folder`.

    The program goes on without waiting for anybody to close a figure. Each stays open until another one of its name is
    shown, so a program that trains many times leaves as many figures open as one that trains once.

    Args:
        drawings: functions that draw on a figure, by the names of the figures, or of the files without their endings.
        folder: where the files go.

    Returns:
        The files written: none where figures are shown.

    Raises:
        ImportError: matplotlib is not installed; the error says how to install it.
        OSError: a file cannot be written; the error names it.
    """
    if has_display():
        from matplotlib import pyplot

        for name, draw in drawings.items():
            pyplot.close(name)
            figure = pyplot.figure(name, layout="constrained")
            draw(figure)
            pyplot.show(block=False)
            figure.canvas.draw_idle()
            figure.canvas.flush_events()  # or the window stays empty until somebody runs an event loop
        return []
    return [save(draw, Path(folder, f"{name}.png")) for name, draw in drawings.items()]


def save(draw: Callable[[Figure], None], path: Path, size: tuple[float, float] = (6.4, 4.8)) -> Path:
    """Let `draw` draw on a figure of `size` inches, and write that to the PNG file `path`, whole or not at all.

    Raises:
        ImportError: matplotlib is not installed; the error says how to install it.
        OSError: the file cannot be written; the error names it.
    """
    require("matplotlib", "drawing figures")
    from matplotlib.figure import Figure

    figure = Figure(size, dpi=120, layout="constrained")
    draw(figure)
    with replacing(path) as draft:
        figure.savefig(draft, format="png")
    return path
