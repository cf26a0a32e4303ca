import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qvar.envs import ActionTable, decode, encode, observation, observation_length
from qvar.envs.encoding import GateGrid, observation_space
from qvar.simulators import Circuit, Observable, Operation, Slot
from qvar.simulators.errors import ArchitectureError, CircuitError

MAX_GATES = 12


@st.composite
def circuits(draw):
    table = ActionTable(draw(st.integers(1, 4)))
    circuit = Circuit(table.n_qubits)
    for action in draw(st.lists(st.integers(0, len(table) - 1), max_size=MAX_GATES)):
        circuit = circuit.then((table[action].operation(circuit.n_parameters),))
    angle = st.floats(-7.0, 7.0, allow_nan=False)
    return circuit, np.array(draw(st.lists(angle, min_size=circuit.n_parameters, max_size=circuit.n_parameters)))


@settings(max_examples=150, deadline=None)
@given(circuits())
def test_decoding_gives_back_the_circuit_and_encoding_it_again_the_tensor(case):
    circuit, theta = case
    tensor = encode(circuit, theta, max_gates=MAX_GATES)
    decoded, angles = decode(tensor)
    assert decoded.bind(angles).key() == circuit.bind(theta).key()
    assert np.array_equal(encode(decoded, angles, max_gates=MAX_GATES), tensor)


@settings(max_examples=100, deadline=None)
@given(circuits(), st.floats(-10.0, 10.0))
def test_the_observation_is_the_tensor_without_angles_and_the_energy(case, energy):
    circuit, theta = case
    n = circuit.n_qubits
    tensor = encode(circuit, theta, max_gates=MAX_GATES)
    seen = observation(circuit, energy, max_gates=MAX_GATES)
    assert seen.dtype == np.float32
    assert np.array_equal(seen[:-1], tensor[:, : n + 3].ravel())
    assert seen[-1] == np.float32(energy)


@settings(max_examples=100, deadline=None)
@given(circuits())
def test_gates_are_placed_as_soon_as_their_qubits_are_free(case):
    circuit, _ = case
    n, free = circuit.n_qubits, [0] * circuit.n_qubits
    expected = np.zeros((MAX_GATES, n + 3, n))
    for operation in circuit.operations:
        moment = max(free[q] for q in operation.qubits)
        row = operation.qubits[1] if operation.gate == "cx" else n + ["rx", "ry", "rz"].index(operation.gate)
        expected[moment, row, operation.qubits[0]] = 1
        for q in operation.qubits:
            free[q] = moment + 1
    tensor = encode(circuit, np.zeros(circuit.n_parameters), max_gates=MAX_GATES)
    assert np.array_equal(tensor[:, : n + 3], expected)
    assert circuit.depth() == max(free)


@pytest.mark.parametrize(
    ("n_qubits", "max_gates", "length"),
    [(2, 40, 401), (3, 40, 721), (4, 40, 1121), (6, 70, 3781), (8, 250, 22001)],
)
def test_observations_have_the_published_lengths(n_qubits, max_gates, length):
    assert observation_length(n_qubits, max_gates) == length
    assert observation(Circuit(n_qubits), 0.0, max_gates=max_gates).shape == (length,)


def test_a_cnot_stands_at_the_row_of_its_target_and_the_column_of_its_control():
    tensor = encode(Circuit(3, (Operation("cx", (0, 2)),)), max_gates=1)
    assert np.argwhere(tensor).tolist() == [[0, 2, 0]]


def test_a_rotation_by_zero_is_still_a_gate():
    circuit, angles = decode(encode(Circuit(1, (Operation("rz", (0,), (Slot(0),)),)), [0.0], max_gates=1))
    assert circuit.counts() == {"rz": 1}
    assert angles.tolist() == [0.0]


def test_fixed_angles_and_scaled_slots_are_encoded_by_their_value():
    circuit = Circuit(1, (Operation("rx", (0,), (0.25,)), Operation("ry", (0,), (Slot(0, -2.0, 1.0),))))
    _, angles = decode(encode(circuit, [0.5], max_gates=2))
    assert angles.tolist() == [0.25, 0.0]


def bell():
    return encode(Circuit(2, (Operation("ry", (0,), (Slot(0),)), Operation("cx", (0, 1)))), [0.3], max_gates=4)


def spoil(place, value):
    tensor = bell()
    tensor[place] = value
    return tensor


@pytest.mark.parametrize(
    "tensor",
    [
        np.zeros((3, 7, 2)),
        np.zeros((8, 2)),
        spoil((0, 3, 0), 0.5),
        spoil((0, 2, 0), 1.0),
        spoil((0, 5, 1), 0.1),
        spoil((2, 0, 0), 1.0),
        spoil((3, 2, 0), 1.0),
        spoil((0, 6, 0), np.nan),
        np.roll(bell(), 1, axis=0),
    ],
    ids=["rows", "axes", "half a gate", "two gates", "stray angle", "own target", "gap", "no number", "late"],
)
def test_tensors_that_no_circuit_has_are_refused(tensor):
    with pytest.raises(ArchitectureError):
        decode(tensor)


def test_circuits_that_do_not_fit_are_refused():
    rotations = Circuit(1, (Operation("rx", (0,), (Slot(0),)), Operation("ry", (0,), (Slot(1),))))
    with pytest.raises(ArchitectureError, match="raise max_gates"):
        encode(rotations, [0.0, 0.0], max_gates=1)
    with pytest.raises(CircuitError, match="parameter"):
        encode(rotations, [0.0], max_gates=2)
    with pytest.raises(ArchitectureError, match="'h'"):
        encode(Circuit(1, (Operation("h", (0,)),)), max_gates=2)


def test_every_energy_of_the_observable_lies_inside_the_space():
    observable = Observable.from_terms({"II": -70.0, "ZZ": 1.0, "XI": -2.0})
    space = observation_space(observable, max_gates=3)
    for energy in (-73.0, -67.0):
        assert space.contains(observation(Circuit(2), energy, max_gates=3))
    assert not space.contains(observation(Circuit(2), 0.0, max_gates=3))


@settings(max_examples=50, deadline=None)
@given(circuits())
def test_a_grid_grown_gate_by_gate_is_that_of_the_whole_circuit_and_earlier_ones_stay(case):
    circuit, theta = case
    grid = GateGrid.of(Circuit(circuit.n_qubits), max_gates=MAX_GATES)
    for operation in circuit.operations:
        grown = grid.then(operation)
        assert grown.bits.sum() == grid.bits.sum() + 1
        grid = grown
    tensor = encode(circuit, theta, max_gates=MAX_GATES)
    assert np.array_equal(grid.bits, tensor[:, : circuit.n_qubits + 3])
    assert grid.depth == circuit.depth()


def test_a_grid_is_full_at_its_last_moment_and_cannot_be_written():
    grid = GateGrid.of(Circuit(1, (Operation("rx", (0,), (Slot(0),)),)), max_gates=1)
    with pytest.raises(ArchitectureError, match="2 moments deep, the encoding has 1"):
        grid.then(Operation("ry", (0,), (Slot(1),)))
    with pytest.raises(ValueError, match="read-only"):
        grid.bits[0] = 1.0
