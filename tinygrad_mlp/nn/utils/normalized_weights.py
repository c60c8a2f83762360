"""Weights that are normalized by slices, or divided by their largest singular value, under the names of 2017.

`parametrizations.py` has the newer forms, whose parameters have other names.
"""

from __future__ import annotations

from typing import Any, TypeVar

from ...autograd.grad_mode import no_grad
from ...tensors.arguments import dim_of
from ...tensors.creation import ones
from ...tensors.random import AnyGenerator
from ...tensors.refusals import number
from ...tensors.tensor import Tensor
from ..init import normal_
from ..module import Module
from ..parameter import Parameter
from .computed import Computed, add_computed, computed_in, remove_computed, taken_out

__all__ = [
    "Spectrum", "norm_except", "remove_spectral_norm", "remove_weight_norm", "spectral_norm", "weight_norm",
]  # fmt: skip

M = TypeVar("M", bound=Module)


def norm_except(weight: Tensor, dim: int | None) -> Tensor:
    """The norm of each slice of `weight` along `dim`, in a shape that broadcasts; of all of it for None and −1."""
    if dim is None or dim == -1:
        return weight.norm()
    own = dim_of(dim, weight)
    axes = tuple(axis for axis in range(weight.ndim) if axis != own)
    return weight.norm(dim=axes, keepdim=True) if axes else weight.abs()


def _removed(module: Any, kind: type[Computed], name: str, suffixes: list[str], function: str) -> None:
    """Let `module` hold the attribute `name` as a parameter again, in place of those with these suffixes.

    Raises:
        ValueError: the attribute is not computed by this `kind`.
    """
    if not isinstance(computed_in(module).get(name), kind):
        raise ValueError(f"{function} of '{name}' not found in {module}")
    training, module.training = module.training, False  # in evaluation mode no iteration goes on
    with no_grad():
        weight = getattr(module, name)
    module.training = training
    remove_computed(module, name)
    for suffix in suffixes:
        delattr(module, name + suffix)
    module.register_parameter(name, Parameter(weight.detach()))


# --- by slices --------------------------------------------------------------------------------------------------------


class _WeightNorm(Computed):
    def __init__(self, name: str, dim: int | None) -> None:
        super().__init__(name)
        self.dim = dim

    def value(self, module: Any) -> Tensor:
        direction, length = (getattr(module, self.name + suffix) for suffix in ("_v", "_g"))
        return direction * (length / norm_except(direction, self.dim))  # type: ignore[no-any-return]


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Replace a weight W by its norm g and a direction v, with ``W = g v / ‖v‖`` (Salimans & Kingma 2016).

    The parameters ``weight_g`` and ``weight_v`` take the place of ``weight``, which is computed when it is read.

    Args:
        module: the module that has the weight.
        name: the name of the weight.
        dim: each slice along this dimension has a norm of its own. With None there is one norm.

    Returns:
        The module.

    Raises:
        ValueError: the module has no such parameter.
        RuntimeError: it is computed from others already.
    """
    weight = taken_out(module, name).detach()
    module.register_parameter(name + "_g", Parameter(norm_except(weight, dim)))
    module.register_parameter(name + "_v", Parameter(weight))
    add_computed(module, _WeightNorm(name, dim))
    return module


def remove_weight_norm(module: M, name: str = "weight") -> M:
    """Undo `weight_norm`: the weight, as it is now, is a parameter again.

    Raises:
        ValueError: `weight_norm` was not called for it.
    """
    _removed(module, _WeightNorm, name, ["_g", "_v"], "weight_norm")
    return module


# --- by the largest singular value ------------------------------------------------------------------------------------


class Spectrum:
    """Estimates the largest singular value of a weight by power iteration, which each training step takes further.

    The iteration begins with drawn vectors, and changes them in place (Miyato et al. 2018).
    """

    def __init__(self, n_power_iterations: int, eps: float, dim: int) -> None:
        number(n_power_iterations, "n_power_iterations is a positive integer", lambda n: n > 0)
        self.n_power_iterations = n_power_iterations
        self.eps = eps
        self.dim = dim

    def matrix(self, weight: Tensor) -> Tensor:
        """The weight as a matrix, of which `dim` counts the rows."""
        order = [self.dim, *(axis for axis in range(weight.ndim) if axis != self.dim % weight.ndim)]
        return weight.permute(*order).flatten(1)

    def begun(self, weight: Tensor, generator: AnyGenerator | None) -> list[Tensor]:
        """Drawn vectors of norm 1 for the rows and the columns of the matrix."""
        vectors = [normal_(ones(n, dtype=weight.dtype), generator=generator) for n in self.matrix(weight).shape]
        return [self._normalized(vector) for vector in vectors]

    @no_grad()
    def go_on(self, matrix: Tensor, rows: Tensor, columns: Tensor, times: int) -> None:
        """Take the power iteration further."""
        for _ in range(times):
            rows.copy_(self._normalized(matrix @ columns))
            columns.copy_(self._normalized(matrix.mT @ rows))

    def divided(self, weight: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """The weight, divided by the estimate of its largest singular value."""
        return weight / (rows.clone() @ self.matrix(weight) @ columns.clone())

    def _normalized(self, vector: Tensor) -> Tensor:
        return vector / vector.norm().clamp(min=self.eps)


class _SpectralNorm(Computed):
    def __init__(self, name: str, spectrum: Spectrum) -> None:
        super().__init__(name)
        self.spectrum = spectrum

    def value(self, module: Any) -> Tensor:
        weight, rows, columns = (getattr(module, self.name + suffix) for suffix in ("_orig", "_u", "_v"))
        if module.training:
            # The columns come first here, and the rows in the newer form, as in PyTorch.
            self.spectrum.go_on(self.spectrum.matrix(weight).mT, columns, rows, self.spectrum.n_power_iterations)
        return self.spectrum.divided(weight, rows, columns)


def spectral_norm(
    module: M,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
    *,
    generator: AnyGenerator | None = None,
) -> M:
    """Divide a weight by its largest singular value, whenever it is read (Miyato et al. 2018).

    The parameter ``weight_orig`` takes the place of ``weight``. The singular value is estimated by power iteration: its
    two vectors are the buffers ``weight_u`` and ``weight_v``, and in training mode they change with each reading.

    Args:
        module: the module that has the weight.
        name: the name of the weight.
        n_power_iterations: the number of iterations with each reading.
        eps: the smallest norm to divide by.
        dim: the dimension that counts the rows of the weight as a matrix; 0 by default.
        generator: draws the first vectors.

    Returns:
        The module.

    Raises:
        ValueError: the module has no such parameter, or `n_power_iterations` is not positive.
        RuntimeError: it is computed from others already.
    """
    spectrum = Spectrum(n_power_iterations, eps, dim or 0)
    weight = taken_out(module, name)
    module.register_parameter(name + "_orig", weight)
    for suffix, vector in zip(("_u", "_v"), spectrum.begun(weight.detach(), generator), strict=True):
        module.register_buffer(name + suffix, vector)
    add_computed(module, _SpectralNorm(name, spectrum))
    return module


def remove_spectral_norm(module: M, name: str = "weight") -> M:
    """Undo `spectral_norm`: the weight, as it is now, is a parameter again.

    Raises:
        ValueError: `spectral_norm` was not called for it.
    """
    _removed(module, _SpectralNorm, name, ["_orig", "_u", "_v"], "spectral_norm")
    return module
