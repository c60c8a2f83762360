"""The chain rule, read from the graph of a loss: each step and each gradient as a formula.

The rules of the sheet are called with symbols in place of arrays. What comes of it is data: sections of lines that hold
formulas. It can be verified: NumPy evaluates the formulas, and a backward walk gives the numbers to compare with.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial, reduce
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from scipy.special import log_expit, log_softmax

from ..core import functions as f
from ..core import guard
from ..core.blas import Product
from ..core.lines import function_name
from ..core.record import Form, Leaf, Node, Variable
from ..core.walk import Place, summed_to, walk
from . import expression as algebra
from .expression import Array, Expression, Gradient, Name, Symbol, evaluate

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
    """The nodes of the graph of `root` in the order of recording. Outputs that were not kept are computed again.

    Raises:
        RuntimeError: a part of the graph has been released, or an array has changed since a node was recorded.
    """
    found, waiting = {root}, [root]
    while waiting:
        node = waiting.pop()
        if node.inputs is None:
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
        # The output of the node behind, because the input may be let go of, or overwritten by a write in place since.
        node.inputs = [edge.output if isinstance(edge, Node) else array for array, edge in pairs]
        if type(node.output) is Form:
            for array in node.inputs:
                if type(array) is np.ndarray and not guard.unchanged(array, node.number):
                    guard.raise_changed(node, array)
            computing = f.implementations.get(node.function, node.function)
            with np.errstate(all="ignore"):  # as it was when it was computed first
                node.output = np.asarray(computing(*node.inputs, **node.options))
    return nodes


def forward_of(node: Node, inputs: list[Any]) -> Expression:
    """The formula of what a node computes. Raises TypeError for a Function, whose ``backward`` is a program."""
    if isinstance(node.function, partial):
        name = function_name(node.function)
        raise TypeError(
            f"the Function {name} cannot be read as symbols: its backward() computes with Tensors. Write {name} as a "
            "function with tinygrad_mlp.differentiable and a rule for each input, which can be read"
        )
    formula = FORMULAS.get(node.function)
    return formula(*inputs, **node.options) if formula else algebra.build(node.function, inputs, node.options)


def _read(rule: Any, node: Node, g: Any, y: Any, inputs: list[Any], shape: tuple[int, ...]) -> tuple[Expression, str]:
    """The formula that `rule` gives for symbols, summed to `shape` as the walk does it; and the reason to print."""
    reason = function_name(node.function)
    try:
        gradient = rule(g, y, *inputs, **node.options)
        if isinstance(gradient, Product):
            gradient = gradient.dense()
        if not isinstance(gradient, Expression):  # a constant, from a rule that does not even read g
            gradient = algebra.product(algebra.ones(shape), algebra.plain(np.asarray(gradient)))
    except (TypeError, AttributeError, ValueError) as error:
        raise TypeError(
            f"the rule for {reason} cannot be read as symbols: {error}. Write it with operators and NumPy's functions "
            "alone, as the rules in tinygrad_mlp.core.sheet are"
        ) from error
    if gradient.size != math.prod(shape):
        reason += f", summed from {sized(gradient.shape)}"
    return gradient if gradient.shape == shape else summed_to(shape, gradient, node), reason


def is_alias(node: Node) -> bool:
    """Whether a node only adds or removes dimensions of length 1, so that its output needs no name of its own."""
    return node.function is np.reshape and algebra.squeezed(node.inputs[0]) == algebra.squeezed(node.output)


def source_of(node: Node) -> Node | None:
    """The node that computed the input of `node`; None if several nodes or none did. Aliases are skipped."""
    edges = {edge for edge in node.edges if edge is not None}
    source = edges.pop() if len(edges) == 1 else None
    if not isinstance(source, Node):
        return None
    return source_of(source) if is_alias(source) else source


def places_of(nodes: list[Node], counts_input: bool) -> Iterator[tuple[Any, Array, str, int | None]]:
    """Each place of a graph, as the nodes were recorded, with its array, the letters for its name, and its layer.

    A place is a leaf, a node, or the id of a constant array. If the first letter is taken, the last one is used. The
    output of an alias has no letter, because it has the name of its input. Of a Linear layer, x, W, b and z are the
    input, the weight, the bias and the output; a is an activation of z, y a target, E a loss, u any other result, θ
    any other leaf, and x or c any other constant.

    With `counts_input` the network's input is layer 1, so that the output of Linear layer n belongs to layer n + 1 and
    its weight to n; and a single Linear layer has no number.
    """
    is_numbered = not counts_input or sum(node.function is f.linear for node in nodes) > 1
    layers = 0
    for node in nodes:
        is_layer, is_loss, source = node.function is f.linear, node.function in LOSSES, source_of(node)
        layers += is_layer
        layer = layers if is_numbered and layers else None
        for position, (array, edge) in enumerate(zip(node.inputs, node.edges, strict=True)):
            if isinstance(edge, Leaf) or (edge is None and np.ndim(array)):
                letters = "θ" if edge else "xc" if array.dtype.kind == "f" else "c"
                if is_layer:
                    letters = "xWb"[position]
                elif is_loss and (edge is None or position):
                    letters = "y"
                yield edge or id(array), array, letters, layer
        letters = "z" if is_layer else "E" if is_loss else "u"
        if is_alias(node) and isinstance(node.edges[0], Node):
            letters = ""
        elif source and source.function is f.linear and len(node.inputs) == 1:
            letters = "a" if node.output.size == source.output.size else "u"
        yield node, node.output, letters, layer and layer + counts_input


class Namer:
    """Names for the arrays of a graph: the user's, those of the layers, or the next free letter.

    `paths` has the name that a module gives to each parameter. `names` has the user's names, and the tensor or array
    that each is for. Raises ValueError if one of these is not in the graph.
    """

    def __init__(
        self, nodes: list[Node], paths: Mapping[Leaf, str], names: Mapping[str, Any], loss: str, counts_input: bool
    ) -> None:
        self.symbols: dict[Any, Symbol] = {}  # by place
        self.given: dict[Symbol, str] = {}  # those of leaves and constants, with a remark
        self.keys: dict[Leaf, str] = {}  # what each parameter is called in the results
        self.layers: dict[Any, int | None] = {}  # the layer of each place
        taken, unused = set(names), set(names)
        root = nodes[-1]
        for place, array, letters, layer in [(root, root.output, loss, None), *places_of(nodes, counts_input)]:
            self.layers[place] = layer
            if place in self.symbols:  # the loss, or a place that an earlier node has used as well
                continue
            if not letters:  # an alias has the name of its input
                self.symbols[place] = Symbol(self.symbols[place.edges[0]].name, array)
                continue
            # First choice: the user's name. Second: for a parameter of no known layer, its path in the model. Else a
            # letter, with the layer as its index, or with the first number that makes it a new name.
            own = next((name for name, value in names.items() if _is_at(value, place, array)), None)
            path = paths.get(place) if isinstance(place, Leaf) else None
            letter = letters[-1] if letters[0] in taken else letters[0]
            name = Name(letter, layer if letter in "Wbza" else None, 1 if letter in "θu" else None)
            if own is not None:
                unused.discard(own)
                name = Name(own)
            elif letter == "θ" and path is not None and re.fullmatch(r"[\w.]+", path) and path not in taken:
                name = Name(path)
            while own is None and str(name) in taken:
                name = name._replace(number=(name.number or 1) + 1)
            taken.add(str(name))
            symbol = self.symbols[place] = Symbol(name, array)
            if not isinstance(place, Node):
                self.given[symbol] = path or {"x": "input", "y": "target", "c": "constant"}.get(letter, "")
            if isinstance(place, Leaf):
                self.keys[place] = next(key for key in (own, path, str(name)) if key and key not in self.keys.values())
        if unused:
            raise ValueError(
                f"names: {', '.join(sorted(unused))} is not in the graph of this loss: name Tensors that need a "
                "gradient, or arrays that they were computed with"
            )

    def inputs_of(self, node: Node) -> list[Any]:
        """The inputs of `node` as symbols. A constant number stays a number, and an absent input stays None."""
        pairs = zip(node.inputs, node.edges, strict=True)
        return [self.symbols.get(edge or id(array), _shortest(array)) for array, edge in pairs]


def _is_at(value: Any, place: Any, array: Array) -> bool:
    """Whether a user's name for `value`, a tensor or an array, is a name for `place`, where the graph has `array`.

    A tensor is found by its place in the graph. An array can only name a constant, whose place is an id. The graph may
    hold a copy of the constant, so the entries are compared.
    """
    if isinstance(value, Variable):
        return value._node is place if value._node is not None else value._data is array
    return isinstance(place, int) and np.array_equal(value, array)


def _shortest(value: Any) -> Any:
    """The shortest decimal that rounds to a number of an array without dimensions: 0.1, not the nearest float32."""
    return float(str(value)) if isinstance(value, np.ndarray) and not value.ndim and value.dtype.kind == "f" else value


# --- the chain rule ---------------------------------------------------------------------------------------------------


class Line(NamedTuple):
    """An equation, ``left = right``, with its shape and its reason. A line without a `left` continues the last one."""

    left: Any  # a name, or words
    sign: str
    right: Any  # a formula, or words
    shape: str = ""
    reason: str = ""
    is_result: bool = False


class Section(NamedTuple):
    """Lines under a title. If they derive a parameter's gradient, its name ends the title, and `key` is its key."""

    title: str
    lines: list[Line]
    name: Name | str = ""
    key: str = ""


class Part(NamedTuple):
    """What one rule contributes to a gradient."""

    node: Node  # whose rule it is
    read: Expression  # what the rule says of it
    shown: Expression  # the same without bounds that no entry comes near, as it is inserted into other formulas
    reason: str


class Deriver:
    """The gradients of a loss by the chain rule, with samples as rows, as the code computes them.

    Attributes:
        namer: the symbols.
        sections: the forward equations, and for each parameter the steps to its gradient.
        claims: pairs of an array and a formula for this array, or of a leaf and a formula for its gradient.
    """

    loss = "L"
    counts_input = False
    silent: Collection[Place] = ()  # places to which the steps are not said

    def __init__(self, nodes: list[Node], paths: Mapping[Leaf, str], names: Mapping[str, Any]) -> None:
        self.nodes = nodes
        self.namer = Namer(nodes, paths, names, self.loss, self.counts_input)
        self.claims: list[tuple[Array | Leaf, Expression]] = []
        # One step of the chain rule for each gradient symbol, in order: a formula that holds earlier gradient symbols.
        self._steps: dict[Symbol, Expression] = {}
        # For each gradient symbol a formula without any gradient symbol: with all factors, and with some cancelled.
        self._full: dict[Expression, Expression] = {}
        self._short: dict[Expression, Expression] = {}
        # A notation may abbreviate: D for diag(1 − a²). Factors cancel only in the long form, so each is kept here.
        self._abbreviated: dict[Expression, Expression] = {}
        self._lines: list[Line] = []  # the lines that belong to no section yet
        # Both calls fill the dicts above.
        self.sections = [self._forward(), *self._backward()]

    def form(self, expression: Expression) -> Any:
        """A formula as this notation has it."""
        return expression

    def shape(self, expression: Expression) -> tuple[int, ...]:
        """The shape that is said of a formula."""
        return expression.shape

    def _say(
        self, left: Any, right: Any, reason: str = "", of: Any = None, *, sign: str = "=", is_result: bool = False
    ) -> None:
        """Add the line ``left sign right``, and why it holds.

        With `of`, also claim that the formula on the right equals `of`, if that is an array, or its gradient, if it is
        a leaf. `is_result` marks the lines that give the whole gradient of a parameter.
        """
        shape = ""
        if isinstance(right, Expression):
            right = self.form(right)
            shape = sized(self.shape(right))
        if of is not None:
            self.claims.append((of, right))
        self._lines.append(Line(left, sign, right, shape, reason, is_result))

    def _section(self, title: str, *name_and_key: Any) -> Section:
        """A section of the lines said since the last one."""
        lines, self._lines = self._lines, []
        return Section(title, lines, *name_and_key)

    def _forward(self) -> Section:
        """The graph, as equations."""
        for node in self.nodes:
            reason = function_name(node.function)
            if node.function is f.linear and node.inputs[2] is not None and len(node.output) > 1:
                reason += f", the bias added to each of {len(node.output)} rows"
            expression = algebra.unguarded(forward_of(node, self.namer.inputs_of(node)))
            self._say(self.namer.symbols[node].name, expression, reason, node.output)
        return self._section("Forward")

    def _part(self, node: Node, g: Expression, read: Expression, reason: str) -> Part:
        """What the rule of a node contributes, in every form in which it is needed."""
        return Part(node, read, algebra.unguarded(read), reason)

    def _added(self, expressions: Iterable[Expression]) -> Expression:
        """The sum of what rules contribute to a gradient."""
        total = reduce(lambda a, b: a + b, expressions)
        number, rest = algebra.split(total)
        is_turned = number == -1 and rest.function is np.subtract
        return Expression(np.subtract, rest.operands[::-1]) if is_turned else total  # g − y for −(y − g)

    def _with_numbers(self, expression: Expression) -> Expression:
        """An expression in which the gradients that are numbers are inserted."""
        return algebra.substitute(expression, {g: full for g, full in self._full.items() if not full.symbols})

    def _name(self, place: Place) -> Gradient:
        """The name of the gradient at a place."""
        symbols = self.namer.symbols
        return Gradient(symbols[self.nodes[-1]].name, self.form(symbols[place]))

    def _backward(self) -> list[Section]:
        """The chain rule, from the loss back: for each parameter the steps that are new, and its gradient."""
        # For each leaf the first node that used it: going back, the last one that contributes to its gradient.
        completing = {edge: node for node in self.nodes[::-1] for edge in node.edges if isinstance(edge, Leaf)}
        parts: dict[Place, list[Part]] = {self.nodes[-1]: []}
        sections = []
        for node in self.nodes[::-1]:
            if node in parts:  # else its gradient is 0
                g = self._gradient(node, parts.pop(node))
                inputs, y = self.namer.inputs_of(node), self.namer.symbols[node]
                for rule, edge, array in zip(node.rules, node.edges, node.inputs, strict=False):  # an Each has no end
                    if edge is not None and rule is not None:
                        part = self._part(node, g, *_read(rule, node, g, y, inputs, array.shape))
                        parts.setdefault(edge, []).append(part)
            for leaf in [leaf for leaf in parts if isinstance(leaf, Leaf) and completing[leaf] is node]:
                sections.append(self._result(leaf, parts.pop(leaf)))
        return sections

    def _gradient(self, node: Node, parts: list[Part]) -> Expression:
        """Add the lines that derive the gradient of a node's output, and return its symbol; for the loss itself, 1."""
        if not parts:
            return algebra.ones(node.output.shape)
        first = self._added(part.read for part in parts)
        g = Symbol(self._name(node), np.reshape(evaluate(first), node.output.shape))
        self._full[g], self._short[g] = self._derive(node, parts, g.array)
        self._steps[self.form(g)] = self.form(first)
        return g

    def _result(self, leaf: Leaf, parts: list[Part]) -> Section:
        """The section of a parameter: the steps since the last one, and its gradient as one formula."""
        full, short = self._derive(leaf, parts, leaf)
        if full.symbols > algebra.LONGEST_FORMULA:
            words = f"the lines above, inserted into each other: {full.symbols:,} symbols, too many to print"
            self._say(self._name(leaf), words, is_result=True)
        else:
            self._say(self._name(leaf), full, of=leaf, is_result=True)
            self._say("", short, of=leaf, is_result=True)
        key, name = self.namer.keys[leaf], self.namer.symbols[leaf].name
        return self._section("Gradient for ", name if key == str(name) else key, key)

    def _derive(self, place: Place, parts: list[Part], of: Array | Leaf) -> tuple[Expression, Expression]:
        """Add the lines that derive the gradient at `place`. Return its formula in full, and with factors cancelled."""
        self.claims.append((of, self.form(self._added(part.read for part in parts))))
        if place not in self.silent:
            self._say(self._name(place), self._added([parts[0].read]), parts[0].reason)
            for part in parts[1:]:
                self._say("", part.read, part.reason, sign="+")

        def say(expression: Expression, reason: str) -> None:
            if expression.symbols <= algebra.LONGEST_FORMULA:
                self._say("", expression, reason, of)

        if any(part.read is not part.shown for part in parts):
            say(self._added(part.shown for part in parts), "no entry comes near the bound")
        # Insert the formulas of the gradients that the steps contain. If factors cancel then, print before and after.
        full = self._added(algebra.substitute(part.shown, self._full) for part in parts)
        short = [algebra.substitute(part.shown, self._short) for part in parts]
        inserted = [algebra.substitute(expression, self._abbreviated) for expression in short]
        reduced = [algebra.cancelled(expression) for expression in inserted]
        if any(old is not new for old, new in zip(inserted, reduced, strict=True)):
            short = reduced
            names = " and of ".join(dict.fromkeys(function_name(part.node.function) for part in parts))
            say(self._added(inserted), "inserted")
            say(self._added(short), f"the derivative of {names} cancels")
        elif full.symbols and any(self._with_numbers(part.shown) is not part.shown for part in parts):
            say(full, "inserted")
        return full, self._added(short)

    def verify(self) -> dict[str, float]:
        """For each parameter, by its key, the largest error of its own formulas and of the steps that all share."""
        walked = self._walked()
        values: dict[Expression, Any] = {}
        magnitudes: dict[Expression, Any] = {}
        # A magnitude is a sum of absolute values, for the rounding errors to be compared with. A step takes over those
        # of the steps before, because a sum that has nearly cancelled keeps the errors of its large terms.
        for symbol, formula in self._steps.items():
            evaluate(formula, values)
            magnitudes[symbol] = np.reshape(algebra.magnitude(formula, values, magnitudes), symbol.array.shape)
        errors: dict[str, list[float]] = defaultdict(list)
        for of, formula in self.claims:
            key, array = (self.namer.keys[of], walked[of]) if isinstance(of, Leaf) else ("", of)
            value = np.asarray(evaluate(formula, values), np.float64)
            scale = float(np.max(algebra.magnitude(formula, values, magnitudes), initial=0)) or 1.0
            errors[key].append(float(np.max(np.abs(value.reshape(array.shape) - array), initial=0)) / scale)
        steps = errors.pop("")  # every gradient rests on these
        return {key: float(np.max([*steps, *found])) for key, found in errors.items()}

    def _walked(self) -> dict[Leaf, Array]:
        """The gradient of each leaf by a backward walk, in a copy of the graph, so that no hook is called."""
        copies: dict[Place | None, Any] = {None: None}
        for node in self.nodes:
            copy = copies[node] = object.__new__(Node)
            for slot in Node.__slots__:
                setattr(copy, slot, getattr(node, slot))
            if node.inputs is not None:
                copy.edges = [copies.setdefault(edge, Leaf()) for edge in node.edges]
            if node.extras is not None:
                copy.extras = SimpleNamespace(hooks=None, retains_grad=False, checksums=node.extras.checksums)
        root = self.nodes[-1]
        # `edges` lead from copy to copy, so the walk never comes to an original node with its hooks.
        found = walk([(copies[root], np.ones_like(root.output))], retain_graph=True)
        pairs = [(leaf, found[copies[leaf]]) for leaf in self.namer.keys if copies[leaf] in found]
        return {leaf: gradient.dense() if isinstance(gradient, Product) else gradient for leaf, gradient in pairs}


def summary(nodes: list[Node], paths: Mapping[Leaf, str]) -> Section:
    """A line for each module: how often each function was recorded, and the parameters.

    A node does not say which module recorded it. It is counted for the module of the latest parameter that it or a node
    before it has used.
    """
    modules: dict[str, tuple[Counter[str], dict[Leaf, str]]] = defaultdict(lambda: (Counter(), {}))
    module = "(no module)"
    for node in nodes:
        for array, edge in zip(node.inputs, node.edges, strict=True):
            if isinstance(edge, Leaf):
                # "0.weight" is the weight of module 0, and "weight" that of the model itself.
                path, _, name = paths.get(edge, "(no module).a parameter").rpartition(".")
                module = path or "(the model itself)"
                modules[module][1][edge] = f"{name} {sized(array.shape)}"
        modules[module][0][function_name(node.function)] += 1
    lines = []
    for module, (functions, parameters) in modules.items():
        counts = [f"{count:,} × {name}" if count > 1 else name for name, count in functions.items()]
        lines.append(Line(module, ":", "; ".join(filter(None, (", ".join(counts), ", ".join(parameters.values()))))))
    return Section("Functions and parameters, by module", lines)
