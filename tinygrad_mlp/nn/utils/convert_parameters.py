"""The entries of parameters as one vector, and back again."""

from __future__ import annotations

from collections.abc import Iterable

from ...tensors.creation import cat
from ...tensors.refusals import several, shown
from ...tensors.tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """One vector of the entries of all `parameters`, through which gradients flow back to them.

    Raises:
        ValueError: there are no parameters.
    """
    vectors = [parameter.reshape(-1) for parameter in several(parameters, "parameters")]
    if not vectors:
        raise ValueError("there are no parameters to make a vector of: pass net.parameters() of a module that has some")
    return cat(vectors)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Let each of the `parameters` hold its part of the vector `vec`, in the order of `parameters_to_vector`.

    From then on the parameters share the memory of `vec`, as in PyTorch: pass ``vec.clone()`` to go on writing to it.

    Raises:
        TypeError: `vec` is not a Tensor.
        ValueError: `vec` has fewer entries than the parameters. No parameter has been changed then.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected a Tensor of the entries of all parameters, not {shown(vec)}")
    held = list(several(parameters, "parameters"))
    needed = sum(parameter.numel() for parameter in held)
    if vec.ndim != 1 or vec.numel() < needed:
        raise ValueError(f"the parameters have {needed} entries, but the vector has shape {vec.shape}")
    start = 0
    for parameter in held:
        end = start + parameter.numel()
        parameter.data = vec[start:end].detach().reshape(parameter.shape)
        start = end
