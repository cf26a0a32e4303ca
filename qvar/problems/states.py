"""State preparation: find a circuit that brings |0...0> as close as possible to a target state."""

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.problems.fidelity import check_qubits, infidelity
from qvar.problems.keys import WHOLE, content_key
from qvar.problems.problem import Problem
from qvar.simulators.errors import ProblemError

if TYPE_CHECKING:
    from qiskit.quantum_info import Statevector

__all__ = ["named_state", "state_preparation"]

_TOLERANCE = 1e-8
_NAMED = re.compile(rf"(?P<kind>ghz|w)-(?P<n>{WHOLE})|random-state-(?P<size>{WHOLE})-seed(?P<seed>{WHOLE})")
_TITLES = {"ghz": "GHZ state", "w": "W state", None: "random state"}


def state_preparation(target: "ArrayLike | Statevector | str") -> Problem:
    """Make the problem of preparing a state; the energy is the infidelity 1 - <psi|rho|psi>, at best 0.

    Args:
        target: amplitudes, shape (2**n,), qubit 0 least significant; a Qiskit Statevector; or a name for `named_state`.

    Returns:
        The problem, unit "infidelity".

    Raises:
        ProblemError: for an unknown name, a wrong shape, amplitudes that are not normalized to 1e-8, or a state whose
            fidelity takes more than 4**8 Pauli strings, as general ones do beyond 8 qubits.

    Example:
        >>> problem = state_preparation([0.6, 0.8j])
        >>> problem.n_qubits, problem.exact_energy, round(problem.start_energy, 6)
        (1, 0.0, 0.64)
    """
    if isinstance(target, str):
        state = named_state(target)
        match = _NAMED.fullmatch(target)
        assert match is not None
        key, title = target, f"prepare the {_TITLES[match['kind']]} {target}"
    else:
        state = _check_state(target)
        n_qubits = len(state).bit_length() - 1
        key, title = content_key(f"state-{n_qubits}", state.tobytes()), f"prepare a state on {n_qubits} qubits"
    return Problem(
        key=key,
        title=title,
        observable=infidelity(state),
        exact_energy=0.0,
        source="The observable is 1 - |psi><psi|, its value one minus the fidelity with the target state psi.",
        unit="infidelity",
        metadata={"model": "state_preparation", "amplitudes": [[a.real, a.imag] for a in state.tolist()]},
    )


def named_state(name: str) -> NDArray[np.complex128]:
    """Return the amplitudes of a state, complex128 of shape (2**n,).

    Args:
        name: "ghz-N" for (|0...0> + |1...1>)/sqrt(2), "w-N" for the even superposition of the states with a single 1,
            "random-state-N-seedS" for one drawn evenly from all states (Haar measure).

    Raises:
        ProblemError: for another name, or a number of qubits below 1 (2 for GHZ and W) or above 10.

    Example:
        >>> named_state("w-2").round(3).tolist()
        [0j, (0.707+0j), (0.707+0j), 0j]
    """
    match = _NAMED.fullmatch(name)
    if match is None:
        raise ProblemError(
            f"unknown state {name!r}; known are ghz-N, w-N and random-state-N-seedS, such as random-state-3-seed1"
        )
    kind, n_qubits = match["kind"], int(match["n"] or match["size"])
    if n_qubits < (2 if kind else 1):
        raise ProblemError(f"the state {name!r} has too few qubits; at least {2 if kind else 1} needed")
    check_qubits(n_qubits)
    state = np.zeros(2**n_qubits, dtype=np.complex128)
    if kind == "ghz":
        state[[0, -1]] = 1.0
    elif kind == "w":
        state[2 ** np.arange(n_qubits)] = 1.0
    else:
        rng = np.random.default_rng(int(match["seed"]))
        state = rng.standard_normal(2**n_qubits) + 1j * rng.standard_normal(2**n_qubits)
    normalized: NDArray[np.complex128] = state / np.linalg.norm(state)
    return normalized


def _check_state(target: Any) -> NDArray[np.complex128]:
    try:
        state = np.array(target, dtype=np.complex128)
    except (TypeError, ValueError) as error:
        raise ProblemError(
            f"a target state is a vector of amplitudes, a Qiskit Statevector or a name, got {type(target).__name__}: "
            f"{error}"
        ) from None
    if state.ndim != 1 or len(state) < 2 or len(state) & (len(state) - 1):
        raise ProblemError(f"a state on n qubits has the shape (2**n,), got {state.shape}")
    check_qubits(len(state).bit_length() - 1)
    norm = float(np.linalg.norm(state))
    if not abs(norm - 1.0) <= _TOLERANCE:
        raise ProblemError(f"the target state must be normalized, its norm is {norm}; divide by it")
    normalized: NDArray[np.complex128] = state / norm
    return normalized
