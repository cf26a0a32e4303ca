"""The two pictures of quantum states that own kernels know, as far as gates and noise are concerned.

`PAULI_TRANSFER` holds Pauli expectation values and fuses noise into the gates; where a channel has the structure of
depolarizing and relaxation, a short record of factors stands for it. `AMPLITUDES` holds a pure state, in which there is
no noise, and all two-qubit gates are CX between one-qubit ones.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qvar.simulators.channels import Channel, unitary_to_ptm
from qvar.simulators.errors import EngineError

__all__ = ["AMPLITUDES", "PAULI_TRANSFER", "Picture", "damping_ptm"]


@dataclass(frozen=True)
class Picture:
    """What a picture of quantum states needs of gates and noise.

    Attributes:
        rotation: constants of a noiseless rotation.
        cx: constants of a noiseless CX.
        local: numbers of a one-qubit unitary followed by a channel.
        dense: numbers of a two-qubit unitary followed by a channel.
        channel: numbers of a channel alone.
        records: finds the short record of a channel, None if it has no such structure.
    """

    rotation: tuple[float, ...]
    cx: tuple[float, ...]
    local: Callable[[NDArray[np.complex128], Channel | None], tuple[float, ...]]
    dense: Callable[[NDArray[np.complex128], Channel | None], tuple[float, ...]]
    channel: Callable[[Channel], list[float]]
    records: Callable[[Channel], tuple[float, ...] | None]


def _pure_matrix(unitary: NDArray[np.complex128], channel: Channel | None) -> tuple[float, ...]:
    """Return real and imaginary parts, row-major, followed by the rotation of X, Y, Z that the unitary causes."""
    if channel is not None:
        _no_record(channel)
    numbers = np.stack([unitary.real, unitary.imag], axis=-1)
    return (*numbers.ravel().tolist(), *unitary_to_ptm(unitary)[1:, 1:].ravel().tolist())


def _no_dense(unitary: NDArray[np.complex128], channel: Channel | None) -> tuple[float, ...]:
    raise AssertionError(f"the pure-state picture has no two-qubit matrices, got {unitary} and {channel}")


def _no_record(channel: Channel) -> None:
    raise AssertionError(f"the pure-state picture has no noise, got {channel}")


def _no_channel(channel: Channel) -> list[float]:
    raise EngineError(
        "a state vector cannot hold channels; use PauliTransferSimulator or AerSimulator: got one on "
        f"{channel.n_qubits} qubit(s)"
    )


def _ptm(unitary: NDArray[np.complex128], channel: Channel | None) -> NDArray[np.float64]:
    ideal = unitary_to_ptm(unitary)
    return ideal if channel is None else np.asarray(channel.ptm @ ideal)


def _affine_rows(unitary: NDArray[np.complex128], channel: Channel | None) -> tuple[float, ...]:
    """Return the rows of X, Y and Z of a one-qubit Pauli-transfer matrix."""
    return tuple(_ptm(unitary, channel)[1:].ravel().tolist())


def _transfer_matrix(unitary: NDArray[np.complex128], channel: Channel | None) -> tuple[float, ...]:
    return tuple(_ptm(unitary, channel).ravel().tolist())


def _channel_numbers(channel: Channel) -> list[float]:
    rows = channel.ptm[1:] if channel.n_qubits == 1 else channel.ptm
    return [float(number) for number in rows.ravel()]


def _channel_record(channel: Channel) -> tuple[float, ...] | None:
    return _one_qubit_record(channel.ptm) if channel.n_qubits == 1 else _two_qubit_record(channel.ptm)


_STRUCTURE_TOLERANCE = 1e-14


def _one_qubit_record(ptm: NDArray[np.float64]) -> tuple[float, ...] | None:
    """Return (lx, ly, lz, tz) if X' = lx X, Y' = ly Y, Z' = lz Z + tz I, else None."""
    record = (ptm[1, 1], ptm[2, 2], ptm[3, 3], ptm[3, 0])
    return _if_equal(damping_ptm(*record), ptm, record)


def damping_ptm(lx: float, ly: float, lz: float, tz: float) -> NDArray[np.float64]:
    """Return the transfer matrix of X' = lx X, Y' = ly Y, Z' = lz Z + tz I."""
    matrix = np.diag([1.0, lx, ly, lz])
    matrix[3, 0] = tz
    return matrix


def _two_qubit_record(ptm: NDArray[np.float64]) -> tuple[float, ...] | None:
    """Return (d, ax, az, ta, bx, bz, tb): depolarizing factor d, then relaxation of the first and second qubit."""
    x_first, x_second, x_both = ptm[1, 1], ptm[4, 4], ptm[5, 5]
    if min(abs(x_first), abs(x_second), abs(x_both)) < 1e-6:
        return None
    d = x_first * x_second / x_both
    record = (d, x_first / d, ptm[3, 3] / d, ptm[3, 0], x_second / d, ptm[12, 12] / d, ptm[12, 0])
    _, ax, az, ta, bx, bz, tb = record
    relaxation = np.kron(damping_ptm(bx, bx, bz, tb), damping_ptm(ax, ax, az, ta))
    return _if_equal(relaxation @ np.diag([1.0] + [d] * 15), ptm, record)


def _if_equal(
    rebuilt: NDArray[np.float64], ptm: NDArray[np.float64], record: tuple[float, ...]
) -> tuple[float, ...] | None:
    if np.abs(rebuilt - ptm).max() > _STRUCTURE_TOLERANCE:
        return None
    return tuple(float(x) for x in record)


PAULI_TRANSFER = Picture(
    rotation=(1.0, 1.0, 1.0, 0.0),
    cx=(1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0),
    local=_affine_rows,
    dense=_transfer_matrix,
    channel=_channel_numbers,
    records=_channel_record,
)
AMPLITUDES = Picture(
    rotation=(0.0,), cx=(0.0,), local=_pure_matrix, dense=_no_dense, channel=_no_channel, records=_no_record
)
