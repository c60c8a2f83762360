"""A replay of a captured step gives, bit for bit, the results and gradients of the step itself."""

from __future__ import annotations

import numpy as np
import pytest
from captured_steps import ACTIVATIONS, LOSSES, OPTIMIZERS, ORDINARY, World, assert_same_states, build, is_same, step_of
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim


@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=4),
    st.sampled_from(sorted(ACTIVATIONS)),
    st.sampled_from(sorted(LOSSES)),
    st.sampled_from(sorted(OPTIMIZERS)),
    st.booleans(),
    st.sampled_from(["float32", "float64"]),
    st.lists(st.integers(1, 70), min_size=3, max_size=8),
    st.integers(0, 2**32 - 1),
)
def test_replays_are_bit_identical_to_eager_steps(widths, activation, loss, optimizer, bias, dtype, batches, seed):
    net, eager_optimizer = build(widths, activation, optimizer, bias, dtype, seed)
    twin, captured_optimizer = build(widths, activation, optimizer, bias, dtype, seed)
    eager = step_of(net, eager_optimizer, LOSSES[loss])
    captured = tg.capture(step_of(twin, captured_optimizer, LOSSES[loss]))
    generator = np.random.default_rng(seed)
    for number, rows in enumerate([*batches, *batches]):  # the second time, each number of rows is replayed
        rate = 1e-3 / (1 + number)
        eager_optimizer.param_groups[0]["lr"] = captured_optimizer.param_groups[0]["lr"] = rate
        x = tg.tensor(generator.normal(size=(rows, widths[0])).astype(dtype))
        y = tg.tensor(generator.uniform(0.1, 0.9, size=(rows, widths[-1])).astype(dtype))
        expected, computed = eager(x, y), captured(x, y)
        np.testing.assert_array_equal(expected.detach().numpy(), computed.detach().numpy())
        for parameter, other in zip(net.parameters(), twin.parameters(), strict=True):
            np.testing.assert_array_equal(parameter.detach().numpy(), other.detach().numpy())
            np.testing.assert_array_equal(parameter.grad.numpy(), other.grad.numpy())
    assert captured.captured is True


@pytest.mark.parametrize("rows", [1, 2, 40, 300])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("columns", [1, 10, 60])
def test_products_of_all_shapes_are_replayed_to_the_bit(rows, columns, dtype):
    """The first product adds up 784 terms for each entry, as many as an image of MNIST has pixels.

    BLAS adds so many terms up in parts, and the parts depend on the routine and on the order in memory. So a replay has
    to make the very same call.
    """
    generator = np.random.default_rng(rows)
    x = tg.tensor(generator.normal(size=(rows, 784)).astype(dtype))
    y = tg.tensor(generator.uniform(size=(rows, columns)).astype(dtype))
    eager, twin = (build([784, 50, columns], dtype=dtype) for _ in range(2))
    step, captured = step_of(*eager, LOSSES["mse"]), tg.capture(step_of(*twin, LOSSES["mse"]))
    for _ in range(4):
        np.testing.assert_array_equal(step(x, y).detach().numpy(), captured(x, y).detach().numpy())
    assert captured.captured is True
    for parameter, other in zip(eager[0].parameters(), twin[0].parameters(), strict=True):
        np.testing.assert_array_equal(parameter.detach().numpy(), other.detach().numpy())


CLASS_LOSS_OPTIONS = {
    "plain": {},
    "sum": {"reduction": "sum"},
    "none": {"reduction": "none"},
    "weighted": {"weight": tg.tensor([0.5, 2.0, 1.0])},
    "ignoring": {"ignore_index": 1},
    "smoothed": {"label_smoothing": 0.1, "ignore_index": 2, "weight": tg.tensor([0.5, 2.0, 1.0])},
}


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
@pytest.mark.parametrize("options", CLASS_LOSS_OPTIONS.values(), ids=CLASS_LOSS_OPTIONS)
def test_losses_of_classes_are_replayed_to_the_bit(options, name, outside):
    """The classes change at each call, as an argument of the step or as a Tensor from outside."""
    labels = tg.tensor([0, 0, 0, 0])
    results = []
    options = {key: value for key, value in options.items() if name == "cross_entropy" or key != "label_smoothing"}
    for wrap in (lambda step: step, tg.capture):
        net, optimizer = build([3, 3], dtype="float32")
        seen = []

        def loss_of(x, y, net=net):
            z = net(x) if name == "cross_entropy" else net(x).log_softmax(-1)
            return getattr(nn.functional, name)(z, labels if outside else y, **options)

        def step(x, y, loss_of=loss_of, optimizer=optimizer):
            optimizer.zero_grad()
            loss = loss_of(x, y)
            loss.sum().backward()
            optimizer.step()
            return loss

        run = wrap(step)
        generator = np.random.default_rng(0)
        for classes in ([0, 1, 2, 2], [2, 2, 1, 0], [1, 1, 1, 1], [0, 1, 0, 2], [2, 2, 2, 2], [1, 0, 2, 0]):
            labels.copy_(np.array(classes))
            x = tg.tensor(generator.normal(size=(4, 3)).astype(np.float32))
            loss = run(x, tg.tensor(classes))
            seen.append([loss.detach().numpy().copy(), *(p.grad.numpy().copy() for p in net.parameters())])
        results.append(seen)
    assert run.captured is True
    for expected, computed in zip(*results, strict=True):
        for one, other in zip(expected, computed, strict=True):
            np.testing.assert_array_equal(one, other)
    if not outside:
        with pytest.raises(ValueError, match="classes go from 0 to 2"):
            run(x, tg.tensor([0, 1, 3, 0]))


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_steps_are_captured(name):
    results, worlds = [], []
    for wrap in (lambda step: step, tg.capture):
        world = World(*[nn.Dropout(0.4, generator=tg.Generator().manual_seed(3))] * (name == "a Dropout layer"))
        tg.manual_seed(5)
        step, drawn = wrap(ORDINARY[name](world)), np.random.default_rng(0)
        seen = []
        for call in range(8):
            x, y = tg.tensor(drawn.normal(size=(5, 3))), tg.tensor(drawn.uniform(size=(5, 2)))
            seen.append(step(x, y, call % 3 == 2) if name == "accumulation" else step(x, y))
        results.append(seen)
        worlds.append(world.state())
    assert step.captured is True
    assert all(map(is_same, *results))
    assert_same_states(*worlds)


def test_training_and_evaluation_are_each_recorded_once():
    """Train, evaluate, train: no mode is recorded twice, although BatchNorm writes to its buffers in each step."""
    runs = []

    def ran():
        runs.append(1)

    results = []
    for wrap in (lambda step: step, tg.capture):
        world = World(nn.BatchNorm1d(4, dtype="float64"), nn.Dropout(0.2, generator=tg.Generator().manual_seed(1)))
        net, optimizer = world.net, world.optimizer

        def train(x, y, net=net, optimizer=optimizer):
            ran()
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(x), y)
            loss.backward()
            optimizer.step()
            return loss

        def evaluate(x, net=net):
            ran()
            with tg.no_grad():
                return net(x)

        runs.clear()
        steps, drawn, seen = (wrap(train), wrap(evaluate)), np.random.default_rng(0), []
        for _ in range(4):
            net.train()
            net.training = True  # sets what is set already
            for _ in range(3):
                x, y = tg.tensor(drawn.normal(size=(6, 3))), tg.tensor(drawn.normal(size=(6, 2)))
                seen.append(steps[0](x, y))
            net.eval()
            seen.append(steps[1](x))
            seen.append(steps[0](x, y))
        results.append([*seen, *net.state_dict().values()])
    assert all(map(is_same, *results))
    assert len(runs) == 3  # train in two modes, evaluate in one
    assert [step.captured for step in steps] == [True, True]


def test_unused_random_numbers_are_drawn_in_replays_too():
    def draw(x):
        tg.rand(3)
        return x + tg.rand(1)

    results = []
    for run in (draw, tg.capture(draw)):
        tg.manual_seed(0)
        results.append([run(tg.tensor([0.0])).item() for _ in range(4)])
    assert run.captured is True
    assert results[0] == results[1]


@pytest.mark.parametrize("read", ["norm", "in place"])
def test_a_gradient_read_between_two_backward_calls_is_the_sum_so_far(read):
    results = []
    for wrap in (lambda step: step, tg.capture):
        b = tg.zeros(2, requires_grad=True)

        def update(x, in_place, b=b):
            (b * x).sum().backward()
            if in_place:
                b.grad.mul_(0.5)
            return b.grad.norm()

        step = wrap(update)
        results.append([[step(tg.tensor([3.0 + k, 4.0]), read == "in place"), b.grad.clone()] for k in range(4)])
    assert step.captured is True
    assert all(is_same(a, b) for pair in zip(*results, strict=True) for a, b in zip(*pair, strict=True))


@pytest.mark.parametrize("check", [None, 1])
def test_results_and_gradients_keep_the_order_of_their_memory(check):
    orders = []  # the order in memory decides how a sum rounds
    for wrap in (lambda step: step, lambda step: tg.capture(step, check=check)):
        net, _ = build([3, 4, 2], dtype="float32")

        def backward(x, net=net):
            out = net(x)
            out.square().sum().backward()
            return out.detach().T, [parameter.grad.norm() for parameter in net.parameters()]

        run, drawn = wrap(backward), np.random.default_rng(0)
        for _ in range(4):
            transposed, norms = run(tg.tensor(drawn.normal(size=(5, 3)).astype("float32")))
        read = [transposed, *(parameter.grad for parameter in net.parameters())]
        orders.append([[x.numpy().strides for x in read], [norm.item() for norm in norms]])
    assert run.captured is True
    assert orders[0] == orders[1]


def test_an_alpha_that_is_a_tensor_is_read_at_each_call():
    def descend(x, rate):
        y = x * 1
        return y.add_(x, alpha=rate).sub_(x, alpha=2)

    step = tg.capture(descend)
    for rate in (0.5, 1.0, 2.0):
        given = tg.tensor([1.0, 2.0]), tg.tensor(rate)
        assert is_same(step(*given), descend(*given))
    assert step.captured is True


def test_the_log_of_0_warns_in_replays_as_little_as_in_the_eager_step():
    step = tg.capture(lambda x: nn.functional.binary_cross_entropy(x, tg.zeros(2)))
    for _ in range(3):
        assert step(tg.tensor([0.0, 1.0])).item() == 50.0


def test_an_integer_tensor_in_a_mixed_index_keeps_the_step_eager_and_right():
    x = np.arange(24.0).reshape(2, 3, 4)

    def select(x, number, positions):
        y = x * 1
        y[number, :, positions] = -1.0
        return x[number] * 1, x[number, :, positions] * 1, y

    step = tg.capture(select)
    calls = [[tg.tensor(x), tg.tensor(number), tg.tensor([3, number])] for number in (0, 1, 1)]
    with pytest.warns(UserWarning, match="reading numbers"):
        results = [step(*arguments) for arguments in calls]
    for arguments, result in zip(calls, results, strict=True):
        assert all(map(is_same, result, select(*arguments)))


def test_positions_in_an_index_are_read_at_each_call():
    step = tg.capture(lambda x, i, j: (x[i], x[i, 1:], x[:, j], x[j, j]))
    x = tg.tensor(np.arange(9.0).reshape(3, 3))
    for i, j in ((0, 1), (2, 0), (1, 2)):
        given = tg.tensor(i), tg.tensor([j, j, i])
        assert all(map(is_same, step(x, *given), (x[i], x[i, 1:], x[:, given[1]], x[given[1], given[1]])))
    assert step.captured is True


SECOND_DERIVATIVES = {
    "the number of counted classes": (
        lambda w, y: nn.functional.cross_entropy(w.reshape(2, 3), y),
        [tg.tensor([0, 1]), tg.tensor([0, -100]), tg.tensor([2, 2])],
    ),
    "an exponent without dimensions": (lambda w, n: ((w * w) ** n).sum(), [tg.tensor(2.0), tg.tensor(3.0)]),
}


@pytest.mark.parametrize("name", SECOND_DERIVATIVES)
def test_a_number_that_a_rule_reads_is_not_fixed_in_second_derivatives(name: str) -> None:
    """With `create_graph`, rules compute with Tensors; an array without dimensions must not become a Python number."""
    function, arguments = SECOND_DERIVATIVES[name]
    weight = tg.tensor([1.0, -1.0, 0.5, 0.2, 0.3, -0.4], requires_grad=True)

    def step(argument):
        weight.grad = None
        (gradient,) = tg.autograd.grad(function(weight, argument), [weight], create_graph=True)
        (gradient * gradient).sum().backward()
        return weight.grad.clone()

    captured = tg.capture(step)
    for argument in arguments:
        expected = step(argument)
        assert captured(argument).numpy().tolist() == expected.numpy().tolist()
    assert captured.captured is True


def test_a_step_that_freezes_a_critic_for_a_while_is_captured() -> None:
    """The generator's half of an adversarial step needs no gradients of the critic."""

    def trained(capture: bool) -> list[np.ndarray]:
        numbers = tg.Generator().manual_seed(0)
        maker, critic = nn.Linear(3, 2, generator=numbers), nn.Linear(2, 1, generator=numbers)
        of_maker, of_critic = optim.SGD(maker.parameters(), lr=0.1), optim.SGD(critic.parameters(), lr=0.1)

        def step(x: tg.Tensor) -> tg.Tensor:
            of_maker.zero_grad()
            of_critic.zero_grad()
            critic.requires_grad_(False)
            critic(maker(x)).mean().backward()
            of_maker.step()
            critic.requires_grad_(True)
            loss = -critic(maker(x).detach()).mean()
            loss.backward()
            of_critic.step()
            return loss.detach()

        run = tg.capture(step) if capture else step
        for seed in range(5):
            run(tg.randn(4, 3, generator=tg.Generator().manual_seed(seed)))
        assert not capture or run.captured is True
        return [parameter.detach().numpy() for parameter in (*maker.parameters(), *critic.parameters())]

    for one, other in zip(trained(True), trained(False), strict=True):
        np.testing.assert_array_equal(one, other)
