"""Say what a sweep is: searches over the product of tasks, noise, presets, algorithms and seeds.

A sweep is checked as a whole before anything starts: combinations that a preset or a device refuses are all named in
one error. `qvar.search.sweep_running` carries it out.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, TypeVar

from qvar.envs.defaults import find_problem
from qvar.problems import Problem
from qvar.search.configuration import Algorithm, SearchConfiguration
from qvar.search.presets import configure
from qvar.search.running import check_configuration
from qvar.simulators import NoiseModel, PauliTransferSimulator, StatevectorSimulator
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import QvarError, RunError

__all__ = ["Experiment", "Labels", "Sweep"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Labels:
    """The words for one combination of a sweep, as they were asked for."""

    task: str
    noise: str = "none"
    preset: str = "laptop"
    algorithm: str = "ddqn"

    @property
    def name(self) -> str:
        """TASK-NOISE-PRESET-ALGORITHM, fit for a folder."""
        text = "-".join((self.task, self.noise, self.preset, self.algorithm))
        return re.sub(r"[^A-Za-z0-9._+-]+", "-", text).lstrip("._+-")

    def __str__(self) -> str:
        return f"{self.task}, noise {self.noise}, preset {self.preset}, algorithm {self.algorithm}"

    def to_dict(self) -> dict[str, str]:
        """Return the words by what they stand for."""
        return {"task": self.task, "noise": self.noise, "preset": self.preset, "algorithm": self.algorithm}


@dataclass(frozen=True)
class Experiment:
    """One combination of a sweep: what to run, whatever the seed."""

    labels: Labels
    configuration: SearchConfiguration


@dataclass(frozen=True)
class Sweep:
    """Searches to be run with several seeds each.

    Args:
        experiments: what to run; their names must differ.
        seeds: each experiment is run once with each of them.

    Raises:
        RunError: if there is nothing to run, or two runs could not be told apart.
    """

    experiments: tuple[Experiment, ...]
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)

    def __post_init__(self) -> None:
        if not self.experiments or not self.seeds:
            raise RunError("a sweep needs at least one experiment and one seed")
        seeds = tuple(check_whole("seed", seed, least=0, error=RunError) for seed in self.seeds)
        object.__setattr__(self, "seeds", seeds)
        _by_name("experiment", [(e.labels.name, e) for e in self.experiments])
        _by_name("seed", [(str(seed), seed) for seed in seeds])

    @classmethod
    def product(
        cls,
        problems: Sequence[Problem | str],
        *,
        noise: Sequence[NoiseModel | None] = (None,),
        presets: Sequence[str] = ("laptop",),
        algorithms: Mapping[str, Algorithm | None],
        seeds: Iterable[int] = range(5),
        episodes: int | None = None,
        max_energies: int | None = None,
        max_gates: int | None = None,
        shots: int | None = None,
    ) -> "Sweep":
        """Return the sweep over every combination of what is given.

        Args:
            problems: problems, or the names of shipped tasks.
            noise: noise models, None for no noise.
            presets: names of presets, for everything not given here.
            algorithms: algorithms by the names that tables give them; None for that of the preset.
            seeds: seeds of every combination.
            episodes: episodes per run; None for the preset's number.
            max_energies: energies after which a run ends (see `Cost.energies`), None for no limit.
            max_gates: gates per circuit; None for the preset's number.
            shots: shots per measured circuit, None for exact values.

        Raises:
            RunError: naming every combination that cannot be run.

        Example:
            >>> from qvar.agents import RandomPolicy
            >>> plan = Sweep.product(["h2-2", "h2-4"], algorithms={"random": RandomPolicy()}, seeds=range(3))
            >>> plan.n_runs, plan.experiments[1].labels.name
            (6, 'h2-4-none-laptop-random')
        """
        tasks = _by_name("problem", [(problem.key, problem) for problem in map(find_problem, problems)])
        models = _by_name("noise", [("none" if model is None else model.name, model) for model in noise])
        limits = {"episodes": episodes, "max_energies": max_energies, "max_gates": max_gates}

        def make(labels: Labels) -> SearchConfiguration:
            model = models[labels.noise]
            engine = StatevectorSimulator() if model is None else PauliTransferSimulator(model)
            base = configure(labels.preset, tasks[labels.task], engine, shots=shots)
            changes: dict[str, Any] = {name: value for name, value in limits.items() if value is not None}
            return replace(base, algorithm=algorithms[labels.algorithm] or base.algorithm, **changes)

        combinations = [Labels(*words) for words in product(tasks, models, presets, algorithms)]
        return cls.collect(combinations, make, seeds=seeds)

    @classmethod
    def collect(
        cls, combinations: Iterable[Labels], make: Callable[[Labels], SearchConfiguration], *, seeds: Iterable[int]
    ) -> "Sweep":
        """Return the sweep over combinations whose configurations `make` gives.

        Raises:
            RunError: naming every combination that `make`, the environment or the engine refuses.
        """
        experiments, refused = [], []
        for labels in combinations:
            try:
                configuration = make(labels)
                check_configuration(configuration)
                experiments.append(Experiment(labels, configuration))
            except QvarError as error:
                refused.append(f"({labels}): {error}")
        if len(refused) == 1 and not experiments:
            raise RunError(refused[0])
        if refused:
            raise RunError(
                f"{len(refused)} of {len(refused) + len(experiments)} combinations cannot be run; nothing was started. "
                f"Leave them out; several sweeps can be reported together: {'; '.join(refused)}"
            )
        return cls(tuple(experiments), tuple(seeds))

    @property
    def n_runs(self) -> int:
        """Number of runs."""
        return len(self.experiments) * len(self.seeds)

    def to_dict(self) -> dict[str, Any]:
        """Return the sweep as JSON-able data, as sweep.json holds it."""
        experiments = {}
        for experiment in self.experiments:
            configuration = experiment.configuration.to_dict()
            del configuration["seed"]
            experiments[experiment.labels.name] = {
                "labels": experiment.labels.to_dict(),
                "configuration": configuration,
            }
        return {"experiments": experiments, "seeds": list(self.seeds)}


def _by_name(what: str, named: Sequence[tuple[str, _T]]) -> dict[str, _T]:
    """Return things by their names, which must differ."""
    names = [name for name, _ in named]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RunError(f"a sweep takes every {what} once, got more of {', '.join(twice)}")
    return dict(named)
