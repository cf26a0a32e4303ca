"""The campaign of kills and damage at a small scale; it forks, so it runs in a process of its own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "kills.py"


def campaign(*options):
    """Return exit code and output."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, options)], capture_output=True, text=True, check=False, timeout=600
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def total(output, part):
    """Return the numbers in the last row of a table: the sums over all jobs, by the names of the columns."""
    table = output.split(f"**{part}**")[1].split("\n\n")[1].splitlines()
    names, numbers = ([cell.strip() for cell in line.strip("|").split("|")] for line in (table[0], table[-1]))
    assert numbers[0] == "all"
    return {name: int(number) for name, number in zip(names[1:], numbers[1:], strict=True)}


def check_nothing_was_lost(code, output):
    failures = re.findall("^FAILED .*", output, re.MULTILINE)
    assert (code, failures) == (0, [])
    for part in ("kills", "full disk, injected", "two processes"):
        counts = total(output, part)
        resumed = counts["resumes"] + (counts["pairs"] if part == "two processes" else 0)
        assert counts["records equal"] == resumed > 0


@pytest.mark.slow
def test_searches_sweeps_and_hardware_jobs_lose_nothing():
    check_nothing_was_lost(
        *campaign("--kills", 4, "--damages", 0, "--disks", 1, "--jobs", "search", "sweep", "hardware")
    )


def test_latent_spaces_rewards_and_studies_lose_nothing():
    jobs = ("latent pretrain", "pool and rewards", "latent search", "compare")
    code, output = campaign("--seed", 2, "--kills", 3, "--damages", 0, "--disks", 1, "--jobs", *jobs)
    check_nothing_was_lost(code, output)
    assert total(output, "kills")["kills"] >= 3 * len(jobs)


@pytest.mark.slow
def test_damage_to_any_kind_of_file_is_mended_or_refused():
    jobs = ("search", "latent pretrain", "pool and rewards")
    code, output = campaign("--seed", 3, "--kills", 1, "--damages", 1, "--disks", 0, "--jobs", *jobs)
    assert (code, re.findall("^FAILED .*", output, re.MULTILINE)) == (0, [])
    counts = total(output, "damaged files")
    assert counts["damages"] == counts["mended"] + counts["refused"] + counts["not needed"] > 30
    assert counts["refused"] > 10


def test_the_campaign_finds_jobs_that_are_not_safe():
    """Negative controls: one writes in place, one has no checksum; a third is as it should be."""
    code, output = campaign("--careless", "--kills", 12, "--damages", 16, "--disks", 2)
    found = re.findall("^FAILED ([a-z ]+):", output, re.MULTILINE)
    assert code == 1
    assert "FAILED writes in place: killed" in output or "FAILED writes in place: after" in output
    assert re.search("FAILED has no checksum: (finished|interrupted), state.json.*: another record", output)
    assert "is careful" not in found
