"""The commands of `qvar hardware` and their options; the work is in the modules they call."""

from pathlib import Path
from typing import Annotated

import typer

from qvar.cli import completion
from qvar.cli.hardware.options import MaxJobs, MaxQpuSeconds, MaxShots, Resubmit, Yes
from qvar.cli.options import Angles, Json, Quiet, Seed

__all__ = ["hardware"]

hardware = typer.Typer(
    help="IBM Quantum hardware and its fake backends: what there is, what it would cost, and running it.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Target = Annotated[
    Path, typer.Argument(help="A run folder, or a circuit file (.qasm or .qpy).", autocompletion=completion.runs)
]
Task = Annotated[
    str | None,
    typer.Argument(
        help="For a file: a task, a problem file (.json), or Pauli strings: '0.5*ZZ - XI'.",
        autocompletion=completion.tasks,
    ),
]
On = Annotated[
    str,
    typer.Option(
        "--on",
        help="The backend: fake:NAME, or the name of a device of your account.",
        autocompletion=completion.backends,
    ),
]
Shots = Annotated[int, typer.Option(help="Shots per measured circuit.")]
Precision = Annotated[float | None, typer.Option(help="Wanted standard error for observables of norm 1, not shots.")]
Resilience = Annotated[
    str,
    typer.Option(
        help="Levels of mitigation to measure at, such as 0,1: 0 none, 1 read-out, 2 also zero-noise extrapolation."
    ),
]
Twirling = Annotated[bool | None, typer.Option("--twirling/--no-twirling", help="By default as the level says.")]
Decoupling = Annotated[str | None, typer.Option(help="Dynamical decoupling: XX, XpXm or XY4.")]
Layout = Annotated[
    str,
    typer.Option(
        help="best, searched for the qubits under whose noise a run searched (best on other devices), or 1,2,3."
    ),
]
Level = Annotated[int, typer.Option(min=0, max=3, help="Optimization level of the transpilation.")]
Tries = Annotated[int, typer.Option(min=1, help="Transpilations; the one of the best estimated fidelity is taken.")]
Mode = Annotated[str, typer.Option(help="job, batch, or session (not on the open plan).")]
MaxSession = Annotated[int | None, typer.Option(help="Seconds after which a session is closed; needed for one.")]
Folder = Annotated[Path, typer.Argument(help="The folder of an execution.", autocompletion=completion.executions)]


@hardware.command("list")
def list_(
    fake: Annotated[bool, typer.Option("--fake", help="The fake backends, which need no account.")] = False,
    min_qubits: Annotated[int, typer.Option(help="Leave out smaller ones.")] = 1,
    json: Json = False,
) -> None:
    """List the devices of your account, or the fake backends."""
    from qvar.cli.hardware.listing import list_command

    list_command(fake=fake, min_qubits=min_qubits, as_json=json)


@hardware.command()
def estimate(
    target: Target,
    on: On,
    task: Task = None,
    angles: Angles = None,
    shots: Shots = 4096,
    precision: Precision = None,
    resilience: Resilience = "0",
    twirling: Twirling = None,
    decoupling: Decoupling = None,
    layout: Layout = "searched",
    optimization_level: Level = 3,
    tries: Tries = 8,
    seed: Seed = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what an execution would cost and is expected to give; nothing is submitted."""
    from qvar.cli.hardware.run import HardwareOptions, run_command

    options = HardwareOptions(
        target=target,
        task=task,
        on=on,
        angles=angles,
        shots=shots,
        precision=precision,
        resilience=resilience,
        twirling=twirling,
        decoupling=decoupling,
        layout=layout,
        optimization_level=optimization_level,
        tries=tries,
        seed=seed,
    )
    run_command(options, out=None, dry_run=True, resubmit=False, yes=False, as_json=json, quiet=quiet)


@hardware.command()
def run(
    target: Target,
    on: On,
    task: Task = None,
    angles: Angles = None,
    shots: Shots = 4096,
    precision: Precision = None,
    resilience: Resilience = "0",
    twirling: Twirling = None,
    decoupling: Decoupling = None,
    layout: Layout = "searched",
    optimization_level: Level = 3,
    tries: Tries = 8,
    mode: Mode = "job",
    max_session_seconds: MaxSession = None,
    max_qpu_seconds: MaxQpuSeconds = None,
    max_shots: MaxShots = None,
    max_jobs: MaxJobs = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the record; by default below the run, or below hardware.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost, and submit nothing.")] = False,
    resubmit: Resubmit = False,
    yes: Yes = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Execute a circuit and put its value beside the predictions; the same command goes on where it was stopped."""
    from qvar.cli.hardware.run import HardwareOptions, run_command

    options = HardwareOptions(
        target=target,
        task=task,
        on=on,
        angles=angles,
        shots=shots,
        precision=precision,
        resilience=resilience,
        twirling=twirling,
        decoupling=decoupling,
        layout=layout,
        optimization_level=optimization_level,
        tries=tries,
        mode=mode,
        max_session_seconds=max_session_seconds,
        max_qpu_seconds=max_qpu_seconds,
        max_shots=max_shots,
        max_jobs=max_jobs,
        seed=seed,
    )
    run_command(options, out=out, dry_run=dry_run, resubmit=resubmit, yes=yes, as_json=json, quiet=quiet)


@hardware.command()
def jobs(folder: Folder, json: Json = False) -> None:
    """List the jobs of an execution: their ids, states, and seconds reserved and used."""
    from qvar.cli.hardware.listing import jobs_command

    jobs_command(folder, as_json=json)


@hardware.command()
def resume(
    folder: Folder,
    max_qpu_seconds: MaxQpuSeconds = None,
    max_shots: MaxShots = None,
    max_jobs: MaxJobs = None,
    resubmit: Resubmit = False,
    yes: Yes = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Go on with an execution: fetch the results of jobs that were submitted, and submit what is missing."""
    from qvar.cli.hardware.run import resume_command

    limits = {"max_qpu_seconds": max_qpu_seconds, "max_shots": max_shots, "max_jobs": max_jobs}
    resume_command(folder, limits, resubmit=resubmit, yes=yes, as_json=json, quiet=quiet)
