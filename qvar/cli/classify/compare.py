"""The command `qvar compare`: quantum and classical classifiers on the same splits of a data set."""

import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from qvar.classify.comparison import (
    DEFAULT_MODELS,
    GROUPS,
    ComparisonFolder,
    ComparisonPlan,
    ComparisonResult,
    ShuffleSplits,
    default_features,
    find_features,
    find_model,
    find_models,
    model_names,
    run_comparison,
)
from qvar.classify.comparison.features import NUMERIC_FEATURES
from qvar.classify.datasets import DATASETS, load_dataset
from qvar.classify.text import TEXT_FEATURES
from qvar.cli.durations import duration
from qvar.cli.inputs import given_options, parse_integers, parse_names
from qvar.cli.interruption import interruptible
from qvar.cli.outputs import check_file
from qvar.cli.printing import print_json, print_line
from qvar.cli.progress import ProgressLine, counted, quieten_log
from qvar.report import classifier_html, classifier_json, classifier_table, write_comparison
from qvar.report.classifiers.tables import failures
from qvar.runs.workers import usable_cores
from qvar.simulators.errors import RunError
from qvar.simulators.files import write_atomically
from qvar.simulators.untrusted import refusing

__all__ = ["CompareOptions", "compare_command", "list_command", "print_comparison"]


@dataclass(frozen=True)
class CompareOptions:
    """The options of `qvar compare` that determine the record, as given; lists are separated by commas."""

    dataset: str | None = None
    path: str | None = None
    embeddings: str | None = None
    features: str | None = None
    models: str | None = None
    components: int = 5
    splits: int = 10
    test_size: float = 0.2
    train_sizes: str | None = None
    tune: bool = False
    seed: int = 0

    def plan(self, *, download: bool = False) -> ComparisonPlan:
        """Return the comparison that these options ask for.

        Args:
            download: whether a data set that is not shipped may be fetched.

        Raises:
            QvarError: for names that do not exist, or options that make no sense.
        """
        if self.dataset is None:
            raise RunError("which data set? Give one (see `qvar compare --list`), or --resume --out COMPARISON")
        wishes = {"path": self.path, "download": download or None}
        data = load_dataset(self.dataset, **{name: wish for name, wish in wishes.items() if wish is not None})
        names = default_features(data.X) if self.features is None else parse_names(self.features, option="--features")
        specs = find_models(DEFAULT_MODELS if self.models is None else parse_names(self.models, option="--models"))
        sizes = () if self.train_sizes is None else parse_integers(self.train_sizes, option="--train-sizes")
        return ComparisonPlan(
            data,
            find_features(names, data.X, n_components=self.components, embeddings=self.embeddings),
            tuple(model.tuned() if self.tune and model.grid else model for model in specs),
            splits=ShuffleSplits(self.splits, self.test_size),
            seed=self.seed,
            train_sizes=tuple(sizes),
        )

    def default_folder(self) -> Path:
        """Return comparisons/DATASET-FEATURES-seedN."""
        words = [self.dataset or "", *(self.features or "").split(","), f"seed{self.seed}"]
        return Path("comparisons") / "-".join(filter(None, words))

    def check_nothing_to_set(self) -> None:
        """Raise RunError if any option is given; a comparison goes on as it was set up."""
        if given := given_options(self):
            raise RunError(f"--resume without a data set goes on as it was set up; leave out {', '.join(given)}")


def compare_command(
    options: CompareOptions,
    *,
    out: Path | None,
    html: Path | None,
    resume: bool,
    download: bool,
    jobs: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Carry out a comparison or go on with one, print its tables; exit code 1 if a training failed."""
    console, silent = Console(stderr=True), quiet or as_json
    quieten_log(console, silent=silent)
    if html is not None:
        check_file(html, ".html", ".htm", what="a page")
    plan, folder = _prepare(options, out, resume=resume, download=download)
    at_a_time = usable_cores() if jobs is None else jobs
    n_done = folder.n_finished
    if not silent:
        print_line(_announcement(plan, n_done, at_a_time, folder.path), console)
    n_cells = len(plan.cells())
    command = shlex.join(["qvar", "compare", "--resume", "--out", str(folder.path)])
    with (
        interruptible(console, lambda: f"go on with: {command}"),
        ProgressLine(console, visible=not silent, total=n_cells, done=n_done, columns=counted()) as line,
    ):
        display = _Display(line, n_cells=n_cells, n_done=n_done, jobs=at_a_time)
        result = run_comparison(plan, folder=folder, n_jobs=jobs, on_cell=display.note)
    write_comparison(result, folder.path)
    if html is not None:
        write_atomically(html, classifier_html(result).encode())
    _print_result(result, folder.path, as_json=as_json)
    for text in failures(result):
        print_line(f"FAILED: {text}", console)
    if result.failures:
        print_line(f"{len(result.failures)} trainings failed; --resume --out {folder.path} tries them again", console)
        raise SystemExit(1)


def _prepare(
    options: CompareOptions, out: Path | None, *, resume: bool, download: bool
) -> tuple[ComparisonPlan, ComparisonFolder]:
    """Return what to compare, and the folder to do it in."""
    if resume and options.dataset is None:
        if out is None:
            raise RunError("which comparison? Give its folder: qvar compare --resume --out COMPARISON")
        options.check_nothing_to_set()
        folder = ComparisonFolder.open(out)
        try:
            options = CompareOptions(**folder.request)
        except TypeError:
            raise RunError(f"{out} was not made by qvar compare; go on with it as it was made") from None
        plan = options.plan()
        folder.check_same(plan.to_dict())
        return plan, folder
    plan = options.plan(download=download)
    path = options.default_folder() if out is None else out
    if resume:
        folder = ComparisonFolder.open(path)
        folder.check_same(plan.to_dict())
        return plan, folder
    files = {"path": options.path, "embeddings": options.embeddings}
    request = asdict(options) | {name: file and str(Path(file).absolute()) for name, file in files.items()}
    return plan, ComparisonFolder.create(path, plan.to_dict(), request)


def _announcement(plan: ComparisonPlan, n_done: int, jobs: int, path: Path) -> str:
    factors = [(len(plan.features), "feature set"), (len(plan.models), "model"), (plan.splits.n_splits, "split")]
    words = " x ".join(f"{n} {name}{'' if n == 1 else 's'}" for n, name in factors)
    sizes = f" x {len(plan.train_sizes) + 1} training sizes" if plan.train_sizes else ""
    before = f" ({n_done} done before)" if n_done else ""
    return f"{len(plan.cells())} trainings: {words}{sizes}{before}, {jobs} at a time, in {path}"


def _print_result(result: ComparisonResult, path: Path, *, as_json: bool) -> None:
    if as_json:
        print_json({"comparison": str(path), **classifier_json(result)})
        return
    console = Console()
    print_comparison(result, console)
    print_line(f"all numbers and plots in {path / 'report.html'} and {path / 'table.md'}", console)


@refusing("the record", RunError)
def print_comparison(result: ComparisonResult, console: Console) -> None:
    """Print all tables of a comparison."""
    for features in result.features:
        console.print(classifier_table(result, result.table(features)))
        console.print()


def list_command(*, as_json: bool) -> None:
    """Print the data sets, features and models that go by name."""
    rows = {
        "datasets": {name: entry.title for name, entry in DATASETS.items()},
        "features of texts": dict(TEXT_FEATURES),
        "features of numbers": dict(NUMERIC_FEATURES),
        "models": {name: f"{(model := find_model(name)).kind}: {model.note}" for name in model_names()},
        "groups of models": {name: ", ".join(members) for name, members in GROUPS.items()},
    }
    if as_json:
        print_json(rows)
        return
    from rich.box import SIMPLE
    from rich.table import Table

    console = Console()
    for what, entries in rows.items():
        table = Table(title=what, title_justify="left", box=SIMPLE, show_header=False)
        table.add_column(no_wrap=True)
        table.add_column()
        for entry in entries.items():
            table.add_row(*entry)
        console.print(table)
    print_line("NAME-tuned: tuned by nested cross-validation; NAME-shuffled: trained on permuted labels.", console)


class _Display:
    """The trainings of a comparison, on a line of progress (mutable).

    The time left is guessed from what the same models on the same features have taken so far.
    """

    def __init__(self, line: ProgressLine, *, n_cells: int, n_done: int, jobs: int) -> None:
        self._line, self._jobs = line, jobs
        self._n, self._left = n_cells, n_cells - n_done
        self._failed = 0
        self._seconds: dict[tuple[str, str], list[float]] = {}

    def note(self, record: dict[str, Any]) -> None:
        """Show one more training."""
        self._left -= 1
        self._failed += record["error"] is not None
        if record["error"] is None:
            taken = sum(record["seconds"].values())
            self._seconds.setdefault((record["features"], record["model"]), []).append(taken)
        left = f", about {duration(self.seconds_left())} left" if self._left and self._seconds else ""
        failed = f", {self._failed} FAILED" if self._failed else ""
        text = f"{self._n - self._left} of {self._n} trainings{failed}{left}"
        self._line.update(text, done=self._n - self._left)
        self._line.say(f"{text}: {_outcome(record)}")

    def seconds_left(self) -> float:
        """Return the time that the remaining trainings will take, as a guess.

        Splits go round all models, so that what is left is made of them in equal parts.
        """
        means = [sum(taken) / len(taken) for taken in self._seconds.values()]
        return self._left * sum(means) / len(means) / max(1, min(self._jobs, self._left))


def _outcome(record: dict[str, Any]) -> str:
    size = "" if record["train_size"] is None else f", {record['train_size']} rows"
    name = f"{record['features']}, {record['model']}, split {record['split']}{size}"
    if record["error"] is not None:
        return f"{name}: FAILED: {record['error']}"
    return f"{name}: accuracy {record['test']['accuracy']:.3f}, {duration(sum(record['seconds'].values()))}"
