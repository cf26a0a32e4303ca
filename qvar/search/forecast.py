"""How long searches will take, found out before they start by trying their beginning for a moment."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from qvar.runs.workers import usable_cores
from qvar.search.configuration import SearchConfiguration
from qvar.search.result import SearchResult
from qvar.search.running import run_search
from qvar.search.sweep import Combination
from qvar.simulators.errors import RunError

__all__ = ["Forecast", "forecast_runs", "forecast_search"]

_FIRST, _FACTOR = 100, 5  # energies of the first trial, and how many times more the next ones get
_LONG_ENOUGH = 0.3  # seconds
_MOST_TRIED = 8


@dataclass(frozen=True)
class Forecast:
    """What a search is expected to take, in seconds.

    Attributes:
        loading: once in each process, for loading what the search needs; as long as it took here.
        searching: for the search itself.
        recording: for writing its record and drawing its pictures.
    """

    loading: float
    searching: float
    recording: float


def forecast_search(configuration: SearchConfiguration) -> Forecast | None:
    """Return what a search will take in a process of its own, None if its beginning cannot be tried alone.

    Trials with a few energies, the first one only to load what is needed, give the time of an energy and of a step.
    What comes later may differ: circuits grow, networks begin to learn, episodes end early. Expect half to twice as
    much.
    """
    try:
        with TemporaryDirectory() as folder:
            loading, _ = _recorded(configuration, Path(folder, "first"))
            recording, result = _recorded(configuration, Path(folder, "second"))
        energies, budget = _FIRST, configuration.max_energies or math.inf
        while result.seconds < _LONG_ENOUGH and energies <= result.cost.energies and energies < budget:
            energies *= _FACTOR
            result = run_search(_beginning(configuration, energies))
    except RunError:  # a start circuit that costs more, or experience that another run has
        return None
    spent = [budget / max(1, result.cost.energies)]
    if configuration.episodes is not None:
        spent.append(configuration.episodes * configuration.max_gates / max(1, result.cost.steps))
    return Forecast(loading, result.seconds * max(1.0, min(spent)), recording)


def _recorded(configuration: SearchConfiguration, out: Path) -> tuple[float, SearchResult]:
    """Carry out the beginning of a search in a folder; return what that took beyond searching, and the result."""
    begun = time.perf_counter()
    result = run_search(_beginning(configuration, _FIRST), out=out)
    return time.perf_counter() - begun - result.seconds, result


def _beginning(configuration: SearchConfiguration, energies: int) -> SearchConfiguration:
    budget = configuration.max_energies
    return replace(configuration, max_energies=min(energies, budget or energies), pruning=None)


def forecast_runs(runs: Sequence[Combination], *, jobs: int) -> float | None:
    """Return about how many seconds runs will take, so many at a time; None if nothing is known.

    Args:
        runs: the combination of every run.
        jobs: runs at a time, of which no more than there are cores gain anything; if several, each in a new process.
    """
    different = list({run.labels.name: run for run in runs}.values())
    tried = different[:: -(-len(different) // _MOST_TRIED) or 1]
    found = {run.labels.name: forecast_search(run.configuration) for run in tried}
    known = {name: one.searching + one.recording for name, one in found.items() if one is not None}
    if not known:
        return None
    typical = sum(known.values()) / len(known)
    total = sum(known.get(run.labels.name, typical) for run in runs)
    loading = 0.0 if jobs == 1 else max(one.loading for one in found.values() if one is not None)
    return loading + max(total / min(jobs, usable_cores(), len(runs)), *known.values())
