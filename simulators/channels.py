"""Quantum channels on one or two qubits, in Kraus, Pauli-transfer (PTM) and Choi form.

Conventions: the PTM of a channel E on m qubits is R[i, j] = Tr(P_i E(P_j)) / 2**m, with Pauli strings ordered
I, X, Y, Z and the first qubit as the least significant digit. Channels are checked once, when they are made.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.simulators.errors import ChannelError
from qvar.simulators.gates import PAULIS

__all__ = [
    "Channel",
    "amplitude_damping",
    "depolarizing",
    "identity_channel",
    "pauli_channel",
    "phase_damping",
    "thermal_relaxation",
    "unitary_to_ptm",
]

TOLERANCE = 1e-8
"""How far a channel may be from trace preserving and completely positive (absolute, on the PTM and Choi matrix)."""


@dataclass(frozen=True, eq=False)
class Channel:
    """A completely positive, trace-preserving (CPTP) map on one or two qubits.

    Args:
        ptm: its Pauli-transfer matrix, float64 of shape (4**m, 4**m) with m = 1 or 2.

    Raises:
        ChannelError: if the shape is wrong or the map is not CPTP to 1e-8.

    Example:
        >>> depolarizing(0.1).ptm.diagonal().round(2).tolist()
        [1.0, 0.9, 0.9, 0.9]
    """

    ptm: NDArray[np.float64]

    def __post_init__(self) -> None:
        if np.iscomplexobj(self.ptm) and np.abs(np.imag(self.ptm)).max() > TOLERANCE:
            raise ChannelError("a Pauli-transfer matrix is real, got complex numbers")
        ptm = np.array(np.real(self.ptm), dtype=np.float64) + 0.0  # no -0.0: equal channels have equal bytes
        if ptm.shape not in ((4, 4), (16, 16)):
            raise ChannelError(f"a Pauli-transfer matrix has shape (4, 4) or (16, 16), got {ptm.shape}")
        if not np.isfinite(ptm).all():
            raise ChannelError("the Pauli-transfer matrix holds numbers that are not finite")
        _check_cptp(ptm)
        ptm[0] = np.eye(1, len(ptm))  # trace preserved exactly, not just to the tolerance
        ptm.setflags(write=False)
        object.__setattr__(self, "ptm", ptm)

    @classmethod
    def from_kraus(cls, operators: Sequence[ArrayLike]) -> "Channel":
        """Build the channel rho -> sum_k K_k rho K_k^dagger.

        Args:
            operators: complex matrices of shape (2**m, 2**m), first qubit least significant.
        """
        try:
            kraus = np.array(operators, dtype=np.complex128)
        except ValueError as error:
            raise ChannelError(f"Kraus operators must be matrices of one size: {error}") from error
        if kraus.ndim != 3 or kraus.shape[1:] not in ((2, 2), (4, 4)):
            raise ChannelError(f"Kraus operators must be 2x2 or 4x4 matrices, got an array of shape {kraus.shape}")
        paulis = _pauli_strings(kraus.shape[1].bit_length() - 1)
        images = np.einsum("kab,jbc,kdc->jad", kraus, paulis, kraus.conj())
        return cls(np.einsum("iab,jba->ij", paulis, images).real / kraus.shape[1])

    @classmethod
    def from_choi(cls, choi: ArrayLike) -> "Channel":
        """Build the channel from its Choi matrix C = sum_ab |a><b| (x) E(|a><b|), Qiskit's convention.

        Args:
            choi: complex matrix of shape (4**m, 4**m).
        """
        matrix = np.array(choi, dtype=np.complex128)
        if matrix.shape not in ((4, 4), (16, 16)):
            raise ChannelError(f"a Choi matrix has shape (4, 4) or (16, 16), got {matrix.shape}")
        if not np.isfinite(matrix).all():
            raise ChannelError("the Choi matrix holds numbers that are not finite")
        if not np.allclose(matrix, matrix.conj().T, atol=TOLERANCE):
            raise ChannelError("the Choi matrix is not Hermitian, so the map is not completely positive")
        dimension = 2 if len(matrix) == 4 else 4
        paulis = _pauli_strings(dimension.bit_length() - 1)
        blocks = matrix.reshape(dimension, dimension, dimension, dimension)  # [a, c, b, d]: <c|E(|a><b|)|d>
        images = np.einsum("jab,acbd->jcd", paulis, blocks)
        return cls(np.einsum("iab,jba->ij", paulis, images).real / dimension)

    @property
    def n_qubits(self) -> int:
        """Number of qubits, 1 or 2."""
        return 1 if len(self.ptm) == 4 else 2

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Channel) and np.array_equal(self.ptm, other.ptm)

    def __hash__(self) -> int:
        return hash(self.ptm.tobytes())

    def key(self) -> str:
        """Return the identity of the channel, 32 hexadecimal digits."""
        return hashlib.sha256(self.ptm.tobytes()).hexdigest()[:32]

    def choi(self) -> NDArray[np.complex128]:
        """Return the Choi matrix, complex128 of shape (4**m, 4**m), Qiskit's convention."""
        return _ptm_to_choi(self.ptm)

    def kraus(self) -> NDArray[np.complex128]:
        """Return Kraus operators, complex128 of shape (k, 2**m, 2**m), largest first."""
        weights, vectors = np.linalg.eigh(self.choi())
        dimension = 2**self.n_qubits
        keep = [i for i in reversed(range(len(weights))) if weights[i] > 1e-16]
        return np.array([np.sqrt(weights[i]) * vectors[:, i].reshape(dimension, dimension).T for i in keep])

    def then(self, later: "Channel") -> "Channel":
        """Return this channel followed by `later` on the same qubits."""
        if later.n_qubits != self.n_qubits:
            raise ChannelError(f"cannot compose channels on {self.n_qubits} and {later.n_qubits} qubits")
        return Channel(later.ptm @ self.ptm)

    def tensor(self, second: "Channel") -> "Channel":
        """Return the two-qubit channel acting as this one on the first and as `second` on the second qubit."""
        if self.n_qubits != 1 or second.n_qubits != 1:
            raise ChannelError("only two one-qubit channels can be joined; larger channels are not supported")
        return Channel(np.kron(second.ptm, self.ptm).astype(np.float64))

    def reversed_qubits(self) -> "Channel":
        """Return the two-qubit channel with its qubits exchanged."""
        if self.n_qubits == 1:
            return self
        tensor = self.ptm.reshape(4, 4, 4, 4)
        return Channel(tensor.transpose(1, 0, 3, 2).reshape(16, 16))

    def is_identity(self) -> bool:
        """Tell whether the channel does exactly nothing."""
        return np.array_equal(self.ptm, np.eye(len(self.ptm)))


def identity_channel(n_qubits: int = 1) -> Channel:
    """Return the channel that does nothing."""
    return Channel(np.eye(4**n_qubits))


def depolarizing(p: float, *, n_qubits: int = 1) -> Channel:
    """Return rho -> (1 - p) rho + p I / 2**m, Qiskit Aer's convention.

    Args:
        p: probability that the state is replaced by the maximally mixed one, 0 to 1.
        n_qubits: 1 or 2.
    """
    _check_probability("p", p)
    return Channel(np.diag([1.0] + [1.0 - p] * (4**n_qubits - 1)))


def pauli_channel(px: float = 0.0, py: float = 0.0, pz: float = 0.0) -> Channel:
    """Return the one-qubit channel that applies X, Y, Z with probabilities px, py, pz."""
    total = px + py + pz
    rounded = 1.0 if 1.0 < total <= 1.0 + TOLERANCE else total  # numbers that sum to 1 may do so with rounding
    for name, p in (("px", px), ("py", py), ("pz", pz), ("px + py + pz", rounded)):
        _check_probability(name, p)
    return Channel(np.diag([1.0, 1 - 2 * (py + pz), 1 - 2 * (px + pz), 1 - 2 * (px + py)]))


def amplitude_damping(gamma: float) -> Channel:
    """Return decay from |1> to |0> with probability `gamma`, 0 to 1."""
    _check_probability("gamma", gamma)
    root = np.sqrt(1 - gamma)
    return _damping(root, 1 - gamma, gamma)


def phase_damping(gamma: float) -> Channel:
    """Return loss of coherence without decay; X and Y shrink by sqrt(1 - gamma), gamma from 0 to 1."""
    _check_probability("gamma", gamma)
    return _damping(np.sqrt(1 - gamma), 1.0, 0.0)


def thermal_relaxation(tau1: float, tau2: float, *, excited_population: float = 0.0) -> Channel:
    """Return relaxation during a time t towards a thermal state.

    Populations decay as exp(-tau1) towards the excited population, coherences as exp(-tau2).

    Args:
        tau1: t / T1, dimensionless, at least 0.
        tau2: t / T2, dimensionless; physics demands T2 <= 2 T1, that is tau2 >= tau1 / 2.
        excited_population: equilibrium population of |1>, 0 to 1.
    """
    _check_probability("excited_population", excited_population)
    if not (np.isfinite(tau1) and np.isfinite(tau2)) or tau1 < 0 or tau2 < tau1 / 2:
        raise ChannelError(
            f"relaxation needs tau1 >= 0 and tau2 >= tau1 / 2 (T2 <= 2 T1), got tau1={tau1}, tau2={tau2}"
        )
    decay = np.exp(-tau1)
    return _damping(np.exp(-tau2), decay, (1 - 2 * excited_population) * (1 - decay))


def unitary_to_ptm(matrix: ArrayLike) -> NDArray[np.float64]:
    """Return the Pauli-transfer matrix of a unitary on one or two qubits, float64 of shape (4**m, 4**m)."""
    return Channel.from_kraus([matrix]).ptm


def _damping(coherence: float, population: float, shift: float) -> Channel:
    ptm = np.diag([1.0, coherence, coherence, population])
    ptm[3, 0] = shift
    return Channel(ptm)


@lru_cache(maxsize=2)
def _pauli_strings(n_qubits: int) -> NDArray[np.complex128]:
    """Return the 4**m Pauli strings as matrices, digit of the first qubit running fastest."""
    if n_qubits == 1:
        return np.array(PAULIS)
    return np.array([np.kron(second, first) for second in PAULIS for first in PAULIS])


def _ptm_to_choi(ptm: NDArray[np.float64]) -> NDArray[np.complex128]:
    dimension = 2 if len(ptm) == 4 else 4
    paulis = _pauli_strings(dimension.bit_length() - 1)
    # E(|a><b|) = sum_ij R_ij P_i Tr(P_j |a><b|) / 2**m, and Tr(P_j |a><b|) = P_j[b, a]
    blocks = np.einsum("ij,icd,jba->acbd", ptm, paulis, paulis) / dimension
    return np.asarray(blocks.reshape(len(ptm), len(ptm)), dtype=np.complex128)


def _check_cptp(ptm: NDArray[np.float64]) -> None:
    leak = np.abs(ptm[0] - np.eye(1, len(ptm))[0]).max()
    if leak > TOLERANCE:
        raise ChannelError(
            f"the map does not preserve the trace: the first row of its Pauli-transfer matrix is off by {leak:.3g} "
            f"(at most {TOLERANCE:g} allowed); check that sum K^dagger K = 1"
        )
    lowest = float(np.linalg.eigvalsh(_ptm_to_choi(ptm))[0])
    if lowest < -TOLERANCE:
        raise ChannelError(
            f"the map is not completely positive: its Choi matrix has the eigenvalue {lowest:.3g} "
            f"(at least -{TOLERANCE:g} needed)"
        )


def _check_probability(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ChannelError(f"{name} is a probability and must lie in 0..1, got {value}")
