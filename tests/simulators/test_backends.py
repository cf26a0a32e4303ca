"""Noise from calibrated backends and from and to Qiskit Aer."""

import numpy as np
import pytest
from qiskit.circuit.library import CXGate
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import PTM, SuperOp
from qiskit.transpiler import InstructionProperties
from qiskit_aer import AerSimulator as QiskitAer
from qiskit_aer.noise import NoiseModel as AerNoiseModel
from qiskit_aer.noise import depolarizing_error
from qiskit_ibm_runtime import fake_provider

from qvar.simulators import Channel, Circuit, NoiseModel, Operation, ReadoutError, StateFlip
from qvar.simulators.channels import amplitude_damping, depolarizing, identity_channel
from qvar.simulators.errors import NoiseModelError
from qvar.simulators.gates import GATES, gate_matrix
from tests.simulators import oracle

OLD_AND_NEW = [
    "FakeArmonkV2",  # one qubit
    "FakeAlmadenV2",  # u1, u2, u3
    "FakeBurlingtonV2",  # u1, u2, u3
    "FakeMelbourneV2",  # no reset
    "FakeYorktownV2",
    "FakeOslo",
    "FakeFractionalBackend",  # its own rx and rzz
]


@pytest.mark.parametrize("name", OLD_AND_NEW)
def test_fake_devices_old_and_new_become_complete_models(name):
    n_qubits = min(3, getattr(fake_provider, name)().num_qubits)
    noise = NoiseModel.named(f"fake:{name}", qubits=range(n_qubits))
    assert noise.n_qubits == n_qubits
    for gate in GATES.values():
        for qubits in [(q,) for q in range(n_qubits)] if gate.n_qubits == 1 else noise.coupling_map:
            channel = noise.channel(gate.name, qubits)
            assert channel.n_qubits == gate.n_qubits
            if gate.name in ("rx", "ry", "u", "h", "x", "sx", "cx"):
                assert not channel.is_identity(), gate.name
    assert all(0 < noise.readout_error(q).p01 < 0.5 for q in range(n_qubits))


def test_the_suffix_of_a_fake_backend_may_be_left_out():
    short, full = NoiseModel.named("fake:FakeOurense"), NoiseModel.named("fake:FakeOurenseV2")
    assert short.key() == full.key()


def test_gates_cost_the_pulses_that_execute_them(fake):
    noise = fake.noise
    for q in range(len(fake.qubits)):
        pulse = noise.channel("sx", (q,)).ptm
        for gate, expected in {
            "h": pulse,
            "sxdg": pulse,
            "rx": pulse @ pulse,
            "ry": pulse @ pulse,
            "u": pulse @ pulse,
        }.items():
            np.testing.assert_allclose(noise.channel(gate, (q,)).ptm, expected, rtol=0, atol=1e-14)
        np.testing.assert_array_equal(noise.channel("y", (q,)).ptm, noise.channel("x", (q,)).ptm)
        assert all(noise.channel(gate, (q,)).is_identity() for gate in ("rz", "z", "s", "sdg", "t", "tdg", "p"))


def test_two_qubit_gates_cost_the_native_gate_in_either_direction(fake):
    noise = fake.noise
    assert fake.pairs
    for a, b in fake.pairs:
        native = noise.channel(fake.gate, (a, b))
        for gate in ("cx", "cz", "cy", "ecr"):
            np.testing.assert_array_equal(noise.channel(gate, (a, b)).ptm, native.ptm)
        if (b, a) not in fake.pairs:
            np.testing.assert_array_equal(noise.channel("cx", (b, a)).ptm, native.reversed_qubits().ptm)
        twice = native.ptm @ native.ptm
        np.testing.assert_allclose(noise.channel("rzz", (a, b)).ptm, twice, rtol=0, atol=1e-14)
        np.testing.assert_allclose(noise.channel("swap", (a, b)).ptm, twice @ native.ptm, rtol=0, atol=1e-14)


def test_the_chosen_qubits_and_no_others_are_coupled(fake):
    assert set(fake.noise.coupling_map) == {p for a, b in fake.pairs for p in ((a, b), (b, a))}
    assert fake.noise.n_qubits == len(fake.qubits)


def test_readout_keeps_both_reported_probabilities(fake):
    for q, physical in enumerate(fake.qubits):
        reported = fake.backend.properties().qubit_property(physical)
        error = fake.noise.readout_error(q)
        assert error.p01 == reported["prob_meas1_prep0"][0]
        assert error.p10 == reported["prob_meas0_prep1"][0]


def test_backends_that_report_one_readout_error_get_it_both_ways():
    backend = GenericBackendV2(2, seed=1)
    expected = backend.target["measure"][(0,)].error
    assert NoiseModel.from_backend(backend).readout_error(0) == ReadoutError(expected, expected)


def test_qubits_that_report_no_readout_error_are_read_without_one():
    backend = GenericBackendV2(2, seed=1)
    backend.target.update_instruction_properties("measure", (0,), InstructionProperties(duration=1e-6, error=0.0))
    noise = NoiseModel.from_backend(backend)
    assert noise.readout_error(0) == ReadoutError(0.0, 0.0)
    assert noise.readout_error(1).p01 > 0


def test_broken_edges_are_left_out():
    backend = GenericBackendV2(3, coupling_map=[[0, 1], [1, 2]], seed=1)
    assert NoiseModel.from_backend(backend).coupling_map == ((0, 1), (1, 0), (1, 2), (2, 1))
    backend.target.update_instruction_properties("cx", (0, 1), InstructionProperties(duration=1e-7, error=1.0))
    noise = NoiseModel.from_backend(backend)
    assert noise.coupling_map == ((1, 2), (2, 1))
    with pytest.raises(NoiseModelError, match="coupled pairs are 1-2"):
        noise.channel("cx", (0, 1))


@pytest.mark.parametrize("qubits", [[0, 5], [-1], [1, 1], []])
def test_impossible_choices_of_physical_qubits_are_refused(qubits):
    with pytest.raises(NoiseModelError, match=r"qubits 0\.\.4; need distinct ones, got"):
        NoiseModel.from_backend(fake_provider.FakeOurenseV2(), qubits=qubits)


@pytest.mark.filterwarnings("ignore:Qiskit backend:UserWarning")
def test_a_backend_without_calibration_is_refused():
    with pytest.raises(NoiseModelError, match="reports no error for `sx`"):
        NoiseModel.from_backend(GenericBackendV2(2, noise_info=False))


def test_models_survive_a_round_trip_through_aer():
    rng = np.random.default_rng(0)
    noise = oracle.random_noise(rng, oracle.random_circuit(rng, 3, 40))
    noise.readout = [ReadoutError(0.1, 0.2), ReadoutError(0.0, 0.3), ReadoutError(0.05, 0.05)]
    there = noise.model()
    back = NoiseModel.from_aer(there.to_aer())
    assert back.local.keys() == {key for key, channel in there.local.items() if not channel.is_identity()}
    for key, channel in back.local.items():
        np.testing.assert_allclose(channel.ptm, there.local[key].ptm, rtol=0, atol=1e-13)
    for q in range(3):
        assert back.readout_error(q).p01 == pytest.approx(there.readout_error(q).p01)
        assert back.readout_error(q).p10 == pytest.approx(there.readout_error(q).p10)


def test_uniform_models_survive_a_round_trip_through_aer():
    there = NoiseModel.from_channels(
        amplitude_damping(0.2), amplitude_damping(0.1).tensor(amplitude_damping(0.3)), readout=ReadoutError(0.1, 0.2)
    )
    back = NoiseModel.from_aer(there.to_aer())
    for gate in GATES.values():
        qubits = (4, 2)[: gate.n_qubits]
        if gate.name == "id":
            assert back.channel("id", qubits) is None
        else:
            expected = there.channel(gate.name, qubits).ptm
            np.testing.assert_allclose(back.channel(gate.name, qubits).ptm, expected, rtol=0, atol=1e-13)
    assert back.readout_error(7).p10 == pytest.approx(0.2)


def test_gates_and_qubits_that_are_perfect_stay_so_beside_a_noisy_default_in_aer():
    noise = NoiseModel(
        "one good qubit",
        local={("x", (0,)): identity_channel(), ("y", (0,)): Channel.from_kraus([gate_matrix("rz", [1e-9])])},
        default={"x": depolarizing(0.2), "y": depolarizing(0.3)},
        readout={0: ReadoutError(0.0, 0.0)},
        default_readout=ReadoutError(0.1, 0.1),
        strict=False,
    )
    circuit = Circuit(2, (Operation("x", (0,)), Operation("x", (1,)), Operation("y", (0,)), Operation("y", (1,))))
    there = circuit.to_qiskit()
    there.measure_all()
    backend = QiskitAer(method="density_matrix", noise_model=noise.to_aer())
    counts = backend.run(there, shots=2000, seed_simulator=1).result().get_counts()
    assert {outcome[-1] for outcome in counts} == {"0"}  # qubit 0 is flipped twice, never wrong and never misread
    assert {outcome[0] for outcome in counts} == {"0", "1"}
    back = NoiseModel.from_aer(noise.to_aer())
    for gate in ("x", "y"):
        for q in (0, 1):
            expected = noise.channel(gate, (q,)).ptm
            np.testing.assert_allclose(back.channel(gate, (q,)).ptm, expected, rtol=0, atol=1e-13)
    assert back.readout_error(0) == ReadoutError(0.0, 0.0)


def test_aer_models_are_read_with_aers_own_meaning():
    model = AerNoiseModel()
    model.add_quantum_error(depolarizing_error(0.1, 1), "u3", [0])
    model.add_all_qubit_quantum_error(depolarizing_error(0.2, 2), "cx")
    model.add_all_qubit_quantum_error(depolarizing_error(0.2, 1), "reset")
    model.add_readout_error([[0.9, 0.1], [0.2, 0.8]], [1])
    noise = NoiseModel.from_aer(model, name="mine")
    assert noise.name == "mine"
    np.testing.assert_allclose(noise.channel("u", (0,)).ptm, np.diag([1, 0.9, 0.9, 0.9]), rtol=0, atol=1e-14)
    expected = PTM(SuperOp(depolarizing_error(0.2, 2))).data.real
    np.testing.assert_allclose(noise.channel("cx", (1, 0)).ptm, expected, rtol=0, atol=1e-14)
    assert noise.channel("u", (1,)) is None
    assert noise.readout_error(1) == ReadoutError(0.1, 0.2)
    assert noise.readout_error(0) is None


def test_aer_models_that_cannot_be_translated_are_refused():
    toffoli = AerNoiseModel()
    toffoli.add_all_qubit_quantum_error(depolarizing_error(0.1, 3), "ccx")
    with pytest.raises(NoiseModelError, match="errors on ccx"):
        NoiseModel.from_aer(toffoli)
    joint = AerNoiseModel()
    joint.add_readout_error(np.full((4, 4), 0.25), [0, 1])
    with pytest.raises(NoiseModelError, match=r"joint read-out errors on \[\(0, 1\)\]"):
        NoiseModel.from_aer(joint)
    with pytest.raises(NoiseModelError, match="StateFlip"):
        NoiseModel("flip", readout={0: StateFlip(0.1)}).to_aer()


def test_a_backend_with_a_cx_of_its_own_is_read_in_its_own_direction():
    backend = GenericBackendV2(2, coupling_map=[[1, 0]], seed=3)
    assert list(backend.target["cx"]) == [(1, 0)]
    assert isinstance(backend.target.operation_from_name("cx"), CXGate)
    noise = NoiseModel.from_backend(backend)
    native = PTM(SuperOp(AerNoiseModel.from_backend(backend)._local_quantum_errors["cx"][(1, 0)])).data.real
    np.testing.assert_allclose(noise.channel("cx", (1, 0)).ptm, native, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(noise.channel("cx", (0, 1)).ptm, noise.channel("cx", (1, 0)).reversed_qubits().ptm)
