"""The error for a call that does not fit a layer names the layer, the line and the shapes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.nn import functional as F
from tinygrad_mlp.nn import init


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_bias_that_does_not_fit_is_refused(dtype: Any) -> None:
    x, weight, bias = tg.ones(1, 3), tg.ones(4, 3, requires_grad=True), tg.ones(5, 4).to(dtype)
    with pytest.raises(
        ValueError, match=r"linear at test_layer_errors\.py:\d+ of shapes \(1, 3\) and \(4, 3\) and \(5, 4\)"
    ):
        nn.functional.linear(x, weight, bias)


class Model(nn.Module):
    """A model that holds layers in a chain, as an attribute and in a dict."""

    def __init__(self) -> None:
        self.encoder = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
        self.norm = nn.LayerNorm(3)
        self.narrow = nn.Linear(4, 1, bias=False)
        self.losses = nn.ModuleDict({"fit": nn.MSELoss()})

    def forward(self, x: Any) -> tg.Tensor:
        return self.norm(self.encoder(x))

    def compare(self, x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        return self.losses["fit"](x, y)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda net: net(np.ones((2, 5))),
            r"net.encoder\[0\] at test_layer_errors.py:\d+: Linear\(4 → 3\).*got \(2, 5\)",
        ),
        (
            lambda net: tg.autograd.functional.jacobian(net.encoder, tg.ones(2, 5)),
            r"net.encoder\[0\] at test_layer_errors.py:\d+: .*got \(2, 5\)",
        ),
        (lambda net: net([[1.0, 2.0]]), r"net.encoder\[0\] at test_layer_errors.py:\d+: .*got a list: write tensor"),
        (lambda net: net(np.float64(1.0)), r"net.encoder\[0\] at .*got \(\)"),
        (
            lambda net: net(tg.ones(1, 4)),
            r"net.encoder\[1\] at test_layer_errors.py:\d+: .*1 values per channel.*eval",
        ),
        (lambda net: net(tg.ones(2, 2, 2, 4)), r"net.encoder\[1\] at .*BatchNorm1d\(3\) .*got \(2, 2, 2, 3\)"),
        (lambda net: net.encoder[1](tg.tensor(np.ones((2, 5)))), r": BatchNorm1d\(3\) .*got \(2, 5\)"),
        (lambda net: net.norm(tg.tensor(np.ones((2, 5)))), r"net.norm at .*\(…, 3\), but got \(2, 5\)"),
        (
            lambda net: net.compare(tg.zeros(2, 3), tg.zeros(3)),
            r"net.losses.fit at test_layer_errors.py:\d+: mse_loss: input of shape \(2, 3\) and target of shape \(3,\)",
        ),
    ],
)
def test_shape_errors_name_the_layer_and_the_line(call: Callable[[nn.Module], Any], message: str) -> None:
    net = Model()
    before = net.encoder[1].running_mean.tolist()
    with pytest.raises(ValueError, match=message):
        call(net)
    assert net.encoder[1].running_mean.tolist() == before


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda net: net(tg.ones(2, 4).double()),
            r"net.encoder\[0\] at test_layer_errors.py:\d+: Linear\(4 → 3\) has a weight of float32, but got an input "
            r"of float64, of shape \(2, 4\): write x.float\(\), or net.double\(\)$",
        ),
        (
            lambda net: net(np.ones((2, 4))),
            r"float64, of shape \(2, 4\): write x.astype\(numpy.float32\), or net.double",
        ),
        (lambda net: net(np.ones((2, 5, 4))), r"float64, of shape \(2, 5, 4\): write x.astype"),
        (lambda net: net(tg.ones(0, 4).double()), r"float64, of shape \(0, 4\)"),
        (lambda net: net(tg.ones(2, 4).long()), r"got an input of int64, of shape \(2, 4\): write x.float\(\)$"),
        (
            lambda net: net.double()(tg.ones(2, 4)),
            r"a weight of float64.*of float32.*: write x.double\(\), or net.float\(",
        ),
        (
            lambda net: net.narrow(tg.ones(2, 4).double()),
            r"net.narrow at .* Linear\(4 → 1\) .*float64, of shape \(2, 4\)",
        ),
        (
            lambda net: net.encoder[1](tg.ones(2, 3).double()),
            r": batch_norm: the input is float64, but running_mean is float32: write x.float\(\), or net.double\(\)",
        ),
        (
            lambda net: net.norm(tg.ones(2, 3).double()),
            r"net.norm at .*: layer_norm: the input is float64, but weight is float32: write x.float\(\), or ",
        ),
        (
            lambda net: F.linear(tg.ones(1, 3), tg.ones(2, 3).double()),
            "linear at .*: the input is float32, but the weig",
        ),
        (
            lambda net: F.linear(tg.ones(1, 3), tg.ones(2, 3), tg.ones(2).double()),
            "the weight is float32, but the bias",
        ),
    ],
)
def test_dtype_errors_name_the_layer_the_line_and_the_conversion(call: Callable[[Any], Any], message: str) -> None:
    net = Model()
    before = net.encoder[1].running_mean.tolist()
    for kind in (TypeError, RuntimeError):  # RuntimeError as in PyTorch
        with pytest.raises(kind, match=message):
            call(net)
    assert net.encoder[1].running_mean.tolist() == before


def test_shape_errors_begin_with_the_variable_that_holds_the_module() -> None:
    """The variable is the caller's, and holds the layer itself or a module around it. Else the class is named."""
    x = tg.tensor(np.ones((2, 5)))
    layer = nn.Linear(4, 3)
    inner = nn.Sequential(layer)
    outer = nn.Sequential(nn.Tanh(), inner)
    for call, where in ((layer, r"^inner\[0\] at "), (inner, r"^inner\[0\] at "), (outer, r"^outer\[1\]\[0\] at ")):
        with pytest.raises(ValueError, match=where):
            call(x)
    with pytest.raises(ValueError, match=r"^Linear at "):
        nn.Linear(4, 3)(x)
    with pytest.raises(ValueError, match=r"^Sequential\[0\] at "):
        nn.Sequential(nn.Linear(4, 3))(x)

    class Block(nn.Module):
        def __init__(self) -> None:
            self.inner = nn.Linear(4, 3)

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return self.inner(x)

    block = Block()
    whole = nn.Sequential(nn.Identity(), block)
    with pytest.raises(ValueError, match=r"^whole\[1\].inner at "):
        whole(x)
    with pytest.raises(ValueError, match=r"^block.inner at "):
        block(x)

    class Improvised(nn.Module):
        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return nn.Linear(4, 3)(x)

    net = Improvised()
    with pytest.raises(ValueError, match=r"^Linear at test_layer_errors.py"):
        net(x)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.Linear(0, 3), ValueError, "in_features is a positive integer"),
        (lambda: nn.Linear(3, 2.5), ValueError, "out_features"),  # type: ignore[arg-type]
        (lambda: nn.BatchNorm1d(0), ValueError, "num_features"),
        (lambda: nn.LayerNorm(()), ValueError, "normalized_shape"),
        (lambda: nn.LayerNorm((3, -1)), ValueError, "normalized_shape"),
        (lambda: nn.LayerNorm(2.5), ValueError, "normalized_shape"),  # type: ignore[arg-type]
        (lambda: nn.Dropout(1.5), ValueError, "probability"),
        (lambda: F.dropout(tg.tensor(1.0), -0.1), ValueError, "probability"),
        (lambda: F.dropout(tg.tensor(1.0), generator=3), TypeError, "generator"),  # type: ignore[arg-type]
        (lambda: nn.GELU("erf"), ValueError, "'none' or 'tanh'"),
        (lambda: F.batch_norm(tg.tensor([1.0]), None, None), ValueError, r"\(N, C, …\)"),
        (lambda: F.batch_norm(tg.tensor([[1.0]]), None, None), ValueError, "training=True"),
        (lambda: F.batch_norm(tg.tensor([[1.0]]), None, None, tg.tensor([1.0, 2.0])), ValueError, "a weight of as"),
        (lambda: F.one_hot([0.5]), TypeError, "float64"),
        (lambda: F.one_hot([-1]), ValueError, "span -1 … -1"),
        (lambda: F.one_hot([3], 3), ValueError, "from 0 to 2"),
        (lambda: F.one_hot(np.array([], int)), ValueError, "num_classes"),
        (lambda: nn.Parameter(np.ones(3)), TypeError, "ndarray"),
        (lambda: init.uniform_(tg.tensor([1.0]), 2, 1), ValueError, r"\[2, 1\)"),
        (lambda: init.normal_(tg.tensor([1.0]), std=-1), ValueError, "cannot be -1"),
        (lambda: init.trunc_normal_(tg.tensor([1.0]), std=0), ValueError, "cannot be 0"),
        (lambda: init.trunc_normal_(tg.tensor([1.0]), a=2, b=1), ValueError, "no mass"),
        (lambda: init.trunc_normal_(tg.tensor([1.0]), a=50, b=51), ValueError, "no mass"),
        (lambda: init.eye_(tg.tensor([1.0])), ValueError, r"shape \(1,\)"),
        (lambda: init.orthogonal_(tg.tensor([1.0])), ValueError, r"shape \(1,\)"),
        (lambda: init.xavier_uniform_(tg.tensor([1.0])), ValueError, "fan-in"),
        (lambda: init.kaiming_normal_(tg.tensor([[1.0]]), mode="in"), ValueError, "'fan_in' or 'fan_out'"),
        (lambda: init.calculate_gain("cosine"), ValueError, "'cosine'"),
        (lambda: nn.utils.clip_grad_norm_([], -1), ValueError, "max_norm"),
        (lambda: nn.utils.clip_grad_norm_([], 1, norm_type=0), ValueError, "norm_type"),
        (lambda: nn.utils.clip_grad_value_([], -1), ValueError, "clip_value"),
    ],
)
def test_bad_options_are_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_an_error_of_the_weight_is_not_said_to_be_one_of_the_input() -> None:
    layer = nn.Linear(3, 1)
    layer.weight = nn.Parameter(tg.ones(1, 4))
    with pytest.raises(ValueError, match=r"shapes \(2, 3\) and \(1, 4\)"):
        layer(tg.ones(2, 3))
