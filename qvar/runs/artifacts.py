"""The found circuit and the course of a run as files for people and other programs."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qvar.simulators import Circuit
from qvar.simulators.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_learning_curve", "write_circuit", "write_learning_curve"]


def write_circuit(folder: Path, circuit: Circuit, parameters: NDArray[np.float64]) -> None:
    """Write the circuit with its angles as best.qasm (OpenQASM 3), best.qpy (Qiskit) and circuit.png."""
    from qiskit import qpy

    qiskit_circuit = circuit.to_qiskit(parameters)
    write_atomically(folder / "best.qasm", circuit.to_qasm(parameters).encode())
    buffer = io.BytesIO()
    qpy.dump(qiskit_circuit, buffer)
    write_atomically(folder / "best.qpy", buffer.getvalue())
    if circuit.operations:
        from matplotlib import pyplot

        figure = qiskit_circuit.draw("mpl", fold=30)
        try:
            _save(figure, folder / "circuit.png")
        finally:
            pyplot.close(figure)  # Qiskit draws through pyplot, which keeps every figure until it is closed


def write_learning_curve(
    folder: Path, history: Sequence[Mapping[str, Any]], *, exact_energy: float, title: str, unit: str = "Ha"
) -> None:
    """Write learning_curve.png from the records of a run."""
    figure = plot_learning_curve(history, exact_energy=exact_energy, title=title, unit=unit)
    _save(figure, folder / "learning_curve.png")


def plot_learning_curve(
    history: Sequence[Mapping[str, Any]], *, exact_energy: float, title: str, unit: str = "Ha"
) -> "Figure":
    """Draw energy and noiseless error by episode.

    Args:
        history: the records of a run, as in metrics.jsonl.
        exact_energy: lowest eigenvalue, drawn as a line.
        title: title of the figure.
        unit: unit of the energies.

    Returns:
        A matplotlib figure with two panels.
    """
    from matplotlib.figure import Figure

    episodes = [record["episode"] for record in history]
    figure = Figure(figsize=(7, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    upper.plot(episodes, [r["energy"] for r in history], ".", color="0.7", label="end of episode, as measured")
    upper.plot(episodes, [r["best_energy"] for r in history], color="C0", label="best so far, as measured")
    upper.axhline(exact_energy, color="C3", linestyle="--", label="exact ground energy")
    evaluated = [record for record in history if record.get("evaluation") is not None]
    if evaluated:
        when, energies = [r["episode"] for r in evaluated], [r["evaluation"]["energy"] for r in evaluated]
        upper.plot(when, energies, "C1x", label="without exploration")
    floor = 1e-12
    upper.set_ylabel(f"energy ({unit})", parse_math=False)
    upper.set_title(title, parse_math=False)  # a title is a name: no dollar sign in it starts a formula
    upper.legend(fontsize="small")
    lower.semilogy(episodes, [max(r["error"], floor) for r in history], ".", color="0.7", label="end of episode")
    lower.semilogy(episodes, [max(r["best_error"], floor) for r in history], color="C0", label="best circuit so far")
    if unit == "Ha":
        lower.axhline(1.6e-3, color="C2", linestyle=":", label="chemical accuracy")
    lower.set_xlabel("episode")
    lower.set_ylabel(f"noiseless error ({unit})", parse_math=False)
    lower.legend(fontsize="small")
    return figure


def _save(figure: "Figure", path: Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    write_atomically(path, buffer.getvalue())
