"""The losses as modules: each holds the options of its function in `tinygrad_mlp.nn.functional`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import field, fields
from typing import Any, ClassVar

from ..tensors.creation import as_operand
from ..tensors.refusals import validate_number
from ..tensors.tensor import Tensor
from . import distribution_losses, loss_functions, margin_losses
from . import functional as F
from .call_site import where_called
from .distances import PairwiseDistance
from .function_module import FunctionModule, of_options

__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CosineEmbeddingLoss", "CrossEntropyLoss", "GaussianNLLLoss",
    "HingeEmbeddingLoss", "HuberLoss", "KLDivLoss", "L1Loss", "MSELoss", "MarginRankingLoss", "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss", "MultiMarginLoss", "NLLLoss", "PoissonNLLLoss", "SmoothL1Loss", "SoftMarginLoss",
    "TripletMarginLoss", "TripletMarginWithDistanceLoss",
]  # fmt: skip


class _Loss(FunctionModule):
    """A loss. It holds weights as buffers, and its errors name the module and the line that called it.

    `size_average` and `reduce`, PyTorch's deprecated options, set the reduction that they mean.
    """

    _data_options = frozenset({"weight", "pos_weight"})
    _reductions: ClassVar[Sequence[str]] = loss_functions.REDUCTIONS
    reduction: str
    _loss: Callable[..., Tensor]  # calls the function with the options

    def __post_init__(self) -> None:
        deprecated = [vars(self).pop(name, None) for name in ("size_average", "reduce")]
        if any(value is not None for value in deprecated):
            self.reduction = loss_functions.legacy_reduction(*deprecated)
        loss_functions.validate_reduction(self.reduction, self._reductions)
        for option in fields(self):
            if option.name in ("weight", "pos_weight"):
                weight = vars(self).pop(option.name)  # from the attribute that the constructor has set to a buffer
                if isinstance(weight, str):
                    raise TypeError(f"{option.name} is a Tensor or None, not {weight!r}: write reduction={weight!r}")
                self.register_buffer(option.name, None if weight is None else as_operand(weight))

    @classmethod
    def _usage(cls) -> str:
        taken = [*inspect.signature(cls.forward).parameters][1:]
        call = "net(x), y" if taken == ["input", "target"] else ", ".join(taken)
        return f"loss = nn.{cls.__name__}(), and then loss({call})"

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return self._located(input, target)

    def _located(self, *given: Any) -> Tensor:
        """The loss. An error names this module and the line that called it."""
        try:
            return self._loss(*given)
        except ValueError as error:
            raise ValueError(f"{where_called(self)}: {error}") from None

    def extra_repr(self) -> str:
        return f"reduction={self.reduction!r}"


@of_options
class L1Loss(_Loss):
    """|input − target|, averaged over all entries, summed, or for each entry."""

    size_average: bool | None = field(default=None, repr=False)
    reduce: bool | None = field(default=None, repr=False)
    reduction: str = "mean"

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


@of_options
class MSELoss(_Loss):
    """(input − target)², averaged over all entries, summed, or for each entry."""

    size_average: bool | None = field(default=None, repr=False)
    reduce: bool | None = field(default=None, repr=False)
    reduction: str = "mean"

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


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
class SmoothL1Loss(_Loss):
    """e²/(2 beta) for errors e = |input − target| up to `beta`, and e − beta/2 for larger ones."""

    size_average: bool | None = field(default=None, repr=False)
    reduce: bool | None = field(default=None, repr=False)
    reduction: str = "mean"
    beta: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        loss_functions.validate_beta(self.beta)

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


@of_options
class KLDivLoss(_Loss):
    """p (ln p − input) for probabilities p, the target, and log-probabilities, the input. See `functional.kl_div`."""

    size_average: bool | None = field(default=None, repr=False)
    reduce: bool | None = field(default=None, repr=False)
    reduction: str = "mean"
    log_target: bool = False
    _reductions = distribution_losses.KL_REDUCTIONS

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


@of_options
class GaussianNLLLoss(_Loss):
    """½ (ln v + (input − target)²/v) for a normally distributed target with mean `input` and variance v, `var`."""

    full: bool = field(default=False, kw_only=True)
    eps: float = field(default=1e-6, kw_only=True)
    reduction: str = field(default="mean", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        distribution_losses.validate_eps("GaussianNLLLoss", self.eps)

    def forward(self, input: Tensor, target: Any, var: Any) -> Tensor:  # type: ignore[override]
        return self._located(input, target, var)

    def _loss(self, input: Tensor, target: Any, var: Any) -> Tensor:
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


@of_options
class PoissonNLLLoss(_Loss):
    """λ − y ln λ for counts y, the target, that have a Poisson distribution. The input is ln λ, or λ."""

    log_input: bool = True
    full: bool = False
    size_average: bool | None = field(default=None, repr=False)
    eps: float = 1e-8
    reduce: bool | None = field(default=None, repr=False)
    reduction: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        distribution_losses.validate_eps("PoissonNLLLoss", self.eps)

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.poisson_nll_loss(input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction)


@of_options
class BCELoss(_Loss):
    """−y ln a − (1 − y) ln(1 − a) for a probability a, the input, and its target y."""

    weight: Any = None
    size_average: bool | None = field(default=None, repr=False)
    reduce: bool | None = field(default=None, repr=False)
    reduction: str = "mean"

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


@of_options
class BCEWithLogitsLoss(_Loss):
    """`BCELoss` of σ(z) for logits z, the input; also exact where σ(z) is rounded to 0 or 1."""

    weight: Any = None
    size_average: bool | None = field(default=None, repr=False)
    reduce: bool | None = field(default=None, repr=False)
    reduction: str = "mean"
    pos_weight: Any = None

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


@of_options
class NLLLoss(_Loss):
    """The negative log-probability of the target class. The input holds log-probabilities, as from `LogSoftmax`."""

    weight: Any = None
    size_average: bool | None = field(default=None, repr=False)
    ignore_index: int = -100
    reduce: bool | None = field(default=None, repr=False)
    reduction: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        loss_functions.validate_class_options("NLLLoss", self.weight, self.ignore_index)

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.nll_loss(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


@of_options
class CrossEntropyLoss(_Loss):
    """−ln softmax(z) at the target class, for logits z, the input; or its mean under target probabilities."""

    weight: Any = None
    size_average: bool | None = field(default=None, repr=False)
    ignore_index: int = -100
    reduce: bool | None = field(default=None, repr=False)
    reduction: str = "mean"
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        loss_functions.validate_class_options("CrossEntropyLoss", self.weight, self.ignore_index)
        loss_functions.validate_smoothing(self.label_smoothing)

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


@of_options
class SoftMarginLoss(_Loss):
    """ln(1 + e^(−y x)) for scores x, the input, and targets y that are 1 or −1."""

    size_average: bool | None = field(default=None, repr=False)
    reduce: bool | None = field(default=None, repr=False)
    reduction: str = "mean"

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.soft_margin_loss(input, target, reduction=self.reduction)


@of_options
class HingeEmbeddingLoss(_Loss):
    """The distance x, the input, for a target 1, and max(0, `margin` − x) for a target −1."""

    margin: float = 1.0
    size_average: bool | None = field(default=None, repr=False)
    reduce: bool | None = field(default=None, repr=False)
    reduction: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        validate_number("HingeEmbeddingLoss: margin", self.margin)

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


@of_options
class MarginRankingLoss(_Loss):
    """max(0, `margin` − y (input1 − input2)) for targets y that are 1 or −1."""

    margin: float = 0.0
    size_average: bool | None = field(default=None, repr=False)
    reduce: bool | None = field(default=None, repr=False)
    reduction: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        validate_number("MarginRankingLoss: margin", self.margin)

    def forward(self, input1: Tensor, input2: Any, target: Any) -> Tensor:  # type: ignore[override]
        return self._located(input1, input2, target)

    def _loss(self, input1: Tensor, input2: Any, target: Any) -> Tensor:
        return F.margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


@of_options
class CosineEmbeddingLoss(_Loss):
    """1 − cos φ for a target 1, and max(0, cos φ − `margin`) for a target −1, where φ is the angle of two vectors."""

    margin: float = 0.0
    size_average: bool | None = field(default=None, repr=False)
    reduce: bool | None = field(default=None, repr=False)
    reduction: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        validate_number("CosineEmbeddingLoss: margin", self.margin)

    def forward(self, input1: Tensor, input2: Any, target: Any) -> Tensor:  # type: ignore[override]
        return self._located(input1, input2, target)

    def _loss(self, input1: Tensor, input2: Any, target: Any) -> Tensor:
        return F.cosine_embedding_loss(input1, input2, target, self.margin, reduction=self.reduction)


@of_options
class TripletMarginLoss(_Loss):
    """max(0, `margin` + d(anchor, positive) − d(anchor, negative)), where d is the distance of order `p`."""

    margin: float = 1.0
    p: float = 2.0
    eps: float = 1e-6
    swap: bool = False
    size_average: bool | None = field(default=None, repr=False)
    reduce: bool | None = field(default=None, repr=False)
    reduction: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        margin_losses.validate_triplet(self.margin)

    def forward(self, anchor: Tensor, positive: Any, negative: Any) -> Tensor:  # type: ignore[override]
        return self._located(anchor, positive, negative)

    def _loss(self, anchor: Tensor, positive: Any, negative: Any) -> Tensor:
        return F.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, reduction=self.reduction
        )


@of_options
class TripletMarginWithDistanceLoss(_Loss):
    """`TripletMarginLoss` with another distance, a function of two Tensors or a module."""

    distance_function: Callable[[Tensor, Tensor], Tensor] | None = field(default=None, kw_only=True)
    margin: float = field(default=1.0, kw_only=True)
    swap: bool = field(default=False, kw_only=True)
    reduction: str = field(default="mean", kw_only=True)
    _data_options = frozenset({"distance_function"})

    def __post_init__(self) -> None:
        super().__post_init__()
        margin_losses.validate_triplet(self.margin)
        if self.distance_function is None:
            self.distance_function = PairwiseDistance()

    def forward(self, anchor: Tensor, positive: Any, negative: Any) -> Tensor:  # type: ignore[override]
        return self._located(anchor, positive, negative)

    def _loss(self, anchor: Tensor, positive: Any, negative: Any) -> Tensor:
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )


@of_options
class MultiMarginLoss(_Loss):
    """Σ max(0, `margin` − x_y + x_j)ᵖ / C over the classes j but the target y, for scores x of C classes."""

    p: int = 1
    margin: float = 1.0
    weight: Any = None
    size_average: bool | None = field(default=None, repr=False)
    reduce: bool | None = field(default=None, repr=False)
    reduction: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        margin_losses.validate_power(self.p)
        validate_number("MultiMarginLoss: margin", self.margin)
        loss_functions.validate_class_options("MultiMarginLoss", self.weight)

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.multi_margin_loss(input, target, self.p, self.margin, self.weight, reduction=self.reduction)


@of_options
class MultiLabelMarginLoss(_Loss):
    """Σ max(0, 1 − x_y + x_j) / C, over the classes y that a sample has and the classes j that it does not have."""

    size_average: bool | None = field(default=None, repr=False)
    reduce: bool | None = field(default=None, repr=False)
    reduction: str = "mean"

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


@of_options
class MultiLabelSoftMarginLoss(_Loss):
    """The mean of `BCEWithLogitsLoss` over the classes, the last dimension."""

    weight: Any = None
    size_average: bool | None = field(default=None, repr=False)
    reduce: bool | None = field(default=None, repr=False)
    reduction: str = "mean"

    def _loss(self, input: Tensor, target: Any) -> Tensor:
        return F.multilabel_soft_margin_loss(input, target, self.weight, reduction=self.reduction)
