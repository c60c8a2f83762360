"""Whatever bytes a file has, `load` returns what was saved or raises a ValueError that names the file."""

import io
import itertools
import json
import math
import os
import random
import re
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg

OBJECT = {"x": tg.tensor(np.arange(5.0)), "y": [1.5, "name", (1, None)], "z": np.array(["a", "bc"])}
DESCRIPTION = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s,), }"


def saved(obj: Any) -> bytes:
    file = io.BytesIO()
    tg.save(obj, file)
    return file.getvalue()


def archive(structure: Any, compression: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    """An archive with this structure, an object or text of JSON, and a file of each of the `members`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as written:
        written.writestr("structure.json", structure if isinstance(structure, str) else json.dumps(structure))
        for name, content in members.items():
            written.writestr(name.replace("_", "."), content)
    return file.getvalue()


def npy(array: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array)
    return file.getvalue()


def header(description: str, version: bytes = b"\x01\x00") -> bytes:
    """The header of a ``.npy`` file, without numbers."""
    length = struct.pack("<H" if version == b"\x01\x00" else "<I", len(description) + 1)
    return b"\x93NUMPY" + version + length + description.encode() + b"\n"


def changed(content: bytes, record: bytes, offset: int, new: bytes) -> bytes:
    """An archive in which the last record of a kind, which begins with the bytes `record`, is changed at `offset`."""
    at = content.rindex(record) + offset
    return content[:at] + new + content[at + len(new) :]


ONE = saved({"a": tg.ones(50)})
ARRAY = {"array": "w"}
END, ENTRY, LOCAL = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"
DAMAGED = {
    "empty": b"",
    "text": b"hello",
    "central directory moved": changed(ONE, END, 19, b"\xff"),
    "central directory of 4 GB": changed(ONE, END, 12, b"\xff\xff\xff\xff"),
    "member moved": changed(ONE, ENTRY, 42, b"\xff\xff\xff\x7f"),
    "version of the archive": changed(ONE, ENTRY, 6, b"\xff"),
    "method of compression": changed(ONE, ENTRY, 10, b"\x63"),
    "compressed by LZMA": archive(ARRAY, zipfile.ZIP_LZMA, w_npy=npy(np.zeros(2))),
    "encrypted": changed(ONE, ENTRY, 8, b"\x01"),
    "strongly encrypted": changed(ONE, ENTRY, 8, b"\x40"),
    "patched data": changed(ONE, ENTRY, 8, b"\x20"),
    "member of 2 GB": changed(ONE, ENTRY, 24, b"\xff\xff\xff\x7f"),
    "name in no encoding": changed(changed(ONE, ENTRY, 9, b"\x08"), ENTRY, 46, b"\xff"),
    "header of 3.6 TiB": archive(ARRAY, w_npy=header(DESCRIPTION % 10**12)),
    "header of 2⁶⁴ bytes": archive(ARRAY, w_npy=header(DESCRIPTION % f"{2**62}, 4")),
    "header of more bytes than the file": archive(ARRAY, w_npy=b"\x93NUMPY\x02\x00\xff\xff\xff\xff"),
    "negative lengths": archive(ARRAY, w_npy=header(DESCRIPTION % "-2, -2") + bytes(16)),
    "too few numbers": archive(ARRAY, w_npy=header(DESCRIPTION % 5) + bytes(16)),
    "too many numbers": archive(ARRAY, w_npy=header(DESCRIPTION % 3) + bytes(16)),
    "header of no literal": archive(ARRAY, w_npy=header("{'descr': f(),")),
    "header of brackets": archive(ARRAY, w_npy=header("(" * 9000)),
    "header without a version": archive(ARRAY, w_npy=header(DESCRIPTION % 1, b"\x09\x00")),
    "header with a dtype of nothing": archive(ARRAY, w_npy=header(DESCRIPTION.replace("<f4", "q9") % 1)),
    "no such array": archive(ARRAY),
    "one array twice": archive([ARRAY, ARRAY], w_npy=npy(np.zeros(2))),
    "deep structure": archive("[" * 100_000 + "]" * 100_000),
    "structure that ends early": archive("[1, 2"),
    "structure of bytes": archive("\xff"),
    "integer of 5,000 digits": archive("1" * 5000),
    "tuple of a number": archive({"tuple": 3}),
    "dict of a number": archive({"dict": 3}),
    "dict of single entries": archive({"dict": [1]}),
    "dict with a list as key": archive({"dict": [[[], 1]]}),
    "unknown object": archive({"set": [1]}),
    "name that is a number": archive({"array": 3}),
    "Tensor of strings": archive({"tensor": "w", "requires_grad": False}, w_npy=npy(np.array(["a"]))),
    "Tensor of complex numbers": archive({"tensor": "w", "requires_grad": False}, w_npy=npy(np.zeros(1, complex))),
    "integers with a gradient": archive({"tensor": "w", "requires_grad": True}, w_npy=npy(np.zeros(1, int))),
    "requires_grad=3": archive({"tensor": "w", "requires_grad": 3}, w_npy=npy(np.zeros(1))),
    "version that is no number": archive(1, version_json=b'"a"'),
    "negative version": archive(1, version_json=b"-1"),
    "long version": archive(1, version_json=b"1" * 50),
}  # fmt: skip


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged_files_are_refused_by_name_and_take_no_memory(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_bytes(content)
    for max_bytes in (None, math.inf):
        tracemalloc.start()
        try:
            with pytest.raises(ValueError, match=r"state (is|has|was|unpacks) "):
                tg.load(path, max_bytes=max_bytes)
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()
    with pytest.raises(ValueError, match="this file"):
        tg.load(io.BytesIO(content))


def mutant(content: bytes, random: random.Random) -> bytes:
    """A copy of `content` in which one to four places are overwritten, cut off, cut out or have bytes put in."""
    result = bytearray(content)
    for _ in range(random.choice([1, 1, 1, 2, 4])):
        at, some = (
            random.randrange(len(result) + 1),
            bytes(random.randrange(256) for _ in range(random.randrange(1, 9))),
        )
        kind = random.choice(["byte", "byte", "byte", "end", "cut", "insert"])
        if kind == "end":
            del result[at:]
        elif kind == "cut":
            del result[at : at + len(some)]
        else:
            result[at : at + (kind == "byte")] = some[:1] if kind == "byte" else some
    return bytes(result)


def remade(content: bytes, random: random.Random) -> bytes:
    """The archive `content` with mutants in the place of some members, whose checksums are right."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as read, zipfile.ZipFile(file, "w", random.choice([0, 8, 12])) as written:
        for name in read.namelist():
            member = read.read(name)
            if name.endswith(".npy") and random.random() < 0.5:  # a change of the header that is likely to have meaning
                at = random.randrange(10, 80)
                member = member[:at] + random.choice("0123456789<>fiuSUVOML(){}[],:'- e").encode() + member[at + 1 :]
            elif random.random() < 0.3:
                member = mutant(member, random)
            written.writestr(name, member)
    return file.getvalue()


def loaded(content: bytes) -> str | None:
    """What `load` makes of these bytes, printed; None if it refuses them and names the file."""
    try:
        obj = tg.load(io.BytesIO(content))
    except ValueError as error:
        assert re.match("this file (is|has|was) ", str(error))  # noqa: PT017
        return None
    return repr([(key, repr(value)) for key, value in obj.items()])


@pytest.mark.parametrize("number", [300, pytest.param(5000, marks=pytest.mark.long)])
def test_mutants_of_a_file_are_read_right_or_refused(number: int) -> None:
    content, generator = saved(OBJECT), random.Random(number)
    right = loaded(content)
    results = [loaded(mutant(content, generator)) for _ in range(number)]
    assert set(results) <= {right, None}
    assert results.count(None) > number // 2


@pytest.mark.parametrize("number", [300, pytest.param(5000, marks=pytest.mark.long)])
def test_files_that_somebody_made_up_are_read_or_refused(number: int) -> None:
    """Their checksums are right, so nobody can say what the right value is."""
    content, generator, refused = saved(OBJECT), random.Random(number), 0
    for _ in range(number):
        made_up = io.BytesIO(remade(content, generator))
        try:
            tg.load(made_up, max_bytes=10_000)
        except ValueError as error:
            assert str(error).startswith("this file ")  # noqa: PT017
            refused += 1
    assert number // 4 < refused < number


def test_every_byte_of_a_file_is_checked_or_means_nothing() -> None:
    content = saved({"x": tg.tensor([1.0]), "n": 3})
    for at, flip in itertools.product(range(len(content)), (1, 0xFF)):
        damaged = content[:at] + bytes([content[at] ^ flip]) + content[at + 1 :]
        assert loaded(damaged) in (loaded(content), None)


# --- sizes ------------------------------------------------------------------------------------------------------------

MANY = npy(np.zeros(1_000_000, np.uint8))


@pytest.mark.parametrize("declared", [len(MANY), 200, 129])
def test_a_file_that_unpacks_to_more_than_its_size_is_refused(declared: int) -> None:
    """The member declares fewer bytes than it inflates to, the last time as many as the checked beginning has."""
    bomb = changed(archive(ARRAY, zipfile.ZIP_DEFLATED, w_npy=MANY), ENTRY, 24, struct.pack("<I", declared))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"this file (has|is)"):
            tg.load(io.BytesIO(bomb))
        assert tracemalloc.get_traced_memory()[1] < 500_000
    finally:
        tracemalloc.stop()


def test_max_bytes_counts_what_a_file_unpacks_to(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_bytes(archive(ARRAY, zipfile.ZIP_DEFLATED, w_npy=MANY))
    size = len(MANY) + len(json.dumps(ARRAY))
    with pytest.raises(ValueError, match=rf"state has .* unpacks to {size:,}: .*write load\(file, max_bytes={size}\)"):
        tg.load(path)
    with pytest.raises(ValueError, match=rf"state is refused by max_bytes={size - 1:,}: it unpacks to {size:,}"):
        tg.load(path, max_bytes=size - 1)
    for max_bytes in (size, np.int64(size), 1e9, math.inf):
        assert tg.load(path, max_bytes=max_bytes).shape == (1_000_000,)
    tg.save({"weight": tg.zeros(1000)}, path)
    with pytest.raises(ValueError, match="max_bytes=3,999"):
        tg.load(path, max_bytes=3999)


@pytest.mark.parametrize(("max_bytes", "error"), [
    ("1 GB", TypeError), (True, TypeError), ([], TypeError), (-1, ValueError), (math.nan, ValueError),
])  # fmt: skip
def test_max_bytes_is_a_number(max_bytes: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="max_bytes is a number of bytes"):
        tg.load(io.BytesIO(ONE), max_bytes=max_bytes)


# --- versions ---------------------------------------------------------------------------------------------------------


def test_a_file_of_a_newer_version_says_to_upgrade() -> None:
    file = archive({"of": "the future"}, version_json=b"2")
    with pytest.raises(ValueError, match=r"this file is of format 2, .* reads formats up to 1: .*pip install -U"):
        tg.load(io.BytesIO(file))


def test_files_carry_a_version_and_older_ones_without_it_are_read() -> None:
    with zipfile.ZipFile(io.BytesIO(ONE)) as read:
        assert json.loads(read.read("version.json")) == 1
    older = archive({"dict": [["w", {"tensor": "w", "requires_grad": True}]]}, w_npy=npy(np.ones(2, np.float32)))
    assert repr(tg.load(io.BytesIO(older))) == "{'w': tensor([1., 1.], requires_grad=True)}"


@pytest.mark.parametrize("array", [
    np.zeros((0, 3)), np.array(2.5), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.array(["a", "bc"]),
    np.zeros(2, "datetime64[s]"), np.arange(3, dtype=">f4"), np.zeros(2, [("größe", "f8"), ("n", "i4", (2,))]),
    np.zeros(1, [(f"field_{i}", "f4") for i in range(400)]), np.zeros(3, "S0"),
])  # fmt: skip
def test_arrays_of_every_kind_pass_the_checks(array: np.ndarray[Any, Any]) -> None:
    loaded = tg.load(io.BytesIO(saved(array)))
    assert (loaded.dtype, loaded.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(loaded, array)


# --- errors that are not about the contents ---------------------------------------------------------------------------


@pytest.mark.parametrize("f", [3, None, b"path", bytearray(ONE), ["path"], io.StringIO("text")])
def test_what_is_no_file_is_refused(f: Any) -> None:
    with pytest.raises(TypeError, match="f is a path or a file opened for reading in binary mode"):
        tg.load(f)
    with pytest.raises(TypeError, match="f is a path or a file opened for writing in binary mode"):
        tg.save({}, f)


def test_a_closed_file_is_refused() -> None:
    file = io.BytesIO(ONE)
    file.close()
    for call in (lambda: tg.load(file), lambda: tg.save(1, file)):
        with pytest.raises(ValueError, match="but this one is closed"):
            call()


def test_errors_of_the_operating_system_name_the_file(tmp_path: Path) -> None:
    for path, error in ((tmp_path / "missing", FileNotFoundError), (tmp_path, IsADirectoryError)):
        with pytest.raises(error) as caught:
            tg.load(path)
        assert os.fspath(caught.value.filename) == str(path)

    class Broken(io.BytesIO):
        name = "broken"
        error = OSError(5, "Input/output error")

        def read(self, size: int | None = -1) -> bytes:
            raise self.error

    broken = Broken(ONE)
    with pytest.raises(OSError, match="Input/output error: 'broken'"):
        tg.load(broken)
    broken.error = ConnectionError("nobody answers")  # of a library, which has said what it knows
    with pytest.raises(ConnectionError, match="nobody answers"):
        tg.load(broken)


def test_a_pipe_is_read_into_memory_first() -> None:
    inlet, outlet = os.pipe()
    os.close(outlet)
    with os.fdopen(inlet, "rb") as pipe, pytest.raises(OSError, match=r"write load\(io.BytesIO\(f.read\(\)\)\)"):
        tg.load(pipe)
