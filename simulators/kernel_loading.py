"""Load compiled kernels at their first use, and say so when numba has to compile them."""

import logging
import sys
import threading
from importlib import import_module
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

__all__ = ["load_kernels", "workspace"]

_log = logging.getLogger("qvar")
_local = threading.local()
_PATIENCE_SECONDS = 2.0
_NOTICE = "compiling the numba kernels %s for this machine: once, about 10 seconds"


def load_kernels(name: str) -> ModuleType:
    """Import the kernel module `name` of this package.

    The first time on a machine numba compiles it, which takes about 10 seconds; loading it from numba's cache takes
    less than one. A load that lasts is announced, so that nobody wonders what the wait is for.
    """
    full_name = f"{__package__}.{name}"
    if full_name in sys.modules:
        return import_module(full_name)  # waits if another thread is still loading it
    notice = threading.Timer(_PATIENCE_SECONDS, _log.warning, [_NOTICE, name])
    notice.daemon = True
    notice.start()
    try:
        return import_module(full_name)
    finally:
        notice.cancel()


def workspace(size: int, dtype: type[np.generic]) -> NDArray[np.generic]:
    """Return an uninitialized array of at least `size` numbers, reused by later calls in the same thread."""
    arrays: dict[type[np.generic], NDArray[np.generic]] = _local.__dict__.setdefault("arrays", {})
    array = arrays.get(dtype)
    if array is None or len(array) < size:
        array = arrays[dtype] = np.empty(size, dtype=dtype)
    return array[:size]
