"""Tensor: its methods against NumPy; how it is made, indexed and changed; what it refuses, in words that teach."""

import copy
import math
import operator
import pickle
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ops import BETWEEN, Case, examples, sigmoid, variance
from scipy.special import erf, expit
from strategies import Array, indices, leaf, numbers, shapes
from test_sheet import check_gradient, check_value

import tinygrad_mlp as tg

# --- methods ----------------------------------------------------------------------------------------------------------

Method = tuple[Any, ...]  # name, call, reference and, where it is not (-2, 2), the lower and upper end of the domain

RAMP = np.arange(6.0).reshape(2, 3)
MASK = np.array([[True, False, True], [False, False, True]])


def size(x: Array) -> Array:
    """|x|, also a little off the real axis."""
    return np.asarray(x * np.sign(x.real))


def softmax(x: Array, axis: int) -> Array:
    return np.asarray(np.exp(x) / np.exp(x).sum(axis, keepdims=True))


# Of a matrix x of two rows and three columns, with the domain of its entries where it is not (-2, 2).
METHODS: list[Method] = [
    ("exp", lambda x: x.exp(), np.exp),
    ("exp2", lambda x: x.exp2(), np.exp2),
    ("expm1", lambda x: x.expm1(), np.expm1),
    ("log", lambda x: x.log(), np.log, 0.25, 4),
    ("log2", lambda x: x.log2(), np.log2, 0.25, 4),
    ("log10", lambda x: x.log10(), np.log10, 0.25, 4),
    ("log1p", lambda x: x.log1p(), np.log1p, -0.5, 4),
    ("sqrt", lambda x: x.sqrt(), np.sqrt, 0.25, 4),
    ("square", lambda x: x.square(), np.square),
    ("reciprocal", lambda x: x.reciprocal(), np.reciprocal, 0.5, 2),
    ("abs", lambda x: x.abs(), size),
    ("abs", abs, size),
    ("pow", lambda x: x.pow(3), lambda x: x**3),
    ("pow", lambda x: x.pow(-1.5), lambda x: x**-1.5, 0.5, 2),
    ("sin", lambda x: x.sin(), np.sin),
    ("cos", lambda x: x.cos(), np.cos),
    ("tan", lambda x: x.tan(), np.tan, -1, 1),
    ("asin", lambda x: x.asin(), np.arcsin, -0.75, 0.75),
    ("acos", lambda x: x.acos(), np.arccos, -0.75, 0.75),
    ("atan", lambda x: x.atan(), np.arctan),
    ("sinh", lambda x: x.sinh(), np.sinh),
    ("cosh", lambda x: x.cosh(), np.cosh),
    ("tanh", lambda x: x.tanh(), np.tanh),
    ("erf", lambda x: x.erf(), erf),
    ("sigmoid", lambda x: x.sigmoid(), sigmoid),
    ("relu", lambda x: x.relu(), lambda x: np.where(x.real > 0, x, 0)),
    ("clamp", lambda x: x.clamp(-1, 0.5), lambda x: np.where(x.real < -1, -1, np.where(x.real > 0.5, 0.5, x))),
    ("clamp", lambda x: x.clamp(min=0.5), lambda x: np.where(x.real < 0.5, 0.5, x)),
    ("clamp", lambda x: x.clamp(max=0.5), lambda x: np.where(x.real > 0.5, 0.5, x)),
    ("maximum", lambda x: x.maximum(0), lambda x: np.maximum(x, 0)),
    ("minimum", lambda x: x.minimum(0), lambda x: np.minimum(x, 0)),
    ("logaddexp", lambda x: x.logaddexp(0.5), lambda x: np.log(np.exp(x) + np.exp(0.5))),
    ("masked_fill", lambda x: x.masked_fill(MASK, 7), lambda x: np.where(MASK, 7, x)),
    ("masked_fill", lambda x: x.masked_fill(tg.tensor(MASK), 7), lambda x: np.where(MASK, 7, x)),
    ("softmax", lambda x: x.softmax(1), lambda x: softmax(x, 1)),
    ("softmax", lambda x: x.softmax(-2), lambda x: softmax(x, 0)),
    ("log_softmax", lambda x: x.log_softmax(-1), lambda x: np.log(softmax(x, 1))),
    ("logsumexp", lambda x: x.logsumexp(0), lambda x: np.log(np.exp(x).sum(0))),
    ("logsumexp", lambda x: x.logsumexp((0, 1), True), lambda x: np.log(np.exp(x).sum(keepdims=True))),
    ("logsumexp", lambda x: x.logsumexp([0, 1]), lambda x: np.log(np.exp(x).sum())),
    ("sum", lambda x: x.sum(), np.sum),
    ("sum", lambda x: x.sum(-1, keepdim=True), lambda x: x.sum(1, keepdims=True)),
    ("sum", lambda x: x.sum(dim=(0, 1)), np.sum),
    ("mean", lambda x: x.mean(), np.mean),
    ("mean", lambda x: x.mean(0), lambda x: x.mean(0)),
    ("sum", lambda x: x.sum([0, 1]), np.sum),
    ("sum", lambda x: x.sum(()), np.sum),
    ("mean", lambda x: x.mean([-1]), lambda x: x.mean(1)),
    ("mean", lambda x: x.mean((0, -1), keepdim=True), lambda x: x.mean(keepdims=True)),
    ("var", lambda x: x.var(), lambda x: variance(x, axis=None) * 6 / 5),
    ("var", lambda x: x.var(1, correction=0, keepdim=True), lambda x: variance(x, axis=1, keepdims=True)),
    ("var", lambda x: x.var([0, 1], correction=0), lambda x: variance(x, axis=None)),
    ("std", lambda x: (x + RAMP).std([0, 1], correction=0), lambda x: np.sqrt(variance(x + RAMP, axis=None)), -0.25, 1),
    ("std", lambda x: (x + RAMP).std(correction=0), lambda x: np.sqrt(variance(x + RAMP, axis=None)), -0.25, 0.25),
    ("norm", lambda x: x.norm(), lambda x: np.sqrt(np.sum(x**2)), 0.5, 2),
    ("norm", lambda x: x.norm(1, 0), lambda x: size(x).sum(0)),
    ("norm", lambda x: x.norm(3, (0, 1), True), lambda x: np.sum(size(x) ** 3, keepdims=True) ** (1 / 3), 0.5, 2),
    ("norm", lambda x: x.norm(dim=[0, 1]), lambda x: np.sqrt(np.sum(x**2)), 0.5, 2),
    ("norm", lambda x: x.norm(0.5), lambda x: np.sum(size(x) ** 0.5) ** 2, 0.5, 2),
    ("norm", lambda x: x.norm(math.inf), lambda x: np.max(size(x)), *BETWEEN),
    ("norm", lambda x: x.norm(-math.inf, 1), lambda x: np.min(size(x), axis=1), *BETWEEN),
    ("prod", lambda x: x.prod(), np.prod),
    ("prod", lambda x: x.prod([0, 1]), np.prod),
    ("prod", lambda x: x.prod(1, keepdim=True), lambda x: x.prod(1, keepdims=True)),
    ("cumsum", lambda x: x.cumsum(1), lambda x: x.cumsum(1)),
    ("max", lambda x: x.max(), np.max),
    ("max", lambda x: x.max(1).values, lambda x: x.max(1)),
    ("max", lambda x: x.max(-2, keepdim=True)[0], lambda x: x.max(0, keepdims=True)),
    ("max", lambda x: x.max(x * -1), size),
    ("min", lambda x: x.min(x * -1), lambda x: -size(x)),
    ("min", lambda x: x.min(), np.min),
    ("min", lambda x: x.min(dim=0).values, lambda x: x.min(0)),
    ("amax", lambda x: x.amax((0, 1)), np.max),
    ("amax", lambda x: x.amax([0, 1]), np.max),
    ("amin", lambda x: x.amin([1]), lambda x: x.min(1)),
    ("amin", lambda x: x.amin(1, True), lambda x: x.min(1, keepdims=True)),
    ("reshape", lambda x: x.reshape(3, 2), lambda x: x.reshape(3, 2)),
    ("reshape", lambda x: x.reshape((-1, 1, 2)), lambda x: x.reshape(3, 1, 2)),
    ("view", lambda x: x.view(-1), lambda x: x.reshape(6)),
    ("flatten", lambda x: x.flatten(), lambda x: x.reshape(6)),
    ("flatten", lambda x: x.reshape(1, 2, 3).flatten(1), lambda x: x.reshape(1, 6)),
    ("flatten", lambda x: x.reshape(1, 2, 3).flatten(0, 1), lambda x: x),
    ("T", lambda x: x.T, np.transpose),
    ("mT", lambda x: x.reshape(1, 2, 3).mT, lambda x: x.T[None]),
    ("t", lambda x: x.t(), np.transpose),
    ("transpose", lambda x: x.transpose(0, -1), np.transpose),
    ("permute", lambda x: x.reshape(1, 2, 3).permute(2, 0, 1), lambda x: x.T.reshape(3, 1, 2)),
    ("permute", lambda x: x.permute((-1, 0)), np.transpose),
    ("squeeze", lambda x: x.reshape(1, 2, 3, 1).squeeze(), lambda x: x),
    ("squeeze", lambda x: x.reshape(1, 2, 3, 1).squeeze(-1), lambda x: x[None]),
    ("squeeze", lambda x: x.reshape(1, 2, 3, 1).squeeze([0, 3]), lambda x: x),
    ("squeeze", lambda x: x.reshape(1, 2, 3, 1).squeeze((0, 1)), lambda x: x[..., None]),
    ("unsqueeze", lambda x: x.unsqueeze(1), lambda x: x[:, None]),
    ("unsqueeze", lambda x: x.unsqueeze(-1), lambda x: x[..., None]),
    ("broadcast_to", lambda x: x.broadcast_to((2, 2, 3)), lambda x: np.stack([x, x])),
    ("expand", lambda x: x.unsqueeze(1).expand(2, 4, -1), lambda x: np.stack([x] * 4, 1)),
    ("repeat", lambda x: x.repeat(2, 1, 2), lambda x: np.tile(x, (2, 1, 2))),
    ("flip", lambda x: x.flip(0, -1), np.flip),
    ("flip", lambda x: x.flip([1]), np.fliplr),
    ("roll", lambda x: x.roll(2), lambda x: np.roll(x, 2)),
    ("roll", lambda x: x.roll([1, -1], [0, 1]), lambda x: np.roll(x, (1, -1), (0, 1))),
    ("roll", lambda x: x.roll((1, -1), (0, 1)), lambda x: np.roll(x, (1, -1), (0, 1))),
    ("diagonal", lambda x: x.diagonal(1), lambda x: np.diagonal(x, 1)),
    ("tril", lambda x: x.tril(-1), lambda x: np.tril(x, -1)),
    ("triu", lambda x: x.triu(), np.triu),
    ("clone", lambda x: x.clone(), lambda x: x),
    ("to", lambda x: x.to(np.float64), lambda x: x),
    ("double", lambda x: x.double(), lambda x: x),
    ("matmul", lambda x: x.matmul(MASK.T * 1.0), lambda x: x @ MASK.T),
    ("matmul", lambda x: [1.0, 2.0] @ x @ [1.0, 2.0, 3.0], lambda x: np.array([1, 2]) @ x @ np.array([1, 2, 3])),
    ("mm", lambda x: x.mm(x.T), lambda x: x @ x.T),
    ("outer", lambda x: x[0].outer(x[1]), lambda x: np.outer(x[0], x[1])),
    ("function cat", lambda x: tg.cat([x, 2 * x], 1), lambda x: np.concatenate([x, 2 * x], 1)),
    ("function stack", lambda x: tg.stack([x, 2 * x], -1), lambda x: np.stack([x, 2 * x], -1)),
    ("function where", lambda x: tg.where(MASK, x, -x), lambda x: np.where(MASK, x, -x)),
    ("function maximum", lambda x: tg.maximum(x, 0.0), lambda x: np.maximum(x, 0)),
    ("function minimum", lambda x: tg.minimum(x, 0.0), lambda x: np.minimum(x, 0)),
    ("function einsum", lambda x: tg.einsum("ij,kj->ik", x, x), lambda x: x @ x.T),
]  # fmt: skip


def method_case(row: Method) -> Case:
    name, call, reference, *domain = row
    method = getattr(tg, name.removeprefix("function ")) if name.startswith("function") else getattr(tg.Tensor, name)
    drawn = numbers((2, 3), *domain).map(lambda x: ((x,), {}))
    return Case(method.fget if isinstance(method, property) else method, drawn, reference, call)


@pytest.mark.parametrize("row", METHODS, ids=lambda row: row[0])
@given(data=st.data())
def test_methods(row: Method, data: st.DataObject) -> None:
    example = data.draw(examples(method_case(row)))
    check_value(example)
    check_gradient(example)


X = np.array([[1.5, -2.5, 0.5], [3.5, -0.5, 3.5]])

# What methods answer about X, where no gradient passes.
ANSWERS: list[tuple[str, Callable[[tg.Tensor], Any], Any]] = [
    ("sign", lambda x: x.sign(), np.sign(X)),
    ("floor", lambda x: x.floor(), np.floor(X)),
    ("long", lambda x: x.long(), X.astype(np.int64)),
    ("argmax", lambda x: x.argmax(), 3),
    ("argmax", lambda x: x.argmax(1, keepdim=True), [[0], [0]]),
    ("argmin", lambda x: x.argmin(0), [0, 0, 0]),
    ("max", lambda x: x.max(1).indices, [0, 0]),
    ("min", lambda x: x.min(1, keepdim=True).indices, [[1], [1]]),
    ("any", lambda x: (x > 3).any(), True),
    ("any", lambda x: (x > 3).any(dim=0, keepdim=True), [[True, False, True]]),
    ("any", lambda x: (x > 3).any([0, 1]), True),
    ("all", lambda x: (x > 0).all([1]), [False, False]),
    ("all", lambda x: (x > -3).all(), True),
    ("all", lambda x: (x > 0).all(1), [False, False]),
    ("detach", lambda x: x.detach(), X),
    ("data", lambda x: x.data, X),
    ("numpy", lambda x: x.numpy(force=True), X),
    ("tolist", lambda x: x.tolist(), X.tolist()),
    ("item", lambda x: x[0, 1].item(), -2.5),
    ("size", lambda x: x.size(), (2, 3)),
    ("size", lambda x: x.size(-1), 3),
    ("shape", lambda x: x.shape, (2, 3)),
    ("dim", lambda x: x.dim(), 2),
    ("ndim", lambda x: x.ndim, 2),
    ("numel", lambda x: x.numel(), 6),
    ("dtype", lambda x: x.dtype == np.float64, True),
    ("is_leaf", lambda x: (x.is_leaf, (x * 2).is_leaf, (x * 2).detach().is_leaf), (True, False, True)),
    ("requires_grad", lambda x: (x.requires_grad, x.detach().requires_grad), (True, False)),
    ("grad_fn", lambda x: x.grad_fn is None and (x * 2).grad_fn is not None, True),
]


@pytest.mark.parametrize(("name", "call", "expected"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_answers(name: str, call: Callable[[tg.Tensor], Any], expected: Any) -> None:
    answer = call(leaf(X))
    np.testing.assert_array_equal(answer, expected)
    assert np.shape(answer) == np.shape(expected)
    assert getattr(answer, "requires_grad", False) is False


# Names whose tests stand elsewhere: below, in test_graph.py and in test_memory.py.
ELSEWHERE = {
    "add_", "sub_", "mul_", "div_", "copy_", "fill_", "zero_", "float", "requires_grad_", "backward", "grad",
    "register_hook", "retain_grad",
}  # fmt: skip


def test_every_public_name_of_tensor_is_tested() -> None:
    public = {name for name in dir(tg.Tensor) if not name.startswith("_")}
    tested = {row[0] for row in (*METHODS, *ANSWERS)} | ELSEWHERE
    assert sorted(public - tested) == []
    assert sorted(name for name in tested - public if not name.startswith("function")) == []


def test_methods_are_functions_of_the_package_too() -> None:
    shared = {name for name in dir(tg.Tensor) if not name.startswith("_") and hasattr(tg, name)}
    assert {"exp", "sum", "max", "softmax", "reshape", "matmul"} <= shared
    for name in shared - {"maximum", "minimum"}:  # which take a number first, too
        assert getattr(tg, name) is getattr(tg.Tensor, name)


# --- made of what -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, "float32"), (2, "int64"), (True, "bool"), ([1.0, 2.0], "float32"), ([1, 2.0], "float32"), ([1], "int64"),
        ([True, False], "bool"), ([], "float32"), ((1.0, 2.0), "float32"), (np.float64(1.5), "float64"),
        (np.float32(1.5), "float32"), (np.ones(2), "float64"), (np.ones(2, np.float32), "float32"),
        (np.ones(2, np.int32), "int32"), (np.ones(2, np.uint8), "uint8"), ([[1.0], [2.0]], "float32"),
    ],
)  # fmt: skip
def test_the_dtype_of_what_a_tensor_is_made_of(data: Any, dtype: str) -> None:
    made = tg.tensor(data)
    assert made.dtype == dtype
    np.testing.assert_array_equal(made, data)
    assert tg.tensor(made).dtype == dtype
    assert (made.requires_grad, made.grad, made.is_leaf) == (False, None, True)


def test_an_explicit_dtype_wins() -> None:
    assert tg.tensor([1, 2], dtype=np.float64).dtype == np.float64
    assert tg.tensor(np.ones(2), dtype="float32", requires_grad=True).dtype == np.float32


def test_the_default_dtype_can_be_set() -> None:
    tg.set_default_dtype(np.float64)
    try:
        for dtype in (tg.get_default_dtype(), tg.tensor(1.5).dtype, tg.tensor([1.0]).dtype, tg.zeros(2).dtype):
            assert dtype == np.float64
        assert "dtype" not in repr(tg.tensor(1.5))
        assert tg.tensor(1).dtype == np.int64
    finally:
        tg.set_default_dtype(np.float32)
    for dtype in (np.int64, np.float16, "int32"):
        with pytest.raises(TypeError, match="float32 or float64"):
            tg.set_default_dtype(dtype)
    assert tg.get_default_dtype() == np.float32


def test_lists_may_hold_tensors_and_arrays() -> None:
    with pytest.warns(UserWarning, match=r"no gradient passes through: write stack\(\[...\]\)") as warned:
        made = tg.tensor([tg.tensor([1.0, 2.0], requires_grad=True), np.array([3.0, 4.0], np.float32), [5, 6]])
    assert warned[0].filename == __file__
    np.testing.assert_array_equal(made, [[1, 2], [3, 4], [5, 6]])
    assert not made.requires_grad


def test_a_list_of_many_tensors_warns_once() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        tg.tensor([tg.tensor(1.0, requires_grad=True) for _ in range(5)])
    assert len(seen) == 1


def test_numbers_in_a_list_of_tensors_keep_their_digits() -> None:
    third = tg.tensor(np.array([1 / 3]))
    assert tg.tensor([third], dtype=np.float64).tolist() == [[1 / 3]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("text", "real numbers"), ([1, [2, 3]], "rectangular arrangement"), (None, "real numbers"), (1j, "real"),
        ({"a": 1}, "real numbers"), ([object()], "real numbers"), (np.array(["a"]), "real numbers"),
    ],
)  # fmt: skip
def test_a_tensor_is_made_of_numbers(data: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        tg.tensor(data)


def test_only_floating_tensors_require_gradients() -> None:
    for data in (1, [True], np.ones(2, np.int32)):
        with pytest.raises(RuntimeError, match=r"floating Tensors can require a gradient, not \w+: .*\.float\(\)"):
            tg.tensor(data, requires_grad=True)
    x = tg.tensor([1.0])
    x.requires_grad = True
    assert x.requires_grad
    assert x.requires_grad_(False) is x
    assert not x.requires_grad


def test_a_computed_tensor_cannot_stop_requiring_its_gradient() -> None:
    y = leaf(X) * 2
    assert y.requires_grad_() is y
    with pytest.raises(RuntimeError, match=r"\.detach\(\)"):
        y.requires_grad_(False)


def test_a_tensor_is_a_copy_and_from_numpy_is_not() -> None:
    array = np.zeros(3)
    made, shared = tg.tensor(array), tg.from_numpy(array)
    array[0] = 1
    np.testing.assert_array_equal(made, [0, 0, 0])
    np.testing.assert_array_equal(shared, [1, 0, 0])
    shared.add_(1)
    np.testing.assert_array_equal(array, [2, 1, 1])


# --- float(), .to() and back ------------------------------------------------------------------------------------------


def test_dtypes_change_and_gradients_return_to_theirs() -> None:
    x = tg.tensor([1.5, 2.5], requires_grad=True)
    assert x.float() is x
    assert x.to(np.float32) is x
    (x.double() * np.array([2.0, 3.0])).sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 3])
    assert x.grad.dtype == np.float32
    assert x.double().float().dtype == np.float32


def test_no_gradient_passes_through_integers() -> None:
    x = tg.tensor([1.5, 2.5], requires_grad=True)
    assert not x.long().requires_grad
    assert not (x.long().float() * 2).requires_grad


def test_integers_become_floats_where_the_result_is_no_integer() -> None:
    np.testing.assert_array_equal(tg.tensor([2, 4]).reciprocal(), [0.5, 0.25])
    assert (tg.tensor([2**40]) ** 2.0).item() == pytest.approx(2.0**80, rel=1e-12)
    assert (tg.tensor([3]) ** 2).dtype == np.int64


def test_python_floats_are_chosen_as_the_default_dtype() -> None:
    assert tg.where(tg.tensor([True, False]), 1.0, 0).dtype == np.float32
    assert tg.where(tg.tensor([True, False]), True, 0.5).dtype == np.float32
    assert tg.where(tg.tensor([True, False]), True, 1).dtype == np.int64
    assert tg.where(tg.tensor([True, False]), 1.0, tg.tensor(0.0).double()).dtype == np.float64


def test_to_takes_a_dtype() -> None:
    with pytest.raises(TypeError, match="dtype"):
        tg.tensor([1.0]).to("cuda")
    with pytest.raises(TypeError, match="not None"):
        tg.tensor([1.0]).to(None)
    with pytest.raises(TypeError, match="real numbers, integers or booleans, not complex128"):
        tg.tensor([1.0]).to(np.complex128)


# --- operators, from either side --------------------------------------------------------------------------------------

OPERATORS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.eq, operator.ne, operator.lt,
    operator.le, operator.gt, operator.ge, operator.mod, operator.floordiv,
]  # fmt: skip
A, B = np.array([[0.5, 1.5, 2.0]]), np.array([[1.0], [2.0]])
OTHERS = [B, 2, 2.0, True, np.float64(2), np.int64(2), np.array(2.0), np.array([2, 1, 3])]


@pytest.mark.parametrize("operation", OPERATORS, ids=lambda operation: operation.__name__)
@pytest.mark.parametrize("other", OTHERS, ids=lambda other: f"{type(other).__name__}{np.shape(other)}")
def test_operators_work_from_either_side(operation: Callable[[Any, Any], Any], other: Any) -> None:
    x = leaf(A)
    for given_other in (other, tg.tensor(other)):
        for result, expected in [
            (operation(x, given_other), operation(A, other)),
            (operation(given_other, x), operation(other, A)),
        ]:
            assert type(result) is tg.Tensor
            np.testing.assert_allclose(result.detach(), expected, rtol=1e-15)
            assert result.dtype == np.asarray(expected).dtype
            assert result.requires_grad == (result.dtype != np.bool_ and operation is not operator.floordiv)


def test_a_tensor_is_not_none() -> None:
    assert (leaf(X) == None) is False  # noqa: E711
    assert (leaf(X) != None) is True  # noqa: E711


def test_matrix_products_from_either_side() -> None:
    x = leaf(X)
    vectors = [(np.ones(2), x), (x, np.ones(3)), ([1.0, 1.0], x), (x, [1.0, 1.0, 1.0])]
    for left, right in [(x, X.T), (X.T, x), (x, x.T), *vectors]:
        product = left @ right
        plain = [np.asarray(o.detach() if isinstance(o, tg.Tensor) else o) for o in (left, right)]
        assert type(product) is tg.Tensor
        np.testing.assert_allclose(product.detach(), plain[0] @ plain[1])
    assert (x[0] @ x[1]).shape == ()


def test_lists_are_operands_too() -> None:
    x = leaf(A)
    np.testing.assert_array_equal((x - [1, 2, 3]).detach(), A - [1, 2, 3])
    np.testing.assert_array_equal(([1, 2, 3] * x).detach(), A * [1, 2, 3])


def test_unary_operators() -> None:
    x = leaf(X)
    assert +x is x
    np.testing.assert_array_equal((-x).detach(), -X)
    np.testing.assert_array_equal(abs(x).detach(), abs(X))
    np.testing.assert_array_equal(~(x > 0), X <= 0)
    np.testing.assert_array_equal((x > 0) & (x < 1), (X > 0) & (X < 1))
    np.testing.assert_array_equal((x > 3) | (x < 0), (X > 3) | (X < 0))


@pytest.mark.parametrize("operation", [operator.and_, operator.or_, operator.xor])
def test_logic_works_from_either_side(operation: Callable[[Any, Any], Any]) -> None:
    for one, other in [(X > 0, tg.tensor(X > 1)), (tg.tensor(X > 0), X > 1)]:
        np.testing.assert_array_equal(operation(one, other), operation(X > 0, X > 1))


def test_logic_of_integers_is_bitwise() -> None:
    """As in PyTorch and NumPy: 6 & 3 is 2 and ~6 is −7, never True; of floats there is none."""
    for operation in (lambda x: x & 3, lambda x: 3 | x, lambda x: 3 ^ x, operator.inv):
        np.testing.assert_array_equal(operation(tg.tensor([6])), operation(np.array([6])))
        with pytest.raises(TypeError, match=r"bitwise|invert"):
            operation(tg.tensor([6.0]))


def test_shapes_that_do_not_fit_are_named_with_the_line() -> None:
    x = leaf(X)
    with pytest.raises(ValueError, match=r"add at test_tensor.py:\d+ of shapes \(2, 3\) and \(4,\)"):
        x + np.ones(4)
    with pytest.raises(ValueError, match=r"matmul at test_tensor.py:\d+ of shapes \(2, 3\) and \(2, 3\)"):
        x @ x
    with pytest.raises(ValueError, match=r"reshape at test_tensor.py:\d+ of shapes \(2, 3\)"):
        x.reshape(4)


# --- NumPy's functions ------------------------------------------------------------------------------------------------


NUMPY_CALLS: list[Callable[[Any], Any]] = [
    np.exp, expit, np.square, np.abs, np.sum, np.transpose, np.linalg.norm, np.add.reduce, np.minimum.reduce, np.ravel,
    lambda x: np.add.reduce(x, 1), lambda x: np.add.reduce(x, axis=None), lambda x: np.maximum.reduce(x, axis=1),
    lambda x: np.sum(x, 0), lambda x: np.sum(x, axis=-1, keepdims=True), lambda x: np.max(x, 1),
    lambda x: np.mean(x, (0, 1)), lambda x: np.var(x, ddof=1), lambda x: np.clip(x, 0, 1), lambda x: np.flip(x, 0),
    lambda x: np.reshape(x, (3, 2)), lambda x: np.reshape(x, -1), lambda x: np.where(X > 0, x, 0),
    lambda x: np.concatenate([x, X]), lambda x: np.concatenate((x, x), axis=1), lambda x: np.matmul(x, X.T),
    lambda x: np.concatenate([x, X], axis=None), lambda x: np.stack([x, X], axis=1), lambda x: np.dot(x, X.T),
]  # fmt: skip


def test_numpy_functions_take_tensors() -> None:
    for call in NUMPY_CALLS:
        result = call(leaf(X))
        assert type(result) is tg.Tensor
        assert result.requires_grad
        np.testing.assert_allclose(result.detach(), call(X), rtol=1e-14)
    assert (np.shape(leaf(X)), np.ndim(leaf(X)), np.size(leaf(X))) == ((2, 3), 2, 6)


def test_a_function_without_a_row_is_refused_by_name() -> None:
    x = leaf(X)
    for function, name in [(np.sinc, "sinc"), (np.arctanh, "arctanh"), (np.fft.fft, "fft"), (np.median, "median")]:
        with pytest.raises(
            TypeError, match=rf"{name} has no derivative here: .*add_row\({name}, rule\).*\.detach\(\)"
        ) as error:
            function(x)
        assert error.value.__suppress_context__  # no other traceback in front of it
    for call in (lambda: np.add.accumulate(x), lambda: np.multiply.outer(x, x), lambda: np.add.at(x, 0, 1)):
        with pytest.raises(TypeError, match=r"numpy\.\w+\.\w+ is not defined for Tensors"):
            call()


def test_results_cannot_be_written_into_arrays() -> None:
    x, array = leaf(X), X.copy()
    with pytest.raises(TypeError, match="out="):
        np.exp(x, out=array)
    with pytest.raises(TypeError, match="out="):
        np.sum(x, out=array)
    with pytest.raises(TypeError, match="out="):
        array += x
    with pytest.raises(TypeError, match="out="):
        np.add(array, 1, out=x)
    np.testing.assert_array_equal(array, X)


NOT_UNDERSTOOD: list[Callable[[Any], Any]] = [
    lambda x: np.exp(x, where=X > 0),
    lambda x: np.add(x, 1, dtype=np.float32),
    lambda x: np.matmul(x, X.T, dtype=np.float32),
    lambda x: np.sum(x, initial=3),
    lambda x: np.sum(x, where=X > 0),
    lambda x: np.sum(a=x),
    lambda x: np.max(x, initial=9),
    lambda x: np.mean(x, dtype=np.float32),
    lambda x: np.var(x, where=X > 0),
    lambda x: np.argmax(a=x),
    lambda x: np.reshape(x, (3, 2), order="F"),
    lambda x: np.concatenate([x, x], dtype=np.float32),
]


@pytest.mark.parametrize("call", NOT_UNDERSTOOD)
def test_options_that_are_not_understood_are_refused(call: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        call(leaf(X))


def test_dot_is_numpys_or_refused() -> None:
    stack = np.arange(24.0).reshape(2, 3, 4)
    for left, right in [(2.0, X), (X, 2.0), (stack, X[0, :1].repeat(4)), (stack, stack.transpose(0, 2, 1))]:
        for one, other in [(leaf(np.asarray(left)), right), (left, leaf(np.asarray(right)))]:
            try:
                answer = np.dot(one, other)
            except (TypeError, ValueError):
                continue
            np.testing.assert_array_equal(answer.detach(), np.dot(left, right))


def test_where_with_a_condition_alone_is_numpys_or_refused() -> None:
    try:
        answer = np.where(tg.tensor(X) > 0)
    except TypeError:
        return
    np.testing.assert_array_equal(answer, np.where(X > 0))


# --- indexing ---------------------------------------------------------------------------------------------------------


@given(data=st.data())
def test_an_index_takes_what_numpys_takes(data: st.DataObject) -> None:
    array = data.draw(shapes().flatmap(numbers))
    index = data.draw(indices(array.shape))
    x = leaf(array)
    np.testing.assert_array_equal(x[index].detach(), array[index])
    parts = index if isinstance(index, tuple) else (index,)
    as_tensors = tuple(tg.tensor(part) if isinstance(part, np.ndarray) else part for part in parts)
    y = x[as_tensors if isinstance(index, tuple) else as_tensors[0]]
    np.testing.assert_array_equal(y.detach(), array[index])
    cotangent = data.draw(numbers(y.shape))
    y.backward(cotangent)
    expected = np.zeros_like(array)
    np.add.at(expected, index, cotangent)
    np.testing.assert_allclose(x.grad, expected, rtol=1e-12, atol=1e-12)


def test_positions_that_repeat_collect_all_their_gradients() -> None:
    for index in ([0, 2, 0], np.array([0, 2, 0]), tg.tensor([0, 2, 0]), [tg.tensor(0), tg.tensor(2), tg.tensor(0)]):
        x = leaf(np.zeros(3))
        x[index].backward([1, 2, 4])
        np.testing.assert_array_equal(x.grad, [5, 0, 2])


def test_an_index_outside_is_an_index_error() -> None:
    with pytest.raises(IndexError, match="out of bounds"):
        leaf(X)[2]
    with pytest.raises(IndexError):
        leaf(X)[0, 0, 0]


# --- in place ---------------------------------------------------------------------------------------------------------

IN_PLACE: dict[str, tuple[Callable[[Any], Any], Callable[[Array], Any]]] = {
    "add_": (lambda x: x.add_(0.25), lambda a: a + 0.25),
    "add_ with alpha": (lambda x: x.add_(tg.tensor([1.0, 2.0, 3.0]), alpha=-0.5), lambda a: a - [0.5, 1, 1.5]),
    "sub_": (lambda x: x.sub_(2), lambda a: a - 2),
    "sub_ with alpha": (lambda x: x.sub_([1.0, 2.0, 3.0], alpha=2), lambda a: a - [2, 4, 6]),
    "mul_": (lambda x: x.mul_(2), lambda a: a * 2),
    "div_": (lambda x: x.div_(2), lambda a: a / 2),
    "copy_": (lambda x: x.copy_(np.array([7, 8, 9])), lambda a: a * 0 + [7, 8, 9]),
    "fill_": (lambda x: x.fill_(9), lambda a: a * 0 + 9),
    "zero_": (lambda x: x.zero_(), lambda a: a * 0),
    "+=": (lambda x: operator.iadd(x, np.ones(3)), lambda a: a + 1),
    "-=": (lambda x: operator.isub(x, 1), lambda a: a - 1),
    "*=": (lambda x: operator.imul(x, 3), lambda a: a * 3),
    "/=": (lambda x: operator.itruediv(x, 4), lambda a: a / 4),
    "**=": (lambda x: operator.ipow(x, 3), lambda a: a**3),
    "//=": (lambda x: operator.ifloordiv(x, 0.5), lambda a: a // 0.5),
    "%=": (lambda x: operator.imod(x, 0.75), lambda a: a % 0.75),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_operations(name: str) -> None:
    change, expected = IN_PLACE[name]
    for dtype in (np.float32, np.float64):
        x = tg.tensor(X.astype(dtype))
        memory = x.numpy()
        assert change(x) is x
        np.testing.assert_allclose(memory, expected(X), rtol=1e-6)
        assert x.dtype == dtype


@pytest.mark.parametrize("name", IN_PLACE)
def test_what_needs_its_gradient_is_not_changed_in_place(name: str) -> None:
    change, expected = IN_PLACE[name]
    x = leaf(X)
    y = x * 2
    with pytest.raises(RuntimeError, match=r"leaf that requires a gradient in place: put it under no_grad\(\)"):
        change(x)
    with pytest.raises(RuntimeError, match=r"computed Tensor that needs its gradient"):
        change(y)
    np.testing.assert_array_equal(x.detach(), X)
    np.testing.assert_array_equal(y.detach(), 2 * X)
    with tg.no_grad():
        assert change(x) is x
    np.testing.assert_allclose(x.detach(), expected(X))
    assert x.requires_grad


def test_a_value_that_needs_its_gradient_is_not_lost() -> None:
    plain, x = tg.tensor(X), leaf(X)
    for change in (plain.add_, plain.copy_, lambda value: plain.__setitem__(0, value[0])):
        with pytest.raises(RuntimeError, match="not recorded"):
            change(x)
    np.testing.assert_array_equal(plain, X)


def test_integers_of_an_index_select_before_its_arrays() -> None:
    """As in PyTorch; NumPy puts the arrays' dimension first where a slice or a new dimension is between them."""
    x = tg.tensor(np.arange(60).reshape(3, 4, 5))
    np.testing.assert_array_equal(x[1, :, [0, 2]], x.numpy()[1][:, [0, 2]])
    np.testing.assert_array_equal(x[1, None, [0, 2]], x.numpy()[1][None, [0, 2]])
    np.testing.assert_array_equal(x[[0, 2], :, tg.tensor(1)], x.numpy()[..., 1][[0, 2]])
    for positions in ([0, 2], (0, 2), range(0, 3, 2), np.array([0, 2]), tg.tensor([True, False, True, False, False])):
        for one in (1, np.int64(1), tg.tensor(1)):
            np.testing.assert_array_equal(x[one, :, positions], x.numpy()[1][:, [0, 2]])
    np.testing.assert_array_equal(x[True, 1, ..., [0, 2]], x.numpy()[1][True, :, [0, 2]])
    x[0, :, [1, 3]] = np.arange(8).reshape(4, 2)
    np.testing.assert_array_equal(x[0, :, [1, 3]], np.arange(8).reshape(4, 2))


def test_assignment_to_an_index() -> None:
    x = tg.tensor(X)
    x[0] = 7
    x[1, tg.tensor([0, 2])] = tg.tensor(np.array([8.0, 9.0]))
    x[x < 0] = 0
    np.testing.assert_array_equal(x, [[7, 7, 7], [8, 0, 9]])
    with pytest.raises(RuntimeError, match=r"assignment to an index would change a leaf.*no_grad\(\)"):
        leaf(X)[0] = 1
    with pytest.raises(ValueError, match="broadcast"):
        x[0] = np.ones(4)
    with pytest.raises(IndexError):
        x[7] = 0


def test_integers_do_not_take_fractions_in_place() -> None:
    x = tg.tensor([1, 2])
    with pytest.raises(TypeError, match="cast"):
        x.add_(0.5)
    np.testing.assert_array_equal(x, [1, 2])


def test_new_data_has_the_old_shape_and_dtype() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    x.data = np.array([3.0, 4.0])
    assert x.dtype == np.float32
    x.data = tg.tensor([5.0, 6.0])
    np.testing.assert_array_equal(x.detach(), [5, 6])
    with pytest.raises(ValueError, match=r"data of shape \(3,\) cannot replace data of shape \(2,\)"):
        x.data = np.ones(3)


def test_a_gradient_that_is_given_fits() -> None:
    x = leaf(X)
    x.grad = tg.tensor(X)
    (x * 2).sum().backward()
    np.testing.assert_array_equal(x.grad, X + 2)
    for wrong in (tg.tensor([1.0]), X, 3):
        with pytest.raises(ValueError, match=r"None or a Tensor of shape \(2, 3\), not"):
            x.grad = wrong  # type: ignore[assignment]
    with pytest.raises(RuntimeError, match="float64 cannot be one of float32") as caught:
        x.grad = tg.tensor(X).float()
    assert isinstance(caught.value, TypeError)
    np.testing.assert_array_equal(x.grad, X + 2)
    for other in (tg.tensor(X), x * 2):
        other.grad = None
        with pytest.raises(RuntimeError, match="only a leaf that requires a gradient"):
            other.grad = tg.tensor(X)


def test_a_computed_tensor_says_that_it_keeps_no_gradient() -> None:
    x = leaf(X)
    y, kept = x * 2, x * 3
    kept.retain_grad()
    y.register_hook(lambda gradient: None)
    assert kept.grad is None  # not yet, but asked for
    (y + kept).sum().backward()
    with pytest.warns(UserWarning, match=r"call retain_grad\(\) on it before backward") as caught:
        assert y.grad is None
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(kept.grad, np.ones_like(X))
    assert y.detach().grad is None


# --- Python's protocols -----------------------------------------------------------------------------------------------


def test_a_tensor_of_one_entry_is_a_number() -> None:
    for data in (2.5, [2.5], [[2.5]]):
        x = leaf(np.array(data))
        assert (float(x), int(x), bool(x), x.item()) == (2.5, 2, True, 2.5)
    assert not bool(tg.tensor(0.0))
    assert [10, 20, 30][tg.tensor(1)] == 20
    assert type(tg.tensor(3).item()) is int


def test_a_tensor_of_many_entries_is_not() -> None:
    x = tg.tensor(X)
    for convert in (float, int, tg.Tensor.item):
        with pytest.raises(ValueError, match=r"\(2, 3\)"):
            convert(x)
    with pytest.raises(RuntimeError, match=r"truth of a Tensor of shape \(2, 3\) is ambiguous: use \.any\(\)"):
        bool(x)
    with pytest.raises((RuntimeError, ValueError), match=r"\(0,\)"):
        bool(tg.tensor([]))
    with pytest.raises(TypeError, match="integer Tensor"):
        [1, 2][tg.tensor(1.0)]


def test_a_tensor_is_a_sequence_of_its_rows() -> None:
    x = leaf(X)
    assert len(x) == 2
    rows = list(x)
    for row, expected in zip(rows, X, strict=True):
        np.testing.assert_array_equal(row.detach(), expected)
    (rows[0] * rows[1]).sum().backward()
    np.testing.assert_array_equal(x.grad, X[::-1])
    with pytest.raises(TypeError):
        len(tg.tensor(1.0))
    with pytest.raises(TypeError, match=r"iterated over: use item\(\)"):
        iter(tg.tensor(1.0))


def test_tensors_are_keys_by_identity() -> None:
    x, twin = tg.tensor([1.0]), tg.tensor([1.0])
    assert {x: 1, twin: 2}[x] == 1
    assert len({x, twin, x}) == 2


def test_arrays_of_tensors_share_or_copy_as_asked() -> None:
    x = tg.tensor(X)
    assert np.shares_memory(np.asarray(x), x.numpy())
    assert not np.shares_memory(np.array(x), x.numpy())
    assert np.asarray(x, dtype=np.float32).dtype == np.float32
    for lose in (np.asarray, tg.Tensor.numpy):
        with pytest.raises(RuntimeError, match=r"requires a gradient would lose it: write \.detach\(\)\.numpy\(\)"):
            lose(leaf(X))
    assert np.shares_memory(leaf(X).numpy(force=True), X) is False


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (tg.tensor([1.0, 2.5]), "tensor([1.0, 2.5])"),
        (tg.tensor(1.0), "tensor(1.)"),
        (tg.tensor([1, 2]), "tensor([1, 2])"),
        (tg.tensor([True]), "tensor([ True])"),
        (tg.tensor(np.ones(1)), "tensor([1.], dtype=float64)"),
        (tg.tensor([1.0], requires_grad=True), "tensor([1.], requires_grad=True)"),
        (tg.tensor([1.0], requires_grad=True).exp(), "tensor([2.7183], grad_fn=<exp>)"),
        (tg.tensor(np.zeros((2, 1))), "tensor([[0.],\n        [0.]], dtype=float64)"),
        (tg.tensor([]), "tensor([])"),
    ],
)
def test_repr(x: tg.Tensor, expected: str) -> None:
    assert repr(x) == expected


def test_the_repr_of_a_large_tensor_is_short() -> None:
    assert re.fullmatch(r"tensor\(\[.*\.\.\..*\]\)", repr(tg.zeros(100_000)), re.DOTALL)
    assert len(repr(tg.zeros(100_000))) < 200


@pytest.mark.parametrize(
    "again", [copy.deepcopy, copy.copy, *(lambda x, p=p: pickle.loads(pickle.dumps(x, p)) for p in (2, 5))]
)
def test_leaves_are_pickled_and_copied(again: Callable[[tg.Tensor], tg.Tensor]) -> None:
    for x in (tg.tensor(X), leaf(X), tg.tensor([1, 2]), tg.nn.Parameter(tg.tensor(X))):
        twin = again(x)
        assert type(twin) is type(x)
        assert (twin.dtype, twin.requires_grad) == (x.dtype, x.requires_grad)
        np.testing.assert_array_equal(twin.detach(), x.detach())
        if again is not copy.copy:
            assert not np.shares_memory(twin.detach().numpy(), x.detach().numpy())


def test_a_deep_copy_keeps_what_was_shared_shared() -> None:
    x = leaf(X)
    one, other = copy.deepcopy([x, x])
    assert one is other


def test_computed_tensors_are_not_pickled_or_copied() -> None:
    y = leaf(X) * 2
    with pytest.raises((TypeError, RuntimeError), match=r"\.detach\(\)"):
        pickle.dumps(y)
    with pytest.raises((TypeError, RuntimeError), match=r"\.detach\(\)"):
        copy.deepcopy(y)
    with pytest.raises(TypeError, match=r"\.detach\(\)"):
        pickle.dumps(y.grad_fn)


# --- errors that teach ------------------------------------------------------------------------------------------------

REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: tg.tensor([1, 2]).mean(), TypeError, r"mean\(\) takes a floating Tensor, not one of int64"),
    (lambda: tg.tensor([1, 2]).var(), TypeError, "floating"),
    (lambda: tg.tensor([1.0]).var(), ValueError, "correction"),
    (lambda: leaf(X).norm("nuc"), ValueError, "fro"),
    (lambda: leaf(X).norm(0), ValueError, "positive"),
    (lambda: leaf(X).clamp(), ValueError, "min=, max= or both"),
    (lambda: tg.zeros(1, 2, 3).t(), ValueError, r"matrix, not shape \(1, 2, 3\): use transpose"),
    (lambda: leaf(X).mm(tg.zeros(3)), ValueError, r"two matrices, not shapes \(2, 3\) and \(3,\)"),
    (lambda: leaf(X).outer(tg.zeros(3)), ValueError, "two vectors"),
    (lambda: np.squeeze(leaf(X), 0), ValueError, r"cannot squeeze axis 0 of shape \(2, 3\)"),
    (lambda: np.squeeze(tg.zeros(3, 1), 5), ValueError, "out of bounds"),
    (lambda: leaf(X).repeat(2), ValueError, "2 sizes or more"),
    (lambda: leaf(X).sum(2), ValueError, "out of bounds"),
    (lambda: leaf(X).expand(4, 5), ValueError, "broadcast"),
    (lambda: leaf(X).permute(0, 0), ValueError, "repeated"),
    (lambda: np.where(leaf(X) > 0), TypeError, r"both choices, too: for indices, write numpy\.nonzero"),
    (lambda: tg.zeros(0).max(), ValueError, "zero-size"),
    (lambda: tg.cat([]), ValueError, "one Tensor or more"),
    (lambda: tg.cat([tg.zeros(2, 2), tg.zeros(3, 3)]), ValueError, "shapes"),
    (lambda: tg.einsum("ij", tg.zeros(2)), ValueError, "does not fit operand 0"),
    (lambda: tg.einsum(tg.zeros(2), tg.zeros(2)), TypeError, "string"),
    (lambda: tg.from_numpy([1.0]), TypeError, r"NumPy array, not list: use tensor\(\)"),
    (lambda: tg.from_numpy(np.array(["a"])), TypeError, "real numbers"),
    (lambda: tg.add_row(3, lambda g, y, x: g), TypeError, "belongs to a function"),  # type: ignore[arg-type]
    (lambda: tg.add_row(np.sinc, 3), TypeError, "a rule is a function of"),  # type: ignore[arg-type]
    (lambda: tg.add_row(np.sinc, lambda g, x: g), TypeError, r"1 rule is for .* takes \(g, x\)"),
    (lambda: tg.add_row(np.hypot, *[lambda g, y, a: g] * 2), TypeError, r"2 rules are for .* takes \(g, y, a\)"),
    (lambda: tg.differentiable(lambda x: x)(leaf(X)), TypeError, "write @differentiable"),
    (lambda: tg.differentiable(lambda x, y: x)(leaf(X), leaf(X)), TypeError, "write @differentiable"),
    (lambda: tg.randint(high=3), TypeError, r"write randint\(0, 10, \(2, 3\)\)"),
    (lambda: operator.iadd(tg.tensor(0.0), leaf(1.0)), RuntimeError, r"to add up losses, add loss.item\(\)"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "message"), REFUSED, ids=[row[2] for row in REFUSED])
def test_refused(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_a_number_is_formatted_as_one() -> None:
    assert f"{leaf(np.array(2.0)):.3f} {tg.tensor(7):>3d} {tg.tensor(0.5)}" == "2.000   7 0.5"
    assert f"{tg.tensor([0.5])}" == str(tg.tensor([0.5]))
    with pytest.raises(TypeError, match="format"):
        f"{tg.tensor([0.5]):.3f}"


def test_methods_of_a_tensor_without_dimensions() -> None:
    x = leaf(np.array(2.0))
    assert x.flatten().shape == (1,)
    values, indices = x.max(0)
    assert (values.item(), indices.item()) == (2, 0)
    assert x.T.shape == x.squeeze().shape == ()


def test_methods_of_a_tensor_without_entries() -> None:
    x = leaf(np.zeros((0, 3, 2)))
    assert x.flatten(1).shape == (0, 6)
    assert x.sum().item() == 0
    assert x.prod(0).tolist() == [[1, 1]] * 3
    x.sum(0).backward(np.ones((3, 2)))
    assert x.grad.shape == (0, 3, 2)


@pytest.mark.parametrize("index", [((0, 0, 1),), ([0, 0, 1],), (np.array([0, 0, 1]),), [0, 0, 1]], ids=str)
def test_positions_that_repeat_in_any_kind_of_index_add_up(index: Any) -> None:
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x[index].sum().backward()
    assert x.grad.tolist() == [2, 1, 0]


@pytest.mark.parametrize("change", [operator.iand, operator.ior, operator.ixor])
def test_bits_change_in_place(change: Callable[[Any, Any], Any]) -> None:
    bits = np.array([5, 3, 6])
    x = tg.tensor(bits)
    assert change(x, 2) is x
    np.testing.assert_array_equal(x, change(bits, 2))


def test_data_that_was_written_to_stays_where_it_is() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    alias = x.detach()
    x.data -= 0.5
    x.data *= 2
    np.testing.assert_array_equal(alias, [1, 3])
    np.testing.assert_array_equal(x.detach(), [1, 3])
    y = x * x
    x.data -= 1
    with pytest.raises(RuntimeError, match="changed"):
        y.sum().backward()
    y = x * x
    x.data = x.data
    y.sum().backward()


def test_a_number_in_a_matrix() -> None:
    assert 2.0 in tg.tensor([[1.0, 2.0]])
    assert 3.0 not in tg.tensor([[1.0, 2.0]])
    assert None not in tg.tensor([[1.0, 2.0]])


def test_a_copy_has_the_gradient_too() -> None:
    x = leaf([1.0, 2.0])
    (x * x).sum().backward()
    copied, gradient = copy.deepcopy([x, x.grad])
    assert copied.grad is gradient
    x.grad.zero_()
    np.testing.assert_array_equal(gradient, [2, 4])


def test_a_retained_gradient_can_be_dropped() -> None:
    y = leaf([1.0]) * 2
    y.retain_grad()
    for _ in range(2):
        y.grad = None
        y.sum().backward(retain_graph=True)
        np.testing.assert_array_equal(y.grad, [1])


def test_norms_below_1_have_no_slope_at_0() -> None:
    x = leaf([0.0, 4.0])
    x.norm(0.5).backward()
    np.testing.assert_allclose(x.grad, [0, 1])
    zero = leaf([0.0, 0.0])
    zero.norm(0.5).backward()
    np.testing.assert_array_equal(zero.grad, [0, 0])


def test_an_axis_may_be_an_integer_of_numpys() -> None:
    x = leaf(np.arange(6.0).reshape(2, 3))
    for axis in (np.int64(0), np.int64(-1), (np.int64(0), np.int64(1))):
        np.testing.assert_array_equal(np.mean(x, axis=axis).detach(), np.mean(np.arange(6.0).reshape(2, 3), axis=axis))
