"""What stands beside the code is true: the version, the changelog, the workflow and the links of all pages."""

import re
import subprocess
import tomllib
import warnings
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import pytest

import tinygrad_mlp
from tinygrad_mlp.optim import StepWarning

PROJECT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
CHANGELOG = (PROJECT / "CHANGELOG.md").read_text("utf-8")
WORKFLOW = (PROJECT / ".github/workflows/ci.yml").read_text("utf-8")


def test_the_version_stands_in_one_place() -> None:
    assert "version" not in PYPROJECT["project"]
    assert PYPROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "tinygrad_mlp.__version__"}
    assert f"\n## {tinygrad_mlp.__version__}\n" in CHANGELOG


def test_the_installed_version_is_that_of_the_source() -> None:
    try:
        installed = metadata.version("tinygrad-mlp")
    except metadata.PackageNotFoundError:
        pytest.skip("the package is not installed, but found on the path")
    assert installed == tinygrad_mlp.__version__, "install it again"


def is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:  # a package above it is not there, or PyTorch has a name that is left out
        return False


MOVES = re.findall(r"^\| `([\w.]+)` \| (.*) \|$", CHANGELOG, re.M)


# The modules of 0.1.0 that are not where they were.
MOVED = [
    "_creation", "_files", "_random", "_serialization", "_tensor", "autograd.derivation", "autograd.function",
    "autograd.graph", "autograd.memory", "autograd.tape", "blas", "derivatives", "functions", "neural_network",
]  # fmt: skip


def test_the_changelog_lists_all_moves() -> None:
    assert sorted(old.removeprefix("tinygrad_mlp.") for old, _ in MOVES) == MOVED


@pytest.mark.parametrize(("old", "new"), MOVES, ids=[old for old, _ in MOVES])
def test_what_the_changelog_says_has_moved_is_gone_and_where_it_says(old: str, new: str) -> None:
    assert not is_there(old)
    modules = re.findall(r"`(tinygrad_mlp[\w.]*)`", new)
    assert modules
    assert [module for module in modules if not is_there(module)] == []


def test_the_workflow_runs_on_the_floor_of_each_dependency() -> None:
    for requirement in PYPROJECT["project"]["dependencies"]:
        assert f"{requirement.replace('>=', '==')}.*" in WORKFLOW
    pythons = re.findall(r'"(3\.\d+)"', WORKFLOW)  # `.ci/run` tests on these
    assert pythons[0] == PYPROJECT["project"]["requires-python"].removeprefix(">=")


@pytest.mark.skipif(which("bash") is None, reason="the scripts of .ci are written for Bash")
def test_ci_tests_with_the_oldest_version_of_each_dependency() -> None:
    command = 'eval "$(grep "^floors()" .ci/parts)"; floors'
    floors = subprocess.run(["bash", "-c", command], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    extras = PYPROJECT["project"]["optional-dependencies"]
    required = [*PYPROJECT["project"]["dependencies"], *extras["experiment"], *extras["test"]]
    tools = ("tinygrad-mlp", "ruff", "mypy")
    assert floors.split() == [entry.replace(">=", "==") for entry in required if not entry.startswith(tools)]


@pytest.mark.parametrize(("category", "module", "fails"), [
    (UserWarning, "tinygrad_mlp.nn.layers", True), (UserWarning, "/home/train", True), (UserWarning, "numpy.ma", False),
    (RuntimeWarning, "tinygrad_mlp.core.record", True), (RuntimeWarning, "numpy._core._methods", True),
    (ResourceWarning, "pathlib", True), (pytest.PytestUnraisableExceptionWarning, "_pytest.unraisableexception", True),
    (StepWarning, "/home/train", True), (DeprecationWarning, "numpy.lib", False), (FutureWarning, "scipy", False),
    (DeprecationWarning, "tinygrad_mlp.core.record", False), (PendingDeprecationWarning, "matplotlib.figure", False),
    (UserWarning, "numpylike", True),
])  # fmt: skip
def test_the_suite_fails_of_warnings_that_this_package_causes(
    category: type[Warning], module: str, fails: bool
) -> None:
    with warnings.catch_warnings(record=True) as shown:
        try:
            warnings.warn_explicit("a warning", category, "file.py", 1, module=module)
        except category:
            assert fails
        else:
            assert not fails
            assert len(shown) == 1


def test_a_number_that_overflows_and_a_warning_at_a_users_line_fail_the_suite() -> None:
    with pytest.raises(RuntimeWarning):
        tinygrad_mlp.tensor(1e30).exp()
    with pytest.raises(UserWarning, match="no gradient passes"):
        tinygrad_mlp.tensor([tinygrad_mlp.ones(1, requires_grad=True)])


PAGES = [page for page in sorted(PROJECT.rglob("*.md")) if ".venv" not in page.parts and not page.is_symlink()]


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(PROJECT)) for page in PAGES])
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)[^)]*\)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
