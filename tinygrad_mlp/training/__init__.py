"""What accompanies a training loop: scores and records of them, reports while it runs, curves and figures."""

from ..files.folders import writable_folder
from .curves import draw_accuracy, draw_loss
from .figures import has_display, present, save
from .progress import progress_bar, report
from .scores import Record, Score, accuracy, decisions

__all__ = [
    "Record", "Score", "accuracy", "decisions", "draw_accuracy", "draw_loss", "has_display", "present", "progress_bar",
    "report", "save", "writable_folder",
]  # fmt: skip
