"""Commands that search for circuits; the work is in the modules they call."""

from pathlib import Path
from typing import Annotated

import typer

from qvar.cli import completion
from qvar.cli.options import (
    EngineName,
    Episodes,
    Jobs,
    Json,
    JudgeName,
    Log,
    MaxEnergies,
    MaxGates,
    Noise,
    OptimizerName,
    Qubits,
    Quiet,
    Seed,
    Seeds,
    Shots,
)

__all__ = ["searching"]

searching = typer.Typer()

_PANEL = "Search"


@searching.command(rich_help_panel=_PANEL)
def search(
    task: Annotated[
        str | None,
        typer.Argument(
            help="A task, or a problem file (.json); not needed with --resume.", autocompletion=completion.tasks
        ),
    ] = None,
    noise: Noise = "none",
    qubits: Qubits = None,
    ignore_coupling: Annotated[bool, typer.Option(help="Let CNOTs act on any pair the device has data for.")] = False,
    algorithm: Annotated[
        str | None,
        typer.Option(
            help="annealing, evolution, greedy, ddqn, ppo (sb3 extra) or random; by default that of the preset.",
            autocompletion=completion.named(completion.ALGORITHMS),
        ),
    ] = None,
    preset: Annotated[
        str,
        typer.Option(
            help="qvar, or crlqas for the published hyper-parameters (see `qvar presets`).",
            autocompletion=completion.named(completion.PRESETS),
        ),
    ] = "qvar",
    episodes: Episodes = None,
    max_gates: MaxGates = None,
    start: Annotated[
        str, typer.Option(help="Circuit to go on from: empty, hartree-fock, mps, or a circuit file (.qasm, .qpy).")
    ] = "empty",
    reward: Annotated[
        str | None, typer.Option(help="Agents: paper, or gate-cost to make every gate cost something, CNOTs most.")
    ] = None,
    halting: Annotated[
        str | None, typer.Option(help="Agents: shorten episodes, none, scaled, released-noiseless or released-noisy.")
    ] = None,
    optimize_every: Annotated[int, typer.Option(help="Agents: gates placed for one optimization of all angles.")] = 1,
    optimizer: OptimizerName = None,
    shots: Shots = None,
    sampling: Annotated[
        str | None, typer.Option(help="How shots are drawn: multinomial, or normal (same mean and variance, faster).")
    ] = None,
    max_energies: MaxEnergies = None,
    judge: JudgeName = None,
    cnot_price: Annotated[float | None, typer.Option(help="What a CNOT less is worth, in the unit of energy.")] = None,
    rotation_price: Annotated[float | None, typer.Option(help="What a rotation less is worth.")] = None,
    prune: Annotated[
        bool | None, typer.Option(help="Prune the best circuit at the end; by default as the preset says.")
    ] = None,
    engine: EngineName = None,
    environments: Annotated[int, typer.Option(help="Episodes that the agent plays in lockstep.")] = 1,
    replay_from: Annotated[
        Path | None,
        typer.Option(
            help="A finished ddqn run whose experience fills the replay memory at the start.",
            autocompletion=completion.runs,
        ),
    ] = None,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="Run folder; by default runs/TASK-NOISE-ALGORITHM-seedN.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the unfinished run in --out.")] = False,
    log: Log = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search for a circuit with a low energy, under the noise of a device."""
    from qvar.cli.search.search import SearchOptions, search_command

    options = SearchOptions(
        task=task,
        noise=noise,
        qubits=qubits,
        ignore_coupling=ignore_coupling,
        algorithm=algorithm,
        preset=preset,
        episodes=episodes,
        max_gates=max_gates,
        start=start,
        reward=reward,
        halting=halting,
        optimize_every=optimize_every,
        optimizer=optimizer,
        shots=shots,
        sampling=sampling,
        max_energies=max_energies,
        judge=judge,
        cnot_price=cnot_price,
        rotation_price=rotation_price,
        prune=prune,
        engine=engine,
        environments=environments,
        replay_from=replay_from,
        seed=seed,
    )
    search_command(options, out=out, resume=resume, log=log, as_json=json, quiet=quiet)


@searching.command(rich_help_panel=_PANEL)
def sweep(
    tasks: Annotated[
        str,
        typer.Argument(
            help="Tasks or problem files (.json), separated by commas.",
            autocompletion=completion.listed(completion.tasks),
        ),
    ],
    noise: Annotated[
        str,
        typer.Option(
            help="Devices as for search, separated by commas; none for no noise.",
            autocompletion=completion.listed(completion.noises),
        ),
    ] = "none",
    algorithm: Annotated[
        str | None,
        typer.Option(
            help="Algorithms as for search, separated by commas; by default that of the preset.",
            autocompletion=completion.listed(completion.named(completion.ALGORITHMS)),
        ),
    ] = None,
    preset: Annotated[
        str,
        typer.Option(
            help="Presets as for search, separated by commas.",
            autocompletion=completion.listed(completion.named(completion.PRESETS)),
        ),
    ] = "qvar",
    seeds: Seeds = "0-4",
    episodes: Episodes = None,
    max_energies: MaxEnergies = None,
    max_gates: MaxGates = None,
    shots: Shots = None,
    judge: JudgeName = None,
    out: Annotated[Path | None, typer.Option(help="Sweep folder; by default below sweeps.")] = None,
    jobs: Jobs = None,
    cluster: Annotated[
        str | None, typer.Option(help="Run on a Dask cluster: the address of its scheduler, such as tcp://host:8786.")
    ] = None,
    log: Log = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search with every combination of tasks, noise, presets, algorithms and seeds; the same command resumes."""
    from qvar.cli.search.sweep import SweepOptions, sweep_command

    options = SweepOptions(
        tasks=tasks,
        noise=noise,
        algorithm=algorithm,
        preset=preset,
        seeds=seeds,
        episodes=episodes,
        max_energies=max_energies,
        max_gates=max_gates,
        shots=shots,
        judge=judge,
    )
    sweep_command(options, out=out, jobs=jobs, cluster=cluster, log=log, as_json=json, quiet=quiet)
