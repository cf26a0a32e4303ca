"""Searches in a latent space of circuits, and their comparison at equal budgets."""

from typing import TYPE_CHECKING

from qvar.simulators.lazy import lazy_names

if TYPE_CHECKING:
    from qvar.latent.search.bayesian import BayesianOptimization
    from qvar.latent.search.candidates import Candidates
    from qvar.latent.search.catalogue import GENERATIVE_METHODS, METHODS, find_methods, published_methods
    from qvar.latent.search.dngo import Dngo
    from qvar.latent.search.evolution import LatentEvolution
    from qvar.latent.search.forest import ForestSearch
    from qvar.latent.search.generative.circuits import CircuitEvolution, RandomCircuits
    from qvar.latent.search.generative.decoding import (
        LatentCrossEntropy,
        LatentGradient,
        LatentPerturbation,
        LatentPrior,
    )
    from qvar.latent.search.generative.guided import GuidedSearch
    from qvar.latent.search.generative.oracle import TaskOracle
    from qvar.latent.search.generative.running import GenerativeRun, search_generative
    from qvar.latent.search.neighbours import NeighbourSearch
    from qvar.latent.search.predictors import Predictor
    from qvar.latent.search.proxy_filter import ProxyFilter
    from qvar.latent.search.reinforce import Reinforce
    from qvar.latent.search.running import PoolRun, TableOracle, search_pool
    from qvar.latent.search.sampling import RandomSampling
    from qvar.latent.search.study import Study, load_study, run_generative_study, run_study
    from qvar.latent.search.study_result import StudyResult

_HOME = {
    "GENERATIVE_METHODS": "catalogue",
    "METHODS": "catalogue",
    "BayesianOptimization": "bayesian",
    "Candidates": "candidates",
    "CircuitEvolution": "generative.circuits",
    "Dngo": "dngo",
    "ForestSearch": "forest",
    "GenerativeRun": "generative.running",
    "GuidedSearch": "generative.guided",
    "LatentCrossEntropy": "generative.decoding",
    "LatentEvolution": "evolution",
    "LatentGradient": "generative.decoding",
    "LatentPerturbation": "generative.decoding",
    "LatentPrior": "generative.decoding",
    "NeighbourSearch": "neighbours",
    "PoolRun": "running",
    "Predictor": "predictors",
    "ProxyFilter": "proxy_filter",
    "RandomCircuits": "generative.circuits",
    "RandomSampling": "sampling",
    "Reinforce": "reinforce",
    "Study": "study",
    "StudyResult": "study_result",
    "TableOracle": "running",
    "TaskOracle": "generative.oracle",
    "find_methods": "catalogue",
    "load_study": "study",
    "published_methods": "catalogue",
    "run_generative_study": "study",
    "run_study": "study",
    "search_generative": "generative.running",
    "search_pool": "running",
}

__all__ = [
    "GENERATIVE_METHODS",
    "METHODS",
    "BayesianOptimization",
    "Candidates",
    "CircuitEvolution",
    "Dngo",
    "ForestSearch",
    "GenerativeRun",
    "GuidedSearch",
    "LatentCrossEntropy",
    "LatentEvolution",
    "LatentGradient",
    "LatentPerturbation",
    "LatentPrior",
    "NeighbourSearch",
    "PoolRun",
    "Predictor",
    "ProxyFilter",
    "RandomCircuits",
    "RandomSampling",
    "Reinforce",
    "Study",
    "StudyResult",
    "TableOracle",
    "TaskOracle",
    "find_methods",
    "load_study",
    "published_methods",
    "run_generative_study",
    "run_study",
    "search_generative",
    "search_pool",
]

__getattr__, __dir__ = lazy_names(__name__, _HOME, __all__)
