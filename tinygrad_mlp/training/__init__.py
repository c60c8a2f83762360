"""What accompanies training: scores, the records and reports made of them, and their curves."""

from .curves import (
    Record,
    Score,
    accuracy,
    decisions,
    draw_accuracy,
    draw_loss,
    has_display,
    present,
    progress_bar,
    report,
    save,
    writable_folder,
)

__all__ = [
    "Record", "Score", "accuracy", "decisions", "draw_accuracy", "draw_loss", "has_display", "present", "progress_bar",
    "report", "save", "writable_folder",
]  # fmt: skip
