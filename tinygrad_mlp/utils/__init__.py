"""Tools around a model, under PyTorch's names: `data`, with datasets and the loader of batches."""

from . import data

__all__ = ["data"]
