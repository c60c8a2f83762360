"""How well a network does: its loss and accuracy on a data set, and the record of both after an iteration."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..tensors.arguments import array_of

__all__ = ["Record", "Score", "accuracy", "decisions"]


class Score(NamedTuple):
    """How well a network does on a data set."""

    loss: float  # summed over the samples
    accuracy: float
    samples: int


class Record(NamedTuple):
    """The scores of a network after the update of an iteration. Printed, a record is the line of a report.

    >>> from tinygrad_mlp.training.scores import Record, Score
    >>> print(Record(10000, Score(8070.125, 0.87, 54000), None))
    Iteration 10000 - training loss: 8070.1250 | training accuracy: 0.8700
    """

    iteration: int
    training: Score
    validation: Score | None

    def __str__(self) -> str:
        scores = [("training", self.training), ("validation", self.validation)]
        return f"Iteration {self.iteration} - " + " | ".join(
            f"{data} loss: {score.loss:.4f} | {data} accuracy: {score.accuracy:.4f}" for data, score in scores if score
        )


def accuracy(labels: ArrayLike, predictions: ArrayLike) -> float:
    """The fraction of the samples whose largest prediction is in the column of the largest label.

    Both arguments have the shape (n, d). A single column (d = 1) holds probabilities of a yes: there, a prediction is
    right if it is on the same side of ½ as the label.

    Raises:
        ValueError: the shapes differ, or are not (n, d) with n and d at least 1.
        TypeError: an argument is masked, or is not numeric.

    >>> from tinygrad_mlp.training import accuracy
    >>> accuracy([[0, 1], [1, 0]], [[0.2, 0.3], [0.4, 0.6]])
    0.5
    >>> accuracy([[1], [0]], [[0.8], [0.3]])
    1.0
    """
    labels, predictions = array_of(labels), array_of(predictions)
    if labels.shape != predictions.shape or labels.ndim != 2 or not labels.size:
        raise ValueError(f"labels and predictions have one shape (n, d), not {labels.shape} and {predictions.shape}")
    return float(np.mean(decisions(labels) == decisions(predictions)))


def decisions(outputs: Any) -> Any:
    """For each row of `outputs`, the column of the largest entry; for a single column, whether the entry is above ½."""
    return outputs[:, 0] > 0.5 if outputs.shape[1] == 1 else outputs.argmax(axis=1)
