"""Settings of a graph auto-encoder and of its training, with the published ones by name."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from qvar.latent.encodings import Encoding
from qvar.latent.vae.priors import Prior, StandardNormal, prior_from_dict
from qvar.latent.vae.schedules import KlSchedule
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import LatentError
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["EdgeHead", "Encoder", "Fusion", "GraphVaeSettings", "NodeHead", "Pooling", "Training"]

Encoder = Literal["gin", "directed"]
Fusion = Literal["none", "concat", "sum", "mean"]
NodeHead = Literal["bits", "typed", "places"]
EdgeHead = Literal["sigmoid", "inner", "bilinear"]
Pooling = Literal["mean", "late"]

_LATENT_SIZES = {4: 16, 8: 32}  # published; the source is silent at 12 qubits, where we take 32


@dataclass(frozen=True)
class GraphVaeSettings:
    """A graph variational auto-encoder of circuits; ours by default; `version_1` and `version_3` are published.

    Ours codes circuits almost without loss; for searches that follow neighbourhoods, `version_3` pooled "late" is the
    better map (docs/latent.md).

    Attributes:
        latent_size: length d of a node's latent vector.
        encoding: of the circuits, see `qvar.latent.encodings`.
        encoder: "gin", graph isomorphism layers on the undirected graph, ReLU(BN(MLP((1 + eps) h + A h))); "directed",
            layers h + MLP(LN(h), A^T h, A h), which tell predecessors, successors and the node itself apart (ours).
        n_layers: layers of the encoder.
        hidden: their width.
        fusion: what the heads of mu and log std read: the last layer, or the outputs of all layers side by side, added,
            or averaged.
        nodes: decoder of the nodes. "bits", sigmoid(W z) for types and positions alike, with binary cross entropy;
            "typed", softmax(W z) for the type with cross entropy and tanh(W z) for the positions with squared errors;
            "places" (ours), a softmax over all gates in all their places, from a hidden layer that knows the slot.
        edges: decoder of the edges. "sigmoid", of z_i . z_j, with binary cross entropy; "inner", ReLU(a z_i . z_j + b),
            with squared errors; "bilinear" (ours), ReLU(s(z_i) . t(z_j) + b) with learned s and t, squared errors.
        dropout: share of latent entries set to zero on their way to the decoder in training.
        pooling: of the nodes' vectors to the feature of a circuit: "mean" over all nodes; "late" (ours), the sum over
            gates with the weights of `qvar.latent.features.gate_weights`, divided by the number of gates.
        beta: weight of the divergence per circuit (summed over nodes and axes) against the reconstruction (summed over
            entries); a schedule of it; or "reference", the source's normalisation: every term of the reconstruction a
            mean over its entries, and the mean divergence of a node divided once more by batch size times nodes.
        position_weight: of the squared errors of positions ("typed" only).
        edge_weight: of the edges' term.
        prior: of a node's latent vector.
    """

    latent_size: int = 64
    encoding: Encoding = "new"
    encoder: Encoder = "directed"
    n_layers: int = 4
    hidden: int = 64
    fusion: Fusion = "none"
    nodes: NodeHead = "places"
    edges: EdgeHead = "bilinear"
    dropout: float = 0.0
    pooling: Pooling = "late"
    beta: float | KlSchedule | Literal["reference"] = 0.02
    position_weight: float = 1.0
    edge_weight: float = 10.0
    prior: Prior = field(default_factory=StandardNormal)

    def __post_init__(self) -> None:
        for name in ("latent_size", "n_layers", "hidden"):
            object.__setattr__(self, name, check_whole(name, getattr(self, name), error=LatentError))
        kinds = {"encoding": Encoding, "encoder": Encoder, "fusion": Fusion, "nodes": NodeHead, "edges": EdgeHead}
        kinds["pooling"] = Pooling
        for name, kind in kinds.items():
            if getattr(self, name) not in get_args(kind):
                raise LatentError(f"{name} is one of {', '.join(get_args(kind))}; got {getattr(self, name)!r}")
        if self.encoding == "new" and (self.nodes == "bits" or self.edges == "sigmoid"):
            raise LatentError(
                "the new encoding has entries -1 and 2, which a sigmoid cannot give; use 'typed', 'inner'"
            )
        if self.encoding != "new" and self.nodes == "typed":
            raise LatentError("nodes='typed' rounds positions to -1, 0 and 1, the new encoding; use nodes='bits'")
        if not 0 <= self.dropout < 1:
            raise LatentError(f"dropout is a share below 1, got {self.dropout}")
        if isinstance(self.beta, str) and self.beta != "reference":
            raise LatentError(f"beta is a number, a schedule or 'reference', got {self.beta!r}")
        weights = {"position_weight": self.position_weight, "edge_weight": self.edge_weight}
        if isinstance(self.beta, float | int):
            weights["beta"] = self.beta
        wrong = [f"{name}={weight}" for name, weight in weights.items() if not 0 <= weight < math.inf]
        if wrong:
            raise LatentError(f"weights are finite and >= 0, got {', '.join(wrong)}")

    @classmethod
    def version_1(cls, n_qubits: int, *, encoding: Encoding = "old_reference") -> "GraphVaeSettings":
        """Return the model of versions 1 and 2 of arXiv 2401.11576 as its authors' code has it (that of arch2vec)."""
        return cls(
            latent_size=_LATENT_SIZES.get(n_qubits, 32),
            encoding=encoding,
            encoder="gin",
            hidden=128,
            nodes="bits",
            edges="sigmoid",
            dropout=0.3,
            pooling="mean",
            beta="reference",
            edge_weight=1.0,
        )

    @classmethod
    def version_3(cls, n_qubits: int, *, fusion: Fusion = "concat") -> "GraphVaeSettings":
        """Return the model of version 3 of arXiv 2401.11576; fusion and weights, which it leaves open, are ours."""
        return cls(
            latent_size=_LATENT_SIZES.get(n_qubits, 32),
            encoder="gin",
            hidden=128,
            fusion=fusion,
            nodes="typed",
            edges="inner",
            pooling="mean",
            beta=0.01,
            edge_weight=1.0,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what `from_dict` reads, fit for JSON."""
        beta = asdict(self.beta) if isinstance(self.beta, KlSchedule) else self.beta
        names = [name for name in self.__dataclass_fields__ if name not in ("beta", "prior")]
        return {name: getattr(self, name) for name in names} | {"beta": beta, "prior": self.prior.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "GraphVaeSettings":
        """Build settings from the data of `to_dict`.

        Raises:
            LatentError: for missing, unknown or impossible entries.
        """
        try:
            beta = data["beta"]
            beta = KlSchedule(**beta) if isinstance(beta, dict) else beta
            return cls(**(dict(data) | {"beta": beta, "prior": prior_from_dict(data["prior"])}))
        except UNREADABLE as error:
            raise LatentError(f"these are no settings of a graph auto-encoder: {data!r} ({error})") from None


@dataclass(frozen=True)
class Training:
    """How a graph auto-encoder is trained: Adam on batches of circuits, each epoch in a new order.

    Attributes:
        epochs: passes through the training circuits.
        batch_size: circuits per gradient step.
        learning_rate: Adam's, at its highest.
        schedule: "constant", or "cosine": up from 0 during the first 5 % of all steps, then down to 0 on half a cosine.
        clip: the gradient's norm is cut to this.
        held_out: share of the circuits that takes no gradient steps, for `qvar.latent.graph_vae.metrics`.
        seed: of weights, split, order and noise.
        n_threads: of torch, during training; a run resumed with another number may end with other last digits.
    """

    epochs: int = 10
    batch_size: int = 256
    learning_rate: float = 3e-3
    schedule: Literal["constant", "cosine"] = "cosine"
    clip: float = 5.0
    held_out: float = 0.1
    seed: int = 1
    n_threads: int = 1

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 2), ("seed", 0), ("n_threads", 1)):
            object.__setattr__(self, name, check_whole(name, getattr(self, name), least=least, error=LatentError))
        if self.schedule not in ("constant", "cosine"):
            raise LatentError(f"a schedule is 'constant' or 'cosine', got {self.schedule!r}")
        if not (self.learning_rate > 0 and self.clip > 0 and 0 < self.held_out < 1):
            raise LatentError(f"learning_rate and clip are > 0, held_out is a share between 0 and 1; got {self}")

    @classmethod
    def version_1(cls, *, seed: int = 1, n_threads: int = 1) -> "Training":
        """Return the training of arXiv 2401.11576: 16 epochs, batches of 32, a constant rate of 0.001."""
        return cls(16, 32, 1e-3, "constant", seed=seed, n_threads=n_threads)

    def to_dict(self) -> dict[str, Any]:
        """Return what `Training(**...)` takes, fit for JSON."""
        return asdict(self)
