"""`load_mnist`: the images and labels of MNIST, from files on this machine or from the public mirrors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from .download import MIRRORS, cache_folder, fetch, standard_files
from .formats import Images, Labels, read_arrays, read_idx, validated

__all__ = ["load_mnist"]


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
            - None: the standard files from the cache. Those that are missing or damaged there are downloaded.
        train: the 60,000 training images; False for the 10,000 test images (``t10k-…``,
            `test_images`, `x_test`).
        cache: the folder that keeps downloads; None for the user's own cache folder.
        mirrors: the addresses to download from, tried in this order.
        progress: show a progress bar while downloading, where tqdm is installed.

    Returns:
        images, uint8 of shape (n, 28, 28), 0 black to 255 white; labels, int64 of shape (n,), 0 to 9.

    Raises:
        ValueError: a file has other contents than expected; the message names the file and says what is wrong.
        FileNotFoundError: `path`, or a file expected in it, is not there.
        ConnectionError: no mirror could be reached, or no mirror that could be reached has the file.
        OSError: a mirror has sent a file with a wrong checksum, which was deleted.
        ImportError: `path` is None and pooch is not installed; the error says how to install it.
    """
    if path is None:
        files = [fetch(name, cache_folder(cache), mirrors, progress) for name in standard_files(train)]
    else:
        files = _find(Path(path), train)
    if len(files) == 2:
        images, labels = read_idx(files[0], dimensions=3), read_idx(files[1], dimensions=1)
    else:
        images, labels = read_arrays(files[0], train)
    return validated(images, labels, files[0], files[-1])


def _find(path: Path, train: bool) -> list[Path]:
    """The files to read at `path`: two IDX files, images first, or one .mat or .npz file."""
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
    """The IDX file of this name in `folder`, also with a dot in place of a hyphen or with .gz at the end."""
    spellings = [f"{stem}{end}" for stem in (name, name.replace("-idx", ".idx")) for end in ("", ".gz")]
    return next((folder / spelling for spelling in spellings if (folder / spelling).is_file()), None)
