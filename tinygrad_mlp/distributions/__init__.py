"""Probability distributions, as `torch.distributions` has them: draws, densities, entropies and divergences.

Their parameters are Tensors, and all quantities are functions of these with gradients of any order. `rsample` gives
draws that are functions of the parameters, too. docs/distributions.md has examples.
"""

import sys as _sys

from .._left_out import explain_in
from . import constraints, continuous, discrete, kl, transformed, transforms
from .continuous import (
    Beta,
    Cauchy,
    Chi2,
    Dirichlet,
    Exponential,
    Gamma,
    Laplace,
    MultivariateNormal,
    Normal,
    StudentT,
    Uniform,
)
from .discrete import (
    Bernoulli,
    Binomial,
    Categorical,
    Geometric,
    Multinomial,
    OneHotCategorical,
    OneHotCategoricalStraightThrough,
    Poisson,
)
from .distribution import Distribution
from .kl import kl_divergence, register_kl
from .transformed import (
    HalfNormal,
    Independent,
    LogNormal,
    RelaxedBernoulli,
    RelaxedOneHotCategorical,
    TransformedDistribution,
)
from .transforms import (
    AbsTransform,
    AffineTransform,
    ComposeTransform,
    ExpTransform,
    SigmoidTransform,
    SoftplusTransform,
    TanhTransform,
    Transform,
    identity_transform,
)

__all__ = [
    "AbsTransform", "AffineTransform", "Bernoulli", "Beta", "Binomial", "Categorical", "Cauchy", "Chi2",
    "ComposeTransform", "Dirichlet", "Distribution", "ExpTransform", "Exponential", "Gamma", "Geometric", "HalfNormal",
    "Independent", "Laplace", "LogNormal", "Multinomial", "MultivariateNormal", "Normal", "OneHotCategorical",
    "OneHotCategoricalStraightThrough", "Poisson", "RelaxedBernoulli", "RelaxedOneHotCategorical", "SigmoidTransform",
    "SoftplusTransform", "StudentT", "TanhTransform", "Transform", "TransformedDistribution", "Uniform", "constraints",
    "identity_transform", "kl", "kl_divergence", "register_kl", "transforms",
]  # fmt: skip

# PyTorch has a module for each family: `from torch.distributions.normal import Normal`. Several share a file here.
_MODULES = {
    continuous: "beta cauchy chi2 dirichlet exponential gamma laplace multivariate_normal normal studentT uniform",
    discrete: "bernoulli binomial categorical geometric multinomial one_hot_categorical poisson",
    transformed: "half_normal independent log_normal relaxed_bernoulli relaxed_categorical transformed_distribution",
}
for _module, _names in _MODULES.items():
    for _name in _names.split():
        globals()[_name] = _sys.modules[f"{__name__}.{_name}"] = _module

explain_in(globals())
