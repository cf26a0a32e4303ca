"""The small data sets that come with scikit-learn, whole or two or more of their classes."""

from collections.abc import Sequence

import numpy as np

from qvar.classify.datasets.dataset import Dataset
from qvar.simulators.errors import DatasetError

__all__ = ["BUNDLED", "load_bundled"]

BUNDLED = {
    "iris": ("load_iris", "R. A. Fisher, The use of multiple measurements in taxonomic problems, 1936"),
    "wine": ("load_wine", "M. Forina et al., PARVUS, 1988 (UCI data set 109)"),
    "breast-cancer": ("load_breast_cancer", "W. Wolberg, O. Mangasarian, N. Street, 1995 (UCI data set 17)"),
    "digits": ("load_digits", "E. Alpaydin, C. Kaynak, 1998 (UCI data set 80, test part, 8 x 8 pixels)"),
}
"""By name: scikit-learn's function, and what to cite."""


def load_bundled(name: str, *, classes: Sequence[int] | None = None) -> Dataset:
    """Return a data set of scikit-learn.

    Args:
        name: a name of `BUNDLED`.
        classes: labels to keep, two or more, in the order in which they become 0, 1, ...; None for all.

    Raises:
        DatasetError: for an unknown name, or classes that the set has not.

    Example:
        >>> load_bundled("digits", classes=(3, 5))
        Dataset('digits-3-5': 365 rows of 64 features, 2 classes)
    """
    if name not in BUNDLED:
        raise DatasetError(f"unknown data set {name!r}; scikit-learn's are {', '.join(BUNDLED)}")
    import sklearn
    from sklearn import datasets

    function, citation = BUNDLED[name]
    bunch = getattr(datasets, function)()
    X, y, names = bunch.data, bunch.target, [str(title) for title in bunch.target_names]
    if classes is not None:
        if len(classes) < 2 or len(set(classes)) != len(classes) or not set(classes) <= set(range(len(names))):
            raise DatasetError(
                f"{name} has the classes 0 to {len(names) - 1}; choose two or more different ones, got {classes!r}"
            )
        chosen = np.isin(y, classes)
        X, y = X[chosen], np.array([list(classes).index(label) for label in y[chosen]])
        names = [names[label] for label in classes]
    arguments = "" if classes is None else f", classes={tuple(classes)}"
    return Dataset(
        name="-".join([name, *map(str, classes or ())]),
        X=X,
        y=y,
        target_names=tuple(names),
        feature_names=tuple(map(str, bunch.feature_names)),
        source=f"sklearn.datasets.{function} of scikit-learn {sklearn.__version__}",
        citation=citation,
        licence="distributed with scikit-learn; see its documentation for each set",
        recipe=f'load_bundled("{name}"{arguments})',
    )
