"""Markdown that shows names and messages as they are, whatever characters they hold."""

from collections.abc import Iterable, Sequence

__all__ = ["markdown_table", "markdown_text"]


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; what is in a cell stays in it."""
    lines = ["| " + " | ".join(map(markdown_text, headings)) + " |", "|" + "---|" * len(headings)]
    lines += ["| " + " | ".join(map(markdown_text, row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def markdown_text(text: str) -> str:
    """Return text in one line without any meaning in Markdown."""
    for character in "\\|<>*_`[]":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())
