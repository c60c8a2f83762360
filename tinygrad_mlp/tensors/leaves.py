"""What comes before and after a walk: where it starts, and how the gradients it returns reach the leaves' ``.grad``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import get_ident
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import guard, record
from ..core.blas import Product
from ..core.functions import astype
from ..core.mode import observers
from ..core.record import Leaf, Node, Variable
from ..core.walk import GraphError, Place, added, walk
from .arguments import numeric
from .observer import observer
from .refusals import instead_of, several, shown
from .views import place_now

__all__ = ["Lent", "accumulate", "collect", "gradient_of", "place_of", "places_of", "seed"]

Array = NDArray[Any]


class Lent:
    """A gradient in memory that the next replay of a step overwrites. To keep it for longer, take `own()`."""

    __slots__ = ("array", "since", "wrap")

    def __init__(self, array: Array, wrap: Callable[[Array], Any]) -> None:
        self.array = array
        self.wrap = wrap  # makes of an array what the leaf would hold without a replay: an array or a Tensor
        self.since = 0  # the time at which the gradient was computed, on the graph's clock

    def own(self) -> Any:
        """The gradient in memory of its own."""
        return self.wrap(self.array.copy("K"))  # "K" keeps the memory order, on which the rounding of sums depends


# --- before a walk ----------------------------------------------------------------------------------------------------


def place_of(x: Any) -> Leaf | Node:
    """The place of the Tensor `x` in the graph.

    Raises:
        TypeError: `x` is not a Tensor.
        GraphError: `x` needs no gradient, and so has no place.
    """
    if not isinstance(x, Variable):
        raise TypeError(f"expected a Tensor, not {shown(x)}{instead_of(x)}")
    if (place := place_now(x)) is None:
        raise GraphError(
            "this Tensor does not require a gradient, nor does anything it was computed from: make its leaves with "
            "requires_grad=True, outside no_grad()"
        )
    return place


def places_of(inputs: Any) -> set[Leaf | Node] | None:
    """The places of `inputs`, the one or several Tensors to find gradients for. None stands for all leaves."""
    if inputs is None:
        return None
    places = {place_of(x) for x in several(inputs, "inputs")}
    if not places:
        raise RuntimeError("inputs= names no Tensor: leave it out to collect gradients for all leaves")
    return places


def seed(output: Any, gradient: Any, create_graph: bool = False) -> tuple[Leaf | Node, Any]:
    """The place of `output`, and the cotangent with which a walk starts there.

    The cotangent is a copy of `gradient`, or 1 if that is None. With `create_graph` it is a Tensor, else an array.

    Raises:
        GraphError: `output` needs no gradient, or has several entries while `gradient` is None.
        ValueError: `gradient` does not have the shape of `output`.
    """
    place = place_of(output)
    tensor = record.tensor_class
    if gradient is None:
        if output._data.size != 1:
            raise GraphError(
                f"backward() of a Tensor of shape {output.shape} needs the gradient to start from: "
                "reduce it with .sum() or .mean(), or pass gradient= of that shape"
            )
        cotangent: Any = np.empty(output._data.shape, output._data.dtype)
        cotangent.fill(1)  # numpy.ones would take a microsecond more
    else:
        is_tensor = isinstance(gradient, tensor)
        given = gradient.detach() if is_tensor else tensor._of(observer().constant(numeric(gradient, None)))
        cotangent = record.record(astype, (given,), {"dtype": output.dtype})._data
        if cotangent.shape != output.shape:
            raise ValueError(
                f"the gradient to start from has shape {cotangent.shape}, but the output has {output.shape}"
            )
        if create_graph and is_tensor and gradient.requires_grad:
            return place, gradient.to(output.dtype)
    if create_graph:
        return place, tensor._of(observer().constant(cotangent))
    return place, cotangent


# --- after a walk -----------------------------------------------------------------------------------------------------


def collect(
    seeds: Sequence[tuple[Place, Any]], retain_graph: bool | None, create_graph: bool, wanted: set[Place] | None
) -> None:
    """Walk back from `seeds`, and add the gradients to those that the leaves, or the `wanted` places, already hold."""
    arrived = walk(seeds, retain_graph=retain_graph, create_graph=create_graph, wanted=wanted)
    with guard.one_at_a_time:  # threads may share leaves: none may overwrite what another has added meanwhile
        for place, gradient in arrived.items():
            if type(place) is Leaf:
                if not place.frozen:
                    accumulate(place, gradient)
            elif isinstance(place, Node):
                extras = place.attached()
                if not extras.retains_grad:  # else the walk has added it
                    extras.grad = gradient if extras.grad is None else extras.grad + gradient


def accumulate(leaf: Leaf, gradient: Any) -> None:
    """Add `gradient`, which a walk returned, to the gradient that `leaf` holds."""
    if observers and (observing := observers.get(get_ident())) is not None:
        observing.deliver(leaf, gradient)
        return
    if leaf.grad is None:
        leaf.grad = gradient
    else:
        gradient_of(leaf)  # raises an error if it is a Product of which a factor has changed
        held = leaf.grad.own() if type(leaf.grad) is Lent else leaf.grad
        leaf.grad = added(held, gradient)


def gradient_of(leaf: Leaf) -> Any:
    """The gradient that `leaf` holds: None, an array, or a Product.

    Raises:
        RuntimeError: a factor of the Product was overwritten after the walk.
    """
    gradient = leaf.grad
    if gradient is None or type(gradient) is np.ndarray:
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
