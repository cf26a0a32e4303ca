"""The commands of `qvar` and their options; the work is in the packages they call."""

from pathlib import Path
from typing import Annotated

import typer
from typer.models import CommandInfo

from qvar.cli import completion
from qvar.cli.device import device
from qvar.cli.hardware import hardware
from qvar.cli.hardware_options import MaxJobs, MaxQpuSeconds, MaxShots, Yes
from qvar.cli.latent import latent
from qvar.cli.options import Json, Log, Quiet, Seed

app = typer.Typer(
    name="qvar",
    help="Noisy simulation, variational algorithms and quantum architecture search on a laptop.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(latent, name="latent", rich_help_panel="Latent search")
app.add_typer(hardware, name="hardware", rich_help_panel="Hardware")
app.add_typer(device, name="device", rich_help_panel="Hardware")

Task = Annotated[
    str,
    typer.Argument(
        help="A task (see `qvar tasks`) or the path of a problem file (.json).", autocompletion=completion.tasks
    ),
]
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


@app.command(rich_help_panel="Look up")
def tasks(json: Json = False) -> None:
    """List the molecules that are shipped, and the families of other problems."""
    from qvar.cli.listing import list_tasks

    list_tasks(as_json=json)


@app.command(rich_help_panel="Look up")
def devices(
    json: Json = False,
    fake: Annotated[bool, typer.Option("--fake", help="List the fake IBM backends too (needs the ibm extra).")] = False,
) -> None:
    """List the devices whose noise is built in."""
    from qvar.cli.listing import list_devices

    list_devices(as_json=json, fake=fake)


@app.command(rich_help_panel="Look up")
def presets(json: Json = False) -> None:
    """List the presets of `qvar search`: one row for every published experiment."""
    from qvar.cli.listing import list_presets

    list_presets(as_json=json)


@app.command(rich_help_panel="Search")
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
    episodes: Annotated[int | None, typer.Option(help="Circuits built from scratch.")] = None,
    max_gates: Annotated[int | None, typer.Option(help="Gates per circuit.")] = None,
    start: Annotated[
        str, typer.Option(help="Circuit to go on from: empty, hartree-fock, mps, or a circuit file (.qasm).")
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
    max_energies: Annotated[
        int | None, typer.Option(help="End after this many energies; a gradient counts as three.")
    ] = None,
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


@app.command(rich_help_panel="Search")
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
    seeds: Annotated[str, typer.Option(help="Seeds and ranges of seeds, such as 0-4 or 1,3,7-9.")] = "0-4",
    episodes: Annotated[int | None, typer.Option(help="Circuits built from scratch, per run.")] = None,
    max_energies: Annotated[
        int | None, typer.Option(help="Energies after which a run ends; a gradient by reverse sweep counts as three.")
    ] = None,
    max_gates: Annotated[int | None, typer.Option(help="Gates per circuit.")] = None,
    shots: Shots = None,
    judge: JudgeName = None,
    out: Annotated[Path | None, typer.Option(help="Sweep folder; by default below sweeps.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Runs at a time; by default one per core.")] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Run on a Dask cluster: the address of its scheduler, such as tcp://host:8786.")
    ] = None,
    log: Log = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search with every combination of tasks, noise, presets, algorithms and seeds; the same command resumes."""
    from qvar.cli.sweeping import SweepOptions, sweep_command

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


@app.command(rich_help_panel="Look at results")
def report(
    records: Annotated[
        list[Path],
        typer.Argument(
            help="Run folders and sweep folders; or a comparison of classifiers, or a latent space.",
            autocompletion=completion.records,
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="Write a self-contained page (.html) or Markdown (.md).")] = None,
    figures: Annotated[Path | None, typer.Option(help="Write every figure into this folder.")] = None,
    formats: Annotated[
        str, typer.Option("--format", help="What --figures writes: pdf, svg and png, separated by commas.")
    ] = "pdf",
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare runs and sweeps with each other and with published numbers; show any other record."""
    from qvar.cli.reporting import report_command

    report_command(records, out=out, figures=figures, formats=formats, as_markdown=markdown, as_json=json, quiet=quiet)


@app.command(rich_help_panel="Look at results")
def dashboard(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, sweep folders, or folders that hold such.")],
    port: Annotated[int | None, typer.Option(help="Port on 127.0.0.1; by default any that is free.")] = None,
    refresh: Annotated[float, typer.Option(help="Seconds between looks at the records.")] = 2.0,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Follow running searches on a page of this machine (needs the dashboard extra); Ctrl-C ends it."""
    from qvar.cli.dashboard import dashboard_command

    dashboard_command(runs, port=port, refresh_seconds=refresh, open_browser=open_, as_json=json, quiet=quiet)


@app.command("log", rich_help_panel="Look at results")
def log_runs(
    runs: Annotated[
        list[Path], typer.Argument(help="Run folders and sweep folders.", autocompletion=completion.records)
    ],
    to: Annotated[str, typer.Option(help="Any of tensorboard, mlflow, wandb, separated by commas.")],
    json: Json = False,
) -> None:
    """Give the records of runs, finished or not, to TensorBoard, MLflow or W&B; what they have is left out."""
    from qvar.cli.tracking import log_command

    log_command(runs, to=to, as_json=json)


@app.command(rich_help_panel="Classify")
def compare(
    dataset: Annotated[
        str | None,
        typer.Argument(help="A data set (see --list); not needed with --resume.", autocompletion=completion.datasets),
    ] = None,
    path: Annotated[str | None, typer.Option(help="The file or folder of a data set that is not shipped.")] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch a data set that is not shipped, once, and keep it.")
    ] = False,
    embeddings: Annotated[
        str | None, typer.Option(help="Sentence embeddings of the texts, in order (.npy); by default computed.")
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            help="Features, separated by commas (see --list); by default those that suit the data.",
            autocompletion=completion.listed(completion.named(completion.FEATURES)),
        ),
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(
            help="Models or groups of them, separated by commas (see --list).",
            autocompletion=completion.listed(completion.classifiers),
        ),
    ] = None,
    components: Annotated[int, typer.Option(help="Numbers per row of features that reduce.")] = 5,
    splits: Annotated[int, typer.Option(help="Random splits into training and test rows.")] = 10,
    test_size: Annotated[float, typer.Option(help="Share of the rows to test on.")] = 0.2,
    train_sizes: Annotated[
        str | None, typer.Option(help="Train on fewer rows too, such as 50,100,200, for learning curves.")
    ] = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Tune every model, by cross-validation within training.")
    ] = False,
    seed: Seed = 0,
    jobs: Annotated[int | None, typer.Option(min=1, help="Trainings at a time; by default one per core.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the record; by default comparisons/DATASET-FEATURES-seedN.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the comparison in --out.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write the report to this page, too (.html).")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List data sets, features and models.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare quantum and classical classifiers on the same splits of a data set."""
    from qvar.cli.comparing import CompareOptions, compare_command, list_command

    if list_:
        list_command(as_json=json)
        return
    options = CompareOptions(
        dataset=dataset,
        path=path,
        embeddings=embeddings,
        features=features,
        models=models,
        components=components,
        splits=splits,
        test_size=test_size,
        train_sizes=train_sizes,
        tune=tune,
        seed=seed,
    )
    compare_command(options, out=out, html=html, resume=resume, download=download, jobs=jobs, as_json=json, quiet=quiet)


@app.command(rich_help_panel="Simulate")
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
    yes: Yes = False,
    seed: Seed = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Optimize the angles of one fixed circuit, in simulation or, with --engine runtime:BACKEND, on hardware."""
    if engine is not None and engine.startswith("runtime:"):
        from qvar.cli.hardware_vqe import HardwareVqe, hardware_vqe_command

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
        hardware_vqe_command(options, out=out, yes=yes, as_json=json, quiet=quiet)
        return
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
        starts=5 if starts is None else starts,
        seed=seed,
        as_json=json,
        quiet=quiet,
    )


@app.command(rich_help_panel="Simulate")
def prune(
    circuit: Annotated[Path, typer.Argument(help="A circuit file (OpenQASM 3).")],
    task: Task,
    angles: Annotated[str | None, typer.Option(help="The free angles, radians, such as 0.1,0.2.")] = None,
    noise: Noise = "none",
    qubits: Qubits = None,
    engine: EngineName = None,
    tolerance: Annotated[float, typer.Option(help="How far the energy may rise in all.")] = 1e-6,
    judge: Annotated[
        str, typer.Option(help="Compare energies as measured under the noise, or noiseless.")
    ] = "measured",
    out: Annotated[Path | None, typer.Option(help="Write the shorter circuit here (.qasm).")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Take gates out of a circuit as long as its energy stays, optimizing the remaining angles."""
    from qvar.cli.pruning import PruneOptions, prune_command

    options = PruneOptions(circuit, task, angles, noise, qubits, engine, tolerance, judge)
    prune_command(options, out=out, as_json=json, quiet=quiet)


@app.command(rich_help_panel="Simulate")
def energy(
    circuit: Annotated[Path, typer.Argument(help="A circuit file (OpenQASM 3).")],
    observable: Annotated[
        str,
        typer.Argument(
            help="A task, a problem file (.json), or Pauli strings: '0.5*ZZ - XI'.", autocompletion=completion.tasks
        ),
    ],
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


@app.command("compile", rich_help_panel="Simulate")
def compile_kernels(json: Json = False) -> None:
    """Compile all simulation kernels now instead of at their first use."""
    from qvar.cli.simulating import compile_command

    compile_command(as_json=json)


@app.command(rich_help_panel="Look at results")
def show(
    record: Annotated[
        Path,
        typer.Argument(
            help="The folder of a run, a sweep, a comparison of classifiers, or a latent space.",
            autocompletion=completion.records,
        ),
    ],
    json: Json = False,
) -> None:
    """Show what a run found, or what any other record holds."""
    from qvar.cli.listing import show_run

    show_run(record, as_json=json)


@app.command(rich_help_panel="Make problems")
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
    json: Json = False,
) -> None:
    """Make a problem file of any molecule (needs the chemistry extra); search it with `qvar search FILE`."""
    from qvar.cli.listing import make_molecule

    make_molecule(
        geometry,
        out=out,
        basis=basis,
        unit=unit,
        charge=charge,
        spin=spin,
        active=active,
        mapping=mapping,
        as_json=json,
    )


@app.command(rich_help_panel="Make problems")
def maxcut(
    graph: Annotated[
        str, typer.Argument(help='Edges, weighted or not, such as "0-1, 1-2:0.5", or a graph such as ring-6.')
    ],
    out: Annotated[Path, typer.Option(help="The problem file to write (.json).")],
    json: Json = False,
) -> None:
    """Make a problem file of the largest cut of a graph; search it with `qvar search FILE`."""
    from qvar.cli.listing import make_max_cut

    make_max_cut(graph, out=out, as_json=json)


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


_PANELS = ("Search", "Simulate", "Classify", "Hardware", "Look at results", "Look up", "Make problems")
"""The order of commands in `qvar --help`; groups of commands follow."""


def _place(command: CommandInfo) -> int:
    panel = command.rich_help_panel
    return _PANELS.index(panel) if panel in _PANELS else len(_PANELS)


app.registered_commands.sort(key=_place)
