"""Give every reader of files and texts hostile input, and list what it should not have done.

    python tests/trust/fuzz.py --minutes 60 --seed 7

Each reader runs in a process with little memory and little time. It may accept input or refuse it by an error of the
project; any other exception, an endless loop, much memory, a file written outside of its folder or code that is
executed is a finding. Hypothesis draws the input and makes what fails small. The same seed gives the same input in
the same order; how far a campaign gets in its time depends on the machine.
"""

import argparse
import base64
import importlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "QISKIT_PARALLEL": "FALSE", "MPLBACKEND": "agg"}
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hypothesis import HealthCheck, Phase, given, seed, settings
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tests.trust.hostile import seeds
from tests.trust.hostile.commands import COMMANDS
from tests.trust.hostile.readers import READERS, Reader
from tests.trust.hostile.sandbox import Sandbox, Verdict, Work

__all__ = ["Finding", "Tally", "attack", "main"]

_HEAVY = (
    *("torch", "sklearn", "qiskit.qpy", "qiskit_qasm3_import", "qiskit_ibm_runtime", "networkx", "matplotlib.figure"),
    *("qvar.latent.graph_vae.model", "qvar.latent.vae.ard", "qvar.classify.variational", "qvar.search", "qvar.report"),
    *("qvar.cli.results.report", "qvar.cli.hardware.run", "qvar.dashboard.watcher", "qvar.classify.comparison"),
    *("qvar.latent.tasks", "qvar.latent.searching", "qvar.report.latent.page", "qvar.report.classifiers.page"),
)


@dataclass(frozen=True)
class Finding:
    """Input that a reader did not stand, as small as it could be made."""

    reader: str
    verdict: Verdict
    tree: Mapping[str, bytes]

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON data."""
        files = {name: base64.b64encode(content).decode() for name, content in self.tree.items()}
        return {
            "reader": self.reader,
            "kind": self.verdict.kind,
            "detail": self.verdict.detail,
            "where": self.verdict.where,
            "files": files,
        }


@dataclass
class Tally:
    """What came of the inputs of one reader (mutable)."""

    kinds: Counter[str] = field(default_factory=Counter)
    findings: dict[tuple[str, str, str], Finding] = field(default_factory=dict)

    @property
    def n_inputs(self) -> int:
        """Inputs tried."""
        return sum(self.kinds.values())


class _Found(Exception):
    """Tells Hypothesis that an input is worth making smaller."""


def attack(
    reader: Reader,
    box: Sandbox,
    tally: Tally,
    *,
    number: int,
    n_inputs: int,
    shrinks: bool = True,
    until: float = float("inf"),
) -> None:
    """Give a reader hostile input, and note what came of it.

    Args:
        reader: what reads.
        box: where it reads.
        tally: where to note.
        number: chooses the input.
        n_inputs: how many.
        shrinks: whether to make what fails smaller.
        until: the time (`time.monotonic`) after which nothing more is tried.
    """
    latest: dict[str, Finding] = {}

    def judge(tree: dict[str, bytes]) -> None:
        if time.monotonic() > until:
            return
        verdict = box.judge(tree)
        tally.kinds[verdict.kind] += 1
        if not verdict.is_finding or verdict.signature in tally.findings:
            return
        finding = Finding(reader.name, verdict, tree)
        if not shrinks or verdict.kind not in ("exception", "spied", "wrote", "executed"):
            tally.findings[verdict.signature] = finding  # making these smaller would take minutes
            return
        if latest and latest["it"].verdict.signature != verdict.signature:
            return  # one at a time
        latest["it"] = finding
        raise _Found

    phases = (Phase.generate, Phase.shrink) if shrinks else (Phase.generate,)
    quick = settings(
        max_examples=n_inputs,
        database=None,
        deadline=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    test = seed(number)(quick(given(reader.hostile())(judge)))
    try:
        test()
    except _Found:
        finding = latest["it"]
        tally.findings[finding.verdict.signature] = finding


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign and print its table; 1 if there is a finding."""
    asked = _parser().parse_args(arguments)
    chosen = [
        r
        for r in (*READERS, *COMMANDS)
        if not asked.readers or any(word.lower() in r.name.lower() for word in asked.readers)
    ]
    for module in _HEAVY:
        importlib.import_module(module)
    seeds.make_all()
    tallies = {reader.name: Tally() for reader in chosen}
    until = time.monotonic() + 60 * asked.minutes if asked.minutes else float("inf")
    started = time.monotonic()
    with _progress(asked.quiet) as progress:
        task = progress.add_task("", total=asked.minutes * 60 if asked.minutes else len(chosen))
        for number, reader in _rounds(chosen, asked):
            if time.monotonic() > until:
                break
            n_inputs = max(4, round(asked.inputs / reader.cost))
            with Sandbox(Work(reader.read, reader.warm_up, names_paths=reader.names_paths)) as box:
                attack(
                    reader,
                    box,
                    tallies[reader.name],
                    number=number,
                    n_inputs=n_inputs,
                    shrinks=not asked.no_shrink,
                    until=until,
                )
            total = sum(tally.n_inputs for tally in tallies.values())
            findings = sum(len(tally.findings) for tally in tallies.values())
            spent = time.monotonic() - started if asked.minutes else progress.tasks[0].completed + 1
            progress.update(task, completed=spent, description=f"{total:,} inputs, {findings} findings; {reader.name}")
            if asked.record is not None:
                _write(asked.record, asked.seed, tallies, (time.monotonic() - started) / 60)
    sys.stdout.write(
        json.dumps(_content(asked.seed, tallies, (time.monotonic() - started) / 60), indent=1) + "\n"
        if asked.json
        else _markdown(tallies)
    )
    return int(any(tally.findings for tally in tallies.values()))


def _rounds(chosen: Sequence[Reader], asked: argparse.Namespace) -> Iterator[tuple[int, Reader]]:
    """Give readers with the number that chooses their input, all in turn; once if a number of inputs is asked for."""
    round_ = 0
    while True:
        for reader in chosen:
            yield crc32(f"{asked.seed} {round_} {reader.name}".encode()), reader
        round_ += 1
        if not asked.minutes:
            return


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Give every reader of files and texts hostile input.")
    parser.add_argument("--minutes", type=float, help="how long; without it every reader gets one batch")
    parser.add_argument("--inputs", type=int, default=150, help="inputs per batch, fewer for readers that take long")
    parser.add_argument("--seed", type=int, default=7, help="chooses the inputs")
    parser.add_argument("--readers", nargs="*", metavar="WORD", help="only readers whose names hold one of these words")
    parser.add_argument("--record", type=Path, help="keep counts and findings in this JSON file while it goes on")
    parser.add_argument("--no-shrink", action="store_true", help="leave findings as large as they were found")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress display")
    return parser


def _progress(quiet: bool) -> Progress:
    columns = (BarColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    return Progress(*columns, console=Console(stderr=True), disable=quiet or not sys.stderr.isatty())


def _content(number: int, tallies: Mapping[str, Tally], minutes: float) -> dict[str, Any]:
    readers = {name: {"inputs": t.n_inputs, **t.kinds} for name, t in tallies.items()}
    findings = [finding.to_dict() for tally in tallies.values() for finding in tally.findings.values()]
    total = sum(tally.n_inputs for tally in tallies.values())
    return {"seed": number, "minutes": round(minutes, 1), "inputs": total, "readers": readers, "findings": findings}


def _write(file: Path, number: int, tallies: Mapping[str, Tally], minutes: float) -> None:
    file.write_text(json.dumps(_content(number, tallies, minutes), indent=1))


def _markdown(tallies: Mapping[str, Tally]) -> str:
    lines = ["| reader | inputs | accepted | refused | findings |", "|---|---:|---:|---:|---:|"]
    for name, tally in tallies.items():
        lines.append(
            f"| {name} | {tally.n_inputs:,} | {tally.kinds['accepted']:,} | {tally.kinds['refused']:,} "
            f"| {len(tally.findings)} |"
        )
    total = sum(tally.n_inputs for tally in tallies.values())
    lines.append(f"| all | {total:,} | | | {sum(len(tally.findings) for tally in tallies.values())} |")
    for tally in tallies.values():
        for finding in tally.findings.values():
            verdict = finding.verdict
            lines.append(f"\n{finding.reader}: {verdict.kind} at {verdict.where or '?'}: {verdict.detail}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
