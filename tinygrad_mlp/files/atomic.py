"""Files that are written whole or not at all: a full disk or an exception leaves the old file as it was."""

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
    """A context manager that gives the path of a draft to write, and then lets the draft replace the file at `path`.

    If the block fails, the draft is deleted and the old file stays.

    Raises:
        OSError: the file cannot be written; the error names `path`.
    """
    place = Path(os.path.realpath(path))  # a link stays, and the file that it points to is replaced
    if place.exists() and not (place.is_file() or place.is_dir()):
        yield place  # a device or a pipe cannot be replaced, and is written to
        return
    draft = Path(f"{place}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        yield draft
        if place.is_file():
            shutil.copymode(place, draft)
        draft.replace(place)
    except OSError as error:
        if error.errno is None:  # not the operating system's, but of a library
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    finally:
        draft.unlink(missing_ok=True)
