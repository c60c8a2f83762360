"""Writes the tables of names down for mypy and editors: ``python tests/names/stubs.py``, then ``ruff format``.

A class that is filled when the program runs is a riddle to both. So `tensors/named.pyi` has each method of the tables,
and `names/functions.pyi` each function, with its parameters and its docstring. `names/index.py` has their names, for
the time before the tables are loaded.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from textwrap import fill, indent
from typing import Any

import tinygrad_mlp
from tinygrad_mlp.names.table import function_of, functions, load
from tinygrad_mlp.tensors.named import Named

PACKAGE = Path(tinygrad_mlp.__file__).parent

HEAD = '''"""{}. tests/names/stubs.py writes this file."""

import builtins
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from {tensors}arguments import Dim, Size
from {tensors}devices import DeviceLike
from {tensors}methods import Selected
from {tensors}random import AnyGenerator
from {tensors}tensor import Tensor

'''


INDEX = '''"""The names that the tables have, so that few programs load them. tests/names/stubs.py writes this file."""

__all__ = ["FUNCTIONS", "METHODS"]

METHODS = set("""
{}
""".split())

FUNCTIONS = set("""
{}
""".split())
'''


def wrapped(names: Iterable[str]) -> str:
    return fill(" ".join(sorted(names)), 120, break_long_words=False)


class Text:
    """Prints as the text alone, where `inspect` would print quotes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def default(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str | tuple) else Text("...")


def signature(function: Callable[..., Any], first: str) -> str:
    """The parameters and the result of `function`, the first parameter written as `first`, unless that is empty."""
    found = inspect.signature(function)
    empty = inspect.Parameter.empty
    parameters = []
    for each in found.parameters.values():
        kind = "Any" if each.annotation is empty else each.annotation
        annotated = each.replace(annotation=Text(kind))
        parameters.append(annotated if each.default is empty else annotated.replace(default=default(each.default)))
    returns = "Any" if found.return_annotation is empty else found.return_annotation
    returns = "Tensor" if returns == "Self" else returns  # which a function outside a class cannot return
    shown = str(inspect.Signature(parameters[bool(first) :], return_annotation=Text(returns)))
    return f"({first}{', ' if first and len(parameters) > 1 else ''}{shown[1:]}"


def takes_tensor(function: Callable[..., Any]) -> bool:
    """Whether the first parameter is the Tensor of a method, in whose place a function takes arrays and lists, too."""
    return next(iter(inspect.signature(function).parameters), "") in ("self", "input")


def definition(name: str, function: Callable[..., Any], first: str) -> str:
    docstring = inspect.getdoc(function) or ""
    end = "\n    " if "\n" in docstring else ""
    return f'def {name}{signature(function, first)}:\n    """{indent(docstring, "    ").strip()}{end}"""\n'


def stubs() -> Iterator[tuple[Path, str]]:
    """Each stub file and the index, and what it has to hold, before it is formatted."""
    load()
    own = {name: value for name, value in vars(Named).items() if inspect.isfunction(value)}
    lines = "\n".join(definition(name, own[name], "self") for name in sorted(own))
    head = HEAD.format("The methods of the tables", tensors=".")
    yield PACKAGE / "tensors" / "named.pyi", f"{head}load: Callable[[], None]\n\nclass Named:\n{indent(lines, '    ')}"
    lines = "\n".join(
        definition(name, function_of(name), "input: Any" if takes_tensor(function_of(name)) else "")
        for name in sorted(functions())
    )
    yield PACKAGE / "names" / "functions.pyi", HEAD.format("The functions of the tables", tensors="..tensors.") + lines
    yield PACKAGE / "names" / "index.py", INDEX.format(wrapped(own), wrapped(functions()))


if __name__ == "__main__":
    for path, text in stubs():
        path.write_text(text, "utf-8")
