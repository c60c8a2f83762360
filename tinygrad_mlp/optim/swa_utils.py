"""Averages of a model's weights over the steps of training, under PyTorch's names (Izmailov et al. 2018)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

from .._left_out import explain_in
from ..autograd.grad_mode import no_grad
from ..nn.module import Module
from ..nn.normalization import BatchNorm1d
from ..tensors.arguments import integer
from ..tensors.creation import tensor
from ..tensors.devices import DeviceLike
from ..tensors.refusals import is_module, number, shown
from ..tensors.tensor import Tensor
from .entries import Choice, Number, Table
from .lr_scheduler.base import LRScheduler, per_group
from .lr_scheduler.cycles import annealed, validate_strategy
from .optimizer import Optimizer

__all__ = [
    "SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn", "get_swa_multi_avg_fn",
    "update_bn",
]  # fmt: skip

Average = Callable[[Tensor, Tensor, Any], Any]
Averages = Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]


def get_swa_avg_fn() -> Average:
    """The function that gives the equal average of all the values so far, of the average before and the new value."""

    @no_grad()
    def swa_update(averaged_param: Tensor, current_param: Tensor, num_averaged: Any) -> Any:
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """The function that gives the exponential average: `decay` times the average before, and a rest of the new value.

    Raises:
        ValueError: `decay` is not of [0, 1].
    """
    number(decay, "decay is the share of the average before, of [0, 1]", lambda decay: 0 <= decay <= 1)

    @no_grad()
    def ema_update(ema_param: Tensor, current_param: Tensor, num_averaged: Any) -> Any:
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def _for_several(average: Average) -> Averages:
    """The function that writes the averages of two lists of Tensors, by `average`, to the first of them."""

    @no_grad()
    def update(averaged_params: Sequence[Tensor], current_params: Sequence[Tensor], num_averaged: Any) -> None:
        for averaged, current in zip(averaged_params, current_params, strict=True):
            averaged.copy_(average(averaged, current, num_averaged))

    return update


def get_swa_multi_avg_fn() -> Averages:
    """As `get_swa_avg_fn`, for lists of Tensors: the function writes the averages to the first list."""
    return _for_several(get_swa_avg_fn())


def get_ema_multi_avg_fn(decay: float = 0.999) -> Averages:
    """As `get_ema_avg_fn`, for lists of Tensors: the function writes the averages to the first list.

    Raises:
        ValueError: `decay` is not of [0, 1].
    """
    return _for_several(get_ema_avg_fn(decay))


class AveragedModel(Module):
    """A copy of `model` whose parameters are averages of those that the model has had.

    Call ``update_parameters(model)`` after each step, or each epoch, of the model's training.

    Args:
        model: the model. It is copied, and not changed.
        device: where the copy is to be.
        avg_fn: a function of the average so far, the parameter and the number of values that the average is of, which
            returns the new average; by default that of `get_swa_avg_fn`, in which all values weigh the same.
        multi_avg_fn: the same for lists of averages and parameters of one dtype, which writes to the averages.
        use_buffers: whether to average the buffers, too. If not, they are copied from the model.

    Raises:
        TypeError: `model` is not a Module.
        ValueError: both functions are given; or, later, a model has other parameters.

    >>> from tinygrad_mlp import nn
    >>> from tinygrad_mlp.optim.swa_utils import AveragedModel, get_ema_avg_fn
    >>> net = nn.Linear(1, 1, bias=False)
    >>> averaged = AveragedModel(net, avg_fn=get_ema_avg_fn(0.75))
    >>> for weight in (1.0, 2.0):
    ...     _ = nn.init.constant_(net.weight, weight)
    ...     averaged.update_parameters(net)
    >>> averaged.module.weight.item()
    1.25
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: DeviceLike = None,
        avg_fn: Average | None = None,
        multi_avg_fn: Averages | None = None,
        use_buffers: bool = False,
    ) -> None:
        if not is_module(model):
            raise TypeError(f"an AveragedModel averages the parameters of a Module, not of {shown(model)}")
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("avg_fn and multi_avg_fn both say how to average: give one of them")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module.to(device)
        self.register_buffer("n_averaged", tensor(0))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take the parameters of `model` into the averages.

        Raises:
            ValueError: `model` has other parameters or buffers than the one that was copied.
        """
        pairs = _pairs(self.module.parameters(), model.parameters())
        buffers = _pairs(self.module.buffers(), model.buffers())
        if self.use_buffers:
            pairs += buffers
        if not int(self.n_averaged):
            for averaged, current in pairs:
                averaged.copy_(current)
        elif self.multi_avg_fn is None:
            average = self.avg_fn or get_swa_avg_fn()
            for averaged, current in pairs:
                averaged.copy_(average(averaged.detach(), current.detach(), self.n_averaged))
        else:
            for dtype in dict.fromkeys(averaged.dtype for averaged, _ in pairs):
                of_one = [pair for pair in pairs if pair[0].dtype == dtype]
                averages, currents = ([tensor.detach() for tensor in tensors] for tensors in zip(*of_one, strict=True))
                self.multi_avg_fn(averages, currents, self.n_averaged)
        if not self.use_buffers:
            for averaged, current in buffers:
                averaged.copy_(current)
        self.n_averaged += 1


def _pairs(averaged: Iterator[Tensor], current: Iterator[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """The Tensors of the average and those of the model in pairs. Raises ValueError if they do not fit together."""
    ours, theirs = list(averaged), list(current)
    shapes = [[tensor.shape for tensor in tensors] for tensors in (ours, theirs)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"the average is of Tensors of shapes {shapes[0]}, but this model has {shapes[1]}")
    return list(zip(ours, theirs, strict=True))


def update_bn(loader: Iterable[Any], model: Module, device: DeviceLike = None) -> None:
    """Compute the running averages of the BatchNorm layers of `model` anew, from all batches of `loader`.

    A batch is an input of the model, or a tuple or list that begins with one. No parameter is changed.
    """
    layers = {module: module.momentum for module in model.modules() if isinstance(module, BatchNorm1d)}
    if not layers:
        return
    was_training = model.training
    model.train()
    try:
        for layer in layers:
            layer.momentum = None  # for the average of all batches
            for buffer, start in ((layer.running_mean, 0), (layer.running_var, 1), (layer.num_batches_tracked, 0)):
                if buffer is not None:
                    buffer.fill_(start)
        with no_grad():
            for batch in loader:
                input = batch[0] if isinstance(batch, list | tuple) else batch
                model(input if device is None else input.to(device))
    finally:
        for layer, momentum in layers.items():
            layer.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    """The learning rate goes from the present one to `swa_lr` in `anneal_epochs` epochs, and stays there.

    Args:
        optimizer: the optimizer whose learning rates to set.
        swa_lr: the last learning rate: a number, or a list with one for each group.
        anneal_epochs: the number of epochs.
        anneal_strategy: "cos" or "linear", the form of the way.
        last_epoch: as for `LRScheduler`. The optimizer has the rates of the schedule's step after that epoch.

    Raises:
        TypeError: `optimizer` is not an Optimizer.
        ValueError: an option is out of its range, or a list has not one entry for each group.
    """

    _entries: ClassVar[Table] = {
        **LRScheduler._entries,
        "anneal_epochs": Number(whole=True, least=0),
        "_anneal_strategy": Choice(words=("cos", "linear")),
        "_step_count": None,
    }

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | Sequence[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        rates = per_group("swa_lr", swa_lr, optimizer)
        validate_strategy(anneal_strategy)
        epochs = integer(anneal_epochs)
        if epochs is None or epochs < 0:
            raise ValueError(f"anneal_epochs is a whole number ≥ 0 of epochs, not {shown(anneal_epochs)}")
        self.anneal_epochs = epochs
        self._anneal_strategy = anneal_strategy
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["swa_lr"] = rate
        super().__init__(optimizer, last_epoch)

    def _begin(self) -> list[float]:
        return self.get_lr() if self.last_epoch == 0 else self._rates()

    def _left(self, epoch: int) -> float:
        """The share of the way that is left in `epoch`."""
        gone = min(1.0, max(0, epoch) / self.anneal_epochs) if self.anneal_epochs else float(epoch >= 0)
        return annealed(self._anneal_strategy, 1.0, 0.0, gone)

    def get_lr(self) -> list[float]:
        self._validate_groups(len(self.base_lrs))
        before, now = self._left(self.last_epoch - 1), self._left(self.last_epoch)
        ratio = now / before if before else 0.0
        groups = self.optimizer.param_groups
        return [group["swa_lr"] + (group["lr"] - group["swa_lr"]) * ratio for group in groups]

    def state_dict(self) -> dict[str, Any]:
        """All attributes of the schedule, except the optimizer, and the count of steps, by which PyTorch goes on."""
        return {**super().state_dict(), "_step_count": max(1, self.last_epoch + 1)}

    def _options(self) -> dict[str, Any]:
        return {"swa_lr": [group["swa_lr"] for group in self.optimizer.param_groups]}


explain_in(globals())
