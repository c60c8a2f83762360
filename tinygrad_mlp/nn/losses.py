"""The losses as modules: each holds the options of its function in `tinygrad_mlp.nn.functional`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from ..tensors.creation import as_tensor
from ..tensors.tensor import Tensor
from . import functional as F
from . import loss_functions
from .call_site import where_called
from .function_module import FunctionModule, of_options

__all__ = ["BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "HuberLoss", "L1Loss", "MSELoss", "NLLLoss"]


class _Loss(FunctionModule):
    """A loss. It holds weights as buffers, and its errors name the module and the line that called it."""

    _data_options = frozenset({"weight", "pos_weight"})
    reduction: str
    _loss: Callable[[Tensor, Any], Tensor]  # calls the function with the options

    def __post_init__(self) -> None:
        loss_functions.validate_reduction(self.reduction)
        for option in fields(self):
            if option.name in ("weight", "pos_weight"):
                weight = vars(self).pop(option.name)  # from the attribute that the constructor has set to a buffer
                if isinstance(weight, str):
                    raise TypeError(f"{option.name} is a Tensor or None, not {weight!r}: write reduction={weight!r}")
                self.register_buffer(option.name, None if weight is None else as_tensor(weight))

    @classmethod
    def _usage(cls) -> str:
        return f"loss = nn.{cls.__name__}(), and then loss(net(x), y)"

    def forward(self, input: Tensor, target: Any) -> Tensor:
        try:
            return self._loss(input, target)
        except ValueError as error:
            raise ValueError(f"{where_called(self)}: {error}") from None

    def extra_repr(self) -> str:
        return f"reduction={self.reduction!r}"


@of_options
class L1Loss(_Loss):
    """|input − target|, averaged over all entries, summed, or for each entry."""

    reduction: str = "mean"

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.l1_loss(input, target, self.reduction)


@of_options
class MSELoss(_Loss):
    """(input − target)², averaged over all entries, summed, or for each entry."""

    reduction: str = "mean"

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.mse_loss(input, target, self.reduction)


@of_options
class HuberLoss(_Loss):
    """e²/2 for errors e = |input − target| up to `delta`, and delta · (e − delta/2) for larger ones (Huber 1964)."""

    reduction: str = "mean"
    delta: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        loss_functions.validate_delta(self.delta)

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.huber_loss(input, target, self.reduction, self.delta)


@of_options
class BCELoss(_Loss):
    """−y ln a − (1 − y) ln(1 − a) for a probability a, the input, and its target y."""

    weight: Any = None
    reduction: str = "mean"

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.binary_cross_entropy(input, target, self.weight, self.reduction)


@of_options
class BCEWithLogitsLoss(_Loss):
    """`BCELoss` of σ(z) for logits z, the input; also exact where σ(z) is rounded to 0 or 1."""

    weight: Any = None
    reduction: str = "mean"
    pos_weight: Any = None

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)


@of_options
class NLLLoss(_Loss):
    """The negative log-probability of the target class. The input holds log-probabilities, as from `LogSoftmax`."""

    weight: Any = None
    ignore_index: int = -100
    reduction: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        loss_functions.validate_class_options("NLLLoss", self.weight, self.ignore_index)

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


@of_options
class CrossEntropyLoss(_Loss):
    """−ln softmax(z) at the target class, for logits z, the input; or its mean under target probabilities."""

    weight: Any = None
    ignore_index: int = -100
    reduction: str = "mean"
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        loss_functions.validate_class_options("CrossEntropyLoss", self.weight, self.ignore_index)
        loss_functions.validate_smoothing(self.label_smoothing)

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.cross_entropy(input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)
