"""A Variable is a Tensor, as in scripts for PyTorch's first versions."""

import numpy as np
import pytest

import tinygrad_mlp as tg
from tinygrad_mlp.autograd import Variable


def test_a_variable_is_a_tensor_of_the_same_memory() -> None:
    x = tg.zeros(2)
    variable = Variable(x, requires_grad=True)
    assert type(variable) is tg.Tensor
    assert isinstance(x, Variable)
    assert not isinstance(np.zeros(2), Variable)
    assert variable.requires_grad
    assert not x.requires_grad
    (variable * 3).sum().backward()
    assert (variable.grad.tolist(), x.grad) == ([3, 3], None)
    with tg.no_grad():
        variable.add_(1)
    assert x.tolist() == [1, 1]
    assert Variable([1.0, 2.0]).tolist() == [1, 2]
    with pytest.raises(RuntimeError, match="float"):
        Variable(tg.tensor([1]), requires_grad=True)
