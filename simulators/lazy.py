"""Names of a package that load their modules when first used, so that importing the package loads none of them."""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy_names"]


def lazy_names(
    package: str, home: Mapping[str, str], names: Iterable[str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return what a package is to call `__getattr__` and `__dir__`.

    Args:
        package: its full name.
        home: names that wait, and the modules of the package that define them.
        names: all that the package shows.
    """

    def find(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{home[name]}"), name)

    return find, lambda: sorted(names)
