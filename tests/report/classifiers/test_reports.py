"""Reports of comparisons: every row is there, failures are shown, published numbers are as known and no others."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console
from sklearn.base import BaseEstimator, ClassifierMixin

from qvar.classify.comparison import ModelSpec, ShuffleSplits, compare, find_model
from qvar.report.classifiers.figures import CLASSIFIER_FIGURES, mean_roc
from qvar.report.classifiers.page import classifier_html, write_comparison
from qvar.report.classifiers.published import published_accuracies
from qvar.report.classifiers.tables import classifier_json, classifier_markdown, classifier_rows, classifier_table
from qvar.runs.style import image
from tests.report.searches.test_page import NASTY, Page


class Unlucky(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        raise RuntimeError(NASTY)


class Counted(ClassifierMixin, BaseEstimator):
    """A model with a course and costs, as quantum models have them."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.loss_curve_ = [0.7, 0.5, 0.4]
        self.cost_ = SimpleNamespace(evaluations=6, gradients=0, circuits=6 * len(X), shots=100)
        return self

    def predict_proba(self, X):
        p = 1 / (1 + np.exp(-X[:, 0]))
        return np.column_stack([1 - p, p])

    def predict(self, X):
        return (X[:, 0] > 0).astype(int)


def data(n_classes=2, name="two"):
    rng = np.random.default_rng(0)
    y = np.arange(60) % n_classes
    X = rng.normal(size=(60, 2)) + np.column_stack([2.0 * y, -y])
    return SimpleNamespace(name=name, X=X, y=y, target_names=[f"$c_{k}$" for k in range(n_classes)])


@pytest.fixture(scope="module")
def result():
    models = [
        "svm",
        "logistic-regression-tuned",
        "majority",
        ModelSpec("vqc-counted", "quantum", lambda _: Counted(), note=f"note {NASTY}"),
        ModelSpec("unlucky", "ablation", lambda _: Unlucky()),
    ]
    return compare(data(), models=models, splits=ShuffleSplits(3), train_sizes=[12, 24])


@pytest.fixture(scope="module")
def sentences(result):
    """The same numbers as if they were of the restaurant reviews."""
    dataset = {**result.config["dataset"], "name": "restaurant-reviews", "n_rows": 1000}
    return replace(result, config={**result.config, "dataset": dataset})


def test_the_table_has_a_row_for_every_model_with_its_numbers(result):
    table = result.table("raw")
    headings, rows = classifier_rows(result, table)
    assert {len(row) for row in rows} == {len(headings)}
    by_name = {row[0]: dict(zip(headings, row, strict=True)) for row in rows}
    assert list(by_name) == [row.model for row in table.rows]
    svm = next(row for row in table.rows if row.model == "svm")
    assert by_name["svm"]["accuracy"] == f"{svm.test['accuracy'].mean:.3f} ± {svm.test['accuracy'].sd:.3f}"
    assert by_name[table.reference][f"accuracy less {table.reference}"] == "reference"
    counted = by_name["vqc-counted"]
    assert (counted["evaluations"], counted["circuits"], counted["shots"]) == ("6", "288", "100")
    assert by_name["svm"]["circuits"] == "-"
    assert by_name["unlucky"]["splits"] == "0, 3 FAILED"
    assert by_name["unlucky"]["accuracy"] == "-"
    assert "chosen in " in by_name["logistic-regression-tuned"]["note"]


def test_markdown_says_how_the_numbers_came_about_and_what_failed(result):
    text = classifier_markdown(result)
    assert "3 stratified random splits, 20% of the rows to test on, seeds 0 to 2" in text
    assert "Nadeau and Bengio (2003)" in text
    assert "5-fold cross-validation within the training part" in text
    assert text.count("- FAILED: raw, unlucky, split ") == 3 * 3
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert len([line for line in text.splitlines() if line.startswith("| ")]) == 1 + 5
    assert "not recovered" not in text


def test_published_rows_stand_beside_ours_and_nothing_is_filled_in(sentences):
    headings, rows = classifier_rows(sentences, sentences.table("raw"))
    published = [dict(zip(headings, row, strict=True)) for row in rows if row[0].startswith("published: ")]
    assert len(published) == 8
    known = {row["model"]: (row["accuracy"], row["F1"], row["95 % interval"]) for row in published}
    assert known["published: VQC, AQGD-100"] == ("0.77", "0.785", "0.707 to 0.823")
    assert known["published: VQC, EfficientSU2-100"] == ("0.745", "0.7605", "0.680 to 0.800")
    others = [value for name, value in known.items() if "-100" not in name or "COBYLA" in name]
    assert others == [("not recovered", "not recovered", "-")] * 6
    assert all(row["precision"] == row["recall"] == "not recovered" for row in published)
    assert "Wilson's for 200 test rows" in classifier_markdown(sentences)


def test_another_set_of_that_name_has_no_published_rows():
    assert len(published_accuracies({"name": "restaurant-reviews, duplicates dropped", "n_rows": 996})) == 8
    assert published_accuracies({"name": "restaurant-reviews", "n_rows": 900}) == ()
    assert published_accuracies({"name": "iris", "n_rows": 1000}) == ()


def test_the_terminal_table_fits_80_columns(sentences):
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    table = sentences.table("raw")
    console.print(classifier_table(sentences, table))
    text = console.export_text()
    console.file.close()
    assert "…" not in text
    assert "splits: 0, 3 FAILED" in text
    assert "VQC, EfficientSU2-100" in text
    for row in table.rows:
        assert row.model in text


def test_json_holds_all_tables_and_failures(result):
    content = json.loads(json.dumps(classifier_json(result), allow_nan=False))
    assert [(table["features"], table["train_size"]) for table in content["tables"]] == [
        ("raw", 12),
        ("raw", 24),
        ("raw", None),
    ]
    assert len(content["failures"]) == 9
    assert content["config"]["dataset"]["n_rows"] == 60


def test_the_page_shows_everything_and_needs_nothing_from_outside(sentences):
    text = classifier_html(sentences)
    page = Page(text)
    assert "9 FAILED" in page.words
    assert f"RuntimeError: {NASTY}" in page.words
    assert f"note {NASTY}" in page.words
    assert "published: VQC, AQGD-100" in page.words
    assert not {"script", "link", "iframe", "object", "base", "form"} & set(page.tags)
    for name, value in page.attributes:
        assert not name.startswith("on")
        if name in ("src", "href", "xlink:href"):
            assert re.match(r"data:image/png;base64,|#", value)
    assert text.count('<tr class="failed">') == 1
    assert classifier_html(sentences) == text
    assert page.tags.count("svg") == len(CLASSIFIER_FIGURES)


def test_every_figure_draws_what_there_is(result):
    table = result.table("raw")
    figures = {name: make(result, table) for name, make in CLASSIFIER_FIGURES.items()}
    assert all(figure is not None for figure in figures.values())
    legend = figures["loss"].axes[0].get_legend_handles_labels()[1]
    assert legend == ["vqc-counted"]  # classical courses have no circuits
    sizes = figures["training-size"].axes[0].lines[0].get_xdata()
    assert list(sizes) == [12, 24, 48]
    assert len(figures["boundary"].axes) == len(figures["confusion"].axes) == 4  # all but the unlucky one


def test_figures_that_do_not_apply_are_left_out():
    many = compare(data(3, "three"), models=["logistic-regression"], splits=ShuffleSplits(2))
    table = many.table("raw")
    drawn = {name for name, make in CLASSIFIER_FIGURES.items() if make(many, table) is not None}
    assert drawn == {"accuracy", "roc", "confusion", "boundary"}
    failed = compare(data(), models=[ModelSpec("unlucky", "quantum", lambda _: Unlucky())], splits=ShuffleSplits(2))
    assert all(make(failed, failed.table("raw")) is None for make in CLASSIFIER_FIGURES.values())
    assert "0, 2 FAILED" in classifier_html(failed)


@pytest.mark.parametrize("classes", [["no", "yes"], ["versicolor", "virginica"], ["nothing at all", "everything else"]])
def test_names_of_classes_do_not_overlap_in_the_confusion(result, classes):
    dataset = {**result.config["dataset"], "classes": classes}
    named = replace(result, config={**result.config, "dataset": dataset})
    figure = CLASSIFIER_FIGURES["confusion"](named, named.table("raw"))
    image(figure, "svg")  # lays it out
    for axes in figure.axes:
        left, right = (label.get_window_extent() for label in axes.get_xticklabels())
        assert left.x1 < right.x0


def test_the_mean_roc_by_hand():
    cells = [
        {"labels": [0, 0, 1, 1], "scores": {"values": [0.1, 0.2, 0.8, 0.9]}},  # perfect
        {"labels": [0, 1, 0, 1], "scores": {"values": [0.9, 0.8, 0.2, 0.1]}},  # half of the pairs
    ]
    grid = np.array([0.0, 0.25, 0.5, 1.0])
    one, other = mean_roc(cells[:1], grid), mean_roc(cells[1:], grid)
    assert one.tolist() == [0.0, 1.0, 1.0, 1.0]
    assert mean_roc(cells, grid).tolist() == ((one + other) / 2).tolist()
    assert mean_roc([{"labels": [0, 1], "scores": {"values": [[], []]}}], grid) is None


def test_an_unfinished_comparison_says_so(result):
    part = replace(result, records=result.records[:7])
    text = classifier_markdown(part)
    assert "38 unfinished" in text
    assert "| 1, 2 unfinished |" in text or "1 FAILED, 2 unfinished" in text


def test_one_split_says_what_its_intervals_are():
    one = compare(data(), models=[find_model("svm"), "majority"], splits=ShuffleSplits(1))
    text = classifier_markdown(one)
    assert "One split: 95 % intervals of its test rows" in text
    assert "p is two-sided" not in text


def test_the_files_in_the_folder_are_the_reports(result, tmp_path):
    write_comparison(result, tmp_path)
    assert (tmp_path / "table.md").read_text() == classifier_markdown(result)
    assert (tmp_path / "report.html").read_text() == classifier_html(result)
