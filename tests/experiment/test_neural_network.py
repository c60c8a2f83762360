"""NeuralNetwork trains, predicts and reports as the document (see README.md) says, and bad data change nothing."""

import io
import re
import sys

import numpy as np
import pytest

from tinygrad_mlp import Generator, manual_seed, nn, no_grad, tensor, training
from tinygrad_mlp.experiment.neural_network import BATCH, NeuralNetwork

pytestmark = pytest.mark.usefixtures("without_display")

LOSSES = ["mean_square", "cross_entropy"]


def quiet(layers, loss="mean_square", **options):
    """A network that prints and plots nothing."""
    return NeuralNetwork(layers, loss, monitor=False, plot=False, **options)


def clusters(n, inputs=5, classes=3, seed=0):
    """Samples around one centre for each class, and their labels, one-hot."""
    random = np.random.default_rng(seed)
    label = random.integers(classes, size=n)
    return random.normal(size=(classes, inputs))[label] * 3 + random.normal(size=(n, inputs)), np.eye(classes)[label]


def weights_of(network):
    return [parameter.detach().numpy().copy() for parameter in network.model.parameters()]


def set_weights(network, value):
    with no_grad():
        for parameter in network.model.parameters():
            parameter.fill_(value)


def assert_same_weights(network, other):
    for one, two in zip(weights_of(network), weights_of(other), strict=True):
        np.testing.assert_array_equal(one, two)


# --- what it is made of -----------------------------------------------------------------------------------------------


def test_the_layers_and_the_defaults_are_those_of_the_document():
    network = NeuralNetwork([784, 256, 10])
    assert [type(module) for module in network.model] == [nn.Linear, nn.Tanh, nn.Linear, nn.Sigmoid]
    assert [(name, p.shape) for name, p in network.model.named_parameters()] == [
        ("0.weight", (256, 784)),
        ("2.weight", (10, 256)),
    ]
    assert (network.loss, network.monitor, network.plot, network.n_save) == ("mean_square", True, True, 10_000)
    assert {p.dtype for p in network.model.parameters()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("layers", [[3, 2], [3, 4, 2], (3, 4, 5, 2), np.array([3, 3, 3, 3])])
def test_any_number_of_layers_with_or_without_bias(layers):
    for bias in (False, True):
        network = quiet(layers, bias=bias, dtype=np.float64, generator=0)
        a = x = np.random.default_rng(0).normal(size=(4, 3))
        linears = [module for module in network.model if isinstance(module, nn.Linear)]
        assert [linear.bias is not None for linear in linears] == [bias] * (len(layers) - 1)
        for linear in linears:
            z = a @ linear.weight.detach().numpy().T + (linear.bias.detach().numpy() if bias else 0)
            a = np.tanh(z)
        np.testing.assert_allclose(network.predict(x), 1 / (1 + np.exp(-z)), rtol=1e-12)


def test_weights_and_biases_are_drawn_with_deviation_0_01():
    network = quiet([300, 200, 100], bias=True, generator=1)
    for parameter in network.model.parameters():
        values = parameter.detach().numpy()
        error = 0.01 / values.size**0.5
        assert abs(values.mean()) < 5 * error
        assert abs(values.std() - 0.01) < 5 * error


def test_the_seed_decides_the_weights():
    seeded = quiet([4, 3, 2], generator=7)
    for same in (7, np.int64(7), np.random.default_rng(7), Generator().manual_seed(7)):
        assert_same_weights(seeded, quiet([4, 3, 2], generator=same))
    assert not np.array_equal(weights_of(seeded)[0], weights_of(quiet([4, 3, 2], generator=8))[0])

    manual_seed(3)
    first = quiet([4, 3, 2])
    second = quiet([4, 3, 2])
    manual_seed(3)
    quiet([4, 3, 2], generator=0)  # draws from nothing but its own generator
    assert_same_weights(first, quiet([4, 3, 2]))
    assert_same_weights(second, quiet([4, 3, 2]))


# --- predicting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, BATCH, 2 * BATCH + 1])
def test_predictions_do_not_depend_on_the_batches(n):
    network = quiet([3, 4, 2], dtype=np.float64, generator=0)
    set_weights(network, 0.5)
    x = np.random.default_rng(0).normal(size=(n, 3))
    outputs = network.predict(x)
    assert outputs.shape == (n, 2)
    assert outputs.dtype == np.float64
    np.testing.assert_allclose(outputs[[-1]], network.predict(x[[-1]]), rtol=1e-12)


@pytest.mark.parametrize(
    "given",
    [
        [[1, 0, 2], [0, 1, 1]],
        ((1.0, 0.0, 2.0), (0.0, 1.0, 1.0)),
        np.array([[1, 0, 2], [0, 1, 1]], np.uint8),
        np.array([[1, 0], [0, 1], [2, 1]], np.float64).T,
        tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]]),
    ],
    ids=["list", "tuple", "uint8", "Fortran order", "Tensor"],
)
def test_data_may_be_any_rectangle_of_numbers(given):
    expected = quiet([3, 4, 2], generator=0)
    expected.train(np.array([[1, 0, 2], [0, 1, 1]], np.float32), np.eye(2, dtype=np.float32))
    network = quiet([3, 4, 2], generator=0)
    network.train(given, [[1, 0], [0, 1]])
    assert_same_weights(network, expected)
    np.testing.assert_array_equal(network.predict(given), expected.predict([[1, 0, 2], [0, 1, 1]]))


def test_data_are_neither_changed_nor_kept():
    X, Y = clusters(6)
    X.flags.writeable = Y.flags.writeable = False
    network = quiet([5, 4, 3], dtype=np.float64)
    before = X.copy(), Y.copy()
    network.train(X, Y, 1)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(Y, before[1])
    assert all(parameter.grad is None for parameter in network.model.parameters())  # gradients hold views of the data


# --- training ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bias", [False, True])
def test_training_learns_separate_clusters(loss, dtype, bias):
    X, Y = clusters(400)
    network = quiet([5, 16, 3], loss, dtype=dtype, bias=bias, generator=0)
    network.train(X[:300], Y[:300], 10)
    assert training.accuracy(Y[300:], network.predict(X[300:])) > 0.9
    assert {parameter.dtype for parameter in network.model.parameters()} == {np.dtype(dtype)}


def test_a_hook_registered_between_two_trains_is_called_in_the_second():
    X, Y = clusters(5)
    network, seen = NeuralNetwork([5, 4, 3], monitor=False, plot=False), []
    network.train(X, Y, 1)
    network.model[0].register_forward_hook(lambda module, args, output: seen.append(output))
    with pytest.warns(UserWarning, match="stays eager: hooks of a module"):
        network.train(X, Y, 1)
    assert len(seen) == 5


@pytest.mark.parametrize("loss", LOSSES)
def test_a_second_train_continues_the_first(loss, capsys):
    X, Y = clusters(30)
    at_once = NeuralNetwork([5, 4, 3], loss, plot=False, generator=0, n_save=7)
    in_parts = NeuralNetwork([5, 4, 3], loss, plot=False, generator=0, n_save=7)
    at_once.train(X, Y, 3)
    in_parts.train(X, Y, 1)
    in_parts.train(X, Y, 0)
    in_parts.train(X, Y, 2)
    assert_same_weights(at_once, in_parts)
    assert at_once.n_iterations == in_parts.n_iterations == 90
    assert in_parts.iterations == sorted({*range(0, 90, 7), 29, 89})
    assert set(zip(at_once.iterations, at_once.training_loss, strict=True)) <= set(
        zip(in_parts.iterations, in_parts.training_loss, strict=True)
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weight", [1e3, -1e3, 1e30, -1e30])
def test_saturated_outputs_neither_end_in_nan_nor_stop_learning(weight, dtype):
    """Where σ(z) has rounded to 0 or 1, the formula −y ln a − (1 − y) ln(1 − a) would take log(0) and give 0 · ∞."""
    network = NeuralNetwork([2, 2], "cross_entropy", plot=False, dtype=dtype)
    set_weights(network, weight)
    wrong = [[0.0, 0.0]] if weight > 0 else [[1.0, 1.0]]
    network.train([[1.0, 0.0]], wrong, 1)
    if abs(weight) == 1e3:  # a − y = ±1: each weight of the first input moves by the full rate
        expected = np.array([[weight - np.sign(weight) / 100, weight]] * 2, dtype)
        np.testing.assert_allclose(weights_of(network)[0], expected, rtol=np.finfo(dtype).eps)  # to the last digit
    assert np.isfinite(weights_of(network)[0]).all()
    assert np.isfinite(network.predict([[1.0, 1.0]])).all()
    np.testing.assert_allclose(network.training_loss, [2 * abs(weight)], rtol=1e-4)


@pytest.mark.parametrize("loss", LOSSES)
def test_one_output_is_a_binary_classifier(loss, capsys):
    X, Y = clusters(300, classes=2)
    Y = Y[:, [1]]
    network = NeuralNetwork([5, 8, 1], loss, plot=False, generator=0, n_save=1500)
    network.train(X, Y, 10)
    predictions = network.predict(X)
    assert network.training_accuracy[-1] == np.mean((predictions > 0.5) == (Y > 0.5)) > 0.95
    assert network.training_accuracy[0] < 0.9, "an untrained one cannot be as good"


# --- reporting --------------------------------------------------------------------------------------------------------

NUMBER = r"(\d+\.\d{4})"
REPORT = re.compile(
    rf"Iteration (\d+) - training loss: {NUMBER} \| training accuracy: {NUMBER}"
    rf" \| validation loss: {NUMBER} \| validation accuracy: {NUMBER}"
)


def loss_by_hand(loss, Y, outputs):
    """The document's loss, mean square (its section 2.1) or cross entropy (2.2), summed over the samples."""
    if loss == "mean_square":
        return 0.5 * np.sum((Y - outputs) ** 2)
    return -np.sum(Y * np.log(outputs) + (1 - Y) * np.log(1 - outputs))


@pytest.mark.parametrize("loss", LOSSES)
def test_report_lines_show_the_losses_and_accuracies_of_the_network(loss, capsys):
    X, Y = clusters(BATCH + 100)
    train, validation = (X[:-50], Y[:-50]), (X[-50:], Y[-50:])
    network = NeuralNetwork([5, 4, 3], loss, plot=False, generator=0, n_save=500)
    network.train(*train, 1, *validation)
    out, err = capsys.readouterr()
    assert err == "", "no bar where there is no terminal"
    found = [REPORT.fullmatch(line).groups() for line in out.splitlines()]
    assert [int(line[0]) for line in found] == network.iterations == [0, 500, 1000, BATCH + 49]

    columns = np.array(found, float).T
    histories = (
        network.training_loss,
        network.training_accuracy,
        network.validation_loss,
        network.validation_accuracy,
    )
    for column, history in zip(columns[1:], histories, strict=True):
        np.testing.assert_allclose(column, history, rtol=0, atol=5.1e-5)
    for (X, Y), losses, accuracies in ((train, *histories[:2]), (validation, *histories[2:])):
        outputs = network.predict(X).astype(float)
        assert losses[-1] == pytest.approx(loss_by_hand(loss, Y, outputs), rel=1e-5)
        assert accuracies[-1] == training.accuracy(Y, outputs)


def test_a_report_describes_the_network_after_the_update(capsys):
    X, Y = clusters(8)
    network = NeuralNetwork([5, 3], plot=False, generator=0, n_save=1, dtype=np.float64)
    network.train(X, Y, 1)
    for i, reported in enumerate(network.training_loss):
        other = quiet([5, 3], generator=0, dtype=np.float64)
        other.train(X[: i + 1], Y[: i + 1], 1)
        assert reported == pytest.approx(loss_by_hand("mean_square", Y, other.predict(X)), rel=1e-12)


@pytest.mark.parametrize(
    ("n_save", "epochs", "expected"),
    [(4, 2, [0, 4, 8, 12, 16, 19]), (19, 2, [0, 19]), (1000, 2, [0, 19]), (3, 1, [0, 3, 6, 9]), (5, 0, [])],
)
def test_reports_come_every_n_save_steps_and_at_the_end(n_save, epochs, expected, capsys):
    X, Y = clusters(10)
    network = NeuralNetwork([5, 3], plot=False, n_save=n_save)
    network.train(X, Y, epochs)
    lines = capsys.readouterr().out.splitlines()
    assert [int(line.split()[1]) for line in lines] == network.iterations == expected
    assert all(line.count("|") == 1 and "validation" not in line for line in lines)
    assert np.isnan(network.validation_loss).all()
    assert np.isnan(network.validation_accuracy).all()
    assert len(network.validation_loss) == len(network.validation_accuracy) == len(expected)


def test_without_monitor_and_plot_it_is_silent_and_records_nothing(capsys):
    X, Y = clusters(10)
    network = quiet([5, 3], n_save=1)
    network.train(X, Y, 2, X, Y)
    assert capsys.readouterr() == ("", "")
    assert network.iterations == []


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.mark.parametrize("monitor", [True, False])
def test_a_progress_bar_in_a_terminal_leaves_the_report_lines_whole(monitor, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(sys, "stderr", screen)
    X, Y = clusters(50)
    network = NeuralNetwork([5, 3], monitor=monitor, plot=False, n_save=20)
    network.train(X, Y, 1, X, Y)
    shown = screen.getvalue()
    assert ("steps" in shown) == monitor
    lines = [line.split("\r")[-1] for line in shown.split("\n")]
    assert [bool(REPORT.fullmatch(line)) for line in lines[:-1]] == [True] * (4 if monitor else 0)
    assert lines[-1].strip() == "", "the bar is gone in the end"


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"layers": [3]}, ValueError, r"at least two.*\[3\].*\[784, 256, 10\]"),
        ({"layers": []}, ValueError, "at least two"),
        ({"layers": [3, 0, 2]}, ValueError, "at least 1, not 0"),
        ({"layers": [3, -4, 2]}, ValueError, "at least 1, not -4"),
        ({"layers": [3, 2.5, 2]}, TypeError, "integer, not 2.5"),
        ({"layers": ["3", 2]}, TypeError, "integer, not '3'"),
        ({"layers": 784}, TypeError, r"list.*784.*write \[784, 256, 10\]"),
        ({"layers": None}, TypeError, "list.*None"),
        ({"layers": "784"}, TypeError, "list.*'784'"),
        ({"loss": "crossentropy"}, ValueError, "'cross_entropy', 'mean_square'.*not 'crossentropy'"),
        ({"loss": None}, ValueError, "not None"),
        ({"n_save": 0}, ValueError, "n_save is at least 1, not 0"),
        ({"n_save": 1.5}, TypeError, "n_save is an integer"),
        ({"dtype": np.int64}, TypeError, "float32 or float64, not int64"),
        ({"dtype": np.float16}, TypeError, "float32 or float64, not float16"),
        ({"generator": "seed"}, TypeError, "generator.*'seed'"),
        ({"generator": -1}, ValueError, "non-negative"),
    ],
    ids=str,
)
def test_bad_options_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        NeuralNetwork(**{"layers": [3, 2], **arguments})


X, Y = clusters(6)
NAN, INFINITE = X.copy(), X.copy()
NAN[4, 2], INFINITE[0, 0] = np.nan, -np.inf


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"X": X[:4]}, ValueError, "X has 4 rows and Y 6"),
        ({"Y": Y[:5]}, ValueError, "X has 6 rows and Y 5"),
        ({"X": X[:, :4]}, ValueError, r"X has shape \(6, 4\).*\[5, 4, 3\] take \(n, 5\)"),
        ({"X": X[0]}, ValueError, r"X has shape \(5,\).*X.reshape\(-1, 5\)"),
        ({"X": X[None]}, ValueError, r"X has shape \(1, 6, 5\).*X.reshape\(-1, 5\)"),
        ({"X": 1.0}, ValueError, r"X has shape \(\)"),
        ({"Y": Y[:, :1]}, ValueError, r"Y has shape \(6, 1\).*\(n, 3\): write one_hot\(Y.ravel\(\), 3\)"),
        ({"Y": Y.argmax(1)}, ValueError, r"Y has shape \(6,\).*one_hot"),
        ({"X": [[1, 2], [3]]}, ValueError, "X is no rectangular arrangement"),
        ({"X": [["a"] * 5] * 6}, TypeError, "X: .* not <U1"),
        ({"X": None}, TypeError, "X: None stands where"),
        ({"X": X + 1j}, TypeError, "X: .* not complex128: write .real"),
        ({"Y": None}, TypeError, "Y: None stands where"),
        ({"X": NAN}, ValueError, "X holds nan in row 4, column 2"),
        ({"X": INFINITE}, ValueError, "X holds -inf in row 0, column 0"),
        ({"X": X * 1e300}, ValueError, "X holds .*e\\+.* no finite float32: 30 such entries"),
        ({"Y": np.where(Y == 1, np.nan, Y)}, ValueError, "Y holds nan"),
        ({"X": X[:0], "Y": Y[:0]}, ValueError, r"X is empty, of shape \(0, 5\)"),
        ({"X": [], "Y": []}, ValueError, "X is empty"),
        ({"Y": Y[:0]}, ValueError, "Y is empty"),
        ({"epochs": -1}, ValueError, "epochs is at least 0, not -1"),
        ({"epochs": 1.5}, TypeError, "epochs is an integer, not 1.5"),
        ({"epochs": "2"}, TypeError, "epochs is an integer"),
        ({"epochs": None}, TypeError, "epochs is an integer"),
        ({"validation": X}, ValueError, "both or neither"),
        ({"validation_label": Y}, ValueError, "both or neither"),
        ({"validation": X, "validation_label": Y[:2]}, ValueError, "validation has 6 rows and validation_label 2"),
        ({"validation": X[:, :2], "validation_label": Y}, ValueError, r"validation has shape \(6, 2\)"),
        ({"validation": X, "validation_label": Y[:, 0]}, ValueError, r"one_hot\(validation_label.ravel\(\), 3\)"),
        ({"validation": NAN, "validation_label": Y}, ValueError, "validation holds nan"),
        ({"validation": X[:0], "validation_label": Y[:0]}, ValueError, "validation is empty"),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("loss", LOSSES)
def test_data_that_do_not_fit_change_nothing(loss, given, error, message, capsys, tmp_path):
    network = NeuralNetwork([5, 4, 3], loss, out=tmp_path / "plots")
    before = weights_of(network)
    with pytest.raises(error, match=message):
        network.train(**{"X": X, "Y": Y, "epochs": 1, **given})
    for one, two in zip(before, weights_of(network), strict=True):
        np.testing.assert_array_equal(one, two)
    assert (network.n_iterations, network.iterations) == (0, [])
    assert capsys.readouterr() == ("", "")
    assert not (tmp_path / "plots").exists()


def test_only_cross_entropy_needs_labels_between_0_and_1():
    for labels in (Y - 0.01, Y * 1.01, Y * 2 - 1):
        network = quiet([5, 3], "cross_entropy")
        with pytest.raises(ValueError, match=r"between 0 and 1, but Y spans \["):
            network.train(X, labels)
        with pytest.raises(ValueError, match=r"between 0 and 1, but validation_label spans \["):
            network.train(X, Y, 1, X, labels)
        assert network.n_iterations == 0
        quiet([5, 3], "mean_square").train(X, labels, 1)


def test_labels_of_one_output_without_a_second_axis_are_to_be_reshaped():
    with pytest.raises(ValueError, match=r"write Y.reshape\(-1, 1\)"):
        quiet([5, 1]).train(X, Y[:, 0])


@pytest.mark.parametrize("given", [X[0], X[:, :4], X[:0], NAN, [["a"] * 5], [[1, 2], [3]]], ids=range(6))
def test_predict_checks_its_input(given):
    with pytest.raises((ValueError, TypeError), match=r"^X\b"):
        quiet([5, 3]).predict(given)


@pytest.mark.parametrize("loss", ["mean_square", "cross_entropy"])
@pytest.mark.parametrize("notation", ["rows", "document"])
def test_a_network_explains_itself(loss, notation):
    network = NeuralNetwork([3, 4, 2], loss=loss, monitor=False, plot=False, generator=0, dtype=np.float64)
    derivation = network.explain(notation=notation)
    assert derivation.is_verified
    assert set(derivation.errors) == {"0.weight", "2.weight"}
    assert max(derivation.errors.values()) < 1e-12
    several = network.explain(np.ones((4, 3)), np.full((4, 2), 0.5))
    assert several.is_verified
    assert "∈ ℝ⁴ˣ²" in str(several)
    with pytest.raises(ValueError, match="belong together"):
        network.explain(np.ones((1, 3)))
