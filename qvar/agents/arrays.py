"""Named arrays of several parts in one dictionary, as a checkpoint holds them: under PART.NAME."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

__all__ = ["joined", "part"]


def joined(parts: Mapping[str, Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Return the arrays of all parts; memory is shared."""
    return {f"{prefix}.{name}": array for prefix, named in parts.items() for name, array in named.items()}


def part(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of one part by their own names, {} if it has none."""
    start = f"{prefix}."
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
