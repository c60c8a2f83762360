"""The tests catch every mutant: each rule of the sheet and each duty of the walk, damaged one at a time.

The checks that must catch them are those of `test_sheet` and `test_walk`, on a few examples that are drawn once.
"""

import ast
import inspect
import math
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from ops import CASES, ROWS, Case, Example, examples
from test_walk import DUTIES

from tinygrad_mlp.core import walk as walking
from tinygrad_mlp.core.sheet import Each, sheet
from tinygrad_mlp.tensors import leaves
from tinygrad_mlp.testing import check_rules
from tinygrad_mlp.testing.comparisons import check_gradient
from tinygrad_mlp.testing.mutants import WAYS

pytestmark = pytest.mark.long


def caught(check: Callable[[], Any], failure: type[Exception]) -> bool:
    """Whether `check` raises `failure`. Any other error comes from a broken mutation, and is raised."""
    try:
        check()
    except failure:
        return True
    return False


def report(record_property: Callable[[str, object], None], what: str, mutants: dict[str, bool]) -> None:
    """Report the counts in the summary of the run, and fail with the names of the mutants that no check caught."""
    survivors = [name for name, was_caught in mutants.items() if not was_caught]
    record_property(f"mutants of {what}", f"{len(mutants)}, of which {len(survivors)} survived")
    assert not survivors, "\n".join(["nothing caught", *survivors])


# --- rules ------------------------------------------------------------------------------------------------------------


# The rules of functions whose derivative is 0 wherever it exists. They are shifted, because the other ways leave 0.
ZEROS = {*sheet[np.floor], *sheet[np.floor_divide], sheet[np.copysign][1]}  # type: ignore[misc, index]

SAME_AGAIN = settings(
    derandomize=True, database=None, max_examples=20, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


def few_examples(case: Case) -> list[Example]:
    """Some examples of `case`, the same in every run. Each leaf has several entries, so that a permutation shows.

    Those with most leaves come first: they tell most.
    """
    drawn: list[Example] = []

    @SAME_AGAIN
    @given(examples(case).filter(lambda example: min(example.operands[i].size for i in example.differentiable) > 1))
    def collect(example: Example) -> None:
        drawn.append(example)

    collect()
    return sorted(drawn, key=lambda example: -len(example.differentiable))


def expected_mutants(row: Any) -> int:
    """How many ways there are to damage the rules of a row."""
    rules = [row.rule] if isinstance(row, Each) else row
    return sum(0 if rule is None else 1 if rule in ZEROS else len(WAYS) for rule in rules)


def test_no_mutant_of_a_rule_survives(record_property: Callable[[str, object], None]) -> None:
    mutants = {}
    for case in CASES:
        drawn = few_examples(case)

        def check(drawn: list[Example] = drawn) -> None:
            for example in drawn:
                check_gradient(example)

        try:
            caught = check_rules(case.function, check=check, order=1)
        except AssertionError as error:
            mutants[str(error)] = False
            continue
        assert len(caught) == expected_mutants(ROWS[case.function]), f"some rule of {case} was not damaged in every way"
        mutants |= dict.fromkeys((f"{case}, {name}" for name in caught), True)
    assert {case.function for case in CASES} == {function for function, row in ROWS.items() if row}
    report(record_property, "the rules", mutants)


# --- the walk ---------------------------------------------------------------------------------------------------------


def first_entries(shape: tuple[int, ...], gradient: Any, node: Any) -> Any:
    """A mutant of `summed_to`, which takes the first entries instead of sums."""
    return np.reshape(np.ravel(gradient)[: math.prod(shape)], shape)


def mean_instead(shape: tuple[int, ...], gradient: Any, node: Any, summed: Any = walking.summed_to) -> Any:
    """A mutant of `summed_to`, which takes means instead of sums."""
    return summed(shape, gradient, node) * (math.prod(shape) / max(gradient.size, 1))


class Sites(ast.NodeTransformer):
    """Finds the places in a function where it does a duty, and removes the duty at place number `chosen`.

    Each ``visit_`` method gets the expressions or statements of one kind, and says which of them are such places, and
    what is left of a place without its duty.
    """

    def __init__(self, chosen: int | None = None) -> None:
        self.chosen = chosen
        self.found: list[str] = []

    def site(self, node: ast.AST, duty: str, without: ast.AST) -> ast.AST:
        """Note the place `node`, and return what is to stand there: `node`, or `without` if this place is chosen."""
        self.generic_visit(node)
        self.found.append(f"{duty}: {ast.unparse(node)}")
        return without if len(self.found) - 1 == self.chosen else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        if isinstance(node.op, ast.Add):  # total + gradient
            return self.site(node, "accumulation", node.right)
        return self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        if isinstance(node.op, ast.Add):  # total += gradient
            return self.site(node, "accumulation", ast.Assign([node.target], node.value, lineno=node.lineno))
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        called = ast.unparse(node.func)
        if called == "added":
            return self.site(node, "accumulation", node.args[1])
        if called == "Target(total).add":
            return self.site(node, "accumulation", ast.Constant(None))
        if called == "clone":
            return self.site(node, "ownership", node.args[0])
        if called == "gradient.copy":
            return self.site(node, "ownership", ast.Name("gradient", ast.Load()))
        return self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        # Factors stay factors where no gradient arrived before them.
        others = [operand for operand in node.values if "not in arrived" not in ast.unparse(operand)]
        if len(others) < len(node.values):
            return self.site(node, "accumulation", ast.BoolOp(node.op, others) if len(others) > 1 else others[0])
        return self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        if isinstance(node.op, ast.USub) and "number" in ast.unparse(node):  # -node.number, by which the heap orders
            return self.site(node, "order", node.operand)
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST:
        if "!= array." in ast.unparse(node.test):  # shape != array.shape: sum the gradient to that shape
            return self.site(node, "shape and dtype", ast.Pass())
        return self.generic_visit(node)


def walk_mutants() -> Iterator[tuple[str, Any, Any]]:
    """Each function of the walk, with code that leaves out one duty at one place, for every such place."""
    for function in (
        walking.walk,
        walking._after_hooks,
        walking._owned,
        walking.added,
        leaves.accumulate,
        leaves.collect,
    ):
        source = textwrap.dedent(inspect.getsource(function))
        sites = Sites()
        sites.visit(ast.parse(source))
        for number, name in enumerate(sites.found):
            mutant = ast.fix_missing_locations(Sites(number).visit(ast.parse(source)))
            namespace = dict(function.__globals__)
            exec(compile(mutant, inspect.getfile(function), "exec"), namespace)
            name = f"{function.__name__}, place {number}, without {name}"
            yield name, function, namespace[function.__name__].__code__


def test_no_mutant_of_the_walk_survives(
    monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    for check in DUTIES:
        check()  # undamaged, the walk passes
    mutants = {}
    for replacement in (first_entries, mean_instead):
        with monkeypatch.context() as patch:
            patch.setattr(walking, "summed_to", replacement)
            mutants[f"summed_to, {replacement.__name__}"] = any(caught(check, AssertionError) for check in DUTIES)
    for name, function, code in walk_mutants():
        with monkeypatch.context() as patch:
            patch.setattr(function, "__code__", code)
            mutants[name] = any(caught(check, Exception) for check in DUTIES)
    for duty in ("accumulation", "order", "shape and dtype", "ownership"):
        assert any(duty in name for name in mutants), f"no place was found where the walk does its duty of {duty}"
    report(record_property, "the walk", mutants)
