"""Loads all tables of names. Whoever asks for the first of their names imports this file."""

from __future__ import annotations

from . import (  # noqa: F401
    creation,
    drawing,
    elementwise,
    in_place,
    joins,
    linear,
    linear_rows,
    parts,
    products,
    reductions,
    rows,
    selection,
    settings,
    shapes,
    sorting,
    statistics,
    triangular,
)
from .in_place import offer_in_place
from .table import offer_methods

__all__: list[str] = []

# Methods that `tensors/` writes out, and that PyTorch has as functions, too.
offer_methods(
    "abs acos all amax amin any argmax argmin asin atan broadcast_to clamp clone cos cosh cumsum detach diagonal erf "
    "exp exp2 expm1 flatten flip floor is_floating_point log log10 log1p log2 log_softmax logaddexp logsumexp "
    "masked_fill matmul max mean min mm norm numel outer permute pow prod reciprocal relu reshape roll sigmoid sign "
    "sin sinh softmax sqrt square squeeze std sum t tan tanh transpose tril triu unsqueeze var"
)
offer_in_place()
