"""The journal keeps what was written, shows what was changed, and lives with a line that a kill cut off."""

import json

import pytest

from qvar.hardware import Journal
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


def test_a_journal_that_does_not_exist_is_empty(tmp_path):
    assert Journal(tmp_path / "none.jsonl").read() == []
