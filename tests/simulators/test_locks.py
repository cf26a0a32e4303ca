"""A lock has one holder at a time, among threads as among processes, and whoever waits gets it afterwards."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event

import pytest

from qvar.simulators.locks import alone, release, take_lock

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path):
    """A lock file in a folder that is not there yet."""
    return tmp_path / "folder" / "lock"


def test_a_lock_that_is_held_is_not_given_again_until_it_is_released(path):
    first = take_lock(path)
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(take_lock, path)
        wait([second], timeout=20)  # it comes at once, or if it were to wait for the lock, after the release
        release(first)
    assert second.result() is None
    third = take_lock(path)
    assert third is not None
    release(third)


def test_other_processes_are_kept_out_until_the_holder_ends_however_that_happens(path):
    text = (
        "import os, sys; from pathlib import Path; from qvar.simulators.locks import take_lock\n"
        "held = take_lock(Path(sys.argv[1])); print(held is not None); os._exit(9)"
    )
    line = [sys.executable, "-c", text, str(path)]

    def other():
        return subprocess.run(line, capture_output=True, text=True, check=False, cwd=ROOT).stdout.strip()

    with alone(path):
        assert other() == "False"
    assert other() == "True"
    with alone(path):
        pass


def wait_for(first, path, *, meanwhile=lambda: None):
    """Return whether somebody who waits for the lock was told so, and what they see once they have it."""
    told = Event()

    def enter():
        with alone(path, if_busy=told.set) as descriptor:
            return take_lock(path), os.path.samestat(os.fstat(descriptor), path.stat())

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(enter)
        was_told = told.wait(timeout=20)  # at once
        meanwhile()
        release(first)
    return was_told, *waiting.result()


def test_whoever_waits_is_told_and_has_the_lock_alone_afterwards(path):
    assert wait_for(take_lock(path), path) == (True, None, True)


def test_a_lock_file_that_is_deleted_while_somebody_waits_is_made_anew(path):
    assert wait_for(take_lock(path), path, meanwhile=path.unlink) == (True, None, True)


def test_where_nobody_is_nobody_is_told(path):
    def fail():
        raise AssertionError

    with alone(path, if_busy=fail):
        pass


def test_waiting_needs_nobody_to_tell(path):
    def enter():
        with alone(path):
            return take_lock(path)

    first = take_lock(path)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(enter)
        wait([waiting], timeout=0.2)
        release(first)
    assert waiting.result() is None
