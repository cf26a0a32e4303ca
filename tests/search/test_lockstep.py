"""Several environments for one agent: independent episodes, one curriculum, one record for any number of threads."""

import json
from dataclasses import replace

import numpy as np
import pytest

import qvar.search.algorithms
import qvar.search.run_in_progress
from qvar.agents import MaskablePPO, RandomPolicy
from qvar.envs import BestSoFar, FixedThreshold, MovingThreshold, NoHalting, StartCircuit
from qvar.problems import molecule
from qvar.runs import RunFolder
from qvar.search import Judge, run_search
from qvar.search.algorithms import make_searcher
from qvar.search.environment import make_environment
from qvar.search.lockstep import Lockstep
from qvar.search.reinforcement import AgentSearcher
from qvar.search.searcher import Tracker
from qvar.simulators.errors import RunError

PPO = MaskablePPO(hidden=(8,), rollout_steps=16, batch_size=8, epochs=2)


@pytest.fixture
def use_threads(monkeypatch):
    """Let every step be shared among so many threads."""

    def use(n_threads):
        def lockstep(make, seeds):
            return Lockstep(make, seeds, n_threads=n_threads)

        monkeypatch.setattr("qvar.search.reinforcement.Lockstep", lockstep)

    return use


@pytest.mark.parametrize("name", ["exact_search", "noisy_search"])
def test_the_record_does_not_depend_on_the_number_of_threads(request, use_threads, without_seconds, name):
    configuration = replace(request.getfixturevalue(name), environments=3)
    records = []
    for n_threads in (1, 2, 3):
        use_threads(n_threads)
        records.append(without_seconds(run_search(configuration).history))
    assert records[0] == records[1] == records[2]


@pytest.mark.parametrize("environments", [1, 3, 5, 20])
def test_every_episode_is_played_once_and_its_gates_are_counted(exact_search, environments):
    result = run_search(replace(exact_search, environments=environments))
    assert [r["episode"] for r in result.history] == list(range(1, 13))
    played = [*result.history, *(r["evaluation"] for r in result.history if r["evaluation"] is not None)]
    assert result.cost.steps == sum(r["n_cnots"] + r["n_rotations"] for r in played)


@pytest.mark.parametrize(
    ("environments", "evaluated"), [(1, [5, 10]), (2, [5, 10]), (4, [5, 10]), (7, [5, 10]), (12, [10])]
)
def test_the_agent_is_evaluated_at_the_episodes_asked_for_once_a_round_at_most(exact_search, environments, evaluated):
    history = run_search(replace(exact_search, environments=environments)).history
    assert [r["episode"] for r in history if r["evaluation"] is not None] == evaluated


def test_with_a_random_policy_costs_are_what_the_engine_was_asked_for(exact_search, counting_engine):
    engine = counting_engine(exact_search.engine)
    result = run_search(replace(exact_search, engine=engine, algorithm=RandomPolicy(), environments=4))
    assert engine.count.evaluations == result.cost.evaluations + 2  # one before, one to judge the best circuit
    assert engine.count.gradients == result.cost.gradients


def test_the_first_environment_draws_what_a_single_one_would(noisy_search, use_threads):
    """The first episodes under a policy without chance: halting, SPSA and shots come from each environment's seed."""
    seeds = np.random.SeedSequence(0).generate_state(3).tolist()
    outcomes = []
    for n_environments in (1, 3):
        lockstep = Lockstep(lambda: make_environment(noisy_search), seeds[:n_environments])
        for env in lockstep.environments:
            env.reset()
        which = list(range(n_environments))
        outcomes.append([lockstep.step(which, np.array([action] * n_environments)) for action in (3, 0)])
    alone, together = ([(float(step[0][0][-1]), step[0][1]) for step in steps] for steps in outcomes)
    assert alone == together
    assert len({float(outcome[0][-1]) for outcome in outcomes[1][0]}) == 3  # the others draw otherwise


def test_environments_share_one_curriculum_which_hears_of_them_in_their_order(exact_search):
    """Three episodes end in the same step; the threshold moves at the second of them for all."""
    curriculum = MovingThreshold(0.97, shift_every=12, successes=1)
    configuration = replace(exact_search, curriculum=curriculum, max_gates=1)
    lockstep = Lockstep(lambda: make_environment(configuration), [1, 2, 3])
    heard = []
    shared = lockstep.environments[0].curriculum._shared
    shared.record_energy = heard.append
    for _ in range(4):
        for env in lockstep.environments:
            env.reset()
        energies = [float(o[-1]) for o, _, _ in lockstep.step([0, 1, 2], np.array([2, 3, 4]))]
        assert heard[-3:] == pytest.approx(energies)
    assert shared.episodes == 12
    assert len({env.curriculum.threshold for env in lockstep.environments}) == 1
    assert lockstep.environments[2].curriculum.threshold == shared.threshold != 0.97


def test_finished_episodes_wait_for_the_others(noisy_search):
    configuration = replace(noisy_search, environments=4, algorithm=RandomPolicy(), max_gates=6, episodes=8)
    history = run_search(configuration).history
    lengths = [r["n_cnots"] + r["n_rotations"] for r in history]
    assert len(set(lengths[:4])) > 1


@pytest.mark.parametrize("algorithm", [None, PPO, RandomPolicy()], ids=["ddqn", "ppo", "random"])
@pytest.mark.parametrize("environments", [1, 3])
def test_resuming_after_every_round_gives_the_same_record(
    noisy_search, monkeypatch, tmp_path, file_contents, read_run, algorithm, environments
):
    configuration = replace(noisy_search, environments=environments, episodes=11, remember=0)
    if algorithm is not None:
        configuration = replace(configuration, algorithm=algorithm)
    snapshots, out = [], tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(qvar.search.run_in_progress, "CHECKPOINT_SECONDS", 0.0)
        run_search(configuration, out=out, on_episode=lambda _: snapshots.append(file_contents(out)))
    expected, (arrays, state) = read_run(out), RunFolder.open(out).load_checkpoint()
    for number in (0, 4, 7):
        copy = tmp_path / str(number)
        copy.mkdir()
        for file, content in snapshots[number].items():
            (copy / file).write_bytes(content)
        run_search(configuration, out=copy, resume=True)
        assert read_run(copy) == expected
        final_arrays, final_state = RunFolder.open(copy).load_checkpoint()
        assert final_state["searcher"] == state["searcher"]
        assert all(np.array_equal(final_arrays[name], arrays[name]) for name in arrays)


def test_what_each_environment_remembers_is_saved(exact_search, tmp_path, monkeypatch, file_contents, read_run):
    configuration = replace(exact_search, environments=2, remember=50, curriculum=FixedThreshold(1e-9), episodes=8)
    snapshots, out = [], tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(qvar.search.run_in_progress, "CHECKPOINT_SECONDS", 0.0)
        run_search(configuration, out=out, on_episode=lambda _: snapshots.append(file_contents(out)))
    copy = tmp_path / "copy"
    copy.mkdir()
    for file, content in snapshots[3].items():
        (copy / file).write_bytes(content)
    run_search(configuration, out=copy, resume=True)
    assert read_run(copy) == read_run(out)
    arrays, _ = RunFolder.open(out).load_checkpoint()
    assert len(arrays["remembered.0.keys"]) > 0
    assert len(arrays["remembered.1.keys"]) > 0


def test_a_round_ends_with_the_budget(exact_search):
    result = run_search(replace(exact_search, environments=4, episodes=100, max_energies=500))
    assert len(result.history) % 4 == 0
    assert result.history[-5]["evaluations"] + 3 * result.history[-5]["gradients"] < 500 <= result.cost.energies


def test_maskable_ppo_is_a_search_like_any_other(exact_search, without_seconds, tmp_path):
    configuration = replace(exact_search, algorithm=PPO, episodes=12)
    first, again = run_search(configuration, out=tmp_path / "run"), run_search(configuration)
    assert without_seconds(first.history) == without_seconds(again.history)
    assert {r["epsilon"] for r in first.history} == {None}
    assert any(r["loss"] is not None for r in first.history)
    assert json.loads((tmp_path / "run" / "config.json").read_text())["config"]["algorithm"]["name"] == "MaskablePPO"
    spent = run_search(replace(configuration, episodes=100, max_energies=300))
    assert 300 <= spent.cost.energies < 600


@pytest.mark.parametrize("value", [0, -1])
def test_a_search_needs_an_environment(exact_search, value):
    with pytest.raises(RunError, match=rf"environments must be at least 1, got {value}"):
        replace(exact_search, environments=value)


def test_only_agents_play_several_environments(exact_search):
    from qvar.search import Annealing

    with pytest.raises(RunError, match="only agents play several environments"):
        replace(exact_search, algorithm=Annealing(), environments=2)


def test_a_searcher_plays_no_more_episodes_than_are_left(exact_search):
    searcher = AgentSearcher  # the class is what `make_searcher` builds
    made = []
    original = searcher.play

    def play(self):
        records = original(self)
        made.append(len(records))
        return records

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(searcher, "play", play)
        run_search(replace(exact_search, environments=5))
    assert made == [5, 5, 2]


def test_an_end_in_one_environment_does_not_move_the_reference_of_another_s_episode(exact_search):
    """The best energy so far changes at the first end; the other episode is judged as it was begun."""
    run = replace(exact_search, curriculum=BestSoFar(margin=0.5), max_gates=6, halting=NoHalting())
    lockstep = Lockstep(lambda: make_environment(run), [1, 2])
    first, second = lockstep.environments
    for env in (first, second):
        env.reset()
    reference = second.curriculum.reference
    for place in (2, 3, 4):
        actions = [int(np.flatnonzero(env.action_masks())[k]) for env, k in ((first, place), (second, 0))]
        ((*_, ended), (*_, going_on)) = lockstep.step([0, 1], np.array(actions))
    assert (ended["end_reason"], going_on["end_reason"]) == ("success", None)
    assert second.curriculum.reference < reference - 0.1
    before = going_on["energy"]
    ((_, reward, info),) = lockstep.step([1], np.array([second.action_table.index("rx", (0,))]))
    assert reward > 0.1
    assert reward == pytest.approx((before - info["energy"]) / abs(before - reference))


def test_ppo_is_told_which_gates_its_start_rules_out_at_first(exact_search):
    pytest.importorskip("sb3_contrib")
    start = StartCircuit.basis_state(molecule("h2-2"))
    settings = MaskablePPO(hidden=(8,), rollout_steps=1000)
    run = replace(exact_search, algorithm=settings, start=start, max_gates=start.n_gates + 3, episodes=4)
    tracker = Tracker(episodes=4, budget=None, judge=Judge(), evaluator=make_environment(run).evaluator)
    searcher = make_searcher(run, tracker)
    for _ in range(4):
        searcher.play()
    arrays, _ = searcher.state()
    first = arrays["agent.rollout.masks"][arrays["agent.rollout.starts"]]
    env = make_environment(run)
    env.reset(seed=0)
    assert not env.action_masks().all()
    assert (first == env.action_masks()).all()
