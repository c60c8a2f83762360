"""PYTORCH.md is true: the names it lists exist, the names it leaves out do not, and no public name is missing."""

import importlib
import inspect
import re
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

import tinygrad_mlp
from tinygrad_mlp import Tensor

DOCUMENT = (Path(tinygrad_mlp.__file__).parent / "PYTORCH.md").read_text(encoding="utf-8")

MODULES = [
    "torch", "torch.nn", "torch.nn.functional", "torch.nn.init", "torch.nn.utils", "torch.optim",
    "torch.optim.lr_scheduler", "torch.utils.data", "torch.autograd", "torch.autograd.functional",
]  # fmt: skip
CLASSES = [
    "torch.Tensor", "torch.nn.Module", "torch.optim.Optimizer", "torch.optim.lr_scheduler.LRScheduler",
]  # fmt: skip


def quoted(cell: str) -> list[str]:
    """The words between backticks in a cell of a table."""
    return re.findall(r"`([^`]+)`", cell)


def cells(line: str) -> list[str]:
    """The cells of a row of a table."""
    return [cell.strip() for cell in line.strip("|").split("|")]


def listed() -> list[tuple[str, str, str]]:
    """Each (place, name, status) that PYTORCH.md lists."""
    found = []
    for section in DOCUMENT.split("\n## ")[1:]:
        title, *lines = section.splitlines()
        rows = [cells(line) for line in lines if line.startswith("|")][2:]
        if title == "Ours alone":
            found += [(quoted(place)[0], name, "ours") for place, names in rows for name in quoted(names)]
        elif rows:
            (place,) = quoted(title)
            for names, status, note in rows:
                assert status in {"same", "differs", "left out"}
                assert note or status == "same", f"{names} in {place} does not say how or why"
                found += [(place, name, status) for name in quoted(names)]
    return found


LISTED = listed()


def object_at(framework: Any, place: str) -> Any:
    """The module `place`, or an instance of the class `place`, which also has the attributes set by __init__."""
    optimizer = framework.optim.SGD([framework.ones(1, requires_grad=True)], lr=0.1)
    instances = {
        "torch.Tensor": framework.ones(1, 1),
        "torch.nn.Module": framework.nn.Identity(),
        "torch.optim.Optimizer": optimizer,
        "torch.optim.lr_scheduler.LRScheduler": framework.optim.lr_scheduler.StepLR(optimizer, 1),
    }
    return instances[place] if place in instances else reduce(getattr, place.split(".")[1:], framework)


def names_in(framework: Any, place: str) -> set[str]:
    """The public names that `framework`, this package or PyTorch, has at `place`."""
    return {name for name in dir(object_at(framework, place)) if name[0] != "_"}


def names(place: str, *statuses: str) -> set[str]:
    """The names listed at `place` with one of these statuses."""
    return {name for at, name, status in LISTED if at == place and status in statuses}


def test_every_place_of_the_document_is_checked():
    assert {place for place, _, _ in LISTED} == {*MODULES, *CLASSES}


def test_no_name_is_listed_twice():
    seen = [(place, name) for place, name, _ in LISTED]
    assert sorted({entry for entry in seen if seen.count(entry) > 1}) == []


@pytest.mark.parametrize("place", MODULES + CLASSES)
def test_listed_names_exist(place):
    assert names(place, "same", "differs", "ours") - names_in(tinygrad_mlp, place) == set()


@pytest.mark.parametrize("place", MODULES + CLASSES)
def test_names_listed_as_left_out_do_not_exist(place):
    assert names(place, "left out") & names_in(tinygrad_mlp, place) == set()


@pytest.mark.parametrize("place", MODULES)
def test_every_public_name_of_a_module_is_listed(place):
    public = set(object_at(tinygrad_mlp, place).__all__)
    assert public - names(place, "same", "differs", "ours") == set()


@pytest.mark.parametrize("place", ["torch.Tensor", "torch.nn.Module"])
def test_every_public_method_is_listed(place):
    assert names_in(tinygrad_mlp, place) - names(place, "same", "differs", "ours") == set()


def test_every_method_that_is_also_a_function_is_listed():
    made = {name: getattr(value, "__wrapped__", None) for name, value in vars(tinygrad_mlp).items()}
    functions = {name for name, method in made.items() if method and method is getattr(Tensor, name, None)}
    assert functions
    assert functions - names("torch", "same", "differs") == set()


@pytest.mark.parametrize("place", MODULES + CLASSES)
def test_pytorch_has_the_names_listed_as_its_own(place):
    torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")
    for module in MODULES:
        importlib.import_module(module)
    held = object_at(torch, place)
    absent = {name for name in names(place, "same", "differs", "left out") if not hasattr(held, name)}
    assert absent == set()
    assert names(place, "ours") & names_in(torch, place) == set()


LEFT_OUT_THROUGHOUT = {*re.findall(r"`(\w+)=?`", DOCUMENT.partition("\n## ")[0]), "args", "kwargs"}


def arguments(function: Any) -> list[tuple[str, Any]] | None:
    """The names and defaults of the arguments, without those left out everywhere; None if Python cannot tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # no function, or one written in C
        return None
    return [(each.name, each.default) for each in parameters if each.name not in LEFT_OUT_THROUGHOUT]


@pytest.mark.parametrize("place", MODULES + CLASSES)
def test_names_listed_as_the_same_have_the_same_arguments(place):
    torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")
    ours, theirs = (
        {name: arguments(getattr(object_at(framework, place), name)) for name in names(place, "same")}
        for framework in (tinygrad_mlp, torch)
    )
    told = [name for name, expected in theirs.items() if expected is not None]
    assert {name: ours[name] for name in told} == {name: theirs[name] for name in told}
