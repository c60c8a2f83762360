"""The project has its shape: which storey imports which, what an import loads, how long files are, where tests are."""

import ast
import builtins
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

# From the ground up: a module imports only from storeys below its own, or from its own folder.
STOREYS = [
    "_left_out",
    "_optional",
    "core",
    "tensors",
    "names",
    "linalg",
    "special",
    "autograd",
    "files",
    "jit",
    "distributions",
    "nn",
    "func",
    "optim",
    "derivation",
    "_tape",
    "_replay",
    "_capture",
    "utils",
    "datasets",
    "training",
    "experiment",
    "testing",
    "",
]

FILES = {path.relative_to(PACKAGE): ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def module_of(file: Path) -> str:
    """The name of the module that `file` is, within the package."""
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file) for file in FILES}


def storey_of(module: str) -> int:
    """The index in STOREYS, counted from the ground, of the longest name that is `module` or a package around it."""
    fitting = [name for name in STOREYS if name and (module == name or module.startswith(name + "."))]
    if module == "":
        return STOREYS.index("")
    assert fitting, f"{module} belongs to no storey: say in STOREYS where it stands"
    return STOREYS.index(max(fitting, key=len))


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
        neighbours = storey_of(module) == storey_of(own) and own.partition(".")[0] == module.partition(".")[0]
        assert storey_of(module) < storey_of(own) or neighbours, f"{own or 'the package'} must not import {module}"


def test_no_room_has_the_name_of_a_public_function() -> None:
    """A submodule `tensor` or `explain` would hide `tinygrad_mlp.tensor` and its like."""
    rooms = {name for name in MODULES if name and "." not in name}
    assert sorted(name for name in rooms if callable(getattr(tinygrad_mlp, name, None))) == []
    assert sorted(rooms & set(tinygrad_mlp.__all__)) == [
        "autograd", "datasets", "distributions", "func", "jit", "linalg", "nn", "optim", "special", "testing", "utils",
    ]  # fmt: skip


def test_every_storey_exists() -> None:
    assert [name for name in STOREYS if name not in MODULES] == []


# The order in which the files of the core can be read from the ground up: each imports from those before it alone.
CORE = ["blas", "functions", "sheet", "lines", "mode", "guard", "record", "walk"]


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


LONGEST_FILE = 600


def test_no_file_is_long() -> None:
    assert [file for file in FILES if lines_of(file) > LONGEST_FILE] == []


LONGEST_FUNCTION = 60
LONG_FUNCTIONS = {
    (Path("core/record.py"), "record"),  # every operator takes this way, and each call inside would take time
    (Path("core/walk.py"), "walk"),  # likewise, for every node of a backward pass
    (Path("derivation/page.py"), "explain"),  # half of it is its docstring
}


def test_no_function_is_long() -> None:
    long = {
        (file, node.name)
        for file, tree in FILES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    }
    assert long == LONG_FUNCTIONS


def test_only_capture_reads_bytecode() -> None:
    reading = [
        file
        for file, tree in FILES.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and "dis" in [alias.name for alias in node.names])
        or (isinstance(node, ast.ImportFrom) and node.module == "dis")
    ]
    assert reading == [Path("_capture.py")]


RECORDING = {Path("_capture.py"), Path("_replay.py"), Path("_tape.py"), Path("tensors/observer.py")}


def test_few_files_know_of_captured_steps() -> None:
    """The other files report that they change state, draw numbers or leave the graph, without a word about capture."""
    words = re.compile(r"(?<!\.)\b(tapes?|captur(e|es|ed|ing))\b", re.IGNORECASE)  # not: from ._tape import
    knowing = {file for file in FILES if words.search((PACKAGE / file).read_text("utf-8"))}
    naming = [Path("__init__.py"), Path("experiment/neural_network.py"), Path("jit.py")]  # what users may write
    assert sorted(knowing - RECORDING) == naming


# What a file may import at its head besides the standard library.
CHEAP = {"numpy", "scipy.special", "scipy.linalg"}
OF_TESTS = {"hypothesis", "sympy", "mpmath"}  # in the rooms of `testing`, which are imported when they are used


@pytest.mark.parametrize("file", FILES, ids=str)
def test_heavy_modules_are_imported_inside_functions(file: Path) -> None:
    at_the_head = [node for node in FILES[file].body if isinstance(node, ast.Import | ast.ImportFrom)]
    for node in at_the_head:
        names = [name.name for name in node.names]
        if isinstance(node, ast.ImportFrom):
            names = [] if node.level else [str(node.module)]
        for name in names:
            allowed = CHEAP | (OF_TESTS if file.parent == Path("testing") else set())
            cheap = any(name == module or name.startswith(module + ".") for module in allowed)
            assert cheap or name.partition(".")[0] in sys.stdlib_module_names, f"{file} imports {name} at its head"


def python(code: str, *flags: str) -> str:
    """Run `code` in a new interpreter, and return what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    answer = subprocess.run([sys.executable, *flags, "-c", code], env=environment, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def loaded_by(*modules: str) -> set[str]:
    flags = ("-Werror", "-Wdefault::DeprecationWarning", "-Wdefault::FutureWarning")  # others' plans are no error
    return set(python(f"import sys, {', '.join(modules)}; print(*sys.modules)", *flags).split())


def test_the_import_loads_nothing_heavy() -> None:
    heavy = {"matplotlib", "tqdm", "pooch", "scipy.optimize", "scipy.ndimage", "scipy.io", "scipy.sparse"}
    heavy |= {*OF_TESTS, "tinygrad_mlp.derivation.derive", "tinygrad_mlp.testing.strategies"}
    heavy -= loaded_by(*CHEAP)  # older versions of scipy.linalg load scipy.sparse
    assert sorted(heavy & loaded_by("tinygrad_mlp")) == []


def test_importing_all_names_hides_no_builtin() -> None:
    assert not set(tinygrad_mlp.__all__) & set(dir(builtins))
    np.testing.assert_array_equal(tinygrad_mlp.exp(np.zeros(2)), [1, 1])


def test_there_is_no_assertion_and_no_bare_except() -> None:
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


# Storeys whose tests are in a folder of another name.
TESTS_OF = {"_replay": "capture", "_tape": "capture", "": "."}


@pytest.mark.parametrize("storey", STOREYS)
def test_every_storey_has_a_folder_or_a_file_of_tests(storey: str) -> None:
    name = TESTS_OF.get(storey, storey.strip("_"))
    found = [*(PROJECT / "tests" / name).glob("test_*.py"), *PROJECT.glob(f"tests/**/test_{name}.py")]
    assert found, f"no tests of {storey}: add a folder tests/{name}, or its other name to TESTS_OF"


def test_no_file_of_tests_is_longer_than_900_lines() -> None:
    lengths = {str(path): len(path.read_text("utf-8").splitlines()) for path in PROJECT.glob("tests/**/*.py")}
    assert lengths
    assert [path for path, length in lengths.items() if length > 900] == []


def test_the_page_about_the_tests_says_what_each_file_proves() -> None:
    """Each row of its tables has the first line of the file that it names."""
    page = (PROJECT / "tests" / "README.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([\w/]+\.py)` \| (.*) \|$", page, re.MULTILINE))
    promises = {}
    for path in PROJECT.glob("tests/**/*.py"):
        promise = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        promises[path.relative_to(PROJECT / "tests").as_posix()] = promise.splitlines()[0]
    assert rows == promises


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
