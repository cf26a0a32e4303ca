"""Load compiled kernels at their first use, and say so when numba has to compile them."""

import logging
import threading
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

__all__ = ["load_kernels", "workspace"]

_log = logging.getLogger("qvar")
_local = threading.local()


def load_kernels(name: str) -> ModuleType:
    """Import the kernel module `name` of this package; the first time on a machine, numba compiles it (about 10 s)."""
    full_name = f"{__package__}.{name}"
    if not _is_compiled(full_name):
        _log.warning("compiling the numba kernels %s for this machine: once, about 10 seconds", name)
    return import_module(full_name)


def _is_compiled(full_name: str) -> bool:
    import numba

    spec = find_spec(full_name)
    if spec is None or spec.origin is None:
        return False
    folders = [Path(spec.origin).parent / "__pycache__"]
    if numba.config.CACHE_DIR:
        folders = [Path(numba.config.CACHE_DIR)]
    pattern = f"{full_name.rpartition('.')[2]}.*.nbi"
    return any(next(folder.rglob(pattern), None) is not None for folder in folders if folder.is_dir())


def workspace(size: int, dtype: type[np.generic]) -> NDArray[np.generic]:
    """Return an uninitialized array of at least `size` numbers, reused by later calls in the same thread."""
    arrays: dict[type[np.generic], NDArray[np.generic]] = _local.__dict__.setdefault("arrays", {})
    array = arrays.get(dtype)
    if array is None or len(array) < size:
        array = arrays[dtype] = np.empty(size, dtype=dtype)
    return array[:size]
