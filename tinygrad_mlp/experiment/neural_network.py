"""NeuralNetwork: the class of the document (sections 3 and 4), as a thin face over the framework.

Tanh in the hidden layers, a sigmoid at the end, one sample a step, and the rate 1/(100 + 10k) in epoch k.
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
from ..core.mode import no_grad
from ..nn import functional as F
from ..optim import SGD
from ..optim.lr_scheduler import LambdaLR
from ..tensors.random import AnyGenerator, numbers_from
from ..tensors.tensor import Tensor
from .arguments import Validator, layer_widths, whole_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..derivation.derive import Derivation

__all__ = ["NeuralNetwork"]

Array = NDArray[Any]

BATCH = 1024  # rows evaluated at once: enough for BLAS, and small enough for the cache


def mean_square(logits: Tensor, labels: Tensor) -> Tensor:
    """½ Σ (y − g(z))², section 2.1."""
    return 0.5 * F.mse_loss(logits.sigmoid(), labels, reduction="sum")


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """−Σ (y ln g(z) + (1 − y) ln(1 − g(z))), section 2.2; its gradient by z is g(z) − y, section 4."""
    return F.binary_cross_entropy_with_logits(logits, labels, reduction="sum")


LOSSES = {"mean_square": mean_square, "cross_entropy": cross_entropy}


def learning_rate(k: int) -> float:
    """The rate in epoch k."""
    return 1 / (100 + 10 * k)


class NeuralNetwork:
    """A classifier of tanh layers and a sigmoid, trained sample by sample.

    Args:
        layers: the number of neurons in each layer, inputs first, outputs last; at least two. A single output is the
            probability of a yes; with more, the largest one is the predicted class.
        loss: "mean_square" or "cross_entropy"; both are sums, over the outputs and over the samples.
        monitor: print loss and accuracy every `n_save` iterations and at the end.
        plot: draw loss and accuracy against iterations at the end of `train`: shown where there is a display, without
            waiting for it to be closed; saved in `out` where there is none.
        bias: whether the layers have a bias, as the document's text does and its code does not.
        generator: what the weights are drawn from N(0, 0.01²) with: a seed, a generator, or None, the default one.
        dtype: float32 or float64.
        n_save: how many iterations lie between two reports.
        out: the folder for plots.

    Attributes:
        model: the `tinygrad_mlp.nn.Sequential` that maps inputs (n, layers[0]) to outputs (n, layers[-1]).
        n_iterations: how many samples it has been trained on so far.
        records: what it was worth every `n_save` iterations, as `tinygrad_mlp.training.Record`, if `monitor` or `plot`.

    Raises:
        TypeError: a number of neurons, or `n_save`, is no integer; the dtype is another; `generator` is neither a seed
            nor a generator.
        ValueError: fewer than two layers, a number that is not positive, or an unknown loss.

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
        if np.dtype(dtype) not in (np.float32, np.float64):
            raise TypeError(f"dtype is float32 or float64, not {np.dtype(dtype)}")
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
        # The loss takes logits, so that the sigmoid is the last step of a prediction but the first of the loss.
        self._logits = self.model[:-1]
        self._loss = LOSSES[loss]
        self._validator = Validator(widths, loss, np.dtype(dtype))
        self._optimizer = SGD(self.model.parameters(), lr=1.0)
        self._schedule = LambdaLR(self._optimizer, learning_rate)
        self._step = capture(_step(self._logits, self._loss, self._optimizer))

    # --- what was recorded --------------------------------------------------------------------------------------------

    @property
    def iterations(self) -> list[int]:
        """The iterations after whose update the entries of the four histories were recorded."""
        return [record.iteration for record in self.records]

    @property
    def training_loss(self) -> list[float]:
        """The loss, summed over the training data."""
        return [record.training.loss for record in self.records]

    @property
    def training_accuracy(self) -> list[float]:
        """The part of the training data that was classified correctly."""
        return [record.training.accuracy for record in self.records]

    @property
    def validation_loss(self) -> list[float]:
        """The loss, summed over the validation data; NaN where there was none."""
        return [record.validation.loss if record.validation else np.nan for record in self.records]

    @property
    def validation_accuracy(self) -> list[float]:
        """The part of the validation data that was classified correctly; NaN where there was none."""
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

        A second call goes on where the first stopped: with its weights, iterations, records and learning rate.

        Args:
            X: training data, shape (n, layers[0]).
            Y: training labels, shape (n, layers[-1]).
            epochs: how many times.
            validation: data to report on but not to train on, shape (m, layers[0]).
            validation_label: its labels, shape (m, layers[-1]).

        Raises:
            ValueError: data or labels are empty, of another shape, of different length, hold NaN or infinity, or, with
                "cross_entropy", labels outside [0, 1]; only one of `validation` and `validation_label` is given;
                `epochs` is negative.
            TypeError: data or labels are not numeric, or `epochs` is no integer.
            ImportError: plots are to be drawn, and matplotlib is not installed.
            OSError: plots are to be saved in `out`, and nothing can be.
        """
        data = self._validator.pair("X", X, "Y", Y)
        if (validation is None) != (validation_label is None):
            raise ValueError("validation and validation_label belong together: pass both or neither")
        held_out = None
        if validation is not None and validation_label is not None:
            held_out = self._validator.pair("validation", validation, "validation_label", validation_label)
        epochs = whole_number("epochs", epochs, least=0)
        if self.plot:  # what would fail after the training fails here
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
        self._optimizer.zero_grad()  # the last gradients are products with a view of `data`: let go of it
        if self.plot and self.records:
            self._plot()

    def predict(self, X: ArrayLike) -> Array:
        """The outputs for each row of `X`: shape (n, layers[-1]), between 0 and 1.

        Raises:
            ValueError: `X` is empty, not of shape (n, layers[0]), or holds NaN or infinity.
            TypeError: `X` is not numeric.
        """
        data = self._validator.inputs("X", X)
        with no_grad():
            return np.concatenate([self.model(Tensor._of(data[rows]))._data for rows in _batches(len(data))])

    def explain(self, X: ArrayLike | None = None, Y: ArrayLike | None = None, *, notation: str = "rows") -> Derivation:
        """The derivation of this network's gradients, for one sample or more; see `tinygrad_mlp.explain`.

        Args:
            X: the inputs that the formulas are verified with, shape (n, layers[0]); a drawn sample by default.
            Y: their labels, shape (n, layers[-1]).
            notation: "rows", as the code computes, or "document", in column vectors.

        Raises:
            ValueError: only one of `X` and `Y` is given, or they do not fit the network.

        >>> NeuralNetwork([2, 3, 1], generator=0).explain(notation="document").formulas["2.weight"]
        ['-D^{(3)} (y - g(z^{(3)})) (a^{(2)})^{\\\\top}']
        """
        if X is None and Y is None:
            random = np.random.default_rng(0)
            X, Y = random.normal(size=(1, self.layers[0])), random.uniform(size=(1, self.layers[-1]))
        elif X is None or Y is None:
            raise ValueError("X and Y belong together: pass both or neither")
        data, labels = self._validator.pair("X", X, "Y", Y)
        from ..derivation.derive import explain  # not at the head, for the sake of the time of the import

        return explain(self._loss(self._logits(Tensor._of(data)), Tensor._of(labels)), self.model, notation=notation)

    def _record(self, data: tuple[Array, Array], held_out: tuple[Array, Array] | None) -> None:
        """Score the network, keep the record and print it, as far as `monitor` and `plot` ask for it."""
        if self.monitor or self.plot:
            validation = None if held_out is None else self._score(*held_out)
            record = training.Record(self.n_iterations, self._score(*data), validation)
            self.records.append(record)
            if self.monitor:
                training.report(record)

    @no_grad()
    def _score(self, X: Array, Y: Array) -> training.Score:
        """What the network is worth on the data `X` with labels `Y`."""
        loss = correct = 0.0
        for rows in _batches(len(X)):
            logits, labels = self._logits(Tensor._of(X[rows])), Tensor._of(Y[rows])
            loss += self._loss(logits, labels).item()
            # Not by the logits: their order would tell apart outputs that have rounded to one number in `predict`.
            correct += (training.decisions(logits.sigmoid()._data) == training.decisions(Y[rows])).sum()
        return training.Score(loss, correct / len(X), len(X))

    def _plot(self) -> None:
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
    """One update, by the loss of some rows and their labels."""

    def update(x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        loss(logits(x), y).backward()
        optimizer.step()

    return update


def _rows(matrix: Array) -> Iterator[Tensor]:
    """Each row of `matrix`, (1, columns)."""
    return map(Tensor._of, matrix[:, None])


def _batches(n: int) -> Iterator[slice]:
    return (slice(start, start + BATCH) for start in range(0, n, BATCH))
