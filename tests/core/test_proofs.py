"""Every row of the sheet is proved: by computer algebra, or exactly over integers. docs/testing.md lists the proofs."""

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adjoints import LINEAR
from hypothesis import given
from hypothesis import strategies as st
from ops import CASES, ROWS, Case
from scipy import special
from scipy.special import erf, expit
from test_mutants import expected_mutants

from tinygrad_mlp.core import functions as f
from tinygrad_mlp.core.sheet import sheet
from tinygrad_mlp.names import linear_rows
from tinygrad_mlp.names.rows import hurwitz_zeta, lower_gamma, upper_gamma
from tinygrad_mlp.testing import check_rules, equality
from tinygrad_mlp.testing.algebra import FORMULAS
from tinygrad_mlp.testing.proofs import proof_of

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"

REALS, POSITIVE, NEGATIVE, UNIT = (-math.inf, math.inf), (0, math.inf), (-math.inf, 0), (0, 1)

# Rows that take each entry by itself, with the domains of their inputs on which they are proved, one after the other. A
# number stands for itself.
ELEMENTWISE: dict[Callable[..., Any], list[tuple[Any, ...]]] = {
    # -- one input
    np.negative: [(REALS,)], np.reciprocal: [(POSITIVE,), (NEGATIVE,)], np.square: [(REALS,)], np.sqrt: [(POSITIVE,)],
    np.absolute: [(REALS,)], np.exp: [(REALS,)], np.exp2: [(REALS,)], np.expm1: [(REALS,)], np.log: [(POSITIVE,)],
    np.log2: [(POSITIVE,)], np.log10: [(POSITIVE,)], np.log1p: [((-1, math.inf),)], np.sin: [(REALS,)],
    np.cos: [(REALS,)], np.tan: [(REALS,)], np.arcsin: [((-1, 1),)], np.arccos: [((-1, 1),)], np.arctan: [(REALS,)],
    np.sinh: [(REALS,)], np.cosh: [(REALS,)], np.tanh: [(REALS,)], erf: [(REALS,)], expit: [(REALS,)],
    f.relu: [(REALS,)], f.root: [(POSITIVE,)], np.sign: [(REALS,)], np.floor: [(REALS,)], np.ceil: [(REALS,)],
    np.rint: [(REALS,)], np.trunc: [(REALS,)],
    # -- two inputs
    np.add: [(REALS, REALS)], np.subtract: [(REALS, REALS)], np.multiply: [(REALS, REALS)],
    np.divide: [(REALS, POSITIVE), (REALS, NEGATIVE)], f.quotient: [(REALS, POSITIVE), (REALS, NEGATIVE)],
    np.remainder: [(REALS, POSITIVE), (REALS, NEGATIVE)], np.floor_divide: [(REALS, POSITIVE), (REALS, NEGATIVE)],
    # Below 0, NumPy has powers for whole exponents alone, by which there is no derivative.
    np.power: [
        (POSITIVE, REALS),
        (0, POSITIVE),
        *((REALS, exponent) for exponent in (0, 1, 2, 3)),
        *((NEGATIVE, exponent) for exponent in (-1, -2)),
    ],
    np.maximum: [(REALS, REALS)], np.minimum: [(REALS, REALS)], np.logaddexp: [(REALS, REALS)],
    np.where: [(bool, REALS, REALS)],
    # -- special functions
    np.arcsinh: [(REALS,)], np.arccosh: [((1, math.inf),)], np.arctanh: [((-1, 1),)], special.erfc: [(REALS,)],
    special.erfcx: [(REALS,)], special.erfinv: [((-1, 1),)], special.log_ndtr: [(REALS,)], special.ndtri: [(UNIT,)],
    special.logit: [(UNIT,)], special.entr: [(POSITIVE,)], special.gammaln: [(POSITIVE,), (NEGATIVE,)],
    special.digamma: [(POSITIVE,), (NEGATIVE,)], special.i0: [(REALS,)], special.i1: [(REALS,)],
    special.i0e: [(REALS,)], special.i1e: [(REALS,)],
    np.fmod: [(REALS, POSITIVE), (REALS, NEGATIVE)], np.copysign: [(REALS, POSITIVE), (REALS, NEGATIVE)],
    np.hypot: [(REALS, POSITIVE), (REALS, NEGATIVE), (POSITIVE, REALS), (NEGATIVE, REALS)],
    np.arctan2: [(REALS, POSITIVE), (POSITIVE, REALS), (NEGATIVE, REALS)],
    special.xlogy: [(REALS, POSITIVE)], special.xlog1py: [(REALS, (-1, math.inf))],
    # The rules are for the second input alone.
    hurwitz_zeta: [((1, math.inf), POSITIVE), (2, POSITIVE), (2, NEGATIVE), (3, POSITIVE), (3, NEGATIVE)],
    lower_gamma: [(POSITIVE, POSITIVE)], upper_gamma: [(POSITIVE, POSITIVE)],
}  # fmt: skip
OPTIONS = {f.root: {"p": (1, math.inf)}}  # a pair stands for any number between

# Rows that do not: the shapes and domains of their inputs, and their options. The entries are symbols.
Inputs = tuple[list[tuple[int, ...]], tuple[Any, ...], dict[str, Any]]
VECTORS: list[tuple[int, ...]] = [(2,), (3,)]
ROWS_OF_LOGITS: list[tuple[int, ...]] = [(1, 2), (1, 3), (2, 2)]
TOTAL = [{"total": False}, {"total": True}]


def of_one(domain: Any, *options: dict[str, Any]) -> list[Inputs]:
    """Vectors, and a matrix with options."""
    return [
        *(([shape], (domain,), {"axis": 0}) for shape in VECTORS),
        *(([(2, 2)], (domain,), of_matrix) for of_matrix in options),
    ]


OVER = [{"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": None, "keepdims": True}, {"axis": (1,)}]


def of_pairs(*domains: Any) -> list[Inputs]:
    return [([shape, shape], domains, total) for shape in VECTORS for total in TOTAL]


def of_matrices(domain: Any, *shapes: tuple[int, ...]) -> list[Inputs]:
    return [([shape], (domain,), {}) for shape in shapes]


PER_ENTRY: dict[Callable[..., Any], list[Inputs]] = {
    **{function: of_one(REALS, *OVER[:2]) for function in (np.max, np.min)},
    f.logsumexp: of_one(REALS, *OVER),
    f.log_softmax: of_one(REALS, {"axis": 0}, {"axis": -1}, {"axis": None}),
    f.squared_error: of_pairs(REALS, REALS),
    f.binary_cross_entropy: of_pairs((1e-9, 1 - 1e-9), UNIT),  # nearer to 0 and 1, the rule has bounds
    f.binary_cross_entropy_with_logits: of_pairs(REALS, UNIT),
    f.cross_entropy: [([s, s, ()], (REALS, REALS, POSITIVE), total) for s in ROWS_OF_LOGITS for total in TOTAL],
    f.softmax_error: [([s, s, ()], (REALS, REALS, POSITIVE), {}) for s in ROWS_OF_LOGITS],
    np.linalg.inv: of_matrices(REALS, (2, 2)),
    np.linalg.det: of_matrices(REALS, (1, 1), (2, 2)),
    np.linalg.cholesky: of_matrices(REALS, (1, 1), (2, 2)),
    linear_rows.pseudoinverse: of_matrices(REALS, (1, 2), (2, 2, 1)),
    linear_rows.log_determinant: of_matrices(REALS, (2, 2)),
    linear_rows.eigensystem: of_matrices(POSITIVE, (2, 2)),
    linear_rows.singular_system: of_matrices(POSITIVE, (1, 2), (2, 2, 1)),
    linear_rows.orthogonalized: of_matrices(POSITIVE, (2, 1), (2, 2)),
    linear_rows.solved: [([(2, 2), (2, 2)], (REALS, REALS), {})],
}

# Rows that sympy cannot decide, at most five: their rules are right to 50 digits at 200 points of each piece.
CHECKED: set[Callable[..., Any]] = set()
REFERENCES = {case.function: case.reference for case in CASES}


def verdict_of(function: Callable[..., Any]) -> str:
    """What algebra says of a row: proved, checked or refuted.

    Raises:
        TypeError: a rule or the function is no algebra, or one cannot be decided.
    """
    calls: list[tuple[Any, ...]] = []
    for domains in ELEMENTWISE.get(function, []):
        calls.append((domains, OPTIONS.get(function, {})))
        if len(domains) == 2 and not any(isinstance(domain, int | float) for domain in domains):
            calls.append((domains, {}, [(2, 1), (2,)]))  # the gradients are summed over what was broadcast
    calls += [(domains, options, shapes) for shapes, domains, options in PER_ENTRY.get(function, [])]
    formula = (REFERENCES[function] if function in PER_ENTRY and function not in FORMULAS else None) or function
    found = [proof_of(function, formula, *call) for call in calls]
    if any(proof.verdict == "refuted" for proof in found):
        return "refuted"
    undecided = [proof for proof in found if not proof]
    for proof in undecided:
        if "to 50 digits" not in proof.reason:
            raise TypeError(proof.reason)
    return "checked" if undecided else "proved"


@pytest.mark.long
@pytest.mark.parametrize("function", [*ELEMENTWISE, *PER_ENTRY], ids=lambda function: function.__name__)
def test_algebra_proves_a_row_and_refutes_it_if_it_is_damaged(function: Callable[..., Any]) -> None:
    verdict = "checked" if function in CHECKED else "proved"

    def check() -> None:
        assert verdict_of(function) == verdict

    caught = check_rules(function, check=check, order=1)
    assert len(caught) == expected_mutants(ROWS[function])


# Rules that are right for positive inputs alone, of functions that have negative ones as well.
RIGHT_IF_POSITIVE: dict[Callable[..., Any], tuple[Any, ...]] = {
    np.hypot: (lambda g, y, a, _b: g * a / y, lambda g, y, _a, b: g * np.abs(b) / y),
    special.gammaln: (lambda g, _y, x: g * special.digamma(np.abs(x)),),
    special.digamma: (lambda g, _y, x: g * hurwitz_zeta(2, np.abs(x)),),
    hurwitz_zeta: (None, lambda g, _y, s, q: -g * s * hurwitz_zeta(s + 1, np.abs(q))),
}


@pytest.mark.parametrize("function", RIGHT_IF_POSITIVE, ids=lambda function: function.__name__)
def test_a_rule_that_is_right_on_a_part_of_the_domain_is_refuted(
    function: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sheet, function, RIGHT_IF_POSITIVE[function])
    assert verdict_of(function) == "refuted"


def test_a_row_that_is_right_at_points_alone_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(equality, "_is_zero", lambda difference: False)
    monkeypatch.setattr(equality, "_is_rounding", lambda difference, expected: False)
    monkeypatch.setattr(sys.modules[__name__], "CHECKED", {expit})
    assert verdict_of(expit) == "checked"
    assert "| `expit` | checked | ℝ |" in table()


def test_every_row_is_proved() -> None:
    proved = [*ELEMENTWISE, *PER_ENTRY, *LINEAR]
    names = sorted(function.__name__ for function in proved)
    assert names == sorted(function.__name__ for function, row in ROWS.items() if row), "rows and proofs differ"
    assert len(CHECKED) <= 5
    assert set(proved) >= CHECKED


@pytest.mark.parametrize("case", [case for case in CASES if case.function in ELEMENTWISE], ids=str)
@given(data=st.data())
def test_a_row_is_proved_wherever_it_is_sampled(case: Case, data: st.DataObject) -> None:
    operands, _ = data.draw(case.calls)
    for entries in np.broadcast(*operands):
        covered = (all(map(is_within, entries, domains)) for domains in ELEMENTWISE[case.function])
        assert any(covered), f"ELEMENTWISE has no domains of {case} with {entries}"


def is_within(entry: Any, domain: Any) -> bool:
    """Whether an entry is in a domain, or at an end of it, where the derivative is that of one side."""
    if domain is bool:
        return True
    low, high = domain if isinstance(domain, tuple) else (domain, domain)
    return bool(low <= entry <= high)


def test_a_row_without_a_proof_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ROWS, np.sinc, (lambda g, y, x: g,))
    with pytest.raises(AssertionError, match="sinc"):
        test_every_row_is_proved()


# --- the page ---------------------------------------------------------------------------------------------------------


def in_words(domain: Any) -> str:
    if domain is bool:
        return "true or false"
    words = {REALS: "ℝ", POSITIVE: "> 0", NEGATIVE: "< 0"}
    if not isinstance(domain, tuple):
        return str(domain)
    return words.get(domain, f"in ({domain[0]}, {domain[1]})".replace("inf", "∞"))


def table() -> list[str]:
    """A line for each row of the sheet: what it is proved for."""
    lines = []
    for function in [function for function, row in ROWS.items() if row]:
        if function in ELEMENTWISE:
            verdict = "proved"
            where = "; ".join(", ".join(map(in_words, domains)) for domains in ELEMENTWISE[function])
        elif function in PER_ENTRY:
            verdict = "proved per entry"
            shapes = dict.fromkeys(shapes[0] for shapes, _, _ in PER_ENTRY[function])
            domains = dict.fromkeys(domain for _, domain, _ in PER_ENTRY[function])
            words = "; ".join(", ".join(map(in_words, domain)) for domain in domains)
            options = dict.fromkeys(repr(options) for _, _, options in PER_ENTRY[function] if "axis" in options)
            axes = f"; with {', '.join(options).replace(chr(39), '')}" if options else ""
            where = f"{words}, of shapes {', '.join(map(str, shapes))}{axes}"
        else:
            verdict, where = "proved for small shapes", LINEAR[function].bound
        if function in CHECKED:
            verdict = "checked"
        lines.append(f"| `{function.__name__}` | {verdict} | {where} |")
    return lines


def test_the_page_lists_the_proof_of_each_row() -> None:
    lines = PAGE.read_text("utf-8").splitlines()
    listed = lines[lines.index("| row | verdict | for |") + 2 :]
    assert sorted(listed) == sorted(table()), "write these lines to docs/testing.md:\n" + "\n".join(table())
