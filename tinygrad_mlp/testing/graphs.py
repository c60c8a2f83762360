"""Random graphs: programs that apply drawn operations to their inputs and to earlier results.

A program is plain data, so it can be printed, pasted and shrunk. Its operations are smooth and keep numbers small, so
finite differences of any program are exact enough to compare with.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from ..nn import functional as F
from ..tensors.creation import cat, einsum, stack
from ..tensors.tensor import Tensor

__all__ = ["Program", "programs"]


def fitting(b: Tensor, a: Tensor) -> Tensor:
    """`b`, or its mean where it does not broadcast with `a`."""
    pairs = itertools.zip_longest(reversed(a.shape), reversed(b.shape), fillvalue=1)
    return b if all(n == m or 1 in (n, m) for n, m in pairs) and b.ndim <= 3 else b.mean()


def matrix(a: Tensor) -> Tensor:
    """A matrix with three columns and at least two rows, made from the entries of `a`; a view if that is possible."""
    if a.ndim == 2 and a.shape[0] > 1 and a.shape[1] == 3:
        return a
    return a.reshape(-1, 3) if a.numel() % 3 == 0 and a.numel() > 3 else a.mean().expand(2, 3)


UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": lambda a: a.tanh(),
    "sigmoid": lambda a: a.sigmoid(),
    "erf": lambda a: a.erf(),
    "sin": lambda a: a.sin(),
    "negative": lambda a: -a,
    "square": lambda a: a.tanh() ** 2,
    "cube": lambda a: a.tanh() ** 3,
    "exp": lambda a: a.tanh().exp(),
    "root": lambda a: (a * a + 1).sqrt(),
    "reciprocal": lambda a: 1 / (1 + a.square()),
    "from two": lambda a: 2.0 - a,
    "softmax": lambda a: a.reshape(-1).softmax(0),
}
BINARY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a.tanh() * b,
    "divide": lambda a, b: a / (1 + b * b),
    "logaddexp": lambda a, b: a.logaddexp(b),
    "squared error": lambda a, b: (a.tanh() - b.tanh()).square().mean(),
}
# Of two matrices with three columns.
PRODUCTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "matmul": lambda a, b: a @ b.T,
    "gram": lambda a, b: a.T @ a,
    "linear": lambda a, b: F.linear(a, b),
    "einsum": lambda a, b: einsum("ij,kj->ik", a, b),
    "vector times matrix": lambda a, b: a[0] @ b.T,
    "matrix times vector": lambda a, b: a @ b[1],
    "outer": lambda a, b: a[0].outer(b[:, 1]),
    "stack of matrices": lambda a, b: stack([a, a]) @ b.T,
}
REDUCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sum": lambda a: a.sum(),
    "sum of rows": lambda a: a.sum(1, keepdim=True),
    "mean of columns": lambda a: a.mean(0),
    "variance": lambda a: a.var(),
    "product": lambda a: a.tanh().prod(0),
    "logsumexp": lambda a: a.logsumexp(1),
    "cumsum": lambda a: a.cumsum(1),
    "norm": lambda a: (a.square().sum() + 1).sqrt(),
}
MOVEMENTS: dict[str, Callable[[Tensor], Tensor]] = {
    "transpose": lambda a: a.T,
    "reshape": lambda a: a.reshape(3, -1),
    "view": lambda a: a.view(-1),
    "flip": lambda a: a.flip(0),
    "backwards": lambda a: a[::-1],
    "roll": lambda a: a.roll(1, 1),
    "unsqueeze": lambda a: a.unsqueeze(0),
    "another axis": lambda a: a[..., None],
    "expand": lambda a: a[:1].expand(2, 3),
    "repeat": lambda a: a[:2].repeat(2, 1),
    "tril": lambda a: a.tril(),
    "diagonal": lambda a: a.diagonal(),
    "row": lambda a: a[0],
    "entry": lambda a: a[-1, 1],
    "other rows": lambda a: a[1:],
    "every second": lambda a: a[:, ::2],
    "taken twice": lambda a: a[[1, 0, 0]],
    "clone": lambda a: a.clone(),
}
# Of two matrices with three columns.
JOINS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cat": lambda a, b: cat([a[:2], b[:2]]),
    "stack": lambda a, b: stack([a[:2], b[:2]], 1),
}
TABLES: tuple[dict[str, Any], ...] = (UNARY, BINARY, PRODUCTS, REDUCTIONS, MOVEMENTS, JOINS)
_MANY = 36  # entries: a larger result is replaced by a part of it


@dataclass(frozen=True)
class Program:
    """A function of Tensors, written as data: each instruction adds a result, and the last one is returned.

    An instruction is the name of an operation and two numbers, which choose its operands: they count back from the
    latest result through all earlier ones and the inputs, and begin again at the end. Operations of one operand leave
    the second number out of account. Operands that do not fit are brought into shape: a factor that does not broadcast
    is replaced by its mean, and other shapes than matrices with three columns are reshaped, or filled with the mean.
    So it takes one or more Tensors of any shape with at least one entry.

    >>> import tinygrad_mlp as tg
    >>> from tinygrad_mlp.testing import Program
    >>> program = Program((("add", 0, 0), ("tanh", 0, 0), ("multiply", 0, 1)))
    >>> program(tg.tensor([0.5, -1.0]))
    tensor([0.6420, 1.4921])
    """

    instructions: tuple[tuple[str, int, int], ...]

    def __call__(self, *inputs: Tensor) -> Tensor:
        """The last result, or the last input if there are no instructions.

        Raises:
            KeyError: there is no operation of a name.
        """
        results = list(inputs)
        for name, i, j in self.instructions:
            a, b = (results[-1 - k % len(results)] for k in (i, j))
            result = _applied(name, a, b)
            results.append(result if result.numel() <= _MANY else result.mean(0))
        return results[-1]


def _applied(name: str, a: Tensor, b: Tensor) -> Tensor:
    """The result of the operation `name`, with operands that are brought into shape."""
    if name in UNARY:
        return UNARY[name](a)
    if name in BINARY:
        return BINARY[name](a, fitting(b, a))
    if name in PRODUCTS:
        return PRODUCTS[name](matrix(a), matrix(b)).tanh()
    if name in JOINS:
        return JOINS[name](matrix(a), matrix(b))
    return (REDUCTIONS | MOVEMENTS)[name](matrix(a))


def programs(max_instructions: int = 8) -> st.SearchStrategy[Program]:
    """Programs of smooth operations on Tensors of any shape with entries, with broadcasting and shared nodes.

    A program shrinks to few instructions. `check_at` checks its gradients. Draw inputs with entries, as by
    ``tensors(shapes(min_side=1))``.

    Args:
        max_instructions: the largest number of instructions, at least 1.

    >>> import numpy as np
    >>> from hypothesis import find
    >>> from tinygrad_mlp.testing import check_at, programs
    >>> program = find(programs(), lambda program: len(program.instructions) == 2)
    >>> program
    Program(instructions=(('tanh', 0, 0), ('tanh', 0, 0)))
    >>> check_at(program, np.array([0.5, -1.0]))
    """
    if max_instructions < 1:
        raise ValueError(f"a program has at least one instruction, and max_instructions={max_instructions} leaves none")
    kinds = st.sampled_from(TABLES).flatmap(lambda table: st.sampled_from(tuple(table)))
    back = st.integers(0, 5)
    instructions = st.lists(st.tuples(kinds, back, back), min_size=1, max_size=max_instructions)
    return instructions.map(lambda drawn: Program(tuple(drawn)))
