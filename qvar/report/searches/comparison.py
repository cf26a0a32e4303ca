"""Compare experiments: average runs that differ by the seed alone, put together what has one problem and noise."""

import csv
import io
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qvar.report.markdown import markdown_table
from qvar.report.searches.records import RunRecord
from qvar.simulators.errors import RunError
from qvar.simulators.untrusted import refusing

__all__ = [
    "QUANTITIES",
    "Group",
    "Setting",
    "Spread",
    "accuracy_count",
    "best_run",
    "compare",
    "comparison_csv",
    "comparison_markdown",
    "comparison_rows",
    "format_spread",
]


@dataclass(frozen=True)
class Spread:
    """Mean and spread of a quantity over the finished runs of an experiment.

    Attributes:
        n: number of runs.
        mean: their mean.
        sd: their standard deviation (n - 1 in the denominator), None for a single run.
        median: their median.
        low, high: least and greatest value.
    """

    n: int
    mean: float
    sd: float | None
    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        """Return the spread of values, None if there are none."""
        if not values:
            return None
        numbers = np.asarray(values, dtype=np.float64)
        sd = float(np.std(numbers, ddof=1)) if len(values) > 1 else None
        extremes = float(numbers.min()), float(numbers.max())
        return cls(len(values), float(numbers.mean()), sd, float(np.median(numbers)), *extremes)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as JSON-able data."""
        return {"n": self.n, "mean": self.mean, "sd": self.sd, "median": self.median, "min": self.low, "max": self.high}


QUANTITIES: dict[str, tuple[str, str, Callable[[RunRecord], float]]] = {
    "error": ("noiseless error ({unit})", "{:.2e}", lambda run: float(_result(run)["error"])),
    "energy": ("energy with noise ({unit})", "{:.5f}", lambda run: float(_result(run)["energy"])),
    "n_cnots": ("CNOTs", "{:.1f}", lambda run: float(_result(run)["n_cnots"])),
    "n_rotations": ("rotations", "{:.1f}", lambda run: float(_result(run)["n_rotations"])),
    "depth": ("depth", "{:.1f}", lambda run: float(_result(run)["depth"])),
    "energies": ("energies", "{:,.0f}", lambda run: float(run.energies)),
    "seconds": ("seconds", "{:.1f}", lambda run: float(_result(run)["seconds"])),
}
"""What is averaged, by key: heading, format, and the value of a finished run."""


def _result(run: RunRecord) -> Any:
    assert run.result is not None
    return run.result


@dataclass(frozen=True)
class Group:
    """An experiment: runs that differ by the seed alone.

    Attributes:
        runs: at least one, by seed.
    """

    runs: tuple[RunRecord, ...]

    @property
    def first(self) -> RunRecord:
        """Any of its runs, for what all have in common."""
        return self.runs[0]

    @property
    def finished(self) -> tuple[RunRecord, ...]:
        """The runs that have a result."""
        return tuple(run for run in self.runs if run.result is not None)

    @property
    def failed(self) -> tuple[RunRecord, ...]:
        """The runs that failed."""
        return tuple(run for run in self.runs if run.status.state == "failed")

    @property
    def unfinished(self) -> tuple[RunRecord, ...]:
        """The runs at work, interrupted, or not started."""
        return tuple(run for run in self.runs if run.status.state in ("unfinished", "waiting"))

    @property
    def n_successes(self) -> int | None:
        """Finished runs at the problem's accuracy, None where there is no such convention."""
        accuracy = self.first.accuracy
        return None if accuracy is None else sum(_result(run)["error"] <= accuracy for run in self.finished)

    def spread(self, quantity: str) -> Spread | None:
        """Return the spread of one of `QUANTITIES` over the finished runs, None if there are none."""
        _, _, value = QUANTITIES[quantity]
        return Spread.of([value(run) for run in self.finished])

    @property
    def budget(self) -> str:
        """What every run may use, in words."""
        config = self.first.config
        limit, episodes = config.get("max_energies"), config["episodes"]
        parts = [
            "" if episodes is None else f"{episodes:,} episodes",
            "" if limit is None else f"{limit:,} energies",
            f"{config['max_gates']} gates",
            "exact values" if config["shots"] is None else f"{config['shots']:,} shots",
            str(config["optimizer"]["name"]),
            "" if config.get("pruning") is None else "pruned",
            "" if config.get("start") is None else "start circuit",
            "" if (config.get("judge") or {}).get("by", "measured") == "measured" else "judged without noise",
        ]
        return ", ".join(part for part in parts if part)

    def to_dict(self) -> dict[str, Any]:
        """Return the experiment and its averages as JSON-able data."""
        first, spreads = self.first, {name: self.spread(name) for name in QUANTITIES}
        return {
            "task": first.task,
            "noise": first.noise,
            "preset": first.preset,
            "algorithm": first.algorithm,
            "unit": first.unit,
            "budget": self.budget,
            "seeds": [run.seed for run in self.runs],
            "runs": len(self.runs),
            "finished": len(self.finished),
            "failed": len(self.failed),
            "unfinished": len(self.unfinished),
            "accuracy": first.accuracy,
            "successes": self.n_successes,
            **{name: None if spread is None else spread.to_dict() for name, spread in spreads.items()},
        }


@dataclass(frozen=True)
class Setting:
    """Experiments with the same problem and noise, which may be compared.

    Attributes:
        groups: at least one.
    """

    groups: tuple[Group, ...]

    @property
    def first(self) -> RunRecord:
        """Any of its runs, for problem and noise."""
        return self.groups[0].first

    @property
    def heading(self) -> str:
        """Task and noise."""
        return f"{self.first.task}, {'no noise' if self.first.noise == 'none' else f'noise {self.first.noise}'}"

    def statement(self) -> str:
        """Say what is compared with what, and whether at equal budgets."""
        if len(self.groups) == 1:
            return "One experiment: nothing here was measured beside it."
        spent = [group.spread("energies") for group in self.groups]
        means = [spread.mean for spread in spent if spread is not None]
        used = "" if not means else f"; spent were {min(means):,.0f} to {max(means):,.0f} energies a run on average"
        limits, episodes, gates, shots = (
            {group.first.config.get(name) for group in self.groups}
            for name in ("max_energies", "episodes", "max_gates", "shots")
        )
        others = [word for word, values in (("gate limits", gates), ("shots", shots)) if len(values) > 1]
        caution = f" Different {' and '.join(others)}: see the column of budgets." if others else ""
        if len(limits) == 1 and None not in limits:
            return f"Equal budgets of {next(iter(limits)):,} energies{used}.{caution}"
        if len(limits) == len(episodes) == 1:
            return (
                f"Equal numbers of episodes ({next(iter(episodes)):,}), not of energies{used}; an algorithm that "
                f"spends more may be better for that alone.{caution}"
            )
        return f"Unequal budgets{used}; differences are not those of the algorithms alone.{caution}"


@refusing("the record", RunError)
def compare(records: Iterable[RunRecord]) -> tuple[Setting, ...]:
    """Put together what differs by the seed alone, and what has the same problem and noise."""
    settings: dict[str, dict[str, list[RunRecord]]] = {}
    for record in records:
        settings.setdefault(record.setting, {}).setdefault(record.experiment, []).append(record)
    return tuple(
        Setting(tuple(Group(tuple(sorted(runs, key=lambda run: run.seed))) for runs in groups.values()))
        for groups in settings.values()
    )


def best_run(runs: Iterable[RunRecord]) -> RunRecord | None:
    """Return the finished run with the least noiseless error, None if none is finished."""
    finished = [run for run in runs if run.result is not None]
    return min(finished, key=lambda run: float(_result(run)["error"]), default=None)


def format_spread(spread: Spread | None, pattern: str) -> str:
    """Return mean ± standard deviation; the mean alone for one run, a dash for none."""
    if spread is None:
        return "-"
    mean = pattern.format(spread.mean)
    return mean if spread.sd is None else f"{mean} ± {pattern.format(spread.sd)}"


def comparison_rows(groups: Sequence[Group]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the heading and the rows of the table of experiments, as text."""
    units = {group.first.unit for group in groups}
    unit = units.pop() if len(units) == 1 else "unit of the problem"
    headings = [heading.format(unit=unit) for heading, _, _ in QUANTITIES.values()]
    names = ("task", "noise", "preset", "algorithm", "runs", "accurate")
    rows = []
    for group in groups:
        first = group.first
        numbers = [format_spread(group.spread(name), pattern) for name, (_, pattern, _) in QUANTITIES.items()]
        rows.append(
            (
                first.task,
                first.noise,
                first.preset or "-",
                first.algorithm,
                _runs(group),
                accuracy_count(group),
                *numbers,
            )
        )
    return (*names, *headings), rows


def _runs(group: Group) -> str:
    parts = [str(len(group.finished))]
    parts += [f"{len(group.failed)} FAILED"] if group.failed else []
    parts += [f"{len(group.unfinished)} unfinished"] if group.unfinished else []
    return ", ".join(parts)


def accuracy_count(group: Group) -> str:
    """Return how many of the finished runs are at the problem's accuracy, in words."""
    return "-" if group.n_successes is None else f"{group.n_successes} of {len(group.finished)}"


def comparison_markdown(groups: Sequence[Group]) -> str:
    """Return the table of experiments as Markdown: mean ± standard deviation over the finished runs."""
    return markdown_table(*comparison_rows(groups))


def comparison_csv(groups: Sequence[Group]) -> str:
    """Return the table of experiments as CSV with plain numbers, mean, sd and median in columns of their own."""
    names = ("task", "noise", "preset", "algorithm", "unit", "budget", "runs", "finished", "failed", "unfinished")
    parts = ("mean", "sd", "median")
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*names, "accuracy", "successes", *(f"{name}_{part}" for name in QUANTITIES for part in parts)])
    for group in groups:
        row = group.to_dict()
        spreads = [row[name] or dict.fromkeys(parts) for name in QUANTITIES]
        numbers = [spread[part] for spread in spreads for part in parts]
        writer.writerow([row[name] for name in (*names, "accuracy", "successes")] + list(map(_number, numbers)))
    return stream.getvalue()


def _number(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else repr(value)
