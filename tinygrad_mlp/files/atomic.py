"""Writing files whole or not at all."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["replacing"]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A file to write beside `path`, which it replaces if all goes well; otherwise what was there stays.

    Raises:
        OSError: the file cannot be written; the error names `path`.
    """
    place = Path(os.path.realpath(path))  # of a link, what it points to
    if place.exists() and not (place.is_file() or place.is_dir()):
        yield place  # a device or a pipe
        return
    draft = Path(f"{place}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        yield draft
        if place.is_file():
            shutil.copymode(place, draft)
        draft.replace(place)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    finally:
        draft.unlink(missing_ok=True)
