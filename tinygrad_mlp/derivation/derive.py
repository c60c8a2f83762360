"""The chain rule, read from the graph of a loss: each step and each gradient as a formula.

The rules of the sheet are called with symbols in place of arrays. What comes of it is data: sections of lines that hold
formulas. It can be verified: NumPy evaluates the formulas, and a backward walk gives the numbers to compare with.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from scipy.special import log_expit, log_softmax

from ..core import functions as f
from ..core import guard
from ..core.blas import Product
from ..core.lines import function_name
from ..core.record import Form, Leaf, Node, Variable
from ..core.walk import summed_to, walk
from . import expression as algebra
from .expression import Array, Expression, Gradient, Name, Symbol, evaluate

Place = Leaf | Node

LARGEST_GRAPH = 200  # nodes; a larger graph is summarised

# What the framework's own functions compute. The logarithms of probabilities are taken from logits, so that NumPy can
# evaluate them where a probability rounds to 0 or 1, too.
FORMULAS: dict[Any, Any] = {
    f.linear: f.linear.__wrapped__,  # type: ignore[attr-defined]
    f.squared_error: lambda a, y, total=False: _total((a - y) ** 2, total),
    f.binary_cross_entropy: f.binary_cross_entropy.__wrapped__,  # type: ignore[attr-defined]
    f.binary_cross_entropy_with_logits: lambda z, y, total=False: _total(
        -(y * log_expit(z) + (1 - y) * log_expit(-z)), total
    ),
    f.cross_entropy: lambda z, y, n, total=False: (
        -np.sum(y * Expression(log_softmax, (z,), {"axis": 1}), axis=None if total else 1, keepdims=not total) / n
    ),
}
LOSSES = (f.squared_error, f.binary_cross_entropy, f.binary_cross_entropy_with_logits, f.cross_entropy)


def _total(elements: Any, total: bool) -> Any:
    return np.sum(elements) if total else elements


def sized(shape: tuple[int, ...]) -> str:
    """A shape in words."""
    return "×".join(map(str, shape)) or "scalar"


# --- reading the graph ------------------------------------------------------------------------------------------------


def nodes_of(root: Node) -> list[Node]:
    """The nodes of the graph of `root`, in the order in which they were recorded, with all their arrays.

    Raises:
        RuntimeError: some of the graph has been released, or an array that a node has let go of cannot be computed
            again, because the arrays it was computed from have changed.
    """
    found, waiting = {root}, [root]
    while waiting:
        node = waiting.pop()
        if node.edges is None:
            raise RuntimeError(
                f"the graph behind this {function_name(node.function)} was released by backward(): explain the loss "
                "before backward(), or pass that retain_graph=True, or compute the loss again"
            )
        new = {edge for edge in node.edges if isinstance(edge, Node)} - found
        found |= new
        waiting += new
    nodes = sorted(found, key=lambda node: node.number)
    for node in nodes:
        pairs = zip(node.inputs, node.edges, strict=True)
        node.inputs = [edge.output if type(array) is Form else array for array, edge in pairs]
        if type(node.output) is Form:
            for array in node.inputs:
                if type(array) is np.ndarray and not guard.unchanged(array, node.number):
                    guard.raise_changed(node, array)
            computing = f.implementations.get(node.function, node.function)
            with np.errstate(all="ignore"):  # as it was when it was computed first
                node.output = np.asarray(computing(*node.inputs, **node.options))
    return nodes


def forward_of(node: Node, inputs: list[Any]) -> Expression:
    """What a node computes, as a formula. TypeError: it is a Function, whose ``backward`` is a program."""
    if isinstance(node.function, type):
        name = function_name(node.function)
        raise TypeError(
            f"the Function {name} cannot be read as symbols: its backward() computes with Tensors. Write {name} as a "
            "function with tinygrad_mlp.differentiable and a rule for each input, which can be read"
        )
    formula = FORMULAS.get(node.function)
    return formula(*inputs, **node.options) if formula else algebra.build(node.function, inputs, node.options)


def _read(rule: Any, node: Node, g: Any, y: Any, inputs: list[Any], shape: tuple[int, ...]) -> tuple[Expression, str]:
    """What a rule makes of symbols, summed to the shape of its input as the walk does it; and why it holds.

    Raises:
        TypeError: the rule does something with its arguments that symbols cannot do.
    """
    reason = function_name(node.function)
    try:
        gradient = rule(g, y, *inputs, **node.options)
        if isinstance(gradient, Product):
            gradient = gradient.dense()
        if not isinstance(gradient, Expression):
            gradient = algebra.product(algebra.ones(shape), algebra.plain(np.asarray(gradient)))
    except (TypeError, AttributeError, ValueError) as error:
        raise TypeError(
            f"the rule for {reason} cannot be read as symbols: {error}. Write it with operators and NumPy's functions "
            "alone, as the rules in tinygrad_mlp.core.sheet are"
        ) from error
    if gradient.size != math.prod(shape):
        reason += f", summed from {sized(gradient.shape)}"
    return gradient if gradient.shape == shape else summed_to(shape, gradient, node), reason


def is_alias(node: Place) -> bool:
    """Whether a node only adds or removes dimensions of length 1, so that its output needs no name of its own."""
    if not isinstance(node, Node) or node.function is not np.reshape:
        return False
    return algebra.squeezed(node.inputs[0]) == algebra.squeezed(node.output)


def source_of(node: Node) -> Node | None:
    """The only node that a node takes an input from, seen through aliases; None if there are several or none."""
    edges = {edge for edge in node.edges if edge is not None}
    edge = edges.pop() if len(edges) == 1 else None
    if not isinstance(edge, Node):
        return None
    return source_of(edge) if is_alias(edge) else edge


class Namer:
    """Names for the arrays of a graph: the user's, those of the layers, or the next free letter.

    Args:
        nodes: the graph, in the order of recording.
        paths: what modules call their parameters.
        names: the user's names, with the tensors or arrays that they are for.
        loss: what the loss is called.
        counts_input: whether the input is layer 1, and a single layer has no number.

    Raises:
        ValueError: a name is for something that is not in the graph.
    """

    def __init__(
        self, nodes: list[Node], paths: Mapping[Leaf, str], names: Mapping[str, Any], loss: str, counts_input: bool
    ) -> None:
        self.paths = paths
        self.names = names
        self.symbols: dict[Any, Symbol] = {}  # by leaf, by node, or by the id of a constant
        self.remarks: dict[Any, str] = {}
        self.keys: dict[Leaf, str] = {}  # what each parameter is called in the results
        self.layers: dict[Node, int | None] = {}  # the layer whose values each node computes
        self._taken, self._unused = set(names), set(names)
        is_numbered = not counts_input or sum(node.function is f.linear for node in nodes) > 1
        layer = 0
        self._add(nodes[-1], nodes[-1].output, loss)
        for node in nodes:
            layer += node.function is f.linear
            number = layer if is_numbered and layer else None
            for position, (array, edge) in enumerate(zip(node.inputs, node.edges, strict=True)):
                if isinstance(edge, Leaf) or (edge is None and np.ndim(array)):
                    letter = "θ" if edge else "x" if array.dtype.kind == "f" and "x" not in self._taken else "c"
                    if node.function is f.linear:
                        letter = "xWb"[position]
                    elif node.function in LOSSES and (edge is None or position):
                        letter = "y"
                    self._add(id(array) if edge is None else edge, array, letter, number)
            number = number and number + counts_input
            self.layers[node] = number
            source, letter = source_of(node), "E" if node.function in LOSSES else "u"
            if is_alias(node) and isinstance(node.edges[0], Node):
                self.symbols.setdefault(node, Symbol(self.symbols[node.edges[0]].name, node.output))
                continue
            if node.function is f.linear:
                letter = "z"
            elif source and source.function is f.linear and len(node.inputs) == 1:
                letter = "a" if node.output.size == source.output.size else letter
            self._add(node, node.output, letter, number)
        if self._unused:
            raise ValueError(
                f"names: {', '.join(sorted(self._unused))} is not in the graph of this loss: name Tensors that need a "
                "gradient, or arrays that they were computed with"
            )

    def _add(self, place: Any, array: Array, letter: str, layer: int | None = None) -> None:
        """Name what stands at a place, if it has no name."""
        if place in self.symbols:
            return
        given = next((name for name, value in self.names.items() if self._is_at(value, place, array)), None)
        path = self.paths.get(place) if isinstance(place, Leaf) else None
        name = Name(letter, layer if letter in "Wbza" else None, 1 if letter in "θu" else None)
        if given is not None:
            self._unused.discard(given)
            name = Name(given)
        elif letter == "θ" and path is not None and re.fullmatch(r"[\w.]+", path) and path not in self._taken:
            name = Name(path)
        else:
            while str(name) in self._taken:
                name = name._replace(number=(name.number or 1) + 1)
        self._taken.add(str(name))
        self.symbols[place] = Symbol(name, array)
        self.remarks[place] = path or {"x": "input", "y": "target", "c": "constant"}.get(letter, "")
        if isinstance(place, Leaf):
            self.keys[place] = next(key for key in (given, path, str(name)) if key and key not in self.keys.values())

    @staticmethod
    def _is_at(value: Any, place: Any, array: Array) -> bool:
        """Whether a tensor or an array of the user's is the one at a place. Of arrays the graph keeps copies."""
        if isinstance(value, Variable):
            return value._node is place if value._node is not None else value._data is array
        return isinstance(place, int) and np.array_equal(value, array)

    def of(self, node: Node) -> list[Any]:
        """The symbols of what a node was given; numbers as they are."""
        symbols = [self.symbols.get(edge or id(a)) for a, edge in zip(node.inputs, node.edges, strict=True)]
        return [
            _number(array) if symbol is None else symbol for array, symbol in zip(node.inputs, symbols, strict=True)
        ]


def _number(value: Any) -> Any:
    """The shortest decimal that rounds to a floating number: 0.1, and not the float32 that is nearest to it."""
    return float(str(value[()])) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


# --- the chain rule ---------------------------------------------------------------------------------------------------


class Line(NamedTuple):
    """An equation, ``left = right``, and why it holds. Without a `left` it goes on from the line before."""

    left: Name | Gradient | str | None
    sign: str
    right: Expression | str  # a formula, or words
    reason: str = ""
    is_result: bool = False


class Section(NamedTuple):
    """Lines under a title, which may end in a name; `key` is that of the parameter whose gradient they derive."""

    title: str
    lines: list[Line]
    name: Name | str = ""
    key: str = ""


class Part(NamedTuple):
    """What one rule contributes to a gradient."""

    node: Node  # whose rule it is
    read: Expression  # what the rule says of it
    plain: Expression  # the same without bounds that no entry comes near
    shown: Expression  # the same as it is inserted into other formulas
    reason: str
    is_number: bool = False  # whether it is a multiple of a gradient that is a number


class Deriver:
    """The gradients of a loss by the chain rule, with samples as rows, as the code computes them.

    Attributes:
        nodes: the graph, in the order of recording.
        namer: the symbols.
        sections: the forward equations, and for each parameter the steps to its gradient.
        results: for each parameter, by its key, the leaf and the formulas that its gradient is claimed to equal.
        steps: the arrays of all other equations, with the formulas that are claimed to equal them.
    """

    loss = "L"
    counts_input = False
    silent: Collection[Place] = ()  # places to which the steps are not said

    def __init__(self, nodes: list[Node], paths: Mapping[Leaf, str], names: Mapping[str, Any]) -> None:
        self.nodes = nodes
        self.namer = Namer(nodes, paths, names, self.loss, self.counts_input)
        self.steps: list[tuple[Array, list[Expression]]] = []
        self.results: dict[str, tuple[Leaf, list[Expression]]] = {}
        self._gradients: dict[Symbol, Expression] = {}  # what the symbols for gradients stand for, in order
        # The gradient that each symbol for one stands for, as one formula of what was computed forward: in full, with
        # what cancels cancelled, and so without what a notation is short for.
        self._full: dict[Expression, Expression] = {}
        self._short: dict[Expression, Expression] = {}
        self._by_entry: dict[Expression, Expression] = {}
        self._lines: list[Line] = []  # that are not yet in a section
        self.sections = [self._forward(), *self._backward()]

    def form(self, expression: Expression) -> Any:
        """A formula as this notation has it."""
        return expression

    def _say(self, left: Any, right: Any, reason: str = "", *, sign: str = "=", is_result: bool = False) -> None:
        self._lines.append(
            Line(left, sign, self.form(right) if isinstance(right, Expression) else right, reason, is_result)
        )

    def _section(self, title: str, *name_and_key: Any) -> Section:
        lines, self._lines = self._lines, []
        return Section(title, lines, *name_and_key)

    def _claim(self, array: Array, expressions: list[Expression]) -> None:
        """Note that formulas are said to equal `array`."""
        forms = [self.form(expression) for expression in expressions]
        self.steps.append((array.reshape(forms[0].shape), forms))

    def _forward(self) -> Section:
        """The graph, as equations."""
        for node in self.nodes:
            expression, reason = algebra.unguarded(forward_of(node, self.namer.of(node))), function_name(node.function)
            if node.function is f.linear and node.inputs[2] is not None and len(node.output) > 1:
                reason += f", the bias added to each of {len(node.output)} rows"
            self._claim(node.output, [expression])
            self._say(self.namer.symbols[node].name, expression, reason)
        return self._section("Forward")

    def _part(self, node: Node, g: Expression, read: Expression, reason: str) -> Part:
        """What the rule of a node contributes, in every form in which it is needed."""
        plain = algebra.unguarded(read)
        return Part(node, read, plain, plain, reason, g in self._full and not self._full[g].symbols)

    def _added(self, expressions: Iterable[Expression]) -> Expression:
        total = reduce(lambda a, b: a + b, expressions)
        number, rest = algebra.split(total)
        is_turned = number == -1 and rest.function is np.subtract
        return Expression(np.subtract, rest.operands[::-1]) if is_turned else total  # g − y for −(y − g)

    def _name(self, place: Place) -> Gradient:
        """The name of the gradient at a place."""
        symbols = self.namer.symbols
        return Gradient(symbols[self.nodes[-1]].name, self.form(symbols[place]))

    def _backward(self) -> list[Section]:
        """The chain rule, from the loss back: for each parameter the steps that are new, and its gradient."""
        last_use = {edge: node for node in self.nodes[::-1] for edge in node.edges if isinstance(edge, Leaf)}
        parts: dict[Place, list[Part]] = {}
        sections = []
        for node in self.nodes[::-1]:
            if node is self.nodes[-1]:
                g: Expression = algebra.ones(node.output.shape)
            elif node in parts:
                g = self._gradient(node, parts.pop(node))
            else:
                continue  # its gradient is 0
            inputs, y = self.namer.of(node), self.namer.symbols[node]
            for rule, edge, array in zip(node.rules, node.edges, node.inputs, strict=False):
                if edge is not None and rule is not None:
                    part = self._part(node, g, *_read(rule, node, g, y, inputs, array.shape))
                    parts.setdefault(edge, []).append(part)
            for leaf in [leaf for leaf in parts if isinstance(leaf, Leaf) and last_use[leaf] is node]:
                sections.append(self._result(leaf, parts.pop(leaf)))
        return sections + [self._result(leaf, found) for leaf, found in parts.items() if isinstance(leaf, Leaf)]

    def _derive(self, place: Place, parts: list[Part]) -> tuple[list[Expression], Expression, Expression, Expression]:
        """Say the steps to the gradient at a place.

        Returns:
            The formulas said; and the gradient in full, cancelled, and so without what a notation is short for.
        """
        said = [self._added(part.read for part in parts)]
        if place not in self.silent:
            self._say(self._name(place), self._added([parts[0].read]), parts[0].reason)
            for part in parts[1:]:
                self._say(None, part.read, part.reason, sign="+")

        def say(expression: Expression, reason: str) -> None:
            if expression.symbols <= algebra.LONGEST_FORMULA:
                said.append(expression)
                self._say(None, expression, reason)

        if any(part.read is not part.shown for part in parts):
            say(self._added(part.shown for part in parts), "no entry comes near the bound")
        inserted = [algebra.substitute(part.plain, self._by_entry) for part in parts]
        reduced = [algebra.cancelled(expression) for expression in inserted]
        full = self._added(algebra.substitute(part.shown, self._full) for part in parts)
        if any(old is not new for old, new in zip(inserted, reduced, strict=True)):
            say(self._added(inserted), "inserted")
            names = " and of ".join(dict.fromkeys(function_name(part.node.function) for part in parts))
            short = self._added(reduced)
            say(short, f"the derivative of {names} cancels")
            return said, full, short, short
        if full.symbols and any(part.is_number for part in parts):
            say(full, "inserted")
        short = self._added(algebra.substitute(part.shown, self._short) for part in parts)
        return said, full, short, self._added(inserted)

    def _gradient(self, node: Node, parts: list[Part]) -> Symbol:
        """The symbol for the gradient of a node's output, after the steps to it."""
        said, full, short, by_entry = self._derive(node, parts)
        g = Symbol(self._name(node), np.asarray(evaluate(said[0])).reshape(node.output.shape))
        self._full[g], self._short[g], self._by_entry[g] = full, short, by_entry
        self._claim(g.array, said)
        self._gradients[self.form(g)] = self.form(said[0])
        return g

    def _result(self, leaf: Leaf, parts: list[Part]) -> Section:
        """The section of a parameter: the steps since the last one, and its gradient as one formula."""
        said, full, short, _ = self._derive(leaf, parts)
        key, name = self.namer.keys[leaf], self.namer.symbols[leaf].name
        if full.symbols > algebra.LONGEST_FORMULA:
            words = f"the lines above, inserted into each other: {full.symbols:,} symbols, too many to print"
            self._say(self._name(leaf), words, is_result=True)
        else:
            said += [full, short]
            self._say(self._name(leaf), full, is_result=True)
            self._say(None, short, is_result=True)
        self.results[key] = leaf, [self.form(expression) for expression in said]
        return self._section("Gradient for ", name if key == str(name) else key, key)

    def verify(self) -> dict[str, float]:
        """The largest error in what the gradient of each parameter rests on, by the parameter's key."""
        root = self.nodes[-1]
        with _without_hooks(self.nodes):
            walked = walk([(root, np.ones_like(root.output))], retain_graph=True)
        values: dict[Expression, Any] = {}
        magnitudes: dict[Expression, Any] = {}
        for symbol, formula in self._gradients.items():  # what has cancelled in one step is rounding error in the next
            evaluate(formula, values)
            magnitudes[symbol] = np.reshape(algebra.magnitude(formula, values, magnitudes), symbol.array.shape)

        def error(array: Array, formula: Expression) -> float:
            value = np.asarray(evaluate(formula, values), np.float64)
            scale = float(np.max(algebra.magnitude(formula, values, magnitudes), initial=0)) or 1.0
            return float(np.max(np.abs(value.reshape(array.shape) - array), initial=0)) / scale

        common = [error(array, formula) for array, formulas in self.steps for formula in formulas]
        errors = {}
        for key, (leaf, formulas) in self.results.items():
            gradient = walked[leaf].dense() if isinstance(walked[leaf], Product) else walked[leaf]
            errors[key] = float(np.max([*common, *(error(gradient, formula) for formula in formulas)]))
        return errors


@contextlib.contextmanager
def _without_hooks(nodes: list[Node]) -> Iterator[None]:
    """Nodes that neither call hooks nor keep gradients, and leaves that call none."""
    held: list[Any] = [node.extras for node in nodes if node.extras is not None]
    leaves = {edge: edge.hooks for node in nodes for edge in node.edges or () if isinstance(edge, Leaf)}
    before = [vars(extras).copy() for extras in held]
    try:
        for extras in [*held, *leaves]:
            extras.hooks = None
        for extras in held:
            extras.retains_grad = False
        yield
    finally:
        for extras, attributes in zip(held, before, strict=True):
            vars(extras).update(attributes)
        for leaf, hooks in leaves.items():
            leaf.hooks = hooks


def summary(nodes: list[Node], paths: Mapping[Leaf, str]) -> Section:
    """What was recorded, by the module whose parameter was used last."""
    modules: dict[str, tuple[Counter[str], dict[Leaf, str]]] = {}  # functions, and parameters with their shapes
    module = "(no module)"
    for node in nodes:
        for array, edge in zip(node.inputs, node.edges, strict=True):
            if isinstance(edge, Leaf):
                path, _, name = paths.get(edge, "(no module).a parameter").rpartition(".")
                module = path or "(the model itself)"
                modules.setdefault(module, (Counter(), {}))[1][edge] = f"{name} {sized(array.shape)}"
        modules.setdefault(module, (Counter(), {}))[0][function_name(node.function)] += 1
    lines = []
    for module, (counts, parameters) in modules.items():
        functions = ", ".join(f"{count:,} × {name}" if count > 1 else name for name, count in counts.items())
        lines.append(Line(module, ":", "; ".join(filter(None, (functions, ", ".join(parameters.values()))))))
    return Section("Functions and parameters, by module", lines)
