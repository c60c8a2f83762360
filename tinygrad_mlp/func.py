"""Derivatives as functions of functions, and calls of a module with other weights, as `torch.func` has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

from ._left_out import explain_in
from .autograd import enable_grad, functional, is_grad_enabled
from .autograd import grad as gradients
from .core.record import Leaf, Node
from .nn.module import Module
from .tensors.creation import zeros_like
from .tensors.observer import observer
from .tensors.refusals import shown
from .tensors.tensor import Tensor
from .tensors.views import place_now

__all__ = ["functional_call", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev"]

Function = Callable[..., Any]


# --- calls with other weights -----------------------------------------------------------------------------------------


class _StandIns:
    """A ``with`` block in which Tensors of a module have the entries and the places in the graph of other Tensors."""

    _SLOTS = ("_data", "_node", "_source")

    def __init__(self, given: Mapping[Tensor, Tensor]) -> None:
        self._given = given

    def __enter__(self) -> None:
        # All contents are read before the first is written, because a given Tensor may itself be a parameter.
        self._own = {held: self._content(held) for held in self._given}
        contents = {held: self._content(value) for held, value in self._given.items()}
        for held, content in contents.items():
            self._fill(held, content)

    def __exit__(self, *error: object) -> None:
        for held, content in self._own.items():
            self._fill(held, content)

    def _content(self, tensor: Tensor) -> dict[str, Any]:
        return {name: getattr(tensor, name) for name in self._SLOTS if hasattr(tensor, name)}

    def _fill(self, tensor: Tensor, content: Mapping[str, Any]) -> None:
        for name in self._SLOTS:
            if name in content:
                setattr(tensor, name, content[name])
            elif hasattr(tensor, name):
                delattr(tensor, name)


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call `module` with other Tensors in the place of its parameters and buffers.

    Args:
        parameter_and_buffer_dicts: Tensors by the paths of the parameters and buffers that they replace, in one dict or
            several. If `module` writes to a buffer in place, it writes to the Tensor that replaces the buffer. If it
            assigns another Tensor, that is put into the dict.
        args: the positional argument of the call, or a tuple of several.
        kwargs: its keyword arguments.
        tie_weights: True: a parameter that has two paths is replaced at both.
        strict: whether a path has to be given for each parameter and buffer.

    Raises:
        TypeError: what is given for a path is no Tensor.
        AttributeError: there is no parameter or buffer at a path.
        ValueError: a path is given twice, or a parameter gets two Tensors, or `tie_weights` is False.
        RuntimeError: `strict` is True, and a path is missing.

    >>> import tinygrad_mlp as tg
    >>> net = tg.nn.Linear(2, 1, bias=False)
    >>> tg.func.functional_call(net, {"weight": tg.tensor([[1.0, 2.0]])}, tg.ones(1, 2))
    tensor([[3.]])
    """
    if not tie_weights:
        raise ValueError("functional_call() replaces a parameter at all its paths: leave tie_weights=False out")
    observer().refuse("functional_call(): write the step with the weights of the module itself")
    dicts = (
        [parameter_and_buffer_dicts] if isinstance(parameter_and_buffer_dicts, Mapping) else parameter_and_buffer_dicts
    )
    held = dict(module.named_parameters(remove_duplicate=False)) | dict(module.named_buffers(remove_duplicate=False))
    given = _given(module, held, dicts, strict)
    arguments = () if args is None else args if isinstance(args, tuple) else (args,)
    # `forward` may assign another Tensor to a buffer. Note all buffers before, to put them back.
    places = [(owner, name) for owner in module.modules() for name in owner._buffers]
    buffers = [(*place, vars(place[0])[place[1]]) for place in places]
    try:
        with _StandIns(given):
            return module(*arguments, **(kwargs or {}))
    finally:
        for owner, name, buffer in buffers:
            if buffer in given and vars(owner).get(name) is not buffer:  # `forward` has assigned another Tensor
                for path in [path for path, tensor in held.items() if tensor is buffer]:
                    _give(dicts, path, getattr(owner, name))
                setattr(owner, name, buffer)


def _given(
    module: Module, held: Mapping[str, Tensor], dicts: Sequence[Mapping[str, Tensor]], strict: bool
) -> dict[Tensor, Tensor]:
    """For each Tensor of `module` the one that stands for it, by the paths of `dicts`."""
    given: dict[Tensor, Tensor] = {}
    paths: list[str] = []
    for path, value in (pair for named in dicts for pair in named.items()):
        if not isinstance(value, Tensor):
            raise TypeError(f"functional_call() takes Tensors by their paths, not {shown(value)} for {path!r}")
        if path not in held:
            raise AttributeError(f"{type(module).__name__} has no parameter or buffer {path!r}: it has {sorted(held)}")
        if path in paths:
            raise ValueError(f"functional_call(): {path!r} is given twice")
        if given.setdefault(held[path], value) is not value:
            raise ValueError(f"functional_call(): {path!r} is also held elsewhere, for which there is another Tensor")
        paths.append(path)
    if strict and (missing := [path for path, tensor in held.items() if tensor not in given]):
        raise RuntimeError(f"functional_call(): no Tensor is given for {missing}: leave strict=True out to use its own")
    return given


def _give(dicts: Sequence[Mapping[str, Tensor]], path: str, value: Any) -> None:
    """Put `value` in the place of the Tensor that was given for `path`, if the dict can be changed."""
    for named in dicts:
        if path in named and isinstance(named, MutableMapping):
            named[path] = value


# --- derivatives ------------------------------------------------------------------------------------------------------


def _mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """A copy of nested dicts, lists and tuples with ``change(tensor)`` for each Tensor in it."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _mapped(entry, change) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        entries = [_mapped(entry, change) for entry in value]
        return type(value)(*entries) if hasattr(value, "_fields") else type(value)(entries)
    raise TypeError(f"a gradient is taken by Tensors, and dicts, lists and tuples of them, not {shown(value)}")


def _fresh(x: Tensor) -> Tensor:
    """A new Tensor with the entries of `x`, to differentiate by. If `x` is part of a graph, so is the new Tensor."""
    return x.clone() if x.requires_grad else x.detach().requires_grad_()


def _needs_more(output: Tensor, fresh: Sequence[Tensor]) -> bool:
    """Whether `output` depends on leaves other than `fresh`, by which somebody may differentiate the gradient."""
    ours = {place_now(x) for x in fresh}
    seen: set[Any] = set()
    waiting = [place_now(output)]
    while waiting:
        place = waiting.pop()
        if isinstance(place, Leaf) and place not in ours:
            return True
        if isinstance(place, Node) and place not in seen:
            seen.add(place)
            waiting.extend(place.edges)
    return False


def grad_and_value(func: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Function:
    """A function that returns the gradient of `func`, and what `func` returns, for its arguments.

    Args:
        func: a function whose result is a Tensor without dimensions.
        argnums: the positions of the arguments to differentiate by: Tensors, and dicts, lists and tuples of them.
        has_aux: whether `func` returns a pair: the result to differentiate, and an extra result, which is passed on.

    The gradients can be differentiated if `func` depends on other Tensors that need a gradient, so calls can be nested,
    as in ``grad(grad(func))``.

    Raises:
        RuntimeError: later, in a call: `func` returns no Tensor of one entry.
        TypeError: later, in a call: an argument at `argnums` holds something else than Tensors.
    """
    positions = (argnums,) if isinstance(argnums, int) else argnums

    def gradient_and_value(*args: Any, **kwargs: Any) -> Any:
        fresh: list[Tensor] = []

        def variable(x: Tensor) -> Tensor:
            fresh.append(_fresh(x))
            return fresh[-1]

        given = list(args)
        with enable_grad():
            for position in positions:
                given[position] = _mapped(args[position], variable)
            result = func(*given, **kwargs)
            output = result[0] if has_aux else result
            if not isinstance(output, Tensor) or output.numel() != 1:
                raise RuntimeError(f"grad() takes a function that returns one number in a Tensor, not {shown(output)}")
        # The pass is only recorded if somebody outside, such as a second `grad`, can differentiate the gradient.
        again = is_grad_enabled() and _needs_more(output, fresh)
        found = iter([zeros_like(x) for x in fresh])
        if output.requires_grad:
            found = iter(gradients(output, fresh, create_graph=again, allow_unused=True, materialize_grads=True))
        # `_mapped` meets the Tensors in the order in which `variable` did, so `next` gives each its own gradient.
        parts = [_mapped(args[position], lambda _: next(found)) for position in positions]
        gradient = parts[0] if isinstance(argnums, int) else tuple(parts)
        value = _mapped(result if has_aux else output, lambda y: y if again else y.detach())
        return gradient, value

    return gradient_and_value


def grad(func: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Function:
    """A function that returns the gradient of `func`; with `has_aux`, the pair of the gradient and the extra result.

    The arguments are those of `grad_and_value`.

    >>> import tinygrad_mlp as tg
    >>> tg.func.grad(lambda x: (x**3).sum())(tg.tensor([1.0, 2.0]))
    tensor([ 3., 12.])
    >>> tg.func.grad(tg.func.grad(lambda x: x**3))(tg.tensor(2.0))
    tensor(12.)
    """
    both = grad_and_value(func, argnums, has_aux)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def jacrev(func: Function, argnums: int = 0) -> Function:
    """A function that returns the Jacobian matrix of `func` by its argument at `argnums`, a Tensor.

    The shape of the Jacobian is that of the result, followed by that of the argument. It takes one backward pass for
    each entry of the result. The Jacobian can be differentiated if `func` depends on other Tensors that need a
    gradient, so ``jacrev(jacrev(func))`` is possible.
    """

    def matrix(*args: Any, **kwargs: Any) -> Any:
        with enable_grad():  # a derivative is computed under `no_grad`, too
            fresh = _fresh(args[argnums])
            result = func(*args[:argnums], fresh, *args[argnums + 1 :], **kwargs)

        def block(output: Tensor) -> Tensor:
            # The passes are only recorded if somebody outside, such as a second `jacrev`, can differentiate them.
            again = is_grad_enabled() and _needs_more(output, [fresh])
            with enable_grad():
                return functional.rows(output, (fresh,), again, strict=False)[0]

        return _mapped(result, block)

    return matrix


def jacfwd(func: Function, argnums: int = 0) -> Function:
    """`jacrev`: there is one way to compute a Jacobian matrix here."""
    return jacrev(func, argnums)


def hessian(func: Function, argnums: int = 0) -> Function:
    """A function that returns the matrix of second derivatives of `func` by its argument at `argnums`, a Tensor."""
    return jacrev(jacrev(func, argnums), argnums)


explain_in(globals())
