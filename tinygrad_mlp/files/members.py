"""Reading the members of a zip archive that nobody vouches for.

The sizes and places that an archive states are compared with the file before anything of that size is asked for.
"""

from __future__ import annotations

import io
import json
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Contents", "Refusal", "Unreadable", "damage"]


class Refusal(Exception):
    """A file is not read for a reason that the message says, which goes on after the name of the file."""


_MOST_PER_BYTE = 1032  # what a byte of "deflated" data can stand for: four copies of 258 bytes


class Unreadable(Exception):
    """The file could not be read: the `error` of the operating system. `zipfile` takes an OSError for bad contents."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error)
        self.error = error


# What zipfile, json and numpy raise for contents that they cannot read. RuntimeError includes RecursionError.
# SyntaxError and TokenError come from numpy's headers, which are literals of Python, and a Warning where warnings are
# made errors.
damage = (
    zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError, SyntaxError, OSError, EOFError, ValueError,
    TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError, Warning,
)  # fmt: skip


class _Whole:
    """An open file that refuses to go to a place outside of it, and reads no more than it has."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._place = self.size = int(self._call(file.seek, 0, io.SEEK_END))

    @staticmethod
    def _call(method: Callable[..., Any], *args: int) -> Any:
        try:
            return method(*args)
        except OSError as error:
            raise Unreadable(error) from error

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        place = offset + (0, self._place, self.size)[whence]
        if not 0 <= place <= self.size:
            raise OSError("a part of it lies outside of the file")
        self._call(self._file.seek, place)
        self._place = place
        return place

    def read(self, size: int = -1) -> bytes:
        rest = self.size - self._place  # reading a billion bytes takes memory for them, even if there are only ten
        content: bytes = self._call(self._file.read, min(size, rest) if size >= 0 else rest)
        self._place += len(content)
        return content


class Contents:
    """The members of a zip archive in an open file. Each can be read once.

    Raises:
        Unreadable: the file cannot be read.
        Refusal, or an error of `damage`: the file is not such an archive. All methods raise these, too.
    """

    def __init__(self, file: IO[bytes]) -> None:
        whole = _Whole(file)
        self.size = whole.size
        self._archive = zipfile.ZipFile(whole)
        self._members = {member.filename: member for member in self._archive.infolist()}

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def version(self, name: str) -> int:
        """The number in the member `name`; 0 if there is no such member."""
        if name not in self:
            return 0
        if self._members[name].file_size > 20:
            raise ValueError(f"{name} is no number")
        number = json.loads(self.take(name))
        if type(number) is not int or number < 0:
            raise ValueError(f"{name} is no number")
        return number

    def limit(self, max_bytes: float | None) -> None:
        """Refuse the archive if its members have more than `max_bytes` together; None for the size of the file."""
        unpacked = sum(member.file_size for member in self._archive.infolist())
        if unpacked > (self.size if max_bytes is None else max_bytes):
            said = f"has {self.size:,} bytes and" if max_bytes is None else f"is refused by max_bytes={max_bytes:,}: it"
            raise Refusal(f"{said} unpacks to {unpacked:,}: if you trust it, write load(file, max_bytes={unpacked})")

    def take(self, name: str) -> bytes:
        """The bytes of the member `name`."""
        member = self._take(name)
        with self._archive.open(member) as stream:
            content = stream.read(member.file_size)
        if len(content) != member.file_size:
            raise EOFError(f"{name} is cut off")
        return content

    def array(self, name: str) -> NDArray[Any]:
        """The array in the member `name`, a ``.npy`` file."""
        member = self._take(name)
        with self._archive.open(member) as stream:
            shape, dtype = _header(stream)
            if any(length < 0 for length in shape):
                raise ValueError(f"{name} has the shape {shape}")
            stated, rest = math.prod(shape) * dtype.itemsize, member.file_size - stream.tell()
        if stated != rest and not dtype.hasobject:  # numpy refuses Python objects, and says why
            raise ValueError(f"{name} states {stated:,} bytes of numbers, and has {rest:,}")
        with self._archive.open(member) as stream:  # a stream that went back to its start need not check its checksum
            array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
        return array

    def _take(self, name: str) -> zipfile.ZipInfo:
        """The member `name`, which can be taken once: a small file cannot name a large member again and again."""
        member = self._members.pop(name, None)
        if member is None:
            raise LookupError(f"it has no {name}, or names it twice")
        if member.flag_bits & 1:
            raise Refusal(f"is encrypted, which save() never does: {name} cannot be read")
        # Other methods of compression cannot be stopped at a number of bytes.
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise zipfile.BadZipFile(f"{name} is compressed by a method that save() does not use")
        if member.compress_type == zipfile.ZIP_STORED and member.compress_size != member.file_size:
            raise zipfile.BadZipFile(f"{name} states two sizes, {member.compress_size:,} and {member.file_size:,}")
        if member.compress_size > self.size or member.file_size > _MOST_PER_BYTE * member.compress_size:
            raise zipfile.BadZipFile(f"{name} states {member.file_size:,} bytes, and the file has {self.size:,}")
        return member


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """The shape and the dtype that a ``.npy`` file states."""
    form = np.lib.format
    # The third version differs from the second in the encoding of the names of fields, which do not matter here.
    read = form.read_array_header_1_0 if form.read_magic(stream) == (1, 0) else form.read_array_header_2_0
    try:
        shape, _, dtype = read(stream)
    except MemoryError:  # what Python's parser says of brackets that are nested too deeply
        raise ValueError("the header of an array is nested too deeply") from None
    return shape, dtype
