"""The graph auto-encoder: its formulas by hand, its training, resume and files, its metrics."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from qvar.latent.canonical import is_in_space
from qvar.latent.encodings import encode
from qvar.latent.features import gate_weights
from qvar.latent.generation import generate_pool
from qvar.latent.graph_vae import GraphVae, GraphVaeSettings, Training, evaluate, pretrain
from qvar.latent.graph_vae.autoencoder import AutoEncoder, objective
from qvar.latent.graph_vae.heads import all_places, batch_of
from qvar.latent.graph_vae.model import fitting_places
from qvar.latent.graph_vae.training import split
from qvar.latent.space import CircuitSpace
from qvar.latent.vae.priors import ArdPrior, StandardNormal
from qvar.latent.vae.schedules import KlSchedule
from qvar.simulators.errors import LatentError

SPACE = CircuitSpace(3, 4, 3, ring_cx=True)
POOL = generate_pool(SPACE, 600, seed=1)
SMALL = GraphVaeSettings(latent_size=6, hidden=16, n_layers=2)
SHORT = Training(epochs=3, batch_size=32, learning_rate=1e-2)
VARIANTS = {
    "ours": SMALL,
    "version 1": dataclasses.replace(GraphVaeSettings.version_1(3), latent_size=6, hidden=16),
    "version 3": dataclasses.replace(GraphVaeSettings.version_3(3), latent_size=6, hidden=16),
    "sum": dataclasses.replace(SMALL, fusion="sum", encoder="gin", edges="inner"),
    "mean": dataclasses.replace(SMALL, fusion="mean", nodes="typed", beta=KlSchedule(0.1, 20)),
    "ard": dataclasses.replace(SMALL, prior=ArdPrior()),
    "old_fixed": dataclasses.replace(SMALL, encoding="old_fixed"),
}


def weights(model):
    return {name: tensor.numpy() for name, tensor in model._network.state_dict().items()}


def by_hand(structures):
    """Loss terms of version 1, written with NumPy from the formulas, for a network in evaluation without noise."""
    network = AutoEncoder(SPACE, VARIANTS["version 1"], 5).eval()
    w = {name: tensor.numpy().astype(np.float64) for name, tensor in network.state_dict().items()}
    graphs = encode(SPACE, structures, "old_reference")
    x, a = graphs.nodes.astype(float), graphs.edges.astype(float)
    h, undirected = x, a + a.swapaxes(1, 2)

    def norm(rows, name):
        scaled = (rows - w[f"{name}.running_mean"]) / np.sqrt(w[f"{name}.running_var"] + 1e-5)
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    for layer in range(4):
        at = f"encoder.layers.{layer}"
        h = (1 + w[f"{at}.eps"]) * h + undirected @ h
        h = np.maximum(norm(h @ w[f"{at}.first.weight"].T + w[f"{at}.first.bias"], f"{at}.first_norm"), 0)
        h = np.maximum(norm(h @ w[f"{at}.second.weight"].T + w[f"{at}.second.bias"], f"{at}.norm"), 0)
    mu = h @ w["encoder.mu.weight"].T + w["encoder.mu.bias"]
    log_std = h @ w["encoder.log_std.weight"].T + w["encoder.log_std.bias"]
    x_hat = 1 / (1 + np.exp(-(mu @ w["node_head.linear.weight"].T + w["node_head.linear.bias"])))
    a_hat = 1 / (1 + np.exp(-(mu @ mu.swapaxes(1, 2))))
    of_nodes = -np.mean(x * np.log(x_hat) + (1 - x) * np.log(1 - x_hat))
    upper = np.triu(np.ones(a.shape[1:]), 1)
    of_edges = -np.mean(upper * (a * np.log(a_hat) + (1 - a) * np.log(1 - a_hat)))
    kl = -0.5 * np.mean((1 + 2 * log_std - mu**2 - np.exp(2 * log_std)).sum(axis=2))
    return network, of_nodes + of_edges + kl / (len(structures) * x.shape[1])


class NoNoise:
    """Stands in for `torch.randn`."""

    def __call__(self, shape, generator=None):
        return torch.zeros(shape)


def test_encodings_and_the_names_of_the_package_load_no_torch():
    code = (
        "import sys, qvar.latent.encodings, qvar.latent.graph_validity, qvar.latent.latent_model\n"
        "import qvar.latent.graph_vae\n"
        "print('torch' in sys.modules)\n"
        "from qvar.latent.graph_vae import GraphVae\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_version_1_has_the_loss_of_its_formulas(monkeypatch):
    structures = POOL.structures[:32]
    network, expected = by_hand(structures)
    monkeypatch.setattr(torch, "randn", NoNoise())
    with torch.no_grad():
        terms = network.terms(batch_of(SPACE, structures, "old_reference"), StandardNormal(), torch.Generator())
        got = objective(network, terms, 0, len(structures))
    assert float(got) == pytest.approx(expected, rel=1e-5)


def test_version_1_has_the_published_shapes():
    network = AutoEncoder(CircuitSpace.published(4), GraphVaeSettings.version_1(4), 1)
    shapes = {name: tuple(tensor.shape) for name, tensor in network.named_parameters()}
    assert shapes["encoder.layers.0.first.weight"] == (128, 17)
    assert shapes["encoder.layers.3.second.weight"] == (128, 128)
    assert shapes["encoder.mu.weight"] == (16, 128)
    assert shapes["node_head.linear.weight"] == (17, 16)
    assert len(network.encoder.layers) == 4


@pytest.mark.parametrize("name", VARIANTS)
def test_training_lowers_the_loss_of_circuits_held_out(name):
    model = pretrain(SPACE, POOL.structures, VARIANTS[name], SHORT)
    losses = [epoch["held_out_loss"] for epoch in model.epochs]
    assert len(losses) == 3
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", ["ours", "version 1", "ard"])
def test_a_run_killed_after_an_epoch_ends_with_the_same_weights(name, tmp_path):
    class Killed(Exception):
        pass

    def kill(progress):
        if progress.epoch == 2:
            raise Killed

    whole = pretrain(SPACE, POOL.structures, VARIANTS[name], SHORT)
    checkpoint = tmp_path / "checkpoint.npz"
    with pytest.raises(Killed):
        pretrain(SPACE, POOL.structures, VARIANTS[name], SHORT, checkpoint=checkpoint, progress=kill)
    resumed = pretrain(SPACE, POOL.structures, VARIANTS[name], SHORT, checkpoint=checkpoint)
    assert resumed.epochs == whole.epochs
    assert resumed.prior == whole.prior
    for key, value in weights(whole).items():
        np.testing.assert_array_equal(weights(resumed)[key], value)


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    checkpoint = tmp_path / "checkpoint.npz"
    one = dataclasses.replace(SHORT, epochs=1)
    pretrain(SPACE, POOL.structures, SMALL, one, checkpoint=checkpoint)
    with pytest.raises(LatentError, match="another training"):
        pretrain(SPACE, POOL.structures, SMALL, dataclasses.replace(one, seed=2), checkpoint=checkpoint)


def test_another_seed_gives_other_weights_and_the_same_seed_the_same():
    first, again, other = (
        GraphVae.untrained(SPACE, SMALL, seed=seed, structures=POOL.structures) for seed in (1, 1, 2)
    )
    z = first.embed(POOL.structures)
    np.testing.assert_array_equal(again.embed(POOL.structures), z)
    assert not np.allclose(other.embed(POOL.structures), z)


def test_progress_tells_rate_and_time_left():
    seen = []
    pretrain(SPACE, POOL.structures, SMALL, SHORT, progress=seen.append)
    assert [progress.epoch for progress in seen] == [1, 2, 3]
    assert seen[0].seconds_left > 0 == seen[-1].seconds_left
    assert all(progress.circuits_per_second > 0 for progress in seen)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_saved_model_comes_back_the_same(name, tmp_path):
    model = pretrain(SPACE, POOL.structures, VARIANTS[name], dataclasses.replace(SHORT, epochs=1))
    model.save(tmp_path / "model.npz")
    loaded = GraphVae.load(tmp_path / "model.npz")
    assert (loaded.space, loaded.settings, loaded.prior, loaded.epochs) == (
        model.space,
        model.settings,
        model.prior,
        model.epochs,
    )
    for got, expected in zip(loaded.encode(POOL.structures), model.encode(POOL.structures), strict=True):
        np.testing.assert_array_equal(got, expected)
    for got, expected in zip(loaded.scale(), model.scale(), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    POOL.save(tmp_path / "pool.npz")
    with pytest.raises(LatentError, match="no graph auto-encoder"):
        GraphVae.load(tmp_path / "pool.npz")


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)
def test_settings_survive_json(settings):
    assert GraphVaeSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


def test_settings_that_contradict_each_other_are_refused():
    with pytest.raises(LatentError, match="sigmoid cannot give"):
        GraphVaeSettings(nodes="bits")
    with pytest.raises(LatentError, match="fusion is one of"):
        GraphVaeSettings(fusion="product")
    with pytest.raises(LatentError, match="no settings"):
        GraphVaeSettings.from_dict({"beta": 1.0})


@pytest.mark.parametrize("pooling", ["mean", "late"])
def test_an_embedding_pools_the_nodes_posterior_means_in_any_batch(pooling):
    model = GraphVae.untrained(SPACE, dataclasses.replace(SMALL, pooling=pooling), seed=1)
    mu, _ = model.encode(POOL.structures)
    weights = gate_weights(SPACE, POOL.structures)[..., None]
    expected = mu.mean(axis=1) if pooling == "mean" else (mu[:, 1:-1] * weights).sum(axis=1) / SPACE.n_gates
    np.testing.assert_allclose(model.embed(POOL.structures), expected, atol=1e-6)
    np.testing.assert_allclose(model.embed(POOL.structures[:7]), expected[:7], atol=1e-6)


def test_scale_is_mean_and_deviation_of_the_posterior_means():
    model = GraphVae.untrained(SPACE, SMALL, seed=1, structures=POOL.structures)
    mu, _ = model.encode(POOL.structures)
    mean, std = model.scale()
    np.testing.assert_allclose(mean, mu.mean(axis=(0, 1)), atol=1e-5)
    np.testing.assert_allclose(std, mu.std(axis=(0, 1)), atol=1e-5)
    np.testing.assert_allclose(model.slot_scale().slot_std, mu.std(axis=0), atol=1e-5)


def test_a_model_without_scale_says_how_to_get_one():
    with pytest.raises(LatentError, match="structures to measure it on"):
        GraphVae.untrained(SPACE, SMALL, seed=1).scale()


def test_the_order_of_the_gates_on_different_wires_does_not_move_a_version_3_embedding():
    model = GraphVae.untrained(SPACE, VARIANTS["version 3"], seed=1)
    one = np.array([[[3, 0, -1], [7, 1, 2], [0, 1, -1], [4, 0, -1]]], dtype=np.int8)
    other = one[:, [1, 0, 3, 2]]
    np.testing.assert_allclose(model.embed(one), model.embed(other), atol=1e-6)
    assert not np.allclose(model.embed(one), model.embed(one[:, [0, 2, 1, 3]]))


def test_every_repaired_draw_is_a_circuit_of_the_space():
    model = GraphVae.untrained(SPACE, SMALL, seed=1)
    z = np.random.default_rng(0).standard_normal((300, 6, 6))
    structures, valid = model.decode(z)
    assert valid.all()
    assert is_in_space(SPACE, structures).all()
    plain, plainly_valid = model.decode(z, repair=False)
    assert plainly_valid.sum() <= valid.sum()
    np.testing.assert_array_equal(structures[plainly_valid], plain[plainly_valid])


def test_repair_fills_a_tight_space_to_the_brim():
    space = CircuitSpace(3, 9, 3)
    fit = np.random.default_rng(0).standard_normal((200, 9, len(all_places(space)))).astype(np.float32)
    structures, valid = fitting_places(space, fit)
    assert valid.all()
    assert (structures[..., 2] < 0).all()  # nine gates on nine places are one-qubit gates


def test_a_slot_without_a_gate_that_fits_makes_a_draw_invalid():
    space = CircuitSpace(4, 2, 1, gates=("cx",), coupling=((0, 1), (1, 2), (2, 3)))
    fit = (all_places(space)[:, 1:].min(axis=1) == 1) * np.ones((1, 2, 1), dtype=np.float32)
    assert not fitting_places(space, fit)[1][0]
    assert fitting_places(space, -fit)[1][0]


def test_a_decoder_that_knows_the_answer_scores_everywhere_in_full(monkeypatch):
    model = pretrain(SPACE, POOL.structures, SMALL, dataclasses.replace(SHORT, epochs=1))
    _, held_out = split(len(POOL), SHORT)
    some = POOL.structures[held_out]
    graphs = encode(SPACE, some)
    monkeypatch.setattr(model, "decode_graphs", lambda z: (graphs.nodes[: len(z)] * 1.0, graphs.edges[: len(z)] * 1.0))
    metrics = evaluate(model, some, POOL.keys, n_draws=len(some))
    exact = metrics.reconstruction
    assert exact.type_accuracy == exact.wire_accuracy == exact.edge_accuracy == exact.circuit_accuracy == 1
    assert exact.false_edges == exact.false_edge_mean == 0
    assert exact.edge_mean >= 1
    assert metrics.plain.validity == metrics.plain.rules["strict"] == metrics.plain.uniqueness == 1
    assert metrics.plain.novelty == 0


def test_an_untrained_decoder_scores_poorly():
    model = GraphVae.untrained(SPACE, SMALL, seed=1, structures=POOL.structures)
    metrics = evaluate(model, POOL.structures[:100], POOL.keys, n_draws=100)
    assert metrics.reconstruction.circuit_accuracy < 0.1
    assert metrics.reconstruction.gate_accuracy < 0.5
    json.dumps(metrics.to_dict())


def test_training_makes_reconstruction_nearly_exact_and_draws_circuits():
    pool = generate_pool(SPACE, 4_000, seed=2)
    training = Training(epochs=12, batch_size=64, learning_rate=1e-2)
    model = pretrain(SPACE, pool.structures, dataclasses.replace(SMALL, beta=0.03, hidden=32), training)
    held_out = pool.structures[split(len(pool), training)[1]]
    metrics = evaluate(model, held_out, pool.keys, n_draws=500)
    assert metrics.reconstruction.gate_accuracy > 0.99
    assert metrics.plain.repaired_validity > 0.9
    assert metrics.plain.repaired_uniqueness > 0.9


@pytest.mark.parametrize("name", ["version 1", "version 3"])
def test_the_place_that_fits_best_is_the_one_of_least_loss(name):
    network = AutoEncoder(SPACE, VARIANTS[name], 1)
    z = torch.randn(1, 6, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        fit = network.node_head.place_scores(z)[0, 0].numpy()
        losses = []
        for place in all_places(SPACE):
            structure = np.array([[place, [3, 0, -1], [3, 0, -1], [3, 0, -1]]], dtype=np.int8)
            batch = batch_of(SPACE, structure, VARIANTS[name].encoding)
            losses.append(float(network.node_head.loss(z, batch)[0]))
    np.testing.assert_allclose(fit - fit[0], losses[0] - np.array(losses), atol=1e-4)
