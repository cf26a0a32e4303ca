"""qiskit-machine-learning's kernel classifier behind scikit-learn's interface."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from qvar.classify.bridges.bridge import Bridge
from qvar.classify.bridges.qiskit_seed import global_seed
from qvar.classify.calibration import held_out_scale, probabilities
from qvar.classify.circuits import feature_map_circuit

__all__ = ["QiskitQSVC"]

Floats = NDArray[np.float64]


class QiskitQSVC(Bridge):
    """Train `qiskit_machine_learning.algorithms.QSVC` on its `FidelityStatevectorKernel`.

    What the package does, and this bridge leaves alone (version 0.9.1): states are prepared row by row, and the kernel
    is filled pair by pair in Python. With shots, the kernel of a pair of rows is drawn from the package's global
    generator, which is seeded here before every use, so that answers depend on which rows are asked for together.

    Args:
        feature_map: as in `QuantumKernelClassifier`.
        feature_map_reps: repetitions, for names.
        entanglement: for names; None for the usual one.
        shots: shots per pair of rows; None for exact values.
        C: inverse strength of the regularization, positive.
        class_weight: None, "balanced", or a dict of classes and factors of C.
        feature_range: interval that the training rows are scaled to; None to take features as angles.
        random_state: int, RandomState or None; the shots, and the folds behind `predict_proba`.

    Attributes:
        classes_: the classes, sorted.
        qsvc_: the fitted QSVC, on the precomputed kernel.
        scale_: factor of decision values in the exponent of probabilities (see `qvar.classify.calibration`; the
            package itself leaves probabilities to scikit-learn, which deprecates them).

    Example:
        >>> from sklearn.datasets import make_circles
        >>> x, y = make_circles(60, noise=0.05, factor=0.4, random_state=0)
        >>> QiskitQSVC(feature_range=(0.0, 2.0)).fit(x[:40], y[:40]).score(x[40:], y[40:]) > 0.9
        True
    """

    def __init__(
        self,
        *,
        feature_map: Any = "zz_feature_map",
        feature_map_reps: int = 2,
        entanglement: Any = None,
        shots: int | None = None,
        C: float = 1.0,
        class_weight: Any = None,
        feature_range: tuple[float, float] | None = (0.0, 1.0),
        random_state: Any = None,
    ) -> None:
        self.feature_map = feature_map
        self.feature_map_reps = feature_map_reps
        self.entanglement = entanglement
        self.shots = shots
        self.C = C
        self.class_weight = class_weight
        self.feature_range = feature_range
        self.random_state = random_state

    def _train(self, rows: Floats, codes: NDArray[np.int64], rng: np.random.Generator) -> None:
        self._seed = int(rng.integers(2**31))
        self._rows = rows
        gram = self._kernel(rows, None)
        labels = self.classes_[codes]
        self.qsvc_ = self._made().fit(gram, labels)

        def held_out(train: NDArray[np.int64], test: NDArray[np.int64]) -> Floats:
            machine = self._made().fit(gram[np.ix_(train, train)], labels[train])
            return np.asarray(machine.decision_function(gram[np.ix_(test, train)]))

        self.scale_ = held_out_scale(held_out, codes, self._seed)

    def decision_function(self, X: ArrayLike) -> Floats:
        """Return decision values: shape (n_rows,), positive for the second of two classes, else (n_rows, n_classes)."""
        check_is_fitted(self)
        return self._decisions(self._scaled(validate_data(self, X, reset=False, dtype=np.float64)))

    def _decisions(self, rows: Floats) -> Floats:
        return np.asarray(self.qsvc_.decision_function(self._kernel(rows, self._rows)))

    def _probabilities(self, rows: Floats) -> Floats:
        return probabilities(self._decisions(rows), self.scale_)

    def _made(self) -> Any:
        from qiskit_machine_learning.algorithms import QSVC

        return QSVC(quantum_kernel="precomputed", C=self.C, class_weight=self.class_weight, random_state=None)

    def _kernel(self, first: Floats, second: Floats | None) -> Floats:
        from qiskit_machine_learning.kernels import FidelityStatevectorKernel

        circuit = feature_map_circuit(
            self.feature_map, self.n_features_in_, reps=self.feature_map_reps, entanglement=self.entanglement
        )
        with global_seed(self._seed):
            return np.asarray(FidelityStatevectorKernel(feature_map=circuit, shots=self.shots).evaluate(first, second))
