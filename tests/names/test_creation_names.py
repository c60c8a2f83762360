"""Names that make Tensors give the shapes, dtypes and entries that are asked for, and no gradient by themselves."""

from typing import Any

import numpy as np
import pytest
from checks import check_answer
from strategies import leaf

import tinygrad_mlp as tg

X = np.array([[1.5, -2.5, 0.5], [3.5, -0.5, 3.5]])
COUNTS = tg.tensor([1, 2], dtype=tg.int32)

# Functions and methods with their values for X.
ANSWERS: list[tuple[str, Any, Any]] = [
    ("empty", lambda x: tg.empty(2, 3), np.zeros((2, 3))),
    ("empty", lambda x: tg.empty(size=(2,)), np.zeros(2)),
    ("empty_like", lambda x: tg.empty_like(x), np.zeros((2, 3))),
    ("full_like", lambda x: tg.full_like(x, 2.5), np.full((2, 3), 2.5)),
    ("full_like", lambda x: tg.full_like(COUNTS, 2.5), [2, 2]),
    ("scalar_tensor", lambda x: tg.scalar_tensor(3), 3.0),
    ("logspace", lambda x: tg.logspace(-1, 2, 4, dtype=tg.float64), np.logspace(-1, 2, 4)),
    ("logspace", lambda x: tg.logspace(0, tg.tensor(3), 4, base=2), [1, 2, 4, 8]),
    ("tril_indices", lambda x: tg.tril_indices(3, 2, 1), np.stack(np.tril_indices(3, 1, 2))),
    ("triu_indices", lambda x: tg.triu_indices(2, 3, -1), np.stack(np.triu_indices(2, -1, 3))),
    ("new_zeros", lambda x: x.new_zeros(2, 1), np.zeros((2, 1))),
    ("new_zeros", lambda x: x.new_zeros((2, 1)), np.zeros((2, 1))),
    ("new_empty", lambda x: x.new_empty(size=[3]), np.zeros(3)),
    ("new", lambda x: x.new(2, 1), np.zeros((2, 1))),
    ("new", lambda x: x.new(x.size()), np.zeros((2, 3))),
    ("new", lambda x: COUNTS.new([1.5, 2]), [1, 2]),
    ("new", lambda x: x.new(), np.zeros(0)),
    ("new_ones", lambda x: x.new_ones(2), np.ones(2)),
    ("new_full", lambda x: COUNTS.new_full((2,), 3.7), [3, 3]),
    ("new_tensor", lambda x: COUNTS.new_tensor([1.5, 2]), [1, 2]),
    ("asarray", lambda x: tg.asarray([1, 2]), [1, 2]),
    ("frombuffer", lambda x: tg.frombuffer(bytearray([1, 2, 3, 4]), dtype=tg.int8, count=2, offset=1), [2, 3]),
    ("rand_like", lambda x: (tg.rand_like(x) < 1).all(), True),
    ("randn_like", lambda x: np.isfinite(tg.randn_like(x)).all(), True),
    ("randint_like", lambda x: tg.randint_like(x, 5, 6), np.full((2, 3), 5)),
    ("randint_like", lambda x: tg.randint_like(x, 1), np.zeros((2, 3))),
    ("element_size", lambda x: [x.element_size(), x.float().element_size()], [8, 4]),
    ("is_signed", lambda x: [x.is_signed(), COUNTS.is_signed(), COUNTS.byte().is_signed()], [True, True, False]),
    ("is_complex", lambda x: x.is_complex(), False),
    ("is_nonzero", lambda x: [x[0, :1].is_nonzero(), tg.tensor(False).is_nonzero()], [True, False]),
    ("conj", lambda x: x.conj().detach(), X),
    ("result_type", lambda x: tg.result_type(COUNTS, x).name, "float64"),
    ("promote_types", lambda x: tg.promote_types(tg.uint8, tg.int8).name, "int16"),
    ("can_cast", lambda x: tg.can_cast(tg.int64, tg.float32), True),
]


@pytest.mark.parametrize(("name", "call", "expected"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_functions_make_what_is_asked_for(name: str, call: Any, expected: Any) -> None:
    check_answer(call(leaf(X)), expected)


LIKE = {
    "empty_like": tg.empty_like, "full_like": lambda x, **options: tg.full_like(x, 1, **options),
    "rand_like": tg.rand_like, "randn_like": tg.randn_like,
    "randint_like": lambda x, **options: tg.randint_like(x, 2, **options),
    "new_zeros": lambda x, **options: x.new_zeros(2, 3, **options),
    "new_empty": lambda x, **options: x.new_empty(2, 3, **options),
    "new_ones": lambda x, **options: x.new_ones(2, 3, **options),
    "new_full": lambda x, **options: x.new_full((2, 3), 1, **options),
    "new_tensor": lambda x, **options: x.new_tensor(X, **options),
}  # fmt: skip


@pytest.mark.parametrize("name", LIKE)
def test_dtypes_are_those_of_the_tensor_unless_others_are_asked_for(name: str) -> None:
    make = LIKE[name]
    for dtype in (tg.float32, tg.float64):
        x = tg.tensor(X, dtype=dtype)
        assert make(x).dtype == dtype
        assert make(x).shape == (2, 3)
        assert make(x.long(), dtype=dtype).dtype == dtype
        made = make(x, requires_grad=True, device="cpu", pin_memory=False)
        assert made.requires_grad
        assert made.is_leaf
    with pytest.raises(RuntimeError, match="one device"):
        make(x, device="cuda")


def test_new_has_the_dtype_of_the_tensor_and_takes_what_its_type_takes() -> None:
    for dtype in (tg.float32, tg.float64, tg.uint8, tg.uint16, tg.bool):
        assert tg.zeros(2, dtype=dtype).new(3, device="cpu").dtype == dtype
    x = tg.ones(2, requires_grad=True)
    assert not x.new(2).requires_grad
    with pytest.raises(TypeError, match=r"of another dtype: write x.type\(torch.FloatTensor\)"):
        x.new(COUNTS)
    with pytest.raises(TypeError, match=r"FloatTensor\(\) takes lengths, or data in a list, not 3.5"):
        x.new(3.5)
    with pytest.raises(RuntimeError, match="one device"):
        x.new(2, device="cuda")


MADE = {
    "empty": lambda **options: tg.empty(2, **options), "logspace": lambda **options: tg.logspace(0, 1, 2, **options),
    "scalar_tensor": lambda **options: tg.scalar_tensor(1, **options),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_dtypes_are_the_default_dtype_unless_others_are_asked_for(name: str) -> None:
    make = MADE[name]
    assert make().dtype == tg.float32
    assert make(dtype=tg.int16).dtype == tg.int16
    assert make(requires_grad=True).is_leaf
    with pytest.raises(RuntimeError, match="one device"):
        make(device="cuda")


def test_generators_draw_the_same_numbers_again() -> None:
    x = tg.zeros(20)
    for draw in (tg.rand_like, tg.randn_like, lambda x, generator: tg.randint_like(x, 100, generator=generator)):
        first, again, other = (draw(x, generator=tg.Generator().manual_seed(seed)).tolist() for seed in (1, 1, 2))
        assert first == again != other


# --- data -------------------------------------------------------------------------------------------------------------


def test_asarray_shares_memory_where_it_can() -> None:
    x = tg.tensor(X)
    array = X.copy()
    assert tg.asarray(x) is x
    assert np.shares_memory(tg.asarray(array, copy=False).numpy(), array)
    assert not np.shares_memory(tg.asarray(array, copy=True).numpy(), array)
    assert tg.asarray(array, dtype=tg.float32).dtype == tg.float32
    for data, dtype in (([1], None), (x, tg.float32)):
        with pytest.raises(ValueError, match="copy=False"):
            tg.asarray(data, dtype=dtype, copy=False)


def test_asarray_takes_a_tensor_out_of_the_graph_or_into_it() -> None:
    x = leaf(X)
    assert tg.asarray(x) is x
    assert tg.asarray(x * 1, copy=True).requires_grad
    assert not tg.asarray(x, requires_grad=False).requires_grad
    assert tg.asarray(X.copy(), requires_grad=True).is_leaf
    assert not tg.asarray(x * 1, requires_grad=True).is_leaf


def test_frombuffer_shares_the_memory_of_a_buffer() -> None:
    buffer = bytearray(8)
    x = tg.frombuffer(buffer, dtype=tg.float32)
    x[1] = 1.0
    assert np.frombuffer(buffer, np.float32).tolist() == [0, 1]
    assert tg.frombuffer(bytearray(8), dtype=tg.float64, requires_grad=True).requires_grad
    with pytest.raises(RuntimeError, match="for reading alone"):
        tg.frombuffer(bytes(8), dtype=tg.float32).zero_()
    with pytest.raises(ValueError, match="multiple"):
        tg.frombuffer(bytearray(7), dtype=tg.float32)


# --- questions --------------------------------------------------------------------------------------------------------


def test_constants_are_those_of_python() -> None:
    assert (tg.e, tg.pi, tg.inf) == (np.e, np.pi, np.inf)
    assert np.isnan(tg.nan)
    assert tg.ones(2)[tg.newaxis].shape == (1, 2)
    assert isinstance(tg.float32, tg.dtype)


def test_real_numbers_are_their_own_real_part_and_conjugate() -> None:
    x = leaf(X)
    assert x.real is x.conj() is x.resolve_conj() is x.resolve_neg() is tg.real(x) is tg.conj(x) is x
    assert tg.real(X).tolist() == X.tolist()


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (COUNTS, 1, "int32"), (COUNTS, 1.5, "float32"), (COUNTS, tg.tensor(1.5, dtype=tg.float64), "float64"),
        (tg.ones(1), tg.tensor(1.5, dtype=tg.float64), "float32"), (1, 2.5, "float32"), (True, COUNTS, "int32"),
        (tg.tensor(True), 2, "int64"), (True, False, "bool"), (COUNTS, tg.ones(1, dtype=tg.uint8), "int32"),
    ],
)  # fmt: skip
def test_result_type_is_the_dtype_of_what_is_computed(first: Any, second: Any, expected: str) -> None:
    assert tg.result_type(first, second) == expected
    computed = tg.maximum(first, second) if isinstance(first, tg.Tensor) or isinstance(second, tg.Tensor) else None
    assert computed is None or computed.dtype == expected


def test_promote_types_and_can_cast() -> None:
    assert tg.promote_types(tg.uint8, tg.int8) == tg.int16
    assert tg.promote_types(tg.int64, tg.float32) == tg.float32
    assert tg.promote_types(tg.bool, tg.uint8) == tg.uint8
    order = [(tg.bool,), (tg.uint8, tg.int64), (tg.float64, tg.float32)]
    for i, froms in enumerate(order):
        for j, tos in enumerate(order):
            assert all(tg.can_cast(from_, to) is (i <= j) for from_ in froms for to in tos)


ERRORS: list[tuple[str, Any, str]] = [
    ("tril_indices", lambda: tg.tril_indices(-1, 2), "lengths ≥ 0"),
    ("randint_like", lambda: tg.randint_like(tg.ones(2, dtype=tg.uint8), 300), "do not fit into uint8"),
    ("randint_like", lambda: tg.randint_like(tg.ones(2, dtype=tg.bool), 3), "do not fit into bool"),
    ("scalar_tensor", lambda: tg.scalar_tensor([1]), "takes a number"),
    ("randint_like", lambda: tg.randint_like(tg.ones(2)), "<|≤|low|high"),
    ("is_nonzero", lambda: tg.is_nonzero([1, 2]), "not one number"),
    ("promote_types", lambda: tg.promote_types(None, tg.int8), "dtype"),
    ("rand_like", lambda: tg.rand_like(COUNTS), "float32 or float64"),
]


@pytest.mark.parametrize(("name", "call", "message"), ERRORS, ids=[row[0] for row in ERRORS])
def test_errors(name: str, call: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_a_captured_step_draws_anew_and_keeps_its_constants() -> None:
    def step(x: Any) -> Any:
        return tg.rand_like(x) * x + tg.full_like(x, 2.0) + x.new_ones(3) + tg.logspace(0, 2, 3)

    captured = tg.capture(step)
    drawn = []
    for _ in range(3):
        drawn.append(captured(tg.zeros(3) + 1e-3).tolist())
        np.testing.assert_allclose(drawn[-1], [4, 13, 103], atol=2e-3)
    assert len({tuple(row) for row in drawn}) == 3
