"""Optimizers and learning rate schedules, under PyTorch's names, and `minimize`, which uses SciPy's methods."""

from .._left_out import explain_in
from . import lr_scheduler, swa_utils
from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .asgd import ASGD
from .bridge import minimize
from .lbfgs import LBFGS
from .nadam import NAdam
from .optimizer import Optimizer, StepWarning
from .radam import RAdam
from .rmsprop import RMSprop
from .rprop import Rprop
from .sgd import SGD

__all__ = [
    "ASGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "LBFGS", "NAdam", "Optimizer", "RAdam", "RMSprop",
    "Rprop", "SGD", "StepWarning", "lr_scheduler", "minimize", "swa_utils",
]  # fmt: skip

explain_in(globals())
