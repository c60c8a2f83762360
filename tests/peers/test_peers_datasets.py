"""Datasets, samplers and loaders give the samples and batches that PyTorch's give, or both raise an error."""

import itertools
import warnings
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mlp as tg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing PyTorch gives warnings
    torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")

Pair = namedtuple("Pair", ["x", "y"])


def plain(value: Any) -> Any:
    """`value` with a text of the dtype and the entries in place of each tensor, to compare both libraries."""
    if isinstance(value, tg.Tensor | torch.Tensor):
        return str(value.dtype).removeprefix("torch."), value.tolist()
    if isinstance(value, dict):
        return {name: plain(entry) for name, entry in value.items()}
    if isinstance(value, tuple | list):
        return type(value).__name__, [plain(entry) for entry in value]
    return value


def squares(library: Any, number: int) -> Any:
    class Squares(library.utils.data.Dataset):
        def __getitem__(self, index: Any) -> Any:
            if not 0 <= index < number:
                raise IndexError(index)
            return index, library.tensor([index, index**2])

        def __len__(self) -> int:
            return number

    return Squares()


def stream(library: Any, number: int, known: bool = True) -> Any:
    class Stream(library.utils.data.IterableDataset):
        def __iter__(self) -> Any:
            return iter(range(number))

    class Known(Stream):
        def __len__(self) -> int:
            return number

    return Known() if known else Stream()


def tensors(library: Any, number: int) -> Any:
    rows = library.tensor(np.arange(2.0 * number).reshape(number, 2))
    return library.utils.data.TensorDataset(rows, library.tensor(list(range(number))))


# A dataset of `n` samples, made by library `m`.
DATASETS: dict[str, Callable[[Any, int], Any]] = {
    "Dataset": squares,
    "TensorDataset": tensors,
    "+": lambda m, n: squares(m, n // 2) + squares(m, n - n // 2),
    "ConcatDataset": lambda m, n: m.utils.data.ConcatDataset([tensors(m, n), tensors(m, 0), tensors(m, 2)]),
    "StackDataset": lambda m, n: m.utils.data.StackDataset(tensors(m, n), squares(m, n)),
    "StackDataset with names": lambda m, n: m.utils.data.StackDataset(a=tensors(m, n), b=squares(m, n)),
    "Subset of +": lambda m, n: m.utils.data.Subset(squares(m, n) + squares(m, n), list(range(n - 1, -1, -2))),
    "IterableDataset": stream,
    "ChainDataset": lambda m, n: stream(m, n) + stream(m, 2) + stream(m, 0),
}
# Options of a loader of dataset `d` by library `m`.
OPTIONS: dict[str, Callable[[Any, Any], dict[str, Any]]] = {
    "none": lambda m, d: {},
    "batch_size": lambda m, d: {"batch_size": 3},
    "drop_last": lambda m, d: {"batch_size": 3, "drop_last": True},
    "no batches": lambda m, d: {"batch_size": None},
    "no batches, drop_last": lambda m, d: {"batch_size": None, "drop_last": True},
    "no batches, collate_fn": lambda m, d: {"batch_size": None, "collate_fn": lambda sample: [sample]},
    "sampler": lambda m, d: {"sampler": [1, 0, 2], "batch_size": 2},
    "SequentialSampler": lambda m, d: {"sampler": m.utils.data.SequentialSampler(d), "batch_size": 2},
    "sampler, no batches": lambda m, d: {"sampler": [2, 0], "batch_size": None},
    "sampler, shuffle": lambda m, d: {"sampler": [2, 0], "shuffle": True},
    "batch_sampler": lambda m, d: {"batch_sampler": [[1, 0], [2]]},
    "BatchSampler": lambda m, d: {
        "batch_sampler": m.utils.data.BatchSampler(m.utils.data.SequentialSampler(d), 2, True)
    },
    "batch_sampler, batch_size": lambda m, d: {"batch_sampler": [[1, 0], [2]], "batch_size": 3},
    "collate_fn": lambda m, d: {"batch_size": 2, "collate_fn": lambda samples: len(samples)},
    "batch_size of 0": lambda m, d: {"batch_size": 0},
}


def loaded(library: Any, dataset: str, options: str, number: int) -> Any:
    """The length and the batches of two loops, or the name of an error."""
    try:
        made = DATASETS[dataset](library, number)
        loader = library.utils.data.DataLoader(made, **OPTIONS[options](library, made))
        loops = [[plain(batch) for batch in loader] for _ in range(2)]
        return len(loader), loops
    except (TypeError, ValueError, IndexError, RuntimeError):
        return "error"


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("dataset", DATASETS)
def test_loaders_give_the_same_batches(dataset: str, options: str) -> None:
    for number in (0, 1, 3, 7):
        assert loaded(tg, dataset, options, number) == loaded(torch, dataset, options, number), number


@pytest.mark.parametrize("dataset", [name for name in DATASETS if name not in {"IterableDataset", "ChainDataset"}])
def test_samples_agree(dataset: str) -> None:
    def found(library: Any, index: int) -> Any:
        made = DATASETS[dataset](library, 5)
        try:
            return len(made), plain(made[index])
        except (IndexError, ValueError):
            return "error"

    for index in range(-9, 9):
        assert found(tg, index) == found(torch, index), index


@given(
    number=st.integers(1, 8),
    count=st.one_of(st.none(), st.integers(0, 20)),
    size=st.integers(0, 5),
    flags=st.tuples(st.booleans(), st.booleans()),
)
def test_samplers_have_the_same_lengths(number: int, count: Any, size: int, flags: tuple[bool, bool]) -> None:
    def lengths(library: Any, kind: str) -> Any:
        data, source = library.utils.data, range(number)
        weights = [0.5, *range(1, number)]
        try:
            sampler = {
                "sequential": lambda: data.SequentialSampler(source),
                "random": lambda: data.RandomSampler(source, flags[0], count),
                "subset": lambda: data.SubsetRandomSampler([3, 5, 7]),
                "weighted": lambda: data.WeightedRandomSampler(weights, count, flags[0]),
            }[kind]()
            batches = data.BatchSampler(sampler, size, flags[1])
            sizes = [len(batch) for batch in batches]
            return len(sampler), len(list(sampler)), len(batches), sizes
        except (TypeError, ValueError, RuntimeError):
            return "error"

    for kind in ("sequential", "random", "subset", "weighted"):
        assert lengths(tg, kind) == lengths(torch, kind), kind


@pytest.mark.parametrize(
    "value",
    [
        3, 2.5, "a", None, np.arange(3), np.float32(2), np.array("a"), [np.arange(2), 1], (np.arange(2), "b"),
        {"x": np.arange(2.0), "y": [(1, np.int64(2))]}, Pair(np.arange(2), 3), np.str_("c"), [],
    ],
    ids=repr,
)  # fmt: skip
def test_converted_samples_agree(value: Any) -> None:
    ours, theirs = (library.utils.data.default_convert(value) for library in (tg, torch))
    assert plain(ours) == plain(theirs)


def test_the_files_have_the_names_that_scripts_import() -> None:
    for file, names in {
        "dataloader": ["DataLoader", "default_collate", "default_convert", "get_worker_info"],
        "dataset": torch.utils.data.dataset.__all__,
        "sampler": torch.utils.data.sampler.__all__,
    }.items():
        for name, library in itertools.product(names, (tg, torch)):
            assert getattr(getattr(library.utils.data, file), name) is getattr(library.utils.data, name)
