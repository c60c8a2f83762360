"""PyTorch's names for what Tensors can do, in tables: each is a line or a few of what lies below.

`table.py` says how a row becomes a method and a function. The rows are in the files beside it, by what they are about.

Most programs need few of these names, so the tables are loaded when somebody asks for the first one. Until then,
`index.py` says which names there are, and a method of the tables is a `Later`.
"""

from ..tensors import named
from . import index
from .table import Later, function_of, load

__all__ = ["function_names", "function_of"]

named.load = load
for _name in index.METHODS:
    setattr(named.Named, _name, Later(_name))


def function_names() -> set[str]:
    """The names of all functions that are made of rows and of methods."""
    return index.FUNCTIONS
