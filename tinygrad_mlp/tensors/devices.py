"""Devices: there is one, the CPU. All that PyTorch's scripts say and ask about devices is answered in this file.

That a computation is to run on the CPU is accepted wherever PyTorch takes it. What needs another device raises
`DeviceError`, and switches for other devices can be set and change nothing.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn, ParamSpec, TypeAlias, TypeVar

import numpy as np

from .._left_out import explain_in
from .arguments import integer, validated
from .refusals import shown

__all__ = [
    "CPU", "DeviceError", "DeviceLike", "accelerator", "backends", "cuda", "device", "get_default_device", "mps",
    "names_device", "no_device", "on_cpu", "set_default_device", "validate_device", "xpu",
]  # fmt: skip

P = ParamSpec("P")
R = TypeVar("R")

# The kinds of devices that PyTorch knows by name.
_KINDS = frozenset(
    [
        "cpu", "cuda", "fpga", "hip", "hpu", "ideep", "ipu", "lazy", "maia", "meta", "mkldnn", "mps", "mtia", "opencl",
        "opengl", "privateuseone", "ve", "vulkan", "xla", "xpu",
    ]
)  # fmt: skip
_ADVICE = (
    "there is one device here, the CPU: leave the device out, or write "
    'device = torch.device("cuda" if torch.cuda.is_available() else "cpu")'
)


class DeviceError(AssertionError, RuntimeError):
    """A script asks for another device than the CPU.

    PyTorch without CUDA raises an AssertionError in some functions and a RuntimeError in others. This class is both, so
    a script that catches either one catches it.
    """


class device:
    """The name of a device, such as ``device("cpu")``, ``device("cuda:0")`` or ``device("cuda", 0)``.

    It can be made for devices that are not there, as in PyTorch, and raises an error only where it is used.

    Args:
        type: the kind of device, with or without an index; or another `device`.
        index: which of several devices of this kind.

    Raises:
        ValueError: there is no such kind of device, or the index is no integer ≥ 0.
        TypeError: `type` is neither a string nor a device.
        DeviceError: `type` is an integer, the index of a GPU.

    >>> import tinygrad_mlp as tg
    >>> device = tg.device("cuda" if tg.cuda.is_available() else "cpu")
    >>> device, device.type, str(device)
    (device(type='cpu'), 'cpu', 'cpu')
    """

    __slots__ = ("_index", "_type")

    def __init__(self, type: str | device | int, index: int | None = None) -> None:
        if isinstance(given := type, device) and index is None:
            type, index = given.type, given.index
        if integer(type) is not None:
            raise no_device(f"GPU {shown(type)}")
        if not isinstance(type, str):
            raise TypeError(f'a device is named by a string such as "cpu", not {shown(type)}')
        if not (named := re.fullmatch(r"([a-z]+)(?::(0|[1-9][0-9]*))?", type)) or named[1] not in _KINDS:
            raise ValueError(
                f'{type!r} is no device: write "cpu", the only one here, or one of PyTorch\'s, as "cuda:0"'
            )
        if index is None:
            index = int(named[2]) if named[2] else None
        elif named[2] or (number := integer(index)) is None or number < 0:
            raise ValueError(f'the index of a device is an integer ≥ 0, given once, as in device("{named[1]}", 0)')
        self._type, self._index = named[1], index

    @property
    def type(self) -> str:
        """The kind of device, such as "cpu"."""
        return self._type

    @property
    def index(self) -> int | None:
        """Which of several devices of this kind, or None."""
        return self._index

    def __eq__(self, other: object) -> bool:
        return (self.type, self.index) == (other.type, other.index) if isinstance(other, device) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return f"device(type={self.type!r}{'' if self.index is None else f', index={self.index}'})"

    def __enter__(self) -> device:
        validate_device(self)
        return self

    def __exit__(self, *error: object) -> None:
        pass


DeviceLike: TypeAlias = str | device | int | None

CPU = device("cpu")


def validate_device(given: DeviceLike) -> None:
    """Raise an error unless `given`, the value of an argument ``device=``, is the CPU or None.

    Raises:
        DeviceError: it is another device.
        ValueError, TypeError: it is no device, as `device` says.
    """
    if given is None or given is CPU or (isinstance(given, str) and given == "cpu"):  # which saves a microsecond
        return
    if (named := device(given)).type != "cpu":
        raise no_device(str(named))


def on_cpu(make: Callable[P, R]) -> Callable[P, R]:
    """Decorate `make`, so that its options ``device=`` and ``pin_memory=`` are validated before each call.

    The other arguments are validated by their annotations.
    """

    @functools.wraps(make)
    def on_this_device(*args: P.args, **options: P.kwargs) -> R:
        if options:
            validate_device(options.get("device"))  # type: ignore[arg-type]
            if options.get("pin_memory"):
                raise no_device("pinned memory, which is for copies to a GPU")
        return make(*args, **options)

    return validated(on_this_device)


def no_device(what: str) -> DeviceError:
    """The error for `what` the CPU does not have."""
    return DeviceError(f"no {what}: {_ADVICE}")


def names_device(value: Any) -> bool:
    """Whether `value` is a `device`, the index of one, or text that names one, though perhaps with a wrong index."""
    if isinstance(value, str):
        return value.partition(":")[0] in _KINDS
    return isinstance(value, device | int | np.integer)


def get_default_device() -> device:
    """The device on which Tensors are made: the CPU."""
    return CPU


def set_default_device(device: DeviceLike) -> None:
    """Do nothing if `device` is None or the CPU, which is the default.

    Raises:
        DeviceError: it is another device.
    """
    validate_device(device)


# --- torch.accelerator, torch.cuda, torch.mps, torch.xpu and torch.backends -------------------------------------------


def is_available() -> bool:
    """Whether there is such a device: False."""
    return False


def is_built() -> bool:
    """Whether the package was built for such a device: False."""
    return False


def is_initialized() -> bool:
    """Whether such a device is in use: False."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether a GPU computes with bfloat16: False."""
    return False


def version() -> None:
    """The version of the library, which is not there: None."""


def device_count() -> int:
    """The number of such devices: 0."""
    return 0


def current_accelerator(check_available: bool = False) -> None:
    """The device that is faster than the CPU, which is not there: None."""


def manual_seed(seed: int) -> None:
    """Do nothing: no other device draws numbers. ``tinygrad_mlp.manual_seed`` is the function for the CPU.

    Raises:
        ValueError: `seed` is no integer.
    """
    if integer(seed) is None:
        raise ValueError(f"a seed is an integer, not {shown(seed)}")


def manual_seed_all(seed: int) -> None:
    """As `manual_seed`."""
    manual_seed(seed)


def seed() -> None:
    """Nothing: there is no GPU whose numbers could be seeded."""


def seed_all() -> None:
    """Nothing: there is no GPU whose numbers could be seeded."""


def empty_cache() -> None:
    """Nothing: there is no memory of a GPU to release."""


def memory_allocated(device: DeviceLike = None) -> int:
    """The bytes that Tensors use on a GPU: 0."""
    return 0


def max_memory_allocated(device: DeviceLike = None) -> int:
    """The bytes that Tensors have used at most on a GPU: 0."""
    return 0


def memory_reserved(device: DeviceLike = None) -> int:
    """The bytes that are set aside on a GPU: 0."""
    return 0


def max_memory_reserved(device: DeviceLike = None) -> int:
    """The bytes that were set aside at most on a GPU: 0."""
    return 0


def _refusing(name: str) -> Callable[..., NoReturn]:
    """A function of the `name` that raises DeviceError."""

    def refuse(*args: Any, **options: Any) -> NoReturn:
        raise no_device(f"GPU for {name}()")

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = "Raise DeviceError: there is no GPU."
    return refuse


def _module(name: str, functions: str = "", refused: str = "", **attributes: Any) -> ModuleType:
    """Make the module `name` of this package, with these functions and attributes, and enter it in `sys.modules`.

    So scripts can write ``import tinygrad_mlp.backends.cudnn as cudnn``. Eight files of a few lines each would scatter
    what belongs together.

    Args:
        functions: the names of functions of this file, in one text.
        refused: the names of functions that raise an error.
        attributes: submodules and switches.
    """
    package = __name__.partition(".")[0]
    module = ModuleType(f"{package}.{name}", f"What PyTorch's scripts ask torch.{name}: there is one device, the CPU.")

    contents = {each: globals()[each] for each in functions.split()}
    contents |= {each: _refusing(f"{name}.{each}") for each in refused.split()}
    contents |= attributes
    vars(module).update(contents, __all__=sorted(contents))
    explain_in(vars(module))
    sys.modules[module.__name__] = module
    return module


accelerator = _module(
    "accelerator", "current_accelerator device_count is_available", "empty_cache memory_allocated synchronize"
)
cuda = _module(
    "cuda",
    """
    device_count empty_cache is_available is_bf16_supported is_initialized manual_seed manual_seed_all
    max_memory_allocated max_memory_reserved memory_allocated memory_reserved seed seed_all
    """,
    """
    Event Stream current_device current_stream device get_device_capability get_device_name get_device_properties
    get_rng_state init initial_seed ipc_collect mem_get_info memory_summary reset_peak_memory_stats set_device
    set_rng_state stream synchronize
    """,
)
mps = _module("mps", "device_count is_available manual_seed", "empty_cache synchronize")
xpu = _module("xpu", "device_count empty_cache is_available is_initialized manual_seed manual_seed_all", "synchronize")
backends = _module(
    "backends",
    cuda=_module("backends.cuda", "is_built", matmul=_module("backends.cuda.matmul", allow_tf32=False)),
    cudnn=_module(
        "backends.cudnn", "is_available version", enabled=True, benchmark=False, deterministic=False, allow_tf32=True
    ),
    mkl=_module("backends.mkl", "is_available"),
    mkldnn=_module("backends.mkldnn", "is_available", enabled=True),
    mps=_module("backends.mps", "is_available is_built"),
    openmp=_module("backends.openmp", "is_available"),
)
