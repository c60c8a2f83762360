"""Digits to learn from (MNIST, or drawn on the spot) and their preparation: NumPy arrays in and out."""

from .digits import embedded_digits as embedded_digits
from .mnist import load_mnist as load_mnist
from .preprocessing import Preprocessed as Preprocessed
from .preprocessing import Standardizer as Standardizer
from .preprocessing import one_hot as one_hot
from .preprocessing import preprocess as preprocess
from .sources import load_digits as load_digits
