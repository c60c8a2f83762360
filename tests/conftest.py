"""Settings for all tests: Hypothesis profiles, a check that no test changes global settings, and counts to print.

``pytest --hypothesis-profile=thorough`` draws forty times as many examples as the default. ``sketch`` draws as few as
it takes to run every line, which is enough to measure coverage.
"""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

import tinygrad_mlp as tg
from tinygrad_mlp.core import record as recording

# The graph keeps small arrays that no rule reads, because releasing them takes more time than it is worth. Arrays in
# tests are small. So here the graph releases arrays of any size; otherwise the tests would never run that code.
recording._SMALL = -1

# No deadlines: how long an example takes says nothing about whether it is right. A build server draws the same examples
# each time, also with versions of Hypothesis that do not by themselves: an unrelated commit does not fail there.
settings.register_profile(
    "quick",
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
    database=None if "CI" in os.environ else settings.default.database,
)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=1000)
settings.register_profile("sketch", settings.get_profile("quick"), max_examples=4)
settings.load_profile("quick")


def pytest_collection_finish() -> None:
    """Let Python's collector leave out what exists by now. Tests that call it would wait for it, half a second each."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_state_is_left_behind() -> Iterator[None]:
    """Fail each test that leaves the gradient mode or the default dtype changed, and put both back."""
    dtype = tg.get_default_dtype()
    yield
    left = (tg.is_grad_enabled(), tg.get_default_dtype())
    tg.set_grad_enabled(True)
    tg.set_default_dtype(dtype)
    assert left == (True, dtype), "the test left the gradient mode or the default dtype changed"


@pytest.fixture
def without_display() -> Iterator[None]:
    """Let matplotlib draw without a display, so that no test opens a window."""
    import matplotlib

    before = matplotlib.get_backend()
    matplotlib.use("agg")
    yield
    matplotlib.use(before)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """After the dots, print each count that a test reported with `record_property` on a line of its own."""
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, counted in report.user_properties:
            terminalreporter.write_line(f"{name}: {counted}")
