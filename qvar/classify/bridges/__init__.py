"""Classifiers of other packages as scikit-learn estimators, to compare with and to migrate from; loaded when used."""

from typing import TYPE_CHECKING

from qvar.simulators.lazy import lazy_names

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

__getattr__, __dir__ = lazy_names(__name__, _HOME, __all__)
