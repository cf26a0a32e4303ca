"""Tasks of latent architecture search, what their circuits are worth, and tables of it for whole pools."""

from qvar.latent.tasks.ansatz_task import AnsatzTask
from qvar.latent.tasks.catalogue import find_latent_task, latent_task_names, task_from_problem, wide_space
from qvar.latent.tasks.energy_task import LatentTask
from qvar.latent.tasks.evaluating import Evaluator, evaluate
from qvar.latent.tasks.rewards import BaseRate, Progress, RewardTable, compute_rewards, rewards_identity
from qvar.latent.tasks.target import TargetState
from qvar.latent.tasks.task import Evaluation, Task

__all__ = [
    "AnsatzTask",
    "BaseRate",
    "Evaluation",
    "Evaluator",
    "LatentTask",
    "Progress",
    "RewardTable",
    "TargetState",
    "Task",
    "compute_rewards",
    "evaluate",
    "find_latent_task",
    "latent_task_names",
    "rewards_identity",
    "task_from_problem",
    "wide_space",
]
