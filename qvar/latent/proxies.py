"""Judge circuits without training them: how many paths they have, how many states they reach, how much they entangle.

None of these knows the task. They can thin out a pool before a search, or serve as cheap labels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.latent.canonical import as_structures
from qvar.latent.conversion import circuit_of
from qvar.latent.pool import CircuitPool
from qvar.latent.space import CircuitSpace, Structures
from qvar.runs.workers import workers
from qvar.simulators import Observable, StatevectorSimulator
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import LatentError

__all__ = ["entangling_capability", "expressibility", "path_counts"]

_BINS = 75
_BLOCK = 500


def path_counts(space: CircuitSpace, structures: ArrayLike) -> NDArray[np.float64]:
    """Return the number of ways from the inputs to the outputs of each circuit, float64 of shape (P,).

    A way goes along wires and may change wire in a two-qubit gate; without such gates there are `n_qubits`.

    Args:
        space: names the gates.
        structures: shape (P, n_gates, 3), whole numbers.

    Source: He, Deng, Zheng, Li and Situ, Training-free quantum architecture search, AAAI 2024.
    Differs from the source: two wires that lead from one gate to the next count as two edges, as in Qiskit's graphs.

    Example:
        >>> space = CircuitSpace(2, 2, 2, ("cx",))
        >>> path_counts(space, [[[0, 0, 1], [0, 1, 0]]]).tolist()
        [8.0]
    """
    given = as_structures(space, structures).astype(np.intp)
    rows = np.arange(len(given))
    ways = np.ones((len(given), space.n_qubits))
    for first, second in given[:, :, 1:].transpose(1, 2, 0):
        joins = second >= 0
        at, a, b = rows[joins], first[joins], second[joins]
        both = ways[at, a] + ways[at, b]
        ways[at, a] = ways[at, b] = both
    return np.asarray(ways.sum(axis=1))


def expressibility(pool: CircuitPool, *, seed: int, n_pairs: int = 500, n_jobs: int = 1) -> NDArray[np.float64]:
    """Return how far each circuit's states are from evenly distributed ones, in nats, float64 of shape (P,); 0 is best.

    The fidelities of pairs of states at random angles, in 75 bins, are compared with those of Haar-random states,
    whose density is (N - 1) (1 - F)^(N - 2) in N dimensions: D(circuit || Haar). A circuit without angles, whose states
    all agree, has the largest value, (N - 1) ln 75. From n pairs the mean is too large by up to 37 / n.

    Args:
        pool: the circuits; their start angles play no part.
        seed: of the angles; those of a circuit depend on seed and circuit only.
        n_pairs: pairs of states, at least 1.
        n_jobs: processes; the result does not depend on them.

    Source: Sim, Johnson and Aspuru-Guzik, arXiv 1905.10876, eqs. 8-9.
    """
    return _sampled(pool, "expressibility", seed, 2 * check_whole("n_pairs", n_pairs, error=LatentError), n_jobs)


def entangling_capability(pool: CircuitPool, *, seed: int, n_states: int = 200, n_jobs: int = 1) -> NDArray[np.float64]:
    """Return the mean Meyer-Wallach entanglement of each circuit's states at random angles, float64 of shape (P,).

    Q = 2 - (2/n) sum_k Tr rho_k^2 over the qubits k: 0 for product states, 1 where every qubit is maximally mixed.

    Args:
        pool: the circuits; their start angles play no part.
        seed: of the angles.
        n_states: states per circuit, at least 1.
        n_jobs: processes; the result does not depend on them.

    Source: Sim, Johnson and Aspuru-Guzik, arXiv 1905.10876, eq. 17; Meyer and Wallach, quant-ph/0108104.
    """
    return _sampled(pool, "entanglement", seed, check_whole("n_states", n_states, error=LatentError), n_jobs)


_Kind = Literal["expressibility", "entanglement"]


@dataclass(frozen=True)
class _Block:
    space: CircuitSpace
    structures: Structures
    keys: NDArray[np.uint64]
    kind: _Kind
    seed: int
    n_states: int
    first: int


def _sampled(pool: CircuitPool, kind: _Kind, seed: int, n_states: int, n_jobs: int) -> NDArray[np.float64]:
    check_whole("seed", seed, least=0, error=LatentError)
    check_whole("n_jobs", n_jobs, error=LatentError)
    out = np.empty(len(pool))
    blocks = [
        _Block(pool.space, pool.structures[k : k + _BLOCK], pool.keys[k : k + _BLOCK], kind, seed, n_states, k)
        for k in range(0, len(pool), _BLOCK)
    ]
    with workers(n_jobs) as work:
        for first, values in work(_judge_block, blocks):
            out[first : first + len(values)] = values
    return out


def _judge_block(block: _Block) -> tuple[int, NDArray[np.float64]]:
    judge = _divergence_from_haar if block.kind == "expressibility" else _meyer_wallach
    return block.first, np.array([judge(states) for states in _states(block)])


def _states(block: _Block) -> Iterator[NDArray[np.complex128]]:
    """Give the states of each circuit at random angles, complex128 of shape (n_states, 2**n)."""
    engine = StatevectorSimulator()
    nothing = Observable.from_terms({"I" * block.space.n_qubits: 1.0})
    no_angles = np.zeros((block.space.n_gates, 3))
    for structure, key in zip(block.structures, block.keys.tolist(), strict=True):
        circuit, theta = circuit_of(block.space, structure, no_angles)
        rng = np.random.default_rng([block.seed, key])
        thetas = rng.uniform(0.0, 2 * np.pi, size=(block.n_states, len(theta)))
        yield engine.objective(circuit, nothing).states(thetas)


def _divergence_from_haar(states: NDArray[np.complex128]) -> float:
    half = len(states) // 2
    overlaps = (states[:half].conj() * states[half:]).sum(axis=1)
    fidelities = np.clip(np.abs(overlaps) ** 2, 0.0, 1.0)
    counts, edges = np.histogram(fidelities, bins=_BINS, range=(0.0, 1.0))
    shares = counts / half
    exponent = states.shape[1] - 1
    # ln of (1 - a)^(N-1) - (1 - b)^(N-1) for the bin [a, b], without underflow in high dimensions
    rest = 1.0 - edges
    haar = exponent * np.log(rest[:-1]) + np.log1p(-((rest[1:] / rest[:-1]) ** exponent))
    seen = shares > 0
    return float((shares[seen] * (np.log(shares[seen]) - haar[seen])).sum())


def _meyer_wallach(states: NDArray[np.complex128]) -> float:
    n_qubits = states.shape[1].bit_length() - 1
    purities = np.zeros(len(states))
    for qubit in range(n_qubits):
        split = states.reshape(len(states), -1, 2, 2**qubit)
        zero, one = split[:, :, 0], split[:, :, 1]
        p, q = (np.abs(zero) ** 2).sum(axis=(1, 2)), (np.abs(one) ** 2).sum(axis=(1, 2))
        coherence = np.abs((zero.conj() * one).sum(axis=(1, 2)))
        purities += p**2 + q**2 + 2 * coherence**2
    return max(0.0, float(np.mean(2.0 - 2.0 * purities / n_qubits)))  # rounding goes below 0
