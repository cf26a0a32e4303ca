"""Figures of the Pauli-Liouville picture: states as bars of expectation values, channels as transfer matrices."""

from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from qvar.runs import style
from qvar.simulators import Channel
from qvar.simulators.errors import ChannelError, EngineError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["channel_figure", "pauli_labels", "pauli_vector_figure"]

_COLOURS = tuple(style.COLOURS[k] for k in (0, 4, 2, 3))
_MOST_QUBITS = 3
"""The labels of more than 64 bars cannot be read."""


def pauli_labels(n_qubits: int) -> list[str]:
    """Return the Pauli strings in the order of a Pauli vector; the rightmost letter is that of qubit 0.

    Example:
        >>> pauli_labels(2)[:6]
        ['II', 'IX', 'IY', 'IZ', 'XI', 'XX']
    """
    return ["".join(letters) for letters in product("IXYZ", repeat=n_qubits)]


def pauli_vector_figure(states: Mapping[str, ArrayLike]) -> "Figure":
    """Draw states as bars, one for each Pauli string.

    Args:
        states: Pauli vectors Tr(P_i rho) by the name of the state, one to four, each of shape (4**n,) with n up to
            3, as `PauliTransferSimulator(...).objective(...).state(theta)` returns them.

    Raises:
        EngineError: for no or too many states, or shapes that are not those of one Pauli vector.
    """
    vectors = {name: np.asarray(state, dtype=np.float64) for name, state in states.items()}
    sizes = {4**n: n for n in range(1, _MOST_QUBITS + 1)}
    shapes = {vector.shape for vector in vectors.values()}
    if len(shapes) != 1 or not shapes <= {(size,) for size in sizes} or len(vectors) > len(_COLOURS):
        raise EngineError(
            f"this figure takes one to {len(_COLOURS)} Pauli vectors of one length, 4**n for up to {_MOST_QUBITS} "
            f"qubits; got {len(vectors)} of shapes {sorted(shapes)}"
        )
    ((length,),) = shapes
    labels, width = pauli_labels(sizes[length]), 0.8 / len(vectors)
    figure = style.new_figure(max(4.0, 0.34 * length + 1.5), 2.8)
    axes = figure.subplots()
    for number, (name, vector) in enumerate(vectors.items()):
        places = np.arange(length) + (number - (len(vectors) - 1) / 2) * width
        axes.bar(places, vector, width, color=_COLOURS[number], label=name)
    axes.axhline(0, color="0.3", linewidth=0.8)
    axes.set_xticks(range(length), labels, rotation=0 if length <= 16 else 90, fontsize="small")
    axes.set_xlabel("Pauli string (rightmost letter: qubit 0)")
    axes.set_ylabel("expectation value")
    for text in axes.legend(fontsize="small").get_texts():
        text.set_parse_math(False)
    return figure


def channel_figure(channels: Mapping[str, Channel]) -> "Figure":
    """Draw channels as their Pauli-transfer matrices, column in, row out: blue for +1, orange for -1.

    Numbers are written into the matrices of one qubit, to two decimals.

    Args:
        channels: channels by name, at least one.

    Raises:
        ChannelError: for no channel.
    """
    from matplotlib.colors import LinearSegmentedColormap

    if not channels:
        raise ChannelError("there is no channel to draw; give at least one by name")
    colours = LinearSegmentedColormap.from_list("signed", [_COLOURS[1], "white", _COLOURS[0]])
    figure = style.new_figure(2.9 * len(channels) + 0.6, 3.0)
    panels = figure.subplots(1, len(channels), squeeze=False)[0]
    for axes, (name, channel) in zip(panels, channels.items(), strict=True):
        image = axes.imshow(channel.ptm, cmap=colours, vmin=-1, vmax=1)
        labels = pauli_labels(channel.n_qubits)
        axes.set_xticks(range(len(labels)), labels, rotation=0 if len(labels) == 4 else 90, fontsize="small")
        axes.set_yticks(range(len(labels)), labels, fontsize="small")
        axes.set_title(name, fontsize="medium", parse_math=False)
        axes.set_xlabel("Pauli string before")
        for (row, column), value in np.ndenumerate(channel.ptm):
            if channel.n_qubits == 1 and abs(value) >= 0.005:
                axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize="x-small")
    panels[0].set_ylabel("Pauli string after")
    figure.colorbar(image, ax=panels, label="matrix element", shrink=0.8)
    return figure
