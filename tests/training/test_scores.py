"""Accuracy counts right decisions, of one output as of several, and refuses shapes that do not fit."""

import numpy as np
import pytest

from tinygrad_mlp import training


@pytest.mark.parametrize(
    ("labels", "predictions", "expected"),
    [
        ([[1], [0], [1], [0]], [[0.9], [0.2], [0.4], [0.6]], 0.5),
        ([[1], [1]], [[0.51], [0.49]], 0.5),
        ([[1, 0, 0], [0, 0, 1]], [[0.3, 0.2, 0.1], [0.9, 0.1, 0.8]], 0.5),
        ([[0, 1]], [[0.4, 0.6]], 1.0),
    ],
)
def test_accuracy_counts_the_right_decisions(labels, predictions, expected):
    assert training.accuracy(labels, predictions) == expected


@pytest.mark.parametrize("shapes", [((3, 1), (3,)), ((3,), (3,)), ((2, 3), (3, 2)), ((0, 2), (0, 2))])
def test_accuracy_refuses_shapes_that_do_not_fit(shapes):
    with pytest.raises(ValueError, match="one shape"):
        training.accuracy(*map(np.zeros, shapes))
