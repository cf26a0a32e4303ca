"""Many rows in one compiled call: values, gradients, pulled-back observables and final states, shared among threads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.input_states import check_pairing
from qvar.simulators.kernels import compiled, workspace
from qvar.simulators.kernels.layout import LARGEST_FOURFOLD, STATE_SIZE
from qvar.simulators.memory import check_memory, most_at_once
from qvar.simulators.threads import in_parallel

__all__ = [
    "CompiledProgram",
    "energies_of_pairs",
    "energies_of_points",
    "final_states",
    "gradients_of_pairs",
    "gradients_of_points",
    "pulled_back_observables",
]

_ENERGIES_PER_GRADIENT = 3  # about, in time
_STATES: dict[str, tuple[int, type]] = {"pauli_transfer": (4, np.float64), "statevector": (2, np.complex128)}
"""What the state of n qubits is in each picture: base**n numbers of a type."""


@dataclass(frozen=True, slots=True)
class CompiledProgram:
    """A circuit and an observable, ready for the kernels of one picture.

    Attributes:
        picture: the kernel module.
        arguments: what its entry points take before angles and workspace.
        energy_numbers: float64 numbers in the workspace of an energy.
        batch_numbers: float64 numbers in the workspace of a batch.
        gradient_numbers: float64 numbers in the workspace of a gradient.
        seconds: roughly what one energy takes.
    """

    picture: str
    arguments: tuple[NDArray[Any], ...]
    energy_numbers: int
    batch_numbers: int
    gradient_numbers: int
    seconds: float
    kept: "CompiledProgram | None" = None
    """The same with every state kept, for gradients that cannot be trusted to undo them; None if they keep them."""


def energies_of_points(program: CompiledProgram, thetas: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the expectation values of parameter vectors from |0...0>."""
    energies = np.empty(len(thetas))
    numbers, together = program.batch_numbers, _energies_at_once(program)
    _share(program, "energies", numbers, (thetas,), (energies,), program.seconds, together=together)
    return energies


def energies_of_pairs(
    program: CompiledProgram, thetas: NDArray[np.float64], starts: NDArray[Any]
) -> NDArray[np.float64]:
    """Return the expectation values of parameter vectors and start states."""
    energies = np.empty(check_pairing(thetas, starts))
    _share(program, "energies_from", program.energy_numbers, (thetas, starts), (energies,), program.seconds)
    return energies


def gradients_of_points(
    program: CompiledProgram, thetas: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return values (n_points,) and gradients (n_points, n_parameters) from |0...0>; nan for angles out of range."""
    return _gradients(program, "gradients", len(thetas), thetas)


def gradients_of_pairs(
    program: CompiledProgram, thetas: NDArray[np.float64], starts: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return values and gradients of parameter vectors and start states, as `gradients_of_points` does."""
    return _gradients(program, "gradients_from", check_pairing(thetas, starts), thetas, starts)


def _gradients(
    program: CompiledProgram, kernel: str, n_points: int, *rows: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n_parameters, numbers = rows[0].shape[1], program.gradient_numbers
    check_memory(8 * (n_points * (n_parameters + 1) + numbers), _described("gradient", n_points))
    values, gradients = np.empty(n_points), np.empty((n_points, n_parameters))
    _share(program, kernel, numbers, rows, (values, gradients), program.seconds * _ENERGIES_PER_GRADIENT)
    doubtful = np.flatnonzero(np.isnan(values))
    if program.kept is not None and len(doubtful):
        some = [array if len(array) == 1 else array[doubtful] for array in rows]
        values[doubtful], gradients[doubtful] = _gradients(program.kept, kernel, len(doubtful), *some)
    return values, gradients


def pulled_back_observables(
    program: CompiledProgram, thetas: NDArray[np.float64], n_qubits: int
) -> NDArray[np.float64]:
    """Return the observable at the start of the circuit, (n_points, 4**n_qubits); for Pauli-transfer programs."""
    size = 4**n_qubits
    check_memory(8 * (len(thetas) * size + program.energy_numbers), _described("pulled-back observable", len(thetas)))
    effects = np.empty((len(thetas), size))
    _share(program, "pulled_back", program.energy_numbers, (thetas,), (effects,), program.seconds)
    return effects


def final_states(program: CompiledProgram, thetas: NDArray[np.float64], n_qubits: int) -> NDArray[Any]:
    """Return the states after the circuit from |0...0>, (n_points, 4**n_qubits) or complex (n_points, 2**n_qubits)."""
    base, kind = _STATES[program.picture]
    shape = len(thetas), base**n_qubits
    n_bytes = shape[0] * shape[1] * np.dtype(kind).itemsize + 8 * program.energy_numbers
    check_memory(n_bytes, _described("final state", len(thetas)))
    states = np.empty(shape, dtype=kind)
    _share(program, "states", program.energy_numbers, (thetas,), (states,), program.seconds)
    return states


def _share(
    program: CompiledProgram,
    kernel: str,
    numbers: int,
    rows: Sequence[NDArray[Any]],
    results: Sequence[NDArray[Any]],
    seconds: float,
    *,
    together: int = 1,
) -> None:
    """Let a kernel fill the rows of `results`, in threads as long as their workspaces fit into memory."""
    check_memory(8 * numbers, "one state of this circuit")
    code = compiled(program.picture, kernel)

    def part(first: int, end: int) -> None:
        some = [array if len(array) == 1 else array[first:end] for array in rows]
        code(*program.arguments, *some, workspace(numbers), *(array[first:end] for array in results))

    in_parallel(part, len(results[0]), seconds, most_parts=most_at_once(8 * numbers), together=together)


def _energies_at_once(program: CompiledProgram) -> int:
    """Return how many rows the kernel of energies takes as lanes; a row alone may end with another last digit."""
    is_fourfold = program.picture == "pauli_transfer" and program.arguments[0][STATE_SIZE] <= LARGEST_FOURFOLD
    return 4 if is_fourfold else 1


def _described(what: str, count: int) -> str:
    return f"the {what} of this circuit" if count == 1 else f"{count} {what}s of this circuit"
