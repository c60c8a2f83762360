"""Views of Tensors, and writes in place that the graph records.

A view shares the memory of its root, the Tensor that it was taken of in one step or several. A recorded write to one
of them changes the entries of both, and both get new places in the graph: the root and the view that is written to at
once, every other view when it is next used. Then it is taken of the root again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..core import functions as f
from ..core import guard
from ..core import record as recording
from ..core.blas import Array
from ..core.lines import function_name
from ..core.mode import Mode, is_grad_enabled
from ..core.record import Leaf, Node, Variable, record
from ..core.sheet import inverse
from .observer import observer

__all__ = ["is_entry_of", "needs_gradient", "place_now", "validate_writeable", "write_recorded"]

Function = Callable[..., Any]


class _View(NamedTuple):
    """How a view was taken: what `Variable._source` holds after somebody has asked."""

    root: Any  # the Tensor whose memory it is, itself no view
    place: Any  # the root's place when the view was taken, or `_ANOTHER`
    steps: Any  # (steps before, function, options), or None if the view shows the root as it is
    is_blind: bool  # whether it was taken under `no_grad`, although the root had a place

    def functions(self) -> list[tuple[Function, Mapping[str, Any]]]:
        """The functions that lead from the root to the view, with their options."""
        found = []
        steps = self.steps
        while steps is not None:
            steps, function, options = steps
            found.append((function, options))
        return found[::-1]


_ANOTHER = object()  # for a place that the root has no more


def place_now(tensor: Any) -> Leaf | Node | None:
    """The place of a Tensor in the graph, after all writes to its memory."""
    if guard.rewritten:
        _renew((tensor,))
    return tensor._node  # type: ignore[no-any-return]


def _view(tensor: Any) -> _View | None:
    """How `tensor` was taken of its root; None if it is no view."""
    # `record` notes of what a view was taken, which may be a view as well. Here the way back to the root is found once.
    taken = []
    link: Any = getattr(tensor, "_source", None)
    while type(link) is tuple and guard.owner(link[0]._data) is guard.owner(tensor._data):
        taken.append((tensor, *link))
        tensor = link[0]
        link = getattr(tensor, "_source", None)
    if type(link) is tuple:  # the function has made a copy, or one of the two was given another array
        del tensor._source
        link = None
    # Then from the root forwards: note for each view on the way how it is taken of the root.
    view: _View | None = link
    for tensor, source, place, function, options in reversed(taken):
        before = view or _View(source, source._node, None, False)
        is_current = source._node is place and before.root._node is before.place
        steps = before.steps if _is_same_array(tensor._data, source._data) else (before.steps, function, options)
        is_blind = before.is_blind or (place is not None and tensor._node is None)
        tensor._source = view = _View(before.root, before.place if is_current else _ANOTHER, steps, is_blind)
    return view


def _is_same_array(a: Any, b: Any) -> bool:
    """Whether two arrays show the same memory in the same way."""
    return bool(a.shape == b.shape and a.strides == b.strides and a.ctypes.data == b.ctypes.data)


def needs_gradient(tensor: Any, value: Any) -> bool:
    """Whether a write of `value` to `tensor` is recorded.

    A write is recorded if `tensor`, its root or `value` has a place in the graph, and `tensor` holds floats.
    """
    if tensor._node is not None or ((view := _view(tensor)) and view.root._node is not None):
        return True
    return isinstance(value, Variable) and place_now(value) is not None and tensor._data.dtype.kind == "f"


def is_entry_of(value: Any, tensor: Any, index: Any) -> bool:
    """Whether `value` is the view ``tensor[index]`` itself, as at the end of ``tensor[index] += 1``."""
    if not isinstance(value, Variable) or (view := _view(value)) is None or view.is_blind:
        return False
    own = _view(tensor)
    if view.root is not (own.root if own else tensor) or view.place is not view.root._node:
        return False
    return _is_same_array(value._data, f.getitem(tensor._data, index))


def _renew(operands: Iterable[Any]) -> None:
    """Find the views among `operands` whose roots have new places in the graph, and take these views again."""
    for operand in operands:
        if isinstance(operand, Variable) and id(guard.owner(operand._data)) in guard.rewritten:
            view = _view(operand)
            if view is not None and view.place is not view.root._node and (is_grad_enabled() or not view.is_blind):
                _validate_sight(operand, view)
                _take_again(operand, view)


def _validate_sight(tensor: Any, view: _View) -> None:
    """Raise RuntimeError if `tensor` is a view that was taken under `no_grad`, although its root was in the graph."""
    if view.is_blind:
        raise RuntimeError(
            f"a view of shape {tensor.shape} was taken under no_grad(), and its memory was changed in place outside: "
            "take the view outside no_grad(), or of .detach()"
        )


def _take_again(tensor: Any, view: _View) -> None:
    """Take the view `tensor` of its root again, and give it the place in the graph that this yields."""
    taken = view.root
    with Mode(True):
        for function, options in view.functions():
            taken = record(function, (taken,), options)
    _give_place(tensor, taken._node)
    tensor._source = view._replace(place=view.root._node)


def _give_place(tensor: Any, node: Leaf | Node | None) -> None:
    """Make `node` the place of `tensor`. If `retain_grad` was called before, `node` keeps the gradient from now on."""
    before = tensor._node
    if type(before) is Node and before.extras is not None and before.extras.retains_grad and type(node) is Node:
        node.attached().retains_grad, node.attached().grad = True, before.extras.grad
        before.extras.retains_grad = False
    if hasattr(tensor, "_frozen"):  # the place of a leaf, which the Tensor is no longer
        del tensor._frozen
    tensor._node = node


# How the entries of a source follow from the new entries of a view, for the functions that take views.
_BACK: dict[Any, Callable[..., Any]] = {
    np.reshape: lambda new, source, shape: record(np.reshape, (new,), {"shape": source.shape}),
    np.transpose: lambda new, source, axes=None: record(np.transpose, (new,), {"axes": inverse(axes, source.ndim)}),
    f.getitem: lambda new, source, index: record(f.replaced, (source, new), {"index": index}),
    np.diagonal: lambda new, source, **options: record(
        f.replaced, (source, new), {"index": _of_diagonal(source.shape, options)}
    ),
}


def _of_diagonal(shape: tuple[int, ...], options: Mapping[str, Any]) -> tuple[Any, ...]:
    """The index of the entries on the diagonals of an array of this `shape`."""
    numbers = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    return np.unravel_index(np.diagonal(numbers, **options), shape)


def write_recorded(operation: str, tensor: Any, function: Function, value: Any, options: Mapping[str, Any]) -> None:
    """Record ``function(tensor, value, **options)``, and write the result into the memory of `tensor`.

    Raises:
        RuntimeError: the Tensor is a leaf that requires a gradient, or a view of one; or it cannot be written to; or it
            was taken under `no_grad`. `operation` is what the message calls the write.
        ValueError: the result has another shape than `tensor`.
    """
    view = _view(tensor) or _View(tensor, tensor._node, None, False)
    root, steps = view.root, view.functions()
    _validate_target(operation, tensor, view)
    computed = new = record(function, (tensor, value), options)
    if new.shape != tensor.shape:
        raise ValueError(f"{operation}: a result of shape {new.shape} does not fit a Tensor of shape {tensor.shape}")
    if new.dtype != tensor.dtype:  # both are floats, for integers have no gradient
        new = record(f.astype, (new,), {"dtype": tensor.dtype})
    # `new` has the entries of the view. Step by step, they are put into the Tensor that the view was taken of, until
    # `new` has all entries of the root.
    sources = [root]
    for taken_by, how in steps[:-1]:
        sources.append(record(taken_by, (sources[-1],), how))
    for source, (taken_by, how) in zip(reversed(sources), reversed(steps), strict=False):
        new = _BACK[taken_by](new, source, **how)
    _keep_entries(computed._node, root)
    observer().write(_copied, root, new)
    guard.note_rewritten(root._data)
    _give_place(root, new._node)
    if tensor is not root:
        _take_again(tensor, view)


def _validate_target(operation: str, tensor: Any, view: _View) -> None:
    """Raise RuntimeError if a recorded write to `tensor` cannot be right."""
    if isinstance(tensor._node, Leaf) or isinstance(view.root._node, Leaf):
        what = "a leaf" if isinstance(tensor._node, Leaf) else "a view of a leaf"
        raise RuntimeError(
            f"{operation} would change {what} that requires a gradient in place: put it under no_grad(), or write "
            "x = x + ... instead"
        )
    _validate_sight(tensor, view)
    for function, _ in view.functions():
        if function not in _BACK:
            raise RuntimeError(
                f"{operation} would change a view that {function_name(function)} gives for reading: write to a .clone()"
            )
    validate_writeable(view.root._data)


def validate_writeable(array: Array) -> None:
    """Raise RuntimeError if nobody may write to `array`."""
    if not array.flags.writeable:
        raise RuntimeError("this memory is for reading alone, as that of an expanded Tensor: write to a .clone()")


def _keep_entries(node: Any, root: Any) -> None:
    """Before the memory of `root` is overwritten, give `node` copies of the arrays in it that its rules will read."""
    if type(node) is not Node:
        return
    memory = guard.owner(root._data)
    for position, array in guard.arrays_read(node):
        if position and guard.owner(array) is memory:
            node.inputs[position - 1] = observer().copied(array)
    if node.extras is not None:
        node.extras.checksums = [kept for kept in node.extras.checksums if guard.owner(kept[0]) is not memory]


def _copied(tensor: Any, value: Any) -> None:
    """Copy the entries of `value` to the memory of `tensor`, and tell the guard of it."""
    np.copyto(tensor._data, value._data)
    guard.stamp([tensor._data])


recording.renew = _renew
