"""Data sets for classifiers: the restaurant reviews, scikit-learn's small sets, and synthetic families."""

from qvar.classify.datasets.bundled import load_bundled
from qvar.classify.datasets.catalogue import DATASETS, DatasetEntry, load_dataset
from qvar.classify.datasets.dataset import Dataset
from qvar.classify.datasets.reviews import data_folder, load_restaurant_reviews
from qvar.classify.datasets.synthetic import (
    make_bars_and_stripes,
    make_hidden_manifold,
    make_hyperplanes_parity,
    make_linearly_separable,
    make_two_curves,
)

__all__ = [
    "DATASETS",
    "Dataset",
    "DatasetEntry",
    "data_folder",
    "load_bundled",
    "load_dataset",
    "load_restaurant_reviews",
    "make_bars_and_stripes",
    "make_hidden_manifold",
    "make_hyperplanes_parity",
    "make_linearly_separable",
    "make_two_curves",
]
