"""Progress is one live line on a terminal, plain lines elsewhere, and nothing when silent."""

import io

import pytest
from rich.console import Console

from qvar.cli.progress import ProgressLine, counted, timed, waiting


def shown(*, terminal, visible, columns=None):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=100)
    with ProgressLine(console, visible=visible, total=4, done=1, columns=columns) as line:
        line.update("two of four", done=2)
        line.say("told")
        assert line.is_live == (terminal and visible)
    return stream.getvalue()


def test_on_a_terminal_the_line_is_live():
    text = shown(terminal=True, visible=True)
    assert "two of four" in text
    assert "told" not in text


@pytest.mark.parametrize(("columns", "part"), [(counted, "50 %, two of four"), (timed, "50%")])
def test_a_line_says_how_far_it_is(columns, part):
    assert part in shown(terminal=True, visible=True, columns=columns())


def test_elsewhere_there_are_plain_lines():
    assert shown(terminal=False, visible=True) == "told\n"


@pytest.mark.parametrize("terminal", [True, False])
def test_silence_is_silence(terminal):
    assert shown(terminal=terminal, visible=False) == ""


def test_waiting_says_nothing_without_a_terminal(capsys):
    with waiting("for something", visible=True):
        pass
    assert capsys.readouterr() == ("", "")
