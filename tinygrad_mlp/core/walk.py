"""The walk back: it carries gradients from a result to the leaves, and does once what rules tend to get wrong.

Its duties are order, accumulation, the shape and the dtype of a gradient, who owns its memory, and leaving out what
needs no gradient.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from threading import get_ident
from typing import Any

import numpy as np

from . import guard, mode, record
from .blas import Product, Target
from .functions import astype, clone, summed
from .lines import described
from .mode import observers
from .record import Leaf, Node, Variable

Place = Leaf | Node


class GraphError(RuntimeError, ValueError):
    """The graph cannot do what is asked: a RuntimeError, as in PyTorch, and a ValueError, as for any wrong argument."""


def walk(
    seeds: Sequence[tuple[Place, Any]],
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    wanted: set[Place] | None = None,
) -> dict[Place, Any]:
    """Carry the gradients of `seeds` back through the graph, and return those that arrive.

    Nodes are visited by descending number. A node's inputs have smaller numbers than the node, so by the time a node
    is visited every gradient it will ever get has been added up; there is nothing to sort and nothing to recurse into.

    Args:
        seeds: places with the gradients to start from.
        retain_graph: keep what a second walk needs, instead of releasing each visited node; None: as `create_graph`.
        create_graph: give the rules tensors instead of arrays, so that the walk itself is recorded.
        wanted: the places to find gradients for; None for all leaves.

    Returns:
        The gradient of each leaf, or of each wanted place. If it is an array, it shares its memory with nothing.

    Raises:
        RuntimeError: the graph was released by an earlier walk, an array changed after the forward pass, or a rule
            returned a gradient of the wrong shape.
    """
    # The loop is in one piece: it is the thread of this file, and each call of a helper would be felt at every node.
    if create_graph and not mode.is_grad_enabled():
        with mode.Mode(True):
            return walk(seeds, retain_graph=retain_graph, create_graph=True, wanted=wanted)
    useful = None if wanted is None else _useful([place for place, _ in seeds], wanted)
    observing = observers.get(get_ident()) if observers and not create_graph else None
    reader: Any = _with_tensors if create_graph else None  # gives the rules Tensors or Slots for arrays
    if observing is not None:
        reader, seeds = observing.read_node, [(place, observing.slot(gradient)) for place, gradient in seeds]
    arrived: dict[Place, Any] = {}
    pending: dict[Node, Any] = {}
    frontier: list[tuple[int, Node]] = []  # a heap of the nodes in `pending`
    for place, gradient in seeds:
        if isinstance(place, Leaf):
            if wanted is None or place in wanted:
                arrived[place] = arrived[place] + gradient if place in arrived else clone(gradient)
        elif place in pending:
            pending[place] = pending[place] + gradient
        else:
            pending[place] = gradient
            heappush(frontier, (-place.number, place))
    following: Node | None = None  # the next node, while no other waits: a chain needs no heap
    upstream: Any = None  # the gradient of `following`
    latest = guard.events.latest
    keeps_graph = create_graph if retain_graph is None else retain_graph
    while frontier or following is not None:
        if following is None:
            node = heappop(frontier)[1]
            g = pending.pop(node)
        else:
            node, g, following = following, upstream, None
        is_end = useful is not None and useful.isdisjoint(node.edges)  # then its rules are not needed
        if node.inputs is None and not is_end:
            raise GraphError(
                f"the graph behind {described(node)} was released by an earlier backward(): "
                "pass retain_graph=True to the first one, or compute the loss again"
            )
        if node.number < latest or node.extras is not None:  # else no array can have changed, and there is no hook
            if not is_end:
                guard.check(node)
            g = _after_hooks(node, g)
        if wanted is not None and node in wanted:
            arrived[node] = clone(g)
        if is_end:
            continue
        rules, y, inputs, options = node.rules, node.output, node.inputs, node.options
        if reader is not None:
            rules, y, inputs = reader(node)
        for rule, edge, array in zip(rules, node.edges, node.inputs):  # noqa: B905  # strict=False costs time
            if edge is None or rule is None or (useful is not None and edge not in useful):
                continue
            gradient = rule(g, y, *inputs, **options) if options else rule(g, y, *inputs)
            if mode.watcher is not None:
                mode.watcher.carried(node, array, g, gradient)
            if type(gradient) is Product:  # the factors stay factors if this is all that has come to a leaf so far
                if type(edge) is Leaf and not create_graph:
                    first = edge not in arrived
                    total = _secured(gradient, inputs, node) if first else _joined(arrived[edge], gradient)
                    if total is not None:
                        arrived[edge] = total
                        continue
                gradient = gradient.dense()
            try:
                shape = gradient.shape
            except AttributeError:
                raise _refusal(gradient, array, node) from None
            if shape != array.shape:
                gradient = summed_to(array.shape, gradient, node)
            if gradient.dtype is not array.dtype and gradient.dtype != array.dtype:
                gradient = astype(gradient, array.dtype)
            if type(edge) is Leaf:
                arrived[edge] = added(arrived[edge], gradient) if edge in arrived else _owned(gradient, g)
            elif edge is following:
                upstream = upstream + gradient
            elif edge in pending:
                pending[edge] = pending[edge] + gradient
            elif following is None and not frontier:
                following, upstream = edge, gradient
            else:
                pending[edge] = gradient
                heappush(frontier, (-edge.number, edge))
        if following is not None and frontier:
            pending[following] = upstream
            heappush(frontier, (-following.number, following))
            following = None
        if not keeps_graph and node.read:  # a node that keeps no entries can be walked through again
            node.inputs = node.output = None  # a second walk will notice
    return _after_leaf_hooks(arrived if observing is None else observing.arrived(arrived))


def _useful(starts: Iterable[Place], wanted: set[Place]) -> set[Place]:
    """The places on paths from `starts` to `wanted`. A gradient that would go anywhere else is not computed."""
    reachable: set[Node] = set()
    waiting = [node for node in starts if isinstance(node, Node)]
    while waiting:
        node = waiting.pop()
        if node not in reachable:
            reachable.add(node)
            waiting.extend(edge for edge in node.edges if isinstance(edge, Node))
    useful = set(wanted)
    for node in sorted(reachable, key=lambda node: node.number):  # so that a node comes after its edges
        if any(edge in useful for edge in node.edges):
            useful.add(node)
    return useful


def _after_hooks(node: Node, g: Any) -> Any:
    """The gradient `g` of `node`, or what its hooks return instead. It is kept, too, if `retain_grad` was called."""
    if (extras := node.extras) is not None:
        for hook in tuple((extras.hooks or {}).values()):
            g = hook(g)
        if extras.retains_grad:
            extras.grad = clone(g) if extras.grad is None else extras.grad + g
    return g


def _with_tensors(node: Node) -> tuple[Any, Any, list[Any]]:
    """The rules, the output and the inputs of `node`, for a walk with `create_graph`.

    The graph holds bare arrays. Those that have a place in it become tensors, so that what the rules compute with them
    is recorded.
    """
    given = []
    observing = observers.get(get_ident()) if observers else None
    for array, place in ((node.output, node), *zip(node.inputs, node.edges, strict=True)):
        if type(array) is not np.ndarray or (place is None and observing is None):
            given.append(array)
        else:  # for an observer also those without a place, because it sees only what tensors compute
            tensor = record.tensor_class._of(array, place)
            if observing is not None:
                observing.made(tensor)  # else it would take the tensor for one from outside
            given.append(tensor)
    return node.rules, given[0], given[1:]


def _after_leaf_hooks(arrived: dict[Place, Any]) -> dict[Place, Any]:
    """The gradients in `arrived`, or what the hooks of their leaves return instead."""
    for place, gradient in arrived.items():
        if type(place) is Leaf and place.hooks:
            for hook in tuple(place.hooks.values()):
                gradient = hook(gradient)
            arrived[place] = gradient
    return arrived


def summed_to(shape: tuple[int, ...], gradient: Any, node: Node) -> Any:
    """The adjoint of broadcasting: `gradient` summed over the axes along which an input of `shape` was repeated.

    Raises:
        RuntimeError: the input does not broadcast to the gradient's shape, so the rule is wrong.
    """
    given = gradient.shape
    extra = len(given) - len(shape)
    padded = (1,) * extra + shape
    if given != padded:
        if extra < 0 or any(n not in (1, m) for n, m in zip(padded, given, strict=True)):
            raise RuntimeError(
                f"the rule of {described(node)} returned a gradient of shape {given} for an input of shape {shape}: "
                "a rule must return the input's shape, or one that the input broadcasts to"
            )
        repeated = [axis for axis, n in enumerate(padded) if axis < extra or n != given[axis]]
        gradient = summed(gradient, repeated[0] if len(repeated) == 1 else tuple(repeated))
    return gradient.reshape(shape)


def _refusal(returned: Any, array: Any, node: Node) -> TypeError:
    """The error for a rule that has `returned` something else than an array for the input `array` of `node`."""
    return TypeError(
        f"the rule of {described(node)} for an input of shape {array.shape} returned {returned!r}: a rule "
        "returns an array, such as g * x, and None stands in place of a rule where an input has no derivative"
    )


def _secured(product: Product, inputs: Sequence[Any], node: Node) -> Product:
    """`product`, with a copy of its right factor if that may change before the gradient is used, and is allowed to.

    The right factor is the layer's input. It is copied in two cases. First, if it is a leaf or may be a view of one:
    an optimizer changes leaves. Second, if a user holds its memory and may write to it. Any other input must stay as it
    is: a write to it is stamped, and `tensors.leaves.gradient_of` then raises an error.
    """
    right = product.right
    stays = False
    for given, array, edge in zip(inputs, node.inputs, node.edges):  # noqa: B905  # as in the walk
        if given is right:
            stays = (edge is None or (type(edge) is Node and array.base is None)) and not guard.is_guarded(array)
            break
    if not stays:
        product = Product(product.left, right.copy(order="K"))
    product.since = next(guard.clock)
    return product


def _joined(total: Any, gradient: Any) -> Product | None:
    """The sum of two gradients as one `Product` of the factors of both; None unless they are of lookups in a table."""
    is_lookup = type(total) is type(gradient) is Product and hasattr(total.left, "joined")
    left = total.left.joined(gradient.left) if is_lookup else None
    return None if left is None else Product(left, np.concatenate((total.right, gradient.right)), next(guard.clock))


def _owned(gradient: Any, g: Any) -> Any:
    """The first `gradient` of a leaf, in memory that nobody else has. A rule has computed it from `g`."""
    # Most gradients are arrays, and the first test spares them the second. NumPy's scalars become arrays here.
    if type(gradient) is not np.ndarray and isinstance(gradient, Variable | np.generic):
        return clone(gradient)
    # An array, or a Slot in its place: it is new, or g itself, or a view, and never an array that the node keeps.
    return gradient.copy() if gradient is g or gradient.base is not None else gradient


def added(total: Any, gradient: Any) -> Any:
    """The sum of two gradients of one leaf, written to `total` if both are arrays, or both Slots (`_tape.py`)."""
    if type(total) is Product:
        if (both := _joined(total, gradient)) is not None:
            return both
        total = total.dense()
    if type(gradient) is Product:
        if type(total) is np.ndarray:
            Target(total).add(gradient)
            return total
        gradient = gradient.dense()
    if type(total) is type(gradient) and (type(total) is np.ndarray or not isinstance(total, Variable | np.generic)):
        return np.add(total, gradient, out=total)
    return total + gradient
