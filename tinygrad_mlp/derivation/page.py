"""A derivation as people read it: on a terminal, in a notebook or a paper, as a picture."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._optional import require
from ..core.record import Node, Variable
from ..files.atomic import replacing
from ..tensors.views import place_now
from .derive import LARGEST_GRAPH, Deriver, Line, Section, nodes_of, summary
from .document import DocumentDeriver, DocumentWriter
from .expression import Array, Expression, Name
from .write import Spelling, Writer

__all__ = ["Derivation", "explain"]

WIDTH = 80  # columns
IN_LATEX = {"=": "=", "+": "+", ":": ":", "∈": r"\in"}
_NOTATIONS = {"rows": (Deriver, Writer), "document": (DocumentDeriver, DocumentWriter)}

Block = tuple[Spelling, list[Line]]  # a title, and the lines below it, with spellings for their sides


class Derivation:
    """The gradients of a loss, derived: what `explain` returns.

    ``str()`` writes it for the terminal, `latex` for a paper, a notebook shows it by itself, and `save` makes a picture
    of it. It keeps the graph of the loss alive.

    Attributes:
        notation: "rows" or "document".
        is_summary: whether the graph is too large to be written down, so that there are no formulas.
        formulas: the gradient of each parameter as one formula in LaTeX, by the parameter's name. Where factors cancel,
            there are two: with and without them. Where it is too long to print, there is none.
        errors: what `verify` found when it was last called; None if it was not.
        deriver: the derivation as data; None if it is a summary.
    """

    def __init__(self, root: Node, paths: Mapping[Any, str], names: Mapping[str, Any], notation: str) -> None:
        """Derive the gradients of `root`, the node of the loss.

        `paths` has the name that the model gives to the parameter of each leaf. `names` has the user's names, and the
        Tensor or array that each is for.
        """
        self.notation = notation
        self.formulas: dict[str, list[str]] = {}
        self.errors: dict[str, float] | None = None
        self._nodes = nodes_of(root)
        # The error that rounding in the least precise array may cause: 4e-10 in float64, 7e-5 in float32.
        self._tolerance = float(max(np.finfo(node.output.dtype).eps for node in self._nodes)) ** 0.6
        # Constants that stand in formulas, by id, with the names that the writers give them as they meet them.
        arrays: dict[int, tuple[Array, Name]] = {}
        derive, write = _NOTATIONS[notation]
        self._text, self._latex = write(False, arrays), write(True, arrays)
        self.is_summary = len(self._nodes) > LARGEST_GRAPH
        self.deriver = None if self.is_summary else derive(self._nodes, paths, names)
        if self.deriver is None:
            self._blocks = [self._block(summary(self._nodes, paths))]
        else:
            equations = [self._block(section) for section in self.deriver.sections]
            self._blocks = [self._given(self.deriver, arrays), *equations]  # the equations have filled `arrays`

    def _spelt(self, side: Any) -> Spelling:
        return self._text.side(side), self._latex.side(side)

    def _block(self, section: Section) -> Block:
        """A section with spellings for its title and its lines. Its results go to `formulas`, in LaTeX.

        A line is left out if its two sides are spelt alike, or if it repeats the result of the line before.
        """
        lines: list[Line] = []
        if section.key:
            self.formulas[section.key] = []
        for line in section.lines:
            left, right = self._spelt(line.left), self._spelt(line.right)
            if right == left or (line.is_result and lines and lines[-1].is_result and lines[-1].right == right):
                continue
            lines.append(line._replace(left=left, right=right))
            if line.is_result and isinstance(line.right, Expression):
                self.formulas[section.key].append(right[1])
        (text, latex), (name, latex_name) = self._spelt(section.title), self._spelt(section.name)
        return (text + name, f"{latex} {latex_name}".rstrip()), lines

    def _given(self, deriver: Deriver, arrays: dict[int, tuple[Array, Name]]) -> Block:
        """What the formulas start from."""
        given: list[Any] = []
        for symbol, remark in deriver.namer.given.items():
            shape = symbol.shape if deriver.form(symbol) is symbol else (symbol.size,)
            given.append((symbol.name, symbol.array, shape, remark))
        for array, name in arrays.values():
            given.append((name, array, array.shape, "constant" if array.dtype.kind == "f" else "positions"))
        return self._spelt("Given"), [
            Line(self._spelt(name), "∈", (self._text.space(*space), self._latex.space(*space)), reason=remark)
            for name, *space, remark in given
        ]

    def verify(self) -> dict[str, float]:
        """Evaluate what is printed with NumPy on the graph's arrays, and compare the results with a backward walk's.

        Neither the graph nor any ``.grad`` changes, and no hook is called. Equations of the forward pass are compared
        with the arrays recorded. A step is evaluated with the gradients that the steps before it gave, and not with
        those of the walk.

        Returns:
            For each parameter the largest error in its formulas and in the steps before them. It is relative to the sum
            of the absolute values of the terms, where that is largest: about 1e-16 for float64 and 1e-7 for float32.
            Empty for a summary.

        Raises:
            RuntimeError: the graph has been released, or an array of it has changed.
        """
        self.errors = self.deriver.verify() if self.deriver else {}
        return self.errors

    @property
    def is_verified(self) -> bool:
        """Whether `verify` found the formulas to compute the gradients, up to rounding."""
        return bool(self.errors) and all(error <= self._tolerance for error in (self.errors or {}).values())

    def _verdict(self) -> Block:
        """What `verify` found."""
        if self.deriver is None:
            return self._spelt("No formula is printed, so there is none to verify."), []
        if self.errors is None:
            return self._spelt("Not verified: verify() compares these formulas with the gradients of backward()."), []
        words = (
            "Verified: NumPy computed these formulas from the graph's arrays, and the results are the gradients of "
            "backward(). Largest relative errors:"
        )
        wrong = {key: error for key, error in self.errors.items() if not error <= self._tolerance}
        if wrong:
            words = "NOT VERIFIED: what NumPy computes from these formulas differs from the gradients of backward() by:"
        names = {section.key: section.name for section in self.deriver.sections}
        errors = [(names[key], f"{error:.1e}" if error else "0") for key, error in (wrong or self.errors).items()]
        return self._spelt(words), [Line(self._spelt(name), ":", self._spelt(error)) for name, error in errors]

    def _preface(self) -> list[str]:
        """The paragraphs above a derivation: what it is, and what the signs and functions in its formulas mean."""
        count = f"{len(self._nodes):,} function{'s' * (len(self._nodes) > 1)}"
        if self.is_summary:
            return [
                f"The graph of this loss consists of {count}, too many to print the derivation of its gradients. "
                f"That is done for up to {LARGEST_GRAPH}; this is a summary by module."
            ]
        equations = self._blocks[1:]  # the first block is "Given", which has none
        printed = " ".join(f"{line.left[0]} = {line.right[0]}" for _, lines in equations for line in lines)
        legend = "; ".join([self._text.vectors, *self._text.legend(printed)])
        return [f"The gradients of a loss by the chain rule, from its graph of {count}.", f"{legend}."]

    def __str__(self) -> str:
        """The derivation in Unicode, in at most 80 columns."""
        rows = [row for words in self._preface() for row in _paragraph(words)]
        for (title, _), lines in [*self._blocks, self._verdict()]:
            rows += ["", *_paragraph(title)]
            indent = min(24, max((len(line.left[0]) for line in lines), default=0))
            for line in lines:
                start = f"{'▸' if line.is_result else ' '} {line.left[0]:<{indent}} {line.sign} "
                first, *others = _wrapped(re.split(r"(?<![⊙+−=/·]) ", line.right[0]), WIDTH - len(start))
                rows += [start + first, *(" " * len(start) + row for row in others)]
                if remark := "  ".join(filter(None, (line.shape, line.reason))):  # at the right margin
                    rows += [""] * (len(rows[-1]) + 2 + len(remark) > WIDTH)
                    rows[-1] += remark.rjust(WIDTH - len(rows[-1]))
        return "\n".join(rows)

    def __repr__(self) -> str:
        size = f"{len(self.formulas)} gradients from {len(self._nodes):,} functions"
        return f"<Derivation of {size}, notation={self.notation!r}>"

    def latex(self) -> str:
        """The derivation as one ``aligned`` environment, to stand between two ``$$``; it needs amsmath and amssymb."""
        rows = []
        for (_, title), lines in [*self._blocks, self._verdict()]:
            rows.append(rf"& {title}")
            for line in lines:
                first, *others = _wrapped(_pieces(line.right[1]), 90, _visible)
                rows += [f"{line.left[1]} &{IN_LATEX[line.sign]} {first}", *(rf"& \quad {row}" for row in others)]
                if remark := ", ".join(filter(None, (line.shape, line.reason))):
                    rows[-1] += f" && {self._latex.side(remark)}"
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Draw the derivation as a picture, .png or .svg, and write it whole or not at all. Return the path.

        Matplotlib sets the formulas, without TeX. For a paper, write what `latex` returns to a file.

        Raises:
            ValueError: `path` ends in neither .png nor .svg.
            ImportError: matplotlib is not installed.
            OSError: the file cannot be written; the error names it.
        """
        path = Path(path)
        ending = path.suffix.lower()
        if ending not in (".png", ".svg"):
            raise ValueError(
                f"a derivation is saved as a picture, .png or .svg, not as {path.name!r}: for LaTeX or text, write "
                "latex() or str() of it to a file"
            )
        require("matplotlib", "drawing a derivation")
        figure = _Picture(self._preface(), [*self._blocks, self._verdict()]).figure
        dpi = min(144.0, 60_000 / max(figure.get_tightbbox().size))  # Agg draws at most 2¹⁶ pixels a side
        metadata = {"Date": None} if ending == ".svg" else None
        with replacing(path) as draft:
            figure.savefig(draft, format=ending[1:], dpi=dpi, metadata=metadata, bbox_inches="tight", pad_inches=0.3)
        return path


# --- setting lines ----------------------------------------------------------------------------------------------------


def _wrapped(pieces: list[str], width: float, measure: Callable[[str], float] = len) -> list[str]:
    """Pieces joined by spaces to as few rows as fit into `width`."""
    rows: list[str] = []
    room = 0.0
    for piece in pieces:
        needed = measure(piece) + 1
        if rows and needed <= room:
            rows[-1] += f" {piece}"
        else:
            rows.append(piece)
            room = width + 1
        room -= needed
    return rows


def _paragraph(words: str, width: float = WIDTH) -> list[str]:
    return _wrapped(words.split(" "), width)


def _pieces(latex: str) -> list[str]:
    """A formula cut where a row may end: before operators and between factors, outside of braces and \\left."""
    pieces, depth, start = [], 0, 0
    for match in re.finditer(r"\\left|\\right|\\[{}]|[{} ]", latex):
        depth += {"{": 1, r"\left": 1, "}": -1, r"\right": -1}.get(match[0], 0)
        piece = latex[start : match.start()]
        if match[0] == " " and depth == 0 and piece not in ("+", "-", r"\odot", r"\cdot", r"\,", r"\sum", r"-\sum"):
            pieces.append(piece)
            start = match.end()
    return [*pieces, latex[start:]]


def _visible(latex: str) -> int:
    """About how many characters are seen of a formula."""
    return len(re.sub(r"\\(frac|left|right|math[a-z]+|text)|[{}^_\\]", "", latex))


class _Picture:
    """A figure of a derivation, saved as large as its texts need. Lengths are in points, from the top left."""

    INK, FAINT, HIGHLIGHT = "#1a1f2b", "#6b7280", "#e9f0fb"
    GAP, WIDEST = 22.0, 640.0  # between columns, of a formula

    def __init__(self, preface: list[str], blocks: list[Block]) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.transforms import Affine2D

        self.figure = Figure((1, 1), dpi=72)  # an inch, but texts may stand outside; a pixel is a point
        self.renderer = FigureCanvasAgg(self.figure).get_renderer()  # type: ignore[no-untyped-call]
        self.points = Affine2D().scale(1 / 72) + self.figure.transFigure
        self.columns: list[list[Any]] = [[], [], [], [], []]  # paragraphs, left sides, formulas, shapes, reasons
        self.y = 0.0
        results = []
        for words in preface:
            self.paragraph(words, self.FAINT)
        for (title, _), lines in blocks:
            self.y -= 14
            self.paragraph(title, self.INK, 10.5 if len(title) > WIDTH else 13)
            for line in lines:
                # One line takes several rows if its formula is long. Left side and sign are in the first of them, shape
                # and reason in the last.
                top = self.y
                first, *others = self.rows(line.right[1])
                rows = [{1: self.math(rf"{line.left[1]} \;{IN_LATEX[line.sign]}", ha="right"), 2: self.math(first)}]
                rows += [{2: self.math(row, x=18)} for row in others]
                rows[-1] |= {3: self.words(line.shape), 4: self.words(line.reason)}
                for row in rows:
                    self.place(row)
                if line.is_result:
                    results.append((top, self.y))
        self.align(results)

    def rows(self, latex: str) -> list[str]:
        """A formula, in rows that are narrow enough."""
        whole = self.math(latex)
        width = self.extent(whole).width
        whole.remove()
        if width <= self.WIDEST:
            return [latex]
        return _wrapped(_pieces(latex), _visible(latex) * self.WIDEST / width, _visible)

    def math(self, latex: str, **options: Any) -> Any:
        # Matplotlib sets \top as an operator with space around it, and \ln as a word without.
        latex = latex.replace(r"\top", r"\mathsf{T}").replace(r"\frac", r"\dfrac").replace(r" \ln", r" \, \ln")
        return self.text(f"${latex}$", size=14, color=self.INK, math_fontfamily="stix", **options)

    def words(self, words: str, size: float = 10.5, color: str = FAINT) -> Any:
        for text, latex in (("𝟏", r"\mathbf{1}"), ("∇_zℒ", r"\nabla_z\mathcal{L}")):  # which the font lacks
            words = words.replace(text, f"${latex}$")
        return self.text(words, size=size, color=color, math_fontfamily="stix")

    def text(self, words: str, x: float = 0, **options: Any) -> Any:
        return self.figure.text(x, 0, words, transform=self.points, **options)

    def extent(self, text: Any) -> Any:
        return text.get_window_extent(self.renderer)

    def paragraph(self, words: str, color: str, size: float = 10.5) -> None:
        for row in _paragraph(words, 1.5 * WIDTH):
            self.place({0: self.words(row, size, color)})

    def place(self, row: dict[int, Any]) -> None:
        """Put texts, by the numbers of their columns, on one baseline below what is there."""
        extents = [self.extent(text) for text in row.values()]
        baseline = self.y - max(extent.y1 for extent in extents) - 4
        self.y = baseline + min(extent.y0 for extent in extents) - 4
        for column, text in row.items():
            text.set_y(baseline)
            self.columns[column].append(text)

    def align(self, results: list[tuple[float, float]]) -> None:
        """Put the columns side by side, and color behind the results."""
        from matplotlib.patches import Rectangle

        extents = [[self.extent(text) for text in column] for column in self.columns]
        paragraphs, _, *widths = (max((extent.x1 for extent in column), default=0.0) for column in extents)
        left = max((-extent.x0 for extent in extents[1]), default=0.0)  # left sides end where their column starts
        starts = [0.0, left, left + self.GAP / 2]
        for width in widths:
            starts.append(starts[-1] + width + self.GAP)
        for start, column in zip(starts, self.columns, strict=False):
            for text in column:
                text.set_x(start + text.get_position()[0])
        width = max(starts[-1] - self.GAP, paragraphs)
        for top, bottom in results:
            corner, size = (-self.GAP / 2, bottom), (width + self.GAP, top - bottom)
            self.figure.add_artist(Rectangle(corner, *size, color=self.HIGHLIGHT, transform=self.points, zorder=-1))


# --- what users call --------------------------------------------------------------------------------------------------


def explain(
    loss: Variable,
    model: Any = None,
    names: Mapping[str, Any] | None = None,
    *,
    notation: str = "rows",
    verify: bool = True,
) -> Derivation:
    """Derive the gradients of `loss` by the chain rule, from its graph and with the rules that ``backward()`` uses.

    Call it before ``backward()``, which releases the graph. It changes neither the graph nor any ``.grad``.

    Args:
        loss: a Tensor of one entry, computed from Tensors that require a gradient.
        model: the module, or whatever has ``named_parameters()``, by whose paths the parameters are called.
        names: names of your own for Tensors and arrays in the graph: ``{"w": weight}``. Without either, the weights and
            biases of Linear layers are W⁽¹⁾, b⁽¹⁾, W⁽²⁾, …, and other parameters θ₁, θ₂, …
        notation: "rows", as the code computes: samples are the rows of matrices. Or "document": one sample, a column,
            and D = diag(…) for the derivatives of activations; for layers in a row, a squared error or a cross entropy.
        verify: evaluate the formulas with NumPy, and compare them with the gradients of ``backward()``.

    Returns:
        The derivation: print it, or `Derivation.save` it.

    Raises:
        TypeError: `loss` is no Tensor, `model` has no parameters, a name is not valid; or a rule cannot be read as
            symbols.
        ValueError: `loss` has several entries, a name is for nothing in the graph, the notation is not for this graph.
        RuntimeError: `loss` does not depend on anything that requires a gradient, or its graph has been released.

    >>> from tinygrad_mlp import explain, nn, tensor
    >>> net = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
    >>> loss = nn.BCEWithLogitsLoss(reduction="sum")(net(tensor([[1.0, 2.0, 3.0]])), tensor([[1.0]]))
    >>> print(explain(loss, net).formulas["2.weight"][0])
    (\\sigma(z^{(2)}) - y)^{\\top} a^{(1)}
    """
    # This function is long for its docstring and its messages alone.
    if not isinstance(loss, Variable):
        raise TypeError(f"explain takes a loss, a Tensor, not {type(loss).__name__}: write explain(loss, model)")
    if loss._data.size != 1:
        raise ValueError(
            f"a derivation is of one number, but this has shape {loss._data.shape}: reduce it with .sum() or .mean()"
        )
    if notation not in _NOTATIONS:
        raise ValueError(f'notation is "rows" or "document", not {notation!r}')
    if not isinstance(node := place_now(loss), Node):
        raise RuntimeError(
            "there is nothing to derive: this loss was not computed from anything that requires a gradient. Make the "
            "parameters with requires_grad=True, and compute the loss from them outside no_grad()"
        )
    if model is not None and not hasattr(model, "named_parameters"):
        raise TypeError(f"model is a module with named_parameters(), not {type(model).__name__}: pass names= instead")
    parameters = () if model is None else model.named_parameters()
    for name, value in (names or {}).items():
        if not isinstance(name, str) or not re.fullmatch(r"[\w.′]+", name):
            raise TypeError(f"a name consists of letters, digits, dots and underscores, unlike {name!r}")
        if not isinstance(value, Variable | np.ndarray):
            raise TypeError(
                f"names= maps names to Tensors and arrays, but {name} to {type(value).__name__}: write {{'w': w}}"
            )
    paths = {parameter._node: path for path, parameter in parameters}
    derivation = Derivation(node, paths, names or {}, notation)
    if verify:
        derivation.verify()
    return derivation
