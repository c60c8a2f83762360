"""Random numbers: a generator that can be passed wherever something is drawn, and the one that is used otherwise."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from .autograd.graph import refuse_capture

__all__ = ["AnyGenerator", "Generator", "manual_seed", "numbers_from"]


class Generator:
    """A source of random numbers, under PyTorch's name: pass it as ``generator=``.

    >>> Generator().manual_seed(1).numbers.integers(10, size=5).tolist()
    [4, 5, 7, 9, 0]
    """

    def __init__(self) -> None:
        self.numbers = np.random.default_rng()

    def manual_seed(self, seed: int) -> Generator:
        """Start again from `seed`, and return this generator."""
        self.numbers = np.random.default_rng(seed)
        return self


AnyGenerator: TypeAlias = Generator | np.random.Generator

_default = Generator()


def manual_seed(seed: int) -> Generator:
    """Start the generator that is used where none is passed again from `seed`, and return it."""
    return _default.manual_seed(seed)


def numbers_from(generator: AnyGenerator | None) -> np.random.Generator:
    """NumPy's generator for one of ours, one of NumPy's, or None, the default.

    Raises:
        TypeError: it is none of these.
    """
    refuse_capture("drawing random numbers")
    if isinstance(generator, np.random.Generator):
        return generator
    if generator is None:
        return _default.numbers
    if not isinstance(generator, Generator):
        raise TypeError(
            f"generator is a Generator, NumPy's or None, not {generator!r}: write Generator().manual_seed(0)"
        )
    return generator.numbers
