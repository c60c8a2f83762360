"""An array that changes between forward and backward is noticed where a rule reads it, and is harmless elsewhere."""

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ops import CASES, DERIVED, Case, examples
from strategies import leaf

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim
from tinygrad_mlp.core import functions as f
from tinygrad_mlp.core import guard

every_case = pytest.mark.parametrize("case", [*CASES, *DERIVED], ids=repr)


def sgd_step(x: tg.Tensor) -> None:
    """Change `x` by a step of SGD."""
    x.grad = tg.tensor(np.ones(x.shape, x.dtype))
    optim.SGD([x], lr=1.0).step()
    x.grad = None


def under_no_grad(change: Callable[[tg.Tensor], Any]) -> Callable[[tg.Tensor], None]:
    """The function that makes the `change` without recording it."""

    def apply(x: tg.Tensor) -> None:
        with tg.no_grad():
            change(x)

    return apply


def write(array: Any) -> None:
    array[...] = 9


# Every way to change the entries of a tensor of three.
WAYS: dict[str, Callable[[tg.Tensor], Any]] = {
    "an optimizer's step": sgd_step,
    "add_": under_no_grad(lambda x: x.add_(1)),
    "sub_": under_no_grad(lambda x: x.sub_(1)),
    "mul_": under_no_grad(lambda x: x.mul_(2)),
    "div_": under_no_grad(lambda x: x.div_(2)),
    "copy_": under_no_grad(lambda x: x.copy_(tg.tensor([7.0, 8.0, 9.0]))),
    "fill_": under_no_grad(lambda x: x.fill_(9)),
    "zero_": under_no_grad(lambda x: x.zero_()),
    "+=": under_no_grad(lambda x: x.__iadd__(1)),
    "an index": under_no_grad(lambda x: x.__setitem__(1, 9)),
    "detach": lambda x: x.detach().add_(1),
    "a view": lambda x: x.detach()[1:].add_(1),
    "a view of a view": lambda x: x.detach().reshape(3, 1).T[:, 1:].fill_(9),
    "a Parameter of the same memory": lambda x: sgd_step(nn.Parameter(x.detach())),
    ".data": lambda x: x.data.add_(1),
    "assignment to .data": lambda x: x.data.__setitem__(1, 9),
    ".numpy()": lambda x: write(x.detach().numpy()),
    ".numpy(force=True)": lambda x: write(x.numpy(force=True)),
    ".numpy() of a view": lambda x: write(x.detach()[1:].numpy()),
    "np.asarray": lambda x: write(np.asarray(x.detach())),
    "memoryview": lambda x: memoryview(x.detach().numpy()).__setitem__(1, 9),
}
every_way = pytest.mark.parametrize("way", WAYS)

noticed = pytest.raises(RuntimeError, match=r"changed after it was computed .* call backward\(\) before")


def three() -> tg.Tensor:
    """A leaf of three entries."""
    return leaf(np.array([1.0, 2.0, 4.0]))


# --- changes that are noticed -----------------------------------------------------------------------------------------


@every_way
def test_a_changed_input_is_noticed(way: str) -> None:
    x, other = three(), three()
    y = (x * x).sum() + (other * 2).sum()
    WAYS[way](x)
    with noticed:
        y.backward()
    assert x.grad is None
    assert other.grad is None, "a walk that fails must leave every gradient as it was"


@pytest.mark.parametrize("way", [way for way in WAYS if "step" not in way])
def test_a_changed_output_is_noticed(way: str) -> None:
    x = three()
    y = x.exp()
    WAYS[way](y)
    with noticed:
        y.sum().backward()


@every_way
def test_a_change_between_two_walks_is_noticed(way: str) -> None:
    x = three()
    y = (x * x).sum()
    y.backward(retain_graph=True)
    WAYS[way](x)
    x.grad = None
    with noticed:
        y.backward()


@pytest.mark.parametrize(
    "hand_out", [lambda x: x.data.numpy(), lambda x: x.detach().numpy(), lambda x: x.detach()[1:].numpy()]
)
def test_a_write_to_an_array_handed_out_long_ago_is_noticed(hand_out: Callable[[tg.Tensor], Any]) -> None:
    x = three()
    handed_out = hand_out(x)
    for _ in range(2):
        y = (x * x).sum()
        write(handed_out)
        with noticed:
            y.backward()
        handed_out[...] = 5
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad, 2 * x.detach().numpy())


def network(x: tg.Tensor) -> Any:
    return nn.Sequential(nn.Linear(3, 2, dtype=np.float64), nn.Tanh())(x.reshape(1, 3).exp())


@pytest.mark.parametrize(
    ("compute", "change", "needed"),
    [
        (
            lambda x: x.reshape(1, 3) * x,
            lambda x, y: WAYS["add_"](x),
            r"multiply at {} needs its input of shape \(1, 3\)",
        ),
        (lambda x: x.exp(), lambda x, y: WAYS[".data"](y), "exp at {} needs its output"),
        (lambda x: 2 ** np.sin(x), lambda x, y: WAYS[".numpy()"](x), r"sin at {} needs its input of shape \(3,\)"),
        (lambda x: np.mean(x.square()), lambda x, y: sgd_step(x), r"square at {} needs its input of shape \(3,\)"),
        (network, lambda x, y: y.detach().zero_(), "tanh at {} needs its output"),
    ],
    ids=["operator", "method", "NumPy", "optimizer", "module"],
)
def test_the_message_names_the_function_its_line_the_array_and_the_remedy(
    compute: Callable[[tg.Tensor], Any], change: Callable[[tg.Tensor, tg.Tensor], Any], needed: str
) -> None:
    x = three()
    y = compute(x)
    change(x, y)
    at = f"test_guard.py:{compute.__code__.co_firstlineno + (compute is network)}"
    with pytest.raises(RuntimeError, match=needed.format(at) + r" .* \.clone\(\)"):
        y.sum().backward()


def test_a_change_is_noticed_with_every_form_of_user_rule() -> None:
    class Rules:
        def method(self, g: Any, y: Any, x: Any) -> Any:
            return g * 2 * x

    def nested(g: Any, y: Any, x: Any) -> Any:
        return (lambda: g * 2 * x)()

    rules = [lambda g, y, *inputs: g * 2 * inputs[0], lambda g, y, x: g * 2 * x, Rules().method, nested]
    for rule in rules:
        square = tg.differentiable(rule)(lambda x: x * x)
        x = three()
        y = square(x)
        WAYS["add_"](x)
        with noticed:
            y.sum().backward()


def mutable(options: dict[str, Any]) -> list[Any]:
    """The arrays and lists among the options of a call, such as the parts of an index."""
    parts = [part for value in options.values() for part in (value if isinstance(value, tuple) else (value,))]
    return [part for part in parts if isinstance(part, np.ndarray | list)]


def change(entries: Any) -> None:
    """Overwrite entries with other valid ones: negated numbers, positions from the other end, flipped booleans."""
    if isinstance(entries, list):
        entries[:] = [~entry for entry in entries]
    else:
        (np.negative if entries.dtype.kind == "f" else np.invert)(entries, out=entries)


@every_case
@given(data=st.data())
def test_after_a_change_gradients_are_right_or_backward_raises(case: Case, data: st.DataObject) -> None:
    """One operand, option or output changes after the forward pass, in one of the ways that users have."""
    example = data.draw(examples(case))
    expected = [g.numpy() for g in example.gradients(example.tensors())]
    tensors = example.tensors()
    handed_out = {x: x.detach().numpy() for x in tensors if isinstance(x, tg.Tensor) and data.draw(st.booleans())}
    output = example(tensors)

    writeable = [output] if output._data.flags.writeable else []  # broadcast_to gives a view for reading only
    operands = [x for x in tensors if isinstance(x, tg.Tensor | np.ndarray)]
    victim = data.draw(st.sampled_from([*operands, *mutable(example.options), *writeable]))
    if not isinstance(victim, tg.Tensor):
        change(victim)
    elif victim in handed_out:
        change(handed_out[victim])
    elif data.draw(st.booleans()):
        change(victim.detach().numpy())
    else:
        under_no_grad(lambda x: x.mul_(-1))(victim)

    refusal = ""
    try:
        output.backward(example.cotangent)
    except RuntimeError as error:
        refusal = str(error)
    for position, gradient in zip(example.differentiable, expected, strict=True):
        if refusal:
            assert "changed" in refusal
            assert tensors[position].grad is None
        else:
            # Not to the last bit: a factor that was handed out is copied. The copy lies differently in memory, and BLAS
            # may multiply it with another kernel.
            np.testing.assert_allclose(tensors[position].grad, gradient, rtol=1e-12, atol=1e-12)


# --- changes that do no harm ------------------------------------------------------------------------------------------

# Functions whose rules read no entries of their inputs and outputs.
UNREAD = [
    np.negative, np.add, np.subtract, np.sum, np.mean, np.cumsum, np.reshape, np.transpose, np.broadcast_to, np.flip,
    np.roll, np.tril, np.triu, np.concatenate, np.stack, np.swapaxes, np.matrix_transpose, np.squeeze, np.expand_dims,
    np.ravel, np.diagonal, np.repeat, np.tile, f.concatenate, f.clone, f.astype, f.getitem, f.scatter, f.replaced,
]  # fmt: skip


@pytest.mark.parametrize("case", [case for case in [*CASES, *DERIVED] if case.function in UNREAD], ids=repr)
@given(data=st.data())
def test_a_change_of_an_array_that_no_rule_reads_is_harmless(case: Case, data: st.DataObject) -> None:
    example = data.draw(examples(case))
    expected = [g.numpy() for g in example.gradients(example.tensors())]
    tensors = example.tensors()
    output = example(tensors)
    for x in (*(tensors[i] for i in example.differentiable), *([output] if output._data.flags.writeable else [])):
        under_no_grad(lambda x: x.mul_(-1))(x)
        x.data.mul_(-1)
    output.backward(example.cotangent)
    for position, gradient in zip(example.differentiable, expected, strict=True):
        np.testing.assert_array_equal(tensors[position].grad, gradient)


def test_a_change_of_one_input_among_very_many_is_noticed() -> None:
    """A Function is taken to read every Tensor that it saves, however many these are."""

    class Product(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *factors: tg.Tensor) -> tg.Tensor:
            ctx.save_for_backward(*factors)
            return tg.stack(factors).prod()

        @staticmethod
        def backward(ctx: Any, g: tg.Tensor) -> tuple[tg.Tensor, ...]:
            return tuple(g * x for x in ctx.saved_tensors)

    factors = [tg.tensor(1.0, requires_grad=True) for _ in range(1200)]
    output = Product.apply(*factors)
    with tg.no_grad():
        factors[-1].mul_(2)
    with pytest.raises(RuntimeError, match="changed after it was computed"):
        output.backward()


@every_way
def test_a_change_before_the_forward_pass_is_harmless(way: str) -> None:
    x = three()
    WAYS[way](x)
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad, 2 * x.detach().numpy())


@every_way
def test_a_change_after_the_backward_pass_is_harmless(way: str) -> None:
    x = three()
    (x * x).sum().backward()
    gradient = x.grad
    assert gradient is not None
    WAYS[way](x)
    np.testing.assert_array_equal(gradient, [2, 4, 8])


@every_way
def test_a_change_of_another_tensor_is_harmless(way: str) -> None:
    x, other = three(), three()
    y = (x * x).sum()
    WAYS[way](other)
    y.backward()
    np.testing.assert_array_equal(x.grad, [2, 4, 8])


def test_new_data_leaves_a_recorded_graph_as_it_was() -> None:
    x = three()
    y = (x * x).sum()
    x.data = np.array([7.0, 8.0, 9.0])
    y.backward()
    np.testing.assert_array_equal(x.grad, [2, 4, 8])
    np.testing.assert_array_equal(x.detach(), [7, 8, 9])


def test_user_arrays_are_copied_when_they_become_operands() -> None:
    own = np.array([1.0, 2.0, 4.0])
    made = leaf(own)
    factor = np.array([3.0, 3.0, 3.0])
    y = (made * factor).sum()
    own[:] = factor[:] = 0
    np.testing.assert_array_equal(made.detach(), [1, 2, 4])
    y.backward()
    np.testing.assert_array_equal(made.grad, [3, 3, 3])


def test_a_mapped_file_is_copied_too(tmp_path: Any) -> None:
    mapped = np.memmap(tmp_path / "factors", dtype=np.float64, mode="w+", shape=(3,))
    mapped[:] = 3
    x = three()
    y = (x * mapped).sum()
    mapped[:] = 0
    y.backward()
    np.testing.assert_array_equal(x.grad, [3, 3, 3])


def test_arrays_handed_out_and_only_read_are_harmless() -> None:
    x = three()
    y = (x * x).sum()
    assert x.detach().numpy().sum() == x.data.sum() == 7
    y.backward()
    np.testing.assert_array_equal(x.grad, [2, 4, 8])


def test_a_write_that_fails_changes_nothing() -> None:
    x = three()
    y = (x * x).sum()
    for attempt in (
        lambda: under_no_grad(lambda x: x.add_(np.ones(4)))(x),
        lambda: under_no_grad(lambda x: x.copy_(np.ones((3, 3))))(x),
        lambda: under_no_grad(lambda x: x.__setitem__(5, 0))(x),
        lambda: x.add_(1),
    ):
        with pytest.raises((ValueError, IndexError, RuntimeError)):
            attempt()
    y.backward()
    np.testing.assert_array_equal(x.grad, [2, 4, 8])


# --- factors of a gradient, multiplied when the gradient is first used ------------------------------------------------

ROWS, COTANGENT = np.array([[1.0, 2.0, 4.0]]), [[3.0, -2.0]]
WEIGHT = np.array([[0.5, 1.0, -1.0], [0.25, -0.5, 2.0]])


def step_along(w: tg.Tensor) -> Any:
    """The gradient of `w`, seen by the step that SGD takes along it."""
    optim.SGD([w], lr=1.0).step()
    return WEIGHT - w.detach().numpy()


def accumulate(w: tg.Tensor) -> Any:
    """The gradient of `w`, seen after another gradient, of sevens, was added to it."""
    (w * 7).sum().backward()
    return w.grad.numpy() - 7


USES: dict[str, Callable[[tg.Tensor], Any]] = {
    "read": lambda w: w.grad,
    "step": step_along,
    "accumulate": accumulate,
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("handed_out_before", [False, True])
@every_way
def test_a_factor_that_changes_after_the_walk_gives_no_wrong_gradient(
    way: str, handed_out_before: bool, use: str
) -> None:
    """The first use gives the gradient as it was when backward ended, or raises because the gradient is lost."""
    inside = "step" in way  # an optimizer changes only leaves, so there the factor is computed from a leaf
    w, x = leaf(WEIGHT), three() if inside else tg.tensor(np.array([1.0, 2.0, 4.0]))
    factor = x.exp() if inside else x
    handed_out = factor.numpy(force=True) if handed_out_before else None
    nn.functional.linear(factor.reshape(1, 3), w).backward(COTANGENT)
    expected = np.outer(COTANGENT, np.exp([1, 2, 4]) if inside else [1, 2, 4])
    if handed_out is None:
        WAYS[way](x)
    else:
        write(handed_out)
    refusal = ""
    try:
        actual = USES[use](w)
    except RuntimeError as error:
        refusal = str(error)
    if refusal:
        assert "overwritten between backward() and the first use" in refusal
        np.testing.assert_array_equal(w.detach(), WEIGHT)
    else:
        np.testing.assert_allclose(actual, expected, rtol=1e-12)


def test_a_factor_is_copied_only_where_somebody_may_write_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "shared", {})  # as in a process in which nothing was handed out yet
    monkeypatch.setattr(guard, "_of_leaves", {})
    w, x = leaf(WEIGHT), tg.tensor(ROWS)
    for copied in (False, True):
        w.grad = None
        nn.functional.linear(x, w).backward(COTANGENT)
        assert np.shares_memory(w._node.grad.right, x._data) is not copied
        np.testing.assert_array_equal(w.grad, np.outer(COTANGENT, ROWS))
        handed_out = x.numpy()  # from now on, somebody may write to it
    del handed_out  # it was needed until here


def test_a_factor_that_is_a_view_of_a_leaf_is_copied() -> None:
    """The weight `w` is a factor of the gradient of `v`, and the optimizer changes `w` before it uses that gradient."""
    w, v = leaf(WEIGHT), leaf(np.ones((2, 2)))
    factor = WEIGHT.T.copy()
    nn.functional.linear(w.T, v).sum().backward()
    optim.SGD([w, v], lr=1.0).step()
    np.testing.assert_allclose(v.detach(), 1 - np.ones((2, 3)) @ factor, rtol=1e-12)


def test_a_gradient_that_was_read_does_not_change_later() -> None:
    w, x = leaf(WEIGHT), tg.tensor(ROWS)
    nn.functional.linear(x, w).backward(COTANGENT)
    gradient = w.grad
    x.zero_()
    np.testing.assert_array_equal(gradient, np.outer(COTANGENT, ROWS))
    np.testing.assert_array_equal(w.grad, np.outer(COTANGENT, ROWS))


def test_user_arrays_may_be_overwritten_after_backward() -> None:
    w, buffer, cotangent = leaf(WEIGHT), ROWS.copy(), np.array(COTANGENT)
    nn.functional.linear(buffer, w).backward(cotangent)
    buffer[...] = cotangent[...] = 0
    np.testing.assert_array_equal(w.grad, np.outer(COTANGENT, ROWS))


def test_a_write_to_an_input_that_is_also_the_output_is_noticed() -> None:
    class Same(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
            ctx.save_for_backward(x)
            return x

        @staticmethod
        def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
            return g * ctx.saved_tensors[0]

    for same in (Same.apply, tg.differentiable(lambda g, y, x: g * x)(lambda x: x)):
        array = np.ones(4)
        y = same(tg.from_numpy(array).requires_grad_())
        array[:] = -1
        with noticed:
            y.sum().backward()


def test_an_input_that_a_rule_declares_not_to_read_may_change() -> None:
    double = tg.differentiable(lambda g, _y, _x: 2 * g)(lambda x: x + x)
    x = three()
    y = double(x)
    WAYS["add_"](x)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 2, 2])


def test_a_write_in_a_signal_handler_does_not_block_another_write(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = guard.clock

    class Interrupted:
        """A clock whose first reading is interrupted by another write, as a signal handler would do it."""

        looks = 0

        def __next__(self) -> int:
            now = next(clock)
            self.looks += 1
            if self.looks == 1:
                guard.stamp(())
            return now

    monkeypatch.setattr(guard, "clock", Interrupted())
    writing = threading.Thread(target=guard.stamp, args=((),), daemon=True)
    writing.start()
    writing.join(10)
    assert not writing.is_alive()
    assert guard.events.latest == next(clock) - 1  # the time of the write that came in between


def test_an_array_that_outlives_the_package_is_let_go_without_a_word() -> None:
    script = "import numpy, tinygrad_mlp as tg; numpy.held = tg.ones(3).numpy()"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stderr == ""
