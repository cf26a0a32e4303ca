"""Learning agents: what acts in the architecture-search environment and learns from it."""

from typing import TYPE_CHECKING, Any

import numpy as np

from qvar.agents.agent import Agent, RandomAgent, RandomPolicy
from qvar.agents.settings import DoubleDQN

if TYPE_CHECKING:
    from qvar.agents.double_dqn import DoubleDQNAgent

__all__ = ["Agent", "DoubleDQN", "DoubleDQNAgent", "RandomAgent", "RandomPolicy", "make_agent"]


def make_agent(
    settings: DoubleDQN | RandomPolicy,
    *,
    n_features: int,
    n_actions: int,
    max_gates: int,
    seed: np.random.SeedSequence,
) -> Agent:
    """Return the agent with these settings.

    Args:
        settings: which agent.
        n_features: length of an observation.
        n_actions: number of actions.
        max_gates: longest episode, in steps.
        seed: seeds all its chance.
    """
    if isinstance(settings, RandomPolicy):
        return RandomAgent(seed)
    from qvar.agents.double_dqn import DoubleDQNAgent

    return DoubleDQNAgent(settings, n_features=n_features, n_actions=n_actions, max_gates=max_gates, seed=seed)


def __getattr__(name: str) -> Any:
    if name == "DoubleDQNAgent":  # loads torch
        from qvar.agents.double_dqn import DoubleDQNAgent

        return DoubleDQNAgent
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
