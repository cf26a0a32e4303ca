"""Figures of latent search draw the numbers they are given."""

import numpy as np
import pytest

from qvar.report.latent.figures import (
    circuit_map,
    course_figure,
    distance_figure,
    latent_map,
    reward_figure,
    training_figure,
)
from qvar.report.pages import drawn
from qvar.runs import style
from qvar.simulators.errors import LatentError


@pytest.fixture
def features():
    """Circuits along one line of a space of five dimensions, with a little noise."""
    rng = np.random.default_rng(0)
    return np.outer(np.linspace(-1, 1, 60), [3, 0, 4, 0, 0]) + 0.01 * rng.normal(size=(60, 5))


def lines(axes):
    return {line.get_label(): line.get_xydata() for line in axes.get_lines()}


def test_principal_components_find_the_line(features):
    points = circuit_map(features, kind="pca")
    assert points.shape == (60, 2)
    assert np.allclose(points[:, 0], 5 * np.linspace(-1, 1, 60), atol=0.1)
    assert np.allclose(circuit_map(features[:, :1], kind="pca")[:, 1], 0)


def test_the_map_by_t_sne_follows_its_seed(features):
    one, same = (circuit_map(features, kind="t-sne", seed=1) for _ in range(2))
    assert one.shape == (60, 2)
    assert np.array_equal(one, same)


@pytest.mark.parametrize(
    ("shape", "kind", "part"), [((3, 2), "pca", "four"), ((9,), "pca", "four"), ((9, 2), "umap", "umap")]
)
def test_a_map_of_too_little_or_of_another_kind_is_refused(shape, kind, part):
    with pytest.raises(LatentError, match=part):
        circuit_map(np.zeros(shape), kind=kind)


def test_a_latent_map_has_two_panels_with_the_best_circuits_on_top(features):
    values = np.random.default_rng(1).random(60)
    figure = latent_map(features, values, most=40)
    assert [axes.get_title(loc="left") for axes in figure.axes[:2]] == ["principal components", "t-SNE"]
    for axes in figure.axes[:2]:
        (dots,) = axes.collections
        assert len(dots.get_offsets()) == 40
        assert (np.diff(dots.get_array()) >= 0).all()
    assert len(latent_map(features).axes) == 2


def course(mean, width=0.0):
    mean = np.asarray(mean, dtype=float)
    return np.arange(1, len(mean) + 1), mean, mean - width, mean + width


def test_a_course_is_a_mean_within_its_band():
    figure = course_figure({"a": course([1, 2, 4], 0.5), "b": course([1, 1])}, ylabel="candidates", by_chance=0.25)
    (axes,) = figure.axes
    drawn = lines(axes)
    assert drawn["a"].tolist() == [[1, 1], [2, 2], [3, 4]]
    assert drawn["b"].tolist() == [[1, 1], [2, 1]]
    assert drawn["share in the pool"].tolist() == [[0, 0], [3, 0.75]]
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (0.5, 4.5)


def test_long_courses_are_drawn_with_few_points():
    (axes,) = course_figure({"a": course(np.ones(5_000))}, ylabel="best").axes
    (line,) = axes.get_lines()
    assert (len(line.get_xdata()), line.get_xdata()[0], line.get_xdata()[-1]) == (400, 1, 5_000)


def test_a_regret_of_zero_is_at_the_floor_of_a_logarithmic_axis():
    figure = course_figure({"a": course([0.1, 0.01, 0.0])}, ylabel="regret", logarithmic=True)
    (axes,) = figure.axes
    assert axes.get_yscale() == "log"
    assert lines(axes)["a"][:, 1].tolist() == [0.1, 0.01, 1e-6]


def test_nothing_to_draw_is_none():
    assert course_figure({}, ylabel="best") is None
    assert training_figure({"loss": {}}) is None


def test_training_has_a_panel_for_each_group():
    epochs = [1, 2, 3]
    figure = training_figure(
        {"loss": {"all": (epochs, [3, 2, 1])}, "none": {}, "share": {"ops": (epochs, [0, 0.5, 1])}}
    )
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "share"]
    assert lines(figure.axes[1])["ops"][:, 1].tolist() == [0, 0.5, 1]


def test_distances_are_drawn_as_counts_and_as_boxes():
    edit = np.array([0, 1, 1, 3, 3, 3])
    figure = distance_figure(np.arange(6.0), edit, near_latent=[0.5], near_edit=[2], title="trained")
    left, right = figure.axes[:2]
    (image,) = left.collections
    assert np.asarray(image.get_array()).sum() == 6
    assert (
        len([line for line in right.get_lines() if line.get_color() == style.ACCENT]) == 4
    )  # medians of 0, 1, 2 and 3


def test_rewards_are_counted_and_the_threshold_says_who_passes():
    figure = reward_figure([0.1, 0.2, 0.96, 1.0], 0.95)
    (axes,) = figure.axes
    assert sum(patch.get_height() for patch in axes.patches) == 4
    assert "threshold 0.95: 50.00% pass" in lines(axes)


def test_names_are_no_formulas_and_figures_are_the_same_every_time():
    make = lambda: drawn(course_figure({"$\\bad$": course([1, 2])}, ylabel="$x", title="$\\frac"))  # noqa: E731
    assert make() == make()
