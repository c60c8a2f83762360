"""The methods of a Tensor that are rows of the tables in `names`, which fills this class.

mypy and editors read them in `named.pyi`, which `tests/names/stubs.py` writes.
"""

from collections.abc import Callable

__all__ = ["Named", "load"]


def _nothing() -> None:
    """What `load` is before `names` has set it."""


load: Callable[[], None] = _nothing  # loads the tables, which also add rows to the sheet


class Named:
    """PyTorch's methods that are a line or a few of other methods."""

    __slots__ = ()
