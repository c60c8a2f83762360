"""Images of digits to learn from (MNIST, or drawn from fonts), and their preprocessing, all in NumPy arrays."""

from .digits import embedded_digits
from .mnist import load_mnist
from .preprocessing import Preprocessed, Standardizer, one_hot, preprocess
from .sources import load_digits

__all__ = ["Preprocessed", "Standardizer", "embedded_digits", "load_digits", "load_mnist", "one_hot", "preprocess"]
