"""Classifiers of other packages as scikit-learn estimators, to compare with and to migrate from; loaded when used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qvar.classify.bridges.pennylane_circuit import PennyLaneClassifier
    from qvar.classify.bridges.qiskit_kernel import QiskitQSVC
    from qvar.classify.bridges.qiskit_network import QiskitVQC

_HOME = {
    "PennyLaneClassifier": "pennylane_circuit",
    "QiskitQSVC": "qiskit_kernel",
    "QiskitVQC": "qiskit_network",
}

__all__ = ["PennyLaneClassifier", "QiskitQSVC", "QiskitVQC"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
