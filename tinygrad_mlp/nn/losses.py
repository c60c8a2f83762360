"""The losses as modules: each holds the options of its function in `tinygrad_mlp.nn.functional`."""

from __future__ import annotations

from typing import Any

from ..tensors.creation import as_tensor
from ..tensors.tensor import Tensor
from . import functional as F
from . import loss_functions
from .module import Module, where_called

__all__ = ["BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "HuberLoss", "L1Loss", "MSELoss", "NLLLoss"]


class _Loss(Module):
    def __init__(self, reduction: str, **weights: Any) -> None:
        loss_functions.check_reduction(reduction)
        self.reduction = reduction
        for name, weight in weights.items():
            self.register_buffer(name, None if weight is None else as_tensor(weight))

    def forward(self, input: Tensor, target: Any) -> Tensor:
        try:
            return self._loss(input, target)
        except ValueError as error:
            raise ValueError(f"{where_called(self)}: {error}") from None

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        raise NotImplementedError

    def extra_repr(self) -> str:
        return f"reduction={self.reduction!r}"


class L1Loss(_Loss):
    """|input − target|, averaged over all entries, summed, or elementwise."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.l1_loss(input, target, self.reduction)


class MSELoss(_Loss):
    """(input − target)², averaged over all entries, summed, or elementwise."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.mse_loss(input, target, self.reduction)


class HuberLoss(_Loss):
    """Half the square of errors up to `delta`, and linear beyond."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        loss_functions.check_delta(delta)
        self.delta = delta

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.huber_loss(input, target, self.reduction, self.delta)


class BCELoss(_Loss):
    """−y ln a − (1 − y) ln(1 − a) of probabilities a."""

    weight: Tensor | None

    def __init__(self, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(reduction, weight=weight)

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(_Loss):
    """`BCELoss` of σ(z), exact for logits z of any size."""

    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(self, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(reduction, weight=weight, pos_weight=pos_weight)

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)


class NLLLoss(_Loss):
    """−log-probability of the target class."""

    weight: Tensor | None

    def __init__(self, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(reduction, weight=weight)
        self.ignore_index = ignore_index

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class CrossEntropyLoss(_Loss):
    """−ln softmax(z) at the target class, or averaged under target probabilities."""

    weight: Tensor | None

    def __init__(
        self, weight: Any = None, ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0
    ) -> None:
        super().__init__(reduction, weight=weight)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.cross_entropy(input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)
