"""The architecture-search environment: state, actions, reward, curriculum.

Importing this package registers the environments with gymnasium:

| id | what |
|---|---|
| qvar/ArchitectureSearch-v0 | any problem: `gymnasium.make(id, problem=problem, engine=engine)` |
| qvar/H2-v0 | hydrogen on 4 qubits, the same as qvar/H2-4-v0 |
| qvar/H2-2-v0, H2-3, H2-4, LiH-4, LiH-6, H2O-8, H2O-8-Bohr | the molecular tasks |
| qvar/Probe-SingleRotation-v0, TwoRotations, Bell, AlreadySolved, Unreachable | known answers, see `probes` |

Nothing heavy is imported here: engines, optimizers and molecules load when an environment is made.
"""

from typing import TYPE_CHECKING

from qvar.envs.registration import ENVIRONMENT_IDS, register_environments
from qvar.simulators.lazy import lazy_names

if TYPE_CHECKING:
    from qvar.envs.actions import NO_ACTION, Action, ActionTable, both_directions
    from qvar.envs.best_so_far import BestSoFar
    from qvar.envs.curriculum import Curriculum, CurriculumState, FixedThreshold, MovingThreshold
    from qvar.envs.encoding import decode, encode, observation, observation_length
    from qvar.envs.environment import ArchitectureSearchEnv
    from qvar.envs.evaluation import CircuitEvaluator, Evaluation
    from qvar.envs.halting import (
        BinomialHalting,
        FixedNegativeBinomialHalting,
        Halting,
        ModeHalting,
        NegativeBinomialHalting,
        NoHalting,
    )
    from qvar.envs.presets import default_curriculum, paper_curriculum
    from qvar.envs.probes import PROBES, Probe, make_probe, probe_problem
    from qvar.envs.reward import GateCostReward, PaperReward, Reward
    from qvar.envs.start import StartCircuit

_HOME = {
    "NO_ACTION": "actions",
    "PROBES": "probes",
    "Action": "actions",
    "ActionTable": "actions",
    "ArchitectureSearchEnv": "environment",
    "BinomialHalting": "halting",
    "BestSoFar": "best_so_far",
    "CircuitEvaluator": "evaluation",
    "Curriculum": "curriculum",
    "CurriculumState": "curriculum",
    "Evaluation": "evaluation",
    "FixedNegativeBinomialHalting": "halting",
    "FixedThreshold": "curriculum",
    "GateCostReward": "reward",
    "Halting": "halting",
    "ModeHalting": "halting",
    "MovingThreshold": "curriculum",
    "NegativeBinomialHalting": "halting",
    "NoHalting": "halting",
    "PaperReward": "reward",
    "Probe": "probes",
    "Reward": "reward",
    "StartCircuit": "start",
    "both_directions": "actions",
    "decode": "encoding",
    "default_curriculum": "presets",
    "encode": "encoding",
    "make_probe": "probes",
    "observation": "encoding",
    "observation_length": "encoding",
    "paper_curriculum": "presets",
    "probe_problem": "probes",
}

__all__ = [
    "ENVIRONMENT_IDS",
    "NO_ACTION",
    "PROBES",
    "Action",
    "ActionTable",
    "ArchitectureSearchEnv",
    "BestSoFar",
    "BinomialHalting",
    "CircuitEvaluator",
    "Curriculum",
    "CurriculumState",
    "Evaluation",
    "FixedNegativeBinomialHalting",
    "FixedThreshold",
    "GateCostReward",
    "Halting",
    "ModeHalting",
    "MovingThreshold",
    "NegativeBinomialHalting",
    "NoHalting",
    "PaperReward",
    "Probe",
    "Reward",
    "StartCircuit",
    "both_directions",
    "decode",
    "default_curriculum",
    "encode",
    "make_probe",
    "observation",
    "observation_length",
    "paper_curriculum",
    "probe_problem",
]

register_environments()

__getattr__, __dir__ = lazy_names(__name__, _HOME, __all__)
