"""The innermost mode of a thread decides whether operations are recorded, and every mode ends with its block."""

import asyncio
import threading
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from checks import equal, recorded
from strategies import leaf

import tinygrad_mlp as tg


def test_modes_nest_and_are_restored() -> None:
    assert recorded()
    with tg.no_grad():
        assert not recorded()
        with tg.enable_grad():
            assert recorded()
            with tg.set_grad_enabled(False):
                assert not recorded()
            assert recorded()
        assert not recorded()
        with tg.set_grad_enabled(True):
            assert recorded()
        assert not recorded()
    assert recorded()


@pytest.mark.parametrize("mode", [tg.no_grad, tg.enable_grad, lambda: tg.set_grad_enabled(False)])
def test_an_exception_restores_the_mode(mode: Callable[[], Any]) -> None:
    for before in (True, False):
        with tg.set_grad_enabled(before):
            with pytest.raises(ZeroDivisionError), mode():
                1 / 0  # noqa: B018
            assert recorded() is before
    assert recorded()


@pytest.mark.parametrize(
    ("decorate", "inside"),
    [
        (tg.no_grad, False),
        (tg.no_grad(), False),
        (tg.enable_grad, True),
        (lambda f: tg.set_grad_enabled(False)(f), False),
    ],
)
def test_a_mode_applies_to_the_body_of_a_generator_and_not_to_its_caller(decorate: Any, inside: bool) -> None:
    @decorate
    def answers(number: int) -> Any:
        got = []
        for _ in range(number):
            got.append((yield recorded()))
        return got

    for outside in (True, False):
        with tg.set_grad_enabled(outside):
            generator = answers(2)
            assert next(generator) is inside
            assert recorded() is outside
            assert generator.send("a") is inside
            assert recorded() is outside
            with pytest.raises(StopIteration) as stop:
                generator.send("b")
            assert stop.value.value == ["a", "b"]
            assert recorded() is outside


def test_a_decorated_generator_can_be_thrown_into_and_closed() -> None:
    seen = []

    @tg.no_grad
    def answers() -> Any:
        try:
            try:
                yield 1
            except ValueError as error:
                seen.append((str(error), recorded()))
                yield 2
        finally:
            seen.append(("closed", recorded()))

    generator = answers()
    assert next(generator) == 1
    assert generator.throw(ValueError("thrown")) == 2
    generator.close()
    assert seen == [("thrown", False), ("closed", False)]
    assert recorded()


def test_a_mode_object_may_be_entered_twice() -> None:
    quiet = tg.no_grad()
    with quiet:
        with quiet:
            assert not recorded()
        assert not recorded()
    assert recorded()


def test_set_grad_enabled_takes_effect_at_once() -> None:
    tg.set_grad_enabled(False)
    assert not recorded()
    tg.set_grad_enabled(True)
    assert recorded()


@pytest.mark.parametrize(
    ("decorator", "inside"),
    [(tg.no_grad(), False), (tg.enable_grad(), True), (tg.no_grad, False), (tg.enable_grad, True),
     (lambda g: tg.set_grad_enabled(False)(g), False),
     (lambda g: tg.set_grad_enabled(True)(g), True)],
    ids=["no_grad()", "enable_grad()", "no_grad", "enable_grad", "set_grad_enabled(False)", "set_grad_enabled(True)"],
)  # fmt: skip
def test_modes_decorate_functions(decorator: Callable[[Any], Any], inside: bool) -> None:
    for before in (True, False):
        with tg.set_grad_enabled(before):

            @decorator
            def answer(again: bool = False) -> list[bool]:
                """What is recorded in here."""
                return [recorded(), *(answer() if again else [])]

            assert answer.__doc__ == "What is recorded in here."
            assert recorded() is before, "decorating alone changes nothing"
            for _ in range(2):
                assert answer(again=True) == [inside, inside]
                assert recorded() is before


def test_a_mode_refuses_to_decorate_a_number() -> None:
    with pytest.raises(TypeError, match=r"no_grad takes no 5: write `with no_grad\(\):` or `@no_grad`"):
        tg.no_grad(5)


def test_each_thread_has_its_own_mode() -> None:
    answers = []
    with tg.no_grad():
        thread = threading.Thread(target=lambda: answers.append(recorded()))
        thread.start()
        thread.join()
        assert not recorded()
    assert answers == [True]


@pytest.mark.parametrize("first_to_leave", [0, 1])
def test_a_decorated_function_can_run_in_two_threads_at_once(first_to_leave: int) -> None:
    """Whichever thread leaves the function first, each thread gets its own mode back."""
    modes, inside, leave = [False, True], [threading.Event(), threading.Event()], [threading.Event(), threading.Event()]

    @tg.no_grad()
    def wait(k: int) -> None:
        inside[k].set()
        assert leave[k].wait(10)

    def work(k: int) -> bool:
        with tg.set_grad_enabled(modes[k]):
            wait(k)
            return recorded()

    with ThreadPoolExecutor(2) as pool:
        running = []
        for k in range(2):
            running.append(pool.submit(work, k))
            assert inside[k].wait(10)
        for k in (first_to_leave, 1 - first_to_leave):
            leave[k].set()
            assert running[k].result() is modes[k]


def test_create_graph_records_whatever_the_mode() -> None:
    x = leaf(np.array([2.0]))
    y = (x**3).sum()
    with tg.no_grad():
        y.backward(create_graph=True)
    assert x.grad.requires_grad
    slope, x.grad = x.grad, None
    slope.sum().backward()
    equal(x.grad, [12])


def test_a_subclass_of_a_mode_is_entered_by_the_functions_it_decorates() -> None:
    entered = []

    class Logged(tg.no_grad):
        def __enter__(self) -> None:
            entered.append(True)
            super().__enter__()

    assert Logged()(tg.is_grad_enabled)() is False
    assert entered == [True]


# --- asyncio ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decorate", [tg.no_grad, tg.no_grad(), lambda f: tg.set_grad_enabled(False)(f)])
def test_a_mode_applies_to_the_body_of_a_coroutine_and_not_to_its_caller(decorate: Any) -> None:
    @decorate
    async def answer(value: int) -> tuple[bool, bool, int]:
        before = recorded()
        await asyncio.sleep(0)
        return before, recorded(), value

    @decorate
    async def answers(values: list[int]) -> Any:
        for value in values:
            try:
                got = yield recorded(), value
                assert (got, recorded()) == ("sent", False)
            except KeyError:
                yield recorded(), -value
            await asyncio.sleep(0)

    async def main() -> None:
        assert await answer(3) == (False, False, 3)
        generator = answers([1, 2])
        assert await anext(generator) == (False, 1)
        assert recorded()
        assert await generator.asend("sent") == (False, 2)
        assert await generator.athrow(KeyError()) == (False, -2)
        assert recorded()
        with pytest.raises(StopAsyncIteration):
            await anext(generator)
        assert [value async for _, value in answers([])] == []
        assert recorded()

    asyncio.run(main())


def test_a_block_that_awaits_changes_no_other_task() -> None:
    async def evaluate(seconds: float) -> list[bool]:
        await asyncio.sleep(seconds)
        with tg.no_grad():
            inside = recorded()
            await asyncio.sleep(0.01)
            return [inside, recorded()]

    async def train() -> list[bool]:
        answers = []
        for _ in range(10):
            answers.append(recorded())
            await asyncio.sleep(0.002)
        return answers

    async def main() -> None:
        first, second, others = await asyncio.gather(evaluate(0), evaluate(0.005), train())
        assert first == second == [False, False]
        assert others == [True] * 10
        assert recorded()

    asyncio.run(main())


def test_threads_may_enter_one_mode_object() -> None:
    shared = tg.no_grad()
    entered, left = threading.Event(), threading.Event()
    answers = {}

    def first() -> None:
        with shared:
            entered.set()
            left.wait()
        answers["first"] = recorded()

    def second() -> None:
        entered.wait()
        with tg.no_grad():
            with shared:
                left.set()
                thread.join()
            answers["second"] = recorded()

    thread, other = threading.Thread(target=first), threading.Thread(target=second)
    thread.start()
    other.start()
    other.join()
    assert answers == {"first": True, "second": False}


def test_switching_as_a_statement_many_times_keeps_no_memory() -> None:
    tracemalloc.start()
    for _ in range(10_000):
        tg.set_grad_enabled(True)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 100_000


def test_a_block_that_a_generator_entered_elsewhere_leaves_the_mode_of_this_thread() -> None:
    def values() -> Any:
        with tg.no_grad():
            yield 1

    generator = values()
    next(generator)
    assert not recorded()
    with ThreadPoolExecutor(1) as other:
        other.submit(generator.close).result()
        assert other.submit(recorded).result()
    tg.set_grad_enabled(True)


def test_inference_mode_is_no_grad_under_another_name() -> None:
    @tg.inference_mode
    def bare() -> bool:
        return recorded()

    @tg.inference_mode()
    def called() -> bool:
        return recorded()

    with tg.inference_mode():
        assert not recorded()
        with tg.autograd.inference_mode(False):
            assert recorded()
        assert not recorded()
    with tg.inference_mode(mode=True):
        x = tg.ones(2)
    assert recorded()
    assert not bare()
    assert not called()
    assert (x * leaf(np.ones(2))).requires_grad
