"""Weights that are computed from other parameters: values by hand, states, copies, captured steps and removal."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from strategies import seeded

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.nn.utils import parametrizations, parametrize
from tinygrad_mlp.testing import check_module


class Symmetric(nn.Module):
    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return x.triu() + x.triu(1).mT

    def right_inverse(self, weight: tg.Tensor) -> tg.Tensor:
        return weight.triu()


class Exp(nn.Module):
    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return x.exp()


class FirstRow(nn.Module):
    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return x[:1]


def symmetric(size: int = 3) -> Any:
    return parametrize.register_parametrization(nn.Linear(size, size), "weight", Symmetric())


MADE: dict[str, Callable[[], nn.Module]] = {
    "Symmetric": lambda: symmetric(2),
    "weight_norm": lambda: nn.utils.weight_norm(nn.Linear(2, 2)),
    "weight_norm of all": lambda: nn.utils.weight_norm(nn.Linear(2, 2), dim=None),
    "newer weight_norm": lambda: parametrizations.weight_norm(nn.Linear(2, 2), dim=1),
    "spectral_norm": lambda: nn.utils.spectral_norm(nn.Linear(2, 2), generator=seeded()).eval(),
    "newer spectral_norm": lambda: parametrizations.spectral_norm(nn.Linear(2, 2), generator=seeded()).eval(),
}
each = pytest.mark.parametrize("make", MADE.values(), ids=list(MADE))


@each
def test_parametrized_layers_are_copied_pickled_and_loaded(make: Callable[[], nn.Module]) -> None:
    layer, x = make(), tg.randn(4, 2)
    expected = layer(x)
    expected.sum().backward()
    assert all(parameter.grad is not None for parameter in layer.parameters())
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(copied(x).detach(), expected.detach())
        assert list(copied.state_dict()) == list(layer.state_dict())
        with tg.no_grad():
            for parameter in copied.parameters():
                parameter.mul_(2.5)
        np.testing.assert_array_equal(layer(x).detach(), expected.detach())  # the copy has weights of its own
        copied.load_state_dict(layer.state_dict())
        np.testing.assert_array_equal(copied(x).detach(), expected.detach())
        assert copied.double()(x.double()).dtype == np.float64


@pytest.mark.parametrize("name", [name for name in MADE if "spectral" not in name])
def test_parametrized_layers_are_modules(name: str) -> None:
    check_module(MADE[name](), (3, 2))


@each
@pytest.mark.parametrize("training", [True, False])
def test_captured_steps_replay_parametrizations(make: Callable[[], nn.Module], training: bool) -> None:
    layer = make().train(training)
    layers = [layer, copy.deepcopy(layer)]
    optimizers = [tg.optim.SGD(each.parameters(), lr=0.1) for each in layers]

    def step(net: nn.Module, optimizer: tg.optim.SGD, x: tg.Tensor) -> None:
        optimizer.zero_grad()
        net(x).square().sum().backward()
        optimizer.step()

    captured = tg.capture(lambda x: step(layers[0], optimizers[0], x))
    for x in tg.randn(4, 3, 2):
        captured(x)
        assert captured.captured is True
        step(layers[1], optimizers[1], x)
    for one, another in zip(layers[0].state_dict().values(), layers[1].state_dict().values(), strict=True):
        np.testing.assert_allclose(one, another, rtol=1e-6)


# --- any parametrization ----------------------------------------------------------------------------------------------


def test_a_parametrized_weight_is_computed_from_its_original() -> None:
    layer = nn.Linear(3, 3)
    weight = layer.weight
    before = np.triu(weight.detach().numpy())
    assert parametrize.register_parametrization(layer, "weight", Symmetric()) is layer
    assert layer.parametrizations.weight.original is weight  # type: ignore[attr-defined]
    np.testing.assert_array_equal(weight.detach(), before)  # what right_inverse made of it
    np.testing.assert_array_equal(layer.weight.detach(), before + np.triu(before, 1).T)
    assert list(layer.state_dict()) == ["bias", "parametrizations.weight.original"]
    assert isinstance(layer.parametrizations.weight[0], Symmetric)  # type: ignore[attr-defined]
    assert (type(layer).__name__, parametrize.type_before_parametrizations(layer)) == ("ParametrizedLinear", nn.Linear)
    answers = [parametrize.is_parametrized(layer, name) for name in (None, "weight", "bias")]
    assert answers == [True, True, False]
    assert not parametrize.is_parametrized(nn.Linear(1, 1))


def test_a_weight_that_is_assigned_goes_through_right_inverse() -> None:
    layer = symmetric()
    layer.weight = tg.tensor(np.full((3, 3), 2.0, np.float32))
    assert layer.weight.tolist() == [[2, 2, 2]] * 3
    assert layer.parametrizations.weight.original.tolist() == [[2, 2, 2], [0, 2, 2], [0, 0, 2]]
    parametrize.register_parametrization(layer, "weight", Exp())
    np.testing.assert_allclose(layer.weight.detach(), np.exp(np.full((3, 3), 2.0)), rtol=1e-6)
    with pytest.raises(RuntimeError, match="Exp computes cannot be assigned: write its right_inverse"):
        layer.weight = tg.ones(3, 3)
    assert layer.parametrizations.weight.original.tolist() == [[2, 2, 2], [0, 2, 2], [0, 0, 2]]


def test_parametrizations_are_removed() -> None:
    layer = symmetric()
    weight, parameter = layer.weight.tolist(), layer.parametrizations.weight.original
    assert parametrize.remove_parametrizations(layer, "weight") is layer
    assert type(layer) is nn.Linear
    assert layer.weight is parameter
    assert layer.weight.tolist() == weight
    assert list(layer.state_dict()) == ["bias", "weight"]
    assert not hasattr(layer, "parametrizations")
    layer = symmetric()
    original = layer.parametrizations.weight.original.tolist()
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    assert layer.weight.tolist() == original
    layer = parametrizations.weight_norm(symmetric(2), "bias")
    with pytest.raises(ValueError, match="several originals"):
        parametrize.remove_parametrizations(layer, "bias", leave_parametrized=False)
    parametrize.remove_parametrizations(layer, "weight")
    assert parametrize.is_parametrized(layer, "bias")
    with pytest.raises(ValueError, match=r"(?s)'weight' of .* has no parametrization"):
        parametrize.remove_parametrizations(layer, "weight")


def test_a_parametrization_that_changes_the_shape_is_refused_unless_unsafe() -> None:
    for layer in (nn.Linear(2, 2), symmetric(2)):
        before = list(layer.state_dict())
        with pytest.raises(ValueError, match=r"but it makes float32 of shape \(1, 2\): pass unsafe=True"):
            parametrize.register_parametrization(layer, "weight", FirstRow())
        assert list(layer.state_dict()) == before
        parametrize.register_parametrization(layer, "weight", FirstRow(), unsafe=True)
        assert layer.weight.shape == (1, 2)
        parametrize.remove_parametrizations(layer, "weight")
        assert layer.weight.shape == (1, 2)


def test_within_cached_a_weight_is_computed_once() -> None:
    layer = symmetric()
    with parametrize.cached():
        first = layer.weight
        with parametrize.cached():
            assert layer.weight is first
        assert layer.weight is first
    assert layer.weight is not first


def test_a_buffer_may_be_parametrized() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            self.scale = nn.Buffer(tg.zeros(2))

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return x * self.scale

    layer = Scaled()
    parametrize.register_parametrization(layer, "scale", Exp())
    assert layer.scale.tolist() == [1, 1]
    assert [name for name, _ in layer.named_buffers()] == ["parametrizations.scale.original"]
    assert list(layer.parameters()) == []
    parametrize.remove_parametrizations(layer, "scale")
    assert [name for name, _ in layer.named_buffers()] == ["scale"]
    assert layer.scale.tolist() == [1, 1]


def test_what_cannot_be_parametrized_is_refused() -> None:
    with pytest.raises(ValueError, match=r"parametrized weight 'w': it has \['bias', 'weight'\]"):
        parametrize.register_parametrization(nn.Linear(1, 1), "w", Exp())
    with pytest.raises(TypeError):
        parametrize.register_parametrization(nn.Linear(1, 1), "weight", np.exp)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one parametrization or more"):
        parametrize.ParametrizationList([], tg.ones(1))


# --- by norm and direction --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dim", "axes"), [(0, (1,)), (1, (0,)), (None, (0, 1))])
def test_weight_norm_by_hand(dim: int | None, axes: tuple[int, ...]) -> None:
    weight = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    norm = np.sqrt((weight**2).sum(axes, keepdims=dim is not None))
    for made in (nn.utils.weight_norm, parametrizations.weight_norm):
        layer = nn.Linear(3, 2)
        with tg.no_grad():
            layer.weight.copy_(weight)
        layer = made(layer, dim=dim)
        np.testing.assert_allclose(layer.weight.detach(), weight, rtol=1e-6)
        named = dict(layer.named_parameters())
        length, direction = list(named.values())[1:]
        np.testing.assert_allclose(length.detach(), norm, rtol=1e-6)
        np.testing.assert_array_equal(direction.detach(), weight)
        with tg.no_grad():
            length.mul_(3)
            direction.mul_(5)
        np.testing.assert_allclose(layer.weight.detach(), 3 * weight, rtol=1e-6)
    newer = nn.Linear(3, 2)
    parametrizations.weight_norm(newer, dim=dim)
    older = nn.utils.weight_norm(nn.Linear(3, 2), dim=dim)
    newer.load_state_dict(older.state_dict())  # whose names are weight_g and weight_v
    np.testing.assert_array_equal(newer.weight.detach(), older.weight.detach())


def test_weight_norm_is_removed() -> None:
    layer = nn.utils.weight_norm(nn.Linear(3, 2))
    assert list(layer.state_dict()) == ["bias", "weight_g", "weight_v"]
    with pytest.raises(TypeError, match="weight is computed from other parameters"):
        layer.weight = nn.Parameter(tg.ones(2, 3))
    for again in (nn.utils.weight_norm, nn.utils.spectral_norm):
        with pytest.raises(RuntimeError, match="is computed already"):
            again(layer)
    weight = layer.weight.tolist()
    assert nn.utils.remove_weight_norm(layer) is layer
    assert type(layer) is nn.Linear
    assert list(layer.state_dict()) == ["bias", "weight"]
    assert layer.weight.tolist() == weight
    for remove in (nn.utils.remove_weight_norm, nn.utils.remove_spectral_norm):
        with pytest.raises(ValueError, match="_norm of 'weight' not found in Linear"):
            remove(layer)
    with pytest.raises(ValueError, match="has no shape yet"):
        nn.utils.weight_norm(nn.LazyLinear(3))
    with pytest.raises(ValueError, match="no parameter 'w', only"):
        nn.utils.weight_norm(layer, "w")


# --- by the largest singular value ------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", [nn.utils.spectral_norm, parametrizations.spectral_norm])
@pytest.mark.parametrize("dim", [None, 1])
def test_spectral_norm_divides_by_the_largest_singular_value(made: Any, dim: int | None) -> None:
    layer = nn.Linear(4, 3, dtype=np.float64)
    weight = layer.weight.detach().clone().numpy()
    layer = made(layer, n_power_iterations=3, dim=dim, generator=seeded())
    for _ in range(60):
        layer(tg.ones(1, 4, dtype=np.float64))
    expected = weight / np.linalg.svd(weight, compute_uv=False)[0]
    np.testing.assert_allclose(layer.weight.detach(), expected, rtol=1e-6)
    before = [buffer.tolist() for buffer in layer.eval().buffers()]
    first = layer.weight
    first.sum().backward()
    assert [buffer.tolist() for buffer in layer.buffers()] == before
    is_older = made is nn.utils.spectral_norm
    remove: Any = nn.utils.remove_spectral_norm if is_older else parametrize.remove_parametrizations
    remove(layer, "weight")
    assert list(layer.state_dict()) == ["bias", "weight"]
    np.testing.assert_array_equal(layer.weight.detach(), first.detach())


def test_two_passes_of_a_spectral_norm_have_one_backward_pass() -> None:
    layer, x = nn.utils.spectral_norm(nn.Linear(3, 2)), tg.randn(4, 3)
    (layer(x) + layer(x)).sum().backward()  # the second pass has changed the vectors of the first
    assert layer.weight_orig.grad is not None  # type: ignore[attr-defined]


def test_spectral_norm_of_a_vector_divides_by_its_norm() -> None:
    layer = parametrizations.spectral_norm(nn.Linear(3, 2), "bias")
    np.testing.assert_allclose(layer.bias.norm().item(), 1, rtol=1e-6)
    for options in ({"n_power_iterations": 0}, {"name": "w"}):
        with pytest.raises(ValueError, match=r"n_power_iterations|no parameter"):
            parametrizations.spectral_norm(nn.Linear(3, 2), **options)  # type: ignore[arg-type]
