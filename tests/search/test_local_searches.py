"""Annealing and evolution: they find known answers, obey budgets and judges, and resume to the same record."""

import json
from dataclasses import replace

import numpy as np
import pytest

from qvar.optimizers import CompactLBFGS
from qvar.problems import Problem, molecule
from qvar.runs import RunFolder
from qvar.search import Annealing, Evolution, Judge, SearchConfiguration, run_search
from qvar.simulators import NoiseModel, Observable, PauliTransferSimulator, StatevectorSimulator
from qvar.simulators.errors import RunError

ALGORITHMS = [Annealing(proposals=20), Evolution(population=6, children=20)]
EACH = pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda a: type(a).__name__)


@pytest.fixture
def hydrogen():
    return SearchConfiguration(
        molecule("h2-2"),
        StatevectorSimulator(),
        optimizer=CompactLBFGS(max_iterations=20, displacement=0.0),
        episodes=30,
        max_gates=12,
        seed=3,
    )


@EACH
def test_it_finds_the_ground_state_of_hydrogen_to_a_microhartree(hydrogen, algorithm):
    result = run_search(replace(hydrogen, algorithm=algorithm))
    assert result.error < 1e-6
    assert result.circuit.n_two_qubit_gates >= 1


@EACH
def test_a_bell_state_takes_one_cnot_where_gates_have_a_price(hydrogen, algorithm):
    bell = Problem.from_observable(Observable.from_terms({"ZZ": -1.0, "XX": -1.0}), key="bell", unit="J")
    judge = Judge(cnot_price=1e-3, rotation_price=1e-3)
    result = run_search(replace(hydrogen, problem=bell, algorithm=algorithm, judge=judge, episodes=60))
    assert result.error < 1e-6
    assert (result.circuit.n_two_qubit_gates, result.circuit.n_rotations) == (1, 1)


@EACH
def test_negative_control_without_two_qubit_gates_the_energy_stays_that_of_hartree_fock(hydrogen, algorithm):
    alone = replace(hydrogen, algorithm=algorithm, judge=Judge(cnot_price=10.0))
    result = run_search(alone)
    assert result.circuit.n_two_qubit_gates == 0
    assert result.energy == pytest.approx(hydrogen.problem.hartree_fock_energy, abs=1e-6)


@EACH
def test_a_budget_of_energies_ends_the_run_at_once(hydrogen, algorithm):
    result = run_search(replace(hydrogen, algorithm=algorithm, episodes=10_000, max_energies=3_000))
    assert 3_000 <= result.cost.energies < 3_000 + 200
    assert len(result.history) < 10_000


@EACH
def test_the_same_seed_gives_the_same_record_and_another_seed_another(hydrogen, algorithm, without_seconds):
    short = replace(hydrogen, algorithm=algorithm, episodes=3)
    first, again = run_search(short), run_search(short)
    assert without_seconds(first.history) == without_seconds(again.history)
    assert without_seconds(run_search(replace(short, seed=4)).history) != without_seconds(first.history)


@EACH
@pytest.mark.parametrize("shots", [None, 100])
def test_an_interrupted_run_resumes_to_the_same_record(
    hydrogen, algorithm, shots, tmp_path, without_seconds, monkeypatch
):
    monkeypatch.setattr("qvar.search.run_in_progress.CHECKPOINT_SECONDS", 0.0)
    noisy = replace(
        hydrogen,
        algorithm=algorithm,
        engine=PauliTransferSimulator(NoiseModel.named("ourense")),
        shots=shots,
        remember=0 if shots else 50,
        optimizer=CompactLBFGS(max_iterations=3),
        episodes=6,
    )
    whole = run_search(noisy)

    def interrupt(record):
        if record["episode"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_search(noisy, out=tmp_path / "run", on_episode=interrupt)
    resumed = run_search(noisy, out=tmp_path / "run", resume=True)
    assert without_seconds(resumed.history) == without_seconds(whole.history)
    assert without_seconds(RunFolder.open(tmp_path / "run").metrics()) == without_seconds(whole.history)
    assert resumed.cost == whole.cost


@EACH
def test_configurations_survive_json(hydrogen, algorithm):
    original = replace(hydrogen, algorithm=algorithm, judge=Judge("noiseless", 1e-4, 1e-5))
    back = SearchConfiguration.from_dict(json.loads(json.dumps(original.to_dict())))
    assert (back.algorithm, back.judge, back.max_energies) == (algorithm, original.judge, None)


def test_annealing_cools_geometrically_and_ends_where_it_was_told():
    schedule = Annealing(temperature_start=1e-2, temperature_end=1e-6)
    assert [schedule.temperature(share) for share in (0.0, 0.5, 1.0)] == pytest.approx([1e-2, 1e-4, 1e-6])


def test_strong_noise_leaves_no_cnot_unless_circuits_are_judged_without_it(hydrogen):
    noisy = replace(
        hydrogen,
        algorithm=Annealing(proposals=50),
        engine=PauliTransferSimulator(NoiseModel.named("mumbai-10max")),
        episodes=40,
    )
    measured = run_search(noisy)
    assert measured.circuit.n_two_qubit_gates == 0
    assert measured.error == pytest.approx(2.06e-2, abs=1e-4)
    judged = run_search(replace(noisy, judge=Judge("noiseless")))
    assert judged.error < 1.6e-3
    assert judged.energy > measured.energy
    assert judged.history[-1]["evaluations"] > measured.history[-1]["steps"]


def test_noiseless_judging_is_paid_for(hydrogen):
    noisy = replace(
        hydrogen,
        algorithm=Annealing(proposals=10),
        engine=PauliTransferSimulator(NoiseModel.named("ourense")),
        episodes=2,
    )
    plain, judged = run_search(noisy), run_search(replace(noisy, judge=Judge("noiseless")))
    assert plain.cost.steps == judged.cost.steps == 21
    assert judged.cost.evaluations >= 2 * 21


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Judge("luck"), "measured or noiseless"),
        (lambda: Judge(cnot_price=-1.0), "cnot_price must be"),
        (lambda: Judge(rotation_price=np.inf), "rotation_price must be"),
        (lambda: Annealing(proposals=0), "proposals"),
        (lambda: Annealing(temperature_start=1e-6, temperature_end=1e-3), "temperature_end <= temperature_start"),
        (lambda: Annealing(temperature_end=0.0), "0 < temperature_end"),
        (lambda: Evolution(population=1), "population"),
        (lambda: Evolution(crossing=1.5), "probability"),
    ],
)
def test_settings_without_meaning_are_refused(wrong, message):
    with pytest.raises(RunError, match=message):
        wrong()
