"""Gradients cut down before an optimizer uses them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .._tensor import Tensor
from ..autograd import no_grad

__all__ = ["clip_grad_norm_", "clip_grad_value_"]


def _gradients(parameters: Iterable[Tensor] | Tensor) -> list[Tensor]:
    parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


@no_grad()
def clip_grad_norm_(
    parameters: Iterable[Tensor] | Tensor, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients together so that their norm, as of one vector, is at most `max_norm` (Pascanu et al. 2013).

    Args:
        parameters: what has the gradients; those without are left out.
        max_norm: the largest norm allowed.
        norm_type: the p of the p-norm; may be ``math.inf``.
        error_if_nonfinite: raise if the norm is NaN or infinite, instead of scaling by it.

    Returns:
        The norm that they had.

    Raises:
        ValueError: `max_norm` is negative, or `norm_type` not positive.
        RuntimeError: the norm is not finite and `error_if_nonfinite` is given; nothing has been changed then.
    """
    if not max_norm >= 0:
        raise ValueError(f"max_norm is a number ≥ 0, not {max_norm}")
    if not norm_type > 0:
        raise ValueError(f"norm_type is a number > 0, not {norm_type}: 2, or math.inf")
    gradients = _gradients(parameters)
    norms = [np.linalg.norm(gradient._data.ravel(), norm_type) for gradient in gradients]
    norm = float(np.linalg.norm(norms, norm_type)) if norms else 0.0
    if error_if_nonfinite and not np.isfinite(norm):
        raise RuntimeError(f"the gradients have norm {norm}, and cannot be scaled to a finite one")
    # The 1e-6, as in PyTorch, keeps a norm of 0 from dividing; a NaN passes through min() on this side only.
    scale = min(max_norm / (norm + 1e-6), 1.0)
    for gradient in gradients:
        gradient.mul_(scale)
    return Tensor(norm, dtype=gradients[0].dtype if gradients else None)


@no_grad()
def clip_grad_value_(parameters: Iterable[Tensor] | Tensor, clip_value: float) -> None:
    """Cut every entry of every gradient to [−clip_value, clip_value].

    Raises:
        ValueError: `clip_value` is negative.
    """
    if not clip_value >= 0:
        raise ValueError(f"clip_value is a number ≥ 0, not {clip_value}")
    for gradient in _gradients(parameters):
        gradient.copy_(np.clip(gradient._data, -clip_value, clip_value))
