"""A description of the machine and the software, without which the figures of a run mean nothing."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from .contestants import CONTESTANTS

__all__ = ["describe"]

SETTINGS = ("OPENBLAS_", "MKL_", "OMP_", "KMP_", "XLA_", "JAX_", "MALLOC_", "GLIBC_TUNABLES")


def _blas(config: Any) -> str:
    """The BLAS in the configuration of NumPy or SciPy."""
    blas = config["Build Dependencies"]["blas"]
    return f"{blas['name']} {blas['version']}"


def _cpu() -> str:
    """The name of the processor."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _versions() -> dict[str, str]:
    """The version of each package that is compared."""
    found = {}
    for distribution in sorted({contestant.distribution for contestant in CONTESTANTS} - {""}):
        try:
            found[distribution] = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            found[distribution] = "not installed"
    return found


def describe() -> dict[str, Any]:
    """The machine, its load, the settings in the environment, and the versions of everything that is compared."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release()}",
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "numpy_blas": _blas(np.show_config("dicts")),
        "scipy_blas": _blas(scipy.show_config("dicts")),
        "settings": {name: value for name, value in sorted(os.environ.items()) if name.startswith(SETTINGS)},
        "versions": _versions(),
    }
