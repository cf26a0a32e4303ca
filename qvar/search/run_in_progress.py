"""A run as it goes on in one process: it plays, records, saves its state and takes it up again, and ends.

State is saved at the ends of episodes.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from numpy.typing import NDArray

from qvar.runs import RunFolder, write_circuit, write_learning_curve, write_pareto
from qvar.runs.sealed import tell as tell_user
from qvar.search.algorithms import make_searcher
from qvar.search.best import BestCircuit
from qvar.search.configuration import SearchConfiguration
from qvar.search.environment import make_environment
from qvar.search.pareto import ParetoArchive
from qvar.search.pruning import prune
from qvar.search.result import CircuitRecord, Cost, SearchResult
from qvar.search.searcher import Tracker
from qvar.simulators.errors import RunError
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["CHECKPOINT_SECONDS", "RunInProgress", "start_cost"]

CHECKPOINT_SECONDS = 5.0
"""State is saved at the first end of an episode after this time; a kill costs at most about as much work.

Where saving takes long, as with networks of gigabytes, it is twenty times as long as that, so that work goes on.
"""


def start_cost(configuration: SearchConfiguration) -> Cost:
    """Return what finding the start circuit cost, nothing without one."""
    start = configuration.start
    return Cost() if start is None else Cost(evaluations=start.evaluations, gradients=start.gradients)


class RunInProgress:
    """One stretch of a run in one process: searcher and records (mutable)."""

    def __init__(
        self,
        configuration: SearchConfiguration,
        folder: RunFolder | None,
        experience: Mapping[str, NDArray[Any]] | None,
    ) -> None:
        self._configuration = configuration
        self._folder = folder
        self._env = make_environment(configuration)
        self._tracker = Tracker(
            episodes=configuration.episodes,
            budget=configuration.max_energies,
            judge=configuration.judge,
            evaluator=self._env.evaluator,
        )
        self._tracker.spend(asdict(start_cost(configuration)), steps=0)
        self._searcher = make_searcher(configuration, self._tracker, experience=experience)
        self._pruned: BestCircuit | None = None
        self._finished_after: float | None = None  # seconds, of a run whose record is whole
        self._seconds_before = 0.0
        self._started = self._saved = time.monotonic()
        self._patience = CHECKPOINT_SECONDS
        self.history: list[Mapping[str, Any]] = []

    @property
    def is_over(self) -> bool:
        """Whether episodes or budget are used up, or the algorithm has nothing left to try."""
        return self._tracker.is_over or self._searcher.is_exhausted

    @property
    def _seconds(self) -> float:
        return self._seconds_before + time.monotonic() - self._started

    def restore(self) -> None:
        """Take over the last saved state of the run, if there is one."""
        if self._folder is None:
            return
        saved = self._folder.load_checkpoint()
        if saved is None:
            self.history = list(self._folder.keep_metrics(0))
            return
        arrays, state = saved
        outcome = _outcome(self._folder)
        try:
            n_episodes = int(state["episodes"])
            self._tracker.load_state(state["tracker"])
            self._seconds_before = float(state["seconds"])
            self._searcher.load_state(arrays, state["searcher"])
            self._pruned = None if state["pruned"] is None else BestCircuit.from_dict(state["pruned"])
            self._finished_after = None if outcome is None else float(outcome["seconds"])
        except UNREADABLE as error:
            raise RunError(f"the checkpoint in {self._folder.path} does not fit its run: {error!r}") from error
        self.history = list(self._folder.keep_metrics(n_episodes))
        self._tracker.played = n_episodes
        if not self.is_over:  # its last checkpoint was damaged, so that its end is played again
            self._finished_after = None

    def play(self) -> list[Mapping[str, Any]]:
        """Play one round of episodes and record them."""
        records: list[Mapping[str, Any]] = []
        for part in self._searcher.play():
            record = self._record(part)
            records.append(record)
            self.history.append(record)
            self._tracker.played += 1
            if self._folder is not None:
                self._folder.append_metrics(record)
        if self._folder is not None and time.monotonic() - self._saved >= self._patience:
            self._save()
        return records

    def _record(self, part: Mapping[str, Any]) -> dict[str, Any]:
        best = self._best
        return {
            "episode": len(self.history) + 1,
            **part,
            "best_energy": best.energy,
            "best_error": abs(self._noiseless_energy(best) - self._configuration.problem.exact_energy),
            **asdict(self._tracker.cost),
            "seconds": round(self._seconds, 3),
        }

    @property
    def _best(self) -> BestCircuit:
        assert self._tracker.best is not None
        return self._tracker.best

    def _noiseless_energy(self, best: BestCircuit) -> float:
        return self._env.evaluator.noiseless_energy(best.circuit, best.parameters)

    def _save(self) -> None:
        assert self._folder is not None
        begun = time.monotonic()
        arrays, data = self._searcher.state()
        state = {
            "episodes": len(self.history),
            "tracker": self._tracker.state(),
            "seconds": self._seconds,
            "searcher": data,
            "pruned": None if self._pruned is None else self._pruned.to_dict(),
        }
        self._folder.save_checkpoint(arrays, state)
        self._saved = time.monotonic()
        self._patience = CHECKPOINT_SECONDS * max(1.0, 4.0 * (self._saved - begun))

    def finish(self) -> SearchResult:
        """Prune the best circuit, judge it afresh, and write the outcome, unless it was there already."""
        if self._configuration.pruning is not None and self._pruned is None:
            self._prune()
        found, problem = self._best, self._configuration.problem
        best = found if self._pruned is None else self._pruned
        result = SearchResult(
            circuit=best.circuit,
            parameters=best.parameters,
            energy=self._exact_energy(best),
            noiseless_energy=self._noiseless_energy(best),
            exact_energy=problem.exact_energy,
            unit=problem.unit,
            cost=self._tracker.cost,
            seconds=self._seconds if self._finished_after is None else self._finished_after,
            history=tuple(self.history),
            run=None if self._folder is None else self._folder.path,
            before_pruning=None if self._pruned is None else self._circuit_record(found, self._exact_energy(found)),
            pareto=self._pareto(),
        )
        if self._finished_after is None:
            self._write(result)
        return result

    def _write(self, result: SearchResult) -> None:
        """Write the outcome and its pictures into the folder, if there is one; what tells that it is finished, last."""
        if self._folder is None:
            return
        self._save()
        path, problem = self._folder.path, self._configuration.problem
        title = f"{problem.title}, seed {self._configuration.seed}"
        about: dict[str, Any] = {"title": title, "unit": problem.unit, "accuracy": problem.accuracy}
        write_circuit(path, result.circuit, result.parameters)
        write_learning_curve(path, self.history, exact_energy=problem.exact_energy, **about)
        write_pareto(path, [asdict(row) for row in result.pareto], **about)
        self._folder.write_result(result.to_dict())

    def _prune(self) -> None:
        """Prune the best circuit by exact energies; the circuits met on the way join the archive."""
        settings, best = self._configuration.pruning, self._best
        assert settings is not None
        pruned = prune(
            self._configuration.problem,
            self._configuration.engine,
            best.circuit,
            best.parameters,
            tolerance=settings.tolerance,
            tries=settings.tries,
            judge=self._configuration.judge,
        )
        self._tracker.spend(asdict(pruned.cost), steps=pruned.cost.steps)
        self._pruned = pruned.after
        if self._configuration.shots is None:
            for met in pruned.met:
                self._tracker.archive.offer(met)

    def _exact_energy(self, best: BestCircuit) -> float:
        return self._configuration.problem.objective(self._configuration.engine, best.circuit)(best.parameters)

    def _pareto(self) -> tuple[CircuitRecord, ...]:
        """Return the circuits that nothing dominates, with shots by exact energies: some were kept for their luck."""
        kept = self._tracker.archive.circuits
        if self._configuration.shots is not None:
            pruned = () if self._pruned is None else (self._pruned,)
            kept = ParetoArchive.of(map(self._judged_afresh, (*kept, *pruned))).circuits
        return tuple(self._circuit_record(k, k.energy) for k in kept)

    def _judged_afresh(self, kept: BestCircuit) -> BestCircuit:
        energy = self._exact_energy(kept)
        is_measured = self._configuration.judge.by == "measured"
        return replace(kept, energy=energy, value=energy if is_measured else self._noiseless_energy(kept))

    def _circuit_record(self, best: BestCircuit, energy: float) -> CircuitRecord:
        error = abs(self._noiseless_energy(best) - self._configuration.problem.exact_energy)
        return CircuitRecord.of(best.circuit, best.parameters, energy=energy, error=error)


def _outcome(folder: RunFolder) -> Mapping[str, Any] | None:
    """Return the outcome of a finished run, None of another; one that is damaged is written anew."""
    if not folder.is_finished:
        return None
    try:
        return folder.result()
    except RunError:
        tell_user(f"{folder.path / 'result.json'} is corrupted; the run writes it anew")
        return None
