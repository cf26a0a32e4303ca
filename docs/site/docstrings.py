"""Prepare docstrings, which are written to be read as text, for Markdown."""

import re
from typing import Any

import griffe


class Docstrings(griffe.Extension):
    """Keep formulas, lists and examples of docstrings as they are meant."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:  # noqa: ARG002
        """Rewrite the docstring of an object when it is loaded."""
        if obj.docstring is not None:
            obj.docstring.value = to_markdown(obj.docstring.value)


def to_markdown(text: str) -> str:
    r"""Return a docstring with stars escaped, a blank line before lists, and its example as a section.

    Example:
        >>> print(to_markdown("Return `a**b` * c"))
        Return `a**b` \* c
    """
    lines: list[str] = []
    in_example = False
    for line in re.sub(r"^(\s*)Example:$", r"\1Examples:", text, flags=re.MULTILINE).splitlines():
        in_example = line.lstrip().startswith(">>>") or (in_example and bool(line.strip()))
        starts_list = line.lstrip().startswith("- ") and not _is_in_list(lines)
        if lines and lines[-1].strip() and (starts_list or line.lstrip().startswith(("Source", "Differs from"))):
            lines.append("")
        lines.append(line if in_example else _together(_escape(line)))
    return "\n".join(lines)


def _is_in_list(lines: list[str]) -> bool:
    """Return whether the paragraph that ends here contains a list item."""
    for line in reversed(lines):
        if not line.strip():
            return False
        if line.lstrip().startswith("- "):
            return True
    return False


def _together(line: str) -> str:
    """Join names that share a description, `a, b: ...`, by spaces that do not end the first of them for the parser."""
    return re.sub(r"^ +\w+(?:, \w+)+:", lambda found: re.sub(", ", ",\N{NO-BREAK SPACE}", found[0]), line)


def _escape(line: str) -> str:
    """Escape stars outside code."""
    parts = line.split("`")
    return "`".join(part if index % 2 else part.replace("*", r"\*") for index, part in enumerate(parts))
