"""The commands of `qvar` and their options; the work is in the packages they call."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="qvar",
    help="Noisy simulation, variational algorithms and quantum architecture search on a laptop.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Task = Annotated[str, typer.Argument(help="A task (see `qvar tasks`) or the path of a problem file (.json).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines, and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress display.")]
Noise = Annotated[
    str,
    typer.Option("--noise", help="Device (see `qvar devices`), fake:NAME, a noise file (.json), or none."),
]
Qubits = Annotated[str | None, typer.Option(help="Physical qubits of the device, such as 1,2,3,4.")]
Shots = Annotated[int | None, typer.Option(help="Shots per measured circuit; exact values if left out.")]
Seed = Annotated[int, typer.Option(help="Seeds everything; the same seed gives the same record.")]
EngineName = Annotated[
    str | None,
    typer.Option("--engine", help="pauli-transfer, statevector, aer, aer:METHOD, propagation or pennylane:DEVICE."),
]
OptimizerName = Annotated[
    str | None,
    typer.Option("--optimizer", help="lbfgs, compact-lbfgs, cobyla, adam-spsa, spsa, rotosolve, adam or aqgd."),
]


@app.command()
def tasks(json: Json = False) -> None:
    """List the shipped tasks."""
    from qvar.cli.listing import list_tasks

    list_tasks(as_json=json)


@app.command()
def devices(
    json: Json = False,
    fake: Annotated[bool, typer.Option("--fake", help="List the fake IBM backends too (needs the ibm extra).")] = False,
) -> None:
    """List the devices whose noise is built in."""
    from qvar.cli.listing import list_devices

    list_devices(as_json=json, fake=fake)


@app.command()
def search(
    task: Annotated[
        str | None, typer.Argument(help="A task, or a problem file (.json); not needed with --resume.")
    ] = None,
    noise: Noise = "none",
    qubits: Qubits = None,
    ignore_coupling: Annotated[bool, typer.Option(help="Let CNOTs act on any pair the device has data for.")] = False,
    algorithm: Annotated[
        str | None,
        typer.Option(help="ddqn, ppo (sb3 extra), annealing, evolution or random; that of the preset if left out."),
    ] = None,
    preset: Annotated[str, typer.Option(help="laptop, or crlqas for the published hyper-parameters.")] = "laptop",
    episodes: Annotated[int | None, typer.Option(help="Circuits built from scratch.")] = None,
    max_gates: Annotated[int | None, typer.Option(help="Gates per circuit.")] = None,
    optimizer: OptimizerName = None,
    shots: Shots = None,
    sampling: Annotated[
        str | None, typer.Option(help="How shots are drawn: multinomial, or normal (same mean and variance, faster).")
    ] = None,
    max_energies: Annotated[
        int | None, typer.Option(help="End after this many energies; a gradient counts as three.")
    ] = None,
    judge: Annotated[
        str | None, typer.Option(help="Rank circuits by their energy as measured (default), or noiseless.")
    ] = None,
    cnot_price: Annotated[float | None, typer.Option(help="What a CNOT less is worth, in the unit of energy.")] = None,
    rotation_price: Annotated[float | None, typer.Option(help="What a rotation less is worth.")] = None,
    engine: EngineName = None,
    environments: Annotated[int, typer.Option(help="Episodes that the agent plays in lockstep.")] = 1,
    replay_from: Annotated[
        Path | None, typer.Option(help="A finished ddqn run whose experience fills the replay memory at the start.")
    ] = None,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="Run folder; by default runs/TASK-NOISE-ALGORITHM-seedN.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the unfinished run in --out.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search for a circuit with a low energy, under the noise of a device."""
    from qvar.cli.searching import SearchOptions, search_command

    options = SearchOptions(
        task=task,
        noise=noise,
        qubits=qubits,
        ignore_coupling=ignore_coupling,
        algorithm=algorithm,
        preset=preset,
        episodes=episodes,
        max_gates=max_gates,
        optimizer=optimizer,
        shots=shots,
        sampling=sampling,
        max_energies=max_energies,
        judge=judge,
        cnot_price=cnot_price,
        rotation_price=rotation_price,
        engine=engine,
        environments=environments,
        replay_from=replay_from,
        seed=seed,
    )
    search_command(options, out=out, resume=resume, as_json=json, quiet=quiet)


@app.command()
def vqe(
    task: Task,
    ansatz: Annotated[
        str, typer.Option(help="efficient_su2, real_amplitudes, or a circuit file (.qasm).")
    ] = "efficient_su2",
    reps: Annotated[int, typer.Option(help="Repetitions in the ansatz.")] = 2,
    noise: Noise = "none",
    qubits: Qubits = None,
    optimizer: OptimizerName = None,
    shots: Shots = None,
    engine: EngineName = None,
    starts: Annotated[int, typer.Option(help="Random starts.")] = 5,
    seed: Seed = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Optimize the angles of one fixed circuit."""
    from qvar.cli.searching import vqe_command

    vqe_command(
        task,
        ansatz_name=ansatz,
        reps=reps,
        noise=noise,
        qubits=qubits,
        optimizer=optimizer,
        shots=shots,
        engine=engine,
        starts=starts,
        seed=seed,
        as_json=json,
        quiet=quiet,
    )


@app.command()
def energy(
    circuit: Annotated[Path, typer.Argument(help="A circuit file (OpenQASM 3).")],
    observable: Annotated[str, typer.Argument(help="A task, a problem file (.json), or Pauli strings: '0.5*ZZ - XI'.")],
    angles: Annotated[str | None, typer.Option(help="The free angles, radians, such as 0.1,0.2.")] = None,
    noise: Noise = "none",
    qubits: Qubits = None,
    engine: EngineName = None,
    shots: Shots = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Simulate one circuit: its energy under noise, and without."""
    from qvar.cli.simulating import EnergyOptions, energy_command

    options = EnergyOptions(circuit, observable, angles, noise, qubits, engine, shots, seed)
    energy_command(options, as_json=json)


@app.command("compile")
def compile_kernels() -> None:
    """Compile all simulation kernels now instead of at their first use."""
    from qvar.cli.simulating import compile_command

    compile_command()


@app.command()
def show(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    json: Json = False,
) -> None:
    """Show what a run found."""
    from qvar.cli.listing import show_run

    show_run(run, as_json=json)


@app.command()
def molecule(
    geometry: Annotated[str, typer.Argument(help='Atoms and positions, such as "H 0 0 0; H 0 0 0.74".')],
    out: Annotated[Path, typer.Option(help="The problem file to write (.json).")],
    basis: Annotated[str, typer.Option(help="Basis set.")] = "sto-3g",
    unit: Annotated[str, typer.Option(help="angstrom or bohr.")] = "angstrom",
    charge: Annotated[int, typer.Option(help="Total charge.")] = 0,
    spin: Annotated[int, typer.Option(help="Unpaired electrons.")] = 0,
    active: Annotated[str | None, typer.Option(help="Active electrons and orbitals, such as 2,3.")] = None,
    mapping: Annotated[
        str, typer.Option(help="jordan_wigner, parity, parity_reduced, checksum or checksum_per_spin.")
    ] = "jordan_wigner",
) -> None:
    """Make a problem file of any molecule (needs the chemistry extra); search it with `qvar search FILE`."""
    from qvar.cli.listing import make_molecule

    make_molecule(geometry, out=out, basis=basis, unit=unit, charge=charge, spin=spin, active=active, mapping=mapping)


def _version(wanted: bool) -> None:
    if wanted:
        import qvar

        typer.echo(f"qvar {qvar.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Noisy simulation, variational algorithms and quantum architecture search on a laptop."""
