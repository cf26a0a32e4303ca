"""The environment that a configuration asks for."""

from qvar.envs import ArchitectureSearchEnv
from qvar.search.configuration import SearchConfiguration

__all__ = ["make_environment"]


def make_environment(configuration: SearchConfiguration) -> ArchitectureSearchEnv:
    """Return the environment of a configuration."""
    return ArchitectureSearchEnv(
        configuration.problem,
        configuration.engine,
        optimizer=configuration.optimizer,
        max_gates=configuration.max_gates,
        curriculum=configuration.curriculum,
        halting=configuration.halting,
        reward=configuration.reward,
        start=configuration.start,
        optimize_every=configuration.optimize_every,
        shots=configuration.shots,
        sampling=configuration.sampling,
        remember=configuration.remember,
    )
