"""Figures of states and channels draw the numbers of the engine."""

import numpy as np
import pytest

from qvar.report import channel_figure, pauli_vector_figure
from qvar.report.channel_figures import pauli_labels
from qvar.runs.style import image
from qvar.simulators import Circuit, NoiseModel, Observable, Operation, PauliTransferSimulator, amplitude_damping
from qvar.simulators.errors import ChannelError, EngineError

BELL = Circuit(2, (Operation("h", (0,)), Operation("x", (1,)), Operation("cx", (0, 1))))


def bell_state(noise=None):
    return PauliTransferSimulator(noise).objective(BELL, Observable.from_terms({"ZZ": 1.0})).state([])


def test_the_labels_name_the_entries_of_a_pauli_vector():
    values = dict(zip(pauli_labels(2), bell_state(), strict=True))
    for label, value in values.items():
        objective = PauliTransferSimulator().objective(BELL, Observable.from_terms({label: 1.0}))
        assert objective([]) == pytest.approx(value, abs=1e-12)
    assert values["ZZ"] == pytest.approx(-1)


def test_the_bars_are_the_entries_of_the_states():
    states = {"ideal": bell_state(), "noisy": bell_state(NoiseModel.from_numbers(p2=0.1))}
    axes = pauli_vector_figure(states).axes[0]
    for container, state in zip(axes.containers, states.values(), strict=True):
        np.testing.assert_allclose([bar.get_height() for bar in container], state)
    assert [text.get_text() for text in axes.get_xticklabels()] == pauli_labels(2)


def test_a_channel_is_drawn_as_its_matrix():
    damping = amplitude_damping(0.3)
    figure = channel_figure({"damping": damping, "on two": damping.tensor(damping)})
    np.testing.assert_allclose(figure.axes[0].images[0].get_array(), damping.ptm)
    np.testing.assert_allclose(figure.axes[1].images[0].get_array(), damping.tensor(damping).ptm)
    assert {text.get_text() for text in figure.axes[0].texts} == {"1.00", "0.84", "0.30", "0.70"}
    assert not figure.axes[1].texts


@pytest.mark.parametrize(
    "states", [{}, {"a": np.zeros(5)}, {"a": np.zeros(4), "b": np.zeros(16)}, {"a": np.zeros(256)}]
)
def test_what_cannot_be_drawn_as_states_is_refused(states):
    with pytest.raises(EngineError, match="Pauli vectors of one length"):
        pauli_vector_figure(states)


def test_no_channel_is_refused():
    with pytest.raises(ChannelError, match="at least one"):
        channel_figure({})


def test_a_name_of_a_state_is_no_formula():
    image(pauli_vector_figure({r"$\no$": [1, 0, 0, 1]}), "svg")
