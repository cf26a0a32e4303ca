"""What shells offer after TAB, asked as bash, zsh and fish ask; and that asking loads nothing heavy."""

import os
import subprocess
import sys

import pytest

from qvar.cli import completion

from .test_processes import HEAVY


def ask(shell, line):
    """Return what a shell is told when TAB is pressed at the end of a line."""
    words = line.split(" ")
    asked = {
        "bash": {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    environment = os.environ | asked | {"_QVAR_COMPLETE": f"complete_{shell}"}
    command = [sys.executable, "-m", "qvar"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_is_told_commands_tasks_and_algorithms(shell):
    assert "sweep" in ask(shell, "qvar sw")
    found = ask(shell, "qvar search h2-")
    assert "h2-4" in found
    assert "lih-4" not in found
    assert "annealing" in ask(shell, "qvar search h2-4 --algorithm an")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_is_given_a_script_that_asks_the_command(shell, qvar, monkeypatch):
    monkeypatch.setattr("typer._completion_shared._get_shell_name", lambda: shell)
    monkeypatch.setattr("typer.completion._get_shell_name", lambda: shell)
    outcome = qvar("--show-completion")
    assert outcome.code == 0
    assert f"complete_{shell}" in outcome.out


def test_records_are_offered_by_their_folders(small_run, own_folder):
    (own_folder / "runs").mkdir()
    small_run.rename(own_folder / "runs" / "mine")
    (own_folder / "runs" / "empty").mkdir()
    assert completion.records("") == ["runs/mine"]
    assert completion.records("runs/m") == ["runs/mine"]
    assert completion.runs("runs/") == ["runs/mine"]
    assert completion.latent_folders("runs/") == []
    assert completion.records("elsewhere/x") == []
    assert ask("bash", "qvar show ru").split() == ["runs/mine"]


def test_lists_are_completed_at_their_last_word():
    assert completion.listed(completion.tasks)("h2-2,lih") == ["h2-2,lih-4", "h2-2,lih-6"]


def test_devices_and_fake_backends_are_offered():
    from qvar.simulators.devices import DEVICES, fake_backend_names

    assert completion.noises("") == ["none", *DEVICES, "fake:"]
    offered = {name.removeprefix("fake:") for name in completion.noises("fake:")}
    known = {name.removesuffix("V2") for name in fake_backend_names()}
    assert len(offered & known) > 0.9 * len(known)


@pytest.mark.parametrize("line", ["--noise fake : FakeSherb", "--noise none,fake : FakeSherb"])
def test_bash_which_splits_at_colons_is_told_what_follows_the_colon(line):
    assert ask("bash", f"qvar sweep h2-4 {line}").split() == ["FakeSherbrooke"]


def test_bash_is_told_all_backends_right_after_the_colon():
    assert "FakeSherbrooke" in ask("bash", "qvar search h2-4 --noise fake :").split()


def test_names_written_down_are_those_of_the_modules():
    from qvar.classify.comparison import GROUPS, model_names
    from qvar.classify.comparison.features import NUMERIC_FEATURES
    from qvar.classify.text import TEXT_FEATURES
    from qvar.cli.inputs import _OPTIMIZERS
    from qvar.latent.search.catalogue import GENERATIVE_METHODS, METHODS
    from qvar.search.configuration import ALGORITHMS
    from qvar.search.presets import PRESETS

    pairs = [
        (completion.ALGORITHMS, ALGORITHMS),
        (completion.PRESETS, PRESETS),
        (completion.OPTIMIZERS, _OPTIMIZERS),
        (completion.CLASSIFIERS, (*GROUPS, *model_names())),
        (completion.FEATURES, (*NUMERIC_FEATURES, *TEXT_FEATURES)),
        (completion.LATENT_METHODS, {"all", *METHODS, *GENERATIVE_METHODS}),
    ]
    for written, true in pairs:
        assert sorted(written) == sorted(true)


def test_completion_loads_nothing_heavy():
    code = (
        "from qvar.cli import completion as c; c.tasks(''); c.noises('fake:'); c.datasets(''); c.latent_tasks(''); "
        f"c.records(''); import sys; print([m for m in {HEAVY!r} if m in sys.modules and m != 'scipy'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_hardware_commands_are_offered_fake_backends_and_their_executions(own_folder):
    assert "FakeLagos" in ask("bash", "qvar hardware run runs/mine --on fake:FakeLag")
    assert ask("fish", "qvar hardware estimate runs/mine --on f").split() == ["fake:"]
    folder = own_folder / "runs" / "mine" / "hardware" / "fake-FakeLagosV2-01"
    folder.mkdir(parents=True)
    assert completion.executions("") == []  # none was begun there
    (folder / "experiment.json").write_text("{}")
    assert ask("zsh", "qvar hardware resume runs/m").count("runs/mine/hardware/fake-FakeLagosV2-01") >= 1
    assert completion.executions("hardware") == []
