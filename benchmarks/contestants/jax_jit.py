"""JAX with one compiled call for each step, and with weights of shape (inputs, outputs), as its users have them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..problem import Contest, Problem

jax.config.update("jax_enable_x64", True)  # the problem's arrays say which dtype it is


def parameters(problem: Problem) -> list[tuple[Any, Any]]:
    return [(jnp.asarray(w.T.copy()), jnp.asarray(b)) for w, b in zip(problem.weights, problem.biases, strict=True)]


def learnt(params: Any) -> list[Any]:
    """The weights, of shape (outputs, inputs), and then the biases."""
    return [np.asarray(w).T for w, _ in params] + [np.asarray(b) for _, b in params]


def logits(params: Any, x: Any) -> Any:
    for w, b in params[:-1]:
        x = jnp.tanh(x @ w + b)
    w, b = params[-1]
    return x @ w + b


def loss(params: Any, x: Any, y: Any) -> Any:
    z = logits(params, x)
    return jnp.sum(jax.nn.softplus(z) - y * z)


def descend(params: Any, x: Any, y: Any, rate: float) -> Any:
    """The parameters after one step of gradient descent."""
    return jax.tree.map(lambda p, g: p - rate * g, params, jax.grad(loss)(params, x, y))


def train(problem: Problem) -> Contest:
    params = parameters(problem)
    batches = [(jnp.asarray(x), jnp.asarray(y)) for x, y in zip(problem.x, problem.y, strict=True)]
    step = jax.jit(lambda params, x, y: descend(params, x, y, problem.rate), donate_argnums=0)

    def epoch() -> None:
        nonlocal params
        for x, y in batches:
            params = step(params, x, y)
        jax.block_until_ready(params)

    return Contest(epoch, lambda: learnt(params))


def predict(problem: Problem) -> Contest:
    params = parameters(problem)
    inputs = [jnp.asarray(x) for x in problem.x]
    probability = jax.jit(lambda params, x: jax.nn.sigmoid(logits(params, x)))

    def forward() -> Any:
        return jax.block_until_ready([probability(params, x) for x in inputs])

    return Contest(forward, lambda: [np.concatenate(forward())])
