"""The command that prunes a circuit in a file."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from rich.console import Console

from qvar.cli.inputs import find_engine, find_problem, read_angles
from qvar.cli.outputs import check_new_file
from qvar.cli.printing import print_circuit, print_json, print_line
from qvar.cli.progress import waiting
from qvar.problems import Problem
from qvar.search import CircuitRecord, Judge, prune
from qvar.search.best import BestCircuit
from qvar.simulators import Circuit, StatevectorSimulator
from qvar.simulators.files import write_atomically

__all__ = ["PruneOptions", "prune_command"]


@dataclass(frozen=True)
class PruneOptions:
    """What `qvar prune` was asked."""

    circuit: Path
    task: str
    angles: str | None
    noise: str
    qubits: str | None
    engine: str | None
    tolerance: float
    judge: str


def prune_command(options: PruneOptions, *, out: Path | None, as_json: bool, quiet: bool) -> None:
    """Prune a circuit, print what is left, and write it."""
    if out is not None:
        check_new_file(out, ".qasm", what="a circuit file")
    circuit = Circuit.from_file(options.circuit)
    theta = read_angles(options.angles, circuit)
    problem = find_problem(options.task)
    engine = find_engine(options.engine, noise=options.noise, qubits=options.qubits, n_qubits=problem.n_qubits)
    judge = Judge(by=cast(Any, options.judge))  # which checks it
    with waiting(f"pruning {len(circuit.operations)} gates", visible=not (quiet or as_json)):
        pruned = prune(problem, engine, circuit, theta, tolerance=options.tolerance, judge=judge)
    before, after = _record(problem, pruned.before), _record(problem, pruned.after)
    if out is not None:
        write_atomically(out, after.qasm.encode())
    if as_json:
        rows: dict[str, Any] = {"before": asdict(before), "after": asdict(after), **asdict(pruned.cost)}
        print_json(rows)
        return
    console = Console()
    for name, row in (("before", before), ("after", after)):
        print_line(
            f"{name:>6}: energy {row.energy:.8f} {problem.unit}, noiseless error {row.error:.2e}, depth {row.depth}, "
            f"{row.n_cnots} CNOTs, {row.n_rotations} rotations",
            console,
        )
    print_line(f"  cost: {pruned.cost.energies:,} energies, {pruned.cost.steps} optimizations", console)
    print_circuit(pruned.circuit.bind(pruned.parameters), console)


def _record(problem: Problem, found: BestCircuit) -> CircuitRecord:
    noiseless = problem.objective(StatevectorSimulator(), found.circuit)(found.parameters)
    error = abs(noiseless - problem.exact_energy)
    return CircuitRecord.of(found.circuit, found.parameters, energy=found.energy, error=error)
