"""The encoder: graph layers on a circuit's nodes, and the posterior of every node's latent vector.

Source: arXiv 2401.11576 and its predecessor arch2vec (Yan, Zheng, Ao, Zeng and Zhang, arXiv 2006.06936) for "gin"; the
"directed" layers are ours.
"""

import torch
from torch import Tensor, nn

from qvar.latent.graph_vae.settings import GraphVaeSettings

__all__ = ["GraphEncoder"]


class GinLayer(nn.Module):
    """ReLU(BN(MLP((1 + eps) h + A h))) with A undirected, MLP = Linear-BN-ReLU-Linear; BN over all nodes of a batch."""

    def __init__(self, width_in: int, hidden: int) -> None:
        super().__init__()
        self.eps = nn.Parameter(torch.zeros(()))
        self.first = nn.Linear(width_in, hidden)
        self.first_norm = nn.BatchNorm1d(hidden)
        self.second = nn.Linear(hidden, hidden)
        self.norm = nn.BatchNorm1d(hidden)

    def forward(self, h: Tensor, edges: Tensor) -> Tensor:
        mixed = (1 + self.eps) * h + torch.bmm(edges + edges.mT, h)
        rows = mixed.flatten(0, 1)
        rows = self.second(torch.relu(self.first_norm(self.first(rows))))
        return torch.relu(self.norm(rows)).reshape(*h.shape[:2], -1)


class DirectedLayer(nn.Module):
    """h + MLP(h', A^T h', A h') with h' = LN(h).

    A node, those before and those after it each pass weights of their own. The first layer of the encoder has no h to
    add to, and no norm.
    """

    def __init__(self, width_in: int, hidden: int) -> None:
        super().__init__()
        self.is_first = width_in != hidden
        self.norm = nn.Identity() if self.is_first else nn.LayerNorm(hidden)
        self.first = nn.Linear(3 * width_in, hidden)
        self.second = nn.Linear(hidden, hidden)

    def forward(self, h: Tensor, edges: Tensor) -> Tensor:
        normed = self.norm(h)
        around = torch.cat([normed, torch.bmm(edges.mT, normed), torch.bmm(edges, normed)], dim=2)
        out: Tensor = self.second(torch.relu(self.first(around)))
        return out if self.is_first else h + out


class GraphEncoder(nn.Module):
    """Nodes (B, N, F) and edges (B, N, N), both float, to the posteriors' mu and log std, both (B, N, d)."""

    def __init__(self, settings: GraphVaeSettings, n_features: int) -> None:
        super().__init__()
        layer = GinLayer if settings.encoder == "gin" else DirectedLayer
        widths = [n_features] + [settings.hidden] * (settings.n_layers - 1)
        self.layers = nn.ModuleList(layer(width, settings.hidden) for width in widths)
        self.fusion = settings.fusion
        fused = settings.hidden * (settings.n_layers if settings.fusion == "concat" else 1)
        self.mu = nn.Linear(fused, settings.latent_size)
        self.log_std = nn.Linear(fused, settings.latent_size)

    def forward(self, nodes: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu and log std."""
        h, outputs = nodes, []
        for layer in self.layers:
            h = layer(h, edges)
            outputs.append(h)
        match self.fusion:
            case "concat":
                h = torch.cat(outputs, dim=2)
            case "sum":
                h = torch.stack(outputs).sum(dim=0)
            case "mean":
                h = torch.stack(outputs).mean(dim=0)
        return self.mu(h), self.log_std(h)
