"""Settings that the authors' code of arXiv 2401.11576 has for its six tasks."""

import re
from dataclasses import dataclass

from qvar.latent.search.dngo import Dngo
from qvar.latent.search.reinforce import Reinforce

__all__ = ["PUBLISHED_TASKS", "PublishedTask", "published_task"]


@dataclass(frozen=True)
class PublishedTask:
    """One row of the authors' settings.

    Attributes:
        threshold: least reward of a candidate solution.
        latent_size: length d of a feature.
        momentum: of the baseline of REINFORCE.
        first_baseline: its start.
        levels: mean rewards at which batches grow, besides the threshold.
        penalty_reinforce: whether REINFORCE sees rewards below the threshold squared.
        penalty_bayesian: whether Bayesian optimization does.
        target: fixed target of the expected improvement.
        batch: circuits per round of Bayesian optimization.
        filter_threshold: least prediction of a circuit that passes the predictors, None where it is not known.
    """

    threshold: float
    latent_size: int
    momentum: float
    first_baseline: float
    levels: tuple[float, float]
    penalty_reinforce: bool
    penalty_bayesian: bool
    target: float
    batch: int
    filter_threshold: float | None

    def reinforce(self) -> Reinforce:
        """Return REINFORCE as the authors' code has it."""
        return Reinforce(
            first_baseline=self.first_baseline,
            baseline_momentum=self.momentum,
            levels=self.levels,
            batches=(8, 16, 24, 32),
            penalty=self.penalty_reinforce,
            learns_width=False,
            normalizes=False,
        )

    def dngo(self) -> Dngo:
        """Return Bayesian optimization as the authors' code has it."""
        return Dngo.reference(target=self.target, batch=self.batch, penalty=self.penalty_bayesian)


PUBLISHED_TASKS: dict[str, PublishedTask] = {
    "fidelity-4": PublishedTask(0.95, 16, 0.8, 0.5, (0.5, 0.7), False, False, 0.90, 5, 0.5),
    "fidelity-8": PublishedTask(0.75, 32, 0.8, 0.2, (0.2, 0.5), False, False, 0.70, 8, None),
    "maxcut-4": PublishedTask(0.95, 16, 0.7, 0.9, (0.8, 0.9), False, True, 0.90, 5, 0.9),
    "maxcut-8": PublishedTask(0.925, 32, 0.7, 0.7, (0.7, 0.9), True, True, 0.90, 5, None),
    "h2-4": PublishedTask(0.95, 16, 0.7, 0.5, (0.7, 0.9), False, False, 0.90, 5, 0.675),
    "tfim-8": PublishedTask(0.90, 32, 0.7, 0.5, (0.6, 0.8), False, False, 0.85, 5, None),
}
"""The tasks with settings of their own, by name."""


def published_task(name: str) -> PublishedTask | None:
    """Return the settings of a task by the name that `find_latent_task` knows it by, None if the authors lack it.

    Targets of one size share their settings ("fidelity-8-b" has those of "fidelity-8"), and a task keeps its settings
    under noise ("h2-4@ourense").
    """
    stem = name.partition("@")[0]
    return PUBLISHED_TASKS.get(re.sub(r"^(fidelity-\d+)-[a-z]$", r"\1", stem))
