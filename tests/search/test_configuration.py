"""A configuration is complete: what JSON holds of it rebuilds the same search."""

import json
from dataclasses import replace

import numpy as np
import pytest

from qvar.agents import DoubleDQN, MaskablePPO, RandomPolicy
from qvar.envs import (
    BestSoFar,
    BinomialHalting,
    FixedNegativeBinomialHalting,
    FixedThreshold,
    GateCostReward,
    ModeHalting,
    MovingThreshold,
    NegativeBinomialHalting,
    NoHalting,
    PaperReward,
    StartCircuit,
)
from qvar.optimizers import AQGD, LBFGS, SPSA, Adam, AdamSPSA, Cobyla, Rotosolve
from qvar.problems import Problem, molecule, tasks
from qvar.runs import config_hash
from qvar.search import SearchConfiguration, configure, run_search
from qvar.search.configuration import _engine_from_dict, _engine_to_dict
from qvar.simulators import (
    AerOptions,
    AerSimulator,
    Circuit,
    NoiseModel,
    Observable,
    Operation,
    PauliTransferSimulator,
    StatevectorSimulator,
)
from qvar.simulators.errors import ArchitectureError, EngineError, NoiseModelError, RunError

NOISE = NoiseModel.from_numbers(p1=1e-3, p2=5e-3, readout=0.02)
CIRCUIT = Circuit(
    2, (Operation("rx", (0,), (0.3,)), Operation("ry", (1,), (2.1,)), Operation("cx", (0, 1)), Operation("cx", (1, 0)))
)


def rebuilt(configuration):
    return SearchConfiguration.from_dict(json.loads(json.dumps(configuration.to_dict(), allow_nan=False)))


def settings(configuration):
    """Everything but the engine, which holds caches and a noise model that compares by identity."""
    return replace(configuration, engine=StatevectorSimulator())


@pytest.mark.parametrize(
    "changes",
    [
        {"algorithm": DoubleDQN(hidden=(3, 4, 5), gamma=0.7, bootstrap_halted=True, threads=2)},
        {"algorithm": RandomPolicy()},
        {"optimizer": LBFGS(max_iterations=7, displacement=0.0)},
        {"optimizer": AdamSPSA(max_evaluations=40, a=0.5, final_evaluations=3)},
        {"optimizer": AdamSPSA(stages=((40, 10), (20, None)))},
        {"optimizer": AdamSPSA.published("lih-4")},
        {"optimizer": SPSA(max_evaluations=80, a=0.5)},
        {"optimizer": SPSA()},
        {"optimizer": Adam(max_iterations=9, learning_rate=0.05)},
        {"optimizer": AQGD(max_iterations=(5, 6), eta=(1.0, 0.5), momentum=0.1)},
        {"optimizer": Rotosolve(max_sweeps=3)},
        {"optimizer": Cobyla(max_evaluations=33, tolerance=1e-5)},
        {"curriculum": FixedThreshold(2e-3, reference="lower_bound")},
        {"curriculum": BestSoFar(2e-3, improvement=0.0)},
        {"algorithm": MaskablePPO(hidden=(3, 4), gamma=0.7)},
        {"environments": 3},
        {"replay_from": "0123"},
        {"curriculum": MovingThreshold(0.5, switch=2.0, patience=30, kappa=0, reference="exact")},
        {"halting": NegativeBinomialHalting(p=0.4, floor=0.5)},
        {"halting": NoHalting()},
        {"halting": FixedNegativeBinomialHalting(successes=50, longest=60)},
        {"halting": ModeHalting(draws=7)},
        {"halting": BinomialHalting(0.6)},
        {"reward": GateCostReward(cnot=0.2, rotation=0.1, success_reward=4.0)},
        {"reward": PaperReward(failure_reward=-3.0)},
        {"start": StartCircuit.basis_state(molecule("h2-2")), "optimize_every": 3},
        {"start": replace(StartCircuit.basis_state(molecule("h2-2")), evaluations=5, gradients=7)},
        {"shots": 17, "evaluate_every": None, "episodes": 1, "max_gates": 1, "seed": 2**40},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_every_strategy_and_number_comes_back_from_json(exact_search, changes):
    configuration = replace(exact_search, **changes)
    assert settings(rebuilt(configuration)) == settings(configuration)
    assert config_hash(rebuilt(configuration).to_dict()) == config_hash(configuration.to_dict())
    assert config_hash(configuration.to_dict()) != config_hash(exact_search.to_dict()) or configuration == exact_search


@pytest.mark.parametrize(("preset", "task"), [(p, t) for p in ("qvar", "crlqas") for t in tasks()])
def test_presets_of_all_tasks_come_back_from_json(preset, task):
    configuration = configure(preset, molecule(task), StatevectorSimulator())
    assert settings(rebuilt(configuration)) == settings(configuration)


def test_a_problem_of_one_s_own_comes_back_with_its_recipe(exact_search):
    problem = Problem.from_observable(
        Observable.from_terms({"ZZ": -1.0, "XI": 1 / 3}), key="mine", unit="J", metadata={"field": [1, 2]}
    )
    configuration = replace(exact_search, problem=problem)
    assert rebuilt(configuration).problem == problem


@pytest.mark.parametrize(
    "engine",
    [
        StatevectorSimulator(),
        PauliTransferSimulator(),
        PauliTransferSimulator(NOISE),
        PauliTransferSimulator(NoiseModel.named("ourense")),
        AerSimulator(),
        AerSimulator(NOISE),
        AerSimulator(method="statevector"),
        AerSimulator(method="matrix_product_state"),
    ],
    ids=lambda engine: f"{engine.name}, {engine.noise.name if engine.noise else 'no noise'}",
)
def test_engines_come_back_with_their_noise(exact_search, engine):
    back = rebuilt(replace(exact_search, engine=engine)).engine
    assert (type(back), back.name) == (type(engine), engine.name)
    assert (None if back.noise is None else back.noise.key()) == (None if engine.noise is None else engine.noise.key())
    observable = exact_search.problem.observable
    energies = [e.objective(CIRCUIT, observable)([]) for e in (engine, back)]
    assert energies[0] == pytest.approx(energies[1], abs=1e-12)


def test_the_noise_of_a_fake_backend_comes_back(exact_search):
    noise = NoiseModel.named("fake:FakeManilaV2", qubits=[3, 2])
    engine = PauliTransferSimulator(noise)
    back = rebuilt(replace(exact_search, engine=engine)).engine
    assert back.noise.key() == noise.key()
    assert back.noise.coupling_map == noise.coupling_map
    assert back.noise.readout_error(0) != back.noise.readout_error(1)
    energies = [e.objective(CIRCUIT, exact_search.problem.observable)([]) for e in (engine, back)]
    assert energies[0] == energies[1]
    assert energies[0] != StatevectorSimulator().objective(CIRCUIT, exact_search.problem.observable)([])


@pytest.mark.parametrize("name", ["episodes", "max_gates", "shots", "evaluate_every", "optimize_every"])
@pytest.mark.parametrize("value", [0, -5])
def test_counts_below_one_are_refused_by_name(exact_search, name, value):
    with pytest.raises(RunError, match=rf"{name} must be at least 1, got {value}"):
        replace(exact_search, **{name: value})


def test_a_negative_seed_is_refused(exact_search):
    with pytest.raises(RunError, match="seed must be at least 0, got -1"):
        replace(exact_search, seed=-1)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.pop("problem"),
        lambda data: data.pop("seed") and data.pop("engine"),
        lambda data: data.update(unknown=1),
        lambda data: data["algorithm"].update(name="Oracle"),
        lambda data: data["algorithm"].update(cleverness=2),
        lambda data: data["optimizer"].pop("name"),
        lambda data: data.update(curriculum=None),
        lambda data: data.pop("reward"),
        lambda data: data.update(start={"n_qubits": 2}),
        lambda data: data.update(start="hartree-fock"),
        lambda data: data.update(engine={"name": "abacus", "noise": None}),
        lambda data: data.update(episodes="many"),
    ],
)
def test_data_that_is_no_configuration_is_refused(exact_search, damage):
    data = exact_search.to_dict()
    damage(data)
    with pytest.raises(RunError):
        SearchConfiguration.from_dict(data)


def test_a_strategy_that_a_run_cannot_record_is_refused_before_anything_is_written(exact_search, tmp_path):
    class MyOptimizer(LBFGS):
        pass

    with pytest.raises(RunError, match="MyOptimizer cannot be recorded"):
        run_search(replace(exact_search, optimizer=MyOptimizer()), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"engine": PauliTransferSimulator(NoiseModel("one qubit", n_qubits=1))}, NoiseModelError),
        ({"engine": PauliTransferSimulator(replace(NOISE, coupling_map=()))}, ArchitectureError),
        ({"problem": Problem.from_observable(Observable(("Z" * 13,), (1.0,)), key="z")}, EngineError),
    ],
    ids=["device too small", "device not connected", "problem too large for the engine"],
)
def test_a_search_that_cannot_start_leaves_nothing_on_disk(exact_search, tmp_path, changes, error):
    configuration = replace(exact_search, **({"engine": PauliTransferSimulator()} | changes))
    with pytest.raises(error):
        run_search(configuration, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_rebuilt_configuration_gives_the_same_search(noisy_search, without_seconds):
    short = replace(noisy_search, episodes=3)
    first, again = run_search(short), run_search(rebuilt(short))
    assert without_seconds(first.history) == without_seconds(again.history)
    assert np.array_equal(first.parameters, again.parameters)


def test_an_aer_engine_keeps_its_options_in_a_record():
    engine = AerSimulator(method="matrix_product_state", options=AerOptions(max_parallel_threads=2))
    assert _engine_from_dict(_engine_to_dict(engine)) == engine


def test_an_engine_that_no_record_can_rebuild_is_refused_before_the_search():
    class Foreign:
        name, noise = "foreign", None

    with pytest.raises(RunError, match="Foreign"):
        _engine_to_dict(Foreign())
