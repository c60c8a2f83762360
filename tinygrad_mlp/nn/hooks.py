"""The hooks of modules: what is called with a module before and after ``forward``, and with its gradients."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..tensors.tensor import RemovableHandle, Tensor

__all__ = ["Hook", "Hooks", "Observed", "as_tuple", "configuration"]


class _Configuration:
    """Counts the changes to modules, such as eval() or a new hook, after which a step may compute something else."""

    changes = 0


configuration = _Configuration()


class Hook(NamedTuple):
    """A function to be called with a module, and how."""

    function: Callable[..., Any]
    with_kwargs: bool = False
    always_call: bool = False


class Hooks:
    """The hooks of a module that has had some: before and after ``forward``, and when its gradients are known."""

    def __init__(self) -> None:
        self.before: dict[int, Hook] = {}
        self.after: dict[int, Hook] = {}
        self.backward: dict[int, Hook] = {}

    def __bool__(self) -> bool:
        return bool(self.before or self.after or self.backward)

    @staticmethod
    def register(hooks: dict[int, Hook], hook: Hook, prepend: bool) -> RemovableHandle:
        """Put `hook` behind or before the other `hooks`.

        Raises:
            TypeError: it is no function.
        """
        if not callable(hook.function):
            raise TypeError(f"a hook is a function, not {hook.function!r}")
        configuration.changes += 1
        handle = RemovableHandle(hooks, hook)
        if prepend:
            for earlier in list(hooks)[:-1]:
                hooks[earlier] = hooks.pop(earlier)
        return handle


def as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _any_tracked(values: Iterable[Any]) -> bool:
    return any(isinstance(value, Tensor) and value.requires_grad for value in values)


def _through_one_node(values: Sequence[Any], hook: Callable[[tuple[Any, ...]], Any]) -> tuple[Any, ...]:
    """`values` again, with the Tensors that need gradients passed through one node.

    So ``hook`` is called once with the gradients of all of them (None for the others), and may replace them.
    """
    tracked = [i for i, value in enumerate(values) if isinstance(value, Tensor) and value.requires_grad]
    ends = list(itertools.accumulate((values[i].numel() for i in tracked), initial=0))

    def split(joined: Tensor) -> tuple[Any, ...]:
        pieces: dict[int, Any] = {}
        for i, (start, end) in zip(tracked, itertools.pairwise(ends), strict=True):
            pieces[i] = joined[start:end].reshape(*values[i].shape).to(values[i].dtype)
        return tuple(pieces.get(i) for i in range(len(values)))

    def join(values: Sequence[Any]) -> Any:
        return np.concatenate([values[i].reshape(-1) for i in tracked])

    def on_gradient(gradient: Tensor) -> Tensor | None:
        replaced = hook(split(gradient))
        return None if replaced is None else join(replaced)

    joined = join(values)
    joined.register_hook(on_gradient)
    return tuple(value if piece is None else piece for value, piece in zip(values, split(joined), strict=True))


class Observed:
    """One call of a module with backward hooks, between two nodes at which its gradients come by on their way back."""

    def __init__(self, module: Any, hooks: Hooks) -> None:
        self.module = module
        self.hooks = tuple(hooks.backward.values())
        self.arguments = 0
        self.needs_input_gradients = False
        self.grad_output: tuple[Any, ...] | None = None

    def watch_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments to call ``forward`` with."""
        self.arguments = len(args)
        self.needs_input_gradients = _any_tracked(args)
        return _through_one_node(args, self._call) if self.needs_input_gradients else args

    def watch_outputs(self, output: Any) -> Any:
        """What to return as the module's output."""
        outputs = as_tuple(output)
        if not _any_tracked(outputs):
            return output
        observed = _through_one_node(outputs, self._keep)
        return observed if isinstance(output, tuple) else observed[0]

    def _keep(self, grad_output: tuple[Any, ...]) -> None:
        self.grad_output = grad_output
        if not self.needs_input_gradients:
            self._call((None,) * self.arguments)

    def _call(self, grad_input: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if self.grad_output is None:  # a second derivative's pass, which comes to the inputs by another way
            return None
        for hook in self.hooks:
            changed = hook.function(self.module, grad_input, self.grad_output)
            if changed is not None:
                if len(as_tuple(changed)) != self.arguments:
                    raise ValueError(
                        f"a backward hook of {type(self.module).__name__} returned {len(as_tuple(changed))} gradients "
                        f"for {self.arguments} arguments: return a tuple of {self.arguments}, or None"
                    )
                grad_input = as_tuple(changed)
        self.grad_output = None
        return grad_input
