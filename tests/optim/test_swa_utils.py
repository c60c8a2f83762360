"""An averaged model has the averages of a model's parameters, and its BatchNorm layers those of a loader's batches."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.optim import SGD
from tinygrad_mlp.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    LinearLR,
    OneCycleLR,
    SequentialLR,
)
from tinygrad_mlp.optim.swa_utils import (
    SWALR,
    AveragedModel,
    get_ema_avg_fn,
    get_ema_multi_avg_fn,
    get_swa_avg_fn,
    get_swa_multi_avg_fn,
    update_bn,
)


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1)).double()


def ema(values: list[Any], decay: float) -> Any:
    average = values[0]
    for value in values[1:]:
        average = decay * average + (1 - decay) * value
    return average


AVERAGES: dict[str, tuple[Callable[[], dict[str, Any]], Callable[[list[Any]], Any]]] = {
    "by default": (lambda: {}, lambda values: np.mean(values, axis=0)),
    "equal": (lambda: {"avg_fn": get_swa_avg_fn()}, lambda values: np.mean(values, axis=0)),
    "equal, of lists": (lambda: {"multi_avg_fn": get_swa_multi_avg_fn()}, lambda values: np.mean(values, axis=0)),
    "exponential": (lambda: {"avg_fn": get_ema_avg_fn(0.75)}, lambda values: ema(values, 0.75)),
    "exponential, of lists": (lambda: {"multi_avg_fn": get_ema_multi_avg_fn(0.75)}, lambda values: ema(values, 0.75)),
    "of a user's": (lambda: {"avg_fn": lambda mean, new, number: new + 0 * mean}, lambda values: values[-1]),
}


@pytest.mark.parametrize("use_buffers", [False, True])
@pytest.mark.parametrize("name", AVERAGES)
@given(number=st.integers(1, 5), seed=st.integers(0, 99))
def test_an_averaged_model_has_the_averages(name: str, use_buffers: bool, number: int, seed: int) -> None:
    options, expected = AVERAGES[name]
    random, model = np.random.default_rng(seed), net()
    averaged = AveragedModel(model, use_buffers=use_buffers, **options())
    seen: dict[str, list[Any]] = {key: [] for key in model.state_dict()}
    for _ in range(number):
        for held in [*model.parameters(), model[1].running_mean, model[1].running_var]:
            held.data.copy_(tg.tensor(random.normal(size=held.shape)))
        for key, held in model.state_dict().items():
            seen[key].append(np.array(held))
        averaged.update_parameters(model)
    state = averaged.state_dict()
    assert list(state) == ["n_averaged", *(f"module.{key}" for key in seen)]
    assert int(averaged.n_averaged) == number
    for key, values in seen.items():
        is_averaged = use_buffers or key.split(".")[-1] in ("weight", "bias")
        np.testing.assert_allclose(
            state[f"module.{key}"], expected(values) if is_averaged else values[-1], atol=1e-12, err_msg=key
        )
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in averaged.parameters())


def test_an_averaged_model_is_called_saved_and_loaded_like_its_model() -> None:
    model = net()
    averaged = AveragedModel(model, "cpu")
    model[0].weight.data.add_(1)
    assert (averaged.module[0].weight != model[0].weight).all()
    x = tg.tensor(np.arange(8.0).reshape(4, 2))
    averaged.update_parameters(model)
    np.testing.assert_array_equal(averaged.eval()(x).detach(), model.eval()(x).detach())
    other = AveragedModel(net())
    other.load_state_dict(averaged.state_dict())
    np.testing.assert_array_equal(other.eval()(x).detach(), model(x).detach())
    assert int(other.n_averaged) == 1


def test_a_model_of_other_parameters_is_refused() -> None:
    averaged = AveragedModel(nn.Linear(2, 1))
    for other in (nn.Linear(3, 1), nn.Linear(2, 1, bias=False), nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))):
        with pytest.raises(ValueError, match=r"average is of Tensors of shapes \[.*\], but this model has"):
            averaged.update_parameters(other)
    assert int(averaged.n_averaged) == 0


@pytest.mark.parametrize("training", [True, False])
def test_update_bn_gives_the_averages_of_all_batches(training: bool) -> None:
    random, model = np.random.default_rng(0), net().train(training)
    batches = [random.normal(size=(6, 2)) for _ in range(4)]
    update_bn([tg.tensor(batch) for batch in batches], model)
    with tg.no_grad():
        inner = [model[0](tg.tensor(batch)).numpy() for batch in batches]
    layer = model[1]
    np.testing.assert_allclose(layer.running_mean, np.mean([each.mean(0) for each in inner], axis=0))
    np.testing.assert_allclose(layer.running_var, np.mean([each.var(0, ddof=1) for each in inner], axis=0))
    assert (layer.momentum, int(layer.num_batches_tracked), model.training) == (0.1, 4, training)
    before = layer.running_mean.numpy().copy()
    update_bn([(tg.tensor(batch), "a label") for batch in batches], model, "cpu")
    np.testing.assert_array_equal(layer.running_mean, before)
    with pytest.raises(ValueError, match="has 1 values per channel"):
        update_bn([tg.zeros(4, 2), tg.zeros(1, 2)], net().float())
    update_bn([3], nn.Linear(1, 1))  # a model without such layers is not called
    update_bn([tg.zeros(4, 2)], nn.BatchNorm1d(2, track_running_stats=False))


def test_update_bn_puts_back_what_it_changes_if_a_batch_fails() -> None:
    model = net().float().eval()
    with pytest.raises(ValueError, match=r"at test_swa_utils\.py:\d+"):
        update_bn([tg.zeros(4, 7)], model)
    assert (model[1].momentum, model.training) == (0.1, False)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: AveragedModel(3), TypeError, "parameters of a Module, not of 3"),  # type: ignore[arg-type]
        (
            lambda: AveragedModel(net(), avg_fn=get_ema_avg_fn(), multi_avg_fn=get_ema_multi_avg_fn()),
            ValueError, "give one of them",
        ),
        (lambda: get_ema_avg_fn(1.5), ValueError, r"decay is the share .* not 1.5"),
        (lambda: get_ema_multi_avg_fn(-1), ValueError, r"decay is the share .* not -1"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_swalr_anneals_from_the_present_rate() -> None:
    optimizer = SGD([tg.ones(1, requires_grad=True)], lr=0.9)
    optimizer.stepped_at = 1
    optimizer.param_groups[0]["lr"] = 0.5
    schedule = SWALR(optimizer, 0.1, 4, "linear")
    rates = []
    for _ in range(7):
        rates += schedule.get_last_lr()
        schedule.step()
    np.testing.assert_allclose(rates, [0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1])


@pytest.mark.parametrize(
    "make",
    [
        lambda o: SWALR(o, 0.05), lambda o: OneCycleLR(o, 0.1, 60), lambda o: CyclicLR(o, 0.01, 0.1, 3),
        lambda o: LinearLR(o), lambda o: CosineAnnealingWarmRestarts(o, 3, 2),
        lambda o: SequentialLR(o, [LinearLR(o), CosineAnnealingWarmRestarts(o, 3, 2)], [5]),
        lambda o: ChainedScheduler([LinearLR(o), ConstantLR(o, 0.5, 7)]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("check", [0, 3])
def test_captured_steps_step_a_schedule(make: Callable[[Any], Any], check: int) -> None:
    def trained(is_captured: bool) -> Any:
        w = tg.tensor(np.array([1.0, -2.0]), requires_grad=True)
        optimizer = SGD([w], lr=0.1, momentum=0.9)
        schedule = make(optimizer)

        def step(x: tg.Tensor) -> tg.Tensor:
            optimizer.zero_grad()
            loss = ((w * x) ** 2).sum()
            loss.backward()
            optimizer.step()
            schedule.step()
            return loss

        run = tg.capture(step, check=check) if is_captured and check else tg.capture(step) if is_captured else step
        losses = [run(tg.tensor(np.array([1.0, k / 20]))).item() for k in range(20)]
        assert not is_captured or run.captured
        return losses, w.tolist(), optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]

    assert trained(True) == trained(False)
