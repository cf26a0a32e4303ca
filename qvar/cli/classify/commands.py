"""The command that compares classifiers; the work is in the module it calls."""

from pathlib import Path
from typing import Annotated

import typer

from qvar.cli import completion
from qvar.cli.options import Jobs, Json, Quiet, Seed

__all__ = ["classification"]

classification = typer.Typer()

_PANEL = "Classify"


@classification.command(rich_help_panel=_PANEL)
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
    jobs: Jobs = None,
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
    from qvar.cli.classify.compare import CompareOptions, compare_command, list_command

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
