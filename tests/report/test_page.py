"""The page is well formed, needs nothing from outside, and shows names and messages as text."""

import base64
import re
from html.parser import HTMLParser

import pytest

from qvar.problems import Problem
from qvar.report import read_runs, report_html, report_json, report_markdown
from qvar.report.page import svg_address
from qvar.simulators import Observable

from .conftest import record

VOID = {"meta", "img", "br", "hr", "link", "input"}
NASTY = '<script>alert("x")</script> & $x_1$ | [b]'


class Page(HTMLParser):
    """Reads a page and fails where an element is not closed in turn."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.text = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


@pytest.fixture
def records(make_run, make_config):
    png = b"\x89PNG\r\n\x1a\n fake"
    finished = make_run("finished", make_config(seed=1), records=[record(1, 30, 1e-2)], result={"error": 4e-4})
    (finished / "circuit.png").write_bytes(png)
    paths = [
        finished,
        make_run("undrawn", make_config(seed=2), records=[record(1, 30, 1e-2)], result={}),
        make_run("failed", make_config(seed=3), error=f"RunError: {NASTY}"),
        make_run("late", make_config(seed=4), records=[record(3, 30, 1e-2)]),
    ]
    return read_runs(paths)


def test_the_page_shows_every_run_its_state_and_its_failure(records):
    page = Page(report_html(records))
    assert "4 runs: 2 finished, 1 unfinished, 1 FAILED." in page.words
    assert "UNFINISHED, 30%" in page.words
    assert f"Failed: RunError: {NASTY}" in page.words
    assert "published: random policy, reference code" in page.words
    for run in records:
        assert str(run.path) in page.words


def test_the_page_needs_nothing_from_outside(records):
    page = Page(report_html(records))
    assert not {"script", "link", "iframe", "object", "base", "form"} & set(page.tags)
    for name, value in page.attributes:
        assert not name.startswith("on")
        if name in ("src", "href"):
            assert re.match(r"data:image/(png|svg\+xml);base64,", value)
    assert "url(" not in report_html(records)
    assert "@import" not in report_html(records)


def test_pictures_in_the_page_are_those_of_the_runs(records):
    pictures = [value for name, value in Page(report_html(records)).attributes if name == "src"]
    png = base64.b64encode((records[0].path / "circuit.png").read_bytes()).decode()
    assert f"data:image/png;base64,{png}" in pictures
    drawings = [base64.b64decode(p.split(",")[1]) for p in pictures if "svg" in p]
    assert len(drawings) == 3 + 3  # of the setting, and of every run that has a record
    assert all(b"<svg" in drawing for drawing in drawings)


def test_a_circuit_without_picture_is_drawn_as_text(records):
    page = Page(report_html(records))
    assert page.tags.count("pre") == 1
    assert "q_0:" in page.words


def test_a_file_that_is_no_picture_is_left_out(records):
    (records[0].path / "circuit.png").write_bytes(b"<svg onload='alert(1)'>")
    assert "image/png" not in report_html(records)


@pytest.mark.parametrize("make", [report_html, report_markdown])
def test_names_from_files_are_text_and_not_markup(make_run, make_config, make):
    problem = Problem.from_observable(
        Observable.from_terms({"ZZ": 1.0, "XI": 0.2}), key="mine", title=f"title {NASTY}", unit="<b>J</b>"
    )
    records = read_runs([make_run("run", make_config(problem), records=[record(1, 5, 0.1)], result={})])
    text = make(records)
    assert "<script>" not in text
    assert "<b>" not in text.replace("\\<b\\>", "")
    if make is report_html:
        assert f"title {NASTY}" in Page(text).words


def test_the_same_figure_has_the_same_address(records):
    assert report_html(records) == report_html(records)
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([1, 2])
    assert svg_address(figure) == svg_address(figure)


def test_markdown_and_json_hold_the_same_runs(records):
    text, data = report_markdown(records), report_json(records)
    assert data["overview"] in text
    (setting,) = data["settings"]
    assert [run["state"] for run in setting["runs"]] == ["finished", "finished", "failed", "unfinished"]
    assert setting["experiments"][0]["successes"] == 2
    assert [entry["method"] for entry in setting["published"]] == ["random policy, reference code"]
    assert text.count("| accurate |") >= 2
    assert "- FAILED: random, seed 3" in text
