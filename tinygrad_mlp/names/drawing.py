"""Random numbers: Tensors drawn from distributions whose parameters are Tensors, and Tensors filled in place.

No gradient passes through a draw. In a step that is replayed, each replay draws anew, for the parameters of then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..core import functions as f
from ..tensors.arguments import array_of, common_shape, floating_dtype, lengths
from ..tensors.creation import as_operand, validated_bounds
from ..tensors.devices import DeviceLike, on_cpu
from ..tensors.random import AnyGenerator, drawn
from ..tensors.refusals import shown
from ..tensors.tensor import Tensor
from .table import offer

__all__: list[str] = []

Numbers = np.random.Generator


def _validate(holds: Any, name: str, expected: str) -> None:
    if not np.all(holds):
        raise ValueError(f"{name}() takes {expected}")


# --- Tensors ----------------------------------------------------------------------------------------------------------


@offer(to="functions")
@on_cpu
def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Sequence[int] | None = None,
    *,
    generator: AnyGenerator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Numbers drawn from normal distributions, one for each entry of `mean` and `std`; of two numbers, `size` of them.

    Raises:
        TypeError: `mean` and `std` are numbers, and no `size` is given; or they are Tensors of integers.
        ValueError: a standard deviation is negative, or the shapes do not fit.

    >>> import tinygrad_mlp as tg
    >>> tg.normal(tg.zeros(2), 0.1).shape, tg.normal(0, 1, (2, 3)).shape
    ((2,), (2, 3))
    """
    given = [x for x in (mean, std) if isinstance(x, Tensor)]
    if not given and size is None:
        raise TypeError("normal() of two numbers takes a size: write normal(0.0, 1.0, (2, 3))")
    wanted: Any = given[0]._floating("normal").dtype if given and dtype is None else floating_dtype(dtype)
    shape = common_shape("normal", *(x._data.shape for x in given)) if size is None else lengths((size,))
    made = Tensor._of(drawn(generator, _normal, mean, std, shape, wanted))
    return made.requires_grad_() if requires_grad else made


def _normal(numbers: Numbers, mean: Any, std: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    _validate(np.greater_equal(array_of(std), 0), "normal", "standard deviations ≥ 0")
    return np.asarray(array_of(mean) + array_of(std) * numbers.standard_normal(shape), dtype)


@offer()
def bernoulli(input: Any, p: Any = None, *, generator: AnyGenerator | None = None) -> Tensor:
    """1 with the probability that is the entry of `input`, or with the probability `p`, and else 0; of `input`'s dtype.

    Raises:
        ValueError: a probability is below 0 or above 1.
    """
    probability = input if p is None else p
    return Tensor._of(drawn(generator, _bernoulli, "bernoulli", probability, input._data.shape, input._data.dtype))


def _bernoulli(numbers: Numbers, name: str, probability: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    p = array_of(probability)
    _validate(np.greater_equal(p, 0) & np.less_equal(p, 1), name, "probabilities from 0 to 1")
    return np.asarray(numbers.random(shape) < p, dtype)


@offer(to="functions")
def poisson(input: Any, generator: AnyGenerator | None = None) -> Tensor:
    """Numbers drawn from Poisson distributions whose rates are the entries of `input`, in its dtype.

    Raises:
        ValueError: a rate is negative.
    """
    return Tensor._of(drawn(generator, _poisson, as_operand(input)))


def _poisson(numbers: Numbers, rate: Any) -> Any:
    _validate(array_of(rate) >= 0, "poisson", "rates ≥ 0")
    return np.asarray(numbers.poisson(array_of(rate)), array_of(rate).dtype)


@offer(to="functions")
def binomial(count: Any, prob: Any, generator: AnyGenerator | None = None) -> Tensor:
    """How many of `count` trials succeed, each with the probability `prob`: one number for each entry of both.

    Raises:
        ValueError: a count is negative, or a probability is below 0 or above 1.
    """
    return Tensor._of(drawn(generator, _binomial, as_operand(count), as_operand(prob)))


def _binomial(numbers: Numbers, count: Any, prob: Any) -> Any:
    n, p = array_of(count), array_of(prob)
    _validate((n >= 0) & (p >= 0) & (p <= 1), "binomial", "counts ≥ 0 and probabilities from 0 to 1")
    return np.asarray(numbers.binomial(n.astype(np.int64), p), n.dtype)


@offer()
def multinomial(
    input: Any, num_samples: int, replacement: bool = False, *, generator: AnyGenerator | None = None
) -> Tensor:
    """`num_samples` indices of a vector of weights, or of each row of a matrix, each as likely as its weight says.

    Args:
        input: weights ≥ 0, which need not add up to 1.
        num_samples: how many indices are drawn.
        replacement: whether one index can be drawn several times.

    Raises:
        TypeError: the weights are no floats.
        ValueError: `input` is no vector or matrix; or a weight is negative or not finite; or all weights of a row are
            0; or fewer than `num_samples` of them are positive, and `replacement` is False.
    """
    if input._data.ndim not in (1, 2):
        raise ValueError(f"multinomial() takes a vector or a matrix of weights, not shape {input.shape}")
    if num_samples < 1:
        raise ValueError(f"multinomial() draws one index or more, not {shown(num_samples)}")
    weights = input._floating("multinomial")
    return Tensor._of(drawn(generator, _multinomial, weights, num_samples, replacement))


def _multinomial(numbers: Numbers, weights: Any, count: int, replacement: bool) -> Any:
    rows = np.atleast_2d(array_of(weights)).astype(np.float64)
    _validate(np.isfinite(rows) & (rows >= 0), "multinomial", "weights that are finite and ≥ 0")
    positive = np.count_nonzero(rows, axis=1)
    _validate(positive > 0, "multinomial", "at least one weight > 0 in each row")
    if replacement:
        ends = np.cumsum(rows, axis=1)
        drawn_at = numbers.random((len(rows), count)) * ends[:, -1:]
        chosen = np.array([np.searchsorted(*row, side="right") for row in zip(ends, drawn_at, strict=True)], np.int64)
    else:
        _validate(positive >= count, "multinomial", f"{count} weights > 0 in each row, or replacement=True")
        # The first of several exponential clocks rings with a probability proportional to its rate.
        with np.errstate(divide="ignore"):
            clocks = numbers.exponential(size=rows.shape) / rows
        chosen = np.argsort(clocks, axis=1)[:, :count]
    return chosen.reshape(count) if array_of(weights).ndim == 1 else chosen.reshape(len(rows), count)


# --- in place ---------------------------------------------------------------------------------------------------------


def _fill(name: str, input: Any, generator: AnyGenerator | None, draw: Callable[..., Any], *arguments: Any) -> Any:
    """Write what ``draw(numbers, *arguments)`` returns to `input`, and return it."""
    return input._write(name, f.replaced, Tensor._of(drawn(generator, draw, *arguments)), [...])


@offer(to="methods")
def bernoulli_(input: Any, p: Any = 0.5, *, generator: AnyGenerator | None = None) -> Tensor:
    """Set every entry to 1 with the probability `p`, a number or a Tensor of probabilities, and else to 0."""
    x = input._data
    made: Tensor = _fill("bernoulli_", input, generator, _bernoulli, "bernoulli_", p, x.shape, x.dtype)
    return made


@offer(to="methods")
def exponential_(input: Any, lambd: float = 1, *, generator: AnyGenerator | None = None) -> Tensor:
    """Draw every entry from the exponential distribution with the rate `lambd`.

    Raises:
        TypeError: the Tensor holds no floats.
        ValueError: the rate is not positive.
    """
    if not lambd > 0:
        raise ValueError(f"exponential_() takes a rate > 0, not {shown(lambd)}")
    made: Tensor = input._draw("exponential_", generator, Numbers.exponential, 1 / lambd)
    return made


@offer(to="methods")
def log_normal_(input: Any, mean: float = 1, std: float = 2, *, generator: AnyGenerator | None = None) -> Tensor:
    """Draw every entry from the distribution of exp(z), where z is normal with this mean and standard deviation.

    Raises:
        TypeError: the Tensor holds no floats.
        ValueError: the standard deviation is not positive.
    """
    if not std > 0:
        raise ValueError(f"log_normal_() takes a standard deviation > 0, not {shown(std)}")
    made: Tensor = input._draw("log_normal_", generator, Numbers.lognormal, mean, std)
    return made


@offer(to="methods")
def cauchy_(input: Any, median: float = 0, sigma: float = 1, *, generator: AnyGenerator | None = None) -> Tensor:
    """Draw every entry from the Cauchy distribution around `median` with the scale `sigma`.

    Raises:
        TypeError: the Tensor holds no floats.
        ValueError: the scale is not positive.
    """
    if not sigma > 0:
        raise ValueError(f"cauchy_() takes a scale > 0, not {shown(sigma)}")
    made: Tensor = input._draw("cauchy_", generator, _cauchy, median, sigma)
    return made


def _cauchy(numbers: Numbers, median: float, sigma: float, shape: tuple[int, ...]) -> Any:
    return array_of(median) + sigma * numbers.standard_cauchy(shape)


@offer(to="methods")
def geometric_(input: Any, p: float, *, generator: AnyGenerator | None = None) -> Tensor:
    """Draw every entry from 1, 2, …: how many trials with the probability `p` it takes until one succeeds.

    Raises:
        ValueError: `p` is not between 0 and 1.
    """
    if not 0 < p < 1:
        raise ValueError(f"geometric_() takes a probability between 0 and 1, not {shown(p)}")
    x = input._data
    made: Tensor = _fill("geometric_", input, generator, _geometric, p, x.shape, x.dtype)
    return made


def _geometric(numbers: Numbers, p: float, shape: tuple[int, ...], dtype: Any) -> Any:
    return numbers.geometric(p, shape).astype(dtype)


_NOT_GIVEN = object()

# Integers up to these numbers are exact in a float.
_EXACT = {np.dtype(np.float32): 2**24, np.dtype(np.float64): 2**53}


@offer(to="methods")
def random_(
    input: Any, low: int | None = None, to: Any = _NOT_GIVEN, *, generator: AnyGenerator | None = None
) -> Tensor:
    """Draw every entry uniformly from the integers `low`, …, `to` − 1; ``random_(to)`` draws from 0, …, `to` − 1.

    Without bounds, or if `to` is None, the integers go up to the largest one that the dtype holds exactly.

    Raises:
        ValueError: there is no integer from `low` to `to` − 1.
    """
    x = input._data
    first, end = (low or 0, to) if to is not _NOT_GIVEN else (0, low)
    end = _largest(x.dtype) + 1 if end is None else end
    first, end = validated_bounds("random_", first, end, x.dtype)
    made: Tensor = _fill("random_", input, generator, _integers, first, end, x.shape, x.dtype)
    return made


def _largest(dtype: Any) -> int:
    """The largest integer up to which `dtype` holds all."""
    return 1 if dtype.kind == "b" else _EXACT[dtype] if dtype.kind == "f" else int(np.iinfo(dtype).max)


def _integers(numbers: Numbers, low: int, to: int, shape: tuple[int, ...], dtype: Any) -> Any:
    kind: Any = dtype if dtype.kind == "u" else np.int64
    return numbers.integers(low, to - 1, shape, kind, endpoint=True).astype(dtype)
