"""Gradients of several Tensors at once: `grad` returns them, `backward` adds them to the leaves' ``.grad``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.blas import Product, matmul
from ..core.record import Leaf, Node
from ..core.walk import Place, walk
from ..tensors.leaves import collect, place_of, places_of, seed
from ..tensors.observer import observer
from ..tensors.refusals import several, warn
from ..tensors.tensor import Tensor
from .grad_mode import no_grad

__all__ = ["backward", "grad"]

Tensors = Tensor | Sequence[Tensor]


def _seeds(outputs: Tensors, gradients: Any, create_graph: bool) -> list[tuple[Leaf | Node, Any]]:
    """For each of `outputs` its place in the graph and the cotangent to start from, as `leaves.seed` gives them."""
    listed = several(outputs, "outputs")
    given = [gradients] if gradients is None or isinstance(gradients, Tensor | np.ndarray) else list(gradients)
    if gradients is None:
        given *= len(listed)
    if len(given) != len(listed):
        raise ValueError(f"{len(listed)} outputs take {len(listed)} gradients to start from, or none, not {len(given)}")
    return [seed(output, gradient, create_graph) for output, gradient in zip(listed, given, strict=True)]


def backward(
    tensors: Tensors,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Tensors | None = None,
) -> None:
    """Add the gradient of the sum of `tensors` to the ``.grad`` of each leaf they were computed from.

    Args:
        tensors: one Tensor or several.
        grad_tensors: a cotangent for each Tensor, of its shape. None stands for 1 if the Tensor has one entry.
        retain_graph, create_graph, inputs: as for `Tensor.backward`.
        grad_variables: PyTorch's deprecated name of `grad_tensors`.

    Raises:
        RuntimeError, ValueError: as `Tensor.backward`.
        TypeError: the cotangents are given under both names.

    Warns:
        FutureWarning: `grad_variables` is given.
    """
    if grad_variables is not None:
        if grad_tensors is not None:
            raise TypeError("backward() takes grad_tensors=, and grad_variables= is another name of it: leave one out")
        warn("grad_variables is deprecated: write grad_tensors=", FutureWarning)
        grad_tensors = grad_variables
    collect(_seeds(tensors, grad_tensors, create_graph), retain_graph, create_graph, places_of(inputs))


def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradient of the sum of `outputs` with respect to each of `inputs`. It does not change any ``.grad``.

    Args:
        outputs: one Tensor or several.
        inputs: one Tensor or several, leaves or computed.
        grad_outputs: a cotangent for each output, of its shape. None stands for 1 if the output has one entry.
        retain_graph: keep the graph for another pass; by default only with `create_graph`.
        create_graph: record the pass, so that the gradients can themselves be differentiated.
        only_inputs: PyTorch's deprecated option. False is ignored, with a FutureWarning.
        allow_unused: return None for an input that no output depends on, instead of raising an error.
        is_grads_batched: False; PyTorch's option of several cotangents at once is left out.
        materialize_grads: return zeros for such an input.

    Returns:
        A Tensor of the input's shape for each input, in memory of its own.

    Raises:
        RuntimeError: no output depends on an input, and neither `allow_unused` nor `materialize_grads` is set; and
            as `Tensor.backward`.
        ValueError: as `Tensor.backward`, or `allow_unused` is False while `materialize_grads` is True, or
            `is_grads_batched` is True.

    >>> import tinygrad_mlp as tg
    >>> x = tg.tensor(3.0, requires_grad=True)
    >>> (first,) = tg.autograd.grad(x**3, x, create_graph=True)
    >>> tg.autograd.grad(first, x)
    (tensor(18.),)
    """
    _validate_options(only_inputs, allow_unused, is_grads_batched, materialize_grads)
    listed = several(inputs, "inputs")
    places = [place_of(x) for x in listed]
    arrived = walk(
        _seeds(outputs, grad_outputs, create_graph),
        retain_graph=retain_graph,
        create_graph=create_graph,
        wanted=set(places),
    )
    if not (allow_unused or materialize_grads):
        _validate_used(listed, places, arrived)
    gradients = {place: _as_tensor(gradient) for place, gradient in arrived.items()}
    results: list[Tensor | None] = []
    for i, (x, place) in enumerate(zip(listed, places, strict=True)):
        if place not in gradients:
            results.append(Tensor._of(np.zeros_like(x._data)) if materialize_grads else None)
        else:
            # An input that is listed twice gets a copy, because each gradient has memory of its own.
            results.append(gradients[place].clone() if place in places[:i] else gradients[place])
    return tuple(results)


def _validate_options(
    only_inputs: bool, allow_unused: bool | None, is_grads_batched: bool, materialize_grads: bool
) -> None:
    """Raise ValueError where options of `grad` are left out or contradict each other; warn of one that is ignored."""
    if is_grads_batched:
        raise ValueError("is_grads_batched=True is left out: call grad() for each row, or use functional.jacobian")
    if not only_inputs:
        warn("only_inputs=False is deprecated and ignored: backward() collects gradients of all leaves", FutureWarning)
    if materialize_grads and allow_unused is False:
        raise ValueError("materialize_grads=True returns zeros for unused inputs: leave allow_unused=False out")


def _validate_used(inputs: Sequence[Tensor], places: Sequence[Place], arrived: Mapping[Place, Any]) -> None:
    """Raise RuntimeError if no gradient has arrived at the place of an input."""
    for i, (x, place) in enumerate(zip(inputs, places, strict=True)):
        if place not in arrived:
            raise RuntimeError(
                f"inputs[{i}], of shape {x.shape}, was not used to compute the outputs, so it has no gradient: "
                "pass allow_unused=True for None in its place, or materialize_grads=True for zeros"
            )


def _as_tensor(gradient: Any) -> Tensor:
    """The Tensor of a gradient that a walk returned: an array, a Tensor, or a Product, which is multiplied out."""
    if isinstance(gradient, Product):
        factors = [gradient.left, gradient.right]
        for i, factor in enumerate(factors):
            if isinstance(factor, np.ndarray):
                factors[i] = Tensor._of(factor)
                observer().made(factors[i])
        with no_grad():
            gradient = matmul(*factors)
    return gradient if isinstance(gradient, Tensor) else Tensor._of(gradient)
