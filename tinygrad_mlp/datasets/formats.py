"""Images and labels read from IDX, MATLAB and NumPy files.

Every file is checked before it becomes an array, because a truncated or mistaken one would otherwise show only as a
network that does not learn.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Images", "Labels", "decompress", "read_arrays", "read_idx", "validated"]

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]


def decompress(content: bytes, name: object) -> bytes:
    """The decompressed `content` of a gzip file. Raises ValueError, with the `name` of the file, if it is damaged."""
    try:
        return gzip.decompress(content)
    except gzip.BadGzipFile as error:
        raise ValueError(f"{name}: not a good gzip file: {error}") from error
    except (EOFError, zlib.error) as error:
        size = f"{len(content):,} bytes"
        raise ValueError(f"{name}: truncated or damaged gzip file ({size}): {error}") from error


def read_idx(file: Path, dimensions: int) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes, of shape (n, 28, 28) for images or (n,) for labels.

    The file begins with the bytes 0, 0, 8 and the number of dimensions. The sizes follow, four bytes each, the most
    significant first, and then the entries.
    """
    content = file.read_bytes()
    if file.suffix == ".gz":
        content = decompress(content, file)
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise ValueError(f"{file}: {len(content)} bytes, truncated: the header alone takes {header}")
    magic, *shape = struct.unpack(f">{1 + dimensions}I", content[:header])
    if magic != 0x800 + dimensions:
        raise ValueError(
            f"{file}: magic number 0x{magic:08x}, expected 0x{0x800 + dimensions:08x} "
            f"(an IDX file of unsigned bytes in {dimensions} dimension{'s'[: dimensions - 1]})"
        )
    expected = header + math.prod(shape)
    if len(content) != expected:
        sizes = " × ".join(f"{size:,}" for size in shape)
        raise ValueError(
            f"{file}: {len(content):,} bytes, but its header says {sizes}, which makes {expected:,} bytes; "
            f"the file is {'truncated' if len(content) < expected else 'too long'}"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def read_arrays(file: Path, train: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    """The images, of shape (n, 28, 28), and the labels in a .mat or .npz file, whose entries are not validated yet."""
    matlab = file.suffix.lower() == ".mat"
    arrays = _read_mat(file) if matlab else _read_npz(file)
    if train:
        names = [("train_images", "x_train"), ("train_labels", "labels", "y_train")]
    else:
        names = [("test_images", "x_test"), ("test_labels", "y_test")]
    found = [next((name for name in group if name in arrays), None) for group in names]
    for group, name in zip(names, found, strict=True):
        if name is None:
            held = ", ".join(key for key in arrays if not key.startswith("__")) or "nothing"
            raise ValueError(f"{file}: holds {held}; expected {' or '.join(group)}")
    images, labels = (arrays[name] for name in found if name is not None)
    if matlab:
        if images.ndim != 3 or images.shape[:2] != (28, 28):
            raise ValueError(f"{file}: {found[0]} has shape {images.shape}, expected 28×28×n, images last")
        images = images.transpose(2, 0, 1)
    return images, labels


def _read_mat(file: Path) -> Mapping[str, NDArray[Any]]:
    """The arrays in a MATLAB file, by name."""
    from scipy.io import loadmat

    content = file.read_bytes()
    try:
        arrays: Mapping[str, NDArray[Any]] = loadmat(io.BytesIO(content))
    except NotImplementedError as error:  # loadmat does not read HDF5, in which MATLAB 7.3 writes
        raise ValueError(f"{file}: a MATLAB 7.3 file; save it with save(…, '-v7') instead") from error
    except Exception as error:  # scipy raises errors of many kinds when it reads damaged bytes
        raise ValueError(f"{file}: not a good MATLAB file: {type(error).__name__}: {error}") from error
    return arrays


def _read_npz(file: Path) -> Mapping[str, NDArray[Any]]:
    """The arrays in a NumPy file, by name."""
    content = file.read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return dict(archive)
    except Exception as error:  # zipfile and NumPy raise errors of many kinds when they read damaged bytes
        raise ValueError(f"{file}: not a good .npz file: {type(error).__name__}: {error}") from error


def validated(images: NDArray[Any], labels: NDArray[Any], image_file: Path, label_file: Path) -> tuple[Images, Labels]:
    """The images as uint8 and the labels as int64, in memory of their own.

    Raises:
        ValueError: they are no images and labels: the shapes, the lengths or the entries are wrong.
    """
    if images.ndim != 3 or images.shape[1:] != (28, 28):
        raise ValueError(f"{image_file}: images of shape {images.shape}, expected n×28×28")
    if labels.size != max(labels.shape, default=0):
        raise ValueError(f"{label_file}: labels of shape {labels.shape}, expected one number for each image")
    if len(images) != labels.size:
        counts = f"{len(images):,} images, but {labels.size:,} labels"
        raise ValueError(f"{image_file} and {label_file} hold {counts}; expected a label for each image")
    if not len(images):
        raise ValueError(f"{image_file}: no images")
    _validate_whole(images, 255, f"{image_file}: images")
    _validate_whole(labels, 9, f"{label_file}: labels")
    return np.array(images, np.uint8, order="C"), np.array(labels, np.int64).ravel()


def _validate_whole(values: NDArray[Any], largest: int, what: str) -> None:
    """Raise ValueError, about `what`, unless all `values` are whole numbers from 0 to `largest`."""
    if values.dtype.kind not in "iuf":
        raise ValueError(f"{what} of dtype {values.dtype}, expected whole numbers from 0 to {largest}")
    good = (values >= 0) & (values <= largest) & (values == np.floor(values))
    if not good.all():
        raise ValueError(
            f"{what} must be whole numbers from 0 to {largest}; "
            f"{np.count_nonzero(~good):,} are not, the first {values[~good][0]}"
        )
