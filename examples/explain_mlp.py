"""The gradients of a 784-256-10 network, derived by the framework as section 2 of the document derives them by hand.

The README says which document that is. No formula is written down here: each derivation is read from the graph of a
loss and from the rules that train the network. The exit status says whether the printed formulas, computed by NumPy,
give the gradients that backward() gives.
"""

import argparse
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_mlp as tg
from tinygrad_mlp import Tensor, nn, training
from tinygrad_mlp.nn import functional as F

LAYERS = (784, 256, 10)


def mean_square(output: Tensor, y: Any) -> Tensor:
    """Half the sum of the squared errors, the loss of section 2.1."""
    return 0.5 * F.mse_loss(output, y, reduction="sum")


def cross_entropy(output: Tensor, y: Any) -> Tensor:
    """The loss of section 2.2, of probabilities: the derivation then shows how the sigmoid's derivative cancels."""
    return F.binary_cross_entropy(output, y, reduction="sum")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print and draw both derivations. Returns 0, or 1 if one is wrong, or 2 if a picture cannot be drawn."""
    parser = argparse.ArgumentParser(
        prog="explain_mlp.py",
        description="Print how the document derives the gradients of its 784-256-10 network, for the mean square and "
        "the cross entropy loss, from the graphs of this network; and draw both derivations.",
        epilog="Exit status: 0 if the printed formulas compute the gradients, 1 if not, 2 without a picture.",
    )
    parser.add_argument("--out", default="out", metavar="FOLDER", help="where the pictures go (default: out)")
    options = parser.parse_args(arguments)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # some terminals cannot print all letters of the formulas
    try:
        return run(training.writable_folder(options.out))
    except (ImportError, OSError) as error:
        print(f"explain_mlp.py: error: {error}", file=sys.stderr)
        return 2


def run(folder: Path) -> int:
    """Derive, print and draw the gradients of both losses. Returns 0, or 1 if one is wrong."""
    generator = tg.Generator().manual_seed(0)
    inputs, hidden, outputs = LAYERS
    network = nn.Sequential(
        nn.Linear(inputs, hidden, bias=False, dtype=np.float64, generator=generator),
        nn.Tanh(),
        nn.Linear(hidden, outputs, bias=False, dtype=np.float64, generator=generator),
        nn.Sigmoid(),
    )
    x = tg.tensor(generator.numbers.normal(size=(1, inputs)))  # as standardised pixels are
    y = np.eye(outputs)[[3]]

    derivations = {}
    for loss in (mean_square, cross_entropy):
        derivations[loss.__name__] = tg.explain(loss(network(x), y), network, notation="document")
        title = f"{loss.__name__.replace('_', ' ').capitalize()}, layers {'-'.join(map(str, LAYERS))}"
        print(f"{title}\n{'=' * len(title)}\n\n{derivations[loss.__name__]}\n")
    for name, derivation in derivations.items():
        print(f"Picture: {derivation.save(folder / f'derivation_{name}.png')}")
    return 0 if all(derivation.is_verified for derivation in derivations.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
