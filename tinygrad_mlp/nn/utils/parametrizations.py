"""Parametrizations that are ready to use: see `parametrize`."""

from __future__ import annotations

from typing import Any

from ..._left_out import explain_in
from ...tensors.random import AnyGenerator
from ...tensors.tensor import Tensor
from ..module import Module
from .normalized_weights import Spectrum, norm_except
from .parametrize import register_parametrization

__all__ = ["spectral_norm", "weight_norm"]


class _WeightNorm(Module):
    """``g v / ‖v‖``, with a norm for each slice along `dim`."""

    def __init__(self, dim: int | None) -> None:
        self.dim = dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_v * (weight_g / norm_except(weight_v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Replace a weight W by its norm g and a direction v, with ``W = g v / ‖v‖`` (Salimans & Kingma 2016).

    The parameters are ``parametrizations.weight.original0``, which is g, and ``original1``, which is v. A state of
    `nn.utils.weight_norm`, which calls them ``weight_g`` and ``weight_v``, is loaded, too.

    Args:
        module: the module that has the weight.
        name: the name of the weight.
        dim: each slice along this dimension has a norm of its own. With None there is one norm.

    Raises:
        ValueError: the module has no such weight.
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    module.register_load_state_dict_pre_hook(_Renaming(name))
    return module


class _Renaming:
    """Renames the entries of an older state, before it is loaded."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, module: Module, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        older = [f"{prefix}{self.name}{suffix}" for suffix in ("_g", "_v")]
        if all(path in state for path in older):
            for i, path in enumerate(older):
                state[f"{prefix}parametrizations.{self.name}.original{i}"] = state.pop(path)


class _SpectralNorm(Module):
    """The weight, divided by its largest singular value; a vector, divided by its norm."""

    def __init__(
        self, weight: Tensor, n_power_iterations: int, dim: int, eps: float, generator: AnyGenerator | None
    ) -> None:
        self._spectrum = Spectrum(n_power_iterations, eps, dim)
        if weight.ndim > 1:
            rows, columns = self._spectrum.begun(weight.detach(), generator)
            self.register_buffer("_u", rows)
            self.register_buffer("_v", columns)
            self._spectrum.go_on(self._spectrum.matrix(weight.detach()), rows, columns, 15)

    _u: Tensor
    _v: Tensor

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return weight / weight.norm().clamp(min=self._spectrum.eps)
        if self.training:  # each reading takes the power iteration further
            self._spectrum.go_on(
                self._spectrum.matrix(weight.detach()), self._u, self._v, self._spectrum.n_power_iterations
            )
        return self._spectrum.divided(weight, self._u, self._v)

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
    *,
    generator: AnyGenerator | None = None,
) -> Module:
    """Divide a weight by its largest singular value, whenever it is read (Miyato et al. 2018).

    The singular value is estimated by power iteration: 15 iterations at first, and in training mode further ones with
    each reading. A vector is divided by its norm.

    Args:
        module: the module that has the weight.
        name: the name of the weight.
        n_power_iterations: the number of iterations with each reading.
        eps: the smallest norm to divide by.
        dim: the dimension that counts the rows of the weight as a matrix; 0 by default.
        generator: draws the vectors to begin with.

    Raises:
        ValueError: the module has no such weight, or `n_power_iterations` is not positive.
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"{module} has no parameter or buffer {name!r}")
    made = _SpectralNorm(weight, n_power_iterations, dim or 0, eps, generator)
    return register_parametrization(module, name, made)


explain_in(globals())
