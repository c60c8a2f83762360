"""The same program gives the same values, gradients and second derivatives here and in PyTorch.

They agree to 10⁻¹⁰ in float64, and to 10⁻⁵ in float32, where each operation rounds to 10⁻⁷. A program is a function
of the library that it runs in, called `m`, and uses only names that both libraries have.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from agreement import DTYPES, close
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import numbers

import tinygrad_mlp as tg
from tinygrad_mlp.testing.strategies import Array, Shape

torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")

each_dtype = pytest.mark.parametrize("dtype", DTYPES)
Program = Callable[..., Any]


def run(m: Any, program: Program, arrays: list[Array], cotangent: Array, direction: list[Array]) -> dict[str, Any]:
    """The output of `program` in the library `m`, its gradients, and the gradients of ⟨direction, gradients⟩."""
    leaves = [m.tensor(x, requires_grad=True) for x in arrays]
    y = program(m, *leaves)
    v = m.tensor(np.resize(cotangent, tuple(y.shape)), requires_grad=True)
    first = m.autograd.grad(y, leaves, v, create_graph=True, allow_unused=True)
    found = {"value": y, **{f"gradient {i}": g for i, g in enumerate(first)}}
    terms = [
        (g * m.tensor(d)).sum() for g, d in zip(first, direction, strict=True) if g is not None and g.requires_grad
    ]
    if terms:
        second = m.autograd.grad(sum(terms), [*leaves, v], allow_unused=True)
        # PyTorch returns zeros for some inputs that a second derivative does not depend on, and None for others.
        found |= {
            f"second derivative {i}": m.zeros_like(x) if g is None else g
            for i, (x, g) in enumerate(zip([*leaves, v], second, strict=True))
        }
    return found


def agree(program: Program, arrays: list[Array], cotangent: Array, direction: list[Array], dtype: Any) -> None:
    """Assert that both libraries find the same values and derivatives of `program`."""
    exact = run(torch, program, arrays, cotangent, direction)
    arrays, [cotangent], direction = ([x.astype(dtype) for x in each] for each in (arrays, [cotangent], direction))
    ours, theirs = (run(m, program, arrays, cotangent, direction) for m in (tg, torch))
    assert ours.keys() == theirs.keys()
    for what in theirs:
        # A program such as 1 − tanh² amplifies rounding in both libraries: allow for as much as it does in PyTorch.
        lost = 0 if theirs[what] is None else (theirs[what].detach() - exact[what].detach()).abs().max().item()
        close(ours[what], theirs[what], what, slack=10 * lost)


# --- each function ----------------------------------------------------------------------------------------------------

ANY, POSITIVE, UNIT = (-2, 2), (0.25, 3), (-0.9, 0.9)
BETWEEN = (-1.99, 2.01)  # entries lie between those drawn from ANY, so that no two are equal

# Programs of one function each, with the shape and the domain of each operand.
FUNCTIONS: dict[str, tuple[Program, list[tuple[Shape, tuple[float, float]]]]] = {
    "exp": (lambda m, x: x.exp(), [((2, 3), ANY)]),
    "exp2": (lambda m, x: m.exp2(x), [((2, 3), ANY)]),
    "expm1": (lambda m, x: x.expm1(), [((2, 3), ANY)]),
    "log": (lambda m, x: m.log(x), [((2, 3), POSITIVE)]),
    "log2": (lambda m, x: x.log2(), [((2, 3), POSITIVE)]),
    "log10": (lambda m, x: x.log10(), [((2, 3), POSITIVE)]),
    "log1p": (lambda m, x: x.log1p(), [((2, 3), POSITIVE)]),
    "sqrt": (lambda m, x: x.sqrt(), [((2, 3), POSITIVE)]),
    "square": (lambda m, x: x.square(), [((2, 3), ANY)]),
    "reciprocal": (lambda m, x: x.reciprocal(), [((2, 3), POSITIVE)]),
    "abs": (lambda m, x: abs(x), [((2, 3), ANY)]),
    "pow": (lambda m, x, y: x.pow(y), [((2, 3), POSITIVE), ((3,), ANY)]),
    "cube": (lambda m, x: x**3, [((2, 3), ANY)]),
    "remainder": (lambda m, x, y: x % y, [((2, 3), ANY), ((3,), POSITIVE)]),
    "remainder of a number": (lambda m, x: x * (x % -0.7), [((2, 3), POSITIVE)]),
    "floor division": (lambda m, x: x * (x.detach() // 0.7) + 3 // x.detach(), [((2, 3), POSITIVE)]),
    "sin": (lambda m, x: x.sin(), [((2, 3), ANY)]),
    "cos": (lambda m, x: x.cos(), [((2, 3), ANY)]),
    "tan": (lambda m, x: x.tan(), [((2, 3), UNIT)]),
    "asin": (lambda m, x: x.asin(), [((2, 3), UNIT)]),
    "acos": (lambda m, x: x.acos(), [((2, 3), UNIT)]),
    "atan": (lambda m, x: x.atan(), [((2, 3), ANY)]),
    "sinh": (lambda m, x: x.sinh(), [((2, 3), ANY)]),
    "cosh": (lambda m, x: x.cosh(), [((2, 3), ANY)]),
    "tanh": (lambda m, x: x.tanh(), [((2, 3), ANY)]),
    "sigmoid": (lambda m, x: x.sigmoid(), [((2, 3), ANY)]),
    "erf": (lambda m, x: x.erf(), [((2, 3), ANY)]),
    "relu": (lambda m, x: x.relu(), [((2, 3), ANY)]),
    "logaddexp": (lambda m, x, y: m.logaddexp(x, y), [((2, 3), ANY), ((3,), ANY)]),
    "maximum": (lambda m, x, y: m.maximum(x, y), [((2, 3), ANY), ((3,), BETWEEN)]),
    "minimum": (lambda m, x, y: m.minimum(x, y), [((2, 3), ANY), ((3,), BETWEEN)]),
    "max of two": (lambda m, x, y: m.max(x, y) - y.min(x), [((2, 3), ANY), ((3,), BETWEEN)]),
    "clamp": (lambda m, x: x.clamp(-0.7, 0.8), [((2, 3), ANY)]),
    "clamp min": (lambda m, x: m.clamp(x, min=0.1), [((2, 3), ANY)]),
    "clamp by tensors": (
        lambda m, x, a, b: x.clamp(a, b),
        [((2, 3), ANY), ((3,), (-1.99, 0.01)), ((3,), (0.01, 2.01))],
    ),
    "where": (lambda m, x, y: m.where(x > 0, x * y, y), [((2, 3), ANY), ((3,), ANY)]),
    "masked_fill": (lambda m, x: x.masked_fill(x > 0, 3.0), [((2, 3), ANY)]),
    "softmax": (lambda m, x: x.softmax(-1), [((2, 3), ANY)]),
    "log_softmax": (lambda m, x: x.log_softmax(dim=0), [((2, 3), ANY)]),
    "logsumexp": (lambda m, x: x.logsumexp(1, keepdim=True), [((2, 3), ANY)]),
    "sum": (lambda m, x: x.sum(dim=(0, 2)), [((2, 3, 2), ANY)]),
    "sum over a list": (lambda m, x: x.sum([0, 2]), [((2, 3, 2), ANY)]),
    "reductions over a list": (
        lambda m, x: x.mean([0, 2]) + x.var([0, 2]) + x.norm(dim=[0, 2]) + x.amax([0, 2]) + x.logsumexp([0, 2]),
        [((2, 3, 2), ANY)],
    ),
    "reductions over no dim": (lambda m, x: x.sum(()) + x.mean([]) + x.amax(()) + x.norm(dim=()), [((2, 3), ANY)]),
    "mean": (lambda m, x: x.mean(1, keepdim=True), [((2, 3), ANY)]),
    "var": (lambda m, x: x.var(), [((2, 3), ANY)]),
    "var, uncorrected": (lambda m, x: x.var(dim=1, correction=0, keepdim=True), [((2, 3), ANY)]),
    "std": (lambda m, x: x.std(dim=0), [((4, 3), ANY)]),
    "norm": (lambda m, x: x.norm(), [((2, 3), ANY)]),
    "norm of rows": (lambda m, x: x.norm(dim=1, keepdim=True), [((2, 3), ANY)]),
    "norm 1": (lambda m, x: x.norm(p=1), [((2, 3), ANY)]),
    "norm 3": (lambda m, x: x.norm(3, dim=0), [((2, 3), ANY)]),
    "norm inf": (lambda m, x: x.norm(float("inf")), [((2, 3), ANY)]),
    "prod": (lambda m, x: x.prod(), [((5,), ANY)]),
    "prod of rows": (lambda m, x: x.prod(1, keepdim=True), [((2, 3), ANY)]),
    "cumsum": (lambda m, x: x.cumsum(1), [((2, 3), ANY)]),
    "amax": (lambda m, x: x.amax(dim=1), [((2, 3), ANY)]),
    "amin": (lambda m, x: x.amin(0, keepdim=True), [((2, 3), ANY)]),
    "max": (lambda m, x: x.max(), [((2, 3), ANY)]),
    "max of rows": (lambda m, x: x.max(dim=1).values, [((2, 3), ANY)]),
    "min of columns": (lambda m, x: x.min(0, keepdim=True)[0], [((2, 3), ANY)]),
    "matmul": (lambda m, x, y: x @ y, [((2, 3), ANY), ((3, 4), ANY)]),
    "matmul of stacks": (lambda m, x, y: m.matmul(x, y), [((2, 1, 2, 3), ANY), ((4, 3, 2), ANY)]),
    "matmul of vectors": (lambda m, x, y: x @ y, [((3,), ANY), ((3,), ANY)]),
    "mm": (lambda m, x, y: x.mm(y), [((2, 3), ANY), ((3, 2), ANY)]),
    "outer": (lambda m, x, y: m.outer(x, y), [((2,), ANY), ((3,), ANY)]),
    "einsum": (lambda m, x, y: m.einsum("bij,bjk->bik", x, y), [((2, 1, 3), ANY), ((2, 3, 2), ANY)]),
    "einsum, implicit": (lambda m, x, y: m.einsum("ij,jk", x, y), [((2, 3), ANY), ((3, 2), ANY)]),
    "einsum of a trace": (lambda m, x: m.einsum("ii", x), [((3, 3), ANY)]),
    "einsum with dots": (lambda m, x, y: m.einsum("...i,ij->...j", x, y), [((2, 2, 3), ANY), ((3, 2), ANY)]),
    "einsum of three": (lambda m, x, y, z: m.einsum("i,ij,j->", x, y, z), [((2,), ANY), ((2, 3), ANY), ((3,), ANY)]),
    "reshape": (lambda m, x: x.reshape(3, -1), [((2, 3), ANY)]),
    "flatten": (lambda m, x: x.flatten(1), [((2, 3, 2), ANY)]),
    "transpose": (lambda m, x: x.transpose(0, 2) + 1, [((2, 3, 2), ANY)]),
    "permute": (lambda m, x: x.permute(2, 0, 1) * 2, [((2, 3, 2), ANY)]),
    "t": (lambda m, x: x.t() * x.T, [((2, 3), ANY)]),
    "squeeze": (lambda m, x: x.squeeze(1).unsqueeze(0), [((2, 1, 3), ANY)]),
    "expand": (lambda m, x: x.expand(4, -1, 3), [((2, 1), ANY)]),
    "broadcast_to": (lambda m, x: x.broadcast_to((4, 2, 3)), [((2, 1), ANY)]),
    "repeat": (lambda m, x: x.repeat(2, 1, 3), [((2, 3), ANY)]),
    "flip": (lambda m, x: x.flip(0, 1), [((2, 3), ANY)]),
    "roll": (lambda m, x: x.roll(2, 1), [((2, 3), ANY)]),
    "roll through": (lambda m, x: x.roll(-1), [((2, 3), ANY)]),
    "diagonal": (lambda m, x: x.diagonal(1, 0, 2), [((3, 2, 4), ANY)]),
    "tril": (lambda m, x: x.tril(), [((3, 3), ANY)]),
    "triu": (lambda m, x: m.triu(x, diagonal=1), [((2, 3), ANY)]),
    "cat": (lambda m, x, y: m.cat([x, y, x], dim=1), [((2, 3), ANY), ((2, 1), ANY)]),
    "stack": (lambda m, x, y: m.stack((x, y), dim=-1), [((2, 3), ANY), ((2, 3), ANY)]),
    "indexing": (lambda m, x: x[1, ::2] * x[:, 1].sum(), [((2, 3), ANY)]),
    "an integer and positions apart": (
        lambda m, x: x[1, :, [0, 2]] * x[-1, None, :, m.tensor([1, 1])].sum(),
        [((2, 2, 3), ANY)],
    ),
    "an integer, a mask and all between": (
        lambda m, x: x[:, m.tensor(1), ..., m.tensor([True, False, True])],
        [((2, 2, 2, 3), ANY)],
    ),
    "fancy indexing": (lambda m, x: x[[0, 1, 1], [2, 0, 0]], [((2, 3), ANY)]),
    "clone": (lambda m, x: x.clone() * x, [((2, 3), ANY)]),
}


@each_dtype
@pytest.mark.parametrize("name", FUNCTIONS)
@settings(max_examples=5)
@given(data=st.data())
def test_each_function_agrees(name: str, dtype: Any, data: st.DataObject) -> None:
    program, operands = FUNCTIONS[name]
    arrays = [data.draw(numbers(shape, *domain)) for shape, domain in operands]
    agree(program, arrays, data.draw(numbers((24,))), [data.draw(numbers(x.shape)) for x in arrays], dtype)


# --- ties and kinks: entries that are often equal, or 0 ---------------------------------------------------------------

# Programs with the number of their operands.
TIED: dict[str, tuple[Program, int]] = {
    "relu": (lambda m, x: x.relu(), 1),
    "abs": (lambda m, x: x.abs(), 1),
    "sqrt": (lambda m, x: x.square().sqrt(), 1),
    "clamp": (lambda m, x: x.clamp(-1.0, 1.0), 1),
    "clamp, crossed": (lambda m, x: x.clamp(1.0, -1.0), 1),
    "clamp by tensors": (lambda m, x, y: x.clamp(min=y), 2),
    "maximum": (lambda m, x, y: m.maximum(x, y), 2),
    "minimum": (lambda m, x, y: m.minimum(x, y), 2),
    "max": (lambda m, x: x.max(), 1),
    "max of rows": (lambda m, x: x.max(1).values, 1),
    "min of columns": (lambda m, x: x.min(0).values, 1),
    "amax": (lambda m, x: x.amax(1), 1),
    "amin": (lambda m, x: x.amin(), 1),
    "norm": (lambda m, x: x.norm(dim=1), 1),
    "norm 1": (lambda m, x: x.norm(1, dim=0), 1),
    "norm 1.5": (lambda m, x: x.norm(1.5), 1),
    "norm 3": (lambda m, x: x.norm(3), 1),
    "norm inf": (lambda m, x: x.norm(float("inf"), dim=1), 1),
    "std": (lambda m, x: x.std(0), 1),
    "prod": (lambda m, x: x.prod(1), 1),
    "prod of all": (lambda m, x: x.prod(), 1),
    "powers": (lambda m, x: x**0 + x**1 + x**2 + x**3, 1),
    "where": (lambda m, x, y: m.where(x > y, x, y), 2),
    "logsumexp": (lambda m, x: (1000 * x).logsumexp(1), 1),
    "sigmoid": (lambda m, x: (1000 * x).sigmoid(), 1),
    "logaddexp": (lambda m, x, y: m.logaddexp(1000 * x, 1000 * y), 2),
}


@pytest.mark.parametrize("name", TIED)
@given(data=st.data())
def test_gradients_at_ties_and_kinks_agree(name: str, data: st.DataObject) -> None:
    program, number = TIED[name]
    entries = st.lists(st.sampled_from([-1.0, 0.0, 1.0, 2.0]), min_size=6, max_size=6)
    arrays = [np.reshape(data.draw(entries), (2, 3)) for _ in range(number)]
    cotangent = data.draw(numbers((6,)))

    def gradients(m: Any) -> Any:
        leaves = [m.tensor(x, requires_grad=True) for x in arrays]
        y = program(m, *leaves)
        return m.autograd.grad(y, leaves, m.tensor(np.resize(cotangent, tuple(y.shape))))

    with np.errstate(all="ignore"):
        ours, theirs = (gradients(m) for m in (tg, torch))
    for i, (our, their) in enumerate(zip(ours, theirs, strict=True)):
        close(our, their, f"gradient {i}")


def test_powers_agree_at_special_points() -> None:
    bases, exponents = np.meshgrid([-2.0, -0.5, 0.0, 0.5, 2.0], [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0])

    def derivatives(m: Any) -> Any:
        a, b = (m.tensor(x, requires_grad=True) for x in (bases, exponents))
        first = m.autograd.grad((a**b).sum(), [a, b], create_graph=True)
        second = [m.autograd.grad(g.sum(), [a, b], retain_graph=True) for g in first]
        return [*first, *second[0], *second[1]]

    with np.errstate(all="ignore"):
        ours, theirs = (derivatives(m) for m in (tg, torch))
    for our, their in zip(ours[:2], theirs[:2], strict=True):
        close(our, their, "first derivative")
    for our, their in zip(ours[2:], theirs[2:], strict=True):
        # PyTorch has 0 or NaN for the derivatives at b = 0, and NaN for those of 0ᵇ by b, where they are finite.
        comparable = torch.tensor(exponents != 0) & ~their.isnan()
        close(our[tg.tensor(comparable.numpy())], their[comparable], "second derivative")


# --- whole programs ---------------------------------------------------------------------------------------------------

STEPS: dict[str, Program] = {
    "tanh": lambda m, a, b: a.tanh(),
    "sin": lambda m, a, b: m.sin(a),
    "sigmoid": lambda m, a, b: (a - b).sigmoid(),
    "softplus": lambda m, a, b: m.logaddexp(a, m.zeros_like(a)),
    "bell": lambda m, a, b: (-a.square()).exp(),
    "add": lambda m, a, b: a + b,
    "multiply": lambda m, a, b: a * b,
    "divide": lambda m, a, b: a / (b.square() + 1),
    "reflect": lambda m, a, b: 1 - a,
    "matmul": lambda m, a, b: (a @ b).tanh(),
    "transpose": lambda m, a, b: a.t() - b,
    "softmax": lambda m, a, b: a.softmax(1) * b,
    "standardise": lambda m, a, b: (a - a.mean(0)) / (a.var(0, correction=0) + 0.1).sqrt(),
    "row norms": lambda m, a, b: a / (1 + a.norm(dim=1, keepdim=True)),
    "cat": lambda m, a, b: m.cat([a[:2], b[2:]]),
    "roll": lambda m, a, b: a.roll(1, 0) + b.flip(1),
    "cumsum": lambda m, a, b: (a.cumsum(0) / 3).tanh(),
    "einsum": lambda m, a, b: m.einsum("ij,kj->ik", a, b).tanh(),
    "prod": lambda m, a, b: a + b.prod(1, keepdim=True).tanh(),
    "gather": lambda m, a, b: a[[0, 0, 2]] * b,
    "detach": lambda m, a, b: a * b.detach(),
}


@each_dtype
@given(data=st.data())
def test_drawn_programs_agree(dtype: Any, data: st.DataObject) -> None:
    steps = data.draw(
        st.lists(st.tuples(st.sampled_from(list(STEPS)), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=8)
    )

    def program(m: Any, *leaves: Any) -> Any:
        known = list(leaves)
        for name, i, j in steps:
            known.append(STEPS[name](m, known[-1 - i % len(known)], known[j % len(known)]))
        return m.stack(known[2:]).sum(0)  # of all that was computed from the two leaves

    arrays = [data.draw(numbers((3, 3))) for _ in range(2)]
    agree(program, arrays, data.draw(numbers((9,))), [data.draw(numbers((3, 3))) for _ in range(2)], dtype)


# --- Jacobians, Hessians and products ---------------------------------------------------------------------------------

# Functions that return one entry, each as a function that makes it for the library `m`, with the shapes of its inputs.
SCALARS: dict[str, tuple[Program, list[Shape]]] = {
    "one input": (lambda m: lambda x: (x.sin() * x.exp()).sum(), [(3,)]),
    "0-d": (lambda m: lambda x: x**3, [()]),
    "two inputs": (lambda m: lambda x, w: (x @ w).sin().square().sum(), [(2, 3), (3, 2)]),
    "one of them linear": (lambda m: lambda x, w: (x * w.exp()).sum(), [(2,), (2,)]),
    "one of them unused": (lambda m: lambda x, w: (x**3).sum(), [(2,), (3,)]),
    "linear": (lambda m: lambda x: 2 * x.sum(), [(3,)]),
    "a network": (lambda m: lambda x, w, b: ((x @ w.t() + b).sigmoid() - 0.5).square().mean(), [(4, 3), (2, 3), (2,)]),
}
VECTORS: dict[str, tuple[Program, list[Shape]]] = {
    **SCALARS,
    "elementwise": (lambda m: lambda x: x.tanh(), [(2, 3)]),
    "matrix": (lambda m: lambda x, w: x @ w, [(2, 3), (3,)]),
    "two outputs": (lambda m: lambda x, w: (x * w, (x.sin() @ w).reshape(1)), [(3,), (3,)]),
    "an output that is constant": (lambda m: lambda x: (x * 2, m.ones(2, dtype=x.dtype)), [(3,)]),
}


def same(ours: Any, theirs: Any, what: str) -> None:
    """Assert that both are equal Tensors, or tuples of the same structure that hold equal Tensors."""
    if isinstance(theirs, tuple):
        assert isinstance(ours, tuple), what
        assert len(ours) == len(theirs), what
        for i, (our, their) in enumerate(zip(ours, theirs, strict=True)):
            same(our, their, f"{what}[{i}]")
    else:
        assert ours.requires_grad == theirs.requires_grad, what
        close(ours, theirs, what)


def inputs_for(m: Any, arrays: list[Array]) -> Any:
    """The arrays as Tensors of the library `m`: a tuple, or the only one."""
    tensors = tuple(m.tensor(x) for x in arrays)
    return tensors if len(tensors) > 1 else tensors[0]


@each_dtype
@pytest.mark.parametrize("name", VECTORS)
@given(data=st.data())
def test_jacobians_agree(name: str, dtype: Any, data: st.DataObject) -> None:
    maker, shapes = VECTORS[name]
    arrays = [data.draw(numbers(shape)).astype(dtype) for shape in shapes]
    ours, theirs = (m.autograd.functional.jacobian(maker(m), inputs_for(m, arrays)) for m in (tg, torch))
    same(ours, theirs, "jacobian")


@each_dtype
@pytest.mark.parametrize("name", SCALARS)
@given(data=st.data())
def test_hessians_agree(name: str, dtype: Any, data: st.DataObject) -> None:
    maker, shapes = SCALARS[name]
    arrays = [data.draw(numbers(shape)).astype(dtype) for shape in shapes]
    ours, theirs = (m.autograd.functional.hessian(maker(m), inputs_for(m, arrays)) for m in (tg, torch))
    same(ours, theirs, "hessian")


@each_dtype
@pytest.mark.parametrize("product", ["vjp", "jvp"])
@pytest.mark.parametrize("name", VECTORS)
@given(data=st.data())
def test_jacobian_products_agree(product: str, name: str, dtype: Any, data: st.DataObject) -> None:
    maker, shapes = VECTORS[name]
    arrays = [data.draw(numbers(shape)).astype(dtype) for shape in shapes]
    outputs = maker(torch)(*(torch.tensor(x) for x in arrays))
    models = arrays if product == "jvp" else outputs if isinstance(outputs, tuple) else [outputs]
    vectors = [data.draw(numbers(tuple(model.shape))).astype(dtype) for model in models]
    create_graph = data.draw(st.booleans())
    ours, theirs = (
        getattr(m.autograd.functional, product)(maker(m), inputs_for(m, arrays), inputs_for(m, vectors), create_graph)
        for m in (tg, torch)
    )
    for our, their, what in zip(ours, theirs, ("output", product), strict=True):
        if create_graph:  # PyTorch lets some constants require a gradient
            our, their = (tuple(t.detach() for t in (x if isinstance(x, tuple) else (x,))) for x in (our, their))
        same(our, their, what)


@each_dtype
@pytest.mark.parametrize("product", ["vhp", "hvp"])
@pytest.mark.parametrize("name", SCALARS)
@given(data=st.data())
def test_hessian_products_agree(product: str, name: str, dtype: Any, data: st.DataObject) -> None:
    maker, shapes = SCALARS[name]
    arrays = [data.draw(numbers(shape)).astype(dtype) for shape in shapes]
    vectors = [data.draw(numbers(shape)).astype(dtype) for shape in shapes]
    ours, theirs = (
        getattr(m.autograd.functional, product)(maker(m), inputs_for(m, arrays), inputs_for(m, vectors))
        for m in (tg, torch)
    )
    same(ours, theirs, product)


@given(x=numbers((3,)), v=numbers((3,)))
def test_derivatives_of_products_agree(x: Array, v: Array) -> None:
    def third(m: Any) -> Any:
        leaf = m.tensor(x, requires_grad=True)
        _, product = m.autograd.functional.vhp(
            lambda x: (x**4).sum() * x.sin().sum(), leaf, m.tensor(v), create_graph=True
        )
        return m.autograd.grad(product.sum(), leaf)

    same(third(tg), third(torch), "third derivative")


# --- dtypes of lists --------------------------------------------------------------------------------------------------

ENTRIES: dict[str, Program] = {
    "float": lambda m: 0.5, "int": lambda m: 2, "bool": lambda m: True, "float32": lambda m: np.float32(0.5),
    "float64": lambda m: np.float64(0.5), "int32": lambda m: np.int32(2), "Tensor": lambda m: m.tensor(0.5),
    "wide Tensor": lambda m: m.tensor(0.5, dtype=m.float64), "Tensor of integers": lambda m: m.tensor(2),
    "Tensor of truth": lambda m: m.tensor(True),
}  # fmt: skip


@given(
    kinds=st.lists(st.sampled_from(list(ENTRIES)), max_size=4),
    nested=st.booleans(),
    default=st.sampled_from(["float32", "float64"]),
)
@example(kinds=["float", "float32"], nested=False, default="float64")
def test_tensors_made_of_lists_have_the_same_dtype(kinds: list[str], nested: bool, default: str) -> None:
    made = []
    for m in (tg, torch):
        before = m.get_default_dtype()
        m.set_default_dtype(getattr(m, default))
        try:
            entries = [ENTRIES[kind](m) for kind in kinds]
            made.append(m.tensor([entries, entries] if nested else entries))
        finally:
            m.set_default_dtype(before)
    ours, theirs = np.asarray(made[0]), made[1].numpy()
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


# --- mistakes ---------------------------------------------------------------------------------------------------------


def used(m: Any) -> Any:
    """A result whose graph was released by backward."""
    x = m.ones(2, requires_grad=True)
    y = (x * x).sum()
    y.backward()
    return y


MISTAKES: dict[str, Program] = {
    "second backward": lambda m: used(m).backward(),
    "backward of many": lambda m: (m.ones(2, requires_grad=True) * 2).backward(),
    "backward of a constant": lambda m: m.ones(2).sum().backward(),
    "gradient of an input that was not used": lambda m: m.autograd.grad(
        m.ones(2, requires_grad=True).sum(), m.ones(3, requires_grad=True)
    ),
    "gradient of an input that requires none": lambda m: m.autograd.grad(
        m.ones(2, requires_grad=True).sum(), m.ones(2)
    ),
    "materialised, but not allowed": lambda m: m.autograd.grad(
        m.ones(2, requires_grad=True).sum(), m.ones(3, requires_grad=True), allow_unused=False, materialize_grads=True
    ),
    "integers that require a gradient": lambda m: m.tensor([1, 2], requires_grad=True),
    "the truth of many": lambda m: bool(m.ones(2)),
    "float of many": lambda m: float(m.ones(2)),
    "int of many": lambda m: int(m.ones(2)),
    "numpy of what requires a gradient": lambda m: m.ones(2, requires_grad=True).numpy(),
    "a leaf written to": lambda m: m.ones(2, requires_grad=True).add_(1),
    "an index of a leaf assigned to": lambda m: m.ones(2, requires_grad=True).__setitem__(0, 1.0),
    "an array changed between forward and backward": lambda m: changed(m),
    "a Hessian of many outputs": lambda m: m.autograd.functional.hessian(lambda x: x * 2, m.ones(2)),
    "a vjp without v": lambda m: m.autograd.functional.vjp(lambda x: x * 2, m.ones(2)),
    "a jvp without v": lambda m: m.autograd.functional.jvp(lambda x: x * 2, m.ones(2)),
    "a vjp with v of another shape": lambda m: m.autograd.functional.vjp(lambda x: x * 2, m.ones(2), m.ones(3)),
    "an output that depends on nothing, strictly": lambda m: m.autograd.functional.jacobian(
        lambda x: m.ones(2), m.ones(2), strict=True
    ),
    "an input that nothing depends on, strictly": lambda m: m.autograd.functional.jacobian(
        lambda x, y: x * 2, (m.ones(2), m.ones(2)), strict=True
    ),
    "gradcheck of nothing": lambda m: m.autograd.gradcheck(lambda x: x, m.ones(2)),
    "len of a number": lambda m: len(m.tensor(1.0)),
    "a gradient of another dtype": lambda m: setattr(m.ones(2, requires_grad=True), "grad", m.ones(2, dtype=m.float64)),
    "formatting many": lambda m: f"{m.ones(2):.3f}",
    "cat of nothing": lambda m: m.cat([]),
}


def changed(m: Any) -> None:
    """Go backward after an array of the graph was changed."""
    x = m.ones(2, requires_grad=True)
    y = x * 1
    z = y * y
    with m.no_grad():
        y.add_(1)
    z.sum().backward()


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_raise_the_same_type_of_error(name: str) -> None:
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        MISTAKES[name](torch)
    with pytest.raises(theirs.type):
        MISTAKES[name](tg)
