"""A pytest session that has loaded the package and all tests, and tries defects in forks of itself.

A fork puts the spoiled code into the functions it concerns (`__code__`), whoever holds them, runs some tests and ends.
This takes a tenth of the time of loading everything with the defect. It is for defects inside of functions that are not
called while modules load: what survives here is to be tried again by `mutant_runs.run_tests`.
"""

import gc
import json
import os
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import zip_longest
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest

__all__ = ["Loop", "spoiled_functions"]

_IDLE_SECONDS = 20.0
_OPTIMIZED = 0x1  # flag of the code of functions, not of that of classes and modules


def spoiled_functions(before: str, after: str) -> dict[tuple[str, int], CodeType] | None:
    """Return the code of the functions that differ, by name and line; None if anything outside of functions does."""
    old, new = ([*_codes(compile(code, "", "exec"))] for code in (before, after))
    if [_place(code) for code in old] != [_place(code) for code in new]:
        return None
    changed = [code for a, code in zip(old, new, strict=True) if not _equal(a, code)]
    found = {_place(code): code for code in changed}
    are_functions = all(code.co_flags & _OPTIMIZED for code in changed)
    return found if are_functions and len(found) == len(changed) else None


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of a module and of all classes and functions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _equal(a: CodeType, b: CodeType) -> bool:
    """Compare two codes; what is within classes and modules counts by itself."""
    if a.co_flags & _OPTIMIZED:
        return a == b
    plain = [[repr(c) for c in code.co_consts if not isinstance(c, CodeType)] for code in (a, b)]
    return plain[0] == plain[1] and (a.co_code, a.co_names) == (b.co_code, b.co_names)


def _place(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


class Loop:
    """A pytest plugin that takes defects from a pipe instead of running all tests.

    Some forks wait for a thread that only the session has; they end as "stuck" and say nothing.

    A job is (file, its code, its spoiled code, names of tests, seconds); the answer is (status, first test that failed,
    processor seconds).
    """

    def __init__(self, pipe: Connection, folder: Path) -> None:
        self.pipe, self.report = pipe, folder / "fork.json"
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        functions = [f for f in gc.get_objects() if type(f) is FunctionType]  # isinstance would wake lazy objects
        gc.freeze()
        self.pipe.send(len(items))
        while (job := self.pipe.recv()) is not None:
            file, before, after, names, seconds = job
            codes = spoiled_functions(before, after) or {}
            concerned = [(f, codes.get(_place(f.__code__))) for f in functions if f.__code__.co_filename == file]
            chosen = [item for name in names for item in _named(name, items)]
            self.pipe.send(self._fork(concerned, chosen, seconds))
        return True

    def _fork(self, functions: list[Any], items: list[pytest.Item], seconds: float) -> tuple[str, str, float]:
        self.report.unlink(missing_ok=True)
        pid = os.fork()
        if pid == 0:
            try:
                self._try(functions, items, seconds)
            finally:
                os._exit(9)
        code = _wait(pid)
        if code is None:
            return "stuck", "", seconds
        if code in (-signal.SIGXCPU, -signal.SIGKILL):
            return "timeout", f"exit {code}", seconds
        by, used = json.loads(self.report.read_text()) if self.report.exists() else ("", 0.0)
        return ("survived" if code == 0 else "killed"), by or f"exit {code}", used

    def _try(self, functions: list[Any], items: list[pytest.Item], seconds: float) -> None:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (round(seconds), round(seconds) + 5))
        for function, code in functions:
            if code is not None:
                function.__code__ = code.replace(co_filename=function.__code__.co_filename)
        for item, following in zip_longest(items, items[1:]):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failed:
                break
        used = resource.getrusage(resource.RUSAGE_SELF)
        self.report.write_text(json.dumps([next(iter(self.failed), ""), used.ru_utime + used.ru_stime]))
        os._exit(1 if self.failed else 0)


def _wait(pid: int) -> int | None:
    """Wait for a process and return its exit code, None if it had to be ended since it did nothing any more."""
    used, since = -1.0, time.monotonic()
    while (
        not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) and time.monotonic() < since + _IDLE_SECONDS
    ):
        time.sleep(0.01)
        now = _processor_ticks(pid)
        used, since = (now, time.monotonic()) if now != used else (used, since)
    is_over = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return status if is_over else None


def _processor_ticks(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return float(fields[11]) + float(fields[12])


def _named(name: str, items: dict[str, pytest.Item]) -> list[pytest.Item]:
    """Return a test, or all tests of a file or function."""
    found = items.get(name)
    return [found] if found else [item for node, item in items.items() if node.startswith((f"{name}::", f"{name}["))]
