"""The files of a finished run are read by other programs and mean the circuit that was found."""

import io

import matplotlib.image
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot
from qiskit import qpy

from qvar.problems import molecule
from qvar.runs import plot_learning_curve, write_circuit, write_learning_curve
from qvar.simulators import Circuit, Operation, Slot, StatevectorSimulator

PROBLEM = molecule("h2-3")


@st.composite
def found_circuits(draw):
    """A circuit as the search builds it, with angles of every size."""
    n_gates, operations, n_slots = draw(st.integers(1, 12)), [], 0
    for _ in range(n_gates):
        gate = draw(st.sampled_from(["cx", "rx", "ry", "rz"]))
        if gate == "cx":
            operations.append(Operation("cx", tuple(draw(st.permutations(range(3)))[:2])))
        else:
            operations.append(Operation(gate, (draw(st.integers(0, 2)),), (Slot(n_slots),)))
            n_slots += 1
    angle = st.floats(-10, 10) | st.floats(-1e-6, 1e-6) | st.sampled_from([0.0, np.pi, 1e-10 - np.pi, 1e-300])
    angles = draw(st.lists(angle, min_size=n_slots, max_size=n_slots))
    return Circuit(3, tuple(operations)), np.array(angles)


def energy(circuit, parameters=()):
    return StatevectorSimulator().objective(circuit, PROBLEM.observable)(parameters)


@given(found=found_circuits())
@settings(max_examples=25, deadline=None)
def test_the_saved_circuits_have_the_energy_of_the_found_one(tmp_path_factory, found):
    folder = tmp_path_factory.mktemp("artifacts")
    circuit, parameters = found
    write_circuit(folder, circuit, parameters)
    expected = energy(circuit, parameters)
    from_qasm = Circuit.from_qasm((folder / "best.qasm").read_text())
    with (folder / "best.qpy").open("rb") as file:
        (from_qpy,) = qpy.load(file)
    # Qiskit writes an angle within 1e-9 of a simple multiple of pi as that multiple.
    assert energy(from_qasm) == pytest.approx(expected, abs=1e-12 + 2e-9 * len(parameters))
    assert energy(Circuit.from_qiskit(from_qpy)) == pytest.approx(expected, abs=1e-12)
    assert from_qasm.counts() == circuit.counts()


def test_other_angles_would_be_noticed(tmp_path):
    circuit = Circuit(3, (Operation("ry", (0,), (Slot(0),)), Operation("cx", (0, 1))))
    write_circuit(tmp_path, circuit, np.array([0.7]))
    reloaded = energy(Circuit.from_qasm((tmp_path / "best.qasm").read_text()))
    assert abs(reloaded - energy(circuit, [0.7001])) > 1e-6


def test_a_circuit_without_gates_has_files_but_no_drawing(tmp_path):
    write_circuit(tmp_path, Circuit(3), np.zeros(0))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["best.qasm", "best.qpy"]
    assert energy(Circuit.from_qasm((tmp_path / "best.qasm").read_text())) == pytest.approx(energy(Circuit(3)))


def is_drawing(file):
    data = file.read_bytes()
    pixels = matplotlib.image.imread(io.BytesIO(data), format="png")
    return data.startswith(b"\x89PNG\r\n\x1a\n") and min(pixels.shape[:2]) > 50 and pixels.std() > 0.01


def records(energies, *, evaluated=()):
    best = np.minimum.accumulate(energies)
    return [
        {
            "episode": k,
            "energy": energy,
            "best_energy": lowest,
            "error": abs(energy + 2.0),
            "best_error": abs(lowest + 2.0),
            "evaluation": {"energy": energy - 0.25} if k in evaluated else None,
        }
        for k, (energy, lowest) in enumerate(zip(energies, best, strict=True), start=1)
    ]


HISTORY = records([-1.0, -1.5, -0.5, -1.75, -2.0], evaluated=(2, 4))


def test_the_pictures_are_pictures(tmp_path):
    rotations = (Operation("rx", (k % 3,), (Slot(k),)) for k in range(40))
    circuit = Circuit(3, (*rotations, Operation("cx", (0, 2))))
    write_circuit(tmp_path, circuit, np.linspace(-3, 3, 40))
    write_learning_curve(tmp_path, HISTORY, exact_energy=-2.0, title="five episodes")
    assert is_drawing(tmp_path / "circuit.png")
    assert is_drawing(tmp_path / "learning_curve.png")


def test_no_figure_stays_open(tmp_path):
    before = pyplot.get_fignums()
    write_circuit(tmp_path, Circuit(1, (Operation("h", (0,)),)), np.zeros(0))
    write_learning_curve(tmp_path, HISTORY, exact_energy=-2.0, title="five episodes")
    assert pyplot.get_fignums() == before


def lines(axes):
    return {line.get_label(): line for line in axes.lines}


def test_the_learning_curve_shows_the_numbers_of_the_history():
    figure = plot_learning_curve(HISTORY, exact_energy=-2.0, title="five episodes", accuracy=1.6e-3)
    upper, lower = figure.axes
    energies, errors = lines(upper), lines(lower)
    assert energies["end of episode, as measured"].get_xdata().tolist() == [1, 2, 3, 4, 5]
    assert energies["end of episode, as measured"].get_ydata().tolist() == [-1.0, -1.5, -0.5, -1.75, -2.0]
    assert energies["best so far, as measured"].get_ydata().tolist() == [-1.0, -1.5, -1.5, -1.75, -2.0]
    assert set(energies["exact ground energy"].get_ydata()) == {-2.0}
    assert energies["without exploration"].get_xdata().tolist() == [2, 4]
    assert energies["without exploration"].get_ydata().tolist() == [-1.75, -2.0]
    assert errors["end of episode"].get_ydata().tolist() == [1.0, 0.5, 1.5, 0.25, 1e-12]
    assert errors["best circuit so far"].get_ydata().tolist() == [1.0, 0.5, 0.5, 0.25, 1e-12]
    assert set(errors["chemical accuracy"].get_ydata()) == {1.6e-3}
    assert lower.get_yscale() == "log"
    assert upper.get_title(loc="left") == "five episodes"
    assert (upper.get_ylabel(), lower.get_ylabel()) == ("energy (hartree)", "noiseless error (hartree)")
    assert lower.get_xlabel() == "episode"


def test_without_evaluations_there_is_no_line_for_them():
    figure = plot_learning_curve(records([-1.0, -1.5]), exact_energy=-2.0, title="two episodes")
    assert "without exploration" not in lines(figure.axes[0])


def test_chemical_accuracy_is_for_chemistry_only():
    figure = plot_learning_curve(HISTORY, exact_energy=-2.0, title="a chain", unit="J")
    assert set(lines(figure.axes[1])) == {"end of episode", "best circuit so far"}
    assert figure.axes[0].get_ylabel() == "energy (J)"
    figure = plot_learning_curve(HISTORY, exact_energy=0.0, title="a state", unit="infidelity", accuracy=1e-2)
    assert set(lines(figure.axes[1])["accuracy aimed at, 0.01"].get_ydata()) == {1e-2}
    assert "chemical accuracy" not in lines(figure.axes[1])


def test_a_title_that_looks_like_a_formula_is_written_as_it_is(tmp_path):
    write_learning_curve(tmp_path, HISTORY, exact_energy=-2.0, title=r"5$ and $\nothing$", unit=r"$\x$")
    assert is_drawing(tmp_path / "learning_curve.png")


def test_the_files_of_a_circuit_do_not_tell_how_many_were_made_before(tmp_path):
    circuit, angles = Circuit(1, (Operation("ry", (0,), (Slot(0),)),)), np.array([0.5])
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        write_circuit(tmp_path / name, circuit, angles)
    for file in ("best.qasm", "best.qpy", "circuit.png"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()
