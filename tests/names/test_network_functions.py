"""Activations that are methods, or functions of the package, compute what those of `nn.functional` compute."""

import numpy as np
import pytest
from checks import Method, check_method
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mlp as tg
from tinygrad_mlp.nn import functional as F

CALLS: list[Method] = [
    ("function celu", lambda x: tg.celu(x, 0.5), lambda x: np.where(x.real > 0, x, (np.exp(2 * x) - 1) / 2)),
    ("function rrelu", lambda x: tg.rrelu(x, 0.25, 0.75), lambda x: np.where(x.real > 0, x, x / 2)),
    (
        "function selu",
        lambda x: tg.selu(x),
        lambda x: 1.0507009873554805 * np.where(x.real > 0, x, 1.6732632423543772 * (np.exp(x) - 1)),
    ),
    ("function threshold", lambda x: tg.threshold(x, 0.5, -2), lambda x: np.where(x.real > 0.5, x, -2)),
    ("function celu_", lambda x: tg.celu_(x * 1, 0.5), lambda x: np.where(x.real > 0, x, (np.exp(2 * x) - 1) / 2)),
    ("function rrelu_", lambda x: tg.rrelu_(x * 1, 0.25, 0.75), lambda x: np.where(x.real > 0, x, x / 2)),
    (
        "function selu_",
        lambda x: tg.selu_(x * 1),
        lambda x: 1.0507009873554805 * np.where(x.real > 0, x, 1.6732632423543772 * (np.exp(x) - 1)),
    ),
    ("function threshold_", lambda x: tg.threshold_(x * 1, 0.5, -2), lambda x: np.where(x.real > 0.5, x, -2)),
    ("hardshrink", lambda x: x.hardshrink(), lambda x: np.where(abs(x.real) > 0.5, x, 0)),
    ("prelu", lambda x: x.prelu(tg.tensor(np.array(0.25))), lambda x: np.where(x.real > 0, x, x / 4)),
]


@pytest.mark.parametrize("row", CALLS, ids=lambda row: row[0])
@given(data=st.data())
def test_functions_compute_what_numpy_computes(row: Method, data: st.DataObject) -> None:
    check_method(row, data, 1e-12)


def test_functions_of_the_package_are_those_of_networks() -> None:
    for name in ("celu", "rrelu", "selu", "threshold"):
        assert getattr(tg, name) is getattr(F, name)
