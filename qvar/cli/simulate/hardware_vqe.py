"""The command `qvar vqe --engine runtime:BACKEND`: angles optimized on hardware, every energy a job."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from qvar.cli.hardware.dialogue import Consent, JobDisplay, ask_about_jobs
from qvar.cli.inputs import find_optimizer, find_problem
from qvar.cli.interruption import interruptible
from qvar.cli.printing import print_circuit, print_json, print_line
from qvar.hardware import ExecutionOptions, HardwareRun, Limits, open_backend
from qvar.hardware.connection import is_real
from qvar.optimizers import AdamSPSA, Optimizer
from qvar.report import result_table
from qvar.search import ansatz, vqe
from qvar.simulators.errors import HardwareError

__all__ = ["HardwareVqe", "hardware_vqe_command"]

_SHOTS = 4096


@dataclass(frozen=True)
class HardwareVqe:
    """The options of `qvar vqe` on hardware, as given."""

    task: str
    ansatz: str
    reps: int
    noise: str
    qubits: str | None
    optimizer: str | None
    shots: int | None
    backend: str
    starts: int | None
    evaluations: int
    max_qpu_seconds: float | None
    max_shots: int | None
    max_jobs: int | None
    seed: int

    def method(self) -> Optimizer:
        """Return the optimizer with its budget of energies.

        Raises:
            HardwareError: for one without such a budget.
        """
        found: Any = find_optimizer(self.optimizer) or AdamSPSA()
        if not hasattr(found, "max_evaluations"):
            raise HardwareError(
                f"{self.optimizer} has no budget of energies; on hardware take adam-spsa, spsa or cobyla"
            )
        return replace(found, max_evaluations=self.evaluations)  # type: ignore[no-any-return]

    def folder(self) -> Path:
        """Return hardware/vqe-TASK-ANSATZ-BACKEND-seedN."""
        parts = ("vqe", Path(self.task).stem, Path(self.ansatz).stem, self.backend, f"seed{self.seed}")
        return Path("hardware") / re.sub(r"[^\w.-]+", "-", "-".join(parts))


def hardware_vqe_command(
    options: HardwareVqe, *, out: Path | None, resubmit: bool, yes: bool, as_json: bool, quiet: bool
) -> None:
    """Optimize a fixed circuit on hardware and print the outcome; the same command goes on with its folder."""
    if options.noise != "none" or options.qubits is not None:
        raise HardwareError(
            "a device has its own noise and the transpiler chooses its qubits; leave out --noise, --qubits"
        )
    problem, method = find_problem(options.task), options.method()
    backend = open_backend(options.backend)
    circuit = ansatz(options.ansatz, problem.n_qubits, reps=options.reps)
    folder = options.folder() if out is None else out
    errors = Console(stderr=True)
    display = JobDisplay(errors, visible=not (quiet or as_json))
    shots, starts = options.shots or _SHOTS, options.starts or 1
    run = HardwareRun(
        backend,
        folder=folder,
        options=ExecutionOptions(
            shots=shots, seed_transpiler=options.seed, seed_simulator=options.seed, optimization_level=3
        ),
        limits=Limits(options.max_qpu_seconds, options.max_shots, options.max_jobs),
        on_progress=display.show,
        on_interrupt=lambda ids: ask_about_jobs(ids, display, errors),
        resubmit=resubmit,
    )
    engine = run.engine()
    if is_real(backend):
        jobs = starts * (options.evaluations + 1) + 1
        whole = problem.objective(engine, circuit).cost().times(jobs)  # type: ignore[attr-defined]
        run.confirm = Consent(whole, backend.name, yes=yes, errors=errors)
    with interruptible(errors, lambda: f"the same command with --out {folder} goes on"), run, display:
        result = vqe(problem, circuit, engine, optimizer=method, shots=shots, starts=starts, seed=options.seed)
    spent = run.ledger.spent()
    if as_json:
        print_json({**result.to_dict(), "run": None, "folder": str(folder), "spent": vars(spent)})
        return
    console = Console()
    title = f"{problem.title}, {options.backend}, {options.ansatz}, seed {options.seed}"
    console.print(result_table(result.to_dict(), title=title, unit=problem.unit))
    print_circuit(result.circuit.bind(result.parameters), console)
    print_line(
        f"{spent.jobs} jobs, {spent.shots:,} shots, {spent.qpu_seconds:.1f} s{'' if run.is_real else ' (simulated)'}; "
        f"record in {folder}",
        console,
    )
