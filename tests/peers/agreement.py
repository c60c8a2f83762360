"""How closely results agree with PyTorch's, and how the files of this folder compare them."""

from typing import Any

import numpy as np

TOLERANCE = {np.dtype(np.float64): 1e-10, np.dtype(np.float32): 1e-5}
DTYPES = [np.float64, np.float32]


def close(ours: Any, theirs: Any, what: str = "", slack: float = 0) -> None:
    """Assert that both are None, or have the same dtype and shape and, up to the tolerance, the same entries."""
    if ours is None or theirs is None:
        assert ours is theirs, what
        return
    ours, theirs = (tensor.detach().numpy(force=True) for tensor in (ours, theirs))
    assert ours.dtype == theirs.dtype, f"{what}: {ours.dtype} for {theirs.dtype}"
    assert ours.shape == theirs.shape, f"{what}: shape {ours.shape} for {theirs.shape}"
    tolerance = TOLERANCE.get(ours.dtype, 0)
    scale = max(1.0, np.max(np.abs(theirs), initial=0, where=np.isfinite(theirs)))
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * scale + slack, err_msg=what)
