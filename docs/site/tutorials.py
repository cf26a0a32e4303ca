"""Make a tutorial page of every notebook in `notebooks/`: its text, code and committed outputs, nothing executed."""

import re
from pathlib import Path

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from nbconvert import MarkdownExporter

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
INTRODUCTION = """# Tutorials

Lessons to read in order or to run yourself. Each is a notebook of the folder `notebooks/`; the outputs shown are those
of its last run. To run one: `pip install jupyterlab`, then `jupyter lab notebooks/`.

"""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the tutorials in the navigation."""
    entry = next(entry for entry in config.nav if "Tutorials" in entry)
    pages = [{_title(path): f"tutorials/{path.stem}.md"} for path in _notebooks()]
    entry["Tutorials"] = ["tutorials/index.md", *pages]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for every notebook, its images, and the list of all."""
    links = "".join(f"- [{_title(path)}]({path.stem}.md)\n" for path in _notebooks())
    text = INTRODUCTION + (links or "None is here yet.\n")
    files.append(File.generated(config, "tutorials/index.md", content=text))
    for path in _notebooks():
        body, images = _convert(path)
        files.append(File.generated(config, f"tutorials/{path.stem}.md", content=body))
        for name, data in images.items():
            files.append(File.generated(config, f"tutorials/{name}", content=data))
    return files


def _notebooks() -> list[Path]:
    return sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))


def _title(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    found = re.search(r"^# (.+)$", text, flags=re.MULTILINE)
    return found[1].strip() if found else path.stem


def _convert(path: Path) -> tuple[str, dict[str, bytes]]:
    """Return a notebook as Markdown, and the images of its outputs by name."""
    resources = {"unique_key": f"{path.stem}_files", "output_files_dir": f"{path.stem}_files"}
    body, resources = MarkdownExporter().from_notebook_node(nbformat.read(path, as_version=4), resources=resources)
    return _links_within_the_site(_indented_outputs_to_fences(body)), resources["outputs"]


def _links_within_the_site(text: str) -> str:
    """Let links to other notebooks and to the pages in `docs/` lead to the pages made of them."""
    text = re.sub(r"\]\(([\w-]+)\.ipynb(#[^)]*)?\)", r"](\1.md\2)", text)
    return re.sub(r"\]\(\.\./docs/", "](../", text)


def _indented_outputs_to_fences(text: str) -> str:
    """Write outputs, which nbconvert indents by four, as fenced blocks, so that no list before them takes them in."""

    def fence(found: re.Match[str]) -> str:
        lines = found[0].rstrip().splitlines()
        if not lines:
            return ""  # what nbconvert leaves of an output that is shown as a picture
        return "\n".join(["``` { .text .output }", *(line.removeprefix("    ") for line in lines), "```", ""]) + "\n"

    parts = re.split(r"(^```.*?^```\s*?$)", text, flags=re.MULTILINE | re.DOTALL)
    for index in range(0, len(parts), 2):
        parts[index] = re.sub(r"(?:(?<=\n\n)|\A)(?: {4}.*\n(?:\s*\n(?= {4}))*)+", fence, parts[index])
    return "".join(parts)
