"""PyTorch's options without a meaning here are taken and change nothing; those with one are refused by name."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim
from tinygrad_mlp.autograd import backward, functional, grad, gradcheck, gradgradcheck
from tinygrad_mlp.nn import functional as F
from tinygrad_mlp.utils.data import DataLoader

X = np.array([[-1.5, 0.5, 2.0], [0.25, -0.75, 3.0]])
P = np.array([[0.2, 0.5, 0.9], [0.4, 0.6, 0.1]])
CLASSES = np.array([2, 0])


def leaf(values: Any = X) -> tg.Tensor:
    return tg.tensor(values, requires_grad=True)


def cubes(x: tg.Tensor) -> tg.Tensor:
    return (x**3).sum()


def stepped(make: Callable[..., optim.Optimizer], **options: Any) -> Any:
    """The weights after two steps, and the state of the optimizer, with these options of it and of its group."""
    w = leaf()
    optimizer = make([{"params": [w], **options}], lr=0.1, **options)
    for _ in range(2):
        optimizer.zero_grad()
        cubes(w).backward()
        optimizer.step()
    return w, str(optimizer.state_dict())


def clipped(clip: Callable[..., Any], **options: Any) -> Any:
    w = leaf()
    cubes(w).backward()
    clip([w], 0.5, **options)
    return w.grad


WORKERS = {
    "num_workers": 2, "pin_memory": True, "timeout": 5, "worker_init_fn": print, "multiprocessing_context": "fork",
    "prefetch_factor": 2, "persistent_workers": True, "pin_memory_device": "cuda", "in_order": False,
}  # fmt: skip
WAYS = {"foreach": True, "fused": True}
CHECKS = {
    "nondet_tol": 1e-3, "check_undefined_grad": False, "check_grad_dtypes": True, "fast_mode": True, "masked": True,
}  # fmt: skip

# A call that takes the options, and the options.
TAKEN: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "SGD": (lambda **o: stepped(optim.SGD, **o), {**WAYS, "differentiable": False}),
    "Adam": (lambda **o: stepped(optim.Adam, **o), {**WAYS, "capturable": True, "differentiable": False}),
    "AdamW": (lambda **o: stepped(optim.AdamW, **o), {**WAYS, "capturable": True, "differentiable": False}),
    **{
        name: (
            partial(stepped, getattr(optim, name)), {"foreach": True, "capturable": True, "differentiable": False}
        )
        for name in ("RMSprop", "Adadelta", "Adamax", "NAdam", "RAdam", "Rprop", "ASGD")
    },
    "Adagrad": (lambda **o: stepped(optim.Adagrad, **o), {**WAYS, "differentiable": False}),
    "clip_grad_norm_": (lambda **o: clipped(nn.utils.clip_grad_norm_, **o), {"foreach": True}),
    "clip_grad_value_": (lambda **o: clipped(nn.utils.clip_grad_value_, **o), {"foreach": False}),
    "jacobian": (lambda **o: functional.jacobian(cubes, leaf(), **o), {"vectorize": True, "strategy": "forward-mode"}),
    "hessian": (
        lambda **o: functional.hessian(cubes, leaf(), **o),
        {"vectorize": True, "outer_jacobian_strategy": "forward-mode"},
    ),
    "grad": (lambda **o: grad(cubes(w := leaf()), w, **o), {"only_inputs": True, "is_grads_batched": False}),
    "gradcheck": (lambda **o: gradcheck(cubes, leaf(), **o), CHECKS),
    "gradgradcheck": (lambda **o: gradgradcheck(cubes, leaf(), **o), {**CHECKS, "gen_non_contig_grad_outputs": True}),
    "DataLoader": (lambda **o: tuple(DataLoader(X, batch_size=2, **o)), WORKERS),
}  # fmt: skip


def same(a: Any, b: Any) -> bool:
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b if isinstance(a, str | bool) else np.array_equal(a.detach().numpy(), b.detach().numpy()))


@pytest.mark.parametrize("name", TAKEN)
def test_an_option_of_a_way_to_compute_changes_nothing(name: str) -> None:
    call, options = TAKEN[name]
    for given in ({}, options, *({option: value} for option, value in options.items())):
        assert same(call(**given), call())


@pytest.mark.parametrize("name", ["ReLU", "LeakyReLU", "ELU", "SiLU", "Dropout"])
def test_inplace_leaves_the_input_alone(name: str) -> None:
    functions: dict[str, Callable[..., tg.Tensor]] = {
        "ReLU": F.relu, "LeakyReLU": F.leaky_relu, "ELU": F.elu, "SiLU": F.silu,
        "Dropout": lambda x, inplace: F.dropout(x, 0.5, False, inplace),
    }  # fmt: skip
    expected = getattr(nn, name)().eval()(tg.tensor(X))
    for result in (getattr(nn, name)(inplace=True).eval(), lambda x: functions[name](x, inplace=True)):
        x = leaf()
        assert same(result(x), expected)
        np.testing.assert_array_equal(x.detach().numpy(), X)


LOSSES: dict[str, Callable[..., tg.Tensor]] = {
    "l1_loss": lambda **o: F.l1_loss(leaf(), X + 1, **o),
    "mse_loss": lambda **o: F.mse_loss(leaf(), P, **o),
    "binary_cross_entropy": lambda **o: F.binary_cross_entropy(leaf(P), P, **o),
    "binary_cross_entropy_with_logits": lambda **o: F.binary_cross_entropy_with_logits(leaf(), P, **o),
    "nll_loss": lambda **o: F.nll_loss(leaf(), CLASSES, **o),
    "cross_entropy": lambda **o: F.cross_entropy(leaf(), CLASSES, **o),
    "L1Loss": lambda **o: nn.L1Loss(**o)(leaf(), P),
    "MSELoss": lambda **o: nn.MSELoss(**o)(leaf(), P),
    "BCELoss": lambda **o: nn.BCELoss(**o)(leaf(P), P),
    "BCEWithLogitsLoss": lambda **o: nn.BCEWithLogitsLoss(**o)(leaf(), P),
    "NLLLoss": lambda **o: nn.NLLLoss(**o)(leaf(), CLASSES),
    "CrossEntropyLoss": lambda **o: nn.CrossEntropyLoss(**o)(leaf(), CLASSES),
}
# size_average, reduce, and the reduction that they mean.
MEANT = [
    (True, None, "mean"), (True, True, "mean"), (None, True, "mean"), (False, None, "sum"), (False, True, "sum"),
    (None, False, "none"), (True, False, "none"), (False, False, "none"),
]  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_the_deprecated_options_of_losses_mean_a_reduction(name: str) -> None:
    for size_average, reduce, reduction in MEANT:
        with pytest.warns(UserWarning, match=f"deprecated: write reduction='{reduction}'") as caught:
            given = LOSSES[name](size_average=size_average, reduce=reduce, reduction="none")
        assert caught[0].filename == __file__
        assert same(given, LOSSES[name](reduction=reduction))
    for option in ("size_average", "reduce"):
        with pytest.raises(TypeError, match=f"{option} is True, False or None, not 'sum': write reduction='sum'"):
            LOSSES[name](**{option: "sum"})
        with pytest.raises(TypeError, match=f"{option} is True, False or None, not 1: write the options that follow"):
            LOSSES[name](**{option: 1})


def test_a_loss_with_deprecated_options_is_the_loss_with_the_reduction() -> None:
    with pytest.warns(UserWarning, match="deprecated"):
        loss = nn.MSELoss(size_average=False)
    assert repr(loss) == repr(nn.MSELoss(reduction="sum"))
    assert vars(loss) == vars(nn.MSELoss(reduction="sum"))


def test_deprecated_options_of_gradients_warn() -> None:
    w = leaf()
    with pytest.warns(FutureWarning, match="only_inputs=False is deprecated and ignored") as caught:
        assert same(grad(cubes(w), w, only_inputs=False), grad(cubes(w), w))
    assert caught[0].filename == __file__
    with pytest.warns(FutureWarning, match="write grad_tensors="):
        backward(w * 2, grad_variables=tg.tensor(X))
    np.testing.assert_array_equal(w.grad.numpy(), 2 * X)  # type: ignore[union-attr]


def own(**defaults: Any) -> optim.Optimizer:
    """An optimizer of a user's, with options of its own."""

    class Own(optim.Optimizer):
        def _check(self, group: dict[str, Any]) -> None: ...

    return Own([leaf()], defaults)


def test_an_optimizer_of_ones_own_keeps_options_that_it_has() -> None:
    made = own(lr=0.1, foreach=True, differentiable=True)
    assert (made.param_groups[0]["foreach"], made.param_groups[0]["differentiable"]) == (True, True)
    made.load_state_dict({"state": {}, "param_groups": [{**made.state_dict()["param_groups"][0], "foreach": False}]})
    assert made.param_groups[0]["foreach"] is False


OPTIMIZERS = [name for name in TAKEN if hasattr(optim, name)]
REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    *(
        (partial(getattr(optim, name), [leaf()], differentiable=True), ValueError, "differentiable=True is left out: a")
        for name in OPTIMIZERS
    ),
    (lambda: optim.SGD([{"params": [leaf()], "differentiable": True}]), ValueError, "differentiable=True is left out"),
    (lambda: optim.SGD([{"params": [leaf()], "faster": True}]), ValueError, r"SGD has no options \['faster'\]"),
    (lambda: grad(cubes(w := leaf()), w, is_grads_batched=True), ValueError, "is_grads_batched=True is left out"),
    (lambda: backward(leaf() * 2, tg.ones(2, 3), grad_variables=tg.ones(2, 3)), TypeError, "another name of it"),
    (lambda: functional.jacobian(cubes, leaf(), strategy="sideways"), ValueError, "'reverse-mode' or 'forward-mode'"),
    (lambda: functional.hessian(cubes, leaf(), outer_jacobian_strategy="up"), ValueError, "not 'up'"),
    (lambda: gradcheck(cubes, leaf(), check_forward_ad=True), ValueError, "check_forward_ad=True is left out"),
    (lambda: gradcheck(cubes, leaf(), check_batched_grad=True), ValueError, "check_batched_grad=True is left out"),
    (lambda: gradcheck(cubes, leaf(), check_batched_forward_grad=True), ValueError, "check_batched_forward_grad=True"),
    (lambda: gradcheck(cubes, leaf(), check_backward_ad=False), ValueError, "nothing to check"),
    (lambda: gradgradcheck(cubes, leaf(), check_fwd_over_rev=True), ValueError, "check_fwd_over_rev=True is left out"),
    (lambda: gradgradcheck(cubes, leaf(), check_rev_over_rev=False), ValueError, "nothing to check"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "message"), REFUSED, ids=[row[2] for row in REFUSED])
def test_options_that_would_change_something_are_refused(
    call: Callable[[], Any], kind: type[Exception], message: str
) -> None:
    with warnings.catch_warnings(), pytest.raises(kind, match=message):
        call()
