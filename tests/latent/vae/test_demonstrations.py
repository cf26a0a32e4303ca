"""The criteria of the components, on fewer seeds and shorter trainings than tests/benchmarks/vae.py."""

import numpy as np
import pytest

from qvar.latent.vae.collapse import linear_theta
from qvar.latent.vae.collapse_demonstrations import linear_collapse
from qvar.latent.vae.demonstrations import completion, known_dimension, relevant_dimension, restoration


@pytest.mark.slow
def test_a_linear_auto_encoder_ends_with_the_axes_that_theory_predicts():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(180, 6)) @ np.diag([3.0, 2.0, 1.5, 1.0, 0.7, 0.2])
    theta = linear_theta(X)
    points = [((theta[k] ** 2 + theta[k + 1] ** 2) / 2, 1.0) for k in (0, 2)] + [(20.0, 2.0)]
    rows = linear_collapse(0, points=points, latent_size=6, steps=2000, data=X)
    assert [row["omega predicted"] for row in rows] == [1, 3, 0]
    assert [row["omega measured"] for row in rows] == [1, 3, 0]
    assert np.mean([row["omega difference"] for row in rows]) < 4e-2  # a short training; the benchmark reaches 1e-2


@pytest.mark.slow
def test_ard_finds_the_known_dimension_from_any_size():
    rows = relevant_dimension(0, "known", latent_sizes=(8, 16), epochs=200)
    assert [row["relevant"] for row in rows] == [5, 5]
    assert all(abs(row["change"]) < 0.02 for row in rows)
    assert known_dimension(0)[0].shape == (1400, 64)


@pytest.mark.slow
def test_a_smaller_weight_than_one_ranks_hidden_ink_best():
    rows = {row["cap"]: row for row in completion(0, likelihoods=("multinomial",), caps=(0.1, 1.0), epochs=40)}
    assert rows[0.1]["NDCG@20"] > rows[1.0]["NDCG@20"]
    assert rows[0.1]["Recall@20"] > rows[1.0]["Recall@20"]
    assert rows[0.1]["KL"] > rows[1.0]["KL"]


@pytest.mark.slow
def test_a_posterior_restores_as_well_as_a_point_and_knows_what_it_does_not_know():
    rows = {(row["task"], row["method"]): row for row in restoration(0, epochs=60, steps=200, n_draws=40)}
    for task in ("inpainting", "deblurring"):
        best, ours = rows[task, "MAP"], rows[task, "VBLE gaussian"]
        assert ours["PSNR"] >= best["PSNR"] - 0.02
        assert best["PSNR"] > rows[task, "encoder"]["PSNR"]
        assert ours["coverage"] == pytest.approx(0.9, abs=0.05)
        assert ours["coverage of D(z)"] < 0.85  # without the noise of the decoder it is too sure of itself
