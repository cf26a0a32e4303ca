"""Quantum and classical classifiers compared honestly: the same splits, tuning inside them, intervals and costs."""

from qvar.classify.comparison.features import default_features, find_features
from qvar.classify.comparison.folder import ComparisonFolder
from qvar.classify.comparison.metrics import METRICS
from qvar.classify.comparison.models import GROUPS, ModelSpec, find_model, find_models, model_names
from qvar.classify.comparison.plan import Cell, ComparisonPlan
from qvar.classify.comparison.result import ComparisonResult, Row, Table
from qvar.classify.comparison.running import DEFAULT_MODELS, compare, run_comparison
from qvar.classify.comparison.splits import RepeatedFolds, ShuffleSplits
from qvar.classify.comparison.statistics import Difference, Estimate, corrected_mean, paired_difference, wilson

__all__ = [
    "DEFAULT_MODELS",
    "GROUPS",
    "METRICS",
    "Cell",
    "ComparisonFolder",
    "ComparisonPlan",
    "ComparisonResult",
    "Difference",
    "Estimate",
    "ModelSpec",
    "RepeatedFolds",
    "Row",
    "ShuffleSplits",
    "Table",
    "compare",
    "corrected_mean",
    "default_features",
    "find_features",
    "find_model",
    "find_models",
    "model_names",
    "paired_difference",
    "run_comparison",
    "wilson",
]
