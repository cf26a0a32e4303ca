"""Run a search: play episodes of its algorithm, record them, keep the best circuit, survive being killed.

The loop is deterministic: the same configuration gives the same metrics, whether or not the run was interrupted. State
is saved at the ends of episodes; a killed run goes on from the last saved one.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from qvar.agents import DoubleDQN, MaskablePPO, check_installed
from qvar.runs import (
    Fanout,
    MetricSink,
    RunFolder,
    SinkRun,
    check_sinks,
    write_circuit,
    write_learning_curve,
    write_pareto,
)
from qvar.runs.claim import claim
from qvar.runs.sealed import tell as tell_user
from qvar.search.algorithms import make_searcher
from qvar.search.best import BestCircuit
from qvar.search.configuration import Algorithm, SearchConfiguration
from qvar.search.environment import make_environment
from qvar.search.experience import Experience
from qvar.search.pareto import ParetoArchive
from qvar.search.pruning import prune
from qvar.search.result import CircuitRecord, Cost, SearchResult
from qvar.search.searcher import Tracker
from qvar.simulators import Circuit
from qvar.simulators.errors import QvarError, RunError
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["CHECKPOINT_SECONDS", "check_configuration", "run_search"]

CHECKPOINT_SECONDS = 5.0
"""State is saved at the first end of an episode after this time; a kill costs at most about as much work.

Where saving takes long, as with networks of gigabytes, it is twenty times as long as that, so that work goes on.
"""

EpisodeCallback = Callable[[Mapping[str, Any]], None]


def run_search(
    configuration: SearchConfiguration,
    *,
    out: Path | None = None,
    resume: bool = False,
    replay_from: Path | None = None,
    on_episode: EpisodeCallback | None = None,
    sinks: Sequence[MetricSink] = (),
    home: Path | None = None,
) -> SearchResult:
    """Run a search to its end and return the best circuit found.

    Args:
        configuration: what to run.
        out: the run folder; None to keep nothing on disk.
        resume: go on with the unfinished run in `out`; if it is finished, only read its result.
        replay_from: folder of a finished run of a double-DQN agent, whose experience fills the replay memory at the
            start. This run keeps a copy, and can be resumed without it.
        on_episode: called with the record of every episode, those read back on resuming included.
        sinks: where the numbers of the records go besides, such as `TensorBoard()`; it needs `out`.
        home: the folder that the run shares with others, for sinks; None for the one above `out`.

    Raises:
        RunError: if `out` holds another run, a damaged one, or any run at all without `resume`; if the run in
            `replay_from` is not finished, has no replay memory, or has other actions or observations than this one.
    """
    given = None if replay_from is None else Experience.read(replay_from)
    if given is not None:
        configuration = _with_replay(configuration, given)
    check_configuration(configuration)  # before anything is written
    check_sinks(sinks)
    if sinks and out is None:
        raise RunError("sinks follow a run that is on disk; give a folder with out")
    with _claimed(out, resume=resume):
        folder = None if out is None else _prepare(configuration, out, resume=resume)
        experience = None if configuration.replay_from is None else _experience(configuration, folder, given)
        run = _RunInProgress(configuration, folder, experience)
        run.restore()
        followed = None if folder is None else SinkRun.at(folder.path, folder.id, folder.config, home=home)
        return _follow(run, Fanout(sinks, followed), on_episode)


def _follow(run: "_RunInProgress", sinks: Fanout, on_episode: EpisodeCallback | None) -> SearchResult:
    """Play the run to its end and tell its records."""
    with sinks as fanout:

        def tell(record: Mapping[str, Any]) -> None:
            fanout.write(int(record["episode"]), record)
            if on_episode is not None:
                on_episode(record)

        for record in run.history:
            tell(record)
        with _threads(run.algorithm):
            while not run.is_over:
                for record in run.play():
                    tell(record)
        result = run.finish()
        fanout.finish(result.to_dict())
    return result


def check_configuration(configuration: SearchConfiguration) -> None:
    """Raise if the environment's settings make no sense, or the engine cannot give the energies that are needed."""
    check_installed(configuration.algorithm)
    env = make_environment(configuration)
    every_gate = Circuit(env.problem.n_qubits)
    for action in env.action_table.actions:
        every_gate = every_gate.then((action.operation(every_gate.n_parameters),))
    angles = np.full(every_gate.n_parameters, 0.1)  # no multiples of pi/2, which some engines are limited to
    objective = env.problem.objective(configuration.engine, every_gate)
    try:
        objective(angles)
    except QvarError as error:
        raise RunError(
            f"{configuration.engine.name} gives no exact energies of the circuits searched, by which a search, with "
            f"shots too, judges what it has found: {error}"
        ) from error
    cost, budget = _start_cost(configuration).energies, configuration.max_energies
    if budget is not None and cost >= budget:
        raise RunError(f"finding the start circuit cost {cost} energies, which leaves nothing of max_energies={budget}")


def _start_cost(configuration: SearchConfiguration) -> Cost:
    start = configuration.start
    return Cost() if start is None else Cost(evaluations=start.evaluations, gradients=start.gradients)


def _prepare(configuration: SearchConfiguration, out: Path, *, resume: bool) -> RunFolder:
    config = configuration.to_dict()
    if resume and (out / "config.json").exists():
        folder = RunFolder.open(out)
        folder.check_same(config)
    else:
        folder = RunFolder.create(out, config)
    return folder


def _claimed(out: Path | None, *, resume: bool) -> AbstractContextManager[None]:
    """Work on the run folder alone, if there is one; nothing is put into the folder of something else."""
    if out is None:
        return nullcontext()
    if not (resume and (out / "config.json").exists()):
        RunFolder.make(out)
    return claim(out, "run")


def _with_replay(configuration: SearchConfiguration, given: Experience) -> SearchConfiguration:
    """Return the configuration that names the run whose experience it starts with."""
    given.check_fits(configuration)
    if configuration.replay_from not in (None, given.run_id):
        raise RunError(f"the configuration replays from run {configuration.replay_from}, the folder is {given.run_id}")
    return replace(configuration, replay_from=given.run_id)


def _experience(
    configuration: SearchConfiguration, folder: RunFolder | None, given: Experience | None
) -> Mapping[str, NDArray[Any]]:
    """Return the experience to start with: this run's own copy, else what was given, which is then copied."""
    kept = None if folder is None else folder.load_replay()
    if kept is not None:
        return kept
    if given is None:
        raise RunError(
            f"this run replays from run {configuration.replay_from} and has no copy of its experience (yet); give the "
            "folder of that run once more (replay_from, --replay-from)"
        )
    if folder is not None:
        folder.save_replay(given.arrays)
    return given.arrays


def _outcome(folder: RunFolder) -> Mapping[str, Any] | None:
    """Return the outcome of a finished run, None of another; one that is damaged is written anew."""
    if not folder.is_finished:
        return None
    try:
        return folder.result()
    except RunError:
        tell_user(f"{folder.path / 'result.json'} is corrupted; the run writes it anew")
        return None


class _RunInProgress:
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
        self._tracker.spend(asdict(_start_cost(configuration)), steps=0)
        self._searcher = make_searcher(configuration, self._tracker, experience=experience)
        self._pruned: BestCircuit | None = None
        self._finished_after: float | None = None  # seconds, of a run whose record is whole
        self._seconds_before = 0.0
        self._started = self._saved = time.monotonic()
        self._patience = CHECKPOINT_SECONDS
        self.history: list[Mapping[str, Any]] = []

    @property
    def algorithm(self) -> Algorithm:
        """What searches."""
        return self._configuration.algorithm

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
        if self._folder is not None and self._finished_after is None:
            self._save()
            title = f"{problem.title}, seed {self._configuration.seed}"
            write_circuit(self._folder.path, result.circuit, result.parameters)
            write_learning_curve(
                self._folder.path,
                self.history,
                exact_energy=problem.exact_energy,
                title=title,
                unit=problem.unit,
                accuracy=problem.accuracy,
            )
            write_pareto(
                self._folder.path,
                [asdict(row) for row in result.pareto],
                title=title,
                unit=problem.unit,
                accuracy=problem.accuracy,
            )
            self._folder.write_result(result.to_dict())
        return result

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


@contextmanager
def _threads(algorithm: Algorithm) -> Iterator[None]:
    """Set the threads of PyTorch and of the linear-algebra libraries, which otherwise fight over the cores."""
    count = getattr(algorithm, "threads", 1)
    with threadpool_limits(count, user_api="blas"):
        if not isinstance(algorithm, DoubleDQN | MaskablePPO):
            yield
            return
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(count)
        try:
            yield
        finally:
            torch.set_num_threads(before)
