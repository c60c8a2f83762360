"""Checks of the derivatives of one function: at a given point, and at points that Hypothesis draws."""

from __future__ import annotations

import inspect
import math
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..autograd.custom import Function
from ..core.lines import function_name
from ..core.sheet import Each
from ..tensors.creation import tensor
from ..tensors.dispatch import row_of
from ..tensors.tensor import Tensor
from .comparisons import assert_close, check_gradient, check_memory, check_second_derivative, size_of
from .differences import Array, Call, complex_derivative_along, derivative_along, reach
from .strategies import Domain, Shape, broadcastable, entries, entries_of_any_shape, finite, numbers_of

__all__ = ["check_at", "check_function"]


def _function_of(f: Callable[..., Any]) -> type[Function] | None:
    """The Function whose `apply` is given as `f`."""
    owner = getattr(f, "__self__", None)
    return owner if isinstance(owner, type) and issubclass(owner, Function) else None


def validate_order(order: Any) -> None:
    """Raise ValueError if `order` is neither 1 nor 2."""
    if order not in (1, 2):
        raise ValueError(f"order is 1, for gradients alone, or 2, for second derivatives as well, not {order!r}")


# --- one point --------------------------------------------------------------------------------------------------------


def _literal(value: Any) -> str:
    """An expression that gives `value` again, to the bit; NumPy is `np`."""
    if isinstance(value, Tensor):
        return _literal(value.detach().numpy())
    if isinstance(value, np.generic):
        value = np.asarray(value)
    if isinstance(value, list | tuple):
        entries = ", ".join(map(_literal, value)) + ("," if isinstance(value, tuple) and len(value) == 1 else "")
        return f"[{entries}]" if isinstance(value, list) else f"({entries})"
    if isinstance(value, float) and not math.isfinite(value):
        return f"np.{value}" if value > 0 or math.isnan(value) else "-np.inf"
    if isinstance(value, type) and issubclass(value, np.generic):
        return f"np.{value.__name__}"
    if isinstance(value, np.dtype):
        return f"np.dtype({value.name!r})"
    if not isinstance(value, np.ndarray):
        return repr(value)
    if value.size == 0:
        return f"np.empty({value.shape}{_dtype(value, np.float64)})"
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        text = repr(value.tolist()).replace("nan", "np.nan").replace("inf", "np.inf")
    else:
        text = repr(value.tolist())
    return f"np.array({text}{_dtype(value, np.array(value.tolist()).dtype)})"


def _dtype(value: Array, understood: Any) -> str:
    """The dtype as a second argument of `np.array`; "" if NumPy would choose this dtype, `understood`, by itself."""
    if value.dtype == understood and value.dtype in (np.float64, np.int64, np.bool_):
        return ""
    return f", np.{value.dtype.name}"


def _written(f: Callable[..., Any]) -> str:
    """The name by which a user's program calls `f`: np.sinc, Cube.apply, its own name, or else "f"."""
    name = function_name(f)
    if getattr(np, name, None) is f:
        return f"np.{name}"
    if (kind := _function_of(f)) is not None:
        return f"{kind.__name__}.{name}"
    return name if name.isidentifier() else "f"


@dataclass(frozen=True, eq=False)
class _Point(Call):
    """A call of the function that a user checks."""

    function: Callable[..., Any]
    operands: tuple[Any, ...]
    cotangent: Array
    differentiable: tuple[int, ...]
    repeated: str  # the line that checks this point again

    def __call__(self, operands: Any) -> Any:
        output = self.function(*operands)
        if not isinstance(output, Tensor):
            raise TypeError(
                f"{_written(self.function)} returned a {type(output).__name__}, but one Tensor is checked: of several "
                "outputs, check one at a time, as lambda x: f(x)[0]"
            )
        return output

    def backward(self, output: Tensor, leaves: list[Tensor], cotangent: Any = None, **how: Any) -> None:
        if not output.requires_grad:
            return
        try:
            output.backward(cotangent, inputs=leaves, **how)  # not in the parameters of a network
        except Exception as error:  # of whatever kind, as a rule raises that multiplies by the wrong matrix
            advice = "; if it is right to first order, pass order=1" if how.get("create_graph") else ""
            raise AssertionError(f"the backward pass raises {type(error).__name__}: {error}{advice}") from error

    def expected(self, operands: Any = None) -> Array:
        return np.asarray(inspect.unwrap(self.function)(*(self.operands if operands is None else operands)))


def _operand(given: Any) -> Any:
    """An input as `_Point` keeps it. Floating numbers become a new array of float64; other data keep their dtype."""
    array = given.detach().numpy() if isinstance(given, Tensor) else given
    if isinstance(array, np.ndarray | np.generic | float):
        array = np.array(array)
        if array.dtype.kind == "f":
            return array.astype(np.float64)
        return tensor(array) if isinstance(given, Tensor) else array
    return given


_NOT_YET = np.zeros(0)  # in place of a cotangent, before the shape of the output is known


def _point(f: Callable[..., Any], inputs: Sequence[Any], cotangent: Any, order: int) -> _Point:
    """The call of `f` with `inputs`, whose float arrays are differentiated unless `f` has None in place of a rule.

    Raises:
        TypeError: `f` is not callable, or no input is a float array with a derivative.
    """
    if not callable(f):
        raise TypeError(f"a function is checked, not {f!r}: write check_at(f, x) for f(x)")
    operands = tuple(map(_operand, inputs))
    row = row_of(f)
    rules = [True] * len(operands) if row is None or isinstance(row, Each) else [rule is not None for rule in row]
    floats = [isinstance(x, np.ndarray) and x.dtype.kind == "f" for x in operands]
    positions = tuple(i for i, (rule, is_float) in enumerate(zip(rules, floats, strict=False)) if rule and is_float)
    if not positions:
        raise TypeError(f"{_written(f)} is given no array of floating numbers to differentiate by: pass np.array(…)")
    return _Point(f, operands, _NOT_YET, positions, _line(f, inputs, cotangent, order))


def _line(f: Callable[..., Any], inputs: Sequence[Any], cotangent: Any, order: int) -> str:
    """The call of `check_at` that a user can paste."""
    shown = [_written(f), *map(_literal, inputs)]
    shown += [] if cotangent is None else [f"cotangent={_literal(cotangent)}"]
    return f"check_at({', '.join(shown + ([] if order == 2 else [f'order={order}']))})"


def _with_cotangent(point: _Point, inputs: Sequence[Any], cotangent: Any, order: int) -> _Point:
    """The point with a cotangent, which has the output's shape; by default, distinct numbers of both signs.

    Raises:
        ValueError: the cotangent has not the shape of the output.
    """
    shape = point.value_of(_copies(point.operands)).shape
    if callable(cotangent):
        g = cotangent(shape)
    elif cotangent is None:
        spread = np.linspace(-1.5, 2.0, 2 * math.prod(shape) + 1)[1::2]
        g = np.reshape(np.random.default_rng(0).permutation(spread), shape)
    else:
        g = np.array(cotangent.detach() if isinstance(cotangent, Tensor) else cotangent, np.float64)
    if g.shape != shape:
        raise ValueError(
            f"the cotangent has the shape {g.shape}, but the output of {_written(point.function)} has {shape}"
        )
    return replace(point, cotangent=g, repeated=_line(point.function, inputs, g, order))


def _copies(operands: Sequence[Any]) -> list[Any]:
    """Arrays of their own, for a call of a function that may change its inputs."""
    return [x.copy() if isinstance(x, np.ndarray) else x for x in operands]


def check_at(f: Callable[..., Any], *inputs: Any, cotangent: Any = None, order: int = 2) -> None:
    """Check the derivatives of a function at one point, with a cotangent of its output.

    The gradients are compared with central differences, and with complex steps where the function takes complex arrays.
    The derivative along a direction must satisfy the adjoint identity ⟨g, J v⟩ = ⟨Jᵀ g, v⟩. The function and its rules
    must leave their inputs as they are; no gradient may share memory with an input, the output, the cotangent, or
    another gradient; and a function with rules of its own must compute float32 from float32. Gradients always have the
    dtype of their input, because the backward pass converts them.

    Args:
        f: a function of Tensors that returns one Tensor: made by `differentiable`, one of NumPy's or SciPy's with a
            row, ``Function.apply``, or any composition of them.
        inputs: the arguments of `f`. Arrays, Tensors and numbers of floats are differentiated, in float64; where `f`
            has None in place of a rule, they are not. Everything else is passed on as it is.
        cotangent: the gradient with respect to the output; by default distinct numbers.
        order: 2 to check second derivatives as well, or 1.

    Raises:
        AssertionError: a derivative is wrong. The message says which, with both numbers, and ends with the line that
            checks this point again.
        TypeError: `f` returns no Tensor, or no input is differentiable.
        ValueError: `order` is neither 1 nor 2, or the cotangent has not the shape of the output.

    >>> import numpy as np, tinygrad_mlp as tg
    >>> from tinygrad_mlp.testing import check_at
    >>> @tg.differentiable(lambda g, y, x: g * np.tanh(x))
    ... def log_cosh(x):
    ...     return np.log(np.cosh(x))
    >>> check_at(log_cosh, np.array([0.5, -1.0]))
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    validate_order(order)
    _check_at(f, inputs, cotangent, order)


_KINK = "\nif the function or its derivative has a kink here, avoid= keeps away from it"


def _check_at(f: Callable[..., Any], inputs: Sequence[Any], cotangent: Any, order: int) -> None:
    """`check_at`, whose cotangent may also be a function that makes a cotangent of the output's shape."""
    __tracebackhide__ = True
    point = _point(f, inputs, None if callable(cotangent) else cotangent, order)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):  # what is not finite is said below
            warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
            point = _with_cotangent(point, inputs, cotangent, order)
            _check(point, order)
    except AssertionError as error:
        kink = _KINK if "differences" in str(error) else ""
        raise AssertionError(f"{error}{kink}\n{_shown(point, inputs)}") from error.__cause__
    except Exception as error:
        error.add_note(_shown(point, inputs))
        raise


def _shown(point: _Point, inputs: Sequence[Any]) -> str:
    """The inputs, and the line to paste."""
    lines = [f"  input {i}: {_literal(x)}" for i, x in enumerate(inputs)]
    of_lambda = " (the function is called f here)" if _written(point.function) == "f" else ""
    if any(isinstance(x, np.ndarray) and x.size == 0 for x in point.operands):
        lines.append("  (for inputs that have entries, give tensors(shapes(min_side=1)) in place of a domain)")
    if point.cotangent is not _NOT_YET:
        lines.append(f"  cotangent: {_literal(point.cotangent)}")
    head, again = f"in {_written(point.function)} with", f"to check this again{of_lambda}:"
    return "\n".join([head, *lines, again, f"  {point.repeated}"])


def _check(point: _Point, order: int) -> None:
    """Compare all that `check_at` names, and raise AssertionError for the first that is wrong."""
    check_memory(point)
    value = point.value_of(list(point.operands))
    if not np.isfinite(value).all():
        raise AssertionError("the output is not finite here: check the function inside its domain, as (0, np.inf)")
    numbers = np.random.default_rng(1)
    arrays = [point.operands[i] for i in point.differentiable]
    directions = [numbers.uniform(0.5, 1.5, x.shape) * reach(x) for x in arrays]
    along, exact = derivative_along(point, directions), _exact(point, directions, value)
    if not np.isfinite(along).all():
        raise AssertionError(
            "differences leave the domain of the function here: check it inside its domain, as (0, np.inf)"
        )
    if exact is not None:
        along = exact
    check_gradient(point, None if exact is None else 1e-12)
    gradients = point.gradients(point.tensors())
    with_gradients = [(v, g) for v, g in zip(directions, gradients, strict=True) if g is not None]
    # The adjoint identity: both sides are the derivative of ⟨g, f⟩ along the directions v.
    by_gradients = sum((np.sum(v * g.numpy()) for v, g in with_gradients), np.float64(0))
    tolerance = 1e-7 if exact is None else 1e-11
    assert_close(by_gradients, np.sum(point.cotangent * along), tolerance, "⟨Jᵀ g, v⟩", "⟨g, J v⟩ is", size_of(point))
    _check_dtype(point)
    if order == 2:
        check_second_derivative(point, directions, along, tolerance)


def _exact(point: _Point, directions: Sequence[Array], value: Array) -> Array | None:
    """The derivative along the directions by a complex step; None if the function does not take complex arrays.

    It counts as taking complex arrays if the result agrees with central differences.
    """
    try:
        with np.errstate(all="ignore"):
            exact = complex_derivative_along(point, directions)
        if exact.shape != value.shape:
            return None
        along = derivative_along(point, directions)
        allowed = 1e-6 * np.max(np.abs(along), initial=0) + 1e-10 * np.max(np.abs(value), initial=0)
        if not (np.abs(exact - along) <= allowed).all():
            return None
    except (TypeError, ValueError, AttributeError, RuntimeError, NotImplementedError):
        return None
    return exact


def _check_dtype(point: _Point) -> None:
    """Raise AssertionError if a function with rules of its own computes something else than float32 from float32.

    A composition of such functions is not checked, because it may rightly contain constants of float64.
    """
    if row_of(point.function) is None and _function_of(point.function) is None:
        return
    single = [x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in point.operands]
    output = point([tensor(x) if i in point.differentiable else x for i, x in enumerate(single)])
    if output.dtype != np.float32:
        raise AssertionError(
            f"the output for inputs of float32 is {output.dtype}, but a function keeps the dtype. An array that it "
            "makes, or a number of NumPy's such as np.log(2), is float64: write math.log(2), or give the array x.dtype"
        )


# --- drawn points -----------------------------------------------------------------------------------------------------


def _number_of_inputs(f: Callable[..., Any]) -> int:
    """How many inputs `f` has: its rules, or else its positional parameters without a default.

    Raises:
        TypeError: neither is known.
    """
    row = row_of(f)
    if row is not None and not isinstance(row, Each):
        return len(row)
    kind = _function_of(f)
    try:
        parameters = [*inspect.signature(f if kind is None else kind.forward).parameters.values()]
    except (TypeError, ValueError):
        parameters = []
    own = parameters if kind is None else parameters[1:]  # without ctx
    positional = [p for p in own if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    number = sum(p.default is p.empty for p in positional)
    if not number:
        raise TypeError(
            f"the inputs of {_written(f)} cannot be counted: give a domain for each, as check_function(f, (-2, 2))"
        )
    return number


def _validated_domains(f: Callable[..., Any], domains: Sequence[Any]) -> Sequence[Any]:
    """The domains of the inputs of `f`; by default, (-2, 2) for each. Raises as `check_function`."""
    if not callable(f):
        raise TypeError(f"a function is checked, not {f!r}: write check_function(f)")
    given = domains or ((-2, 2),) * _number_of_inputs(f)
    row = row_of(f)
    if isinstance(row, tuple) and len(given) != len(row):
        raise TypeError(f"{_written(f)} has {len(row)} inputs, but the number of domains is {len(given)}")
    for domain in given:
        if not isinstance(domain, st.SearchStrategy):
            finite(domain)  # raises the errors of a domain
    return given


def _inputs(domains: Sequence[Any], kinks: tuple[float, ...]) -> st.SearchStrategy[tuple[Any, ...]]:
    """A strategy of inputs. Those drawn from intervals have shapes that broadcast, and no two share an entry."""
    lanes = sum(not isinstance(domain, st.SearchStrategy) for domain in domains)

    @st.composite
    def drawn(draw: st.DrawFn) -> tuple[Any, ...]:
        # Each interval has a lane, whose numbers no other lane has, so that no two inputs share an entry.
        shapes = draw(broadcastable(lanes))
        inputs: list[Any] = []
        lane = 0
        for domain in domains:
            if isinstance(domain, st.SearchStrategy):
                inputs.append(draw(domain))
            else:
                pair: Domain = (float(domain[0]), float(domain[1]))
                inputs.append(draw(entries(shapes[lane], pair, kinks, lane, lanes + 1)))
                lane += 1
        return tuple(inputs)

    return drawn()


def check_drawn(
    f: Callable[..., Any], domains: Sequence[Any], order: int, avoid: float | Sequence[float], how: settings
) -> None:
    """`check_function` with settings of Hypothesis."""
    known, kinks = _validated_domains(f, domains), numbers_of(avoid)

    def run(inputs: tuple[Any, ...], cotangent: Callable[[Shape], Array]) -> None:
        _check_at(f, inputs, cotangent, order)

    # By the name, Hypothesis finds the failures of an earlier run.
    run.__name__ = re.sub(r"\W", "_", f"check_function_of_{_written(f)}")
    lanes = len(known)  # the cotangent has one more, so that no operand equals it
    how(given(_inputs(known, kinks), entries_of_any_shape((-2, 2), (0.0,), lanes, lanes + 1))(run))()


def check_function(f: Callable[..., Any], *domains: Any, order: int = 2, avoid: float | Sequence[float] = ()) -> None:
    """Check the derivatives of a function at points that Hypothesis draws: a property test in one line.

    Hypothesis draws shapes that broadcast, values inside the domains, and cotangents. `check_at` checks each point. The
    profile of Hypothesis says how many points there are. A failure is shrunk to a small input.

    Args:
        f: as for `check_at`.
        domains: for each input an open interval (low, high), as for `tensors`; or a strategy of arrays, Tensors or
            other arguments, such as ``tensors((2, 3))`` for a factor of a matrix product. By default (-2, 2) for each
            input. The inputs are then counted by the rules of `f` or else by its positional parameters without a
            default; for ``apply`` by those of ``forward``.
        order: 2 to check second derivatives as well, or 1.
        avoid: the kinks of `f` and of its derivative, such as 0 for `abs`. Entries keep a distance from them.

    Raises:
        AssertionError: a derivative is wrong. The message has the smallest input found, both numbers, and the line to
            paste as a regression test.
        TypeError: a domain is neither a pair of numbers nor a strategy, there are more or fewer domains than inputs, or
            the inputs cannot be counted; or as `check_at`.
        ValueError: a domain is empty, or `order` is neither 1 nor 2.

    >>> import numpy as np, tinygrad_mlp as tg
    >>> from tinygrad_mlp.testing import check_function
    >>> @tg.differentiable(lambda g, y, x: g / x)
    ... def logarithm(x):
    ...     return np.log(x)
    >>> check_function(logarithm, (0, np.inf))
    >>> @tg.differentiable(lambda g, y, x: g * x)
    ... def square(x):
    ...     return x * x
    >>> check_function(square)
    Traceback (most recent call last):
    AssertionError: the gradient of input 0 is 0.7, but central differences give 1.4
    if the function or its derivative has a kink here, avoid= keeps away from it
    in square with
      input 0: np.array(1.0)
      cotangent: np.array(0.7)
    to check this again:
      check_at(square, np.array(1.0), cotangent=np.array(0.7))
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    validate_order(order)
    # Older versions of Hypothesis complain that drawing these shapes takes too long.
    unasked = [*settings().suppress_health_check, HealthCheck.too_slow, HealthCheck.data_too_large]
    # To explain a failure, Hypothesis would run the check hundreds of times, for notes that are not shown here.
    phases = [phase for phase in settings().phases if phase.name != "explain"]
    how = settings(deadline=None, report_multiple_bugs=False, suppress_health_check=unasked, phases=phases)
    try:
        check_drawn(f, domains, order, avoid, how)
    except AssertionError as error:
        # Without Hypothesis's notes, because the message says it all.
        raise AssertionError(str(error)) from error.__cause__
