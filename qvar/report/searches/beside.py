"""Our experiments beside published results: the table that says who found what, for one problem and noise."""

from collections.abc import Sequence
from typing import Any

from qvar.report.searches.comparison import QUANTITIES, Group, Setting, accuracy_count, best_run, format_spread
from qvar.report.searches.published import Published, published_beside
from qvar.report.searches.records import RunRecord

__all__ = ["beside_published", "published_statement", "run_rows"]

_SHOWN = ("error", "energy", "n_cnots", "n_rotations", "depth", "energies", "seconds")
_WHOLE = ("n_cnots", "n_rotations", "depth")
_UNKNOWN = "?"


def beside_published(setting: Setting) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return heading and rows: for each experiment mean ± standard deviation and its best seed, then published results.

    What was not published is "?".
    """
    headings = [QUANTITIES[name][0].format(unit=setting.first.unit) for name in _SHOWN]
    rows = [row for group in setting.groups for row in _our_rows(group)]
    rows += [_published_row(entry) for entry in published_beside(setting.first)]
    return ("method", "accurate", *headings, "budget or source"), rows


def published_statement(setting: Setting) -> str:
    """Say what the published rows are, or that there are none."""
    if not published_beside(setting.first):
        return "No published numbers are known for this problem and noise."
    text = (
        "Published rows come from other budgets, optimizers, simulators and numbers of seeds, mostly the best seed of "
        "a few: compare them with our best seed, and not at equal cost. ? = not published."
    )
    if setting.first.task == "h2o-8-bohr":
        text += " This is water with its coordinates read as Bohr, as in those papers; it is not the molecule h2o-8."
    return text


def _our_rows(group: Group) -> list[tuple[str, ...]]:
    method = group.first.method
    failures = f", {len(group.failed)} FAILED" if group.failed else ""
    unfinished = f", {len(group.unfinished)} unfinished" if group.unfinished else ""
    n_finished = len(group.finished)
    count = f"{n_finished} run{'' if n_finished == 1 else 's'}{failures}{unfinished}"
    numbers = [format_spread(group.spread(key), QUANTITIES[key][1]) for key in _SHOWN]
    rows = [(f"{method}: {count}", accuracy_count(group), *numbers, group.budget)]
    best = best_run(group.runs)
    if n_finished > 1 and best is not None:
        rows.append((f"{method}: best, seed {best.seed}", "", *_numbers(best), ""))
    return rows


def _error(run: RunRecord) -> float:
    return QUANTITIES["error"][2](run)


def _numbers(run: RunRecord) -> list[str]:
    texts = []
    for key in _SHOWN:
        _, pattern, value = QUANTITIES[key]
        number = value(run)
        texts.append(str(int(number)) if key in _WHOLE else pattern.format(number))
    return texts


def _published_row(entry: Published) -> tuple[str, ...]:
    def text(value: float | None, pattern: str) -> str:
        return _UNKNOWN if value is None else pattern.format(value)

    energy = "" if entry.noise == "none" else text(entry.energy, "{:.3f}")
    numbers = [text(entry.error, "{:.1e}"), energy]
    numbers += [text(value, "{}") for value in (entry.n_cnots, entry.n_rotations, entry.depth)]
    note = f"; {entry.note}" if entry.note else ""
    return (f"published: {entry.method}", "", *numbers, _UNKNOWN, _UNKNOWN, f"{entry.source}{note}")


def run_rows(runs: Sequence[RunRecord]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return heading and rows of single runs, unfinished and failed ones included."""
    headings = ("algorithm", "seed", "state", "error", "energy", "CNOTs", "rotations", "depth")
    before = ("CNOTs / rotations / depth before pruning", "energies", "shots", "episodes", "seconds", "folder")
    return (*headings, *before), [_run_row(run) for run in runs]


def _run_row(run: RunRecord) -> tuple[str, ...]:
    last: Any = run.history[-1] if run.history else {}
    wanted = run.config["episodes"]
    played = f"{last.get('episode', 0):,}" + ("" if wanted is None else f" of {wanted:,}")
    shots = f"{int((run.result or last).get('shots', 0)):,}"
    spent = (f"{run.energies:,}", shots, played, f"{run.status.seconds:.1f}", str(run.path))
    if run.result is None:
        state = {"failed": "FAILED", "unfinished": f"UNFINISHED, {run.status.share:.0%}", "waiting": "NOT STARTED"}
        return (run.method, str(run.seed), state[run.status.state], *["-"] * 6, *spent)
    accuracy = run.accuracy
    state_text = "finished" if accuracy is None else "accurate" if _error(run) <= accuracy else "not accurate"
    error, energy, *sizes = _numbers(run)[:5]
    return (run.method, str(run.seed), state_text, error, energy, *sizes, _before_pruning(run.result), *spent)


def _before_pruning(result: Any) -> str:
    """Return CNOTs / rotations / depth before pruning, "-" if the run was not pruned."""
    before = result.get("before_pruning")
    if not isinstance(before, dict):
        return "-"
    return " / ".join(str(before.get(name, _UNKNOWN)) for name in ("n_cnots", "n_rotations", "depth"))
