"""Search by an agent that builds circuits in the environment, gate by gate, and may learn from what follows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.agents import Agent
from qvar.agents.arrays import joined, part
from qvar.envs import ArchitectureSearchEnv
from qvar.search.lockstep import Lockstep, Outcome
from qvar.search.searcher import Tracker

__all__ = ["AgentSearcher"]

_EVALUATED = ("success", "end_reason", "energy", "error", "depth", "n_cnots", "n_rotations")
"""What a record says about the circuit at the end of an episode."""


class AgentSearcher:
    """Plays rounds of episodes of an agent, one in each environment (mutable): see `qvar.search.searcher.Searcher`.

    The episodes of a round go on in lockstep: one action in each, chosen together, then what follows. Finished ones
    wait for the others. The agent hears of the steps in the order of the environments.

    Args:
        make_environment: makes an environment, those of the evaluations too.
        agent: acts, and learns.
        tracker: is told every circuit.
        seed: of the run, for the evaluations.
        environment_seeds: one for each environment.
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
        environment_seeds: Sequence[int],
        evaluate_every: int | None,
    ) -> None:
        self._make_environment = make_environment
        self._lockstep = Lockstep(make_environment, environment_seeds)
        self._agent = agent
        self._tracker = tracker
        self._seed = seed
        self._evaluate_every = evaluate_every

    def play(self) -> Sequence[Mapping[str, Any]]:
        """Play one round, learn from it, and return the records of its episodes.

        All of them show the agent, the best circuit and the cost as they are at the end of the round.
        """
        learned = self._agent.begin_round(self._tracker.progress)
        environments = self._lockstep.environments[: self._tracker.episodes_left]
        episodes = [_Episode(*env.reset()) for env in environments]
        for env, episode in zip(environments, episodes, strict=True):
            self._note_start(env, episode.info)
            episode.note_loss(learned)
        while playing := [index for index, episode in enumerate(episodes) if episode.info["end_reason"] is None]:
            actions = self._act([environments[k] for k in playing], [episodes[k] for k in playing], greedy=False)
            outcomes = self._lockstep.step(playing, actions)
            for index, action, outcome in zip(playing, actions.tolist(), outcomes, strict=True):
                self._observe(environments[index], episodes[index], action, outcome, index)
        evaluations = self._evaluations(len(episodes))
        return [
            {
                "return": episode.total,
                **{name: episode.info[name] for name in _EVALUATED},
                "threshold": float(episode.info["threshold"]),
                "evaluation": evaluation,
                "epsilon": self._agent.epsilon,
                "loss": float(np.mean(episode.losses)) if episode.losses else None,
            }
            for episode, evaluation in zip(episodes, evaluations, strict=True)
        ]

    def _act(
        self, environments: Sequence[ArchitectureSearchEnv], episodes: Sequence["_Episode"], *, greedy: bool
    ) -> NDArray[np.int64]:
        observations = np.stack([episode.observation for episode in episodes])
        masks = np.stack([env.action_masks() for env in environments])
        for episode, mask in zip(episodes, masks, strict=True):
            episode.mask = mask
        return self._agent.act_all(observations, masks, greedy=greedy)

    def _observe(
        self, env: ArchitectureSearchEnv, episode: "_Episode", action: int, outcome: Outcome, index: int
    ) -> None:
        before, (following, reward, info) = episode.observation, outcome
        loss = self._agent.observe(
            before,
            action,
            reward,
            following,
            env.action_masks(),
            end_reason=info["end_reason"],
            environment=index,
            mask=episode.mask,
        )
        episode.add(outcome)
        episode.note_loss(loss)
        self._note_step(env, info)

    def _evaluations(self, n_episodes: int) -> list[dict[str, Any] | None]:
        """Evaluate the agent if it is time, once at most, and return what came of it at its episode's place."""
        evaluations: list[dict[str, Any] | None] = [None] * n_episodes
        if self._evaluate_every is not None:
            number = (self._tracker.played + n_episodes) // self._evaluate_every * self._evaluate_every
            if number > self._tracker.played:
                evaluations[number - self._tracker.played - 1] = self._evaluation(number)
        return evaluations

    def _evaluation(self, number: int) -> dict[str, Any]:
        """Play one episode without exploring or learning; the training environments are left alone."""
        env = self._make_environment()
        env.curriculum.load_state_dict(self._lockstep.environments[0].curriculum.state_dict())
        seed = np.random.SeedSequence([self._seed, number]).generate_state(1)
        episode = _Episode(*env.reset(seed=int(seed[0])))
        self._tracker.spend(episode.info, steps=0)
        while episode.info["end_reason"] is None:
            (action,) = self._act([env], [episode], greedy=True)
            observation, reward, _, _, info = env.step(action)
            episode.add((observation, float(reward), info))
            self._note_step(env, info)
        return {"return": episode.total} | {name: episode.info[name] for name in _EVALUATED}

    def _note_start(self, env: ArchitectureSearchEnv, info: Mapping[str, Any]) -> None:
        """Count the energy of a reset; that of the very first start circuit is the one to beat."""
        self._tracker.spend(info, steps=0)
        if self._tracker.best is None:
            self._tracker.offer(env.circuit, env.parameters, float(info["energy"]))

    def _note_step(self, env: ArchitectureSearchEnv, info: Mapping[str, Any]) -> None:
        self._tracker.spend(info, steps=int(info["optimized"]))
        self._tracker.offer(env.circuit, env.parameters, float(info["energy"]))

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return the state of agent and environments between rounds."""
        agent, counters = self._agent.state()
        remembered, environments = self._lockstep.state()
        arrays = joined({"agent": agent, "remembered": remembered})
        return arrays, {"agent": counters, "environments": environments}

    def load_state(self, arrays: dict[str, NDArray[Any]], data: dict[str, Any]) -> None:
        """Take over what `state` gave."""
        self._lockstep.load_state(part(arrays, "remembered"), data["environments"])
        self._agent.load_state(part(arrays, "agent"), data["agent"])


@dataclass
class _Episode:
    """An episode as it goes on (mutable)."""

    observation: NDArray[np.float32]
    info: dict[str, Any]
    mask: NDArray[np.bool_] | None = None  # what was legal when the agent acted last
    total: float = 0.0
    losses: list[float] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.observation, reward, self.info = outcome
        self.total += reward

    def note_loss(self, loss: float | None) -> None:
        if loss is not None:
            self.losses.append(loss)
