"""PyTorch's compilers return their argument, and say once what makes a training step faster here."""

from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_mlp as tg
from tinygrad_mlp import jit


def double(x: Any) -> Any:
    return 2 * x


@pytest.mark.parametrize("compiler", [tg.compile, jit.script, lambda f: jit.trace(f, (tg.ones(1),))])
def test_a_compiler_returns_its_argument_and_warns_once(
    compiler: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jit, "_warned", set())
    with pytest.warns(UserWarning, match=r"returns its argument as it is: .* write step = capture\(step\)") as told:
        assert compiler(double) is double
    assert told[0].filename == __file__
    assert compiler(double) is double  # a second warning would be an error
    net = tg.nn.Linear(1, 1)
    assert compiler(net) is net


def test_a_module_compiles_itself_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "_warned", set())
    net = tg.nn.Linear(1, 1)
    with pytest.warns(UserWarning, match="capture"):
        net.compile(mode="max-autotune")
    assert net(tg.zeros(1, 1)).item() == net.bias.item()


def test_decorators_return_what_they_decorate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "_warned", {"compile"})
    assert tg.compile(mode="max-autotune")(double) is double
    assert jit.ignore(double) is jit.ignore()(double) is jit.unused(double) is jit.export(double) is double
