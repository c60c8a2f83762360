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
from .functions import astype, clone
from .lines import described, function_name
from .record import Leaf, Node, Variable
from .tape import Lent, observer, observers

__all__ = ["GraphError", "accumulate", "collect", "gradient_of", "summed_to", "walk"]

_ndarray = np.ndarray  # needed at each gradient, and a global is found faster than an attribute
Place = Leaf | Node


class GraphError(RuntimeError, ValueError):
    """What cannot be asked of a graph: a RuntimeError as in PyTorch, and a ValueError as all that is given wrongly."""


def walk(
    seeds: Sequence[tuple[Place, Any]],
    *,
    retain_graph: bool = False,
    create_graph: bool = False,
    wanted: set[Place] | None = None,
) -> dict[Place, Any]:
    """Carry the gradients of `seeds` back through the graph, and return those that arrive.

    Nodes are visited by descending number. A node's inputs have smaller numbers than the node, so by the time a node
    is visited every gradient it will ever get has been added up; there is nothing to sort and nothing to recurse into.

    Args:
        seeds: nodes with the gradients to start from.
        retain_graph: keep what a second walk needs; otherwise each node is released as soon as it has been visited.
        create_graph: hand tensors to the rules, so that the walk itself is recorded; otherwise plain arrays.
        wanted: the nodes to find gradients for, leaving out all else; None for all leaves.

    Returns:
        The gradient of each leaf, or of each wanted node. Arrays among them share their memory with nothing.

    Raises:
        RuntimeError: the graph was released by an earlier walk, an array changed since it was recorded, or a rule
            returned a gradient of the wrong shape.
    """
    if create_graph and not mode.state.enabled:
        with mode.enable_grad():
            return walk(seeds, retain_graph=retain_graph, create_graph=True, wanted=wanted)
    useful = None if wanted is None else _useful([place for place, _ in seeds], wanted)
    tape = observers.get(get_ident()) if observers and not create_graph else None
    wrapped: Any = _tensor if create_graph else None  # what makes of a node's array what the rules are to be given
    if tape is not None:
        wrapped, seeds = tape.slot, [(place, tape.slot(gradient)) for place, gradient in seeds]
    arrived: dict[Place, Any] = {}
    pending: dict[Node, Any] = {}
    frontier: list[tuple[int, Node]] = []
    for place, gradient in seeds:
        if isinstance(place, Leaf):
            arrived[place] = arrived[place] + gradient if place in arrived else clone(gradient)
        elif place in pending:
            pending[place] = pending[place] + gradient
        else:
            pending[place] = gradient
            heappush(frontier, (-place.number, place))
    latest = guard.events.latest
    following: Node | None = None  # the next node of a chain, which needs no frontier, and its gradient
    upstream: Any = None
    while frontier or following is not None:
        if following is None:
            node = heappop(frontier)[1]
            g = pending.pop(node)
        else:
            node, g, following = following, upstream, None
        if node.edges is None:
            raise GraphError(
                f"the graph behind {described(node)} was released by an earlier backward(): "
                "pass retain_graph=True to the first one, or compute the loss again"
            )
        if node.number < latest or node.extras is not None:
            guard.check(node)
            g = _shown(node, g)
        if wanted is not None and node in wanted:
            arrived[node] = clone(g)
        if tape is not None:
            tape.visit(node)
        arrays, edges, options, y = node.inputs, node.edges, node.options, node.output
        inputs = arrays
        if wrapped is not None:
            y = wrapped(y, node)
            inputs = [wrapped(array, edge) for array, edge in zip(arrays, edges, strict=True)]
        rules = node.rules if tape is None else map(tape.rule, node.rules)
        for rule, edge, array in zip(rules, edges, arrays):  # noqa: B905  # strict=False would cost every node
            if edge is None or rule is None or (useful is not None and edge not in useful):
                continue
            gradient = rule(g, y, *inputs, **options) if options else rule(g, y, *inputs)
            if mode.watcher is not None:
                mode.watcher.carried(node, array, g, gradient)
            if type(gradient) is Product:
                stays = type(edge) is Leaf and edge not in arrived and gradient.left.dtype == array.dtype
                if stays and not create_graph:
                    arrived[edge] = _secured(gradient, inputs, node)
                    continue
                gradient = gradient.dense()
            if gradient.shape != array.shape:
                gradient = summed_to(array.shape, gradient, node)
            if gradient.dtype != array.dtype:
                gradient = astype(gradient, array.dtype)
            if type(edge) is Leaf:
                arrived[edge] = _sum(arrived[edge], gradient) if edge in arrived else _owned(gradient, g)
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
        if not retain_graph:
            node.inputs = node.output = node.edges = None  # a second walk will notice
    if tape is not None:
        arrived = tape.arrived(arrived)
    for place, gradient in arrived.items():
        if type(place) is Leaf and place.hooks:
            for hook in tuple(place.hooks.values()):
                gradient = hook(gradient)
            arrived[place] = gradient
    return arrived


def _useful(starts: Iterable[Place], wanted: set[Place]) -> set[Place]:
    """The nodes through which a gradient can reach one of `wanted`."""
    reachable: set[Node] = set()
    waiting = [node for node in starts if isinstance(node, Node)]
    while waiting:
        node = waiting.pop()
        if node not in reachable:
            reachable.add(node)
            waiting.extend(edge for edge in node.edges or () if isinstance(edge, Node))
    useful = set(wanted)
    for node in sorted(reachable, key=lambda node: node.number):
        if any(edge in useful for edge in node.edges or ()):
            useful.add(node)
    return useful


def _shown(node: Node, g: Any) -> Any:
    """The gradient of `node`, or what its hooks put in its place; kept where that was asked for."""
    extras = node.extras
    if extras is not None:
        for hook in tuple((extras.hooks or {}).values()):
            g = hook(g)
        if extras.retains_grad:
            extras.grad = clone(g) if extras.grad is None else extras.grad + g
    return g


def _tensor(array: Any, place: Place | None) -> Any:
    """The tensor at `place`, made again, for the graph holds none. What needs no gradient stays an array."""
    if place is None or type(array) is not _ndarray:
        return array
    tensor = record.tensor_class._of(array, place)
    observer().made(tensor)
    return tensor


# --- what becomes of a gradient ---------------------------------------------------------------------------------------


def summed_to(shape: tuple[int, ...], gradient: Any, node: Node) -> Any:
    """The adjoint of broadcasting: `gradient` summed over the axes along which an input of `shape` was repeated.

    Raises:
        RuntimeError: the input does not broadcast to the gradient's shape, so the rule is wrong.
    """
    given = gradient.shape
    extra = len(given) - len(shape)
    if given == (1,) * extra + shape:
        return gradient.reshape(shape)
    axes: tuple[int, ...] = tuple(range(extra))
    if given[extra:] != shape:
        if extra < 0 or any(n not in (1, m) for n, m in zip(shape, given[extra:], strict=True)):
            raise RuntimeError(
                f"the rule for {function_name(node.function)} returned a gradient of shape {given} for an "
                f"input of shape {shape}: a rule must return the input's shape, or one that the input broadcasts to"
            )
        axes += tuple(extra + i for i, n in enumerate(shape) if n == 1 and given[extra + i] != 1)
    return np.add.reduce(gradient, axis=axes).reshape(shape)


def _secured(product: Product, inputs: Sequence[Any], node: Node) -> Product:
    """`product` with a right factor that only a stamped write can change before somebody reads the gradient.

    An optimizer changes a leaf's array, and perhaps a view; anybody changes shared memory; so these are copied. The
    left factor is the walk's own.
    """
    right = product.right
    kept = False
    for given, array, edge in zip(inputs, node.inputs, node.edges, strict=True):
        if given is right:
            kept = (edge is None or (type(edge) is Node and array.base is None)) and not guard.is_guarded(array)
            break
    if not kept:
        product = Product(product.left, right.copy(order="K"))
    product.since = next(guard.clock)
    return product


def _owned(gradient: Any, g: Any) -> Any:
    """The first `gradient` of a leaf, in memory that nobody else has."""
    if type(gradient) is not _ndarray and isinstance(gradient, Variable | np.generic):
        return clone(gradient)
    # Being linear in g, a gradient is either new, or g itself, or a view.
    return gradient.copy() if gradient is g or gradient.base is not None else gradient


def _sum(total: Any, gradient: Any) -> Any:
    """Two gradients of one leaf, in the memory of the first where that is an array of ours."""
    if type(total) is Product:
        total = total.dense()
    if isinstance(total, Variable | np.generic) or isinstance(gradient, Variable | np.generic):
        return total + (gradient.dense() if type(gradient) is Product else gradient)
    if type(total) is not _ndarray:  # what stands for an array while a step is recorded
        return np.add(total, gradient, out=total)
    Target(total).add(gradient)
    return total


# --- the gradients of leaves ------------------------------------------------------------------------------------------


def collect(
    seeds: Sequence[tuple[Place, Any]], retain_graph: bool, create_graph: bool, wanted: set[Place] | None
) -> None:
    """Walk back from `seeds`, and add what arrives to the gradients that leaves hold, and nodes that are wanted."""
    arrived = walk(seeds, retain_graph=retain_graph, create_graph=create_graph, wanted=wanted)
    for place, gradient in arrived.items():
        if isinstance(place, Leaf):
            accumulate(place, gradient)
        else:
            extras = place.attached()
            if not extras.retains_grad:  # else the walk has added it
                extras.grad = gradient if extras.grad is None else extras.grad + gradient


def accumulate(leaf: Leaf, gradient: Any) -> None:
    """Add what a walk brought to the gradient that `leaf` holds."""
    if observers and (tape := observers.get(get_ident())) is not None:
        tape.deliver(leaf, gradient)
        return
    if leaf.grad is None:
        leaf.grad = gradient
    else:
        gradient_of(leaf)  # raises if a factor of what it holds is no longer what it was
        held = leaf.grad.own() if type(leaf.grad) is Lent else leaf.grad
        leaf.grad = _sum(held, gradient)


def gradient_of(leaf: Leaf) -> Any:
    """The gradient that `leaf` holds: None, an array, or a Product whose factors still are what they were.

    Raises:
        RuntimeError: a factor was overwritten after the walk.
    """
    gradient = leaf.grad
    if gradient is None or type(gradient) is _ndarray:
        return gradient
    if type(gradient) is Product:
        if gradient.since < guard.events.latest and not guard.unchanged(gradient.right, gradient.since):
            raise RuntimeError(
                "the input of a layer was overwritten between backward() and the first use of its weight's gradient, "
                "which is kept as a product with that input: read weight.grad first, or write to a .clone()"
            )
        return gradient
    if type(gradient) is Lent:
        return gradient.array
    return gradient._data if isinstance(gradient, Variable) else gradient
