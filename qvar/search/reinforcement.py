"""Search by an agent that builds circuits in the environment, gate by gate, and may learn from what follows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.agents import Agent
from qvar.envs import ArchitectureSearchEnv
from qvar.search.searcher import Tracker

__all__ = ["AgentSearcher"]

_EVALUATED = ("success", "end_reason", "energy", "error", "depth", "n_cnots", "n_rotations")
"""What a record says about the circuit at the end of an episode."""


class AgentSearcher:
    """Plays episodes of an agent (mutable): see `qvar.search.searcher.Searcher`.

    Args:
        make_environment: makes the environment, anew for each evaluation.
        agent: acts, and learns.
        tracker: is told every circuit.
        seed: of the run, for the evaluations.
        environment_seed: of the first reset.
        evaluate_every: episodes between evaluations, one episode without exploration each; None for none.
    """

    is_exhausted = False

    def __init__(
        self,
        make_environment: Callable[[], ArchitectureSearchEnv],
        agent: Agent,
        tracker: Tracker,
        *,
        seed: int,
        environment_seed: int,
        evaluate_every: int | None,
    ) -> None:
        self._make_environment = make_environment
        self._env = make_environment()
        self._agent = agent
        self._tracker = tracker
        self._seed = seed
        self._environment_seed: int | None = environment_seed
        self._evaluate_every = evaluate_every

    def play(self) -> Sequence[Mapping[str, Any]]:
        """Play one episode, learn from it, and return its record."""
        observation, info = self._env.reset(seed=self._environment_seed)
        self._environment_seed = None
        self._tracker.spend(info, steps=0)
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
        record = {
            "return": total,
            **{name: info[name] for name in _EVALUATED},
            "threshold": float(info["threshold"]),
            "evaluation": self._evaluation(),
            "epsilon": self._agent.epsilon,
            "loss": float(np.mean(losses)) if losses else None,
        }
        return (record,)

    def _evaluation(self) -> dict[str, Any] | None:
        """Play one episode without exploring or learning, if it is time; the training environment is left alone."""
        number, every = self._tracker.played + 1, self._evaluate_every
        if every is None or number % every != 0:
            return None
        env = self._make_environment()
        env.curriculum.load_state_dict(self._env.curriculum.state_dict())
        seed = np.random.SeedSequence([self._seed, number]).generate_state(1)
        observation, info = env.reset(seed=int(seed[0]))
        self._tracker.spend(info, steps=0)
        total = 0.0
        while info["end_reason"] is None:
            action = self._agent.act(observation, env.action_masks(), greedy=True)
            observation, reward, _, _, info = env.step(action)
            total += reward
            self._note_step(env, info)
        return {"return": total} | {name: info[name] for name in _EVALUATED}

    def _note_step(self, env: ArchitectureSearchEnv, info: Mapping[str, Any]) -> None:
        self._tracker.spend(info, steps=int(info["optimized"]))
        self._tracker.offer(env.circuit, env.parameters, float(info["energy"]))

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return the state of agent and environment between episodes."""
        arrays, counters = self._agent.state()
        arrays = {f"agent.{name}": array for name, array in arrays.items()}
        arrays |= {f"remembered.{name}": array for name, array in self._env.evaluator.state().items()}
        return arrays, {"agent": counters, "environment": self._env.state_dict()}

    def load_state(self, arrays: dict[str, NDArray[Any]], data: dict[str, Any]) -> None:
        """Take over what `state` gave."""
        self._env.load_state_dict(data["environment"])
        self._env.evaluator.load_state(_part(arrays, "remembered."))
        self._agent.load_state(_part(arrays, "agent."), data["agent"])
        self._environment_seed = None


def _part(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
