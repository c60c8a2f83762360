"""The hooks of modules: functions called around ``forward``, in the backward pass, and around a state."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.mode import is_grad_enabled
from ..tensors.observer import observer
from ..tensors.tensor import RemovableHandle, Tensor
from .changes import configuration

__all__ = ["Hookable", "Hooks"]


class Hook(NamedTuple):
    """A function to be called with a module, and the options it was registered with."""

    function: Callable[..., Any]
    with_kwargs: bool = False
    always_call: bool = False


class _Handle(RemovableHandle):
    """Removes a hook from a module, which is a change to the module."""

    def remove(self) -> None:
        super().remove()
        configuration.changes += 1


class Hooks:
    """The hooks of one module, by the time at which they are called. Each dict is in the order of the calls.

    It is true if there are hooks that concern a call of the module.
    """

    def __init__(self) -> None:
        self.before: dict[int, Hook] = {}
        self.after: dict[int, Hook] = {}
        self.before_backward: dict[int, Hook] = {}
        self.backward: dict[int, Hook] = {}
        self.before_saving: dict[int, Hook] = {}
        self.after_saving: dict[int, Hook] = {}
        self.before_loading: dict[int, Hook] = {}
        self.after_loading: dict[int, Hook] = {}

    def __bool__(self) -> bool:
        return bool(self.before or self.after or self.before_backward or self.backward)

    @staticmethod
    def register(hooks: dict[int, Hook], hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Put `hook` after all `hooks`, or before them if `prepend`.

        Raises:
            TypeError: the hook is not callable.
        """
        if not callable(hook.function):
            raise TypeError(f"a hook is a function, not {hook.function!r}")
        configuration.changes += 1
        return _Handle(hooks, hook, prepend)


class Hookable:
    """The part of `Module` that registers hooks and calls them."""

    forward: Callable[..., Any]
    _module_hooks: Hooks | None = None  # None until the first hook is registered

    def _own_hooks(self) -> Hooks:
        """The hooks of this module, to register another one with."""
        if self._module_hooks is None:
            self._module_hooks = Hooks()
        return self._module_hooks

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before ``forward``. If it returns something, this replaces the arguments.

        With `with_kwargs` the call is ``hook(module, args, kwargs)``, and the hook returns None or the pair of the new
        ones. With `prepend` the hook is called before those that were registered earlier.
        """
        return Hooks.register(self._own_hooks().before, Hook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after ``forward``. If it returns something, this replaces the output.

        With `with_kwargs` the call is ``hook(module, args, kwargs, output)``. With `prepend` the hook is called before
        those that were registered earlier. With `always_call` it is called even if the module raises an exception; the
        output is None then.
        """
        return Hooks.register(self._own_hooks().after, Hook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of the module's inputs are known.

        Both are tuples: `grad_input` has an entry for each positional argument, `grad_output` one for each output.
        The entry is None where there is no gradient. If the hook returns something, this replaces `grad_input`. If no
        argument needs a gradient, the hook is called as soon as the gradients of the outputs are known.
        """
        return Hooks.register(self._own_hooks().backward, Hook(hook), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` when the gradients of the module's outputs are known.

        `grad_output` is a tuple with an entry for each output, None where there is no gradient. If the hook returns
        something, this replaces `grad_output`, for the hooks after it and for the backward pass through the module.
        """
        return Hooks.register(self._own_hooks().before_backward, Hook(hook), prepend)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before the module's state is put into a ``state_dict()``.

        `prefix` is what the paths of the module's own entries begin with, such as ``"block.0."``.
        """
        return Hooks.register(self._own_hooks().before_saving, Hook(hook))

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` after the state has been put into `state_dict`.

        The hook may change that dict. The hooks of inner modules are called first. `local_metadata` is an empty dict.
        """
        return Hooks.register(self._own_hooks().after_saving, Hook(hook))

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call a hook before the module, or one around it, loads a state.

        It is called as ``hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
        error_msgs)``. It may change `state_dict`, which is a copy, and so rename entries of older states; and add to
        the three lists, which lead to an error. `local_metadata` is an empty dict.
        """
        return Hooks.register(self._own_hooks().before_loading, Hook(hook))

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` after the module, or one around it, has loaded a state.

        The hook may take paths out of the two lists of `incompatible_keys`. Whether the paths fit is decided after
        that, so that the error for those that do not comes when the others have been loaded.
        """
        return Hooks.register(self._own_hooks().after_loading, Hook(hook))

    def _call_with_hooks(self, hooks: Hooks, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call ``forward`` with the hooks before and after it, and set up the backward hooks."""
        if hooks:
            observer().refuse("hooks of a module, which a replay would not call")
        output = None
        waiting = list(hooks.after.values())  # the hooks that are still to be called if there is an exception

        def after(hook: Hook) -> Any:
            return hook.function(self, args, kwargs, output) if hook.with_kwargs else hook.function(self, args, output)

        try:
            for hook in tuple(hooks.before.values()):
                changed = hook.function(self, args, kwargs) if hook.with_kwargs else hook.function(self, args)
                if changed is not None:
                    args, kwargs = changed if hook.with_kwargs else (_as_tuple(changed), kwargs)
            wanted = (hooks.before_backward or hooks.backward) and is_grad_enabled()
            backward = _BackwardHooks(self, hooks) if wanted else None
            if backward is not None:
                args = backward.pass_inputs(args)
            output = self.forward(*args, **kwargs)
            while waiting:
                changed = after(waiting.pop(0))
                output = output if changed is None else changed
            return output if backward is None else backward.pass_outputs(output)
        except Exception:
            for hook in waiting:
                if hook.always_call:
                    after(hook)
            raise


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _any_needs_gradient(values: Iterable[Any]) -> bool:
    return any(isinstance(value, Tensor) and value.requires_grad for value in values)


class _BackwardHooks:
    """The backward hooks during one call of a module.

    All inputs pass through one node of the graph, and all outputs through another. A backward pass first comes to the
    node of the outputs, where their gradients are kept, and then to that of the inputs, where the hooks are called.
    """

    def __init__(self, module: Any, hooks: Hooks) -> None:
        self.module = module
        # Copies, because a hook that is registered or removed during the call shall count from the next call on.
        self.before = tuple(hooks.before_backward.values())
        self.hooks = tuple(hooks.backward.values())
        self.argument_count = 0  # `pass_inputs` sets this and the next
        self.needs_input_gradients = False
        self.grad_output: tuple[Any, ...] | None = None  # the outputs' gradients, from `_keep` until `_call`

    def pass_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments to call ``forward`` with.

        Those that need a gradient have passed through one node, so that `_call` gets all their gradients at once.
        """
        self.argument_count = len(args)
        self.needs_input_gradients = _any_needs_gradient(args)
        return _through_one_node(args, self._call) if self.needs_input_gradients else args

    def pass_outputs(self, output: Any) -> Any:
        """The output for the module to return.

        Its Tensors that need a gradient have passed through one node, so that `_keep` gets all their gradients at once.
        """
        outputs = _as_tuple(output)
        if not _any_needs_gradient(outputs):
            return output
        passed = _through_one_node(outputs, self._keep)
        return passed if isinstance(output, tuple) else passed[0]

    def _keep(self, grad_output: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Keep the gradients of the outputs, and return them if hooks have replaced them.

        If no gradients of inputs are to come, call the hooks that wait for these now.
        """
        given = grad_output
        for hook in self.before:
            changed = hook.function(self.module, grad_output)
            if changed is not None:
                grad_output = self._validated(changed, len(given), "outputs")
        self.grad_output = grad_output
        if not self.needs_input_gradients:
            self._call((None,) * self.argument_count)
        return None if grad_output is given else grad_output

    def _validated(self, changed: Any, count: int, what: str) -> tuple[Any, ...]:
        """The gradients that a hook has returned, as a tuple of `count`."""
        if len(_as_tuple(changed)) != count:
            raise ValueError(
                f"a backward hook of {type(self.module).__name__} returned {len(_as_tuple(changed))} gradients for "
                f"{count} {what}: return a tuple of {count}, or None"
            )
        return _as_tuple(changed)

    def _call(self, grad_input: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Call the hooks, and return the gradients of the inputs, which hooks may have replaced."""
        # The pass of a second derivative may come to the inputs without having come to the outputs.
        if self.grad_output is None:
            return None
        for hook in self.hooks:
            changed = hook.function(self.module, grad_input, self.grad_output)
            if changed is not None:
                grad_input = self._validated(changed, self.argument_count, "arguments")
        self.grad_output = None
        return grad_input


def _through_one_node(values: Sequence[Any], hook: Callable[[tuple[Any, ...]], Any]) -> tuple[Any, ...]:
    """The same `values`, but all Tensors that need a gradient are cut out of one vector, and so share one node.

    The backward pass calls `hook` once, with a tuple that has a gradient for each value, or None if the value needs no
    gradient. If the hook returns a tuple, this replaces the gradients.
    """
    positions = [i for i, value in enumerate(values) if isinstance(value, Tensor) and value.requires_grad]
    ends = list(itertools.accumulate((values[i].numel() for i in positions), initial=0))

    def split(vector: Tensor) -> tuple[Any, ...]:
        """Cut `vector` into Tensors like those among `values` that need a gradient. All other values become None."""
        pieces: dict[int, Any] = {}
        for i, (start, end) in zip(positions, itertools.pairwise(ends), strict=True):
            pieces[i] = vector[start:end].reshape(*values[i].shape).to(values[i].dtype)
        return tuple(pieces.get(i) for i in range(len(values)))

    def join(parts: Sequence[Any]) -> Any:
        return np.concatenate([parts[i].reshape(-1) for i in positions])

    def on_gradient(gradient: Tensor) -> Tensor | None:
        replaced = hook(split(gradient))
        return None if replaced is None else join(replaced)

    joined = join(values)
    joined.register_hook(on_gradient)
    return tuple(value if piece is None else piece for value, piece in zip(values, split(joined), strict=True))
