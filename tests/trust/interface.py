"""What does the project promise to keep? Its public names with their signatures, and the formats of its files.

Run: python tests/trust/interface.py [--write]

Public are the names in `__all__` of every package below `qvar`, and of the modules that the README, the documentation
and the notebooks import from; the command line is public by its help. A class is listed with its constructor and the
public methods and attributes that classes of this project define, once, under the first of its names; types of
parameters are left to the type checker. A format is what stands as `format` and `version` in a file that a later
version has to read. `public_api.txt` holds all of it as agreed; `--write` replaces it.
"""

import argparse
import ast
import difflib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

AGREED = Path(__file__).with_name("public_api.txt")
NOT_PUBLIC = ("qvar.cli", "qvar.simulators.kernels")
IMPORTED = re.compile(r"\bfrom (qvar(?:\.[a-z_]+)*) import\b")


def public_modules() -> list[str]:
    """Return the packages that list their names, and the modules that the documentation imports from, sorted."""
    import qvar

    found = pkgutil.walk_packages(qvar.__path__, "qvar.")
    packages = {module.name for module in found if module.ispkg and not module.name.startswith(NOT_PUBLIC)}
    with_names = {name for name in packages if hasattr(import_module(name), "__all__")}
    return sorted({"qvar"} | with_names | documented_modules())


def documented_modules() -> set[str]:
    """Return the modules whose names are imported in the README, the documentation and the notebooks."""
    files = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")]
    return {name for file in files for name in IMPORTED.findall(file.read_text(encoding="utf-8"))}


def names() -> list[str]:
    """Return a line for every public name."""
    lines = []
    home: dict[int, str] = {}
    for module in sorted(public_modules(), key=lambda name: (name.count("."), name)):
        for name in sorted(import_module(module).__all__):
            value, path = getattr(import_module(module), name), f"{module}.{name}"
            is_code = isinstance(value, type | FunctionType)
            first = home.setdefault(id(value), path) if is_code else path
            lines += [f"{path} = {first}"] if first != path else _described(path, value)
    return sorted(lines)


def formats() -> list[str]:
    """Return a line for every format of files, such as "qvar-run 1"."""
    found = []
    for file in sorted((ROOT / "qvar").rglob("*.py")) + sorted((ROOT / "simulators").rglob("*.py")):
        constants = dict(_constants(ast.parse(file.read_text(encoding="utf-8"))))
        if "_FORMAT" in constants:
            found.append(f"{constants['_FORMAT']} {constants['_VERSION']}")
    return sorted(set(found))


def _constants(tree: ast.Module) -> Iterator[tuple[str, Any]]:
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, value = statement.targets[0], statement.value
            both = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
            pairs = zip(target.elts, value.elts, strict=True) if both else [(target, value)]
            for left, right in pairs:
                if isinstance(left, ast.Name) and isinstance(right, ast.Constant):
                    yield left.id, right.value


def agreement() -> str:
    """Return the text that `public_api.txt` must hold."""
    parts = ["# Public names", *names(), "", "# Formats of files", *formats()]
    return "\n".join(parts) + "\n"


def _described(path: str, value: Any) -> list[str]:
    if isinstance(value, type):
        return [path + _constructor(value), *_members(path, value)]
    return [path + _signature(value)] if isinstance(value, FunctionType) else [path]


def _constructor(kind: type) -> str:
    """Return the signature of a class that people make objects of, and nothing for a protocol or an error."""
    is_contract = getattr(kind, "_is_protocol", False) or issubclass(kind, BaseException)
    return "" if is_contract else _signature(kind)


def _members(path: str, kind: type) -> Iterator[str]:
    own = [base for base in reversed(kind.__mro__) if base.__module__.split(".")[0] == "qvar"]
    members = {name: value for base in own for name, value in vars(base).items() if not name.startswith("_")}
    given = {field.name for field in getattr(kind, "__dataclass_fields__", {}).values() if field.init}
    for name, value in members.items():
        if name in given:  # the constructor shows it
            continue
        function = getattr(value, "__func__", value)
        yield f"{path}.{name}" + (_signature(function) if isinstance(function, FunctionType) else "")


def _signature(function: Any) -> str:
    try:
        signature = inspect.signature(function)
    except ValueError:  # a class of C
        return ""
    bare = [_bare(parameter) for parameter in signature.parameters.values()]
    return str(inspect.Signature(bare)).replace("=Ellipsis", "=...")


def _bare(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return a parameter without its type; a default that is no number or text is an ellipsis."""
    default = parameter.default
    is_plain = default is parameter.empty or isinstance(default, int | float | str | None | tuple)
    return parameter.replace(annotation=parameter.empty, default=default if is_plain else ...)


def main() -> None:
    """Show what differs from the agreement, or replace it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--write", action="store_true", help="replace the agreement; then write down why in CHANGELOG.md"
    )
    now = agreement()
    if parser.parse_args().write:
        AGREED.write_text(now, encoding="utf-8")
    agreed = AGREED.read_text(encoding="utf-8").splitlines()
    differences = [*difflib.unified_diff(agreed, now.splitlines(), lineterm="", n=0)]
    same = f"as agreed: {len(names())} names of {len(public_modules())} modules, {len(formats())} formats of files"
    sys.stdout.write("\n".join(differences or [same]) + "\n")


if __name__ == "__main__":
    main()
