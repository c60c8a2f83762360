"""The shape of the package: which layer may import which, what an import loads, and that no check is an assertion."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import tinygrad_mlp

PACKAGE = Path(tinygrad_mlp.__file__).parent
PROJECT = Path(__file__).parents[1]

# From the ground up: a module imports only from layers below its own, or from its own folder.
LAYERS = [
    "_optional",
    "core",
    "tensors",
    "autograd",
    "files",
    "nn",
    "optim",
    "derivation",
    "_tape",
    "_replay",
    "_capture",
    "utils",
    "datasets",
    "training",
    "experiment",
    "",
]

FILES = {path.relative_to(PACKAGE): ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def module_of(file: Path) -> str:
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file) for file in FILES}


def layer(module: str) -> int:
    """The height of the most specific layer that `module` belongs to."""
    fitting = [name for name in LAYERS if name and (module == name or module.startswith(name + "."))]
    if module == "":
        return LAYERS.index("")
    assert fitting, f"{module} belongs to no layer: say in LAYERS where it stands"
    return LAYERS.index(max(fitting, key=len))


def imported(file: Path, tree: ast.AST) -> Iterator[str]:
    """The modules of this package that `file` imports, at its head or inside a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = file.parent.parts[: len(file.parent.parts) - node.level + 1]
            for name in node.names:
                inner = ".".join([*base, *(node.module or "").split("."), name.name]).replace("..", ".").strip(".")
                yield inner if inner in MODULES else inner.rpartition(".")[0]
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
            assert not any(name.startswith("tinygrad_mlp") for name in names), f"{file} imports its own package by name"


@pytest.mark.parametrize("file", FILES, ids=str)
def test_imports_point_downwards(file: Path) -> None:
    own = module_of(file)
    for module in imported(file, FILES[file]):
        neighbours = layer(module) == layer(own) and own.partition(".")[0] == module.partition(".")[0]
        assert layer(module) < layer(own) or neighbours, f"{own or 'the package'} must not import {module}"


def test_every_layer_exists() -> None:
    assert [name for name in LAYERS if name not in MODULES] == []


# The order in which the files of the core can be read from the ground up: each imports from those before it alone.
CORE = ["blas", "functions", "derived", "sheet", "lines", "mode", "tape", "guard", "record", "walk"]


def test_the_core_can_be_read_in_one_order() -> None:
    assert {f"core.{name}" for name in CORE} | {"core"} == {name for name in MODULES if name.startswith("core")}
    for position, name in enumerate(CORE):
        file = Path("core", f"{name}.py")
        later = {f"core.{other}" for other in CORE[position:]} & set(imported(file, FILES[file]))
        assert not later, f"core/{name}.py imports {later}"


def lines_of(*files: Path) -> int:
    return sum(len((PACKAGE / file).read_text("utf-8").splitlines()) for file in files)


def test_the_core_is_read_in_an_evening() -> None:
    core = [file for file in FILES if file.parent == Path("core")]
    assert lines_of(*core) <= 1600
    assert lines_of(*core, Path("tensors/tensor.py")) <= 2000


def test_bytecode_is_read_in_one_place_alone() -> None:
    reading = [
        file
        for file, tree in FILES.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and "dis" in [alias.name for alias in node.names])
        or (isinstance(node, ast.ImportFrom) and node.module == "dis")
    ]
    assert reading == [Path("_capture.py")]


RECORDING = {Path("_capture.py"), Path("_replay.py"), Path("_tape.py"), Path("core/tape.py")}


def test_few_files_know_of_captured_steps() -> None:
    """The others say what they do: that it changes state, draws, or leaves the graph."""
    words = re.compile(r"(?<!\.)\b(tapes?|captur(e|es|ed|ing))\b", re.IGNORECASE)  # not: from .tape import
    knowing = {file for file in FILES if words.search((PACKAGE / file).read_text("utf-8"))}
    assert sorted(knowing - RECORDING) == [Path("__init__.py"), Path("experiment/neural_network.py")]


CHEAP = {"numpy", "scipy.special", "scipy.linalg"}


@pytest.mark.parametrize("file", FILES, ids=str)
def test_what_is_heavy_is_imported_where_it_is_used(file: Path) -> None:
    at_the_head = [node for node in FILES[file].body if isinstance(node, ast.Import | ast.ImportFrom)]
    for node in at_the_head:
        names = [name.name for name in node.names]
        if isinstance(node, ast.ImportFrom):
            names = [] if node.level else [str(node.module)]
        for name in names:
            cheap = any(name == module or name.startswith(module + ".") for module in CHEAP)
            assert cheap or name.partition(".")[0] in sys.stdlib_module_names, f"{file} imports {name} at its head"


def python(code: str, *flags: str) -> str:
    """What a new interpreter prints."""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    answer = subprocess.run([sys.executable, *flags, "-c", code], env=environment, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def loaded_by(*modules: str) -> set[str]:
    return set(python(f"import sys, {', '.join(modules)}; print(*sys.modules)", "-W", "error").split())


def test_the_import_loads_nothing_heavy() -> None:
    heavy = {"matplotlib", "tqdm", "pooch", "scipy.optimize", "scipy.ndimage", "scipy.io", "scipy.sparse"}
    heavy.add("tinygrad_mlp.derivation.derive")
    heavy -= loaded_by(*CHEAP)  # older versions of scipy.linalg load scipy.sparse
    assert sorted(heavy & loaded_by("tinygrad_mlp")) == []


def test_no_check_is_an_assertion_and_no_exception_is_caught_unseen() -> None:
    for file, tree in FILES.items():
        for node in ast.walk(tree):
            where = f"{file}:{getattr(node, 'lineno', 0)}"
            assert not isinstance(node, ast.Assert), f"{where} asserts, which python -O leaves out: raise an error"
            if isinstance(node, ast.ExceptHandler):
                assert node.type is not None, f"{where} catches everything: name the errors that are meant"


MISTAKES = """
import numpy as np, tinygrad_mlp as tg
from tinygrad_mlp import nn, optim
x = tg.tensor([1.0, 2.0], requires_grad=True)
loss = (x * x).sum()
loss.backward()
changed = (x * x).sum()
with tg.no_grad():
    x.add_(1)
for mistake in (
    loss.backward, changed.backward, (x * 2).backward, lambda: x.add_(1), lambda: x + np.ones(3), lambda: bool(x),
    lambda: np.sinc(x), lambda: tg.tensor([1], requires_grad=True), lambda: nn.Linear(0, 1), lambda: nn.Linear(3, 1)(x),
    lambda: optim.SGD([], lr=1), lambda: optim.SGD([x], lr=-1), lambda: nn.functional.mse_loss(x, np.ones((2, 1))),
    lambda: nn.functional.cross_entropy(x, 5), lambda: nn.MSELoss(reduction="all"), lambda: x.data.fill("a"),
):
    try:
        mistake()
        print("nothing happened")
    except Exception as error:
        print(type(error).__name__, error)
"""


def test_python_o_changes_nothing() -> None:
    answers = python(MISTAKES)
    assert answers.count("\n") == 16
    assert "nothing happened" not in answers
    assert python(MISTAKES, "-O") == answers


@pytest.mark.parametrize("folder", ["tinygrad_mlp", "tests", "examples", "benchmarks"])
def test_every_file_says_why_it_exists(folder: str) -> None:
    files = sorted((PACKAGE.parent if folder == PACKAGE.name else PROJECT).glob(f"{folder}/**/*.py"))
    assert files
    for path in files:
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), f"{path} does not open with a docstring"


TYPED_WITH = "2.4."


@pytest.mark.long
@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("ruff", ["check", "--quiet", "."]), ("ruff", ["format", "--check", "--quiet", "."]), ("mypy", [])],
    ids=["ruff check", "ruff format", "mypy"],
)
def test_the_tools_find_nothing(tool: str, arguments: list[str]) -> None:
    if importlib.util.find_spec(tool) is None:
        pytest.skip(f"{tool} is not installed")
    if tool == "mypy" and not np.__version__.startswith(TYPED_WITH):
        pytest.skip(f"types are checked with those of NumPy {TYPED_WITH}x, which other versions have changed")
    answer = subprocess.run([sys.executable, "-m", tool, *arguments], cwd=PROJECT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
