"""The standard files of MNIST: their names and checksums, the public mirrors, and the cache that keeps them.

pooch downloads the files and checks them.
"""

from __future__ import annotations

import io
import os
import queue
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from .._optional import is_installed, require
from .formats import decompress

__all__ = ["MIRRORS", "SHA256", "cache_folder", "fetch", "standard_files"]

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

# Checksums of the decompressed files. Compressed, they differ between mirrors.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

ANSWER_SECONDS = 3.0  # a mirror that has not answered after this time counts as unreachable
SILENCE_SECONDS = 30.0  # a download that has received nothing for this time has failed

_PURPOSE = "downloading MNIST, instead of reading it from a path,"


def cache_folder(cache: str | os.PathLike[str] | None) -> Path:
    """The folder that keeps downloaded files: `cache`, or, if that is None, a folder in the user's cache."""
    if cache is None:
        require("pooch", _PURPOSE)
        import pooch

        cache = pooch.os_cache("tinygrad_mlp")
    return Path(cache).expanduser()


def standard_files(train: bool) -> list[str]:
    """The names of the standard files, images before labels."""
    part = "train" if train else "t10k"
    return [f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"]


def fetch(name: str, cache: Path, mirrors: Sequence[str], progress: bool) -> Path:
    """The path of a standard file in the cache. The file is downloaded if it is missing or damaged there.

    Raises:
        ConnectionError: no mirror has answered with the file.
        OSError: a mirror has sent a damaged file.
        ValueError: the file in the cache is damaged, and no other one could be downloaded.
        TypeError: `mirrors` is no sequence of addresses.
        ImportError: pooch is not installed.
    """
    require("pooch", _PURPOSE)
    import pooch

    if isinstance(mirrors, str) or not mirrors:
        raise TypeError(f"mirrors={mirrors!r}; expected a tuple or list of addresses, at least one")
    was_there = (cache / name).exists()
    unreachable, damaged = [], []
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{name}.gz"
        try:
            # `_download` gives pooch a decompressed file. pooch checks its sha256, and then moves it into the cache or
            # deletes it.
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
    """Download `url` and write it, decompressed, to `output_file`: the downloader that pooch is given.

    Raises:
        ConnectionError: the network has failed.
        ValueError: the answer is no gzip file.
    """
    from pooch import HTTPDownloader

    _await_answer(url)  # the timeout below does not hold for looking up the address, and begins anew for each address
    compressed = io.BytesIO()
    timeout = (ANSWER_SECONDS, SILENCE_SECONDS)  # to connect, and between two pieces of the file
    bar = progress and is_installed("tqdm")  # without tqdm, progress is the line that pooch logs
    http = HTTPDownloader(progressbar=bar, chunk_size=2**16, timeout=timeout)
    try:
        http(url, compressed, pooch)
    except OSError as error:  # of the network, for nothing is written to disk here
        raise ConnectionError(_innermost(error)) from error
    Path(output_file).write_bytes(decompress(compressed.getvalue(), Path(url).name))


def _await_answer(url: str) -> None:
    """Wait for any answer of the server. Raises ConnectionError if there is none within `ANSWER_SECONDS`.

    The timeout of a request is not enough. It does not hold for looking up the address, and it begins anew for each
    address that the server has. Therefore a thread asks, which may go on after the time is over.
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
    """The message of the operating system, which several libraries have wrapped into errors of their own."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return str(error)
