"""A call that cannot work raises an error that says what to write instead."""

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from strategies import leaf

import tinygrad_mlp as tg

X = np.array([[1.5, -2.5, 0.5], [3.5, -0.5, 3.5]])


SQUARE = tg.tensor([[1.0, 2.0], [3.0, 4.0]])

REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: tg.tensor([1, 2]).mean(), TypeError, r"mean\(\) takes a floating Tensor, not one of int64"),
    (lambda: tg.tensor([1, 2]).var(), TypeError, "floating"),
    (lambda: tg.tensor([1.0]).var(), ValueError, "correction"),
    (lambda: leaf(X).norm("nuc"), ValueError, "fro"),
    (lambda: leaf(X).norm(math.nan), ValueError, "order of a norm is a number, not nan"),
    (lambda: leaf(X).var(unbiased=True, correction=0), TypeError, r"var\(\) takes unbiased= or correction=, not both"),
    (lambda: leaf(X).clamp(), ValueError, "min=, max= or both"),
    (lambda: tg.zeros(1, 2, 3).t(), ValueError, r"matrix, not shape \(1, 2, 3\): use transpose"),
    (lambda: leaf(X).mm(tg.zeros(3)), ValueError, r"two matrices, not shapes \(2, 3\) and \(3,\)"),
    (lambda: leaf(X).outer(tg.zeros(3)), ValueError, "two vectors"),
    (lambda: np.squeeze(leaf(X), 0), ValueError, r"cannot squeeze axis 0 of shape \(2, 3\)"),
    (lambda: np.squeeze(tg.zeros(3, 1), 5), ValueError, "out of bounds"),
    (lambda: leaf(X).repeat(2), ValueError, "2 sizes or more"),
    (lambda: leaf(X).sum(2), ValueError, "out of bounds"),
    (lambda: leaf(X).expand(4, 5), ValueError, "broadcast"),
    (lambda: leaf(X).permute(0, 0), ValueError, "repeated"),
    (lambda: np.where(leaf(X) > 0), TypeError, r"both choices, too: for indices, write numpy\.nonzero"),
    (lambda: tg.zeros(0).max(), ValueError, "zero-size"),
    (lambda: tg.cat([]), ValueError, "one Tensor or more"),
    (lambda: tg.cat([tg.zeros(2, 2), tg.zeros(3, 3)]), ValueError, "shapes"),
    (lambda: tg.einsum("ij", tg.zeros(2)), ValueError, "does not fit operand 0"),
    (lambda: tg.einsum(tg.zeros(2), tg.zeros(2)), TypeError, "string"),
    (lambda: tg.cat([tg.zeros(0), tg.ones(2)], 1), IndexError, "out of bounds"),
    (lambda: tg.einsum("ii", tg.ones(1, 3)), ValueError, "'i' in 'ii' has lengths 1 and 3 in operand 0"),
    (lambda: tg.einsum("iji", tg.ones(3, 2, 2)), ValueError, "a diagonal needs equal ones"),
    (lambda: tg.from_numpy([1.0]), TypeError, r"NumPy array, not list: use tensor\(\)"),
    (lambda: tg.from_numpy(np.array(["a"])), TypeError, "real numbers"),
    (lambda: tg.add_row(3, lambda g, y, x: g), TypeError, "belongs to a function"),  # type: ignore[arg-type]
    (lambda: tg.add_row(np.sinc, 3), TypeError, "a rule is a function of"),  # type: ignore[arg-type]
    (lambda: tg.add_row(np.sinc, lambda g, x: g), TypeError, r"1 rule is for .* takes \(g, x\)"),
    (lambda: tg.add_row(np.hypot, *[lambda g, y, a: g] * 2), TypeError, r"2 rules are for .* takes \(g, y, a\)"),
    (lambda: tg.differentiable(lambda x: x)(leaf(X)), TypeError, "write @differentiable"),
    (lambda: tg.differentiable(lambda x, y: x)(leaf(X), leaf(X)), TypeError, "write @differentiable"),
    (lambda: tg.randint(high=3), TypeError, r"write randint\(0, 10, \(2, 3\)\)"),
    (lambda: operator.iadd(tg.tensor(0.0), leaf(1.0)), RuntimeError, r"to add up losses, add loss.item\(\)"),
    (lambda: np.linalg.norm(SQUARE, ord=2), TypeError, "vectors"),
    (lambda: SQUARE[:1].std(dim=0), ValueError, "1 entries"),
    (lambda: SQUARE.cumsum(5), ValueError, "axis 5"),
    (lambda: SQUARE.prod(5), ValueError, "axis 5"),
    (lambda: tg.cat([SQUARE, SQUARE[:, :1]]), ValueError, "concatenate"),
    (lambda: tg.stack([SQUARE, SQUARE[0]]), ValueError, "concatenate"),
    (lambda: tg.einsum("ij,jk", SQUARE), ValueError, "2 operands, not for 1"),
    (lambda: tg.einsum("i,i", SQUARE[0], tg.ones(3)), ValueError, "einsum"),
    (lambda: tg.zeros(-1), ValueError, "negative"),
    (lambda: np.cumsum(SQUARE, dtype=np.int64), TypeError, "dtype"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "message"), REFUSED, ids=[row[2] for row in REFUSED])
def test_refused_calls(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()
