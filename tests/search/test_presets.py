"""Presets: the published settings under their names, and our own."""

from dataclasses import replace

import pytest

from qvar.agents import DoubleDQN, RandomPolicy
from qvar.envs import BestSoFar, ModeHalting, NegativeBinomialHalting, NoHalting, paper_curriculum
from qvar.optimizers import AdamSPSA, Cobyla, CompactLBFGS
from qvar.problems import Problem, molecule, tasks
from qvar.search import EXPERIMENTS, PRESETS, Annealing, Evolution, Greedy, configure, run_search
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
    assert configuration.halting == ModeHalting()
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
    assert configuration.halting == (ModeHalting() if engine is MUMBAI else NoHalting())
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
    assert configuration.halting == ModeHalting()
    assert configuration.algorithm == DoubleDQN.paper(width=1000, learning_rate=3e-4, n_step=5)
    assert configuration.shots is None


@pytest.mark.parametrize(
    ("task", "engine", "shots"),
    [("lih-6", MUMBAI, None), ("h2o-8", IDEAL, 100), ("h2-4", IDEAL, 100), ("h2-4", MUMBAI, 100)],
)
def test_an_experiment_the_paper_does_not_have_is_refused_naming_those_it_has(task, engine, shots):
    with pytest.raises(RunError, match=f"no experiment {task} .*it has h2-2 noiseless.*qvar"):
        configure("crlqas", molecule(task), engine, shots=shots)


@pytest.mark.parametrize("preset", ["qvar", "crlqas"])
def test_shots_call_for_an_optimizer_that_bears_them(preset):
    for engine in (IDEAL, MUMBAI):
        configuration = configure(preset, molecule("h2-2"), engine, shots=1000)
        assert configuration.shots == 1000
        assert isinstance(configuration.optimizer, AdamSPSA)


# Patel et al., arXiv 2402.03500, and its released code: preset, task, device, episodes, COBYLA or shots, threshold.
VARIANTS = [
    ("crlqas-halting", "lih-4", None, 30_000, 1000, 2.45),
    ("crlqas-halting", "lih-6", None, 40_000, 1000, 2.90),
    ("crlqas-exact", "lih-6", None, 50_000, 1000, 5e-3),
    ("crlqas-exact-halting", "lih-6", None, 50_000, 1000, 5e-3),
    ("crlqas-no-halting", "h2-4", "ourense", 15_000, 1000, 1.0160872),
]


@pytest.mark.parametrize(("preset", "task", "device", "episodes", "evaluations", "threshold"), VARIANTS)
def test_published_variants_have_presets_of_their_own(preset, task, device, episodes, evaluations, threshold):
    engine = IDEAL if device is None else PauliTransferSimulator(NoiseModel.named(device))
    configuration = configure(preset, molecule(task), engine)
    assert (configuration.episodes, configuration.optimizer) == (episodes, Cobyla(evaluations))
    assert configuration.curriculum.initial_threshold == threshold
    assert configuration.curriculum.reference == ("exact" if "exact" in preset else "lower_bound")
    halts = preset.endswith("-halting") and "no-" not in preset
    assert configuration.halting == (NegativeBinomialHalting() if halts else NoHalting())


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: f"{e.preset} {e.task} {e.noise} {e.shots}")
def test_every_experiment_is_found_by_its_preset_task_noise_and_shots(experiment):
    engine = IDEAL if experiment.noise is None else PauliTransferSimulator(NoiseModel.named(experiment.noise))
    configuration = configure(experiment.preset, molecule(experiment.task), engine, shots=experiment.shots)
    assert configuration.algorithm == experiment.algorithm
    assert configuration.optimizer == experiment.optimizer
    assert configuration.curriculum == experiment.curriculum
    assert (configuration.shots, configuration.halting) == (experiment.shots, experiment.halting)
    assert experiment.preset in PRESETS


def test_the_experiments_are_those_of_the_paper_and_one_more():
    rows = [(e.preset, e.task, e.noise, e.shots) for e in EXPERIMENTS]
    assert len(set(rows)) == len(rows) == 26
    assert [e.task for e in EXPERIMENTS if not e.is_published] == ["h2o-8"]
    assert sum(e.noise is not None for e in EXPERIMENTS) == 11


def test_lithium_hydride_tightens_its_threshold_sooner_under_two_qubit_noise():
    switches = {e.noise: e.curriculum.switch for e in EXPERIMENTS if e.task == "lih-4" and e.noise is not None}
    assert switches == {"mumbai-median": 4.0, "depolarizing-1q": 4.0, "depolarizing-1q-2q": 2.45}


def test_water_in_angstrom_takes_the_row_of_water_in_bohr_and_a_threshold_of_its_own():
    bohr, angstrom = (configure("crlqas", molecule(task), IDEAL) for task in ("h2o-8-bohr", "h2o-8"))
    assert replace(angstrom, problem=bohr.problem, curriculum=bohr.curriculum) == bohr
    assert angstrom.curriculum == paper_curriculum("h2o-8") != bohr.curriculum


def test_a_device_that_the_paper_does_not_have_takes_the_noisy_row_of_its_task():
    other = PauliTransferSimulator(NoiseModel.from_numbers(p1=1e-3, p2=1e-2))
    configuration = configure("crlqas", molecule("lih-4"), other)
    assert configuration.algorithm == DoubleDQN.paper(width=1000, learning_rate=3e-4, n_step=5)
    assert (configuration.shots, configuration.halting) == (10**7, ModeHalting())


@pytest.mark.parametrize("task", tasks())
@pytest.mark.parametrize("algorithm", [None, Evolution(), Greedy(), DoubleDQN(), RandomPolicy()])
def test_the_preset_qvar_gives_every_algorithm_gradients_and_the_same_budget(task, algorithm):
    problem = molecule(task)
    configuration = configure("qvar", problem, MUMBAI, algorithm=algorithm)
    assert configuration.algorithm == (Annealing() if algorithm is None else algorithm)
    assert isinstance(configuration.optimizer, CompactLBFGS)
    assert (configuration.episodes, configuration.max_energies) == (None, 500_000)
    assert configuration.max_gates <= 10 * max(problem.n_qubits, 2)
    assert configuration.curriculum == BestSoFar()
    assert (configuration.problem, configuration.engine) == (problem, MUMBAI)


def test_the_preset_qvar_serves_any_problem():
    field = Problem.from_observable(Observable.from_terms({"Z": 1.0, "X": 0.5}), key="field", unit="1")
    configuration = configure("qvar", field, IDEAL)
    small = DoubleDQN(hidden=(4,))
    result = run_search(replace(configuration, episodes=2, max_gates=3, algorithm=small))
    assert result.error < 1e-3


def test_an_unknown_preset_is_refused_naming_the_known_ones():
    with pytest.raises(RunError, match="unknown preset 'fast'; known are qvar, crlqas, crlqas-halting, "):
        configure("fast", molecule("h2-2"), IDEAL)
