"""What came of a study: figures with intervals beside those of random search, and curves to draw."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qvar.latent.search.running import PoolRun
from qvar.latent.search.statistics import Achievement, Spread, curve_intervals
from qvar.simulators.errors import LatentError

__all__ = ["Curve", "MethodFigures", "StudyResult"]

Curve = Literal["candidates", "best", "regret", "mean"]

_WINDOW = 100


@dataclass(frozen=True)
class MethodFigures:
    """What one method came to over all seeds.

    Attributes:
        candidates: candidate solutions per search.
        best: highest reward.
        regret: highest reward in the pool less the highest found; None where the pool is not known.
        mean: mean reward.
        first: evaluations up to the first candidate, over the searches that found one; None if none did.
        found: share of searches with a candidate.
        more_than_random: candidates less those of random search with the same seed; None where it was not run.
        mean_per_100: mean reward of every 100 evaluations, over seeds.
        seconds: mean processor time of a search.
    """

    candidates: Spread
    best: Spread
    regret: Spread | None
    mean: Spread
    first: Spread | None
    found: float
    more_than_random: Spread | None
    mean_per_100: tuple[float, ...]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON data."""
        spreads = {
            name: None if value is None else value.to_dict()
            for name in ("candidates", "best", "regret", "mean", "first", "more_than_random")
            for value in [getattr(self, name)]
        }
        rest = {"found": self.found, "mean_per_100": list(self.mean_per_100), "seconds": self.seconds}
        return spreads | rest


@dataclass(frozen=True, eq=False)
class StudyResult:
    """All searches of a study. Make it with `run_study` or `load_study`.

    Attributes:
        plan: what was asked, as study.json holds it, with the pool's best reward (`optimum`) and the share of circuits
            that reach the threshold (`base_rate`).
        runs: the searches by method, in the order of `plan["seeds"]`.
    """

    plan: Mapping[str, Any]
    runs: Mapping[str, tuple[PoolRun, ...]]

    @classmethod
    def of(cls, plan: Mapping[str, Any], runs: Mapping[tuple[str, int], PoolRun]) -> "StudyResult":
        """Sort searches by method and seed."""
        return cls(plan, {name: tuple(runs[name, seed] for seed in plan["seeds"]) for name in plan["methods"]})

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods."""
        return tuple(self.runs)

    @cached_property
    def achievements(self) -> Mapping[str, tuple[Achievement, ...]]:
        """What every search achieved, by method, in the order of seeds."""
        threshold, optimum = self.plan["threshold"], self.plan["optimum"]
        return {
            name: tuple(Achievement.of(run.rewards, threshold=threshold, optimum=optimum) for run in runs)
            for name, runs in self.runs.items()
        }

    def figures(self, method: str, *, beside: str = "random") -> MethodFigures:
        """Return what a method came to.

        Args:
            method: its name.
            beside: the method that it is compared with, seed by seed, if that was run.
        """
        own = self._of(method)
        regrets = [each.regret for each in own if each.regret is not None]
        others = self.achievements.get(beside)
        firsts = [each.first for each in own if each.first is not None]
        differences = (
            None if others is None else [a.candidates - b.candidates for a, b in zip(own, others, strict=True)]
        )
        return MethodFigures(
            candidates=Spread.of([each.candidates for each in own]),
            best=Spread.of([each.best for each in own]),
            regret=Spread.of(regrets) if regrets else None,
            mean=Spread.of([each.mean for each in own]),
            first=Spread.of(firsts) if firsts else None,
            found=len(firsts) / len(own),
            more_than_random=None if differences is None else Spread.of(differences),
            mean_per_100=tuple(np.mean([each.mean_per_100 for each in own], axis=0).tolist()),
            seconds=float(np.mean([run.seconds for run in self.runs[method]])),
        )

    def curves(
        self, method: str, what: Curve = "candidates"
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return a figure against evaluations.

        Evaluations, the mean over seeds, and both ends of its 95 % interval, each of shape (budget,).

        Args:
            method: its name.
            what: "candidates" so far, "best" reward so far, simple "regret" so far, or "mean" reward of the last 100.
        """
        self._of(method)
        curves = [self._curve(run.rewards, what) for run in self.runs[method]]
        mean, low, high = curve_intervals(curves)
        return np.arange(1, len(mean) + 1), mean, low, high

    def _curve(self, rewards: NDArray[np.float64], what: Curve) -> NDArray[np.float64]:
        if what == "candidates":
            return np.cumsum(rewards >= self.plan["threshold"]).astype(np.float64)
        if what == "best":
            return np.maximum.accumulate(rewards)
        if what == "regret":
            return np.asarray(self.plan["optimum"] - np.maximum.accumulate(rewards))
        sums = np.concatenate([[0.0], np.cumsum(rewards)])
        ends = np.arange(1, len(rewards) + 1)
        starts = np.maximum(ends - _WINDOW, 0)
        return np.asarray((sums[ends] - sums[starts]) / (ends - starts))

    def _of(self, method: str) -> tuple[Achievement, ...]:
        if method not in self.achievements:
            raise LatentError(f"no method {method!r} in this study, only {', '.join(self.methods)}")
        return self.achievements[method]

    def to_dict(self) -> dict[str, Any]:
        """Return plan and figures as JSON data, without the single evaluations."""
        return {"plan": dict(self.plan), "figures": {name: self.figures(name).to_dict() for name in self.methods}}

    def table(self) -> str:
        """Return the figures as a table in Markdown, most candidates first; intervals are 95 % over seeds."""
        plan = self.plan
        lines = [
            f"{plan['name']}: {len(plan['seeds'])} seeds, {plan['budget']} evaluations each, threshold "
            f"{plan['threshold']:.4g}, reached by {plan['base_rate']:.3%} of the pool, whose best is "
            f"{plan['optimum']:.4f}.",
            "",
            "| method | candidates | min-max | more than random | best | first candidate after | mean | seconds |",
            "|---|---|---|---|---|---|---|---|",
        ]
        figures = {name: self.figures(name) for name in self.methods}
        for name, each in sorted(figures.items(), key=lambda item: -item[1].candidates.mean):
            first = "-" if each.first is None else f"{each.first.mean:.4g} ({each.found:.0%} of seeds)"
            lines.append(
                f"| {name} | {each.candidates} | {each.candidates.least:.0f}-{each.candidates.most:.0f} | "
                f"{each.more_than_random or '-'} | {each.best.mean:.4f} | {first} | {each.mean.mean:.4f} | "
                f"{each.seconds:.2g} |"
            )
        return "\n".join(lines) + "\n"
