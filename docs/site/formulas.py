"""Turn LaTeX into MathML when a page is built: browsers show it without any script."""

import html
import re

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
DISPLAY = re.compile(r'<div class="arithmatex">\\\[(.*?)\\\]</div>', re.DOTALL)


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Replace every formula that `pymdownx.arithmatex` has marked."""
    content = INLINE.sub(lambda found: _mathml(found[1], "inline"), content)
    return DISPLAY.sub(lambda found: _mathml(found[1], "block"), content)


def _mathml(marked: str, display: str) -> str:
    latex = html.unescape(marked).strip()
    mathml = convert(latex, display=display)
    if "\\" in mathml:  # the converter shows a command that it does not know as text
        raise PluginError(f"no MathML for a command in the formula {latex}")
    return mathml
