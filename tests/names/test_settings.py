"""Settings change what they name, and those without a meaning here say so."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg

ANSWERS: list[tuple[str, Callable[[], Any], Any]] = [
    ("set_num_interop_threads", lambda: tg.set_num_interop_threads(4), None),
    ("get_num_interop_threads", lambda: tg.get_num_interop_threads(), 1),
    ("use_deterministic_algorithms", lambda: tg.use_deterministic_algorithms(True, warn_only=True), None),
    ("are_deterministic_algorithms_enabled", lambda: tg.are_deterministic_algorithms_enabled(), True),
    ("set_float32_matmul_precision", lambda: tg.set_float32_matmul_precision("high"), None),
    ("get_float32_matmul_precision", lambda: tg.get_float32_matmul_precision(), "highest"),
    ("set_num_threads", lambda: tg.set_num_threads(tg.get_num_threads()), None),
    ("get_num_threads", lambda: tg.get_num_threads() >= 1, True),
    ("set_printoptions", lambda: tg.set_printoptions(precision=4), None),
]


@pytest.mark.parametrize(("name", "call", "expected"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_settings_answer(name: str, call: Callable[[], Any], expected: Any) -> None:
    assert call() == expected


def test_the_number_of_threads() -> None:
    threadpoolctl = pytest.importorskip("threadpoolctl")
    before = tg.get_num_threads()
    with threadpoolctl.threadpool_limits():  # which puts all limits back at its end
        tg.set_num_threads(1)
        assert tg.get_num_threads() == 1
        tg.set_num_threads(2)
        assert tg.get_num_threads() == 2
    assert tg.get_num_threads() == before
    with pytest.raises(ValueError, match="an integer ≥ 1"):
        tg.set_num_threads(0)


def test_without_threadpoolctl_the_number_of_threads_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with pytest.warns(UserWarning, match="OPENBLAS_NUM_THREADS=3 in front of the command"):
        tg.set_num_threads(3)
    assert tg.get_num_threads() >= 1


@pytest.fixture
def options() -> Iterator[None]:
    """Put the options of printing back."""
    from tinygrad_mlp.tensors import printing

    before = dict(printing._options)
    yield
    printing._options.update(before)


@pytest.mark.usefixtures("options")
def test_options_decide_how_tensors_are_printed() -> None:
    third = tg.tensor([1 / 3, 200.0])
    assert repr(third) == "tensor([  0.3333, 200.0000])"
    tg.set_printoptions(precision=2)
    assert repr(third) == "tensor([  0.33, 200.00])"
    tg.set_printoptions(sci_mode=True)
    assert repr(third) == "tensor([3.33e-01, 2.00e+02])"
    tg.set_printoptions(sci_mode=False)
    assert repr(tg.tensor([1e-7, 1e7])) == "tensor([        0.00,  10000000.00])"
    tg.set_printoptions(sci_mode=False)
    assert repr(tg.tensor([True])) == "tensor([ True])"
    tg.set_printoptions(threshold=5, edgeitems=1)
    assert repr(tg.arange(10)) == "tensor([0, ..., 9])"
    tg.set_printoptions(profile="full")
    assert "..." not in repr(tg.arange(2000))
    assert repr(tg.tensor([1 / 3])) == "tensor([0.3333])"
    tg.set_printoptions(linewidth=20)
    assert max(map(len, repr(tg.arange(30)).splitlines())) <= 20
    with pytest.raises(ValueError, match="edgeitems is a number ≥ 0, not -1"):
        tg.set_printoptions(precision=7, edgeitems=-1)
    with pytest.raises(ValueError, match="default, short, full, not 'long'"):
        tg.set_printoptions(profile="long")
    np.testing.assert_array_equal(third.shape, (2,))
