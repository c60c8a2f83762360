"""Module: a plain object whose parameters, buffers and submodules are found by walking its attributes.

Assignment files nothing away: what is held in an attribute, or in a list or dict in one, is part of the module, in the
order in which it was put there. So a subclass need not even call ``super().__init__()``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike

from ..core.mode import no_grad
from ..core.tape import effect, observer, observers
from ..tensors.arguments import array_of, dtype_to
from ..tensors.tensor import Tensor
from .changes import configuration
from .hooks import Hookable
from .parameter import Parameter

__all__ = ["Module", "check_module"]


_NOTHING = object()


class IncompatibleKeys(NamedTuple):
    """What a non-strict `Module.load_state_dict` could not place."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """The named entries of a container."""
    if isinstance(value, list | tuple):
        yield from ((str(i), entry) for i, entry in enumerate(value))
    elif isinstance(value, dict):
        yield from ((str(key), entry) for key, entry in value.items())


def _found(name: str, value: Any, kind: type, within: tuple[int, ...] = ()) -> Iterator[tuple[str, Any]]:
    """The instances of `kind` at `value` or inside the containers there, not entering modules."""
    if isinstance(value, kind):
        yield name, value
    elif id(value) not in within:  # a container may hold itself
        for key, entry in _entries(value):
            yield from _found(f"{name}.{key}", entry, kind, (*within, id(value)))


class Module(Hookable):
    """The base of all layers and models: write ``forward``, hold parameters and modules as attributes.

    >>> from tinygrad_mlp import nn
    >>> class Twice(nn.Module):
    ...     def __init__(self):
    ...         self.layers = [nn.Linear(3, 3), nn.Linear(3, 3, bias=False)]
    ...     def forward(self, x):
    ...         return self.layers[1](self.layers[0](x).tanh())
    >>> [name for name, _ in Twice().named_parameters()]
    ['layers.0.weight', 'layers.0.bias', 'layers.1.weight']

    Raises:
        TypeError: later, where something else than a Parameter or None is assigned in the place of a Parameter.
    """

    training = True
    _buffers: Mapping[str, bool] = MappingProxyType({})  # by name: whether a buffer is part of the state

    # Whoever compares modules with what they were does so again after this counter has moved.
    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(vars(self).get(name), Parameter) and not isinstance(value, Parameter | None):
            raise TypeError(
                f"{type(self).__name__}.{name} is a Parameter, and a {type(value).__name__} in its place would not be "
                "trained or saved: assign nn.Parameter(...), or copy_() into it under no_grad()"
            )
        if vars(self).get(name, _NOTHING) is not value:
            configuration.changes += 1
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        configuration.changes += 1
        super().__delattr__(name)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; subclasses write it."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(self, ...): write one")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if observers:
            observer().use(self)
        if self._module_hooks is not None:
            return self._call_with_hooks(self._module_hooks, args, kwargs)
        return self.forward(*args, **kwargs)

    # --- the tree -----------------------------------------------------------------------------------------------------

    def _attributes(self) -> Iterator[tuple[str, Any]]:
        """What this module holds, by name."""
        return iter(vars(self).items())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules held directly, each once, with their names."""
        seen: set[Module] = set()
        for name, value in self._attributes():
            for path, module in _found(name, value, Module):
                if module not in seen:
                    seen.add(module)
                    yield path, module

    def children(self) -> Iterator[Module]:
        """The modules held directly, each once."""
        return (module for _, module in self.named_children())

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it, with their paths; shared ones once unless `remove_duplicate` is False."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, value in self._attributes():
            for path, module in _found(_join(prefix, name), value, Module):
                yield from module.named_modules(memo, path, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def get_submodule(self, target: str) -> Module:
        """The module at the path `target`, such as ``"layers.0"``.

        Raises:
            AttributeError: there is none.
        """
        modules = dict(self.named_modules(remove_duplicate=False))
        if target not in modules:
            raise AttributeError(f"{type(self).__name__} has no module {target!r}: it has {sorted(modules)}")
        return modules[target]

    def _own_parameters(self) -> Iterator[tuple[str, Tensor]]:
        for name, value in self._attributes():
            yield from _found(name, value, Parameter)

    def _own_buffers(self) -> Iterator[tuple[str, Tensor]]:
        return ((name, buffer) for name in self._buffers if (buffer := getattr(self, name, None)) is not None)

    def _own_state(self) -> Iterator[tuple[str, Tensor]]:
        yield from self._own_parameters()
        yield from ((name, buffer) for name, buffer in self._own_buffers() if self._buffers[name])

    def _named(
        self, own: Callable[[Module], Iterable[tuple[str, Any]]], prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        """What `own` yields for this module, and for those below it if `recurse`, with paths."""
        seen: set[Any] = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for module_path, module in modules:
            for name, held in own(module):
                if held not in seen:
                    if remove_duplicate:
                        seen.add(held)
                    yield _join(module_path, name), held

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their paths, in order; shared ones once unless `remove_duplicate` is False."""
        return self._named(Module._own_parameters, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once, in order."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their paths, in order; shared ones once unless `remove_duplicate` is False."""
        return self._named(Module._own_buffers, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once, in order."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    # --- putting something in it --------------------------------------------------------------------------------------

    def _check_name(self, name: str, kind: type) -> None:
        """Raise unless `name` is free for something of `kind`."""
        if not isinstance(name, str):
            raise TypeError(f"a name is a str, not {name!r}")
        if not name or "." in name:
            raise ValueError(f"a name cannot be empty or hold a dot, which separates names in a path, as {name!r} does")
        held = getattr(self, name, None)
        if held is not None and not isinstance(held, kind):
            raise ValueError(f"{type(self).__name__}.{name} is taken by {held!r}: choose another name")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Hold `param`, or None, as attribute `name`, as an assignment does.

        Raises:
            TypeError: `param` is no Parameter, or `name` no str.
            ValueError: `name` is empty, holds a dot, or is taken by something else.
        """
        self._check_name(name, Parameter)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"{name} is a Parameter or None, not {type(param).__name__}: write Parameter(tensor(...))")
        setattr(self, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Hold `tensor`, or None, as attribute `name`: part of the module but not trained, such as a running mean.

        It is converted by ``to`` and, if `persistent`, part of the state, as is what is assigned to it later.

        Raises:
            TypeError: `tensor` is no Tensor, or a Parameter; or `name` is no str.
            ValueError: `name` is empty, holds a dot, or is taken by something else.
        """
        self._check_name(name, Tensor)
        if tensor is not None and (not isinstance(tensor, Tensor) or isinstance(tensor, Parameter)):
            raise TypeError(f"a buffer is a Tensor that is no Parameter, or None, not {type(tensor).__name__}")
        setattr(self, name, tensor)
        self._buffers = {**self._buffers, name: persistent}

    def add_module(self, name: str, module: Module | None) -> None:
        """Hold `module`, or None, as attribute `name`, as an assignment does.

        Raises:
            TypeError: `module` is no Module, or `name` no str.
            ValueError: `name` is empty, holds a dot, or is taken by something else.
        """
        self._check_name(name, Module)
        if module is not None:
            check_module(module)
        setattr(self, name, module)

    # --- what is done to all of it ------------------------------------------------------------------------------------

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call ``fn(module)`` for every module, children first."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Put every module into training mode, or out of it.

        Raises:
            TypeError: `mode` is neither True nor False.
        """
        if not isinstance(mode, bool):
            raise TypeError(f"training mode is on or off, True or False, not {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Put every module out of training mode."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Collect gradients for all parameters, or for none."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    @effect
    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.detach().zero_()

    def to(self, dtype: DTypeLike) -> Self:
        """Convert all parameters with their gradients, and all floating buffers, to `dtype`.

        Raises:
            TypeError: `dtype` is not a floating one.
        """
        if dtype_to(dtype).kind != "f":
            raise TypeError(f"a module can be converted to float32 or float64, not to {np.dtype(dtype)}")
        for tensor in (*self.parameters(), *self.buffers()):
            if tensor.dtype.kind == "f":
                gradient = tensor.grad
                tensor._data = tensor._data.astype(dtype, copy=False)
                tensor.grad = None if gradient is None else gradient.detach().to(dtype)
        return self

    def float(self) -> Self:
        """Convert all parameters and floating buffers to float32."""
        return self.to(np.float32)

    def double(self) -> Self:
        """Convert all parameters and floating buffers to float64."""
        return self.to(np.float64)

    # --- the state ----------------------------------------------------------------------------------------------------

    def state_dict(
        self, *, destination: dict[str, Tensor] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Tensor]:
        """The parameters and the persistent buffers by path, sharing memory with the module, as PyTorch's do.

        Args:
            destination: a dict to put them in; a new one by default.
            prefix: what each path begins with.
            keep_vars: give the parameters themselves, not detached from the graph.
        """
        destination = {} if destination is None else destination
        for path, held in self._named(Module._own_state, "", recurse=True, remove_duplicate=False):
            destination[prefix + path] = held if keep_vars else held.detach()
        return destination

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy entries of `state_dict`, Tensors or arrays, into the parameters and buffers of the same path.

        With `assign` their memory and dtype are taken over instead of being copied and converted.

        Raises:
            RuntimeError: shapes or kinds of numbers differ, or, if `strict`, paths do; nothing has been changed then.
        """
        own = self.state_dict(keep_vars=True)
        arrays = {path: array_of(value) for path, value in state_dict.items()}
        missing = [path for path in own if path not in arrays]
        unexpected = [path for path in arrays if path not in own]
        problems = [
            f"{path} has shape {own[path].shape}, but the state has {array.shape}"
            for path, array in arrays.items()
            if path in own and own[path].shape != array.shape
        ]
        problems += [
            f"{path} holds {own[path].dtype}, but the state has {array.dtype}"
            for path, array in arrays.items()
            if path in own and (array.dtype.kind not in "fiub" or (assign and array.dtype.kind != own[path].dtype.kind))
        ]
        if strict:
            problems += [f"{path} is missing" for path in missing] + [f"{path} is unexpected" for path in unexpected]
        if problems:
            raise RuntimeError(f"this state does not fit {type(self).__name__}: " + "; ".join(problems))
        with no_grad():
            for path, array in arrays.items():
                if path in own and assign:
                    own[path]._data = array
                elif path in own:
                    own[path].copy_(state_dict[path])
        return IncompatibleKeys(missing, unexpected)

    # --- description --------------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What stands between the parentheses when the module is printed."""
        return ""

    def __repr__(self) -> str:
        children = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self.named_children()]
        if not children:
            return f"{type(self).__name__}({self.extra_repr()})"
        return "\n  ".join([f"{type(self).__name__}({self.extra_repr()}", *children]) + "\n)"


def check_module(value: Any) -> None:
    """Raise TypeError unless `value` is a Module."""
    if not isinstance(value, Module):
        advice = "Sequential(*layers)" if isinstance(value, list | tuple) else "Tanh(), not Tanh or tanh"
        raise TypeError(f"a module is wanted, not {value!r}: write {advice}")


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name
