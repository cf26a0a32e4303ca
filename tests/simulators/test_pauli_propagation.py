"""Pauli propagation: exact without truncation, honest about its error with it, and at home on 128 qubits."""

import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import Pauli, StabilizerState

from qvar.simulators import (
    Channel,
    Circuit,
    Engine,
    NoiseModel,
    Objective,
    Observable,
    Operation,
    PauliPropagationSimulator,
    PauliTransferSimulator,
    ReadoutError,
    Slot,
    StatevectorSimulator,
    depolarizing,
    pauli_channel,
    thermal_relaxation,
)
from qvar.simulators.channels import unitary_to_ptm
from qvar.simulators.errors import ChannelError, CircuitError, EngineError, NoiseModelError
from qvar.simulators.gates import gate_matrix
from qvar.simulators.pauli_propagation import Propagation
from qvar.simulators.propagation_program import propagation_program
from tests.simulators import oracle

ROOT = Path(__file__).parents[2]
CLIFFORDS = ("x", "y", "z", "h", "s", "sdg", "sx", "sxdg", "cx", "cy", "cz", "swap", "ecr")
RELAXATION = thermal_relaxation(0.002, 0.003)
DEVICE = NoiseModel.from_channels(
    depolarizing(0.001).then(RELAXATION),
    depolarizing(0.01, n_qubits=2).then(RELAXATION.tensor(RELAXATION)),
    readout=ReadoutError(0.01, 0.03),
)


def exact(noise=None, **limits):
    return PauliPropagationSimulator(noise, min_coefficient=0.0, **limits)


def assert_equal(engine, reference, circuit, observable, theta, *, atol=1e-12):
    """Energy and gradient must agree."""
    value, gradient = engine.objective(circuit, observable).value_and_gradient(theta)
    expected, expected_gradient = reference.objective(circuit, observable).value_and_gradient(theta)
    assert value == pytest.approx(expected, rel=0, abs=atol)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=0, atol=atol)


def layers(n_qubits, n_layers, *, order="bricks"):
    """RX and RZ on every qubit, CX along a chain."""
    operations, slot = [], 0
    pairs = [(q, q + 1) for q in range(n_qubits - 1)]
    if order == "bricks":
        pairs = pairs[::2] + pairs[1::2]
    for _ in range(n_layers):
        for gate in ("rx", "rz"):
            operations += [Operation(gate, (q,), (Slot(slot + q),)) for q in range(n_qubits)]
            slot += n_qubits
        operations += [Operation("cx", pair) for pair in pairs]
    return Circuit(n_qubits, tuple(operations))


def letters(n_qubits, **at):
    """Return a label with the given letters, as in letters(5, q0="Z", q3="X")."""
    return "".join(at.get(f"q{q}", "I") for q in reversed(range(n_qubits)))


def ising(n_qubits):
    bonds = {letters(n_qubits, **{f"q{q}": "Z", f"q{q + 1}": "Z"}): -1.0 for q in range(n_qubits - 1)}
    return Observable.from_terms(bonds | {letters(n_qubits, **{f"q{q}": "X"}): -0.7 for q in range(n_qubits)})


def embedded(circuit, observable, n_qubits, places):
    """Put a small circuit and observable onto some qubits of a large register."""
    operations = (replace(o, qubits=tuple(places[q] for q in o.qubits)) for o in circuit.operations)
    labels = (letters(n_qubits, **{f"q{places[q]}": s for q, s in enumerate(reversed(x))}) for x in observable.labels)
    return Circuit(n_qubits, tuple(operations)), Observable(tuple(labels), observable.coefficients)


# Exact without truncation


@given(seed=st.integers(0, 2**32 - 1), n_qubits=st.integers(1, 4), n_gates=st.integers(0, 25))
@settings(deadline=None, max_examples=60)
def test_without_truncation_energy_and_gradient_equal_the_transfer_matrix_picture(seed, n_qubits, n_gates):
    rng = np.random.default_rng(seed)
    circuit = oracle.random_circuit(rng, n_qubits, n_gates)
    noise = oracle.random_noise(rng, circuit).model()
    observable, theta = oracle.random_observable(rng, n_qubits), oracle.random_angles(rng, circuit)
    assert_equal(exact(noise), PauliTransferSimulator(noise), circuit, observable, theta)


@given(seed=st.integers(0, 2**32 - 1), n_qubits=st.integers(1, 3))
@settings(deadline=None, max_examples=15)
def test_without_truncation_energies_equal_those_of_density_matrices_and_kraus_operators(seed, n_qubits):
    rng = np.random.default_rng(seed)
    circuit = oracle.random_circuit(rng, n_qubits, 12)
    noise = oracle.random_noise(rng, circuit)
    observable, theta = oracle.random_observable(rng, n_qubits), oracle.random_angles(rng, circuit)
    expected = oracle.energy(circuit, observable, theta, noise.kraus, noise.readout)
    assert exact(noise.model()).objective(circuit, observable)(theta) == pytest.approx(expected, rel=0, abs=1e-12)


@pytest.mark.parametrize("gate", [*oracle.ONE_QUBIT, *oracle.TWO_QUBIT])
def test_every_gate_is_right_behind_others_and_in_front_of_others(gate):
    rng = np.random.default_rng(1)
    for _ in range(4):
        start, end = oracle.random_circuit(rng, 3, 10, free=0), oracle.random_circuit(rng, 3, 10, free=0)
        middle = oracle.random_circuit(rng, 3, 2, gates=[gate])
        circuit = Circuit(3, (*start.operations, *middle.operations, *end.operations))
        observable, theta = oracle.random_observable(rng, 3), oracle.random_angles(rng, circuit)
        assert_equal(exact(), StatevectorSimulator(), circuit, observable, theta)


@pytest.mark.parametrize(("n_qubits", "n_gates"), [(6, 60), (8, 60), (10, 50)])
def test_without_noise_larger_circuits_equal_the_state_vector(n_qubits, n_gates):
    rng = np.random.default_rng(n_qubits)
    circuit, observable = oracle.random_circuit(rng, n_qubits, n_gates), oracle.random_observable(rng, n_qubits)
    assert_equal(exact(), StatevectorSimulator(), circuit, observable, oracle.random_angles(rng, circuit))


@pytest.mark.parametrize(("n_qubits", "n_gates"), [(6, 40), (8, 30), (10, 20)])
def test_with_noise_and_read_out_error_larger_circuits_equal_the_transfer_matrix_picture(n_qubits, n_gates):
    rng = np.random.default_rng(n_qubits)
    circuit, observable = oracle.random_circuit(rng, n_qubits, n_gates), oracle.random_observable(rng, n_qubits)
    noise, theta = oracle.random_noise(rng, circuit).model(), oracle.random_angles(rng, circuit)
    assert_equal(exact(noise), PauliTransferSimulator(noise), circuit, observable, theta)


def test_tables_that_grow_many_times_lose_nothing():
    circuit, observable = layers(8, 4), ising(8)
    theta = np.random.default_rng(3).uniform(-3, 3, size=circuit.n_parameters)
    assert exact().objective(circuit, observable).propagate(theta).peak_terms > 20_000
    assert_equal(exact(), StatevectorSimulator(), circuit, observable, theta, atol=1e-11)


CHANNELS = {
    "pauli": pauli_channel(0.1, 0.05, 0.2),
    "relaxation": thermal_relaxation(0.3, 0.25, excited_population=0.2),
    "random": Channel.from_kraus(oracle.random_kraus(np.random.default_rng(4))),
    "coherent": Channel(unitary_to_ptm(gate_matrix("ry", [0.4]))),
    "two-qubit depolarizing": depolarizing(0.2, n_qubits=2),
    "depolarizing, then relaxation": depolarizing(0.2, n_qubits=2).then(
        RELAXATION.tensor(thermal_relaxation(0.5, 0.4))
    ),
    "relaxation, then depolarizing": RELAXATION.tensor(thermal_relaxation(0.5, 0.4)).then(
        depolarizing(0.2, n_qubits=2)
    ),
    "product of Paulis": pauli_channel(0.1).tensor(pauli_channel(0, 0.2)),
    "product of random ones": Channel.from_kraus(oracle.random_kraus(np.random.default_rng(5))).tensor(RELAXATION),
    "correlated Paulis": Channel(
        0.7 * np.eye(16) + 0.3 * unitary_to_ptm(np.kron(oracle.PAULI["X"], oracle.PAULI["Y"]))
    ),
    "two-qubit random": Channel.from_kraus(oracle.random_kraus(np.random.default_rng(6), 2)),
    "all is lost": depolarizing(1.0, n_qubits=2),
}


@pytest.mark.parametrize("channel", CHANNELS.values(), ids=CHANNELS)
def test_channels_of_every_structure_act_behind_gates_and_as_operations(channel):
    rng = np.random.default_rng(7)
    gates = ("cx", "rzz", "ecr") if channel.n_qubits == 2 else ("h", "rx", "t")
    noise = NoiseModel("one", default=dict.fromkeys(gates, channel), strict=False)
    circuit = oracle.random_circuit(rng, 4, 12).then(
        [Operation("channel", (3, 1)[: channel.n_qubits], channel=channel)]
    )
    circuit = circuit.then(oracle.random_circuit(rng, 4, 12, free=0, gates=(*gates, "ry")).operations)
    observable, theta = oracle.random_observable(rng, 4), oracle.random_angles(rng, circuit)
    assert_equal(exact(noise), PauliTransferSimulator(noise), circuit, observable, theta)


@pytest.mark.parametrize("second", [thermal_relaxation(0.01, 0.02), pauli_channel(0, 0, 0.5)], ids=["both", "Z alone"])
def test_depolarizing_and_channels_on_each_qubit_need_no_dense_two_qubit_operation(second):
    channel = depolarizing(0.01, n_qubits=2).then(RELAXATION.tensor(second))
    noise = NoiseModel("pair", default={"cx": channel}, strict=False)
    program = propagation_program(Circuit(2, (Operation("cx", (0, 1)),)), noise, Observable.from_terms({"ZZ": 1.0}))
    joint = [program.constants[op[3] : op[3] + 256].reshape(16, 16) for op in program.ops if op[0] == 2]
    assert len(joint) == 1
    assert np.count_nonzero(joint[0]) == 16


@pytest.mark.parametrize("angle", [0.0, np.pi / 2, np.pi])
def test_the_gradient_is_right_where_strings_vanish_because_angles_are_special(angle):
    circuit, observable = layers(5, 2), ising(5)
    theta = np.full(circuit.n_parameters, angle)
    assert_equal(exact(DEVICE), PauliTransferSimulator(DEVICE), circuit, observable, theta)
    truncated = PauliPropagationSimulator(DEVICE, min_coefficient=1e-5).objective(circuit, observable)
    expected = PauliTransferSimulator(DEVICE).objective(circuit, observable).value_and_gradient(theta)[1]
    np.testing.assert_allclose(truncated.value_and_gradient(theta)[1], expected, rtol=0, atol=2e-4)


# Controls that must fail


def test_small_mistakes_are_noticed():
    rng = np.random.default_rng(11)
    circuit, observable = layers(4, 2), oracle.random_observable(rng, 4)
    theta = oracle.random_angles(rng, circuit)
    reference = PauliTransferSimulator(DEVICE).objective(circuit, observable)(theta)
    swapped = tuple(replace(o, qubits=o.qubits[::-1]) for o in circuit.operations)
    first_cx = next(k for k, o in enumerate(circuit.operations) if o.gate == "cx")
    one_swapped = (*circuit.operations[:first_cx], swapped[first_cx], *circuit.operations[first_cx + 1 :])
    slightly = DEVICE.default | {"cx": depolarizing(1e-6, n_qubits=2).then(DEVICE.default["cx"])}
    late = DEVICE.default | {"cx": RELAXATION.tensor(RELAXATION).then(depolarizing(0.01, n_qubits=2))}
    mirrored = Observable(tuple(label[::-1] for label in observable.labels), observable.coefficients)
    wrong = [
        exact(DEVICE).objective(Circuit(4, one_swapped), observable)(theta),
        exact(DEVICE).objective(circuit, mirrored)(theta),
        exact(replace(DEVICE, default=slightly)).objective(circuit, observable)(theta),
        exact(replace(DEVICE, default=late)).objective(circuit, observable)(theta),
        exact(DEVICE.without_readout()).objective(circuit, observable)(theta),
    ]
    assert exact(DEVICE).objective(circuit, observable)(theta) == pytest.approx(reference, rel=0, abs=1e-12)
    assert min(abs(value - reference) for value in wrong) > 1e-8


# Truncation


@given(seed=st.integers(0, 2**32 - 1), threshold=st.floats(1e-4, 0.3), weight=st.sampled_from([None, 1, 2, 3]))
@settings(deadline=None, max_examples=60)
def test_the_exact_value_always_lies_within_the_bound(seed, threshold, weight):
    rng = np.random.default_rng(seed)
    circuit, observable = oracle.random_circuit(rng, 4, 25), oracle.random_observable(rng, 4)
    noise, theta = oracle.random_noise(rng, circuit).model(), oracle.random_angles(rng, circuit)
    engine = PauliPropagationSimulator(noise, min_coefficient=threshold, max_weight=weight)
    result = engine.objective(circuit, observable).propagate(theta)
    expected = PauliTransferSimulator(noise).objective(circuit, observable)(theta)
    assert abs(result.value - expected) <= result.error_bound + 1e-12
    assert result.error_estimate <= result.error_bound
    assert (result.error_bound == 0) == (result.n_dropped == 0)


def test_the_estimate_is_rarely_exceeded_and_never_by_much():
    ratios = []
    for noise in (None, DEVICE, DEVICE.without_readout()):
        for seed in range(6):
            rng = np.random.default_rng(seed)
            circuit, observable = layers(6, 3, order=("bricks", "chain")[seed % 2]), ising(6)
            theta = rng.uniform(-1, 1, size=circuit.n_parameters)
            expected = PauliTransferSimulator(noise).objective(circuit, observable)(theta)
            for threshold in (3e-2, 1e-2, 1e-3):
                engine = PauliPropagationSimulator(noise, min_coefficient=threshold)
                result = engine.objective(circuit, observable).propagate(theta)
                ratios.append(abs(result.value - expected) / result.error_estimate)
    assert max(ratios) < 2
    assert np.quantile(ratios, 0.9) < 1
    assert np.median(ratios) > 0.01  # an estimate that is always far too large would be of no use


@pytest.mark.parametrize("noise", [None, DEVICE], ids=["noiseless", "device"])
def test_lower_thresholds_give_smaller_errors_and_more_terms(noise):
    circuit, observable = layers(8, 3), ising(8)
    theta = np.random.default_rng(5).uniform(-1, 1, size=circuit.n_parameters)
    expected = PauliTransferSimulator(noise).objective(circuit, observable)(theta)
    errors, terms = [], []
    for threshold in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5):
        result = (
            PauliPropagationSimulator(noise, min_coefficient=threshold).objective(circuit, observable).propagate(theta)
        )
        errors.append(abs(result.value - expected))
        terms.append(result.peak_terms)
    assert terms == sorted(terms)
    assert errors[-1] < 1e-3 < 1e-2 < errors[0]


def test_truncated_gradients_converge():
    circuit, observable = layers(7, 3), ising(7)
    theta = np.random.default_rng(6).uniform(-1, 1, size=circuit.n_parameters)
    expected = PauliTransferSimulator(DEVICE).objective(circuit, observable).value_and_gradient(theta)[1]
    errors = []
    for threshold in (1e-2, 1e-3, 1e-4, 1e-5):
        engine = PauliPropagationSimulator(DEVICE, min_coefficient=threshold)
        objective = engine.objective(circuit, observable)
        value, gradient = objective.value_and_gradient(theta)
        assert value == objective(theta)
        errors.append(np.abs(gradient - expected).max())
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-3


def test_small_amounts_that_relaxation_spawns_join_existing_strings():
    noise = NoiseModel("weak", default={"cx": RELAXATION.tensor(RELAXATION)}, strict=False)
    circuit = Circuit(2, (Operation("x", (0,)), *[Operation("cx", (0, 1))] * 40))
    all_diagonal = Observable.from_terms({"II": 0.5, "IZ": 1.0, "ZI": 1.0, "ZZ": 1.0})
    expected = PauliTransferSimulator(noise).objective(circuit, all_diagonal)(())
    coarse = PauliPropagationSimulator(noise, min_coefficient=0.01)  # each spawned amount is at most 0.002
    result = coarse.objective(circuit, all_diagonal).propagate(())
    assert result.value == pytest.approx(expected, rel=0, abs=1e-12)
    assert result.n_dropped == 0
    # The control: without the partners the same amounts are new strings, dropped each time.
    alone = coarse.objective(circuit, Observable.from_terms({"IZ": 1.0})).propagate(())
    assert alone.error_bound > 0.01


def test_heavy_strings_are_left_out():
    circuit, observable = layers(8, 3), ising(8)
    theta = np.random.default_rng(8).uniform(-1, 1, size=circuit.n_parameters)
    expected = StatevectorSimulator().objective(circuit, observable)(theta)
    results = [
        PauliPropagationSimulator(min_coefficient=1e-9, max_weight=weight)
        .objective(circuit, observable)
        .propagate(theta)
        for weight in (2, 4, 6, 8, None)
    ]
    terms = [result.peak_terms for result in results]
    assert terms == sorted(terms)
    assert terms[0] < terms[2] < terms[3]
    assert results[3].value == results[4].value == pytest.approx(expected, rel=0, abs=1e-6)
    assert all(abs(result.value - expected) <= result.error_bound for result in results)
    assert results[0].error_bound > 0.1


def test_weights_are_those_of_physical_strings_not_of_the_frame():
    chain = [Operation("cx", (q, q + 1)) for q in range(9)]
    there_and_back = Circuit(10, (Operation("ry", (9,), (0.3,)), *chain, *chain[::-1], Operation("rx", (9,), (0.4,))))
    observable = Observable.from_terms({letters(10, q9="Z"): 1.0})
    result = PauliPropagationSimulator(max_weight=1).objective(there_and_back, observable).propagate(())
    assert result.value == pytest.approx(np.cos(0.3) * np.cos(0.4), rel=0, abs=1e-12)
    assert result.n_dropped == 0


def test_needing_too_many_terms_is_an_error_that_says_what_to_change():
    circuit, observable = layers(8, 3), ising(8)
    theta = np.ones(circuit.n_parameters)
    objective = exact(max_terms=1000).objective(circuit, observable)
    with pytest.raises(EngineError, match=r"max_terms=1000; use a larger min_coefficient or a smaller max_weight"):
        objective(theta)
    with pytest.raises(EngineError, match="max_terms=1000"):
        objective.value_and_gradient(theta)
    limited = PauliPropagationSimulator(min_coefficient=0.05, max_terms=1000).objective(circuit, observable)
    assert limited.propagate(theta).peak_terms <= 2000


# Many qubits


@pytest.mark.parametrize("places", [(62, 63, 64, 65), (127, 0, 64, 31), (63, 127, 1, 64)])
def test_circuits_across_the_words_of_a_string_equal_small_ones(places):
    rng = np.random.default_rng(12)
    circuit, observable = oracle.random_circuit(rng, 4, 40), oracle.random_observable(rng, 4)
    theta = oracle.random_angles(rng, circuit)
    small = exact(DEVICE).objective(circuit, observable).value_and_gradient(theta)
    large = exact(DEVICE).objective(*embedded(circuit, observable, 128, places)).value_and_gradient(theta)
    assert large[0] == pytest.approx(small[0], rel=0, abs=1e-12)
    np.testing.assert_allclose(large[1], small[1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_qubits", [20, 64, 65, 128])
def test_clifford_circuits_of_any_width_equal_a_stabilizer_state(n_qubits):
    rng = np.random.default_rng(n_qubits)
    circuit = oracle.random_circuit(rng, n_qubits, 6 * n_qubits, gates=CLIFFORDS)
    state = StabilizerState(circuit.to_qiskit())
    labels = [label[1:] for label in state.clifford.to_labels(mode="S")][:20]
    labels += ["".join(rng.choice(list("IXYZ"), size=n_qubits)) for _ in range(5)]
    values = []
    for label in labels:
        result = PauliPropagationSimulator().objective(circuit, Observable.from_terms({label: 1.0})).propagate(())
        assert (result.n_terms, result.n_dropped) == (1, 0)
        values.append(result.value)
    assert values == [state.expectation_value(Pauli(label)) for label in labels]
    assert {1.0, -1.0, 0.0} == set(values)


def test_gates_outside_the_causal_cone_cost_nothing():
    observable = Observable.from_terms({letters(100, q50="Z"): 1.0})
    cone = [o for o in layers(100, 2).operations if all(45 <= q <= 55 for q in o.qubits)]
    fixed = [o.with_parameters((0.3,) * len(o.parameters)) for o in cone]
    outside = [Operation("rx", (q,), (0.7,)) for q in range(100) if not 40 <= q <= 60]
    after = [Operation("cx", (q, q + 1)) for q in range(60, 98)]
    wide = propagation_program(Circuit(100, (*outside, *fixed, *outside, *after)), None, observable)
    narrow = propagation_program(Circuit(100, tuple(fixed)), None, observable)
    assert len(wide.ops) == len(narrow.ops)
    assert len(narrow.ops) < len(fixed)
    strict = NoiseModel("strict", default={"rx": depolarizing(0.01), "rz": depolarizing(0.0)})
    with pytest.raises(NoiseModelError, match="no noise data"):  # but what a device cannot execute remains an error
        PauliPropagationSimulator(strict).objective(Circuit(100, tuple(after)), observable)


def test_one_propagation_of_a_large_observable_equals_the_sum_over_its_terms():
    circuit, observable = layers(50, 2), ising(50)
    theta = np.random.default_rng(13).uniform(-1, 1, size=circuit.n_parameters)
    together = exact(DEVICE.without_readout()).objective(circuit, observable)(theta)
    terms = zip(observable.labels, observable.coefficients, strict=True)
    singly = [Observable.from_terms({label: c}) for label, c in terms]
    apart = sum(exact(DEVICE.without_readout()).objective(circuit, term)(theta) for term in singly)
    assert together == pytest.approx(apart, rel=0, abs=1e-10)


def test_127_qubits_take_few_terms_and_agree_with_a_finer_threshold():
    circuit, observable = layers(127, 2), ising(127)
    theta = np.random.default_rng(14).uniform(-0.6, 0.6, size=circuit.n_parameters)
    engine = PauliPropagationSimulator(DEVICE, min_coefficient=1e-3)
    coarse = engine.objective(circuit, observable).propagate(theta)
    fine = replace(engine, min_coefficient=1e-5).objective(circuit, observable).propagate(theta)
    assert coarse.peak_terms < fine.peak_terms < 1_000_000
    assert abs(coarse.value - fine.value) < 2 * coarse.error_estimate
    assert fine.error_estimate < 0.02


def test_read_out_error_of_a_long_string_is_not_exponential():
    n = 40
    rng = np.random.default_rng(15)
    ones = set(rng.choice(n, size=15, replace=False).tolist())
    circuit = Circuit(n, tuple(Operation("x", (q,)) for q in sorted(ones)))
    errors = {q: ReadoutError(*rng.uniform(0, 0.02, size=2)) for q in range(n)}
    noise = NoiseModel("readout", readout=errors, strict=False)
    result = PauliPropagationSimulator(noise).objective(circuit, Observable.from_terms({"Z" * n: 1.0})).propagate(())
    means = [(1 - e.p01 - e.p10) * (-1 if q in ones else 1) + e.p10 - e.p01 for q, e in errors.items()]
    assert abs(result.value - np.prod(means)) < 1e-3
    assert result.peak_terms < 100_000


@pytest.mark.slow
def test_a_127_qubit_device_gives_the_energies_of_its_part():
    from qiskit_ibm_runtime.fake_provider import FakeSherbrooke

    device = NoiseModel.from_backend(FakeSherbrooke())
    places, pairs = (0, 1, 2, 3), [(1, 0), (1, 2), (3, 2)]
    gates = ("ecr", "rz", "sx", "x")
    rng = np.random.default_rng(16)
    circuit, observable = oracle.random_circuit(rng, 4, 40, gates=gates, pairs=pairs), oracle.random_observable(rng, 4)
    theta = oracle.random_angles(rng, circuit)
    expected = PauliTransferSimulator(device.on_qubits(places)).objective(circuit, observable)(theta)
    value = exact(device).objective(*embedded(circuit, observable, 127, places))(theta)
    assert value == pytest.approx(expected, rel=0, abs=1e-12)

    coupled = [pair for pair in device.coupling_map if ("ecr", pair) in device.local]
    wide = [Operation(g, (q,), (0.3,) if g == "rz" else ()) for q in range(127) for g in ("sx", "rz", "sx")]
    wide += [Operation("ecr", coupled[k]) for k in range(0, len(coupled), 3)]
    result = PauliPropagationSimulator(device).objective(Circuit(127, tuple(wide)), ising(127)).propagate(())
    assert result.error_estimate < 1e-3


# The contract


def test_engine_and_objective_honour_their_contracts():
    engine = PauliPropagationSimulator()
    circuit = Circuit(1, (Operation("ry", (0,), (Slot(0),)),))
    objective = engine.objective(circuit, Observable.from_terms({"Z": 1.0}))
    assert isinstance(engine, Engine)
    assert isinstance(objective, Objective)
    assert engine == PauliPropagationSimulator()
    assert (objective.shots, objective.shots_per_evaluation, objective.n_parameters) == (None, 0, 1)
    assert objective([0.3]) == pytest.approx(np.cos(0.3))
    assert objective.propagate([0.3]) == Propagation(np.cos(0.3), 0.0, 0.0, n_terms=2, peak_terms=2, n_dropped=0)
    frozen = np.array([0.3])
    frozen.setflags(write=False)
    assert objective(frozen) == objective((0.3,))
    with pytest.raises(CircuitError, match="1 parameter"):
        objective([0.1, 0.2])


def test_a_batch_equals_single_energies_on_any_number_of_threads():
    circuit, observable = layers(6, 2), ising(6)
    objective = PauliPropagationSimulator(DEVICE, min_coefficient=1e-3).objective(circuit, observable)
    thetas = np.random.default_rng(17).uniform(-1, 1, size=(9, circuit.n_parameters))
    assert objective.batch(thetas).tolist() == [objective(theta) for theta in thetas]
    assert objective.batch(thetas[:1]).tolist() == [objective(thetas[0])]
    assert objective.batch(thetas[:0]).shape == (0,)


def test_results_repeat_exactly_and_survive_pickling():
    circuit, observable = layers(6, 3), ising(6)
    objective = PauliPropagationSimulator(DEVICE, min_coefficient=1e-3).objective(circuit, observable)
    theta = np.linspace(-1, 1, circuit.n_parameters)
    copy = pickle.loads(pickle.dumps(objective))  # noqa: S301 - our own bytes
    assert objective.propagate(theta) == objective.propagate(theta) == copy.propagate(theta)


def test_repeated_and_identity_terms_add_up():
    circuit = Circuit(2, (Operation("ry", (0,), (0.3,)),))
    observable = Observable(("II", "IZ", "II", "IZ"), (1.0, 0.5, 2.0, 0.25))
    assert exact().objective(circuit, observable)(()) == pytest.approx(3 + 0.75 * np.cos(0.3))
    assert exact().objective(Circuit(2), Observable.from_terms({"XY": 1.0}))(()) == 0.0


def test_wrong_settings_and_requests_are_refused():
    observable = Observable.from_terms({"Z" * 129: 1.0})
    with pytest.raises(EngineError, match="up to 128 qubits, got 129"):
        PauliPropagationSimulator().objective(Circuit(129), observable)
    with pytest.raises(EngineError, match="must agree"):
        PauliPropagationSimulator().objective(Circuit(3), observable)
    for wrong in (-1e-3, np.nan, np.inf, "1e-3"):
        with pytest.raises(EngineError, match="min_coefficient"):
            PauliPropagationSimulator(min_coefficient=wrong)
    with pytest.raises(EngineError, match="max_weight"):
        PauliPropagationSimulator(max_weight=0)
    with pytest.raises(EngineError, match="max_terms"):
        PauliPropagationSimulator(max_terms=1.5)
    with pytest.raises(EngineError, match="NoiseModel"):
        PauliPropagationSimulator("ourense")
    small = NoiseModel.named("ourense")
    with pytest.raises(NoiseModelError, match="qubit"):
        PauliPropagationSimulator(small).objective(Circuit(6), Observable.from_terms({"Z" * 6: 1.0}))
    objective = PauliPropagationSimulator().objective(Circuit(1), Observable.from_terms({"Z": 1.0}))
    with pytest.raises(EngineError, match="PauliTransferSimulator"):
        objective.with_shots(100, np.random.default_rng(0))
    with pytest.raises(ChannelError):
        Operation("channel", (0,), channel=Channel(np.eye(5)))


def test_the_engine_loads_numba_only_when_it_makes_an_objective():
    code = (
        "import sys; from qvar.simulators import PauliPropagationSimulator; PauliPropagationSimulator(); "
        "sys.exit('numba' in sys.modules or 'qiskit' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


CHECKED = """
import numpy as np, pytest, sys
from qvar.simulators import Circuit, Observable, Operation, PauliPropagationSimulator, Slot
from qvar.simulators.kernels import compiled
o = PauliPropagationSimulator().objective(Circuit(1, (Operation("rx", (0,), (Slot(0),)),)), Observable(("Z",), (1.0,)))
try:
    compiled("propagation.run", "propagate")(*o._arguments, np.zeros(0), np.zeros(9), np.zeros(0), False)
    sys.exit("bounds are not checked")
except IndexError:
    sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""


@pytest.mark.slow
def test_the_kernels_stay_within_their_arrays(tmp_path):
    names = ("without_truncation", "channels_of_every", "tables_that_grow", "heavy", "across_the_words", "converge")
    environment = os.environ | {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", CHECKED, str(Path(__file__)), "-k", " or ".join(names)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
