"""Each activation has the values and gradients of its formula, also at 0 and at infinity."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erf
from strategies import Array, leaf, numbers

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.autograd import gradcheck, gradgradcheck
from tinygrad_mlp.nn import activations
from tinygrad_mlp.nn import functional as F
from tinygrad_mlp.testing.strategies import shapes

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
    "CELU(0.5)": (nn.CELU(0.5), lambda x: np.where(x > 0, x, 0.5 * (np.exp(2 * x) - 1))),
    "SELU": (
        nn.SELU(),
        lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1)),
    ),
    "Mish": (nn.Mish(), lambda x: x * np.tanh(np.log(1 + np.exp(x)))),
    "Tanhshrink": (nn.Tanhshrink(), lambda x: x - np.tanh(x)),
    "LogSigmoid": (nn.LogSigmoid(), lambda x: -np.log(1 + np.exp(-x))),
    "Softsign": (nn.Softsign(), lambda x: x / (1 + abs(x))),
    "RReLU": (nn.RReLU(0.2, 0.6).eval(), lambda x: np.where(x > 0, x, 0.4 * x)),
    "ReLU6": (nn.ReLU6(), lambda x: np.clip(x, 0, 6)),
    "Hardtanh": (nn.Hardtanh(), lambda x: np.clip(x, -1, 1)),
    "Hardtanh(0, 0.5)": (nn.Hardtanh(0, 0.5), lambda x: np.clip(x, 0, 0.5)),
    "Hardsigmoid": (nn.Hardsigmoid(), lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    "Hardswish": (nn.Hardswish(), lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    "Hardshrink": (nn.Hardshrink(), lambda x: np.where(abs(x) > 0.5, x, 0)),
    "Softshrink(1)": (nn.Softshrink(1), lambda x: np.sign(x) * np.maximum(abs(x) - 1, 0)),
    "Threshold": (nn.Threshold(0.1, -5), lambda x: np.where(x > 0.1, x, -5)),
    "Softmin": (nn.Softmin(0), lambda x: np.exp(-x) / np.exp(-x).sum(0)),
    "Softmax": (nn.Softmax(0), lambda x: np.exp(x) / np.exp(x).sum(0)),
    "LogSoftmax": (nn.LogSoftmax(-1), lambda x: np.log(np.exp(x) / np.exp(x).sum(-1, keepdims=True))),
}


def test_every_activation_is_in_the_table() -> None:
    """Beside those that have tests of their own: `PReLU` has a weight, and `GLU` another shape."""
    tested = {type(module).__name__ for module, _ in ACTIVATIONS.values()}
    assert tested | {"GLU", "PReLU"} == {*activations.__all__, "Identity"}


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
        (nn.SiLU(), 0.5), (nn.Softplus(), 0.5), (nn.Softplus(3), 0.5), (nn.SELU(), 1.7580993408473768),
        (nn.CELU(0.3), 1), (nn.Mish(), 0.6), (nn.LogSigmoid(), 0.5), (nn.Softsign(), 1), (nn.ReLU6(), 0),
        (nn.RReLU(0.2, 0.4).eval(), 0.3), (nn.Hardtanh(), 1), (nn.Hardsigmoid(), 1 / 6), (nn.Hardswish(), 0.5),
        (nn.Hardshrink(), 0), (nn.Softshrink(0), 0), (nn.Threshold(0, 1), 0), (nn.Tanhshrink(), 0),
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
        (nn.CELU(2), -2, np.inf), (nn.LogSigmoid(), -np.inf, 0), (nn.Hardswish(), 0, np.inf), (nn.Hardsigmoid(), 0, 1),
        (nn.ReLU6(), 0, 6), (nn.Softshrink(), -np.inf, np.inf),
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


def test_mish_is_exact_far_from_zero() -> None:
    x = leaf([-1e4, -800.0, 800.0, 1e4])
    y = nn.Mish()(x)
    (gradient,) = tg.autograd.grad(y.sum(), x, create_graph=True)
    (second,) = tg.autograd.grad(gradient.sum(), x)
    assert y.tolist() == [0, 0, 800, 1e4]
    assert gradient.tolist() == [0, 0, 1, 1]
    assert second.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("module", "at", "derivatives"),
    [
        (nn.Hardtanh(), [-1, 1], [0, 0]), (nn.ReLU6(), [0, 6], [0, 0]), (nn.Hardsigmoid(), [-3, 3], [0, 0]),
        (nn.Hardswish(), [-3, 3], [0, 1]), (nn.Hardshrink(), [-0.5, 0.5], [0, 0]),
        (nn.Softshrink(), [-0.5, 0.5], [0, 0]), (nn.Threshold(2, 5), [2, 2.5], [0, 1]),
    ],
    ids=repr,
)  # fmt: skip
def test_derivatives_at_other_kinks(module: nn.Module, at: list[float], derivatives: list[float]) -> None:
    x = leaf(at)
    module(x).sum().backward()
    assert x.grad.tolist() == derivatives


@pytest.mark.parametrize("weights", [1, 3])
def test_prelu_has_a_weight_for_all_or_for_each_channel(weights: int) -> None:
    layer = nn.PReLU(weights, 0.25, dtype=np.float64)
    assert repr(layer) == f"PReLU(num_parameters={weights})"
    assert layer.weight.tolist() == [0.25] * weights
    x, slopes = np.random.default_rng(0).normal(size=(2, 3, 4)), np.linspace(0.1, 0.5, weights)
    layer.load_state_dict({"weight": tg.tensor(slopes)})
    np.testing.assert_allclose(layer(tg.tensor(x)).detach(), np.where(x > 0, x, slopes[:, None] * x))
    assert gradcheck(F.prelu, [leaf(x), leaf(slopes)])
    assert gradgradcheck(F.prelu, [leaf(x), leaf(slopes)])


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_glu_gates_one_half_by_the_other(dim: int) -> None:
    x = np.random.default_rng(0).normal(size=(2, 4, 6))
    a, b = np.split(x, 2, dim)
    np.testing.assert_allclose(nn.GLU(dim)(tg.tensor(x)), a / (1 + np.exp(-b)))
    assert gradcheck(nn.GLU(dim), leaf(x))
    assert gradgradcheck(nn.GLU(dim), [leaf(x)])


def test_rrelu_draws_a_slope_for_each_negative_entry() -> None:
    layer = nn.RReLU(0.2, 0.6, generator=np.random.default_rng(0))
    x = leaf(np.linspace(-3, 3, 1000))
    y = layer(x)
    y.sum().backward()
    slopes = x.grad.numpy()
    np.testing.assert_allclose(y.detach(), slopes * x.detach().numpy())
    assert (slopes[500:] == 1).all()
    assert 0.2 <= slopes[:500].min() < 0.21
    assert 0.59 < slopes[:500].max() < 0.6
    assert len(np.unique(slopes[:500])) == 500
    again = F.rrelu(x, 0.2, 0.6, training=True, generator=np.random.default_rng(0))
    np.testing.assert_array_equal(again.detach(), y.detach())


def test_gumbel_softmax_draws_classes_by_their_probabilities() -> None:
    p = np.array([0.1, 0.2, 0.7])
    logits = leaf(np.tile(np.log(p), (20_000, 1)))
    soft = F.gumbel_softmax(logits, 0.5, generator=np.random.default_rng(0))
    hard = F.gumbel_softmax(logits, 0.5, hard=True, generator=np.random.default_rng(0))
    np.testing.assert_allclose(soft.sum(1).detach(), 1)
    np.testing.assert_array_equal(hard.detach().numpy(), np.eye(3)[soft.detach().numpy().argmax(1)])
    np.testing.assert_allclose(hard.mean(0).detach(), p, atol=0.01)
    cotangent = np.random.default_rng(1).normal(size=(20_000, 3))
    gradients = [tg.autograd.grad(y, logits, tg.tensor(cotangent))[0] for y in (soft, hard)]
    np.testing.assert_array_equal(*gradients)
    columns = F.gumbel_softmax(logits, hard=True, dim=0, generator=np.random.default_rng(0))
    assert columns.sum(0).tolist() == [1, 1, 1]
    assert F.gumbel_softmax(tg.tensor(3.0), hard=True).item() == 1
    with pytest.warns(UserWarning, match="eps is deprecated"):
        F.gumbel_softmax(logits, eps=1e-5)


CHANGING: dict[str, tuple[Callable[..., tg.Tensor], Callable[..., tg.Tensor]]] = {
    name: (getattr(F, name), getattr(F, name.removesuffix("_"))) for name in F.__all__ if name.endswith("_")
}


@pytest.mark.parametrize("name", CHANGING)
def test_functions_in_place_change_their_input(name: str) -> None:
    function, pure = CHANGING[name]
    options = (0.5, 3.0) if name in ("threshold_", "hardtanh_", "rrelu_") else ()
    values = np.array([[-1.5, 0.25], [0.75, -0.25]])
    x = leaf(values)
    y = x * 1
    view = y[0]
    assert function(y, *options) is y
    expected = pure(x, *options)
    np.testing.assert_array_equal(view.detach(), expected[0].detach())
    gradients = [tg.autograd.grad((z * z).sum(), x)[0] for z in (y, expected)]
    np.testing.assert_array_equal(*gradients)
    with pytest.raises(RuntimeError, match="leaf"):
        function(x, *options)
    np.testing.assert_array_equal(x.detach(), values)
    with pytest.raises(TypeError, match=rf"{name}\(\) changes a Tensor in place, not an ndarray"):
        function(values, *options)


def test_functions_in_place_refuse_integers_that_would_be_rounded() -> None:
    x = tg.tensor([-1, 2])
    with pytest.raises(TypeError, match=r"int64 cannot hold a result of float32: write x = x\.float\(\)"):
        F.elu_(x)
    assert F.relu_(x).tolist() == x.tolist() == [0, 2]


def test_bounds_of_integers_are_integers() -> None:
    x = tg.tensor([-3, 0, 1, 9])
    for y, expected in (
        (F.hardtanh(x), [-1, 0, 1, 1]),
        (F.relu6(x), [0, 0, 1, 6]),
        (F.threshold(x, 0, 5), [5, 5, 1, 9]),
    ):
        assert y.dtype == np.int64
        assert y.tolist() == expected


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda x: F.prelu(x, [0.1, 0.2]),
            ValueError,
            r"3 channels of an input of shape \(2, 3\), not a weight of shape",
        ),
        (lambda x: F.prelu(x, tg.ones(3, 1)), ValueError, r"weight of shape \(3, 1\)"),
        (lambda x: F.prelu(x, np.ones(3)), TypeError, "the input is float32, but weight is float64"),
        (lambda x: nn.PReLU(0), ValueError, "num_parameters is a positive integer"),
        (lambda x: nn.PReLU(init="a"), ValueError, "init is a number"),
        (lambda x: F.rrelu(x, 0.5, 0.1), ValueError, "upper is a number not below lower, 0.5, not 0.1"),
        (lambda x: nn.RReLU(0.5, 0.1), ValueError, "upper is a number not below lower, 0.5, not 0.1"),
        (lambda x: F.celu(x, 0), ValueError, "alpha is a number other than 0, not 0"),
        (lambda x: nn.CELU(0), ValueError, "alpha is a number other than 0, not 0"),
        (lambda x: F.hardtanh(x, 1, -1), ValueError, "max_val is a number not below min_val, 1, not -1"),
        (lambda x: nn.Hardtanh(1, 1), ValueError, "max_val is above min_val, but both are 1"),
        (lambda x: F.softshrink(x, -1), ValueError, "at least 0, not -1"),
        (lambda x: nn.Hardshrink("a"), ValueError, "lambd is a number, not 'a'"),
        (lambda x: nn.Threshold(0, "a"), ValueError, "value is a number, not 'a'"),
        (lambda x: F.glu(x), ValueError, r"must be even, but the input has shape \(2, 3\)"),
        (lambda x: F.glu(tg.tensor(1.0)), IndexError, "it has no dims"),
        (lambda x: F.gumbel_softmax(x, 0), ValueError, "tau is a number other than 0, not 0"),
        (lambda x: nn.SELU(x), TypeError, r"nn.SELU\(\) takes options, not a Tensor"),
    ],
)
def test_bad_arguments_are_refused(call: Callable[[tg.Tensor], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(tg.ones(2, 3))


def test_old_names_of_bounds_are_taken_with_a_warning() -> None:
    with pytest.warns(FutureWarning, match="write min_val=0"):
        layer = nn.Hardtanh(min_value=0, max_val=2)
    assert repr(layer) == "Hardtanh(min_val=0, max_val=2)"


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
