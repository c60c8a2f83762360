"""Curves show what a network has recorded. Figures are saved whole or, on a display, shown without waiting."""

import errno
import sys
import types

import matplotlib
import numpy as np
import pytest
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tinygrad_mlp import training
from tinygrad_mlp.experiment.neural_network import NeuralNetwork

pytestmark = pytest.mark.usefixtures("without_display")


def samples(n):
    """Inputs of 5 numbers, and their labels of 3 classes, one-hot."""
    return np.random.default_rng(0).normal(size=(n, 5)), np.eye(3)[np.arange(n) % 3]


def weights_of(network):
    return [parameter.detach().numpy().copy() for parameter in network.model.parameters()]


@pytest.mark.parametrize("validation", [True, False])
def test_plots_are_saved_where_there_is_no_display(validation, tmp_path, capsys):
    X, Y = samples(20)
    network = NeuralNetwork([5, 3], "cross_entropy", monitor=False, n_save=5, out=tmp_path / "new" / "folder")
    network.train(X, Y, 1, *((X, Y) if validation else ()))
    files = sorted((tmp_path / "new" / "folder").iterdir())
    assert [file.name for file in files] == ["accuracy_cross_entropy.png", "error_cross_entropy.png"]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert all(str(file) in lines[0] for file in files)


def test_curves_show_the_recorded_losses_and_accuracies(tmp_path, monkeypatch, capsys):
    figures = {}

    def remember(draw, path):
        figures[path.name] = figure = Figure()
        draw(figure)
        return path

    monkeypatch.setattr(training.figures, "save", remember)
    X, Y = samples(20)
    network = NeuralNetwork([5, 3], monitor=False, n_save=5, out=tmp_path)
    network.train(X, Y, 1, X[:8], Y[:8])
    expected = {
        "error_mean_square.png": (np.array(network.training_loss) / 20, np.array(network.validation_loss) / 8),
        "accuracy_mean_square.png": (network.training_accuracy, network.validation_accuracy),
    }
    assert figures.keys() == expected.keys()
    for name, values in expected.items():
        (axes,) = figures[name].axes
        assert "mean_square" in axes.get_title()
        assert axes.get_xlabel() == "iterations"
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "validation"]
        for line, history in zip(axes.lines, values, strict=True):
            np.testing.assert_array_equal(line.get_xdata(), network.iterations)
            np.testing.assert_allclose(line.get_ydata(), history)


def test_plots_are_shown_without_waiting_where_there_is_a_display(tmp_path, monkeypatch, capsys):
    """A backend made for this test stands for a display, and notes how it is asked to show figures."""
    shown = []

    class Manager(FigureManagerBase):
        @classmethod
        def pyplot_show(cls, *, block=None):
            shown.append(block)

    class Canvas(FigureCanvasAgg):
        manager_class = Manager

    module = types.ModuleType("display_of_the_tests")
    module.FigureCanvas, module.FigureManager = Canvas, Manager
    monkeypatch.setitem(sys.modules, "display_of_the_tests", module)
    matplotlib.use("module://display_of_the_tests")
    from matplotlib import pyplot

    X, Y = samples(20)
    network = NeuralNetwork([5, 3], monitor=False, n_save=5, out=tmp_path)
    try:
        network.train(X, Y, 1)
        assert [pyplot.figure(number).axes[0].get_title() for number in pyplot.get_fignums()] == [
            "Training Error vs Iterations (mean_square)",
            "Training Accuracy vs Iterations (mean_square)",
        ]
        NeuralNetwork([5, 3], monitor=False, n_save=5, out=tmp_path).train(X, Y, 1)
        assert pyplot.get_figlabels() == ["error_mean_square", "accuracy_mean_square"]
    finally:
        pyplot.close("all")
    assert shown == [False] * 4
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr() == ("", "")


def test_a_folder_that_cannot_be_written_to_is_noticed_before_training(tmp_path):
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        network = NeuralNetwork([5, 3], monitor=False, out=out)
        before = weights_of(network)
        with pytest.raises(OSError, match=r"cannot write to this folder.*file"):
            network.train(*samples(5))
        np.testing.assert_array_equal(before, weights_of(network))


def test_a_full_disk_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "figure.png"
    path.write_bytes(b"an older one")

    def savefig(self, file, **options):
        file.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", savefig)
    with pytest.raises(OSError, match=r"No space left on device.*figure\.png"):
        training.save(lambda figure: None, path)
    assert path.read_bytes() == b"an older one"
    assert list(tmp_path.iterdir()) == [path]
