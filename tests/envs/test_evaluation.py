"""The evaluator: what it remembers, what it counts, how it draws shots."""

import numpy as np
import pytest

from qvar.envs import CircuitEvaluator
from qvar.optimizers import LBFGS, SPSA
from qvar.problems import molecule
from qvar.simulators import (
    AerSimulator,
    Circuit,
    NoiseModel,
    Operation,
    PauliTransferSimulator,
    Slot,
    StatevectorSimulator,
)
from qvar.simulators.errors import ArchitectureError

PROBLEM = molecule("h2-2")
BELL = Circuit(2, (Operation("ry", (0,), (Slot(0),)), Operation("cx", (0, 1)), Operation("ry", (1,), (Slot(1),))))


def streams(seed=7):
    first, second = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(2))
    return {"optimizer_rng": first, "shots_rng": second}


def test_a_circuit_met_again_costs_one_energy_and_gives_the_same_answer():
    evaluator = CircuitEvaluator(PROBLEM, StatevectorSimulator(), optimizer=LBFGS(), remember=10)
    first = evaluator.optimize(BELL, [0.1, 0.1], **streams())
    again = evaluator.optimize(BELL, [0.1, 0.1], **streams())
    assert first.gradients > 1
    assert (again.evaluations, again.gradients, again.shots) == (1, 0, 0)
    assert again.energy == first.energy
    np.testing.assert_array_equal(again.parameters, first.parameters)


def test_a_better_start_is_optimized_again_and_remembered():
    hasty = CircuitEvaluator(
        PROBLEM, StatevectorSimulator(), optimizer=LBFGS(max_iterations=1, displacement=0), remember=9
    )
    poor = hasty.optimize(BELL, [0.1, 0.1], **streams())
    best = LBFGS().minimize(PROBLEM.objective(StatevectorSimulator(), BELL), [3.0, 0.2], np.random.default_rng(7))
    better = hasty.optimize(BELL, best.parameters, **streams())
    assert better.energy < poor.energy
    assert hasty.optimize(BELL, [0.1, 0.1], **streams()).energy == better.energy


def test_the_oldest_circuit_is_forgotten():
    evaluator = CircuitEvaluator(PROBLEM, StatevectorSimulator(), optimizer=LBFGS(), remember=2)
    circuits = [Circuit(2, (Operation(gate, (0,), (Slot(0),)),)) for gate in ("rx", "ry", "rz")]
    for circuit in circuits:
        evaluator.optimize(circuit, [0.1], **streams())
    assert evaluator.optimize(circuits[1], [0.1], **streams()).gradients == 0
    assert evaluator.optimize(circuits[0], [0.1], **streams()).gradients > 0


def test_memory_goes_through_arrays_unchanged():
    evaluator = CircuitEvaluator(PROBLEM, StatevectorSimulator(), optimizer=LBFGS(), remember=10)
    evaluator.optimize(BELL, [0.1, 0.1], **streams())
    evaluator.optimize(Circuit(2, (Operation("rx", (0,), (Slot(0),)),)), [0.1], **streams())
    copy = CircuitEvaluator(PROBLEM, StatevectorSimulator(), optimizer=LBFGS(), remember=10)
    copy.load_state(evaluator.state())
    assert copy.optimize(BELL, [0.1, 0.1], **streams()).gradients == 0
    assert {name: a.tolist() for name, a in copy.state().items()} == {
        name: a.tolist() for name, a in evaluator.state().items()
    }
    empty = CircuitEvaluator(PROBLEM, StatevectorSimulator(), optimizer=LBFGS(), remember=10)
    empty.load_state(empty.state())
    assert empty.state()["keys"].shape == (0, 16)


@pytest.mark.parametrize("change", [-1, 1])
def test_memory_with_too_few_or_too_many_angles_is_refused(change):
    evaluator = CircuitEvaluator(PROBLEM, StatevectorSimulator(), optimizer=LBFGS(), remember=10)
    evaluator.optimize(BELL, [0.1, 0.1], **streams())
    state = evaluator.state()
    damaged = state | {"angles": np.resize(state["angles"], 2 + change)}
    with pytest.raises(ValueError, match=f"2 remembered angles expected, got {2 + change}"):
        evaluator.load_state(damaged)
    assert evaluator.optimize(BELL, [0.1, 0.1], **streams()).gradients == 0


def test_normal_sampling_has_the_spread_of_multinomial_sampling():
    engine = PauliTransferSimulator(NoiseModel.named("ourense"))
    spreads = {}
    for sampling in ("multinomial", "normal"):
        evaluator = CircuitEvaluator(PROBLEM, engine, optimizer=SPSA(), shots=100, sampling=sampling)
        rng = np.random.default_rng(7)
        values = [evaluator.evaluate(BELL, [0.4, 0.3], shots_rng=rng) for _ in range(2000)]
        assert all(value.shots == values[0].shots > 0 for value in values)
        energies = np.array([value.energy for value in values])
        spreads[sampling] = energies.std()
        exact = PROBLEM.objective(engine, BELL)([0.4, 0.3])
        assert energies.mean() == pytest.approx(exact, abs=4 * energies.std() / np.sqrt(2000))
    assert spreads["normal"] == pytest.approx(spreads["multinomial"], rel=0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sampling": "uniform"}, "multinomial, normal"),
        ({"remember": 5, "shots": 10}, "not remembered"),
        ({"remember": -1}, "remember"),
        ({"shots": 0}, "shots"),
    ],
)
def test_settings_without_meaning_are_refused(settings, message):
    with pytest.raises(ArchitectureError, match=message):
        CircuitEvaluator(PROBLEM, StatevectorSimulator(), optimizer=LBFGS(), **settings)


def test_an_engine_without_normal_shots_says_so():
    with pytest.raises(ArchitectureError, match="draws no normal shot noise"):
        CircuitEvaluator(PROBLEM, AerSimulator(), optimizer=SPSA(), shots=10, sampling="normal")
