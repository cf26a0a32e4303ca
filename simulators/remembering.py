"""Tables that keep what was made last, so that the same question asked again is answered at once."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

__all__ = ["remembered"]

K = TypeVar("K")
V = TypeVar("V")
_ABSENT: Any = object()


def remembered(table: dict[K, V], key: K, make: Callable[[], V], *, most: int) -> V:
    """Return the entry of `table`, made by `make` if it is not there; the oldest of more than `most` are forgotten."""
    found = table.get(key, _ABSENT)  # keys can be large: they are hashed once
    if found is not _ABSENT:
        return cast("V", found)
    made = make()
    while len(table) >= most:
        table.pop(next(iter(table)), None)
    table[key] = made
    return made
