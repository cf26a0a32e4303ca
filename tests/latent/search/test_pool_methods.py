"""Every method spends its budget exactly, never twice on a circuit, and finds more than chance where there is a way."""

from dataclasses import replace

import numpy as np
import pytest

from qvar.latent.search import (
    METHODS,
    BayesianOptimization,
    Candidates,
    Dngo,
    ForestSearch,
    LatentEvolution,
    NeighbourSearch,
    Predictor,
    ProxyFilter,
    RandomSampling,
    Reinforce,
    TableOracle,
    find_methods,
    published_methods,
    search_pool,
)
from qvar.latent.search.published import PUBLISHED_TASKS
from qvar.simulators.errors import LatentError

BUDGET = 150
QUICK = {
    "reinforce": Reinforce(),
    "dngo": Dngo(epochs=30, epochs_after=5),
    "gp-logei": BayesianOptimization("logei", scored=400),
    "gp-probability": BayesianOptimization("probability", scored=400),
    "gp-ucb": BayesianOptimization("ucb", scored=400),
    "gp-trust-region": BayesianOptimization("probability", trust_region=True, scored=400),
    "evolution": LatentEvolution(elites=8),
    "neighbours": NeighbourSearch(),
    "forest": ForestSearch(trees=20),
    "gnn": Predictor("gnn", learning_rate=1e-3),
    "gsqas": Predictor("gsqas", learning_rate=1e-3),
}
ALL = {"random": RandomSampling(), **QUICK}


def run(method, landscape, *, seed=1, budget=BUDGET, candidates=None):
    chosen = landscape.candidates if candidates is None else candidates
    oracle = TableOracle(landscape.rewards)
    return search_pool(method, chosen, oracle, threshold=landscape.threshold, budget=budget, seed=seed)


@pytest.mark.parametrize("name", QUICK)
def test_a_smooth_landscape_is_searched_better_than_by_chance(name, landscape):
    found = [landscape.hits(run(QUICK[name], landscape, seed=seed)) for seed in (1, 2)]
    chance = [landscape.hits(run(RandomSampling(), landscape, seed=seed)) for seed in (1, 2)]
    assert sum(found) > 2 * sum(chance)


@pytest.mark.parametrize("name", ["reinforce", "neighbours", "forest", "evolution", "gsqas", "gp-probability"])
def test_features_that_say_nothing_lead_to_nothing_more_than_chance(name, landscape):
    found = sum(landscape.hits(run(QUICK[name], landscape, seed=s, candidates=landscape.shuffled())) for s in (1, 2))
    expected = 2 * BUDGET * (landscape.rewards >= landscape.threshold).mean()
    assert found < expected + 4 * np.sqrt(expected)


@pytest.mark.parametrize("name", ALL)
def test_the_budget_is_spent_exactly_and_no_circuit_is_evaluated_twice(name, landscape):
    record = run(ALL[name], landscape, budget=83)
    assert len(record.indices) == len(record.rewards) == len(np.unique(record.indices)) == 83
    assert np.array_equal(record.rewards, landscape.rewards[record.indices])


@pytest.mark.parametrize("name", ALL)
def test_the_same_seed_gives_the_same_record_and_another_seed_another(name, landscape):
    first, again, other = (run(ALL[name], landscape, seed=seed, budget=70) for seed in (3, 3, 4))
    assert np.array_equal(first.indices, again.indices)
    assert first.remarks == again.remarks
    assert not np.array_equal(first.indices, other.indices)


@pytest.mark.parametrize("name", ALL)
def test_a_whole_pool_can_be_searched_to_the_last_circuit(name):
    rng = np.random.default_rng(0)
    candidates, rewards = Candidates(rng.normal(size=(60, 3))), rng.random(60)
    record = search_pool(ALL[name], candidates, TableOracle(rewards), threshold=0.9, budget=60, seed=1)
    assert np.array_equal(np.sort(record.indices), np.arange(60))


def test_the_summit_is_found_by_expected_improvement(landscape):
    assert landscape.summit in run(QUICK["gp-logei"], landscape).indices


def test_joint_improvement_runs_and_beats_chance(landscape):
    method = BayesianOptimization("qlogei", scored=200)
    assert landscape.hits(run(method, landscape, budget=60)) > landscape.hits(
        run(RandomSampling(), landscape, budget=60)
    )


def test_constant_rewards_and_constant_features_stop_no_method():
    features = np.zeros((200, 3))
    features[:, 0] = np.arange(200)
    for method in ALL.values():
        record = search_pool(
            method, Candidates(features), TableOracle(np.full(200, 0.5)), threshold=0.9, budget=60, seed=0
        )
        assert len(record.rewards) == 60


def test_labels_count_as_evaluations(landscape):
    record = run(Predictor("gsqas", labels=100), landscape, budget=130)
    assert record.remarks["labels"] == 100
    assert len(record.rewards) == 130
    assert -1 <= record.remarks["correlation"] <= 1


def test_a_predictor_draws_at_random_from_what_passes(landscape):
    everything = run(Predictor("gsqas", labels=50, passes=0.0), landscape)
    assert everything.remarks["passed"] == len(landscape.rewards) - 50
    nothing = run(Predictor("gsqas", labels=50, passes=1.1), landscape)
    assert nothing.remarks["passed"] == 0
    assert len(nothing.rewards) == BUDGET


def test_published_reinforce_sees_squared_rewards_below_the_threshold_where_the_source_says_so():
    assert PUBLISHED_TASKS["maxcut-8"].reinforce().penalty
    assert not PUBLISHED_TASKS["maxcut-4"].reinforce().penalty
    assert PUBLISHED_TASKS["maxcut-4"].dngo().penalty


def test_a_target_by_its_full_name_and_a_noisy_task_have_the_published_settings():
    for name in ("fidelity-8-a", "fidelity-8-e", "fidelity-8@ourense"):
        assert published_methods(name) == published_methods("fidelity-8") != published_methods("fidelity-4")
    assert published_methods("fidelity-4-c")["gnn-published"].passes == 0.5
    assert published_methods("ghz-4")["gnn-published"].passes is None


def test_a_predictor_whose_labels_spend_the_budget_is_refused(landscape):
    with pytest.raises(LatentError, match="needs a budget beyond that, got 150"):
        run(Predictor(labels=150), landscape)


def test_joint_improvement_chooses_among_circuits_with_equal_features():
    corners = np.repeat(np.random.default_rng(0).normal(size=(15, 2)), 4, axis=0).astype(np.float32)
    rewards = np.exp(-(corners**2).sum(axis=1)).astype(float)
    method = BayesianOptimization("qlogei", initial=8)
    oracle = TableOracle(rewards)
    record = search_pool(method, Candidates(corners), oracle, threshold=0.9, budget=40, seed=1)
    assert len(np.unique(record.indices)) == 40


def test_reinforce_has_the_unit_width_of_the_source_unless_asked_otherwise(landscape):
    for method in (Reinforce(), *(each.reinforce() for each in PUBLISHED_TASKS.values())):
        assert not method.learns_width
        assert not method.normalizes
    assert set(run(Reinforce(), landscape, budget=60).remarks["width"]) == {1.0}
    assert len(set(run(METHODS["reinforce-width"], landscape, budget=60).remarks["width"])) > 1


def test_published_dngo_has_both_defects_and_ours_has_none():
    reference = Dngo.reference()
    assert reference.variance_as_deviation
    assert reference.target == 0.9
    assert not Dngo().variance_as_deviation
    assert Dngo().target is None


def test_the_defects_of_dngo_change_what_it_does(landscape):
    cheap = Dngo(epochs=5, epochs_after=5)
    base = run(cheap, landscape, budget=60)
    for defect in ({"variance_as_deviation": True}, {"target": 0.2}):
        assert not np.array_equal(base.indices, run(replace(cheap, **defect), landscape, budget=60).indices)


def test_dngo_over_the_whole_pool_spends_its_budget_though_the_best_are_visited(landscape):
    method = replace(Dngo.reference(), epochs=1, initial=10)
    assert len(np.unique(run(method, landscape, budget=60).indices)) == 60


def test_proxies_order_the_pool_without_any_reward(landscape):
    paths = np.arange(len(landscape.rewards)) % 100
    candidates = Candidates(landscape.features, {"paths": paths, "expressibility": landscape.rewards})
    record = run(ProxyFilter(share=0.5), landscape, candidates=candidates)
    assert (paths[record.indices] >= 50).all()
    assert (np.diff(record.rewards) <= 0).all()


def test_a_missing_proxy_is_named(landscape):
    with pytest.raises(LatentError, match="no proxy 'paths'"):
        run(ProxyFilter(), landscape)


def test_the_line_up_is_complete_and_unknown_names_are_refused():
    assert set(find_methods(["random", "reinforce-published"], task="h2-4")) == {"random", "reinforce-published"}
    assert {*published_methods("h2-4"), *METHODS} >= {"dngo-published", "gp-qlogei", "proxies"}
    with pytest.raises(LatentError, match="unknown method"):
        find_methods(["magic"])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Reinforce(batches=(8,)),
        lambda: BayesianOptimization("magic"),
        lambda: BayesianOptimization(initial=1),
        lambda: Dngo(initial=1),
        lambda: Predictor("magic"),
        lambda: Predictor(labels=1),
        lambda: ProxyFilter(share=0),
        lambda: Candidates(np.zeros((0, 3))),
        lambda: Candidates(np.full((3, 2), np.nan)),
        lambda: Candidates(np.zeros((3, 2)), {"paths": np.zeros(2)}),
        lambda: TableOracle([np.nan]),
        lambda: LatentEvolution(initial=0),
        lambda: LatentEvolution(generation=0),
        lambda: ForestSearch(initial=0),
        lambda: NeighbourSearch(initial=0),
        lambda: BayesianOptimization(batch=0),
        lambda: Predictor(batch=0),
        lambda: Dngo(scored=0),
    ],
)
def test_settings_that_make_no_sense_are_refused(make):
    with pytest.raises(LatentError):
        make()


def test_a_budget_beyond_the_pool_is_refused(landscape):
    with pytest.raises(LatentError, match="exceeds"):
        run(RandomSampling(), landscape, budget=10**6)


class Repeating(RandomSampling):
    """Proposes the same circuit again and again."""

    def start(self, assignment):
        searcher = super().start(assignment)
        searcher.propose = lambda most: np.array([0])
        return searcher


def test_a_method_that_breaks_its_contract_is_caught(landscape):
    with pytest.raises(LatentError, match="broke its contract"):
        run(Repeating(), landscape)
