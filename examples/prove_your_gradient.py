"""Three functions with derivatives written by hand: each is tested, proved, and damaged to see that the test notices.

Then four wrong derivatives, each found by one line. `python examples/prove_your_gradient.py` runs it. The extra
``[test]`` installs what it needs. For pytest, the functions named ``test_…`` are a test file.
"""

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_mlp as tg
from tinygrad_mlp.testing import check_function, check_rules, prove, tensors

# --- right ones: a rule for each input, and a test --------------------------------------------------------------------


@tg.differentiable(lambda g, y, z: g * np.where(z <= 0, -1, np.where(z < 1, z - 1, 0)))
def smooth_hinge(z: Any) -> Any:
    """Rennie's smooth hinge loss of a margin z."""
    return np.where(z <= 0, 0.5 - z, np.where(z < 1, (1 - z) ** 2 / 2, 0))


def test_smooth_hinge() -> None:
    check_function(smooth_hinge, avoid=(0, 1))
    assert prove(smooth_hinge)


@tg.differentiable(lambda g, y, x: g * np.tanh(x))
def log_cosh(x: Any) -> Any:
    """ln cosh x, in a form that does not overflow."""
    return np.abs(x) + np.log1p(np.exp(-2 * np.abs(x))) - math.log(2)


def test_log_cosh() -> None:
    check_function(log_cosh, avoid=(0,))
    assert prove(log_cosh)


@tg.differentiable(
    lambda g, y, x, power: g * x ** (power - 1), lambda g, y, x, power: g * (x**power * np.log(x) - y) / power
)
def box_cox(x: Any, power: Any) -> Any:
    """The Box-Cox transform of x > 0, whose power can be trained as well."""
    return (x**power - 1) / power


def test_box_cox() -> None:
    check_function(box_cox, (0, math.inf), (0.5, 2))
    assert prove(box_cox, (0, math.inf), (0, math.inf))


# --- wrong ones: what each lacks, and the line that finds it ----------------------------------------------------------


@tg.differentiable(lambda g, y, x: g * x**2)
def cube(x: Any) -> Any:
    """Its rule lacks the factor 3."""
    return x**3


@tg.differentiable(lambda g, y, a, b: g @ b, lambda g, y, a, b: a.T @ g)
def product(a: Any, b: Any) -> Any:
    """Its first rule has b in place of bᵀ."""
    return a @ b


@tg.differentiable(lambda g, y, x: g[0])
def three_copies(x: Any) -> Any:
    """Its rule takes one of three cotangents instead of their sum."""
    return np.stack([x, x, x])


@tg.differentiable(lambda g, y, x: g * np.sin(x))
def cosine(x: Any) -> Any:
    """Its derivative should be −sin."""
    return np.cos(x)


@tg.differentiable(lambda g, y, x: g * cosine(x))
def sine(x: Any) -> Any:
    """Its first derivative is right. Its second is that of `cosine`, with the wrong sign."""
    return np.sin(x)


FOUND: dict[str, Callable[[], Any]] = {
    "a missing factor": lambda: check_function(cube),
    "a transposed operand": lambda: check_function(product, tensors((2, 2)), tensors((2, 2))),
    "a broadcast that is not summed": lambda: check_function(three_copies),
    "a wrong sign in the second derivative": lambda: check_function(sine),
}


def main() -> int:
    """Run the tests, damage the rules, and look for the mistakes. Returns 1 if one of the mistakes is not found."""
    for function, test in ((smooth_hinge, test_smooth_hinge), (log_cosh, test_log_cosh), (box_cox, test_box_cox)):
        test()
        caught = check_rules(function, check=test)
        print(f"{function.__name__}: tested and proved; the test notices each of {len(caught)} damages to its rules")
    missed = 0
    print()
    for mistake, line in FOUND.items():
        try:
            line()
        except AssertionError as error:
            print(f"found: {mistake}", *str(error).splitlines(), sep="\n    ")
        else:
            missed += 1
            print(f"NOT FOUND: {mistake}")
    proof = prove(cube)
    print(f"\nthe proof of cube is {proof}")
    return 1 if missed or proof.verdict != "refuted" else 0


if __name__ == "__main__":
    sys.exit(main())
