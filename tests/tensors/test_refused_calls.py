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
    (lambda: np.where(leaf(X) > 0, None, leaf(X)), TypeError, "takes both choices"),
    (lambda: tg.where(leaf(X) > 0, None, 0.0), TypeError, r"where\(\) takes a Tensor or a number for each choice"),
    (lambda: leaf(X).where(leaf(X) > 0, None), TypeError, "a number for each choice"),
    (lambda: leaf(X).masked_fill(leaf(X) > 0, None), TypeError, r"a Tensor or a number as value, not None"),
    (lambda: leaf(X).select(0, True), TypeError, r"an integer as index=, not True"),
    (lambda: leaf(X).select(0, slice(1)), TypeError, r"an integer as index=, not slice"),  # type: ignore[arg-type]
    (lambda: leaf(X).narrow(0, True, 1), TypeError, "an integer as start, not True"),
    (lambda: leaf(X).repeat(True, 2), TypeError, r"are integers, not \(True, 2\)"),
    (lambda: leaf(X).tile(np.True_), TypeError, r"are integers, not \(1, np.True_\)"),
    (lambda: leaf(X).flip(True), TypeError, "are integers, not True"),
    (lambda: leaf(X).roll(True, 0), TypeError, "are integers, not True"),
    (lambda: tg.randn(True, 2), TypeError, r"are integers, not \(True, 2\)"),
    (lambda: tg.rand(2.0), TypeError, r"are integers, not 2.0"),
    (lambda: tg.zeros(0).max(), ValueError, "zero-size"),
    (lambda: tg.cat([]), ValueError, "one Tensor or more"),
    (lambda: tg.cat([tg.zeros(2, 2), tg.zeros(3, 3)]), ValueError, "shapes"),
    (lambda: tg.einsum("ij", tg.zeros(2)), ValueError, "does not fit operand 0"),
    (lambda: tg.einsum(tg.zeros(2), tg.zeros(2)), TypeError, "string"),
    (lambda: tg.cat([tg.zeros(0), tg.ones(2)], 1), IndexError, "out of bounds"),
    (lambda: tg.einsum("ii", tg.ones(1, 3)), ValueError, "'i' in 'ii' has lengths 1 and 3 in operand 0"),
    (lambda: tg.einsum("iji", tg.ones(3, 2, 2)), ValueError, "a diagonal needs equal ones"),
    (lambda: tg.from_numpy([1.0]), TypeError, r"NumPy array, not list: use tensor\(\)"),
    (lambda: tg.from_numpy(np.array(["a"])), TypeError, "not <U1"),
    (lambda: tg.add_row(3, lambda g, y, x: g), TypeError, "belongs to a function"),  # type: ignore[arg-type]
    (lambda: tg.add_row(np.sinc, 3), TypeError, "a rule is a function of"),  # type: ignore[arg-type]
    (lambda: tg.add_row(np.sinc, lambda g, x: g), TypeError, r"1 rule is for .* takes \(g, x\)"),
    (lambda: tg.add_row(np.hypot, *[lambda g, y, a: g] * 2), TypeError, r"2 rules are for .* takes \(g, y, a\)"),
    (lambda: tg.differentiable(lambda x: x)(leaf(X)), TypeError, "write @differentiable"),
    (lambda: tg.differentiable(lambda x, y: x)(leaf(X), leaf(X)), TypeError, "write @differentiable"),
    (lambda: tg.randint(high=3), TypeError, r"write randint\(0, 10, \(2, 3\)\)"),
    (lambda: operator.iadd(leaf(1.0), 1), RuntimeError, r"put it under no_grad\(\), or write x = x \+ ... instead"),
    (lambda: np.linalg.norm(SQUARE, ord=2), TypeError, "vectors"),
    (lambda: SQUARE[:1].std(dim=0), ValueError, "1 entries"),
    (lambda: SQUARE.cumsum(5), ValueError, "axis 5"),
    (lambda: SQUARE.prod(5), ValueError, "axis 5"),
    (lambda: tg.cat([SQUARE, SQUARE[:, :1]]), ValueError, "concatenate"),
    (lambda: tg.stack([SQUARE, SQUARE[0]]), ValueError, r"one shape, not of \(2, 2\) and \(2,\)"),
    (lambda: tg.einsum("ij,jk", SQUARE), ValueError, "2 operands, not for 1"),
    (lambda: tg.einsum("i,i", SQUARE[0], tg.ones(3)), ValueError, "einsum"),
    (lambda: tg.zeros(-1), ValueError, "negative"),
    (lambda: np.cumsum(SQUARE, dtype=np.int64), TypeError, "dtype"),
    (lambda: leaf(X) @ leaf(X), ValueError, r"matmul at test_refused_calls.py:\d+ of shapes \(2, 3\) and \(2, 3\): the "
     r"last length of the first, 3, and the last but one of the second, 2, must be equal: write a @ b.T or a.T @ b"),
    (lambda: leaf(X) @ tg.ones(4, 2), ValueError, "first, 3, and the last but one of the second, 4, must be equal$"),
    (lambda: leaf(X) @ tg.ones(4, 3), ValueError, "must be equal: write a @ b.T$"),
    (lambda: leaf(X) @ tg.ones(2, 4), ValueError, "must be equal: write a.T @ b$"),
    (lambda: leaf(X) @ tg.ones(2), ValueError, r"shapes \(2, 3\) and \(2,\): .* length of the second, 2, .* a.T @ b"),
    (lambda: tg.ones(3) @ tg.ones(4), ValueError, "the length of the first, 3, and the length of the second, 4"),
    (lambda: tg.ones(4) @ tg.ones(3, 4), ValueError, "the length of the first, 4, .* 3, .* write a @ b.T"),
    (lambda: tg.ones(5, 2, 3) @ tg.ones(5, 2, 3), ValueError, r"a @ b.mT or a.mT @ b"),
    (lambda: tg.ones(5, 2, 3) @ tg.ones(4, 3, 2), ValueError, r"\(5,\) and \(4,\), must be equal, or have length 1"),
    (lambda: leaf(X) @ 3, ValueError, r"shapes \(2, 3\) and \(\): a number has no rows or columns: write \*"),
    (lambda: X @ leaf(X), ValueError, "a @ b.T"),
    (lambda: np.matmul(leaf(X), X), ValueError, "a @ b.T"),
    (lambda: leaf(X).mm(leaf(X)), ValueError, "a @ b.T"),
    (lambda: leaf(X).mm(3), ValueError, r"two matrices, not shapes \(2, 3\) and \(\)"),  # type: ignore[arg-type]
    (lambda: leaf(X) + None, TypeError, r"add at test_refused_calls.py:\d+ takes Tensors and numbers, not None"),
    (lambda: "a" * leaf(X), TypeError, "multiply .* not 'a'"),
    (lambda: leaf(X) ** "a", TypeError, "power .* not 'a'"),
    (lambda: leaf(X) == "a", TypeError, "equal .* not 'a'"),
    (lambda: leaf(X) + tg.nn.Sequential(tg.nn.Tanh()), TypeError, r"not a Sequential: call it, as in net\(x\)"),
    (lambda: leaf(X) @ tg.nn.Tanh(), TypeError, "not a Tanh: call it"),
    (lambda: tg.tensor([1]) + 2**70, OverflowError, r"add at test_.*: write the number as a float, or "),
    (lambda: 2**70 - tg.tensor([1]), OverflowError, "as a float"),
    (lambda: tg.tensor(2**70), TypeError, f"the integer {2**70} is too large .* write it as a float"),
    (lambda: tg.tensor([1, 2**70]), TypeError, "too large|not object"),
    (lambda: tg.tensor(None, dtype=np.float64), TypeError, "None stands"),
    (lambda: tg.tensor([1.0, None], dtype=np.float64), TypeError, "None stands"),
    (lambda: tg.tensor(["1.5"], dtype=np.float64), TypeError, "not str"),
    (lambda: tg.full((2,), "a"), TypeError, "real numbers"),
    (lambda: tg.set_default_dtype(None), TypeError, "not None"),
    (lambda: tg.tensor(1.0).triu(), ValueError, r"triu\(\) takes a matrix, not a number: write x.reshape\(1, 1\)"),
    (lambda: tg.tensor(1.0).tril(), ValueError, r"tril\(\) takes a matrix"),
    (lambda: leaf(X).expand(3), ValueError, r"expand\(\) of shape \(2, 3\) takes 2 sizes or more, not 1"),
    (lambda: tg.cat(leaf(X), leaf(X)), TypeError, r"cat\(\) takes the Tensors in a list as .*: write cat\(\[x, y\]\)"),  # type: ignore[arg-type]
    (lambda: tg.stack(leaf(X)), TypeError, r"stack\(\) takes the Tensors in a list"),  # type: ignore[arg-type]
    (
        lambda: tg.nn.functional.cosine_similarity(leaf(X), np.ones(4)),
        ValueError,
        r"cosine_similarity\(\) takes shapes that fit each other, not \(2, 3\) and \(4,\)",
    ),
    (lambda: tg.randint(0, 5, 3), TypeError, r"a list of integers or None as size=, not 3"),  # type: ignore[arg-type]
    (lambda: leaf(X).register_hook(3), TypeError, "a hook is a function of the gradient, not 3"),  # type: ignore[arg-type]
    (lambda: tg.randperm(-1), ValueError, "n ≥ 0, not -1"),
    (lambda: tg.manual_seed(None), ValueError, "a seed is an integer ≥ 0, not None"),  # type: ignore[arg-type]
    (lambda: tg.einsum(leaf(X), "ij->i"), TypeError, "takes the equation first"),  # type: ignore[arg-type]
    (lambda: tg.autograd.grad(leaf(X).sum(), tg.nn.Linear(1, 1)), TypeError, r"write net.parameters\(\)"),  # type: ignore[arg-type]
    (lambda: leaf(X).sum().backward(inputs=tg.nn.Linear(1, 1)), TypeError, r"write net.parameters\(\)"),  # type: ignore[arg-type]
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "message"), REFUSED, ids=[row[2] for row in REFUSED])
def test_refused_calls(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_gradients_are_taken_of_all_parameters_of_a_generator() -> None:
    net = tg.nn.Linear(3, 1)
    assert [g.shape for g in tg.autograd.grad(net(tg.ones(2, 3)).sum(), net.parameters())] == [(1, 3), (1,)]
