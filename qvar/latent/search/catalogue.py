"""Methods by name: the line-up of a study, and methods as JSON data."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, cast

from qvar.latent.search.bayesian import BayesianOptimization
from qvar.latent.search.dngo import Dngo
from qvar.latent.search.evolution import LatentEvolution
from qvar.latent.search.forest import ForestSearch
from qvar.latent.search.generative.circuits import CircuitEvolution, RandomCircuits
from qvar.latent.search.generative.contract import GenerativeMethod
from qvar.latent.search.generative.decoding import (
    LatentCrossEntropy,
    LatentGradient,
    LatentPerturbation,
    LatentPrior,
)
from qvar.latent.search.generative.guided import GuidedSearch
from qvar.latent.search.method import PoolMethod
from qvar.latent.search.neighbours import NeighbourSearch
from qvar.latent.search.predictors import Predictor
from qvar.latent.search.proxy_filter import ProxyFilter
from qvar.latent.search.published import PUBLISHED_TASKS, published_task
from qvar.latent.search.reinforce import Reinforce
from qvar.latent.search.sampling import RandomSampling
from qvar.simulators.errors import LatentError

__all__ = ["GENERATIVE_METHODS", "METHODS", "find_methods", "method_to_dict", "published_methods"]

METHODS: Mapping[str, PoolMethod] = {
    "random": RandomSampling(),
    "reinforce": Reinforce(),
    "reinforce-width": Reinforce(learns_width=True, normalizes=True),
    "dngo": Dngo(),
    "gp-logei": BayesianOptimization("logei"),
    "gp-qlogei": BayesianOptimization("qlogei"),
    "gp-probability": BayesianOptimization("probability"),
    "gp-ucb": BayesianOptimization("ucb"),
    "gp-trust-region": BayesianOptimization("logei", trust_region=True),
    "evolution": LatentEvolution(),
    "neighbours": NeighbourSearch(),
    "forest": ForestSearch(),
    "gnn": Predictor("gnn"),
    "gsqas": Predictor("gsqas"),
    "proxies": ProxyFilter(),
}
"""The methods with settings of ours, by name; "proxies" needs candidates with proxies."""

GENERATIVE_METHODS: Mapping[str, GenerativeMethod] = {
    "random": RandomCircuits(),
    "mutation": CircuitEvolution(),
    "prior": LatentPrior(),
    "perturbation": LatentPerturbation(),
    "crossover": LatentPerturbation(crossover=0.5),
    "cross-entropy": LatentCrossEntropy(),
    "gradient": LatentGradient(),
    "guided-logei": GuidedSearch(),
    "guided-probability": GuidedSearch(acquisition="probability"),
    "guided-mutation": GuidedSearch(source="mutation", acquisition="probability"),
    "forest-latent": GuidedSearch(model="forest"),
    "forest-mutation": GuidedSearch(source="mutation", model="forest"),
    "forest-mutation-gates": GuidedSearch(source="mutation", model="forest", features="gates"),
}
"""The methods that make circuits, by name."""


def published_methods(task: str) -> dict[str, PoolMethod]:
    """Return the methods as the authors' code of arXiv 2401.11576 has them, by name.

    A task that they do not have takes the settings of fidelity on 4 qubits. The predictors label 1,000 circuits,
    so they need a budget beyond that. They pass what the authors let pass, and go by predictions where that is not
    known.
    """
    known = published_task(task)
    settings = known or PUBLISHED_TASKS["fidelity-4"]
    passes = None if known is None else known.filter_threshold
    return {
        "reinforce-published": settings.reinforce(),
        "dngo-published": settings.dngo(),
        "gnn-published": Predictor("gnn", labels=1000, passes=passes),
        "gsqas-published": Predictor("gsqas", labels=1000, passes=passes),
    }


def find_methods(names: list[str], *, task: str = "") -> dict[str, PoolMethod]:
    """Return methods by name, ours and those published for a task.

    Raises:
        LatentError: naming what is unknown.
    """
    known = {**METHODS, **published_methods(task)}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise LatentError(f"unknown method(s) {', '.join(unknown)}; known are {', '.join(known)}")
    return {name: known[name] for name in names}


def method_to_dict(method: PoolMethod | GenerativeMethod) -> dict[str, Any]:
    """Return a method as JSON data: the name of its class and its settings."""
    settings = {each.name: getattr(method, each.name) for each in fields(cast(Any, method))}
    settings = {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
    return {"method": type(method).__name__, **settings}
