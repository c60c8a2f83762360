"""`check_function` passes right rules and finds wrong ones, each with a small input and a line that fails again."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erfcx

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.autograd import Function
from tinygrad_mlp.core.sheet import sheet
from tinygrad_mlp.testing import check_at, check_function, checks, tensors

INFINITY = float("inf")


def named(name: str, *rules: Any) -> Callable[[Any], Any]:
    """As `differentiable`, for a lambda, which gets a name."""

    def decorate(function: Any) -> Any:
        function.__name__ = name
        return tg.differentiable(*rules)(function)

    return decorate


class Scaled(Function):
    """a b, where the gradient of b takes the first row instead of the sum over all rows that were broadcast."""

    @staticmethod
    def forward(ctx: Any, a: tg.Tensor, b: tg.Tensor) -> tg.Tensor:
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor) -> Any:
        a, b = ctx.saved_tensors
        of_b = g * a
        while of_b.ndim > b.ndim:
            of_b = of_b[:1].sum(0)  # there may be no rows
        return g * b, of_b


class Cube(Function):
    @staticmethod
    def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
        (x,) = ctx.saved_tensors
        return g * 3 * x * x


log_cosh = named("log_cosh", lambda g, y, x: g * np.tanh(x))(lambda x: np.log(np.cosh(x)))
hinge = named(
    "hinge",
    lambda g, y, x, t: g * -t / (1 + np.exp(t * x - 1)),
    lambda g, y, x, t: g * -x / (1 + np.exp(t * x - 1)),
)(lambda x, t: np.log1p(np.exp(1 - t * x)))
box_cox = named(
    "box_cox",
    lambda g, y, x, power: g * x ** (power - 1),
    lambda g, y, x, power: g * (x**power * (power * np.log(x) - 1) + 1) / power**2,
)(lambda x, power: (x**power - 1) / power)
labelled = named("labelled", lambda g, y, x, label: g * (1 + label), None)(lambda x, label: x * (1 + label) + label**2)

RIGHT: dict[str, tuple[Callable[..., Any], *tuple[Any, ...]]] = {
    "one input": (log_cosh,),
    "two inputs": (hinge,),
    "a domain for each": (box_cox, (0, INFINITY), (0.5, 3)),
    "an input without a derivative": (labelled,),
    "a row of the sheet": (np.logaddexp,),
    "a row of the sheet with ties": (np.maximum,),
    "a lambda of Tensors": (lambda x: (x.sin() * x).sum(),),
    "a Function": (Cube.apply,),
    "a network": (nn.Sequential(nn.Linear(3, 2, dtype=np.float64), nn.Tanh()), tensors((2, 3))),
    "factors of a matrix product": (np.matmul, tensors((2, 3)), tensors((3, 2))),
    "integers": (lambda x, n: x**n, (-2, 2), st.sampled_from([2, 3])),
    "a derivative that is 0": (np.floor_divide, (-2, 2), (0.5, 2)),
    "an output without a gradient": (lambda x: x.detach() * 0 + 1,),
    "large values": (lambda x: x + 1e6,),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_rules_pass(name: str) -> None:
    check_function(RIGHT[name][0], *RIGHT[name][1:])


def test_kinks_are_avoided_where_they_are_named() -> None:
    kinked = named("kinked", lambda g, y, x: g * (x > 0.5))(lambda x: np.maximum(x, 0.5))
    check_function(kinked, avoid=(0.5,))
    with pytest.raises(AssertionError, match="central differences give"):
        check_at(kinked, np.array(0.5))


def test_a_row_that_a_user_adds_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sheet, erfcx, raising=False)  # puts the sheet back at the end
    tg.add_row(erfcx, lambda g, y, x: g * (2 * x * y - 2 / np.sqrt(np.pi)))
    check_function(erfcx)
    tg.add_row(erfcx, lambda g, y, x: g * (2 * x * y - 1 / np.sqrt(np.pi)))
    with pytest.raises(AssertionError, match=r"in erfcx with\n  input 0: np.array\("):
        check_function(erfcx)


def in_place(x: Any) -> Any:
    x *= 2
    return x + 0


def rule_in_place(g: Any, y: Any, x: Any) -> Any:
    if isinstance(x, np.ndarray):
        x += 1
    return 2 * g


BUFFERS: dict[Any, Any] = {}


def from_a_buffer(g: Any, y: Any, x: Any) -> Any:
    buffer = BUFFERS.setdefault(np.shape(x), np.empty(np.shape(x)))
    buffer[...] = g
    return buffer


def constant(x: Any) -> Any:
    """`x` as a constant, so that a rule cannot be differentiated by it."""
    return x.detach() if isinstance(x, tg.Tensor) else x


class Negative(Function):
    """−sin x, whose backward computes −cos x, and whose second derivative has the wrong sign."""

    @staticmethod
    def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
        ctx.save_for_backward(x)
        return -x.sin()

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
        (x,) = ctx.saved_tensors
        return g * (x.cos() - 2 * x.detach().cos())


# A wrong function, its domains, and what the message says.
WRONG: dict[str, tuple[Any, tuple[Any, ...], str]] = {
    "a missing factor": (named("square", lambda g, y, x: g * x)(lambda x: x * x), (), "gradient of input 0"),
    "a transposed operand": (
        named("product", lambda g, y, a, b: g @ b, lambda g, y, a, b: a.mT @ g)(lambda a, b: a @ b),
        (tensors((2, 2)), tensors((2, 2))),
        "gradient of input 0 at [0, 0]",
    ),
    "a broadcast that is not summed, in a Function": (Scaled.apply, ((-2, 2), (-2, 2)), "gradient of input 1"),
    "a broadcast that is not summed, in a rule": (
        named("repeated", lambda g, y, x: g[0])(lambda x: np.broadcast_to(x, (2, *np.shape(x))) * 1),
        (),
        "gradient of input 0",
    ),
    "a wrong sign in the second derivative": (Negative.apply, ((-2, 2),), "the second derivative of input 0"),
    "a rule of constants": (
        named("sine", lambda g, y, x: g * np.cos(constant(x)))(lambda x: np.sin(x)),
        (),
        "the second derivative of input 0",
    ),
    "a rule that is not linear": (
        named("same", lambda g, y, x: np.abs(g))(lambda x: x + 0),
        (),
        "but central differences give -",
    ),
    "an error of a part in a million": (
        named("exponential", lambda g, y, x: g * y * (1 + 1e-6))(lambda x: np.exp(x)),
        (),
        "gradient of input 0",
    ),
    "an error that complex steps see": (
        named("exponential", lambda g, y, x: g * y * (1 + 1e-11))(lambda x: np.exp(x)),
        (),
        "complex steps give",
    ),
    "a function that changes its input": (
        named("in_place", lambda g, y, x: 2 * g)(in_place),
        (),
        "input 0 was changed",
    ),
    "a rule that changes its input": (named("double", rule_in_place)(lambda x: 2 * x), (), "input 0 was changed"),
    "a rule that returns its buffer": (
        named("same", from_a_buffer)(lambda x: x + 0),
        (),
        "the gradient of input 0 shares its memory with the gradient of input 0 in another pass",
    ),
    "a function that returns its input": (
        named("same", lambda g, y, x: g * 0 + y)(lambda x: x + 0),
        (),
        "gradient of input 0",
    ),
    "a function that widens float32": (
        named("wide", lambda g, y, x: g)(lambda x: x.astype(np.float64) + 0),
        (),
        "the output for inputs of float32 is float64",
    ),
    "NaN": (named("nothing", lambda g, y, x: g * np.nan)(lambda x: x + 0), (), "gradient of input 0 is nan"),
    "outside the domain": (named("root", lambda g, y, x: g / (2 * y))(lambda x: np.sqrt(x)), (), "not finite"),
}


@pytest.fixture
def enough_examples() -> Any:
    """As many examples as a user's profile draws, the same in every run: the tests here say what they find."""
    settings.register_profile("before", settings.default)
    settings.register_profile("enough", settings.default, max_examples=100, derandomize=True, database=None)
    settings.load_profile("enough")
    yield
    settings.load_profile("before")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of the square root
@pytest.mark.parametrize("name", WRONG)
def test_wrong_rules_are_found_by_a_small_input_that_fails_again(name: str, enough_examples: None) -> None:
    function, domains, message = WRONG[name]
    with pytest.raises(AssertionError) as caught:
        check_function(function, *domains)
    text = str(caught.value)
    assert message in text.splitlines()[0]
    assert not getattr(caught.value, "__notes__", [])
    line = text.splitlines()[-1].strip()
    assert len(line) < 300
    names = {"check_at": check_at, "np": np, "Scaled": Scaled, "Negative": Negative}
    if domains == ():  # one number suffices
        assert re.search(r"\(\w+, np\.array\(-?[\d.]{1,4}\), cotangent=np\.array\(.{1,12}\)\)$", line), line
    with pytest.raises(AssertionError) as again:
        eval(line, names | {getattr(function, "__name__", ""): function})
    assert str(again.value) == text


def test_a_lambda_is_called_f() -> None:
    with pytest.raises(AssertionError, match=r"\(the function is called f here\):\n  check_at\(f, np.array\("):
        check_at(lambda x: (x * x.detach()).sum(), np.array([0.5]))


def test_errors_of_the_function_keep_their_type_and_name_the_line() -> None:
    def refusing(x: tg.Tensor) -> tg.Tensor:
        raise KeyError("no")

    with pytest.raises(KeyError) as caught:
        check_at(refusing, np.array([0.5]))
    assert any("check_at(refusing, np.array([0.5]))" in note for note in caught.value.__notes__)


@given(data=st.data())
def test_inputs_are_written_so_that_they_round_trip(data: st.DataObject) -> None:
    drawn = data.draw(
        tensors()
        | tensors(dtype=np.float32)
        | st.sampled_from([np.arange(3), np.int8([1]), np.array([True]), None, 2, "same", np.float32(0.1), (1, 2)])
        | st.sampled_from(
            [np.array([np.nan, -np.inf]), np.zeros((0, 3)), np.zeros((2, 0), np.int64), np.array([0.1, 1e-300])]
        )
    )
    written = eval(checks._literal(drawn), {"np": np})
    expected = drawn.numpy() if isinstance(drawn, tg.Tensor) else drawn
    np.testing.assert_array_equal(written, expected)
    assert getattr(written, "dtype", None) == getattr(expected, "dtype", None)
    assert np.shape(written) == np.shape(expected)


def test_what_is_given_stays_as_it_is() -> None:
    x = tg.tensor([0.5, 1.0], requires_grad=True)
    array = np.array([1.0, 2.0])
    cotangent = np.array([1.0, -1.0])
    check_at(lambda a, b, c: a * b + c, x, array, 2.0, cotangent=cotangent)
    assert x.grad is None
    np.testing.assert_array_equal(array, [1, 2])
    np.testing.assert_array_equal(cotangent, [1, -1])


def test_as_many_points_are_checked_as_the_profile_says(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []
    monkeypatch.setattr(checks, "_check_at", lambda *given: called.append(given))
    check_function(log_cosh)
    assert 1 < len(called) <= settings.default.max_examples


def test_order_1_leaves_second_derivatives_out() -> None:
    function, domains, _ = WRONG["a wrong sign in the second derivative"]
    check_function(function, *domains, order=1)


def test_a_rule_that_is_wrong_from_two_entries_on_is_shown_with_two() -> None:
    backwards = tg.differentiable(lambda g, y, x: (g * 2 * x)[::-1] if x.ndim else g * 2 * x)(lambda x: x * x)
    many = settings(max_examples=200, deadline=None, database=None, report_multiple_bugs=False)
    with pytest.raises(AssertionError, match=r"input 0: np\.array\(\[[^,]*, [^,]*\]\)"):
        checks.check_drawn(backwards, (), 1, (), many)


RIGHT_ALTHOUGH: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "a small function of abs": (lambda x: 1e-9 * np.abs(x) ** 2, ()),
    "a function that is small far out": (lambda x: np.exp(-(np.abs(x) ** 2)), ((4.5, 6),)),
    "a narrow domain": (np.log, ((0, 0.01),)),
    "a wide domain": (lambda x: x**2, ((-1e6, 1e6),)),
    "a large number that is added": (lambda x: np.abs(x) + 1e8, ((0.5, 2),)),
}


@pytest.mark.parametrize("name", RIGHT_ALTHOUGH)
def test_small_and_large_numbers_raise_no_false_alarm(name: str) -> None:
    function, domains = RIGHT_ALTHOUGH[name]
    check_function(function, *domains)


@pytest.mark.parametrize(
    "argument",
    [(np.inf, -np.inf), [np.ones(2), 3], (np.zeros(1),), np.float64, np.dtype(np.float32), "words", None, slice(1, 2)],
    ids=repr,
)
def test_the_line_to_paste_has_any_argument(argument: Any) -> None:
    with pytest.raises(AssertionError) as error:
        check_at(lambda x, other: wrong_square(x), 1.0, argument)
    seen: list[Any] = []
    line = str(error.value).splitlines()[-1]
    eval(line, {"np": np, "f": None, "check_at": lambda f, x, other, **_: seen.append(other)})
    assert repr(seen) == repr([argument])


@tg.differentiable(lambda g, y, x: g * x)
def wrong_square(x: Any) -> Any:
    return x * x


def test_a_rule_that_raises_is_wrong() -> None:
    product = tg.differentiable(lambda g, y, a, b: g @ b, lambda g, y, a, b: a.T @ g)(lambda a, b: a @ b)
    with pytest.raises(AssertionError, match=r"^the backward pass raises ValueError: .*matmul.*\nin "):
        check_at(product, np.ones((2, 3)), np.ones((3, 2)))


def test_a_number_may_be_avoided_without_a_list() -> None:
    check_function(lambda x: np.abs(x), avoid=0)


def test_an_input_without_entries_is_explained() -> None:
    with pytest.raises(ValueError, match="zero-size") as error:
        check_at(lambda x: np.max(x), np.empty(0))
    assert "tensors(shapes(min_side=1))" in "".join(error.value.__notes__)


REFUSED: dict[str, tuple[type[Exception], str, Callable[[], Any]]] = {
    "order": (ValueError, "order is 1", lambda: check_function(log_cosh, order=3)),
    "order at a point": (ValueError, "order is 1", lambda: check_at(log_cosh, 1.0, order=0)),
    "no function": (TypeError, "a function is checked, not", lambda: check_function(3)),  # type: ignore[arg-type]
    "no function at a point": (TypeError, "a function is checked, not", lambda: check_at(3)),  # type: ignore[arg-type]
    "a domain": (TypeError, "a domain is a pair", lambda: check_function(log_cosh, 3)),
    "a domain too few": (
        TypeError,
        "has 2 inputs, but the number of domains is 1",
        lambda: check_function(np.add, (0, 1)),
    ),
    "an empty domain": (ValueError, "low < high", lambda: check_function(log_cosh, (2, 1))),
    "uncounted": (TypeError, "cannot be counted", lambda: check_function(lambda *xs: xs[0])),
    "nothing to differentiate": (TypeError, "no array of floating numbers", lambda: check_at(log_cosh, 2)),
    "several outputs": (TypeError, r"returned a tuple, .* f\(x\)\[0\]", lambda: check_at(lambda x: (x, x), 1.0)),
    "a cotangent": (ValueError, r"shape \(2,\), but", lambda: check_at(log_cosh, 1.0, cotangent=np.ones(2))),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_checked_is_refused(name: str) -> None:
    error, message, call = REFUSED[name]
    with pytest.raises(error, match=message):
        call()
