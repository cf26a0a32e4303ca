"""The commands that execute a circuit on hardware, or say what that would cost."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from qvar.cli.hardware.dialogue import Consent, JobDisplay, ask_about_jobs, price
from qvar.cli.hardware.targets import find_layout, find_target
from qvar.cli.inputs import parse_integers
from qvar.cli.interruption import interruptible
from qvar.cli.printing import print_json, print_line
from qvar.hardware import ExecutionOptions, HardwareRun, Limits, open_backend
from qvar.hardware.connection import is_real
from qvar.hardware.experiment import Experiment, Plan, execute, open_experiment, plan
from qvar.report.hardware import hardware_table, prediction_table

__all__ = ["HardwareOptions", "resume_command", "run_command"]


@dataclass(frozen=True)
class HardwareOptions:
    """The options of `qvar hardware run`, as given."""

    target: Path
    task: str | None
    on: str
    angles: str | None
    shots: int
    precision: float | None
    resilience: str
    twirling: bool | None
    decoupling: str | None
    layout: str
    optimization_level: int
    tries: int
    mode: str = "job"
    max_session_seconds: int | None = None
    max_qpu_seconds: float | None = None
    max_shots: int | None = None
    max_jobs: int | None = None
    seed: int = 0

    def experiment(self, backend: Any) -> tuple[Experiment, Path]:
        """Return the experiment these options ask for, and the folder below which its record goes."""
        target = find_target(self.target, task=self.task, angles=self.angles)
        options = ExecutionOptions(
            shots=self.shots,
            precision=self.precision,
            mode=self.mode,
            twirling=self.twirling,
            dynamical_decoupling=self.decoupling,
            optimization_level=self.optimization_level,
            seed_transpiler=self.seed,
            seed_simulator=self.seed,
            initial_layout=find_layout(self.layout, target, backend.name),
            max_session_seconds=self.max_session_seconds,
        )
        return Experiment(
            title=target.title,
            circuit=target.circuit,
            observable=target.observable,
            backend=self.on,
            levels=tuple(parse_integers(self.resilience, option="--resilience")),
            options=options,
            limits=Limits(self.max_qpu_seconds, self.max_shots, self.max_jobs),
            tries=self.tries,
            unit=target.unit,
            exact=target.exact,
        ), target.home


def run_command(
    options: HardwareOptions, *, out: Path | None, dry_run: bool, resubmit: bool, yes: bool, as_json: bool, quiet: bool
) -> None:
    """Plan an experiment, and execute it unless this is a dry run."""
    backend = open_backend(options.on)
    experiment, home = options.experiment(backend)
    folder = home / _folder_name(experiment, options.target) if out is None else out
    planned = _plan(experiment, backend, folder, quiet=quiet or as_json)
    if dry_run:
        _show_plan(experiment, planned, as_json=as_json)
        return
    _execute(experiment, planned, backend, folder, resubmit=resubmit, yes=yes, as_json=as_json, quiet=quiet)


def resume_command(
    folder: Path, limits: Mapping[str, float | None], *, resubmit: bool, yes: bool, as_json: bool, quiet: bool
) -> None:
    """Go on with the experiment of a folder, under its own limits or new ones."""
    experiment = open_experiment(folder)
    given = {name: value for name, value in limits.items() if value is not None}
    experiment = replace(experiment, limits=Limits.from_dict(experiment.limits.to_dict() | given))
    backend = open_backend(experiment.backend)
    planned = _plan(experiment, backend, folder, quiet=quiet or as_json)
    _execute(experiment, planned, backend, folder, resubmit=resubmit, yes=yes, as_json=as_json, quiet=quiet)


def _plan(experiment: Experiment, backend: Any, folder: Path, *, quiet: bool) -> Plan:
    console = Console(stderr=True)
    with ExitStack() as stack:
        if console.is_terminal and not quiet:
            stack.enter_context(console.status(f"transpiling for {backend.name}, {experiment.tries} times"))
        return plan(experiment, backend, folder)


def _folder_name(experiment: Experiment, target: Path) -> str:
    """Return a name that is the same for the same experiment only, so that a repeated command goes on with it."""
    content = {name: value for name, value in experiment.to_dict().items() if name != "limits"}
    key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
    backend = experiment.backend.replace(":", "-")
    return f"{backend}-{key}" if target.is_dir() else f"{target.stem}-{backend}-{key}"


def _show_plan(experiment: Experiment, planned: Plan, *, as_json: bool) -> None:
    compiled = planned.compiled
    if as_json:
        print_json(
            {
                "title": experiment.title,
                "backend": experiment.backend,
                "unit": experiment.unit,
                "qubits": list(compiled.qubits),
                "layout": list(compiled.layout),
                "fidelity": compiled.fidelity,
                "two_qubit_gates": compiled.circuit.n_two_qubit_gates,
                "depth": compiled.circuit.depth(),
                "prediction": planned.prediction.to_dict(),
                "estimate": planned.cost.to_dict(),
                "estimates": {str(level): cost.to_dict() for level, cost in planned.costs.items()},
            }
        )
        return
    console = Console()
    console.print(
        prediction_table(planned.prediction, title=f"{experiment.title}, {experiment.backend}", unit=experiment.unit)
    )
    print_line(
        f"on physical qubits {', '.join(map(str, compiled.layout))}: {compiled.circuit.n_two_qubit_gates} two-qubit "
        f"gates, depth {compiled.circuit.depth()}, estimated fidelity {compiled.fidelity:.3f}",
        console,
    )
    for level, cost in planned.costs.items():
        print_line(f"resilience {level}: {cost.circuits:,} circuits, {cost.how}", console)
    print_line(f"in all: {price(planned.cost)}; nothing was submitted", console)


def _execute(
    experiment: Experiment,
    planned: Plan,
    backend: Any,
    folder: Path,
    *,
    resubmit: bool,
    yes: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    errors = Console(stderr=True)
    display = JobDisplay(errors, visible=not (quiet or as_json))
    run = HardwareRun(
        backend,
        folder=folder,
        options=experiment.options,
        limits=experiment.limits,
        confirm=_consent(experiment, planned, backend, yes=yes, errors=errors),
        on_progress=display.show,
        on_interrupt=lambda ids: ask_about_jobs(ids, display, errors),
        resubmit=resubmit,
    )
    with interruptible(errors, lambda: f"go on with: qvar hardware resume {folder}"), run, display:
        record = execute(experiment, planned, run)
    if as_json:
        print_json({**record.to_dict(), "folder": str(folder)})
        return
    console = Console()
    console.print(hardware_table([record]))
    print_line(f"record in {folder}; jobs: qvar hardware jobs {folder}", console)


def _consent(experiment: Experiment, planned: Plan, backend: Any, *, yes: bool, errors: Console) -> Consent | None:
    if not is_real(backend):
        return None
    device = backend.name
    if experiment.options.mode == "session":
        device += f", in a session that is billed while it is open, up to {experiment.options.max_session_seconds} s"
    return Consent(planned.cost, device, yes=yes, errors=errors)
