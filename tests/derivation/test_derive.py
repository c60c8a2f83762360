"""Every printed formula is verified against the gradient, and a rule that cannot be read is refused by name."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import ACTIVATIONS, LOSSES, batch, explained, network
from ops import CASES, DERIVED, ROWS, Case, examples

import tinygrad_mlp as tg
from tinygrad_mlp import Tensor, nn
from tinygrad_mlp.core import functions as f
from tinygrad_mlp.derivation import derive, expression
from tinygrad_mlp.derivation.page import explain
from tinygrad_mlp.nn import functional as F


@given(
    sizes=st.lists(st.integers(1, 4), min_size=2, max_size=6),
    rows=st.integers(1, 4),
    bias=st.booleans(),
    loss=st.sampled_from(sorted(LOSSES)),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    notation=st.sampled_from(["rows", "document"]),
    seed=st.integers(0, 1000),
)
def test_verified_formulas_are_the_gradients(
    sizes: list[int], rows: int, bias: bool, loss: str, activation: str, notation: str, seed: int
) -> None:
    net = network(sizes, bias, activation, seed=seed)
    x, y = batch(sizes, 1 if notation == "document" else rows, seed=seed)
    value = LOSSES[loss](net(x), y)
    found = explain(value, net, notation=notation)
    assert list(found.errors) == list(found.formulas)
    assert set(found.errors) == {name for name, _ in net.named_parameters()}
    assert max(found.errors.values()) < 1e-10
    text = str(found)
    assert max(map(len, text.splitlines())) <= 80
    assert "Verified" in text
    # The formulas once more, evaluated here instead of by verify().
    value.backward()
    for parameter in net.parameters():
        claimed = [formula for of, formula in found.deriver.claims if of is parameter._node]
        assert claimed
        for formula in claimed:
            gradient = np.reshape(expression.evaluate(formula), parameter.shape)
            scale = max(np.max(np.abs(parameter.grad.numpy())), 1e-6)
            assert np.max(np.abs(gradient - parameter.grad.numpy())) / scale < 1e-10


@pytest.mark.parametrize("case", [*CASES, *DERIVED], ids=repr)
@given(data=st.data())
def test_every_function_of_the_sheet_can_be_read(case: Case, data: st.DataObject) -> None:
    example = data.draw(examples(case))
    output = example(example.tensors())
    found = explain((output * example.cotangent).sum())
    assert max(found.errors.values()) < 1e-10
    assert str(found)
    assert found.latex()


def test_every_row_of_the_sheet_is_among_them() -> None:
    read = {case.function for case in CASES}
    assert sorted(function.__name__ for function, row in ROWS.items() if row and function not in read) == []


def unreadable(rule: Callable[..., Any]) -> Tensor:
    """The sum of a function whose rule cannot be read as symbols."""

    @tg.differentiable(rule)
    def awkward(x: Any) -> Any:
        return x * 1.0

    return awkward(tg.tensor([1.0, 2.0], requires_grad=True)).sum()


@pytest.mark.parametrize(
    "rule",
    [
        lambda g, y, x: g if x[0] > 0 else -g,
        lambda g, y, x: g * x.mean(),
        lambda g, y, x: g * float(x[0]),
        lambda g, y, x: g * np.asarray(x),
        lambda g, y, x: np.add(g, y, out=g),
        lambda g, y, x: g * np.multiply.accumulate(x),
        lambda g, y, x: g * np.multiply.reduce(x),
        lambda g, y, x: g * np.full(2, "x", dtype=object),
        lambda g, y, x: g * np.array(list(x)),
    ],
)
def test_a_rule_that_cannot_be_read_is_named(rule: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="the rule for awkward cannot be read as symbols"):
        explain(unreadable(rule))


def test_a_function_is_refused_by_name() -> None:
    class Cube(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors
            return g * 3 * x * x

    x = tg.tensor([1.5, -2.0], requires_grad=True)
    with pytest.raises(TypeError, match=r"the Function Cube cannot be read .* tinygrad_mlp\.differentiable"):
        explain((2 * Cube.apply(x)).sum())
    y = Cube.apply(x)
    for _ in range(derive.LARGEST_GRAPH):
        y = y + 1.0
    assert "Cube" in str(explain(y.sum()))  # a summary names it, and needs no formula


def test_a_rule_that_a_user_wrote_becomes_a_formula() -> None:
    @tg.differentiable(lambda g, y, x: g * 3 * x**2)
    def cube(x: Any) -> Any:
        return x * x * x

    x = tg.tensor([1.5, -2.0], dtype=np.float64, requires_grad=True)
    found = explain(cube(x).sum(), names={"x": x})
    assert found.formulas == {"x": ["3 x^{2}"]}
    assert "u₁ = cube(x)" in str(found)
    assert found.errors["x"] < 1e-12


# The gradients of Σ f(x, y), without the guard against a base of 0 where no entry of the base is 0.
POWERS: dict[str, tuple[Callable[..., Any], list[float], dict[str, str]]] = {
    "a cube": (lambda x, y: x**3, [1.5, 2.5], {"x": "3 x^{2}"}),
    "a cube at 0": (lambda x, y: x**3, [0.0, 2.5], {"x": "3 x^{2}"}),
    "of a number": (lambda x, y: 2**y, [1.5, 2.5], {"y": r"\ln 2 u_{1}"}),
    "of both": (lambda x, y: x**y, [1.5, 2.5], {"x": r"y \odot x^{y - 1}", "y": r"u_{1} \odot \ln(x)"}),
    "of both, at 0": (
        lambda x, y: x**y,
        [0.0, 2.5],
        {"x": r"y \odot x^{y - 1}", "y": r"u_{1} \odot \ln(x + [x = 0] \odot [y \geq 0])"},
    ),
    "steps": (lambda x, y: np.floor(x) * y, [1.5, 2.5], {"x": r"0 \mathbf{1}", "y": "u_{1}"}),
}


@pytest.mark.parametrize("name", POWERS)
def test_powers_and_steps_are_written_as_a_person_would(name: str) -> None:
    function, base, expected = POWERS[name]
    tensors = {"x": tg.tensor(base, requires_grad=True), "y": tg.tensor([2.0, 3.0], requires_grad=True)}
    found = explain(function(*tensors.values()).sum(), names={name: tensors[name] for name in expected})
    assert found.formulas == {name: [formula] for name, formula in expected.items()}
    assert max(found.errors.values()) < 1e-6


def test_a_rule_may_hold_arrays_of_its_own() -> None:
    kernel = np.array([[1.0, 2.0], [3.0, 4.0]])

    @tg.differentiable(lambda g, y, x: g @ kernel.T)
    def mixed(x: Any) -> Any:
        return x @ kernel

    found = explain(mixed(tg.tensor(np.ones((1, 2)), requires_grad=True)).sum())
    assert "∂L/∂u₁ c₁" in str(found)
    assert "c₁ ∈ ℝ²ˣ²" in str(found)
    assert found.errors["θ₁"] < 1e-12


@pytest.mark.parametrize(
    "rule",
    [
        lambda g, y, x: np.zeros(x.shape),
        lambda g, y, x: g * np.ones(2, x.dtype),
        lambda g, y, x: g * np.add.reduce(x),
    ],
)
def test_a_rule_may_return_arrays_and_ask_for_dtypes_and_sums(rule: Callable[..., Any]) -> None:
    assert explain(unreadable(rule)).errors == {"θ₁": 0}


def test_nodes_that_no_gradient_reaches_are_left_out() -> None:
    x = tg.tensor([1.0, -2.0], dtype=np.float64, requires_grad=True)
    found = explain(np.where(x * 3, x, 0).sum(), names={"x": x})  # no gradient flows to the condition x * 3
    assert found.errors["x"] < 1e-12
    assert "∂L/∂u₁" not in str(found)


LIES: dict[str, tuple[Any, Callable[..., Any]]] = {
    "a simplification": (np.negative, lambda a: a),
    "another": (np.transpose, lambda a, axes=None: expression._reshape(a, a.shape[::-1])),
    "one more": (np.power, lambda a, b: a),
}


@pytest.mark.parametrize("name", LIES)
def test_a_wrong_simplification_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(expression.SIMPLER, *LIES[name])
    net = network([3, 3, 3])
    x, _ = batch([3, 3, 3], 3)
    loss = (-(net(x).tanh() ** 3)).sum()
    found = explain(loss, net)
    assert "NOT VERIFIED" in str(found)
    assert not found.is_verified


def test_a_wrong_formula_for_a_fused_function_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    formula = derive.FORMULAS[f.squared_error]
    monkeypatch.setitem(derive.FORMULAS, f.squared_error, lambda a, y, total=False: 2 * formula(a, y, total))
    found = explained("mean square", [3, 2])
    assert found.errors["0.weight"] > 0.1
    assert "NOT VERIFIED" in str(found)


@pytest.mark.parametrize("notation", ["rows", "document"])
def test_every_printed_gradient_is_checked(notation: str) -> None:
    """verify() notices each formula of a derivation that is wrong by 1 %."""
    found = explained("cross entropy", [3, 2, 2], bias=True, notation=notation)
    claims = found.deriver.claims
    assert len(claims) > 20
    for i, (of, formula) in enumerate(claims):
        claims[i] = of, formula * 1.01
        assert max(found.verify().values()) > 1e-3
        claims[i] = of, formula
    assert max(found.verify().values()) < 1e-12


def test_a_gradient_that_cancels_to_rounding_errors_is_verified() -> None:
    """A bias before BatchNorm has no effect, so its gradient consists of rounding errors alone."""
    tg.manual_seed(0)
    weight, bias = nn.Parameter(tg.randn(4, 8)), nn.Parameter(tg.zeros(8))
    rows, labels, norm = tg.randn(32, 4), tg.randint(0, 8, (32,)), nn.BatchNorm1d(8)
    found = tg.explain(nn.functional.cross_entropy(norm(rows @ weight + (2 * bias).reshape(1, 8)).tanh(), labels))
    assert found.is_verified, found.errors


def test_float32_is_verified_to_its_own_precision() -> None:
    net = network([20, 10, 5], True, dtype=np.float32)
    found = explain(
        LOSSES["average cross entropy"](
            net(batch([20, 10, 5], 8, np.float32)[0]), batch([20, 10, 5], 8, np.float32)[1]
        ),
        net,
    )
    assert max(found.errors.values()) < 1e-6
    assert "Verified" in str(found)


def test_cancelled_gradients_raise_no_false_alarm() -> None:
    """The gradients of the two samples cancel. Rounding errors remain, of which no digit is right."""
    net = network([2, 1], True, dtype=np.float32)
    x = np.array([[0.1, 0.3], [0.1, 0.3]], np.float32)
    z = net(x).detach().numpy()
    found = explain(F.mse_loss(net(x), z + np.array([[1 / 3], [-1 / 3]], np.float32)), net)
    assert "Verified" in str(found)


# --- the graph stays what it is ---------------------------------------------------------------------------------------


def test_explaining_stores_no_gradient_and_calls_no_hook() -> None:
    net = network([3, 4, 2], True)
    x, y = batch([3, 4, 2], 2)
    hidden = net[1](net[0](x))
    hidden.retain_grad()
    called: list[Any] = []
    hidden.register_hook(lambda g: called.append(g) or g * 2)
    loss = LOSSES["cross entropy of logits"](net[2](hidden), y)
    found = explain(loss, net)
    assert max(found.errors.values()) < 1e-12
    assert max(found.verify().values()) < 1e-12
    assert hidden.grad is None
    assert called == []
    assert all(parameter.grad is None for parameter in net.parameters())
    loss.backward()
    assert len(called) == 1
    assert hidden.grad is not None


def test_an_array_that_has_changed_since_is_noticed() -> None:
    net = network([3, 4, 2])
    x, y = batch([3, 4, 2], 1)
    loss = LOSSES["mean square"](net(x), y)
    found = explain(loss, net)
    with tg.no_grad():
        net[2].weight.add_(1.0)
    with pytest.raises(RuntimeError, match="was changed after"):
        found.verify()


def test_verification_can_wait() -> None:
    found = explained("mean square", [3, 2], verify=False)
    assert found.errors is None
    assert "Not verified" in str(found)
    assert not found.is_verified
    errors = found.verify()
    assert errors is found.errors
    assert found.is_verified
    assert "Verified" in str(found)


def test_deep_chains_and_diamonds_are_explained_without_recursion() -> None:
    x = tg.tensor([0.5], dtype=np.float64, requires_grad=True)
    y = x
    for _ in range(199):
        y = np.tanh(y)
    found = explain(y.sum())
    assert len(found.deriver.nodes) == 200
    assert found.errors["θ₁"] < 1e-12
    assert max(map(len, str(found).splitlines())) <= 80
    y = x
    for _ in range(60):
        y = y * y - y
    found = explain(y.sum())
    assert found.formulas["θ₁"] == []
    assert "too many to print" in str(found)
    assert found.errors["θ₁"] < 1e-12


def test_a_long_gradient_beside_a_number_is_not_written_out() -> None:
    x = tg.tensor([0.5], dtype=np.float64, requires_grad=True)
    y = np.tanh(x)
    start = y
    for _ in range(60):
        y = y * y - y
    found = explain(y.sum() + start.sum())
    assert found.errors["θ₁"] < 1e-12
    assert "too many to print" in str(found)


def test_a_large_graph_is_summarised_by_module() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            self.cell = nn.Linear(2, 2)
            self.head = nn.Linear(2, 1)

        def forward(self, x: Any) -> Any:
            for _ in range(1000):
                x = self.cell(x).tanh()
            return self.head(x)

    net = Recurrent()
    found = explain(net(np.ones((1, 2), np.float32)).sum(), net)
    text = str(found)
    assert found.is_summary
    assert found.errors == {}
    assert found.formulas == {}
    assert not found.is_verified
    assert "2,002 functions" in text
    assert "too many" in text
    assert "none to verify" in text
    assert re.search(r"cell : 1,000 × linear, 1,000 × tanh; weight 2×2, bias 2", text)
    assert re.search(r"head : linear, sum; weight 1×2, bias 1", text)
    assert max(map(len, text.splitlines())) <= 80
    assert found.latex()


def test_the_limit_is_200() -> None:
    def chain(length: int) -> Tensor:
        x = tg.tensor(1.0, requires_grad=True)
        for _ in range(length):
            x = x * 1.01
        return x

    assert not explain(chain(200)).is_summary
    assert explain(chain(201)).is_summary


# --- errors -----------------------------------------------------------------------------------------------------------


def teaches(error: type[Exception], match: str, *args: Any, **how: Any) -> None:
    """Assert that `explain` raises this error with this message."""
    with pytest.raises(error, match=match):
        explain(*args, **how)


def test_bad_calls_say_what_to_write() -> None:
    net = network([3, 2], True)
    x, y = batch([3, 2], 1)
    loss = LOSSES["mean square"](net(x), y)
    teaches(ValueError, r"shape \(1, 2\).*\.sum\(\)", net(x))
    teaches(TypeError, "a Tensor, not float", 1.0)
    teaches(TypeError, "a Tensor, not Sequential", net)
    teaches(RuntimeError, "requires_grad=True", tg.tensor(1.0))
    teaches(RuntimeError, "requires_grad=True", tg.tensor(1.0, requires_grad=True))
    with tg.no_grad():
        teaches(RuntimeError, "no_grad", LOSSES["mean square"](net(x), y))
    teaches(ValueError, '"rows" or "document"', loss, notation="columns")
    teaches(TypeError, "named_parameters", loss, [1])
    teaches(ValueError, "names: w is not in the graph", loss, names={"w": tg.tensor(1.0)})
    teaches(TypeError, "letters, digits", loss, names={"a b": net[0].weight})
    teaches(TypeError, "maps names to Tensors", loss, names={"w": 1})
    loss.backward()
    teaches(RuntimeError, "was released by backward", loss, net)


def test_a_released_graph_cannot_be_verified_again() -> None:
    net = network([3, 2], True)
    x, y = batch([3, 2], 1)
    loss = LOSSES["mean square"](net(x), y)
    found = explain(loss, net)
    loss.backward()
    assert str(found)
    with pytest.raises(RuntimeError, match="released"):
        found.verify()


def test_released_arrays_are_computed_again_unless_their_inputs_changed() -> None:
    """The gradient of `w` is a sum over both leading axes, also over the one of length 1."""
    x = tg.tensor(np.linspace(-1, 1, 48).reshape(1, 8, 6), requires_grad=True)
    w = tg.tensor(np.linspace(-1, 1, 6), requires_grad=True)
    loss = ((x + w) * 1.0).tanh().sum()
    assert "axis=(0, 1)" in str(explain(loss))
    loss = ((x + w) * 1.0).tanh().sum()
    with tg.no_grad():
        x.add_(1)
    with pytest.raises(RuntimeError, match="changed after it was computed"):
        explain(loss)
