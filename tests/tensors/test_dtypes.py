"""A Tensor has the dtype that its numbers, its options and the default dtype give it."""

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, "float32"), (2, "int64"), (True, "bool"), ([1.0, 2.0], "float32"), ([1, 2.0], "float32"), ([1], "int64"),
        ([True, False], "bool"), ([], "float32"), ((1.0, 2.0), "float32"), (np.float64(1.5), "float64"),
        (np.float32(1.5), "float32"), (np.ones(2), "float64"), (np.ones(2, np.float32), "float32"),
        (np.ones(2, np.int32), "int32"), (np.ones(2, np.uint8), "uint8"), ([[1.0], [2.0]], "float32"),
    ],
)  # fmt: skip
def test_a_tensor_takes_its_dtype_from_its_data(data: Any, dtype: str) -> None:
    made = tg.tensor(data)
    assert made.dtype == dtype
    np.testing.assert_array_equal(made, data)
    assert tg.tensor(made).dtype == dtype
    assert (made.requires_grad, made.grad, made.is_leaf) == (False, None, True)


def test_an_explicit_dtype_wins() -> None:
    assert tg.tensor([1, 2], dtype=np.float64).dtype == np.float64
    assert tg.tensor(np.ones(2), dtype="float32", requires_grad=True).dtype == np.float32


def test_the_default_dtype_can_be_set() -> None:
    tg.set_default_dtype(np.float64)
    try:
        for dtype in (tg.get_default_dtype(), tg.tensor(1.5).dtype, tg.tensor([1.0]).dtype, tg.zeros(2).dtype):
            assert dtype == np.float64
        assert "dtype" not in repr(tg.tensor(1.5))
        assert tg.tensor(1).dtype == np.int64
    finally:
        tg.set_default_dtype(np.float32)
    for dtype in (np.int64, np.float16, "int32"):
        with pytest.raises(TypeError, match="float32 or float64"):
            tg.set_default_dtype(dtype)
    assert tg.get_default_dtype() == np.float32


def test_lists_may_hold_tensors_and_arrays() -> None:
    with pytest.warns(UserWarning, match=r"no gradient passes through: write stack\(\[...\]\)") as warned:
        made = tg.tensor([tg.tensor([1.0, 2.0], requires_grad=True), np.array([3.0, 4.0], np.float32), [5, 6]])
    assert warned[0].filename == __file__
    np.testing.assert_array_equal(made, [[1, 2], [3, 4], [5, 6]])
    assert not made.requires_grad


def test_a_list_of_many_tensors_warns_once() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        tg.tensor([tg.tensor(1.0, requires_grad=True) for _ in range(5)])
    assert len(seen) == 1


def test_tensors_in_a_list_keep_double_precision() -> None:
    third = tg.tensor(np.array([1 / 3]))
    assert tg.tensor([third], dtype=np.float64).tolist() == [[1 / 3]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("text", "real numbers"), ([1, [2, 3]], "rectangular arrangement"), (None, "None stands"), (1j, "real"),
        ({"a": 1}, "real numbers"), ([object()], "real numbers"), (np.array(["a"]), "real numbers"),
    ],
)  # fmt: skip
def test_data_that_are_not_numbers_are_refused(data: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        tg.tensor(data)


# --- float(), .to() and back ------------------------------------------------------------------------------------------


def test_a_gradient_has_the_dtype_of_its_leaf_after_conversions() -> None:
    x = tg.tensor([1.5, 2.5], requires_grad=True)
    assert x.float() is x
    assert x.to(np.float32) is x
    (x.double() * np.array([2.0, 3.0])).sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 3])
    assert x.grad.dtype == np.float32
    assert x.double().float().dtype == np.float32


def test_no_gradient_passes_through_integers() -> None:
    x = tg.tensor([1.5, 2.5], requires_grad=True)
    assert not x.long().requires_grad
    assert not (x.long().float() * 2).requires_grad


def test_integers_become_floats_where_the_result_is_not_an_integer() -> None:
    np.testing.assert_array_equal(tg.tensor([2, 4]).reciprocal(), [0.5, 0.25])
    assert (tg.tensor([2**40]) ** 2.0).item() == pytest.approx(2.0**80, rel=1e-12)
    assert (tg.tensor([3]) ** 2).dtype == np.int64


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.bool_])
def test_products_of_small_integers_are_as_wide_as_sums(dtype: Any) -> None:
    array = np.array([[100, 2], [100, 1]]).astype(dtype)
    for dim in (None, 0, 1):
        product = tg.tensor(array).prod(dim)
        assert product.dtype == tg.tensor(array).sum(dim).dtype
        assert product.dtype == np.int64
        np.testing.assert_array_equal(product, np.prod(array, axis=dim))
    assert tg.tensor(array).cumsum(0).dtype == np.int64


def test_where_takes_python_floats_in_the_default_dtype() -> None:
    assert tg.where(tg.tensor([True, False]), 1.0, 0).dtype == np.float32
    assert tg.where(tg.tensor([True, False]), True, 0.5).dtype == np.float32
    assert tg.where(tg.tensor([True, False]), True, 1).dtype == np.int64
    assert tg.where(tg.tensor([True, False]), 1.0, tg.tensor(0.0).double()).dtype == np.float64


X = tg.tensor([1.5, 2.5])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: X.to("gpu"), r"to\(\) takes a device, a dtype or a Tensor, not 'gpu'"),
        (lambda: X.to([1]), r"not \[1\]"),
        (lambda: X.to("cpu", 3), "not 3"),
        (lambda: X.to(np.complex128), "not complex128"),
        (lambda: X.to(tg.float64, "cpu"), "the device before the dtype"),
        (lambda: X.to("cpu", tg.float64, copy=1), "copy= is True or False, not 1"),
        (lambda: X.to("cpu", device="cpu"), r"to\(\) got multiple values for argument 'device'"),
        (lambda: X.to(tg.float64, dtype=tg.float64), r"to\(\) got multiple values for argument 'dtype'"),
        (lambda: X.to(memory=3), r"to\(\) got an unexpected keyword argument 'memory'"),
        (lambda: X.type(3), "not 3"),
        (lambda: X.type_as(tg.float64), r"type_as\(\) takes a Tensor"),
        (lambda: X.half(), r"half\(\): floats have 32 or 64 bits here: write .float\(\)"),
        (lambda: X.bfloat16(), r"bfloat16\(\): .* write .float\(\)"),
        (lambda: tg.nn.Linear(1, 1).half(), "32 or 64 bits"),
        (lambda: tg.nn.Linear(1, 1).bfloat16(), "32 or 64 bits"),
        (lambda: tg.nn.Linear(1, 1).to(X.long()), "float32 or float64, not to int64"),
        (lambda: tg.nn.Linear(1, 1).type(tg.LongTensor), "float32 or float64, not to int64"),
        (lambda: tg.nn.Linear(1, 1).to(copy=True), r"copy.deepcopy\(net\)"),
        (lambda: tg.set_default_tensor_type(tg.LongTensor), "float32 or float64, not int64"),
        (lambda: tg.set_default_tensor_type(tg.float32), "FloatTensor, DoubleTensor or a name"),
    ],
)  # fmt: skip
def test_what_is_no_dtype_and_no_device_is_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize("name", ["DoubleTensor", "float64", "torch.HalfTensor", "double"])
def test_type_takes_no_other_text_than_it_returns(name: str) -> None:
    with pytest.raises(ValueError, match=r"names no type of Tensor here: write one of torch\.FloatTensor"):
        X.type(name)


# --- names of dtypes, and types of Tensors ----------------------------------------------------------------------------

NAMED = {
    "float32": "FloatTensor", "float64": "DoubleTensor", "int8": "CharTensor", "int16": "ShortTensor",
    "int32": "IntTensor", "int64": "LongTensor", "uint8": "ByteTensor", "bool": "BoolTensor",
}  # fmt: skip
METHODS = {
    "float32": "float", "float64": "double", "int8": "char", "int16": "short", "int32": "int", "int64": "long",
    "uint8": "byte", "bool": "bool",
}  # fmt: skip


def test_names_of_dtypes_are_numpys_dtypes() -> None:
    for name in [*NAMED, "uint16", "uint32", "uint64"]:
        assert getattr(tg, name) is np.dtype(name)
    assert (tg.float, tg.double, tg.short, tg.int, tg.long) == ("float32", "float64", "int16", "int32", "int64")
    assert {tg.float32: 1}[tg.ones(2).dtype] == 1
    assert tg.finfo(tg.float32).eps == 2.0**-23
    assert tg.iinfo(tg.int16).max == 2**15 - 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: tg.ones(2), lambda: tg.tensor([1.0]), lambda: tg.ones(2, dtype=">f4"),
        lambda: tg.ones(2).double().float(),
        lambda: tg.ones(2) * 2, lambda: pickle.loads(pickle.dumps(tg.ones(2))), lambda: copy.deepcopy(tg.ones(2)),
        lambda: tg.nn.Linear(1, 1, dtype=np.float32).weight, lambda: tg.rand(2, dtype="float32"),
    ],
)  # fmt: skip
def test_a_dtype_is_the_object_of_its_name(make: Callable[[], tg.Tensor]) -> None:
    assert make().dtype is tg.float32


@pytest.mark.parametrize("name", NAMED)
def test_each_dtype_has_a_method_and_a_type(name: str) -> None:
    kind, method = getattr(tg, NAMED[name]), getattr(tg.Tensor, METHODS[name])
    x = tg.tensor([0.0, 1.75, 2.25])
    expected = tg.tensor([0.0, 1.75, 2.25], dtype=name)
    for made in (method(x), x.to(getattr(tg, name)), x.type(kind), x.type(f"torch.{NAMED[name]}"), x.type_as(expected)):
        assert made.dtype == name
        np.testing.assert_array_equal(made, expected)
        assert made.type() == f"torch.{NAMED[name]}"
        assert method(made) is made.type(kind) is made.type_as(expected) is made.to(expected) is made
        assert isinstance(made, kind)
        assert [other for other in NAMED.values() if isinstance(made, getattr(tg, other))] == [NAMED[name]]
    assert kind.dtype == name
    assert not isinstance(np.ones(2, name), kind)
    assert (kind(2, 3).shape, kind(2, 3).dtype, kind().shape) == ((2, 3), name, (0,))
    np.testing.assert_array_equal(kind([0, 1, 2]), np.array([0, 1, 2], name), strict=True)
    np.testing.assert_array_equal(kind(np.array([0.0, 1.75])), np.array([0.0, 1.75]).astype(name), strict=True)
    assert type(kind([1])) is tg.Tensor


def test_type_of_unsigned_integers_and_by_the_class_tensor() -> None:
    assert [tg.zeros(1, dtype=f"uint{n}").type() for n in (16, 32)] == ["torch.UInt16Tensor", "torch.UInt32Tensor"]
    assert tg.tensor([1]).type(tg.Tensor).dtype == tg.float32
    assert tg.nn.Parameter(tg.ones(2)).type() == "torch.FloatTensor"


def test_gradients_pass_through_casts_to_floats_alone() -> None:
    x = tg.tensor([1.5, 2.5], requires_grad=True)
    (x.type(tg.float64) * 2 + x.type_as(tg.ones(1).double()) + x.to(tg.ones(1).double())).sum().backward()
    np.testing.assert_array_equal(x.grad, [4, 4])
    for cast in (x.int(), x.short(), x.char(), x.byte(), x.bool(), x.type(tg.LongTensor), x.type_as(tg.tensor([1]))):
        assert not cast.requires_grad
    copied = x.to(tg.float32, copy=True)
    assert copied is not x
    assert copied.requires_grad
    assert not np.shares_memory(copied.detach().numpy(), x.detach().numpy())


def test_a_module_is_converted_by_type_and_to() -> None:
    double = tg.ones(1).double()
    for convert in (
        lambda net: net.type(tg.float64), lambda net: net.type(tg.DoubleTensor),
        lambda net: net.type("torch.DoubleTensor"),
        lambda net: net.to(double), lambda net: net.to("cpu", tg.float64), lambda net: net.to(dtype=tg.float64),
    ):  # fmt: skip
        net = tg.nn.BatchNorm1d(2)
        assert convert(net) is net
        assert {x.dtype for x in net.state_dict().values()} == {tg.float64, tg.int64}


def test_the_default_type_can_be_set() -> None:
    try:
        for kind, dtype in ((tg.DoubleTensor, tg.float64), ("torch.FloatTensor", tg.float32)):
            tg.set_default_tensor_type(kind)
            assert tg.get_default_dtype() == tg.ones(1).dtype == tg.Tensor([1]).dtype == dtype
    finally:
        tg.set_default_dtype(tg.float32)


def test_is_tensor_and_is_floating_point() -> None:
    assert [tg.is_tensor(x) for x in (X, tg.nn.Parameter(X), np.ones(2), 1.0)] == [True, True, False, False]
    assert [tg.is_floating_point(x) for x in (X, X.double(), X.long(), X > 0)] == [True, True, False, False]
