"""Everything that defines a search run, as one frozen object that a run folder can hold and rebuild."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from qvar.agents import AgentSettings, DoubleDQN, MaskablePPO, RandomPolicy
from qvar.envs import (
    BestSoFar,
    BinomialHalting,
    FixedNegativeBinomialHalting,
    FixedThreshold,
    GateCostReward,
    ModeHalting,
    MovingThreshold,
    NegativeBinomialHalting,
    NoHalting,
    PaperReward,
    StartCircuit,
)
from qvar.envs.evaluation import Sampling
from qvar.optimizers import AQGD, LBFGS, SPSA, Adagrad, Adam, AdamSPSA, Cobyla, CompactLBFGS, Optimizer, Rotosolve
from qvar.problems import Problem
from qvar.search.annealing import Annealing
from qvar.search.evolution import Evolution
from qvar.search.greedy import Greedy
from qvar.search.judge import Judge
from qvar.search.pruning import Pruning
from qvar.simulators import AerOptions, AerSimulator, Engine, NoiseModel, PauliTransferSimulator, StatevectorSimulator
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import QvarError, RunError
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["ALGORITHMS", "Algorithm", "SearchConfiguration", "algorithm_name", "find_algorithm"]

Algorithm = AgentSettings | Annealing | Evolution | Greedy
"""How circuits are proposed."""

ALGORITHMS: dict[str, type[Algorithm]] = {
    "ddqn": DoubleDQN,
    "random": RandomPolicy,
    "ppo": MaskablePPO,
    "annealing": Annealing,
    "evolution": Evolution,
    "greedy": Greedy,
}
"""The algorithms by name."""


def find_algorithm(name: str, default: Algorithm) -> Algorithm:
    """Return the algorithm called `name`: `default` if it is one of that kind, else with its own default settings.

    Raises:
        RunError: for an unknown name.
    """
    if name not in ALGORITHMS:
        raise RunError(f"unknown algorithm {name!r}; known are {', '.join(ALGORITHMS)}")
    return default if type(default) is ALGORITHMS[name] else ALGORITHMS[name]()


def algorithm_name(algorithm: Algorithm) -> str:
    """Return the short name of an algorithm."""
    return next(name for name, kind in ALGORITHMS.items() if type(algorithm) is kind)


_STRATEGIES: dict[str, type[Any]] = {
    cls.__name__: cls
    for cls in (
        LBFGS,
        CompactLBFGS,
        Rotosolve,
        Adam,
        Adagrad,
        AQGD,
        AdamSPSA,
        SPSA,
        Cobyla,
        BestSoFar,
        FixedThreshold,
        MovingThreshold,
        NegativeBinomialHalting,
        FixedNegativeBinomialHalting,
        ModeHalting,
        BinomialHalting,
        NoHalting,
        PaperReward,
        GateCostReward,
        Judge,
        Pruning,
        *ALGORITHMS.values(),
    )
}


Halting = NoHalting | NegativeBinomialHalting | FixedNegativeBinomialHalting | ModeHalting | BinomialHalting
"""How episodes are shortened."""


@dataclass(frozen=True)
class SearchConfiguration:
    """One search run: problem, engine, environment, algorithm and seed.

    Args:
        problem: what to minimize.
        engine: where energies come from, with its noise.
        algorithm: how circuits are proposed.
        optimizer: how angles are optimized.
        curriculum: when an episode counts as a success.
        halting: how episodes are shortened.
        reward: what a gate is worth to an agent.
        start: the circuit that the search begins with, None for the empty one: agents only add gates to it, local
            searches may change them too. What finding it cost counts in the cost of the run.
        optimize_every: gates that an agent places for one optimization of all angles, see `ArchitectureSearchEnv`.
        judge: how circuits are valued.
        episodes: circuits built from scratch, or what else the algorithm repeats; None for what the budget allows.
        max_gates: gates per circuit.
        shots: shots per measured circuit, None for exact values.
        sampling: how energies with shots are drawn, "multinomial" or "normal", see `CircuitEvaluator`.
        remember: circuits whose optimized angles are kept, see `CircuitEvaluator`; 0 for none.
        max_energies: energies after which the search ends at the next episode (see `Cost.energies`), None for no limit.
        pruning: how the best circuit is pruned after the search, at a cost of its own; None for not at all.
        evaluate_every: episodes between evaluations, one episode without exploration each; None for none.
        environments: episodes that an agent plays in lockstep, each in an environment of its own.
        seed: seeds everything.
        replay_from: identity of the run whose experience fills the replay memory at the start; `run_search` sets it.
    """

    problem: Problem
    engine: Engine
    algorithm: Algorithm = field(default_factory=DoubleDQN)
    optimizer: Optimizer = field(default_factory=LBFGS)
    curriculum: MovingThreshold | FixedThreshold | BestSoFar = field(default_factory=FixedThreshold)
    halting: Halting = field(default_factory=NoHalting)
    reward: PaperReward | GateCostReward = field(default_factory=PaperReward)
    start: StartCircuit | None = None
    optimize_every: int = 1
    judge: Judge = field(default_factory=Judge)
    episodes: int | None = 200
    max_gates: int = 40
    shots: int | None = None
    sampling: Sampling = "multinomial"
    remember: int = 0
    max_energies: int | None = None
    pruning: Pruning | None = None
    evaluate_every: int | None = 25
    environments: int = 1
    seed: int = 0
    replay_from: str | None = None

    def __post_init__(self) -> None:
        counts = ("episodes", "max_gates", "shots", "max_energies", "evaluate_every", "optimize_every", "environments")
        for name in counts:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, check_whole(name, value, error=RunError))
        if self.episodes is None and self.max_energies is None:
            raise RunError("a search needs an end: give episodes, max_energies or both")
        if self.replay_from is not None and not isinstance(self.algorithm, DoubleDQN):
            raise RunError(f"only DoubleDQN has a replay memory to fill, got {type(self.algorithm).__name__}")
        if self.environments > 1 and not isinstance(self.algorithm, AgentSettings):
            raise RunError(
                f"only agents play several environments, got environments={self.environments} for "
                f"{type(self.algorithm).__name__}; set it to 1"
            )
        object.__setattr__(self, "seed", check_whole("seed", self.seed, least=0, error=RunError))

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON-able data, complete enough to rebuild it anywhere."""
        return {
            "problem": self.problem.to_dict(),
            "engine": _engine_to_dict(self.engine),
            "algorithm": _strategy_to_dict(self.algorithm),
            "optimizer": _strategy_to_dict(self.optimizer),
            "curriculum": _strategy_to_dict(self.curriculum),
            "halting": _strategy_to_dict(self.halting),
            "reward": _strategy_to_dict(self.reward),
            "start": None if self.start is None else self.start.to_dict(),
            "optimize_every": self.optimize_every,
            "judge": _strategy_to_dict(self.judge),
            "episodes": self.episodes,
            "max_gates": self.max_gates,
            "shots": self.shots,
            "sampling": self.sampling,
            "remember": self.remember,
            "max_energies": self.max_energies,
            "pruning": None if self.pruning is None else _strategy_to_dict(self.pruning),
            "evaluate_every": self.evaluate_every,
            "environments": self.environments,
            "seed": self.seed,
            "replay_from": self.replay_from,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "SearchConfiguration":
        """Rebuild a configuration from what `to_dict` gave.

        Raises:
            RunError: if an entry is missing or makes no sense.
        """
        try:
            settings = dict(data)
            settings["problem"] = Problem.from_dict(settings["problem"])
            settings["engine"] = _engine_from_dict(settings["engine"])
            for name in ("algorithm", "optimizer", "curriculum", "halting", "reward", "judge"):
                settings[name] = _strategy_from_dict(settings[name])
            if settings["pruning"] is not None:
                settings["pruning"] = _strategy_from_dict(settings["pruning"])
            settings["start"] = None if settings["start"] is None else StartCircuit.from_dict(settings["start"])
            return cls(**settings)
        except QvarError:
            raise
        except UNREADABLE as error:
            raise RunError(f"not a search configuration: {error!r}") from error


def _strategy_to_dict(strategy: Any) -> dict[str, Any]:
    name = type(strategy).__name__
    if name not in _STRATEGIES:
        raise RunError(f"{name} cannot be recorded in a run; known strategies are {', '.join(_STRATEGIES)}")
    settings = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(strategy).items()}
    return {"name": name, **settings}


def _strategy_from_dict(data: Mapping[str, Any]) -> Any:
    settings = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k != "name"}
    return _STRATEGIES[data["name"]](**settings)


def _engine_to_dict(engine: Engine) -> dict[str, Any]:
    recorded: dict[str, Any] = {"name": engine.name, "noise": None if engine.noise is None else engine.noise.to_dict()}
    if isinstance(engine, AerSimulator):
        if engine.options != AerOptions():
            recorded["options"] = asdict(engine.options)
    elif not isinstance(engine, PauliTransferSimulator | StatevectorSimulator):
        from qvar.hardware import RuntimeSimulator

        if not isinstance(engine, RuntimeSimulator):
            raise RunError(
                "a search keeps a record that it can resume from, and takes PauliTransferSimulator, "
                f"StatevectorSimulator, AerSimulator or RuntimeSimulator; got {type(engine).__name__}. Evaluate its "
                "result with that engine instead"
            )
        recorded |= {"name": f"runtime-{engine.name}", "options": engine.run.options.identity()}
    return recorded


def _engine_from_dict(data: Mapping[str, Any]) -> Engine:
    noise = None if data["noise"] is None else NoiseModel.from_dict(data["noise"])
    name = str(data["name"])
    if name == "statevector":
        return StatevectorSimulator()
    if name.startswith("aer-"):
        options = AerOptions(**data.get("options", {}))
        return AerSimulator(noise, method=name.removeprefix("aer-").replace("-", "_"), options=options)
    if name == "pauli-transfer":
        return PauliTransferSimulator(noise)
    if name.startswith("runtime-"):
        raise RunError(
            f"this search ran on {name.removeprefix('runtime-')}, and its record holds neither limits nor consent to "
            "run there again; repeat the call with the same engine to resume it"
        )
    raise RunError(f"unknown engine {name!r} in a run configuration")
