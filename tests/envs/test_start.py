"""Start circuits: the states they prepare, and how an environment counts and shows them."""

import json
from functools import reduce
from itertools import product

import numpy as np
import pytest

from qvar.envs import ActionTable, ArchitectureSearchEnv, FixedThreshold, StartCircuit, both_directions, encode
from qvar.envs.start import lowest_basis_state
from qvar.optimizers import LBFGS
from qvar.problems import Problem, molecule, tasks
from qvar.simulators import (
    Circuit,
    NoiseModel,
    Observable,
    Operation,
    PauliTransferSimulator,
    Slot,
    StatevectorSimulator,
)
from qvar.simulators.errors import ArchitectureError, CircuitError

ISING = {"ZZ": -1.0, "XI": 0.7, "IX": 0.4, "ZI": 0.1}
PAULI = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1.0, -1.0]),
}
BELL = StartCircuit(Circuit(2, (Operation("ry", (0,), (1.1,)), Operation("cx", (0, 1)))))


def energy(problem, start):
    return problem.objective(StatevectorSimulator(), start.circuit)(start.parameters)


def matrix(observable):
    terms = zip(observable.labels, observable.coefficients, strict=True)
    return sum(c * reduce(np.kron, [PAULI[letter] for letter in label]) for label, c in terms)


def projector_problem(state):
    """The problem -|state><state|, whose only ground state is `state`, at -1."""
    n = int(np.log2(len(state)))
    labels = ["".join(letters) for letters in product("IXYZ", repeat=n)]
    values = [-(state.conj() @ reduce(np.kron, [PAULI[p] for p in label]) @ state).real / 2**n for label in labels]
    terms = {label: value for label, value in zip(labels, values, strict=True) if abs(value) > 1e-15}
    return Problem(key="projector", title="projector", observable=Observable.from_terms(terms), exact_energy=-1.0)


def random_product_of_matrices(n_qubits, bond, rng, *, real):
    """Amplitudes of a random matrix-product state, tensor by tensor."""
    state = np.ones((1, 1))
    for k in range(n_qubits):
        left, right = state.shape[-1], 1 if k == n_qubits - 1 else bond
        tensor = rng.normal(size=(left, 2, right)) + (0 if real else 1j * rng.normal(size=(left, 2, right)))
        state = np.einsum("sa,abc->sbc", state, tensor).reshape(-1, right)
    return state[:, 0] / np.linalg.norm(state)


@pytest.mark.parametrize("task", tasks())
def test_the_basis_state_of_a_molecule_is_hartree_fock(task):
    problem = molecule(task)
    start = StartCircuit.basis_state(problem)
    assert energy(problem, start) == pytest.approx(problem.hartree_fock_energy, abs=1e-7)
    assert start.circuit.n_rotations == start.n_gates == start.circuit.n_parameters
    assert (start.evaluations, start.gradients) == (0, 0)


@pytest.mark.parametrize("seed", range(5))
def test_the_lowest_basis_state_is_the_smallest_diagonal_entry_of_the_matrix(seed):
    rng = np.random.default_rng(seed)
    labels = ["".join(rng.choice(list("IXYZ"), size=3)) for _ in range(12)] + ["ZII", "IZI", "IIZ"]
    observable = Observable.from_terms(zip(labels, rng.normal(size=15), strict=True))
    bits, lowest = lowest_basis_state(observable)
    diagonal = np.diag(matrix(observable)).real
    assert lowest == pytest.approx(diagonal.min(), abs=1e-12)
    assert sum(bit << q for q, bit in enumerate(bits)) == diagonal.argmin()


def test_among_equal_basis_states_the_smallest_number_wins():
    bits, _ = lowest_basis_state(Observable.from_terms({"IZZ": 1.0, "ZII": -1e-12}))
    assert bits == (1, 0, 0)


def test_the_basis_states_of_many_qubits_are_too_many():
    with pytest.raises(ArchitectureError, match="up to 24 qubits, got 25"):
        lowest_basis_state(Observable.from_terms({"Z" * 25: 1.0}))


@pytest.mark.parametrize("real", [True, False])
def test_a_chain_prepares_any_state_of_bond_dimension_two(real):
    state = random_product_of_matrices(4, 2, np.random.default_rng(3), real=real)
    problem = projector_problem(state)
    start = StartCircuit.low_bond_dimension(problem, starts=12, tolerance=1e-4, rng=np.random.default_rng(0))
    assert energy(problem, start) < -1.0 + 2e-4
    assert start.circuit.n_two_qubit_gates <= 6
    used = {operation.gate for operation in start.circuit.operations}
    assert used == {"cx", "ry"} if real else {"cx", "ry", "rz"} <= used


def test_a_chain_does_not_prepare_a_state_of_bond_dimension_four():
    problem = projector_problem(random_product_of_matrices(4, 4, np.random.default_rng(3), real=True))
    start = StartCircuit.low_bond_dimension(problem, starts=12, rng=np.random.default_rng(0))
    assert energy(problem, start) > -0.99


def test_blocks_without_use_are_dropped():
    product_state = molecule("h2-2").observable  # two qubits, one entangling block
    problem = Problem.from_observable(Observable.from_terms({"IIZ": 1.0, "IXI": 0.4, "ZII": 0.3}), key="product")
    start = StartCircuit.low_bond_dimension(problem, starts=3, rng=np.random.default_rng(0))
    assert (start.circuit.n_two_qubit_gates, start.n_gates) == (0, 3)
    assert energy(problem, start) < problem.exact_energy + 1e-4
    entangled = Problem.from_observable(product_state, key="entangled")
    start = StartCircuit.low_bond_dimension(entangled, starts=3, rng=np.random.default_rng(0))
    assert start.circuit.n_two_qubit_gates == 1


def test_of_two_blocks_of_which_one_is_enough_the_last_is_dropped():
    bonds = {letters: 1.0 for pair in ("XX", "YY", "ZZ") for letters in (f"I{pair}", f"{pair}I")}
    problem = Problem.from_observable(Observable.from_terms(bonds), key="three-spins")  # -4; one singlet has -3
    start = StartCircuit.low_bond_dimension(problem, starts=1, tolerance=1.2, rng=np.random.default_rng(0))
    assert [o.qubits for o in start.circuit.operations if o.gate == "cx"] == [(0, 1)]
    assert energy(problem, start) < problem.exact_energy + 1.2


def test_where_the_empty_circuit_is_best_the_chain_is_empty():
    problem = Problem.from_observable(Observable.from_terms({"IZ": -1.0, "ZI": -1.0}), key="zero")
    start = StartCircuit.low_bond_dimension(problem, starts=2, rng=np.random.default_rng(0))
    assert start.n_gates == 0


def test_gates_without_any_effect_are_dropped_without_a_gradient_even_if_that_may_cost_no_energy():
    problem = Problem.from_observable(Observable.from_terms({"IZ": -1.0, "ZI": -1.0}), key="zero")
    strict, lenient = (
        StartCircuit.low_bond_dimension(problem, starts=1, tolerance=tolerance, rng=np.random.default_rng(0))
        for tolerance in (0.0, 1e-3)
    )
    assert strict == lenient
    assert strict.n_gates == 0


@pytest.mark.parametrize("pairs", [[(0, 1), (2, 1), (3, 1)], [(3, 2), (2, 0), (0, 1), (1, 3)]], ids=["star", "ring"])
def test_blocks_respect_the_coupling_map_and_its_directions(pairs):
    problem = molecule("lih-4")
    start = StartCircuit.low_bond_dimension(problem, coupling_map=pairs, starts=8, rng=np.random.default_rng(0))
    used = {operation.qubits for operation in start.circuit.operations if operation.gate == "cx"}
    assert used
    assert used <= set(pairs)
    assert energy(problem, start) < problem.hartree_fock_energy - 0.05
    ArchitectureSearchEnv(problem, start=start, coupling_map=pairs).reset(seed=0)


def test_the_same_generator_gives_the_same_chain_and_one_qubit_needs_no_block():
    problem = molecule("h2-3")
    starts = [StartCircuit.low_bond_dimension(problem, starts=3, rng=np.random.default_rng(s)) for s in (1, 1)]
    assert starts[0] == starts[1]
    single = Problem.from_observable(Observable.from_terms({"X": 1.0, "Y": 0.5, "Z": 0.2}), key="single")
    start = StartCircuit.low_bond_dimension(single, starts=2, tolerance=1e-6, rng=np.random.default_rng(0))
    assert energy(single, start) == pytest.approx(single.exact_energy, abs=2e-6)


def test_the_cost_of_a_chain_is_what_was_asked_of_the_engine(monkeypatch):
    problem, asked = molecule("h2-3"), {"energies": 0, "gradients": 0}

    class Counted:
        shots_per_evaluation, evaluations_per_gradient = 0, 1

        def __init__(self, inner):
            self.inner, self.n_parameters = inner, inner.n_parameters

        def __call__(self, theta):
            asked["energies"] += 1
            return self.inner(theta)

        def value_and_gradient(self, theta):
            asked["gradients"] += 1
            return self.inner.value_and_gradient(theta)

    objective = Problem.objective
    monkeypatch.setattr(Problem, "objective", lambda self, engine, circuit: Counted(objective(self, engine, circuit)))
    start = StartCircuit.low_bond_dimension(problem, starts=3, rng=np.random.default_rng(0))
    assert (start.evaluations, start.gradients) == (asked["energies"], asked["gradients"])
    assert start.gradients > 10


@pytest.mark.parametrize(("settings", "message"), [({"starts": 0}, "starts"), ({"tolerance": -1.0}, "tolerance")])
def test_chains_refuse_settings_that_make_no_sense(settings, message):
    with pytest.raises(ArchitectureError, match=message):
        StartCircuit.low_bond_dimension(molecule("h2-2"), rng=np.random.default_rng(0), **settings)


def test_every_rotation_gets_a_slot_of_its_own():
    shared = Circuit(
        2,
        (
            Operation("rx", (0,), (Slot(0),)),
            Operation("cx", (0, 1)),
            Operation("rz", (1,), (Slot(0, scale=-2.0, shift=0.5),)),
            Operation("ry", (1,), (0.25,)),
        ),
    )
    start = StartCircuit(shared, (0.3,))
    assert start.circuit.n_parameters == 3
    assert start.parameters == pytest.approx((0.3, -0.1, 0.25), abs=1e-15)
    assert start.circuit.bind(start.parameters) == shared.bind([0.3])


def test_starts_come_back_from_json():
    start = StartCircuit.low_bond_dimension(molecule("h2-4"), starts=2, rng=np.random.default_rng(0))
    assert StartCircuit.from_dict(json.loads(json.dumps(start.to_dict()))) == start
    assert start.gradients > 0


def test_other_gates_are_translated_to_the_same_state():
    circuit = Circuit(
        3,
        (
            Operation("h", (0,)),
            Operation("u", (1,), (0.3, Slot(0), -1.1)),
            Operation("swap", (0, 2)),
            Operation("rzz", (1, 2), (0.7,)),
            Operation("sx", (0,)),
        ),
    )
    start = StartCircuit.from_circuit(circuit, [0.4])
    observable = Observable.from_terms({"XYZ": 1.0, "ZXI": 0.5, "IYX": -0.25, "ZIZ": 0.125})
    engine = StatevectorSimulator()
    expected = engine.objective(circuit, observable)([0.4])
    assert engine.objective(start.circuit, observable)(start.parameters) == pytest.approx(expected, abs=1e-12)
    with pytest.raises(ArchitectureError, match="made of cx, rx, ry and rz, got 'h'"):
        StartCircuit(circuit.bind([0.4]))


def test_a_circuit_found_before_is_kept_gate_by_gate_through_its_file():
    found = BELL.circuit.to_qasm(BELL.parameters)
    assert StartCircuit.from_circuit(Circuit.from_qasm(found)) == BELL


def test_starts_that_are_no_circuits_of_gates_are_refused():
    with pytest.raises(CircuitError, match="parameter"):
        StartCircuit(BELL.circuit, (0.1, 0.2))
    with pytest.raises(ArchitectureError, match="evaluations"):
        StartCircuit(BELL.circuit, (0.1,), evaluations=-1)


def test_an_episode_begins_with_the_start_circuit_in_energy_sizes_observation_and_mask(make_env):
    env = make_env(ISING, start=BELL, max_gates=5)
    observation, info = env.reset(seed=0)
    assert env.start.circuit == env.circuit == BELL.circuit
    assert env.start.parameters == tuple(env.parameters)
    assert (info["depth"], info["n_cnots"], info["n_rotations"]) == (2, 1, 1)
    assert info["energy"] == pytest.approx(energy(env.problem, BELL), abs=1e-12)
    assert np.array_equal(observation[:-1], encode(env.circuit, env.parameters, max_gates=5)[:, :5].ravel())
    table = env.action_table
    assert np.flatnonzero(info["action_mask"] == 0).tolist() == [table.index("cx", (0, 1))]
    assert (info["evaluations"], info["gradients"], info["shots"], info["optimized"]) == (1, 0, 0, False)


def test_observations_and_masks_stay_right_after_the_start_circuit(make_env):
    env = make_env(ISING, start=BELL, max_gates=9, curriculum=FixedThreshold(1e-12))
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    for _ in range(7):
        observation, _, _, _, info = env.step(rng.integers(8))
        tensor = encode(env.circuit, env.parameters, max_gates=9)
        assert np.array_equal(observation[:-1], tensor[:, :5].ravel())
        expected = env.action_table.legal_mask(env.action_table.last_actions(env.circuit))
        assert np.array_equal(info["action_mask"], expected)
        counts = env.circuit.depth(), env.circuit.n_two_qubit_gates, env.circuit.n_rotations
        assert (info["depth"], info["n_cnots"], info["n_rotations"]) == counts


def test_the_gates_of_the_start_count_against_the_limit_and_halting_draws_from_the_rest(make_env):
    asked = []

    class Recorder:
        def draw(self, max_gates, rng):
            asked.append(max_gates)
            return 2

    settings = {"start": BELL, "max_gates": 6, "curriculum": FixedThreshold(1e-12)}
    ends = []
    for halting in (None, Recorder()):
        env = make_env(ISING, halting=halting, **settings)
        env.reset(seed=0)
        steps = [env.step(action)[-1]["end_reason"] for action in (0, 1, 0, 1)[: 4 if halting is None else 2]]
        ends.append(steps)
    assert ends == [[None, None, None, "limit"], [None, "halted"]]
    assert asked == [4]


def test_the_angles_of_the_start_are_optimised_with_all_others(make_env, dense):
    idle = dense.ZeroIterations()
    env = make_env(ISING, start=BELL, optimizer=idle)
    env.reset(seed=0)
    env.step(env.action_table.index("rx", (1,)))
    assert [start.tolist() for start in idle.starts] == [[1.1, 0.0]]
    env = make_env(ISING, start=BELL, optimizer=LBFGS())
    env.reset(seed=0)
    env.step(env.action_table.index("rx", (1,)))
    assert env.parameters[0] != 1.1


def test_an_empty_start_is_no_start(make_env):
    trajectories = []
    for start in (None, StartCircuit.empty(2)):
        env = make_env(ISING, start=start)
        observation, _ = env.reset(seed=4)
        trajectories.append([observation, *(env.step(action)[0] for action in (0, 3, 1))])
    assert np.array_equal(*trajectories)


def test_a_run_with_a_start_circuit_saves_its_state_between_episodes_only(make_env):
    env = make_env(ISING, start=BELL, shots=50, max_gates=3)
    first, _ = env.reset(seed=0)
    saved = env.state_dict()
    env.step(0)
    env.load_state_dict(json.loads(json.dumps(saved)))
    again, _ = env.reset()
    assert np.array_equal(first, again)
    longer = make_env(ISING, start=BELL, max_gates=6, curriculum=FixedThreshold(1e-12))
    longer.reset(seed=0)
    longer.step(0)
    with pytest.raises(ArchitectureError, match="between episodes"):
        longer.state_dict()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"start": StartCircuit.empty(3)}, "has 3 qubit.s., the problem 2"),
        ({"start": BELL, "max_gates": 2}, "has 2 gates and max_gates=2 .* at least 3"),
        ({"start": BELL, "coupling_map": [(1, 0)]}, "no action places 'cx' on .0, 1."),
    ],
)
def test_starts_that_do_not_fit_are_refused(make_env, settings, message):
    with pytest.raises(ArchitectureError, match=message):
        make_env(ISING, **settings)


def test_noise_makes_the_energy_of_the_start_what_the_engine_says():
    noisy = PauliTransferSimulator(NoiseModel.from_numbers(p1=0.02, p2=0.05))
    problem = Problem.from_observable(Observable.from_terms(ISING), key="ising")
    env = ArchitectureSearchEnv(problem, noisy, start=BELL)
    _, info = env.reset(seed=0)
    assert info["noiseless_energy"] == pytest.approx(energy(problem, BELL), abs=1e-12)
    assert abs(info["energy"] - info["noiseless_energy"]) > 1e-3


def test_chains_follow_the_table_of_actions_on_a_device():
    edges, rng = both_directions([(0, 1), (1, 2), (1, 3)]), np.random.default_rng(0)
    start = StartCircuit.low_bond_dimension(molecule("h2-4"), coupling_map=edges, starts=4, rng=rng)
    ActionTable(4, edges).last_actions(start.circuit)  # raises for a gate that is no action
