"""Module: a plain object whose parameters, buffers and submodules are found by walking its attributes.

Nothing intercepts assignment: what is held in an attribute, or in a list or dict in one, is part of the module, in the
order in which it was put there. So a subclass need not even call ``super().__init__()``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike

from .._tensor import Tensor
from ..autograd import no_grad
from .parameter import Parameter

__all__ = ["Module", "where_called"]


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


def _found(name: str, value: Any, kind: type) -> Iterator[tuple[str, Any]]:
    """The instances of `kind` at `value` or inside the containers there, not entering modules."""
    if isinstance(value, kind):
        yield name, value
    else:
        for key, entry in _entries(value):
            yield from _found(f"{name}.{key}", entry, kind)


class Module:
    """The base of all layers and models: write ``forward``, hold parameters and modules as attributes.

    >>> from tinygrad_mlp import nn
    >>> class Twice(nn.Module):
    ...     def __init__(self):
    ...         self.layers = [nn.Linear(3, 3), nn.Linear(3, 3, bias=False)]
    ...     def forward(self, x):
    ...         return self.layers[1](self.layers[0](x).tanh())
    >>> [name for name, _ in Twice().named_parameters()]
    ['layers.0.weight', 'layers.0.bias', 'layers.1.weight']
    """

    training = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; subclasses write it."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(self, ...): write one")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
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

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their paths, in order; shared ones once unless `remove_duplicate` is False."""
        seen: set[Parameter] = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for module_path, module in modules:
            for name, value in module._attributes():
                for path, parameter in _found(_join(module_path, name), value, Parameter):
                    if parameter not in seen:
                        if remove_duplicate:
                            seen.add(parameter)
                        yield path, parameter

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once, in order."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    # --- what is done to all of it ------------------------------------------------------------------------------------

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call ``fn(module)`` for every module, children first."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Put every module into training mode, or out of it."""
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

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.detach().zero_()

    def to(self, dtype: DTypeLike) -> Self:
        """Convert all parameters to `dtype`."""
        for parameter in self.parameters():
            parameter._data = parameter._data.astype(dtype)
            parameter.grad = None
        return self

    def float(self) -> Self:
        """Convert all parameters to float32."""
        return self.to(np.float32)

    def double(self) -> Self:
        """Convert all parameters to float64."""
        return self.to(np.float64)

    # --- the state ----------------------------------------------------------------------------------------------------

    def _state(self) -> dict[str, Tensor]:
        return dict(self.named_parameters(remove_duplicate=False))

    def state_dict(self) -> dict[str, Tensor]:
        """The parameters by path, detached and sharing memory with the module, as PyTorch's do."""
        return {path: held.detach() for path, held in self._state().items()}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy entries of `state_dict` into the parameters of the same path.

        Raises:
            RuntimeError: shapes differ, or, if `strict`, paths do; nothing has been changed then.
        """
        own = self._state()
        arrays = {path: np.asarray(value) for path, value in state_dict.items()}
        missing = [path for path in own if path not in arrays]
        unexpected = [path for path in arrays if path not in own]
        problems = [
            f"{path} has shape {own[path].shape}, but the state has {array.shape}"
            for path, array in arrays.items()
            if path in own and own[path].shape != array.shape
        ]
        if strict:
            problems += [f"{path} is missing" for path in missing] + [f"{path} is unexpected" for path in unexpected]
        if problems:
            raise RuntimeError(f"this state does not fit {type(self).__name__}: " + "; ".join(problems))
        with no_grad():
            for path, array in arrays.items():
                if path in own:
                    own[path].copy_(array)
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


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def where_called(layer: Module) -> str:
    """The path of `layer` in the outermost module being called, and the line that called it, for an error message.

    For example ``net[2] at train.py:41``. It is found on the stack, so a call that goes well pays nothing for it.
    """
    frame = sys._getframe(1)
    root = layer
    package = Path(__file__).parent.parent
    while frame.f_back is not None and Path(frame.f_code.co_filename).is_relative_to(package):
        if isinstance(caller := frame.f_locals.get("self"), Module):
            root = caller
        frame = frame.f_back
    while isinstance(outer := frame.f_locals.get("self"), Module) and frame.f_back is not None:
        root = outer  # the forward() of a module of the user's
        frame = frame.f_back
        while frame.f_back is not None and Path(frame.f_code.co_filename).is_relative_to(package):
            frame = frame.f_back
    scope = {**frame.f_globals, **frame.f_locals}
    name = next((name for name, value in scope.items() if value is root), type(root).__name__)
    path = next((path for path, module in root.named_modules() if module is layer), "")
    steps = "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in path.split(".") if step)
    return f"{name}{steps} at {Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
