"""What the classifiers made of a circuit share: scikit-learn's contract around a training objective."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.primitives import BaseSamplerV2
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
from qvar.classify.scaling import into_range, learned_range
from qvar.classify.training import TrainingData, TrainingObjective
from qvar.classify.training_record import Cost, StopTraining, TrainingRecord
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
    n_iter_: int
    feature_min_: Floats
    feature_span_: Floats
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
        attributes, and with `warm_start=True` the next call goes on from there. Where nothing was evaluated yet, the
        classifier stays as it was.

        Args:
            X: features, shape (n_rows, n_features).
            y: classes, shape (n_rows,), numbers or strings.
            sample_weight: weight of each row in the loss, shape (n_rows,), none negative; None for equal ones.

        Raises:
            ValueError: for data that scikit-learn would refuse, or a single class.
            ClassifierError: if circuit, readout, engine and data do not fit together, before anything is trained; if
                `max_circuits` does not pay for the first evaluation.
        """
        previous = self.weights_ if self.warm_start and hasattr(self, "weights_") else None
        optimizer = _DEFAULT_OPTIMIZER if self.optimizer is None else self.optimizer
        calls_per_step = self._calls_per_step(optimizer)
        with (
            _undone_on_error(self),
            shown(self.callback, verbose=self.verbose, total=getattr(optimizer, "max_iterations", None)) as on_step,
        ):
            data, codes, row_weights = self._checked(X, y, sample_weight)
            rng = self._generator()
            network = self._build(n_rows=len(data))
            start = self._start(network, previous, rng)
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
            self._train(optimizer, objective, start, rng)
        return self

    def _train(self, optimizer: Any, objective: TrainingObjective, start: Floats, rng: np.random.Generator) -> None:
        """Minimize, and keep what was found, whatever ended it."""
        record, settled = objective.record, None
        try:
            with threadpool_limits(1, user_api="blas"):  # products of this size gain nothing from more threads
                settled = optimizer.minimize(objective, start, rng).parameters
        except StopTraining:
            if record.last is None:
                raise ClassifierError(
                    f"max_circuits={self.max_circuits} does not pay for the first evaluation of "
                    f"{type(optimizer).__name__} on {len(objective.data)} rows; allow more, or give fewer rows"
                ) from None
        finally:
            if record.last is not None:
                self._keep(record, settled, objective.calls_per_step)

    def _calls_per_step(self, optimizer: Any) -> int | None:
        """Return how many calls make a step of the optimizer; refuse one that cannot do with mini-batches."""
        if isinstance(optimizer, type) or not hasattr(optimizer, "minimize"):
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

        `callback`, `max_circuits` and `batch_size` are those of `fit`, which starts the moments anew.

        Args:
            X: features; the first call fixes their number, and the range that `feature_range` maps.
            y: classes.
            classes: all classes that will ever come, shape (n_classes,); needed in the first call.
            sample_weight: weight of each row in the loss.

        Raises:
            ClassifierError: if the optimizer is not Adam, a first call names no classes or a later one others, or
                class_weight is "balanced", which a part of the rows does not tell.
        """
        settings = _DEFAULT_OPTIMIZER if self.optimizer is None else self.optimizer
        if not isinstance(settings, Adam):
            raise ClassifierError(f"partial_fit takes steps of Adam; got optimizer={settings}")
        is_first = not hasattr(self, "weights_")
        self._check_classes(classes, is_first=is_first)
        with _undone_on_error(self):
            data, codes, row_weights = self._checked(X, y, sample_weight, classes=classes, is_first=is_first)
            rng = self._generator(0 if is_first else self.n_iter_)  # of each step its own, or shots would repeat
            network = self._build(n_rows=len(data)) if is_first else self._ready()
            if is_first:
                self.weights_ = self._start(network, None, rng)
                self.n_iter_, self.loss_curve_, self.cost_ = 0, [], Cost()
        if not hasattr(self, "_moments"):
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

    def _check_classes(self, classes: ArrayLike | None, *, is_first: bool) -> None:
        if self.class_weight == "balanced":
            raise ClassifierError("partial_fit cannot balance classes it has seen a part of; give class_weight={...}")
        if is_first and classes is None:
            raise ClassifierError("the first call of partial_fit needs classes, all that will ever come")
        if not is_first and classes is not None and not np.array_equal(self.classes_, np.unique(np.asarray(classes))):
            raise ClassifierError(f"the classes are {self.classes_} since the first call, got {classes}")

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return class probabilities, float64 of shape (n_rows, n_classes), columns in the order of `classes_`.

        With shots these are frequencies. On engines of ours every call with the same rows in the same order draws the
        same ones; a sampler measures anew.
        """
        check_is_fitted(self, "weights_")
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
        check_is_fitted(self, "weights_")
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
        optional = {"cost_", "feature_names_in_", "_moment_steps", "_moments"}
        known, fitted = storage.read(path, cls, parameters, needed={*_FITTED} - optional, optional=optional)
        loaded = cls(**known)
        try:
            for name, value in fitted.items():
                setattr(loaded, name, Cost(**value) if name == "cost_" else value)
        except TypeError as error:
            raise ClassifierError(f"{path} holds a cost that this version does not know: {error}") from error
        loaded._network = None
        loaded._check_counts()
        return loaded

    # -- parts -----------------------------------------------------------------------------------------------------

    def _check_counts(self) -> None:
        for name in ("shots", "batch_size", "max_circuits"):
            if getattr(self, name) is not None:
                check_whole(name, getattr(self, name), error=ClassifierError)

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
        self._check_counts()
        if self.callback is not None and not callable(self.callback):
            raise ClassifierError(f"callback is a function of a TrainingStep, got {self.callback!r}")
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
            raise ClassifierError(
                f"training needs rows of at least two classes with weights > 0, got {n_left} class in y"
            )
        if is_first:
            self._learn_range(X[weighty])
        return self._scaled(X[weighty]), codes[weighty], row_weights[weighty]

    def _learn_range(self, X: Floats) -> None:
        if not (isinstance(self.bandwidth, int | float | np.number) and 0 < self.bandwidth < np.inf):
            raise ClassifierError(f"bandwidth is a number > 0, got {self.bandwidth!r}")
        if self.feature_range is not None and not _is_range(self.feature_range):
            raise ClassifierError(f"feature_range is (lowest, highest) or None, got {self.feature_range!r}")
        self.feature_min_, self.feature_span_ = learned_range(X)

    def _scaled(self, X: Floats) -> Floats:
        """Return the angles' features: mapped from the range of the training rows, then times the bandwidth."""
        mapped = into_range(X, self.feature_range, self.feature_min_, self.feature_span_)
        return np.ascontiguousarray(self.bandwidth * mapped)

    def _generator(self, number: int = 0) -> np.random.Generator:
        """Return a fresh generator; for a whole `random_state` the same one each time of the same number."""
        seed = check_random_state(self.random_state).randint(2**31 - 1, size=4)
        rng = np.random.default_rng([*seed, number] if number else seed)
        self._prediction_seed = int(rng.integers(2**63))
        return rng

    def _build(self, *, n_rows: int) -> Network:
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
        )
        self._network = network
        return network

    def _ready(self) -> Network:
        """Return the network, put together again in a copy that came out of a file."""
        network = self._build(n_rows=1) if self._network is None else self._network
        if network.model.n_weights != len(self.weights_):
            raise ClassifierError(
                f"the circuit has {network.model.n_weights} weights, and {len(self.weights_)} were trained: it is "
                "another circuit"
            )
        return network

    def _start(self, network: Network, previous: Floats | None, rng: np.random.Generator) -> Floats:
        """Return where training begins: where it ended, where the user says, or somewhere by chance."""
        n_weights = network.model.n_weights
        if previous is None and self.initial_point is None:
            return self._first_weights(n_weights, rng)
        start = np.array(self.initial_point if previous is None else previous, dtype=np.float64)
        if start.shape != (n_weights,) or not np.isfinite(start).all():
            name = "initial_point" if previous is None else "the last training, which warm_start=True goes on from,"
            raise ClassifierError(
                f"the circuit needs {n_weights} finite weights; {name} gives an array of shape {start.shape}"
            )
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
        model = network.model_for(rng)
        return TrainingObjective(
            model,
            network.readout,
            find_loss(self.loss, self.shots),
            TrainingData(model.rows(data), np.eye(len(self.classes_))[codes], row_weights),
            record,
            rng,
            shots=self.shots,
            circuits_per_row=network.circuits_per_row,
            draws=network.draws,
            batch_size=None if batch_size is None else min(batch_size, len(data)),
            calls_per_step=calls_per_step,
            metric_of=network.metric(data) if isinstance(self.optimizer, QuantumNaturalGradient) else None,
        )

    def _keep(self, record: TrainingRecord, settled: Floats | None, calls_per_step: int | None) -> None:
        """Take over what a training found; an optimizer that was interrupted has settled on nothing."""
        found = record.best
        if record.is_stochastic and settled is not None:
            found = settled  # the lowest of many estimates may be luck
        elif record.is_stochastic and calls_per_step is not None:
            found = record.last  # other optimizers have trial points between their steps
        assert found is not None
        self.weights_ = found
        self.loss_curve_ = list(record.losses)
        self.n_iter_ = len(record.losses)
        self.cost_ = record.final_cost()
        self.__dict__.pop("_moments", None)  # those of partial_fit belong to the steps before

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {**state, "_network": None} if "_network" in state else state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = isinstance(self.engine, BaseSamplerV2) or (
            self.shots is not None and self.random_state is None
        )
        return tags


def _is_range(value: Any) -> bool:
    try:
        low, high = value
        return bool(-np.inf < low < high < np.inf)
    except (TypeError, ValueError):
        return False


@contextmanager
def _undone_on_error(estimator: Any) -> Iterator[None]:
    """Leave an estimator as it was unless there are new weights: old ones would not fit new classes."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        if vars(estimator).get("weights_") is before.get("weights_"):
            vars(estimator).clear()
            vars(estimator).update(before)
        raise
