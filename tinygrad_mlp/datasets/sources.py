"""`load_digits`, for programs that take their data as an option: MNIST, the embedded digits, or a path."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from .digits import embedded_digits
from .download import MIRRORS, cache_folder, standard_files
from .formats import Images, Labels
from .mnist import load_mnist

__all__ = ["load_digits"]


def load_digits(
    source: str | os.PathLike[str] = "auto",
    *,
    train: bool = True,
    cache: str | os.PathLike[str] | None = None,
    mirrors: Sequence[str] = MIRRORS,
    progress: bool = False,
) -> tuple[Images, Labels, str]:
    """Images, labels, and a line of text that says which data they are and where they come from.

    Args:
        source: one of

            - "mnist": the standard files, from the cache or downloaded;
            - "embedded": digits drawn from matplotlib's fonts, 6,000 to train or 1,000 others to test;
            - "auto": "mnist", or "embedded" if no mirror can be reached;
            - a path, as in `load_mnist`.
        train, cache, mirrors, progress: as in `load_mnist`.

    Returns:
        images, uint8 of shape (n, 28, 28); labels, int64 of shape (n,); the line of text.

    Raises:
        Exception: whatever `load_mnist` and `embedded_digits` raise. With "auto", a network that fails is no error, but
            a damaged file is one.
    """
    part = "training" if train else "test"
    if source == "embedded":
        return _embedded(train, "as asked")
    if source not in ("auto", "mnist"):
        path = Path(source)
        images, labels = load_mnist(path, train=train)
        return images, labels, f"{len(images):,} {part} images from {path}"

    folder = cache_folder(cache)
    cached = all((folder / name).exists() for name in standard_files(train))
    try:
        images, labels = load_mnist(train=train, cache=folder, mirrors=mirrors, progress=progress)
    except ConnectionError as error:
        if source == "mnist":
            raise
        return _embedded(train, f"standard MNIST is not in the cache, and {error}")
    where = "from the cache at" if cached else "downloaded to"
    return images, labels, f"standard MNIST, {len(images):,} {part} images {where} {folder}"


def _embedded(train: bool, why: str) -> tuple[Images, Labels, str]:
    """The embedded digits; `why` they were chosen is part of the line of text."""
    images, labels = embedded_digits(6000, seed=0) if train else embedded_digits(1000, seed=1)
    count = f"{len(images):,} {'training' if train else 'test'} images"
    return images, labels, f"embedded digits, {count} drawn from matplotlib's fonts ({why})"
