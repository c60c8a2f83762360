"""The MNIST example prints, draws and exits as its help says, on a few digits. `.ci/run` runs it on MNIST."""

import errno
import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from tinygrad_mlp import training
from tinygrad_mlp.datasets import embedded_digits

PATH = Path(__file__).parents[1] / "examples" / "mnist_mlp.py"
specification = importlib.util.spec_from_file_location("mnist_mlp", PATH)
example = importlib.util.module_from_spec(specification)
specification.loader.exec_module(example)

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    images, labels = embedded_digits(300, seed=2)
    path = tmp_path_factory.mktemp("digits") / "digits.npz"
    np.savez(path, x_train=images, y_train=labels)
    return str(path)


@pytest.fixture
def empty_figures(monkeypatch):
    """Save empty figures: drawing takes far longer than training on these few digits."""
    for drawing in ("draw_curves", "draw_samples", "draw_mistakes"):
        monkeypatch.setattr(example, drawing, lambda *_: None)


def test_it_trains_with_both_losses_and_saves_its_figures(digits, tmp_path, capsys):
    assert example.main(["--data", digits, "--out", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(f"Data: 300 training images from {digits}\n")
    assert "Mean square, layers 784-256-10:" in out
    assert "Cross entropy, layers 784-200-10:" in out
    assert len(re.findall(r"^Iteration \d+ - training loss: .* \| validation accuracy: \d", out, re.M)) == 2 * 11
    accuracies = re.findall(r"^Validation accuracy with (.*): (\d\.\d{4})$", out, re.M)
    assert [name for name, _ in accuracies] == ["mean square", "cross entropy"]
    files = {"curves.png", "digits.png", "mistakes_cross_entropy.png", "mistakes_mean_square.png"}
    assert {file.name for file in tmp_path.iterdir()} == files
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") and name in out for name in files)


@pytest.mark.usefixtures("empty_figures")
def test_options_reach_the_network(digits, tmp_path, capsys, monkeypatch):
    made = []
    network = example.NeuralNetwork

    def remember(*args, **options):
        made.append(network(*args, **options))
        return made[-1]

    monkeypatch.setattr(example, "NeuralNetwork", remember)
    options = "--epochs 3 --hidden 6 5 --loss cross_entropy --seed 4 --dtype float64"
    assert example.main([*options.split(), "--data", digits, "--out", str(tmp_path / "new")]) == 0
    (only,) = made
    assert (only.layers, only.loss, only.n_iterations) == ([784, 6, 5, 10], "cross_entropy", 3 * 270)
    assert {parameter.dtype for parameter in only.model.parameters()} == {np.dtype(np.float64)}
    assert not (tmp_path / "new" / "mistakes_mean_square.png").exists()

    first = capsys.readouterr().out
    again = [*options.split(), "--data", digits, "--out", str(tmp_path / "new")]
    assert example.main(again) == 0
    without_times = [re.sub(r"time is.*", "", text) for text in (first, capsys.readouterr().out)]
    assert without_times[0] == without_times[1], "the same seed gives the same numbers"


@pytest.mark.usefixtures("empty_figures")
def test_the_target_decides_the_exit_status(digits, tmp_path, capsys, monkeypatch):
    arguments = ["--data", digits, "--out", str(tmp_path), "--hidden", "8"]
    assert example.main([*arguments, "--target", "1"]) == 1
    assert "Below the target of 1: mean square and cross entropy" in capsys.readouterr().err
    assert example.main([*arguments, "--target", "0.99", "--loss", "mean_square"]) == 1
    assert "Below the target of 0.99: mean square\n" in capsys.readouterr().err
    monkeypatch.setattr(training, "accuracy", lambda labels, outputs: 0.95)
    assert example.main([*arguments, "--target", "0.95", "--loss", "mean_square"]) == 0, "reached exactly"


class Network:
    """Stands for a network that has reported these accuracies."""

    def __init__(self, accuracies):
        self.iterations = list(range(0, 100 * len(accuracies), 100))
        self.validation_accuracy = accuracies


def comparison_of(right_mean_square, right_cross_entropy, histories=([0.1, 0.3, 0.6], [0.2, 0.7, 0.8])):
    """The comparison that the example prints for two networks. Two slices say which of 200 digits each gets right."""
    labels = np.eye(2)[np.zeros(200, int)]
    outputs = {}
    for loss, right in (("mean_square", right_mean_square), ("cross_entropy", right_cross_entropy)):
        answer = np.ones(200, int)
        answer[right] = 0
        outputs[loss] = np.eye(2)[answer]
    networks = dict(zip(outputs, map(Network, histories), strict=True))
    return example.compare(networks, outputs, labels)


def test_the_comparison_follows_from_the_numbers():
    text = comparison_of(slice(0, 120), slice(20, 160))
    assert "Cross entropy is ahead by 20 of 200 validation digits: 40 it alone gets right, 20 mean square alone" in text
    assert "2.6 standard deviations, more than chance would explain; it is as section 4" in text
    assert "ahead in 3 of 3 reports, and by iteration 100 it had reached what mean square ended with after" in text

    text = comparison_of(slice(0, 102), slice(2, 102), ([0.1, 0.3, 0.9], [0.2, 0.7, 0.8]))
    assert "Mean square is ahead by 2 of 200 validation digits: 2 it alone gets right, 0 cross entropy alone" in text
    assert (
        "1.4 standard deviations, which may well be chance; it neither supports nor contradicts what section 4" in text
    )
    assert "ahead in 1 of 3 reports, and by iteration 200 it had reached" in text

    assert (
        comparison_of(slice(0, 100), slice(50, 150)) == "Both losses come out even: each gets 100 of 200 digits right."
    )


def test_the_worst_mistakes_come_first():
    labels = np.eye(3)[[0, 1, 2, 0]]
    outputs = np.array([[0.2, 0.3, 0.1], [0.1, 0.8, 0.1], [0.1, 0.9, 0.2], [0.5, 0.1, 0.6]])
    images = np.arange(4)[:, None, None] * np.ones((1, 28, 28), np.uint8)
    figure = Figure()
    example.draw_mistakes("cross entropy", images, labels, outputs, figure)
    assert figure.get_suptitle() == "Cross entropy: the 3 worst of 3 mistakes in 4 digits"
    drawn = [axes for axes in figure.axes if axes.images]
    assert [int(axes.images[0].get_array().max()) for axes in drawn] == [2, 0, 3]
    assert [axes.get_title() for axes in drawn] == ["2, read as 1", "0, read as 1", "0, read as 2"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "missing/folder"], "missing/folder: no such file or folder"),
        (["--data", str(PATH)], "mnist_mlp.py: expected a .mat or .npz file"),
    ],
)
def test_data_that_cannot_be_read_give_an_error_of_one_line(arguments, message, tmp_path, capsys):
    assert example.main([*arguments, "--out", str(tmp_path / "out")]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("mnist_mlp.py: error: ")
    assert message in err
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_folder_is_noticed_before_training(digits, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert example.main(["--data", digits, "--out", str(tmp_path / "file" / "below")]) == 2
    out, err = capsys.readouterr()
    assert "Iteration" not in out
    assert err.count("\n") == 1
    assert "cannot write to this folder" in err


def test_a_full_disk_gives_an_error_of_one_line(digits, tmp_path, capsys, monkeypatch):
    def savefig(self, file, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", savefig)
    assert example.main(["--data", digits, "--out", str(tmp_path), "--hidden", "2", "--epochs", "1"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "No space left on device" in err
    assert "digits.png" in err


@pytest.mark.parametrize(
    "arguments",
    ["--epochs 0", "--epochs two", "--hidden 0", "--hidden 8 -1", "--seed -1", "--loss hinge", "--dtype float16",
     "--target 1.5", "--target high", "--target nan", "--unknown"],
)  # fmt: skip
def test_wrong_options_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        example.main(arguments.split())
    assert stopped.value.code == 2
    assert arguments.split()[0] in capsys.readouterr().err


def test_help_names_every_option(capsys):
    with pytest.raises(SystemExit) as stopped:
        example.main(["--help"])
    assert stopped.value.code == 0
    out = capsys.readouterr().out
    for option in ("data", "epochs", "hidden", "loss", "seed", "dtype", "target", "out"):
        assert f"--{option} " in out
    assert "Exit status" in out
