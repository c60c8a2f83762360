"""Anomaly detection names the first function that gives NaN or infinity, and the line that called it."""

import asyncio
import inspect
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from strategies import Array, leaf

import tinygrad_mlp as tg
from tinygrad_mlp.autograd import detect_anomaly, grad


def line() -> int:
    """The number of the line that calls this function."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def test_the_first_infinity_of_the_forward_pass_is_named() -> None:
    x = tg.tensor([[1.0, 0.0], [4.0, -0.0]])
    with detect_anomaly(), pytest.raises(RuntimeError) as error:
        (x + 0).log().exp()
    at = line() - 1
    assert str(error.value) == (
        f"log at test_anomaly.py:{at} returned shape (2, 2), min 0, max 1.386, 2 infinite; "
        "input 0: shape (2, 2), min 0, max 4"
    )


def test_the_first_nan_of_the_backward_pass_is_named() -> None:
    x = leaf(np.array([0.0, 4.0]))
    with detect_anomaly():
        at = line() + 1
        y = x.sqrt()
        with pytest.raises(RuntimeError) as error:
            (y * y).sum().backward()
    assert str(error.value) == (
        f"the gradient of sqrt at test_anomaly.py:{at} with respect to input 0 is shape (2,), min 1, max 1, 1 NaN; "
        "the gradient that came to it is shape (2,), min 0, max 4; input 0: shape (2,), min 0, max 4"
    )
    assert x.grad is None


def test_nan_in_an_input_is_found_at_its_first_use() -> None:
    x = tg.tensor([1.0, float("nan"), float("-inf")])
    with (
        detect_anomaly(),
        pytest.raises(RuntimeError, match=r"multiply.*input 0: shape \(3,\), min 1, max 1, 1 NaN, 1 inf.*"),
    ):
        x * 2


def test_factored_gradients_are_watched() -> None:
    layer = tg.nn.Linear(2, 3)
    with detect_anomaly(), pytest.raises(RuntimeError, match=r"linear.* with respect to input 1 is .*3 infinite"):
        # The weight's gradient is kept as two finite factors. Only their product exceeds float32.
        layer(tg.tensor([[1e38, 0.0]])).backward(np.full((1, 3), 1e10))


def test_second_derivatives_are_watched() -> None:
    x = leaf(np.array(0.0))
    with detect_anomaly():
        (first,) = grad(x**1.5, x, create_graph=True)
        with pytest.raises(RuntimeError, match="gradient of power"):
            first.backward()


def test_anomalies_pass_without_detection() -> None:
    x = leaf(np.array([0.0, 4.0]))
    with np.errstate(all="ignore"):
        (x.sqrt() * 0).sum().backward()
        with detect_anomaly(check_nan=False):
            x.log()
    assert x.grad is not None
    assert np.isnan(x.grad._data[0])


def test_the_error_for_a_changed_array_names_the_line() -> None:
    y = leaf(np.ones(2)) + 1
    z = y * y
    at = line() - 1
    with tg.no_grad():
        y.add_(1)
    with pytest.raises(RuntimeError, match=f"multiply.*test_anomaly.py:{at}"):
        z.sum().backward()


def anomalous() -> None:
    with np.errstate(all="ignore"):
        tg.tensor(0.0).log()


def test_all_threads_are_watched() -> None:
    with (
        detect_anomaly(),
        ThreadPoolExecutor(1) as other,
        pytest.raises(RuntimeError, match=r"log at test_anomaly.py"),
    ):
        other.submit(anomalous).result()
    anomalous()


def test_detection_ends_with_its_block_and_nests() -> None:
    mode = detect_anomaly()
    with mode:
        with mode, pytest.raises(RuntimeError):
            anomalous()
        with pytest.raises(RuntimeError):
            anomalous()
    anomalous()
    switched = tg.autograd.set_detect_anomaly(True)
    with switched, pytest.raises(RuntimeError):
        anomalous()
    anomalous()
    with pytest.raises(RuntimeError):
        detect_anomaly()(anomalous)()
    anomalous()


def test_training_is_the_same_when_watched() -> None:
    def train() -> Array:
        tg.manual_seed(0)
        net = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.Tanh(), tg.nn.Linear(4, 1))
        optimizer = tg.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        for _ in range(3):
            optimizer.zero_grad()
            net(tg.ones(5, 3)).square().mean().backward()
            optimizer.step()
        return np.concatenate([p.detach().numpy().ravel() for p in net.parameters()])

    with detect_anomaly():
        watched = train()
    np.testing.assert_array_equal(watched, train())


def test_an_anomaly_in_a_graph_recorded_before_detection_is_found() -> None:
    x = tg.tensor(np.zeros(40), requires_grad=True)
    y = (x * 2.0).sqrt()
    with (
        detect_anomaly(),
        pytest.raises(RuntimeError, match=r"gradient of sqrt .* 40 infinite; .*input 0: shape \(40,\)"),
    ):
        y.sum().backward()


def test_blocks_of_tasks_that_overlap_end_one_by_one() -> None:
    async def watched(before: float, inside: float) -> None:
        await asyncio.sleep(before)
        with detect_anomaly():
            await asyncio.sleep(inside)
            with pytest.raises(RuntimeError, match="log"):
                tg.tensor([-1.0]).log()

    async def main() -> None:
        await asyncio.gather(watched(0, 0.01), watched(0.005, 0.01))

    asyncio.run(main())
    with np.errstate(invalid="ignore"):
        assert np.isnan(tg.tensor([-1.0]).log().item())


def test_threads_may_share_one_block() -> None:
    block = detect_anomaly()

    def watch(_: int) -> bool:
        for _ in range(100):
            with block:
                try:
                    tg.tensor([-1.0]).log()
                    return False
                except RuntimeError:
                    pass
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(watch, range(4)))
    with np.errstate(invalid="ignore"):
        assert np.isnan(tg.tensor([-1.0]).log().item())


def test_one_switch_may_serve_two_blocks() -> None:
    switch = tg.autograd.set_detect_anomaly(True)
    for _ in range(2):
        with switch:
            pass
    with np.errstate(invalid="ignore"):
        assert np.isnan(tg.tensor([-1.0]).log().item())
