"""Variational and kernel classifiers as scikit-learn estimators, their data, and honest comparisons."""

from typing import TYPE_CHECKING

from qvar.simulators.lazy import lazy_names

if TYPE_CHECKING:
    from qvar.classify.kernel import QuantumKernelClassifier
    from qvar.classify.reuploading import DataReuploadingClassifier
    from qvar.classify.variational import VariationalClassifier

_HOME = {
    "DataReuploadingClassifier": "reuploading",
    "QuantumKernelClassifier": "kernel",
    "VariationalClassifier": "variational",
}

__all__ = ["DataReuploadingClassifier", "QuantumKernelClassifier", "VariationalClassifier"]

__getattr__, __dir__ = lazy_names(__name__, _HOME, __all__)
