"""How to install the optional packages of an extra: one sentence for every error that somebody without them meets."""

import re
from importlib.metadata import PackageNotFoundError, requires

__all__ = ["how_to_install"]


def how_to_install(extra: str) -> str:
    """Return the end of an error message: the command that installs what an extra brings.

    It names the packages themselves, and so works alike for an installed qvar, a checkout and a wheel.

    Args:
        extra: a name under [project.optional-dependencies] in pyproject.toml, such as "ibm".

    Example:
        >>> print(how_to_install("chemistry"))
        install what the extra chemistry brings: pip install 'pyscf>=2.7' 'openfermion>=1.8'
    """
    packages = _packages(extra) or [f".[{extra}]"]
    return f"install what the extra {extra} brings: pip install {' '.join(map(repr, packages))}"


def _packages(extra: str) -> list[str]:
    try:
        wanted = requires("qvar-toolkit") or []
    except PackageNotFoundError:  # run from a checkout that was never installed
        return []
    marker = re.compile(rf"""([^;]+?)\s*;\s*extra\s*==\s*["']{re.escape(extra)}["']""")
    return [found[1] for line in wanted if (found := marker.fullmatch(line))]
