"""PYTORCH.md is true: what it lists is there, what it leaves out is not, and nothing public is missing from it."""

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
    return re.findall(r"`([^`]+)`", cell)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def listed() -> list[tuple[str, str, str]]:
    """Each (place, name, status) of the document."""
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


def holder(framework: Any, place: str) -> Any:
    """What holds the names of `place`: a module, or, of a class, an instance, which has its attributes, too."""
    optimizer = framework.optim.SGD([framework.ones(1, requires_grad=True)], lr=0.1)
    instances = {
        "torch.Tensor": framework.ones(1, 1),
        "torch.nn.Module": framework.nn.Identity(),
        "torch.optim.Optimizer": optimizer,
        "torch.optim.lr_scheduler.LRScheduler": framework.optim.lr_scheduler.StepLR(optimizer, 1),
    }
    return instances[place] if place in instances else reduce(getattr, place.split(".")[1:], framework)


def there(framework: Any, place: str) -> set[str]:
    """The names that `framework`, this package or PyTorch, has at `place`."""
    return {name for name in dir(holder(framework, place)) if name[0] != "_"}


def names(place: str, *statuses: str) -> set[str]:
    return {name for at, name, status in LISTED if at == place and status in statuses}


def test_the_places_are_those_that_are_checked():
    assert {place for place, _, _ in LISTED} == {*MODULES, *CLASSES}


def test_no_name_is_listed_twice():
    seen = [(place, name) for place, name, _ in LISTED]
    assert sorted({entry for entry in seen if seen.count(entry) > 1}) == []


@pytest.mark.parametrize("place", MODULES + CLASSES)
def test_what_is_listed_is_there(place):
    assert names(place, "same", "differs", "ours") - there(tinygrad_mlp, place) == set()


@pytest.mark.parametrize("place", MODULES + CLASSES)
def test_what_is_left_out_is_not_there(place):
    assert names(place, "left out") & there(tinygrad_mlp, place) == set()


@pytest.mark.parametrize("place", MODULES)
def test_every_public_name_of_a_module_is_listed(place):
    public = set(holder(tinygrad_mlp, place).__all__)
    assert public - names(place, "same", "differs", "ours") == set()


@pytest.mark.parametrize("place", ["torch.Tensor", "torch.nn.Module"])
def test_every_public_method_is_listed(place):
    assert there(tinygrad_mlp, place) - names(place, "same", "differs", "ours") == set()


def test_every_method_that_is_also_a_function_is_listed():
    functions = {name for name, value in vars(tinygrad_mlp).items() if value is getattr(Tensor, name, None)}
    assert functions
    assert functions - names("torch", "same", "differs") == set()


@pytest.mark.parametrize("place", MODULES + CLASSES)
def test_pytorch_has_what_is_said_to_be_its_own(place):
    torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")
    for module in MODULES:
        importlib.import_module(module)
    held = holder(torch, place)
    absent = {name for name in names(place, "same", "differs", "left out") if not hasattr(held, name)}
    assert absent == set()
    assert names(place, "ours") & there(torch, place) == set()


LEFT_OUT_THROUGHOUT = {*re.findall(r"`(\w+)=?`", DOCUMENT.partition("\n## ")[0]), "args", "kwargs"}


def arguments(function: Any) -> list[tuple[str, Any]] | None:
    """The names and the defaults of what is not left out throughout; None where Python cannot tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # no function, or one written in C
        return None
    return [(each.name, each.default) for each in parameters if each.name not in LEFT_OUT_THROUGHOUT]


@pytest.mark.parametrize("place", MODULES + CLASSES)
def test_what_is_the_same_has_the_same_arguments(place):
    torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")
    ours, theirs = (
        {name: arguments(getattr(holder(framework, place), name)) for name in names(place, "same")}
        for framework in (tinygrad_mlp, torch)
    )
    told = [name for name, expected in theirs.items() if expected is not None]
    assert {name: ours[name] for name in told} == {name: theirs[name] for name in told}
