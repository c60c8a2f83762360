"""Says for an error message which layer of a network was called, and at which line of the user's program."""

from __future__ import annotations

import sys

from ..core.lines import calling_line, outside
from .module import Module

__all__ = ["where_called"]


def where_called(layer: Module) -> str:
    """The path of `layer` in the outermost module being called, and the line that called that module.

    For example ``net[2] at train.py:41``. Both are found on the stack, so a call without an error takes no time for it.
    """
    frame, root = sys._getframe(1), layer
    while frame.f_back is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, Module):
            root = caller
        elif outside(frame) is frame:
            break
        frame = frame.f_back
    where = calling_line(frame)
    named = {**frame.f_globals, **frame.f_locals}.items()
    holders = [(name, value) for name, value in named if isinstance(value, Module)]
    # Prefer the module that was called to others that hold the layer, and `net[2]` to a variable of the layer's own.
    holders.sort(key=lambda holder: (holder[1] is layer, holder[1] is not root))
    for name, holder in [*holders, (type(root).__name__, root)]:
        for path, module in holder.named_modules():
            if module is layer:
                steps = (f"[{step}]" if step.isdigit() else f".{step}" for step in path.split(".") if step)
                return f"{name}{''.join(steps)} at {where}"
    return f"{type(layer).__name__} at {where}"
