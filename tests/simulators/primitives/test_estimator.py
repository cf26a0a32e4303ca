"""Our EstimatorV2 against Qiskit's own, exact and with shots, noiseless and noisy."""

import copy
import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import real_amplitudes
from qiskit.primitives import BackendEstimatorV2, BaseEstimatorV2, StatevectorEstimator
from qiskit.quantum_info import Kraus, SparseObservable, SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator as QiskitAerSimulator
from qiskit_aer.primitives import EstimatorV2 as AerEstimatorV2
from qiskit_ibm_runtime.fake_provider import FakeMumbaiV2, FakeOurenseV2
from qiskit_machine_learning.circuit.library import raw_feature_vector
from scipy.stats import chi2

from qvar.simulators import (
    AerSimulator,
    EstimatorV2,
    NoiseModel,
    PauliTransferSimulator,
    ReadoutError,
    StatevectorSimulator,
    amplitude_damping,
)
from qvar.simulators.errors import CircuitError, EngineError, NoiseModelError
from qvar.simulators.primitives import compilation
from tests.simulators.primitives.cases import random_circuit, random_observable, random_values

ENGINES = {
    "default": None,
    "state vector": StatevectorSimulator(),
    "pauli-transfer": PauliTransferSimulator(),
    "aer": AerSimulator(),
}
NOISE = NoiseModel.from_numbers(p1=0.01, p2=0.04, readout=0.03)
SHAPES = [((), ()), ((3,), ()), ((), (2,)), ((4,), (4,)), ((2, 1), (3,)), ((1,), (2, 3)), ((2, 3), (2, 1))]


@pytest.fixture(scope="module")
def ourense():
    return FakeOurenseV2()


def rotated(n_qubits=2):
    """Two qubits, rotated and entangled."""
    circuit = QuantumCircuit(n_qubits)
    circuit.ry(0.7, 0)
    circuit.rx(1.1, 1)
    circuit.cx(0, 1)
    return circuit


def run_one(estimator, *pub, **options):
    return estimator.run([pub], **options).result()[0]


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
@settings(max_examples=8, deadline=None)
@given(st.integers(1, 4), st.sampled_from(SHAPES), st.integers(0, 10**6))
def test_exact_values_equal_qiskits_for_any_circuit_expression_and_broadcasting(engine, n_qubits, shapes, seed):
    rng = np.random.default_rng(seed)
    circuit = random_circuit(rng, n_qubits)
    observables = np.empty(shapes[0], dtype=object)
    for index in np.ndindex(shapes[0]):
        observables[index] = random_observable(rng, n_qubits)
    observables = observables.tolist() if shapes[0] else observables.item()
    pub = (circuit, observables, random_values(rng, circuit, shapes[1]))
    ours, theirs = run_one(EstimatorV2(engine), *pub), run_one(StatevectorEstimator(), *pub)
    np.testing.assert_allclose(ours.data.evs, theirs.data.evs, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(ours.data.stds, theirs.data.stds)
    assert ours.data.evs.shape == theirs.data.evs.shape
    assert ours.data.evs.dtype == theirs.data.evs.dtype
    assert ours.data.stds.dtype == theirs.data.stds.dtype
    assert ours.data.keys() == theirs.data.keys()
    assert ours.data.shape == theirs.data.shape
    assert ours.metadata.keys() == theirs.metadata.keys()


def test_results_look_like_qiskits():
    circuit = rotated()
    circuit.metadata = {"mine": 1}
    ours, theirs = (
        e.run([(circuit, "ZZ"), (circuit, ["XX"])]).result() for e in (EstimatorV2(), StatevectorEstimator())
    )
    assert isinstance(EstimatorV2(), BaseEstimatorV2)
    assert ours.metadata == theirs.metadata
    assert [type(pub) for pub in ours] == [type(pub) for pub in theirs]
    assert ours[0].metadata == theirs[0].metadata
    assert isinstance(ours[0].data.evs, np.ndarray)
    assert len(EstimatorV2().run([]).result()) == 0
    assert run_one(EstimatorV2(), circuit, []).data.evs.shape == (0,)


@pytest.mark.parametrize("engine", [PauliTransferSimulator(NOISE), AerSimulator(NOISE)])
@settings(max_examples=5, deadline=None)
@given(st.integers(1, 4), st.integers(0, 10**6))
def test_exact_noisy_values_are_the_means_that_qiskits_backend_estimator_finds(engine, n_qubits, seed):
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(n_qubits)
    for q in range(n_qubits):
        circuit.ry(rng.uniform(-2, 2), q)
        if q:
            circuit.cx(q - 1, q)
    labels = {"".join(rng.choice(list("IZ"), size=n_qubits)) for _ in range(3)}  # Qiskit's basis changes are noisy
    observable = SparsePauliOp(sorted(labels), rng.normal(size=len(labels)))
    backend = QiskitAerSimulator(noise_model=NOISE.to_aer(), basis_gates=["ry", "cx", "rz", "sx"])
    theirs = run_one(
        BackendEstimatorV2(backend=backend, options={"seed_simulator": seed}), circuit, observable, None, 0.01
    )
    exact = run_one(EstimatorV2(engine), circuit, observable).data.evs
    assert abs(exact - theirs.data.evs) < 5 * theirs.data.stds + 1e-12


def test_exact_noisy_values_equal_aers_estimator_without_readout():
    noise, rng = NOISE.without_readout(), np.random.default_rng(5)
    circuit = real_amplitudes(3, reps=2)
    pub = (circuit, [["ZZZ"], ["XIY"], [{"IZI": 0.5, "YYI": 2.0}]], random_values(rng, circuit, (4,)))
    aer = AerEstimatorV2(options={"backend_options": {"method": "density_matrix", "noise_model": noise.to_aer()}})
    ours = run_one(EstimatorV2(PauliTransferSimulator(noise)), *pub).data.evs
    np.testing.assert_allclose(ours, run_one(aer, *pub).data.evs, rtol=0, atol=1e-8)
    ideal = run_one(EstimatorV2(), *pub).data.evs
    assert np.abs(ours - ideal).max() > 0.01, "noise must be seen"


def test_readout_error_is_part_of_exact_values_of_one_and_of_many_observables():
    noise = NoiseModel("readout", readout={0: ReadoutError(0.1, 0.3), 1: ReadoutError(0.05, 0.0)}, strict=False)
    circuit = QuantumCircuit(2)
    circuit.x(0)
    estimator = EstimatorV2(PauliTransferSimulator(noise))
    many = run_one(estimator, circuit, ["IZ", "ZI", "ZZ", "IX"]).data.evs
    np.testing.assert_allclose(many, [-0.4, 0.9, -0.36, 0.2], atol=1e-12)
    for label, value in zip(["IZ", "ZI", "ZZ", "IX"], many, strict=True):
        assert run_one(estimator, circuit, label).data.evs == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_estimates_with_shots_scatter_by_their_reported_errors(engine):
    observable = SparsePauliOp(["ZZ", "ZI", "XX", "II"], [1.0, -0.6, 0.4, 0.7])
    estimator = EstimatorV2(engine, default_precision=0.1, seed=3)
    n = 400
    result = run_one(estimator, rotated(), [observable] * n)
    exact = run_one(StatevectorEstimator(), rotated(), observable).data.evs
    scores = (result.data.evs - exact) / result.data.stds
    assert abs(scores.mean()) < 5 / np.sqrt(n)
    low, high = chi2.ppf([1e-6, 1 - 1e-6], n - 1) / (n - 1)
    assert low < scores.var(ddof=1) < high
    assert result.metadata == {"target_precision": 0.1, "shots": 100, "circuit_metadata": {}}


def test_the_scatter_check_notices_errors_that_ignore_covariance():
    observable = SparsePauliOp(["ZZ", "ZI", "IZ"], [1.0, 1.0, 1.0])
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    result = run_one(EstimatorV2(seed=1), circuit, [observable] * 400, None, 0.1)
    separate = np.sqrt(2 / 100)  # ZI and IZ as if measured apart; together they have twice this variance
    low, high = chi2.ppf([1e-6, 1 - 1e-6], 399) / 399
    assert not low < (result.data.evs.std(ddof=1) / separate) ** 2 < high
    np.testing.assert_allclose(result.data.stds, np.sqrt(4 / 100))


def test_the_error_of_a_single_string_is_at_most_the_precision_and_vanishes_for_eigenstates():
    circuit = rotated()
    stds = run_one(EstimatorV2(seed=1), circuit, ["ZZ", "XY", "IX", "II"], None, 0.07).data.stds
    assert (stds <= 0.07).all()
    assert stds[3] == 0
    sure = run_one(EstimatorV2(seed=1), QuantumCircuit(2), "ZZ", None, 0.5)
    assert (sure.data.evs, sure.data.stds) == (1.0, 0.0)


def test_precision_comes_from_the_pub_then_from_run_then_from_the_estimator():
    estimator = EstimatorV2(default_precision=0.5, seed=0)
    pubs = [(rotated(), "ZZ"), (rotated(), "ZZ", None, 0.25), (rotated(), "ZZ", None, 0.0)]
    assert [pub.metadata["target_precision"] for pub in estimator.run(pubs).result()] == [0.5, 0.25, 0.0]
    assert [pub.metadata["target_precision"] for pub in estimator.run(pubs, precision=0.1).result()] == [0.1, 0.25, 0.0]
    assert "shots" not in estimator.run(pubs).result()[2].metadata


def test_the_same_seed_gives_the_same_record_and_another_seed_another():
    def record(seed):
        estimator = EstimatorV2(seed=seed, default_precision=0.1)
        jobs = [estimator.run([(rotated(), ["ZZ", "ZZ"]), (rotated(), "XX")]) for _ in range(2)]
        return [float(value) for job in jobs for pub in job.result() for value in pub.data.evs.reshape(-1)]

    assert record(1) == record(1)
    assert record(1) != record(2)
    assert record(1)[:3] == record(1)[3:], "an integer seeds every run alike"
    assert record(1)[0] != record(1)[1], "pubs and observables have randomness of their own"
    by_generator = record(np.random.default_rng(1))
    assert by_generator == record(np.random.default_rng(1))
    assert by_generator[:3] != by_generator[3:], "a generator goes on from run to run"


def test_a_transpiled_circuit_uses_only_its_active_qubits_and_their_noise():
    backend = FakeMumbaiV2()
    noise = NoiseModel.from_backend(backend)
    estimator, values = EstimatorV2(PauliTransferSimulator(noise)), np.linspace(-1, 1, 8)

    def placed(layout):
        manager = generate_preset_pass_manager(0, backend=backend, initial_layout=layout, seed_transpiler=1)
        circuit = manager.run(real_amplitudes(4, reps=1))
        observables = [SparsePauliOp(label).apply_layout(circuit.layout) for label in ("ZZZZ", "IXIY", "ZIII")]
        return circuit, observables, values

    pub = placed([5, 8, 11, 14])
    assert pub[0].num_qubits == 27
    ours = run_one(estimator, *pub).data.evs
    aer = QiskitAerSimulator.from_backend(backend, seed_simulator=4)
    theirs = run_one(BackendEstimatorV2(backend=aer), *pub, 0.02).data
    assert (np.abs(ours - theirs.evs) < 5 * theirs.stds + 0.005).all()  # noisy basis changes, symmetric read-out
    elsewhere = run_one(estimator, *placed([0, 1, 2, 3])).data.evs
    assert np.abs(elsewhere - ours).max() > 1e-3, "other qubits, other noise"


@pytest.mark.parametrize("precision", [0.0, 0.02])
def test_backend_estimators_on_a_fake_device_agree_within_their_errors(ourense, precision):
    circuit = QuantumCircuit(5)
    theta = Parameter("theta")
    circuit.sx(1)
    circuit.rz(theta, 1)
    circuit.sx(1)
    circuit.cx(1, 3)
    circuit.cx(3, 4)
    pub = (circuit, [["ZIIII"], ["ZZIII"], ["IIIZI"], [{"ZZIZI": 1.0, "IIIII": 0.5}]], [[0.4], [2.0]])
    noise = NoiseModel.from_backend(ourense)
    ours = run_one(EstimatorV2(PauliTransferSimulator(noise), seed=1), *pub, precision).data
    aer = QiskitAerSimulator.from_backend(ourense, seed_simulator=2)
    theirs = run_one(BackendEstimatorV2(backend=aer), *pub, 0.01).data
    asymmetry = 0.01  # Aer drops the asymmetry of read-out, about 0.4 % per qubit
    assert (np.abs(ours.evs - theirs.evs) < 5 * np.hypot(ours.stds, theirs.stds) + asymmetry).all()


def test_observables_may_act_on_qubits_that_no_gate_touches():
    noise = NoiseModel("readout", default_readout=ReadoutError(0.2, 0.1), strict=False)
    circuit = QuantumCircuit(20)
    circuit.x(7)
    labels = ["".join("Z" if q in chosen else "I" for q in reversed(range(20))) for chosen in ((7,), (3,), (3, 7, 19))]
    assert run_one(EstimatorV2(), circuit, labels).data.evs.tolist() == [-1, 1, -1]
    noisy = run_one(EstimatorV2(PauliTransferSimulator(noise)), circuit, labels).data.evs
    np.testing.assert_allclose(noisy, [-0.8, 0.6, -0.8 * 0.6 * 0.6], atol=1e-12)
    assert run_one(EstimatorV2(), QuantumCircuit(20), ["Z" * 20, "I" * 20]).data.evs.tolist() == [1, 1]


def test_projectors_are_observables_too():
    circuit = QuantumCircuit(2)
    circuit.ry(2 * np.arcsin(np.sqrt(0.3)), 0)
    observables = [SparseObservable("I0"), SparseObservable("I1"), SparseObservable("01"), SparseObservable("+0")]
    np.testing.assert_allclose(run_one(EstimatorV2(), circuit, observables).data.evs, [0.7, 0.3, 0.3, 0.35])


def test_gates_defined_for_numbers_only_are_translated_for_each_of_them():
    circuit = raw_feature_vector(4)
    theta = Parameter("y")
    circuit.ry(theta, 0)
    rng = np.random.default_rng(2)
    data = np.repeat(rng.normal(size=(3, 4)), 2, axis=0)
    values = np.column_stack([data / np.linalg.norm(data, axis=1, keepdims=True), rng.normal(size=6)])
    pub = (circuit, [["ZZ"], ["XI"]], values)
    ours, theirs = run_one(EstimatorV2(), *pub), run_one(StatevectorEstimator(), *pub)
    np.testing.assert_allclose(ours.data.evs, theirs.data.evs, atol=1e-10)


def test_initializing_fresh_qubits_is_taken():
    circuit = QuantumCircuit(2)
    circuit.initialize([0.6, 0, 0, 0.8j])
    circuit.reset([])
    circuit.h(0)
    for label in ("ZZ", "XX", "YZ"):
        expected = run_one(StatevectorEstimator(), circuit, label).data.evs
        assert run_one(EstimatorV2(), circuit, label).data.evs == pytest.approx(expected, abs=1e-12)


def test_channels_inside_circuits_are_taken():
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.append(Kraus(list(amplitude_damping(0.3).kraus())).to_instruction(), [0])
    assert run_one(EstimatorV2(PauliTransferSimulator()), circuit, "Z").data.evs == pytest.approx(-0.4)
    with pytest.raises(EngineError, match="pub 0: a state vector cannot hold channels; use PauliTransferSimulator"):
        EstimatorV2().run([(circuit, "Z")])


def measuring():
    circuit = rotated()
    circuit.measure_all()
    return circuit


def mid_circuit():
    circuit = QuantumCircuit(2, 1)
    circuit.measure(0, 0)
    circuit.h(0)
    return circuit


def resetting():
    circuit = rotated()
    circuit.reset(1)
    return circuit


def conditional():
    circuit = QuantumCircuit(2, 1)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    return circuit


def late_initialize():
    circuit = rotated()
    circuit.initialize([0, 1], 0)
    return circuit


REFUSED = {
    "measurement": (measuring, r"measures qubits \[0, 1\].*remove_final_measurements"),
    "mid-circuit measurement": (mid_circuit, r"'h' on \(0,\) follows a measurement"),
    "reset": (resetting, r"'reset' on \(1,\) follows other operations"),
    "control flow": (conditional, r"control flow \('if_else' on \(1,\)\)"),
    "initialization of used qubits": (late_initialize, r"'reset' on \(0,\) follows other operations"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("precision", [0.0, 0.1])
def test_what_cannot_be_simulated_is_refused_by_run_naming_pub_and_operation(make, message, precision):
    with pytest.raises(CircuitError, match=f"pub 1: .*{message}"):
        EstimatorV2().run([(rotated(), "ZZ"), (make(), "ZZ")], precision=precision)


def test_delays_are_refused_under_noise_only():
    circuit = rotated()
    circuit.delay(100, 0)
    assert run_one(EstimatorV2(), circuit, "ZI").data.evs == run_one(EstimatorV2(), rotated(), "ZI").data.evs
    with pytest.raises(EngineError, match="pub 0: the circuit holds delays"):
        EstimatorV2(PauliTransferSimulator(NOISE)).run([(circuit, "ZI")])


def test_what_the_device_lacks_is_refused_by_run():
    noise = NoiseModel.named("ourense")
    far = QuantumCircuit(3)
    far.cx(0, 2)
    with pytest.raises(NoiseModelError, match=r"pub 0: .*cannot execute 'cx' on \(0, 2\)"):
        EstimatorV2(PauliTransferSimulator(noise)).run([(far, "ZZZ")])
    large = QuantumCircuit(9)
    large.x(8)
    with pytest.raises(NoiseModelError, match=r"pub 0: device 'ourense' .* no noise data for 'x' on \(8,\)"):
        EstimatorV2(PauliTransferSimulator(noise)).run([(large, "Z" + "I" * 8)])
    wide = QuantumCircuit(13)
    wide.h(range(13))
    with pytest.raises(EngineError, match=r"pub 0: .*up to 12 qubits, got 13"):
        EstimatorV2(PauliTransferSimulator()).run([(wide, "Z" * 13)])


def test_angles_without_a_finite_value_are_refused_by_run():
    a = Parameter("a")
    circuit = QuantumCircuit(1)
    circuit.rx(a.log(), 0)
    with pytest.raises(CircuitError, match=r"pub 0: the angle log\(a\) .* at a=0"):
        EstimatorV2().run([(circuit, "Z", [[1.0], [0.0]])])
    circuit = QuantumCircuit(1)
    circuit.rx(a, 0)
    for value in (np.nan, np.inf):
        with pytest.raises(CircuitError, match="pub 0: the values of the parameters must be finite"):
            EstimatorV2().run([(circuit, "Z", [[value]])])


@pytest.mark.parametrize(
    ("pub", "error"),
    [
        ((QuantumCircuit(2), "ZZZ"), ValueError),
        ((QuantumCircuit(2), SparsePauliOp("ZZ", 1j)), ValueError),
        ((QuantumCircuit(2), "ZZ", [1.0]), ValueError),
        ((QuantumCircuit(2), "ZZ", None, -0.1), ValueError),
        ((QuantumCircuit(2), ["ZZ", "ZZ"], np.zeros((3, 0))), ValueError),
        (QuantumCircuit(2), ValueError),
        (("circuit", "Z"), (TypeError, AttributeError)),
    ],
)
def test_malformed_pubs_are_refused_as_by_qiskit(pub, error):
    for estimator in (StatevectorEstimator(), EstimatorV2()):
        with pytest.raises(error):
            estimator.run([pub])


@pytest.mark.parametrize("precision", [-0.1, np.inf, np.nan, "fine"])
def test_impossible_default_precisions_are_refused(precision):
    with pytest.raises(EngineError, match="default_precision must be a finite number >= 0"):
        EstimatorV2(default_precision=precision)


def test_only_engines_are_taken():
    with pytest.raises(EngineError, match="needs an engine such as PauliTransferSimulator"):
        EstimatorV2(QiskitAerSimulator())


@dataclass(frozen=True)
class Rigid:
    """A noisy engine whose noise cannot be exchanged."""

    inner: PauliTransferSimulator

    @property
    def name(self):
        return "rigid"

    @property
    def noise(self):
        return self.inner.noise

    def objective(self, circuit, observable):
        return self.inner.objective(circuit, observable)


def test_noise_that_cannot_follow_the_qubits_is_refused():
    estimator = EstimatorV2(Rigid(PauliTransferSimulator(NOISE)))
    assert run_one(estimator, rotated(), "ZZ").data.evs < 1
    moved = QuantumCircuit(3)
    moved.h(2)
    with pytest.raises(EngineError, match=r"pub 0: .*qubits \(2,\).*engine 'rigid' cannot be moved"):
        estimator.run([(moved, "ZII")])


@pytest.fixture
def translations(monkeypatch):
    """Count how often a circuit is translated."""
    counted = []

    def counting(circuit, original=compilation.translate):
        counted.append(circuit)
        return original(circuit)

    monkeypatch.setattr(compilation, "translate", counting)
    return counted


def test_equal_circuits_are_translated_once(translations):
    estimator, ansatz = EstimatorV2(PauliTransferSimulator(NOISE)), real_amplitudes(3, reps=1)
    values = np.zeros((5, ansatz.num_parameters))
    for _ in range(3):
        estimator.run([(ansatz, "ZZZ", values), (ansatz.copy(), [["XXX"], ["ZZI"]], values)]).result()
    assert len(translations) == 1


def test_one_program_serves_all_observables_and_points(monkeypatch):
    built = []

    def counting(self, circuit, observable, original=PauliTransferSimulator.objective):
        built.append(circuit)
        return original(self, circuit, observable)

    monkeypatch.setattr(PauliTransferSimulator, "objective", counting)
    estimator, ansatz = EstimatorV2(PauliTransferSimulator(NOISE)), real_amplitudes(3, reps=1)
    values, labels = np.zeros((5, ansatz.num_parameters)), [["ZZZ"], ["XXX"], ["IYI"], ["ZII"]]
    for _ in range(2):
        assert run_one(estimator, ansatz, labels, values).data.evs.shape == (4, 5)
    assert len(built) == 1


def test_a_circuit_changed_in_place_is_another_circuit(translations):
    circuit, estimator = QuantumCircuit(1), EstimatorV2()
    assert run_one(estimator, circuit, "Z").data.evs == 1
    circuit.x(0)
    assert run_one(estimator, circuit, "Z").data.evs == -1
    circuit.data[0] = (QuantumCircuit(1).rx(0.5, 0)[0].operation, [circuit.qubits[0]], [])
    assert run_one(estimator, circuit, "Z").data.evs == pytest.approx(np.cos(0.5))
    circuit.data[0] = (QuantumCircuit(1).rx(0.5 + 1e-12, 0)[0].operation, [circuit.qubits[0]], [])
    run_one(estimator, circuit, "Z")
    assert len(translations) == 4, "numbers are compared in full"


@pytest.mark.parametrize("change", ["definition", "matrix", "parameter of the same name", "qubits"])
def test_circuits_that_differ_in_one_thing_only_are_not_confused(change):
    def block(angle):
        inner = QuantumCircuit(1, name="block")
        inner.rx(angle, 0)
        return inner.to_gate()

    def build(which):
        circuit = QuantumCircuit(2)
        if change == "definition":
            circuit.append(block(0.3 + which), [0])
        if change == "matrix":
            circuit.unitary(np.array([[np.cos(which), -np.sin(which)], [np.sin(which), np.cos(which)]]), [0])
        if change == "parameter of the same name":
            circuit.rx(Parameter("same") * (1 + which), 0)
        if change == "qubits":
            circuit.rx(0.5, 0)
            circuit.cx(which, 1 - which)
        return circuit, "IZ", [0.7] * circuit.num_parameters

    estimator = EstimatorV2()
    for pub in (build(0), build(1), build(0)):
        expected = run_one(StatevectorEstimator(), *pub).data.evs
        assert run_one(estimator, *pub).data.evs == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda estimator: pickle.loads(pickle.dumps(estimator))])  # noqa: S301
def test_estimators_can_be_copied_and_pickled(duplicate):
    estimator = EstimatorV2(PauliTransferSimulator(NOISE), default_precision=0.1, seed=4)
    before = run_one(estimator, rotated(), "ZZ").data.evs
    again = duplicate(estimator)
    assert again.engine == estimator.engine
    assert run_one(again, rotated(), "ZZ").data.evs == before


def test_many_jobs_may_run_at_once():
    estimator = EstimatorV2(PauliTransferSimulator(NOISE))
    ansatz = real_amplitudes(3, reps=1)
    values = np.random.default_rng(0).normal(size=(20, ansatz.num_parameters))
    jobs = [estimator.run([(ansatz, ["ZZZ", "XXX"], row)]) for row in values]
    alone = [run_one(estimator, ansatz, ["ZZZ", "XXX"], row).data.evs for row in values]
    np.testing.assert_array_equal([job.result()[0].data.evs for job in jobs], alone)
