"""The command `qvar compile`: all kernels ahead of their first use."""

import time
from importlib import import_module

from rich.console import Console

from qvar.cli.printing import print_json, print_line

__all__ = ["compile_command"]

_KERNELS = (
    "qvar.simulators.kernels.planning",
    "qvar.simulators.kernels.pauli_transfer",
    "qvar.simulators.kernels.rotosolve",
    "qvar.simulators.kernels.statevector",
    "qvar.simulators.kernels.propagation.run",
    "qvar.optimizers.kernels",
)


def compile_command(*, as_json: bool) -> None:
    """Compile every kernel that is not on disk yet."""
    from qvar.simulators.kernels import compiled

    start = time.perf_counter()
    n_kernels = 0
    for module in _KERNELS:
        for function in import_module(module).SIGNATURES:
            compiled(module, function)
            n_kernels += 1
    seconds = time.perf_counter() - start
    if as_json:
        print_json({"n_kernels": n_kernels, "seconds": seconds})
    else:
        print_line(f"{n_kernels} kernels ready after {seconds:.1f} s", Console())
