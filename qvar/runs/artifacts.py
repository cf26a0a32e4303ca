"""The found circuit and the course of a run as files for people and other programs."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qvar.runs import style
from qvar.runs.sealed import parse_json, write_json
from qvar.simulators import Circuit, untrusted
from qvar.simulators.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "draw_circuit",
    "plot_learning_curve",
    "plot_pareto",
    "read_pareto_entries",
    "write_circuit",
    "write_learning_curve",
    "write_pareto",
]

_BEST = style.COLOURS[0]
_DPI = 150  # of pictures to look at; those for papers are drawn by `qvar report --figures`


def write_circuit(folder: Path, circuit: Circuit, parameters: NDArray[np.float64]) -> None:
    """Write the circuit with its angles as best.qasm (OpenQASM 3), best.qpy (Qiskit) and circuit.png."""
    from qiskit import qpy

    qiskit_circuit = circuit.to_qiskit(parameters)
    qiskit_circuit.name = "best"  # Qiskit's own names count the circuits of a process
    write_atomically(folder / "best.qasm", circuit.to_qasm(parameters).encode())
    buffer = io.BytesIO()
    qpy.dump(qiskit_circuit, buffer)
    write_atomically(folder / "best.qpy", buffer.getvalue())
    if circuit.operations:
        write_atomically(folder / "circuit.png", style.image(draw_circuit(circuit, parameters), "png", dpi=_DPI))


def draw_circuit(circuit: Circuit, parameters: NDArray[np.float64]) -> "Figure":
    """Draw a circuit with at least one gate, with its angles in radians."""
    from matplotlib import pyplot

    figure: Figure = circuit.to_qiskit(parameters).draw("mpl", fold=30)
    pyplot.close(figure)  # Qiskit draws through pyplot, which keeps every figure until it is closed
    figure.set_label(f"Circuit of {circuit.n_qubits} qubits and {len(circuit.operations)} gates")
    return figure


def write_learning_curve(
    folder: Path,
    history: Sequence[Mapping[str, Any]],
    *,
    exact_energy: float,
    title: str,
    unit: str = "Ha",
    accuracy: float | None = None,
) -> None:
    """Write learning_curve.png from the records of a run."""
    figure = plot_learning_curve(history, exact_energy=exact_energy, title=title, unit=unit, accuracy=accuracy)
    _save(figure, folder / "learning_curve.png")


@style.styled
def plot_learning_curve(
    history: Sequence[Mapping[str, Any]],
    *,
    exact_energy: float,
    title: str,
    unit: str = "Ha",
    accuracy: float | None = None,
) -> "Figure":
    """Draw energy and noiseless error by episode.

    Args:
        history: the records of a run, as in metrics.jsonl.
        exact_energy: lowest eigenvalue, drawn as a line.
        title: title of the figure.
        unit: unit of the energies.
        accuracy: the error aimed at, drawn as a line; None for no line.

    Returns:
        A matplotlib figure with two panels.
    """
    episodes = [record["episode"] for record in history]
    figure = style.new_figure(style.PAGE, 4.8)
    upper, lower = figure.subplots(2, 1, sharex=True)
    upper.plot(
        episodes, [r["energy"] for r in history], ".", color="0.7", label="end of episode, as measured", markersize=2.5
    )
    upper.plot(episodes, [r["best_energy"] for r in history], color=_BEST, label="best so far, as measured")
    upper.axhline(exact_energy, color=style.GREY, linestyle="--", label="exact ground energy")
    evaluated = [record for record in history if record.get("evaluation") is not None]
    if evaluated:
        when, energies = [r["episode"] for r in evaluated], [r["evaluation"]["energy"] for r in evaluated]
        upper.plot(when, energies, "x", color=style.ACCENT, label="without exploration")
    upper.set_ylabel(f"energy ({style.unit(unit)})", parse_math=False)
    upper.set_title(title, parse_math=False)  # a title is a name: no dollar sign in it starts a formula
    upper.ticklabel_format(axis="y", useOffset=False)
    style.legend(upper)
    lower.semilogy(
        episodes,
        [max(r["error"], style.FLOOR) for r in history],
        ".",
        color="0.7",
        label="end of episode",
        markersize=2.5,
    )
    lower.semilogy(
        episodes, [max(r["best_error"], style.FLOOR) for r in history], color=_BEST, label="best circuit so far"
    )
    if accuracy is not None:
        label = "chemical accuracy" if unit == "Ha" else f"accuracy aimed at, {accuracy:g}"
        lower.axhline(accuracy, color=style.ACCENT, linestyle=":", linewidth=1, label=label)
    lower.set_xlabel("episode")
    lower.set_ylabel(f"noiseless error ({style.unit(unit)})", parse_math=False)
    style.legend(lower)
    figure.set_label(f"Energy and noiseless error by episode: {title}")
    return figure


def write_pareto(
    folder: Path,
    circuits: Sequence[Mapping[str, Any]],
    *,
    title: str,
    unit: str = "Ha",
    accuracy: float | None = None,
) -> None:
    """Write pareto.json, and pareto.png which draws it."""
    write_json(folder / "pareto.json", {"entries": [dict(circuit) for circuit in circuits]})
    _save(plot_pareto(circuits, title=title, unit=unit, accuracy=accuracy), folder / "pareto.png")


@style.styled
def plot_pareto(
    circuits: Sequence[Mapping[str, Any]], *, title: str, unit: str = "Ha", accuracy: float | None = None
) -> "Figure":
    """Draw the noiseless error of circuits against their CNOTs, and against their depth.

    Args:
        circuits: rows with `n_cnots`, `depth` and `error`, as in pareto.json.
        title: title of the figure.
        unit: unit of the errors.
        accuracy: the error aimed at, drawn as a line; None for no line.

    Returns:
        A matplotlib figure with two panels; the color of a point tells the other number.
    """
    from matplotlib.ticker import MaxNLocator

    figure = style.new_figure(style.PAGE, 2.8)
    panels = figure.subplots(1, 2, sharey=True)
    errors = [max(row["error"], style.FLOOR) for row in circuits]
    names = {"n_cnots": "CNOTs", "depth": "depth"}
    for panel, number, other in zip(panels, ("n_cnots", "depth"), ("depth", "n_cnots"), strict=True):
        points = panel.scatter([row[number] for row in circuits], errors, c=[row[other] for row in circuits], s=14)
        figure.colorbar(points, ax=panel, label=names[other], ticks=MaxNLocator(5, integer=True))
        panel.set_xlabel(names[number])
        panel.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        panel.set_yscale("log")
        if accuracy is not None:
            label = f"accuracy, {accuracy:g} {style.unit(unit)}"
            panel.axhline(accuracy, color=style.ACCENT, linestyle=":", linewidth=1, label=label)
    if accuracy is not None:
        style.legend(panels[1])
    panels[0].set_ylabel(f"noiseless error ({style.unit(unit)})", parse_math=False)
    style.describe(figure, title, f"Noiseless error against CNOTs and against depth: {title}")
    return figure


def read_pareto_entries(file: Path) -> list[Any]:
    """Return the circuits that `write_pareto` wrote to pareto.json; earlier versions wrote the bare list.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is damaged.
    """
    data = file.read_bytes()
    content = untrusted.parse_json(data) if data.startswith(b"[") else parse_json(data).get("entries")
    if not isinstance(content, list):
        raise ValueError("a list of circuits is needed")
    return content


def _save(figure: "Figure", path: Path) -> None:
    write_atomically(path, style.image(figure, "png", dpi=_DPI))
