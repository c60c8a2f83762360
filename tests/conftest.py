"""Hypothesis profiles for all tests, the promise that no test leaves global state behind it, and counts to be shown.

Run ``pytest --hypothesis-profile=thorough`` to draw forty times as many examples as by default, and with ``sketch`` as
few as it takes to run every line, which is all that measuring the coverage needs.
"""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

import tinygrad_mlp as tg
from tinygrad_mlp.core import record as recording

# The graph lets go of larger arrays that no rule reads. In tests it lets go of small ones, too, which tests consist of.
recording._SMALL = -1

# No deadlines: how long an example takes says nothing about whether it is right.
settings.register_profile("quick", max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=1000)
settings.register_profile("sketch", settings.get_profile("quick"), max_examples=4)
settings.load_profile("quick")


@pytest.fixture(autouse=True)
def no_state_is_left_behind() -> Iterator[None]:
    dtype = tg.get_default_dtype()
    yield
    left = (tg.is_grad_enabled(), tg.get_default_dtype())
    tg.set_grad_enabled(True)
    tg.set_default_dtype(dtype)
    assert left == (True, dtype), "the test left the gradient mode or the default dtype changed"


@pytest.fixture
def without_display() -> Iterator[None]:
    """No window opens, whatever machine the test runs on."""
    import matplotlib

    before = matplotlib.get_backend()
    matplotlib.use("agg")
    yield
    matplotlib.use(before)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests counted with `record_property` on lines of its own, where the dots have ended."""
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, counted in report.user_properties:
            terminalreporter.write_line(f"{name}: {counted}")
