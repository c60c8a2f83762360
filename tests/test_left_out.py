"""A name of PyTorch's that is left out raises an error that says why and what to write instead, from pytorch.md."""

import copy
import importlib.util
import inspect
import pickle
import pkgutil
import pydoc
import re
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_pytorch_names import CLASSES, LISTED, MODULES, object_at
from test_shelf import PYPROJECT

import tinygrad_mlp as tg
from tinygrad_mlp import _left_out

LEFT_OUT = [(place, name) for place, name, status in LISTED if status == "left out"]
IN_MODULES = [(place, name) for place, name in LEFT_OUT if place in MODULES]


def words(place: str, name: str) -> str:
    """How the error for `name` begins and ends."""
    return f"{place.replace('torch', 'tinygrad_mlp', 1)}.{name} is left out: {_left_out.left_out(place)[name]}"


def shown(error: BaseException) -> str:
    """What Python prints of an error, with the names that it suggests."""
    return "".join(traceback.format_exception(error)).splitlines()[-1]


def raised(kind: type[BaseException], call: Callable[[], Any]) -> str:
    """The message that `call` raises, and what Python prints of it, which must be the same."""
    with pytest.raises(kind) as caught:
        call()
    printed = shown(caught.value)
    assert printed == f"{kind.__name__}: {caught.value}"
    return str(caught.value)


def test_the_table_is_read_as_it_is_written() -> None:
    assert len(LEFT_OUT) > 1000
    assert sorted(LEFT_OUT) == sorted((at, name) for at in MODULES + CLASSES for name in _left_out.left_out(at))
    assert all(len(_left_out.left_out(place)[name]) > 3 for place, name in LEFT_OUT)


@pytest.mark.parametrize("place", MODULES + CLASSES)
def test_each_name_that_is_left_out_says_why(place: str) -> None:
    held = object_at(tg, place)
    for name in _left_out.left_out(place):
        assert raised(AttributeError, lambda name=name: getattr(held, name)) == words(place, name)  # type: ignore[misc]
        assert not hasattr(held, name)
        assert getattr(held, name, 3) == 3


@pytest.mark.parametrize("place", CLASSES)
def test_the_class_itself_says_why(place: str) -> None:
    kind = type(object_at(tg, place))
    for name in _left_out.left_out(place):
        assert raised(AttributeError, lambda name=name: getattr(kind, name)) == words(place, name)  # type: ignore[misc]


@pytest.mark.parametrize("place", MODULES)
def test_imports_of_names_say_why(place: str) -> None:
    module = place.replace("torch", "tinygrad_mlp", 1)
    for name in _left_out.left_out(place):
        for line in (
            f"from {module} import {name}",
            f"import {module}.{name}",
            f"from {module}.{name} import it",
        ):
            assert raised(ImportError, lambda line=line: exec(line)) == words(place, name)  # type: ignore[misc]


@pytest.mark.parametrize(("line", "name"), [
    ("import tinygrad_mlp.fft.helper", "fft"),
    ("from tinygrad_mlp.torchvision import transforms", "torchvision"),
])  # fmt: skip
def test_what_lies_within_a_module_that_is_left_out_says_why(line: str, name: str) -> None:
    assert raised(ImportError, lambda: exec(line)) == words("torch", name)


@pytest.mark.parametrize(("line", "message"), [
    ("from tinygrad_mlp.nn import Linaer", "cannot import name 'Linaer'"),
    ("from tinygrad_mlp.nn.functional import reluu", "cannot import name 'reluu'"),
    ("import tinygrad_mlp.nothing", "No module named 'tinygrad_mlp.nothing'"),
    ("import tinygrad_mlp.nn.functional.nothing", "No module named 'tinygrad_mlp.nn.functional.nothing'"),
    ("import nothing.nn", "No module named 'nothing'"),
])  # fmt: skip
def test_other_imports_that_fail_have_pythons_words(line: str, message: str) -> None:
    with pytest.raises(ImportError, match=message):
        exec(line)


MISSPELT = [
    (lambda: tg.zeross, "module 'tinygrad_mlp' has no attribute 'zeross'", "zeros"),  # type: ignore[attr-defined]
    (lambda: tg.nn.Linaer, "module 'tinygrad_mlp.nn' has no attribute 'Linaer'", "Linear"),  # type: ignore[attr-defined]
    (lambda: tg.nn.functional.reluu, "module 'tinygrad_mlp.nn.functional' has", "relu"),  # type: ignore[attr-defined]
    (lambda: tg.ones(1).summ, "'Tensor' object has no attribute 'summ'", "sum"),  # type: ignore[attr-defined]
    (lambda: tg.nn.Linear(1, 1).wieght, "'Linear' object has no attribute 'wieght'", "weight"),  # type: ignore[attr-defined]
    (lambda: tg.nn.Sequential().forwrad, "'Sequential' object has no attribute 'forwrad'", "forward"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message", "meant"), MISSPELT, ids=[row[2] for row in MISSPELT])
def test_python_suggests_the_name_that_is_meant_by_a_misspelt_one(
    call: Callable[[], Any], message: str, meant: str
) -> None:
    with pytest.raises(AttributeError, match=re.escape(message)) as caught:
        call()
    assert caught.value.name is not None
    assert caught.value.obj is not None  # of which Python tries the names, where it prints an error that ends a program
    if shown(caught.value) != f"AttributeError: {caught.value}":
        assert shown(caught.value).endswith(f"Did you mean: '{meant}'?")


def test_a_name_that_is_left_out_may_be_used_for_something_else() -> None:
    class Net(tg.nn.Module):
        def __init__(self) -> None:
            self.type = "dense"
            self.half = tg.nn.Linear(2, 1)

        def compile(self) -> str:
            return "compiled"

        def register_backward_hook(self) -> Any:
            return super().register_backward_hook()  # type: ignore[misc]

        @property
        def device(self) -> Any:
            return self.hlaf

    net = Net()
    assert (net.type, net.compile(), len(list(net.parameters()))) == ("dense", "compiled", 2)
    assert {"type", "half", "compile", "register_backward_hook"} <= set(dir(net))
    assert "ipu" not in dir(net)
    with pytest.raises(AttributeError, match=r"Module\.register_backward_hook is left out"):
        net.register_backward_hook()
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'hlaf'"):
        net.device  # noqa: B018
    named = tg.nn.ModuleDict({"xpu": tg.nn.Tanh()})
    assert type(named.xpu) is tg.nn.Tanh


def test_pythons_own_questions_are_answered_as_before() -> None:
    x, net = tg.tensor([1.0, 2.0]), tg.nn.Linear(2, 1)
    for thing in (x, net):
        for made in (copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))):
            assert type(made) is type(thing)
        assert {"stft", "xpu"}.isdisjoint(dir(thing))
    assert "stft" not in dir(tg.Tensor)
    assert {"stft", "istft"}.isdisjoint(name for name, _ in inspect.getmembers(tg.Tensor))
    assert "stft" not in pydoc.plain(pydoc.render_doc(tg.Tensor))
    np.testing.assert_array_equal(np.asarray(x), [1, 2])
    assert [module.name for module in pkgutil.iter_modules(tg.nn.functional.__path__)] == []  # type: ignore[attr-defined]
    assert importlib.util.find_spec("tinygrad_mlp.nothing") is None
    for name in ("", "_private", "__wrapped__"):
        assert not hasattr(tg, name)
        assert not hasattr(tg.nn, name)


def test_without_the_page_errors_have_pythons_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where somebody packs the modules of a program into one file, without the data."""

    def without_data(*_: Any) -> bytes:
        raise FileNotFoundError

    monkeypatch.setattr(pkgutil, "get_data", without_data)
    caches = (_left_out._page, _left_out.left_out)
    for cache in caches:
        cache.cache_clear()
    try:
        with pytest.raises(AttributeError, match="module 'tinygrad_mlp' has no attribute 'half'"):
            tg.half  # type: ignore[attr-defined]  # noqa: B018
    finally:
        for cache in caches:
            cache.cache_clear()


def test_the_page_is_found_where_git_has_written_a_path_in_place_of_a_link(monkeypatch: pytest.MonkeyPatch) -> None:
    page, get_data = _left_out._page(), pkgutil.get_data

    def without_links(package: str, resource: str) -> Any:
        return b"../docs/pytorch.md" if resource == "pytorch.md" else get_data(package, resource)

    monkeypatch.setattr(pkgutil, "get_data", without_links)
    assert _left_out._page.__wrapped__() == page


def test_the_page_is_installed_with_the_package() -> None:
    assert "pytorch.md" in PYPROJECT["tool"]["setuptools"]["package-data"]["tinygrad_mlp"]
