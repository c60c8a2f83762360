"""What parameters and values have to fulfil: each constraint says it in words, and names an entry that does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._left_out import explain_in
from ..tensors.arguments import array_of
from ..tensors.creation import as_operand
from ..tensors.dispatch import applied
from ..tensors.tensor import Tensor

__all__ = [
    "Constraint", "boolean", "greater_than", "independent", "integer_interval",
    "interval", "less_than", "lower_cholesky", "multinomial", "nonnegative", "nonnegative_integer", "one_hot",
    "positive", "positive_definite", "real", "real_vector", "simplex", "unit_interval",
]  # fmt: skip


class Constraint:
    """A set of numbers, vectors or matrices.

    Attributes:
        words: what an element of the set is, with ``{}`` for each of the bounds.
        bounds: numbers or Tensors that the set depends on.
        event_dim: how many dimensions at the end of a Tensor belong to one element.
        is_discrete: whether the elements are whole numbers.

    >>> import tinygrad_mlp as tg
    >>> tg.distributions.constraints.positive.check(tg.tensor([-1.0, 2.0]))
    tensor([False,  True])
    """

    def __init__(
        self, words: str, holds: Callable[..., Any], *bounds: Any, event_dim: int = 0, is_discrete: bool = False
    ) -> None:
        self.words, self.bounds, self.event_dim, self.is_discrete = words, bounds, event_dim, is_discrete
        self._holds = holds

    def __repr__(self) -> str:
        return f"<{self.words.format(*self.bounds)}>"

    def holds(self, array: Any, *bounds: Any) -> Any:
        """Whether each element of an array is in the set, for these bounds."""
        return np.asarray(self._holds(array, *map(array_of, bounds)))

    def check(self, value: Any) -> Tensor:
        """Whether each element of `value` is in the set."""
        valid: Tensor = applied(_check, (as_operand(value),), {"constraint": self, "bounds": self.bounds})
        return valid

    def require(self, name: str, value: Any, *bounds: Any) -> None:
        """Raise ValueError unless all elements of `value`, which messages call by `name`, are in the set."""
        array = array_of(value)
        valid = self.holds(array, *bounds)
        if not valid.all():
            within = array.shape[array.ndim - self.event_dim :]
            wrong = np.broadcast_to(array, (*valid.shape, *within))[~valid][0]
            at = [np.broadcast_to(array_of(bound), valid.shape)[~valid][0] for bound in bounds]
            raise ValueError(f"{name} is {self.words.format(*at)}, not {wrong}")


def _check(x: Any, constraint: Any, bounds: Any) -> Any:
    return constraint.holds(x, *bounds)


_check.row = ()  # type: ignore[attr-defined]  # no gradient passes


def _is_positive_definite(x: Any) -> Any:
    symmetric = np.isclose(x, np.swapaxes(x, -1, -2), atol=1e-6).all((-1, -2))
    return symmetric & (np.linalg.eigvalsh(x)[..., 0] > 0)


# fmt: off
real = Constraint("a number other than NaN", lambda x: x == x)
positive = Constraint("> 0", lambda x: x > 0)
nonnegative = Constraint("≥ 0", lambda x: x >= 0)
unit_interval = Constraint("from 0 to 1", lambda x: (x >= 0) & (x <= 1))
boolean = Constraint("0 or 1", lambda x: (x == 0) | (x == 1), is_discrete=True)
nonnegative_integer = Constraint("one of 0, 1, 2, …", lambda x: (x >= 0) & (x % 1 == 0), is_discrete=True)
real_vector = Constraint("a vector of numbers other than NaN", lambda x: (x == x).all(-1), event_dim=1)
simplex = Constraint("a vector of numbers ≥ 0 that add up to 1",
                     lambda x: (x >= 0).all(-1) & (abs(x.sum(-1) - 1) < 1e-6), event_dim=1)
one_hot = Constraint("a vector of zeros and one 1",
                     lambda x: ((x == 0) | (x == 1)).all(-1) & (x.sum(-1) == 1), event_dim=1, is_discrete=True)
positive_definite = Constraint("a symmetric positive definite matrix", _is_positive_definite, event_dim=2)
lower_cholesky = Constraint("a lower triangular matrix with a positive diagonal",
                            lambda x: (np.tril(x) == x).all((-1, -2)) & (np.diagonal(x, 0, -2, -1) > 0).all(-1),
                            event_dim=2)
# fmt: on


def greater_than(lower_bound: Any) -> Constraint:
    """Numbers > `lower_bound`."""
    return Constraint("> {}", lambda x, low: x > low, lower_bound)


def less_than(upper_bound: Any) -> Constraint:
    """Numbers < `upper_bound`."""
    return Constraint("< {}", lambda x, high: x < high, upper_bound)


def interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Numbers from `lower_bound` to `upper_bound`, with both."""
    return Constraint("from {} to {}", lambda x, low, high: (x >= low) & (x <= high), lower_bound, upper_bound)


def integer_interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Whole numbers from `lower_bound` to `upper_bound`, with both."""
    words = "an integer from {} to {}"
    bounds = (lower_bound, upper_bound)
    return Constraint(words, lambda x, low, high: (x >= low) & (x <= high) & (x % 1 == 0), *bounds, is_discrete=True)


def multinomial(upper_bound: Any) -> Constraint:
    """Vectors of counts that add up to at most `upper_bound`."""
    words = "a vector of counts ≥ 0 that add up to at most {}"
    return Constraint(
        words, lambda x, high: (x >= 0).all(-1) & (x.sum(-1) <= high), upper_bound, event_dim=1, is_discrete=True
    )


def independent(base_constraint: Constraint, reinterpreted_batch_ndims: int) -> Constraint:
    """Arrays of this many dimensions more, all of whose elements fulfil `base_constraint`."""
    base, dims = base_constraint, tuple(range(-reinterpreted_batch_ndims, 0))
    return Constraint(
        base.words,
        lambda x, *bounds: base.holds(x, *bounds).all(dims),
        *base.bounds,
        event_dim=base.event_dim + reinterpreted_batch_ndims,
        is_discrete=base.is_discrete,
    )


explain_in(globals())
