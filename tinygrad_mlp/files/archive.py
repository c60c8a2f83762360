"""Saving and loading of state, in files that can hold nothing that runs when they are loaded.

A file is a zip archive. It holds a ``.npy`` file for each Tensor or array, named by the path in the saved object, so
that `numpy.load` reads it, too. Its ``structure.json`` holds the dictionaries, lists, numbers and strings around them.
"""

from __future__ import annotations

import json
import os
import zipfile
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..core.foreign import refuse_subclasses
from ..tensors.tensor import Tensor
from .atomic import replacing

__all__ = ["load", "save"]

Array = NDArray[Any]
Place = str | os.PathLike[str] | IO[bytes]

_STRUCTURE = "structure.json"


def save(obj: Any, f: Place) -> None:
    """Write `obj` to the file `f`, to be read by `load`.

    A file that is already there is replaced once the new one is complete, and kept if anything goes wrong.

    Args:
        obj: a Tensor, array, number, string or None, or dictionaries, lists and tuples of these, of which the
            ``state_dict()`` of modules, optimizers and schedulers is made.
        f: a path, or a file opened for writing in binary mode.

    Raises:
        TypeError: `obj` holds another object, such as a module or a masked array, or a Tensor that was computed with a
            graph.
        OSError: the file cannot be written.

    >>> import io, tinygrad_mlp as tg
    >>> file = io.BytesIO()
    >>> save({"weight": tg.tensor([1.0, 2.0]), "epoch": 3}, file)
    >>> load(file)
    {'weight': tensor([1., 2.]), 'epoch': 3}
    """
    arrays: dict[str, Array] = {}
    structure = json.dumps(_encoded(obj, "", arrays))
    if not isinstance(f, str | os.PathLike):
        _write(f, structure, arrays)
        return
    with replacing(f) as draft, draft.open("wb") as file:
        _write(file, structure, arrays)


def load(f: Place, *, weights_only: bool = True) -> Any:
    """The object that `save` has written to the file `f`.

    Args:
        f: a path, or a file opened for reading in binary mode, which is read from its start.
        weights_only: changes nothing, because no file can make `load` run code; for scripts that pass it to PyTorch.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file was not written by `save`, or it is damaged.
    """
    name = str(f) if isinstance(f, str | os.PathLike) else "this file"
    try:
        with zipfile.ZipFile(f) as archive:
            if _STRUCTURE not in archive.namelist():
                raise ValueError(
                    f"{name} was not written by save(), nor can it be read as PyTorch's: there, "
                    "write numpy.savez(path, **{key: value.numpy() for key, value in state_dict.items()})"
                )
            return _decoded(json.loads(archive.read(_STRUCTURE)), archive)
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise ValueError(f"{name} is damaged, or was not written by save(): {error}") from None


def _write(file: IO[bytes], structure: str, arrays: dict[str, Array]) -> None:
    """Write the archive; without times, so that the same object gives the same bytes."""
    with zipfile.ZipFile(file, "w") as archive:
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
        raise TypeError(f"save(): {path or 'this Tensor'} was computed, and its graph cannot be saved: save .detach()")
    if not isinstance(value, Tensor | np.ndarray):
        raise TypeError(
            f"save(): {path or 'this'} is a {type(value).__name__}, but files hold Tensors, arrays, numbers, strings, "
            "None, and dictionaries, lists and tuples of these: of a module or an optimizer, save the state_dict()"
        )
    refuse_subclasses(value)
    name = path.strip("/").replace("\0", "␀") or "data"  # zip archives end a name at a NUL
    while name in arrays:  # as with the keys 1 and "1"
        name += "'"
    arrays[name] = value._data if isinstance(value, Tensor) else value
    if isinstance(value, Tensor):
        return {"tensor": name, "requires_grad": value.requires_grad}
    return {"array": name}


def _decoded(value: Any, archive: zipfile.ZipFile) -> Any:
    """The object that `value`, a part of ``structure.json``, stands for."""
    if isinstance(value, list):
        return [_decoded(entry, archive) for entry in value]
    if not isinstance(value, dict):
        return value
    if "tuple" in value:
        return tuple(_decoded(value["tuple"], archive))
    if "dict" in value:
        return {_decoded(key, archive): _decoded(entry, archive) for key, entry in value["dict"]}
    name = value["tensor"] if "tensor" in value else value["array"]
    with archive.open(f"{name}.npy") as member:
        array = np.lib.format.read_array(member, allow_pickle=False)
    if "array" in value:
        return array
    return Tensor._of(array).requires_grad_() if value["requires_grad"] else Tensor._of(array)
