"""Work other than searches of which the dashboard shows how far it is: latent spaces, their studies, comparisons."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qvar.dashboard.reading import LARGEST
from qvar.simulators.untrusted import UNREADABLE, parse_json

__all__ = ["WorkRow", "read_work"]

_STALLED_SECONDS = 600.0
_MAX_BYTES = 32 << 20


@dataclass(frozen=True)
class WorkRow:
    """How far some work is.

    Attributes:
        name: the folder, from the one that the dashboard was given.
        kind: what it is, in words.
        done: parts that are done.
        total: parts in all, None if unknown.
        parts: what is counted.
        state: "running", "stalled" (nothing new for ten minutes, or a date in the future), "finished" or "damaged".
        note: what is wrong, or the last number worth showing.
    """

    name: str
    kind: str
    done: int = 0
    total: int | None = None
    parts: str = ""
    state: str = "running"
    note: str = ""


def read_work(path: Path, name: str, *, now: float | None = None) -> WorkRow | None:
    """Return how far the latent space, latent study or comparison in `path` is; None if there is none of them."""
    for file in ("study.json", "config.json"):
        try:
            if (path / file).stat().st_size > _MAX_BYTES:
                return WorkRow(name, "unknown", state="damaged", note=f"{file} is too large to be one of qvar")
            content = parse_json((path / file).read_bytes())
            read = _READERS.get(content["format"])
        except FileNotFoundError:
            continue
        except UNREADABLE:
            return None  # not one of these; a damaged run is shown as a run
        if read is None:
            return None
        try:
            row = read(path, name, content, time.time() if now is None else now)
            if row.total is not None and not 0 <= row.total < LARGEST:
                raise ValueError("a total that is too large")
            return row
        except UNREADABLE as error:
            return WorkRow(name, "unknown", state="damaged", note=f"{file} is damaged: {error!r}")
    return None


def _latent(path: Path, name: str, content: Mapping[str, Any], now: float) -> WorkRow:
    total = int(content["config"]["training"]["epochs"])
    lines = _lines(path / "metrics.jsonl")
    state = "finished" if (path / "features.npz").is_file() else _going(path, now)
    note = ""
    if lines:
        last = parse_json(lines[-1])
        note = f"loss {float(last['loss']):.4g}, held out {float(last['held_out_loss']):.4g}"
    return WorkRow(name, "latent space", len(lines), total, "epochs", state, note)


def _study(path: Path, name: str, content: Mapping[str, Any], now: float) -> WorkRow:
    plan = content["plan"]
    total = len(plan["methods"]) * len(plan["seeds"]) if "seeds" in plan else None
    files = list(path.glob("*/seed*.npz"))
    newest = max((file.stat().st_mtime for file in files), default=(path / "study.json").stat().st_mtime)
    state = "finished" if len(files) == total else _by_age(newest, now)
    return WorkRow(name, "latent study", len(files), total, "searches", state)


def _comparison(path: Path, name: str, content: Mapping[str, Any], now: float) -> WorkRow:
    from qvar.classify.comparison.plan import count_cells  # loads more than searches need

    done = len(_lines(path / "cells.jsonl"))
    total = count_cells(content["config"])
    state = "finished" if done == total else _going(path, now)
    return WorkRow(name, "classifier comparison", done, total, "trainings", state)


_READERS = {"qvar-latent": _latent, "qvar-latent-study": _study, "qvar-comparison": _comparison}


def _lines(file: Path) -> list[bytes]:
    return file.read_bytes().split(b"\n")[:-1] if file.is_file() else []


def _going(path: Path, now: float) -> str:
    return _by_age(max(file.stat().st_mtime for file in path.iterdir()), now)


def _by_age(newest: float, now: float) -> str:
    return "stalled" if abs(now - newest) > _STALLED_SECONDS else "running"  # nothing was written in the future
