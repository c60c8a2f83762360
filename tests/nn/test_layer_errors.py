"""The error for a call that does not fit a layer names the layer, the line and the shapes, or what was forgotten."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.nn import functional as F
from tinygrad_mlp.nn import init
from tinygrad_mlp.nn.function_module import FunctionModule


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
        (lambda: F.pad(tg.ones(2), (1,)), ValueError, "two numbers for each of the last dims"),
        (lambda: F.pad(tg.ones(2), (1, 1, 1, 1)), ValueError, "two numbers for each of the last dims"),
        (lambda: F.pad(tg.ones(2), (-1, -2)), ValueError, "cannot cut"),
        (lambda: F.pad(tg.ones(2), (1, 0), "edge"), ValueError, "not 'edge'"),
        (lambda: F.pad(tg.ones(2), (1, 0), "reflect", 3), ValueError, "with a value"),
        (lambda: F.pad(tg.ones(2), (2, 0), "reflect"), ValueError, "cannot add 2 and 0 entries to 2"),
        (lambda: F.pad(tg.ones(2), (3, 0), "circular"), ValueError, "cannot add 3 and 0 entries to 2"),
        (lambda: F.pad(tg.ones(0), (1, 0), "replicate"), ValueError, "cannot add 1 and 0 entries to 0"),
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
        (lambda: F.softplus(tg.ones(1), beta=0), ValueError, "softplus: beta is a number other than 0, not 0"),
        (lambda: nn.Softplus(0), ValueError, "beta is a number other than 0"),
        (lambda: nn.Softplus(threshold="a"), ValueError, "threshold is a number, not 'a'"),  # type: ignore[arg-type]
        (lambda: nn.LeakyReLU("a"), ValueError, "negative_slope is a number, not 'a'"),  # type: ignore[arg-type]
        (lambda: nn.ELU(None), ValueError, "elu: alpha is a number, not None"),  # type: ignore[arg-type]
        (lambda: nn.Dropout("a"), ValueError, "probability, from 0 to 1, not 'a'"),  # type: ignore[arg-type]
        (lambda: nn.HuberLoss(delta="a"), ValueError, "delta, .* not 'a'"),  # type: ignore[arg-type]
        (lambda: nn.CrossEntropyLoss(label_smoothing=2), ValueError, "label_smoothing"),
        (lambda: nn.CrossEntropyLoss(ignore_index=None), ValueError, "ignore_index"),  # type: ignore[arg-type]
        (lambda: nn.CrossEntropyLoss(np.ones((3, 1))), ValueError, r"of shape \(C,\), not shape \(3, 1\)"),
        (lambda: nn.CrossEntropyLoss("sum"), TypeError, "write reduction='sum'"),
        (lambda: nn.LayerNorm(3, eps=None), ValueError, "eps, which is added to a variance, is a number, not None"),
        (
            lambda: F.layer_norm(tg.ones(2, 3), 3, eps=None),
            ValueError,
            "eps, which is added to a variance, is a number, not None",
        ),
        (lambda: nn.BatchNorm1d(3, eps=None), ValueError, "eps, which is added to a variance, is a number, not None"),
        (lambda: nn.BatchNorm1d(3, momentum=2), ValueError, "momentum is None or a share"),
        (lambda: nn.Softmax(axis=0), TypeError, r"nn.Softmax\(\) takes dim=, not axis="),  # type: ignore[call-arg]
        (lambda: F.softmax(tg.ones(2), axis=0), TypeError, r"softmax\(\) takes dim=, not axis="),  # type: ignore[call-arg]
        (lambda: init.xavier_uniform_(nn.Linear(1, 1)), TypeError, "not a Linear: write layer.weight"),  # type: ignore[arg-type]
        (lambda: init.zeros_(np.ones(2)), TypeError, r"zeros_\(\) fills a Tensor, not an ndarray"),  # type: ignore[arg-type]
        (lambda: nn.utils.clip_grad_norm_(nn.Linear(1, 1), 1), TypeError, r"write net.parameters\(\)"),  # type: ignore[arg-type]
        (lambda: nn.utils.clip_grad_value_(nn.Linear(1, 1), 1), TypeError, r"write net.parameters\(\)"),  # type: ignore[arg-type]
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


# --- data given to a constructor --------------------------------------------------------------------------------------

X, Y = tg.ones(4, 3), tg.tensor([0, 1, 2, 0])
OF_OPTIONS = [kind for kind in vars(nn).values() if isinstance(kind, type) and issubclass(kind, FunctionModule)]
LOSSES = [kind for kind in OF_OPTIONS if kind.__name__.endswith("Loss")]
OF_TWO = [nn.CosineSimilarity, nn.PairwiseDistance]


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("given", [(X, X), (nn.Linear(3, 3)(X), Y), (X.numpy(), Y.numpy()), (nn.Linear(3, 3)(X),)])
def test_a_loss_that_is_made_with_data_is_refused(kind: Any, given: Any) -> None:
    name, taken = kind.__name__, [*inspect.signature(kind.forward).parameters][1:]
    call = r"net\(x\), y" if taken == ["input", "target"] else ", ".join(taken)
    with pytest.raises(TypeError, match=rf"write loss = nn.{name}\(\), and then loss\({call}\)"):
        kind(*given)


@pytest.mark.parametrize("kind", [kind for kind in OF_OPTIONS if kind not in LOSSES])
@pytest.mark.parametrize("given", [X, X.numpy(), nn.Linear(3, 3)], ids=["Tensor", "ndarray", "Module"])
def test_a_layer_that_is_made_with_data_is_refused(kind: Any, given: Any) -> None:
    taken = "x1, x2" if kind in OF_TWO else "x"
    with pytest.raises(TypeError, match=rf"write layer = nn.{kind.__name__}\([\w, ]*\), and then layer\({taken}\)"):
        kind(given)


def test_weights_and_numbers_are_options() -> None:
    for kind in (nn.BCELoss, nn.BCEWithLogitsLoss, nn.CrossEntropyLoss, nn.NLLLoss):
        assert kind(tg.ones(3)).weight.shape == kind(weight=np.ones(3)).weight.shape == (3,)
    assert nn.HuberLoss(delta=tg.tensor(2.0))(X, X).item() == 0


# --- a forward that returns nothing, and one that is missing ----------------------------------------------------------


class Forgetful(nn.Module):
    """Its forward has no return."""

    def forward(self, x: tg.Tensor) -> None:
        x * 2


class Block(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        self.inner = layer

    def forward(self, x: tg.Tensor) -> Any:
        return self.inner(x)


class Pair(nn.Module):
    """A layer that is given what another one returns."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        self.first, self.second = first, second

    def forward(self, x: tg.Tensor) -> Any:
        return self.second(self.first(x))


@pytest.mark.parametrize(
    "layer",
    [
        nn.Linear(3, 3), nn.Tanh(), nn.ReLU(), nn.Sigmoid(), nn.Softmax(-1), nn.LogSoftmax(-1), nn.GELU(), nn.ELU(),
        nn.SiLU(), nn.Softplus(), nn.LeakyReLU(), nn.Dropout(), nn.Flatten(), nn.LayerNorm(3), nn.BatchNorm1d(3),
        nn.RMSNorm(3), nn.GroupNorm(1, 3), nn.Unflatten(1, (3, 1)), nn.AlphaDropout(), nn.FeatureAlphaDropout(),
    ],
    ids=str,
)  # fmt: skip
def test_a_forward_without_return_is_named_with_its_path(layer: nn.Module) -> None:
    nets = {
        r"net\[0\]": nn.Sequential(Forgetful(), layer),
        r"net\[1\]\[1\]": nn.Sequential(nn.Tanh(), nn.Sequential(nn.Tanh(), Forgetful()), layer),
        "net.first": Pair(Forgetful(), layer),
        r"net.first\[1\]": Pair(nn.Sequential(nn.Tanh(), Forgetful()), layer),
    }
    for path, net in nets.items():
        with pytest.raises(
            TypeError, match=rf"None stands .* from {path}, whose forward\(\) returned None\? End Forgetful"
        ):
            net(X)


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(), nn.MSELoss(), F.cross_entropy, F.mse_loss, F.l1_loss])
def test_a_loss_that_is_given_what_a_forward_did_not_return_names_it(loss: Any) -> None:
    net = nn.Sequential(nn.Linear(3, 3), Forgetful())
    with pytest.raises(TypeError, match=r"does it come from net\[1\], whose forward\(\) returned None\? End Forgetful"):
        loss(net(X), Y)
    with pytest.raises(TypeError, match=r"from the forward\(\) of a Forgetful, which returned None"):
        loss(Forgetful()(X), Y)
    with pytest.raises(TypeError, match="Linear stands where a Tensor is wanted: call it"):
        loss(nn.Linear(3, 3), X)


def test_a_module_without_forward_is_named_with_its_path() -> None:
    class Bare(nn.Module):
        pass

    net = nn.Sequential(nn.Tanh(), Block(Bare()))
    with pytest.raises(NotImplementedError, match=r"net\[1\].inner at test_layer_errors.py:\d+: Bare has no forward"):
        net(X)


@pytest.mark.parametrize("layer", [kind for kind in OF_OPTIONS if kind not in [*LOSSES, *OF_TWO]], ids=str)
def test_layers_take_arrays_and_lists(layer: Any) -> None:
    needed = {
        nn.Softmax: (-1,), nn.LogSoftmax: (-1,), nn.Softmin: (-1,), nn.Threshold: (0.5, 2.0), nn.Unflatten: (1, (2, 1)),
    }  # fmt: skip
    layer = layer(*needed.get(layer, ()))
    layer.eval()
    array = np.array([[-1.0, 2.0]], np.float32)
    for given in (array, array.tolist()):
        np.testing.assert_array_equal(layer(given), layer(tg.tensor(array)))
        assert layer(given).dtype == np.float32
