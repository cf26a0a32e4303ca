"""The decoder: from latent vectors to nodes and edges, each with its loss.

A node head offers `loss(z, batch)`, the loss of every circuit summed over its entries, shape (B,); `n_entries`, their
number; `scores(z)`, nodes as `qvar.latent.encodings.decode` reads them; and `place_scores(z)`, how well every gate in
every place of the space fits each inner node, (B, n_gates, K). An edge head offers `loss`, `n_entries`, and
`edges(z)`, (B, N, N), zero on and below the diagonal.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from qvar.latent.encodings import Encoding, edges_of, nodes_of
from qvar.latent.graph_vae.settings import GraphVaeSettings
from qvar.latent.space import CircuitSpace, Structures

__all__ = ["Batch", "all_places", "batch_of", "edge_head", "node_head"]

_EDGE_SIZE = 64  # width of the bilinear head's maps


@dataclass(frozen=True)
class Batch:
    """Circuits as tensors: nodes (B, N, F) and edges (B, N, N), float32, and structures (B, n_gates, 3), int64."""

    nodes: Tensor
    edges: Tensor
    structures: Tensor


def batch_of(space: CircuitSpace, structures: Structures, encoding: Encoding) -> Batch:
    """Return structures as a batch."""
    nodes = torch.from_numpy(nodes_of(space, structures, encoding)).float()
    edges = torch.from_numpy(edges_of(space, structures, encoding)).float()
    return Batch(nodes, edges, torch.from_numpy(structures.astype(np.int64)))


def all_places(space: CircuitSpace) -> NDArray[np.int8]:
    """Return every gate in every place of the space, (K, 3): gate, first and second wire."""
    return np.concatenate([np.insert(space.placements(name), 0, gate, axis=1) for gate, name in enumerate(space.gates)])


class BitsHead(nn.Module):
    """sigmoid(W z) for types and positions alike, binary cross entropy."""

    def __init__(self, space: CircuitSpace, settings: GraphVaeSettings) -> None:
        super().__init__()
        width = space.n_types + space.n_qubits
        self.linear = nn.Linear(settings.latent_size, width)
        self.n_entries = (space.n_gates + 2) * width
        self.register_buffer("rows", _rows_of_places(space, settings.encoding), persistent=False)

    def loss(self, z: Tensor, batch: Batch) -> Tensor:
        errors = functional.binary_cross_entropy_with_logits(self.linear(z), batch.nodes, reduction="none")
        return errors.sum(dim=(1, 2))

    def scores(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.linear(z))

    def place_scores(self, z: Tensor) -> Tensor:
        logits = self.linear(z[:, 1:-1])
        fit: Tensor = logits @ self.rows.T  # log likelihood, up to a constant per node
        return fit


class TypedHead(nn.Module):
    """softmax(W z) for the type, cross entropy; tanh(W z) for the positions, squared errors."""

    def __init__(self, space: CircuitSpace, settings: GraphVaeSettings) -> None:
        super().__init__()
        width = space.n_types + space.n_qubits
        self.linear = nn.Linear(settings.latent_size, width)
        self.n_types = space.n_types
        self.n_entries = (space.n_gates + 2) * width
        self.weight = settings.position_weight
        self.register_buffer("rows", _rows_of_places(space, settings.encoding), persistent=False)

    def loss(self, z: Tensor, batch: Batch) -> Tensor:
        out = self.linear(z)
        types = batch.nodes[..., : self.n_types].argmax(dim=2)
        of_types = functional.cross_entropy(out[..., : self.n_types].mT, types, reduction="none").sum(dim=1)
        errors = torch.tanh(out[..., self.n_types :]) - batch.nodes[..., self.n_types :]
        return of_types + self.weight * errors.square().sum(dim=(1, 2))

    def scores(self, z: Tensor) -> Tensor:
        out = self.linear(z)
        return torch.cat([out[..., : self.n_types].softmax(dim=2), torch.tanh(out[..., self.n_types :])], dim=2)

    def place_scores(self, z: Tensor) -> Tensor:
        out = self.linear(z[:, 1:-1])
        rows: Tensor = self.rows  # type: ignore[assignment]
        of_types = out[..., : self.n_types].log_softmax(dim=2) @ rows[:, : self.n_types].T
        wires, wanted = torch.tanh(out[..., self.n_types :]), rows[:, self.n_types :]
        errors = wanted.square().sum(dim=1) - 2 * wires @ wanted.T  # |wires - wanted|^2 up to a constant per node
        fit: Tensor = of_types - self.weight * errors
        return fit


class PlacesHead(nn.Module):
    """A softmax over all gates in all their places, from a hidden layer with a bias of its own for every slot.

    START and END are where their slots are, and nothing is asked about them.
    """

    def __init__(self, space: CircuitSpace, settings: GraphVaeSettings) -> None:
        super().__init__()
        places = all_places(space)
        rows = _rows_of_places(space, settings.encoding)
        self.inner = nn.Linear(settings.latent_size, settings.hidden)
        self.slots = nn.Parameter(torch.zeros(space.n_gates, settings.hidden))
        self.out = nn.Linear(settings.hidden, len(places))
        self.n_entries = space.n_gates
        index = torch.zeros(len(space.gates), space.n_qubits, space.n_qubits + 1, dtype=torch.int64)
        for k, (gate, first, second) in enumerate(places.tolist()):
            index[gate, first, second] = k
            if space.is_symmetric[gate] and second >= 0:
                index[gate, second, first] = k
        self.register_buffer("index", index, persistent=False)
        self.register_buffer("rows", rows, persistent=False)
        ends = torch.zeros(2, rows.shape[1])
        ends[0, 0] = ends[1, space.n_types - 1] = 1
        ends[:, space.n_types :] = 1
        self.register_buffer("ends", ends, persistent=False)

    def loss(self, z: Tensor, batch: Batch) -> Tensor:
        gates, first, second = batch.structures.unbind(dim=2)
        wanted: Tensor = self.index[gates, first, second]  # type: ignore[index]
        return functional.cross_entropy(self.place_scores(z).mT, wanted, reduction="none").sum(dim=1)

    def scores(self, z: Tensor) -> Tensor:
        inner: Tensor = self.rows[self.place_scores(z).argmax(dim=2)]  # type: ignore[index]
        ends: Tensor = self.ends  # type: ignore[assignment]
        start, end = (row.expand(len(z), 1, -1) for row in ends)
        return torch.cat([start, inner, end], dim=1)

    def place_scores(self, z: Tensor) -> Tensor:
        out: Tensor = self.out(torch.relu(self.inner(z[:, 1:-1]) + self.slots))
        return out


class InnerProductHead(nn.Module):
    """sigmoid(z_i . z_j) with binary cross entropy, or ReLU(a z_i . z_j + b) with squared errors."""

    def __init__(self, space: CircuitSpace, settings: GraphVaeSettings) -> None:
        super().__init__()
        self.n_entries = (space.n_gates + 2) ** 2
        self.is_affine = settings.edges == "inner"
        if self.is_affine:
            self.slope, self.offset = nn.Parameter(torch.ones(())), nn.Parameter(torch.zeros(()))

    def loss(self, z: Tensor, batch: Batch) -> Tensor:
        product = torch.bmm(z, z.mT)
        if self.is_affine:
            errors = (torch.relu(self.slope * product + self.offset) - batch.edges).square()
        else:
            errors = functional.binary_cross_entropy_with_logits(product, batch.edges, reduction="none")
        return errors.triu(1).sum(dim=(1, 2))

    def edges(self, z: Tensor) -> Tensor:
        product = torch.bmm(z, z.mT)
        edges = torch.relu(self.slope * product + self.offset) if self.is_affine else torch.sigmoid(product)
        return edges.triu(1)


class BilinearHead(nn.Module):
    """ReLU(s(z_i) . t(z_j) + b): what leads out of a node and what leads into it are seen by maps of their own.

    The gradient of a missed edge passes the ReLU, which would otherwise never learn it.
    """

    def __init__(self, space: CircuitSpace, settings: GraphVaeSettings) -> None:
        super().__init__()
        self.n_entries = (space.n_gates + 2) ** 2
        self.inner = nn.Linear(settings.latent_size, settings.hidden)
        self.slots = nn.Parameter(torch.zeros(space.n_gates + 2, settings.hidden))
        self.source = nn.Linear(settings.hidden, _EDGE_SIZE)
        self.target = nn.Linear(settings.hidden, _EDGE_SIZE)
        self.offset = nn.Parameter(torch.zeros(()))

    def _raw(self, z: Tensor) -> Tensor:
        hidden = torch.relu(self.inner(z) + self.slots)
        return torch.bmm(self.source(hidden), self.target(hidden).mT) + self.offset

    def loss(self, z: Tensor, batch: Batch) -> Tensor:
        raw = self._raw(z)
        errors = torch.where(batch.edges > 0, raw - batch.edges, torch.relu(raw))
        return errors.square().triu(1).sum(dim=(1, 2))

    def edges(self, z: Tensor) -> Tensor:
        return torch.relu(self._raw(z)).triu(1)


def node_head(space: CircuitSpace, settings: GraphVaeSettings) -> BitsHead | TypedHead | PlacesHead:
    """Return the decoder of the nodes."""
    match settings.nodes:
        case "bits":
            return BitsHead(space, settings)
        case "typed":
            return TypedHead(space, settings)
        case "places":
            return PlacesHead(space, settings)


def edge_head(space: CircuitSpace, settings: GraphVaeSettings) -> InnerProductHead | BilinearHead:
    """Return the decoder of the edges."""
    return BilinearHead(space, settings) if settings.edges == "bilinear" else InnerProductHead(space, settings)


def _rows_of_places(space: CircuitSpace, encoding: Encoding) -> Tensor:
    """Return the node of every gate in every place, (K, F) float32."""
    places = all_places(space)
    padded = np.zeros((len(places), space.n_gates, 3), dtype=np.int8)
    padded[:] = places[:, None]
    return torch.from_numpy(nodes_of(space, padded, encoding)[:, 1]).float()
