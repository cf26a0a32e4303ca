"""Searches in a latent space of circuits, and their comparison at equal budgets."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qvar.latent.search.bayesian import BayesianOptimization
    from qvar.latent.search.candidates import Candidates
    from qvar.latent.search.catalogue import METHODS, find_methods, published_methods
    from qvar.latent.search.dngo import Dngo
    from qvar.latent.search.evolution import LatentEvolution
    from qvar.latent.search.forest import ForestSearch
    from qvar.latent.search.neighbours import NeighbourSearch
    from qvar.latent.search.predictors import Predictor
    from qvar.latent.search.proxy_filter import ProxyFilter
    from qvar.latent.search.reinforce import Reinforce
    from qvar.latent.search.running import PoolRun, TableOracle, search_pool
    from qvar.latent.search.sampling import RandomSampling
    from qvar.latent.search.study import Study, load_study, run_study
    from qvar.latent.search.study_result import StudyResult

_HOME = {
    "METHODS": "catalogue",
    "BayesianOptimization": "bayesian",
    "Candidates": "candidates",
    "Dngo": "dngo",
    "ForestSearch": "forest",
    "LatentEvolution": "evolution",
    "NeighbourSearch": "neighbours",
    "PoolRun": "running",
    "Predictor": "predictors",
    "ProxyFilter": "proxy_filter",
    "RandomSampling": "sampling",
    "Reinforce": "reinforce",
    "Study": "study",
    "StudyResult": "study_result",
    "TableOracle": "running",
    "find_methods": "catalogue",
    "load_study": "study",
    "published_methods": "catalogue",
    "run_study": "study",
    "search_pool": "running",
}

__all__ = [
    "METHODS",
    "BayesianOptimization",
    "Candidates",
    "Dngo",
    "ForestSearch",
    "LatentEvolution",
    "NeighbourSearch",
    "PoolRun",
    "Predictor",
    "ProxyFilter",
    "RandomSampling",
    "Reinforce",
    "Study",
    "StudyResult",
    "TableOracle",
    "find_methods",
    "load_study",
    "published_methods",
    "run_study",
    "search_pool",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
