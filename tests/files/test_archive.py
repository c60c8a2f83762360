"""`load` returns what `save` saved. A file is written whole or not at all, and loading runs no code."""

import io
import json
import os
import pickle
import stat
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import numbers

import tinygrad_mlp as tg
from tinygrad_mlp.files.atomic import replacing
from tinygrad_mlp.testing.strategies import shapes

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
dtypes = st.sampled_from([np.float32, np.float64, np.int64, np.bool_, np.uint8])
arrays = shapes().flatmap(numbers).flatmap(lambda array: dtypes.map(array.astype))
leaves = scalars | arrays | arrays.map(tg.tensor)
trees = st.recursive(
    leaves,
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.lists(parts, max_size=3).map(tuple)
        | st.dictionaries(
            st.text(max_size=5) | st.integers() | st.tuples(st.integers(), st.text(max_size=1)), parts, max_size=3
        )
    ),
    max_leaves=8,
)


def assert_same(one: Any, other: Any) -> None:
    """Assert that two trees have the same types, structure and entries."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(one) == list(other)
        assert_same(list(one.values()), list(other.values()))
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for x, y in zip(one, other, strict=True):
            assert_same(x, y)
    elif isinstance(one, tg.Tensor | np.ndarray):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other), strict=True)
    else:
        assert one == other or (one != one and other != other)


@given(tree=trees)
def test_loading_gives_what_was_saved(tree: Any) -> None:
    file = io.BytesIO()
    tg.save(tree, file)
    assert_same(tg.load(file), tree)


def test_training_continues_from_a_file(tmp_path: Path) -> None:
    def step(net: Any, optimizer: Any) -> None:
        optimizer.zero_grad()
        net(tg.ones(4, 3)).square().sum().backward()
        optimizer.step()

    net = tg.nn.Linear(3, 2)
    optimizer = tg.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    step(net, optimizer)
    path = tmp_path / "run.pt"
    tg.save({"net": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 1}, path)
    step(net, optimizer)

    again = tg.nn.Linear(3, 2)
    other = tg.optim.SGD(again.parameters(), lr=0.5, momentum=0.1)
    saved = tg.load(path, weights_only=True)
    again.load_state_dict(saved["net"])
    other.load_state_dict(saved["optimizer"])
    step(again, other)
    for one, two in zip(net.parameters(), again.parameters(), strict=True):
        np.testing.assert_array_equal(one.detach(), two.detach())


def test_a_loaded_leaf_is_a_leaf_and_shares_no_memory(tmp_path: Path) -> None:
    x = tg.ones(2, requires_grad=True)
    tg.save([x, x.detach()], tmp_path / "leaf")
    one, two = tg.load(tmp_path / "leaf")
    assert (one.requires_grad, two.requires_grad) == (True, False)
    two.add_(1)
    np.testing.assert_array_equal(one.detach(), [1, 1])


def test_keys_may_hold_any_characters() -> None:
    file = io.BytesIO()
    tg.save({"\0": np.ones(1), "a\0b": np.zeros(2)}, file)
    assert_same(tg.load(file), {"\0": np.ones(1), "a\0b": np.zeros(2)})


def test_saving_replaces_a_file_through_a_link_and_writes_to_a_pipe(tmp_path: Path) -> None:
    """Four threads save to one file at once. The file keeps its permissions."""
    file, link, pipe = (tmp_path / name for name in ("file", "link", "pipe"))
    file.touch(mode=0o600)
    link.symlink_to(file)
    os.mkfifo(pipe)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: tg.save(number, link), range(100)))
        reader = pool.submit(pipe.read_bytes)
        tg.save(1.5, pipe)
        assert tg.load(io.BytesIO(reader.result())) == 1.5
    assert link.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert tg.load(file) in range(100)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link", "pipe"]


def test_other_errors_are_raised_unchanged(tmp_path: Path) -> None:
    def write() -> None:
        with replacing(tmp_path / "file") as draft:
            draft.touch()
            raise ConnectionError("nobody answers")

    with pytest.raises(ConnectionError, match="nobody answers"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_numpy_reads_the_file_too(tmp_path: Path) -> None:
    tg.save({"0.weight": tg.ones(2, 2).T, "deeper": {"x": np.arange(3)}}, tmp_path / "a")
    with np.load(tmp_path / "a", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["0.weight"], np.ones((2, 2)))
        np.testing.assert_array_equal(file["deeper/x"], np.arange(3))


def test_files_hold_no_time_of_saving(tmp_path: Path) -> None:
    tg.save({"x": tg.ones(2)}, tmp_path / "a")
    with zipfile.ZipFile(tmp_path / "a") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_numpy_numbers_become_python_numbers() -> None:
    file = io.BytesIO()
    tg.save([np.float32(1.5), np.int64(2), np.bool(True)], file)
    assert_same(tg.load(file), [1.5, 2, True])


def test_paths_that_look_alike_are_kept_apart() -> None:
    file = io.BytesIO()
    tree: dict[str, Any] = {"a/b": tg.zeros(1), "a": {"b": tg.ones(2), "b'": tg.ones(3)}, "": np.zeros(4)}
    tg.save(tree, file)
    assert_same(tg.load(file), tree)


def test_an_open_old_file_stays_readable(tmp_path: Path) -> None:
    tg.save(1, tmp_path / "state")
    with (tmp_path / "state").open("rb") as old:
        tg.save(2, tmp_path / "state")
        assert tg.load(old) == 1
    assert tg.load(tmp_path / "state") == 2


def test_names_that_an_archive_cannot_hold_are_shortened(tmp_path: Path) -> None:
    """The last key is what `os.fsdecode` makes of a byte that is no text."""
    keys = ["k" * 70_000, "k" * 70_001, "k" * 2000, "ü" * 40_000, "\udcff"]
    tree = {key: np.full(1, number) for number, key in enumerate(keys)}
    tg.save(tree, tmp_path / "state")
    assert_same(tg.load(tmp_path / "state"), tree)


def test_a_device_is_written_to() -> None:
    """/dev/null says that it can be moved about in, and stays at its start."""
    tg.save({"a": tg.ones(2)}, os.devnull)
    with open(os.devnull, "wb") as file:
        tg.save({"a": tg.ones(2)}, file)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_an_object_can_be_saved_behind_other_bytes(tmp_path: Path) -> None:
    with (tmp_path / "state").open("wb") as file:
        file.write(b"a line of text\n")
        tg.save([1, np.zeros(2)], file)
    assert_same(tg.load(tmp_path / "state"), [1, np.zeros(2)])


def nested(depth: int) -> Any:
    tree: Any = []
    for _ in range(depth):
        tree = [tree]
    return tree


ITSELF: dict[str, Any] = {"a": []}
ITSELF["a"].append(ITSELF)


@pytest.mark.parametrize("what", [ITSELF, nested(100_000)], ids=["an object that holds itself", "deep lists"])
def test_objects_without_an_end_leave_the_old_file(what: Any, tmp_path: Path) -> None:
    tg.save(1, tmp_path / "state")
    with pytest.raises(ValueError, match="holds itself, or is nested too deeply"):
        tg.save(what, tmp_path / "state")
    assert (tg.load(tmp_path / "state"), os.listdir(tmp_path)) == (1, ["state"])


@pytest.mark.parametrize(("what", "message"), [
    (tg.nn.Linear(1, 1), r"a Linear, and a file holds no code: write save\(net.state_dict\(\).* net.load_state_dict"),
    ({"a": [1, {1, 2}]}, "/a/1 is a set"),
    (lambda: 0, "function"),
    ([np.array([None])], "/0 is an array of Python objects"),
])  # fmt: skip
def test_objects_that_cannot_be_saved_leave_the_old_file(what: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "state"
    tg.save(1, path)
    with pytest.raises(TypeError, match=message):
        tg.save(what, path)
    assert tg.load(path) == 1
    assert os.listdir(tmp_path) == ["state"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state"
    tg.save({"x": tg.ones(2)}, path)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np.lib.format, "write_array", full)
        with pytest.raises(OSError, match="No space"):
            tg.save({"x": tg.zeros(2)}, path)
    np.testing.assert_array_equal(tg.load(path)["x"], [1, 1])
    assert os.listdir(tmp_path) == ["state"]


def test_files_that_are_missing_or_foreign_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(FileNotFoundError):
        tg.load(path)
    path.write_bytes(pickle.dumps({"x": 1}))
    with pytest.raises(ValueError, match=r"file.*not written by save"):
        tg.load(path)
    np.savez(path.with_suffix(".npz"), x=np.ones(2))
    with pytest.raises(ValueError, match=r"npz.*not written by save"):
        tg.load(path.with_suffix(".npz"))


@given(data=st.data())
def test_a_damaged_file_is_refused(data: st.DataObject) -> None:
    file = io.BytesIO()
    state = {"x": tg.tensor(np.arange(20.0)), "y": [1.5, "name"]}
    tg.save(state, file)
    content = bytearray(file.getvalue())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        at = content.index(np.arange(20.0).tobytes()) + data.draw(st.integers(0, 159))
        content[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="damaged"):
        tg.load(io.BytesIO(bytes(content)))


def test_loading_runs_no_code_from_the_file(tmp_path: Path) -> None:
    ran = []

    class Trap:
        def __reduce__(self) -> Any:
            return ran.append, (1,)

    trapped = io.BytesIO()
    np.lib.format.write_array(trapped, np.array([Trap()], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "trap", "w") as archive:
        archive.writestr("structure.json", json.dumps({"array": "x"}))
        archive.writestr("x.npy", trapped.getvalue())
    with pytest.raises(ValueError, match="allow_pickle"):
        tg.load(tmp_path / "trap", weights_only=False)
    assert ran == []


def test_of_a_tensor_that_was_computed_the_entries_are_saved(tmp_path: Path) -> None:
    """As in a checkpoint that holds the loss."""
    loss = (tg.ones(2, requires_grad=True) * 2).sum()
    tg.save({"epoch": 1, "loss": loss}, tmp_path / "checkpoint")
    loaded = tg.load(tmp_path / "checkpoint")["loss"]
    assert (loaded.item(), loaded.requires_grad) == (4, False)
    loss.backward()  # its graph is as it was
