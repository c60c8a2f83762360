"""The packages that only a few functions need. The extra ``[experiment]`` installs most of them, and ``[test]`` all.

All else works with NumPy and SciPy alone. They are imported inside functions, after a call of `require`, or of
`is_installed` where there is another way.
"""

from __future__ import annotations

from importlib import import_module

__all__ = ["is_installed", "require"]


_OF_TESTS = ("hypothesis", "sympy")  # what the extra [test] alone installs


def require(package: str, purpose: str) -> None:
    """Raise an error that says how to install `package`, unless it can be imported.

    Args:
        package: the name to import.
        purpose: what needs the package, as the subject of the message.

    Raises:
        ImportError: the package cannot be imported.

    >>> from tinygrad_mlp._optional import require
    >>> require("a_plotter", "drawing a curve")
    Traceback (most recent call last):
    ModuleNotFoundError: drawing a curve needs a_plotter (No module named 'a_plotter'): \
write pip install "tinygrad-mlp[experiment]"
    """
    try:
        import_module(package)
    except ImportError as error:
        advice = f'write pip install "tinygrad-mlp[{"test" if package in _OF_TESTS else "experiment"}]"'
        raise type(error)(f"{purpose} needs {package} ({error}): {advice}", name=package) from None


def is_installed(package: str) -> bool:
    """Whether `package` can be imported, for functions that also work without it."""
    try:
        import_module(package)
    except ImportError:
        return False
    return True
