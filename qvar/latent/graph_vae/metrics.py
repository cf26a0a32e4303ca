"""How well a graph auto-encoder reconstructs circuits new to it, and what it decodes draws of a prior to."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.latent.canonical import as_structures, is_in_space, keys
from qvar.latent.encodings import decode, encode
from qvar.latent.graph_vae.model import GraphVae
from qvar.latent.graph_validity import check_graphs
from qvar.latent.space import Structures
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import LatentError

__all__ = ["DrawMetrics", "Metrics", "Reconstruction", "draw_metrics", "evaluate", "reconstruction"]

_CHUNK = 2_000  # circuits whose graphs are in memory at once


@dataclass(frozen=True)
class Reconstruction:
    """Reconstruction of held-out circuits from their posterior means; shares between 0 and 1.

    Attributes:
        n_circuits: how many.
        type_accuracy: nodes whose most likely type is right (Acc_ops of the source).
        wire_accuracy: nodes whose positions, rounded, are all right (Acc_qubit; the source does not define it).
        wire_entry_accuracy: single entries of the positions that are right.
        edge_accuracy: entries above the diagonal whose rounded edge is right (Acc_adj).
        edge_mean: mean of the decoder's edges where an edge is (mean_corr_adj).
        false_edge_mean: mean of the decoder's edges where none is (Falpos_mean as the authors' code has it).
        false_edge_rate: share of the places without an edge where the rounded edge is not 0.
        false_edges_per_circuit: their number in a circuit.
        false_edges: their number in all circuits.
        gate_accuracy: gates that decode to the same gate on the same wires.
        circuit_accuracy: circuits all of whose gates do.
        repaired_accuracy: the same when only places of the space within its depth are decoded (`GraphVae.decode`).
        kl_nats: divergence of one node's posterior from the prior, nats, a mean over nodes.
        kl_scaled: the same times its weight in the loss at the end of training; nan for an untrained model.
        active_axes: latent axes whose posterior means have a variance above 0.01.
    """

    n_circuits: int
    type_accuracy: float
    wire_accuracy: float
    wire_entry_accuracy: float
    edge_accuracy: float
    edge_mean: float
    false_edge_mean: float
    false_edge_rate: float
    false_edges_per_circuit: float
    false_edges: int
    gate_accuracy: float
    circuit_accuracy: float
    repaired_accuracy: float
    kl_nats: float
    kl_scaled: float
    active_axes: int


@dataclass(frozen=True)
class DrawMetrics:
    """What draws from a prior decode to.

    Attributes:
        n_draws: how many.
        reference_validity: share that starts with START, ends with END and has gates in between (rule of the source).
        validity: share whose gates form a circuit of the space.
        rules: share that obeys each rule of `qvar.latent.graph_validity.Validity`; empty for an old encoding.
        uniqueness: different circuits among the valid ones, as a share of those; nan if none is valid.
        novelty: share of the different valid circuits that are not among the known ones; nan if none is valid.
        repaired_validity: `validity` when only places of the space within its depth are decoded (`GraphVae.decode`).
        repaired_uniqueness: `uniqueness` then.
        repaired_novelty: `novelty` then.
    """

    n_draws: int
    reference_validity: float
    validity: float
    rules: dict[str, float]
    uniqueness: float
    novelty: float
    repaired_validity: float
    repaired_uniqueness: float
    repaired_novelty: float


@dataclass(frozen=True)
class Metrics:
    """All metrics of a model.

    Attributes:
        reconstruction: of held-out circuits.
        rescaled: draws from N(mean, std^2) of every axis at every node, as measured on the training circuits.
        plain: draws from the model's prior, N(0, 1) unless it was trained with another.
    """

    reconstruction: Reconstruction
    rescaled: DrawMetrics
    plain: DrawMetrics

    def to_dict(self) -> dict[str, Any]:
        """Return JSON data."""
        return asdict(self)


def evaluate(
    model: GraphVae, held_out: ArrayLike, known: NDArray[np.uint64], *, n_draws: int = 10_000, seed: int = 1
) -> Metrics:
    """Return all metrics of a trained model.

    Args:
        model: the model.
        held_out: circuits that took no gradient steps, (P, n_gates, 3) int8.
        known: keys of the circuits that do not count as new, (K,) uint64.
        n_draws: draws from each prior.
        seed: of the draws.
    """
    shape = (check_whole("n_draws", n_draws, error=LatentError), model.space.n_gates + 2, model.latent_size)
    rescaled, plain = (rng.standard_normal(shape, dtype=np.float32) for rng in np.random.default_rng(seed).spawn(2))
    scale = model.slot_scale()
    std = model.prior.std(model.latent_size).astype(np.float32)
    return Metrics(
        reconstruction(model, held_out),
        draw_metrics(model, rescaled * scale.slot_std + scale.slot_mean, known),
        draw_metrics(model, plain * std, known),
    )


def reconstruction(model: GraphVae, held_out: ArrayLike) -> Reconstruction:
    """Return how well circuits are reconstructed from their posterior means; `held_out` is (P, n_gates, 3) int8."""
    given = as_structures(model.space, held_out)
    n_types, n_nodes = model.space.n_types, model.space.n_gates + 2
    upper = np.triu_indices(n_nodes, 1)
    sums = np.zeros(11)
    squares, means, kl = np.zeros(model.latent_size), np.zeros(model.latent_size), 0.0
    for start in range(0, len(given), _CHUNK):
        some = given[start : start + _CHUNK]
        graphs = encode(model.space, some, model.settings.encoding)
        mu, log_std = model.encode(some)
        nodes, edges = model.decode_graphs(mu)
        right = np.rint(nodes[..., n_types:]) == graphs.nodes[..., n_types:]
        wanted, got = graphs.edges[:, *upper], edges[:, *upper]
        same = _same_gates(model, some, nodes)
        sums += (
            (nodes[..., :n_types].argmax(axis=2) == graphs.nodes[..., :n_types].argmax(axis=2)).sum(),
            right.all(axis=2).sum(),
            right.sum(),
            (np.rint(got) == wanted).sum(),
            got[wanted > 0].sum(),
            (wanted > 0).sum(),
            got[wanted == 0].sum(),
            (np.rint(got[wanted == 0]) != 0).sum(),
            same.sum(),
            same.all(axis=1).sum(),
            (model.decode(mu)[0] == _ordered(model, some)).all(axis=(1, 2)).sum(),
        )
        kl += float(_kl(model, mu, log_std).sum()) * len(some)
        means += mu.sum(axis=(0, 1))
        squares += (mu.astype(np.float64) ** 2).sum(axis=(0, 1))
    total, all_nodes, places = len(given), len(given) * n_nodes, len(given) * len(upper[0])
    spread = squares / all_nodes - (means / all_nodes) ** 2
    beta = model.epochs[-1]["beta"] if model.epochs else np.nan
    return Reconstruction(
        n_circuits=total,
        type_accuracy=sums[0] / all_nodes,
        wire_accuracy=sums[1] / all_nodes,
        wire_entry_accuracy=sums[2] / all_nodes / model.space.n_qubits,
        edge_accuracy=sums[3] / places,
        edge_mean=sums[4] / sums[5],
        false_edge_mean=sums[6] / (places - sums[5]),
        false_edge_rate=sums[7] / (places - sums[5]),
        false_edges_per_circuit=sums[7] / total,
        false_edges=int(sums[7]),
        gate_accuracy=sums[8] / total / model.space.n_gates,
        circuit_accuracy=sums[9] / total,
        repaired_accuracy=sums[10] / total,
        kl_nats=kl / total,
        kl_scaled=kl / total * beta,
        active_axes=int((spread > 0.01).sum()),
    )


def draw_metrics(model: GraphVae, z: NDArray[np.float32], known: NDArray[np.uint64]) -> DrawMetrics:
    """Return what latent vectors (P, N, d) decode to; circuits with keys in `known`, (K,) uint64, are not new."""
    parts = [_read_draws(model, z[start : start + _CHUNK]) for start in range(0, len(z), _CHUNK)]
    structures, reference, valid = (np.concatenate(column) for column in list(zip(*parts, strict=True))[:3])
    rules = {
        name: float(np.average([part[3][name] for part in parts], weights=[len(part[0]) for part in parts]))
        for name in parts[0][3]
    }
    uniqueness, novelty = _uniqueness(model, structures[valid], known)
    repaired, possible = model.decode(z)
    repaired_uniqueness, repaired_novelty = _uniqueness(model, repaired[possible], known)
    return DrawMetrics(
        n_draws=len(z),
        reference_validity=float(reference.mean()),
        validity=float(valid.mean()),
        rules=rules,
        uniqueness=uniqueness,
        novelty=novelty,
        repaired_validity=float(possible.mean()),
        repaired_uniqueness=repaired_uniqueness,
        repaired_novelty=repaired_novelty,
    )


def _read_draws(
    model: GraphVae, z: NDArray[np.float32]
) -> tuple[Structures, NDArray[np.bool_], NDArray[np.bool_], dict[str, float]]:
    """Return structures, whether the source counts them as valid, whether they are circuits, shares of rules."""
    nodes, edges = model.decode_graphs(z)
    if model.settings.encoding == "new":
        structures, validity = check_graphs(model.space, nodes, edges)
        return structures, validity.reference, validity.gate_list, validity.shares()
    types = nodes[..., : model.space.n_types].argmax(axis=2)
    last = model.space.n_types - 1
    structures, is_gate = decode(model.space, nodes, model.settings.encoding)
    reference = (types[:, 0] == 0) & (types[:, -1] == last) & ((types[:, 1:-1] % last) > 0).all(axis=1)
    return structures, reference, reference & is_gate.all(axis=1) & is_in_space(model.space, structures), {}


def _uniqueness(model: GraphVae, structures: Structures, known: NDArray[np.uint64]) -> tuple[float, float]:
    if not len(structures):
        return np.nan, np.nan
    different = np.unique(keys(model.space, structures))
    return len(different) / len(structures), float(np.mean(~np.isin(different, known)))


def _same_gates(model: GraphVae, structures: Structures, nodes: NDArray[np.float32]) -> NDArray[np.bool_]:
    decoded, is_gate = decode(model.space, nodes, model.settings.encoding)
    return np.asarray(is_gate & (decoded == _ordered(model, structures)).all(axis=2))


def _ordered(model: GraphVae, structures: Structures) -> Structures:
    """Return structures with the lower wire first in gates that do not tell them apart."""
    swapped = model.space.is_symmetric[structures[..., 0]] & (structures[..., 1] > structures[..., 2])
    swapped &= structures[..., 2] >= 0
    ordered = structures.copy()
    ordered[swapped, 1:] = structures[swapped, :0:-1]
    return ordered


def _kl(model: GraphVae, mu: NDArray[np.float32], log_std: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean divergence per axis, nats, (d,)."""
    tau2 = model.prior.std(model.latent_size) ** 2
    kl = 0.5 * ((mu**2 + np.exp(2 * log_std)) / tau2 - 1 - 2 * log_std + np.log(tau2))
    return np.asarray(kl.mean(axis=(0, 1)), dtype=np.float64)
