"""Read runs for a report: finished, unfinished and failed ones, from run folders and sweep folders."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qvar.problems.problem import ACCURACY
from qvar.report.searches.pareto import ParetoPoint, read_pareto
from qvar.runs import RunFolder, RunStatus, SweepFolder, config_hash
from qvar.runs.status import read_status
from qvar.search import ALGORITHMS, GRADIENT_IN_ENERGIES
from qvar.simulators.errors import RunError
from qvar.simulators.untrusted import refusing

if TYPE_CHECKING:
    from qvar.hardware.record import HardwareRecord

__all__ = ["RunRecord", "energies_of", "read_runs"]

_NEEDED = ("energy", "noiseless_energy", "exact_energy", "error", "depth", "n_cnots", "n_rotations", "seconds")


@dataclass(frozen=True)
class RunRecord:
    """One run as a report sees it.

    Attributes:
        path: the run folder.
        config: its configuration (see `SearchConfiguration.to_dict`).
        status: how far it is.
        result: its outcome (see `SearchResult.to_dict`), None unless it is finished.
        history: its records, one per episode.
        pareto: circuits that no other of the run beats in both error and CNOTs; empty if it kept none.
        labels: the words of its sweep: task, noise, preset, algorithm; empty for a run of its own.
    """

    path: Path
    config: Mapping[str, Any] = field(repr=False)
    status: RunStatus
    result: Mapping[str, Any] | None = field(default=None, repr=False)
    history: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    pareto: tuple[ParetoPoint, ...] = field(default=(), repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def task(self) -> str:
        """Key of the problem."""
        return str(self.config["problem"]["key"])

    @property
    def title(self) -> str:
        """The problem in one line."""
        return str(self.config["problem"]["title"])

    @property
    def unit(self) -> str:
        """Unit of the energies."""
        return str(self.config["problem"]["unit"])

    @property
    def noise(self) -> str:
        """Name of the noise model, "none" without noise."""
        noise = self.config["engine"]["noise"]
        return "none" if noise is None else str(noise["name"])

    @property
    def preset(self) -> str:
        """Name of the preset, "" if it is not known."""
        return self.labels.get("preset", "")

    @property
    def algorithm(self) -> str:
        """The algorithm as its sweep calls it, or else by its name on the command line."""
        kind = str(self.config["algorithm"]["name"])
        names = {cls.__name__: name for name, cls in ALGORITHMS.items()}
        return self.labels.get("algorithm") or names.get(kind, kind)

    @property
    def method(self) -> str:
        """The algorithm and, if it is known, the preset."""
        return ", ".join(word for word in (self.algorithm, self.preset) if word)

    @property
    def seed(self) -> int:
        """The seed."""
        return int(self.config["seed"])

    @property
    def accuracy(self) -> float | None:
        """The error at which the problem counts as solved, None where there is no such convention."""
        return ACCURACY.get(self.unit)

    @property
    def energies(self) -> int:
        """Energies spent so far, a reverse-sweep gradient counting as three."""
        if self.result is not None:
            return energies_of(self.result)
        return energies_of(self.history[-1]) if self.history else 0

    @property
    def hardware(self) -> "tuple[HardwareRecord, ...]":
        """What hardware gave for its circuit, with `qvar hardware run`."""
        from qvar.report.hardware import records_of_run

        return records_of_run(self.path)

    @property
    def setting(self) -> str:
        """Identity of problem and noise, equal for runs that can be compared."""
        return config_hash({"problem": self.config["problem"], "noise": self.config["engine"]["noise"]})

    @property
    def experiment(self) -> str:
        """Identity of everything but the seed, equal for runs that can be averaged."""
        same = {name: value for name, value in self.config.items() if name != "seed"}
        return config_hash({"config": same, "labels": [self.preset, self.algorithm]})


def energies_of(record: Mapping[str, Any]) -> int:
    """Return the energies of a record or result (see `Cost.energies`)."""
    return int(record["evaluations"]) + GRADIENT_IN_ENERGIES * int(record["gradients"])


def read_runs(paths: Iterable[str | Path]) -> tuple[RunRecord, ...]:
    """Read run folders and sweep folders, each run once.

    What is damaged within a folder counts as a failure of its run.

    Args:
        paths: run folders and sweep folders.

    Raises:
        RunError: if a path holds neither a run nor a sweep.
    """
    records: dict[Path, RunRecord] = {}
    for path in map(Path, paths):
        for record in _read_sweep(path) if SweepFolder.is_at(path) else [_read_run(path)]:
            records.setdefault(record.path.resolve(), record)
    return tuple(records.values())


def _read_sweep(path: Path) -> Sequence[RunRecord]:
    return [_read(run.path, run.config, run.labels) for run in SweepFolder.open(path).runs()]


def _read_run(path: Path) -> RunRecord:
    if not (path / "config.json").is_file():
        raise RunError(f"{path} holds neither a run nor a sweep: config.json and sweep.json are missing")
    return _read(path, RunFolder.open(path).config, {})


def _read(path: Path, config: Mapping[str, Any], labels: Mapping[str, str]) -> RunRecord:
    with refusing(f"the record in {path}", RunError):
        status = read_status(path, config)
    if status.state == "waiting" or not (path / "config.json").is_file():
        return RunRecord(path, config, status, labels=labels)
    try:
        with refusing(f"the record in {path}", RunError):
            folder = RunFolder.open(path)
            folder.check_same(config)
            history = tuple(folder.metrics())
            result = folder.result() if folder.is_finished else None
            if result is not None:
                _check(result, path)
            return RunRecord(path, config, status, result, history, read_pareto(path), labels)
    except RunError as error:
        return RunRecord(path, config, RunStatus("failed", status.share, status.seconds, str(error)), labels=labels)


def _check(result: Mapping[str, Any], path: Path) -> None:
    missing = [name for name in (*_NEEDED, "evaluations", "gradients") if not isinstance(result.get(name), int | float)]
    if missing:
        raise RunError(f"result.json in {path} lacks {', '.join(missing)}")
