"""Weights that modules compute from others, such as symmetric or orthogonal ones: parametrizations.

``register_parametrization(layer, "weight", Symmetric())`` moves the weight to
``layer.parametrizations.weight.original``, and ``layer.weight`` is what ``Symmetric()`` computes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..._left_out import explain_in
from ...autograd.grad_mode import no_grad
from ...tensors.refusals import shown
from ...tensors.tensor import Tensor
from ..containers import ModuleDict, ModuleList
from ..module import Module, validate_module
from ..parameter import Parameter
from .computed import Computed, add_computed, class_before, remove_computed

__all__ = [
    "ParametrizationList", "cached", "is_parametrized", "register_parametrization", "remove_parametrizations",
    "type_before_parametrizations",
]  # fmt: skip

_cache: dict[tuple[int, str], Tensor] = {}  # by the id of a module and a name: what was computed within `cached`
_depth = 0  # how many `cached` blocks are open


@contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrized weight only once within the block, also if it is read several times."""
    global _depth
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if not _depth:
            _cache.clear()


class ParametrizationList(ModuleList):
    """The parametrizations of one weight, and the parameters that they compute it from: ``original``.

    `register_parametrization` makes it. If the first parametrization has a ``right_inverse`` that returns several
    Tensors, these are ``original0``, ``original1`` and so on.

    Args:
        modules: the parametrizations; the first one is applied first.
        original: the weight until now, a parameter or a buffer.
        unsafe: let them change the shape and the dtype of the weight.

    Raises:
        ValueError: the parametrizations do not compute a Tensor of the shape and the dtype of `original`.
    """

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("a weight has one parametrization or more")
        super().__init__(modules)
        self.unsafe = unsafe
        with no_grad():
            # Go back through all parametrizations, to the originals that they compute the present weight from.
            inverse: Any = original
            for module in reversed(modules):
                inverse = _inverse(module, inverse)
            self.is_tensor = isinstance(inverse, Tensor)
            parts = [inverse] if self.is_tensor else list(inverse)
            if not parts or not all(isinstance(part, Tensor) for part in parts):
                raise ValueError(f"right_inverse returns a Tensor or several, not {shown(inverse)}")
            self._names = ["original"] if self.is_tensor else [f"original{i}" for i in range(len(parts))]
            if not unsafe:
                _validate_like(self._computed(parts), original, "a parametrization")
        if self.is_tensor:
            if inverse.dtype != original.dtype:
                raise ValueError(f"right_inverse makes {inverse.dtype} of {original.dtype}: return the same dtype")
            _write(original, inverse)  # into the Tensor that there was, because an optimizer may hold it
            parts = [original]
        for name, part in zip(self._names, parts, strict=True):
            if isinstance(original, Parameter):
                setattr(self, name, part if part is original else Parameter(part.detach(), original.requires_grad))
            else:
                self.register_buffer(name, part)

    def _computed(self, originals: Sequence[Tensor]) -> Any:
        """The weight: the first parametrization takes all originals, and each other one the result before it."""
        value: Any = self[0](*originals)
        for module in list(self)[1:]:
            value = module(value)
        return value

    def forward(self) -> Tensor:
        """Compute the weight."""
        return self._computed([getattr(self, name) for name in self._names])  # type: ignore[no-any-return]

    @no_grad()
    def right_inverse(self, value: Tensor) -> None:
        """Set the originals so that the weight is `value`.

        Raises:
            RuntimeError: a parametrization has no ``right_inverse``.
            ValueError: one returns Tensors of another number or dtype than before.
        """
        inverse: Any = value
        for module in reversed(list(self)):
            if not hasattr(module, "right_inverse"):
                raise RuntimeError(
                    f"a weight that {type(module).__name__} computes cannot be assigned: write its right_inverse(self, "
                    "weight), or change parametrizations."
                )
            inverse = module.right_inverse(inverse)
        parts = [inverse] if self.is_tensor else list(inverse)
        held = [getattr(self, name) for name in self._names]
        if len(parts) != len(held) or any(
            not isinstance(part, Tensor) or part.dtype != own.dtype for part, own in zip(parts, held, strict=True)
        ):
            raise ValueError(f"right_inverse returns what it returned at first, {len(held)} Tensors of the same dtypes")
        for own, part in zip(held, parts, strict=True):
            _write(own, part)


def _inverse(module: Any, value: Any) -> Any:
    """``module.right_inverse(value)``; or `value`, if the module does not have that method or leaves it to its base."""
    if not hasattr(module, "right_inverse"):
        return value
    try:
        return module.right_inverse(value)
    except NotImplementedError:
        return value


@no_grad()
def _write(original: Tensor, value: Tensor) -> None:
    """Let `original` have the entries of `value`, and remain the object that optimizers hold."""
    if value.shape == original.shape:
        original.copy_(value)
    else:
        original.data = value.detach().clone()


def _validate_like(value: Any, like: Tensor, what: str) -> None:
    """Raise ValueError unless `value` is a Tensor of the shape and the dtype of another."""
    if not isinstance(value, Tensor) or value.shape != like.shape or value.dtype != like.dtype:
        given = f"{value.dtype} of shape {value.shape}" if isinstance(value, Tensor) else shown(value)
        raise ValueError(
            f"{what} keeps the shape and the dtype of a weight, {like.dtype} of shape {like.shape}, but it makes "
            f"{given}: pass unsafe=True if that is meant"
        )


class _Parametrized(Computed):
    """A weight that a `ParametrizationList` computes."""

    def value(self, module: Any) -> Tensor:
        parametrization = module.parametrizations[self.name]
        if not _depth:
            return parametrization()  # type: ignore[no-any-return]
        key = (id(module), self.name)
        if key not in _cache:
            _cache[key] = parametrization()
        return _cache[key]

    def __set__(self, module: Any, value: Any) -> None:
        module.parametrizations[self.name].right_inverse(value)


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Let a module compute a weight by `parametrization`, whose ``forward`` takes the original and returns the weight.

    The original is the parameter ``parametrizations.<tensor_name>.original`` of the module. It is the weight until now;
    or, if `parametrization` has a method ``right_inverse``, what this makes of the weight. A second parametrization of
    the same weight is applied after the first.

    Args:
        module: the module that has the weight.
        tensor_name: the name of the weight, a parameter or a buffer.
        parametrization: the module that computes it.
        unsafe: let it change the shape and the dtype of the weight.

    Returns:
        The module, whose class is a new one below the class that it had.

    Raises:
        ValueError: the module has no such weight; or, unless `unsafe`, another shape or dtype comes out.
        TypeError: `parametrization` is not a Module.

    >>> from tinygrad_mlp import nn
    >>> from tinygrad_mlp.nn.utils import parametrize
    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).mT
    >>> layer = parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    >>> bool((layer.weight == layer.weight.mT).all()), list(layer.state_dict())
    (True, ['bias', 'parametrizations.weight.original'])
    """
    validate_module(parametrization)
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            with no_grad():
                weight = getattr(module, tensor_name)
                _validate_like(result := parametrization(weight), weight, "a parametrization")
                _validate_like(_inverse(parametrization, result), weight, "right_inverse")
        held: Any = module.parametrizations[tensor_name]  # type: ignore[attr-defined]
        held.append(parametrization)
        held.unsafe |= unsafe
        return module
    original = vars(module).get(tensor_name)
    is_buffer = tensor_name in module._buffers
    if not isinstance(original, Tensor) or not (isinstance(original, Parameter) or is_buffer):
        raise ValueError(
            f"{module} has no parameter, buffer or parametrized weight {tensor_name!r}: it has "
            f"{sorted(name for name, _ in [*module.named_parameters(), *module.named_buffers()])}"
        )
    made = ParametrizationList([parametrization], original, unsafe)
    delattr(module, tensor_name)
    module._buffers = {name: persistent for name, persistent in module._buffers.items() if name != tensor_name}
    if not is_parametrized(module):
        module.parametrizations = ModuleDict()
    module.parametrizations[tensor_name] = made  # type: ignore[attr-defined]
    add_computed(module, _Parametrized(tensor_name))
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether `module` has a parametrization; of the weight `tensor_name`, if that is given."""
    held = vars(module).get("parametrizations")
    return isinstance(held, ModuleDict) and (bool(held) if tensor_name is None else tensor_name in held)


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Let a weight be a parameter, or a buffer, of `module` again.

    Args:
        module: the module.
        tensor_name: the name of the weight.
        leave_parametrized: the weight is what the parametrizations compute; else it is the original.

    Returns:
        The module, of the class that it had before if no parametrization is left.

    Raises:
        ValueError: there is no parametrization; or the original is wanted, and there are several.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"{tensor_name!r} of {module} has no parametrization")
    parametrizations: Any = module.parametrizations  # type: ignore[attr-defined]
    held = parametrizations[tensor_name]
    if not held.is_tensor and not leave_parametrized:
        raise ValueError(f"{tensor_name!r} is computed from several originals: leave it parametrized")
    original = getattr(held, held._names[0])
    if leave_parametrized:
        with no_grad():
            weight = getattr(module, tensor_name).detach()
        if held.is_tensor:
            _write(original, weight)
        elif isinstance(original, Parameter):
            original = Parameter(weight, original.requires_grad)
        else:
            original = weight
    remove_computed(module, tensor_name)
    del parametrizations[tensor_name]
    if isinstance(original, Parameter):
        module.register_parameter(tensor_name, original)
    else:
        module.register_buffer(tensor_name, original)
    if not parametrizations:
        del module.parametrizations  # type: ignore[attr-defined]
    return module


def type_before_parametrizations(module: Module) -> type[Module]:
    """The class of `module`, or the one that it had before its first parametrization."""
    return class_before(module)


explain_in(globals())
