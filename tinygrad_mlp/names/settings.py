"""Settings of the machine and of its kernels, which scripts make at their start."""

from __future__ import annotations

import os
from typing import Any

from .._optional import is_installed
from ..tensors.arguments import positive_integer
from ..tensors.printing import set_printoptions
from ..tensors.refusals import warn
from .table import offer, row

__all__: list[str] = []

offer(to="functions")(set_printoptions)

_limits: list[Any] = []  # what holds the number of threads


@offer(to="functions")
def set_num_threads(number: int) -> None:
    """Set how many threads matrix products use. It takes the package threadpoolctl, and warns where that is missing.

    Raises:
        TypeError: `number` is no integer.
        ValueError: it is below 1.
    """
    positive_integer(number, "set_num_threads() takes an integer ≥ 1")
    if not is_installed("threadpoolctl"):
        warn(
            "set_num_threads() changes nothing without the package threadpoolctl: install it with pip, or write "
            f"OPENBLAS_NUM_THREADS={number} in front of the command"
        )
        return
    from threadpoolctl import threadpool_limits

    _limits[:] = [threadpool_limits(number)]


@offer(to="functions")
def get_num_threads() -> int:
    """How many threads matrix products use: what threadpoolctl finds, or else the number of processors."""
    if is_installed("threadpoolctl"):
        from threadpoolctl import threadpool_info

        if found := [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]:
            return int(max(found))
    return os.cpu_count() or 1


_ONE_WAY = "Accepted, and without effect: there is one way to compute"
row(
    "set_num_interop_threads",
    lambda number: None,
    f"{_ONE_WAY}, one function after the other.",
    returns="None",
    to="functions",
)
row("get_num_interop_threads", lambda: 1, "1: one function is computed after the other.", returns="int", to="functions")
row(
    "use_deterministic_algorithms",
    lambda mode, *, warn_only=False: None,
    f"{_ONE_WAY}, and it gives the same bits each time, with the same kernels on the same shapes.",
    returns="None",
    to="functions",
)
row("are_deterministic_algorithms_enabled", lambda: True, "True.", returns="bool", to="functions")
row("set_float32_matmul_precision", lambda precision: None, f"{_ONE_WAY}.", returns="None", to="functions")
row("get_float32_matmul_precision", lambda: "highest", 'The string "highest".', returns="str", to="functions")
