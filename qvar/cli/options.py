"""Options that several commands share."""

from typing import Annotated

import typer

from qvar.cli import completion

__all__ = [
    "Angles",
    "EngineName",
    "Episodes",
    "Jobs",
    "Json",
    "JudgeName",
    "Log",
    "Markdown",
    "MaxEnergies",
    "MaxGates",
    "Noise",
    "OptimizerName",
    "Qubits",
    "Quiet",
    "Seed",
    "Seeds",
    "Shots",
    "Task",
]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document; if it fails, one with the key error.")]
Log = Annotated[
    str | None,
    typer.Option("--log", help="Log the numbers to these, too: tensorboard, mlflow, wandb, separated by commas."),
]
Episodes = Annotated[int | None, typer.Option(help="Circuits built from scratch, in each run.")]
MaxEnergies = Annotated[
    int | None, typer.Option(help="End each run after this many energies; a gradient counts as three.")
]
MaxGates = Annotated[int | None, typer.Option(help="Gates per circuit.")]
Jobs = Annotated[int | None, typer.Option(min=1, help="Processes at a time; by default one per core.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print Markdown.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress display.")]
Seed = Annotated[int, typer.Option(help="Seeds everything; the same seed gives the same record.")]

Seeds = Annotated[str, typer.Option(help="Seeds and ranges of seeds, such as 0-4 or 1,3,7-9.")]
Task = Annotated[
    str,
    typer.Argument(
        help="A task (see `qvar tasks`) or the path of a problem file (.json).", autocompletion=completion.tasks
    ),
]
Angles = Annotated[str | None, typer.Option(help="The free angles of a circuit file, radians, such as 0.1,0.2.")]
Noise = Annotated[
    str,
    typer.Option(
        "--noise",
        help="Device (see `qvar devices`), fake:NAME, a noise file (.json), or none.",
        autocompletion=completion.noises,
    ),
]
Qubits = Annotated[str | None, typer.Option(help="Physical qubits of the device, such as 1,2,3,4.")]
Shots = Annotated[int | None, typer.Option(help="Shots per measured circuit; exact values if left out.")]
EngineName = Annotated[
    str | None,
    typer.Option("--engine", help="pauli-transfer, statevector, aer, aer:METHOD, propagation or pennylane:DEVICE."),
]
JudgeName = Annotated[
    str | None,
    typer.Option(
        "--judge",
        help="Rank circuits by their energy as measured (default), or noiseless.",
        autocompletion=completion.named(("measured", "noiseless")),
    ),
]
OptimizerName = Annotated[
    str | None,
    typer.Option(
        "--optimizer",
        help="lbfgs, compact-lbfgs, cobyla, adam-spsa, spsa, rotosolve, adam, adagrad or aqgd.",
        autocompletion=completion.named(completion.OPTIMIZERS),
    ),
]
