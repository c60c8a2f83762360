"""Notices arrays that change between the forward and the backward pass, whoever changes them.

The framework's own in-place writes (an optimizer's step, ``add_``) are stamped with the graph's clock when they
happen. Memory that somebody else can write to (a user's own array, or one handed out by ``.numpy()`` or ``.data``) is
fingerprinted instead. A walk that meets neither a later stamp nor a later sharing pays one comparison per node.
"""

from __future__ import annotations

import itertools
import weakref
import zlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["any_shared", "clock", "events", "fingerprint", "is_shared", "share", "stamp", "unchanged"]

Array = NDArray[Any]

# One clock numbers the nodes of all graphs and the writes to memory, so that the two can be compared.
clock = itertools.count(1)


class _Sharing(NamedTuple):
    """When memory was first shared with the world, what it held then, and what forgets it once the memory is gone."""

    time: int
    contents: int
    forget: Any


class _Events:
    """The time of the last write or sharing of any memory."""

    latest = 0


events = _Events()
_written: dict[int, int] = {}  # by owner: an entry that outlives its owner is older than whatever takes its place
_shared: dict[int, _Sharing] = {}
_of_leaves: set[int] = set()  # by owner; one that outlives its owner costs a copy, and nothing else


def owner(array: Array) -> Array:
    """The array whose memory `array` is a view of."""
    while type(base := array.base) is np.ndarray:
        array = base
    return array


def fingerprint(array: Array) -> int:
    """A checksum of the contents of `array`: it differs for nearly every two contents that differ."""
    return zlib.crc32(np.ascontiguousarray(array).data)


def stamp(arrays: Iterable[Array]) -> None:
    """Note that the framework has just written to `arrays`."""
    events.latest = now = next(clock)
    for array in arrays:
        _written[id(array if array.base is None else owner(array))] = now


def share(array: Array) -> Array:
    """Note that somebody else can write to the memory of `array` from now on, and return it."""
    memory = owner(array)
    key = id(memory)
    if key not in _shared:
        events.latest = next(clock)
        forget = weakref.ref(memory, lambda _: _shared.pop(key, None))
        _shared[key] = _Sharing(events.latest, fingerprint(memory), forget)
    return array


def is_shared(array: Array) -> bool:
    """Whether somebody else can write to the memory of `array`."""
    return id(owner(array)) in _shared


def may_change(array: Array) -> bool:
    """Whether the memory of `array` is shared, or also that of a leaf, which an optimizer writes to."""
    if not _shared and not _of_leaves:
        return False
    key = id(owner(array))
    return key in _shared or key in _of_leaves


def belongs_to_leaf(array: Array) -> None:
    """Note that a leaf's array is also used outside the graph, by a detached Tensor."""
    _of_leaves.add(id(owner(array)))


def unchanged(array: Array, since: int) -> bool:
    """Whether `array` holds what it held at time `since`, as far as stamps and sharings after it tell."""
    memory = owner(array)
    key = id(memory)
    if _written.get(key, 0) > since:
        return False
    sharing = _shared.get(key)
    return sharing is None or sharing.time < since or fingerprint(memory) == sharing.contents


def any_shared() -> bool:
    """Whether any living memory can be written to by somebody else."""
    return bool(_shared)
