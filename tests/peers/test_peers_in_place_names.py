"""Each method that ends in an underscore does to PyTorch's own samples what it does in PyTorch, gradients included."""

import warnings
from typing import Any

import numpy as np
import pytest
import test_peers_samples as peers
from agreement import close

import tinygrad_mlp as tg
from tinygrad_mlp.names.in_place import METHODS, WITH_FUNCTIONS

torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")

NAMES = {*f"{METHODS} {WITH_FUNCTIONS}".split()}
OPERATORS = {op.full_name: op for op in peers.op_db if op.name in NAMES and hasattr(tg.Tensor, op.name)}


def written(op: Any, sample: Any) -> dict[str, Any]:
    """What PyTorch finds when it writes to a copy of a sample's input; nothing where it refuses to."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch warns of functions that are new, or deprecated
            y = getattr(sample.input.clone(), f"{op.name}_")(*sample.args, **sample.kwargs)
        return peers.found(torch, y, peers.leaves_in([sample.input, *sample.args]))
    except (RuntimeError, TypeError):  # as of integers that would become floats
        return {}


def compare(op: Any, sample: Any) -> None:
    """Assert that both libraries write the same, and that gradients pass through the write in the same way."""
    if not isinstance(sample.input, torch.Tensor) or sample.broadcasts_input:  # which has no room for the result
        return
    if not sample.input.is_floating_point() and any(isinstance(value, float) for value in sample.kwargs.values()):
        return  # PyTorch cuts off the digits of a factor of integers
    if not (theirs := written(op, sample)):
        return
    given = [*map(peers.translated, (sample.input, *sample.args))]
    options = {name: peers.translated(value) for name, value in sample.kwargs.items()}
    method = getattr(tg.Tensor, f"{op.name}_")
    if peers.missing(method, options):
        return
    y = given[0].clone()
    assert method(y, *given[1:], **options) is y
    ours = peers.found(tg, y, peers.leaves_in(given))
    assert ours.keys() == theirs.keys()
    for what, their in theirs.items():
        close(ours[what], their, what)


@pytest.mark.parametrize("dtype", [torch.float64, torch.int64], ids=str)
@pytest.mark.parametrize("name", OPERATORS)
def test_what_is_written_is_what_pytorch_writes(name: str, dtype: Any) -> None:
    op = OPERATORS[name]
    if dtype not in op.supported_dtypes("cpu"):
        pytest.skip(f"PyTorch computes {name} of floats alone")
    torch.manual_seed(0)
    differentiable = op.supports_autograd and dtype.is_floating_point
    with np.errstate(all="ignore"):
        for sample in op.sample_inputs_func(op, "cpu", dtype, differentiable):
            compare(op, sample)
