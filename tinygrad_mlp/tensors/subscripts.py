"""Brings the subscripts of `numpy.einsum` into the simple form that its rule in the sheet of derivatives takes."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.functions import einsum
from .derived import derived

__all__ = ["simple_einsum"]


def simple_einsum(subscripts: Any, *operands: Any) -> Any:
    """`numpy.einsum` in terms of `functions.einsum`, which has a rule but takes only simple subscripts.

    Simple subscripts name the output and have no ellipsis. In them no operand has a label twice, and every label of an
    operand is also in the output or in another operand. Diagonals and sums bring the operands to that form.

    Raises:
        TypeError: the subscripts are no string.
        ValueError: they do not fit the operands.
    """
    if not isinstance(subscripts, str):
        raise TypeError(f'einsum takes its subscripts as a string such as "ij,jk->ik", not {subscripts!r}')
    terms, output = _explicit(subscripts, operands)
    simple = list(operands)
    for i, term in enumerate(terms):
        if len(term) != np.ndim(simple[i]):
            raise ValueError(f"einsum: {subscripts!r} does not fit operand {i} of shape {np.shape(simple[i])}")
        # A label that an operand has twice stands for a diagonal, which numpy.diagonal makes the last dimension.
        while repeated := next((label for label in term if term.count(label) > 1), ""):
            first = term.index(repeated)
            simple[i] = np.diagonal(simple[i], 0, first, term.index(repeated, first + 1))
            term = term.replace(repeated, "", 2) + repeated
        # A label that occurs nowhere else stands for a sum.
        elsewhere = output + "".join(terms[:i] + terms[i + 1 :])
        alone = tuple(axis for axis, label in enumerate(term) if label not in elsewhere)
        if alone:
            simple[i] = np.sum(simple[i], axis=alone)
        terms[i] = "".join(label for label in term if label in elsewhere)
    return einsum(*simple, subscripts=f"{','.join(terms)}->{output}")


def _explicit(subscripts: str, operands: Sequence[Any]) -> tuple[list[str], str]:
    """The labels of each operand and of the output, with labels in place of ellipses."""
    left, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise ValueError(f"einsum: {subscripts!r} has terms for {len(terms)} operands, not for {len(operands)}")
    if not arrow:
        # Without an arrow the output has the dimensions of the ellipsis, then the labels that occur once, sorted.
        once = sorted(label for label in set(left) - set(",.") if left.count(label) == 1)
        output = "".join(["..." * ("..." in left), *once])
    # The dimensions of ellipses are aligned at the last one, so an operand with fewer of them takes the last labels.
    hidden = [np.ndim(operand) - len(term.replace("...", "")) for operand, term in zip(operands, terms, strict=True)]
    unused = "".join(label for label in string.ascii_letters if label not in subscripts)[: max(hidden)]
    terms = [term.replace("...", unused[len(unused) - n :]) for term, n in zip(terms, hidden, strict=True)]
    return terms, output.replace("...", unused)


derived[np.einsum] = simple_einsum
