"""Optimizers and learning rate schedules, under PyTorch's names, and `minimize`, which uses SciPy's methods."""

from . import lr_scheduler
from .adam import Adam, AdamW
from .bridge import minimize
from .lbfgs import LBFGS
from .optimizer import Optimizer, StepWarning
from .sgd import SGD

__all__ = ["Adam", "AdamW", "LBFGS", "Optimizer", "SGD", "StepWarning", "lr_scheduler", "minimize"]
