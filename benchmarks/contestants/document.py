"""The code of the document (see the README) as it stands, which takes one sample a step and has no biases."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..problem import Array, Contest, LeftOut, Problem


class NeuralNetwork:
    """The document's class without its plots. Unlike there, the weights and the rate are arguments."""

    def __init__(self, weights: list[Array], loss: str, rate: float | None = None) -> None:
        self.weights = [weight.copy() for weight in weights]
        self.rate = rate
        self.n_save = 10_000
        self.loss = {"cross_entropy": self.cross_entropy, "mean_square": self.mean_square}[loss]
        self.loss_deriv = {"cross_entropy": self.cross_entropy_deriv, "mean_square": self.mean_square_deriv}[loss]

    def tanh(self, x: Any) -> Any:
        return np.tanh(x)

    def tanh_deriv(self, x: Any) -> Any:
        return 1.0 - (x) ** 2

    def logistic(self, x: Any) -> Any:
        return 1 / (1 + np.exp(-x))

    def logistic_deriv(self, x: Any) -> Any:
        return x * (1 - x)

    def mean_square(self, Y: Any, Yhat: Any) -> Any:
        return 0.5 * np.sum((Y - Yhat) ** 2)

    def mean_square_deriv(self, y: Any, yhat: Any) -> Any:
        return -(y - yhat)

    def cross_entropy(self, Y: Any, Yhat: Any) -> Any:
        return -np.sum(np.multiply(Y, np.log(Yhat)) + np.multiply((1 - Y), np.log(1 - Yhat)))

    def cross_entropy_deriv(self, y: Any, yhat: Any) -> Any:
        return (1 - y) / (1 - yhat) - (y / yhat)

    def accuracy(self, Y: Any, Yhat: Any) -> Any:
        Y = np.argmax(Y, axis=1).flatten()
        Yhat = np.argmax(Yhat, axis=1).flatten()
        return np.mean(Y == Yhat)  # noqa: SIM300

    def learning_rate(self, k: int) -> float:
        return 1 / float(100 + 10 * k) if self.rate is None else self.rate

    def track_progress(self, n_iterations: int, X: Any, Y: Any, validation: Any, validation_label: Any) -> str:
        YHat = self.predict(X)
        accuracy = self.accuracy(Y, YHat)
        loss = self.loss(Y, YHat)
        progress_string = f"Iteration {n_iterations} - training loss: {loss} | training accuracy: {accuracy}"
        YHat = self.predict(validation)
        accuracy = self.accuracy(validation_label, YHat)
        return progress_string + progress_string + " | validation accuracy: " + str(accuracy)

    def train(self, X: Any, Y: Any, epochs: int, validation: Any = None, validation_label: Any = None) -> None:
        n_samples = X.shape[0]
        n_iterations = 0
        for k in range(epochs):
            for i in range(n_samples):
                a = [X[[i], :].T]
                y = Y[[i], :]
                # Forward propagation step
                for j in range(len(self.weights) - 1):
                    a.append(self.tanh(np.dot(self.weights[j], a[-1])))
                a.append(self.logistic(np.dot(self.weights[-1], a[-1])))
                # Backpropagation step
                gradients: list[Any] = []
                D3 = np.diag(self.logistic_deriv(a[-1].flatten()))
                L_deriv = self.loss_deriv(y.T, a[-1])
                gradient = np.dot(np.dot(D3, L_deriv), a[-2].T)
                gradients.insert(0, gradient)
                D2 = np.diag(self.tanh_deriv(a[-2].flatten()))
                gradient = np.dot(np.dot(np.dot(np.dot(D2, self.weights[-1].T), D3), L_deriv), a[-3].T)
                gradients.insert(0, gradient)
                for j in range(len(self.weights)):
                    self.weights[j] -= self.learning_rate(k) * gradients[j]
                # Report progress
                if validation is not None and n_iterations % self.n_save == 0:
                    print(self.track_progress(n_iterations, X, Y, validation, validation_label))
                n_iterations += 1

    def predict(self, X: Any) -> Any:
        predictions = []
        for i in range(X.shape[0]):
            a = X[[i], :].T
            for weight in self.weights[:-1]:
                a = self.tanh(np.dot(weight, a))
            a = self.logistic(np.dot(self.weights[-1], a))
            predictions.append(a.flatten())
        return np.array(predictions)


def train(problem: Problem) -> Contest:
    if len(problem.x[0]) != 1:
        raise LeftOut("it takes one sample a step")
    network = NeuralNetwork(problem.weights, "cross_entropy", problem.rate)
    x, y = np.concatenate(problem.x), np.concatenate(problem.y)
    return Contest(lambda: network.train(x, y, 1), lambda: network.weights)


def predict(problem: Problem) -> Contest:
    network = NeuralNetwork(problem.weights, "cross_entropy")

    def forward() -> list[Any]:
        return [network.predict(x) for x in problem.x]

    return Contest(forward, lambda: [np.concatenate(forward())])


def experiment(problem: Problem) -> Contest:
    trained: list[Any] = []

    def two_epochs() -> None:
        network = NeuralNetwork(problem.weights, "mean_square")
        network.train(problem.x[0], problem.y[0], 2, *problem.validation)
        trained[:] = network.weights

    return Contest(two_epochs, lambda: trained)
