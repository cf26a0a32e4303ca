"""Send SIGINT and SIGTERM to every command at random moments, once or twice, to the process or to its whole group.

A command must end with exit code 130 or 143 (or have finished before), say "interrupted", show no traceback, leave no
process behind, and go on to the record that it would have had without interruption.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import numpy as np
from records import differences, record_of
from rich.progress import Progress

ROOT = Path(__file__).parents[2]
_PATIENCE = 300.0
_MARK = "QVAR_TRIAL"


@dataclass(frozen=True)
class Command:
    """A command under test.

    Attributes:
        line: its arguments.
        resume: arguments that go on with it; None where nothing is kept.
        before: commands that make what it needs, run once.
        begun: the file from whose existence on `resume` holds; before, `line` starts anew.
        ends: exit codes of an interruption besides 130 and 143.
    """

    line: str
    resume: str | None = None
    before: tuple[str, ...] = ()
    begun: str = "run/config.json"
    ends: tuple[int, ...] = ()


SEARCH = "search h2-2 --noise ourense --out run --quiet"
SWEEP = "sweep h2-2 --algorithm evolution,random --seeds 0-1 --max-energies 1500 --episodes 4 --jobs 2 --out run -q"
LATENT = "latent search lat --task ghz-4 --method reinforce --evaluations 40 --seeds 1-3 --jobs 2 --quiet"
PRETRAIN = "latent pretrain --qubits 4 --circuits 300 --epochs 2 --out lat --quiet"
COMMANDS = {
    "search, double DQN": Command(f"{SEARCH} --episodes 5", "search --resume --out run --quiet"),
    "search, evolution": Command(
        f"{SEARCH} --algorithm evolution --max-energies 6000", "search --resume --out run --quiet"
    ),
    "sweep, 2 workers": Command(SWEEP, SWEEP, begun="run"),
    "compare, 2 workers": Command(
        "compare iris --models svm,vqc-adam-100,quantum-kernel --splits 2 --jobs 2 --out run --quiet",
        "compare --resume --out run --jobs 2 --quiet",
    ),
    "latent pretrain": Command(PRETRAIN, "latent pretrain --resume --out lat --quiet", begun="lat/config.json"),
    "latent search, 2 workers": Command(LATENT, LATENT, (PRETRAIN,), "lat"),
    "latent report": Command("latent report lat", before=(PRETRAIN,)),
    "vqe": Command("vqe lih-4 --noise mumbai-median --starts 4 --quiet"),
    "vqe, Aer": Command("vqe h2-2 --noise ourense --engine aer --quiet"),
    "report": Command("report run", before=(f"{SEARCH} --algorithm random --episodes 3",)),
    "hardware run, fake backend": Command(
        "hardware run circuit.qasm h2-2 --on fake:FakeManilaV2 --out run --quiet",
        "hardware resume run --quiet",
        begun="run/experiment.json",
    ),
    "help": Command("--help"),
}


@dataclass
class Outcome:
    """What came of the trials of one command (mutable)."""

    finished: int = 0
    in_start: int = 0
    delays: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    resumed: int = 0


def environment(mark: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), _MARK: mark}


def run_to_end(line: str, here: Path) -> float:
    """Run a command undisturbed and return the seconds it took."""
    begun = time.monotonic()
    words = [sys.executable, "-m", "qvar", *line.split()]
    done = subprocess.run(words, cwd=here, env=environment("no"), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{line}: exit code {done.returncode}\n{done.stderr[-1500:]}")
    return time.monotonic() - begun


def left_over(mark: str) -> list[int]:
    """Return the processes whose environment holds the mark of a trial."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"{_MARK}={mark}".encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def disturb(line: str, here: Path, moment: float, rng: np.random.Generator, outcome: Outcome) -> bool:
    """Run a command, send it a signal or two, and note what is wrong; tell whether it was interrupted."""
    mark, number = uuid4().hex, signal.SIGINT if rng.random() < 0.7 else signal.SIGTERM
    words = [sys.executable, "-m", "qvar", *line.split()]
    send = os.killpg if number == signal.SIGINT and rng.random() < 0.5 else os.kill
    twice, pause = rng.random() < 0.3, rng.uniform(0.02, 0.6)
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            words,
            cwd=here,
            env=environment(mark),
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
            preexec_fn=heed_signals,
        )
        time.sleep(moment)
        is_early = not caught_by(process.pid)
        sent = time.monotonic()
        for wait in (0.0, pause) if twice else (0.0,):
            time.sleep(wait)
            if process.poll() is None:
                send(process.pid, number)
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            outcome.faults.append(f"did not end within {_PATIENCE:.0f} s of signal {number}")
        delay = time.monotonic() - sent
        errors.seek(0)
        text = errors.read()
    time.sleep(1.0)
    for pid in left_over(mark):
        outcome.faults.append(f"process {pid} was left after signal {number} at {moment:.2f} s")
        os.kill(pid, signal.SIGKILL)
    if process.returncode == 0:
        outcome.finished += 1
        return False
    if is_early and process.returncode in (-number, 1, 128 + number):
        outcome.in_start += 1
        return True
    outcome.delays.append(delay)
    promised = (128 + number, -number) if twice else (128 + number,)
    what = f"signal {number.name}{' twice' if twice else ''} at {moment:.2f} s"
    if process.returncode not in promised:
        outcome.faults.append(f"{what}: exit code {process.returncode}: {text[-300:]}")
    if "Traceback" in text or "Exception ignored" in text:
        outcome.faults.append(f"{what}: a traceback: {text[-600:]}")
    if "interrupted" not in text and not twice:
        outcome.faults.append(f"{what}: says nothing of the interruption: {text[-300:]}")
    return True


def heed_signals() -> None:
    """Undo what shells do to programs in the background, which ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def caught_by(pid: int) -> bool:
    """Tell whether qvar has taken over SIGTERM in a process, which it does first of all."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return True
    mask = next((int(line.split()[1], 16) for line in lines if line.startswith("SigCgt")), 0)
    return bool(mask >> (signal.SIGTERM - 1) & 1)


def prepared(command: Command, parent: Path) -> Path:
    """Return a folder that holds what a command needs."""
    here = parent / "template"
    here.mkdir()
    text = 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; ry(0.4) q[0]; cx q[0], q[1]; rz(0.3) q[1];'
    (here / "circuit.qasm").write_text(text)
    for line in command.before:
        run_to_end(line, here)
    return here


def trials(command: Command, outcome: Outcome, n_trials: int, rng: np.random.Generator) -> Iterator[None]:
    """Carry out the trials of a command one by one, adding to the outcome."""
    with tempfile.TemporaryDirectory() as name:
        template = prepared(command, Path(name))
        whole = Path(name, "whole")
        shutil.copytree(template, whole)
        seconds = run_to_end(command.line, whole)
        expected = record_of(whole)
        for k in range(n_trials):
            here = Path(name, f"trial{k}")
            shutil.copytree(template, here)
            moment = (k + rng.random()) / n_trials * seconds
            if disturb(command.line, here, moment, rng, outcome) and command.resume is not None:
                go_on(command, here, expected, outcome)
            shutil.rmtree(here)
            yield


def go_on(command: Command, here: Path, expected: dict[str, str], outcome: Outcome) -> None:
    line = command.resume if (here / command.begun).exists() else command.line
    try:
        run_to_end(str(line), here)
    except RuntimeError as error:
        outcome.faults.append(f"cannot go on: {error}")
        return
    different = differences(expected, record_of(here))
    if different:
        outcome.faults.append(f"another record after going on: {', '.join(different)}")
    outcome.resumed += not different


def row(name: str, n_trials: int, command: Command, found: Outcome) -> str:
    delays = f"{np.median(found.delays):.1f} | {max(found.delays):.1f}" if found.delays else " | "
    resumed = "" if command.resume is None else f"{found.resumed} of {n_trials - found.finished}"
    return f"| {name} | {n_trials} | {found.finished} | {found.in_start} | {delays} | {resumed} | {len(found.faults)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--trials", type=int, default=8, help="per command")
    parser.add_argument("--commands", help="parts of the names of commands, separated by semicolons; by default all")
    asked = parser.parse_args()
    parts = asked.commands.split(";") if asked.commands else [""]
    chosen = {name: command for name, command in COMMANDS.items() if any(part in name for part in parts)}
    rows, n_faults = [], 0
    with Progress(disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("trials", total=len(chosen) * asked.trials)
        for k, (name, command) in enumerate(chosen.items()):
            found = Outcome()
            for _ in trials(command, found, asked.trials, np.random.default_rng([asked.seed, k])):
                progress.advance(task)
            rows.append(row(name, asked.trials, command, found))
            n_faults += len(found.faults)
            sys.stderr.write("\n".join((rows[-1], *(f"  {fault}" for fault in found.faults))) + "\n")
    heading = "| command | signals | came too late | in Python's start | median s | longest s | same record | faults |"
    sys.stdout.write("\n".join((heading, "|" + "---|" * 8, *rows)) + "\n")
    sys.stdout.write(f"\n{len(chosen) * asked.trials} signals, {n_faults} faults; seed {asked.seed}\n")
    raise SystemExit(n_faults > 0)


if __name__ == "__main__":
    main()
