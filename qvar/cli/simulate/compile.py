"""The command `qvar compile`: all kernels ahead of their first use."""

import time
from importlib import import_module

from rich.console import Console

from qvar.cli.printing import print_json, print_line
from qvar.cli.progress import ProgressLine, counted, quieten_log

__all__ = ["compile_command"]

_KERNELS = (
    "qvar.simulators.kernels.planning",
    "qvar.simulators.kernels.pure_planning",
    "qvar.simulators.kernels.pauli_transfer",
    "qvar.simulators.kernels.rotosolve",
    "qvar.simulators.kernels.statevector",
    "qvar.simulators.kernels.propagation.run",
    "qvar.optimizers.kernels",
)


def compile_command(*, as_json: bool, quiet: bool) -> None:
    """Compile every kernel that is not on disk yet."""
    from qvar.simulators.kernels import compiled

    start = time.perf_counter()
    kernels = [(module, function) for module in _KERNELS for function in import_module(module).SIGNATURES]
    console, silent = Console(stderr=True), quiet or as_json
    quieten_log(console, silent=silent)
    with ProgressLine(console, visible=not silent, total=len(kernels), columns=counted()) as line:
        for number, (module, function) in enumerate(kernels):
            line.update(f"{module.removeprefix('qvar.')}, {function}", done=number)
            compiled(module, function)
    seconds = time.perf_counter() - start
    if as_json:
        print_json({"n_kernels": len(kernels), "seconds": seconds})
    else:
        print_line(f"{len(kernels)} kernels ready after {seconds:.1f} s", Console())
