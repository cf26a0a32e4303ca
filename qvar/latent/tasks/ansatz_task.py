"""The task of finding an ansatz for a classifier: trained on some rows, rewarded on others, judged on a third part."""

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.latent.space import CircuitSpace
from qvar.latent.tasks.task import Evaluation
from qvar.optimizers import Adam, Minimum, Optimizer
from qvar.optimizers.result import CountedObjective
from qvar.simulators import Circuit, Objective
from qvar.simulators.errors import DatasetError, LatentError

__all__ = ["AnsatzTask", "Split"]

Measure = Literal["accuracy", "likelihood"]


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of a data set in three parts: features scaled to [-1, 1] on the training rows, one a qubit, and labels."""

    X_train: NDArray[np.float64]
    y_train: NDArray[np.int64]
    X_validation: NDArray[np.float64]
    y_validation: NDArray[np.int64]
    X_test: NDArray[np.float64]
    y_test: NDArray[np.int64]


@dataclass(frozen=True)
class AnsatzTask:
    """Find the ansatz with which a `VariationalClassifier` does best on rows that it was not trained on.

    The circuit comes after angle encoding, one feature a qubit. Its angles are trained on the training rows alone, from
    the start angles that come with it; the reward is a measure on the validation rows. The test rows have no part in
    the search: `test_accuracy` reports on them in the end.

    Args:
        dataset: "moons" (two interleaved half-moons, repeated over the qubits), or a name for
            `qvar.classify.datasets.load_dataset` with numbers as features, such as "iris" or "breast-cancer"; more
            features than qubits are reduced to the first principal components of the training rows.
        space: circuits that suit the task; its number of qubits is that of the classifier.
        threshold: of the reward.
        measure: "accuracy", or "likelihood": the geometric mean of the probabilities of the true classes, which
            tells apart circuits of equal accuracy.
        optimizer: how angles are trained.
        seed: of the split, and of the data where they are made.
        most_rows: rows used, drawn evenly; 60 % for training, 20 % for validation, 20 % for the test.

    Raises:
        LatentError: for an unknown measure, or an impossible threshold.
        DatasetError: at the first use, for an unknown data set, or one of texts.
    """

    dataset: str
    space: CircuitSpace
    threshold: float = 0.95
    measure: Measure = "accuracy"
    optimizer: Optimizer = field(default_factory=lambda: Adam(max_iterations=40, learning_rate=0.2, displacement=0.0))
    seed: int = 0
    most_rows: int = 250

    def __post_init__(self) -> None:
        if self.measure not in ("accuracy", "likelihood"):
            raise LatentError(f"the measure is 'accuracy' or 'likelihood', got {self.measure!r}")
        if not 0 < self.threshold <= 1:
            raise LatentError(f"a threshold lies above 0 and at most at 1, got {self.threshold}")

    @property
    def key(self) -> str:
        """Short name for files and tables."""
        return f"ansatz-{self.dataset}{'' if self.measure == 'accuracy' else '-likelihood'}"

    @property
    def title(self) -> str:
        """The task in one line."""
        return f"find an ansatz that classifies {self.dataset}: {self.measure} on validation rows"

    @property
    def source(self) -> str:
        """Where the task comes from."""
        return "ours"

    @property
    def note(self) -> str:
        """What to know before quoting its numbers."""
        return "The best of many validation rewards is optimistic; quote `test_accuracy`."

    @property
    def n_qubits(self) -> int:
        """Qubits of the classifier."""
        return self.space.n_qubits

    @cached_property
    def split(self) -> Split:
        """The rows."""
        from sklearn.decomposition import PCA
        from sklearn.model_selection import train_test_split
        from sklearn.preprocessing import MinMaxScaler

        X, y = _rows(self.dataset, self.seed)
        if len(y) > self.most_rows:
            X, _, y, _ = train_test_split(X, y, train_size=self.most_rows, stratify=y, random_state=self.seed)
        X_train, X_rest, y_train, y_rest = train_test_split(X, y, train_size=0.6, stratify=y, random_state=self.seed)
        X_validation, X_test, y_validation, y_test = train_test_split(
            X_rest, y_rest, train_size=0.5, stratify=y_rest, random_state=self.seed
        )
        parts = X_train, X_validation, X_test
        if X.shape[1] > self.n_qubits:
            standard = X_train.mean(axis=0), X_train.std(axis=0) + 1e-12
            parts = tuple((part - standard[0]) / standard[1] for part in parts)
            components = PCA(self.n_qubits, svd_solver="full").fit(parts[0])
            parts = tuple(components.transform(part) for part in parts)
        scaler = MinMaxScaler((-1.0, 1.0)).fit(parts[0])
        columns = np.arange(self.n_qubits) % parts[0].shape[1]  # fewer features than qubits come again
        train, validation, test = (np.clip(scaler.transform(part), -1.5, 1.5)[:, columns] for part in parts)
        return Split(train, y_train, validation, y_validation, test, y_test)

    def evaluate(self, circuit: Circuit, start: NDArray[np.float64], rng: np.random.Generator) -> Evaluation:
        """Train the ansatz `circuit` from the angles `start` and score it on the validation rows.

        `value` is minus the reward. A circuit without angles is scored as it is.
        """
        if circuit.n_qubits != self.n_qubits:
            raise LatentError(f"the circuit has {circuit.n_qubits} qubit(s), task {self.key!r} has {self.n_qubits}")
        model = self._fitted(circuit, start, rng, self.optimizer)
        split = self.split
        reward = self._measure(model, split.X_validation, split.y_validation)
        calls = len(model.loss_curve_)
        return Evaluation(reward, -reward, np.array(model.weights_), reward, -reward, calls)

    def test_accuracy(self, circuit: Circuit, theta: NDArray[np.float64]) -> float:
        """Return the accuracy on the test rows with trained angles; for reports, never for a search."""
        model = self._fitted(circuit, theta, np.random.default_rng(0), _Stay())
        return float(model.score(self.split.X_test, self.split.y_test))

    def _fitted(self, circuit: Circuit, start: NDArray[np.float64], rng: np.random.Generator, optimizer: Any) -> Any:
        from qvar.classify import VariationalClassifier

        model = VariationalClassifier(
            feature_map="angle",
            ansatz=circuit.to_qiskit(),
            n_qubits=self.n_qubits,
            feature_range=None,
            bandwidth=np.pi / 2,
            optimizer=optimizer,
            initial_point=start,
            random_state=int(rng.integers(2**31)),
        )
        return model.fit(self.split.X_train, self.split.y_train)

    def _measure(self, model: Any, X: NDArray[np.float64], y: NDArray[np.int64]) -> float:
        if self.measure == "accuracy":
            return float(model.score(X, y))
        true = model.predict_proba(X)[np.arange(len(y)), y]
        return float(np.exp(np.log(np.maximum(true, 1e-12)).mean()))

    def to_dict(self) -> dict[str, Any]:
        """Return all that rewards depend on as JSON data."""
        return {
            "key": self.key,
            "dataset": self.dataset,
            "n_qubits": self.n_qubits,
            "measure": self.measure,
            "optimizer": {"name": type(self.optimizer).__name__, **asdict(self.optimizer)},  # type: ignore[call-overload]
            "seed": self.seed,
            "most_rows": self.most_rows,
        }


@dataclass(frozen=True)
class _Stay:
    """An optimizer that looks at the start point and stays there."""

    calls_per_step = None

    def minimize(self, objective: Objective, start: ArrayLike, rng: np.random.Generator) -> Minimum:  # noqa: ARG002
        counted = CountedObjective(objective)
        x = np.array(start, dtype=np.float64)
        return counted.minimum(x, counted.value(x), converged=True)


def _rows(dataset: str, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    if dataset == "moons":
        from sklearn.datasets import make_moons

        X, y = make_moons(250, noise=0.15, random_state=seed)
        return X, y
    from qvar.classify.datasets import load_dataset

    try:
        data = load_dataset(dataset)
    except DatasetError as error:
        raise DatasetError(f"{error}; an ansatz task also takes 'moons'") from error
    if data.is_text:
        raise DatasetError(f"{dataset!r} holds texts; an ansatz task takes numbers")
    return data.X, data.y
