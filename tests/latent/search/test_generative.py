"""Methods that make circuits: budgets, counts of draws, and more than chance on a task whose optimum is known."""

import numpy as np
import pytest

from qvar.latent.canonical import is_in_space, keys
from qvar.latent.search import (
    GENERATIVE_METHODS,
    CircuitEvolution,
    GuidedSearch,
    LatentCrossEntropy,
    LatentGradient,
    LatentPerturbation,
    LatentPrior,
    RandomCircuits,
    Study,
    TaskOracle,
    load_study,
    run_generative_study,
    search_generative,
)
from qvar.latent.space import CircuitSpace
from qvar.latent.tasks import find_latent_task
from qvar.simulators.errors import LatentError

SPACE = CircuitSpace(3, 6, 4, ("x", "h", "rx", "cx"))
TARGET = 3  # the gate to have everywhere
BUDGET = 120


class OneHotCodec:
    """A latent model that needs no training: gate and place of every slot as noisy one-hot vectors."""

    latent_size = 16

    def __init__(self):
        self._places = [
            (gate, *place) for gate, name in enumerate(SPACE.gates) for place in SPACE.placements(name).tolist()
        ]
        self._axes = np.random.default_rng(0).normal(size=(len(self._places), 16)).astype(np.float32)

    def encode(self, structures):
        number = {place: k for k, place in enumerate(self._places)}
        rows = np.array([[number[tuple(row)] for row in one] for one in structures.tolist()], dtype=np.intp)
        rows = rows.reshape(structures.shape[:2])
        inner = self._axes[rows]
        ends = np.zeros((len(inner), 1, 16), dtype=np.float32)
        mu = np.concatenate([ends, inner, ends], axis=1)
        return mu, np.full_like(mu, -3.0)

    def embed(self, structures):
        return self.encode(structures)[0].mean(axis=1)

    def decode(self, z):
        squares = ((z[:, 1:-1, None, :] - self._axes) ** 2).sum(axis=-1)
        structures = np.array(self._places, dtype=np.int8)[squares.argmin(axis=-1)]
        return structures, is_in_space(SPACE, structures)

    def scale(self):
        return self._axes.mean(axis=0), self._axes.std(axis=0)


class CountOracle:
    """The share of gates that are the target gate; every circuit may be asked for once."""

    def __init__(self):
        self.asked = []

    def rewards(self, structures):
        self.asked += keys(SPACE, structures).tolist()
        return self.ideal_rewards(structures)

    def ideal_rewards(self, structures):
        return (structures[..., 0] == TARGET).mean(axis=1)

    def to_dict(self):
        return {"target": TARGET}


def run(name, seed=1, budget=BUDGET, oracle=None):
    chosen = CountOracle() if oracle is None else oracle
    return search_generative(
        GENERATIVE_METHODS[name], SPACE, OneHotCodec(), chosen, threshold=0.8, budget=budget, seed=seed
    )


@pytest.mark.parametrize("name", GENERATIVE_METHODS)
def test_the_budget_is_spent_exactly_on_different_circuits_of_the_space(name):
    oracle = CountOracle()
    record = run(name, oracle=oracle)
    assert record.structures.shape == (BUDGET, 6, 3)
    assert len(oracle.asked) == len(set(oracle.asked)) == BUDGET
    assert is_in_space(SPACE, record.structures).all()
    counts = record.remarks
    used = BUDGET - counts["replaced"]
    assert counts["draws"] == counts["invalid"] + counts["known"] + counts["unused"] + used


LEARNERS = [name for name in GENERATIVE_METHODS if name not in ("random", "prior", "cross-entropy")]
"""One Gaussian cannot hold codes as far apart as these, so that the cross-entropy method learns nothing here."""


@pytest.mark.parametrize("name", LEARNERS)
def test_a_simple_task_is_done_better_than_by_random_circuits(name):
    own, chance = (np.mean([run(each, seed).rewards[60:].mean() for seed in (1, 2)]) for each in (name, "random"))
    assert own > chance + 0.1


@pytest.mark.parametrize("name", ["random", "mutation", "perturbation", "gradient", "guided-logei"])
def test_the_same_seed_gives_the_same_record_and_another_seed_another(name):
    first, again, other = (run(name, seed, 50) for seed in (5, 5, 6))
    assert np.array_equal(first.structures, again.structures)
    assert first.remarks == again.remarks
    assert not np.array_equal(first.structures, other.structures)


class BrokenCodec(OneHotCodec):
    def decode(self, z):
        return np.full((len(z), 6, 3), 99, dtype=np.int8), np.zeros(len(z), dtype=bool)


def test_a_decoder_that_gives_nothing_is_replaced_by_random_circuits():
    record = search_generative(
        GENERATIVE_METHODS["prior"], SPACE, BrokenCodec(), CountOracle(), threshold=0.8, budget=5, seed=1
    )
    assert record.remarks["replaced"] == 5
    assert record.remarks["invalid"] == record.remarks["draws"] == 5 * 20 * 200


def test_a_generative_study_goes_on_from_its_files(tmp_path):
    names = ("random", "mutation", "perturbation")
    study = Study({name: GENERATIVE_METHODS[name] for name in names}, 0.8, budget=40, seeds=(1, 2))
    result = run_generative_study(study, SPACE, OneHotCodec(), CountOracle(), out=tmp_path / "s", jobs=1)
    again = load_study(tmp_path / "s")
    for name in names:
        for one, other in zip(result.runs[name], again.runs[name], strict=True):
            assert np.array_equal(one.structures, other.structures)
            assert one.remarks == other.remarks
    assert "of the pool" not in again.table()
    assert again.figures("mutation").regret is None
    assert again.curves("mutation", "best")[1][-1] == pytest.approx(again.figures("mutation").best.mean)


def test_a_task_is_an_oracle_that_remembers():
    task = find_latent_task("h2-4")
    oracle = TaskOracle(task, task.space, seed=0)
    record = search_generative(
        GENERATIVE_METHODS["random"], task.space, OneHotCodec(), oracle, threshold=task.threshold, budget=5, seed=1
    )
    assert np.array_equal(oracle.rewards(record.structures), record.rewards)
    assert ((record.rewards >= 0) & (record.rewards <= 1)).all()
    assert oracle.to_dict()["seed"] == 0


class NothingNew:
    """A method whose draws are never circuits."""

    needs_torch = False
    batch = 10

    def start(self, task):
        return self

    def draw(self):
        return np.zeros((1, 1, 3), dtype=np.int8), np.zeros(1, dtype=bool)

    def tell(self, structures, rewards, rows):
        pass

    def heed(self, invalid, known):
        pass


class Worthless:
    def rewards(self, structures):
        return np.zeros(len(structures))

    ideal_rewards = rewards


def test_a_space_without_a_circuit_left_ends_a_search_with_a_message():
    space = CircuitSpace(1, 1, 1, ("x", "h"))
    found = search_generative(NothingNew(), space, OneHotCodec(), Worthless(), threshold=1, budget=2, seed=1)
    assert sorted(found.structures[:, 0, 0].tolist()) == [0, 1]
    with pytest.raises(LatentError, match="after 2 evaluations 300 random circuits in a row"):
        search_generative(NothingNew(), space, OneHotCodec(), Worthless(), threshold=1, budget=3, seed=1)


@pytest.mark.parametrize(
    ("method", "wrong"),
    [
        (RandomCircuits, {"batch": 0}),
        (CircuitEvolution, {"elites": 0}),
        (CircuitEvolution, {"mutations": -1}),
        (LatentPrior, {"draws": 0}),
        (LatentPerturbation, {"initial": 0}),
        (LatentCrossEntropy, {"floor": 0}),
        (LatentGradient, {"width": 0}),
        (GuidedSearch, {"source": "mutations"}),
        (GuidedSearch, {"model": "trees"}),
        (GuidedSearch, {"features": "counts"}),
        (GuidedSearch, {"acquisition": "ucb"}),
        (GuidedSearch, {"proposals": 4}),
    ],
)
def test_settings_that_make_no_sense_are_refused(method, wrong):
    with pytest.raises(LatentError, match=next(iter(wrong))):
        method(**wrong)
