"""Make the reference: a page for every public module, found by walking the package, and one for the command line."""

import posixpath
from functools import cache
from pathlib import Path
from typing import Any

import griffe
import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from typer.cli import get_docs_for_click

ROOT = Path(__file__).parents[2]
LEFT_OUT = ("kernels", "cli", "__main__")  # compiled loops behind the engines; the command line has a page of its own
INTRODUCTION = """# Reference

What every public function and class takes, returns and raises, from the docstrings. Import from the packages
(`from qvar.simulators import Circuit`); each page says where a name lives. [The command line](cli.md) has a page of its
own.

"""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List packages and modules in the navigation."""
    entry = next(entry for entry in config.nav if "Reference" in entry)
    packages = [_navigation(package) for package in _submodules(_load())]
    entry["Reference"] = ["reference/index.md", {"Command line": "reference/cli.md"}, *packages]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    packages = _submodules(_load())
    pages = {
        "reference/index.md": INTRODUCTION + _table(packages, index="reference/index.md"),
        "reference/cli.md": _command_line(),
    }
    for package in packages:
        for module in _walk(package):
            pages[_page(module)] = _text(module)
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


@cache
def _load() -> griffe.Module:
    package = griffe.load("qvar", search_paths=[ROOT], resolve_aliases=False)
    assert isinstance(package, griffe.Module)
    return package


def _submodules(module: griffe.Module) -> list[griffe.Module]:
    """Return the public modules right below one, sorted by name."""
    found = [member for member in module.members.values() if not member.is_alias and member.is_module]
    return sorted((m for m in found if m.name not in LEFT_OUT and m.name[0] != "_"), key=lambda m: m.name)


def _walk(module: griffe.Module) -> list[griffe.Module]:
    return [module, *(found for below in _submodules(module) for found in _walk(below))]


def _page(module: griffe.Module) -> str:
    folder = "/".join(["reference", *module.path.split(".")[1:]])
    return f"{folder}/index.md" if _submodules(module) else f"{folder}.md"


def _navigation(module: griffe.Module) -> dict[str, Any]:
    below = _submodules(module)
    if not below:
        return {module.name: _page(module)}
    return {module.name: [_page(module), *(_navigation(m) for m in below)]}


def _text(module: griffe.Module) -> str:
    """Return the page of a module: docstring and names; a package's page lists its names and modules."""
    if not _submodules(module):
        return f"# {module.path}\n\n::: {module.path}\n"
    exports = "".join(_export(module, name) for name in sorted(_exported(module)))
    names = f"## Names\n\n| name | what it is |\n|---|---|\n{exports}\n" if exports else ""
    own = f"::: {module.path}\n    options:\n      members: {_defined_here(module)}\n"
    return f"# {module.path}\n\n{own}\n{names}## Modules\n\n{_table(_submodules(module), index=_page(module))}"


def _exported(module: griffe.Module) -> list[str]:
    return [str(name) for name in module.exports or () if str(name) in module.members]


def _defined_here(module: griffe.Module) -> list[str] | bool:
    return [name for name in _exported(module) if not module.members[name].is_alias] or False


def _export(module: griffe.Module, name: str) -> str:
    """Return the row of a name that a package offers, with a link to the module it comes from."""
    member: Any = module.members[name]
    if not member.is_alias and member.is_module:  # a module hides the function of its name
        member = _load().modules_collection[module.imports[name]]
    while member.is_alias:
        member = _load().modules_collection[member.target_path]
    is_documented = member.name in (str(exported) for exported in member.module.exports or ())
    shown = f"[`{name}`][{member.path}]" if is_documented else f"`{name}`"
    return f"| {shown} | {_summary(member)} |\n"


def _table(modules: list[griffe.Module], *, index: str) -> str:
    """Return a table of modules for an index page."""
    links = {m.path: posixpath.relpath(_page(m), posixpath.dirname(index)) for m in modules}
    rows = "".join(f"| [`{m.path}`]({links[m.path]}) | {_summary(m)} |\n" for m in modules)
    return f"| module | what it is for |\n|---|---|\n{rows}"


def _summary(member: Any) -> str:
    text = member.docstring.value if member.docstring else ""
    return " ".join(text.split("\n\n")[0].split()).replace("|", "\\|").replace("*", "\\*")


def _command_line() -> str:
    from qvar.cli.app import app

    command = typer.main.get_command(app)
    _show_summaries_in_full(command)
    context = typer.Context(command, info_name="qvar")
    return get_docs_for_click(obj=command, ctx=context, name="qvar", title="Command line")


def _show_summaries_in_full(command: Any) -> None:
    for below in getattr(command, "commands", {}).values():
        below.short_help = (below.help or "").split("\n\n")[0]
        _show_summaries_in_full(below)
