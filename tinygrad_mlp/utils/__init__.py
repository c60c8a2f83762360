"""What surrounds a model in a program: its data."""

from . import data

__all__ = ["data"]
