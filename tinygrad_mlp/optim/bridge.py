"""Trains a model by the methods of `scipy.optimize.minimize`, with exact gradients and Hessian-vector products."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..autograd.gradients import grad
from ..tensors.creation import tensor
from ..tensors.refusals import instead_of, several, shown
from ..tensors.tensor import Tensor
from .flat import flattened, write_flat

__all__ = ["minimize"]

Array = NDArray[Any]

_WITH_PRODUCTS = {"newton-cg", "trust-ncg", "trust-krylov", "trust-constr"}


def minimize(
    closure: Callable[[], Tensor], params: Iterable[Tensor], method: str = "L-BFGS-B", **arguments: Any
) -> Any:
    """Minimize a loss by a method of `scipy.optimize.minimize`, and set the parameters to the minimum it finds.

    The gradients are exact, and so are the Hessian-vector products for Newton-CG, trust-ncg, trust-krylov and
    trust-constr. SciPy computes in float64; parameters of float32 round its steps, so that a search ends earlier.

    Args:
        closure: computes the loss from `params` and returns it, without calling ``backward()``.
        params: the Tensors to change.
        method: the name of the method in SciPy.
        arguments: further arguments of SciPy's: ``tol``, ``options``, ``callback``, ``bounds``, ``constraints``.

    Returns:
        SciPy's `OptimizeResult`. Its ``x`` is one vector of the entries of all parameters.

    Raises:
        TypeError: a parameter is not a leaf that requires a gradient, or the loss is not a Tensor.
        ValueError: there are no parameters, or the loss has more than one entry.

    >>> from tinygrad_mlp import optim, tensor
    >>> x = tensor([-1.0, 2.0], requires_grad=True)
    >>> result = optim.minimize(lambda: ((x - 3) ** 2).sum(), [x], method="trust-ncg")
    >>> x
    tensor([3., 3.], requires_grad=True)
    """
    from scipy.optimize import minimize

    parameters = list(several(params, "params"))
    _validate_parameters(parameters)

    def derivatives(vector: Array, create_graph: bool) -> tuple[float, tuple[Any, ...]]:
        """The loss, and its gradient with respect to each parameter, where `vector` has the parameters' entries."""
        write_flat(parameters, vector)
        loss = closure()
        _validate_loss(loss)
        return loss.item(), grad(loss, parameters, create_graph=create_graph, materialize_grads=True)

    def loss_and_gradient(vector: Array) -> tuple[float, Array]:
        loss, gradients = derivatives(vector, create_graph=False)
        return loss, flattened(gradient._data for gradient in gradients).astype(np.float64)

    def hessian_product(vector: Array, direction: Array) -> Array:
        # The product of the Hessian with a direction is the gradient of ⟨gradient, direction⟩.
        _, gradients = derivatives(vector, create_graph=True)
        slope = (np.concatenate([gradient.reshape(-1) for gradient in gradients]) * tensor(direction)).sum()
        products = grad(slope, parameters, materialize_grads=True)
        return flattened(product._data for product in products).astype(np.float64)

    start = flattened(parameter._data for parameter in parameters)
    if method.lower() in _WITH_PRODUCTS:
        arguments = {"hessp": hessian_product, **arguments}
    try:
        result = minimize(loss_and_gradient, start.astype(np.float64), method=method, jac=True, **arguments)
    except BaseException:
        write_flat(parameters, start)  # else the parameters would be those of some trial
        raise
    write_flat(parameters, result.x)
    return result


def _validate_parameters(parameters: list[Any]) -> None:
    if not parameters:
        raise ValueError("there are no parameters to change: pass net.parameters() of a module that has some")
    for parameter in parameters:
        if not parameter.is_leaf or not parameter.requires_grad:
            raise TypeError(f"minimize changes leaf Tensors that require a gradient, not {shown(parameter)}")


def _validate_loss(loss: Any) -> None:
    if not isinstance(loss, Tensor):
        raise TypeError(f"the closure returns the loss as a Tensor, not {shown(loss)}{instead_of(loss)}")
    if loss.numel() != 1:
        raise ValueError(f"the closure returns a scalar loss, not one of shape {loss.shape}: take its sum or mean")
