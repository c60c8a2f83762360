"""`special` has SciPy's values and the derivatives of PyTorch's functions, and refuses to drop other gradients."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special as sp
from strategies import leaf

import tinygrad_mlp as tg
from tinygrad_mlp import special

X = np.array([0.25, 0.5, 0.625, 0.75])
DEGREES = np.array([0, 1, 3, -2])

UNDER_THE_SAME_NAME = (
    "digamma psi entr erf erfc erfcx erfinv exp2 expit expm1 gammaln i0 i0e i1 i1e log1p log_ndtr logit ndtr ndtri"
)
# SciPy's values of the functions of one Tensor, and whether they have a derivative.
ONE: dict[str, tuple[Callable[..., Any], bool]] = {
    **{name: (getattr(sp, name), True) for name in UNDER_THE_SAME_NAME.split()},
    "modified_bessel_i0": (sp.i0, True), "modified_bessel_i1": (sp.i1, True), "sinc": (np.sinc, True),
    "spherical_bessel_j0": (lambda x: sp.spherical_jn(0, x), True), "round": (np.round, True),
    "airy_ai": (lambda x: sp.airy(x)[0], False), "bessel_j0": (sp.j0, False), "bessel_j1": (sp.j1, False),
    "bessel_y0": (sp.y0, False), "bessel_y1": (sp.y1, False), "modified_bessel_k0": (sp.k0, False),
    "modified_bessel_k1": (sp.k1, False), "scaled_modified_bessel_k0": (sp.k0e, False),
    "scaled_modified_bessel_k1": (sp.k1e, False),
}  # fmt: skip

# Functions of a Tensor and of something else, with SciPy's values.
TWO: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "gammainc": (lambda x: special.gammainc(tg.tensor(2.0), x), sp.gammainc(2, X)),
    "gammaincc": (lambda x: special.gammaincc(tg.tensor(2.0), x), sp.gammaincc(2, X)),
    "log_softmax": (lambda x: special.log_softmax(x, 0), sp.log_softmax(X)),
    "logsumexp": (lambda x: special.logsumexp(x, 0), sp.logsumexp(X)),
    "multigammaln": (lambda x: special.multigammaln(x + 1, 2), [sp.multigammaln(x + 1, 2) for x in X]),
    "polygamma": (lambda x: special.polygamma(1, x), sp.polygamma(1, X)),
    "softmax": (lambda x: special.softmax(x, 0), sp.softmax(X)),
    "xlog1py": (lambda x: special.xlog1py(x, 2 * x), sp.xlog1py(X, 2 * X)),
    "xlogy": (lambda x: special.xlogy(2, x), sp.xlogy(2, X)),
    "zeta": (lambda x: special.zeta(3, x), sp.zeta(3, X)),
}


def third(n: int, x: float) -> float:
    """The Chebyshev polynomial of the third kind, by its angle."""
    return float(np.cos((n + 0.5) * np.arccos(x)) / np.cos(np.arccos(x) / 2))


def fourth(n: int, x: float) -> float:
    """The Chebyshev polynomial of the fourth kind, by its angle."""
    return float(np.sin((n + 0.5) * np.arccos(x)) / np.sin(np.arccos(x) / 2))


POLYNOMIALS: dict[str, Callable[..., Any]] = {
    "chebyshev_polynomial_t": sp.eval_chebyt, "chebyshev_polynomial_u": sp.eval_chebyu,
    "chebyshev_polynomial_v": third, "chebyshev_polynomial_w": fourth,
    "shifted_chebyshev_polynomial_t": sp.eval_sh_chebyt, "shifted_chebyshev_polynomial_u": sp.eval_sh_chebyu,
    "shifted_chebyshev_polynomial_v": lambda n, x: third(n, 2 * x - 1),
    "shifted_chebyshev_polynomial_w": lambda n, x: fourth(n, 2 * x - 1),
    "hermite_polynomial_h": sp.eval_hermite, "hermite_polynomial_he": sp.eval_hermitenorm,
    "laguerre_polynomial_l": sp.eval_laguerre, "legendre_polynomial_p": sp.eval_legendre,
}  # fmt: skip


def test_every_function_is_in_a_table() -> None:
    assert sorted([*ONE, *TWO, *POLYNOMIALS]) == sorted(special.__all__)
    assert [name for name in special.__all__ if not getattr(special, name).__doc__] == []


@pytest.mark.parametrize("name", ONE)
def test_functions_of_one_tensor(name: str) -> None:
    reference, is_differentiable = ONE[name]
    function = getattr(special, name)
    np.testing.assert_allclose(function(tg.tensor(X)), reference(X), rtol=1e-14)
    assert function(tg.tensor(X).float()).dtype == tg.float32
    if is_differentiable:
        assert name == "round" or tg.autograd.gradcheck(function, leaf(X))
    else:
        with pytest.raises(TypeError, match=rf"{name}\(\) has no derivative by input here: write input.detach\(\)"):
            function(leaf(X))
        with tg.no_grad():
            assert not function(leaf(X)).requires_grad
        assert function(tg.tensor([1, 2])).dtype == tg.float32


@pytest.mark.parametrize("name", TWO)
def test_functions_of_several_arguments(name: str) -> None:
    call, expected = TWO[name]
    np.testing.assert_allclose(call(tg.tensor(X)), expected, rtol=1e-14)
    assert call(tg.tensor(X).float()).dtype == tg.float32
    assert tg.autograd.gradcheck(call, leaf(X))


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials(name: str) -> None:
    function = getattr(special, name)
    expected = [POLYNOMIALS[name](n, x) if n >= 0 else 0 for n, x in zip(DEGREES, X, strict=True)]
    np.testing.assert_allclose(function(tg.tensor(X), tg.tensor(DEGREES)), expected, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(function(tg.tensor(X), 2), [POLYNOMIALS[name](2, x) for x in X], rtol=1e-12, atol=1e-13)
    assert function(tg.tensor(X).float(), 2).dtype == tg.float32
    with pytest.raises(TypeError, match="has no derivative by input here"):
        function(leaf(X), 2)


def test_tails_are_exact() -> None:
    x = tg.tensor(np.array([-30.0, -10.0]))
    np.testing.assert_allclose(special.ndtr(x), sp.ndtr(x.numpy()), rtol=1e-13)
    np.testing.assert_allclose(special.log_ndtr(x).exp(), sp.ndtr(x.numpy()), rtol=1e-12)
    np.testing.assert_allclose(special.erfc(-x), sp.erfc(-x.numpy()), rtol=1e-13)


def test_limits_at_zero() -> None:
    for function, slope in [(special.i0, 0), (special.i1, 0.5), (special.i1e, 0.5), (special.spherical_bessel_j0, 0)]:
        x = leaf(np.zeros(1))
        function(x).sum().backward()
        assert x.grad.tolist() == [slope]
    assert special.entr(tg.tensor([0.0, -1.0])).tolist() == [0, -np.inf]
    assert special.xlog1py(tg.tensor([0.0]), -1).tolist() == [0]


def test_zeta_has_no_derivative_by_its_first_argument() -> None:
    with pytest.raises(TypeError, match=r"zeta\(\) has no derivative by input"):
        special.zeta(leaf(X), 2.0)


def test_softmax_is_computed_in_a_dtype() -> None:
    x = tg.tensor([1, 2])
    assert special.softmax(x, 0, dtype=tg.float64).dtype == special.log_softmax(x, 0, dtype=tg.float64).dtype
    assert special.softmax(x, 0).dtype == tg.float32
