"""Figures as data: units, log axes, thresholds, and text that stays text."""

from qvar.dashboard.best import Candidate
from qvar.dashboard.curve import CurvePoint
from qvar.dashboard.figures import COLOURS, Line, curve_figure, pareto_figure

POINTS = [CurvePoint(100, 0.1, 0.2), CurvePoint(1000, 0.0, -0.01)]


def test_curves_have_logarithmic_axes_with_units_and_the_threshold():
    figure = curve_figure([Line("a", POINTS, is_chosen=True), Line("b", POINTS)], unit="Ha", accuracy=1.6e-3)
    assert [trace["name"] for trace in figure["data"]] == ["a", "a, as measured", "b"]
    assert figure["data"][0]["x"] == [100, 1000]
    assert all(y > 0 for trace in figure["data"] for y in trace["y"])
    layout = figure["layout"]
    assert (layout["xaxis"]["type"], layout["yaxis"]["type"]) == ("log", "log")
    assert layout["yaxis"]["title"]["text"] == "error (Ha)"
    assert layout["shapes"][0]["y0"] == 1.6e-3
    assert "1.6 mHa" in layout["annotations"][0]["text"]


def test_lines_differ_in_colour_or_dash():
    figure = curve_figure([Line(str(n), POINTS) for n in range(12)], unit="Ha", accuracy=None)
    styles = {(trace["line"]["color"], trace["line"]["dash"]) for trace in figure["data"]}
    assert len(styles) == 12
    assert len(set(COLOURS)) == len(COLOURS)
    assert "shapes" not in figure["layout"]


def test_markup_in_names_is_shown_and_not_followed():
    figure = curve_figure([Line('<a href="x">b</a>', POINTS)], unit="<i>Ha</i>", accuracy=None)
    assert figure["data"][0]["name"] == '&lt;a href="x"&gt;b&lt;/a&gt;'
    assert "<i>" not in figure["layout"]["yaxis"]["title"]["text"]


def test_long_curves_are_thinned_but_end_where_they_end():
    points = [CurvePoint(n, 1.0 / n, 1.0 / n) for n in range(1, 2001)]
    (trace,) = curve_figure([Line("a", points)], unit="Ha", accuracy=None)["data"]
    assert len(trace["x"]) < 600
    assert (trace["x"][0], trace["x"][-1]) == (1, 2000)


def test_the_front_shows_every_circuit_with_its_depth():
    figure = pareto_figure([Candidate(0, 1, 0.3), Candidate(4, 7, 1e-15)], unit="Ha", accuracy=1.6e-3, final=True)
    (trace,) = figure["data"]
    assert (trace["x"], trace["marker"]["color"]) == ([0, 4], [1, 7])
    assert trace["text"][1] == "4 CNOTs, depth 7"
