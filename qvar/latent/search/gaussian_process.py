"""The Gaussian process of Bayesian optimization: BoTorch finds its settings, its posterior is plain linear algebra.

Importing this module loads PyTorch and BoTorch.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from botorch.exceptions.warnings import InputDataWarning, OptimizationWarning
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior
from gpytorch.constraints import GreaterThan
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.mlls import ExactMarginalLogLikelihood
from gpytorch.priors import LogNormalPrior
from gpytorch.utils.warnings import NumericalWarning
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular

__all__ = [
    "Conditioned",
    "Hyperparameters",
    "Posterior",
    "botorch_model",
    "condition",
    "fit_hyperparameters",
    "write_hyperparameters",
]

_Array = NDArray[np.float64]
_JITTER = 1e-8


@dataclass(frozen=True, eq=False)
class Hyperparameters:
    """What a Gaussian process with a Matern-5/2 kernel of unit variance is made of.

    Attributes:
        length_scales: one per axis, shape (d,).
        mean: constant prior mean.
        noise: variance of what features do not explain.
    """

    length_scales: _Array
    mean: float
    noise: float


def botorch_model(x: _Array, y: _Array) -> SingleTaskGP:
    """Return BoTorch's model of values y, shape (n,), about standardized, at points x, shape (n, d).

    BoTorch expects hardly any noise by default. What a feature does not say about a circuit is noise here, often a good
    part of the variance, so its prior is wide.
    """
    kernel = get_covar_module_with_dim_scaled_prior(ard_num_dims=x.shape[1], use_rbf_kernel=False)
    likelihood = GaussianLikelihood(
        noise_prior=LogNormalPrior(-1.0, 1.5),
        noise_constraint=GreaterThan(1e-4, transform=None, initial_value=0.3),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputDataWarning)  # of points outside the unit cube
        return SingleTaskGP(
            torch.from_numpy(x),
            torch.from_numpy(y)[:, None],
            likelihood=likelihood,
            covar_module=kernel,
            outcome_transform=None,
        )


def fit_hyperparameters(
    x: _Array, y: _Array, *, start: Hyperparameters | None = None, steps: int = 40
) -> Hyperparameters:
    """Maximize the posterior density of length scales, mean and noise, with BoTorch's priors.

    Args:
        x: points, shape (n, d).
        y: values, shape (n,), about standardized.
        start: where to begin, None for BoTorch's choice.
        steps: of L-BFGS-B at most.
    """
    model = botorch_model(x, y)
    if start is not None:
        write_hyperparameters(model, start)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptimizationWarning)  # it stops after a fixed number of steps
        warnings.simplefilter("ignore", NumericalWarning)
        objective = ExactMarginalLogLikelihood(model.likelihood, model)
        fit_gpytorch_mll(objective, optimizer_kwargs={"options": {"maxiter": steps}}, max_attempts=1)
    return _read(model)


def _read(model: Any) -> Hyperparameters:
    return Hyperparameters(
        model.covar_module.lengthscale.detach().numpy().ravel().copy(),
        float(model.mean_module.constant.detach()),
        float(model.likelihood.noise.detach()),
    )


def write_hyperparameters(model: Any, values: Hyperparameters) -> None:
    """Set what a model of `botorch_model` is made of."""
    model.covar_module.lengthscale = torch.from_numpy(values.length_scales)[None]
    model.mean_module.constant.data.fill_(values.mean)
    model.likelihood.noise = torch.tensor([values.noise], dtype=torch.float64)


@dataclass(frozen=True, eq=False)
class Conditioned:
    """A Gaussian process that knows some values."""

    hyperparameters: Hyperparameters
    points: _Array
    values: _Array
    factor: _Array
    weights: _Array

    def at(self, x: _Array) -> "Posterior":
        """Return the posterior at points x, shape (m, d)."""
        cross = _matern(self.points, x, self.hyperparameters.length_scales)
        whitened = solve_triangular(self.factor, cross, lower=True, check_finite=False)
        mean = self.hyperparameters.mean + self.weights @ cross
        variance = np.maximum(1 - np.einsum("ij,ij->j", whitened, whitened), 1e-10)
        return Posterior(x, mean, variance, whitened, self.hyperparameters)


class Posterior:
    """The posterior at some points; `believe` narrows it (mutable).

    Attributes:
        mean: shape (m,).
        variance: of the explained part, shape (m,).
    """

    def __init__(
        self, points: _Array, mean: _Array, variance: _Array, whitened: _Array, hyperparameters: Hyperparameters
    ) -> None:
        self.mean, self.variance = mean, variance
        self._points, self._whitened, self._hyperparameters = points, whitened, hyperparameters
        self._believed: list[_Array] = []

    def deviation(self) -> _Array:
        """Return the standard deviation of a circuit's own value, the unexplained part included, shape (m,)."""
        return np.sqrt(self.variance + self._hyperparameters.noise)

    def believe(self, index: int) -> None:
        """Take the mean at one point for its value: means stay, and variances shrink as they would on being told."""
        prior = _matern(self._points, self._points[index : index + 1], self._hyperparameters.length_scales)[:, 0]
        covariance = prior - self._whitened[:, index] @ self._whitened
        for column in self._believed:
            covariance = covariance - column * column[index]
        column = covariance / np.sqrt(self.variance[index] + self._hyperparameters.noise)
        self._believed.append(column)
        self.variance = np.maximum(self.variance - column**2, 1e-10)


def condition(hyperparameters: Hyperparameters, x: _Array, y: _Array) -> Conditioned:
    """Return the process that knows values y, shape (n,), at points x, shape (n, d)."""
    covariance = _matern(x, x, hyperparameters.length_scales)
    covariance[np.diag_indices_from(covariance)] += hyperparameters.noise + _JITTER
    factor, _ = cho_factor(covariance, lower=True, check_finite=False)
    weights = cho_solve((factor, True), y - hyperparameters.mean, check_finite=False)
    return Conditioned(hyperparameters, x, y, factor, weights)


def _matern(a: _Array, b: _Array, length_scales: _Array) -> _Array:
    """Return the Matern-5/2 kernel, shape (n, m)."""
    a, b = a / length_scales, b / length_scales
    squares = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b) - 2 * (a @ b.T)
    squares = 5 * np.maximum(squares, 0, out=squares)
    roots = np.sqrt(squares)
    return np.asarray((1 + roots + squares / 3) * np.exp(-roots))
