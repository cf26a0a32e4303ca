"""How much each latent axis matters to a decoder, and how many axes matter."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qvar.simulators.errors import LatentError

__all__ = ["axis_relevance", "relevant_axes"]

Floats = NDArray[np.float64]


def axis_relevance(decode: Callable[[Tensor], Tensor], latents: Tensor, std: Floats) -> Floats:
    """Return the relevance of every axis: w_l = tau_l^2 * || mean_i |d x_hat / d z_l| ||^2.

    Args:
        decode: a differentiable decoder, latents (n, d) to data (n, ...), rows independent of each other.
        latents: where to take derivatives, shape (n, d); the source takes 100 posterior means.
        std: width tau_l of the prior on every axis, shape (d,).

    Returns:
        Float64 of shape (d,), in squared units of the data.

    Source: Saha, Joshi and Whitaker (2025), arXiv 2501.10901.
    """
    z = latents.detach().requires_grad_()
    outputs = decode(z).flatten(1)
    squares = torch.zeros(z.shape[1], dtype=torch.float64)
    for output in outputs.sum(dim=0):  # rows do not mix, so the gradient of a sum is that of each row
        (gradient,) = torch.autograd.grad(output, z, retain_graph=True)
        squares += gradient.abs().mean(dim=0).double().cpu().square()
    return np.asarray(std**2 * squares.numpy())


def relevant_axes(relevance: Floats, share: float = 0.99) -> NDArray[np.int64]:
    """Return the numbers of the fewest axes whose relevances exceed this share of their sum, most relevant first.

    Raises:
        LatentError: for a share outside (0, 1).
    """
    if not 0 < share < 1:
        raise LatentError(f"a share lies between 0 and 1, got {share}")
    order = np.argsort(-relevance, kind="stable")
    total = relevance.sum()
    if total == 0:
        return order[:1]
    n_kept = int(np.searchsorted(np.cumsum(relevance[order]) / total, share, side="right")) + 1
    return order[: min(n_kept, len(order))]
