"""Folders to write to. They are tried out before a long computation, whose results would otherwise be lost."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryFile

__all__ = ["writable_folder"]


def writable_folder(folder: str | os.PathLike[str]) -> Path:
    """Make sure that files can be written to `folder`, by writing one, and make the folder if it is not there.

    Returns:
        The path of the folder.

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
