"""A circuit as a picture in the page."""

import base64
import io

import numpy as np
from numpy.typing import NDArray

from qvar.simulators import Circuit

__all__ = ["draw_circuit"]

_MAX_OPERATIONS = 400
_MAX_QUBITS = 40
_FOLD = 16


def draw_circuit(circuit: Circuit, parameters: NDArray[np.float64]) -> str | None:
    """Return the circuit as an SVG picture in a data URL, None if it is too large to draw.

    Drawn on a figure of its own, since pyplot keeps figures and is not made for the threads of a server.
    """
    if len(circuit.operations) > _MAX_OPERATIONS or circuit.n_qubits > _MAX_QUBITS:
        return None
    from matplotlib.figure import Figure

    rows = 1 + circuit.depth() // _FOLD
    width = 1.2 + 0.75 * min(circuit.depth(), _FOLD)
    figure = Figure(figsize=(width, 0.75 * (circuit.n_qubits + 1) * rows))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    circuit.to_qiskit(parameters).draw("mpl", ax=axes, fold=_FOLD, idle_wires=True)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", pad_inches=0.05)
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()
