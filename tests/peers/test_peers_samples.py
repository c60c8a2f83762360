"""What exists here computes what PyTorch computes, on PyTorch's own samples of each operator's arguments.

The samples are those that PyTorch tests itself with. They have 0-d and empty Tensors, unusual dims and options. What
PyTorch refuses may be computed here; what it computes has to be.
"""

import inspect
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


# PyTorch warns of some of its functions, such as cross without a dim, that they will change.
pytestmark = pytest.mark.filterwarnings(r"ignore:(Using )?torch\.:UserWarning")


# --- which operators --------------------------------------------------------------------------------------------------

# Operators that are spelt otherwise here, or take other arguments first.
SPELT: dict[str, Callable[..., Any]] = {
    "einsum": lambda tensors, equation: tg.einsum(equation, *tensors),
    "where": lambda x, condition, other: tg.where(condition, x, other),
    "zero_": lambda x: x.clone().zero_(),
    "normal.in_place": lambda x, mean, std: x.detach().clone().normal_(mean, std),
    "special.polygamma": lambda x, n: tg.special.polygamma(n, x),
    "linalg.pinv.singular": lambda x, y: tg.linalg.pinv(x @ y.mT),
    "linalg.lstsq.grad_oriented": lambda a, b, driver: tg.linalg.lstsq(a, b, driver=driver)[:2],
    "nn.functional.embedding": lambda weight, input, padding_idx=None: tg.nn.functional.embedding(
        input, weight, padding_idx
    ),
    "nn.functional.embedding_bag": (
        lambda weight, input, offsets=None, mode="mean", per_sample_weights=None, include_last_offset=False,
        padding_idx=None: tg.nn.functional.embedding_bag(
            input, weight, offsets, mode=mode, per_sample_weights=per_sample_weights,
            include_last_offset=include_last_offset, padding_idx=padding_idx,
        )
    ),
}  # fmt: skip


def function_for(name: str) -> Any:
    """What computes PyTorch's operator `name` here: a function or a method, or None if there is none."""
    if name in SPELT:
        return SPELT[name]
    place, _, short = name.rpartition(".")
    if place:
        where = {"nn.functional": tg.nn.functional, "special": tg.special, "linalg": tg.linalg}.get(place)
        return getattr(where, short, None)
    found = getattr(tg.Tensor, short, None) or getattr(tg, short, None)
    return found.fget if isinstance(found, property) else found


REFUSED = {"half", "bfloat16"}  # they say that there are no floats of 16 bits
# Its samples are no symmetric matrices, for which PyTorch's gradient belongs to another function than its value.
REFUSED |= {"linalg.pinv.hermitian"}
OPERATORS = {
    op.full_name: op for op in op_db if not REFUSED & {op.name, op.full_name} and function_for(op.name) is not None
}

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
NOT_HERE: set[str] = set()

# Samples that disagree, by the operator and the dtypes of the arguments, with the reason.
EXCEPTIONS = {
    "norm.nuc": "the nuclear norm is linalg.matrix_norm(x, 'nuc'): norm refuses it by name",
}

# How far PyTorch's own results are off, relative to their largest entry. SciPy's have 16 digits.
INEXACT = {
    "nn.functional.hardsigmoid": 1e-7,  # its slope is 1/6, which PyTorch rounds to float32 also for float64
    **dict.fromkeys(
        [f"special.{name}" for name in ("airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1")], 1e-5
    ),
}


def samples(name: str, dtype: Any) -> Iterator[Any]:
    """PyTorch's samples for an operator."""
    op = OPERATORS[name]
    torch.manual_seed(0)
    differentiable = op.supports_autograd and dtype.is_floating_point
    # Not by `op.sample_inputs`, which asks for the stack of callers at each sample, and takes a minute for it.
    yield from op.sample_inputs_func(op, "cpu", dtype, differentiable)


def translated(value: Any) -> Any:
    """An argument of PyTorch's as this package takes it."""
    if isinstance(value, torch.Tensor):
        return tg.tensor(value.detach().numpy(), requires_grad=value.requires_grad)
    if isinstance(value, torch.dtype):
        return torch.empty(0, dtype=value).numpy().dtype
    if isinstance(value, torch.nn.Module):  # a distance, with the options that it has by default
        return getattr(tg.nn, type(value).__name__)()
    if isinstance(value, list | tuple):
        return (list if isinstance(value, list) else tuple)(map(translated, value))
    return value


def call_of(name: str, sample: Any) -> tuple[Any, list[Any], dict[str, Any]]:
    """The function here, the positional arguments and the options that correspond to a sample."""
    options = {key: translated(value) for key, value in sample.kwargs.items() if key not in WITHOUT_EFFECT}
    return (
        SPELT.get(name) or function_for(OPERATORS[name].name),
        [*map(translated, (sample.input, *sample.args))],
        options,
    )


def missing(function: Any, options: dict[str, Any]) -> str | None:
    """The argument of a call that `function` does not have, or None."""
    if isinstance(function, np.ufunc):
        return next(iter(options), None)
    parameters = inspect.signature(function).parameters
    return next((key for key in options if key not in parameters), None)


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
            # PyTorch has None for some gradients that are zeros, such as those of norm(0), or zeros without memory.
            zeros = [g is None or getattr(g, "_is_zerotensor", bool)() for g in gradients]
            gradients = [m.zeros_like(x) if z else g for x, g, z in zip(leaves, gradients, zeros, strict=True)]
            everything |= {f"gradient {j} of output {i}": gradient for j, gradient in enumerate(gradients)}
    return everything


def theirs_of(name: str, sample: Any) -> dict[str, Any]:
    """What PyTorch finds for a sample."""
    leaves = leaves_in([sample.input, *sample.args, *sample.kwargs.values()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns of functions that are new, and of memory that is not contiguous
        result = OPERATORS[name].op(sample.input, *sample.args, **sample.kwargs)
    return found(torch, sample.output_process_fn_grad(result), leaves)


def in_double(value: Any) -> Any:
    """A part of a sample with float64 in place of float32."""
    if isinstance(value, torch.Tensor) and value.dtype == torch.float32:
        return value.detach().double().requires_grad_(value.requires_grad)
    return torch.float64 if value is torch.float32 else value


# The entries of their results are drawn, or are what is in memory.
UNSET = {
    "randn", "randint", "rand_like", "randn_like", "randint_like", "empty", "empty_like", "new_empty", "normal",
    "bernoulli", "multinomial",
}  # fmt: skip


def is_random(name: str, options: dict[str, Any]) -> bool:
    """Whether the entries of the result are drawn, so that only its shape and its dtype can be compared."""
    drops = "dropout" in name and options.get("training", name == "nn.functional.dropout")
    slopes = name == "nn.functional.rrelu" and options.get("training", False)
    return OPERATORS[name].name in UNSET or bool(slopes or (drops and 0 < options.get("p", 0.5) < 1))


def compare(name: str, sample: Any, dtype: Any) -> None:
    """Assert that both libraries agree on a sample: on values, dtypes, shapes and gradients."""
    function, args, options = call_of(name, sample)
    theirs = theirs_of(name, sample)
    exact = theirs_of(name, sample.transform(in_double)) if dtype == torch.float32 else theirs
    result = sample.output_process_fn_grad(function(*args, **options))  # of eigenvectors, their sizes without the signs
    ours = found(tg, result, leaves_in([*args, *options.values()]))
    if is_random(name, options):  # a few of which have a gradient of zeros in PyTorch
        ours, theirs = ({what: y for what, y in each.items() if "gradient" not in what} for each in (ours, theirs))
    assert ours.keys() == theirs.keys(), f"there are {list(ours)}, but for PyTorch {list(theirs)}"
    for what, their in theirs.items():
        if not isinstance(their, torch.Tensor):
            assert ours[what] == their
        elif is_random(name, options):
            close(tg.zeros_like(ours[what]), torch.zeros_like(their), what)
        else:
            # As much as PyTorch loses to rounding, it is allowed here.
            lost = np.abs(np.subtract(*(x.detach().numpy().astype(float) for x in (their, exact[what]))))
            size = np.abs(their.detach().numpy())
            inexact = INEXACT.get(name, 0) * np.max(size, initial=0, where=np.isfinite(size))
            close(ours[what], their, what, slack=10 * np.max(lost, initial=0, where=np.isfinite(lost)) + inexact)


def described(name: str, sample: Any) -> str:
    """The operator and, if they differ, the dtypes of the Tensors that it is given."""
    given = [value for value in (sample.input, *sample.args) if isinstance(value, torch.Tensor)]
    dtypes = list(dict.fromkeys(str(value.dtype).removeprefix("torch.") for value in given))
    return f"{name} of {' and '.join(dtypes)}" if len(dtypes) > 1 else name


@pytest.mark.filterwarnings("ignore:cov")  # PyTorch warns where the weights leave nothing to divide by
@pytest.mark.parametrize(
    ("name", "dtype"),
    [pytest.param(*call, marks=[pytest.mark.long] if call[1] == torch.float32 else []) for call in CALLS],
    ids=str,
)
def test_samples_agree(name: str, dtype: Any) -> None:
    wrong = []
    for number, sample in enumerate(samples(name, dtype)):
        function, _, options = call_of(name, sample)
        if missing(function, options):
            continue
        excepted = described(name, sample) in EXCEPTIONS
        try:
            with (
                np.errstate(all="ignore"),
                warnings.catch_warnings(action="ignore"),
            ):  # both libraries warn of some calls
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
            function, _, options = call_of(name, sample)
            counted[missing(function, options)] += 1
            excepted[described(name, sample)] += described(name, sample) in EXCEPTIONS
    compared = counted.pop(None)
    record_property("PyTorch's samples", f"{compared} compared, of {len(OPERATORS)} operators")
    record_property("left out for an argument", ", ".join(f"{count} for {name}" for name, count in counted.items()))
    record_property("disagreeing, with a reason", sum(excepted.values()))
    assert set(counted) == NOT_HERE
    assert {name for name, count in excepted.items() if count} == set(EXCEPTIONS)
    assert compared > 2500
