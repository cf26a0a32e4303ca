"""Encoder and decoder in one network, and the terms of its loss."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from qvar.latent.graph_vae.heads import Batch, edge_head, node_head
from qvar.latent.graph_vae.network import GraphEncoder
from qvar.latent.graph_vae.settings import GraphVaeSettings
from qvar.latent.space import CircuitSpace
from qvar.latent.vae.priors import Prior
from qvar.latent.vae.schedules import KlSchedule

__all__ = ["AutoEncoder", "Terms", "objective"]


@dataclass(frozen=True)
class Terms:
    """The terms of the loss, unscaled: means over the circuits of a batch.

    Attributes:
        nodes: reconstruction of the nodes, summed over their entries.
        edges: reconstruction of the edges, summed over their entries.
        kl: divergence of one node's posterior from the prior, nats, summed over axes, a mean over nodes.
    """

    nodes: Tensor
    edges: Tensor
    kl: Tensor


class AutoEncoder(nn.Module):
    """The network of a graph variational auto-encoder.

    Args:
        space: the circuits' space.
        settings: of the network.
        seed: of its weights; torch's global random state is left alone.
    """

    def __init__(self, space: CircuitSpace, settings: GraphVaeSettings, seed: int) -> None:
        super().__init__()
        self.settings = settings
        self.n_nodes = space.n_gates + 2
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = GraphEncoder(settings, space.n_types + space.n_qubits)
            self.node_head = node_head(space, settings)
            self.edge_head = edge_head(space, settings)

    def terms(self, batch: Batch, prior: Prior, generator: torch.Generator) -> Terms:
        """Return the loss of a batch with one draw of the latent vectors."""
        mu, log_std = self.encoder(batch.nodes, batch.edges)
        z = mu + torch.exp(log_std) * torch.randn(mu.shape, generator=generator)
        if self.training and self.settings.dropout:
            kept = torch.rand(z.shape, generator=generator) >= self.settings.dropout
            z = z * kept / (1 - self.settings.dropout)
        return Terms(
            self.node_head.loss(z, batch).mean(), self.edge_head.loss(z, batch).mean(), prior.kl(mu, log_std).sum()
        )

    def weight_of_kl(self, step: int, batch_size: int) -> float:
        """Return the factor of `Terms.kl` in the loss at a gradient step."""
        beta = self.settings.beta
        if beta == "reference":
            return 1 / (batch_size * self.n_nodes)
        return beta(step) if isinstance(beta, KlSchedule) else float(beta)


def objective(network: AutoEncoder, terms: Terms, step: int, batch_size: int) -> Tensor:
    """Return what a gradient step makes smaller.

    (nodes + edge_weight * edges) / N + beta * kl, that is the negative ELBO of a circuit over its number of nodes N;
    with beta = "reference" every reconstruction term is a mean over its entries instead.
    """
    settings = network.settings
    weight = network.weight_of_kl(step, batch_size)
    if settings.beta == "reference":
        nodes, edges = terms.nodes / network.node_head.n_entries, terms.edges / network.edge_head.n_entries
    else:
        nodes, edges = terms.nodes / network.n_nodes, terms.edges / network.n_nodes
    return nodes + settings.edge_weight * edges + weight * terms.kl
