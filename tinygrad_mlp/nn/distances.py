"""Distances and angles between vectors, as modules: each holds the options of its function in `nn.functional`."""

from __future__ import annotations

from typing import Any

from ..tensors.refusals import validate_number
from ..tensors.tensor import Tensor
from . import functional as F
from .function_module import FunctionModule, of_options

__all__ = ["CosineSimilarity", "PairwiseDistance"]


@of_options
class CosineSimilarity(FunctionModule):
    """The cosine of the angle between two Tensors along `dim`. A norm that is smaller than `eps` counts as `eps`.

    Raises:
        ValueError: `eps` is no number.
    """

    dim: int = 1
    eps: float = 1e-8

    def __post_init__(self) -> None:
        validate_number("CosineSimilarity: eps", self.eps)

    def forward(self, x1: Tensor, x2: Any) -> Tensor:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)


@of_options
class PairwiseDistance(FunctionModule):
    """The norm of order `p` of x1 − x2 + `eps` along the last dimension.

    Raises:
        ValueError: `eps` is no number.
    """

    p: float = 2.0
    eps: float = 1e-6
    keepdim: bool = False

    def __post_init__(self) -> None:
        validate_number("PairwiseDistance: eps", self.eps)

    def forward(self, x1: Tensor, x2: Any) -> Tensor:
        return F.pairwise_distance(x1, x2, self.p, self.eps, self.keepdim)
