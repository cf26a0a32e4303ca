"""Prioritized replay: how often transitions are drawn, and that the weights of their losses undo the bias."""

import numpy as np
import pytest

from qvar.agents.sampling import PrioritizedSampler, UniformSampler

ERRORS = np.array([0.1, 2.0, 0.0, 0.7, 1.2], dtype=np.float32)


@pytest.fixture
def make_sampler():
    """A sampler of five rows whose TD errors are known, in a memory of eight."""

    def make(*, alpha=0.6, beta=0.4):
        sampler = PrioritizedSampler(8, alpha=alpha, beta=beta)
        for row in range(5):
            sampler.add(row)
        sampler.update(np.arange(5), ERRORS)
        return sampler

    return make


@pytest.mark.parametrize("alpha", [0.3, 0.6, 1.0])
def test_rows_are_drawn_in_proportion_to_their_errors_to_the_power_alpha(make_sampler, alpha):
    sampler, rng = make_sampler(alpha=alpha), np.random.default_rng(0)
    expected = (np.abs(ERRORS.astype(np.float64)) + 1e-6) ** alpha
    rows = np.concatenate([sampler.draw(5, 32, rng, progress=0.0)[0] for _ in range(500)])
    shares = np.bincount(rows, minlength=5) / len(rows)
    assert np.abs(shares - expected / expected.sum()).max() < 6 * np.sqrt(0.25 / len(rows))


def test_negative_control_a_power_of_zero_would_draw_the_smallest_error_as_often_as_the_others(make_sampler):
    sampler, rng = make_sampler(alpha=1e-12), np.random.default_rng(0)
    rows = np.concatenate([sampler.draw(5, 32, rng, progress=0.0)[0] for _ in range(500)])
    assert np.bincount(rows, minlength=5).min() / len(rows) > 0.17


@pytest.mark.parametrize("alpha", [0.6, 1.0])
def test_at_the_end_of_the_run_weighted_draws_average_to_the_plain_mean(make_sampler, alpha):
    sampler, rng = make_sampler(alpha=alpha), np.random.default_rng(1)
    sampler.update(np.array([2]), np.array([0.05], dtype=np.float32))
    values, total, norm = np.array([3.0, -1.0, 4.0, 1.0, 5.0]), 0.0, 0.0
    for _ in range(4000):
        rows, weights = sampler.draw(5, 16, rng, progress=1.0)
        smallest = min(sampler.state_arrays()["priorities"][rows])  # weights are relative to the batch's largest
        total += float(weights @ values[rows]) / smallest
        norm += float(weights.sum()) / smallest
    assert total / norm == pytest.approx(values.mean(), abs=0.05)


def test_weights_are_at_most_one_and_smallest_for_the_largest_error(make_sampler):
    rows, weights = make_sampler().draw(5, 400, np.random.default_rng(0), progress=0.5)
    assert weights.dtype == np.float32
    assert weights.max() == 1.0
    assert set(rows[weights == weights.min()]) == {1}


@pytest.mark.parametrize(("progress", "beta"), [(0.0, 0.4), (0.5, 0.7), (1.0, 1.0)])
def test_the_importance_exponent_grows_to_one_over_the_run(make_sampler, progress, beta):
    sampler = make_sampler()
    rows, weights = sampler.draw(5, 200, np.random.default_rng(0), progress=progress)
    priorities = sampler.state_arrays()["priorities"]
    ratio = weights[rows == 1][0] / weights[rows == 0][0]
    assert ratio == pytest.approx((priorities[0] / priorities[1]) ** beta, rel=1e-5)


def test_without_importance_exponent_all_weights_start_at_one(make_sampler):
    _, weights = make_sampler(beta=0.0).draw(5, 50, np.random.default_rng(0), progress=0.0)
    assert np.array_equal(weights, np.ones(50))


def test_a_new_row_is_drawn_as_often_as_the_most_surprising_one_so_far(make_sampler):
    sampler, rng = make_sampler(), np.random.default_rng(2)
    sampler.add(5)
    rows = np.concatenate([sampler.draw(6, 32, rng, progress=0.0)[0] for _ in range(500)])
    counts = np.bincount(rows, minlength=6)
    assert counts[5] == pytest.approx(counts[1], rel=0.1)


def test_rows_that_are_not_in_use_are_never_drawn(make_sampler):
    sampler, rng = make_sampler(), np.random.default_rng(3)
    sampler.add(7)
    rows = np.concatenate([sampler.draw(5, 64, rng, progress=0.0)[0] for _ in range(50)])
    assert rows.max() < 5


def test_a_restored_sampler_draws_like_the_original(make_sampler):
    original, restored = make_sampler(), PrioritizedSampler(8, alpha=0.6, beta=0.4)
    restored.load_state_arrays({name: array.copy() for name, array in original.state_arrays().items()})
    for sampler in (original, restored):
        sampler.add(5)
    draws = [sampler.draw(6, 40, np.random.default_rng(4), progress=0.3) for sampler in (original, restored)]
    assert np.array_equal(draws[0][0], draws[1][0])
    assert np.array_equal(draws[0][1], draws[1][1])


def test_priorities_of_a_memory_of_another_size_are_refused(make_sampler):
    with pytest.raises(ValueError, match="9 priorities expected"):
        PrioritizedSampler(9, alpha=0.6, beta=0.4).load_state_arrays(make_sampler().state_arrays())


def test_uniform_draws_are_those_of_the_generator_and_weigh_nothing():
    rows, weights = UniformSampler().draw(10, 6, np.random.default_rng(5), progress=0.0)
    assert np.array_equal(rows, np.random.default_rng(5).integers(10, size=6))
    assert weights is None


def test_an_agent_with_priorities_learns_the_larger_error_first(make_dqn, make_transition):
    """Two transitions with final rewards 0 and 50; after a while the second has been drawn more often."""
    shares = []
    for alpha in (0.0, 1.0):
        agent = make_dqn(priority_exponent=alpha, learning_rate=1e-12, batch_size=64, importance_exponent=0.0)
        rng, seen = np.random.default_rng(0), []
        for reward in (0.0, 50.0):
            transition = make_transition(rng, reward=reward)
            object.__setattr__(transition, "bootstrap", 0.0)
            agent.remember(transition)
        agent.learn()
        for _ in range(20):
            rows, _ = agent._sampler.draw(2, 64, rng, progress=0.0)
            seen.extend(rows.tolist())
        shares.append(np.mean(seen))
    assert shares[0] == pytest.approx(0.5, abs=0.08)
    assert shares[1] > 0.9
