"""Tests and proofs of gradients: draw inputs, compare with differences, damage rules, prove them by algebra.

The extra ``[test]`` installs the packages that this storey needs: hypothesis draws inputs, and sympy with mpmath
proves. These are imported when a name of this module is used for the first time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .._optional import is_installed, require

if TYPE_CHECKING:
    from .checks import check_at, check_function
    from .closeness import assert_close
    from .graphs import Program, programs
    from .modules import check_module
    from .mutants import check_rules
    from .optimizers import check_optimizer
    from .proofs import Proof, prove
    from .strategies import broadcastable, cotangents, networks, shapes, tensors

__all__ = [
    "Program", "Proof", "assert_close", "broadcastable", "check_at", "check_function", "check_module",
    "check_optimizer", "check_rules", "cotangents", "networks", "programs", "prove", "shapes", "tensors",
]  # fmt: skip

# Each room with its public names, and the package that it needs besides NumPy and SciPy.
_ROOMS = {
    "strategies": (("broadcastable", "cotangents", "networks", "shapes", "tensors"), "hypothesis"),
    "graphs": (("Program", "programs"), "hypothesis"),
    "checks": (("check_at", "check_function"), "hypothesis"),
    "mutants": (("check_rules",), "hypothesis"),
    "proofs": (("Proof", "prove"), "sympy"),
    "closeness": (("assert_close",), ""),
    "modules": (("check_module",), ""),
    "optimizers": (("check_optimizer",), ""),
}


def __getattr__(name: str) -> Any:
    for room, (names, needed) in _ROOMS.items():
        if name in names:
            if needed:
                require(needed, f"tinygrad_mlp.testing.{name}")
            return getattr(import_module(f".{room}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """What can be imported here, which is what help() asks for."""
    names = (name for names, needed in _ROOMS.values() if not needed or is_installed(needed) for name in names)
    return sorted({*globals(), *names})
