"""Every command prints one JSON document with --json, and nothing else, whatever happens."""

import json

import pytest
import typer

from qvar.cli.app import app

EXCEPTIONS: dict[str, str] = {}
"""Commands without --json, and why."""


def commands(group, *names):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *names, name)
        else:
            yield (*names, name), command


ALL = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_every_command_has_the_option(names):
    options = {word for parameter in ALL[names].params for word in parameter.opts}
    assert ("--json" in options) != (" ".join(names) in EXCEPTIONS)


@pytest.fixture
def circuit(own_folder):
    path = own_folder / "bell.qasm"
    path.write_text('OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nh q[0];\ncx q[0], q[1];\n')
    return path


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (["tasks"], None),
        (["devices"], None),
        (["presets"], None),
        (["latent", "tasks"], "methods"),
        (["compare", "--list"], "models"),
        (["search", "h2-2", "--episodes", 2, "--max-gates", 2, "--out", "new"], "energy"),
        (["search", "--resume", "--out", "run"], "energy"),
        (["sweep", "h2-2", "--algorithm", "random", "--seeds", 0, "--episodes", 2, "--jobs", 1, "--out", "s"], "sweep"),
        (["vqe", "h2-2", "--reps", 1, "--starts", 1], "energy"),
        (["energy", "bell.qasm", "ZZ - XI"], "energy"),
        (["prune", "bell.qasm", "h2-2"], "after"),
        (["show", "run"], "energy"),
        (["report", "run"], "settings"),
        (["report", "run", "--out", "page.html"], "settings"),
        (["compare", "iris", "--models", "majority", "--splits", 2, "--jobs", 1, "--out", "iris"], "tables"),
        (["maxcut", "ring-3", "--out", "ring.json"], "max_cut"),
    ],
    ids=lambda value: " ".join(map(str, value[:2])) if isinstance(value, list) else "",
)
def test_a_command_prints_one_document(qvar, small_run, circuit, arguments, key):
    outcome = qvar(*arguments, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    assert key is None or key in json.loads(outcome.out)
    assert json.loads(outcome.out)


@pytest.mark.parametrize(
    ("arguments", "kind", "part"),
    [
        (["search", "h2-22"], "ProblemError", "did you mean 'h2-2'?"),
        (["report", "nowhere"], "RunError", "does not exist"),
        (["energy", "bell.qasm"], "UsageError", "Missing argument"),
        (["tasks", "--nonsense"], "UsageError", "--nonsense"),
        (["nonsense"], "UsageError", "nonsense"),
        (["search", "h2-2", "--seed", "x"], "UsageError", "--seed"),
        (["latent", "report", "nowhere"], "RunError", "nowhere"),
    ],
)
def test_an_error_is_a_document_too_and_a_message_for_people(qvar, circuit, arguments, kind, part):
    outcome = qvar(*arguments, "--json")
    assert outcome.code == 2
    error = json.loads(outcome.out)["error"]
    assert error["kind"] == kind
    assert part in error["message"]
    assert part in " ".join(outcome.err.split())
    assert qvar(*arguments).out == ""


@pytest.mark.parametrize(
    ("content", "arguments", "kind"),
    [
        (b"\xff\xfe", ["energy", "FILE", "h2-2"], "CircuitError"),
        (b"[" * 100_000, ["search", "h2-2", "--noise", "FILE"], "NoiseModelError"),
        (b"[" * 100_000, ["show", "FOLDER"], "RunError"),
        (b"[" * 100_000, ["report", "FOLDER"], "RunError"),
    ],
)
def test_a_file_of_nonsense_is_an_error_in_words(qvar, tmp_path, content, arguments, kind):
    file = tmp_path / "config.json"
    file.write_bytes(content)
    words = [{"FILE": file, "FOLDER": tmp_path}.get(word, word) for word in arguments]
    outcome = qvar(*words, "--json")
    assert outcome.code == 2
    assert json.loads(outcome.out)["error"]["kind"] == kind
    assert "Traceback" not in outcome.err


def test_a_mistake_of_ours_is_a_document_too(qvar, monkeypatch):
    def fail(**_):
        raise ZeroDivisionError("nothing to divide by")

    monkeypatch.setattr("qvar.cli.lookup.listing.list_tasks", fail)
    outcome = qvar("tasks", "--json")
    assert outcome.code == 1
    assert json.loads(outcome.out)["error"] == {"kind": "ZeroDivisionError", "message": "nothing to divide by"}
    assert "Traceback" in outcome.err
    with pytest.raises(ZeroDivisionError):
        qvar("tasks")


def test_an_interrupted_command_is_a_document_too(qvar, monkeypatch):
    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("qvar.cli.search.search.run_search", interrupt)
    outcome = qvar("search", "h2-2", "--episodes", 2, "--json")
    assert outcome.code == 130
    assert json.loads(outcome.out)["error"]["kind"] == "Interrupted"
    assert "interrupted; nothing was begun; the same command starts anew" in outcome.err
