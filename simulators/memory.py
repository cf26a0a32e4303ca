"""How much memory a request would take, asked before anything is allocated."""

import os
from collections.abc import Iterator
from pathlib import Path

from qvar.simulators.errors import EngineError, QvarError

__all__ = ["available_bytes", "check_memory", "gib", "most_at_once"]

_WORTH_ASKING = 2**26  # less is always granted; what is free takes 0.1 ms to find out
_ASSUMED = 8 * 2**30  # on systems that do not say
_ADVICE = "use fewer rows at once, fewer qubits or fewer rotations"


def check_memory(n_bytes: int, what: str, *, advice: str = _ADVICE, error: type[QvarError] = EngineError) -> None:
    """Raise unless `what`, so many bytes at its peak, fits into the memory that is free.

    Args:
        n_bytes: what will be allocated beyond what is held now.
        what: the thing, as the subject of "would take".
        advice: what to do instead.
        error: what to raise.
    """
    if n_bytes < _WORTH_ASKING:
        return
    free = available_bytes()
    if n_bytes > free:
        raise error(f"{what} would take {gib(n_bytes)} of memory, and {gib(free)} are free here; {advice}")


def most_at_once(n_bytes: int) -> int:
    """Return how many things of so many bytes each fit into memory beside each other, at least 1."""
    return 2**30 if n_bytes < _WORTH_ASKING else max(1, available_bytes() // n_bytes)


def gib(n_bytes: int) -> str:
    """Return a number of bytes in words, in GiB."""
    number = n_bytes / 2**30
    return f"{number:,.0f} GiB" if number >= 100 else f"{number:.2g} GiB" if number < 1 else f"{number:.1f} GiB"


def available_bytes() -> int:
    """Return the bytes this process may still take: free memory, within the limits of its group and its own."""
    return max(0, min(_limits(), default=_ASSUMED))


def _limits() -> Iterator[int]:
    if sizes := _sizes(Path("/proc/meminfo")):
        yield sizes["MemAvailable"]
    yield from _of_control_groups()
    try:
        import resource
    except ImportError:  # Windows
        return
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    if most != resource.RLIM_INFINITY:
        yield most - _sizes(Path("/proc/self/status")).get("VmSize", 0)
    if not sizes and "SC_PHYS_PAGES" in os.sysconf_names:
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")  # all there is, where nobody says what is free


def _sizes(file: Path) -> dict[str, int]:
    """Return the bytes that a file of lines such as "VmSize:  12 kB" names."""
    try:
        lines = (line.split() for line in file.read_text().splitlines())
    except OSError:
        return {}
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if len(words) == 3 and words[2] == "kB"}


def _of_control_groups() -> Iterator[int]:
    """Give what is left below the limit of every group above this process; containers and schedulers set them."""
    root = Path("/sys/fs/cgroup")
    try:
        entries = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return
    for _, controllers, name in entries:
        if controllers == "":
            base, most, used = root, "memory.max", "memory.current"
        elif "memory" in controllers.split(","):
            base, most, used = root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        group = base / name.lstrip("/")
        for folder in (group, *group.parents):
            if not folder.is_relative_to(base):
                break
            limit, taken = _number(folder / most), _number(folder / used)
            if limit is not None and taken is not None:
                yield limit - taken + _cached(folder / "memory.stat")


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # no such file, or "max"
        return None


def _cached(file: Path) -> int:
    """Return the bytes of files that a group keeps in memory and gives up when asked."""
    try:
        rows = (line.split() for line in file.read_text().splitlines())
        return next((int(row[1]) for row in rows if row[0] in ("inactive_file", "total_inactive_file")), 0)
    except (OSError, ValueError, IndexError):
        return 0
