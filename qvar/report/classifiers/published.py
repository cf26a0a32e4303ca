"""Published accuracies of classifiers, by data set, as far as their numbers are known; None stands for "not recovered".

Sources:
- arXiv 2102.08949: Joshi, Katyayan, Ahmed, Evaluating the Performance of Some Local Optimizers for Variational Quantum
  Classifiers (2021); its abstract, the only part known to us. One split and one run, as it seems.
- J. Phys.: Conf. Ser. 1854 012032 (2021): the same authors, data and pipeline; its abstract.

Both sets of numbers fit a test part of 200 of the 1000 rows, which is our inference and gives the intervals.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qvar.classify.comparison.statistics import wilson

__all__ = ["PublishedAccuracy", "published_accuracies"]

_STUDY = "arXiv 2102.08949, abstract"
_SISTER = "J. Phys.: Conf. Ser. 1854 012032, abstract"
_SENTENCES = "restaurant-reviews"


@dataclass(frozen=True)
class PublishedAccuracy:
    """One published row.

    Attributes:
        model: what was trained.
        source: where the number was read.
        accuracy, f1: None where they are not recovered.
        n_test: rows of the test part, for the interval; inferred.
    """

    model: str
    source: str
    accuracy: float | None = None
    f1: float | None = None
    n_test: int = 200

    @property
    def interval(self) -> tuple[float, float] | None:
        """The Wilson interval of the accuracy, 95 %."""
        return None if self.accuracy is None else wilson(round(self.accuracy * self.n_test), self.n_test)

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as JSON-able data."""
        return {**vars(self), "interval": self.interval}


_PUBLISHED: dict[str, tuple[PublishedAccuracy, ...]] = {
    _SENTENCES: (
        PublishedAccuracy("VQC, AQGD-100", _STUDY, 0.77, 0.785),
        *(
            PublishedAccuracy(model, _STUDY)
            for model in ("VQC, AQGD-150", "VQC, COBYLA-100", "VQC, COBYLA-150", "SVM", "gradient boosting")
        ),
        PublishedAccuracy("random forest", _STUDY),
        PublishedAccuracy("VQC, EfficientSU2-100", _SISTER, 0.745, 0.7605),
    )
}


def published_accuracies(dataset: Mapping[str, Any]) -> tuple[PublishedAccuracy, ...]:
    """Return what was published for a data set (as in `ComparisonPlan.to_dict`), () if nothing was.

    A set of the same name that is not the published one, by its number of rows, has none.
    """
    name = str(dataset["name"]).split(",")[0]
    is_it = dataset["n_rows"] in (996, 1000)  # without the duplicates, and with them
    return _PUBLISHED.get(name, ()) if is_it else ()
