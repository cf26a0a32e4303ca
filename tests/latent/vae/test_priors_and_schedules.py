"""Priors and weights of the divergence, against torch's distributions and hand-made numbers."""

import json

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from qvar.latent.vae.priors import ArdPrior, StandardNormal, gaussian_kl, prior_from_dict
from qvar.latent.vae.schedules import KlSchedule
from qvar.simulators.errors import LatentError


def posterior(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator), 0.5 * torch.randn(shape, generator=generator)


def test_the_divergence_is_that_of_torch():
    mu, log_std = posterior(3, 4, 5)
    reference = kl_divergence(Normal(mu, log_std.exp()), Normal(torch.zeros(()), torch.tensor(1.7)))
    assert torch.allclose(gaussian_kl(mu, log_std, 1.7**2), reference, atol=1e-6)


def test_a_prior_gives_one_number_per_axis_over_samples_and_node_slots():
    mu, log_std = posterior(6, 12, 5)
    for prior in (StandardNormal(), ArdPrior(), ArdPrior((1.0,) * 5)):
        kl = prior.kl(mu, log_std)
        assert kl.shape == (5,)
        assert torch.allclose(kl, gaussian_kl(mu, log_std).mean(dim=(0, 1)))


def test_a_refreshed_prior_has_the_second_moments_of_the_latents():
    mu, log_std = posterior(2000, 3)
    mu, log_std = mu * torch.tensor([2.0, 1.0, 0.0]), torch.full_like(log_std, -20.0)
    prior = ArdPrior().refreshed(mu, log_std, torch.Generator().manual_seed(1))
    assert prior.std(3) ** 2 == pytest.approx(mu.double().square().mean(dim=0).numpy().clip(1e-8))
    with_hyperprior = ArdPrior(a0=5.0, b0=2.0).refreshed(mu, log_std, torch.Generator())
    a, b = 5 + 2000 / 2, 2 + mu[:, 0].double().square().sum().item() / 2
    assert with_hyperprior.variances[0] == pytest.approx(b / a)


def test_the_width_of_a_prior_takes_no_gradient_and_its_divergence_does():
    mu, log_std = (part.requires_grad_() for part in posterior(8, 2))
    prior = ArdPrior().refreshed(mu, log_std, torch.Generator().manual_seed(0))
    prior.kl(mu, log_std).sum().backward()
    assert torch.allclose(mu.grad, mu.detach() / torch.tensor(prior.variances) / 8, atol=1e-6)


def test_priors_survive_json():
    for prior in (StandardNormal(), ArdPrior(), ArdPrior((0.5, 2.0), 1.0, 3.0)):
        assert prior_from_dict(json.loads(json.dumps(prior.to_dict()))) == prior
    with pytest.raises(LatentError, match="standard-normal"):
        prior_from_dict({"kind": "other"})


def test_a_prior_of_another_size_is_refused():
    with pytest.raises(LatentError, match="2 axes"):
        ArdPrior((1.0, 1.0)).std(3)


def test_the_weight_rises_to_its_cap_at_the_share_asked_for():
    schedule = KlSchedule.reaching(0.2, ramp=0.5, n_steps=1000)
    weights = np.array([schedule(t) for t in range(1000)])
    assert weights[0] == 0
    assert weights[499] < 0.2 == weights[500] == weights[-1]
    assert np.diff(weights).min() >= 0
    assert KlSchedule.reaching(0.0, ramp=0.5, n_steps=10)(9) == 0
    assert KlSchedule.reaching(0.3, ramp=0.0, n_steps=10)(0) == 0.3
    with pytest.raises(LatentError, match="cap"):
        KlSchedule(-1.0)
