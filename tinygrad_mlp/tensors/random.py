"""Random numbers: a generator that users can pass to what draws, and the default one that is used otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._left_out import explains
from .arguments import integer
from .devices import CPU, DeviceLike, device, validate_device
from .observer import effect, observer
from .refusals import shown

__all__ = ["AnyGenerator", "Generator", "drawn", "manual_seed", "numbers_from"]


@explains("torch.Generator")
class Generator:
    """A source of random numbers, under PyTorch's name: pass it as ``generator=``. Its `device` can only be the CPU.

    >>> import tinygrad_mlp as tg
    >>> tg.Generator().manual_seed(1).numbers.integers(10, size=5).tolist()
    [4, 5, 7, 9, 0]
    """

    def __init__(self, device: DeviceLike = "cpu") -> None:
        validate_device(device)
        self._numbers = np.random.default_rng()

    @property
    def device(self) -> device:
        """The device on which the numbers are drawn: the CPU."""
        return CPU

    @property
    def numbers(self) -> np.random.Generator:
        """The NumPy generator that draws the numbers."""
        observer().refuse("numbers that NumPy draws: draw them with rand(), randn() or their like")
        return self._numbers

    @numbers.setter
    def numbers(self, numbers: np.random.Generator) -> None:
        self._numbers = numbers

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():  # older pickles have `numbers` in place of `_numbers`, so use the setter
            setattr(self, name, value)

    @effect
    def manual_seed(self, seed: int) -> Generator:
        """Restart this generator from `seed`, an integer ≥ 0, and return it.

        Raises:
            ValueError: `seed` is negative, or no integer. (NumPy would take None for a seed of its own choice.)
        """
        if (number := integer(seed)) is None or number < 0:
            raise ValueError(f"a seed is an integer ≥ 0, not {shown(seed)}")
        self._numbers = np.random.default_rng(number)
        return self


AnyGenerator: TypeAlias = Generator | np.random.Generator

_default = Generator()


def manual_seed(seed: int) -> Generator:
    """Restart the default generator from `seed`, and return it. It draws wherever no generator is passed."""
    return _default.manual_seed(seed)


def numbers_from(generator: AnyGenerator | None) -> np.random.Generator:
    """The NumPy generator of `generator`: that of a `Generator`, `generator` itself, or the default one's for None.

    Raises:
        TypeError: `generator` is none of these.
    """
    if isinstance(generator, np.random.Generator):
        return generator
    if generator is None:
        generator = _default
    if not isinstance(generator, Generator):
        raise TypeError(
            f"generator is a Generator, NumPy's or None, not {generator!r}: write Generator().manual_seed(0)"
        )
    return generator.numbers


def drawn(generator: AnyGenerator | None, draw: Callable[..., NDArray[Any]], *arguments: Any) -> NDArray[Any]:
    """The array that ``draw(numbers, *arguments)`` returns, where `numbers` is the NumPy generator of `generator`."""
    if isinstance(generator, np.random.Generator):
        observer().refuse("a generator of NumPy's: pass a tinygrad_mlp.Generator")
    array: NDArray[Any] = observer().repeat(_draw, _default if generator is None else generator, draw, arguments)
    return array


def _draw(generator: AnyGenerator, draw: Callable[..., NDArray[Any]], arguments: tuple[Any, ...]) -> NDArray[Any]:
    return draw(numbers_from(generator), *arguments)
