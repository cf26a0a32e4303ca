"""A trained graph auto-encoder as a latent model: circuits to latent vectors and back, and a file without pickle."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from qvar.agents.arrays import joined, part
from qvar.agents.tensors import load_network, network_arrays
from qvar.latent.canonical import as_structures, is_in_space
from qvar.latent.encodings import decode
from qvar.latent.features import gate_weights
from qvar.latent.graph_vae.autoencoder import AutoEncoder
from qvar.latent.graph_vae.heads import all_places, batch_of
from qvar.latent.graph_vae.settings import GraphVaeSettings
from qvar.latent.space import CircuitSpace, Structures
from qvar.latent.vae.priors import Prior, prior_from_dict
from qvar.runs.sealed import read_arrays, write_arrays
from qvar.simulators.errors import LatentError
from qvar.simulators.untrusted import UNREADABLE, parse_json

__all__ = ["GraphVae", "Scale", "fitting_places", "read_file", "write_file"]

_FORMAT = "qvar-graph-vae"
_VERSION = 1
_BATCH = 1024


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of the posterior means over training circuits, float32.

    Attributes:
        mean: of every axis, over circuits and nodes, (d,).
        std: likewise.
        slot_mean: of every axis at every node, over circuits, (N, d).
        slot_std: likewise.
    """

    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    slot_mean: NDArray[np.float32]
    slot_std: NDArray[np.float32]


class GraphVae:
    """A graph variational auto-encoder of the circuits of a space; a `qvar.latent.latent_model.LatentModel`.

    `qvar.latent.graph_vae.training.pretrain` trains one, `untrained` makes one with random weights.

    Attributes:
        space: the circuits' space.
        settings: of the network.
        prior: of the latent vectors, as training left it.
        seed: of the weights, and in training of split, order and noise.
        epochs: one record per epoch of training, as `pretrain` describes them.
    """

    def __init__(
        self,
        network: AutoEncoder,
        space: CircuitSpace,
        *,
        prior: Prior,
        seed: int,
        scale: Scale | None = None,
        epochs: tuple[dict[str, float], ...] = (),
    ) -> None:
        self.space = space
        self.settings = network.settings
        self.prior = prior
        self.seed = seed
        self.epochs = epochs
        self._network = network
        self._scale = scale

    @classmethod
    def untrained(
        cls, space: CircuitSpace, settings: GraphVaeSettings, *, seed: int, structures: ArrayLike | None = None
    ) -> Self:
        """Return a model with random weights, the control for what training adds.

        Args:
            space: the circuits' space.
            settings: of the network.
            seed: of the weights.
            structures: circuits to take the latent scale from, (P, n_gates, 3) int8; None for no scale.
        """
        model = cls(AutoEncoder(space, settings, seed), space, prior=settings.prior, seed=seed)
        if structures is not None:
            model.measure_scale(structures)
        return model

    @property
    def latent_size(self) -> int:
        """Length d of a node's latent vector."""
        return self.settings.latent_size

    def encode(self, structures: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the posteriors of circuits, means and natural logarithms of standard deviations, both (P, N, d).

        Args:
            structures: (P, n_gates, 3) int8.

        Raises:
            LatentError: if they do not belong to the space's gates and wires.
        """
        given = as_structures(self.space, structures)
        shape = (len(given), self.space.n_gates + 2, self.latent_size)
        mu, log_std = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
        for rows in _chunks(len(given)):
            mu[rows], log_std[rows] = self._posteriors(given[rows])
        return mu, log_std

    def embed(self, structures: ArrayLike) -> NDArray[np.float32]:
        """Return a feature of each circuit, (P, d): its nodes' posterior means, pooled as the settings say.

        Memory stays that of one batch.
        """
        given = as_structures(self.space, structures)
        features = np.empty((len(given), self.latent_size), dtype=np.float32)
        for rows in _chunks(len(given)):
            mu = self._posteriors(given[rows])[0]
            if self.settings.pooling == "late":
                weights = gate_weights(self.space, given[rows])
                features[rows] = np.einsum("pgd,pg->pd", mu[:, 1:-1], weights) / self.space.n_gates
            else:
                features[rows] = mu.mean(axis=1)
        return features

    def decode(self, z: ArrayLike, *, repair: bool = True) -> tuple[Structures, NDArray[np.bool_]]:
        """Return the circuits of latent vectors, and which of them are circuits of the space.

        Args:
            z: (P, N, d).
            repair: take for each slot in turn, of all gates in all places of the space that do not exceed its depth,
                the one that the decoder finds most likely. Else each slot's own most likely reading, circuit or not.

        Returns:
            Structures (P, n_gates, 3) int8, and bool (P,); those that are not valid are not to be used.

        Raises:
            LatentError: for vectors of another shape.
        """
        given = self._latents(z)
        structures = np.empty((len(given), self.space.n_gates, 3), dtype=np.int8)
        valid = np.empty(len(given), dtype=bool)
        for rows in _chunks(len(given)):
            if repair:
                with self._evaluating():
                    fit = self._network.node_head.place_scores(given[rows]).numpy()
                structures[rows], valid[rows] = fitting_places(self.space, fit)
            else:
                scores = self._scores(given[rows])
                structures[rows], is_gate = decode(self.space, scores, self.settings.encoding)
                types = scores[..., : self.space.n_types].argmax(axis=2)
                ends = (types[:, 0] == 0) & (types[:, -1] == self.space.n_types - 1)
                valid[rows] = is_gate.all(axis=1) & ends & is_in_space(self.space, structures[rows])
        return structures, valid

    def decode_graphs(self, z: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the decoder's own nodes, (P, N, n_types + n_qubits), and edges, (P, N, N), for z, (P, N, d)."""
        given = self._latents(z)
        parts = [(self._scores(given[rows]), self._edges(given[rows])) for rows in _chunks(len(given))]
        nodes, edges = zip(*parts, strict=True)
        return np.concatenate(nodes), np.concatenate(edges)

    def scale(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return mean and standard deviation of every latent axis over training circuits and nodes, both (d,).

        Raises:
            LatentError: if the model was neither trained nor made with circuits to measure it on.
        """
        return self.slot_scale().mean, self.slot_scale().std

    def slot_scale(self) -> Scale:
        """Return what `scale` does, node by node, too."""
        if self._scale is None:
            raise LatentError("this model has no latent scale; give GraphVae.untrained the structures to measure it on")
        return self._scale

    def measure_scale(self, structures: ArrayLike) -> None:
        """Take the latent scale from circuits, (P, n_gates, 3) int8."""
        given = as_structures(self.space, structures)
        total = np.zeros((2, self.space.n_gates + 2, self.latent_size))
        for rows in _chunks(len(given)):
            mu = self._posteriors(given[rows])[0].astype(np.float64)
            total += mu.sum(axis=0), (mu**2).sum(axis=0)
        slot_mean, slot_square = total / len(given)
        mean, square = slot_mean.mean(axis=0), slot_square.mean(axis=0)
        stds = (np.sqrt(np.maximum(square - mean**2, 0)), np.sqrt(np.maximum(slot_square - slot_mean**2, 0)))
        self._scale = Scale(*(a.astype(np.float32) for a in (mean, stds[0], slot_mean, stds[1])))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to `path` (.npz), atomically."""
        header = {
            "space": self.space.to_dict(),
            "settings": self.settings.to_dict(),
            "prior": self.prior.to_dict(),
            "seed": self.seed,
            "epochs": list(self.epochs),
        }
        scale = {} if self._scale is None else vars(self._scale)
        write_file(Path(path), header, joined({"network": network_arrays(self._network), "scale": scale}))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote.

        Raises:
            LatentError: if the file is missing, or holds no such model.
        """
        header, arrays = read_file(Path(path))
        try:
            space = CircuitSpace.from_dict(header["space"])
            network = AutoEncoder(space, GraphVaeSettings.from_dict(header["settings"]), int(header["seed"]))
            load_network(network, part(arrays, "network"))
            scale = part(arrays, "scale")
            return cls(
                network,
                space,
                prior=prior_from_dict(header["prior"]),
                seed=int(header["seed"]),
                scale=Scale(**scale) if scale else None,
                epochs=tuple(header["epochs"]),
            )
        except UNREADABLE as error:
            raise LatentError(f"{os.fspath(path)!r} holds no graph auto-encoder: {error}") from error

    def _latents(self, z: ArrayLike) -> torch.Tensor:
        given = np.array(z, dtype=np.float32)
        if given.ndim != 3 or given.shape[1:] != (self.space.n_gates + 2, self.latent_size):
            shape = f"(P, {self.space.n_gates + 2}, {self.latent_size})"
            raise LatentError(f"latent vectors of this model have the shape {shape}, got {given.shape}")
        return torch.from_numpy(given)

    def _posteriors(self, structures: Structures) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        batch = batch_of(self.space, structures, self.settings.encoding)
        with self._evaluating():
            mu, log_std = self._network.encoder(batch.nodes, batch.edges)
        return mu.numpy(), log_std.numpy()

    def _scores(self, z: torch.Tensor) -> NDArray[np.float32]:
        with self._evaluating():
            return np.asarray(self._network.node_head.scores(z).numpy())

    def _edges(self, z: torch.Tensor) -> NDArray[np.float32]:
        with self._evaluating():
            return np.asarray(self._network.edge_head.edges(z).numpy())

    def _evaluating(self) -> torch.inference_mode:
        self._network.eval()
        return torch.inference_mode()


def fitting_places(space: CircuitSpace, fit: NDArray[np.float32]) -> tuple[Structures, NDArray[np.bool_]]:
    """Return the gates that fit best, slot after slot, among those that keep the circuit within its depth.

    A gate must also leave as many free places on the wires, up to the depth, as there are gates to come, so that with
    one-qubit gates on all wires no slot is left without a gate to take.

    Args:
        space: the circuits' space.
        fit: the higher the better, (P, n_gates, K), in the order of `all_places`.

    Returns:
        Structures (P, n_gates, 3) int8, and bool (P,): whether every slot had a gate left to take.
    """
    places = all_places(space).astype(np.int64)
    two = places[:, 2] >= 0
    first, second = places[:, 1], np.where(two, places[:, 2], places[:, 1])
    depths = np.zeros((len(fit), space.n_qubits), dtype=np.int64)
    rows = np.arange(len(fit))
    structures = np.empty((len(fit), space.n_gates, 3), dtype=np.int8)
    valid = np.ones(len(fit), dtype=bool)
    for slot in range(space.n_gates):
        after = np.maximum(depths[:, first], depths[:, second]) + 1
        used = after - depths[:, first] + two * (after - depths[:, second])
        free = space.n_qubits * space.max_depth - depths.sum(axis=1, keepdims=True) - used
        fits = (after <= space.max_depth) & (free >= space.n_gates - slot - 1)
        valid &= fits.any(axis=1)
        best = np.where(fits, fit[:, slot], -np.inf).argmax(axis=1)
        structures[:, slot] = places[best]
        depths[rows, first[best]] = depths[rows, second[best]] = after[rows, best]
    return structures, valid


def write_file(
    path: Path, header: dict[str, Any], arrays: dict[str, NDArray[Any]], *, keep: Path | None = None
) -> None:
    """Write arrays, with JSON data about them, to an .npz file, atomically; `keep` is where the old file goes."""
    text = json.dumps({"format": _FORMAT, "version": _VERSION} | header)
    write_arrays(path, {"header": np.array(text), **arrays}, keep=keep)


def read_file(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `write_file` wrote.

    Raises:
        LatentError: if the file is missing or another.
    """
    try:
        arrays = read_arrays(path)
        header = parse_json(str(arrays.pop("header")))
        if (header["format"], header["version"]) != (_FORMAT, _VERSION):
            raise ValueError(f"format {header['format']!r}, version {header['version']!r}")
    except UNREADABLE as error:
        raise LatentError(f"{str(path)!r} holds no graph auto-encoder: {error}") from error
    return header, arrays


def _chunks(length: int) -> list[slice]:
    return [slice(start, start + _BATCH) for start in range(0, length, _BATCH)]
