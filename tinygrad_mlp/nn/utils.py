"""Functions that limit the size of gradients before an optimizer uses them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.mode import no_grad
from ..tensors.observer import observer
from ..tensors.refusals import number, several
from ..tensors.tensor import Tensor

__all__ = ["clip_grad_norm_", "clip_grad_value_"]


def _gradients(parameters: Iterable[Tensor] | Tensor) -> list[Tensor]:
    return [parameter.grad for parameter in several(parameters, "parameters") if parameter.grad is not None]


@no_grad()
def clip_grad_norm_(
    parameters: Iterable[Tensor] | Tensor, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Multiply all gradients by one factor, so that the norm of all together is at most `max_norm`.

    The norm is that of one vector of the entries of all gradients (Pascanu et al. 2013).

    Args:
        parameters: the Tensors that have the gradients. A Tensor without a gradient is left out.
        max_norm: the largest norm allowed.
        norm_type: the p of the p-norm; may be ``math.inf``.
        error_if_nonfinite: raise an error if the norm is NaN or infinite, instead of scaling by it.

    Returns:
        The norm before the scaling.

    Raises:
        ValueError: `max_norm` is negative, or `norm_type` not positive.
        RuntimeError: `error_if_nonfinite`, and the norm is not finite. No gradient has been changed then.
    """
    number(max_norm, "max_norm is a number ≥ 0", lambda norm: norm >= 0)
    number(norm_type, "norm_type is a number > 0, such as 2 or math.inf", lambda p: p > 0)
    gradients = _gradients(parameters)
    if not gradients:
        return Tensor(0.0)
    norm, scale = Tensor._of(observer().repeat(_norm_and_scale, gradients, norm_type, max_norm))
    if error_if_nonfinite:
        observer().perform(_validate_finite, norm)
    for gradient in gradients:
        gradient.mul_(scale.to(gradient.dtype))
    return norm.to(gradients[0].dtype)


def _norm_and_scale(gradients: list[Tensor], norm_type: float, max_norm: float) -> NDArray[Any]:
    """The norm of all gradients together, and the factor to multiply them by.

    This computes with NumPy, because functions of Tensors take ten times as long here.
    """
    norms = [np.linalg.norm(gradient._data.ravel(), norm_type) for gradient in gradients]
    norm = float(np.linalg.norm(norms, norm_type))
    # PyTorch also adds 1e-6, against a division by 0. min() returns NaN only if NaN is its first argument.
    return np.array([norm, min(max_norm / (norm + 1e-6), 1.0)])


def _validate_finite(norm: Tensor) -> None:
    if not np.isfinite(norm._data):
        raise RuntimeError(f"the gradients have norm {norm.item()}, and cannot be scaled to a finite one")


@no_grad()
def clip_grad_value_(parameters: Iterable[Tensor] | Tensor, clip_value: float) -> None:
    """Limit every entry of every gradient to the range from −`clip_value` to `clip_value`.

    Raises:
        ValueError: `clip_value` is negative.
    """
    number(clip_value, "clip_value is a number ≥ 0", lambda value: value >= 0)
    for gradient in _gradients(parameters):
        gradient.copy_(gradient.clamp(-clip_value, clip_value))
