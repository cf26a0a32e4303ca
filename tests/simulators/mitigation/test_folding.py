"""Folded circuits compute the same, with more gates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qvar.simulators import (
    Circuit,
    GlobalFolding,
    LocalFolding,
    NoiseModel,
    Observable,
    Operation,
    PauliTransferSimulator,
    StatevectorSimulator,
    depolarizing,
)
from qvar.simulators.errors import CircuitError
from qvar.simulators.mitigation.folding import inverse
from tests.simulators import oracle

FOLDINGS = [GlobalFolding(), LocalFolding()]
every_folding = pytest.mark.parametrize("folding", FOLDINGS, ids=lambda folding: type(folding).__name__)


@every_folding
@settings(max_examples=40, deadline=None)
@given(n_qubits=st.integers(1, 3), n_gates=st.integers(0, 12), scale=st.floats(1, 7), seed=st.integers(0, 2**32 - 1))
def test_folded_circuits_keep_their_values_and_their_free_angles(folding, n_qubits, n_gates, scale, seed):
    rng = np.random.default_rng(seed)
    circuit, observable = oracle.random_circuit(rng, n_qubits, n_gates), oracle.random_observable(rng, n_qubits)
    theta, engine = oracle.random_angles(rng, circuit), StatevectorSimulator()
    folded = folding.fold(circuit, scale)
    assert folded.n_parameters == circuit.n_parameters
    assert abs(len(folded.operations) - scale * n_gates) <= 1 + 1e-9
    before, after = (engine.objective(c, observable).value_and_gradient(theta) for c in (circuit, folded))
    assert after[0] == pytest.approx(before[0], rel=0, abs=1e-11)
    np.testing.assert_allclose(after[1], before[1], rtol=0, atol=1e-10)


@pytest.mark.parametrize("gate", [*oracle.ONE_QUBIT, *oracle.TWO_QUBIT])
def test_every_gate_has_its_inverse(gate):
    rng = np.random.default_rng(0)
    angles = tuple(rng.uniform(-3, 3, size=oracle.N_ANGLES.get(gate, 0)))
    qubits = (0, 1) if gate in oracle.TWO_QUBIT else (0,)
    back = inverse(Operation(gate, qubits, angles))
    product = oracle.unitary(back.gate, back.parameters) @ oracle.unitary(gate, angles)
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-14)


@every_folding
@pytest.mark.parametrize("scale", [3, 5])
def test_depolarizing_noise_grows_by_the_scale_factor(folding, scale):
    keep = 0.95
    noise = NoiseModel.from_channels(depolarizing(1 - keep), depolarizing(0.0, n_qubits=2))
    circuit, z = Circuit(1, (Operation("x", (0,)),) * 4), Observable.from_terms({"Z": 1.0})
    value = PauliTransferSimulator(noise).objective(folding.fold(circuit, scale), z)([])
    assert value == pytest.approx(keep ** (4 * scale))


@every_folding
def test_what_cannot_be_folded_is_refused(folding):
    with pytest.raises(CircuitError, match=r"number >= 1, got 0\.5"):
        folding.fold(Circuit(1, (Operation("x", (0,)),)), 0.5)
    with pytest.raises(CircuitError, match="got nan"):
        folding.fold(Circuit(1), np.nan)
    with pytest.raises(CircuitError, match="a channel has no inverse"):
        folding.fold(Circuit(1, (Operation("channel", (0,), channel=depolarizing(0.1)),)), 3.0)


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0, 3.0, 3.7, 5.0])
def test_global_folding_has_the_gates_of_mitiqs(scale):
    scaling = pytest.importorskip("mitiq.zne.scaling", reason="mitiq is an optional package")
    import cirq

    qubits = cirq.LineQubit.range(2)
    gates = [("h", (0,)), ("cx", (0, 1)), ("t", (1,)), ("cx", (1, 0)), ("x", (0,)), ("cz", (0, 1)), ("s", (0,))]
    theirs = {"h": cirq.H, "cx": cirq.CNOT, "t": cirq.T, "x": cirq.X, "cz": cirq.CZ, "s": cirq.S}
    moments = [cirq.Moment(theirs[gate](*(qubits[q] for q in where))) for gate, where in gates]  # an order of gates
    folded = scaling.fold_global(cirq.Circuit(moments), scale)
    expected = [tuple(q.x for q in operation.qubits) for operation in folded.all_operations()]
    ours = GlobalFolding().fold(Circuit(2, tuple(Operation(gate, where) for gate, where in gates)), scale)
    assert [operation.qubits for operation in ours.operations] == expected
