"""Support vector classification with a quantum kernel.

Two kernels of rows x, x' through the states rho(x) that a feature map prepares:
- fidelity: Tr(rho(x) rho(x')), which is |<phi(x)|phi(x')>|**2 without noise;
- projected: exp(-gamma sum_q ||rho_q(x) - rho_q(x')||_F**2) over the one-qubit reduced states rho_q.

Sources: Havlicek et al., arXiv 1804.11326 (fidelity); Huang et al., arXiv 2011.01938 (projected); Shaydulin and Wild,
arXiv 2111.05451 (bandwidth).
Differs from the sources:
- with shots, fidelities are drawn from the exact distribution of compute-uncompute circuits (no noise) or destructive
  swap tests (noise); noise and read-out error of the swap test itself are left out, and so are correlations between the
  qubits in the one-qubit measurements of the projected kernel;
- a Gram matrix of shots is replaced by the nearest positive semidefinite one;
- `gamma="scale"` is scikit-learn's rule, on the vectors whose distance the projected kernel measures.
"""

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from qvar.classify import storage
from qvar.classify.calibration import held_out_scale, probabilities
from qvar.classify.circuits import feature_map_circuit
from qvar.classify.feature_states import FeatureStates
from qvar.classify.kernel_shots import KernelShots
from qvar.classify.scaling import into_range, learned_range
from qvar.classify.support_vectors import SupportVectors
from qvar.simulators import StatevectorSimulator
from qvar.simulators.errors import ClassifierError
from qvar.simulators.memory import check_memory
from qvar.simulators.untrusted import refusing

__all__ = ["QuantumKernelClassifier"]

Floats = NDArray[np.float64]

_FITTED = (
    "classes_",
    "dual_coef_",
    "feature_min_",
    "feature_names_in_",
    "feature_span_",
    "gamma_",
    "intercept_",
    "n_circuits_",
    "n_features_in_",
    "n_support_",
    "scale_",
    "support_",
    "support_vectors_",
    "_seed",
)


class QuantumKernelClassifier(ClassifierMixin, BaseEstimator):
    """Classify with a support vector machine whose kernel is the overlap of quantum states.

    Args:
        feature_map: a name ("zz_feature_map", "z_feature_map", "angle"), a circuit with one parameter per feature, or a
            function from the number of features to a circuit.
        feature_map_reps: repetitions, for names.
        n_qubits: for names: with fewer qubits than features, the map is applied to so many features after another; None
            for one qubit per feature, at most 8.
        entanglement: as in Qiskit, for names; None for the usual one.
        kernel: "fidelity" or "projected".
        gamma: of the projected kernel: a positive number, or "scale" for 1 / (n_columns * variance) of the one-qubit
            states of the training rows.
        normalized: whether a fidelity kernel under noise is divided by the square roots of the purities.
        bandwidth: factor of the scaled features, positive; small ones make the kernel flatter.
        feature_range: interval that the training rows are scaled to, column by column; None to take features as angles.
        engine: None for `StatevectorSimulator()`; `PauliTransferSimulator(noise)` for a noisy device.
        pass_manager: a Qiskit pass manager that fits the feature map to a device (its couplings and native gates).
        shots: shots per circuit; None for exact values. A row gets the same estimates whenever it is predicted.
        C: inverse strength of the regularization, positive.
        class_weight: None, "balanced", or a dict of classes and factors of C.
        random_state: int, RandomState or None; drives the shots, and the folds behind `predict_proba`.

    Attributes:
        classes_: the classes, sorted, shape (n_classes,).
        n_features_in_: number of features.
        n_support_: support vectors of each class, shape (n_classes,).
        support_: their indices among the training rows, shape (n_support_vectors,).
        support_vectors_: these rows, shape (n_support_vectors, n_features).
        dual_coef_: their coefficients, as in `sklearn.svm.SVC`.
        intercept_: as in `sklearn.svm.SVC`.
        gamma_: the number in use, of a projected kernel.
        scale_: factor of decision values in the exponent of probabilities, from decisions on held-out folds.
        n_circuits_: different circuits that a device would run to train, for shots or not.

    Example:
        >>> from sklearn.datasets import make_circles
        >>> x, y = make_circles(60, noise=0.05, factor=0.4, random_state=0)
        >>> model = QuantumKernelClassifier(bandwidth=2.0).fit(x[:40], y[:40])
        >>> model.score(x[40:], y[40:]) > 0.9
        True
    """

    gamma: Any
    shots: Any
    _features: FeatureStates | None
    _support_embeddings: NDArray[Any] | None

    def __init__(
        self,
        *,
        feature_map: Any = "zz_feature_map",
        feature_map_reps: int = 2,
        n_qubits: int | None = None,
        entanglement: Any = None,
        kernel: str = "fidelity",
        gamma: float | str = "scale",
        normalized: bool = False,
        bandwidth: float = 1.0,
        feature_range: tuple[float, float] | None = (0.0, 1.0),
        engine: Any = None,
        pass_manager: Any = None,
        shots: int | None = None,
        C: float = 1.0,
        class_weight: Any = None,
        random_state: Any = None,
    ) -> None:
        self.feature_map = feature_map
        self.feature_map_reps = feature_map_reps
        self.n_qubits = n_qubits
        self.entanglement = entanglement
        self.kernel = kernel
        self.gamma = gamma
        self.normalized = normalized
        self.bandwidth = bandwidth
        self.feature_range = feature_range
        self.engine = engine
        self.pass_manager = pass_manager
        self.shots = shots
        self.C = C
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit to rows X of shape (n_rows, n_features) with labels y of shape (n_rows,).

        Raises:
            ClassifierError: for settings that make no sense, fewer than two classes, or states that exceed memory.
        """
        rows, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self._check_settings()
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ClassifierError(f"a classifier needs at least two classes, got one class ({self.classes_[0]!r}) only")
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self._features, self._support_embeddings = self._feature_states(), None
        self.feature_min_, self.feature_span_ = learned_range(rows)
        embeddings = self._embed(rows)
        self.gamma_ = self._gamma_of(embeddings)
        gram = self._gram(embeddings)
        machine = self._machine(gram, labels)
        self.support_, self.n_support_ = machine.support, machine.n_support
        self.dual_coef_, self.intercept_ = machine.dual_coefficients, machine.intercepts
        self.support_vectors_ = rows[self.support_]
        self._support_embeddings = embeddings[self.support_]
        self.scale_ = self._calibrated(gram, labels, codes)
        n = len(rows)
        self.n_circuits_ = 3 * n if self.kernel == "projected" else n * (n - 1) // 2
        return self

    def decision_function(self, X: ArrayLike) -> Floats:
        """Return decision values: shape (n_rows,), positive for the second of two classes, else (n_rows, n_classes)."""
        check_is_fitted(self)
        rows = validate_data(self, X, reset=False, dtype=np.float64)
        machine = SupportVectors(self.support_, self.n_support_, self.dual_coef_, self.intercept_)
        return machine.decisions(self._against_support(rows))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the class with the highest decision value for every row, shape (n_rows,)."""
        decisions = self.decision_function(X)
        codes = decisions.argmax(axis=1) if decisions.ndim == 2 else (decisions > 0).astype(int)
        return np.asarray(self.classes_[codes])

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return class probabilities, shape (n_rows, n_classes), from scaled decision values (see `calibration`)."""
        return probabilities(self.decision_function(X), self.scale_)

    def kernel_matrix(self, X: ArrayLike, Y: ArrayLike | None = None) -> Floats:
        """Return the exact kernel of rows X with rows Y, or with themselves, shape (n_rows_x, n_rows_y); no shots."""
        check_is_fitted(self)
        first = self._embed(validate_data(self, X, reset=False, dtype=np.float64), exact=True)
        second = first if Y is None else self._embed(validate_data(self, Y, reset=False, dtype=np.float64), exact=True)
        return self._kernel(first, second)

    def save(self, path: str | Path) -> None:
        """Write the classifier to a JSON file, atomically; no pickle, no code (see `VariationalClassifier.save`)."""
        check_is_fitted(self)
        fitted = {name: getattr(self, name) for name in _FITTED if hasattr(self, name)}
        storage.write(path, type(self).__name__, self.get_params(deep=False), fitted)

    @classmethod
    def load(cls, path: str | Path, **parameters: Any) -> Self:
        """Read what `save` wrote.

        Args:
            path: the file.
            parameters: to use instead of those in the file; needed for what a file cannot hold.

        Raises:
            ClassifierError: if the file is missing, damaged or of another kind, or leaves out a parameter not given.
        """
        optional = {"feature_names_in_"}
        known, fitted = storage.read(path, cls, parameters, needed={*_FITTED} - optional, optional=optional)
        loaded = cls(**known)
        for name, value in fitted.items():
            setattr(loaded, name, value)
        loaded._features = loaded._support_embeddings = None
        with refusing(f"the classifier in {path}", ClassifierError):
            loaded._check_settings()
            loaded._check_fitted_arrays()
        return loaded

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {name: None if name in ("_features", "_support_embeddings") else state[name] for name in state}

    def _check_fitted_arrays(self) -> None:
        """Raise ClassifierError unless the shapes of what was read from a file go together."""
        n_classes, n_support = len(self.classes_), int(self.n_support_.sum())
        shapes = {
            "classes_": (n_classes,),
            "n_support_": (n_classes,),
            "support_": (n_support,),
            "support_vectors_": (n_support, self.n_features_in_),
            "dual_coef_": (n_classes - 1, n_support),
            "intercept_": (n_classes * (n_classes - 1) // 2,),
        }
        for name, shape in shapes.items():
            if np.shape(getattr(self, name)) != shape:
                raise ClassifierError(f"{name} has shape {np.shape(getattr(self, name))}, needed {shape}")

    def _check_settings(self) -> None:
        if self.kernel not in ("fidelity", "projected"):
            raise ClassifierError(f"kernel is 'fidelity' or 'projected', got {self.kernel!r}")
        if self.gamma != "scale" and not (_is_number(self.gamma) and 0 < self.gamma < np.inf):
            raise ClassifierError(f"gamma is a positive number or 'scale', got {self.gamma!r}")
        if not (_is_number(self.bandwidth) and 0 < self.bandwidth < np.inf):
            raise ClassifierError(f"bandwidth is a positive number, got {self.bandwidth!r}")
        if self.feature_range is not None and not self.feature_range[0] < self.feature_range[1]:
            raise ClassifierError(f"feature_range is (lowest, highest) or None, got {self.feature_range}")
        if self.shots is not None and not (_is_number(self.shots) and self.shots == int(self.shots) >= 1):
            raise ClassifierError(
                f"shots is a whole number of at least 1, or None for exact values, got {self.shots!r}"
            )
        if self.shots is not None and self.normalized:
            raise ClassifierError("a normalized kernel divides by exact purities; take shots=None or normalized=False")

    def _feature_states(self) -> FeatureStates:
        circuit = feature_map_circuit(
            self.feature_map,
            self.n_features_in_,
            n_qubits=self.n_qubits,
            reps=self.feature_map_reps,
            entanglement=self.entanglement,
        )
        engine = StatevectorSimulator() if self.engine is None else self.engine
        return FeatureStates(circuit, engine, self.pass_manager)

    def _angles(self, rows: Floats) -> Floats:
        """Return features mapped from the range of the training rows, times the bandwidth."""
        mapped = into_range(rows, self.feature_range, self.feature_min_, self.feature_span_)
        return np.ascontiguousarray(self.bandwidth * mapped)

    def _embed(self, rows: Floats, *, exact: bool = False) -> NDArray[Any]:
        """Return vectors whose inner product or distance the kernel is a function of, one per row."""
        if self._features is None:  # in a copy that came out of a file
            self._features = self._feature_states()
        angles, features = self._angles(rows), self._features
        if self.kernel == "projected":
            letters = features.one_qubit_letters(angles).reshape(len(rows), -1)
            read = letters if exact or self.shots is None else self._shots().letters(letters, rows)
            return np.asarray(read / np.sqrt(2))
        vectors: NDArray[Any] = features.states(angles)
        if not features.is_pure:
            vectors *= 2.0 ** (-features.n_qubits / 2)  # Tr(rho rho') = r . r' / 2**n
            if self.normalized:
                vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def _kernel(self, first: NDArray[Any], second: NDArray[Any]) -> Floats:
        if self.kernel == "projected":
            return np.asarray(rbf_kernel(first, second, gamma=self.gamma_))
        n_bytes = 40 * len(first) * len(second)  # complex overlaps, their squares, and one step between
        what = f"the kernel matrix of {len(first)} by {len(second)} rows"
        check_memory(n_bytes, what, advice="use fewer rows", error=ClassifierError)
        overlaps = first @ second.conj().T
        return np.asarray(np.abs(overlaps) ** 2 if np.iscomplexobj(overlaps) else overlaps)

    def _gamma_of(self, embeddings: NDArray[Any]) -> float:
        if self.kernel == "fidelity" or self.gamma != "scale":
            return 1.0 if self.gamma == "scale" else float(self.gamma)
        variance = float(embeddings.var())
        return 1.0 / (embeddings.shape[1] * variance) if variance > 0 else 1.0

    def _gram(self, embeddings: NDArray[Any]) -> Floats:
        """Return the kernel matrix of the training rows."""
        exact = self._kernel(embeddings, embeddings)
        return exact if self.shots is None or self.kernel == "projected" else self._shots().gram(exact)

    def _against_support(self, rows: Floats) -> Floats:
        if self._support_embeddings is None:
            self._support_embeddings = self._embed(self.support_vectors_)
        exact = self._kernel(self._embed(rows), self._support_embeddings)
        return exact if self.shots is None or self.kernel == "projected" else self._shots().of_rows(exact, rows)

    def _shots(self) -> KernelShots:
        return KernelShots(self.shots, self._seed, is_noisy=getattr(self.engine, "noise", None) is not None)

    def _machine(self, gram: Floats, labels: NDArray[Any]) -> SupportVectors:
        return SupportVectors.fit(gram, labels, C=self.C, class_weight=self.class_weight)

    def _calibrated(self, gram: Floats, labels: NDArray[Any], codes: NDArray[np.int64]) -> float:

        def held_out(train: NDArray[np.int64], test: NDArray[np.int64]) -> Floats:
            machine = self._machine(gram[np.ix_(train, train)], labels[train])
            return machine.decisions(gram[np.ix_(test, train[machine.support])])

        return held_out_scale(held_out, codes, self._seed)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
