"""The models inside searches, each compared with an independent route."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from qvar.latent.search.acquisition import expected_improvement, log_expected_improvement, log_probability
from qvar.latent.search.candidates import Unvisited
from qvar.latent.search.dngo import _BayesianLayer
from qvar.latent.search.gaussian_process import (
    Hyperparameters,
    botorch_model,
    condition,
    fit_hyperparameters,
    write_hyperparameters,
)
from qvar.latent.search.network import SmallNetwork
from qvar.latent.search.policy import GaussianPolicy
from qvar.latent.search.trust_region import TrustRegion


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(25, 3))
    y = np.sin(x[:, 0]) + 0.3 * rng.normal(size=25)
    return x, (y - y.mean()) / y.std()


@pytest.fixture(scope="module")
def hyperparameters():
    return Hyperparameters(np.array([1.2, 0.8, 3.0]), 0.1, 0.2)


@pytest.fixture(scope="module")
def process(data, hyperparameters):
    model = botorch_model(*data)
    write_hyperparameters(model, hyperparameters)
    return model.eval()


def test_the_posterior_is_that_of_botorch(data, hyperparameters, process):
    x = np.random.default_rng(3).normal(size=(40, 3))
    ours = condition(hyperparameters, *data).at(x)
    theirs = process.posterior(torch.from_numpy(x))
    assert ours.mean == pytest.approx(theirs.mean.detach().numpy()[:, 0], abs=1e-6)
    assert ours.variance == pytest.approx(theirs.variance.detach().numpy()[:, 0], abs=1e-6)


def test_believing_a_mean_narrows_variances_as_being_told_it_does(data, hyperparameters):
    x = np.random.default_rng(4).normal(size=(10, 3))
    posterior = condition(hyperparameters, *data).at(x)
    posterior.believe(3)
    posterior.believe(7)
    told = condition(
        hyperparameters, np.concatenate([data[0], x[[3, 7]]]), np.concatenate([data[1], posterior.mean[[3, 7]]])
    ).at(x)
    assert posterior.variance == pytest.approx(told.variance, abs=1e-6)
    assert posterior.mean == pytest.approx(told.mean, abs=1e-6)


def test_log_improvement_is_that_of_botorch_even_where_it_underflows(data, hyperparameters, process):
    x = np.random.default_rng(5).normal(size=(30, 3))
    posterior = condition(hyperparameters, *data).at(x)
    from botorch.acquisition.analytic import LogExpectedImprovement

    for target in (-1.0, 0.5, 3.0, 40.0, 400.0):
        theirs = LogExpectedImprovement(process, best_f=target)(torch.from_numpy(x)[:, None]).detach().numpy()
        ours = log_expected_improvement(posterior.mean, np.sqrt(posterior.variance), target)
        assert ours == pytest.approx(theirs, rel=1e-4)


@pytest.mark.parametrize(("mean", "deviation", "target"), [(0.2, 0.5, 0.9), (1.0, 0.1, 0.5), (0.0, 1.0, 0.0)])
def test_improvement_and_probability_are_integrals(mean, deviation, target):
    values = [np.array([v]) for v in (mean, deviation)]
    value, _ = quad(lambda r: (r - target) * norm.pdf(r, mean, deviation), target, mean + 12 * deviation)
    assert expected_improvement(*values, target)[0] == pytest.approx(value, rel=1e-6)
    assert log_expected_improvement(*values, target)[0] == pytest.approx(math.log(value), rel=1e-6)
    assert log_probability(*values, target)[0] == pytest.approx(norm.logsf(target, mean, deviation))


def test_axes_that_do_not_matter_get_long_length_scales():
    rng = np.random.default_rng(6)
    x = rng.normal(size=(80, 3))
    y = np.sin(2 * x[:, 0]) + 0.05 * rng.normal(size=80)
    scales = fit_hyperparameters(x, (y - y.mean()) / y.std()).length_scales
    assert scales[0] < 0.6 * min(scales[1:])


def test_noise_that_features_do_not_explain_is_found():
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(150, 2)), rng.normal(size=150)
    assert fit_hyperparameters(x, (y - y.mean()) / y.std()).noise > 0.5


@pytest.mark.parametrize("normalizes", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("output", ["linear", "sigmoid"])
def test_a_small_network_descends_as_pytorch_does(activation, output, normalizes):
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=(20, 4)).astype(np.float32), rng.random(20).astype(np.float32)
    ours = SmallNetwork(4, (7, 5), activation=activation, output=output, normalizes=normalizes, rng=rng)
    layers = []
    for k, (a, b) in enumerate([(4, 7), (7, 5), (5, 1)]):
        layer = torch.nn.Linear(a, b)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(ours._views[2 * k].T.copy()))
            layer.bias.copy_(torch.tensor(ours._views[2 * k + 1].copy()))
        layers.append(layer)
        if k < 2:
            layers += [torch.nn.BatchNorm1d(b)] if normalizes else []
            layers.append(torch.nn.Tanh() if activation == "tanh" else torch.nn.ReLU())
    theirs = torch.nn.Sequential(*layers, *([torch.nn.Sigmoid()] if output == "sigmoid" else []))
    adam = torch.optim.Adam(theirs.parameters(), lr=0.01)
    torch.nn.functional.mse_loss(theirs(torch.tensor(x))[:, 0], torch.tensor(y)).backward()
    gradients = [layer.weight.grad.numpy().T.copy() for layer in theirs if isinstance(layer, torch.nn.Linear)]
    before = SmallNetwork(
        4, (7, 5), activation=activation, output=output, normalizes=normalizes, rng=np.random.default_rng(8)
    )
    before._weights[:] = ours._weights
    before.fit(x, y, epochs=1, batch=20, learning_rate=0.01)
    for k, gradient in enumerate(gradients):
        assert before._slopes[2 * k] == pytest.approx(gradient, abs=1e-5)
    if normalizes:
        return  # what follows is chance: Adam turns the rounding of offsets that normalization removes into steps
    for _ in range(15):  # one batch of everything: the order of rows does not matter
        ours.fit(x, y, epochs=1, batch=20, learning_rate=0.01)
        adam.zero_grad()
        torch.nn.functional.mse_loss(theirs(torch.tensor(x))[:, 0], torch.tensor(y)).backward()
        adam.step()
    assert ours.predict(x) == pytest.approx(theirs.eval()(torch.tensor(x))[:, 0].detach().numpy(), abs=1e-3)


def test_dropped_units_keep_their_mean():
    rng = np.random.default_rng(9)
    x, y = rng.normal(size=(300, 3)).astype(np.float32), rng.normal(size=300)
    network = SmallNetwork(3, (32,), activation="relu", dropout=0.2, rng=rng)
    network.fit(x, x[:, 0] + 0 * y, epochs=60, batch=32, learning_rate=0.01)
    assert np.corrcoef(network.predict(x), x[:, 0])[0, 1] > 0.95


def test_the_bayesian_layer_has_the_textbook_posterior_and_maximizes_the_evidence():
    rng = np.random.default_rng(10)
    hidden = rng.normal(size=(40, 5))
    y = hidden @ rng.normal(size=5) + 0.3 * rng.normal(size=40)
    layer = _BayesianLayer.fit(hidden, y, rng)
    beta = 1 / layer.noise
    assert layer.noise == pytest.approx(0.09, rel=0.6)

    def log_evidence(alpha, beta):
        return multivariate_normal.logpdf(y, np.zeros(40), np.eye(40) / beta + hidden @ hidden.T / alpha)

    inverse = layer.factor.astype(float) @ layer.factor.T.astype(float)
    alpha = float(np.linalg.inv(inverse).diagonal().sum() - beta * (hidden**2).sum()) / 5
    assert layer.mean == pytest.approx(beta * inverse @ hidden.T @ y, abs=1e-3)
    best = log_evidence(alpha, beta)
    assert all(log_evidence(alpha * a, beta * b) < best + 1e-3 for a, b in [(2, 1), (0.5, 1), (1, 1.3), (1, 0.7)])
    mean, variance = layer.predict(hidden.astype(np.float32))
    assert mean == pytest.approx(hidden @ layer.mean, abs=1e-4)
    assert variance == pytest.approx(np.einsum("ij,jk,ik->i", hidden, inverse, hidden) + layer.noise, abs=1e-4)


def test_the_policy_moves_towards_actions_that_paid():
    rng = np.random.default_rng(11)
    policy = GaussianPolicy(2, 16, 0.05, True, rng)
    target, state = np.array([1.0, -1.0]), np.zeros(2, dtype=np.float32)
    for _ in range(150):
        actions = np.stack([policy.act(state, rng) for _ in range(16)])
        rewards = -((actions - target) ** 2).sum(axis=1)
        policy.learn((rewards - rewards.mean()) / rewards.std())
    last = np.stack([policy.act(state, rng) for _ in range(200)])
    assert last.mean(axis=0) == pytest.approx(target, abs=0.35)
    assert (policy.width() < 0.8).all()


def test_a_policy_of_fixed_width_keeps_it():
    rng = np.random.default_rng(12)
    policy = GaussianPolicy(2, 8, 0.05, False, rng)
    policy.act(np.zeros(2, dtype=np.float32), rng)
    policy.learn(np.array([1.0]))
    assert (policy.width() == 1).all()


def test_the_nearest_unvisited_circuit_is_the_nearest():
    rng = np.random.default_rng(13)
    points = rng.normal(size=(500, 4)).astype(np.float32)
    unvisited = Unvisited(points)
    unvisited.take(np.arange(0, 500, 2))
    for point in rng.normal(size=(20, 4)):
        distances = np.where(np.arange(500) % 2, ((points - point) ** 2).sum(axis=1), np.inf)
        assert unvisited.nearest(point) == distances.argmin()
        assert set(unvisited.near(point, 7)) == set(np.argsort(distances)[:7])


@pytest.mark.parametrize("count", [5, 90, 400])
def test_samples_are_free_different_and_uniform(count):
    rng = np.random.default_rng(14)
    unvisited = Unvisited(rng.normal(size=(300, 2)).astype(np.float32))
    unvisited.take(np.arange(100))
    totals = np.zeros(300)
    for _ in range(200):
        drawn = unvisited.sample(count, rng)
        assert len(np.unique(drawn)) == len(drawn) == min(count, 200)
        totals[drawn] += 1
    assert totals[:100].sum() == 0
    mean = totals[100:].mean()
    assert totals[100:].max() < mean + 6 * np.sqrt(mean)


def test_a_trust_region_grows_with_success_and_shrinks_with_failure():
    region = TrustRegion(Unvisited(np.random.default_rng(15).normal(size=(1000, 3)).astype(np.float32)))
    first = region.share
    for _ in range(2):
        region.adapt(True)
    assert region.share == 2 * first
    for _ in range(8):
        region.adapt(False)
    assert region.share == first / 2
    members = region.members(np.zeros(3, dtype=np.float32), 20, np.random.default_rng(0))
    norms = (region._unvisited.points**2).sum(axis=1)
    assert norms[members].max() <= np.sort(norms)[round(region.share * 1000) - 1]
