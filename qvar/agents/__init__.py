"""Learning agents: what acts in the architecture-search environment and learns from it."""

from typing import TYPE_CHECKING, Any

from qvar.agents.settings import DoubleDQN

if TYPE_CHECKING:
    from qvar.agents.double_dqn import DoubleDQNAgent

__all__ = ["DoubleDQN", "DoubleDQNAgent"]


def __getattr__(name: str) -> Any:
    if name == "DoubleDQNAgent":  # loads torch
        from qvar.agents.double_dqn import DoubleDQNAgent

        return DoubleDQNAgent
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
