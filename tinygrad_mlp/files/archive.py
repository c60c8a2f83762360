"""Saving and loading of state, in files that can hold nothing that runs when they are loaded.

A file is a zip archive. It holds a ``.npy`` file for each Tensor or array, named by the path in the saved object, so
that `numpy.load` reads it, too. Its ``structure.json`` holds the dictionaries, lists, numbers and strings around them,
and its ``version.json`` the version of this format.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..core.record import HELD
from ..tensors.devices import DeviceLike, validate_device
from ..tensors.foreign import refuse_subclasses
from ..tensors.refusals import is_module, with_article
from ..tensors.tensor import Tensor
from .atomic import replacing
from .members import Contents, Refusal, Unreadable, damage

__all__ = ["load", "save"]

Array = NDArray[Any]
Place = str | os.PathLike[str] | IO[bytes]
MapLocation = DeviceLike | Mapping[str, str] | Callable[[Any, str], Any]

_STRUCTURE = "structure.json"
_VERSION = "version.json"

# The version of the format. A change that an older `load` would not read right adds one. Files without a version are of
# the first years, and of the same format as version 1.
_FORMAT = 1

_LONGEST_NAME = 1000  # a zip archive takes up to 65,535 bytes


def save(obj: Any, f: Place) -> None:
    """Write `obj` to the file `f`, to be read by `load`.

    A file that is already there is replaced once the new one is complete, and kept if anything goes wrong. That also
    holds when a signal handler saves to the same file in the middle of a save: the one that ends last stays.

    Args:
        obj: a Tensor, array, number, string or None, or dictionaries, lists and tuples of these, of which the
            ``state_dict()`` of modules, optimizers and schedulers is made. Of a Tensor that was computed, such as a
            loss, the entries are saved, and it is loaded as one that needs no gradient.
        f: a path, or a file opened for writing in binary mode.

    Raises:
        TypeError: `obj` holds another object, such as a module or a masked array; or `f` is neither a path nor a file
            opened in binary mode.
        ValueError: `obj` holds itself, is nested more deeply than Python can follow, or holds an integer of more
            digits than Python reads.
        OSError: the file cannot be written.

    >>> import io, tinygrad_mlp as tg
    >>> file = io.BytesIO()
    >>> tg.save({"weight": tg.tensor([1.0, 2.0]), "epoch": 3}, file)
    >>> tg.load(file)
    {'weight': tensor([1., 2.]), 'epoch': 3}
    """
    path = _path(f, "save(obj, f)", "writing", "write", "wb")
    arrays: dict[str, Array] = {}
    try:
        structure = json.dumps(_encoded(obj, "", arrays))
    except RecursionError:
        raise ValueError("save(): the object holds itself, or is nested too deeply to be written to a file") from None
    if path is None:
        _write(f, structure, arrays)  # type: ignore[arg-type]
        return
    with replacing(path) as draft, draft.open("wb") as file:
        _write(file, structure, arrays)


def load(
    f: Place,
    map_location: MapLocation = None,
    *,
    weights_only: bool = True,
    max_bytes: float | None = None,
) -> Any:
    """The object that `save` has written to the file `f`.

    Nothing in a file is believed before it is checked, so that a file from a stranger can do no harm: no file can make
    `load` run code, or ask for more memory than `max_bytes` allows.

    Args:
        f: a path, or a file opened for reading in binary mode, which is read from its start.
        map_location: the device for the Tensors: the CPU. A dict says where those of the CPU go, by names of devices.
            A function is called once with a Tensor and "cpu", and may move it to the CPU.
        weights_only: changes nothing, because no file can make `load` run code; for scripts that pass it to PyTorch.
        max_bytes: the largest number of bytes that the contents of the file may have, unpacked. By default it is the
            size of the file itself. `save` does not compress, so a larger number is needed only for a file that
            another program has compressed. Python's own objects around the arrays are not counted.

    Raises:
        ValueError: the file was not written by `save`, it is damaged, it unpacks to more than `max_bytes`, or a newer
            version of this package wrote it. The error names the file. Also if `max_bytes` is negative.
        OSError: the file cannot be opened or read, such as FileNotFoundError if there is none.
        TypeError: `f` is neither a path nor a file opened in binary mode, or `max_bytes` is no number.
        DeviceError: `map_location` is another device than the CPU.
    """
    _validate_map_location(map_location)
    path = _path(f, "load(f)", "reading", "seek", "rb")
    if max_bytes is not None:
        if isinstance(max_bytes, bool) or not isinstance(max_bytes, int | float | np.integer | np.floating):
            raise TypeError(f"max_bytes is a number of bytes or None, not {max_bytes!r}")
        if not max_bytes >= 0:
            raise ValueError(f"max_bytes is a number of bytes ≥ 0, not {max_bytes!r}")
    if path is None:
        return _read(f, max_bytes)  # type: ignore[arg-type]
    with open(path, "rb") as file:
        return _read(file, max_bytes)


def _validate_map_location(map_location: MapLocation) -> None:
    """Raise an error if `map_location` sends Tensors from the CPU elsewhere. Files hold Tensors of the CPU alone."""
    if isinstance(map_location, Mapping):
        validate_device(map_location.get("cpu"))
    elif callable(map_location):
        map_location(Tensor._of(np.empty(0, np.float32)), "cpu")
    else:
        validate_device(map_location)


def _path(f: Any, call: str, purpose: str, method: str, mode: str) -> str | None:
    """`f` as a path; None if `f` is an open file in binary mode with the `method`, "read" or "write".

    Raises:
        TypeError: `f` is neither.
        ValueError: the file is closed.
    """
    if isinstance(f, os.PathLike):
        f = os.fspath(f)
    if isinstance(f, str):
        return f
    wanted = f"{call}: f is a path or a file opened for {purpose} in binary mode"
    if isinstance(f, bytes | bytearray | memoryview):
        raise TypeError(f"{wanted}, not bytes: write os.fsdecode(f) for a path, io.BytesIO(f) for the bytes of a file")
    if isinstance(f, io.TextIOBase):
        raise TypeError(f"{wanted}, but this file is open in text mode: write open(path, '{mode}')")
    if not hasattr(f, method):
        raise TypeError(f"{wanted}, not {f!r}")
    if getattr(f, "closed", False):
        raise ValueError(f"{wanted}, but this one is closed")
    return None


# --- writing ----------------------------------------------------------------------------------------------------------


class _Stream:
    """A file that says it cannot be searched, so that `zipfile` only writes to it, from its start to its end.

    Some files say that they can do more and cannot: ``/dev/null`` is always at position 0.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, data: Any) -> int:
        self._file.write(data)
        return len(data)

    def flush(self) -> None:
        if hasattr(self._file, "flush"):
            self._file.flush()


def _write(file: IO[bytes], structure: str, arrays: dict[str, Array]) -> None:
    """Write the archive. It holds no times, so the same object gives the same bytes."""
    with zipfile.ZipFile(_Stream(file), "w") as archive:  # type: ignore[call-overload]
        archive.writestr(zipfile.ZipInfo(_VERSION), json.dumps(_FORMAT))
        archive.writestr(zipfile.ZipInfo(_STRUCTURE), structure)
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _encoded(value: Any, path: str, arrays: dict[str, Array]) -> Any:
    """An object for ``structure.json`` that stands for `value`, whose arrays are added to `arrays`.

    `path` says where `value` lies in the saved object: it makes the name of an array.
    """
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, np.bool | np.integer | np.floating):
        return value.item()
    if isinstance(value, list):
        return [_encoded(entry, f"{path}/{i}", arrays) for i, entry in enumerate(value)]
    if isinstance(value, tuple):
        return {"tuple": _encoded(list(value), path, arrays)}
    if isinstance(value, dict):
        # A list of pairs, because keys may be numbers, which JSON does not allow.
        pairs = [
            [_encoded(key, path, arrays), _encoded(entry, f"{path}/{key}", arrays)] for key, entry in value.items()
        ]
        return {"dict": pairs}
    if isinstance(value, Tensor) and not value.is_leaf:
        value = value.detach()  # as the loss of a checkpoint: its graph is of no use in another process
    if is_module(value):
        raise TypeError(
            f"save(): {path or 'this'} is {with_article(type(value))}, and a file holds no code: write "
            "save(net.state_dict(), path), and net.load_state_dict(load(path)) where its class has made the net anew"
        )
    if not isinstance(value, Tensor | np.ndarray):
        raise TypeError(
            f"save(): {path or 'this'} is {with_article(type(value))}, but files hold Tensors, arrays, numbers, "
            "strings, None, and dictionaries, lists and tuples of these: of an optimizer or a schedule, save the "
            "state_dict(), and of an object that holds options, vars(options)"
        )
    refuse_subclasses(value)
    array: Array = value._data if isinstance(value, Tensor) else value
    if array.dtype.hasobject:
        raise TypeError(f"save(): {path or 'this'} is an array of Python objects: convert it to numbers or strings")
    name = _member_name(path, arrays)
    arrays[name] = array
    return {"tensor": name, "requires_grad": value.requires_grad} if isinstance(value, Tensor) else {"array": name}


def _member_name(path: str, arrays: dict[str, Array]) -> str:
    """A new name for the array at `path`, which a zip archive can hold."""
    name = path.strip("/").replace("\0", "␀") or "data"  # zip archives end a name at a NUL
    name = name.encode(errors="backslashreplace").decode()  # half of a surrogate pair, as from os.fsdecode()
    if len(name) > _LONGEST_NAME:
        name = f"{name[:_LONGEST_NAME]}…{len(arrays)}"
    while name in arrays:  # as with the keys 1 and "1"
        name += "'"
    return name


# --- reading ----------------------------------------------------------------------------------------------------------


def _read(file: IO[bytes], max_bytes: float | None) -> Any:
    """The object in an open file. Its errors are those of `load`."""
    name = getattr(file, "name", None)
    name = name if isinstance(name, str) else "this file"
    try:
        contents = Contents(file)
        if (version := contents.version(_VERSION)) > _FORMAT:
            raise Refusal(
                f"is of format {version}, and this version of tinygrad_mlp reads formats up to {_FORMAT}: "
                "a newer one wrote it, so upgrade, pip install -U tinygrad-mlp"
            )
        if _STRUCTURE not in contents:
            raise Refusal(
                "was not written by save(). If numpy.savez wrote it, write numpy.load(path). If PyTorch did, write "
                "numpy.savez(path, **{key: value.numpy() for key, value in state_dict.items()}) there, and load that"
            )
        contents.limit(max_bytes)
        return _decoded(json.loads(contents.take(_STRUCTURE)), contents)
    except Refusal as refusal:
        raise ValueError(f"{name} {refusal}") from None
    except Unreadable as unreadable:
        error = unreadable.error
        if isinstance(error, io.UnsupportedOperation):
            advice = "load() moves about in a file: of a pipe, write load(io.BytesIO(f.read()))"
            raise io.UnsupportedOperation(f"{name}: {error}. {advice}") from None
        if error.errno is None or error.filename is not None:
            raise error from None
        raise OSError(error.errno, error.strerror, name) from error
    except damage as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise ValueError(f"{name} is damaged, or was not written by save(): {reason}") from error


def _decoded(value: Any, contents: Contents) -> Any:
    """The object that `value`, a part of ``structure.json``, stands for."""
    if isinstance(value, list):
        return [_decoded(entry, contents) for entry in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"tuple": list(entries)}:
            return tuple(_decoded(entries, contents))
        case {"dict": list(pairs)}:
            return {_decoded(key, contents): _decoded(entry, contents) for key, entry in pairs}
        case {"array": str(name)}:
            return contents.array(f"{name}.npy")
        case {"tensor": str(name), "requires_grad": bool(requires_grad)}:
            array = contents.array(f"{name}.npy")
            if array.dtype not in HELD:
                raise ValueError(f"no Tensor holds {array.dtype}, as {name} does")
            return Tensor._of(array).requires_grad_() if requires_grad else Tensor._of(array)
    raise ValueError(f"{sorted(value)} in {_STRUCTURE} stands for no object")
