"""The figure of results over seeds draws every value, their mean and its standard error."""

import numpy as np
import pytest

from qvar.report import seed_figure
from qvar.runs.style import image
from qvar.simulators.errors import RunError

PANELS = {"error (Ha)": {"a": [1.0, 3.0], "b": [2.0]}, "energies": {"b": [10.0, 20.0, 30.0]}}


def test_every_value_its_mean_and_its_error_are_drawn():
    left, right = seed_figure(PANELS).axes
    assert left.get_xlabel() == "error (Ha)"
    drawn = [line.get_xdata().tolist() for line in left.get_lines() if line.get_marker() in "oD"]
    assert drawn == [[1.0, 3.0], [2.0], [2.0], [2.0]]
    (segment,) = right.containers[0].lines[2][0].get_segments()
    error = 10 / np.sqrt(3)
    np.testing.assert_allclose(segment, [[20 - error, 1], [20 + error, 1]])
    assert [text.get_text() for text in left.get_yticklabels()] == ["a", "b"]


def test_a_line_is_in_its_panel_only():
    figure = seed_figure(PANELS, logarithmic=list(PANELS), lines={"error (Ha)": ("accuracy", 1.6e-3)})
    assert [axes.get_legend_handles_labels()[1] for axes in figure.axes] == [["accuracy"], []]
    assert {axes.get_xscale() for axes in figure.axes} == {"log"}


@pytest.mark.parametrize("panels", [{}, {"x": {}}, {"x": {"a": []}}, {"x": {"a": [np.nan]}}, {"x": {"a": [0.0]}}])
def test_what_cannot_be_drawn_is_refused(panels):
    with pytest.raises(RunError):
        seed_figure(panels, logarithmic=list(panels))


def test_a_name_of_a_line_is_no_formula():
    image(seed_figure({"error": {"a": [1.0, 2.0]}}, lines={"error": (r"$\no$", 1.5)}), "svg")
