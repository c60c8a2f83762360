"""The Tensor: an array with PyTorch's methods that joins NumPy's dispatch, and what makes one."""
