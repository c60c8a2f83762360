"""What exists here computes what PyTorch computes, on PyTorch's own samples of each operator's arguments.

The samples are those that PyTorch tests itself with. They have 0-d and empty Tensors, unusual dims and options. What
PyTorch refuses may be computed here; what it computes has to be.
"""

import inspect
import operator
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from agreement import close

import tinygrad_mlp as tg

torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")
pytest.importorskip("expecttest", reason="expecttest, which PyTorch's samples need, is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # some of the modules that this loads are deprecated
    from torch.testing._internal.common_methods_invocations import op_db


# --- which operators --------------------------------------------------------------------------------------------------


def divided(x: Any, y: Any, rounding_mode: str | None = None) -> Any:
    """`torch.div`, by this package's operators."""
    return {None: lambda: x / y, "floor": lambda: x // y, "trunc": lambda: np.trunc(x / y)}[rounding_mode]()


# Operators that are spelt otherwise here: as operators of Python's or NumPy's functions, or with other arguments first.
SPELT: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": divided, "neg": operator.neg,
    "positive": operator.pos, "remainder": operator.mod, "floor_divide": operator.floordiv, "eq": operator.eq,
    "ne": operator.ne, "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
    "bitwise_and": operator.and_, "bitwise_or": operator.or_, "bitwise_xor": operator.xor,
    "bitwise_not": operator.invert, "ceil": np.ceil, "trunc": np.trunc, "isnan": np.isnan, "isfinite": np.isfinite,
    "einsum": lambda tensors, equation: tg.einsum(equation, *tensors),
    "where": lambda x, condition, other: tg.where(condition, x, other),
    "zero_": lambda x: x.clone().zero_(),
}  # fmt: skip


def function_for(name: str) -> Any:
    """What computes PyTorch's operator `name` here: a function or a method, or None if there is none."""
    if name in SPELT:
        return SPELT[name]
    place, _, short = name.rpartition(".")
    if place:
        return getattr(tg.nn.functional, short, None) if place == "nn.functional" else None
    found = getattr(tg.Tensor, short, None) or getattr(tg, short, None)
    return found.fget if isinstance(found, property) else found


OPERATORS = {op.full_name: op for op in op_db if function_for(op.name) is not None}

# Each operator with float64 and float32, or with int64 if it takes no floats.
CALLS = [
    (name, dtype)
    for name, op in OPERATORS.items()
    for dtype in [torch.float64, torch.float32, torch.int64]
    if dtype in op.supported_dtypes("cpu") and (dtype.is_floating_point or torch.float64 not in op.dtypes)
]

# --- which samples ----------------------------------------------------------------------------------------------------

# Arguments that do not change a number. PyTorch is given them, and this package is not.
WITHOUT_EFFECT = {"device", "layout", "pin_memory", "memory_format"}

# Arguments that this package does not have. Samples with one of them are left out, and counted.
NOT_HERE = {"alpha", "dtype", "a second position"}

# Samples that disagree, by the operator and the dtypes of the arguments, with the reason.
EXCEPTIONS = {
    "norm.nuc": "the nuclear norm needs singular values, which have no row in the sheet: it is refused by name",
    "clamp of float32 and int32": "dtypes are promoted as in NumPy: float32 and int32 give float64",
}


def samples(name: str, dtype: Any) -> Iterator[Any]:
    """PyTorch's samples for an operator. In-place methods record nothing here, so their samples need no gradient."""
    op = OPERATORS[name]
    torch.manual_seed(0)
    differentiable = op.supports_autograd and dtype.is_floating_point and not name.endswith("_")
    # Not by `op.sample_inputs`, which asks for the stack of callers at each sample, and takes a minute for it.
    yield from op.sample_inputs_func(op, "cpu", dtype, differentiable)


def translated(value: Any) -> Any:
    """An argument of PyTorch's as this package takes it."""
    if isinstance(value, torch.Tensor):
        return tg.tensor(value.detach().numpy(), requires_grad=value.requires_grad)
    if isinstance(value, torch.dtype):
        return torch.empty(0, dtype=value).numpy().dtype
    if isinstance(value, list | tuple):
        return (list if isinstance(value, list) else tuple)(map(translated, value))
    return value


def call_of(name: str, sample: Any) -> tuple[Any, list[Any], dict[str, Any]]:
    """The function here, the positional arguments and the options that correspond to a sample."""
    options = {key: translated(value) for key, value in sample.kwargs.items() if key not in WITHOUT_EFFECT}
    return function_for(OPERATORS[name].name), [*map(translated, (sample.input, *sample.args))], options


def missing(function: Any, args: list[Any], options: dict[str, Any]) -> str | None:
    """The argument of a call that `function` does not have, or None."""
    if isinstance(function, np.ufunc):
        return next(iter(options), None)
    parameters = inspect.signature(function).parameters
    unknown = [key for key in options if key not in parameters]
    if unknown:
        return unknown[0]
    try:
        inspect.signature(function).bind(*args, **options)
    except TypeError:
        return "a second position"
    return None


# --- the comparison ---------------------------------------------------------------------------------------------------


def leaves_in(value: Any) -> list[Any]:
    """The Tensors that require a gradient, in nested lists and tuples."""
    if isinstance(value, list | tuple):
        return [leaf for entry in value for leaf in leaves_in(entry)]
    return [value] if getattr(value, "requires_grad", False) else []


def found(m: Any, result: Any, leaves: list[Any]) -> dict[str, Any]:
    """The outputs of a call in the library `m`, and the gradients of its leaves for drawn cotangents."""
    rng = np.random.default_rng(0)
    everything = {}
    for i, y in enumerate(result if isinstance(result, tuple) else [result]):
        everything[f"output {i}"] = y
        if getattr(y, "requires_grad", False):
            cotangent = m.tensor(rng.standard_normal(tuple(y.shape)).astype(y.detach().numpy().dtype))
            gradients = m.autograd.grad(y, leaves, cotangent, allow_unused=True, retain_graph=True)
            # PyTorch has None for some gradients that are zeros, such as those of norm(0).
            gradients = [m.zeros_like(x) if g is None else g for x, g in zip(leaves, gradients, strict=True)]
            everything |= {f"gradient {j} of output {i}": gradient for j, gradient in enumerate(gradients)}
    return everything


def theirs_of(name: str, sample: Any) -> dict[str, Any]:
    """What PyTorch finds for a sample."""
    leaves = leaves_in([sample.input, *sample.args, *sample.kwargs.values()])
    return found(torch, OPERATORS[name].op(sample.input, *sample.args, **sample.kwargs), leaves)


def in_double(value: Any) -> Any:
    """A part of a sample with float64 in place of float32."""
    if isinstance(value, torch.Tensor) and value.dtype == torch.float32:
        return value.detach().double().requires_grad_(value.requires_grad)
    return torch.float64 if value is torch.float32 else value


def is_random(name: str, options: dict[str, Any]) -> bool:
    """Whether the entries of the result are drawn, so that only its shape and its dtype can be compared."""
    drops = name == "nn.functional.dropout" and options.get("training", True) and 0 < options.get("p", 0.5) < 1
    return name in ("randn", "randint") or bool(drops)


def compare(name: str, sample: Any, dtype: Any) -> None:
    """Assert that both libraries agree on a sample: on values, dtypes, shapes and gradients."""
    function, args, options = call_of(name, sample)
    theirs = theirs_of(name, sample)
    exact = theirs_of(name, sample.transform(in_double)) if dtype == torch.float32 else theirs
    ours = found(tg, function(*args, **options), leaves_in([*args, *options.values()]))
    assert ours.keys() == theirs.keys(), f"there are {list(ours)}, but for PyTorch {list(theirs)}"
    for what, their in theirs.items():
        if not isinstance(their, torch.Tensor):
            assert ours[what] == their
        elif is_random(name, options):
            close(tg.zeros_like(ours[what]), torch.zeros_like(their), what)
        else:
            # As much as PyTorch loses to rounding, it is allowed here.
            lost = np.abs(np.subtract(*(x.detach().numpy().astype(float) for x in (their, exact[what]))))
            close(ours[what], their, what, slack=10 * np.max(lost, initial=0, where=np.isfinite(lost)))


def described(name: str, sample: Any) -> str:
    """The operator and, if they differ, the dtypes of the Tensors that it is given."""
    given = [value for value in (sample.input, *sample.args) if isinstance(value, torch.Tensor)]
    dtypes = list(dict.fromkeys(str(value.dtype).removeprefix("torch.") for value in given))
    return f"{name} of {' and '.join(dtypes)}" if len(dtypes) > 1 else name


@pytest.mark.parametrize(("name", "dtype"), CALLS, ids=str)
def test_samples_agree(name: str, dtype: Any) -> None:
    wrong = []
    for number, sample in enumerate(samples(name, dtype)):
        if missing(*call_of(name, sample)):
            continue
        excepted = described(name, sample) in EXCEPTIONS
        try:
            with np.errstate(all="ignore"):
                compare(name, sample, dtype)
        except Exception as error:
            if not excepted:
                wrong.append(f"sample {number}, {sample.summary()}: {type(error).__name__}: {error}")
        else:
            assert not excepted, f"sample {number} agrees: it is no exception any more"
    assert not wrong, "\n\n".join([f"{len(wrong)} samples disagree", *wrong])


def test_samples_that_are_left_out_are_counted(record_property: Callable[[str, object], None]) -> None:
    counted: Counter[str | None] = Counter()
    excepted: Counter[str] = Counter()
    for name, dtype in CALLS:
        for sample in samples(name, dtype):
            counted[missing(*call_of(name, sample))] += 1
            excepted[described(name, sample)] += described(name, sample) in EXCEPTIONS
    compared = counted.pop(None)
    record_property("PyTorch's samples", f"{compared} compared, of {len(OPERATORS)} operators")
    record_property("left out for an argument", ", ".join(f"{count} for {name}" for name, count in counted.items()))
    record_property("disagreeing, with a reason", sum(excepted.values()))
    assert set(counted) == NOT_HERE
    assert {name for name, count in excepted.items() if count} == set(EXCEPTIONS)
    assert compared > 2500
