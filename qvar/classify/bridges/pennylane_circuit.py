"""A plain PennyLane classifier, written as PennyLane's own tutorials do, behind scikit-learn's interface."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.classify.bridges.bridge import Bridge
from qvar.simulators.errors import ClassifierError

__all__ = ["PennyLaneClassifier"]

Floats = NDArray[np.float64]
_EMBEDDINGS = ("angle", "iqp")
_LEAST = 1e-12


class PennyLaneClassifier(Bridge):
    """Train a PennyLane circuit by Adam through torch, all rows broadcast in one execution.

    Features enter by a template, one qubit each; `StronglyEntanglingLayers` hold the weights; the class is the number
    that the first qubits show, modulo the number of classes. The loss is the mean cross entropy in nats.

    Args:
        embedding: "angle" (`AngleEmbedding`, RY) or "iqp" (`IQPEmbedding`: H, RZ(x_i) and ZZ(x_i x_j), repeated).
        embedding_reps: repetitions of "iqp".
        n_layers: of `StronglyEntanglingLayers`; 3 weights per qubit and layer.
        device: name of a PennyLane device ("default.qubit", "qvar.ptm", ...), or a function from the number of wires to
            a device, with noise for example.
        diff_method: as `qml.QNode` has it.
        steps: steps of Adam.
        learning_rate: of Adam.
        batch_size: rows per step, drawn anew for every step; None for all.
        initial_point: shape (n_layers, n_features, 3); None for uniform in [0, 2 pi).
        feature_range: interval that the training rows are scaled to; None to take features as angles.
        random_state: int, RandomState or None; the start and the mini-batches.

    Attributes:
        classes_: the classes, sorted.
        weights_: trained weights, shape (n_layers, n_features, 3).
        loss_curve_: the loss of each step before its update, on the rows of the step.

    Example:
        >>> from sklearn.datasets import make_moons
        >>> x, y = make_moons(40, noise=0.1, random_state=0)
        >>> model = PennyLaneClassifier(steps=30, random_state=0).fit(x, y)
        >>> model.loss_curve_[-1] < model.loss_curve_[0] - 0.2
        True
    """

    _volatile = ("_network",)

    weights_: Floats
    _network: Callable[..., Any] | None

    def __init__(
        self,
        *,
        embedding: str = "angle",
        embedding_reps: int = 2,
        n_layers: int = 2,
        device: Any = "default.qubit",
        diff_method: str = "best",
        steps: int = 100,
        learning_rate: float = 0.1,
        batch_size: int | None = None,
        initial_point: ArrayLike | None = None,
        feature_range: tuple[float, float] | None = (0.0, np.pi),
        random_state: Any = None,
    ) -> None:
        self.embedding = embedding
        self.embedding_reps = embedding_reps
        self.n_layers = n_layers
        self.device = device
        self.diff_method = diff_method
        self.steps = steps
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.initial_point = initial_point
        self.feature_range = feature_range
        self.random_state = random_state

    def _train(self, rows: Floats, codes: NDArray[np.int64], rng: np.random.Generator) -> None:
        import torch

        self._network = self._made()
        weights = torch.tensor(self._start(rng), requires_grad=True)
        adam = torch.optim.Adam([weights], lr=self.learning_rate)
        self.loss_curve_ = []
        for _ in range(self.steps):
            chosen = slice(None) if self.batch_size is None else rng.permutation(len(rows))[: self.batch_size]
            p = self._network(torch.tensor(rows[chosen]), weights)
            true = p[torch.arange(len(p)), torch.tensor(codes[chosen])]
            loss = -torch.log(true.clamp_min(_LEAST)).mean()
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
            self.loss_curve_.append(loss.item())
        self.weights_ = weights.detach().numpy()

    def _start(self, rng: np.random.Generator) -> Floats:
        shape = (self.n_layers, self.n_features_in_, 3)
        if self.initial_point is None:
            return rng.uniform(0, 2 * np.pi, shape)
        start = np.array(self.initial_point, dtype=np.float64)
        if start.shape != shape:
            raise ClassifierError(f"the weights have shape {shape}, the start point has {start.shape}")
        return start

    def _probabilities(self, rows: Floats) -> Floats:
        import torch

        if self._network is None:
            self._network = self._made()
        with torch.no_grad():
            p: Floats = self._network(torch.tensor(rows), torch.tensor(self.weights_)).numpy()
        return p

    def _made(self) -> Callable[..., Any]:
        """Return the function from rows and weights to class probabilities."""
        import pennylane as qml
        import torch

        n, n_classes = self.n_features_in_, len(self.classes_)
        n_read = int(np.ceil(np.log2(n_classes)))
        if n_read > n:
            raise ClassifierError(
                f"{n_classes} classes need {n_read} qubits, and there are {n} features, one qubit each"
            )
        if self.embedding not in _EMBEDDINGS:
            raise ClassifierError(f"embedding is one of {', '.join(_EMBEDDINGS)}, got {self.embedding!r}")

        def circuit(rows: Any, weights: Any) -> Any:
            if self.embedding == "angle":
                qml.AngleEmbedding(rows, wires=range(n), rotation="Y")
            else:
                qml.IQPEmbedding(rows, wires=range(n), n_repeats=self.embedding_reps)
            qml.StronglyEntanglingLayers(weights, wires=range(n))
            return qml.probs(wires=range(n_read))

        device = qml.device(self.device, wires=n) if isinstance(self.device, str) else self.device(n)
        node = qml.QNode(circuit, device, interface="torch", diff_method=self.diff_method)
        classes = torch.tensor(np.eye(n_classes)[np.arange(2**n_read) % n_classes])
        return lambda rows, weights: node(rows, weights).reshape(len(rows), -1).double() @ classes
