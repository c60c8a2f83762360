"""Layers that hold a table, and look up its rows."""

from __future__ import annotations

from typing import Any, Self

from numpy.typing import DTypeLike

from ..tensors.arguments import floating_dtype, positive_integer
from ..tensors.creation import as_operand, empty
from ..tensors.devices import DeviceLike, validate_device
from ..tensors.random import AnyGenerator
from ..tensors.tensor import Tensor
from . import functional as F
from . import init
from .call_site import where_called
from .embedding_functions import padding_row, refuse_options, validate_mode
from .module import Module
from .parameter import Parameter

__all__ = ["Embedding", "EmbeddingBag"]


class _Table(Module):
    """The base of the embeddings: a table ``weight`` of shape (num_embeddings, embedding_dim)."""

    padding_idx: int | None

    def _hold(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None,
        weight: Any,
        dtype: DTypeLike | None,
        generator: AnyGenerator | None,
    ) -> None:
        """Hold `weight`, or a new table where it is None."""
        self.num_embeddings = positive_integer(num_embeddings, "num_embeddings is a positive integer")
        self.embedding_dim = positive_integer(embedding_dim, "embedding_dim is a positive integer")
        self.padding_idx = padding_row(padding_idx, self.num_embeddings)
        shape = (self.num_embeddings, self.embedding_dim)
        if weight is None:
            self.weight = Parameter(Tensor._of(empty(shape, floating_dtype(dtype))))
            self.reset_parameters(generator)
        elif weight.shape != shape:
            raise ValueError(f"a table of {shape[0]} rows of {shape[1]} has shape {shape}, not {weight.shape}")
        else:
            self.weight = Parameter(weight)

    def reset_parameters(self, generator: AnyGenerator | None = None) -> None:
        """Draw the table anew from the normal distribution. The row of `padding_idx` becomes zeros."""
        init.normal_(self.weight, generator=generator)
        if self.padding_idx is not None:
            init.zeros_(self.weight.data[self.padding_idx])

    @classmethod
    def _around(cls, embeddings: Any, freeze: bool, **options: Any) -> Self:
        """A layer whose table is `embeddings`, as `from_pretrained` returns it; the options are the constructor's."""
        weight = as_operand(embeddings)
        if weight.ndim != 2:
            raise ValueError(f"from_pretrained() takes a matrix with a row for each index, not shape {weight.shape}")
        layer = cls(*weight.shape, _weight=weight, **options)  # type: ignore[call-arg]  # of the subclasses
        layer.weight.requires_grad_(not freeze)
        return layer

    def _called(self, function: Any, *args: Any, **options: Any) -> Tensor:
        """The result of a function, with the place of this layer in what it raises."""
        try:
            return function(*args, **options)  # type: ignore[no-any-return]
        except (IndexError, TypeError, ValueError) as error:
            raise type(error)(f"{where_called(self)}: {error}") from None


class Embedding(_Table):
    """The rows of a table at the integers of the input: of shape (…, embedding_dim) for an input (…).

    The initial values are drawn from the normal distribution with mean 0 and variance 1, as in PyTorch. A step of `SGD`
    without momentum takes a time that does not depend on the length of the table.

    Args:
        num_embeddings: the number of rows N.
        embedding_dim: the length of a row.
        padding_idx: a row that begins with zeros and gets no gradient; a negative one counts from the end.
        max_norm, norm_type, scale_grad_by_freq: PyTorch's options that are left out: None and False are taken.
        sparse: has no effect, because all gradients are kept as those of rows.
        device: the CPU, if anything.
        dtype: the dtype of the table; the default dtype by default.
        generator: draws the initial values.

    Raises:
        ValueError: a size is not a positive integer, `padding_idx` is no row, or an option is left out.
        TypeError: `dtype` is neither float32 nor float64. Later, in a call: the input is not of integers.
        IndexError: later, in a call: an index is outside 0 … N − 1.

    >>> import tinygrad_mlp as tg
    >>> layer = tg.nn.Embedding(10, 3, padding_idx=0)
    >>> layer(tg.tensor([[1, 2], [0, 9]])).shape, layer
    ((2, 2, 3), Embedding(10, 3, padding_idx=0))
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Any = None,
        _freeze: bool = False,
        device: DeviceLike = None,
        dtype: DTypeLike | None = None,
        *,
        generator: AnyGenerator | None = None,
    ) -> None:
        validate_device(device)
        refuse_options("Embedding", max_norm, scale_grad_by_freq)
        self._hold(num_embeddings, embedding_dim, padding_idx, _weight, dtype, generator)
        self.weight.requires_grad_(not _freeze)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Any,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Self:
        """A layer whose table is `embeddings`, a matrix, whose memory it shares.

        Args:
            freeze: whether the table requires no gradient.
            padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse: as for the constructor.

        Raises:
            ValueError: `embeddings` is no matrix; or as for the constructor.
        """
        return cls._around(
            embeddings,
            freeze,
            padding_idx=padding_idx,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
        )

    def forward(self, input: Any) -> Tensor:
        return self._called(F.embedding, input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


class EmbeddingBag(_Table):
    """For each bag of integers, the sum, the mean or the maximum of their rows in a table: (bags, embedding_dim).

    The input is a matrix, whose rows are the bags, or a vector with `offsets` where they begin. The initial values are
    drawn from the normal distribution with mean 0 and variance 1, as in PyTorch.

    Args:
        num_embeddings: the number of rows N.
        embedding_dim: the length of a row.
        max_norm, norm_type, scale_grad_by_freq: PyTorch's options that are left out: None and False are taken.
        mode: "sum", "mean" or "max".
        sparse: has no effect, because all gradients are kept as those of rows.
        include_last_offset: whether the last of the offsets is the end of the last bag.
        padding_idx: a row that begins with zeros and belongs to no bag; a negative one counts from the end.
        device: the CPU, if anything.
        dtype: the dtype of the table; the default dtype by default.
        generator: draws the initial values.

    Raises:
        ValueError: a size is not a positive integer, `padding_idx` is no row, `mode` is another word, or an option is
            left out. Later, in a call: the shapes do not fit.
        TypeError: `dtype` is neither float32 nor float64. Later, in a call: the input is not of integers.
        IndexError: later, in a call: an index is outside 0 … N − 1.

    >>> import tinygrad_mlp as tg
    >>> layer = tg.nn.EmbeddingBag(10, 3, mode="sum")
    >>> layer(tg.tensor([[1, 2], [0, 9]])).shape, layer
    ((2, 3), EmbeddingBag(10, 3, mode='sum'))
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Any = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: DeviceLike = None,
        dtype: DTypeLike | None = None,
        *,
        generator: AnyGenerator | None = None,
    ) -> None:
        validate_device(device)
        refuse_options("EmbeddingBag", max_norm, scale_grad_by_freq)
        validate_mode(mode)
        self.mode = mode
        self.include_last_offset = include_last_offset
        self._hold(num_embeddings, embedding_dim, padding_idx, _weight, dtype, generator)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Any,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> Self:
        """A layer whose table is `embeddings`, a matrix, whose memory it shares.

        Args:
            freeze: whether the table requires no gradient.
            the other ones: as for the constructor.

        Raises:
            ValueError: `embeddings` is no matrix; or as for the constructor.
        """
        return cls._around(
            embeddings,
            freeze,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            mode=mode,
            sparse=sparse,
            include_last_offset=include_last_offset,
            padding_idx=padding_idx,
        )

    def forward(self, input: Any, offsets: Any = None, per_sample_weights: Any = None) -> Tensor:
        return self._called(
            F.embedding_bag,
            input,
            self.weight,
            offsets,
            mode=self.mode,
            per_sample_weights=per_sample_weights,
            include_last_offset=self.include_last_offset,
            padding_idx=self.padding_idx,
        )

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}, mode={self.mode!r}{padding}"
