"""The state of modules: what ``state_dict()`` returns and ``load_state_dict()`` takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..autograd.grad_mode import no_grad
from ..core import guard
from ..tensors.refusals import shown
from ..tensors.states import converted, described, real_array, validate_state_dict
from ..tensors.tensor import Tensor
from .hooks import Hookable, Hooks
from .parameter import is_lazy

__all__ = ["EXTRA_STATE", "IncompatibleKeys", "Stateful"]


class IncompatibleKeys(NamedTuple):
    """The result of `Module.load_state_dict`: the paths that the state lacks, and those that the module lacks."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Stateful(Hookable):
    """The part of `Module` that saves and loads states."""

    named_modules: Callable[..., Any]
    get_submodule: Callable[..., Any]
    _named: Callable[..., Any]

    def state_dict(
        self, *, destination: dict[str, Any] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """The parameters and the persistent buffers by path. They share memory with the module, as in PyTorch.

        Args:
            destination: a dict to put them in; a new one by default.
            prefix: what each path begins with.
            keep_vars: give the parameters and buffers themselves, instead of detached Tensors.

        Raises:
            ValueError: two of them have the same path, as those of the keys 1 and "1" of a dict have.
        """
        hooked = self._hooked(prefix)
        for module, hooks, path in hooked:
            for hook in hooks.before_saving.values():
                hook.function(module, path, keep_vars)
        own = self._state()
        destination = {} if destination is None else destination
        for path, held in own.items():
            destination[prefix + path] = held if keep_vars or not isinstance(held, Tensor) else held.detach()
        for module, hooks, path in reversed(hooked):
            for hook in hooks.after_saving.values():
                _validate_none(hook.function(module, destination, path, {}))
        return destination

    def _state(self) -> dict[str, Any]:
        """The parameters and persistent buffers themselves, and the extra states, by path."""
        own: dict[str, Any] = {}
        for path, held in self._named(lambda module: module._own_state(), "", recurse=True, remove_duplicate=False):
            if own.setdefault(path, held) is not held:
                raise ValueError(
                    f"two parameters or buffers of {type(self).__name__} have the path {path!r}, and a state_dict "
                    "holds one: rename a dict key or an attribute, which may hold a dot, or be 1 beside '1'"
                )
        return own

    def _hooked(self, prefix: str = "") -> list[tuple[Any, Hooks, str]]:
        """The modules with hooks, outer ones first, each with its hooks and the beginning of all paths in its state."""
        return [
            (module, module._module_hooks, f"{prefix}{path}." if path else prefix)
            for path, module in self.named_modules(remove_duplicate=False)
            if module._module_hooks is not None
        ]

    def get_extra_state(self) -> Any:
        """What else the state of this module holds, under ``_extra_state``. Subclasses may write this method.

        Raises:
            RuntimeError: this module has none.
        """
        raise RuntimeError(f"{type(self).__name__} has no extra state: write get_extra_state(self)")

    def set_extra_state(self, state: Any) -> None:
        """Take over what `get_extra_state` has returned, when a state is loaded. Subclasses write both methods.

        Raises:
            RuntimeError: this module has no extra state.
        """
        raise RuntimeError(f"{type(self).__name__} takes no extra state: write set_extra_state(self, state)")

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy the Tensors or arrays of `state_dict` into the parameters and buffers of the same paths.

        Args:
            state_dict: Tensors or arrays by path. They are converted to the dtypes that the module has.
            strict: raise an error if the paths are not exactly those of the module's own state.
            assign: let the module hold the arrays of `state_dict` themselves, with their dtypes, instead of copies.

        Raises:
            RuntimeError: the state does not fit in shapes, in kinds of numbers or in their size, as 1e300 does not fit
                into float32; or, if `strict`, in paths. The error names the paths. Then nothing has been changed,
                unless hooks wait for the end of loading.
            TypeError: `state_dict` is no dict, but the path of a file, for example.
        """
        state_dict = dict(validate_state_dict(state_dict, self))
        keys, problems = IncompatibleKeys([], []), list[str]()
        # All hooks and comparisons come before the first write, so that a state that does not fit changes nothing.
        hooked = self._hooked()
        for module, hooks, path in hooked:
            for hook in hooks.before_loading.values():
                hook.function(module, state_dict, path, {}, strict, *keys, problems)
        own = self._state()
        keys.missing_keys.extend(path for path in own if path not in state_dict)
        keys.unexpected_keys.extend(path for path in state_dict if path not in own)
        arrays: dict[str, Any] = {}
        for path, held in own.items():
            given = state_dict.get(path)
            if path not in state_dict or _is_extra(path) or (is_lazy(held) and is_lazy(given)):
                continue
            try:
                arrays[path] = _fitted(given, held, assign)
            except ValueError as error:
                problems.append(f"{path} {error}")
        # Hooks after loading may take paths out of `keys`. If there are any, wrong paths are only refused after them.
        waiting = [(module, hook) for module, hooks, _ in reversed(hooked) for hook in hooks.after_loading.values()]
        self._refuse_state(problems + _misfits(keys) * (strict and not waiting))
        _load(own, arrays, state_dict, assign)
        for path in filter(_is_extra, own):
            if path in state_dict:
                self.get_submodule(path.rpartition(".")[0]).set_extra_state(state_dict[path])
        for module, hook in waiting:
            _validate_none(hook.function(module, keys))
        self._refuse_state(_misfits(keys) * strict)
        return keys

    def _refuse_state(self, problems: list[str]) -> None:
        """Raise RuntimeError if there are problems with a state."""
        if problems:
            raise RuntimeError(f"this state does not fit {type(self).__name__}: " + "; ".join(problems))


EXTRA_STATE = "_extra_state"  # the name of what `get_extra_state` returns, in a state


def _validate_none(returned: Any) -> None:
    """Raise RuntimeError if a hook returned something: it is to change the object that it is given."""
    if returned is not None:
        raise RuntimeError(f"a hook of a state changes what it is given, and returns None, not {shown(returned)}")


def _is_extra(path: str) -> bool:
    return path.rpartition(".")[2] == EXTRA_STATE


def _misfits(keys: IncompatibleKeys) -> list[str]:
    """What to say of the paths that the state and the module do not have in common."""
    return [f"{path} is missing" for path in keys.missing_keys] + [
        f"{path} is unexpected" for path in keys.unexpected_keys
    ]


@no_grad()
def _load(own: dict[str, Any], arrays: dict[str, Any], state: Mapping[str, Any], assign: bool) -> None:
    """Copy the `arrays` into the Tensors of the same paths; or, if `assign`, let these hold them."""
    for path, array in arrays.items():
        held = own[path]
        if is_lazy(held):
            held.materialize(array.shape)
        if assign:
            held._data = array if isinstance(state[path], Tensor) else guard.guard_foreign(array)
        else:
            held.copy_(Tensor._of(array))


def _fitted(value: Any, own: Tensor, assign: bool) -> Any:
    """The array to load into `own` from `value`: its own array if `assign`, else a copy in the dtype of `own`.

    Raises:
        ValueError: it does not fit. The message goes on after the path of `own`.
    """
    if is_lazy(value):
        raise ValueError("has a shape, but in the state it has none: call the network once before saving it")
    array = real_array(value)
    if is_lazy(own) and array is not None and array.dtype.kind == "f":
        return array if assign else converted(array, own.dtype)
    if array is None or (assign and array.dtype.kind != own.dtype.kind):
        raise ValueError(f"holds {own.dtype} of shape {own.shape}, but the state has {described(value)}")
    if array.shape != own.shape:
        raise ValueError(f"has shape {own.shape}, but the state has {array.shape}")
    try:
        return array if assign else converted(array, own.dtype)
    except ValueError as error:
        raise ValueError(f"holds {own.dtype}, but the state has {error}") from None
