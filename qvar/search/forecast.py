"""How long searches will take, found out before they start by trying their beginning for a moment."""

from collections.abc import Sequence
from dataclasses import replace

from qvar.runs.workers import usable_cores
from qvar.search.configuration import SearchConfiguration
from qvar.search.running import run_search
from qvar.search.sweep import Combination
from qvar.simulators.errors import RunError

__all__ = ["forecast_runs", "forecast_search"]

_FIRST, _FACTOR = 100, 5  # energies of the first trial, and how many times more the next ones get
_LONG_ENOUGH = 0.3  # seconds
_MOST_TRIED = 8


def forecast_search(configuration: SearchConfiguration) -> float | None:
    """Return about how many seconds a search will take in this process, None if its beginning cannot be tried alone.

    Trials with a few energies, the first one only to load what is needed, give the time of an energy and of a step.
    What comes later may differ: circuits grow, networks begin to learn, episodes end early. Expect half to twice as
    much.
    """
    energies, budget = _FIRST, configuration.max_energies
    try:
        run_search(_beginning(configuration, energies))
        while True:
            result = run_search(_beginning(configuration, energies))
            if (
                result.seconds >= _LONG_ENOUGH
                or result.cost.energies < energies
                or energies >= (budget or energies + 1)
            ):
                break
            energies *= _FACTOR
    except RunError:  # a start circuit that costs more, or experience that another run has
        return None
    spent = [] if budget is None else [budget / max(1, result.cost.energies)]
    if configuration.episodes is not None:
        spent.append(configuration.episodes * configuration.max_gates / max(1, result.cost.steps))
    return result.seconds * max(1.0, min(spent))


def _beginning(configuration: SearchConfiguration, energies: int) -> SearchConfiguration:
    budget = configuration.max_energies
    return replace(configuration, max_energies=min(energies, budget or energies), pruning=None)


def forecast_runs(runs: Sequence[Combination], *, jobs: int) -> float | None:
    """Return about how many seconds runs will take, so many at a time; None if nothing is known.

    Args:
        runs: the combination of every run.
        jobs: runs at a time, of which no more than there are cores gain anything.
    """
    different = list({run.labels.name: run for run in runs}.values())
    tried = different[:: -(-len(different) // _MOST_TRIED) or 1]
    known = {run.labels.name: forecast_search(run.configuration) for run in tried}
    seconds = [value for value in known.values() if value is not None]
    if not seconds:
        return None
    typical = sum(seconds) / len(seconds)
    total = sum(known.get(run.labels.name) or typical for run in runs)
    return max(total / min(jobs, usable_cores(), len(runs)), max(seconds))
