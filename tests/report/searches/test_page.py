"""The page is well formed, needs nothing from outside, and shows names and messages as text."""

import base64
import re
from html.parser import HTMLParser

import pytest

from qvar.problems import Problem
from qvar.report import read_runs, report_html, report_json, report_markdown
from qvar.report.pages import drawn
from qvar.simulators import Observable
from tests.report.conftest import record

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
        if name in ("src", "href", "xlink:href"):
            assert re.match(r"data:image/png;base64,|#", value)
    assert not re.search(r"url\((?!#)", report_html(records))
    assert "@import" not in report_html(records)


def test_pictures_in_the_page_are_those_of_the_runs(records):
    pictures = [value for name, value in Page(report_html(records)).attributes if name == "src"]
    png = base64.b64encode((records[0].path / "circuit.png").read_bytes()).decode()
    assert f"data:image/png;base64,{png}" in pictures
    assert Page(report_html(records)).tags.count("svg") == 3 + 3  # of the setting, and of every run that has a record


def test_every_drawing_says_in_words_what_it_shows(records):
    page = Page(report_html(records))
    words = [value for name, value in page.attributes if name in ("alt", "aria-label")]
    assert len(words) == page.tags.count("svg") + page.tags.count("img")
    assert all(len(text) > 10 for text in words)
    assert page.tags.count("th") > 10
    assert {value for name, value in page.attributes if name == "scope"} == {"col", "row"}


def test_drawings_do_not_take_each_others_parts(records):
    page = Page(report_html(records))
    own = [value for name, value in page.attributes if name == "id"]
    assert len(set(own)) == len(own)
    wanted = re.findall(r"(?:url\(|href=\")#([^\")]+)", report_html(records))
    assert wanted
    assert set(wanted) <= set(own)


def test_a_page_of_many_runs_draws_the_best_of_every_experiment_and_lists_all(make_run, make_config):
    errors = {seed: 10.0**-seed for seed in range(1, 14)}
    paths = [
        make_run(f"run{seed}", make_config(seed=seed), records=[record(1, 30, error)], result={"error": error})
        for seed, error in errors.items()
    ]
    paths.append(make_run("broken", make_config(seed=20), error="RunError: of no use"))
    text = report_html(read_runs(paths))
    page = Page(text)
    assert text.count("<svg") == 3 + 1
    assert "random, seed 13: finished" in page.words
    assert "random, seed 12: finished" not in page.words
    assert "Failed: RunError: of no use" in page.words
    assert "All 14 runs" in page.words
    for path in paths:
        assert f"{path}" in page.words


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
    assert drawn(figure) == drawn(figure)


def test_markdown_and_json_hold_the_same_runs(records):
    text, data = report_markdown(records), report_json(records)
    assert data["overview"] in text
    (setting,) = data["settings"]
    assert [run["state"] for run in setting["runs"]] == ["finished", "finished", "failed", "unfinished"]
    assert setting["experiments"][0]["successes"] == 2
    assert [entry["method"] for entry in setting["published"]] == ["random policy, reference code"]
    assert text.count("| accurate |") >= 2
    assert "- FAILED: random, seed 3" in text
