"""Tensor: an array, its gradient and its place in the graph, with PyTorch's methods.

NumPy's functions accept Tensors (NEP 13, NEP 18), or raise a TypeError. The methods that compute are in `methods.py`.
"""

from __future__ import annotations

import copy
import itertools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._left_out import Described, explains
from ..core import guard
from ..core import record as recording
from ..core.blas import Product
from ..core.functions import DtypeError
from ..core.lines import function_name
from ..core.mode import observers
from ..core.record import Leaf, Node
from .arguments import array_of, get_default_dtype, native_dtypes
from .conversion import Conversions
from .derived import reductions
from .devices import DeviceLike, validate_device
from .dispatch import applied
from .dtypes import constructed
from .leaves import Lent, collect, gradient_of, places_of, seed
from .methods import Methods
from .observer import observer
from .printing import printed
from .refusals import shown
from .views import place_now

__all__ = ["RemovableHandle", "Tensor"]

Array = NDArray[Any]


class RemovableHandle:
    """Puts a hook behind all `hooks`, or before them if `prepend`, and removes it again."""

    _keys = itertools.count()

    def __init__(self, hooks: dict[int, Any], hook: Any, prepend: bool = False) -> None:
        self._hooks = hooks
        self._key = next(self._keys)
        hooks[self._key] = hook
        if prepend:  # a dict is in the order in which its keys were put in: put all others in again
            for earlier in list(hooks)[:-1]:
                hooks[earlier] = hooks.pop(earlier)

    def remove(self) -> None:
        """Remove the hook. A second call does nothing."""
        self._hooks.pop(self._key, None)


@explains("torch.Tensor")
class Tensor(Methods, Conversions, metaclass=Described):
    """A multi-dimensional array that remembers how it was computed.

    As in PyTorch, the constructor makes Tensors of the default dtype (float32), whatever the data are. The function
    `tensor` keeps the dtype of the data, and takes ``dtype=`` and ``requires_grad=``.

    Args:
        data: nested lists of numbers, which are copied; an array, whose memory is shared if it has the default dtype;
            or lengths, one by one, for a Tensor of zeros. If `data` is a Tensor, the new one is an alias, with the same
            memory, dtype and gradient.
        device: the CPU, if anything.

    Raises:
        TypeError: `data` are not numeric, or a single number that is no length; or a masked array or of another
            subclass of `numpy.ndarray`; or `dtype` or `requires_grad` is given.
        ValueError: a length is negative.

    >>> import tinygrad_mlp as tg
    >>> tg.Tensor([1, 2]), tg.tensor([1, 2]), tg.Tensor(2, 3).shape
    (tensor([1., 2.]), tensor([1, 2]), (2, 3))
    """

    __slots__ = ("_frozen",)

    _frozen: Leaf  # the place for the gradient while `requires_grad` is switched off; not set before

    def __init__(self, *data: Any, device: DeviceLike = None, **options: Any) -> None:
        validate_device(device)
        for name in options:
            raise TypeError(f"Tensor() takes no {name}=: write tensor(..., {name}=...)")
        if len(data) == 1 and isinstance(data[0], Tensor):
            observer().refuse("making a Tensor of a Tensor: write clone(), or make it outside the step")
            if hasattr(self, "_data"):  # it could become a view of itself
                raise TypeError("a Tensor is made once: write x.data = y, or make another")
            alias = data[0].reshape(data[0].shape)
            self._data, self._node, self._source = alias._data, alias._node, alias._source
        else:
            self._data, self._node = constructed(data, get_default_dtype(), "Tensor"), None

    # --- the array ----------------------------------------------------------------------------------------------------

    @property
    def data(self) -> Tensor:
        """A Tensor that shares this Tensor's memory, but is not part of the graph: what `detach` returns.

        A Tensor that is assigned shares its memory from then on; an array is copied. A backward pass that needs entries
        that were overwritten through ``.data`` raises an error.

        Raises:
            DtypeError: integers are assigned to a Tensor that requires a gradient.
        """
        return self.detach()

    @data.setter
    def data(self, value: Tensor | ArrayLike) -> None:
        array = value._data if isinstance(value, Tensor) else np.array(array_of(value), self.dtype)
        if array is self._data:  # as after ``x.data += 1``
            return
        if array.dtype.kind != "f" and place_now(self) is not None:
            raise DtypeError(f"the data of a Tensor that requires a gradient are floats, not {array.dtype}")
        observer().refuse("assigning to .data: write x.data.copy_(...)")
        self._data = array
        if hasattr(self, "_source"):
            del self._source  # it is no view any more, not even of another part of the same memory

    def numpy(self, *, force: bool = False) -> Array:
        """The entries as an array that shares this Tensor's memory. `force` detaches the Tensor from the graph first.

        Raises:
            RuntimeError: the Tensor needs a gradient and `force` is not given.
        """
        if not force and place_now(self) is not None:
            raise RuntimeError("numpy() of a Tensor that requires a gradient would lose it: write .detach().numpy()")
        return guard.hand_out(np.asarray(self._read()))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[Tensor]:
        if not self.ndim:
            raise TypeError("a Tensor without dimensions cannot be iterated over: use item()")
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return value is not None and bool((self == value).any())

    __hash__ = object.__hash__  # Python drops it from a class that defines __eq__, which compares entries here

    def __repr__(self) -> str:
        notes = [printed(self._read(), "tensor(")]
        if self.dtype not in (get_default_dtype(), np.int64, np.bool_):
            notes.append(f"dtype={self.dtype}")
        place = place_now(self)
        if isinstance(place, Node):
            notes.append(f"grad_fn=<{function_name(place.function)}>")
        elif place is not None:
            notes.append("requires_grad=True")
        return f"tensor({', '.join(notes)})"

    def __reduce__(self) -> Any:
        self._read()  # which tells the observer that the numbers leave the graph
        if type(place_now(self)) is Node:
            raise TypeError(
                "a Tensor that was computed cannot be pickled or copied with its graph: write .detach(), "
                "and for a plot .detach().numpy()"
            )
        return _remade, (type(self), self._data, self._node is not None)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        if type(place_now(self)) is Node:
            raise RuntimeError("a Tensor that was computed cannot be copied with its graph: copy .detach()")
        self._read()  # for the observer, as in pickling
        leaf = self._leaf()
        copied = self._of(self._data.copy(), Leaf() if leaf is not None else None)
        memo[id(self)] = copied
        copied.grad = copy.deepcopy(self.grad, memo)
        return copied.requires_grad_(self.requires_grad)

    # --- the gradient -------------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether this Tensor, or a Tensor that it was computed from, collects a gradient."""
        return place_now(self) is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Collect a gradient for this Tensor from now on, or stop collecting. The gradient so far stays in ``.grad``.

        Raises:
            RuntimeError: the dtype has no derivative; or the Tensor was computed, and so has to pass gradients on.
        """
        if type(place_now(self)) is Node:
            if not requires_grad:
                raise RuntimeError("a Tensor that was computed from others needs a gradient if they do: use .detach()")
        elif not requires_grad:
            if isinstance(self._node, Leaf):
                observer().meet(self)
                # The leaf is put aside and collects nothing: a graph from before may still lead to it.
                self._frozen = self._node
                self._frozen.frozen = True
                self._node = None
        elif self._node is None:
            if self.dtype.kind != "f":
                raise DtypeError(
                    f"only floating Tensors can require a gradient, not {self.dtype}: "
                    "write the numbers with a decimal point, or call .float() first"
                )
            leaf = self._leaf()  # the one that was put aside, with its gradient
            if leaf is not None:
                observer().meet(self)
            self._node = leaf or Leaf()
            self._node.frozen = False
        return self

    def _leaf(self) -> Leaf | None:
        """The place where the gradient of this leaf is collected, or was before `requires_grad` was switched off."""
        return self._node if isinstance(self._node, Leaf) else getattr(self, "_frozen", None)

    @property
    def is_leaf(self) -> bool:
        """Whether this Tensor was not computed from others that need a gradient."""
        return type(place_now(self)) is not Node

    @property
    def grad_fn(self) -> Node | None:
        """The node that recorded how this Tensor was computed, or None for a leaf."""
        node = place_now(self)
        return node if type(node) is Node else None

    @property
    def grad(self) -> Tensor | None:
        """The gradient collected so far, or None. A computed Tensor keeps its gradient only after `retain_grad`.

        Raises:
            ValueError: the assigned value is neither None nor a Tensor of this shape.
            DtypeError: the assigned Tensor has another dtype.
            RuntimeError: a Tensor is assigned, but this one is not a leaf that requires a gradient.

        Warns:
            UserWarning: the gradient of a computed Tensor is read, without a call of `retain_grad` before.
        """
        leaf = self._leaf()
        if self._node is None:
            observer().meet(self)  # it may require a gradient by the time of a replay
            if leaf is None or leaf.grad is None:
                return None
        if leaf is not None:
            gradient = gradient_of(leaf)
            if type(leaf.grad) is Lent:
                gradient = leaf.grad = leaf.grad.own()
            if gradient is not None and not isinstance(leaf.grad, Tensor):
                leaf.grad = Tensor._of(gradient.dense() if isinstance(gradient, Product) else gradient)
            observer().ask_gradient(leaf)
            return leaf.grad  # type: ignore[no-any-return]
        node: Any = self._node  # for only a computed Tensor is left
        if node.extras is None or node.extras.grad is None:
            if node.extras is None or not node.extras.retains_grad:
                warnings.warn(
                    "the gradient of a Tensor that was computed is not kept in .grad: call retain_grad() on it before "
                    "backward(), or read .grad of the leaf it was computed from",
                    stacklevel=2,
                )
            return None
        gradient = node.extras.grad
        return gradient if isinstance(gradient, Tensor) else Tensor._of(gradient)

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None and (not isinstance(value, Tensor) or value.shape != self.shape):
            given = value.shape if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(f"grad takes None or a Tensor of shape {self.shape}, not {given}")
        if value is not None and value.dtype != self.dtype:
            raise DtypeError(f"grad of a Tensor of {self.dtype} cannot be one of {value.dtype}: write .to(x.dtype)")
        if value is not None:
            observer().refuse("setting a gradient")
        leaf = self._leaf()
        if leaf is not None:
            observer().perform(setattr, leaf, "grad", value)
        elif value is not None:
            raise RuntimeError("only a leaf that requires a gradient can be given one")
        elif isinstance(self._node, Node) and self._node.extras is not None:
            self._node.extras.grad = None

    def retain_grad(self) -> None:
        """Keep the gradient of this computed Tensor in its ``.grad``, as a leaf does.

        Raises:
            RuntimeError: this Tensor does not require a gradient.
        """
        if place_now(self) is None:
            raise RuntimeError("a Tensor that does not require a gradient has none to retain")
        observer().refuse("retaining the gradient of a computed Tensor")
        if isinstance(self._node, Node):
            self._node.attached().retains_grad = True

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call ``hook(gradient)`` when the gradient of this Tensor is known.

        If the hook returns a Tensor, the walk goes on with that instead of the gradient.

        Raises:
            TypeError: `hook` is not a function.
            RuntimeError: this Tensor does not require a gradient; or later, in the backward pass: the hook returns
                something else than None or a Tensor of the gradient's shape.
        """

        def call(gradient: Any) -> Any:  # the walk passes a Tensor if it is recorded itself, else an array or Product
            recorded = isinstance(gradient, Tensor)  # a hook gets a Tensor in any case
            dense = gradient.dense() if isinstance(gradient, Product) else gradient
            replaced = hook(dense if recorded else Tensor._of(np.array(dense)))
            if replaced is None:
                return gradient
            if not isinstance(replaced, Tensor) or replaced.shape != dense.shape:
                given = f"one of shape {replaced.shape}" if isinstance(replaced, Tensor) else type(replaced).__name__
                raise RuntimeError(
                    f"a hook returns None or a Tensor of the gradient's shape {dense.shape}, not {given}"
                )
            return replaced if recorded else np.array(replaced._data, dtype=dense.dtype)

        if not callable(hook):
            raise TypeError(f"a hook is a function of the gradient, not {shown(hook)}")
        if (place := place_now(self)) is None:
            raise RuntimeError("a Tensor that does not require a gradient cannot call a hook with it")
        observer().refuse("a hook that is given a gradient, which a replay would not call")
        holder = place if isinstance(place, Leaf) else place.attached()
        if holder.hooks is None:
            holder.hooks = {}
        return RemovableHandle(holder.hooks, call)

    def detach(self) -> Tensor:
        """A Tensor that shares this Tensor's memory but is not part of the graph."""
        if isinstance(self._node, Leaf):
            guard.guard_leaf(self._data)
        detached = Tensor._of(self._data)
        if observers:
            observer().meet(self)
            observer().made(detached)
        return detached

    def backward(
        self,
        gradient: Tensor | ArrayLike | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Sequence[Tensor] | Tensor | None = None,
    ) -> None:
        """Compute the gradient of this Tensor with respect to each leaf it depends on; add it to the leaf's ``.grad``.

        Args:
            gradient: the cotangent to start from, of this Tensor's shape; 1 by default, if there is only one entry.
            retain_graph: keep the graph for another backward pass; by default only with `create_graph`.
            create_graph: record the pass, so that the gradients can themselves be differentiated.
            inputs: the leaves to collect gradients for; all by default.

        Raises:
            RuntimeError: the Tensor needs no gradient; or has several entries while `gradient` is missing; or an
                earlier pass released the graph; or an array has changed since it was recorded.
            ValueError: `gradient` has another shape.
        """
        collect([seed(self, gradient, create_graph)], retain_graph, create_graph, places_of(inputs))

    # --- NumPy's protocols --------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        function: Any = ufunc if method == "__call__" else reductions.get(ufunc) if method == "reduce" else None
        if function is None:
            raise TypeError(f"numpy.{ufunc.__name__}.{method} is not defined for Tensors")
        if options.get("out") is not None:
            raise TypeError(
                f"numpy.{ufunc.__name__} cannot write into out= where Tensors are involved: assign its result"
            )
        if method == "reduce":
            options.setdefault("axis", 0)  # the default of a ufunc's reduce(), where that of np.sum() is None
        return applied(function, inputs, options)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, options: Any) -> Any:
        if not args:
            raise TypeError(f"numpy.{function.__name__} takes a Tensor as a positional argument, not by a name")
        return applied(function, args, options)


def _remade(kind: type[Tensor], array: Array, requires_grad: bool) -> Tensor:
    """A Tensor as it was before it was pickled."""
    array = array.view(native_dtypes[array.dtype])
    return kind._of(array, Leaf() if requires_grad else None)


recording.tensor_class = Tensor
