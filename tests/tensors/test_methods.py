"""Every method of Tensor computes what NumPy computes, and so does its gradient."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from checks import Method, check_answer, check_method
from hypothesis import given
from hypothesis import strategies as st
from ops import BETWEEN, sigmoid, softmax, variance
from scipy.special import erf
from strategies import Array, leaf

import tinygrad_mlp as tg
from tinygrad_mlp.tensors.named import Named

# --- methods ----------------------------------------------------------------------------------------------------------

RAMP = np.arange(6.0).reshape(2, 3)
MASK = np.array([[True, False, True], [False, False, True]])


def modulus(x: Array) -> Array:
    """|x|, continued to complex numbers near the real axis, where `complex_step` asks for it."""
    return np.asarray(x * np.sign(x.real))


# Calls on a matrix x of two rows and three columns.
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
    ("abs", lambda x: x.abs(), modulus),
    ("abs", abs, modulus),
    ("sign", lambda x: x.sign(), lambda x: np.sign(x.real)),
    ("floor", lambda x: x.floor(), lambda x: np.floor(x.real)),
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
    ("var", lambda x: x.var(False), lambda x: variance(x, axis=None)),
    ("var", lambda x: x.var(1, True, True), lambda x: variance(x, axis=1, keepdims=True) * 3 / 2),
    ("var", lambda x: x.var(dim=0, unbiased=False), lambda x: variance(x, axis=0)),
    ("var", lambda x: x.var(1, correction=None), lambda x: variance(x, axis=1) * 3 / 2),
    ("std", lambda x: (x + RAMP).std(False), lambda x: np.sqrt(variance(x + RAMP, axis=None)), -0.25, 0.25),
    ("norm", lambda x: x.norm(), lambda x: np.sqrt(np.sum(x**2)), 0.5, 2),
    ("norm", lambda x: x.norm(-1.5, 1), lambda x: np.sum(modulus(x) ** -1.5, axis=1) ** (-2 / 3), 0.5, 2),
    ("norm", lambda x: x.norm(0, 0, True), lambda x: np.sum(x != 0, axis=0, keepdims=True, dtype=float)),
    ("norm", lambda x: x.norm(1, 0), lambda x: modulus(x).sum(0)),
    ("norm", lambda x: x.norm(3, (0, 1), True), lambda x: np.sum(modulus(x) ** 3, keepdims=True) ** (1 / 3), 0.5, 2),
    ("norm", lambda x: x.norm(dim=[0, 1]), lambda x: np.sqrt(np.sum(x**2)), 0.5, 2),
    ("norm", lambda x: x.norm(0.5), lambda x: np.sum(modulus(x) ** 0.5) ** 2, 0.5, 2),
    ("norm", lambda x: x.norm(math.inf), lambda x: np.max(modulus(x)), *BETWEEN),
    ("norm", lambda x: x.norm(-math.inf, 1), lambda x: np.min(modulus(x), axis=1), *BETWEEN),
    ("prod", lambda x: x.prod(), np.prod),
    ("prod", lambda x: x.prod([0, 1]), np.prod),
    ("prod", lambda x: x.prod(1, keepdim=True), lambda x: x.prod(1, keepdims=True)),
    ("cumsum", lambda x: x.cumsum(1), lambda x: x.cumsum(1)),
    ("max", lambda x: x.max(), np.max),
    ("max", lambda x: x.max(1).values, lambda x: x.max(1)),
    ("max", lambda x: x.max(-2, keepdim=True)[0], lambda x: x.max(0, keepdims=True)),
    ("max", lambda x: x.max(x * -1), modulus),
    ("min", lambda x: x.min(x * -1), lambda x: -modulus(x)),
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
    ("mH", lambda x: x.reshape(1, 2, 3).mH, lambda x: x.T[None]),
    ("H", lambda x: x.H, lambda x: x.T),
    ("real", lambda x: x.real * x, lambda x: x * x),
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


@pytest.mark.parametrize("row", METHODS, ids=lambda row: row[0])
@given(data=st.data())
def test_methods_compute_what_numpy_computes(row: Method, data: st.DataObject) -> None:
    check_method(row, data)


X = np.array([[1.5, -2.5, 0.5], [3.5, -0.5, 3.5]])

# Methods and attributes through which no gradient passes, with their values for X.
ANSWERS: list[tuple[str, Callable[[tg.Tensor], Any], Any]] = [
    ("itemsize", lambda x: x.itemsize, 8),
    ("nbytes", lambda x: x.nbytes, 48),
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
    ("nelement", lambda x: x.nelement(), 6),
    ("shape", lambda x: (x.shape.numel(), x.size().numel(), x.shape[1:].numel(), x.shape[-1]), (6, 6, 3, 3)),
    ("is_floating_point", lambda x: (x.is_floating_point(), x.long().is_floating_point()), (True, False)),
    ("is_sparse", lambda x: (x.is_sparse, tg.eye(3).is_sparse), (False, False)),
    ("dtype", lambda x: x.dtype == np.float64, True),
    ("is_leaf", lambda x: (x.is_leaf, (x * 2).is_leaf, (x * 2).detach().is_leaf), (True, False, True)),
    ("requires_grad", lambda x: (x.requires_grad, x.detach().requires_grad), (True, False)),
    ("grad_fn", lambda x: x.grad_fn is None and (x * 2).grad_fn is not None, True),
]


@pytest.mark.parametrize(("name", "call", "expected"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_methods_without_a_gradient(name: str, call: Callable[[tg.Tensor], Any], expected: Any) -> None:
    check_answer(call(leaf(X)), expected)


# Names tested in test_in_place.py, test_dtypes.py, test_devices.py, test_leaves.py and core/test_backward.py.
TESTED_ELSEWHERE = {
    "add_", "sub_", "mul_", "div_", "clamp_", "copy_", "fill_", "normal_", "uniform_", "zero_", "float",
    "requires_grad_", "backward", "grad",
    "register_hook", "retain_grad", "bfloat16", "bool", "byte", "char", "cpu", "cuda", "device", "get_device", "half",
    "int", "is_cuda", "is_pinned", "pin_memory", "short", "type", "type_as",
}  # fmt: skip


def test_every_public_name_of_tensor_is_tested() -> None:
    public = {name for name in dir(tg.Tensor) if not name.startswith("_")} - vars(Named).keys()  # those of the tables
    tested = {row[0] for row in (*METHODS, *ANSWERS)} | TESTED_ELSEWHERE
    assert sorted(public - tested) == []
    assert sorted(name for name in tested - public if not name.startswith("function")) == []


def test_methods_are_functions_of_the_package_too() -> None:
    shared = {name for name in dir(tg.Tensor) if not name.startswith("_") and hasattr(tg, name)}
    assert {"exp", "sum", "max", "softmax", "reshape", "matmul", "lerp"} <= shared
    # Functions with other parameters than the method's, or of an attribute; and names of dtypes and devices.
    others = {"maximum", "minimum", "polygamma", "real", "split", "where"}
    for name in shared - others - {"bool", "cuda", "device", "double", "dtype", "float", "int", "long", "short"}:
        assert getattr(tg, name).__wrapped__ is getattr(tg.Tensor, name)


def test_functions_take_arrays_numbers_and_lists_as_tensor_does() -> None:
    array = np.array([[0.5, 2.0]])
    for name in ("exp", "relu", "mean", "sum", "norm", "std", "square"):
        np.testing.assert_array_equal(getattr(tg, name)(array), getattr(tg.tensor(array), name)())
    assert tg.exp([1.0]).dtype == tg.tensor([1.0]).dtype
    np.testing.assert_array_equal(tg.softmax(array, -1), tg.tensor(array).softmax(-1))
    np.testing.assert_array_equal(tg.pow(2, tg.tensor([3.0])), [8.0])
    assert tg.max(input=array, dim=1).indices.tolist() == [1]
    assert tg.zeros_like([[1, 2]]).shape == (1, 2)
    assert tg.ones_like([1.0, 2.0]).tolist() == [1, 1]
    np.testing.assert_array_equal(tg.stack([array, array]), np.stack([array, array]))


# What methods with a dim make of a Tensor without dimensions that holds 2, and their derivatives. To PyTorch, such a
# Tensor has the dims 0 and −1.
WITHOUT_DIMENSIONS: dict[str, tuple[Callable[[tg.Tensor, int], tg.Tensor], float, float]] = {
    "sum": (lambda x, dim: x.sum(dim), 2, 1),
    "sum over a list": (lambda x, dim: x.sum([dim], keepdim=True), 2, 1),
    "mean": (lambda x, dim: x.mean(dim), 2, 1),
    "var": (lambda x, dim: x.var(dim, correction=0), 0, 0),
    "std": (lambda x, dim: x.std(dim, correction=0), 0, 0),
    "prod": (lambda x, dim: x.prod(dim), 2, 1),
    "amax": (lambda x, dim: x.amax(dim), 2, 1),
    "amin": (lambda x, dim: x.amin(dim, keepdim=True), 2, 1),
    "max": (lambda x, dim: x.max(dim).values, 2, 1),
    "min": (lambda x, dim: x.min(dim, keepdim=True).values, 2, 1),
    "norm": (lambda x, dim: x.norm(dim=dim), 2, 1),
    "norm 3": (lambda x, dim: x.norm(3, dim), 2, 1),
    "logsumexp": (lambda x, dim: x.logsumexp(dim), 2, 1),
    "logsumexp over a list": (lambda x, dim: x.logsumexp([dim]), 2, 1),
    "log_softmax": (lambda x, dim: x.log_softmax(dim), 0, 0),
    "softmax": (lambda x, dim: x.softmax(dim), 1, 0),
    "cumsum": (lambda x, dim: x.cumsum(dim), 2, 1),
    "squeeze": (lambda x, dim: x.squeeze(dim), 2, 1),
    "squeeze over a list": (lambda x, dim: x.squeeze([dim]), 2, 1),
    "transpose": (lambda x, dim: x.transpose(dim, 0), 2, 1),
    "flip": (lambda x, dim: x.flip(dim), 2, 1),
    "np.sum": (lambda x, dim: np.sum(x, axis=dim), 2, 1),
    "np.max": (lambda x, dim: np.max(x, axis=dim), 2, 1),
}


@pytest.mark.parametrize("dim", [0, -1, np.int64(0)])
@pytest.mark.parametrize("name", WITHOUT_DIMENSIONS)
def test_a_tensor_without_dimensions_has_the_dims_0_and_minus_1(name: str, dim: int) -> None:
    call, value, derivative = WITHOUT_DIMENSIONS[name]
    x = leaf(np.array(2.0))
    y = call(x, dim)
    y.backward()
    assert y.shape == x.grad.shape == ()
    np.testing.assert_allclose([y.item(), x.grad.item()], [value, derivative], rtol=1e-15)
    with pytest.raises((IndexError, ValueError)):
        call(x, 1)


def test_methods_of_a_tensor_without_dimensions() -> None:
    x = leaf(np.array(2.0))
    assert x.flatten().shape == (1,)
    values, indices = x.max(0)
    assert (values.item(), indices.item()) == (2, 0)
    assert (x.argmax(0).item(), x.argmin(-1).item()) == (0, 0)
    assert (x > 0).any(-1).item() is (x > 0).all(0).item() is True
    assert x.T.shape == x.squeeze().shape == ()


def test_methods_of_a_tensor_without_entries() -> None:
    x = leaf(np.zeros((0, 3, 2)))
    assert x.flatten(1).shape == (0, 6)
    assert x.sum().item() == 0
    assert x.prod(0).tolist() == [[1, 1]] * 3
    x.sum(0).backward(np.ones((3, 2)))
    assert x.grad.shape == (0, 3, 2)


def test_softmax_and_logsumexp_over_a_dimension_without_entries() -> None:
    x = leaf(np.zeros((3, 0)))
    with np.errstate(divide="ignore"):  # of ln 0
        y = x.logsumexp(1)
        y.sum().backward()
        assert x.grad.shape == x.softmax(1).shape == x.log_softmax(-1).shape == x.softmax(0).shape == (3, 0)
    np.testing.assert_array_equal(y.detach(), [-math.inf] * 3)
    assert leaf(np.zeros((5, 0, 0))).softmax(-1).shape == (5, 0, 0)


def test_norms_of_order_0_and_of_negative_orders_where_an_entry_is_0() -> None:
    for order, value in ((0, 2), (-1, 0), (-2.5, 0)):
        x = leaf([0.0, -2.0, 3.0])
        y = x.norm(order)
        y.backward()
        assert y.item() == value
        np.testing.assert_array_equal(x.grad, [0, 0, 0])


def test_norms_of_order_below_1_have_gradient_0_at_0() -> None:
    x = leaf([0.0, 4.0])
    x.norm(0.5).backward()
    np.testing.assert_allclose(x.grad, [0, 1])
    zero = leaf([0.0, 0.0])
    zero.norm(0.5).backward()
    np.testing.assert_array_equal(zero.grad, [0, 0])


def test_an_axis_may_be_a_numpy_integer() -> None:
    x = leaf(np.arange(6.0).reshape(2, 3))
    for axis in (np.int64(0), np.int64(-1), (np.int64(0), np.int64(1))):
        np.testing.assert_array_equal(np.mean(x, axis=axis).detach(), np.mean(np.arange(6.0).reshape(2, 3), axis=axis))


def test_clamp_keeps_nan() -> None:
    x = tg.tensor([math.nan, -math.inf, math.inf])
    np.testing.assert_array_equal(x.clamp(-1, 1), [math.nan, -1, 1])


def test_gradients_of_products_with_zeros() -> None:
    for factors, expected in (([0, 2, 3], [6, 0, 0]), ([0, 2, 0], [0, 0, 0]), ([], []), ([5], [1])):
        x = leaf(np.array(factors, dtype=float))
        x.prod().backward()
        np.testing.assert_array_equal(x.grad, expected)
