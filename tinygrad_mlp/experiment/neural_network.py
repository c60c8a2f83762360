"""`NeuralNetwork`, the class of the document (sections 3 and 4), written with this package's modules and optimizer.

The README's section "The document" says which document that is. The network has tanh in its hidden layers and a sigmoid
at the end. It is trained on one sample a step, with the rate 1/(100 + 10k) in epoch k.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from .. import nn, training
from .._capture import capture
from .._optional import require
from ..autograd.grad_mode import no_grad
from ..nn import functional as F
from ..optim import SGD
from ..optim.lr_scheduler import LambdaLR
from ..tensors.arguments import floating_dtype
from ..tensors.random import AnyGenerator, numbers_from
from ..tensors.tensor import Tensor
from .arguments import Validator, layer_widths, whole_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..derivation.page import Derivation

__all__ = ["NeuralNetwork"]

Array = NDArray[Any]

BATCH = 1024  # rows that are evaluated at once: enough to keep BLAS busy, few enough for the processor's cache


def mean_square(logits: Tensor, labels: Tensor) -> Tensor:
    """½ Σ (y − σ(z))², the loss of section 2.1."""
    return 0.5 * F.mse_loss(logits.sigmoid(), labels, reduction="sum")


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """−Σ (y ln σ(z) + (1 − y) ln(1 − σ(z))), the loss of section 2.2. Its derivative by z is σ(z) − y (section 4)."""
    return F.binary_cross_entropy_with_logits(logits, labels, reduction="sum")


LOSSES = {"mean_square": mean_square, "cross_entropy": cross_entropy}


def learning_rate(k: int) -> float:
    """The learning rate in epoch k, counted from 0."""
    return 1 / (100 + 10 * k)


class NeuralNetwork:
    """A classifier of tanh layers and a sigmoid, trained sample by sample.

    Args:
        layers: the number of neurons in each layer, inputs first, outputs last; at least two. A single output is the
            probability of a yes; of several outputs, the largest one is the predicted class.
        loss: "mean_square" or "cross_entropy". Both are sums over the outputs and over the samples.
        monitor: print loss and accuracy every `n_save` iterations and at the end.
        plot: draw loss and accuracy against iterations at the end of `train`, which needs matplotlib. Where there is a
            display, the figures are shown and the program goes on; elsewhere they are saved in `out`.
        bias: whether the layers have a bias. The network in the document's text has one, that in its code does not.
        generator: draws the weights from N(0, 0.01²): a seed, a generator, or None for the default generator.
        dtype: float32 or float64.
        n_save: the number of iterations between two reports.
        out: the folder for figures.

    Attributes:
        model: the `tinygrad_mlp.nn.Sequential` that maps inputs (n, layers[0]) to outputs (n, layers[-1]).
        n_iterations: how many samples the network has been trained on so far.
        records: the scores every `n_save` iterations, each a `tinygrad_mlp.training.Record`. Empty if neither `monitor`
            nor `plot` asks for them.

    Raises:
        TypeError: a number of neurons or `n_save` is no integer; `dtype` is neither float32 nor float64; `generator` is
            neither a seed nor a generator.
        ValueError: there are fewer than two layers, a number is not positive, or the loss is unknown.

    >>> from tinygrad_mlp import NeuralNetwork
    >>> xor = [[0, 0], [0, 1], [1, 0], [1, 1]], [[0], [1], [1], [0]]
    >>> network = NeuralNetwork([2, 4, 1], loss="cross_entropy", bias=True, monitor=False, plot=False, generator=0)
    >>> network.predict(xor[0]).shape
    (4, 1)
    """

    def __init__(
        self,
        layers: Sequence[int],
        loss: str = "mean_square",
        monitor: bool = True,
        plot: bool = True,
        *,
        bias: bool = False,
        generator: int | AnyGenerator | None = None,
        dtype: DTypeLike = np.float32,
        n_save: int = 10_000,
        out: str | os.PathLike[str] = ".",
    ) -> None:
        widths = layer_widths(layers)
        if not isinstance(loss, str) or loss not in LOSSES:
            raise ValueError(f"loss is one of {sorted(LOSSES)}, not {loss!r}")
        dtype = floating_dtype(dtype)
        self.layers = widths
        self.loss = loss
        self.monitor = monitor
        self.plot = plot
        self.n_save = whole_number("n_save", n_save, least=1)
        self.out = out

        random = (
            np.random.default_rng(generator) if isinstance(generator, int | np.integer) else numbers_from(generator)
        )
        modules: list[nn.Module] = []
        for n_in, n_out in itertools.pairwise(widths):
            modules += [nn.Linear(n_in, n_out, bias, dtype=dtype, generator=random), nn.Tanh()]
        modules[-1] = nn.Sigmoid()
        self.model = nn.Sequential(*modules)
        for parameter in self.model.parameters():
            nn.init.normal_(parameter, std=0.01, generator=random)

        self.n_iterations = 0
        self.records: list[training.Record] = []
        # Predictions end with the sigmoid. The losses take logits, and apply the sigmoid themselves.
        self._logits = self.model[:-1]
        self._loss = LOSSES[loss]
        self._validator = Validator(widths, loss, dtype)
        self._optimizer = SGD(self.model.parameters(), lr=1.0)
        self._schedule = LambdaLR(self._optimizer, learning_rate)
        self._step = capture(_step(self._logits, self._loss, self._optimizer))

    # --- the records, one quantity at a time --------------------------------------------------------------------------

    @property
    def iterations(self) -> list[int]:
        """For each record, the number of the iteration after whose update the network was scored."""
        return [record.iteration for record in self.records]

    @property
    def training_loss(self) -> list[float]:
        """For each record, the loss summed over the training data."""
        return [record.training.loss for record in self.records]

    @property
    def training_accuracy(self) -> list[float]:
        """For each record, the fraction of the training data that was classified correctly."""
        return [record.training.accuracy for record in self.records]

    @property
    def validation_loss(self) -> list[float]:
        """For each record, the loss summed over the validation data; NaN where there was no such data."""
        return [record.validation.loss if record.validation else np.nan for record in self.records]

    @property
    def validation_accuracy(self) -> list[float]:
        """For each record, the fraction of the validation data that was classified correctly; NaN without such data."""
        return [record.validation.accuracy if record.validation else np.nan for record in self.records]

    # --- training and predicting --------------------------------------------------------------------------------------

    def train(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        epochs: int = 2,
        validation: ArrayLike | None = None,
        validation_label: ArrayLike | None = None,
    ) -> None:
        """Go through the data `epochs` times in its order, with an update after each sample.

        A second call goes on where the first one stopped, with the same weights, records and learning rate.

        Args:
            X: training data, shape (n, layers[0]).
            Y: training labels, shape (n, layers[-1]).
            epochs: how often to go through the data.
            validation: data that the reports score and the training does not use, shape (m, layers[0]).
            validation_label: the labels of `validation`, shape (m, layers[-1]).

        Raises:
            ValueError: data or labels are empty, do not have these shapes, or hold NaN or infinity; data and labels
                differ in length; with "cross_entropy", a label is outside [0, 1]; only one of `validation` and
                `validation_label` is given; `epochs` is negative.
            TypeError: data or labels are not numeric, or `epochs` is no integer.
            ImportError: `plot` is true, and matplotlib is not installed.
            OSError: figures are to be saved in `out`, and no file can be written there.
        """
        data = self._validator.pair("X", X, "Y", Y)
        if (validation is None) != (validation_label is None):
            raise ValueError("validation and validation_label belong together: pass both or neither")
        held_out = None
        if validation is not None and validation_label is not None:
            held_out = self._validator.pair("validation", validation, "validation_label", validation_label)
        epochs = whole_number("epochs", epochs, least=0)
        if self.plot:  # better an error now than after the training
            require("matplotlib", "plot=True, unlike plot=False,")
            if not training.has_display():
                training.writable_folder(self.out)

        iterations = epochs * len(data[0])
        last = self.n_iterations + iterations - 1
        with training.progress_bar(iterations, shown=self.monitor) as bar:
            for _ in range(epochs):
                for x, y in zip(_rows(data[0]), _rows(data[1]), strict=True):
                    self._step(x, y)
                    if self.n_iterations % self.n_save == 0 or self.n_iterations == last:
                        self._record(data, held_out)
                    self.n_iterations += 1
                    bar.update()
                self._schedule.step()
        self._optimizer.zero_grad()  # the last gradients are products that hold a view of `data`, which can be large
        if self.plot and self.records:
            self._plot()

    def predict(self, X: ArrayLike) -> Array:
        """The outputs for each row of `X`: an array of shape (n, layers[-1]), with numbers between 0 and 1.

        Raises:
            ValueError: `X` is empty, not of shape (n, layers[0]), or holds NaN or infinity.
            TypeError: `X` is not numeric.
        """
        data = self._validator.inputs("X", X)
        with no_grad():
            return np.concatenate([self.model(Tensor._of(data[rows]))._data for rows in _batches(len(data))])

    def explain(self, X: ArrayLike | None = None, Y: ArrayLike | None = None, *, notation: str = "rows") -> Derivation:
        """The derivation of this network's gradients as formulas; see `tinygrad_mlp.explain`.

        Args:
            X: inputs to verify the formulas with, shape (n, layers[0]). By default, one sample is drawn.
            Y: the labels of `X`, shape (n, layers[-1]).
            notation: "rows" for samples as rows, as the code has them, or "document" for samples as columns.

        Raises:
            ValueError: only one of `X` and `Y` is given, or they do not fit the network.

        >>> from tinygrad_mlp import NeuralNetwork
        >>> NeuralNetwork([2, 3, 1], generator=0).explain(notation="document").formulas["2.weight"]
        ['-D^{(3)} (y - g(z^{(3)})) (a^{(2)})^{\\\\top}']
        """
        if X is None and Y is None:
            random = np.random.default_rng(0)
            X, Y = random.normal(size=(1, self.layers[0])), random.uniform(size=(1, self.layers[-1]))
        elif X is None or Y is None:
            raise ValueError("X and Y belong together: pass both or neither")
        data, labels = self._validator.pair("X", X, "Y", Y)
        from ..derivation.page import explain  # imported here, because most programs do not need it

        return explain(self._loss(self._logits(Tensor._of(data)), Tensor._of(labels)), self.model, notation=notation)

    def _record(self, data: tuple[Array, Array], held_out: tuple[Array, Array] | None) -> None:
        """Score the network, if `monitor` or `plot` is true. Keep the record, and print it if `monitor` is true."""
        if self.monitor or self.plot:
            validation = None if held_out is None else self._score(*held_out)
            record = training.Record(self.n_iterations, self._score(*data), validation)
            self.records.append(record)
            if self.monitor:
                training.report(record)

    @no_grad()
    def _score(self, X: Array, Y: Array) -> training.Score:
        """The loss and the accuracy on the data `X` with the labels `Y`."""
        loss = correct = 0.0
        for rows in _batches(len(X)):
            logits, labels = self._logits(Tensor._of(X[rows])), Tensor._of(Y[rows])
            loss += self._loss(logits, labels).item()
            # Decide by outputs, as users of `predict` do: two logits may differ where the outputs round to one number.
            correct += (training.decisions(logits.sigmoid()._data) == training.decisions(Y[rows])).sum()
        return training.Score(loss, correct / len(X), len(X))

    def _plot(self) -> None:
        """Draw loss and accuracy against iterations. Show the figures where there is a display; else save them."""

        def drawing(quantity: str, draw: Callable[[Axes, list[training.Record]], None]) -> Callable[[Figure], None]:
            def on(figure: Figure) -> None:
                axes = figure.add_subplot(title=f"Training {quantity} vs Iterations ({self.loss})")
                draw(axes, self.records)
                axes.legend()

            return on

        drawings = {
            f"error_{self.loss}": drawing("Error", training.draw_loss),
            f"accuracy_{self.loss}": drawing("Accuracy", training.draw_accuracy),
        }
        if files := training.present(drawings, self.out):
            print(f"Plots saved: {', '.join(map(str, files))}")


def _step(logits: nn.Module, loss: Callable[[Tensor, Tensor], Tensor], optimizer: SGD) -> Callable[..., None]:
    """The function that trains on some rows and their labels: one forward pass, backward pass and update."""

    def update(x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        loss(logits(x), y).backward()
        optimizer.step()

    return update


def _rows(matrix: Array) -> Iterator[Tensor]:
    """Each row of `matrix` as a Tensor of shape (1, columns)."""
    return map(Tensor._of, matrix[:, None])


def _batches(n: int) -> Iterator[slice]:
    """Slices that cut `n` rows into batches."""
    return (slice(start, start + BATCH) for start in range(0, n, BATCH))
