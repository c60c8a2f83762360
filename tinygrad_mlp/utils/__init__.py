"""Tools around a model, under PyTorch's names: `data`, with datasets and the loader of batches."""

from .._left_out import explain_in
from . import data

__all__ = ["data"]

explain_in(globals())
