"""Optimizer: groups of parameters with their options, and the state that an algorithm keeps for each parameter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from .._left_out import explains
from ..autograd.grad_mode import enable_grad
from ..core import guard
from ..core.blas import Product
from ..nn.parameter import is_lazy
from ..tensors.arguments import integer
from ..tensors.leaves import gradient_of
from ..tensors.observer import effect, observer
from ..tensors.refusals import instead_of, is_module, shown, warn
from ..tensors.states import described, validate_state_dict
from ..tensors.tensor import Tensor
from .entries import Anything, Like, Table, read_entries
from .hooks import Hookable
from .options import validate_differentiable, validate_rates

__all__ = ["Optimizer", "StepWarning", "full_gradient"]

# Options of PyTorch's optimizers that do not change the numbers. They are taken where PyTorch takes them, and not kept.
_PYTORCH_ONLY = {"foreach", "fused", "capturable", "differentiable"}

# Options that states of older versions of PyTorch do not have. The optimizer's own are kept.
_ADDED_LATER = {"maximize", "decoupled_weight_decay"}


# Options that schedules add to a group: the bounds of what they set.
_OF_SCHEDULES = {"initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum", "swa_lr"}


class StepWarning(UserWarning):
    """A step is probably a mistake: there are no gradients or only used ones, or a schedule steps before its optimizer.

    Silence this warning with ``warnings.simplefilter("ignore", StepWarning)``.
    """


@explains("torch.optim.Optimizer")
class Optimizer(Hookable):
    """The base of the optimizers: subclasses write ``_update(group, ready)`` and validate options in ``_check(group)``.

    A subclass may list in ``_entries`` what it keeps in the state of a parameter. Then a state that does not fit is
    refused when it is loaded.

    Args:
        params: the Tensors to be trained; or groups, which are dicts with ``"params"`` and options that differ from
            the `defaults`. A Tensor that does not require a gradient is not changed as long as that is so.
        defaults: the options by name. A group may override them.

    Raises:
        ValueError: `params` is empty, a parameter is given twice, or an option is unknown or out of its range.
        TypeError: a parameter is not a Tensor, or was computed from others.
    """

    _entries: ClassVar[Table | None] = None  # what a parameter's state holds; None for any arrays of its shape

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError("params is an iterable of Tensors, not one: write [tensor] or net.parameters()")
        self.defaults = defaults
        self._groups: list[dict[str, Any]] = []
        # An optimizer that writes its own step, as PyTorch's do, asks for states that are not there yet.
        writes_step = type(self)._update is Optimizer._update
        self.state: dict[Tensor, dict[str, Any]] = defaultdict(dict) if writes_step else {}
        self.stepped_at = 0  # the time of the last step, on the graph's clock; 0 before the first step
        self._used: Any = None  # the gradient of the last parameter that the last step has used
        self._warned: set[str] = set()  # the warnings so far, each of which is given once
        if is_module(params) or isinstance(params, str | Mapping) or not isinstance(params, Iterable):
            raise TypeError(f"params is an iterable of Tensors, not {shown(params)}: write net.parameters()")
        groups = list(params)
        if not groups:
            raise ValueError("there are no parameters to train: pass net.parameters() of a module that has some")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of parameters. Each is a dict of its ``"params"`` and its options."""
        observer().refuse("an optimizer's options or state: read and set them outside the step, or use a schedule")
        return self._groups

    @param_groups.setter
    def param_groups(self, groups: list[dict[str, Any]]) -> None:
        self._groups = groups

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__}("]
        for i, group in enumerate(self.param_groups):
            options = ", ".join(f"{name}={value!r}" for name, value in group.items() if name != "params")
            number = len(group["params"])
            entries = sum(parameter.numel() for parameter in group["params"] if not is_lazy(parameter))
            lines.append(
                f"  ({i}): {number} parameter{'s' * (number != 1)} of {entries} entr{'y' if entries == 1 else 'ies'}"
                f"{', ' * bool(options)}{options}"
            )
        return "\n".join([*lines, ")"])

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():  # older pickles have `param_groups` in place of `_groups`: use the setter
            setattr(self, name, value)

    def _check(self, group: dict[str, Any]) -> None:
        """Raise ValueError if an option of `group` is out of its range. An optimizer need not have such options."""

    def _update(self, group: dict[str, Any], ready: list[tuple[Tensor, Any]]) -> None:
        """Take one step with the parameters in `ready`, in place. Each optimizer writes its own.

        `ready` has the parameters of `group` that have a gradient, each in a pair with it: an array or a
        `core.blas.Product`.
        """
        raise NotImplementedError(f"{type(self).__name__} has neither step(closure=None) nor _update(group, ready)")

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of Tensors to be trained: a dict of ``"params"`` and their options.

        Raises:
            ValueError, TypeError: as for the `params` of an optimizer.
        """
        if not isinstance(param_group, Mapping) or "params" not in param_group:
            given = f"a dict of {sorted(param_group)}" if isinstance(param_group, Mapping) else shown(param_group)
            raise ValueError(f'a parameter group names its "params", as {{"params": [w]}}, which {given} does not')
        params = param_group["params"]
        if is_module(params):
            raise TypeError(f'"params" of a group are Tensors, not {shown(params)}: write net.parameters()')
        unused = _PYTORCH_ONLY - set(self.defaults)
        if "differentiable" in unused:
            validate_differentiable(param_group.get("differentiable", False))
        options = {name: value for name, value in param_group.items() if name not in unused}
        group = {**self.defaults, **options, "params": [params] if isinstance(params, Tensor) else list(params)}
        validate_rates(group, *sorted(_OF_SCHEDULES & set(group)))
        if unknown := set(group) - set(self.defaults) - {"params"} - _OF_SCHEDULES:
            raise ValueError(f"{type(self).__name__} has no options {sorted(unknown)}, only {sorted(self.defaults)}")
        self._check(group)
        seen = {parameter for other in self.param_groups for parameter in other["params"]}
        for parameter in group["params"]:
            if not isinstance(parameter, Tensor) or not parameter.is_leaf:
                raise TypeError(
                    "an optimizer trains Tensors that were not computed from others, not "
                    f"{shown(parameter)}{instead_of(parameter)}"
                )
            if parameter in seen:
                raise ValueError(f"a parameter of shape {parameter.shape} is given more than once")
            seen.add(parameter)
        self._groups.append(group)

    @effect
    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradients of all parameters to None, or to zeros if not `set_to_none`."""
        self._used = None
        for group in self._groups:
            for parameter in group["params"]:
                if not set_to_none:
                    if parameter.grad is not None:
                        parameter.grad.detach().zero_()
                elif (node := parameter._node) is not None:
                    node.grad = None
                else:  # one that is frozen may hold a gradient from before
                    parameter.grad = None

    @effect
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the parameters by their gradients.

        Args:
            closure: is called first, to compute the loss and the gradients; it returns the loss.

        Returns:
            The loss that the closure returned; None without a closure.

        Raises:
            TypeError: `closure` is not a function.

        Warns:
            StepWarning: there are no gradients, or an earlier step has used them. Each warning is given once.
        """
        loss = None
        if closure is not None:
            if not callable(closure) or is_module(closure):
                raise TypeError(
                    f"step() takes a function that computes the loss, or nothing, not {shown(closure)}: call "
                    "loss.backward(), and then step()"
                )
            with enable_grad():
                loss = closure()
        # Get all gradients before the first parameter changes: gradient_of raises an error for one that is not valid.
        ready: list[tuple[dict[str, Any], list[tuple[Tensor, Any]]]] = []
        written: list[Any] = []
        last = None
        for group in self._groups:
            pairs = []
            for parameter in group["params"]:
                if (node := parameter._node) is not None and (gradient := gradient_of(node)) is not None:
                    pairs.append((parameter, gradient))
                    written.append(parameter._data)
                    last = gradient
            if pairs:
                ready.append((group, pairs))
        if last is None:
            self._warn("step() found no gradients: call backward() of a loss of these parameters before it")
        elif last is self._used and not self._are_new(ready):
            self._warn("step() found gradients that an earlier step has used: call zero_grad() before backward()")
        self._used = last
        for group, pairs in ready:
            self._update(group, pairs)
        guard.stamp(written)
        self.stepped_at = guard.events.latest
        return loss

    def _are_new(self, ready: Any) -> bool:
        """Whether a gradient was computed after the last step, although it is in the same memory, as after a replay."""
        for _, pairs in ready:
            for parameter, gradient in pairs:
                # A replay leaves a `Lent`, which knows when its gradient was computed.
                if getattr(parameter._node.grad, "since", 0) > self.stepped_at:
                    return True
                if isinstance(gradient, np.ndarray) and not guard.unchanged(gradient, self.stepped_at):
                    return True
        return False

    def _warn(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            warn(message, StepWarning)

    def state_dict(self) -> dict[str, Any]:
        """The options and the state, in PyTorch's layout: numbers, counted over all groups, stand for parameters."""
        self._call_hooks("before_saving")
        number = {p: i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}
        state = {
            "state": {number[p]: dict(entries) for p, entries in self.state.items()},
            "param_groups": [{**group, "params": [number[p] for p in group["params"]]} for group in self._groups],
        }
        return self._call_hooks("after_saving", state)  # type: ignore[no-any-return]

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Set the options and the state to those of `state_dict`, which this optimizer's class or PyTorch's returned.

        Raises:
            ValueError: something in the state is missing, unknown or not what the optimizer keeps: the groups, their
                options, or the entries for a parameter. The error names it. Then nothing has been changed.
            TypeError: `state_dict` is no dict.
        """
        state_dict = self._call_hooks("before_loading", dict(validate_state_dict(state_dict, self)))
        if set(state_dict) != {"state", "param_groups"}:
            given = sorted(map(str, state_dict))
            raise ValueError(f"the state of an optimizer has 'state' and 'param_groups', and this one {given}")
        numbers, groups = self._read_groups(state_dict["param_groups"])
        state = self._read_state(state_dict["state"], numbers)
        for group, loaded in zip(self._groups, groups, strict=True):
            group.update(loaded)
        self.state.clear()
        self.state.update(state)
        self._call_hooks("after_loading")

    def _read_groups(self, saved: Any) -> tuple[list[Any], list[dict[str, Any]]]:
        """The numbers that stand for the parameters in `saved` groups, and the optimizer's groups with their options.

        Raises:
            ValueError: the groups do not fit this optimizer.
        """
        if not isinstance(saved, list | tuple) or not all(
            isinstance(group, Mapping) and isinstance(group.get("params"), list | tuple) for group in saved
        ):
            raise ValueError(f"param_groups is a list of dicts that have a list of 'params', not {described(saved)}")
        sizes = [len(group["params"]) for group in saved]
        own = [len(group["params"]) for group in self.param_groups]
        if sizes != own:
            raise ValueError(f"the state is for groups of {sizes} parameters, but the optimizer has groups of {own}")
        numbers = [number for group in saved for number in group["params"]]
        if None in map(integer, numbers) or len(set(numbers)) < len(numbers):
            raise ValueError(f"the 'params' of the groups are different integers, one a parameter, not {numbers}")
        groups = []
        unused = {"params", *(_PYTORCH_ONLY - set(self.defaults))}
        for group, given in zip(self._groups, saved, strict=True):
            options = {name: value for name, value in given.items() if name not in unused}
            if unknown := sorted(str(name) for name in options if name not in {*self.defaults, *_OF_SCHEDULES}):
                raise ValueError(
                    f"the state has {unknown}, which {type(self).__name__} does not have: "
                    "was it saved by another kind of optimizer?"
                )
            if missing := sorted(set(self.defaults) - set(options) - _ADDED_LATER):
                raise ValueError(f"a group of the state has no {missing}, which are options of {type(self).__name__}")
            groups.append({**group, **options})
            self._check(groups[-1])
            validate_rates(options, *sorted(_OF_SCHEDULES & set(options)))
        return numbers, groups

    def _read_state(self, saved: Any, numbers: list[Any]) -> dict[Tensor, dict[str, Any]]:
        """The `saved` state by parameters, which are called by `numbers` in it.

        Raises:
            ValueError: the state does not fit this optimizer.
        """
        if not isinstance(saved, Mapping):
            raise ValueError(f"the state has a dict of the states of parameters, not {described(saved)}")
        parameters = dict(zip(numbers, (p for group in self._groups for p in group["params"]), strict=True))
        state = {}
        for number, entries in saved.items():
            if number not in parameters:
                raise ValueError(f"the state has entries of a parameter {number!r}, but its groups have {numbers}")
            table, where = self._entries, f"the state of parameter {number}"
            if table is None:
                if not isinstance(entries, Mapping):
                    raise ValueError(f"{where} is {described(entries)}: expected a dict")
                table = dict.fromkeys(entries, Anything())
            # A parameter without entries begins anew, and then has all of them.
            parameter = parameters[number]
            if entries != {} and (read := read_entries(entries, table, self._state_like(parameter), self, where)):
                state[parameter] = read
        return state

    def _state_like(self, parameter: Tensor) -> Like:
        """The shape and dtype that arrays have in the state of `parameter`."""
        return Like(parameter.shape, parameter.dtype)


def full_gradient(gradient: Any, weight: Any, decay: float, maximize: bool) -> Any:
    """A `gradient` of ``ready`` as an array, with the other sign to `maximize`, and with `decay` times the weight."""
    if isinstance(gradient, Product):
        gradient = gradient.dense()
    if maximize:
        gradient = -gradient
    return gradient + decay * weight if decay else gradient
