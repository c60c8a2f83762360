"""Derivatives of functions: whole Jacobians and Hessians, and their products with vectors, under PyTorch's names.

All of them call `grad`, which makes backward passes. One pass gives vᵀJ. If this pass is recorded, its result is a
linear function of v, and a second pass through that function gives J v. A pass through a recorded gradient gives a
product with the Hessian.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._left_out import explain_in
from ..tensors.refusals import several, shown
from ..tensors.tensor import Tensor
from .grad_mode import enable_grad
from .gradients import grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Function = Callable[..., Any]
Tensors = tuple[Tensor, ...]


# --- arguments and results --------------------------------------------------------------------------------------------


def _like(model: Any, results: tuple[Any, ...]) -> Any:
    """The `results` as a tuple if `model` is a tuple or list; else the only one of them."""
    return results if isinstance(model, tuple | list) else results[0]


def _variables(inputs: Any, create_graph: bool) -> Tensors:
    """New Tensors of the inputs, to differentiate with respect to; with `create_graph` they stay part of a graph."""
    return tuple(
        x.clone() if create_graph and x.requires_grad else x.detach().requires_grad_()
        for x in several(inputs, "inputs")
    )


def _vectors(v: Any, like: Any, name: str, of: str) -> Tensors:
    """The vectors `v` as a tuple of Tensors, one for each Tensor of `like`.

    If `v` is None and `like` is one Tensor of one entry, the vector is 1.

    Raises:
        RuntimeError: a vector does not have the shape of its Tensor. `name` and `of` are for this message.
    """
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


def _detached(results: Tensors, create_graph: bool) -> Tensors:
    """The `results` outside the graph, unless `create_graph`."""
    return results if create_graph else tuple(result.detach() for result in results)


def _vector_jacobian(outputs: Tensors, inputs: Tensors, vectors: Tensors, create_graph: bool, strict: bool) -> Tensors:
    """For each input the sum of vᵀ ∂output/∂input over the outputs and their `vectors` v. The graph is kept.

    Raises:
        RuntimeError: `strict`, and an output depends on no input or no output depends on an input.
    """
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
    """The output of `func`, which has one entry, and its gradient, which can itself be differentiated.

    Raises:
        RuntimeError: `func` does not return a Tensor of one entry; or `strict`, and the output does not depend on a
            variable. `name` is what the first message calls the caller.
    """
    output = func(*variables)
    if not isinstance(output, Tensor) or output.numel() != 1:
        given = f"a Tensor of shape {output.shape}" if isinstance(output, Tensor) else type(output).__name__
        raise RuntimeError(f"{name}() differentiates a function that returns one entry, not {given}: .sum() it")
    return output, _vector_jacobian((output,), variables, (Tensor._of(np.ones_like(output._data)),), True, strict)


# --- the derivatives --------------------------------------------------------------------------------------------------


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """∂outputs/∂inputs, of shape (*output.shape, *input.shape), by one backward pass for each entry of the outputs.

    Args:
        func: a function of the Tensors `inputs` that returns a Tensor or a tuple of Tensors.
        inputs: a Tensor or a tuple of Tensors.
        create_graph: make the result differentiable.
        strict: raise where an output does not depend on an input, instead of returning zeros.
        vectorize, strategy: PyTorch's choices of a way to compute, "reverse-mode" or "forward-mode", which change
            nothing: there is one way.

    Returns:
        A Tensor if there is one input and one output. A tuple of Tensors if either is a tuple. If both are, a tuple
        of tuples: entry [i][j] is the derivative of output i with respect to input j.

    Raises:
        RuntimeError: `strict`, and an output does not depend on an input.
        TypeError: an input or an output is no Tensor.
        ValueError: `strategy` is unknown.

    >>> import tinygrad_mlp as tg
    >>> tg.autograd.functional.jacobian(lambda x: x * x, tg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(f"a strategy is 'reverse-mode' or 'forward-mode', not {shown(strategy)}")
    with enable_grad():
        variables = _variables(inputs, create_graph)
        outputs = func(*variables)
        blocks = tuple(
            _like(inputs, rows(output, variables, create_graph, strict)) for output in several(outputs, "the outputs")
        )
    return _like(outputs, blocks)


def rows(output: Tensor, variables: Tensors, create_graph: bool, strict: bool) -> Tensors:
    """The Jacobian of one output with respect to each variable, by one backward pass for each entry of the output."""
    unit_vectors = np.eye(output.numel(), dtype=output.dtype).reshape(output.numel(), *output.shape)
    rows = [_vector_jacobian((output,), variables, (Tensor._of(v),), create_graph, strict) for v in unit_vectors]
    if not rows:
        return tuple(Tensor._of(np.zeros(output.shape + x.shape, x.dtype)) for x in variables)
    stacked: list[Any] = [np.stack(of_one) for of_one in zip(*rows, strict=True)]
    return tuple(block.reshape(output.shape + x.shape) for block, x in zip(stacked, variables, strict=True))


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """∂²output/∂inputs², which is the Jacobian of the gradient, for a `func` that returns one entry.

    The arguments are those of `jacobian`, whose `strategy` is called `outer_jacobian_strategy` here.

    Returns:
        A Tensor of shape (*input.shape, *input.shape); for a tuple of inputs, a tuple of tuples of them.

    Raises:
        RuntimeError: `func` returns more than one entry; and as `jacobian`.

    >>> import tinygrad_mlp as tg
    >>> tg.autograd.functional.hessian(lambda x: (x**3).sum(), tg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """

    def gradient(*variables: Tensor) -> Any:
        return _like(inputs, _gradient(func, variables, "hessian", strict)[1])

    return jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


def vjp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """The outputs of `func`, and vᵀJ for its Jacobian J: `v` has the shape of the outputs, vᵀJ that of the inputs.

    Raises:
        RuntimeError: `v` has other shapes, or is missing while the output has several entries; and as `jacobian`.

    >>> import tinygrad_mlp as tg
    >>> tg.autograd.functional.vjp(lambda x: x * x, tg.tensor([1.0, 2.0]), tg.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    with enable_grad():
        variables = _variables(inputs, create_graph)
        outputs = func(*variables)
        vectors = _vectors(v, outputs, "vjp", "output")
        listed = several(outputs, "the outputs")
        product = _vector_jacobian(listed, variables, vectors, create_graph, strict)
    return _like(outputs, _detached(listed, create_graph)), _like(inputs, _detached(product, create_graph))


def jvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """The outputs of `func`, and J v for its Jacobian J: `v` has the shape of the inputs, J v that of the outputs.

    Raises:
        RuntimeError: `v` has other shapes, or is missing while the input has several entries; and as `jacobian`.

    >>> import tinygrad_mlp as tg
    >>> tg.autograd.functional.jvp(lambda x: x * x, tg.tensor([1.0, 2.0]), tg.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    vectors = _vectors(v, inputs, "jvp", "input")
    with enable_grad():
        variables = _variables(inputs, create_graph)
        outputs = func(*variables)
        listed = several(outputs, "the outputs")
        # wᵀJ is linear in w, so its derivative with respect to w is the same for all w: take w = 0. Along v it is J v.
        w = tuple(Tensor._of(np.zeros_like(output._data)).requires_grad_() for output in listed)
        linear = _vector_jacobian(listed, variables, w, True, strict)
        product = _vector_jacobian(linear, w, vectors, create_graph, False)
    return _like(outputs, _detached(listed, create_graph)), _like(outputs, _detached(product, create_graph))


def vhp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """The output of `func`, which has one entry, and vᵀH for its Hessian H: `v` and vᵀH have the shape of the inputs.

    Raises:
        RuntimeError: `func` returns more than one entry, or `v` has other shapes or is missing; and as `jacobian`.

    >>> import tinygrad_mlp as tg
    >>> tg.autograd.functional.vhp(lambda x: (x**3).sum(), tg.tensor([1.0, 2.0]), tg.tensor([1.0, 10.0]))
    (tensor(9.), tensor([  6., 120.]))
    """
    vectors = _vectors(v, inputs, "vhp", "input")
    with enable_grad():
        variables = _variables(inputs, create_graph)
        output, gradient = _gradient(func, variables, "vhp", strict)
        product = _vector_jacobian(gradient, variables, vectors, create_graph, strict)
    return _detached((output,), create_graph)[0], _like(inputs, _detached(product, create_graph))


def hvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """The output of `func`, which has one entry, and H v for its Hessian H. It is `vhp`, because H is symmetric."""
    return vhp(func, inputs, v, create_graph, strict)


explain_in(globals())
