"""`assert_close` passes what differs by rounding, and its message shows the greatest difference."""

from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg
from tinygrad_mlp.testing import assert_close

NAN, INF = np.nan, np.inf

CLOSE: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "float32": (tg.tensor([1.0, 1e6]), tg.tensor([1.00001, 1e6 + 1]), {}),
    "float64": (np.array([1.0, 0.0]), np.array([1 + 1.5e-7, 1e-7]), {}),
    "infinities": (tg.tensor([INF, -INF]), tg.tensor([INF, -INF]), {}),
    "NaN": (tg.tensor([NAN]), tg.tensor([NAN]), {"equal_nan": True}),
    "large integers": (2**62 + 1, 2**62 + 1, {}),
    "dtypes": (tg.tensor([1.0]), tg.tensor([1]), {"check_dtype": False}),
    "two dtypes, by the wider tolerance": (
        tg.tensor([1.00001]), tg.tensor([1.0], dtype=np.float64), {"check_dtype": False}
    ),
    "tolerances": (1.0, 1.5, {"rtol": 0.3, "atol": 0.1}),
    "a Tensor with a graph": (tg.tensor([1.0], requires_grad=True) * 2, tg.tensor([2.0]), {}),
    "nothing": (tg.zeros(0), tg.zeros(0), {}),
    "lists and dicts": ({"a": [1.0, None]}, {"a": (1.0, None)}, {}),
}  # fmt: skip


@pytest.mark.parametrize(("actual", "expected", "options"), CLOSE.values(), ids=CLOSE)
def test_what_is_close_passes(actual: Any, expected: Any, options: dict[str, Any]) -> None:
    assert_close(actual, expected, **options)


FAR: dict[str, tuple[Any, Any, str]] = {
    "float32": (tg.tensor([1.0]), tg.tensor([1.00003]), "1 of 1 entries are not close"),
    "the greatest": (tg.zeros(2, 2), tg.tensor([[1.0, 0], [3, 2]]), r"3 of 4 .* is 3 at \[1, 0\]: 0.0, where 3.0 is"),
    "NaN": (tg.tensor([NAN, 0]), tg.tensor([NAN, 9.0]), r"is nan at \[0\]: nan, where nan is expected"),
    "infinities": (INF, -INF, "is inf: inf, where -inf is expected"),
    "large integers": (2**62, 2**62 + 1, "where 4611686018427387905 is expected"),
    "shapes": (tg.zeros(2), tg.zeros(2, 1), r"the shape is \(2,\), where \(2, 1\) is expected"),
    "dtypes": (tg.zeros(2), np.zeros(2), "the dtype is float32, where float64 is expected: pass check_dtype=False"),
    "an entry of a dict": ({"a": [1, 2]}, {"a": [1, 3]}, r"\['a'\]: \[1\]: 1 of 1"),
    "keys": ({"a": 1}, {"b": 1}, r"the keys are \['a'\], where \['b'\] are expected"),
    "lengths": ([1], [1, 2], "there are 1 entries, where 2 are expected"),
    "None": (None, tg.zeros(1), "it is None, where tensor"),
}


@pytest.mark.parametrize(("actual", "expected", "message"), FAR.values(), ids=FAR)
def test_what_is_not_close_fails_with_the_difference(actual: Any, expected: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        assert_close(actual, expected)


def test_the_message_can_be_replaced() -> None:
    with pytest.raises(AssertionError, match=r"^the loss fell$"):
        assert_close(1.0, 2.0, msg="the loss fell")
    with pytest.raises(AssertionError, match=r"^after a step: 1 of 1"):
        assert_close(1.0, 2.0, msg=lambda problem: f"after a step: {problem}")


def test_one_tolerance_alone_and_text_are_refused() -> None:
    with pytest.raises(ValueError, match="both"):
        assert_close(1.0, 1.0, rtol=0.1)
    with pytest.raises(TypeError, match="takes Tensors, arrays and numbers"):
        assert_close("a", "a")
