"""Searches in a latent space in tables: methods beside random search, and when the training has paid for itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qvar.latent.folder import LatentFolder
from qvar.latent.search.statistics import Spread
from qvar.latent.search.study import load_study
from qvar.latent.search.study_result import StudyResult
from qvar.report.latent.tables import Rows, rich_table

if TYPE_CHECKING:
    from rich.table import Table as RichTable

__all__ = ["best_rows", "break_even", "read_studies", "search_json", "study_rows", "study_table", "study_title"]


def read_studies(folder: LatentFolder, task: str) -> dict[str, StudyResult]:
    """Return the finished studies of a task by name."""
    path = folder.search_path(task)
    names = sorted(file.stem for file in path.glob("*.json") if (path / file.stem / "study.json").is_file())
    return {name: load_study(path / name) for name in names}


def study_title(result: StudyResult) -> str:
    """Return what was searched for, and how likely it is by chance."""
    plan = result.plan
    n_seeds = len(plan["seeds"])
    pool = "circuits are made, not chosen from the pool"
    if plan["base_rate"] is not None:
        pool = f"as {plan['base_rate']:.3%} of the pool have, whose best has {plan['optimum']:.4f}"
    return (
        f"{plan['name']}: {n_seeds} seed{'s'[: n_seeds > 1]}, {plan['budget']:,} evaluations each; a candidate has a "
        f"reward of at least {plan['threshold']:.4g}, {pool}"
    )


def break_even(result: StudyResult, method: str, *, costs: float, seconds_per_evaluation: float) -> float | None:
    """Return after how many such tasks the training has paid for itself; None if it never does.

    Random search needs candidates / base rate evaluations for as many candidates; what a method spends less on
    evaluations, less what it spends on thinking, is its gain on one task.

    Args:
        result: a study.
        method: its name.
        costs: seconds for circuits, model and features.
        seconds_per_evaluation: for training one circuit on the task.
    """
    figures, plan = result.figures(method), result.plan
    if not plan["base_rate"]:
        return None
    saved = (figures.candidates.mean / plan["base_rate"] - plan["budget"]) * seconds_per_evaluation - figures.seconds
    return costs / saved if saved > 0 else None


def study_rows(result: StudyResult, *, costs: float | None = None, seconds_per_evaluation: float | None = None) -> Rows:
    """Return what the methods came to, most candidates first; see `break_even` for the last column."""
    headings = (
        *("method", "candidates (95 %)", "least to most", "more than random (95 %)", "best reward", "regret"),
        *("first candidate after", "found by", "mean reward", "seconds", "tasks until the training pays"),
    )
    rows = []
    for name in sorted(result.methods, key=lambda name: -result.figures(name).candidates.mean):
        each = result.figures(name)
        pays = None
        if costs is not None and seconds_per_evaluation is not None and name != "random":
            pays = break_even(result, name, costs=costs, seconds_per_evaluation=seconds_per_evaluation)
        rows.append(
            (
                name,
                str(each.candidates),
                f"{each.candidates.least:.0f} to {each.candidates.most:.0f}",
                "reference" if name == "random" else _difference(each.more_than_random),
                f"{each.best.mean:.4f}",
                "-" if each.regret is None else f"{each.regret.mean:.4f}",
                "-" if each.first is None else f"{each.first.mean:.4g}",
                f"{each.found:.0%} of seeds",
                f"{each.mean.mean:.4f}",
                f"{each.seconds:.2g}",
                "-" if pays is None else f"{pays:.2g}",
            )
        )
    return headings, rows


def _difference(spread: Spread | None) -> str:
    return "-" if spread is None else f"{spread.mean:+.4g} [{spread.low:+.4g}, {spread.high:+.4g}]"


def study_table(result: StudyResult) -> "RichTable":
    """Return what the methods came to for a terminal; 80 columns are enough."""
    rows = study_rows(result)[1]
    chosen = (0, 1, 3, 4, 6)
    short = ("method", "candidates", "more than random", "best", "first after")
    return rich_table((short, [tuple(row[k] for k in chosen) for row in rows]), title=study_title(result))


def best_rows(folder: LatentFolder, task: str) -> Rows | None:
    """Return what is known of the best circuit of a task, None if none was found."""
    best = folder.read_json(str(Path("searches") / task / "best.json"))
    if best is None:
        return None
    names = {"method": "found by", "index": "circuit of the pool", "reward": "reward", "value": "value"}
    names |= {"ideal_reward": "reward without noise", "ideal_value": "value without noise"}
    return ("best circuit", "value"), [
        (name, f"{best[key]:.8g}" if isinstance(best[key], float) else str(best[key]))
        for key, name in names.items()
        if best[key] is not None
    ]


def search_json(folder: LatentFolder, task: str, study: str) -> dict[str, Any]:
    """Return one study with its task and the best circuit as JSON-able data."""
    below = Path("searches") / task
    return {
        "task": folder.read_json(str(below / "task.json")),
        "study": folder.read_json(str(below / f"{study}.json")),
        "best": folder.read_json(str(below / "best.json")),
    }
