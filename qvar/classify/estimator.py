"""What the classifiers made of a circuit share: scikit-learn's contract around a training objective."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from qvar.classify import storage
from qvar.classify.loss import find_loss
from qvar.classify.network import Encoding, Network
from qvar.classify.progress import shown
from qvar.classify.readout import find_readout
from qvar.classify.training import Cost, StopTraining, TrainingData, TrainingObjective, TrainingRecord
from qvar.optimizers import Adam, QuantumNaturalGradient
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import ClassifierError

__all__ = ["CircuitClassifier"]

Floats = NDArray[np.float64]
_FITTED = (
    "classes_",
    "feature_min_",
    "feature_span_",
    "loss_curve_",
    "n_features_in_",
    "feature_names_in_",
    "n_iter_",
    "weights_",
    "_moment_steps",
    "_moments",
    "_prediction_seed",
)
_DEFAULT_OPTIMIZER = Adam(max_iterations=100, displacement=0.0)


class CircuitClassifier(ClassifierMixin, BaseEstimator):
    """Base of classifiers that train the angles of a circuit (see `VariationalClassifier`).

    A subclass stores the parameters declared here and says by `_encoding` which circuit to train.
    """

    readout: Any
    loss: Any
    optimizer: Any
    engine: Any
    pass_manager: Any
    shots: int | None
    batch_size: int | None
    max_circuits: int | None
    initial_point: Any
    feature_range: tuple[float, float] | None
    bandwidth: float
    class_weight: Any
    warm_start: bool
    callback: Any
    verbose: int
    random_state: Any

    weights_: Floats
    loss_curve_: list[float]
    cost_: Cost
    _network: Network | None

    def _encoding(self, n_features: int, n_classes: int) -> Encoding:
        """Return the circuit for data of so many features and classes."""
        raise NotImplementedError

    def _first_weights(self, n_weights: int, rng: np.random.Generator) -> Floats:
        """Return where training starts, shape (n_weights,)."""
        return rng.normal(size=n_weights)

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train the weights.

        An exception, a keyboard interrupt among them, ends the training; what was found until then stays in the
        attributes, and with `warm_start=True` the next call goes on from there.

        Args:
            X: features, shape (n_rows, n_features).
            y: classes, shape (n_rows,), numbers or strings.
            sample_weight: weight of each row in the loss, shape (n_rows,), none negative; None for equal ones.

        Raises:
            ValueError: for data that scikit-learn would refuse, or a single class.
            ClassifierError: if circuit, readout, engine and data do not fit together; before anything is trained.
        """
        previous = self.weights_ if self.warm_start and hasattr(self, "weights_") else None
        data, codes, row_weights = self._checked(X, y, sample_weight)
        rng = self._generator()
        network = self._build(n_rows=len(data), rng=rng)
        start = self._start(network, previous, rng)
        optimizer = _DEFAULT_OPTIMIZER if self.optimizer is None else self.optimizer
        calls_per_step = self._calls_per_step(optimizer)
        with shown(self.callback, verbose=self.verbose, total=getattr(optimizer, "max_iterations", None)) as on_step:
            record = TrainingRecord(max_circuits=self.max_circuits, on_step=on_step)
            objective = self._objective(
                network,
                data,
                codes,
                row_weights,
                record,
                rng,
                calls_per_step=calls_per_step,
                batch_size=self.batch_size,
            )
            try:
                with threadpool_limits(1, user_api="blas"):  # products of this size gain nothing from more threads
                    optimizer.minimize(objective, start, rng)
            except StopTraining:
                pass
            finally:
                self._keep(record, start, is_stochastic=objective.is_stochastic)
        return self

    def _calls_per_step(self, optimizer: Any) -> int | None:
        """Return how many calls make a step of the optimizer; refuse one that cannot do with mini-batches."""
        if not hasattr(optimizer, "minimize"):
            raise ClassifierError(f"an optimizer is one of qvar.optimizers, such as Adam(), got {optimizer!r}")
        calls: int | None = getattr(optimizer, "calls_per_step", None)
        if self.batch_size is not None and calls is None:
            raise ClassifierError(
                f"{type(optimizer).__name__} compares losses of different steps, which differ between mini-batches; "
                "use Adam, AQGD or SPSA, or batch_size=None"
            )
        return calls

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Take one step of Adam on these rows, from the present weights; its moments are kept between calls.

        Args:
            X: features; the first call fixes their number, and the range that `feature_range` maps.
            y: classes.
            classes: all classes that will ever come, shape (n_classes,); needed in the first call.
            sample_weight: weight of each row in the loss.

        Raises:
            ClassifierError: if the optimizer is not Adam, or a first call names no classes.
        """
        settings = _DEFAULT_OPTIMIZER if self.optimizer is None else self.optimizer
        if not isinstance(settings, Adam):
            raise ClassifierError(f"partial_fit takes steps of Adam; got optimizer={settings}")
        is_first = not hasattr(self, "weights_")
        if is_first and classes is None:
            raise ClassifierError("the first call of partial_fit needs classes, all that will ever come")
        data, codes, row_weights = self._checked(X, y, sample_weight, classes=classes, is_first=is_first)
        rng = self._generator()
        network = self._build(n_rows=len(data), rng=rng) if is_first else self._ready()
        if is_first:
            self.weights_ = self._start(network, None, rng)
            self.n_iter_, self.loss_curve_, self.cost_ = 0, [], Cost()
        if not hasattr(self, "_moments") or is_first:
            self._moments = np.zeros((2, len(self.weights_)))
            self._moment_steps = 0
        record = TrainingRecord()
        objective = self._objective(network, data, codes, row_weights, record, rng, calls_per_step=1, batch_size=None)
        _, gradient = objective.value_and_gradient(self.weights_)
        self._moment_steps += 1
        k, beta1, beta2 = self._moment_steps, settings.beta1, settings.beta2
        m = beta1 * self._moments[0] + (1 - beta1) * gradient
        v = beta2 * self._moments[1] + (1 - beta2) * gradient**2
        self._moments = np.array([m, v])
        step = m / (1 - beta1**k) / (np.sqrt(v / (1 - beta2**k)) + settings.epsilon)
        self.weights_ = self.weights_ - settings.learning_rate * step
        self.n_iter_ += 1
        self.loss_curve_ = [*self.loss_curve_, *record.losses]
        self.cost_ = self.cost_ + record.final_cost()
        return self

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return class probabilities, float64 of shape (n_rows, n_classes), columns in the order of `classes_`.

        With shots these are frequencies; every call draws the same ones for the same rows.
        """
        check_is_fitted(self)
        data = self._scaled(validate_data(self, X, reset=False, dtype=np.float64))
        return self._ready().probabilities(self.weights_, data, np.random.default_rng(self._prediction_seed))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of every row, shape (n_rows,)."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    def save(self, path: str | Path) -> None:
        """Write the classifier to a JSON file, atomically; no pickle, no code.

        Functions, samplers, pass managers, random states and circuits whose angles are no linear functions of one
        parameter cannot be written; `load` asks for them. The callback is left out.
        """
        check_is_fitted(self)
        parameters = {name: value for name, value in self.get_params(deep=False).items() if name != "callback"}
        fitted = {name: getattr(self, name) for name in _FITTED if hasattr(self, name)}
        storage.write(path, type(self).__name__, parameters, {**fitted, "cost_": asdict(self.cost_)})

    @classmethod
    def load(cls, path: str | Path, **parameters: Any) -> Self:
        """Read what `save` wrote.

        Args:
            path: the file.
            parameters: to use instead of those in the file, the engine of another device for example.

        Raises:
            ClassifierError: if the file is missing, damaged or of another kind, or leaves out a parameter not given.
        """
        known, fitted = storage.read(path, cls.__name__, parameters)
        loaded = cls(**known)
        for name, value in fitted.items():
            setattr(loaded, name, Cost(**value) if name == "cost_" else value)
        loaded._network = None
        return loaded

    # -- parts -----------------------------------------------------------------------------------------------------

    def _checked(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        *,
        classes: ArrayLike | None = None,
        is_first: bool = True,
    ) -> tuple[Floats, NDArray[np.int64], Floats]:
        """Return scaled features, class numbers and row weights, rows without weight left out; learn classes, range."""
        X, y = (np.asarray(a) for a in validate_data(self, X, y, dtype=np.float64, reset=is_first))
        check_classification_targets(y)
        for name, least in (("shots", 1), ("batch_size", 1), ("max_circuits", 1)):
            if getattr(self, name) is not None:
                check_whole(name, getattr(self, name), least=least, error=ClassifierError)
        if is_first:
            self.classes_ = np.unique(y if classes is None else np.asarray(classes))
        codes = np.searchsorted(self.classes_, y)
        known = codes < len(self.classes_)
        if not (known.all() and (self.classes_[codes] == y).all()):
            raise ClassifierError(f"y holds classes that are not among {self.classes_}; name all in the first call")
        row_weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if self.class_weight is not None:
            row_weights = row_weights * compute_sample_weight(self.class_weight, y)
        weighty = row_weights > 0
        n_left = len(np.unique(codes[weighty])) if classes is None and is_first else len(self.classes_)
        if n_left < 2 or not weighty.any():
            raise ClassifierError(f"training needs rows of at least two classes, got {n_left} class in y")
        if is_first:
            self._learn_range(X[weighty])
        return self._scaled(X[weighty]), codes[weighty], row_weights[weighty]

    def _learn_range(self, X: Floats) -> None:
        if not self.bandwidth > 0:
            raise ClassifierError(f"bandwidth must be > 0, got {self.bandwidth}")
        if self.feature_range is not None and not self.feature_range[0] < self.feature_range[1]:
            raise ClassifierError(f"feature_range is (lowest, highest) or None, got {self.feature_range}")
        self.feature_min_, span = X.min(axis=0), np.ptp(X, axis=0)
        self.feature_span_ = np.where(span > 0, span, 1.0)

    def _scaled(self, X: Floats) -> Floats:
        """Return the angles' features: mapped from the range of the training rows, then times the bandwidth."""
        if self.feature_range is not None:
            low, high = self.feature_range
            X = low + (high - low) * (X - self.feature_min_) / self.feature_span_
        return np.ascontiguousarray(self.bandwidth * X)

    def _generator(self) -> np.random.Generator:
        """Return a fresh generator; the same one each time for a whole `random_state`."""
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31 - 1, size=4))
        self._prediction_seed = int(rng.integers(2**63))
        return rng

    def _build(self, *, n_rows: int, rng: np.random.Generator) -> Network:
        """Put the network together, and check that all parts fit."""
        n_classes = len(self.classes_)
        network = Network.of(
            self._encoding(self.n_features_in_, n_classes),
            find_readout(self.readout, n_classes),
            n_classes=n_classes,
            n_rows=n_rows,
            engine=self.engine,
            pass_manager=self.pass_manager,
            shots=self.shots,
            rng=rng,
        )
        self._network = network
        return network

    def _ready(self) -> Network:
        """Return the network, put together again in a copy that came out of a file."""
        if self._network is None:
            return self._build(n_rows=1, rng=np.random.default_rng(self._prediction_seed))
        return self._network

    def _start(self, network: Network, previous: Floats | None, rng: np.random.Generator) -> Floats:
        """Return where training begins: where it ended, where the user says, or somewhere by chance."""
        n_weights = network.model.n_weights
        if previous is None and self.initial_point is None:
            return self._first_weights(n_weights, rng)
        start = np.array(self.initial_point if previous is None else previous, dtype=np.float64)
        if start.shape != (n_weights,) or not np.isfinite(start).all():
            raise ClassifierError(f"the circuit has {n_weights} weights, the start point has shape {start.shape}")
        return start

    def _objective(
        self,
        network: Network,
        data: Floats,
        codes: NDArray[np.int64],
        row_weights: Floats,
        record: TrainingRecord,
        rng: np.random.Generator,
        *,
        calls_per_step: int | None,
        batch_size: int | None,
    ) -> TrainingObjective:
        return TrainingObjective(
            network.model,
            network.readout,
            find_loss(self.loss),
            TrainingData(network.model.rows(data), np.eye(len(self.classes_))[codes], row_weights),
            record,
            rng,
            shots=self.shots,
            draws=network.draws,
            batch_size=None if batch_size is None else min(batch_size, len(data)),
            calls_per_step=calls_per_step,
            metric_of=network.metric(data) if isinstance(self.optimizer, QuantumNaturalGradient) else None,
        )

    def _keep(self, record: TrainingRecord, start: Floats, *, is_stochastic: bool) -> None:
        """Take over what a training found: the lowest loss, or where losses are estimates the last point."""
        found = record.last if is_stochastic else record.best
        self.weights_ = start if found is None else found
        self.loss_curve_ = list(record.losses)
        self.n_iter_ = len(record.losses)
        self.cost_ = record.final_cost()

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {**state, "_network": None} if "_network" in state else state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.shots is not None and self.random_state is None
        return tags
