"""Every function of the sheet has the value, the gradient and the second derivative of its reference in NumPy."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from checks import check_second_derivative, check_value
from hypothesis import given
from hypothesis import strategies as st
from ops import CASES, CONSTANTS, DERIVED, ROWS, Case, Example, examples
from strategies import Array, leaf, numbers

import tinygrad_mlp as tg
from tinygrad_mlp.core import functions as f
from tinygrad_mlp.core import mode
from tinygrad_mlp.core.blas import Product
from tinygrad_mlp.core.sheet import Each, is_read, reads, sheet
from tinygrad_mlp.tensors.derived import derived
from tinygrad_mlp.testing.comparisons import assert_close, check_gradient, check_memory
from tinygrad_mlp.testing.differences import complex_step

every_case = pytest.mark.parametrize("case", [*CASES, *DERIVED], ids=repr)


# --- properties of every function -------------------------------------------------------------------------------------


@every_case
@given(data=st.data())
def test_values_equal_the_reference(case: Case, data: st.DataObject) -> None:
    check_value(data.draw(examples(case)))


@every_case
@given(data=st.data())
def test_gradients_equal_complex_steps_and_differences(case: Case, data: st.DataObject) -> None:
    check_gradient(data.draw(examples(case)))


@every_case
@given(data=st.data())
def test_second_derivatives_equal_differences(case: Case, data: st.DataObject) -> None:
    example = data.draw(examples(case))
    check_second_derivative(example, [data.draw(numbers(example.operands[i].shape)) for i in example.differentiable])


@every_case
@given(data=st.data())
def test_operands_are_not_changed_and_gradients_share_no_memory(case: Case, data: st.DataObject) -> None:
    check_memory(data.draw(examples(case)))


@every_case
@given(data=st.data())
def test_float32_stays_float32(case: Case, data: st.DataObject) -> None:
    double = data.draw(examples(case))
    if case.function is f.astype:
        double.options["dtype"] = np.dtype(np.float32)
    single = double.astype(np.float32)
    tensors = single.tensors()
    output = single(tensors)
    assert output.dtype == np.float32
    assert_close(output.detach(), double.expected(), 1e-5, "value")
    for position, gradient in zip(single.differentiable, single.gradients(tensors), strict=True):
        assert gradient.dtype == np.float32
        assert_close(gradient, complex_step(double, position), 1e-4, "gradient")


@pytest.mark.parametrize("function", CONSTANTS, ids=lambda function: function.__name__)
@given(data=st.data())
def test_functions_without_a_derivative_pass_no_gradient(function: Callable[..., Any], data: st.DataObject) -> None:
    operands, options = data.draw(CONSTANTS[function])
    answer = function(*(leaf(x) if x.dtype.kind == "f" else tg.tensor(x) for x in operands), **options)
    np.testing.assert_array_equal(answer, function(*operands, **options))
    assert getattr(answer, "requires_grad", False) is False


# --- which arrays rules read ------------------------------------------------------------------------------------------


class Spy:
    """Stands for an array that a rule declares not to read. It has a shape and a dtype; reading its entries fails."""

    __array_ufunc__ = None

    def __init__(self, array: Array) -> None:
        self.shape, self.ndim, self.dtype = array.shape, array.ndim, array.dtype

    def __array_function__(self, *call: Any) -> Any:
        raise TypeError("a rule reads an array that it declares not to read")

    __eq__ = __array_function__


class Collector:
    """Collects each recorded node with its inputs and its output. It stands in the place of anomaly detection."""

    def __init__(self) -> None:
        self.nodes: list[tuple[Any, list[Any], Any]] = []

    def computed(self, function: Any, inputs: list[Any], output: Any, node: Any) -> None:
        if node is not None:
            self.nodes.append((node, inputs, output))


def recorded_calls(example: Example) -> list[tuple[Any, list[Any], Any]]:
    """The nodes that calling `example` records for its own function, each with its inputs and its output."""
    collector = Collector()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mode, "watcher", collector)
        example(example.tensors())
    return [call for call in collector.nodes if call[0].function is example.case.function]


def check_reads(example: Example, rng: np.random.Generator) -> None:
    """Each rule gives the same gradient without the arrays it declares not to read, and fails without any other."""
    for node, inputs, y in recorded_calls(example):
        g = np.asarray(rng.standard_normal(y.shape))
        each = isinstance(node.rules, Each)
        for rule in [rule for rule, _ in zip(node.rules, inputs, strict=False) if rule is not None]:
            declared = node.rules.rule if each else rule
            arrays = [y, *inputs]
            read = [is_read(i, [reads(declared)]) and isinstance(array, np.ndarray) for i, array in enumerate(arrays)]
            hidden = [
                Spy(array) if isinstance(array, np.ndarray) and not needed else array
                for array, needed in zip(arrays, read, strict=True)
            ]
            expected, actual = (np.asarray(dense(rule(g, *given, **node.options))) for given in (arrays, hidden))
            np.testing.assert_array_equal(actual, expected)
            for i, needed in enumerate(read):
                if needed and not each:  # one rule for any number of inputs need not read all of them
                    too_few = [*hidden[:i], Spy(arrays[i]), *hidden[i + 1 :]]
                    with pytest.raises((AttributeError, TypeError)):
                        dense(rule(g, *too_few, **node.options))


def dense(gradient: Any) -> Any:
    """The gradient as an array, multiplied out if a rule returned factors."""
    return gradient.dense() if isinstance(gradient, Product) else gradient


@pytest.mark.parametrize("case", CASES, ids=repr)
@given(data=st.data())
def test_rules_read_the_arrays_they_declare_and_no_others(case: Case, data: st.DataObject) -> None:
    check_reads(data.draw(examples(case)), np.random.default_rng(0))


def test_check_reads_finds_a_rule_that_declares_too_little_or_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    case = next(case for case in CASES if case.function is np.exp)
    example = Example(case, (np.array([1.0, 2.0]),), {}, ("contiguous",), np.ones(2))
    check_reads(example, np.random.default_rng(0))
    for dishonest in (lambda g, _y, _x: g * _y, lambda g, y, _x: g * np.exp(_x), lambda g, y, x: g * y):
        monkeypatch.setitem(sheet, np.exp, (dishonest,))
        with pytest.raises((AttributeError, TypeError, pytest.fail.Exception)):
            check_reads(example, np.random.default_rng(0))


def test_an_underscore_declares_that_a_rule_does_not_read_an_argument() -> None:
    assert reads(lambda g, _y, x: g) == (False, True)
    assert reads(lambda g, y, *_parts, position, axis=0: g) == (True, False)
    assert reads(lambda g, y, *xs, **_options: g) == (True, True)
    assert reads(max) == (True,)  # `max` has no signature


def test_a_replaced_row_is_used_from_then_on() -> None:
    x = leaf(np.array([2.0]))
    same = tg.differentiable(lambda g, _y, _x: g)(lambda x: x + 0)
    same(x).sum().backward()
    tg.add_row(same, lambda g, _y, _x: 2 * g)
    same(x).sum().backward()
    np.testing.assert_array_equal(x.grad, [1 + 2])


# --- completeness -----------------------------------------------------------------------------------------------------


def names(functions: Iterable[Callable[..., Any]]) -> list[str]:
    return sorted(function.__name__ for function in functions)


def test_every_row_of_the_sheet_has_a_case() -> None:
    with_rules, without = {g for g, row in ROWS.items() if row}, {g for g, row in ROWS.items() if not row}
    cases = {case.function for case in CASES}
    assert names(with_rules - cases) == [], "rows of the sheet without a case in ops.py"
    assert names(cases - with_rules) == [], "cases in ops.py without a row in the sheet"
    assert names(without - set(CONSTANTS)) == [], "constant rows of the sheet that ops.py does not list"


def test_every_derived_function_has_a_case() -> None:
    cases = {case.function for case in DERIVED}
    assert names(set(derived) - cases - set(CONSTANTS)) == [], "derived functions without a case in ops.py"
    assert names(cases - set(derived)) == [], "cases in ops.py that are no derived functions"
    assert names(set(CONSTANTS) - set(ROWS) - set(derived)) == [], "constants in ops.py that the package lacks"


def test_a_row_without_a_case_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ROWS, np.sinc, (lambda g, y, x: g,))
    with pytest.raises(AssertionError, match="sinc"):
        test_every_row_of_the_sheet_has_a_case()


# --- ties, kinks and the ends of a domain, as PyTorch has them --------------------------------------------------------

INFINITY = float("inf")

AT_POINTS: dict[str, tuple[Callable[..., Any], list[Any], list[Any]]] = {
    "relu at 0": (f.relu, [[-1, 0, 1]], [[0, 0, 1]]),
    "abs at 0": (np.abs, [[-2, 0, 2]], [[-1, 0, 1]]),
    "maximum, tied": (np.maximum, [[1, 2, 3], [2, 2, 2]], [[0, 0.5, 1], [1, 0.5, 0]]),
    "minimum, tied": (np.minimum, [[1, 2, 3], [2, 2, 2]], [[1, 0.5, 0], [0, 0.5, 1]]),
    "maximum with a number": (lambda x: np.maximum(x, 0), [[-1, 0, 1]], [[0, 0.5, 1]]),
    "max of everything, tied": (np.max, [[[3, 1], [3, 3]]], [[[1 / 3, 0], [1 / 3, 1 / 3]]]),
    "max along an axis, tied": (lambda x: np.max(x, axis=1), [[[3, 3], [3, 1]]], [[[0.5, 0.5], [1, 0]]]),
    "min of everything, tied": (np.min, [[[1, 1], [3, 1]]], [[[1 / 3, 1 / 3], [0, 1 / 3]]]),
    "max(dim) takes the first": (lambda x: x.max(1).values, [[[3, 3], [1, 3]]], [[[1, 0], [0, 1]]]),
    "min(dim) takes the first": (lambda x: x.min(0).values, [[[1, 3], [1, 2]]], [[[1, 0], [0, 1]]]),
    "x⁰ at 0": (lambda x: x**0, [[-1, 0, 2]], [[0, 0, 0]]),
    "x¹ at 0": (lambda x: x**1, [[-1, 0, 2]], [[1, 1, 1]]),
    "x² at 0": (lambda x: x**2, [[-1, 0, 2]], [[-2, 0, 4]]),
    "x³ at 0": (lambda x: x**3, [[-1, 0, 2]], [[3, 0, 12]]),
    "0ᵇ and b": (lambda b: 0.0**b, [[0, 1, 2]], [[0, 0, 0]]),
    "0ᵇ for a negative b": (np.power, [[0, 0], [-1, -0.5]], [[-INFINITY, -INFINITY], [-INFINITY, -INFINITY]]),
    "0ᵇ for a b up to 1": (np.power, [[0, 0, 0], [0, 0.5, 1]], [[0, INFINITY, 1], [0, 0, 0]]),
    "2ᵇ and b": (lambda b: 2**b, [[0, 1]], [[np.log(2), 2 * np.log(2)]]),
    "logsumexp far out": (lambda x: x.logsumexp(0), [[1000, 1000, -1000]], [[0.5, 0.5, 0]]),
    "logsumexp of log 0": (lambda x: x.logsumexp(0), [[-INFINITY, 0]], [[0, 1]]),
    "logsumexp of large numbers": (lambda x: x.logsumexp(0), [[1e15, 1e15 - 1]], [np.exp([0, -1]) / (1 + np.exp(-1))]),
    "log_softmax far out": (lambda x: x.log_softmax(0)[0], [[1e15, 1e15]], [[0.5, -0.5]]),
    "log_softmax of log 0": (lambda x: x.log_softmax(0)[1], [[-INFINITY, 0]], [[0, 0]]),
    "softmax far out": (lambda x: x.softmax(0)[0], [[-1000, 1000]], [[0, 0]]),
    "sigmoid far out": (lambda x: x.sigmoid(), [[-1000, 1000]], [[0, 0]]),
    "tanh far out": (lambda x: x.tanh(), [[-1000, 1000]], [[0, 0]]),
    "certain and wrong": (lambda a: f.binary_cross_entropy(a, np.array([1.0, 0.0])), [[0, 1]], [[-1e12, 1e12]]),
    "certain and right": (lambda a: f.binary_cross_entropy(a, np.array([0.0, 1.0])), [[0, 1]], [[0, 0]]),
    "logits far out": (
        lambda z: f.binary_cross_entropy_with_logits(z, np.array([1.0, 0.0])),
        [[-1000, 1000]],
        [[-1, 1]],
    ),
    "a position taken twice": (lambda x: x[[1, 1, 0]], [[5, 6, 7]], [[1, 2, 0]]),
}


@pytest.mark.parametrize("name", AT_POINTS)
def test_gradients_at_ties_kinks_and_ends(name: str) -> None:
    function, points, expected = AT_POINTS[name]
    tensors = [leaf(np.array(point, dtype=float)) for point in points]
    with np.errstate(divide="ignore"):
        function(*tensors).sum().backward()
    for x, gradient in zip(tensors, expected, strict=True):
        np.testing.assert_allclose(x.grad, gradient, rtol=1e-12, atol=0)


def test_losses_of_certain_predictions_are_finite() -> None:
    wrong = f.binary_cross_entropy(tg.tensor([0.0, 1.0]), np.array([1.0, 0.0], np.float32))
    np.testing.assert_array_equal(wrong, [100, 100])
    logits = f.binary_cross_entropy_with_logits(tg.tensor([-1000.0, 1000.0]), np.array([1.0, 1.0], np.float32))
    np.testing.assert_array_equal(logits, [1000, 0])


@given(st.floats(-80, 80, width=32), st.sampled_from([0.0, 0.25, 1.0]))
def test_cross_entropy_of_logits_is_exact_to_the_last_digits(z: float, y: float) -> None:
    """In float32, ln(1 + eᶻ) − y z would lose the digits of a small loss."""
    expected = y * np.log1p(np.exp(-np.float64(z))) + (1 - y) * np.log1p(np.exp(np.float64(z)))
    loss = f.binary_cross_entropy_with_logits(np.float32([z]), np.float32([y]))
    np.testing.assert_allclose(loss, [expected], rtol=1e-6)


@given(st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=6), st.sampled_from([0.0, 1e4, -1e9]))
def test_log_softmax_of_shifted_logits_is_exact(z: list[float], shift: float) -> None:
    logits = np.float32(z) + np.float32(shift)  # the only place where this test allows rounding
    exact = logits.astype(float) - logits.max()
    expected = exact - np.log(np.exp(exact).sum())
    np.testing.assert_allclose(f.log_softmax(logits, 0), expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(tg.tensor(logits).softmax(0), np.exp(expected), rtol=1e-5)


def test_logsumexp_of_infinite_and_large_numbers() -> None:
    with np.errstate(divide="ignore"):
        for row, value in [
            ([-INFINITY, -INFINITY], -INFINITY),
            ([INFINITY, 0], INFINITY),
            ([1e4, 1e4], 1e4 + np.log(2)),
        ]:
            np.testing.assert_allclose(f.logsumexp(tg.tensor(np.array(row)), 0).item(), value, rtol=1e-14)


def test_the_slope_of_the_square_root_at_0_is_infinite() -> None:
    x = leaf(np.array([0.0, 4.0]))
    with np.errstate(divide="ignore"):
        np.sqrt(x).sum().backward()
    np.testing.assert_array_equal(x.grad, [INFINITY, 0.25])


def test_where_passes_on_nan_from_the_branch_it_does_not_choose() -> None:
    x = leaf(np.array([0.0, 4.0]))
    with np.errstate(invalid="ignore"):
        np.where(x.detach() > 0, np.sqrt(x), 0).sum().backward()
    np.testing.assert_array_equal(x.grad, [np.nan, 0.25])


@pytest.mark.parametrize(("exponent", "second"), [(0, 0), (1, 0), (2, 2), (3, 0)])
def test_powers_have_second_derivatives_at_0(exponent: int, second: int) -> None:
    x = leaf(np.array([0.0]))
    np.power(x, exponent).sum().backward(create_graph=True)
    slope, x.grad = x.grad, None
    (slope + 0 * x).sum().backward()
    np.testing.assert_array_equal(x.grad, [second])


@pytest.mark.parametrize("a", [0.0, 0.5, 2.0, 23.0])
@pytest.mark.parametrize("b", [-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0])
def test_second_derivatives_of_powers_equal_their_closed_forms(a: float, b: float) -> None:
    if a == 0 and b <= 1:
        pytest.skip("there the mixed derivative is infinite, or does not exist")
    x, y = leaf(np.array(a)), leaf(np.array(b))
    log = np.log(a) if a else 0  # whose product with a power of 0 is 0
    with np.errstate(divide="ignore"):
        by_base = b * (b - 1) * np.power(a, b - 2) if b * (b - 1) else 0
        by_both = np.power(a, b - 1) * (1 + b * log)
        first = tg.autograd.grad(x**y, [x, y], create_graph=True)
        second = [tg.autograd.grad(g, [x, y], retain_graph=True) for g in first]
    expected = [[by_base, by_both], [by_both, a**b * log**2]]
    np.testing.assert_allclose(second, expected, rtol=1e-14)


# --- dtypes -----------------------------------------------------------------------------------------------------------

ARITHMETIC = [np.add, np.subtract, np.multiply, np.divide, np.power, np.maximum, np.minimum]
NUMBERS = [2, 2.0, True, np.float64(2), np.float32(2), np.int64(2), np.bool_(True)]


@pytest.mark.parametrize("function", ARITHMETIC, ids=lambda function: function.__name__)
@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: type(number).__name__)
def test_a_number_does_not_widen_a_tensor(function: np.ufunc, number: Any) -> None:
    for order in (slice(None), slice(None, None, -1)):
        x = tg.tensor([0.5, 1.5], requires_grad=True)
        y = function(*(x, number)[order])
        assert y.dtype == np.float32
        np.testing.assert_allclose(y.detach(), function(*(x.tolist(), float(number))[order]), rtol=1e-6)
        y.sum().backward()
        assert x.grad is not None
        assert x.grad.dtype == np.float32


@pytest.mark.parametrize("function", ARITHMETIC, ids=lambda function: function.__name__)
def test_a_gradient_has_the_dtype_of_its_tensor(function: np.ufunc) -> None:
    single, double = tg.tensor([0.5, 1.5], requires_grad=True), leaf(np.array([2.0, 3.0]))
    y = function(single, double)
    assert y.dtype == np.float64
    y.sum().backward()
    assert (single.grad.dtype, double.grad.dtype) == (np.float32, np.float64)
