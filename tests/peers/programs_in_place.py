"""Operations of random programs that read, view and write Tensors, in a library, and in PyTorch without aliases.

A `World` is a library in which a program runs. In the `Safe` world, PyTorch computes on copies: no array that a later
backward pass needs is ever overwritten, and so its gradients are right by mathematics, whatever is written where.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

Index = tuple[str, Any]
Shape = tuple[int, ...]


def shape_of(x: Any) -> Shape:
    return tuple(x.shape)


def entries_of(x: Any) -> np.ndarray[Any, Any]:
    """The entries of a Tensor. `tolist` hands no memory out, so that nobody has to watch for writes to it."""
    return np.array(x.tolist(), np.float64).reshape(shape_of(x))


def dtype_of(x: Any) -> str:
    return str(x.dtype).removeprefix("torch.")


def layout_of(x: Any) -> tuple[int, ...]:
    """How many bytes lie between the neighbours along each dimension that has any. It decides what `reshape` copies."""
    strides = [step * x.element_size() for step in x.stride()] if hasattr(x, "stride") else x._data.strides
    return tuple(step for step, n in zip(strides, x.shape, strict=True) if n > 1)


def expanded(x: Any) -> bool:
    """Whether entries of `x` share their memory. PyTorch writes nothing to it but numbers and, in vain, `x` itself."""
    return 0 in layout_of(x)


def is_contiguous(x: Any) -> bool:
    """Whether the entries of `x` lie in memory in their order."""
    step, steps = 8 if dtype_of(x) == "float64" else 4, []
    for n in reversed(shape_of(x)):
        if n > 1:
            steps.insert(0, step)
        step *= n
    return tuple(steps) == layout_of(x)


# --- reading ----------------------------------------------------------------------------------------------------------


def other_dtype(x: Any) -> Any:
    return x.float() if dtype_of(x) == "float64" else x.double()


def some(m: Any, x: Any) -> Any:
    """A mask of the shape of `x`, of which every second entry is true."""
    return m.tensor((np.arange(max(x.numel(), 1)) % 2 == 0)[: x.numel()].reshape(shape_of(x)))


def fit_as_factors(a: Any, b: Any) -> bool:
    return a.ndim == b.ndim == 2 and a.shape == b.shape and a.dtype == b.dtype


# Functions of one Tensor. PyTorch keeps the input of some of them, the output of others, and nothing of the rest.
UNARY: dict[str, Callable[[Any, Any], Any]] = {
    "exp": lambda m, x: x.exp(),
    "tanh": lambda m, x: x.tanh(),
    "sigmoid": lambda m, x: x.sigmoid(),
    "sin": lambda m, x: x.sin(),
    "square": lambda m, x: x * x,
    "power": lambda m, x: x**3,
    "positive": lambda m, x: x * x + 1,
    "softmax": lambda m, x: x.softmax(-1) if x.ndim else x * 1,
    "negative": lambda m, x: -x,
    "triple": lambda m, x: x * 3,
    "half": lambda m, x: x / 2,
    "from three": lambda m, x: 3 - x,
    "sum": lambda m, x: x.sum(),
    "sum of columns": lambda m, x: x.sum(0) if x.ndim else x.sum(),
    "mean": lambda m, x: x.mean() if x.numel() else x.sum(),
    "clone": lambda m, x: x.clone(),
    "flip": lambda m, x: x.flip(0) if x.ndim else x.clone(),
    "cat": lambda m, x: m.cat([x, x]) if x.ndim else m.stack([x, x]),
    "where": lambda m, x: m.where(some(m, x), x, m.zeros_like(x)),
    "selected": lambda m, x: x[some(m, x)] if x.ndim else x.clone(),
    "other dtype": lambda m, x: other_dtype(x),
}

BINARY: dict[str, Callable[[Any, Any, Any], Any]] = {
    "add": lambda m, a, b: a + b,
    "subtract": lambda m, a, b: a - b,
    "multiply": lambda m, a, b: a * b,
    "divide": lambda m, a, b: a / (b * b + 1),
    "matmul": lambda m, a, b: a @ b.t() if fit_as_factors(a, b) else a * b,
    "stack": lambda m, a, b: m.stack([a, b]) if a.shape == b.shape else a * b,
}


# --- views ------------------------------------------------------------------------------------------------------------

# Each with the Tensors that it can be made of, and a number that chooses among several views.
VIEWS: dict[str, tuple[Callable[[Any], bool], Callable[[Any, int], Any]]] = {
    "entry": (lambda x: x.ndim > 0 and len(x) > 0, lambda x, k: x[k % len(x)]),
    "part": (lambda x: x.ndim > 0, lambda x, k: x[k % 2 : 2]),
    "every second": (lambda x: x.ndim > 0, lambda x, k: x[::2]),
    "column": (lambda x: x.ndim > 0 and x.shape[-1] > 0, lambda x, k: x[..., k % x.shape[-1]]),
    "everything": (lambda x: True, lambda x, k: x[...]),
    "None": (lambda x: x.ndim < 3, lambda x, k: x[None]),
    "unsqueeze": (lambda x: x.ndim < 3, lambda x, k: x.unsqueeze(k % (x.ndim + 1))),
    "squeeze": (lambda x: x.ndim > 0, lambda x, k: x.squeeze(k % x.ndim)),
    "t": (lambda x: x.ndim == 2, lambda x, k: x.t()),
    "transpose": (lambda x: x.ndim > 0, lambda x, k: x.transpose(k % x.ndim, -1)),
    "permute": (lambda x: x.ndim > 0, lambda x, k: x.permute(*range(x.ndim)[::-1])),
    "diagonal": (lambda x: x.ndim > 1, lambda x, k: x.diagonal()),
    "reshape": (lambda x: x.numel() > 0, lambda x, k: x.reshape(-1)),
    "flatten": (lambda x: x.ndim != 1, lambda x, k: x.flatten()),
    "view": (lambda x: x.ndim > 0 and is_contiguous(x), lambda x, k: x.view(*shape_of(x)[::-1])),
    "expand": (lambda x: x.ndim < 3, lambda x, k: x.expand(1 + k % 2, *shape_of(x))),
    "detach": (lambda x: True, lambda x, k: x.detach()),
    "data": (lambda x: True, lambda x, k: x.data),
}
LAID_OUT = ("reshape", "flatten", "view")  # views of one layout in memory, and copies of another


# --- writing ----------------------------------------------------------------------------------------------------------

# Each with the function that computes the new entries; None if these are copies.
UPDATES: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any] | None]] = {
    "add_": (lambda x, v: x.add_(v), operator.add),
    "add_ with alpha": (lambda x, v: x.add_(v, alpha=0.5), lambda x, v: x + v * 0.5),
    "sub_": (lambda x, v: x.sub_(v), operator.sub),
    "mul_": (lambda x, v: x.mul_(v), operator.mul),
    "div_": (lambda x, v: x.div_(v), operator.truediv),
    "+=": (operator.iadd, operator.add),
    "-=": (operator.isub, operator.sub),
    "*=": (operator.imul, operator.mul),
    "/=": (operator.itruediv, operator.truediv),
    "**=": (lambda x, v: operator.ipow(x, 2), lambda x, v: x**2),
    "copy_": (lambda x, v: x.copy_(v), None),
    "fill_": (lambda x, v: x.fill_(v), None),
    "zero_": (lambda x, v: x.zero_(), None),
}
TAKE_TENSORS = {"copy_"}  # no numbers
TAKE_ONE = {"fill_"}  # a number, or a Tensor without dimensions


def indices_of(shape: Shape) -> list[Index]:
    """What can be assigned to in a Tensor of this shape, as plain data. No index names an entry twice."""
    found: list[Index] = [("...", None)]
    if shape:
        n, last = shape[0], shape[-1]
        found += [("part", (k, 2)) for k in (0, 1)] + [("mask", [k % 2 == 0 for k in range(n)]), ("mask of all", shape)]
        if n:
            found += [("entry", 0), ("entry", -1), ("positions", [n - 1]), ("positions", [*range(n)][::-1][:2])]
        if last and len(shape) > 1:
            found += [("column", 0), ("column", last - 1), ("columns", [last - 1])]
    return found


def index_in(m: Any, index: Index) -> Any:
    """An index of `indices_of`, with Tensors of the library `m`."""
    kind, what = index
    make: dict[str, Callable[[], Any]] = {
        "...": lambda: ...,
        "entry": lambda: what,
        "part": lambda: slice(*what),
        "column": lambda: (slice(None), what) if what == 0 else (..., what),
        "columns": lambda: (..., m.tensor(what)),
        "positions": lambda: m.tensor(what),
        "mask": lambda: m.tensor(np.array(what, bool)),
        "mask of all": lambda: some(m, m.zeros(*what)),
    }
    return make[kind]()


# --- the worlds -------------------------------------------------------------------------------------------------------


class World:
    """A library in which a program runs. The methods are the instructions of a program."""

    def __init__(self, m: Any) -> None:
        self.m = m

    def fitting(self, value: Any, shape: Shape) -> Any:
        """`value`, or a number computed from it where it cannot be broadcast to `shape`."""
        if not hasattr(value, "shape") or value.ndim <= len(shape):
            try:
                if np.broadcast_shapes(shape_of(value), shape) == shape:
                    return value
            except ValueError:
                pass
        return self.read("sum", value)

    def read(self, name: str, *operands: Any) -> Any:
        return (UNARY if len(operands) == 1 else BINARY)[name](self.m, *operands)

    def view(self, name: str, x: Any, k: int) -> Any:
        return VIEWS[name][1](x, k)

    def quiet_view(self, name: str, x: Any, k: int) -> Any:
        with self.m.no_grad():
            return self.view(name, x, k)

    def update(self, name: str, x: Any, value: Any) -> None:
        result = UPDATES[name][0](x, value)
        assert result is x, f"{name} returned another Tensor"

    def assign(self, x: Any, index: Index, value: Any) -> None:
        x[index_in(self.m, index)] = value

    def part(self, x: Any, index: Index) -> Any:
        return x[index_in(self.m, index)]

    def quiet_part(self, x: Any, index: Index) -> Any:
        with self.m.no_grad():
            return self.part(x, index)

    def walk(self, x: Any, cotangent: Any, retain: bool | None, create: bool) -> None:
        x.backward(cotangent, retain_graph=retain, create_graph=create)

    def gradients(self, x: Any, inputs: list[Any], cotangent: Any, retain: bool | None, create: bool) -> list[Any]:
        """The gradients of `x`. They are copied, because PyTorch may return one Tensor for two of them."""
        found = self.m.autograd.grad(x, inputs, cotangent, retain_graph=retain, create_graph=create, allow_unused=True)
        return [None if g is None else g.clone() for g in found]


class Safe(World):
    """PyTorch, computing on copies. It keeps all graphs.

    What needs a gradient has detached views under `no_grad`. What needs none has the views that it has otherwise.
    """

    def copied(self, value: Any) -> Any:
        return value.clone() if hasattr(value, "clone") else value

    def read(self, name: str, *operands: Any) -> Any:
        return super().read(name, *map(self.copied, operands)).clone()

    def quiet_view(self, name: str, x: Any, k: int) -> Any:
        view = self.view(name, x, k)
        return view.detach() if x.requires_grad else view

    def update(self, name: str, x: Any, value: Any) -> None:
        write, compute = UPDATES[name]
        if compute is None:  # nothing is kept
            write(x, value if expanded(x) else self.copied(value))
        else:
            x.copy_(compute(self.copied(x), self.copied(value)))

    def assign(self, x: Any, index: Index, value: Any) -> None:
        super().assign(x, index, value.clone().to(x.dtype) if hasattr(value, "clone") and not expanded(x) else value)

    def quiet_part(self, x: Any, index: Index) -> Any:
        part = self.part(x, index)
        return part.detach() if x.requires_grad else part

    def walk(self, x: Any, cotangent: Any, retain: bool | None, create: bool) -> None:
        super().walk(x, cotangent, True, create)

    def gradients(self, x: Any, inputs: list[Any], cotangent: Any, retain: bool | None, create: bool) -> list[Any]:
        return super().gradients(x, inputs, cotangent, True, create)
