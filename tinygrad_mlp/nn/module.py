"""Module: a plain object whose parameters and submodules are found by looking through its attributes.

An assignment registers nothing. What an attribute holds, directly or in a list or dict, is part of the module, in the
order of the assignments. So a subclass need not call ``super().__init__()``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Never, Self

import numpy as np

from .._left_out import explains
from ..core.mode import observers
from ..jit import say_once
from ..tensors.casts import no_half, wanted
from ..tensors.devices import DeviceLike, no_device, validate_device
from ..tensors.dtypes import dtype_of_type
from ..tensors.observer import effect, observer
from ..tensors.refusals import shown
from ..tensors.tensor import Tensor
from .call_site import note_none, where_called
from .changes import configuration
from .parameter import Buffer, Parameter
from .state import EXTRA_STATE, Stateful

__all__ = ["Module", "find", "validate_module"]


_NOTHING = object()


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """The entries of a list, tuple or dict with their names; none for any other object."""
    if isinstance(value, list | tuple):
        yield from ((str(i), entry) for i, entry in enumerate(value))
    elif isinstance(value, dict):
        yield from ((str(key), entry) for key, entry in value.items())


def find(name: str, value: Any, kind: type, within: tuple[int, ...] = ()) -> Iterator[tuple[str, Any]]:
    """`value` if it is of `kind`; else the objects of `kind` in it, if it is a list, tuple or dict, at any depth.

    Each object comes with its path, which begins with `name`. `within` has the ids of the containers around `value`.
    """
    if isinstance(value, kind):
        yield name, value
    elif id(value) not in within:  # a container that holds itself is entered once
        for key, entry in _entries(value):
            yield from find(f"{name}.{key}", entry, kind, (*within, id(value)))


@explains("torch.nn.Module")
class Module(Stateful):
    """The base of all layers and models. A subclass writes ``forward``, and holds parameters and modules in attributes.

    >>> from tinygrad_mlp import nn
    >>> class Twice(nn.Module):
    ...     def __init__(self):
    ...         self.layers = [nn.Linear(3, 3), nn.Linear(3, 3, bias=False)]
    ...     def forward(self, x):
    ...         return self.layers[1](self.layers[0](x).tanh())
    >>> [name for name, _ in Twice().named_parameters()]
    ['layers.0.weight', 'layers.0.bias', 'layers.1.weight']

    Raises:
        TypeError: later, in an assignment that replaces a Parameter by something else than a Parameter or None.
    """

    training = True
    _buffers: Mapping[str, bool] = MappingProxyType({})  # the names of the buffers, and whether the state has them

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(vars(self).get(name), Parameter) and not isinstance(value, Parameter | None):
            raise TypeError(
                f"{type(self).__name__}.{name} is a Parameter, and a {type(value).__name__} in its place would not be "
                "trained or saved: assign nn.Parameter(...), or copy_() into it under no_grad()"
            )
        if vars(self).get(name, _NOTHING) is not value:  # to set what is set already changes nothing
            configuration.changes += 1
        super().__setattr__(name, value)
        if isinstance(value, Parameter) and name in self._buffers:
            self._buffers = {other: kept for other, kept in self._buffers.items() if other != name}
        if isinstance(value, Buffer):
            self._buffers = {**self._buffers, name: value.persistent}

    def __delattr__(self, name: str) -> None:
        configuration.changes += 1
        super().__delattr__(name)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output of the module. Subclasses write this method."""
        raise NotImplementedError(f"{where_called(self)}: {type(self).__name__} has no forward(self, ...): write one")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if observers:
            observer().use(self)
        if self._module_hooks is not None:
            output = self._call_with_hooks(self._module_hooks, args, kwargs)
        else:
            output = self.forward(*args, **kwargs)
        if output is None:
            note_none(self)
        return output

    # --- the tree -----------------------------------------------------------------------------------------------------

    def _attributes(self) -> Iterator[tuple[str, Any]]:
        """The attributes of this module that may hold parameters and modules, with their names."""
        return iter(vars(self).items())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules that this one holds directly, each once, with their names."""
        seen: set[Module] = set()
        for name, value in self._attributes():
            for path, module in find(name, value, Module):
                if module not in seen:
                    seen.add(module)
                    yield path, module

    def children(self) -> Iterator[Module]:
        """The modules that this one holds directly, each once."""
        return (module for _, module in self.named_children())

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all modules below it, with their paths.

        Args:
            memo: modules to leave out, with all below them.
            prefix: the path of this module, which the other paths begin with.
            remove_duplicate: give a module that is held in several places only once.
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, value in self._attributes():
            for path, module in find(_join(prefix, name), value, Module):
                yield from module.named_modules(memo, path, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """This module and all modules below it, each once."""
        return (module for _, module in self.named_modules())

    def get_submodule(self, target: str) -> Module:
        """The module at the path `target`, such as ``"layers.0"``.

        Raises:
            AttributeError: there is no module at that path.
            ValueError: there are two, such as those of the keys 1 and "1" of a dict.
        """
        modules = list(self.named_modules(remove_duplicate=False))
        found = {module for path, module in modules if path == target}
        if not found:
            raise AttributeError(f"{type(self).__name__} has no module {target!r}: it has {sorted(dict(modules))}")
        if len(found) > 1:
            raise ValueError(f"{type(self).__name__} has {len(found)} modules at {target!r}: rename a key or attribute")
        return found.pop()

    def _own_parameters(self) -> Iterator[tuple[str, Tensor]]:
        for name, value in self._attributes():
            yield from find(name, value, Parameter)

    def _own_buffers(self) -> Iterator[tuple[str, Tensor]]:
        return ((name, buffer) for name in self._buffers if (buffer := getattr(self, name, None)) is not None)

    def _own_state(self) -> Iterator[tuple[str, Any]]:
        """The entries of this module's own state: parameters, persistent buffers and an extra state."""
        yield from self._own_parameters()
        yield from ((name, buffer) for name, buffer in self._own_buffers() if self._buffers[name])
        if type(self).get_extra_state is not Stateful.get_extra_state:
            yield EXTRA_STATE, self.get_extra_state()

    def _named(
        self, own: Callable[[Module], Iterable[tuple[str, Any]]], prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        """What ``own(module)`` yields, with paths: for this module and, if `recurse`, for all modules below it."""
        seen: set[Any] = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for module_path, module in modules:
            for name, held in own(module):
                if remove_duplicate:
                    if held in seen:
                        continue
                    seen.add(held)
                yield _join(module_path, name), held

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their paths, in order.

        Args:
            prefix: what the paths begin with.
            recurse: include the parameters of the modules below this one.
            remove_duplicate: give a parameter that is held in several places only once.
        """
        return self._named(Module._own_parameters, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once, in order."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their paths, in order. The arguments are those of `named_parameters`."""
        return self._named(Module._own_buffers, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once, in order."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at the path `target`, such as ``"0.weight"``.

        Raises:
            AttributeError: there is no parameter at that path.
        """
        return self._at(target, "parameter", self.named_parameters(remove_duplicate=False))  # type: ignore[return-value]

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at the path `target`, such as ``"1.running_mean"``.

        Raises:
            AttributeError: there is no buffer at that path.
        """
        return self._at(target, "buffer", self.named_buffers(remove_duplicate=False))

    def _at(self, target: str, kind: str, named: Iterable[tuple[str, Tensor]]) -> Tensor:
        found = dict(named)
        if target not in found:
            raise AttributeError(f"{type(self).__name__} has no {kind} {target!r}: it has {sorted(found)}")
        return found[target]

    # --- adding to the module -----------------------------------------------------------------------------------------

    def _validate_name(self, name: str, kind: type) -> None:
        """Check that `name` can be the attribute, and a part of the path, of an object of `kind`.

        Raises:
            TypeError: `name` is not a str.
            ValueError: `name` is empty or holds a dot, or the attribute holds an object that is not of `kind`.
        """
        if not isinstance(name, str):
            raise TypeError(f"a name is a str, not {name!r}")
        if not name or "." in name:
            raise ValueError(f"a name cannot be empty or hold a dot, which separates names in a path, as {name!r} does")
        held = getattr(self, name, None)
        if held is not None and not isinstance(held, kind):
            raise ValueError(f"{type(self).__name__}.{name} is taken by {held!r}: choose another name")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Hold `param`, a Parameter or None, in the attribute `name`. An assignment does the same.

        Raises:
            TypeError: `param` is not a Parameter, or `name` is not a str.
            ValueError: `name` is empty, holds a dot, or is taken by something else.
        """
        self._validate_name(name, Parameter)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"{name} is a Parameter or None, not {type(param).__name__}: write Parameter(tensor(...))")
        setattr(self, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Hold `tensor`, a Tensor or None, in the attribute `name` as a buffer: not trained, such as a running mean.

        ``to`` converts buffers. If `persistent`, the buffer is part of the state. Both are true of a Tensor that is
        assigned to the attribute later, too.

        Raises:
            TypeError: `tensor` is not a Tensor, or is a Parameter; or `name` is not a str.
            ValueError: `name` is empty, holds a dot, or is taken by something else.
        """
        self._validate_name(name, Tensor)
        if tensor is not None and (not isinstance(tensor, Tensor) or isinstance(tensor, Parameter)):
            raise TypeError(f"a buffer is a Tensor that is no Parameter, or None, not {type(tensor).__name__}")
        setattr(self, name, tensor)
        self._buffers = {**self._buffers, name: persistent}

    def add_module(self, name: str, module: Module | None) -> None:
        """Hold `module`, a Module or None, in the attribute `name`. An assignment does the same.

        Raises:
            TypeError: `module` is not a Module, or `name` is not a str.
            ValueError: `name` is empty, holds a dot, or is taken by something else.
        """
        self._validate_name(name, Module)
        if module is not None:
            validate_module(module)
        setattr(self, name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """The same as `add_module`."""
        self.add_module(name, module)

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Hold `module` at the path `target`, in place of the one that is there, or beside the others.

        Args:
            target: the path, such as ``"block.0"``.
            module: the module to hold.
            strict: raise an error if there is no module at that path yet.

        Raises:
            AttributeError: there is no module to hold it; or `strict`, and there is none to replace.
            ValueError: `target` is empty, or is the path of something else.
            TypeError: `module` is not a Module.
        """
        validate_module(module)
        path, _, name = target.rpartition(".")
        holder = self.get_submodule(path)
        if strict:
            holder.get_submodule(name)
        holder.add_module(name, module)

    # --- changes to all modules ---------------------------------------------------------------------------------------

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call ``fn(module)`` for this module and all below it, children first."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Switch the training mode of this module and all below it on or off.

        Raises:
            TypeError: `mode` is neither True nor False.
        """
        if not isinstance(mode, bool):
            raise TypeError(f"training mode is on or off, True or False, not {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Change nothing, and say once what makes a training step faster. The arguments are those of `jit.compile`."""
        say_once("compile")

    def eval(self) -> Self:
        """Switch the training mode of this module and all below it off."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Collect gradients for all parameters, or stop collecting them."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    @effect
    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradients of all parameters to None, or to zeros if not `set_to_none`."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.detach().zero_()

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Convert all parameters with their gradients, and all floating buffers, to a dtype.

        The arguments are those of `Tensor.to`, without ``copy``: a dtype, the CPU, both, or a Tensor of the dtype.

        Raises:
            TypeError: the dtype is neither float32 nor float64, or the arguments are others.
            DeviceError: the device is not the CPU.
        """
        dtype, copy = wanted(args, kwargs)
        if copy:
            raise TypeError("a module is converted in place: leave copy= out, or write copy.deepcopy(net).to(...)")
        return self if dtype is None else self._cast(dtype)

    def _cast(self, dtype: np.dtype[Any]) -> Self:
        """Convert all floating parameters and buffers, and the gradients of the parameters."""
        if dtype.kind != "f":
            raise TypeError(f"a module can be converted to float32 or float64, not to {dtype}")
        for tensor in (*self.parameters(), *self.buffers()):
            if tensor.dtype.kind == "f":
                gradient = tensor.grad
                tensor._data = tensor._data.astype(dtype, copy=False)
                tensor.grad = None if gradient is None else gradient.detach().to(dtype)
        return self

    def type(self, dst_type: Any) -> Self:
        """Convert all parameters and floating buffers to a dtype, which `dst_type` names as for `Tensor.type`."""
        return self._cast(dtype_of_type(dst_type))

    def float(self) -> Self:
        """Convert all parameters and floating buffers to float32."""
        return self.to(np.float32)

    def double(self) -> Self:
        """Convert all parameters and floating buffers to float64."""
        return self.to(np.float64)

    def half(self) -> Never:
        """Raise TypeError: there is no float16."""
        no_half("half()")

    def bfloat16(self) -> Never:
        """Raise TypeError: there is no bfloat16."""
        no_half("bfloat16()")

    def cpu(self) -> Self:
        """This module, which is on the CPU."""
        return self

    def cuda(self, device: DeviceLike = None) -> Never:
        """Raise DeviceError: there is no GPU."""
        raise no_device("cuda")

    def to_empty(self, *, device: DeviceLike, recurse: bool = True) -> Self:
        """This module, whose parameters stay as they are: there is one device."""
        validate_device(device)
        return self

    def share_memory(self) -> Self:
        """This module, whose memory threads share anyway."""
        return self

    # --- description --------------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """The text between the parentheses when the module is printed. Subclasses may write this method."""
        return ""

    def __repr__(self) -> str:
        children = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self.named_children()]
        if not children:
            return f"{type(self).__name__}({self.extra_repr()})"
        return "\n  ".join([f"{type(self).__name__}({self.extra_repr()}", *children]) + "\n)"


def validate_module(value: Any) -> None:
    """Raise TypeError unless `value` is a Module."""
    if not isinstance(value, Module):
        advice = "Sequential(*layers)" if isinstance(value, list | tuple) else "nn.Tanh(), not nn.Tanh or F.tanh"
        raise TypeError(f"a module is wanted, not {shown(value)}: write {advice}")


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name
