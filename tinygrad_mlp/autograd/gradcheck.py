"""Checks gradients against central differences, for functions, layers and rules that a user writes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..tensors.random import AnyGenerator, numbers_from
from ..tensors.refusals import several, warn
from ..tensors.tensor import Tensor
from .gradients import grad

__all__ = ["Disagreement", "disagreement", "gradcheck", "gradgradcheck"]

Array = NDArray[Any]


def _validated(inputs: Any) -> tuple[Tensor, ...]:
    """The inputs as a tuple. Raises ValueError if none requires a gradient; warns if one that does is not float64."""
    listed = several(inputs, "inputs")
    differentiated = [x for x in listed if x.requires_grad]
    if not differentiated:
        raise ValueError("gradcheck() checks the inputs that require a gradient, and none does: set requires_grad=True")
    if any(x.dtype != np.float64 for x in differentiated):
        warn("gradcheck() of inputs that are not float64 compares rounding errors: call .double() on them first")
    return listed


def _validate_checks(of_backward_passes: bool, **others: bool) -> None:
    """Raise ValueError if one of the `others` is True: these are checks that PyTorch has and this package lacks."""
    for name, wanted in others.items():
        if wanted:
            raise ValueError(f"{name}=True is left out: there is no forward mode and no vmap, only backward passes")
    if not of_backward_passes:
        raise ValueError("without backward passes there is nothing to check: leave the option out")


def _differences(func: Callable[..., Any], inputs: Sequence[Tensor], x: Tensor, eps: float) -> list[Array]:
    """∂output/∂x for each output, of shape (entries of x, entries of the output), by central differences.

    While the entries vary, x holds a copy of its array. So `func` sees the changed entries even if x is not an argument
    of `func` but a parameter of a layer that it calls. Other Tensors that share memory with x do not change.
    """
    rows = []
    own = x._data
    x._data = varied = np.array(own)
    try:
        for index in np.ndindex(x.shape):
            sides = []
            for step in (eps, -eps):
                varied[index] = own[index] + step
                sides.append([np.array(output._data, np.float64) for output in several(func(*inputs), "outputs")])
            varied[index] = own[index]
            rows.append([(above - below).ravel() / (2 * eps) for above, below in zip(*sides, strict=True)])
    finally:
        x._data = own
    return [np.array(of_one) for of_one in zip(*rows, strict=True)]


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Tensor],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of `func` agree with central differences, for every entry of every input and output.

    Args:
        func: a function of Tensors that returns a Tensor or several; it must not change its arguments.
        inputs: the arguments of `func`. Those that require a gradient are checked, and should be float64.
        eps: the step of the differences (f(x + eps) − f(x − eps)) / 2 eps.
        atol, rtol: a gradient agrees if it differs by at most atol + rtol · |n| from the central difference n.
        raise_exception: raise an error if a gradient does not agree, instead of returning False.
        nondet_tol, check_undefined_grad, check_grad_dtypes, fast_mode, masked: PyTorch's options, which change nothing:
            every entry is checked, whatever they are.
        check_batched_grad, check_batched_forward_grad, check_forward_ad: False, because there are no such gradients.
        check_backward_ad: True.

    Raises:
        RuntimeError: a gradient does not agree. The message says which, and at which value of the input.
        ValueError: no input requires a gradient, or another check is asked for than that of backward passes.

    >>> import numpy as np, tinygrad_mlp as tg
    >>> tg.autograd.gradcheck(lambda x: x.tanh(), tg.tensor([0.5, -1.0], dtype=np.float64, requires_grad=True))
    True
    """
    _validate_checks(
        check_backward_ad,
        check_batched_grad=check_batched_grad,
        check_batched_forward_grad=check_batched_forward_grad,
        check_forward_ad=check_forward_ad,
    )
    listed = _validated(inputs)
    names = [f"input {name}" for name in _names(func, len(listed))]
    found = disagreement(func, listed, names, eps, atol, rtol)
    if found is None or not raise_exception:
        return found is None
    raise RuntimeError(
        f"the first derivative of output {found.output}{found.column} with respect to {found.input} is {found.values}"
    )


_COARSE = "The input is float32, which is too coarse for differences: pass x.double()"
_KINK = (
    "If the function has a kink there, as relu at 0, or the edge of its domain, as sqrt at 0, check it at other points"
)


class Disagreement(NamedTuple):
    """Where a gradient does not agree: the output by its number, the entries by their indices, the rest in words."""

    output: int
    column: str
    input: str
    values: str


def disagreement(
    func: Callable[..., Any], inputs: Sequence[Tensor], names: Sequence[str], eps: float, atol: float, rtol: float
) -> Disagreement | None:
    """The first gradient of `func` that does not agree with central differences, or None if all agree."""
    for x, name in zip(inputs, names, strict=True):
        if not x.requires_grad:
            continue
        with np.errstate(all="ignore"):  # beyond the edge of a domain there are NaNs, and the message asks about it
            expected = _differences(func, inputs, x, eps)
            outputs = several(func(*inputs), "outputs")
            for number, (output, numerical) in enumerate(zip(outputs, expected, strict=False)):
                analytical = _gradients(output, x, numerical)
                agree = np.isclose(analytical, numerical, rtol, atol)
                if not agree.all():
                    entry, column = np.argwhere(~agree)[0]
                    return Disagreement(
                        number,
                        _at(output, column),
                        f"{name}{_at(x, entry)}, which is {x._data.ravel()[entry]:.9g},",
                        f"{analytical[entry, column]:.9g}, but central differences give "
                        f"{numerical[entry, column]:.9g}; {np.count_nonzero(~agree)} of {agree.size} entries disagree. "
                        + (_COARSE if x.dtype != np.float64 else _KINK),
                    )
    return None


def _names(func: Callable[..., Any], number: int) -> list[str]:
    """What messages call the first `number` arguments of `func`: their positions, and the names of its parameters."""
    try:
        parameters = [p for p in inspect.signature(func).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    except (TypeError, ValueError):  # some functions that are not written in Python have no signature
        parameters = []
    return [f"{i} ({parameters[i].name})" if i < len(parameters) else str(i) for i in range(number)]


def _gradients(output: Tensor, x: Tensor, like: Array) -> Array:
    """∂output/∂x, as an array like `like`, by one backward pass for each entry of the output."""
    gradients = np.zeros_like(like)
    if output.requires_grad:
        for column, unit_vector in enumerate(np.eye(output.numel(), dtype=output.dtype)):
            cotangent = unit_vector.reshape(output.shape)
            (gradient,) = grad(output, x, cotangent, retain_graph=True, materialize_grads=True)
            gradients[:, column] = gradient._data.ravel()
    return gradients


def _at(x: Tensor, entry: int) -> str:
    """The index of `entry`, a position in the flattened `x`, in words; "" for a number."""
    return f" at {[int(i) for i in np.unravel_index(entry, x.shape)]}" if x.ndim else ""


def _cotangents(
    given: Any, func: Callable[..., Any], inputs: Sequence[Tensor], generator: AnyGenerator | None
) -> list[Tensor]:
    """The cotangents of the outputs of `func`, which are drawn if none are `given`, as leaves."""
    if given is not None:
        return [cotangent.detach().requires_grad_() for cotangent in several(given, "grad_outputs")]
    numbers = numbers_from(generator)
    outputs = [output for output in several(func(*inputs), "outputs") if output.requires_grad]
    return [Tensor._of(numbers.standard_normal(o.shape).astype(o.dtype)).requires_grad_() for o in outputs]


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
    generator: AnyGenerator | None = None,
) -> bool:
    """Whether second derivatives agree with central differences: `gradcheck` of the gradient of `func`.

    Args:
        grad_outputs: the cotangents of the outputs; by default drawn from the normal distribution with `generator`.
        func, inputs, eps, atol, rtol, raise_exception: as for `gradcheck`.
        gen_non_contig_grad_outputs, nondet_tol, check_undefined_grad, check_grad_dtypes, fast_mode, masked: PyTorch's
            options, which change nothing.
        check_batched_grad, check_fwd_over_rev: False, because there are no such gradients.
        check_rev_over_rev: True.

    Raises:
        RuntimeError: a second derivative does not agree. The message says which, and at which value of the input.
        ValueError: no input requires a gradient, or another check is asked for than that of backward passes.

    >>> import numpy as np, tinygrad_mlp as tg
    >>> tg.autograd.gradgradcheck(lambda x: x.tanh(), tg.tensor([0.5, -1.0], dtype=np.float64, requires_grad=True))
    True
    """
    _validate_checks(check_rev_over_rev, check_batched_grad=check_batched_grad, check_fwd_over_rev=check_fwd_over_rev)
    listed = _validated(inputs)
    cotangents = _cotangents(grad_outputs, func, listed, generator)

    def gradient(*arguments: Tensor) -> tuple[Any, ...]:
        """The gradients of `func`, as a function of its inputs and of the cotangents, to be differentiated by both."""
        variables, cotangents = arguments[: len(listed)], arguments[len(listed) :]
        outputs = [output for output in several(func(*variables), "outputs") if output.requires_grad]
        differentiated = [x for x in variables if x.requires_grad]
        return grad(outputs, differentiated, cotangents, create_graph=True, materialize_grads=True)

    names = [f"input {name}" for name in _names(func, len(listed))]
    of_outputs = [f"the cotangent {i} of the outputs" for i in range(len(cotangents))]
    found = disagreement(gradient, [*listed, *cotangents], [*names, *of_outputs], eps, atol, rtol)
    if found is None or not raise_exception:
        return found is None
    of = [name for x, name in zip(listed, names, strict=True) if x.requires_grad][found.output]
    raise RuntimeError(
        f"the second derivative, that of the gradient of {of}{found.column} with respect to {found.input} is "
        f"{found.values}. The numbers are multiples of grad_outputs, which are random unless they are given. A rule "
        "that takes numbers out of its inputs, as by .item(), cannot be differentiated again"
    )
