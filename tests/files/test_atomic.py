"""However many saves of one file run at once, each has its own draft, and only abandoned drafts are removed."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg
from tinygrad_mlp.files import atomic
from tinygrad_mlp.training import figures

PACKAGE = Path(tg.__file__).parents[1]
INTERRUPTED = {"atomic.py", "archive.py", "contextlib.py"}  # the files whose lines are interrupted


@contextmanager
def interrupted_at(line: int, handler: Callable[[], None]) -> Iterator[list[int]]:
    """Call `handler` once, before the line number `line` that runs in the block, as a signal handler may be called.

    Gives a list, which gets one entry if that line was reached.
    """
    count, called = 0, list[int]()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if Path(frame.f_code.co_filename).name not in INTERRUPTED:
            return None
        if event == "line" and not called:
            count += 1
            if count > line:
                called.append(line)
                handler()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield called
    finally:
        sys.settrace(before)


def state(number: int) -> dict[str, Any]:
    return {"number": number, "weight": tg.tensor(np.full(3, number, np.float32))}


def number_in(path: Path) -> int:
    """The number that `state` was given for the file; fails for a file that is a mixture of two."""
    loaded = tg.load(path)
    assert loaded["weight"].tolist() == [loaded["number"]] * 3
    return int(loaded["number"])


@pytest.mark.parametrize("there_is_an_old_file", [False, True])
def test_a_save_may_interrupt_a_save_of_the_same_file_at_any_line(tmp_path: Path, there_is_an_old_file: bool) -> None:
    path = tmp_path / "state"
    line, ended_last = int(there_is_an_old_file), set()  # the odd lines are interrupted here, and the even ones there
    while True:
        if there_is_an_old_file:
            tg.save(state(0), path)
        else:
            path.unlink(missing_ok=True)
        with interrupted_at(line, lambda: tg.save(state(1), path)) as called:
            tg.save(state(2), path)
        ended_last.add(number_in(path))
        assert os.listdir(tmp_path) == ["state"]
        if not called:
            break
        line += 2
    assert ended_last == {1, 2}
    assert line > 100


def test_a_save_in_a_signal_handler_leaves_whole_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, write = tmp_path / "state", np.lib.format.write_array

    def write_and_signal(*args: Any, **kwargs: Any) -> None:
        if args[1][0] == 2:
            signal.raise_signal(signal.SIGUSR1)
        write(*args, **kwargs)

    monkeypatch.setattr(np.lib.format, "write_array", write_and_signal)
    handled = []
    before = signal.signal(signal.SIGUSR1, lambda *_: (tg.save(state(1), path), handled.append(number_in(path))))
    try:
        tg.save(state(2), path)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert (handled, number_in(path), os.listdir(tmp_path)) == ([1], 2, ["state"])


def process(path: Path, block: str) -> subprocess.Popen[str]:
    """Another process, which is in a block of `replacing(path)`. Its draft is there."""
    code = (
        "import os, signal, sys\nfrom tinygrad_mlp.files.atomic import replacing\n"
        f"with replacing({str(path)!r}) as draft:\n    draft.write_text('half')\n    print(draft.name, flush=True)\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", f"{code}    {block}"], env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def line_of(child: subprocess.Popen[str]) -> str:
    """The next line that a process prints."""
    assert child.stdout is not None
    return child.stdout.readline().strip()


def test_the_draft_of_a_killed_process_is_removed_and_that_of_a_living_one_kept(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with process(path, "sys.stdin.read()") as living:
        draft = line_of(living)
        with process(path, "os.kill(os.getpid(), signal.SIGKILL)") as killed:
            abandoned = line_of(killed)
        assert sorted(os.listdir(tmp_path)) == sorted([draft, abandoned])
        tg.save(1, path)
        assert sorted(os.listdir(tmp_path)) == sorted([draft, "state"])
        living.communicate()
    assert (path.read_text(), os.listdir(tmp_path)) == ("half", ["state"])


WRITERS: dict[str, Callable[[Path], Any]] = {
    "save": lambda path: tg.save(1, path),
    "a figure": lambda path: figures.save(lambda figure: None, path, (1, 1)),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_only_drafts_of_this_file_and_this_machine_are_removed(
    write: Callable[[Path], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state[1].png"  # brackets mean something in patterns
    abandoned = tmp_path / f"{atomic._draft_name(path)}01234567.part"
    others = [
        f"{atomic._draft_name(tmp_path / 'state1.png')}01234567.part",
        "state[1].png.part",
        "state[1].png.old.part",
    ]
    monkeypatch.setattr("platform.node", lambda: "another machine")
    others.append(f"{atomic._draft_name(path)}01234567.part")
    monkeypatch.undo()
    for name in (abandoned.name, *others):
        (tmp_path / name).touch()
    write(path)
    assert sorted(os.listdir(tmp_path)) == sorted([path.name, *others])


def test_a_draft_that_is_taken_for_abandoned_before_it_is_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, lock, made = tmp_path / "state", atomic._lock, []

    def late(file: int) -> bool | None:
        made.append(file)
        if len(made) == 1:
            atomic._remove_abandoned(path)  # as another process would; it locks the draft by a call of this function
            assert os.listdir(tmp_path) == []
        return lock(file)

    monkeypatch.setattr(atomic, "_lock", late)
    tg.save(state(1), path)
    assert (number_in(path), os.listdir(tmp_path), len(made)) == (1, ["state"], 3)


def test_a_draft_whose_name_is_taken_gets_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, names = tmp_path / "state", iter(["01234567", "89abcdef"])
    taken = tmp_path / f"{atomic._draft_name(path)}01234567.part"
    taken.touch()
    monkeypatch.setattr(atomic, "_remove_abandoned", lambda place: None)
    monkeypatch.setattr("secrets.token_hex", lambda size: next(names))
    tg.save(state(1), path)
    assert (number_in(path), list(names)) == (1, [])
    assert sorted(os.listdir(tmp_path)) == sorted(["state", taken.name])


def test_without_locks_files_are_written_and_drafts_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state"
    draft = tmp_path / f"{atomic._draft_name(path)}01234567.part"
    draft.touch()

    def unsupported(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    for flock in (unsupported, None):
        monkeypatch.setattr(atomic, "flock", flock)
        tg.save(state(1), path)
        assert number_in(path) == 1
        assert sorted(os.listdir(tmp_path)) == sorted(["state", draft.name])


def test_a_folder_that_cannot_be_listed_can_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "scandir", forbidden)
    tg.save(state(1), tmp_path / "state")
    assert number_in(tmp_path / "state") == 1
