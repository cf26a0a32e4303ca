"""Run a reader on hostile input in a process of its own, and say what came of it.

The process has little memory, little time, and an audit hook that sees every file that is opened, every program that is
started and every pickle that names a class, and prevents what a reader must not do. What it did is a `Verdict`;
anything but "accepted" and "refused" is a finding.
"""

import contextlib
import errno
import faulthandler
import io
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = ["Sandbox", "Verdict", "Work", "WorkBegins"]

MOST_SECONDS = 5.0
"""Processor time after which a reader counts as hanging."""
MOST_WAIT = 60.0
"""Time after which a reader that does nothing counts as hanging, on a busy machine."""
MOST_MEMORY = 500 << 20
"""Bytes above what the process needed before, after which input counts as a memory bomb."""
_ADDRESS_SPACE = 3 << 30
_INPUTS_PER_PROCESS = 2_000

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {"os.remove": 1, "os.rename": 2, "os.mkdir": 1, "os.rmdir": 1, "os.symlink": 2, "os.link": 2, "os.chmod": 1}
_EXECUTION = {
    *("pickle.find_class", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty"),
    *("marshal.loads", "socket.connect", "ctypes.dlopen", "shutil.unpack_archive"),
}
_SECRETS = ("/etc/passwd", "secret.txt")


class WorkBegins(BaseException):
    """Raised in place of long work: the reader has accepted the input."""


@dataclass(frozen=True)
class Verdict:
    """What came of one input.

    Attributes:
        kind: "accepted", "refused", or a finding: "exception", "hang", "memory", "died", "wrote", "executed", "spied".
        detail: the exception, the file or the signal.
        where: the innermost line of the project's own code, "" if there is none.
    """

    kind: str
    detail: str = ""
    where: str = ""

    @property
    def is_finding(self) -> bool:
        """Whether the reader did what it must not."""
        return self.kind not in ("accepted", "refused")

    @property
    def signature(self) -> tuple[str, str, str]:
        """What tells findings apart: of exceptions the type and the line, not the message."""
        return self.kind, self.detail.partition(":")[0], self.where


@dataclass(frozen=True)
class Work:
    """What the process does: read a folder.

    Attributes:
        read: the reader; it gets a folder with the input.
        warm_up: what is done once before memory is limited and files are watched, such as reading valid input.
        names_paths: whether input may say where to write; such writing is prevented, and no finding.
    """

    read: Callable[[Path], object]
    warm_up: Callable[[], object]
    names_paths: bool = False


class Sandbox:
    """A process that reads (mutable); a new one is started when it dies, hangs, or has read thousands of inputs."""

    def __init__(self, work: Work, *, seconds: float = MOST_SECONDS) -> None:
        self._work, self._seconds = work, seconds
        self._folder = Path(tempfile.mkdtemp(prefix="qvar-fuzz-"))
        self._process: Any = None
        self._pipe: Connection | None = None
        self._n_inputs = 0

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def judge(self, tree: Mapping[str, bytes]) -> Verdict:
        """Read files, given by their names with slashes, and return what came of it."""
        inbox = self._folder / "in"
        shutil.rmtree(inbox, ignore_errors=True)
        for name, content in tree.items():
            file = inbox / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        inbox.mkdir(exist_ok=True)
        pipe = self._started()
        before, start = self._processor_seconds(), time.monotonic()
        try:
            pipe.send(str(inbox))
            while not pipe.poll(0.5):
                used = self._processor_seconds() - before
                if used > self._seconds or time.monotonic() - start > MOST_WAIT:
                    self._stop()
                    return Verdict("hang", f"no answer after {self._seconds:g} s of processor time")
            verdict: Verdict = pipe.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            self._process.join()
            code = self._process.exitcode
            self._stop()
            return Verdict("died", signal.Signals(-code).name if code and code < 0 else f"exit code {code}")
        self._n_inputs += 1
        if verdict.kind == "memory" or self._n_inputs % _INPUTS_PER_PROCESS == 0:
            self._stop()
        return verdict

    def _started(self) -> Connection:
        if self._pipe is None:
            ours, theirs = multiprocessing.Pipe()
            context = multiprocessing.get_context("fork")
            self._process = context.Process(target=_serve, args=(theirs, self._work, self._folder), daemon=True)
            self._process.start()
            theirs.close()
            self._pipe = ours
            if (answer := ours.recv()) != "ready":
                raise RuntimeError(f"the reader fails on valid input: {answer}")
        return self._pipe

    def _stop(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
            self._process.kill()
            self._process.join()
        self._pipe = self._process = None

    def _processor_seconds(self) -> float:
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return 0.0


class _Watch:
    """What an audit hook saw while an input was read (mutable)."""

    def __init__(self, folder: Path, *, names_paths: bool) -> None:
        self.allowed = (f"{folder}/in/", f"{folder}/home/", "/dev/", "/proc/self/")
        self.names_paths = names_paths
        self.is_on = False
        self.seen: Verdict | None = None

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.is_on:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, int) or path is None:
                return
            name = os.path.realpath(os.fsdecode(path))
            if isinstance(flags, int) and flags & _WRITING and not self._is_inside(name):
                self._prevent("wrote", name)
            elif name.endswith(_SECRETS) and not self.names_paths:
                self._prevent("spied", name)
        elif event in _CHANGES:
            for path in arguments[: _CHANGES[event]]:
                name = os.path.realpath(os.fsdecode(path))
                if not self._is_inside(name):
                    self._prevent("wrote", f"{event} {name}")
        elif event in _EXECUTION and not _importing(sys._getframe()):
            self._prevent("executed", f"{event}: {str(arguments)[:100]}")

    def _prevent(self, kind: str, detail: str) -> None:
        if self.seen is None and not (kind == "wrote" and self.names_paths):
            self.seen = Verdict(kind, detail, _place(sys._getframe()))
        raise PermissionError(errno.EACCES, "prevented", detail)

    def _is_inside(self, name: str) -> bool:
        return f"{name}/".startswith(self.allowed) or any(
            part in name for part in ("/__pycache__/", "/.cache/qvar/", "/.cache/matplotlib")
        )


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if "importlib" in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False


def _place(frame: FrameType | None) -> str:
    """Return the innermost line of the project's own code."""
    while frame is not None:
        name = frame.f_code.co_filename
        if _is_ours(name):
            return f"{_short(name)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def _is_ours(name: str) -> bool:
    return any(part in name for part in ("/qvar/", "/simulators/", "/envs/")) and "site-packages" not in name


def _short(name: str) -> str:
    return "/".join(Path(name).parts[-2:])


def _serve(pipe: Connection, work: Work, folder: Path) -> None:
    """Read whatever folder the pipe names, until it is closed; runs in the process of its own."""
    os.setsid()
    faulthandler.disable()
    warnings.simplefilter("ignore")
    quiet = open(os.devnull, "w")  # noqa: PTH123, SIM115
    os.dup2(quiet.fileno(), 1)
    os.dup2(quiet.fileno(), 2)
    home = folder / "home"
    home.mkdir(exist_ok=True)
    (folder / "secret.txt").write_text("nobody may read this")
    os.chdir(home)
    try:
        work.warm_up()
    except BaseException:
        pipe.send(traceback.format_exc())
        raise
    watch = _Watch(folder, names_paths=work.names_paths)
    sys.addaudithook(watch)
    base = _limit_memory()
    pipe.send("ready")
    with contextlib.suppress(EOFError, OSError):
        while True:
            inbox = Path(pipe.recv())
            watch.seen, watch.is_on = None, True
            verdict = _outcome(work.read, inbox)
            watch.is_on = False
            if watch.seen is not None:
                verdict = watch.seen
            elif _peak() - base > MOST_MEMORY:
                verdict = Verdict("memory", f"{(_peak() - base) >> 20} MB; {verdict.detail[:80]}", verdict.where)
            pipe.send(verdict)
    os._exit(0)


def _outcome(read: Callable[[Path], object], inbox: Path) -> Verdict:
    from qvar.simulators.errors import QvarError

    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            read(inbox)
    except QvarError as error:
        return Verdict("refused", f"{type(error).__name__}: {error}"[:300])
    except WorkBegins:
        return Verdict("accepted")
    except BaseException as error:
        return Verdict("exception", f"{type(error).__name__}: {error}"[:300], _origin(error))
    return Verdict("accepted")


def _origin(error: BaseException) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if _is_ours(f.filename)]
    return f"{_short(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""


def _limit_memory() -> int:
    """Limit the address space to a few GiB more than it is, and return the resident bytes now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + _ADDRESS_SPACE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return _peak()


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
