"""Reward tables: right row by row, the same for any number of processes, resumed after a kill, known base rates."""

from dataclasses import replace

import numpy as np
import pytest

from qvar.latent.generation import generate_pool
from qvar.latent.pool import CircuitPool
from qvar.latent.space import CircuitSpace
from qvar.latent.tasks import RewardTable, compute_rewards, evaluate, find_latent_task, rewards_identity, wide_space
from qvar.optimizers import Adagrad
from qvar.simulators import PauliPropagationSimulator
from qvar.simulators.errors import LatentError

COLUMNS = ("rewards", "values", "ideal_rewards", "ideal_values", "calls", "angles")


@pytest.fixture(scope="module")
def pool():
    return generate_pool(CircuitSpace.published(4), 1200, seed=1)


@pytest.fixture(scope="module")
def table(pool):
    return compute_rewards(find_latent_task("h2-4"), pool, keep_angles=True)


def assert_same(first, second):
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert (first.task, first.identity, first.threshold) == (second.task, second.identity, second.threshold)


def test_every_row_is_what_training_that_circuit_gives(pool, table):
    task = find_latent_task("h2-4")
    for k in range(0, len(pool), 97):
        alone = evaluate(task, pool.space, pool.structures[k], pool.angles[k])
        assert (table.rewards[k], table.values[k], table.calls[k]) == (alone.reward, alone.value, alone.calls)
        circuit, start = pool.circuit(k)
        by_hand = task.optimizer.minimize(task.problem.objective(task.engine, circuit), start, np.random.default_rng(5))
        assert table.values[k] == by_hand.value  # the published training draws nothing


def test_trained_angles_stand_where_start_angles_stood(pool, table):
    task = find_latent_task("h2-4")
    assert table.angles.shape == pool.angles.shape
    trained = CircuitPool(pool.space, pool.structures[:50], pool.seed)
    for k in range(50):
        circuit, _ = trained.circuit(k)
        rows, places = np.nonzero(pool.angles[k])
        theta = table.angles[k][rows, places]
        assert task.problem.objective(task.engine, circuit)(theta) == pytest.approx(table.values[k], abs=1e-12)
        assert not table.angles[k][pool.angles[k] == 0].any()


def test_base_rates_are_those_measured_by_plain_numpy(pool, table):
    """By independent code: 272 of 1200 for H2, share 0.378 for MaxCut; both have a standard deviation of 0.013."""
    assert table.base_rate().rate == pytest.approx(0.227, abs=4 * 0.017)
    assert table.rewards.mean() == pytest.approx(0.525, abs=0.05)
    assert table.rewards.max() < 0.99
    cuts = compute_rewards(find_latent_task("maxcut-4"), pool)
    assert cuts.base_rate().rate == pytest.approx(0.378, abs=4 * 0.020)
    assert cuts.rewards.mean() == pytest.approx(0.807, abs=0.03)


def test_a_pool_without_rotations_has_the_rates_of_its_basis_states():
    pool = generate_pool(CircuitSpace(2, 3, 3, ("x", "z")), 25, seed=1)
    task = find_latent_task("maxcut-complete-2")
    flips = np.array([[np.sum((s[:, 0] == 0) & (s[:, 1] == w)) % 2 for w in (0, 1)] for s in pool.structures])
    table = compute_rewards(task, pool)
    np.testing.assert_allclose(table.rewards, flips[:, 0] ^ flips[:, 1], atol=1e-12)
    assert (table.calls == 1).all()


def test_two_processes_give_the_same_table(pool, table):
    assert_same(compute_rewards(find_latent_task("h2-4"), pool, keep_angles=True, n_jobs=2), table)


class Killed(Exception):
    pass


def test_a_killed_computation_goes_on_and_ends_with_the_same_table(pool, table, tmp_path):
    task = find_latent_task("h2-4")

    def kill(progress):
        assert progress.total == len(pool)
        if progress.done >= 1000:
            raise Killed

    with pytest.raises(Killed):
        compute_rewards(task, pool, folder=tmp_path, keep_angles=True, progress=kill)
    (parts,) = tmp_path.iterdir()
    assert len(list(parts.glob("*.npz"))) == 2
    (parts / "00001.npz").write_bytes(b"half a file")
    seen = []
    with pytest.warns(UserWarning, match=r"00001.npz is corrupted.*trained again"):
        resumed = compute_rewards(task, pool, folder=tmp_path, keep_angles=True, progress=seen.append)
    assert [p.done for p in seen] == [1000, 1200]  # the first block was there, the damaged and the missing one not
    assert seen[-1].seconds_left == 0.0
    assert_same(resumed, table)
    assert [path.name for path in tmp_path.iterdir()] == [f"h2-4-{table.identity}-angles.npz"]


def test_a_finished_table_is_read_not_computed(pool, tmp_path):
    task = find_latent_task("maxcut-4")
    first = compute_rewards(task, pool, folder=tmp_path)

    def never(progress):
        raise AssertionError("computed again")

    assert_same(compute_rewards(task, pool, folder=tmp_path, progress=never), first)
    stricter = compute_rewards(replace(task, threshold=0.99), pool, folder=tmp_path, progress=never)
    assert stricter.threshold == 0.99
    assert stricter.base_rate().candidates <= first.base_rate().candidates
    assert_same(RewardTable.load(next(tmp_path.iterdir())), first)
    next(tmp_path.iterdir()).write_bytes(b"no table")
    with pytest.raises(LatentError, match="no reward table"):
        compute_rewards(task, pool, folder=tmp_path)


def test_the_identity_changes_with_what_rewards_depend_on(pool):
    task = find_latent_task("h2-4")
    some = CircuitPool(pool.space, pool.structures[:20], pool.seed)
    identities = [
        rewards_identity(task, some),
        rewards_identity(replace(task, optimizer=Adagrad(99, displacement=0.0)), some),
        rewards_identity(find_latent_task("maxcut-4"), some),
        rewards_identity(task, CircuitPool(pool.space, pool.structures[:20], pool.seed + 1)),
        rewards_identity(task, CircuitPool(pool.space, pool.structures[1:21], pool.seed)),
        rewards_identity(task.under("ourense"), some),
        rewards_identity(replace(task, engine=PauliPropagationSimulator()), some),
        rewards_identity(replace(task, engine=PauliPropagationSimulator(min_coefficient=0.1)), some),
    ]
    assert len(set(identities)) == len(identities)
    assert rewards_identity(replace(task, note="another"), some) == identities[0]


def test_candidates_of_a_noisy_task_are_judged_without_noise():
    task = find_latent_task("ghz-3@ourense")
    table = compute_rewards(task, generate_pool(wide_space(3), 150, seed=1))
    assert (table.rewards < task.threshold).all()
    assert table.base_rate().candidates == (table.ideal_rewards >= task.threshold).sum() > 0


def test_intervals_and_expectations_are_those_of_binomial_and_hypergeometric_laws(table):
    from scipy.stats import hypergeom

    rate = table.base_rate()
    assert rate.low < rate.rate < rate.high
    law = hypergeom(rate.circuits, rate.candidates, 300)
    assert rate.expected(300) == pytest.approx((law.mean(), law.std()))
    with pytest.raises(LatentError, match="can be drawn"):
        rate.expected(1201)


def test_pools_of_other_qubits_are_refused(pool):
    with pytest.raises(LatentError, match="qubit"):
        compute_rewards(find_latent_task("maxcut-8"), pool)
