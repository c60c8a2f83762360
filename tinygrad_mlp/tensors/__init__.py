"""The Tensor, an array with PyTorch's methods that NumPy's functions accept, and the functions that make Tensors."""
