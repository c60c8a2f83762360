"""Among Tensors and Python numbers, results and gradients have the dtypes that they have in PyTorch, and its values.

All pairs of dtypes are tried, with and without dimensions, in operators, methods and functions. NumPy's functions of
Tensors are compared with PyTorch's functions of the same meaning. What PyTorch refuses is refused here, or computed as
if the operands had been converted before.
"""

import itertools
import operator
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg

torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"]
FLOATING = DTYPES[-2:]
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}

# What PyTorch does not compute for some dtypes: a part of its message. Here such a call raises an error, or converts
# its operands first, to the dtype that PyTorch's own promotion gives them.
REFUSED_BY_PYTORCH = (
    "Subtraction, the `-` operator",  # of booleans
    "Negation, the `-` operator",
    "Boolean inputs not supported for relu",
    "does not support bool input",  # argmax
    "not implemented for",  # kernels that exist for some dtypes only, such as logaddexp of integers
    "only implemented on integer and Boolean-type tensors",  # ~
    "was resized since it had shape",  # a warning of ldexp
    "same dtype",  # products of matrices
    "can't be cast",  # in place
    "floating point or complex",  # mean and norm of integers
    "only support floating point",  # var and std
    "at least 1D",  # products of numbers, which are no matrices
    "Expected 1-D argument",
    "expects each tensor to be equal size",  # stack
    "doesn't match the broadcast shape",  # in place
    "the number of sizes provided",
)

# What this package answers otherwise, for the smallest program of each kind, and what PyTorch returns.
OTHERWISE = {
    "a power of booleans": "`tensor([True]) ** 2` is of int8, not of int64",
    "all of uint8": "`tensor([1, 2], dtype=uint8).all()` is of bool, not of uint8; so is any",
    "NumPy's sign of booleans": "`np.sign(tensor([True]))` raises; `tensor([True]).sign()` is True in both",
    "NumPy's reciprocal": "`np.reciprocal(tensor([3]))` is 0 of int64; `tensor([3]).reciprocal()` is 0.3333 in both",
}
NAMES = {
    "a power of booleans": ["square", "np.square"],
    "all of uint8": ["all", "any"],
    "NumPy's sign of booleans": ["np.sign"],
    "NumPy's reciprocal": ["np.reciprocal"],
}
WITH_NUMBERS = {"a power of booleans": ["**", "pow", ".pow"]}


def marked(names: Iterable[str], others: dict[str, list[str]]) -> list[Any]:
    """`names` as parameters of a test, some of which are expected to fail."""
    reasons = {name: OTHERWISE[kind] for kind, several in others.items() for name in several}
    return [
        pytest.param(name, marks=pytest.mark.xfail(strict=True, reason=reasons[name])) if name in reasons else name
        for name in names
    ]


@contextmanager
def default_dtype(name: str) -> Iterator[None]:
    """Let Python's floats be of the dtype `name` in both libraries."""
    before = torch.get_default_dtype(), tg.get_default_dtype()
    torch.set_default_dtype(getattr(torch, name))
    tg.set_default_dtype(name)
    try:
        yield
    finally:
        torch.set_default_dtype(before[0])
        tg.set_default_dtype(before[1])


each_default = pytest.mark.parametrize("default", FLOATING)


def attempt(function: Callable[..., Any], *operands: Any) -> Any:
    """The result of a call, or its error."""
    try:
        with np.errstate(all="ignore"):
            return function(*operands)
    except Exception as error:
        return error


def dtype_of(x: Any) -> str:
    return str(x.dtype).removeprefix("torch.")


def difference(ours: Any, theirs: Any, tolerance: float | None = None) -> str | None:
    """What differs between two Tensors, or None."""
    if not isinstance(ours, tg.Tensor):
        return f"{ours!r} for {theirs!r}"
    if (dtype_of(ours), tuple(ours.shape)) != (dtype_of(theirs), tuple(theirs.shape)):
        return f"{dtype_of(ours)} {tuple(ours.shape)} for {dtype_of(theirs)} {tuple(theirs.shape)}"
    if tolerance is None:
        tolerance = TOLERANCE.get(dtype_of(theirs), 0)
    if not np.allclose(ours.tolist(), theirs.tolist(), rtol=tolerance, atol=tolerance, equal_nan=True):
        return f"{ours.tolist()} for {theirs.tolist()}"
    return None


def is_known(error: Exception) -> bool:
    return any(part in str(error) for part in REFUSED_BY_PYTORCH)


def compared(ours: Any, theirs: Any, converted: Callable[..., Any]) -> str | None:
    """What is wrong with `ours`, a result or an error, where PyTorch has `theirs`; None if nothing is.

    `converted` computes what is right if PyTorch refuses the call. Called with True it has to say what the entries are,
    of whatever dtype: PyTorch computes little of booleans, and logaddexp of floats alone.
    """
    if not isinstance(theirs, Exception):
        return difference(ours, theirs)
    if not is_known(theirs):
        return f"PyTorch refuses this for a reason that is not listed: {theirs!r}"
    if isinstance(ours, TypeError | ValueError | RuntimeError):
        return None
    right = attempt(converted)
    if not isinstance(right, Exception):
        return difference(ours, right)
    right = attempt(converted, True)
    if isinstance(right, Exception) or not isinstance(ours, tg.Tensor):
        return f"{ours!r}, which PyTorch refuses: {theirs!r}"
    return difference(ours.double(), right, 1e-6)


# --- two Tensors ------------------------------------------------------------------------------------------------------

Binary = Callable[[Any, Any, Any], Any]  # of the library, and two operands

OPERATORS: dict[str, Binary] = {
    name: (lambda m, x, y, function=function: function(x, y))
    for name, function in {
        "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
        "%": operator.mod, "**": operator.pow, "<": operator.lt, "<=": operator.le, ">": operator.gt,
        ">=": operator.ge, "==": operator.eq, "!=": operator.ne, "&": operator.and_, "|": operator.or_,
        "^": operator.xor, "@": operator.matmul,
    }.items()
}  # fmt: skip

FUNCTIONS: dict[str, Binary] = {
    "maximum": lambda m, x, y: m.maximum(x, y),
    "minimum": lambda m, x, y: m.minimum(x, y),
    "max of two": lambda m, x, y: m.max(x, y),
    "logaddexp": lambda m, x, y: m.logaddexp(x, y),
    "logaddexp2": lambda m, x, y: m.logaddexp2(x, y),
    "ldexp": lambda m, x, y: m.ldexp(x, y),
    "nextafter": lambda m, x, y: m.nextafter(x, y),
    "xlogy": lambda m, x, y: m.xlogy(x, y),
    "special.xlog1py": lambda m, x, y: m.special.xlog1py(x, y),
    "special.zeta": lambda m, x, y: m.special.zeta(x, y),
    "add alpha": lambda m, x, y: m.add(x, y, alpha=2),
    "addcmul": lambda m, x, y: m.addcmul(x + 1, y, y, value=2),
    "pow": lambda m, x, y: m.pow(x, y),
    "where": lambda m, x, y: m.where(m.tensor([True, False]), x, y),
    "where of one": lambda m, x, y: m.where(m.tensor(True), x, y),
    "cat": lambda m, x, y: m.cat([x.reshape(-1), y.reshape(-1)]),
    "stack": lambda m, x, y: m.stack([x, y]),
    "matmul": lambda m, x, y: m.matmul(x, y),
    "outer": lambda m, x, y: m.outer(x, y),
    "clamp": lambda m, x, y: m.clamp(x, min=y),
    ".maximum": lambda m, x, y: x.maximum(y),
    ".minimum": lambda m, x, y: x.minimum(y),
    ".pow": lambda m, x, y: x.pow(y),
    ".logaddexp": lambda m, x, y: x.logaddexp(y),
    ".clamp": lambda m, x, y: x.clamp(max=y),
    ".matmul": lambda m, x, y: x.reshape(1, -1).matmul(y.reshape(-1, 1)[:1]) if x.numel() == 1 else x + y,
    "linear": lambda m, x, y: m.nn.functional.linear(x.reshape(1, -1)[:, :1], y.reshape(1, -1)[:, :1]),
    "xlog1py": lambda m, x, y: m.special.xlog1py(x, y),
    "three in a row": lambda m, x, y: x + y * 2 - x,
    "three to cat": lambda m, x, y: m.cat([x.reshape(-1), y.reshape(-1), x.reshape(-1)]),
}

IN_PLACE: dict[str, Binary] = {
    "add_": lambda m, x, y: x.clone().add_(y),
    "sub_": lambda m, x, y: x.clone().sub_(y),
    "mul_": lambda m, x, y: x.clone().mul_(y),
    "div_": lambda m, x, y: x.clone().div_(y),
    "copy_": lambda m, x, y: x.clone().copy_(y),
    "+=": lambda m, x, y: operator.iadd(x.clone(), y),
    "*=": lambda m, x, y: operator.imul(x.clone(), y),
    "/=": lambda m, x, y: operator.itruediv(x.clone(), y),
    "an index": lambda m, x, y: assigned(x.clone(), ..., y),
    "an entry": lambda m, x, y: assigned(x.clone().reshape(-1), 0, y.reshape(-1)[0]),
}

# NumPy's functions here, and PyTorch's of the same meaning there.
NUMPY: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]] = {
    "np.add": (np.add, torch.add),
    "np.subtract": (np.subtract, torch.sub),
    "np.multiply": (np.multiply, torch.mul),
    "np.divide": (np.divide, torch.div),
    "np.floor_divide": (np.floor_divide, torch.floor_divide),
    "np.remainder": (np.remainder, torch.remainder),
    "np.mod": (np.mod, torch.remainder),
    "np.power": (np.power, torch.pow),
    "np.maximum": (np.maximum, torch.maximum),
    "np.minimum": (np.minimum, torch.minimum),
    "np.logaddexp": (np.logaddexp, torch.logaddexp),
    "np.less": (np.less, torch.lt),
    "np.less_equal": (np.less_equal, torch.le),
    "np.greater": (np.greater, torch.gt),
    "np.greater_equal": (np.greater_equal, torch.ge),
    "np.equal": (np.equal, torch.eq),
    "np.not_equal": (np.not_equal, torch.ne),
    "np.logical_and": (np.logical_and, torch.logical_and),
    "np.logical_or": (np.logical_or, torch.logical_or),
    "np.bitwise_and": (np.bitwise_and, torch.bitwise_and),
    "np.bitwise_or": (np.bitwise_or, torch.bitwise_or),
    "np.where": (
        lambda x, y: np.where(tg.tensor([True, False]), x, y),
        lambda x, y: torch.where(torch.tensor([True, False]), x, y),
    ),
    "np.concatenate": (
        lambda x, y: np.concatenate([x.reshape(-1), y.reshape(-1)]),
        lambda x, y: torch.cat([x.reshape(-1), y.reshape(-1)]),
    ),
    "np.stack": (lambda x, y: np.stack([x, y]), lambda x, y: torch.stack([x, y])),
    "np.matmul": (np.matmul, torch.matmul),
    "np.outer": (np.outer, lambda x, y: torch.outer(x.reshape(-1), y.reshape(-1))),
}

RESHAPED = (".matmul", "linear", "np.outer")  # their operands have dimensions by the time their dtypes are compared

PAIRS: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]] = {
    **{
        name: (lambda x, y, f=f: f(tg, x, y), lambda x, y, f=f: f(torch, x, y))
        for name, f in {**OPERATORS, **FUNCTIONS, **IN_PLACE}.items()
    },
    **NUMPY,
}


def assigned(x: Any, index: Any, value: Any) -> Any:
    x[index] = value
    return x


def operands(m: Any, entries: list[float]) -> Iterator[tuple[str, Any]]:
    """A Tensor of each dtype, with and without dimensions, and what to call it."""
    for dtype, dims in itertools.product(DTYPES, (0, 1)):
        array = np.array(entries).astype(dtype)
        yield f"{dtype} of {dims} dims", m.tensor(array if dims else array[0])


@pytest.mark.filterwarnings("ignore:An output with one or more elements was resized")  # by PyTorch's own ldexp
@pytest.mark.parametrize("name", marked(PAIRS, NAMES))
def test_two_tensors(name: str) -> None:
    function, there = PAIRS[name]
    wrong = []
    for (left, x), (_, a) in zip(operands(tg, [3, 0]), operands(torch, [3, 0]), strict=True):
        for (right, y), (_, b) in zip(operands(tg, [2, 1]), operands(torch, [2, 1]), strict=True):

            def converted(entries: bool = False, a: Any = a, b: Any = b) -> Any:
                dtype = torch.promote_types(a.dtype, b.dtype) if name in RESHAPED else torch.result_type(a, b)
                dtype = torch.double if entries else a.dtype if name in IN_PLACE else dtype
                return there(a.to(dtype), b.to(dtype))

            found = compared(attempt(function, x, y), attempt(there, a, b), converted)
            if found:
                wrong.append(f"{left} and {right}: {found}")
    assert not wrong, "\n".join([f"{len(wrong)} of 256 pairs", *wrong[:40]])


# --- a Tensor and a Python number -------------------------------------------------------------------------------------

BY_NUMBERS = {
    **OPERATORS,
    **{name: FUNCTIONS[name] for name in ("pow", "where", "clamp", ".pow", ".clamp")},
    **IN_PLACE,
}
del BY_NUMBERS["@"], BY_NUMBERS["copy_"], BY_NUMBERS["an entry"]
NUMBERS: list[Any] = [2, 2.5, True, 0, 1.0]


@each_default
@pytest.mark.parametrize("name", marked(BY_NUMBERS, WITH_NUMBERS))
def test_a_number_on_the_right(name: str, default: str) -> None:
    wrong = []
    with default_dtype(default):
        for number in NUMBERS:
            if not number and name in ("/", "//", "%", "div_", "/="):
                continue
            for (which, x), (_, a) in zip(operands(tg, [3, 1]), operands(torch, [3, 1]), strict=True):

                def converted(entries: bool = False, a: Any = a, number: Any = number) -> Any:
                    dtype = a.dtype if name in IN_PLACE else torch.result_type(a, number)
                    dtype = torch.double if entries else dtype
                    return BY_NUMBERS[name](torch, a.to(dtype), torch.tensor(number, dtype=dtype))

                ours = attempt(BY_NUMBERS[name], tg, x, number)
                found = compared(ours, attempt(BY_NUMBERS[name], torch, a, number), converted)
                if found:
                    wrong.append(f"{which} and {number}: {found}")
    assert not wrong, "\n".join([f"{len(wrong)} of {16 * len(NUMBERS)}", *wrong])


@each_default
@pytest.mark.parametrize("name", [name for name in OPERATORS if name != "@"])
def test_a_number_on_the_left(name: str, default: str) -> None:
    wrong = []
    with default_dtype(default):
        for number in NUMBERS:
            for (which, x), (_, a) in zip(operands(tg, [3, 1]), operands(torch, [3, 1]), strict=True):

                def converted(entries: bool = False, a: Any = a, number: Any = number) -> Any:
                    dtype = torch.double if entries else torch.result_type(a, number)
                    return OPERATORS[name](torch, torch.tensor(number, dtype=dtype), a.to(dtype))

                ours = attempt(OPERATORS[name], tg, number, x)
                found = compared(ours, attempt(OPERATORS[name], torch, number, a), converted)
                if found:
                    wrong.append(f"{number} and {which}: {found}")
    assert not wrong, "\n".join([f"{len(wrong)} of {16 * len(NUMBERS)}", *wrong])


@each_default
def test_two_numbers_in_where(default: str) -> None:
    with default_dtype(default):
        for a, b in itertools.product(NUMBERS, NUMBERS):
            ours, theirs = (m.where(m.tensor([True, False]), a, b) for m in (tg, torch))
            assert difference(ours, theirs) is None, (a, b)


# --- one Tensor -------------------------------------------------------------------------------------------------------

UNARY: dict[str, Callable[[Any, Any], Any]] = {
    **{
        name: (lambda m, x, name=name: getattr(x, name)())
        for name in (
            "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "sin", "cos", "tan", "asin", "acos",
            "atan", "sinh", "cosh", "tanh", "sigmoid", "erf", "reciprocal", "square", "abs", "sign", "floor",
            "relu", "sum", "prod", "mean", "norm", "amax", "amin", "max", "argmax", "all", "any",
            "clone", "flatten",
        )
    },
    "var": lambda m, x: x.repeat(2).var(),  # of one entry there is no variance, which is an error here, and NaN there
    "std": lambda m, x: x.repeat(2).std(),
    "-": lambda m, x: -x,
    "cumsum": lambda m, x: x.cumsum(0),
    "sum of a dim": lambda m, x: x.sum(0),
    "prod of a dim": lambda m, x: x.prod(0),
    "mean of a dim": lambda m, x: x.mean(0),
    "softmax": lambda m, x: x.softmax(0),
    "log_softmax": lambda m, x: x.log_softmax(0),
    "logsumexp": lambda m, x: x.logsumexp(0),
    "clamp": lambda m, x: x.clamp(1, 2),
    "clamp by floats": lambda m, x: x.clamp(0.5, 2.5),
    "masked_fill by a float": lambda m, x: x.masked_fill(m.tensor(True), 1.5),
    "gelu": lambda m, x: m.nn.functional.gelu(x),
    "softplus": lambda m, x: m.nn.functional.softplus(x),
    "tril": lambda m, x: x.reshape(1, -1).tril(),
    "repeat": lambda m, x: x.repeat(2),
    "~": lambda m, x: ~x,
    "m.exp": lambda m, x: m.exp(x),
    "m.sum": lambda m, x: m.sum(x),
    "zeros_like": lambda m, x: m.zeros_like(x),
}  # fmt: skip

NUMPY_UNARY: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "np.exp": (np.exp, torch.exp),
    "np.sqrt": (np.sqrt, torch.sqrt),
    "np.log1p": (np.log1p, torch.log1p),
    "np.tanh": (np.tanh, torch.tanh),
    "np.reciprocal": (np.reciprocal, torch.reciprocal),
    "np.square": (np.square, torch.square),
    "np.absolute": (np.absolute, torch.abs),
    "np.sign": (np.sign, torch.sign),
    "np.sum": (np.sum, torch.sum),
    "np.prod": (np.prod, torch.prod),
    "np.mean": (np.mean, torch.mean),
    "np.max": (np.max, torch.max),
    "np.cumsum": (lambda x: np.cumsum(x, 0), lambda x: torch.cumsum(x.reshape(-1), 0)),
    "np.logical_not": (np.logical_not, torch.logical_not),
    "np.isnan": (np.isnan, torch.isnan),
}

ONE: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    **{name: (lambda x, f=f: f(tg, x), lambda x, f=f: f(torch, x)) for name, f in UNARY.items()},
    **NUMPY_UNARY,
}


# PyTorch has no kernels of these for booleans. Here they are computed, and the dtype is that of booleans or integers.
SAME_OF_BOOLEANS = ("abs", "np.absolute", "floor", "relu")


@each_default
@pytest.mark.parametrize("name", marked(ONE, NAMES))
def test_one_tensor(name: str, default: str) -> None:
    function, there = ONE[name]
    wrong = []
    with default_dtype(default):
        for (which, x), (_, a) in zip(operands(tg, [3, 1]), operands(torch, [3, 1]), strict=True):
            ours = attempt(function, x)

            def converted(entries: bool = False, a: Any = a) -> Any:
                if name in SAME_OF_BOOLEANS and not entries:
                    raise TypeError("PyTorch has none of booleans")
                return there(a.to(torch.double if entries else torch.get_default_dtype()))

            found = compared(ours, attempt(there, a), converted)
            if found:
                wrong.append(f"{which}: {found}")
    assert not wrong, "\n".join([f"{len(wrong)} of 16", *wrong])


@pytest.mark.parametrize("name", ["mean", "mean of a dim"])
def test_there_is_no_mean_of_integers(name: str) -> None:
    """PyTorch refuses it, and so does this package."""
    for dtype in DTYPES[:-2]:
        for m in (torch, tg):
            x = m.tensor(np.array([1, 0], dtype))
            with pytest.raises((RuntimeError, TypeError), match="float"):
                UNARY[name](m, x)


# --- gradients --------------------------------------------------------------------------------------------------------

DIFFERENTIABLE = ["+", "-", "*", "/", "%", "**", "maximum", "minimum", "logaddexp", "where", "cat", "stack", ".clamp"]


def derivatives(m: Any, function: Binary, x: Any, y: Any) -> list[Any]:
    """The gradients of a function of two operands, and those of their squares, by those that require gradients."""
    leaves = [operand for operand in (x, y) if operand.requires_grad]
    z = function(m, x, y)
    v = m.tensor(np.linspace(0.5, 1.5, z.numel()).reshape(tuple(z.shape))).to(z.dtype)
    first = m.autograd.grad(z, leaves, v, create_graph=True)
    terms = [(g * g).sum() for g in first if g.requires_grad]
    second = m.autograd.grad(sum(terms), leaves, allow_unused=True) if terms else [None for _ in leaves]
    return [*first, *(m.zeros_like(x) if g is None else g for x, g in zip(leaves, second, strict=True))]


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients_have_the_dtype_of_the_input(name: str) -> None:
    function = {**OPERATORS, **FUNCTIONS}[name]
    wrong, compared_pairs = [], 0
    for left, right in itertools.product(DTYPES, DTYPES):
        if left not in FLOATING and right not in FLOATING:
            continue
        if name == "**" and right == "uint8":  # PyTorch subtracts 1 from an exponent of 0, which gives 255
            continue
        for dims in itertools.product((0, 1), (0, 1)):
            if name == "stack" and dims[0] != dims[1]:
                continue
            arrays = [
                np.array(entries).astype(dtype)[slice(None) if some else 0]
                for entries, dtype, some in (([3, 1.5], left, dims[0]), ([2, 0.75], right, dims[1]))
            ]
            made = [[m.tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays] for m in (tg, torch)]
            theirs = attempt(derivatives, torch, function, *made[1])
            ours = attempt(derivatives, tg, function, *made[0])
            where = f"{left} of {dims[0]} dims and {right} of {dims[1]} dims"
            if isinstance(theirs, Exception):
                if not is_known(theirs) or not isinstance(ours, Exception | list):
                    wrong.append(f"{where}: {theirs!r}")
                continue
            compared_pairs += 1
            if isinstance(ours, Exception):
                wrong.append(f"{where}: {ours!r}")
                continue
            for what, our, their in zip(itertools.count(), ours, theirs, strict=False):
                found = difference(our, their, 1e-5 if "float32" in (left, right) else 1e-10)
                if found:
                    wrong.append(f"{where}, derivative {what}: {found}")
    assert not wrong, "\n".join([f"{len(wrong)} differ", *wrong[:40]])
    assert compared_pairs >= 50


def test_a_gradient_passes_through_operands_of_several_dtypes() -> None:
    """A network of float32 weights and float64 data, with a number, a mask and integers on the way."""
    found = []
    for m in (tg, torch):
        x = m.tensor(np.array([[1.0, 2.0], [3.0, 4.0]]), requires_grad=True)
        w = m.tensor(np.array([0.5, -0.25], np.float32), requires_grad=True)
        scale = m.tensor(1.5, requires_grad=True)
        n = m.tensor([1, 2])
        h = (x * w / n + scale * n).tanh() * (x > 1.5)
        loss = (h * w * scale).sum() + (w / n).exp().sum() ** 2
        first = m.autograd.grad(loss, [x, w, scale], create_graph=True)
        second = m.autograd.grad(sum((g * g).sum() for g in first), [x, w, scale])
        found.append([h, loss, *first, *second])
    for what, (our, their) in enumerate(zip(*found, strict=True)):
        assert difference(our, their, 1e-5) is None, (what, difference(our, their, 1e-5))
