"""`functional` returns Jacobians, Hessians and their products, without a graph unless `create_graph=True`."""

import numpy as np
from checks import equal
from hypothesis import given
from strategies import Array, leaf, numbers

import tinygrad_mlp as tg
from tinygrad_mlp.autograd import functional, grad


def field(x: tg.Tensor, w: tg.Tensor) -> tg.Tensor:
    return (x @ w).tanh() * x.sum()


@given(a=numbers((2, 3)), b=numbers((3,)), u=numbers((2,)), v=numbers((2, 3)), w=numbers((3,)))
def test_vjp_and_jvp_are_products_with_the_jacobian(a: Array, b: Array, u: Array, v: Array, w: Array) -> None:
    inputs, tangents = (tg.tensor(a), tg.tensor(b)), (tg.tensor(v), tg.tensor(w))
    in_x, in_w = (block.numpy() for block in functional.jacobian(field, inputs))
    output, (left, right) = functional.vjp(field, inputs, tg.tensor(u))
    equal(output, field(*inputs).detach())
    equal(left, np.tensordot(u, in_x, 1))
    equal(right, u @ in_w)
    output, product = functional.jvp(field, inputs, tangents)
    equal(output, field(*inputs).detach())
    equal(product, np.tensordot(in_x, v, 2) + in_w @ w)


@given(a=numbers((3,)), v=numbers((3,)))
def test_the_hessian_of_a_known_function(a: Array, v: Array) -> None:
    """The Hessian of Σ xᵢ³ + Π xᵢ has 6 xᵢ on the diagonal. Entry (i, j) is otherwise the factor besides xᵢ and xⱼ."""

    def function(x: tg.Tensor) -> tg.Tensor:
        return (x**3).sum() + x.prod()

    expected = np.diag(6 * a) + np.prod(a) / np.outer(a, a) * (1 - np.eye(3))
    x = tg.tensor(a)
    equal(functional.hessian(function, x), expected)
    for product in (functional.hvp, functional.vhp):
        output, found = product(function, x, tg.tensor(v))
        equal(output, function(x))
        equal(found, expected @ v)


def test_results_have_no_graph_without_create_graph() -> None:
    x = leaf(np.array([1.0, 2.0]))
    loss = lambda x: (x**3).sum()  # noqa: E731
    found = [
        functional.jacobian(loss, x), functional.hessian(loss, x), *functional.vjp(loss, x),
        *functional.jvp(loss, x, tg.ones(2)), *functional.vhp(loss, x, tg.ones(2)),
    ]  # fmt: skip
    assert not any(result.requires_grad for result in found)
    assert x.grad is None
    equal(grad(functional.hessian(loss, x, create_graph=True).sum(), x)[0], [6, 6])
    equal(grad(functional.jvp(loss, x, tg.ones(2), create_graph=True)[1], x)[0], [6, 12])


def test_jacobians_may_have_no_entries() -> None:
    assert functional.jacobian(lambda x: x[:0] * 2, tg.ones(3)).shape == (0, 3)
    assert functional.jacobian(lambda x: x * 2, tg.ones(0)).shape == (0, 0)


def test_functional_records_under_no_grad() -> None:
    with tg.no_grad():
        equal(functional.jacobian(lambda x: x * x, tg.tensor([3.0])), [[6]])


def test_the_vjp_of_a_constant_function_is_zero() -> None:
    x = tg.tensor([1.0, 2.0])
    output, product = functional.vjp(lambda x: tg.ones(3), x, tg.ones(3))
    np.testing.assert_array_equal(output, np.ones(3))
    np.testing.assert_array_equal(product, np.zeros(2))
