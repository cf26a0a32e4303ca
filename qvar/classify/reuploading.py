"""A classifier that uploads the data again in every layer, with trainable weights on the features themselves."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector

from qvar.classify.estimator import CircuitClassifier
from qvar.classify.loss import Loss
from qvar.classify.network import Encoding
from qvar.classify.readout import Readout, least_qubits
from qvar.classify.training_record import TrainingStep
from qvar.optimizers import Optimizer
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import ClassifierError

__all__ = ["DataReuploadingClassifier"]


class DataReuploadingClassifier(CircuitClassifier):
    """Classify by a circuit that uploads all features in every layer on every qubit; a scikit-learn classifier.

    A layer gives each qubit, for every three features, RZ(w x + b) RY(w x + b) RZ(w x + b), weights and biases
    trained; between layers, CZ joins neighbours, even and odd pairs in turns. Depth, not the number of qubits, decides
    how many frequencies of the features the classifier can express.

    Args:
        n_qubits: number of qubits; None for as few as the classes need, at least 2.
        n_layers: uploads of the data, at least 1.
        readout, loss, optimizer, engine, pass_manager, shots, batch_size, max_circuits: as in `VariationalClassifier`.
        initial_point, feature_range, bandwidth, class_weight, warm_start: as in `VariationalClassifier`.
        callback, verbose, random_state: as in `VariationalClassifier`.

    Attributes:
        weights_, classes_, loss_curve_, n_iter_, cost_: as in `VariationalClassifier`.

    Source: Perez-Salinas, Cervera-Lierta, Gil-Fuster and Latorre, arXiv 1907.02085.
    Differs from the source:
    - probabilities of measured outcomes and any loss here, instead of fidelities with target states;
    - every qubit uploads all features (there too), and CZ gates stand between layers only.

    Example:
        >>> from sklearn.datasets import make_circles
        >>> X, y = make_circles(60, noise=0.05, factor=0.4, random_state=7)
        >>> DataReuploadingClassifier(random_state=7).fit(X, y).score(X, y) > 0.8
        True
    """

    def __init__(
        self,
        n_qubits: int | None = None,
        n_layers: int = 3,
        *,
        readout: Readout | str = "auto",
        loss: Loss | str = "cross-entropy",
        optimizer: Optimizer | None = None,
        engine: Any = None,
        pass_manager: Any = None,
        shots: int | None = None,
        batch_size: int | None = None,
        max_circuits: int | None = None,
        initial_point: ArrayLike | None = None,
        feature_range: tuple[float, float] | None = (-1.0, 1.0),
        bandwidth: float = 1.0,
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
        warm_start: bool = False,
        callback: Callable[[TrainingStep], object] | None = None,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_qubits = n_qubits
        self.n_layers = n_layers
        self.readout = readout
        self.loss = loss
        self.optimizer = optimizer
        self.engine = engine
        self.pass_manager = pass_manager
        self.shots = shots
        self.batch_size = batch_size
        self.max_circuits = max_circuits
        self.initial_point = initial_point
        self.feature_range = feature_range
        self.bandwidth = bandwidth
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.callback = callback
        self.verbose = verbose
        self.random_state = random_state

    def _encoding(self, n_features: int, n_classes: int) -> Encoding:
        n_layers = check_whole("n_layers", self.n_layers, error=ClassifierError)
        least = max(2, least_qubits(n_classes))
        n_qubits = least if self.n_qubits is None else check_whole("n_qubits", self.n_qubits, error=ClassifierError)
        n_turns = -(-n_features // 3)
        x = ParameterVector("x", n_features)
        weights = ParameterVector("w", n_layers * n_qubits * n_features)
        biases = ParameterVector("b", n_layers * n_qubits * n_turns * 3)
        w, b = iter(weights), iter(biases)
        circuit = QuantumCircuit(n_qubits)
        for layer in range(n_layers):
            for q in range(n_qubits):
                for k in range(3 * n_turns):
                    angle = next(w) * x[k] + next(b) if k < n_features else next(b)
                    (circuit.ry if k % 3 == 1 else circuit.rz)(angle, q)
            if layer < n_layers - 1:
                for q in range(layer % 2 if n_qubits > 2 else 0, n_qubits - 1, 2):
                    circuit.cz(q, q + 1)
        return Encoding(circuit, list(x), [*weights, *biases])
