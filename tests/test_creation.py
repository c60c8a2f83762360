"""Tensors that are made of nothing else, drawn, joined, shared with NumPy, saved and loaded."""

import builtins
import io
import json
import math
import os
import pickle
import stat
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import Array, leaf, numbers, shapes

import tinygrad_mlp as tg
from tinygrad_mlp.files.atomic import replacing

# --- constants, rows of numbers, drawn numbers ------------------------------------------------------------------------

MADE: dict[str, tuple[Callable[[], tg.Tensor], Any]] = {
    "tensor": (lambda: tg.tensor([[1, 2.5]]), np.array([[1, 2.5]], np.float32)),
    "tensor of integers": (lambda: tg.tensor([1, 2]), np.array([1, 2])),
    "tensor of truths": (lambda: tg.tensor(True), np.array(True)),
    "tensor of an array": (lambda: tg.tensor(np.ones(2)), np.ones(2)),
    "tensor of a tensor": (lambda: tg.tensor(tg.ones(2)), np.ones(2, np.float32)),
    "tensor of tensors": (lambda: tg.tensor([tg.ones(2), (3, tg.tensor(4))]), np.array([[1, 1], [3, 4]], np.float32)),
    "tensor of a wide tensor": (lambda: tg.tensor([1.0, tg.tensor(2.0, dtype=tg.float64)]), np.array([1.0, 2.0])),
    "tensor of a wide array": (lambda: tg.tensor([[1, 2], np.ones(2)]), np.array([[1, 2], [1.0, 1.0]])),
    "tensor of a wide number": (lambda: tg.tensor([[0.5], [np.float64(2)]]), np.array([[0.5], [2.0]])),
    "tensor of a narrow number": (lambda: tg.tensor([np.float32(0.5), 1]), np.array([0.5, 1], np.float32)),
    "tensor of nothing": (lambda: tg.tensor([]), np.array([], np.float32)),
    "tensor, converted": (lambda: tg.tensor([1, 2], dtype=tg.float64), np.array([1.0, 2])),
    "zeros": (lambda: tg.zeros(2, 3), np.zeros((2, 3), np.float32)),
    "zeros of a tuple": (lambda: tg.zeros((2, 3)), np.zeros((2, 3), np.float32)),
    "zeros of a list": (lambda: tg.zeros([2, 0]), np.zeros((2, 0), np.float32)),
    "a zero": (lambda: tg.zeros(()), np.zeros((), np.float32)),
    "ones": (lambda: tg.ones(3), np.ones(3, np.float32)),
    "ones of integers": (lambda: tg.ones(3, dtype=tg.int64), np.ones(3, np.int64)),
    "ones of doubles": (lambda: tg.ones(3, dtype=tg.float64), np.ones(3)),
    "full": (lambda: tg.full((2,), 1.5), np.full(2, 1.5, np.float32)),
    "full of integers": (lambda: tg.full((2,), 7), np.array([7, 7])),
    "full of truths": (lambda: tg.full((2,), True), np.array([True, True])),
    "zeros_like": (lambda: tg.zeros_like(tg.ones(2, dtype=tg.float64)), np.zeros(2)),
    "ones_like": (lambda: tg.ones_like(tg.tensor([1, 2])), np.array([1, 1])),
    "ones_like, converted": (lambda: tg.ones_like(tg.tensor([1, 2]), dtype=tg.float32), np.ones(2, np.float32)),
    "eye": (lambda: tg.eye(2), np.eye(2, dtype=np.float32)),
    "eye, not square": (lambda: tg.eye(2, 3), np.eye(2, 3, dtype=np.float32)),
    "arange": (lambda: tg.arange(3), np.array([0, 1, 2])),
    "arange from": (lambda: tg.arange(2, 5), np.array([2, 3, 4])),
    "arange in steps": (lambda: tg.arange(5, 1, -2), np.array([5, 3])),
    "arange of fractions": (lambda: tg.arange(0, 1, 0.5), np.array([0, 0.5], np.float32)),
    "arange, converted": (lambda: tg.arange(2, dtype=tg.float64), np.array([0.0, 1])),
    "linspace": (lambda: tg.linspace(0, 1, 3), np.array([0, 0.5, 1], np.float32)),
    "cat": (lambda: tg.cat([tg.ones(1), tg.zeros(2)]), np.array([1, 0, 0], np.float32)),
    "cat along a dimension": (
        lambda: tg.cat([tg.ones(2, 1), tg.zeros(2, 2)], dim=-1),
        np.eye(3, dtype=np.float32)[[0, 0]],
    ),
    "stack": (lambda: tg.stack([tg.ones(2), tg.zeros(2)], dim=1), np.array([[1, 0], [1, 0]], np.float32)),
    "where": (lambda: tg.where(tg.tensor([True, False]), tg.ones(2), -1.0), np.array([1, -1], np.float32)),
    "maximum": (lambda: tg.maximum(tg.tensor([1, 5]), tg.tensor([3, 4])), np.array([3, 5])),
    "minimum": (lambda: tg.minimum(tg.tensor([1, 5]), 2), np.array([1, 2])),
    "einsum": (lambda: tg.einsum("ij->j", tg.ones(3, 2)), np.array([3, 3], np.float32)),
    "cat flattened": (
        lambda: np.concatenate([tg.eye(2), tg.ones(1)], axis=None),
        np.array([1, 0, 0, 1, 1], np.float32),
    ),
    "einsum of arrays": (lambda: tg.einsum("i,i", np.arange(3), np.arange(3)), np.array(5)),
    "from_numpy": (lambda: tg.from_numpy(np.arange(3)), np.arange(3)),
}


@pytest.mark.parametrize("name", MADE)
def test_made(name: str) -> None:
    make, expected = MADE[name]
    made = make()
    assert type(made) is tg.Tensor
    assert made.requires_grad is False
    assert made.dtype == expected.dtype
    np.testing.assert_array_equal(made, expected, strict=True)


@pytest.mark.parametrize("make", [
    lambda **how: tg.zeros(2, **how), lambda **how: tg.ones(2, **how), lambda **how: tg.full((2,), 1.0, **how),
    lambda **how: tg.zeros_like(tg.ones(2), **how), lambda **how: tg.ones_like(tg.ones(2), **how),
    lambda **how: tg.eye(2, **how), lambda **how: tg.arange(0.0, 2.0, **how), lambda **how: tg.linspace(0, 1, 2, **how),
    lambda **how: tg.rand(2, **how), lambda **how: tg.randn(2, **how),
])  # fmt: skip
def test_how_it_is_made(make: Callable[..., tg.Tensor]) -> None:
    assert make(requires_grad=True).is_leaf
    assert make(requires_grad=True).requires_grad
    assert make(dtype=tg.float64).dtype == np.float64
    with pytest.raises((RuntimeError, TypeError), match=r"only floating|Unsupported dtype"):
        make(dtype=tg.int64, requires_grad=True)


def test_floats_become_the_default_dtype() -> None:
    tg.set_default_dtype(tg.float64)
    try:
        made = [
            tg.zeros(1),
            tg.full((1,), 0.5),
            tg.eye(1),
            tg.arange(0.0, 1.0),
            tg.linspace(0, 1, 2),
            tg.rand(1),
            tg.randn(1),
        ]
        assert {x.dtype for x in made} == {np.dtype(np.float64)}
        assert tg.arange(2).dtype == np.int64
    finally:
        tg.set_default_dtype(tg.float32)


DRAWN: dict[str, Callable[..., tg.Tensor]] = {
    "rand": lambda **how: tg.rand(4, 5, **how),
    "randn": lambda **how: tg.randn((4, 5), **how),
    "randint": lambda **how: tg.randint(2, 9, (4, 5), **how),
    "randperm": lambda **how: tg.randperm(20, **how),
}


@pytest.mark.parametrize("name", DRAWN)
def test_drawn_from_a_generator(name: str) -> None:
    draw = DRAWN[name]
    first, second = draw(generator=tg.Generator().manual_seed(3)), draw(generator=tg.Generator().manual_seed(3))
    np.testing.assert_array_equal(first, second)
    tg.manual_seed(3)
    default = draw()
    np.testing.assert_array_equal(default, first)
    assert not np.array_equal(draw(), first)
    with pytest.raises(TypeError, match="Generator"):
        draw(generator=3)


def test_numbers_are_drawn_in_the_dtype_they_have() -> None:
    """Those drawn as float64 and rounded to float32 can be 1."""
    for ours, numpys in ((tg.rand, "random"), (tg.randn, "standard_normal")):
        drawn = ours(5, generator=tg.Generator().manual_seed(3))
        expected = getattr(np.random.default_rng(3), numpys)(5, np.float32)
        np.testing.assert_array_equal(drawn.numpy(), expected, strict=True)


def test_what_is_drawn_is_distributed_as_it_should_be() -> None:
    generator = tg.Generator().manual_seed(0)
    uniform, normal = (draw(100_000, generator=generator).numpy() for draw in (tg.rand, tg.randn))
    assert uniform.dtype == normal.dtype == np.float32
    assert 0 <= uniform.min() < 0.001
    assert 0.999 < uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.005
    assert abs(normal.mean()) < 0.02
    assert abs(normal.std() - 1) < 0.01
    assert set(tg.randint(2, 5, (100,), generator=generator).tolist()) == {2, 3, 4}
    assert set(tg.randint(2, (100,), generator=generator).tolist()) == {0, 1}
    assert sorted(tg.randperm(9, generator=generator).tolist()) == list(range(9))


# --- sharing with NumPy -----------------------------------------------------------------------------------------------


def test_from_numpy_shares_its_memory_both_ways() -> None:
    array = np.zeros((2, 3), np.float32)
    x = tg.from_numpy(array)
    array[0, 0] = 1
    x.add_(1)
    np.testing.assert_array_equal(array, x.numpy(), strict=True)
    assert np.shares_memory(array, x.numpy())


@pytest.mark.parametrize(
    "view", [lambda a: a, lambda a: a[1:], lambda a: a.T, lambda a: a[::2]], ids=["all", "part", "T", "some"]
)
def test_a_write_between_forward_and_backward_is_noticed(view: Callable[[Array], Array]) -> None:
    array = np.arange(12.0).reshape(4, 3)
    x = tg.from_numpy(view(array))
    w = tg.ones(*x.shape, dtype=tg.float64, requires_grad=True)
    loss = (x * w).sum()
    array[2, 2] += 1
    with pytest.raises(RuntimeError, match="multiply"):
        loss.backward()
    (x * w).sum().backward()
    np.testing.assert_array_equal(w.grad, view(array))


def test_an_array_that_was_written_before_is_no_matter() -> None:
    array = np.arange(3.0)
    x = tg.from_numpy(array)
    array[0] = 7
    w = tg.ones(3, dtype=tg.float64, requires_grad=True)
    (x * w).sum().backward()
    np.testing.assert_array_equal(w.grad, [7, 1, 2])


# --- what tables of values do not show --------------------------------------------------------------------------------


def test_importing_everything_hides_nothing_of_pythons() -> None:
    assert not set(tg.__all__) & set(dir(builtins))
    np.testing.assert_array_equal(tg.exp(np.zeros(2)), [1, 1])


def test_clamping_keeps_what_is_no_number() -> None:
    x = tg.tensor([math.nan, -math.inf, math.inf])
    np.testing.assert_array_equal(x.clamp(-1, 1), [math.nan, -1, 1])


def test_gradients_of_products_with_zeros() -> None:
    for factors, expected in (([0, 2, 3], [6, 0, 0]), ([0, 2, 0], [0, 0, 0]), ([], []), ([5], [1])):
        x = leaf(np.array(factors, dtype=float))
        x.prod().backward()
        np.testing.assert_array_equal(x.grad, expected)


X = tg.tensor([[1.0, 2.0], [3.0, 4.0]])

BAD_CALLS: dict[str, tuple[type[Exception], str, Callable[[], Any]]] = {
    "a norm of matrices": (TypeError, "vectors", lambda: np.linalg.norm(X, ord=2)),
    "the deviation of one": (ValueError, "1 entries", lambda: X[:1].std(dim=0)),
    "an axis that is not there": (ValueError, "axis 5", lambda: X.cumsum(5)),
    "a product over no such axis": (ValueError, "axis 5", lambda: X.prod(5)),
    "cat of shapes": (ValueError, "concatenate", lambda: tg.cat([X, X[:, :1]])),
    "stack of shapes": (ValueError, "concatenate", lambda: tg.stack([X, X[0]])),
    "einsum of too few": (ValueError, "2 operands, not for 1", lambda: tg.einsum("ij,jk", X)),
    "einsum of lengths": (ValueError, "einsum", lambda: tg.einsum("i,i", X[0], tg.ones(3))),
    "a negative length": (ValueError, "negative", lambda: tg.zeros(-1)),
    "an unknown option": (TypeError, "dtype", lambda: np.cumsum(X, dtype=np.int64)),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_calls_say_what_is_wrong(name: str) -> None:
    error, message, call = BAD_CALLS[name]
    with pytest.raises(error, match=message):
        call()


# --- saving and loading -----------------------------------------------------------------------------------------------

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


def same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(one) == list(other)
        same(list(one.values()), list(other.values()))
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for x, y in zip(one, other, strict=True):
            same(x, y)
    elif isinstance(one, tg.Tensor | np.ndarray):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other), strict=True)
    else:
        assert one == other or (one != one and other != other)


@given(tree=trees)
def test_what_is_saved_is_loaded(tree: Any) -> None:
    file = io.BytesIO()
    tg.save(tree, file)
    same(tg.load(file), tree)


def test_a_training_run_is_saved_and_loaded(tmp_path: Path) -> None:
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


def test_a_leaf_stays_one_and_nothing_is_shared(tmp_path: Path) -> None:
    x = tg.ones(2, requires_grad=True)
    tg.save([x, x.detach()], tmp_path / "leaf")
    one, two = tg.load(tmp_path / "leaf")
    assert (one.requires_grad, two.requires_grad) == (True, False)
    two.add_(1)
    np.testing.assert_array_equal(one.detach(), [1, 1])


@pytest.mark.parametrize("make", [tg.zeros, tg.ones, tg.rand, tg.randn])
def test_sizes_are_given_in_three_ways(make: Any) -> None:
    assert make(2, 3).shape == make((2, 3)).shape == make([2, 3]).shape == make(size=(2, 3)).shape == (2, 3)
    assert make(()).shape == make(size=()).shape == ()


def test_names_may_hold_any_letters() -> None:
    file = io.BytesIO()
    tg.save({"\0": np.ones(1), "a\0b": np.zeros(2)}, file)
    same(tg.load(file), {"\0": np.ones(1), "a\0b": np.zeros(2)})


def test_a_file_is_replaced_where_it_is(tmp_path: Path) -> None:
    """By several threads at once, through a link, and with the rights it had; a pipe is written to."""
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


def test_an_error_of_another_kind_stays_what_it_is(tmp_path: Path) -> None:
    def write() -> None:
        with replacing(tmp_path / "file") as draft:
            draft.touch()
            raise ConnectionError("nobody answers")

    with pytest.raises(ConnectionError, match="nobody answers"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_randint_begins_at_0() -> None:
    for drawn in (tg.randint(3, (50,)), tg.randint(high=3, size=(50,)), tg.randint(0, 3, (50,))):
        assert set(drawn.tolist()) == {0, 1, 2}


def test_numpy_reads_the_file_too(tmp_path: Path) -> None:
    tg.save({"0.weight": tg.ones(2, 2).T, "deeper": {"x": np.arange(3)}}, tmp_path / "a")
    with np.load(tmp_path / "a", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["0.weight"], np.ones((2, 2)))
        np.testing.assert_array_equal(file["deeper/x"], np.arange(3))


def test_equal_state_makes_equal_files_at_any_time(tmp_path: Path) -> None:
    tg.save({"x": tg.ones(2)}, tmp_path / "a")
    with zipfile.ZipFile(tmp_path / "a") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_numpys_numbers_become_pythons() -> None:
    file = io.BytesIO()
    tg.save([np.float32(1.5), np.int64(2), np.bool(True)], file)
    same(tg.load(file), [1.5, 2, True])


def test_paths_that_look_alike_are_kept_apart() -> None:
    file = io.BytesIO()
    tree: dict[str, Any] = {"a/b": tg.zeros(1), "a": {"b": tg.ones(2), "b'": tg.ones(3)}, "": np.zeros(4)}
    tg.save(tree, file)
    same(tg.load(file), tree)


def test_a_new_file_takes_the_place_of_the_old_at_once(tmp_path: Path) -> None:
    tg.save(1, tmp_path / "state")
    with (tmp_path / "state").open("rb") as old:
        tg.save(2, tmp_path / "state")
        assert tg.load(old) == 1
    assert tg.load(tmp_path / "state") == 2


@pytest.mark.parametrize(("what", "message"), [
    (tg.nn.Linear(1, 1), r"this is a Linear.*state_dict\(\)"),
    ({"a": [1, {1, 2}]}, "/a/1 is a set"),
    ({"loss": tg.ones(1, requires_grad=True) * 2}, r"/loss was computed.*detach\(\)"),
    (lambda: 0, "function"),
])  # fmt: skip
def test_what_cannot_be_saved_changes_nothing(what: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "state"
    tg.save(1, path)
    with pytest.raises(TypeError, match=message):
        tg.save(what, path)
    assert tg.load(path) == 1
    assert os.listdir(tmp_path) == ["state"]


def test_a_disk_that_is_full_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_file_that_is_not_there_or_not_ours(tmp_path: Path) -> None:
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
def test_a_damaged_file_is_an_error(data: st.DataObject) -> None:
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


def test_loading_runs_nothing(tmp_path: Path) -> None:
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
