"""Variational and kernel classifiers as scikit-learn estimators, their data, and honest comparisons."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
