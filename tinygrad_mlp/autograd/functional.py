"""Derivatives of functions: whole Jacobians and Hessians, and their products with vectors, under PyTorch's names.

All of it is `grad`. A walk gives vᵀJ; recording the walk and walking back from its result, which is linear in v, gives
J v; a walk through a recorded gradient gives products with the Hessian.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.mode import enable_grad
from ..tensors.tensor import Tensor
from .gradients import grad, several

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Function = Callable[..., Any]
Tensors = tuple[Tensor, ...]


# --- arguments and results: a Tensor stays a Tensor, a tuple a tuple --------------------------------------------------


def _like(model: Any, results: tuple[Any, ...]) -> Any:
    return results if isinstance(model, tuple | list) else results[0]


def _variables(inputs: Any, create_graph: bool) -> Tensors:
    """The inputs as Tensors to differentiate for: still part of their own graph only where that is asked for."""
    return tuple(
        x.clone() if create_graph and x.requires_grad else x.detach().requires_grad_()
        for x in several(inputs, "inputs")
    )


def _vectors(v: Any, like: Any, name: str, of: str) -> Tensors:
    """The cotangents or tangents `v`, checked to be shaped like the Tensors `like`; ones for None and one entry."""
    models = several(like, of)
    if v is None:
        if len(models) != 1 or models[0].numel() != 1:
            raise RuntimeError(f"{name}() needs v, shaped like the {of}, unless that is one Tensor of one entry")
        return (Tensor._of(np.ones_like(models[0]._data)),)
    vectors = several(v, "v")
    if [vector.shape for vector in vectors] != [model.shape for model in models]:
        raise RuntimeError(
            f"{name}(): v has shapes {[vector.shape for vector in vectors]}, but the {of} has "
            f"{[model.shape for model in models]}"
        )
    return vectors


def _finished(results: Tensors, create_graph: bool) -> Tensors:
    return results if create_graph else tuple(result.detach() for result in results)


def _pulled_back(outputs: Tensors, inputs: Tensors, vectors: Tensors, create_graph: bool, strict: bool) -> Tensors:
    """Σ vᵀ ∂output/∂input for each input; the graph of the outputs is kept."""
    pairs = [(output, v) for output, v in zip(outputs, vectors, strict=True) if output.requires_grad]
    if strict and len(pairs) < len(outputs):
        raise RuntimeError("an output does not depend on any input, which strict=True refuses")
    products: tuple[Any, ...] = (None,) * len(inputs)
    if pairs:
        starts, cotangents = zip(*pairs, strict=True)
        products = grad(starts, inputs, cotangents, retain_graph=True, create_graph=create_graph, allow_unused=True)
    unused = [i for i, product in enumerate(products) if product is None]
    if strict and unused:
        raise RuntimeError(f"no output depends on input {unused[0]}, which strict=True refuses")
    return tuple(
        Tensor._of(np.zeros_like(x._data)) if product is None else product
        for x, product in zip(inputs, products, strict=True)
    )


def _gradient(func: Function, variables: Tensors, name: str, strict: bool) -> tuple[Tensor, Tensors]:
    """The output of a function of one entry, and its gradient, which can be differentiated."""
    output = func(*variables)
    if not isinstance(output, Tensor) or output.numel() != 1:
        given = f"a Tensor of shape {output.shape}" if isinstance(output, Tensor) else type(output).__name__
        raise RuntimeError(f"{name}() differentiates a function that returns one entry, not {given}: .sum() it")
    return output, _pulled_back((output,), variables, (Tensor._of(np.ones_like(output._data)),), True, strict)


# --- the six ----------------------------------------------------------------------------------------------------------


def jacobian(func: Function, inputs: Any, create_graph: bool = False, strict: bool = False) -> Any:
    """∂outputs/∂inputs, of shape (*output.shape, *input.shape), by one walk for each entry of the outputs.

    Args:
        func: a function of the Tensors `inputs` that returns a Tensor or a tuple of Tensors.
        inputs: a Tensor or a tuple of Tensors.
        create_graph: make the result differentiable.
        strict: raise where an output does not depend on an input, instead of returning zeros.

    Returns:
        A Tensor; a tuple of them where `inputs` or the outputs are a tuple; where both are, a tuple of tuples, of
        which the first belongs to the first output.

    Raises:
        RuntimeError: `strict`, and an output does not depend on an input.
        TypeError: an input or an output is no Tensor.

    >>> import tinygrad_mlp as tg
    >>> jacobian(lambda x: x * x, tg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    with enable_grad():
        variables = _variables(inputs, create_graph)
        outputs = func(*variables)
        blocks = tuple(
            _like(inputs, _rows(output, variables, create_graph, strict)) for output in several(outputs, "the outputs")
        )
    return _like(outputs, blocks)


def _rows(output: Tensor, variables: Tensors, create_graph: bool, strict: bool) -> Tensors:
    """The Jacobian of one output in each variable, made of a walk from each of its entries."""
    unit_vectors = np.eye(output.numel(), dtype=output.dtype).reshape(output.numel(), *output.shape)
    rows = [_pulled_back((output,), variables, (Tensor._of(v),), create_graph, strict) for v in unit_vectors]
    if not rows:
        return tuple(Tensor._of(np.zeros(output.shape + x.shape, x.dtype)) for x in variables)
    stacked: list[Any] = [np.stack(of_one) for of_one in zip(*rows, strict=True)]
    return tuple(block.reshape(output.shape + x.shape) for block, x in zip(stacked, variables, strict=True))


def hessian(func: Function, inputs: Any, create_graph: bool = False, strict: bool = False) -> Any:
    """∂²output/∂inputs², the Jacobian of the gradient of a `func` of one entry; arguments as of `jacobian`.

    Returns:
        A Tensor of shape (*input.shape, *input.shape); for a tuple of inputs, a tuple of tuples of them.

    Raises:
        RuntimeError: `func` returns more entries than one; and as `jacobian`.

    >>> import tinygrad_mlp as tg
    >>> hessian(lambda x: (x**3).sum(), tg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """

    def gradient(*variables: Tensor) -> Any:
        return _like(inputs, _gradient(func, variables, "hessian", strict)[1])

    return jacobian(gradient, inputs, create_graph, strict)


def vjp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """The outputs of `func`, and vᵀJ, shaped like the inputs; `v` is shaped like the outputs.

    Raises:
        RuntimeError: `v` has other shapes, or is missing while the output has several entries; and as `jacobian`.

    >>> import tinygrad_mlp as tg
    >>> vjp(lambda x: x * x, tg.tensor([1.0, 2.0]), tg.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    with enable_grad():
        variables = _variables(inputs, create_graph)
        outputs = func(*variables)
        vectors = _vectors(v, outputs, "vjp", "output")
        listed = several(outputs, "the outputs")
        product = _pulled_back(listed, variables, vectors, create_graph, strict)
    return _like(outputs, _finished(listed, create_graph)), _like(inputs, _finished(product, create_graph))


def jvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """The outputs of `func`, and J v, shaped like the outputs; `v` is shaped like the inputs.

    Raises:
        RuntimeError: `v` has other shapes, or is missing while the input has several entries; and as `jacobian`.

    >>> import tinygrad_mlp as tg
    >>> jvp(lambda x: x * x, tg.tensor([1.0, 2.0]), tg.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    vectors = _vectors(v, inputs, "jvp", "input")
    with enable_grad():
        variables = _variables(inputs, create_graph)
        outputs = func(*variables)
        listed = several(outputs, "the outputs")
        # wᵀJ is linear in w, whatever w is; its derivative in w along v is J v.
        w = tuple(Tensor._of(np.zeros_like(output._data)).requires_grad_() for output in listed)
        linear = _pulled_back(listed, variables, w, True, strict)
        product = _pulled_back(linear, w, vectors, create_graph, False)
    return _like(outputs, _finished(listed, create_graph)), _like(outputs, _finished(product, create_graph))


def vhp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """The output of a `func` of one entry, and vᵀH for its Hessian H; `v` and the product are shaped like the inputs.

    Raises:
        RuntimeError: `func` returns more entries than one, or `v` has other shapes or is missing; and as `jacobian`.

    >>> import tinygrad_mlp as tg
    >>> vhp(lambda x: (x**3).sum(), tg.tensor([1.0, 2.0]), tg.tensor([1.0, 10.0]))
    (tensor(9.), tensor([  6., 120.]))
    """
    vectors = _vectors(v, inputs, "vhp", "input")
    with enable_grad():
        variables = _variables(inputs, create_graph)
        output, gradient = _gradient(func, variables, "vhp", strict)
        product = _pulled_back(gradient, variables, vectors, create_graph, strict)
    return _finished((output,), create_graph)[0], _like(inputs, _finished(product, create_graph))


def hvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """The output of a `func` of one entry, and H v: `vhp`, because Hessians are symmetric, without PyTorch's detour."""
    return vhp(func, inputs, v, create_graph, strict)
