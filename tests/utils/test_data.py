"""A DataLoader gives every sample once, in batches in an order decided by its seed, and reads only those samples."""

import os
from collections import namedtuple
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mlp as tg
from tinygrad_mlp.utils.data import (
    BatchSampler,
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    StackDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    default_convert,
    get_worker_info,
    random_split,
)


class Squares(Dataset[tuple[int, float]]):
    """A dataset that can only be asked for one sample at a time."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __getitem__(self, index: int) -> tuple[int, float]:
        assert type(index) is int
        assert 0 <= index < self.number
        return index, float(index**2)

    def __len__(self) -> int:
        return self.number


class Later(Dataset[tuple[int, float]]):
    """The samples of `dataset` with `start` added to their numbers. They are read several at a time."""

    def __init__(self, dataset: Squares, start: int) -> None:
        self.dataset = dataset
        self.start = start

    def __getitem__(self, index: int) -> tuple[int, float]:
        number, square = self.dataset[index]
        return number + self.start, square

    def __getitems__(self, indices: list[int]) -> list[tuple[int, float]]:
        return [self[index] for index in indices]

    def __len__(self) -> int:
        return len(self.dataset)


class Counting(IterableDataset[int]):
    """A stream of the first numbers."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.number))


ROWS = np.arange(0, 200, 2).reshape(-1, 2)

# How to make a dataset of the first `number` samples, and how to read the numbers of the samples off a batch.
DATASETS: dict[str, tuple[Callable[[int], Any], Callable[[Any], tg.Tensor]]] = {
    "array": (lambda number: ROWS[:number], lambda batch: batch[:, 0] / 4),
    "Tensor": (lambda number: tg.tensor(ROWS[:number]), lambda batch: batch[:, 0] / 4),
    "TensorDataset": (lambda number: TensorDataset(ROWS[:number], tg.tensor(range(number))), lambda batch: batch[1]),
    "Dataset": (Squares, lambda batch: batch[0]),
    "Subset": (lambda number: Subset(TensorDataset(ROWS), range(number)), lambda batch: batch[0][:, 0] / 4),
    "Subset of a Dataset": (lambda number: Subset(Squares(50), range(number)), lambda batch: batch[0]),
    "Subset of a Subset": (
        lambda number: Subset(Subset(ROWS, range(49, -1, -1)), range(49, 49 - number, -1)),
        lambda batch: batch[:, 0] / 4,
    ),
    "ConcatDataset": (
        lambda number: Squares(number // 2) + Later(Squares(number - number // 2), number // 2),
        lambda batch: batch[0],
    ),
    "StackDataset": (lambda number: StackDataset(ROWS[:number], Squares(number)), lambda batch: batch[0][:, 0] / 4),
    "StackDataset with names": (
        lambda number: Subset(StackDataset(x=TensorDataset(ROWS), y=Squares(50)), range(number)),
        lambda batch: batch["y"][0],
    ),
    "list": (lambda number: list(range(number)), lambda batch: batch),
}


@pytest.mark.parametrize("name", DATASETS)
@given(
    number=st.integers(0, 30),
    size=st.integers(1, 12),
    shuffle=st.sampled_from([None, False, True]),
    drop_last=st.booleans(),
    sampled=st.booleans(),
)
def test_every_sample_comes_once_in_batches_of_the_right_size(
    name: str, number: int, size: int, shuffle: bool | None, drop_last: bool, sampled: bool
) -> None:
    make, read = DATASETS[name]
    generator = tg.Generator().manual_seed(7)
    order = np.random.default_rng(number).permutation(number).tolist()
    which = {"sampler": order} if sampled else {"shuffle": shuffle}
    loader = DataLoader(make(number), size, drop_last=drop_last, generator=generator, **which)
    assert len(loader.sampler) == number  # type: ignore[arg-type]
    for _ in range(2):
        batches = [read(batch).tolist() for batch in loader]
        assert len(batches) == len(loader)
        assert all(len(batch) == size for batch in batches[:-1])
        assert all(0 < len(batch) <= size for batch in batches)
        seen = [index for batch in batches for index in batch]
        if drop_last:
            assert len(seen) == number - number % size
            assert len(set(seen)) == len(seen)
        else:
            assert sorted(seen) == list(range(number))
        if sampled or not shuffle:
            assert seen == (order if sampled else list(range(number)))[: len(seen)]


def test_orders_are_seeded_and_new_for_each_iteration() -> None:
    def orders(seed: int) -> list[list[int]]:
        loader = DataLoader(np.arange(50), 8, shuffle=True, generator=tg.Generator().manual_seed(seed))
        return [[index for batch in loader for index in batch.tolist()] for _ in range(3)]

    assert orders(1) == orders(1) != orders(2)
    assert len({tuple(order) for order in orders(1)}) == 3
    tg.manual_seed(5)
    first = [batch.item() for batch in DataLoader(np.arange(50), shuffle=True)]
    tg.manual_seed(5)
    assert [batch.item() for batch in DataLoader(np.arange(50), shuffle=True)] == first


def test_labels_in_the_place_of_the_batch_size_are_noticed() -> None:
    with pytest.raises(ValueError, match=r"write DataLoader\(TensorDataset\(x, y\), batch_size\)"):
        DataLoader(ROWS, np.arange(len(ROWS)))


@pytest.mark.parametrize("name", ["dataset", "batch_size", "sampler", "batch_sampler", "drop_last"])
def test_what_the_batches_were_planned_with_is_fixed(name: str) -> None:
    loader = DataLoader([1, 2, 3], batch_size=2)
    with pytest.raises(ValueError, match=f"{name} of a loader is fixed"):
        setattr(loader, name, getattr(loader, name))
    loader.collate_fn = list  # as in PyTorch
    assert list(loader) == [[1, 2], [3]]


def test_a_batch_sampler_decides_the_batches() -> None:
    loader = DataLoader(ROWS, batch_sampler=[[3, 1], np.array([0])])
    assert [batch[:, 0].tolist() for batch in loader] == [[12, 4], [0]]
    assert len(loader) == 2


@given(number=st.integers(0, 20), size=st.integers(1, 6), drop_last=st.booleans())
def test_batches_of_a_stream_are_in_its_order(number: int, size: int, drop_last: bool) -> None:
    loader = DataLoader(Counting(number) + Counting(2), size, drop_last=drop_last)
    expected = [*range(number), 0, 1]
    for _ in range(2):
        batches = [batch.tolist() for batch in loader]
        assert batches == [
            expected[i : i + size] for i in range(0, len(expected), size) if i + size <= len(expected) or not drop_last
        ]
    assert list(DataLoader(Counting(3), None)) == [0, 1, 2]
    assert list(DataLoader(Counting(3), None, collate_fn=str)) == ["0", "1", "2"]


def test_the_length_of_a_stream_counts_its_batches() -> None:
    class Known(Counting):
        def __len__(self) -> int:
            return self.number

    assert [len(DataLoader(Known(5), size)) for size in (None, 1, 2, 5, 6)] == [5, 5, 3, 1, 1]
    assert [len(DataLoader(Known(5), size, drop_last=True)) for size in (1, 2, 5, 6)] == [5, 2, 1, 0]
    assert len(ChainDataset([Known(5), Known(2)])) == 7


def test_without_a_batch_size_each_index_of_the_sampler_is_asked_for() -> None:
    loader = DataLoader(TensorDataset(ROWS), None)
    assert len(loader) == 50
    assert [column.tolist() for column in next(iter(loader))] == [[0, 2]]
    assert [row.tolist() for row in DataLoader(ROWS, None, sampler=[3, 0])] == [[12, 14], [0, 2]]
    in_batches = BatchSampler(SequentialSampler(ROWS), 20, True)
    batches = list(DataLoader(ROWS, None, sampler=in_batches))  # type: ignore[arg-type]
    assert [batch.shape for batch in batches] == [(20, 2), (20, 2)]
    batches[0].fill_(-1)
    assert ROWS.min() == 0
    assert list(DataLoader(Squares(3), None)) == [[0, 0.0], [1, 1.0], [2, 4.0]]
    assert list(DataLoader(Squares(3), None, collate_fn=lambda sample: sample[1])) == [0, 1, 4]


def test_samples_of_combined_datasets() -> None:
    both = Squares(2) + Squares(3)
    assert [both[i] for i in range(-5, 5)] == [(0, 0.0), (1, 1.0), (0, 0.0), (1, 1.0), (2, 4.0)] * 2
    assert (len(both), both.cumulative_sizes) == (5, [2, 5])
    assert [sample for sample, _ in part_samples(ConcatDataset([Squares(0), Squares(2), Squares(0)]))] == [0, 1]
    assert StackDataset(Squares(2), "ab")[1] == ((1, 1.0), "b")
    batch, *_ = DataLoader(StackDataset(image=ROWS, label=range(50)), 2)
    assert (batch["image"].tolist(), batch["label"].tolist()) == ([[0, 2], [4, 6]], [0, 1])


def test_a_stacked_dataset_is_read_with_one_index() -> None:
    asked: list[Any] = []

    class Rows(np.memmap[Any, Any]):
        def __getitem__(self, index: Any) -> Any:
            asked.append(index)
            return np.asarray(self)[index]

    list(DataLoader(StackDataset(ROWS.view(Rows), range(50)), 10, shuffle=True))
    assert len(asked) == 5


@given(number=st.integers(1, 9), count=st.integers(1, 30), seed=st.integers(0, 99))
def test_random_samplers_draw_what_they_promise(number: int, count: int, seed: int) -> None:
    def generator() -> tg.Generator:
        return tg.Generator().manual_seed(seed)

    once = RandomSampler(range(number), generator=generator())
    assert sorted(once) == list(range(number))
    counted = list(RandomSampler(range(number), num_samples=count, generator=generator()))
    assert len(counted) == count == len(RandomSampler(range(number), num_samples=count))
    times = np.bincount(counted, minlength=number)
    assert times.max() - times.min() <= 1
    several = list(RandomSampler(range(number), True, count, generator()))
    assert len(several) == count
    assert set(several) <= set(range(number))
    subset = SubsetRandomSampler(range(7, 7 + number), generator())
    assert sorted(subset) == list(range(7, 7 + number))
    weights = [0.0, *range(1, number + 1)]
    drawn = list(WeightedRandomSampler(weights, count, generator=generator()))
    assert len(drawn) == count
    assert 0 not in drawn
    assert sorted(WeightedRandomSampler(weights, number, False, generator())) == list(range(1, number + 1))
    for sampler in (once, subset):
        assert {type(index) for index in sampler} == {int}
    assert list(BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert [len(BatchSampler(range(5), 2, drop)) for drop in (False, True)] == [3, 2]


def test_samples_come_in_proportion_to_their_weights() -> None:
    weights = tg.tensor([1.0, 2.0, 5.0])
    drawn = list(WeightedRandomSampler(weights, 8000, generator=tg.Generator().manual_seed(0)))
    np.testing.assert_allclose(np.bincount(drawn) / 8000, [1 / 8, 2 / 8, 5 / 8], atol=0.02)


def test_a_loader_takes_each_sampler() -> None:
    for sampler in (
        SequentialSampler(ROWS), RandomSampler(ROWS), SubsetRandomSampler([4, 2]), WeightedRandomSampler([1, 2], 3),
    ):  # fmt: skip
        batches = list(DataLoader(ROWS, 2, sampler=sampler))
        assert sum(map(len, batches)) == len(sampler)
        again = list(DataLoader(ROWS, batch_sampler=BatchSampler(sampler, 2, False)))
        assert [len(batch) for batch in again] == [len(batch) for batch in batches]


def test_there_are_no_workers() -> None:
    assert get_worker_info() is None


def test_a_user_dataset_is_asked_for_single_samples() -> None:
    class Centred(TensorDataset):
        def __getitem__(self, index: Any) -> Any:
            (row,) = super().__getitem__(index)
            return (row - row.mean(),)

    rows = np.arange(12.0).reshape(3, 4) ** 2

    class Centring(Subset):
        def __getitem__(self, index: Any) -> Any:
            (row,) = super().__getitem__(index)
            return (row - row.mean(),)

    whole = [0, 1, 2]
    for dataset in (Centred(rows), Subset(Centred(rows), whole), Centring(TensorDataset(rows), whole)):
        ((batch,),) = DataLoader(dataset, 3)
        np.testing.assert_allclose(batch, rows - rows.mean(1, keepdims=True))


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("rows", [ROWS.astype(np.float32), tg.tensor(ROWS), TensorDataset(ROWS)])
def test_batches_share_no_memory_with_the_dataset(rows: Any, shuffle: bool) -> None:
    before = ROWS.copy()
    for batch in DataLoader(rows, 7, shuffle=shuffle):
        part = batch[0] if isinstance(rows, TensorDataset) else batch
        assert part.dtype == (rows.tensors[0] if isinstance(rows, TensorDataset) else rows).dtype
        part.fill_(-1)
    np.testing.assert_array_equal(before, ROWS)
    if isinstance(rows, tg.Tensor):
        np.testing.assert_array_equal(rows.numpy(), ROWS)


def test_a_batch_is_read_with_one_index() -> None:
    asked: list[Any] = []

    class Rows(np.memmap[Any, Any]):
        def __getitem__(self, index: Any) -> Any:
            asked.append(index)
            return np.asarray(self)[index]

    rows = ROWS.view(Rows)
    for dataset in (rows, TensorDataset(rows), Subset(rows, range(20)), Subset(TensorDataset(rows), range(20))):
        asked.clear()
        list(DataLoader(dataset, 10, shuffle=True))
        assert len(asked) == len(dataset) / 10


def test_arrays_larger_than_memory_are_read_batch_by_batch(tmp_path: Path) -> None:
    """The file is twice as large as memory. The disk holds only the part that was written, and memory the batches."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "rows.dat"
    width = 1 << 18
    number = 2 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // (4 * width)
    rows = np.memmap(path, np.float32, "w+", shape=(number, width))
    rows[number - 1, :3] = [1, 2, 3]
    dataset = TensorDataset(rows, np.arange(number))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (last, index), *_ = DataLoader(Subset(dataset, [number - 1, 5]), 1)
    assert last[0, :4].tolist() == [1, 2, 3, 0]
    assert index.tolist() == [number - 1]
    for part, _ in islice(DataLoader(dataset, 2, shuffle=True), 5):
        assert part.shape == (2, width)
        assert type(part._data) is np.ndarray
    assert next(iter(DataLoader(rows, 2))).shape == (2, width)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < 64 * width * 4  # 64 rows
    assert path.stat().st_blocks * 512 < 64 * width * 4


def test_samples_of_a_tensor_dataset_keep_their_graph() -> None:
    x = tg.tensor(ROWS).float().requires_grad_()
    dataset = TensorDataset(x, np.arange(100, 200, 2))
    assert len(dataset) == 50
    sample, label = dataset[3]
    assert sample.tolist() == [12, 14]
    assert label.item() == 106
    rows, labels = dataset[np.array([0, 0, 1])]
    assert labels.tolist() == [100, 100, 102]
    rows.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy()[:3], [[2, 2], [1, 1], [0, 0]])


@given(number=st.integers(0, 40), parts=st.lists(st.integers(0, 40), min_size=1, max_size=4))
def test_random_split_by_numbers(number: int, parts: list[int]) -> None:
    parts = [part * number // (sum(parts) or 1) for part in parts]
    parts[0] += number - sum(parts)
    split = random_split(Squares(number), parts, tg.Generator().manual_seed(3))
    assert [len(part) for part in split] == parts
    assert sorted(sample for part in split for sample, _ in part_samples(part)) == list(range(number))
    again = random_split(Squares(number), parts, tg.Generator().manual_seed(3))
    assert [part.indices.tolist() for part in again] == [part.indices.tolist() for part in split]


def test_random_split_depends_on_the_seed() -> None:
    def first(seed: int) -> list[int]:
        return random_split(range(40), [20, 20], tg.Generator().manual_seed(seed))[0].indices.tolist()

    assert first(0) == first(0) != first(1)
    assert sorted(first(0)) != first(0)
    assert not set(range(20)) == set(first(0)) == set(first(1))


def part_samples(part: Subset) -> list[Any]:
    """All samples of the part."""
    return [part[i] for i in range(len(part))]


@pytest.mark.parametrize(
    ("number", "fractions", "sizes"),
    [
        (10, [0.5, 0.5], [5, 5]), (10, [0.3, 0.3, 0.4], [3, 3, 4]), (11, [0.5, 0.25, 0.25], [6, 3, 2]),
        (5, [1.0], [5]), (3, [0.1] * 10, [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]), (4, [0.5, 0.5, 0], [2, 2, 0]),
        (100, [0.71, 0.29], [71, 29]), (100, [0.42, 0.58], [42, 58]), (50000, [0.71, 0.29], [35500, 14500]),
        (150, [0.18, 0.82], [27, 123]),
    ],
)  # fmt: skip
def test_random_split_by_fractions(number: int, fractions: list[float], sizes: list[int]) -> None:
    assert [len(part) for part in random_split(range(number), fractions)] == sizes


@given(hundredths=st.integers(0, 100), hundreds=st.integers(1, 1000))
def test_whole_products_of_fractions_are_exact(hundredths: int, hundreds: int) -> None:
    fraction = hundredths / 100
    sizes = [len(part) for part in random_split(range(100 * hundreds), (part for part in (fraction, 1 - fraction)))]
    assert sizes == [hundredths * hundreds, (100 - hundredths) * hundreds]


@pytest.mark.parametrize(
    "once", [iter, lambda entries: (entry for entry in entries), lambda entries: map(list, entries)]
)
def test_what_can_be_gone_through_once_is_refused(once: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"^sampler is a .*write list\(\.\.\.\)"):
        DataLoader(ROWS, sampler=once([0, 1]))
    with pytest.raises(TypeError, match=r"^batch_sampler is a .*write list\(\.\.\.\)"):
        DataLoader(ROWS, batch_sampler=once([[0, 1], [2]]))
    with pytest.raises(TypeError, match=r"^a batch of batch_sampler is a .*write list\(\.\.\.\)"):
        DataLoader(ROWS, batch_sampler=[once([0, 1])])


Pair = namedtuple("Pair", ["x", "y"])


def test_default_collate_keeps_dtypes_and_structures() -> None:
    assert default_collate([1, 2]).tolist() == [1, 2]
    assert default_collate([1, 2]).dtype == np.int64
    assert default_collate([1.5, 2.0]).dtype == np.float32
    assert default_collate([True, False]).dtype == np.bool_
    assert default_collate([np.float64(1.5)] * 2).dtype == np.float64
    assert default_collate([np.zeros(3), np.ones(3)]).tolist() == [[0, 0, 0], [1, 1, 1]]
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    assert default_collate([x, x]).requires_grad
    assert default_collate(["a", "b"]) == ["a", "b"]
    assert [column.tolist() for column in default_collate([(1, [2, 3]), (4, [5, 6])])[1]] == [[2, 5], [3, 6]]
    batch = default_collate([{"x": 1, "y": (2,)}, {"x": 3, "y": (4,)}])
    assert (batch["x"].tolist(), batch["y"][0].tolist()) == ([1, 3], [2, 4])
    assert default_collate([Pair(1, 2), Pair(3, 4)]).y.tolist() == [2, 4]


def test_default_convert_makes_tensors_of_arrays() -> None:
    assert default_convert(np.arange(2)).tolist() == [0, 1]
    assert default_convert(np.float64(2)).dtype == np.float64
    assert [default_convert(one) for one in (3, "a", None, np.str_("b"))] == [3, "a", None, "b"]
    found = default_convert({"x": (np.arange(2), 1), "y": Pair(np.arange(3), "a"), "z": [tg.tensor(1)]})
    assert (found["x"][0].tolist(), found["x"][1], found["y"].x.tolist()) == ([0, 1], 1, [0, 1, 2])
    assert type(found["x"]) is list
    assert isinstance(found["z"][0], tg.Tensor)


def test_collate_functions_get_lists_of_samples() -> None:
    assert list(DataLoader(Squares(5), 2, collate_fn=lambda samples: samples)) == [
        [(0, 0.0), (1, 1.0)], [(2, 4.0), (3, 9.0)], [(4, 16.0)]
    ]  # fmt: skip
    (batch,) = DataLoader(TensorDataset(ROWS[:3]), 3, collate_fn=lambda samples: samples)
    assert [row.tolist() for (row,) in batch] == ROWS[:3].tolist()


def test_worker_and_pinning_options_change_no_batch() -> None:
    batches = DataLoader(ROWS, 3, num_workers=2, pin_memory=True)
    assert [batch.tolist() for batch in batches] == [batch.tolist() for batch in DataLoader(ROWS, 3)]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: TensorDataset(), ValueError, "one or more"),
        (lambda: TensorDataset(ROWS, ROWS[1:]), ValueError, r"\(50, 2\), \(49, 2\)"),
        (lambda: TensorDataset(tg.tensor(1.0)), ValueError, r"\[\(\)\]"),
        (lambda: TensorDataset([1, 2]), TypeError, r"not \[1, 2\]"),  # type: ignore[arg-type]
        (lambda: Subset(ROWS, [0.5]), TypeError, "float"),  # type: ignore[list-item]
        (lambda: Subset(ROWS, [True, False]), TypeError, r"write numpy\.flatnonzero\(mask\)"),
        (lambda: Subset(ROWS, np.array([True, False])), TypeError, "flatnonzero"),
        (lambda: Subset(ROWS, tg.tensor([True, False])), TypeError, r"flatnonzero\(x\.numpy"),
        (lambda: list(DataLoader(ROWS, sampler=[0, True])), TypeError, "flatnonzero"),
        (lambda: list(DataLoader(ROWS, batch_sampler=[[True, False]])), TypeError, "flatnonzero"),
        (lambda: Subset(ROWS, [50]), IndexError, "50 … 50, but the dataset has 50"),
        (lambda: Subset(ROWS, [-51, 3]), IndexError, "-51 … 3"),
        (lambda: Dataset()[0], NotImplementedError, "write one"),
        (lambda: random_split(ROWS, [20, 20]), ValueError, "add up to the 50"),
        (lambda: random_split(ROWS, [60, -10]), ValueError, "≥ 0"),
        (lambda: random_split(ROWS, [0.5, 0.6]), ValueError, "add up to 1"),
        (lambda: random_split(ROWS, [1.5, -0.5]), ValueError, "≥ 0"),
        (lambda: DataLoader(ROWS, 0), ValueError, "batch_size"),
        (lambda: DataLoader(ROWS, 2.5), ValueError, "batch_size"),  # type: ignore[arg-type]
        (lambda: DataLoader(ROWS, None, drop_last=True), ValueError, "with batch_size=None there are none"),
        (lambda: DataLoader(Counting(3), shuffle=True), ValueError, "a stream has its own order"),
        (lambda: DataLoader(Counting(3), sampler=[1]), ValueError, "a stream has its own order"),
        (lambda: DataLoader(Counting(3), batch_sampler=[[1]]), ValueError, "a stream has its own order"),
        (lambda: len(DataLoader(Counting(3))), TypeError, "len"),
        (lambda: list(IterableDataset()), NotImplementedError, "write one"),  # type: ignore[abstract]
        (lambda: list(Sampler()), NotImplementedError, "write one"),
        (lambda: ConcatDataset([]), ValueError, "the list is empty"),
        (lambda: ConcatDataset(3), TypeError, "datasets in a list, not of 3"),  # type: ignore[arg-type]
        (lambda: ConcatDataset([ROWS, Counting(3)]), TypeError, "with a length, not of a Counting"),
        (lambda: ConcatDataset([ROWS])[50], IndexError, "index 50 of a ConcatDataset of 50"),
        (lambda: ConcatDataset([ROWS])[-51], IndexError, "index -51"),
        (lambda: Counting(3) + Squares(2), TypeError, "of streams, .* not of a Squares"),
        (lambda: StackDataset(), ValueError, "is of datasets, as in"),
        (lambda: StackDataset(ROWS, x=ROWS), ValueError, "is of datasets, as in"),
        (lambda: StackDataset(ROWS, ROWS[1:]), ValueError, r"not of lengths \[50, 49\]"),
        (lambda: RandomSampler(ROWS, "no"), TypeError, "replacement is True or False, not 'no'"),
        (lambda: RandomSampler(ROWS, num_samples=0), ValueError, "num_samples is a positive integer, not 0"),
        (lambda: list(RandomSampler([], num_samples=2)), ValueError, "the dataset is empty"),
        (lambda: SubsetRandomSampler([0.5]), TypeError, "float"),
        (lambda: WeightedRandomSampler([1.0], 0), ValueError, "num_samples"),
        (lambda: WeightedRandomSampler([1.0], 1, 3), ValueError, "replacement is True or False, not 3"),
        (lambda: WeightedRandomSampler([-1.0], 1), ValueError, "weights are a list of numbers ≥ 0"),
        (lambda: WeightedRandomSampler([0.0, 0.0], 1), ValueError, "not all of them 0"),
        (lambda: WeightedRandomSampler([[1.0]], 1), ValueError, "weights are a list"),
        (lambda: WeightedRandomSampler([1.0, 0.0], 2, False), ValueError, "as many weights above 0"),
        (lambda: BatchSampler([1], 0, False), ValueError, "batch_size"),
        (lambda: BatchSampler([1], 1, "no"), ValueError, "drop_last is True or False, not 'no'"),
        (lambda: DataLoader(ROWS, shuffle=True, sampler=[1]), ValueError, "not both"),
        (lambda: DataLoader(ROWS, 2, batch_sampler=[[1]]), ValueError, "leave out batch_size"),
        (lambda: DataLoader(ROWS, batch_sampler=[[1]], drop_last=True), ValueError, "drop_last"),
        (lambda: list(DataLoader(ROWS, sampler=[0.5])), TypeError, "float"),  # type: ignore[list-item]
        (lambda: list(DataLoader(ROWS, shuffle=True, generator=3)), TypeError, "generator"),  # type: ignore[arg-type]
        (lambda: list(DataLoader(ROWS, batch_sampler=[["a"]])), TypeError, "str"),  # type: ignore[list-item]
        (lambda: default_collate([object()]), TypeError, "collate_fn"),
        (lambda: default_collate([tg.ones(1), tg.ones(2)]), ValueError, r"shapes \(1,\), \(2,\) .* pass a collate_fn"),
        (lambda: default_collate([np.ones(1), np.ones(2)]), ValueError, r"shapes \(1,\), \(2,\) .* pass a collate_fn"),
        (lambda: default_collate([[1], [1, 2]]), ValueError, "lengths 1, 2 .* pass a collate_fn"),
        (lambda: DataLoader(3), TypeError, "a dataset is .* not 3"),
        (lambda: DataLoader(TensorDataset), TypeError, "not the class TensorDataset"),
        (lambda: DataLoader(ROWS, collate_fn=3), TypeError, "collate_fn is a function"),  # type: ignore[arg-type]
        (lambda: TensorDataset([ROWS]), TypeError, r"as in TensorDataset\(x, y\), not"),  # type: ignore[arg-type]
        (lambda: random_split(ROWS, 3), TypeError, r"such as \[0.8, 0.2\], not 3"),  # type: ignore[arg-type]
        (lambda: Subset(ROWS, 3), TypeError, r"write Subset\(dataset, range\(n\)\)"),  # type: ignore[arg-type]
    ],
)
def test_bad_arguments_are_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
