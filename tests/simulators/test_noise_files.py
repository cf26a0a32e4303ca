"""Noise models as JSON: nothing is lost on the way, hand-written files work, mistakes are named."""

import itertools
import json
from copy import deepcopy

import numpy as np
import pytest

from qvar.simulators import NoiseModel, ReadoutError, StateFlip, noise_files
from qvar.simulators import channels as ch
from qvar.simulators.devices import DEVICES
from qvar.simulators.errors import NoiseModelError
from qvar.simulators.gates import GATES
from tests.simulators import oracle


def header(**entries):
    return {"format": "qvar-noise-model", "version": 1, **entries}


def assert_same(a, b):
    assert a.key() == b.key()
    assert (a.name, a.source, a.n_qubits, a.strict) == (b.name, b.source, b.n_qubits, b.strict)
    assert a.coupling_map == b.coupling_map
    assert a.local.keys() == b.local.keys()
    assert a.default.keys() == b.default.keys()
    for key in a.local:
        np.testing.assert_array_equal(a.local[key].ptm, b.local[key].ptm)
    for key in a.default:
        np.testing.assert_array_equal(a.default[key].ptm, b.default[key].ptm)
    assert dict(a.readout) == dict(b.readout)
    assert a.default_readout == b.default_readout


@pytest.mark.parametrize("name", DEVICES)
def test_devices_survive_a_round_trip_through_a_file(name, tmp_path):
    noise, path = NoiseModel.named(name), tmp_path / "noise.json"
    noise.to_json(path)
    assert_same(NoiseModel.from_json(path), noise)
    assert_same(NoiseModel.named(str(path)), noise)
    assert list(tmp_path.iterdir()) == [path], "no temporary file may remain"


def test_arbitrary_channels_and_readout_survive_a_round_trip():
    rng = np.random.default_rng(0)
    noise = oracle.random_noise(rng, oracle.random_circuit(rng, 3, 40)).model()
    assert_same(NoiseModel.from_dict(json.loads(json.dumps(noise.to_dict()))), noise)


def test_qubits_of_a_file_can_be_chosen(tmp_path):
    path = tmp_path / "noise.json"
    NoiseModel.named("ourense").to_json(path)
    part = NoiseModel.named(str(path), qubits=[1, 3])
    assert part.key() == NoiseModel.named("ourense", qubits=[1, 3]).key()


def test_the_example_of_the_documentation_is_a_model():
    text = noise_files.__doc__.split("```json")[1].split("```")[0]
    noise = NoiseModel.from_dict(json.loads(text))
    assert noise.name == "my device"
    assert noise.channel("rx", (1,)).ptm[1, 1] == pytest.approx(1 - 1e-3)
    expected = ch.depolarizing(5e-3, n_qubits=2).then(ch.identity_channel().tensor(ch.thermal_relaxation(4e-3, 5e-3)))
    np.testing.assert_allclose(noise.channel("cx", (0, 1)).ptm, expected.ptm, rtol=0, atol=1e-15)
    assert noise.readout_error(0) == ReadoutError(0.01, 0.02)
    assert noise.readout_error(1) == ReadoutError(0.01, 0.01)


ONE_QUBIT_STEPS = {
    "depolarizing": ({"p": 0.1}, ch.depolarizing(0.1)),
    "thermal_relaxation": (
        {"tau1": 0.1, "tau2": 0.2, "excited_population": 0.3},
        ch.thermal_relaxation(0.1, 0.2, excited_population=0.3),
    ),
    "amplitude_damping": ({"gamma": 0.2}, ch.amplitude_damping(0.2)),
    "phase_damping": ({"gamma": 0.2}, ch.phase_damping(0.2)),
    "pauli": ({"px": 0.1, "pz": 0.05}, ch.pauli_channel(px=0.1, pz=0.05)),
    "ptm": ({"matrix": ch.amplitude_damping(0.3).ptm.tolist()}, ch.amplitude_damping(0.3)),
}


def read(gate, *steps):
    noise = NoiseModel.from_dict(header(channels=[{"gate": gate, "steps": list(steps)}]))
    return noise.channel(gate, (0, 1)[: GATES[gate].n_qubits]).ptm


@pytest.mark.parametrize("kind", ONE_QUBIT_STEPS)
def test_every_step_type_can_be_written_by_hand(kind):
    settings, channel = ONE_QUBIT_STEPS[kind]
    step, idle = {"type": kind, **settings}, ch.identity_channel()
    np.testing.assert_allclose(read("rx", step), channel.ptm, rtol=0, atol=1e-15)
    np.testing.assert_allclose(read("cx", step | {"on": 0}), channel.tensor(idle).ptm, rtol=0, atol=1e-15)
    np.testing.assert_allclose(read("cx", step | {"on": 1}), idle.tensor(channel).ptm, rtol=0, atol=1e-15)
    both = ch.depolarizing(0.1, n_qubits=2) if kind == "depolarizing" else channel.tensor(channel)
    np.testing.assert_allclose(read("cx", step), both.ptm, rtol=0, atol=1e-15)


def test_steps_act_in_order_and_an_empty_list_does_nothing():
    damp, flip = {"type": "amplitude_damping", "gamma": 0.4}, {"type": "pauli", "px": 1.0}
    assert not np.allclose(read("x", damp, flip), read("x", flip, damp))
    expected = ch.amplitude_damping(0.4).then(ch.pauli_channel(px=1.0))
    np.testing.assert_allclose(read("x", damp, flip), expected.ptm, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(read("x"), np.eye(4))


def test_a_two_qubit_transfer_matrix_can_be_written_by_hand():
    channel = ch.amplitude_damping(0.1).tensor(ch.depolarizing(0.2))
    np.testing.assert_array_equal(read("cz", {"type": "ptm", "matrix": channel.ptm.tolist()}), channel.ptm)


def test_one_entry_may_serve_several_gates():
    entry = {"gate": ["rx", "ry", "cx"], "steps": [{"type": "depolarizing", "p": 0.1}]}
    noise = NoiseModel.from_dict(header(channels=[entry]))
    assert noise.channel("ry", (0,)).n_qubits == 1
    assert noise.channel("cx", (0, 1)).n_qubits == 2


def test_readout_may_be_a_state_flip():
    noise = NoiseModel.from_dict(header(readout=[{"qubit": 1, "state_flip": 0.1}]))
    assert noise.readout_error(1) == StateFlip(0.1)
    assert noise.readout_error(0) is None


GOOD = header(
    name="mine",
    n_qubits=2,
    coupling_map=[[0, 1]],
    channels=[{"gate": "rx", "qubits": [0], "steps": [{"type": "depolarizing", "p": 0.1}]}],
    readout=[{"qubit": 0, "p01": 0.1, "p10": 0.2}],
)


def spoilt(path, value):
    data = deepcopy(GOOD)
    *folders, last = path
    entry = data
    for key in folders:
        entry = entry[key]
    entry[last] = value
    return data


STEP = ("channels", 0, "steps", 0)
MISTAKES = [
    (("format",), "qiskit", "not a noise model"),
    (("version",), 2, "version 2 is not supported"),
    (("chanels",), [], "unknown key.*chanels"),
    (("channels", 0, "qubit"), [0], "unknown key.*qubit"),
    (("channels", 0, "gate"), "toffoli", "unknown gate 'toffoli'"),
    (("channels", 0, "qubits"), [7], "no qubit 7"),
    (("channels", 0, "qubits"), [0, 1], "1 distinct qubit"),
    (("channels", 0, "qubits"), 0, "malformed"),
    (("channels", 0, "steps"), None, "malformed"),
    ((*STEP, "type"), "magic", "unknown step type 'magic'"),
    ((*STEP, "p"), 1.5, "p is a probability"),
    ((*STEP, "p"), "much", "malformed"),
    ((*STEP, "strength"), 0.1, "malformed.*strength"),
    ((*STEP, "on"), 1, "does not fit a gate on 1 qubit"),
    (STEP, {"type": "ptm", "matrix": [[1, 0], [0, 1]]}, r"shape \(4, 4\)"),
    (STEP, {"type": "ptm", "matrix": [[1, 0], [0]]}, "malformed"),
    (STEP, {"type": "ptm", "matrix": np.eye(16).tolist()}, "does not fit a gate on 1 qubit"),
    (STEP, {"type": "ptm", "matrix": np.diag([1, 1, -1, 1]).tolist()}, "not completely positive"),
    (STEP, {"p": 0.1}, "malformed.*type"),
    (("readout", 0, "p01"), 1.5, r"0\.\.1"),
    (("readout", 0), {"qubit": 0, "p01": 0.1}, "malformed.*p10"),
    (("readout", 0, "p_01"), 0.1, "unknown key.*p_01"),
    (("coupling_map",), [[0, 1, 2]], "malformed"),
    (("coupling_map",), [[0, 0]], "distinct"),
    (("n_qubits",), "two", "n_qubits must be a JSON integer"),
    (("n_qubits",), "2", "n_qubits must be a JSON integer"),
    (("strict",), "false", "strict must be a JSON boolean"),
    (("channels", 0), "cx", "must be a JSON object"),
    (("channels",), {"cx": 1}, "must be a JSON object"),
]


@pytest.mark.parametrize(("path", "value", "message"), MISTAKES)
def test_mistakes_in_a_file_are_named(path, value, message):
    assert NoiseModel.from_dict(GOOD).name == "mine"
    with pytest.raises(NoiseModelError, match=message):
        NoiseModel.from_dict(spoilt(path, value))


@pytest.mark.parametrize("on", [2, -1, "first"])
def test_a_step_can_only_act_on_qubit_zero_or_one_of_a_gate(on):
    step = {"type": "amplitude_damping", "gamma": 0.1, "on": on}
    with pytest.raises(NoiseModelError, match="does not fit"):
        read("cx", step)


@pytest.mark.parametrize("data", [None, [], "text", 3, {}, {"format": "qvar-noise-model"}])
def test_data_that_is_no_noise_model_is_refused(data):
    with pytest.raises(NoiseModelError, match="noise model"):
        NoiseModel.from_dict(data)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1, 2]"])
def test_corrupted_files_are_refused(content, tmp_path):
    path = tmp_path / "noise.json"
    path.write_bytes(content)
    with pytest.raises(NoiseModelError, match="noise model"):
        NoiseModel.from_json(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NoiseModelError, match=r"cannot read the noise model .*absent\.json"):
        NoiseModel.named(str(tmp_path / "absent.json"))


def test_every_part_cut_out_of_a_file_is_noticed_or_harmless(tmp_path):
    """A truncated file never becomes another noise model in silence."""
    path, text = tmp_path / "noise.json", json.dumps(GOOD)
    for length in itertools.chain(range(0, len(text), 7), [len(text) - 1]):
        path.write_text(text[:length])
        with pytest.raises(NoiseModelError):
            NoiseModel.from_json(path)
