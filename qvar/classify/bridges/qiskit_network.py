"""qiskit-machine-learning's variational classifier behind scikit-learn's interface."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.classify.bridges.bridge import Bridge
from qvar.classify.bridges.qiskit_seed import global_seed
from qvar.classify.circuits import ansatz_circuit, feature_map_circuit
from qvar.simulators.errors import ClassifierError

__all__ = ["QiskitVQC"]

Floats = NDArray[np.float64]
_DEFAULT_SHOTS = 1024


class QiskitVQC(Bridge):
    """Train `qiskit_machine_learning.algorithms.VQC` as it is, and count what it costs.

    What the package does, and this bridge leaves alone (version 0.9.1):
    - the class is the measured number modulo the number of classes: two classes are told apart by qubit 0 alone,
      although the function is called parity;
    - its cross entropy is in bits, and its gradient is that of another function (p - t instead of -t / p), so that
      line searches, of SLSQP for example, work on an inconsistent pair;
    - gradients are parameter shifts of every probability, one row and angle at a time;
    - every optimizer gets this gradient; AQGD is therefore plain momentum descent, not the algorithm of 2021;
    - the value of the last forward pass is reused for weights that `np.isclose` calls equal.
    Losses are recorded here around the optimizer, because the package's own callback is called by some of its
    optimizers only.

    Args:
        feature_map: as in `VariationalClassifier`.
        feature_map_reps: repetitions, for names.
        entanglement: of the feature map, for names; None for the usual one.
        ansatz: as in `VariationalClassifier`.
        ansatz_reps: repetitions, for names.
        ansatz_entanglement: of the ansatz, for names; None for the usual one.
        optimizer: a name in `qiskit_machine_learning.optimizers` ("COBYLA", "AQGD", "SPSA", "L_BFGS_B", ...), one of
            its objects, or a function (fun, x0, jac, bounds) -> OptimizerResult.
        max_iterations: `maxiter` of an optimizer given by name: evaluations for COBYLA, steps for others.
        loss: "cross_entropy", "squared_error" or "absolute_error", or a loss object of the package.
        initial_point: where training starts, shape (n_weights,); None for the package's rule, uniform in [0, 1).
        sampler: any V2 sampler; None for exact probabilities without noise, or for `SamplerV2` of this package with
            `engine` and `shots`.
        engine: an engine of `qvar.simulators` to sample from; None for the state vector.
        shots: shots per circuit of `SamplerV2`; None for exact probabilities, or 1024 with an engine.
        pass_manager: transpiles the circuit for the sampler; None if it takes the circuit as it is.
        feature_range: interval that the training rows are scaled to; None to take features as angles.
        random_state: int, RandomState or None; the start, the shots, and the package's global generator while it
            trains (its seed is put back afterwards, which starts its sequence anew).

    Attributes:
        classes_: the classes, sorted.
        weights_: trained weights, shape (n_weights,).
        loss_curve_: the losses of all evaluations, in order, as the package computes them.
        n_evaluations_: evaluations of the loss by the optimizer.
        n_gradients_: evaluations of its gradient.
        n_circuits_: circuits that the sampler was sent to train, each set of numbers for one counted.
        result_: the package's `OptimizerResult`.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> model = QiskitVQC(optimizer="COBYLA", max_iterations=20, ansatz_reps=1, random_state=0)
        >>> model = model.fit(rng.normal(size=(8, 2)), [0, 1] * 4)
        >>> len(model.loss_curve_), model.n_circuits_
        (20, 160)
    """

    _volatile = ("_vqc",)

    weights_: Floats
    _vqc: Any

    def __init__(
        self,
        *,
        feature_map: Any = "zz_feature_map",
        feature_map_reps: int = 2,
        entanglement: Any = None,
        ansatz: Any = "efficient_su2",
        ansatz_reps: int = 3,
        ansatz_entanglement: Any = None,
        optimizer: Any = "COBYLA",
        max_iterations: int = 100,
        loss: Any = "cross_entropy",
        initial_point: ArrayLike | None = None,
        sampler: Any = None,
        engine: Any = None,
        shots: int | None = None,
        pass_manager: Any = None,
        feature_range: tuple[float, float] | None = (0.0, 1.0),
        random_state: Any = None,
    ) -> None:
        self.feature_map = feature_map
        self.feature_map_reps = feature_map_reps
        self.entanglement = entanglement
        self.ansatz = ansatz
        self.ansatz_reps = ansatz_reps
        self.ansatz_entanglement = ansatz_entanglement
        self.optimizer = optimizer
        self.max_iterations = max_iterations
        self.loss = loss
        self.initial_point = initial_point
        self.sampler = sampler
        self.engine = engine
        self.shots = shots
        self.pass_manager = pass_manager
        self.feature_range = feature_range
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # one qubit is read
        tags.non_deterministic = self.sampler is not None
        return tags

    def _train(self, rows: Floats, codes: NDArray[np.int64], rng: np.random.Generator) -> None:
        self._seed = int(rng.integers(2**31))
        minimizer = _Watched(_find_optimizer(self.optimizer, self.max_iterations))
        sampler = _counting(self._any_sampler())
        self._vqc = self._made(sampler, minimizer)
        n_weights = self._vqc.neural_network.num_weights
        start = rng.random(n_weights) if self.initial_point is None else np.array(self.initial_point, dtype=np.float64)
        if start.shape != (n_weights,):
            raise ClassifierError(f"the ansatz has {n_weights} weights, the start point has shape {start.shape}")
        self._vqc.initial_point = start
        with global_seed(self._seed):
            self._vqc.fit(rows, codes)
        self.result_ = self._vqc.fit_result
        self.weights_ = np.array(self._vqc.weights, dtype=np.float64)
        self.loss_curve_ = minimizer.losses
        self.n_evaluations_, self.n_gradients_ = len(minimizer.losses), minimizer.n_gradients
        self.n_circuits_ = sampler.n_circuits
        self._vqc = self._made(self._any_sampler())

    def _probabilities(self, rows: Floats) -> Floats:
        if self._vqc is None:
            self._vqc = self._made(self._any_sampler())
        return np.asarray(self._vqc.neural_network.forward(rows, self.weights_))

    def _made(self, sampler: Any, minimizer: Any = None) -> Any:
        """Return the package's classifier."""
        from qiskit_machine_learning.algorithms import VQC

        feature_map = feature_map_circuit(
            self.feature_map, self.n_features_in_, reps=self.feature_map_reps, entanglement=self.entanglement
        )
        ansatz = ansatz_circuit(
            self.ansatz, feature_map.num_qubits, reps=self.ansatz_reps, entanglement=self.ansatz_entanglement
        )
        return VQC(
            feature_map=feature_map,
            ansatz=ansatz,
            loss=self.loss,
            optimizer=minimizer,
            sampler=sampler,
            output_shape=len(self.classes_),
            pass_manager=self.pass_manager,
        )

    def _any_sampler(self) -> Any:
        if self.sampler is not None and (self.engine is not None or self.shots is not None):
            raise ClassifierError("a sampler brings its own engine and shots; give either it or these")
        if self.sampler is not None:
            return self.sampler
        if self.engine is None and self.shots is None:
            from qiskit_machine_learning.primitives import QMLSampler

            return QMLSampler()
        from qvar.simulators import SamplerV2

        return SamplerV2(self.engine, default_shots=self.shots or _DEFAULT_SHOTS, seed=self._seed)


def _counting(sampler: Any) -> Any:
    """Return the sampler with a count, `n_circuits`, of the circuits sent to it."""
    from qiskit.primitives import BaseSamplerV2
    from qiskit.primitives.containers.sampler_pub import SamplerPub

    class Counting(BaseSamplerV2):
        n_circuits = 0

        def run(self, pubs: Any, *, shots: int | None = None) -> Any:
            sent = list(pubs)
            self.n_circuits += sum(SamplerPub.coerce(pub, shots=1).parameter_values.size for pub in sent)
            return sampler.run(sent, shots=shots)

    return Counting()


@dataclass
class _Watched:
    """A minimizer that writes down the losses it is told and counts the gradients it asks for."""

    minimize: Callable[..., Any]
    losses: list[float] = field(default_factory=list)
    n_gradients: int = 0

    def __call__(
        self, fun: Callable[[Floats], Any], x0: Floats, jac: Callable[[Floats], Floats] | None, bounds: Any = None
    ) -> Any:
        def loss(weights: Floats) -> float:
            value = float(np.squeeze(fun(weights)))
            self.losses.append(value)
            return value

        def gradient(weights: Floats) -> Floats:
            self.n_gradients += 1
            assert jac is not None
            return jac(weights)

        return self.minimize(fun=loss, x0=x0, jac=None if jac is None else gradient, bounds=bounds)


def _find_optimizer(optimizer: Any, max_iterations: int) -> Callable[..., Any]:
    """Return the function that minimizes."""
    from qiskit_machine_learning import optimizers

    if isinstance(optimizer, str):
        kind = getattr(optimizers, optimizer, None)
        if not (isinstance(kind, type) and issubclass(kind, optimizers.Optimizer)):
            raise ClassifierError(
                f"qiskit-machine-learning has no optimizer {optimizer!r}; there are COBYLA, AQGD, ADAM, SPSA, SLSQP, "
                "L_BFGS_B and others in qiskit_machine_learning.optimizers"
            )
        optimizer = kind(maxiter=max_iterations)
    found: Callable[..., Any] = getattr(optimizer, "minimize", optimizer)
    if not callable(found):
        raise ClassifierError(
            f"an optimizer is a name or an object of qiskit_machine_learning.optimizers, got {found!r}"
        )
    return found
