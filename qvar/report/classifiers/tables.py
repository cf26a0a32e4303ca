"""Comparisons of classifiers as tables: rows with intervals, for people in Markdown and on a terminal, and JSON."""

from typing import TYPE_CHECKING, Any

from qvar.classify.comparison.metrics import METRICS
from qvar.classify.comparison.plan import count_cells
from qvar.classify.comparison.result import ComparisonResult, Row, Table
from qvar.classify.comparison.statistics import Estimate
from qvar.classify.comparison.training import COSTS
from qvar.report.classifiers.published import PublishedAccuracy, published_accuracies
from qvar.report.markdown import markdown_table, markdown_text
from qvar.simulators.errors import RunError
from qvar.simulators.untrusted import refusing

if TYPE_CHECKING:
    from rich.table import Table as RichTable

__all__ = [
    "classifier_json",
    "classifier_markdown",
    "classifier_rows",
    "classifier_table",
    "failures",
    "heading",
    "overview",
    "published_note",
    "statement",
]

_UNKNOWN = "not recovered"
_Rows = tuple[tuple[str, ...], list[tuple[str, ...]]]


def overview(result: ComparisonResult) -> str:
    """Return in one sentence what was compared, and how much of it is there."""
    data = result.config["dataset"]
    n_cells = count_cells(result.config)
    n_failed = len(result.failures)
    failed = f", {n_failed} FAILED" if n_failed else ""
    missing = n_cells - len(result.records)
    unfinished = f", {missing} unfinished" if missing else ""
    classes = ", ".join(data["classes"][:6]) + (", ..." if len(data["classes"]) > 6 else "")
    return (
        f"{data['name']}: {data['n_rows']} rows, {len(data['classes'])} classes ({classes}); {len(result.models)} "
        f"models on {len(result.features)} kind{'' if len(result.features) == 1 else 's'} of features, "
        f"{n_cells} trainings{failed}{unfinished}"
    )


def _splits_in_words(result: ComparisonResult) -> str:
    """Return how the rows were split."""
    splits, seed = result.config["splits"], result.config["seed"]
    if splits["kind"] == "shuffle":
        n = splits["n_splits"]
        seeds = f"seed {seed}" if n == 1 else f"seeds {seed} to {seed + n - 1}"
        plural = "" if n == 1 else "s"
        return f"{n} stratified random split{plural}, {splits['test_size']:.0%} of the rows to test on, {seeds}"
    return f"{splits['n_folds']}-fold stratified cross-validation, {splits['n_repeats']} times, from seed {seed}"


def statement(result: ComparisonResult, table: Table) -> str:
    """Say how the numbers of a table came about, and how far they can be trusted."""
    parts = [f"{_splits_in_words(result)}; the same splits and start seeds for all models."]
    parts.append("Every transformation is fitted on training rows alone.")
    if any(model["is_tuned"] for model in result.config["models"]):
        parts.append(
            f"Tuned models are chosen by {METRICS[result.config['scoring']]} in {result.config['inner_folds']}-fold "
            "cross-validation within the training part; their cost includes it."
        )
    if table.n_splits > 1:
        parts.append(
            "± is the standard deviation over the splits. Intervals are 95 % for the mean by the corrected resampled t "
            "of Nadeau and Bengio (2003), which allows for training parts that overlap."
        )
    else:
        parts.append("One split: 95 % intervals of its test rows, Wilson's for accuracy, by resampling for F1.")
    if table.reference is not None:
        chosen = "the classical model with the best mean in this very table, or as asked for"
        parts.append(
            f"Differences are paired by split, to {table.reference} ({chosen})"
            + ("; p is two-sided, corrected for the number of models (Holm)." if table.n_splits > 1 else ".")
        )
    seen = [record["sizes"]["test_rows_seen"] for record in result.records if record["error"] is None]
    if any(seen):
        parts.append(f"On average {sum(seen) / len(seen):.1f} test rows equal some training row.")
    return " ".join(parts)


def heading(result: ComparisonResult, table: Table) -> str:
    """Return the heading of a table."""
    size = "" if table.train_size is None else f", {table.train_size} training rows"
    return f"{result.config['dataset']['name']}, features {table.features}{size}"


def published_note(result: ComparisonResult) -> str | None:
    """Say what the published rows are, None if there are none."""
    if not published_accuracies(result.config["dataset"]):
        return None
    return (
        "Published rows give one number each, of one split as it seems; the interval is Wilson's for 200 test rows, "
        f"which is an inference. Their features, readout and shots are not known. {_UNKNOWN}: not in the part of the "
        "paper that is known to us."
    )


def classifier_rows(result: ComparisonResult, table: Table) -> _Rows:
    """Return heading and rows of a table as text, published rows at the end."""
    names = ("model", "kind", "accuracy", "95 % interval", *(METRICS[m] for m in _MORE))
    more = (f"{METRICS[table.metric]} less {table.reference}", "p", "won / tied / lost", "accuracy on training rows")
    spent = (*COSTS, "seconds to fit (median)", "splits", "note")
    rows = [_row(row, table) for row in table.rows]
    rows += [
        _published_row(entry, len(names) + len(more) + len(spent))
        for entry in published_accuracies(result.config["dataset"])
    ]
    return (*names, *more, *spent), rows


_MORE = ("balanced_accuracy", "precision", "recall", "f1", "roc_auc", "log_loss")


def _row(row: Row, table: Table) -> tuple[str, ...]:
    cost = row.cost or {}
    counts = [f"{cost[name]:,.0f}" if name in cost else "-" for name in COSTS]
    difference = row.difference
    against = ["reference" if row.model == table.reference else "-", "-", "-"]
    if difference is not None:
        against = [
            f"{difference.mean:+.3f}" + _range(difference.low, difference.high, "{:+.3f}"),
            "-" if difference.p_holm is None else _p(difference.p_holm),
            f"{difference.wins} / {difference.ties} / {difference.losses}",
        ]
    accuracy = row.test["accuracy"]
    return (
        row.model,
        row.kind,
        _spread(accuracy),
        "-" if accuracy is None or accuracy.low is None else _range(accuracy.low, accuracy.high, "{:.3f}").strip(" ()"),
        *(_spread(row.test[metric]) for metric in _MORE),
        *against,
        _spread(row.train["accuracy"]),
        *counts,
        _seconds(row),
        _splits(row),
        "; ".join([row.note, *_chosen(row), *_warned(row)]).strip("; "),
    )


def _seconds(row: Row) -> str:
    """Return the usual time of a training, its tuning included."""
    seconds = row.seconds.get("tune", 0.0) + row.seconds.get("fit", 0.0)
    return "-" if not row.n_cells else f"{seconds:.1f}" if seconds >= 0.05 else "< 0.1"


def _splits(row: Row) -> str:
    parts = [str(row.n_cells)]
    parts += [f"{len(row.failures)} FAILED"] if row.failures else []
    parts += [f"{row.n_missing} unfinished"] if row.n_missing else []
    return ", ".join(parts)


def _chosen(row: Row) -> list[str]:
    """Return what the inner cross-validation chose most often."""
    if not row.parameters:
        return []
    parameters, n = row.parameters[0]
    words = ", ".join(f"{name}={value}" for name, value in parameters.items())
    return [f"chosen in {n} of {row.n_cells}: {words}"]


def _warned(row: Row) -> list[str]:
    kinds: dict[str, int] = {}
    for text, n in row.warnings.items():
        kind = text.split(":")[0]
        kinds[kind] = max(kinds.get(kind, 0), n)
    return [f"{kind} in at least {n} split{'' if n == 1 else 's'}" for kind, n in kinds.items()]


def _spread(estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    return f"{estimate.mean:.3f}" + ("" if estimate.sd is None else f" ± {estimate.sd:.3f}")


def _range(low: float | None, high: float | None, pattern: str) -> str:
    return "" if low is None or high is None else f" ({pattern.format(low)} to {pattern.format(high)})"


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"{value:.3f}".lstrip("0") if value < 1 else "1"


def _published_row(entry: PublishedAccuracy, width: int) -> tuple[str, ...]:
    def text(value: float | None) -> str:
        return _UNKNOWN if value is None else f"{value:.4g}"

    interval = "-" if entry.interval is None else _range(*entry.interval, "{:.3f}").strip(" ()")
    cells = [f"published: {entry.model}", "published", text(entry.accuracy), interval]
    cells += [text(entry.f1) if metric == "f1" else "-" if metric == "log_loss" else _UNKNOWN for metric in _MORE]
    return (*cells, *["-"] * (width - len(cells) - 1), entry.source)


@refusing("the record", RunError)
def classifier_markdown(result: ComparisonResult) -> str:
    """Return all tables of a comparison as Markdown, failures below."""
    parts = [f"# {markdown_text(result.config['dataset']['name'])}\n", f"{markdown_text(overview(result))}.\n"]
    for features in result.features:
        table = result.table(features)
        note = published_note(result)
        parts += [f"## {markdown_text(heading(result, table))}\n", f"{markdown_text(statement(result, table))}\n"]
        parts += [markdown_text(note) + "\n"] if note else []
        parts.append(markdown_table(*classifier_rows(result, table)))
    parts += ["".join(f"- FAILED: {markdown_text(text)}\n" for text in failures(result))] if result.failures else []
    return "\n".join(parts)


def failures(result: ComparisonResult) -> list[str]:
    """Return which cells failed, and why."""
    return [
        f"{record['features']}, {record['model']}, split {record['split']}"
        + ("" if record["train_size"] is None else f", {record['train_size']} rows")
        + f": {record['error']}"
        for record in result.failures
    ]


@refusing("the record", RunError)
def classifier_json(result: ComparisonResult) -> dict[str, Any]:
    """Return what was compared, all tables, and failures as JSON-able data."""
    sizes = (*result.train_sizes, None)
    return {
        "config": dict(result.config),
        "tables": [result.table(f, train_size=size).to_dict() for f in result.features for size in sizes],
        "published": [entry.to_dict() for entry in published_accuracies(result.config["dataset"])],
        "failures": failures(result),
    }


def classifier_table(result: ComparisonResult, table: Table) -> "RichTable":
    """Return a table for a terminal; 80 columns are enough."""
    from rich.box import SIMPLE
    from rich.table import Table as RichTable
    from rich.text import Text

    title = f"{heading(result, table)}: mean ± standard deviation, [95 % interval]"
    rich = RichTable(
        title=Text(title, style="table.title"), title_justify="left", box=SIMPLE, padding=0, show_edge=False
    )
    rich.add_column("model", no_wrap=True)
    for name in ("accuracy", "F1", "difference", "circuits", "s"):
        rich.add_column(name, justify="right", no_wrap=True)
    for row in table.rows:
        trouble = f"\nsplits: {_splits(row)}" if row.failures or row.n_missing else ""
        rich.add_row(
            Text(row.model + trouble, style="bold red" if row.failures else ""),
            *map(Text, _terminal_cells(row, table)),
        )
    for entry in published_accuracies(result.config["dataset"]):
        if entry.accuracy is not None:
            low_high = "" if entry.interval is None else "\n[{:.3f}, {:.3f}]".format(*entry.interval)
            numbers = [f"{entry.accuracy:.3f}{low_high}", "-" if entry.f1 is None else f"{entry.f1:.4g}"]
            rich.add_row(Text(f"published:\n{entry.model}", style="dim"), *map(Text, [*numbers, "-", "-", "-"]))
    return rich


def _terminal_cells(row: Row, table: Table) -> list[str]:
    def bracket(low: float | None, high: float | None, pattern: str) -> str:
        return "" if low is None or high is None else f"\n[{pattern.format(low)}, {pattern.format(high)}]"

    accuracy, difference = row.test["accuracy"], row.difference
    against = "reference" if row.model == table.reference else "-"
    if difference is not None:
        against = f"{difference.mean:+.3f}" + bracket(difference.low, difference.high, "{:+.3f}")
    return [
        _spread(accuracy) + ("" if accuracy is None else bracket(accuracy.low, accuracy.high, "{:.3f}")),
        "-" if (f1 := row.test["f1"]) is None else f"{f1.mean:.3f}",
        against,
        f"{row.cost['circuits']:.2g}" if row.cost else "-",
        _seconds(row),
    ]
