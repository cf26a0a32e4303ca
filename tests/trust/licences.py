"""Under which licences stands everything that an installation of qvar brings along?

Run: python tests/trust/licences.py [--extras chemistry ibm ...]

Walks the requirements of the installed `qvar-toolkit` from package to package and reads what each says about its
licence: an SPDX expression, a classifier, or words. Every licence of an expression must be in `ALLOWED`, alternatives
included; a package that is not so licensed, or does not say, must stand in `EXPLAINED`. What is not installed is not
seen. This reads what packages say of themselves; it looks at none of their files, and is no legal advice.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageMetadata as Metadata
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = "qvar-toolkit"
ALLOWED = {
    *(
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSL-1.0",
        "CC0-1.0",
        "CNRI-Python",
        "HPND",
        "ISC",
        "MIT",
        "MIT-0",
        "MIT-CMU",
    ),
    *("PSF-2.0", "Unlicense", "Zlib"),
    "MPL-2.0",  # asks for the source of its own files if they are changed; nothing is
    "LLVM-exception",  # takes conditions away
}
EXPLAINED = {
    "mitiq": "GPL-3.0; only in the extra `mitigation`, loaded when a user asks for it, and no part of what qvar "
    "distributes; who passes on qvar and mitiq as one work does so under the GPL",
    "skops": "MIT by its licence file; comes with MLflow",
    "huey": "MIT by its licence file; comes with MLflow",
}
PROPRIETARY = re.compile(r"nvidia-|cuda-")
"""NVIDIA's libraries: they come with PyTorch's CUDA builds, from NVIDIA, and not with the CPU builds."""

WORDS = {  # how classifiers and older metadata say it
    "Apache Software License": "Apache-2.0",
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Historical Permission Notice and Disclaimer (HPND)": "HPND",
}


def requirements(extras: Iterable[str] = ()) -> list[str]:
    """Return the names of all installed packages that the project needs with these extras, its own left out, sorted."""
    found: set[str] = set()
    waiting = [(PROJECT, frozenset(extras))]
    seen = set(waiting)
    while waiting:
        name, wanted = waiting.pop()
        found.add(name)
        for needed in _needed(name, wanted) - seen:
            seen.add(needed)
            waiting.append(needed)
    return sorted(found - {PROJECT})


def _needed(name: str, extras: frozenset[str]) -> set[tuple[str, frozenset[str]]]:
    """Return the installed packages that one asks for directly, and their extras."""
    every = [Requirement(text) for text in distribution(name).requires or ()]
    due = [one for one in every if one.marker is None or any(one.marker.evaluate({"extra": e}) for e in extras | {""})]
    return {(canonicalize_name(one.name), frozenset(one.extras)) for one in due if _is_installed(one.name)}


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def licences(metadata: Metadata) -> set[str]:
    """Return the SPDX names of a package's licences, or what it says instead."""
    if expression := metadata.get("License-Expression"):
        return set(_parts(expression))
    classifiers = [
        text.split(" :: ")[-1] for text in metadata.get_all("Classifier") or [] if text.startswith("License ::")
    ]
    said = [text for text in classifiers if text != "OSI Approved"] or [metadata.get("License") or ""]
    words = [text.strip().split("\n")[0][:60] for text in said]
    return {part for text in words for part in ([WORDS[text]] if text in WORDS else _parts(text))}


def _parts(expression: str) -> Iterator[str]:
    """Yield the names in an SPDX expression; any other text is one name."""
    is_expression = re.fullmatch(r"[\w.()+-]+( (AND|OR|WITH) [\w.()+-]+)*", expression)
    yield from (
        re.split(r" (?:AND|OR|WITH) ", expression.replace("(", "").replace(")", "")) if is_expression else [expression]
    )


def trouble(metadata: Metadata) -> str | None:
    """Return what is wrong with the licence of a package, None if nothing is."""
    name = canonicalize_name(metadata["Name"])
    unknown = licences(metadata) - ALLOWED
    if not unknown or name in EXPLAINED or PROPRIETARY.match(name):
        return None
    return f"{name}: {', '.join(sorted(unknown)) or 'nothing'} is not allowed; read its licence, then see {__file__}"


def extras() -> list[str]:
    """Return the extras that the project declares."""
    return distribution(PROJECT).metadata.get_all("Provides-Extra") or []


def main() -> None:
    """Print the licences and how many packages stand under each; exit with 1 if one is not allowed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extras", nargs="*", default=extras(), help="all without this option")
    packages = {name: distribution(name).metadata for name in requirements(parser.parse_args().extras)}
    explained = [name for name in packages if name in EXPLAINED]
    proprietary = [name for name in packages if PROPRIETARY.match(name)]
    rest = [name for name in packages if name not in (*explained, *proprietary)]
    counts = Counter(" and ".join(sorted(licences(packages[name]))) for name in rest)
    lines = [f"{len(packages)} packages besides qvar", "", "| licence | packages |", "|---|---|"]
    lines += [f"| {licence} | {count} |" for licence, count in counts.most_common()]
    lines += [f"| NVIDIA's, proprietary | {len(proprietary)} |"] if proprietary else []
    lines += [f"| {name}: {EXPLAINED[name]} | 1 |" for name in explained]
    sys.stdout.write("\n".join(lines) + "\n")
    wrong = [text for metadata in packages.values() if (text := trouble(metadata))]
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main()
