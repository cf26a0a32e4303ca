"""The README's examples run, and the commands it names exist."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qvar.simulators import StatevectorSimulator

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_the_python_examples_run_one_after_the_other(capsys):
    examples = blocks("python")
    assert len(examples) >= 2
    names = {}
    for example in examples:
        exec(compile(example, "README.md", "exec"), names)
    assert names["energies"].shape == (9,)
    assert len(names["gradient"]) == 1
    assert names["energies_of_states"].shape == (4,)
    assert names["estimate"].shots == 10_000
    assert names["minimum"].value < names["energy"] + 1e-6
    assert names["network"].backward(None, np.full(8, 0.1))[1].shape == (1, 1, 8)
    assert names["slope"] == pytest.approx(-np.sin(0.3), abs=0.05)
    ideal = StatevectorSimulator().objective(names["double"], names["problem"].observable)([0.3])
    assert names["measured"].value == pytest.approx(ideal, abs=0.3)  # that device is noisy
    assert 0 < names["measured"].standard_error < 0.1
    assert names["solved"] > 40  # of 100, where blind draws give 38
    printed = capsys.readouterr().out
    assert "Ha with noise" in printed
    assert "in training under noise" in printed
    assert names["scores"].mean() > 0.75
    assert names["env"].observation_space.contains(names["observation"])


@pytest.mark.parametrize("marker", ["run command", "test command"])
def test_the_set_up_commands_install_with_the_pinned_torch(marker):
    (block,) = re.findall(rf"<!-- {marker} -->\n```\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    assert block.count("\n") == 1
    assert "pip install -c constraints.txt" in block


def test_every_command_of_the_readme_has_only_known_options():
    lines = [line.split("  ")[0] for block in blocks("")[2:4] for line in block.splitlines()]
    commands = {line.split()[1] for line in lines}
    assert commands == {
        *("tasks", "devices", "search", "sweep", "report", "prune", "vqe", "energy", "compile", "show", "molecule"),
        *("maxcut", "compare", "latent", "dashboard", "device", "hardware"),
    }
    groups = {"latent", "device", "hardware"}  # their commands have names of two words
    for command in sorted({tuple(line.split()[1 : 3 if line.split()[1] in groups else 2]) for line in lines}):
        shown = subprocess.run(
            [sys.executable, "-m", "qvar", *command, "--help"], capture_output=True, text=True, check=True
        ).stdout
        for line in lines:
            if tuple(line.split()[1 : 1 + len(command)]) == command:
                wanted = set(re.findall(r"(--[a-z]+)", line.split("&&")[0]))
                assert wanted <= set(re.findall(r"--[a-z]+", shown)), line


def test_every_path_the_readme_names_exists():
    paths = re.findall(r"`((?:qvar|envs|simulators|tests)/[\w/.]*)`", README)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
