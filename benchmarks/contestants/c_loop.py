"""Plain loops in C, compiled when the benchmark runs: the practical limit for matrices too small to gain from BLAS."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ..problem import Array, Contest, LeftOut, Problem

COMPILER = ("cc", "-O3", "-march=native", "-ffast-math", "-shared", "-fPIC")


def library(dtype: str) -> ctypes.CDLL:
    """The C code, compiled for `dtype`."""
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / "c_loop.so"
        real = {"float32": "float", "float64": "double"}[dtype]
        source = Path(__file__).with_suffix(".c")
        command = [*COMPILER, f"-DREAL={real}", "-o", str(built), str(source), "-lm"]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except FileNotFoundError:
            raise LeftOut("there is no C compiler named cc") from None
        except subprocess.CalledProcessError as error:
            raise LeftOut(f"cc failed: {error.stderr.strip()}") from None
        return ctypes.CDLL(str(built))


def pointers(arrays: list[Array]) -> Any:
    """A C array with the addresses of `arrays`."""
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))


class Network:
    """The problem's weights, and buffers for `rows` samples, with the pointers that the C code takes."""

    def __init__(self, problem: Problem, rows: int) -> None:
        if problem.case.threads > 1:
            raise LeftOut("it has one thread")
        if problem.case.workload == "wide":
            raise LeftOut("plain loops are no limit where matrices are large")
        dtype = problem.case.dtype
        self.rows = ctypes.c_int(rows)
        self.weights = [weight.copy() for weight in problem.weights]
        self.biases = [bias.copy() for bias in problem.biases]
        widths = [problem.weights[0].shape[1], *map(len, problem.weights)]
        self.activations = [np.empty((rows, width), dtype) for width in widths]
        self.deltas = [np.empty((rows, width), dtype) for width in widths]
        self.layers = ctypes.c_int(len(problem.weights))
        self.widths = (ctypes.c_int * len(widths))(*widths)
        self.pointers = [pointers(a) for a in (self.weights, self.biases, self.activations, self.deltas)]
        self.rate = ctypes.c_double(problem.rate)
        self.library = library(dtype)


def train(problem: Problem) -> Contest:
    network = Network(problem, problem.case.size)
    batches = ctypes.c_int(len(problem.x))
    xs, ys = pointers(problem.x), pointers(problem.y)

    def epoch() -> None:
        network.library.epoch(
            network.layers, network.widths, *network.pointers, batches, network.rows, xs, ys, network.rate
        )

    return Contest(epoch, lambda: network.weights + network.biases)


def predict(problem: Problem) -> Contest:
    network = Network(problem, problem.case.size)
    outputs = [np.empty((len(x), len(problem.biases[-1])), x.dtype) for x in problem.x]
    calls = ctypes.c_int(len(outputs))
    xs, ys = pointers(problem.x), pointers(outputs)

    def forward() -> None:
        network.library.predict(network.layers, network.widths, *network.pointers[:3], calls, network.rows, xs, ys)

    return Contest(forward, lambda: [np.concatenate(outputs)])
