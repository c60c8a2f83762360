"""The experiment of the document (see the README): is mean square or cross entropy the better loss to read digits?

Two networks, one for each loss, are trained on the same images in the same order, as in section 3 of the document. The
program prints and draws the results. With --target it is also a test: the exit status says whether the networks are
accurate enough.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

# With one sample a step, several threads of BLAS gain nothing, and beside other programs they wait for one another.
# NumPy and SciPy read this variable when they are imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from tinygrad_mlp import NeuralNetwork, training
from tinygrad_mlp.datasets import Preprocessed, load_digits, preprocess

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HIDDEN = {"mean_square": [256], "cross_entropy": [200]}  # the widths of the document's hidden layers
COLORS = {"mean_square": "C0", "cross_entropy": "C1"}

Array = NDArray[Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiment. Returns 0, or 1 if a network is below --target, or 2 if the experiment cannot be run."""
    options = parse(arguments)
    try:
        return run(options)
    except (ImportError, OSError, ValueError) as error:
        print(f"mnist_mlp.py: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mnist_mlp.py: interrupted", file=sys.stderr)
        return 130


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="mnist_mlp.py",
        description="Train a network to read handwritten digits, once with the mean square and once with the cross "
        "entropy loss, on the same images in the same order, and compare them. Without options: the document's "
        "experiment, two epochs of MNIST each.",
        epilog="Exit status: 0 if all went well, 1 if a network is below --target, 2 if the experiment cannot be run.",
    )
    option = parser.add_argument
    option(
        "--data",
        default="auto",
        metavar="auto|mnist|embedded|PATH",
        help="mnist: the standard files, from the cache or downloaded; embedded: 6,000 digits drawn from matplotlib's "
        "fonts; auto: mnist, or embedded where it cannot be downloaded; PATH: a folder with MNIST's files, or a .mat "
        "or .npz file (default: auto)",
    )
    option("--epochs", type=whole(1), default=2, metavar="N", help="passes through the training data (default: 2)")
    option(
        "--hidden",
        type=whole(1),
        nargs="+",
        metavar="N",
        help="neurons of each hidden layer (default: 256 with mean square, 200 with cross entropy)",
    )
    option("--loss", choices=["both", *HIDDEN], default="both", help="the loss to train with (default: both)")
    option("--seed", type=whole(0), default=0, metavar="N", help="of the shuffle and the weights (default: 0)")
    option("--dtype", choices=["float32", "float64"], default="float32", help="of all numbers (default: float32)")
    option(
        "--target",
        type=fraction,
        default=0.0,
        metavar="ACC",
        help="validation accuracy that each network has to reach, between 0 and 1 (default: 0)",
    )
    option("--out", default="out", metavar="FOLDER", help="where the pictures go (default: out)")
    return parser.parse_args(arguments)


def whole(least: int) -> Any:
    """A function for argparse that reads a whole number of at least `least`."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} up")
        return int(text)

    return read


def fraction(text: str) -> float:
    """A number between 0 and 1, read for argparse."""
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1")
    return number


def run(options: argparse.Namespace) -> int:
    """Train both networks, print what came of it and draw pictures. Returns the exit status."""
    images, labels, description = load_digits(options.data, progress=sys.stderr.isatty())
    print(f"Data: {description}")
    data = preprocess(images, labels, generator=options.seed, dtype=options.dtype)
    folder = training.writable_folder(options.out)  # an error is better now than after the training
    samples = training.save(partial(draw_samples, images, labels), folder / "digits.png", (8, 4.6))

    losses = list(HIDDEN) if options.loss == "both" else [options.loss]
    networks = {loss: train(loss, data, options) for loss in losses}
    outputs = {loss: network.predict(data.validation_x) for loss, network in networks.items()}
    accuracies = {loss: training.accuracy(data.validation_y, output) for loss, output in outputs.items()}

    print()
    for loss, accuracy in accuracies.items():
        print(f"Validation accuracy with {named(loss)}: {accuracy:.4f}")
    if len(networks) == 2:
        print(compare(networks, outputs, data.validation_y))

    files = [samples, training.save(partial(draw_curves, networks), folder / "curves.png", (11, 4.4))]
    for loss, output in outputs.items():
        draw = partial(draw_mistakes, named(loss), images[data.validation_index], data.validation_y, output)
        files.append(training.save(draw, folder / f"mistakes_{loss}.png", (8, 5.4)))
    print(f"\nPictures: {', '.join(map(str, files))}")

    below = [named(loss) for loss, accuracy in accuracies.items() if accuracy < options.target]
    if below:
        print(f"Below the target of {options.target:g}: {' and '.join(below)}", file=sys.stderr)
    return 1 if below else 0


def train(loss: str, data: Preprocessed, options: argparse.Namespace) -> NeuralNetwork:
    """A network, trained with this loss, with the time that it took printed."""
    layers = [data.train_x.shape[1], *(options.hidden or HIDDEN[loss]), data.train_y.shape[1]]
    iterations = options.epochs * len(data.train_x)
    network = NeuralNetwork(
        layers,
        loss,
        plot=False,  # `draw_curves` draws both networks in one picture
        generator=options.seed,
        dtype=options.dtype,
        n_save=min(10_000, max(1, iterations // 10)),  # as in the document, or more often, to have a curve at all
    )
    print(f"\n{named(loss).capitalize()}, layers {'-'.join(map(str, layers))}:")
    start = time.perf_counter()
    network.train(data.train_x, data.train_y, options.epochs, data.validation_x, data.validation_y)
    seconds = time.perf_counter() - start
    print(f"With {options.epochs} epoch{'s' * (options.epochs > 1)}, the training time is: {seconds:.1f} s")
    return network


def named(loss: str) -> str:
    """The name of a loss, as it is printed."""
    return loss.replace("_", " ")


def compare(networks: dict[str, NeuralNetwork], outputs: dict[str, Array], labels: Array) -> str:
    """A text about which loss is better, judged by the outputs of both networks for the same validation data."""
    right = {loss: output.argmax(axis=1) == labels.argmax(axis=1) for loss, output in outputs.items()}
    ahead, behind = sorted(networks, key=lambda loss: -right[loss].sum())
    only_ahead = int((right[ahead] & ~right[behind]).sum())
    only_behind = int((right[behind] & ~right[ahead]).sum())
    lead, n = only_ahead - only_behind, len(labels)
    if lead == 0:
        return f"Both losses come out even: each gets {right[ahead].sum():,} of {n:,} digits right."

    # McNemar's test: if both networks were equally good, each digit that only one of them gets right would be as random
    # as a coin. This is the lead in standard deviations of such coins.
    deviations = lead / (only_ahead + only_behind) ** 0.5
    return (
        f"{named(ahead).capitalize()} is ahead by {lead:,} of {n:,} validation digits: {only_ahead:,} it alone gets "
        f"right, {only_behind:,} {named(behind)} alone.\n"
        f"{judged(ahead, deviations)}\n{followed(networks, ahead, behind)}"
    )


def judged(ahead: str, deviations: float) -> str:
    """A sentence about what a lead of so many standard deviations means."""
    verdict = "more than chance would explain" if deviations > 2 else "which may well be chance"
    if deviations > 2:
        argued = "it is as" if ahead == "cross_entropy" else "it is other than"
    else:
        argued = "it neither supports nor contradicts what"
    return f"That is {deviations:.1f} standard deviations, {verdict}; {argued} section 4 of the document argues."


def followed(networks: dict[str, NeuralNetwork], ahead: str, behind: str) -> str:
    """A sentence about the reports during the training: when the better network was ahead."""
    better, worse = (np.array(networks[loss].validation_accuracy) for loss in (ahead, behind))
    iterations = networks[ahead].iterations
    level = iterations[int(np.argmax(better >= worse[-1]))]  # the first iteration with the other's final accuracy
    leading = int((better > worse).sum())
    return (
        f"It was ahead in {leading} of {len(iterations)} reports, and by iteration {level:,} it had reached what "
        f"{named(behind)} ended with after iteration {iterations[-1]:,}."
    )


# --- pictures ---------------------------------------------------------------------------------------------------------


def draw_curves(networks: dict[str, NeuralNetwork], figure: Figure) -> None:
    """Draw error and accuracy against iterations, for both networks."""
    from matplotlib.ticker import LogLocator

    error, accuracy = figure.subplots(1, 2)
    for loss, network in networks.items():
        training.draw_loss(error, network.records, named(loss), COLORS[loss])
        training.draw_accuracy(accuracy, network.records, named(loss), COLORS[loss])
    error.set(title="Error", yscale="log")
    error.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    error.yaxis.set_major_formatter("{x:g}")
    error.yaxis.set_minor_formatter("")
    accuracy.set(title="Accuracy")
    figure.legend(*error.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    # Leave the first record out of the range, since a network that has seen one digit is far below the others.
    later = [value for net in networks.values() for value in net.training_accuracy[1:] + net.validation_accuracy[1:]]
    if later:
        accuracy.set_ylim(max(0, min(later) - 0.02), 1)


def draw_samples(images: Array, labels: Array, figure: Figure) -> None:
    """Draw five samples of each digit, with a column for each digit."""
    figure.suptitle("Digits to learn from")
    axes = figure.subplots(5, 10)
    for digit in range(10):
        of_digit = images[labels == digit]
        for row in range(5):
            show(axes[row, digit], of_digit[row] if row < len(of_digit) else None)


def draw_mistakes(name: str, images: Array, labels: Array, outputs: Array, figure: Figure) -> None:
    """Draw the worst mistakes: those in which the output of the wrong class exceeds that of the right one by most."""
    rows, columns = 4, 8
    truth, answer = labels.argmax(axis=1), outputs.argmax(axis=1)
    each = np.arange(len(outputs))
    excess = outputs[each, answer] - outputs[each, truth]
    wrong = np.flatnonzero(answer != truth)
    worst = wrong[np.argsort(-excess[wrong], kind="stable")][: rows * columns]
    figure.suptitle(f"{name.capitalize()}: the {len(worst)} worst of {len(wrong)} mistakes in {len(labels):,} digits")
    for place, axes in enumerate(figure.subplots(rows, columns).flat):
        show(axes, images[worst[place]] if place < len(worst) else None)
        if place < len(worst):
            axes.set_title(f"{truth[worst[place]]}, read as {answer[worst[place]]}", fontsize=9)


def show(axes: Any, image: Array | None) -> None:
    """Draw an image, or leave the place empty."""
    axes.axis("off")
    if image is not None:
        axes.imshow(image, cmap="gray_r", vmin=0, vmax=255)


if __name__ == "__main__":
    sys.exit(main())
