"""Compiled kernels: numba functions that run a whole circuit in one call, compiled at the first use of each.

`compiled("pauli_transfer", "energy")` is the only way in. Machine code is kept on disk in a folder named after the hash
of all kernel sources, so that a change in any file, not only in the one that holds the function, makes new code.
Kernels of other packages, named in full, call those of this one by their `address`, and so need not contain them.
"""

import atexit
import hashlib
import logging
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.errors import EngineError
from qvar.simulators.threads import in_forked_child

__all__ = ["address", "compiled", "fingerprint", "workspace"]

_log = logging.getLogger("qvar")
_lock = threading.Lock()
_compiled: dict[tuple[str, str], Callable[..., Any]] = {}
_local = threading.local()
_PATIENCE_SECONDS = 2.0
_KEPT_NUMBERS = 2**24  # 128 MiB a thread
_ALIGNMENT = 64


def compiled(module: str, function: str) -> Callable[..., Any]:
    """Return the machine code of a kernel, from disk if it was compiled before.

    Compiling takes seconds, once per machine; a wait that lasts is announced. The function refuses any other types than
    those of its signature with a TypeError instead of compiling again.

    Args:
        module: a module of this package, or the full name ("qvar...") of one elsewhere; the sources of the folder that
            holds the module count as kernel sources too.
        function: one of its SIGNATURES.
    """
    code = _compiled.get((module, function))
    if code is not None:
        return code
    with _lock, _announced(f"{module}.{function}"):
        if (module, function) not in _compiled:
            _compiled[module, function] = _compile(module, function)
        return _compiled[module, function]


def _compile(module: str, function: str) -> Callable[..., Any]:
    import numba

    if numba.config.DISABLE_JIT:
        raise EngineError("kernels need numba's compiler, but NUMBA_DISABLE_JIT is set; unset it")
    kernels = import_module(module if module.startswith("qvar.") else f"{__name__}.{module}")
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(_cache_folder(str(Path(str(kernels.__file__)).parent)))
    try:
        compiler = numba.njit(kernels.SIGNATURES[function], **kernels.OPTIONS, cache=True)
        code: Callable[..., Any] = compiler(getattr(kernels, function).py_func)
    finally:
        numba.config.CACHE_DIR = before
    return code


@cache
def address(module: str, function: str) -> int:
    """Return where the machine code of a kernel starts, for calls from another one; it stays there for good."""
    (code,) = compiled(module, function).overloads.values()  # type: ignore[attr-defined]
    return int(code.library.get_pointer_to_function(code.fndesc.llvm_func_name))


@contextmanager
def _announced(name: str) -> Iterator[None]:
    notice = threading.Timer(_PATIENCE_SECONDS, _log.warning, ["compiling the kernel %s: once on this machine", name])
    notice.daemon = True
    notice.start()
    try:
        yield
    finally:
        notice.cancel()


def fingerprint(*folders: Path) -> str:
    """Return 16 hexadecimal digits that change with the sources in `folders` and the versions of Python and numba."""
    sources = hashlib.sha256(f"Python {sys.version} numba {version('numba')}".encode())
    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            sources.update(path.name.encode() + path.read_bytes())
    return sources.hexdigest()[:16]


@cache
def _cache_folder(package: str) -> Path:
    """Return a folder that can be written to and belongs to just these sources and those of a package."""
    chosen = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    try:
        base = Path(chosen) if chosen else Path.home() / ".cache"
    except RuntimeError as error:  # a user without a home
        return _temporary_folder(error)
    folder = base / "qvar" / f"kernels-{fingerprint(*dict.fromkeys((Path(__file__).parent, Path(package))))}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(folder)
    except OSError as error:
        return _temporary_folder(error)
    return folder


def _temporary_folder(error: Exception) -> Path:
    _log.warning("%s: kernels are compiled anew for this process; set NUMBA_CACHE_DIR to keep them", error)
    folder = tempfile.mkdtemp(prefix="qvar-kernels-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@in_forked_child
def _forget() -> None:
    global _lock
    _lock = threading.Lock()


def workspace(size: int) -> NDArray[np.float64]:
    """Return at least `size` uninitialized float64 numbers that belong to this thread until its next call.

    They start at a multiple of 64 bytes, so that lanes do not cross cache lines. Up to 128 MiB are kept.
    """
    array: NDArray[np.float64] | None = getattr(_local, "array", None)
    if array is None or array.size < size:
        raw = np.empty(size + _ALIGNMENT // 8)
        start = -raw.ctypes.data % _ALIGNMENT // 8
        array = raw[start : start + size]
        if size <= _KEPT_NUMBERS:
            _local.array = array
    return array
