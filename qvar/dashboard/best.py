"""The best circuit of a run so far, and the circuits that nothing dominates: from its result or its checkpoint."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.runs.artifacts import read_pareto_entries
from qvar.runs.sealed import read_json
from qvar.search.best import BestCircuit
from qvar.simulators import Circuit
from qvar.simulators.errors import QvarError
from qvar.simulators.untrusted import UNREADABLE, parse_json

__all__ = ["Best", "Candidate", "read_best"]

_MAX_STATE_BYTES = 64 << 20


@dataclass(frozen=True)
class Candidate:
    """A circuit that no other of its run beats in energy, CNOTs and depth at once.

    Attributes:
        n_cnots: gates on two qubits.
        depth: moments.
        error: noiseless error in a finished run, in another its energy as the search valued it, above the exact one.
    """

    n_cnots: int
    depth: int
    error: float


@dataclass(frozen=True)
class Best:
    """What a run holds at some moment.

    Attributes:
        circuit: the best circuit.
        parameters: its angles, radians, float64 of shape (circuit.n_parameters,).
        candidates: the Pareto front.
        is_final: whether it is the result; else it is as old as the checkpoint.
    """

    circuit: Circuit
    parameters: NDArray[np.float64]
    candidates: tuple[Candidate, ...]
    is_final: bool


def read_best(folder: Path, *, exact_energy: float) -> Best | None:
    """Return the best circuit of the run in `folder`, None before its first checkpoint.

    Nothing but JSON and OpenQASM is read; nothing is unpickled.

    Raises:
        QvarError: if a file is damaged.
    """
    try:
        if (folder / "result.json").is_file():
            return _final(folder)
        if (folder / "checkpoint.npz").is_file():
            return _so_far(folder / "checkpoint.npz", exact_energy)
    except UNREADABLE as error:
        raise QvarError(f"the best circuit in {folder.name} cannot be read: {error!r}") from error
    return None


def _final(folder: Path) -> Best:
    result = read_json(folder / "result.json")
    circuit = Circuit.from_qasm(result["qasm"])
    file = folder / "pareto.json"
    rows = read_pareto_entries(file) if file.is_file() else []
    front = tuple(Candidate(int(row["n_cnots"]), int(row["depth"]), float(row["error"])) for row in rows)
    return Best(circuit, circuit.check_parameters([]), front, is_final=True)


def _so_far(file: Path, exact_energy: float) -> Best | None:
    tracker = _state(file)["tracker"]
    if tracker["best"] is None:
        return None
    best = BestCircuit.from_dict(tracker["best"])
    kept = [BestCircuit.from_dict(each) for each in tracker["archive"]]
    front = tuple(Candidate(k.circuit.n_two_qubit_gates, k.circuit.depth(), k.value - exact_energy) for k in kept)
    return Best(best.circuit, best.parameters, front, is_final=False)


def _state(file: Path) -> Mapping[str, Any]:
    """Return the JSON of a checkpoint without its arrays, which may be gigabytes of networks."""
    with zipfile.ZipFile(file) as archive:
        size = archive.getinfo("state.json.npy").file_size
    if size > _MAX_STATE_BYTES:
        raise ValueError(f"its state takes {size} bytes, too many to show")
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        content: Mapping[str, Any] = parse_json(str(arrays["state.json"]))["state"]
    return content
