"""Presets: the published settings under their name, and one that suits a laptop."""

from dataclasses import replace

import pytest

from qvar.agents import DoubleDQN, RandomPolicy
from qvar.envs import BestSoFar, NegativeBinomialHalting, NoHalting, paper_curriculum
from qvar.optimizers import LBFGS, AdamSPSA, Cobyla
from qvar.problems import Problem, molecule, tasks
from qvar.search import PRESETS, configure, run_search
from qvar.simulators import NoiseModel, Observable, PauliTransferSimulator, StatevectorSimulator
from qvar.simulators.errors import RunError
from qvar.simulators.measurement.plan import MeasurementPlan

IDEAL = StatevectorSimulator()
MUMBAI = PauliTransferSimulator(NoiseModel.named("mumbai-median"))


# Patel et al., arXiv 2402.03500: task, episodes, gates, width, learning rate, n, evaluations of COBYLA.
@pytest.mark.parametrize(
    ("task", "episodes", "max_gates", "width", "learning_rate", "n_step", "evaluations"),
    [
        ("h2-2", 10_000, 40, 1000, 1e-4, 1, 100),
        ("h2-3", 15_000, 40, 1000, 1e-4, 1, 100),
        ("h2-4", 20_000, 40, 1000, 1e-4, 1, 1000),
        ("lih-4", 30_000, 40, 1000, 3e-4, 5, 1000),
        ("lih-6", 40_000, 70, 2000, 1e-4, 6, 1000),
        ("h2o-8-bohr", 50_000, 250, 5000, 1e-4, 6, 1000),
    ],
)
def test_the_published_noiseless_settings(task, episodes, max_gates, width, learning_rate, n_step, evaluations):
    configuration = configure("crlqas", molecule(task), IDEAL)
    assert (configuration.episodes, configuration.max_gates) == (episodes, max_gates)
    assert configuration.optimizer == Cobyla(evaluations)
    assert configuration.curriculum == paper_curriculum(task)
    assert configuration.algorithm == DoubleDQN.paper(width=width, learning_rate=learning_rate, n_step=n_step)
    assert configuration.halting == NoHalting()
    assert configuration.shots is None


# Task, device, episodes, shots, evaluations, first and last constant of Adam-SPSA.
@pytest.mark.parametrize(
    ("task", "episodes", "shots", "evaluations", "a", "beta2"),
    [("h2-2", 10_000, 1000, 500, 1.2104, 0.9983), ("h2-3", 15_000, 10_000, 500, 0.5188, 0.6265)],
)
def test_the_published_noisy_settings_with_shots(task, episodes, shots, evaluations, a, beta2):
    configuration = configure("crlqas", molecule(task), MUMBAI)
    assert (configuration.episodes, configuration.shots) == (episodes, shots)
    spsa = configuration.optimizer
    assert (spsa.max_evaluations, spsa.a, spsa.beta2) == (evaluations, a, beta2)
    assert configuration.halting == NegativeBinomialHalting()
    assert configure("crlqas", molecule(task), MUMBAI, shots=7).shots == 7


# Task, engine, shots asked for, episodes, gates, width, learning rate, n, evaluations per stage, shots of the last.
@pytest.mark.parametrize(
    ("task", "engine", "asked", "episodes", "max_gates", "width", "learning_rate", "n_step", "budgets", "shots"),
    [
        ("lih-4", MUMBAI, None, 15_000, 40, 1000, 3e-4, 5, (1191, 357, 119), 10**7),
        ("lih-4", IDEAL, 10**7, 15_000, 40, 1000, 3e-4, 5, (1191, 357, 119), 10**7),
        ("lih-4", IDEAL, 10**5, 15_000, 40, 1000, 3e-4, 5, (1191, 357, 119), 10**5),
        ("lih-6", IDEAL, 10**9, 40_000, 70, 2000, 1e-4, 6, (1430, 429, 143), 10**9),
    ],
)
def test_the_published_settings_with_three_stages(
    task, engine, asked, episodes, max_gates, width, learning_rate, n_step, budgets, shots
):
    configuration = configure("crlqas", molecule(task), engine, shots=asked)
    assert (configuration.episodes, configuration.max_gates, configuration.shots) == (episodes, max_gates, shots)
    assert configuration.algorithm == DoubleDQN.paper(width=width, learning_rate=learning_rate, n_step=n_step)
    assert configuration.halting == (NegativeBinomialHalting() if engine is MUMBAI else NoHalting())
    stages = tuple(zip(budgets, (shots // 100, shots // 10, shots), strict=True))
    assert configuration.optimizer == replace(AdamSPSA.published(task), stages=stages)


def test_a_search_with_three_stages_spends_the_shots_of_each_and_those_of_the_fresh_energy():
    base = configure("crlqas", molecule("lih-4"), MUMBAI, shots=1000)
    spsa = replace(base.optimizer, stages=((6, 10), (4, 100), (2, 1000)))
    run = replace(base, algorithm=RandomPolicy(), optimizer=spsa, episodes=1, max_gates=3, evaluate_every=None)
    cost = run_search(run).cost
    groups = MeasurementPlan.of(molecule("lih-4").observable).n_groups
    fresh = 1 + cost.steps  # at reset and after every gate
    optimized, rest = divmod(cost.evaluations - fresh, 6 + 4 + 2 + 1)
    assert (optimized >= 1, rest) == (True, 0)
    assert cost.shots == groups * (optimized * (6 * 10 + 4 * 100 + 2 * 1000 + 1000) + fresh * 1000)


def test_the_published_noisy_settings_halt_at_random_and_learn_from_five_steps():
    configuration = configure("crlqas", molecule("h2-4"), PauliTransferSimulator(NoiseModel.named("ourense")))
    assert (configuration.episodes, configuration.max_gates) == (15_000, 40)
    assert configuration.optimizer == Cobyla(100)
    assert configuration.halting == NegativeBinomialHalting()
    assert configuration.algorithm == DoubleDQN.paper(width=1000, learning_rate=3e-4, n_step=5)
    assert configuration.shots is None


@pytest.mark.parametrize(
    ("task", "engine", "shots"),
    [("lih-6", MUMBAI, None), ("h2o-8", IDEAL, None), ("h2-4", IDEAL, 100), ("h2-4", MUMBAI, 100)],
)
def test_an_experiment_the_paper_does_not_have_is_refused_naming_those_it_has(task, engine, shots):
    with pytest.raises(RunError, match=f"no experiment {task} .*it has h2-2 noiseless.*laptop"):
        configure("crlqas", molecule(task), engine, shots=shots)


@pytest.mark.parametrize("preset", PRESETS)
def test_shots_call_for_an_optimizer_that_bears_them(preset):
    for engine in (IDEAL, MUMBAI):
        configuration = configure(preset, molecule("h2-2"), engine, shots=1000)
        assert configuration.shots == 1000
        assert isinstance(configuration.optimizer, AdamSPSA)


@pytest.mark.parametrize("task", tasks())
def test_the_laptop_preset_uses_gradients_short_circuits_and_a_small_network(task):
    problem = molecule(task)
    configuration = configure("laptop", problem, MUMBAI)
    assert isinstance(configuration.optimizer, LBFGS)
    assert configuration.max_gates <= 6 * max(problem.n_qubits, 2)
    assert configuration.episodes <= 1000
    assert max(configuration.algorithm.hidden) <= 256
    assert configuration.curriculum == BestSoFar()
    assert (configuration.problem, configuration.engine) == (problem, MUMBAI)


def test_the_laptop_preset_serves_any_problem():
    field = Problem.from_observable(Observable.from_terms({"Z": 1.0, "X": 0.5}), key="field", unit="1")
    configuration = configure("laptop", field, IDEAL)
    small = DoubleDQN(hidden=(4,))
    result = run_search(replace(configuration, episodes=2, max_gates=3, algorithm=small))
    assert result.error < 1e-3


def test_an_unknown_preset_is_refused_naming_the_known_ones():
    with pytest.raises(RunError, match="unknown preset 'fast'; known are laptop, crlqas"):
        configure("fast", molecule("h2-2"), IDEAL)
