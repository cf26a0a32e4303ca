"""Load compiled kernels at their first use, and say so when numba has to compile them."""

import logging
import sys
import tempfile
import threading
from importlib import import_module
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

__all__ = ["load_kernels", "workspace"]

_log = logging.getLogger("qvar")
_local = threading.local()
_PATIENCE_SECONDS = 2.0
_KEPT_BYTES = 64 * 2**20
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
        return _import(full_name)
    finally:
        notice.cancel()


def _import(full_name: str) -> ModuleType:
    try:
        return import_module(full_name)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
    import numba

    numba.config.CACHE_DIR = tempfile.mkdtemp(prefix="qvar-kernels-")
    _log.warning("no folder for compiled kernels can be written to; they are compiled anew for this process")
    return import_module(full_name)


def workspace(size: int, dtype: type[np.generic]) -> NDArray[np.generic]:
    """Return an uninitialized array of `size` numbers; up to 64 MiB are kept for later calls in the same thread."""
    if size * np.dtype(dtype).itemsize > _KEPT_BYTES:
        return np.empty(size, dtype=dtype)
    arrays: dict[type[np.generic], NDArray[np.generic]] = _local.__dict__.setdefault("arrays", {})
    array = arrays.get(dtype)
    if array is None or len(array) < size:
        array = arrays[dtype] = np.empty(size, dtype=dtype)
    return array[:size]
