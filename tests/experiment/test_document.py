"""Automatic gradients and training steps equal those that the document (see README.md) derives by hand.

Its formulas are written here in NumPy: a sample x is a column vector, W⁽ˡ⁾ leads from layer l to layer l + 1, g is the
sigmoid, f is tanh, and D is a diagonal matrix of derivatives. The framework takes samples as rows, so it gets xᵀ.
"""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tinygrad_mlp import nn, no_grad, tensor
from tinygrad_mlp.experiment.neural_network import NeuralNetwork

# --- the formulas -----------------------------------------------------------------------------------------------------


def g(z):
    """The sigmoid, which gives the outputs."""
    return 1 / (1 + np.exp(-z))


def f(z):
    """The activation of hidden layers."""
    return np.tanh(z)


def diag(column):
    """The diagonal matrix with the entries of a column."""
    return np.diag(column[:, 0])


def mean_square(x, y, W1, W2):
    """Section 2.1: ∇W⁽¹⁾ and ∇W⁽²⁾ of ½ (y − g(z⁽³⁾))ᵀ (y − g(z⁽³⁾))."""
    z2 = W1 @ x
    a2 = f(z2)
    z3 = W2 @ a2
    D2 = diag(1 - np.tanh(z2) ** 2)
    D3 = diag(g(z3) * (1 - g(z3)))
    return -D2 @ W2.T @ D3 @ (y - g(z3)) @ x.T, -D3 @ (y - g(z3)) @ a2.T


def cross_entropy(x, y, W1, W2):
    """Section 2.2: ∇W⁽¹⁾ and ∇W⁽²⁾ of −Σ (yⱼ ln g(zⱼ⁽³⁾) + (1 − yⱼ) ln(1 − g(zⱼ⁽³⁾)))."""
    z2 = W1 @ x
    a2 = f(z2)
    z3 = W2 @ a2
    D2 = diag(1 - np.tanh(z2) ** 2)
    D3 = diag(g(z3) * (1 - g(z3)))
    dL = (1 - y) / (1 - g(z3)) - y / g(z3)
    return D2 @ W2.T @ D3 @ dL @ x.T, D3 @ dL @ a2.T


def cross_entropy_simplified(x, y, W1, W2):
    """Section 4: the same gradients after D⁽³⁾ has cancelled, which leaves a − y with a = g(z⁽³⁾)."""
    z2 = W1 @ x
    a2 = f(z2)
    a = g(W2 @ a2)
    D2 = diag(1 - np.tanh(z2) ** 2)
    return D2 @ W2.T @ (a - y) @ x.T, (a - y) @ a2.T


def recurrence(loss, x, y, weights):
    """The gradients for any number of layers: ∇W⁽ˡ⁾ = δ⁽ˡ⁺¹⁾ a⁽ˡ⁾ᵀ with δ⁽ˡ⁾ = D⁽ˡ⁾ W⁽ˡ⁾ᵀ δ⁽ˡ⁺¹⁾."""
    a = [x]
    for W in weights[:-1]:
        a.append(f(W @ a[-1]))
    output = g(weights[-1] @ a[-1])
    delta = output - y if loss == "cross_entropy" else -diag(output * (1 - output)) @ (y - output)
    gradients = [delta @ a[-1].T]
    for layer in range(len(weights) - 1, 0, -1):
        D = diag(1 - a[layer] ** 2)
        delta = D @ weights[layer].T @ delta
        gradients.insert(0, delta @ a[layer - 1].T)
    return gradients


# --- the same losses in the framework ---------------------------------------------------------------------------------


def network_with(weights):
    """Linear, Tanh, …, Linear with these weights and no biases. Its outputs are the logits z⁽ᴸ⁾."""
    modules = []
    for W in weights:
        modules += [nn.Linear(W.shape[1], W.shape[0], bias=False, dtype=np.float64), nn.Tanh()]
    network = nn.Sequential(*modules[:-1])
    set_weights(network, weights)
    return network


def set_weights(network, weights):
    with no_grad():
        for parameter, W in zip(network.parameters(), weights, strict=True):
            parameter.copy_(W)


def half_squares(z, y):
    return 0.5 * nn.MSELoss(reduction="sum")(z.sigmoid(), y)


def half_squares_in_numpy(z, y):
    return np.sum((y - 1 / (1 + np.exp(-z))) ** 2) / 2


def entropy_of_probabilities(z, y):
    return nn.BCELoss(reduction="sum")(z.sigmoid(), y)


def entropy_of_logits(z, y):
    return nn.BCEWithLogitsLoss(reduction="sum")(z, y)


def entropy_in_numpy(z, y):
    a = 1 / (1 + np.exp(-z))
    return -np.sum(y * np.log(a) + (1 - y) * np.log(1 - a))


def autodiff(loss, x, y, weights):
    """The gradients of the weights, by backward."""
    network = network_with(weights)
    loss(network(tensor(x.T)), y.T).backward()
    return [parameter.grad.numpy() for parameter in network.parameters()]


ROUNDING = 1e-14  # the error that rounding leaves where numbers of about 1 cancel, such as y and g(z)


def assert_equal(computed, expected):
    """Assert that entries differ by at most 1e-10 of the largest entry, and by rounding."""
    for one, other in zip(computed, expected, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-10 * np.abs(other).max(initial=0) + ROUNDING)


# --- what is drawn ----------------------------------------------------------------------------------------------------

numbers = st.floats(-1.5, 1.5).map(lambda number: number if abs(number) > 1e-6 else 0.5)
sizes = st.integers(1, 5)
three_layers = st.tuples(sizes, sizes, sizes)
one_sample = st.just(1)


@st.composite
def problems(draw, layers=three_layers, samples=one_sample):
    """Samples x as columns, targets y, and the weights of each layer."""
    layers, n = draw(layers), draw(samples)
    weights = [draw(arrays(np.float64, (n_out, n_in), elements=numbers)) for n_in, n_out in pairwise(layers)]
    x = draw(arrays(np.float64, (layers[0], n), elements=numbers))
    y = draw(arrays(np.float64, (layers[-1], n), elements=st.sampled_from([0.0, 1.0]) | st.floats(0, 1)))
    return x, y, weights


any_depth = problems(layers=st.lists(sizes, min_size=2, max_size=6))


# --- the gradients ----------------------------------------------------------------------------------------------------

FORMULAS = {
    "2.1, MSELoss": (mean_square, half_squares),
    "2.1, NumPy on Tensors": (mean_square, half_squares_in_numpy),
    "2.2, BCELoss": (cross_entropy, entropy_of_probabilities),
    "2.2, BCEWithLogitsLoss": (cross_entropy, entropy_of_logits),
    "2.2, NumPy on Tensors": (cross_entropy, entropy_in_numpy),
    "4, BCELoss": (cross_entropy_simplified, entropy_of_probabilities),
    "4, BCEWithLogitsLoss": (cross_entropy_simplified, entropy_of_logits),
}


@pytest.mark.parametrize("section", FORMULAS)
@given(problem=problems())
def test_autodiff_equals_the_gradients_derived_by_hand(section, problem):
    derived, loss = FORMULAS[section]
    x, y, weights = problem
    assert_equal(autodiff(loss, x, y, weights), derived(x, y, *weights))


@given(problem=problems(samples=st.integers(1, 4)))
def test_the_gradient_of_a_batch_is_the_sum_of_its_samples_gradients(problem):
    X, Y, weights = problem
    for derived, loss in ((mean_square, half_squares), (cross_entropy, entropy_of_logits)):
        of_samples = [derived(X[:, [i]], Y[:, [i]], *weights) for i in range(X.shape[1])]
        batch = autodiff(loss, X, Y, weights)
        for one, parts in zip(batch, zip(*of_samples, strict=True), strict=True):
            largest = max(np.abs(part).max() for part in parts)
            np.testing.assert_allclose(one, sum(parts), rtol=0, atol=1e-10 * largest + ROUNDING)


@pytest.mark.parametrize("loss", ["mean_square", "cross_entropy"])
@given(problem=any_depth)
def test_autodiff_equals_the_recurrence_for_any_depth(loss, problem):
    x, y, weights = problem
    computed = autodiff(half_squares if loss == "mean_square" else entropy_of_logits, x, y, weights)
    assert_equal(computed, recurrence(loss, x, y, weights))


@given(problem=problems())
def test_the_recurrence_equals_the_formulas_for_three_layers(problem):
    x, y, weights = problem
    assert_equal(recurrence("mean_square", x, y, weights), mean_square(x, y, *weights))
    assert_equal(recurrence("cross_entropy", x, y, weights), cross_entropy_simplified(x, y, *weights))


@given(z=st.floats(-700, 700), y=st.floats(0, 1))
def test_the_gradient_of_a_logit_is_a_minus_y_even_if_saturated(z, y):
    """Section 4 for w = 1, where the formulas of section 2.2 divide by zero."""
    logit = tensor(np.array([z]), requires_grad=True)
    entropy_of_logits(logit, np.array([y])).backward()
    np.testing.assert_allclose(logit.grad.numpy(), [g(z) - y], rtol=1e-10, atol=1e-15 * g(z) + 1e-300)


# --- the updates ------------------------------------------------------------------------------------------------------


def hand_derived_training(loss, X, Y, weights, epochs):
    """W⁽ˡ⁾ := W⁽ˡ⁾ − α ∇W⁽ˡ⁾ for each sample (a column) in turn, with α = 1 / (100 + 10 k) in epoch k."""
    weights = [W.copy() for W in weights]
    for k in range(epochs):
        for i in range(X.shape[1]):
            gradients = recurrence(loss, X[:, [i]], Y[:, [i]], weights)
            weights = [W - 1 / (100 + 10 * k) * gradient for W, gradient in zip(weights, gradients, strict=True)]
    return weights


@pytest.mark.parametrize("loss", ["mean_square", "cross_entropy"])
@given(
    problem=problems(layers=st.lists(sizes, min_size=2, max_size=5), samples=st.integers(1, 6)),
    epochs=st.integers(0, 3),
)
def test_steps_of_training_equal_hand_derived_updates(loss, problem, epochs):
    X, Y, weights = problem
    layers = [X.shape[0], *(W.shape[0] for W in weights)]
    network = NeuralNetwork(layers, loss, monitor=False, plot=False, dtype=np.float64)
    set_weights(network.model, weights)
    network.train(X.T, Y.T, epochs)
    trained = [parameter.detach().numpy() for parameter in network.model.parameters()]
    assert_equal(trained, hand_derived_training(loss, X, Y, weights, epochs))


@pytest.mark.parametrize("loss", ["mean_square", "cross_entropy"])
def test_hundreds_of_steps_from_initial_weights_equal_hand_derived_updates(loss):
    random = np.random.default_rng(0)
    X, Y = random.normal(size=(20, 150)), np.eye(4)[:, random.integers(4, size=150)]
    network = NeuralNetwork([20, 7, 4], loss, monitor=False, plot=False, dtype=np.float64, generator=random)
    weights = [parameter.detach().numpy().copy() for parameter in network.model.parameters()]
    network.train(X.T, Y.T, 3)
    trained = [parameter.detach().numpy() for parameter in network.model.parameters()]
    assert_equal(trained, hand_derived_training(loss, X, Y, weights, 3))
