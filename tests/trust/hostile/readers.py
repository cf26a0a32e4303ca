"""Every reader of files and texts of the project, with valid input to start from."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hypothesis import strategies as st

from tests.trust.hostile import seeds
from tests.trust.hostile.mutations import bytes_edits, json_edits, lines_edits, npz_edits, text_edits
from tests.trust.hostile.repairing import as_written, identified, journal_repaired

__all__ = ["READERS", "Reader", "Tree"]

Tree = Mapping[str, bytes]
"""Files by their names, with slashes."""

Edits = Callable[[bytes], st.SearchStrategy[bytes]]
Repair = Callable[[dict[str, bytes]], dict[str, bytes]]


@dataclass(frozen=True)
class Reader:
    """Something that reads.

    Attributes:
        name: for tables.
        read: reads a folder.
        seeds: makes valid folders.
        edits: how to change which files, by name or ending.
        repair: makes what an edit breaks by itself, such as a checksum, whole again, so that the edit gets past it.
        cost: what one input takes, in units of a cheap one.
        names_paths: whether input may say where to write; such writing is prevented, and no finding.
    """

    name: str
    read: Callable[[Path], object]
    seeds: Callable[[], list[Tree]]
    edits: Mapping[str, Edits]
    repair: Repair | None = None
    cost: float = 1.0
    names_paths: bool = False

    def __repr__(self) -> str:
        return self.name

    def warm_up(self) -> None:
        """Read everything valid once."""
        seeds.read_all(self.read, self.seeds())

    @staticmethod
    @st.composite
    def _hostile(draw: Any, reader: "Reader") -> dict[str, bytes]:
        trees = reader.seeds()
        tree = dict(trees[draw(st.integers(0, len(trees) - 1))])
        names = [name for name in sorted(tree) if reader.edits_of(name) is not None]
        chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
        for name in chosen:
            edits = reader.edits_of(name)
            assert edits is not None
            tree[name] = draw(edits(tree[name]))
        if reader.repair is not None and draw(st.integers(0, 4)):
            tree = reader.repair(tree)
        return tree

    def hostile(self) -> st.SearchStrategy[dict[str, bytes]]:
        """Return folders that someone made to do harm, or that were damaged."""
        return Reader._hostile(self)

    def edits_of(self, name: str) -> Edits | None:
        """Return how to change a file, None if it stays."""
        for ending, edits in self.edits.items():
            if name == ending or (ending.startswith("*") and name.endswith(ending[1:])):
                return edits
        return None


def _text(inbox: Path) -> str:
    return (
        (inbox / "text").read_bytes().decode("utf-8", "surrogatepass" if _has_surrogates(inbox) else "surrogateescape")
    )


def _has_surrogates(inbox: Path) -> bool:
    return b"\xed\xa0" in (inbox / "text").read_bytes()


# ---- circuits ----

_QASM_WORDS = (
    *(
        "qubit[10000000]",
        "qubit[1000000000000]",
        "bit[10000000]",
        "qreg q[10000000];",
        "creg c[10000000];",
        "$100000000",
    ),
    *("qubit[3] r;", "let b = q ++ q;", "h q;", "h r;", "q[0:1000000000]", "q[{0,0,0}]", "q[-1]", "q[1e9]", "reset q;"),
    *('include "/etc/passwd";', 'include "../secret.txt";', 'include "stdgates.inc";', 'include "qelib1.inc";'),
    *(
        "gate g a {g a;}",
        "gate g(t) a {rx(t) a; rx(t) a;}",
        "ctrl(20) @ x",
        "ctrl(1000000000) @ x",
        "negctrl @",
        "inv @",
    ),
    *(
        "pow(1000000) @ x",
        "pow(0.5) @",
        "pow(1e300) @",
        "pow(-1) @",
        "ctrl @ pow(2) @",
        "1e400",
        "0/0",
        "1/0",
        "pi**pi",
    ),
    *(
        "(" * 50,
        ")" * 50,
        "-" * 200,
        "for int i in [0:1000000000] {h q;}",
        "while(true){}",
        "if (c==1) x q[0];",
        "box {",
    ),
    *(
        "def f(int a) -> int {return f(a);}",
        "extern f(int)->int;",
        "defcal x q {}",
        "#pragma x",
        "@annotation x",
        "cal {",
    ),
    *(
        "input float a;",
        "input angle[1000000000] a;",
        "input float[64] theta_0;",
        "const int n = 1000000000;",
        "opaque g a;",
    ),
    *(
        "measure q;",
        "barrier q;",
        "delay[1s] q;",
        "gphase(1);",
        "U(1,2,3)",
        "CX",
        "OPENQASM 2.0;",
        "OPENQASM 99.0;",
        "/*",
        "*/",
    ),
    *(
        "gate",
        "{",
        "}",
        ";",
        ",",
        "[",
        "]",
        "theta_0",
        "q[0]",
        "q[1]",
        "rx(theta_0)",
        "array[int[8], 16] x;",
        "duration d;",
    ),
)


def _read_qasm(inbox: Path) -> None:
    from qvar.simulators import Circuit

    Circuit.from_qasm(_text(inbox))


def _read_circuit_file(inbox: Path) -> None:
    from qvar.simulators import Circuit

    for file in sorted(inbox.iterdir()):
        Circuit.from_file(file)


# ---- settings ----


def _read_noise(inbox: Path) -> None:
    from qvar.simulators import Circuit, NoiseModel, Observable, Operation, PauliTransferSimulator

    model = NoiseModel.from_json(inbox / "noise.json")
    model.key()
    NoiseModel.from_dict(model.to_dict())
    circuit = Circuit(2, (Operation("rx", (0,), (0.3,)), Operation("cx", (0, 1))))
    PauliTransferSimulator(model).objective(circuit, Observable.from_terms({"ZZ": 1.0}))([])


def _read_problem(inbox: Path) -> None:
    from qvar.problems import Problem

    Problem.from_json(inbox / "problem.json").to_dict()


def _read_observable(inbox: Path) -> None:
    from qvar.cli.inputs import parse_observable

    parse_observable(_text(inbox))


def _read_problem_name(inbox: Path) -> None:
    from qvar.cli.inputs import find_problem

    find_problem(_text(inbox))


def _read_graph(inbox: Path) -> None:
    from qvar.problems import max_cut

    max_cut(_text(inbox))


def _read_geometry(inbox: Path) -> None:
    from qvar.problems.geometry import parse_geometry

    geometry = parse_geometry(_text(inbox), unit="angstrom")
    assert geometry.text
    assert geometry.formula


def _read_device_name(inbox: Path) -> None:
    from qvar.cli.inputs import find_engine

    find_engine(None, noise=_text(inbox), qubits=None, n_qubits=2)


def _read_numbers(inbox: Path) -> None:
    from qvar.cli.inputs import parse_integers, read_angles
    from qvar.cli.search.sweep import SweepOptions
    from qvar.simulators import Circuit, Operation, Slot
    from qvar.simulators.errors import QvarError

    circuit = Circuit(1, (Operation("rx", (0,), (Slot(0),)), Operation("ry", (0,), (Slot(1),))))
    errors = []
    for read in (
        lambda text: parse_integers(text, option="--qubits"),
        lambda text: read_angles(text, circuit),
        lambda text: SweepOptions(tasks="h2-2", seeds=text).plan(),
    ):
        try:
            read(_text(inbox))
        except QvarError as error:
            errors.append(error)
    if errors:
        raise errors[0]


# ---- records of searches ----


def _read_run(inbox: Path) -> None:
    from qvar.runs import RunFolder
    from qvar.runs.status import read_status
    from qvar.search import SearchConfiguration
    from qvar.search.experience import Experience

    _try_all(
        lambda: RunFolder.open(inbox).metrics(),
        lambda: RunFolder.open(inbox).load_checkpoint(),
        lambda: RunFolder.open(inbox).load_replay(),
        lambda: RunFolder.open(inbox).result(),
        lambda: read_status(inbox, RunFolder.open(inbox).config),
        lambda: SearchConfiguration.from_dict(RunFolder.open(inbox).config),
        lambda: Experience.read(inbox),
    )


def _try_all(*reads: Callable[[], object]) -> None:
    """Read in several ways; one refusal says nothing about the next."""
    from qvar.simulators.errors import QvarError

    refusal: QvarError | None = None
    for read in reads:
        try:
            read()
        except QvarError as error:
            refusal = error
    if refusal is not None:
        raise refusal


def _resume_run(inbox: Path) -> None:
    from qvar.runs import RunFolder
    from qvar.search import SearchConfiguration, run_search
    from tests.trust.hostile.sandbox import WorkBegins

    configuration = SearchConfiguration.from_dict(RunFolder.open(inbox).config)

    def stop(record: Any) -> None:
        if record["episode"] > 3:
            raise WorkBegins

    run_search(configuration, out=inbox, resume=True, on_episode=stop)


def _report(inbox: Path) -> None:
    from qvar.cli.results.report import find_report

    report = find_report([inbox], quiet=True, measure=False)
    _try_all(report.data, report.markdown)


def _report_page(inbox: Path) -> None:
    from rich.console import Console

    from qvar.cli.results.report import find_report

    report = find_report([inbox], quiet=True, measure=False)
    _try_all(report.html, lambda: report.show(Console(file=io.StringIO())), lambda: list(report.figures()))


def _show(inbox: Path) -> None:
    from qvar.cli.results.show import show_run

    show_run(inbox, as_json=False)


def _watch(inbox: Path) -> None:
    from qvar.dashboard.best import read_best
    from qvar.dashboard.watcher import Watcher

    watcher = Watcher([inbox])
    seen = watcher.look(seconds=5.0)
    reads = [lambda path=run.path: read_best(path, exact_energy=0.0) for run in map(watcher.run, seen.rows) if run]
    _try_all(*reads)


# ---- records of other work ----


def _read_latent(inbox: Path) -> None:
    from qvar.latent.folder import LatentFolder
    from qvar.latent.measuring import read_rewards
    from qvar.latent.pretraining import LatentPlan

    folder = LatentFolder.open(inbox)
    _try_all(
        folder.pool,
        lambda: folder.model().embed(folder.pool().structures[:2]),
        folder.features,
        folder.metrics,
        lambda: LatentPlan.from_dict(folder.config),
        *(lambda name=name: folder.read_json(name) for name in ("accuracy.json", "costs.json", "smoothness.json")),
        *(lambda task=task: (folder.has_rewards(task), read_rewards(folder, task)) for task in folder.searched_tasks()),
    )


def _resume_latent(inbox: Path) -> None:
    from qvar.latent.folder import LatentFolder
    from qvar.latent.pretraining import LatentPlan, carry_out
    from tests.trust.hostile.sandbox import WorkBegins

    def stop(progress: Any) -> None:
        if progress.epoch > 2:
            raise WorkBegins

    folder = LatentFolder.open(inbox)
    carry_out(LatentPlan.from_dict(folder.config), folder, on_epoch=stop)


def _read_study(inbox: Path) -> None:
    from qvar.latent.search.study import load_study

    load_study(inbox)


def _read_transformer(inbox: Path) -> None:
    import numpy as np

    from qvar.latent.vae import ArdVAE

    ArdVAE.load(inbox / "transformer.npz").transform(np.zeros((2, 3)))


def _read_comparison(inbox: Path) -> None:
    from qvar.classify.comparison import ComparisonResult

    result = ComparisonResult.open(inbox)
    result.table("raw")


def _read_classifier(inbox: Path) -> None:
    import numpy as np

    from qvar.classify import QuantumKernelClassifier, VariationalClassifier

    kind = (
        VariationalClassifier
        if b'"VariationalClassifier"' in (inbox / "model.json").read_bytes()
        else QuantumKernelClassifier
    )
    model = kind.load(inbox / "model.json")
    model.predict(np.zeros((2, 2)))


def _read_reviews(inbox: Path) -> None:
    from qvar.classify.datasets import load_restaurant_reviews

    load_restaurant_reviews(inbox / "reviews.tsv", allow_unverified=True)


def _unpack(inbox: Path) -> None:
    import urllib.request

    from qvar.classify.datasets.fetching import Origin, fetch

    class Answer(io.BytesIO):
        headers: Mapping[str, str] = MappingProxyType({})

    urllib.request.urlopen = lambda *_, **__: Answer((inbox / "archive.zip").read_bytes())  # type: ignore[assignment]
    fetch(Origin("http://x/", "a.txt", member="folder/a.txt"), limit_bytes=2_000_000, timeout_seconds=1.0)


def _read_embeddings(inbox: Path) -> None:
    from qvar.classify.embeddings import SentenceEmbeddings

    SentenceEmbeddings(vectors=inbox / "vectors.npy", texts=["a", "b"]).fit(["a", "b"]).transform(["a"])


# ---- hardware ----


def _read_hardware(inbox: Path) -> None:
    from rich.console import Console

    from qvar.hardware import Ledger, Spent
    from qvar.hardware.experiment import open_experiment
    from qvar.hardware.record import read_record
    from qvar.hardware.results import load_result
    from qvar.report.hardware import hardware_table, job_table

    def jobs() -> None:
        entries = Ledger(inbox).entries()
        Spent.of(entries)
        Console(file=io.StringIO()).print(job_table(entries))
        json.dumps([vars(entry) for entry in entries])
        for entry in entries:
            if entry.result is not None:
                load_result(inbox / "results" / entry.result, entry.digest)

    _try_all(
        jobs,
        lambda: open_experiment(inbox).to_dict(),
        lambda: Console(file=io.StringIO()).print(hardware_table([read_record(inbox)])),
    )


def _resume_hardware(inbox: Path) -> None:
    from qvar.cli.hardware.run import resume_command

    resume_command(inbox, {}, resubmit=False, yes=False, as_json=True, quiet=True)


def _read_budget(inbox: Path) -> None:
    import os

    from qvar.hardware.budget import standing_budget
    from qvar.hardware.ledger import Spent

    os.environ["QVAR_HARDWARE_BUDGET"] = str(inbox / "budget.json")
    budget = standing_budget()
    assert budget is not None
    Spent.of(budget.ledger.entries())


_JSON: Mapping[str, Edits] = {"*.json": json_edits, "*.jsonl": lines_edits}
_FOLDER: Mapping[str, Edits] = {
    **_JSON,
    "*.npz": npz_edits,
    "*.qasm": partial(text_edits, words=_QASM_WORDS),
    "*.qpy": bytes_edits,
    "*.head": bytes_edits,
}


def _texts(*words: str) -> Mapping[str, Edits]:
    return {"text": partial(text_edits, words=words)}


READERS: tuple[Reader, ...] = (
    Reader("OpenQASM 3", _read_qasm, seeds.qasm3, _texts(*_QASM_WORDS)),
    Reader("OpenQASM 2", _read_qasm, seeds.qasm2, _texts(*_QASM_WORDS)),
    Reader("circuit files (.qasm, .qpy)", _read_circuit_file, seeds.circuit_files, _FOLDER),
    Reader("noise models", _read_noise, seeds.noise, _FOLDER),
    Reader("problem files", _read_problem, seeds.problem, _FOLDER),
    Reader(
        "observables",
        _read_observable,
        seeds.observables,
        _texts("+", "-", "*", "I", "XYZ", "1e400", "0.5", "ZZ", "1e", ".", "I" * 3000),
    ),
    Reader(
        "problem names",
        _read_problem_name,
        seeds.problem_names,
        _texts(
            "tfim", "-", "-h", "999999999", "1e400", "20", "ring", "maxcut", ".json", "../x.json", "regular", "seed"
        ),
    ),
    Reader(
        "graphs",
        _read_graph,
        seeds.graphs,
        _texts(
            "0-1",
            "-",
            ":",
            ",",
            ";",
            "ring-",
            "complete-",
            "regular",
            "-seed",
            "1e400",
            "99999999999999999999",
            "19",
            "21",
        ),
    ),
    Reader(
        "geometries",
        _read_geometry,
        seeds.geometries,
        _texts("H", "0", "0.74", ";", "\n", "Og", "nan", "inf", "1e400", "H 0 0 0;"),
    ),
    Reader(
        "device names",
        _read_device_name,
        seeds.device_names,
        _texts(
            "fake:",
            "FakeManilaV2",
            "mumbai",
            "-median",
            ".json",
            "__class__",
            "FakeProviderForBackendV2",
            "__builtins__",
        ),
        cost=3,
    ),
    Reader(
        "lists of numbers",
        _read_numbers,
        seeds.numbers,
        _texts("0-4", "0-999999999999", ",", "-", "1e400", "nan", "9-1", "1"),
    ),
    Reader("run folders", _read_run, seeds.runs, _FOLDER, identified, cost=3),
    Reader("runs that go on", _resume_run, seeds.unfinished_runs, _FOLDER, identified, cost=30),
    Reader("reports of runs", _report, seeds.runs, _FOLDER, identified, cost=3),
    Reader("pages and figures of runs", _report_page, seeds.runs, _JSON, identified, cost=100),
    Reader("qvar show", _show, seeds.runs, _FOLDER, identified, cost=5),
    Reader("dashboard", _watch, seeds.watched, _FOLDER, identified, cost=3),
    Reader("latent folders", _read_latent, seeds.latent, _FOLDER, identified, cost=5),
    Reader("latent folders that go on", _resume_latent, seeds.unfinished_latent, _FOLDER, identified, cost=30),
    Reader("reports of latent folders", _report_page, seeds.latent, _JSON, identified, cost=100),
    Reader("latent studies", _read_study, seeds.studies, _FOLDER, identified, cost=3),
    Reader("fitted transformers", _read_transformer, seeds.transformers, _FOLDER, cost=3),
    Reader("comparisons", _read_comparison, seeds.comparisons, _FOLDER, identified, cost=3),
    Reader("reports of comparisons", _report_page, seeds.comparisons, _JSON, identified, cost=100),
    Reader("classifiers", _read_classifier, seeds.classifiers, _FOLDER, as_written, cost=5),
    Reader("reviews", _read_reviews, seeds.reviews, {"reviews.tsv": text_edits}, cost=3),
    Reader("downloaded archives", _unpack, seeds.archives, {"archive.zip": bytes_edits}),
    Reader("sentence embeddings", _read_embeddings, seeds.embeddings, {"vectors.npy": bytes_edits}),
    Reader("hardware folders", _read_hardware, seeds.hardware, _FOLDER, journal_repaired, cost=5),
    Reader("hardware folders that go on", _resume_hardware, seeds.hardware, _FOLDER, journal_repaired, cost=100),
    Reader("hardware budgets", _read_budget, seeds.budgets, _FOLDER, journal_repaired),
)
