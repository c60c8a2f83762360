"""Functions that limit the size of gradients before an optimizer uses them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...autograd.grad_mode import no_grad
from ...tensors.arguments import array_of
from ...tensors.creation import tensor, zeros
from ...tensors.observer import observer
from ...tensors.refusals import number, several
from ...tensors.tensor import Tensor

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]


def _gradients(parameters: Iterable[Tensor] | Tensor) -> list[Tensor]:
    return [parameter.grad for parameter in several(parameters, "parameters") if parameter.grad is not None]


@no_grad()
def _validated_order(norm_type: float | str) -> float:
    """The order of a norm as a number. Raises ValueError unless it is positive."""
    order = math.inf if norm_type == "inf" else norm_type  # which PyTorch takes, too
    number(order, "norm_type is a number > 0, such as 2 or math.inf", lambda p: p > 0)
    return order  # type: ignore[return-value]


def get_total_norm(
    tensors: Iterable[Tensor] | Tensor,
    norm_type: float | str = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of one vector of the entries of all `tensors`. `foreach` changes nothing.

    Args:
        tensors: such as the gradients of a network. Without any, the norm is 0.
        norm_type: the p of the p-norm; may be ``math.inf``.
        error_if_nonfinite: raise an error if the norm is NaN or infinite.

    Raises:
        ValueError: `norm_type` is not positive.
        RuntimeError: `error_if_nonfinite`, and the norm is not finite.
    """
    norm_type = _validated_order(norm_type)
    given = list(several(tensors, "tensors"))
    if not given:
        return zeros(())
    norm = Tensor._of(observer().repeat(_norm, given, norm_type))
    if error_if_nonfinite:
        observer().perform(_validate_finite, norm)
    return norm.to(given[0].dtype)


@no_grad()
def clip_grads_with_norm_(
    parameters: Iterable[Tensor] | Tensor, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Multiply all gradients by ``max_norm / total_norm``, if that is less than 1. `foreach` changes nothing.

    Args:
        parameters: the Tensors that have the gradients. A Tensor without a gradient is left out.
        max_norm: the largest norm allowed.
        total_norm: the norm of all gradients together, as `get_total_norm` returns it; or of more than these.

    Raises:
        ValueError: `max_norm` is negative.
    """
    number(max_norm, "max_norm is a number ≥ 0", lambda norm: norm >= 0)
    gradients = _gradients(parameters)
    if gradients:
        norm = total_norm if isinstance(total_norm, Tensor) else tensor(total_norm)
        _scale(gradients, Tensor._of(observer().repeat(_factor, norm, max_norm)))


@no_grad()
def clip_grad_norm_(
    parameters: Iterable[Tensor] | Tensor,
    max_norm: float,
    norm_type: float | str = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Multiply all gradients by one factor, so that the norm of all together is at most `max_norm`.

    The norm is that of one vector of the entries of all gradients (Pascanu et al. 2013).

    Args:
        parameters: the Tensors that have the gradients. A Tensor without a gradient is left out.
        max_norm: the largest norm allowed.
        norm_type: the p of the p-norm; may be ``math.inf``.
        error_if_nonfinite: raise an error if the norm is NaN or infinite, instead of scaling by it.
        foreach: PyTorch's choice of a way to compute, which changes nothing.

    Returns:
        The norm before the scaling.

    Raises:
        ValueError: `max_norm` is negative, or `norm_type` not positive.
        RuntimeError: `error_if_nonfinite`, and the norm is not finite. No gradient has been changed then.
    """
    number(max_norm, "max_norm is a number ≥ 0", lambda norm: norm >= 0)
    norm_type = _validated_order(norm_type)
    gradients = _gradients(parameters)
    if not gradients:
        return zeros(())
    norm, scale = Tensor._of(observer().repeat(_norm_and_factor, gradients, norm_type, max_norm))
    if error_if_nonfinite:
        observer().perform(_validate_finite, norm)
    _scale(gradients, scale)
    return norm.to(gradients[0].dtype)


def clip_grad_norm(
    parameters: Iterable[Tensor] | Tensor,
    max_norm: float,
    norm_type: float | str = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """`clip_grad_norm_` under the name that it had before.

    Warns:
        FutureWarning: in each call, as in PyTorch.
    """
    warnings.warn("clip_grad_norm is deprecated, as in PyTorch: write clip_grad_norm_", FutureWarning, stacklevel=2)
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


# These compute with NumPy, because functions of Tensors take ten times as long here.


def _norm(tensors: list[Tensor], norm_type: float) -> NDArray[Any]:
    """The norm of all entries together."""
    norms = [np.linalg.norm(tensor._data.ravel(), norm_type) for tensor in tensors]
    return np.asarray(np.linalg.norm(norms, norm_type), np.float64)


def _factor(norm: Any, max_norm: float) -> NDArray[Any]:
    """The factor to multiply gradients of this norm by."""
    # PyTorch also adds 1e-6, against a division by 0. min() returns NaN only if NaN is its first argument.
    return np.array(min(max_norm / (float(array_of(norm)) + 1e-6), 1.0))


def _norm_and_factor(gradients: list[Tensor], norm_type: float, max_norm: float) -> NDArray[Any]:
    norm = _norm(gradients, norm_type)
    return np.array([norm, _factor(norm, max_norm)])


def _scale(gradients: list[Tensor], factor: Tensor) -> None:
    for gradient in gradients:
        gradient.mul_(factor.to(gradient.dtype))


def _validate_finite(norm: Tensor) -> None:
    if not np.isfinite(norm._data):
        raise RuntimeError(f"the gradients have norm {norm.item()}, and cannot be scaled to a finite one")


@no_grad()
def clip_grad_value_(parameters: Iterable[Tensor] | Tensor, clip_value: float, foreach: bool | None = None) -> None:
    """Limit every entry of every gradient to the range from −`clip_value` to `clip_value`. `foreach` changes nothing.

    Raises:
        ValueError: `clip_value` is negative.
    """
    number(clip_value, "clip_value is a number ≥ 0", lambda value: value >= 0)
    for gradient in _gradients(parameters):
        gradient.copy_(gradient.clamp(-clip_value, clip_value))
