"""Random programs are smooth, of any shapes, their own text, and give the same bits when they are captured."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.testing import Program, check_at, graphs, programs, tensors
from tinygrad_mlp.testing.strategies import Array

programs_of_two = tensors((2, 3)) | tensors((3,)) | tensors(())


@settings(max_examples=max(4, settings.default.max_examples // 2))
@given(programs(), tensors((2, 3)), programs_of_two)
def test_gradients_of_random_programs_equal_differences(program: Program, x: tg.Tensor, y: tg.Tensor) -> None:
    check_at(program, x, y)


@pytest.mark.parametrize("name", [name for table in graphs.TABLES for name in table])
def test_each_operation_is_smooth(name: str) -> None:
    numbers = np.random.default_rng(0)
    for shapes in [((2, 3), (4, 3)), ((2, 2), (3,)), ((), (1, 2, 3))]:
        check_at(Program(((name, 1, 0),)), *(numbers.normal(size=shape) for shape in shapes))


@given(programs())
def test_a_program_is_its_own_text(program: Program) -> None:
    assert eval(repr(program), {"Program": Program}) == program


def test_instructions_choose_among_earlier_results_and_inputs() -> None:
    x, y = tg.tensor([1.0, 2.0]), tg.tensor([3.0, 5.0])
    program = Program((("subtract", 0, 1), ("subtract", 0, 2), ("subtract", 3, 1)))  # y − x, (y − x) − x, x − (y − x)
    np.testing.assert_array_equal(program(x, y), [-1, -1])
    np.testing.assert_array_equal(Program(())(x, y), y)
    with pytest.raises(KeyError, match="nothing"):
        Program((("nothing", 0, 0),))(x)


def test_results_stay_small() -> None:
    program = Program((("cat", 0, 0), ("stack", 0, 0), ("stack of matrices", 0, 0)) * 4)
    assert program(tg.ones(4, 3)).numel() <= 36


class Running(nn.Module):
    """Runs a program on its weight and on an argument. A captured step reads the instructions from a Module."""

    def __init__(self, program: Program, weight: Array) -> None:
        self.instructions = program.instructions
        self.weight = nn.Parameter(tg.tensor(weight))

    def step(self, x: tg.Tensor) -> tg.Tensor:
        value = Program(self.instructions)(x * self.weight, self.weight)
        self.weight.grad = None
        value.sum().backward()
        return value.detach()


@given(programs(), st.integers(0, 9))
def test_a_captured_program_gives_the_same_bits(program: Program, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    running = Running(program, numbers.normal(size=(2, 3)))
    captured = tg.capture(running.step)
    for _ in range(3):
        x = tg.tensor(numbers.normal(size=(2, 3)))
        expected, gradient = running.step(x), running.weight.grad
        np.testing.assert_array_equal(captured(x), expected)
        np.testing.assert_array_equal(running.weight.grad, gradient)
    assert captured.captured is True
