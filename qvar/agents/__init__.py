"""Learning agents: what acts in the architecture-search environment and learns from it."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from qvar.agents.agent import Agent, RandomAgent, RandomPolicy
from qvar.agents.settings import DoubleDQN, MaskablePPO
from qvar.simulators.errors import QvarError
from qvar.simulators.extras import how_to_install
from qvar.simulators.lazy import lazy_names

if TYPE_CHECKING:
    from qvar.agents.double_dqn import DoubleDQNAgent
    from qvar.agents.maskable_ppo import MaskablePPOAgent

__all__ = [
    "Agent",
    "AgentSettings",
    "DoubleDQN",
    "DoubleDQNAgent",
    "MaskablePPO",
    "MaskablePPOAgent",
    "RandomAgent",
    "RandomPolicy",
    "check_installed",
    "make_agent",
]

_HOME = {"DoubleDQNAgent": "double_dqn", "MaskablePPOAgent": "maskable_ppo"}
__getattr__, __dir__ = lazy_names(__name__, _HOME, __all__)  # they load PyTorch

AgentSettings = DoubleDQN | MaskablePPO | RandomPolicy
"""The settings of every agent there is."""


def check_installed(settings: object) -> None:
    """Raise QvarError for the settings of an agent whose package is not installed; nothing is loaded."""
    if isinstance(settings, MaskablePPO) and find_spec("sb3_contrib") is None:
        raise QvarError(f"the agent MaskablePPO needs sb3-contrib; {how_to_install('sb3')}")


def make_agent(
    settings: AgentSettings,
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

    Raises:
        QvarError: for `MaskablePPO` without sb3-contrib.
    """
    check_installed(settings)
    shape = {"n_features": n_features, "n_actions": n_actions, "max_gates": max_gates}
    if isinstance(settings, RandomPolicy):
        return RandomAgent(seed)
    if isinstance(settings, MaskablePPO):
        from qvar.agents.maskable_ppo import MaskablePPOAgent

        return MaskablePPOAgent(settings, **shape, seed=seed)
    from qvar.agents.double_dqn import DoubleDQNAgent

    return DoubleDQNAgent(settings, **shape, seed=seed)
