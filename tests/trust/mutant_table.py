"""The figures of a mutation campaign as Markdown."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["is_alive", "key", "table", "wilson"]

_KILLED = ("killed", "timeout", "import")
_NORMAL_95 = 1.959963984540054


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a proportion.

    Source: E. B. Wilson (1927), J. Am. Stat. Assoc. 22, 209-212.
    """
    if trials == 0:
        return 0.0, 1.0
    z, p = _NORMAL_95, successes / trials
    centre, scale = p + z * z / (2 * trials), 1 + z * z / trials
    half = z * math.sqrt(p * (1 - p) / trials + z * z / (4 * trials**2))
    return (centre - half) / scale, (centre + half) / scale


def table(
    places: Mapping[str, int], results: Sequence[Mapping[str, Any]], explained: Mapping[str, str]
) -> tuple[str, int]:
    """Return tables by package and by module, the survivors nobody has explained, and how many these are."""
    by_package: dict[str, list[Mapping[str, Any]]] = {}
    by_module: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        by_package.setdefault(str(Path(result["module"]).parent), []).append(result)
        by_module.setdefault(result["module"], []).append(result)
    new = [r for r in results if is_alive(r["status"]) and key(r) not in explained]
    rows = [*_head("package"), *(_row(name, places, found, explained) for name, found in by_package.items())]
    rows += [_row("**all**", places, results, explained), "", *_head("module")]
    rows += [_row(name, places, found, explained) for name, found in by_module.items()]
    rows += ["", *(f"NEW {r['module']}:{r['row']} {r['operator']}\n  {r['line']}\n  {r['becomes']}" for r in new)]
    return "\n".join(rows) + "\n", len(new)


def _head(name: str) -> list[str]:
    columns = [name, "places", "tried", "by a test", "by a time limit", "not loaded", "explained", "alive"]
    columns += ["killed, 95 % interval"]
    return ["| " + " | ".join(columns) + " |", "|---|" + "---:|" * (len(columns) - 1)]


def _row(
    name: str, places: Mapping[str, int], results: Sequence[Mapping[str, Any]], explained: Mapping[str, str]
) -> str:
    counts = Counter(r["status"] for r in results)
    alive = [r for r in results if is_alive(r["status"])]
    known = sum(key(r) in explained for r in alive)
    killed = len(results) - len(alive)
    low, high = wilson(killed, len(results))
    n_places = sum(places[module] for module in {r["module"] for r in results})
    share = f"{100 * killed / max(1, len(results)):.0f} % ({100 * low:.0f}-{100 * high:.0f})"
    cells = [n_places, len(results), counts["killed"], counts["timeout"], counts["import"], known, len(alive) - known]
    return f"| {name} | " + " | ".join(map(str, [*cells, share])) + " |"


def is_alive(status: str) -> bool:
    """Tell whether no test noticed a mutant that ended like this."""
    return status not in _KILLED


def key(result: Mapping[str, Any]) -> str:
    """Return what an explanation is found by."""
    return f"{result['module']}\n{result['line']}\n{result['becomes']}"
