"""Networks, optimizers and training steps that several files of this folder capture, and comparisons to the bit."""

from __future__ import annotations

import itertools

import numpy as np

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim

LOSSES = {
    "mse": lambda z, y: nn.functional.mse_loss(z, y),
    "mean_square": lambda z, y: nn.functional.mse_loss(z.sigmoid(), y, reduction="sum") * 0.5,
    "bce": lambda z, y: nn.functional.binary_cross_entropy(z.sigmoid(), y, reduction="sum"),
    "bce_logits": lambda z, y: nn.functional.binary_cross_entropy_with_logits(z, y, reduction="sum"),
    "soft_cross_entropy": lambda z, y: -(y * z.log_softmax(-1)).sum(),
    "penalty": lambda z, y: ((z - y).abs().sqrt() + (z * y).exp().log() / (1 + y) ** 3).mean(),
}
ACTIVATIONS = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "relu": nn.ReLU}
OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.05),
    "momentum": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, dampening=0.3, weight_decay=0.01),
    "nesterov": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "maximize": lambda p: optim.SGD(p, lr=0.05, maximize=True),
}


def build(widths, activation="tanh", optimizer="sgd", bias=True, dtype="float64", seed=0):
    """A network of Linear layers and activations, and its optimizer."""
    generator = tg.Generator().manual_seed(seed)
    layers = []
    for i, (fan_in, fan_out) in enumerate(itertools.pairwise(widths)):
        layers += [nn.Linear(fan_in, fan_out, bias=bias, dtype=dtype, generator=generator)]
        layers += [ACTIVATIONS[activation]()] if i < len(widths) - 2 else []
    net = nn.Sequential(*layers)
    return net, OPTIMIZERS[optimizer](net.parameters())


def step_of(net, optimizer, loss):
    """The usual training step: clear the gradients, compute the loss, go backward and update."""

    def step(x, y):
        optimizer.zero_grad()
        value = loss(net(x), y)
        value.backward()
        optimizer.step()
        return value

    return step


class World:
    """A small network and everything that trains it. Tests make two equal worlds: one trains eagerly, one captured."""

    def __init__(self, *layers):
        self.generator = tg.Generator().manual_seed(7)
        first = nn.Linear(3, 4, dtype="float64", generator=self.generator)
        self.net = nn.Sequential(first, *layers, nn.Tanh(), nn.Linear(4, 2, dtype="float64", generator=self.generator))
        self.optimizer = optim.SGD(self.net.parameters(), lr=0.1, momentum=0.5)
        self.schedule = optim.lr_scheduler.StepLR(self.optimizer, 2)
        self.average = [p.detach().clone() for p in self.net.parameters()]
        self.weights = tg.tensor(np.array([0.5, 2.0]))

    def state(self):
        """All that a training step changes, as a list to compare."""
        tensors = [*self.net.parameters(), *self.net.buffers(), *self.average]
        arrays = [t.detach().numpy().copy() for t in tensors]
        arrays += [np.array(p.grad) for p in self.net.parameters() if p.grad is not None]
        return [*arrays, *self.optimizer.state_dict()["state"].values(), self.optimizer.param_groups[0]["lr"]]


def training(loss_of, before_step=lambda w: None, after=lambda w: None):
    """A function that makes a training step of a `World`.

    The step reads the world through helper functions, because `capture` does not look into those.
    """

    def make(w):
        def loss_in(x, y):
            return loss_of(w, x, y)

        def prepare():
            before_step(w)

        def finish():
            after(w)

        optimizer = w.optimizer

        def step(x, y):
            optimizer.zero_grad()
            loss = loss_in(x, y)
            loss.backward()
            prepare()
            optimizer.step()
            finish()
            return loss

        return step

    return make


def mean_square(w, x, y):
    return nn.functional.mse_loss(w.net(x), y)


@tg.no_grad()
def averaging(w):
    """Move the averages of the weights towards the weights."""
    for average, parameter in zip(w.average, w.net.parameters(), strict=True):
        average.mul_(0.9).add_(parameter, alpha=0.1)


@tg.no_grad()
def by_hand(w):
    """Descend along the gradients without an optimizer."""
    for parameter in w.net.parameters():
        parameter -= 0.01 * parameter.grad


def classes_of(y):
    return y.argmax(1)


def accumulating(w):
    """A step that adds gradients up, and updates where its argument `last` says so."""
    net, optimizer = w.net, w.optimizer

    def step(x, y, last):
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        if last:
            optimizer.step()
            optimizer.zero_grad()
        return loss

    return step


def with_accuracy(w):
    """A step that also returns the share of right decisions, in a dict."""
    net, optimizer = w.net, w.optimizer

    def step(x, y):
        optimizer.zero_grad()
        logits = net(x)
        loss = nn.functional.cross_entropy(logits, y.argmax(1))
        loss.backward()
        optimizer.step()
        return {"loss": loss, "accuracy": (logits.argmax(1) == y.argmax(1)).to(np.float64).mean()}

    return step


def adversarial(w):
    """A step that trains on inputs moved along the gradient of the loss with respect to them."""
    net, optimizer = w.net, w.optimizer

    def step(x, y):
        near = x.clone().requires_grad_()
        nn.functional.mse_loss(net(near), y).backward()
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x + 0.1 * near.grad.sign()), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def penalized(w, x, y):
    """The loss plus the squared gradient of the outputs with respect to a weight."""
    (gradient,) = tg.autograd.grad(w.net(x).sum(), w.net[0].weight, create_graph=True)
    return mean_square(w, x, y) + gradient.square().sum()


def summed_in_place(w, x, y):
    """The loss times a number that is added up in a new Tensor."""
    total = tg.zeros(2, dtype=np.float64)
    with tg.no_grad():
        total += y.sum(0)
    return mean_square(w, x, y) * total.sum()


# What ordinary training steps do besides computing a loss, its gradients and an update.
ORDINARY = {
    "dropout": training(
        lambda w, x, y: nn.functional.mse_loss(nn.functional.dropout(w.net(x), 0.3, generator=w.generator), y)
    ),
    "a Dropout layer": training(mean_square),
    "noise on the inputs": training(
        lambda w, x, y: mean_square(w, x + tg.randn(*x.shape, generator=w.generator, dtype=np.float64), y)
    ),
    "noise from the default generator": training(lambda w, x, y: mean_square(w, x + tg.rand(3, dtype=np.float64), y)),
    "noise in place": training(lambda w, x, y: mean_square(w, nn.init.normal_(x * 0, generator=w.generator) + x, y)),
    "drawn integers": training(lambda w, x, y: mean_square(w, x[tg.randperm(len(x), generator=w.generator)], y)),
    "clipping by norm": training(mean_square, lambda w: nn.utils.clip_grad_norm_(w.net.parameters(), 0.1)),
    "clipping by a 1-norm": training(mean_square, lambda w: nn.utils.clip_grad_norm_(w.net.parameters(), 0.1, 1.0)),
    "clipping by value": training(mean_square, lambda w: nn.utils.clip_grad_value_(w.net.parameters(), 0.01)),
    "class weights": training(lambda w, x, y: nn.functional.cross_entropy(w.net(x), classes_of(y), weight=w.weights)),
    "sample weights": training(lambda w, x, y: nn.functional.mse_loss(w.net(x), y, weight=y * w.weights)),
    "an L1 penalty": training(
        lambda w, x, y: mean_square(w, x, y) + 0.01 * sum(p.abs().sum() for p in w.net.parameters())
    ),
    "an average of weights": training(mean_square, after=averaging),
    "a schedule": training(mean_square, after=lambda w: w.schedule.step()),
    "descent by hand": training(mean_square, after=by_hand),
    "accumulation": accumulating,
    "accuracy": with_accuracy,
    "gradients of inputs": adversarial,
    "a gradient penalty": training(penalized),
    "a constant written to": training(summed_in_place),
}  # fmt: skip


def is_same(one, other):
    """Whether two results or two entries of a state are equal to the bit."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, tg.Tensor):
        one, other = one.detach().numpy(), other.detach().numpy()
    return np.array_equal(one, other, equal_nan=True) and np.asarray(one).dtype == np.asarray(other).dtype


def assert_same_states(one, other):
    """Assert that two lists of arrays and numbers are equal to the bit."""
    assert len(one) == len(other)
    assert all(map(is_same, one, other))
