"""Notices arrays that change between the forward and the backward pass, whoever changes them.

The framework's own in-place writes (an optimizer's step, ``add_``) are stamped with the graph's clock. Memory that
somebody else can write to (a user's own array, or one handed out by ``.numpy()`` or ``.data``) is fingerprinted for as
long as it is shared: once when the sharing begins, for the nodes recorded before, and again by each node recorded while
it lasts. A walk through a graph that is younger than the last write and the last sharing pays one comparison per node.
"""

from __future__ import annotations

import itertools
import threading
import weakref
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "adopt", "clock", "events", "fingerprint", "hand_out", "is_shared", "may_change", "note_leaf", "owner",
    "shared", "stamp", "unchanged",
]  # fmt: skip

Array = NDArray[Any]

# One clock numbers the nodes of all graphs and the writes to memory, so that the two can be compared.
clock = itertools.count(1)


class _Events:
    """The time of the last write to any memory, or sharing of it."""

    latest = 0


class _Sharing:
    """Since when memory is shared, what it held then (None: the framework has written to it since), and with whom."""

    __slots__ = ("contents", "others", "time")

    def __init__(self, memory: Array) -> None:
        self.time = _new_event()
        self.contents: int | None = fingerprint(memory)
        self.others: dict[int, weakref.ref[Array]] = {}  # by their ids, for arrays have no hash


events = _Events()
shared: dict[int, _Sharing] = {}  # by the id of the owner
_written: dict[int, int] = {}  # likewise; an entry that outlives its owner is older than whatever takes its place
_of_leaves: dict[int, weakref.ref[Array]] = {}  # likewise, with what takes the entry away


_one_at_a_time = threading.RLock()


def _new_event() -> int:
    """The time now, as that of the latest event, unless a later one, of a signal handler, has come in between."""
    with _one_at_a_time:  # lest the time of another thread's event be overwritten with an earlier one
        now = next(clock)
        if now > events.latest:
            events.latest = now
    return now


def owner(array: Array) -> Array:
    """The array whose memory `array` is a view of, also through an array that was handed out."""
    base: Any = array.base
    while base is not None:
        if type(base) is memoryview:
            base = base.obj
        if type(base) is not np.ndarray:
            break
        array, base = base, base.base
    return array


def fingerprint(array: Array) -> int:
    """A checksum of the contents of `array`: it differs for nearly every two contents that differ."""
    return zlib.crc32(np.ascontiguousarray(array).data)


def stamp(arrays: Iterable[Array]) -> None:
    """Note that the framework is writing to `arrays`."""
    now = _new_event()
    for array in arrays:
        base = array.base
        if base is not None:
            array = base if type(base) is np.ndarray and base.base is None else owner(array)
        key = id(array)
        _written[key] = now
        if shared and key in shared:
            shared[key].contents = None


def hand_out(array: Array) -> Array:
    """An array over the memory of `array` for somebody who may write to it, while it or a view of it is alive."""
    # NumPy traces views back to the array that owns the memory, but not through a memoryview: so this array lives as
    # long as any view of it.
    handed = np.asarray(array.data)
    _share(owner(array), handed)
    return handed


def adopt(array: Array) -> Array:
    """Note that `array` is a user's own, which may be written to while it is alive; and return it."""
    memory = owner(array)
    _share(memory, memory)
    return array


def _share(memory: Array, other: Array) -> None:
    key = id(memory)
    sharing = shared.get(key)
    if sharing is None:
        sharing = shared[key] = _Sharing(memory)
    reference: Any = None if memory is other else weakref.ref(memory)

    def forget(gone: weakref.ref[Array]) -> None:
        del sharing.others[id(gone)]
        if sharing.others or shared.get(key) is not sharing:
            return
        del shared[key]
        memory = None if reference is None else reference()
        if memory is not None and sharing.contents not in (None, fingerprint(memory)):
            _written[key] = sharing.time  # too late for what was recorded before the sharing, and for that alone

    reference_to_other = weakref.ref(other, forget)
    sharing.others[id(reference_to_other)] = reference_to_other


def is_shared(array: Array) -> bool:
    """Whether somebody else can write to the memory of `array`."""
    return id(owner(array)) in shared


def note_leaf(array: Array) -> None:
    """Note that a leaf's array is also used outside the graph, by a detached Tensor."""
    memory = owner(array)
    key = id(memory)
    if key not in _of_leaves:
        _of_leaves[key] = weakref.ref(memory, lambda _: _of_leaves.pop(key, None))


def may_change(array: Array) -> bool:
    """Whether the memory of `array` is shared, or also that of a leaf, which an optimizer writes to."""
    if not shared and not _of_leaves:
        return False
    key = id(owner(getattr(array, "array", array)))  # of a step that is being recorded, the array in a Slot
    return key in shared or key in _of_leaves


def unchanged(array: Array, since: int) -> bool:
    """Whether `array` holds what it held at time `since`, as far as writes and sharings after it tell."""
    memory = owner(array)
    key = id(memory)
    if _written.get(key, 0) > since:
        return False
    sharing = shared.get(key)
    return sharing is None or sharing.time < since or sharing.contents in (None, fingerprint(memory))
