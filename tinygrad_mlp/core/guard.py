"""Notices arrays that change between the forward and the backward pass, whoever changes them.

The framework's own in-place writes (an optimizer's step, ``add_``) are stamped with the time on the graph's clock.
Memory that somebody else can write to (a user's own array, or one handed out by ``.numpy()``) gets a checksum as long
as it is shared: once when the sharing begins, for the nodes recorded before, and once for each node that is recorded
meanwhile. A graph that is younger than the last write and the last sharing costs its walk one comparison for each node.
"""

from __future__ import annotations

import os
import threading
import weakref
import zlib
from collections.abc import Iterable, Iterator
from itertools import count
from types import SimpleNamespace
from typing import Any

import numpy as np

from .blas import Array
from .lines import described
from .sheet import Each, is_read

clock = count(1)  # numbers the nodes of all graphs and the writes to memory, so that the two can be compared


class _Sharing:
    """One shared block of memory: when sharing began, its checksum at that time, and who else holds the memory."""

    __slots__ = ("contents", "others", "time")

    def __init__(self, memory: Array) -> None:
        self.time = _new_event()
        self.contents: int | None = _checksum(memory)  # None once the framework has written to the memory
        self.others: dict[int, weakref.ref[Array]] = {}  # by their ids, for arrays have no hash


events = SimpleNamespace(latest=0)  # the time of the last write to any memory, or sharing of it

# The keys of these four are the ids of the arrays that own the memory. An entry may outlive its owner, and a new array
# have the same id: the entry is then older than every node that reads the new array, and has no effect.
shared: dict[int, _Sharing] = {}
_written: dict[int, int] = {}  # the time of the framework's last write
_of_leaves: dict[int, weakref.ref[Array]] = {}  # of leaves that a detached Tensor shares memory with
rewritten: dict[int, weakref.ref[Array]] = {}  # memory that a recorded function has written to, as ``y += f(x)`` does

one_at_a_time = threading.RLock()  # for threads that read, change and write what others do, too
if hasattr(os, "register_at_fork"):  # else a child that is forked while another thread holds the lock waits for ever
    free = one_at_a_time.release
    os.register_at_fork(before=one_at_a_time.acquire, after_in_parent=free, after_in_child=free)


def _new_event() -> int:
    """The time now, which becomes that of the latest event."""
    with one_at_a_time:  # so that no thread overwrites a later time of another thread with its own
        now = next(clock)
        if now > events.latest:  # unless a signal handler has come in between
            events.latest = now
    return now


def owner(array: Array) -> Array:
    """The array that owns the memory of `array`, also if `array` came from `hand_out`."""
    base: Any = array.base
    while base is not None:
        if type(base) is memoryview:
            base = base.obj
        if type(base) is not np.ndarray:
            break
        array, base = base, base.base
    return array


def _checksum(array: Array) -> int:
    """A checksum of the contents: it differs for nearly every two contents that differ."""
    return zlib.crc32(np.ascontiguousarray(array).data)


def stamp(arrays: Iterable[Array]) -> None:
    """Note the time at which the framework writes to `arrays`, so that `unchanged` can compare it with another."""
    now = _new_event()
    for array in arrays:
        base = array.base
        if base is not None:  # the owner, which is mostly found without a call
            array = base if type(base) is np.ndarray and base.base is None else owner(array)
        key = id(array)
        _written[key] = now
        if shared and key in shared:
            shared[key].contents = None


def hand_out(array: Array) -> Array:
    """A new array over the memory of `array`, for a user. The memory is shared until its last view is gone."""
    # NumPy makes the owner of the memory the ``base`` of a view, but does not look through a memoryview. So the
    # ``base`` of a view of `handed` is `handed`, which therefore lives as long as its views.
    handed = np.asarray(array.data)
    _share(owner(array), handed)
    return handed


def guard_foreign(array: Array) -> Array:
    """Return `array`, after noting that it belongs to a user, who may write to it as long as it exists."""
    memory = owner(array)
    _share(memory, memory)
    return array


def _share(memory: Array, other: Array) -> None:
    """Note that `memory` is shared: somebody can write to it through the array `other`, until that is gone."""
    key = id(memory)
    reference = weakref.ref(memory)

    def forget(gone: weakref.ref[Array]) -> None:
        """End the sharing if the array that is gone was the last one that others had."""
        if one_at_a_time is None:  # Python ends, and has emptied this module
            return
        with one_at_a_time:
            del sharing.others[id(gone)]
            if sharing.others or shared.get(key) is not sharing:  # others remain, or a later sharing has the same key
                return
            del shared[key]
        if (left := reference()) is not None and sharing.contents not in (None, _checksum(left)):
            _written[key] = sharing.time  # nodes from before the sharing will fail; later ones have own checksums

    with one_at_a_time:  # else two threads could each begin a sharing of one memory, and one would be lost
        sharing = shared.get(key) or shared.setdefault(key, _Sharing(memory))
        reference_to_other = weakref.ref(other, forget)
        sharing.others[id(reference_to_other)] = reference_to_other


def guard_leaf(array: Array) -> None:
    """Note that the memory of a leaf, which an optimizer writes to, is also that of a detached Tensor."""
    memory = owner(array)
    key = id(memory)
    if key not in _of_leaves:
        _of_leaves[key] = weakref.ref(memory, lambda _: _of_leaves.pop(key, None))


def note_rewritten(array: Array) -> None:
    """Note that a recorded function has written to the memory of `array`, so that views of it need new places."""
    memory = owner(array)
    key = id(memory)
    rewritten[key] = weakref.ref(memory, lambda _: rewritten.pop(key, None))


def is_guarded(array: Array) -> bool:
    """Whether the memory of `array` is shared with somebody else, or with a leaf."""
    if not shared and not _of_leaves:
        return False
    key = id(owner(array))
    return key in shared or key in _of_leaves


def unchanged(array: Array, since: int) -> bool:
    """Whether `array` holds what it held at time `since`, as far as stamps and checksums tell."""
    memory = owner(array)
    key = id(memory)
    if _written.get(key, 0) > since:
        return False
    sharing = shared.get(key)
    # A node that was recorded after the sharing began has checksums of its own, which `check` compares.
    return sharing is None or sharing.time < since or sharing.contents == _checksum(memory)


def arrays_read(node: Any) -> Iterator[tuple[int, Array]]:
    """The output (at 0) and the inputs of `node` whose entries the walk's rules will read, with their positions."""
    edges = (True,) if isinstance(node.rules, Each) else node.edges  # an Each has one rule for all inputs
    in_use = [read for read, edge in zip(node.read, edges, strict=False) if edge is not None]
    for position, array in enumerate((node.output, *node.inputs)):
        if type(array) is np.ndarray and is_read(position, in_use):
            yield position, array


def note_contents(node: Any) -> None:
    """Remember the contents of inputs that rules of `node` will read and that somebody else can write to."""
    for position, array in arrays_read(node):
        if position and array.size and id(owner(array)) in shared:  # the output, at 0, is new: nobody else has it
            node.attached().checksums.append((array, _checksum(array)))


def check(node: Any) -> None:
    """Raise RuntimeError if an array that rules of `node` are about to read has changed since `node` was recorded."""
    if node.number < events.latest:
        for _, array in arrays_read(node):
            if not unchanged(array, node.number):
                raise_changed(node, array)
    if node.extras is not None:
        for array, contents in node.extras.checksums:
            if _checksum(array) != contents:
                raise_changed(node, array)


def raise_changed(node: Any, array: Array) -> None:
    """Raise the error of `check` for `array`, the output or an input of `node`."""
    what = "its output" if array is node.output else f"its input of shape {array.shape}"
    raise RuntimeError(
        f"{described(node)} needs {what} for the gradient, but that array was changed after it was computed (by an "
        "optimizer's step, an in-place method, or a write to a NumPy array that shares its memory): call backward() "
        "before changing it, or change a .clone()"
    )
