"""Says for an error message which layer of a network was called or returned None, and at which line of the program."""

from __future__ import annotations

import sys
import weakref
from types import FrameType
from typing import Any

from ..core.lines import calling_line, outside
from ..tensors import refusals
from .hooks import Hookable

__all__ = ["note_none", "where_called"]


def where_called(layer: Any) -> str:
    """The path of `layer` in the outermost module being called, and the line that called that module.

    For example ``net[2] at train.py:41``. Both are found on the stack, so a call without an error takes no time for it.
    """
    frame, root = _caller(sys._getframe(1), layer)
    return f"{_path(layer, frame, root)} at {calling_line(frame)}"


def _caller(frame: FrameType, layer: Any) -> tuple[FrameType, Any]:
    """The frame of the user's program that led to `frame`, and the outermost module that it called."""
    root = layer
    while frame.f_back is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, Hookable):
            root = caller
        elif outside(frame) is frame:
            break
        frame = frame.f_back
    return frame, root


def _path(layer: Any, frame: FrameType, root: Any) -> str:
    """The path of `layer` from a variable in `frame` that holds it, such as ``net[2]``; else from its own class."""
    named = {**frame.f_globals, **frame.f_locals}.items()
    holders: list[tuple[str, Any]] = [(name, value) for name, value in named if isinstance(value, Hookable)]
    # Prefer the module that was called to others that hold the layer, and `net[2]` to a variable of the layer's own.
    holders.sort(key=lambda holder: (holder[1] is layer, holder[1] is not root))
    for name, holder in [*holders, (type(root).__name__, root)]:
        for path, module in holder.named_modules():
            if module is layer:
                steps = (f"[{step}]" if step.isdigit() else f".{step}" for step in path.split(".") if step)
                return f"{name}{''.join(steps)}"
    return type(layer).__name__


# --- a forward() without return ---------------------------------------------------------------------------------------

_returned_none: tuple[weakref.ref[Any], str] | None = None  # the last module to do so, and the name of its class


def note_none(module: Any) -> None:
    """Remember that ``module.forward()`` returned None, for the error of whoever is given that None."""
    global _returned_none
    _returned_none = weakref.ref(module), type(module).__name__


def _explanation() -> str:
    """Which module may have computed the None that a function on the stack was given; "" if none is known."""
    frame: FrameType | None = sys._getframe(1)
    noted, name = _returned_none or (None, "")
    module = noted and noted()
    while frame is not None:
        # A Sequential calls the `forward` of plain layers, which is not noted: look for the layer before it.
        layers = getattr(frame.f_locals.get("self"), "_layers", None)
        if isinstance(layers, dict) and "layer" in frame.f_locals and frame.f_locals.get("input", frame) is None:
            chain = list(layers.values())
            if position := chain.index(frame.f_locals["layer"]):
                module = chain[position - 1]
                break
        frame = frame.f_back
    while isinstance(layers := getattr(module, "_layers", None), dict) and layers:
        module = list(layers.values())[-1]
    if module is None:  # none is known, or it is gone
        return name and f"does it come from the forward() of a {name}, which returned None? End that with return"
    caller, root = _caller(sys._getframe(1), module)
    return (
        f"does it come from {_path(module, caller, root)}, whose forward() returned None? "
        f"End {type(module).__name__}.forward() with return"
    )


refusals.explain_none = _explanation
