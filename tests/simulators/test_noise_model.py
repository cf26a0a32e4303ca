"""Noise models: look-up, restriction, refusals and identity."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

from qvar.simulators import (
    Channel,
    Circuit,
    NoiseModel,
    Observable,
    Operation,
    PauliTransferSimulator,
    ReadoutError,
    StateFlip,
)
from qvar.simulators.channels import amplitude_damping, depolarizing, identity_channel
from qvar.simulators.errors import NoiseModelError, QvarError
from qvar.simulators.gates import GATES
from tests.simulators import oracle

OURENSE = NoiseModel.named("ourense")


def cx_noise(p):
    return depolarizing(p, n_qubits=2)


def test_numbers_become_depolarizing_channels_behind_every_gate_but_the_identity():
    noise = NoiseModel.from_numbers(p1=0.01, p2=0.03, readout=0.1)
    for gate in GATES.values():
        qubits = (0, 1)[: gate.n_qubits]
        if gate.name == "id":
            assert noise.channel("id", qubits) is None
        else:
            p = {1: 0.01, 2: 0.03}[gate.n_qubits]
            np.testing.assert_array_equal(
                noise.channel(gate.name, qubits).ptm, depolarizing(p, n_qubits=gate.n_qubits).ptm
            )
    assert noise.readout_error(17) == ReadoutError(0.1, 0.1)
    assert noise.name == "depolarizing p1=0.01 p2=0.03 readout=0.1"
    assert NoiseModel.from_numbers(p1=0.01).readout_error(0) is None


def test_each_number_changes_the_energy_of_a_circuit_in_the_expected_way():
    circuit = Circuit(2, (Operation("x", (0,)), Operation("cx", (0, 1))))
    z = Observable.from_terms({"IZ": 1.0})
    energies = {
        key: PauliTransferSimulator(NoiseModel.from_numbers(**{key: 0.1})).objective(circuit, z)([])
        for key in ("p1", "p2", "readout")
    }
    assert energies == {key: pytest.approx(value) for key, value in {"p1": -0.9, "p2": -0.9, "readout": -0.8}.items()}


def test_local_channels_take_precedence_over_defaults():
    noise = NoiseModel("n", local={("x", (1,)): depolarizing(0.5)}, default={"x": depolarizing(0.1)}, strict=False)
    assert noise.channel("x", (0,)).ptm[1, 1] == pytest.approx(0.9)
    assert noise.channel("x", (1,)).ptm[1, 1] == pytest.approx(0.5)
    assert noise.channel("y", (1,)) is None


def test_readout_of_a_qubit_takes_precedence_over_the_default():
    noise = NoiseModel("n", readout={1: StateFlip(0.2)}, default_readout=ReadoutError(0.1, 0.1))
    assert noise.readout_error(1) == StateFlip(0.2)
    assert noise.readout_error(0) == ReadoutError(0.1, 0.1)


def test_an_uncoupled_pair_is_refused_with_the_pairs_there_are():
    with pytest.raises(NoiseModelError, match=r"cannot execute 'cx' on \(0, 2\): its coupled pairs are 0-1, 1-2, 1-3"):
        OURENSE.channel("cx", (0, 2))
    assert OURENSE.without_coupling().channel("cx", (0, 2)).n_qubits == 2
    directed = NoiseModel("d", coupling_map=[[1, 0]], strict=False)
    assert directed.channel("cx", (1, 0)) is None
    with pytest.raises(NoiseModelError, match="coupled pairs are 1-0"):
        directed.channel("cx", (0, 1))


def test_a_gate_without_data_is_refused_by_a_device_and_noiseless_elsewhere():
    with pytest.raises(NoiseModelError, match=r"'ourense' \(4 qubits\) has no noise data for 'h' on \(4,\)"):
        OURENSE.channel("h", (4,))
    assert replace(OURENSE, strict=False).channel("h", (4,)) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"default": {"toffoli": depolarizing(0.1)}}, "unknown gate 'toffoli'"),
        ({"default": {"cx": depolarizing(0.1)}}, r"'cx' acts on 2 qubit\(s\), its channel on 1"),
        ({"local": {("x", (0,)): cx_noise(0.1)}}, r"'x' acts on 1 qubit\(s\), its channel on 2"),
        ({"local": {("cx", (0,)): cx_noise(0.1)}}, "2 distinct qubit"),
        ({"local": {("cx", (1, 1)): cx_noise(0.1)}}, "2 distinct qubit"),
        ({"local": {("x", (2,)): depolarizing(0.1)}, "n_qubits": 2}, r"no qubit 2 in noise model .* of 2 qubit"),
        ({"local": {("x", (-1,)): depolarizing(0.1)}}, "no qubit -1 in noise model"),
        ({"readout": {3: ReadoutError(0, 0)}, "n_qubits": 2}, "no qubit 3 in noise model"),
        ({"coupling_map": ((0, 5),), "n_qubits": 2}, "no qubit 5 in noise model"),
        ({"coupling_map": ((1, 1),)}, "distinct qubits"),
    ],
)
def test_inconsistent_models_are_refused(settings, message):
    with pytest.raises(NoiseModelError, match=message):
        NoiseModel("bad", **settings)


def test_parts_of_the_noise_can_be_taken_alone():
    gates, readout = OURENSE.without_readout(), OURENSE.without_gates()
    assert gates.readout_error(0) is None
    assert gates.channel("cx", (0, 1)) is OURENSE.channel("cx", (0, 1))
    assert readout.readout_error(3) == OURENSE.readout_error(3)
    assert readout.channel("cx", (0, 1)) is None
    circuit = Circuit(2, (Operation("x", (0,)), Operation("cx", (0, 1))))
    zz = Observable.from_terms({"ZI": 1.0})

    def energy(noise):
        return PauliTransferSimulator(noise).objective(circuit, zz)([])

    assert -1 < energy(gates) < energy(OURENSE)
    assert energy(readout) == pytest.approx(-(1 - 2 * 0.0239))


def test_qubits_are_renumbered_in_the_order_given():
    part = OURENSE.on_qubits([3, 1])
    assert part.n_qubits == 2
    assert part.coupling_map == ((0, 1), (1, 0))
    assert part.readout_error(0) == OURENSE.readout_error(3)
    assert part.channel("rx", (0,)) is OURENSE.channel("rx", (3,))
    assert part.channel("cx", (0, 1)) is OURENSE.channel("cx", (3, 1))
    assert part.channel("cx", (1, 0)) is OURENSE.channel("cx", (1, 3))
    alone = OURENSE.on_qubits([0, 2])
    with pytest.raises(NoiseModelError, match="its coupled pairs are none"):
        alone.channel("cx", (0, 1))


@pytest.mark.parametrize("qubits", [[], [0, 0], [0, 4], [-1]])
def test_impossible_choices_of_qubits_are_refused(qubits):
    with pytest.raises(NoiseModelError, match="qubit"):
        OURENSE.on_qubits(qubits)


def test_a_device_beside_references_keeps_its_noise():
    device = OURENSE
    whole = device.beside_references(2, 1)
    assert (whole.n_qubits, whole.coupling_map) == (3, ((0, 1), (1, 0), (2, 0), (2, 1)))
    assert whole.channel("cx", (0, 1)) == device.channel("cx", (0, 1))
    assert whole.channel("rx", (1,)) == device.channel("rx", (1,))
    assert whole.readout_error(1) == device.readout_error(1)
    assert whole.readout_error(2) is None
    assert whole.channel("h", (2,)).is_identity()
    everywhere = NoiseModel.from_channels(depolarizing(0.1), depolarizing(0.2, n_qubits=2)).beside_references(1, 1)
    assert everywhere.channel("cx", (1, 0)).is_identity()
    assert not everywhere.channel("h", (0,)).is_identity()


def test_the_key_is_the_identity_of_the_physics():
    noise = NoiseModel.from_numbers(p1=1e-3, p2=5e-3)
    assert noise.key() == NoiseModel.from_numbers(p1=1e-3, p2=5e-3, name="other").key()
    assert noise.key() == replace(noise, source="elsewhere").key()
    assert len(noise.key()) == 32
    others = [
        NoiseModel.from_numbers(p1=1.0000001e-3, p2=5e-3),
        NoiseModel.from_numbers(p1=1e-3, p2=5.0000001e-3),
        NoiseModel.from_numbers(p1=1e-3, p2=5e-3, readout=1e-9),
        replace(noise, strict=True),
        replace(noise, n_qubits=4),
        replace(noise, coupling_map=((0, 1),)),
        replace(noise, readout={0: StateFlip(0.0)}),
        replace(noise, local={("x", (0,)): identity_channel()}),
    ]
    assert len({noise.key(), *(other.key() for other in others)}) == 1 + len(others)


def test_the_order_of_entries_does_not_change_the_key():
    entries = {("x", (0,)): depolarizing(0.1), ("x", (1,)): depolarizing(0.2), ("cx", (0, 1)): cx_noise(0.3)}
    backwards = dict(reversed(entries.items()))
    assert NoiseModel("a", local=entries).key() == NoiseModel("b", local=backwards).key()


def test_models_and_engines_can_be_copied_and_pickled():
    for again in (pickle.loads(pickle.dumps(OURENSE)), copy.deepcopy(OURENSE)):  # noqa: S301
        assert again.key() == OURENSE.key()
    rng = np.random.default_rng(0)
    circuit, observable = oracle.random_circuit(rng, 1, 10), oracle.random_observable(rng, 1)
    engine, theta = PauliTransferSimulator(OURENSE), oracle.random_angles(rng, circuit)
    expected = engine.objective(circuit, observable)(theta)
    again = pickle.loads(pickle.dumps(engine))  # noqa: S301
    assert again.objective(circuit, observable)(theta) == expected


def test_a_model_cannot_be_changed_through_its_tables():
    channels = {"x": depolarizing(0.1)}
    noise = NoiseModel("n", default=channels)
    channels["x"] = depolarizing(0.9)
    assert noise.channel("x", (0,)).ptm[1, 1] == pytest.approx(0.9)
    with pytest.raises(TypeError):
        noise.default["x"] = depolarizing(0.9)


def test_any_channels_may_be_made_uniform():
    one = amplitude_damping(0.2)
    noise = NoiseModel.from_channels(one, one.tensor(one), readout=StateFlip(0.1))
    assert noise.channel("h", (5,)) is one
    assert noise.channel("swap", (3, 1)).n_qubits == 2
    assert noise.readout_error(5) == StateFlip(0.1)


def test_every_error_of_the_package_is_a_qvar_error():
    assert issubclass(NoiseModelError, QvarError)
    with pytest.raises(ValueError, match="unknown device"):
        NoiseModel.named("nowhere")


def test_reading_a_channel_gives_back_the_very_object_stored():
    channel = Channel(np.diag([1, 0.9, 0.9, 0.8]))
    assert NoiseModel("n", default={"x": channel}).channel("x", (0,)) is channel
