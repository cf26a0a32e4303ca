"""Files hold the old or the new content, errors name them, and what must be on the disk is."""

import errno
import os
import resource
import signal
import stat
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from qvar.simulators.files import append_whole, write_atomically


def test_the_error_names_the_file_and_not_the_temporary_one(tmp_path):
    with pytest.raises(OSError, match="No such file") as caught:
        write_atomically(tmp_path / "missing" / "file", b"")
    assert (caught.value.filename, caught.value.filename2) == (str(tmp_path / "missing" / "file"), None)


def test_threads_that_write_the_same_file_do_not_disturb_each_other(tmp_path):
    file = tmp_path / "shared"
    start = Barrier(4)

    def write(k):
        start.wait()
        for _ in range(50):
            write_atomically(file, b"%d" % k * 100)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert set(file.read_bytes().decode()) in ({"0"}, {"1"}, {"2"}, {"3"})
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("write", [append_whole, write_atomically])
def test_a_file_that_may_not_grow_keeps_its_content(tmp_path, write):
    """The kernel itself refuses: no file of this process may exceed 100,000 bytes."""
    file = tmp_path / "metrics.jsonl"
    write(file, b"a" * 1000)
    limit, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
    try:
        with pytest.raises(OSError, match="too large") as caught:
            write(file, b"b" * 200_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.filename == str(file)
    assert file.read_bytes() == b"a" * 1000
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_an_addition_waits_for_the_disk_only_if_asked_and_for_the_folder_only_if_the_file_is_new(tmp_path, monkeypatch):
    synced, file = [], tmp_path / "cells.jsonl"
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    append_whole(file, b"a")
    assert synced == []
    append_whole(file, b"b", sync=True)
    assert synced == [file.stat().st_ino]
    file.unlink()
    append_whole(file, b"c", sync=True)
    assert synced[1:] == [file.stat().st_ino, tmp_path.stat().st_ino]


def fail_to_sync_folders(monkeypatch, number):
    sync = os.fsync

    def failing(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", failing)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_file_systems_that_cannot_sync_folders_are_no_obstacle(tmp_path, monkeypatch, number):
    fail_to_sync_folders(monkeypatch, number)
    write_atomically(tmp_path / "a", b"content")
    assert (tmp_path / "a").read_bytes() == b"content"


def test_a_folder_that_does_not_reach_the_disk_is_an_error(tmp_path, monkeypatch):
    fail_to_sync_folders(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)) as caught:
        write_atomically(tmp_path / "a", b"content")
    assert caught.value.filename == str(tmp_path / "a")
