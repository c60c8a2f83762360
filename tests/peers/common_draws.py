"""PyTorch's random numbers, drawn by this package: after the same seed, the same calls draw the same numbers in both.

Each operator that PyTorch marks as random is caught where PyTorch dispatches it, whichever function, layer, initializer
or distribution has called it. This package's function or method of the same name draws instead, from one generator.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import tinygrad_mlp as tg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing PyTorch gives warnings
    torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_map

LEFT_OUT = {"device", "pin_memory", "layout", "memory_format", "generator"}  # of the options


def ours(value: Any) -> Any:
    """A Tensor or a dtype of PyTorch's as one of this package's; anything else as it is."""
    if isinstance(value, torch.Tensor):
        return tg.tensor(value.detach().numpy())
    return getattr(tg, str(value).partition(".")[2]) if isinstance(value, torch.dtype) else value


class DrawnHere(TorchDispatchMode):
    """While it is entered, PyTorch's random operators draw here, and those that do not exist here raise an error."""

    def __torch_dispatch__(self, operator: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        name, options = operator.overloadpacket.__name__, dict(options or {})
        if name == "random_" and not arguments[0].ndim:
            return arguments[0].zero_()  # a seed for a loader, which has no use for it: see `common_draws`
        if name != "random_" and torch.Tag.nondeterministic_seeded not in operator.tags:
            return operator(*arguments, **options)
        draw = getattr(tg.Tensor if name.endswith("_") else tg, name)
        options = {option: ours(value) for option, value in options.items() if option not in LEFT_OUT}
        drawn = torch.from_numpy(draw(*tree_map(ours, arguments), **options).numpy())
        return arguments[0].copy_(drawn) if name.endswith("_") else drawn


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """PyTorch's function, with a mask that is drawn here: PyTorch draws what is kept, this package what is not."""
    mask = tg.nn.functional.dropout(tg.ones(*input.shape), p, training)
    return input * torch.from_numpy(mask.numpy()).to(input.dtype)


@contextmanager
def common_draws() -> Iterator[None]:
    """Let PyTorch's random numbers be drawn here: its seed, its operators, its dropout, and its loaders' orders.

    PyTorch's loader draws a seed, and from it one permutation more than it uses. This package's draws the permutation.
    """
    with pytest.MonkeyPatch.context() as patch, DrawnHere():
        patch.setattr(torch, "manual_seed", tg.manual_seed)
        patch.setattr(torch.nn.functional, "dropout", dropout)
        order = torch.utils.data.RandomSampler
        patch.setattr(order, "__iter__", lambda sampler: iter(torch.randperm(len(sampler.data_source)).tolist()))
        yield
