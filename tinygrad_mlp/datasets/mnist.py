"""MNIST from wherever it is: IDX files, a MATLAB or NumPy file, or the public mirrors.

Every file is checked before it becomes an array, because a truncated or mistaken one would
otherwise show only as a network that does not learn.
"""

from __future__ import annotations

import gzip
import io
import math
import os
import queue
import struct
import threading
import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

__all__ = ["cache_folder", "load_mnist", "standard_files"]

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

# Of the decompressed bytes: the gzip copies differ from mirror to mirror.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

ANSWER_SECONDS = 3.0  # a mirror that has not answered by then counts as unreachable
SILENCE_SECONDS = 30.0  # and one that falls silent for this long in the middle, as lost

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]


def load_mnist(
    path: str | os.PathLike[str] | None = None,
    *,
    train: bool = True,
    cache: str | os.PathLike[str] | None = None,
    mirrors: Sequence[str] = MIRRORS,
    progress: bool = False,
) -> tuple[Images, Labels]:
    """The images and labels of MNIST (LeCun, Cortes, Burges), or of data in the same shape.

    Args:
        path: where the data is. One of

            - a folder with the IDX files (``train-images-idx3-ubyte`` or ``train-images.idx3-ubyte``
              and so on, plain or ``.gz``), or with exactly one ``.mat`` or ``.npz`` file;
            - a MATLAB file with `train_images` (28×28×n) and `train_labels` or `labels`;
            - an ``.npz`` file with `x_train` (n×28×28) and `y_train`, as Keras has them, or
              `train_images` and `train_labels`;
            - None: the standard files, from the cache, downloaded first where missing or damaged.
        train: the 60,000 training images; False for the 10,000 test images (``t10k-…``,
            `test_images`, `x_test`).
        cache: the folder that keeps downloads; None for the user's own cache folder.
        mirrors: the addresses to download from, tried in this order.
        progress: show a progress bar while downloading.

    Returns:
        images, uint8 of shape (n, 28, 28), 0 black to 255 white; labels, int64 of shape (n,), 0 to 9.

    Raises:
        ValueError: a file is not what it should be; the message names the file and what is wrong.
        FileNotFoundError: `path`, or a file expected in it, is not there.
        ConnectionError: no mirror could be reached, or none that was has the file.
        OSError: a mirror was reached, but what it sent failed its checksum (and was deleted).
    """
    if path is None:
        files = [_fetch(name, cache_folder(cache), mirrors, progress) for name in standard_files(train)]
    else:
        files = _find(Path(path), train)
    if len(files) == 2:
        images, labels = _read_idx(files[0], dimensions=3), _read_idx(files[1], dimensions=1)
    else:
        images, labels = _read_arrays(files[0], train)
    return _check(images, labels, files[0], files[-1])


def cache_folder(cache: str | os.PathLike[str] | None) -> Path:
    """The folder that keeps what is downloaded: the one given, or one in the user's cache."""
    import pooch

    return Path(pooch.os_cache("tinygrad_mlp") if cache is None else cache).expanduser()


def standard_files(train: bool) -> list[str]:
    """The names of the standard files, images before labels."""
    part = "train" if train else "t10k"
    return [f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"]


# --- finding files ----------------------------------------------------------------------------------------------------


def _find(path: Path, train: bool) -> list[Path]:
    """Two IDX files, images and labels, or one .mat or .npz file."""
    if path.is_file():
        if path.suffix.lower() not in (".mat", ".npz"):
            raise ValueError(
                f"{path}: expected a .mat or .npz file, or a folder; for IDX files, give the folder "
                f"that holds them: {str(path.parent)!r}"
            )
        return [path]
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: no such file or folder")

    names = standard_files(train)
    found = [_find_idx(path, name) for name in names]
    pair = [file for file in found if file is not None]
    if len(pair) == 2:
        return pair
    if len(pair) == 1:
        missing = names[found.index(None)]
        raise FileNotFoundError(f"{path}: {pair[0].name} is there, but {missing} (plain or .gz) is not")

    arrays = sorted(file for file in path.iterdir() if file.suffix.lower() in (".mat", ".npz"))
    if len(arrays) == 1:
        return arrays
    if arrays:
        raise ValueError(f"{path}: holds {', '.join(file.name for file in arrays)}; give the path of the one to read")
    raise FileNotFoundError(
        f"{path}: neither {names[0]} and {names[1]} (plain or .gz) nor a .mat or .npz file is there"
    )


def _find_idx(folder: Path, name: str) -> Path | None:
    spellings = [f"{stem}{end}" for stem in (name, name.replace("-idx", ".idx")) for end in ("", ".gz")]
    return next((folder / spelling for spelling in spellings if (folder / spelling).is_file()), None)


# --- downloading ------------------------------------------------------------------------------------------------------


def _fetch(name: str, cache: Path, mirrors: Sequence[str], progress: bool) -> Path:
    """The standard file of this name in the cache, downloaded if it is missing or damaged there."""
    import pooch

    if isinstance(mirrors, str) or not mirrors:
        raise TypeError(f"mirrors={mirrors!r}; expected a tuple or list of addresses, at least one")
    was_there = (cache / name).exists()
    unreachable, damaged = [], []
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{name}.gz"
        try:
            # pooch sees the decompressed bytes only: it checks their sha256, deletes them if they
            # fail, and else renames them into place.
            downloader = partial(_download, progress=progress)
            return Path(pooch.retrieve(url, SHA256[name], fname=name, path=cache, downloader=downloader))
        except ConnectionError as error:
            unreachable.append(f"{urlsplit(url).netloc or url}: {error}")
        except ValueError as error:
            damaged.append(f"{urlsplit(url).netloc or url}: {error}")

    said = "; ".join(unreachable + damaged)
    if was_there:
        raise ValueError(
            f"{cache / name}: this copy in the cache is damaged (its sha256 is wrong), and no new one "
            f"could be downloaded ({said}). Delete it, or give the path of a good copy"
        )
    message = f"{name} could not be downloaded ({said}). If you have the files, give the path of their folder"
    raise OSError(message) if damaged else ConnectionError(message)


def _download(url: str, output_file: str, pooch: object, *, progress: bool) -> None:
    """A pooch downloader that writes the decompressed bytes. ConnectionError, or ValueError if not gzip."""
    from pooch import HTTPDownloader

    _await_answer(url)
    compressed = io.BytesIO()
    timeout = (ANSWER_SECONDS, SILENCE_SECONDS)
    http = HTTPDownloader(progressbar=progress, chunk_size=2**16, timeout=timeout)
    try:
        http(url, compressed, pooch)
    except OSError as error:  # nothing is written to disk here, so this is the network
        raise ConnectionError(_innermost(error)) from error
    Path(output_file).write_bytes(_decompress(compressed.getvalue(), Path(url).name))


def _await_answer(url: str) -> None:
    """ConnectionError unless the server answers within ANSWER_SECONDS, whatever it answers.

    A timeout of the request itself is not enough: looking up the name obeys none, and each of the
    many addresses of a host gets the whole of it. Hence a thread that can be left behind.
    """
    from pooch import HTTPDownloader

    answer: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

    def ask() -> None:
        try:
            HTTPDownloader(timeout=ANSWER_SECONDS)(url, None, None, check_only=True)
            answer.put(None)
        except (OSError, ValueError) as error:  # ValueError: not an address
            answer.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        error = answer.get(timeout=ANSWER_SECONDS)
    except queue.Empty:
        raise ConnectionError(f"no answer within {ANSWER_SECONDS:g} seconds") from None
    if error is not None:
        raise ConnectionError(_innermost(error)) from error


def _innermost(error: BaseException) -> str:
    """What the operating system said, without the four layers of library around it."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return str(error)


# --- reading ----------------------------------------------------------------------------------------------------------


def _decompress(content: bytes, name: object) -> bytes:
    try:
        return gzip.decompress(content)
    except gzip.BadGzipFile as error:
        raise ValueError(f"{name}: not a good gzip file: {error}") from error
    except (EOFError, zlib.error) as error:
        size = f"{len(content):,} bytes"
        raise ValueError(f"{name}: truncated or damaged gzip file ({size}): {error}") from error


def _read_idx(file: Path, dimensions: int) -> NDArray[np.uint8]:
    """An IDX file of unsigned bytes: 0, 0, 8, dimensions, then the sizes (big-endian), then the data."""
    content = file.read_bytes()
    if file.suffix == ".gz":
        content = _decompress(content, file)
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


def _read_arrays(file: Path, train: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    """Images (n×28×28) and labels of a .mat or .npz file, not yet checked."""
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
    from scipy.io import loadmat

    content = file.read_bytes()
    try:
        arrays: Mapping[str, NDArray[Any]] = loadmat(io.BytesIO(content))
    except NotImplementedError as error:
        raise ValueError(f"{file}: a MATLAB 7.3 file; save it with save(…, '-v7') instead") from error
    except Exception as error:  # damaged bytes lead scipy into any error at all
        raise ValueError(f"{file}: not a good MATLAB file: {type(error).__name__}: {error}") from error
    return arrays


def _read_npz(file: Path) -> Mapping[str, NDArray[Any]]:
    content = file.read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return dict(archive)
    except Exception as error:  # damaged bytes lead zipfile and NumPy into any error at all
        raise ValueError(f"{file}: not a good .npz file: {type(error).__name__}: {error}") from error


def _check(images: NDArray[Any], labels: NDArray[Any], image_file: Path, label_file: Path) -> tuple[Images, Labels]:
    """The same as uint8 and int64, in memory of their own; ValueError unless they are images and labels."""
    if images.ndim != 3 or images.shape[1:] != (28, 28):
        raise ValueError(f"{image_file}: images of shape {images.shape}, expected n×28×28")
    if labels.size != max(labels.shape, default=0):
        raise ValueError(f"{label_file}: labels of shape {labels.shape}, expected one number for each image")
    if len(images) != labels.size:
        counts = f"{len(images):,} images, but {labels.size:,} labels"
        raise ValueError(f"{image_file} and {label_file} hold {counts}; expected a label for each image")
    if not len(images):
        raise ValueError(f"{image_file}: no images")
    _check_whole(images, 255, f"{image_file}: images")
    _check_whole(labels, 9, f"{label_file}: labels")
    return np.array(images, np.uint8, order="C"), np.array(labels, np.int64).ravel()


def _check_whole(values: NDArray[Any], largest: int, what: str) -> None:
    if values.dtype.kind not in "iuf":
        raise ValueError(f"{what} of dtype {values.dtype}, expected whole numbers from 0 to {largest}")
    good = (values >= 0) & (values <= largest) & (values == np.floor(values))
    if not good.all():
        raise ValueError(
            f"{what} must be whole numbers from 0 to {largest}; "
            f"{np.count_nonzero(~good):,} are not, the first {values[~good][0]}"
        )
