"""JAX with the whole loop over an epoch compiled into one call, by ``lax.scan``."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..problem import Contest, Problem
from .jax_jit import descend, learnt, parameters


def train(problem: Problem) -> Contest:
    params = parameters(problem)
    xs = jnp.stack([jnp.asarray(x) for x in problem.x])
    ys = jnp.stack([jnp.asarray(y) for y in problem.y])

    def step(params: Any, xy: Any) -> Any:
        x, y = xy
        return descend(params, x, y, problem.rate), None

    compiled = jax.jit(lambda params, xs, ys: jax.lax.scan(step, params, (xs, ys))[0], donate_argnums=0)

    def epoch() -> None:
        nonlocal params
        params = jax.block_until_ready(compiled(params, xs, ys))

    return Contest(epoch, lambda: learnt(params))


# --- the document's experiment ----------------------------------------------------------------------------------------


def output(weights: Any, x: Any) -> Any:
    for w in weights[:-1]:
        x = jnp.tanh(x @ w)
    return jax.nn.sigmoid(x @ weights[-1])


def loss(weights: Any, x: Any, y: Any) -> Any:
    return 0.5 * jnp.sum((output(weights, x) - y) ** 2)


def evaluated(weights: Any, x: Any, y: Any) -> Any:
    """The loss and the accuracy."""
    a = output(weights, x)
    return 0.5 * jnp.sum((a - y) ** 2), jnp.mean(jnp.argmax(a, 1) == jnp.argmax(y, 1))


def train_on_each(weights: Any, xs: Any, ys: Any, rate: Any) -> Any:
    """The weights after one step of gradient descent for each sample, in order."""

    def step(weights: Any, xy: Any) -> Any:
        x, y = xy
        gradients = jax.grad(loss)(weights, x[None], y[None])  # a batch of one sample
        return jax.tree.map(lambda w, g: w - rate * g, weights, gradients), None

    return jax.lax.scan(step, weights, (xs, ys))[0]


def experiment(problem: Problem) -> Contest:
    steps, monitor = jax.jit(train_on_each), jax.jit(evaluated)
    x, y = jnp.asarray(problem.x[0]), jnp.asarray(problem.y[0])
    validation = [jnp.asarray(array) for array in problem.validation]
    trained: list[Any] = []

    def two_epochs() -> None:
        weights = [jnp.asarray(w.T.copy()) for w in problem.weights]
        for k in range(2):
            rate = jnp.asarray(1 / (100 + 10 * k), x.dtype)
            for i in range(0, len(x), 10_000):
                weights = steps(weights, x[i : i + 10_000], y[i : i + 10_000], rate)
                print(k, i, monitor(weights, x, y), monitor(weights, *validation))
        trained[:] = [np.asarray(w).T for w in weights]

    return Contest(two_epochs, lambda: trained)
