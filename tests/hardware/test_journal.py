"""The journal keeps what was written, shows what was changed, and lives with a line that a kill cut off."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qvar.hardware import Journal
from qvar.hardware import journal as journal_module
from qvar.simulators.errors import HardwareError


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    with journal.locked():
        for k in range(4):
            journal.append({"event": "RESERVED", "tag": f"t{k}", "seconds": 5.0 + k})
    return journal


def test_entries_come_back_in_order(journal):
    assert [entry["tag"] for entry in journal.read()] == ["t0", "t1", "t2", "t3"]
    assert all("check" not in entry for entry in journal.read())


@pytest.mark.parametrize("line", range(4))
def test_an_edited_number_is_found_wherever_it_is(journal, line):
    lines = journal.path.read_text().splitlines()
    entry = json.loads(lines[line])
    entry["seconds"] = 0.0
    lines[line] = json.dumps(entry, sort_keys=True)
    journal.path.write_text("\n".join(lines) + "\n")
    with pytest.raises(HardwareError, match=f"corrupted in line {line + 1}"):
        journal.read()


@pytest.mark.parametrize("change", ["drop", "swap", "repeat", "garble"])
def test_a_line_left_out_moved_repeated_or_garbled_is_found(journal, change):
    lines = journal.path.read_text().splitlines()
    if change == "drop":
        del lines[1]
    elif change == "swap":
        lines[1], lines[2] = lines[2], lines[1]
    elif change == "repeat":
        lines.insert(1, lines[1])
    else:
        lines[1] = lines[1][:-4]
    journal.path.write_text("\n".join(lines) + "\n")
    with pytest.raises(HardwareError, match="corrupted"):
        journal.read()


@pytest.mark.parametrize("kept", [1, 10, 60])
def test_a_last_line_cut_off_is_told_and_the_next_entry_takes_its_place(journal, kept):
    last = journal.path.read_bytes().splitlines()[-1]
    with journal.path.open("ab") as file:
        file.write(last[:kept])  # as a kill in the middle of writing leaves it
    with pytest.warns(UserWarning, match="cut off"):
        assert len(journal.read()) == 4
    with journal.locked():
        journal.append({"event": "RESERVED", "tag": "new"})
    assert [entry["tag"] for entry in journal.read()] == ["t0", "t1", "t2", "t3", "new"]


@pytest.mark.parametrize("removed", [1, 2, 4])
def test_last_lines_that_were_removed_are_missed(journal, removed):
    lines = journal.path.read_text().splitlines(keepends=True)
    journal.path.write_text("".join(lines[: len(lines) - removed]))
    with pytest.raises(HardwareError, match=f"corrupted after line {4 - removed}"):
        journal.read()


def test_a_kill_before_the_count_was_written_is_no_damage(journal):
    (journal.path.parent / "journal.jsonl.head").write_text("3")
    assert len(journal.read()) == 4
    (journal.path.parent / "journal.jsonl.head").unlink()
    assert len(journal.read()) == 4


def test_a_count_that_a_power_cut_left_empty_is_no_damage(journal):
    (journal.path.parent / "journal.jsonl.head").write_text("")
    assert len(journal.read()) == 4


def test_a_journal_deleted_while_it_is_in_use_is_missed(journal):
    assert len(journal.read()) == 4
    for file in journal.path.parent.glob("journal*"):
        file.unlink()
    with pytest.raises(HardwareError, match="corrupted after line 0"):
        journal.read()


def test_a_lock_file_deleted_while_others_wait_keeps_them_apart(journal):
    inside, most = [], []

    def enter(_):
        with journal.locked():
            inside.append(1)
            (journal.path.parent / "journal.jsonl.lock").unlink(missing_ok=True)
            time.sleep(0.01)
            most.append(len(inside))
            inside.pop()

    with ThreadPoolExecutor(1) as pool, journal.locked():
        waiting = pool.submit(enter, 0)
        time.sleep(0.05)
        (journal.path.parent / "journal.jsonl.lock").unlink()
    waiting.result()
    assert most == [1]


@pytest.mark.parametrize("place", ["fsync", "replace"])
def test_a_full_disk_loses_nothing_that_was_written(journal, monkeypatch, place):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(*((os, "fsync", full) if place == "fsync" else (Path, "replace", full)))
        with pytest.raises(OSError, match="No space"), journal.locked():
            journal.append({"event": "RESERVED", "tag": "full"})
    with journal.locked():
        journal.append({"event": "RESERVED", "tag": "new"})
    tags = [entry["tag"] for entry in journal.read()]
    assert tags == ["t0", "t1", "t2", "t3", "full", "new"]  # what may be on the disk counts


def test_a_journal_that_does_not_exist_is_empty(tmp_path):
    assert Journal(tmp_path / "none.jsonl").read() == []


def test_what_nobody_else_touched_is_parsed_once(tmp_path, monkeypatch):
    parsed = []
    monkeypatch.setattr(journal_module, "_parse", lambda line: parsed.append(line) or json.loads(line))
    journal = Journal(tmp_path / "journal.jsonl")
    for k in range(50):
        with journal.locked():
            assert len(journal.read()) == k
            journal.append({"event": "RESERVED", "tag": f"t{k}"})
    assert len(parsed) <= 1
    assert [entry["tag"] for entry in Journal(journal.path).read()] == [f"t{k}" for k in range(50)]


def test_what_another_process_adds_is_seen_and_built_upon(journal):
    other = Journal(journal.path)
    for k in range(3):
        for writer in (journal, other):
            with writer.locked():
                assert len(writer.read()) == 4 + 2 * k + (writer is other)
                writer.append({"event": "RESERVED", "tag": f"u{k}"})
    assert len(Journal(journal.path).read()) == 10


def test_an_edit_is_found_by_who_has_read_before(journal):
    assert len(journal.read()) == 4
    time.sleep(0.05)  # a clock tick of the file system
    lines = journal.path.read_text().splitlines()
    journal.path.write_text("\n".join([lines[0].replace("5.0", "1.0"), *lines[1:]]) + "\n")
    with pytest.raises(HardwareError, match="corrupted in line 1"):
        journal.read()


def test_another_beginning_with_checksums_of_its_own_is_found(journal, tmp_path):
    assert len(journal.read()) == 4
    forged = Journal(tmp_path / "forged.jsonl")
    with forged.locked():
        for k in range(6):
            forged.append({"event": "RESERVED", "tag": f"t{k}", "seconds": 0.0})
    journal.path.write_bytes(forged.path.read_bytes())
    with pytest.raises(HardwareError, match="corrupted up to line 4"):
        journal.read()
