"""Several environments that are stepped together, with one curriculum; what comes of it does not depend on threads."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from gymnasium.utils import seeding
from numpy.typing import NDArray

from qvar.agents.arrays import joined, part
from qvar.envs import ArchitectureSearchEnv, CurriculumState
from qvar.simulators.threads import thread_limit

__all__ = ["Lockstep", "Outcome"]

Outcome = tuple[NDArray[np.float32], float, dict[str, Any]]
"""Observation, reward and info of a step."""

_WORTH_SECONDS = 1e-3
"""Steps that take longer are shared among threads; shorter ones are mostly Python, which runs one thread at a time."""


class _NotedCurriculum:
    """A curriculum shared with other environments; what is recorded waits until `pass_on` (mutable)."""

    def __init__(self, shared: CurriculumState) -> None:
        self._shared = shared
        self._notes: list[Callable[[], None]] = []

    @property
    def reference(self) -> float:
        return self._shared.reference

    @property
    def threshold(self) -> float:
        return self._shared.threshold

    def record_energy(self, energy: float) -> None:
        self._notes.append(lambda: self._shared.record_energy(energy))

    def end_episode(self, success: bool) -> None:
        self._notes.append(lambda: self._shared.end_episode(success))

    def pass_on(self) -> None:
        notes, self._notes = self._notes, []
        for note in notes:
            note()

    def state_dict(self) -> dict[str, Any]:
        return self._shared.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._shared.load_state_dict(state)


class Lockstep:
    """Environments played together, each with its own chance and its own memory of circuits (mutable).

    The curriculum hears of the steps in the order of the environments, after all have been taken.

    Args:
        make_environment: makes one.
        seeds: seeds of the environments, one each.
        n_threads: threads that may step them; None to use those of the simulators for steps that are long enough.
    """

    def __init__(
        self,
        make_environment: Callable[[], ArchitectureSearchEnv],
        seeds: Sequence[int],
        *,
        n_threads: int | None = None,
    ) -> None:
        self.environments = [make_environment() for _ in seeds]
        shared = self.environments[0].curriculum
        self._curricula = [_NotedCurriculum(shared) for _ in seeds]
        for env, curriculum, seed in zip(self.environments, self._curricula, seeds, strict=True):
            env.curriculum = curriculum
            env.np_random, _ = seeding.np_random(seed)
        self._n_threads = n_threads
        self._step_seconds = 0.0
        self._pool: ThreadPoolExecutor | None = None

    def step(self, which: Sequence[int], actions: NDArray[np.int64]) -> list[Outcome]:
        """Step the environments `which`, one action each, and return what came of it."""

        def one(index: int, action: int) -> Outcome:
            observation, reward, _, _, info = self.environments[index].step(action)
            return observation, float(reward), info

        started = time.perf_counter()
        n_threads = min(len(which), self._threads_worth_using())
        if n_threads > 1:
            outcomes = list(self._executor().map(one, which, actions.tolist()))
        else:
            outcomes = [one(*pair) for pair in zip(which, actions.tolist(), strict=True)]
        self._step_seconds = (time.perf_counter() - started) * n_threads / len(which)
        for index in which:
            self._curricula[index].pass_on()
        return outcomes

    def _threads_worth_using(self) -> int:
        if self._n_threads is not None:
            return self._n_threads
        return thread_limit() if self._step_seconds > _WORTH_SECONDS else 1

    def _executor(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._n_threads or thread_limit(), thread_name_prefix="qvar-environments")
        return self._pool

    def state(self) -> tuple[dict[str, NDArray[Any]], list[dict[str, Any]]]:
        """Return the state between rounds: what the evaluators remember, and JSON-able data per environment."""
        arrays = joined({str(index): env.evaluator.state() for index, env in enumerate(self.environments)})
        return arrays, [env.state_dict() for env in self.environments]

    def load_state(self, arrays: Mapping[str, NDArray[Any]], states: Sequence[Mapping[str, Any]]) -> None:
        """Take over what `state` gave."""
        for index, (env, state) in enumerate(zip(self.environments, states, strict=True)):
            env.load_state_dict(state)
            env.evaluator.load_state(part(arrays, str(index)))
