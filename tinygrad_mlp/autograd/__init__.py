"""Gradients: asking for them, checking them, switching their recording off, and writing functions that have them."""

from .._left_out import explain_in
from ..core.mode import is_grad_enabled
from . import functional
from .anomaly import detect_anomaly, set_detect_anomaly
from .custom import Function
from .grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from .gradcheck import gradcheck, gradgradcheck
from .gradients import backward, grad
from .variable import Variable

__all__ = [
    "Function", "Variable", "backward", "detect_anomaly", "enable_grad", "functional", "grad", "gradcheck",
    "gradgradcheck", "inference_mode", "is_grad_enabled", "no_grad", "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip

explain_in(globals())
