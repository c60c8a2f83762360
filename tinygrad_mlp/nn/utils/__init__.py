"""Functions that limit gradients, make one vector of parameters, and compute a weight from other parameters."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..._left_out import missing
from .clip_grad import clip_grad_norm, clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm
from .convert_parameters import parameters_to_vector, vector_to_parameters

if TYPE_CHECKING:
    from . import parametrizations, parametrize
    from .normalized_weights import remove_spectral_norm, remove_weight_norm, spectral_norm, weight_norm

__all__ = [
    "clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm",
    "parameters_to_vector", "parametrizations", "parametrize", "remove_spectral_norm", "remove_weight_norm",
    "spectral_norm", "vector_to_parameters", "weight_norm",
]  # fmt: skip

if not TYPE_CHECKING:  # so that mypy finds misspelt names

    def __getattr__(name: str) -> Any:
        if name in ("parametrizations", "parametrize"):  # which few programs need, as those of normalized_weights
            return import_module(f".{name}", __name__)
        if name not in __all__:
            raise missing(__name__, name)
        return getattr(import_module(".normalized_weights", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
