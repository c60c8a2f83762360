"""The example of each docstring runs when it is pasted into a new interpreter: it imports what it uses."""

import doctest
import importlib
import pkgutil

import pytest

import tinygrad_mlp

MODULES = [module.name for module in pkgutil.walk_packages(tinygrad_mlp.__path__, "tinygrad_mlp.")]
EXAMPLES = [
    example
    for name in MODULES
    for example in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name))
    if example.examples
]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 25
    assert len({example.name for example in EXAMPLES}) == len(EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name.removeprefix("tinygrad_mlp."))
def test_an_example_runs_when_it_is_pasted(example: doctest.DocTest) -> None:
    example.globs = {"__name__": "__main__"}  # not the globals of the module, which a reader does not have
    told: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, out=told.append)
    assert not failed, "".join(told)
