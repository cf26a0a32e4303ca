"""Run commands as a user does, in this process or in one of their own, in an empty folder."""

import logging
import shutil
import subprocess
import sys
from dataclasses import dataclass

import pytest

from qvar.cli import main


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def words(self):
        """What was printed, however it was broken into lines."""
        return " ".join(self.out.split())


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Work in an empty folder, with wide output that no terminal colours, and a logger as at the start."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    level = logging.getLogger("qvar").level
    yield folder
    logging.getLogger("qvar").setLevel(level)


@pytest.fixture
def qvar(capsys):
    """Run `qvar ARGUMENTS` in this process."""

    def run(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(left.value.code or 0, captured.out, captured.err)

    return run


@pytest.fixture
def qvar_process():
    """Run `python -m qvar ARGUMENTS` in a process of its own."""

    def run(*arguments):
        command = [sys.executable, "-m", "qvar", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def file_contents():
    """Return every file below a folder with its bytes."""

    def read(folder):
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    return read


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """The folder of a finished search of a second; copy it before changing anything."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    options = ["--episodes", "3", "--max-gates", "3", "--seed", "5", "--quiet"]
    with pytest.raises(SystemExit) as left:
        main(["search", "h2-2", *options, "--out", str(folder)])
    assert not left.value.code
    return folder


@pytest.fixture
def small_run(finished_run, own_folder):
    """A finished search of a second in the folder `run`."""
    shutil.copytree(finished_run, own_folder / "run")
    return own_folder / "run"
