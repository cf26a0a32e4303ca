"""Build the searcher that a configuration asks for, with its environment and its random streams."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from qvar.agents import make_agent
from qvar.search.annealing import Annealing, AnnealingSearcher
from qvar.search.configuration import SearchConfiguration
from qvar.search.environment import make_environment
from qvar.search.evolution import Evolution, EvolutionSearcher
from qvar.search.greedy import Greedy, GreedySearcher
from qvar.search.reinforcement import AgentSearcher
from qvar.search.searcher import Searcher, Tracker

if TYPE_CHECKING:
    from qvar.agents import DoubleDQNAgent

__all__ = ["make_searcher"]


def make_searcher(
    configuration: SearchConfiguration, tracker: Tracker, *, experience: Mapping[str, NDArray[Any]] | None = None
) -> Searcher:
    """Return the algorithm of a configuration, ready to play.

    Args:
        configuration: what to run.
        tracker: is told every circuit.
        experience: fills the replay memory of a double-DQN agent, see `Experience.arrays`.
    """
    environment_seed, algorithm_seed = np.random.SeedSequence(configuration.seed).spawn(2)
    env, algorithm = make_environment(configuration), configuration.algorithm
    if isinstance(algorithm, Annealing):
        return AnnealingSearcher(algorithm, env, tracker, algorithm_seed)
    if isinstance(algorithm, Evolution):
        return EvolutionSearcher(algorithm, env, tracker, algorithm_seed)
    if isinstance(algorithm, Greedy):
        return GreedySearcher(algorithm, env, tracker, algorithm_seed)
    agent = make_agent(
        algorithm,
        n_features=int(np.prod(env.observation_space.shape or ())),
        n_actions=len(env.action_table),
        max_gates=configuration.max_gates,
        seed=algorithm_seed,
    )
    if experience is not None:
        cast("DoubleDQNAgent", agent).recall(experience)
    return AgentSearcher(
        lambda: make_environment(configuration),
        agent,
        tracker,
        seed=configuration.seed,
        environment_seeds=environment_seed.generate_state(configuration.environments).tolist(),
        evaluate_every=configuration.evaluate_every,
    )
