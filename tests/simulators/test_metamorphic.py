"""Relations that hold between two runs whatever the right value is: no oracle, only what physics does not change.

Every engine that takes the circuits is asked twice. Relations between two circuits have a twin that is broken on
purpose and must be noticed, so that none holds merely because nothing is compared.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qvar.simulators import (
    AerSimulator,
    Circuit,
    NoiseModel,
    Observable,
    Operation,
    PauliPropagationSimulator,
    PauliTransferSimulator,
    PennyLaneSimulator,
    ReadoutError,
    Slot,
    StatevectorSimulator,
)
from qvar.simulators.channels import depolarizing
from tests.simulators import oracle

ENGINES = {
    "pauli-transfer": PauliTransferSimulator,
    "pauli-propagation": lambda noise: PauliPropagationSimulator(noise, min_coefficient=0.0),
    "aer": AerSimulator,
    "pennylane": lambda noise: PennyLaneSimulator("default.mixed", noise),
    "statevector": lambda noise: StatevectorSimulator(),
}
every_engine = pytest.mark.parametrize("engine", ENGINES)
SELF_INVERSE = ("id", "x", "y", "z", "h", "cx", "cy", "cz", "swap", "ecr")
PAIRS = {"s": "sdg", "t": "tdg", "sx": "sxdg"}
INVERSES = {**{gate: gate for gate in SELF_INVERSE}, **PAIRS, **{b: a for a, b in PAIRS.items()}}
CLIFFORDS = ("x", "y", "z", "h", "s", "sdg", "sx", "sxdg", "cx", "cy", "cz", "swap", "ecr")


def problem(seed, *, noisy=True, n_qubits=3, n_gates=8):
    """Return circuit, observable, noise model and angles, the noise without what Aer cannot express."""
    rng = np.random.default_rng(seed)
    circuit = oracle.random_circuit(rng, n_qubits, n_gates)
    noise = oracle.random_noise(rng, circuit).model()
    readout = {q: ReadoutError(*rng.uniform(0, 0.3, size=2)) for q in range(n_qubits)}
    model = replace(noise, readout=readout) if noisy else None
    return circuit, oracle.random_observable(rng, n_qubits, 5), model, oracle.random_angles(rng, circuit), rng


def value(engine, circuit, observable, noise, theta):
    return ENGINES[engine](noise).objective(circuit, observable)(theta)


def is_noiseless(engine):
    return engine == "statevector"


def relabelled(circuit, observable, noise, new, *, noise_too=True):
    """Return everything with qubit q called new[q]."""
    moved = tuple(replace(o, qubits=tuple(new[q] for q in o.qubits)) for o in circuit.operations)
    old = {b: a for a, b in enumerate(new)}
    n = circuit.n_qubits
    labels = tuple("".join(label[n - 1 - old[q]] for q in reversed(range(n))) for label in observable.labels)
    if noise is not None and noise_too:
        local = {(gate, tuple(new[q] for q in qubits)): c for (gate, qubits), c in noise.local.items()}
        noise = replace(noise, local=local, readout={new[q]: e for q, e in noise.readout.items()})
    return Circuit(n, moved), Observable(labels, observable.coefficients), noise


@every_engine
@pytest.mark.parametrize("seed", range(3))
def test_names_of_qubits_do_not_matter(engine, seed):
    circuit, observable, noise, theta, rng = problem(seed, noisy=not is_noiseless(engine))
    new = rng.permutation(3).tolist()
    expected = value(engine, circuit, observable, noise, theta)
    assert value(engine, *relabelled(circuit, observable, noise, new), theta) == pytest.approx(expected, abs=1e-11)


def test_negative_control_noise_that_stays_behind_is_noticed():
    circuit, observable, noise, theta, _ = problem(0)
    other = relabelled(circuit, observable, noise, [1, 2, 0], noise_too=False)
    change = value("pauli-transfer", *other, theta) - value("pauli-transfer", circuit, observable, noise, theta)
    assert abs(change) > 1e-4


def exchanged(circuit, rng, *, on_other_qubits=True):
    """Return the circuit after exchanging neighbouring operations many times, by default only those that commute."""
    operations = list(circuit.operations)
    for k in rng.integers(len(operations) - 1, size=50):
        first, second = operations[k : k + 2]
        if set(first.qubits).isdisjoint(second.qubits) == on_other_qubits:
            operations[k : k + 2] = second, first
    return Circuit(circuit.n_qubits, tuple(operations))


@every_engine
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_gates_on_other_qubits_does_not_matter(engine, seed):
    circuit, observable, noise, theta, rng = problem(seed, noisy=not is_noiseless(engine))
    expected = value(engine, circuit, observable, noise, theta)
    assert value(engine, exchanged(circuit, rng), observable, noise, theta) == pytest.approx(expected, abs=1e-11)


def test_negative_control_the_order_of_gates_on_the_same_qubits_is_noticed():
    circuit, observable, noise, theta, rng = problem(1)
    other = exchanged(circuit, rng, on_other_qubits=False)
    change = value("pauli-transfer", other, observable, noise, theta)
    assert abs(change - value("pauli-transfer", circuit, observable, noise, theta)) > 1e-4


def inverse(operation):
    """Return the operation that undoes a gate."""
    if operation.gate == "u":
        theta, phi, lam = operation.parameters
        return operation.with_parameters((-theta, -lam, -phi))
    if operation.parameters:
        return operation.with_parameters(-p for p in operation.parameters)
    return Operation(INVERSES[operation.gate], operation.qubits)


def with_detours(circuit, rng, undo):
    """Return the circuit with gates put in at random places, each followed by what `undo` makes of it."""
    operations = list(circuit.operations)
    for gate in oracle.random_circuit(rng, circuit.n_qubits, 6, free=0.0).operations:
        place = int(rng.integers(len(operations) + 1))
        operations[place:place] = [gate, undo(gate)]
    return Circuit(circuit.n_qubits, tuple(operations))


@every_engine
@pytest.mark.parametrize("seed", range(3))
def test_gates_that_are_undone_at_once_change_nothing_without_noise(engine, seed):
    circuit, observable, _, theta, rng = problem(seed, noisy=False)
    detours = with_detours(circuit, rng, inverse)
    expected = value(engine, circuit, observable, None, theta)
    assert value(engine, detours, observable, None, theta) == pytest.approx(expected, abs=1e-11)


def test_negative_control_gates_that_are_repeated_instead_are_noticed():
    circuit, observable, _, theta, rng = problem(0, noisy=False)
    repeated = with_detours(circuit, rng, lambda gate: gate)
    change = value("pauli-transfer", repeated, observable, None, theta)
    assert abs(change - value("pauli-transfer", circuit, observable, None, theta)) > 1e-4


@every_engine
def test_a_circuit_and_its_inverse_lead_back_to_the_start(engine):
    circuit, _, _, theta, _ = problem(5, noisy=False)
    there = circuit.bind(theta).operations
    both = Circuit(3, (*there, *(inverse(o) for o in reversed(there))))
    zeros = Observable.from_terms({"ZZZ": 0.5, "IZI": 0.25, "ZIZ": 0.25})
    assert value(engine, both, zeros, None, []) == pytest.approx(1.0, abs=1e-11)


def phases(circuit, theta, factor=1.0):
    """Return gates that differ from those of a circuit by a phase of the whole state."""
    halves = {"z": ("rz", np.pi), "s": ("rz", np.pi / 2), "t": ("p", np.pi / 4), "x": ("rx", np.pi), "y": ("ry", np.pi)}
    halves |= {"sdg": ("p", -np.pi / 2), "tdg": ("rz", -np.pi / 4), "sx": ("rx", np.pi / 2), "sxdg": ("rx", -np.pi / 2)}
    operations = []
    for operation in circuit.bind(theta).operations:
        gate, angle = halves.get(operation.gate, (None, 0.0))
        if operation.gate in ("rz", "p"):
            gate, angle = "p" if operation.gate == "rz" else "rz", operation.parameters[0]
        operations.append(Operation(gate, operation.qubits, (factor * angle,)) if gate else operation)
    return Circuit(circuit.n_qubits, tuple(operations))


@every_engine
@pytest.mark.parametrize("seed", range(3))
def test_a_phase_of_the_whole_state_does_not_matter(engine, seed):
    circuit, observable, _, theta, _ = problem(seed, noisy=False, n_gates=14)
    expected = value(engine, circuit, observable, None, theta)
    assert value(engine, phases(circuit, theta), observable, None, []) == pytest.approx(expected, abs=1e-11)


def test_negative_control_a_phase_off_by_a_thousandth_is_noticed():
    circuit, observable, _, theta, _ = problem(0, noisy=False, n_gates=14)
    change = value("pauli-transfer", phases(circuit, theta, 1.001), observable, None, [])
    assert abs(change - value("pauli-transfer", circuit, observable, None, theta)) > 1e-6


@every_engine
@pytest.mark.parametrize("seed", range(2))
def test_values_are_linear_in_the_observable(engine, seed):
    circuit, first, noise, theta, rng = problem(seed, noisy=not is_noiseless(engine))
    second = oracle.random_observable(rng, 3, 4)
    a, b = rng.normal(size=2)
    terms = [(label, a * c) for label, c in zip(first.labels, first.coefficients, strict=True)]
    terms += [(label, b * c) for label, c in zip(second.labels, second.coefficients, strict=True)]
    expected = a * value(engine, circuit, first, noise, theta) + b * value(engine, circuit, second, noise, theta)
    together = value(engine, circuit, Observable.from_terms(terms), noise, theta)
    assert together == pytest.approx(expected, abs=1e-11)


def turned(circuit, rng, by):
    """Return the bound circuit with every angle moved by `by`, forwards, backwards or not at all."""
    operations = (o.with_parameters(p + rng.choice([-1, 0, 1]) * by for p in o.parameters) for o in circuit.operations)
    return Circuit(circuit.n_qubits, tuple(operations))


@every_engine
@pytest.mark.parametrize("seed", range(2))
def test_angles_are_periodic(engine, seed):
    circuit, observable, noise, theta, rng = problem(seed, noisy=not is_noiseless(engine), n_gates=12)
    bound = circuit.bind(theta)
    expected = value(engine, bound, observable, noise, [])
    for period in (4 * np.pi, 2 * np.pi):
        assert value(engine, turned(bound, rng, period), observable, noise, []) == pytest.approx(expected, abs=1e-10)


def test_negative_control_a_turn_that_is_no_period_is_noticed():
    circuit, observable, noise, theta, rng = problem(2, n_gates=20)
    other = turned(circuit.bind(theta), rng, 2 * np.pi * 1.001)
    change = value("pauli-transfer", other, observable, noise, [])
    assert abs(change - value("pauli-transfer", circuit, observable, noise, theta)) > 1e-6


@pytest.mark.parametrize("noisy", [True, False])
def test_gradients_have_the_period_of_their_angles(noisy):
    rng = np.random.default_rng(4)
    circuit = Circuit(
        2, tuple(Operation(g, (k % 2,), (Slot(k),)) for k, g in enumerate(("rx", "ry", "rz", "rx", "ry")))
    )
    circuit = circuit.then((Operation("cx", (0, 1)), Operation("rzz", (0, 1), (Slot(5),)), Operation("h", (0,))))
    noise = oracle.random_noise(rng, circuit).model() if noisy else None
    theta, observable = rng.normal(size=6), oracle.random_observable(rng, 2, 5)
    for engine in (PauliTransferSimulator(noise), *(() if noisy else (StatevectorSimulator(),))):
        objective = engine.objective(circuit, observable)
        value_, gradient = objective.value_and_gradient(theta)
        again, same = objective.value_and_gradient(theta + 2 * np.pi * rng.integers(-2, 3, size=6))
        assert again == pytest.approx(value_, abs=1e-12)
        assert same == pytest.approx(gradient, abs=1e-12)


def split_at(circuit, place):
    """Return two circuits and which slots of the whole each uses."""
    halves = []
    for operations in (circuit.operations[:place], circuit.operations[place:]):
        used = sorted({p.index for o in operations for p in o.parameters if isinstance(p, Slot)})
        number = {old: new for new, old in enumerate(used)}
        renamed = (
            o.with_parameters(replace(p, index=number[p.index]) if isinstance(p, Slot) else p for p in o.parameters)
            for o in operations
        )
        halves.append((Circuit(circuit.n_qubits, tuple(renamed)), used))
    return halves


@settings(max_examples=25)
@given(st.integers(1, 4), st.integers(2, 12), st.integers(0, 2**32 - 1), st.booleans())
def test_values_and_gradients_of_two_halves_are_those_of_the_whole(n_qubits, n_gates, seed, pure):
    circuit, observable, noise, theta, rng = problem(seed, noisy=not pure, n_qubits=n_qubits, n_gates=n_gates)
    engine = StatevectorSimulator() if pure else PauliTransferSimulator(noise)
    (first, in_first), (second, in_second) = split_at(circuit, int(rng.integers(n_gates + 1)))
    middle = engine.objective(first, Observable.from_terms({"I" * n_qubits: 1.0})).states(theta[in_first][None])
    expected, gradient = engine.objective(circuit, observable).value_and_gradient(theta)
    rest = engine.objective(second, observable)
    values, later = rest.values_and_gradients(theta[in_second][None], middle)
    assert values[0] == pytest.approx(expected, abs=1e-12)
    assert rest.batch(theta[in_second][None], middle)[0] == pytest.approx(expected, abs=1e-12)
    only_later = [k for k in in_second if k not in in_first]
    assert later[0][[in_second.index(k) for k in only_later]] == pytest.approx(gradient[only_later], abs=1e-11)


@settings(max_examples=20)
@given(st.integers(1, 2), st.integers(2, 10), st.integers(0, 2**32 - 1))
def test_transfer_matrices_of_halves_multiply_to_that_of_the_whole(n_qubits, n_gates, seed):
    circuit, _, noise, theta, _ = problem(seed, n_qubits=n_qubits, n_gates=n_gates)
    bound = circuit.bind(theta)
    halves = [Circuit(n_qubits, part) for part in (bound.operations[: n_gates // 2], bound.operations[n_gates // 2 :])]
    whole, first, second = (transfer_matrix(c, noise.without_readout()) for c in (bound, *halves))
    assert second @ first == pytest.approx(whole, abs=1e-12)
    assert whole[0] == pytest.approx(np.eye(4**n_qubits)[0], abs=1e-12)


def transfer_matrix(circuit, noise):
    """Return R with R[i, j] = Tr(P_i E(P_j)) / 2**n: what is measured of every Pauli string as start."""
    engine, n = PauliTransferSimulator(noise), circuit.n_qubits
    rows = []
    for index in range(4**n):
        label = "".join("IXYZ"[(index >> (2 * q)) & 3] for q in reversed(range(n)))
        rows.append(engine.objective(circuit, Observable.from_terms({label: 1.0})).batch([[]], np.eye(4**n)))
    return np.array(rows)


@settings(max_examples=25)
@given(st.integers(1, 3), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_no_noise_makes_two_states_easier_to_tell_apart(n_qubits, n_gates, seed):
    """Every channel contracts the trace distance, and the Pauli values of a state stay those of a state."""
    circuit, _, noise, theta, rng = problem(seed, n_qubits=n_qubits, n_gates=n_gates)
    engine = PauliTransferSimulator(noise)
    starts = rng.normal(size=(2, 2**n_qubits)) + 1j * rng.normal(size=(2, 2**n_qubits))
    starts /= np.linalg.norm(starts, axis=1, keepdims=True)
    before = [np.outer(s, s.conj()) for s in starts]
    bound = circuit.bind(theta)
    for k in range(n_gates):
        one = Circuit(n_qubits, bound.operations[k : k + 1])
        after = [density_matrix(engine, one, rho) for rho in before]
        assert trace_distance(*after) <= trace_distance(*before) + 1e-10
        assert min(np.linalg.eigvalsh(rho)[0] for rho in after) > -1e-10
        before = after


def density_matrix(engine, circuit, rho):
    """Return the state after a circuit, from the values of all Pauli strings."""
    n = circuit.n_qubits
    identity = Observable.from_terms({"I" * n: 1.0})
    free = PauliTransferSimulator(engine.noise.without_readout())
    total = np.zeros_like(rho)
    for index in range(4**n):
        label = "".join("IXYZ"[(index >> (2 * q)) & 3] for q in reversed(range(n)))
        observable = Observable.from_terms({label: 1.0}) if index else identity
        mean = free.objective(circuit, observable).batch([[]], rho[None])[0]
        total = total + mean * observable.to_qiskit().to_matrix() / 2**n
    return total


def trace_distance(first, second):
    return np.abs(np.linalg.eigvalsh(first - second)).sum() / 2


@pytest.mark.parametrize("seed", range(4))
def test_on_clifford_circuits_more_depolarizing_means_smaller_pauli_values(seed):
    """There every Pauli value is a product of factors 1 - p, one per noisy gate that the string has met."""
    rng = np.random.default_rng(seed)
    circuit = oracle.random_circuit(rng, 3, 15, gates=CLIFFORDS)
    sizes = []
    for p in (0.0, 1e-3, 0.02, 0.3, 1.0):
        noise = NoiseModel.from_channels(depolarizing(p), depolarizing(p, n_qubits=2))
        objective = PauliTransferSimulator(noise).objective(circuit, Observable.from_terms({"III": 1.0}))
        sizes.append(np.abs(objective.state([])))
    assert (np.diff(sizes, axis=0) <= 1e-14).all()
    assert sizes[0].sum() == pytest.approx(8)
    assert sizes[1].sum() < 8
    assert sizes[-1][1:].sum() <= sizes[-2][1:].sum()


@pytest.mark.parametrize("engine", ["pauli-transfer", "aer", "pennylane", "pauli-propagation"])
@pytest.mark.parametrize("seed", range(2))
def test_symmetric_read_out_error_damps_every_string_by_its_weight(engine, seed):
    circuit, _, noise, theta, _ = problem(seed)
    clean = noise.without_readout()
    for label, weight in (("IIX", 1), ("YIZ", 2), ("XYZ", 3)):
        observable = Observable.from_terms({label: 1.0})
        exact = value(engine, circuit, observable, clean, theta)
        for p in (0.01, 0.2, 0.5):
            misread = replace(clean, readout={q: ReadoutError(p, p) for q in range(3)})
            found = value(engine, circuit, observable, misread, theta)
            assert found == pytest.approx((1 - 2 * p) ** weight * exact, abs=1e-11)


@settings(max_examples=40)
@given(st.integers(1, 4), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_no_energy_leaves_the_spectrum_and_none_the_bounds_of_the_observable(n_qubits, n_gates, seed):
    circuit, observable, noise, theta, _ = problem(seed, n_qubits=n_qubits, n_gates=n_gates)
    levels = np.linalg.eigvalsh(observable.to_sparse().toarray())
    clean = value("pauli-transfer", circuit, observable, noise.without_readout(), theta)
    assert levels[0] - 1e-12 <= clean <= levels[-1] + 1e-12
    misread = value("pauli-transfer", circuit, observable, noise, theta)
    assert observable.lower_bound() - 1e-12 <= min(levels[0], misread)
    assert misread <= 2 * observable.identity_coefficient - observable.lower_bound() + 1e-12
