"""PyTorch's names have its second derivatives, share memory where it does, and raise where it does.

All of it is tried on PyTorch's own samples of each operator's arguments, and on its own samples of errors.
"""

import inspect
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest
from agreement import close

torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")
pytest.importorskip("expecttest", reason="expecttest, which PyTorch's samples need, is not installed")

from test_peers_samples import (  # noqa: E402
    EXCEPTIONS,
    OPERATORS,
    SPELT,
    call_of,
    described,
    is_random,
    leaves_in,
    missing,
    samples,
)
from test_pytorch_names import LISTED  # noqa: E402

import tinygrad_mlp as tg  # noqa: E402

FEW = 4  # samples of each operator

Call = tuple[Any, Callable[..., Any], list[Any], dict[str, Any]]  # the sample; the function here, and its arguments


def calls(name: str) -> Iterator[Call]:
    """The first samples of an operator in float64 that this package takes."""
    for sample in islice(samples(name, torch.float64), FEW):
        function, args, options = call_of(name, sample)
        left_out = missing(function, options) or "memory_format" in sample.kwargs or is_random(name, options)
        if not left_out and described(name, sample) not in EXCEPTIONS:
            yield sample, function, args, options


def theirs_of(name: str, sample: Any) -> Any:
    """What PyTorch's operator returns for a sample."""
    return OPERATORS[name].op(sample.input, *sample.args, **sample.kwargs)


def listed(result: Any, sample: Any) -> list[Any]:
    """The outputs of a call, without what is arbitrary in them, such as the signs of eigenvectors."""
    result = sample.output_process_fn_grad(result)
    return list(result) if isinstance(result, tuple | list) else [result]


OF_FLOATS = [name for name, op in OPERATORS.items() if torch.float64 in op.supported_dtypes("cpu")]

# --- second derivatives -----------------------------------------------------------------------------------------------

# At 0, second derivatives of norms are infinite. PyTorch has 0 for one of them, and here all are NaN.
AT_KINKS = {"linalg.norm.subgradients_at_zero"}
TWICE = [
    name
    for name in OF_FLOATS
    if OPERATORS[name].supports_autograd and OPERATORS[name].supports_gradgrad and name not in AT_KINKS
]


def second_derivatives(m: Any, outputs: list[Any], leaves: list[Any]) -> Iterator[tuple[str, Any]]:
    """For each of the outputs of a call, the gradients of ⟨w, its gradients⟩ for a drawn w, in the library `m`."""
    rng = np.random.default_rng(0)
    for number, y in enumerate(outputs):
        if not getattr(y, "requires_grad", False):
            continue
        cotangent = m.tensor(rng.standard_normal(tuple(y.shape)), dtype=m.float64, requires_grad=True)
        first = m.autograd.grad(y, leaves, cotangent, create_graph=True, allow_unused=True)
        total = m.zeros((), dtype=m.float64)
        for x, gradient in zip(leaves, first, strict=True):
            direction = m.tensor(rng.standard_normal(tuple(x.shape)), dtype=m.float64)
            if gradient is not None:
                total = total + (gradient * direction).sum()
        wanted = [*leaves, cotangent]
        second: Any = [None] * len(wanted)
        if total.requires_grad:
            second = m.autograd.grad(total, wanted, retain_graph=True, allow_unused=True)
        for place, (x, gradient) in enumerate(zip(wanted, second, strict=True)):
            # PyTorch has None for some derivatives that are zeros.
            yield f"derivative {place} of output {number}", m.zeros_like(x) if gradient is None else gradient


@pytest.mark.parametrize("name", TWICE)
@pytest.mark.filterwarnings("ignore")
def test_second_derivatives_agree(name: str) -> None:
    for sample, function, args, options in calls(name):
        leaves = leaves_in([sample.input, *sample.args, *sample.kwargs.values()])
        with np.errstate(all="ignore"):
            results = listed(function(*args, **options), sample), listed(theirs_of(name, sample), sample)
            ours = second_derivatives(tg, results[0], leaves_in([*args, *options.values()]))
            theirs = second_derivatives(torch, results[1], leaves)
            for (what, our), (_, their) in zip(ours, theirs, strict=True):
                # PyTorch's own second derivatives, as those of logarithms near 0, lose some digits to rounding.
                size = np.abs(their.detach().numpy(force=True))
                slack = 1e-9 * np.max(size, initial=0, where=np.isfinite(size))
                close(our, their, f"{what} of {sample.summary()}", slack)


# --- memory -----------------------------------------------------------------------------------------------------------


# Operators that copy where PyTorch gives a view.
COPIES = {"unfold"}


def shared(m: Any, outputs: list[Any], args: Any) -> list[list[int]]:
    """For each of the outputs of a call in the library `m`, the positions of the inputs with which it shares memory."""
    inputs = [x.detach().numpy() for x in args if isinstance(x, m.Tensor)]
    arrays = [y.detach().numpy() for y in outputs if isinstance(y, m.Tensor)]
    return [[i for i, x in enumerate(inputs) if np.may_share_memory(x, y)] for y in arrays]


@pytest.mark.parametrize("name", OF_FLOATS)
@pytest.mark.filterwarnings("ignore")
def test_results_share_memory_as_in_pytorch(name: str) -> None:
    for sample, function, args, options in calls(name):
        if isinstance(sample.input, torch.Tensor) and not sample.input.is_contiguous():
            continue  # what is copied for this package has another order in memory
        with np.errstate(all="ignore"), tg.no_grad(), torch.no_grad():
            ours = shared(tg, listed(function(*args, **options), sample), args)
            theirs = shared(torch, listed(theirs_of(name, sample), sample), [sample.input, *sample.args])
        assert ours == ([[] for _ in theirs] if name in COPIES else theirs), sample.summary()


# --- errors -----------------------------------------------------------------------------------------------------------

# Operators that answer where PyTorch raises, with the reason. Numbers in place of Tensors are taken by all.
KINDNESSES = {
    "arange": "steps that lead away from the end make no number, as in Python",
    "masked_fill": "a value of any shape that broadcasts is taken",
    "roll": "shifts broadcast with dims, as in NumPy",
    "tril": "of a vector is the matrix that NumPy gives",
    "triu": "of a vector is the matrix that NumPy gives",
}

# Neither is an integer or a flag.
NO_COUNTS = (0.5, "no")
COUNTS_AND_FLAGS = {"int", "int | None", "bool", "bool | None", "Dim", "int | Sequence[int]"}


def placed(args: list[Any], options: dict[str, Any], names: list[str], name: str, value: Any) -> tuple[Any, Any]:
    """The arguments of a call with `value` in place of the argument `name`, positional or not."""
    place = names.index(name)
    if place < len(args):
        return [*args[:place], value, *args[place + 1 :]], options
    return args, {**options, name: value}


def raises(function: Callable[..., Any], args: list[Any], options: dict[str, Any]) -> bool:
    try:
        with np.errstate(all="ignore"):
            function(*args, **options)
    except Exception:
        return True
    return False


def no_counts(name: str, sample: Any, function: Any, args: list[Any], options: dict[str, Any]) -> Iterator[str]:
    """Each argument of a call that is no integer or no flag, which PyTorch refuses, and this package takes."""
    parameters = inspect.signature(function).parameters
    positional = [each.name for each in parameters.values() if each.kind is not each.KEYWORD_ONLY]
    theirs = [sample.input, *sample.args], sample.kwargs
    for each in list(parameters.values())[1:]:
        is_number = type(each.default) in (int, bool) or each.name in ("dim", "keepdim")
        if not is_number and each.annotation not in COUNTS_AND_FLAGS:
            continue
        names = [*positional, each.name] if each.kind is each.KEYWORD_ONLY else positional
        taken = OPERATORS[name].op
        if each.default is not each.empty and raises(taken, *placed(*theirs, names, each.name, each.default)):
            continue  # PyTorch has no such argument
        for value in NO_COUNTS:
            if raises(taken, *placed(*theirs, names, each.name, value)) and not raises(
                function, *placed(args, options, names, each.name, value)
            ):
                yield f"{each.name}={value!r}"


@pytest.mark.parametrize("name", [name for name in OF_FLOATS if name not in SPELT])
@pytest.mark.filterwarnings("ignore")
def test_what_is_no_integer_or_flag_is_refused_where_pytorch_refuses_it(name: str) -> None:
    for sample, function, args, options in calls(name):
        if inspect.isfunction(function):
            assert list(no_counts(name, sample, function, args, options)) == [], sample.summary()


WITH_ERRORS = [name for name, op in OPERATORS.items() if op.error_inputs_func is not None]


def test_each_kindness_has_a_row_in_the_docs() -> None:
    assert KINDNESSES.keys() <= {name for place, name, status in LISTED if place != "torch.nn" and status == "differs"}


def has_numbers(sample: Any) -> bool:
    """Whether a number stands where PyTorch asks for a Tensor: in one of the first two places."""
    return any(isinstance(x, int | float) for x in (sample.input, *sample.args[:1]))


@pytest.mark.parametrize("name", WITH_ERRORS)
@pytest.mark.filterwarnings("ignore")
def test_errors_are_raised_where_pytorch_raises(name: str) -> None:
    answered = []
    for error in OPERATORS[name].error_inputs_func(OPERATORS[name], "cpu"):
        sample = error.sample_input
        if not error.error_regex and has_numbers(sample):
            continue
        try:
            function, args, options = call_of(name, sample)
            if not missing(function, options):
                with np.errstate(all="ignore"):
                    function(*args, **options)
                answered.append(f"{sample.summary()}: {error.error_regex}")
        except Exception:  # some of the errors are of other classes here
            continue
    assert name not in KINDNESSES or answered, "it raises by now: it is no kindness any more"
    assert name in KINDNESSES or not answered, "\n".join(answered)
