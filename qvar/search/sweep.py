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
from qvar.search.configuration import Algorithm, SearchConfiguration, algorithm_name, find_algorithm
from qvar.search.judge import Yardstick
from qvar.search.presets import configure, limited
from qvar.search.running import check_configuration
from qvar.simulators import NoiseModel, PauliTransferSimulator, StatevectorSimulator
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import QvarError, RunError

__all__ = ["Combination", "Labels", "Sweep"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Labels:
    """The words for one combination of a sweep; an empty algorithm stands for that of the preset."""

    task: str
    noise: str = "none"
    preset: str = "qvar"
    algorithm: str = ""

    @property
    def name(self) -> str:
        """TASK-NOISE-PRESET-ALGORITHM, fit for a folder."""
        text = "-".join((self.task, self.noise, self.preset, self.algorithm))
        return re.sub(r"[^A-Za-z0-9._+-]+", "-", text).lstrip("._+-")

    def __str__(self) -> str:
        algorithm = f", algorithm {self.algorithm}" if self.algorithm else ""
        return f"{self.task}, noise {self.noise}, preset {self.preset}{algorithm}"

    def to_dict(self) -> dict[str, str]:
        """Return the words by what they stand for."""
        return {"task": self.task, "noise": self.noise, "preset": self.preset, "algorithm": self.algorithm}


@dataclass(frozen=True)
class Combination:
    """One combination of a sweep: what to run, whatever the seed."""

    labels: Labels
    configuration: SearchConfiguration


@dataclass(frozen=True)
class Sweep:
    """Searches to be run with several seeds each.

    Args:
        combinations: what to run; their names must differ.
        seeds: each combination is run once with each of them.

    Raises:
        RunError: if there is nothing to run, or two runs could not be told apart.
    """

    combinations: tuple[Combination, ...]
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)

    def __post_init__(self) -> None:
        if not self.combinations or not self.seeds:
            raise RunError("a sweep needs at least one combination and one seed")
        seeds = tuple(check_whole("seed", seed, least=0, error=RunError) for seed in self.seeds)
        object.__setattr__(self, "seeds", seeds)
        _by_name("combination", [(each.labels.name, each) for each in self.combinations])
        _by_name("seed", [(str(seed), seed) for seed in seeds])

    @classmethod
    def product(
        cls,
        problems: Sequence[Problem | str],
        *,
        noise: Sequence[NoiseModel | None] = (None,),
        presets: Sequence[str] = ("qvar",),
        algorithms: Sequence[str] | Mapping[str, Algorithm] | None = None,
        seeds: Iterable[int] = range(5),
        episodes: int | None = None,
        max_energies: int | None = None,
        max_gates: int | None = None,
        shots: int | None = None,
        judge: Yardstick | None = None,
    ) -> "Sweep":
        """Return the sweep over every combination of what is given.

        Args:
            problems: problems, or their names (see `qvar.problems.find_problem`).
            noise: noise models, None for no noise.
            presets: names of presets, for everything not given here.
            algorithms: names of algorithms (see `ALGORITHMS`), with the preset's settings where it has that algorithm;
                or algorithms by the names that tables are to give them. None for that of each preset.
            seeds: seeds of every combination.
            episodes: episodes per run; None for the preset's number.
            max_energies: energies after which a run ends (see `Cost.energies`), None for the preset's number.
            max_gates: gates per circuit; None for the preset's number.
            shots: shots per measured circuit, None for exact values.
            judge: the energy that circuits are ranked by, see `Judge`; None for the preset's.

        Raises:
            RunError: naming every combination that cannot be run.

        Example:
            >>> plan = Sweep.product(["h2-2", "h2-4"], algorithms=["ddqn", "random"], seeds=range(3))
            >>> plan.n_runs, plan.combinations[1].labels.name
            (12, 'h2-2-none-qvar-random')
        """
        tasks = _by_name("problem", [(problem.key, problem) for problem in map(find_problem, problems)])
        models = _by_name("noise", [("none" if model is None else model.name, model) for model in noise])

        def make(labels: Labels) -> SearchConfiguration:
            model = models[labels.noise]
            engine = StatevectorSimulator() if model is None else PauliTransferSimulator(model)
            problem = tasks[labels.task]
            base = configure(labels.preset, problem, engine, shots=shots)
            if isinstance(algorithms, Mapping):
                base = configure(labels.preset, problem, engine, shots=shots, algorithm=algorithms[labels.algorithm])
            elif labels.algorithm:
                chosen = find_algorithm(labels.algorithm, base.algorithm)
                base = configure(labels.preset, problem, engine, shots=shots, algorithm=chosen)
            base = limited(base, episodes=episodes, max_energies=max_energies)
            base = base if max_gates is None else replace(base, max_gates=max_gates)
            return base if judge is None else replace(base, judge=replace(base.judge, by=judge))

        words = product(tasks, models, presets, [""] if algorithms is None else algorithms)
        return cls.collect([Labels(*each) for each in words], make, seeds=seeds)

    @classmethod
    def collect(
        cls, wanted: Iterable[Labels], make: Callable[[Labels], SearchConfiguration], *, seeds: Iterable[int]
    ) -> "Sweep":
        """Return the sweep over the combinations that are wanted, `make` giving their configurations.

        Raises:
            RunError: naming every combination that `make`, the environment or the engine refuses.
        """
        combinations, refused = [], []
        for labels in wanted:
            try:
                configuration = make(labels)
                check_configuration(configuration)
                named = (
                    labels if labels.algorithm else replace(labels, algorithm=algorithm_name(configuration.algorithm))
                )
                combinations.append(Combination(named, configuration))
            except QvarError as error:
                refused.append(f"({labels}): {error}")
        if len(refused) == 1 and not combinations:
            raise RunError(refused[0])
        if refused:
            n_wanted = len(refused) + len(combinations)
            raise RunError(
                f"{len(refused)} of {n_wanted} combinations cannot be run; nothing was started. Leave them out; "
                f"several sweeps can be reported together: {'; '.join(refused)}"
            )
        return cls(tuple(combinations), tuple(seeds))

    @property
    def n_runs(self) -> int:
        """Number of runs."""
        return len(self.combinations) * len(self.seeds)

    def to_dict(self) -> dict[str, Any]:
        """Return the sweep as JSON-able data, as sweep.json holds it."""
        combinations = {each.labels.name: _to_dict(each) for each in self.combinations}
        return {"combinations": combinations, "seeds": list(self.seeds)}


def _to_dict(combination: Combination) -> dict[str, Any]:
    configuration = combination.configuration.to_dict()
    del configuration["seed"]
    return {"labels": combination.labels.to_dict(), "configuration": configuration}


def _by_name(what: str, named: Sequence[tuple[str, _T]]) -> dict[str, _T]:
    """Return things by their names, which must differ."""
    names = [name for name, _ in named]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RunError(f"a sweep takes every {what} once, got more of {', '.join(twice)}")
    return dict(named)
