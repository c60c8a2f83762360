"""`check_module`: a layer or a network does what its users rely on, in its gradients, dtypes, modes and state."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..autograd.grad_mode import no_grad
from ..autograd.gradcheck import disagreement
from ..autograd.gradients import grad
from ..nn.function_module import FunctionModule
from ..nn.module import Module, find, validate_module
from ..tensors.random import numbers_from
from ..tensors.refusals import several, shown
from ..tensors.tensor import Tensor

__all__ = ["check_module"]

Array = NDArray[Any]
Shape = tuple[int, ...]


def check_module(net: Module, input_shapes: Sequence[Any], *, seed: int = 0) -> None:
    """Check that `net` does what the users of a module rely on.

    The inputs are drawn from the normal distribution. In training mode and in evaluation mode it is checked that

    - ``forward`` changes neither its inputs nor the parameters, and returns the same when it is called again;
    - floating outputs have the dtype of the parameters and inputs, float32 or float64;
    - the gradients with respect to each parameter and each input agree with central differences, in float64;
    - each parameter that requires a gradient has a part in the output (in training mode);
    - the output depends on no array that ``state_dict()`` leaves out, other than buffers that are not persistent, and
      a state that is loaded into another copy of `net` gives the same output, bit for bit.

    All this is done with copies: `net` and the generators of random numbers stay as they are. Each call is of a new
    copy and begins with the same generators, so that a layer such as Dropout drops the same entries each time.

    Differences take two calls for each entry of a parameter or an input, so `net` should be small.

    Args:
        net: the module.
        input_shapes: the shape of its input; or a list of shapes, one for each input. A module that takes integers,
            such as classes, is checked inside a module that holds them.
        seed: draws the inputs and a cotangent of the outputs.

    Raises:
        AssertionError: one of these is not so. The message names the parameter by its path, and says both numbers.
        TypeError: `net` is not a Module, or does not return Tensors.
        ValueError: `input_shapes` is neither a shape nor a list of shapes.

    >>> from tinygrad_mlp import nn
    >>> from tinygrad_mlp.testing import check_module
    >>> check_module(nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Dropout(0.5)), (2, 4))
    >>> class Scaled(nn.Module):
    ...     def __init__(self):
    ...         self.layer = nn.Linear(2, 2)
    ...     def forward(self, x):
    ...         return self.layer(x) * self.layer.bias.detach().exp()
    >>> check_module(Scaled(), (3, 2))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: Scaled in training mode: the gradient with respect to parameter layer.bias at [0], which is ...
    """
    validate_module(net)
    numbers = np.random.default_rng(seed)
    inputs = [numbers.standard_normal(shape) for shape in _shapes(input_shapes)]
    for training in (True, False):
        _check_calls(_trial(net, training, inputs, np.float32))
        trial = _trial(net, training, inputs, np.float64)
        _check_calls(trial)
        _check_gradients(trial, numbers)
        _check_arrays_outside_the_state(trial)
        _check_loading(trial)


def _shapes(given: Any) -> list[Shape]:
    """`given`, one shape or several, as a list of shapes."""
    entries = [*given] if isinstance(given, Sequence) else [given]
    shapes = [given] if all(isinstance(entry, int) for entry in entries) else entries
    for shape in shapes:
        if not isinstance(shape, Sequence) or not all(isinstance(n, int) and n >= 0 for n in shape):
            raise ValueError(
                f"input_shapes is a shape such as (2, 3), or a list with a shape for each input, not {shown(given)}"
            )
    return [tuple(shape) for shape in shapes]


@dataclass(frozen=True)
class _Trial:
    """A module in one mode and one dtype, with its inputs. Each call runs a new copy of the module."""

    net: Module
    inputs: list[Tensor]

    def __str__(self) -> str:
        return f"{type(self.net).__name__} in {'training' if self.net.training else 'evaluation'} mode"

    def copied(self) -> Module:
        """A copy of the module that holds the same parameters, and buffers and generators of its own."""
        return copy.deepcopy(self.net, {id(parameter): parameter for parameter in self.net.parameters()})

    def call(self, net: Module | None = None) -> list[Tensor]:
        """What `net`, or a new copy of the module, returns."""
        try:
            with _generators_as_they_are():
                return [*several((self.copied() if net is None else net)(*self.inputs), "the outputs of forward")]
        except Exception as error:
            error.add_note(f"check_module called {self} with inputs of shapes {[x.shape for x in self.inputs]}")
            raise

    def products(self, cotangents: Sequence[Array]) -> list[Tensor]:
        """The inner product of each floating output with its cotangent."""
        outputs = [output for output in self.call() if output.dtype.kind == "f"]
        return [(output * g).sum() for output, g in zip(outputs, cotangents, strict=True)]

    def named(self) -> dict[str, Tensor]:
        """The parameters and inputs, with what messages call them."""
        parameters = {f"parameter {path}": parameter for path, parameter in self.net.named_parameters()}
        return {**parameters, **{f"input {i}": x for i, x in enumerate(self.inputs)}}


def _trial(net: Module, training: bool, inputs: Sequence[Array], dtype: type[np.floating[Any]]) -> _Trial:
    tensors = [Tensor._of(np.asarray(array, dtype)) for array in inputs]
    return _Trial(copy.deepcopy(net).train(training).to(dtype), tensors)


@contextmanager
def _generators_as_they_are() -> Iterator[None]:
    """A ``with`` block that ends by restoring the states of the generators that belong to no module."""
    default = numbers_from(None)
    states = default.bit_generator.state, np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        yield
    finally:
        numbers_from(None).bit_generator.state = states[0]
        np.random.set_state(states[1])  # noqa: NPY002
        random.setstate(states[2])


def _check_calls(trial: _Trial) -> None:
    """Check that calls change nothing, return the same, and keep the dtype."""
    before = {name: x._data.copy() for name, x in trial.named().items()}
    first = trial.call()
    for name, x in trial.named().items():
        if difference := _difference(x._data, before[name]):
            raise AssertionError(
                f"{trial}: forward changes {name}, which{difference} before the call: write to a .clone() or a buffer"
            )
    _compare(
        trial.call(),
        first,
        f"{trial} returns other numbers when it is called again, with",
        "in the first call: does it draw from a generator that neither it nor the package holds?",
    )
    dtype = trial.inputs[0].dtype
    for i, output in enumerate(first):
        if output.dtype.kind == "f" and output.dtype != dtype:
            raise AssertionError(
                f"{trial} returns {output.dtype} as output {i}, of parameters and inputs of {dtype}: make arrays of "
                "the input's dtype, or hold them as buffers, which .to() converts"
            )


def _check_gradients(trial: _Trial, numbers: np.random.Generator) -> None:
    """Check the gradients of the inner products of outputs with drawn cotangents."""
    trial = replace(trial, inputs=[x.clone().requires_grad_() for x in trial.inputs])
    outputs = [output for output in trial.call() if output.dtype.kind == "f"]
    if not outputs:
        raise AssertionError(f"{trial} returns no floating Tensor, so nothing has a gradient")
    cotangents = [numbers.standard_normal(output.shape) for output in outputs]
    named = trial.named()
    wrong = disagreement(
        lambda *_: trial.products(cotangents), [*named.values()], [*named], eps=1e-6, atol=1e-6, rtol=1e-5
    )
    if wrong is not None:
        raise AssertionError(f"{trial}: the gradient with respect to {wrong.input} is {wrong.values}")
    trained = {path: parameter for path, parameter in trial.net.named_parameters() if parameter.requires_grad}
    if trial.net.training and trained:
        products = [product for product in trial.products(cotangents) if product.requires_grad]
        gradients = grad(products, [*trained.values()], allow_unused=True)
        if unused := [path for path, gradient in zip(trained, gradients, strict=True) if gradient is None]:
            raise AssertionError(
                f"{trial}: the output does not depend on {', '.join(unused)}, so there is no gradient: use it in "
                "forward, take it out of the module, or write requires_grad_(False)"
            )


def _check_arrays_outside_the_state(trial: _Trial) -> None:
    """Check that the output does not depend on arrays that are neither parameters nor buffers."""
    expected = trial.call()
    for path in _outside(trial.net):
        net = trial.copied()
        array = _outside(net)[path]
        array[...] = _altered(array)
        _compare(
            trial.call(net),
            expected,
            f"{trial} depends on {path}, an array that state_dict() does not have: it is lost when the module is "
            "saved. Write register_buffer(name, tensor), with persistent=False if the constructor always gives the "
            "same array. With another array there,",
            "with its own",
        )


def _outside(net: Module) -> dict[str, Array]:
    """By path, the arrays in attributes of `net` and its modules, except for parameters and buffers."""
    state = [*net.parameters(), *net.buffers()]
    arrays = {}
    for prefix, module in net.named_modules():
        if isinstance(module, FunctionModule):
            continue  # its arrays are options, which a user gives to the constructor
        for name, value in vars(module).items():
            for kind in (np.ndarray, Tensor):
                for path, held in find(f"{prefix}.{name}" if prefix else name, value, kind):
                    if not any(held is tensor for tensor in state):
                        arrays[path] = held._data if isinstance(held, Tensor) else held
    return {path: array for path, array in arrays.items() if array.dtype.kind in "fiub"}


def _check_loading(trial: _Trial) -> None:
    """Check that a copy with other numbers computes the same as the module, once it has loaded the module's state."""
    expected = trial.call()
    state = copy.deepcopy(trial.net.state_dict())
    memo: dict[int, Any] = {}
    other = copy.deepcopy(trial.net, memo)
    generators = [value for value in memo.values() if isinstance(value, np.random.Generator)]
    states = [generator.bit_generator.state for generator in generators]
    with no_grad():
        for value in other.state_dict().values():
            if isinstance(value, Tensor):  # not an extra state
                value.copy_(Tensor._of(_altered(value._data)))
    trial.call(other)  # a result that the module keeps for later calls would be of these numbers
    other.load_state_dict(state)
    for generator, before in zip(generators, states, strict=True):
        generator.bit_generator.state = before
    _compare(
        trial.call(other),
        expected,
        f"{trial}: a copy that had other numbers, and has loaded the state_dict, does not compute the same:",
        "of the module itself: does it keep results of earlier calls, or leave something out of its state?",
    )


def _altered(array: Array) -> Array:
    """Other numbers: floats come nearer to 0.5, so a probability remains one; other entries change places."""
    return np.asarray(0.75 * array + 0.125, array.dtype) if array.dtype.kind == "f" else np.flip(array).copy()


def _compare(outputs: Sequence[Tensor], expected: Sequence[Tensor], claim: str, whose: str) -> None:
    """Raise AssertionError unless all outputs have the same bits. `claim` begins the message, and `whose` ends it."""
    for i, (one, other) in enumerate(zip(outputs, expected, strict=True)):
        if difference := _difference(one._data, other._data):
            raise AssertionError(f"{claim} output {i}{difference} {whose}")


def _difference(one: Array, other: Array) -> str:
    """The first entry that differs between two arrays, in words; "" if all bits are the same."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return f" is {one.dtype} of shape {one.shape}, but {other.dtype} of shape {other.shape}"
    if one.tobytes() == other.tobytes():
        return ""
    index = next(index for index in np.ndindex(one.shape) if one[index].tobytes() != other[index].tobytes())
    return f"{f' at {list(index)}' if index else ''} is {one[index].item():.9g}, but {other[index].item():.9g}"
