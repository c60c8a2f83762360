"""Distances and angles between vectors, as functions under PyTorch's names: users find them in `nn.functional`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensors.arguments import Dim, common_shape, refusing_names
from ..tensors.creation import as_floating, as_operand
from ..tensors.refusals import validate_number
from ..tensors.tensor import Tensor

__all__ = ["cosine_similarity", "normalize", "pairwise_distance"]


def raised(x: Tensor, least: float) -> Tensor:
    """x, or `least` where x is below it, with the gradient of x everywhere."""
    return x + (x.clamp(min=least) - x).detach()


@refusing_names
def normalize(input: Tensor, p: float = 2.0, dim: Dim = 1, eps: float = 1e-12) -> Tensor:
    """`input` divided by its norm of order `p` along `dim`, or by `eps` where the norm is smaller.

    Raises:
        TypeError: the input holds integers.
        ValueError: `p` or `eps` is no number.
    """
    validate_number("normalize: eps", eps)
    input = as_operand(input)
    return input / input.norm(p, dim, keepdim=True).clamp(min=eps)


def pairwise_distance(x1: Tensor, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The norm of order `p` of x1 − x2 + `eps` along the last dimension. Both are broadcast to each other.

    Raises:
        ValueError: `p` or `eps` is no number.
    """
    validate_number("pairwise_distance: eps", eps)
    return (as_floating(x1) - as_operand(x2) + eps).norm(p, -1, keepdim)


def cosine_similarity(x1: Tensor, x2: Any, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between `x1` and `x2` along `dim`. Both are broadcast to each other.

    The cosine is the product of the two, divided by their norms. A norm below `eps` counts as `eps`, but the gradient
    is that of the norm itself.

    Raises:
        ValueError: `eps` is no number, or the shapes do not fit.
    """
    validate_number("cosine_similarity: eps", eps)
    x1, x2 = as_floating(x1), as_floating(x2)
    shape = common_shape("cosine_similarity", x1.shape, x2.shape)  # of which `dim` is a dimension
    units = []
    for x in (x1, x2):
        whole: Tensor = np.broadcast_to(x, shape)  # type: ignore[assignment]
        units.append(whole / raised(whole.norm(2, dim, keepdim=True), eps))
    return (units[0] * units[1]).sum(dim)
