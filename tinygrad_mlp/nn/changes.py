"""Counts the changes to modules, so that whoever remembers how they were set up knows when to look again."""

from __future__ import annotations

__all__ = ["configuration"]


class _Configuration:
    """The number of changes to modules so far: to their attributes, their modes and their hooks."""

    changes = 0


configuration = _Configuration()
