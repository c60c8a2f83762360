"""The contestants: one small file each, written as the users of that library write, on the same problem.

A file defines a function for each contest it takes part in, from a `Problem` to a `Contest`:

- ``train``: an SGD step for each batch (tanh, binary cross entropy on logits, summed); then weights, then biases;
- ``predict``: probabilities for each x, on their own; then the concatenated probabilities;
- ``chain``: ``t = t * rate``, `size` times, and backward from the sum; then the gradient at the start;
- ``experiment``: the document's two epochs, from the initial weights, monitored; then the weights.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BASELINES", "CONTESTANTS", "PEAK", "Contestant"]


class Contestant(NamedTuple):
    """A row of the table below; what is imported stays in the contestant's own file and process."""

    name: str  # its module in this folder
    title: str
    contests: str
    distribution: str  # whose version is reported
    statement: str  # what a user imports
    biases: bool = True
    quick: bool = True  # whether a quick run has the time for it


# fmt: off
CONTESTANTS = (
    Contestant("tinygrad_mlp",          "tinygrad_mlp",              "train predict chain experiment", "", "import tinygrad_mlp"),  # noqa: E501
    Contestant("tinygrad_mlp_captured", "tinygrad_mlp, captured",    "train", "", ""),
    Contestant("pytorch",               "PyTorch",                   "train predict chain experiment", "torch", "import torch"),  # noqa: E501
    Contestant("pytorch_compiled",      "PyTorch, torch.compile",    "train", "torch", "", quick=False),
    Contestant("jax_jit",               "JAX, jit per step",         "train predict", "jax", "import jax.numpy"),
    Contestant("jax_scan",              "JAX, lax.scan",             "train experiment", "jax", ""),
    Contestant("autograd",              "HIPS autograd",             "train predict chain", "autograd", "import autograd.numpy"),  # noqa: E501
    Contestant("mygrad",                "MyGrad",                    "train predict chain", "mygrad", "import mygrad"),
    Contestant("sklearn",               "scikit-learn",              "train predict", "scikit-learn", "import sklearn.neural_network", quick=False),  # noqa: E501
    Contestant("micrograd",             "micrograd",                 "chain", "micrograd", "import micrograd.engine"),
    Contestant("document",              "the document",              "train predict experiment", "", "", biases=False),
    Contestant("numpy_by_hand",         "NumPy by hand",             "train predict", "numpy", "import numpy"),
    Contestant("blas_by_hand",          "NumPy + SciPy's BLAS",      "train predict", "scipy", "import numpy, scipy.special, scipy.linalg.blas"),  # noqa: E501
    Contestant("c_loop",                "C loop",                    "train predict", "", ""),
    Contestant("blas_peak",             "BLAS peak (gemm)",          "peak", "scipy", ""),
)
# fmt: on

PEAK = "blas_peak"  # a yardstick: it multiplies matrices of as many operations as the step has, and learns nothing
BASELINES = ("tinygrad_mlp", "tinygrad_mlp_captured", PEAK)  # what each contestant is compared with
