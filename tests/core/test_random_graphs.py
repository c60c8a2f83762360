"""In graphs that grow at random, each gradient is the sum over all paths of the products of Jacobians."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from ops import softmax
from strategies import Array, leaf

import tinygrad_mlp as tg
from tinygrad_mlp import nn

N = 3
MIX = np.array([[0.5, -1.0, 0.25], [0.0, 0.75, 1.0], [-0.5, 0.5, 0.5]])
PICK = [2, 0, 0]
MASK = np.array([True, False, True])
IDENTITY = np.eye(N)

# Each operation of vectors with its Jacobians (rows: output, columns: input), derived by hand.
UNARY: dict[str, tuple[Callable[[Any], Any], Callable[[Array], Array]]] = {
    "tanh": (lambda x: x.tanh(), lambda v: np.diag(1 - np.tanh(v) ** 2)),
    "negative": (lambda x: -x, lambda v: -IDENTITY),
    "half the square": (lambda x: x**2 / 2, np.diag),
    "matrix": (lambda x: MIX @ x, lambda v: MIX),
    "layer": (lambda x: nn.functional.linear(x, tg.tensor(MIX)), lambda v: MIX),
    "taken twice": (lambda x: x[PICK], lambda v: IDENTITY[PICK]),
    "mean": (lambda x: np.broadcast_to(x.mean(), (N,)), lambda v: np.full((N, N), 1 / N)),
    "softmax": (lambda x: x.softmax(0), lambda v: np.diag(softmax(v, 0)) - np.outer(softmax(v, 0), softmax(v, 0))),
    "there and back": (lambda x: x.reshape(N, 1).T.clone()[0], lambda v: IDENTITY),
    "cut off": (lambda x: np.maximum(x, 0.125), lambda v: np.diag(1.0 * (v > 0.125) + 0.5 * (v == 0.125))),
}
BINARY: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Array, Array], tuple[Array, Array]]]] = {
    "add": (lambda a, b: a + b, lambda v, w: (IDENTITY, IDENTITY)),
    "subtract": (lambda a, b: a - b, lambda v, w: (IDENTITY, -IDENTITY)),
    "multiply": (lambda a, b: a * b, lambda v, w: (np.diag(w), np.diag(v))),
    "where": (lambda a, b: np.where(MASK, a, b), lambda v, w: (np.diag(1.0 * MASK), np.diag(1.0 * ~MASK))),
    "greater": (
        lambda a, b: np.maximum(a, b),
        lambda v, w: (np.diag((v > w) + (v == w) / 2), np.diag((w > v) + (v == w) / 2)),
    ),
    "outer": (
        lambda a, b: (a.reshape(N, 1) * b).mean(0),
        lambda v, w: (np.outer(w, np.ones(N)) / N, v.mean() * IDENTITY),
    ),
    "joined": (lambda a, b: np.concatenate([a, b])[1 : N + 1], lambda v, w: (np.eye(N, k=1), np.eye(N, k=1 - N))),
}

# The gradients of these need no entries of their inputs or outputs: a walk has nothing to release.
KEEPS_NOTHING = {"negative", "taken twice", "mean", "there and back", "add", "subtract", "joined"}


@dataclass(eq=False)
class Vertex:
    """A tensor, the value it should have, and its edges: each an earlier vertex and the Jacobian with respect to it."""

    tensor: tg.Tensor
    value: Array
    edges: list[tuple["Vertex", Array]] = field(default_factory=list)
    gradient: Array | None = None  # of a leaf
    is_leaf: bool = False
    keeps: bool = True  # entries for its gradient, until a walk releases them
    released: bool = False

    @property
    def paths(self) -> int:
        """The number of paths from this vertex to leaves."""
        return 1 if self.is_leaf else sum(vertex.paths for vertex, _ in self.edges)

    def reachable(self) -> set["Vertex"]:
        """This vertex, and all that it was computed from."""
        return {self}.union(*(vertex.reachable() for vertex, _ in self.edges))


class GrowingGraph(RuleBasedStateMachine):
    """Vectors of three entries are computed from each other in any order, changed, and walked back from."""

    def __init__(self) -> None:
        super().__init__()
        self.leaves: list[Vertex] = []
        self.computed: list[Vertex] = []
        self.root: Vertex | None = None  # where the last walk began
        self.wrote = False  # to an array of a graph that is still in use

    def pick(self, number: int) -> Vertex:
        """A leaf or a computed vertex. Small numbers choose the latest ones."""
        everything = [*self.leaves, *self.computed]
        return everything[-1 - number % len(everything)]

    def add_computed(self, tensor: tg.Tensor, edges: list[tuple[Vertex, Array]], keeps: bool = True) -> None:
        """Add a vertex, unless its entries are large or its paths are too many for `follow`."""
        value = tensor.detach().numpy().copy()
        edges = [(vertex, jacobian) for vertex, jacobian in edges if vertex.tensor.requires_grad]
        vertex = Vertex(tensor, value, edges if tensor.requires_grad else [], keeps=keeps)
        if np.abs(value).max() < 50 and vertex.paths < 500:
            self.computed.append(vertex)

    numbers = st.integers(0, 50)
    vectors = st.lists(st.integers(-8, 8).map(lambda k: k / 4), min_size=N, max_size=N).map(np.array)

    @initialize(value=vectors)
    def begin(self, value: Array) -> None:
        self.leaf(value)

    @precondition(lambda self: len(self.leaves) < 4)
    @rule(value=vectors)
    def leaf(self, value: Array) -> None:
        self.leaves.append(Vertex(leaf(value), value, is_leaf=True))

    @rule(name=st.sampled_from(list(UNARY)), number=numbers)
    def compute_from_one(self, name: str, number: int) -> None:
        x = self.pick(number)
        function, jacobian = UNARY[name]
        self.add_computed(function(x.tensor), [(x, jacobian(x.value))], name not in KEEPS_NOTHING)

    @rule(name=st.sampled_from(list(BINARY)), first=numbers, second=numbers)
    def compute_from_two(self, name: str, first: int, second: int) -> None:
        a, b = self.pick(first), self.pick(second)
        function, jacobians = BINARY[name]
        to_a, to_b = jacobians(a.value, b.value)
        self.add_computed(function(a.tensor, b.tensor), [(a, to_a), (b, to_b)], name not in KEEPS_NOTHING)

    @rule(number=numbers, constant=vectors)
    def multiply_by_an_array(self, number: int, constant: Array) -> None:
        x = self.pick(number)
        self.add_computed(constant * x.tensor, [(x, np.diag(constant))])

    @rule(number=numbers)
    def detach(self, number: int) -> None:
        self.add_computed(self.pick(number).tensor.detach(), [])

    @rule(name=st.sampled_from(list(UNARY)), number=numbers)
    def compute_without_recording(self, name: str, number: int) -> None:
        with tg.no_grad():
            self.add_computed(UNARY[name][0](self.pick(number).tensor), [])

    @rule(number=numbers, value=vectors)
    def write_between_graphs(self, number: int, value: Array) -> None:
        """Drop all computed vertices, and then change a leaf, which no graph in use reads any more."""
        self.computed.clear()
        self.root = None
        x = self.leaves[number % len(self.leaves)]
        with tg.no_grad():
            x.tensor.add_(value)
        x.value = x.value + value

    @rule(number=numbers, value=vectors)
    def write_into_the_graph(self, number: int, value: Array) -> None:
        """Change a vertex that later walks may read, and expect the new values of all that share its memory."""
        written = self.pick(number).tensor
        if not written._data.flags.writeable:  # a broadcast array is read-only
            return
        with tg.no_grad():
            written.add_(value)
        self.wrote = True
        for vertex in [*self.leaves, *self.computed]:
            if np.shares_memory(vertex.tensor._data, written._data):
                vertex.value = vertex.tensor._data.copy()

    @rule(number=numbers)
    def forget_gradient(self, number: int) -> None:
        x = self.leaves[number % len(self.leaves)]
        x.tensor.grad = x.gradient = None

    how = st.fixed_dictionaries({"retain_graph": st.sampled_from([None, True, False]), "create_graph": st.booleans()})

    @rule(number=numbers, cotangent=vectors, how=how)
    def backward(self, number: int, cotangent: Array, how: dict[str, Any]) -> None:
        self.root = self.pick(number)
        self.backward_again(cotangent, how)

    def drop(self, passed: set[Vertex]) -> None:
        """Drop the vertices that a failed walk may have released, and all that were computed from them."""
        self.computed = [vertex for vertex in self.computed if passed.isdisjoint(vertex.reachable())]
        self.root = None

    @precondition(lambda self: self.root is not None)
    @rule(cotangent=vectors, how=how)
    def backward_again(self, cotangent: Array, how: dict[str, Any]) -> None:
        root = self.root
        assert root is not None
        if not root.tensor.requires_grad:
            with pytest.raises(RuntimeError, match="does not require a gradient"):
                root.tensor.backward(cotangent, **how)
            return
        passed = {vertex for vertex in root.reachable() if not vertex.is_leaf}
        if any(vertex.released for vertex in passed):
            with pytest.raises(RuntimeError, match="released|was changed" if self.wrote else "released"):
                root.tensor.backward(cotangent, **how)
            self.drop(passed)
            return
        try:
            root.tensor.backward(cotangent, **how)
        except RuntimeError as error:
            # A needed array has changed, so the error is right. Without an error, the gradients must be right.
            if not (self.wrote and "was changed" in str(error)):
                raise
            self.drop(passed)
            return
        self.follow(root, cotangent)
        if not (how["create_graph"] if how["retain_graph"] is None else how["retain_graph"]):
            for vertex in passed:
                vertex.released = vertex.keeps

    def follow(self, vertex: Vertex, gradient: Array) -> None:
        """Add to the gradient of each leaf one product of Jacobians for each path from the root."""
        if vertex.is_leaf:
            vertex.gradient = gradient + (0 if vertex.gradient is None else vertex.gradient)
        for earlier, jacobian in vertex.edges:
            self.follow(earlier, gradient @ jacobian)

    @rule()
    def compare(self) -> None:
        for x in self.leaves:
            assert (x.tensor.grad is None) == (x.gradient is None)
            if x.gradient is not None:
                np.testing.assert_allclose(x.tensor.grad.detach(), x.gradient, rtol=1e-9, atol=1e-9 * self.scale(x))

    @staticmethod
    def scale(x: Vertex) -> float:
        """The size of the largest entry of the gradient of `x`, but at least 1."""
        return max(1.0, float(np.abs(x.gradient).max()))

    def teardown(self) -> None:
        self.compare()
        for vertex in [*self.leaves, *self.computed]:
            np.testing.assert_array_equal(vertex.tensor.detach(), vertex.value, "a value changed")
        for x in self.leaves:
            x.tensor.grad = None  # a recorded gradient refers to the leaf that holds it: a cycle


TestGrowingGraph = GrowingGraph.TestCase
TestGrowingGraph.settings = settings(max_examples=8 * settings.default.max_examples, stateful_step_count=40)
