"""The campaign of `differential.py` on a few circuits, and that its detectors notice what they are there for."""

from dataclasses import replace

import numpy as np
import pytest

from qvar.simulators.gates import GATES

pytest.importorskip("qulacs", reason="the peer Qulacs is not installed")

from tests.trust import differential, differential_engines
from tests.trust.differential_cases import ONE_QUBIT_ERRORS, TWO_QUBIT_ERRORS, Step, random_case, smallest_failing
from tests.trust.differential_faults import FAULTS, planted
from tests.trust.differential_peers import Qulacs, energy, measurement, pauli_string, pauli_vector

pytestmark = pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")

SEED = 2024
NUMBERS = range(120)


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    return differential.run(NUMBERS, SEED, tmp_path_factory.mktemp("campaign") / "lines.jsonl", quiet=True)


@pytest.fixture(scope="module")
def judged():
    """Noisy cases with the answers of Qulacs."""
    peer, found = Qulacs(), []
    for number in range(1, 60, 2):
        case = random_case(SEED, number)
        states = np.array([peer.density_matrix(case, theta) for theta in case.thetas])
        answers = differential._read(states, measurement(case))
        answers["gradient"] = peer.gradient(case, case.thetas[0], measurement(case))
        found.append((case, {"Qulacs": answers}))
    return found


def test_all_engines_agree_with_all_peers(lines):
    assert [line["circuit"] for line in lines] == list(NUMBERS)
    assert {line["circuit"]: reasons for line in lines if (reasons := differential.failures(line))} == {}


def test_every_engine_is_compared_with_every_peer(lines):
    compared = {tuple(key.split("|")[::2]) for line in lines for key in line["deviations"]}
    for engine in differential_engines.parts():
        assert (engine, "Qulacs") in compared
    for engine in differential_engines.parts().keys() - {"latent kernels, TargetState"}:
        assert (engine, "Aer") in compared
    assert ("PauliTransferSimulator", "PennyLane") in compared


def test_every_native_gate_and_every_kind_of_error_occurs():
    cases = [random_case(SEED, number) for number in NUMBERS]
    assert {step.gate for case in cases for step in case.steps} == {*GATES, "channel"}
    errors = {error for case in cases for step in case.steps for error in case.errors(step)}
    assert {e.kind for e in errors if len(e.places) == 1} == set(ONE_QUBIT_ERRORS)
    assert {e.kind for e in errors if len(e.places) == 2} == set(TWO_QUBIT_ERRORS)
    assert {e.places for e in errors} == {(0,), (1,), (0, 1), (1, 0)}
    assert {case.n_qubits for case in cases} == {1, 2, 3, 4, 5, 6}
    assert any((b, a) not in case.coupling for case in cases for a, b in case.coupling)


def test_a_case_depends_on_the_seed_and_its_number_alone():
    first, again, other = random_case(SEED, 7), random_case(SEED, 7), random_case(SEED + 1, 7)
    assert repr(first) == repr(again) != repr(other)


def test_a_stopped_campaign_goes_on_and_ends_with_the_same_deviations(tmp_path):
    path = tmp_path / "lines.jsonl"
    differential.run(range(4), SEED, path, quiet=True)
    kept = path.read_text().splitlines()
    path.write_text("\n".join(kept[:2]) + "\n" + kept[2][:30])  # torn in the third line
    resumed = differential.run(range(6), SEED, path, quiet=True)
    unbroken = differential.run(range(6), SEED, tmp_path / "other.jsonl", quiet=True)
    for a, b in zip(resumed, unbroken, strict=True):
        assert a["deviations"] == pytest.approx(b["deviations"], abs=1e-13)
        assert a["circuit"] == b["circuit"]


@pytest.mark.parametrize("fault", FAULTS)
def test_negative_control_a_planted_fault_is_seen(judged, fault):
    sizes = [size for case, answers in judged if (size := planted(fault, case, answers)) is not None]
    assert len(sizes) >= 3
    assert max(sizes) > 1e-9


def test_negative_control_without_a_fault_nothing_is_seen(judged):
    for case, answers in judged[:10]:
        found = differential_engines.pauli_transfer(case)
        assert max(differential.deviations(found, answers).values()) < 1e-12


def test_an_engine_that_raises_or_gives_no_number_is_a_failure(monkeypatch):
    def broken(case):
        raise ValueError("broken")

    engines = {"raises": (lambda c, k: True, broken), "nan": (lambda c, k: True, lambda c: {"energy": [np.nan] * 2})}
    monkeypatch.setattr(differential, "parts", lambda: engines)
    (line,) = differential.Judges().lines([3], SEED)
    assert any("raises raised ValueError: broken" in reason for reason in differential.failures(line))
    assert any(reason.startswith("nan|energy|Aer") for reason in differential.failures(line))


def test_samples_of_another_distribution_are_an_alarm(lines):
    assert differential.failures(lines[0] | {"p": 1e-10})
    counts = np.random.default_rng(0).multinomial(40_000, [0.25, 0.25, 0.25, 0.25])
    assert differential_engines.chi_square_p(counts, np.array([0.25, 0.25, 0.25, 0.25])) > 1e-6
    assert differential_engines.chi_square_p(counts, np.array([0.28, 0.22, 0.25, 0.25])) < differential.ALARM


def test_a_failing_case_is_reduced_to_what_matters():
    case = next(c for k in range(1, 99) if len((c := random_case(SEED, k)).steps) > 8 and _has(c, "rzz"))
    smallest = smallest_failing(case, lambda c: _has(c, "rzz"))
    assert [step.gate for step in smallest.steps] == ["rzz"]
    assert not smallest.local
    assert not smallest.default
    assert len(smallest.terms) == 1
    assert smallest.n_parameters <= 1


def _has(case, gate):
    return any(step.gate == gate for step in case.steps)


def test_the_judges_ways_to_read_a_state_are_right():
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(8, 8)) + 1j * rng.normal(size=(8, 8))
    rho = matrix @ matrix.conj().T
    values = pauli_vector(rho)
    for index, label in ((1, "IIX"), (2 + 4 * 3, "IZY"), (16 * 2 + 1, "YIX")):
        assert values[index] == pytest.approx(np.trace(pauli_string(label) @ rho).real)
        assert energy(rho, pauli_string(label)) == pytest.approx(values[index])


def test_a_misread_qubit_reports_what_flipped_bits_average_to():
    case = replace(random_case(SEED, 1), n_qubits=1, readout=((0.1, 0.3),), terms={"Z": 1.0})
    one, zero = np.diag([0.0, 1.0]), np.diag([1.0, 0.0])
    assert energy(zero, measurement(case)) == pytest.approx(0.9 - 0.1)
    assert energy(one, measurement(case)) == pytest.approx(0.3 - 0.7)


def test_gates_on_pairs_that_are_not_coupled_are_refused():
    from qvar.simulators import PauliTransferSimulator
    from qvar.simulators.errors import NoiseModelError

    case = next(c for k in range(1, 99, 2) if (c := random_case(SEED, k)).coupling and _one_way(c))
    (a, b) = _one_way(case)[0]
    wrong = replace(case, steps=(*case.steps, Step("cx", (b, a))))
    engine = PauliTransferSimulator(differential_engines.noise_of(wrong))
    with pytest.raises(NoiseModelError, match="cannot execute 'cx'"):
        engine.objective(differential_engines.circuit_of(wrong), differential_engines.observable_of(wrong))


def _one_way(case):
    return [(a, b) for a, b in case.coupling if (b, a) not in case.coupling]
