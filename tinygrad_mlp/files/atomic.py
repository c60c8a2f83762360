"""Files that are written whole or not at all: a full disk or an exception leaves the old file as it was."""

from __future__ import annotations

import os
import platform
import re
import secrets
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows has no `flock`, and so drafts of killed processes stay there
    flock = None  # type: ignore[assignment]

__all__ = ["replacing"]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A context manager that gives the path of a draft to write, and then lets the draft replace the file at `path`.

    If the block fails, the draft is deleted and the old file stays. Each call has a draft of its own, so any number of
    them may write to one `path` at the same time, in processes, threads and signal handlers. The last one to end stays.

    A process that is killed leaves its draft. The next call for the same `path` on the same machine removes it. The
    block opens the draft and writes to it: a file that is moved to the draft's path counts as abandoned.

    Raises:
        OSError: the file cannot be written; the error names `path`.
    """
    place = Path(os.path.realpath(path))  # a link stays, and the file that it points to is replaced
    if place.exists() and not (place.is_file() or place.is_dir()):
        yield place  # a device or a pipe cannot be replaced, and is written to
        return
    draft, lock = None, None
    try:
        _remove_abandoned(place)
        draft, lock = _new_draft(place)
        yield draft
        if place.is_file():
            shutil.copymode(place, draft)
        draft.replace(place)
    except OSError as error:
        if error.errno is None:  # not the operating system's, but of a library
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)
        if lock is not None:
            os.close(lock)


def _draft_name(place: Path) -> str:
    """What the names of the drafts of the file `place` begin with.

    They name this machine by a checksum. On a shared disk, no machine can tell which processes of another one live.
    """
    machine = zlib.crc32(platform.node().encode())
    return f"{place.name}.{machine:08x}-"


def _new_draft(place: Path) -> tuple[Path, int | None]:
    """A new, empty draft of the file `place`, and an open file that holds the draft's lock.

    The operating system gives up the lock when the process ends, however it ends. So the lock tells a living draft from
    an abandoned one, where the number of a process does not: another process may have been given the same number.
    """
    while True:
        draft = place.with_name(f"{_draft_name(place)}{secrets.token_hex(4)}.part")
        try:
            file = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            continue
        if flock is None:
            os.close(file)  # Windows replaces no file that is open
            return draft, None
        if _lock(file) is not False and draft.exists():
            return draft, file
        os.close(file)  # another process took the draft for abandoned before it was locked, and removes it


def _remove_abandoned(place: Path) -> None:
    """Remove the drafts of the file `place` that killed processes of this machine have left."""
    ours = re.compile(re.escape(_draft_name(place)) + r"[0-9a-f]{8}\.part")
    with suppress(OSError):  # a folder that cannot be listed or changed keeps its drafts, and the file can be written
        with os.scandir(place.parent) as entries:
            drafts = [Path(entry) for entry in entries if ours.fullmatch(entry.name)]
        for draft in drafts:
            with suppress(OSError):
                file = os.open(draft, os.O_RDWR)
                try:
                    if _lock(file):
                        draft.unlink()
                finally:
                    os.close(file)


def _lock(file: int) -> bool | None:
    """Lock an open `file`. False if somebody holds its lock; None if its file system has no locks."""
    if flock is None:
        return None
    try:
        flock(file, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
