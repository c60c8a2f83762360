"""How Tensors are printed, and the options of that, under PyTorch's names."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .refusals import number, shown

__all__ = ["printed", "set_printoptions"]

_DEFAULT: dict[str, Any] = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": None, "sci_mode": None}
_PROFILES = {
    "default": _DEFAULT | {"linewidth": 80},
    "short": _DEFAULT | {"precision": 2, "edgeitems": 2, "linewidth": 80},
    "full": _DEFAULT | {"threshold": np.inf, "linewidth": 80},
}

_options = dict(_DEFAULT)


def printed(array: NDArray[Any], prefix: str) -> str:
    """The entries of `array`, for a line that begins with `prefix`."""
    digits, mode = _options["precision"], _options["sci_mode"]
    is_plain = mode is False and array.dtype.kind == "f"
    largest = np.max(np.abs(array), initial=0, where=np.isfinite(array)) if is_plain else 0
    width = len(f"{-largest:.{digits}f}")  # of the longest entry, if none is in scientific notation
    threshold = int(min(_options["threshold"], 2**62))
    return np.array2string(
        array,
        precision=digits,
        floatmode="maxprec_equal",
        separator=", ",
        prefix=prefix,
        threshold=threshold,
        edgeitems=_options["edgeitems"],
        max_line_width=_options["linewidth"],
        formatter=None
        if mode is None
        else {"float_kind": lambda x: f"{x:.{digits}e}" if mode else f"{x:{width}.{digits}f}"},
    )


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how Tensors are printed. What is not given stays as it is, but for `sci_mode`.

    Args:
        precision: the largest number of digits after the point; 4 at the start.
        threshold: a Tensor of more entries is printed in part; 1000 at the start.
        edgeitems: how many entries of each dimension are printed at its start and its end then; 3 at the start.
        linewidth: the largest number of characters in a line; NumPy's setting at the start.
        profile: "default", "short" or "full", which set all of these.
        sci_mode: True prints numbers such as 1.5e-3 only, and False none. With None the entries decide, also where an
            earlier call has set it, as in PyTorch.

    Raises:
        ValueError: `profile` is another one, or a number is negative, or none.

    >>> import tinygrad_mlp as tg
    >>> tg.set_printoptions(precision=2)
    >>> tg.tensor([1 / 3])
    tensor([0.33])
    >>> tg.set_printoptions(precision=4)
    """
    if profile is not None and profile not in _PROFILES:
        raise ValueError(f"a profile is one of {', '.join(_PROFILES)}, not {shown(profile)}")
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    for name, value in given.items():
        if value is not None:
            number(value, f"{name} is a number ≥ 0", lambda value: value >= 0)
    _options.update(_PROFILES.get(profile or "", {}))
    _options.update({name: value for name, value in given.items() if value is not None}, sci_mode=sci_mode)
