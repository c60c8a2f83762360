"""The notation of the tutorial whose network is reproduced (the README's section "The document"): one sample, a column.

What the code computes as a row, such as a B, is written as the column Bᵀ a, and the derivative of an activation as the
matrix D = diag(…). It is for layers and activations in a row, and for a sum of squares or a cross entropy.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, log_softmax, softmax

from ..core import functions as f
from ..core.lines import function_name
from ..core.record import Node
from . import expression as algebra
from .derive import LOSSES, Deriver, Part, Section, forward_of, is_alias, source_of
from .expression import Expression, Gradient, Name, Symbol, evaluate, fold
from .write import Writer


class AsColumn(NamedTuple):
    """What stands for a row of the code: a column, or the diagonal matrix by which the row multiplies other rows."""

    column: Expression
    is_diagonal: bool = False


class DocumentWriter(Writer):
    """Writes g for the sigmoid, ∇ for gradients, and no sign between the factors of an elementwise product."""

    vectors = "Vectors are columns; columns side by side are multiplied entry by entry"

    def spelt(self, function: Any) -> str:
        return "g" if function is expit else super().spelt(function)

    def gradient(self, name: Gradient) -> str:
        of = self(name.of)
        return self.pick(f"∇_{of}ℒ", rf"\nabla_{{{of}}}\mathcal{{L}}")

    def times(self, a: Expression, b: Expression) -> str:
        return self.pick(" ", r" \, " if a.function is np.divide else " ")

    def needs_parentheses(self, text: str) -> bool:
        return text.endswith("⁾") or super().needs_parentheses(text)


class DocumentDeriver(Deriver):
    """The gradients of a loss of one sample in the document's notation: a row of the code is written as a column.

    ValueError: the graph is not a chain of layers, activations and a loss on one sample; the error says why not.
    """

    loss = "ℒ"
    counts_input = True

    def __init__(self, nodes: list[Node], *paths_and_names: Any) -> None:
        _validate(nodes)
        # Of numbers, as in section 4, there are neither transposes nor diagonal matrices.
        self.is_scalar = all(np.size(array) == 1 for node in nodes for array in node.inputs if array is not None)
        self.loss_node = next(node for node in nodes if node.function in LOSSES)
        # The loss, and the sums and factors that follow it. Their values are numbers: no steps to these are said.
        self.silent = nodes[nodes.index(self.loss_node) :]
        # What formulas have for a symbol of the code: an AsColumn for a row, and a weight matrix itself.
        self.columns: dict[Expression, Any] = {}
        # What is written in place of a symbol that gets no equation: g(z) for the output a of the network.
        self.unnamed: dict[Expression, Expression] = {}
        self.inner: dict[Node, Expression] = {}  # each activation, written out as a function of its z
        super().__init__(nodes, *paths_and_names)

    def _forward(self) -> Section:
        """The equations of the layers and of the activations between them, and one for the loss.

        An alias, the activation of the output, the loss and what follows it get none: `unnamed` has their formulas,
        which are inserted where their symbols occur.
        """
        symbols = self.namer.symbols
        for node in self.nodes:
            symbol, inputs, name = symbols[node], self.namer.inputs_of(node), function_name(node.function)
            if node.function is f.linear:
                self.columns[inputs[1]] = inputs[1]  # a matrix
            if node.function is f.squared_error and node.edges[1] is None:
                inputs.reverse()  # the document has the target first: (y − g)²
            expression = algebra.unguarded(forward_of(node, inputs))
            if node not in self.silent and node.function is not f.linear and not is_alias(node):
                self.inner[node] = expression
                # A formula for the column must give the same entries, to the precision of a graph in float32.
                if not np.allclose(evaluate(self.form(expression)).ravel(), symbol.array.ravel(), rtol=1e-3):
                    raise _refusal(f"{name} does not take each entry by itself")
            if is_alias(node) or node in self.silent or (node in self.inner and node is source_of(self.loss_node)):
                self.unnamed[symbol] = algebra.substitute(expression, self.unnamed)
            else:
                self._say(symbol.name, expression, name, node.output)
        root = symbols[self.nodes[-1]]
        self._say(root.name, root, function_name(self.loss_node.function), root.array)
        return self._section("Forward")

    def shape(self, expression: Expression) -> tuple[int, ...]:
        return expression.shape[:1] if expression.shape[1:] == (1,) else expression.shape

    def form(self, expression: Expression) -> Any:
        """A formula with columns for rows."""

        def combine(part: Expression, operands: list[Any]) -> Any:
            if isinstance(part, Symbol):
                if part.ndim and part not in self.columns:
                    self.columns[part] = AsColumn(Symbol(part.name, part.array.reshape(-1, 1)))
                return self.columns.get(part, part)
            is_row = any(isinstance(operand, AsColumn) for operand in operands)
            plain = [operand.column if isinstance(operand, AsColumn) else operand for operand in operands]
            if part.function is np.matmul:
                a, b = plain
                if isinstance(operands[0], AsColumn):  # a Bᵀ is the row of the column B a
                    return AsColumn(b * a if self.is_scalar else b.T @ a)
                return a * b if self.is_scalar else a @ (b.T if is_row else b)
            if isinstance(operands[-1], AsColumn) and operands[-1].is_diagonal:
                return AsColumn(plain[1] @ plain[0])
            if part.function is np.transpose:
                return plain[0] if is_row or self.is_scalar else plain[0].T
            if part.function is np.reshape and is_row:
                return operands[0]
            if part.function is np.sum and is_row:
                return np.sum(plain[0])
            along = {"axis": 0} if is_row and part.function in (softmax, log_softmax) else {}  # of a column
            result = algebra.build(part.function, plain, part.options | along)
            return AsColumn(result) if is_row and part.function is not np.diagflat else result

        result = fold(algebra.substitute(expression, self.unnamed), combine, {})
        return result.column if isinstance(result, AsColumn) else result

    def _part(self, node: Node, g: Expression, read: Expression, reason: str) -> Part:
        shown = algebra.substitute(algebra.unguarded(read), self.unnamed)
        if node in self.silent:
            shown = self._with_numbers(shown)
        if node is self.loss_node:
            shown = self._as_written(shown)
        if node in self.inner:
            shown = algebra.substitute(shown, {self.namer.symbols[node]: self.inner[node]})
            factors = algebra.factors_of(shown)[1]
            derivative = [factor for factor in factors if factor is not g]
            if not self.is_scalar and 0 < len(derivative) < len(factors):
                shown = g * self._diagonal(node, algebra.product(*derivative))
        return Part(node, shown, shown, reason)

    def _diagonal(self, node: Node, derivative: Expression) -> Symbol:
        """A symbol for the derivative of an activation: to the code a row, and here the diagonal of a matrix."""
        definition = Expression(np.diagflat, (derivative,))
        name = Name("D", self.namer.layers[node])
        symbol, matrix = Symbol(name, evaluate(derivative)), Symbol(name, evaluate(definition))
        self.columns[symbol] = AsColumn(matrix, is_diagonal=True)
        self._abbreviated[symbol] = derivative
        self._say(name, definition, of=matrix.array)
        return symbol

    def _as_written(self, expression: Expression) -> Expression:
        """The derivative of the loss in the document's form: −(y − g), or (1 − y)/(1 − g) − y/g."""
        number, rest = algebra.split(expression)
        if self.loss_node.function is f.squared_error and rest.function is np.subtract:
            return algebra.scaled(-number, Expression(np.subtract, rest.operands[::-1]))
        if self.loss_node.function is f.binary_cross_entropy and rest.function is np.divide:
            difference, denominator = rest.operands
            if algebra.is_made_by(np.subtract, difference):
                a, y = difference.operands
                if algebra.equal(denominator, a * (1 - a)):
                    written = (1 - y) / (1 - a) - y / a
                    self._abbreviated[written] = rest
                    return algebra.scaled(number, written)
        return expression

    def _added(self, expressions: Iterable[Expression]) -> Expression:
        return reduce(lambda a, b: a + b, expressions)


def _validate(nodes: list[Node]) -> None:
    """Raise ValueError unless the nodes are those of layers, activations and a loss, one after the other."""
    if not any(node.function in LOSSES for node in nodes):
        raise _refusal("there is no squared error or cross entropy")
    has_loss = False
    for before, node in zip([None, *nodes], nodes, strict=False):
        name, is_layer = function_name(node.function), node.function is f.linear
        if {edge for edge in node.edges if isinstance(edge, Node)} != ({before} if before else set()):
            raise _refusal(f"{name} does not go on where {function_name(before.function) if before else 'x'} ends")
        if is_layer and len(node.inputs[0]) != 1:
            raise _refusal(f"this batch has {len(node.inputs[0])} rows")
        if node.function in LOSSES:
            if has_loss or before is None:
                raise _refusal("the loss is not that of a network")
            has_loss = True
        elif has_loss:
            is_scaled = node.function is np.multiply or (node.function is np.divide and node.edges[0] is before)
            others = [array for array, edge in zip(node.inputs, node.edges, strict=True) if edge is not before]
            if node.function is not np.sum and not (is_scaled and all(np.size(array) == 1 for array in others)):
                raise _refusal(f"{name} is neither the sum of a loss nor a number times it")
        elif not is_layer and not is_alias(node):
            is_activation = before and len(node.inputs) == 1 and node.output.shape == before.output.shape
            if not is_activation:
                raise _refusal(f"{name} is neither a layer nor an activation")


def _refusal(problem: str) -> ValueError:
    return ValueError(
        "the document's notation is for one sample, for layers and activations one after the other, and for a sum "
        f'of squares or a cross entropy, but {problem}: write notation="rows", which is for all graphs'
    )
