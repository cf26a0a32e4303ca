"""Start circuits: what stands in a circuit already when an episode begins.

| start | circuit |
|---|---|
| `StartCircuit.empty(n_qubits)` | none: |0...0> |
| `StartCircuit.basis_state(problem)` | the computational basis state of lowest energy; for molecules Hartree-Fock |
| `StartCircuit.low_bond_dimension(problem)` | a chain of two-qubit blocks, a matrix-product state of bond dimension 2 |
| `StartCircuit.from_circuit(circuit, angles)` | any circuit, such as the best one of another run |

All gates are of the action table, and their angles are optimized along with those of the gates that an agent adds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from qvar.envs.actions import ROTATIONS, ActionTable
from qvar.envs.block_chain import optimized_chain
from qvar.simulators.checks import check_whole
from qvar.simulators.circuit import Circuit, Operation, Slot
from qvar.simulators.errors import ArchitectureError, CircuitError
from qvar.simulators.observable import Observable

if TYPE_CHECKING:
    from qvar.problems import Problem

__all__ = ["StartCircuit", "lowest_basis_state"]

_MAX_QUBITS = 24
_TIE = 1e-9


@dataclass(frozen=True)
class StartCircuit:
    """A circuit of CNOT, RX, RY and RZ gates with its angles, with which every episode begins.

    Args:
        circuit: its gates; rotations may have fixed angles, or slots that are scaled or shared: in the start circuit
            every rotation has a slot of its own, numbered in the order of the gates.
        parameters: angles of the slots of `circuit`, radians.
        evaluations: energies that finding it cost, counted as a cost of the run.
        gradients: gradients that finding it cost, counted likewise.

    Attributes:
        parameters: one angle for every rotation, in the order of the gates, radians.

    Raises:
        ArchitectureError: for other gates, or negative costs.
        CircuitError: for a wrong number of angles.

    Example:
        >>> bell = Circuit(2, (Operation("ry", (0,), (np.pi / 2,)), Operation("cx", (0, 1))))
        >>> start = StartCircuit(bell)
        >>> start.n_gates, start.circuit.n_parameters, [round(angle, 4) for angle in start.parameters]
        (2, 1, [1.5708])
    """

    circuit: Circuit
    parameters: tuple[float, ...] = ()
    evaluations: int = 0
    gradients: int = 0

    def __post_init__(self) -> None:
        operations: list[Operation] = []
        angles: list[Any] = []
        for operation in self.circuit.bind(self.parameters).operations:
            if operation.gate != "cx" and operation.gate not in ROTATIONS:
                raise ArchitectureError(
                    f"a start circuit is made of cx, rx, ry and rz, got {operation.gate!r}; translate it with "
                    "StartCircuit.from_circuit"
                )
            operations.append(operation.with_parameters([Slot(len(angles))] if operation.parameters else []))
            angles += operation.parameters
        object.__setattr__(self, "circuit", Circuit(self.circuit.n_qubits, tuple(operations)))
        object.__setattr__(self, "parameters", tuple(angles))
        for name in ("evaluations", "gradients"):
            object.__setattr__(self, name, check_whole(name, getattr(self, name), least=0, error=ArchitectureError))

    @property
    def n_gates(self) -> int:
        """Number of gates."""
        return len(self.circuit.operations)

    @classmethod
    def empty(cls, n_qubits: int) -> "StartCircuit":
        """Return the start from |0...0>, without any gate."""
        return cls(Circuit(n_qubits))

    @classmethod
    def basis_state(cls, problem: "Problem") -> "StartCircuit":
        """Return the computational basis state of lowest energy: a rotation RY(pi) on every qubit that is 1.

        It is found from the diagonal of the observable, without any energy evaluated on an engine. For the shipped
        molecules it is the Hartree-Fock state.

        Raises:
            ArchitectureError: above 24 qubits.

        Example:
            >>> from qvar.problems import molecule
            >>> start = StartCircuit.basis_state(molecule("h2-4"))
            >>> [(operation.gate, operation.qubits) for operation in start.circuit.operations]
            [('ry', (0,)), ('ry', (1,))]
        """
        bits, _ = lowest_basis_state(problem.observable)
        flips = (Operation("ry", (q,), (np.pi,)) for q, bit in enumerate(bits) if bit)
        return cls(Circuit(problem.n_qubits, tuple(flips)))

    @classmethod
    def low_bond_dimension(
        cls,
        problem: "Problem",
        *,
        coupling_map: Iterable[tuple[int, int]] | None = None,
        starts: int = 64,
        tolerance: float = 1e-4,
        rng: np.random.Generator,
    ) -> "StartCircuit":
        """Return a chain of two-qubit blocks that prepares a matrix-product state of bond dimension 2.

        See `qvar.envs.block_chain` for the blocks. Their angles are optimized without noise and from exact gradients:
        once from the basis state of lowest energy, the qubits in their own order; then in random orders, from angles
        displaced by random numbers of standard deviation 1 radian. Of the best outcome blocks, then single gates, are
        dropped as long as the energy stays within `tolerance`.

        Args:
            problem: whose energy is minimized.
            coupling_map: pairs (control, target) on which a CNOT may act, None for every pair. Where it has no chain
                through all qubits, the blocks follow a tree.
            starts: orders of qubits, with the angles to start from, that are tried, at least 1.
            tolerance: energy that all gates dropped may cost together, in the unit of the problem.
            rng: for orders and displacements.

        Raises:
            ArchitectureError: for numbers out of range, a coupling map that leaves qubits out, or above 24 qubits.

        Source:
            TensorRL-QAS, arXiv 2505.09371: a matrix-product state compiled into a start circuit.

        Differs from the source:
            - The angles of the circuit are optimized themselves; no DMRG and no compilation of its tensors.
            - Gates without use are dropped, so that the start leaves an agent something to add.
        """
        starts = check_whole("starts", starts, error=ArchitectureError)
        if not tolerance >= 0:
            raise ArchitectureError(f"the energy that dropped gates may cost is at least 0, got tolerance={tolerance}")
        table = ActionTable(problem.n_qubits, coupling_map)
        bits, _ = lowest_basis_state(problem.observable)
        return cls(*optimized_chain(problem, table, bits, starts=starts, tolerance=tolerance, rng=rng))

    @classmethod
    def from_circuit(cls, circuit: Circuit, parameters: ArrayLike | None = None) -> "StartCircuit":
        """Return any circuit as a start; gates other than CNOT, RX, RY and RZ are translated by Qiskit.

        Args:
            circuit: any circuit without channels.
            parameters: its free angles, shape (circuit.n_parameters,), radians; None for zeros.

        Raises:
            CircuitError: for a wrong number of angles.
            ArchitectureError: for a circuit that these gates cannot express.

        Example:
            >>> StartCircuit.from_circuit(Circuit(2, (Operation("h", (0,)), Operation("cx", (0, 1))))).n_gates
            3
        """
        bound = circuit.bind(np.zeros(circuit.n_parameters) if parameters is None else parameters)
        if not {operation.gate for operation in bound.operations} <= {"cx", *ROTATIONS}:
            bound = _translated(bound)
        return cls(bound)

    def to_dict(self) -> dict[str, Any]:
        """Return the start as JSON-able data."""
        angles = iter(self.parameters)
        gates = [[o.gate, list(o.qubits), *([next(angles)] if o.parameters else [])] for o in self.circuit.operations]
        return {
            "n_qubits": self.circuit.n_qubits,
            "gates": gates,
            "evaluations": self.evaluations,
            "gradients": self.gradients,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "StartCircuit":
        """Rebuild what `to_dict` gave."""
        gates = tuple(Operation(gate, tuple(qubits), tuple(angle)) for gate, qubits, *angle in data["gates"])
        circuit = Circuit(int(data["n_qubits"]), gates)
        return cls(circuit, evaluations=data["evaluations"], gradients=data["gradients"])


def lowest_basis_state(observable: Observable) -> tuple[tuple[int, ...], float]:
    """Return the bits of the computational basis state of lowest energy, qubit 0 first, and that energy.

    Among energies equal to 1e-9 the state that reads as the smallest number wins.

    Raises:
        ArchitectureError: above 24 qubits, where the 2**n energies take too much memory.

    Example:
        >>> lowest_basis_state(Observable.from_terms({"ZI": 1.0, "IZ": -0.5, "XX": 7.0}))
        ((0, 1), -1.5)
    """
    n = observable.n_qubits
    if n > _MAX_QUBITS:
        raise ArchitectureError(f"the lowest basis state is looked for among 2**n, up to {_MAX_QUBITS} qubits, got {n}")
    states = np.arange(2**n)
    energies = np.zeros(2**n)
    for digits, coefficient in zip(observable.digits, observable.vector, strict=True):
        if set(digits.tolist()) <= {0, 3}:
            mask = int((digits == 3) @ 2 ** np.arange(n))
            energies += coefficient * (1 - 2 * (np.bitwise_count(states & mask).astype(np.int64) % 2))
    lowest = int(np.flatnonzero(energies <= energies.min() + _TIE)[0])
    return tuple(lowest >> q & 1 for q in range(n)), float(energies[lowest])


def _translated(circuit: Circuit) -> Circuit:
    from qiskit import transpile
    from qiskit.exceptions import QiskitError

    try:
        # Higher levels drop swaps and permute the qubits instead.
        made = transpile(circuit.to_qiskit(), basis_gates=["cx", *ROTATIONS], optimization_level=1)
        return Circuit.from_qiskit(made)
    except (QiskitError, CircuitError) as error:
        raise ArchitectureError(f"this circuit cannot be made of cx, rx, ry and rz: {error}") from error
