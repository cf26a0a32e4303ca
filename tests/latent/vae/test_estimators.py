"""The members of the family on small data: what each promises, and that a seed fixes all."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from qvar.latent.vae import ArdVAE, BetaVAE, ConditionalVAE, HierarchicalVAE, KlSchedule, MultDAE, MultVAE, PlainVAE
from qvar.latent.vae.demonstrations import digits, known_dimension
from qvar.latent.vae.likelihoods import Bernoulli, Gaussian, Multinomial, SquaredError
from qvar.latent.vae.relevance import axis_relevance, relevant_axes
from qvar.simulators.errors import LatentError

SHORT = {"latent_size": 3, "hidden": (8,), "epochs": 4, "random_state": 3}
MEMBERS = [
    BetaVAE(**SHORT, beta=KlSchedule(0.5, 100), likelihood=Gaussian(0.3)),
    ArdVAE(**SHORT),
    MultVAE(**SHORT),
    MultDAE(**SHORT),
    ConditionalVAE(**SHORT, n_condition=4),
    HierarchicalVAE(**SHORT),
]


@pytest.fixture(scope="module")
def images():
    return digits(0)[0][:120]


@pytest.mark.parametrize("member", MEMBERS, ids=lambda m: type(m).__name__)
def test_a_file_gives_the_same_transformer_back(member, images, tmp_path):
    fitted = clone(member).fit(images)
    fitted.save(tmp_path / "model.npz")
    loaded = type(member).load(tmp_path / "model.npz")
    assert np.array_equal(loaded.transform(images), fitted.transform(images))
    assert np.array_equal(loaded.reconstruct(images), fitted.reconstruct(images))
    assert loaded.get_params() == fitted.get_params()
    assert loaded.score(images) == fitted.score(images)


@pytest.mark.parametrize("member", MEMBERS, ids=lambda m: type(m).__name__)
def test_the_same_seed_gives_the_same_model_and_another_seed_another(member, images):
    first, again = (clone(member).fit(images) for _ in range(2))
    other = clone(member).set_params(random_state=4).fit(images)
    assert np.array_equal(first.encode(images)[0], again.encode(images)[0])
    assert not np.allclose(first.encode(images)[0], other.encode(images)[0])
    assert np.array_equal(first.history_[-1].kl, again.history_[-1].kl)


def test_training_leaves_the_global_random_state_alone(images):
    before = torch.get_rng_state()
    MultVAE(**SHORT).fit(images)
    assert torch.equal(before, torch.get_rng_state())


def test_training_raises_the_score_and_more_latents_reconstruct_better():
    train, test = digits(1)
    short, trained = (PlainVAE(8, likelihood=Gaussian(0.2), epochs=n, random_state=0).fit(train) for n in (1, 15))
    assert trained.score(test) > short.score(test)
    one = PlainVAE(1, likelihood=Gaussian(0.2), epochs=15, random_state=0).fit(train)
    error = [((m.reconstruct(test) - test) ** 2).mean() for m in (trained, one)]
    assert error[0] < error[1] < test.var(axis=0).mean() * 1.1


def test_a_large_weight_collapses_every_axis(images):
    model = BetaVAE(4, beta=1000.0, epochs=100, learning_rate=1e-2, random_state=0).fit(images)
    assert model.kl(images).mean(axis=0).max() < 0.01
    assert BetaVAE(4, beta=1e-3, epochs=100, random_state=0).fit(images).kl(images).mean(axis=0).max() > 0.1


def test_epochs_are_reported_and_validated(images):
    seen = []
    model = BetaVAE(**SHORT, validation_fraction=0.25, callback=seen.append).fit(images)
    assert [epoch.number for epoch in seen] == [1, 2, 3, 4] == [epoch.number for epoch in model.history_]
    assert all(epoch.validation is not None and epoch.kl.shape == (3,) for epoch in seen)


def test_relevance_of_a_linear_decoder_is_known():
    weight = torch.tensor([[1.0, 2.0, 0.0], [0.0, -2.0, 0.0]], dtype=torch.float64)
    relevance = axis_relevance(
        lambda z: z @ weight.T, torch.randn(5, 3, dtype=torch.float64), np.array([2.0, 1.0, 9.0])
    )
    assert relevance == pytest.approx([4.0, 8.0, 0.0])
    assert relevant_axes(relevance).tolist() == [1, 0]
    assert relevant_axes(relevance, 0.5).tolist() == [1]


def test_axes_left_out_by_pruning_do_not_matter():
    train, test = known_dimension(0, dimension=2)
    model = ArdVAE(6, epochs=150, learning_rate=5e-3, random_state=0).fit(train)
    full = model.network_.decode(torch.from_numpy(model.encode(test)[0])).numpy()
    error, pruned = (((R - test) ** 2).sum(axis=1).mean() for R in (full, model.reconstruct(test)))
    assert model.latent_size_ == 2
    assert abs(pruned / error - 1) < 0.02
    assert model.sample(5, random_state=0).shape == (5, 64)


def test_a_condition_passes_through_and_steers_what_is_drawn():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 1))
    X = np.hstack([x, 3 * x + 0.1 * rng.normal(size=(400, 1))])
    model = ConditionalVAE(2, n_condition=1, likelihood=Gaussian(0.5), epochs=60, learning_rate=1e-2, random_state=0)
    drawn = model.fit(X).sample(200, random_state=1, condition=[1.0])
    assert (drawn[:, 0] == 1).all()
    assert drawn[:, 1].mean() == pytest.approx(3, abs=0.3)
    assert np.array_equal(model.reconstruct(X)[:, 0], x[:, 0])
    with pytest.raises(LatentError, match="1 columns"):
        model.sample(3)
    with pytest.raises(LatentError, match="in one row or 3"):
        model.sample(3, condition=np.zeros((2, 1)))


def test_the_divergences_of_two_levels_are_those_of_a_chain(images):
    model = HierarchicalVAE(**SHORT, upper_size=2).fit(images)
    assert model.kl(images).shape == (120, 5)
    assert model.transform_upper(images).shape == (120, 2)
    assert model.sample(7, random_state=0).shape == (7, 64)


def test_likelihoods_are_those_of_torch():
    generator = torch.Generator().manual_seed(0)
    raw = torch.randn(5, 4, generator=generator)
    data = torch.rand(5, 4, generator=generator)
    D = torch.distributions
    gaussian = -D.Normal(raw, 0.3).log_prob(data).sum(dim=1)
    assert torch.allclose(Gaussian(0.3).negative_log(raw, data), gaussian, atol=1e-4)
    bits = (data > 0.5).float()
    bernoulli = -D.Bernoulli(logits=raw).log_prob(bits).sum(dim=1)
    assert torch.allclose(Bernoulli().negative_log(raw, bits), bernoulli, atol=1e-5)
    counts = torch.tensor([[3.0, 0.0, 1.0, 2.0]])
    orderings = torch.lgamma(counts.sum() + 1) - torch.lgamma(counts + 1).sum()
    multinomial = -D.Multinomial(6, logits=raw[:1]).log_prob(counts) + orderings
    assert torch.allclose(Multinomial().negative_log(raw[:1], counts), multinomial, atol=1e-5)
    assert torch.allclose(SquaredError().negative_log(raw, data), ((raw - data) ** 2).sum(dim=1))


@pytest.mark.parametrize(
    ("model", "needle"),
    [
        (BetaVAE(likelihood="poisson"), "no likelihood"),
        (BetaVAE(activation="step"), "no activation"),
        (BetaVAE(posterior_std=-1.0), "posterior_std"),
        (BetaVAE(epochs=0), "epochs"),
        (BetaVAE(validation_fraction=1.0), "validation_fraction"),
        (ArdVAE(validation_fraction=0.0), "held out"),
        (MultVAE(ramp=2.0), "ramp"),
        (MultVAE(dropout=1.0), "dropout"),
        (ConditionalVAE(n_condition=64), "n_condition"),
        (HierarchicalVAE(prior_std=0.0), "prior_std"),
        (BetaVAE(likelihood=Bernoulli()), "0 to 1"),
    ],
)
def test_nonsense_is_refused_with_its_reason(model, needle, images):
    with pytest.raises(LatentError, match=needle):
        model.fit(images * 2)


def test_a_damaged_or_foreign_file_is_refused(images, tmp_path):
    BetaVAE(**SHORT).fit(images).save(tmp_path / "model.npz")
    with pytest.raises(LatentError, match="BetaVAE"):
        ArdVAE.load(tmp_path / "model.npz")
    (tmp_path / "broken.npz").write_bytes(b"PK nothing")
    with pytest.raises(LatentError, match="holds no fitted transformer"):
        BetaVAE.load(tmp_path / "broken.npz")
    (tmp_path / "empty.npz").touch()
    np.save(tmp_path / "array.npy", images)
    for name in ("empty.npz", "array.npy"):
        with pytest.raises(LatentError, match="holds no fitted transformer"):
            BetaVAE.load(tmp_path / name)
    for facts in ("[]", '{"class": "BetaVAE", "parameters": {"likelihood": {"@": "Gaussian", "width": 1}}}'):
        np.savez(tmp_path / "facts.npz", facts=np.array(facts))
        with pytest.raises(LatentError, match="holds no fitted transformer"):
            BetaVAE.load(tmp_path / "facts.npz")


@pytest.mark.parametrize("member", MEMBERS, ids=lambda m: type(m).__name__)
def test_nothing_is_drawn_before_a_training(member):
    with pytest.raises(NotFittedError):
        clone(member).sample(2)


@pytest.mark.parametrize("member", [MultVAE, MultDAE])
def test_rows_are_dropped_from_in_training_only(member, images):
    fitted = member(**SHORT | {"epochs": 1}, validation_fraction=0.5).fit(images)
    scored = fitted.score(images)
    fitted.network_.dropout = 0.9
    assert fitted.score(images) == scored
    more = member(**SHORT | {"epochs": 1}, dropout=0.9).fit(images)
    assert not np.allclose(more.encode(images)[0], fitted.encode(images)[0])


def test_a_model_that_learned_nothing_yet_is_validated_as_it_is_scored(images):
    seen = []
    still = MultDAE(**SHORT | {"epochs": 1}, learning_rate=1e-12, validation_fraction=0.5, callback=seen.append)
    counts = np.repeat(images[:1], 20, axis=0)
    score = still.fit(counts).score(counts)
    assert sum(seen[0].validation) == pytest.approx(-score)


def test_a_whole_random_state_of_numpy_is_kept(images, tmp_path):
    BetaVAE(**SHORT | {"random_state": np.int64(3)}).fit(images).save(tmp_path / "model.npz")
    assert BetaVAE.load(tmp_path / "model.npz").random_state == 3
