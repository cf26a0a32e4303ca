"""An agent saved to disk and loaded again goes on bit by bit as if nothing had happened."""

import numpy as np
import pytest

from qvar.runs import RunFolder


@pytest.fixture
def save_and_load(tmp_path):
    """Take a state through a checkpoint file, as a run does."""

    def through_disk(agent):
        folder = RunFolder.create(tmp_path / "run", {})
        folder.save_checkpoint(*agent.state())
        return folder.load_checkpoint()

    return through_disk


def everything(agent):
    arrays, counters = agent.state()
    return {name: array.copy() for name, array in arrays.items()}, counters


def is_equal(first, second):
    return (
        first[1] == second[1]
        and first[0].keys() == second[0].keys()
        and all(np.array_equal(first[0][name], second[0][name]) for name in first[0])
    )


@pytest.mark.parametrize("alpha", [0.0, 0.6], ids=["uniform", "prioritized"])
@pytest.mark.parametrize("n_steps", [0, 5, 10, 100], ids="after {} steps".format)
def test_a_loaded_agent_continues_bit_by_bit(make_dqn, feed, save_and_load, n_steps, alpha):
    original = make_dqn(seed=1, priority_exponent=alpha)
    feed(original, np.random.default_rng(0), n_steps)
    saved = save_and_load(original)
    loaded = make_dqn(seed=2, priority_exponent=alpha)
    loaded.load_state(*saved)
    assert is_equal(everything(original), everything(loaded))
    actions = [feed(agent, np.random.default_rng(5), 60) for agent in (original, loaded)]
    assert actions[0] == actions[1]
    assert is_equal(everything(original), everything(loaded))
    assert original.learner_steps > 40


@pytest.mark.parametrize(
    "dropped",
    ["policy", "target", "adam", "replay", "sampler", "explore_rng", "replay_rng", "epsilon", "learner_steps"],
)
def test_without_any_part_of_the_state_the_loaded_agent_goes_another_way(make_dqn, feed, save_and_load, dropped):
    original = make_dqn(seed=1, n_step=1, epsilon_decay=0.99, priority_exponent=0.6)
    feed(original, np.random.default_rng(0), 45)
    arrays, counters = save_and_load(original)
    loaded = make_dqn(seed=2, n_step=1, epsilon_decay=0.99, priority_exponent=0.6)
    fresh_arrays, fresh_counters = everything(loaded)
    arrays = {name: array for name, array in arrays.items() if not name.startswith(f"{dropped}.")}
    arrays |= {name: array for name, array in fresh_arrays.items() if name.startswith(f"{dropped}.")}
    if dropped in counters:
        counters[dropped] = fresh_counters[dropped]
    loaded.load_state(arrays, counters)
    actions = [feed(agent, np.random.default_rng(5), 60) for agent in (original, loaded)]
    weights = [
        {name: array for name, array in everything(agent)[0].items() if name.startswith("policy.")}
        for agent in (original, loaded)
    ]
    is_same = all(np.array_equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not (is_same and actions[0] == actions[1])


def test_learning_turns_survive_saving(make_dqn, feed, save_and_load):
    original = make_dqn(seed=1, learn_every=7)
    feed(original, np.random.default_rng(0), 25)
    loaded = make_dqn(seed=1, learn_every=7)
    loaded.load_state(*save_and_load(original))
    for agent in (original, loaded):
        feed(agent, np.random.default_rng(1), 5)
    assert loaded.learner_steps == original.learner_steps


def test_a_loaded_agent_shares_no_memory_with_the_arrays_it_came_from(make_dqn, feed):
    original, loaded = make_dqn(seed=1), make_dqn(seed=2)
    feed(original, np.random.default_rng(0), 30)
    loaded.load_state(*original.state())
    before = everything(loaded)
    feed(original, np.random.default_rng(1), 30)
    assert is_equal(before, everything(loaded))
