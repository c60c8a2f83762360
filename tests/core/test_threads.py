"""Threads that run at the same time compute what each of them computes alone."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from checks import equal, recorded
from strategies import Array, leaf

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim

POINTS = leaf(np.linspace(0, 1, 50))  # all threads compute gradients for it; none sets its .grad
COMMON = (POINTS.tanh() * POINTS.exp() + POINTS).square()  # walked by all threads


def trained(k: int, capture: bool = False) -> Array:
    """Train a network that belongs to this thread, and return its weights."""
    generator = tg.Generator().manual_seed(k)
    net = nn.Sequential(nn.Linear(3, 4, generator=generator), nn.Tanh(), nn.Linear(4, 2, generator=generator))
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

    def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    step = tg.capture(step) if capture else step
    x, y = (np.random.default_rng(k).normal(size=(5, n)) for n in (3, 2))
    for _ in range(200):
        step(tg.tensor(x, dtype=np.float32), tg.tensor(y, dtype=np.float32))
    return np.concatenate([parameter.detach().numpy().ravel() for parameter in net.parameters()])


def gradients_of_a_shared_leaf(k: int) -> Array:
    """The sum of gradients for POINTS, through graphs of this thread."""
    return sum(tg.autograd.grad(((POINTS * k).tanh() * POINTS).sum(), POINTS)[0].numpy() for _ in range(200))


def gradients_through_a_shared_graph(k: int) -> Array:
    """The sum of 200 gradients with cotangent `k` for the leaf POINTS, through COMMON, which all threads walk."""
    cotangent = np.full(POINTS.shape, k)
    return sum(tg.autograd.grad(COMMON, POINTS, cotangent, retain_graph=True)[0].numpy() for _ in range(200))


def gradients_at_shared_memory(k: int) -> Array:
    """The gradients of a leaf and of a computed Tensor of this thread. The leaf shares its memory with POINTS."""
    own = POINTS.detach().requires_grad_()
    for _ in range(200):
        inner = own * k
        inner.retain_grad()
        inner.register_hook(lambda g: g * 2)
        (inner.tanh() * own).sum().backward()
    return np.stack([own.grad.numpy(), inner.grad.numpy()])


def second_derivatives(k: int) -> Array:
    """The sum of second derivatives for POINTS."""
    total = np.zeros(POINTS.shape)
    for _ in range(100):
        (slope,) = tg.autograd.grad((POINTS * k).tanh().sum(), POINTS, create_graph=True)
        total += tg.autograd.grad((slope * slope).sum(), POINTS)[0].numpy()
    return total


def modes(k: int) -> Array:
    """Whether operations were recorded, inside and outside of a function that switches recording off."""
    answers = []
    for _ in range(200):
        with tg.set_grad_enabled(k % 2 == 0):
            answers += [recorded(), unrecorded(), recorded()]
    return np.array(answers)


@tg.no_grad()
def unrecorded() -> bool:
    """Whether operations are recorded inside no_grad."""
    return recorded()


def writes(k: int, repetitions: int = 200) -> Array:
    """Whether backward noticed a write. In every second repetition this thread writes to its own array."""
    x, refused = leaf(np.ones(3)), []
    for repetition in range(repetitions):
        y = (x * x).sum()
        if repetition % 2:
            optim.SGD([x], lr=1.0).step()
        try:
            y.backward()
            refused.append(False)
        except RuntimeError:
            refused.append(True)
    return np.array(refused)


WORK = {
    "train": trained,
    "train, captured": partial(trained, capture=True),
    "a shared leaf": gradients_of_a_shared_leaf,
    "a shared graph": gradients_through_a_shared_graph,
    "leaves that share memory": gradients_at_shared_memory,
    "second derivatives": second_derivatives,
    "modes": modes,
    "writes": writes,
}


def in_threads(chosen: list[Callable[[int], Array]]) -> list[Array]:
    """The result of each function, each run in a thread of its own. Python switches between them as often as it can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(len(chosen)) as pool:
            return list(pool.map(lambda work, k: work(k), chosen, range(len(chosen))))
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize("chosen", [*([work] * 4 for work in WORK.values()), [*WORK.values()]], ids=[*WORK, "mixed"])
def test_threads_compute_what_they_compute_alone(chosen: list[Callable[[int], Array]]) -> None:
    expected = [work(k) for k, work in enumerate(chosen)]
    computed = in_threads(chosen)
    assert POINTS.grad is None
    for one, other in zip(computed, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.long
def test_a_write_is_found_whatever_other_threads_do_meanwhile() -> None:
    """If one thread could hide the time of another thread's write, a few of these 12,000 writes would be missed."""
    found = in_threads([partial(writes, repetitions=3_000)] * 8)
    np.testing.assert_array_equal(np.sum(found, axis=1), 1_500)


def test_a_graph_can_be_continued_and_walked_in_other_threads() -> None:
    """One clock numbers the nodes of all threads, so nodes are visited in order whichever threads recorded them."""
    x = leaf(np.array([0.5, -0.25]))
    early = x.tanh()
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        late = early
        for pool in (one, other) * 5:
            late = pool.submit(lambda late=late: late * early).result()
        one.submit((late + early).sum().backward).result()
    t = np.tanh([0.5, -0.25])
    equal(x.grad, (11 * t**10 + 1) * (1 - t**2))


def test_a_write_in_another_thread_is_noticed() -> None:
    x = leaf(np.array([0.5, -0.25]))
    y = (x * x).sum()
    with ThreadPoolExecutor(1) as other:
        other.submit(x.detach().add_, 1).result()
    with pytest.raises(RuntimeError, match="changed"):
        y.backward()


SHARED = 1_000  # entries on a side: NumPy lets other threads run while it adds arrays of this size


def test_a_shared_leaf_gets_the_gradients_of_all_threads() -> None:
    shared = leaf(np.zeros((SHARED, SHARED)))
    (shared * 1.0).sum().backward()  # a gradient is there, to which all threads add

    def add(k: int) -> None:
        for _ in range(10):
            (shared * 1.0).sum().backward()

    in_threads([add] * 8)
    equal(shared.grad, np.full((SHARED, SHARED), 81.0))


def test_shared_parameters_get_the_gradients_of_all_threads_after_zero_grad() -> None:
    layer = nn.Linear(300, 300)
    total = np.zeros((300, 300))
    for _ in range(20):
        layer.zero_grad()
        in_threads([lambda k: layer(tg.ones(1, 300)).sum().backward()] * 4)
        assert layer.weight.grad is not None
        total += layer.weight.grad.numpy()
    np.testing.assert_array_equal(total, 80)


def test_a_shared_computed_tensor_keeps_the_gradients_of_all_threads() -> None:
    inner = leaf(np.zeros((SHARED, SHARED))) * 1.0

    def add(k: int) -> None:
        for _ in range(10):
            inner.sum().backward(inputs=[inner], retain_graph=True)

    in_threads([add] * 8)
    equal(inner.grad, np.full((SHARED, SHARED), 80.0))


def test_running_values_that_threads_share_are_moved_one_call_at_a_time() -> None:
    """Each call moves the mean to 1 by a hundredth of the distance. If two calls were mixed, it would move further."""
    layer = nn.BatchNorm1d(50_000, momentum=0.01)
    x = tg.ones(2, 50_000)
    in_threads([lambda k: [layer(x) for _ in range(40)]] * 4)
    assert layer.running_mean is not None
    np.testing.assert_allclose(layer.running_mean.numpy(), 1 - 0.99**160, rtol=1e-5)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")  # of Python 3.12 and newer
def test_a_child_that_is_forked_while_a_thread_writes_can_write() -> None:
    stop = threading.Event()
    x = tg.ones(1)

    def write() -> None:
        while not stop.is_set():
            x.add_(1)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(10):
            child = os.fork()
            if not child:  # a lock that is never released would stop it here
                try:
                    tg.ones(3).add_(1)
                    os._exit(0)
                finally:
                    os._exit(1)
            ended = status = 0
            deadline = time.monotonic() + 60
            while not ended and time.monotonic() < deadline:
                ended, status = os.waitpid(child, os.WNOHANG)
                time.sleep(0.001)
            if not ended:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            assert (ended, status) == (child, 0)
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def test_threads_that_share_one_memory_at_once_share_it_together() -> None:
    """If one sharing were lost, nobody would notice a write through its view once the other view is gone."""
    for _ in range(5):
        x = leaf(np.ones(1_000_000))
        y = (x * x).sum()
        views = in_threads([lambda k, x=x: x.detach().numpy()] * 2)
        kept = views.pop()
        views.clear()
        kept[0] = 5.0
        with pytest.raises(RuntimeError, match="changed"):
            y.backward()
