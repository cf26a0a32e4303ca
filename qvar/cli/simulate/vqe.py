"""The command `qvar vqe` in simulation: the angles of one fixed circuit."""

from qvar.cli.inputs import find_engine, find_optimizer, find_problem
from qvar.cli.progress import waiting
from qvar.cli.search.search import print_result
from qvar.search import ansatz, vqe

__all__ = ["vqe_command"]


def vqe_command(
    task: str,
    *,
    ansatz_name: str,
    reps: int,
    noise: str,
    qubits: str | None,
    optimizer: str | None,
    shots: int | None,
    engine: str | None,
    starts: int,
    seed: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Optimize a fixed circuit and print the outcome."""
    problem = find_problem(task)
    method = find_optimizer(optimizer)
    simulator = find_engine(engine, noise=noise, qubits=qubits, n_qubits=problem.n_qubits)
    coupling = None if simulator.noise is None else simulator.noise.coupling_map
    circuit = ansatz(ansatz_name, problem.n_qubits, reps=reps, coupling_map=coupling)
    with waiting(f"optimizing {circuit.n_parameters} angles from {starts} starts", visible=not (quiet or as_json)):
        result = vqe(problem, circuit, simulator, optimizer=method, shots=shots, starts=starts, seed=seed)
    title = f"{problem.title}, {noise if noise != 'none' else 'no noise'}, {ansatz_name}, {starts} starts, seed {seed}"
    print_result(result, title=title, unit=problem.unit, as_json=as_json)
