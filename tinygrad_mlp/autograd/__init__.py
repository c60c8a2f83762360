"""Gradients: asking for them, checking them, switching their recording off, and writing functions that have them."""

from ..core.mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from . import functional
from .anomaly import detect_anomaly, set_detect_anomaly
from .custom import Function
from .gradcheck import gradcheck, gradgradcheck
from .gradients import backward, grad

__all__ = [
    "Function", "backward", "detect_anomaly", "enable_grad", "functional", "grad", "gradcheck", "gradgradcheck",
    "is_grad_enabled", "no_grad", "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip
