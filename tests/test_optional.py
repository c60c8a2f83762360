"""NumPy and SciPy suffice: without matplotlib, tqdm and pooch, what needs them fails and says how to install them."""

import functools
import gzip
import http.server
import os
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import numpy as np
import pytest

import tinygrad_mlp as tg
from tinygrad_mlp import training
from tinygrad_mlp._optional import is_installed, require

PROJECT = Path(__file__).parents[1]
PACKAGE = Path(tg.__file__).parent
OPTIONAL = ("matplotlib", "tqdm", "pooch")
ADVICE = 'write pip install "tinygrad-mlp[experiment]"'

BLOCKED = f"""
import sys
for name in {OPTIONAL}:
    sys.modules[name] = None  # from now on, its import raises ModuleNotFoundError
"""


def run(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `code` in a new interpreter."""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), **environment}
    # What other packages plan for later is no error.
    categories = (
        "error",
        "default::DeprecationWarning",
        "default::PendingDeprecationWarning",
        "default::FutureWarning",
    )
    command = [sys.executable, *(f"-W{category}" for category in categories), "-c", code, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def printed(code: str, *arguments: str) -> str:
    """What `code` prints where no package of OPTIONAL can be imported."""
    answer = run(BLOCKED + code, *arguments)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


EVERY_MODULE = """
import importlib, pkgutil, tinygrad_mlp
for module in pkgutil.walk_packages(tinygrad_mlp.__path__, "tinygrad_mlp."):
    print(importlib.import_module(module.name).__name__)
"""


def test_every_module_is_imported() -> None:
    imported = printed(EVERY_MODULE).split()
    files = [path.relative_to(PACKAGE.parent).with_suffix("") for path in PACKAGE.rglob("*.py")]
    modules = {".".join(file.parts).removesuffix(".__init__") for file in files}
    assert sorted(imported) == sorted(modules - {"tinygrad_mlp"})


A_NET = """
from tinygrad_mlp import nn, optim, randn, Generator
generator = Generator().manual_seed(0)
net = nn.Sequential(nn.Linear(2, 4, generator=generator), nn.Tanh(), nn.Linear(4, 1, generator=generator))
optimizer = optim.SGD(net.parameters(), lr=0.1)
x = randn(20, 2, generator=generator)
for _ in range(50):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(x), x[:, :1] * x[:, 1:])
    loss.backward()
    optimizer.step()
    print(loss.item())
"""


def test_a_net_is_trained() -> None:
    losses = [float(line) for line in printed(A_NET).split()]
    assert losses[-1] < 0.5 * losses[0]


THE_EXPERIMENT = """
import numpy as np
from tinygrad_mlp import NeuralNetwork
X, Y = np.arange(20.0).reshape(10, 2), np.eye(2)[[0, 1] * 5]
network = NeuralNetwork([2, 3, 2], plot=False, generator=0, n_save=4)
network.train(X, Y, 1, X, Y)
print(network.predict(X).shape, network.n_iterations)
"""


def test_the_network_of_the_experiment_is_trained_and_reports_in_plain_lines() -> None:
    lines = printed(THE_EXPERIMENT).splitlines()
    assert [line.split(" - ")[0] for line in lines[:-1]] == ["Iteration 0", "Iteration 4", "Iteration 8", "Iteration 9"]
    assert lines[-1] == "(10, 2) 10"


FROM_FILES = """
from tinygrad_mlp.datasets import load_digits, load_mnist, preprocess
for path in sys.argv[1:]:
    images, labels = load_mnist(path)
    print(images.shape, load_digits(path)[2].endswith(path), preprocess(images, labels, generator=0).train_x.shape)
"""


def test_mnist_is_read_from_files(tmp_path: Path) -> None:
    images, labels = np.arange(10 * 784, dtype=np.uint8).reshape(10, 28, 28), np.arange(10, dtype=np.uint8)
    np.savez(tmp_path / "mnist.npz", x_train=images, y_train=labels)
    folder = tmp_path / "idx"
    folder.mkdir()
    for name, array in (("train-images-idx3-ubyte", images), ("train-labels-idx1-ubyte", labels)):
        header = b"".join(size.to_bytes(4, "big") for size in (0x800 + array.ndim, *array.shape))
        (folder / name).write_bytes(header + array.tobytes())
    lines = printed(FROM_FILES, str(tmp_path / "mnist.npz"), str(folder)).splitlines()
    assert lines == ["(10, 28, 28) True (9, 784)"] * 2


NEEDING = {
    "network.train(X, Y)": "matplotlib",
    "tg.explain(tg.ones(1, requires_grad=True).sum()).save('a.png')": "matplotlib",
    "training.has_display()": "matplotlib",
    "training.present({'a': print}, '.')": "matplotlib",
    "training.save(print, pathlib.Path('a.png'))": "matplotlib",
    "datasets.embedded_digits(1)": "matplotlib",
    "datasets.load_digits('embedded')": "matplotlib",
    "datasets.load_mnist()": "pooch",
    "datasets.load_mnist(cache='.')": "pooch",
    "datasets.load_digits()": "pooch",
    "datasets.load_digits('mnist')": "pooch",
}
CALLS = """
import pathlib
import numpy as np
import tinygrad_mlp as tg
from tinygrad_mlp import NeuralNetwork, datasets, training
X, Y = np.ones((3, 2)), np.ones((3, 1))
network = NeuralNetwork([2, 3, 1], monitor=False)
for call in sys.argv[1:]:
    try:
        eval(call)
        print("nothing happened")
    except ImportError as error:
        print(error.name, error)
assert network.n_iterations == 0, "it has trained before it said so"
assert not sorted(pathlib.Path().glob("*.png"))
"""


def test_what_needs_them_says_how_to_install_them() -> None:
    for (call, package), line in zip(NEEDING.items(), printed(CALLS, *NEEDING).splitlines(), strict=True):
        assert line.startswith(f"{package} "), f"{call}: {line}"
        assert f"needs {package} (" in line, f"{call}: {line}"
        assert line.endswith(ADVICE), f"{call}: {line}"


EXAMPLE = """
import runpy
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize(
    ("options", "package"), [([], "pooch"), (["--data", "embedded"], "matplotlib")], ids=["MNIST", "embedded"]
)
def test_the_example_ends_with_the_advice(options: list[str], package: str) -> None:
    answer = run(BLOCKED + EXAMPLE, str(PROJECT / "examples" / "mnist_mlp.py"), *options)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("mnist_mlp.py: error: ")
    assert answer.stderr.count("\n") == 1
    assert f"needs {package} (" in answer.stderr
    assert ADVICE in answer.stderr


# --- one of them alone ------------------------------------------------------------------------------------------------


def test_require_says_what_needs_which_package(monkeypatch: pytest.MonkeyPatch) -> None:
    require("numpy", "a test")
    assert is_installed("numpy")
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert not is_installed("tqdm")
    with pytest.raises(ImportError, match=r"^a test needs tqdm \(.*tqdm.*\): write pip install") as caught:
        require("tqdm", "a test")
    assert caught.value.name == "tqdm"


def test_reports_are_the_same_lines_with_and_without_tqdm(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = training.Record(7, training.Score(1.5, 0.5, 4), None)
    training.report(record)
    with_tqdm = capsys.readouterr()
    monkeypatch.setitem(sys.modules, "tqdm", None)
    training.report(record)
    with training.progress_bar(3, shown=True) as bar:
        bar.update()
    assert capsys.readouterr() == with_tqdm == (f"{record}\n", "")


DOWNLOAD_WITHOUT_TQDM = """
import pathlib, sys
sys.modules["tqdm"] = None
from tinygrad_mlp.datasets import download
name, folder, mirror = sys.argv[1:]
download.SHA256[name] = None
print(download.fetch(name, pathlib.Path(folder), [mirror], progress=True))
"""


def test_a_download_without_tqdm_shows_a_line_in_place_of_a_bar(tmp_path: Path) -> None:
    name = "train-labels-idx1-ubyte"
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(b"labels"))
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        mirror = f"http://127.0.0.1:{server.server_port}"
        try:
            answer = run(DOWNLOAD_WITHOUT_TQDM, name, str(tmp_path / "cache"), mirror, no_proxy="127.0.0.1")
        finally:
            server.shutdown()
    assert answer.stdout == f"{tmp_path / 'cache' / name}\n", answer.stderr
    assert (tmp_path / "cache" / name).read_bytes() == b"labels"
    assert f"Downloading data from '{mirror}/{name}.gz'" in answer.stderr


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Print nothing."""


# --- what is installed ------------------------------------------------------------------------------------------------


def test_the_package_depends_on_numpy_and_scipy_alone() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]

    def names(requirements: list[str]) -> list[str]:
        return [requirement.split(">=")[0] for requirement in requirements]

    assert names(project["dependencies"]) == ["numpy", "scipy"]
    assert names(project["optional-dependencies"]["experiment"]) == list(OPTIONAL)
    assert "tinygrad-mlp[experiment]" in project["optional-dependencies"]["test"]


def test_the_readme_installs_what_its_example_needs() -> None:
    first, second, *_ = (PROJECT / "README.md").read_text("utf-8").split("```sh\n")[1:]
    assert 'pip install -q -e ".[experiment]" && .venv/bin/python examples/mnist_mlp.py\n' in first
    assert 'pip install -q -e ".[test]" && .venv/bin/python -m pytest\n' in second
