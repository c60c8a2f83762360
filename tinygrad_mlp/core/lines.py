"""Finds the line of the user's program that called into this package, and words it for messages."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

_PACKAGE = os.path.join(Path(__file__).parent.parent, "")
_ours: set[str] = set()  # the files of this package among those met so far
others: set[str] = set()  # the other files among them


def _is_ours(file: str) -> bool:
    (_ours if file.startswith(_PACKAGE) else others).add(file)
    return file in _ours


def outside(frame: FrameType) -> FrameType:
    """The innermost frame outside this package, from `frame` outwards; the outermost frame if there is none."""
    while (file := frame.f_code.co_filename) in _ours or (file not in others and _is_ours(file)):
        if (outer := frame.f_back) is None:
            break
        frame = outer
    return frame


def _line_of(code: CodeType, instruction: int) -> str:
    """File and line of an instruction."""
    lines = (line for start, end, line in code.co_lines() if start <= instruction < end)
    return f"{Path(code.co_filename).name}:{next(lines, code.co_firstlineno)}"


def calling_line(frame: FrameType) -> str:
    """File and line of the call into this package that led to `frame`."""
    frame = outside(frame)
    return _line_of(frame.f_code, frame.f_lasti)


def function_name(function: Callable[..., Any]) -> str:
    """The name of a recorded function in messages and derivations."""
    return str(getattr(function, "__name__", function))


def described(node: Any) -> str:
    """The function that `node` recorded and the line that called it."""
    return f"{function_name(node.function)} at {_line_of(node.code, node.instruction)}"
