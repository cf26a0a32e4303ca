"""Build the searcher that a configuration asks for, with its environment and its random streams."""

import numpy as np

from qvar.agents import make_agent
from qvar.envs import ArchitectureSearchEnv
from qvar.search.configuration import SearchConfiguration
from qvar.search.reinforcement import AgentSearcher
from qvar.search.searcher import Searcher, Tracker

__all__ = ["make_environment", "make_searcher"]


def make_environment(configuration: SearchConfiguration) -> ArchitectureSearchEnv:
    """Return the environment of a configuration."""
    return ArchitectureSearchEnv(
        configuration.problem,
        configuration.engine,
        optimizer=configuration.optimizer,
        max_gates=configuration.max_gates,
        curriculum=configuration.curriculum,
        halting=configuration.halting,
        shots=configuration.shots,
        sampling=configuration.sampling,
        remember=configuration.remember,
    )


def make_searcher(configuration: SearchConfiguration, tracker: Tracker) -> Searcher:
    """Return the algorithm of a configuration, ready to play."""
    environment_seed, algorithm_seed = np.random.SeedSequence(configuration.seed).spawn(2)
    env = make_environment(configuration)
    agent = make_agent(
        configuration.algorithm,
        n_features=int(np.prod(env.observation_space.shape or ())),
        n_actions=len(env.action_table),
        max_gates=configuration.max_gates,
        seed=algorithm_seed,
    )
    return AgentSearcher(
        lambda: make_environment(configuration),
        agent,
        tracker,
        seed=configuration.seed,
        environment_seeds=environment_seed.generate_state(configuration.environments).tolist(),
        evaluate_every=configuration.evaluate_every,
    )
