"""The hooks of optimizers: functions called before and after a step, and around a state."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..tensors.observer import observer
from ..tensors.refusals import shown
from ..tensors.tensor import RemovableHandle

__all__ = ["Hookable"]


class Hooks:
    """The hooks of one optimizer, by the time at which they are called. Each dict is in the order of the calls."""

    def __init__(self) -> None:
        self.before_step: dict[int, Callable[..., Any]] = {}
        self.after_step: dict[int, Callable[..., Any]] = {}
        self.before_saving: dict[int, Callable[..., Any]] = {}
        self.after_saving: dict[int, Callable[..., Any]] = {}
        self.before_loading: dict[int, Callable[..., Any]] = {}
        self.after_loading: dict[int, Callable[..., Any]] = {}


class Hookable:
    """The part of `Optimizer` that registers hooks and calls them. Copies of an optimizer have no hooks."""

    _hooks: Hooks | None = None  # None until the first hook is registered

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_hooks", "step")}

    def has_step_hooks(self) -> bool:
        """Whether hooks are called before or after a step."""
        return self._hooks is not None and bool(self._hooks.before_step or self._hooks.after_step)

    def _register(self, time: str, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        if not callable(hook):
            raise TypeError(f"a hook is a function, not {shown(hook)}")
        if self._hooks is None:
            self._hooks = Hooks()
        return RemovableHandle(getattr(self._hooks, time), hook, prepend)

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step.

        `args` and `kwargs` are what ``step`` is called with; the first of `args` is the optimizer. If the hook returns
        a pair, this replaces them.

        Raises:
            TypeError: `hook` is not a function.
            RuntimeError: later, in a step: the hook returns neither None nor a pair.
        """
        return self._register_for_step("before_step", hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step, with what the step was called with.

        Raises:
            TypeError: `hook` is not a function.
        """
        return self._register_for_step("after_step", hook)

    def _register_for_step(self, time: str, hook: Callable[..., Any]) -> RemovableHandle:
        handle = self._register(time, hook)
        # Only an optimizer that has been given a hook takes the time to look for hooks: its `step` hides the class's.
        vars(self)["step"] = partial(_step_with_hooks, self)
        return handle

    def register_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` before ``state_dict()``. With `prepend`, before the hooks of earlier calls.

        Raises:
            TypeError: `hook` is not a function.
        """
        return self._register("before_saving", hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` after ``state_dict()``. If it returns a dict, this is the state.

        With `prepend` the hook is called before those that were registered earlier.

        Raises:
            TypeError: `hook` is not a function.
        """
        return self._register("after_saving", hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` before a state is loaded. If it returns a dict, this is loaded instead.

        `state_dict` is a shallow copy. With `prepend` the hook is called before those that were registered earlier.

        Raises:
            TypeError: `hook` is not a function.
        """
        return self._register("before_loading", hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` after a state has been loaded. With `prepend`, before the hooks of earlier calls.

        Raises:
            TypeError: `hook` is not a function.
        """
        return self._register("after_loading", hook, prepend)

    def _call_hooks(self, time: str, *state: Any) -> Any:
        """Call the hooks of this `time`. Return the `state`, or what a hook has returned in its place."""
        if self._hooks is not None:
            for hook in list(getattr(self._hooks, time).values()):
                changed = hook(self, *state)
                if state and changed is not None:
                    state = (changed,)
        return state[0] if state else None


def _step_with_hooks(optimizer: Any, *args: Any, **kwargs: Any) -> Any:
    """Call the ``step`` of the optimizer's class, and the hooks before and after it."""
    if optimizer.has_step_hooks():
        observer().refuse("hooks of an optimizer, which a replay would not call")
    args = (optimizer, *args)
    for hook in list(optimizer._hooks.before_step.values()):
        changed = hook(optimizer, args, kwargs)
        if changed is not None:
            if not isinstance(changed, tuple) or len(changed) != 2:
                raise RuntimeError(f"a hook before a step returns None or a pair (args, kwargs), not {shown(changed)}")
            args, kwargs = changed
    result = type(optimizer).step(*args, **kwargs)
    for hook in list(optimizer._hooks.after_step.values()):
        hook(optimizer, args, kwargs)
    return result
