"""Folders to write to, tried before work begins whose results would otherwise be lost."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryFile

__all__ = ["writable_folder"]


def writable_folder(folder: str | os.PathLike[str]) -> Path:
    """The path of `folder`, which is made if it is not there, and to which a file has been written for a trial.

    Raises:
        OSError: the folder cannot be made or written to; the error names it.
    """
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path) as trial:
            trial.write(b"1")
    except OSError as error:
        raise OSError(error.errno, f"cannot write to this folder: {error.strerror}", str(path)) from None
    return path
