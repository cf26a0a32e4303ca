"""What an agent went through in one run, given to the agent of another: replay memory that a new run starts with.

A search without noise costs little, and its transitions still say which gates lower the energy; arXiv 2604.21863 fills
the replay memory of a noisy search with them. The run keeps a copy and does not need the other one again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from qvar.agents import DoubleDQN
from qvar.agents.arrays import part
from qvar.runs import RunFolder
from qvar.search.configuration import SearchConfiguration
from qvar.search.environment import make_environment
from qvar.simulators.errors import RunError

__all__ = ["Experience"]


@dataclass(frozen=True)
class Experience:
    """The replay memory of a finished run.

    Attributes:
        run_id: identity of that run.
        configuration: of that run.
        arrays: the memory, as `ReplayBuffer.state_arrays` gives it. Sums of n steps are those of that run's rewards,
            discount and n.
    """

    run_id: str
    configuration: SearchConfiguration
    arrays: Mapping[str, NDArray[Any]]

    @classmethod
    def read(cls, path: Path) -> "Experience":
        """Return the experience of the run in a folder.

        Raises:
            RunError: if there is no finished run of a double-DQN agent in it.
        """
        folder = RunFolder.open(path)
        configuration = SearchConfiguration.from_dict(folder.config)
        if not folder.is_finished:
            raise RunError(f"the run in {path} is not finished; finish it with: qvar search --resume --out {path}")
        saved = folder.load_checkpoint()
        arrays, _ = ({}, None) if saved is None else saved
        memory = part(part(arrays, "agent"), "replay")
        if not isinstance(configuration.algorithm, DoubleDQN) or not memory:
            raise RunError(
                f"the run in {path} kept no transitions to replay from; a run of the algorithm DoubleDQN is needed, "
                f"got {type(configuration.algorithm).__name__}"
            )
        return cls(folder.id, configuration, memory)

    def check_fits(self, configuration: SearchConfiguration) -> None:
        """Raise RunError unless actions and observations mean the same in a run of `configuration`."""
        here, there = make_environment(configuration), make_environment(self.configuration)
        if here.action_table.actions != there.action_table.actions:
            raise RunError(
                f"run {self.run_id} chose among {len(there.action_table)} actions, this one chooses among "
                f"{len(here.action_table)}, and they are not the same; to replay from it, search as many qubits, with "
                "CNOTs on the same pairs (a device's coupling map restricts them)"
            )
        if here.observation_space.shape != there.observation_space.shape:
            raise RunError(
                f"run {self.run_id} has max_gates={self.configuration.max_gates}, this one {configuration.max_gates}; "
                "to replay from it, set the same number, on which the length of observations depends"
            )
