"""docs/pytorch.md is true: what it lists exists or not, as it says, and what it does not list is as in PyTorch."""

import importlib
import inspect
import pkgutil
import re
import types
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

import tinygrad_mlp
from tinygrad_mlp.names import function_names

DOCUMENT = (Path(tinygrad_mlp.__file__).parent / "pytorch.md").read_text(encoding="utf-8")

MODULES = [
    "torch", "torch.func", "torch.linalg", "torch.jit", "torch.accelerator", "torch.cuda", "torch.mps", "torch.xpu",
    "torch.backends", "torch.backends.cuda", "torch.special", "torch.nn", "torch.nn.functional", "torch.nn.init",
    "torch.nn.utils", "torch.optim", "torch.optim.lr_scheduler", "torch.optim.swa_utils", "torch.utils",
    "torch.utils.data", "torch.autograd", "torch.autograd.functional", "torch.distributions",
    "torch.distributions.constraints", "torch.distributions.transforms",
]  # fmt: skip
CLASSES = [
    "torch.Tensor", "torch.nn.Module", "torch.optim.Optimizer", "torch.optim.lr_scheduler.LRScheduler",
    "torch.Generator",
]  # fmt: skip


def quoted(cell: str) -> list[str]:
    """The words between backticks in a cell of a table."""
    return re.findall(r"`([^`]+)`", cell)


def cells(line: str) -> list[str]:
    """The cells of a row of a table."""
    return [cell.strip() for cell in line.strip("|").split("|")]


def listed() -> list[tuple[str, str, str]]:
    """Each (place, name, status) that docs/pytorch.md lists."""
    found = []
    for section in DOCUMENT.split("\n## ")[1:]:
        title, *lines = section.splitlines()
        rows = [cells(line) for line in lines if line.startswith("|")][2:]
        if title == "Ours alone":
            found += [(quoted(place)[0], name, "ours") for place, names in rows for name in quoted(names)]
        elif rows:
            (place,) = quoted(title)
            for names, status, note in rows:
                assert status in {"differs", "left out"}
                assert note, f"{names} in {place} does not say how or why"
                found += [(place, name, status) for name in quoted(names)]
    return found


LISTED = listed()


def object_at(framework: Any, place: str) -> Any:
    """The module `place`, or an instance of the class `place`, which also has the attributes set by __init__."""
    optimizer = framework.optim.SGD([framework.ones(1, requires_grad=True)], lr=0.1)
    instances = {
        "torch.Tensor": framework.ones(1, 1),
        "torch.nn.Module": framework.nn.Identity(),
        "torch.Generator": framework.Generator(),
        "torch.optim.Optimizer": optimizer,
        "torch.optim.lr_scheduler.LRScheduler": framework.optim.lr_scheduler.StepLR(optimizer, 1),
    }
    return instances[place] if place in instances else reduce(getattr, place.split(".")[1:], framework)


def names_in(framework: Any, place: str) -> set[str]:
    """The public names that `framework`, this package or PyTorch, has at `place`."""
    return {name for name in dir(object_at(framework, place)) if name[0] != "_"}


def offered(place: str) -> set[str]:
    """The names that this package offers at `place`: of a module, those of its ``__all__`` and of the tables."""
    if place in CLASSES:
        return names_in(tinygrad_mlp, place)
    return {*object_at(tinygrad_mlp, place).__all__, *(function_names() if place == "torch" else ())}


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
    assert names(place, "differs", "ours") - names_in(tinygrad_mlp, place) == set()


@pytest.mark.parametrize("place", MODULES + CLASSES)
def test_names_listed_as_left_out_do_not_exist(place):
    held = object_at(tinygrad_mlp, place)
    assert [name for name in sorted(names(place, "left out")) if hasattr(held, name)] == []
    assert names(place, "left out") & set(dir(held)) == set()


@pytest.mark.parametrize("place", MODULES + CLASSES)
def test_every_name_here_is_one_of_pytorchs_or_is_listed_as_ours_alone(place):
    torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")
    ours = {"torch.Tensor", "torch.nn.Module", *MODULES}  # other classes have attributes that are no promise
    assert place not in ours or offered(place) - names_in(torch, place) - names(place, "ours") == set()


# Packages of their own, which scripts import beside PyTorch.
BESIDE = {"torchvision", "torchaudio", "torchtext", "torchmetrics", "lightning"}


def public_in_pytorch(torch: Any, place: str) -> set[str]:
    """The public names of PyTorch's at `place`, with the modules of a package, also of those that cannot be imported.

    A module says in ``__all__`` what is public. Of one that does not, it is what PyTorch itself has defined.
    """
    if place in CLASSES:
        return names_in(torch, place)
    module = importlib.import_module(place)
    public = set(getattr(module, "__all__", ()))
    for name, value in vars(module).items():
        if isinstance(value, types.ModuleType):
            public |= {name} if value.__name__ == f"{place}.{name}" else set()
        elif not hasattr(module, "__all__") and (getattr(value, "__module__", "") or "torch").startswith("torch"):
            public.add(name)
    public |= {found.name for found in pkgutil.iter_modules(getattr(module, "__path__", ()))}
    return {name for name in public if name[0] != "_" and name != "TYPE_CHECKING"}


@pytest.mark.parametrize("place", MODULES + CLASSES)
def test_pytorch_has_the_names_listed_as_its_own(place):
    torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")
    theirs = names_in(torch, place) | public_in_pytorch(torch, place)
    assert names(place, "differs", "left out") - theirs - BESIDE == set()
    assert names(place, "ours") & theirs == set()


@pytest.mark.parametrize("place", MODULES + CLASSES)
def test_each_public_name_of_pytorch_is_here_or_listed(place):
    torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")
    here = object_at(tinygrad_mlp, place)  # of which `dir` lists less than it has
    untold = public_in_pytorch(torch, place) - names(place, "left out")
    assert [name for name in sorted(untold) if not hasattr(here, name)] == []


# The arguments that the head of the page names as differing everywhere: all but those that it says are taken.
POINTS = [point for point in DOCUMENT.partition("\n## ")[0].split("\n- ") if not point.startswith("Taken ")]
LEFT_OUT_THROUGHOUT = {*re.findall(r"`(\w+)=?`", "\n".join(POINTS)), "args", "kwargs"}


def arguments(function: Any) -> list[tuple[str, Any]] | None:
    """The names and defaults of the arguments, without those left out everywhere; None if Python cannot tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # no function, or one written in C
        return None
    if [each.name for each in parameters] == ["args", "kwargs"]:
        return None  # it asks another function, which need not have the same arguments each time
    return [(each.name, each.default) for each in parameters if each.name not in LEFT_OUT_THROUGHOUT]


def same(torch: Any, place: str) -> set[str]:
    """The names at `place` that are here as in PyTorch."""
    return (offered(place) & public_in_pytorch(torch, place)) - names(place, "differs", "ours")


@pytest.mark.parametrize("place", MODULES + CLASSES)
def test_names_that_are_not_listed_have_the_arguments_of_pytorchs(place, record_property):
    torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")
    ours, theirs = (
        {name: arguments(getattr(object_at(framework, place), name)) for name in same(torch, place)}
        for framework in (tinygrad_mlp, torch)
    )
    told = [name for name, expected in theirs.items() if expected is not None]
    assert {name: ours[name] for name in told} == {name: theirs[name] for name in told}
    record_property(f"as in PyTorch, at {place}", ", ".join(sorted(ours)))
