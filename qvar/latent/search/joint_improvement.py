"""The batch of most joint expected improvement, by BoTorch. Importing this module loads PyTorch and BoTorch."""

import warnings

import numpy as np
import torch
from botorch.acquisition.logei import qLogExpectedImprovement
from botorch.optim import optimize_acqf_discrete
from botorch.sampling import SobolQMCNormalSampler
from gpytorch.utils.warnings import NumericalWarning
from numpy.typing import NDArray

from qvar.latent.search.gaussian_process import Conditioned, botorch_model, write_hyperparameters

__all__ = ["best_joint_improvement"]

_SAMPLES = 64


def best_joint_improvement(
    model: Conditioned, points: NDArray[np.float64], best: float, count: int, *, seed: int
) -> NDArray[np.int64]:
    """Return which of the points, shape (m, d), to evaluate together: greedily, one after the other.

    Args:
        model: what is known.
        points: the choice.
        best: largest value so far, in the model's units.
        count: points wanted.
        seed: of the samples.
    """
    process = botorch_model(model.points, model.values)
    write_hyperparameters(process, model.hyperparameters)
    process.eval()
    sampler = SobolQMCNormalSampler(torch.Size([_SAMPLES]), seed=seed)
    acquisition = qLogExpectedImprovement(process, best_f=best, sampler=sampler)
    choices = torch.from_numpy(points)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumericalWarning)  # equal points have a singular covariance
        chosen, _ = optimize_acqf_discrete(
            acquisition, q=count, choices=choices, unique=True, max_batch_size=len(points)
        )
    rows: list[int] = []
    for point in chosen:  # different circuits may lie at one point
        there = (choices == point).all(dim=1).nonzero().ravel().tolist()
        rows.append(next(row for row in there if row not in rows))
    return np.array(rows, dtype=np.int64)
