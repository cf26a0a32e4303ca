"""Figures can be told apart by everybody, have the sizes of journals, and are the same files every time."""

import re
from itertools import combinations, pairwise

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from qvar.runs import style
from qvar.simulators.errors import RunError

SIGHT = {
    "full": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""How linear RGB looks to others: Machado, Oliveira and Fernandes (2009), severity 1."""

TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = TO_XYZ.sum(axis=1)
LEAST = 15.0
"""Of the CIELAB distance of two colours; about 2 is the least difference that can be seen side by side."""


def lab(colour, sight):
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(SIGHT[sight]) @ linear, 0, 1)
    ratio = TO_XYZ @ seen / WHITE
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def closest(colours, sight):
    return min(np.linalg.norm(lab(a, sight) - lab(b, sight)) for a, b in combinations(colours, 2))


@pytest.mark.parametrize("sight", SIGHT)
def test_colours_differ_for_everybody(sight):
    assert closest(style.COLOURS, sight) > LEAST


def test_the_bound_is_one_that_matplotlibs_own_colours_break():
    assert min(closest([f"C{k}" for k in range(7)], sight) for sight in SIGHT) < LEAST


def test_white_paper_is_far_from_every_colour():
    assert all(np.linalg.norm(lab(c, "full") - lab("white", "full")) > 40 for c in (*style.COLOURS, style.GREY))


def test_thirty_five_lines_differ_by_colour_or_dashes_and_neighbours_by_marks_too():
    looks = [style.line(k, marks=True) for k in range(35)]
    assert len({(look["color"], str(look["linestyle"])) for look in looks}) == 35
    for a, b in pairwise(looks):
        assert a["linestyle"] != b["linestyle"]
        assert a["marker"] != b["marker"]


@style.styled
def drawing(label="energy & <error> (hartree)"):
    figure = style.new_figure(style.COLUMN, 2.0)
    axes = figure.subplots()
    axes.plot([1, 2, 3], [3, 1, 2], label=label, **style.line(0, marks=True))
    style.legend(axes, title="$x")
    style.describe(figure, "a title", 'words & "more"')
    return figure


@pytest.mark.parametrize("kind", style.FORMATS)
def test_the_same_figure_is_the_same_file(kind):
    assert style.image(drawing(), kind) == style.image(drawing(), kind)
    assert style.image(drawing(), kind) != style.image(drawing("other"), kind)


def test_a_pdf_holds_its_fonts_as_text_and_no_date():
    content = style.image(drawing(), "pdf")
    assert b"/FontFile2" in content
    assert b"/Type3" not in content
    assert b"Date" not in content


def test_an_svg_holds_text_and_the_width_of_a_column():
    content = style.image(drawing(), "svg").decode()
    assert "energy &amp; &lt;error&gt; (hartree)</text>" in content
    assert "dc:date" not in content
    assert float(re.search(r'width="([0-9.]+)pt"', content)[1]) == pytest.approx(72 * style.COLUMN)


def test_an_element_of_a_page_has_words_and_names_of_its_own():
    text, other = style.inline_svg(drawing()), style.inline_svg(drawing("other"))
    assert text.startswith('<svg role="img" aria-label="words &amp; &quot;more&quot;"')
    assert text.endswith("</svg>")
    ids = set(re.findall(r' id="([^"]+)"', text))
    assert ids
    assert not ids & set(re.findall(r' id="([^"]+)"', other))
    assert "<style" not in text
    assert len(text) < len(style.image(drawing(), "svg"))


def test_what_a_user_has_set_changes_no_figure():
    before = style.image(drawing(), "svg")
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "red"}):
        assert style.image(drawing(), "svg") == before
        assert matplotlib.rcParams["font.size"] == 30


@pytest.mark.parametrize("text", ["", "pdf,pdf", "jpeg", "pdf;svg"])
def test_a_wrong_format_is_refused(text):
    with pytest.raises(RunError, match="pdf, svg, png"):
        style.parse_formats(text)


def test_formats_are_separated_by_commas():
    assert style.parse_formats("pdf, svg") == ("pdf", "svg")
