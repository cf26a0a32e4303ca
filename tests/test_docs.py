"""The code of the documentation runs, its commands exist, and it names only files that are there."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
import typer.main

from qvar.cli.app import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
SLOW = {"classifiers.md"}


def name(page):
    return page.relative_to(DOCS).as_posix()


def blocks(page, language):
    text = page.read_text(encoding="utf-8")
    fenced = re.findall(r"^ *```([^\n`]*)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [content for found, content in fenced if found == language]


def pages_with_code():
    pages = [page for page in PAGES if blocks(page, "python")]
    assert len(pages) >= 10
    return [pytest.param(page, id=name(page), marks=[pytest.mark.slow] if page.name in SLOW else []) for page in pages]


@pytest.mark.parametrize("page", pages_with_code())
def test_the_python_blocks_of_a_page_run_one_after_the_other(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    for block in blocks(page, "python"):
        exec(compile(block, name(page), "exec"), names)


def commands(text):
    """Return the words of every `qvar` command of a text."""
    lines = [part.strip() for line in text.replace("\\\n", " ").splitlines() for part in line.split("&&")]
    return [shlex.split(line) for line in lines if line.startswith("qvar ")]


def unknown_words(words):
    """Return options, and names of commands, that the program does not have."""
    command = typer.main.get_command(app)
    position = 1
    while hasattr(command, "commands") and position < len(words) and not words[position].startswith("-"):
        found = command.commands.get(words[position])
        if found is None:
            return [words[position]]
        command, position = found, position + 1
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    used = {word.split("=")[0] for word in words[position:] if re.match(r"--?[a-z]", word)}
    return sorted(used - known - {"--help"})


@pytest.mark.parametrize("page", [page for page in PAGES if commands("\n".join(blocks(page, "")))], ids=name)
def test_the_commands_of_a_page_and_their_options_exist(page):
    text = page.read_text(encoding="utf-8")
    shown = commands("\n".join(blocks(page, ""))) + commands("\n".join(re.findall(r"`(qvar [^`]+)`", text)))
    assert {" ".join(words): unknown_words(words) for words in shown if unknown_words(words)} == {}


def test_a_command_or_an_option_that_does_not_exist_is_noticed():
    assert unknown_words(["qvar", "serach", "h2-4"]) == ["serach"]
    assert unknown_words(["qvar", "search", "h2-4", "--nosie", "ourense"]) == ["--nosie"]
    assert unknown_words(["qvar", "latent", "search", "here", "--task", "h2-4"]) == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_paths_that_a_page_names_exist(page):
    text = page.read_text(encoding="utf-8")
    paths = re.findall(r"(?<![\w/.])(?:qvar|envs|simulators|tests|docs)/[\w/]+\.(?:py|md|yml)\b", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def link_problems(site):
    spec = importlib.util.spec_from_file_location("check_links", DOCS / "site" / "check_links.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.problems_of(site)


def test_the_link_check_finds_lost_pages_lost_anchors_and_scripts_from_elsewhere(tmp_path):
    (tmp_path / "good.html").write_text('<h1 id="here">x</h1><a href="#here">a</a><a href="https://example.org">b</a>')
    assert link_problems(tmp_path) == []
    (tmp_path / "bad.html").write_text(
        '<a href="good.html#here">a</a><a href="good.html#there">b</a><a href="gone.html">c</a>'
        '<script src="https://example.org/x.js"></script>'
    )
    assert link_problems(tmp_path) == [
        "bad.html: loads https://example.org/x.js from a network",
        "bad.html: good.html#there names no anchor there",
        "bad.html: gone.html leads to no file",
    ]


def test_a_site_without_pages_is_a_problem(tmp_path):
    assert len(link_problems(tmp_path)) == 1
