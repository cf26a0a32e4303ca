"""Optimizers inside one compiled call do what their plain Python twins do, step by step."""

import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from qvar.optimizers import AQGD, LBFGS, SPSA, Adagrad, Adam, AdamSPSA, CompactLBFGS, Rotosolve, loops
from qvar.optimizers.rotosolve import compiled_sweeps, find_rotations
from qvar.problems import molecule
from qvar.search import ansatz
from qvar.simulators import (
    Circuit,
    NoiseModel,
    Observable,
    Operation,
    PauliTransferSimulator,
    Slot,
    StatevectorSimulator,
    amplitude_damping,
    depolarizing,
)
from qvar.simulators.errors import CircuitError, OptimizerError
from qvar.simulators.kernels import layout
from tests.optimizers.objectives import CHAIN, ISING, NOISE, ONE_ANGLE, Z, exact, ry

OPTIMIZERS = {
    "adagrad": Adagrad(max_iterations=40),
    "adagrad that stops": Adagrad(max_iterations=60, tolerance=0.01),
    "adam": Adam(max_iterations=40),
    "adam that stops": Adam(max_iterations=60, tolerance=0.05),
    "aqgd": AQGD(max_iterations=(20, 20), eta=(0.3, 0.1), momentum=0.25),
    "aqgd that stops": AQGD(max_iterations=60, eta=0.3, tolerance=1e-2, averaging=3),
    "l-bfgs": CompactLBFGS(max_iterations=25),
    "l-bfgs with restarts": CompactLBFGS(max_iterations=25, displacement=1.0, restarts=2),
    "l-bfgs of short memory": CompactLBFGS(max_iterations=25, memory=2, tolerance=1e-2),
    "spsa": SPSA(max_evaluations=81),
    "spsa without calibration": SPSA(max_evaluations=60, a=0.3, final_evaluations=3, stability=0.1),
    "adam-spsa": AdamSPSA(max_evaluations=80),
    "adam-spsa, stages": AdamSPSA(stages=((40, None), (21, None), (20, None)), final_evaluations=2),
}
SAMPLED = {name: OPTIMIZERS[name] for name in ("spsa", "spsa without calibration", "adam-spsa")}
SAMPLED["adam-spsa, stages"] = AdamSPSA(stages=((40, 100), (21, None), (20, 10_000)), final_evaluations=2)
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
SEEDS = range(10)
many_seeds = pytest.mark.parametrize("seed", SEEDS)
CHANNEL = amplitude_damping(0.1).tensor(depolarizing(0.05))  # on two qubits no structure: a dense matrix


class Plain:
    """Hide what an objective is, so that optimizers run as plain Python."""

    def __init__(self, objective):
        self.objective = objective

    def __getattr__(self, name):
        return getattr(self.objective, name)

    def __call__(self, theta):
        return self.objective(theta)

    def with_shots(self, shots, rng):
        return Plain(self.objective.with_shots(shots, rng))


def random_operation(rng, n_qubits, slot, *, apart):
    """One rotation with a free angle, or an entangler, a fixed gate or a channel; and whether it used the slot."""
    first, second = (int(q) for q in rng.permutation(max(2, n_qubits))[:2])
    if apart:  # two qubits that interact with nothing else
        first, second = (first % 2, 1 - first % 2) if min(first, second) < 2 else (first, second)
    kind = rng.integers(9 if n_qubits > 1 and rng.random() < 0.5 else 5)
    if kind < 4:
        gate = ("rx", "ry", "rz", "p")[kind]
        return Operation(gate, (first % n_qubits,), (Slot(slot, rng.choice([-1.0, 0.5, 1.0, 2.0]), rng.normal()),)), 1
    if kind == 4:
        return Operation("h", (first % n_qubits,)), 0
    if kind == 5:
        return Operation("rzz", (first, second), (Slot(slot, 1.5),)), 1
    if kind == 6:
        return Operation("channel", (first, second), channel=CHANNEL), 0
    return Operation("cx", (first, second)), 0


def random_objective(seed, *, shared):
    """A noisy circuit on 1 to 5 qubits and an observable that need not depend on all its angles."""
    rng = np.random.default_rng(seed)
    n_qubits = 1 + seed % 5
    operations, slot = [ry(0)], 1
    for _ in range(6 + 3 * n_qubits):
        again = shared and slot > 1 and rng.random() < 0.3
        operation, used = random_operation(rng, n_qubits, int(rng.integers(slot)) if again else slot, apart=seed < 5)
        operations.append(operation)
        slot += 0 if again else used
    labels = ["I" * (seed % 3 > 0 and n_qubits > 1) + "".join(rng.choice(list("IIXYZ"), size=n_qubits)) for _ in "abcd"]
    labels = [label[:n_qubits] for label in labels]  # two times out of three, nothing is measured on the last qubit
    observable = Observable.from_terms({label: rng.normal() for label in labels} | {"I" * n_qubits: -1.0})
    noise = NoiseModel.from_numbers(p1=0.01, p2=0.03, readout=0.02)
    return PauliTransferSimulator(noise).objective(Circuit(n_qubits, tuple(operations)), observable)


def pure_objective(seed, *, shared):
    """The same without channels and noise."""
    noisy = random_objective(seed, shared=shared)
    operations = tuple(o for o in noisy.circuit.operations if o.channel is None)
    return StatevectorSimulator().objective(Circuit(noisy.circuit.n_qubits, operations), noisy._prepared.observable)


pictures = pytest.mark.parametrize("make", [random_objective, pure_objective], ids=["pauli-transfer", "statevector"])


def start_of(objective, seed):
    return np.random.default_rng([seed, 1]).uniform(-3, 3, size=objective.n_parameters)


def check_twins(optimizer, compiled, plain, start, *, atol=1e-10):
    """Minimize both from the same seed and compare everything that comes back."""
    ours = optimizer.minimize(compiled, start, np.random.default_rng(5))
    twin = optimizer.minimize(Plain(plain), start, np.random.default_rng(5))
    np.testing.assert_allclose(ours.history, twin.history, rtol=0, atol=atol)
    # Adam divides by the size of slopes, so that rounding moves an angle without influence
    np.testing.assert_allclose(ours.parameters, twin.parameters, rtol=0, atol=1e3 * atol)
    assert ours.value == pytest.approx(twin.value, abs=atol)
    assert (ours.evaluations, ours.gradients, ours.shots) == (twin.evaluations, twin.gradients, twin.shots)
    assert ours.converged == twin.converged
    return ours


def test_the_random_circuits_hold_all_that_may_go_wrong():
    sizes, seen = set(), set()
    for seed in SEEDS:
        ints = random_objective(seed, shared=False).program.arguments[0]
        operations = ints[ints[layout.OPS_AT] :][: layout.OP_SIZE * ints[layout.N_OPS] : layout.OP_SIZE]
        factors = ints[ints[layout.FACTORS_AT] :][1 : 3 * ints[layout.N_FACTORS] : 3]
        sizes.add(1 + seed % 5)
        seen |= {"dense"} if layout.DENSE in operations else set()
        seen |= {"clusters"} if ints[layout.N_ROOTS] > 1 else set()
        seen |= {"dropped"} if len(set(factors) - {-1}) < ints[layout.N_SLOTS] else set()
        shared = random_objective(seed, shared=True).circuit
        used = [p.index for operation in shared.operations for p in operation.parameters if isinstance(p, Slot)]
        seen |= {"shared"} if len(set(used)) < len(used) else set()
    assert sizes == {1, 2, 3, 4, 5}
    assert seen == {"dense", "clusters", "dropped", "shared"}


@pytest.fixture
def loops_run(monkeypatch):
    """Names of the loops that ran in a compiled call."""
    names, compiled = [], loops.compiled

    def watched(module, function):
        names.append(function)
        return compiled(module, function)

    monkeypatch.setattr(loops, "compiled", watched)
    return names


@every_optimizer
@pictures
@many_seeds
def test_compiled_and_plain_runs_are_the_same_on_random_circuits(optimizer, make, seed, loops_run):
    objective = make(seed, shared=True)
    check_twins(optimizer, objective, objective, start_of(objective, seed))
    assert loops_run


@pytest.mark.parametrize("optimizer", SAMPLED.values(), ids=SAMPLED)
@pictures
@many_seeds
def test_so_they_are_with_normal_shot_noise_and_it_comes_from_the_same_numbers(optimizer, make, seed, loops_run):
    objective = make(seed, shared=True)
    ours, twin = (objective.with_normal_shots(200, np.random.default_rng(9)) for _ in range(2))
    check_twins(optimizer, ours, twin, start_of(objective, seed))
    assert loops_run
    assert ours.draw(3).tolist() == twin.draw(3).tolist(), "both generators are where they should be"
    if objective.plan.n_groups:
        exact_run = optimizer.minimize(Plain(objective), start_of(objective, seed), np.random.default_rng(5))
        noisy_run = optimizer.minimize(ours, start_of(objective, seed), np.random.default_rng(5))
        assert np.abs(noisy_run.history - exact_run.history).max() > 1e-4, "control: there is noise"


def test_one_generator_may_serve_signs_and_shots(loops_run):
    runs = []
    for hide in (lambda objective: objective, Plain):
        rng = np.random.default_rng(1)
        objective = hide(exact(noise=NOISE).with_normal_shots(100, rng))
        runs.append(AdamSPSA(stages=((20, 10), (20, None))).minimize(objective, [0.1, 0.2, 0.3, 0.4], rng))
    np.testing.assert_allclose(runs[0].history, runs[1].history, rtol=0, atol=1e-12)
    assert loops_run == ["adam_spsa_steps"] * 2


@many_seeds
def test_compiled_sweeps_are_those_of_the_twin_in_the_same_order(seed):
    objective = random_objective(seed, shared=False)
    start, settings = start_of(objective, seed), Rotosolve(max_sweeps=6, tolerance=1e-12)
    x, values, order = compiled_sweeps(objective.program, start, 6, 1e-12)
    ours = settings.minimize(objective, start, np.random.default_rng(0))
    twin = replace(settings, order=tuple(order)).minimize(objective, start, np.random.default_rng(0))
    assert len(set(order)) == len(order)
    np.testing.assert_allclose(ours.history, twin.history[:: 2 * len(order) + 1], rtol=0, atol=1e-10)
    turns = np.exp(1j * (ours.parameters - twin.parameters) * scales_of(objective))
    np.testing.assert_allclose(turns, 1, rtol=0, atol=1e-7)
    assert ours.value == values[-1] == pytest.approx(objective(x), abs=1e-12)
    assert (ours.evaluations, ours.gradients) == (1, len(values) - 1)
    assert ours.converged == twin.converged


@many_seeds
def test_sweeps_on_state_vectors_and_with_an_order_are_compiled_one_by_one(seed, loops_run):
    for make, settings in ((pure_objective, Rotosolve(max_sweeps=6)), (random_objective, Rotosolve(4, order=(1, 0)))):
        objective = make(seed, shared=False)
        outcome = check_twins(settings, objective, objective, start_of(objective, seed))
        assert loops_run == ["rotosolve_sweep"] * ((len(outcome.history) - 1) // (1 + 2 * n_moved(objective, settings)))
        loops_run.clear()


def n_moved(objective, settings):
    return objective.n_parameters if settings.order is None else len(settings.order)


def scales_of(objective):
    rotations = find_rotations(objective.circuit, objective.n_parameters)
    return rotations.scales[np.argsort(rotations.slots)]


def test_one_angle_after_another_is_moved_to_its_optimum_in_the_order_told():
    objective = random_objective(3, shared=False)
    start = start_of(objective, 3)
    end, _, order = compiled_sweeps(objective.program, start, 1, 1e-12)
    x = start.copy()
    for slot in order:
        x[slot] = end[slot]
        assert abs(objective.value_and_gradient(x)[1][slot]) < 1e-12
        shifted = x.copy()
        shifted[slot] += np.pi / scales_of(objective)[slot]
        assert objective(shifted) >= objective(x) - 1e-12, "and not to its maximum"


SEPARATE = Circuit(
    4,
    (
        *(Operation("ry", (q,), (Slot(q),)) for q in range(4)),
        Operation("cx", (0, 1)),
        Operation("cx", (2, 3)),
        *(Operation("rx", (q,), (Slot(4 + q),)) for q in range(4)),
    ),
)


def test_several_final_clusters_and_angles_outside_the_light_cone_are_no_obstacle():
    observable = Observable.from_terms({"IIZZ": 1.0, "IXIX": -0.5, "IIIY": 0.3, "IZZI": 0.4})  # nothing on qubit 3
    objective = PauliTransferSimulator(NOISE).objective(SEPARATE, observable)
    start = start_of(objective, 0)
    for optimizer in OPTIMIZERS.values():
        check_twins(optimizer, objective, objective, start)
    _, _, order = compiled_sweeps(objective.program, start, 3, 1e-12)
    assert sorted(order) == [0, 1, 2, 3, 4, 5, 6]
    assert Rotosolve().minimize(objective, start, None).parameters[7] == start[7]
    assert Adam().minimize(objective, start, np.random.default_rng(0)).parameters[7] == start[7]


def test_an_order_names_the_angles_that_move():
    start = [0.4, 0.3, -0.2, 0.1]
    some = Rotosolve(order=(2, 0), max_sweeps=3).minimize(exact(), start, None)
    assert some.parameters[[1, 3]].tolist() == [0.3, 0.1]
    assert (some.parameters[[0, 2]] != [0.4, -0.2]).all()
    assert some.evaluations == 1 + 3 * 5
    default = Rotosolve(order=(0, 1, 2, 3)).minimize(exact(), start, None)
    assert default.value == pytest.approx(ISING.ground_energy(), abs=1e-6)


@pytest.mark.parametrize("order", [(0, 0), (-1,), (0.5,), 7, "0"])
def test_impossible_orders_are_refused(order):
    with pytest.raises(OptimizerError, match="needs an order"):
        Rotosolve(order=order)


def test_an_order_of_unknown_slots_is_refused_before_anything_is_evaluated():
    with pytest.raises(OptimizerError, match=r"slots without a gate: \[7\]"):
        Rotosolve(order=(0, 7)).minimize(exact(), [0.4, 0.3, -0.2, 0.1], None)


@every_optimizer
def test_a_stationary_start_is_left_or_kept_as_by_the_twin(optimizer):
    objective = exact(ONE_ANGLE, Z)
    check_twins(optimizer, objective, objective, [0.0])


@pytest.mark.parametrize("optimizer", [*OPTIMIZERS.values(), Rotosolve()], ids=[*OPTIMIZERS, "rotosolve"])
def test_a_circuit_without_angles_is_evaluated_once_or_as_often_as_asked(optimizer):
    objective = exact(Circuit(1, (Operation("ry", (0,), (0.3,)),)), Z)
    outcome = check_twins(optimizer, objective, objective, [])
    assert outcome.value == pytest.approx(np.cos(0.3))
    assert outcome.evaluations == getattr(optimizer, "final_evaluations", 1)


@pytest.mark.parametrize("optimizer", [*OPTIMIZERS.values(), Rotosolve()], ids=[*OPTIMIZERS, "rotosolve"])
@pytest.mark.parametrize("start", [[], [0.1] * 5, [[0.1] * 4], [0.1, np.nan, 0.1, 0.1], [np.inf] * 4])
def test_impossible_start_points_are_refused_before_any_work(optimizer, start, monkeypatch):
    monkeypatch.setattr(loops, "compiled", None)
    with pytest.raises(OptimizerError, match="start point"):
        optimizer.minimize(exact(), start, np.random.default_rng(0))


def test_shared_angles_are_refused_before_any_work(monkeypatch):
    monkeypatch.setattr("qvar.optimizers.rotosolve.compiled", None)
    with pytest.raises(OptimizerError, match="own slot"):
        Rotosolve().minimize(exact(Circuit(1, (ry(0), ry(0))), Z), [0.3], None)


BAD_SETTINGS = [
    {"max_iterations": 0},
    {"memory": 0},
    {"tolerance": 0.0},
    {"value_tolerance": np.nan},
    {"displacement": -1.0},
    {"displacement": np.nan},
    {"restarts": -1},
    {"restarts": 1, "displacement": 0.0},
]


@pytest.mark.parametrize("settings", BAD_SETTINGS)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(OptimizerError, match="needs"):
        CompactLBFGS(**settings)


@pytest.mark.parametrize("hide", [lambda objective: objective, Plain], ids=["compiled", "plain"])
def test_angles_that_run_off_to_infinity_raise_the_same_error_both_ways(hide):
    steep = Observable.from_terms({label: 1e3 * c for label, c in zip(ISING.labels, ISING.coefficients, strict=True)})
    objective = hide(exact(observable=steep, noise=NOISE))
    with pytest.raises(CircuitError, match=r"parameters must be finite, got \[.*(inf|nan)"), np.errstate(over="ignore"):
        SPSA(a=1e308, c=1e-3, max_evaluations=100).minimize(objective, [0.4, 0.3, -0.2, 0.1], np.random.default_rng(0))


@pytest.mark.parametrize("optimizer", [*OPTIMIZERS.values(), Rotosolve(order=(2, 1))], ids=[*OPTIMIZERS, "rotosolve"])
def test_settings_can_be_pickled_and_give_the_same_run_again(optimizer):
    again = pickle.loads(pickle.dumps(optimizer))  # noqa: S301
    start = [0.4, 0.3, -0.2, 0.1]
    runs = [one.minimize(exact(noise=NOISE), start, np.random.default_rng(1)) for one in (optimizer, again)]
    assert again == optimizer
    np.testing.assert_array_equal(runs[0].history, runs[1].history)


def test_importing_optimizers_and_making_them_does_not_load_numba():
    code = (
        "import sys; from qvar.optimizers import AQGD, SPSA, Adam, AdamSPSA, CompactLBFGS, LBFGS, Rotosolve;"
        "AQGD(), SPSA(), Adam(), AdamSPSA(), CompactLBFGS(), LBFGS(), Rotosolve(); sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_loops_are_compiled_where_that_gains_something_and_nowhere_else(loops_run):
    start, rng = [0.4, 0.3, -0.2, 0.1], np.random.default_rng(0)
    for objective in (
        exact().with_shots(10, rng),
        StatevectorSimulator().objective(CHAIN, ISING).with_shots(10, rng),
        Plain(exact()),
    ):
        SPSA(max_evaluations=60).minimize(objective, start, rng)
    assert loops_run == []
    large = Circuit(9, tuple(Operation("cx", (q, q + 1)) for q in range(8)) * 3 + (ry(0),))
    objective = PauliTransferSimulator(NOISE).objective(large, Observable.from_terms({"Z" * 9: 1.0}))
    SPSA(max_evaluations=4, a=1.0).minimize(objective, [0.1], rng)
    assert loops_run == []
    larger = Circuit(16, tuple(Operation("ry", (q,), (Slot(q),)) for q in range(16)) * 2)
    objective = StatevectorSimulator().objective(larger, Observable.from_terms({"Z" * 16: 1.0}))
    SPSA(max_evaluations=4, a=1.0).minimize(objective, [0.1] * 16, rng)
    assert loops_run == []
    for engine in (PauliTransferSimulator(), StatevectorSimulator()):
        objective = engine.objective(CHAIN, ISING)
        for each in (objective, objective.with_normal_shots(10, rng)):
            SPSA(max_evaluations=60).minimize(each, start, rng)
            assert loops_run == ["spsa_slopes", "spsa_steps"]
            loops_run.clear()


def test_machine_code_is_kept_on_disk_and_found_by_another_process(tmp_path):
    code = (
        "import numpy as np; from qvar.optimizers import CompactLBFGS; from tests.optimizers.objectives import exact;"
        "CompactLBFGS().minimize(exact(), np.ones(4), np.random.default_rng(0));"
        "from qvar.simulators.kernels import compiled;"
        "print(sum(compiled('qvar.optimizers.kernels', 'bfgs_steps').stats.cache_hits.values()))"
    )
    hits = [subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True) for _ in "ab"]
    assert hits[1].stdout.strip() == "1", hits[1].stderr


@pytest.mark.parametrize(("task", "device"), [("h2-2", None), ("h2-4", "ourense"), ("lih-4", "mumbai-median")])
def test_the_compact_lbfgs_ends_where_scipys_ends_from_near_a_minimum(task, device):
    problem, noise = molecule(task), None if device is None else NoiseModel.named(device)
    coupling = None if noise is None else noise.coupling_map
    circuit = ansatz("efficient_su2", problem.n_qubits, coupling_map=coupling)
    objective = PauliTransferSimulator(noise).objective(circuit, problem.observable)
    tight = {"max_iterations": 2000, "tolerance": 1e-6, "value_tolerance": 1e-13}
    rng = np.random.default_rng(5)
    start = rng.uniform(-np.pi, np.pi, size=circuit.n_parameters)
    low = CompactLBFGS(**tight).minimize(objective, start, rng)
    check_twins(CompactLBFGS(max_iterations=40), objective, objective, start, atol=1e-9)
    near = low.parameters + rng.normal(scale=0.1, size=len(start))
    ours, theirs = (kind(**tight).minimize(objective, near, rng) for kind in (CompactLBFGS, LBFGS))
    assert ours.value == pytest.approx(theirs.value, abs=1e-7)
    assert objective(near) > ours.value + 1e-4
    assert ours.gradients < 2 * theirs.gradients


def test_restarts_leave_a_local_minimum_and_cost_what_they_cost():
    circuit = Circuit(1, (Operation("rx", (0,), (Slot(0, 2.0),)), Operation("ry", (0,), (Slot(0),))))
    objective = StatevectorSimulator().objective(circuit, Observable.from_terms({"Z": 1.0, "X": 0.5}))
    grid = np.linspace(-np.pi, np.pi, 2001)
    values = objective.batch(grid[:, None])
    inner = np.flatnonzero((values[1:-1] < values[:-2]) & (values[1:-1] < values[2:])) + 1
    shallow = max(inner, key=lambda k: values[k])
    assert values[shallow] > values.min() + 0.1, "control: there is a local minimum"
    start = [grid[shallow] + 0.05]
    alone, some, many = (
        CompactLBFGS(displacement=3.0, restarts=n).minimize(objective, start, np.random.default_rng(0))
        for n in (0, 5, 50)
    )
    assert alone.value == pytest.approx(values[shallow], abs=1e-4)
    assert some.value < alone.value - 0.1
    assert many.value == pytest.approx(values.min(), abs=1e-4)
    assert alone.gradients < some.gradients / 3 < many.gradients / 9
    noisy = objective.with_normal_shots(100, np.random.default_rng(0))
    few, many = (CompactLBFGS(3, displacement=1.0, restarts=n).minimize(noisy, start, None) for n in (0, 50))
    assert many.evaluations < 10 * few.evaluations, "with shots there are no restarts"
