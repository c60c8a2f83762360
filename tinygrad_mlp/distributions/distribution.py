"""What all distributions have: shapes, validation, draws, and an error for each quantity without a formula.

A family is a class whose body is a table: a row for each quantity, with its formula. In the formulas, `d` is the
distribution, `x` a value, `p` a probability and `z` a draw of a standard distribution.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from ..autograd.grad_mode import no_grad
from ..names import function_of
from ..tensors.arguments import Size, array_of, get_default_dtype
from ..tensors.creation import as_floating, as_operand, tensor
from ..tensors.observer import observer
from ..tensors.random import AnyGenerator, drawn
from ..tensors.refusals import shown
from ..tensors.tensor import Tensor
from .constraints import Constraint, real

__all__ = [
    "Computed", "Distribution", "Numbers", "at_probability", "at_value", "broadcast_all", "draws", "operand",
    "parameters", "summed_events",
]  # fmt: skip

Numbers = np.random.Generator


# --- the words of the tables ------------------------------------------------------------------------------------------


def parameters(**constraints: Any) -> Any:
    """The `arg_constraints` of a family: what each of its parameters has to fulfil."""
    return constraints


def at_value(formula: Callable[[Any, Any], Any]) -> Any:
    """A method that computes a formula of a value, which is validated."""
    return lambda self, value: formula(self, self._valued(value))


def at_probability(formula: Callable[[Any, Any], Any]) -> Any:
    """A method that computes a formula of a probability."""
    return lambda self, value: formula(self, operand(value, self._dtype))


def draws(
    method: Callable[..., Any], *names: str, of: Callable[[Any, Any], Any] | None = None, dtype: Any = None
) -> Any:
    """How a family draws: ``method(numbers, shape, *parameters)``, with arrays of the parameters of these names.

    Where draws are functions of the parameters, ``of(distribution, z)`` computes them from z, the numbers drawn.
    """

    def draw(self: Any, shape: Sequence[int], generator: AnyGenerator | None) -> Any:
        given = tuple(getattr(self, name) for name in names)
        z = Tensor._of(drawn(generator, _drawn, method, dtype or self._dtype, tuple(shape), given))
        return z if of is None else of(self, z)

    return draw


def _drawn(numbers: Numbers, method: Callable[..., Any], dtype: Any, shape: tuple[int, ...], given: Any) -> Any:
    return np.asarray(method(numbers, shape, *map(array_of, given)), dtype)


class Computed:
    """A parameter that is computed from others whenever it is read, unless the distribution was made with it."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        self._compute = compute

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else self._compute(instance)


def _lacking(name: str) -> Any:
    return property(lambda self: self._lacks(name))


def _lacking_method(name: str, advice: str = "") -> Any:
    return lambda self, *arguments, **options: self._lacks(f"{name}(){advice}")


# --- Tensors ----------------------------------------------------------------------------------------------------------


def broadcast_all(*values: Any) -> list[Tensor]:
    """Floating Tensors of one shape. Numbers get the dtype of the first Tensor, or else the default dtype."""
    dtype = next((as_floating(x).dtype for x in values if isinstance(x, Tensor)), get_default_dtype())
    return list(function_of("broadcast_tensors")(*(as_floating(operand(x, dtype)) for x in values)))


def operand(value: Any, dtype: Any) -> Tensor:
    """`value` as a Tensor, of this dtype if it is a number."""
    return tensor(value, dtype=dtype) if isinstance(value, int | float) else as_operand(value)


def summed_events(x: Any, dims: int) -> Any:
    """The sums over the last `dims` dimensions."""
    return x.sum(tuple(range(-dims, 0))) if dims else x


# --- the base ---------------------------------------------------------------------------------------------------------


class Distribution:
    """The base of all distributions, also of those that users derive from it.

    Args:
        batch_shape: the shape of the parameters: one distribution for each entry.
        event_shape: the shape of one draw.
        validate_args: whether parameters and values are validated; by default they are.

    Raises:
        ValueError: a parameter, which the subclass has set before, breaks its constraint.
        NotImplementedError: is raised by quantities that a subclass has no formula of.
    """

    has_rsample: Any = False
    has_enumerate_support: Any = False
    arg_constraints: Any = parameters()
    support: Any = real
    mean: Any = _lacking("mean")
    mode: Any = _lacking("mode")
    variance: Any = _lacking("variance")
    stddev: Any = property(lambda d: d.variance.sqrt())
    log_prob: Any = _lacking_method("log_prob")
    cdf: Any = _lacking_method("cdf")
    icdf: Any = _lacking_method("icdf")
    entropy: Any = _lacking_method("entropy", ": the mean of -log_prob(x) over draws x comes near it")
    enumerate_support: Any = _lacking_method("enumerate_support")
    _validate_args = True

    def __init__(
        self,
        batch_shape: Sequence[int] = Size(),
        event_shape: Sequence[int] = Size(),
        validate_args: bool | None = None,
    ) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            for name, value in self._given().items():
                self._require(self.arg_constraints[name], name, value)

    def _set(self, validate_args: bool | None, **values: Any) -> None:
        """Set parameters of one entry for each distribution, and validate them.

        Raises:
            ValueError: their shapes do not broadcast, or one breaks its constraint.
        """
        try:
            made = broadcast_all(*values.values())
        except ValueError:
            shapes = " and ".join(f"{name} of shape {array_of(value).shape}" for name, value in values.items())
            raise ValueError(f"{type(self).__name__}: {shapes} do not broadcast") from None
        vars(self).update(zip(values, made, strict=True))
        Distribution.__init__(self, made[0].shape, validate_args=validate_args)

    def _given(self) -> dict[str, Any]:
        """The parameters that the distribution was made with, without those that are computed from these."""
        return {name: vars(self)[name] for name in self.arg_constraints if name in vars(self)}

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Set whether distributions that do not say ``validate_args=`` validate."""
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args() takes True or False, not {shown(value)}")
        Distribution._validate_args = value

    def __repr__(self) -> str:
        given = (f"{name}: {x.item() if x.numel() == 1 else tuple(x.shape)}" for name, x in self._given().items())
        return f"{type(self).__name__}({', '.join(given)})"

    @property
    def batch_shape(self) -> Size:
        """The shape of the parameters: one distribution for each entry."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one draw."""
        return self._event_shape

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """This distribution with the batch dimensions expanded to `batch_shape`, as `Tensor.expand` does it."""
        new = copy.copy(self)
        new._batch_shape = Size(batch_shape)
        for name, value in self._given().items():
            setattr(new, name, value.expand(*batch_shape, *value.shape[len(self._batch_shape) :]))
        return new

    def _extended_shape(self, sample_shape: Sequence[int] = ()) -> Size:
        """The shape of draws.

        Raises:
            TypeError: `sample_shape` is a number.
        """
        if isinstance(sample_shape, int):
            raise TypeError(f"sample_shape is a tuple of lengths: write ({sample_shape},), not {sample_shape}")
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    @property
    def _dtype(self) -> Any:
        """The dtype of the parameters."""
        return next((value.dtype for value in self._given().values()), get_default_dtype())

    def _require(self, constraint: Constraint, name: str, value: Any) -> None:
        """Raise ValueError unless `value` fulfils the constraint. A replayed step asks this again."""
        name = f"{type(self).__name__}: {name}"
        observer().perform(Constraint.require, constraint, name, value, *constraint.bounds)

    def _valued(self, value: Any) -> Any:
        """`value`, an argument of `log_prob` or `cdf`, as a Tensor of floats that is validated.

        Raises:
            ValueError: its shape does not fit, or an entry is outside of the support.
        """
        value = operand(value, self._dtype)
        if self._validate_args:
            self._validate_sample(value)
        return value if value.dtype.kind == "f" else value.to(self._dtype)

    def _validate_sample(self, value: Tensor) -> None:
        shape, own = tuple(value.shape), self._extended_shape()
        ends = shape[len(shape) - len(self._event_shape) :]
        pairs = zip(reversed(shape), reversed(own), strict=False)
        if ends != self._event_shape or any(n != m and 1 not in (n, m) for n, m in pairs):
            raise ValueError(
                f"{type(self).__name__}: a value of shape {shape} does not fit batch_shape {tuple(self._batch_shape)} "
                f"and event_shape {tuple(self._event_shape)}: it ends in the event_shape, and broadcasts before that"
            )
        self._require(self.support, "a value", value)

    def _draw(self, shape: Sequence[int], generator: AnyGenerator | None) -> Any:
        """Draws of this `shape`: by default those of `rsample`, which a user's subclass may have written instead."""
        if type(self).rsample is Distribution.rsample:
            self._lacks("sample()")
        options = {} if generator is None else {"generator": generator}
        return self.rsample(shape[: len(shape) - len(self._extended_shape())], **options)

    def sample(self, sample_shape: Sequence[int] = Size(), generator: AnyGenerator | None = None) -> Any:
        """Draws of shape ``sample_shape + batch_shape + event_shape``, through which no gradient passes."""
        with no_grad():
            return self._draw(self._extended_shape(sample_shape), generator)

    def rsample(self, sample_shape: Sequence[int] = Size(), generator: AnyGenerator | None = None) -> Any:
        """Draws as of `sample` that are functions of the parameters: gradients pass through them.

        Raises:
            NotImplementedError: the distribution has no such draws. `has_rsample` says so.
        """
        if not self.has_rsample:
            self._lacks("rsample(), for its draws have no derivative: write sample() and log_prob()")
        return self._draw(self._extended_shape(sample_shape), generator)

    def perplexity(self) -> Any:
        """The exponential of the entropy."""
        return self.entropy().exp()

    def _enumerated(self, values: Any, expand: bool) -> Any:
        """`values`, one after the other, in front of the batch dimensions, which are repeated if `expand`."""
        events = values.shape[1:]
        values = values.reshape(-1, *[1] * len(self._batch_shape), *events)
        return values.expand(-1, *self._batch_shape, *events) if expand else values

    def _lacks(self, name: str) -> NoReturn:
        raise NotImplementedError(f"{type(self).__name__} has no {name}")
