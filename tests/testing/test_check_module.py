"""`check_module` passes every layer, and names what is wrong with a module that breaks one of its promises."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from strategies import seeded

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.autograd import Function
from tinygrad_mlp.testing import check_module

RIGHT: list[tuple[nn.Module, Any]] = [
    (nn.Linear(3, 2), (4, 3)),
    (nn.Linear(3, 1, bias=False), (3,)),
    (nn.Identity(), (2, 3)),
    (nn.Flatten(), (2, 2, 3)),
    (nn.Dropout(0.5), (4, 5)),
    (nn.Dropout(0.5, generator=seeded()), [(4, 5)]),
    (nn.BatchNorm1d(3), (4, 3)),
    (nn.LayerNorm(3), (4, 3)),
    (nn.RMSNorm(3), (4, 3)),
    (nn.GroupNorm(2, 4, eps=0.1), (3, 4)),
    (nn.Bilinear(2, 3, 2), [(4, 2), (4, 3)]),
    (nn.Unflatten(1, (2, 3)), (4, 6)),
    (nn.AlphaDropout(0.5), (4, 5)),
    (nn.FeatureAlphaDropout(0.5), (4, 5, 2)),
    (nn.LayerNorm((2, 3), elementwise_affine=False), (4, 2, 3)),
    *[
        (kind(), (2, 3))
        for kind in (
            nn.ELU, nn.GELU, nn.LeakyReLU, nn.ReLU, nn.SiLU, nn.Sigmoid, nn.Softplus, nn.Tanh, nn.SELU, nn.CELU,
            nn.PReLU, nn.ReLU6, nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish, nn.Hardshrink, nn.Softshrink, nn.Tanhshrink,
            nn.LogSigmoid, nn.Softsign, nn.Mish,
        )
    ],
    (nn.RReLU(), (4, 5)),
    (nn.GLU(), (2, 4)),
    (nn.Softmin(-1), (2, 3)),
    (nn.Threshold(0.1, 2.0), (2, 3)),
    (nn.CosineSimilarity(), [(2, 3), (2, 3)]),
    (nn.PairwiseDistance(), [(2, 3), (2, 3)]),
    (nn.Softmax(-1), (2, 3)),
    (nn.LogSoftmax(0), (2, 3)),
    (nn.MSELoss(), [(2, 3), (2, 3)]),
    (nn.L1Loss(reduction="none"), [(2, 3), (2, 3)]),
    (nn.HuberLoss(), [(2, 3), (2, 3)]),
    (nn.SmoothL1Loss(), [(2, 3), (2, 3)]),
    (nn.KLDivLoss(reduction="batchmean", log_target=True), [(2, 3), (2, 3)]),
    (nn.PoissonNLLLoss(), [(2, 3), (2, 3)]),
    (nn.SoftMarginLoss(), [(2, 3), (2, 3)]),
    (nn.MultiLabelSoftMarginLoss(), [(2, 3), (2, 3)]),
    (nn.MarginRankingLoss(), [(3,), (3,), (3,)]),
    (nn.TripletMarginLoss(), [(2, 3), (2, 3), (2, 3)]),
    (nn.TripletMarginWithDistanceLoss(), [(2, 3), (2, 3), (2, 3)]),
    (nn.BCEWithLogitsLoss(pos_weight=tg.ones(3)), [(2, 3), (2, 3)]),
    (nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.3), nn.Linear(4, 2)), (5, 3)),
]  # fmt: skip


@pytest.mark.parametrize(("net", "shapes"), RIGHT, ids=[f"{net!r:.40}" for net, _ in RIGHT])
def test_a_layer_of_the_package_passes(net: nn.Module, shapes: Any) -> None:
    check_module(net, shapes)


def test_every_layer_is_in_the_table() -> None:
    public = {value for value in vars(nn).values() if isinstance(value, type) and issubclass(value, nn.Module)}
    containers = {nn.Module, nn.ModuleDict, nn.ModuleList, nn.ParameterDict, nn.ParameterList}
    lazy = {nn.LazyBatchNorm1d, nn.LazyLinear}  # which become others of these in their first call
    of_others = {  # of indices, classes, signs, probabilities and variances, which normal numbers are not
        nn.Embedding, nn.EmbeddingBag, nn.BCELoss, nn.CrossEntropyLoss, nn.NLLLoss, nn.GaussianNLLLoss,
        nn.HingeEmbeddingLoss, nn.CosineEmbeddingLoss, nn.MultiMarginLoss, nn.MultiLabelMarginLoss,
    }  # fmt: skip
    assert public - {type(net) for net, _ in RIGHT} == containers | lazy | of_others


class Own(nn.Module):
    """A Linear, and what a test adds to it."""

    def __init__(self, forward: Callable[[Any, tg.Tensor], Any], **attributes: Any) -> None:
        self.layer = nn.Linear(3, 2, generator=seeded())
        self.compute = forward
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, x: tg.Tensor) -> Any:
        return self.compute(self, x)


UNHELD = np.random.default_rng(0)


class Doubled(Function):
    """2x, with the gradient of 3x."""

    @staticmethod
    def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
        return g * 3


def halved(x: tg.Tensor) -> tg.Tensor:
    with tg.no_grad():
        return x.mul_(0.5)


def clipped(net: Any, x: tg.Tensor) -> tg.Tensor:
    with tg.no_grad():
        net.layer.weight.mul_(0.5)
    return net.layer(x)  # type: ignore[no-any-return]


def keeping(net: Any, x: tg.Tensor) -> tg.Tensor:
    """A layer that squares its buffer in the first call alone."""
    if not hasattr(net, "kept"):
        net.kept = net.shift.square()
    return net.layer(x) + net.kept


def with_buffer(net: nn.Module, persistent: bool = True, **buffers: tg.Tensor) -> nn.Module:
    for name, buffer in buffers.items():
        net.register_buffer(name, buffer, persistent)
    return net


def parameter(*shape: int) -> nn.Parameter:
    return nn.Parameter(tg.ones(*shape))


WRONG = {
    "a parameter that is not used": (
        lambda: Own(lambda net, x: net.layer(x), scale=[parameter(2), parameter(2)]),
        r"^Own in training mode: the output does not depend on scale.0, scale.1, so there is no gradient",
    ),
    "a parameter whose numbers alone are used": (
        lambda: Own(lambda net, x: net.layer(x) * net.scale.detach(), scale=parameter(2)),
        r"^Own in training mode: the gradient with respect to parameter scale at \[0\], which is 1, is 0, but central",
    ),
    "an input whose numbers alone are used": (
        lambda: Own(lambda net, x: net.layer(x.detach())),
        r"with respect to input 0 at \[0, 0\], which is 0.125730221, is 0, but central differences give ",
    ),
    "a wrong backward in a layer": (
        lambda: nn.Sequential(nn.Linear(3, 2), Own(lambda net, x: net.layer(x), layer=nn.Linear(2, 2)),
                              Own(lambda net, x: Doubled.apply(x) * net.scale, layer=None, scale=parameter(2))),
        r"^Sequential in training mode: the gradient with respect to parameter 0.weight at \[0, 0\]",
    ),
    "a wrong backward in evaluation mode": (
        lambda: Own(lambda net, x: net.layer(x if net.training else Doubled.apply(x))),
        r"^Own in evaluation mode: the gradient with respect to input 0",
    ),
    "an input that is written to": (
        lambda: Own(lambda net, x: net.layer(halved(x))),
        r"^Own in training mode: forward changes input 0, which at \[0, 0\] is 0.0628\d*, but 0.1257\d* before",
    ),
    "a parameter that is written to": (
        lambda: Own(clipped),
        r"^Own in training mode: forward changes parameter layer.weight, which at \[0, 0\] is 0.079\d*, but 0.158\d*",
    ),
    "an array outside of the state": (
        lambda: Own(lambda net, x: net.layer(x) * net.scales[0].astype(x.dtype), scales=[np.array([1.0, 2.0])]),
        r"^Own in training mode depends on scales.0, an array that state_dict\(\) does not have",
    ),
    "an order outside of the state": (
        lambda: Own(lambda net, x: net.layer(x)[:, net.order], order=tg.tensor([1, 0])),
        r"depends on order, an array that state_dict\(\) does not have",
    ),
    "a result that is kept": (
        lambda: with_buffer(Own(keeping), shift=tg.ones(2)),
        r"a copy that had other numbers, and has loaded the state_dict, does not compute the same: output 0",
    ),
    "numbers of a generator that nobody holds": (
        lambda: Own(lambda net, x: net.layer(x) + UNHELD.normal()),
        r"returns other numbers when it is called again, with output 0 at \[0, 0\] is ",
    ),
    "another dtype": (
        lambda: Own(lambda net, x: net.layer(x).double()),
        r"^Own in training mode returns float64 as output 0, of parameters and inputs of float32",
    ),
    "classes alone": (lambda: Own(lambda net, x: net.layer(x).argmax(1)), "returns no floating Tensor"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_module_is_named(name: str) -> None:
    make, message = WRONG[name]
    with pytest.raises(AssertionError, match=message):
        check_module(make(), (4, 3))


def test_an_error_of_forward_says_in_which_mode_it_came() -> None:
    net = Own(lambda net, x: net.layer(x if net.training else x[:, :2]))
    with pytest.raises(ValueError, match="takes inputs of shape") as caught:
        check_module(net, (4, 3))
    assert caught.value.__notes__ == ["check_module called Own in evaluation mode with inputs of shapes [(4, 3)]"]


def test_modules_that_are_right_in_unusual_ways_pass() -> None:
    frozen = Own(lambda net, x: net.layer(x), scale=parameter(2).requires_grad_(False))
    check_module(frozen, (4, 3))
    fixed = with_buffer(Own(lambda net, x: net.layer(x) * net.signs), persistent=False, signs=tg.tensor([1.0, -1.0]))
    check_module(fixed, (4, 3))
    check_module(Own(lambda net, x: (net.layer(x), x.argmax(1), x * 2)), (4, 3))
    check_module(Own(lambda net, x: net.layer(x) + np.random.normal() + random.random() + tg.rand(1).item()), (4, 3))  # noqa: NPY002
    numbers = np.random.default_rng(0)
    check_module(Own(lambda net, x: net.layer(x) * net.held[0].normal(), held=[numbers]), (4, 3))
    tied = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3))
    tied[2].weight = tied[0].weight
    check_module(tied, (2, 3))
    check_module(nn.Tanh(), ())


def test_the_module_and_the_generators_stay_as_they_are() -> None:
    generator = seeded()
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Dropout(0.5, generator=generator), nn.Dropout(0.5))
    net[0].eval()
    net(tg.ones(4, 3)).sum().backward()
    gradient = net[0].weight.grad

    def now() -> str:
        state = {name: value.numpy().tobytes() for name, value in net.state_dict().items()}
        modes = [module.training for module in net.modules()]
        states = [generator.numbers.bit_generator.state, np.random.get_state(), random.getstate()]  # noqa: NPY002
        return repr((state, modes, states))

    before = now()
    tg.manual_seed(0)
    check_module(net, (4, 3))
    assert now() == before
    assert net[0].weight.grad is gradient
    drawn = tg.rand(3).tolist()
    tg.manual_seed(0)
    assert tg.rand(3).tolist() == drawn


@pytest.mark.parametrize("shapes", [3, (2, -1), "ab", [(2,), 3.0], [(2, 3.0)]])
def test_what_is_no_shape_is_refused(shapes: Any) -> None:
    with pytest.raises(ValueError, match="input_shapes is a shape such as"):
        check_module(nn.Tanh(), shapes)


def test_what_is_no_module_is_refused() -> None:
    with pytest.raises(TypeError, match="a module is wanted"):
        check_module(nn.Tanh, (2,))  # type: ignore[arg-type]
