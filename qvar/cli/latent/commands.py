"""The commands of `qvar latent` and their options; the work is in the modules they call."""

from pathlib import Path
from typing import Annotated

import typer

from qvar.cli import completion
from qvar.cli.options import Jobs, Json, Log, Markdown, Noise, Quiet, Seed, Seeds

__all__ = ["latent"]

latent = typer.Typer(
    help="Latent architecture search: learn a representation of circuits without labels, and search in it.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Folder = Annotated[
    Path, typer.Argument(help="A folder that `qvar latent pretrain` made.", autocompletion=completion.latent_folders)
]


@latent.command()
def pretrain(
    qubits: Annotated[int | None, typer.Option(help="Qubits; by default 4, or those of the task.")] = None,
    circuits: Annotated[int, typer.Option(help="Circuits of the pool.")] = 100_000,
    space: Annotated[
        str,
        typer.Option(
            help="published (4, 8 or 12 qubits), wide (rotations, X and CNOTs), or a task whose space to take."
        ),
    ] = "published",
    gates: Annotated[int | None, typer.Option(help="Gates of a circuit; by default those of the space.")] = None,
    depth: Annotated[int | None, typer.Option(help="Largest depth; by default that of the space.")] = None,
    gate_pool: Annotated[str | None, typer.Option(help="Gates to draw from, such as rx,ry,rz,cx.")] = None,
    coupling: Annotated[str | None, typer.Option(help="Pairs that two-qubit gates may join, such as 0-1,1-2.")] = None,
    draw: Annotated[str, typer.Option(help="How circuits are drawn: gates or layers.")] = "gates",
    model: Annotated[
        str,
        typer.Option(help="ours, v3 or v1 (versions of arXiv 2401.11576); v3 with --pooling late: the best map."),
    ] = "ours",
    encoding: Annotated[
        str | None, typer.Option(help="new, old_fixed or old_reference; by default that of the model.")
    ] = None,
    prior: Annotated[str, typer.Option(help="standard, or ard for one that finds the axes it needs.")] = "standard",
    beta: Annotated[
        str | None, typer.Option(help="Weight of the divergence, or reference; by default that of the model.")
    ] = None,
    latent_size: Annotated[int | None, typer.Option(help="Numbers per node; by default those of the model.")] = None,
    pooling: Annotated[
        str | None, typer.Option(help="Nodes to feature: mean, or late; by default that of the model.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes through the pool.")] = None,
    batch: Annotated[int | None, typer.Option(help="Circuits per gradient step.")] = None,
    seed: Seed = 0,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the training.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Folder; by default below latent.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training in --out.")] = False,
    log: Log = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Draw a pool of circuits, and train a model that represents them; no task is needed."""
    from qvar.cli.latent.pretrain import PretrainOptions, pretrain_command

    options = PretrainOptions(
        qubits=qubits,
        circuits=circuits,
        space=space,
        gates=gates,
        depth=depth,
        gate_pool=gate_pool,
        coupling=coupling,
        draw=draw,
        model=model,
        encoding=encoding,
        prior=prior,
        beta=beta,
        latent_size=latent_size,
        pooling=pooling,
        epochs=epochs,
        batch=batch,
        seed=seed,
    )
    pretrain_command(options, out=out, resume=resume, threads=threads, log=log, as_json=json, quiet=quiet)


@latent.command()
def embed(
    folder: Folder,
    qasm: Annotated[
        list[Path] | None,
        typer.Option(help="A circuit file to embed and find neighbours of; may be repeated."),
    ] = None,
    neighbours: Annotated[int, typer.Option(min=1, help="Neighbours to name.")] = 5,
    out: Annotated[
        Path | None, typer.Option(help="Write the features of the pool, or of the given circuits (.npz or .csv).")
    ] = None,
    json: Json = False,
) -> None:
    """Write the features of the pool, or embed circuits and name the nearest ones of the pool."""
    from qvar.cli.latent.embed import embed_command

    embed_command(folder, files=qasm or [], neighbours=neighbours, out=out, as_json=json)


@latent.command()
def search(
    folder: Folder,
    task: Annotated[
        str, typer.Option(help="What to search for (see `qvar latent tasks`).", autocompletion=completion.latent_tasks)
    ],
    method: Annotated[
        str | None,
        typer.Option(
            help="Methods, separated by commas, or all (see `qvar latent tasks`); random is always added.",
            autocompletion=completion.listed(completion.named(completion.LATENT_METHODS)),
        ),
    ] = None,
    mode: Annotated[str, typer.Option(help="pool, or generative to make circuits that nobody drew.")] = "pool",
    evaluations: Annotated[int, typer.Option(help="Circuits that a search may evaluate, labels included.")] = 1_000,
    seeds: Seeds = "1-50",
    noise: Noise = "none",
    name: Annotated[str | None, typer.Option(help="Name of the study; by default MODE-EVALUATIONS.")] = None,
    jobs: Jobs = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search for circuits that solve a task, with several methods and seeds; the same command goes on."""
    from qvar.cli.latent.search import LatentSearchOptions, search_command

    options = LatentSearchOptions(
        task=task, method=method, mode=mode, evaluations=evaluations, seeds=seeds, noise=noise, name=name
    )
    search_command(folder, options, jobs=jobs, as_json=json, quiet=quiet)


@latent.command()
def report(
    folder: Folder,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "--html",
            help="Write a page (.html) or Markdown (.md) here; by default FOLDER/report.html, unless it is printed.",
        ),
    ] = None,
    markdown: Markdown = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show how good a latent space is, and what searches in it found; measures its smoothness once."""
    from qvar.cli.latent.report import report_command

    report_command(folder, out=out, as_markdown=markdown, as_json=json, quiet=quiet)


@latent.command()
def tasks(json: Json = False) -> None:
    """List tasks, methods of search, and spaces."""
    from qvar.cli.latent.tasks import list_command

    list_command(as_json=json)
