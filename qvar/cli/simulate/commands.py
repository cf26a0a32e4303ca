"""Commands that simulate given circuits; the work is in the modules they call."""

from pathlib import Path
from typing import Annotated

import typer

from qvar.cli import completion
from qvar.cli.hardware.options import MaxJobs, MaxQpuSeconds, MaxShots, Resubmit, Yes
from qvar.cli.options import Angles, EngineName, Json, JudgeName, Noise, OptimizerName, Qubits, Quiet, Seed, Shots, Task

__all__ = ["simulation"]

simulation = typer.Typer()

_PANEL = "Simulate"


@simulation.command(rich_help_panel=_PANEL)
def vqe(
    task: Task,
    ansatz: Annotated[
        str, typer.Option(help="efficient_su2, real_amplitudes, or a circuit file (.qasm, .qpy).")
    ] = "efficient_su2",
    reps: Annotated[int, typer.Option(help="Repetitions in the ansatz.")] = 2,
    noise: Noise = "none",
    qubits: Qubits = None,
    optimizer: OptimizerName = None,
    shots: Shots = None,
    engine: Annotated[
        str | None, typer.Option(help="As for search, or runtime:BACKEND for hardware and fake:NAME backends.")
    ] = None,
    starts: Annotated[int | None, typer.Option(help="Random starts; 5 by default, on hardware 1.")] = None,
    evaluations: Annotated[int, typer.Option(min=2, help="Hardware: energies per start, each of them a job.")] = 100,
    max_qpu_seconds: MaxQpuSeconds = None,
    max_shots: MaxShots = None,
    max_jobs: MaxJobs = None,
    out: Annotated[
        Path | None, typer.Option(help="Hardware: folder of the record; the same command goes on in it.")
    ] = None,
    resubmit: Resubmit = False,
    yes: Yes = False,
    seed: Seed = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Optimize the angles of one fixed circuit, in simulation or, with --engine runtime:BACKEND, on hardware."""
    if engine is not None and engine.startswith("runtime:"):
        from qvar.cli.simulate.hardware_vqe import HardwareVqe, hardware_vqe_command

        options = HardwareVqe(
            task=task,
            ansatz=ansatz,
            reps=reps,
            noise=noise,
            qubits=qubits,
            optimizer=optimizer,
            shots=shots,
            backend=engine.removeprefix("runtime:"),
            starts=starts,
            evaluations=evaluations,
            max_qpu_seconds=max_qpu_seconds,
            max_shots=max_shots,
            max_jobs=max_jobs,
            seed=seed,
        )
        hardware_vqe_command(options, out=out, resubmit=resubmit, yes=yes, as_json=json, quiet=quiet)
        return
    from qvar.cli.simulate.vqe import vqe_command

    vqe_command(
        task,
        ansatz_name=ansatz,
        reps=reps,
        noise=noise,
        qubits=qubits,
        optimizer=optimizer,
        shots=shots,
        engine=engine,
        starts=5 if starts is None else starts,
        seed=seed,
        as_json=json,
        quiet=quiet,
    )


@simulation.command(rich_help_panel=_PANEL)
def prune(
    circuit: Annotated[Path, typer.Argument(help="A circuit file (OpenQASM or .qpy).")],
    task: Task,
    angles: Angles = None,
    noise: Noise = "none",
    qubits: Qubits = None,
    engine: EngineName = None,
    tolerance: Annotated[float, typer.Option(help="How far the energy may rise in all.")] = 1e-6,
    judge: JudgeName = None,
    out: Annotated[Path | None, typer.Option(help="Write the shorter circuit here (.qasm).")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Take gates out of a circuit as long as its energy stays, optimizing the remaining angles."""
    from qvar.cli.simulate.prune import PruneOptions, prune_command

    options = PruneOptions(
        circuit=circuit,
        task=task,
        angles=angles,
        noise=noise,
        qubits=qubits,
        engine=engine,
        tolerance=tolerance,
        judge=judge or "measured",
    )
    prune_command(options, out=out, as_json=json, quiet=quiet)


@simulation.command(rich_help_panel=_PANEL)
def energy(
    circuit: Annotated[Path, typer.Argument(help="A circuit file (OpenQASM or .qpy).")],
    observable: Annotated[
        str,
        typer.Argument(
            help="A task, a problem file (.json), or Pauli strings: '0.5*ZZ - XI'.", autocompletion=completion.tasks
        ),
    ],
    angles: Angles = None,
    noise: Noise = "none",
    qubits: Qubits = None,
    engine: EngineName = None,
    shots: Shots = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Simulate one circuit: its energy under noise, and without."""
    from qvar.cli.simulate.energy import EnergyOptions, energy_command

    options = EnergyOptions(
        circuit=circuit,
        observable=observable,
        angles=angles,
        noise=noise,
        qubits=qubits,
        engine=engine,
        shots=shots,
        seed=seed,
    )
    energy_command(options, as_json=json)


@simulation.command("compile", rich_help_panel=_PANEL)
def compile_kernels(json: Json = False, quiet: Quiet = False) -> None:
    """Compile all simulation kernels now instead of at their first use."""
    from qvar.cli.simulate.compile import compile_command

    compile_command(as_json=json, quiet=quiet)
