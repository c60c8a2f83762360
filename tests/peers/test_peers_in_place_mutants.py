"""Random programs find each of some mistakes that a library may make when Tensors are written to in place.

The mistakes are made in PyTorch, which stands on both sides: so the programs are tested without this package.
"""

from collections import Counter
from contextlib import nullcontext
from typing import Any, ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from programs_in_place import Index, World

torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")

from test_peers_in_place import PROGRAMS, SideBySide, is_parameter, without_warnings_of_pytorch  # noqa: E402

__all__ = ["without_warnings_of_pytorch"]

pytestmark = pytest.mark.long


class PyTorchItself(SideBySide):
    """PyTorch beside itself. Writes through `.data` are left out, because PyTorch is wrong after them."""

    ours = World(torch)
    uncounted = False
    computed_here: ClassVar[dict[str, str]] = {}  # PyTorch raises what PyTorch raises
    walks_may_stop_half_way = True
    counted: ClassVar[Counter[str]] = Counter()


def test_pytorch_agrees_with_itself() -> None:
    run_state_machine_as_test(PyTorchItself, settings=PROGRAMS)  # type: ignore[no-untyped-call]


def needs_gradient(value: Any) -> bool:
    return bool(getattr(value, "requires_grad", False))


class Unrecorded(World):
    """A write is not recorded, so that gradients are those from before it."""

    def update(self, name: str, x: Any, value: Any) -> None:
        if parameter_below(x) or (needs_gradient(value) and not x.requires_grad):
            super().update(name, x, value)
        else:
            super().update(name, x.detach(), value.detach() if hasattr(value, "detach") else value)


class UnseenByAliases(World):
    """A write goes to new memory, which other Tensors of the old memory do not see."""

    def update(self, name: str, x: Any, value: Any) -> None:
        copied = x.clone()
        super().update(name, copied, value)
        if not x._is_view() and not parameter_below(x):
            x.data = copied.data


class OldGradientKept(World):
    """The gradient of an entry that was assigned to still reaches what the entry was computed from."""

    def assign(self, x: Any, index: Index, value: Any) -> None:
        part = self.part(x, index)
        super().assign(x, index, value + (part - part.detach()) if part.requires_grad else value)


class ValueWithoutGradient(World):
    """No gradient reaches the value that is assigned."""

    def assign(self, x: Any, index: Index, value: Any) -> None:
        super().assign(x, index, value.detach() + 0 * value if needs_gradient(value) else value)


class LeavesWritten(World):
    """A write to a leaf that requires a gradient is allowed."""

    def update(self, name: str, x: Any, value: Any) -> None:
        with torch.no_grad() if is_parameter(x) else nullcontext():
            super().update(name, x, value)


class ChangedValuesRead(World):
    """The backward pass of `sin` reads its input as it is then."""

    class Sine(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.x = x
            return x.sin()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.x.cos()

    def read(self, name: str, *operands: Any) -> Any:
        return self.Sine.apply(*operands) if name == "sin" else super().read(name, *operands)


class GraphsKept(World):
    """A second walk is always allowed."""

    def walk(self, x: Any, cotangent: Any, retain: bool | None, create: bool) -> None:
        super().walk(x, cotangent, True, create)


class NoSecondDerivatives(World):
    """The gradients of a recorded walk are not recorded."""

    def gradients(self, x: Any, inputs: list[Any], cotangent: Any, retain: bool | None, create: bool) -> list[Any]:
        found = super().gradients(x, inputs, cotangent, retain, create)
        return [g.detach() + 0 * g if needs_gradient(g) else g for g in found]


class ViewsAreCopies(World):
    """A diagonal is a copy."""

    def view(self, name: str, x: Any, k: int) -> Any:
        found = super().view(name, x, k)
        return found.clone() if name == "diagonal" else found


class QuietWritesRecorded(World):
    """A write of a value that requires a gradient is recorded under `no_grad` as well."""

    def update(self, name: str, x: Any, value: Any) -> None:
        with (
            torch.enable_grad() if getattr(value, "requires_grad", False) and not parameter_below(x) else nullcontext()
        ):
            super().update(name, x, value)


class QuietWritesDetach(World):
    """A write under `no_grad` takes a computed Tensor out of the graph."""

    def update(self, name: str, x: Any, value: Any) -> None:
        super().update(name, x, value)
        if not torch.is_grad_enabled() and not x.is_leaf and not x._is_view():
            x.detach_()


class WrongFactor(World):
    """`*=` passes its gradient on as `+=` does."""

    def update(self, name: str, x: Any, value: Any) -> None:
        if name == "*=" and not needs_gradient(value) and not parameter_below(x):
            x += (x * value - x).detach()
        else:
            super().update(name, x, value)


def parameter_below(x: Any) -> bool:
    """Whether a write to `x` in place is an error of PyTorch's."""
    return is_parameter(x if x._base is None else x._base) or is_parameter(x) or 0 in x.stride()


MUTANTS = [
    Unrecorded, UnseenByAliases, OldGradientKept, ValueWithoutGradient, LeavesWritten, ChangedValuesRead, GraphsKept,
    NoSecondDerivatives, ViewsAreCopies, QuietWritesRecorded, QuietWritesDetach, WrongFactor,
]  # fmt: skip
FOUND = r"of Tensor \d+: |works here, but in PyTorch: |works in PyTorch, but here: | changed \{"


@pytest.mark.long
@pytest.mark.parametrize("mutant", MUTANTS)
def test_programs_find_a_mistake(mutant: type[World]) -> None:
    class Mistaken(PyTorchItself):
        ours = mutant(torch)

    # Without shrinking, since nobody reads the program that was found.
    search = settings(PROGRAMS, max_examples=1000, phases=[Phase.generate], database=None, report_multiple_bugs=False)
    with pytest.raises(AssertionError, match=FOUND):
        run_state_machine_as_test(Mistaken, settings=search)  # type: ignore[no-untyped-call]


@pytest.mark.long
def test_programs_find_that_pytorch_does_not_notice_writes_through_data() -> None:
    class Unnoticed(PyTorchItself):
        uncounted = True

    search = settings(PROGRAMS, max_examples=1000, phases=[Phase.generate], database=None, report_multiple_bugs=False)
    with pytest.raises(AssertionError, match="grad of Tensor"):
        run_state_machine_as_test(Unnoticed, settings=search)  # type: ignore[no-untyped-call]
