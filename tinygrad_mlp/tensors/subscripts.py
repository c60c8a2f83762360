"""`numpy.einsum`: its rule for simple subscripts, and how other subscripts are brought to that form."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.functions import dispatched
from ..core.record import VIEWS
from ..core.sheet import Each, sheet
from .derived import derived

__all__ = ["einsum", "simple_einsum"]


@dispatched
def einsum(*operands: Any, subscripts: str) -> Any:
    """`numpy.einsum` of explicit `subscripts` such as ``ij,jk->ik``, in which no operand repeats a label."""
    return np.einsum(subscripts, *operands, optimize=len(operands) > 1)


def contraction(g: Any, operands: Any, position: int, subscripts: str) -> Any:
    """The adjoint of `numpy.einsum` in one operand: `g` and the other operands, contracted to that operand's labels."""
    left, output = subscripts.split("->")
    terms = left.split(",")
    own = terms.pop(position)
    others = [*operands[:position], *operands[position + 1 :]]
    return np.einsum(",".join([output, *terms]) + "->" + own, g, *others)


sheet[einsum] = Each(lambda g, _y, *operands, position, subscripts: contraction(g, operands, position, subscripts))
VIEWS.add(einsum)


def simple_einsum(subscripts: Any, *operands: Any) -> Any:
    """`numpy.einsum` in terms of `einsum`, which has a rule but takes only simple subscripts.

    Simple subscripts name the output and have no ellipsis. In them no operand has a label twice, a label has the same
    length wherever it stands, and every label of an operand is also in the output or in another operand. Diagonals,
    reshapes and sums bring the operands to that form.

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
            second = term.index(repeated, first + 1)
            shape = np.shape(simple[i])
            if shape[first] != shape[second]:
                raise ValueError(
                    f"einsum: {repeated!r} in {subscripts!r} has lengths {shape[first]} and {shape[second]} in operand "
                    f"{i} of shape {np.shape(operands[i])}: a diagonal needs equal ones"
                )
            simple[i] = np.diagonal(simple[i], 0, first, second)
            term = term.replace(repeated, "", 2) + repeated
        terms[i] = term
    # A dimension of length 1 that is longer in another operand is repeated along that: the operand does without it.
    lengths = [dict(zip(term, np.shape(x), strict=True)) for x, term in zip(simple, terms, strict=True)]
    longer = {label for own in lengths for label, n in own.items() if n != 1}
    for i, own in enumerate(lengths):
        repeated_along = [label for label, n in own.items() if n == 1 and label in longer]
        simple[i], terms[i] = _without(simple[i], terms[i], repeated_along)
    # A label that occurs nowhere else stands for a sum.
    for i, term in enumerate(terms):
        elsewhere = output + "".join(terms[:i] + terms[i + 1 :])
        simple[i], terms[i] = _without(simple[i], term, [label for label in term if label not in elsewhere])
    return einsum(*simple, subscripts=f"{','.join(terms)}->{output}")


def _without(operand: Any, term: str, labels: Sequence[str]) -> tuple[Any, str]:
    """An operand summed over the dimensions with these `labels`, and its term without the labels."""
    if not labels:
        return operand, term
    total = np.sum(operand, axis=tuple(map(term.index, labels)))
    if isinstance(total, np.generic):  # which `record` would take for a number without a dtype
        total = np.asarray(total)
    return total, "".join(label for label in term if label not in labels)


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
