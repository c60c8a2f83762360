"""A search for a step length that meets the strong Wolfe conditions. It follows PyTorch's step by step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from numpy.typing import NDArray

__all__ = ["Trial", "cubic_minimum", "strong_wolfe"]

Array = NDArray[Any]


class Trial(NamedTuple):
    """A step length t, and there the loss, its gradient, and the slope of the loss along the direction."""

    t: float
    loss: float
    gradient: Array
    slope: float


def strong_wolfe(at: Callable[[float], Trial], start: Trial, t: float, resolution: float, most: int) -> Trial:
    """A step length that meets the strong Wolfe conditions with c₁ = 10⁻⁴ and c₂ = 0.9 (Nocedal & Wright 2006, §3.5).

    Step lengths grow from `t` until two of them bracket such a length. Then the bracket is made smaller until a trial
    meets the conditions. After `most` further trials, or when the bracket is shorter than `resolution`, the search ends
    with the best trial so far.

    Args:
        at: evaluates the loss at a step length.
        start: the trial of length 0.
        t: the first length to try.
    """

    def too_high(trial: Trial) -> bool:
        """Whether the loss has fallen too little for a step of this length, so that the first condition is not met."""
        return trial.loss > start.loss + 1e-4 * trial.t * start.slope

    def flat_enough(trial: Trial) -> bool:
        """Whether the slope is so close to 0 that the second condition is met."""
        return abs(trial.slope) <= -0.9 * start.slope

    # Try longer and longer steps, until the last two enclose a step that meets the conditions.
    previous, trial, trials = start, at(t), 0
    bracket = None
    while bracket is None and trials < most:
        if too_high(trial) or (trials > 1 and trial.loss >= previous.loss):
            bracket = [previous, trial]
        elif flat_enough(trial):
            return trial
        elif trial.slope >= 0:
            bracket = [previous, trial]
        else:
            t = cubic_minimum(previous, trial, trial.t + 0.01 * (trial.t - previous.t), 10 * trial.t)
            previous, trial, trials = trial, at(t), trials + 1
    # Try steps inside the bracket; `low` is the position in it of the end with the smaller loss.
    bracket = bracket or [start, trial]
    low = int(not bracket[0].loss <= bracket[1].loss)
    was_near = False
    while trials < most and abs(bracket[1].t - bracket[0].t) >= resolution:
        left, right = sorted(end.t for end in bracket)
        t = cubic_minimum(bracket[0], bracket[1], left, right)
        # A trial near an end of the bracket hardly makes it smaller. If it is the second in a row, or outside of the
        # bracket, it is moved inwards, by a tenth of the bracket.
        margin = 0.1 * (right - left)
        near = min(right - t, t - left) < margin
        if near and (was_near or not left < t < right):
            t = right - margin if right - t < t - left else left + margin
            near = False
        was_near = near
        trial, trials = at(t), trials + 1
        if too_high(trial) or trial.loss >= bracket[low].loss:
            bracket[1 - low] = trial
            low = int(not bracket[0].loss <= bracket[1].loss)
        else:
            if flat_enough(trial):
                return trial
            if trial.slope * (bracket[1 - low].t - bracket[low].t) >= 0:
                bracket[1 - low] = bracket[low]
            bracket[low] = trial
    return bracket[low]


def cubic_minimum(a: Trial, b: Trial, left: float, right: float) -> float:
    """The step length between `left` and `right` at which the cubic polynomial through two trials has its minimum.

    The polynomial has the losses and the slopes of the trials at their step lengths (Nocedal & Wright 2006, eq. 3.59).
    """
    if a.t > b.t:
        a, b = b, a
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    d2 = math.sqrt(square) if square >= 0 else math.nan
    bottom = b.slope - a.slope + 2 * d2
    t = b.t - (b.t - a.t) * (b.slope + d2 - d1) / bottom if bottom else math.nan
    if math.isnan(t):  # the cubic has no minimum, or a loss is not finite
        return (left + right) / 2
    return min(max(t, left), right)
