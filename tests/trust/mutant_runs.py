"""Run tests against a copy of the tree, each time in a new process that forks from one with all libraries loaded.

Importing NumPy, Qiskit, PennyLane and pytest takes seconds; a fork of a process that has them takes none, and imports
qvar, with its defect, afresh. Each process has limits of processor time, real time and memory.
"""

import contextlib
import json
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from tests.trust.mutant_session import Loop

__all__ = ["Outcome", "Session", "Tree", "run_tests"]

ROOT = Path(__file__).parents[2]
PRELOADED = [
    "gymnasium.utils.env_checker",
    "hypothesis.extra.numpy",
    "joblib",
    "numba",
    "pennylane",
    "pennylane.devices.tests",
    "pytest",
    "qiskit.circuit.library",
    "qiskit.primitives",
    "qiskit.quantum_info",
    "qiskit.transpiler",
    "qiskit_aer.noise",
    "qiskit_aer.primitives",
    "qiskit_ibm_runtime.fake_provider",
    "qiskit_machine_learning.algorithms",
    "scipy.stats",
]
_MEMORY = 12 * 2**30
_START_SECONDS = 20.0
_SLOW_SECONDS = 1.0  # of a test without the compiler
_STATUS = {0: "survived", 1: "killed", 2: "import", 3: "killed", 4: "import", 5: "untested"}


@dataclass(frozen=True)
class Outcome:
    """What the tests said.

    Attributes:
        status: "survived", "killed" by a failing test or a crash, "import" where the tests could not be loaded,
            "timeout", or "untested".
        by: the first test that failed.
        seconds: processor time of all of them.
        report: tests and their seconds and, where they were asked for, lines of files with the tests that ran them; ""
            stands for loading.
    """

    status: str
    by: str
    seconds: float
    report: dict[str, Any]


class Tree:
    """A copy of the sources and tests of this repository, committed or not, to spoil one file at a time."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "tree"
        shutil.rmtree(self.root, ignore_errors=True)
        ignored = shutil.ignore_patterns("__pycache__")
        for name in ("envs", "qvar", "simulators", "tests"):
            shutil.copytree(ROOT / name, self.root / name, symlinks=True, ignore=ignored)
        shutil.copy2(ROOT / "pyproject.toml", self.root)

    def read(self, module: str) -> str:
        """Return a file without defects."""
        return (self.root / module).read_text()

    @contextlib.contextmanager
    def spoiled(self, module: str, code: str) -> Iterator[None]:
        """Replace a file for a while; its time comes back with it, so that its byte code stays valid."""
        path = self.root / module
        before, times = path.read_bytes(), path.stat()
        path.write_text(code)
        try:
            yield
        finally:
            path.write_bytes(before)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def run_tests(
    tree: Path, tests: list[str], *, seconds: float, interpreted: bool = False, trace: bool = False, stop: bool = True
) -> Outcome:
    """Run tests in the tree at `tree`.

    Args:
        tree: where to run.
        tests: what to give to pytest.
        seconds: what they may take in processor time, beyond 20 for loading; in real time, ten times as long.
        interpreted: run the kernels without their compiler.
        trace: also report which lines of the sources each test ran.
        stop: at the first failure.
    """
    if not tests:
        return Outcome("untested", "", 0.0, {})
    folder = tree.parent
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    context = _server(folder)
    limit = seconds + _START_SECONDS
    process = context.Process(target=_child, args=(tree, tests, report, limit, interpreted, trace, stop))
    process.start()
    process.join(10 * limit)
    late = process.is_alive()
    _kill(process.pid)
    process.join()
    said = json.loads(report.read_text()) if report.exists() else {"by": "", "seconds": limit}
    code = -signal.SIGXCPU if late else process.exitcode
    status = "timeout" if code in (-signal.SIGXCPU, -signal.SIGKILL) else _STATUS.get(code or 0, "killed")
    return Outcome(status, said["by"] or f"exit {code}", said["seconds"], said)


class Session:
    """A process that has loaded the tests once and tries defects in forks of itself; see `mutant_session`."""

    def __init__(self, tree: Tree, tests: list[str], *, interpreted: bool = False) -> None:
        self._tree = tree
        self._pipe, theirs = multiprocessing.Pipe()
        context = _server(tree.root.parent)
        self._process = context.Process(target=_session, args=(tree.root, tests, theirs, interpreted), daemon=True)
        self._process.start()
        theirs.close()
        self.n_tests = self._pipe.recv()

    def run(self, module: str, code: str, tests: list[str], *, seconds: float) -> Outcome:
        """Run tests with a spoiled file; only functions may differ (see `spoiled_functions`)."""
        before = self._tree.read(module)
        with self._tree.spoiled(module, code):  # for tests that start programs
            self._pipe.send((str(self._tree.root / "qvar" / module), before, code, tests, seconds))
            answer = self._pipe.recv()
        return Outcome(*answer, {})

    def close(self) -> None:
        """End the process."""
        self._pipe.send(None)
        self._process.join()


def _kill(pid: int) -> None:
    """End the process and all that it started: they are a session of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _server(folder: Path) -> Any:
    os.environ |= {
        "NUMBA_CACHE_DIR": str(folder / "kernels"),
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "OPENBLAS_NUM_THREADS": "1",
    }
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _child(
    tree: Path, tests: list[str], report: Path, limit: float, interpreted: bool, trace: bool, stop: bool
) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (round(limit), round(limit) + 5))
    plugins = [_Recorder(report, tree if trace else None)]
    _pytest(tree, [*tests, *["-x"] * stop], plugins, interpreted=interpreted, slow=_SLOW_SECONDS if trace else None)


def _session(tree: Path, tests: list[str], pipe: Connection, interpreted: bool) -> None:
    _pytest(tree, tests, [Loop(pipe, tree.parent)], interpreted=interpreted, slow=None)


def _pytest(tree: Path, arguments: list[str], plugins: list[Any], *, interpreted: bool, slow: float | None) -> None:
    """Run pytest in the tree, in a process that has nothing of this repository loaded, and end."""
    os.setsid()
    os.chdir(tree)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    log = os.open(tree.parent / "last.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.path[:] = [str(tree), *(p for p in sys.path if Path(p).resolve() != ROOT)]
    for name in [n for n in sys.modules if n.split(".")[0] in ("qvar", "tests")]:
        del sys.modules[name]
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    if interpreted:
        from tests.trust.interpreted_kernels import InterpretedKernels

        plugins.append(InterpretedKernels(slow))
    options = ["-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", "--tb=line"]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # some were loaded before
    code = pytest.main([*options, *arguments], plugins=plugins)
    sys.stdout.flush()
    os._exit(int(code))


class _Recorder:
    """Write down what each test took, the first that failed and, if asked, the lines that each ran."""

    def __init__(self, path: Path, traced: Path | None) -> None:
        self.path, self.coverage = path, None
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []
        self.skipped: set[str] = set()
        if traced is not None:
            import coverage

            places = [str(traced / "simulators"), str(traced / "envs")]
            self.coverage = coverage.Coverage(data_file=None, source=places, messages=False, check_preimported=False)
            self.coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        if self.coverage is not None:
            self.coverage.switch_context(item.nodeid)
        before = time.process_time()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = time.process_time() - before

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)
        if report.skipped:
            self.skipped.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        said: dict[str, Any] = {"by": next(iter(self.failed), ""), "seconds": used.ru_utime + used.ru_stime}
        unusable = self.skipped.union(self.failed)
        said |= {"tests": {k: v for k, v in self.seconds.items() if k not in unusable}, "failed": self.failed}
        if self.coverage is not None:
            self.coverage.stop()
            data = self.coverage.get_data()
            said["lines"] = {
                os.path.relpath(file, self.path.parent / "tree"): {
                    line: sorted(names) for line, names in data.contexts_by_lineno(file).items()
                }
                for file in data.measured_files()
            }
        self.path.write_text(json.dumps(said))
