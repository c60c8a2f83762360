"""Each row of the tables of names is a method and a function with a docstring, which mypy and editors read in stubs."""

import ast
import builtins
import importlib
import inspect
import pickle
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest
from stubs import stubs

import tinygrad_mlp as tg
from tinygrad_mlp.names import function_names
from tinygrad_mlp.names.table import load, row
from tinygrad_mlp.tensors.named import Named

load()
METHODS = {name: value for name, value in vars(Named).items() if inspect.isfunction(value)}


def test_the_stubs_are_those_of_the_tables() -> None:
    """If this fails, run ``python tests/names/stubs.py``, and then ``ruff format``."""
    for path, text in stubs():
        assert ast.dump(ast.parse(path.read_text("utf-8"))) == ast.dump(ast.parse(text)), path


def test_each_name_has_a_sentence_and_takes_a_tensor() -> None:
    for name, method in METHODS.items():
        assert (method.__doc__ or "").rstrip().endswith((".", ")")), name
        assert next(iter(inspect.signature(method).parameters)) in ("input", "self"), name
    for name in function_names():
        assert getattr(tg, name).__doc__, name
        assert name in dir(tg)


def test_a_row_makes_a_method_and_a_function() -> None:
    x = tg.tensor([1.0, 4.0])
    assert x.rsqrt().tolist() == tg.rsqrt(x).tolist() == tg.rsqrt(np.array([1.0, 4.0])).tolist() == [1, 0.5]
    assert tg.lerp([1.0], end=3, weight=0.5).tolist() == [2]
    assert not hasattr(tg, "view_as")
    assert tg.Tensor.rsqrt.__qualname__ == "Tensor.rsqrt"
    assert tg.rsqrt.__name__ == "rsqrt"


def test_a_row_of_a_name_that_exists_is_refused() -> None:
    with pytest.raises(ValueError, match="exp is there already"):
        row("exp", lambda input: input, "x.")


X = tg.ones(1)
# What an annotation excludes, and what it takes.
WRONG: dict[str, list[Any]] = {
    "int": [0.5, "no", True, None, np.True_, X],
    "int | None": [0.5, "no", True],
    "bool": [0.5, "no", 1, None, np.True_],
    "bool | None": [0.5, "no", 1],
    "Dim": [0.5, "no", True, [0.5], (True,)],
    "int | Sequence[int]": [0.5, "no", True, None, [0.5]],
    "Sequence[int]": [0.5, "no", 1, None, [0.5]],
    "Sequence[Tensor]": [0.5, None, X],
}
NEEDED: dict[str, Any] = {
    "int": 1, "bool": True, "int | None": 1, "Dim": 0, "int | Sequence[int]": 1, "Sequence[int]": [1],
    "Sequence[Tensor]": [X],
}  # fmt: skip
MODULES = [tg.linalg, tg.special, tg.nn.functional]
FUNCTIONS = {name: getattr(tg, name) for name in sorted(function_names())} | {
    f"{module.__name__} {name}": getattr(module, name) for module in MODULES for name in module.__all__
}


@pytest.mark.parametrize("name", [name for name, each in FUNCTIONS.items() if inspect.isfunction(each)])
def test_integers_flags_and_dims_are_those_that_annotations_say(name: str) -> None:
    parameters = inspect.signature(FUNCTIONS[name]).parameters.values()
    named = [each for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    needed = {each.name: NEEDED.get(each.annotation, X) for each in named if each.default is each.empty}
    if "self" in needed:  # which a function calls input
        needed["input"] = needed.pop("self")
    for parameter in named:
        for wrong in WRONG.get(parameter.annotation, []):
            with pytest.raises(TypeError, match=rf"\(\) takes .* as {parameter.name}=, not "):
                FUNCTIONS[name](**needed | {parameter.name: wrong})


def test_integers_of_numpy_and_of_tensors_are_taken() -> None:
    x = tg.arange(6).reshape(2, 3)
    assert x.sum(np.int64(1), True).tolist() == [[3], [12]]
    assert x.sum([np.int8(0), tg.tensor(1)]).item() == 15
    assert x.topk(tg.tensor(1)).values.tolist() == [[2], [5]]


def test_dir_of_a_module_lists_what_it_offers() -> None:
    for module in MODULES:
        assert {name for name in dir(module) if not name.startswith("_")} == set(module.__all__)


def test_an_import_of_everything_has_the_tables_without_pythons_own_names() -> None:
    namespace: dict[str, Any] = {}
    exec("from tinygrad_mlp import *", namespace)
    assert function_names() - namespace.keys() == function_names() & vars(builtins).keys()
    assert "sum" not in namespace


def test_every_name_of_the_tables_is_tested() -> None:
    """The tests beside this file have tables CALLS and ANSWERS. A second name is tested with the first."""
    tested = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        module = importlib.import_module(path.stem)
        for rows in (getattr(module, "CALLS", []), getattr(module, "ANSWERS", [])):
            tested |= {name.removeprefix("function ") for name, *_ in rows}
    assert tested
    functions = {name: getattr(tg, name) for name in function_names() if not hasattr(tg.Tensor, name)}
    offered = METHODS | functions
    known = {inspect.unwrap(offered[name]) for name in tested & offered.keys()}
    assert sorted(name for name, function in offered.items() if inspect.unwrap(function) not in known) == []
    assert sorted(tested - offered.keys()) == []


@pytest.mark.parametrize("place", [tg, tg.linalg, tg.special, tg.nn.functional, tg.nn.init], ids=lambda m: m.__name__)
def test_functions_can_be_pickled(place: Any) -> None:
    """As those of PyTorch can, so that a module may hold one as its activation."""
    names = {*place.__all__, *(function_names() if place is tg else ())}
    held = [getattr(place, name) for name in sorted(names) if isinstance(getattr(place, name), FunctionType)]
    assert len(held) > 10
    for function in held:
        assert pickle.loads(pickle.dumps(function)) is function
