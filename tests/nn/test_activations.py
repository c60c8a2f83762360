"""Each activation has the values and gradients of its formula, also at 0 and at infinity."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erf
from strategies import Array, leaf, numbers, shapes

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.autograd import gradcheck, gradgradcheck
from tinygrad_mlp.nn import activations
from tinygrad_mlp.nn import functional as F

ACTIVATIONS: dict[str, tuple[nn.Module, Callable[[Array], Array]]] = {
    "Identity": (nn.Identity("whatever", fits=True), lambda x: x),
    "Tanh": (nn.Tanh(), np.tanh),
    "Sigmoid": (nn.Sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
    "ReLU": (nn.ReLU(), lambda x: np.where(x > 0, x, 0)),
    "LeakyReLU": (nn.LeakyReLU(), lambda x: np.where(x > 0, x, 0.01 * x)),
    "LeakyReLU(0.3)": (nn.LeakyReLU(0.3), lambda x: np.where(x > 0, x, 0.3 * x)),
    "ELU": (nn.ELU(), lambda x: np.where(x > 0, x, np.exp(x) - 1)),
    "ELU(0.5)": (nn.ELU(0.5), lambda x: np.where(x > 0, x, 0.5 * (np.exp(x) - 1))),
    "GELU": (nn.GELU(), lambda x: x * (1 + erf(x / 2**0.5)) / 2),
    "GELU(tanh)": (nn.GELU("tanh"), lambda x: x / 2 * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3)))),
    "SiLU": (nn.SiLU(), lambda x: x / (1 + np.exp(-x))),
    "Softplus": (nn.Softplus(), lambda x: np.log(1 + np.exp(x))),
    "Softplus(2, 1)": (nn.Softplus(2, 1), lambda x: np.where(2 * x > 1, x, np.log(1 + np.exp(2 * x)) / 2)),
    "Softmax": (nn.Softmax(0), lambda x: np.exp(x) / np.exp(x).sum(0)),
    "LogSoftmax": (nn.LogSoftmax(-1), lambda x: np.log(np.exp(x) / np.exp(x).sum(-1, keepdims=True))),
}


def test_every_activation_is_in_the_table() -> None:
    assert {type(module).__name__ for module, _ in ACTIVATIONS.values()} == {*activations.__all__, "Identity"}


@pytest.mark.parametrize("name", ACTIVATIONS)
@given(data=st.data())
def test_values_and_gradients_are_those_of_the_formula(name: str, data: st.DataObject) -> None:
    module, by_hand = ACTIVATIONS[name]
    x = data.draw(numbers(data.draw(shapes(min_dims=1, min_side=1))))
    np.testing.assert_allclose(module(tg.tensor(x)).numpy(), by_hand(x), rtol=1e-12, atol=1e-15)
    assert module(tg.tensor(x).float()).dtype == np.float32
    assert gradcheck(module, leaf(x), atol=1e-7, rtol=1e-6)


def test_activation_functions_equal_the_methods_of_tensor() -> None:
    x = tg.tensor(np.random.default_rng(0).normal(size=(2, 3)))
    for function, method in [
        (F.tanh(x), x.tanh()), (F.sigmoid(x), x.sigmoid()), (F.relu(x), x.relu()), (F.softmax(x, 0), x.softmax(0)),
        (F.log_softmax(x, -1), x.log_softmax(-1)),
    ]:  # fmt: skip
        np.testing.assert_array_equal(function.numpy(), method.numpy())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_second_derivatives_of_activations(name: str) -> None:
    assert gradgradcheck(ACTIVATIONS[name][0], [leaf([[-1.5, -0.3, 0.4], [0.2, 1.7, -0.1]])], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("module", "at_zero"),
    [
        (nn.ReLU(), 0), (nn.LeakyReLU(0.2), 0.2), (nn.ELU(0.5), 0.5), (nn.GELU(), 0.5), (nn.GELU("tanh"), 0.5),
        (nn.SiLU(), 0.5), (nn.Softplus(), 0.5), (nn.Softplus(3), 0.5),
    ],
    ids=repr,
)  # fmt: skip
def test_gradients_at_zero(module: nn.Module, at_zero: float) -> None:
    x = leaf(0.0)
    module(x).backward()
    np.testing.assert_allclose(x.grad.item(), at_zero)


@pytest.mark.parametrize(
    ("module", "left", "right"),
    [
        (nn.ELU(2), -2, np.inf), (nn.Softplus(), 0, np.inf), (nn.LeakyReLU(), -np.inf, np.inf), (nn.Sigmoid(), 0, 1),
    ],
    ids=repr,
)  # fmt: skip
def test_values_and_gradients_far_from_zero(module: nn.Module, left: float, right: float) -> None:
    x = leaf([-np.inf, -1e4, 1e4, np.inf])
    y = module(x)
    y.backward(np.ones(4))
    assert y[0].item() == left
    assert y[-1].item() == right
    assert np.isfinite(x.grad.numpy()).all()


@pytest.mark.parametrize("layer", [nn.ReLU(inplace=True), nn.Dropout(0.5, True)], ids=repr)
def test_inplace_leaves_the_input_alone(layer: nn.Module) -> None:
    x = tg.tensor([-1.0, 2.0])
    layer(x)
    np.testing.assert_array_equal(x, [-1, 2])


@pytest.mark.parametrize("row", [[np.inf, 1.0], [np.inf, np.inf], [-np.inf, -np.inf], [np.nan, 1.0]], ids=str)
def test_a_softmax_without_a_finite_maximum_is_nan_throughout(row: list[float]) -> None:
    """As in PyTorch, and without a warning of NumPy's about a line of this package."""
    for x in (tg.tensor(row), np.array(row)):
        for softmax in (F.softmax, F.log_softmax, nn.Softmax(-1), nn.LogSoftmax(-1)):
            result = softmax(x, -1) if softmax in (F.softmax, F.log_softmax) else softmax(x)
            np.testing.assert_array_equal(result, [np.nan, np.nan])
    np.testing.assert_array_equal(tg.logsumexp(row, 0), np.max(row))
