"""Our SamplerV2 against Qiskit's own: registers, partial measurement, read-out error, large devices."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Clbit, Parameter
from qiskit.circuit.library import real_amplitudes
from qiskit.primitives import BackendSamplerV2, BaseSamplerV2, StatevectorSampler
from qiskit.quantum_info import Statevector
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator as QiskitAerSimulator
from qiskit_ibm_runtime.fake_provider import FakeMumbaiV2, FakeOurenseV2
from scipy.stats import chi2

from qvar.simulators import (
    AerSimulator,
    NoiseModel,
    PauliTransferSimulator,
    ReadoutError,
    SamplerV2,
    StateFlip,
    StatevectorSimulator,
)
from qvar.simulators.errors import CircuitError, EngineError, NoiseModelError
from tests.simulators.primitives.cases import counts_table, measured_at_random, random_circuit, random_values

ENGINES = {
    "default": None,
    "state vector": StatevectorSimulator(),
    "pauli-transfer": PauliTransferSimulator(),
    "aer": AerSimulator(),
}
SHOTS = 2000


def run_one(sampler, *pub, **options):
    return sampler.run([pub], **options).result()[0]


def assert_same_distribution(first, second):
    """Compare two tables of counts, up to statistics: the sum of squared pulls follows a chi-squared law."""
    together = first + second
    seen = together > 0
    scaled = second * first.sum() / second.sum()
    statistic = ((first - scaled)[seen] ** 2 / (together[seen] * first.sum() / second.sum())).sum()
    assert statistic < chi2.ppf(1 - 1e-7, max(seen.sum() - 1, 1)) + 1e-9


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
@settings(max_examples=8, deadline=None)
@given(st.integers(1, 4), st.sampled_from([(), (2,), (2, 1)]), st.integers(0, 10**6))
def test_samples_look_and_scatter_like_qiskits_for_any_circuit_and_registers(engine, n_qubits, shape, seed):
    rng = np.random.default_rng(seed)
    circuit = measured_at_random(rng, random_circuit(rng, n_qubits))
    pub = (circuit, random_values(rng, circuit, shape))
    ours = run_one(SamplerV2(engine, seed=seed), *pub, shots=SHOTS)
    theirs = run_one(StatevectorSampler(seed=seed + 1), *pub, shots=SHOTS)
    assert ours.data.keys() == theirs.data.keys()
    assert ours.data.shape == theirs.data.shape == shape
    assert ours.metadata == theirs.metadata
    for name in ours.data:
        mine, reference = ours.data[name], theirs.data[name]
        assert (mine.shape, mine.num_shots, mine.num_bits) == (reference.shape, SHOTS, reference.num_bits)
        assert (mine.array.shape, mine.array.dtype) == (reference.array.shape, reference.array.dtype)
    for index in np.ndindex(shape):
        joined = (counts_table(result.join_data(), index) for result in (ours, theirs))
        assert_same_distribution(*joined)


def test_the_comparison_notices_exchanged_bits():
    circuit = QuantumCircuit(2)
    circuit.ry(1.0, 0)
    circuit.measure_all()
    ours = counts_table(run_one(SamplerV2(seed=1), circuit, shots=SHOTS).data.meas)
    with pytest.raises(AssertionError):
        assert_same_distribution(ours, ours[[0, 2, 1, 3]])


def test_results_look_like_qiskits():
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    circuit.metadata = {"mine": 1}
    ours, theirs = (
        sampler.run([circuit, (circuit, None, 7)]).result() for sampler in (SamplerV2(), StatevectorSampler())
    )
    assert isinstance(SamplerV2(), BaseSamplerV2)
    assert ours.metadata == theirs.metadata
    assert [type(pub) for pub in ours] == [type(pub) for pub in theirs]
    assert [pub.metadata for pub in ours] == [pub.metadata for pub in theirs]
    assert ours[0].metadata["shots"] == 1024
    assert len(SamplerV2().run([]).result()) == 0


def test_shots_come_from_the_pub_then_from_run_then_from_the_sampler():
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    sampler, pubs = SamplerV2(default_shots=5), [circuit, (circuit, None, 3)]
    assert [pub.data.meas.num_shots for pub in sampler.run(pubs).result()] == [5, 3]
    assert [pub.data.meas.num_shots for pub in sampler.run(pubs, shots=9).result()] == [9, 3]


def test_bits_nothing_is_measured_into_are_zero_and_the_last_measurement_of_a_bit_counts():
    circuit = QuantumCircuit(3, 4)
    circuit.x([0, 2])
    circuit.measure(0, 3)
    circuit.measure(2, 1)
    circuit.measure(0, 0)
    circuit.measure(1, 0)
    for sampler in (SamplerV2(), StatevectorSampler()):
        assert run_one(sampler, circuit, shots=10).data.c.get_counts() == {"1010": 10}


def test_one_qubit_may_be_read_into_several_bits():
    circuit = QuantumCircuit(1, 2)
    circuit.h(0)
    circuit.measure([0, 0], [0, 1])
    counts = run_one(SamplerV2(seed=0), circuit, shots=100).data.c.get_counts()
    assert set(counts) == {"00", "11"}
    noise = NoiseModel.from_numbers(readout=0.1)
    with pytest.raises(EngineError, match="pub 0: qubit 0 is measured more than once"):
        SamplerV2(PauliTransferSimulator(noise)).run([circuit])
    SamplerV2(PauliTransferSimulator(noise.without_readout())).run([circuit]).result()


def test_overlapping_registers_show_the_same_bits():
    bits = [Clbit() for _ in range(3)]
    circuit = QuantumCircuit(2)
    circuit.add_bits(bits)
    circuit.add_register(ClassicalRegister(bits=bits[:2], name="low"), ClassicalRegister(bits=bits[1:], name="high"))
    circuit.x(1)
    circuit.measure([0, 1], bits[:2])
    data = run_one(SamplerV2(), circuit, shots=4).data
    assert (data.low.get_counts(), data.high.get_counts()) == ({"10": 4}, {"01": 4})


def test_circuits_without_registers_are_warned_about_and_give_nothing():
    circuit = QuantumCircuit(1)
    for sampler in (SamplerV2(), StatevectorSampler()):
        with pytest.warns(UserWarning, match="no output classical registers"):
            result = run_one(sampler, circuit)
        assert len(result.data) == 0
        assert result.metadata["shots"] == 1024


@pytest.mark.parametrize("sampler", [SamplerV2(), StatevectorSampler()])
def test_circuits_with_registers_but_no_measurement_give_zeros(sampler):
    circuit = QuantumCircuit(1, 3)
    circuit.x(0)
    assert run_one(sampler, circuit, shots=8).data.c.get_counts() == {"000": 8}


def test_readout_error_acts_on_every_measured_qubit_by_itself():
    noise = NoiseModel(
        "n", readout={0: ReadoutError(0.1, 0.3), 2: StateFlip(0.25), 5: ReadoutError(0.4, 0)}, strict=False
    )
    circuit = QuantumCircuit(6, 4)
    circuit.x([0, 1])
    circuit.h(2)
    circuit.h(2)
    circuit.measure([0, 1, 2, 5], [0, 1, 2, 3])  # qubit 5 is idle, and not simulated
    n = 20000
    bits = run_one(SamplerV2(PauliTransferSimulator(noise), seed=5), circuit, shots=n).data.c.to_bool_array(
        order="little"
    )
    expected = np.array([0.7, 1.0, 0.25, 0.4])
    np.testing.assert_array_less(abs(bits.mean(axis=0) - expected), 5 * np.sqrt(expected * (1 - expected) / n) + 1e-12)
    correlation = np.cov(bits.astype(float)[:, [0, 2, 3]].T)
    assert abs(correlation - np.diag(np.diag(correlation))).max() < 5 * 0.25 / np.sqrt(n)


@pytest.mark.parametrize("engine", [PauliTransferSimulator, AerSimulator])
@settings(max_examples=4, deadline=None)
@given(st.integers(1, 4), st.integers(0, 10**6))
def test_noisy_samples_scatter_like_those_of_aer(engine, n_qubits, seed):
    rng = np.random.default_rng(seed)
    noise = NoiseModel.from_numbers(p1=0.05, p2=0.1, readout=0.07)
    circuit = QuantumCircuit(n_qubits)
    for q in range(n_qubits):
        circuit.ry(rng.uniform(-2, 2), q)
        if q:
            circuit.cx(q, q - 1)
    circuit.measure_all()
    ours = run_one(SamplerV2(engine(noise), seed=seed), circuit, shots=SHOTS)
    backend = QiskitAerSimulator(noise_model=noise.to_aer())
    theirs = run_one(BackendSamplerV2(backend=backend, options={"seed_simulator": seed}), circuit, shots=SHOTS)
    assert ours.data.keys() == theirs.data.keys()
    assert_same_distribution(counts_table(ours.data.meas), counts_table(theirs.data.meas))
    ideal = run_one(SamplerV2(seed=seed), circuit, shots=200 * SHOTS)
    with pytest.raises(AssertionError):
        assert_same_distribution(counts_table(ideal.data.meas), 100 * counts_table(theirs.data.meas))


def test_backend_samplers_on_a_fake_device_agree_within_statistics():
    backend = FakeOurenseV2()
    noise = NoiseModel.from_backend(backend)
    manager = generate_preset_pass_manager(0, backend=backend, initial_layout=[1, 3, 4], seed_transpiler=1)
    ansatz = real_amplitudes(3, reps=1)
    ansatz.measure_all()
    circuit, values = manager.run(ansatz), np.linspace(-1, 1, 6)
    ours = run_one(SamplerV2(PauliTransferSimulator(noise), seed=1), circuit, values, shots=SHOTS)
    aer = QiskitAerSimulator.from_backend(backend, seed_simulator=2)
    theirs = run_one(BackendSamplerV2(backend=aer), circuit, values, shots=SHOTS)
    assert_same_distribution(counts_table(ours.data.meas), counts_table(theirs.data.meas))


def test_all_qubits_of_a_large_device_can_be_measured():
    backend = FakeMumbaiV2()
    noise = NoiseModel.from_backend(backend)
    circuit = QuantumCircuit(27)
    circuit.x(12)
    circuit.cx(12, 10)
    circuit.measure_all()
    bits = run_one(SamplerV2(PauliTransferSimulator(noise), seed=2), circuit, shots=SHOTS).data.meas.to_bool_array(
        order="little"
    )
    rates = bits.mean(axis=0)
    for q in set(range(27)) - {10, 12}:
        expected = noise.readout_error(q).p01
        assert abs(rates[q] - expected) < 5 * np.sqrt(expected * (1 - expected) / SHOTS) + 1e-12
    assert (rates[[10, 12]] > 0.9).all()


def test_large_noiseless_circuits_are_sampled():
    circuit = QuantumCircuit(15)
    circuit.h(0)
    for q in range(14):
        circuit.cx(q, q + 1)
    circuit.measure_all()
    counts = run_one(SamplerV2(seed=0), circuit, shots=100).data.meas.get_counts()
    assert set(counts) == {"0" * 15, "1" * 15}


def test_engines_that_give_expectation_values_only_sample_few_qubits():
    circuit = QuantumCircuit(11)
    circuit.h(range(11))
    circuit.measure_all()
    with pytest.raises(EngineError, match=r"pub 0: engine 'aer-statevector' gives expectation values only"):
        SamplerV2(AerSimulator(method="statevector")).run([circuit])


def test_the_same_seed_gives_the_same_record_and_another_seed_another():
    circuit = QuantumCircuit(3)
    circuit.h(range(3))
    circuit.measure_all()

    def record(seed):
        sampler = SamplerV2(seed=seed)
        results = [sampler.run([circuit, circuit], shots=40).result() for _ in range(2)]
        return [pub.data.meas.array.tobytes() for result in results for pub in result]

    assert record(1) == record(1)
    assert record(1) != record(2)
    assert record(1)[:2] == record(1)[2:], "an integer seeds every run alike"
    assert record(1)[0] != record(1)[1], "pubs have randomness of their own"
    by_generator = record(np.random.default_rng(1))
    assert by_generator == record(np.random.default_rng(1))
    assert by_generator[:2] != by_generator[2:], "a generator goes on from run to run"


def test_shots_come_in_random_order():
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.measure_all()
    bits = run_one(SamplerV2(seed=0), circuit, shots=SHOTS).data.meas.to_bool_array()[:, 0]
    changes = (bits[1:] != bits[:-1]).mean()
    assert abs(changes - 0.5) < 5 * 0.5 / np.sqrt(SHOTS)


def mid_circuit():
    circuit = QuantumCircuit(2, 1)
    circuit.measure(0, 0)
    circuit.cx(0, 1)
    return circuit


def resetting():
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.reset(0)
    circuit.measure(0, 0)
    return circuit


def loop():
    circuit = QuantumCircuit(1, 1)
    with circuit.for_loop(range(2)):
        circuit.x(0)
    circuit.measure(0, 0)
    return circuit


def hidden_measurement():
    inner = QuantumCircuit(1, 1)
    inner.measure(0, 0)
    inner.x(0)
    circuit = QuantumCircuit(1, 1)
    circuit.append(inner.to_instruction(), [0], [0])
    return circuit


REFUSED = {
    "mid-circuit measurement": (mid_circuit, r"'cx' on \(0, 1\) follows a measurement"),
    "reset": (resetting, r"'reset' on \(0,\) follows other operations"),
    "control flow": (loop, r"control flow \('for_loop' on \(0,\)\)"),
    "mid-circuit measurement inside a block": (hidden_measurement, r"'x' on \(0,\) follows a measurement"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_simulated_is_refused_by_run_naming_pub_and_operation(make, message):
    fine = QuantumCircuit(1, 1)
    with pytest.raises(CircuitError, match=f"pub 2: {message}"):
        SamplerV2().run([fine, fine, make()])


def test_measurements_inside_blocks_are_found():
    inner = QuantumCircuit(2, 2)
    inner.x(0)
    inner.measure([0, 1], [1, 0])
    circuit = QuantumCircuit(3, 3)
    circuit.append(inner.to_instruction(), [2, 0], [0, 2])
    assert run_one(SamplerV2(), circuit, shots=5).data.c.get_counts() == {"100": 5}


def test_what_the_device_lacks_is_refused_by_run():
    circuit = QuantumCircuit(3)
    circuit.cx(0, 2)
    circuit.measure_all()
    with pytest.raises(NoiseModelError, match=r"pub 0: .*cannot execute 'cx' on \(0, 2\)"):
        SamplerV2(PauliTransferSimulator(NoiseModel.named("ourense"))).run([circuit])


@pytest.mark.parametrize(
    ("pub", "error"),
    [
        ((QuantumCircuit(1, 1), [0.5]), ValueError),
        ((QuantumCircuit(1, 1), None, 0), ValueError),
        ((QuantumCircuit(1, 1), None, 2.5), TypeError),
    ],
)
def test_malformed_pubs_are_refused_as_by_qiskit(pub, error):
    for sampler in (StatevectorSampler(), SamplerV2()):
        with pytest.raises(error):
            sampler.run([pub])


@pytest.mark.parametrize("shots", [0, -1, 1.5, None])
def test_impossible_default_shots_are_refused(shots):
    with pytest.raises(EngineError, match="default_shots must be"):
        SamplerV2(default_shots=shots)


def test_parameters_are_bound_by_name_and_by_position():
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(2)
    circuit.rx(b, 1)
    circuit.rx(a, 0)
    circuit.measure_all()
    for values in ([[0, np.pi], [np.pi, 0]], {("b", "a"): [[np.pi, 0], [0, np.pi]]}, {"a": [0, np.pi], b: [np.pi, 0]}):
        result = run_one(SamplerV2(), circuit, values, shots=3)
        assert [result.data.meas.get_counts(k) for k in range(2)] == [{"10": 3}, {"01": 3}]


def test_probabilities_are_those_of_the_state():
    rng = np.random.default_rng(11)
    circuit = random_circuit(rng, 4, n_gates=20)
    values = random_values(rng, circuit, ())
    expected = Statevector(circuit.assign_parameters(values)).probabilities()
    circuit.measure_all()
    n = 10**6
    found = counts_table(run_one(SamplerV2(PauliTransferSimulator(), seed=1), circuit, values, shots=n).data.meas) / n
    np.testing.assert_array_less(abs(found - expected), 5 * np.sqrt(expected * (1 - expected) / n) + 1e-9)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda sampler: pickle.loads(pickle.dumps(sampler))])  # noqa: S301
def test_samplers_can_be_copied_and_pickled(duplicate):
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.measure_all()
    sampler = SamplerV2(PauliTransferSimulator(NoiseModel.from_numbers(p1=0.1)), default_shots=50, seed=4)
    before = run_one(sampler, circuit).data.meas.get_counts()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run_one(duplicate(sampler), circuit).data.meas.get_counts() == before
