"""Mutants: rules that are damaged on purpose, to see whether a check notices."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, settings

from ..core.blas import Product
from ..core.lines import function_name
from ..core.sheet import Each, Rule, sheet
from ..tensors.dispatch import row_of
from ..tensors.tensor import Tensor
from .checks import check_drawn, validate_order

__all__ = ["check_rules"]


def _other_order(gradient: Any) -> Any:
    """A gradient of the right shape with the right entries in the wrong places."""
    if gradient.ndim < 2:
        return gradient[::-1] if gradient.ndim else gradient
    return np.reshape(np.transpose(gradient), gradient.shape)


WAYS: dict[str, Callable[[Any], Any]] = {
    "scaled by 1.01": lambda gradient: gradient * 1.01,
    "zeroed": lambda gradient: gradient * 0,
    "negated": lambda gradient: -gradient,
    "transposed": _other_order,
}
# For a gradient that is 0 everywhere, which scaling or negating does not change.
OF_ZERO: dict[str, Callable[[Any], Any]] = {"shifted": lambda gradient: gradient + 0.01}
CONSTANT = "not differentiable again"  # a rule that computes with constants, so that second derivatives are lost


class _Damaged:
    """A rule with one damage.

    `was_called` says whether the damage was ever applied, and `differed` whether it ever changed a gradient.
    """

    def __init__(self, rule: Rule, way: str) -> None:
        self.rule, self.way = rule, way
        self.was_called = self.differed = False
        self.__signature__ = inspect.signature(rule)  # by which the sheet learns which arrays the rule reads

    def __call__(self, *args: Any, **options: Any) -> Any:
        gradient = self.rule(*args, **options)
        gradient = gradient.dense() if isinstance(gradient, Product) else gradient
        if self.way == CONSTANT:
            if not isinstance(gradient, Tensor):  # this pass is not recorded, so it asks for no second derivative
                return gradient
            self.was_called = True
            self.differed |= gradient.requires_grad
            return gradient.detach()
        self.was_called = True
        mutant = (WAYS | OF_ZERO)[self.way](gradient)
        self.differed = self.differed or not _is_same(gradient, mutant)
        return mutant


def _is_same(gradient: Any, mutant: Any) -> bool:
    """Whether a damage has changed nothing. Arrays of objects count as changed: these may refuse a comparison."""
    one, other = (x.detach().numpy() if isinstance(x, Tensor) else x for x in (gradient, mutant))
    is_of_objects = isinstance(one, np.ndarray) and one.dtype.kind == "O"
    return not is_of_objects and np.array_equal(one, other)


@contextmanager
def _in_place(f: Any, row: Any) -> Iterator[None]:
    """Let `f` have another row, in the sheet or of its own, until the block ends."""
    if f in sheet:
        before = sheet[f]
        sheet[f] = row
        try:
            yield
        finally:
            sheet[f] = before
        return
    held = f.row, f.plan
    f.row, f.plan = row, None
    try:
        yield
    finally:
        f.row, f.plan = held


def _rules_of(f: Any) -> Any:
    """The row of `f`. Raises TypeError if there is none, or if it cannot be replaced, as the row of a Function."""
    row = row_of(f)
    if row is None or (f not in sheet and not hasattr(f, "plan")):
        raise TypeError(
            f"{function_name(f)} has no rules to damage: check_rules() takes a function with rules of its own, made by "
            "@differentiable or given a row by add_row; for others write check_function(f)"
        )
    return row


def _positions(row: Any) -> list[int]:
    """The positions in a row that hold a rule and not None. An `Each` has one rule, whose position is 0."""
    return [0] if isinstance(row, Each) else [i for i, rule in enumerate(row) if rule is not None]


def _with(row: Any, position: int, way: str) -> tuple[Any, _Damaged]:
    """The row with the rule at `position` damaged in one way, and the damaged rule."""
    if isinstance(row, Each):
        damaged = _Damaged(row.rule, way)
        return Each(damaged), damaged
    damaged = _Damaged(row[position], way)
    return (*row[:position], damaged, *row[position + 1 :]), damaged


# The same few points for each mutant. A failure says that the mutant is caught, so nothing has to be shrunk.
FEW = settings(
    derandomize=True, database=None, max_examples=20, deadline=None, phases=[Phase.generate],
    report_multiple_bugs=False, suppress_health_check=list(HealthCheck), verbosity=Verbosity.quiet,
)  # fmt: skip


def check_rules(
    f: Callable[..., Any],
    *domains: Any,
    check: Callable[[], Any] | None = None,
    order: int = 2,
    avoid: float | Sequence[float] = (),
) -> list[str]:
    """Damage each rule of a function in each way, and see whether a check notices: a test of the test.

    A rule is scaled by 1.01, zeroed, negated, transposed (its entries change places) and, for second derivatives, made
    not differentiable again: it returns constants. A rule whose gradient is 0 everywhere, as that of `floor`, is
    shifted instead. A damaged rule is not counted if it returned the right gradient in every call, as a transposed one
    does for numbers. The rules are put back, whatever happens.

    Args:
        f: a function made by `differentiable`, or one with a row in the sheet.
        domains, avoid: as for `check_function`, which is the check by default, at 20 points.
        check: your own test of `f`, called without arguments. It notices by an AssertionError, by pytest's failure, by
            a RuntimeError, as `autograd.gradcheck` raises, or by a group of these. Any other error is raised.
        order: 1 if the check does not look at second derivatives; then no rule is made not differentiable again.

    Returns:
        The names of the mutants that were caught.

    Raises:
        AssertionError: the check lets mutants through; the message names each.
        TypeError: `f` has no rules.
        ValueError: `order` is neither 1 nor 2.
        Exception: what the check raises, if it fails before a rule is damaged.

    >>> import numpy as np, tinygrad_mlp as tg
    >>> from tinygrad_mlp.testing import check_rules
    >>> @tg.differentiable(lambda g, y, x: g * np.tanh(x))
    ... def log_cosh(x):
    ...     return np.log(np.cosh(x))
    >>> check_rules(log_cosh)[:2]
    ['rule 0 scaled by 1.01', 'rule 0 zeroed']
    >>> def my_test():
    ...     x = tg.tensor([0.5], requires_grad=True)
    ...     log_cosh(x).backward(np.ones(1))
    ...     assert x.grad.item() > 0
    >>> check_rules(log_cosh, check=my_test, order=1)
    Traceback (most recent call last):
    AssertionError: the check of log_cosh lets through 1 of 3 mutants: rule 0 scaled by 1.01
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    validate_order(order)
    row = _rules_of(f)
    noticing = partial(check_drawn, f, domains, order, avoid, FEW) if check is None else check
    noticing()
    tried = [mutant for position in _positions(row) for mutant in _tried(f, row, position, noticing, order)]
    if survivors := [name for name, is_caught in tried if not is_caught]:
        of = f"{len(survivors)} of {len(tried)} mutants: {'; '.join(survivors)}"
        raise AssertionError(f"the check of {function_name(f)} lets through {of}")
    return [name for name, _ in tried]


def _tried(f: Any, row: Any, position: int, check: Callable[[], Any], order: int) -> Iterator[tuple[str, bool]]:
    """Damage the rule at `position` in each way. Yield the name of each mutant, and whether the check catches it."""
    ways = [*WAYS, CONSTANT] if order == 2 else [*WAYS]
    while ways:
        way = ways.pop(0)
        name = f"rule {position} {way}"
        mutant, damaged = _with(row, position, way)
        with _in_place(f, mutant):
            noticed = _raises(check)
        if damaged.differed:
            yield name, noticed
        elif not damaged.was_called:
            reason = "takes no second derivative with" if way == CONSTANT else "never calls"
            yield f"{name} (the check {reason} this rule)", False
        elif way == "zeroed":  # so the gradient is 0 everywhere
            ways = [*OF_ZERO]


def _raises(check: Callable[[], Any]) -> bool:
    """Whether `check` notices: it fails an assertion, calls pytest.fail, raises as gradcheck does, or does several."""
    failures: tuple[type[BaseException], ...] = (AssertionError, RuntimeError)
    if "pytest" in sys.modules:  # `pytest.raises` fails by an exception of its own
        failures += (sys.modules["pytest"].fail.Exception,)
    try:
        check()
    except (NotImplementedError, RecursionError):  # RuntimeErrors of a check that is broken
        raise
    except failures:
        return True
    except BaseExceptionGroup as group:
        if group.split(failures)[1] is not None:
            raise
        return True
    return False
