import numpy as np
import pytest
from scipy import stats
from scipy.special import comb

from qvar.envs import (
    BinomialHalting,
    FixedNegativeBinomialHalting,
    ModeHalting,
    NegativeBinomialHalting,
    NoHalting,
)
from qvar.simulators.errors import ArchitectureError

DRAWS = 20_000


def expected_distribution(max_gates):
    """Probabilities of 0..max_gates: the clipped negative binomial distribution."""
    low = round(0.357 * max_gates)
    failures = stats.nbinom(max_gates, 0.573)
    probability = np.where(np.arange(max_gates + 1) >= low, failures.pmf(np.arange(max_gates + 1)), 0.0)
    probability[low] = failures.cdf(low)
    probability[max_gates] = failures.sf(max_gates - 1)
    return probability


def p_value(limits, max_gates):
    """Chi-squared test of drawn limits against the formula, rare limits pooled."""
    expected = DRAWS * expected_distribution(max_gates)
    counts = np.bincount(limits, minlength=max_gates + 1)
    common = expected >= 10
    observed = np.append(counts[common], counts[~common].sum())
    predicted = np.append(expected[common], expected[~common].sum())
    if predicted[-1] == 0:
        return 0.0 if observed[-1] else stats.chisquare(observed[:-1], predicted[:-1]).pvalue
    return stats.chisquare(observed, predicted * observed.sum() / predicted.sum()).pvalue


@pytest.mark.parametrize("max_gates", [20, 40, 250])
def test_random_halting_follows_the_formula_at_every_episode_length(max_gates):
    rng, halting = np.random.default_rng(11), NegativeBinomialHalting()
    limits = np.array([halting.draw(max_gates, rng) for _ in range(DRAWS)])
    assert p_value(limits, max_gates) > 1e-3
    assert limits.min() >= round(0.357 * max_gates)
    assert limits.max() <= max_gates
    assert 0.71 < limits.mean() / max_gates < 0.75


@pytest.mark.parametrize("max_gates", [20, 40, 250])
def test_halting_fixed_to_seventy_steps_would_be_noticed(max_gates):
    rng = np.random.default_rng(11)
    fixed = np.minimum(np.clip(rng.negative_binomial(70, 0.573, size=DRAWS), 25, 70), max_gates)
    assert p_value(fixed, max_gates) < 1e-6


def test_without_halting_every_episode_has_its_full_length():
    assert {NoHalting().draw(40, np.random.default_rng(seed)) for seed in range(20)} == {40}


def test_limits_depend_on_the_generator_only():
    halting = NegativeBinomialHalting()
    draws = [[halting.draw(40, rng) for _ in range(20)] for rng in map(np.random.default_rng, (1, 1, 2))]
    assert draws[0] == draws[1] != draws[2]


def test_an_episode_has_at_least_one_gate():
    assert NegativeBinomialHalting(p=0.999, floor=0.0).draw(1, np.random.default_rng(0)) == 1


@pytest.mark.parametrize("settings", [{"p": 0.0}, {"p": 1.0}, {"p": float("nan")}, {"floor": -0.1}, {"floor": 1.1}])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ArchitectureError):
        NegativeBinomialHalting(**settings)


def draws(halting, max_gates):
    rng = np.random.default_rng(5)
    return np.array([halting.draw(max_gates, rng) for _ in range(DRAWS)])


# Figures measured on the released code, which counts gates from 0.
def test_the_released_halting_without_noise_suits_seventy_gates_and_hardly_shortens_forty():
    limits = draws(FixedNegativeBinomialHalting(), 71)
    assert limits.mean() == pytest.approx(1 + 52.0, abs=0.2)
    assert limits.std() == pytest.approx(9.2, abs=0.2)
    assert (limits.min(), limits.max()) == (26, 71)
    assert (draws(FixedNegativeBinomialHalting(), 40) < 40).mean() == pytest.approx(0.069, abs=0.006)


def test_the_released_halting_with_noise_is_the_mode_of_many_draws():
    limits = draws(ModeHalting(), 41)
    assert limits.mean() == pytest.approx(1 + 25.9, abs=0.15)
    assert limits.std() == pytest.approx(3.3, abs=0.15)
    assert np.percentile(limits, 1) == 20
    assert draws(ModeHalting(draws=1), 41).std() > 1.5 * limits.std()  # a single draw spreads more


@pytest.mark.parametrize("p", [0.3, 0.7])
def test_the_printed_distribution_divided_by_its_sum_is_the_one_drawn(p):
    n = 40
    k = np.arange(n)
    printed = comb(n - 1, k) * p**k * (1 - p) ** (n - k)
    assert printed.sum() == pytest.approx(1 - p)
    expected = DRAWS * printed / printed.sum()
    counts = np.bincount(draws(BinomialHalting(p), n) - 1, minlength=n)
    common = expected >= 10
    pooled = [np.append(values[common], values[~common].sum()) for values in (counts, expected)]
    assert stats.chisquare(*pooled).pvalue > 1e-3


@pytest.mark.parametrize("halting", [FixedNegativeBinomialHalting(), ModeHalting(), BinomialHalting(0.5)])
@pytest.mark.parametrize("max_gates", [1, 5, 40])
def test_limits_lie_between_one_gate_and_the_most_allowed(halting, max_gates):
    rng = np.random.default_rng(0)
    assert {halting.draw(max_gates, rng) for _ in range(200)} <= set(range(1, max_gates + 1))


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (FixedNegativeBinomialHalting, {"p": 1.0}),
        (FixedNegativeBinomialHalting, {"successes": 0}),
        (FixedNegativeBinomialHalting, {"shortest": 71}),
        (ModeHalting, {"p": 0.0}),
        (ModeHalting, {"draws": 0}),
        (ModeHalting, {"shortest": -1}),
        (BinomialHalting, {"p": 1.5}),
    ],
)
def test_impossible_settings_of_the_other_rules_are_refused(kind, settings):
    with pytest.raises(ArchitectureError):
        kind(**settings)
