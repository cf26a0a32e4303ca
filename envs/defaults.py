"""Defaults: what an environment uses where the caller says nothing."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from qvar.simulators.errors import ArchitectureError

if TYPE_CHECKING:
    from qvar.optimizers import Optimizer
    from qvar.problems import Problem
    from qvar.simulators.engine import Engine

__all__ = ["CouplingMap", "default_optimizer", "find_coupling_map", "find_problem"]

CouplingMap = Iterable[tuple[int, int]] | Literal["all"]
"""Pairs (control, target) on which a CNOT may act, or "all" for every pair."""


def find_problem(problem: "Problem | str") -> "Problem":
    """Return `problem`, or the one of that name (see `qvar.problems.find_problem`)."""
    if not isinstance(problem, str):
        return problem
    from qvar.problems import find_problem as find_by_name

    return find_by_name(problem)


def default_optimizer(shots: int | None) -> "Optimizer":
    """Return L-BFGS, which uses exact gradients, or Adam-SPSA where shots make energies noisy."""
    from qvar.optimizers import LBFGS, AdamSPSA

    return LBFGS() if shots is None else AdamSPSA()


def find_coupling_map(wanted: CouplingMap | None, engine: "Engine", n_qubits: int) -> Iterable[tuple[int, int]] | None:
    """Return the pairs on which CNOTs may act, None for every pair.

    Args:
        wanted: pairs (control, target), "all", or None for the engine's own.
        engine: its noise model may hold the coupling map of a device.
        n_qubits: qubits of the problem; of a larger device the first ones are used.

    Raises:
        ArchitectureError: for another text than "all".
    """
    if isinstance(wanted, str):
        if wanted != "all":
            raise ArchitectureError(f"coupling_map is 'all', None, or pairs (control, target), got {wanted!r}")
        return None
    if wanted is not None:
        return wanted
    device = getattr(engine.noise, "coupling_map", None)
    return None if device is None else [pair for pair in device if max(pair) < n_qubits]
