"""Programs that write to Tensors in place give PyTorch's values and gradients, or an error that names the write.

A random program runs three times: here, in PyTorch, and in PyTorch on copies, where no write can spoil a gradient (see
`programs_in_place.py`). After each instruction the values and gradients here are those of the third run, and the flags
are PyTorch's. PyTorch's own gradients are wrong after a write through `.data`, of which it takes no notice. There the
backward pass has to raise here, or to be right.
"""

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from programs_in_place import (
    BINARY,
    LAID_OUT,
    TAKE_ONE,
    TAKE_TENSORS,
    UNARY,
    UPDATES,
    VIEWS,
    Index,
    Safe,
    Shape,
    World,
    dtype_of,
    entries_of,
    indices_of,
    layout_of,
    shape_of,
)

import tinygrad_mlp as tg

torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")

# Errors of PyTorch's for programs that may also be computed here. Then the results have to be those of the copies.
COMPUTED_HERE = {
    "modified by an inplace operation": "PyTorch counts writes to a Tensor; the entries it needs may be kept elsewhere",
    "some elements of the input tensor and the written-to tensor refer to a single memory": "NumPy copies the input",
    "Index put requires the source and destination dtypes match": "NumPy converts what is assigned",
    "A view was created in no_grad mode": "the views of a constant are its views, under no_grad or not",
    "Trying to backward through the graph a second time": "PyTorch keeps the 3 of x * 3; see the file of second walks",
}

# Errors here for programs that PyTorch computes: a part of the message, and the reason.
REFUSED: dict[str, str] = {
    "this memory is for reading alone": "PyTorch writes numbers to expanded Tensors, whose entries share their memory",
    "a view that broadcast_to gives for reading": "so it is if the graph would record the write",
    "divide at .* needs its output": "PyTorch computes the gradient of a quotient from a and b, here from a / b",
}

# After a write that PyTorch does not count, its gradient may be wrong, and this is the error that is right.
NOTICED = re.compile(r"changed after it was computed|overwritten")

SHAPES: list[Shape] = [
    (), (1,), (2,), (3,), (0,), (2, 3), (3, 2), (2, 2), (1, 3), (3, 1), (2, 0), (3, 3), (2, 1, 3), (2, 2, 2), (2, 3, 2),
]  # fmt: skip
WRITES = ("update", "assign")
LARGE = 50.0  # entries beyond it are dropped, since exp of them, or their cubes, would drown everything else


class Entry:
    """One Tensor of a program in each world: `ours`, `theirs` and `safe`."""

    def __init__(self, tensors: list[Any]) -> None:
        self.tensors = tensors
        self.kept = False  # whether `retain_grad` was called
        self.asked = False  # whether `requires_grad_` was called

    @property
    def odd(self) -> bool:
        """Whether PyTorch says that this view requires a gradient although no gradient passes through it.

        So it is of a view that was made under `no_grad`, or before its base came to require a gradient. To ask about
        it, or to write to it, may be an error.
        """
        theirs = self.tensors[1]
        if not theirs._is_view() or self.asked:
            return False
        flag, error = attempt(lambda: bool(theirs.is_leaf and theirs.requires_grad))
        return flag or "A view was created in no_grad mode" in str(error)

    def gradient_of(self, x: Any) -> Any:
        """The entries of `x.grad`, or None. A computed Tensor that keeps none would warn, so it is not asked."""
        if not (self.kept or (x.is_leaf and x.requires_grad)):
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a write to its base may have ended what retain_grad() began
            return None if x.grad is None else entries_of(x.grad)


Observed = list[dict[str, Any]]


def same(a: Any, b: Any) -> bool:
    """Whether two observations are equal, entry for entry."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return np.array_equal(a, b, equal_nan=True)
    return type(a) is type(b) and bool(a == b)


def attempt(action: Callable[..., Any], *args: Any) -> tuple[Any, Exception | None]:
    try:
        with np.errstate(all="ignore"):  # NumPy warns of 0 / 0, and PyTorch does not
            return action(*args), None
    except Exception as error:
        return None, error


class SideBySide(RuleBasedStateMachine):
    """Instructions that are carried out in three worlds, and compared."""

    ours: Any = World(tg)
    uncounted = True  # whether programs write through `.data`
    computed_here = COMPUTED_HERE
    walks_may_stop_half_way = False  # whether a walk that fails may have stored some gradients, as in PyTorch
    counted: ClassVar[Counter[str]] = Counter()  # of all programs

    def __init__(self) -> None:
        super().__init__()
        self.worlds = [self.ours, World(torch), Safe(torch)]
        self.entries: list[Entry] = []
        self.single = False  # whether float32 has been used
        self.uncounted_write = False  # whether PyTorch may have missed a write
        self.overlapping = False  # whether the latest write reads the memory that it writes to
        self.recorded_walk = False  # whether there are second derivatives
        self.scale = 1.0  # the largest number so far

    # --- observing ----------------------------------------------------------------------------------------------------

    def observed(self, world: int) -> Observed:
        found = []
        for entry in self.entries:
            x = entry.tensors[world]
            seen = {"dtype": dtype_of(x), "shape": shape_of(x), "value": entries_of(x), "kept": entry.kept}
            if not entry.odd:
                seen |= {"requires_grad": x.requires_grad, "is_leaf": x.is_leaf, "grad": entry.gradient_of(x)}
            found.append(seen)
        return found

    def close(self, a: Any, b: Any) -> bool:
        """Whether two observed arrays are equal up to rounding, or both None."""
        if a is None or b is None:
            return a is b
        if a.shape != b.shape:
            return False
        if (a == b).all():
            return True
        tolerance = (1e-4 if self.single else 1e-9) * self.scale
        with np.errstate(invalid="ignore"):  # of ∞ − ∞
            return bool(((abs(a - b) <= tolerance) | (a == b) | (np.isnan(a) & np.isnan(b))).all())

    def compare(self) -> None:
        """Assert that the worlds agree on all Tensors. Start anew after a gradient of PyTorch's that is wrong."""
        ours, theirs, safe = map(self.observed, range(3))
        sizes = [largest(seen.get(key)) for seen in safe for key in ("value", "grad")]
        self.scale = max([self.scale, *(size for size in sizes if size < np.inf)])
        wrong = ""
        for number, (our, their, right) in enumerate(zip(ours, theirs, safe, strict=True)):
            if not self.close(their["value"], right["value"]):  # PyTorch does not find all overlaps
                assert self.overlapping, f"the copies differ from PyTorch: {their} for {right}"
                wrong = "value"
            for key in ("value", "grad"):
                assert self.close(our.get(key), right.get(key)), f"{key} of Tensor {number}: {our} for {right}"
            for key in ("dtype", "shape", "requires_grad", "is_leaf"):
                assert our.get(key) == their.get(key), f"{key} of Tensor {number}: {our} for {their}"
            if not self.close(their.get("grad"), right.get("grad")):
                assert self.uncounted_write, f"the copies differ from PyTorch: {their} for {right}"
                wrong = "gradient"
        if wrong:
            self.count(f"a {wrong} that is wrong in PyTorch, and right here")
            self.begin_anew()

    def count(self, what: str) -> None:
        self.counted[what] += 1

    # --- carrying out -------------------------------------------------------------------------------------------------

    def carry_out(self, name: str, action: Callable[..., Any], *entries: Entry, quiet: bool = False) -> bool:
        """Call ``action(world, *tensors)`` in each world and compare. Tensors that it returns join the program.

        Returns:
            Whether there was no error, so that the program goes on.
        """

        def act(world: int) -> tuple[Any, Exception | None]:
            with self.worlds[world].m.no_grad() if quiet else nullcontext():
                return attempt(action, self.worlds[world], *(entry.tensors[world] for entry in entries))

        walk = name.startswith("walk")
        self.count(name + " under no_grad" * quiet)
        before = self.observed(0)
        self.overlapping = len({memory_of(entry.tensors[1]) for entry in entries}) < len(entries)
        their, their_error = act(1)
        our, our_error = act(0)
        if our_error is not None:
            assert isinstance(our_error, RuntimeError | ValueError | TypeError), repr(our_error)
            after = self.observed(0)
            for seen, now in zip(before, after, strict=True):
                if not (walk and self.walks_may_stop_half_way):
                    stopped = {"grad"} if walk and seen["kept"] else set()  # of computed Tensors, also in PyTorch
                    stays = all(same(seen[key], now.get(key)) for key in seen.keys() - stopped)
                    assert stays, f"{our_error!r} changed {seen}: {now}"
            if their_error is not None:
                self.count(f"both raise: {brief(their_error)}")
            elif walk and self.uncounted_write and NOTICED.search(str(our_error)):
                self.count("a write through .data noticed here alone")
            elif name.startswith("walk for inputs") and (entries[0] in entries[1:] or not any_tensor(their)):
                self.count("a walk that is not needed")
            else:
                kind = next((kind for kind in REFUSED if re.search(kind, str(our_error))), None)
                if kind is None:
                    raise AssertionError(f"{name} works in PyTorch, but here: {our_error!r}") from our_error
                self.count(f"refused here: {kind}")
            if walk or their_error is None:
                self.begin_anew()
            return False
        if their_error is not None:
            kind = next((kind for kind in self.computed_here if kind in str(their_error)), None)
            if kind is None:
                raise AssertionError(f"{name} works here, but in PyTorch: {their_error!r}") from their_error
            self.count(f"computed here: {kind}")
        safe, safe_error = act(2)
        assert safe_error is None, f"the copies fail at {name}: {safe_error!r}"
        if their_error is not None:  # PyTorch stands where it stood before: go on with the copies in its place
            their = safe
            for entry in self.entries:
                entry.tensors[1] = entry.tensors[2]
        if name.startswith(WRITES):
            self.forget_retained()
            self.drop_stale()
        self.add([our or [], their or [], safe or []])
        self.compare()
        if their_error is not None:
            self.begin_anew()
        self.tidy()
        return their_error is None

    def add(self, results: list[list[Any]]) -> None:
        """Add the Tensors that an instruction has returned in each world. None stands for a gradient of zeros.

        Whether a gradient of zeros is recorded depends on how it is computed: 0 · g is, and a new zero is not.
        """
        for tensors in zip(*results, strict=True):
            if (
                all(x is not None for x in tensors)
                and len({x.requires_grad for x in tensors}) > 1
                and not entries_of(tensors[2]).any()
            ):
                tensors = [x.detach() for x in tensors]
            if any(x is None for x in tensors):
                for x in tensors:
                    assert x is None or not entries_of(x).any(), f"a gradient is None for {entries_of(x)}"
            else:
                differ = len({x.requires_grad for x in tensors}) > 1 and not entries_of(tensors[2]).any()
                self.entries.append(Entry([x.detach() if differ else x for x in tensors]))

    def forget_retained(self) -> None:
        """Set the gradients of computed Tensors to None. A mistake: a write does so here, to those that it changes."""
        for entry in self.entries:
            for x in entry.tensors:
                if entry.kept and not x.is_leaf and entry.gradient_of(x) is not None:
                    x.grad = None

    def drop_stale(self) -> None:
        """Drop views taken under `no_grad` that are refused here after a write to their memory, as the message says.

        PyTorch refuses most of them, but takes no notice of some writes, such as ``x[...] = x``.
        """
        for entry in [entry for entry in self.entries if not entry.odd]:
            if "was taken under no_grad()" in str(attempt(lambda x: x.requires_grad, entry.tensors[0])[1]):
                self.count("a view taken under no_grad refused here alone")
                self.entries.remove(entry)

    def begin_anew(self) -> None:
        """Replace all Tensors by leaves and constants of the same values. The walks of an old graph may differ."""
        self.count("begun anew")
        for entry in self.entries:
            value, flag = entry.tensors[2].detach().numpy().copy(), entry.tensors[2].requires_grad
            entry.tensors = [world.m.tensor(value, requires_grad=flag) for world in self.worlds]
            entry.kept = entry.asked = False
        self.uncounted_write = self.recorded_walk = False
        self.scale = 1.0
        self.tidy()

    def tidy(self) -> None:
        """Drop what has become too large, and all but the latest Tensors."""
        kept = [entry for entry in self.entries if largest(entries_of(entry.tensors[2])) <= LARGE]
        for entry in kept:
            gradient = entry.gradient_of(entry.tensors[2])
            if gradient is not None and largest(gradient) > LARGE**2:
                for x in entry.tensors:
                    x.grad = None
        self.entries = kept[-10:]

    # --- choosing -----------------------------------------------------------------------------------------------------

    def pick(self, number: int) -> Entry | None:
        """A Tensor of the program. Small numbers choose the latest."""
        return self.entries[-1 - number % len(self.entries)] if self.entries else None

    def pick_recorded(self, number: int, leaf: bool = False) -> Entry | None:
        """A Tensor that requires a gradient, or a leaf that does."""
        asked = [entry for entry in self.entries if not entry.odd and entry.tensors[1].requires_grad]
        found = [entry for entry in asked if entry.tensors[1].is_leaf or not leaf]
        return found[-1 - number % len(found)] if found else None

    def reading(self, *entries: Entry) -> list[Entry]:
        """`entries` to be read: where PyTorch lets no gradient pass in silence, it is to be so in each world."""
        return [Entry([x.detach() for x in entry.tensors]) if entry.odd else entry for entry in entries]

    def pick_written(self, number: int) -> Entry | None:
        """A Tensor to write to: mostly one that is no leaf which requires a gradient, for that is an error."""
        found = [entry for entry in self.entries if entry.odd or not is_parameter(entry.tensors[1])]
        chosen = found[-1 - number % len(found)] if found and number < 9 else self.pick(number)
        if chosen:  # it becomes the latest
            self.entries.remove(chosen)
            self.entries.append(chosen)
        return chosen

    numbers = st.sampled_from([0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9])
    updates = st.sampled_from(list(UPDATES))
    operands = st.one_of(st.none(), numbers)
    sometimes = st.sampled_from([False, False, False, True])
    values = st.lists(st.sampled_from([-2.0, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0]), min_size=12, max_size=12)
    constants = st.sampled_from([2, -0.5, 0.25, -1.0])

    # --- instructions -------------------------------------------------------------------------------------------------

    @initialize(values=values)
    def begin(self, values: list[float]) -> None:
        self.make((2, 3), values, True, False)
        self.make((3,), values, False, False)

    @precondition(lambda self: len(self.entries) < 5)
    @rule(shape=st.sampled_from(SHAPES), values=values, requires_grad=st.booleans(), single=sometimes)
    def make(self, shape: Shape, values: list[float], requires_grad: bool, single: bool) -> None:
        array = np.resize(values, shape).astype(np.float32 if single else np.float64)
        self.single |= single
        self.carry_out("make", lambda world: [world.m.tensor(array, requires_grad=requires_grad)])

    @rule(name=st.sampled_from(list(UNARY)), i=numbers, quiet=sometimes)
    def read_one(self, name: str, i: int, quiet: bool) -> None:
        x = self.pick(i)
        if x and (name != "exp" or largest(entries_of(x.tensors[2])) <= 3):
            self.single |= name == "other dtype"
            self.carry_out(f"read {name}", lambda world, x: [world.read(name, x)], *self.reading(x), quiet=quiet)

    @rule(name=st.sampled_from(list(BINARY)), i=numbers, j=numbers, quiet=sometimes)
    def read_two(self, name: str, i: int, j: int, quiet: bool) -> None:
        a, b = self.pick(i), self.pick(j)
        if not a or not b:
            return

        def action(world: World, a: Any, b: Any) -> list[Any]:
            return [world.read(name, a, world.fitting(b, shape_of(a)))]

        self.carry_out(f"read {name}", action, *self.reading(a, b), quiet=quiet)

    @rule(name=st.sampled_from(list(VIEWS)), i=numbers, k=st.integers(0, 3), quiet=sometimes)
    def view(self, name: str, i: int, k: int, quiet: bool) -> None:
        entry = self.pick(i)
        if not entry or not all(VIEWS[name][0](x) for x in entry.tensors):
            return
        if name in LAID_OUT and len({layout_of(x) for x in entry.tensors}) > 1:
            self.count(f"layouts differ, so there is no {name}")
            return
        if name == "data" and not self.uncounted:
            return
        self.uncounted_write |= name == "data"

        def action(world: World, x: Any) -> list[Any]:
            return [(world.quiet_view if quiet else world.view)(name, x, k)]

        self.carry_out(f"view {name}" + " under no_grad" * quiet, action, *self.reading(entry))

    def value(self, name: str, j: int | None) -> list[Entry]:
        """The operand of a write: a Tensor of the program, or none, which stands for a constant, if `j` is None."""
        entry = self.pick(j or 0)
        return self.reading(entry) if entry and (j is not None or name in TAKE_TENSORS) else []

    @rule(
        name=st.sampled_from(list(UPDATES)),
        i=numbers,
        j=operands,
        constant=constants,
        itself=sometimes,
        quiet=sometimes,
    )
    def update(self, name: str, i: int, j: int | None, constant: float, itself: bool, quiet: bool) -> None:
        x = self.pick_written(i)
        if not x:
            return
        operands = [x] if itself else self.value(name, j)

        def action(world: World, x: Any, *values: Any) -> None:
            shape = () if name in TAKE_ONE else shape_of(x)
            value = constant
            if values:
                positive = name in ("div_", "/=") and not itself
                value = world.fitting(world.read("positive", values[0]) if positive else values[0], shape)
            world.update(name, x, value)

        self.carry_out(f"update {name}" + " by itself" * itself, action, x, *operands, quiet=quiet)

    @rule(i=numbers, which=numbers, j=operands, constant=constants, quiet=sometimes)
    def assign(self, i: int, which: int, j: int | None, constant: float, quiet: bool) -> None:
        x = self.pick_written(i)
        if not x:
            return
        index = self.index(x, which)

        def action(world: World, x: Any, *values: Any) -> None:
            shape = shape_of(world.part(x, index))
            world.assign(x, index, world.fitting(values[0], shape) if values else constant)

        self.carry_out(f"assign {index[0]}", action, x, *self.value("=", j), quiet=quiet)

    @rule(
        name=st.sampled_from(["+=", "-=", "*=", "/="]), i=numbers, which=numbers, j=operands, constant=constants,
        quiet=sometimes,
    )  # fmt: skip
    def update_part(self, name: str, i: int, which: int, j: int | None, constant: float, quiet: bool) -> None:
        """What Python does for ``x[index] += value``: take the part, write to it, and assign it to where it is from."""
        x = self.pick_written(i)
        if not x:
            return
        index = self.index(x, which)

        def update(world: World, part: Any, *values: Any) -> None:
            value = world.fitting(values[0], shape_of(part)) if values else constant
            world.update(name, part, world.read("positive", value) if values and name == "/=" else value)

        operands = self.value("=", j)
        if x.odd or not self.carry_out(
            "part" + " under no_grad" * quiet,
            lambda world, x: [(world.quiet_part if quiet else world.part)(x, index)],
            x,
        ):
            return
        part = self.entries[-1]
        if self.carry_out(f"update {name}", update, part, *operands, quiet=quiet) and x in self.entries:
            self.carry_out(
                f"assign {index[0]}", lambda world, x, part: world.assign(x, index, part), x, part, quiet=quiet
            )

    def index(self, entry: Entry, which: int) -> Index:
        indices = indices_of(shape_of(entry.tensors[1]))
        return indices[which % len(indices)]

    @rule(i=numbers, what=st.sampled_from(["retain_grad", "requires_grad_", "detach_", "use", "forget", "zero_"]))
    def around_gradients(self, i: int, what: str) -> None:
        """Ask for a gradient, or for none; read, drop or clear one that was found."""
        if what == "retain_grad" and self.recorded_walk:
            return
        entry = self.pick_recorded(i) if what == "retain_grad" else self.pick(i)
        if not entry or entry.odd or (what == "detach_" and not hasattr(self.ours.m.Tensor, what)):
            return
        if what == "requires_grad_" and entry.tensors[1]._is_view():
            return  # PyTorch lets one do this to a view of a constant, and refuses it later
        if what == "requires_grad_" and any(other.tensors[1]._base is entry.tensors[1] for other in self.entries):
            return  # the views become views of the leaf, or stay constants: in PyTorch that depends on earlier writes
        if what in ("use", "forget", "zero_") and entry.gradient_of(entry.tensors[2]) is None:
            return
        entry.kept |= what == "retain_grad"
        entry.asked |= what == "requires_grad_"
        on = not entry.tensors[1].requires_grad

        def action(world: World, x: Any) -> list[Any]:
            if what == "use":
                return [x.grad.clone()]
            if what == "forget":
                x.grad = None
            elif what == "zero_":
                x.grad.zero_()
            else:
                getattr(x, what)(*[on] * (what == "requires_grad_"))
            return []

        self.carry_out(what, action, entry, quiet=what == "zero_")

    def may_record(self) -> bool:
        """Whether a walk may be recorded. From then on, second derivatives are asked for leaves alone.

        The derivative of a gradient with respect to a computed Tensor depends on the gradient's formula: that of the
        sigmoid may be written in terms of its input or of its output.
        """
        return not any(entry.kept for entry in self.entries)

    retains = st.sampled_from([None, None, True, False])

    @rule(i=numbers, values=values, retain=retains, create=sometimes)
    def walk(self, i: int, values: list[float], retain: bool | None, create: bool) -> None:
        entry = self.pick_recorded(i)
        if entry:
            self.walk_from(entry, values, retain, create)

    def walk_from(self, entry: Entry, values: list[float], retain: bool | None, create: bool) -> None:
        create = create and self.may_record()
        self.recorded_walk |= create
        cotangent = self.cotangent(entry, values)
        name = "walk" + ", recorded" * create
        self.carry_out(name, lambda world, x: world.walk(x, cotangent(world), retain, create), entry)

    @rule(i=numbers, j=numbers, k=numbers, values=values, retain=retains, create=st.booleans())
    def gradients(self, i: int, j: int, k: int, values: list[float], retain: bool | None, create: bool) -> None:
        create = create and self.may_record()
        self.recorded_walk |= create
        entry, inputs = self.pick_recorded(i), [self.pick_recorded(number, self.recorded_walk) for number in (j, k)]
        if entry and all(inputs):
            cotangent = self.cotangent(entry, values)
            self.carry_out(
                "walk for inputs" + ", recorded" * create,
                lambda world, x, *inputs: world.gradients(x, [*inputs], cotangent(world), retain, create),
                entry,
                *dict.fromkeys(inputs),  # each of them once
            )

    @rule(
        name=st.sampled_from(list(UNARY)), i=numbers, change=updates, j=numbers, k=operands,
        through=st.sampled_from([None, "detach", "data", *VIEWS]), constant=constants, values=values,
    )  # fmt: skip
    def write_between(
        self, name: str, i: int, change: str, j: int, k: int | None, through: str | None, constant: float,
        values: list[float],
    ) -> None:  # fmt: skip
        """Compute something, write to its input, to its output or to a view of one of them, and walk back."""
        self.read_one(name, i, False)
        result = self.entries[-1]
        if through:
            self.view(through, j, 0, False)
        self.update(change, 0 if through else j, k, constant, False, False)
        if result in self.entries and not result.odd and result.tensors[1].requires_grad:
            self.walk_from(result, values, None, False)

    @rule(name=st.sampled_from(list(UNARY)), i=numbers, change=updates, j=numbers, k=operands, values=values)
    def differentiate_twice(self, name: str, i: int, change: str, j: int, k: int | None, values: list[float]) -> None:
        """Compute something, record its gradient, write to something, and walk back from the gradient."""
        self.read_one(name, i, False)
        self.gradients(0, j, j, values, None, True)
        found = self.entries[-1]
        if k is not None:
            self.update(change, j, k, 2, False, False)
        if found in self.entries and not found.odd and found.tensors[1].requires_grad:
            self.walk_from(found, values, None, False)

    def cotangent(self, entry: Entry, values: list[float]) -> Callable[[World], Any]:
        x = entry.tensors[1]
        array = np.resize(values, shape_of(x)).astype(dtype_of(x))
        return lambda world: world.m.tensor(array)


def any_tensor(results: list[Any]) -> bool:
    return any(x is not None for x in results)


def is_parameter(x: Any) -> bool:
    return bool(x.is_leaf and x.requires_grad)


def memory_of(x: Any) -> int:
    """The address of the memory of a Tensor of PyTorch's."""
    return int(x.untyped_storage().data_ptr())


def largest(array: Any) -> float:
    """The size of the largest entry; infinity if one is NaN."""
    found = 0.0 if array is None else float(np.max(np.abs(array), initial=0))
    return found if np.isfinite(found) else np.inf


def brief(error: Exception) -> str:
    return re.sub(r"\[.*?\]|\d+", "…", str(error))[:90]


# Programs of a few dozen instructions. One that fails is not shrunk, which takes minutes: add Phase.shrink for that.
PROGRAMS = settings(
    max_examples=2 * settings.default.max_examples,
    stateful_step_count=30,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@pytest.fixture(autouse=True)
def without_warnings_of_pytorch() -> Iterator[None]:
    """PyTorch warns of gradients that are recorded in `.grad`, and of writes to expanded Tensors."""
    ignored = (
        "Using backward",
        "Use of index_put_ on expanded",
        "The .grad attribute of a Tensor",
        "grad and param do",
    )
    with warnings.catch_warnings():
        for message in ignored:
            warnings.filterwarnings("ignore", message)
        yield


def test_random_programs_give_the_values_and_gradients_of_pytorch(
    record_property: Callable[[str, object], None],
) -> None:
    SideBySide.counted.clear()
    run_state_machine_as_test(SideBySide, settings=PROGRAMS)  # type: ignore[no-untyped-call]
    counted = SideBySide.counted
    record_property("instructions in place", sum(n for what, n in counted.items() if what.startswith(WRITES)))
    record_property("walks", sum(n for what, n in counted.items() if what.startswith("walk")))
    for what, n in counted.most_common():
        if what.startswith(("both raise", "computed here", "refused here", "a ")):
            record_property(what, n)
