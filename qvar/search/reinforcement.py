"""Search by reinforcement learning: an agent builds circuits in the environment, episode after episode.

The loop is deterministic: the same configuration gives the same metrics, whether or not the run was interrupted. State
is saved at the ends of episodes; a killed run goes on from the last saved one.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from qvar.agents import make_agent
from qvar.envs import ArchitectureSearchEnv
from qvar.runs import RunFolder, write_circuit, write_learning_curve
from qvar.search.best import BestCircuit
from qvar.search.configuration import SearchConfiguration
from qvar.search.result import Cost, SearchResult
from qvar.simulators import Circuit, StatevectorSimulator
from qvar.simulators.errors import RunError

__all__ = ["CHECKPOINT_SECONDS", "run_search"]

CHECKPOINT_SECONDS = 5.0
"""State is saved at the first end of an episode after this time; a kill costs at most about as much work."""

_EVALUATED = ("success", "end_reason", "energy", "error", "depth", "n_cnots", "n_rotations")
"""What a record says about the circuit at the end of an episode."""

EpisodeCallback = Callable[[Mapping[str, Any]], None]


def run_search(
    configuration: SearchConfiguration,
    *,
    out: Path | None = None,
    resume: bool = False,
    on_episode: EpisodeCallback | None = None,
) -> SearchResult:
    """Run a search to its end and return the best circuit found.

    Args:
        configuration: what to run.
        out: the run folder; None to keep nothing on disk.
        resume: go on with the unfinished run in `out`; if it is finished, only read its result.
        on_episode: called with the record of every episode, those read back on resuming included.

    Raises:
        RunError: if `out` holds another run, a damaged one, or any run at all without `resume`.
    """
    _check(configuration)  # before anything is written
    folder = None if out is None else _prepare(configuration, out, resume=resume)
    run = _RunInProgress(configuration, folder)
    run.restore()
    if on_episode is not None:
        for record in run.history:
            on_episode(record)
    with _threads(configuration.algorithm.threads):
        while len(run.history) < configuration.episodes:
            record = run.episode()
            if on_episode is not None:
                on_episode(record)
    return run.finish()


def _check(configuration: SearchConfiguration) -> None:
    """Raise if the environment's settings make no sense, or the engine lacks one of its gates."""
    env = _environment(configuration)
    every_gate = Circuit(env.problem.n_qubits)
    for action in env.action_table.actions:
        every_gate = every_gate.then((action.operation(every_gate.n_parameters),))
    configuration.engine.objective(every_gate, env.problem.observable)


def _prepare(configuration: SearchConfiguration, out: Path, *, resume: bool) -> RunFolder:
    config = configuration.to_dict()
    if resume and (out / "config.json").exists():
        folder = RunFolder.open(out)
        folder.check_same(config)
    else:
        folder = RunFolder.create(out, config)
    folder.remove_leftovers()
    return folder


def _environment(configuration: SearchConfiguration) -> ArchitectureSearchEnv:
    return ArchitectureSearchEnv(
        configuration.problem,
        configuration.engine,
        optimizer=configuration.optimizer,
        max_gates=configuration.max_gates,
        curriculum=configuration.curriculum,
        halting=configuration.halting,
        shots=configuration.shots,
    )


class _RunInProgress:
    """One stretch of a run in one process: environment, agent and records (mutable)."""

    def __init__(self, configuration: SearchConfiguration, folder: RunFolder | None) -> None:
        self._configuration = configuration
        self._folder = folder
        self._env = _environment(configuration)
        self._ideal = StatevectorSimulator()
        env_seed, agent_seed = np.random.SeedSequence(configuration.seed).spawn(2)
        self._env_seed: int | None = int(env_seed.generate_state(1)[0])
        self._agent = make_agent(
            configuration.algorithm,
            n_features=int(np.prod(self._env.observation_space.shape or ())),
            n_actions=len(self._env.action_table),
            max_gates=configuration.max_gates,
            seed=agent_seed,
        )
        self._best: BestCircuit | None = None
        self._finished_after: float | None = None
        self._cost = Cost()
        self._seconds_before = 0.0
        self._started = self._saved = time.monotonic()
        self.history: list[Mapping[str, Any]] = []

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
        outcome = self._folder.result() if self._folder.is_finished else None
        try:
            n_episodes = int(state["episodes"])
            self._cost = Cost(**state["cost"])
            self._seconds_before = float(state["seconds"])
            self._best = BestCircuit.from_dict(state["best"])
            self._env.load_state_dict(state["environment"])
            self._agent.load_state(arrays, state["agent"])
            self._finished_after = None if outcome is None else float(outcome["seconds"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise RunError(f"the checkpoint in {self._folder.path} does not fit its run: {error!r}") from error
        self.history = list(self._folder.keep_metrics(n_episodes))
        self._env_seed = None

    def episode(self) -> Mapping[str, Any]:
        """Play one episode, learn from it, and record it."""
        observation, info = self._env.reset(seed=self._env_seed)
        self._env_seed = None
        self._cost = self._cost.plus(info, steps=0)
        mask = self._env.action_masks()
        total, losses = 0.0, []
        while info["end_reason"] is None:
            action = self._agent.act(observation, mask)
            following, reward, _, _, info = self._env.step(action)
            mask = self._env.action_masks()
            loss = self._agent.observe(observation, action, reward, following, mask, end_reason=info["end_reason"])
            observation = following
            total += reward
            losses += [] if loss is None else [loss]
            self._note_step(self._env, info)
        record = self._record(info, total, losses)
        self.history.append(record)
        if self._folder is not None:
            self._folder.append_metrics(record)
            if time.monotonic() - self._saved >= CHECKPOINT_SECONDS:
                self._save()
        return record

    def _evaluation(self) -> dict[str, Any] | None:
        """Play one episode without exploring or learning, if it is time; the training environment is left alone."""
        number, every = len(self.history) + 1, self._configuration.evaluate_every
        if every is None or number % every != 0:
            return None
        env = _environment(self._configuration)
        env.curriculum.load_state_dict(self._env.curriculum.state_dict())
        seed = np.random.SeedSequence([self._configuration.seed, number]).generate_state(1)
        observation, info = env.reset(seed=int(seed[0]))
        self._cost = self._cost.plus(info, steps=0)
        total = 0.0
        while info["end_reason"] is None:
            action = self._agent.act(observation, env.action_masks(), greedy=True)
            observation, reward, _, _, info = env.step(action)
            total += reward
            self._note_step(env, info)
        return {"return": total} | {name: info[name] for name in _EVALUATED}

    def _note_step(self, env: ArchitectureSearchEnv, info: Mapping[str, Any]) -> None:
        self._cost = self._cost.plus(info, steps=1)
        candidate = BestCircuit(env.circuit, env.parameters, float(info["energy"]))
        if self._best is None or candidate.is_better_than(self._best):
            self._best = candidate

    def _record(self, info: Mapping[str, Any], total: float, losses: list[float]) -> dict[str, Any]:
        evaluation = self._evaluation()
        assert self._best is not None
        best_noiseless = self._noiseless_energy(self._best)
        return {
            "episode": len(self.history) + 1,
            "return": total,
            **{name: info[name] for name in _EVALUATED},
            "threshold": float(info["threshold"]),
            "best_energy": self._best.energy,
            "best_error": abs(best_noiseless - self._configuration.problem.exact_energy),
            "evaluation": evaluation,
            "epsilon": self._agent.epsilon,
            "loss": float(np.mean(losses)) if losses else None,
            **asdict(self._cost),
            "seconds": round(self._seconds, 3),
        }

    def _noiseless_energy(self, best: BestCircuit) -> float:
        objective = self._ideal.objective(best.circuit, self._configuration.problem.observable)
        return objective(best.parameters)

    def _save(self) -> None:
        assert self._folder is not None
        assert self._best is not None
        arrays, agent = self._agent.state()
        state = {
            "episodes": len(self.history),
            "cost": asdict(self._cost),
            "seconds": self._seconds,
            "best": self._best.to_dict(),
            "environment": self._env.state_dict(),
            "agent": agent,
        }
        self._folder.save_checkpoint(arrays, state)
        self._saved = time.monotonic()

    def finish(self) -> SearchResult:
        """Judge the best circuit afresh and write the outcome, unless it was there already."""
        assert self._best is not None
        problem = self._configuration.problem
        objective = self._configuration.engine.objective(self._best.circuit, problem.observable)
        result = SearchResult(
            circuit=self._best.circuit,
            parameters=self._best.parameters,
            energy=objective(self._best.parameters),
            noiseless_energy=self._noiseless_energy(self._best),
            exact_energy=problem.exact_energy,
            cost=self._cost,
            seconds=self._seconds if self._finished_after is None else self._finished_after,
            history=tuple(self.history),
            run=None if self._folder is None else self._folder.path,
        )
        if self._folder is not None and self._finished_after is None:
            self._save()
            write_circuit(self._folder.path, result.circuit, result.parameters)
            write_learning_curve(
                self._folder.path,
                self.history,
                exact_energy=problem.exact_energy,
                title=f"{problem.title}, seed {self._configuration.seed}",
                unit=problem.unit,
            )
            self._folder.write_result(result.to_dict())
        return result


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Set the threads of PyTorch and of the linear-algebra libraries, which otherwise fight over the cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)
