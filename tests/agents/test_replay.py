"""The replay memory gives back exactly what it was given, the latest transitions only."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qvar.agents.network import Observations
from qvar.agents.replay import ReplayBuffer, Transition

FIELDS = ("observation", "action", "reward", "bootstrap", "next_observation", "next_mask")


@st.composite
def transitions(draw):
    n_features, n_actions = draw(st.integers(2, 40)), draw(st.integers(1, 20))
    bits = st.lists(st.sampled_from([0.0, 1.0]), min_size=n_features - 1, max_size=n_features - 1)
    number = st.floats(-100, 100, width=32)
    observation, following = (np.array([*draw(bits), draw(number)], dtype=np.float32) for _ in range(2))
    mask = np.array(draw(st.lists(st.booleans(), min_size=n_actions, max_size=n_actions)))
    action = draw(st.integers(0, n_actions - 1))
    return Transition(observation, action, draw(number), draw(st.floats(0, 1, width=32)), following, mask)


def column(batch, name, n_features):
    """Return one field of a batch, observations as dense vectors."""
    values = getattr(batch, name)
    return dense(values, n_features) if isinstance(values, Observations) else values


def dense(observations, n_features):
    """Write out the ones place by place."""
    starts = [*observations.starts.tolist(), len(observations.places)]
    rows = np.zeros((len(starts) - 1, n_features), dtype=np.float32)
    for row, (start, end) in enumerate(pairwise(starts)):
        rows[row, observations.places[start:end].numpy()] = 1.0
    rows[:, -1] = observations.energies.numpy()
    return rows


@given(transitions())
@settings(max_examples=150, deadline=None)
def test_a_transition_comes_back_bit_by_bit(transition):
    buffer = ReplayBuffer(3, len(transition.observation), len(transition.next_mask))
    buffer.add(transition)
    batch = buffer.take(np.zeros(2, dtype=np.int64))
    for row in range(2):
        for name in FIELDS:
            stored = column(batch, "next_masks" if name == "next_mask" else f"{name}s", len(transition.observation))[
                row
            ]
            assert np.array_equal(stored, getattr(transition, name)), name


@pytest.mark.parametrize(("n_features", "n_actions", "size"), [(2, 1, 1), (9, 8, 5), (401, 8, 64), (1121, 24, 7)])
def test_a_batch_has_one_row_per_transition_and_the_documented_types(make_transition, n_features, n_actions, size):
    rng = np.random.default_rng(1)
    buffer = ReplayBuffer(10, n_features, n_actions)
    for _ in range(4):
        buffer.add(make_transition(rng, n_features=n_features, n_actions=n_actions))
    batch = buffer.take(rng.integers(len(buffer), size=size))
    shapes = {
        "actions": ((size,), np.int64),
        "rewards": ((size,), np.float32),
        "bootstraps": ((size,), np.float32),
        "next_masks": ((size, n_actions), np.bool_),
    }
    assert {name: (getattr(batch, name).shape, getattr(batch, name).dtype) for name in shapes} == shapes
    for observations in (batch.observations, batch.next_observations):
        assert observations.starts.shape == observations.energies.shape == (size,)
        assert (observations.places.dtype, observations.starts.dtype) == (torch.int64, torch.int64)


@pytest.mark.parametrize("added", [1, 4, 5, 9, 13])
def test_a_full_memory_overwrites_the_oldest_transition(make_transition, added):
    rng = np.random.default_rng(2)
    buffer = ReplayBuffer(5, 13, 8)
    for k in range(added):
        buffer.add(make_transition(rng, reward=float(k)))
    assert len(buffer) == min(added, 5)
    seen = set(buffer.take(rng.integers(len(buffer), size=400)).rewards.tolist())
    assert seen == set(range(max(0, added - 5), added))


def test_fields_of_a_sampled_row_belong_together(make_transition):
    rng = np.random.default_rng(3)
    buffer, stored = ReplayBuffer(20, 13, 8), {}
    for k in range(20):
        transition = make_transition(rng, reward=float(k))
        stored[float(k)] = transition
        buffer.add(transition)
    batch = buffer.take(rng.integers(len(buffer), size=100))
    for row, reward in enumerate(batch.rewards.tolist()):
        assert np.array_equal(dense(batch.observations, 13)[row], stored[reward].observation)
        assert np.array_equal(dense(batch.next_observations, 13)[row], stored[reward].next_observation)
        assert np.array_equal(batch.next_masks[row], stored[reward].next_mask)


@pytest.mark.parametrize("added", [0, 3, 5, 8])
def test_a_restored_memory_samples_and_overwrites_like_the_original(make_transition, added):
    rng = np.random.default_rng(4)
    original, restored = ReplayBuffer(5, 13, 8), ReplayBuffer(5, 13, 8)
    for k in range(added):
        original.add(make_transition(rng, reward=float(k)))
    restored.load_state_arrays({name: array.copy() for name, array in original.state_arrays().items()})
    for k in range(2):
        transition = make_transition(rng, reward=100.0 + k)
        original.add(transition)
        restored.add(transition)
        batches = [buffer.take(np.arange(len(buffer))) for buffer in (original, restored)]
        assert np.array_equal(batches[0].rewards, batches[1].rewards)
        assert np.array_equal(dense(batches[0].observations, 13), dense(batches[1].observations, 13))


def test_the_saved_memory_leaves_the_unused_part_out(make_transition):
    buffer = ReplayBuffer(1000, 13, 8)
    for _ in range(3):
        buffer.add(make_transition(np.random.default_rng(0)))
    assert {len(array) for name, array in buffer.state_arrays().items() if name != "added"} == {3}


def test_observations_are_packed_to_bits():
    buffer = ReplayBuffer(1, 22001, 80)
    buffer.add(Transition(np.ones(22001, np.float32), 0, 0.0, 0.0, np.ones(22001, np.float32), np.ones(80, bool)))
    assert sum(array.nbytes for array in buffer.state_arrays().values()) < 2 * 22000 / 8 + 100
