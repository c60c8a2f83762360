"""Expressions are simplified and written as a person would write them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinygrad_mlp.derivation.expression import Expression, Name, Symbol
from tinygrad_mlp.derivation.write import Writer


def symbol(name: str, *shape: int) -> Symbol:
    """A symbol of this shape with random entries."""
    return Symbol(Name(name), np.random.default_rng(len(name)).normal(size=shape))


a, b, c, s = symbol("a", 2, 3), symbol("b", 2, 3), symbol("c", 3, 2), symbol("s")
write = Writer(False, {})

SIMPLER: list[tuple[Any, str]] = [
    (1 * a, "a"),
    (a * 1, "a"),
    (np.negative(-a), "a"),
    (-(a * -2), "2 a"),
    (a - (-b), "a + b"),
    (a + (-b), "a − b"),
    (0.5 * (2 * (a - b)), "a − b"),
    (a + -2, "a − 2"),
    (0 - a, "−a"),
    (1 - a**2, "1 − a²"),
    (a / 10, "1/10 · a"),
    (1 / a, "1 / a"),
    (a / (2 * b), "½ a / b"),
    (a * (b / a), "a ⊙ (b / a)"),
    (a / (b / a), "a / (b / a)"),
    ((a - b) / (a - b), "(a − b) / (a − b)"),
    (a.T.T, "a"),
    ((-a) @ c, "−a c"),
    ((2 * a).T @ (a @ (3 * c)), "6 aᵀ a c"),
    ((a @ c).T, "(a c)ᵀ"),
    ((a * b) @ c, "(a ⊙ b) c"),
    (a @ c * (a @ c), "a c ⊙ a c"),
    (s * a, "s · a"),
    (np.sum(a), "Σ a"),
    (np.sum(a * b) * 2, "2 Σ a ⊙ b"),
    (np.sum(a + b), "Σ (a + b)"),
    (np.sum(a, axis=0), "𝟏ᵀ a"),
    (np.sum(a, axis=1, keepdims=True), "a 𝟏"),
    (np.mean(a), "1/6 · Σ a"),
    (np.broadcast_to(s, (2, 3)) * a, "s · a"),
    (np.broadcast_to(np.sum(a, 1, keepdims=True), (2, 3)), "a 𝟏 𝟏ᵀ"),
    (np.exp(a) ** 2, "exp²(a)"),
    (np.tanh(a + b), "tanh(a + b)"),
    (a > 0, "[a > 0]"),
    (np.where(a > b, a, 0), "where([a > b], a, 0)"),
    (np.logaddexp(0, a), "ln(1 + exp(a))"),
    (np.log1p(-a), "ln(1 − a)"),
    (np.expm1(a), "exp(a) − 1"),
    (a[0, 1:], "a[0, 1:]"),
    (a * 1e-12, "10⁻¹² a"),
    (a**0.5, "a^½"),
    (a**-1, "a⁻¹"),
    (a**1, "a"),
    (a + a**0, "a + 𝟏 𝟏ᵀ"),
    (a * np.nan, "NaN a"),
    (2 * (1 / a), "2 / a"),
    (np.transpose(symbol("t", 2, 3, 4), (2, 0, 1)), "transpose(t, (2, 0, 1))"),
    (-2 * a + b, "−2 a + b"),
    (b - (a - b), "b − (a − b)"),
    (a @ c @ a, "a c a"),
    (np.reshape(a, (3, 2)), "reshape(a, (3, 2))"),
    (np.reshape(a, (1, 2, 3)), "a"),
]


@pytest.mark.parametrize(("expression", "text"), SIMPLER, ids=[text for _, text in SIMPLER])
def test_how_expressions_are_written(expression: Expression, text: str) -> None:
    assert write(expression) == text


@pytest.mark.parametrize(
    "operation", [lambda: len(a), lambda: float(s), lambda: list(a), lambda: bool(a), lambda: np.asarray(a)]
)
def test_what_symbols_refuse(operation: Callable[[], Any]) -> None:
    with pytest.raises(TypeError):
        operation()
