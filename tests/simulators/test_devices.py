"""Devices by name: the numbers of the source, each of which matters, and helpful refusals."""

import itertools
import sys
from dataclasses import fields, replace

import numpy as np
import pytest

from qvar.simulators import Channel, Circuit, NoiseModel, Operation, PauliTransferSimulator, ReadoutError
from qvar.simulators.devices import DEVICES, DeviceNumbers, fake_backend_names
from qvar.simulators.errors import NoiseModelError
from qvar.simulators.gates import GATES
from tests.simulators import oracle

# A circuit with every kind of gate on every qubit, along the coupled pairs of Ourense.
GATE_SEQUENCE = [
    *(Operation("u", (q,), (0.4 + 0.1 * q, 0.3, 0.2)) for q in range(4)),
    *(Operation("cx", pair) for pair in ((0, 1), (1, 2), (1, 3))),
    *(Operation("sx", (q,)) for q in range(4)),
    *(Operation("cx", pair) for pair in ((1, 0), (2, 1), (3, 1))),
]
CIRCUIT = Circuit(4, tuple(GATE_SEQUENCE))
OBSERVABLE = oracle.random_observable(np.random.default_rng(0), 4, 40)


def energy(numbers):
    return PauliTransferSimulator(numbers.noise_model("n")).objective(CIRCUIT, OBSERVABLE)([])


def changes(numbers):
    """Yield (field, numbers with one number of that field changed), for every number there is."""
    for name in ("one_qubit", "two_qubit"):
        taus = getattr(numbers, name)
        for q, which in itertools.product(range(len(taus)), (0, 1)):
            pair = tuple(1.1 * tau if k == which else tau for k, tau in enumerate(taus[q]))
            yield name, replace(numbers, **{name: (*taus[:q], pair, *taus[q + 1 :])})
    for name in ("excited_population", "p1", "p2"):
        yield name, replace(numbers, **{name: getattr(numbers, name) + 1e-3})
    for q, p in enumerate(numbers.readout):
        yield "readout", replace(numbers, readout=(*numbers.readout[:q], 1.1 * p, *numbers.readout[q + 1 :]))


@pytest.mark.parametrize("name", [name for name in DEVICES if not name.startswith("depolarizing")])
def test_changing_any_number_of_a_device_changes_the_energy_of_a_circuit(name):
    numbers = DEVICES[name]
    reference, changed = energy(numbers), set()
    for field_name, other in changes(numbers):
        changed.add(field_name)
        assert abs(energy(other) - reference) > 1e-9, field_name
    assert changed | {"title", "edges"} == {field.name for field in fields(DeviceNumbers)}


@pytest.mark.parametrize(("name", "p1", "p2"), [("depolarizing-1q", 1e-3, 0.0), ("depolarizing-1q-2q", 1e-3, 5e-3)])
def test_the_depolarizing_models_are_depolarizing_after_gates_and_nothing_else(name, p1, p2):
    noise = NoiseModel.named(name)
    assert noise.channel("ry", (2,)).ptm == pytest.approx(np.diag([1, 1 - p1, 1 - p1, 1 - p1]), abs=1e-15)
    one = np.diag([1, 1 - p2, 1 - p2, 1 - p2])
    assert noise.channel("cx", (0, 3)).ptm == pytest.approx(np.kron(one, one), abs=1e-15)
    assert noise.readout_error(1) == ReadoutError(0.0, 0.0)
    assert (noise.coupling_map, noise.n_qubits) == (None, None)


def test_the_edges_of_a_device_decide_which_pairs_it_executes():
    numbers = replace(DEVICES["ourense"], edges=((0, 1), (1, 2)))
    with pytest.raises(NoiseModelError, match="coupled pairs are 0-1, 1-2;"):
        energy(numbers)
    assert energy(replace(numbers, edges=None)) == energy(DEVICES["ourense"])


@pytest.mark.parametrize("name", DEVICES)
def test_channels_are_depolarizing_then_relaxation_on_each_qubit_separately(name):
    numbers, noise = DEVICES[name], NoiseModel.named(name).without_coupling()
    last = len(numbers.readout) - 1

    def kraus(p, taus, q):
        relaxation = oracle.kraus_relaxation(*taus[min(q, last)], numbers.excited_population)
        return oracle.compose(oracle.kraus_depolarizing(p), relaxation)

    for q in range(4):
        expected = Channel.from_kraus(kraus(numbers.p1, numbers.one_qubit, q))
        np.testing.assert_allclose(noise.channel("rx", (q,)).ptm, expected.ptm, rtol=0, atol=1e-14)
    for a, b in itertools.permutations(range(4), 2):
        pair = oracle.tensor(kraus(numbers.p2, numbers.two_qubit, a), kraus(numbers.p2, numbers.two_qubit, b))
        expected = Channel.from_kraus(pair)
        np.testing.assert_allclose(noise.channel("cx", (a, b)).ptm, expected.ptm, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", DEVICES)
def test_devices_know_every_native_gate_and_leave_idle_qubits_alone(name):
    noise = NoiseModel.named(name).without_coupling()
    for gate in GATES.values():
        channel = noise.channel(gate.name, (1, 0)[: gate.n_qubits])
        is_noiseless = gate.name == "id" or (name == "depolarizing-1q" and gate.n_qubits == 2)
        assert channel.is_identity() == is_noiseless


def test_the_mumbai_models_take_any_number_of_qubits_and_ourense_has_four():
    assert NoiseModel.named("mumbai-median").n_qubits is None
    assert NoiseModel.named("mumbai-median").channel("cx", (40, 7)).n_qubits == 2
    assert NoiseModel.named("mumbai-median", qubits=[0, 1, 2]).n_qubits == 3
    assert NoiseModel.named("ourense").n_qubits == 4
    assert NoiseModel.named("ourense").coupling_map == ((0, 1), (1, 0), (1, 2), (1, 3), (2, 1), (3, 1))


def test_published_readout_errors_are_in_place():
    assert NoiseModel.named("mumbai-median").readout_error(9) == ReadoutError(0.0224, 0.0224)
    assert NoiseModel.named("mumbai-max").readout_error(0).p01 == 0.0869
    assert NoiseModel.named("mumbai-10max").readout_error(0).p01 == 0.0869
    assert [NoiseModel.named("ourense").readout_error(q).p10 for q in range(4)] == [0.0166, 0.0239, 0.0157, 0.0394]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ourens", r"unknown device 'ourens' \(did you mean 'ourense'\?\)"),
        ("mumbai", "did you mean 'mumbai-ma"),
        ("zzz", r"unknown device 'zzz'\. Known are mumbai-median, .*ourense, .*fake:NAME.*\.json"),
        ("fake:FakeSherbrok", "did you mean FakeSherbrooke"),
        ("fake:Q", "unknown fake backend 'Q'"),
    ],
)
def test_unknown_names_are_refused_with_what_there_is(name, message):
    with pytest.raises(NoiseModelError, match=message):
        NoiseModel.named(name)


def test_fake_backends_are_listed_by_class_name():
    names = fake_backend_names()
    assert list(names) == sorted(names)
    assert {"FakeSherbrooke", "FakeOurenseV2", "FakeTorino"} <= set(names)
    assert not any("Provider" in name for name in names)


def test_without_the_ibm_extra_fake_backends_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "qiskit_ibm_runtime", None)
    with pytest.raises(NoiseModelError, match="the extra ibm brings: pip install"):
        NoiseModel.named("fake:FakeOurense")
