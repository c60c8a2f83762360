"""The kinds of entries that the states of optimizers and schedules hold.

Each optimizer and each schedule has a table with a row for each entry of its state. `read_entries` compares a state
with the table before anything is changed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..tensors.refusals import with_article
from ..tensors.states import converted, described, real_array

__all__ = [
    "Anything",
    "Ascending",
    "Choice",
    "Counts",
    "Entry",
    "Flag",
    "Like",
    "Number",
    "Numbers",
    "PerGroup",
    "Phases",
    "Several",
    "Table",
    "read_entries",
]


class Like(NamedTuple):
    """What a state belongs to: the shape and dtype of its arrays, and for a schedule the number of parameter groups."""

    shape: tuple[int, ...] = ()
    dtype: np.dtype[Any] = np.dtype(np.float64)
    owner: str = "a parameter"
    groups: int = 0


@dataclass(kw_only=True, eq=False, repr=False)
class Entry:
    """The base of all kinds of entries.

    Args:
        required: whether a state must have the entry. If this is the name of another entry, a count, it must have the
            entry when that count is not 0.
    """

    required: bool | str = True

    def read(self, value: Any, like: Like) -> Any:
        """A copy of `value`, for the state to hold.

        Raises:
            ValueError: `value` is not of this kind. The message goes on after the name of the entry.
        """
        raise NotImplementedError


Table: TypeAlias = Mapping[str, Entry | None]


@dataclass(kw_only=True, eq=False, repr=False)
class Number(Entry):
    """A number of at least `least` and less than `below`, or a Tensor or array of one number.

    Infinity and NaN are refused unless `infinite` or `nan` allow them. Before the first step it is `start`, or the
    option of that name.
    """

    start: float | str = 0
    least: float = -math.inf
    below: float = math.inf
    whole: bool = False
    infinite: bool = False
    nan: bool = False

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number" if self.infinite else "a finite number"
        bounds = [f"≥ {self.least:g}"] * (self.least > -math.inf) + [f"< {self.below:g}"] * (self.below < math.inf)
        return " ".join([kind, " and ".join(bounds)]).strip()

    def read(self, value: Any, like: Like) -> Any:
        array = real_array(value)
        if array is None or array.ndim or array.dtype.kind == "b" or not self._allows(array.item()):
            raise ValueError(f"= {described(value)}: expected {self}")
        number = array.item()
        return int(number) if self.whole and math.isfinite(number) else number

    def begin(self, options: Mapping[str, Any], like: Like) -> Any:
        """What a state with these `options` holds before the first step."""
        return options[self.start] if isinstance(self.start, str) else self.start

    def _allows(self, number: float) -> bool:
        if math.isnan(number):
            return self.nan
        if math.isinf(number):
            return self.infinite
        return self.least <= number < self.below and (not self.whole or number == int(number))


@dataclass(kw_only=True, eq=False, repr=False)
class Numbers(Entry):
    """An array of the parameter's shape, which gets its dtype. Its numbers are at least `least`, or NaN.

    Before the first step each is `start`, or the option of that name.
    """

    start: float | str = 0
    least: float = -math.inf

    def begin(self, options: Mapping[str, Any], like: Like) -> NDArray[Any]:
        """What a state with these `options` holds before the first step."""
        start = options[self.start] if isinstance(self.start, str) else self.start
        return np.full(like.shape, start, like.dtype)

    def read(self, value: Any, like: Like) -> NDArray[Any]:
        array = real_array(value)
        if array is None:
            raise ValueError(f"= {described(value)}: expected an array of real numbers of shape {like.shape}")
        if array.shape != like.shape:
            raise ValueError(
                f"of shape {array.shape} for {like.owner} of shape {like.shape}: these are other parameters, or in "
                "another order"
            )
        if (array < self.least).any():  # a network that has diverged leaves NaN, and can be saved
            raise ValueError(f"with {array[array < self.least][0]:g} in it: expected numbers ≥ {self.least:g}")
        try:
            return converted(array, like.dtype)
        except ValueError as error:
            raise ValueError(f"with {error}") from None


@dataclass(kw_only=True, eq=False, repr=False)
class Several(Entry):
    """A list of entries of one kind. All lists of a state have the same length."""

    of: Entry

    def read(self, value: Any, like: Like) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise ValueError(f"= {described(value)}: expected a list")
        entries = []
        for number, entry in enumerate(value):
            try:
                entries.append(self.of.read(entry, like))
            except ValueError as error:
                raise ValueError(f"with entry {number} {error}") from None
        return entries


@dataclass(kw_only=True, eq=False, repr=False)
class PerGroup(Several):
    """A list of learning rates, one for each group of the optimizer."""

    of: Entry = Number(infinite=True)  # noqa: RUF009  # nothing changes an Entry; a user's factors may make a rate negative or infinite

    def read(self, value: Any, like: Like) -> list[Any]:
        rates = super().read(value, like)
        if len(rates) != like.groups:
            raise ValueError(f"of {len(rates)} learning rates for {like.groups} parameter groups")
        return rates


@dataclass(kw_only=True, eq=False, repr=False)
class Counts(Entry):
    """A dict that says how often each number is there."""

    def read(self, value: Any, like: Like) -> Counter[Any]:
        if not isinstance(value, Mapping):
            raise ValueError(f"= {described(value)}: expected a dict of numbers and how often each is there")
        numbers = Several(of=Number()).read(list(value), like)
        return Counter(dict(zip(numbers, Several(of=Number(whole=True)).read(list(value.values()), like), strict=True)))


@dataclass(kw_only=True, eq=False, repr=False)
class Choice(Entry):
    """One of a few words."""

    words: tuple[str, ...]

    def read(self, value: Any, like: Like) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise ValueError(f"= {described(value)}: expected {' or '.join(map(repr, self.words))}")
        return value


@dataclass(kw_only=True, eq=False, repr=False)
class Flag(Entry):
    """True or False."""

    def read(self, value: Any, like: Like) -> bool:
        if not isinstance(value, bool | np.bool):
            raise ValueError(f"= {described(value)}: expected True or False")
        return bool(value)


@dataclass(kw_only=True, eq=False, repr=False)
class Ascending(Entry):
    """A list of epochs in ascending order."""

    def read(self, value: Any, like: Like) -> list[int]:
        epochs = Several(of=Number(whole=True)).read(value, like)
        if epochs != sorted(epochs):
            raise ValueError(f"= {described(value)}: expected epochs in ascending order")
        return epochs


@dataclass(kw_only=True, eq=False, repr=False)
class Phases(Entry):
    """The phases of a OneCycleLR: a list of dicts with the step that ends each and what it begins and ends with."""

    _words: ClassVar[dict[str, tuple[str, ...]]] = {
        "start_lr": ("initial_lr", "max_lr"),
        "end_lr": ("initial_lr", "max_lr", "min_lr"),
        "start_momentum": ("base_momentum", "max_momentum"),
        "end_momentum": ("base_momentum", "max_momentum"),
    }

    def read(self, value: Any, like: Like) -> list[dict[str, Any]]:
        if not isinstance(value, list | tuple) or not value:
            raise ValueError(f"= {described(value)}: expected a list of dicts")
        table = {"end_step": Number(), **{name: Choice(words=words) for name, words in self._words.items()}}
        return [
            read_entries(phase, table, like, self, f"with phase {number}, which") for number, phase in enumerate(value)
        ]


@dataclass(kw_only=True, eq=False, repr=False)
class Anything(Entry):
    """What a user's own optimizer or schedule keeps. Its arrays have the parameter's shape, if there is a parameter."""

    def read(self, value: Any, like: Like) -> Any:
        if isinstance(value, list | tuple) and not like.groups:
            return [self.read(entry, like) for entry in value]
        array = real_array(value) if hasattr(value, "shape") and not like.groups else None
        if array is None:
            return value
        is_number = array.ndim == 0 and (like.shape or array.dtype.kind != "f")
        return array.item() if is_number else Numbers().read(array, like)


def read_entries(entries: Any, table: Table, like: Like, owner: object, where: str = "the state") -> dict[str, Any]:
    """The entries of a state, checked and copied by the `table` of its `owner`.

    A row of None is an entry that PyTorch's states have and ours do not need. The value None counts as no entry, unless
    the entry is required.

    Raises:
        ValueError: an entry is missing, unknown, or not of the kind that the table says. The error begins with `where`.
    """
    name_of_owner = type(owner).__name__
    if not isinstance(entries, Mapping):
        raise ValueError(f"{where} is {described(entries)}: expected a dict with {sorted(table)}")
    if unknown := sorted(str(name) for name in entries if name not in table):
        raise ValueError(f"{where} has {unknown}, which {name_of_owner} does not have: expected {sorted(table)}")
    result: dict[str, Any] = {}
    missing = []
    for name, entry in table.items():
        if entry is None:
            continue
        required = bool(result.get(entry.required)) if isinstance(entry.required, str) else entry.required
        if entries.get(name) is None and not required:
            continue
        if name not in entries:
            missing.append(name)
            continue
        try:
            result[name] = entry.read(entries[name], like)
        except ValueError as error:
            raise ValueError(f"{where} has {name} {error}") from None
    if missing:
        kind = with_article(type(owner))
        raise ValueError(f"{where} has no {missing}: it is not of {kind}, which has {sorted(table)}")
    lengths = {name: len(value) for name, value in result.items() if isinstance(table[name], Several)}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{where} has lists of different lengths: {lengths}")
    return result
