"""The command `qvar log`: records that are there already, given to TensorBoard, MLflow or W&B."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track

from qvar.cli.printing import print_json, print_line
from qvar.runs import RunFolder, SweepFolder, find_sinks, replay

__all__ = ["log_command"]


def log_command(runs: Sequence[Path], *, to: str, as_json: bool, quiet: bool) -> None:
    """Give the records of runs and sweeps to sinks, and say how much it was."""
    sinks = find_sinks(to)
    folders = [found for path in runs for found in _runs(path)]
    for folder, _ in folders:
        RunFolder.open(folder)  # before anything is written
    errors = Console(stderr=True)
    is_shown = errors.is_terminal and not (as_json or quiet)
    shown = track(folders, "logging", console=errors, disable=not is_shown, transient=True)
    counts = {str(folder): replay(folder, sinks, home=home) for folder, home in shown}
    if as_json:
        rows = [{"run": folder, "records": n_records} for folder, n_records in counts.items()]
        print_json({"to": [sink.name for sink in sinks], "runs": rows})
        return
    names = ", ".join(sink.name for sink in sinks)
    n_runs = f"{len(counts)} run{'' if len(counts) == 1 else 's'}"
    print_line(f"{sum(counts.values()):,} records of {n_runs} given to {names}", Console())


def _runs(path: Path) -> Iterable[tuple[Path, Path | None]]:
    """Give the run folders of a path, and the folder that they share."""
    if not SweepFolder.is_at(path):
        return [(path, None)]
    return [(run.path, path) for run in SweepFolder.open(path).runs() if (run.path / "config.json").is_file()]
