"""Run a job in a forked child, and do something to it: kill it, fill its disk, turn the clock.

The process that forks has imported everything and used nothing, so that a child starts at once and is killed as any
process is. What a child came to is told by a pipe; one that was killed tells nothing.
"""

import errno
import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import qvar.classify.comparison.folder
import qvar.hardware.journal
import qvar.runs.folder
from qvar.simulators import files
from qvar.simulators.errors import QvarError

__all__ = ["Child", "Outcome", "at_operation", "count_operations", "full_disk", "run_in_child", "turning_clock"]

_APPENDING = (qvar.runs.folder, qvar.hardware.journal, qvar.classify.comparison.folder)
_OPERATIONS = ("fsync", "replace", "unlink", "mkdir", "truncate")


@dataclass(frozen=True)
class Outcome:
    """What became of a child.

    Attributes:
        kind: "done", "refused" (an error of ours, or of the system: one line for the user), "traceback" (any other),
            "killed".
        message: of the error.
        warnings: what the user was told.
        count: what the sabotage counted.
        seconds: from start to end.
    """

    kind: str
    message: str = ""
    warnings: list[str] = field(default_factory=list)
    count: int = 0
    seconds: float = 0.0

    @property
    def last(self) -> str:
        """The last line of the message."""
        return self.message.strip().rpartition("\n")[2]

    @property
    def told(self) -> str:
        """All that the user was told."""
        return " ".join([*self.warnings, self.message])


Sabotage = Callable[[], Callable[[], int]]
"""Called in the child before its job; returns what gives the count."""


class Child:
    """A job at work in a process of its own (mutable)."""

    def __init__(self, job: Callable[[Path], object], folder: Path, sabotage: Sabotage | None = None) -> None:
        self._begun = time.monotonic()
        self._pipe, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._pipe)
            _work(job, folder, sabotage, writing)
        os.close(writing)

    @property
    def is_at_work(self) -> bool:
        """Whether it has not ended."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def kill(self) -> None:
        """Send SIGKILL, to all that it has started, too."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def wait(self) -> Outcome:
        """Return what became of it."""
        with os.fdopen(self._pipe, "rb") as pipe:
            told = pipe.read()
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        seconds = time.monotonic() - self._begun
        if code == -signal.SIGKILL:
            return Outcome("killed", seconds=seconds)
        if code or not told:
            return Outcome("traceback", f"the process ended with {code}", seconds=seconds)
        return Outcome(**json.loads(told), seconds=seconds)


def run_in_child(
    job: Callable[[Path], object],
    folder: Path,
    *,
    sabotage: Sabotage | None = None,
    kill_after: float | None = None,
) -> Outcome:
    """Run a job to its end, or kill it after some seconds."""
    child = Child(job, folder, sabotage)
    if kill_after is not None:
        time.sleep(kill_after)
        child.kill()
    return child.wait()


def _work(job: Callable[[Path], object], folder: Path, sabotage: Sabotage | None, writing: int) -> None:
    """Do the work of a child; never returns."""
    os.setpgid(0, 0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    told: list[str] = []
    count: Callable[[], int] = lambda: 0  # noqa: E731 - until the sabotage gives its own
    kind, message = "done", ""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda text, category, *_: told.append(str(text)) if category is UserWarning else None
        try:
            if sabotage is not None:
                count = sabotage()
            job(folder)
        except (QvarError, OSError) as error:
            kind, message = "refused", str(error)
        except BaseException:
            kind, message = "traceback", traceback.format_exc()
    outcome = {"kind": kind, "message": message, "warnings": told, "count": count()}
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(json.dumps(outcome).encode())
    os._exit(0)


# --- what can be done to a child ---


def _hook(act: Callable[[int, str, Callable[[], Any], Callable[[], None]], Any]) -> Callable[[], int]:
    """Have `act(number, name, go_on, halfway)` called for every operation on files that makes something last."""
    count = 0

    def hooked(name: str, function: Callable[..., Any], halfway: Callable[..., None]) -> Callable[..., Any]:
        def call(*arguments: Any, **settings: Any) -> Any:
            nonlocal count
            count += 1
            return act(count, name, lambda: function(*arguments, **settings), lambda: halfway(*arguments))

        return call

    def nothing(*_: Any) -> None:
        pass

    def half(path: Path, data: bytes) -> None:
        with path.open("ab") as file:
            file.write(data[: len(data) // 2])

    for name in _OPERATIONS:
        setattr(os, name, hooked(name, getattr(os, name), nothing))
    append = hooked("append", files.append_whole, half)
    for module in _APPENDING:
        module.append_whole = append
    return lambda: count


def count_operations() -> Callable[[], int]:
    """Count the operations."""
    return _hook(lambda number, name, go_on, halfway: go_on())


def at_operation(which: int, how: str) -> Sabotage:
    """Die at one operation: "before" it, "halfway" (a part of a line is written) or "after" it."""

    def act(number: int, name: str, go_on: Callable[[], Any], halfway: Callable[[], None]) -> Any:
        if number != which:
            return go_on()
        if how == "after":
            go_on()
        elif how == "halfway":
            halfway()
        os.kill(os.getpid(), signal.SIGKILL)

    return lambda: _hook(act)


def full_disk(from_operation: int, to_operation: int = 10**9) -> Sabotage:
    """Let nothing be written during some operations; removing still works."""

    def act(number: int, name: str, go_on: Callable[[], Any], halfway: Callable[[], None]) -> Any:
        if from_operation <= number <= to_operation and name not in ("unlink", "truncate"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return go_on()

    return lambda: _hook(act)


def turning_clock(seed: int) -> Sabotage:
    """Let the wall clock jump by up to ten years, back or forth, whenever somebody looks at it."""

    def sabotage() -> Callable[[], int]:
        rng, looks, now = random.Random(seed), 0, time.time

        def jumping() -> float:
            nonlocal looks
            looks += 1
            return now() + rng.uniform(-3e8, 3e8)

        time.time = jumping
        time.time_ns = lambda: int(jumping() * 1e9)
        return lambda: looks

    return sabotage


# --- what can be done to a file ---


def damage(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Return damaged content that is not the same: cut off, or with one to eight bits flipped."""
    if not data or rng.random() < 0.4:
        keep = rng.randrange(max(1, len(data)))
        return (data[:keep], f"cut to {keep} bytes") if data else (b"\0", "a byte added")
    damaged = bytearray(data)
    places = [rng.randrange(8 * len(data)) for _ in range(rng.choice((1, 1, 2, 8)))]
    for place in set(places):
        damaged[place // 8] ^= 1 << (place % 8)
    return bytes(damaged), f"bits {sorted(set(places))} flipped"


def copy_folder(source: Path, target: Path) -> Path:
    """Copy a folder with all that is in it."""
    if target.exists():
        shutil.rmtree(target)
    return Path(shutil.copytree(source, target))
