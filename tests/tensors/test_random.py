"""The generator decides the numbers of a random Tensor, and they have the distribution that its function names."""

from collections.abc import Callable

import numpy as np
import pytest

import tinygrad_mlp as tg

DRAWN: dict[str, Callable[..., tg.Tensor]] = {
    "rand": lambda **how: tg.rand(4, 5, **how),
    "randn": lambda **how: tg.randn((4, 5), **how),
    "randint": lambda **how: tg.randint(2, 9, (4, 5), **how),
    "randperm": lambda **how: tg.randperm(20, **how),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_generator_decides_what_is_drawn(name: str) -> None:
    draw = DRAWN[name]
    first, second = draw(generator=tg.Generator().manual_seed(3)), draw(generator=tg.Generator().manual_seed(3))
    np.testing.assert_array_equal(first, second)
    tg.manual_seed(3)
    default = draw()
    np.testing.assert_array_equal(default, first)
    assert not np.array_equal(draw(), first)
    with pytest.raises(TypeError, match="Generator"):
        draw(generator=3)


def test_float32_numbers_are_drawn_as_float32() -> None:
    """A float64 number below 1 can round to 1 in float32, but `rand` promises numbers below 1."""
    for ours, numpys in ((tg.rand, "random"), (tg.randn, "standard_normal")):
        drawn = ours(5, generator=tg.Generator().manual_seed(3))
        expected = getattr(np.random.default_rng(3), numpys)(5, np.float32)
        np.testing.assert_array_equal(drawn.numpy(), expected, strict=True)


def test_drawn_numbers_have_their_distribution() -> None:
    generator = tg.Generator().manual_seed(0)
    uniform, normal = (draw(100_000, generator=generator).numpy() for draw in (tg.rand, tg.randn))
    assert uniform.dtype == normal.dtype == np.float32
    assert 0 <= uniform.min() < 0.001
    assert 0.999 < uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.005
    assert abs(normal.mean()) < 0.02
    assert abs(normal.std() - 1) < 0.01
    assert set(tg.randint(2, 5, (100,), generator=generator).tolist()) == {2, 3, 4}
    assert set(tg.randint(2, (100,), generator=generator).tolist()) == {0, 1}
    assert sorted(tg.randperm(9, generator=generator).tolist()) == list(range(9))


def test_randint_begins_at_0() -> None:
    for drawn in (tg.randint(3, (50,)), tg.randint(high=3, size=(50,)), tg.randint(0, 3, (50,))):
        assert set(drawn.tolist()) == {0, 1, 2}


def test_one_bound_of_random_integers_is_the_upper_one() -> None:
    drawn = [call(tg.Generator().manual_seed(0)).tolist() for call in (
        lambda g: tg.randint(5, (20,), generator=g), lambda g: tg.randint(5, size=(20,), generator=g),
        lambda g: tg.randint(0, 5, (20,), generator=g),
    )]  # fmt: skip
    assert drawn[0] == drawn[1] == drawn[2]
