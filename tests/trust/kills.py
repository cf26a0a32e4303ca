"""Kill, damage and starve every kind of long job, start it again by the same command, and compare the records.

    python tests/trust/kills.py --seed 1 --kills 16 --damages 4

prints the figures of "Killed at any moment" in docs/trust.md as Markdown. Records are compared field by field, without
the times that a job took (see `tests/trust/jobs.py`). Exit code 1 if a record differs, or a job ends in a traceback.
"""

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[2])  # the root of the repository instead of this folder

from qvar.simulators.errors import QvarError
from qvar.simulators.files import write_atomically
from tests.trust.jobs import JOBS, Job, start_folder, warm_up
from tests.trust.sabotage import (
    Child,
    Outcome,
    at_operation,
    copy_folder,
    count_operations,
    damage,
    full_disk,
    run_in_child,
    turning_clock,
)

__all__ = ["Reference", "Tally", "clocks", "damages", "full_disks", "kills", "reference", "two_processes"]

_MOST_KILLS = 3  # of one run, before it is left to end


@dataclass
class Tally:
    """What was counted of one kind of job (mutable)."""

    job: str
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def fail(self, what: str) -> None:
        """Note something that must not happen."""
        self.counts["failures"] += 1
        self.failures.append(f"{self.job}: {what}")


@dataclass(frozen=True)
class Reference:
    """A job that nothing disturbed, and one that was killed on its way.

    Attributes:
        job: the job.
        record: of the unbroken run.
        seconds: that it took.
        operations: on files that make something last.
        prepared: what every start begins with.
        finished: the folder of the unbroken run.
        interrupted: the folder of a run killed after two thirds of its operations.
        place: for the folders of others.
    """

    job: Job
    record: Any
    seconds: float
    operations: int
    prepared: Path | None
    finished: Path
    interrupted: Path
    place: Path

    def fresh(self) -> Path:
        """Return the path of a folder in which the job can begin."""
        path = self.place / "run"
        shutil.rmtree(path, ignore_errors=True)
        return start_folder(self.prepared, path)

    def ends_equal(self, folder: Path, tally: Tally, what: str) -> None:
        """Start the job again in a folder, to its end, and count how it ends."""
        outcome = run_in_child(self.job.run, folder)
        tally.counts["resumes"] += 1
        self.compare(outcome, folder, tally, what)

    def compare(self, outcome: Outcome, folder: Path, tally: Tally, what: str) -> None:
        """Count how a job ended that must end with the record of the unbroken one."""
        if outcome.kind != "done":
            tally.fail(f"{what}: {outcome.kind}: {outcome.last}")
        elif self.job.record(folder) != self.record:
            tally.fail(f"{what}: another record")
        else:
            tally.counts["equal"] += 1


def reference(job: Job, place: Path) -> Reference:
    """Do a job undisturbed, twice, and a third time until it is killed."""
    place.mkdir()
    prepared = None
    if job.prepare is not None:
        prepared = place / "prepared"
        job.prepare(prepared)
    finished = start_folder(prepared, place / "finished")
    outcome = run_in_child(job.run, finished, sabotage=count_operations)
    assert outcome.kind == "done", outcome.message
    interrupted = start_folder(prepared, place / "interrupted")
    killed = run_in_child(job.run, interrupted, sabotage=at_operation(2 * outcome.count // 3, "before"))
    assert killed.kind == "killed", killed
    record = job.record(finished)
    return Reference(job, record, outcome.seconds, outcome.count, prepared, finished, interrupted, place)


def kills(known: Reference, n: int, rng: random.Random) -> Iterator[Tally]:
    """Kill a job `n` times, some runs several times, each at a random time or at a random operation on a file."""
    tally = Tally(known.job.name)
    while tally.counts["kills"] < n:
        folder = known.fresh()
        moments = []
        for _ in range(rng.randint(1, _MOST_KILLS)):
            moment, outcome = _kill_somewhere(known, folder, rng)
            if outcome.kind != "killed":
                if outcome.kind != "done":
                    tally.fail(f"after {moments}: {outcome.kind}: {outcome.last}")
                break
            moments.append(moment)
            tally.counts["kills"] += 1
            tally.counts[moment.split()[0]] += 1
        if moments:
            known.ends_equal(folder, tally, f"killed {', '.join(moments)}")
            yield tally


def _kill_somewhere(known: Reference, folder: Path, rng: random.Random) -> tuple[str, Outcome]:
    if rng.random() < 0.5:
        seconds = rng.uniform(0, known.seconds)
        return f"after {seconds:.3f} s", run_in_child(known.job.run, folder, kill_after=seconds)
    which, how = rng.randint(1, known.operations), rng.choice(("before", "halfway", "after"))
    return f"at operation {which} ({how})", run_in_child(known.job.run, folder, sabotage=at_operation(which, how))


def damages(known: Reference, n: int, rng: random.Random) -> Iterator[Tally]:
    """Damage every kind of file of a finished and of an interrupted job `n` times, and start the job again."""
    tally = Tally(known.job.name)
    for state in (known.finished, known.interrupted):
        for kind, files in _kinds(state, known.job.others).items():
            for _ in range(n):
                folder = copy_folder(state, known.place / "run")
                file = folder / rng.choice(files)
                data, what = damage(file.read_bytes(), rng)
                file.write_bytes(data)
                _judge(known, folder, file, f"{state.name}, {kind}: {what}", tally)
                yield tally


def _judge(known: Reference, folder: Path, file: Path, what: str, tally: Tally) -> None:
    """Count what a damaged file led to: the same record, or a refusal that names the file."""
    tally.counts["damages"] += 1
    outcome = run_in_child(known.job.run, folder)
    if outcome.kind == "done":
        try:
            record = known.job.record(folder)
        except QvarError as error:
            outcome = Outcome("refused", str(error), outcome.warnings)
        else:
            if record != known.record:
                tally.fail(f"{what}: another record; told {outcome.told!r}")
            else:
                tally.counts["mended" if outcome.warnings else "not needed"] += 1
            return
    if outcome.kind != "refused" or file.name not in outcome.told:
        tally.fail(f"{what}: {outcome.kind}: {outcome.told}")
    else:
        tally.counts["refused"] += 1


def _kinds(folder: Path, others: Sequence[str]) -> dict[str, list[Path]]:
    """Return the files below a folder by their kind: their path without numbers, hashes and methods; no pictures."""
    found: dict[str, list[Path]] = {}
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        if file.is_file() and file.suffix != ".png" and not str(path).startswith(tuple(others)):
            kind = re.sub(r"[0-9a-f]{16,}|\d+|annealing|random|reinforce-width", "N", str(path))
            found.setdefault(kind, []).append(path)
    return found


def full_disks(known: Reference, n: int, rng: random.Random) -> Iterator[Tally]:
    """Fill the disk at a random operation, for a while or for good; then make room and start the job again."""
    tally = Tally(known.job.name)
    for _ in range(n):
        folder, first = known.fresh(), rng.randint(1, known.operations)
        last = rng.choice((first, first + 3, 10**9))
        outcome = run_in_child(known.job.run, folder, sabotage=full_disk(first, last))
        tally.counts["disks"] += 1
        if outcome.kind == "traceback":
            tally.fail(f"disk full at operation {first}: {outcome.last}")
        tally.counts[f"disk {outcome.kind}"] += 1
        known.ends_equal(folder, tally, f"disk full at operations {first} to {last}")
        yield tally


def small_disks(known: Reference, n: int, rng: random.Random) -> Iterator[Tally]:
    """Let a job run on a real file system that is too small, and on a read-only one; needs to be root."""
    tally, size = Tally(known.job.name), _size(known.finished)
    least = 0 if known.prepared is None else _size(known.prepared)
    for _ in range(n):
        room = least + int((size - least) * rng.uniform(0.05, 0.9)) // 4096 * 4096 + 4096
        with _mounted(known.place / "disk", f"size={room}") as disk:
            folder = start_folder(known.prepared, disk / "run")
            outcome = run_in_child(known.job.run, folder)
            tally.counts["small disks"] += 1
            tally.counts[f"small disk {outcome.kind}"] += 1
            if outcome.kind == "traceback" or (outcome.kind == "refused" and "No space" not in outcome.message):
                tally.fail(f"a disk of {room} bytes: {outcome.kind}: {outcome.last}")
            disk.remount("size=64m")
            known.ends_equal(folder, tally, f"a disk of {room} bytes")
        yield tally
    with _mounted(known.place / "disk", "size=64m") as disk:
        folder = copy_folder(known.interrupted, disk / "run")
        disk.remount("ro")
        outcome = run_in_child(known.job.run, folder)
        tally.counts["read-only"] += 1
        if outcome.kind != "refused" or str(folder) not in outcome.message:
            tally.fail(f"read-only: {outcome.kind}: {outcome.last}")
        disk.remount("rw")
        known.ends_equal(folder, tally, "read-only")
    yield tally


class _Disk(type(Path())):  # type: ignore[misc]
    """A small file system in memory."""

    def remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(self)], check=True)


class _mounted:
    def __init__(self, path: Path, options: str) -> None:
        self._path, self._options = _Disk(path), options

    def __enter__(self) -> _Disk:
        self._path.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", self._options, "tmpfs", str(self._path)], check=True)
        return self._path

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", str(self._path)], check=True)


def _size(folder: Path) -> int:
    return sum(-(-file.stat().st_size // 4096) * 4096 for file in folder.rglob("*") if file.is_file())


def two_processes(known: Reference, rng: random.Random) -> Iterator[Tally]:
    """Start a second process while the first is at work: it is told whom to wait for, or waits, or shares the work."""
    tally, folder = Tally(known.job.name), known.fresh()
    first = Child(known.job.run, folder)
    _wait_for_claim(folder, first, known.seconds)
    second = run_in_child(known.job.run, folder)
    known.compare(first.wait(), folder, tally, "the first of two processes")
    tally.counts["pairs"] += 1
    if second.kind == "refused" and not known.job.shared:
        if f"process {first.pid} on " in second.message:
            tally.counts["kept out"] += 1
        else:
            tally.fail(f"the second process is not told of the first: {second.message}")
    elif second.kind == "done":
        tally.counts["shared" if known.job.shared else "came too late"] += 1
    else:
        tally.fail(f"the second process: {second.kind}: {second.last}")
    known.ends_equal(folder, tally, "two processes")
    yield tally


def _wait_for_claim(folder: Path, first: Child, seconds: float) -> None:
    until = time.monotonic() + 10 * seconds
    while first.is_at_work and time.monotonic() < until:
        for lock in [*folder.rglob(".lock"), *folder.rglob(".locks/*"), *folder.rglob("*.lock")]:
            if lock.suffix == ".lock" and lock.name != ".lock":
                return
            if f"process {first.pid} " in lock.read_text():
                return
        time.sleep(0.001)


def clocks(known: Reference, rng: random.Random) -> Iterator[Tally]:
    """Let the wall clock jump by years while a job is at work."""
    tally, folder = Tally(known.job.name), known.fresh()
    outcome = run_in_child(known.job.run, folder, sabotage=turning_clock(rng.randrange(10**6)))
    tally.counts["clocks"] += 1
    tally.counts["looks at the clock"] += outcome.count
    known.compare(outcome, folder, tally, "a jumping clock")
    yield tally


# --- the campaign ---

_Part = Callable[[Reference, random.Random], Iterable[Tally]]


def main() -> None:
    """Carry out the campaign and print its tables."""
    options = _options()
    parts: dict[str, _Part] = {
        "kills": lambda known, rng: kills(known, options.kills, rng),
        "damaged files": lambda known, rng: damages(known, options.damages, rng),
        "full disk, injected": lambda known, rng: full_disks(known, options.disks, rng),
        "two processes": two_processes,
        "clock": clocks,
    }
    if options.mount:
        parts["small disk, read-only"] = lambda known, rng: small_disks(known, options.disks, rng)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kills-", dir=options.folder) as name:
        tallies = _carry_out(_jobs(options), parts, Path(name), seed=options.seed, out=options.out)
    print(_tables(tallies))  # noqa: T201
    print(f"\nSeed {options.seed}, {time.monotonic() - began:.0f} s.")  # noqa: T201
    failures = [text for tally in tallies.values() for text in tally.failures]
    print("\n".join(f"FAILED {text}" for text in failures))  # noqa: T201
    raise SystemExit(bool(failures))


def _jobs(options: argparse.Namespace) -> list[Job]:
    from tests.trust.careless import CARELESS

    return list(CARELESS.values()) if options.careless else [JOBS[name] for name in options.jobs]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=16, help="of every kind of job")
    parser.add_argument("--damages", type=int, default=4, help="of every kind of file of every kind of job")
    parser.add_argument("--disks", type=int, default=4, help="full disks of every kind of job")
    parser.add_argument("--mount", action="store_true", help="use real file systems too; needs to be root")
    parser.add_argument("--folder", type=Path, help="where to work; one in memory is fastest")
    parser.add_argument("--careless", action="store_true", help="try jobs that are not safe, which must be found out")
    parser.add_argument("--out", type=Path, help="file for the tables as far as they are")
    parser.add_argument("--jobs", nargs="+", choices=list(JOBS), default=list(JOBS))
    return parser.parse_args()


def _carry_out(
    jobs: Sequence[Job], parts: dict[str, _Part], place: Path, *, seed: int, out: Path | None
) -> dict[tuple[str, str], Tally]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    tallies: dict[tuple[str, str], Tally] = {}
    # no thread may draw the progress: it would be lost, and a lock with it, at a fork
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as progress:
        shown = progress.add_task("", total=len(jobs) * (len(parts) + 1))
        for job in jobs:  # before any child, and those that leave threads last
            progress.update(shown, description=f"{job.name}: warming up", refresh=True)
            warm_up(job, place / f"warm {job.name}")
            progress.advance(shown)
        references = [reference(job, place / job.name) for job in jobs]
        for (part, work), known in product(parts.items(), references):
            name = known.job.name
            for tally in work(known, random.Random(f"{seed} {name} {part}")):
                tallies[part, name] = tally
                words = ", ".join(f"{count} {what}" for what, count in tally.counts.items())
                progress.update(shown, description=f"{name}: {part}: {words}", refresh=True)
            progress.advance(shown)
            if out is not None:
                write_atomically(out, _tables(tallies).encode())
    return tallies


_COLUMNS = {
    "kills": ("kills", "after", "at", "resumes", "equal", "failures"),
    "damaged files": ("damages", "mended", "refused", "not needed", "failures"),
    "full disk, injected": ("disks", "disk refused", "disk done", "resumes", "equal", "failures"),
    "small disk, read-only": ("small disks", "small disk refused", "read-only", "resumes", "equal", "failures"),
    "two processes": ("pairs", "kept out", "shared", "came too late", "resumes", "equal", "failures"),
    "clock": ("clocks", "looks at the clock", "equal", "failures"),
}
_TITLES = {"after": "at a random time", "at": "inside an operation on a file", "equal": "records equal"}


def _tables(tallies: dict[tuple[str, str], Tally]) -> str:
    lines = []
    for part in dict.fromkeys(part for part, _ in tallies):
        columns = _COLUMNS[part]
        lines += ["", f"**{part}**", "", "| job | " + " | ".join(_TITLES.get(c, c) for c in columns) + " |"]
        lines.append("|---|" + "---:|" * len(columns))
        rows = [tally for (of, _), tally in tallies.items() if of == part]
        everything = Tally("all", sum((tally.counts for tally in rows), Counter()))
        for tally in (*rows, everything):
            lines.append(f"| {tally.job} | " + " | ".join(str(tally.counts[c]) for c in columns) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
