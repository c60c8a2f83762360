"""Optimizers and learning rate schedules, under PyTorch's names, and `minimize`, which uses SciPy's methods."""

from .._left_out import explain_in
from . import lr_scheduler, swa_utils
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .bridge import minimize
from .lbfgs import LBFGS
from .optimizer import Optimizer, StepWarning
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = [
    "Adagrad", "Adam", "AdamW", "LBFGS", "Optimizer", "RMSprop", "SGD", "StepWarning", "lr_scheduler", "minimize",
    "swa_utils",
]  # fmt: skip

explain_in(globals())
