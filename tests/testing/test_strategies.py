"""The strategies draw shapes of all sizes, distinct entries inside a domain, and networks that can be checked."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

import tinygrad_mlp as tg
from tinygrad_mlp import nn, testing
from tinygrad_mlp.testing.strategies import finite

INFINITY = float("inf")
FEW = settings(max_examples=2000, database=None, suppress_health_check=list(HealthCheck))


def test_sizes_0_and_1_are_among_the_shapes() -> None:
    for shape in [(), (0,), (1,), (2, 3), (3, 0, 1)]:
        assert find(testing.shapes(), lambda drawn, shape=shape: drawn == shape, settings=FEW) == shape
    assert find(testing.shapes(min_dims=2, min_side=1), lambda shape: True) == (1, 1)


@given(testing.broadcastable(3))
def test_shapes_broadcast(drawn: list[tuple[int, ...]]) -> None:
    np.broadcast_shapes(*drawn)


# A domain, the interval that entries come from, and the kinks to avoid.
DOMAINS: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, ...]]] = {
    "finite": ((-2, 2), (-1.96, 1.96), ()),
    "with kinks": ((-2, 2), (-1.96, 1.96), (0, 1)),
    "positive": ((0, INFINITY), (0.2, 4), ()),
    "less than 1": ((-INFINITY, 1), (-3, 0.8), (0,)),
    "real": ((-INFINITY, INFINITY), (-2, 2), (0,)),
    "far away": ((1000, 1001), (1000.01, 1000.99), (1000.5,)),
    "narrow": ((0, 1e-3), (1e-5, 0.99e-3), ()),
}


@pytest.mark.parametrize("name", DOMAINS)
@given(data=st.data())
def test_entries_are_distinct_inside_the_domain_and_away_from_kinks(name: str, data: st.DataObject) -> None:
    domain, (low, high), kinks = DOMAINS[name]
    x = data.draw(testing.tensors(domain=domain, avoid=kinks)).numpy()
    assert x.dtype == np.float64
    assert len(np.unique(x)) == x.size
    assert x.size == 0 or (x.min() >= low - 1e-12 and x.max() <= high + 1e-12)
    assert all(np.abs(x - kink).min(initial=1) >= 0.0099 * (high - low) for kink in kinks)


@pytest.mark.parametrize("name", DOMAINS)
def test_a_single_entry_shrinks_to_a_short_number(name: str) -> None:
    domain, _, kinks = DOMAINS[name]
    shrunk = find(testing.tensors((), domain, avoid=kinks), lambda x: True, settings=FEW).item()
    assert len(repr(shrunk)) <= 7


def test_tensors_have_the_shape_and_the_dtype_that_are_asked_for() -> None:
    for shape in [(2, 3), st.just((2, 3))]:
        x = find(testing.tensors(shape, dtype=np.float32), lambda x: True)
        assert (x.shape, x.dtype, x.requires_grad) == ((2, 3), np.float32, False)
    g = find(testing.cotangents(np.zeros((0, 2))), lambda g: True)
    assert (g.shape, g.dtype) == ((0, 2), np.float64)


BAD: dict[str, tuple[type[Exception], str, Callable[[], Any]]] = {
    "no pair": (TypeError, "a domain is a pair", lambda: testing.tensors((), domain=3)),  # type: ignore[arg-type]
    "no numbers": (TypeError, "a domain is a pair", lambda: testing.tensors((), domain=("a", "b"))),  # type: ignore[arg-type]
    "empty": (ValueError, "low < high", lambda: testing.tensors((), domain=(1, 1))),
    "NaN": (ValueError, "low < high", lambda: testing.tensors((), domain=(0, float("nan")))),
    "nothing left": (ValueError, "away from", lambda: testing.tensors((), avoid=np.linspace(-2, 2, 200))),
    "too large": (ValueError, "no 2000 numbers", lambda: testing.tensors((2000,))),
    "integers": (TypeError, "float32 or float64", lambda: testing.tensors((), dtype=np.int64)),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_drawn_is_refused(name: str) -> None:
    error, message, call = BAD[name]
    with pytest.raises(error, match=message):
        call()


def test_a_finite_part_is_inside_its_domain() -> None:
    for domain, interval, _ in DOMAINS.values():
        np.testing.assert_allclose(finite(domain), interval)


@given(testing.networks(activations=(nn.Tanh, nn.Softplus)), st.data())
def test_networks_have_drawn_widths_and_fit_differences(net: nn.Sequential, data: st.DataObject) -> None:
    layers, activations = [*net][::2], [*net][1::2]
    assert 1 <= len(layers) <= 3
    assert all(type(activation) in (nn.Tanh, nn.Softplus) for activation in activations)
    assert all(parameter.dtype == np.float64 for parameter in net.parameters())
    testing.check_at(net, data.draw(testing.tensors((2, layers[0].in_features))), order=1)
    assert all(parameter.grad is None for parameter in net.parameters())


def test_the_depth_of_a_network_is_a_number_or_a_strategy() -> None:
    for depth in (2, st.just(2)):
        net = find(testing.networks(depth, [nn.ReLU]), lambda net: True)
        assert [type(module) for module in net] == [nn.Linear, nn.ReLU, nn.Linear]


def test_the_seed_of_a_network_is_drawn() -> None:
    drawn = [
        find(
            testing.networks(1),
            lambda net, sign=sign: net[0].bias.item() * sign > 0 if net[0].out_features == 1 else False,
        )
        for sign in (1, -1)
    ]
    assert drawn[0][0].bias.item() > 0 > drawn[1][0].bias.item()
    assert tg.is_grad_enabled()
