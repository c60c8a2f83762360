"""The contestants: one small file each, written as the users of that library write, on the same problem.

A file has a function for each contest that it takes part in. The function takes a `Problem` and returns a `Contest`:

- ``train`` does an SGD step for each batch (tanh, binary cross entropy on logits, summed). Its result is the weights,
  and then the biases.
- ``lookup`` does an SGD step for each batch of indices, with the squared error of the rows of a table at these indices,
  summed. Its result is the table.
- ``predict`` computes the probabilities for each array in x. Its result is all probabilities in one array.
- ``chain`` computes ``t = t * rate``, `size` times, and goes backward from the sum. Its result is the gradient at the
  start.
- ``experiment`` trains the two epochs of the document's experiment, with reports. Its result is the weights.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BASELINES", "CONTESTANTS", "PEAK", "Contestant"]


class Contestant(NamedTuple):
    """What is measured, such as a library: a row of the table below.

    Its package is imported in the contestant's own file (`name`), which only the contestant's process reads.
    """

    name: str  # of its module in this folder
    title: str
    contests: str  # the names of its functions
    distribution: str  # the package whose version is reported
    statement: str  # the import of a user, for the workload `start`
    biases: bool = True
    quick: bool = True  # whether it starts fast enough for a quick run


# fmt: off
CONTESTANTS = (
    Contestant("tinygrad_mlp",          "tinygrad_mlp",              "train lookup predict chain experiment", "", "import tinygrad_mlp"),  # noqa: E501
    Contestant("tinygrad_mlp_captured", "tinygrad_mlp, captured",    "train lookup", "", ""),
    Contestant("pytorch",               "PyTorch",                   "train lookup predict chain experiment", "torch", "import torch"),  # noqa: E501
    Contestant("pytorch_compiled",      "PyTorch, torch.compile",    "train", "torch", "", quick=False),
    Contestant("pytorch_sparse",        "PyTorch, sparse gradient",  "lookup", "torch", ""),
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

PEAK = "blas_peak"  # no contestant but a measure: one product of matrices with as many operations as the step
BASELINES = ("tinygrad_mlp", "tinygrad_mlp_captured", PEAK)  # each contestant's time is compared with theirs
