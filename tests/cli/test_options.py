"""Options of all commands side by side: one idea has one name and one help, and every command talks to machines."""

from collections import defaultdict

import typer

from qvar.cli.app import app

OWN = {
    "--out": "what is written differs",
    "--resume": "what is gone on with differs",
    "--mode": "of searches in a latent space, and of jobs on hardware",
    "--evaluations": "of searches in a latent space, and of an optimizer on hardware",
    "--qubits": "how many for a latent space; physical ones everywhere else, all of them in a snapshot",
    "--fake": "a list beside another, or instead of it",
    "--engine": "vqe has hardware, too",
    "--shots": "hardware knows no exact values",
    "--algorithm": "a sweep takes several",
    "--noise": "a sweep takes several",
    "--preset": "a sweep takes several",
}
"""Options whose help differs between commands, and why."""


def commands(group=None, name=""):
    group = typer.main.get_command(app) if group is None else group
    if not hasattr(group, "commands"):
        return {name: group}
    return {k: v for n, part in group.commands.items() for k, v in commands(part, f"{name} {n}".strip()).items()}


def options():
    """Every option by name: its help and the commands that have it."""
    found = defaultdict(lambda: defaultdict(list))
    for name, command in commands().items():
        for parameter in command.params:
            if parameter.param_type_name == "option":
                found[parameter.opts[0]][parameter.help].append(name)
    return found


def test_an_option_has_the_same_help_in_every_command_unless_it_is_another_thing():
    differ = {name: dict(helps) for name, helps in options().items() if len(helps) > 1 and name not in OWN}
    assert differ == {}


def test_no_exception_is_granted_to_options_that_agree():
    assert [name for name in OWN if len(options()[name]) < 2] == []


def test_every_command_prints_json_and_what_shows_progress_can_be_silenced():
    names = {name: {o for p in command.params for o in p.opts} for name, command in commands().items()}
    assert [name for name, opts in names.items() if "--json" not in opts] == []
    silent = {name for name, opts in names.items() if "--quiet" in opts}
    assert silent >= {"search", "sweep", "vqe", "prune", "compile", "compare", "report", "log", "molecule"}
    assert silent >= {"latent pretrain", "latent search", "latent report", "hardware run", "device snapshot"}
